//! The nine steps of writing a job, and which of them a key of the job file belongs to.

use crate::tui::keys::{
    NEW_DRY_RUN, NEW_JOB, NEW_LAUNCH, NEW_LIMITS, NEW_PROMPTS, NEW_PROVIDERS, NEW_SCHEMA, NEW_SEEDS,
    NEW_VALIDATORS, Table,
};

/// A step, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// What it starts from.
    Template,
    /// Where the rows come from.
    Seeds,
    /// The questions.
    Prompts,
    /// The shape of the answers, and of the dataset.
    Schema,
    /// The gates.
    Validators,
    /// The teachers.
    Providers,
    /// Caps, and what it will cost.
    Limits,
    /// Trying it.
    DryRun,
    /// The last look.
    Launch,
}

impl Step {
    /// All of them.
    pub(super) const ALL: [Self; 9] = [
        Self::Template,
        Self::Seeds,
        Self::Prompts,
        Self::Schema,
        Self::Validators,
        Self::Providers,
        Self::Limits,
        Self::DryRun,
        Self::Launch,
    ];

    /// Its place, from 0.
    pub(super) fn at(self) -> usize {
        self as usize
    }

    /// The step at a place; the last one for places behind it.
    pub(super) fn of_place(at: usize) -> Self {
        Self::ALL[at.min(Self::ALL.len() - 1)]
    }

    /// Its name, and a shorter one.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Template => ("Template", "Tmpl"),
            Self::Seeds => ("Seeds", "Seeds"),
            Self::Prompts => ("Prompts", "Prompts"),
            Self::Schema => ("Schema", "Schema"),
            Self::Validators => ("Validators", "Valid"),
            Self::Providers => ("Providers", "Prov"),
            Self::Limits => ("Limits & cost", "Limits"),
            Self::DryRun => ("Dry run", "Dry"),
            Self::Launch => ("Launch", "Launch"),
        }
    }

    /// Its keys.
    pub(super) fn table(self) -> &'static Table {
        match self {
            Self::Template => &NEW_JOB,
            Self::Seeds => &NEW_SEEDS,
            Self::Prompts => &NEW_PROMPTS,
            Self::Schema => &NEW_SCHEMA,
            Self::Validators => &NEW_VALIDATORS,
            Self::Providers => &NEW_PROVIDERS,
            Self::Limits => &NEW_LIMITS,
            Self::DryRun => &NEW_DRY_RUN,
            Self::Launch => &NEW_LAUNCH,
        }
    }

    /// Where a key of the job file (`steps.card.schema`) is written.
    pub(super) fn of_key(key: &str) -> Self {
        let mut parts = key.split('.');
        let (head, last) = (
            parts.next().unwrap_or_default(),
            key.rsplit('.').next().unwrap_or_default(),
        );
        match (head, last) {
            ("seeds" | "vary", _) => Self::Seeds,
            ("steps", "schema" | "schema_file" | "on_invalid") | ("dataset", _) => Self::Schema,
            ("steps", "teachers" | "capability") => Self::Providers,
            ("steps", _) => Self::Prompts,
            ("validators", _) => Self::Validators,
            ("target" | "limits" | "defaults" | "random_seed" | "route", _) => Self::Limits,
            _ => Self::Launch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_belongs_where_it_can_be_put_right() {
        let of = Step::of_key;
        assert_eq!(of("seeds.path"), Step::Seeds);
        assert_eq!(of("steps.card.prompt"), Step::Prompts);
        assert_eq!(of("steps.card.schema"), Step::Schema);
        assert_eq!(of("steps.card.teachers"), Step::Providers);
        assert_eq!(of("validators.2.capability"), Step::Validators);
        assert_eq!(of("limits.usd"), Step::Limits);
        assert_eq!(of("dataset.fields.user"), Step::Schema);
        assert_eq!(of("name"), Step::Launch);
        for (at, step) in Step::ALL.into_iter().enumerate() {
            assert_eq!((step.at(), Step::of_place(at)), (at, step));
        }
    }
}
