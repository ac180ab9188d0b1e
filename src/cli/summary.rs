//! The end of a run: its numbers for a person, and what to do next. The same numbers as JSON are [`Summary`] itself.

use std::time::Duration;

use super::format::took;
use super::line::{Line, Style};
use crate::core::api::{JobDetail, Summary};
use crate::core::job::{JobState, PauseReason};
use crate::core::text::grouped;

/// The summary, a line each.
pub(super) fn lines(detail: &JobDetail) -> Vec<Line> {
    let summary = &detail.summary;
    let state = &detail.row.state;
    let mut lines = vec![heading(summary, state)];
    lines.extend(numbers(summary));
    lines.extend(counted(
        "rejected",
        detail
            .reasons
            .iter()
            .map(|(reason, count)| (reason.word().to_owned(), *count)),
    ));
    lines.extend(counted("failed", detail.failures.iter().cloned()));
    lines.extend(next_step(detail).map(|help| Line::styled(Style::Good, "help: ").and(Style::Plain, help)));
    lines
}

fn heading(summary: &Summary, state: &JobState) -> Line {
    let style = match state {
        JobState::Completed if summary.tasks.failed == 0 => Style::Good,
        JobState::Failed(_) => Style::Bad,
        _ => Style::Warn,
    };
    let reason = state
        .reason()
        .or_else(|| summary.reason.clone())
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    let ran = Duration::try_from_secs_f64(summary.elapsed_seconds).unwrap_or_default();
    Line::styled(Style::Strong, &summary.job)
        .and(Style::Plain, ": ")
        .and(style, state.word())
        .and(Style::Plain, format!("{reason} after {}", took(ran)))
}

/// The numbers of a job, a line each: also part of `jobs show`.
pub(super) fn numbers(summary: &Summary) -> Vec<Line> {
    let mut lines = vec![
        numbered(
            "tasks",
            &[
                (summary.tasks.planned, "planned"),
                (summary.tasks.accepted, "accepted"),
                (summary.tasks.rejected, "rejected"),
                (summary.tasks.failed, "failed"),
                (summary.tasks.cancelled, "cancelled"),
                (summary.tasks.pending, "pending"),
            ],
        ),
        numbered(
            "samples",
            &[
                (summary.samples.accepted, "accepted"),
                (summary.samples.rejected, "rejected"),
                (summary.samples.needs_review, "to review"),
            ],
        ),
        numbered(
            "requests",
            &[
                (summary.requests.sent, "sent"),
                (summary.requests.retried, "retried"),
                (summary.requests.cached, "cached"),
                (summary.requests.maybe_billed_twice, "maybe billed twice"),
            ],
        ),
        labelled(
            "tokens",
            format!(
                "{} in · {} out",
                grouped(summary.tokens.input),
                grouped(summary.tokens.output)
            ),
        ),
        labelled(
            "cost",
            crate::core::budget::Money::from_usd(summary.usd).to_string(),
        ),
    ];
    if let Some(dataset) = &summary.dataset {
        lines.push(labelled("dataset", dataset.clone()));
    }
    lines
}

/// A line `  label    text` under a heading.
pub(super) fn labelled(label: &str, text: impl Into<String>) -> Line {
    Line::styled(Style::Faint, format!("  {label:<10}")).and(Style::Plain, text)
}

/// Counts with their words; the first always, the others unless zero.
fn numbered(label: &str, counts: &[(u64, &str)]) -> Line {
    let texts: Vec<String> = counts
        .iter()
        .enumerate()
        .filter(|(at, (count, _))| *at == 0 || *count > 0)
        .map(|(_, (count, word))| format!("{} {word}", grouped(*count)))
        .collect();
    labelled(label, texts.join(" · "))
}

fn counted(label: &str, counts: impl Iterator<Item = (String, u64)>) -> Option<Line> {
    let texts: Vec<String> = counts
        .map(|(word, count)| format!("{word} {}", grouped(count)))
        .collect();
    (!texts.is_empty()).then(|| labelled(label, texts.join(" · ")))
}

/// What a person does next, if there is something to do.
fn next_step(detail: &JobDetail) -> Option<String> {
    let name = &detail.row.name;
    match &detail.row.state {
        JobState::Paused(reason) => Some(match reason {
            PauseReason::Limit(_) => {
                format!("raise the cap in the job file or with --usd, then `destiler run {name}` goes on")
            }
            PauseReason::Canary(_) => format!(
                "`destiler run {name} --yes` goes on with the rest, `destiler jobs cancel {name}` ends it here"
            ),
            PauseReason::Auth(_) => format!(
                "set the key where `destiler config show` says it is read, then `destiler run {name}` goes on"
            ),
            PauseReason::Credit(_) => {
                format!("add credit at the provider, then `destiler run {name}` goes on")
            }
            PauseReason::Unreachable(_) => format!(
                "`destiler providers list` says which; when it answers again, `destiler run {name}` goes on"
            ),
            PauseReason::NoTeacher(_) => format!(
                "give a configured model the capability, or name a teacher in the job file, then `destiler run {name}`"
            ),
            PauseReason::Disk(_) => {
                format!(
                    "make room on the disk or the directory writable, or end the program that locks the database, then `destiler run {name}` goes on"
                )
            }
            PauseReason::Asked | PauseReason::Stopped => {
                format!("`destiler run {name}` goes on where it stopped")
            }
        }),
        JobState::Completed if detail.summary.tasks.failed > 0 => Some(format!(
            "`destiler jobs retry {name}` queues the failed tasks again, `destiler run {name}` asks them"
        )),
        JobState::Completed if detail.summary.samples.needs_review > 0 => Some(format!(
            "samples wait for a person: `destiler samples list 'job:{name} state:needs_review'`, or the review screen of `destiler`"
        )),
        JobState::Failed(_) => Some(format!(
            "mend the job file or its seeds, then `destiler run` it again; `destiler jobs show {name}` prints the stored one"
        )),
        JobState::Cancelled(Some(_)) => Some(format!(
            "what was made stays; raise the cap and `destiler run {name}` takes the cancelled tasks up again"
        )),
        _ => None,
    }
}
