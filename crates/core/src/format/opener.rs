//! What deciphers datagrams that were captured: the one place where a decoder meets a cipher.

use super::walk::Walk;
use super::{Algorithm, Format};
use crate::cipher::xor::Xor;
use crate::drop::Drop;
use std::ops::Range;

/// A key ready for the datagrams of a format.
#[derive(Debug, Clone)]
pub(super) enum Opener {
    /// The format has no cipher.
    Plain,
    /// There is a cipher, but no key, or none that this program can use yet.
    Closed,
    /// XOR with a repeating key.
    Xor(Xor),
}

impl Opener {
    /// Makes a key ready; an empty one opens nothing.
    pub(super) fn new(format: &Format, key: &[u8]) -> Self {
        match format.cipher.as_ref().map(|cipher| cipher.algorithm) {
            None => Self::Plain,
            Some(Algorithm::Xor) => Xor::new(key).map_or(Self::Closed, Self::Xor),
            Some(Algorithm::Aes128Gcm | Algorithm::Aes256Gcm | Algorithm::ChaCha20Poly1305) => {
                Self::Closed
            }
        }
    }

    /// Deciphers the bytes at `region` in place. The walk over the outer fields tells where nonce,
    /// associated data and tag lie. Returns whether they are open now.
    ///
    /// # Errors
    /// `not_authentic` if a tag does not fit.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "a cipher with a tag refuses what is not authentic"
    )]
    pub(super) fn open(
        &self,
        _walk: &Walk<'_>,
        datagram: &mut [u8],
        region: Range<usize>,
    ) -> Result<bool, Drop> {
        match self {
            Self::Plain | Self::Closed => Ok(false),
            Self::Xor(xor) => {
                xor.apply(datagram.get_mut(region).unwrap_or_default());
                Ok(true)
            }
        }
    }

    /// Enciphers bytes that [`open`](Self::open) opened, as their sender did.
    pub(super) fn close(&self, datagram: &mut [u8], region: Range<usize>) {
        match self {
            Self::Plain | Self::Closed => {}
            Self::Xor(xor) => xor.apply(datagram.get_mut(region).unwrap_or_default()),
        }
    }
}
