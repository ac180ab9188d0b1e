//! The driving port: what a front end can ask and order, and what it hears. The engine implements it; terminal and command line use it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use super::directory::{LogQuery, ProviderChange};
use super::filter::Sort;
use super::imported::ImportRequest;
use super::job::Adjustment;
use super::journal::EntryId;
use super::ports::{Decided, Place, SamplePlace};
use super::review::QueueId;
use super::sample::SampleId;
use super::settings::ProviderSettings;

mod again;
mod answers;
mod calibrated;
mod failure;
mod filter;
mod funnel;
mod gauge;
mod log;
mod opened;
mod providers;
mod rejudged;
mod report;
mod review;
mod started;
mod stream;
mod upkeep;
mod writing;

pub use again::MakingAgain;
pub use answers::{
    Answer, CheckReport, DrySample, EstimateReport, Finding, HistoryRow, JobDetail, JobRow, Latency, Level,
    Measured, SampleDetail, SamplePage, SampleWindow, StepPrompt, Summary, SummaryRequests, SummarySamples,
    SummaryTasks, SummaryTokens, TeacherRow, Tested,
};
pub use calibrated::Calibrated;
pub use failure::{Failure, FailureKind};
pub use filter::SampleQuery;
pub use funnel::{Funnel, Stage};
pub use gauge::{Event, Health, JobProgress, Preparing, Progress, ProviderHealth, Turning};
pub use log::{LogEntry, LogFilter, LogLevel, LogPage};
pub use opened::Opened;
pub use providers::{Circuit, FoundProvider, KeyState, LastTest, Offer, ProviderDetail, ProviderKind};
pub use rejudged::{Rejudged, StateChange};
pub use report::{JobReport, ReportRequest, Unanimity};
pub use review::{QueueRequest, QueueSource, ReviewItem, ReviewReport, Saying};
pub use started::{How, RunOptions, Started};
pub use stream::{Base, Export, FoundOften, LintRows, StreamReport, StreamRequest};
pub use upkeep::{CleanRow, CleanRules, Cleaning, Folder, KeyChange, Salvaged, SavedTable, UserFiles};
pub use writing::{DraftRow, KindRow, SeedColumn, SeedPreview};

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
    /// Some rows of all that match, in any order → [`Answer::SampleWindow`].
    SampleWindow {
        /// Which.
        filter: SampleQuery,
        /// In which order.
        sort: Sort,
        /// From where on.
        at: WindowAt,
        /// At most so many, 1,000 at most.
        limit: usize,
    },
    /// How many match → [`Answer::Count`].
    CountSamples(SampleQuery),
    /// How they are distributed → [`Answer::Facets`].
    Facets(SampleQuery),
    /// Tags in use, the most frequent first → [`Answer::Tags`].
    Tags {
        /// On samples of this job only.
        job: Option<String>,
    },
    /// What the teachers were asked for a sample, rendered as the job stands now → [`Answer::Prompts`].
    Prompts(SampleId),
    /// What was done by hand, newest first → [`Answer::History`].
    History {
        /// To samples of this job only.
        job: Option<String>,
        /// At most so many.
        limit: usize,
    },
    /// One sample with its provenance → [`Answer::Sample`].
    Sample(SampleId),
    /// All review queues, the newest first → [`Answer::Queues`].
    Queues,
    /// Places of a queue with what is to be shown of them → [`Answer::ReviewItems`].
    ReviewItems {
        /// The queue.
        queue: QueueId,
        /// From this place on.
        from: u32,
        /// At most so many.
        limit: usize,
    },
    /// Figures about a queue → [`Answer::Review`].
    Review(QueueId),
    /// The text of a job file, stored or bundled, to be edited → [`Answer::Source`].
    Source(JobSource),
    /// What importing a dataset would make; nothing is stored → [`Answer::Import`].
    Import(ImportRequest),
    /// Everything wrong with a job → [`Answer::Check`].
    Check(JobSource),
    /// What a job's verdicts would be if they were made again from stored answers → [`Answer::Rejudged`].
    Rejudge(String),
    /// The same for some samples only → [`Answer::Rejudged`].
    RejudgeSome(SampleQuery),
    /// A judge's scores held against what persons said of the same samples → [`Answer::Calibration`].
    Calibration {
        /// The job.
        job: String,
        /// Which of its judges, from 1.
        judge: u32,
        /// The share of good ones among the accepted that is wanted.
        precision: f64,
    },
    /// What making some samples anew would take → [`Answer::MakingAgain`].
    MakeAgain(SampleQuery),
    /// Requests, tokens, cost and time as ranges → [`Answer::Estimate`].
    Estimate(JobSource),
    /// A job's failed tasks by what failed, the most frequent first → [`Answer::Failures`].
    Failures(String),
    /// The failed tasks of one group, in plan order → [`Answer::FailedTasks`].
    FailedTasks {
        /// The job.
        job: String,
        /// The group's reason.
        group: String,
        /// At most so many, 1,000 at most.
        limit: usize,
    },
    /// How varied a job's dataset is → [`Answer::Report`].
    Report(ReportRequest),
    /// Every attempt at a task, oldest first → [`Answer::Attempts`].
    Attempts {
        /// The job.
        job: String,
        /// Its place in the plan.
        task: u64,
    },
    /// Every revision of a job's file, newest first → [`Answer::Revisions`].
    Revisions(String),
    /// Providers and their health → [`Answer::Providers`].
    Providers,
    /// What a provider offers, asked over the wire → [`Answer::Models`].
    Models(String),
    /// Providers with settings, keys, circuits and tests → [`Answer::ProviderDetails`].
    ProviderDetails,
    /// Kinds of providers that can be added → [`Answer::ProviderKinds`].
    ProviderKinds,
    /// What this machine has that could be a provider: variables, an Ollama on loopback → [`Answer::Found`].
    Found,
    /// Whether the key of these settings is there → [`Answer::Key`].
    Key(Box<ProviderSettings>),
    /// What a provider offers, configured or not; from memory unless asked anew → [`Answer::Offer`].
    Offer {
        /// Its settings.
        provider: Box<ProviderSettings>,
        /// Ask over the wire.
        refresh: bool,
    },
    /// A page of the log → [`Answer::Log`].
    Log(LogQuery),
    /// A dataset directory against its manifest and the ledger → [`Answer::Verified`].
    Verify(PathBuf),
    /// Facts about the database; with `check`, its findings (`deep`: the conservation laws and the datasets too) → [`Answer::Database`].
    Database {
        /// `None`: facts only; `Some(deep)`: look for damage.
        check: Option<bool>,
    },
    /// Environment, terminal, database, providers → [`Answer::Doctor`].
    Doctor,
    /// Configuration in force: key, value, where it was set → [`Answer::Configuration`].
    Configuration,
    /// The user's own files: keys, themes, where everything lies → [`Answer::UserFiles`].
    UserFiles,
    /// What a cleaning would take away → [`Answer::CleanPlan`].
    CleanPlan(CleanRules),
    /// Ready jobs in the binary: name, description → [`Answer::Bundled`].
    Bundled,
    /// Job files somebody has begun to write, newest first → [`Answer::Drafts`].
    Drafts,
    /// The rows of a job's seeds → [`Answer::Seeds`].
    Seeds {
        /// The job; only its seeds are looked at, so the rest may be a stand-in.
        source: JobSource,
        /// Give back so many of the first rows.
        limit: usize,
        /// Read no more rows than this.
        at_most: u64,
    },
    /// Kinds of validators → [`Answer::Kinds`].
    Validators,
    /// Teachers of the configuration → [`Answer::Teachers`].
    Teachers,
    /// Files below a directory with one of these extensions (without dot), relative → [`Answer::Files`].
    Files {
        /// Where.
        directory: PathBuf,
        /// Which; empty: seed files of any kind.
        extensions: Vec<String>,
    },
}

/// Where a window of samples begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowAt {
    /// There.
    Place(Place),
    /// Half a window before that sample, where it matches; at the first row where it does not.
    Around(SamplePlace),
}

impl Default for WindowAt {
    fn default() -> Self {
        Self::Place(Place::Row(0))
    }
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
    /// End the dry runs that are under way → [`Receipt::Done`].
    StopDryRun,
    /// Judge a text as if a teacher had answered the last step with it; nobody is asked → [`Receipt::DryRun`] of one.
    TrySample {
        /// The job.
        source: JobSource,
        /// The answer.
        text: String,
    },
    /// Keep a job file somebody writes; replaces the draft of that id → [`Receipt::Done`].
    SaveDraft {
        /// `[a-z0-9-]{1,64}`.
        id: String,
        /// Its text.
        text: String,
    },
    /// Forget a draft → [`Receipt::Done`].
    DropDraft(String),
    /// Write a new text file; one that is there already is an error → [`Receipt::Done`].
    WriteFile {
        /// Where.
        path: PathBuf,
        /// What.
        text: String,
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
    /// The failed tasks of one group go back to the queue → [`Receipt::Count`].
    RetryGroup {
        /// The job.
        job: String,
        /// The group's reason.
        group: String,
    },
    /// Other numbers in a job's file, in force at once even while it runs; a new revision → [`Receipt::Started`].
    Adjust {
        /// The job.
        job: String,
        /// What changes.
        changes: Vec<Adjustment>,
    },
    /// Make a job's verdicts again from stored answers, without a request, and write its dataset anew → [`Receipt::Rejudged`].
    Rejudge(String),
    /// The same for some samples only, as one entry of the journal → [`Receipt::Rejudged`].
    RejudgeSome(SampleQuery),
    /// The tasks of some samples go back to the queue to be asked anew; what they were is gone but for the attempts, and jobs that had
    /// ended wait for their start. A running job has to be paused first → [`Receipt::MadeAgain`].
    MakeAgain(SampleQuery),
    /// Remove a job and everything it made, its dataset directory excepted → [`Receipt::Done`].
    Delete(String),
    /// A person's decision about samples → [`Receipt::Count`].
    Decide {
        /// Which.
        samples: Vec<SampleId>,
        /// What.
        decided: Decided,
    },
    /// The next 5,000 of many samples decided about in one transaction, as one entry of the journal → [`Receipt::Bulk`]. Whoever
    /// orders goes on from there, or stops: what is done stays, and is one entry.
    Bulk {
        /// Which.
        filter: SampleQuery,
        /// What.
        decided: Decided,
        /// The entry the transaction before made.
        more_of: Option<EntryId>,
        /// Go on after this one.
        after: Option<SamplePlace>,
    },
    /// Take back what was done last, or that entry → [`Receipt::Reverted`].
    Undo {
        /// To samples of this job only.
        job: Option<String>,
        /// That entry, if none of its samples was decided about again.
        entry: Option<EntryId>,
    },
    /// Do again what was taken back last → [`Receipt::Reverted`].
    Redo {
        /// To samples of this job only.
        job: Option<String>,
    },
    /// Samples in the `raw` shape into a file, by temporary file and rename → [`Receipt::Count`].
    ExportSamples {
        /// Which.
        filter: SampleQuery,
        /// Where.
        path: PathBuf,
        /// A file that is there may be replaced.
        overwrite: bool,
    },
    /// Make a queue of samples or pairs for a person → [`Receipt::Queue`].
    OpenQueue(QueueRequest),
    /// A person's word about a place of a queue, with what it decides → [`Receipt::Done`].
    Say {
        /// The queue.
        queue: QueueId,
        /// The place.
        place: u32,
        /// The word.
        saying: Saying,
    },
    /// Give the reason of a rejection afterwards → [`Receipt::Done`].
    Because {
        /// The queue.
        queue: QueueId,
        /// The place.
        place: u32,
        /// Why.
        reason: String,
    },
    /// Take the word about a place back, and what it decided → [`Receipt::Done`].
    Unsay {
        /// The queue.
        queue: QueueId,
        /// The place.
        place: u32,
    },
    /// Mark a sample to come back to, or take the mark away → [`Receipt::Done`].
    Flag {
        /// The sample.
        sample: SampleId,
        /// Whether it is to be marked.
        on: bool,
    },
    /// Write the words of a queue as JSON lines, by temporary file and rename → [`Receipt::Count`] of rows.
    ExportQueue {
        /// The queue.
        queue: QueueId,
        /// Where.
        path: PathBuf,
    },
    /// One tiny call over the wire → [`Receipt::Tested`].
    TestProvider(String),
    /// The same with settings that are not saved, their models counted and JSON tried → [`Receipt::Tested`].
    TestSettings(Box<ProviderSettings>),
    /// Write a provider into the configuration and use it from now on; requests in flight finish as they began → [`Receipt::Done`].
    SaveProvider(Box<ProviderSettings>),
    /// Switch a provider on or off, or give its models other weights → [`Receipt::Done`].
    ChangeProvider {
        /// Its name.
        name: String,
        /// What changes.
        change: ProviderChange,
    },
    /// Take a provider out of the configuration; what it answered stays → [`Receipt::Done`].
    RemoveProvider(String),
    /// Forget a provider's failures and let one probe through → [`Receipt::Done`].
    ReopenProvider(String),
    /// Log from now on what is at least this grave; `None`: what was configured → [`Receipt::Done`].
    SetLogLevel(Option<LogLevel>),
    /// Write the log's matching entries into a file → [`Receipt::Written`].
    SaveLog(LogFilter),
    /// Write the dataset now → [`Receipt::Dataset`].
    WriteDataset(String),
    /// Write an export file by temporary file and rename → [`Receipt::Count`] of rows.
    ExportTo {
        /// What.
        export: Export,
        /// Where.
        path: PathBuf,
    },
    /// The same, refused where there is a file of that name already → [`Receipt::Count`] of rows.
    ExportNew {
        /// What.
        export: Export,
        /// Where.
        path: PathBuf,
    },
    /// A consistent copy of the database → [`Receipt::Done`].
    Backup(PathBuf),
    /// What can be read of a damaged database, as a new one → [`Receipt::Salvaged`].
    Salvage(PathBuf),
    /// Free what deleted jobs left → [`Receipt::Count`] of bytes.
    Clean,
    /// Sets a key of the user's config file, or takes it out, with every comment kept → [`Receipt::Done`].
    SetConfig {
        /// Dotted: `engine.jobs_at_once`.
        key: String,
        /// Its value; `None`: the default.
        value: Option<serde_json::Value>,
    },
    /// Changes lines of the user's `keymap.toml` → [`Receipt::Done`].
    Bind(Vec<KeyChange>),
    /// Takes away what the rules name, then frees its space → [`Receipt::Count`] of rows and files.
    CleanUp {
        /// What.
        rules: CleanRules,
        /// Copy the database first, beside it.
        backup: bool,
    },
    /// Take the configuration over as it is now, as far as that works while running → [`Receipt::Done`].
    ReadConfig,
    /// End a cleaning after the transaction it is at; what is gone stays gone → [`Receipt::Done`].
    StopCleaning,
    /// Open the database, again if it could not be opened before; where it is open, nothing happens → [`Receipt::Opened`].
    Open {
        /// Only to read it.
        read_only: bool,
    },
    /// Stop claiming, wait for what is in flight at most this long, checkpoint, let go → [`Receipt::Done`].
    Stop {
        /// How long; zero aborts at once and returns the tasks to the queue.
        grace: Duration,
    },
}

/// What an order did.
#[derive(Debug, Clone, PartialEq)]
pub enum Receipt {
    /// Done.
    Done,
    /// So many.
    Count(u64),
    /// What was saved.
    Salvaged(Salvaged),
    /// A job is stored, and running if that was asked.
    Started(Started),
    /// What a dry run saw.
    DryRun(Vec<DrySample>),
    /// One transaction of a bulk.
    Bulk(BulkDone),
    /// Something was taken back, or done again.
    Reverted(RevertDone),
    /// A queue was made; `None`: nothing is to be reviewed.
    Queue(Option<QueueId>),
    /// New verdicts are in force.
    Rejudged(Rejudged),
    /// So many tasks wait to be asked anew.
    MadeAgain(MakingAgain),
    /// How the database stands now.
    Opened(Opened),
    /// A provider answered.
    Tested(Tested),
    /// A file was written, with so many entries.
    Written(PathBuf, u64),
    /// Where the dataset is: directory, and file, rows, bytes.
    Dataset(PathBuf, Vec<(String, u64, u64)>),
}

/// What one transaction of a bulk did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkDone {
    /// The journal's entry.
    pub entry: Option<EntryId>,
    /// Samples it changed.
    pub changed: u64,
    /// Where the next one goes on; `None`: it was the last.
    pub next: Option<SamplePlace>,
}

/// What was taken back, or done again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevertDone {
    /// What it was.
    pub label: String,
    /// Samples that are as before.
    pub rows: u64,
    /// Samples that were decided about again since, and left as they are.
    pub skipped: u64,
    /// What should be known: files that were written meanwhile.
    pub notes: Vec<String>,
}
