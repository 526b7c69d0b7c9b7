//! What deciphers datagrams that were walked over, for a tunnel as for who only looks at them: the one
//! place where a walk meets a cipher.

use super::envelope::{Envelope, Places, nowhere};
use super::problem::RunProblem;
use super::walk::Walk;
use super::{Format, KeySource};
use crate::cipher::aead::Aead;
use crate::cipher::derive::End;
use crate::cipher::xor::Xor;
use crate::drop::Drop;
use std::ops::Range;

/// Keys ready for the datagrams of a format.
#[derive(Debug, Clone)]
pub(super) enum Opener {
    /// The format has no cipher.
    Plain,
    /// There is a cipher, but no key that fits it, or a setting in its nonce has no value.
    Closed,
    /// XOR with a repeating key.
    Xor(Xor),
    /// An AEAD, with every key that may open a datagram.
    Aead(Envelope, Vec<Aead>),
}

impl Opener {
    /// Makes a key ready; an empty one opens nothing. An AEAD may have several, one behind the other,
    /// such as one for each direction: a datagram opens by whichever it was sealed with. Where keys
    /// are [derived](KeySource::Derived), those of both directions are made of each.
    pub(super) fn new(format: &Format, key: &[u8]) -> Self {
        let Some(cipher) = &format.cipher else { return Self::Plain };
        let Some(bytes) = cipher.key_bytes() else {
            return Xor::new(key).map_or(Self::Closed, Self::Xor);
        };
        let keys = key.chunks_exact(bytes);
        if key.is_empty() || !keys.remainder().is_empty() {
            return Self::Closed;
        }
        let derived = |key| End::BOTH.map(|end| format.aead(&format.derived_key(key, end)?));
        let aeads: Result<Vec<Aead>, RunProblem> = match cipher.keys {
            KeySource::Given => keys.map(|key| format.aead(key)).collect(),
            KeySource::Derived => keys.flat_map(derived).collect(),
        };
        match (Envelope::new(format), aeads) {
            (Some(envelope), Ok(aeads)) => Self::Aead(envelope, aeads),
            _ => Self::Closed,
        }
    }

    /// Deciphers the bytes at `region` in place. The walk over the outer fields, which came to its
    /// end, tells where nonce, associated data and tag lie. Returns whether they are open now.
    ///
    /// # Errors
    /// `not_authentic` if no key opens it; then the datagram is as it was.
    pub(super) fn open(
        &self,
        walk: &Walk<'_>,
        datagram: &mut [u8],
        region: Range<usize>,
    ) -> Result<bool, Drop> {
        match self {
            Self::Plain | Self::Closed => Ok(false),
            Self::Xor(xor) => {
                xor.apply(datagram.get_mut(region).unwrap_or_default());
                Ok(true)
            }
            // Where the walk ended early, what is wrong is known, and where the tag lies is not.
            Self::Aead(..) if walk.is_stopped() => Ok(false),
            Self::Aead(envelope, aeads) => {
                let Some(places) = places(envelope, walk, datagram, region) else {
                    return Err(nowhere(datagram));
                };
                if aeads.iter().any(|aead| places.open(aead, datagram)) {
                    Ok(true)
                } else {
                    Err(envelope.not_authentic(&places, datagram))
                }
            }
        }
    }

    /// Enciphers bytes again that [`open`](Self::open) has opened, as the sender of `captured` did:
    /// that is the datagram as it came.
    pub(super) fn close(
        &self,
        walk: &Walk<'_>,
        datagram: &mut [u8],
        region: Range<usize>,
        captured: &[u8],
    ) {
        match self {
            Self::Plain | Self::Closed => {}
            Self::Xor(xor) => xor.apply(datagram.get_mut(region).unwrap_or_default()),
            Self::Aead(envelope, aeads) => {
                let mut captured = captured.to_vec();
                let came = places(envelope, walk, &captured, region.clone());
                let opens = |aead: &&Aead| {
                    came.as_ref().is_some_and(|places| places.open(aead, &mut captured))
                };
                let aead = aeads.iter().find(opens);
                // Fields of the nonce may differ from those that came.
                if let (Some(aead), Some(places)) = (aead, places(envelope, walk, datagram, region))
                {
                    places.seal(aead, datagram);
                }
            }
        }
    }
}

fn places(
    envelope: &Envelope,
    walk: &Walk<'_>,
    datagram: &[u8],
    text: Range<usize>,
) -> Option<Places> {
    let find = |place| walk.bits(place).map(|bits| bits.start / 8..bits.end / 8);
    envelope.places(datagram, text, find, |range| walk.range(range))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Codec, PacketKind, Secrets};
    use crate::packet::Inside;

    /// What one end seals, an opener with the keys of both opens, and closes to the very same.
    #[test]
    fn what_was_opened_closes_to_what_came() {
        let esp: &[(&str, &str)] = &[("spi", "7"), ("salt", "0x01020304")];
        let ours = ("crapvpn-aead", &[][..], vec![3; 32], vec![]);
        for (name, set, key, receive_key) in [
            ("crapvpn", &[][..], vec![1, 2], vec![]),
            ours,
            ("esp-udp", esp, vec![1; 16], vec![2; 16]),
        ] {
            let format = Format::built_in(name).unwrap().with(set, &[]).unwrap();
            let secrets = Secrets {
                key: &key,
                receive_key: &receive_key,
                end: Some(End::B),
                now_us: 1_790_000_000_000_000,
                ..Secrets::default()
            };
            let mut codec = Codec::compile(&format, PacketKind::Ip, secrets).unwrap();
            let head = codec.head_bytes();
            let mut buffer = vec![0; head + 20 + codec.overhead()];
            buffer[head..head + 4].copy_from_slice(&[0x45, 0, 0, 20]);
            let sealed = codec.seal(&mut buffer, head..head + 20, Inside::Ipv4).unwrap();
            let captured = buffer[sealed].to_vec();

            let walk = Walk::outer(&format, &captured);
            let region = walk.region().unwrap();
            // The key that opens is not the first.
            let opener = Opener::new(&format, &[&receive_key[..], &key].concat());
            let mut open = captured.clone();
            assert_eq!(opener.open(&walk, &mut open, region.clone()), Ok(true), "{name}");
            assert_ne!(open, captured);
            opener.close(&walk, &mut open, region, &captured);
            assert_eq!(open, captured, "{name}");
        }
    }

    #[test]
    fn keys_that_do_not_fit_open_nothing() {
        let format = Format::built_in("crapvpn-aead").unwrap();
        for bytes in [0, 1, 31, 33, 48] {
            assert!(matches!(Opener::new(&format, &vec![1; bytes]), Opener::Closed), "{bytes}");
        }
        assert!(matches!(Opener::new(&format, &[1; 64]), Opener::Aead(_, keys) if keys.len() == 4));
        // Its salt is not known.
        let esp = Format::built_in("esp-udp").unwrap();
        assert!(matches!(Opener::new(&esp, &[1; 16]), Opener::Closed));
        let plain = Format::built_in("bare-ip").unwrap();
        assert!(matches!(Opener::new(&plain, &[1; 16]), Opener::Plain));
    }
}
