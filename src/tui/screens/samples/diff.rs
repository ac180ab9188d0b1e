//! The difference between two texts, word by word.

use crate::tui::theme::Slot;

/// Words of a text that are compared; of longer ones, whole lines are.
const WORDS_AT_MOST: usize = 1500;

/// Pieces of text, each with its style.
pub(super) type Spans = Vec<(String, Slot)>;

/// Words with the space behind them; line feeds stand alone.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for line in text.split_inclusive('\n') {
        let body = line.strip_suffix('\n').unwrap_or(line);
        words.extend(body.split_inclusive(' '));
        if body.len() < line.len() {
            words.push("\n");
        }
    }
    words
}

/// What stays, what goes and what comes, in lines.
pub(super) fn diff(before: &str, after: &str) -> Vec<Spans> {
    let (mut old, mut new) = (words(before), words(after));
    if old.len().max(new.len()) > WORDS_AT_MOST {
        old = before.split_inclusive('\n').collect();
        new = after.split_inclusive('\n').collect();
        old.truncate(WORDS_AT_MOST);
        new.truncate(WORDS_AT_MOST);
    }
    let mut lines = vec![Spans::new()];
    let mut put = |word: &str, slot: Slot| {
        let mut parts = word.split('\n');
        let last = |part: &str, lines: &mut Vec<Spans>| {
            if let Some(line) = lines.last_mut() {
                match line.last_mut() {
                    Some((text, known)) if *known == slot => text.push_str(part),
                    _ if part.is_empty() => {}
                    _ => line.push((part.to_owned(), slot)),
                }
            }
        };
        last(parts.next().unwrap_or_default(), &mut lines);
        for part in parts {
            lines.push(Spans::new());
            last(part, &mut lines);
        }
    };
    let common = lengths(&old, &new);
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i].trim_end() == new[j].trim_end() {
            put(new[j], Slot::Fg);
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            put(&format!("[-{}-]", old[i].trim_end()), Slot::DiffDel);
            put(" ", Slot::Fg);
            i += 1;
        } else {
            put(&format!("{{+{}+}}", new[j].trim_end()), Slot::DiffAdd);
            put(if new[j].ends_with('\n') { "\n" } else { " " }, Slot::Fg);
            j += 1;
        }
    }
    lines
}

/// Lengths of the longest common runs of words of every two tails.
fn lengths(old: &[&str], new: &[&str]) -> Vec<Vec<u16>> {
    let mut table = vec![vec![0_u16; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            table[i][j] = if old[i].trim_end() == new[j].trim_end() {
                table[i + 1][j + 1] + 1
            } else {
                table[i + 1][j].max(table[i][j + 1])
            };
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: &str, after: &str) -> String {
        let lines = diff(before, after);
        let line = |spans: &Spans| spans.iter().map(|(text, _)| text.as_str()).collect::<String>();
        lines.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn words_come_and_go() {
        assert_eq!(told("a b c", "a x c"), "a [-b-] {+x+} c");
        assert_eq!(told("same text", "same text"), "same text");
        assert_eq!(told("", "new"), "{+new+} ");
        assert_eq!(told("one\ntwo", "one\nthree"), "one\n[-two-] {+three+} ");
    }
}
