//! What does not fit together in quotas, selection and split groups: fields that refer to nothing, scores that nobody gives, ways of
//! choosing that work against each other.

use super::check::note;
use super::parse::Places;
use super::report::{Report, hint, quote};
use super::scope::Scope;
use super::{JobSpec, SplitBy};
use crate::core::selection::{Classes, LENGTH};

/// Validators that give scores, where a job says nothing of its own.
const SCORING: &[&str] = &["judge", "script"];

pub(super) fn check(spec: &JobSpec, scope: &Scope, places: &Places, report: &mut Report) {
    let field = |path: &str, span: &super::report::Span, key: &str, report: &mut Report| {
        if let Err(unknown) = scope.field(path) {
            note(unknown, span, key, report);
        }
    };
    if let Some(quota) = &spec.quota {
        field(&quota.field, &places.quota, "target.quota.field", report);
        classes(spec, &quota.field, &quota.of, places, report);
    }
    match &spec.dataset.split_by {
        Some(SplitBy::Field(path)) => field(path, &places.split_by, "dataset.split_by.field", report),
        Some(SplitBy::Near { field: path, .. }) => {
            field(path, &places.split_by, "dataset.split_by.near", report);
        }
        None => {}
    }
    if spec.dataset.split_by.is_some() && spec.dataset.split.is_empty() {
        let message = "has no effect: the dataset is not split";
        report.warning(&places.split_by, "dataset.split_by", message, None);
    }
    let Some(select) = &spec.dataset.select else {
        return;
    };
    if let Some(stratified) = &select.stratified {
        field(
            &stratified.field,
            &places.select.stratified,
            "dataset.select.stratified.field",
            report,
        );
    }
    if let Some(near) = &select.near {
        field(
            &near.field,
            &places.select.near,
            "dataset.select.near.field",
            report,
        );
    }
    let table = &places.select.table;
    if (select.best_of, &select.near, select.top, &select.stratified) == (None, &None, None, &None) {
        let message = "chooses nothing: give it best_of, near, top or stratified, or take it out";
        report.error(table, "dataset.select", message);
    }
    if spec.quota.is_some() {
        let message =
            "does not go with target.quota: the quota already says which samples are in the dataset";
        report.error(table, "dataset.select", message);
    }
    if select.top.is_some() && select.stratified.is_some() {
        let message = "has both top and stratified: each says how many rows there are";
        report.error(table, "dataset.select", message);
    }
    score(spec, select.score.as_deref(), places, report);
}

/// A named class has to be one that a varied field can draw, where it is one.
fn classes(spec: &JobSpec, field: &str, of: &Classes, places: &Places, report: &mut Report) {
    let Classes::Named(classes) = of else { return };
    let vary = spec.vary.iter().find(|(name, _)| name == field);
    let drawn: Vec<String> = match vary {
        Some((_, super::Vary::Choose(values))) => {
            let text = |value: &serde_json::Value| crate::core::sample::as_text(value.clone());
            values.iter().map(text).collect()
        }
        Some((_, super::Vary::Weights(names))) => names.iter().map(|(name, _)| name.clone()).collect(),
        _ => return,
    };
    let known: Vec<&str> = drawn.iter().map(String::as_str).collect();
    for class in classes.keys().filter(|class| !known.contains(&class.as_str())) {
        let message = format!("{} is never drawn for {}", quote(class), quote(field));
        let help = hint(class, &known);
        report.error_with(&places.quota, "target.quota.classes", message, help);
    }
}

/// Scores have to come from somewhere.
fn score(spec: &JobSpec, by: Option<&str>, places: &Places, report: &mut Report) {
    let Some(select) = &spec.dataset.select else {
        return;
    };
    let kinds: Vec<&str> = spec.validators.iter().map(|plug| plug.kind.as_str()).collect();
    let by_score = select.best_of.is_some() || select.near.is_some() || select.top.is_some();
    match by {
        Some(LENGTH) => {}
        Some(by) if !kinds.contains(&by) => {
            let message = format!("the job has no validator {}", quote(by));
            let known: Vec<&str> = kinds.iter().copied().chain([LENGTH]).collect();
            report.error_with(
                &places.select.score,
                "dataset.select.score",
                message,
                hint(by, &known),
            );
        }
        None if by_score && !kinds.iter().any(|kind| SCORING.contains(kind)) => {
            let message = "no validator of the job gives a score: the first in the plan are taken";
            let help =
                Some("a `judge` scores, and a `script` may; score = \"length\" takes the longest".to_owned());
            report.warning(&places.select.table, "dataset.select", message, help);
        }
        _ => {}
    }
}
