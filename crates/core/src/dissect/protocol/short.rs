//! What is said of a frame of which the capture kept only the beginning.

use crate::dissect::field::fields;

fields! { Short = "_ws.short", "Packet size limited during capture"; }
