//! Preference pairs: one prompt, a chosen and a rejected answer. Six shapes of the same three texts, one for each way trainers read
//! them; which pairs are worth having is the job's business.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::messages::as_list;
use super::{Fields, Shape, write_line};
use crate::core::catalog::PlugError;
use crate::core::job::parse;
use crate::core::job::parse::FormatFields;
use crate::core::job::{DatasetSpec, JobSpec, ReasoningStyle};
use crate::core::ports::Format;
use crate::core::sample::Sample;

pub(super) const TRL: Shape = shape(parse::PREFERENCE);
pub(super) const PLAIN: Shape = shape(parse::PREFERENCE_PLAIN);
pub(super) const WHOLE: Shape = shape(parse::PREFERENCE_WHOLE);
pub(super) const AXOLOTL: Shape = shape(parse::PREFERENCE_AXOLOTL);
pub(super) const SHAREGPT: Shape = shape(parse::PREFERENCE_SHAREGPT);
pub(super) const OPENAI: Shape = shape(parse::PREFERENCE_OPENAI);

const fn shape(fields: FormatFields<'static>) -> Shape {
    Shape {
        fields,
        reasoning: &[ReasoningStyle::Drop, ReasoningStyle::Inline],
    }
}

pub(super) fn build_trl(spec: &DatasetSpec, _: &JobSpec) -> Result<Box<dyn Format>, PlugError> {
    build(spec, &TRL, trl)
}

pub(super) fn build_plain(spec: &DatasetSpec, _: &JobSpec) -> Result<Box<dyn Format>, PlugError> {
    build(spec, &PLAIN, plain)
}

pub(super) fn build_whole(spec: &DatasetSpec, _: &JobSpec) -> Result<Box<dyn Format>, PlugError> {
    build(spec, &WHOLE, whole)
}

pub(super) fn build_axolotl(spec: &DatasetSpec, _: &JobSpec) -> Result<Box<dyn Format>, PlugError> {
    build(spec, &AXOLOTL, axolotl)
}

pub(super) fn build_sharegpt(spec: &DatasetSpec, _: &JobSpec) -> Result<Box<dyn Format>, PlugError> {
    build(spec, &SHAREGPT, sharegpt)
}

pub(super) fn build_openai(spec: &DatasetSpec, _: &JobSpec) -> Result<Box<dyn Format>, PlugError> {
    build(spec, &OPENAI, openai)
}

fn build(spec: &DatasetSpec, shape: &'static Shape, record: Record) -> Result<Box<dyn Format>, PlugError> {
    let fields = Fields::new(spec, shape)?;
    for side in ["chosen", "rejected"] {
        if !spec.fields.contains_key(side) {
            let message = format!(
                "{}: which answer is better cannot be guessed; `fields` must say where `{side}` is found",
                shape.kind()
            );
            return Err(PlugError::at(side, message));
        }
    }
    Ok(Box::new(Preference { fields, record }))
}

/// How a pair is written down.
type Record = fn(Pair) -> Value;

struct Preference {
    fields: Fields,
    record: Record,
}

/// A pair on its way into a row.
struct Pair {
    prompt: String,
    chosen: String,
    rejected: String,
    /// As the job maps it: empty where the sample has none.
    system: Option<String>,
    tools: Value,
}

/// One message as most trainers read it.
#[derive(Serialize)]
pub(super) struct Turn {
    role: &'static str,
    content: String,
}

/// The messages before an answer.
pub(super) fn prompt(system: Option<String>, user: String) -> Vec<Turn> {
    let system = system.filter(|text| !text.is_empty());
    let mut turns: Vec<Turn> = system.into_iter().map(|text| turn("system", text)).collect();
    turns.push(turn("user", user));
    turns
}

/// An answer as a message.
pub(super) fn assistant(content: String) -> Turn {
    turn("assistant", content)
}

fn turn(role: &'static str, content: String) -> Turn {
    Turn { role, content }
}

fn trl(pair: Pair) -> Value {
    json!({
        "prompt": prompt(pair.system, pair.prompt),
        "chosen": [assistant(pair.chosen)],
        "rejected": [assistant(pair.rejected)],
    })
}

fn plain(pair: Pair) -> Value {
    let Pair {
        prompt,
        chosen,
        rejected,
        ..
    } = pair;
    json!({ "prompt": prompt, "chosen": chosen, "rejected": rejected })
}

fn whole(pair: Pair) -> Value {
    let side = |answer: String| {
        let mut turns = prompt(pair.system.clone(), pair.prompt.clone());
        turns.push(assistant(answer));
        turns
    };
    json!({ "chosen": side(pair.chosen), "rejected": side(pair.rejected) })
}

fn axolotl(pair: Pair) -> Value {
    json!({
        "messages": prompt(pair.system, pair.prompt),
        "chosen": assistant(pair.chosen),
        "rejected": assistant(pair.rejected),
    })
}

fn sharegpt(pair: Pair) -> Value {
    let mut row = json!({
        "conversations": [{ "from": "human", "value": pair.prompt }],
        "chosen": { "from": "gpt", "value": pair.chosen },
        "rejected": { "from": "gpt", "value": pair.rejected },
    });
    if let Some(system) = pair.system {
        row["system"] = Value::String(system);
    }
    row
}

fn openai(pair: Pair) -> Value {
    json!({
        "input": {
            "messages": prompt(pair.system, pair.prompt),
            "tools": pair.tools,
            "parallel_tool_calls": true,
        },
        "preferred_output": [assistant(pair.chosen)],
        "non_preferred_output": [assistant(pair.rejected)],
    })
}

impl Format for Preference {
    fn extension(&self) -> &'static str {
        "jsonl"
    }

    fn write(&self, sample: &Sample, out: &mut dyn Write) -> io::Result<()> {
        let side = |name| Ok::<_, io::Error>(self.fields.text_of(&self.fields.answer_as(sample, name)?));
        let tools = self.fields.optional(sample, "tools").map(as_list);
        let pair = Pair {
            prompt: self.fields.question(sample)?,
            chosen: side("chosen")?,
            rejected: side("rejected")?,
            system: self.fields.column(sample, "system"),
            tools: tools.unwrap_or_else(|| json!([])),
        };
        write_line(&(self.record)(pair), out)
    }
}
