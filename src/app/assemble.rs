//! Configuration → adapters → engine.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tracing_appender::non_blocking::WorkerGuard;

use super::customs::UserFolder;
use super::desk::FileDesk;
use super::directory::{Directory, Known};
use super::log_book::Book;
use super::{beside, bundled, environment, logging};
use crate::cli::{Database, Needs};
use crate::config::{self, Dirs, Flags, Loaded, Redactor, Variables};
use crate::core::api::{Failure, FailureKind, Finding, Level};
use crate::core::directory::ProviderDirectory;
use crate::core::imported::{ImportRequest, Survey, Taken};
use crate::core::ports::{Recorder, Rows, SeedError, Store, StoreError};
use crate::core::settings::{ProviderSettings, Settings};
use crate::dataset::FilesystemDatasetWriter;
use crate::engine::{self, Endpoint, Parts, Started};
use crate::providers::CassetteRecorder;
use crate::store::Tell;
use crate::{dataset, providers, seeds, store, validators};

/// What helps where the database's place takes nothing.
const ELSEWHERE: &str = "make room or the directory writable, or name another file with database_url";
/// Longest text file read beside a job.
const TEXT_AT_MOST: u64 = 16 << 20;

/// What assembling needs to know of this process, so that it can be done again.
pub(super) struct Site {
    pub(super) variables: Variables,
    pub(super) dirs: Dirs,
    pub(super) cwd: PathBuf,
    pub(super) flags: Flags,
    redactor: Redactor,
    book: Arc<Book>,
    /// What this instance does, told to others that find the database taken.
    what: String,
}

impl Site {
    /// The site, and the guard of its log. A command that only reads leaves a fresh machine untouched, so it writes none.
    pub(super) fn new(
        (variables, dirs, cwd, flags): (Variables, Dirs, PathBuf, Flags),
        what: String,
        log: Logging,
    ) -> Result<(Self, Option<WorkerGuard>), Failure> {
        let redactor =
            Redactor::new(&[]).map_err(|error| Failure::new(FailureKind::Unexpected, error.to_string()))?;
        let log = match log {
            Logging::None => logging::none(&redactor),
            Logging::File { bodies } => {
                logging::start(&dirs.logs(), dirs.home.clone(), &redactor, &variables, bodies)
            }
        };
        let site = Self {
            variables,
            dirs,
            cwd,
            flags,
            redactor,
            book: log.book,
            what,
        };
        Ok((site, log.guard))
    }

    /// Whether the database would be made anew in its usual place. One that somebody names is made at once: they want it there.
    pub(super) fn has_no_database(&self) -> bool {
        let loaded = config::load(&self.flags, &self.variables, &self.cwd, &self.dirs);
        loaded.is_ok_and(|loaded| loaded.settings.database_url.is_none()) && !self.dirs.database().exists()
    }
}

/// What of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Logging {
    /// Nothing.
    None,
    /// Into the files of the state directory.
    File {
        /// With what was sent and answered.
        bodies: bool,
    },
}

/// A running engine and what belongs to it.
pub(super) struct Assembled {
    pub(super) started: Started,
    pub(super) held_by: Option<String>,
    /// Why the ledger takes nothing, where it does not.
    pub(super) read_only: Option<String>,
}

/// Opens what is needed and starts the engine.
pub(super) async fn assemble(
    site: &Site,
    loaded: Loaded,
    needs: &Needs,
    tell: Tell<'_>,
) -> Result<Assembled, Failure> {
    let Site {
        variables,
        dirs,
        cwd,
        flags,
        ..
    } = site;
    let writes = needs.database == Database::Write;
    let configuration = loaded
        .entries()
        .into_iter()
        .map(|(key, value, origin)| (key, value.to_string(), origin.to_string()))
        .collect();
    let mut environment = environment::findings(dirs, &loaded, variables, needs.database == Database::Look);
    let directory = Arc::new(Directory {
        variables: variables.clone(),
        flags: flags.clone(),
        cwd: cwd.to_owned(),
        dirs: dirs.clone(),
        redactor: site.redactor.clone(),
        asked: needs.providers,
        mock_latency_ms: needs.mock_latency_ms,
        known: Mutex::new(Known::of(&loaded)),
        memory: Mutex::default(),
    });
    let settings = loaded.settings;
    let database = settings
        .database_url
        .as_deref()
        .map_or_else(|| dirs.database(), file_of);
    if let Some(finding) = environment::on_odd_ground(&database) {
        tracing::warn!("{}", finding.message);
        environment.push(finding);
    }
    let (store, held_by, read_only) = match open(&settings, dirs, needs, site.what.clone(), tell).await {
        Err(failure) if needs.database == Database::Look => {
            environment.push(Finding {
                level: Level::Error,
                topic: "database".to_owned(),
                message: failure.message,
                help: failure.help,
            });
            (
                Arc::new(store::memory::MemoryStore::new()) as Arc<dyn Store>,
                None,
                None,
            )
        }
        opened => opened?,
    };
    let (configured, mock_by_default) = with_mock(&settings, needs.mock_latency_ms);
    let mut endpoints = Vec::with_capacity(configured.len());
    for settings in configured {
        let provider = directory.build(&settings).await;
        endpoints.push(Endpoint { settings, provider });
    }
    let recorder = match &needs.record {
        None => None,
        Some(path) => Some(recorder(path, &endpoints)?),
    };
    let root = settings
        .dataset_root
        .clone()
        .unwrap_or_else(|| cwd.join("datasets"));
    let customs = UserFolder {
        flags: flags.clone(),
        variables: variables.clone(),
        cwd: cwd.to_owned(),
        dirs: dirs.clone(),
        data: vec![("database", database), ("datasets", root.clone())],
    };
    validators::read_tables_with(seeds::open_placed);
    validators::read_bundled_with(|path| bundled::file(path.strip_prefix(engine::BUNDLED).ok()?.to_str()?));
    let parts = Parts {
        customs: Arc::new(customs),
        store,
        held_by: held_by.clone(),
        settings,
        configuration,
        endpoints,
        mock_by_default,
        directory,
        log: Arc::clone(&site.book) as _,
        validators: validators::CATALOG,
        formats: dataset::CATALOG,
        trainers: dataset::TRAINERS,
        seed_kinds: seeds::CATALOG.kinds(),
        open_rows: Arc::new(open_rows),
        look_over,
        read_text: Arc::new(read_text),
        aside: engine::on_blocking_threads(),
        compile_schema: validators::compile_schema,
        near_groups: validators::near_groups,
        dataset: Arc::new(FilesystemDatasetWriter::new(root)),
        recorder,
        bundled: bundled::JOBS,
        desk: Arc::new(FileDesk::new(dirs.drafts())),
        environment,
        writes,
        runs: needs.runs,
    };
    let started = engine::start(parts).await.map_err(Failure::from)?;
    Ok(Assembled {
        started,
        held_by,
        read_only,
    })
}

async fn open(
    settings: &Settings,
    dirs: &Dirs,
    needs: &Needs,
    what: String,
    tell: Tell<'_>,
) -> Result<(Arc<dyn Store>, Option<String>, Option<String>), Failure> {
    let path = settings
        .database_url
        .as_deref()
        .map_or_else(|| dirs.database(), file_of);
    let mode = match needs.database {
        Database::None => return Ok((Arc::new(store::memory::MemoryStore::new()), None, None)),
        Database::Read | Database::Look => store::OpenMode::Read,
        Database::Closed => store::OpenMode::Closed,
        Database::Write => store::OpenMode::Write { what },
    };
    let opened = store::open_telling(&path, settings.engine.durability, mode, tell)
        .await
        .map_err(|error| match error {
            StoreError::Disk(_) => Failure::from(error).help(ELSEWHERE),
            error => error.into(),
        })?;
    if needs.database == Database::Write
        && opened.held_by.is_none()
        && let Some(why) = opened.read_only
    {
        return Err(Failure::new(
            FailureKind::Unexpected,
            format!("{} cannot be written", path.display()),
        )
        .because(why)
        .help(ELSEWHERE));
    }
    if let Some(survives) = opened.durability {
        tracing::info!(file = %path.display(), ?survives, "the database is open");
    }
    Ok((opened.store, opened.held_by, opened.read_only))
}

/// The file of a `database_url`.
fn file_of(url: &str) -> PathBuf {
    PathBuf::from(
        url.strip_prefix("sqlite://")
            .or_else(|| url.strip_prefix("sqlite:"))
            .unwrap_or(url),
    )
}

/// The configured providers and the built-in mock, which is always there to be named; the flag tells that it is all there is.
pub(super) fn with_mock(settings: &Settings, latency_ms: Option<u64>) -> (Vec<ProviderSettings>, bool) {
    let mut all = settings.providers.clone();
    let alone = all.is_empty();
    for provider in &mut all {
        if provider.kind == "mock" && provider.models.is_empty() {
            provider.models = providers::default_models();
        }
    }
    let mut mock = ProviderSettings {
        name: "mock".to_owned(),
        kind: "mock".to_owned(),
        ..ProviderSettings::default()
    };
    mock.models = providers::default_models();
    mock.latency_ms = latency_ms;
    if !alone {
        // Jobs may name it, but nothing is routed to it by capability beside real teachers.
        for model in &mut mock.models {
            model.capabilities.clear();
        }
    }
    if !all.iter().any(|provider| provider.name == mock.name) {
        all.push(mock);
    }
    (all, alone)
}

fn recorder(path: &Path, endpoints: &[Endpoint]) -> Result<Arc<dyn Recorder>, Failure> {
    let settings: Vec<ProviderSettings> = endpoints
        .iter()
        .map(|endpoint| endpoint.settings.clone())
        .collect();
    let recorder = CassetteRecorder::create(path, &settings).map_err(|error| {
        let failure = Failure::new(
            FailureKind::Usage,
            format!("cannot record into {}", path.display()),
        );
        failure
            .because(error.to_string())
            .help("name a file that is not there yet")
    })?;
    Ok(Arc::new(recorder))
}

/// Opens seeds beside a job file, or in the binary for a bundled job; the rows of a dataset are taken apart.
fn open_rows(base: &str, path: &str, taken: Option<&Taken>) -> Result<Rows, SeedError> {
    if let Some(taken) = taken {
        let path = beside(base, path);
        return dataset::apart(&path, seeds::open_placed(&path)?, taken);
    }
    if base == engine::BUNDLED
        && let Some(text) = bundled::file(path)
    {
        return seeds::of_text(path, text);
    }
    seeds::open(&if path == "-" {
        PathBuf::from(path)
    } else {
        beside(base, path)
    })
}

/// Looks over a dataset that is to be imported.
fn look_over(path: &Path, request: &ImportRequest) -> Result<Survey, SeedError> {
    dataset::look_over(path, seeds::open_placed(path)?, request)
}

/// A text file of reasonable size.
#[expect(
    clippy::disallowed_methods,
    reason = "job files and schemas, with a limit on their size"
)]
fn read_text(path: &Path) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > TEXT_AT_MOST {
        return Err(format!("{length} bytes are too many for a text of a job"));
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("it is no text: not UTF-8 from byte {at} on")
    })
}
