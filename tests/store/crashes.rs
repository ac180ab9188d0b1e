//! Lives and deaths of a process over every ledger: many random crashes lose nobody, and a task that ends the process every time is
//! found after a handful.

use std::time::Duration;

use destilation::core::job::JobId;
use destilation::core::ports::Store;
use destilation::core::sample::SampleState;
use destilation::core::task::{Leased, RequestState, TaskState, Transition};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::support::*;

on_every_ledger! {
    two_hundred_random_kills_lose_nobody
    a_task_that_kills_is_found_after_a_handful_of_crashes_and_nobody_else
    who_runs_alone_is_alone_in_the_whole_ledger
}

/// Tasks in flight at once.
const AT_ONCE: usize = 32;

/// How a life of the process ended.
#[derive(Debug, PartialEq)]
enum End {
    Killed,
    Done,
}

/// One life: claims, asks and settles until it is killed, by itself after so many steps, or by that task whenever it is in flight.
async fn live(store: &dyn Store, id: JobId, rng: &mut ChaCha8Rng, steps: u32, killer: Option<u64>) -> End {
    let mut hands: Vec<(Leased, destilation::core::task::RequestId)> = Vec::new();
    for _ in 0..steps {
        let room = AT_ONCE - hands.len();
        for leased in store.claim(id, room).await.unwrap() {
            let begun = store.begin(leased.lease, request(1), Vec::new()).await.unwrap();
            hands.push((leased, begun));
        }
        if hands
            .iter()
            .any(|(leased, _)| Some(leased.lease.task.index) == killer)
        {
            return End::Killed;
        }
        if hands.is_empty() {
            assert_eq!(store.next_due(id).await.unwrap(), None);
            return End::Done;
        }
        let (leased, begun) = hands.swap_remove(rng.random_range(0..hands.len()));
        store.record(leased.lease, begun, &response("yes")).await.unwrap();
        let made = sample("lives", leased.lease, 0, SampleState::Accepted);
        let transition = Transition::Finish { samples: vec![made] };
        let done = vec![closed(begun, RequestState::Settled)];
        store.settle(leased.lease, transition, done).await.unwrap();
    }
    End::Killed
}

async fn two_hundred_random_kills_lose_nobody(store: &dyn Store) {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut kills = 0;
    for round in 0.. {
        let id = job(store, &format!("round {round}"), 400).await;
        loop {
            let steps = rng.random_range(1..100);
            let end = live(store, id, &mut rng, steps, None).await;
            if end == End::Done {
                break;
            }
            kills += 1;
            store.rescue().await.unwrap();
        }
        let counts = store.counts(id).await.unwrap();
        assert_eq!(
            counts.of(TaskState::Accepted),
            400,
            "after {kills} kills: {counts:?}"
        );
        if kills >= 200 {
            break;
        }
    }
}

async fn a_task_that_kills_is_found_after_a_handful_of_crashes_and_nobody_else(store: &dyn Store) {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let id = job(store, "lives", 200).await;
    let mut crashes = 0;
    while live(store, id, &mut rng, u32::MAX, Some(17)).await == End::Killed {
        crashes += 1;
        store.rescue().await.unwrap();
    }
    let counts = store.counts(id).await.unwrap();
    assert_eq!(
        (counts.of(TaskState::Accepted), counts.of(TaskState::Failed)),
        (199, 1)
    );
    let failures = store.totals(id).await.unwrap().failures;
    assert_eq!(failures, [("quarantined".to_owned(), 1)]);
    assert!(crashes <= 6, "{crashes} crashes");
}

async fn who_runs_alone_is_alone_in_the_whole_ledger(store: &dyn Store) {
    let suspect = job(store, "suspect", 1).await;
    let lease = store.claim(suspect, 1).await.unwrap()[0].lease;
    store.begin(lease, request(1), Vec::new()).await.unwrap();
    store.rescue().await.unwrap();

    let others = job(store, "others", 3).await;
    let busy = store.claim(others, 1).await.unwrap();
    assert!(
        store.claim(suspect, 1).await.unwrap().is_empty(),
        "others are in flight"
    );
    assert!(
        store.claim(others, 1).await.unwrap().is_empty(),
        "one waits to be alone"
    );
    let soon = Some(Duration::from_millis(100));
    assert_eq!(store.next_due(suspect).await.unwrap(), soon);
    assert_eq!(store.next_due(others).await.unwrap(), soon);

    finish(store, "others", &busy[0], SampleState::Accepted, None).await;
    let alone = store.claim(suspect, 5).await.unwrap();
    assert_eq!(alone.len(), 1);
    assert!(store.claim(others, 1).await.unwrap().is_empty(), "one is alone");
    finish(store, "suspect", &alone[0], SampleState::Accepted, None).await;
    assert_eq!(store.claim(others, 5).await.unwrap().len(), 2);
}
