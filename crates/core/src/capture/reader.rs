//! Reads a capture that comes in pieces.

use super::block::{At, Record, Step};
use super::buffer::Buffer;
use super::error::{CaptureError, Fault};
use super::link::LinkType;
use super::options::Comments;
use super::packing::{Progress, Unpacker};
use super::pcap::{self, Pcap};
use super::pcapng::{self, Pcapng};
use super::time::Time;

/// Bytes that tell what kind of file this is.
const MAGIC_BYTES: usize = 4;

/// A capture, read in pieces. Push a piece, then take frames until there is none; when the file has
/// ended, say so with [`Reader::finish`] and take the rest.
///
/// What is held is what was pushed and not read yet; a block, of 16 MiB at most; up to 65,536
/// interfaces; for a packed file up to 32 MiB that the unpacker copies from, and what it made last.
/// A packed file is unpacked as frames are taken.
#[derive(Debug, Default)]
pub struct Reader {
    input: Buffer,
    /// What unpacks the input, if it is packed, and what came of it.
    unpacked: Option<(Unpacker, Buffer)>,
    format: Option<Format>,
    /// Frames given so far.
    frames: u64,
    is_finished: bool,
    /// What ended the reading.
    error: Option<CaptureError>,
}

#[derive(Debug)]
enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// A frame of a capture. Its bytes stay where they were pushed to.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Its place in the file, from 1.
    pub number: u64,
    /// When it was recorded; simple packet blocks do not say.
    pub time: Option<Time>,
    /// Decimals of a second that the file tells, 0 to 9.
    pub decimals: u8,
    /// The interface's number in its section, from 0.
    pub interface: u32,
    /// The interface's name.
    pub interface_name: Option<&'a str>,
    /// What the frame begins with.
    pub link: LinkType,
    /// What was recorded of it.
    pub bytes: &'a [u8],
    /// Bytes that it had, never fewer than were recorded.
    pub original_length: u32,
    /// What people wrote to it.
    pub comments: Comments<'a>,
    /// Where its record begins in the (unpacked) file.
    pub file_offset: u64,
}

impl Reader {
    /// A reader of a file that nothing is known of.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Room for the file's next bytes, at least so many. Fill it from its beginning, then call
    /// [`Reader::filled`]: the bytes are never copied.
    pub fn space(&mut self, least: usize) -> &mut [u8] {
        self.input.space(least)
    }

    /// Says that so many bytes of [`Reader::space`] are the file's next ones.
    pub fn filled(&mut self, count: usize) {
        self.input.filled(count);
    }

    /// Takes a copy of the file's next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.input.push(bytes);
    }

    /// Says that the file ends here.
    pub fn finish(&mut self) {
        self.is_finished = true;
    }

    /// The next frame; none if that needs more of the file, or, when it has ended, if there is
    /// none left.
    ///
    /// # Errors
    /// [`CaptureError`] where the file cannot be read on, once and ever after.
    #[expect(clippy::should_implement_trait, reason = "an iterator's items cannot borrow from it")]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        match self.record() {
            Ok(None) => Ok(None),
            Ok(Some(record)) => Ok(Some(self.frame(&record))),
            Err(error) => {
                self.error = Some(error);
                Err(error)
            }
        }
    }

    /// Reads on to a frame, which stays in front of the unread bytes.
    fn record(&mut self) -> Result<Option<Record>, CaptureError> {
        loop {
            let plain = self.unpacked.as_ref().map_or(&self.input, |(_, bytes)| bytes);
            let step = match &mut self.format {
                None => self.recognise(),
                Some(Format::Pcap(pcap)) => pcap.step(plain.unread()),
                Some(Format::Pcapng(pcapng)) => pcapng.step(plain.unread()),
            };
            match step.map_err(|At(place, fault)| self.error(place, fault))? {
                Step::Frame(record) => return Ok(Some(record)),
                Step::Passes(bytes) => self.plain_mut().read(bytes),
                Step::Needs(expected, inside) => {
                    if !self.unpack()? {
                        return self.ends(expected, inside).map_or(Ok(None), Err);
                    }
                }
            }
        }
    }

    /// The file's bytes, unpacked.
    fn plain(&self) -> &Buffer {
        self.unpacked.as_ref().map_or(&self.input, |(_, bytes)| bytes)
    }

    fn plain_mut(&mut self) -> &mut Buffer {
        self.unpacked.as_mut().map_or(&mut self.input, |(_, bytes)| bytes)
    }

    /// Unpacks a piece; false if the file is not packed, or no more can be done.
    fn unpack(&mut self) -> Result<bool, CaptureError> {
        let Some((unpacker, bytes)) = &mut self.unpacked else { return Ok(false) };
        let fault = match unpacker.unpack(self.input.unread(), self.is_finished, bytes) {
            Ok(Progress::Took(count)) => {
                self.input.read(count);
                return Ok(true);
            }
            Ok(Progress::Needs) if self.is_finished => Fault::PackingCut { by: unpacker.name() },
            Ok(Progress::Needs | Progress::Between) => return Ok(false),
            Err(fault) => fault,
        };
        Err(CaptureError { fault, file_offset: self.input.offset(), is_unpacked: false })
    }

    /// The error of a file that ends here, unless there is more to come or nothing missing.
    fn ends(&self, expected: usize, inside: &'static str) -> Option<CaptureError> {
        let found = self.plain().unread().len();
        if !self.is_finished || (found == 0 && self.format.is_some()) {
            return None;
        }
        let cut = Fault::Cut { inside, expected: expected as u64, found: found as u64 };
        Some(self.error(0, if found == 0 { Fault::Empty } else { cut }))
    }

    fn error(&self, place: usize, fault: Fault) -> CaptureError {
        let file_offset = self.plain().offset() + place as u64;
        CaptureError { fault, file_offset, is_unpacked: self.unpacked.is_some() }
    }

    /// Finds out what kind of file this is, and reads the header if there is one.
    fn recognise(&mut self) -> Result<Step, At> {
        const HEADER: &str = "the file's header";
        let unread = self.plain().unread();
        let Some(found) = unread.first_chunk::<MAGIC_BYTES>().copied() else {
            return Ok(Step::Needs(MAGIC_BYTES, HEADER));
        };
        if pcapng::is_pcapng(&found) {
            self.format = Some(Format::Pcapng(Pcapng::new()));
            return Ok(Step::Passes(0));
        }
        if !pcap::is_pcap(&found) {
            let unpacker = Unpacker::new(found).map_err(|fault| At(0, fault))?;
            let unpacker = unpacker.ok_or(At(0, Fault::NotACapture { found }))?;
            if self.unpacked.is_some() {
                return Err(At(0, Fault::Packed { by: "two programs" }));
            }
            self.unpacked = Some((unpacker, Buffer::default()));
            return Ok(Step::Passes(0));
        }
        let Some(pcap) = Pcap::new(unread)? else {
            return Ok(Step::Needs(pcap::HEADER_BYTES, HEADER));
        };
        self.format = Some(Format::Pcap(pcap));
        Ok(Step::Passes(pcap::HEADER_BYTES))
    }

    fn frame(&mut self, record: &Record) -> Frame<'_> {
        let file_offset = self.plain().offset();
        self.plain_mut().read(record.length);
        self.frames += 1;
        let whole = self.plain().read_last(record.length);
        let bytes = whole.get(record.bytes.clone()).unwrap_or_default();
        let (comments, interface_name) = match &self.format {
            Some(Format::Pcapng(pcapng)) => {
                let options = whole.get(record.options.clone()).unwrap_or_default();
                let comments = Comments::new(options, pcapng.order);
                (comments, pcapng.interface_name(record.interface))
            }
            _ => (Comments::default(), None),
        };
        Frame {
            number: self.frames,
            time: record.time,
            decimals: record.decimals,
            interface: record.interface,
            interface_name,
            link: record.link,
            bytes,
            original_length: record.original_length.max(super::block::number(bytes.len())),
            comments,
            file_offset,
        }
    }
}
