//! `check` and `estimate`: what is wrong with a job, and what it would take, before a cent is spent.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::failure::problem_lines;
use super::format::{clock, count, range};
use super::line::{Line, Style};
use super::output::{Ending, Outcome};
use super::summary::labelled;
use super::{Plain, exit, source};
use crate::core::api::{Answer, CheckReport, EstimateReport, Query};
use crate::core::forecast::Forecast;
use crate::core::job::parse::Severity;

const CHECK_JSON: &str = "\
With --json one object:
  {\"ok\":true,\"name\":\"…\"|null,\"tasks\":n|null,\"teachers\":[{\"step\":\"…\",\"teachers\":[\"provider/model\"]}],
   \"problems\":[{\"severity\":\"error|warning\",\"line\":n,\"column\":n,\"key\":\"…\",\"message\":\"…\",\"help\":…}]}
Exit code 3 if there is an error; warnings alone are 0.";
const ESTIMATE_JSON: &str = "\
With --json one object, ranges as [low, high]:
  {\"tasks\":n,\"requests\":[n,n],\"input_tokens\":[n,n],\"output_tokens\":[n,n],\"usd\":[x,x]|null,\"seconds\":[x,x],
   \"notes\":[\"…\"],
   \"forecast\":{\"rows\":n,\"of\":n,\"spent\":x,\"usd\":[x,x],\"seconds\":[x,x],\"accepted\":[n,n],\"shuffled\":true|false}|null}
The forecast is there for a stored job that stands still with some of its rows done.";

/// Which job to check.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = CHECK_JSON)]
pub struct CheckArguments {
    /// A job file, the name of a stored or bundled job, or - for a job file on stdin
    #[arg(value_name = "JOB.toml|NAME|-")]
    pub job: String,
}

/// Which job to estimate.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = ESTIMATE_JSON)]
pub struct EstimateArguments {
    /// A job file, the name of a stored or bundled job, or - for a job file on stdin
    #[arg(value_name = "JOB.toml|NAME|-")]
    pub job: String,
}

/// Prints every problem as `file:line:column`.
pub(super) async fn check(arguments: &CheckArguments, plain: &mut Plain<'_>) -> Outcome {
    let source = source::read(&arguments.job, plain.out).await?;
    let Answer::Check(report) = plain.app.ask(Query::Check(source)).await? else {
        return Err(Ending::mismatch());
    };
    let errors = report
        .problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .count();
    if plain.out.json {
        plain.out.json(&check_json(&report, errors == 0))?;
    } else {
        for problem in &report.problems {
            for line in problem_lines(problem, Some(&arguments.job)) {
                plain.out.print(line)?;
            }
        }
        plain.out.print(verdict(&report, errors))?;
        for (step, teachers) in &report.teachers {
            let names = if teachers.is_empty() {
                "nobody".to_owned()
            } else {
                teachers.join(", ")
            };
            plain
                .out
                .print(Line::styled(Style::Faint, format!("  {step}: ")).and(Style::Plain, names))?;
        }
    }
    Ok(if errors == 0 { exit::OK } else { exit::INVALID })
}

fn check_json(report: &CheckReport, ok: bool) -> serde_json::Value {
    let teachers: Vec<_> = report
        .teachers
        .iter()
        .map(|(step, teachers)| json!({ "step": step, "teachers": teachers }))
        .collect();
    json!({
        "ok": ok,
        "name": report.name,
        "tasks": report.tasks,
        "teachers": teachers,
        "problems": report.problems,
    })
}

fn verdict(report: &CheckReport, errors: usize) -> Line {
    let warnings = report.problems.len() - errors;
    let counted = match (errors, warnings) {
        (0, 0) => String::new(),
        (0, warnings) => format!(", {}", count(warnings as u64, "warning")),
        (errors, 0) => count(errors as u64, "error"),
        (errors, warnings) => format!(
            "{}, {}",
            count(errors as u64, "error"),
            count(warnings as u64, "warning")
        ),
    };
    if errors > 0 {
        return Line::styled(Style::Bad, "✗ ").and(Style::Plain, counted);
    }
    let name = report.name.as_deref().unwrap_or("the job");
    let tasks = report
        .tasks
        .map(|tasks| format!(", {}", count(tasks, "task")))
        .unwrap_or_default();
    Line::styled(Style::Good, "✓ ").and(Style::Plain, format!("{name} can run{tasks}{counted}"))
}

/// Prints the ranges.
pub(super) async fn estimate(arguments: &EstimateArguments, plain: &mut Plain<'_>) -> Outcome {
    let source = source::read(&arguments.job, plain.out).await?;
    let Answer::Estimate(report) = plain.app.ask(Query::Estimate(source)).await? else {
        return Err(Ending::mismatch());
    };
    if plain.out.json {
        plain.out.json(&json!({
            "tasks": report.tasks,
            "requests": report.requests,
            "input_tokens": report.input_tokens,
            "output_tokens": report.output_tokens,
            "usd": report.usd.map(|(low, high)| [low.usd(), high.usd()]),
            "seconds": report.seconds,
            "notes": report.notes,
            "forecast": report.forecast.as_ref().map(forecast_json),
        }))?;
        return Ok(exit::OK);
    }
    plain.out.print(Line::styled(Style::Strong, &arguments.job))?;
    for line in estimate_lines(&report) {
        plain.out.print(line)?;
    }
    Ok(exit::OK)
}

fn estimate_lines(report: &EstimateReport) -> Vec<Line> {
    let usd = match report.usd {
        None => "unknown: a teacher has no price".to_owned(),
        Some((low, high)) if low == high => low.to_string(),
        Some((low, high)) => format!("{low} to {high}"),
    };
    let time = |seconds: f64| clock(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    let (low, high) = report.seconds;
    let mut lines = vec![
        labelled("tasks", crate::core::text::grouped(report.tasks)),
        labelled("requests", range(report.requests.0, report.requests.1)),
        labelled(
            "tokens",
            format!(
                "{} in · {} out",
                range(report.input_tokens.0, report.input_tokens.1),
                range(report.output_tokens.0, report.output_tokens.1)
            ),
        ),
        labelled("cost", usd),
        labelled("time", format!("{} to {}", time(low), time(high))),
    ];
    lines.extend(
        report
            .notes
            .iter()
            .map(|note| Line::styled(Style::Faint, "note: ").and(Style::Plain, note)),
    );
    if let Some(forecast) = &report.forecast {
        lines.extend(forecast_lines(forecast));
    }
    lines
}

fn forecast_json(forecast: &Forecast) -> serde_json::Value {
    json!({
        "rows": forecast.rows,
        "of": forecast.of,
        "spent": forecast.spent.usd(),
        "usd": [forecast.usd.0.usd(), forecast.usd.1.usd()],
        "seconds": forecast.seconds,
        "accepted": forecast.accepted,
        "shuffled": forecast.shuffled,
    })
}

/// What the rows that are done say of all of them.
pub(super) fn forecast_lines(forecast: &Forecast) -> Vec<Line> {
    let mut lines = vec![labelled("forecast", forecast.to_string())];
    let note = if forecast.shuffled {
        "of ten jobs, nine end inside such ranges: the rows done are a random sample of all"
    } else {
        "of ten jobs, nine end inside such ranges if later rows are like these: with `shuffle = true` they are a random sample"
    };
    lines.push(Line::styled(Style::Faint, "note: ").and(Style::Plain, note));
    lines
}
