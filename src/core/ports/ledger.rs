//! The ports of the ledger: jobs, tasks, samples, what persons did, sums and marks. What of it reviews need is in [`super::review`].

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;

use crate::core::api::{CleanRow, CleanRules, Salvaged};
use crate::core::budget::{Amount, Money};
use crate::core::filter::{Condition, Facets, Sort};
use crate::core::job::{Job, JobId, JobSpec, JobState};
use crate::core::journal::{EntryId, JournalEntry, Reverted};
use crate::core::request::{Fingerprint, RawResponse};
use crate::core::sample::{Reason, Review, Sample, SampleId, SampleState, StepAnswer, Verdict};
use crate::core::tags::TagChange;
use crate::core::task::{
    Closed, Lease, Leased, NewRequest, NewTask, Question, RequestId, RequestState, Settled, TaskCounts,
    TaskId, Transition,
};

use super::dataset::{Decisions, FileMark};
use super::review::ReviewStore;

/// Why the ledger could not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The lease is no longer ours: drop the work.
    #[error("the lease was taken over")]
    Fenced,
    /// Another instance took the database over while this one slept, told by its holder: nothing may be written any more.
    #[error("the database was taken over by {0}")]
    TakenOver(String),
    /// Somebody else holds the database: only reading works.
    #[error("{0}")]
    ReadOnly(String),
    /// No such job, task or sample.
    #[error("{0} not found")]
    NotFound(String),
    /// Disk full or files unwritable: pause, and try again when it heals.
    #[error("{0}")]
    Disk(String),
    /// Another program has the file locked: pause, and try again when it lets go.
    #[error("{0}")]
    Busy(String),
    /// The file is damaged, foreign, or of a newer version.
    #[error("{0}")]
    Unusable(String),
    /// Anything else.
    #[error("{0}")]
    Broken(String),
}

/// Shorthand of the ledger's results.
pub type Stored<T> = Result<T, StoreError>;

/// Jobs and their revisions.
#[async_trait]
pub trait JobStore: Send + Sync {
    /// Stores a new job (revision 1, no tasks). An existing name is an error of kind `Broken`.
    async fn create(&self, spec: &JobSpec, source: &str, base: &str, state: &JobState) -> Stored<JobId>;
    /// The job of that name.
    async fn job(&self, name: &str) -> Stored<Job>;
    /// All jobs, by priority (highest first), then age.
    async fn jobs(&self) -> Stored<Vec<Job>>;
    /// A new revision of an existing job; its plan counts as unfinished again.
    async fn revise(&self, job: JobId, spec: &JobSpec, source: &str) -> Stored<u32>;
    /// Every revision of the job's file, newest first.
    async fn revisions(&self, job: JobId) -> Stored<Vec<Revision>>;
    /// Sets the state and adds to the running time.
    async fn set_state(&self, job: JobId, state: &JobState, ran: Duration) -> Stored<()>;
    /// Removes the job, its tasks, requests, responses and samples.
    async fn delete(&self, job: JobId) -> Stored<()>;
}

/// A job's file as it was at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Counts from 1.
    pub revision: u32,
    /// The file's text.
    pub source: String,
    /// Milliseconds since 1970 UTC.
    pub at_ms: i64,
}

/// Tasks: a queue whose verbs are the transitions.
#[async_trait]
pub trait TaskStore: Send + Sync {
    /// Adds tasks of a plan; those already there (same index) stay as they are.
    async fn plan(&self, job: JobId, tasks: Vec<NewTask>) -> Stored<()>;
    /// How many tasks of a job have a number below this one.
    async fn tasks_below(&self, job: JobId, index: u64) -> Stored<u64>;
    /// All tasks of the plan are in.
    async fn planned_all(&self, job: JobId) -> Stored<()>;
    /// Leases up to `limit` tasks that are due, by index. Takes the lease, nothing else.
    async fn claim(&self, job: JobId, limit: usize) -> Stored<Vec<Leased>>;
    /// Commits the attempt and its reservation before anything is sent. `closed` settles earlier attempts of the same lease.
    async fn begin(&self, lease: Lease, request: NewRequest, closed: Vec<Closed>) -> Stored<RequestId>;
    /// The answer is durable before it is read.
    async fn record(&self, lease: Lease, request: RequestId, response: &RawResponse) -> Stored<()>;
    /// Task, samples, attempts and counts in one transaction, fenced by the lease's token.
    async fn settle(&self, lease: Lease, transition: Transition, closed: Vec<Closed>) -> Stored<Settled>;
    /// Leases of dead owners go back; their attempts without an answer become `Lost`. Tasks in flight in crash after crash are
    /// leased last and in ever smaller company; three crashes alone fail them as `quarantined`. Returns how many went back.
    async fn rescue(&self) -> Stored<u64>;
    /// How many tasks stand where.
    async fn counts(&self, job: JobId) -> Stored<TaskCounts>;
    /// When the next waiting task of the job is due; soon, if a claim holds tasks back that may have ended the process. `None` if
    /// there is nothing to wait for.
    async fn next_due(&self, job: JobId) -> Stored<Option<Duration>>;
    /// Everything still open becomes cancelled (waiting reviews stay). Returns how many.
    async fn cancel_open(&self, job: JobId) -> Stored<u64>;
    /// Failed tasks, all or those of one group, go back to the queue with fresh attempts. Returns how many.
    async fn retry_failed(&self, job: JobId, group: Option<&str>) -> Stored<u64>;
    /// Judged tasks of a job, by their places, go back to the queue to be asked anew with fresh attempts: their samples are gone, with
    /// what was said of them; attempts and answers stay. Others are left alone. Returns how many.
    async fn make_again(&self, job: JobId, tasks: &[u64]) -> Stored<u64>;
    /// Failed tasks by the part of their reason before the colon, the most frequent first.
    async fn failures(&self, job: JobId) -> Stored<Vec<FailureGroup>>;
    /// The failed tasks of one such group, in plan order.
    async fn failed_tasks(&self, job: JobId, group: &str, limit: usize) -> Stored<Vec<FailedTask>>;
    /// Cancelled tasks go back to the queue (a target was raised, a stopped job goes on). Returns how many.
    async fn reopen_cancelled(&self, job: JobId) -> Stored<u64>;
    /// An answered request of the same content in any job, for `reuse`.
    async fn answered(&self, fingerprint: Fingerprint) -> Stored<Option<RawResponse>>;
}

/// Failed tasks with the same kind of reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureGroup {
    /// The part of the reason before the colon.
    pub reason: String,
    /// How many tasks.
    pub tasks: u64,
    /// The newest one's reason, whole.
    pub example: String,
    /// The teacher of the newest one's last attempt, if there was an attempt.
    pub teacher: Option<String>,
    /// How many teachers there are behind the group.
    pub teachers: u64,
    /// When the newest last attempt was begun: milliseconds since 1970 UTC.
    pub last_ms: Option<i64>,
}

/// A failed task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedTask {
    /// Its place in the plan.
    pub index: u64,
    /// Why it failed.
    pub reason: String,
    /// The teacher of its last attempt, if there was one.
    pub teacher: Option<String>,
    /// When that was begun: milliseconds since 1970 UTC.
    pub at_ms: Option<i64>,
    /// How many attempts there were.
    pub attempts: u64,
}

/// Which samples are wanted. Empty fields do not narrow.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SampleFilter {
    /// Of that job.
    pub job: Option<JobId>,
    /// In one of these states.
    pub states: Vec<SampleState>,
    /// These ids only.
    pub ids: Vec<SampleId>,
    /// What a person asks of them.
    pub condition: Condition,
}

/// Order of a page of samples; each with the position to go on after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleOrder {
    /// By task index and candidate, after that position.
    Plan {
        /// Task index and candidate of the last sample seen.
        after: Option<(u64, u32)>,
    },
    /// In the order of acceptance, after that place (accepted ones only).
    Accepted {
        /// The last place seen.
        after: i64,
    },
}

/// A sample's place in the ledger: its task and which candidate of it.
pub type SamplePlace = (TaskId, u32);

/// From where on a window of samples is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// From that row on, counted from 0.
    Row(u64),
    /// Behind that sample.
    After(SamplePlace),
    /// The last ones before that sample.
    Before(SamplePlace),
    /// The last ones.
    Last,
}

/// What a person orders about a sample.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decided {
    /// Into the dataset, whatever the validators said.
    Accept,
    /// Out of the dataset.
    Reject {
        /// Why, in the person's words.
        note: Option<String>,
    },
    /// The answers as the person wrote them; the state becomes accepted.
    Edit {
        /// All answers of the sample.
        steps: Vec<StepAnswer>,
    },
    /// Other tags; where it stands is not touched.
    Tag(TagChange),
    /// As the validators judged it again: what they said goes with it, see [`JournalStore::judge_some`].
    JudgedAgain,
    /// The last decision about it is taken back.
    Undo,
}

/// A sample judged again.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejudgement {
    /// Which.
    pub sample: SampleId,
    /// What the validators decide now.
    pub state: SampleState,
    /// Why, if rejected.
    pub reason: Option<Reason>,
    /// What each validator says now.
    pub verdicts: Vec<Verdict>,
    /// Its key of exact duplicates now.
    pub dedup_key: Option<[u8; 16]>,
}

/// Samples.
#[async_trait]
pub trait SampleStore: Send + Sync {
    /// A page.
    async fn samples(&self, filter: &SampleFilter, order: SampleOrder, limit: usize) -> Stored<Vec<Sample>>;
    /// A window of them, in that order.
    async fn window(
        &self,
        filter: &SampleFilter,
        sort: Sort,
        place: Place,
        limit: usize,
    ) -> Stored<Vec<Sample>>;
    /// Where the samples of such a window are.
    async fn places(
        &self,
        filter: &SampleFilter,
        sort: Sort,
        place: Place,
        limit: usize,
    ) -> Stored<Vec<SamplePlace>>;
    /// How many of them come before that one; `None` if it is none of them.
    async fn rank(&self, filter: &SampleFilter, sort: Sort, sample: SamplePlace) -> Stored<Option<u64>>;
    /// How they are distributed.
    async fn facets(&self, filter: &SampleFilter) -> Stored<Facets>;
    /// How many there are.
    async fn count_samples(&self, filter: &SampleFilter) -> Stored<u64>;
    /// An accepted sample of the job with that key, for `dedup` before paid validators.
    async fn sample_with_key(&self, job: JobId, key: [u8; 16]) -> Stored<Option<SampleId>>;
    /// Tags in use, of a job or of all, and how many samples have each, the most frequent first.
    async fn tags(&self, job: Option<JobId>) -> Stored<Vec<(String, u64)>>;
    /// A person's decision. Returns the review that is in force after it.
    async fn decide(&self, sample: &SampleId, decided: Decided) -> Stored<Option<Review>>;
    /// The answers as the teachers gave them, where a person changed them.
    async fn original(&self, sample: SamplePlace) -> Stored<Option<Vec<StepAnswer>>>;
    /// New verdicts, in one transaction. Samples a person has decided about are left alone. Returns how many were written.
    async fn rejudge(&self, judged: Vec<Rejudgement>) -> Stored<u64>;
    /// The attempts behind a sample's task, oldest first.
    async fn requests_of(&self, task: TaskId) -> Stored<Vec<RequestRow>>;
}

/// What persons did, so that it can be taken back after any restart.
#[async_trait]
pub trait JournalStore: Send + Sync {
    /// Decides about samples in one transaction and journals it: as an entry of its own, or as more of one that stands (a bulk is one
    /// action, however many transactions it takes). The newest 1,000 entries of a job are kept; those taken back are forgotten.
    async fn act(&self, samples: &[SampleId], decided: Decided, more_of: Option<EntryId>) -> Stored<EntryId>;
    /// The same for samples by their places.
    async fn act_at(
        &self,
        places: &[SamplePlace],
        decided: Decided,
        more_of: Option<EntryId>,
    ) -> Stored<EntryId>;
    /// New verdicts on some samples, in one transaction, journaled like [`Self::act`]. Samples a person has decided about are left
    /// alone; `None` where that leaves nothing.
    async fn judge_some(&self, judged: Vec<Rejudgement>, more_of: Option<EntryId>)
    -> Stored<Option<EntryId>>;
    /// Journals an export, which nobody can take back.
    async fn exported(&self, job: JobId, rows: u64, path: &str) -> Stored<()>;
    /// Entries of a job, or of all, newest first.
    async fn journal(&self, job: Option<JobId>, limit: usize) -> Stored<Vec<JournalEntry>>;
    /// How many of an entry's samples were decided again since it stands: those it can no longer take back.
    async fn conflicts(&self, entry: EntryId) -> Stored<u64>;
    /// The samples an entry is about that are still there, a part after the other until there is none.
    async fn touched(&self, entry: EntryId, part: usize) -> Stored<Option<Vec<Sample>>>;
    /// Takes an entry back, or carries it out again. Samples that were decided again since are left as they are.
    async fn revert(&self, entry: EntryId, again: bool) -> Stored<Reverted> {
        self.revert_telling(entry, again, &|_| {}).await
    }
    /// The same, one transaction after the other, telling after each how many samples were looked at.
    async fn revert_telling(
        &self,
        entry: EntryId,
        again: bool,
        told: &(dyn Fn(u64) + Send + Sync),
    ) -> Stored<Reverted>;
}

/// An attempt as the ledger keeps it, for provenance and error groups.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestRow {
    /// Its row.
    pub id: RequestId,
    /// Which question.
    pub question: Question,
    /// `provider/model`.
    pub teacher: String,
    /// Identity of the question's content.
    pub fingerprint: Fingerprint,
    /// How it ended.
    pub state: RequestState,
    /// The response, where there is one.
    pub response: Option<RawResponse>,
    /// What it cost.
    pub cost: Money,
    /// What went wrong.
    pub error: Option<String>,
}

/// Sums over the ledger: the only source of every number we show.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    /// Settled amounts (money, tokens, requests answered or failed).
    pub settled: Amount,
    /// Prompt tokens.
    pub input_tokens: u64,
    /// Answer tokens.
    pub output_tokens: u64,
    /// Attempts begun, without the refused ones.
    pub sent: u64,
    /// Attempts after the first at the same question.
    pub retried: u64,
    /// Answers taken from an earlier request by `reuse`.
    pub cached: u64,
    /// Attempts that may have been charged without an answer.
    pub maybe_billed: u64,
    /// What attempts may have taken beyond what is settled: lost ones and answers nobody has read yet by their estimate, failed ones
    /// that may have been charged by what is left of it. It counts against caps, not as spent.
    pub uncertain: Amount,
    /// Samples by state: accepted, rejected, needs review.
    pub samples: [u64; 3],
    /// Rejected samples by reason.
    pub reasons: Vec<(Reason, u64)>,
    /// Failed tasks by reason (the part before the colon).
    pub failures: Vec<(String, u64)>,
}

impl Totals {
    /// What counts against the job's caps.
    pub fn spent(&self) -> Amount {
        self.settled.plus(self.uncertain)
    }
}

/// Sums and marks.
#[async_trait]
pub trait LedgerStore: Send + Sync {
    /// Sums of one job.
    async fn totals(&self, job: JobId) -> Stored<Totals>;
    /// What each teacher took and gave in a job: name, settled amount, accepted samples, judged samples.
    async fn by_teacher(&self, job: JobId) -> Stored<Vec<(String, Amount, u64, u64)>>;
    /// What a provider took over the life of the database, with what is uncertain of it.
    async fn spent_at(&self, provider: &str) -> Stored<Amount>;
    /// What all jobs took since UTC midnight, with what is uncertain of it.
    async fn spent_today(&self) -> Stored<Amount>;
    /// The dataset files of a job as last written.
    async fn marks(&self, job: JobId) -> Stored<Vec<FileMark>>;
    /// Replaces the marks of a job. `decisions`: its files hold that many of [`LedgerStore::decisions`], too.
    async fn set_marks(&self, job: JobId, marks: &[FileMark], decisions: Option<u64>) -> Stored<()>;
    /// How often accepted samples of a job were decided about, or judged again, after they were settled.
    async fn decisions(&self, job: JobId) -> Stored<Decisions>;
    /// Whether what belongs to this ledger may still be written by us; [`StoreError::TakenOver`] where not.
    fn is_ours(&self) -> Stored<()> {
        Ok(())
    }
    /// Facts about the database itself.
    async fn info(&self) -> Stored<DatabaseInfo>;
    /// Integrity: every finding in a line; empty is good. `deep` also audits the conservation laws.
    async fn check(&self, deep: bool) -> Stored<Vec<String>>;
    /// A consistent copy at `to`, which must not exist.
    async fn backup(&self, to: &Path) -> Stored<()>;
    /// Saves what can be read of a damaged database as a new one at `to`, which must not exist. The damaged one is only read.
    async fn salvage(&self, to: &Path) -> Stored<Salvaged>;
    /// Frees what deleted jobs left; returns bytes freed.
    async fn clean(&self) -> Stored<u64>;
    /// What [`LedgerStore::clean_up`] would take away, a row for each rule that is set (logs are no ledger's).
    async fn clean_plan(&self, rules: &CleanRules) -> Stored<Vec<CleanRow>>;
    /// Takes away what the rules name: texts go, rows and sums stay, cancelled jobs go whole. Says how many rows. `goes_on`
    /// hears after every transaction how many are gone, and ends it there with false.
    async fn clean_up(
        &self,
        rules: &CleanRules,
        goes_on: &(dyn Fn(u64) -> bool + Send + Sync),
    ) -> Stored<u64>;
    /// Truncates the write-ahead log and lets go of the database.
    async fn close(&self);
}

/// The whole ledger.
pub trait Store: JobStore + TaskStore + SampleStore + ReviewStore + LedgerStore + JournalStore {}
impl<T: JobStore + TaskStore + SampleStore + ReviewStore + LedgerStore + JournalStore> Store for T {}

/// Facts about the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct DatabaseInfo {
    /// Where it is.
    pub path: String,
    /// Size of the main file in bytes.
    pub bytes: u64,
    /// Size of the write-ahead log in bytes.
    pub wal_bytes: u64,
    /// Version of the schema.
    pub schema_version: i64,
    /// The SQLite library's version.
    pub engine_version: String,
    /// Rows: jobs, tasks, requests, samples.
    pub rows: [u64; 4],
    /// Who holds it, if not we.
    pub held_by: Option<String>,
}
