//! The wrong-key meter: how far deciphered packets get up the ladder, and what that tells of the key.

use super::ladder::{Check, Ladder, RUNGS};

/// Sums over the datagrams that were deciphered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Meter {
    /// How many there were.
    pub datagrams: u64,
    /// Of these, whole packets.
    pub valid: u64,
    /// Of these, packets in which nothing could be checked.
    pub unchecked: u64,
    /// How many passed each check, and how many had it to pass; in the order of [`RUNGS`].
    pub rungs: [Rung; 4],
}

/// One check over all datagrams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rung {
    /// It fitted.
    pub passed: u64,
    /// It was there to be checked.
    pub there: u64,
}

impl Meter {
    /// Counts a datagram.
    pub fn count(&mut self, ladder: &Ladder) {
        self.datagrams += 1;
        self.valid += u64::from(ladder.is_valid());
        self.unchecked += u64::from(ladder.checks == [Check::Absent; 4]);
        for (rung, check) in self.rungs.iter_mut().zip(ladder.checks) {
            rung.there += u64::from(check != Check::Absent);
            rung.passed += u64::from(check == Check::Passed);
        }
    }

    /// Whether so few are whole packets that the key, or the format, is probably wrong.
    #[must_use]
    pub fn is_low(&self) -> bool {
        let checked = self.datagrams - self.unchecked;
        checked > 0 && self.valid * 2 < checked
    }

    /// If it is low: how far the packets got, and what that says.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        if !self.is_low() {
            return None;
        }
        let [version, length, header, payload] = self.rungs;
        let checked = self.datagrams - self.unchecked;
        let of = |rung: Rung| format!("in {} of {}", count(rung.passed), rung.there);
        // A check that passed in every other packet did not do so by chance.
        let fits = |rung: Rung| rung.passed * 2 >= rung.there && rung.there > 0;
        let sums =
            Rung { passed: header.passed + payload.passed, there: header.there + payload.there };
        Some(if !fits(version) && version.there > 0 {
            format!(
                "the version fits {}: the key is probably wrong from its first byte on",
                of(version)
            )
        } else if !fits(length) && length.there > 0 {
            format!(
                "the version fits {}, the length {}: the key probably begins right and is wrong \
                 within its first 6 bytes, or shorter than it should be",
                of(version),
                of(length)
            )
        } else if sums.passed == 0 && sums.there > 0 {
            format!("length fits {}, no checksum does: the key is probably longer", of(length))
        } else if header.there > 0 && !fits(header) {
            format!(
                "length fits {}, the header's checksum {}: a byte of the key behind the fourth is \
                 probably wrong",
                of(length),
                of(header)
            )
        } else if payload.there > 0 && !fits(payload) {
            format!(
                "the header fits {}, the payload's checksum {}: a byte of the key behind the \
                 twentieth is probably wrong, or the key is longer",
                of(if header.there > 0 { header } else { length }),
                of(payload)
            )
        } else {
            format!("only {} of {checked} are whole packets", self.valid)
        })
    }

    /// The name of each check with its sums.
    pub fn rungs(&self) -> impl Iterator<Item = (&'static str, Rung)> {
        RUNGS.into_iter().zip(self.rungs)
    }
}

fn count(number: u64) -> String {
    if number == 0 { "none".into() } else { number.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Malformed;

    /// A ladder of letters: passed, failed, absent.
    fn ladder(letters: &str) -> Ladder {
        let failed = Malformed { field: "ip.len", offset: 2, expected: 1, found: 2 };
        let check = |letter| match letter {
            'p' => Check::Passed,
            'f' => Check::Failed(failed),
            _ => Check::Absent,
        };
        let checks: Vec<Check> = letters.chars().map(check).collect();
        Ladder { checks: checks.try_into().unwrap(), unfinished: false }
    }

    fn meter(counts: &[(u64, &str)]) -> Meter {
        let mut meter = Meter::default();
        for (times, letters) in counts {
            (0..*times).for_each(|_| meter.count(&ladder(letters)));
        }
        meter
    }

    #[test]
    fn the_right_key_is_said_nothing_about() {
        let meter = meter(&[(20, "pppp"), (5, "pp-p"), (3, "ppp-"), (2, "----"), (1, "f---")]);
        assert_eq!((meter.datagrams, meter.valid, meter.unchecked), (31, 28, 2));
        assert_eq!(meter.rungs[0], Rung { passed: 28, there: 29 });
        assert_eq!(meter.rungs[2], Rung { passed: 23, there: 23 });
        assert_eq!(meter.sentence(), None);
        assert_eq!(Meter::default().sentence(), None);
    }

    #[test]
    fn the_sentence_says_how_far_it_got() {
        let said = |counts| meter(counts).sentence().unwrap();
        assert_eq!(
            said(&[(37, "ppf-"), (2, "pff-")]),
            "length fits in 37 of 39, no checksum does: the key is probably longer"
        );
        assert_eq!(
            said(&[(36, "f---"), (3, "pff-")]),
            "the version fits in 3 of 39: the key is probably wrong from its first byte on"
        );
        assert!(said(&[(4, "f---")]).starts_with("the version fits in none of 4: "));
        assert!(said(&[(9, "pff-")]).starts_with("the version fits in 9 of 9, the length in none"));
        assert!(said(&[(9, "pppf"), (1, "pppp")]).contains("payload's checksum in 1 of 10"));
        assert!(said(&[(9, "ppf-"), (1, "pppp")]).contains("the header's checksum in 1 of 10"));
    }
}
