//! Dissections as text, into one growing buffer of bytes: a list, a tree, bytes in hexadecimal,
//! fields, JSON.
//!
//! Text of packets is data: control characters are escaped wherever it is shown.

pub mod fields;
pub mod hex;
pub mod json;
pub mod list;
mod number;
mod text;
pub mod tree;
pub mod value;

pub use fields::{Fields, UnknownField};
pub use list::List;
