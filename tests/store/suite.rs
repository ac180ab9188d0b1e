//! What every ledger does.

use std::time::Duration;

use destilation::core::api::{CleanRow, CleanRules};
use destilation::core::budget::{Amount, Money};
use destilation::core::job::{JobState, PauseReason};
use destilation::core::ports::{Decided, FileMark, Store, StoreError};
use destilation::core::request::Fingerprint;
use destilation::core::sample::{SampleId, SampleState};
use destilation::core::task::{RequestState, SettledSample, TaskState, Transition};

use super::support::*;

on_every_ledger! {
    jobs_have_revisions_and_states
    plans_are_idempotent
    an_accepted_task_is_counted_everywhere
    unknown_counts_are_taken_at_the_estimate
    open_tasks_are_cancelled_and_reopened
    failed_tasks_start_anew
    failed_tasks_are_told_in_groups_and_go_back_by_group
    judged_tasks_are_made_again
    every_revision_is_kept
    an_answer_is_found_for_reuse_and_costs_nothing
    deleting_a_job_keeps_what_was_spent
    marks_are_replaced
    files_are_behind_from_a_decision_until_they_are_written
    cleaning_takes_texts_and_keeps_the_books
}

async fn jobs_have_revisions_and_states(store: &dyn Store) {
    let id = job(store, "first", 0).await;
    let mut urgent = spec("urgent");
    urgent.priority = 5;
    store.create(&urgent, "", "", &JobState::Draft).await.unwrap();
    let again = store.create(&spec("first"), "", "", &JobState::Draft).await;
    assert!(matches!(again, Err(StoreError::Broken(_))));

    assert_eq!(store.revise(id, &spec("first"), "changed").await, Ok(2));
    let paused = JobState::Paused(PauseReason::Limit("usd".to_owned()));
    store
        .set_state(id, &paused, Duration::from_secs(3))
        .await
        .unwrap();
    store
        .set_state(id, &paused, Duration::from_secs(4))
        .await
        .unwrap();
    store.planned_all(id).await.unwrap();

    let first = store.job("first").await.unwrap();
    assert_eq!((first.revision, first.source.as_str()), (2, "changed"));
    assert_eq!((first.state, first.base.as_str()), (paused, "/base"));
    assert_eq!((first.elapsed, first.planned_all), (Duration::from_secs(7), true));
    let names: Vec<String> = store
        .jobs()
        .await
        .unwrap()
        .into_iter()
        .map(|job| job.spec.name)
        .collect();
    assert_eq!(names, ["urgent", "first"]);
    assert!(matches!(store.job("other").await, Err(StoreError::NotFound(_))));
}

async fn plans_are_idempotent(store: &dyn Store) {
    let id = job(store, "plan", 10).await;
    store.plan(id, (5..300).map(task).collect()).await.unwrap();
    let counts = store.counts(id).await.unwrap();
    assert_eq!((counts.planned(), counts.of(TaskState::Pending)), (300, 300));
    let missing = destilation::core::job::JobId(99);
    assert!(matches!(
        store.plan(missing, vec![task(0)]).await,
        Err(StoreError::NotFound(_))
    ));
}

async fn an_accepted_task_is_counted_everywhere(store: &dyn Store) {
    let id = job(store, "counted", 2).await;
    let leased = store.claim(id, 1).await.unwrap();
    let settled = finish(store, "counted", &leased[0], SampleState::Accepted, None).await;
    assert_eq!(settled.state, TaskState::Accepted);
    let [SettledSample::Accepted { seq }] = settled.samples[..] else {
        panic!("{settled:?}");
    };

    let totals = store.totals(id).await.unwrap();
    let amount = Amount {
        usd: Money(60),
        tokens: 30,
        requests: 1,
    };
    assert_eq!(
        (totals.settled, totals.sent, totals.samples),
        (amount, 1, [1, 0, 0])
    );
    assert_eq!((totals.input_tokens, totals.output_tokens), (10, 20));
    assert_eq!(
        store.by_teacher(id).await.unwrap(),
        [(TEACHER.to_owned(), amount, 1, 1)]
    );
    assert_eq!(store.spent_at("mock").await.unwrap(), amount);
    assert_eq!(store.spent_today().await.unwrap(), amount);
    assert_eq!(store.spent_at("other").await.unwrap(), Amount::default());

    let samples = all_samples(store, id).await;
    assert_eq!(samples[0].seq, Some(seq));
    assert_eq!(samples[0].id, SampleId::of("counted", 0, 0));
    assert_eq!(samples[0].steps[0].text, "Answer 0 of 0");
    assert_eq!(samples[0].seed, task(0).seed);
    let requests = store.requests_of(leased[0].lease.task).await.unwrap();
    assert_eq!(
        (requests[0].state, requests[0].cost),
        (RequestState::Settled, Money(60))
    );
    assert_eq!(requests[0].response, Some(response("yes")));
    let counts = store.counts(id).await.unwrap();
    assert_eq!(
        (counts.planned(), counts.pending(), counts.of(TaskState::Accepted)),
        (2, 1, 1)
    );
}

async fn unknown_counts_are_taken_at_the_estimate(store: &dyn Store) {
    let id = job(store, "unknown", 1).await;
    let lease = store.claim(id, 1).await.unwrap()[0].lease;
    let request = store.begin(lease, request(1), Vec::new()).await.unwrap();
    let mut failed = closed(request, RequestState::Failed);
    (failed.estimated, failed.cost, failed.maybe_billed) = (true, Money(100), true);
    let fail = Transition::Fail {
        reason: "attempts: 6 used".to_owned(),
    };
    store.settle(lease, fail, vec![failed]).await.unwrap();
    let totals = store.totals(id).await.unwrap();
    assert_eq!((totals.spent(), totals.maybe_billed), (ESTIMATE, 1));
    assert_eq!(totals.failures, [("attempts".to_owned(), 1)]);
}

async fn open_tasks_are_cancelled_and_reopened(store: &dyn Store) {
    let id = job(store, "stop", 5).await;
    let leased = store.claim(id, 3).await.unwrap();
    finish(store, "stop", &leased[0], SampleState::NeedsReview, None).await;
    let wait = Transition::Retry {
        after: Duration::from_mins(1),
        error: String::new(),
    };
    store.settle(leased[1].lease, wait, Vec::new()).await.unwrap();
    store
        .begin(leased[2].lease, request(1), Vec::new())
        .await
        .unwrap();

    assert_eq!(store.cancel_open(id).await, Ok(4));
    let counts = store.counts(id).await.unwrap();
    assert_eq!(
        (counts.of(TaskState::Cancelled), counts.of(TaskState::NeedsReview)),
        (4, 1)
    );
    assert_eq!(store.next_due(id).await.unwrap(), None);
    assert_eq!(store.totals(id).await.unwrap().uncertain, ESTIMATE);
    let late = store
        .settle(leased[2].lease, Transition::Release, Vec::new())
        .await;
    assert_eq!(late, Err(StoreError::Fenced));
    assert_eq!(store.reopen_cancelled(id).await, Ok(4));
    assert_eq!(store.claim(id, 10).await.unwrap().len(), 4);
}

async fn failed_tasks_start_anew(store: &dyn Store) {
    let id = job(store, "failed", 1).await;
    let lease = store.claim(id, 1).await.unwrap()[0].lease;
    let good = store.begin(lease, request(1), Vec::new()).await.unwrap();
    store.record(lease, good, &response("good")).await.unwrap();
    let bad = store
        .begin(lease, request(1), vec![closed(good, RequestState::Settled)])
        .await
        .unwrap();
    let fail = Transition::Fail {
        reason: "request: too long".to_owned(),
    };
    store
        .settle(lease, fail, vec![closed(bad, RequestState::Failed)])
        .await
        .unwrap();
    assert_eq!(
        store.totals(id).await.unwrap().failures,
        [("request".to_owned(), 1)]
    );

    assert_eq!(store.retry_failed(id, None).await, Ok(1));
    assert!(store.totals(id).await.unwrap().failures.is_empty());
    let history = &store.claim(id, 1).await.unwrap()[0].history;
    assert_eq!(history.len(), 1, "failures no longer count, answers stay");
    assert_eq!(history[0].id, good);
}

async fn judged_tasks_are_made_again(store: &dyn Store) {
    let id = job(store, "again", 5).await;
    let states = [
        SampleState::Accepted,
        SampleState::Rejected,
        SampleState::NeedsReview,
    ];
    for (leased, state) in store.claim(id, 3).await.unwrap().iter().zip(states) {
        assert_eq!(leased.again, 0);
        finish(store, "again", leased, state, Some([7; 16])).await;
    }
    let first = SampleId::of("again", 0, 0);
    let reject = Decided::Reject { note: None };
    let entry = store
        .act(std::slice::from_ref(&first), reject, None)
        .await
        .unwrap();
    store.flag(&first, true).await.unwrap();
    let before = store.decisions(id).await.unwrap();
    assert_eq!(store.totals(id).await.unwrap().sent, 3);

    // The fourth was never asked, and a tenth there is not.
    assert_eq!(store.make_again(id, &[0, 1, 3, 9]).await, Ok(2));
    assert_eq!(store.make_again(id, &[0]).await, Ok(0), "it waits already");
    let counts = store.counts(id).await.unwrap();
    assert_eq!(
        (counts.of(TaskState::Pending), counts.of(TaskState::NeedsReview)),
        (4, 1)
    );
    let totals = store.totals(id).await.unwrap();
    assert_eq!(
        (totals.samples, totals.sent),
        ([0, 0, 1], 3),
        "attempts were paid for"
    );
    assert_eq!(all_samples(store, id).await.len(), 1);
    assert!(
        store
            .flagged(std::slice::from_ref(&first))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        store.decisions(id).await.unwrap(),
        before,
        "what had left the dataset changes none of its files"
    );
    assert!(store.check(true).await.unwrap().is_empty());
    // There is nothing left to take back.
    let back = store.revert(entry, false).await.unwrap();
    assert_eq!((back.rows, back.skipped), (0, 1));

    let leased = store.claim(id, 2).await.unwrap();
    let again: Vec<_> = leased
        .iter()
        .map(|one| (one.lease.task.index, one.again, one.history.len()))
        .collect();
    assert_eq!(again, [(0, 1, 1), (1, 1, 1)], "old answers are history");
    for leased in &leased {
        finish(store, "again", leased, SampleState::Accepted, None).await;
    }
    let accepted = store.decisions(id).await.unwrap();
    assert_eq!(store.make_again(id, &[0]).await, Ok(1));
    assert!(
        store.decisions(id).await.unwrap().made > accepted.made,
        "the dataset's files are behind"
    );
    assert_eq!(store.claim(id, 1).await.unwrap()[0].again, 2);
    assert!(store.check(true).await.unwrap().is_empty());
}

async fn failed_tasks_are_told_in_groups_and_go_back_by_group(store: &dyn Store) {
    let id = job(store, "groups", 4).await;
    let reasons = ["timeout: 60 s", "timeout: 61 s", "schema: no answer"];
    for (leased, reason) in store.claim(id, 3).await.unwrap().into_iter().zip(reasons) {
        let begun = store.begin(leased.lease, request(1), Vec::new()).await.unwrap();
        let fail = Transition::Fail {
            reason: reason.to_owned(),
        };
        let done = vec![closed(begun, RequestState::Failed)];
        store.settle(leased.lease, fail, done).await.unwrap();
    }
    let groups = store.failures(id).await.unwrap();
    let told: Vec<_> = groups
        .iter()
        .map(|group| (group.reason.as_str(), group.tasks, group.teachers))
        .collect();
    assert_eq!(told, [("timeout", 2, 1), ("schema", 1, 1)]);
    assert!(groups[0].example.starts_with("timeout: 6") && groups[0].last_ms.is_some());
    assert_eq!(groups[0].teacher.as_deref(), Some(request(1).teacher.as_str()));
    let tasks = store.failed_tasks(id, "timeout", 10).await.unwrap();
    assert_eq!(tasks.iter().map(|task| task.index).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(
        (tasks[1].reason.as_str(), tasks[1].attempts),
        ("timeout: 61 s", 1)
    );
    assert_eq!(store.failed_tasks(id, "timeout", 1).await.unwrap().len(), 1);

    assert_eq!(store.retry_failed(id, Some("timeout")).await, Ok(2));
    assert_eq!(
        store.totals(id).await.unwrap().failures,
        [("schema".to_owned(), 1)]
    );
    assert_eq!(store.retry_failed(id, Some("timeout")).await, Ok(0));
    assert_eq!(store.claim(id, 10).await.unwrap().len(), 3);
    assert!(store.check(true).await.unwrap().is_empty());
}

async fn every_revision_is_kept(store: &dyn Store) {
    let id = job(store, "kept", 0).await;
    store.revise(id, &spec("kept"), "second").await.unwrap();
    store.revise(id, &spec("kept"), "third").await.unwrap();
    let revisions = store.revisions(id).await.unwrap();
    let told: Vec<_> = revisions
        .iter()
        .map(|one| (one.revision, one.source.as_str()))
        .collect();
    assert_eq!(told[..2], [(3, "third"), (2, "second")]);
    assert_eq!(told.len(), 3);
}

async fn an_answer_is_found_for_reuse_and_costs_nothing(store: &dyn Store) {
    let id = job(store, "reuse", 2).await;
    let leased = store.claim(id, 2).await.unwrap();
    let fingerprint = Fingerprint([7; 16]);
    assert_eq!(store.answered(fingerprint).await.unwrap(), None);
    finish(store, "reuse", &leased[0], SampleState::Accepted, None).await;
    let found = store.answered(fingerprint).await.unwrap();
    assert_eq!(found, Some(response("yes")));
    let before = store.totals(id).await.unwrap();

    let lease = leased[1].lease;
    let mut cached = request(1);
    cached.estimate = Amount::default();
    let begun = store.begin(lease, cached, Vec::new()).await.unwrap();
    store.record(lease, begun, &found.unwrap()).await.unwrap();
    let made = vec![sample("reuse", lease, 0, SampleState::Accepted)];
    let done = vec![closed(begun, RequestState::Settled)];
    store
        .settle(lease, Transition::Finish { samples: made }, done)
        .await
        .unwrap();
    let after = store.totals(id).await.unwrap();
    assert_eq!(
        (after.cached, after.sent, after.settled),
        (1, before.sent, before.settled)
    );
}

async fn deleting_a_job_keeps_what_was_spent(store: &dyn Store) {
    let id = job(store, "gone", 3).await;
    let kept = job(store, "kept", 1).await;
    for leased in store.claim(id, 2).await.unwrap() {
        finish(store, "gone", &leased, SampleState::Accepted, None).await;
    }
    let spent = store.spent_at("mock").await.unwrap();
    store.delete(id).await.unwrap();
    assert!(matches!(store.job("gone").await, Err(StoreError::NotFound(_))));
    assert!(matches!(store.delete(id).await, Err(StoreError::NotFound(_))));
    assert_eq!(store.jobs().await.unwrap().len(), 1);
    assert_eq!(store.counts(id).await.unwrap().planned(), 0);
    assert!(all_samples(store, id).await.is_empty());
    assert_eq!(store.spent_at("mock").await.unwrap(), spent);
    assert_eq!(store.counts(kept).await.unwrap().planned(), 1);
    let again = job(store, "gone", 1).await;
    assert!(again > id, "a new job is not taken for the old one");
}

async fn marks_are_replaced(store: &dyn Store) {
    let id = job(store, "marks", 0).await;
    let mark = |file: &str, rows| FileMark {
        file: file.to_owned(),
        last_seq: 0,
        bytes: 1000,
        rows,
        tail_sha256: "ab".to_owned(),
    };
    store
        .set_marks(id, &[mark("train.jsonl", 1), mark("valid.jsonl", 2)], None)
        .await
        .unwrap();
    let marks = [mark("valid.jsonl", 3), mark("train.jsonl", 4)];
    store.set_marks(id, &marks, None).await.unwrap();
    assert_eq!(store.marks(id).await.unwrap(), marks);
}

async fn files_are_behind_from_a_decision_until_they_are_written(store: &dyn Store) {
    let id = job(store, "behind", 1).await;
    let leased = store.claim(id, 1).await.unwrap();
    finish(store, "behind", &leased[0], SampleState::Accepted, None).await;
    assert!(store.decisions(id).await.unwrap().are_written());
    let sample = all_samples(store, id).await.pop().unwrap().id;
    let note = Decided::Reject { note: None };
    store.decide(&sample, note).await.unwrap();
    let decisions = store.decisions(id).await.unwrap();
    assert!(!decisions.are_written());
    store.set_marks(id, &[], None).await.unwrap();
    assert_eq!(store.decisions(id).await.unwrap(), decisions);
    store.set_marks(id, &[], Some(decisions.made)).await.unwrap();
    assert!(store.decisions(id).await.unwrap().are_written());
    store.decide(&sample, Decided::Undo).await.unwrap();
    assert!(!store.decisions(id).await.unwrap().are_written());
}

async fn cleaning_takes_texts_and_keeps_the_books(store: &dyn Store) {
    let id = job(store, "cleaned", 4).await;
    let leased = store.claim(id, 3).await.unwrap();
    finish(store, "cleaned", &leased[0], SampleState::Accepted, None).await;
    finish(store, "cleaned", &leased[1], SampleState::Rejected, None).await;
    let gone = job(store, "gone", 2).await;
    store
        .set_state(gone, &JobState::Cancelled(None), Duration::ZERO)
        .await
        .unwrap();
    let before = (store.totals(id).await.unwrap(), store.counts(id).await.unwrap());
    let all = CleanRules {
        responses_days: Some(0),
        rejected_days: Some(0),
        cancelled_jobs: true,
        orphans: true,
        logs_days: None,
    };
    let old = CleanRules {
        responses_days: Some(1),
        rejected_days: Some(1),
        ..CleanRules::default()
    };
    let rows = |plan: Vec<CleanRow>| plan.iter().map(|row| (row.what, row.rows)).collect::<Vec<_>>();
    assert_eq!(
        rows(store.clean_plan(&old).await.unwrap()),
        [("responses", 0), ("rejected", 0)],
        "what is young stays"
    );
    assert_eq!(store.clean_up(&old, &|_| true).await, Ok(0));
    let plan = store.clean_plan(&all).await.unwrap();
    assert!(
        plan[0].bytes > 0 && plan[1].bytes > 0 && plan[2].bytes > 0,
        "{plan:?}"
    );
    assert_eq!(
        rows(plan),
        [
            ("responses", 2),
            ("rejected", 1),
            ("cancelled jobs", 2),
            ("orphans", 0)
        ]
    );
    assert_eq!(store.clean_up(&all, &|_| true).await, Ok(5));
    assert_eq!(
        rows(store.clean_plan(&all).await.unwrap()),
        [
            ("responses", 0),
            ("rejected", 0),
            ("cancelled jobs", 0),
            ("orphans", 0)
        ]
    );
    assert_eq!(
        (store.totals(id).await.unwrap(), store.counts(id).await.unwrap()),
        before,
        "every row is still accounted for"
    );
    assert_eq!(store.check(true).await.unwrap(), Vec::<String>::new());
    let samples = all_samples(store, id).await;
    assert_eq!(
        samples[0].steps[0].text, "Answer 0 of 0",
        "what was accepted keeps its text"
    );
    assert!(samples[1].steps.is_empty());
    assert_eq!(samples[1].verdicts.len(), 1);
    let back = store.decide(&samples[1].id, Decided::Accept).await;
    assert!(
        matches!(back, Err(StoreError::Broken(_))),
        "a text that is gone cannot be accepted"
    );
    assert_eq!(
        store.answered(Fingerprint([7; 16])).await,
        Ok(None),
        "an answer that is gone is not reused"
    );
    assert!(matches!(store.job("gone").await, Err(StoreError::NotFound(_))));
}
