//! Whole files, shown in every way.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crapvpn_core::decode::fuzz::decode(data));
