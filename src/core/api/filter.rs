//! The filter language of samples, as words typed by a person. What the store makes of it is not its business.

use crate::core::sample::{Reason, SampleState};
use crate::core::text::nearest;

/// The filter language's meaning; see [`SampleQuery::parse`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SampleQuery {
    /// Of the job of this name.
    pub job: Option<String>,
    /// In one of these states.
    pub states: Vec<SampleState>,
    /// Rejected for one of these reasons.
    pub reasons: Vec<Reason>,
    /// Answered by this teacher.
    pub teacher: Option<String>,
    /// Containing this text.
    pub text: Option<String>,
}

impl SampleQuery {
    /// Reads the filter language: words separated by spaces; `job:NAME state:accepted,rejected reason:schema teacher:openrouter/x`,
    /// anything else is searched as text; quotes keep spaces together. An error names the word and what is known.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut query = Self::default();
        let mut words: Vec<String> = Vec::new();
        for word in split_words(text) {
            let Some((key, value)) = word.split_once(':') else {
                words.push(word);
                continue;
            };
            match key {
                "job" => query.job = Some(value.to_owned()),
                "teacher" => query.teacher = Some(value.to_owned()),
                "text" => words.push(value.to_owned()),
                "state" => {
                    for one in value.split(',') {
                        let state = SampleState::from_word(one).ok_or_else(|| {
                            format!("unknown state `{one}`; one of: accepted, rejected, needs_review")
                        })?;
                        query.states.push(state);
                    }
                }
                "reason" => {
                    for one in value.split(',') {
                        let known: Vec<&str> = Reason::ALL.iter().map(|reason| reason.word()).collect();
                        let reason = Reason::from_word(one)
                            .ok_or_else(|| format!("unknown reason `{one}`; one of: {}", known.join(", ")))?;
                        query.reasons.push(reason);
                    }
                }
                _ => {
                    let known = ["job", "teacher", "state", "reason", "text"];
                    if let Some(near) = nearest(key, &known) {
                        return Err(format!(
                            "unknown filter `{key}:`; did you mean `{near}:`? (text:{key}:… searches for the word)"
                        ));
                    }
                    words.push(word);
                }
            }
        }
        if !words.is_empty() {
            query.text = Some(words.join(" "));
        }
        Ok(query)
    }
}

fn split_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for character in text.chars() {
        match character {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}
