//! The validators by behaviour, through their catalog: what each accepts, rejects with which reason and evidence, and refuses to
//! be built from. The context is a fake; scripts are real processes in temporary directories.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests prepare files and may panic"
)]

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use destilation::core::Row;
use destilation::core::catalog::{Plug, PlugError};
use destilation::core::job::JobId;
use destilation::core::job::parse::{Known, parse};
use destilation::core::ports::{CheckContext, CheckError, JudgeQuestion, Judgement, Validator};
use destilation::core::request::{Completion, FinishReason, Usage};
use destilation::core::sample::{Candidate, Decision, Reason, SampleId, StepAnswer, Verdict};
use destilation::core::task::{RequestId, TaskId};
use destilation::validators::CATALOG;
use proptest::prelude::*;
use serde_json::{Value, json};

#[path = "validators/calls.rs"]
mod calls;
#[path = "validators/compare.rs"]
mod compare;
#[path = "validators/duplicates.rs"]
mod duplicates;
#[path = "validators/embeddings.rs"]
mod embeddings;
#[path = "validators/judge.rs"]
mod judge;
#[path = "validators/overlap.rs"]
mod overlap;
#[path = "validators/private.rs"]
mod private;
#[path = "validators/references.rs"]
mod references;
#[path = "validators/scripts.rs"]
mod scripts;
#[path = "validators/structural.rs"]
mod structural;

/// Answers of a judge, and what is known of duplicates.
#[derive(Default)]
struct Fake {
    answers: Mutex<VecDeque<Result<Completion, CheckError>>>,
    asked: Mutex<Vec<JudgeQuestion>>,
    known: Option<([u8; 16], SampleId)>,
    /// What the ledger has, by task index.
    stored: Vec<(u64, Completion)>,
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
        assert!(matches!(validator, "judge" | "embedding_dedup"), "{validator}");
        self.asked.lock().unwrap().push(question);
        let answer = self.answers.lock().unwrap().pop_front();
        answer.expect("the judge is not asked more often than expected")
    }

    async fn recall(
        &self,
        candidate: &Candidate,
        _question: &JudgeQuestion,
    ) -> Result<Option<Completion>, CheckError> {
        let mut stored = self.stored.iter();
        let found = stored.find(|(index, _)| *index == candidate.task.index);
        Ok(found.map(|(_, answer)| answer.clone()))
    }

    async fn duplicate_of(&self, key: [u8; 16]) -> Result<Option<SampleId>, CheckError> {
        let known = self.known.as_ref().filter(|(other, _)| *other == key);
        Ok(known.map(|(_, id)| id.clone()))
    }
}

fn row(value: &Value) -> Row {
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
        seed: Arc::new(row(&json!({"question": question}))),
        vary: Arc::new(row(&json!({"persona": "a teacher"}))),
        steps: vec![answer("solution", text)],
        schemas: Arc::default(),
    }
}

fn candidate(text: &str) -> Candidate {
    candidate_of(0, 0, "What are tides?", text)
}

fn with_schema(schema: Value, text: &str) -> Candidate {
    let mut candidate = candidate(text);
    candidate.steps[0].value = serde_json::from_str(text).ok();
    candidate.schemas = Arc::new(vec![("solution".to_owned(), Arc::new(schema))]);
    candidate
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

/// Where the files are that examples name.
fn examples() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(
        directory.path().join("bench.jsonl"),
        "{\"question\": \"How many?\"}\n",
    )
    .unwrap();
    directory
}

/// What `check` says of a job file: place, key, what is wrong, the nearest word.
#[test]
fn a_job_file_is_told_the_line_and_the_nearest_key() {
    let directory = examples();
    let kinds = CATALOG.kinds();
    let check = |plug: &Plug| (CATALOG.find(&plug.kind)?.build)(plug, directory.path()).map(|_| ());
    let known = Known {
        validators: &kinds,
        check_validator: &check,
        ..Known::default()
    };
    let source = "name = \"t\"\nseeds = { count = 1 }\n[[steps]]\nname = \"a\"\nprompt = \"p\"\n\
                  [[validators]]\nkind = \"rouge_l\"\ntreshold = 0.7\n\
                  [[validators]]\nkind = \"decontaminat\"\n\
                  [[validators]]\nkind = \"decontaminate\"\nagainst = [\"benchh.jsonl\"]\n\
                  [[validators]]\nkind = \"language\"\naccept = [\"english\"]\n\
                  [[validators]]\nkind = \"secrets\"\nacton = \"warn\"\n";
    let parsed = parse(source, &|path| Err(format!("{path}?")), &known);
    let said: Vec<String> = parsed.problems.iter().map(ToString::to_string).collect();
    let said = said.join("\n");
    for expected in [
        "8:1: error: validators.1.treshold: rouge_l: unknown field `treshold`",
        "did you mean `threshold`?",
        "10:1: error: validators.2.kind: unknown kind `decontaminat` (did you mean `decontaminate`?)",
        "13:1: error: validators.3.against: decontaminate: benchh.jsonl: there is no such file",
        "16:1: error: validators.4.accept: language: accept: no language `english`; did you mean `en`?",
        "19:1: error: validators.5.acton: secrets: unknown field `acton`",
        "did you mean `action`?",
    ] {
        assert!(said.contains(expected), "{expected} in\n{said}");
    }
}

#[test]
fn every_example_builds_and_no_kind_takes_unknown_keys() {
    let directory = examples();
    let mut kinds = CATALOG.kinds();
    for entry in CATALOG.0 {
        let built = try_build_in(directory.path(), entry.kind, entry.example);
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
fn costly_ones_come_last_and_only_those_that_compare_remember() {
    let directory = examples();
    let built: Vec<_> = CATALOG
        .0
        .iter()
        .map(|entry| try_build_in(directory.path(), entry.kind, entry.example).unwrap())
        .collect();
    let costly: Vec<bool> = built.iter().map(|validator| validator.is_costly()).collect();
    assert!(costly.is_sorted(), "{costly:?}");
    assert_eq!(costly.iter().filter(|costly| **costly).count(), 3);
    assert_eq!(built.iter().filter(|validator| validator.remembers()).count(), 3);
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
        ("rouge_l", ""),
        ("embedding_dedup", "teacher = 'a/x'"),
        ("language", "accept = ['en']"),
        ("pii", ""),
        ("secrets", ""),
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
