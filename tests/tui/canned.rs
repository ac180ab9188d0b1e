//! Canned jobs, samples and providers: what the engine would say.

use std::path::PathBuf;
use std::time::Duration;

use destilation::core::api::*;
use destilation::core::budget::{CapMode, Money};
use destilation::core::catalog::Plug;
use destilation::core::filter::Facets;
use destilation::core::job::parse::{Problem, Severity};
use destilation::core::job::{
    DatasetSpec, JobId, JobSpec, JobState, Limits, OnLimit, PauseReason, RouteBy, SeedSource, Seeds,
};
use destilation::core::journal::{Deed, EntryId, JournalEntry};
use destilation::core::ports::{
    DatabaseInfo, Decided, FailedTask, FailureGroup, Place, RequestRow, Revision,
};
use destilation::core::request::{Fingerprint, FinishReason, Params, RawResponse, Usage};
use destilation::core::sample::{Reason, Sample, SampleId, SampleState, StepAnswer, Verdict};
use destilation::core::task::{Question, RequestId, RequestState, TaskCounts, TaskId};
use serde_json::json;

use crate::endpoints;

pub use files::*;
pub use gauge::*;
pub use samples::*;

#[path = "canned_drafts.rs"]
pub mod drafts;
#[path = "canned_files.rs"]
mod files;
#[path = "canned_gauge.rs"]
mod gauge;
#[path = "canned_samples.rs"]
mod samples;

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
        },
        vary: Vec::new(),
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
        measured: if empty { Vec::new() } else { measured() },
        latency: if empty { Latency::default() } else { latency(1) },
        row,
    })
}

fn failures() -> Vec<FailureGroup> {
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

fn failed_tasks() -> Vec<FailedTask> {
    let task = |index, attempts| FailedTask {
        index,
        reason: "timeout: no answer after 60 s".to_owned(),
        teacher: Some("my-script/teacher".to_owned()),
        at_ms: Some(START_MS + 27_000),
        attempts,
    };
    vec![task(17, 6), task(4_410, 6), task(12_001, 3)]
}

fn attempts() -> Vec<RequestRow> {
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

fn revisions() -> Vec<Revision> {
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

/// Why the engine would not carry an order out.
pub fn refusal(command: &Command) -> Option<Failure> {
    match command {
        Command::Decide {
            decided: Decided::Edit { steps },
            ..
        } if steps.iter().any(|step| step.text.contains("unwanted")) => {
            let mut failure = Failure::new(
                FailureKind::Invalid,
                "the answer of `pair` has not the shape its schema asks for",
            );
            failure.causes = vec!["/unwanted: additional property".to_owned()];
            Some(failure)
        }
        Command::ExportSamples {
            path,
            overwrite: false,
            ..
        } if path.ends_with("there.jsonl") => {
            Some(Failure::new(FailureKind::Usage, "there.jsonl is there already"))
        }
        _ => None,
    }
}

pub const QUICKSTART: &str = "name = \"quickstart\"\ndescription = \"Study cards\"\n\n[seeds]\npath = \"seeds/topics.jsonl\"\nrepeat = 2\n\n[[steps]]\nname = \"card\"\nprompt = \"\"\"\nTopic: {{ topic }}\nWrite one card as JSON.\n\"\"\"\n";

fn check(source: &str) -> CheckReport {
    if !source.contains("promt") {
        return drafts::check(source);
    }
    let wrong = true;
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
                Query::SampleWindow { .. } => Answer::SampleWindow(SampleWindow {
                    samples: Vec::new(),
                    first: Some(0),
                }),
                Query::CountSamples(_) => Answer::Count(0),
                Query::Providers => Answer::Providers(Vec::new()),
                Query::ProviderDetails => Answer::ProviderDetails(Vec::new()),
                Query::Found => Answer::Found(endpoints::found()),
                Query::ProviderKinds => Answer::ProviderKinds(endpoints::kinds()),
                Query::Log(_) => Answer::Log(Box::default()),
                Query::Queues => Answer::Queues(Vec::new()),
                Query::Bundled => Answer::Bundled(Vec::new()),
                Query::Drafts => Answer::Drafts(Vec::new()),
                Query::Teachers => Answer::Teachers(Vec::new()),
                Query::Check(JobSource::Text { source, .. }) => Answer::Check(Box::new(check(source))),
                _ => return Err(failure()),
            });
        }
        Says::Everything | Says::Silence => {}
    }
    if let Some(answer) = drafts::answer(query) {
        return answer;
    }
    Ok(match query {
        Query::Jobs => Answer::Jobs(rows()),
        Query::Job(name) => Answer::Job(Box::new(
            detail(name).ok_or_else(|| Failure::new(FailureKind::NotFound, "no such job"))?,
        )),

        Query::Failures(name) => Answer::Failures(if name == "router-intents" {
            Vec::new()
        } else {
            failures()
        }),
        Query::FailedTasks { .. } => Answer::FailedTasks(failed_tasks()),
        Query::Attempts { .. } => Answer::Attempts(attempts()),
        Query::Revisions(_) => Answer::Revisions(revisions()),
        Query::SampleWindow { filter, .. } if is_hopeless(filter) => Answer::SampleWindow(SampleWindow {
            samples: Vec::new(),
            first: Some(0),
        }),
        Query::SampleWindow {
            filter, at, limit, ..
        } => Answer::SampleWindow(as_asked(filter, window(*at, *limit))),
        Query::RejudgeSome(filter) => Answer::Rejudged(Box::new(rejudged(filter))),
        Query::Tags { .. } => Answer::Tags(tags()),
        Query::CountSamples(filter) if is_hopeless(filter) => Answer::Count(0),
        Query::CountSamples(_) => Answer::Count(ROWS),
        Query::Facets(_) => Answer::Facets(Box::new(facets())),
        Query::History { .. } => Answer::History(history()),
        Query::Prompts(_) => Answer::Prompts(prompts()),
        Query::Sample(id) => Answer::Sample(Box::new(whole(id))),
        Query::Providers => Answer::Providers(providers()),
        Query::ProviderDetails => Answer::ProviderDetails(endpoints::details(providers())),
        Query::ProviderKinds => Answer::ProviderKinds(endpoints::kinds()),
        Query::Found => Answer::Found(endpoints::found()),
        Query::Key(settings) => Answer::Key(endpoints::key(settings)),
        Query::Offer { provider, .. } => Answer::Offer(Box::new(endpoints::offer(provider))),
        Query::Log(query) => Answer::Log(Box::new(endpoints::log(query))),
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
        Query::Configuration => Answer::Configuration(configuration()),
        Query::UserFiles => Answer::UserFiles(Box::new(user_files())),
        Query::Database { .. } => Answer::Database(
            DatabaseInfo {
                path: "/home/user/.local/share/destiler/destiler.db".to_owned(),
                bytes: 412_300_000,
                wal_bytes: 4_100_000,
                schema_version: 1,
                engine_version: "3.51.3".to_owned(),
                rows: [8, 96_210, 118_400, 74_002],
                held_by: None,
            },
            Vec::new(),
        ),
        Query::Rejudge(name) => Answer::Rejudged(Box::new(crate::verdicts::rejudged(name))),
        Query::CleanPlan(rules) => Answer::CleanPlan(clean_plan(rules)),
        Query::Doctor => Answer::Doctor(vec![
            Finding {
                level: Level::Ok,
                topic: "config".to_owned(),
                message: "/home/user/.config/destiler/config.toml".to_owned(),
                help: None,
            },
            Finding {
                level: Level::Warning,
                topic: "terminal".to_owned(),
                message: "TERM=tmux-256color COLORTERM=truecolor".to_owned(),
                help: Some("tmux drops copied text unless `set -s set-clipboard on`".to_owned()),
            },
        ]),
        other => {
            return crate::review::canned(other)
                .ok_or_else(|| Failure::new(FailureKind::Usage, format!("not canned: {other:?}")));
        }
    })
}

pub fn receipt(command: &Command) -> Receipt {
    if let Some(receipt) = drafts::receipt(command) {
        return receipt;
    }
    match command {
        Command::Run { .. } | Command::Create(_) | Command::Edit { .. } => Receipt::Started(Started {
            job: "my-quickstart".to_owned(),
            how: How::Created,
            notes: Vec::new(),
        }),
        Command::Decide { samples, .. } => Receipt::Count(samples.len() as u64),
        Command::Bulk { filter, after, .. } => {
            let (_, last) = row(5_000);
            let more = filter.ids.is_empty() && after.is_none();
            let many = if filter.ids.is_empty() {
                5_000
            } else {
                filter.ids.len() as u64
            };
            Receipt::Bulk(BulkDone {
                entry: Some(EntryId(5)),
                changed: many,
                next: more.then_some((last.task, 0)),
            })
        }
        Command::Undo { .. } | Command::Redo { .. } => Receipt::Reverted(RevertDone {
            label: "rejected 40,000 samples · off topic".to_owned(),
            rows: 39_998,
            skipped: 2,
            notes: vec!["exported 12,402 samples · qa.jsonl since: that file stays as it is".to_owned()],
        }),
        Command::ExportSamples { .. } => Receipt::Count(412_338),
        Command::Cancel(_) | Command::Retry(_) => Receipt::Count(112),
        Command::Open { .. } => Receipt::Opened(Opened::default()),
        Command::CleanUp { .. } => Receipt::Count(7_190),
        Command::Rejudge(name) => Receipt::Rejudged(Rejudged {
            applied: true,
            ..crate::verdicts::rejudged(name)
        }),
        Command::WriteDataset(name) => Receipt::Dataset(
            format!("datasets/{name}").into(),
            vec![
                ("train.jsonl".to_owned(), 11_162, 1),
                ("test.jsonl".to_owned(), 1_240, 1),
            ],
        ),
        Command::TestProvider(name) => Receipt::Tested(Tested {
            teacher: format!("{name}/small"),
            text: "pong".to_owned(),
            latency_ms: 412,
            tokens: Some(12),
            usd: Money(40),
            ..Tested::default()
        }),
        Command::TestSettings(settings) => Receipt::Tested(endpoints::tested(settings)),
        other => crate::review::receipt(other).unwrap_or(Receipt::Done),
    }
}
