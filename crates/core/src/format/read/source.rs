//! The text of a description: its lines, its columns, and how they are shown.

use super::diagnostic::{Diagnostic, Place, Related};
use super::finding::{Finding, Span};
use std::fmt::Write as _;
use unicode_width::UnicodeWidthChar;

/// Columns of the screen that a line shown may take; a longer one is cut around the place.
const SHOWN_COLUMNS: usize = 160;
/// Columns kept before the place in a line that is cut.
const KEPT_BEFORE: usize = 80;
/// Columns that a tab is shown as.
const TAB: &str = "    ";
/// Characters of a word from the file that a message repeats.
const QUOTED_CHARACTERS: usize = 80;

/// Where the lines of a text begin.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn new(text: &str) -> Self {
        let behind = text.match_indices('\n').map(|(place, _)| place + 1);
        Self(std::iter::once(0).chain(behind).collect())
    }

    /// The number of the line in which something begins, from 1.
    pub(super) fn number(&self, span: Span) -> usize {
        self.0.partition_point(|start| *start <= span.start).max(1)
    }

    /// Where a line begins, by its number.
    fn start(&self, number: usize) -> Option<usize> {
        self.0.get(number.checked_sub(1)?).copied()
    }
}

/// The text of one file.
pub(super) struct Source<'a> {
    file: String,
    text: &'a str,
    lines: Lines,
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &str, text: &'a str) -> Self {
        Self { file: harmless(file), text, lines: Lines::new(text) }
    }

    /// A finding with its lines and columns.
    pub(super) fn diagnostic(&self, finding: Finding) -> Diagnostic {
        let related = finding
            .related
            .into_iter()
            .map(|(span, message)| Related { line: self.lines.number(span), message });
        Diagnostic {
            code: finding.code,
            severity: finding.severity,
            file: self.file.clone(),
            place: finding.span.map(|span| self.place(span)),
            message: finding.message,
            expected: finding.expected,
            hint: finding.hint,
            related: related.collect(),
        }
    }

    /// The place of a part of the text; of a part of several lines, its first line.
    fn place(&self, span: Span) -> Place {
        let line = self.lines.number(span);
        let start = self.lines.start(line).unwrap_or_default();
        let end = self.lines.start(line + 1).map_or(self.text.len(), |next| next - 1);
        let text = self.text.get(start..end).unwrap_or_default();
        let text = text.strip_suffix('\r').unwrap_or(text);
        let (before, rest) = split(text, span.start - start);
        let (inside, behind) = split(rest, span.end.saturating_sub(span.start));
        let column = before.chars().count() + 1;

        let whole = shown_within(text.chars(), SHOWN_COLUMNS);
        let (shown_before, shown_inside, shown_behind) = if whole.1 {
            (shown(before.chars()), shown(inside.chars()), shown(behind.chars()))
        } else {
            let (reversed, complete) = shown_within(before.chars().rev(), KEPT_BEFORE);
            let mut kept: Vec<Shown> = reversed;
            if !complete {
                kept.push(Shown::ellipsis());
            }
            kept.reverse();
            let (inside, complete) = ellipsis_within(inside.chars(), SHOWN_COLUMNS - KEPT_BEFORE);
            let room = if complete {
                (SHOWN_COLUMNS - KEPT_BEFORE).saturating_sub(width(&inside))
            } else {
                0
            };
            let behind =
                if complete { ellipsis_within(behind.chars(), room).0 } else { Vec::new() };
            (kept, inside, behind)
        };
        let parts = [&shown_before, &shown_inside, &shown_behind];
        Place {
            line,
            column,
            end: column + inside.chars().count().max(1),
            excerpt: parts.into_iter().flatten().map(|shown| shown.text.as_str()).collect(),
            indent: width(&shown_before),
            width: width(&shown_inside).max(1),
        }
    }
}

/// A character as it is shown.
struct Shown {
    text: String,
    width: usize,
}

impl Shown {
    fn new(character: char) -> Self {
        let mut text = String::new();
        match character {
            '\t' => text.push_str(TAB),
            _ => push_harmless(&mut text, character),
        }
        let width = text.chars().map(|character| character.width().unwrap_or(0)).sum();
        Self { text, width }
    }

    fn ellipsis() -> Self {
        Self { text: "…".into(), width: 1 }
    }
}

fn shown(characters: impl Iterator<Item = char>) -> Vec<Shown> {
    characters.map(Shown::new).collect()
}

fn width(shown: &[Shown]) -> usize {
    shown.iter().map(|shown| shown.width).sum()
}

/// As many characters as fit, and whether these are all.
fn shown_within(characters: impl Iterator<Item = char>, columns: usize) -> (Vec<Shown>, bool) {
    let mut kept = Vec::new();
    let mut taken = 0;
    for character in characters {
        let shown = Shown::new(character);
        taken += shown.width;
        if taken > columns || kept.len() > 4 * columns {
            return (kept, false);
        }
        kept.push(shown);
    }
    (kept, true)
}

fn ellipsis_within(characters: impl Iterator<Item = char>, columns: usize) -> (Vec<Shown>, bool) {
    let (mut kept, complete) = shown_within(characters, columns);
    if !complete {
        kept.push(Shown::ellipsis());
    }
    (kept, complete)
}

/// Splits a text at a byte, or as near before it as a character begins.
fn split(text: &str, byte: usize) -> (&str, &str) {
    let byte = byte.min(text.len());
    let byte = (0..=byte).rev().find(|byte| text.is_char_boundary(*byte)).unwrap_or(0);
    text.split_at(byte)
}

/// Text from a file with its control characters escaped as in TOML, and those that turn the
/// direction of writing or are not to be seen.
pub(super) fn harmless(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    text.chars().for_each(|character| push_harmless(&mut harmless, character));
    harmless
}

/// A word from a file as a message repeats it: in quotes, harmless, and not too long.
pub(super) fn quoted(word: &str) -> String {
    let mut quoted = String::from('"');
    for (count, character) in word.chars().enumerate() {
        match character {
            _ if count == QUOTED_CHARACTERS => {
                quoted.push('…');
                break;
            }
            '"' | '\\' => quoted.extend(['\\', character]),
            _ => push_harmless(&mut quoted, character),
        }
    }
    quoted.push('"');
    quoted
}

fn push_harmless(text: &mut String, character: char) {
    let number = u32::from(character);
    match character {
        _ if !is_treacherous(character) => text.push(character),
        _ if number <= 0xffff => {
            let _ = write!(text, "\\u{number:04x}");
        }
        _ => {
            let _ = write!(text, "\\U{number:08x}");
        }
    }
}

/// Whether a character steers a terminal, turns the direction of writing, or cannot be seen.
pub(in crate::format) fn is_treacherous(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, word: &str) -> Place {
        let start = text.find(word).unwrap();
        Source::new("f", text).place(Span { start, end: start + word.len() })
    }

    #[test]
    fn columns_count_characters_and_carets_columns_of_the_screen() {
        let place = place("a = 1\n\tname = \"漢字é\u{301}\u{202e}\" here", "here");
        assert_eq!((place.line, place.column, place.end), (2, 17, 21));
        assert_eq!(place.excerpt, "    name = \"漢字é\u{301}\\u202e\" here");
        assert_eq!((place.indent, place.width), (25, 4));
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}here{}", "x".repeat(30_000), "y".repeat(30_000));
        let place = place(&text, "here");
        assert_eq!((place.column, place.end), (30_001, 30_005));
        assert_eq!(place.excerpt, format!("…{}here{}…", "x".repeat(80), "y".repeat(76)));
        assert_eq!((place.indent, place.width), (81, 4));
        let place = super::Source::new("f", &text).place(Span { start: 0, end: text.len() });
        assert_eq!((place.indent, place.width), (0, 81));
    }

    #[test]
    fn what_goes_over_the_end_of_the_line_ends_there() {
        let text = "fields = [\r\n]\r\n";
        let place = Source::new("f", text).place(Span { start: 9, end: 13 });
        assert_eq!((place.line, place.column, place.end), (1, 10, 11));
        let place = Source::new("f", text).place(Span { start: 15, end: 15 });
        assert_eq!((place.line, place.column, place.end, place.width), (3, 1, 2, 1));
        assert_eq!(Source::new("f", "").place(Span { start: 0, end: 0 }).line, 1);
    }

    #[test]
    fn words_are_quoted_as_data() {
        assert_eq!(quoted("a\"b\\c\u{1b}[2J\u{e0001}"), r#""a\"b\\c\u001b[2J\U000e0001""#);
        assert_eq!(quoted(&"x".repeat(100)), format!("\"{}…\"", "x".repeat(80)));
    }
}
