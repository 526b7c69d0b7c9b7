//! The numbers of a counter that were there already: a sliding window (RFC 6479).

/// The highest number taken, and which of those just below it were.
#[derive(Debug, Clone)]
pub(super) struct Window {
    /// How many numbers below the highest are still taken, each once.
    size: u64,
    /// Bits of the counter: behind its greatest number comes 0 again.
    bits: u32,
    /// The highest number taken, once there is one.
    highest: Option<u64>,
    /// A bit for each number, at number modulo the count of bits: as a ring.
    taken: Vec<u64>,
}

impl Window {
    /// A window of `size` numbers, of which none was taken, for a counter of `bits` bits.
    pub(super) fn new(size: u32, bits: u32) -> Self {
        // One word more than needed, so that a whole word can be cleared as the ring turns.
        let words = size.div_ceil(u64::BITS) as usize + 1;
        Self {
            size: size.into(),
            bits: bits.clamp(1, u64::BITS),
            highest: None,
            taken: vec![0; words],
        }
    }

    /// How many numbers below the highest are still taken.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The number expected next, if `number` is refused: it was there, or it is older than the
    /// window.
    pub(super) fn refuses(&self, number: u64) -> Option<u64> {
        let highest = self.highest?;
        let refused = match self.unwrapped(number) {
            Some(number) if number > highest => false,
            Some(number) => {
                let (word, bit) = self.place(number);
                let there = self.taken.get(word).is_some_and(|word| word & bit != 0);
                there || highest - number >= self.size
            }
            None => true,
        };
        refused.then(|| highest.wrapping_add(1) & self.greatest())
    }

    /// Takes a number that is not refused.
    pub(super) fn take(&mut self, number: u64) {
        let Some(number) = self.unwrapped(number) else { return };
        let word = |number: u64| number / u64::from(u64::BITS);
        let newest = word(number);
        let before = self.highest.map_or(newest, word);
        // Words that the ring turns over belong to new numbers now.
        for turned in (before.saturating_add(1)..=newest).rev().take(self.taken.len()) {
            let (place, _) = self.place(turned * u64::from(u64::BITS));
            if let Some(word) = self.taken.get_mut(place) {
                *word = 0;
            }
        }
        self.highest = Some(self.highest.map_or(number, |highest| highest.max(number)));
        let (word, bit) = self.place(number);
        if let Some(word) = self.taken.get_mut(word) {
            *word |= bit;
        }
    }

    /// The number as if the counter never began anew: of all that look alike, the one nearest to the
    /// highest (as serial numbers, RFC 1982). Nothing if that is before the first.
    fn unwrapped(&self, number: u64) -> Option<u64> {
        let Some(highest) = self.highest.filter(|_| self.bits < u64::BITS) else {
            return Some(number);
        };
        let ahead = number.wrapping_sub(highest) & self.greatest();
        if ahead <= self.greatest() / 2 {
            highest.checked_add(ahead)
        } else {
            highest.checked_sub(self.greatest() - ahead + 1)
        }
    }

    fn greatest(&self) -> u64 {
        u64::MAX >> (u64::BITS - self.bits)
    }

    fn place(&self, number: u64) -> (usize, u64) {
        let word = number / u64::from(u64::BITS) % self.taken.len() as u64;
        (usize::try_from(word).unwrap_or_default(), 1 << (number % u64::from(u64::BITS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn taken(window: &mut Window, number: u64) -> bool {
        let free = window.refuses(number).is_none();
        if free {
            window.take(number);
        }
        free
    }

    #[test]
    fn each_number_once_and_none_too_old() {
        let mut window = Window::new(64, 64);
        for (number, expected) in [
            (0, true),
            (0, false),
            (5, true),
            (3, true),
            (3, false),
            (68, true),
            (5, false),
            (4, false),
            (6, true),
            (1000, true),
            (936, false),
            (937, true),
            (937, false),
            (u64::MAX, true),
            (u64::MAX, false),
            (u64::MAX - 63, true),
            (u64::MAX - 64, false),
        ] {
            assert_eq!(taken(&mut window, number), expected, "{number}");
        }
    }

    #[test]
    fn a_narrow_counter_begins_anew() {
        let mut window = Window::new(16, 8);
        for number in 0..1000u64 {
            assert!(taken(&mut window, number & 0xff), "{number}");
            assert!(!taken(&mut window, number & 0xff), "{number} again");
        }
        // 999 is 231: 16 below it is too old, and so is what was just taken.
        assert_eq!(window.refuses(231 - 16), Some(232));
        assert_eq!(window.refuses(231 - 3), Some(232));
        assert_eq!(window.refuses(232), None);
    }

    proptest! {
        #[test]
        fn equals_a_set(
            size in 1u32..300,
            start in prop_oneof![0u64..1000, (u64::MAX - 2000)..(u64::MAX - 1500)],
            steps in proptest::collection::vec(0u64..1500, 1..300),
        ) {
            let (mut window, mut seen) = (Window::new(size, 64), HashSet::new());
            let mut highest = None;
            for step in steps {
                let number = start + step;
                let old = highest.is_some_and(|high: u64| high.saturating_sub(number) >= size.into());
                let expected = !old && seen.insert(number);
                prop_assert_eq!(taken(&mut window, number), expected);
                if expected {
                    highest = Some(highest.map_or(number, |high: u64| high.max(number)));
                }
            }
        }
    }
}
