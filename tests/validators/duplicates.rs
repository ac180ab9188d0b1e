//! Exact and near duplicates: what counts as equal, who is compared with whom, and what is remembered.

use std::sync::Arc;

use destilation::core::sample::{Candidate, Decision, Reason, SampleId};
use serde_json::json;

use super::{Fake, build, build_error, candidate, candidate_of, check, rejected, with_schema};

#[tokio::test]
async fn dedup_asks_for_its_key_and_names_the_other() {
    let validator = build("dedup", "");
    let key = validator.dedup_key(&candidate("four")).unwrap();
    let context = Fake {
        known: Some((key, SampleId("abc".to_owned()))),
        ..Fake::default()
    };
    let same = candidate_of(9, 1, "What are tides?", "four  \n");
    let verdict = validator.check(&same, &context).await.unwrap();
    assert_eq!(verdict.reason, Some(Reason::ExactDuplicate));
    assert_eq!(verdict.evidence.as_deref(), Some("equal to abc"));
    let other = candidate_of(9, 1, "What are days?", "four");
    let verdict = validator.check(&other, &context).await.unwrap();
    assert_eq!(verdict.decision, Decision::Accept);
}

#[test]
fn the_key_is_of_what_matters() {
    let key = |settings: &str, candidate: &Candidate| build("dedup", settings).dedup_key(candidate);
    let plain = candidate("four");
    let mut varied = plain.clone();
    varied.vary = Arc::default();
    varied.steps[0].teacher = "mock/two".to_owned();
    assert_eq!(
        key("", &plain),
        key("", &varied),
        "who answered and what varied do not count"
    );
    assert_ne!(key("", &plain), key("", &candidate("five")));
    let ordered = |text: &str| with_schema(json!({}), text);
    assert_eq!(
        key("", &ordered(r#"{"a": 1, "b": "x"}"#)),
        key("", &ordered(r#"{ "b": "x ", "a": 1 }"#)),
        "the order of keys does not count"
    );
    assert_ne!(key("", &ordered(r#"["ab"]"#)), key("", &ordered(r#"["a", "b"]"#)));
    assert_ne!(key("", &ordered("1")), key("", &ordered("\"1\"")));
    let fields = "fields = ['question', 'solution']";
    assert_eq!(key(fields, &plain), key(fields, &varied));
    let seed_only = "fields = ['question']";
    let sibling = |index, ordinal| candidate_of(index, ordinal, "What are tides?", "any");
    assert_eq!(key(seed_only, &sibling(1, 0)), key(seed_only, &sibling(2, 0)));
    assert_ne!(
        key(seed_only, &sibling(1, 0)),
        key(seed_only, &sibling(1, 1)),
        "siblings share their seed"
    );
    assert_eq!(build_error("dedup", "fields = []").key.as_deref(), Some("fields"));
}

const TIDE: &str = "The tide rises twice a day because the moon pulls the water towards itself and away again on the far side";
const TIDE_AGAIN: &str = "The tide rises twice a day because the moon pulls the water towards itself and away again on the other side";

#[tokio::test]
async fn near_duplicates_are_named_with_their_likeness() {
    let validator = build("semantic_dedup", "field = 'solution'\nthreshold = 0.8");
    let first = candidate_of(3, 1, "q", TIDE);
    assert_eq!(rejected(&validator, &first).await, None);
    let verdict = check(&validator, &candidate_of(4, 0, "q", TIDE_AGAIN)).await;
    assert_eq!(verdict.reason, Some(Reason::NearDuplicate));
    let score = verdict.score.unwrap();
    assert!((0.8..1.0).contains(&score), "{score}");
    let evidence = verdict.evidence.unwrap();
    assert!(evidence.ends_with("like task 3, candidate 1"), "{evidence}");
    assert!(evidence.contains(&format!("{score:.3}")), "{evidence}");
    assert_eq!(
        rejected(&validator, &candidate_of(5, 0, "q", "Something else entirely")).await,
        None
    );
    assert_eq!(rejected(&validator, &candidate_of(6, 0, "q", " ")).await, None);
    assert_eq!(
        rejected(&validator, &candidate_of(7, 0, "q", "")).await,
        None,
        "nothing is like nothing"
    );
}

#[tokio::test]
async fn what_is_forgotten_makes_room_and_what_is_restored_takes_it() {
    let validator = build("semantic_dedup", "field = 'solution'");
    assert!(validator.remembers());
    let (first, second) = (candidate_of(1, 0, "q", TIDE), candidate_of(2, 0, "q", TIDE_AGAIN));
    assert_eq!(rejected(&validator, &first).await, None);
    assert_eq!(
        rejected(&validator, &first).await,
        None,
        "an interrupted check comes again"
    );
    assert_eq!(rejected(&validator, &second).await, Some(Reason::NearDuplicate));
    validator.forget(&first);
    assert_eq!(rejected(&validator, &second).await, None);
    let fresh = build("semantic_dedup", "field = 'solution'");
    fresh.restore(&second);
    fresh.restore(&second);
    assert_eq!(rejected(&fresh, &first).await, Some(Reason::NearDuplicate));
    fresh.forget(&second);
    assert_eq!(rejected(&fresh, &first).await, None);
}

#[tokio::test]
async fn siblings_are_compared_by_their_answers_and_not_by_their_seed() {
    let by_seed = build("semantic_dedup", "field = 'question'");
    assert_eq!(rejected(&by_seed, &candidate_of(1, 0, TIDE, "a")).await, None);
    assert_eq!(rejected(&by_seed, &candidate_of(1, 1, TIDE, "b")).await, None);
    assert_eq!(
        rejected(&by_seed, &candidate_of(2, 0, TIDE, "c")).await,
        Some(Reason::NearDuplicate)
    );
    let by_answer = build("semantic_dedup", "");
    assert_eq!(rejected(&by_answer, &candidate_of(1, 0, "q", TIDE)).await, None);
    assert_eq!(
        rejected(&by_answer, &candidate_of(1, 1, "q", TIDE)).await,
        Some(Reason::NearDuplicate)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_near_duplicates_in_flight_exactly_one_passes() {
    for _ in 0..20 {
        let validator = build("semantic_dedup", "");
        let checks = (0..16).map(|index| {
            let validator = Arc::clone(&validator);
            tokio::spawn(async move { rejected(&validator, &candidate_of(index, 0, "q", TIDE)).await })
        });
        let reasons = futures::future::join_all(checks).await;
        let passed = reasons.iter().filter(|reason| matches!(reason, Ok(None))).count();
        assert_eq!(passed, 1);
    }
}

#[test]
fn near_duplicate_settings_must_make_sense() {
    for (settings, key) in [
        ("threshold = 80", "threshold"),
        ("threshold = 0.1", "threshold"),
        ("shingle = 0", "shingle"),
    ] {
        assert_eq!(build_error("semantic_dedup", settings).key.as_deref(), Some(key));
    }
}
