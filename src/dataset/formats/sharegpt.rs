//! `sharegpt`, as LLaMA-Factory reads it: turns with `from` and `value`, tools as JSON text. A message that calls tools becomes one
//! `function_call` turn, whose value is the call (or the list of calls); its text has no place beside it and is left out. Results of
//! several calls are one `observation`, so that the sides still alternate.

use std::io::{self, Write};

use serde::Serialize;

use super::conversation::said;
use super::{Fields, Shape, inlined, write_line};
use crate::core::catalog::PlugError;
use crate::core::conversation::{Message, Role, ToolCall};
use crate::core::job::parse;
use crate::core::job::{DatasetSpec, JobSpec, ReasoningStyle};
use crate::core::ports::Format;
use crate::core::sample::Sample;

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
    conversations: Vec<Turn>,
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
        let conversation = self.fields.conversation(sample)?;
        let mut turns: Vec<Turn> = Vec::with_capacity(conversation.len());
        for message in conversation.iter().filter(|message| message.role != Role::System) {
            let turn = self.turn(message)?;
            match turns.last_mut() {
                Some(last) if turn.from == "observation" && last.from == "observation" => {
                    last.value.push('\n');
                    last.value.push_str(&turn.value);
                }
                _ => turns.push(turn),
            }
        }
        let record = Record {
            conversations: turns,
            system: self.fields.column(sample, "system"),
            tools: self.fields.column(sample, "tools"),
        };
        write_line(&record, out)
    }
}

impl ShareGpt {
    fn turn(&self, message: &Message) -> io::Result<Turn> {
        let said = said(message);
        let inline = self.fields.reasoning == ReasoningStyle::Inline;
        let (from, value) = match message.role {
            Role::Assistant if !said.calls.is_empty() => ("function_call", function_call(&said.calls)?),
            Role::Assistant => match said.reasoning.filter(|_| inline) {
                Some(reasoning) => ("gpt", inlined(reasoning, &said.text)),
                None => ("gpt", said.text),
            },
            Role::Tool => ("observation", said.text),
            Role::User | Role::System => ("human", said.text),
        };
        Ok(Turn { from, value })
    }
}

fn function_call(calls: &[&ToolCall]) -> io::Result<String> {
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
