//! What the canned engine says to somebody who writes a job, and the drafts it keeps.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use destilation::core::Row;
use destilation::core::api::*;
use destilation::core::budget::{Money, Price};
use destilation::core::estimate::estimate;
use destilation::core::job::parse::{Known, Parsed, parse};
use destilation::core::job::{JobId, JobSpec, SeedSource};
use destilation::core::plan::Plan;
use destilation::core::request::{FinishReason, Usage};
use destilation::core::route::{Teacher, eligible};
use destilation::core::sample::{Reason, Sample, SampleId, SampleState, StepAnswer, Verdict};
use destilation::core::task::{RequestId, TaskId};
use destilation::validators;
use serde_json::json;

use crate::canned::START_MS;

pub const QUICKSTART: &str = include_str!("../../jobs/quickstart.toml");
pub const GSM8K: &str = include_str!("../../jobs/gsm8k-reasoning.toml");
pub const INSTRUCTIONS: &str = include_str!("../../jobs/instructions.toml");
pub const PRODUCT: &str = include_str!("../fixtures/core/product.toml");

thread_local! {
    /// The drafts directory of this test.
    pub static DRAFTS: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
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

pub fn read(source: &str) -> Parsed {
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
        SeedSource::Count(_) | SeedSource::Job { .. } => Vec::new(),
    };
    let names = rows
        .first()
        .map_or_else(Vec::new, |row| row.keys().cloned().collect());
    let wanted = &spec.seeds.columns;
    let column = |name: String| SeedColumn {
        known_as: wanted.known_as(&name).map(str::to_owned),
        filled: rows.iter().filter(|row| row[&name] != json!("")).count() as u64,
        example: rows[0][&name].as_str().unwrap_or("1").to_owned(),
        kind: "text",
        name,
    };
    Ok(Answer::Seeds(Box::new(SeedPreview {
        columns: names.into_iter().map(column).collect(),
        read: rows.len() as u64,
        rows: rows.into_iter().map(|row| wanted.shape(row)).collect(),
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
        // The box is the user's own: it counts as free.
        usd: ranges
            .unpriced
            .iter()
            .all(|name| name.starts_with("ollama-box/"))
            .then_some(ranges.usd),
        seconds: (12.0, 250.0),
        notes: vec!["prompt tokens: 3 to 4 characters each, from rendered prompts".to_owned()],
        forecast: None,
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
