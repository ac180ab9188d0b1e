//! `export` and `verify`: a dataset written, and a dataset checked.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::format::{bytes, count};
use super::line::{Line, Style};
use super::output::{Ending, Outcome};
use super::{Plain, exit};
use crate::core::api::{Answer, Command, Export, Query, Receipt, StreamRequest};
use crate::core::job::ReasoningStyle;
use crate::core::job::parse::FORMAT_KINDS;

const EXPORT_JSON: &str = "\
Rows go to stdout as they are; how many is said on stderr.
With -o and --json one object: {\"rows\":n,\"file\":\"…\"}";
const VERIFY_JSON: &str = "\
With --json one object: {\"job\":\"<name>\",\"rows\":n,\"bytes\":n,\"findings\":[\"…\"]}
Exit code 7 if anything is wrong.";

/// Which rows, in which shape, where to.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = EXPORT_JSON)]
pub struct ExportArguments {
    /// The job's name
    pub job: String,
    /// Write into this file, whole or not at all, instead of stdout; .csv and .parquet are containers, other names JSON lines
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Another format than the job's.
    #[arg(
        long,
        value_name = "FORMAT",
        help = format!("Another format than the job's: {}", FORMAT_KINDS.join(", "))
    )]
    pub format: Option<String>,
    /// How reasoning is written, other than as the job says
    #[arg(long, value_enum, value_name = "HOW")]
    pub reasoning: Option<Reasoning>,
    /// Only this part of the split
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// Samples besides the accepted ones
    #[arg(long, value_enum, value_name = "WHICH")]
    pub include: Option<Include>,
}

/// How reasoning is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Reasoning {
    /// Left out.
    Drop,
    /// `<think>…</think>` before the answer.
    Inline,
    /// Under its own key of that name.
    ReasoningContent,
    /// Under its own key of that name.
    Thinking,
}

impl From<Reasoning> for ReasoningStyle {
    fn from(reasoning: Reasoning) -> Self {
        match reasoning {
            Reasoning::Drop => Self::Drop,
            Reasoning::Inline => Self::Inline,
            Reasoning::ReasoningContent => Self::ReasoningContent,
            Reasoning::Thinking => Self::Thinking,
        }
    }
}

/// Samples besides the accepted ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Include {
    /// Rejected ones and those that wait for a person.
    Rejected,
}

/// Which dataset.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = VERIFY_JSON)]
pub struct VerifyArguments {
    /// The directory with the dataset's manifest.json
    pub dir: PathBuf,
}

/// Writes the rows.
pub(super) async fn export(arguments: &ExportArguments, plain: &mut Plain<'_>) -> Outcome {
    let export = Export {
        job: arguments.job.clone(),
        format: arguments.format.clone(),
        reasoning: arguments.reasoning.map(ReasoningStyle::from),
        split: arguments.split.clone(),
        include_rejected: arguments.include.is_some(),
    };
    let Some(path) = &arguments.output else {
        let report = {
            let mut rows = plain.out.rows();
            plain
                .app
                .stream(StreamRequest::Export(export), &mut *rows)
                .await?
        };
        if report.closed {
            return Err(Ending::ClosedPipe);
        }
        plain.out.say(count(report.rows, "row"));
        return Ok(exit::OK);
    };
    let order = Command::ExportTo {
        export,
        path: path.clone(),
    };
    let Receipt::Count(rows) = plain.app.order(order).await? else {
        return Err(Ending::mismatch());
    };
    plain
        .out
        .say(format!("{} in {}", count(rows, "row"), path.display()));
    if plain.out.json {
        plain.out.json(&json!({ "rows": rows, "file": path }))?;
    }
    Ok(exit::OK)
}

/// Checks the dataset.
pub(super) async fn verify(arguments: &VerifyArguments, plain: &mut Plain<'_>) -> Outcome {
    let answer = plain.app.ask(Query::Verify(arguments.dir.clone())).await?;
    let Answer::Verified(verified) = answer else {
        return Err(Ending::mismatch());
    };
    if plain.out.json {
        plain.out.json(&verified)?;
    } else {
        for finding in &verified.findings {
            plain
                .out
                .print(Line::styled(Style::Bad, "✗ ").and(Style::Plain, finding))?;
        }
        let size = format!("{}, {}", count(verified.rows, "row"), bytes(verified.bytes));
        let line = if verified.findings.is_empty() {
            Line::styled(Style::Good, "✓ ").and(
                Style::Plain,
                format!(
                    "{}: {size}; every byte and every row is accounted for",
                    verified.job
                ),
            )
        } else {
            let job = if verified.job.is_empty() {
                arguments.dir.display().to_string()
            } else {
                verified.job.clone()
            };
            Line::from(format!(
                "{job}: {size}, {}",
                count(verified.findings.len() as u64, "finding")
            ))
        };
        plain.out.print(line)?;
    }
    Ok(if verified.findings.is_empty() {
        exit::OK
    } else {
        exit::RECORDS
    })
}
