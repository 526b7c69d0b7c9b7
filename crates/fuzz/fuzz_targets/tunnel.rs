//! Frames in which every built-in format is looked for.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crapvpn_core::decode::fuzz::tunnel(data));
