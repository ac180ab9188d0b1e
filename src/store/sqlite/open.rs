//! Opening the ledger: who may write, what the file is, the backup before a migration, and the ladder down to reading only.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, SqlitePool};
use tokio::sync::mpsc;

use super::super::memory::MemoryStore;
use super::super::rules::{self, Clock};
use super::lock::{self, Lock};
use super::schema::{self, Found, VERSION};
use super::writer::{self, Ledger};
use super::{Access, SqliteStore, copy};
use crate::core::api::Preparing;
use crate::core::failpoint::{self, Failpoint};
use crate::core::ports::{Store, StoreError, Stored};
use crate::core::settings::Durability;

/// Readers at once.
const READERS: u32 = 3;
/// Bytes of a page.
const PAGE: u64 = 4_096;
/// How long a statement waits for another process.
const BUSY: Duration = Duration::from_secs(10);

/// What the ledger is wanted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenMode {
    /// Reading and writing. Falls back to reading where another instance writes.
    Write {
        /// What this instance does, told to others that find the ledger taken (`run jobs/demo.toml`).
        what: String,
    },
    /// Reading only: nothing is created or changed.
    Read,
    /// Not at all, since it could not be opened: it reads as empty.
    Closed,
}

/// An open ledger.
pub struct Opened {
    /// The ledger; every write answers `ReadOnly` unless it could be opened for writing.
    pub store: Arc<dyn Store>,
    /// The other instance that writes, with its process id.
    pub held_by: Option<String>,
    /// Why only reading works, in words; `None` where writing works.
    pub read_only: Option<String>,
    /// The last writer did not close it: a check is due.
    pub unclean: bool,
    /// What a commit survives, as the connection that writes tells it; `None` where nothing is written.
    pub durability: Option<Durability>,
}

/// Hears what is done before the ledger is open, where that takes time.
pub type Tell<'t> = &'t (dyn Fn(Preparing) + Send + Sync);

/// Opens the ledger at `path`, making it where it is missing and may be made.
pub async fn open(path: &Path, durability: Durability, mode: OpenMode) -> Stored<Opened> {
    open_telling(path, durability, mode, &|_| ()).await
}

/// [`open`], telling what takes its time.
pub async fn open_telling(
    path: &Path,
    durability: Durability,
    mode: OpenMode,
    tell: Tell<'_>,
) -> Stored<Opened> {
    open_by(path, durability, mode, tell, Clock::start).await
}

/// [`open`], as if clocks on walls showed that instant (milliseconds since 1970 UTC).
pub async fn open_at(path: &Path, durability: Durability, mode: OpenMode, now_ms: i64) -> Stored<Opened> {
    open_by(path, durability, mode, &|_| (), || Clock::at(now_ms)).await
}

async fn open_by(
    path: &Path,
    durability: Durability,
    mode: OpenMode,
    tell: Tell<'_>,
    clock: impl FnOnce() -> Clock,
) -> Stored<Opened> {
    match mode {
        OpenMode::Read => {
            let held_by = lock::holder(path);
            read(path, held_by, "opened for reading only".to_owned()).await
        }
        OpenMode::Closed => {
            let because = "the database is not open".to_owned();
            Ok(Opened {
                store: Arc::new(MemoryStore::read_only(because.clone(), path)),
                held_by: None,
                read_only: Some(because),
                unclean: false,
                durability: None,
            })
        }
        OpenMode::Write { what } => write(path, durability, &what, tell, clock).await,
    }
}

async fn write(
    path: &Path,
    durability: Durability,
    what: &str,
    tell: Tell<'_>,
    clock: impl FnOnce() -> Clock,
) -> Stored<Opened> {
    let path = match create(path) {
        Ok(path) => path,
        Err(error) if path.exists() => return read(path, None, error.to_string()).await,
        Err(error) => return Err(error),
    };
    let lock = match lock::take(&path, what).await {
        Ok(Ok(lock)) => lock,
        Ok(Err(holder)) => {
            let because = format!("the database is in use by {holder}");
            return read(&path, Some(holder), because).await;
        }
        Err(StoreError::Disk(because)) => return read(&path, None, because).await,
        Err(error) => return Err(error),
    };
    copy::forget_unfinished(&path);
    failpoint::reach(Failpoint::Locked)?;
    let unclean = fs::metadata(copy::suffixed(&path, "-wal")).is_ok_and(|wal| wal.len() > 0);
    let plain = SqliteConnectOptions::new()
        .filename(&path)
        .busy_timeout(BUSY)
        .disable_statement_logging();
    let found = named(&path, inspect(&plain).await)?;
    if let Found::Ours(version) = found
        && version > VERSION
    {
        drop(lock);
        let because = format!(
            "the database has schema {version}, this program knows {VERSION}: it was used by a newer destiler, so it is only read"
        );
        return read(&path, None, because).await;
    }
    match begin(&path, plain, durability, found, lock, tell, clock()).await {
        Err(StoreError::Disk(because)) => read(&path, None, because).await,
        Err(error) => named(&path, Err(error)),
        Ok((store, durability)) => Ok(Opened {
            store: Arc::new(store),
            held_by: None,
            read_only: None,
            unclean,
            durability: Some(durability),
        }),
    }
}

/// The directory (0700) and the file (0600), made where missing; the file's one true path.
#[expect(
    clippy::disallowed_methods,
    reason = "the database is made here, with its mode"
)]
fn create(path: &Path) -> Stored<PathBuf> {
    let failed = |error: std::io::Error| StoreError::Disk(format!("{}: {error}", path.display()));
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)
            .map_err(failed)?;
    }
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(_) => failpoint::reach(Failpoint::FileMade)?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    // One file under two names would have two journals.
    fs::canonicalize(path).map_err(failed)
}

/// Looks before anything is changed.
async fn inspect(plain: &SqliteConnectOptions) -> Stored<Found> {
    let mut connection = connect(plain).await?;
    let found = match schema::check_library(&mut connection).await {
        Ok(()) => schema::identify(&mut connection).await,
        Err(error) => Err(error),
    };
    let _ = connection.close().await;
    found
}

/// Opens, migrates and starts the writer.
#[expect(
    clippy::disallowed_methods,
    reason = "the writer is joined when the store is closed"
)]
pub(super) async fn begin(
    path: &Path,
    plain: SqliteConnectOptions,
    durability: Durability,
    found: Found,
    lock: Lock,
    tell: Tell<'_>,
    clock: Clock,
) -> Stored<(SqliteStore, Durability)> {
    let log = log_pages(room(path));
    let options = plain
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(match durability {
            Durability::Process => SqliteSynchronous::Normal,
            Durability::Power => SqliteSynchronous::Full,
        })
        .pragma("wal_autocheckpoint", log.to_string())
        .pragma("journal_size_limit", (log * PAGE).to_string())
        .pragma("cache_size", "-1024")
        .pragma("temp_store", "MEMORY")
        .statement_cache_capacity(256)
        .row_buffer_size(2048);
    let options = careful(options);
    let mut connection = connect(&options).await?;
    let from = match found {
        Found::Empty => 0,
        Found::Ours(version) => version,
    };
    if from < VERSION {
        if let Found::Ours(version) = found {
            let day = rules::date(clock.now_ms());
            let backup = copy::suffixed(path, &format!(".v{version}-{day}.bak"));
            let how_far = |done, of| tell(Preparing::Copying { done, of });
            copy::copy(&mut connection, &backup, &how_far).await?;
            tell(Preparing::Migrating);
        }
        schema::migrate(&mut connection, from).await?;
    }
    let durability = match schema::number(&mut connection, "PRAGMA synchronous").await? {
        0 | 1 => Durability::Process,
        _ => Durability::Power,
    };
    let readers = readers(path, false).await?;
    let claim = lock.claim();
    let mut ledger = Ledger::new(connection, options, clock.clone(), claim.clone()).await?;
    super::delete::finish(&mut ledger).await?;
    let (sender, commands) = mpsc::channel(writer::QUEUE);
    let task = tokio::spawn(writer::serve(ledger, commands, lock));
    let access = Access::Write(Mutex::new(Some((sender, task))), claim);
    let store = SqliteStore::new(path.to_owned(), readers, clock, access);
    Ok((store, durability))
}

/// Room on the database's disk, in bytes; plenty where nobody says.
fn room(path: &Path) -> u64 {
    rustix::fs::statvfs(path).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// So many pages may wait in the write-ahead log before they are put back: a sixteenth of the room, so that a small disk is not filled
/// by it, within what is worth its syncs.
fn log_pages(room: u64) -> u64 {
    (room / 16 / PAGE).clamp(1_000, 16_000)
}

/// Reading only; a file that is missing or still empty reads as an empty ledger.
async fn read(path: &Path, held_by: Option<String>, because: String) -> Stored<Opened> {
    let is_empty = fs::metadata(path).map_or_else(
        |error| error.kind() == ErrorKind::NotFound,
        |file| file.len() == 0,
    );
    let store: Arc<dyn Store> = if is_empty {
        Arc::new(MemoryStore::read_only(because.clone(), path))
    } else {
        let path = fs::canonicalize(path)
            .map_err(|error| StoreError::Disk(format!("{}: {error}", path.display())))?;
        let readers = named(&path, readers_of(&path).await)?;
        let access = Access::Read {
            because: because.clone(),
            held_by: held_by.clone(),
        };
        Arc::new(SqliteStore::new(path, readers, Clock::start(), access))
    };
    Ok(Opened {
        store,
        held_by,
        read_only: Some(because),
        unclean: false,
        durability: None,
    })
}

/// Readers of a file that somebody else may write; the last rung is a directory in which not even SQLite's own files can be made.
async fn readers_of(path: &Path) -> Stored<SqlitePool> {
    let wal = fs::metadata(copy::suffixed(path, "-wal")).map_or(0, |wal| wal.len());
    let pool = match readers(path, false).await {
        Err(StoreError::Disk(_)) if wal == 0 => readers(path, true).await?,
        other => other?,
    };
    let mut connection = pool.acquire().await.map_err(StoreError::from)?;
    schema::check_library(&mut connection).await?;
    match schema::identify(&mut connection).await? {
        Found::Empty => Err(StoreError::Unusable(
            "the database is still being made".to_owned(),
        )),
        Found::Ours(version) if version < VERSION => Err(StoreError::Unusable(format!(
            "the database has schema {version}; it is brought to {VERSION} when it is next opened for writing"
        ))),
        Found::Ours(_) => {
            drop(connection);
            Ok(pool)
        }
    }
}

async fn readers(path: &Path, immutable: bool) -> Stored<SqlitePool> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(immutable)
        .busy_timeout(BUSY)
        .pragma("cache_size", "-256")
        .row_buffer_size(512)
        .disable_statement_logging();
    let options = careful(options);
    let pool = SqlitePoolOptions::new()
        .max_connections(READERS)
        .test_before_acquire(false)
        .connect_with(options)
        .await?;
    // A connection says nothing about its file until the file is read.
    let mut connection = pool.acquire().await?;
    schema::number(&mut connection, "PRAGMA user_version").await?;
    Ok(pool)
}

fn careful(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .pragma("mmap_size", "0")
}

/// Connects; another process that recovers or closes the file at this moment is waited for.
async fn connect(options: &SqliteConnectOptions) -> Stored<SqliteConnection> {
    let (mut tries, begun) = (0, tokio::time::Instant::now());
    loop {
        tries += 1;
        match options.connect().await {
            Ok(connection) => return Ok(connection),
            Err(error) => match StoreError::from(error) {
                StoreError::Broken(_) | StoreError::Busy(_) if tries < 3 && begun.elapsed() < BUSY => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                error => return Err(error),
            },
        }
    }
}

/// Names the file in errors that are about it.
fn named<T>(path: &Path, result: Stored<T>) -> Stored<T> {
    result.map_err(|error| match error {
        StoreError::Unusable(message) => StoreError::Unusable(format!("{}: {message}", path.display())),
        StoreError::Disk(message) => StoreError::Disk(format!("{}: {message}", path.display())),
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_takes_a_sixteenth_of_the_room_at_most() {
        let mib = 1 << 20;
        assert_eq!(log_pages(u64::MAX) * PAGE, 16_000 * PAGE);
        assert_eq!(log_pages(512 * mib) * PAGE, 32 * mib);
        assert_eq!(log_pages(0), 1_000, "SQLite's own measure");
        assert!(room(Path::new("/")) > 0 && room(Path::new("/nowhere")) == u64::MAX);
    }
}
