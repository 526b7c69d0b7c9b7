//! Text from descriptions, made fit for a grid of columns.

use crate::format::read::is_treacherous;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns of lines beside the grid, which has 65.
const LINE_COLUMNS: usize = 72;
/// What the second and all further lines of a text begin with.
const HANGING_INDENT: &str = "  ";

/// The text with everything escaped that does not take one or two columns, from left to right.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if keeps_the_grid(character) {
            plain.push(character);
        } else {
            plain.extend(character.escape_default());
        }
    }
    plain
}

fn keeps_the_grid(character: char) -> bool {
    let number = u32::from(character);
    let is_right_to_left = matches!(number,
        0x590..=0x8ff | 0xfb1d..=0xfdff | 0xfe70..=0xfefe | 0x1_0800..=0x1_0fff
        | 0x1_e800..=0x1_efff);
    // Not even escaped may these stand in XML.
    let is_noncharacter = number & 0xfffe == 0xfffe;
    let is_space = character.is_whitespace() && character != ' ';
    matches!(character.width(), Some(1 | 2))
        && !(is_treacherous(character) || is_right_to_left || is_noncharacter || is_space)
}

/// The columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// A text in lines of at most [`LINE_COLUMNS`], broken at spaces where that is possible.
pub(super) fn wrap(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut taken = 0;
    for word in text.split_inclusive(' ') {
        let needed = width(word.trim_end_matches(' '));
        if taken + needed > LINE_COLUMNS && !line.trim_start().is_empty() {
            lines.push(std::mem::replace(&mut line, HANGING_INDENT.into()));
            taken = HANGING_INDENT.len();
        }
        for character in word.chars() {
            let columns = character.width().unwrap_or(0);
            if taken + columns > LINE_COLUMNS && character != ' ' {
                lines.push(std::mem::replace(&mut line, HANGING_INDENT.into()));
                taken = HANGING_INDENT.len();
            }
            line.push(character);
            taken += columns;
        }
    }
    lines.push(line);
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// `0, 4 or 8`, if the last word is "or".
pub(super) fn listed(items: &[String], last_word: &str) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [before @ .., last] => format!("{} {last_word} {last}", before.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_what_has_columns_and_escapes_the_rest() {
        assert_eq!(plain("Größe “×4” 漢字"), "Größe “×4” 漢字");
        assert_eq!(plain("a\tb\nc\u{1b}[0m"), "a\\tb\\nc\\u{1b}[0m");
        assert_eq!(plain("e\u{301} \u{202e}x \u{200b} \u{feff}"), {
            "e\\u{301} \\u{202e}x \\u{200b} \\u{feff}"
        });
        assert_eq!(plain("\u{5d0}\u{628}\u{a0}\u{ffff}"), "\\u{5d0}\\u{628}\\u{a0}\\u{ffff}");
        assert_eq!(width("漢字"), 4);
    }

    #[test]
    fn lines_break_at_spaces_and_only_too_long_words_elsewhere() {
        let text = format!("{} {} {}", "a".repeat(70), "bb", "c".repeat(75));
        let lines =
            ["a".repeat(70), "  bb".into(), format!("  {}", "c".repeat(70)), "  ccccc".into()];
        assert_eq!(wrap(&text), lines);
        assert_eq!(wrap(&format!("{} b", "a".repeat(70))), [format!("{} b", "a".repeat(70))]);
        assert_eq!(wrap(&format!("{} bc", "a".repeat(70))), ["a".repeat(70), "  bc".into()]);
        assert_eq!(wrap(""), [""]);
    }

    #[test]
    fn lists_end_with_their_word() {
        let items = ["0", "4", "8"].map(String::from);
        assert_eq!(listed(&items, "or"), "0, 4 or 8");
        assert_eq!(listed(&items[..1], "or"), "0");
        assert_eq!(listed(&[], "or"), "");
    }
}
