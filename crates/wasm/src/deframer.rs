//! Datagrams out of a stream.
//!
//! The stream's bytes are put into a buffer inside wasm memory, and the frames lie there: only
//! integers cross for each.

use crate::{CoreError, DropReport, Format, plain};
use crapvpn_core::drop::Drop;
use crapvpn_core::format::{self, Cut};
use tsify::Ts;
use wasm_bindgen::prelude::*;

/// Cuts one stream into datagrams.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Deframer {
    inner: format::Deframer,
    frame_start: usize,
    lost: Option<Drop>,
}

#[wasm_bindgen]
impl Deframer {
    /// For one stream of a format.
    ///
    /// # Errors
    /// `cannot_run` if nothing says where its frames end.
    #[wasm_bindgen(constructor)]
    pub fn new(format: &Format) -> Result<Self, CoreError> {
        let name = &format.format.name;
        let unframed = || format!("{name}: on TCP nothing says where a frame ends");
        let inner = format::Deframer::new(&format.format)
            .ok_or_else(|| CoreError::new("cannot_run", unframed()))?;
        Ok(Self { inner, frame_start: 0, lost: None })
    }

    /// Where its buffer begins in wasm memory. It stays there.
    #[must_use]
    pub fn buffer_address(&self) -> usize {
        self.inner.buffer().as_ptr() as usize
    }

    /// Bytes of the buffer.
    #[must_use]
    pub fn buffer_bytes(&self) -> usize {
        self.inner.buffer().len()
    }

    /// Where in the buffer the next bytes of the stream go: up to its end. There is room once `cut`
    /// has found no frame any more.
    pub fn room_start(&mut self) -> usize {
        self.inner.room().start
    }

    /// So many bytes were put there.
    pub fn filled(&mut self, bytes: usize) {
        self.inner.filled(bytes);
    }

    /// Takes the next frame and returns its length; 0 if none is whole, −1 if none will ever be.
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "in a buffer")]
    pub fn cut(&mut self) -> i32 {
        match self.inner.cut() {
            Cut::Frame(frame) => {
                self.frame_start = frame.start;
                frame.len() as i32
            }
            Cut::Partial => 0,
            Cut::Lost(drop) => {
                self.lost = Some(drop);
                -1
            }
        }
    }

    /// Where in the buffer the last frame begins that was taken.
    #[must_use]
    pub fn frame_start(&self) -> usize {
        self.frame_start
    }

    /// Why no frame will come any more; nothing as long as one may.
    ///
    /// # Errors
    /// None that could occur.
    pub fn lost(&self) -> Result<Option<Ts<DropReport>>, CoreError> {
        let report = |drop: &Drop| DropReport::new(drop, self.inner.field_name(drop.field));
        self.lost.as_ref().map(|drop| plain(&report(drop))).transpose()
    }
}
