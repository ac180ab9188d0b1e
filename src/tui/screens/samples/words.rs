//! The two languages that are typed over the samples: which of them are wanted, and tags that come and go. How a line of them is
//! typed is [`super::typed`]'s business.

use crate::core::api::SampleQuery;
use crate::core::filter::{Completion, FilterError, complete};
use crate::core::tags::TagChange;
use crate::core::text::grouped;

use super::typed::Language;

/// Which samples are wanted.
pub(super) struct Filter {
    /// Keys, and the names that may be their values.
    known: Vec<(&'static str, Vec<String>)>,
}

impl Filter {
    /// `known` names jobs and teachers.
    pub(super) fn knowing(known: Vec<(&'static str, Vec<String>)>) -> Self {
        Self { known }
    }

    /// More words that a filter may ask for.
    pub(super) fn learn(&mut self, key: &'static str, words: Vec<String>) {
        self.known.retain(|(known, _)| *known != key);
        self.known.push((key, words));
    }
}

impl Language for Filter {
    type Meaning = SampleQuery;
    const HEAD: &'static str = "/ ";
    const TITLE: &'static str = "tab takes it";
    const HINT: Option<&'static str> = None;

    fn read(&self, text: &str) -> Result<SampleQuery, FilterError> {
        SampleQuery::parse(text)
    }

    fn offers(&self, text: &str, caret: usize) -> Completion {
        complete(text, caret, &self.known)
    }
}

/// Tags: words that come, words with a minus that go.
pub(super) struct Tags {
    /// Tags the sample has; of many, which may have any, none are named.
    pub(super) on: Vec<String>,
    /// Tags in use, and how many samples have each.
    pub(super) known: Vec<(String, u64)>,
}

impl Language for Tags {
    type Meaning = TagChange;
    const HEAD: &'static str = "Tags: ";
    const TITLE: &'static str = "tag comes · -tag goes";
    const HINT: Option<&'static str> = Some("Words come, words with a minus go.");

    fn read(&self, text: &str) -> Result<TagChange, FilterError> {
        TagChange::parse(text).map_err(|message| {
            let mut words = text.split_inclusive([' ', ',']);
            let before = words
                .by_ref()
                .take_while(|word| TagChange::parse(word).is_ok())
                .map(|word| word.chars().count())
                .sum::<usize>();
            // Where each word is right, two of them are at odds.
            let wrong_word = before < text.chars().count();
            FilterError {
                column: if wrong_word { before + 1 } else { 1 },
                message,
            }
        })
    }

    /// Known tags it has not, then its own to be taken off.
    fn offers(&self, text: &str, caret: usize) -> Completion {
        let head = text.get(..caret).unwrap_or(text);
        let typed = head.rsplit([' ', ',']).next().unwrap_or_default();
        let comes = self
            .known
            .iter()
            .filter(|(tag, _)| !self.on.contains(tag))
            .map(|(tag, many)| (tag.clone(), format!("{:>9}", grouped(*many))));
        let goes = self.on.iter();
        let goes = goes.map(|tag| (format!("-{tag}"), "takes it off".to_owned()));
        let fits = |(word, _): &(String, String)| word.starts_with(typed) && word != typed;
        Completion {
            from: head.len() - typed.len(),
            words: comes.chain(goes).filter(fits).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_tag_is_pointed_at() {
        let tags = Tags {
            on: Vec::new(),
            known: Vec::new(),
        };
        let column = |text: &str| tags.read(text).unwrap_err().column;
        assert_eq!(column("a:b"), 1);
        assert_eq!(column("good, ä b:c d"), 9);
        assert_eq!(column("good -good"), 1);
    }
}
