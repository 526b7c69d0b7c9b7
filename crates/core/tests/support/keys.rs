//! Keys for the cipher of any format.

use crapvpn_core::format::{End, Format, KeySource};
use crapvpn_core::tunnel::Config;

const KEY: [u8; 5] = [0x13, 0x37, 0xc0, 0xff, 0xee];
/// A time in 2026, in microseconds.
pub(crate) const NOW_US: u64 = 1_790_000_000_000_000;

fn keys(format: &Format) -> (Vec<u8>, Vec<u8>, KeySource) {
    let Some(cipher) = &format.cipher else { return (Vec::new(), Vec::new(), KeySource::Given) };
    match (cipher.algorithm.key_bytes(), cipher.keys) {
        (None, source) => (KEY.to_vec(), Vec::new(), source),
        (Some(bytes), KeySource::Given) => (vec![1; bytes], vec![2; bytes], KeySource::Given),
        (Some(_), KeySource::Derived) => (vec![3; 32], Vec::new(), KeySource::Derived),
    }
}

/// What one end of a tunnel is given.
pub(crate) fn config(format: &Format, end: End) -> Config {
    let (mut one, mut other, source) = keys(format);
    if end == End::B && source == KeySource::Given && !other.is_empty() {
        std::mem::swap(&mut one, &mut other);
    }
    Config {
        key: one.into(),
        receive_key: other.into(),
        end: Some(end),
        now_us: NOW_US,
        seed: [7; 32],
        ..Config::default()
    }
}

/// The keys of both ends, one behind the other, for who only looks.
pub(crate) fn all_keys(format: &Format) -> Vec<u8> {
    let (one, other, _) = keys(format);
    [one, other].concat()
}
