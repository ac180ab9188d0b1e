//! Ledgers of schema 7 left out of their sums what failed attempts and unread answers may have taken; the next opening counts it.

use std::time::Duration;

use destilation::core::budget::Money;
use destilation::core::task::{Closed, RequestState, Transition};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::support::*;

/// Back to how such a ledger looked.
const BACK: &str = "
    UPDATE requests SET state = 0 WHERE state = 1;
    DELETE FROM counters WHERE name LIKE 'uncertain_%';
    UPDATE counters SET value = 1 WHERE name = 'maybe_billed';
    UPDATE counters SET value = 0 WHERE kind IN ('provider.usd', 'provider.tokens', 'day.usd', 'day.tokens');
    UPDATE counters SET value = 1 WHERE kind IN ('provider.requests', 'day.requests');
    PRAGMA user_version = 7";

#[tokio::test]
async fn what_the_seventh_schema_left_out_of_its_sums_is_counted() {
    let disk = OnDisk::new().await;
    let path = disk.directory.path().join("ledger.db");
    let id = job(&*disk.store, "old", 2).await;
    let leased = disk.store.claim(id, 2).await.unwrap();
    let (lease, other) = (leased[0].lease, leased[1].lease);
    let mut ends = Vec::new();
    for state in [RequestState::Failed, RequestState::Refused] {
        let begun = disk.store.begin(lease, request(1), Vec::new()).await.unwrap();
        ends.push(Closed {
            maybe_billed: true,
            ..closed(begun, state)
        });
    }
    let wait = Transition::Retry {
        after: Duration::ZERO,
        error: String::new(),
    };
    disk.store.settle(lease, wait, ends).await.unwrap();
    let unread = disk.store.begin(other, request(1), Vec::new()).await.unwrap();
    disk.store.record(other, unread, &response("kept")).await.unwrap();
    disk.store
        .settle(other, Transition::Release, Vec::new())
        .await
        .unwrap();
    let before = disk.store.totals(id).await.unwrap();
    assert_eq!((before.spent().usd, before.maybe_billed), (Money(300), 2));
    let spent = disk.store.spent_at("mock").await.unwrap();
    assert_eq!(spent, before.spent());
    disk.store.close().await;

    let options = SqliteConnectOptions::new().filename(&path);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(BACK).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    let store = open_at(&path).await.store;
    assert_eq!(store.check(true).await.unwrap(), Vec::<String>::new());
    assert_eq!(store.totals(id).await.unwrap(), before);
    assert_eq!(store.spent_at("mock").await.unwrap(), spent);
    assert_eq!(store.spent_today().await.unwrap(), spent);
    store.close().await;
}
