//! Times of frames as text.

use super::{Shown, write};
use crate::capture::Time;

const NANOSECONDS: i128 = 1_000_000_000;

/// Seconds since the first frame of the capture, with as many decimals as the file tells.
pub(super) fn relative(out: &mut Vec<u8>, shown: &Shown<'_>) {
    let of = |time: Time| i128::from(time.seconds) * NANOSECONDS + i128::from(time.nanoseconds);
    let passed = match (shown.time, shown.first_time) {
        (Some(time), Some(first)) => of(time) - of(first),
        _ => 0,
    };
    if passed < 0 {
        out.push(b'-');
    }
    let passed = passed.unsigned_abs();
    let part = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
    write::decimal(out, part(passed / NANOSECONDS.unsigned_abs()));
    decimals(out, part(passed % NANOSECONDS.unsigned_abs()), shown.decimals);
}

/// Seconds since 1970, with 9 decimals.
pub(super) fn epoch(out: &mut Vec<u8>, time: Time) {
    let (mut seconds, mut nanoseconds) = (time.seconds, time.nanoseconds);
    if seconds < 0 {
        out.push(b'-');
        if nanoseconds > 0 {
            seconds += 1;
            nanoseconds = 1_000_000_000 - nanoseconds;
        }
    }
    write::decimal(out, seconds.unsigned_abs());
    decimals(out, nanoseconds.into(), 9);
}

fn decimals(out: &mut Vec<u8>, nanoseconds: u64, count: u8) {
    let count = u32::from(count.min(9));
    if count > 0 {
        out.push(b'.');
        write::padded(out, nanoseconds / 10u64.pow(9 - count), count);
    }
}
