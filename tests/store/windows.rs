//! Windows into samples: both ledgers give the same rows in every order, from every place, under every filter.

use destilation::core::filter::parse::parse;
use destilation::core::filter::{By, Sort};
use destilation::core::ports::{Decided, Place, SampleFilter, SamplePlace, Store};
use destilation::core::sample::{Reason, Sample, SampleId, SampleState, Verdict};
use destilation::core::tags::TagChange;
use destilation::core::task::{RequestState, Transition};
use destilation::store::memory::MemoryStore;
use serde_json::json;

use super::support::*;

const FILTERS: [&str; 27] = [
    "",
    "status:accepted",
    "-status:pending",
    "status:edited OR status:rejected",
    "status:decided",
    "reason:length",
    "-reason:length",
    "judge:>=3",
    "-judge:>=3",
    "dup:>0.5",
    "len:<12",
    "tokens:30",
    "cost:>0.00001",
    "task:3",
    "attempt:>1",
    "after:1h",
    "seed:\"question 1\"",
    "\"answer 2\" OR seed:3",
    "provider:mo* -model:small",
    "model:large",
    "field.answer.mood~\"^g\"",
    "-field.answer.mood~\"^g\" status:accepted",
    "field.question~\"[13]$\" (judge:<4 OR len:>13)",
    "job:other",
    "tag:good",
    "-tag:good",
    "tag:g*d OR tag:n*",
];

/// Twelve tasks with samples of every kind, the same in every ledger.
async fn filled(store: &dyn Store) -> SampleFilter {
    let id = job(store, "windows", 14).await;
    let other = job(store, "other", 2).await;
    let leased = store.claim(other, 1).await.unwrap();
    finish(store, "other", &leased[0], SampleState::Accepted, None).await;
    for leased in store.claim(id, 12).await.unwrap() {
        let (lease, n) = (leased.lease, leased.lease.task.index);
        let first = store.begin(lease, request(1), Vec::new()).await.unwrap();
        let mut done = vec![closed(first, RequestState::Failed)];
        if n % 3 == 0 {
            let second = store.begin(lease, request(2), Vec::new()).await.unwrap();
            store.record(lease, second, &response("yes")).await.unwrap();
            done.push(closed(second, RequestState::Settled));
        }
        let states = [
            SampleState::Accepted,
            SampleState::Rejected,
            SampleState::NeedsReview,
        ];
        let made = (0..=(n % 2) as u32).map(|candidate| {
            let mut made = sample(
                "windows",
                lease,
                candidate,
                states[(n as usize + candidate as usize) % 3],
            );
            let answer = &mut made.steps[0];
            answer.text = format!("Answer {n}{}", "!".repeat((n * 7 % 5) as usize));
            answer.value = Some(json!({ "mood": if n % 2 == 0 { "good" } else { "bad" }, "n": n }));
            if n % 4 == 0 {
                "mock/large".clone_into(&mut answer.teacher);
            }
            if n % 5 != 0 {
                made.verdicts
                    .push(Verdict::accept("judge").scored((n % 4) as f64 + 1.5));
            }
            if n % 3 == 1 {
                made.verdicts.push(
                    Verdict::reject("semantic_dedup", Reason::NearDuplicate, "x").scored(n as f64 / 10.0),
                );
            }
            made
        });
        let samples = made.collect();
        store
            .settle(lease, Transition::Finish { samples }, done)
            .await
            .unwrap();
    }
    let steps = vec![answer("By hand")];
    let edited = SampleId::of("windows", 5, 0);
    store.decide(&edited, Decided::Edit { steps }).await.unwrap();
    let tagged = [(1, "good"), (2, "good"), (2, "new-one"), (3, "other")];
    for (n, words) in tagged {
        let change = TagChange::parse(words).unwrap();
        let id = SampleId::of("windows", n, 0);
        store.act(&[id], Decided::Tag(change), None).await.unwrap();
    }
    SampleFilter {
        job: Some(id),
        ..SampleFilter::default()
    }
}

fn ids(samples: &[Sample]) -> Vec<SampleId> {
    samples.iter().map(|sample| sample.id.clone()).collect()
}

fn place(sample: &Sample) -> SamplePlace {
    (sample.task, sample.candidate)
}

fn sorts() -> impl Iterator<Item = Sort> {
    // Instants are each ledger's own.
    let by = By::ALL.into_iter().filter(|by| *by != By::Time);
    by.flat_map(|by| [false, true].map(|down| Sort { by, down }))
}

#[tokio::test]
async fn both_ledgers_show_the_same_rows_in_every_order_under_every_filter() {
    let memory = MemoryStore::new();
    let disk = OnDisk::new().await;
    let all = filled(&memory).await;
    assert_eq!(filled(&*disk.store).await, all);
    for text in FILTERS {
        for job in [all.job, None] {
            let filter = SampleFilter {
                job,
                condition: parse(text).unwrap(),
                ..SampleFilter::default()
            };
            let counted = memory.count_samples_of(&filter).await;
            assert_eq!(
                disk.store.count_samples(&filter).await.unwrap(),
                counted,
                "{text}"
            );
            let facets = memory.facets_of(&filter).await;
            assert_eq!(disk.store.facets(&filter).await.unwrap(), facets, "{text}");
            for sort in sorts() {
                let expected = window(&memory, &filter, sort, Place::Row(0), 100).await;
                let found = window(&*disk.store, &filter, sort, Place::Row(0), 100).await;
                assert_eq!(ids(&found), ids(&expected), "{text} {sort:?}");
                assert_eq!(found.len() as u64, counted, "{text}");
            }
        }
    }
    // By now the indexes of the orders are there, and everything is counted by them.
    for job in [all.job, None] {
        let everything = SampleFilter {
            job,
            ..SampleFilter::default()
        };
        let facets = memory.facets_of(&everything).await;
        assert_eq!(disk.store.facets(&everything).await.unwrap(), facets);
    }
    disk.end().await;
}

/// The memory ledger without its trait at hand.
trait Plain {
    async fn count_samples_of(&self, filter: &SampleFilter) -> u64;
    async fn facets_of(&self, filter: &SampleFilter) -> destilation::core::filter::Facets;
}

impl Plain for MemoryStore {
    async fn count_samples_of(&self, filter: &SampleFilter) -> u64 {
        let store: &dyn Store = self;
        store.count_samples(filter).await.unwrap()
    }

    async fn facets_of(&self, filter: &SampleFilter) -> destilation::core::filter::Facets {
        let store: &dyn Store = self;
        store.facets(filter).await.unwrap()
    }
}

async fn window(
    store: &dyn Store,
    filter: &SampleFilter,
    sort: Sort,
    at: Place,
    limit: usize,
) -> Vec<Sample> {
    store.window(filter, sort, at, limit).await.unwrap()
}

on_every_ledger! {
    windows_fit_together_in_every_order
}

async fn windows_fit_together_in_every_order(store: &dyn Store) {
    let all = filled(store).await;
    let fields = "field.answer.mood~\"^g\" -field.question~\"[12]$\" judge:>0";
    for text in ["", "judge:>0", "-status:accepted", fields] {
        let filter = SampleFilter {
            condition: parse(text).unwrap(),
            ..all.clone()
        };
        for sort in sorts() {
            let whole = window(store, &filter, sort, Place::Row(0), 100).await;
            for (at, sample) in whole.iter().enumerate() {
                let here = place(sample);
                let told = format!("{text} {sort:?} {at}");
                assert_eq!(
                    store.rank(&filter, sort, here).await.unwrap(),
                    Some(at as u64),
                    "{told}"
                );
                let after = window(store, &filter, sort, Place::After(here), 3).await;
                let end = (at + 4).min(whole.len());
                assert_eq!(ids(&after), ids(&whole[at + 1..end]), "after {told}");
                let before = window(store, &filter, sort, Place::Before(here), 3).await;
                assert_eq!(
                    ids(&before),
                    ids(&whole[at.saturating_sub(3)..at]),
                    "before {told}"
                );
                let rows = window(store, &filter, sort, Place::Row(at as u64), 2).await;
                assert_eq!(
                    ids(&rows),
                    ids(&whole[at..(at + 2).min(whole.len())]),
                    "row {told}"
                );
            }
            let last = window(store, &filter, sort, Place::Last, 4).await;
            assert_eq!(ids(&last), ids(&whole[whole.len().saturating_sub(4)..]));
        }
    }
    let none = SampleFilter {
        condition: parse("status:pending").unwrap(),
        ..all
    };
    let rejected = SampleId::of("windows", 1, 0);
    let wanted = SampleFilter {
        ids: vec![rejected],
        ..SampleFilter::default()
    };
    let found = window(store, &wanted, Sort::default(), Place::Row(0), 1).await;
    assert_eq!(
        store
            .rank(&none, Sort::default(), place(&found[0]))
            .await
            .unwrap(),
        None
    );
}
