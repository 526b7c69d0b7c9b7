//! Two messages from a carrier.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crapvpn_core::offload::fuzz::merge(data));
