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
/// The most letters of a title that are tried alone.
const MAX_LETTERS: usize = 64;

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
    let words: Vec<&str> = title
        .split(|character| !is_letter(&character))
        .filter(|word| !word.is_empty())
        .take(MAX_LETTERS)
        .collect();
    let initials: Vec<char> = words.iter().filter_map(|word| word.chars().next()).collect();
    let best: String = match words.as_slice() {
        [word] => word.chars().take(columns.min(WORD_LETTERS)).collect(),
        _ => {
            initials.iter().take(columns.min(MAX_INITIALS)).map(char::to_ascii_uppercase).collect()
        }
    };
    let others = title.chars().filter(is_letter).take(MAX_LETTERS);
    let letters: Vec<char> = initials.into_iter().chain(others).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn first(title: &str, columns: usize) -> String {
        abbreviations(title, columns).next().unwrap()
    }

    #[test]
    fn several_words_are_initials_and_one_its_beginning() {
        assert_eq!(first("VNI valid", 3), "VV");
        assert_eq!(first("N-PDU Number Present", 7), "NPNP");
        assert_eq!(first("N-PDU Number Present", 1), "N");
        assert_eq!(first("Version", 5), "Ver");
        assert_eq!(first("Version", 1), "V");
        assert_eq!(first("a b c d e f g h", 63), "ABCDEF");
        assert_eq!(first("標識", 1), "A");
        assert_eq!(first("", 1), "A");
    }

    #[test]
    fn further_short_forms_are_of_one_letter_and_more_than_a_format_has_fields() {
        let forms: Vec<String> = abbreviations("Routing Present", 1).collect();
        assert_eq!(forms[..5], ["R", "R", "P", "R", "O"]);
        let mut different = forms.clone();
        different.sort();
        different.dedup();
        assert!(different.len() > crate::format::MAX_FIELDS);
    }
}
