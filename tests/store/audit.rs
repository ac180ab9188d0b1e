//! The audit must be able to fail: for every law of the ledger, a database in which somebody broke it by hand is found out.

use std::path::Path;

use destilation::core::job::JobState;
use destilation::core::ports::Decided;
use destilation::core::sample::SampleState;
use destilation::core::settings::Durability;
use destilation::core::task::Transition;
use destilation::store::{OpenMode, open};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use super::support::*;

/// What somebody does behind the ledger's back, and what the audit says about it.
const TAMPERING: &[(&str, &str, &str)] = &[
    // I1
    (
        "I1",
        "UPDATE tasks SET state = 11 WHERE id & 255 = 3",
        "task 1099511627779: a task in no state",
    ),
    (
        "I1",
        "DELETE FROM tasks WHERE id & 255 = 3; DELETE FROM seeds WHERE task & 255 = 3",
        "job 1: a plan with a hole",
    ),
    (
        "I1",
        "DELETE FROM seeds WHERE task & 255 = 3",
        "task 1099511627779: a task without its seed",
    ),
    ("I1", "DELETE FROM jobs", "a task without its job"),
    (
        "I1",
        "UPDATE samples SET state = 2, seq = NULL WHERE task & 255 = 0",
        "not what its samples say",
    ),
    (
        "I1",
        "UPDATE tasks SET state = 9, reason = 'x' WHERE id & 255 = 3",
        "failures x counts 0, the rows say 1",
    ),
    (
        "I1",
        "UPDATE counters SET value = value + 1 WHERE kind = 'tasks' AND name = 'accepted'",
        "tasks accepted counts 3, the rows say 2",
    ),
    // I2
    (
        "I2",
        "DELETE FROM answers",
        "a sample without its task or its text",
    ),
    (
        "I2",
        "DELETE FROM samples WHERE task & 255 = 1",
        "review 1: a decision about a sample that is gone",
    ),
    ("I2", "DELETE FROM reviews", "a sample whose decision is gone"),
    // I3
    (
        "I3",
        "UPDATE samples SET seq = NULL WHERE task & 255 = 0",
        "an accepted sample without a place",
    ),
    (
        "I3",
        "UPDATE samples SET reason = NULL WHERE state = 1",
        "a rejected sample without a reason",
    ),
    (
        "I3",
        "INSERT INTO marks VALUES (1, 0, 'data.jsonl', 99, 0, 0, '')",
        "data.jsonl of job 1: a dataset file that is further",
    ),
    // I4
    (
        "I4",
        "UPDATE requests SET maybe_billed = 0 WHERE state = 5",
        "a lost attempt that is not shown as perhaps charged",
    ),
    (
        "I4",
        "UPDATE requests SET task = task + 100 WHERE state = 5",
        "an attempt without its task",
    ),
    (
        "I4",
        "UPDATE requests SET state = 0, cost = 0, tokens = 0 WHERE state = 5",
        "an open attempt of a task that is done",
    ),
    (
        "I4",
        "DELETE FROM requests WHERE state = 5",
        "sum maybe_billed counts 2, the rows say 0",
    ),
    // I5
    (
        "I5",
        "DELETE FROM responses",
        "request 3: an answered attempt without its answer",
    ),
    (
        "I5",
        "UPDATE responses SET request = 99 WHERE request = 3",
        "request 99: an answer without its attempt",
    ),
    // I6
    (
        "I6",
        "UPDATE tasks SET token = 0 WHERE state = 1",
        "a lease without a token",
    ),
    (
        "I6",
        "UPDATE tasks SET token = 1 WHERE token > 0",
        "a token that another task had, too",
    ),
    (
        "I6",
        "UPDATE counters SET value = 0 WHERE kind = 'next' AND name = 'token'",
        "next token counts 0",
    ),
    // I7
    (
        "I7",
        "UPDATE requests SET attempt = 7",
        "an attempt past the job's limit",
    ),
    (
        "I7",
        "UPDATE tasks SET due_ms = 1 WHERE id & 255 = 3",
        "a wait without an end, or an end without a wait",
    ),
    // I8
    (
        "I8",
        "UPDATE requests SET cost = cost + 1 WHERE state = 2",
        "sum usd counts",
    ),
    (
        "I8",
        "UPDATE requests SET cost = -1 WHERE id = 3",
        "request 3: an attempt that costs less than nothing",
    ),
    (
        "I8",
        "UPDATE requests SET cost = 1 WHERE state = 5",
        "an attempt that costs and was not answered",
    ),
    (
        "I8",
        "UPDATE requests SET reported_usd = 61 WHERE id = 3",
        "request 3: an attempt that does not cost what the wire said",
    ),
    (
        "I8",
        "UPDATE counters SET value = 0 WHERE kind = 'provider.usd'",
        "provider.usd mock counts 0",
    ),
    // I9
    (
        "I9",
        "UPDATE jobs SET state = '{\"state\":\"completed\"}'",
        "a lease of a job that has ended",
    ),
    // I13
    (
        "I13",
        "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'requests_task'",
        "never used",
    ),
];

/// A ledger with something of everything: accepted, overruled by a person, leased with an attempt on the wire, pending, and one that
/// was lost in a crash and answered later.
async fn sound(path: &Path) {
    let store = open_at(path).await.store;
    let id = job(&*store, "tampered", 5).await;
    let lost = store.claim(id, 5).await.unwrap();
    // Two in flight: neither is suspected of having ended the process.
    for leased in &lost[3..] {
        store.begin(leased.lease, request(1), Vec::new()).await.unwrap();
    }
    store.rescue().await.unwrap();
    let leased = store.claim(id, 5).await.unwrap();
    finish(&*store, "tampered", &leased[0], SampleState::Accepted, None).await;
    finish(&*store, "tampered", &leased[1], SampleState::Rejected, None).await;
    let rejected = all_samples(&*store, id).await.pop().unwrap().id;
    store.decide(&rejected, Decided::Accept).await.unwrap();
    let note = Decided::Reject { note: None };
    store.decide(&rejected, note).await.unwrap();
    store.decide(&rejected, Decided::Undo).await.unwrap();
    store
        .begin(leased[2].lease, request(1), Vec::new())
        .await
        .unwrap();
    let back = leased[3].lease;
    store.settle(back, Transition::Release, Vec::new()).await.unwrap();
    let lease = leased[4].lease;
    let again = store.begin(lease, request(2), Vec::new()).await.unwrap();
    store.record(lease, again, &response("yes")).await.unwrap();
    let samples = vec![sample("tampered", lease, 0, SampleState::Rejected)];
    let done = vec![closed(again, destilation::core::task::RequestState::Settled)];
    store
        .settle(lease, Transition::Finish { samples }, done)
        .await
        .unwrap();
    store
        .set_state(id, &JobState::Running, std::time::Duration::ZERO)
        .await
        .unwrap();
    store.close().await;
}

async fn findings(path: &Path) -> Vec<String> {
    let opened = open(path, Durability::Process, OpenMode::Read).await;
    match opened {
        Ok(opened) => opened
            .store
            .check(true)
            .await
            .unwrap_or_else(|error| vec![error.to_string()]),
        Err(error) => vec![error.to_string()],
    }
}

#[tokio::test]
async fn every_law_that_is_broken_by_hand_is_found_out() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    sound(&path).await;
    assert_eq!(findings(&path).await, Vec::<String>::new());
    for (at, (invariant, sql, expected)) in TAMPERING.iter().enumerate() {
        let broken = directory.path().join(format!("{at}.db"));
        std::fs::copy(&path, &broken).unwrap();
        let options = SqliteConnectOptions::new()
            .filename(&broken)
            .pragma("ignore_check_constraints", "ON");
        let mut connection = options.connect().await.unwrap();
        sqlx::raw_sql(*sql).execute(&mut connection).await.unwrap();
        sqlx::Connection::close(connection).await.unwrap();
        let found = findings(&broken).await.join("\n");
        assert!(found.contains(expected), "{invariant}: {sql}\nfound: {found}");
    }
}

#[tokio::test]
async fn the_audit_works_while_somebody_else_writes() {
    let disk = OnDisk::new().await;
    let path = disk.directory.path().join("ledger.db");
    let id = job(&*disk.store, "busy", 2).await;
    disk.store.claim(id, 1).await.unwrap();
    assert_eq!(findings(&path).await, Vec::<String>::new());
    disk.end().await;
}
