//! Captures read: files of literal bytes, whole, in pieces, and wrong.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says so by panicking")]

mod support;

use crapvpn_core::capture::{CaptureError, Fault, LinkType, MAX_FRAME_BYTES, Packet, Reader};
use crapvpn_core::capture::{Time, Writer};
use support::captures::{Block, Order, pcap_header, pcap_record};

/// What a frame says, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    number: u64,
    time: Option<String>,
    decimals: u8,
    interface: (u32, Option<String>),
    link: LinkType,
    bytes: Vec<u8>,
    original_length: u32,
    comments: Vec<String>,
    file_offset: u64,
}

fn drain(reader: &mut Reader, frames: &mut Vec<Seen>) -> Result<(), CaptureError> {
    while let Some(frame) = reader.next()? {
        frames.push(Seen {
            number: frame.number,
            time: frame.time.map(|time| time.to_string()),
            decimals: frame.decimals,
            interface: (frame.interface, frame.interface_name.map(String::from)),
            link: frame.link,
            bytes: frame.bytes.to_vec(),
            original_length: frame.original_length,
            comments: frame.comments.iter().map(String::from).collect(),
            file_offset: frame.file_offset,
        });
    }
    Ok(())
}

/// The frames of a file that comes in pieces of so many bytes, and what ended it.
fn read_in(piece: usize, file: &[u8]) -> (Vec<Seen>, Option<CaptureError>) {
    let mut reader = Reader::new();
    let mut frames = Vec::new();
    for bytes in file.chunks(piece) {
        reader.push(bytes);
        if let Err(error) = drain(&mut reader, &mut frames) {
            assert_eq!(reader.next().unwrap_err(), error, "an error stays");
            return (frames, Some(error));
        }
    }
    reader.finish();
    let error = drain(&mut reader, &mut frames).err();
    (frames, error)
}

/// The same, which must not depend on the pieces.
fn read(file: &[u8]) -> (Vec<Seen>, Option<CaptureError>) {
    let whole = read_in(usize::MAX, file);
    for piece in [1, 7, 64] {
        assert_eq!(read_in(piece, file), whole, "pieces of {piece}");
    }
    whole
}

fn whole(file: &[u8]) -> Vec<Seen> {
    let (frames, error) = read(file);
    assert_eq!(error, None);
    frames
}

fn fault(file: &[u8]) -> (usize, u64, Fault) {
    let (frames, error) = read(file);
    let error = error.unwrap();
    (frames.len(), error.file_offset, error.fault)
}

const ORDERS: [Order; 2] = [Order::Little, Order::Big];

#[test]
fn pcap_of_both_orders_and_resolutions() {
    for order in ORDERS {
        for (magic, time, decimals) in [
            (0xa1b2_c3d4, "1700000000.000123000", 6),
            (0xa1b2_3c4d, "1700000000.000000123", 9),
            (0xa1b2_cd34, "1700000000.000123000", 6),
        ] {
            let modified = magic == 0xa1b2_cd34;
            let mut file = pcap_header(order, magic, 1);
            file.extend(pcap_record(order, 1_700_000_000, 123, 60, &[7; 5], modified));
            file.extend(pcap_record(order, 1_700_000_001, 0, 0, &[], modified));
            let frames = whole(&file);
            assert_eq!(frames.len(), 2);
            let expected = Seen {
                number: 1,
                time: Some(time.into()),
                decimals,
                interface: (0, None),
                link: LinkType::ETHERNET,
                bytes: vec![7; 5],
                original_length: 60,
                comments: vec![],
                file_offset: 24,
            };
            assert_eq!(frames[0], expected);
            let second = if modified { 24 + 24 + 5 } else { 24 + 16 + 5 };
            assert_eq!((frames[1].number, frames[1].file_offset), (2, second));
        }
    }
}

#[test]
fn old_pcap_has_its_lengths_exchanged() {
    for (minor, lengths) in [(2, (60, 5)), (3, (60, 5)), (3, (5, 60)), (4, (5, 60))] {
        let mut file = pcap_header(Order::Little, 0xa1b2_c3d4, 1);
        file[6] = minor;
        let record = pcap_record(Order::Little, 0, 0, lengths.1, &[7; 5], false);
        file.extend(&record);
        file[24 + 8] = lengths.0;
        let frames = whole(&file);
        assert_eq!((frames[0].bytes.len(), frames[0].original_length), (5, 60), "2.{minor}");
    }
}

#[test]
fn link_types_of_pcap_and_flags_above_them() {
    for (number, link) in [
        (0, LinkType::NULL),
        (12, LinkType::RAW),
        (14, LinkType::RAW),
        (101, LinkType::RAW),
        (276, LinkType::LINUX_SLL2),
        (0x5400_0001, LinkType::ETHERNET),
        (9999, LinkType(9999)),
    ] {
        let mut file = pcap_header(Order::Big, 0xa1b2_c3d4, number);
        file.extend(pcap_record(Order::Big, 0, 0, 1, &[0], false));
        assert_eq!(whole(&file)[0].link, link);
    }
}

#[test]
fn pcapng_with_sections_interfaces_and_every_packet_block() {
    let mut file = Vec::new();
    for order in ORDERS {
        let block = |kind| Block::new(order, kind);
        file.extend(Block::section(order).option(4, b"test").build());
        file.extend(Block::interface(order, 1, 0).option(2, b"eth0").option(9, &[9]).build());
        let offset = block(0).u64(1_700_000_000).body;
        let second = Block::interface(order, 101, 3).option(9, &[0x80 + 10]).option(14, &offset);
        file.extend(second.build());
        file.extend(block(5).u32(0).u64(0).build()); // Interface statistics.
        file.extend(block(0x4000_0bad).u32(1).build());
        let packet = |bytes: &[u8]| {
            let time = block(0).u32(0x0001).u32(0x0002).body;
            let lengths = block(0).u32(u32::try_from(bytes.len()).unwrap()).u32(60).body;
            [time, lengths].concat()
        };
        let enhanced = block(6).u32(0).bytes(&packet(&[1; 5])).bytes(&[1; 5]).padded();
        file.extend(enhanced.option(1, b"hello").option(2, &[0; 4]).option(1, b"there").build());
        file.extend(block(6).u32(1).bytes(&packet(&[2; 4])).bytes(&[2; 4]).build());
        let obsolete = block(2).u16(1).u16(9).bytes(&packet(&[3; 3])).bytes(&[3; 3]).padded();
        file.extend(obsolete.build());
        file.extend(block(3).u32(6).bytes(&[4; 6]).padded().build());
    }
    let frames = whole(&file);
    assert_eq!(frames.len(), 8);
    for half in [&frames[..4], &frames[4..]] {
        let [enhanced, second, obsolete, simple] = half else { panic!("4 frames") };
        assert_eq!(enhanced.comments, ["hello", "there"]);
        assert_eq!(enhanced.interface, (0, Some("eth0".into())));
        assert_eq!(enhanced.time.as_deref(), Some("4.294967298"));
        assert_eq!((&enhanced.bytes[..], enhanced.original_length), (&[1; 5][..], 60));
        assert_eq!((enhanced.link, enhanced.decimals), (LinkType::ETHERNET, 9));

        // (2³² + 2) / 1024 seconds, and the offset.
        assert_eq!(second.time.as_deref(), Some("1704194304.001953125"));
        assert_eq!((second.link, second.interface.0), (LinkType::RAW, 1));
        assert!(second.comments.is_empty());
        assert_eq!((&obsolete.bytes[..], obsolete.interface.0), (&[3; 3][..], 1));
        assert_eq!(obsolete.time, second.time);
        assert_eq!((&simple.bytes[..], simple.time.as_deref()), (&[4; 6][..], None));
        assert_eq!((simple.original_length, simple.link), (6, LinkType::ETHERNET));
    }
    let numbers: Vec<u64> = frames.iter().map(|frame| frame.number).collect();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
    for frame in &frames {
        let place = usize::try_from(frame.file_offset).unwrap();
        assert!([2, 3, 6].contains(&(file[place] | file[place + 3])), "a block begins there");
    }
}

#[test]
fn a_simple_packet_is_cut_by_its_interface() {
    let mut file = Block::section(Order::Little).build();
    file.extend(Block::interface(Order::Little, 1, 3).build());
    file.extend(Block::new(Order::Little, 3).u32(60).bytes(&[5; 3]).padded().build());
    let frames = whole(&file);
    assert_eq!((&frames[0].bytes[..], frames[0].original_length), (&[5; 3][..], 60));
}

#[test]
fn what_is_no_capture() {
    assert_eq!(fault(b""), (0, 0, Fault::Empty));
    assert_eq!(fault(b"hello"), (0, 0, Fault::NotACapture { found: *b"hell" }));
    let cut = |expected, found| Fault::Cut { inside: "the file's header", expected, found };
    assert_eq!(fault(b"he"), (0, 0, cut(4, 2)));
    let header = pcap_header(Order::Little, 0xa1b2_c3d4, 1);
    assert_eq!(fault(&header[..23]), (0, 0, cut(24, 23)));
    let mut version = header;
    version[4] = 3;
    assert_eq!(fault(&version), (0, 4, Fault::Version { major: 3, minor: 4 }));
}

#[test]
fn pcap_that_goes_wrong_keeps_what_was_before() {
    let header = pcap_header(Order::Little, 0xa1b2_c3d4, 1);
    assert!(whole(&header).is_empty());
    let first = [header, pcap_record(Order::Little, 0, 0, 5, &[7; 5], false)].concat();
    let next = pcap_record(Order::Little, 0, 0, 20, &[8; 20], false);
    let cut = |inside, expected, found| Fault::Cut { inside, expected, found };
    let file = [&first[..], &next[..15]].concat();
    assert_eq!(fault(&file), (1, 45, cut("the header of a frame", 16, 15)));
    let file = [&first[..], &next[..35]].concat();
    assert_eq!(fault(&file), (1, 45, cut("a frame", 36, 35)));
    for length in [MAX_FRAME_BYTES + 1, 0xffff_ffff] {
        let bytes = u32::try_from(length).unwrap();
        let mut long = next.clone();
        long[8..12].copy_from_slice(&bytes.to_le_bytes());
        let file = [&first[..], &long].concat();
        assert_eq!(fault(&file), (1, 45, Fault::FrameTooLong { bytes }));
    }
}

#[test]
fn blocks_that_are_wrong() {
    let order = Order::Little;
    let mut before = Block::section(order).build();
    before.extend(Block::interface(order, 1, 0).build());
    let packet = Block::new(order, 6).u32(0).u64(0).u32(4).u32(4).u32(0xaaaa_aaaa);
    before.extend(packet.build());
    let place = before.len() as u64;
    let refused = |offset: u64, block: Vec<u8>, expected| {
        let file = [&before[..], &block, &packet.build()].concat();
        assert_eq!(fault(&file), (1, place + offset, expected));
    };
    let with_length = |length: u32| {
        let mut block = packet.build();
        block[4..8].copy_from_slice(&length.to_le_bytes());
        block
    };
    for bytes in [0, 1, 8, 11, 31, 33, 16 * 1024 * 1024 + 4, 0x8000_0000, 0xffff_fffc, 0xffff_ffff]
    {
        refused(4, with_length(bytes), Fault::BlockLength { bytes, least: 32 });
    }
    refused(36, with_length(40), Fault::BlockTrailer { first: 40, last: 6 });
    let trailer = Fault::BlockTrailer { first: 32, last: 0xaaaa_aaaa };
    refused(28, with_length(32), trailer);
    let block = |number, captured| {
        Block::new(order, 6).u32(number).u64(0).u32(captured).u32(captured).u32(0).build()
    };
    refused(20, block(0, 5), Fault::FrameInBlock { bytes: 5, room: 4 });
    refused(20, block(0, 262_145), Fault::FrameTooLong { bytes: 262_145 });
    refused(20, block(0, u32::MAX), Fault::FrameTooLong { bytes: u32::MAX });
    refused(8, block(1, 4), Fault::Interface { number: 1, count: 1 });
    refused(8, block(u32::MAX, 4), Fault::Interface { number: u32::MAX, count: 1 });
    let options = Block::new(order, 6).u32(0).u64(0).u32(0).u32(0).u16(1).u16(5).u32(0);
    refused(28, options.build(), Fault::Options);
    let interface = Block::interface(order, 1, 0).option(9, &[6, 6]).build();
    refused(16, interface, Fault::OptionLength { option: 9, bytes: 2 });
    let interface = Block::interface(order, 1, 0).option(14, &[6, 6]).build();
    refused(16, interface, Fault::OptionLength { option: 14, bytes: 2 });
    let section = Block::new(order, 0x0a0d_0d0a).u32(0x1a2b_3c4e).u64(0).u64(0).build();
    refused(8, section, Fault::ByteOrder { found: [0x4e, 0x3c, 0x2b, 0x1a] });
    let section = Block::new(order, 0x0a0d_0d0a).u32(0x1a2b_3c4d).u32(2).u64(0).build();
    refused(12, section, Fault::Version { major: 2, minor: 0 });
    let simple = Block::new(order, 3).u32(5).u32(0).build();
    refused(8, simple, Fault::FrameInBlock { bytes: 5, room: 4 });
}

#[test]
fn a_section_forgets_the_interfaces_before() {
    let mut file = Block::section(Order::Little).build();
    file.extend(Block::interface(Order::Little, 1, 0).build());
    file.extend(Block::section(Order::Big).build());
    let place = file.len() as u64;
    file.extend(Block::new(Order::Big, 3).u32(0).build());
    assert_eq!(fault(&file), (0, place + 8, Fault::Interface { number: 0, count: 0 }));
}

#[test]
fn a_million_interfaces() {
    let mut file = Block::section(Order::Little).build();
    let start = file.len() as u64;
    let interface = Block::interface(Order::Little, 1, 0).build();
    for _ in 0..1_000_000 {
        file.extend(&interface);
    }
    let (frames, error) = read_in(1 << 16, &file);
    let error = error.unwrap();
    assert!(frames.is_empty());
    assert_eq!(error.fault, Fault::TooManyInterfaces);
    assert_eq!(error.file_offset, start + 65_536 * interface.len() as u64);
}

#[test]
fn errors_say_what_where_and_what_to_do() {
    let cut = Fault::Cut { inside: "a frame", expected: 1416, found: 800 };
    let said = |fault, file_offset| {
        CaptureError { fault, file_offset, is_unpacked: file_offset == 7 }.to_string()
    };
    assert_eq!(
        said(cut, 40),
        "at byte 40: the file ends inside a frame, after 800 of 1416 bytes: what stands before is \
         whole, for the rest get the file again"
    );
    assert_eq!(
        said(Fault::BlockTrailer { first: 32, last: 0 }, 7),
        "at byte 7 of the unpacked file: a block whose length is 32 at its beginning and 0 at its \
         end: the file is damaged here, get it again"
    );
    assert_eq!(
        said(Fault::NotACapture { found: *b"hell" }, 0),
        "the file begins with 68 65 6c 6c, as no capture does: give a pcap or pcapng file, plain \
         or packed by gzip or zstd"
    );
}

#[test]
fn written_and_read_again() {
    let mut writer = Writer::new("crapvpn 0.1.0");
    let outer = writer.interface("outer", LinkType::ETHERNET);
    let inner = writer.interface("", LinkType::RAW);
    let mut file = writer.take();
    let time = Time::from_nanoseconds(u64::MAX);
    let too_long = vec![3; MAX_FRAME_BYTES + 1];
    let packets = [
        Packet { time: Some(time), ..Packet::new(outer, &[1; 61]) },
        Packet { comment: Some("not_ours: ü"), lost: 3, ..Packet::new(inner, &[]) },
        Packet { original_length: 1400, ..Packet::new(inner, &[2; 64]) },
        Packet { original_length: 1, ..Packet::new(inner, &too_long) },
    ];
    for packet in &packets {
        assert!(writer.packet(packet));
        file.extend(writer.bytes());
        writer.clear();
    }
    assert!(!writer.packet(&Packet::new(2, &[])), "no such interface");
    assert!(!writer.statistics(2, time, 0, 0));
    assert!(writer.statistics(inner, time, 3, 1));
    let long = "ü".repeat(40_000);
    assert!(writer.packet(&Packet { comment: Some(&long), ..Packet::new(inner, &[]) }));
    file.extend(writer.take());

    let (frames, error) = read_in(1000, &file);
    assert_eq!(error, None);
    assert_eq!(frames.len(), 5);
    assert_eq!(frames[0].bytes, [1; 61]);
    assert_eq!(frames[0].time.as_deref(), Some("18446744073.709551615"));
    assert_eq!(frames[0].interface, (0, Some("outer".into())));
    assert_eq!(frames[0].decimals, 9);
    assert_eq!(frames[1].interface, (1, None));
    assert_eq!(frames[1].comments, ["not_ours: ü"]);
    assert_eq!(frames[1].time.as_deref(), Some("0.000000000"));
    assert_eq!(frames[1].link, LinkType::RAW);
    assert_eq!((frames[2].bytes.len(), frames[2].original_length), (64, 1400));
    let most = u32::try_from(MAX_FRAME_BYTES).unwrap();
    assert_eq!((frames[3].bytes.len(), frames[3].original_length), (MAX_FRAME_BYTES, most));
    assert_eq!(frames[4].comments, [&long[..65_532]]);
}

#[test]
fn bytes_are_read_where_they_were_put() {
    let mut file = pcap_header(Order::Little, 0xa1b2_c3d4, 1);
    file.extend(pcap_record(Order::Little, 0, 0, 1000, &[7; 1000], false));
    let mut reader = Reader::new();
    let space = reader.space(file.len());
    space[..file.len()].copy_from_slice(&file);
    let places = space.as_ptr_range();
    reader.filled(file.len());
    let bytes = reader.next().unwrap().unwrap().bytes;
    assert!(places.contains(&bytes.as_ptr()));
    assert_eq!(bytes, [7; 1000]);
}
