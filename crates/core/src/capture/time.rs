//! When a frame was recorded, and the units in which files say it.

use std::fmt;

const NANOSECONDS: u64 = 1_000_000_000;

/// A moment: whole seconds since 1970-01-01 00:00 UTC, negative before, and what comes on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Seconds, rounded down.
    pub seconds: i64,
    /// Nanoseconds after them, less than 10⁹.
    pub nanoseconds: u32,
}

impl Time {
    /// The moment so many nanoseconds after 1970 began.
    #[must_use]
    pub fn from_nanoseconds(nanoseconds: u64) -> Self {
        Self {
            seconds: (nanoseconds / NANOSECONDS).cast_signed(),
            nanoseconds: low(nanoseconds % NANOSECONDS),
        }
    }

    /// Nanoseconds since 1970 began; nothing for earlier moments and those from the year 2554 on.
    #[must_use]
    pub fn nanoseconds_since_1970(self) -> Option<u64> {
        let seconds = u64::try_from(self.seconds).ok()?;
        seconds.checked_mul(NANOSECONDS)?.checked_add(self.nanoseconds.into())
    }
}

/// Seconds with 9 decimals, as in `1700000000.123456789`; a moment before 1970 has a minus sign
/// and counts backwards.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.seconds < 0 && self.nanoseconds > 0 {
            let seconds = (self.seconds + 1).unsigned_abs();
            return write!(f, "-{seconds}.{:09}", low(NANOSECONDS) - self.nanoseconds);
        }
        write!(f, "{}.{:09}", self.seconds, self.nanoseconds)
    }
}

/// The unit of an interface's timestamps (`if_tsresol`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolution {
    Microseconds,
    Nanoseconds,
    /// 10 to the power of minus this.
    Decimal(u8),
    /// 2 to the power of minus this.
    Binary(u8),
}

impl Resolution {
    /// Reads the value of `if_tsresol`.
    pub(super) fn new(byte: u8) -> Self {
        match byte {
            6 => Self::Microseconds,
            9 => Self::Nanoseconds,
            exponent if exponent < 0x80 => Self::Decimal(exponent),
            exponent => Self::Binary(exponent & 0x7f),
        }
    }

    /// Decimals of a second that such timestamps tell; at most 9, more are cut off.
    pub(super) fn decimals(self) -> u8 {
        match self {
            Self::Microseconds => 6,
            Self::Nanoseconds => 9,
            Self::Decimal(exponent) => exponent.min(9),
            // log₁₀ 2, in thousandths.
            Self::Binary(exponent) => low8((u16::from(exponent) * 301).div_ceil(1000)).min(9),
        }
    }

    /// The moment so many units, and `offset` seconds, after 1970 began.
    pub(super) fn time(self, units: u64, offset: i64) -> Time {
        let (seconds, nanoseconds) = match self {
            Self::Microseconds => (units / 1_000_000, units % 1_000_000 * 1000),
            Self::Nanoseconds => (units / NANOSECONDS, units % NANOSECONDS),
            Self::Decimal(exponent) => decimal(units, exponent),
            Self::Binary(exponent) => {
                let units = u128::from(units);
                let seconds = units >> exponent;
                let rest = units - (seconds << exponent);
                (low64(seconds), low64((rest * u128::from(NANOSECONDS)) >> exponent))
            }
        };
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_add(offset);
        Time { seconds, nanoseconds: low(nanoseconds) }
    }
}

/// Seconds and nanoseconds of so many units of 10⁻ᵉˣᵖᵒⁿᵉⁿᵗ seconds.
fn decimal(units: u64, exponent: u8) -> (u64, u64) {
    let exponent = u32::from(exponent);
    // From 10²⁰ units a second on, 64 bits do not count to one second.
    let second = 10u64.checked_pow(exponent);
    let (seconds, rest) = second.map_or((0, units), |second| (units / second, units % second));
    let nanoseconds = match exponent.checked_sub(9) {
        None => rest * 10u64.saturating_pow(9 - exponent),
        Some(finer) => 10u64.checked_pow(finer).map_or(0, |unit| rest / unit),
    };
    (seconds, nanoseconds)
}

/// Numbers that are known to be small enough.
fn low(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn low64(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn low8(number: u16) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_become_seconds_and_nanoseconds() {
        let cases = [
            (6, 1_700_000_000_123_456, "1700000000.123456000", 6),
            (9, 1_700_000_000_123_456_789, "1700000000.123456789", 9),
            (0, 1_700_000_000, "1700000000.000000000", 0),
            (3, 1_700_000_000_123, "1700000000.123000000", 3),
            (12, 1_700_000_000_123_456_789, "1700000.000123456", 9),
            (19, u64::MAX, "1.844674407", 9),
            (20, u64::MAX, "0.184467440", 9),
            (28, u64::MAX, "0.000000001", 9),
            (127, u64::MAX, "0.000000000", 9),
            (0x80, 17, "17.000000000", 0),
            (0x81, 3, "1.500000000", 1),
            (0x80 + 10, 1536, "1.500000000", 4),
            (0x80 + 32, 0x2_8000_0001, "2.500000000", 9),
            (0x80 + 63, u64::MAX, "1.999999999", 9),
            (0x80 + 64, u64::MAX, "0.999999999", 9),
            (0xff, u64::MAX, "0.000000000", 9),
        ];
        for (byte, units, time, decimals) in cases {
            let resolution = Resolution::new(byte);
            assert_eq!(resolution.time(units, 0).to_string(), time, "{byte}");
            assert_eq!(resolution.decimals(), decimals, "{byte}");
        }
    }

    #[test]
    fn offsets_reach_before_1970_and_never_overflow() {
        let time = |units, offset| Resolution::Microseconds.time(units, offset).to_string();
        assert_eq!(time(500_000, -1), "-0.500000000");
        assert_eq!(time(0, -1), "-1.000000000");
        assert_eq!(time(250_000, -2), "-1.750000000");
        assert_eq!(time(1, 1_700_000_000), "1700000000.000001000");
        assert_eq!(time(0, i64::MIN), format!("{}.000000000", i64::MIN));
        assert_eq!(time(1, i64::MIN), format!("{}.999999000", i64::MIN + 1));
        let most = Resolution::Decimal(0).time(u64::MAX, i64::MAX);
        assert_eq!(most.seconds, i64::MAX);
        assert!(Resolution::Microseconds.time(0, -1) < Resolution::Microseconds.time(0, 0));
    }

    #[test]
    fn nanoseconds_and_back() {
        for nanoseconds in [0, 1, 999_999_999, 1_000_000_000, u64::MAX] {
            let time = Time::from_nanoseconds(nanoseconds);
            assert_eq!(time.nanoseconds_since_1970(), Some(nanoseconds));
        }
        assert_eq!(Time { seconds: -1, nanoseconds: 5 }.nanoseconds_since_1970(), None);
        assert_eq!(Time { seconds: i64::MAX, nanoseconds: 0 }.nanoseconds_since_1970(), None);
    }
}
