//! The bit diagram of a format, as RFCs draw headers: as text and as SVG.
//!
//! The layout decides what is drawn and where: rows of 32 bits, cut into cells, under the conditions
//! that they depend on. The two renderers only put it into characters or shapes.
//!
//! Titles come from whoever wrote the description: whatever they hold, no cell outgrows its bits and
//! nothing steers a terminal or a browser.

mod ascii;
mod cell;
mod column;
mod label;
mod layout;
mod legend;
mod svg;
mod text;
mod value;

use super::Format;
use layout::Layout;

/// Bits in a row.
const ROW_BITS: usize = 32;

/// The diagram as text: lines of at most 72 columns, those of the grid of 65.
#[must_use]
pub fn ascii(format: &Format) -> String {
    ascii::draw(&Layout::of(format))
}

/// The diagram as an SVG document: without scripts and references, so that it may stand by itself
/// or in a page. It follows the reader's choice of light or dark; a page has the last word by the
/// CSS variables `--diagram-ink`, `--diagram-paper`, `--diagram-line` and `--diagram-enciphered`.
#[must_use]
pub fn svg(format: &Format) -> String {
    svg::draw(&Layout::of(format))
}
