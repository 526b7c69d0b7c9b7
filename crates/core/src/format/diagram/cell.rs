//! Labels for the cells of a diagram, and below it what they do not say.

use super::label::{abbreviations, columns, wordings};
use super::layout::{Drawn, whole_bits};
use super::legend::{name_in_conditions, notes};
use super::text::{plain, width};
use super::value::{bytes_said, title};
use crate::format::{Field, Format, Kind};

/// A field as it is drawn.
pub(super) struct Cell {
    /// What stands in it.
    pub(super) label: String,
    /// All of what might stand in it.
    pub(super) full: String,
    /// What filters call it.
    pub(super) name: String,
    /// How long it is.
    pub(super) size: String,
    /// Whether it is enciphered.
    pub(super) enciphered: bool,
}

/// Labels the fields drawn; and the lines of the legend.
pub(super) fn label(format: &Format, drawn: &[Drawn<'_>]) -> (Vec<Cell>, Vec<String>) {
    let wordings: Vec<Vec<String>> = drawn
        .iter()
        .map(|drawn| wordings(format, drawn.field, whole_bits(format, drawn.field).is_none()))
        .collect();
    let fitting: Vec<Option<&String>> = drawn
        .iter()
        .zip(&wordings)
        .map(|(drawn, wordings)| {
            wordings.iter().find(|wording| width(wording) <= columns(drawn.label_bits))
        })
        .collect();
    let mut legend = Legend::default();
    for label in fitting.iter().flatten() {
        legend.labels.push(((*label).clone(), None));
    }
    let mut cells = Vec::new();
    for ((drawn, wordings), fitting) in drawn.iter().zip(&wordings).zip(fitting) {
        let Drawn { list, place, field, label_bits } = drawn;
        let fullest = wordings.first().map_or("", String::as_str);
        let full = fullest.trim_end_matches(" …").to_owned();
        let name = format!("{}.{}", list.prefix, plain(&field.name));
        let tested = name_in_conditions(field, *place, &list.tested);
        let said = tested.as_ref().map_or(full.clone(), |name| format!("{full} ({name})"));
        let notes = notes(format, list, *place);
        let label = if let Some(label) = fitting {
            let is_fullest = label == fullest;
            if !is_fullest || tested.is_some() || !notes.is_empty() {
                let says_all = is_fullest && tested.is_none();
                legend.tell(if says_all { title(field) } else { said }, &name, notes.join("; "));
            }
            label.clone()
        } else {
            let text: Vec<String> = [said].into_iter().chain(notes).collect();
            legend.shorten(&title(field), columns(*label_bits), &name, text.join("; "))
        };
        cells.push(Cell {
            label,
            full,
            name,
            size: size(format, field),
            enciphered: list.enciphered.is_some_and(|range| range.contains(*place)),
        });
    }
    (cells, legend.lines())
}

fn size(format: &Format, field: &Field) -> String {
    match (&field.kind, bytes_said(format, field)) {
        (Kind::Uint { bits: 1, .. }, _) => "1 bit".into(),
        (Kind::Uint { bits, .. }, _) => format!("{bits} bits"),
        (_, Some(bytes)) => bytes,
        (_, None) => "any number of bytes".into(),
    }
}

#[derive(Default)]
struct Legend {
    /// What stands in cells, and what it means if it is an abbreviation.
    labels: Vec<(String, Option<String>)>,
    entries: Vec<Entry>,
}

/// A line of the legend before it is written.
struct Entry {
    key: String,
    /// What filters call the field, should others have the same key.
    name: String,
    text: String,
}

impl Legend {
    fn tell(&mut self, key: String, name: &str, text: String) {
        self.entries.push(Entry { key, name: name.into(), text });
    }

    /// An abbreviation for a field that is told of by `text`. It stands for nothing else, but for
    /// all fields of which the same is told.
    fn shorten(&mut self, title: &str, columns: usize, name: &str, text: String) -> String {
        let is_free = |label: &String| {
            let taken = self.labels.iter().find(|(taken, _)| taken == label);
            width(label) <= columns
                && taken.is_none_or(|(_, meaning)| meaning.as_ref() == Some(&text))
        };
        let label = abbreviations(title, columns).find(is_free).unwrap_or_default();
        self.labels.push((label.clone(), Some(text.clone())));
        self.tell(label.clone(), name, text);
        label
    }

    /// The lines: what is told of several fields in the same words is told once.
    fn lines(self) -> Vec<String> {
        let mut lines: Vec<(Vec<String>, &str)> = Vec::new();
        for Entry { key, name, text } in &self.entries {
            let ambiguous =
                self.entries.iter().any(|other| other.key == *key && other.text != *text);
            let key = if ambiguous { format!("{key} ({name})") } else { key.clone() };
            match lines.iter_mut().find(|(_, told)| told == text && !text.is_empty()) {
                Some((keys, _)) if keys.contains(&key) => {}
                Some((keys, _)) => keys.push(key),
                None => lines.push((vec![key], text)),
            }
        }
        let line = |(keys, text): (Vec<String>, &str)| match text {
            "" => keys.join(", "),
            _ => format!("{}: {text}", keys.join(", ")),
        };
        lines.into_iter().map(line).collect()
    }
}
