//! `messages` (TRL's conversational format, also Axolotl's and Unsloth's) and `openai` (supervised fine-tuning of OpenAI, Together,
//! Fireworks, MLX-LM). They differ in tools: arguments as an object and results by name, or arguments as JSON text and results by id.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::conversation::{said, tool_of, unfolded};
use super::{Fields, Shape, inlined, write_line};
use crate::core::catalog::PlugError;
use crate::core::conversation::{Message, Part, Role, ToolCall};
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

pub(super) struct Messages {
    pub(super) fields: Fields,
    pub(super) openai: bool,
}

#[derive(Serialize)]
pub(super) struct Record<'a> {
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Value>,
}

#[derive(Serialize, Default)]
struct Turn<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Cow<'a, str>>,
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

    /// The row of a sample whose conversation that is.
    pub(super) fn record<'a>(&self, sample: &Sample, conversation: &'a [Message]) -> Record<'a> {
        let turns = conversation
            .iter()
            .map(|message| self.turn(message, conversation));
        Record {
            messages: turns.collect(),
            tools: self.fields.optional(sample, "tools").map(as_list),
        }
    }

    /// A message as a turn; one that only calls tools has no content.
    fn turn<'a>(&self, message: &'a Message, all: &'a [Message]) -> Turn<'a> {
        if let [Part::ToolResult { id, content }] = &message.parts[..] {
            return Turn {
                role: "tool",
                name: (!self.openai).then(|| tool_of(all, id)).flatten(),
                tool_call_id: self.openai.then_some(id),
                content: Some(Cow::Borrowed(content)),
                ..Turn::default()
            };
        }
        let said = said(message);
        let style = self.fields.reasoning;
        let reasoning_in = |wanted| said.reasoning.filter(|_| style == wanted);
        let text = match reasoning_in(ReasoningStyle::Inline) {
            Some(reasoning) => inlined(reasoning, &said.text),
            None => said.text,
        };
        Turn {
            role: match message.role {
                Role::System => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
                Role::Tool => "tool",
            },
            content: (!text.is_empty() || said.calls.is_empty()).then_some(Cow::Owned(text)),
            reasoning_content: reasoning_in(ReasoningStyle::ReasoningContent),
            thinking: reasoning_in(ReasoningStyle::Thinking),
            tool_calls: said.calls.into_iter().map(|call| self.call(call)).collect(),
            ..Turn::default()
        }
    }
}

impl Format for Messages {
    fn extension(&self) -> &'static str {
        "jsonl"
    }

    fn write(&self, sample: &Sample, out: &mut dyn Write) -> io::Result<()> {
        let conversation = self.fields.conversation(sample)?;
        write_line(&self.record(sample, &conversation), out)
    }
}

/// Tools as a list of `{"type": "function", "function": {…}}`: schemas that stand bare are wrapped, since OpenAI refuses them and some
/// templates show nothing of them.
pub(super) fn as_list(tools: Value) -> Value {
    match unfolded(tools) {
        Value::Array(tools) => tools.into_iter().map(wrapped).collect(),
        other => other,
    }
}

fn wrapped(tool: Value) -> Value {
    let bare = tool.get("name").is_some_and(Value::is_string) && tool.get("function").is_none();
    match tool {
        Value::Object(mut function) if bare => {
            if function.get("type").is_some_and(|kind| kind == "function") {
                function.shift_remove("type");
            }
            json!({"type": "function", "function": function})
        }
        other => other,
    }
}
