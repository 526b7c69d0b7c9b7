//! Small things written into a buffer of bytes: numbers, hex, text that steers no terminal.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A number in decimal.
#[inline]
pub(super) fn decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + low(number % 10);
        number /= 10;
        first = place;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or_default());
}

/// A number in decimal, zeros before it to make so many digits.
pub(super) fn padded(out: &mut Vec<u8>, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        out.push(b'0' + low(number / 10u64.pow(place) % 10));
    }
}

/// A number in hexadecimal, with at least so many digits.
pub(super) fn hex_number(out: &mut Vec<u8>, number: u64, digits: u8) {
    let needed = (64 - number.leading_zeros()).div_ceil(4);
    for place in (0..u32::from(digits).max(needed).max(1)).rev() {
        out.push(digit(low(number >> (place * 4) & 15)));
    }
}

/// Bytes in hexadecimal.
pub(super) fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.extend([digit(byte >> 4), digit(byte & 15)]);
    }
}

/// Bytes in hexadecimal with a colon between two.
pub(super) fn colons(out: &mut Vec<u8>, bytes: &[u8]) {
    for (place, byte) in bytes.iter().enumerate() {
        if place > 0 {
            out.push(b':');
        }
        out.extend([digit(byte >> 4), digit(byte & 15)]);
    }
}

/// Text, its control characters escaped, and those that turn the direction of writing; bytes that
/// are no UTF-8 too.
pub(super) fn harmless(out: &mut Vec<u8>, text: &[u8]) {
    if text.iter().all(|byte| (b' '..=b'~').contains(byte)) {
        return out.extend_from_slice(text);
    }
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            if steers(character) {
                let short = match character {
                    '\n' => Some(b"\\n"),
                    '\r' => Some(b"\\r"),
                    '\t' => Some(b"\\t"),
                    _ => None,
                };
                match short {
                    Some(short) => out.extend(short),
                    None => {
                        out.extend(b"\\u");
                        hex_number(out, u64::from(character), 4);
                    }
                }
            } else {
                out.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        for byte in chunk.invalid() {
            out.extend(b"\\x");
            hex(out, &[*byte]);
        }
    }
}

/// Text as a JSON string, quotes included. Bytes that are no UTF-8 become U+FFFD.
pub(super) fn quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    if text.iter().all(|byte| matches!(byte, b' '..=b'~') && !b"\"\\".contains(byte)) {
        out.extend_from_slice(text);
    } else {
        for character in String::from_utf8_lossy(text).chars() {
            match character {
                '"' | '\\' => out.extend([b'\\', low(u64::from(character))]),
                character if steers(character) => {
                    out.extend(b"\\u");
                    hex_number(out, u64::from(character), 4);
                }
                character => out.extend(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }
    out.push(b'"');
}

/// Whether a character could steer a terminal, or turn the direction of writing.
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn digit(value: u8) -> u8 {
    DIGITS.get(usize::from(value)).copied().unwrap_or_default()
}

#[expect(clippy::cast_possible_truncation, reason = "the caller gives what fits")]
const fn low(number: u64) -> u8 {
    number as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers() {
        for number in [0, 7, 10, 1337, u64::MAX] {
            assert_eq!(written(|out| decimal(out, number)), number.to_string());
            assert_eq!(written(|out| hex_number(out, number, 4)), format!("{number:04x}"));
        }
        assert_eq!(written(|out| padded(out, 42, 6)), "000042");
        assert_eq!(written(|out| hex(out, &[0, 0xff, 0x1a])), "00ff1a");
        assert_eq!(written(|out| colons(out, &[0, 0xff, 0x1a])), "00:ff:1a");
    }

    #[test]
    fn text_stays_data() {
        let text = "a\u{1b}[31mé\n\u{202e}\"\\".as_bytes();
        assert_eq!(written(|out| harmless(out, text)), "a\\u001b[31mé\\n\\u202e\"\\");
        assert_eq!(written(|out| harmless(out, b"\xff!")), "\\xff!");
        let json = written(|out| quoted(out, text));
        assert_eq!(json, "\"a\\u001b[31mé\\u000a\\u202e\\\"\\\\\"");
        let read: String = serde_json::from_str(&json).unwrap();
        assert_eq!(read.as_bytes(), text);
    }
}
