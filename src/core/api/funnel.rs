//! Where a job's samples went, stage by stage: from counts the ledger keeps anyway, so that a million samples cost no more than ten.

use serde_json::Value;

use crate::core::catalog::Plug;
use crate::core::sample::Reason;

/// A validator, or several of a kind, and what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The kind, with its mark or number: `judge ≥ 4`, `length ×2`.
    pub name: String,
    /// What rejections by it are filed under.
    pub reason: Reason,
    /// Samples that it rejected.
    pub lost: u64,
    /// Samples that were left after it.
    pub left: u64,
}

/// Samples from all that were made to those in the dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funnel {
    /// Samples that validators looked at.
    pub made: u64,
    /// The stages, in the order of the job file; last those no validator of the file stands for (a person, an older revision).
    pub stages: Vec<Stage>,
    /// Samples that wait for a person.
    pub review: u64,
    /// Samples in the dataset.
    pub accepted: u64,
}

impl Funnel {
    /// From a job's validators, its samples (accepted, rejected, waiting for a person) and its rejections by reason.
    pub fn of(
        validators: &[Plug],
        [accepted, rejected, review]: [u64; 3],
        reasons: &[(Reason, u64)],
    ) -> Self {
        let made = accepted + rejected + review;
        let mut named: Vec<(String, Reason)> = Vec::new();
        for plug in validators {
            let Some(reason) = filed_under(&plug.kind) else {
                continue;
            };
            let alike = validators.iter().filter(|other| other.kind == plug.kind).count();
            let number = |key| plug.params.get(key).and_then(Value::as_f64);
            let name = match (alike, number("threshold"), number("accept_at")) {
                (2.., ..) => format!("{} ×{alike}", plug.kind),
                (_, Some(mark), _) => format!("{} {mark}", plug.kind),
                (.., Some(mark)) => format!("{} ≥ {mark}", plug.kind),
                _ => plug.kind.clone(),
            };
            if !named.iter().any(|(_, known)| *known == reason) {
                named.push((name, reason));
            }
        }
        let elsewhere = reasons.iter().map(|(reason, _)| *reason);
        for reason in elsewhere {
            if !named.iter().any(|(_, known)| *known == reason) {
                named.push((reason.word().to_owned(), reason));
            }
        }
        let mut left = made;
        let stages = named
            .into_iter()
            .map(|(name, reason)| {
                let lost = reasons
                    .iter()
                    .filter(|(known, _)| *known == reason)
                    .map(|(_, count)| count)
                    .sum();
                left = left.saturating_sub(lost);
                Stage {
                    name,
                    reason,
                    lost,
                    left,
                }
            })
            .collect();
        Self {
            made,
            stages,
            review,
            accepted,
        }
    }
}

/// The reason a kind of validator rejects with.
fn filed_under(kind: &str) -> Option<Reason> {
    Some(match kind {
        "structural" => Reason::Schema,
        "dedup" => Reason::ExactDuplicate,
        "semantic_dedup" | "rouge_l" => Reason::NearDuplicate,
        "embedding_dedup" => Reason::SimilarMeaning,
        "judge" => Reason::Judge,
        "length" => Reason::Length,
        "regex" => Reason::Regex,
        "refusal" => Reason::Refusal,
        "truncated" => Reason::Truncated,
        "no_control_chars" => Reason::ControlChars,
        "decontaminate" => Reason::Contaminated,
        "language" => Reason::Language,
        "pii" => Reason::Pii,
        "secrets" => Reason::Secret,
        "script" => Reason::Script,
        "expression" => Reason::Expression,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plug(kind: &str, params: &Value) -> Plug {
        Plug {
            kind: kind.to_owned(),
            params: params.as_object().cloned().unwrap_or_default(),
        }
    }

    #[test]
    fn every_sample_is_accounted_for_stage_by_stage() {
        let validators = [
            plug("structural", &json!({})),
            plug("length", &json!({ "min_chars": 5 })),
            plug("semantic_dedup", &json!({ "threshold": 0.8 })),
            plug("length", &json!({ "field": "a" })),
            plug("judge", &json!({ "accept_at": 4 })),
        ];
        let reasons = [
            (Reason::Length, 5),
            (Reason::NearDuplicate, 10),
            (Reason::Judge, 20),
            (Reason::ByHand, 1),
        ];
        let funnel = Funnel::of(&validators, [60, 36, 4], &reasons);
        let told: Vec<_> = funnel
            .stages
            .iter()
            .map(|stage| (stage.name.as_str(), stage.lost, stage.left))
            .collect();
        assert_eq!(
            told,
            [
                ("structural", 0, 100),
                ("length ×2", 5, 95),
                ("semantic_dedup 0.8", 10, 85),
                ("judge ≥ 4", 20, 65),
                ("by_hand", 1, 64),
            ]
        );
        assert_eq!(funnel.accepted + funnel.review, 64);
    }
}
