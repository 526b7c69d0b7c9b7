//! What may stand in a cell: a title with what belongs to it, or initials.

use super::text::width;
use super::value::{bytes_said, title, value};
use crate::format::{Accept, Field, Format, Kind, Role};

/// Marks a field whose end the diagram does not show.
const GOES_ON: char = '…';
/// The longest abbreviation of a single word.
const WORD_LETTERS: usize = 3;
/// The most initials of several.
const MAX_INITIALS: usize = 6;

/// What may stand in the cell of a field, the fullest first; the last is the title alone.
/// `goes_on` says that the cell does not show where the field ends.
pub(super) fn wordings(format: &Format, field: &Field, goes_on: bool) -> Vec<String> {
    let title = title(field);
    let fuller = match (&field.role, &field.kind) {
        (Role::Constant { value: constant, expect: None }, _)
            if field.accept == Accept::Exact && !goes_on =>
        {
            Some(format!("{title} = {}", value(field, constant)))
        }
        (Role::Length { unit, .. }, _) if *unit > 1 => Some(format!("{title} ×{unit}")),
        (_, Kind::Padding { multiple }) => {
            Some(format!("{title} to a multiple of {multiple} bytes {GOES_ON}"))
        }
        _ if goes_on => bytes_said(format, field).map(|size| format!("{title} ({size})")),
        _ => None,
    };
    let alone = if goes_on { format!("{title} {GOES_ON}") } else { title };
    fuller.into_iter().chain([alone]).collect()
}

/// The columns between the lines at both sides of a cell.
pub(super) fn columns(bits: usize) -> usize {
    (2 * bits).saturating_sub(1)
}

/// Short forms of a title that fit so many columns, the best first.
pub(super) fn abbreviations(title: &str, columns: usize) -> impl Iterator<Item = String> + use<> {
    let is_letter = |character: &char| {
        character.is_alphanumeric() && width(character.encode_utf8(&mut [0; 4])) == 1
    };
    let words: Vec<Vec<char>> = title
        .split(|character: char| !character.is_alphanumeric())
        .map(|word| word.chars().filter(is_letter).take(columns).collect())
        .filter(|word: &Vec<char>| !word.is_empty())
        .take(columns.min(MAX_INITIALS))
        .collect();
    let initials: Vec<char> = words.iter().filter_map(|word| word.first()).copied().collect();
    let best: String = match words.as_slice() {
        [word] => word.iter().take(WORD_LETTERS).collect(),
        _ => initials.iter().map(char::to_ascii_uppercase).collect(),
    };
    let mut letters: Vec<char> = title.chars().filter(is_letter).take(64).collect();
    letters.splice(..0, initials);
    let upper = letters.iter().map(char::to_ascii_uppercase).collect::<Vec<_>>();
    let any = upper
        .into_iter()
        .chain(letters)
        .chain('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .chain('α'..='ω');
    let best = Some(best).filter(|best| !best.is_empty());
    best.into_iter().chain(any.map(String::from))
}
