//! The text of a description.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crapvpn_core::format::fuzz::description(data));
