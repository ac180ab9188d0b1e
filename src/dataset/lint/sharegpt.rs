//! Turns with from and value: who speaks where, calls and observations.

use serde_json::Value;

use super::tools::called;
use super::{Check, kind};
use crate::core::Row;

const SPEAKERS: [&str; 5] = ["system", "human", "gpt", "function_call", "observation"];

impl Check {
    /// `conversations` with from and value; a whole one ends with an answer.
    pub(super) fn sharegpt(&mut self, row: &Row, whole: bool) {
        self.maybe_text(row, "system");
        let field = "conversations";
        let Some(Value::Array(turns)) = row.get(field) else {
            let why = "a list of turns is expected";
            let what = row.get(field).map_or("missing", kind);
            let mend = "write a list of {\"from\", \"value\"}";
            self.notes.error("not_messages", field, what, why, mend);
            return;
        };
        let skip = usize::from(turns.first().and_then(speaker) == Some("system"));
        let mut before = "";
        for (at, turn) in turns.iter().enumerate() {
            let place = format!("{field}.{at}");
            self.turn(&place, at, skip, turn);
            let from = speaker(turn).unwrap_or_default();
            self.after(&place, before, from);
            before = from;
        }
        if whole && !matches!(before, "gpt" | "function_call") {
            let what = format!(
                "the last turn is of {}",
                if before.is_empty() { "nobody" } else { before }
            );
            let why = "only what gpt says is learned";
            self.notes
                .error("no_answer", field, what, why, "end with gpt or function_call");
        }
    }

    /// Calls and observations go together.
    fn after(&mut self, place: &str, before: &str, from: &str) {
        if from == "observation" && before != "function_call" {
            self.uncalled(place);
        } else if before == "function_call" && from != "observation" {
            let why = "the student learns to go on as if it knew the result";
            let mend = "add the observation behind the call, or end the conversation there";
            let what = "before it a call stands without a result";
            self.notes.warn("no_result", place, what, why, mend);
        }
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
        if let Value::Object(turn) = turn {
            self.flags(place, turn);
        }
        match turn.get("value").and_then(Value::as_str) {
            None => {
                let why = "a turn's value is text";
                let what = turn.get("value").map_or("no value", kind);
                self.notes.error("not_text", place, what, why, "write text");
            }
            Some(text) if from == "function_call" => self.call_turn(place, text),
            Some(text) if text.trim().is_empty() && from != "observation" => {
                let why = "the student learns to say nothing, or answers nothing";
                self.notes
                    .error("empty", place, "no text", why, "reject the sample, or fill it");
            }
            Some(text) if from == "gpt" => {
                self.thinking_in(place, text);
                self.call_in(place, text);
            }
            Some(_) => {}
        }
    }

    fn call_turn(&mut self, place: &str, text: &str) {
        let names = called(text);
        if names.is_empty() {
            let why = "a call is JSON text with name and arguments, or a list of such";
            let mend = "write {\"name\", \"arguments\"} as JSON";
            self.notes
                .error("arguments", place, "text that is no call", why, mend);
        }
        for name in names {
            self.known(place, &name);
        }
    }
}

fn speaker(turn: &Value) -> Option<&str> {
    turn.get("from").and_then(Value::as_str)
}
