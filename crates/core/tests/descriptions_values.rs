//! What descriptions are read as, and what diagnostics hold for those who read them by program.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says so by panicking"
)]

use crapvpn_core::format::{
    Accept, Algorithm, Checksum, Cipher, Code, Condition, Endian, Field, Format, KeySource, Kind,
    Literal, NoncePart, Otherwise, PacketKind, Range, Related, Role, Setting, SettingKind,
    Severity, Size, Subject, Table, Term, check_files,
};

fn example(name: &str) -> Format {
    Format::built_in(name).unwrap()
}

fn read(text: &str) -> Format {
    let read = Format::read("mine.toml", text);
    read.format.unwrap_or_else(|| {
        let said: String = read.diagnostics.iter().map(ToString::to_string).collect();
        panic!("{said}")
    })
}

fn mine(fields: &str) -> String {
    format!("name = \"mine\"\ncarrier = {{ udp = 1000 }}\npacket = \"ip\"\nfields = [\n{fields}]\n")
}

fn field<'f>(format: &'f Format, name: &str) -> &'f Field {
    &format.fields[format.field_place(name).unwrap()]
}

fn term(place: usize, equal: bool, number: u64) -> Term {
    Term { subject: Subject::Field(place), equal, number }
}

fn constant(value: u64) -> Role {
    Role::Constant { value: Literal::Number(value), expect: None }
}

#[test]
fn crapvpn_is_read_whole() {
    let format = example("crapvpn");
    let field = |name: &str, title: &str, kind, role| Field {
        name: name.into(),
        title: title.into(),
        doc: String::new(),
        kind,
        role,
        accept: Accept::Exact,
        when: Condition::default(),
        names: Vec::new(),
    };
    let u16 = || Kind::Uint { bits: 16, endian: Endian::Big };
    let fields = vec![
        field(
            "magic",
            "Magic Bytes",
            Kind::Text { size: Size::Fixed(4) },
            Role::Constant { value: Literal::Bytes(b"crap".to_vec()), expect: None },
        ),
        field(
            "ciphertext_length",
            "Ciphertext Length",
            u16(),
            Role::Length { counts: Range { first: 3, last: 3 }, unit: 1 },
        ),
        field(
            "ethertype",
            "Ether Type",
            u16(),
            Role::Next {
                table: Table {
                    name: Some("ethertype".into()),
                    ipv4: Some(0x0800),
                    ipv6: Some(0x86dd),
                    ethernet: Some(0x6558),
                },
                value: Some(0),
                otherwise: Otherwise::Look,
            },
        ),
        field("ciphertext", "Ciphertext", Kind::Packet, Role::Content),
    ];
    assert_eq!(format.fields, fields);
    assert_eq!((&*format.name, &*format.title), ("crapvpn", "CrapVPN Protocol"));
    assert_eq!(format.filter, "crapvpn");
    assert!(format.doc.starts_with("The "));
    assert_eq!((format.carrier.udp, format.carrier.tcp), (Some(vec![1337]), None));
    assert_eq!(format.packet, [PacketKind::Ip]);
    let covers = Range { first: 3, last: 3 };
    let keys = KeySource::Given;
    let cipher = Cipher { algorithm: Algorithm::Xor, covers, nonce: Vec::new(), ad: None, keys };
    assert_eq!(format.cipher, Some(cipher));
    assert_eq!((format.settings, format.decode_only), (Vec::new(), None));
}

#[test]
fn names_ports_and_bits() {
    let vxlan = example("vxlan");
    assert_eq!(vxlan.carrier.udp, Some(vec![4789, 8472]));
    assert_eq!(vxlan.packet, [PacketKind::Ethernet]);
    assert_eq!(vxlan.fields[2].kind, Kind::Uint { bits: 27, endian: Endian::Big });
    assert_eq!((&vxlan.fields[0].role, vxlan.fields[0].accept), (&constant(0), Accept::Any));
    assert_eq!(vxlan.fields[3].role, Role::Given { value: None, expect: None });
    assert_eq!(example("l2tpv3-udp").filter, "l2tp");
    assert_eq!(example("qemu-socket-tcp").filter, "qemu_socket_tcp");
    assert_eq!(example("qemu-socket-tcp").carrier.tcp, Some(Vec::new()));
    assert_eq!(example("geneve").packet, [PacketKind::Ethernet, PacketKind::Ip]);
}

#[test]
fn blocks_are_opened_and_their_conditions_add_up() {
    let gtpu = example("gtpu");
    let flags = vec![vec![term(3, false, 0)], vec![term(4, false, 0)], vec![term(5, false, 0)]];
    let list = field(&gtpu, "ext_hdr");
    let first = gtpu.field_place("first").unwrap();
    let own = vec![vec![term(3, false, 0), term(first, false, 0)]];
    assert_eq!(field(&gtpu, "seq_number").when.parts, std::slice::from_ref(&flags));
    assert_eq!(list.when.parts, [flags, own]);
    assert_eq!(field(&gtpu, "body").when.parts, [vec![vec![term(6, false, 255)]]]);
    assert_eq!(field(&gtpu, "seq_number").role, Role::Counter { start: 0, window: 0 });
    assert_eq!(field(&gtpu, "message").names[0], (1, "Echo Request".into()));
    let counts = Range { first: 9, last: gtpu.fields.len() - 1 };
    assert_eq!(field(&gtpu, "length").role, Role::Length { counts, unit: 1 });
    let Kind::List { fields, until } = &list.kind else { panic!("{list:?}") };
    assert_eq!(until.clone().unwrap().parts, [vec![vec![term(2, true, 0)]]]);
    assert_eq!(fields[0].role, Role::Length { counts: Range { first: 0, last: 2 }, unit: 4 });
    assert_eq!(fields[1].kind, Kind::Bytes { size: Size::Open });
    assert_eq!(fields[2].role, Role::Content);
    assert!(fields[2].names.iter().any(|(number, _)| *number == 0x85));
}

#[test]
fn settings_decide_sizes_and_conditions() {
    let l2tp = example("l2tpv3-udp");
    let setting = Setting {
        name: "cookie_size".into(),
        title: "Cookie Size".into(),
        doc: l2tp.settings[0].doc.clone(),
        kind: SettingKind::Uint { bits: 8 },
        value: Some(Literal::Number(0)),
        values: [0, 4, 8].map(Literal::Number).to_vec(),
    };
    assert_eq!(l2tp.settings[0], setting);
    assert_eq!(field(&l2tp, "cookie").kind, Kind::Bytes { size: Size::Setting(0) });
    let control = term(0, true, 0);
    let sublayer = Term { subject: Subject::Setting(1), equal: false, number: 0 };
    let parts = [vec![vec![control]], vec![vec![sublayer]]];
    assert_eq!(field(&l2tp, "l2_spec.sequence").when.parts, parts);
}

#[test]
fn aeads_have_a_nonce_and_a_window() {
    let wireguard = example("wireguard-data");
    let cipher = Cipher {
        algorithm: Algorithm::ChaCha20Poly1305,
        covers: Range { first: 4, last: 5 },
        nonce: vec![NoncePart::Bytes(vec![0; 4]), NoncePart::Field { field: 3, order: None }],
        ad: None,
        keys: KeySource::Given,
    };
    assert_eq!(wireguard.cipher, Some(cipher));
    let ours = Format::built_in("crapvpn-aead").unwrap().cipher.unwrap();
    assert_eq!((ours.keys, ours.key_bytes()), (KeySource::Derived, Some(32)));
    let counter = field(&wireguard, "counter");
    assert_eq!(counter.kind, Kind::Uint { bits: 64, endian: Endian::Little });
    assert_eq!(counter.role, Role::Counter { start: 0, window: 1024 });
    assert_eq!(field(&wireguard, "padding").kind, Kind::Padding { multiple: 16 });
    assert_eq!(field(&wireguard, "tag").kind, Kind::Bytes { size: Size::Fixed(16) });
    assert_eq!(field(&wireguard, "tag").role, Role::Tag);
    assert!(wireguard.decode_only.unwrap().contains("handshake"));
}

#[test]
fn values_in_all_their_forms() {
    let format = read(&mine(
        r#"{ name = "a", type = "u64", value = 18446744073709551615 },
        { name = "b", type = "u64", value = 0xffff_ffff_ffff_ffff, names.4 = "four", names.0x5 = "five" },
        { name = "c", type = "u8", value = 0b1010_0101 },
        { name = "d", type = "bytes", value = "0x63 7261" },
        { name = "e", type = "bytes", value = "crap" },
        { name = "f", type = "text", value = "0x63", size = 8 },
        { name = "g", type = "mac", value = "02-00-5e-10-00-01" },
        { name = "h", type = "ipv4", value = "192.0.2.1" },
        { name = "i", type = "ipv6", value = "2001:db8::1" },
        { name = "j", type = "u32", role = "checksum", algorithm = "crc32", covers = "a..d" },
        { name = "k", type = "u16", endian = "little", role = "counter", value = 7, window = 64 },
        { name = "l", type = "bytes", size = 3, role = "random", when = ["a = 0x10 & !c", "c != 5"] },
        { name = "packet", type = "packet" },
"#,
    ));
    let number = |name: &str| match &field(&format, name).role {
        Role::Constant { value: Literal::Number(number), .. } => *number,
        other => panic!("{other:?}"),
    };
    assert_eq!((number("a"), number("b"), number("c")), (u64::MAX, u64::MAX, 0xa5));
    assert_eq!(field(&format, "b").names, [(4, "four".into()), (5, "five".into())]);
    let bytes = |name: &str| match &field(&format, name).role {
        Role::Constant { value: Literal::Bytes(bytes), .. } => bytes.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((bytes("d"), bytes("e")), (b"cra".to_vec(), b"crap".to_vec()));
    assert_eq!((bytes("f"), bytes("g")), (b"0x63".to_vec(), vec![2, 0, 0x5e, 0x10, 0, 1]));
    assert_eq!((bytes("h"), bytes("i").len()), (vec![192, 0, 2, 1], 16));
    assert_eq!(field(&format, "f").kind, Kind::Text { size: Size::Fixed(8) });
    let covers = Range { first: 0, last: 3 };
    assert_eq!(field(&format, "j").role, Role::Checksum { covers, algorithm: Checksum::Crc32 });
    assert_eq!(field(&format, "k").role, Role::Counter { start: 7, window: 64 });
    assert_eq!(field(&format, "k").kind, Kind::Uint { bits: 16, endian: Endian::Little });
    let texts = vec![vec![term(0, true, 16), term(2, true, 0)], vec![term(2, false, 5)]];
    assert_eq!(field(&format, "l").when.parts, [texts]);
}

#[test]
fn fields_as_tables_are_the_same_as_in_one_line() {
    let one_line = read(&mine(
        "{ name = \"a\", type = \"u8\", names = { 1 = \"one\" } },\n{ name = \"packet\", type = \"packet\" },\n",
    ));
    let tables = read(
        "name = \"mine\"\npacket = \"ip\"\ncarrier.udp = 1000\n[[fields]]\nname = \"a\"\ntype = \"u8\"\n\
         [fields.names]\n1 = \"one\"\n[[fields]]\nname = \"packet\"\ntype = \"packet\"\n",
    );
    assert_eq!(one_line, tables);
    assert_eq!(tables.fields[1].title, "Packet");
    assert_eq!((&*tables.title, &*tables.filter, &*tables.doc), ("mine", "mine", ""));
}

#[test]
fn diagnostics_hold_their_parts() {
    let text = mine(
        "{ name = \"size\", type = \"u16\", role = \"length\", counts = \"cyphertext\" },\n\
         {\tname = \"ciphertext\", type = \"packet\" },\n{ name = \"size\", type = \"u8\" },\n",
    );
    let read = Format::read("a\u{1b}.toml", &text);
    assert_eq!((read.format, read.left_off), (None, 0));
    let [count, name] = &read.diagnostics[..] else { panic!("{:?}", read.diagnostics) };
    assert_eq!((count.code, count.severity), (Code::F22, Severity::Error));
    assert_eq!(count.file, "a\\u001b.toml");
    let place = count.place.as_ref().unwrap();
    assert_eq!((place.line, place.column, place.end), (5, 58, 70));
    assert_eq!(count.message, "no field \"cyphertext\" to count");
    assert!(count.expected.as_ref().unwrap().contains("\"a..b\""));
    assert_eq!(count.hint.as_deref(), Some("did you mean \"ciphertext\" (line 6)?"));
    assert_eq!(name.code, Code::F12);
    assert_eq!(name.related, [Related { line: 5, message: "the first \"size\"".into() }]);
}

#[test]
fn what_depends_on_a_broken_field_is_not_reported_and_nothing_else_is_hidden() {
    let read = Format::read(
        "mine.toml",
        &mine(
            "{ name = \"flags\", type = \"uint8\" },\n\
             { name = \"size\", type = \"u16\", role = \"length\", counts = \"flags..packet\" },\n\
             { name = \"a\", type = \"u8\", when = \"flags = 3\" },\n\
             { name = \"b\", type = \"u8\", value = 256 },\n\
             { name = \"packet\", type = \"packet\" },\n",
        ),
    );
    let codes: Vec<_> = read.diagnostics.iter().map(|found| found.code).collect();
    assert_eq!(codes, [Code::F10, Code::F13]);
}

#[test]
fn known_formats_are_held_against_files() {
    let known = read(&mine(
        "{ name = \"magic\", type = \"u32\" },\n{ name = \"packet\", type = \"packet\" },\n",
    ));
    let other = mine(
        "{ name = \"magic\", type = \"text\", size = 4 },\n{ name = \"packet\", type = \"packet\" },\n",
    );
    let shares = other.replace("\"mine\"", "\"other\"\nfilter = \"mine\"");
    let reads = check_files(&[("other.toml", &shares)], &[("mine", &known)]);
    assert_eq!(reads[0].diagnostics[0].message, "\"mine.magic\" is text here and u32 in mine");
    assert_eq!(reads[0].format, None);
    // A file that stands for the known format, or has a filter of its own, is not held against it.
    let reads = check_files(&[("mine.toml", &other), ("other.toml", &shares)], &[("mine", &known)]);
    assert!(reads.iter().all(|read| read.format.is_some()));
}
