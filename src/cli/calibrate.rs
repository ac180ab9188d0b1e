//! `jobs calibrate`: a judge against what persons said. It prints; the engine counts.

use super::format::count;
use super::line::{Align, Line, Style, Table};
use super::output::{Ending, Outcome};
use super::{Plain, exit};
use crate::core::api::{Answer, Calibrated, Query};
use crate::core::review::calibration::Mark;
use crate::core::text::grouped;

/// Asks for it and prints it.
pub(super) async fn run(job: &str, judge: u32, precision: f64, plain: &mut Plain<'_>) -> Outcome {
    let query = Query::Calibration {
        job: job.to_owned(),
        judge,
        precision,
    };
    let Answer::Calibration(found) = plain.app.ask(query).await? else {
        return Err(Ending::mismatch());
    };
    if plain.out.json {
        plain.out.json(&serde_json::json!(found))?;
        return Ok(exit::OK);
    }
    print(&found, plain)?;
    Ok(exit::OK)
}

fn print(report: &Calibrated, plain: &mut Plain<'_>) -> Result<(), Ending> {
    let (found, out) = (&report.found, &mut *plain.out);
    if !found.marks.is_empty() {
        let mut table = Table::new(&[
            ("ACCEPT AT", Align::Right),
            ("ACCEPTED", Align::Right),
            ("GOOD", Align::Right),
            ("PRECISION", Align::Right),
            ("95 %", Align::Left),
            ("RECALL", Align::Right),
            ("KAPPA", Align::Right),
        ]);
        for mark in &found.marks {
            let (low, high) = mark.precision_between;
            let good = mark.confusion.good_accepted;
            table.row(vec![
                number(mark.at).into(),
                grouped(good + mark.confusion.bad_accepted).into(),
                grouped(good).into(),
                share(mark.precision).into(),
                format!("{low:.3}–{high:.3}").into(),
                share(mark.recall).into(),
                mark.kappa
                    .map_or_else(|| "–".to_owned(), |kappa| format!("{:.2}", kappa + 0.0))
                    .into(),
            ]);
        }
        out.table(&table)?;
    }
    let good = grouped(found.good);
    out.say(Line::styled(Style::Strong, &report.job).and(
        Style::Plain,
        format!(
            " judge {}: {} with a score and a person's word, {good} of them good",
            report.judge,
            count(found.labelled, "sample")
        ),
    ));
    if let Some(now) = &found.now {
        let of = now.confusion;
        out.say(format!(
            "accept_at = {}: {} good and {} bad accepted, {} good and {} bad not",
            number(now.at),
            grouped(of.good_accepted),
            grouped(of.bad_accepted),
            grouped(of.good_rejected),
            grouped(of.bad_rejected)
        ));
    }
    if report.edited > 0 {
        out.say(format!(
            "{}: changed by a person, left out",
            count(report.edited, "sample")
        ));
    }
    if report.unscored > 0 {
        out.say(format!(
            "{}: not scored by this judge",
            count(report.unscored, "sample")
        ));
    }
    if found.labelled == 0 {
        out.say("decide some of its samples first: on the Review screen, or with `samples accept` and `samples reject`");
        return Ok(());
    }
    let wanted = found.wanted.precision;
    let line = |mark: Option<Mark>, holds: &str| match mark {
        Some(mark) => format!(
            "precision {wanted}: accept_at = {} {holds}, recall {}",
            number(mark.at),
            share(mark.recall)
        ),
        None => format!("precision {wanted}: no mark {holds}"),
    };
    out.say(line(found.wanted.reached, "reaches it on these samples"));
    out.say(line(found.wanted.certain, "is certain to (95 % interval)"));
    Ok(())
}

fn share(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{share:.3}"))
}

/// A score without zeros behind the point.
fn number(score: f64) -> String {
    let text = format!("{score:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
