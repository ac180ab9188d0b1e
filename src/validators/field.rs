//! Which text of a candidate a validator looks at: a field path, or the last step's text. No judgement in here.

use std::borrow::Cow;

use super::reference::strings;
use crate::core::sample::{Candidate, Verdict};

/// The `field` setting of a validator.
#[derive(Debug, Clone)]
pub(super) struct Field(Option<String>);

impl Field {
    /// The path as written; `None` is the last step's text.
    pub(super) fn new(path: Option<String>) -> Self {
        Self(path)
    }

    /// Its text in that candidate; `None` if the candidate has no such field.
    pub(super) fn text<'a>(&self, candidate: &'a Candidate) -> Option<Cow<'a, str>> {
        match &self.0 {
            None => Some(Cow::Borrowed(candidate.last_text())),
            Some(path) => candidate.text(path).map(Cow::Owned),
        }
    }

    /// Its text, or every text of the candidate where no field is named: each string of the seed, and what every step answered,
    /// thought and called; each with its name in evidence.
    pub(super) fn texts(&self, candidate: &Candidate) -> Option<Vec<(String, String)>> {
        if self.0.is_some() {
            return Some(vec![(self.name(), self.text(candidate)?.into_owned())]);
        }
        let mut all = Vec::new();
        for (key, value) in candidate.seed.iter() {
            let mut found = Vec::new();
            strings(value, &mut found);
            all.extend(found.into_iter().map(|text| (format!("`{key}`"), text)));
        }
        for step in &candidate.steps {
            let name = format!("`{}`", step.step);
            if let Some(thought) = &step.reasoning {
                all.push((format!("the reasoning of {name}"), thought.clone()));
            }
            for call in &step.tool_calls {
                all.push((format!("a tool call of {name}"), call.arguments.to_string()));
            }
            all.push((name, step.text.clone()));
        }
        Some(all)
    }

    /// What to call it in evidence.
    pub(super) fn name(&self) -> String {
        match &self.0 {
            None => "the last answer".to_owned(),
            Some(path) => format!("`{path}`"),
        }
    }

    /// Whether a step answered it, and not the seed or a varied field.
    pub(super) fn is_answer(&self, candidate: &Candidate) -> bool {
        self.0.as_ref().is_none_or(|path| is_answer(path, candidate))
    }

    /// A misspelt path must not pass silently, and a skipped step is no fault of the teacher: a person looks.
    pub(super) fn missing(&self, validator: &str) -> Verdict {
        Verdict::review(validator, format!("the candidate has no field {}", self.name()))
    }
}

/// Whether a path leads into a step's answer.
pub(super) fn is_answer(path: &str, candidate: &Candidate) -> bool {
    let head = path.split('.').next().unwrap_or(path);
    candidate.steps.iter().any(|step| step.step == head)
}
