//! `jobs`: list, look at, write and order jobs about.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::format::{count, date};
use super::line::{Align, Cell, Line, Style, Table};
use super::output::{Ending, Outcome, Output};
use super::summary::{labelled, numbers};
use super::{Plain, calibrate, editor, exit, files, rejudge, report, source};
use crate::core::api::{Answer, Command, How, JobDetail, JobRow, Query, Receipt};
use crate::core::job::JobState;
use crate::core::text::grouped;

const LIST_JSON: &str = "\
With --json every job is an object on a line:
  {\"name\":\"…\",\"description\":\"…\",\"state\":\"paused\",\"reason\":\"…\"|null,
   \"tasks\":{\"planned\":n,\"accepted\":n,\"rejected\":n,\"failed\":n,\"cancelled\":n,\"pending\":n},
   \"samples\":{\"accepted\":n,\"rejected\":n,\"needs_review\":n},\"target\":n|null,\"usd\":x,\"usd_cap\":x|null,
   \"created_ms\":n}";
const SHOW_JSON: &str = "\
With --json one object: the fields of `jobs list`, and
  {\"revision\":n,\"source\":\"the job file\",\"summary\":{…as in `run --json`},\"rejected\":{\"<reason>\":n},
   \"failed\":{\"<reason>\":n},\"teachers\":[{\"name\":\"provider/model\",\"usd\":x,\"tokens\":n,\"requests\":n,
   \"accepted\":n,\"judged\":n,\"usd_per_accepted\":x|null}]}";
const STARTED_JSON: &str = "With --json one object: {\"job\":\"<name>\",\"how\":\"created|resumed|revised|unchanged\",\"notes\":[\"…\"]}";
const DONE_JSON: &str = "With --json one object: {\"job\":\"<name>\",\"done\":\"…\"}";
const REJUDGE_JSON: &str = "\
Nothing is asked and nothing is paid: the validators of the job's newest revision look at the answers in the database. Without
--apply nothing changes. What a person accepted, rejected or edited stays. A judge's stored answer is used where its question is the
same; otherwise the sample keeps its verdicts and is counted.

With --json one object:
  {\"job\":\"<name>\",\"revision\":n,\"samples\":n,\"by_hand\":n,\"not_rejudged\":n,\"requests_needed\":n,\"reworded\":n,
   \"changes\":[{\"from\":\"accepted\",\"from_reason\":null,\"to\":\"rejected\",\"to_reason\":\"length\",\"count\":n,
   \"examples\":[\"<id>\"]}],\"applied\":true|false}";
const CALIBRATE_JSON: &str = "\
Nothing is asked and nothing changes. Samples that a person accepted or rejected (not those that were edited first) and that the
judge scored are counted: Cohen's kappa, and for every mark precision and recall with 95 % intervals (Wilson). The mark for the
wanted precision is told twice: the lowest that reached it on these samples, and the lowest whose whole interval lies above it.

With --json one object:
  {\"job\":\"<name>\",\"judge\":n,\"edited\":n,\"unscored\":n,\"labelled\":n,\"good\":n,\"now\":{…a mark}|null,
   \"marks\":[{\"at\":x,\"confusion\":{\"good_accepted\":n,\"bad_accepted\":n,\"good_rejected\":n,\"bad_rejected\":n},
   \"precision\":x|null,\"precision_between\":[x,x],\"recall\":x|null,\"recall_between\":[x,x],\"kappa\":x|null}],
   \"wanted\":{\"precision\":x,\"reached\":{…a mark}|null,\"certain\":{…a mark}|null}}";
const COUNT_JSON: &str = "With --json one object: {\"job\":\"<name>\",\"done\":\"…\",\"tasks\":n}";

/// Manage jobs.
#[derive(Debug, Clone, Subcommand)]
pub enum JobsCommand {
    /// List all jobs
    #[command(after_long_help = LIST_JSON)]
    List,
    /// Show one job: numbers, reasons, teachers, and its job file
    #[command(after_long_help = SHOW_JSON)]
    Show {
        /// The job's name
        job: String,
    },
    /// Store a job without starting it
    #[command(after_long_help = STARTED_JSON)]
    Create {
        /// A job file, the name of a bundled job, or - for a job file on stdin
        #[arg(value_name = "JOB.toml|NAME|-")]
        job: String,
    },
    /// Copy a job's file under a new name
    #[command(after_long_help = STARTED_JSON)]
    Clone {
        /// The job to copy
        job: String,
        /// The new name
        name: String,
    },
    /// Change a job's file in $EDITOR: a new revision
    #[command(after_long_help = STARTED_JSON)]
    Edit {
        /// The job's name
        job: String,
        /// Take the new text from this file, - for stdin
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Pause a job
    #[command(after_long_help = DONE_JSON)]
    Pause {
        /// The job's name
        job: String,
    },
    /// Queue a paused job again; `run` or the full-screen application then runs it
    #[command(after_long_help = DONE_JSON)]
    Resume {
        /// The job's name
        job: String,
    },
    /// Stop a job for good; what was made stays
    #[command(after_long_help = COUNT_JSON)]
    Cancel {
        /// The job's name
        job: String,
    },
    /// Put failed tasks back into the queue; `run` then asks them again
    #[command(after_long_help = COUNT_JSON)]
    Retry {
        /// The job's name
        job: String,
    },
    /// Make all verdicts again from stored answers, without a request; shows what would change
    #[command(after_long_help = REJUDGE_JSON)]
    Rejudge {
        /// The job's name
        job: String,
        /// Put the new verdicts in force and write the dataset anew
        #[arg(long)]
        apply: bool,
    },
    /// Say how varied a job's dataset is: distinct words, near duplicates, lengths, classes
    #[command(after_long_help = report::JSON)]
    Report {
        /// The job's name
        job: String,
        /// Look at the texts of this field instead of the last answers
        #[arg(long, value_name = "FIELD")]
        field: Option<String>,
        /// Count the values of this field instead of those the job varies or selects by
        #[arg(long, value_name = "FIELD")]
        class: Option<String>,
    },
    /// Hold a judge's scores against what persons said of the same samples: agreement, and which mark gives a wanted precision
    #[command(after_long_help = CALIBRATE_JSON)]
    Calibrate {
        /// The job's name
        job: String,
        /// Which of its judges, where it has several
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        judge: u32,
        /// The wanted share of good ones among the accepted
        #[arg(long, value_name = "SHARE", default_value_t = 0.95, value_parser = share)]
        precision: f64,
    },
    /// Remove a job with its tasks, responses and samples; its dataset files stay
    #[command(after_long_help = DONE_JSON)]
    Delete {
        /// The job's name
        job: String,
        /// Do not ask for the name again
        #[arg(long)]
        yes: bool,
    },
}

/// A share from 0 to 1.
fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text
        .parse()
        .map_err(|_| "write a share such as 0.95".to_owned())?;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err(format!("a share is from 0 to 1, not {share}"))
    }
}

/// Carries the command out.
pub(super) async fn run(command: &JobsCommand, plain: &mut Plain<'_>) -> Outcome {
    match command {
        JobsCommand::List => list(plain).await,
        JobsCommand::Show { job } => show(job, plain).await,
        JobsCommand::Create { job } => {
            let source = source::read(job, plain.out).await?;
            started(Command::Create(source), plain).await
        }
        JobsCommand::Clone { job, name } => {
            let order = Command::Clone {
                job: job.clone(),
                name: name.clone(),
            };
            started(order, plain).await
        }
        JobsCommand::Edit { job, file } => edit(job, file.as_ref(), plain).await,
        JobsCommand::Pause { job } => done(Command::Pause(job.clone()), job, "paused", plain).await,
        JobsCommand::Resume { job } => {
            let code = done(Command::Resume(job.clone()), job, "queued", plain).await?;
            plain.out.say(format!("`destiler run {job}` goes on with it"));
            Ok(code)
        }
        JobsCommand::Cancel { job } => done(Command::Cancel(job.clone()), job, "cancelled", plain).await,
        JobsCommand::Retry { job } => {
            let code = done(Command::Retry(job.clone()), job, "queued again", plain).await?;
            plain.out.say(format!("`destiler run {job}` asks them"));
            Ok(code)
        }
        JobsCommand::Rejudge { job, apply } => rejudge::run(job, *apply, plain).await,
        JobsCommand::Report { job, field, class } => {
            report::run(job, field.as_ref(), class.as_ref(), plain).await
        }
        JobsCommand::Calibrate {
            job,
            judge,
            precision,
        } => calibrate::run(job, *judge, *precision, plain).await,
        JobsCommand::Delete { job, yes } => {
            if !yes {
                confirm(job, plain.out).await?;
            }
            done(Command::Delete(job.clone()), job, "deleted", plain).await
        }
    }
}

async fn list(plain: &mut Plain<'_>) -> Outcome {
    let Answer::Jobs(rows) = plain.app.ask(Query::Jobs).await? else {
        return Err(Ending::mismatch());
    };
    if plain.out.json {
        for row in &rows {
            plain.out.json(&row_json(row))?;
        }
        return Ok(exit::OK);
    }
    if rows.is_empty() {
        plain
            .out
            .say("no jobs yet; `destiler demo` runs one offline, `destiler run JOB.toml` runs yours");
        return Ok(exit::OK);
    }
    plain.out.table(&table(&rows))?;
    Ok(exit::OK)
}

fn table(rows: &[JobRow]) -> Table {
    let mut table = Table::new(&[
        ("JOB", Align::Left),
        ("STATE", Align::Left),
        ("TASKS", Align::Right),
        ("ACCEPTED", Align::Right),
        ("REJECTED", Align::Right),
        ("REVIEW", Align::Right),
        ("COST", Align::Right),
        ("ABOUT", Align::Left),
    ]);
    for row in rows {
        let [accepted, rejected, review] = row.samples;
        let target = row
            .target
            .map(|target| format!("/{}", grouped(target)))
            .unwrap_or_default();
        let cap = row.usd_cap.map(|cap| format!("/{cap}")).unwrap_or_default();
        let about = row.state.reason().unwrap_or_else(|| row.description.clone());
        table.row(vec![
            Cell::styled(Style::Strong, &row.name),
            Cell::styled(state_style(&row.state), row.state.word()),
            grouped(row.counts.planned()).into(),
            format!("{}{target}", grouped(accepted)).into(),
            grouped(rejected).into(),
            grouped(review).into(),
            format!("{}{cap}", row.usd).into(),
            about.into(),
        ]);
    }
    table
}

fn state_style(state: &JobState) -> Style {
    match state {
        JobState::Completed => Style::Good,
        JobState::Paused(_) | JobState::Pausing => Style::Warn,
        JobState::Failed(_) => Style::Bad,
        JobState::Draft | JobState::Cancelled(_) => Style::Faint,
        JobState::Queued | JobState::Running => Style::Plain,
    }
}

fn row_json(row: &JobRow) -> Value {
    use crate::core::task::TaskState;
    let [accepted, rejected, needs_review] = row.samples;
    json!({
        "name": row.name,
        "description": row.description,
        "state": row.state.word(),
        "reason": row.state.reason(),
        "tasks": {
            "planned": row.counts.planned(),
            "accepted": row.counts.of(TaskState::Accepted),
            "rejected": row.counts.of(TaskState::Rejected),
            "failed": row.counts.of(TaskState::Failed),
            "cancelled": row.counts.of(TaskState::Cancelled),
            "pending": row.counts.pending(),
        },
        "samples": { "accepted": accepted, "rejected": rejected, "needs_review": needs_review },
        "target": row.target,
        "usd": row.usd.usd(),
        "usd_cap": row.usd_cap.map(crate::core::budget::Money::usd),
        "created_ms": row.created_ms,
    })
}

async fn show(job: &str, plain: &mut Plain<'_>) -> Outcome {
    let detail = detail(job, plain).await?;
    if plain.out.json {
        plain.out.json(&detail_json(&detail))?;
    } else {
        print_detail(&detail, plain.out)?;
    }
    Ok(exit::OK)
}

async fn detail(job: &str, plain: &Plain<'_>) -> Result<Box<JobDetail>, Ending> {
    match plain.app.ask(Query::Job(job.to_owned())).await? {
        Answer::Job(detail) => Ok(detail),
        _ => Err(Ending::mismatch()),
    }
}

fn detail_json(detail: &JobDetail) -> Value {
    let rejected: serde_json::Map<String, Value> = detail
        .reasons
        .iter()
        .map(|(reason, count)| (reason.word().to_owned(), json!(count)))
        .collect();
    let failed: serde_json::Map<String, Value> = detail
        .failures
        .iter()
        .map(|(reason, count)| (reason.clone(), json!(count)))
        .collect();
    let teachers: Vec<Value> = detail
        .teachers
        .iter()
        .map(|teacher| {
            json!({
                "name": teacher.name,
                "usd": teacher.usd.usd(),
                "tokens": teacher.tokens,
                "requests": teacher.requests,
                "accepted": teacher.accepted,
                "judged": teacher.judged,
                "usd_per_accepted": teacher.usd_per_accepted(),
            })
        })
        .collect();
    let mut object = row_json(&detail.row);
    object["revision"] = json!(detail.revision);
    object["source"] = json!(detail.source);
    object["summary"] = json!(detail.summary);
    object["rejected"] = Value::Object(rejected);
    object["failed"] = Value::Object(failed);
    object["teachers"] = Value::Array(teachers);
    object
}

fn print_detail(detail: &JobDetail, out: &mut Output) -> Result<(), Ending> {
    let row = &detail.row;
    let reason = row
        .state
        .reason()
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    out.print(
        Line::styled(Style::Strong, &row.name)
            .and(Style::Plain, "  ")
            .and(state_style(&row.state), row.state.word())
            .and(Style::Plain, reason),
    )?;
    if !row.description.is_empty() {
        out.print(labelled("about", &row.description))?;
    }
    out.print(labelled(
        "created",
        format!("{}, revision {}", date(row.created_ms), detail.revision),
    ))?;
    for line in numbers(&detail.summary) {
        out.print(line)?;
    }
    for (reason, count) in &detail.reasons {
        out.print(labelled(
            "rejected",
            format!("{} {}", grouped(*count), reason.word()),
        ))?;
    }
    for (reason, count) in &detail.failures {
        out.print(labelled("failed", format!("{} {reason}", grouped(*count))))?;
    }
    if !detail.teachers.is_empty() {
        out.print("")?;
        out.table(&teachers(detail))?;
    }
    out.print("")?;
    out.block(&detail.source, "")?;
    Ok(())
}

fn teachers(detail: &JobDetail) -> Table {
    let mut table = Table::new(&[
        ("TEACHER", Align::Left),
        ("REQUESTS", Align::Right),
        ("TOKENS", Align::Right),
        ("ACCEPTED", Align::Right),
        ("JUDGED", Align::Right),
        ("COST", Align::Right),
        ("PER 1,000 ACCEPTED", Align::Right),
    ]);
    for teacher in &detail.teachers {
        table.row(vec![
            teacher.name.as_str().into(),
            grouped(teacher.requests).into(),
            grouped(teacher.tokens).into(),
            grouped(teacher.accepted).into(),
            grouped(teacher.judged).into(),
            teacher.usd.to_string().into(),
            teacher.per_thousand().into(),
        ]);
    }
    table
}

/// An order that stores a job.
async fn started(order: Command, plain: &mut Plain<'_>) -> Outcome {
    let Receipt::Started(started) = plain.app.order(order).await? else {
        return Err(Ending::mismatch());
    };
    let how = match started.how {
        How::Created => "created",
        How::Resumed => "resumed",
        How::Revised => "revised",
        How::Unchanged => "unchanged",
    };
    plain
        .out
        .say(Line::from("job ").and(Style::Strong, &started.job).and(
            Style::Plain,
            format!(" {how}; `destiler run {}` runs it", started.job),
        ));
    for note in &started.notes {
        plain
            .out
            .say(Line::styled(Style::Faint, "note: ").and(Style::Plain, note));
    }
    if plain.out.json {
        plain
            .out
            .json(&json!({ "job": started.job, "how": how, "notes": started.notes }))?;
    }
    Ok(exit::OK)
}

/// An order about a stored job.
async fn done(order: Command, job: &str, verb: &str, plain: &mut Plain<'_>) -> Outcome {
    let tasks = match plain.app.order(order).await? {
        Receipt::Done => None,
        Receipt::Count(tasks) => Some(tasks),
        _ => return Err(Ending::mismatch()),
    };
    let counted = tasks
        .map(|tasks| format!(": {}", count(tasks, "task")))
        .unwrap_or_default();
    plain
        .out
        .say(Line::styled(Style::Strong, job).and(Style::Plain, format!(" {verb}{counted}")));
    if plain.out.json {
        let mut object = json!({ "job": job, "done": verb });
        if let Some(tasks) = tasks {
            object["tasks"] = json!(tasks);
        }
        plain.out.json(&object)?;
    }
    Ok(exit::OK)
}

async fn edit(job: &str, file: Option<&PathBuf>, plain: &mut Plain<'_>) -> Outcome {
    let name = job.to_owned();
    if let Some(path) = file {
        let source = if path.as_os_str() == "-" {
            plain.out.read_all().await?
        } else {
            files::read(path).await?
        };
        return started(Command::Edit { job: name, source }, plain).await;
    }
    let stored = detail(job, plain).await?;
    let copy = format!("{}.toml", stored.row.name);
    let Some(edited) = editor::edit(plain.surroundings, &copy, &stored.source).await? else {
        plain.out.say("nothing changed");
        return Ok(exit::OK);
    };
    let source = edited.text.clone();
    match started(Command::Edit { job: name, source }, plain).await {
        Err(Ending::Failed(failure)) => Err(edited
            .refused(*failure, &format!("destiler jobs edit {job}"))
            .into()),
        outcome => {
            edited.discard().await;
            outcome
        }
    }
}

/// Wants the name typed by a person.
async fn confirm(job: &str, out: &mut Output) -> Result<(), Ending> {
    if !out.stdin.is_terminal {
        return Err(Ending::usage(
            format!("deleting {job} removes its tasks, responses and samples for good"),
            "say so with --yes",
        ));
    }
    out.prompt(&format!(
        "This removes {job} with its tasks, responses and samples. Type its name to go on: "
    ));
    if out.read_line().await?.trim() == job {
        return Ok(());
    }
    Err(Ending::usage(
        "that is another name: nothing was deleted",
        format!("`destiler jobs delete {job} --yes` does not ask"),
    ))
}
