//! A consistent copy of a live database: written beside its place by SQLite itself, synced, then renamed. Never by copying files.

#![expect(
    clippy::disallowed_methods,
    reason = "a copy is written beside its place, synced, renamed"
)]

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, test_kill_process};
use sqlx::sqlite::SqliteConnection;

use super::schema::number;
use crate::core::failpoint::{self, Failpoint};
use crate::core::ports::{StoreError, Stored};

/// How often it is looked how far a copy is.
const LOOK: Duration = Duration::from_millis(250);

/// Hears how many bytes of a copy are written, and how many there will be, about.
pub(super) type HowFar<'t> = &'t (dyn Fn(u64, u64) + Send + Sync);

/// Copies the connection's database to `to`, replacing what is there.
pub(super) async fn copy(connection: &mut SqliteConnection, to: &Path, how_far: HowFar<'_>) -> Stored<()> {
    forget(to, |rest| rest.parse().ok());
    let temporary = suffixed(to, &format!(".{}.tmp", std::process::id()));
    let failed = |error: io::Error| StoreError::Disk(format!("{}: {error}", to.display()));
    // SQLite takes an empty file as its target: made here, it is nobody else's to read.
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(failed)?;
    let copied = match temporary.to_str() {
        None => Err(StoreError::Disk(format!("{} is no UTF-8", to.display()))),
        Some(name) => write(connection, name, how_far).await,
    };
    let placed = copied.and_then(|()| place(&temporary, to).map_err(failed));
    if placed.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    placed?;
    failpoint::pass(Failpoint::CopyPlaced);
    Ok(())
}

/// Has SQLite write the copy, and looks meanwhile how far it is.
async fn write(connection: &mut SqliteConnection, name: &str, how_far: HowFar<'_>) -> Stored<()> {
    failpoint::reach(Failpoint::CopyMade)?;
    let used =
        number(connection, "PRAGMA page_count").await? - number(connection, "PRAGMA freelist_count").await?;
    let bytes = used * number(connection, "PRAGMA page_size").await?;
    let bytes = u64::try_from(bytes).unwrap_or_default();
    let copying = sqlx::query("VACUUM INTO ?").bind(name).execute(connection);
    tokio::pin!(copying);
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            copied = &mut copying => {
                copied?;
                failpoint::reach(Failpoint::CopyWritten)?;
                return Ok(());
            }
            _ = look.tick() => how_far(fs::metadata(name).map_or(0, |file| file.len()), bytes),
        }
    }
}

/// Removes what copies beside this database left when they were interrupted: unfinished files of processes that are gone. Called
/// before this process copies anything, so that a file with its own number is an earlier one's.
pub(super) fn forget_unfinished(database: &Path) {
    forget(database, |rest| rest.rsplit_once('.')?.1.parse().ok());
}

/// Removes `NAME.REST.tmp[-journal]` beside a file of that name, where `REST` tells a process that is gone.
fn forget(beside: &Path, process: impl Fn(&str) -> Option<u32>) {
    let name = beside.file_name().and_then(|name| name.to_str());
    let (Some(directory), Some(name)) = (beside.parent(), name) else {
        return;
    };
    let directory = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    // What cannot be listed or removed now is there the next time, too; it is no reason not to go on.
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let found = entry.file_name();
        let writer = found
            .to_str()
            .and_then(|found| rest_of(found, name))
            .and_then(&process);
        if writer.is_some_and(|writer| writer == std::process::id() || !is_alive(writer)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn rest_of<'f>(file: &'f str, name: &str) -> Option<&'f str> {
    let rest = file.strip_prefix(name)?.strip_prefix('.')?;
    rest.strip_suffix("-journal").unwrap_or(rest).strip_suffix(".tmp")
}

fn is_alive(process: u32) -> bool {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
    // One that may not be asked is alive.
    pid.is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// Makes the copy durable under its name.
pub(super) fn place(temporary: &Path, to: &Path) -> io::Result<()> {
    File::open(temporary)?.sync_all()?;
    fs::rename(temporary, to)?;
    let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// The path with something added to its file name.
pub(super) fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::rest_of;

    #[test]
    fn only_unfinished_copies_of_this_database_have_a_writer() {
        let of =
            |file: &'static str| -> Option<u32> { rest_of(file, "a.db")?.rsplit_once('.')?.1.parse().ok() };
        assert_eq!(of("a.db.v1-2026-11-22.bak.417.tmp"), Some(417));
        assert_eq!(of("a.db.before-cleaning-1.9.tmp-journal"), Some(9));
        for other in [
            "a.db",
            "a.db.v1-2026-11-22.bak",
            "a.db.notes.tmp",
            "a.db.417.tmp.gz",
            "a.db.7.tmp",
            "aa.db.x.7.tmp",
            "a.db-wal",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
