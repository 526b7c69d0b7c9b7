//! A key as it was given: never printed, and wiped when it is no longer needed.

use std::fmt;
use std::ops::Deref;
use zeroize::Zeroizing;

/// The bytes of a key. They are overwritten with zeros when it is dropped.
#[derive(Clone, Default)]
pub struct Key(Zeroizing<Vec<u8>>);

impl From<Vec<u8>> for Key {
    /// Takes the bytes over: no copy of them is left.
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_never_printed() {
        let key = Key::from(vec![0xab; 32]);
        assert_eq!(format!("{key:?}"), "Key(hidden)");
        assert_eq!(*key, [0xab; 32]);
    }
}
