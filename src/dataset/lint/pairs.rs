//! Rows that are no conversation as a whole: pairs, labels, prompts with completions, instructions, texts.

use serde_json::Value;

use super::shape::Shape;
use super::{Check, kind};
use crate::core::Row;

/// What a side of a pair is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Text,
    List,
    Message,
}

impl Side {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(_) => Some(Self::Text),
            Value::Array(_) => Some(Self::List),
            Value::Object(_) => Some(Self::Message),
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::List => "a list of messages",
            Self::Message => "one message as an object",
        }
    }
}

impl Check {
    /// Looks into a row of a shape the trainer takes.
    pub(super) fn contents(&mut self, shape: Shape, row: &Row) {
        match shape {
            Shape::Messages => {
                self.messages("messages", row.get("messages"), true);
                self.tools("tools", row.get("tools"));
            }
            Shape::ShareGpt => self.sharegpt(row, true),
            Shape::Alpaca => {
                self.text(row, "instruction", true);
                self.text(row, "output", true);
                if row.get("input").is_some_and(|input| !input.is_null()) {
                    self.text(row, "input", false);
                }
            }
            Shape::Text => self.text(row, "text", true),
            Shape::PromptCompletion => self.completion(row),
            Shape::PreferencePlain => self.pair(row, Side::Text, ["chosen", "rejected"]),
            Shape::Preference | Shape::PreferenceWhole => self.pair(row, Side::List, ["chosen", "rejected"]),
            Shape::PreferenceAxolotl => {
                self.messages("messages", row.get("messages"), false);
                self.pair(row, Side::Message, ["chosen", "rejected"]);
            }
            Shape::PreferenceShareGpt => {
                self.sharegpt(row, false);
                self.pair(row, Side::Message, ["chosen", "rejected"]);
            }
            Shape::PreferenceOpenAi => {
                let input = row.get("input").and_then(|input| input.get("messages"));
                self.messages("input.messages", input, false);
                self.pair(row, Side::List, ["preferred_output", "non_preferred_output"]);
            }
            Shape::Unpaired => {
                self.completion(row);
                self.label(row, "label");
            }
            Shape::UnpairedShareGpt => {
                self.sharegpt(row, true);
                self.label(row, "kto_tag");
            }
            Shape::Kd | Shape::KdIds => {
                self.messages("messages", row.get("messages"), true);
                self.tokens(shape, row);
            }
            Shape::Raw | Shape::Unknown => {}
        }
    }

    fn text(&mut self, row: &Row, field: &str, needed: bool) {
        match row.get(field) {
            Some(Value::String(text)) if needed && text.trim().is_empty() => self.nothing(field),
            Some(Value::String(text)) => self.thinking_in(field, text),
            other => {
                let what = other.map_or("missing", kind);
                let why = "the trainer reads text here";
                self.notes.error(
                    "not_text",
                    field,
                    what,
                    why,
                    "write text, empty where there is none",
                );
            }
        }
    }

    fn nothing(&mut self, field: &str) {
        let why = "the student learns to say nothing, or the row is counted and trains nothing";
        self.notes
            .error("empty", field, "empty", why, "reject the sample, or fill it");
    }

    fn completion(&mut self, row: &Row) {
        let sides = ["prompt", "completion"].map(|name| row.get(name).and_then(Side::of));
        match sides {
            [Some(Side::Text), Some(Side::Text)] => {
                self.text(row, "prompt", true);
                self.text(row, "completion", true);
            }
            [Some(Side::List), Some(Side::List)] if !self.trainer.first_decides => {
                self.messages("prompt", row.get("prompt"), false);
                self.messages("completion", row.get("completion"), true);
            }
            _ => {
                let words = sides.map(|side| side.map_or("missing or neither", Side::words));
                let what = format!("prompt is {}, completion is {}", words[0], words[1]);
                let why = if self.trainer.first_decides {
                    "MLX-LM reads both as text"
                } else {
                    "both are text, or both are lists of messages"
                };
                self.notes
                    .error("sides", "completion", what, why, "write both in the same way");
            }
        }
    }

    /// The two sides of a pair: a list (TRL, torchtune, OpenAI), an object (Axolotl, LLaMA-Factory) or text.
    fn pair(&mut self, row: &Row, wanted: Side, names: [&'static str; 2]) {
        let mut sound = true;
        for name in names {
            let found = row.get(name).and_then(Side::of);
            if found != Some(wanted) {
                sound = false;
                let what = found.map_or("missing, or neither text nor messages", Side::words);
                let why = format!("{} reads {} here", self.trainer.name, wanted.words());
                let mend = match self.trainer.instead(super::shape::Purpose::Pairs) {
                    Some(format) => format!("write it with destiler export JOB --format {format}"),
                    None => "write both sides in that way".to_owned(),
                };
                self.notes.error("sides", name, what, &why, &mend);
                continue;
            }
            match row.get(name) {
                Some(Value::String(text)) if text.trim().is_empty() => self.nothing(name),
                Some(list @ Value::Array(_)) => self.messages(name, Some(list), true),
                Some(Value::Object(message)) => self.one_side(name, message),
                _ => {}
            }
        }
        if sound && row.get(names[0]) == row.get(names[1]) {
            let why = "a pair without a better side has no direction to learn";
            self.notes
                .error("tie", names[1], "both sides are the same", why, "drop the pair");
        }
    }

    fn one_side(&mut self, name: &str, message: &Row) {
        let text = message.get("content").or_else(|| message.get("value"));
        match text.and_then(Value::as_str) {
            Some(text) if text.trim().is_empty() => self.nothing(name),
            Some(_) => {}
            None => {
                let why = "a side is one message with its text";
                self.notes.error(
                    "not_text",
                    name,
                    "a message without text",
                    why,
                    "write its content",
                );
            }
        }
    }

    fn label(&mut self, row: &Row, field: &'static str) {
        match row.get(field) {
            Some(Value::Bool(label)) => {
                self.labels.insert(*label);
            }
            other => {
                let what = other.map_or("missing", kind);
                let why = "the label is true (good) or false (bad), not a word or a score";
                self.notes.error("label", field, what, why, "write true or false");
            }
        }
    }
}
