//! `lint`: rows checked for a trainer before it fails on them.

use std::fmt::Write as _;
use std::path::Path;

use clap::Args;

use super::format::count;
use super::line::{Line, Style};
use super::output::{Ending, Outcome};
use super::{Plain, exit};
use crate::core::api::{FoundOften, LintRows, StreamReport, StreamRequest};
use crate::core::job::parse::Severity;
use crate::core::text::grouped;

const HELP: &str = "\
  destiler lint train.jsonl --for axolotl
  destiler export NAME --format openai | destiler lint - --for openai

An error stops the trainer or teaches it something wrong; a warning wants a setting, or a look.
With --json every finding is an object on a line:
  {\"line\":n,\"severity\":\"error|warning\",\"rule\":\"arguments\",\"field\":\"messages.1.tool_calls.0\",
   \"what\":\"…\",\"why\":\"…\",\"mend\":\"…\"}
  line 0: about the whole file. For a job, the line is the row of its export.
Exit code 7 if there is an error.";

/// Which rows, which trainer.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = HELP)]
pub struct LintArguments {
    /// A file of JSON lines, a stored job's name, or - for stdin
    #[arg(value_name = "FILE|JOB")]
    pub rows: String,
    /// Who is to read them: trl, axolotl, llama-factory, openai, together, fireworks, torchtune, mlx, unsloth
    #[arg(long = "for", value_name = "TRAINER")]
    pub trainer: String,
}

impl LintArguments {
    /// What the word means: names of jobs have neither dots nor slashes.
    pub(super) fn rows(&self) -> LintRows {
        let path = Path::new(&self.rows);
        if self.rows == "-" || self.rows.contains(['/', '\\', '.']) {
            LintRows::File(path.to_path_buf())
        } else {
            LintRows::Job(self.rows.clone())
        }
    }
}

/// Checks the rows.
pub(super) async fn run(arguments: &LintArguments, plain: &mut Plain<'_>) -> Outcome {
    let request = StreamRequest::Lint {
        rows: arguments.rows(),
        trainer: arguments.trainer.clone(),
    };
    let report = if plain.out.json {
        let mut rows = plain.out.rows();
        plain.app.stream(request, &mut *rows).await?
    } else {
        plain.app.stream(request, &mut std::io::sink()).await?
    };
    if report.closed {
        return Err(Ending::ClosedPipe);
    }
    if !plain.out.json {
        for found in &report.found {
            for line in lines(found) {
                plain.out.print(line)?;
            }
        }
    }
    plain.out.say(total(&report, arguments));
    let bad = report
        .found
        .iter()
        .any(|found| found.first.severity == Severity::Error);
    Ok(if bad { exit::RECORDS } else { exit::OK })
}

/// `✗ line 3, 7, 9 and 12 more: arguments are an object (messages.1.tool_calls.0)`, why, how to mend.
fn lines(found: &FoundOften) -> [Line; 3] {
    let first = &found.first;
    let (style, mark) = match first.severity {
        Severity::Error => (Style::Bad, "✗ "),
        Severity::Warning => (Style::Warn, "! "),
    };
    let place = if first.line == 0 {
        String::new()
    } else {
        let mut place = format!("line {}", first.line);
        for line in &found.next {
            let _ = write!(place, ", {line}");
        }
        let told = 1 + found.next.len() as u64;
        if found.count > told {
            let _ = write!(place, " and {} more", grouped(found.count - told));
        }
        place.push_str(": ");
        place
    };
    let field = if first.field.is_empty() {
        String::new()
    } else {
        format!(" ({})", first.field)
    };
    [
        Line::styled(style, mark)
            .and(Style::Strong, place)
            .and(Style::Plain, &first.what)
            .and(Style::Faint, field),
        Line::from(format!("    why   {}", first.why)),
        Line::from(format!("    mend  {}", first.mend)),
    ]
}

fn total(report: &StreamReport, arguments: &LintArguments) -> Line {
    let of = |severity| -> u64 {
        let found = report
            .found
            .iter()
            .filter(|found| found.first.severity == severity);
        found.map(|found| found.count).sum()
    };
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    let rows = count(report.rows, "row");
    if errors + warnings == 0 {
        let text = format!("{rows}: nothing that {} would stumble over", arguments.trainer);
        return Line::styled(Style::Good, "✓ ").and(Style::Plain, text);
    }
    Line::from(format!(
        "{rows}, {}, {}",
        count(errors, "error"),
        count(warnings, "warning")
    ))
}
