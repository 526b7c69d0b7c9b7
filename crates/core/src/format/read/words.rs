//! Words: the nearest of those that exist, and lists of them.

use super::source::quoted;

/// The longest word that is compared with others: longer ones are like none.
const MAX_COMPARED: usize = 64;

/// The one of `words` that is nearest to `word`, if it is at most two changes away and not most of
/// the word is changed.
pub(super) fn nearest<'w>(word: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let most = 2.min(word.chars().count().saturating_sub(1));
    words
        .into_iter()
        .filter(|other| other.len().abs_diff(word.len()) <= 2 * most)
        .filter_map(|other| Some((distance(word, other).filter(|found| *found <= most)?, other)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}

/// The hint that names the nearest word.
pub(super) fn did_you_mean<'w>(
    word: &str,
    words: impl IntoIterator<Item = &'w str>,
) -> Option<String> {
    nearest(word, words).map(|near| format!("did you mean {}?", quoted(near)))
}

/// How many characters have to be put in, left out, changed or swapped with the next one to make
/// one word of the other.
fn distance(word: &str, other: &str) -> Option<usize> {
    if word.len().max(other.len()) > MAX_COMPARED {
        return None;
    }
    let other: Vec<char> = other.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    let mut last = None;
    for (line, character) in word.chars().enumerate() {
        let mut next = vec![line + 1];
        for (column, (found, diagonal)) in other.iter().zip(&row).enumerate() {
            let above = row.get(column + 1).copied().unwrap_or(usize::MAX);
            let left = next.last().copied().unwrap_or(usize::MAX);
            let mut best = (diagonal + usize::from(*found != character)).min(above.min(left) + 1);
            if column > 0
                && last == Some(*found)
                && other.get(column - 1) == Some(&character)
                && let Some(swapped) = before.get(column - 1)
            {
                best = best.min(swapped + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(character);
    }
    row.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_counted() {
        for (word, other, count) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("lenght", "length", 1),
            ("cyphertext", "ciphertext", 1),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("é", "e", 1),
        ] {
            assert_eq!(distance(word, other), Some(count), "{word} {other}");
            assert_eq!(distance(other, word), Some(count), "{other} {word}");
        }
        assert_eq!(distance(&"x".repeat(65), "x"), None);
    }

    #[test]
    fn the_nearest_word_shares_something() {
        assert_eq!(nearest("flgs", ["type", "flags", "flag"]), Some("flags"));
        assert_eq!(nearest("ab", ["xy", "cd"]), None);
        assert_eq!(nearest("a", ["b"]), None);
        assert_eq!(nearest("cipher-text", ["ciphertext"]), Some("ciphertext"));
    }
}
