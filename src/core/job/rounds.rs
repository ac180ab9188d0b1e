//! `[rounds]` of a job file, and the fields that rows made of accepted samples have. What the rows hold is read in [`crate::core::feed`].

use super::parse::Places;
use super::read::{Node, Table};
use super::report::{Report, quote};
use super::sections::variable_name;
use super::{Feed, RoundRows, Rounds};
use crate::core::feed::{PARENT_FIELD, fans_out};

/// Most rounds of a job.
const ROUNDS_AT_MOST: u32 = 1_000;

pub(super) fn rounds(table: &mut Table, places: &mut Places, report: &mut Report) -> Option<Rounds> {
    let mut table = table.get("rounds")?.table(report)?;
    places.rounds = table.span.clone();
    let count = table.need("count", report);
    let count = count.and_then(|node| node.whole(1..=ROUNDS_AT_MOST, report));
    if count == Some(1) {
        let message = "1 round is a job without rounds";
        report.warning(&table.span, "rounds.count", message, None);
    }
    let rounds = Rounds {
        count: count.unwrap_or(1),
        rows: table
            .get("rows")
            .and_then(|node| {
                let words = [("accepted", RoundRows::Accepted), ("seeds", RoundRows::Seeds)];
                node.word(&words, report)
            })
            .unwrap_or_default(),
        feed: table
            .get("feed")
            .map_or_else(Vec::new, |node| feed(&node, report)),
        keep_rejected: table
            .get("keep_rejected")
            .and_then(|node| node.boolean(report))
            .unwrap_or(false),
    };
    if rounds.keep_rejected && rounds.rows == RoundRows::Seeds {
        let message = "has no effect: the seeds come again in any case";
        report.warning(
            &table.place("keep_rejected"),
            "rounds.keep_rejected",
            message,
            None,
        );
    }
    table.finish(report);
    Some(rounds)
}

/// Field → path in an accepted sample.
pub(super) fn feed(node: &Node, report: &mut Report) -> Feed {
    let Some(table) = node.table(report) else {
        return Vec::new();
    };
    let mut feed = Feed::new();
    let mut fanned = false;
    for (name, span, node) in table.entries() {
        if let Err(rule) = variable_name(name, true) {
            let message = format!("{} is no name for a field", quote(name));
            report.error_with(&span, &node.path, message, Some(rule.to_owned()));
        } else if name == PARENT_FIELD {
            report.error(&span, &node.path, "this field is written by itself");
        }
        let Some(path) = node.string(report) else { continue };
        if fans_out(&path) {
            if fanned || path.matches(".*").count() > 1 {
                let message = "only one list can be taken apart into rows";
                report.error(&node.span, &node.path, message);
            }
            fanned = true;
        }
        feed.push((name.to_owned(), path));
    }
    feed
}
