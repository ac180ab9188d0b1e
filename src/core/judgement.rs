//! How the verdicts of a job's validators become one decision, and who sits in judgement where a validator asks teachers. Pure;
//! running the validators is the engine's business.

use serde::{Deserialize, Serialize};

use super::Row;
use super::catalog::Plug;
use super::job::TeacherUse;
use super::ports::Judgement;
use super::sample::{Decision, Verdict};

/// The validators that ask teachers for scores.
pub const JUDGE: &str = "judge";

/// How many judges a validator asks, or which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Judges {
    /// So many questions to whoever can answer.
    Number(u32),
    /// One question to each of these teachers.
    Named(Vec<String>),
}

impl Default for Judges {
    fn default() -> Self {
        Self::Number(1)
    }
}

impl Judges {
    /// Those of a validator's table; one where it says nothing that can be read.
    pub fn of(params: &Row) -> Self {
        let said = params.get("judges").cloned();
        said.and_then(|said| serde_json::from_value(said).ok())
            .unwrap_or_default()
    }

    /// How many questions that are.
    pub fn count(&self) -> u32 {
        match self {
            Self::Number(number) => *number,
            Self::Named(names) => names.len() as u32,
        }
    }

    /// Who is asked the question of that number, from 0; empty where the validator's own routing says.
    pub fn teachers(&self, number: u32) -> Vec<TeacherUse> {
        let named = match self {
            Self::Number(_) => None,
            Self::Named(names) => names.get(number as usize),
        };
        let one = |name: &String| TeacherUse {
            name: name.clone(),
            weight: 1.0,
        };
        named.map(one).into_iter().collect()
    }
}

/// How many questions a validator of that table puts about one candidate, at most. A judge that holds a text against another asks in
/// both orders.
pub fn questions(plug: &Plug) -> u32 {
    match plug.kind.as_str() {
        JUDGE => Judges::of(&plug.params).count() * orders(&plug.params),
        "embedding_dedup" => 1,
        _ => 0,
    }
}

/// How often each judge of a table is asked about one candidate.
pub fn orders(params: &Row) -> u32 {
    if params.contains_key("against") { 2 } else { 1 }
}

impl Judgement {
    /// Combines verdicts in the order of the validators: the first rejection ends the candidate and what follows it is dropped;
    /// without one, a single wish for review makes it wait for a person; without that it is accepted (also with no verdict at all).
    pub fn of(mut verdicts: Vec<Verdict>) -> Self {
        let rejection = verdicts
            .iter()
            .position(|verdict| verdict.decision == Decision::Reject);
        if let Some(at) = rejection {
            verdicts.truncate(at + 1);
        }
        let reason = rejection.and_then(|at| verdicts[at].reason);
        let waits = verdicts
            .iter()
            .any(|verdict| verdict.decision == Decision::Review);
        let decision = match (rejection, waits) {
            (Some(_), _) => Decision::Reject,
            (None, true) => Decision::Review,
            (None, false) => Decision::Accept,
        };
        Self {
            verdicts,
            decision,
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::sample::Reason;

    #[test]
    fn nothing_to_say_is_an_acceptance() {
        let judgement = Judgement::of(vec![]);
        assert_eq!(judgement.decision, Decision::Accept);
        assert_eq!(judgement.reason, None);
    }

    #[test]
    fn the_first_rejection_ends_the_candidate() {
        let judgement = Judgement::of(vec![
            Verdict::review("judge", "3"),
            Verdict::reject("length", Reason::Length, "4 characters"),
            Verdict::reject("regex", Reason::Regex, "matched"),
        ]);
        assert_eq!(judgement.decision, Decision::Reject);
        assert_eq!(judgement.reason, Some(Reason::Length));
        assert_eq!(judgement.verdicts.len(), 2);
    }

    #[test]
    fn one_wish_for_review_is_enough() {
        let judgement = Judgement::of(vec![
            Verdict::accept("length"),
            Verdict::review("judge", "3"),
            Verdict::accept("regex"),
        ]);
        assert_eq!(judgement.decision, Decision::Review);
        assert_eq!(judgement.reason, None);
        assert_eq!(judgement.verdicts.len(), 3);
    }
}
