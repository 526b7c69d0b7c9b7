//! Frames taken apart and shown.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crapvpn_core::dissect::fuzz::dissect(data));
