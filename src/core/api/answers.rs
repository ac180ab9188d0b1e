//! What comes back: the shapes of answers, each as a front end shows it. Nothing here computes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::again::MakingAgain;
use super::calibrated::Calibrated;
use super::gauge::ProviderHealth;
use super::log::LogPage;
use super::providers::{FoundProvider, KeyState, Offer, ProviderDetail, ProviderKind};
use super::rejudged::Rejudged;
use super::report::JobReport;
use super::review::{ReviewItem, ReviewReport};
use super::writing::{DraftRow, KindRow, SeedPreview};
use crate::core::budget::Money;
use crate::core::filter::Facets;
use crate::core::forecast::Forecast;
use crate::core::imported::ImportPlan;
use crate::core::job::parse::Problem;
use crate::core::job::{JobSpec, JobState};
use crate::core::journal::JournalEntry;
use crate::core::ports::{
    DatabaseInfo, FailedTask, FailureGroup, ModelInfo, RequestRow, Revision, VerifiedDataset,
};
use crate::core::review::Queue;
use crate::core::route::Teacher;
use crate::core::sample::{Reason, Sample, StepAnswer};
use crate::core::task::TaskCounts;

/// What comes back.
#[derive(Debug, Clone)]
pub enum Answer {
    /// What an import would make.
    Import(Box<ImportPlan>),
    /// All jobs.
    Jobs(Vec<JobRow>),
    /// One job.
    Job(Box<JobDetail>),
    /// A run's summary.
    Summary(Box<Summary>),
    /// A page of samples.
    Samples(SamplePage),
    /// Some rows.
    SampleWindow(SampleWindow),
    /// So many.
    Count(u64),
    /// How samples are distributed.
    Facets(Box<Facets>),
    /// Tags, and how many samples have each.
    Tags(Vec<(String, u64)>),
    /// What the teachers were asked, step by step.
    Prompts(Vec<StepPrompt>),
    /// What was done by hand.
    History(Vec<HistoryRow>),
    /// One sample.
    Sample(Box<SampleDetail>),
    /// All review queues.
    Queues(Vec<Queue>),
    /// Places of a queue.
    ReviewItems(Vec<ReviewItem>),
    /// Figures about a queue.
    Review(Box<ReviewReport>),
    /// Text of a job file, newest revision.
    Source {
        /// TOML.
        text: String,
        /// Directory its relative paths refer to.
        base: PathBuf,
    },
    /// Everything wrong with a job.
    Check(Box<CheckReport>),
    /// What judging again would change.
    Rejudged(Box<Rejudged>),
    /// A judge against persons.
    Calibration(Box<Calibrated>),
    /// What making samples anew would take.
    MakingAgain(MakingAgain),
    /// Ranges.
    Estimate(Box<EstimateReport>),
    /// How varied a dataset is.
    Report(Box<JobReport>),
    /// Failed tasks by what failed.
    Failures(Vec<FailureGroup>),
    /// Failed tasks of one group.
    FailedTasks(Vec<FailedTask>),
    /// The attempts at a task.
    Attempts(Vec<RequestRow>),
    /// Revisions of a job's file, newest first.
    Revisions(Vec<Revision>),
    /// Providers and their health.
    Providers(Vec<ProviderHealth>),
    /// What a provider offers.
    Models(Vec<ModelInfo>),
    /// Providers, whole.
    ProviderDetails(Vec<ProviderDetail>),
    /// Kinds of providers.
    ProviderKinds(Vec<ProviderKind>),
    /// What could be a provider.
    Found(Vec<FoundProvider>),
    /// Whether a key is there.
    Key(KeyState),
    /// Models on offer.
    Offer(Box<Offer>),
    /// A page of the log.
    Log(Box<LogPage>),
    /// A verified dataset.
    Verified(VerifiedDataset),
    /// The database, and findings about it.
    Database(DatabaseInfo, Vec<String>),
    /// Findings of the doctor.
    Doctor(Vec<Finding>),
    /// The user's own files.
    UserFiles(Box<super::UserFiles>),
    /// What each rule of a cleaning would take away.
    CleanPlan(Vec<super::CleanRow>),
    /// Key, value, origin.
    Configuration(Vec<(String, String, String)>),
    /// Name, description.
    Bundled(Vec<(String, String)>),
    /// Drafts, newest first.
    Drafts(Vec<DraftRow>),
    /// Rows of seeds.
    Seeds(Box<SeedPreview>),
    /// Kinds of a catalog.
    Kinds(Vec<KindRow>),
    /// Configured teachers.
    Teachers(Vec<Teacher>),
    /// Relative paths.
    Files(Vec<String>),
}

/// A job in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobRow {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Free labels.
    pub tags: Vec<String>,
    /// Higher runs first.
    pub priority: i64,
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
    /// How each teacher answered this job in this session.
    pub measured: Vec<Measured>,
    /// How long answers took in this session, all teachers together.
    pub latency: Latency,
}

/// How a teacher answered a job in this session.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// `provider/model`.
    pub teacher: String,
    /// Answers.
    pub answers: u64,
    /// Failed requests, without the limited ones.
    pub errors: u64,
    /// Times it asked to slow down.
    pub limited: u64,
    /// How long its answers took.
    pub latency: Latency,
}

/// How long answers took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Latency {
    /// Median in milliseconds; 0 without any answer.
    pub p50_ms: u64,
    /// 95th percentile.
    pub p95_ms: u64,
    /// 99th percentile.
    pub p99_ms: u64,
    /// How many took at least 2ⁿ and less than 2ⁿ⁺¹ milliseconds; the first counts faster ones too.
    pub octaves: Vec<u64>,
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

impl TeacherRow {
    /// What an accepted sample of it cost in USD; `None` without any.
    pub fn usd_per_accepted(&self) -> Option<f64> {
        (self.accepted > 0).then(|| self.usd.usd() / self.accepted as f64)
    }

    /// What a thousand accepted samples of it cost, in words: single ones cost fractions of a cent.
    pub fn per_thousand(&self) -> String {
        let each = self.usd_per_accepted();
        each.map_or_else(|| "-".to_owned(), |each| Money::from_usd(each * 1e3).to_string())
    }
}

/// A page of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplePage {
    /// Each with the name of its job.
    pub samples: Vec<(String, Sample)>,
    /// How many match in all.
    pub total: u64,
}

/// Some rows of all samples that match.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleWindow {
    /// Each with the name of its job.
    pub samples: Vec<(String, Sample)>,
    /// Which row the first one is, counted from 0, where the place itself does not say it.
    pub first: Option<u64>,
}

/// What a teacher was asked in a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepPrompt {
    /// The step.
    pub step: String,
    /// The system message.
    pub system: Option<String>,
    /// The question; or why it cannot be rendered.
    pub prompt: Result<String, String>,
    /// The variables its template reads, as they stood.
    pub variables: Vec<(String, String)>,
}

/// Something a person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// The entry.
    pub entry: JournalEntry,
    /// Its job's name; `None`: several.
    pub job: Option<String>,
    /// Why it cannot be taken back; `None`: it can.
    pub blocked: Option<String>,
}

/// A sample with where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleDetail {
    /// The job's name.
    pub job: String,
    /// The sample.
    pub sample: Sample,
    /// The answers before a person changed them, where one did.
    pub original: Option<Vec<StepAnswer>>,
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
    /// Money; `None` where a price is unknown. Teachers of the user's own are free unless they have a price.
    pub usd: Option<(Money, Money)>,
    /// Seconds at the configured concurrency.
    pub seconds: (f64, f64),
    /// What the ranges assume.
    pub notes: Vec<String>,
    /// What the rows that are done say of the whole, where a stored job has some and stands still.
    pub forecast: Option<Forecast>,
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

/// One task of a dry run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrySample {
    /// The rendered prompt of each step: name, text.
    pub prompts: Vec<(String, String)>,
    /// The sample with its verdicts; `None` if the teacher failed.
    pub sample: Option<Sample>,
    /// Why it failed.
    pub error: Option<String>,
    /// What it cost.
    pub usd: Money,
    /// Milliseconds its teachers took.
    pub latency_ms: u64,
}

/// A provider's answer to a tiny call.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
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
    /// Models it offers, where they were counted.
    pub models: Option<u64>,
    /// Whether it answered in JSON when a schema asked for it, where that was tried.
    pub json: Option<bool>,
}
