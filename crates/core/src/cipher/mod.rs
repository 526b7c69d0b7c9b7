//! Ciphers: what makes a packet unreadable on its way.

pub mod xor;
