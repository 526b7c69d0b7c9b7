//! TCP segments.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crapvpn_core::capture::fuzz::streams(data));
