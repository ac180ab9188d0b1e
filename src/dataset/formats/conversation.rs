//! A sample as a conversation, from which the formats of turns are written: system, the question, what the job maps to `turns`
//! (tool calls and their results, say), the answer.

use std::io;

use serde_json::Value;

use super::{Fields, mapped, missing};
use crate::core::conversation::{Message, Part, Role, ToolCall};
use crate::core::sample::Sample;

impl Fields {
    /// The whole conversation. The last message is the answer; reasoning is a part of its own, whatever becomes of it.
    pub(super) fn conversation(&self, sample: &Sample) -> io::Result<Vec<Message>> {
        let answer = self.answer(sample)?;
        let mut messages = Vec::with_capacity(3);
        messages.extend(self.system(sample).map(|text| Message::text(Role::System, text)));
        messages.push(Message::text(Role::User, self.question(sample)?));
        let mut calls = 0;
        messages.extend(self.turns(sample, &mut calls)?);
        let written = self.calls(sample, &mut calls)?;
        // What is written as calls is not said as well.
        let said = written.is_empty() || self.paths.get("calls") != self.paths.get("assistant");
        let text = Part::Text {
            text: if said { answer.text } else { String::new() },
        };
        let mut parts = Vec::new();
        if let Some(step) = answer.step {
            let reasoning = step.reasoning.clone().filter(|text| !text.is_empty());
            parts.extend(reasoning.map(|text| Part::Reasoning { text }));
            parts.push(text);
            parts.extend(step.tool_calls.iter().cloned().map(Part::ToolCall));
        } else {
            parts.push(text);
        }
        parts.extend(written.into_iter().map(Part::ToolCall));
        messages.push(Message {
            role: Role::Assistant,
            parts,
        });
        Ok(messages)
    }

    /// The turns between question and answer: a list of messages, the same as JSON text, or several fields with commas between them:
    /// assistant, user, …
    fn turns(&self, sample: &Sample, calls: &mut usize) -> io::Result<Vec<Message>> {
        if let Some(paths) = self.paths.get("turns").filter(|paths| paths.contains(',')) {
            let roles = [Role::Assistant, Role::User].into_iter().cycle();
            let said = roles.zip(paths.split(',').map(str::trim));
            return said
                .map(|(role, path)| Ok(Message::text(role, mapped(sample, "turns", path)?)))
                .collect();
        }
        let Some(found) = self.optional(sample, "turns") else {
            return Ok(Vec::new());
        };
        let wrong = |why: &str| missing(sample, "turns", why);
        let Value::Array(turns) = unfolded(found) else {
            return Err(wrong("it is no list of messages"));
        };
        turns
            .iter()
            .map(|turn| message(turn, calls).map_err(|why| wrong(&why)))
            .collect()
    }

    /// Calls that a step wrote as a list of `{name, arguments}`: the answer makes them.
    fn calls(&self, sample: &Sample, calls: &mut usize) -> io::Result<Vec<ToolCall>> {
        let Some(found) = self.optional(sample, "calls") else {
            return Ok(Vec::new());
        };
        let wrong = |why: &str| missing(sample, "calls", why);
        let Value::Array(found) = unfolded(found) else {
            return Err(wrong("it is no list of calls"));
        };
        found
            .iter()
            .map(|call| {
                *calls += 1;
                tool_call(call, *calls).map_err(wrong)
            })
            .collect()
    }
}

/// A value, or the one that its JSON text is: from a seed file without nested values they come as text.
pub(super) fn unfolded(value: Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        other => other,
    }
}

/// Reads a message as OpenAI and TRL write it. Calls without an id are numbered; a result without one answers the last call.
fn message(turn: &Value, calls: &mut usize) -> Result<Message, String> {
    let text = |key: &str| turn.get(key).and_then(Value::as_str);
    let content = || match turn.get("content") {
        None | Some(Value::Null) => String::new(),
        Some(value) => crate::core::sample::as_text(value.clone()),
    };
    let role = match text("role") {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool") => {
            let last = format!("call_{calls}");
            let part = Part::ToolResult {
                id: text("tool_call_id").map_or(last, str::to_owned),
                content: content(),
            };
            return Ok(Message {
                role: Role::Tool,
                parts: vec![part],
            });
        }
        other => {
            let role = other.unwrap_or("none");
            return Err(format!("a message's role is {role}, not user, assistant or tool"));
        }
    };
    let mut parts = Vec::new();
    let reasoning = text("reasoning_content").or_else(|| text("thinking"));
    parts.extend(reasoning.map(|text| Part::Reasoning {
        text: text.to_owned(),
    }));
    parts.push(Part::Text { text: content() });
    for call in turn
        .get("tool_calls")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        *calls += 1;
        parts.push(Part::ToolCall(tool_call(call, *calls)?));
    }
    Ok(Message { role, parts })
}

fn tool_call(call: &Value, number: usize) -> Result<ToolCall, &'static str> {
    let function = call.get("function").unwrap_or(call);
    let name = function.get("name").and_then(Value::as_str);
    let arguments = match function.get("arguments") {
        Some(Value::String(text)) => serde_json::from_str(text).ok(),
        Some(value) => Some(value.clone()),
        None => Some(Value::Object(serde_json::Map::new())),
    };
    let id = call.get("id").and_then(Value::as_str);
    Ok(ToolCall {
        id: id.map_or_else(|| format!("call_{number}"), str::to_owned),
        name: name.ok_or("a tool call has no name")?.to_owned(),
        arguments: arguments
            .filter(Value::is_object)
            .ok_or("a tool call's arguments are no JSON object")?,
    })
}

/// A message's text and reasoning, and the calls it makes.
pub(super) struct Said<'a> {
    /// The text, without reasoning.
    pub(super) text: String,
    /// The reasoning.
    pub(super) reasoning: Option<&'a str>,
    /// The calls.
    pub(super) calls: Vec<&'a ToolCall>,
}

/// Takes a message apart.
pub(super) fn said(message: &Message) -> Said<'_> {
    let mut said = Said {
        text: message.plain(),
        reasoning: None,
        calls: Vec::new(),
    };
    for part in &message.parts {
        match part {
            Part::Reasoning { text } => said.reasoning = Some(text),
            Part::ToolCall(call) => said.calls.push(call),
            Part::Text { .. } | Part::ToolResult { .. } => {}
        }
    }
    said
}

/// The name of the tool whose call has that id.
pub(super) fn tool_of<'a>(messages: &'a [Message], wanted: &str) -> Option<&'a str> {
    let mut parts = messages.iter().flat_map(|message| &message.parts);
    parts.find_map(|part| match part {
        Part::ToolCall(call) if call.id == wanted => Some(call.name.as_str()),
        _ => None,
    })
}
