//! One read from a device.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crapvpn_core::offload::fuzz::split(data));
