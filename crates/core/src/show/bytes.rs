//! The bytes of a frame, and of all that was derived from it: 16 a line, each source named.

use super::{Shown, write};
use crate::dissect::SourceKind;

pub(super) fn show(out: &mut Vec<u8>, shown: &Shown<'_>) {
    let dissection = shown.dissection;
    for (number, source) in dissection.sources.iter().enumerate() {
        let bytes = dissection.bytes.get(source.start..source.end).unwrap_or_default();
        if dissection.sources.len() > 1 {
            out.extend(match source.kind {
                SourceKind::Frame => b"Frame".as_slice(),
                SourceKind::Reassembled => b"Reassembled",
                SourceKind::Plaintext => b"Plaintext",
            });
            if number > 0 {
                out.push(b' ');
                write::decimal(out, number as u64);
            }
            out.extend(b" (");
            write::decimal(out, bytes.len() as u64);
            out.extend(b" bytes):\n");
        }
        for (line, bytes) in bytes.chunks(16).enumerate() {
            write::hex_number(out, line as u64 * 16, 4);
            out.push(b' ');
            for byte in bytes {
                out.push(b' ');
                write::hex(out, &[*byte]);
            }
            out.extend(std::iter::repeat_n(b' ', (16 - bytes.len()) * 3 + 3));
            let printable = |byte: &u8| if (b' '..=b'~').contains(byte) { *byte } else { b'.' };
            out.extend(bytes.iter().map(printable));
            out.push(b'\n');
        }
    }
    out.push(b'\n');
}
