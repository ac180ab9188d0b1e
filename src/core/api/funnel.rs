//! Where a job's samples went, stage by stage: from counts the ledger keeps anyway, so that a million samples cost no more than ten.

use crate::core::job::JobSpec;
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
    pub fn of(spec: &JobSpec, [accepted, rejected, review]: [u64; 3], reasons: &[(Reason, u64)]) -> Self {
        let made = accepted + rejected + review;
        let mut named: Vec<(String, Reason)> = Vec::new();
        for plug in &spec.validators {
            let Some(reason) = filed_under(&plug.kind) else {
                continue;
            };
            let alike = spec.validators.iter().filter(|other| other.kind == plug.kind).count();
            let number = |key| plug.params.get(key).and_then(toml_number);
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
        "semantic_dedup" => Reason::NearDuplicate,
        "embedding_dedup" => Reason::SimilarMeaning,
        "judge" => Reason::Judge,
        "length" => Reason::Length,
        "regex" => Reason::Regex,
        "refusal" => Reason::Refusal,
        "truncated" => Reason::Truncated,
        "no_control_chars" => Reason::ControlChars,
        "contamination" => Reason::Contaminated,
        "script" => Reason::Script,
        _ => return None,
    })
}
