//! The driven ports: what the engine needs from the world. Small, object-safe, plain data in and out; errors sorted by what to do next.

use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::Value;

use super::Row;
use super::api::{KeyChange, UserFiles};
use super::catalog::{Catalog, Plug, PlugError};
use super::conversation::Message;
use super::imported::{ImportRequest, Survey};
use super::job::TeacherUse;
use super::request::{
    Action, Completion, ModelRequest, Params, ProviderError, RateHint, RawResponse, Trouble, Usage,
};
use super::sample::{Candidate, Decision, Reason, SampleId, Verdict};
use super::settings::ProviderSettings;
use super::task::Transition;

mod dataset;
mod ledger;
mod lint;
mod review;

pub use dataset::{
    BuildFormat, DatasetError, DatasetLines, DatasetReport, DatasetWriter, Decisions, FileMark, Format,
    FormatCatalog, NearGroups, PendingFile, SampleSource, VerifiedDataset,
};
pub use ledger::{
    DatabaseInfo, Decided, FailedTask, FailureGroup, JobStore, JournalStore, LedgerStore, Place, Rejudgement,
    RequestRow, Revision, SampleFilter, SampleOrder, SamplePlace, SampleStore, Store, StoreError, Stored,
    TaskStore, Totals,
};
pub use lint::{BuildLinter, Finding, LintedFile, Linter, TrainerCatalog};
pub use review::ReviewStore;

// -------------------------------------------------------------------------------------------------------------- the teachers

/// An endpoint that answers questions. Sending and reading are apart: what came back is stored in between.
#[async_trait]
pub trait ModelProvider: Send + Sync {
    /// Sends one request and returns what came back, whole, whatever it says. An error here means that nothing usable came back.
    async fn send(&self, request: &ModelRequest) -> Result<RawResponse, ProviderError>;
    /// Sends a text to be turned into a vector (`params.vector`); what [`Self::read`] makes of the response has the vector as a JSON
    /// array for its text. Kinds without such a wire refuse.
    async fn embed(&self, request: &ModelRequest) -> Result<RawResponse, ProviderError> {
        Err(ProviderError {
            action: Action::Fail,
            trouble: Trouble::Setup,
            message: format!(
                "{}: this kind of provider gives no vectors; openai, ollama and mock do",
                request.model
            ),
            maybe_billed: false,
            slow_down: false,
        })
    }
    /// Reads a response: an answer, or what to do about it. Pure; also used on stored responses.
    fn read(&self, response: &RawResponse) -> Result<Completion, ProviderError>;
    /// What a response used, also one that [`Self::read`] finds to be no answer: a failed one may have been charged all the same.
    fn usage(&self, _response: &RawResponse) -> Usage {
        Usage::default()
    }
    /// What the rate-limit headers say.
    fn rate_hint(&self, _response: &RawResponse) -> RateHint {
        RateHint::default()
    }
    /// The models it offers.
    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError>;
    /// A cheap question whether it is there (no tokens are bought). Also the probe after a pause.
    async fn probe(&self) -> Result<(), ProviderError>;
    /// The order in which recorded answers were judged, where it answers from a recording.
    fn recorded_order(&self) -> Option<Vec<super::request::Fingerprint>> {
        None
    }
    /// Ends what runs for it (plugin processes).
    async fn close(&self) {}
}

/// A model on offer.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ModelInfo {
    /// The provider's id.
    pub id: String,
    /// Context length in tokens.
    pub context: Option<u64>,
    /// USD per million tokens.
    pub price: Option<super::budget::Price>,
    /// Capabilities the wire names (`tools`, `json`, `reasoning`, …).
    pub capabilities: Vec<String>,
}

/// Makes a provider from its settings and its key.
pub type BuildProvider =
    fn(&ProviderSettings, Option<SecretString>) -> Result<Arc<dyn ModelProvider>, PlugError>;
/// The table of provider kinds.
pub type ProviderCatalog = Catalog<BuildProvider>;

/// Writes what was sent and what came back, in the order of settling, for `--record`.
pub trait Recorder: Send + Sync {
    /// One exchange. `teacher` is `provider/model`.
    fn record(&self, teacher: &str, request: &ModelRequest, response: &RawResponse) -> io::Result<()>;
}

// ------------------------------------------------------------------------------------------------------------ the validators

/// Why a validator could not judge.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckError {
    /// Its question could not be answered now: the task takes this way out and comes back.
    Interrupted(Transition),
    /// The ledger refused.
    Store(StoreError),
    /// It broke (a script died, a rubric does not render): the candidate waits for a person with this message.
    Broken(String),
}

/// A validator's own question to a teacher.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgeQuestion {
    /// Which teachers may answer, by capability …
    pub capability: Option<String>,
    /// … or by name.
    pub teachers: Vec<TeacherUse>,
    /// The conversation.
    pub messages: Vec<Message>,
    /// Schema of the answer.
    pub schema: Option<Arc<Value>>,
    /// Parameters.
    pub params: Params,
    /// Which of several questions about one candidate, from 0: what tells apart questions that are alike on purpose.
    pub number: u32,
}

/// What a validator can do while it looks.
#[async_trait]
pub trait CheckContext: Send + Sync {
    /// Routes, records and caps a question like a step's. `validator` names the asker: its kind, and from
    /// the second of a kind on its number (`judge#2`).
    async fn ask(
        &self,
        validator: &str,
        candidate: &Candidate,
        question: JudgeQuestion,
    ) -> Result<Completion, CheckError>;
    /// What the ledger has as the answer to that question about a candidate of this job, whoever's turn it is. Nobody is asked.
    async fn recall(
        &self,
        _candidate: &Candidate,
        _question: &JudgeQuestion,
    ) -> Result<Option<Completion>, CheckError> {
        Ok(None)
    }
    /// An accepted sample of this job with that key, if the ledger was asked (only worth it before paid validators).
    async fn duplicate_of(&self, key: [u8; 16]) -> Result<Option<SampleId>, CheckError>;
}

/// A gate over candidates.
#[async_trait]
pub trait Validator: Send + Sync {
    /// Its verdict.
    async fn check(&self, candidate: &Candidate, context: &dyn CheckContext) -> Result<Verdict, CheckError>;
    /// Whether checking may cost money or much time: cheap checks for duplicates then come first.
    fn is_costly(&self) -> bool {
        false
    }
    /// The key under which the store keeps accepted samples unique; `dedup` alone has one.
    fn dedup_key(&self, _candidate: &Candidate) -> Option<[u8; 16]> {
        None
    }
    /// An accepted candidate of an earlier run, so that memory (near-duplicate indexes) is whole again.
    fn restore(&self, _candidate: &Candidate) {}
    /// Whether [`Self::restore`] does anything.
    fn remembers(&self) -> bool {
        false
    }
    /// The candidate it accepted was rejected in the end: forget it.
    fn forget(&self, _candidate: &Candidate) {}
    /// Ends what runs for it (script processes).
    async fn close(&self) {}
}

/// What a validator is built from: its table, and the directory relative paths refer to.
pub type BuildValidator = fn(&Plug, &Path) -> Result<Arc<dyn Validator>, PlugError>;
/// The table of validator kinds.
pub type ValidatorCatalog = Catalog<BuildValidator>;

/// A compiled JSON Schema: what the engine tells a teacher when it asks again.
pub trait SchemaCheck: Send + Sync {
    /// Everything wrong with the value, each with its place in it, at most 20; empty if it is valid.
    fn problems(&self, value: &Value) -> Vec<String>;
}

/// Compiles a JSON Schema; the error holds all its problems in words.
pub type CompileSchema = fn(&Value) -> Result<Arc<dyn SchemaCheck>, PlugError>;
/// Starts groups of texts that are at least so similar (Jaccard over word shingles, in [0.3, 1]).
pub type MakeGroups = fn(f64) -> Box<dyn NearGroups>;

/// What all validators of a job decided about a candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// What each said, up to the first rejection.
    pub verdicts: Vec<Verdict>,
    /// Rejected if one rejects, for review if one asks for it, accepted otherwise.
    pub decision: Decision,
    /// The first rejection's reason.
    pub reason: Option<Reason>,
}

// ----------------------------------------------------------------------------------------------------------------- the seeds

/// A seed file that cannot be read, with the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SeedError {
    /// Line (or row, for binary formats), from 1; 0 for the whole file.
    pub line: u64,
    /// File, line, what is wrong, what to do.
    pub message: String,
}

/// Rows, one after the other, without holding the file in memory.
pub type Rows = Box<dyn Iterator<Item = Result<Row, SeedError>> + Send>;
/// Opens a source of rows. For `-` the path is `-` and standard input is read.
pub type OpenSeeds = fn(&Path) -> Result<Rows, SeedError>;
/// A row with the place it has in its file.
#[derive(Debug)]
pub enum Placed {
    /// At that line (or row, for formats without lines), from 1.
    Row(u64, Row),
    /// One row is wrong; the next ones are still read.
    Broken(SeedError),
    /// Nothing is read after it.
    Unreadable(SeedError),
}
/// Rows with their places.
pub type PlacedRows = Box<dyn Iterator<Item = Placed> + Send>;
/// Looks at all of a dataset that is to be imported.
pub type LookOver = fn(&Path, &ImportRequest) -> Result<Survey, SeedError>;
/// The table of seed formats; an entry's kind is the file extension.
pub type SeedCatalog = Catalog<OpenSeeds>;

// ------------------------------------------------------------------------------------------------------------------- the desk

/// The files of somebody who writes a job: drafts, seeds to choose from, job files that are done. Calls block, and are short.
pub trait Desk: Send + Sync {
    /// Drafts: id, text, saved at (milliseconds since 1970 UTC).
    fn drafts(&self) -> io::Result<Vec<(String, String, i64)>>;
    /// Replaces a draft as a whole; a crash leaves the old or the new one.
    fn save_draft(&self, id: &str, text: &str) -> io::Result<()>;
    /// Removes a draft; one that is not there is gone already.
    fn drop_draft(&self, id: &str) -> io::Result<()>;
    /// Files below a directory with one of these extensions, relative to it, in order; some thousands at most.
    fn files(&self, directory: &Path, extensions: &[String]) -> Vec<String>;
    /// Writes a file that is not there yet.
    fn write_new(&self, path: &Path, text: &str) -> io::Result<()>;
}

// ---------------------------------------------------------------------------------------------------------- the user's files

/// The user's own files: configuration, keys, themes, logs. The engine only passes questions and orders on to them.
pub trait Customs: Send + Sync {
    /// As they are now.
    fn files(&self) -> UserFiles;
    /// Key, value, origin of the configuration as it is now.
    fn configuration(&self) -> Result<Vec<(String, String, String)>, String>;
    /// Sets a key of the user's config file, or takes it out.
    fn set(&self, key: &str, value: Option<&Value>) -> Result<(), String>;
    /// Changes lines of the user's keymap.
    fn bind(&self, changes: &[KeyChange]) -> Result<(), String>;
    /// Log files older than so many days: how many, and their bytes; taken away if `remove`.
    fn old_logs(&self, days: u32, remove: bool) -> Result<(u64, u64), String>;
}
