//! The log: one file a day under the state directory, a week of them, every line without secrets; and the same in memory for the screen.
//! On a fresh machine the directory is made with the first line.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, reload};

use super::log_book::{Book, Feed};
use crate::config::{Redacting, Redactor, Variables};
use crate::core::api::LogLevel;

/// Lines that may wait for the file; what comes faster than a disk takes it is dropped, not kept in memory.
const LINES: usize = 8192;
/// Days of logs kept.
const DAYS: usize = 7;

/// A log: what is in memory, and the guard that writes what is left when it is dropped.
pub(super) struct Log {
    pub(super) book: Arc<Book>,
    pub(super) guard: Option<WorkerGuard>,
}

/// A log that nothing is written to: commands that only read leave a fresh machine untouched.
pub(super) fn none(redactor: &Redactor) -> Log {
    Log {
        book: Arc::new(Book::new(None, None, redactor.clone(), LogLevel::Info)),
        guard: None,
    }
}

/// Starts the log. A directory that cannot be written means no file, not no program.
pub(super) fn start(
    directory: &Path,
    home: Option<PathBuf>,
    redactor: &Redactor,
    variables: &Variables,
    bodies: bool,
) -> Log {
    let appender = if directory.exists() {
        appender(directory).map(Files::Open)
    } else {
        Some(Files::Unmade(directory.to_owned()))
    };
    let level = if bodies { LogLevel::Trace } else { LogLevel::Info };
    let configured = variables
        .get("DESTILER_LOG")
        .cloned()
        .unwrap_or_else(|| ours(level));
    let (filter, handle) = reload::Layer::new(EnvFilter::new(&configured));
    let kept = appender.is_some().then(|| directory.to_owned());
    let book = Arc::new(Book::new(kept, home, redactor.clone(), level));
    let (file, guard) = match appender {
        Some(appender) => {
            let (writer, guard) = NonBlockingBuilder::default()
                .buffered_lines_limit(LINES)
                .finish(appender);
            let redactor = redactor.clone();
            let make = BoxMakeWriter::new(move || Redacting::new(writer.clone(), redactor.clone()));
            let layer = tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_writer(make);
            (Some(layer), Some(guard))
        }
        None => (None, None),
    };
    let layers = tracing_subscriber::registry()
        .with(filter)
        .with(file)
        .with(Feed(Arc::clone(&book)));
    let started = layers.try_init();
    if started.is_ok() {
        book.on_level(Box::new(move |level| {
            let filter = level.map_or_else(|| configured.clone(), ours);
            // It fails only when the subscriber is gone, and then nothing is logged any more.
            let _ = handle.reload(EnvFilter::new(filter));
        }));
    }
    Log { book, guard }
}

/// The files of the log.
enum Files {
    /// There.
    Open(RollingFileAppender),
    /// Made by the first line.
    Unmade(PathBuf),
    /// They cannot be made.
    None,
}

impl Files {
    fn open(&mut self) -> Option<&mut RollingFileAppender> {
        if let Self::Unmade(directory) = self {
            *self = appender(directory).map_or(Self::None, Self::Open);
        }
        match self {
            Self::Open(appender) => Some(appender),
            Self::Unmade(_) | Self::None => None,
        }
    }
}

impl Write for Files {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open().map_or(Ok(bytes.len()), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Open(appender) => appender.flush(),
            Self::Unmade(_) | Self::None => Ok(()),
        }
    }
}

fn appender(directory: &Path) -> Option<RollingFileAppender> {
    private_directory(directory)?;
    RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("destiler")
        .filename_suffix("log")
        .max_log_files(DAYS)
        .build(directory)
        .ok()
}

/// The filter of our own targets.
fn ours(level: LogLevel) -> String {
    format!("destilation={}", level.word())
}

/// Nobody else may read it.
fn private_directory(directory: &Path) -> Option<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .ok()
}
