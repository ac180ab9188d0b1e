//! Canned jobs, samples and providers: what the engine would say.

use std::path::PathBuf;
use std::time::Duration;

use destilation::core::api::*;
use destilation::core::budget::Money;
use destilation::core::filter::Facets;
use destilation::core::job::JobId;
use destilation::core::job::parse::{Problem, Severity};
use destilation::core::journal::{Deed, EntryId, JournalEntry};
use destilation::core::ports::{DatabaseInfo, Decided, Place, RequestRow};
use destilation::core::request::{Fingerprint, FinishReason, RawResponse, Usage};
use destilation::core::sample::{Reason, Sample, SampleId, SampleState, StepAnswer, Verdict};
use destilation::core::task::{Question, RequestId, RequestState, TaskId};
use serde_json::json;

use crate::endpoints;

pub use files::*;
pub use gauge::*;
pub use jobs::*;
pub use samples::*;

#[path = "canned_drafts.rs"]
pub mod drafts;
#[path = "canned_files.rs"]
mod files;
#[path = "canned_gauge.rs"]
mod gauge;
#[path = "canned_jobs.rs"]
mod jobs;
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
        Query::MakeAgain(filter) => Answer::MakingAgain(making_again(filter)),
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
        Query::Estimate(JobSource::Name(_)) => Answer::Estimate(Box::new(crate::choosing::estimate())),
        Query::Report(wanted) => Answer::Report(Box::new(crate::report::report(wanted))),
        Query::Calibration {
            job,
            judge,
            precision,
        } => Answer::Calibration(Box::new(crate::report::calibration(job, *judge, *precision))),
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
        Command::MakeAgain(filter) => Receipt::MadeAgain(making_again(filter)),
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
