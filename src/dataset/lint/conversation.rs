//! Conversations: roles and their order, contents and their parts, what is not to be learned, where reasoning stands.

use serde_json::Value;

use super::{Check, kind};
use crate::core::Row;

const ROLES: [&str; 5] = ["system", "developer", "user", "assistant", "tool"];
/// Keys under which reasoning is found in the wild.
const REASONING: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];
/// Keys by which a turn is weighed or left out of what is learned.
const FLAGS: [&str; 5] = ["weight", "train", "training", "train_detail", "loss_weight"];

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
        self.declared.forget_calls();
        let (mut before, mut answers, mut learned) = ("", 0, 0);
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
            if role == "tool" {
                self.result(&place, message);
            } else {
                // Only the calls of the last message may go without a result.
                self.unanswered(&place);
            }
            self.content(&place, role, message);
            self.calls(&place, message);
            self.flags(&place, message);
            if role == "assistant" {
                answers += 1;
                learned += usize::from(!self.switched_off(message));
            }
            before = role;
        }
        if whole && answers > 0 && learned == 0 {
            let what = "every answer is switched off";
            let why = "the row is counted and teaches nothing";
            let mend = "leave the flag out of one answer, or drop the row";
            self.notes.error("nothing_learned", field, what, why, mend);
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
        if let Some(content) = message.get("content").filter(|_| self.trainer.typed) {
            let column = place.split('.').next().unwrap_or_default();
            self.columns
                .value(&format!("{column}.content"), content, &mut self.notes);
        }
        match message.get("content") {
            Some(Value::String(text)) => {
                if text.trim().is_empty() && !calling && role != "tool" {
                    let why = "the student learns to say nothing";
                    self.notes
                        .error("empty", place, "no text", why, "reject the sample, or fill it");
                }
                if role == "assistant" {
                    self.thinking_in(place, text);
                    self.call_in(place, text);
                }
            }
            Some(Value::Array(parts)) => self.parts(place, role, parts),
            None | Some(Value::Null) if calling => {}
            other => {
                let what = format!("content is {}", other.map_or("missing", kind));
                let why = "content is text, or a list of parts";
                self.notes.error("not_text", place, what, why, "write text");
            }
        }
        for key in REASONING {
            if message.get(key).is_some_and(|value| !value.is_null()) {
                self.reasoning.entry(key).or_insert(self.notes.line);
                self.reasoning_key(place, key);
            }
        }
        let Some(known) = self.trainer.message_keys else {
            return;
        };
        for key in message.keys().filter(|key| !known.contains(&key.as_str())) {
            if !REASONING.contains(&key.as_str()) {
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

    /// Content as a list of parts.
    fn parts(&mut self, place: &str, role: &str, parts: &[Value]) {
        let name = self.trainer.name;
        let text = if self.trainer.described { "value" } else { "text" };
        for part in parts {
            let kind = part.get("type").and_then(Value::as_str);
            let written = part.get(text).is_some_and(Value::is_string);
            let sound = match kind {
                Some("text") => written,
                Some("reasoning") => written && self.trainer.described,
                Some(_) => true,
                None => false,
            };
            if !sound {
                let what = match kind {
                    Some(kind) => format!("a part of type {kind:?} without {text:?}"),
                    None => "a part without its type".to_owned(),
                };
                let why = format!("{name} reads the text of a part under {text:?}");
                let mend = format!("write {{\"type\": \"text\", \"{text}\": …}}, or the content as text");
                self.notes.error("part", place, what, &why, &mend);
                return;
            }
        }
        let mend = "write the content as text";
        if self.trainer.first_decides {
            let why = format!("{name} gives it to the template as it is, and text is what templates write");
            self.notes.error("part", place, "a list of parts", &why, mend);
        } else if self.trainer.ids && role != "user" {
            let why = format!("{name} takes parts of a user only; other contents are text");
            self.notes
                .error("part", place, format!("a list of parts of {role}"), &why, mend);
        } else if !self.trainer.ids && !self.trainer.described && self.notes.first("part") {
            let why = "templates of models that read text alone print a list as it stands, brackets and all";
            self.notes.warn("part", place, "a list of parts", why, mend);
        }
    }

    /// Keys that say how much of a turn is learned.
    pub(super) fn flags(&mut self, place: &str, message: &Row) {
        let name = self.trainer.name;
        for key in FLAGS {
            let Some(value) = message.get(key).filter(|value| !value.is_null()) else {
                continue;
            };
            if !self.trainer.flags.contains(&key) {
                if self.trainer.message_keys.is_none() && self.notes.first("flag") {
                    let why = format!("{name} does not read it: every answer is learned alike");
                    let mend =
                        "take it out, or split the conversation so that the last answer is the one to learn";
                    self.notes
                        .warn("flag", place, format!("the key {key:?}"), &why, mend);
                }
                continue;
            }
            let (sound, wanted) = match key {
                "weight" => (matches!(value.as_u64(), Some(0 | 1)), "0 or 1"),
                "train_detail" => (value.is_array(), "a list of {begin_offset, end_offset, train}"),
                "loss_weight" => (value.is_number(), "a number"),
                _ => (value.is_boolean(), "true or false"),
            };
            if !sound {
                let why = format!("{name} reads {wanted} there");
                let mend = format!("write {wanted}");
                self.notes
                    .error("flag", place, format!("{key} is `{value}`"), &why, &mend);
            }
        }
    }

    /// Whether a turn is left out of what this trainer learns.
    fn switched_off(&self, message: &Row) -> bool {
        self.trainer.flags.iter().any(|key| {
            message
                .get(*key)
                .is_some_and(|value| *value == Value::Bool(false) || value.as_f64() == Some(0.0))
        })
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
}

/// Whether a place is in the sides of a pair, which may hold the answer alone.
fn is_side(place: &str) -> bool {
    ["chosen", "rejected", "preferred_output", "non_preferred_output"]
        .iter()
        .any(|side| place.starts_with(side))
}
