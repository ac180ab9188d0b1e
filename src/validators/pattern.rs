//! Regular expressions from a job file, compiled under a size limit, with errors that name the place.

use regex::{Regex, RegexBuilder};

use crate::core::catalog::PlugError;

/// Most bytes of a compiled expression: enough for any honest one, too little for `(x{1000}){1000}`.
const SIZE_LIMIT: usize = 1 << 20;

/// Compiles an expression of that key. The engine is linear in the text, so no limit on running is needed.
pub(super) fn compile(kind: &str, key: &str, pattern: &str, ignore_case: bool) -> Result<Regex, PlugError> {
    RegexBuilder::new(pattern)
        .case_insensitive(ignore_case)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(2 * SIZE_LIMIT)
        .build()
        .map_err(|error| PlugError::at(key, format!("{kind}: {key}: {}", in_words(&error))))
}

/// The crate's error as one line. It draws a caret under the pattern (four columns in), which becomes a character position.
fn in_words(error: &regex::Error) -> String {
    let drawing = match error {
        regex::Error::CompiledTooBig(_) => {
            return "the expression is too big when compiled; lower its repetition counts".to_owned();
        }
        other => other.to_string(),
    };
    let column = drawing
        .lines()
        .find(|line| line.trim_end().ends_with('^') && line.trim_matches([' ', '^']).is_empty())
        .and_then(|line| line.find('^'))
        .map(|at| at.saturating_sub(4) + 1);
    let message = drawing
        .lines()
        .find_map(|line| line.strip_prefix("error: "))
        .map_or_else(|| drawing.replace('\n', " "), str::to_owned);
    match column {
        Some(column) => format!("{message} at character {column}"),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_place() {
        let error = compile("regex", "pattern", "abc(def", false).unwrap_err();
        assert_eq!(error.key.as_deref(), Some("pattern"));
        assert_eq!(error.message, "regex: pattern: unclosed group at character 4");
        let error = compile("regex", "pattern", "a(?=b)", false).unwrap_err();
        assert!(error.message.contains("look-around"), "{}", error.message);
        assert!(error.message.ends_with("at character 2"), "{}", error.message);
    }

    #[test]
    fn a_bomb_is_refused() {
        let error = compile("regex", "pattern", "((a{100}){100}){100}", false).unwrap_err();
        assert!(error.message.contains("too big"), "{}", error.message);
    }
}
