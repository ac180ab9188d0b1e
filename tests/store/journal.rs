//! What persons do can be taken back and done again, after any restart, and leaves the rows as they were.

use std::path::Path;

use destilation::core::api::Preparing;
use destilation::core::journal::Deed;
use destilation::core::ports::{Decided, Rejudgement, SampleFilter, Store, StoreError};
use destilation::core::sample::{Reason, Sample, SampleId, SampleState, StepAnswer, Verdict};
use destilation::core::settings::Durability;
use destilation::core::tags::TagChange;
use destilation::store::{OpenMode, open_telling};
use proptest::prelude::*;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Row as _};

use super::support::*;

const NAME: &str = "journal";

on_every_ledger! {
    a_bulk_is_one_entry_and_is_taken_back_whole
    what_was_decided_again_stays
    a_new_deed_forgets_what_was_taken_back
    an_export_is_remembered_and_stays
    tags_are_put_on_and_given_back
    what_was_judged_again_is_had_back
}

async fn filled(store: &dyn Store) -> Vec<SampleId> {
    let id = job(store, NAME, 6).await;
    let states = [
        SampleState::Accepted,
        SampleState::Rejected,
        SampleState::NeedsReview,
    ];
    for (n, leased) in store.claim(id, 6).await.unwrap().iter().enumerate() {
        finish(store, NAME, leased, states[n % 3], Some([n as u8; 16])).await;
    }
    (0..6).map(|n| SampleId::of(NAME, n, 0)).collect()
}

async fn all(store: &dyn Store) -> Vec<Sample> {
    let job = store.job(NAME).await.unwrap().id;
    let mut samples = all_samples(store, job).await;
    for sample in &mut samples {
        if let Some(review) = &mut sample.review {
            review.at_ms = 0;
        }
    }
    samples
}

fn tags(words: &str) -> Decided {
    Decided::Tag(TagChange::parse(words).unwrap())
}

fn reject() -> Decided {
    Decided::Reject {
        note: Some("dull".to_owned()),
    }
}

fn judgement(id: &SampleId, state: SampleState, key: Option<u8>) -> Rejudgement {
    let rejected = state == SampleState::Rejected;
    Rejudgement {
        sample: id.clone(),
        state,
        reason: rejected.then_some(Reason::Length),
        verdicts: vec![Verdict::accept("judge").scored(2.5)],
        dedup_key: key.map(|key| [key; 16]),
    }
}

async fn what_was_judged_again_is_had_back(store: &dyn Store) {
    let ids = filled(store).await;
    let before = all(store).await;
    store.act(&ids[5..], reject(), None).await.unwrap();
    // The first gives its key to the second; the last is a person's.
    let judged = vec![
        judgement(&ids[0], SampleState::Rejected, None),
        judgement(&ids[1], SampleState::Accepted, Some(0)),
        judgement(&ids[5], SampleState::Accepted, None),
    ];
    let entry = store.judge_some(judged, None).await.unwrap().unwrap();
    let row = store.journal(None, 1).await.unwrap().remove(0);
    assert_eq!(
        (row.deed, row.label.as_str()),
        (Deed::Judge, "judged again 2 samples")
    );
    let after = all(store).await;
    assert_eq!(after[0].reason, Some(Reason::Length));
    assert_eq!(after[1].state, SampleState::Accepted);
    assert_eq!(after[5].state, SampleState::Rejected);
    assert_eq!(after[0].verdicts.len(), 1);
    for _ in 0..2 {
        let back = store.revert(entry, false).await.unwrap();
        assert_eq!((back.rows, back.skipped), (2, 0));
        assert_eq!(all(store).await[..5], before[..5]);
        let again = store.revert(entry, true).await.unwrap();
        assert_eq!((again.rows, again.skipped), (2, 0));
        assert_eq!(all(store).await[0], after[0]);
    }
    // What a person says of it since stands in the way.
    store.act(&ids[1..2], reject(), None).await.unwrap();
    assert_eq!(store.conflicts(entry).await.unwrap(), 1);
    let back = store.revert(entry, false).await.unwrap();
    assert_eq!((back.rows, back.skipped), (1, 1));
    let by_hand = vec![judgement(&ids[5], SampleState::Accepted, None)];
    assert_eq!(store.judge_some(by_hand, None).await.unwrap(), None);
}

#[tokio::test]
async fn judging_again_and_its_undo_leave_the_rows_byte_equal() {
    let disk = OnDisk::new().await;
    let path = disk.directory.path().join("ledger.db");
    let ids = filled(&*disk.store).await;
    let before = rows(&path).await;
    let states = [
        SampleState::Rejected,
        SampleState::Accepted,
        SampleState::NeedsReview,
    ];
    let judged = (0..6).map(|n: usize| judgement(&ids[n], states[n % 3], Some((n as u8 + 5) % 6)));
    let entry = disk.store.judge_some(judged.collect(), None).await.unwrap();
    disk.store.revert(entry.unwrap(), false).await.unwrap();
    assert_eq!(rows(&path).await, before);
    disk.end().await;
}

async fn tags_are_put_on_and_given_back(store: &dyn Store) {
    let ids = filled(store).await;
    let before = all(store).await;
    let first = store.act(&ids[..3], tags("good short"), None).await.unwrap();
    let second = store.act(&ids[2..4], tags("long -short"), None).await.unwrap();
    let tagged: Vec<String> = all(store).await.iter().map(|one| one.tags.join(" ")).collect();
    assert_eq!(tagged, ["good short", "good short", "good long", "long", "", ""]);
    let known = store.tags(None).await.unwrap();
    let known: Vec<(&str, u64)> = known.iter().map(|(tag, many)| (tag.as_str(), *many)).collect();
    assert_eq!(known, [("good", 3), ("long", 2), ("short", 2)]);
    assert_eq!(store.conflicts(first).await.unwrap(), 1);
    // A decision is another matter: it stands in nobody's way.
    store.act(&ids[..1], reject(), None).await.unwrap();
    assert_eq!(store.conflicts(first).await.unwrap(), 1);
    let entry = store.journal(None, 2).await.unwrap().remove(1);
    assert_eq!(
        (entry.deed, entry.label.as_str()),
        (Deed::Tag, "tagged 2 samples · long -short")
    );
    store.revert(second, false).await.unwrap();
    store.revert(second, true).await.unwrap();
    store.revert(second, false).await.unwrap();
    let back = store.revert(first, false).await.unwrap();
    assert_eq!((back.rows, back.skipped), (3, 0));
    let after = all(store).await;
    assert!(after.iter().all(|sample| sample.tags.is_empty()));
    assert_eq!(after[1..], before[1..]);
    assert_eq!(store.tags(None).await.unwrap(), Vec::new());
}

async fn a_bulk_is_one_entry_and_is_taken_back_whole(store: &dyn Store) {
    let ids = filled(store).await;
    let job = store.job(NAME).await.unwrap().id;
    let before = all(store).await;
    let counts = store.counts(job).await.unwrap();
    let first = store.act(&ids[..4], reject(), None).await.unwrap();
    let more = store.act(&ids[4..], reject(), Some(first)).await.unwrap();
    assert_eq!(first, more);
    let entries = store.journal(Some(job), 10).await.unwrap();
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    assert_eq!((entry.rows, entry.deed, entry.job), (6, Deed::Reject, Some(job)));
    assert_eq!(entry.label, "rejected 6 samples · dull");
    let rejected = all(store).await;
    assert!(
        rejected
            .iter()
            .all(|sample| sample.state == SampleState::Rejected)
    );

    let back = store.revert(first, false).await.unwrap();
    assert_eq!((back.rows, back.skipped, back.jobs), (6, 0, vec![job]));
    assert_eq!(all(store).await, before, "places in the dataset included");
    assert_eq!(store.counts(job).await.unwrap(), counts);
    assert!(store.journal(None, 10).await.unwrap()[0].undone.is_some());

    let again = store.revert(first, true).await.unwrap();
    assert_eq!((again.rows, again.skipped), (6, 0));
    assert_eq!(all(store).await, rejected);
    assert_eq!(store.conflicts(first).await, Ok(0));
    store.revert(first, false).await.unwrap();
    assert_eq!(all(store).await, before);
}

async fn what_was_decided_again_stays(store: &dyn Store) {
    let ids = filled(store).await;
    let first = store.act(&ids[..3], reject(), None).await.unwrap();
    store.act(&ids[..1], Decided::Accept, None).await.unwrap();
    assert_eq!(store.conflicts(first).await, Ok(1));
    let back = store.revert(first, false).await.unwrap();
    assert_eq!((back.rows, back.skipped), (2, 1));
    assert_eq!(all(store).await[0].review.as_ref().unwrap().action, "accepted");
    let unknown = destilation::core::journal::EntryId(99);
    assert!(matches!(
        store.revert(unknown, false).await,
        Err(StoreError::NotFound(_))
    ));
    let closed = store.act(&ids, Decided::Accept, Some(first)).await;
    assert!(closed.is_err(), "an entry that was taken back takes no more");
}

async fn a_new_deed_forgets_what_was_taken_back(store: &dyn Store) {
    let ids = filled(store).await;
    let first = store.act(&ids[..1], reject(), None).await.unwrap();
    store.revert(first, false).await.unwrap();
    store.act(&ids[1..2], Decided::Accept, None).await.unwrap();
    let left: Vec<_> = store.journal(None, 10).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].label, "accepted 1 sample");
}

async fn an_export_is_remembered_and_stays(store: &dyn Store) {
    let ids = filled(store).await;
    let job = store.job(NAME).await.unwrap().id;
    let first = store.act(&ids[..1], reject(), None).await.unwrap();
    store.revert(first, false).await.unwrap();
    store.exported(job, 1234, "out.jsonl").await.unwrap();
    let entries = store.journal(Some(job), 10).await.unwrap();
    assert_eq!(entries.len(), 2, "an export forgets nothing");
    assert_eq!(entries[0].label, "exported 1,234 samples · out.jsonl");
    assert!(store.revert(entries[0].id, false).await.is_err());
    store.delete(job).await.unwrap();
    assert!(store.journal(None, 10).await.unwrap().is_empty());
}

pub async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .unwrap()
}

/// Every byte a person's deed could touch.
pub async fn rows(path: &Path) -> Vec<String> {
    let mut connection = raw(path).await;
    let mut rows = Vec::new();
    for table in ["samples", "answers", "reviews", "taggings", "tasks"] {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info(?)")
            .bind(table)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let quoted: Vec<String> = columns.iter().map(|name| format!("quote({name})")).collect();
        let sql = format!("SELECT concat_ws('|', {}) FROM {table}", quoted.join(", "));
        let found = sqlx::query(sqlx::AssertSqlSafe(sql))
            .fetch_all(&mut connection)
            .await
            .unwrap();
        rows.extend(
            found
                .iter()
                .map(|row| format!("{table}: {}", row.get::<String, _>(0))),
        );
    }
    rows.sort();
    rows
}

fn any_deed() -> impl Strategy<Value = (Vec<usize>, Decided)> {
    let steps: Vec<StepAnswer> = vec![answer("Better")];
    let decided = prop_oneof![
        Just(Decided::Accept),
        Just(Decided::Reject { note: None }),
        Just(reject()),
        Just(Decided::Edit { steps }),
        Just(tags("good")),
        Just(tags("new -good")),
    ];
    (
        proptest::sample::subsequence((0..6).collect::<Vec<usize>>(), 1..6),
        decided,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_deed_and_then_its_undo_leaves_the_rows_byte_equal(deeds in proptest::collection::vec(any_deed(), 1..6)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let disk = OnDisk::new().await;
            let path = disk.directory.path().join("ledger.db");
            let ids = filled(&*disk.store).await;
            let mut stack = Vec::new();
            for (which, decided) in deeds {
                let before = rows(&path).await;
                let chosen: Vec<SampleId> = which.iter().map(|at| ids[*at].clone()).collect();
                let entry = disk.store.act(&chosen, decided, None).await.unwrap();
                stack.push((entry, before));
            }
            while let Some((entry, before)) = stack.pop() {
                let back = disk.store.revert(entry, false).await.unwrap();
                assert_eq!(back.skipped, 0);
                assert_eq!(rows(&path).await, before);
            }
            disk.end().await;
        });
    }
}

#[tokio::test]
async fn the_journal_outlives_a_restart() {
    let disk = OnDisk::new().await;
    let path = disk.directory.path().join("ledger.db");
    let ids = filled(&*disk.store).await;
    let before = all(&*disk.store).await;
    disk.store.act(&ids, reject(), None).await.unwrap();
    disk.store.close().await;
    let store = open_at(&path).await.store;
    let entry = store.journal(None, 1).await.unwrap().remove(0);
    store.revert(entry.id, false).await.unwrap();
    assert_eq!(all(&*store).await, before);
    store.close().await;
}

#[tokio::test]
async fn a_ledger_of_the_first_schema_is_copied_then_brought_on() {
    let disk = OnDisk::new().await;
    let path = disk.directory.path().join("ledger.db");
    let ids = filled(&*disk.store).await;
    let filter = SampleFilter::default();
    let (facets, before) = (disk.store.facets(&filter).await.unwrap(), all(&*disk.store).await);
    disk.store.close().await;
    // Back to what the first version wrote.
    let mut connection = raw(&path).await;
    let back =
        "DROP INDEX IF EXISTS samples_judge; DROP INDEX IF EXISTS samples_length; DROP INDEX IF EXISTS samples_teacher;
        DROP VIEW comparisons; DROP TABLE review_items; DROP TABLE review_queues; DROP TABLE review_flags;
        DROP TABLE ui_journal_parts; DROP TABLE ui_journal; ALTER TABLE reviews DROP COLUMN before_seq;
        ALTER TABLE samples DROP COLUMN judge; ALTER TABLE samples DROP COLUMN likeness;
        ALTER TABLE samples DROP COLUMN length; ALTER TABLE samples DROP COLUMN tokens;
        DROP INDEX samples_tagged; ALTER TABLE samples DROP COLUMN tags; ALTER TABLE samples DROP COLUMN tagging; DROP TABLE taggings;
        ALTER TABLE samples DROP COLUMN judging; DROP TABLE judgings;
        ALTER TABLE tasks DROP COLUMN again; ALTER TABLE samples DROP COLUMN made_ms; PRAGMA user_version = 1";
    sqlx::raw_sql(back).execute(&mut connection).await.unwrap();
    drop(connection);

    let told = std::sync::Mutex::new(Vec::new());
    let what = "run test".to_owned();
    let hear = |now| told.lock().unwrap().push(now);
    let opened = open_telling(&path, Durability::Process, OpenMode::Write { what }, &hear).await;
    let store = opened.unwrap().store;
    let told = told.into_inner().unwrap();
    let [Preparing::Copying { done: 0, of }, .., Preparing::Migrating] = told[..] else {
        panic!("what takes its time is told: {told:?}");
    };
    assert!(of > 10_000, "{of} bytes");
    assert!(store.info().await.unwrap().schema_version >= 2);
    assert_eq!(
        store.facets(&filter).await.unwrap(),
        facets,
        "the numbers are made from what is stored"
    );
    assert_eq!(all(&*store).await, before);
    store.act(&ids[..1], reject(), None).await.unwrap();
    assert_eq!(store.check(true).await.unwrap(), Vec::<String>::new());
    store.close().await;

    let names = std::fs::read_dir(disk.directory.path()).unwrap().flatten();
    let copies: Vec<_> = names
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "bak"))
        .collect();
    let [copy] = &copies[..] else { panic!("{copies:?}") };
    let name = copy.file_name().unwrap().to_str().unwrap();
    assert!(
        name.starts_with("ledger.db.v1-2") && name.len() == "ledger.db.v1-2026-11-22.bak".len(),
        "{name}"
    );
    let version: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut raw(copy).await)
        .await
        .unwrap();
    assert_eq!(version, 1, "the copy is what was there before");
}
