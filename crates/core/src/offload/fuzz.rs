//! Bodies of fuzz targets: whatever the bytes, nothing panics and every packet is counted once.

use super::Batch;
use super::merge::Received;
use super::wrap::Wrapper;
use crate::format::crapvpn;
use crate::tunnel::Config;

fn batch(device_header: bool) -> Option<Batch> {
    let config = Config { key: vec![0x12, 0x34, 0xab, 0xcd], ..Config::default() };
    let wrapper = Wrapper::new(&crapvpn(), &config).ok()?;
    Some(Batch::new(wrapper, device_header, 2))
}

/// One read from a device.
pub fn split(data: &[u8]) {
    for device_header in [true, false] {
        let Some(mut batch) = batch(device_header) else { return };
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
/// bytes their datagrams are. They are deciphered with a key that leaves them readable in a corpus:
/// what is in them is enciphered here.
pub fn merge(data: &[u8]) {
    let Some(mut batch) = batch(true) else { return };
    let Some(([first, sizes @ ..], data)) = data.split_first_chunk::<3>() else { return };
    let (first, second) = data.split_at(usize::from(*first).min(data.len()));
    let room_bytes = super::batch::ROOM_BYTES;
    for (number, (message, size)) in [first, second].into_iter().zip(sizes).enumerate() {
        let bytes = message.len().min(room_bytes);
        let room = batch.inbox().rooms().iter_mut().skip(number * room_bytes);
        for (to, from) in room.zip(message) {
            *to = *from;
        }
        let entry = Received {
            message: u32::try_from(number).unwrap_or(0),
            bytes: u32::try_from(bytes).unwrap_or(0),
            datagram_bytes: u32::from(*size),
        };
        if let Some(place) = batch.inbox().table().get_mut(number) {
            *place = entry;
        }
    }
    batch.receive(2);
    let mut written = 0;
    while batch.merge() > 0 {
        for write in batch.writes().table() {
            assert_eq!(batch.writes().bytes(write).len(), write.bytes as usize);
            written += u64::from(write.packets);
        }
    }
    let flow = batch.wrap().tunnel().counters().r#in;
    assert_eq!(flow.packets, written);
}
