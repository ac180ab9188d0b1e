//! Columns of a file whose reader types them: one kind of value a column, whatever the row. Nested arguments of tool calls are typed
//! too, which is the trap of the same trap.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Notes, kind};
use crate::core::Row;

/// Columns that are remembered; a file with more has other troubles.
const COLUMNS_MAX: usize = 1_000;

/// The kind of each column and of each argument, and the line that showed it.
#[derive(Default)]
pub(super) struct Columns(BTreeMap<String, (&'static str, u64)>);

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
    }

    fn value(&mut self, name: &str, value: &Value, notes: &mut Notes) {
        if value.is_null() {
            return;
        }
        let now = kind(value);
        if self.0.len() >= COLUMNS_MAX && !self.0.contains_key(name) {
            return;
        }
        let (known, line) = *self.0.entry(name.to_owned()).or_insert((now, notes.line));
        if known != now {
            let what = format!("{now}, and {known} in line {line}");
            let why = "the reader gives a column one type and stops where a row has another";
            let mend = "write the same kind of value in every row (JSON text where they must differ)";
            notes.error("column_type", name, what, why, mend);
        }
    }
}
