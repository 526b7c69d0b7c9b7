//! How an AEAD is applied to the datagrams of a format: where nonce, associated data and tag lie, and
//! where keys come from.

use super::problem::RunProblem;
use super::{Format, Kind, Literal, NoncePart, Range, Role, SettingKind};
use crate::cipher::aead::{Aead, NONCE_BYTES, Nonce, Tag};
use crate::cipher::derive::{End, SHARED_KEY_BYTES, sending_key};
use crate::cipher::key::Key;
use crate::drop::{self, Drop, Layer, Reason, Value};
use std::ops;

/// What an AEAD needs beside its key and the text, for the datagrams of one format.
#[derive(Debug, Clone)]
pub(super) struct Envelope {
    /// The parts of the nonce that never change, zeros elsewhere.
    nonce: Nonce,
    /// The fields in it.
    parts: Vec<Part>,
    /// The fields that are authenticated only.
    ad: Option<Range>,
    /// The tag's place in the list.
    tag: usize,
}

/// A field in a nonce.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// Where its first byte stands in the nonce.
    at: usize,
    field: usize,
    /// Its bytes are turned round.
    turned: bool,
}

/// Where the parts of one datagram lie.
#[derive(Debug, Clone)]
pub(super) struct Places {
    pub(super) nonce: Nonce,
    pub(super) ad: ops::Range<usize>,
    pub(super) text: ops::Range<usize>,
    pub(super) tag: ops::Range<usize>,
}

impl Envelope {
    /// That of a format with an AEAD, whose settings all have values.
    pub(super) fn new(format: &Format) -> Option<Self> {
        let cipher = format.cipher.as_ref().filter(|cipher| cipher.algorithm.is_aead())?;
        let mut envelope = Self {
            nonce: [0; NONCE_BYTES],
            parts: Vec::new(),
            ad: cipher.ad,
            tag: format.fields.iter().position(|field| field.role == Role::Tag)?,
        };
        let mut at = 0;
        for part in &cipher.nonce {
            let bytes = match part {
                NoncePart::Bytes(bytes) => bytes.clone(),
                NoncePart::Setting(place) => format.setting_bytes(*place)?,
                NoncePart::Field { field, order } => {
                    let described = format.fields.get(*field)?;
                    let turned = match (&described.kind, order) {
                        (Kind::Uint { endian, .. }, Some(order)) => endian != order,
                        _ => false,
                    };
                    envelope.parts.push(Part { at, field: *field, turned });
                    vec![0; format.fixed_bits(described)? / 8]
                }
            };
            envelope.nonce.get_mut(at..at + bytes.len())?.copy_from_slice(&bytes);
            at += bytes.len();
        }
        Some(envelope)
    }

    /// Where the parts of a datagram lie of which `find` tells where its fields lie, and `ad` where the range
    /// of the associated data does.
    pub(super) fn places(
        &self,
        datagram: &[u8],
        text: ops::Range<usize>,
        find: impl Fn(usize) -> Option<ops::Range<usize>>,
        ad: impl Fn(Range) -> ops::Range<usize>,
    ) -> Option<Places> {
        let mut nonce = self.nonce;
        for part in &self.parts {
            let bytes = datagram.get(find(part.field)?)?;
            let to = nonce.get_mut(part.at..part.at + bytes.len())?;
            to.copy_from_slice(bytes);
            if part.turned {
                to.reverse();
            }
        }
        Some(Places { nonce, ad: self.ad.map_or(0..0, ad), text, tag: find(self.tag)? })
    }

    /// The drop for a datagram that does not open.
    pub(super) fn not_authentic(&self, places: &Places, datagram: &[u8]) -> Drop {
        Drop {
            reason: Reason::NotAuthentic,
            layer: Layer::Header,
            field: drop::Field::Format(self.tag),
            offset: places.tag.start,
            expected: Value::Nothing,
            found: Value::bytes(datagram.get(places.tag.clone()).unwrap_or_default()),
        }
    }
}

impl Places {
    /// Enciphers the text in place and writes the tag. Nothing if something lies outside, which the
    /// checks of the description leave no datagram for.
    pub(super) fn seal(&self, aead: &Aead, datagram: &mut [u8]) -> Option<()> {
        let tag = self.encipher(aead, datagram)?;
        datagram.get_mut(self.tag.clone())?.copy_from_slice(&tag);
        Some(())
    }

    /// Enciphers the text in place and gives the tag.
    pub(super) fn encipher(&self, aead: &Aead, datagram: &mut [u8]) -> Option<Tag> {
        let (ad, text) = self.split(datagram)?;
        aead.seal(&self.nonce, ad, text)
    }

    /// Deciphers the text in place if the tag holds, and says whether it does.
    pub(super) fn open(&self, aead: &Aead, datagram: &mut [u8]) -> bool {
        let tag = datagram.get(self.tag.clone()).and_then(|tag| Tag::try_from(tag).ok());
        let (Some(tag), Some((ad, text))) = (tag, self.split(datagram)) else { return false };
        aead.open(&self.nonce, ad, text, &tag)
    }

    /// The associated data and the text, of which neither lies in the other.
    fn split<'d>(&self, datagram: &'d mut [u8]) -> Option<(&'d [u8], &'d mut [u8])> {
        let Self { ad, text, .. } = self;
        if ad.end <= text.start {
            let (before, rest) = datagram.split_at_mut_checked(text.start)?;
            Some((before.get(ad.clone())?, rest.get_mut(..text.len())?))
        } else {
            let (rest, behind) = datagram.split_at_mut_checked(text.end)?;
            let ad = ad.start.checked_sub(text.end)?..ad.end.checked_sub(text.end)?;
            Some((behind.get(ad)?, rest.get_mut(text.clone())?))
        }
    }
}

/// The drop for a datagram in which nonce or tag has no place. The checks of the description leave
/// none: both are there whenever the text is.
pub(super) fn nowhere(datagram: &[u8]) -> Drop {
    Drop::whole(Reason::NotAuthentic, Layer::Header, 0, datagram.len())
}

impl Format {
    /// An AEAD of this format with one of its keys.
    pub(super) fn aead(&self, key: &[u8]) -> Result<Aead, RunProblem> {
        let cipher = self.cipher.as_ref().ok_or_else(|| RunProblem::no_key(self))?;
        if key.is_empty() {
            return Err(RunProblem::no_key(self));
        }
        Aead::new(cipher.algorithm, key)
            .map_err(|_| RunProblem::wrong_key(cipher.algorithm, key.len()))
    }

    /// The key under which one end enciphers, made of the one that both share.
    pub(super) fn derived_key(&self, shared: &[u8], sender: End) -> Result<Key, RunProblem> {
        let cipher = self.cipher.as_ref().map(|cipher| cipher.algorithm);
        let (Some(algorithm), false) = (cipher, shared.is_empty()) else {
            return Err(RunProblem::no_key(self));
        };
        if shared.len() != SHARED_KEY_BYTES {
            return Err(RunProblem::wrong_shared_key(self, shared.len()));
        }
        let bytes = algorithm.key_bytes().unwrap_or_default();
        Ok(sending_key(shared, &self.name, algorithm.name(), sender, bytes))
    }

    /// The bytes of a setting, if it has a value: integers in network order.
    fn setting_bytes(&self, place: usize) -> Option<Vec<u8>> {
        let setting = self.settings.get(place)?;
        match (setting.value.as_ref()?, setting.kind) {
            (Literal::Bytes(bytes), _) => Some(bytes.clone()),
            (Literal::Number(number), SettingKind::Uint { bits }) => {
                let bytes = number.to_be_bytes();
                let first = bytes.len().checked_sub(usize::from(bits / 8))?;
                bytes.get(first..).map(<[u8]>::to_vec)
            }
            (Literal::Number(_), SettingKind::Bytes { .. }) => None,
        }
    }
}
