//! Changes to the ledger's sums, gathered during a commit group and written once at its end. It holds differences only; the sums
//! themselves are rows of `counters`, and the audit compares them with what they sum.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;

use super::super::rules::{day, failure_group, provider_of, settled_amount};
use crate::core::budget::Amount;
use crate::core::sample::{Reason, SampleState};
use crate::core::task::{Closed, RequestState, TaskState};

/// The job under which sums of the whole database are kept.
pub(super) const DATABASE: i64 = 0;

/// What a closed or lost attempt was, as far as sums care.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    /// Its job.
    pub(super) job: i64,
    /// `provider/model`.
    pub(super) teacher: Arc<str>,
    /// From 1.
    pub(super) ordinal: i64,
    /// When it was begun.
    pub(super) at_ms: i64,
    /// What was set aside.
    pub(super) estimate: Amount,
}

type Key = (i64, &'static str, Cow<'static, str>);

/// Differences by job, kind and name.
#[derive(Debug, Default)]
pub(super) struct Tally {
    changes: HashMap<Key, i64>,
}

impl Tally {
    /// Adds to one sum.
    pub(super) fn add(&mut self, job: i64, kind: &'static str, name: impl Into<Cow<'static, str>>, by: i64) {
        if by != 0 {
            *self.changes.entry((job, kind, name.into())).or_default() += by;
        }
    }

    /// So many tasks went from one state to another.
    pub(super) fn moved(&mut self, job: i64, from: TaskState, to: TaskState, tasks: i64) {
        self.add(job, "tasks", from.word(), -tasks);
        self.add(job, "tasks", to.word(), tasks);
    }

    /// So many tasks failed for that reason (or, negative, are no longer failed).
    pub(super) fn failed(&mut self, job: i64, reason: &str, tasks: i64) {
        self.add(job, "failures", failure_group(reason).to_owned(), tasks);
    }

    /// How many more tasks of a job (or of all) are leased than the counters say so far.
    pub(super) fn leased(&self, job: Option<i64>) -> i64 {
        let changes = self.changes.iter().filter(|((of, kind, name), _)| {
            *kind == "tasks" && *name == TaskState::Leased.word() && job.is_none_or(|job| job == *of)
        });
        changes.map(|(_, by)| by).sum()
    }

    /// An attempt was committed.
    pub(super) fn begun(&mut self, attempt: &Attempt) {
        self.sent(attempt, 1);
    }

    /// An attempt was settled.
    pub(super) fn closed(&mut self, attempt: &Attempt, closed: &Closed) {
        if closed.state == RequestState::Refused {
            self.sent(attempt, -1);
            return;
        }
        let job = attempt.job;
        let amount = settled_amount(attempt.estimate, closed);
        if attempt.estimate.requests > 0 {
            self.add(job, "sum", "input", unsigned(closed.usage.input.unwrap_or(0)));
            self.add(job, "sum", "output", unsigned(closed.usage.output.unwrap_or(0)));
        }
        self.add(job, "sum", "maybe_billed", i64::from(closed.maybe_billed));
        self.amount(job, ["usd", "tokens", "requests"], None, amount);
        let by_teacher = ["teacher.usd", "teacher.tokens", "teacher.requests"];
        self.amount(job, by_teacher, Some(&attempt.teacher), amount);
        self.spent(attempt, amount);
    }

    /// The owner of an attempt died: it counts against caps by its estimate.
    pub(super) fn lost(&mut self, attempt: &Attempt) {
        let names = ["uncertain_usd", "uncertain_tokens", "uncertain_requests"];
        self.amount(attempt.job, names, None, attempt.estimate);
        self.add(attempt.job, "sum", "maybe_billed", 1);
        self.spent(attempt, attempt.estimate);
    }

    /// An attempt that sent nothing and is no more (an answer by `reuse` that a crash cut off, a refusal).
    pub(super) fn given_back(&mut self, attempt: &Attempt) {
        self.sent(attempt, -1);
    }

    /// A sample entered (`by` 1) or left (-1) a state.
    pub(super) fn sample(
        &mut self,
        job: i64,
        teacher: Option<&str>,
        state: SampleState,
        reason: Option<Reason>,
        by: i64,
    ) {
        self.add(job, "samples", state.word(), by);
        if let (SampleState::Rejected, Some(reason)) = (state, reason) {
            self.add(job, "reasons", reason.word(), by);
        }
        if let (SampleState::Accepted, Some(teacher)) = (state, teacher) {
            self.add(job, "teacher.accepted", teacher.to_owned(), by);
        }
    }

    /// A sample was judged for the first time.
    pub(super) fn judged(&mut self, job: i64, teacher: Option<&str>) {
        if let Some(teacher) = teacher {
            self.add(job, "teacher.judged", teacher.to_owned(), 1);
        }
    }

    /// Adds all of another tally.
    pub(super) fn absorb(&mut self, other: Self) {
        for (key, by) in other.changes {
            *self.changes.entry(key).or_default() += by;
        }
    }

    /// Takes the differences out, as JSON rows `[job, kind, name, by]`.
    pub(super) fn take(&mut self) -> String {
        let rows: Vec<_> = self
            .changes
            .drain()
            .filter(|(_, by)| *by != 0)
            .map(|((job, kind, name), by)| json!([job, kind, name, by]))
            .collect();
        serde_json::Value::Array(rows).to_string()
    }

    fn sent(&mut self, attempt: &Attempt, by: i64) {
        if attempt.estimate.requests == 0 {
            self.add(attempt.job, "sum", "cached", by);
            return;
        }
        self.add(attempt.job, "sum", "sent", by);
        if attempt.ordinal > 1 {
            self.add(attempt.job, "sum", "retried", by);
        }
    }

    fn spent(&mut self, attempt: &Attempt, amount: Amount) {
        let provider = provider_of(&attempt.teacher).to_owned();
        let by_provider = ["provider.usd", "provider.tokens", "provider.requests"];
        self.amount(DATABASE, by_provider, Some(&provider), amount);
        let today = day(attempt.at_ms).to_string();
        self.amount(
            DATABASE,
            ["day.usd", "day.tokens", "day.requests"],
            Some(&today),
            amount,
        );
    }

    /// With a name the three words are kinds, without one they are names of kind `sum`.
    fn amount(&mut self, job: i64, words: [&'static str; 3], name: Option<&str>, amount: Amount) {
        let values = [amount.usd.0, unsigned(amount.tokens), unsigned(amount.requests)];
        for (word, value) in words.into_iter().zip(values) {
            match name {
                Some(name) => self.add(job, word, name.to_owned(), value),
                None => self.add(job, "sum", word, value),
            }
        }
    }
}

/// A count as SQLite keeps it.
pub(super) fn unsigned(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
