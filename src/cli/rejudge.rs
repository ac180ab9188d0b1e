//! `jobs rejudge`: what new verdicts would change, or changed. It prints; the engine judges.

use super::format::count;
use super::line::{Align, Line, Style, Table};
use super::output::{Ending, Outcome};
use super::{Plain, exit};
use crate::core::api::{Answer, Command, Query, Receipt, Rejudged};
use crate::core::sample::{Reason, SampleState};
use crate::core::text::grouped;

/// Asks or orders it, and prints the difference.
pub(super) async fn run(job: &str, apply: bool, plain: &mut Plain<'_>) -> Outcome {
    let report = if apply {
        match plain.app.order(Command::Rejudge(job.to_owned())).await? {
            Receipt::Rejudged(report) => report,
            _ => return Err(Ending::mismatch()),
        }
    } else {
        match plain.app.ask(Query::Rejudge(job.to_owned())).await? {
            Answer::Rejudged(report) => *report,
            _ => return Err(Ending::mismatch()),
        }
    };
    if plain.out.json {
        plain.out.json(&serde_json::json!(report))?;
        return Ok(exit::OK);
    }
    print(&report, plain)?;
    Ok(exit::OK)
}

fn print(report: &Rejudged, plain: &mut Plain<'_>) -> Result<(), Ending> {
    let out = &mut *plain.out;
    if !report.changes.is_empty() {
        let mut table = Table::new(&[
            ("FROM", Align::Left),
            ("TO", Align::Left),
            ("SAMPLES", Align::Right),
            ("FOR EXAMPLE", Align::Left),
        ]);
        for change in &report.changes {
            let example = change.examples.first().map_or("", |id| id.0.as_str());
            table.row(vec![
                words(change.from, change.from_reason).into(),
                words(change.to, change.to_reason).into(),
                grouped(change.count).into(),
                example.into(),
            ]);
        }
        out.table(&table)?;
    }
    let changed = report.changed();
    let verb = if report.applied { "changed" } else { "would change" };
    out.say(Line::styled(Style::Strong, &report.job).and(
        Style::Plain,
        format!(
            " revision {}: {} of {} {verb}; 0 requests",
            report.revision,
            grouped(changed),
            count(report.samples, "sample")
        ),
    ));
    if report.reworded > 0 {
        out.say(format!(
            "{}: the same state, other scores or evidence",
            count(report.reworded, "sample")
        ));
    }
    if report.by_hand > 0 {
        out.say(format!(
            "{}: decided by a person, left alone",
            count(report.by_hand, "sample")
        ));
    }
    if report.not_rejudged > 0 {
        out.say(format!(
            "{}: not judged again, a judge would have to be asked: at least {}",
            count(report.not_rejudged, "sample"),
            count(report.requests_needed, "request")
        ));
    }
    if !report.applied && changed + report.reworded > 0 {
        out.say(format!(
            "`destiler jobs rejudge {} --apply` puts it in force",
            report.job
        ));
    }
    Ok(())
}

fn words(state: SampleState, reason: Option<Reason>) -> String {
    let state = state.word().replace('_', " ");
    match reason {
        Some(reason) => format!("{state} ({})", reason.word()),
        None => state,
    }
}
