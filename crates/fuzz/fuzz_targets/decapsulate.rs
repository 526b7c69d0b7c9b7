//! Datagrams, taken apart and encoded again.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crapvpn_core::decode::fuzz::decapsulate(data));
