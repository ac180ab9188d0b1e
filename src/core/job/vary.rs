//! `[vary]` of a job file: how fields are drawn. The drawing itself is in [`crate::core::plan`].

use serde_json::Value;

use super::parse::{Known, Places};
use super::read::{Node, Table};
use super::report::{Report, quote};
use super::sections::variable_name;
use super::{Cases, Normal, Vary};
use crate::core::Row;
use crate::core::sample::as_text;

/// Most rows, and bytes of them as JSON, that a field is drawn from: they become a part of the job.
const POOL_ROWS: usize = 10_000;
const POOL_BYTES: usize = 1 << 20;

/// The personas in the binary, one a line.
const PERSONAS: &str = include_str!("../../../assets/personas.txt");

/// The ways of drawing, in the words of the file.
const WAYS: &str = "choose, choose_from, weights, integer, normal and by";

/// Deepest cases within cases.
const CASES_DEEP: usize = 8;

pub(super) fn vary(
    table: &mut Table,
    places: &mut Places,
    known: &Known,
    report: &mut Report,
) -> Vec<(String, Vary)> {
    let Some(table) = table.get("vary").and_then(|node| node.table(report)) else {
        return Vec::new();
    };
    let mut fields = Vec::new();
    for (name, span, node) in table.entries() {
        if let Err(rule) = variable_name(name, true) {
            let message = format!("{} is no name for a field", quote(name));
            report.error_with(&span, &node.path, message, Some(rule.to_owned()));
        }
        let field = node.table(report);
        // A field that cannot be drawn still has its name, so that templates are checked against it.
        let vary = field
            .and_then(|table| drawn(table, &node, known, 0, report))
            .unwrap_or(Vary::Integer(0, 0));
        fields.push((name.to_owned(), vary));
        places.vary.push(span);
    }
    fields
}

fn drawn(mut table: Table, node: &Node, known: &Known, depth: usize, report: &mut Report) -> Option<Vary> {
    let choose = table.get("choose");
    let choose_from = table.get("choose_from");
    let weights = table.get("weights");
    let integer = table.get("integer");
    let normal = table.get("normal");
    let by = table.get("by");
    let ways = [&choose, &choose_from, &weights, &integer, &normal, &by];
    let given = ways.into_iter().flatten().count();
    if given != 1 {
        let message = format!("exactly one of {WAYS} is needed, found {given}");
        report.error(&node.span, &node.path, message);
    }
    let chooses = choose.is_some() || choose_from.is_some();
    let draw = only_with(&mut table, "draw", chooses, "choose or choose_from", report);
    let draw = draw.and_then(|node| node.whole(1..=1_000, report));
    let field = only_with(&mut table, "field", choose_from.is_some(), "choose_from", report);
    let field = field.and_then(|node| node.string(report));
    let within = only_with(&mut table, "within", normal.is_some(), "normal", report);
    let within = within.and_then(|node| pair(&node, report));
    let digits = only_with(&mut table, "digits", normal.is_some(), "normal", report);
    let digits = digits.map_or(Some(2), |node| node.whole(0..=9, report));
    let cases = only_with(&mut table, "cases", by.is_some(), "by", report);
    let otherwise = only_with(&mut table, "otherwise", by.is_some(), "by", report);
    if by.is_some() && cases.is_none() {
        report.error(&node.span, &node.path, "`by` needs cases = { value = { … } }");
    }
    table.finish(report);
    if let Some(node) = choose {
        let values = choices(&node, report)?;
        return Some(many(values, draw));
    }
    if let Some(node) = choose_from {
        return chosen_from(&node, field.as_deref(), draw, known, report);
    }
    if let Some(node) = weights {
        return weighted(&node, report);
    }
    if let Some(node) = integer {
        return between(&node, report);
    }
    if let Some(node) = normal {
        let (mean, deviation) = numbers(&node, report)?;
        if deviation < 0.0 {
            report.error(&node.span, &node.path, "the deviation is below 0");
        }
        return Some(Vary::Normal(Normal {
            mean,
            deviation,
            within,
            digits: digits?,
        }));
    }
    let by = by?.string(report)?;
    if depth >= CASES_DEEP {
        report.error(&node.span, &node.path, "cases nest too deep");
        return None;
    }
    let mut read = Vec::new();
    for (value, _, node) in cases?.table(report)?.entries() {
        read.push((value.to_owned(), case(&node, known, depth + 1, report)?));
    }
    if read.is_empty() {
        report.error(&node.span, &node.path, "has no case");
    }
    let otherwise = match otherwise {
        Some(node) => Some(Box::new(case(&node, known, depth + 1, report)?)),
        None => None,
    };
    Some(Vary::Case(Cases {
        by,
        cases: read,
        otherwise,
    }))
}

/// What is drawn in a case: a table as everywhere, or a value that stands for itself.
fn case(node: &Node, known: &Known, depth: usize, report: &mut Report) -> Option<Vary> {
    if node.is_table() {
        return drawn(node.table(report)?, node, known, depth, report);
    }
    Some(Vary::Choose(vec![node.json(report)?]))
}

fn only_with<'t>(
    table: &mut Table<'t>,
    key: &'static str,
    has: bool,
    wanted: &str,
    report: &mut Report,
) -> Option<Node<'t>> {
    let node = table.get(key)?;
    if !has {
        let message = format!("has no effect without {wanted}");
        report.error(&node.span, &node.path, message);
    }
    Some(node)
}

fn many(values: Vec<Value>, draw: Option<u32>) -> Vary {
    match draw {
        Some(count) => Vary::Draw(values, count),
        None => Vary::Choose(values),
    }
}

fn choices(node: &Node, report: &mut Report) -> Option<Vec<Value>> {
    let items = node.list(report)?;
    if items.is_empty() {
        report.error(&node.span, &node.path, "has nothing to choose from");
    }
    items.iter().map(|item| item.json(report)).collect()
}

/// The rows of a file, of the built-in personas, or of what is accepted.
fn chosen_from(
    node: &Node,
    field: Option<&str>,
    draw: Option<u32>,
    known: &Known,
    report: &mut Report,
) -> Option<Vary> {
    let name = node.string(report)?;
    if name == "accepted" {
        if draw.is_none() {
            let message = "a first round has nothing accepted: say how many at most, as a list";
            report.error_with(&node.span, &node.path, message, Some("draw = 2".to_owned()));
        }
        return draw.map(Vary::Accepted);
    }
    let rows = if name == "personas" {
        let lines = PERSONAS.lines().filter(|line| !line.trim().is_empty());
        Ok(lines.map(persona).collect())
    } else {
        (known.pool)(&name, POOL_ROWS + 1)
    };
    let values = rows.and_then(|rows| values(&rows, field));
    match values {
        Ok(values) => Some(many(values, draw)),
        Err(message) => {
            let message = format!("{}: {message}", quote(&name));
            report.error(&node.span, &node.path, message);
            None
        }
    }
}

fn persona(line: &str) -> Row {
    let mut row = Row::new();
    row.insert("persona".to_owned(), Value::from(line));
    row
}

/// What each row gives: the named field, the only one it has, else the row itself.
fn values(rows: &[Row], field: Option<&str>) -> Result<Vec<Value>, String> {
    if rows.is_empty() {
        return Err("has no rows to choose from".to_owned());
    }
    if rows.len() > POOL_ROWS {
        return Err(format!("has more than {POOL_ROWS} rows to choose from"));
    }
    let mut bytes = 0;
    let mut values = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        let value = match field {
            Some(field) => row
                .get(field)
                .cloned()
                .ok_or_else(|| format!("row {} has no field {}", at + 1, quote(field)))?,
            None if row.len() == 1 => row.values().next().cloned().unwrap_or_default(),
            None => Value::Object(row.clone()),
        };
        bytes += as_text(value.clone()).len();
        values.push(value);
    }
    if bytes > POOL_BYTES {
        let most = POOL_BYTES >> 20;
        return Err(format!("holds more than {most} MiB to choose from"));
    }
    Ok(values)
}

fn weighted(node: &Node, report: &mut Report) -> Option<Vary> {
    let entries = node.table(report)?;
    let weights: Option<Vec<(String, f64)>> = entries
        .entries()
        .map(|(name, _, node)| Some((name.to_owned(), node.number(0.0..=1e9, false, report)?)))
        .collect();
    let weights = weights?;
    if weights.iter().map(|(_, weight)| weight).sum::<f64>() <= 0.0 {
        report.error(&node.span, &node.path, "no weight is above 0");
    }
    Some(Vary::Weights(weights))
}

fn between(node: &Node, report: &mut Report) -> Option<Vary> {
    let items = node.list(report)?;
    let [low, high] = items.as_slice() else {
        let message = format!("expected two whole numbers, found {}", items.len());
        report.error(&node.span, &node.path, message);
        return None;
    };
    let low = low.whole(i64::MIN..=i64::MAX, report)?;
    let high = high.whole(i64::MIN..=i64::MAX, report)?;
    if low > high {
        let message = format!("the first number ({low}) is above the second ({high})");
        report.error(&node.span, &node.path, message);
        return None;
    }
    Some(Vary::Integer(low, high))
}

fn numbers(node: &Node, report: &mut Report) -> Option<(f64, f64)> {
    let items = node.list(report)?;
    let [first, second] = items.as_slice() else {
        let message = format!("expected two numbers, found {}", items.len());
        report.error(&node.span, &node.path, message);
        return None;
    };
    let first = first.number(-1e12..=1e12, false, report)?;
    Some((first, second.number(-1e12..=1e12, false, report)?))
}

fn pair(node: &Node, report: &mut Report) -> Option<(f64, f64)> {
    let (low, high) = numbers(node, report)?;
    if low > high {
        let message = format!("the first number ({low}) is above the second ({high})");
        report.error(&node.span, &node.path, message);
        return None;
    }
    Some((low, high))
}
