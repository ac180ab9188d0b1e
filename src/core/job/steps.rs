//! `[[steps]]` of a job file, with their schemas.

use std::sync::Arc;

use serde_json::Value;

use super::parse::{Files, Known, Places, Schema, StepPlaces};
use super::read::{DEPTH_AT_MOST, Node, Table};
use super::report::{Report, Span, quote};
use super::sections::variable_name;
use super::{Step, TeacherUse};

/// Most steps of a job.
const STEPS_AT_MOST: usize = 100;

/// Longest schema in bytes of JSON.
const SCHEMA_AT_MOST: usize = 256 << 10;

/// Keywords of a schema that point somewhere.
const REFERENCES: &[&str] = &["$ref", "$dynamicRef", "$recursiveRef"];

pub(super) fn steps(
    table: &mut Table,
    places: &mut Places,
    files: Files,
    known: &Known,
    report: &mut Report,
) -> Vec<Step> {
    let Some(node) = table.need("steps", report) else {
        return Vec::new();
    };
    let items = node.list(report).unwrap_or_default();
    if items.is_empty() || items.len() > STEPS_AT_MOST {
        let message = format!("expected 1 to {STEPS_AT_MOST} steps, found {}", items.len());
        report.error(&node.span, &node.path, message);
    }
    items
        .iter()
        .take(STEPS_AT_MOST)
        .filter_map(|node| Some(step(node.table(report)?, places, files, known, report)))
        .collect()
}

fn step(mut table: Table, places: &mut Places, files: Files, known: &Known, report: &mut Report) -> Step {
    let name = table.need("name", report);
    let name = name.and_then(|node| {
        let name = node.string(report)?;
        if let Err(rule) = variable_name(&name, false) {
            let message = format!("{} is no name for a step", quote(&name));
            report.error_with(&node.span, &node.path, message, Some(rule.to_owned()));
        } else {
            table.path = format!("steps.{name}");
        }
        Some(name)
    });
    let (answer, given) = (table.get("answer"), table.get("given"));
    let computed = answer.is_some() || given.is_some();
    if let (Some(_), Some(given)) = (&answer, &given) {
        let message = "only one of answer and given can be there";
        report.error(&given.span, &given.path, message);
    }
    let prompt = if computed {
        if let Some(prompt) = table.get("prompt") {
            let message = format!("has no effect: with `{}` nobody is asked", alone(&answer));
            report.error(&prompt.span, &prompt.path, message);
        }
        answer.clone()
    } else {
        table.need("prompt", report)
    };
    let prompt = prompt.and_then(|node| Some((node.string(report)?, node.span)));
    if computed {
        asks_nobody(&mut table, alone(&answer), report);
    }
    let (teachers, teacher_places) = teachers(&mut table, report);
    let text = |table: &mut Table, key, report: &mut Report| table.get(key)?.string(report);
    let step = Step {
        name: name.unwrap_or_default(),
        capability: text(&mut table, "capability", report),
        teachers,
        system: text(&mut table, "system", report),
        prompt: prompt.as_ref().map(|(text, _)| text.clone()).unwrap_or_default(),
        computed,
        given: given.as_ref().and_then(|node| node.string(report)),
        completion: table
            .get("completion")
            .and_then(|node| node.boolean(report))
            .unwrap_or(false),
        turns: table
            .get("turns")
            .and_then(|node| node.strings(report))
            .unwrap_or_default(),
        schema: schema(&mut table, files, known, report),
        reask: table
            .get("on_invalid")
            .and_then(|node| reask(&node, report))
            .unwrap_or(0),
        candidates: table
            .get("candidates")
            .and_then(|node| node.whole(1..=1_000, report))
            .unwrap_or(1),
        when: text(&mut table, "when", report),
        params: super::limits::params(&mut table, report),
        reuse: table
            .get("reuse")
            .and_then(|node| node.boolean(report))
            .unwrap_or(false),
    };
    let value = |table: &mut Table, key| {
        table
            .get(key)
            .map_or_else(|| table.span.clone(), |node| node.span)
    };
    places.steps.push(StepPlaces {
        path: table.path.clone(),
        name: value(&mut table, "name"),
        capability: value(&mut table, "capability"),
        teachers: teacher_places,
        system: value(&mut table, "system"),
        prompt: prompt.map_or_else(|| table.span.clone(), |(_, span)| span),
        when: value(&mut table, "when"),
        candidates: value(&mut table, "candidates"),
        on_invalid: value(&mut table, "on_invalid"),
        turns: value(&mut table, "turns"),
        given: value(&mut table, "given"),
    });
    table.finish(report);
    step
}

/// The word by which a step asks nobody.
fn alone(answer: &Option<Node>) -> &'static str {
    if answer.is_some() { "answer" } else { "given" }
}

/// What only a question can have does not belong to a step whose answer is computed, or given.
fn asks_nobody(table: &mut Table, word: &str, report: &mut Report) {
    const ASKING: &[&str] = &[
        "capability",
        "teachers",
        "system",
        "on_invalid",
        "candidates",
        "completion",
        "turns",
        "temperature",
        "max_tokens",
        "logprobs",
        "reuse",
    ];
    for key in ASKING {
        if let Some(node) = table.get(key) {
            let message = format!("has no effect: with `{word}` nobody is asked");
            report.error(&node.span, &node.path, message);
        }
    }
}

fn teachers(table: &mut Table, report: &mut Report) -> (Vec<TeacherUse>, Vec<Span>) {
    let Some(node) = table.get("teachers") else {
        return (Vec::new(), Vec::new());
    };
    let items = node.list(report).unwrap_or_default();
    items
        .iter()
        .filter_map(|node| {
            let mut table = node.table(report)?;
            let name = table.need("use", report);
            let name = name.and_then(|node| node.string(report));
            let weight = table.get("weight");
            let weight = weight.map_or(Some(1.0), |node| node.number(0.0..=1e9, false, report));
            table.finish(report);
            let teacher = TeacherUse {
                name: name?,
                weight: weight?,
            };
            Some((teacher, node.span.clone()))
        })
        .unzip()
}

fn reask(node: &Node, report: &mut Report) -> Option<u32> {
    let mut table = node.table(report)?;
    let reask = table.need("reask", report);
    let reask = reask.and_then(|node| node.whole(0..=20, report));
    table.finish(report);
    reask
}

/// The schema of a step, from `schema` (a table, or JSON in a string) or `schema_file`.
fn schema(table: &mut Table, files: Files, known: &Known, report: &mut Report) -> Option<Schema> {
    let (inline, file) = (table.get("schema"), table.get("schema_file"));
    let (node, value) = match (inline, file) {
        (None, None) => return None,
        (Some(_), Some(node)) => {
            let message = "only one of schema and schema_file can be given";
            report.error(&node.span, &node.path, message);
            return None;
        }
        (Some(node), None) if node.is_string() => {
            let text = node.string(report)?;
            let value = json(&text, &node, true, report)?;
            (node, value)
        }
        (Some(node), None) => {
            let value = Value::Object(node.row(report)?);
            (node, value)
        }
        (None, Some(node)) => {
            let path = node.string(report)?;
            let read = files(&path);
            if let Err(message) = &read {
                report.error(&node.span, &node.path, format!("{}: {message}", quote(&path)));
            }
            let value = json(&read.ok()?, &node, false, report)?;
            (node, value)
        }
    };
    match sound(&value).and_then(|()| (known.check_schema)(&value)) {
        Ok(()) => Some(Arc::new(value)),
        Err(message) => {
            report.error(&node.span, &node.path, message);
            None
        }
    }
}

fn json(text: &str, node: &Node, inline: bool, report: &mut Report) -> Option<Value> {
    if text.len() > SCHEMA_AT_MOST {
        report.error(&node.span, &node.path, too_long());
        return None;
    }
    serde_json::from_str(text)
        .map_err(|error| {
            let span = if inline {
                report.inside(&node.span, error.line())
            } else {
                node.span.clone()
            };
            report.error(&span, &node.path, format!("is no JSON: {error}"));
        })
        .ok()
}

fn too_long() -> String {
    format!("the schema is longer than {} KiB", SCHEMA_AT_MOST >> 10)
}

/// Size, depth and references of a schema; whether its keywords make sense is the validators' to say.
fn sound(schema: &Value) -> Result<(), String> {
    if !schema.is_object() {
        return Err("the schema is no object".to_owned());
    }
    within(schema, 1)?;
    if schema.to_string().len() > SCHEMA_AT_MOST {
        return Err(too_long());
    }
    Ok(())
}

fn within(schema: &Value, depth: usize) -> Result<(), String> {
    if depth > DEPTH_AT_MOST {
        return Err(format!("the schema nests deeper than {DEPTH_AT_MOST}"));
    }
    match schema {
        Value::Object(map) => map.iter().try_for_each(|(key, value)| match value {
            Value::String(to) if REFERENCES.contains(&key.as_str()) && !to.starts_with('#') => {
                let to = quote(to);
                Err(format!(
                    "{key} {to} points outside of the schema; only #… is followed"
                ))
            }
            value => within(value, depth + 1),
        }),
        Value::Array(items) => items.iter().try_for_each(|item| within(item, depth + 1)),
        _ => Ok(()),
    }
}
