//! The numbers of a counter that were there already: a sliding window (RFC 6479).

/// The highest number taken, and which of those just below it were.
#[derive(Debug, Clone)]
pub(super) struct Window {
    /// How many numbers below the highest are still taken, each once.
    size: u64,
    /// The highest number taken, once there is one.
    highest: Option<u64>,
    /// A bit for each number, at number modulo the count of bits: as a ring.
    taken: Vec<u64>,
}

impl Window {
    /// A window of `size` numbers, of which none was taken.
    pub(super) fn new(size: u32) -> Self {
        // One word more than needed, so that a whole word can be cleared as the ring turns.
        let words = size.div_ceil(u64::BITS) as usize + 1;
        Self { size: size.into(), highest: None, taken: vec![0; words] }
    }

    /// The lowest number that would be taken, if `number` would not: it was there, or it is older
    /// than the window.
    pub(super) fn refuses(&self, number: u64) -> Option<u64> {
        let highest = self.highest?;
        if number > highest {
            return None;
        }
        let old = highest - number >= self.size;
        let (word, bit) = self.place(number);
        let there = self.taken.get(word).is_some_and(|word| word & bit != 0);
        (old || there).then(|| highest.saturating_add(1))
    }

    /// Takes a number that is not refused.
    pub(super) fn take(&mut self, number: u64) {
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
        let mut window = Window::new(64);
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

    proptest! {
        #[test]
        fn equals_a_set(
            size in 1u32..300,
            start in prop_oneof![0u64..1000, (u64::MAX - 2000)..(u64::MAX - 1500)],
            steps in proptest::collection::vec(0u64..1500, 1..300),
        ) {
            let (mut window, mut seen) = (Window::new(size), HashSet::new());
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
