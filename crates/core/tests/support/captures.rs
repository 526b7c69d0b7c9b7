//! Captures of literal bytes, made without our writer.

/// Which byte of a number comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, number: u16) -> [u8; 2] {
        if self == Self::Big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn u32(self, number: u32) -> [u8; 4] {
        if self == Self::Big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn u64(self, number: u64) -> [u8; 8] {
        if self == Self::Big { number.to_be_bytes() } else { number.to_le_bytes() }
    }
}

/// The header of a pcap file, version 2.4.
pub(crate) fn pcap_header(order: Order, magic: u32, link: u32) -> Vec<u8> {
    let version = [order.u16(2), order.u16(4)].concat();
    let words = [0, 0, 65_535, link].map(|word| order.u32(word)).concat();
    [&order.u32(magic)[..], &version, &words].concat()
}

/// A record; a modified one has 8 more bytes of header.
pub(crate) fn pcap_record(
    order: Order,
    seconds: u32,
    fraction: u32,
    original: u32,
    bytes: &[u8],
    modified: bool,
) -> Vec<u8> {
    let captured = u32::try_from(bytes.len()).unwrap();
    let words = [seconds, fraction, captured, original].map(|word| order.u32(word)).concat();
    let more: &[u8] = if modified { &[9; 8] } else { &[] };
    [&words[..], more, bytes].concat()
}

/// A block of pcapng in the making.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    order: Order,
    kind: u32,
    pub(crate) body: Vec<u8>,
    has_options: bool,
}

impl Block {
    pub(crate) fn new(order: Order, kind: u32) -> Self {
        Self { order, kind, body: Vec::new(), has_options: false }
    }

    /// A section of version 1.0 and unknown length.
    pub(crate) fn section(order: Order) -> Self {
        Self::new(order, 0x0a0d_0d0a).u32(0x1a2b_3c4d).u16(1).u16(0).u64(u64::MAX)
    }

    pub(crate) fn interface(order: Order, link: u16, snap_length: u32) -> Self {
        Self::new(order, 1).u16(link).u16(0).u32(snap_length)
    }

    pub(crate) fn u16(self, number: u16) -> Self {
        let bytes = self.order.u16(number);
        self.bytes(&bytes)
    }

    pub(crate) fn u32(self, number: u32) -> Self {
        let bytes = self.order.u32(number);
        self.bytes(&bytes)
    }

    pub(crate) fn u64(self, number: u64) -> Self {
        let bytes = self.order.u64(number);
        self.bytes(&bytes)
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.body.extend(bytes);
        self
    }

    /// Pads to 4 bytes.
    pub(crate) fn padded(mut self) -> Self {
        self.body.resize(self.body.len().next_multiple_of(4), 0);
        self
    }

    pub(crate) fn option(self, number: u16, value: &[u8]) -> Self {
        let length = u16::try_from(value.len()).unwrap();
        let with = self.u16(number).u16(length).bytes(value).padded();
        Self { has_options: true, ..with }
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        let end: &[u8] = if self.has_options { &[0; 4] } else { &[] };
        let length = u32::try_from(self.body.len() + end.len() + 12).unwrap();
        let length = self.order.u32(length);
        [&self.order.u32(self.kind)[..], &length, &self.body, end, &length].concat()
    }
}
