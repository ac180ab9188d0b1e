//! `[dataset]` of a job file.

use std::collections::BTreeMap;

use super::parse::Places;
use super::read::{Node, Table};
use super::report::{Report, Span, quote};
use super::sections::file_name;
use super::{DatasetSpec, ReasoningStyle};

/// How far the shares of a split may be from 1 in sum.
const SHARE_TOLERANCE: f64 = 1e-6;

pub(super) fn dataset(table: &mut Table, places: &mut Places, report: &mut Report) -> DatasetSpec {
    let default = DatasetSpec::default();
    let Some(mut table) = table.get("dataset").and_then(|node| node.table(report)) else {
        return default;
    };
    places.format = table.place("format");
    let reasoning = table.get("reasoning").and_then(|node| {
        let words = [
            ("drop", ReasoningStyle::Drop),
            ("inline", ReasoningStyle::Inline),
            ("reasoning_content", ReasoningStyle::ReasoningContent),
            ("thinking", ReasoningStyle::Thinking),
        ];
        node.word(&words, report)
    });
    let fields = table.get("fields").map(|node| fields(&node, report));
    let fields = fields.unwrap_or_default();
    places.fields = fields.values().map(|(_, span)| span.clone()).collect();
    let spec = DatasetSpec {
        format: table
            .get("format")
            .and_then(|node| node.string(report))
            .unwrap_or(default.format),
        fields: fields
            .into_iter()
            .map(|(field, (path, _))| (field, path))
            .collect(),
        split: table
            .get("split")
            .and_then(|node| split(&node, report))
            .unwrap_or_default(),
        reasoning: reasoning.unwrap_or(default.reasoning),
    };
    table.finish(report);
    spec
}

fn fields(node: &Node, report: &mut Report) -> BTreeMap<String, (String, Span)> {
    let Some(table) = node.table(report) else {
        return BTreeMap::new();
    };
    table
        .entries()
        .filter_map(|(field, _, node)| {
            let path = node.string(report)?;
            Some((field.to_owned(), (path, node.span)))
        })
        .collect()
}

fn split(node: &Node, report: &mut Report) -> Option<Vec<(String, f64)>> {
    let table = node.table(report)?;
    let mut shares = Vec::new();
    let mut complete = true;
    for (name, span, node) in table.entries() {
        if let Err(rule) = file_name(name, true) {
            let message = format!("{} is no name for a file", quote(name));
            report.error_with(&span, &node.path, message, Some(rule.to_owned()));
        }
        match node.number(0.0..=1.0, true, report) {
            Some(share) => shares.push((name.to_owned(), share)),
            None => complete = false,
        }
    }
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    if complete && !shares.is_empty() && (sum - 1.0).abs() > SHARE_TOLERANCE {
        // Six digits, so that a rounded sum is never shown as 1.
        let message = format!("the shares sum to {sum:.6}, not to 1");
        report.error(&node.span, &node.path, message);
    }
    Some(shares)
}
