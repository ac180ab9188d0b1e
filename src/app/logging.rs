//! The log: one file a day under the state directory, a week of them, every line without secrets.

use std::path::Path;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config::{Redacting, Redactor, Variables};

/// Days of logs kept.
const DAYS: usize = 7;

/// Starts the log. The guard writes what is left when it is dropped. A directory that cannot be written means no log, not no program.
pub(super) fn start(
    directory: &Path,
    redactor: &Redactor,
    variables: &Variables,
    bodies: bool,
) -> Option<WorkerGuard> {
    private_directory(directory)?;
    let appender = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("destiler")
        .filename_suffix("log")
        .max_log_files(DAYS)
        .build(directory)
        .ok()?;
    let (writer, guard) = tracing_appender::non_blocking(appender);
    let redactor = redactor.clone();
    let make = BoxMakeWriter::new(move || Redacting::new(writer.clone(), redactor.clone()));
    let default = if bodies {
        "destilation=trace"
    } else {
        "destilation=info"
    };
    let filter = variables
        .get("DESTILER_LOG")
        .map_or_else(|| EnvFilter::new(default), EnvFilter::new);
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(make)
        .try_init();
    started.ok().map(|()| guard)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the state directory is ours; nobody else may read it"
)]
fn private_directory(directory: &Path) -> Option<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .ok()
}
