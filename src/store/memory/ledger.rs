//! The port of sums and marks: every sum is counted anew from the rows.

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;

use super::super::rules::{day, failure_group, provider_of};
use super::super::sqlite::salvage;
use super::{Attempt, MemoryStore, Rows};
use crate::core::api::{CleanRow, CleanRules, Salvaged};
use crate::core::budget::Amount;
use crate::core::job::JobId;
use crate::core::ports::{
    DatabaseInfo, Decisions, FileMark, JobStore, LedgerStore, StoreError, Stored, Totals,
};
use crate::core::sample::{Reason, SampleState};
use crate::core::task::{RequestState, TaskState};

#[async_trait]
impl LedgerStore for MemoryStore {
    async fn totals(&self, job: JobId) -> Stored<Totals> {
        let rows = self.read()?;
        let mut totals = Totals::default();
        for attempt in rows.attempts.values().filter(|attempt| attempt.task.job == job) {
            add_attempt(&mut totals, attempt);
        }
        let mut reasons: BTreeMap<Reason, u64> = BTreeMap::new();
        for kept in rows
            .samples
            .iter()
            .filter(|((task, _), _)| task.job == job)
            .map(|(_, kept)| kept)
        {
            match kept.standing.state {
                SampleState::Accepted => totals.samples[0] += 1,
                SampleState::NeedsReview => totals.samples[2] += 1,
                SampleState::Rejected => {
                    totals.samples[1] += 1;
                    if let Some(reason) = kept.standing.reason {
                        *reasons.entry(reason).or_default() += 1;
                    }
                }
            }
        }
        totals.reasons = reasons.into_iter().collect();
        let mut failures: BTreeMap<String, u64> = BTreeMap::new();
        for (_, task) in rows
            .tasks_of(job)
            .filter(|(_, task)| task.state == TaskState::Failed)
        {
            let group = failure_group(task.reason.as_deref().unwrap_or_default());
            *failures.entry(group.to_owned()).or_default() += 1;
        }
        totals.failures = failures.into_iter().collect();
        Ok(totals)
    }

    async fn by_teacher(&self, job: JobId) -> Stored<Vec<(String, Amount, u64, u64)>> {
        let rows = self.read()?;
        let mut teachers: BTreeMap<String, (Amount, u64, u64)> = BTreeMap::new();
        for attempt in rows.attempts.values().filter(|attempt| attempt.task.job == job) {
            let amount = settled(attempt);
            if amount != Amount::default() {
                let entry = teachers.entry(attempt.request.teacher.clone()).or_default();
                entry.0 = entry.0.plus(amount);
            }
        }
        for ((task, _), kept) in &rows.samples {
            if let (true, Some(teacher)) = (task.job == job, &kept.teacher) {
                let entry = teachers.entry(teacher.clone()).or_default();
                entry.1 += u64::from(kept.standing.state == SampleState::Accepted);
                entry.2 += 1;
            }
        }
        let rows = teachers.into_iter();
        Ok(rows
            .map(|(name, (amount, accepted, judged))| (name, amount, accepted, judged))
            .collect())
    }

    async fn spent_at(&self, provider: &str) -> Stored<Amount> {
        Ok(self.read()?.spent(|at, _| at == provider))
    }

    async fn spent_today(&self) -> Stored<Amount> {
        let today = day(self.now_ms());
        Ok(self.read()?.spent(|_, on| on == today))
    }

    async fn marks(&self, job: JobId) -> Stored<Vec<FileMark>> {
        Ok(self.read()?.marks.get(&job).cloned().unwrap_or_default())
    }

    async fn set_marks(&self, job: JobId, marks: &[FileMark], decisions: Option<u64>) -> Stored<()> {
        let mut rows = self.write()?;
        rows.marks.insert(job, marks.to_vec());
        if let Some(decisions) = decisions {
            rows.decisions.entry(job).or_default().written = decisions;
        }
        Ok(())
    }

    async fn decisions(&self, job: JobId) -> Stored<Decisions> {
        Ok(self.read()?.decisions.get(&job).copied().unwrap_or_default())
    }

    async fn info(&self) -> Stored<DatabaseInfo> {
        let rows = self.read()?;
        let path = self
            .read_only
            .as_ref()
            .map(|(_, path)| path.display().to_string());
        Ok(DatabaseInfo {
            path: path.unwrap_or_else(|| "memory".to_owned()),
            rows: [
                rows.jobs.len() as u64,
                rows.tasks.len() as u64,
                rows.attempts.len() as u64,
                rows.samples.len() as u64,
            ],
            ..DatabaseInfo::default()
        })
    }

    async fn check(&self, _deep: bool) -> Stored<Vec<String>> {
        // Sums are derived from the rows: there is nothing that could differ.
        Ok(Vec::new())
    }

    async fn backup(&self, _to: &Path) -> Stored<()> {
        Err(StoreError::Broken(
            "a ledger in memory cannot be copied".to_owned(),
        ))
    }

    async fn salvage(&self, to: &Path) -> Stored<Salvaged> {
        match &self.read_only {
            Some((_, path)) => salvage(path, to).await,
            None => Err(StoreError::Broken(
                "a ledger in memory cannot be damaged".to_owned(),
            )),
        }
    }

    async fn clean(&self) -> Stored<u64> {
        drop(self.write()?);
        Ok(0)
    }

    async fn clean_plan(&self, rules: &CleanRules) -> Stored<Vec<CleanRow>> {
        Ok(self.read()?.clean_plan(rules, self.now_ms()))
    }

    async fn clean_up(
        &self,
        rules: &CleanRules,
        goes_on: &(dyn Fn(u64) -> bool + Send + Sync),
    ) -> Stored<u64> {
        let now_ms = self.now_ms();
        let jobs = {
            let mut rows = self.write()?;
            let planned = rows.clean_plan(rules, now_ms);
            rows.clean_texts(rules, now_ms);
            let jobs = if rules.cancelled_jobs {
                rows.cancelled()
            } else {
                Vec::new()
            };
            (planned.iter().map(|row| row.rows).sum(), jobs)
        };
        for job in jobs.1 {
            self.delete(job).await?;
        }
        // All of it is one transaction here: there is nothing left to stop.
        goes_on(jobs.0);
        Ok(jobs.0)
    }

    async fn close(&self) {}
}

impl Rows {
    fn spent(&self, wanted: impl Fn(&str, i64) -> bool) -> Amount {
        let now = self.attempts.values().map(|attempt| {
            (
                provider_of(&attempt.request.teacher),
                day(attempt.at_ms),
                taken(attempt),
            )
        });
        let past = self
            .past
            .iter()
            .map(|(provider, day, amount)| (provider.as_str(), *day, *amount));
        now.chain(past)
            .filter(|(provider, day, _)| wanted(provider, *day))
            .fold(Amount::default(), |sum, (_, _, amount)| sum.plus(amount))
    }
}

/// What an attempt took as far as it is known.
fn settled(attempt: &Attempt) -> Amount {
    let closed = attempt.closed.as_ref();
    closed.map_or_else(Amount::default, |closed| closed.settled(attempt.request.estimate))
}

/// What it may have taken beyond that.
fn uncertain(attempt: &Attempt) -> Amount {
    let estimate = attempt.request.estimate;
    match (&attempt.closed, attempt.state) {
        (Some(closed), _) => closed.uncertain(estimate),
        (None, RequestState::Lost) => estimate,
        (None, RequestState::Answered) if attempt.unread => estimate,
        (None, _) => Amount::default(),
    }
}

/// What counts against caps of an attempt: both.
pub(super) fn taken(attempt: &Attempt) -> Amount {
    settled(attempt).plus(uncertain(attempt))
}

fn add_attempt(totals: &mut Totals, attempt: &Attempt) {
    let lost = attempt.state == RequestState::Lost;
    let billed = attempt.closed.as_ref().is_some_and(|closed| closed.maybe_billed);
    totals.maybe_billed += u64::from(lost || billed);
    totals.uncertain = totals.uncertain.plus(uncertain(attempt));
    if attempt.state == RequestState::Refused {
        return;
    }
    if attempt.request.estimate.requests == 0 {
        totals.cached += 1;
        return;
    }
    totals.sent += 1;
    totals.retried += u64::from(attempt.request.attempt > 1);
    totals.settled = totals.settled.plus(settled(attempt));
    if let Some(closed) = &attempt.closed {
        totals.input_tokens += closed.usage.input.unwrap_or(0);
        totals.output_tokens += closed.usage.output.unwrap_or(0);
    }
}
