//! What may stand at the caret while a filter is typed.

use super::parse::{KEYS, STATUSES};
use crate::core::sample::Reason;

/// What may stand where the caret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Byte from which the chosen word replaces the text up to the caret.
    pub from: usize,
    /// Words, each with what it means.
    pub words: Vec<(String, String)>,
}

/// Completes the word before the caret (a byte): a key, or a value of it. `known` names teachers, jobs and tags.
pub fn complete(text: &str, caret: usize, known: &[(&'static str, Vec<String>)]) -> Completion {
    let head = text.get(..caret).unwrap_or(text);
    let from = head
        .rfind(|c: char| c.is_whitespace() || matches!(c, '(' | ')'))
        .map_or(0, |at| at + 1);
    let word = &head[from..];
    let minus = word.len() - word.trim_start_matches('-').len();
    let (from, word) = (from + minus, &word[minus..]);
    let Some((key, value)) = word.split_once(':') else {
        let keys = KEYS.iter().filter(|(key, _)| key.starts_with(word));
        let words = keys.map(|(key, help)| ((*key).to_owned(), (*help).to_owned()));
        return Completion {
            from,
            words: words.collect(),
        };
    };
    let last = value.rfind([',', '|']).map_or(0, |at| at + 1);
    let typed = &value[last..];
    let values: Vec<(String, String)> = match key {
        "status" | "state" => STATUSES.iter().map(|(word, _)| plain(word)).collect(),
        "reason" => Reason::ALL.iter().map(|reason| plain(reason.word())).collect(),
        _ => {
            let found = known.iter().filter(|(of, _)| *of == key);
            found
                .flat_map(|(_, words)| words.iter().map(|word| plain(word)))
                .collect()
        }
    };
    Completion {
        from: from + key.len() + 1 + last,
        words: values
            .into_iter()
            .filter(|(word, _)| word.starts_with(typed) && word != typed)
            .collect(),
    }
}

fn plain(word: &str) -> (String, String) {
    (word.to_owned(), String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_completed() {
        let words = |text: &str| {
            let known = [("job", vec!["quiz".to_owned()])];
            let found = complete(text, text.len(), &known);
            let words: Vec<String> = found.words.into_iter().map(|(word, _)| word).collect();
            (found.from, words)
        };
        assert_eq!(words("a -st"), (3, vec!["status:".to_owned()]));
        assert_eq!(words("status:accepted,re"), (16, vec!["rejected".to_owned()]));
        assert_eq!(words("job:q"), (4, vec!["quiz".to_owned()]));
    }
}
