//! Ciphers: what makes a packet unreadable on its way, and proves that nobody changed it.

pub mod aead;
mod chacha20_poly1305;
pub mod derive;
pub mod key;
mod lanes;
pub mod xor;

/// A cipher, by its IANA name but for XOR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// XOR with a repeating key, anew from the first enciphered byte.
    Xor,
    /// AES-128 in Galois/Counter Mode (RFC 5116, section 5.1).
    Aes128Gcm,
    /// AES-256 in Galois/Counter Mode (RFC 5116, section 5.2).
    Aes256Gcm,
    /// `ChaCha20` and Poly1305 (RFC 8439, section 2.8).
    ChaCha20Poly1305,
}

impl Algorithm {
    /// Every cipher.
    pub const ALL: [Self; 4] =
        [Self::Xor, Self::Aes128Gcm, Self::Aes256Gcm, Self::ChaCha20Poly1305];

    /// The word for it in descriptions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Xor => "xor",
            Self::Aes128Gcm => "AEAD_AES_128_GCM",
            Self::Aes256Gcm => "AEAD_AES_256_GCM",
            Self::ChaCha20Poly1305 => "AEAD_CHACHA20_POLY1305",
        }
    }

    /// Whether it proves that nothing was changed.
    #[must_use]
    pub fn is_aead(self) -> bool {
        self != Self::Xor
    }

    /// Bytes of a key; nothing if it may have any number of them from 1.
    #[must_use]
    pub const fn key_bytes(self) -> Option<usize> {
        match self {
            Self::Xor => None,
            Self::Aes128Gcm => Some(16),
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => Some(32),
        }
    }
}
