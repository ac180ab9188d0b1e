//! The driving port: what a front end can ask and order, and what it hears. The engine implements it; terminal and command line use it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use super::catalog::Plug;
use super::job::parse::Problem;
use super::ports::Decided;
use super::sample::{Reason, SampleId};

mod answers;
mod filter;
mod gauge;
mod rejudged;

pub use answers::{
    Answer, CheckReport, DrySample, EstimateReport, Finding, JobDetail, JobRow, Level, SampleDetail,
    SamplePage, Summary, SummaryRequests, SummarySamples, SummaryTasks, SummaryTokens, TeacherRow, Tested,
};
pub use filter::SampleQuery;
pub use gauge::{Event, Health, JobProgress, Progress, ProviderHealth};
pub use rejudged::{Rejudged, StateChange};

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
    /// What a job's verdicts would be if they were made again from stored answers → [`Answer::Rejudged`].
    Rejudge(String),
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
    /// Make a job's verdicts again from stored answers, without a request, and write its dataset anew → [`Receipt::Rejudged`].
    Rejudge(String),
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
    /// New verdicts are in force.
    Rejudged(Rejudged),
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
        validators: Vec<Plug>,
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
