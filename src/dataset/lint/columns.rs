//! Columns of a file whose reader types them: one kind of value a column, whatever the row. Nested arguments of tool calls are typed
//! too, which is the trap of the same trap.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Notes, kind};
use crate::core::Row;

/// Columns that are remembered; a file with more has other troubles.
const COLUMNS_MAX: usize = 1_000;

#[derive(Default)]
pub(super) struct Columns {
    /// The kind of each column and of each argument, and the line that showed it.
    kinds: BTreeMap<String, (&'static str, u64)>,
    /// The names below `tools` and below `arguments`, and the line that showed them first.
    names: BTreeMap<&'static str, (BTreeSet<String>, u64)>,
}

impl Columns {
    /// Compares a row with those before it.
    pub(super) fn row(&mut self, row: &Row, notes: &mut Notes) {
        for (name, value) in row {
            self.value(name, value, notes);
        }
    }

    /// Compares the arguments of one call with those of all calls before it.
    pub(super) fn arguments(&mut self, arguments: &Row, notes: &mut Notes) {
        for (name, value) in arguments {
            self.value(&format!("arguments.{name}"), value, notes);
        }
        self.nested("arguments", &arguments.keys().cloned().collect(), notes);
    }

    /// Compares the parameters of the tools of one row with those of the rows before it.
    pub(super) fn tools(&mut self, tools: &[Value], notes: &mut Notes) {
        let mut names = BTreeSet::new();
        for tool in tools {
            let function = tool.get("function").unwrap_or(tool);
            let parameters = function
                .pointer("/parameters/properties")
                .and_then(Value::as_object);
            names.extend(parameters.into_iter().flat_map(Row::keys).cloned());
        }
        self.nested("tools", &names, notes);
    }

    /// A table has one set of names below a column, whatever the row.
    fn nested(&mut self, column: &'static str, names: &BTreeSet<String>, notes: &mut Notes) {
        let line = notes.line;
        let (known, first) = self.names.entry(column).or_insert_with(|| (names.clone(), line));
        if known != names && notes.first("nested_columns") {
            let what = format!("other names below {column} than in line {first}");
            let why = "datasets before 4.7 gives every row the names of all rows, and null for those it does not have: the student sees \
                       and learns them";
            let mend = "use datasets 4.7 or newer, or write tools (and arguments, where the trainer takes them so) as JSON text";
            notes.warn("nested_columns", column, what, why, mend);
        }
    }

    /// Compares one value with those of its name before it.
    pub(super) fn value(&mut self, name: &str, value: &Value, notes: &mut Notes) {
        if value.is_null() {
            return;
        }
        let now = kind(value);
        if self.kinds.len() >= COLUMNS_MAX && !self.kinds.contains_key(name) {
            return;
        }
        let (known, line) = *self.kinds.entry(name.to_owned()).or_insert((now, notes.line));
        if known != now {
            let what = format!("{now}, and {known} in line {line}");
            let why = "the reader gives a column one type and stops where a row has another";
            let mend = "write the same kind of value in every row (JSON text where they must differ)";
            notes.error("column_type", name, what, why, mend);
        }
    }
}
