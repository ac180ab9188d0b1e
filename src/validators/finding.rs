//! What becomes of something found in a text that should not be there: noted, for a person, or rejected; and how it is spoken of
//! without being repeated. What is looked for is [`super::pii`]'s and [`super::secrets`]' business.

use serde::Deserialize;

use super::field::Field;
use crate::core::sample::{Candidate, Reason, Verdict};

/// Places named in evidence.
const NAMED: usize = 5;

/// The `action` setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    /// Accepted; the evidence says what was found.
    Warn,
    /// A person looks.
    Review,
    /// Out.
    Reject,
}

/// Something found, spoken of without repeating it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// What it is, with nothing of it but what every such thing begins with.
    pub(super) what: String,
    /// Byte at which it begins.
    pub(super) at: usize,
    /// Its length in characters.
    pub(super) length: usize,
}

/// The verdict on a candidate: looks through its texts, and says what was found in which.
pub(super) fn look(
    (kind, reason): (&str, Reason),
    (field, action): (&Field, Action),
    candidate: &Candidate,
    findings: impl Fn(&str) -> Vec<Finding>,
) -> Verdict {
    let Some(texts) = field.texts(candidate) else {
        return field.missing(kind);
    };
    let found: Vec<_> = texts
        .into_iter()
        .map(|(name, text)| {
            let findings = findings(&text);
            (name, text, findings)
        })
        .collect();
    verdict(kind, reason, action, &found)
}

/// The verdict on all findings of a candidate: (name of the text, the text, findings in it).
fn verdict(kind: &str, reason: Reason, action: Action, found: &[(String, String, Vec<Finding>)]) -> Verdict {
    let all: Vec<String> = found
        .iter()
        .flat_map(|(name, text, findings)| {
            findings.iter().map(move |Finding { what, at, length }| {
                let place = text[..*at].chars().count() + 1;
                format!("{name} has {what} at character {place} ({length} characters)")
            })
        })
        .collect();
    if all.is_empty() {
        return Verdict::accept(kind);
    }
    let mut evidence = all[..all.len().min(NAMED)].join("; ");
    if all.len() > NAMED {
        evidence = format!("{evidence}; and {} more", all.len() - NAMED);
    }
    match action {
        Action::Warn => {
            let mut verdict = Verdict::accept(kind);
            verdict.evidence = Some(evidence);
            verdict
        }
        Action::Review => Verdict::review(kind, evidence),
        Action::Reject => Verdict::reject(kind, reason, evidence),
    }
}

/// Whether what stands before and after a match belongs to no longer word of letters and digits.
pub(super) fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].chars().next_back();
    let after = text[end..].chars().next();
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    !before.is_some_and(joins) && !after.is_some_and(joins)
}
