//! The judge: what it asks, how a score becomes a verdict, and when there is none.

use destilation::core::ports::CheckError;
use destilation::core::request::FinishReason;
use destilation::core::sample::{Decision, Reason};
use destilation::core::task::Transition;

use super::{Fake, answer, build, build_error, candidate, completion};

const JUDGE: &str =
    "capability = 'judge'\nrubric = 'Is it correct?'\nscale = [1, 10]\naccept_at = 8\nreview_at = 5";

#[tokio::test]
async fn a_score_is_held_against_two_thresholds() {
    let judge = build("judge", JUDGE);
    let fake = Fake::answering(&[
        r#"{"reasoning": "Right.", "score": 10}"#,
        r#"{"reasoning": "Nearly.", "score": 8}"#,
        "Hm.\nscore: 5",
        r#"{"reasoning": "Wrong.", "score": 1}"#,
    ]);
    let mut seen = vec![];
    for _ in 0..4 {
        let verdict = judge.check(&candidate("four"), &fake).await.unwrap();
        seen.push((verdict.decision, verdict.score, verdict.reason, verdict.evidence));
    }
    let said = |text: &str| Some(text.to_owned());
    assert_eq!(
        seen,
        [
            (Decision::Accept, Some(10.0), None, said("Right.")),
            (Decision::Accept, Some(8.0), None, said("Nearly.")),
            (Decision::Review, Some(5.0), None, said("Hm.\nscore: 5")),
            (Decision::Reject, Some(1.0), Some(Reason::Judge), said("Wrong.")),
        ]
    );
}

#[tokio::test]
async fn the_question_is_complete_fenced_and_cold() {
    let judge = build("judge", JUDGE);
    let fake = Fake::answering(&[r#"{"reasoning": "", "score": 9}"#]);
    let mut candidate = candidate("Because of the moon.");
    candidate.steps.push(answer("check", "Sound."));
    judge.check(&candidate, &fake).await.unwrap();
    let asked = fake.asked.lock().unwrap();
    let question = &asked[0];
    assert_eq!(question.capability.as_deref(), Some("judge"));
    assert_eq!(question.params.temperature, Some(0.0));
    let schema = question.schema.as_ref().unwrap();
    assert_eq!(schema["properties"]["score"]["maximum"], 10);
    let user = question.messages[1].plain();
    for part in [
        "Is it correct?",
        "from 1 (worst) to 10",
        "What are tides?",
        "Because of the moon.",
        "Sound.",
        "BEGIN ",
        "END ",
    ] {
        assert!(user.contains(part), "{part} in {user}");
    }
}

#[tokio::test]
async fn a_score_in_doubt_is_no_score() {
    let judge = build("judge", JUDGE);
    let texts = [
        r#"{"reasoning": "", "score": 11}"#,
        r#"{"reasoning": "", "score": 0}"#,
        r#"{"reasoning": "", "score": "ten"}"#,
        "score: 100",
        "I rate this 8",
        "score: 7 … no, score: 9",
        "",
    ];
    let fake = Fake::answering(&texts);
    for text in texts {
        let outcome = judge.check(&candidate("four"), &fake).await;
        assert!(
            matches!(outcome, Err(CheckError::Broken(_))),
            "{text}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn what_interrupts_the_question_interrupts_the_judge() {
    let judge = build("judge", JUDGE);
    let fake = Fake::default();
    let snooze = CheckError::Interrupted(Transition::Release);
    fake.answers.lock().unwrap().push_back(Err(snooze.clone()));
    let mut refused = completion("I can't grade this.");
    refused.finish = FinishReason::Refusal;
    fake.answers.lock().unwrap().push_back(Ok(refused));
    assert_eq!(judge.check(&candidate("four"), &fake).await, Err(snooze));
    let outcome = judge.check(&candidate("four"), &fake).await;
    assert!(matches!(outcome, Err(CheckError::Broken(_))));
}

#[test]
fn judge_settings_must_make_sense() {
    for (settings, key) in [
        ("rubric = ' '\naccept_at = 4", "rubric"),
        ("rubric = 'r'\naccept_at = 6", "accept_at"),
        ("rubric = 'r'\naccept_at = 4\nreview_at = 0", "review_at"),
        ("rubric = 'r'\naccept_at = 3\nreview_at = 4", "review_at"),
        ("rubric = 'r'\naccept_at = 3\nscale = [5, 1]", "scale"),
        (
            "rubric = 'r'\naccept_at = 3\ncapability = 'j'\nteachers = [{ use = 'mock/m' }]",
            "teachers",
        ),
    ] {
        assert_eq!(
            build_error("judge", settings).key.as_deref(),
            Some(key),
            "{settings}"
        );
    }
}
