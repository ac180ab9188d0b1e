//! The judge: what it asks, how a score becomes a verdict, and when there is none.

use destilation::core::ports::CheckError;
use destilation::core::request::FinishReason;
use destilation::core::sample::{Decision, Reason};
use destilation::core::task::Transition;
use serde_json::json;

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

const PANEL: &str = "rubric = 'Is it correct?'\nscale = [1, 5]\naccept_at = 4\nreview_at = 3\n";

fn scores(said: &[&str]) -> Fake {
    let texts: Vec<String> = said
        .iter()
        .map(|score| format!("{{\"reasoning\": \"said {score}\", \"score\": {score}}}"))
        .collect();
    Fake::answering(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

#[tokio::test]
async fn every_judge_of_a_panel_is_asked_its_own_question() {
    let judge = build(
        "judge",
        &format!("{PANEL}judges = ['a/x', 'b/y', 'c/z']\naggregate = 'median'"),
    );
    let fake = scores(&["5", "4", "1"]);
    let verdict = judge.check(&candidate("four"), &fake).await.unwrap();
    assert_eq!((verdict.decision, verdict.score), (Decision::Accept, Some(4.0)));
    assert_eq!(
        verdict.evidence.unwrap(),
        "median 4 of 5, 4, 1; 2 of 3 decide alike\na/x, 5: said 5\nb/y, 4: said 4\nc/z, 1: said 1"
    );
    let asked = fake.asked.lock().unwrap();
    let named: Vec<_> = asked
        .iter()
        .map(|question| {
            (
                question.number,
                question.teachers[0].name.as_str(),
                question.params.temperature,
            )
        })
        .collect();
    assert_eq!(
        named,
        [
            (0, "a/x", Some(0.0)),
            (1, "b/y", Some(0.0)),
            (2, "c/z", Some(0.0))
        ]
    );
}

#[tokio::test]
async fn several_questions_to_one_pool_are_asked_warm_and_kept_apart() {
    let judge = build("judge", &format!("{PANEL}capability = 'judge'\njudges = 2"));
    let fake = scores(&["5", "2"]);
    let verdict = judge.check(&candidate("four"), &fake).await.unwrap();
    assert_eq!((verdict.decision, verdict.score), (Decision::Review, Some(3.5)));
    let asked = fake.asked.lock().unwrap();
    assert_eq!(asked[0].messages, asked[1].messages);
    assert_eq!((asked[0].number, asked[1].number), (0, 1));
    assert_eq!(asked[0].params.temperature, Some(1.0));
    assert_eq!(asked[0].capability.as_deref(), Some("judge"));
}

#[tokio::test]
async fn a_silent_judge_is_left_out_and_half_a_panel_is_none() {
    let judge = build("judge", &format!("{PANEL}judges = 3\naggregate = 'majority'"));
    let good = r#"{"reasoning": "", "score": 5}"#;
    let fake = Fake::answering(&[good, "I like it", good]);
    let verdict = judge.check(&candidate("four"), &fake).await.unwrap();
    assert_eq!((verdict.decision, verdict.score), (Decision::Accept, Some(5.0)));
    assert!(
        verdict
            .evidence
            .unwrap()
            .ends_with("\njudge 2: no score in the answer: I like it")
    );
    let fake = Fake::answering(&[good, "I like it", "Me too"]);
    let outcome = judge.check(&candidate("four"), &fake).await;
    assert!(matches!(outcome, Err(CheckError::Broken(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_score_can_be_the_mean_of_what_the_tokens_say() {
    let judge = build("judge", &format!("{PANEL}scores = 'logprobs'"));
    let token = |word: &str, top: &[(&str, f64)]| {
        let top: Vec<_> = top
            .iter()
            .map(|(word, share)| json!({"token": word, "logprob": share.ln()}))
            .collect();
        json!({"token": word, "logprob": 0.0, "top": top})
    };
    let text = r#"{"reasoning": "Fine.", "score": 4}"#;
    let mut said = completion(text);
    said.logprobs = Some(json!([
        token("{\"reasoning\": \"Fine.\", \"score\": ", &[]),
        token("4", &[("4", 0.6), ("3", 0.4)]),
        token("}", &[]),
    ]));
    let fake = Fake::default();
    fake.answers.lock().unwrap().push_back(Ok(said));
    fake.answers.lock().unwrap().push_back(Ok(completion(text)));
    let verdict = judge.check(&candidate("four"), &fake).await.unwrap();
    assert_eq!(verdict.decision, Decision::Review, "3.6 is below 4");
    assert!((verdict.score.unwrap() - 3.6).abs() < 1e-9);
    assert_eq!(
        verdict.evidence.unwrap(),
        "Fine. (expected 3.6; 4: 60 %, 3: 40 %)"
    );
    let written = judge.check(&candidate("four"), &fake).await.unwrap();
    assert_eq!((written.decision, written.score), (Decision::Accept, Some(4.0)));
    assert!(written.evidence.unwrap().contains("as written"));
    assert_eq!(fake.asked.lock().unwrap()[0].params.logprobs, Some(20));
}

#[test]
fn panels_must_make_sense() {
    for (settings, key) in [
        ("judges = 0", "judges"),
        ("judges = 40", "judges"),
        ("judges = []", "judges"),
        ("judges = ['a/x']\ncapability = 'j'", "judges"),
        ("scores = 'logprobs'\nscale = [-1, 4]", "scores"),
        ("temperature = 3.0", "temperature"),
    ] {
        let all = format!("rubric = 'r'\naccept_at = 4\n{settings}");
        assert_eq!(build_error("judge", &all).key.as_deref(), Some(key), "{settings}");
    }
    assert!(
        build_error("judge", &format!("{PANEL}aggregate = 'avg'"))
            .message
            .contains("`mean`, `median`, `majority`")
    );
}
