//! The driving port: what a front end can ask and order, and what it hears. The engine implements it; terminal and command line use it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use super::budget::Money;
use super::job::parse::Problem;
use super::job::{JobSpec, JobState};
use super::ports::{DatabaseInfo, Decided, ModelInfo, RequestRow, VerifiedDataset};
use super::sample::{Reason, Sample, SampleId, SampleState};
use super::task::TaskCounts;
use super::text::nearest;

/// The application as a front end sees it.
#[async_trait]
pub trait Application: Send + Sync {
    /// A question; changes nothing.
    async fn ask(&self, query: Query) -> Result<Answer, Failure>;
    /// An order; answered when it is carried out (a run: when it has started).
    async fn order(&self, command: Command) -> Result<Receipt, Failure>;
    /// Rows written to `out` as they come, without holding them in memory. Ends quietly when `out` is a closed pipe.
    async fn stream(
        &self,
        request: StreamRequest,
        out: &mut (dyn io::Write + Send),
    ) -> Result<StreamReport, Failure>;
}

/// Where a job comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobSource {
    /// A job file.
    File(PathBuf),
    /// Text of a job file, with the directory relative paths refer to.
    Text {
        /// TOML.
        source: String,
        /// Directory.
        base: PathBuf,
    },
    /// A stored job, else a bundled one.
    Name(String),
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// All jobs → [`Answer::Jobs`].
    Jobs,
    /// One job by name → [`Answer::Job`].
    Job(String),
    /// The summary of a run → [`Answer::Summary`].
    Summary(String),
    /// A page of samples in plan order → [`Answer::Samples`].
    Samples {
        /// Which.
        filter: SampleQuery,
        /// Go on after this one.
        after: Option<SampleId>,
        /// At most so many, 1,000 at most.
        limit: usize,
    },
    /// One sample with its provenance → [`Answer::Sample`].
    Sample(SampleId),
    /// The text of a job file, stored or bundled, to be edited → [`Answer::Source`].
    Source(JobSource),
    /// Everything wrong with a job → [`Answer::Check`].
    Check(JobSource),
    /// Requests, tokens, cost and time as ranges → [`Answer::Estimate`].
    Estimate(JobSource),
    /// Providers and their health → [`Answer::Providers`].
    Providers,
    /// What a provider offers, asked over the wire → [`Answer::Models`].
    Models(String),
    /// A dataset directory against its manifest and the ledger → [`Answer::Verified`].
    Verify(PathBuf),
    /// Facts about the database; with `check`, its findings (`deep`: the conservation laws too) → [`Answer::Database`].
    Database {
        /// `None`: facts only; `Some(deep)`: look for damage.
        check: Option<bool>,
    },
    /// Environment, terminal, database, providers → [`Answer::Doctor`].
    Doctor,
    /// Configuration in force: key, value, where it was set → [`Answer::Configuration`].
    Configuration,
    /// Ready jobs in the binary: name, description → [`Answer::Bundled`].
    Bundled,
}

/// The filter language's meaning; see [`SampleQuery::parse`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SampleQuery {
    /// Of the job of this name.
    pub job: Option<String>,
    /// In one of these states.
    pub states: Vec<SampleState>,
    /// Rejected for one of these reasons.
    pub reasons: Vec<Reason>,
    /// Answered by this teacher.
    pub teacher: Option<String>,
    /// Containing this text.
    pub text: Option<String>,
}

impl SampleQuery {
    /// Reads the filter language: words separated by spaces; `job:NAME state:accepted,rejected reason:schema teacher:openrouter/x`,
    /// anything else is searched as text; quotes keep spaces together. An error names the word and what is known.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut query = Self::default();
        let mut words: Vec<String> = Vec::new();
        for word in split_words(text) {
            let Some((key, value)) = word.split_once(':') else {
                words.push(word);
                continue;
            };
            match key {
                "job" => query.job = Some(value.to_owned()),
                "teacher" => query.teacher = Some(value.to_owned()),
                "text" => words.push(value.to_owned()),
                "state" => {
                    for one in value.split(',') {
                        let state = SampleState::from_word(one).ok_or_else(|| {
                            format!("unknown state `{one}`; one of: accepted, rejected, needs_review")
                        })?;
                        query.states.push(state);
                    }
                }
                "reason" => {
                    for one in value.split(',') {
                        let known: Vec<&str> = Reason::ALL.iter().map(|reason| reason.word()).collect();
                        let reason = Reason::from_word(one)
                            .ok_or_else(|| format!("unknown reason `{one}`; one of: {}", known.join(", ")))?;
                        query.reasons.push(reason);
                    }
                }
                _ => {
                    let known = ["job", "teacher", "state", "reason", "text"];
                    if let Some(near) = nearest(key, &known) {
                        return Err(format!(
                            "unknown filter `{key}:`; did you mean `{near}:`? (text:{key}:… searches for the word)"
                        ));
                    }
                    words.push(word);
                }
            }
        }
        if !words.is_empty() {
            query.text = Some(words.join(" "));
        }
        Ok(query)
    }
}

fn split_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for character in text.chars() {
        match character {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum Answer {
    /// All jobs.
    Jobs(Vec<JobRow>),
    /// One job.
    Job(Box<JobDetail>),
    /// A run's summary.
    Summary(Box<Summary>),
    /// A page of samples.
    Samples(SamplePage),
    /// One sample.
    Sample(Box<SampleDetail>),
    /// Text of a job file, newest revision.
    Source {
        /// TOML.
        text: String,
        /// Directory its relative paths refer to.
        base: PathBuf,
    },
    /// Everything wrong with a job.
    Check(Box<CheckReport>),
    /// Ranges.
    Estimate(Box<EstimateReport>),
    /// Providers and their health.
    Providers(Vec<ProviderHealth>),
    /// What a provider offers.
    Models(Vec<ModelInfo>),
    /// A verified dataset.
    Verified(VerifiedDataset),
    /// The database, and findings about it.
    Database(DatabaseInfo, Vec<String>),
    /// Findings of the doctor.
    Doctor(Vec<Finding>),
    /// Key, value, origin.
    Configuration(Vec<(String, String, String)>),
    /// Name, description.
    Bundled(Vec<(String, String)>),
}

/// A job in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobRow {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Where it stands.
    #[serde(flatten)]
    pub state: JobState,
    /// How many tasks stand where.
    #[serde(skip)]
    pub counts: TaskCounts,
    /// Samples: accepted, rejected, needs review.
    pub samples: [u64; 3],
    /// Accepted samples wanted.
    pub target: Option<u64>,
    /// Spent so far.
    pub usd: Money,
    /// The job's cap.
    pub usd_cap: Option<Money>,
    /// Milliseconds since 1970 UTC.
    pub created_ms: i64,
}

/// A job, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct JobDetail {
    /// The row.
    pub row: JobRow,
    /// The checked job.
    pub spec: JobSpec,
    /// The job file's text.
    pub source: String,
    /// Counts from 1.
    pub revision: u32,
    /// The numbers.
    pub summary: Summary,
    /// Rejected samples by reason.
    pub reasons: Vec<(Reason, u64)>,
    /// Failed tasks by reason.
    pub failures: Vec<(String, u64)>,
    /// Per teacher: name, spent, tokens, requests, accepted, judged.
    pub teachers: Vec<TeacherRow>,
}

/// What a teacher took and gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TeacherRow {
    /// `provider/model`.
    pub name: String,
    /// Spent.
    pub usd: Money,
    /// Tokens in and out.
    pub tokens: u64,
    /// Requests.
    pub requests: u64,
    /// Accepted samples.
    pub accepted: u64,
    /// Judged samples.
    pub judged: u64,
}

/// A page of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplePage {
    /// Each with the name of its job.
    pub samples: Vec<(String, Sample)>,
    /// How many match in all.
    pub total: u64,
}

/// A sample with where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleDetail {
    /// The job's name.
    pub job: String,
    /// The sample.
    pub sample: Sample,
    /// Every attempt behind its task.
    pub requests: Vec<RequestRow>,
}

/// Everything wrong with a job, and what it would do.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// Problems, errors first, then by line.
    pub problems: Vec<Problem>,
    /// Name, where it could be read.
    pub name: Option<String>,
    /// Tasks it would plan, where they could be counted.
    pub tasks: Option<u64>,
    /// Teachers per step: step, `provider/model` names.
    pub teachers: Vec<(String, Vec<String>)>,
}

/// Ranges (low, high).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EstimateReport {
    /// Tasks.
    pub tasks: u64,
    /// Requests.
    pub requests: (u64, u64),
    /// Prompt tokens.
    pub input_tokens: (u64, u64),
    /// Answer tokens.
    pub output_tokens: (u64, u64),
    /// Money; `None` where a price is unknown.
    pub usd: Option<(Money, Money)>,
    /// Seconds at the configured concurrency.
    pub seconds: (f64, f64),
    /// What the ranges assume.
    pub notes: Vec<String>,
}

/// A finding of the doctor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `ok`, `warning` or `error`.
    pub level: Level,
    /// What was looked at.
    pub topic: String,
    /// What was seen.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Good.
    Ok,
    /// Worth a look.
    Warning,
    /// Wrong.
    Error,
}

/// The numbers of a job: the one object at the end of `run --json` (product.md).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// 1.
    pub schema_version: u32,
    /// The job's name.
    pub job: String,
    /// Its id in the database.
    pub id: String,
    /// `completed`, `paused`, `failed`, `cancelled`, or where it stands now.
    pub state: String,
    /// Why, where there is a reason.
    pub reason: Option<String>,
    /// Tasks; planned = accepted + rejected + failed + cancelled + pending.
    pub tasks: SummaryTasks,
    /// Samples.
    pub samples: SummarySamples,
    /// Requests.
    pub requests: SummaryRequests,
    /// Tokens.
    pub tokens: SummaryTokens,
    /// Settled cost in USD.
    pub usd: f64,
    /// Wall time of running.
    pub elapsed_seconds: f64,
    /// Directory of the dataset.
    pub dataset: Option<String>,
}

/// Tasks of a summary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SummaryTasks {
    /// All.
    pub planned: u64,
    /// With an accepted sample.
    pub accepted: u64,
    /// With rejected samples only.
    pub rejected: u64,
    /// Without a sample.
    pub failed: u64,
    /// Left over.
    pub cancelled: u64,
    /// Everything else, waiting reviews included.
    pub pending: u64,
}

/// Samples of a summary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SummarySamples {
    /// In the dataset.
    pub accepted: u64,
    /// Kept with reasons.
    pub rejected: u64,
    /// Waiting for a person.
    pub needs_review: u64,
}

/// Requests of a summary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SummaryRequests {
    /// Begun and not refused.
    pub sent: u64,
    /// After the first attempt.
    pub retried: u64,
    /// Answered from the ledger.
    pub cached: u64,
    /// Perhaps charged without an answer.
    pub maybe_billed_twice: u64,
}

/// Tokens of a summary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SummaryTokens {
    /// Of prompts.
    pub input: u64,
    /// Of answers.
    pub output: u64,
}

/// What can be ordered.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Create, revise or resume a job and start it → [`Receipt::Started`].
    Run {
        /// The job.
        source: JobSource,
        /// Overrides for this run.
        options: RunOptions,
    },
    /// Ask so many tasks without keeping anything → [`Receipt::DryRun`].
    DryRun {
        /// The job.
        source: JobSource,
        /// How many tasks.
        tasks: u64,
    },
    /// Store a job without starting it (state draft) → [`Receipt::Started`].
    Create(JobSource),
    /// Copy a job's file under a new name → [`Receipt::Started`].
    Clone {
        /// The job to copy.
        job: String,
        /// The new name.
        name: String,
    },
    /// A new revision of a job's file → [`Receipt::Started`].
    Edit {
        /// The job.
        job: String,
        /// The file's new text.
        source: String,
    },
    /// Pause, waiting for what is in flight → [`Receipt::Done`].
    Pause(String),
    /// Go on → [`Receipt::Done`].
    Resume(String),
    /// Stop for good; what was made stays → [`Receipt::Count`] of tasks cancelled.
    Cancel(String),
    /// Failed tasks go back to the queue → [`Receipt::Count`].
    Retry(String),
    /// Remove a job and everything it made, its dataset directory excepted → [`Receipt::Done`].
    Delete(String),
    /// A person's decision about samples → [`Receipt::Count`].
    Decide {
        /// Which.
        samples: Vec<SampleId>,
        /// What.
        decided: Decided,
    },
    /// One tiny call over the wire → [`Receipt::Tested`].
    TestProvider(String),
    /// Write the dataset now → [`Receipt::Dataset`].
    WriteDataset(String),
    /// Write an export file by temporary file and rename → [`Receipt::Count`] of rows.
    ExportTo {
        /// What.
        export: Export,
        /// Where.
        path: PathBuf,
    },
    /// A consistent copy of the database → [`Receipt::Done`].
    Backup(PathBuf),
    /// Free what deleted jobs left → [`Receipt::Count`] of bytes.
    Clean,
    /// Stop claiming, wait for what is in flight at most this long, checkpoint, let go → [`Receipt::Done`].
    Stop {
        /// How long; zero aborts at once and returns the tasks to the queue.
        grace: Duration,
    },
}

/// Overrides of one run; they do not change the stored job.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunOptions {
    /// Use at most so many seed rows.
    pub limit: Option<u64>,
    /// Requests in flight.
    pub concurrency: Option<u32>,
    /// Cap in USD.
    pub usd: Option<f64>,
}

/// What an order did.
#[derive(Debug, Clone, PartialEq)]
pub enum Receipt {
    /// Done.
    Done,
    /// So many.
    Count(u64),
    /// A job is stored, and running if that was asked.
    Started(Started),
    /// What a dry run saw.
    DryRun(Vec<DrySample>),
    /// A provider answered.
    Tested(Tested),
    /// Where the dataset is: directory, and file, rows, bytes.
    Dataset(PathBuf, Vec<(String, u64, u64)>),
}

/// How a job was taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The job's name.
    pub job: String,
    /// What happened.
    pub how: How,
    /// Consequences of a new revision, and what the user should know (the mock is used, …), a line each.
    pub notes: Vec<String>,
}

/// How a job was taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is new.
    Created,
    /// It goes on where it was.
    Resumed,
    /// It has a new revision.
    Revised,
    /// It was complete and nothing changed: nothing to do.
    Unchanged,
}

/// One task of a dry run.
#[derive(Debug, Clone, PartialEq)]
pub struct DrySample {
    /// The rendered prompt of each step: name, text.
    pub prompts: Vec<(String, String)>,
    /// The sample with its verdicts; `None` if the teacher failed.
    pub sample: Option<Sample>,
    /// Why it failed.
    pub error: Option<String>,
    /// What it cost.
    pub usd: Money,
}

/// A provider's answer to a tiny call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tested {
    /// `provider/model` that answered.
    pub teacher: String,
    /// What it said, shortened.
    pub text: String,
    /// Milliseconds.
    pub latency_ms: u64,
    /// Tokens in and out, where known.
    pub tokens: Option<u64>,
    /// What it cost.
    pub usd: Money,
}

/// Which samples, in which shape.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Export {
    /// The job.
    pub job: String,
    /// A format other than the job's own.
    pub format: Option<String>,
    /// Only that part of the split.
    pub split: Option<String>,
    /// Samples that are not accepted too.
    pub include_rejected: bool,
}

/// Rows to be written as they come.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamRequest {
    /// A dataset's rows.
    Export(Export),
    /// Samples as JSON lines (the `raw` shape).
    Samples(SampleQuery),
    /// Validators over any JSONL; every row comes back with its verdicts.
    Validate {
        /// The rows.
        file: PathBuf,
        /// Kind and settings of each validator; empty: structural, dedup, refusal, truncated, `no_control_chars`.
        validators: Vec<super::catalog::Plug>,
        /// Which field holds the answer; `None`: the last text field.
        field: Option<String>,
    },
}

/// What a stream wrote.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct StreamReport {
    /// Rows written.
    pub rows: u64,
    /// Rows accepted (`Validate`).
    pub accepted: u64,
    /// Rows rejected by reason (`Validate`).
    pub rejected: Vec<(Reason, u64)>,
    /// The reader had enough: `out` was a closed pipe.
    pub closed: bool,
}

/// Why a question or order failed, sorted by exit code (product.md).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// What failed, one line.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do next.
    pub help: Option<String>,
    /// Problems of a job file, if that is what failed.
    pub problems: Vec<Problem>,
}

impl Failure {
    /// A failure of one line.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            help: None,
            problems: Vec::new(),
        }
    }

    /// With a cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// With a next step.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Unexpected.
    Unexpected,
    /// The call makes no sense.
    Usage,
    /// Config or job file invalid.
    Invalid,
    /// Key missing or rejected.
    Auth,
    /// A limit is met.
    Limit,
    /// Invalid records found.
    Records,
    /// No such thing.
    NotFound,
    /// A provider cannot be reached.
    Unreachable,
    /// Another instance holds the database.
    Locked,
    /// Another instance took over.
    Fenced,
}

/// Facts that must arrive.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A job changed its state.
    Job {
        /// Its name.
        job: String,
        /// The state now.
        state: JobState,
    },
    /// A provider changed its health.
    Provider {
        /// Its name.
        provider: String,
        /// The health now.
        health: Health,
        /// Why.
        message: String,
    },
    /// Something a person should read.
    Note {
        /// How bad.
        level: Level,
        /// About which job.
        job: Option<String>,
        /// One line.
        text: String,
    },
}

/// Health of a provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Answers.
    #[default]
    Up,
    /// Over its p95 mark.
    Slow,
    /// Cooling down.
    Limited,
    /// Breaker open or paused.
    Down,
    /// Not usable: no key, bad settings.
    Off,
}

/// A gauge of which only the latest value matters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// Jobs that are not final, and those that ended in this session.
    pub jobs: Vec<JobProgress>,
    /// Every provider.
    pub providers: Vec<ProviderHealth>,
    /// Spent by all jobs since UTC midnight.
    pub today: Money,
    /// The day's cap.
    pub day_cap: Option<Money>,
}

/// One job's gauge.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JobProgress {
    /// Its name.
    pub name: String,
    /// The word of its state.
    pub state: String,
    /// Why, or what it waits for.
    pub reason: Option<String>,
    /// Whether all tasks are planned.
    pub planned_all: bool,
    /// Tasks in the ledger.
    pub enqueued: u64,
    /// In flight + accepted + rejected + failed + needs review.
    pub started: u64,
    /// Requests in flight.
    pub in_flight: u64,
    /// Most requests in flight at present.
    pub in_flight_limit: u64,
    /// Accepted tasks.
    pub persisted: u64,
    /// Rejected tasks.
    pub rejected: u64,
    /// Failed tasks.
    pub failed: u64,
    /// Tasks that wait for a person.
    pub needs_review: u64,
    /// Cancelled tasks.
    pub cancelled: u64,
    /// Accepted samples.
    pub accepted_samples: u64,
    /// Accepted samples wanted.
    pub target: Option<u64>,
    /// Per second, smoothed over 5 s: started, persisted, rejected, failed.
    pub rates: [f64; 4],
    /// Tokens in and out.
    pub tokens: [u64; 2],
    /// Tokens in and out per second, smoothed.
    pub token_rates: [f64; 2],
    /// Settled.
    pub usd: Money,
    /// Set aside for requests in flight.
    pub reserved: Money,
    /// The job's cap.
    pub usd_cap: Option<Money>,
    /// Attempts that may have been charged without an answer.
    pub maybe_billed: u64,
    /// Wall time of running.
    pub elapsed: Duration,
    /// Time left, once it can be told.
    pub eta: Option<Duration>,
}

/// One provider's gauge.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ProviderHealth {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// How it is.
    pub health: Health,
    /// Why it is not up, or what to do.
    pub message: Option<String>,
    /// Teachers it offers.
    pub models: Vec<String>,
    /// Requests in flight.
    pub in_flight: u64,
    /// Most in flight at present (adaptive).
    pub limit: u64,
    /// Requests sent in this session.
    pub requests: u64,
    /// Failed ones.
    pub errors: u64,
    /// Times it asked to slow down.
    pub limited: u64,
    /// Median latency in milliseconds.
    pub p50_ms: u64,
    /// 95th percentile.
    pub p95_ms: u64,
    /// Spent over the life of the database.
    pub usd: Money,
}
