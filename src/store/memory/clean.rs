//! Cleaning, over plain maps: the same rows as the SQLite ledger finds, found plainly.

use super::super::rules::before;
use super::{Attempt, Kept, Rows, whole};
use crate::core::api::{CleanRow, CleanRules};
use crate::core::job::{JobId, JobState};
use crate::core::sample::SampleState;
use crate::core::task::{RequestState, TaskId, TaskState};

impl Rows {
    fn may_lose_its_body(&self, attempt: &Attempt, at_ms: i64) -> bool {
        let judged = [TaskState::Accepted, TaskState::Rejected];
        let closed = [RequestState::Settled, RequestState::Failed];
        let body = attempt.response.as_ref().map_or("", |response| &response.body);
        let task = self.tasks.get(&attempt.task);
        !body.is_empty()
            && attempt.at_ms <= at_ms
            && closed.contains(&attempt.state)
            && task.is_some_and(|task| judged.contains(&task.state))
    }

    fn may_lose_its_text(&self, task: TaskId, kept: &Kept, at_ms: i64) -> bool {
        let last = self.attempts_of(task).map(|(_, attempt)| attempt.at_ms).max();
        kept.standing.state == SampleState::Rejected
            && kept.journal.is_empty()
            && !kept.steps.is_empty()
            && last.unwrap_or(0) <= at_ms
    }

    pub(super) fn cancelled(&self) -> Vec<JobId> {
        let cancelled = self
            .jobs
            .iter()
            .filter(|(_, job)| matches!(job.state, JobState::Cancelled(_)));
        cancelled.map(|(id, _)| *id).collect()
    }

    pub(super) fn clean_plan(&self, rules: &CleanRules, now_ms: i64) -> Vec<CleanRow> {
        let mut rows = Vec::new();
        if let Some(days) = rules.responses_days {
            let at_ms = before(now_ms, days);
            let found = self
                .attempts
                .values()
                .filter(|attempt| self.may_lose_its_body(attempt, at_ms));
            let bytes = found.map(|attempt| {
                attempt
                    .response
                    .as_ref()
                    .map_or(0, |response| response.body.len())
            });
            rows.push(row("responses", bytes));
        }
        if let Some(days) = rules.rejected_days {
            let at_ms = before(now_ms, days);
            let found = self
                .samples
                .iter()
                .filter(|((task, _), kept)| self.may_lose_its_text(*task, kept, at_ms));
            rows.push(row("rejected", found.map(|(_, kept)| text_bytes(kept))));
        }
        if rules.cancelled_jobs {
            let jobs = self.cancelled();
            let tasks = jobs
                .iter()
                .flat_map(|job| self.tasks_of(*job))
                .map(|(_, task)| json_bytes(&task.seed) + json_bytes(&task.vary));
            let samples = self
                .samples
                .iter()
                .filter(|((task, _), _)| jobs.iter().any(|job| whole(*job).contains(task)))
                .map(|(_, kept)| text_bytes(kept));
            rows.push(row("cancelled jobs", tasks.chain(samples)));
        }
        if rules.orphans {
            // Everything in memory hangs on its job.
            rows.push(row("orphans", std::iter::empty()));
        }
        rows
    }

    /// Takes texts away; whole jobs are the caller's.
    pub(super) fn clean_texts(&mut self, rules: &CleanRules, now_ms: i64) {
        if let Some(days) = rules.responses_days {
            let at_ms = before(now_ms, days);
            let found: Vec<i64> = self
                .attempts
                .iter()
                .filter(|(_, attempt)| self.may_lose_its_body(attempt, at_ms))
                .map(|(number, _)| *number)
                .collect();
            for number in found {
                let attempt = self.attempts.get_mut(&number);
                if let Some(response) = attempt.and_then(|attempt| attempt.response.as_mut()) {
                    response.body.clear();
                }
            }
        }
        if let Some(days) = rules.rejected_days {
            let at_ms = before(now_ms, days);
            let found: Vec<(TaskId, u32)> = self
                .samples
                .iter()
                .filter(|((task, _), kept)| self.may_lose_its_text(*task, kept, at_ms))
                .map(|(place, _)| *place)
                .collect();
            for place in found {
                if let Some(kept) = self.samples.get_mut(&place) {
                    kept.steps.clear();
                }
            }
        }
    }
}

fn row(what: &'static str, bytes: impl Iterator<Item = usize>) -> CleanRow {
    let (rows, bytes) = bytes.fold((0, 0), |(rows, sum), bytes| (rows + 1, sum + bytes as u64));
    CleanRow { what, rows, bytes }
}

fn text_bytes(kept: &Kept) -> usize {
    serde_json::to_string(&kept.steps).map_or(0, |text| text.len())
}

fn json_bytes(row: &crate::core::Row) -> usize {
    serde_json::to_string(row).map_or(0, |text| text.len())
}
