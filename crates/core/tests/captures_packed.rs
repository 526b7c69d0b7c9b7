//! Captures packed by gzip and zstd: whole, in parts, cut, damaged, and far larger than they look.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says so by panicking")]

mod support;

use crapvpn_core::capture::{CaptureError, Fault, Reader};
use flate2::{Compression, GzBuilder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::io::Write;
use support::captures::{Order, pcap_header, pcap_record};

/// A capture of so many frames, each with its number as bytes.
fn capture(frames: u32) -> Vec<u8> {
    let mut file = pcap_header(Order::Little, 0xa1b2_c3d4, 1);
    for number in 0..frames {
        let bytes = number.to_be_bytes().repeat(20);
        file.extend(pcap_record(Order::Little, number, 0, 80, &bytes, false));
    }
    file
}

/// Frames of a file that comes in pieces, all of them checked, and what ended it.
fn read_in(piece: usize, file: &[u8]) -> (u64, Option<CaptureError>) {
    let mut reader = Reader::new();
    let mut frames = 0;
    for piece in file.chunks(piece).map(Some).chain([None]) {
        match piece {
            Some(piece) => reader.push(piece),
            None => reader.finish(),
        }
        loop {
            let frame = match reader.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            };
            let number = u32::try_from(frames).unwrap();
            assert_eq!(frame.bytes, number.to_be_bytes().repeat(20));
            assert_eq!(frame.file_offset, 24 + 96 * frames);
            frames += 1;
            assert_eq!(frame.number, frames);
        }
    }
    (frames, None)
}

/// Frames of whatever file, and what ended it.
fn frames(file: &[u8]) -> (Vec<Vec<u8>>, Option<CaptureError>) {
    let mut reader = Reader::new();
    reader.push(file);
    reader.finish();
    let mut frames = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(frame)) => frames.push(frame.bytes.to_vec()),
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error)),
        }
    }
}

fn read(file: &[u8]) -> (u64, Option<CaptureError>) {
    let whole = read_in(usize::MAX, file);
    for piece in [1, 7, 1000] {
        assert_eq!(read_in(piece, file), whole, "pieces of {piece}");
    }
    whole
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    gzip_as(GzBuilder::new(), bytes)
}

fn gzip_as(header: GzBuilder, bytes: &[u8]) -> Vec<u8> {
    let mut writer = header.write(Vec::new(), Compression::default());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// Frames and fault of a file, and where in the packed or unpacked one.
fn fault(file: &[u8]) -> (u64, Fault, u64, bool) {
    let (frames, error) = read(file);
    let error = error.unwrap();
    (frames, error.fault, error.file_offset, error.is_unpacked)
}

#[test]
fn whole_and_in_several_parts() {
    let file = capture(3000);
    for pack in [gzip, zstd] {
        assert_eq!(read_in(1, &pack(&file)), (3000, None));
        assert_eq!(read_in(1000, &pack(&file)), (3000, None));
        let parts: Vec<u8> = file.chunks(70_001).flat_map(pack).collect();
        assert_eq!(read_in(1000, &parts), (3000, None));
        let file = &file[..24 + 96 * 100];
        let with_empty = [pack(&[]), pack(&file[..5]), pack(&[]), pack(&file[5..])].concat();
        assert_eq!(read(&with_empty), (100, None));
    }
}

#[test]
fn everything_that_a_gzip_header_may_have() {
    let header = || GzBuilder::new().mtime(7).filename("x.pcap").comment("y").extra(vec![1; 300]);
    let file = capture(10);
    let mut packed = gzip_as(header(), &file);
    assert_eq!(read(&packed), (10, None));
    // A checksum of the header, which nobody looks at.
    let end = 10 + 2 + 300 + 7 + 2;
    packed[3] |= 2;
    packed.splice(end..end, [1, 2]);
    assert_eq!(read(&packed), (10, None));
    packed.extend([0; 1000]);
    assert_eq!(read(&packed), (10, None), "padded with zeros");
}

#[test]
fn skippable_zstd_frames_are_skipped() {
    let skipped = [&[0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0][..], b"hello"].concat();
    let file = capture(10);
    let packed = [&skipped[..], &zstd(&file[..100]), &skipped, &zstd(&file[100..]), &skipped];
    assert_eq!(read(&packed.concat()), (10, None));
    let cut = [&zstd(&file)[..], &skipped[..9]].concat();
    let (frames, error) = read(&cut);
    assert_eq!((frames, error.unwrap().fault), (10, Fault::PackingCut { by: "zstd" }));
}

#[test]
fn cut_anywhere_keeps_what_was_before() {
    let file = capture(200);
    for (by, packed) in [("gzip", gzip(&file)), ("zstd", zstd(&file))] {
        let mut most = 0;
        for end in 4..packed.len() {
            let (frames, error) = read_in(usize::MAX, &packed[..end]);
            let error = error.unwrap();
            assert_eq!(error.fault, Fault::PackingCut { by }, "{end}");
            assert!(!error.is_unpacked && error.file_offset <= end as u64);
            assert!(frames >= most, "{end}");
            most = frames;
        }
        assert_eq!(most, 200, "all but the checksum");
    }
    // Whole blocks of zstd, 128 KiB each, are read though their frame is not whole.
    let packed = zstd(&capture(4000));
    let (frames, error) = read_in(usize::MAX, &packed[..packed.len() * 3 / 4]);
    assert_eq!(error.unwrap().fault, Fault::PackingCut { by: "zstd" });
    assert_eq!(frames, (2 * 128 * 1024 - 24) / 96);
    // Packed whole, but what is packed is cut.
    for pack in [gzip, zstd] {
        let cut = Fault::Cut { inside: "a frame", expected: 96, found: 50 };
        let packed = pack(&file[..24 + 96 * 5 + 50]);
        assert_eq!(fault(&packed), (5, cut, 24 + 96 * 5, true));
    }
}

#[test]
fn damage_is_found() {
    let file = capture(200);
    let (expected, _) = frames(&file);
    let wrong = |by, what| Fault::Packing { by, what };
    for (by, packed) in [("gzip", gzip(&file)), ("zstd", zstd(&file))] {
        // What is not found is harmless: a gzip header's time, another way to pack the same.
        let mut unnoticed = 0;
        for place in (0..packed.len()).step_by(3) {
            let mut damaged = packed.clone();
            damaged[place] ^= 0x10;
            let (frames, error) = frames(&damaged);
            if error.is_none() {
                assert!(frames == expected, "{by}: byte {place}");
                unnoticed += 1;
            }
        }
        assert!(unnoticed < packed.len() / 20, "{by}: {unnoticed} of {}", packed.len());
        let followed = [&packed[..], b"hello"].concat();
        let (frames, found, offset, _) = fault(&followed);
        assert_eq!((frames, found), (200, wrong(by, "is followed by something else")));
        assert_eq!(offset, packed.len() as u64);
        let followed = [&packed[..], b"\x1f"].concat();
        assert_eq!(fault(&followed).1, wrong(by, "is followed by something else"));
    }
    let packed = gzip(&file);
    for (place, what) in [(8, "has a wrong checksum"), (4, "has a wrong length")] {
        let mut damaged = packed.clone();
        let at = packed.len() - place;
        damaged[at] ^= 1;
        assert_eq!(fault(&damaged).1, wrong("gzip", what));
    }
    let mut damaged = zstd(&file);
    let at = damaged.len() - 1;
    damaged[at] ^= 1;
    assert_eq!(fault(&damaged).1, wrong("zstd", "has a wrong checksum"));
    let mut damaged = packed;
    damaged[2] = 7;
    assert_eq!(fault(&damaged).1, wrong("gzip", "has an unknown header"));
    let endless = [&[0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 0][..], &vec![b'x'; 300_000]].concat();
    assert_eq!(read_in(50_000, &endless).1.unwrap().fault, wrong("gzip", "has an endless header"));
}

#[test]
fn what_is_not_read_is_named() {
    let packed = |by| (0, Fault::Packed { by }, 0);
    let named = |file: &[u8]| {
        let (frames, fault, offset, _) = fault(file);
        (frames, fault, offset)
    };
    assert_eq!(named(b"\xfd7zXZ\0"), packed("xz"));
    assert_eq!(named(b"BZh91AY"), packed("bzip2"));
    assert_eq!(named(b"\x04\x22\x4d\x18"), packed("lz4"));
    assert_eq!(named(b"PK\x03\x04abc"), packed("zip"));
    assert_eq!(named(&gzip(&gzip(&capture(1)))), packed("two programs"));
    assert_eq!(named(&zstd(b"BZh91AY")), packed("bzip2"));
    // A window of 64 MiB; a dictionary.
    let window = [0x28, 0xb5, 0x2f, 0xfd, 0, 16 << 3, 1, 0, 0, 0];
    assert_eq!(named(&window), packed("zstd with a window of more than 32 MiB"));
    let dictionary = [0x28, 0xb5, 0x2f, 0xfd, 1, 0, 7, 1, 0, 0];
    assert_eq!(named(&dictionary), packed("zstd with a dictionary"));
    assert_eq!(named(&gzip(b"")).1, Fault::Empty);
}

/// Frames of a file that is mostly zeros, which are frames without bytes.
fn empty_frames(file: &[u8]) -> u64 {
    let mut reader = Reader::new();
    reader.push(file);
    reader.finish();
    let mut frames = 0;
    while let Some(frame) = reader.next().unwrap() {
        assert!(frame.bytes.is_empty());
        frames += 1;
    }
    frames
}

#[test]
fn bombs_are_unpacked_a_little_at_a_time() {
    let mebibytes = 8;
    let mut file = pcap_header(Order::Little, 0xa1b2_c3d4, 1);
    file.resize(24 + (mebibytes << 20), 0);
    let packed = gzip(&file);
    assert!(packed.len() < 100_000);
    assert_eq!(empty_frames(&packed), (mebibytes as u64) << 16);
    // zstd blocks of one byte, repeated 128 Ki times.
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];
    let raw = u32::try_from(24 << 3).unwrap().to_le_bytes();
    bomb.extend([&raw[..3], &file[..24]].concat());
    let repeated = (128u32 << 10 << 3 | 1 << 1).to_le_bytes();
    for block in 1..=mebibytes * 8 {
        let last = u8::from(block == mebibytes * 8);
        bomb.extend([repeated[0] | last, repeated[1], repeated[2], 0]);
    }
    assert_eq!(empty_frames(&bomb), (mebibytes as u64) << 16);
}
