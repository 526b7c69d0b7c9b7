//! Text of packets, made harmless for a terminal.

use super::number::digit;

/// Writes text with its control characters escaped. What is not UTF-8 is shown as U+FFFD.
pub(super) fn harmless(out: &mut Vec<u8>, text: &[u8]) {
    if text.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return out.extend_from_slice(text);
    }
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            escaped(out, character);
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

fn escaped(out: &mut Vec<u8>, character: char) {
    match character {
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        // Marks that turn the direction of text hide what stands there.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            out.extend_from_slice(character.escape_unicode().to_string().as_bytes());
        }
        _ if character.is_control() => {
            // Three octal digits, as tshark has it.
            let code = u32::from(character).to_be_bytes()[3];
            out.extend_from_slice(&[
                b'\\',
                b'0' + (code >> 6),
                digit(code >> 3 & 7),
                digit(code & 7),
            ]);
        }
        _ => {
            let mut bytes = [0; 4];
            out.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
        }
    }
}

/// Writes text as a JSON string.
pub(super) fn json(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                _ if character.is_control() => {
                    let code = u32::from(character).to_be_bytes()[3];
                    out.extend_from_slice(b"\\u00");
                    out.extend_from_slice(&[digit(code >> 4), digit(code)]);
                }
                _ => {
                    let mut bytes = [0; 4];
                    out.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
                }
            }
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        let mut out = Vec::new();
        harmless(&mut out, b"a\x1b[31m\r\n\xff\xc2\x9b");
        assert_eq!(String::from_utf8(out).unwrap(), "a\\033[31m\\r\\n\u{fffd}\\233");
        let mut out = Vec::new();
        json(&mut out, b"\"\\\x00\xff");
        assert_eq!(String::from_utf8(out).unwrap(), "\"\\\"\\\\\\u0000\u{fffd}\"");
    }
}
