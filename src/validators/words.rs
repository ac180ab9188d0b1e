//! Texts as lists of words in lower case, for evidence that can be read. Where only sameness counts, [`super::shingles`] hashes the
//! same words without keeping them.

use super::shingles::{is_unspaced, joins};

/// Runs of letters and digits in lower case; in scripts written without spaces every character is a word.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::with_capacity(text.len() / 5 + 1);
    let mut word = String::new();
    let end = |word: &mut String, words: &mut Vec<String>| {
        if !word.is_empty() {
            words.push(std::mem::take(word));
        }
    };
    for c in text.chars() {
        if is_unspaced(c) {
            end(&mut word, &mut words);
            words.push(c.to_string());
        } else if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        } else if !joins(c) {
            end(&mut word, &mut words);
        }
    }
    end(&mut word, &mut words);
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::shingles::sequence;
    use proptest::prelude::*;

    #[test]
    fn case_and_punctuation_do_not_count() {
        assert_eq!(words("It's 3.5 Äpfel, no?"), ["it", "s", "3", "5", "äpfel", "no"]);
        assert_eq!(words("潮汐 tides"), ["潮", "汐", "tides"]);
        assert!(words(" …! ").is_empty());
    }

    proptest! {
        #[test]
        fn there_are_as_many_as_are_hashed(text in "\\PC{0,60}") {
            prop_assert_eq!(words(&text).len(), sequence(&text).len());
        }
    }
}
