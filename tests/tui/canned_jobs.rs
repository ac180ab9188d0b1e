//! Canned jobs: their rows and details, what failed in them, and their earlier files.

use std::time::Duration;

use destilation::core::api::*;
use destilation::core::budget::{CapMode, Money};
use destilation::core::catalog::Plug;
use destilation::core::job::{
    DatasetSpec, JobSpec, JobState, Limits, OnLimit, PauseReason, RouteBy, SeedSource, Seeds,
};
use destilation::core::ports::{FailedTask, FailureGroup, RequestRow, Revision};
use destilation::core::request::{Fingerprint, Params, RawResponse};
use destilation::core::sample::Reason;
use destilation::core::task::{Question, RequestId, RequestState, TaskCounts};
use serde_json::json;

use super::{QUICKSTART, START_MS, latency, measured};

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
        tags: if name.starts_with("tool") {
            vec!["tools".to_owned()]
        } else {
            Vec::new()
        },
        priority: 0,
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
            columns: destilation::core::job::Columns::default(),
            taken: None,
        },
        vary: Vec::new(),
        rounds: None,
        defaults: Params::default(),
        steps: Vec::new(),
        validators: ["structural", "dedup", "semantic_dedup", "judge"]
            .into_iter()
            .map(|kind| Plug {
                kind: kind.to_owned(),
                params: match kind {
                    "semantic_dedup" => serde_json::Map::from_iter([("threshold".to_owned(), json!(0.8))]),
                    "judge" => serde_json::Map::from_iter([("accept_at".to_owned(), json!(4))]),
                    _ => serde_json::Map::new(),
                },
            })
            .collect(),
        target: None,
        quota: None,
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

pub fn detail(name: &str) -> Option<JobDetail> {
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
        measured: if empty { Vec::new() } else { measured() },
        latency: if empty { Latency::default() } else { latency(1) },
        row,
    })
}

pub fn failures() -> Vec<FailureGroup> {
    let group = |reason: &str, tasks, example: &str, teacher: &str, teachers, seconds: i64| FailureGroup {
        reason: reason.to_owned(),
        tasks,
        example: example.to_owned(),
        teacher: Some(teacher.to_owned()),
        teachers,
        last_ms: Some(START_MS + seconds * 1_000),
    };
    vec![
        group(
            "timeout",
            61,
            "timeout: no answer after 60 s",
            "my-script/teacher",
            1,
            27,
        ),
        group(
            "request",
            38,
            "request: the prompt is longer than the context",
            "openrouter/deepseek/deepseek-v3.2",
            2,
            -48,
        ),
        group("quarantined", 13, "quarantined", "my-script/teacher", 1, -500),
    ]
}

pub fn failed_tasks() -> Vec<FailedTask> {
    let task = |index, attempts| FailedTask {
        index,
        reason: "timeout: no answer after 60 s".to_owned(),
        teacher: Some("my-script/teacher".to_owned()),
        at_ms: Some(START_MS + 27_000),
        attempts,
    };
    vec![task(17, 6), task(4_410, 6), task(12_001, 3)]
}

pub fn attempts() -> Vec<RequestRow> {
    let attempt = |id, response: Option<&str>, error: Option<&str>| RequestRow {
        id: RequestId(id),
        question: Question {
            step: "pair".to_owned(),
            candidate: 0,
            ask: 0,
        },
        teacher: "my-script/teacher".to_owned(),
        fingerprint: Fingerprint([0; 16]),
        state: RequestState::Failed,
        response: response.map(|body| RawResponse {
            status: 500,
            headers: Vec::new(),
            body: body.to_owned(),
            latency: Duration::from_millis(812),
        }),
        cost: Money(40),
        error: error.map(str::to_owned),
    };
    vec![
        attempt(
            1,
            Some("{\"error\":{\"message\":\"out \u{1b}[2J of memory\"}}"),
            Some("500: out of memory"),
        ),
        attempt(2, None, Some("no answer after 60 s")),
    ]
}

pub fn revisions() -> Vec<Revision> {
    let revision = |revision, source: String| Revision {
        revision,
        source,
        at_ms: START_MS - i64::from(revision) * 60_000,
    };
    let second = QUICKSTART.replace("repeat = 2", "repeat = 1");
    vec![
        revision(3, format!("{QUICKSTART}\n[limits]\nusd = 10.0\n")),
        revision(2, QUICKSTART.to_owned()),
        revision(1, second),
    ]
}
