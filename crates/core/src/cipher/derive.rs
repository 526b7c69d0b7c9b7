//! The keys of both directions, made of one (HKDF-SHA256, RFC 5869).
//!
//! Two ends that share one key must not encipher with it both: they might use a nonce twice. So each
//! direction has a key of its own. The ends are called a and b; which is which they have to know
//! before the first datagram.
//!
//! The input keying material is the key, there is no salt, and the info is the ASCII text
//! `crapvpn FORMAT CIPHER X to Y`, with the names of the format and of the cipher, and `a to b` or
//! `b to a`: so another format or cipher has other keys.

use super::key::Key;
use hkdf::Hkdf;
use sha2::Sha256;

/// Bytes of the key that all others are made of.
pub const SHARED_KEY_BYTES: usize = 32;

/// Which end of the tunnel: the one or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The one.
    A,
    /// The other.
    B,
}

impl End {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// The key, of `bytes`, under which `sender` enciphers.
#[must_use]
pub fn sending_key(shared: &[u8], format: &str, cipher: &str, sender: End, bytes: usize) -> Key {
    let info = format!("crapvpn {format} {cipher} {} to {}", sender.name(), sender.other().name());
    let mut key = vec![0; bytes];
    // It fails only where more than 255 × 32 bytes are asked for (RFC 5869, section 2.3).
    let made = Hkdf::<Sha256>::new(None, shared).expand(info.as_bytes(), &mut key);
    debug_assert!(made.is_ok());
    key.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    }

    /// RFC 5869, A.3: no salt and no info.
    #[test]
    fn hkdf_is_that_of_the_rfc() {
        let mut key = [0; 42];
        Hkdf::<Sha256>::new(None, &[0x0b; 22]).expand(&[], &mut key).unwrap();
        let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d\
                        9d201395faa4b61a96c8";
        assert_eq!(key.to_vec(), hex(expected));
    }

    #[test]
    fn every_word_counts() {
        let key = |format: &str, cipher: &str, end| sending_key(&[7; 32], format, cipher, end, 32);
        let one = key("x", "y", End::A);
        assert_eq!(one.len(), 32);
        assert_eq!(*one, *key("x", "y", End::A));
        for other in [key("x", "y", End::B), key("z", "y", End::A), key("x", "z", End::A)] {
            assert_ne!(*one, *other);
        }
        assert_ne!(*one, *sending_key(&[8; 32], "x", "y", End::A, 32));
        assert_eq!(sending_key(&[7; 32], "x", "y", End::A, 16)[..], one[..16]);
    }
}
