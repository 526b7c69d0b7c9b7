//! Many packets at a time, as the kernel's offloads give and take them.
//!
//! - A device opened with `IFF_VNET_HDR` gives **super-packets**: up to 64 KiB of one TCP or UDP
//!   flow under one header, with a [`virtio`] header before it. [`split`] makes of it the packets
//!   that it stands for, and of each its datagram, one behind the other, so that one send with
//!   `UDP_SEGMENT` takes them all.
//! - A socket with `UDP_GRO` gives many datagrams in one message. [`merge`] makes packets of them,
//!   and super-packets of the packets wherever splitting those again gives the very same packets.
//! - [`batch`] holds the memory for both, and [`wrap`] is all that they ask of a tunnel.
//!
//! Copying, enciphering and summing are one [`pass`] over the bytes where the format allows it. What
//! is not perfectly regular goes the tunnel's own way, packet by packet, and is dropped there for
//! the same reasons as ever.

pub mod batch;
pub mod checksum;
mod flow;
#[doc(hidden)]
pub mod fuzz;
mod head;
pub mod inbox;
mod item;
mod lanes;
pub mod merge;
mod open;
pub mod pass;
mod probe;
#[cfg(test)]
mod properties;
pub mod reports;
mod run;
pub mod segments;
pub mod sends;
pub mod split;
#[cfg(test)]
mod testing;
pub mod virtio;
pub mod wrap;
pub mod writes;

pub use batch::Batch;
pub use head::Link;

/// The `N` bytes at `offset`, or zeros where there are none: never a panic.
fn read<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    bytes.get(offset..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
}

/// Writes `value` at `offset`, if there is room: the caller has checked that there is.
fn write<const N: usize>(bytes: &mut [u8], offset: usize, value: [u8; N]) {
    if let Some(place) = bytes.get_mut(offset..).and_then(<[u8]>::first_chunk_mut) {
        *place = value;
    }
}

/// The number of two bytes at `offset`, in network order.
fn read_u16(bytes: &[u8], offset: usize) -> u16 {
    u16::from_be_bytes(read(bytes, offset))
}
