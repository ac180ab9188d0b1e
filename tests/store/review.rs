//! What every ledger does with reviewing: queues outlive their makers, a word and its decision are one, and an undo knows its own.

use destilation::core::ports::{Decided, SampleFilter, Store, StoreError};
use destilation::core::review::{NewItem, NewQueue, Outcome, QueueId, QueueKind, QueueSpec, Said, Word};
use destilation::core::sample::{Reason, SampleId, SampleState};

use super::support::*;

on_every_ledger! {
    a_queue_goes_on_where_it_was_left
    a_word_and_its_decision_are_one
    an_undo_takes_back_only_its_own
    a_reason_may_come_later
    the_journal_and_the_queue_agree
    pairs_and_second_looks_are_kept
    outlines_come_in_pages_and_tell_what_choosing_needs
    flags_are_put_and_taken_away
    a_deleted_job_leaves_the_queues
}

/// A job with so many samples that wait for a person.
async fn waiting(store: &dyn Store, name: &str, many: u64) -> Vec<SampleId> {
    let id = job(store, name, many).await;
    for leased in store.claim(id, many as usize).await.unwrap() {
        finish(store, name, &leased, SampleState::NeedsReview, None).await;
    }
    (0..many).map(|index| SampleId::of(name, index, 0)).collect()
}

fn item(sample: &SampleId) -> NewItem {
    NewItem {
        sample: sample.clone(),
        other: None,
        repeat: false,
        swapped: false,
    }
}

async fn open(store: &dyn Store, items: Vec<NewItem>) -> QueueId {
    let spec = QueueSpec {
        kind: QueueKind::Decide,
        job: "some".to_owned(),
        title: "needs review, plan order".to_owned(),
        blind: true,
        guideline: "Be kind.".to_owned(),
        sources: None,
    };
    store.open_queue(&NewQueue { spec, items }).await.unwrap()
}

fn said(outcome: Outcome) -> Said {
    Said {
        word: Word {
            outcome,
            reason: None,
            took_ms: 1234,
            blind: true,
            machine: Some(true),
            at_ms: 0,
        },
        decided: match outcome {
            Outcome::Accepted => Some(Decided::Accept),
            Outcome::Rejected => Some(Decided::Reject { note: None }),
            _ => None,
        },
    }
}

async fn state(store: &dyn Store, sample: &SampleId) -> SampleState {
    let filter = SampleFilter {
        ids: vec![sample.clone()],
        ..SampleFilter::default()
    };
    let order = destilation::core::ports::SampleOrder::Plan { after: None };
    store.samples(&filter, order, 1).await.unwrap()[0].state
}

async fn a_queue_goes_on_where_it_was_left(store: &dyn Store) {
    let samples = waiting(store, "left", 4).await;
    let mut items: Vec<NewItem> = samples.iter().map(item).collect();
    items.push(item(&SampleId::of("nobody", 0, 0)));
    let queue = open(store, items).await;
    for place in [0, 1, 3] {
        store.say(queue, place, said(Outcome::Skipped)).await.unwrap();
    }
    let found = store.queues().await.unwrap();
    assert_eq!(
        (found[0].id, found[0].size, found[0].done, found[0].next),
        (queue, 4, 3, 2)
    );
    assert_eq!(found[0].spec.guideline, "Be kind.");
    let places = store.queue_items(queue, 1, 2).await.unwrap();
    assert_eq!(places.iter().map(|place| place.place).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(places[0].word.as_ref().map(|word| word.took_ms), Some(1234));
    assert_eq!(places[1].word, None);
    assert_eq!(store.said_today().await, Ok(3));
    store.say(queue, 2, said(Outcome::Skipped)).await.unwrap();
    assert_eq!(store.queues().await.unwrap()[0].next, 4);
    let second = open(store, vec![item(&samples[0])]).await;
    let ids: Vec<QueueId> = store
        .queues()
        .await
        .unwrap()
        .iter()
        .map(|queue| queue.id)
        .collect();
    assert_eq!(ids, [second, queue]);
    let missing = store.queue_items(QueueId(99), 0, 1).await;
    assert!(matches!(missing, Err(StoreError::NotFound(_))));
}

async fn a_word_and_its_decision_are_one(store: &dyn Store) {
    let samples = waiting(store, "one", 2).await;
    let queue = open(store, samples.iter().map(item).collect()).await;
    store.say(queue, 0, said(Outcome::Accepted)).await.unwrap();
    assert_eq!(state(store, &samples[0]).await, SampleState::Accepted);
    let twice = store.say(queue, 0, said(Outcome::Rejected)).await;
    assert!(matches!(twice, Err(StoreError::Broken(_))));
    assert_eq!(state(store, &samples[0]).await, SampleState::Accepted);
    let nowhere = store.say(queue, 7, said(Outcome::Rejected)).await;
    assert!(matches!(nowhere, Err(StoreError::NotFound(_))));

    store.unsay(queue, 0).await.unwrap();
    store.unsay(queue, 0).await.unwrap();
    assert_eq!(state(store, &samples[0]).await, SampleState::NeedsReview);
    assert_eq!(store.queue_items(queue, 0, 1).await.unwrap()[0].word, None);
    store.say(queue, 0, said(Outcome::Rejected)).await.unwrap();
    assert_eq!(state(store, &samples[0]).await, SampleState::Rejected);
}

async fn an_undo_takes_back_only_its_own(store: &dyn Store) {
    let samples = waiting(store, "own", 2).await;
    let queue = open(store, samples.iter().map(item).collect()).await;
    store.say(queue, 0, said(Outcome::Accepted)).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    store
        .decide(&samples[0], Decided::Reject { note: None })
        .await
        .unwrap();
    store.unsay(queue, 0).await.unwrap();
    assert_eq!(
        state(store, &samples[0]).await,
        SampleState::Rejected,
        "decided elsewhere since"
    );
    store.decide(&samples[1], Decided::Accept).await.unwrap();
    store.say(queue, 1, said(Outcome::Skipped)).await.unwrap();
    store.unsay(queue, 1).await.unwrap();
    assert_eq!(
        state(store, &samples[1]).await,
        SampleState::Accepted,
        "a skip decided nothing"
    );
}

async fn a_reason_may_come_later(store: &dyn Store) {
    let samples = waiting(store, "why", 2).await;
    let queue = open(store, samples.iter().map(item).collect()).await;
    store.because(queue, 0, "style").await.unwrap();
    store.say(queue, 0, said(Outcome::Rejected)).await.unwrap();
    store.because(queue, 0, "too easy").await.unwrap();
    let place = store.queue_items(queue, 0, 1).await.unwrap().remove(0);
    assert_eq!(place.word.unwrap().reason.as_deref(), Some("too easy"));
    let job = store.job("why").await.unwrap().id;
    let sample = all_samples(store, job).await.remove(0);
    assert_eq!(sample.reason, Some(Reason::ByHand));
    assert_eq!(sample.review.unwrap().note.as_deref(), Some("too easy"));
}

/// Everything a word changes: the sample whole, its task's state, and the place.
async fn stand(store: &dyn Store, name: &str, queue: QueueId) -> String {
    let job = store.job(name).await.unwrap().id;
    let mut samples = all_samples(store, job).await;
    for sample in &mut samples {
        sample.review.iter_mut().for_each(|review| review.at_ms = 0);
        // Done again, it takes a new place in the dataset.
        sample.seq = sample.seq.map(|_| 0);
    }
    let mut places = store.queue_items(queue, 0, 99).await.unwrap();
    for place in &mut places {
        place.word.iter_mut().for_each(|word| word.at_ms = 0);
    }
    let counts = store.counts(job).await.unwrap();
    format!("{samples:?} {counts:?} {places:?}")
}

async fn the_journal_and_the_queue_agree(store: &dyn Store) {
    let samples = waiting(store, "agree", 3).await;
    let job = store.job("agree").await.unwrap().id;
    let queue = open(store, samples.iter().map(item).collect()).await;
    let mut before = vec![stand(store, "agree", queue).await];
    let edit = Said {
        decided: Some(Decided::Edit {
            steps: vec![answer("better")],
        }),
        ..said(Outcome::Edited)
    };
    for (place, word) in [
        (0, said(Outcome::Accepted)),
        (1, said(Outcome::Rejected)),
        (2, edit),
    ] {
        store.say(queue, place, word).await.unwrap();
        before.push(stand(store, "agree", queue).await);
    }
    store.because(queue, 1, "style").await.unwrap();
    before[2] = {
        store.unsay(queue, 2).await.unwrap();
        stand(store, "agree", queue).await
    };
    let entries = store.journal(Some(job), 9).await.unwrap();
    let told: Vec<(&str, bool)> = entries
        .iter()
        .map(|entry| (entry.label.as_str(), entry.undone.is_some()))
        .collect();
    assert_eq!(
        told,
        [
            ("edited 1 sample", true),
            ("rejected 1 sample · style", false),
            ("accepted 1 sample", false)
        ]
    );

    // The journal takes back what the queue said, word and all.
    store.revert(entries[1].id, false).await.unwrap();
    assert_eq!(stand(store, "agree", queue).await, before[1]);
    store.revert(entries[2].id, false).await.unwrap();
    assert_eq!(stand(store, "agree", queue).await, before[0]);
    // And says it again, reason and all.
    store.revert(entries[2].id, true).await.unwrap();
    assert_eq!(stand(store, "agree", queue).await, before[1]);
    store.revert(entries[1].id, true).await.unwrap();
    assert_eq!(stand(store, "agree", queue).await, before[2]);
    assert_eq!(store.conflicts(entries[1].id).await, Ok(0));
    // What was said again the queue can take back as its own.
    store.unsay(queue, 1).await.unwrap();
    assert_eq!(stand(store, "agree", queue).await, before[1]);
    let entries = store.journal(Some(job), 9).await.unwrap();
    assert!(entries[1].undone.is_some() && entries[2].undone.is_none());
    // A word without a decision is nobody's entry, and one said meanwhile stays.
    store.say(queue, 1, said(Outcome::Skipped)).await.unwrap();
    store.revert(entries[1].id, true).await.unwrap();
    let places = store.queue_items(queue, 1, 1).await.unwrap();
    assert_eq!(places[0].word.as_ref().unwrap().outcome, Outcome::Skipped);
    assert_eq!(state(store, &samples[1]).await, SampleState::Rejected);
}

async fn pairs_and_second_looks_are_kept(store: &dyn Store) {
    let samples = waiting(store, "pairs", 3).await;
    let pair = NewItem {
        other: Some(samples[1].clone()),
        swapped: true,
        ..item(&samples[0])
    };
    let lost = NewItem {
        other: Some(SampleId::of("nobody", 0, 0)),
        ..item(&samples[0])
    };
    let again = NewItem {
        repeat: true,
        ..item(&samples[2])
    };
    let queue = open(store, vec![pair.clone(), lost, again.clone()]).await;
    store.say(queue, 0, said(Outcome::First)).await.unwrap();
    let places = store.queue_items(queue, 0, 9).await.unwrap();
    assert_eq!(places.len(), 2, "a pair without its second is none");
    assert_eq!((&places[0].item, &places[1].item), (&pair, &again));
    assert_eq!(places[0].word.as_ref().unwrap().outcome, Outcome::First);
    assert_eq!(state(store, &samples[0]).await, SampleState::NeedsReview);
}

async fn outlines_come_in_pages_and_tell_what_choosing_needs(store: &dyn Store) {
    let samples = waiting(store, "outlined", 5).await;
    waiting(store, "twin", 5).await;
    let id = store.job("outlined").await.unwrap().id;
    let steps = vec![answer("as edited")];
    assert_eq!(store.before_edit(&samples[1]).await, Ok(None));
    store.decide(&samples[1], Decided::Edit { steps }).await.unwrap();
    let before = store.before_edit(&samples[1]).await.unwrap().unwrap();
    assert_eq!(before[0].text, "Answer 1 of 0");
    store.flag(&samples[2], true).await.unwrap();

    let mut seen = Vec::new();
    let (mut after, filter) = (None, SampleFilter::default());
    loop {
        let page = store.outlines(&filter, after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.task, last.candidate));
        seen.extend(page);
    }
    assert_eq!(seen.len(), 10);
    let ours: Vec<_> = seen.iter().filter(|outline| outline.task.job == id).collect();
    let ids: Vec<&SampleId> = ours.iter().map(|outline| &outline.sample).collect();
    assert_eq!(ids, samples.iter().collect::<Vec<_>>());
    assert_eq!(ours[1].reviewed.as_deref(), Some("edited"));
    assert_eq!((ours[2].flagged, ours[3].flagged), (true, false));
    assert!(ours.windows(2).all(|pair| pair[0].made < pair[1].made));
    assert_eq!((ours[0].teacher.as_str(), ours[0].score), (TEACHER, None));
    let twin = seen.iter().find(|outline| outline.task.job != id).unwrap();
    assert_eq!(twin.seed, ours[0].seed, "the same seed is known in another job");
    assert_ne!(ours[1].seed, ours[0].seed);

    let only = SampleFilter {
        job: Some(id),
        states: vec![SampleState::NeedsReview],
        ..SampleFilter::default()
    };
    let rest = store.outlines(&only, Some((ours[2].task, 0)), 9).await.unwrap();
    assert_eq!(rest.len(), 2);
}

async fn flags_are_put_and_taken_away(store: &dyn Store) {
    let samples = waiting(store, "flags", 3).await;
    for at in [0, 2, 2] {
        store.flag(&samples[at], true).await.unwrap();
    }
    assert_eq!(
        store.flagged(&samples).await.unwrap(),
        [samples[0].clone(), samples[2].clone()]
    );
    store.flag(&samples[0], false).await.unwrap();
    assert_eq!(store.flagged(&samples).await.unwrap(), [samples[2].clone()]);
    let nobody = store.flag(&SampleId::of("nobody", 0, 0), true).await;
    assert!(matches!(nobody, Err(StoreError::NotFound(_))));
}

async fn a_deleted_job_leaves_the_queues(store: &dyn Store) {
    let gone = waiting(store, "gone", 2).await;
    let stays = waiting(store, "stays", 1).await;
    let mixed = open(store, gone.iter().chain(&stays).map(item).collect()).await;
    open(store, gone.iter().map(item).collect()).await;
    store.flag(&gone[0], true).await.unwrap();
    let id = store.job("gone").await.unwrap().id;
    store.delete(id).await.unwrap();
    let queues = store.queues().await.unwrap();
    assert_eq!(queues.len(), 1);
    assert_eq!((queues[0].id, queues[0].size, queues[0].next), (mixed, 1, 2));
    assert_eq!(store.queue_items(mixed, 0, 9).await.unwrap()[0].place, 2);
    assert_eq!(store.flagged(&gone).await.unwrap(), []);
}
