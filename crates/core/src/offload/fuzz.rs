//! Bodies of fuzz targets: whatever the bytes, nothing panics and every packet is counted once.

use super::Batch;
use super::inbox::Received;
use super::wrap::Wrapper;
use crate::cipher::xor::Xor;
use crate::format::Format;
use crate::tunnel::Config;

const KEY: [u8; 4] = [0x12, 0x34, 0xab, 0xcd];
/// Bytes of the header of `crapvpn`.
const HEADER_BYTES: usize = 8;

fn batch(enciphers: bool, device_header: bool) -> Option<Batch> {
    let config = Config { key: KEY.to_vec().into(), ..Config::default() };
    let mut format = Format::built_in("crapvpn")?;
    format.cipher = format.cipher.filter(|_| enciphers);
    let wrapper = Wrapper::new(&format, &config).ok()?;
    Some(Batch::new(wrapper, device_header, 2))
}

/// One read from a device.
pub fn split(data: &[u8]) {
    for device_header in [true, false] {
        let Some(mut batch) = batch(true, device_header) else { return };
        let bytes = data.len().min(batch.read().len());
        for (to, from) in batch.read().iter_mut().zip(data) {
            *to = *from;
        }
        assert!(batch.split(bytes).is_ok(), "an empty area has room for everything");
        let out = batch.wrap().tunnel().counters().out;
        let sent: u32 = batch.sends().table().iter().map(|send| send.datagrams).sum();
        assert_eq!(out.packets, u64::from(sent));
        assert!(out.packets + out.dropped() > 0);
        for send in batch.sends().table() {
            let places: Vec<_> = send.datagrams().collect();
            assert_eq!(places.len(), send.datagrams as usize);
            assert!(places.iter().all(|place| batch.sends().area().get(place.clone()).is_some()));
        }
    }
}

/// Two messages: the first byte tells how long the first one is, the second and third of how many
/// bytes their datagrams are. Packets are plain, and enciphered here, so that a corpus is readable.
pub fn merge(data: &[u8]) {
    let plain = merge_with(false, data);
    assert_eq!(plain, merge_with(true, data), "the cipher changes nothing");
}

/// The writes that come of it.
fn merge_with(enciphers: bool, data: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut batch = batch(enciphers, true)?;
    let xor = Xor::new(&KEY).ok()?;
    let ([first, sizes @ ..], data) = data.split_first_chunk::<3>()?;
    let (first, second) = data.split_at(usize::from(*first).min(data.len()));
    let room_bytes = super::batch::ROOM_BYTES;
    for (number, (message, size)) in [first, second].into_iter().zip(sizes).enumerate() {
        let bytes = message.len().min(room_bytes);
        let room = batch.inbox().rooms().chunks_mut(room_bytes).nth(number)?.get_mut(..bytes)?;
        room.copy_from_slice(message.get(..bytes)?);
        let datagram_bytes = if *size == 0 { bytes.max(1) } else { usize::from(*size) };
        for datagram in room.chunks_mut(datagram_bytes).filter(|_| enciphers) {
            xor.apply(datagram.get_mut(HEADER_BYTES..).unwrap_or_default());
        }
        *batch.inbox().table().get_mut(number)? = Received {
            message: u32::try_from(number).ok()?,
            bytes: u32::try_from(bytes).ok()?,
            datagram_bytes: u32::from(*size),
        };
    }
    batch.receive(2);
    let mut written = Vec::new();
    let mut packets = 0;
    while batch.merge() > 0 {
        for write in batch.writes().table() {
            let bytes = batch.writes().bytes(write);
            assert_eq!(bytes.len(), write.bytes as usize);
            written.push(bytes.to_vec());
            packets += u64::from(write.packets);
        }
    }
    assert_eq!(batch.wrap().tunnel().counters().r#in.packets, packets);
    Some(written)
}
