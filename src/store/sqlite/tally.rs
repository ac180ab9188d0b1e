//! Changes to the ledger's sums, gathered during a commit group and written once at its end. It holds differences only; the sums
//! themselves are rows of `counters`, and the audit compares them with what they sum.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;

use super::super::rules::{day, failure_group, provider_of};
use crate::core::budget::Amount;
use crate::core::sample::{Reason, SampleState};
use crate::core::task::{Closed, RequestState, TaskState};

/// The job under which sums of the whole database are kept.
pub(super) const DATABASE: i64 = 0;

/// The sums of [`crate::core::ports::Totals::uncertain`].
const UNCERTAIN: [&str; 3] = ["uncertain_usd", "uncertain_tokens", "uncertain_requests"];

/// The counters of [`crate::core::ports::Decisions`].
pub(super) const DECISIONS: &str = "decisions";

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
    /// What every attempt and sample adds to, kept without names until the end: there are many of them and few of these.
    taken: Vec<Taken>,
    moved: Vec<(i64, [i64; TaskState::ALL.len()])>,
}

/// What a teacher took and gave for one job on one day.
#[derive(Debug)]
struct Taken {
    job: i64,
    teacher: Arc<str>,
    day: i64,
    sent: i64,
    retried: i64,
    cached: i64,
    input: u64,
    output: u64,
    maybe_billed: i64,
    amount: Amount,
    judged: i64,
    accepted: i64,
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
        let at = self
            .moved
            .iter()
            .position(|(known, _)| *known == job)
            .unwrap_or_else(|| {
                self.moved.push((job, [0; TaskState::ALL.len()]));
                self.moved.len() - 1
            });
        let states = &mut self.moved[at].1;
        states[from as usize] -= tasks;
        states[to as usize] += tasks;
    }

    /// So many tasks failed for that reason (or, negative, are no longer failed).
    pub(super) fn failed(&mut self, job: i64, reason: &str, tasks: i64) {
        self.add(job, "failures", failure_group(reason).to_owned(), tasks);
    }

    /// How many more tasks of a job (or of all) are leased than the counters say so far.
    pub(super) fn leased(&self, job: Option<i64>) -> i64 {
        let moved = self
            .moved
            .iter()
            .filter(|(of, _)| job.is_none_or(|job| job == *of));
        moved.map(|(_, states)| states[TaskState::Leased as usize]).sum()
    }

    /// An attempt was committed.
    pub(super) fn begun(&mut self, attempt: &Attempt) {
        let taken = self.taken(attempt.job, &attempt.teacher, day(attempt.at_ms));
        if attempt.estimate.requests == 0 {
            taken.cached += 1;
        } else {
            taken.sent += 1;
            taken.retried += i64::from(attempt.ordinal > 1);
        }
    }

    /// An attempt was settled.
    pub(super) fn closed(&mut self, attempt: &Attempt, closed: &Closed) {
        self.uncertain(attempt, closed.uncertain(attempt.estimate), 1);
        if closed.state == RequestState::Refused {
            self.given_back(attempt);
            self.add(attempt.job, "sum", "maybe_billed", i64::from(closed.maybe_billed));
            return;
        }
        let amount = closed.settled(attempt.estimate);
        let taken = self.taken(attempt.job, &attempt.teacher, day(attempt.at_ms));
        if attempt.estimate.requests > 0 {
            taken.input += closed.usage.input.unwrap_or(0);
            taken.output += closed.usage.output.unwrap_or(0);
        }
        taken.maybe_billed += i64::from(closed.maybe_billed);
        taken.amount = taken.amount.plus(amount);
    }

    /// The owner of an attempt died: it counts against caps by its estimate.
    pub(super) fn lost(&mut self, attempt: &Attempt) {
        self.uncertain(attempt, attempt.estimate, 1);
        self.add(attempt.job, "sum", "maybe_billed", 1);
    }

    /// The lease of an answered attempt ended before anybody read the answer: so does this one.
    pub(super) fn unread(&mut self, attempt: &Attempt) {
        self.uncertain(attempt, attempt.estimate, 1);
    }

    /// It is read now, and settled next.
    pub(super) fn read(&mut self, attempt: &Attempt) {
        self.uncertain(attempt, attempt.estimate, -1);
    }

    /// An attempt that sent nothing and is no more (an answer by `reuse` that a crash cut off, a refusal).
    pub(super) fn given_back(&mut self, attempt: &Attempt) {
        let taken = self.taken(attempt.job, &attempt.teacher, day(attempt.at_ms));
        if attempt.estimate.requests == 0 {
            taken.cached -= 1;
        } else {
            taken.sent -= 1;
            taken.retried -= i64::from(attempt.ordinal > 1);
        }
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

    /// A sample was judged for the first time, and entered a state.
    pub(super) fn judged(
        &mut self,
        job: i64,
        teacher: Option<&Arc<str>>,
        state: SampleState,
        reason: Option<Reason>,
    ) {
        self.sample(job, None, state, reason, 1);
        if let Some(teacher) = teacher {
            let taken = self.taken(job, teacher, 0);
            taken.judged += 1;
            taken.accepted += i64::from(state == SampleState::Accepted);
        }
    }

    /// A judged sample is no more.
    pub(super) fn forgotten(
        &mut self,
        job: i64,
        teacher: Option<&str>,
        state: SampleState,
        reason: Option<Reason>,
    ) {
        self.sample(job, teacher, state, reason, -1);
        if let Some(teacher) = teacher {
            self.add(job, "teacher.judged", teacher.to_owned(), -1);
        }
    }

    /// Adds all of another tally.
    pub(super) fn absorb(&mut self, mut other: Self) {
        other.name_all();
        for (key, by) in other.changes {
            *self.changes.entry(key).or_default() += by;
        }
    }

    /// Takes the differences out, as JSON rows `[job, kind, name, by]`.
    pub(super) fn take(&mut self) -> String {
        self.name_all();
        let rows: Vec<_> = self
            .changes
            .drain()
            .filter(|(_, by)| *by != 0)
            .map(|((job, kind, name), by)| json!([job, kind, name, by]))
            .collect();
        serde_json::Value::Array(rows).to_string()
    }

    fn taken(&mut self, job: i64, teacher: &Arc<str>, day: i64) -> &mut Taken {
        let known = self
            .taken
            .iter()
            .position(|taken| taken.job == job && taken.day == day && taken.teacher == *teacher);
        let at = known.unwrap_or_else(|| {
            self.taken.push(Taken::nothing(job, Arc::clone(teacher), day));
            self.taken.len() - 1
        });
        &mut self.taken[at]
    }

    /// Gives everything the name under which the ledger keeps it.
    fn name_all(&mut self) {
        for (job, states) in std::mem::take(&mut self.moved) {
            for (state, by) in TaskState::ALL.into_iter().zip(states) {
                self.add(job, "tasks", state.word(), by);
            }
        }
        for taken in std::mem::take(&mut self.taken) {
            self.name(&taken);
        }
    }

    fn name(&mut self, taken: &Taken) {
        let job = taken.job;
        let sums = [
            ("sent", taken.sent),
            ("retried", taken.retried),
            ("cached", taken.cached),
            ("input", unsigned(taken.input)),
            ("output", unsigned(taken.output)),
            ("maybe_billed", taken.maybe_billed),
        ];
        for (name, by) in sums {
            self.add(job, "sum", name, by);
        }
        self.amount(job, ["usd", "tokens", "requests"], None, taken.amount, 1);
        let by_teacher = ["teacher.usd", "teacher.tokens", "teacher.requests"];
        self.amount(job, by_teacher, Some(&taken.teacher), taken.amount, 1);
        self.spent(&taken.teacher, taken.day, taken.amount, 1);
        self.add(job, "teacher.judged", taken.teacher.to_string(), taken.judged);
        self.add(job, "teacher.accepted", taken.teacher.to_string(), taken.accepted);
    }

    /// So much more (`by` 1) or less (-1) may have been taken.
    fn uncertain(&mut self, attempt: &Attempt, amount: Amount, by: i64) {
        if amount != Amount::default() {
            self.amount(attempt.job, UNCERTAIN, None, amount, by);
            self.spent(&attempt.teacher, day(attempt.at_ms), amount, by);
        }
    }

    fn spent(&mut self, teacher: &str, day: i64, amount: Amount, by: i64) {
        let by_provider = ["provider.usd", "provider.tokens", "provider.requests"];
        self.amount(DATABASE, by_provider, Some(provider_of(teacher)), amount, by);
        let by_day = ["day.usd", "day.tokens", "day.requests"];
        self.amount(DATABASE, by_day, Some(&day.to_string()), amount, by);
    }

    /// With a name the three words are kinds, without one they are names of kind `sum`. Added, or with `by` -1 taken off.
    fn amount(&mut self, job: i64, words: [&'static str; 3], name: Option<&str>, amount: Amount, by: i64) {
        let values = [amount.usd.0, unsigned(amount.tokens), unsigned(amount.requests)];
        for (word, value) in words.into_iter().zip(values.map(|value| value * by)) {
            match name {
                Some(name) => self.add(job, word, name.to_owned(), value),
                None => self.add(job, "sum", word, value),
            }
        }
    }
}

impl Taken {
    fn nothing(job: i64, teacher: Arc<str>, day: i64) -> Self {
        Self {
            job,
            teacher,
            day,
            sent: 0,
            retried: 0,
            cached: 0,
            input: 0,
            output: 0,
            maybe_billed: 0,
            amount: Amount::default(),
            judged: 0,
            accepted: 0,
        }
    }
}

/// A count as SQLite keeps it.
pub(super) fn unsigned(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
