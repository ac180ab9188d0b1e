//! `sharegpt`, as LLaMA-Factory reads it: turns with `from` and `value`, tools as JSON text. An answer that calls tools becomes one
//! `function_call` turn, whose value is the call (or the list of calls); its text has no place beside it and is left out.

use std::io::{self, Write};

use serde::Serialize;

use super::{Fields, Shape, write_line};
use crate::core::catalog::PlugError;
use crate::core::conversation::ToolCall;
use crate::core::job::parse;
use crate::core::job::{DatasetSpec, JobSpec, ReasoningStyle};
use crate::core::ports::Format;
use crate::core::sample::{Sample, as_text};

pub(super) const SHAPE: Shape = Shape {
    fields: parse::SHAREGPT,
    reasoning: &[ReasoningStyle::Drop, ReasoningStyle::Inline],
};

pub(super) fn build(spec: &DatasetSpec, _: &JobSpec) -> Result<Box<dyn Format>, PlugError> {
    Ok(Box::new(ShareGpt {
        fields: Fields::new(spec, &SHAPE)?,
    }))
}

struct ShareGpt {
    fields: Fields,
}

#[derive(Serialize)]
struct Record {
    conversations: [Turn; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<String>,
}

#[derive(Serialize)]
struct Turn {
    from: &'static str,
    value: String,
}

#[derive(Serialize)]
struct Call<'a> {
    name: &'a str,
    arguments: &'a serde_json::Value,
}

impl Format for ShareGpt {
    fn extension(&self) -> &'static str {
        "jsonl"
    }

    fn write(&self, sample: &Sample, out: &mut dyn Write) -> io::Result<()> {
        let answer = self.fields.answer(sample)?;
        let calls = answer.step.map_or(&[][..], |step| &step.tool_calls);
        let reply = if calls.is_empty() {
            Turn {
                from: "gpt",
                value: self.fields.text_of(&answer),
            }
        } else {
            Turn {
                from: "function_call",
                value: function_call(calls)?,
            }
        };
        let question = Turn {
            from: "human",
            value: self.fields.question(sample)?,
        };
        let record = Record {
            conversations: [question, reply],
            system: self.fields.system(sample),
            tools: self.fields.optional(sample, "tools").map(as_text),
        };
        write_line(&record, out)
    }
}

fn function_call(calls: &[ToolCall]) -> io::Result<String> {
    let calls: Vec<Call<'_>> = calls
        .iter()
        .map(|call| Call {
            name: &call.name,
            arguments: &call.arguments,
        })
        .collect();
    let text = match &calls[..] {
        [only] => serde_json::to_string(only),
        several => serde_json::to_string(several),
    };
    Ok(text?)
}
