//! `[target]` of a job file: how many accepted samples, and how many of each class.

use std::collections::BTreeMap;

use super::parse::Places;
use super::read::{Node, Table};
use super::report::Report;
use super::sections::COUNT_AT_MOST;
use super::{Quota, Target};
use crate::core::selection::Classes;

pub(super) fn target(
    table: &mut Table,
    places: &mut Places,
    report: &mut Report,
) -> (Option<Target>, Option<Quota>) {
    let Some(mut table) = table.get("target").and_then(|node| node.table(report)) else {
        return (None, None);
    };
    places.target = table.span.clone();
    let accepted = table.get("accepted");
    let tasks_at_most = table.get("tasks_at_most");
    places.quota = table.place("quota");
    let quota_given = table.get("quota");
    let quota = quota_given.as_ref().and_then(|node| quota(node, report));
    let all = match quota.as_ref().map(|quota| &quota.of) {
        Some(Classes::Named(classes)) => Some(classes.values().sum::<u64>()),
        Some(Classes::Each(_)) | None => None,
    };
    if accepted.is_none() && all.is_none() && (quota_given.is_none() || quota.is_some()) {
        let help = match (&quota, &tasks_at_most) {
            (Some(_), _) => {
                "`each` says nothing about how many classes there are: name them with `classes`, or say how many in all"
            }
            (None, Some(_)) => "or take tasks_at_most out: seeds.limit is what plans fewer tasks",
            (None, None) => "or take [target] out: then every task is done",
        };
        let message = "is missing: how many accepted samples to stop at";
        report.error_with(&table.span, "target.accepted", message, Some(help.to_owned()));
    }
    let given = accepted.and_then(|node| {
        let count = node.whole(1..=COUNT_AT_MOST, report)?;
        if let Some(all) = all.filter(|all| *all != count) {
            let message = format!("the classes of the quota come to {all}, not to {count}");
            let help = Some("take it out: the classes say how many".to_owned());
            report.error_with(&node.span, &node.path, message, help);
        }
        Some(count)
    });
    let tasks_at_most = tasks_at_most.and_then(|node| node.whole(1..=COUNT_AT_MOST, report));
    table.finish(report);
    let target = given.or(all).map(|accepted| Target {
        accepted,
        tasks_at_most,
    });
    (target, quota)
}

fn quota(node: &Node, report: &mut Report) -> Option<Quota> {
    let mut table = node.table(report)?;
    let field = table.need("field", report);
    let field = field.and_then(|node| node.string(report));
    let (each, classes) = (table.get("each"), table.get("classes"));
    let given = [&each, &classes].into_iter().flatten().count();
    if given != 1 {
        let message = format!("exactly one of each and classes is needed, found {given}");
        report.error(&node.span, &node.path, message);
    }
    let each = each.and_then(|node| node.whole(1..=COUNT_AT_MOST, report));
    let classes = classes.and_then(|node| {
        let entries = node.table(report)?;
        let counts: BTreeMap<String, u64> = entries
            .entries()
            .filter_map(|(class, _, node)| Some((class.to_owned(), node.whole(1..=COUNT_AT_MOST, report)?)))
            .collect();
        if counts.is_empty() {
            report.error(&node.span, &node.path, "names no class");
        }
        Some(counts)
    });
    table.finish(report);
    Some(Quota {
        field: field?,
        of: each.map(Classes::Each).or(classes.map(Classes::Named))?,
    })
}
