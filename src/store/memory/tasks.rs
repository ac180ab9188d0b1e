//! The port of tasks, over plain maps: the same transitions as the SQLite ledger, one at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;

use super::super::rules::{
    self, ALONE, HELD_BACK, QUARANTINE, QUARANTINED, QUIET, SUSPECT, WAIT_AT_MOST, failure_group, millis,
};
use super::{Attempt, Kept, MemoryStore, Rows, Standing, Task, whole};
use crate::core::job::JobId;
use crate::core::ports::{FailedTask, FailureGroup, StoreError, Stored, TaskStore};
use crate::core::request::{Fingerprint, RawResponse};
use crate::core::sample::{NewSample, Reason, SampleState, answered_by};
use crate::core::task::{
    Closed, Lease, Leased, NewRequest, NewTask, PastRequest, RequestId, RequestState, Settled, SettledSample,
    TaskCounts, TaskId, TaskState, Transition,
};

#[async_trait]
impl TaskStore for MemoryStore {
    async fn plan(&self, job: JobId, tasks: Vec<NewTask>) -> Stored<()> {
        let mut rows = self.write()?;
        rows.job(job)?;
        for task in tasks {
            let id = TaskId {
                job,
                index: task.index,
            };
            rows.tasks.entry(id).or_insert(Task {
                seed: task.seed,
                vary: task.vary,
                state: TaskState::Pending,
                token: 0,
                crashes: 0,
                fresh_from: 0,
                again: 0,
                due_ms: None,
                reason: None,
            });
        }
        Ok(())
    }

    async fn tasks_below(&self, job: JobId, index: u64) -> Stored<u64> {
        let rows = self.read()?;
        Ok(rows.tasks_of(job).filter(|(id, _)| id.index < index).count() as u64)
    }

    async fn planned_all(&self, job: JobId) -> Stored<()> {
        self.write()?.job(job)?.planned_all = true;
        Ok(())
    }

    async fn claim(&self, job: JobId, limit: usize) -> Stored<Vec<Leased>> {
        let mut rows = self.write()?;
        let now = self.now_ms();
        if rows.is_held(job, now) {
            return Ok(Vec::new());
        }
        let mut due: Vec<(i64, TaskId)> = rows
            .tasks_of(job)
            .filter_map(|(id, task)| Some((task.due_ms.filter(|due| *due <= now)?, *id)))
            .collect();
        due.sort_unstable();
        let pending = rows
            .tasks_of(job)
            .filter(|(_, task)| task.state == TaskState::Pending && task.crashes < SUSPECT)
            .map(|(id, _)| *id);
        let waiting = due.into_iter().map(|(_, id)| id);
        let mut taken: Vec<TaskId> = waiting.chain(pending).take(limit).collect();
        if taken.is_empty() {
            taken = rows.suspects(job, limit, now);
        }
        taken.sort_unstable();
        Ok(taken.into_iter().filter_map(|id| rows.lease(id)).collect())
    }

    async fn begin(&self, lease: Lease, request: NewRequest, closed: Vec<Closed>) -> Stored<RequestId> {
        let mut rows = self.write()?;
        rows.holder_of(lease)?;
        rows.close(lease.task, closed);
        rows.last_request += 1;
        let id = rows.last_request;
        let attempt = Attempt {
            task: lease.task,
            request,
            at_ms: self.now_ms(),
            state: RequestState::Begun,
            response: None,
            unread: false,
            closed: None,
        };
        rows.attempts.insert(id, attempt);
        Ok(RequestId(id))
    }

    async fn record(&self, lease: Lease, request: RequestId, response: &RawResponse) -> Stored<()> {
        let mut rows = self.write()?;
        rows.holder_of(lease)?;
        let attempt = rows
            .attempts
            .get_mut(&request.0)
            .filter(|attempt| attempt.task == lease.task);
        match attempt {
            Some(attempt) if attempt.state == RequestState::Begun => {
                attempt.state = RequestState::Answered;
                attempt.response = Some(response.clone());
                Ok(())
            }
            Some(attempt) if attempt.state == RequestState::Answered => Ok(()),
            _ => Err(StoreError::NotFound(format!("open request {}", request.0))),
        }
    }

    async fn settle(&self, lease: Lease, transition: Transition, closed: Vec<Closed>) -> Stored<Settled> {
        let mut rows = self.write()?;
        rows.holder_of(lease)?;
        rows.close(lease.task, closed);
        rows.lose(lease.task);
        let now = self.now_ms();
        let (mut reason, mut due_ms, mut settled) = (None, None, Vec::new());
        let state = match transition {
            Transition::Finish { samples } => {
                for sample in samples {
                    settled.push(rows.keep(lease.task, sample, now));
                }
                rules::task_state(settled.iter().map(|sample| match sample {
                    SettledSample::Accepted { .. } => SampleState::Accepted,
                    SettledSample::NeedsReview => SampleState::NeedsReview,
                    SettledSample::Rejected(_) => SampleState::Rejected,
                }))
            }
            Transition::Retry { after, error } => {
                (reason, due_ms) = (Some(error), Some(now.saturating_add(millis(after))));
                TaskState::RetryWait
            }
            Transition::Snooze { after, cause } => {
                (reason, due_ms) = (Some(cause), Some(now.saturating_add(millis(after))));
                TaskState::Snoozed
            }
            Transition::Fail { reason: why } => {
                reason = Some(why);
                TaskState::Failed
            }
            Transition::Release => TaskState::Pending,
        };
        let task = rows.holder_of(lease)?;
        task.state = state;
        task.reason = reason;
        task.due_ms = due_ms;
        task.crashes = 0;
        Ok(Settled {
            state,
            samples: settled,
        })
    }

    async fn rescue(&self) -> Stored<u64> {
        let mut rows = self.write()?;
        let now = self.now_ms();
        let leased = rows.leased(|_| true);
        let has_asked = |id: &TaskId| rows.attempts_of(*id).any(|(_, attempt)| is_open(attempt));
        let asked: Vec<bool> = leased.iter().map(has_asked).collect();
        let in_flight = asked.iter().filter(|asked| **asked).count();
        for (id, asked) in leased.iter().zip(asked) {
            rows.lose(*id);
            let Some(task) = rows.tasks.get_mut(id) else {
                continue;
            };
            if asked {
                task.crashes = rules::suspicion(task.crashes, in_flight);
            }
            if task.crashes >= QUARANTINE {
                task.state = TaskState::Failed;
                task.reason = Some(QUARANTINED.to_owned());
            } else {
                task.state = TaskState::Pending;
            }
        }
        let latest = now.saturating_add(millis(WAIT_AT_MOST));
        for due in rows.tasks.values_mut().filter_map(|task| task.due_ms.as_mut()) {
            if *due > latest {
                *due = now;
            }
        }
        Ok(leased.len() as u64)
    }

    async fn counts(&self, job: JobId) -> Stored<TaskCounts> {
        let mut counts = TaskCounts::default();
        for (_, task) in self.read()?.tasks_of(job) {
            counts.set(task.state, counts.of(task.state) + 1);
        }
        Ok(counts)
    }

    async fn next_due(&self, job: JobId) -> Stored<Option<Duration>> {
        let rows = self.read()?;
        let now = self.now_ms();
        let due = rows.tasks_of(job).filter_map(|(_, task)| task.due_ms).min();
        let due = due.map(|due| Duration::from_millis(u64::try_from(due - now).unwrap_or(0)));
        let suspect =
            |task: &Task| task.crashes >= SUSPECT && (task.state == TaskState::Pending || is_leased(task));
        let pending = |(_, task): (_, &Task)| task.state == TaskState::Pending;
        let held_back = rows.tasks.values().any(suspect) && rows.tasks_of(job).any(pending);
        Ok(due.into_iter().chain(held_back.then_some(HELD_BACK)).min())
    }

    async fn cancel_open(&self, job: JobId) -> Stored<u64> {
        let mut rows = self.write()?;
        for id in rows.leased(|id| id.job == job) {
            rows.lose(id);
        }
        let open = |state: TaskState| state.is_pending() && state != TaskState::NeedsReview;
        Ok(rows.move_all(job, open, TaskState::Cancelled))
    }

    async fn retry_failed(&self, job: JobId, group: Option<&str>) -> Stored<u64> {
        let mut rows = self.write()?;
        let last = rows.last_request;
        let mut back = 0;
        for (_, task) in rows.tasks.range_mut(whole(job)) {
            let reason = task.reason.as_deref().unwrap_or_default();
            let meant = group.is_none_or(|group| failure_group(reason) == group);
            if task.state == TaskState::Failed && meant {
                task.state = TaskState::Pending;
                task.fresh_from = last;
                task.reason = None;
                task.crashes = 0;
                back += 1;
            }
        }
        Ok(back)
    }

    async fn make_again(&self, job: JobId, tasks: &[u64]) -> Stored<u64> {
        let mut rows = self.write()?;
        let last = rows.last_request;
        let mut made = 0;
        for index in tasks {
            let id = TaskId { job, index: *index };
            let Some(task) = rows.tasks.get_mut(&id).filter(|task| task.state.is_judged()) else {
                continue;
            };
            task.state = TaskState::Pending;
            task.again += 1;
            task.fresh_from = last;
            task.reason = None;
            task.crashes = 0;
            rows.forget_samples(id);
            made += 1;
        }
        Ok(made)
    }

    async fn failures(&self, job: JobId) -> Stored<Vec<FailureGroup>> {
        let rows = self.read()?;
        let mut groups: BTreeMap<String, (FailureGroup, BTreeSet<String>)> = BTreeMap::new();
        for failed in rows.failed(job) {
            let reason = failure_group(&failed.reason).to_owned();
            let (group, teachers) = groups.entry(reason.clone()).or_insert_with(|| {
                let group = FailureGroup {
                    reason,
                    tasks: 0,
                    example: failed.reason.clone(),
                    teacher: None,
                    teachers: 0,
                    last_ms: None,
                };
                (group, BTreeSet::new())
            });
            group.tasks += 1;
            teachers.extend(failed.teacher.clone());
            group.teachers = teachers.len() as u64;
            if failed.at_ms > group.last_ms {
                group.last_ms = failed.at_ms;
                group.teacher = failed.teacher;
                group.example = failed.reason;
            }
        }
        let mut groups: Vec<FailureGroup> = groups.into_values().map(|(group, _)| group).collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.tasks));
        Ok(groups)
    }

    async fn failed_tasks(&self, job: JobId, group: &str, limit: usize) -> Stored<Vec<FailedTask>> {
        let rows = self.read()?;
        let of_group = rows
            .failed(job)
            .filter(|failed| failure_group(&failed.reason) == group);
        Ok(of_group.take(limit).collect())
    }

    async fn reopen_cancelled(&self, job: JobId) -> Stored<u64> {
        let cancelled = |state| state == TaskState::Cancelled;
        Ok(self.write()?.move_all(job, cancelled, TaskState::Pending))
    }

    async fn answered(&self, fingerprint: Fingerprint) -> Stored<Option<RawResponse>> {
        let rows = self.read()?;
        let mut newest_first = rows.attempts.values().rev();
        let found = newest_first.find(|attempt| {
            attempt.request.fingerprint == fingerprint
                && attempt.state == RequestState::Settled
                && attempt
                    .response
                    .as_ref()
                    .is_some_and(|response| !response.body.is_empty())
        });
        Ok(found.and_then(|attempt| attempt.response.clone()))
    }
}

fn is_open(attempt: &Attempt) -> bool {
    matches!(attempt.state, RequestState::Begun | RequestState::Answered)
}

fn is_leased(task: &Task) -> bool {
    matches!(
        task.state,
        TaskState::Leased | TaskState::Answered | TaskState::Validating
    )
}

impl Rows {
    /// Removes a task's samples, with what was said of them.
    fn forget_samples(&mut self, id: TaskId) {
        let places = (id, 0)..=(id, u32::MAX);
        let gone: Vec<(TaskId, u32)> = self.samples.range(places).map(|(place, _)| *place).collect();
        for place in gone {
            let kept = self.samples.remove(&place);
            if kept.is_some_and(|kept| kept.standing.state == SampleState::Accepted) {
                self.decisions.entry(id.job).or_default().made += 1;
            }
            self.flags.remove(&place);
        }
    }

    fn failed(&self, job: JobId) -> impl Iterator<Item = FailedTask> {
        let failed = self
            .tasks_of(job)
            .filter(|(_, task)| task.state == TaskState::Failed);
        failed.map(|(id, task)| {
            let last = self.attempts_of(*id).last().map(|(_, attempt)| attempt);
            FailedTask {
                index: id.index,
                reason: task.reason.clone().unwrap_or_default(),
                teacher: last.map(|attempt| attempt.request.teacher.clone()),
                at_ms: last.map(|attempt| attempt.at_ms),
                attempts: self.attempts_of(*id).count() as u64,
            }
        })
    }

    fn lease(&mut self, id: TaskId) -> Option<Leased> {
        let fresh_from = self.tasks.get(&id)?.fresh_from;
        let counts = |number: i64, state| {
            number > fresh_from || !matches!(state, RequestState::Failed | RequestState::Lost)
        };
        let history = self
            .attempts_of(id)
            .filter(|(number, attempt)| counts(**number, attempt.state))
            .map(|(number, attempt)| PastRequest {
                id: RequestId(*number),
                question: attempt.request.question.clone(),
                teacher: attempt.request.teacher.clone(),
                fingerprint: attempt.request.fingerprint,
                state: attempt.state,
                estimate: attempt.request.estimate,
                response: attempt.response.clone(),
            })
            .collect();
        self.last_token += 1;
        let token = self.last_token;
        let task = self.tasks.get_mut(&id)?;
        task.state = TaskState::Leased;
        task.token = token;
        task.due_ms = None;
        task.reason = None;
        Some(Leased {
            lease: Lease { task: id, token },
            seed: task.seed.clone(),
            vary: task.vary.clone(),
            again: task.again,
            history,
        })
    }

    /// Whether a task that runs alone keeps all others back, or one of another job waits until it can.
    fn is_held(&self, job: JobId, now: i64) -> bool {
        let mut tasks = self.tasks.values();
        self.quiet
            .is_some_and(|(other, until)| other != job && now < until)
            || tasks.any(|task| is_leased(task) && task.crashes >= ALONE)
    }

    /// Suspects of a job that may run now, the least suspected first.
    fn suspects(&mut self, job: JobId, limit: usize, now: i64) -> Vec<TaskId> {
        let pending = self
            .tasks_of(job)
            .filter(|(_, task)| task.state == TaskState::Pending && task.crashes >= SUSPECT);
        let mut pending: Vec<(i64, TaskId)> = pending.map(|(id, task)| (task.crashes, *id)).collect();
        pending.sort_unstable();
        let Some((least, _)) = pending.first().copied() else {
            return Vec::new();
        };
        let alone = least >= ALONE;
        let leased = self.leased(|id| alone || id.job == job).len();
        let room = rules::company(least).saturating_sub(leased).min(limit);
        if alone {
            self.quiet = (room == 0).then(|| (job, now.saturating_add(millis(QUIET))));
        }
        let equal = pending.into_iter().filter(|(crashes, _)| *crashes == least);
        equal.map(|(_, id)| id).take(room).collect()
    }

    /// The task behind a lease, if the lease is still good.
    fn holder_of(&mut self, lease: Lease) -> Stored<&mut Task> {
        self.tasks
            .get_mut(&lease.task)
            .filter(|task| task.token == lease.token && is_leased(task))
            .ok_or(StoreError::Fenced)
    }

    fn leased(&self, wanted: impl Fn(TaskId) -> bool) -> Vec<TaskId> {
        let leased = self
            .tasks
            .iter()
            .filter(|(id, task)| wanted(**id) && is_leased(task));
        leased.map(|(id, _)| *id).collect()
    }

    fn close(&mut self, task: TaskId, closed: Vec<Closed>) {
        for closed in closed {
            let attempt = self.attempts.get_mut(&closed.request.0);
            if let Some(attempt) = attempt.filter(|attempt| attempt.task == task && is_open(attempt)) {
                attempt.state = closed.state;
                attempt.closed = Some(closed);
            }
        }
    }

    /// Attempts that a lease leaves behind: those without an answer are lost.
    fn lose(&mut self, task: TaskId) {
        for attempt in self.attempts.values_mut().filter(|attempt| attempt.task == task) {
            attempt.unread |= attempt.state == RequestState::Answered;
            if attempt.state == RequestState::Begun {
                attempt.state = if attempt.request.estimate.requests == 0 {
                    RequestState::Refused
                } else {
                    RequestState::Lost
                };
            }
        }
    }

    fn keep(&mut self, task: TaskId, sample: NewSample, made_ms: i64) -> SettledSample {
        let mut standing = Standing {
            state: sample.state,
            reason: sample.reason,
            overruled: false,
            seq: None,
        };
        let mut verdicts = sample.verdicts;
        if let (SampleState::Accepted, Some(key)) = (sample.state, sample.dedup_key)
            && let Some((_, first)) = self.holder(task.job, key)
        {
            verdicts.push(rules::duplicate_of(&first.id));
            standing.state = SampleState::Rejected;
            standing.reason = Some(Reason::ExactDuplicate);
        }
        let outcome = match standing.state {
            SampleState::Accepted => {
                let seq = self.next_seq();
                standing.seq = Some(seq);
                SettledSample::Accepted { seq }
            }
            SampleState::NeedsReview => SettledSample::NeedsReview,
            SampleState::Rejected => SettledSample::Rejected(standing.reason.unwrap_or(Reason::Script)),
        };
        self.last_made += 1;
        let kept = Kept {
            tags: Vec::new(),
            taggings: Vec::new(),
            judgings: Vec::new(),
            judging: None,
            id: sample.id,
            standing,
            teacher: answered_by(&sample.steps).map(str::to_owned),
            steps: sample.steps,
            verdicts,
            dedup_key: sample.dedup_key,
            made_ms,
            journal: Vec::new(),
            made: self.last_made,
        };
        self.samples.insert((task, sample.candidate), kept);
        outcome
    }

    fn move_all(&mut self, job: JobId, from: impl Fn(TaskState) -> bool, to: TaskState) -> u64 {
        let mut moved = 0;
        for (id, task) in &mut self.tasks {
            if id.job == job && from(task.state) {
                task.state = to;
                task.due_ms = None;
                task.reason = None;
                task.crashes = 0;
                moved += 1;
            }
        }
        moved
    }
}
