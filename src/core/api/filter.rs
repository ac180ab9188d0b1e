//! Which samples a front end asks for: the job, where one is named, and the condition of the filter language beside it.

use crate::core::filter::{Condition, FilterError, Status, Term, parse};
use crate::core::sample::{SampleId, SampleState};

/// What a filter means; see [`SampleQuery::parse`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SampleQuery {
    /// Of the job of this name.
    pub job: Option<String>,
    /// These only, where there are any.
    pub ids: Vec<SampleId>,
    /// And this.
    pub condition: Condition,
}

impl SampleQuery {
    /// Reads the filter language ([`parse::parse`]). A job that must hold stands apart: its samples are found directly.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let condition = parse::parse(text)?;
        let parts = match condition {
            Condition::All(parts) => parts,
            one => vec![one],
        };
        let mut query = Self::default();
        for part in parts {
            match part {
                Condition::Is(Term::Job(name)) if query.job.is_none() => query.job = Some(name),
                part => query.condition = query.condition.and(part),
            }
        }
        Ok(query)
    }

    /// Those of one job.
    pub fn of(job: &str) -> Self {
        Self {
            job: Some(job.to_owned()),
            ..Self::default()
        }
    }

    /// These samples.
    pub fn these(ids: Vec<SampleId>) -> Self {
        Self {
            ids,
            ..Self::default()
        }
    }

    /// Only those in one of these states.
    #[must_use]
    pub fn in_states(mut self, states: &[SampleState]) -> Self {
        let wanted = states.iter().copied().map(Status::In).collect();
        self.condition = self.condition.and(Condition::Is(Term::Status(wanted)));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_job_stands_apart() {
        let query = SampleQuery::parse("job:quiz status:pending").unwrap();
        assert_eq!(
            query,
            SampleQuery::of("quiz").in_states(&[SampleState::NeedsReview])
        );
        let either = SampleQuery::parse("job:a OR job:b").unwrap();
        assert_eq!(either.job, None);
    }
}
