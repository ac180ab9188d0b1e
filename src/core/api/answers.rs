//! What comes back: the shapes of answers, each as a front end shows it. Nothing here computes.

use std::path::PathBuf;

use serde::Serialize;

use super::gauge::ProviderHealth;
use super::rejudged::Rejudged;
use crate::core::budget::Money;
use crate::core::job::parse::Problem;
use crate::core::job::{JobSpec, JobState};
use crate::core::ports::{DatabaseInfo, ModelInfo, RequestRow, VerifiedDataset};
use crate::core::sample::{Reason, Sample};
use crate::core::task::TaskCounts;

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
    /// What judging again would change.
    Rejudged(Box<Rejudged>),
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
