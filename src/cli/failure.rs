//! Failures and problems as people and programs read them.

use serde_json::json;

use super::exit;
use super::line::{Line, Style};
use super::output::Output;
use crate::core::api::{Failure, FailureKind};
use crate::core::job::parse::{Problem, Severity};

/// Says what failed, why and what to do; returns the exit code. `file` stands in front of a job file's problems.
pub(super) fn report(failure: &Failure, file: Option<&str>, out: &mut Output) -> u8 {
    for problem in &failure.problems {
        for line in problem_lines(problem, file) {
            out.insist(line);
        }
    }
    out.insist(Line::styled(Style::Bad, "error: ").and(Style::Plain, &failure.message));
    for cause in &failure.causes {
        out.insist(Line::styled(Style::Faint, "caused by: ").and(Style::Plain, cause));
    }
    if let Some(help) = &failure.help {
        out.insist(Line::styled(Style::Good, "help: ").and(Style::Plain, help));
    }
    if out.json {
        // Nobody to tell if stdout is gone too; the exit code says it.
        let _ = out.json(&json!({ "error": {
            "kind": word(failure.kind),
            "message": failure.message,
            "causes": failure.causes,
            "help": failure.help,
            "problems": failure.problems,
        }}));
    }
    exit::of_failure(failure.kind)
}

/// The kind in JSON.
fn word(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Unexpected => "unexpected",
        FailureKind::Usage => "usage",
        FailureKind::Invalid => "invalid",
        FailureKind::Auth => "auth",
        FailureKind::Limit => "limit",
        FailureKind::Records => "records",
        FailureKind::NotFound => "not_found",
        FailureKind::Unreachable => "unreachable",
        FailureKind::Locked => "locked",
        FailureKind::Fenced => "fenced",
    }
}

/// `file:line:column: error: key: what is wrong`, and what to write instead.
pub(super) fn problem_lines(problem: &Problem, file: Option<&str>) -> Vec<Line> {
    let file = match file {
        Some("-") => "<stdin>",
        Some(file) => file,
        None => "job",
    };
    let place = if problem.line == 0 {
        file.to_owned()
    } else {
        format!("{file}:{}:{}", problem.line, problem.column)
    };
    let (word, style) = match problem.severity {
        Severity::Error => ("error", Style::Bad),
        Severity::Warning => ("warning", Style::Warn),
    };
    let mut line = Line::styled(Style::Strong, place)
        .and(Style::Plain, ": ")
        .and(style, word)
        .and(Style::Plain, ": ");
    if !problem.key.is_empty() {
        line = line.and(Style::Faint, format!("{}: ", problem.key));
    }
    let line = line.and(Style::Plain, &problem.message);
    let help = problem
        .help
        .as_ref()
        .map(|help| Line::styled(Style::Good, "  help: ").and(Style::Plain, help));
    std::iter::once(line).chain(help).collect()
}
