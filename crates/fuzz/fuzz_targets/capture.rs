//! A capture that comes in pieces.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crapvpn_core::capture::fuzz::capture(data));
