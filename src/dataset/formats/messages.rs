//! `messages` (TRL's conversational format, also Axolotl's and Unsloth's) and `openai` (supervised fine-tuning of OpenAI, Together,
//! Fireworks, MLX-LM). They differ in tool calls: an object of arguments, or an id and the arguments as JSON text.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use super::{Fields, Shape, write_line};
use crate::core::catalog::PlugError;
use crate::core::conversation::ToolCall;
use crate::core::job::parse;
use crate::core::job::{DatasetSpec, JobSpec, ReasoningStyle};
use crate::core::ports::Format;
use crate::core::sample::Sample;

pub(super) const SHAPE: Shape = Shape {
    fields: parse::MESSAGES,
    reasoning: &[
        ReasoningStyle::Drop,
        ReasoningStyle::Inline,
        ReasoningStyle::ReasoningContent,
        ReasoningStyle::Thinking,
    ],
};

pub(super) const OPENAI: Shape = Shape {
    fields: parse::OPENAI,
    reasoning: &[ReasoningStyle::Drop, ReasoningStyle::Inline],
};

pub(super) fn build(spec: &DatasetSpec, _: &JobSpec) -> Result<Box<dyn Format>, PlugError> {
    Ok(Box::new(Messages {
        fields: Fields::new(spec, &SHAPE)?,
        openai: false,
    }))
}

pub(super) fn build_openai(spec: &DatasetSpec, _: &JobSpec) -> Result<Box<dyn Format>, PlugError> {
    Ok(Box::new(Messages {
        fields: Fields::new(spec, &OPENAI)?,
        openai: true,
    }))
}

struct Messages {
    fields: Fields,
    openai: bool,
}

#[derive(Serialize)]
struct Record<'a> {
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Value>,
}

#[derive(Serialize, Default)]
struct Turn<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

#[derive(Serialize)]
struct Call<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: Arguments<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Arguments<'a> {
    Object(&'a Value),
    Text(String),
}

impl Messages {
    fn call<'a>(&self, call: &'a ToolCall) -> Call<'a> {
        Call {
            id: self.openai.then_some(call.id.as_str()),
            r#type: "function",
            function: Function {
                name: &call.name,
                arguments: if self.openai {
                    Arguments::Text(call.arguments.to_string())
                } else {
                    Arguments::Object(&call.arguments)
                },
            },
        }
    }

    /// The answer; a turn that only calls tools has no content.
    fn assistant<'a>(&self, sample: &'a Sample) -> io::Result<Turn<'a>> {
        let answer = self.fields.answer(sample)?;
        let tool_calls: Vec<_> = answer
            .step
            .iter()
            .flat_map(|step| &step.tool_calls)
            .map(|call| self.call(call))
            .collect();
        let text = self.fields.text_of(&answer);
        Ok(Turn {
            role: "assistant",
            content: (!text.is_empty() || tool_calls.is_empty()).then_some(text),
            reasoning_content: self
                .fields
                .reasoning_in(&answer, ReasoningStyle::ReasoningContent),
            thinking: self.fields.reasoning_in(&answer, ReasoningStyle::Thinking),
            tool_calls,
        })
    }
}

fn turn(role: &'static str, content: String) -> Turn<'static> {
    Turn {
        role,
        content: Some(content),
        ..Turn::default()
    }
}

impl Format for Messages {
    fn extension(&self) -> &'static str {
        "jsonl"
    }

    fn write(&self, sample: &Sample, out: &mut dyn Write) -> io::Result<()> {
        let mut messages = Vec::with_capacity(3);
        messages.extend(self.fields.system(sample).map(|text| turn("system", text)));
        messages.push(turn("user", self.fields.question(sample)?));
        messages.push(self.assistant(sample)?);
        let tools = self.fields.optional(sample, "tools").map(as_list);
        write_line(&Record { messages, tools }, out)
    }
}

/// Tools from a seed file without nested values come as JSON text.
fn as_list(tools: Value) -> Value {
    match tools {
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        other => other,
    }
}
