//! The core's kernels, native: what `npm run bench:core` shows beside those in wasm.
//!
//! Standard input holds one read of a device, a super-packet with its virtio header. Prints JSON: of
//! each kernel the nanoseconds that a packet took, round by round.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a measurement that went wrong says so by panicking"
)]

use crapvpn_core::format::Format;
use crapvpn_core::offload::batch::ROOM_BYTES;
use crapvpn_core::offload::inbox::Received;
use crapvpn_core::offload::virtio::HEADER_BYTES;
use crapvpn_core::offload::wrap::Wrapper;
use crapvpn_core::offload::{Batch, pass};
use crapvpn_core::tunnel::Config;
use std::hint::black_box;
use std::io::{Read, stdin};
use std::time::{Duration, Instant};

/// Bytes of a full packet's payload.
const PACKET_BYTES: usize = 1400;
const KEY_BYTES: [usize; 2] = [4, 24];
/// How long a kernel is repeated in each round: many times what the clock resolves.
const BLOCK: Duration = Duration::from_millis(2);

struct Kernel {
    name: &'static str,
    packet_bytes: usize,
    key_bytes: usize,
    times: u32,
    ns_per_packet: Vec<f64>,
    run: Box<dyn FnMut()>,
}

impl Kernel {
    fn new(
        name: &'static str,
        packet_bytes: usize,
        key_bytes: usize,
        run: impl FnMut() + 'static,
    ) -> Self {
        let (ns_per_packet, run) = (Vec::new(), Box::new(run));
        Self { name, packet_bytes, key_bytes, times: 1, ns_per_packet, run }
    }

    fn time(&mut self) -> Duration {
        let start = Instant::now();
        for _ in 0..self.times {
            (self.run)();
        }
        start.elapsed()
    }

    fn json(&self) -> String {
        let Self { name, packet_bytes, key_bytes, ns_per_packet, .. } = self;
        let key = if *key_bytes == 0 { "null".into() } else { key_bytes.to_string() };
        format!(
            r#"{{"name":"{name}","packetBytes":{packet_bytes},"keyBytes":{key},"nsPerPacket":{ns_per_packet:?}}}"#
        )
    }
}

fn key(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i * 37 + 11).to_le_bytes()[0]).collect()
}

fn batch(key_bytes: usize) -> Batch {
    let format = Format::built_in("crapvpn").unwrap();
    let config = Config { key: key(key_bytes), ..Config::default() };
    Batch::new(Wrapper::new(&format, &config).unwrap(), true, 4)
}

/// The passes over the bytes of one packet.
fn passes(bytes: usize) -> Vec<Kernel> {
    let buffers = || (vec![1; bytes], vec![2; bytes]);
    let keystream = key(24).into_iter().cycle().take(bytes).collect::<Vec<u8>>();
    let (from, mut to) = buffers();
    let copy = move || black_box(&mut to).copy_from_slice(black_box(&from));
    let (from, _) = buffers();
    let checksum = move || {
        black_box(pass::sum(black_box(&from)));
    };
    let ((from, mut to), stream) = (buffers(), keystream.clone());
    let out = move || {
        black_box(pass::encipher(black_box(&mut to), black_box(&from), &stream));
    };
    let ((from, mut to), stream) = (buffers(), keystream);
    let back = move || {
        black_box(pass::decipher(black_box(&mut to), black_box(&from), &stream));
    };
    vec![
        Kernel::new("copy", bytes, 0, copy),
        Kernel::new("checksum", bytes, 0, checksum),
        Kernel::new("out", bytes, 24, out),
        Kernel::new("in", bytes, 24, back),
    ]
}

/// A super-packet split, and its datagrams merged again. As in wasm, `merge` fills the rooms anew each
/// time, as the kernel does.
fn batches(read: &'static [u8], bytes: usize, key_bytes: usize) -> Vec<Kernel> {
    let (mut here, mut there) = (batch(key_bytes), batch(key_bytes));
    here.read()[..read.len()].copy_from_slice(read);
    here.split(read.len()).unwrap();
    let messages: Vec<(Vec<u8>, u32)> = here
        .sends()
        .table()
        .iter()
        .map(|send| {
            let (start, end) = (send.offset as usize, (send.offset + send.bytes) as usize);
            (here.sends().area()[start..end].to_vec(), send.datagram_bytes)
        })
        .collect();
    let split = move || {
        here.sent();
        here.split(read.len()).unwrap();
    };
    let merge = move || {
        for (number, (message, datagram_bytes)) in messages.iter().enumerate() {
            there.inbox().rooms()[number * ROOM_BYTES..][..message.len()].copy_from_slice(message);
            there.inbox().table()[number] = Received {
                message: u32::try_from(number).unwrap(),
                bytes: u32::try_from(message.len()).unwrap(),
                datagram_bytes: *datagram_bytes,
            };
        }
        there.receive(messages.len());
        assert_eq!(there.merge(), 1, "merge made more than one write of one flow");
        there.merge();
    };
    vec![
        Kernel::new("split", bytes, key_bytes, split),
        Kernel::new("merge", bytes, key_bytes, merge),
    ]
}

fn main() {
    let rounds = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(51);
    let mut read = Vec::new();
    stdin().read_to_end(&mut read).expect("standard input holds one read of a device");
    let read: &'static [u8] = read.leak();
    // Behind virtio's header, an IPv4 header and one of TCP with timestamps.
    let bytes = read.len() - HEADER_BYTES - 20 - 32;

    let mut kernels = passes(PACKET_BYTES);
    kernels.extend(passes(bytes));
    for key_bytes in KEY_BYTES {
        kernels.extend(batches(read, bytes, key_bytes));
    }
    for kernel in &mut kernels {
        while kernel.time() < BLOCK {
            kernel.times *= 2;
        }
    }
    for _ in 0..rounds {
        for kernel in &mut kernels {
            let ns = kernel.time().as_secs_f64() * 1e9 / f64::from(kernel.times);
            kernel.ns_per_packet.push(ns);
        }
    }
    let rows: Vec<String> = kernels.iter().map(Kernel::json).collect();
    println!("[{}]", rows.join(","));
}
