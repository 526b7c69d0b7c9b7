//! The formats that come with the program.

use super::{Carrier, Cipher, Field, FieldKind, Format, Role, Table};

/// The original `CrapVPN` over UDP: 8 bytes of header, then the IP packet, `XORed`.
///
/// Bytes 6 and 7 are zero in the author's program and an `EtherType` in his dissector, so zero is
/// sent and anything is taken.
#[must_use]
pub fn crapvpn() -> Format {
    let field = |name: &str, title: &str, kind, role| Field {
        name: name.into(),
        title: title.into(),
        kind,
        role,
    };
    Format {
        name: "crapvpn".into(),
        title: "CrapVPN Protocol".into(),
        carrier: Carrier { udp: vec![1337] },
        cipher: Cipher::Xor,
        fields: vec![
            field("magic", "Magic Bytes", FieldKind::Text { size: 4 }, Role::Text("crap".into())),
            field(
                "ciphertext_length",
                "Ciphertext Length",
                FieldKind::Uint { bits: 16 },
                Role::Length { from: "ciphertext".into(), to: "ciphertext".into() },
            ),
            field(
                "ethertype",
                "Ether Type",
                FieldKind::Uint { bits: 16 },
                Role::Next { table: Table::Ethertype, value: Some(0) },
            ),
            field("ciphertext", "Ciphertext", FieldKind::Packet, Role::Packet),
        ],
    }
}
