//! Leases: who may have a task, for how long, and what becomes of it when its holder dies.

use std::time::Duration;

use destilation::core::budget::Money;
use destilation::core::ports::{Store, StoreError};
use destilation::core::sample::SampleState;
use destilation::core::task::{Closed, Lease, RequestState, TaskId, TaskState, Transition};

use super::support::*;

on_every_ledger! {
    claims_go_by_place_and_tokens_grow
    what_is_due_comes_first_and_what_waits_stays
    a_stale_lease_changes_nothing
    a_refusal_gives_everything_back
    attempts_left_behind_are_lost
    what_may_have_been_charged_counts_by_its_estimate
    a_crash_gives_leases_back_and_keeps_answers
    three_crashes_alone_are_quarantine
    a_task_merely_taken_does_not_crash
}

async fn claims_go_by_place_and_tokens_grow(store: &dyn Store) {
    let id = job(store, "claims", 5).await;
    let first = store.claim(id, 3).await.unwrap();
    let places: Vec<u64> = first.iter().map(|leased| leased.lease.task.index).collect();
    assert_eq!(places, [0, 1, 2]);
    assert_eq!(first[1].seed, task(1).seed);
    assert_eq!(first[1].vary, task(1).vary);
    assert!(
        first
            .windows(2)
            .all(|pair| pair[0].lease.token < pair[1].lease.token)
    );

    store
        .settle(first[0].lease, Transition::Release, Vec::new())
        .await
        .unwrap();
    let second = store.claim(id, 10).await.unwrap();
    let places: Vec<u64> = second.iter().map(|leased| leased.lease.task.index).collect();
    assert_eq!(places, [0, 3, 4]);
    assert!(second[0].lease.token > first[2].lease.token);
    assert!(store.claim(id, 10).await.unwrap().is_empty());
}

async fn what_is_due_comes_first_and_what_waits_stays(store: &dyn Store) {
    let id = job(store, "waits", 4).await;
    let leased = store.claim(id, 3).await.unwrap();
    let hour = Duration::from_hours(1);
    let waits = [
        Transition::Snooze {
            after: hour,
            cause: "limited".to_owned(),
        },
        Transition::Retry {
            after: hour,
            error: "later".to_owned(),
        },
        Transition::Retry {
            after: Duration::ZERO,
            error: "now".to_owned(),
        },
    ];
    for (leased, transition) in leased.iter().zip(waits) {
        store.settle(leased.lease, transition, Vec::new()).await.unwrap();
    }
    assert_eq!(store.next_due(id).await.unwrap(), Some(Duration::ZERO));
    let one = store.claim(id, 1).await.unwrap();
    assert_eq!(one[0].lease.task.index, 2);
    let due = store.next_due(id).await.unwrap().unwrap();
    assert!(due > Duration::from_secs(3500) && due <= hour);
    let rest = store.claim(id, 10).await.unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].lease.task.index, 3);
    let counts = store.counts(id).await.unwrap();
    assert_eq!(
        (counts.of(TaskState::Snoozed), counts.of(TaskState::RetryWait)),
        (1, 1)
    );
}

async fn a_stale_lease_changes_nothing(store: &dyn Store) {
    let id = job(store, "fenced", 1).await;
    let old = store.claim(id, 1).await.unwrap()[0].lease;
    let begun = store.begin(old, request(1), Vec::new()).await.unwrap();
    store.rescue().await.unwrap();
    let new = store.claim(id, 1).await.unwrap()[0].lease;
    let (counts, totals) = (store.counts(id).await, store.totals(id).await);

    assert_eq!(
        store.begin(old, request(2), Vec::new()).await,
        Err(StoreError::Fenced)
    );
    assert_eq!(
        store.record(old, begun, &response("late")).await,
        Err(StoreError::Fenced)
    );
    let transition = Transition::Finish {
        samples: vec![sample("fenced", old, 0, SampleState::Accepted)],
    };
    let late = vec![closed(begun, RequestState::Settled)];
    assert_eq!(store.settle(old, transition, late).await, Err(StoreError::Fenced));
    assert_eq!((store.counts(id).await, store.totals(id).await), (counts, totals));
    assert!(all_samples(store, id).await.is_empty());

    store.settle(new, Transition::Release, Vec::new()).await.unwrap();
    assert_eq!(
        store.settle(new, Transition::Release, Vec::new()).await,
        Err(StoreError::Fenced)
    );
}

async fn a_refusal_gives_everything_back(store: &dyn Store) {
    let id = job(store, "refused", 1).await;
    let lease = store.claim(id, 1).await.unwrap()[0].lease;
    let first = store.begin(lease, request(1), Vec::new()).await.unwrap();
    assert_eq!(store.totals(id).await.unwrap().sent, 1);
    let refused = vec![closed(first, RequestState::Refused)];
    let second = store.begin(lease, request(2), refused).await.unwrap();
    let totals = store.totals(id).await.unwrap();
    assert_eq!((totals.sent, totals.retried), (1, 1));
    let failed = vec![
        closed(second, RequestState::Failed),
        closed(first, RequestState::Failed),
    ];
    let wait = Transition::Snooze {
        after: Duration::ZERO,
        cause: String::new(),
    };
    store.settle(lease, wait, failed).await.unwrap();
    let totals = store.totals(id).await.unwrap();
    assert_eq!((totals.settled.requests, totals.settled.usd), (1, Money(0)));
    let states: Vec<RequestState> = store
        .requests_of(lease.task)
        .await
        .unwrap()
        .iter()
        .map(|row| row.state)
        .collect();
    assert_eq!(states, [RequestState::Refused, RequestState::Failed]);
}

async fn attempts_left_behind_are_lost(store: &dyn Store) {
    let id = job(store, "left", 1).await;
    let lease = store.claim(id, 1).await.unwrap()[0].lease;
    let unanswered = store.begin(lease, request(1), Vec::new()).await.unwrap();
    let answered = store.begin(lease, request(1), Vec::new()).await.unwrap();
    store.record(lease, answered, &response("kept")).await.unwrap();
    store
        .settle(lease, Transition::Release, Vec::new())
        .await
        .unwrap();

    let history = &store.claim(id, 1).await.unwrap()[0].history;
    assert_eq!(
        (history[0].id, history[0].state),
        (unanswered, RequestState::Lost)
    );
    assert_eq!(
        (history[1].id, history[1].state),
        (answered, RequestState::Answered)
    );
    assert_eq!(history[1].response, Some(response("kept")));
    let totals = store.totals(id).await.unwrap();
    let both = ESTIMATE.plus(ESTIMATE);
    assert_eq!(
        (totals.uncertain, totals.maybe_billed),
        (both, 1),
        "what the kept answer took is not known before it is read"
    );
    assert_eq!(store.spent_at("mock").await.unwrap(), both);
    assert_eq!(history[1].estimate, ESTIMATE);

    // Reading it replaces the estimate.
    let lease = Lease {
        task: TaskId { job: id, index: 0 },
        token: 2,
    };
    let read = vec![closed(answered, RequestState::Settled)];
    store.settle(lease, Transition::Release, read).await.unwrap();
    let totals = store.totals(id).await.unwrap();
    assert_eq!((totals.uncertain, totals.settled.usd), (ESTIMATE, Money(60)));
    assert_eq!(store.spent_at("mock").await.unwrap().usd, Money(160));
    assert_eq!(store.spent_today().await.unwrap().usd, Money(160));
}

/// A cap has to hold for it after a restart, too: what the purse counted while the job ran, the ledger has to count.
async fn what_may_have_been_charged_counts_by_its_estimate(store: &dyn Store) {
    let id = job(store, "unsure", 1).await;
    let lease = store.claim(id, 1).await.unwrap()[0].lease;
    let mut ends = Vec::new();
    // Broken after it was sent; the same where waiting is the remedy; and one whose price the wire told, more than was set aside.
    for (state, cost) in [
        (RequestState::Failed, 0),
        (RequestState::Refused, 0),
        (RequestState::Failed, 130),
    ] {
        let request = store
            .begin(lease, request(1), std::mem::take(&mut ends))
            .await
            .unwrap();
        ends.push(Closed {
            maybe_billed: true,
            cost: Money(cost),
            ..closed(request, state)
        });
    }
    let wait = Transition::Retry {
        after: Duration::ZERO,
        error: "it broke".to_owned(),
    };
    store.settle(lease, wait, ends).await.unwrap();
    let totals = store.totals(id).await.unwrap();
    assert_eq!((totals.settled.usd, totals.settled.requests), (Money(130), 2));
    assert_eq!((totals.uncertain.usd, totals.uncertain.requests), (Money(200), 1));
    assert_eq!((totals.uncertain.tokens, totals.maybe_billed), (150, 3));
    let taken = totals.settled.plus(totals.uncertain);
    assert_eq!(store.spent_at("mock").await.unwrap(), taken);
    assert_eq!(store.spent_today().await.unwrap(), taken);
    store.delete(id).await.unwrap();
    assert_eq!(store.spent_at("mock").await.unwrap(), taken);
}

async fn a_crash_gives_leases_back_and_keeps_answers(store: &dyn Store) {
    let id = job(store, "crash", 3).await;
    let leased = store.claim(id, 2).await.unwrap();
    let answered = store
        .begin(leased[0].lease, request(1), Vec::new())
        .await
        .unwrap();
    store
        .record(leased[0].lease, answered, &response("paid"))
        .await
        .unwrap();
    store
        .record(leased[0].lease, answered, &response("twice"))
        .await
        .unwrap();
    store
        .begin(leased[1].lease, request(1), Vec::new())
        .await
        .unwrap();
    assert_eq!(store.rescue().await, Ok(2));

    let again = store.claim(id, 2).await.unwrap();
    assert_eq!(again[0].history[0].response, Some(response("paid")));
    assert_eq!(again[1].history[0].state, RequestState::Lost);
    // The answer is used again, and settled by the new lease.
    let made = vec![sample("crash", again[0].lease, 0, SampleState::Accepted)];
    let done = vec![closed(answered, RequestState::Settled)];
    store
        .settle(again[0].lease, Transition::Finish { samples: made }, done)
        .await
        .unwrap();
    let totals = store.totals(id).await.unwrap();
    assert_eq!(
        (totals.settled.requests, totals.uncertain.requests, totals.sent),
        (1, 1, 2)
    );
}

async fn three_crashes_alone_are_quarantine(store: &dyn Store) {
    let id = job(store, "poison", 1).await;
    for crash in 1..=3 {
        let lease = store.claim(id, 1).await.unwrap()[0].lease;
        let begun = store.begin(lease, request(crash), Vec::new()).await.unwrap();
        store.record(lease, begun, &response("poison")).await.unwrap();
        assert_eq!(store.rescue().await, Ok(1));
    }
    assert_eq!(store.counts(id).await.unwrap().of(TaskState::Failed), 1);
    assert_eq!(
        store.totals(id).await.unwrap().failures,
        [("quarantined".to_owned(), 1)]
    );
}

async fn a_task_merely_taken_does_not_crash(store: &dyn Store) {
    let id = job(store, "innocent", 1).await;
    for _ in 0..5 {
        store.claim(id, 1).await.unwrap();
        store.rescue().await.unwrap();
    }
    for crash in 1..=4 {
        let lease = store.claim(id, 1).await.unwrap()[0].lease;
        store.begin(lease, request(crash), Vec::new()).await.unwrap();
        store.rescue().await.unwrap();
        let lease = store.claim(id, 1).await.unwrap()[0].lease;
        // Whoever leaves a lease properly starts counting anew.
        store
            .settle(lease, Transition::Release, Vec::new())
            .await
            .unwrap();
    }
    assert_eq!(store.counts(id).await.unwrap().of(TaskState::Pending), 1);
}
