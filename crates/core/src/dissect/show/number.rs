//! Numbers as text, without the machinery of `fmt`: they are most of what is printed.

/// Writes a number in decimal.
pub(super) fn decimal(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    let mut rest = number;
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        first = place;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or_default());
}

/// Writes a number with a sign in decimal.
pub(super) fn signed(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    decimal(out, number.unsigned_abs());
}

/// Writes nanoseconds as seconds with 9 decimals.
pub(super) fn seconds(out: &mut Vec<u8>, nanoseconds: i64) {
    if nanoseconds < 0 {
        out.push(b'-');
    }
    let number = nanoseconds.unsigned_abs();
    decimal(out, number / 1_000_000_000);
    out.push(b'.');
    padded(out, number % 1_000_000_000, 9);
}

/// Writes a number in decimal, with zeros in front up to `digits` digits.
pub(super) fn padded(out: &mut Vec<u8>, number: u64, digits: usize) {
    let start = out.len();
    decimal(out, number);
    let missing = digits.saturating_sub(out.len() - start);
    out.splice(start..start, std::iter::repeat_n(b'0', missing));
}

/// Writes `0x` and so many hexadecimal digits of a number, more if it needs them.
pub(super) fn hex(out: &mut Vec<u8>, number: u64, digits: u8) {
    out.extend_from_slice(b"0x");
    let needed = (64 - number.leading_zeros()).div_ceil(4).max(u32::from(digits)).min(16);
    for place in (0..needed).rev() {
        let [.., low] = (number >> (place * 4)).to_be_bytes();
        out.push(digit(low));
    }
}

/// Bytes that are turned into digits at a time.
const BLOCK_BYTES: usize = 32;

/// Writes bytes in hexadecimal, with `between` between them.
pub(super) fn bytes(out: &mut Vec<u8>, bytes: &[u8], between: Option<u8>) {
    if let Some(between) = between {
        for (place, byte) in bytes.iter().enumerate() {
            if place > 0 {
                out.push(between);
            }
            out.extend_from_slice(&[digit(byte >> 4), digit(*byte)]);
        }
        return;
    }
    for block in bytes.chunks(BLOCK_BYTES) {
        let mut digits = [0; BLOCK_BYTES * 2];
        let (pairs, _) = digits.as_chunks_mut::<2>();
        for (pair, byte) in pairs.iter_mut().zip(block) {
            *pair = [digit(byte >> 4), digit(*byte)];
        }
        out.extend_from_slice(digits.get(..block.len() * 2).unwrap_or_default());
    }
}

/// The hexadecimal digit of the lower 4 bits.
pub(super) fn digit(number: u8) -> u8 {
    match number & 0x0f {
        number @ 0..=9 => b'0' + number,
        number => b'a' - 10 + number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers() {
        for number in [0, 9, 10, 1337, u64::MAX] {
            assert_eq!(shown(|out| decimal(out, number)), number.to_string());
        }
        assert_eq!(shown(|out| signed(out, i64::MIN)), i64::MIN.to_string());
        assert_eq!(shown(|out| hex(out, 0x45, 4)), "0x0045");
        assert_eq!(shown(|out| hex(out, 0x12345, 4)), "0x12345");
        assert_eq!(shown(|out| hex(out, u64::MAX, 2)), "0xffffffffffffffff");
        assert_eq!(shown(|out| seconds(out, -1_000_000_001)), "-1.000000001");
        assert_eq!(shown(|out| bytes(out, &[1, 0xab], Some(b':'))), "01:ab");
        for length in [0, 1, 31, 32, 33, 64, 65] {
            let expected = "01".repeat(length);
            assert_eq!(shown(|out| bytes(out, &vec![1; length], None)), expected);
        }
    }
}
