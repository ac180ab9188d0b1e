//! A fake engine: canned answers, and a memory of what was ordered.

use std::io;
use std::sync::Mutex;

use async_trait::async_trait;
use destilation::core::Row;
use destilation::core::api::{
    Answer, Application, CheckReport, CleanRow, Command, EstimateReport, Event, Failure, FailureKind,
    Finding, Health, How, JobDetail, JobRow, Latency, Level, ProviderHealth, Query, Receipt, ReviewReport,
    SampleDetail, Started, StreamReport, StreamRequest, Summary, SummaryRequests, SummarySamples,
    SummaryTasks, SummaryTokens, TeacherRow,
};
use destilation::core::budget::Money;
use destilation::core::catalog::Plug;
use destilation::core::job::parse::{Problem, Severity};
use destilation::core::job::{
    DatasetSpec, JobId, JobSpec, JobState, Limits, PauseReason, RouteBy, SeedSource, Seeds,
};
use destilation::core::ports::{DatabaseInfo, VerifiedDataset};
use destilation::core::request::{FinishReason, Params, Usage};
use destilation::core::review::agreement::{Match, Tally};
use destilation::core::review::{Queue, QueueId, QueueKind, QueueSpec};
use destilation::core::sample::{Reason, Sample, SampleId, SampleState, StepAnswer, Verdict};
use destilation::core::task::{RequestId, TaskCounts, TaskId, TaskState};
use serde_json::json;
use tokio::sync::mpsc;

/// Answers canned data, remembers orders, and plays a script of events when a job is run.
pub struct Fake {
    pub orders: Mutex<Vec<Command>>,
    pub streams: Mutex<Vec<StreamRequest>>,
    pub events: Mutex<Vec<Event>>,
    pub facts: mpsc::Sender<Event>,
    pub detail: JobDetail,
    pub how: How,
    pub failure: Option<Failure>,
    /// A new revision of a job is refused.
    pub invalid_edit: bool,
    /// A graceful stop takes for ever; only leaving at once ends.
    pub stuck: bool,
}

#[async_trait]
impl Application for Fake {
    async fn ask(&self, query: Query) -> Result<Answer, Failure> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        Ok(match query {
            Query::Jobs => Answer::Jobs(vec![self.detail.row.clone(), second_row()]),
            Query::Job(_) => Answer::Job(Box::new(self.detail.clone())),
            Query::Sample(id) => Answer::Sample(Box::new(SampleDetail {
                job: "quiz".to_owned(),
                sample: sample(id),
                original: None,
                requests: Vec::new(),
            })),
            Query::Queues => Answer::Queues(vec![review(2).queue, review(1).queue]),
            Query::Review(id) => Answer::Review(Box::new(review(id.0))),
            Query::Check(_) => Answer::Check(Box::new(check_report())),
            Query::Estimate(_) => Answer::Estimate(Box::new(estimate())),
            Query::Providers => Answer::Providers(providers()),
            Query::Verify(_) => Answer::Verified(VerifiedDataset {
                job: "quiz".to_owned(),
                rows: 1_200,
                bytes: 4_500_000,
                ids_sha256: None,
                findings: vec!["train.jsonl: row 7 is not in the ledger".to_owned()],
            }),
            Query::Database { .. } => Answer::Database(
                DatabaseInfo {
                    path: "destiler.db".to_owned(),
                    bytes: 1_500_000,
                    rows: [1, 2_000, 2_100, 1_900],
                    schema_version: 1,
                    engine_version: "3.51.3".to_owned(),
                    ..DatabaseInfo::default()
                },
                Vec::new(),
            ),
            Query::Doctor => Answer::Doctor(findings()),
            Query::CleanPlan(_) => Answer::CleanPlan(vec![CleanRow {
                what: "rejected",
                rows: 7_190,
                bytes: 12_900_000,
            }]),
            Query::Configuration => Answer::Configuration(vec![(
                "engine.jobs_at_once".to_owned(),
                "2".to_owned(),
                "default".to_owned(),
            )]),
            other => panic!("nobody asks {other:?}"),
        })
    }

    async fn order(&self, command: Command) -> Result<Receipt, Failure> {
        self.orders.lock().unwrap().push(command.clone());
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        Ok(match command {
            Command::Run { .. } => {
                let events = std::mem::take(&mut *self.events.lock().unwrap());
                for event in events {
                    self.facts.send(event).await.unwrap();
                }
                Receipt::Started(Started {
                    job: "quiz".to_owned(),
                    how: self.how,
                    notes: vec!["the mock teacher is used".to_owned()],
                })
            }
            Command::Stop { grace } => {
                if self.stuck && !grace.is_zero() {
                    std::future::pending::<()>().await;
                }
                Receipt::Done
            }
            Command::Decide { samples, .. } => Receipt::Count(samples.len() as u64),
            Command::ExportTo { .. } => Receipt::Count(1_200),
            Command::Retry(_) => Receipt::Count(3),
            Command::CleanUp { .. } => Receipt::Count(7_190),
            Command::Edit { .. } if self.invalid_edit => {
                return Err(Failure::new(FailureKind::Invalid, "the job file is invalid"));
            }
            Command::Edit { job, .. } => Receipt::Started(Started {
                job,
                how: How::Revised,
                notes: vec!["40 verdicts are made again".to_owned()],
            }),
            _ => Receipt::Done,
        })
    }

    async fn stream(
        &self,
        request: StreamRequest,
        out: &mut (dyn io::Write + Send),
    ) -> Result<StreamReport, Failure> {
        self.streams.lock().unwrap().push(request);
        let mut closed = false;
        for row in ["{\"id\":\"a\"}\n", "{\"id\":\"b\u{9b}\"}\n"] {
            if let Err(error) = out.write_all(row.as_bytes()) {
                assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
                closed = true;
                break;
            }
        }
        Ok(StreamReport {
            rows: 2,
            accepted: 1,
            rejected: vec![(Reason::Length, 1)],
            found: Vec::new(),
            closed,
        })
    }
}

fn spec() -> JobSpec {
    JobSpec {
        name: "quiz".to_owned(),
        description: "Questions and answers".to_owned(),
        tags: Vec::new(),
        priority: 0,
        random_seed: 0,
        route: RouteBy::Weights,
        seeds: Seeds {
            source: SeedSource::Count(1_000),
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
        validators: vec![Plug {
            kind: "dedup".to_owned(),
            params: Row::new(),
        }],
        target: None,
        quota: None,
        limits: Limits::default(),
        dataset: DatasetSpec::default(),
    }
}

pub fn detail(state: JobState, failed: u64) -> JobDetail {
    let mut counts = TaskCounts::default();
    counts.set(TaskState::Accepted, 960 - failed);
    counts.set(TaskState::Rejected, 40);
    counts.set(TaskState::Failed, failed);
    JobDetail {
        summary: Summary {
            schema_version: 1,
            job: "quiz".to_owned(),
            id: "7".to_owned(),
            state: state.word().to_owned(),
            reason: state.reason(),
            tasks: SummaryTasks {
                planned: 1_000,
                accepted: 960 - failed,
                rejected: 40,
                failed,
                cancelled: 0,
                pending: 0,
            },
            samples: SummarySamples {
                accepted: 960 - failed,
                rejected: 40,
                needs_review: 0,
            },
            requests: SummaryRequests {
                sent: 1_030,
                retried: 30,
                cached: 0,
                maybe_billed_twice: 2,
            },
            tokens: SummaryTokens {
                input: 120_000,
                output: 340_500,
            },
            usd: 1.5,
            elapsed_seconds: 130.4,
            dataset: Some("datasets/quiz".to_owned()),
        },
        row: JobRow {
            name: "quiz".to_owned(),
            description: "Questions and answers".to_owned(),
            tags: Vec::new(),
            priority: 0,
            state,
            counts,
            samples: [960 - failed, 40, 0],
            target: None,
            usd: Money::from_usd(1.5),
            usd_cap: Some(Money::from_usd(10.0)),
            created_ms: 0,
        },
        spec: spec(),
        source: "name = \"quiz\"\n".to_owned(),
        revision: 2,
        reasons: vec![(Reason::NearDuplicate, 30), (Reason::Length, 10)],
        failures: if failed > 0 {
            vec![("timeout".to_owned(), failed)]
        } else {
            Vec::new()
        },
        teachers: vec![TeacherRow {
            name: "mock/echo".to_owned(),
            usd: Money::from_usd(1.5),
            tokens: 460_500,
            requests: 1_030,
            accepted: 960,
            judged: 1_000,
        }],
        measured: Vec::new(),
        latency: Latency::default(),
    }
}

fn second_row() -> JobRow {
    JobRow {
        name: "日本-facts".to_owned(),
        description: String::new(),
        tags: Vec::new(),
        priority: 0,
        state: JobState::Paused(PauseReason::Auth("openrouter\x1b[31m".to_owned())),
        counts: TaskCounts::default(),
        samples: [0, 0, 12],
        target: Some(10_000),
        usd: Money(0),
        usd_cap: None,
        created_ms: 0,
    }
}

fn sample(id: SampleId) -> Sample {
    let mut seed = Row::new();
    seed.insert("question".to_owned(), json!("What drives tides?"));
    Sample {
        id,
        task: TaskId {
            job: JobId(1),
            index: 41,
        },
        candidate: 0,
        state: SampleState::Rejected,
        reason: Some(Reason::Judge),
        seq: None,
        seed,
        vary: Row::new(),
        steps: vec![StepAnswer {
            step: "answer".to_owned(),
            teacher: "mock/echo".to_owned(),
            request: RequestId(9),
            text: "The \x1b]0;moon\x07.\nAnd the sun.".to_owned(),
            value: None,
            reasoning: None,
            tool_calls: Vec::new(),
            logprobs: None,
            finish: FinishReason::Stop,
            usage: Usage::default(),
        }],
        verdicts: vec![Verdict::reject("judge", Reason::Judge, "too short").scored(2.0)],
        review: None,
        tags: Vec::new(),
    }
}

pub fn check_report() -> CheckReport {
    CheckReport {
        problems: vec![
            Problem {
                severity: Severity::Error,
                line: 12,
                column: 1,
                key: "steps.0.promt".to_owned(),
                message: "unknown key `promt`".to_owned(),
                help: Some("did you mean `prompt`?".to_owned()),
            },
            Problem {
                severity: Severity::Warning,
                line: 0,
                column: 1,
                key: String::new(),
                message: "no [limits]: nothing caps the cost".to_owned(),
                help: None,
            },
        ],
        name: Some("quiz".to_owned()),
        tasks: Some(1_000),
        teachers: vec![("answer".to_owned(), vec!["mock/echo".to_owned()])],
    }
}

fn estimate() -> EstimateReport {
    EstimateReport {
        tasks: 1_000,
        requests: (1_000, 1_200),
        input_tokens: (100_000, 100_000),
        output_tokens: (50_000, 1_024_000),
        usd: Some((Money::from_usd(0.2), Money::from_usd(2.5))),
        seconds: (60.0, 600.0),
        notes: vec!["the low end assumes no retries".to_owned()],
        forecast: None,
    }
}

fn providers() -> Vec<ProviderHealth> {
    vec![ProviderHealth {
        name: "openrouter".to_owned(),
        kind: "openrouter".to_owned(),
        health: Health::Off,
        message: Some("OPENROUTER_API_KEY is not set".to_owned()),
        models: vec!["openrouter/a".to_owned()],
        ..ProviderHealth::default()
    }]
}

fn findings() -> Vec<Finding> {
    vec![
        Finding {
            level: Level::Ok,
            topic: "database".to_owned(),
            message: "destiler.db, 3 jobs".to_owned(),
            help: None,
        },
        Finding {
            level: Level::Error,
            topic: "openrouter".to_owned(),
            message: "no key".to_owned(),
            help: Some("export OPENROUTER_API_KEY=…".to_owned()),
        },
    ]
}

/// A queue of samples (1) or of pairs (2).
fn review(id: i64) -> ReviewReport {
    let compare = id == 2;
    ReviewReport {
        queue: Queue {
            id: QueueId(id),
            spec: QueueSpec {
                kind: if compare {
                    QueueKind::Compare
                } else {
                    QueueKind::Decide
                },
                job: "quiz".to_owned(),
                title: if compare {
                    "one task, two teachers, random"
                } else {
                    "needs review, random"
                }
                .to_owned(),
                sources: compare.then(|| ["a/small", "b/large"].map(str::to_owned)),
                ..QueueSpec::default()
            },
            size: if compare { 3 } else { 5 },
            done: if compare { 3 } else { 4 },
            next: 4,
            created_ms: 0,
        },
        tally: Tally {
            accepted: 1,
            edited: 1,
            rejected: 1,
            skipped: 1,
            kappa: Some(0.4),
            judged: 3,
            same: (1, 1),
            ..Tally::default()
        },
        matched: Match {
            first: 2,
            second: 1,
            ..Match::default()
        },
        last: Vec::new(),
        slices: Vec::new(),
        today: 4,
    }
}
