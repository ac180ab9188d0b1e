//! Which columns of the seed rows a job takes, and what it calls them: `exclude` and `rename` of `[seeds]`, read, checked, and applied
//! to a row. Everything behind it (pieces, templates, datasets) knows the new names only.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::parse::Places;
use super::read::{Node, Table};
use super::report::{Report, hint, quote};
use super::sections::variable_name;
use super::{JobSpec, Seeds};
use crate::core::Row;

/// What becomes of the columns of the rows; those it does not name stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Columns {
    /// Left out, by the name the rows have: no task, prompt or dataset gets them.
    pub exclude: Vec<String>,
    /// The name the rows have, and what the job calls it, in the order written.
    pub rename: Vec<(String, String)>,
}

impl Columns {
    /// Whether every row stays as it is.
    pub fn is_plain(&self) -> bool {
        self.exclude.is_empty() && self.rename.is_empty()
    }

    /// What the job calls a column of the rows; `None`: it is left out.
    pub fn known_as<'a>(&'a self, column: &'a str) -> Option<&'a str> {
        if self.exclude.iter().any(|name| name == column) {
            return None;
        }
        let renamed = self.rename.iter().find(|(from, _)| from == column);
        Some(renamed.map_or(column, |(_, to)| to))
    }

    /// A row as the job sees it. Where two columns have one name, the renamed one has it.
    #[must_use]
    pub fn shape(&self, row: Row) -> Row {
        if self.is_plain() {
            return row;
        }
        let mut shaped = Row::new();
        for (column, value) in row {
            let Some(name) = self.known_as(&column) else {
                continue;
            };
            if name != column || !shaped.contains_key(name) {
                shaped.insert(name.to_owned(), value);
            }
        }
        shaped
    }

    /// Gives a column a name, which no other column then has; its own name takes the new one back. It is left out no longer.
    pub fn call(&mut self, column: &str, name: &str) {
        self.exclude.retain(|other| other != column);
        self.rename.retain(|(from, to)| from != column && to != name);
        if column != name {
            self.rename.push((column.to_owned(), name.to_owned()));
        }
    }

    /// Leaves a column out, or takes it in again.
    pub fn toggle(&mut self, column: &str) {
        if self.exclude.iter().any(|name| name == column) {
            self.exclude.retain(|name| name != column);
        } else {
            self.rename.retain(|(from, _)| from != column);
            self.exclude.push(column.to_owned());
        }
    }
}

/// Reads both keys out of `[seeds]`.
pub(super) fn columns(
    table: &mut Table,
    places: &mut Places,
    is_count: bool,
    report: &mut Report,
) -> Columns {
    let (exclude, rename) = (table.get("exclude"), table.get("rename"));
    for node in [&exclude, &rename].into_iter().flatten().filter(|_| is_count) {
        report.error(&node.span, &node.path, "there are no columns");
    }
    let exclude = exclude.map_or_else(Vec::new, |node| excluded(&node, places, report));
    let rename = rename.map_or_else(Vec::new, |node| renamed(&node, &exclude, places, report));
    Columns { exclude, rename }
}

fn excluded(node: &Node, places: &mut Places, report: &mut Report) -> Vec<String> {
    let items = node.list(report).unwrap_or_default();
    let mut names = Vec::new();
    for item in items {
        if let Some(name) = item.string(report) {
            places.exclude.push(item.span.clone());
            names.push(name);
        }
    }
    names
}

fn renamed(
    node: &Node,
    exclude: &[String],
    places: &mut Places,
    report: &mut Report,
) -> Vec<(String, String)> {
    let mut names: Vec<(String, String)> = Vec::new();
    let Some(table) = node.table(report) else {
        return names;
    };
    for (from, span, node) in table.entries() {
        let Some(to) = node.string(report) else { continue };
        if let Err(rule) = variable_name(&to, true) {
            let message = format!("{} is no name for a field", quote(&to));
            report.error_with(&node.span, &node.path, message, Some(rule.to_owned()));
        }
        if exclude.iter().any(|name| name == from) {
            report.error(&span, &node.path, format!("{} is excluded", quote(from)));
        }
        if names.iter().any(|(_, other)| *other == to) {
            let message = format!("another column is called {} too", quote(&to));
            report.error(&node.span, &node.path, message);
        }
        places.rename.push(span);
        names.push((from.to_owned(), to));
    }
    names
}

/// Checks both against the columns there are, where somebody has looked.
pub(super) fn check(spec: &JobSpec, looked: Option<&[String]>, places: &Places, report: &mut Report) {
    let Seeds { columns, chunk, .. } = &spec.seeds;
    if let Some(chunk) = chunk
        && columns.known_as(&chunk.field) != Some(&chunk.field)
        && !columns.rename.iter().any(|(_, to)| *to == chunk.field)
    {
        let field = quote(&chunk.field);
        let (message, help) = match columns.known_as(&chunk.field) {
            None => (format!("{field} is excluded"), None),
            Some(name) => (
                format!("{field} has another name here"),
                Some(format!("it is called {}", quote(name))),
            ),
        };
        report.error_with(&places.seeds, "seeds.chunk.field", message, help);
    }
    let Some(looked) = looked else { return };
    let known: Vec<&str> = looked.iter().map(String::as_str).collect();
    let excluded = columns.exclude.iter().zip(&places.exclude);
    let excluded = excluded.map(|(name, span)| (name, span, "seeds.exclude".to_owned()));
    let renamed = columns.rename.iter().zip(&places.rename);
    let renamed = renamed.map(|((name, _), span)| (name, span, format!("seeds.rename.{name}")));
    for (name, span, key) in excluded.chain(renamed) {
        if !known.contains(&name.as_str()) {
            let message = format!("no row that was looked at has a column {}", quote(name));
            report.warning(span, &key, message, hint(name, &known));
        }
    }
    let own: BTreeSet<&str> = known
        .into_iter()
        .filter(|name| columns.known_as(name) == Some(name))
        .collect();
    for ((from, to), span) in columns.rename.iter().zip(&places.rename) {
        if from != to && own.contains(to.as_str()) {
            let message = format!("the rows have a column {} of their own", quote(to));
            let help = Some("exclude that one, or choose another name".to_owned());
            report.error_with(span, &format!("seeds.rename.{from}"), message, help);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(value: &serde_json::Value) -> Row {
        value.as_object().cloned().unwrap()
    }

    fn columns(exclude: &[&str], rename: &[(&str, &str)]) -> Columns {
        let rename = rename.iter();
        Columns {
            exclude: exclude.iter().map(|&name| name.to_owned()).collect(),
            rename: rename
                .map(|(from, to)| ((*from).to_owned(), (*to).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn a_row_has_what_is_left_in_its_order_under_its_new_names() {
        let given = row(&json!({"id": 1, "Problem Text": "p", "email": "x@y", "answer": "a"}));
        let wanted = columns(&["email"], &[("Problem Text", "question"), ("nothing", "other")]);
        let shaped = wanted.shape(given.clone());
        assert_eq!(
            serde_json::Value::from(shaped).to_string(),
            r#"{"id":1,"question":"p","answer":"a"}"#
        );
        assert_eq!(Columns::default().shape(given.clone()), given);
    }

    #[test]
    fn names_can_be_exchanged_and_the_renamed_one_wins_in_either_order() {
        let swap = columns(&[], &[("a", "b"), ("b", "a")]);
        assert_eq!(
            swap.shape(row(&json!({"a": 1, "b": 2}))),
            row(&json!({"b": 1, "a": 2}))
        );
        let over = columns(&[], &[("a", "b")]);
        assert_eq!(over.shape(row(&json!({"a": 1, "b": 2})))["b"], 1);
        assert_eq!(over.shape(row(&json!({"b": 2, "a": 1})))["b"], 1);
    }

    #[test]
    fn calling_and_leaving_out_undo_each_other() {
        let mut wanted = Columns::default();
        wanted.call("a", "x");
        wanted.call("b", "x");
        assert_eq!(wanted, columns(&[], &[("b", "x")]), "one name, one column");
        wanted.toggle("b");
        assert_eq!(wanted, columns(&["b"], &[]));
        wanted.call("b", "b");
        assert!(wanted.is_plain());
        wanted.toggle("a");
        wanted.toggle("a");
        assert!(wanted.is_plain());
    }
}
