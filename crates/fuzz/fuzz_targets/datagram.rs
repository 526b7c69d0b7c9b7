//! A datagram of a built-in format.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crapvpn_core::format::fuzz::datagram(data));
