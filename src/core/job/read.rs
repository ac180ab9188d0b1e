//! Reading typed values out of a TOML document with their places: every getter says what it expected and what it found, and every
//! table knows which keys nobody asked for.

use std::ops::RangeInclusive;

use serde_json::{Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::report::{Report, Span, hint, quote};
use crate::core::Row;

/// Nesting at which a value is refused rather than followed.
pub(super) const DEPTH_AT_MOST: usize = 64;

/// A table whose keys are taken one by one.
pub(super) struct Table<'t> {
    entries: &'t DeTable<'t>,
    /// Dotted path of the table; empty for the file.
    pub(super) path: String,
    pub(super) span: Span,
    asked: Vec<&'static str>,
}

/// A value at its key.
#[derive(Clone)]
pub(super) struct Node<'t> {
    value: &'t DeValue<'t>,
    pub(super) path: String,
    pub(super) span: Span,
}

impl<'t> Table<'t> {
    pub(super) fn document(entries: &'t DeTable<'t>) -> Self {
        Self {
            entries,
            path: String::new(),
            span: 0..0,
            asked: Vec::new(),
        }
    }

    /// The value of a key, if it is there. The key counts as known from now on.
    pub(super) fn get(&mut self, key: &'static str) -> Option<Node<'t>> {
        self.asked.push(key);
        let value = self.entries.get(key)?;
        Some(Node {
            value: value.get_ref(),
            path: join(&self.path, key),
            span: value.span(),
        })
    }

    /// [`Self::get`], with an error if the key is missing.
    pub(super) fn need(&mut self, key: &'static str, report: &mut Report) -> Option<Node<'t>> {
        let found = self.get(key);
        if found.is_none() {
            report.error(&self.span, &join(&self.path, key), "is missing");
        }
        found
    }

    /// All entries with the places of their keys, for tables whose keys are the user's own words.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'t str, Span, Node<'t>)> + use<'t> {
        let path = self.path.clone();
        self.entries.iter().map(move |(key, value)| {
            let node = Node {
                value: value.get_ref(),
                path: join(&path, key.get_ref()),
                span: value.span(),
            };
            (key.get_ref().as_ref(), key.span(), node)
        })
    }

    /// The place of a key, or of the whole table.
    pub(super) fn place(&self, key: &str) -> Span {
        self.entries
            .get_key_value(key)
            .map_or_else(|| self.span.clone(), |(key, _)| key.span())
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self, report: &mut Report) {
        for (key, span, node) in self.entries() {
            if !self.asked.contains(&key) {
                let message = format!("unknown key {}", quote(key));
                report.error_with(&span, &node.path, message, hint(key, &self.asked));
            }
        }
    }
}

impl<'t> Node<'t> {
    pub(super) fn string(&self, report: &mut Report) -> Option<String> {
        let found = self.value.as_str().map(str::to_owned);
        self.or_wrong(found, "a string", report)
    }

    pub(super) fn boolean(&self, report: &mut Report) -> Option<bool> {
        self.or_wrong(self.value.as_bool(), "true or false", report)
    }

    /// A whole number within a range.
    pub(super) fn whole<N>(&self, range: RangeInclusive<N>, report: &mut Report) -> Option<N>
    where
        N: TryFrom<i128> + PartialOrd + std::fmt::Display + Copy,
    {
        let number = self.or_wrong(integer(self.value), "a whole number", report)?;
        let found = N::try_from(number).ok().filter(|number| range.contains(number));
        if found.is_none() {
            let (low, high) = (range.start(), range.end());
            let message = format!("{number} is out of range");
            let help = format!("from {low} to {high}");
            report.error_with(&self.span, &self.path, message, Some(help));
        }
        found
    }

    /// A number within a range; `above` excludes the lower end.
    pub(super) fn number(&self, range: RangeInclusive<f64>, above: bool, report: &mut Report) -> Option<f64> {
        let found = integer(self.value)
            .map(|number| number as f64)
            .or_else(|| float(self.value));
        let number = self.or_wrong(found, "a number", report)?;
        let (low, high) = (range.start(), range.end());
        if range.contains(&number) && !(above && number <= *low) {
            return Some(number);
        }
        let word = if above { "above" } else { "from" };
        let message = format!("{number} is out of range");
        let help = format!("{word} {low} up to {high}");
        report.error_with(&self.span, &self.path, message, Some(help));
        None
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)], report: &mut Report) -> Option<T> {
        let found = self.string(report)?;
        let value = words.iter().find(|(word, _)| *word == found);
        if value.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let message = format!("unknown word {}", quote(&found));
            report.error_with(&self.span, &self.path, message, hint(&found, &known));
        }
        value.map(|(_, value)| *value)
    }

    pub(super) fn list(&self, report: &mut Report) -> Option<Vec<Node<'t>>> {
        let items = self.or_wrong(self.value.as_array(), "a list", report)?;
        let node = |(at, item): (usize, &'t Spanned<DeValue<'t>>)| Node {
            value: item.get_ref(),
            path: format!("{}.{}", self.path, at + 1),
            span: item.span(),
        };
        Some(items.iter().enumerate().map(node).collect())
    }

    /// A list of strings.
    pub(super) fn strings(&self, report: &mut Report) -> Option<Vec<String>> {
        let items = self.list(report)?;
        let strings: Vec<String> = items.iter().filter_map(|item| item.string(report)).collect();
        (strings.len() == items.len()).then_some(strings)
    }

    pub(super) fn table(&self, report: &mut Report) -> Option<Table<'t>> {
        let entries = self.or_wrong(self.value.as_table(), "a table", report)?;
        Some(Table {
            entries,
            path: self.path.clone(),
            span: self.span.clone(),
            asked: Vec::new(),
        })
    }

    pub(super) fn is_string(&self) -> bool {
        self.value.is_str()
    }

    pub(super) fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// The value as JSON; dates become strings.
    pub(super) fn json(&self, report: &mut Report) -> Option<Value> {
        self.json_at(0, report)
    }

    /// A table as a row.
    pub(super) fn row(&self, report: &mut Report) -> Option<Row> {
        match self.json(report)? {
            Value::Object(row) => Some(row),
            _ => self.or_wrong(None, "a table", report),
        }
    }

    fn json_at(&self, depth: usize, report: &mut Report) -> Option<Value> {
        if depth >= DEPTH_AT_MOST {
            let message = format!("nests deeper than {DEPTH_AT_MOST}");
            report.error(&self.span, &self.path, message);
            return None;
        }
        match self.value {
            DeValue::String(text) => Some(Value::from(text.as_ref())),
            DeValue::Boolean(value) => Some(Value::from(*value)),
            DeValue::Datetime(date) => Some(Value::from(date.to_string())),
            DeValue::Integer(_) => {
                let number = integer(self.value).and_then(Number::from_i128);
                self.or_wrong(number.map(Value::Number), "a number below 2^64", report)
            }
            DeValue::Float(_) => {
                let number = float(self.value).and_then(Number::from_f64);
                self.or_wrong(number.map(Value::Number), "a finite number", report)
            }
            DeValue::Array(_) => self
                .list(report)?
                .iter()
                .map(|item| item.json_at(depth + 1, report))
                .collect(),
            DeValue::Table(_) => self
                .table(report)?
                .entries()
                .map(|(key, _, node)| Some((key.to_owned(), node.json_at(depth + 1, report)?)))
                .collect(),
        }
    }

    fn or_wrong<T>(&self, found: Option<T>, expected: &str, report: &mut Report) -> Option<T> {
        if found.is_none() {
            let message = format!("expected {expected}, found {}", described(self.value));
            report.error(&self.span, &self.path, message);
        }
        found
    }
}

fn join(path: &str, key: &str) -> String {
    let key = crate::core::text::shorten(key, 64);
    if path.is_empty() {
        key
    } else {
        format!("{path}.{key}")
    }
}

fn integer(value: &DeValue) -> Option<i128> {
    let number = value.as_integer()?;
    i128::from_str_radix(number.as_str(), number.radix()).ok()
}

fn float(value: &DeValue) -> Option<f64> {
    value.as_float()?.as_str().parse().ok()
}

fn described(value: &DeValue) -> String {
    match value {
        DeValue::String(text) => format!("the string {}", quote(text)),
        DeValue::Integer(number) => format!("the whole number {}", quote(number.as_str())),
        DeValue::Float(number) => format!("the number {}", quote(number.as_str())),
        DeValue::Boolean(value) => format!("`{value}`"),
        DeValue::Datetime(date) => format!("the date `{date}`"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
