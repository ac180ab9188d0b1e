//! What every ledger does with samples: duplicates, decisions by persons, filters and pages.

use destilation::core::filter::parse::parse;
use destilation::core::ports::{Decided, Rejudgement, SampleFilter, SampleOrder, Store, StoreError};
use destilation::core::sample::{Decision, Reason, Sample, SampleId, SampleState, Verdict};
use destilation::core::task::{TaskState, Transition};

use super::support::*;

on_every_ledger! {
    an_exact_duplicate_is_rejected_by_the_ledger
    keys_are_unique_within_a_job_only
    candidates_decide_their_task
    a_person_accepts_rejects_edits_and_takes_back
    a_person_may_accept_a_duplicate
    samples_are_filtered_and_paged
    new_verdicts_change_samples_tasks_and_keys_but_nothing_a_person_decided
}

async fn an_exact_duplicate_is_rejected_by_the_ledger(store: &dyn Store) {
    let id = job(store, "twins", 8).await;
    let key = Some([3; 16]);
    let leased = store.claim(id, 8).await.unwrap();
    let settling = leased
        .iter()
        .map(|leased| finish(store, "twins", leased, SampleState::Accepted, key));
    let settled = futures::future::join_all(settling).await;
    let accepted = settled
        .iter()
        .filter(|settled| settled.state == TaskState::Accepted)
        .count();
    assert_eq!(accepted, 1);

    let holder = store.sample_with_key(id, [3; 16]).await.unwrap().unwrap();
    for sample in all_samples(store, id).await {
        if sample.id == holder {
            assert_eq!((sample.state, sample.verdicts.len()), (SampleState::Accepted, 1));
            continue;
        }
        assert_eq!(sample.reason, Some(Reason::ExactDuplicate));
        let verdict = sample.verdicts.last().unwrap();
        assert_eq!(
            (verdict.validator.as_str(), verdict.decision),
            ("dedup", Decision::Reject)
        );
        assert_eq!(verdict.evidence.as_ref(), Some(&holder.0));
    }
    let totals = store.totals(id).await.unwrap();
    assert_eq!(totals.reasons, [(Reason::ExactDuplicate, 7)]);
    assert_eq!(store.sample_with_key(id, [4; 16]).await.unwrap(), None);
}

async fn keys_are_unique_within_a_job_only(store: &dyn Store) {
    for name in ["one", "two"] {
        let id = job(store, name, 1).await;
        let leased = store.claim(id, 1).await.unwrap();
        let settled = finish(store, name, &leased[0], SampleState::Accepted, Some([9; 16])).await;
        assert_eq!(settled.state, TaskState::Accepted);
    }
}

async fn candidates_decide_their_task(store: &dyn Store) {
    use SampleState::{Accepted, NeedsReview, Rejected};
    let id = job(store, "many", 3).await;
    let cases = [
        (vec![Rejected, NeedsReview, Accepted], TaskState::Accepted),
        (vec![Rejected, NeedsReview], TaskState::NeedsReview),
        (vec![Rejected, Rejected], TaskState::Rejected),
    ];
    for (states, expected) in cases {
        let lease = store.claim(id, 1).await.unwrap()[0].lease;
        let made = (0..)
            .zip(&states)
            .map(|(n, state)| sample("many", lease, n, *state))
            .collect();
        let settled = store
            .settle(lease, Transition::Finish { samples: made }, Vec::new())
            .await
            .unwrap();
        assert_eq!((settled.state, settled.samples.len()), (expected, states.len()));
    }
    let counts = store.counts(id).await.unwrap();
    assert_eq!((counts.pending(), counts.open()), (1, 0));
    assert_eq!(store.totals(id).await.unwrap().samples, [1, 4, 2]);
}

async fn a_person_accepts_rejects_edits_and_takes_back(store: &dyn Store) {
    let id = job(store, "review", 1).await;
    let leased = store.claim(id, 1).await.unwrap();
    finish(store, "review", &leased[0], SampleState::NeedsReview, None).await;
    let sample = SampleId::of("review", 0, 0);
    let unknown = store.decide(&SampleId::of("review", 1, 0), Decided::Accept).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))));
    assert_eq!(store.decide(&sample, Decided::Undo).await, Ok(None));

    let review = store.decide(&sample, Decided::Accept).await.unwrap().unwrap();
    assert_eq!(
        (review.action.as_str(), review.before),
        ("accepted", SampleState::NeedsReview)
    );
    let first = all_samples(store, id).await.remove(0);
    assert_eq!(
        (first.state, first.review),
        (SampleState::Accepted, Some(review.clone()))
    );
    assert_eq!(store.counts(id).await.unwrap().of(TaskState::Accepted), 1);

    let note = Some("dull".to_owned());
    store
        .decide(&sample, Decided::Reject { note: note.clone() })
        .await
        .unwrap();
    let rejected = all_samples(store, id).await.remove(0);
    assert_eq!((rejected.reason, rejected.seq), (Some(Reason::ByHand), None));
    assert_eq!(rejected.review.unwrap().note, note);
    assert_eq!(store.counts(id).await.unwrap().of(TaskState::Rejected), 1);

    let steps = vec![answer("Better")];
    store.decide(&sample, Decided::Edit { steps }).await.unwrap();
    let edited = all_samples(store, id).await.remove(0);
    assert_eq!(
        (edited.state, edited.steps[0].text.as_str()),
        (SampleState::Accepted, "Better")
    );
    assert!(edited.seq > first.seq, "it enters the dataset at a new place");

    let back = store.decide(&sample, Decided::Undo).await.unwrap().unwrap();
    assert_eq!(back.action, "rejected");
    assert_eq!(store.decide(&sample, Decided::Undo).await, Ok(Some(review)));
    assert_eq!(store.decide(&sample, Decided::Undo).await, Ok(None));
    let last = all_samples(store, id).await.remove(0);
    assert_eq!(
        (last.state, last.seq, last.review),
        (SampleState::NeedsReview, None, None)
    );
    assert_eq!(last.steps[0].text, "Answer 0 of 0");
    assert_eq!(store.counts(id).await.unwrap().of(TaskState::NeedsReview), 1);
}

async fn a_person_may_accept_a_duplicate(store: &dyn Store) {
    let id = job(store, "overrule", 3).await;
    let leased = store.claim(id, 3).await.unwrap();
    let key = Some([1; 16]);
    finish(store, "overrule", &leased[0], SampleState::Accepted, key).await;
    finish(store, "overrule", &leased[1], SampleState::Accepted, key).await;
    finish(store, "overrule", &leased[2], SampleState::NeedsReview, key).await;
    for place in [1, 2] {
        let sample = SampleId::of("overrule", place, 0);
        store.decide(&sample, Decided::Accept).await.unwrap();
    }
    assert_eq!(store.totals(id).await.unwrap().samples, [3, 0, 0]);
    let first = SampleId::of("overrule", 0, 0);
    assert_eq!(
        store.sample_with_key(id, [1; 16]).await.unwrap(),
        Some(first.clone())
    );
    // Taken out by hand, the key is free.
    store
        .decide(&first, Decided::Reject { note: None })
        .await
        .unwrap();
    assert_eq!(store.sample_with_key(id, [1; 16]).await.unwrap(), None);
}

async fn samples_are_filtered_and_paged(store: &dyn Store) {
    let id = job(store, "pages", 6).await;
    let other = job(store, "others", 1).await;
    let leased = store.claim(other, 1).await.unwrap();
    finish(store, "others", &leased[0], SampleState::Accepted, None).await;
    let mut leased = store.claim(id, 6).await.unwrap();
    leased.reverse();
    for (n, leased) in leased.iter().enumerate() {
        let state = if n % 3 == 0 {
            SampleState::Rejected
        } else {
            SampleState::Accepted
        };
        finish(store, "pages", leased, state, None).await;
    }
    let all = SampleFilter {
        job: Some(id),
        ..SampleFilter::default()
    };
    let first = store
        .samples(&all, SampleOrder::Plan { after: None }, 4)
        .await
        .unwrap();
    let places: Vec<u64> = first.iter().map(|sample| sample.task.index).collect();
    assert_eq!(places, [0, 1, 2, 3]);
    let rest = store
        .samples(&all, SampleOrder::Plan { after: Some((3, 0)) }, 4)
        .await
        .unwrap();
    assert_eq!(rest.len(), 2);

    let accepted = store
        .samples(&all, SampleOrder::Accepted { after: 0 }, 10)
        .await
        .unwrap();
    let places: Vec<u64> = accepted.iter().map(|sample| sample.task.index).collect();
    assert_eq!(places, [4, 3, 1, 0]);
    let after = accepted[1].seq.unwrap();
    let later = store
        .samples(&all, SampleOrder::Accepted { after }, 10)
        .await
        .unwrap();
    assert_eq!(later, accepted[2..]);

    let counted = async |filter: SampleFilter| store.count_samples(&filter).await.unwrap();
    let asked = |text: &str| SampleFilter {
        condition: parse(text).unwrap(),
        ..all.clone()
    };
    let rejected = SampleFilter {
        states: vec![SampleState::Rejected],
        ..all.clone()
    };
    assert_eq!(counted(rejected).await, 2);
    let cases = [
        ("reason:length,judge", 2),
        ("teacher:mock/small", 6),
        ("teacher:nobody", 0),
        ("\"ANSWER 3 OF\"", 1),
        ("\"question 2\"", 1),
        ("%", 0),
        ("teacher", 0),
    ];
    for (text, expected) in cases {
        assert_eq!(counted(asked(text)).await, expected, "{text}");
    }
    let ids = vec![SampleId::of("pages", 2, 0), SampleId::of("others", 0, 0)];
    let both = SampleFilter {
        ids,
        ..SampleFilter::default()
    };
    assert_eq!(counted(both.clone()).await, 2);
    let one = SampleFilter {
        job: Some(id),
        ..both
    };
    assert_eq!(counted(one).await, 1);
}

async fn new_verdicts_change_samples_tasks_and_keys_but_nothing_a_person_decided(store: &dyn Store) {
    let id = job(store, "again", 4).await;
    let leased = store.claim(id, 4).await.unwrap();
    finish(store, "again", &leased[0], SampleState::Accepted, Some([1; 16])).await;
    finish(store, "again", &leased[1], SampleState::Rejected, Some([1; 16])).await;
    finish(store, "again", &leased[2], SampleState::NeedsReview, None).await;
    finish(store, "again", &leased[3], SampleState::Accepted, Some([2; 16])).await;
    let before = all_samples(store, id).await;
    store.decide(&before[3].id, Decided::Accept).await.unwrap();
    let again = |sample: &Sample, state, reason: Option<Reason>, key| Rejudgement {
        sample: sample.id.clone(),
        state,
        reason,
        verdicts: vec![Verdict::accept("again")],
        dedup_key: key,
    };
    let too_long = Some(Reason::Length);
    let judged = vec![
        again(&before[0], SampleState::Rejected, too_long, Some([1; 16])),
        again(&before[1], SampleState::Accepted, None, Some([1; 16])),
        again(&before[2], SampleState::Accepted, None, Some([7; 16])),
        again(&before[3], SampleState::Rejected, too_long, None),
    ];
    assert_eq!(store.rejudge(judged.clone()).await, Ok(3));
    let after = all_samples(store, id).await;
    let states: Vec<_> = after.iter().map(|sample| (sample.state, sample.reason)).collect();
    assert_eq!(
        states,
        [
            (SampleState::Rejected, too_long),
            (SampleState::Accepted, None),
            (SampleState::Accepted, None),
            (SampleState::Accepted, None),
        ]
    );
    assert_eq!(after[0].seq, None);
    assert!(
        after[2].seq > after[1].seq && after[1].seq > after[3].seq,
        "they enter at the end"
    );
    assert_eq!(after[1].verdicts, [Verdict::accept("again")]);
    let counts = store.counts(id).await.unwrap();
    assert_eq!(
        (counts.of(TaskState::Accepted), counts.of(TaskState::Rejected)),
        (3, 1)
    );
    let holder = |key| store.sample_with_key(id, key);
    assert_eq!(holder([1; 16]).await.unwrap().as_ref(), Some(&after[1].id));
    assert_eq!(holder([7; 16]).await.unwrap().as_ref(), Some(&after[2].id));
    let totals = store.totals(id).await.unwrap();
    assert_eq!(
        (totals.samples, totals.reasons.clone()),
        ([3, 1, 0], vec![(Reason::Length, 1)])
    );
    // Twice is once.
    assert_eq!(store.rejudge(judged).await, Ok(3));
    assert_eq!(all_samples(store, id).await, after);
    let unknown = again(&before[0], SampleState::Accepted, None, None);
    let unknown = Rejudgement {
        sample: SampleId("00".repeat(16)),
        ..unknown
    };
    assert!(matches!(
        store.rejudge(vec![unknown]).await,
        Err(StoreError::NotFound(_))
    ));
}
