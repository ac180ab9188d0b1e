//! Tags: short words that persons put on samples to find them again. They say nothing about whether a sample is any good.

use serde::{Deserialize, Serialize};

/// Characters of a tag at most.
pub const LONGEST: usize = 40;
/// Tags of a sample at most.
pub const MOST: usize = 20;

/// Tags that come and tags that go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagChange {
    /// These come.
    pub add: Vec<String>,
    /// These go.
    pub remove: Vec<String>,
}

impl TagChange {
    /// Reads words: `tag` comes, `-tag` goes. Spaces and commas stand between them.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut change = Self::default();
        for word in text.split([' ', ',', '\t']).filter(|word| !word.is_empty()) {
            let (tag, into) = match word.strip_prefix('-') {
                Some(tag) => (tag, &mut change.remove),
                None => (word.strip_prefix('+').unwrap_or(word), &mut change.add),
            };
            if let Some(why) = wrong(tag) {
                return Err(why);
            }
            if !into.iter().any(|known| known == tag) {
                into.push(tag.to_owned());
            }
        }
        match change.add.iter().find(|tag| change.remove.contains(tag)) {
            Some(both) => Err(format!("`{both}` cannot both come and go")),
            None if change.add.len() > MOST => Err(format!("a sample has {MOST} tags at most")),
            None => Ok(change),
        }
    }

    /// Whether nothing comes and nothing goes.
    pub fn is_nothing(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }

    /// The tags after it, in order.
    pub fn apply(&self, tags: &[String]) -> Vec<String> {
        let stays = tags.iter().filter(|tag| !self.remove.contains(tag));
        let mut after: Vec<String> = stays.chain(&self.add).cloned().collect();
        after.sort_unstable();
        after.dedup();
        after.truncate(MOST);
        after
    }

    /// As a person writes it.
    pub fn words(&self) -> String {
        let comes = self.add.iter().cloned();
        let goes = self.remove.iter().map(|tag| format!("-{tag}"));
        comes.chain(goes).collect::<Vec<_>>().join(" ")
    }
}

/// What is wrong with a tag: it must be a word of the filter language.
fn wrong(tag: &str) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if tag.is_empty() {
        return Some("a tag is missing".to_owned());
    }
    if tag.chars().count() > LONGEST {
        return Some(format!("a tag has {LONGEST} characters at most"));
    }
    let found = tag.chars().find(|c| !plain(*c))?;
    Some(format!(
        "`{}` does not belong into a tag: letters, digits and - _ . / do",
        found.escape_debug()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_and_go() {
        let change = TagChange::parse("good, +checked -bad").unwrap();
        assert_eq!(change.words(), "good checked -bad");
        let tags = ["bad".to_owned(), "good".to_owned(), "old".to_owned()];
        assert_eq!(change.apply(&tags), ["checked", "good", "old"]);
        assert!(TagChange::parse(" , ").unwrap().is_nothing());
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        for text in ["-", "a:b", "(x)", "two*", "a -a", "\u{202e}x", &"x".repeat(41)] {
            assert!(TagChange::parse(text).is_err(), "{text}");
        }
    }
}
