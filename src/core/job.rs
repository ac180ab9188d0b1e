//! The job: what the user asked for. [`JobSpec`] is the job file in normal form; reading it (with every problem at once) is in
//! [`parse`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Row;
use super::budget::{CapMode, Caps, Money};
use super::catalog::Plug;
use super::imported::Taken;
use super::request::Params;
use super::selection::{Quota, Select};

mod adjust;
mod change;
mod check;
mod choosing;
mod columns;
mod dataset;
pub mod draft;
mod limits;
pub mod parse;
mod read;
mod report;
mod rounds;
mod scope;
mod sections;
mod steps;
mod target;
mod vary;

pub use adjust::{Adjustment, adjust};
pub use change::{Asks, Change, changed};
pub use columns::Columns;

/// Whether a job can have that name.
pub fn is_job_name(name: &str) -> bool {
    sections::file_name(name, false).is_ok()
}

/// A job's row in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JobId(pub i64);

/// The job file, complete and checked. Serialises to the normal form that the ledger keeps with each revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobSpec {
    /// Identity of the job in a database: `[a-z0-9-]{1,64}`.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Free labels.
    pub tags: Vec<String>,
    /// Higher runs first.
    pub priority: i64,
    /// Drives shuffle, vary, split and routing.
    pub random_seed: u64,
    /// How teachers share the work.
    pub route: RouteBy,
    /// Where the rows come from.
    pub seeds: Seeds,
    /// Extra fields per task, in the order written.
    pub vary: Vec<(String, Vary)>,
    /// Planning again from what was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds: Option<Rounds>,
    /// Generation parameters for all steps.
    pub defaults: Params,
    /// Questions of a task, in order. At least one.
    pub steps: Vec<Step>,
    /// Gates, in order.
    pub validators: Vec<Plug>,
    /// When to stop early.
    pub target: Option<Target>,
    /// How many of each class come into the dataset; the target counts those only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
    /// Caps and politeness.
    pub limits: Limits,
    /// The files a trainer reads.
    pub dataset: DatasetSpec,
}

/// How teachers share the work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteBy {
    /// By the weights of teachers.
    #[default]
    Weights,
    /// Towards accepted samples per dollar.
    Yield,
}

/// Where the rows come from and how many become tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seeds {
    /// The rows.
    pub source: SeedSource,
    /// Use at most so many rows (after shuffling).
    pub limit: Option<u64>,
    /// Reproducible order from the random seed.
    pub shuffle: bool,
    /// Tasks per row, at least 1.
    pub repeat: u32,
    /// Cut documents into overlapping pieces, one row each.
    pub chunk: Option<Chunk>,
    /// Columns that are left out or have another name.
    #[serde(default, skip_serializing_if = "Columns::is_plain")]
    pub columns: Columns,
    /// The rows are those of a dataset, and are taken apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
}

/// The rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeedSource {
    /// A file, relative to the job file; `-` is standard input.
    Path(String),
    /// Rows in the job file itself.
    Rows(Vec<Row>),
    /// No rows: so many tasks.
    Count(u64),
    /// What another job of the same database accepted.
    Job {
        /// Its name.
        name: String,
        /// What a row holds.
        fields: Feed,
    },
}

/// What a row made of an accepted sample holds: field → path of a value in the sample. A path that ends in `.*`, or has `.*.` in it,
/// makes a row for every element of the list it leads to. Empty: everything that templates see.
pub type Feed = Vec<(String, String)>;

/// Planning again from what was accepted: the pool of Self-Instruct, the generations of Evol-Instruct, the levels of a topic tree.
/// A round is planned when nothing of the one before is open any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rounds {
    /// How often there is planned in all, at least 1.
    pub count: u32,
    /// What the rows of a later round are.
    pub rows: RoundRows,
    /// What a row made of an accepted sample holds.
    pub feed: Feed,
    /// A row of which nothing was accepted comes again as it was.
    pub keep_rejected: bool,
}

/// What the rows of a later round are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoundRows {
    /// What the round before accepted.
    #[default]
    Accepted,
    /// The seeds again.
    Seeds,
}

/// Cutting documents into pieces; sizes in characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chunk {
    /// The field that holds the document; each piece replaces it.
    pub field: String,
    /// Most characters of a piece.
    pub size: usize,
    /// Characters shared with the piece before.
    #[serde(default)]
    pub overlap: usize,
}

/// An extra field, drawn per task from the job's random seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vary {
    /// One of these, evenly.
    Choose(Vec<Value>),
    /// One of these names, by weight.
    Weights(Vec<(String, f64)>),
    /// A whole number in this range, both ends included.
    Integer(i64, i64),
    /// A number around a mean.
    Normal(Normal),
    /// A list of so many different ones of these, in the order drawn; all of them, shuffled, where there are no more.
    Draw(Vec<Value>, u32),
    /// A list of up to so many samples that earlier rounds accepted, as `rounds.feed` makes rows of them.
    Accepted(u32),
    /// Drawn in a way that depends on another field.
    Case(Cases),
}

/// A number around a mean, for `normal = [mean, deviation]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Normal {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub deviation: f64,
    /// What is drawn outside of this range becomes its nearer end.
    pub within: Option<(f64, f64)>,
    /// Digits behind the point; 0 makes whole numbers.
    pub digits: u32,
}

/// A draw that depends on another field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cases {
    /// The field: a varied one that stands before, else one of the seed.
    pub by: String,
    /// Its value as text → what is drawn then.
    pub cases: Vec<(String, Vary)>,
    /// What is drawn for any other value.
    pub otherwise: Option<Box<Vary>>,
}

/// One question inside a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Name by which later steps and the dataset refer to its answer.
    pub name: String,
    /// Routed to teachers that declare it.
    pub capability: Option<String>,
    /// Or named teachers, with weights.
    pub teachers: Vec<TeacherUse>,
    /// Template of the system message.
    pub system: Option<String>,
    /// Template of the user message; of the answer itself where the step is `computed`.
    pub prompt: String,
    /// Nobody is asked: the rendered template is the answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub computed: bool,
    /// Nobody is asked: the answer is there already, at this path of the row. The step is `computed`, and has no template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<String>,
    /// The prompt goes to the model as it is, without a chat template around it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub completion: bool,
    /// Fields and answers that stand before the prompt as turns: user, assistant, user, …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<String>,
    /// JSON Schema of the answer (`schema_file` is already read into it).
    pub schema: Option<Arc<Value>>,
    /// How often an invalid answer is asked again with its validation error.
    pub reask: u32,
    /// Answers wanted, at least 1. At most one step asks for more than one.
    pub candidates: u32,
    /// Template expression; the step is skipped where it is false.
    pub when: Option<String>,
    /// Parameters merged over the job's defaults.
    pub params: Params,
    /// An identical request answered before, in any job, is not paid again.
    pub reuse: bool,
}

/// A named teacher with its share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherUse {
    /// `provider/model`.
    #[serde(rename = "use")]
    pub name: String,
    /// Share of the work; 0 is a fallback only.
    #[serde(default = "one")]
    pub weight: f64,
}

fn one() -> f64 {
    1.0
}

/// When to stop early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Exactly so many accepted samples.
    pub accepted: u64,
    /// Plan no more tasks than this.
    pub tasks_at_most: Option<u64>,
}

/// What happens when a cap is met.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnLimit {
    /// Pause; raising the cap goes on.
    #[default]
    Pause,
    /// Cancel what is left.
    Stop,
}

/// Caps and politeness of one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Money.
    pub usd: Option<Money>,
    /// Tokens in and out.
    pub tokens: Option<u64>,
    /// Requests.
    pub requests: Option<u64>,
    /// Wall time of running.
    pub minutes: Option<f64>,
    /// How the caps bind.
    pub cap: CapMode,
    /// What happens then.
    pub on_limit: OnLimit,
    /// Requests of this job in flight at once.
    pub concurrency: Option<u32>,
    /// Requests a minute.
    pub requests_per_minute: Option<u32>,
    /// Attempts a step may consume.
    pub attempts: u32,
    /// Rows that are done first, to forecast the rest from and to ask before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            usd: None,
            tokens: None,
            requests: None,
            minutes: None,
            cap: CapMode::Hard,
            on_limit: OnLimit::Pause,
            concurrency: None,
            requests_per_minute: None,
            attempts: 6,
            canary: None,
        }
    }
}

impl Limits {
    /// The caps a budget enforces.
    pub fn caps(&self) -> Caps {
        Caps {
            usd: self.usd,
            tokens: self.tokens,
            requests: self.requests,
            time: self
                .minutes
                .map(|minutes| Duration::from_secs_f64(minutes.clamp(0.0, 5.0e7) * 60.0)),
        }
    }
}

/// How reasoning reaches the dataset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningStyle {
    /// Left out.
    #[default]
    Drop,
    /// `<think>…</think>` before the answer.
    Inline,
    /// Its own key `reasoning_content`.
    ReasoningContent,
    /// Its own key `thinking`.
    Thinking,
}

/// The files a trainer reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetSpec {
    /// A kind of the format catalog.
    pub format: String,
    /// The format's field → path of a value (`question`, `solution.answer`, `solution`). Empty: the format's own guess.
    pub fields: BTreeMap<String, String>,
    /// File name → share, summing to 1. Empty: one file `data`.
    pub split: Vec<(String, f64)>,
    /// How reasoning reaches it.
    pub reasoning: ReasoningStyle,
    /// What keeps samples together in a part of the split; `None`: their task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_by: Option<SplitBy>,
    /// Which of the accepted samples are in it; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<Select>,
}

/// What keeps samples together in a part of a split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitBy {
    /// The value at that path.
    Field(String),
    /// Texts at that path that are nearly equal, directly or by way of others.
    Near {
        /// The path.
        field: String,
        /// From which Jaccard similarity on.
        threshold: f64,
    },
}

impl Default for DatasetSpec {
    fn default() -> Self {
        Self {
            format: "messages".to_owned(),
            fields: BTreeMap::new(),
            split: Vec::new(),
            reasoning: ReasoningStyle::Drop,
            split_by: None,
            select: None,
        }
    }
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "reason")]
pub enum JobState {
    /// Being written.
    Draft,
    /// Waiting for its turn.
    Queued,
    /// Running.
    Running,
    /// Waiting for what is in flight.
    Pausing,
    /// Waiting for a person, or for a cause to heal.
    Paused(PauseReason),
    /// Nothing but reviews by a person is left.
    Completed,
    /// Its stored spec or its seeds cannot be read.
    Failed(String),
    /// Stopped for good: by a person, or by a limit that is met.
    Cancelled(Option<String>),
}

impl JobState {
    /// The word on screens and in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Pausing => "pausing",
            Self::Paused(_) => "paused",
            Self::Completed => "completed",
            Self::Failed(_) => "failed",
            Self::Cancelled(_) => "cancelled",
        }
    }

    /// The reason in words, where there is one.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Paused(reason) => Some(reason.to_string()),
            Self::Failed(reason) => Some(reason.clone()),
            Self::Cancelled(reason) => reason.clone(),
            _ => None,
        }
    }

    /// Whether nothing more will happen by itself.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed(_) | Self::Cancelled(_))
    }
}

/// Why a job is paused, sorted by who can help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "cause", content = "detail")]
pub enum PauseReason {
    /// A person asked.
    Asked,
    /// The program was stopped.
    Stopped,
    /// A cap was met.
    Limit(String),
    /// Key missing or rejected, at that provider.
    Auth(String),
    /// Out of credit, at that provider.
    Credit(String),
    /// No teacher can be reached.
    Unreachable(String),
    /// No configured teacher can serve a step.
    NoTeacher(String),
    /// The disk is full or the files cannot be written.
    Disk(String),
    /// The first rows are done: a person is asked before the rest.
    Canary(String),
}

impl std::fmt::Display for PauseReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Asked => f.write_str("by hand"),
            Self::Stopped => f.write_str("the program was stopped"),
            Self::Limit(detail) => write!(f, "limit met: {detail}"),
            Self::Auth(detail) => write!(f, "key missing or rejected: {detail}"),
            Self::Credit(detail) => write!(f, "out of credit: {detail}"),
            Self::Unreachable(detail) => write!(f, "unreachable: {detail}"),
            Self::NoTeacher(detail) => write!(f, "no teacher: {detail}"),
            Self::Disk(detail) => write!(f, "disk: {detail}"),
            Self::Canary(detail) => write!(f, "canary: {detail}"),
        }
    }
}

/// A job as the ledger keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its row.
    pub id: JobId,
    /// What was asked for, newest revision.
    pub spec: JobSpec,
    /// The job file's text of that revision.
    pub source: String,
    /// Directory that relative paths of the job file refer to.
    pub base: String,
    /// Counts from 1.
    pub revision: u32,
    /// Where it stands.
    pub state: JobState,
    /// All tasks are in the ledger.
    pub planned_all: bool,
    /// Wall time of running so far.
    pub elapsed: Duration,
    /// Created at, milliseconds since 1970 UTC.
    pub created_ms: i64,
}

#[cfg(test)]
mod tests;
