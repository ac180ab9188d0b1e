//! What a user is told when a job starts, before money is spent.

use super::Shared;
use crate::core::job::{JobSpec, RouteBy};

/// What a user should know before money is spent.
pub(super) fn advice(shared: &Shared, spec: &JobSpec) -> Vec<String> {
    let mut notes = Vec::new();
    let uses_mock = spec
        .steps
        .iter()
        .flat_map(|step| &step.teachers)
        .any(|teacher| teacher.name.starts_with("mock/"));
    let roster = shared.roster();
    // Where nothing is asked, nobody answers.
    let asks = spec.steps.iter().any(|step| !step.computed)
        || spec.validators.iter().any(|plug| plug.kind == "judge");
    if roster.mock_by_default && !uses_mock && asks {
        notes.push(
            "no provider is configured: the built-in mock teacher answers (samples read `mock/…`)".to_owned(),
        );
    }
    let by_yield = spec.route == RouteBy::Yield;
    if spec.limits.usd.is_some() || by_yield {
        let unpriced: Vec<&str> = roster
            .teachers
            .iter()
            .filter(|t| t.price.is_none() && t.provider != "mock")
            .map(|t| t.name.as_str())
            .collect();
        if !unpriced.is_empty() {
            let consequence = if by_yield {
                ", and route = \"yield\" prefers what is free"
            } else {
                ""
            };
            notes.push(format!(
                "no price is known for {}: their cost counts as nothing{consequence}",
                unpriced.join(", ")
            ));
        }
    }
    notes
}
