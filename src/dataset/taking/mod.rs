//! Taking rows apart: the formats backwards. A row of any format becomes a seed row with the names that all formats share (`question`,
//! `system`, `turns`, `tools`, `input`, `label`) and the answers under `given`, so that writing it again gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::core::Row;
use crate::core::imported::{GIVEN_FIELD, IMPORTED_FIELD};
use crate::core::job::ReasoningStyle;
use crate::core::sample::as_text;

mod detect;
mod pairs;
mod plain;
mod rows;
mod survey;
mod turns;

pub use rows::apart;
pub use survey::look_over;

/// Most names of columns and keys that are remembered.
const NAMES: usize = 200;

/// What was met in the rows so far.
#[derive(Default)]
struct Met {
    /// Optional fields of the formats.
    fields: BTreeSet<&'static str>,
    /// Columns beside the format's, with their rows.
    columns: BTreeMap<String, u64>,
    /// Keys without a place, with their rows.
    lost: BTreeMap<String, u64>,
    /// The key that reasoning stands under.
    style: Option<ReasoningStyle>,
    /// Answers begin with `<think>…</think>`.
    inline: bool,
    /// Calls and results have ids, and arguments are text: as OpenAI has them.
    by_id: bool,
    /// Prompt and completion are lists of messages.
    messages: bool,
    /// Rows that say of themselves what was decided about them.
    judged: bool,
    /// Steps of the `raw` format, with their rows.
    steps: Vec<(String, u64)>,
}

impl Met {
    fn field(&mut self, name: &'static str) {
        self.fields.insert(name);
    }

    fn lost(&mut self, key: impl Into<String>) {
        count(&mut self.lost, key.into());
    }
}

fn count(names: &mut BTreeMap<String, u64>, name: String) {
    if names.len() < NAMES || names.contains_key(&name) {
        *names.entry(name).or_default() += 1;
    }
}

/// A row taken apart.
#[derive(Default)]
struct Apart {
    /// Fields under the names all formats share, in order.
    fields: Vec<(&'static str, Value)>,
    /// Answers by step.
    given: Vec<(String, Value)>,
    /// What the row says of its own past.
    past: Row,
}

impl Apart {
    fn field(&mut self, name: &'static str, value: impl Into<Value>) {
        self.fields.push((name, value.into()));
    }

    fn give(&mut self, step: &str, value: Value) {
        self.given.push((step.to_owned(), value));
    }
}

/// How rows are taken apart.
#[derive(Clone)]
struct Way {
    /// A kind of the format catalog.
    format: String,
    /// An answer's `<think>…</think>` is reasoning.
    split: bool,
    /// The rows are from a table: lists and objects may be JSON text there, and nothing but a row's format tells which text is one.
    cells: bool,
}

/// Takes a row apart.
fn take(way: &Way, mut row: Row, met: &mut Met) -> Result<Row, String> {
    row.retain(|_, value| !value.is_null());
    let mut apart = Apart::default();
    let mut cx = Taker {
        row: &mut row,
        apart: &mut apart,
        met,
        way,
    };
    match way.format.as_str() {
        "messages" | "openai" => cx.conversation("messages")?,
        "sharegpt" => cx.conversation("conversations")?,
        "kd" => cx.with_tokens(false)?,
        "kd_ids" => cx.with_tokens(true)?,
        "alpaca" => cx.alpaca()?,
        "prompt_completion" => cx.prompt_completion()?,
        "text" => cx.text()?,
        "preference" => cx.preference()?,
        "preference_plain" => cx.preference_plain()?,
        "preference_whole" => cx.preference_whole()?,
        "preference_axolotl" => cx.preference_beside("messages")?,
        "preference_sharegpt" => cx.preference_beside("conversations")?,
        "preference_openai" => cx.preference_openai()?,
        "unpaired" => cx.unpaired()?,
        "unpaired_sharegpt" => cx.unpaired_sharegpt()?,
        "raw" => cx.raw()?,
        other => return Err(format!("rows of the format {other} cannot be taken apart")),
    }
    Ok(put_together(apart, row, met))
}

/// The shared names first, then what else the row has, the answers, and its past.
fn put_together(apart: Apart, rest: Row, met: &mut Met) -> Row {
    let mut seed = Row::new();
    for (name, value) in apart.fields {
        seed.insert(name.to_owned(), value);
    }
    for (name, value) in rest {
        if seed.contains_key(&name) || name == GIVEN_FIELD || name == IMPORTED_FIELD {
            met.lost(name);
        } else {
            count(&mut met.columns, name.clone());
            seed.insert(name, value);
        }
    }
    seed.insert(
        GIVEN_FIELD.to_owned(),
        Value::Object(apart.given.into_iter().collect()),
    );
    if !apart.past.is_empty() {
        seed.insert(IMPORTED_FIELD.to_owned(), Value::Object(apart.past));
    }
    seed
}

/// One row on its way.
struct Taker<'a> {
    row: &'a mut Row,
    apart: &'a mut Apart,
    met: &'a mut Met,
    way: &'a Way,
}

impl Taker<'_> {
    /// A column that has to be there.
    fn need(&mut self, key: &str) -> Result<Value, String> {
        self.row
            .shift_remove(key)
            .ok_or_else(|| format!("it has no `{key}`"))
    }

    /// A column that has to be there, as text.
    fn need_text(&mut self, key: &str) -> Result<String, String> {
        match self.need(key)? {
            value @ (Value::Array(_) | Value::Object(_)) => {
                Err(format!("`{key}` is {}, not a text", kind_of(&value)))
            }
            other => Ok(as_text(other)),
        }
    }

    /// A value that is text or something structured: in a table, text of the latter is what it says.
    fn loose(&self, value: Value) -> Value {
        if self.way.cells { structured(value) } else { value }
    }

    /// A column that may be there, under its own name.
    fn maybe(&mut self, key: &'static str) {
        if let Some(value) = self.row.shift_remove(key) {
            let tools = key == "tools" && self.way.cells && !value.is_string();
            self.met.field(key);
            self.apart.field(key, if tools { unpacked(value) } else { value });
        }
    }

    /// An answer that is nothing but text.
    fn give_text(&mut self, step: &str, text: String) {
        let value = self.answer(text, None, Vec::new());
        self.apart.give(step, value);
    }

    /// An answer as a step takes it.
    fn answer(&mut self, text: String, reasoning: Option<String>, calls: Vec<Value>) -> Value {
        let (mut text, mut reasoning) = (text, reasoning);
        if reasoning.is_none()
            && let Some((thought, said)) = thought(&text)
        {
            self.met.inline = true;
            if self.way.split {
                (reasoning, text) = (Some(thought.to_owned()), said.to_owned());
            }
        }
        if reasoning.is_none() && calls.is_empty() {
            return Value::String(text);
        }
        let mut answer = Map::new();
        answer.insert("text".to_owned(), Value::String(text));
        if let Some(reasoning) = reasoning {
            answer.insert("reasoning".to_owned(), Value::String(reasoning));
        }
        if !calls.is_empty() {
            answer.insert("tool_calls".to_owned(), Value::Array(calls));
        }
        Value::Object(answer)
    }
}

/// Reasoning before the text it led to, exactly as it is written inline.
fn thought(text: &str) -> Option<(&str, &str)> {
    let (thought, said) = text.strip_prefix("<think>")?.split_once("</think>\n")?;
    (!thought.is_empty()).then_some((thought, said))
}

/// A list, also where it stands as JSON text.
fn list(value: Value) -> Result<Vec<Value>, Value> {
    match structured(value) {
        Value::Array(items) => Ok(items),
        other => Err(other),
    }
}

/// What JSON text of a list or an object says; anything else stays as it is.
fn structured(value: Value) -> Value {
    let Value::String(text) = &value else { return value };
    if !text.trim_start().starts_with(['[', '{']) {
        return value;
    }
    serde_json::from_str(text).unwrap_or(value)
}

/// Schemas of tools as they were before a table took them in: an object without keys can only be text there.
fn unpacked(value: Value) -> Value {
    const SCHEMAS: [&str; 4] = ["function", "parameters", "properties", "items"];
    match value {
        Value::Array(items) => items.into_iter().map(unpacked).collect(),
        Value::Object(map) => {
            let entries = map.into_iter().map(|(key, value)| {
                let value = if SCHEMAS.contains(&key.as_str()) {
                    structured(value)
                } else {
                    value
                };
                (key, unpacked(value))
            });
            Value::Object(entries.collect())
        }
        other => other,
    }
}

/// What a JSON value is, for messages that do not repeat it.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
