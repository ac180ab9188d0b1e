//! The ledger in memory: for simulations, and as what a missing database reads like. It keeps rows only and derives every sum from
//! them, slowly and plainly, so that it is also the model the SQLite ledger is tested against.

mod clean;
mod jobs;
mod journal;
mod ledger;
mod review;
mod samples;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use super::rules::Clock;
use crate::core::Row;
use crate::core::budget::Amount;
use crate::core::job::{Job, JobId};
use crate::core::ports::{Decisions, FileMark, Revision, StoreError, Stored};
use crate::core::request::RawResponse;
use crate::core::review::{QueueId, QueueItem, QueueSpec};
use crate::core::sample::{Reason, Review, SampleId, SampleState, StepAnswer, Verdict};
use crate::core::task::{Closed, NewRequest, RequestState, TaskId, TaskState};

/// A ledger that is gone when it is dropped.
pub struct MemoryStore {
    rows: Mutex<Rows>,
    clock: RwLock<Clock>,
    read_only: Option<(String, PathBuf)>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty ledger.
    pub fn new() -> Self {
        Self {
            rows: Mutex::default(),
            clock: RwLock::new(Clock::start()),
            read_only: None,
        }
    }

    /// As if it were closed, and opened again when clocks on walls show that instant (milliseconds since 1970 UTC).
    pub fn reopen_at(&self, now_ms: i64) {
        *self.clock.write().unwrap_or_else(PoisonError::into_inner) = Clock::at(now_ms);
        if let Ok(mut rows) = self.rows.lock() {
            rows.quiet = None;
        }
    }

    fn now_ms(&self) -> i64 {
        self.clock.read().unwrap_or_else(PoisonError::into_inner).now_ms()
    }

    /// What the database at `path` reads like before anything was saved. Writes are refused with that reason.
    pub(super) fn read_only(because: String, path: &Path) -> Self {
        Self {
            read_only: Some((because, path.to_owned())),
            ..Self::new()
        }
    }

    fn read(&self) -> Stored<MutexGuard<'_, Rows>> {
        let poisoned = |_| StoreError::Broken("the ledger was left half-written by a panic".to_owned());
        self.rows.lock().map_err(poisoned)
    }

    fn write(&self) -> Stored<MutexGuard<'_, Rows>> {
        match &self.read_only {
            Some((because, _)) => Err(StoreError::ReadOnly(because.clone())),
            None => self.read(),
        }
    }
}

/// Everything there is.
#[derive(Default)]
struct Rows {
    jobs: BTreeMap<JobId, Job>,
    /// Files of jobs, oldest first.
    revisions: Vec<(JobId, Revision)>,
    tasks: BTreeMap<TaskId, Task>,
    attempts: BTreeMap<i64, Attempt>,
    samples: BTreeMap<(TaskId, u32), Kept>,
    marks: BTreeMap<JobId, Vec<FileMark>>,
    decisions: BTreeMap<JobId, Decisions>,
    /// What deleted jobs took: provider, day, amount.
    past: Vec<(String, i64, Amount)>,
    queues: BTreeMap<QueueId, Queued>,
    flags: BTreeSet<(TaskId, u32)>,
    /// A job that waits to run a task alone, and until when others wait for it.
    quiet: Option<(JobId, i64)>,
    last_job: i64,
    last_token: i64,
    last_request: i64,
    last_seq: i64,
    last_review: i64,
    last_tagging: i64,
    last_judging: i64,
    acts: Vec<journal::Act>,
    last_act: i64,
    last_queue: i64,
    last_made: i64,
}

/// A queue with its places.
struct Queued {
    spec: QueueSpec,
    created_ms: i64,
    items: Vec<QueueItem>,
}

struct Task {
    seed: Row,
    vary: Row,
    state: TaskState,
    token: i64,
    crashes: i64,
    fresh_from: i64,
    again: u32,
    due_ms: Option<i64>,
    reason: Option<String>,
}

struct Attempt {
    task: TaskId,
    request: NewRequest,
    at_ms: i64,
    state: RequestState,
    response: Option<RawResponse>,
    /// Answered, and its lease ended before anybody said what it took.
    unread: bool,
    closed: Option<Closed>,
}

/// A sample with its journal.
struct Kept {
    id: SampleId,
    standing: Standing,
    steps: Vec<StepAnswer>,
    verdicts: Vec<Verdict>,
    dedup_key: Option<[u8; 16]>,
    teacher: Option<String>,
    made_ms: i64,
    journal: Vec<Entry>,
    tags: Vec<String>,
    /// The tags before each change, with its number.
    taggings: Vec<(i64, Vec<String>)>,
    /// What was judged again, the oldest first; and the number of the newest in force.
    judgings: Vec<Judging>,
    judging: Option<i64>,
    /// Grows with every sample made.
    made: i64,
}

#[derive(Debug, Clone, Copy)]
struct Standing {
    state: SampleState,
    reason: Option<Reason>,
    overruled: bool,
    seq: Option<i64>,
}

/// All that validators say of a sample.
#[derive(Clone)]
struct Side {
    standing: Standing,
    verdicts: Vec<Verdict>,
    key: Option<[u8; 16]>,
}

/// A sample judged again.
struct Judging {
    number: i64,
    earlier: Option<i64>,
    before: Side,
    after: Side,
}

/// A decision and what an undo brings back.
struct Entry {
    number: i64,
    review: Review,
    before: Standing,
    steps: Option<Vec<StepAnswer>>,
}

impl Rows {
    fn job(&mut self, id: JobId) -> Stored<&mut Job> {
        let missing = || StoreError::NotFound(format!("job {}", id.0));
        self.jobs.get_mut(&id).ok_or_else(missing)
    }

    fn tasks_of(&self, job: JobId) -> impl Iterator<Item = (&TaskId, &Task)> {
        self.tasks.range(whole(job))
    }

    fn attempts_of(&self, task: TaskId) -> impl Iterator<Item = (&i64, &Attempt)> {
        self.attempts
            .iter()
            .filter(move |(_, attempt)| attempt.task == task)
    }

    /// The accepted sample within the unique index that holds a key.
    fn holder(&self, job: JobId, key: [u8; 16]) -> Option<(&(TaskId, u32), &Kept)> {
        let places = (TaskId { job, index: 0 }, 0)..=(*whole(job).end(), u32::MAX);
        self.samples.range(places).find(|(_, kept)| {
            let standing = kept.standing;
            kept.dedup_key == Some(key) && standing.state == SampleState::Accepted && !standing.overruled
        })
    }

    fn note_revision(&mut self, job: JobId, revision: u32, source: &str, at_ms: i64) {
        let source = source.to_owned();
        self.revisions.push((
            job,
            Revision {
                revision,
                source,
                at_ms,
            },
        ));
    }

    fn next_seq(&mut self) -> i64 {
        self.last_seq += 1;
        self.last_seq
    }
}

/// All places of a job's plan.
fn whole(job: JobId) -> std::ops::RangeInclusive<TaskId> {
    TaskId { job, index: 0 }..=TaskId { job, index: u64::MAX }
}
