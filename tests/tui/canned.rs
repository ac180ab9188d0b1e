//! Canned jobs, samples and providers: what the engine would say.

use std::path::PathBuf;
use std::time::Duration;

use destilation::core::api::*;
use destilation::core::budget::{CapMode, Money};
use destilation::core::job::parse::{Problem, Severity};
use destilation::core::job::{
    DatasetSpec, JobId, JobSpec, JobState, Limits, OnLimit, PauseReason, RouteBy, SeedSource, Seeds,
};
use destilation::core::request::{FinishReason, Params, Usage};
use destilation::core::sample::{Reason, Sample, SampleId, SampleState, StepAnswer, Verdict};
use destilation::core::task::{RequestId, TaskCounts, TaskId};
use serde_json::json;

/// What the canned engine says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Everything it knows.
    Everything,
    /// That there is nothing yet.
    Nothing,
    /// Nothing at all, for ever.
    Silence,
    /// That the database cannot be read.
    Failure,
}

/// Start of the session: 2026-11-22 14:30:00 UTC.
pub const START_MS: i64 = 1_795_357_800_000;

fn counts(by_state: [u64; 11]) -> TaskCounts {
    TaskCounts { by_state }
}

pub fn rows() -> Vec<JobRow> {
    let row = |name: &str,
               description: &str,
               state,
               by_state,
               samples,
               target,
               usd,
               cap: Option<f64>,
               days: i64| JobRow {
        name: name.to_owned(),
        description: description.to_owned(),
        state,
        counts: counts(by_state),
        samples,
        target,
        usd: Money::from_usd(usd),
        usd_cap: cap.map(Money::from_usd),
        created_ms: START_MS - days * 86_400_000 - 5_000_000,
    };
    vec![
        row(
            "qa-distill-v2",
            "Question and answer pairs with citations from the documents",
            JobState::Running,
            [5102, 40, 2, 10, 30, 14, 88, 12_402, 2_200, 112, 0],
            [12_402, 2_200, 88],
            Some(20_000),
            3.10,
            Some(10.0),
            0,
        ),
        row(
            "sql-explain",
            "Explanations of queries",
            JobState::Running,
            [12_000, 20, 0, 4, 0, 0, 0, 6_978, 928, 70, 0],
            [6_978, 928, 0],
            Some(20_000),
            1.02,
            Some(5.0),
            0,
        ),
        row(
            "summarise-nl",
            "Summaries in Dutch",
            JobState::Queued,
            [8_210, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            [0, 0, 0],
            None,
            0.0,
            Some(10.0),
            0,
        ),
        row(
            "medqa-probe",
            "Medical questions",
            JobState::Paused(PauseReason::Limit("usd 0.88 of 0.88".to_owned())),
            [3_464, 0, 0, 0, 0, 0, 0, 1_044, 484, 8, 0],
            [1_044, 484, 0],
            Some(5_000),
            0.88,
            Some(0.88),
            1,
        ),
        row(
            "tool-calls-v1",
            "Tool calls",
            JobState::Completed,
            [0, 0, 0, 0, 0, 0, 0, 10_000, 638, 41, 0],
            [10_000, 638, 0],
            Some(10_000),
            7.71,
            None,
            2,
        ),
        row(
            "tool-calls-v0",
            "Tool calls, first try",
            JobState::Failed("its seeds cannot be read".to_owned()),
            [8_000, 0, 0, 0, 0, 0, 0, 212, 717, 900, 0],
            [212, 717, 0],
            Some(10_000),
            0.40,
            None,
            2,
        ),
        row(
            "haiku-de",
            "Haiku in German",
            JobState::Cancelled(None),
            [0, 0, 0, 0, 0, 0, 0, 900, 19, 0, 2_081],
            [900, 19, 0],
            Some(3_000),
            0.1,
            None,
            5,
        ),
        row(
            "router-intents",
            "Intents for a router",
            JobState::Draft,
            [0; 11],
            [0, 0, 0],
            Some(2_000),
            0.0,
            None,
            6,
        ),
    ]
}

fn spec(name: &str) -> JobSpec {
    JobSpec {
        name: name.to_owned(),
        description: "Question and answer pairs with citations from the documents".to_owned(),
        tags: Vec::new(),
        priority: 0,
        random_seed: 0,
        route: RouteBy::Weights,
        seeds: Seeds {
            source: SeedSource::Count(20_000),
            limit: None,
            shuffle: false,
            repeat: 1,
            chunk: None,
        },
        vary: Vec::new(),
        defaults: Params::default(),
        steps: Vec::new(),
        validators: Vec::new(),
        target: None,
        limits: Limits {
            usd: Some(Money::from_usd(10.0)),
            requests: Some(50_000),
            minutes: Some(120.0),
            cap: CapMode::Hard,
            on_limit: OnLimit::Pause,
            concurrency: Some(48),
            ..Limits::default()
        },
        dataset: DatasetSpec::default(),
    }
}

fn detail(name: &str) -> Option<JobDetail> {
    let row = rows().into_iter().find(|row| row.name == name)?;
    let empty = row.samples == [0, 0, 0];
    let teacher = |name: &str, usd, tokens, requests, accepted, judged| TeacherRow {
        name: name.to_owned(),
        usd: Money::from_usd(usd),
        tokens,
        requests,
        accepted,
        judged,
    };
    Some(JobDetail {
        spec: spec(name),
        source: QUICKSTART.to_owned(),
        revision: 3,
        summary: Summary {
            requests: SummaryRequests {
                sent: 15_310,
                retried: 608,
                cached: 0,
                maybe_billed_twice: 2,
            },
            tokens: SummaryTokens {
                input: 17_800_000,
                output: 5_900_000,
            },
            elapsed_seconds: 1_751.0,
            ..Summary::default()
        },
        reasons: if empty {
            Vec::new()
        } else {
            vec![
                (Reason::Schema, 98),
                (Reason::ExactDuplicate, 213),
                (Reason::NearDuplicate, 612),
                (Reason::Judge, 1_277),
            ]
        },
        failures: if empty {
            Vec::new()
        } else {
            vec![
                ("timeout after 60 s".to_owned(), 61),
                ("attempts used up: 429".to_owned(), 38),
                ("quarantined".to_owned(), 13),
            ]
        },
        teachers: if empty {
            Vec::new()
        } else {
            vec![
                teacher(
                    "openrouter/deepseek/deepseek-v3.2",
                    2.96,
                    16_600_000,
                    10_700,
                    9_552,
                    10_338,
                ),
                teacher("ollama-box/qwen3:32b", 0.0, 5_400_000, 3_400, 2_100, 3_310),
                teacher("my-script/teacher", 0.14, 1_700_000, 1_210, 750, 1_054),
            ]
        },
        row,
    })
}

fn sample(
    index: u64,
    state: SampleState,
    reason: Option<Reason>,
    question: &str,
    answer: &str,
) -> (String, Sample) {
    let object = json!({ "question": question, "answer": answer });
    let verdicts = match (state, reason) {
        (SampleState::Rejected, Some(reason)) => {
            vec![Verdict::reject("semantic_dedup", reason, "0.94 of task 4,410").scored(0.94)]
        }
        (SampleState::NeedsReview, _) => {
            vec![Verdict::review("judge", "The answer leaves out the pigment.").scored(3.0)]
        }
        _ => vec![Verdict::accept("judge").scored(5.0)],
    };
    let sample = Sample {
        id: SampleId::of("qa-distill-v2", index, 0),
        task: TaskId { job: JobId(1), index },
        candidate: 0,
        state,
        reason,
        seq: None,
        seed: serde_json::Map::from_iter([(
            "document".to_owned(),
            json!("Die Photosynthese ist ein Prozess, bei dem …"),
        )]),
        vary: serde_json::Map::from_iter([("language".to_owned(), json!("German"))]),
        steps: vec![StepAnswer {
            step: "pair".to_owned(),
            teacher: "ollama-box/qwen3:32b".to_owned(),
            request: RequestId(7),
            text: object.to_string(),
            value: Some(object),
            reasoning: None,
            tool_calls: Vec::new(),
            logprobs: None,
            finish: FinishReason::Stop,
            usage: Usage::default(),
        }],
        verdicts,
        review: None,
    };
    ("qa-distill-v2".to_owned(), sample)
}

/// A sample that waits for a person.
pub fn sample_of(index: u64, question: &str, answer: &str) -> (String, Sample) {
    sample(index, SampleState::NeedsReview, None, question, answer)
}

fn samples() -> SamplePage {
    let near = Some(Reason::NearDuplicate);
    let (accepted, rejected, review) = (
        SampleState::Accepted,
        SampleState::Rejected,
        SampleState::NeedsReview,
    );
    SamplePage {
        samples: vec![
            sample(
                8_109,
                accepted,
                None,
                "Was ist Photosynthese?",
                "Ein Prozess, der Licht in chemische Energie wandelt.",
            ),
            sample(
                8_110,
                rejected,
                near,
                "Erkläre kurz, warum Blätter grün erscheinen.",
                "Blätter enthalten Chlorophyll, das rotes und blaues Licht absorbiert und grünes reflektiert.",
            ),
            sample(
                8_111,
                review,
                None,
                "光合作用是什么？",
                "请用两句话回答：光合作用把光能转化为化学能。",
            ),
            sample(
                8_112,
                accepted,
                None,
                "\u{1b}]0;owned\u{7}\u{202e}What is \u{9b}2Jit?",
                "a\u{300}\u{301}\tb\u{200b}c 👩‍🔬",
            ),
            sample(
                8_113,
                rejected,
                Some(Reason::Schema),
                "كيف تعمل الصبغات؟",
                "تمتص الضوء.",
            ),
        ],
        total: 412_338,
    }
}

fn providers() -> Vec<ProviderHealth> {
    let one = |name: &str,
               kind: &str,
               health,
               message: Option<&str>,
               flying: (u64, u64),
               sent: (u64, u64, u64),
               ms: (u64, u64),
               usd| {
        ProviderHealth {
            name: name.to_owned(),
            kind: kind.to_owned(),
            health,
            message: message.map(str::to_owned),
            models: vec![format!("{name}/small"), format!("{name}/large")],
            in_flight: flying.0,
            limit: flying.1,
            requests: sent.0,
            errors: sent.1,
            limited: sent.2,
            p50_ms: ms.0,
            p95_ms: ms.1,
            usd: Money::from_usd(usd),
        }
    };
    vec![
        one(
            "openrouter",
            "openrouter",
            Health::Up,
            None,
            (40, 48),
            (10_700, 43, 3),
            (1_200, 3_900),
            4.02,
        ),
        one(
            "ollama-box",
            "ollama",
            Health::Up,
            None,
            (12, 16),
            (3_400, 0, 0),
            (2_800, 6_100),
            0.0,
        ),
        one(
            "my-script",
            "script",
            Health::Slow,
            Some("p95 31.0 s is over its mark of 20 s"),
            (12, 24),
            (1_210, 50, 0),
            (9_400, 31_000),
            0.1,
        ),
        one(
            "anthropic",
            "anthropic",
            Health::Off,
            Some("no key: set ANTHROPIC_API_KEY"),
            (0, 0),
            (0, 0, 0),
            (0, 0),
            0.0,
        ),
    ]
}

pub fn progress(second: u64) -> Progress {
    let wave = 1.0 + 0.2 * (second as f64 / 9.0).sin();
    let spent = |rate: f64| if rate > 0.0 { second as f64 * 0.0005 } else { 0.0 };
    let job = |name: &str,
               state: &str,
               numbers: [u64; 6],
               target,
               rates: [f64; 4],
               usd,
               cap: f64,
               eta: Option<u64>| JobProgress {
        name: name.to_owned(),
        state: state.to_owned(),
        planned_all: true,
        enqueued: numbers[0],
        started: numbers[1],
        in_flight: numbers[2],
        in_flight_limit: 48,
        persisted: numbers[3],
        rejected: numbers[4],
        failed: numbers[5],
        accepted_samples: numbers[3],
        target,
        rates: rates.map(|rate| rate * wave),
        tokens: [17_800_000, 5_900_000],
        token_rates: [rates[0] * 430.0 * wave, rates[0] * 220.0],
        usd: Money::from_usd(usd + spent(rates[0])),
        reserved: Money::from_usd(spent(rates[0]) / 10.0),
        usd_cap: Some(Money::from_usd(cap)),
        eta: eta.map(Duration::from_secs),
        ..JobProgress::default()
    };
    Progress {
        jobs: vec![
            job(
                "qa-distill-v2",
                "running",
                [20_000, 14_766, 40, 12_402, 2_200, 112],
                Some(20_000),
                [27.0, 24.3, 2.2, 0.2],
                3.04,
                10.0,
                Some(860),
            ),
            job(
                "sql-explain",
                "running",
                [20_000, 8_000, 24, 6_978, 928, 70],
                Some(20_000),
                [15.1, 12.5, 2.2, 0.1],
                0.96,
                5.0,
                Some(2_465),
            ),
            job(
                "summarise-nl",
                "queued",
                [8_210, 0, 0, 0, 0, 0],
                None,
                [0.0; 4],
                0.0,
                10.0,
                None,
            ),
        ],
        providers: providers(),
        today: Money::from_usd(4.12),
        day_cap: Some(Money::from_usd(25.0)),
    }
}

pub const QUICKSTART: &str = "name = \"quickstart\"\ndescription = \"Study cards\"\n\n[seeds]\npath = \"seeds/topics.jsonl\"\nrepeat = 2\n\n[[steps]]\nname = \"card\"\nprompt = \"\"\"\nTopic: {{ topic }}\nWrite one card as JSON.\n\"\"\"\n";

fn check(source: &str) -> CheckReport {
    let wrong = source.contains("promt");
    let problem = Problem {
        severity: Severity::Error,
        line: 1,
        column: 1,
        key: "promt".to_owned(),
        message: "unknown key `promt`".to_owned(),
        help: Some("did you mean `prompt`?".to_owned()),
    };
    CheckReport {
        problems: if wrong { vec![problem] } else { Vec::new() },
        name: Some("my-quickstart".to_owned()),
        tasks: Some(200),
        teachers: vec![("card".to_owned(), vec!["mock/teacher".to_owned()])],
    }
}

pub fn failure() -> Failure {
    Failure::new(FailureKind::Locked, "The database cannot be read")
        .because("another instance holds it: destiler run qa-distill-v2, pid 4242")
        .help("close that instance, then r asks again")
}

pub fn answer(says: Says, query: &Query) -> Result<Answer, Failure> {
    match says {
        Says::Failure => return Err(failure()),
        Says::Nothing => {
            return Ok(match query {
                Query::Jobs => Answer::Jobs(Vec::new()),
                Query::Samples { .. } => Answer::Samples(SamplePage {
                    samples: Vec::new(),
                    total: 0,
                }),
                Query::Providers => Answer::Providers(Vec::new()),
                Query::Queues => Answer::Queues(Vec::new()),
                Query::Bundled => Answer::Bundled(Vec::new()),
                _ => return Err(failure()),
            });
        }
        Says::Everything | Says::Silence => {}
    }
    Ok(match query {
        Query::Jobs => Answer::Jobs(rows()),
        Query::Job(name) => Answer::Job(Box::new(
            detail(name).ok_or_else(|| Failure::new(FailureKind::NotFound, "no such job"))?,
        )),
        Query::Samples { .. } => Answer::Samples(samples()),
        Query::Providers => Answer::Providers(providers()),
        Query::Source(_) => Answer::Source {
            text: QUICKSTART.to_owned(),
            base: PathBuf::from("jobs"),
        },
        Query::Check(JobSource::Text { source, .. }) => Answer::Check(Box::new(check(source))),
        Query::Bundled => Answer::Bundled(vec![
            (
                "quickstart".to_owned(),
                "Study cards: a question a learner would ask about a topic, and an answer".to_owned(),
            ),
            (
                "instructions".to_owned(),
                "Instructions grown from a few seeds".to_owned(),
            ),
            (
                "gsm8k-reasoning".to_owned(),
                "Step-by-step solutions of grade-school maths problems".to_owned(),
            ),
        ]),
        other => {
            return crate::review::canned(other)
                .ok_or_else(|| Failure::new(FailureKind::Usage, format!("not canned: {other:?}")));
        }
    })
}

pub fn receipt(command: &Command) -> Receipt {
    match command {
        Command::Run { .. } | Command::Create(_) | Command::Edit { .. } => Receipt::Started(Started {
            job: "my-quickstart".to_owned(),
            how: How::Created,
            notes: Vec::new(),
        }),
        Command::Decide { samples, .. } => Receipt::Count(samples.len() as u64),
        Command::Cancel(_) | Command::Retry(_) => Receipt::Count(112),
        Command::TestProvider(name) => Receipt::Tested(Tested {
            teacher: format!("{name}/small"),
            text: "pong".to_owned(),
            latency_ms: 412,
            tokens: Some(12),
            usd: Money(40),
        }),
        other => crate::review::receipt(other).unwrap_or(Receipt::Done),
    }
}
