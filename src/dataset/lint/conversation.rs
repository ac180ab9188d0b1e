//! Conversations: roles and their order, contents, tool calls and results, where reasoning stands.

use serde_json::Value;

use super::shape::Arguments;
use super::{Check, kind};
use crate::core::Row;

const ROLES: [&str; 5] = ["system", "developer", "user", "assistant", "tool"];
const SPEAKERS: [&str; 5] = ["system", "human", "gpt", "function_call", "observation"];

impl Check {
    /// A list of messages; a whole conversation ends with an answer.
    pub(super) fn messages(&mut self, field: &str, list: Option<&Value>, whole: bool) {
        let Some(Value::Array(list)) = list else {
            let what = list.map_or("missing", kind);
            let why = "a list of messages is expected";
            self.notes.error(
                "not_messages",
                field,
                what,
                why,
                "write a list of {\"role\", \"content\"}",
            );
            return;
        };
        let mut open: Vec<String> = Vec::new();
        let mut before = "";
        for (at, message) in list.iter().enumerate() {
            let place = format!("{field}.{at}");
            let Value::Object(message) = message else {
                let why = "a message has a role and content";
                self.notes
                    .error("not_messages", &place, kind(message), why, "write an object");
                continue;
            };
            let Some(role) = self.role(&place, message) else {
                continue;
            };
            self.order(&place, at, before, role);
            if role != "tool" && self.trainer.ids && !open.is_empty() {
                // Only the calls of the last message may go without a result.
                self.unanswered(&place, &open);
                open.clear();
            }
            self.content(&place, role, message);
            self.calls(&place, message, &mut open);
            if role == "tool" {
                self.result(&place, message, &mut open);
            }
            before = role;
        }
        if whole && before != "assistant" {
            let what = if list.is_empty() {
                "no message at all".to_owned()
            } else {
                format!(
                    "the last message is of {}",
                    if before.is_empty() { "nobody" } else { before }
                )
            };
            let why = "only what the assistant says is learned";
            self.notes.error(
                "no_answer",
                field,
                what,
                why,
                "end the conversation with the assistant",
            );
        }
    }

    fn unanswered(&mut self, place: &str, open: &[String]) {
        let what = format!("before it {} without a result", counted(open.len()));
        let why = format!(
            "{} wants a result for every call that is not the end",
            self.trainer.name
        );
        let mend = "add the tool messages with their tool_call_id";
        self.notes.error("no_result", place, what, &why, mend);
    }

    fn role<'a>(&mut self, place: &str, message: &'a Row) -> Option<&'a str> {
        let role = message.get("role").and_then(Value::as_str);
        if let Some(role) = role.filter(|role| ROLES.contains(role)) {
            return Some(role);
        }
        if message.contains_key("from") {
            let why = "this shape has role and content; from and value belong to `conversations`";
            let mend = format!(
                "write it with destiler export JOB --format {}",
                self.trainer.conversation()
            );
            self.notes
                .error("wrong_keys", place, "from and value", why, &mend);
        } else {
            let what = role.map_or_else(|| "no role".to_owned(), |role| format!("the role {role:?}"));
            let why = "templates know system, user, assistant and tool";
            self.notes.error("role", place, what, why, "use one of these");
        }
        None
    }

    fn order(&mut self, place: &str, at: usize, before: &str, role: &str) {
        if matches!(role, "system" | "developer") && at > 0 {
            let why = "templates take the system message first or not at all";
            self.notes.error(
                "order",
                place,
                "a system message in the middle",
                why,
                "put it first",
            );
        } else if role == before && role != "tool" {
            let what = format!("two messages of {role} in a row");
            let why = "many templates refuse turns that do not alternate";
            self.notes.warn("order", place, what, why, "join them into one");
        } else if at == 0 && role == "assistant" && !place.starts_with("completion") && !is_side(place) {
            let why = "an answer without a question; many templates refuse it";
            self.notes.warn(
                "order",
                place,
                "the assistant speaks first",
                why,
                "put the question before it",
            );
        }
    }

    fn content(&mut self, place: &str, role: &str, message: &Row) {
        let calls = message.get("tool_calls").and_then(Value::as_array);
        let calling = calls.is_some_and(|calls| !calls.is_empty());
        match message.get("content") {
            Some(Value::String(text)) => {
                if text.trim().is_empty() && !calling && role != "tool" {
                    let why = "the student learns to say nothing";
                    self.notes
                        .error("empty", place, "no text", why, "reject the sample, or fill it");
                }
                if role == "assistant" {
                    self.thinking_in(place, text);
                }
            }
            Some(Value::Array(_)) => {}
            None | Some(Value::Null) if calling => {}
            other => {
                let what = format!("content is {}", other.map_or("missing", kind));
                let why = "content is text, or a list of parts";
                self.notes.error("not_text", place, what, why, "write text");
            }
        }
        for key in ["reasoning_content", "thinking"] {
            if message.get(key).is_some_and(|value| !value.is_null()) {
                self.reasoning.entry(key).or_insert(self.notes.line);
                self.reasoning_key(place, key);
            }
        }
        let Some(known) = self.trainer.message_keys else {
            return;
        };
        for key in message.keys().filter(|key| !known.contains(&key.as_str())) {
            if !matches!(key.as_str(), "reasoning_content" | "thinking") {
                let what = format!("the key {key:?}");
                let why = format!("{} refuses keys it does not know", self.trainer.name);
                self.notes.error("unknown_key", place, what, &why, "take it out");
            }
        }
    }

    /// Reasoning under a key that this trainer's templates may not render.
    fn reasoning_key(&mut self, place: &str, key: &'static str) {
        if self.trainer.reasoning.contains(&key) {
            return;
        }
        let name = self.trainer.name;
        let what = format!("reasoning under {key:?}");
        let mend = match self.trainer.reasoning {
            [known, ..] => format!("set [dataset] reasoning = \"{known}\", or \"inline\""),
            [] => "set [dataset] reasoning = \"inline\", or \"drop\"".to_owned(),
        };
        if self.trainer.message_keys.is_some() {
            let why = format!("{name} refuses keys it does not know");
            self.notes.error("reasoning_key", place, what, &why, &mend);
        } else if self.notes.first("reasoning_key") {
            let why = format!("{name} has no reader for that key: it is left out without a word");
            self.notes.error("reasoning_key", place, what, &why, &mend);
        }
    }

    /// `<think>` in a text: noted, and its end looked for.
    pub(super) fn thinking_in(&mut self, place: &str, text: &str) {
        if !text.trim_start().starts_with("<think>") {
            return;
        }
        self.reasoning.entry("inline <think>").or_insert(self.notes.line);
        match text.split_once("</think>") {
            None => {
                let why = "the student never learns to stop thinking";
                self.notes.error(
                    "open_think",
                    place,
                    "<think> without </think>",
                    why,
                    "reject the sample: it was cut",
                );
            }
            Some((_, rest)) if rest.trim().is_empty() => {
                let why = "the student learns to think and say nothing";
                self.notes.warn(
                    "empty",
                    place,
                    "reasoning without an answer",
                    why,
                    "reject the sample",
                );
            }
            Some(_) => {}
        }
    }

    fn calls(&mut self, place: &str, message: &Row, open: &mut Vec<String>) {
        let Some(calls) = message.get("tool_calls").filter(|calls| !calls.is_null()) else {
            return;
        };
        let Value::Array(calls) = calls else {
            let why = "calls are a list, even a single one";
            self.notes
                .error("tool_calls", place, kind(calls), why, "write a list");
            return;
        };
        for (at, call) in calls.iter().enumerate() {
            let place = format!("{place}.tool_calls.{at}");
            let function = call.get("function");
            if function
                .and_then(|f| f.get("name"))
                .and_then(Value::as_str)
                .is_none()
            {
                let why = "a call is {\"type\": \"function\", \"function\": {\"name\", \"arguments\"}}";
                self.notes.error(
                    "tool_calls",
                    &place,
                    "a call without a function's name",
                    why,
                    "write it so",
                );
                continue;
            }
            match call.get("id").and_then(Value::as_str) {
                Some(id) => open.push(id.to_owned()),
                None if self.trainer.ids => {
                    let why = "results refer to their call by its id";
                    self.notes.error(
                        "tool_id",
                        &place,
                        "a call without an id",
                        why,
                        "write it with --format openai",
                    );
                }
                None => {}
            }
            self.arguments(&place, function.and_then(|f| f.get("arguments")));
        }
    }

    fn arguments(&mut self, place: &str, arguments: Option<&Value>) {
        let name = self.trainer.name;
        match (arguments, self.trainer.arguments) {
            (Some(Value::Object(arguments)), Arguments::Object | Arguments::Either) => {
                if self.trainer.typed {
                    self.columns.arguments(arguments, &mut self.notes);
                }
            }
            (Some(Value::String(text)), Arguments::Text | Arguments::Either) => {
                if !matches!(serde_json::from_str(text), Ok(Value::Object(_))) {
                    let what = "arguments are text that is no JSON object";
                    let why = "the student learns calls that no tool can read";
                    self.notes.error(
                        "arguments",
                        place,
                        what,
                        why,
                        "reject the sample, or mend the JSON",
                    );
                }
            }
            (Some(Value::Object(_)), Arguments::Text) => {
                let why = format!("{name} reads arguments as JSON text");
                let mend = format!(
                    "write it with destiler export JOB --format {}",
                    self.trainer.conversation()
                );
                self.notes
                    .error("arguments", place, "arguments are an object", &why, &mend);
            }
            (Some(Value::String(_)), Arguments::Object) => {
                let why = format!(
                    "{name}'s templates render arguments from an object; text comes out quoted twice"
                );
                let mend = format!(
                    "write it with destiler export JOB --format {}",
                    self.trainer.conversation()
                );
                self.notes
                    .error("arguments", place, "arguments are JSON text", &why, &mend);
            }
            (other, _) => {
                let what = format!("arguments are {}", other.map_or("missing", kind));
                let why = "arguments are an object, {} where there are none";
                self.notes.error("arguments", place, what, why, "write them so");
            }
        }
    }

    fn result(&mut self, place: &str, message: &Row, open: &mut Vec<String>) {
        let id = message.get("tool_call_id").and_then(Value::as_str);
        let at = id.and_then(|id| open.iter().position(|known| known == id));
        match (at, self.trainer.ids) {
            (Some(at), _) => {
                open.remove(at);
            }
            (None, true) => {
                let why = "a result names the call it answers by tool_call_id";
                self.notes.error(
                    "tool_id",
                    place,
                    "a result that answers no call",
                    why,
                    "write it with --format openai",
                );
            }
            (None, false) => {}
        }
    }

    /// The `tools` column: a list of schemas, or JSON text of one.
    pub(super) fn tools(&mut self, field: &str, tools: Option<&Value>) {
        match tools {
            Some(Value::Array(_)) if self.trainer.described => {
                let why = format!("{} reads tools as JSON text", self.trainer.name);
                self.notes.error(
                    "tools_column",
                    field,
                    "a list",
                    &why,
                    "write it with --format sharegpt",
                );
            }
            None | Some(Value::Null | Value::Array(_)) => {}
            Some(Value::String(text)) if self.trainer.tools_as_text => {
                if !text.is_empty() && !matches!(serde_json::from_str(text), Ok(Value::Array(_))) {
                    let why = "the text is read as a JSON list of schemas";
                    self.notes.error(
                        "tools_column",
                        field,
                        "text that is no JSON list",
                        why,
                        "write a list as JSON",
                    );
                }
            }
            Some(other) => {
                let why = format!("{} reads a list of JSON schemas", self.trainer.name);
                self.notes
                    .error("tools_column", field, kind(other), &why, "write a list");
            }
        }
    }

    /// `conversations` with from and value; a whole one ends with an answer.
    pub(super) fn sharegpt(&mut self, row: &Row, whole: bool) {
        let field = "conversations";
        let Some(Value::Array(turns)) = row.get(field) else {
            let why = "a list of turns is expected";
            let what = row.get(field).map_or("missing", kind);
            self.notes.error(
                "not_messages",
                field,
                what,
                why,
                "write a list of {\"from\", \"value\"}",
            );
            return;
        };
        let skip = usize::from(turns.first().and_then(speaker) == Some("system"));
        for (at, turn) in turns.iter().enumerate() {
            self.turn(&format!("{field}.{at}"), at, skip, turn);
        }
        let last = turns.last().and_then(speaker);
        if whole && !matches!(last, Some("gpt" | "function_call")) {
            let what = format!("the last turn is of {}", last.unwrap_or("nobody"));
            let why = "only what gpt says is learned";
            self.notes
                .error("no_answer", field, what, why, "end with gpt or function_call");
        }
        self.tools("tools", row.get("tools"));
    }

    fn turn(&mut self, place: &str, at: usize, skip: usize, turn: &Value) {
        let Some(from) = speaker(turn) else {
            let (what, mend) = if turn.get("role").is_some() {
                (
                    "role and content",
                    "rename them to from and value, or the list to messages",
                )
            } else {
                ("no from", "write who speaks")
            };
            self.notes
                .error("wrong_keys", place, what, "turns here have from and value", mend);
            return;
        };
        if !SPEAKERS.contains(&from) {
            let why = "known are human, gpt, function_call, observation and system";
            self.notes
                .error("role", place, format!("from {from:?}"), why, "use one of these");
            return;
        }
        let asking = matches!(from, "human" | "observation");
        if at >= skip && from != "system" && asking != (at - skip).is_multiple_of(2) {
            let what = format!("{from} at place {}", at - skip + 1);
            let why = "human and observation stand at odd places, gpt and function_call at even ones; other rows are left out";
            self.notes
                .error("order", place, what, why, "join or reorder the turns");
        }
        match turn.get("value").and_then(Value::as_str) {
            None => {
                let why = "a turn's value is text";
                let what = turn.get("value").map_or("no value", kind);
                self.notes.error("not_text", place, what, why, "write text");
            }
            Some(text) if from == "function_call" => {
                if !is_call(text) {
                    let why = "a call is JSON text with name and arguments, or a list of such";
                    self.notes.error(
                        "arguments",
                        place,
                        "text that is no call",
                        why,
                        "write {\"name\", \"arguments\"} as JSON",
                    );
                }
            }
            Some(text) if text.trim().is_empty() && from != "observation" => {
                let why = "the student learns to say nothing, or answers nothing";
                self.notes
                    .error("empty", place, "no text", why, "reject the sample, or fill it");
            }
            Some(text) if from == "gpt" => self.thinking_in(place, text),
            Some(_) => {}
        }
    }
}

fn counted(calls: usize) -> String {
    match calls {
        1 => "a call stands".to_owned(),
        many => format!("{many} calls stand"),
    }
}

fn speaker(turn: &Value) -> Option<&str> {
    turn.get("from").and_then(Value::as_str)
}

/// Whether a place is in the sides of a pair, which may hold the answer alone.
fn is_side(place: &str) -> bool {
    ["chosen", "rejected", "preferred_output", "non_preferred_output"]
        .iter()
        .any(|side| place.starts_with(side))
}

fn is_call(text: &str) -> bool {
    let sound =
        |call: &Value| call.get("name").is_some_and(Value::is_string) && call.get("arguments").is_some();
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(calls)) => !calls.is_empty() && calls.iter().all(sound),
        Ok(call) => sound(&call),
        Err(_) => false,
    }
}
