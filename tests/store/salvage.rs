//! D3: what can be read of a damaged database is saved into one that is whole, and what is missing is told. The damaged file stays as it is.

use std::fs;
use std::path::Path;

use destilation::core::api::Salvaged;
use destilation::core::ports::StoreError;
use destilation::core::sample::SampleState;
use destilation::core::settings::Durability;
use destilation::core::task::TaskState;
use destilation::store::{OpenMode, open};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::support::*;

const TASKS: u64 = 1_500;
const ACCEPTED: u64 = 900;

/// A ledger of some megabytes, closed.
async fn ledger(path: &Path) {
    let opened = open_at(path).await;
    let id = job(&*opened.store, "j", TASKS).await;
    opened.store.planned_all(id).await.unwrap();
    for leased in opened.store.claim(id, ACCEPTED as usize).await.unwrap() {
        finish(&*opened.store, "j", &leased, SampleState::Accepted, None).await;
    }
    opened.store.close().await;
}

async fn salvage(from: &Path, to: &Path) -> Result<Salvaged, StoreError> {
    let closed = open(from, Durability::Process, OpenMode::Closed).await.unwrap();
    closed.store.salvage(to).await
}

fn rows(saved: &Salvaged, table: &str) -> (u64, u64) {
    let found = saved.tables.iter().find(|one| one.name == table).unwrap();
    (found.read, found.lost)
}

/// It opens for writing, passes every check, and has as many samples as it says.
async fn sound(path: &Path, saved: &Salvaged) {
    assert!(
        saved.findings.iter().all(|finding| {
            finding.contains("a plan with a hole") || finding.contains("a task without its seed")
        }),
        "{:?}",
        saved.findings
    );
    let opened = open_at(path).await;
    assert_eq!(opened.read_only, None);
    assert_eq!(opened.store.check(false).await.unwrap(), Vec::<String>::new());
    let jobs = opened.store.jobs().await.unwrap();
    assert_eq!(jobs.len(), 1);
    let counts = opened.store.counts(jobs[0].id).await.unwrap();
    let samples = opened.store.totals(jobs[0].id).await.unwrap().samples;
    assert_eq!(counts.of(TaskState::Accepted), samples[0]);
    opened.store.close().await;
}

#[tokio::test]
async fn a_whole_database_is_saved_whole() {
    let directory = tempfile::tempdir().unwrap();
    let (path, to) = (directory.path().join("a.db"), directory.path().join("b.db"));
    ledger(&path).await;
    let before = fs::read(&path).unwrap();
    let saved = salvage(&path, &to).await.unwrap();
    assert!(saved.is_whole(), "{saved:?}");
    assert_eq!(rows(&saved, "tasks"), (TASKS, 0));
    assert_eq!(rows(&saved, "samples"), (ACCEPTED, 0));
    assert_eq!(fs::read(&path).unwrap(), before);
    sound(&to, &saved).await;
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&to).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let error = salvage(&path, &to).await.unwrap_err().to_string();
    assert!(error.contains("exists already"), "{error}");
    let names: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().contains("salvage"))
        .collect();
    assert!(names.is_empty(), "{names:?}");
}

#[tokio::test]
async fn pages_of_zeros_cost_their_rows_and_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    ledger(&path).await;
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() / 4096;
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let (mut least, mut refused) = (u64::MAX, 0);
    for round in 0..12 {
        let mut bytes = whole.clone();
        // Not the first: it says what the file is.
        for _ in 0..3 {
            let page = rng.random_range(1..pages);
            bytes[page * 4096..(page + 1) * 4096].fill(0);
        }
        let (damaged, to) = (
            directory.path().join("d.db"),
            directory.path().join(format!("{round}.db")),
        );
        fs::write(&damaged, &bytes).unwrap();
        match salvage(&damaged, &to).await {
            Ok(saved) => {
                sound(&to, &saved).await;
                least = least.min(rows(&saved, "tasks").0);
            }
            // The page of the schema.
            Err(StoreError::Unusable(_)) => refused += 1,
            Err(error) => panic!("{error}"),
        }
        assert_eq!(fs::read(&damaged).unwrap(), bytes, "it was only read");
    }
    assert!(refused <= 3, "{refused}");
    assert!(least > TASKS / 2, "{least}");
}

#[tokio::test]
async fn flipped_bytes_never_end_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    ledger(&path).await;
    let whole = fs::read(&path).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let (mut tasks, mut tried) = (0, 0);
    for round in 0..25 {
        let mut bytes = whole.clone();
        for _ in 0..4 {
            let at = rng.random_range(100..bytes.len());
            bytes[at] ^= 1 << rng.random_range(0..8);
        }
        let (damaged, to) = (
            directory.path().join("d.db"),
            directory.path().join(format!("{round}.db")),
        );
        fs::write(&damaged, &bytes).unwrap();
        if let Ok(saved) = salvage(&damaged, &to).await {
            (tasks, tried) = (tasks + rows(&saved, "tasks").0, tried + 1);
            let opened = open_at(&to).await;
            assert_eq!(opened.store.check(false).await.unwrap(), Vec::<String>::new());
            opened.store.close().await;
        }
    }
    assert!(
        tried >= 20 && tasks * 10 > tried * TASKS * 9,
        "{tasks} tasks in {tried} files"
    );
}

#[tokio::test]
async fn a_file_cut_short_gives_what_is_left_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let (path, to) = (directory.path().join("a.db"), directory.path().join("b.db"));
    ledger(&path).await;
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() * 3 / 4 + 100]).unwrap();
    let saved = salvage(&path, &to).await.unwrap();
    assert!(!saved.is_whole());
    sound(&to, &saved).await;
    fs::write(&path, &bytes[..50]).unwrap();
    let error = salvage(&path, &directory.path().join("c.db")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable(_)), "{error}");
}

#[tokio::test]
async fn what_was_lost_comes_back_by_the_jobs_next_plan() {
    let directory = tempfile::tempdir().unwrap();
    let (path, to) = (directory.path().join("a.db"), directory.path().join("b.db"));
    ledger(&path).await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let gone = "DELETE FROM answers WHERE id BETWEEN 10 AND 19; DELETE FROM seeds WHERE task & 1048575 BETWEEN 30 AND 39;
                DELETE FROM tasks WHERE id & 1048575 BETWEEN 35 AND 39; DELETE FROM requests WHERE id = 50; DELETE FROM counters";
    sqlx::raw_sql(gone).execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    let saved = salvage(&path, &to).await.unwrap();
    sound(&to, &saved).await;
    let said = saved.mended.join("\n");
    for words in [
        "10 samples left out",
        "5 tasks made again",
        "10 tasks back in the queue",
        "1 answers left out",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let store = open_at(&to).await.store;
    let id = store.jobs().await.unwrap()[0].id;
    assert!(!store.jobs().await.unwrap()[0].planned_all);
    store.plan(id, (0..TASKS).map(task).collect()).await.unwrap();
    store.planned_all(id).await.unwrap();
    assert_eq!(store.check(true).await.unwrap(), Vec::<String>::new());
    let again = store.claim(id, 1).await.unwrap();
    assert_eq!(again[0].history.len(), 1, "its stored answer is still there");
    store.close().await;
}
