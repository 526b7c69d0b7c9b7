//! Frames of a capture taken apart into trees of fields, each with its bytes.
//!
//! - a [`Dissector`] takes frames in order, since streams and fragments span them;
//! - a [`Dissection`] is what it makes of one frame: a flat list of [`Node`]s, and the bytes that
//!   they point into. It is reused from frame to frame, so that a frame costs no allocation;
//! - a [`Registry`] tells what the fields are called and how their values are shown.
//!
//! The protocols stand in [`mod@protocol`], one a file. Names, values and places of their fields are
//! those of Wireshark; what Wireshark shows and we do not is simply absent.

mod conversation;
mod dissection;
mod dissector;
mod field;
pub mod fuzz;
mod node;
pub mod protocol;
mod reassembly;
pub mod show;
mod span;
pub mod tunnel;

pub use dissection::{Columns, Dissection, Place, Source, SourceKind};
pub use dissector::{Dissector, Frame, Link, Options};
pub use field::{Definition, FieldId, Kind, Names, Registry};
pub use node::{Bits, Flags, Node, Value};
pub use span::Span;
