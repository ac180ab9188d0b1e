//! Conversations taken apart: messages as OpenAI, TRL and LLaMA-Factory write them become system, question, the turns between, and the
//! answer.

use serde_json::{Map, Value, json};

use super::{Met, Taker, kind_of, list, structured};
use crate::core::conversation::Role;
use crate::core::job::ReasoningStyle;
use crate::core::sample::as_text;

/// A message on its way.
pub(super) struct Turn {
    pub(super) role: Role,
    pub(super) text: String,
    pub(super) reasoning: Option<String>,
    calls: Vec<Call>,
    /// Which call a result answers, by its id or by the tool's name.
    answers: (Option<String>, Option<String>),
}

struct Call {
    id: Option<String>,
    name: String,
    arguments: Value,
}

/// A conversation in its parts.
pub(super) struct Parts {
    pub(super) system: Option<String>,
    pub(super) question: String,
    pub(super) between: Vec<Turn>,
    pub(super) answer: Turn,
}

impl Taker<'_> {
    /// A row whose conversation stands in that column.
    pub(super) fn conversation(&mut self, column: &str) -> Result<(), String> {
        let value = self.need(column)?;
        let parts = self.parts(value, column)?;
        let answer = self.told(parts)?;
        let value = answer.given(self);
        self.apart.give("answer", value);
        self.maybe("tools");
        Ok(())
    }

    /// Everything of a conversation but its answer becomes fields.
    pub(super) fn told(&mut self, parts: Parts) -> Result<Turn, String> {
        let column = self.row.shift_remove("system").map(as_text);
        let system = match (parts.system, column) {
            (Some(_), Some(column)) if !column.is_empty() => {
                return Err("a system message stands both in the conversation and beside it".to_owned());
            }
            (Some(system), _) => Some(system),
            (None, column) => column,
        };
        if let Some(system) = system {
            self.met.field("system");
            self.apart.field("system", system);
        }
        self.apart.field("question", parts.question);
        if !parts.between.is_empty() {
            self.met.field("turns");
            let turns: Vec<Value> = parts.between.into_iter().map(Turn::written).collect();
            self.apart.field("turns", turns);
        }
        Ok(parts.answer)
    }

    /// A list of messages in its parts.
    pub(super) fn parts(&mut self, value: Value, column: &str) -> Result<Parts, String> {
        let mut turns = self.turns(value, column)?;
        number(&mut turns);
        let answer = turns.pop().ok_or_else(|| format!("`{column}` is empty"))?;
        if answer.role != Role::Assistant {
            let last = word(answer.role);
            return Err(format!(
                "`{column}` ends with a turn of the {last}, not with an answer"
            ));
        }
        let mut turns = turns.into_iter().peekable();
        let system = turns.next_if(|turn| turn.role == Role::System);
        let question = turns
            .next_if(|turn| turn.role == Role::User)
            .ok_or_else(|| format!("`{column}` does not begin with a question of the user"))?;
        let between: Vec<Turn> = turns.collect();
        if between.iter().any(|turn| turn.role == Role::System) {
            return Err(format!("`{column}` has a system message in its middle"));
        }
        Ok(Parts {
            system: system.map(|turn| turn.text),
            question: question.text,
            between,
            answer,
        })
    }

    /// The messages of a list.
    pub(super) fn turns(&mut self, value: Value, column: &str) -> Result<Vec<Turn>, String> {
        let turns = list(value).map_err(|other| format!("`{column}` is {}, not a list", kind_of(&other)))?;
        let read = turns.into_iter().enumerate();
        read.map(|(at, turn)| turn_of(turn, column, self.met).map_err(|why| format!("{column}.{at} {why}")))
            .collect()
    }
}

impl Turn {
    /// An answer of the assistant that is text.
    pub(super) fn said(text: String) -> Self {
        Self {
            role: Role::Assistant,
            text,
            reasoning: None,
            calls: Vec::new(),
            answers: (None, None),
        }
    }

    /// As an answer that a step is given.
    pub(super) fn given(self, taker: &mut Taker<'_>) -> Value {
        let calls = self.calls.into_iter().map(|call| {
            json!({ "id": call.id.unwrap_or_default(), "name": call.name, "arguments": call.arguments })
        });
        taker.answer(self.text, self.reasoning, calls.collect())
    }

    /// Whether it is text and nothing else, reasoning allowed.
    pub(super) fn is_text(&self) -> bool {
        self.calls.is_empty()
    }

    /// As `turns` of a job's dataset are read.
    fn written(self) -> Value {
        let mut turn = Map::new();
        turn.insert("role".to_owned(), word(self.role).into());
        turn.insert("content".to_owned(), self.text.into());
        if let Some(reasoning) = self.reasoning {
            turn.insert("reasoning_content".to_owned(), reasoning.into());
        }
        if let (Some(id), _) = self.answers {
            turn.insert("tool_call_id".to_owned(), id.into());
        }
        if !self.calls.is_empty() {
            let calls = self.calls.into_iter().map(|call| {
                json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": call.arguments } })
            });
            turn.insert("tool_calls".to_owned(), calls.collect());
        }
        Value::Object(turn)
    }
}

/// Gives every call an id and every result the id of the call it answers: by its tool's name, else the first that is open.
fn number(turns: &mut [Turn]) {
    let mut calls = 0;
    let mut open: Vec<(String, String)> = Vec::new();
    let mut last = None;
    for turn in turns {
        for call in &mut turn.calls {
            calls += 1;
            let id = call.id.get_or_insert_with(|| format!("call_{calls}")).clone();
            last = Some(id.clone());
            open.push((id, call.name.clone()));
        }
        if turn.role != Role::Tool {
            continue;
        }
        let (id, name) = &mut turn.answers;
        let at = match (&*id, &*name) {
            (Some(id), _) => open.iter().position(|(other, _)| other == id),
            (None, Some(name)) => open.iter().position(|(_, other)| other == name),
            (None, None) => None,
        };
        let answered = match at {
            Some(at) => Some(open.remove(at).0),
            None if open.is_empty() || id.is_some() => last.clone(),
            None => Some(open.remove(0).0),
        };
        if id.is_none() {
            *id = answered;
        }
    }
}

fn word(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

/// Reads a message, whoever's keys it has: `role` and `content`, or `from` and `value`.
fn turn_of(value: Value, column: &str, met: &mut Met) -> Result<Turn, String> {
    let Value::Object(mut turn) = value else {
        return Err(format!("is {}, not a message", kind_of(&value)));
    };
    turn.retain(|_, value| !value.is_null());
    let mut take = |keys: [&str; 2]| keys.iter().find_map(|key| turn.shift_remove(*key));
    let said = take(["role", "from"]).map(as_text).unwrap_or_default();
    let content = take(["content", "value"]);
    let name = take(["name", "tool_name"]).map(as_text);
    let id = take(["tool_call_id", "call_id"]).map(as_text);
    let calls = take(["tool_calls", "function_calls"]);
    let reasoning = take(["reasoning_content", "reasoning"]);
    let style = match (&reasoning, turn.shift_remove("thinking")) {
        (Some(_), _) => reasoning.map(|text| (text, ReasoningStyle::ReasoningContent)),
        (None, thinking) => thinking.map(|text| (text, ReasoningStyle::Thinking)),
    };
    let style = style.map(|(text, style)| (as_text(text), style));
    let style = style.filter(|(text, _)| !text.is_empty());
    let text = text_of(content)?;
    let mut read = Turn {
        role: Role::User,
        text,
        reasoning: None,
        calls: Vec::new(),
        answers: (None, None),
    };
    match said.as_str() {
        "system" | "developer" => read.role = Role::System,
        "user" | "human" => {}
        "assistant" | "gpt" | "model" | "chatgpt" | "bot" => read.role = Role::Assistant,
        "function_call" => {
            read.role = Role::Assistant;
            read.calls = calls_of(Value::String(std::mem::take(&mut read.text)), met)?;
        }
        "tool" | "function" | "observation" | "ipython" => read.role = Role::Tool,
        other => return Err(format!("is said by {other:?}, whom no trainer knows")),
    }
    if read.role == Role::Tool {
        met.by_id |= id.is_some();
        read.answers = (id, name);
    } else if name.is_some() {
        met.lost(format!("{column}[].name"));
    }
    if let Some(calls) = calls {
        read.calls.extend(calls_of(calls, met)?);
    }
    if let Some((text, style)) = style {
        if read.role == Role::Assistant {
            met.style.get_or_insert(style);
            read.reasoning = Some(text);
        } else {
            met.lost(format!("{column}[].reasoning_content"));
        }
    }
    for key in turn.keys() {
        met.lost(format!("{column}[].{key}"));
    }
    Ok(read)
}

/// A message's text; a list of text parts is joined.
fn text_of(content: Option<Value>) -> Result<String, String> {
    let Some(Value::Array(parts)) = content else {
        return Ok(content.map(as_text).unwrap_or_default());
    };
    let mut text = String::new();
    for part in parts {
        match (
            part.get("type").and_then(Value::as_str),
            part.get("text").and_then(Value::as_str),
        ) {
            (Some("text") | None, Some(said)) => text.push_str(said),
            (kind, _) => {
                let kind = kind.unwrap_or("something else");
                return Err(format!("holds {kind}: only text can be imported"));
            }
        }
    }
    Ok(text)
}

/// Calls as any of the formats writes them: a list or one alone, with or without `function` around them, also as JSON text.
fn calls_of(value: Value, met: &mut Met) -> Result<Vec<Call>, String> {
    let calls = match structured(value) {
        Value::Array(calls) => calls,
        one @ Value::Object(_) => vec![one],
        other => return Err(format!("calls a tool with {}, not with a call", kind_of(&other))),
    };
    calls.into_iter().map(|call| call_of(call, met)).collect()
}

fn call_of(call: Value, met: &mut Met) -> Result<Call, String> {
    let id = call.get("id").and_then(Value::as_str).map(str::to_owned);
    let function = match structured(call) {
        Value::Object(mut call) => match call.shift_remove("function") {
            Some(function) => structured(function),
            None => Value::Object(call),
        },
        other => other,
    };
    let name = function.get("name").and_then(Value::as_str);
    let name = name.ok_or("calls a tool that has no name")?.to_owned();
    let arguments = function.get("arguments").or_else(|| function.get("parameters"));
    let as_words = matches!(arguments, Some(Value::String(_)));
    met.by_id |= id.is_some() && as_words;
    let arguments = match arguments.cloned().map(structured) {
        None | Some(Value::Null) => json!({}),
        Some(arguments @ Value::Object(_)) => arguments,
        Some(_) => return Err(format!("calls {name} with arguments that are no JSON object")),
    };
    Ok(Call { id, name, arguments })
}
