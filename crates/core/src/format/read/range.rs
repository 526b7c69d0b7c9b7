//! Ranges: of the fields that a length counts, a checksum or a cipher covers, a tag authenticates.

use super::condition::{names_of, place_of};
use super::diagnostic::Code;
use super::finding::Finding;
use super::keys::RANGE_FORMS;
use super::layout::Layout;
use super::list::List;
use super::reader::Reader;
use super::source::quoted;
use super::table::Word;
use crate::format::Range;

impl<'a> Reader<'a> {
    /// The fields that a range names; `purpose` is the verb for what is done with them.
    pub(super) fn range(
        &mut self,
        word: Word<'a>,
        purpose: &str,
        list: &List<'a>,
        layout: &Layout,
    ) -> Option<Range> {
        let all = list.drafts.len().checked_sub(1)?;
        let range = match word.text.split_once("..") {
            None => {
                let place = self.range_end(word, word.text, purpose, list)?;
                Range { first: place, last: place }
            }
            Some((from, to)) => {
                let mut end = |name: &'a str, open: usize| match name.trim_matches(' ') {
                    "" => Some(open),
                    name => self.range_end(word, name, purpose, list),
                };
                let ends = (end(from, 0), end(to, all));
                Range { first: ends.0?, last: ends.1? }
            }
        };
        if range.first > range.last {
            let message = format!("the range {} runs backwards", quoted(word.text));
            self.findings.add(Finding::new(Code::F21, word.span, message));
            return None;
        }
        for (sound, verb) in
            [(layout.starts_byte(range.first), "begins"), (layout.ends_byte(range.last), "ends")]
        {
            if !sound {
                let message = format!("the range {} {verb} inside a byte", quoted(word.text));
                self.findings.add(Finding::new(Code::F18, word.span, message));
                return None;
            }
        }
        Some(range)
    }

    fn range_end(
        &mut self,
        word: Word<'a>,
        name: &'a str,
        purpose: &str,
        list: &List<'a>,
    ) -> Option<usize> {
        let place = place_of(list, name);
        // A broken name is said already: whatever names it may be right.
        if place.is_none() && !list.drafts.iter().any(|draft| draft.names_itself(name)) {
            let span = self.part_span(word, name);
            let message = format!("no field {} to {purpose}", quoted(name));
            let hint = self.did_you_mean_at(name, names_of(list));
            let finding = Finding::new(Code::F22, span, message).expected(RANGE_FORMS);
            self.findings.add(finding.hint(hint));
        }
        place
    }
}
