//! Decisions about many samples at once: the same as one by one, in both ledgers, and how long a hundred thousand take (only when asked
//! for: `cargo test --test store -- --ignored --nocapture hundred`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use destilation::core::filter::parse::parse;
use destilation::core::filter::{By, Sort};
use destilation::core::journal::EntryId;
use destilation::core::ports::{Decided, JournalStore, Place, SampleFilter, SamplePlace, Store};
use destilation::core::sample::{Sample, SampleId, SampleState};
use destilation::core::tags::TagChange;
use destilation::store::memory::MemoryStore;
use proptest::prelude::*;

use super::journal::{raw, rows};
use super::size::multiply;
use super::support::*;

const NAME: &str = "bulk";
const PLAN: Sort = Sort {
    by: By::Plan,
    down: false,
};

on_every_ledger! {
    what_is_named_twice_is_meant_once
    one_that_is_gone_keeps_all_as_they_were
    a_key_is_held_once
    files_are_behind_what_many_were_decided
    parts_of_an_entry_are_told_one_after_the_other
}

/// Nine tasks in every state, three and three of which share a key.
async fn filled(store: &dyn Store) -> Vec<SampleId> {
    let id = job(store, NAME, 9).await;
    let states = [
        SampleState::Accepted,
        SampleState::NeedsReview,
        SampleState::Rejected,
    ];
    for (n, leased) in store.claim(id, 9).await.unwrap().iter().enumerate() {
        let key = [n as u8 / 3; 16];
        finish(store, NAME, leased, states[n % 3], Some(key)).await;
    }
    (0..9).map(|n| SampleId::of(NAME, n, 0)).collect()
}

async fn all(store: &dyn Store) -> Vec<Sample> {
    let job = store.job(NAME).await.unwrap().id;
    let mut samples = all_samples(store, job).await;
    for review in samples.iter_mut().filter_map(|sample| sample.review.as_mut()) {
        review.at_ms = 0;
    }
    samples
}

async fn places(store: &dyn Store) -> Vec<SamplePlace> {
    store
        .places(&SampleFilter::default(), PLAN, Place::Row(0), 100)
        .await
        .unwrap()
}

fn tags(words: &str) -> Decided {
    Decided::Tag(TagChange::parse(words).unwrap())
}

/// The count by which a start finds out that a dataset was not written after a decision.
async fn files_are_behind_what_many_were_decided(store: &dyn Store) {
    let ids = filled(store).await;
    let id = store.job(NAME).await.unwrap().id;
    let before = store.decisions(id).await.unwrap();
    assert_eq!(before.made, before.written);
    let entry = store
        .act(&ids, Decided::Reject { note: None }, None)
        .await
        .unwrap();
    let made = store.decisions(id).await.unwrap().made;
    assert!(made > before.made);
    store.revert(entry, false).await.unwrap();
    assert!(store.decisions(id).await.unwrap().made > made);
}

async fn what_is_named_twice_is_meant_once(store: &dyn Store) {
    let ids = filled(store).await;
    let before = all(store).await;
    let twice = [ids[0].clone(), ids[1].clone(), ids[0].clone()];
    let reject = Decided::Reject { note: None };
    let entry = store.act(&twice, reject, None).await.unwrap();
    assert_eq!(store.journal(None, 1).await.unwrap()[0].rows, 2);
    let back = store.revert(entry, false).await.unwrap();
    assert_eq!((back.rows, back.skipped), (2, 0));
    assert_eq!(all(store).await, before);
}

async fn one_that_is_gone_keeps_all_as_they_were(store: &dyn Store) {
    let ids = filled(store).await;
    let before = all(store).await;
    let reject = Decided::Reject { note: None };
    let with_another = [ids[0].clone(), SampleId::of("nowhere", 0, 0)];
    assert!(store.act(&with_another, reject.clone(), None).await.is_err());
    let mut places = places(store).await;
    places[3].1 = 7;
    assert!(store.act_at(&places, reject, None).await.is_err());
    assert_eq!(all(store).await, before);
    assert!(store.journal(None, 10).await.unwrap().is_empty());
}

async fn a_key_is_held_once(store: &dyn Store) {
    let ids = filled(store).await;
    let job = store.job(NAME).await.unwrap().id;
    // The first of a key held it; so does the first that comes after it was rejected.
    let entry = store.act(&ids, Decided::Accept, None).await.unwrap();
    assert_eq!(
        store.sample_with_key(job, [1; 16]).await.unwrap(),
        Some(ids[3].clone())
    );
    store.revert(entry, false).await.unwrap();
    let reject = Decided::Reject { note: None };
    let entry = store.act(&ids[3..4], reject, None).await.unwrap();
    assert_eq!(store.sample_with_key(job, [1; 16]).await.unwrap(), None);
    let turned: Vec<SampleId> = [5, 4, 3].iter().map(|at| ids[*at].clone()).collect();
    let accepted = store.act(&turned, Decided::Accept, None).await.unwrap();
    assert_eq!(
        store.sample_with_key(job, [1; 16]).await.unwrap(),
        Some(ids[4].clone())
    );
    store.revert(accepted, false).await.unwrap();
    store.revert(entry, false).await.unwrap();
    assert_eq!(
        store.sample_with_key(job, [1; 16]).await.unwrap(),
        Some(ids[3].clone())
    );
}

async fn parts_of_an_entry_are_told_one_after_the_other(store: &dyn Store) {
    filled(store).await;
    let (places, before) = (places(store).await, all(store).await);
    let mut entry = None;
    for part in places.chunks(2) {
        entry = Some(store.act_at(part, tags("seen"), entry).await.unwrap());
    }
    let entry = entry.unwrap();
    let mut touched = Vec::new();
    let mut part = 0;
    while let Some(samples) = store.touched(entry, part).await.unwrap() {
        touched.extend(samples.into_iter().map(|sample| (sample.task, sample.candidate)));
        part += 1;
    }
    assert_eq!(touched, places);
    for again in [false, true, false] {
        let told = std::sync::Mutex::new(Vec::new());
        let turned = store
            .revert_telling(entry, again, &|done| told.lock().unwrap().push(done))
            .await
            .unwrap();
        assert_eq!((turned.rows, turned.skipped), (9, 0));
        assert_eq!(told.lock().unwrap().last(), Some(&9));
    }
    assert_eq!(store.conflicts(entry).await, Ok(9), "nothing of it is in force");
    assert_eq!(all(store).await, before);
    // Taken back and gone: its parts go with it.
    store.act_at(&places[..1], tags("new"), None).await.unwrap();
    assert_eq!(store.touched(entry, 1).await, Ok(None));
}

fn any_deed() -> impl Strategy<Value = (Vec<usize>, Decided)> {
    let decided = prop_oneof![
        Just(Decided::Accept),
        Just(Decided::Reject { note: None }),
        Just(Decided::Reject {
            note: Some("dull".to_owned())
        }),
        Just(tags("good")),
        Just(tags("new -good")),
    ];
    let some = proptest::sample::subsequence((0..9).collect::<Vec<usize>>(), 1..9).prop_shuffle();
    (some, decided)
}

/// The rows but for the time.
async fn timeless(path: &std::path::Path) -> Vec<String> {
    let mut rows = rows(path).await;
    for row in &mut rows {
        let parts = row.split('|');
        let is_time = |part: &&str| part.len() == 13 && part.bytes().all(|byte| byte.is_ascii_digit());
        *row = parts.filter(|part| !is_time(part)).collect::<Vec<_>>().join("|");
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn many_at_once_are_what_they_are_one_by_one(deeds in proptest::collection::vec(any_deed(), 1..5)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let (many, each, memory) = (OnDisk::new().await, OnDisk::new().await, MemoryStore::new());
            let ids = filled(&*many.store).await;
            filled(&*each.store).await;
            filled(&memory).await;
            let mut entries = Vec::new();
            for (which, decided) in deeds {
                let chosen: Vec<SampleId> = which.iter().map(|at| ids[*at].clone()).collect();
                let entry = many.store.act(&chosen, decided.clone(), None).await.unwrap();
                entries.push((entry, memory.act(&chosen, decided.clone(), None).await.unwrap()));
                for id in &chosen {
                    each.store.decide(id, decided.clone()).await.unwrap();
                }
                let path = |disk: &OnDisk| disk.directory.path().join("ledger.db");
                assert_eq!(timeless(&path(&many)).await, timeless(&path(&each)).await);
                assert_eq!(all(&*many.store).await, all(&memory).await);
            }
            while let Some((entry, same)) = entries.pop() {
                let back = many.store.revert(entry, false).await.unwrap();
                assert_eq!(memory.revert(same, false).await.unwrap(), back);
                assert_eq!(all(&*many.store).await, all(&memory).await);
            }
            many.end().await;
            each.end().await;
        });
    }
}

/// What a bulk of the engine does, without the engine.
async fn bulk(store: &dyn Store, filter: &SampleFilter, decided: &Decided) -> EntryId {
    let (mut entry, mut from) = (None, Place::Row(0));
    let mut left = MANY;
    loop {
        let found = store.places(filter, PLAN, from, left.min(5000)).await.unwrap();
        let Some(last) = found.last() else { break };
        from = Place::After(*last);
        left -= found.len();
        entry = Some(store.act_at(&found, decided.clone(), entry).await.unwrap());
    }
    entry.unwrap()
}

/// Samples of a large bulk.
const MANY: usize = 100_000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn a_hundred_thousand_are_decided_and_taken_back() {
    let disk = OnDisk::new().await;
    let path = disk.directory.path().join("ledger.db");
    let id = job(&*disk.store, NAME, 1).await;
    let leased = disk.store.claim(id, 1).await.unwrap();
    finish(&*disk.store, NAME, &leased[0], SampleState::Accepted, None).await;
    multiply(&path, 3 * MANY as u64).await;
    disk.store.close().await;
    let keys = "UPDATE samples SET dedup_key = randomblob(16) WHERE state = 0; CREATE TABLE before AS SELECT * FROM samples;
                UPDATE counters SET value = 1000000 WHERE kind = 'next' AND name = 'seq'";
    sqlx::raw_sql(keys).execute(&mut raw(&path).await).await.unwrap();
    let store = open_at(&path).await.store;
    let filter = |text: &str| SampleFilter {
        job: Some(id),
        condition: parse(text).unwrap(),
        ..SampleFilter::default()
    };
    // Somebody else writes all the time: the longest wait is what a run would feel.
    let stop = Arc::new(AtomicBool::new(false));
    let other = {
        let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut longest = Duration::ZERO;
            while !stop.load(Ordering::Relaxed) {
                let start = Instant::now();
                store.flag(&SampleId::of(NAME, 0, 0), true).await.unwrap();
                longest = longest.max(start.elapsed());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            longest
        })
    };
    let reject = Decided::Reject {
        note: Some("dull".to_owned()),
    };
    let deeds = [
        ("reject", "status:accepted", reject),
        ("tag", "", tags("seen")),
        ("accept", "status:rejected", Decided::Accept),
    ];
    for (name, text, decided) in deeds {
        let start = Instant::now();
        let entry = bulk(&*store, &filter(text), &decided).await;
        println!("{name:8} {:6.2} s", start.elapsed().as_secs_f64());
        for (what, again) in [("undo", false), ("redo", true), ("undo", false)] {
            let start = Instant::now();
            let turned = store.revert(entry, again).await.unwrap();
            assert_eq!((turned.rows, turned.skipped), (MANY as u64, 0));
            println!("  {what}   {:6.2} s", start.elapsed().as_secs_f64());
        }
    }
    stop.store(true, Ordering::Relaxed);
    let longest = other.await.unwrap();
    println!(
        "longest wait of another writer {:6.1} ms",
        longest.as_secs_f64() * 1e3
    );
    let entry = bulk(
        &*store,
        &filter("status:accepted"),
        &Decided::Reject { note: None },
    )
    .await;
    store.close().await;
    let store = open_at(&path).await.store;
    let start = Instant::now();
    store.revert(entry, false).await.unwrap();
    println!("undo after a restart {:6.2} s", start.elapsed().as_secs_f64());
    store.close().await;
    let differing: i64 = sqlx::query_scalar(
        "SELECT (SELECT COUNT(*) FROM (SELECT * FROM samples EXCEPT SELECT * FROM before))
              + (SELECT COUNT(*) FROM reviews) + (SELECT COUNT(*) FROM taggings)",
    )
    .fetch_one(&mut raw(&path).await)
    .await
    .unwrap();
    assert_eq!(differing, 0, "the rows are as they were");
}
