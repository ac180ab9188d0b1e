//! Writing a job: the steps at three sizes, whole stories by key script, and what must never be lost.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use destilation::core::Row;
use destilation::core::api::*;
use destilation::core::budget::{Money, Price};
use destilation::core::estimate::estimate;
use destilation::core::job::parse::{Known, Parsed, Severity, parse};
use destilation::core::job::{JobId, JobSpec, SeedSource};
use destilation::core::plan::Plan;
use destilation::core::request::{FinishReason, Usage};
use destilation::core::route::{Teacher, eligible};
use destilation::core::sample::{Reason, Sample, SampleId, SampleState, StepAnswer, Verdict};
use destilation::core::task::{RequestId, TaskId};
use destilation::tui::{Exit, Message, Signal};
use destilation::validators;
use serde_json::json;

use crate::SIZES;
use crate::canned::{START_MS, Says};
use crate::world::Hand;

const QUICKSTART: &str = include_str!("../../jobs/quickstart.toml");
const GSM8K: &str = include_str!("../../jobs/gsm8k-reasoning.toml");
const INSTRUCTIONS: &str = include_str!("../../jobs/instructions.toml");
const PRODUCT: &str = include_str!("../fixtures/core/product.toml");

thread_local! {
    /// The drafts directory of this test.
    static DRAFTS: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
}

fn rows() -> Vec<Row> {
    (0..40)
        .map(|n| {
            let subject = if n % 9 == 8 { "" } else { ["biology", "physics", "geology"][n % 3] };
            let row = json!({ "subject": subject, "topic": format!("topic number {n}"), "question": "What is 2+3?", "answer": "#### 5",
                "prompt": "Write a note.", "genre": "Note", "domain": "work" });
            row.as_object().cloned().unwrap()
        })
        .collect()
}

fn teachers() -> Vec<Teacher> {
    let one = |name: &str, capabilities: &[&str], price: Option<(f64, f64)>| {
        let (provider, model) = name.split_once('/').unwrap();
        Teacher {
            name: name.to_owned(),
            provider: provider.to_owned(),
            model: model.to_owned(),
            capabilities: capabilities.iter().map(|one| (*one).to_owned()).collect(),
            weight: 1.0,
            price: price.map(|(input, output)| Price { input, output }),
            context: Some(65_536),
        }
    };
    vec![
        one(
            "openrouter/deepseek-r1",
            &["reasoning", "json"],
            Some((0.55, 2.19)),
        ),
        one("openrouter/qwen3-32b", &["json", "judge"], Some((0.10, 0.30))),
        one("ollama-box/qwen3:8b", &["json"], None),
        one("anthropic/claude", &["reasoning", "judge"], Some((3.0, 15.0))),
        one("mock/teacher", &[], Some((0.0, 0.0))),
    ]
}

fn read(source: &str) -> Parsed {
    let teachers = teachers();
    let kinds = validators::CATALOG.kinds();
    let fields: Vec<String> = rows()[0].keys().cloned().collect();
    let known = Known {
        validators: &kinds,
        teachers: &teachers,
        seed_fields: source.contains("path =").then_some(fields),
        ..Known::default()
    };
    parse(source, &|_| Err("no such file".to_owned()), &known)
}

fn tasks(spec: &JobSpec) -> u64 {
    Plan::new(spec, Some(rows().len() as u64)).total().unwrap_or(0)
}

pub fn check(source: &str) -> CheckReport {
    let parsed = read(source);
    let teachers = teachers();
    let of_step = |step: &destilation::core::job::Step| {
        let shares = eligible(step, &teachers).into_iter();
        let names = shares.map(|share| teachers[share.teacher].name.clone());
        (step.name.clone(), names.collect())
    };
    CheckReport {
        problems: parsed.problems,
        name: parsed.spec.as_ref().map(|spec| spec.name.clone()),
        tasks: parsed.spec.as_ref().map(tasks),
        teachers: parsed
            .spec
            .map_or_else(Vec::new, |spec| spec.steps.iter().map(of_step).collect()),
    }
}

fn invalid(parsed: &Parsed) -> Failure {
    let mut failure = Failure::new(FailureKind::Invalid, "the job file has problems");
    failure.problems.clone_from(&parsed.problems);
    failure
}

fn look(source: &str) -> Result<Answer, Failure> {
    let parsed = read(source);
    let Some(spec) = &parsed.spec else {
        return Err(invalid(&parsed));
    };
    let rows = match &spec.seeds.source {
        SeedSource::Path(path) if path.contains("gone") => {
            return Err(Failure::new(
                FailureKind::Invalid,
                format!("{path}: cannot be opened"),
            ));
        }
        SeedSource::Path(_) => rows(),
        SeedSource::Rows(rows) => rows.clone(),
        SeedSource::Count(_) => Vec::new(),
    };
    let names = rows
        .first()
        .map_or_else(Vec::new, |row| row.keys().cloned().collect());
    let column = |name: String| SeedColumn {
        filled: rows.iter().filter(|row| row[&name] != json!("")).count() as u64,
        example: rows[0][&name].as_str().unwrap_or("1").to_owned(),
        kind: "text",
        name,
    };
    Ok(Answer::Seeds(Box::new(SeedPreview {
        columns: names.into_iter().map(column).collect(),
        read: rows.len() as u64,
        rows,
        complete: true,
        duplicates: 2,
        broken: None,
    })))
}

fn cost(source: &str) -> Result<Answer, Failure> {
    let parsed = read(source);
    let Some(spec) = &parsed.spec else {
        return Err(invalid(&parsed));
    };
    let tasks = tasks(spec);
    let ranges = estimate(spec, tasks, &rows(), &teachers());
    Ok(Answer::Estimate(Box::new(EstimateReport {
        tasks,
        requests: ranges.requests,
        input_tokens: ranges.input_tokens,
        output_tokens: ranges.output_tokens,
        usd: ranges.unpriced.is_empty().then_some(ranges.usd),
        seconds: (12.0, 250.0),
        notes: vec!["prompt tokens: 3 to 4 characters each, from rendered prompts".to_owned()],
    })))
}

/// What the canned engine says to somebody who writes a job.
pub fn answer(query: &Query) -> Option<Result<Answer, Failure>> {
    Some(match query {
        Query::Drafts => {
            let drafts = DRAFTS.with_borrow(Clone::clone);
            let row = |(id, text)| DraftRow {
                id,
                text,
                changed_ms: START_MS,
            };
            Ok(Answer::Drafts(drafts.into_iter().map(row).collect()))
        }
        Query::Source(JobSource::Name(name)) => {
            let text = match name.as_str() {
                "quickstart" => QUICKSTART,
                "gsm8k-reasoning" => GSM8K,
                "instructions" => INSTRUCTIONS,
                _ => return None,
            };
            Ok(Answer::Source {
                text: text.to_owned(),
                base: PathBuf::from("bundled:"),
            })
        }
        Query::Source(JobSource::File(path)) if path.ends_with("product.toml") => Ok(Answer::Source {
            text: PRODUCT.to_owned(),
            base: PathBuf::from("."),
        }),
        Query::Seeds {
            source: JobSource::Text { source, .. },
            ..
        } => look(source),
        Query::Estimate(JobSource::Text { source, .. }) => cost(source),
        Query::Validators => {
            let row = |entry: &destilation::core::catalog::Entry<_>| KindRow {
                kind: entry.kind.to_owned(),
                summary: entry.summary.to_owned(),
                example: entry.example.to_owned(),
            };
            Ok(Answer::Kinds(validators::CATALOG.0.iter().map(row).collect()))
        }
        Query::Teachers => Ok(Answer::Teachers(teachers())),
        Query::Files { extensions, .. } => Ok(Answer::Files(if extensions.is_empty() {
            vec![
                "data/questions.jsonl".to_owned(),
                "seeds/topics.jsonl".to_owned(),
                "seeds/gone.csv".to_owned(),
            ]
        } else {
            vec!["jobs/product.toml".to_owned()]
        })),
        _ => return None,
    })
}

fn dry() -> Vec<DrySample> {
    let one = |index: u64, state: SampleState, reason: Option<Reason>, text: &str| {
        let value =
            json!({ "question": text, "answer": "Because the water follows the moon.", "level": "beginner" });
        let verdicts = match reason {
            Some(reason) => vec![
                Verdict::accept("structural"),
                Verdict::reject("length", reason, "card.answer has 12 characters, fewer than 20"),
            ],
            None => vec![Verdict::accept("structural"), Verdict::accept("length")],
        };
        DrySample {
            prompts: vec![(
                "card".to_owned(),
                "Subject: physics\nTopic: tides\nWrite one card as JSON.".to_owned(),
            )],
            sample: Some(Sample {
                id: SampleId::of("x", index, 0),
                task: TaskId { job: JobId(0), index },
                candidate: 0,
                state,
                reason,
                seq: None,
                seed: Row::new(),
                vary: Row::new(),
                steps: vec![StepAnswer {
                    step: "card".to_owned(),
                    teacher: "mock/teacher".to_owned(),
                    request: RequestId(0),
                    text: value.to_string(),
                    value: Some(value),
                    reasoning: None,
                    tool_calls: Vec::new(),
                    logprobs: None,
                    finish: FinishReason::Stop,
                    usage: Usage {
                        input: Some(120),
                        output: Some(60),
                        ..Usage::default()
                    },
                }],
                verdicts,
                review: None,
                tags: Vec::new(),
            }),
            error: None,
            usd: Money(210),
            latency_ms: 1_240,
        }
    };
    vec![
        one(
            0,
            SampleState::Rejected,
            Some(Reason::Length),
            "Why do tides come twice?",
        ),
        one(1, SampleState::Accepted, None, "Why is the sky blue?"),
        DrySample {
            prompts: vec![("card".to_owned(), "Subject: …".to_owned())],
            sample: None,
            error: Some("openrouter: 401, the key is rejected".to_owned()),
            usd: Money(0),
            latency_ms: 300,
        },
    ]
}

/// What the canned engine does for somebody who writes a job.
pub fn receipt(command: &Command) -> Option<Receipt> {
    let started = |source: &str| {
        let name = source.lines().find_map(|line| line.strip_prefix("name = "))?;
        Some(Receipt::Started(Started {
            job: name.split('"').nth(1)?.to_owned(),
            how: How::Created,
            notes: Vec::new(),
        }))
    };
    match command {
        Command::SaveDraft { id, text } => {
            DRAFTS.with_borrow_mut(|drafts| drafts.insert(id.clone(), text.clone()));
            Some(Receipt::Done)
        }
        Command::DropDraft(id) => {
            DRAFTS.with_borrow_mut(|drafts| drafts.remove(id));
            Some(Receipt::Done)
        }
        Command::DryRun { .. } => Some(Receipt::DryRun(dry())),
        Command::TrySample { .. } => Some(Receipt::DryRun(dry().into_iter().take(1).collect())),
        Command::Run {
            source: JobSource::Text { source, .. },
            ..
        }
        | Command::Create(JobSource::Text { source, .. }) => started(source),
        _ => None,
    }
}

/// The job file of the one draft there is, without the line over it.
fn draft() -> String {
    DRAFTS.with_borrow(|drafts| {
        assert_eq!(drafts.len(), 1, "one draft: {drafts:?}");
        let text = drafts.values().next().unwrap();
        text.split_once('\n').unwrap().1.to_owned()
    })
}

fn spec(text: &str) -> JobSpec {
    let parsed = read(text);
    let errors: Vec<_> = parsed
        .problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:?}\n{text}");
    parsed.spec.unwrap()
}

/// The picture a key script leads to, at every size, each from an empty desk.
fn shots(name: &str, says: Says, script: &str) {
    for (columns, rows) in SIZES {
        DRAFTS.with_borrow_mut(BTreeMap::clear);
        let mut hand = Hand::new(columns, rows, says);
        hand.keys(script);
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{name}_{columns}"), hand.screen());
        });
    }
}

const STEPS: [&str; 9] = [
    "template",
    "seeds",
    "prompts",
    "schema",
    "validators",
    "providers",
    "limits",
    "dry_run",
    "launch",
];

#[test]
fn every_step_at_three_sizes() {
    for (at, step) in STEPS.into_iter().enumerate() {
        let keys = if at == 0 {
            "n".to_owned()
        } else {
            format!("n<enter>{}<wait>", "]".repeat(at - 1))
        };
        shots(&format!("wizard_{}_{step}", at + 1), Says::Everything, &keys);
    }
}

#[test]
fn what_happens_in_the_steps() {
    shots(
        "wizard_seeds_gone",
        Says::Everything,
        "n<enter>ogone<enter><wait>",
    );
    shots("wizard_seeds_pick", Says::Everything, "n<enter>o");
    shots(
        "wizard_prompts_typing",
        Says::Everything,
        "n<enter>]<enter>Write {{ n_pairs }} qu<wait>",
    );
    shots("wizard_prompts_preview", Says::Everything, "n<enter>]<f3>");
    shots("wizard_prompts_variables", Says::Everything, "n<enter>]v");
    shots("wizard_schema_field", Says::Everything, "n<enter>]]<enter>");
    shots("wizard_schema_preview", Says::Everything, "n<enter>]]<f3>");
    shots("wizard_validators_add", Says::Everything, "n<enter>]]]a");
    shots("wizard_validators_edit", Says::Everything, "n<enter>]]]j<enter>");
    shots(
        "wizard_validators_off",
        Says::Everything,
        "n<enter>]]]j<space>Tshort<esc><wait>",
    );
    shots(
        "wizard_providers_weights",
        Says::Everything,
        "n<enter>]]]]j<space>++<wait>",
    );
    shots("wizard_dry_run_done", Says::Everything, "n<enter>]]]]]]<enter>");
    shots(
        "wizard_dry_run_preview",
        Says::Everything,
        "n<enter>]]]]]]<enter><f3>",
    );
    shots("wizard_launch_preview", Says::Everything, "n<enter>]]]]]]]<f3>");
    shots(
        "wizard_launch_asks",
        Says::Everything,
        "njj<enter>jjjj<enter><ctrl-u>5000<enter>]]]]]]]<wait>l<wait>",
    );
}

#[test]
fn empty_loading_and_wrong() {
    shots("wizard_loading", Says::Silence, "n<wait>");
    shots("wizard_error", Says::Failure, "n<wait>");
    shots("wizard_nothing", Says::Nothing, "n<enter><wait>");
    shots(
        "wizard_no_toml",
        Says::Everything,
        "n<enter><ctrl-e>name = <enter><esc><esc><wait>",
    );
}

#[test]
fn from_template_to_launch_in_few_keys_with_only_the_name_to_type() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    // n, ⏎, seven steps on, ⏎ on the name, clear it, type `cards`, ⏎, launch.
    let script = [
        "n", "<enter>", "]]]]]]]", "<enter>", "<ctrl-u>", "cards", "<enter>", "l",
    ];
    let strokes: usize = script
        .iter()
        .map(|part| {
            if part.starts_with('<') {
                1
            } else {
                part.chars().count()
            }
        })
        .sum();
    assert!(strokes <= 25, "{strokes} keys");
    for part in script {
        hand.keys(part);
    }
    let run = hand.orders.iter().find_map(|order| match order {
        Command::Run {
            source: JobSource::Text { source, base },
            ..
        } => Some((source.clone(), base.clone())),
        _ => None,
    });
    let (source, base) = run.expect("it is launched");
    assert_eq!(base, PathBuf::from("bundled:"));
    assert_eq!(
        source,
        QUICKSTART.replace("name = \"quickstart\"", "name = \"cards\"")
    );
    assert!(
        hand.screen().contains("cards"),
        "the job is open now\n{}",
        hand.screen()
    );
    assert!(
        DRAFTS.with_borrow(BTreeMap::is_empty),
        "what is launched is no draft any more"
    );
}

#[test]
fn a_walk_through_all_steps_changes_nothing() {
    for (down, text) in [("", QUICKSTART), ("jj", GSM8K), ("j", INSTRUCTIONS)] {
        DRAFTS.with_borrow_mut(BTreeMap::clear);
        let mut hand = Hand::new(120, 36, Says::Everything);
        hand.keys(&format!("n{down}<enter>]]<enter><esc>]]]]]<f3><f3>[[[]]]<wait>"));
        let mut expected = spec(text);
        expected.name = format!("my-{}", expected.name);
        let written = draft();
        assert_eq!(spec(&written), expected);
        let name = |line: &&str| {
            !line.starts_with("name = \"my-")
                && !line.starts_with(&format!("name = \"{}", &expected.name[3..]))
        };
        let (lines, first): (Vec<&str>, Vec<&str>) = (
            written.lines().filter(name).collect(),
            text.lines().filter(name).collect(),
        );
        assert_eq!(lines, first, "every comment is where it was");
    }
}

#[test]
fn a_job_written_by_hand_loses_nothing_in_the_wizard() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("noproduct<enter>]]]]]]]<wait>");
    assert_eq!(draft(), PRODUCT);
    hand.keys("[[[[[[[").keys("]<wait>");
    assert_eq!(draft(), PRODUCT);
}

#[test]
fn what_is_typed_is_on_disk_within_a_third_of_a_second_and_survives_the_end() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys("n<enter>]<enter>Half a thought, ");
    assert!(!draft().contains("Half a thought"), "not yet");
    hand.wait(std::time::Duration::from_millis(301));
    assert!(draft().contains("Half a thought, Subject"), "{}", draft());
    // Killed: nothing more is said. Another session finds step and caret.
    let mut hand = Hand::new(80, 24, Says::Everything);
    let gallery = hand.keys("n").screen();
    assert!(
        gallery.contains("◌ my-quickstart") && gallery.contains("left at Prompts"),
        "{gallery}"
    );
    hand.keys("<enter><enter>too<wait>");
    assert!(draft().contains("Half a thought, tooSubject"), "{}", draft());
    // A signal saves what the pause did not.
    hand.keys(" far")
        .send(Message::Leave(Exit::Signal(Signal::Terminate)));
    assert!(draft().contains("Half a thought, too farSubject"), "{}", draft());
}

#[test]
fn leaving_asks_nothing_and_loses_nothing() {
    for leave in ["q", "<esc>", "1", "2"] {
        DRAFTS.with_borrow_mut(BTreeMap::clear);
        let mut hand = Hand::new(80, 24, Says::Everything);
        hand.keys("n<enter>]<enter>Mine. <esc>").keys(leave);
        assert!(!hand.model.asks());
        assert!(draft().contains("Mine. Subject"), "{leave}: {}", draft());
    }
}

#[test]
fn a_wrong_step_holds_back_the_next_one_and_says_why() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys("n<enter>]<enter>{{ n_pairs }}<esc>]");
    let screen = hand.screen();
    assert!(
        screen.contains("[Prompts]") && screen.contains("n_pairs"),
        "{screen}"
    );
    hand.keys("<enter><ctrl-u><esc>]<wait>");
    assert!(hand.screen().contains("[Schema]"), "{}", hand.screen());
    hand.keys("[[");
    assert!(hand.screen().contains("[Seeds]"), "back is free");
}

#[test]
fn the_schema_is_built_field_by_field_and_guessed_from_an_example() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("n/blank<enter>")
        .keys("]]aquestion<enter>alevel<enter>");
    hand.keys("<enter>jj<enter><esc><wait>");
    let schema = |text: &str| spec(text).steps[0].schema.clone().unwrap();
    let built = schema(&draft());
    assert_eq!(
        built["required"],
        json!(["question"]),
        "the field that was just added is selected"
    );
    assert_eq!(built["properties"]["level"], json!({"type": "string"}));
    hand.keys("i").send(Message::Paste(
        "{\"q\": \"why\", \"n\": 3, \"tags\": [\"a\"]}".to_owned(),
    ));
    hand.keys("<esc><wait>");
    let guessed = schema(&draft());
    assert_eq!(
        guessed["properties"]["tags"],
        json!({"type": "array", "items": {"type": "string"}})
    );
    assert_eq!(guessed["properties"]["n"]["type"], json!("integer"));
    hand.keys("uu<wait>");
    assert!(!draft().contains("tags"), "u takes it back");
}

#[test]
fn raw_json_that_breaks_off_is_kept_and_named() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("n/blank<enter>]]t")
        .send(Message::Paste("{\"type\": ".to_owned()));
    hand.keys("<esc><wait>");
    assert!(
        draft().contains("schema = '{\"type\": '") || draft().contains("{\\\"type\\\": "),
        "{}",
        draft()
    );
    assert!(hand.screen().contains("is no JSON"), "{}", hand.screen());
    hand.keys("t<end>").send(Message::Paste(
        "\"object\", \"properties\": {\"a\": {\"type\": \"string\"}}}".to_owned(),
    ));
    hand.keys("<esc><wait>");
    assert!(!hand.screen().contains("is no JSON"), "{}", hand.screen());
}

#[test]
fn validators_are_switched_ordered_added_and_tried() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("n<enter>]]]");
    let kinds = || -> Vec<String> {
        spec(&draft())
            .validators
            .into_iter()
            .map(|plug| plug.kind)
            .collect()
    };
    hand.keys("J<wait>");
    assert_eq!(kinds(), ["length", "structural", "dedup"]);
    hand.keys("<space><wait>");
    assert_eq!(kinds(), ["length", "dedup"]);
    // What is switched off outlives the session.
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("n<enter>j<space><wait>");
    assert_eq!(kinds(), ["length", "structural", "dedup"]);
    assert!(
        draft().contains("# the answer is JSON of the schema above"),
        "its comment too"
    );
    hand.keys("arefusal<enter><esc><wait>");
    assert_eq!(kinds(), ["length", "structural", "dedup", "refusal"]);
    hand.keys("Tshort<esc>");
    assert!(
        hand.orders
            .iter()
            .any(|order| matches!(order, Command::TrySample { text, .. } if text == "short"))
    );
    assert!(hand.screen().contains("fewer"), "{}", hand.screen());
}

#[test]
fn teachers_are_named_weighted_and_taken_out() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("n<enter>]]]]");
    let uses = || -> Vec<(String, f64)> {
        let teachers = spec(&draft()).steps.remove(0).teachers;
        teachers.into_iter().map(|one| (one.name, one.weight)).collect()
    };
    hand.keys("j<space>++<wait>");
    assert_eq!(
        uses(),
        [
            ("openrouter/deepseek-r1".to_owned(), 3.0),
            ("mock/teacher".to_owned(), 1.0)
        ]
    );
    hand.keys("=<wait>");
    assert!(uses().iter().all(|(_, weight)| (*weight - 1.0).abs() < 1e-9));
    hand.keys("<space>g<space><wait>");
    assert_eq!(uses(), [], "without names the step is routed again");
}

#[test]
fn the_dry_run_leads_to_what_failed_and_can_be_stopped() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("n<enter>]]]]]]++<enter>");
    assert!(
        matches!(hand.orders.last(), Some(Command::DryRun { tasks: 5, .. })),
        "{:?}",
        hand.orders
    );
    hand.keys("e");
    assert!(hand.screen().contains("[5 Validators]"), "{}", hand.screen());
}

#[test]
fn a_dear_job_asks_before_it_starts() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("njj<enter>jjjj<enter><ctrl-u>5000<enter>]]]]]]]<wait>l<wait>l");
    assert!(
        !hand
            .orders
            .iter()
            .any(|order| matches!(order, Command::Run { .. })),
        "the start key confirms nothing"
    );
    hand.keys("<esc>l<wait>y");
    assert!(
        matches!(hand.orders.last(), Some(Command::DropDraft(_))),
        "{:?}",
        hand.orders
    );
}

#[test]
fn stored_written_and_discarded() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("n<enter>]]]]]]]w");
    assert!(
        matches!(hand.orders.last(), Some(Command::WriteFile { path, text }) if path.ends_with("my-quickstart.toml") && text.contains("my-quickstart")),
        "{:?}",
        hand.orders
    );
    hand.keys("y");
    assert_eq!(hand.copied, "destiler run my-quickstart");
    hand.keys("d");
    assert!(
        hand.orders
            .iter()
            .any(|order| matches!(order, Command::Create(_)))
    );
    assert!(DRAFTS.with_borrow(BTreeMap::is_empty));
    hand.keys("n/blank<enter><esc>nD<wait>n");
    assert_eq!(DRAFTS.with_borrow(BTreeMap::len), 1);
    hand.keys("D<wait>y");
    assert!(DRAFTS.with_borrow(BTreeMap::is_empty));
}

#[test]
fn a_name_that_is_taken_starts_nothing() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys("n<enter>]]]]]]]<enter><ctrl-u>sql-explain<enter>ld");
    assert!(hand.orders.is_empty(), "{:?}", hand.orders);
    assert!(
        hand.screen().contains("a job is called sql-explain already"),
        "{}",
        hand.screen()
    );
    hand.keys("<enter>-2<enter>l");
    assert!(!hand.orders.is_empty());
}

#[test]
fn the_whole_file_is_one_key_away_and_comes_back() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys("n<enter>]<ctrl-e># by hand<enter><wait>");
    assert!(
        draft().starts_with("# by hand\n"),
        "saved from the editor too: {}",
        draft()
    );
    hand.keys("<esc><esc>");
    assert!(hand.screen().contains("[Prompts]"), "{}", hand.screen());
    hand.keys("<wait>");
    assert!(draft().starts_with("# by hand\n"), "{}", draft());
    hand.keys("u<wait>");
    assert!(
        !draft().contains("# by hand"),
        "and is taken back like any change"
    );
}

#[test]
fn a_prompt_in_the_own_editor_and_a_row_further() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.editor = Ok("And a joke.\n".to_owned());
    hand.keys("n<enter>]<ctrl-g><wait>");
    assert!(draft().contains("And a joke."), "{}", draft());
    let before = hand.screen();
    hand.keys("<f6>");
    assert!(before.contains("topic number 0") && hand.screen().contains("topic number 1"));
}
