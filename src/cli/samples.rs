//! `samples`: the filter language, one sample with its provenance, and a person's decisions.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::format::count;
use super::output::{Ending, Outcome, Output};
use super::{Plain, editor, exit, files, sample_text};
use crate::core::api::{Answer, Command, Query, Receipt, SampleQuery, StreamRequest};
use crate::core::ports::Decided;
use crate::core::sample::{Sample, SampleId, StepAnswer};

const FILTER: &str = "\
The filter is words separated by spaces, as on the samples screen:
  job:NAME status:accepted,rejected,pending,edited,decided reason:schema,near_duplicate
  teacher:openrouter/x provider:openrouter* model:*qwen* after:2h task:4210 seed:TEXT
  judge:>=3.5 dup:>0.9 len:<200 tokens:>1k cost:>0.01 attempt:>1 tag:WORD field.answer~\"regex\"
and anything else is searched as text; quotes keep spaces together. All words must hold;
-word must not, a OR b needs one of them, ( ) group.

Every sample is an object on a line, with or without --json, in the `raw` shape:
  {\"id\",\"task\",\"candidate\",\"seed\":{…},\"vary\":{…},
   \"steps\":{\"<name>\":{\"text\",\"value\",\"reasoning\",\"tool_calls\",\"finish_reason\"}},
   \"teacher\":\"provider/model\",\"usage\":{\"input\",\"output\",\"usd\"},\"verdicts\":[…],\"review\":null,\"provenance\":{…}}

  destiler samples list 'job:quiz state:needs_review' | jq -r .id | destiler samples accept -";
const SHOW_JSON: &str = "\
With --json one object:
  {\"id\",\"job\",\"task\",\"candidate\",\"state\",\"reason\",\"seed\":{…},\"vary\":{…},
   \"steps\":{\"<name>\":{\"text\",\"value\",\"reasoning\",\"tool_calls\",\"finish_reason\",\"teacher\",\"usage\"}},
   \"verdicts\":[…],\"review\":…,
   \"requests\":[{\"id\",\"step\",\"candidate\",\"ask\",\"teacher\",\"fingerprint\",\"state\",\"usd\",\"error\",
                \"latency_ms\",\"status\",\"response\"}]}";
const UNDO_JSON: &str = "\
With --json one object: {\"done\":\"accepted 3 samples\",\"samples\":n,\"skipped\":n,\"notes\":[…]}; with ids as `accept`.";
const HISTORY_JSON: &str = "\
With --json an object a line: {\"entry\":n,\"at_ms\":n,\"what\":\"…\",\"job\":\"…\",\"samples\":n,\"blocked\":null}";
const DECIDE_JSON: &str = "With --json one object: {\"done\":\"accepted\",\"samples\":n}";

/// List, judge and edit samples.
#[derive(Debug, Clone, Subcommand)]
pub enum SamplesCommand {
    /// Print samples as JSON lines
    #[command(after_long_help = FILTER)]
    List {
        /// Which samples; all of them without
        #[arg(value_name = "FILTER")]
        filter: Vec<String>,
    },
    /// Show one sample with every attempt behind it
    #[command(after_long_help = SHOW_JSON)]
    Show {
        /// The sample's id
        id: String,
    },
    /// Take samples into the dataset, whatever the validators said
    #[command(after_long_help = DECIDE_JSON)]
    Accept(Ids),
    /// Take samples out of the dataset
    #[command(after_long_help = DECIDE_JSON)]
    Reject {
        /// Which samples.
        #[command(flatten)]
        ids: Ids,
        /// Why, in your words
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Change an answer in $EDITOR and accept the sample
    #[command(after_long_help = DECIDE_JSON)]
    Edit {
        /// The sample's id
        id: String,
        /// Which step's answer; the last one unless told
        #[arg(long, value_name = "NAME")]
        step: Option<String>,
        /// Take the new answer from this file, - for stdin
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Take the last decision about samples back; without ids, what was done last, however many samples it was
    #[command(after_long_help = UNDO_JSON)]
    Undo {
        /// Ids of samples; - reads them from stdin
        #[arg(value_name = "ID|-", conflicts_with = "job")]
        ids: Vec<String>,
        /// What was done last in this job
        #[arg(long, value_name = "NAME")]
        job: Option<String>,
    },
    /// Do again what was taken back last
    #[command(after_long_help = UNDO_JSON)]
    Redo {
        /// In this job
        #[arg(long, value_name = "NAME")]
        job: Option<String>,
    },
    /// List what was done by hand, newest first
    #[command(after_long_help = HISTORY_JSON)]
    History {
        /// In this job
        #[arg(long, value_name = "NAME")]
        job: Option<String>,
    },
}

/// Which samples a person decides about.
#[derive(Debug, Clone, Args)]
pub struct Ids {
    /// Ids of samples; - reads them from stdin, one a line, or JSON lines with an "id"
    #[arg(required = true, value_name = "ID|-")]
    pub ids: Vec<String>,
}

/// Carries the command out.
pub(super) async fn run(command: &SamplesCommand, plain: &mut Plain<'_>) -> Outcome {
    match command {
        SamplesCommand::List { filter } => list(&filter.join(" "), plain).await,
        SamplesCommand::Show { id } => {
            let Answer::Sample(detail) = plain.app.ask(Query::Sample(SampleId(id.clone()))).await? else {
                return Err(Ending::mismatch());
            };
            if plain.out.json {
                plain.out.json(&sample_text::detail_json(&detail))?;
            } else {
                sample_text::print(&detail, plain.out)?;
            }
            Ok(exit::OK)
        }
        SamplesCommand::Accept(ids) => {
            let ids = read_ids(&ids.ids, plain.out).await?;
            decide(ids, Decided::Accept, "accepted", plain).await
        }
        SamplesCommand::Reject { ids, note } => {
            let ids = read_ids(&ids.ids, plain.out).await?;
            let note = note.clone();
            decide(ids, Decided::Reject { note }, "rejected", plain).await
        }
        SamplesCommand::Undo { ids, job } if ids.is_empty() => {
            let undo = Command::Undo {
                job: job.clone(),
                entry: None,
            };
            revert(undo, "taken back", plain).await
        }
        SamplesCommand::Undo { ids, .. } => {
            let ids = read_ids(ids, plain.out).await?;
            decide(ids, Decided::Undo, "taken back", plain).await
        }
        SamplesCommand::Redo { job } => revert(Command::Redo { job: job.clone() }, "done again", plain).await,
        SamplesCommand::History { job } => history(job.clone(), plain).await,
        SamplesCommand::Edit { id, step, file } => edit(id, step.as_deref(), file.as_ref(), plain).await,
    }
}

async fn list(filter: &str, plain: &mut Plain<'_>) -> Outcome {
    let query = SampleQuery::parse(filter).map_err(|error| {
        Ending::usage(
            error.to_string(),
            "`destiler help samples list` explains the filter",
        )
    })?;
    let report = {
        let mut rows = plain.out.rows();
        plain
            .app
            .stream(StreamRequest::Samples(query), &mut *rows)
            .await?
    };
    if report.closed {
        return Err(Ending::ClosedPipe);
    }
    plain.out.say(count(report.rows, "sample"));
    Ok(exit::OK)
}

/// The ids given, or those on stdin: one a line, or JSON lines as `samples list` prints them.
async fn read_ids(words: &[String], out: &mut Output) -> Result<Vec<SampleId>, Ending> {
    if words != ["-"] {
        return Ok(words.iter().cloned().map(SampleId).collect());
    }
    let text = out.read_all().await?;
    let mut ids = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let id = if line.starts_with('{') {
            serde_json::from_str::<Value>(line)
                .ok()
                .and_then(|row| Some(row.get("id")?.as_str()?.to_owned()))
                .ok_or_else(|| {
                    Ending::usage(
                        format!("line {} of stdin has no \"id\"", at + 1),
                        "give one id a line, or the lines of `destiler samples list`",
                    )
                })?
        } else {
            line.trim_matches('"').to_owned()
        };
        ids.push(SampleId(id));
    }
    Ok(ids)
}

async fn decide(samples: Vec<SampleId>, decided: Decided, verb: &str, plain: &mut Plain<'_>) -> Outcome {
    let given = samples.len() as u64;
    let done = if samples.is_empty() {
        0
    } else {
        match plain.app.order(Command::Decide { samples, decided }).await? {
            Receipt::Count(done) => done,
            _ => return Err(Ending::mismatch()),
        }
    };
    let of = if done == given {
        String::new()
    } else {
        format!(" of {given}")
    };
    plain.out.say(format!("{}{of} {verb}", count(done, "sample")));
    if plain.out.json {
        plain.out.json(&json!({ "done": verb, "samples": done }))?;
    }
    Ok(exit::OK)
}

async fn revert(command: Command, how: &str, plain: &mut Plain<'_>) -> Outcome {
    let Receipt::Reverted(done) = plain.app.order(command).await? else {
        return Err(Ending::mismatch());
    };
    let skipped = match done.skipped {
        0 => String::new(),
        skipped => format!(
            "; {} decided about again since, left alone",
            count(skipped, "sample")
        ),
    };
    plain.out.say(format!("{how}: {}{skipped}", done.label));
    for note in &done.notes {
        plain.out.say(note.as_str());
    }
    if plain.out.json {
        plain.out.json(&json!({
            "done": done.label, "samples": done.rows, "skipped": done.skipped, "notes": done.notes,
        }))?;
    }
    Ok(exit::OK)
}

async fn history(job: Option<String>, plain: &mut Plain<'_>) -> Outcome {
    let Answer::History(rows) = plain.app.ask(Query::History { job, limit: 100 }).await? else {
        return Err(Ending::mismatch());
    };
    for row in rows {
        let entry = &row.entry;
        if plain.out.json {
            plain.out.json(&json!({
                "entry": entry.id.0, "at_ms": entry.at_ms, "what": entry.label, "job": row.job,
                "samples": entry.rows, "blocked": row.blocked,
            }))?;
            continue;
        }
        let job = row.job.as_deref().unwrap_or("several jobs");
        let blocked = row.blocked.map(|why| format!(" ({why})")).unwrap_or_default();
        plain.out.print(format!(
            "{}  {job}: {}{blocked}",
            super::format::date(entry.at_ms),
            entry.label
        ))?;
    }
    Ok(exit::OK)
}

async fn edit(id: &str, step: Option<&str>, file: Option<&PathBuf>, plain: &mut Plain<'_>) -> Outcome {
    let sample = SampleId(id.to_owned());
    let Answer::Sample(detail) = plain.app.ask(Query::Sample(sample.clone())).await? else {
        return Err(Ending::mismatch());
    };
    let at = find_step(&detail.sample, step)?;
    let mut steps = detail.sample.steps;
    let order = |steps: Vec<StepAnswer>| (vec![sample], Decided::Edit { steps });
    if let Some(path) = file {
        let text = if path.as_os_str() == "-" {
            plain.out.read_all().await?
        } else {
            files::read(path).await?
        };
        rewrite(&mut steps[at], text.trim_end_matches('\n'))?;
        let (samples, decided) = order(steps);
        return decide(samples, decided, "edited", plain).await;
    }
    let extension = if steps[at].value.is_some() { "json" } else { "md" };
    let copy = format!("{}.{extension}", steps[at].step);
    let text = steps[at].text.clone();
    let Some(edited) = editor::edit(plain.surroundings, &copy, &text).await? else {
        plain.out.say("nothing changed");
        return Ok(exit::OK);
    };
    let rewritten = rewrite(&mut steps[at], edited.text.trim_end_matches('\n'));
    let outcome = match rewritten {
        Ok(()) => {
            let (samples, decided) = order(steps);
            decide(samples, decided, "edited", plain).await
        }
        Err(ending) => Err(ending),
    };
    match outcome {
        Err(Ending::Failed(failure)) => {
            let command = format!("destiler samples edit {id}");
            Err(edited.refused(*failure, &command).into())
        }
        outcome => {
            edited.discard().await;
            outcome
        }
    }
}

fn find_step(sample: &Sample, step: Option<&str>) -> Result<usize, Ending> {
    let found = match step {
        Some(name) => sample.steps.iter().position(|answer| answer.step == name),
        None => sample.steps.len().checked_sub(1),
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = sample.steps.iter().map(|answer| &*answer.step).collect();
        Ending::usage(
            format!("the sample has no answer of `{}`", step.unwrap_or("any step")),
            format!("its steps: {}", names.join(", ")),
        )
    })
}

/// Puts a person's text in the place of an answer; one that was JSON stays JSON.
fn rewrite(answer: &mut StepAnswer, text: &str) -> Result<(), Ending> {
    if answer.value.is_some() {
        let value = serde_json::from_str(text).map_err(|error| {
            Ending::usage(
                format!(
                    "the answer of {} has a schema, and this is no JSON: {error}",
                    answer.step
                ),
                "write one JSON value",
            )
        })?;
        answer.value = Some(value);
    }
    text.clone_into(&mut answer.text);
    Ok(())
}
