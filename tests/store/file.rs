//! What only a ledger in a file does: who may write, what is refused, what a crash and a copy leave.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use destilation::core::api::CleanRules;
use destilation::core::job::JobState;
use destilation::core::ports::StoreError;
use destilation::core::sample::SampleState;
use destilation::core::settings::Durability;
use destilation::core::task::{TaskState, Transition};
use destilation::store::{OpenMode, open};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::support::*;

async fn raw(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    options.connect().await.unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_second_instance_reads_and_says_who_writes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    let first = open_at(&path).await;
    let id = job(&*first.store, "mine", 2).await;
    let second = open_at(&path).await;
    let me = format!("process {} (run test)", std::process::id());
    assert_eq!(second.held_by.as_deref(), Some(me.as_str()));
    assert_eq!(second.store.counts(id).await.unwrap().planned(), 2);
    assert_eq!(second.store.info().await.unwrap().held_by, Some(me.clone()));
    let Err(StoreError::ReadOnly(why)) = second.store.claim(id, 1).await else {
        panic!("it must not write");
    };
    assert!(why.contains(&me), "{why}");
    second.store.close().await;
    first.store.close().await;
    let third = open_at(&path).await;
    assert_eq!((third.held_by, third.read_only), (None, None));
    third.store.close().await;
}

#[tokio::test]
async fn reading_a_missing_ledger_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deep/ledger.db");
    let opened = open(&path, Durability::Process, OpenMode::Read).await.unwrap();
    assert!(opened.store.jobs().await.unwrap().is_empty());
    assert!(opened.read_only.is_some());
    assert!(matches!(
        opened.store.rescue().await,
        Err(StoreError::ReadOnly(_))
    ));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn files_are_for_the_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/ledger.db");
    let store = open_at(&path).await.store;
    job(&*store, "secret", 1).await;
    let copy = directory.path().join("copy.db");
    store.backup(&copy).await.unwrap();
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for name in ["ledger.db", "ledger.db-wal", "ledger.db.lock"] {
        assert_eq!(mode(&path.with_file_name(name)), 0o600, "{name}");
    }
    assert_eq!(mode(&copy), 0o600);
    store.close().await;
}

#[tokio::test]
async fn foreign_and_damaged_files_are_refused_untouched() {
    let directory = tempfile::tempdir().unwrap();
    let foreign = directory.path().join("foreign.db");
    let mut connection = raw(&foreign).await;
    sqlx::query("CREATE TABLE t (x)")
        .execute(&mut connection)
        .await
        .unwrap();
    drop(connection);
    let garbage = directory.path().join("garbage.db");
    fs::write(
        &garbage,
        "no database, but long enough to be read as the header of one, and then some more text. ".repeat(20),
    )
    .unwrap();
    for path in [foreign, garbage] {
        let before = fs::read(&path).unwrap();
        let what = "test".to_owned();
        let refused = open(&path, Durability::Process, OpenMode::Write { what }).await;
        let Err(StoreError::Unusable(message)) = refused.map(|_| ()) else {
            panic!("{} was opened", path.display());
        };
        assert!(
            message.contains(path.file_name().unwrap().to_str().unwrap()),
            "{message}"
        );
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[tokio::test]
async fn a_newer_ledger_is_only_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    let store = open_at(&path).await.store;
    job(&*store, "future", 1).await;
    store.close().await;
    let mut connection = raw(&path).await;
    sqlx::query("PRAGMA user_version = 99")
        .execute(&mut connection)
        .await
        .unwrap();
    drop(connection);
    let opened = open_at(&path).await;
    assert!(opened.read_only.unwrap().contains("newer"));
    assert_eq!(opened.store.jobs().await.unwrap().len(), 1);
    let Err(StoreError::ReadOnly(_)) = opened.store.rescue().await else {
        panic!("it must not write");
    };
}

#[tokio::test]
async fn everything_is_there_again_after_reopening() {
    let disk = OnDisk::new().await;
    let path = disk.directory.path().join("ledger.db");
    let store = Arc::clone(&disk.store);
    let id = job(&*store, "again", 4).await;
    let leased = store.claim(id, 3).await.unwrap();
    finish(&*store, "again", &leased[0], SampleState::Accepted, Some([1; 16])).await;
    store
        .begin(leased[1].lease, request(1), Vec::new())
        .await
        .unwrap();
    let (totals, token) = (store.totals(id).await.unwrap(), leased[2].lease.token);
    store.close().await;
    assert!(
        !path.with_file_name("ledger.db-wal").exists(),
        "nothing is left in the log"
    );

    let opened = open_at(&path).await;
    assert!(!opened.unclean);
    let store = opened.store;
    assert_eq!(store.totals(id).await.unwrap(), totals);
    assert_eq!(store.rescue().await, Ok(2));
    assert_eq!(store.counts(id).await.unwrap().of(TaskState::Pending), 3);
    let next = store.claim(id, 1).await.unwrap();
    assert!(next[0].lease.token > token);
    let twin = finish(&*store, "again", &next[0], SampleState::Accepted, Some([1; 16])).await;
    assert_eq!(twin.state, TaskState::Rejected);
    assert_eq!(store.check(true).await.unwrap(), Vec::<String>::new());
    store.close().await;
}

#[tokio::test]
async fn a_backup_is_a_ledger_of_its_own() {
    let disk = OnDisk::new().await;
    let id = job(&*disk.store, "copied", 50).await;
    let copy = disk.directory.path().join("copy.db");
    disk.store.backup(&copy).await.unwrap();
    assert!(disk.store.backup(&copy).await.is_err(), "nothing is overwritten");
    let opened = open_at(&copy).await;
    assert_eq!(opened.store.counts(id).await.unwrap().planned(), 50);
    assert_eq!(opened.store.check(true).await.unwrap(), Vec::<String>::new());
    opened.store.close().await;
    disk.end().await;
}

#[tokio::test]
async fn cleaning_gives_back_what_deleted_jobs_took() {
    let disk = OnDisk::new().await;
    let id = job(&*disk.store, "big", 3000).await;
    disk.store.clean().await.unwrap();
    disk.store.delete(id).await.unwrap();
    assert!(disk.store.clean().await.unwrap() > 100_000);
    let info = disk.store.info().await.unwrap();
    assert_eq!(info.rows, [0; 4]);
    assert_eq!(info.engine_version, "3.51.3");
    disk.end().await;
}

#[tokio::test]
async fn a_cleaning_ends_where_it_is_told_to() {
    let disk = OnDisk::new().await;
    for name in ["one", "two"] {
        let id = job(&*disk.store, name, 10).await;
        let cancelled = JobState::Cancelled(None);
        disk.store
            .set_state(id, &cancelled, std::time::Duration::ZERO)
            .await
            .unwrap();
    }
    let rules = CleanRules {
        cancelled_jobs: true,
        ..CleanRules::default()
    };
    assert_eq!(disk.store.clean_up(&rules, &|_| false).await, Ok(10));
    assert_eq!(disk.store.jobs().await.unwrap().len(), 1);
    assert_eq!(disk.store.clean_up(&rules, &|_| true).await, Ok(10));
    assert!(disk.store.jobs().await.unwrap().is_empty());
    disk.end().await;
}

#[tokio::test]
async fn a_lease_whose_taker_is_gone_goes_back() {
    let disk = OnDisk::new().await;
    let id = job(&*disk.store, "gone", 1).await;
    for _ in 0..20 {
        let claim = disk.store.claim(id, 1);
        // Polled once, so that the command is on its way, then dropped.
        let _ = futures::poll!(std::pin::pin!(claim));
        tokio::task::yield_now().await;
    }
    let mut leased = Vec::new();
    while leased.is_empty() {
        leased = disk.store.claim(id, 1).await.unwrap();
    }
    disk.store
        .settle(leased[0].lease, Transition::Release, Vec::new())
        .await
        .unwrap();
    disk.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_workers_lose_and_double_nothing() {
    let disk = OnDisk::new().await;
    let id = job(&*disk.store, "crowd", 400).await;
    let workers = (0..16).map(|_| {
        let store = Arc::clone(&disk.store);
        tokio::spawn(async move {
            let mut done = 0_u64;
            loop {
                let leased = store.claim(id, 3).await.unwrap();
                if leased.is_empty() {
                    return done;
                }
                for leased in leased {
                    let key = [(leased.lease.task.index / 2 % 251) as u8; 16];
                    finish(&*store, "crowd", &leased, SampleState::Accepted, Some(key)).await;
                    done += 1;
                }
            }
        })
    });
    let mut done = 0;
    for worker in workers {
        done += worker.await.unwrap();
    }
    assert_eq!(done, 400);
    let counts = disk.store.counts(id).await.unwrap();
    assert_eq!(
        (counts.of(TaskState::Accepted), counts.of(TaskState::Rejected)),
        (200, 200)
    );
    disk.end().await;
}
