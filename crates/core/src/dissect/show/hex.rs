//! Bytes in hexadecimal and as text, with their source named.

use super::number::{self, digit};
use crate::dissect::{Dissection, SourceKind};

const BYTES_A_LINE: usize = 16;

/// Writes all sources of a frame, each under its name if there are several.
pub fn write(out: &mut Vec<u8>, dissection: &Dissection) {
    for (place, source) in dissection.sources.iter().enumerate() {
        let bytes = dissection.bytes.get(source.start..source.end).unwrap_or_default();
        if dissection.sources.len() > 1 {
            let name = match source.kind {
                SourceKind::Frame => "Frame",
                SourceKind::Reassembled => "Reassembled",
                SourceKind::Plaintext => "Plaintext",
            };
            if place > 0 {
                out.push(b'\n');
            }
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b" (");
            number::decimal(out, bytes.len() as u64);
            out.extend_from_slice(b" bytes):\n");
        }
        dump(out, bytes);
    }
}

fn dump(out: &mut Vec<u8>, bytes: &[u8]) {
    for (line, chunk) in bytes.chunks(BYTES_A_LINE).enumerate() {
        let offset = line * BYTES_A_LINE;
        let digits = if bytes.len() > 0x1_0000 { 8 } else { 4 };
        for place in (0..digits).rev() {
            let [.., low] = (offset >> (place * 4)).to_be_bytes();
            out.push(digit(low));
        }
        out.push(b' ');
        for byte in chunk {
            out.extend_from_slice(&[b' ', digit(byte >> 4), digit(*byte)]);
        }
        let missing = BYTES_A_LINE - chunk.len();
        out.resize(out.len() + missing * 3 + 3, b' ');
        let shown = |byte: &u8| if matches!(byte, b' '..=b'~') { *byte } else { b'.' };
        out.extend(chunk.iter().map(shown));
        out.push(b'\n');
    }
}
