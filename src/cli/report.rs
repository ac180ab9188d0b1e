//! `jobs report`: how varied a job's dataset is and how far its judges agree, as figures and as bars in the terminal.

use serde_json::json;

use super::format::count;
use super::line::{Align, Cell, Line, Style, Table};
use super::output::{Ending, Outcome, Output};
use super::summary::labelled;
use super::{Plain, exit};
use crate::core::api::{Answer, JobReport, Query, ReportRequest, Unanimity};
use crate::core::diversity::Diversity;
use crate::core::text::{grouped, shorten};

/// The `--json` output.
pub(super) const JSON: &str = "\
Looks at the samples of the dataset: what is accepted, and selected where the job selects. Distinct n-grams and near duplicates are
counted over 5,000 samples at most, evenly spread, since the share of distinct ones falls with the amount of text.

With --json one object:
  {\"job\":\"<name>\",\"samples\":n,\"looked_at\":n,\"distinct\":[x,x,x],\"near_duplicates\":n,\"threshold\":x,\"words\":[least,median,most],
   \"lengths\":[[from_words,n]],\"classes\":{\"<field>\":[[\"<value>\",n]]},\"left_out\":{\"<why>\":n},
   \"judges\":[{\"judge\":n,\"both_orders\":bool,\"judged\":n,\"agreement\":x}]}
`judges` are those that answer several questions about a sample: a panel, or a comparison in both orders.";

/// Columns of the longest bar.
const BAR: f64 = 40.0;
/// Columns of a value's name.
const NAME: usize = 24;

/// Asks, and prints.
pub(super) async fn run(
    job: &str,
    field: Option<&String>,
    class: Option<&String>,
    plain: &mut Plain<'_>,
) -> Outcome {
    let question = Query::Report(ReportRequest {
        job: job.to_owned(),
        field: field.cloned(),
        class: class.cloned(),
    });
    let Answer::Report(report) = plain.app.ask(question).await? else {
        return Err(Ending::mismatch());
    };
    if plain.out.json {
        plain.out.json(&object(job, &report))?;
        return Ok(exit::OK);
    }
    let JobReport { variety, judges } = *report;
    for judge in &judges {
        plain.out.print(labelled("agreement", agreement(judge)))?;
    }
    if variety.samples == 0 {
        plain
            .out
            .say("no accepted sample yet: there is nothing to report");
        return Ok(exit::OK);
    }
    print(&variety, plain.out)?;
    Ok(exit::OK)
}

/// How far a judge's several answers go together.
fn agreement(judge: &Unanimity) -> String {
    let what = if judge.both_orders {
        "say the same in both orders"
    } else {
        "decide alike"
    };
    format!(
        "{:.1} % {what}, judge {} over {}",
        judge.agreement * 100.0,
        judge.judge,
        count(judge.judged, "sample")
    )
}

fn object(job: &str, report: &JobReport) -> serde_json::Value {
    let figures = &report.variety;
    let classes: serde_json::Map<String, serde_json::Value> = figures
        .classes
        .iter()
        .map(|(field, values)| (field.clone(), json!(values)))
        .collect();
    json!({
        "job": job,
        "samples": figures.samples,
        "looked_at": figures.looked_at,
        "distinct": figures.distinct,
        "near_duplicates": figures.near_duplicates,
        "threshold": figures.threshold,
        "words": figures.words,
        "lengths": figures.lengths,
        "classes": classes,
        "left_out": figures.left_out,
        "judges": report.judges,
    })
}

fn print(figures: &Diversity, out: &mut Output) -> Result<(), Ending> {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let [one, two, three] = figures.distinct.map(percent);
    let looked_at = figures.looked_at.max(1);
    let mut samples = count(figures.samples, "sample");
    for (why, left_out) in &figures.left_out {
        samples = format!("{samples} · {} left out by {why}", grouped(*left_out));
    }
    out.print(labelled("dataset", samples))?;
    out.print(labelled(
        "distinct",
        format!("{one} of words · {two} of pairs · {three} of triples"),
    ))?;
    out.print(labelled(
        "near dups",
        format!(
            "{} ({}) at similarity {}",
            grouped(figures.near_duplicates),
            percent(figures.near_duplicates as f64 / looked_at as f64),
            figures.threshold
        ),
    ))?;
    if figures.looked_at < figures.samples {
        let over = format!(
            "the two above over {}, evenly spread",
            count(figures.looked_at, "sample")
        );
        out.print(Line::styled(Style::Faint, "note: ").and(Style::Plain, over))?;
    }
    let [least, median, most] = figures.words.map(grouped);
    out.print("")?;
    out.print(
        Line::styled(Style::Strong, "words")
            .and(Style::Faint, format!("  {least} to {most}, median {median}")),
    )?;
    let named = |(from, samples): &(u64, u64)| {
        let name = match from {
            0 => "none".to_owned(),
            from => format!("{} to {}", grouped(*from), grouped(from * 2 - 1)),
        };
        (name, *samples)
    };
    let lengths: Vec<(String, u64)> = figures.lengths.iter().map(named).collect();
    bars(&lengths, figures.samples, out)?;
    for (field, values) in &figures.classes {
        out.print("")?;
        out.print(Line::styled(Style::Strong, field))?;
        bars(values, figures.samples, out)?;
    }
    Ok(())
}

/// A bar a value, the longest for the most frequent.
fn bars(values: &[(String, u64)], all: u64, out: &mut Output) -> Result<(), Ending> {
    let most = values.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    let mut table = Table::new(&[
        ("", Align::Left),
        ("", Align::Left),
        ("", Align::Right),
        ("", Align::Right),
    ]);
    for (name, samples) in values {
        let length = (*samples as f64 / most as f64 * BAR).ceil() as usize;
        let share = *samples as f64 * 100.0 / all.max(1) as f64;
        table.row(vec![
            format!("  {}", shorten(name, NAME)).into(),
            Cell::styled(Style::Good, &"█".repeat(length)),
            grouped(*samples).into(),
            Cell::styled(Style::Faint, &format!("{share:.1} %")),
        ]);
    }
    out.table(&table)?;
    Ok(())
}
