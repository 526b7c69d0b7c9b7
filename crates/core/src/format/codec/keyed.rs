//! What a codec enciphers and deciphers with, once it has its keys.

use super::Secrets;
use crate::cipher::aead::Aead;
use crate::cipher::xor::Xor;
use crate::drop::Drop;
use crate::format::envelope::{Envelope, Places, nowhere};
use crate::format::opener::Opener;
use crate::format::shape::{Lengths, Shape};
use crate::format::walk::Walk;
use crate::format::{Format, KeySource, RunProblem};
use std::ops;

/// The time before which no clock is right, in microseconds since 1970: the first of 2026.
const EARLIEST_US: u64 = 1_767_225_600_000_000;

/// A cipher with its keys.
#[derive(Debug, Clone)]
pub(super) enum Keyed {
    Xor(Xor),
    Aead(Box<Both>),
}

/// An AEAD with the keys of both directions.
#[derive(Debug, Clone)]
pub(super) struct Both {
    envelope: Envelope,
    send: Aead,
    receive: Aead,
    /// Opens what the peer sends.
    opener: Opener,
    /// Opens what we send.
    own: Opener,
}

impl Keyed {
    /// Prepares the keys that the format's cipher needs, if it has one.
    pub(super) fn new(
        format: &Format,
        secrets: &Secrets<'_>,
    ) -> Result<Option<Self>, Vec<RunProblem>> {
        let Some(cipher) = &format.cipher else { return Ok(None) };
        if !cipher.algorithm.is_aead() {
            let xor = Xor::new(secrets.key).map_err(|_| vec![RunProblem::no_key(format)])?;
            return Ok(Some(Self::Xor(xor)));
        }
        Both::new(format, cipher.keys, secrets)
            .map(|both| Some(Self::Aead(Box::new(both))))
            .map_err(|problem| vec![problem])
    }

    /// The key of XOR.
    pub(super) fn xor(&self) -> Option<&Xor> {
        match self {
            Self::Xor(xor) => Some(xor),
            Self::Aead(_) => None,
        }
    }

    /// Enciphers the text of a datagram that we send, and writes the tag.
    pub(super) fn seal(
        &self,
        format: &Format,
        shape: &Shape,
        lengths: Lengths,
        text: ops::Range<usize>,
        datagram: &mut [u8],
    ) {
        match self {
            Self::Xor(xor) => xor.apply(datagram.get_mut(text).unwrap_or_default()),
            Self::Aead(both) => {
                let places = both.places(format, shape, lengths, text, datagram);
                let sealed = places.and_then(|places| places.seal(&both.send, datagram));
                // The checks of the description leave no datagram without a place for each part.
                debug_assert!(sealed.is_some());
                if sealed.is_none() {
                    datagram.fill(0);
                }
            }
        }
    }

    /// Deciphers the text of a datagram of the shape that we receive.
    ///
    /// # Errors
    /// `not_authentic`; then the datagram is as it was.
    pub(super) fn open(
        &self,
        format: &Format,
        shape: &Shape,
        lengths: Lengths,
        text: ops::Range<usize>,
        datagram: &mut [u8],
    ) -> Result<(), Drop> {
        match self {
            Self::Xor(xor) => xor.apply(datagram.get_mut(text).unwrap_or_default()),
            Self::Aead(both) => {
                let places = both.places(format, shape, lengths, text, datagram);
                let Some(places) = places else { return Err(nowhere(datagram)) };
                if !places.open(&both.receive, datagram) {
                    return Err(both.envelope.not_authentic(&places, datagram));
                }
            }
        }
        Ok(())
    }

    /// Undoes [`open`](Self::open), so that a walk begins with the datagram as it came.
    pub(super) fn close(
        &self,
        format: &Format,
        shape: &Shape,
        lengths: Lengths,
        text: ops::Range<usize>,
        datagram: &mut [u8],
    ) {
        match self {
            // XOR is its own inverse.
            Self::Xor(xor) => xor.apply(datagram.get_mut(text).unwrap_or_default()),
            Self::Aead(both) => {
                let places = both.places(format, shape, lengths, text, datagram);
                // The tag stands there already.
                places.and_then(|places| places.encipher(&both.receive, datagram));
            }
        }
    }

    /// Deciphers a datagram that was walked over.
    ///
    /// # Errors
    /// `not_authentic`; then the datagram is as it was.
    pub(super) fn open_walked(&self, walk: &Walk<'_>, datagram: &mut [u8]) -> Result<(), Drop> {
        let Some(text) = walk.region() else { return Ok(()) };
        match self {
            Self::Xor(xor) => xor.apply(datagram.get_mut(text).unwrap_or_default()),
            Self::Aead(both) => {
                both.opener.open(walk, datagram, text)?;
            }
        }
        Ok(())
    }

    /// Whether a datagram was sealed with the key under which we send.
    pub(super) fn is_own(&self, format: &Format, datagram: &mut [u8]) -> bool {
        match self {
            Self::Xor(_) => false,
            Self::Aead(both) => {
                let walk = Walk::outer(format, datagram);
                let own = |text| both.own.open(&walk, datagram, text);
                walk.region().map(own) == Some(Ok(true))
            }
        }
    }
}

impl Both {
    fn new(format: &Format, source: KeySource, secrets: &Secrets<'_>) -> Result<Self, RunProblem> {
        let (send, receive) = match source {
            KeySource::Given => {
                if secrets.key.is_empty() || secrets.receive_key.is_empty() {
                    return Err(RunProblem::no_receive_key(format));
                }
                if secrets.key == secrets.receive_key {
                    return Err(RunProblem::same_key());
                }
                (format.aead(secrets.key)?, format.aead(secrets.receive_key)?)
            }
            KeySource::Derived => {
                let here = secrets.end.ok_or_else(|| RunProblem::no_end(format))?;
                let key = |sender| format.derived_key(secrets.key, sender);
                (format.aead(&key(here)?)?, format.aead(&key(here.other())?)?)
            }
        };
        if secrets.now_us < EARLIEST_US {
            return Err(RunProblem::wrong_clock());
        }
        // Settings without a value are refused before.
        let envelope = Envelope::new(format).ok_or_else(|| RunProblem::no_key(format))?;
        Ok(Self {
            opener: Opener::Aead(envelope.clone(), vec![receive.clone()]),
            own: Opener::Aead(envelope.clone(), vec![send.clone()]),
            envelope,
            send,
            receive,
        })
    }

    /// Where the parts of a datagram of a shape lie.
    fn places(
        &self,
        format: &Format,
        shape: &Shape,
        lengths: Lengths,
        text: ops::Range<usize>,
        datagram: &[u8],
    ) -> Option<Places> {
        let find = |place| {
            let bits = shape.spot(place)?.in_datagram(lengths.tail_start());
            Some(bits.first / 8..(bits.first + bits.count) / 8)
        };
        let ad = |range| {
            let (start, end) = shape.edges(format, range);
            start.offset(lengths)..end.offset(lengths)
        };
        self.envelope.places(datagram, text, find, ad)
    }
}
