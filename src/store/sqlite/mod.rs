//! The ledger in one SQLite file: a single writer that commits in groups, a few short-lived readers, and the ports on top. The
//! file format is `assets/migrations/sqlite`; nothing outside this directory knows SQL.

mod again;
mod check;
mod claim;
mod clean;
mod copy;
mod decide;
mod delete;
mod failed;
mod filter;
mod group;
mod jobs;
mod journal;
mod laws;
mod ledger;
mod lock;
mod many;
pub mod open;
mod order;
mod reading;
mod rejudge;
mod rescue;
mod review;
mod rows;
mod salvage;
mod samples;
mod schema;
mod script;
mod settle;
mod statements;
mod suspects;
mod tag;
mod tally;
mod tasks;
mod teachers;
mod window;
mod writer;

use std::path::PathBuf;
use std::sync::Mutex;

use futures::future::BoxFuture;
use sqlx::SqlitePool;
use tokio::sync::{OnceCell, mpsc, oneshot};
use tokio::task::JoinHandle;

pub(in crate::store) use self::salvage::salvage;
use self::writer::{Command, Ledger, Rare};
use super::rules::Clock;
use crate::core::ports::{StoreError, Stored};

/// The ledger in a SQLite file. Made by [`open::open`].
pub struct SqliteStore {
    path: PathBuf,
    readers: SqlitePool,
    clock: Clock,
    access: Access,
    request_index: OnceCell<()>,
    sample_index: OnceCell<()>,
    indexes: order::Indexes,
}

/// What may be done with the file.
enum Access {
    /// Everything: the way to the writer, and the task it is until it is closed; and by which lock.
    Write(
        Mutex<Option<(mpsc::Sender<Command>, JoinHandle<()>)>>,
        lock::Claim,
    ),
    /// Reading only.
    Read {
        /// Why, in words for the user.
        because: String,
        /// Who writes meanwhile.
        held_by: Option<String>,
    },
}

impl SqliteStore {
    fn new(path: PathBuf, readers: SqlitePool, clock: Clock, access: Access) -> Self {
        Self {
            path,
            readers,
            clock,
            access,
            request_index: OnceCell::new(),
            sample_index: OnceCell::new(),
            indexes: order::Indexes::default(),
        }
    }

    /// Hands a command to the writer and waits for its answer.
    async fn order<T>(&self, command: Command, answer: oneshot::Receiver<Stored<T>>) -> Stored<T> {
        self.sender()?.send(command).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Runs a rare command inside a commit group.
    async fn write<T, F>(&self, work: F) -> Stored<T>
    where
        T: Send + 'static,
        F: for<'l> FnOnce(&'l mut Ledger) -> BoxFuture<'l, Stored<T>> + Send + 'static,
    {
        let (work, answer) = Rare::order(work);
        self.order(Command::Work(work), answer).await
    }

    /// Runs a command that must stand outside a transaction.
    async fn alone<T, F>(&self, work: F) -> Stored<T>
    where
        T: Send + 'static,
        F: for<'l> FnOnce(&'l mut Ledger) -> BoxFuture<'l, Stored<T>> + Send + 'static,
    {
        let (work, answer) = Rare::order(work);
        self.order(Command::Alone(work), answer).await
    }

    /// Makes an index that only some databases need; where only reading works the question is slower, not refused.
    async fn indexed(&self, made: &OnceCell<()>, statement: &'static str) -> Stored<()> {
        let index = || {
            self.write(move |ledger| {
                Box::pin(async move {
                    sqlx::query(statement).execute(&mut ledger.connection).await?;
                    Ok(())
                })
            })
        };
        match made.get_or_try_init(index).await {
            Ok(()) | Err(StoreError::ReadOnly(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn sender(&self) -> Stored<mpsc::Sender<Command>> {
        match &self.access {
            Access::Read { because, .. } => Err(StoreError::ReadOnly(because.clone())),
            Access::Write(writer, _) => {
                let writer = writer.lock().map_err(|_| closed())?;
                writer
                    .as_ref()
                    .map(|(sender, _)| sender.clone())
                    .ok_or_else(closed)
            }
        }
    }

    fn held_by(&self) -> Option<String> {
        match &self.access {
            Access::Read { held_by, .. } => held_by.clone(),
            Access::Write(..) => None,
        }
    }
}

fn closed() -> StoreError {
    StoreError::Broken("the ledger is closed".to_owned())
}

/// SQLite's primary result codes, sorted by what to do next.
impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(refused) = &error else {
            return match error {
                sqlx::Error::Io(error) => Self::Disk(error.to_string()),
                other => Self::Broken(other.to_string()),
            };
        };
        let code = refused.code().and_then(|code| code.parse::<i32>().ok());
        let message = refused.message();
        match code.unwrap_or(0) & 0xff {
            5 | 6 => Self::Busy("another program keeps the database locked".to_owned()),
            8 => Self::Disk(format!("the database cannot be written: {message}")),
            10 | 14 => Self::Disk(format!("the database file cannot be read or written: {message}")),
            13 => Self::Disk("the disk is full".to_owned()),
            11 => Self::Unusable(format!("the database is damaged: {message}")),
            26 => Self::Unusable(format!("this is no database: {message}")),
            _ => Self::Broken(message.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteConnectOptions;

    use super::*;
    use crate::core::job::JobId;
    use crate::core::ports::{LedgerStore, TaskStore};
    use crate::core::settings::Durability;
    use crate::core::task::{NewTask, Transition};

    /// Lets the file grow to so many pages.
    async fn limit(store: &SqliteStore, pages: &'static str) {
        let limited = store.write(move |ledger| {
            Box::pin(async move {
                sqlx::query(pages).fetch_all(&mut ledger.connection).await?;
                Ok(())
            })
        });
        limited.await.unwrap();
    }

    fn tasks(from: u64) -> Vec<NewTask> {
        let vary = crate::core::Row::new();
        let mut seed = vary.clone();
        seed.insert("text".to_owned(), "long ".repeat(200).into());
        let task = |index| NewTask {
            index,
            seed: seed.clone(),
            vary: vary.clone(),
        };
        (from..from + 100).map(task).collect()
    }

    #[tokio::test]
    async fn a_full_disk_refuses_whole_groups_and_heals() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("full.db");
        let lock = lock::take(&path, "test").await.unwrap().unwrap();
        let plain = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true);
        let begun = open::begin(
            &path,
            plain,
            Durability::Process,
            schema::Found::Empty,
            lock,
            &|_| (),
            Clock::start(),
        );
        let (store, _) = begun.await.unwrap();
        let create = "INSERT INTO jobs (name, state, revision, base, priority, created_ms) VALUES ('a', '', 1, '', 0, 0)";
        limit(&store, create).await;
        let job = JobId(1);
        store.plan(job, tasks(0)).await.unwrap();
        limit(&store, "PRAGMA max_page_count = 1").await;

        let leased = store.claim(job, 1).await;
        let lease = leased.unwrap()[0].lease;
        let full = store.plan(job, tasks(100)).await;
        assert_eq!(full, Err(StoreError::Disk("the disk is full".to_owned())));
        assert_eq!(store.counts(job).await.unwrap().planned(), 100);
        assert_eq!(store.check(true).await.unwrap(), Vec::<String>::new());

        limit(&store, "PRAGMA max_page_count = 100000").await;
        store.plan(job, tasks(100)).await.unwrap();
        store
            .settle(lease, Transition::Release, Vec::new())
            .await
            .unwrap();
        assert_eq!(store.counts(job).await.unwrap().planned(), 200);
        assert_eq!(store.check(true).await.unwrap(), Vec::<String>::new());
        store.close().await;
    }
}
