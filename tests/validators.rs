//! The validators by behaviour, through their catalog: what each accepts, rejects with which reason and evidence, and refuses to
//! be built from. The context is a fake; scripts are real processes in temporary directories.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests prepare files and may panic"
)]

#[path = "validators/script.rs"]
mod script;

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use destilation::core::Row;
use destilation::core::catalog::{Plug, PlugError};
use destilation::core::conversation::ToolCall;
use destilation::core::job::JobId;
use destilation::core::ports::{
    CheckContext, CheckError, CompileSchema, JudgeQuestion, Judgement, Validator,
};
use destilation::core::request::{Completion, FinishReason, Usage};
use destilation::core::sample::{Candidate, Decision, Reason, SampleId, StepAnswer, Verdict};
use destilation::core::task::{RequestId, TaskId, Transition};
use destilation::validators::{CATALOG, compile_schema};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Answers of a judge, and what is known of duplicates.
#[derive(Default)]
struct Fake {
    answers: Mutex<VecDeque<Result<Completion, CheckError>>>,
    asked: Mutex<Vec<JudgeQuestion>>,
    known: Option<([u8; 16], SampleId)>,
}

impl Fake {
    fn answering(texts: &[&str]) -> Self {
        let answers = texts.iter().map(|text| Ok(completion(text))).collect();
        Self {
            answers: Mutex::new(answers),
            ..Self::default()
        }
    }
}

fn completion(text: &str) -> Completion {
    Completion {
        text: text.to_owned(),
        reasoning: None,
        tool_calls: vec![],
        logprobs: None,
        usage: Usage::default(),
        finish: FinishReason::Stop,
        request_id: None,
        model: None,
    }
}

#[async_trait]
impl CheckContext for Fake {
    async fn ask(
        &self,
        validator: &str,
        _candidate: &Candidate,
        question: JudgeQuestion,
    ) -> Result<Completion, CheckError> {
        assert_eq!(validator, "judge");
        self.asked.lock().unwrap().push(question);
        let answer = self.answers.lock().unwrap().pop_front();
        answer.expect("the judge is not asked more often than expected")
    }

    async fn duplicate_of(&self, key: [u8; 16]) -> Result<Option<SampleId>, CheckError> {
        let known = self.known.as_ref().filter(|(other, _)| *other == key);
        Ok(known.map(|(_, id)| id.clone()))
    }
}

fn row(value: Value) -> Row {
    value.as_object().cloned().unwrap_or_default()
}

fn plug(kind: &str, settings: &str) -> Plug {
    Plug {
        kind: kind.to_owned(),
        params: toml::from_str(settings).unwrap(),
    }
}

fn try_build_in(base: &Path, kind: &str, settings: &str) -> Result<Arc<dyn Validator>, PlugError> {
    let entry = CATALOG.find(kind)?;
    (entry.build)(&plug(kind, settings), base)
}

fn build(kind: &str, settings: &str) -> Arc<dyn Validator> {
    try_build_in(Path::new("."), kind, settings).unwrap_or_else(|error| panic!("{error}"))
}

fn build_error(kind: &str, settings: &str) -> PlugError {
    match try_build_in(Path::new("."), kind, settings) {
        Ok(_) => panic!("{kind} was built from {settings}"),
        Err(error) => error,
    }
}

fn answer(step: &str, text: &str) -> StepAnswer {
    StepAnswer {
        step: step.to_owned(),
        teacher: "mock/one".to_owned(),
        request: RequestId(1),
        text: text.to_owned(),
        value: None,
        reasoning: None,
        tool_calls: vec![],
        logprobs: None,
        finish: FinishReason::Stop,
        usage: Usage::default(),
    }
}

fn candidate_of(index: u64, ordinal: u32, question: &str, text: &str) -> Candidate {
    Candidate {
        task: TaskId { job: JobId(1), index },
        ordinal,
        seed: Arc::new(row(json!({"question": question}))),
        vary: Arc::new(row(json!({"persona": "a teacher"}))),
        steps: vec![answer("solution", text)],
        schemas: Arc::default(),
    }
}

fn candidate(text: &str) -> Candidate {
    candidate_of(0, 0, "What are tides?", text)
}

async fn check(validator: &Arc<dyn Validator>, candidate: &Candidate) -> Verdict {
    validator
        .check(candidate, &Fake::default())
        .await
        .unwrap_or_else(|error| panic!("{error:?}"))
}

async fn rejected(validator: &Arc<dyn Validator>, candidate: &Candidate) -> Option<Reason> {
    let verdict = check(validator, candidate).await;
    assert_eq!(verdict.reason.is_some(), verdict.decision == Decision::Reject);
    if verdict.reason.is_some() {
        assert!(verdict.evidence.is_some_and(|evidence| !evidence.is_empty()));
    }
    verdict.reason
}

async fn broken(validator: &Arc<dyn Validator>, candidate: &Candidate) -> String {
    match validator.check(candidate, &Fake::default()).await {
        Err(CheckError::Broken(message)) => message,
        other => panic!("expected broken, got {other:?}"),
    }
}

// ---------------------------------------------------------------------------------------------------------------- the catalog

#[test]
fn every_example_builds_and_no_kind_takes_unknown_keys() {
    let mut kinds = CATALOG.kinds();
    for entry in CATALOG.0 {
        let built = try_build_in(Path::new("."), entry.kind, entry.example);
        assert!(built.is_ok(), "{}: {:?}", entry.kind, built.err());
        let error = build_error(entry.kind, &format!("{}\nnonsense = 1", entry.example));
        assert_eq!(error.key.as_deref(), Some("nonsense"), "{}", entry.kind);
        assert!(!entry.summary.is_empty() && !entry.summary.ends_with('.'));
    }
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), CATALOG.0.len());
}

#[test]
fn costly_ones_come_last_and_only_one_remembers() {
    let built: Vec<_> = CATALOG
        .0
        .iter()
        .map(|entry| build(entry.kind, entry.example))
        .collect();
    let costly: Vec<bool> = built.iter().map(|validator| validator.is_costly()).collect();
    assert!(costly.is_sorted(), "{costly:?}");
    assert_eq!(costly.iter().filter(|costly| **costly).count(), 2);
    assert_eq!(built.iter().filter(|validator| validator.remembers()).count(), 1);
    let keyed = |validator: &&Arc<dyn Validator>| validator.dedup_key(&candidate("x")).is_some();
    assert_eq!(built.iter().filter(keyed).count(), 1);
}

#[tokio::test]
async fn a_field_that_is_not_there_waits_for_a_person() {
    for (kind, settings) in [
        ("length", "min_chars = 1"),
        ("regex", "pattern = 'x'"),
        ("refusal", ""),
        ("semantic_dedup", ""),
    ] {
        let validator = build(kind, &format!("{settings}\nfield = 'solutoin.answer'"));
        let verdict = check(&validator, &candidate("x")).await;
        assert_eq!(verdict.decision, Decision::Review, "{kind}");
        assert!(verdict.evidence.unwrap().contains("solutoin.answer"));
    }
}

#[tokio::test]
async fn verdicts_become_one_decision() {
    let text = candidate("I'm sorry, but I can't help with that.");
    let mut verdicts = vec![];
    for (kind, settings) in [
        ("length", "min_chars = 5"),
        ("refusal", ""),
        ("length", "min_chars = 500"),
    ] {
        verdicts.push(check(&build(kind, settings), &text).await);
    }
    let judgement = Judgement::of(verdicts);
    assert_eq!(judgement.reason, Some(Reason::Refusal));
    assert_eq!(judgement.verdicts.len(), 2);
}

// -------------------------------------------------------------------------------------------------------------- the cheap ones

#[tokio::test]
async fn length_counts_characters_and_words() {
    let validator = build("length", "min_chars = 3\nmax_words = 2");
    for (text, reason) in [
        ("äöü", None),
        ("äö", Some(Reason::Length)),
        ("one two", None),
        ("one two three", Some(Reason::Length)),
        ("", Some(Reason::Length)),
    ] {
        assert_eq!(rejected(&validator, &candidate(text)).await, reason, "{text}");
    }
    let question = build("length", "field = 'question'\nmax_chars = 3");
    let verdict = check(&question, &candidate("x")).await;
    assert_eq!(
        verdict.evidence.as_deref(),
        Some("`question` has 15 chars, at most 3 wanted")
    );
}

#[test]
fn length_settings_must_make_sense() {
    assert!(build_error("length", "").message.contains("at least one of"));
    let error = build_error("length", "min_words = 9\nmax_words = 3");
    assert_eq!(error.key.as_deref(), Some("min_words"));
}

proptest! {
    #[test]
    fn length_accepts_exactly_what_is_in_range(text in "\\PC{0,30}", least in 0_usize..20, width in 0_usize..20) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let most = least + width;
        let chars = build("length", &format!("min_chars = {least}\nmax_chars = {most}"));
        let words = build("length", &format!("min_words = {least}\nmax_words = {most}"));
        let text = candidate(&text);
        let range = least..=most;
        let (by_chars, by_words) = runtime.block_on(async {
            (rejected(&chars, &text).await.is_none(), rejected(&words, &text).await.is_none())
        });
        prop_assert_eq!(by_chars, range.contains(&text.last_text().chars().count()));
        prop_assert_eq!(by_words, range.contains(&text.last_text().split_whitespace().count()));
    }
}

#[tokio::test]
async fn regex_must_or_must_not_match() {
    let must = build("regex", r"pattern = 'Answer: \d+$'");
    assert_eq!(rejected(&must, &candidate("… Answer: 42")).await, None);
    assert_eq!(rejected(&must, &candidate("42")).await, Some(Reason::Regex));
    let must_not = build("regex", "pattern = '(?i)lorem'\nmust_match = false");
    assert_eq!(rejected(&must_not, &candidate("words")).await, None);
    let verdict = check(&must_not, &candidate("äh Lorem ipsum")).await;
    assert_eq!(verdict.reason, Some(Reason::Regex));
    let evidence = verdict.evidence.unwrap();
    assert!(evidence.contains("“Lorem” at character 4"), "{evidence}");
    let error = build_error("regex", "pattern = 'a(b'");
    assert!(error.message.contains("at character 2"), "{}", error.message);
}

#[tokio::test]
async fn refusals_are_rejected_by_words_by_the_wire_and_by_the_job() {
    let validator = build("refusal", "patterns = ['outside my (area|field)']");
    for text in [
        "I’m sorry, but I can’t assist with that.",
        "That is OUTSIDE my area of expertise.",
        "Tut mir leid, aber ich kann dabei nicht helfen.",
    ] {
        assert_eq!(
            rejected(&validator, &candidate(text)).await,
            Some(Reason::Refusal),
            "{text}"
        );
    }
    assert_eq!(
        rejected(&validator, &candidate("Tides follow the moon.")).await,
        None
    );
    for finish in [FinishReason::Refusal, FinishReason::ContentFilter] {
        let mut filtered = candidate("Tides follow");
        filtered.steps[0].finish = finish;
        assert_eq!(rejected(&validator, &filtered).await, Some(Reason::Refusal));
    }
}

#[tokio::test]
async fn truncated_looks_at_every_step() {
    let validator = build("truncated", "");
    let mut cut = candidate("A tide is");
    assert_eq!(rejected(&validator, &cut).await, None);
    cut.steps.push(answer("check", "fine"));
    cut.steps[0].finish = FinishReason::Length;
    let verdict = check(&validator, &cut).await;
    assert_eq!(verdict.reason, Some(Reason::Truncated));
    assert!(verdict.evidence.unwrap().contains("`solution`"));
    let mut open = candidate("```rust\nfn main() {");
    assert_eq!(
        rejected(&validator, &open).await,
        None,
        "the wire says it is whole"
    );
    open.steps[0].finish = FinishReason::Other("unknown".to_owned());
    assert_eq!(rejected(&validator, &open).await, Some(Reason::Truncated));
    open.steps[0].text = "{\"answer\": \"four".to_owned();
    assert_eq!(rejected(&validator, &open).await, Some(Reason::Truncated));
    open.steps[0].text = "{\"answer\": \"four\"}".to_owned();
    assert_eq!(rejected(&validator, &open).await, None);
}

#[tokio::test]
async fn control_characters_are_found_behind_json_escapes_and_in_thinking() {
    let validator = build("no_control_chars", "");
    assert_eq!(
        rejected(&validator, &candidate("tabs\tand\r\nlines 👩‍🚀")).await,
        None
    );
    let verdict = check(&validator, &candidate("a\u{202e}b")).await;
    assert_eq!(verdict.reason, Some(Reason::ControlChars));
    assert_eq!(
        verdict.evidence.as_deref(),
        Some("`solution`: U+202E at character 2")
    );
    let mut escaped = candidate(r#"{"a": ["\u001b[2J"]}"#);
    assert_eq!(rejected(&validator, &escaped).await, None);
    escaped.steps[0].value = serde_json::from_str(&escaped.steps[0].text).ok();
    assert_eq!(rejected(&validator, &escaped).await, Some(Reason::ControlChars));
    let mut thinking = candidate("fine");
    thinking.steps[0].reasoning = Some("\u{e0041}".to_owned());
    assert_eq!(rejected(&validator, &thinking).await, Some(Reason::ControlChars));
}

// ------------------------------------------------------------------------------------------------------------------ structural

fn with_schema(schema: Value, text: &str) -> Candidate {
    let mut candidate = candidate(text);
    candidate.steps[0].value = serde_json::from_str(text).ok();
    candidate.schemas = Arc::new(vec![("solution".to_owned(), Arc::new(schema))]);
    candidate
}

#[tokio::test]
async fn structural_says_where_an_answer_breaks_its_schema() {
    let validator = build("structural", "");
    let schema = json!({
        "type": "object", "required": ["answer"],
        "properties": {"answer": {"type": "integer"}, "steps": {"type": "array", "items": {"type": "string"}}}
    });
    let whole = with_schema(schema.clone(), r#"{"answer": 4, "steps": ["a"]}"#);
    assert_eq!(rejected(&validator, &whole).await, None);
    let verdict = check(
        &validator,
        &with_schema(schema.clone(), r#"{"answer": "4", "steps": ["a", 1]}"#),
    )
    .await;
    assert_eq!(verdict.reason, Some(Reason::Schema));
    let evidence = verdict.evidence.unwrap();
    assert!(
        evidence.contains("at /answer") && evidence.contains("at /steps/1"),
        "{evidence}"
    );
    let verdict = check(
        &validator,
        &with_schema(schema.clone(), "{\"answer\": 4,\n oops}"),
    )
    .await;
    let evidence = verdict.evidence.unwrap();
    assert!(
        evidence.starts_with("`solution`: not JSON: ") && evidence.contains("line 2 column 2"),
        "{evidence}"
    );
    let mut unread = with_schema(schema, r#"{"answer": 4}"#);
    unread.steps[0].value = None;
    assert_eq!(
        rejected(&validator, &unread).await,
        None,
        "what was not read yet is read here"
    );
}

#[tokio::test]
async fn structural_wants_a_text_or_a_call_without_a_schema() {
    let validator = build("structural", "");
    assert_eq!(rejected(&validator, &candidate("text")).await, None);
    let mut blank = candidate(" \n");
    assert_eq!(rejected(&validator, &blank).await, Some(Reason::Schema));
    blank.steps[0].tool_calls.push(ToolCall {
        id: "1".to_owned(),
        name: "search".to_owned(),
        arguments: json!({}),
    });
    assert_eq!(rejected(&validator, &blank).await, None);
}

#[tokio::test]
async fn a_broken_schema_is_no_fault_of_the_answer() {
    let validator = build("structural", "");
    for schema in [
        json!({"type": "objekt"}),
        json!({"$ref": "http://127.0.0.1:9/x.json"}),
        json!({"pattern": "^(a{1000}){1000}$"}),
        json!({"pattern": "^(?=a)"}),
    ] {
        let message = broken(&validator, &with_schema(schema, "\"aaa\"")).await;
        assert!(
            message.contains("the schema of `solution` is broken"),
            "{message}"
        );
    }
}

#[test]
fn the_engine_can_compile_a_schema_for_asking_again() {
    let compile: CompileSchema = compile_schema;
    let check = compile(&json!({"type": "integer", "minimum": 3})).unwrap_or_else(|e| panic!("{e}"));
    assert!(check.problems(&json!(4)).is_empty());
    assert_eq!(
        check.problems(&json!(2)),
        ["at the top: 2 is less than the minimum of 3"]
    );
    let Err(error) = compile(&json!({"type": "int", "minimum": "3"})) else {
        panic!("it is broken");
    };
    assert_eq!(error.key.as_deref(), Some("schema"));
    assert!(
        error.message.contains("/type") && error.message.contains("/minimum"),
        "{error}"
    );
}

// ------------------------------------------------------------------------------------------------------------------ duplicates

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

// ------------------------------------------------------------------------------------------------------------------- the judge

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
