//! `[dataset]` of a job file.

use std::collections::BTreeMap;

use super::parse::Places;
use super::read::{Node, Table};
use super::report::{Report, Span, quote};
use super::sections::file_name;
use super::{DatasetSpec, ReasoningStyle, SplitBy};
use crate::core::selection::{Near, Select, Stratified};

/// From which similarity on texts are nearly equal where the job does not say.
const NEAR: f64 = 0.8;

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
    places.split_by = table.place("split_by");
    let split_by = table.get("split_by").and_then(|node| split_by(&node, report));
    let select = table.get("select").and_then(|node| select(&node, places, report));
    let spec = DatasetSpec {
        split_by,
        select,
        shard_rows: table
            .get("shard_rows")
            .and_then(|node| node.whole(1..=u64::from(u32::MAX), report)),
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

/// What keeps samples together: `{ field = "…" }`, or `{ near = "…", threshold = 0.8 }`.
fn split_by(node: &Node, report: &mut Report) -> Option<SplitBy> {
    let mut table = node.table(report)?;
    let (field, near) = (table.get("field"), table.get("near"));
    let given = [&field, &near].into_iter().flatten().count();
    if given != 1 {
        let message = format!("exactly one of field and near is needed, found {given}");
        let help = "the path of a value: `{ field = \"domain\" }` keeps equal ones together, `{ near = \"question\" }` nearly equal ones";
        report.error_with(&node.span, &node.path, message, Some(help.to_owned()));
    }
    let threshold = near.is_some().then(|| table.get("threshold")).flatten();
    let threshold = threshold.and_then(|node| node.number(0.3..=1.0, false, report));
    table.finish(report);
    let field = field.and_then(|node| node.string(report));
    let near = near.and_then(|node| node.string(report));
    let near = near.map(|field| SplitBy::Near {
        field,
        threshold: threshold.unwrap_or(NEAR),
    });
    field.map(SplitBy::Field).or(near)
}

/// Which accepted samples are in the dataset.
fn select(node: &Node, places: &mut Places, report: &mut Report) -> Option<Select> {
    let mut table = node.table(report)?;
    places.select.table = node.span.clone();
    places.select.near = table.place("near");
    places.select.stratified = table.place("stratified");
    places.select.score = table.place("score");
    let many = 1..=u64::from(u32::MAX);
    let select = Select {
        best_of: table
            .get("best_of")
            .and_then(|node| node.whole(many.clone(), report)),
        near: table.get("near").and_then(|node| near(&node, report)),
        top: table.get("top").and_then(|node| node.whole(many, report)),
        stratified: table.get("stratified").and_then(|node| stratified(&node, report)),
        score: table.get("score").and_then(|node| node.string(report)),
    };
    table.finish(report);
    Some(select)
}

/// `{ field = "…", threshold = 0.8 }`.
fn near(node: &Node, report: &mut Report) -> Option<Near> {
    let mut table = node.table(report)?;
    let field = table.need("field", report);
    let threshold = table.get("threshold");
    let threshold = threshold.and_then(|node| node.number(0.3..=1.0, false, report));
    table.finish(report);
    Some(Near {
        field: field.and_then(|node| node.string(report))?,
        threshold: threshold.unwrap_or(NEAR),
    })
}

fn stratified(node: &Node, report: &mut Report) -> Option<Stratified> {
    let mut table = node.table(report)?;
    let field = table.need("field", report);
    let field = field.and_then(|node| node.string(report));
    let rows = table.need("rows", report);
    let rows = rows.and_then(|node| node.whole(1..=u64::from(u32::MAX), report));
    table.finish(report);
    Some(Stratified {
        field: field?,
        rows: rows?,
    })
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
