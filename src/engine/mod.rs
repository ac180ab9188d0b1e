//! The engine runs jobs: it plans, leases, asks, records, judges and settles, and it answers the front ends. It knows the world only
//! through the ports of [`crate::core::ports`].

mod adjust;
mod advice;
mod again;
mod allowance;
mod answers;
mod attempt;
mod audit;
mod board;
mod breaker;
mod browsing;
mod bucket;
mod calibrating;
mod canary;
mod compile;
mod concurrency;
mod deciding;
mod doctor;
mod dry_run;
mod feeding;
mod governor;
mod importing;
mod judging;
mod latencies;
mod library;
mod linting;
mod measured;
mod orders;
mod outbox;
mod planner;
mod progress;
mod providers;
mod purse;
mod rejudge;
mod report;
mod review;
mod roster;
mod running;
mod scheduler;
mod streams;
mod turnstile;
mod upkeep;
mod walk;
mod worker;
mod writing;
mod yields;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::core::api::{
    Answer, Application, Command, Event, Failure, FailureKind, Finding, Level, Progress, Query, Receipt,
    RunOptions, StreamReport, StreamRequest,
};
use crate::core::budget::{Amount, Budget, CapMode, Caps, Money};
use crate::core::directory::{LogBook, ProviderDirectory};
use crate::core::imported::Taken;
use crate::core::job::{Job, JobId, JobState, PauseReason};
use crate::core::ports::{
    CompileSchema, Customs, DatasetWriter, Desk, FormatCatalog, LookOver, MakeGroups, ModelProvider,
    Recorder, Rows, SeedError, Store, StoreError, Stored, TrainerCatalog, ValidatorCatalog,
};
use crate::core::settings::{EngineSettings, ProviderSettings, Settings};
use crate::core::task::Lease;
use governor::Station;
use measured::Measurements;
use roster::Roster;
use running::{Jobs, Running};
use turnstile::Turnstile;

/// Events a front end may lag behind before the oldest news waits.
const EVENTS: usize = 1024;

/// Base directory of a bundled job: its files are in the binary.
pub const BUNDLED: &str = "bundled:";

/// A provider as configured, built or not.
pub struct Endpoint {
    /// Its settings.
    pub settings: ProviderSettings,
    /// The adapter, or why there is none.
    pub provider: Result<Arc<dyn ModelProvider>, PauseReason>,
}

/// A ready job in the binary.
#[derive(Debug, Clone, Copy)]
pub struct Bundled {
    /// Its name.
    pub name: &'static str,
    /// Its job file.
    pub source: &'static str,
}

/// Opens the rows of a seed file: base directory of the job, path as written.
pub type OpenRows = Arc<dyn Fn(&str, &str, Option<&Taken>) -> Result<Rows, SeedError> + Send + Sync>;
/// Reads a text file beside a job (`schema_file`): base directory, path as written.
pub type ReadText = Arc<dyn Fn(&Path) -> Result<String, String> + Send + Sync>;

/// Takes long work off the loop that everything else waits in; resolves when it is done, and begins at once. A simulation does the work
/// before it goes on, so that a run repeats.
pub type Aside = Arc<dyn Fn(Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> + Send + Sync>;

/// Work on the runtime's threads for blocking work.
pub fn on_blocking_threads() -> Aside {
    Arc::new(|work| {
        let working = tokio::task::spawn_blocking(work);
        async move { drop(working.await) }.boxed()
    })
}

/// Everything the engine is made of.
pub struct Parts {
    /// The ledger.
    pub store: Arc<dyn Store>,
    /// Who holds the database, if we only read.
    pub held_by: Option<String>,
    /// Configuration in force.
    pub settings: Settings,
    /// Key, value, origin: for `config show`.
    pub configuration: Vec<(String, String, String)>,
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Whether the mock is used because nothing else is configured.
    pub mock_by_default: bool,
    /// Where providers are configured and built.
    pub directory: Arc<dyn ProviderDirectory>,
    /// The log.
    pub log: Arc<dyn LogBook>,
    /// Validator kinds.
    pub validators: ValidatorCatalog,
    /// Dataset formats.
    pub formats: FormatCatalog,
    /// Trainers that rows can be checked for.
    pub trainers: TrainerCatalog,
    /// File extensions of seeds.
    pub seed_kinds: Vec<&'static str>,
    /// Opens seeds.
    pub open_rows: OpenRows,
    /// Looks over datasets that are to be imported.
    pub look_over: LookOver,
    /// Reads job files and schemas.
    pub read_text: ReadText,
    /// Where seeds are read while a job runs.
    pub aside: Aside,
    /// Compiles schemas.
    pub compile_schema: CompileSchema,
    /// Groups texts by likeness.
    pub near_groups: MakeGroups,
    /// Writes datasets.
    pub dataset: Arc<dyn DatasetWriter>,
    /// Writes cassettes.
    pub recorder: Option<Arc<dyn Recorder>>,
    /// Ready jobs.
    pub bundled: &'static [Bundled],
    /// Drafts and other files of somebody who writes a job.
    pub desk: Arc<dyn Desk>,
    /// The user's own files.
    pub customs: Arc<dyn Customs>,
    /// Findings about the environment, made by the composition root.
    pub environment: Vec<Finding>,
    /// Whether the ledger was opened for writing.
    pub writes: bool,
    /// Whether jobs run in this process; otherwise starting one only queues it.
    pub runs: bool,
}

/// What all jobs share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) held_by: Option<String>,
    pub(crate) configuration: Vec<(String, String, String)>,
    pub(crate) directory: Arc<dyn ProviderDirectory>,
    pub(crate) log: Arc<dyn LogBook>,
    pub(crate) validators: ValidatorCatalog,
    pub(crate) formats: FormatCatalog,
    pub(crate) trainers: TrainerCatalog,
    pub(crate) seed_kinds: Vec<&'static str>,
    pub(crate) open_rows: OpenRows,
    pub(crate) look_over: LookOver,
    pub(crate) read_text: ReadText,
    pub(crate) aside: Aside,
    pub(crate) compile_schema: CompileSchema,
    pub(crate) near_groups: MakeGroups,
    pub(crate) dataset: Arc<dyn DatasetWriter>,
    pub(crate) recorder: Option<Arc<dyn Recorder>>,
    pub(crate) bundled: &'static [Bundled],
    pub(crate) desk: Arc<dyn Desk>,
    /// Ends the dry runs that are under way.
    pub(crate) dry: Mutex<CancellationToken>,
    pub(crate) customs: Arc<dyn Customs>,
    pub(crate) environment: Vec<Finding>,
    pub(crate) runs: bool,
    roster: RwLock<Arc<Roster>>,
    /// Held while the configuration of providers changes.
    configuring: tokio::sync::Mutex<()>,
    jobs: Jobs,
    /// Leases that the disk did not take back, for the next run of their jobs.
    stranded: Mutex<Vec<Lease>>,
    /// Held while a job starts: whoever looks meanwhile would not see it among the running ones.
    starting: tokio::sync::Mutex<()>,
    /// Jobs that wait for their turn.
    queue: Mutex<Vec<(Job, RunOptions)>>,
    day: Mutex<Budget>,
    events: mpsc::Sender<Event>,
    progress: watch::Sender<Progress>,
    tracker: TaskTracker,
    /// Jobs whose dataset lags behind what persons decided.
    lagging: review::Lagging,
    /// What the engine is configured to be, as it is now.
    engine: RwLock<EngineSettings>,
    /// Ends the cleaning that is under way.
    cleaning: Mutex<Option<CancellationToken>>,
    /// Jobs whose new verdicts are being put in force.
    rejudged: Mutex<BTreeSet<i64>>,
    /// A job got another state while it stood still: the gauge has to look again.
    restated: AtomicBool,
    told: Mutex<BTreeSet<String>>,
    measured: Measurements,
    /// Keeps the order of judging while a cassette is recorded or replayed.
    turnstile: Option<Turnstile>,
}

impl Shared {
    /// Teachers and providers as they are now.
    pub(crate) fn roster(&self) -> Arc<Roster> {
        Arc::clone(&self.roster.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether that is still the roster in force.
    pub(crate) fn is_current(&self, roster: &Arc<Roster>) -> bool {
        Arc::ptr_eq(
            roster,
            &self.roster.read().unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// From now on this one holds; who waits looks again.
    fn replace_roster(&self, roster: Roster) {
        let before = std::mem::replace(
            &mut *self.roster.write().unwrap_or_else(PoisonError::into_inner),
            Arc::new(roster),
        );
        for station in &before.stations {
            station.look_again();
        }
    }

    /// Puts the providers as they are now on the gauge, which stands still while nothing runs.
    fn show_providers(&self) {
        let roster = self.roster();
        let health = roster.stations.iter().map(|station| station.health());
        self.progress
            .send_modify(|progress| progress.providers = health.collect());
    }

    fn day(&self) -> MutexGuard<'_, Budget> {
        self.day.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<i64, Arc<Running>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Jobs that may run side by side.
    fn most_jobs(&self) -> usize {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        engine.jobs_at_once.max(1) as usize
    }

    /// Gives a job that stands still another state.
    async fn restate(&self, job: JobId, state: &JobState) -> Stored<()> {
        self.store
            .set_state(job, state, std::time::Duration::ZERO)
            .await?;
        self.restated.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// A job that had ended waits for its start, said before tasks of it go back to the queue: one that waits with nothing to do ends
    /// again, but one that has ended with something to do would never be started.
    async fn await_start(&self, job: &Job) -> Stored<()> {
        if job.state.is_final() {
            self.restate(job.id, &JobState::Paused(PauseReason::Asked))
                .await?;
        }
        Ok(())
    }

    /// Keeps leases for the next run of their jobs.
    fn strand(&self, leases: Vec<Lease>) {
        let mut stranded = self.stranded.lock().unwrap_or_else(PoisonError::into_inner);
        stranded.extend(leases);
    }

    /// The leases that earlier runs of a job left behind.
    fn take_stranded(&self, job: JobId) -> Vec<Lease> {
        let mut stranded = self.stranded.lock().unwrap_or_else(PoisonError::into_inner);
        let (taken, rest) = stranded.drain(..).partition(|lease| lease.task.job == job);
        *stranded = rest;
        taken
    }

    fn rejudged(&self) -> MutexGuard<'_, BTreeSet<i64>> {
        self.rejudged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, Vec<(Job, RunOptions)>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self, name: &str) -> Option<Arc<Running>> {
        self.jobs().values().find(|job| job.spec.name == name).cloned()
    }

    /// Tells a fact. A front end that does not listen any more loses it; one that lags by [`EVENTS`] too, but then the log has it.
    fn tell(&self, event: Event) {
        log(&event);
        if self.events.try_send(event).is_err() {
            tracing::debug!("nobody takes events");
        }
    }

    fn note(&self, level: Level, job: Option<&str>, text: impl Into<String>) {
        self.tell(Event::Note {
            level,
            job: job.map(str::to_owned),
            text: text.into(),
        });
    }

    /// A warning that is told once per session.
    fn note_once(&self, job: &str, text: String) {
        if self.is_new(text.clone()) {
            self.note(Level::Warning, Some(job), text);
        }
    }

    /// A task failed: the first of each kind is told in full, for the reports only count them.
    fn first_failure(&self, job: &str, task: u64, reason: &str) {
        let kind = reason.split(':').next().unwrap_or_default();
        if self.is_new(format!("failed/{job}/{kind}")) {
            let text = format!("task {task} failed: {reason} (more of this kind are only counted)");
            self.note(Level::Warning, Some(job), text);
        }
    }

    /// Whether this was not told yet in this session.
    fn is_new(&self, text: String) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert(text)
    }
}

/// The engine, seen from outside.
pub struct Engine {
    shared: Arc<Shared>,
}

/// A started engine with what it tells.
pub struct Started {
    /// The driving port.
    pub engine: Arc<Engine>,
    /// Facts.
    pub events: mpsc::Receiver<Event>,
    /// The gauge.
    pub progress: watch::Receiver<Progress>,
}

impl Engine {
    /// Whether the database is still this one's, as far as it ever was: another instance may have taken it over.
    pub fn is_ours(&self) -> bool {
        self.shared.store.is_ours().is_ok()
    }

    /// Lets go of the database. Nothing can be asked or ordered afterwards.
    pub async fn close(&self) {
        review::catch_up(&self.shared).await;
        self.shared.tracker.close();
        self.shared.store.close().await;
    }
}

/// Starts the engine: leases of a dead owner go back, jobs that were running are paused.
pub async fn start(parts: Parts) -> Result<Started, StoreError> {
    let (events, events_out) = mpsc::channel(EVENTS);
    let (progress, progress_out) = watch::channel(Progress::default());
    let mut stations = Vec::with_capacity(parts.endpoints.len());
    for endpoint in parts.endpoints {
        let settings = endpoint.settings;
        let spent = if settings.limits.caps() == Caps::default() {
            Amount::default()
        } else {
            parts.store.spent_at(&settings.name).await?
        };
        stations.push(Arc::new(Station::new(settings, endpoint.provider, spent)));
    }
    let engine = parts.settings.engine.clone();
    let day_caps = Caps {
        usd: parts.settings.engine.usd_per_day.map(Money::from_usd),
        ..Caps::default()
    };
    // A cap may be set later on.
    let spent_today = if day_caps.usd.is_some() || parts.runs {
        parts.store.spent_today().await?
    } else {
        Amount::default()
    };
    let order: Option<Vec<_>> = stations
        .iter()
        .filter_map(|station| station.provider.as_ref()?.recorded_order())
        .reduce(|mut all, more| {
            all.extend(more);
            all
        });
    let turnstile =
        (order.is_some() || parts.recorder.is_some()).then(|| Turnstile::new(order.unwrap_or_default()));
    let shared = Arc::new(Shared {
        store: parts.store,
        held_by: parts.held_by,
        configuration: parts.configuration,
        directory: parts.directory,
        log: parts.log,
        validators: parts.validators,
        formats: parts.formats,
        trainers: parts.trainers,
        seed_kinds: parts.seed_kinds,
        open_rows: parts.open_rows,
        look_over: parts.look_over,
        read_text: parts.read_text,
        aside: parts.aside,
        compile_schema: parts.compile_schema,
        near_groups: parts.near_groups,
        dataset: parts.dataset,
        recorder: parts.recorder,
        bundled: parts.bundled,
        desk: parts.desk,
        dry: Mutex::default(),
        customs: parts.customs,
        environment: parts.environment,
        runs: parts.runs,
        roster: RwLock::new(Arc::new(Roster::new(stations, parts.mock_by_default))),
        configuring: tokio::sync::Mutex::default(),
        jobs: Jobs::default(),
        stranded: Mutex::default(),
        starting: tokio::sync::Mutex::default(),
        queue: Mutex::default(),
        day: Mutex::new(Budget::new(day_caps, CapMode::Hard, spent_today)),
        events,
        progress,
        tracker: TaskTracker::new(),
        lagging: review::Lagging::default(),
        engine: RwLock::new(engine),
        cleaning: Mutex::default(),
        rejudged: Mutex::default(),
        restated: AtomicBool::new(false),
        told: Mutex::default(),
        measured: Measurements::default(),
        turnstile,
    });
    if parts.writes && shared.held_by.is_none() {
        recover(&shared).await?;
    }
    shared.show_providers();
    progress::spawn(Arc::clone(&shared));
    Ok(Started {
        engine: Arc::new(Engine { shared }),
        events: events_out,
        progress: progress_out,
    })
}

/// A fact as the log has it.
fn log(event: &Event) {
    match event {
        Event::Job { job, state } => {
            let reason = state.reason().unwrap_or_default();
            match state {
                JobState::Failed(_) => tracing::error!(job, reason, "job {}", state.word()),
                JobState::Paused(_) => tracing::warn!(job, reason, "job {}", state.word()),
                _ => tracing::info!(job, "job {}", state.word()),
            }
        }
        Event::Provider {
            provider,
            health,
            message,
        } => tracing::warn!(provider, ?health, "{message}"),
        Event::Note { level, job, text } => match level {
            Level::Ok => tracing::info!(job, "{text}"),
            Level::Warning => tracing::warn!(job, "{text}"),
            Level::Error => tracing::error!(job, "{text}"),
        },
        Event::TakenOver(by) => tracing::error!("the database was taken over by {by}"),
    }
}

/// Puts right what a dead owner left behind.
async fn recover(shared: &Shared) -> Result<(), StoreError> {
    let jobs = shared.store.jobs().await?;
    if jobs.is_empty() {
        return Ok(());
    }
    let back = shared.store.rescue().await?;
    if back > 0 {
        shared.note(
            Level::Warning,
            None,
            format!("{back} tasks went back to the queue: the last run ended without a goodbye"),
        );
    }
    for job in jobs {
        if matches!(job.state, JobState::Running | JobState::Pausing) {
            let paused = JobState::Paused(PauseReason::Stopped);
            shared
                .store
                .set_state(job.id, &paused, std::time::Duration::ZERO)
                .await?;
        }
        if let Err(error) = outbox::catch_up(shared, &job).await {
            let text = format!("the dataset's files wait: {error}");
            shared.note(Level::Warning, Some(&job.spec.name), text);
        }
    }
    Ok(())
}

#[async_trait]
impl Application for Engine {
    async fn ask(&self, query: Query) -> Result<Answer, Failure> {
        answers::answer(&self.shared, query).await
    }

    async fn order(&self, command: Command) -> Result<Receipt, Failure> {
        orders::carry_out(&self.shared, command).await
    }

    async fn stream(
        &self,
        request: StreamRequest,
        out: &mut (dyn std::io::Write + Send),
    ) -> Result<StreamReport, Failure> {
        streams::stream(&self.shared, request, out).await
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::ReadOnly(_) | StoreError::Busy(_) => FailureKind::Locked,
            StoreError::NotFound(_) => FailureKind::NotFound,
            StoreError::Fenced | StoreError::TakenOver(_) => FailureKind::Fenced,
            StoreError::Unusable(_) => FailureKind::Invalid,
            StoreError::Disk(_) | StoreError::Broken(_) => FailureKind::Unexpected,
        };
        let failure = Self::new(kind, error.to_string());
        match error {
            StoreError::ReadOnly(_) => {
                failure.help("wait until it has ended, or stop it; reading commands work meanwhile")
            }
            StoreError::Busy(_) => failure.help(
                "close the program that has it open (`fuser` or `lsof` names it), then try again; nothing that was stored is lost",
            ),
            StoreError::TakenOver(_) => failure.help(
                "nothing is lost: what was asked here is in the database, and the other instance goes on with it; never remove the lock file by hand",
            ),
            StoreError::NotFound(_) => failure.help("`destiler jobs list` shows what there is"),
            StoreError::Unusable(_) => failure.help(
                "nothing was changed; put a copy made by `destiler db backup` in its place, or name another file with database_url",
            ),
            StoreError::Disk(_) => failure.help("free some space; nothing that was stored is lost"),
            _ => failure,
        }
    }
}
