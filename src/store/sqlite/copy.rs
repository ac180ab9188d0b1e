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

use sqlx::sqlite::SqliteConnection;

use crate::core::ports::{StoreError, Stored};

/// Copies the connection's database to `to`, replacing what is there.
pub(super) async fn copy(connection: &mut SqliteConnection, to: &Path) -> Stored<()> {
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
        Some(name) => sqlx::query("VACUUM INTO ?")
            .bind(name)
            .execute(connection)
            .await
            .map_err(StoreError::from),
    };
    let placed = copied.and_then(|_| place(&temporary, to).map_err(failed));
    if placed.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    placed
}

/// Makes the copy durable under its name.
fn place(temporary: &Path, to: &Path) -> io::Result<()> {
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
