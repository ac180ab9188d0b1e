//! `import`: a dataset that is there already becomes a job, and runs to its end without asking anybody.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::format::count;
use super::line::{Line, Style};
use super::output::{Ending, Outcome, Output};
use super::run::follow;
use super::{Plain, Session, exit};
use crate::core::api::{Answer, Application, Failure, FailureKind, JobSource, Query, RunOptions};
use crate::core::imported::{ImportPlan, ImportRequest, Survey};
use crate::core::job::parse::FORMAT_KINDS;
use crate::core::text::grouped;

const HELP: &str = "\
The whole file is looked over first: where any row is broken, each is named with its line and nothing is imported, unless
--skip-broken leaves them out. The import is a job like any other: `destiler jobs show NAME` has its job file, whose steps are
given their answers by the rows. Nobody is asked. It can be killed at any time; the same command then goes on. The same
bytes are imported once, unless --name gives them another name.

With --json the last line of stdout is the object of `run --json`, with {\"import\":{\"format\":\"…\",\"dataset\":\"…\",\"rows\":n,
\"broken\":n,\"problems\":[\"…\"],\"sha256\":\"…\",\"columns\":[[\"…\",n]],\"lost\":[[\"…\",n]],\"reasoning\":\"…\"},\"already\":false}
on the line before it. With --dry-run that line is all, and has \"source\": the job file.
Exit code 7 if rows are broken and not left out.";

/// Which file, as what.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = HELP)]
pub struct ImportArguments {
    /// Rows of a dataset: .jsonl, .json, .csv, .tsv or .parquet
    pub file: PathBuf,
    /// The format of its rows; what they look like unless told.
    #[arg(
        long,
        value_name = "FORMAT",
        help = format!("The format of its rows, which is seen unless told: {}", FORMAT_KINDS.join(", "))
    )]
    pub format: Option<String>,
    /// The job's name; made of the file's unless told
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Let the samples wait for review instead of accepting them
    #[arg(long)]
    pub review: bool,
    /// Leave out rows that are broken
    #[arg(long)]
    pub skip_broken: bool,
    /// Look the file over, show the job file, keep nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl ImportArguments {
    fn request(&self) -> ImportRequest {
        ImportRequest {
            file: self.file.clone(),
            format: self.format.clone(),
            name: self.name.clone(),
            review: self.review,
            skip_broken: self.skip_broken,
        }
    }
}

/// Says what an import would make.
pub(super) async fn dry_run(arguments: &ImportArguments, plain: &mut Plain<'_>) -> Outcome {
    let plan = plan(arguments, plain.app).await?;
    say(&plan, plain.out);
    if plain.out.json {
        let mut line = line(&plan);
        line["source"] = plan.source.clone().into();
        plain.out.json(&line)?;
    } else {
        plain.out.block(&plan.source, "")?;
    }
    plain.out.say("nothing was kept");
    Ok(if is_refused(arguments, &plan.survey) {
        exit::RECORDS
    } else {
        exit::OK
    })
}

/// Imports the file.
pub(super) async fn run(arguments: &ImportArguments, session: &mut Session<'_>) -> Outcome {
    let plan = {
        let app = session.app;
        tokio::select! {
            biased;
            Some(signal) = session.signals.recv() => {
                session.out.say("stopped before it began: nothing is imported");
                return Err(Ending::Exit(signal.exit_code()));
            }
            plan = plan(arguments, app) => plan?,
        }
    };
    say(&plan, session.out);
    if session.out.json {
        session.out.json(&line(&plan))?;
    }
    if is_refused(arguments, &plan.survey) {
        let broken = count(plan.survey.broken, "row");
        let failure = Failure::new(FailureKind::Records, format!("{broken} cannot be imported"));
        return Err(failure
            .help("mend them, or leave them out with --skip-broken; nothing is imported")
            .into());
    }
    // A job that was made of these bytes goes on as it stands now, whatever became of its job file.
    let source = match plan.already {
        Some(name) => JobSource::Name(name),
        None => JobSource::Text {
            source: plan.source,
            base: plan.base,
        },
    };
    Ok(follow(session, source, RunOptions::default(), false).await?.1)
}

async fn plan(arguments: &ImportArguments, app: &dyn Application) -> Result<ImportPlan, Ending> {
    match app.ask(Query::Import(arguments.request())).await? {
        Answer::Import(plan) => Ok(*plan),
        _ => Err(Ending::mismatch()),
    }
}

fn is_refused(arguments: &ImportArguments, survey: &Survey) -> bool {
    survey.broken > 0 && !arguments.skip_broken
}

fn line(plan: &ImportPlan) -> serde_json::Value {
    json!({ "import": plan.survey, "job": plan.name, "already": plan.already.is_some() })
}

fn say(plan: &ImportPlan, out: &mut Output) {
    let survey = &plan.survey;
    let whole = Line::styled(Style::Strong, count(survey.rows, "row"));
    out.say(whole.and(Style::Plain, format!(" as {}", survey.format)));
    for problem in &survey.problems {
        out.say(Line::styled(Style::Bad, "  broken: ").and(Style::Plain, problem));
    }
    let more = survey.broken.saturating_sub(survey.problems.len() as u64);
    if more > 0 {
        out.say(format!("  and {} more broken", grouped(more)));
    }
    let names = |names: &[(String, u64)]| {
        let names: Vec<String> = names
            .iter()
            .take(12)
            .map(|(name, rows)| format!("{name} ({})", count(*rows, "row")))
            .collect();
        names.join(", ")
    };
    if survey.dataset != survey.format {
        out.say(format!(
            "  written again as {}, which has a place for all of it",
            survey.dataset
        ));
    }
    if !survey.columns.is_empty() {
        let columns = names(&survey.columns);
        out.say(format!(
            "  kept as fields, but no part of {}: {columns}",
            survey.dataset
        ));
    }
    if !survey.lost.is_empty() {
        out.say(format!("  without a place, left out: {}", names(&survey.lost)));
    }
    if let Some(job) = &plan.already {
        out.say(format!(
            "  the same bytes were imported before: that is job {job}; --name NAME imports them once more"
        ));
    }
}
