//! Meaning by vectors: who is compared with whom, what is remembered across runs, and what is no vector.

use destilation::core::ports::{CheckError, Validator};
use destilation::core::sample::{Decision, Reason};

use super::{Fake, build, build_error, candidate_of, completion};

const SETTINGS: &str = "teacher = 'local/vectors'\nthreshold = 0.9";

async fn decided(validator: &dyn Validator, index: u64, context: &Fake) -> Option<Reason> {
    let candidate = candidate_of(index, 0, "q", &format!("text {index}"));
    validator.check(&candidate, context).await.unwrap().reason
}

#[tokio::test]
async fn what_means_the_same_is_named_with_its_cosine() {
    let validator = build("embedding_dedup", &format!("{SETTINGS}\nprefix = 'query: '"));
    let fake = Fake::answering(&["[3, 4]", "[4, 3]", "[5, 0]", "[0.6, 0.8]"]);
    assert_eq!(decided(&*validator, 1, &fake).await, None);
    let near = validator
        .check(&candidate_of(2, 0, "q", "text 2"), &fake)
        .await
        .unwrap();
    assert_eq!(near.reason, Some(Reason::SimilarMeaning));
    assert!((near.score.unwrap() - 0.96).abs() < 1e-6);
    assert_eq!(
        near.evidence.unwrap(),
        "the last answer has a cosine of 0.960 with task 1, candidate 0: “text 1”"
    );
    assert_eq!(decided(&*validator, 3, &fake).await, None);
    validator.forget(&candidate_of(1, 0, "q", "text 1"));
    assert_eq!(
        decided(&*validator, 4, &fake).await,
        None,
        "who is forgotten is no neighbour"
    );
    let asked = fake.asked.lock().unwrap();
    assert_eq!(asked[0].messages[0].plain(), "query: text 1");
    assert_eq!(asked[0].teachers[0].name, "local/vectors");
    assert!(asked[0].params.vector);
}

#[tokio::test]
async fn accepted_samples_of_earlier_runs_come_back_from_the_ledger() {
    let validator = build("embedding_dedup", SETTINGS);
    let mut fake = Fake::answering(&["[1, 0.01]", "[0, 1]"]);
    fake.stored = vec![(1, completion("[1, 0]"))];
    validator.restore(&candidate_of(1, 0, "q", "text 1"));
    validator.restore(&candidate_of(2, 0, "q", "older than the validator"));
    assert_eq!(decided(&*validator, 3, &fake).await, Some(Reason::SimilarMeaning));
    assert_eq!(decided(&*validator, 4, &fake).await, None);
    assert_eq!(
        fake.asked.lock().unwrap().len(),
        2,
        "nobody is asked about the earlier ones"
    );
}

#[tokio::test]
async fn nothing_is_like_nothing_and_an_answer_without_numbers_is_no_vector() {
    let validator = build("embedding_dedup", SETTINGS);
    let fake = Fake::answering(&["[0, 0]", "I am a chat model."]);
    let empty = validator
        .check(&candidate_of(1, 0, "q", " "), &fake)
        .await
        .unwrap();
    assert_eq!(empty.decision, Decision::Accept);
    for index in [2, 3] {
        let outcome = validator.check(&candidate_of(index, 0, "q", "x"), &fake).await;
        assert!(matches!(outcome, Err(CheckError::Broken(_))), "{outcome:?}");
    }
    for (settings, key) in [
        ("teacher = 'local/v'\nthreshold = 95", "threshold"),
        ("teacher = 'vectors'", "teacher"),
        ("teacher = 'local/v'\ntreshold = 0.9", "treshold"),
    ] {
        assert_eq!(
            build_error("embedding_dedup", settings).key.as_deref(),
            Some(key),
            "{settings}"
        );
    }
}
