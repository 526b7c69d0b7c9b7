//! What stands in a cell, a title with what belongs to it or initials, and what is told below.

use super::layout::{Cell, Drawn, whole_bits};
use super::legend::{name_in_conditions, notes};
use super::text::{plain, width};
use super::value::{bytes_said, title, value};
use crate::format::{Accept, Field, Format, Kind, Role};

/// Marks a field whose end the diagram does not show.
const GOES_ON: char = '…';
/// The longest abbreviation of a single word.
const WORD_LETTERS: usize = 3;

/// What may stand in the cell of a field, the fullest first; the last is the title alone.
/// `goes_on` says that the cell does not show where the field ends.
fn wordings(format: &Format, field: &Field, goes_on: bool) -> Vec<String> {
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
fn columns(bits: usize) -> usize {
    (2 * bits).saturating_sub(1)
}

/// Short forms of a title that fit so many columns, the best first.
fn abbreviations(title: &str, columns: usize) -> impl Iterator<Item = String> + use<> {
    let is_letter = |character: &char| {
        character.is_alphanumeric() && width(character.encode_utf8(&mut [0; 4])) == 1
    };
    let words: Vec<Vec<char>> = title
        .split(|character: char| !character.is_alphanumeric())
        .map(|word| word.chars().filter(is_letter).take(columns).collect())
        .filter(|word: &Vec<char>| !word.is_empty())
        .take(columns)
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

/// A line of the legend before it is written.
struct Entry {
    key: String,
    name: String,
    text: String,
}

/// Labels the cells, and says below what they cannot say.
pub(super) fn label(format: &Format, drawn: &[Drawn<'_>]) -> (Vec<Cell>, Vec<String>) {
    let wordings: Vec<Vec<String>> = drawn
        .iter()
        .map(|drawn| wordings(format, drawn.field, whole_bits(format, drawn.field).is_none()))
        .collect();
    let fits = |drawn: &Drawn<'_>, label: &str| width(label) <= columns(drawn.label_bits);
    let fitting: Vec<Option<&String>> = drawn
        .iter()
        .zip(&wordings)
        .map(|(drawn, wordings)| wordings.iter().find(|wording| fits(drawn, wording)))
        .collect();
    // An abbreviation stands for one thing, but that may occur more than once.
    let mut taken: Vec<(String, Option<String>)> =
        fitting.iter().flatten().map(|label| ((*label).clone(), None)).collect();
    let mut cells = Vec::new();
    let mut entries: Vec<Entry> = Vec::new();
    for ((drawn, wordings), fitting) in drawn.iter().zip(&wordings).zip(fitting) {
        let Drawn { list, place, field, label_bits } = drawn;
        let full = wordings.first().map(|full| full.trim_end_matches(" …")).unwrap_or_default();
        let called = name_in_conditions(field, *place, &list.tested);
        let said = match &called {
            Some(name) => format!("{full} ({name})"),
            None => full.to_owned(),
        };
        let mut notes = notes(format, list.fields, *place, list.whole);
        let label = if let Some(label) = fitting {
            if !notes.is_empty() || called.is_some() || wordings.first() != Some(label) {
                let key = if called.is_some() || wordings.first() != Some(label) {
                    said
                } else {
                    title(field)
                };
                entries.push(Entry { key, name: plain(&field.name), text: notes.join("; ") });
            }
            label.clone()
        } else {
            notes.insert(0, said);
            let text = notes.join("; ");
            let mut candidates = abbreviations(&title(field), columns(*label_bits));
            let label = candidates.find(|label| {
                let known = taken.iter().find(|(known, _)| known == label);
                fits(drawn, label)
                    && known.is_none_or(|(_, meaning)| meaning.as_ref() == Some(&text))
            });
            let label = label.unwrap_or_default();
            taken.push((label.clone(), Some(text.clone())));
            entries.push(Entry { key: label.clone(), name: plain(&field.name), text });
            label
        };
        cells.push(Cell {
            label,
            full: full.to_owned(),
            name: format!("{}.{}", list.prefix, plain(&field.name)),
            size: size(format, field),
            enciphered: list.enciphered.is_some_and(|range| range.contains(*place)),
        });
    }
    (cells, lines(entries))
}

/// The lines of a legend: what is said of several fields in the same words is said once.
fn lines(entries: Vec<Entry>) -> Vec<String> {
    let ambiguous: Vec<bool> = entries
        .iter()
        .map(|entry| entries.iter().any(|other| other.key == entry.key && other.text != entry.text))
        .collect();
    let mut lines: Vec<(Vec<String>, String)> = Vec::new();
    for (Entry { key, name, text }, ambiguous) in entries.into_iter().zip(ambiguous) {
        let key = if ambiguous { format!("{key} ({name})") } else { key };
        match lines.iter_mut().find(|(_, said)| *said == text && !text.is_empty()) {
            Some((keys, _)) if keys.contains(&key) => {}
            Some((keys, _)) => keys.push(key),
            None => lines.push((vec![key], text)),
        }
    }
    let line = |(keys, text): (Vec<String>, String)| match text.as_str() {
        "" => keys.join(", "),
        _ => format!("{}: {text}", keys.join(", ")),
    };
    lines.into_iter().map(line).collect()
}

fn size(format: &Format, field: &Field) -> String {
    match bytes_said(format, field) {
        _ if let Kind::Uint { bits, .. } = field.kind => match bits {
            1 => "1 bit".into(),
            _ => format!("{bits} bits"),
        },
        Some(bytes) => bytes,
        None => "any number of bytes".into(),
    }
}
