//! Rows that are no conversation as a whole: pairs, labels, prompts with completions, instructions, texts.

use serde_json::Value;

use super::shape::Shape;
use super::{Check, kind};
use crate::core::Row;

/// The two sides as most trainers name them.
const SIDES: [&str; 2] = ["chosen", "rejected"];
/// A text shorter than this may begin another by chance.
const PROMPT_LETTERS: usize = 20;

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
        let holder = match row.get("input") {
            Some(Value::Object(input)) if shape == Shape::PreferenceOpenAi => input,
            _ => row,
        };
        self.tools("tools", holder.get("tools"));
        self.parallel(holder.get("parallel_tool_calls"));
        match shape {
            Shape::Messages => self.messages("messages", row.get("messages"), true),
            Shape::ShareGpt => self.sharegpt(row, true),
            Shape::Alpaca => self.instruction(row),
            Shape::Text => self.text(row, "text", true),
            Shape::InputOutput => {
                self.text(row, "input", true);
                self.text(row, "output", true);
            }
            Shape::PromptCompletion => self.completion(row),
            Shape::Prompt => self.prompt(row),
            Shape::Steps => self.steps(row),
            Shape::PreferencePlain | Shape::PreferenceImplicit => self.pair(row, Side::Text, SIDES),
            Shape::PreferenceAlpaca => {
                self.text(row, "instruction", true);
                self.pair(row, Side::Text, SIDES);
            }
            Shape::Preference => {
                self.prompt(row);
                self.pair(row, Side::List, SIDES);
                self.prompt_in(row, SIDES);
            }
            Shape::PreferenceWhole => {
                self.pair(row, Side::List, SIDES);
                self.common(row, SIDES);
            }
            Shape::PreferenceParts => {
                let names = ["chosen_messages", "rejected_messages"];
                self.pair(row, Side::List, names);
                self.common(row, names);
            }
            Shape::PreferenceAxolotl => {
                self.question("messages", row.get("messages"));
                self.pair(row, Side::Message, SIDES);
            }
            Shape::PreferenceShareGpt => {
                self.sharegpt(row, false);
                self.pair(row, Side::Message, SIDES);
            }
            Shape::PreferenceOpenAi => {
                self.question("input.messages", holder.get("messages"));
                let names = ["preferred_output", "non_preferred_output"];
                self.pair(row, Side::List, names);
                for name in names {
                    self.only_answers(name, row.get(name));
                }
            }
            Shape::Unpaired => {
                self.completion(row);
                self.label(row, "label");
            }
            Shape::UnpairedShareGpt => {
                self.sharegpt(row, true);
                self.label(row, "kto_tag");
            }
            Shape::UnpairedAlpaca => {
                self.instruction(row);
                self.label(row, "kto_tag");
            }
            Shape::Kd | Shape::KdIds => {
                self.messages("messages", row.get("messages"), true);
                self.tokens(shape, row);
            }
            Shape::Raw | Shape::Unknown => {}
        }
    }

    /// A row with the keys of two shapes: one of them is not read.
    pub(super) fn one_shape(&mut self, row: &Row) {
        let all = Shape::all_of(row);
        if all.len() > 1 && self.notes.first("two_shapes") {
            let what = format!("keys of several formats: {}", all.join("; "));
            let why = format!(
                "{} reads one of them and leaves the others out without a word",
                self.trainer.name
            );
            let mend = "take out the columns that are not meant";
            self.notes.warn("two_shapes", "", what, &why, mend);
        }
    }

    fn instruction(&mut self, row: &Row) {
        self.text(row, "instruction", true);
        self.text(row, "output", true);
        self.maybe_text(row, "input");
        self.maybe_text(row, "system");
        let Some(history) = row.get("history").filter(|history| !history.is_null()) else {
            return;
        };
        let turns = history.as_array();
        let pair = |turn: &Value| {
            let turn = turn.as_array();
            turn.is_some_and(|turn| turn.len() == 2 && turn.iter().all(Value::is_string))
        };
        if !self.trainer.described {
            let some = turns.is_none_or(|turns| !turns.is_empty());
            if some && self.notes.first("history") {
                let why = format!(
                    "{} does not read it: the turns before the instruction are left out",
                    self.trainer.name
                );
                let mend = "write whole conversations: destiler export JOB --format messages";
                self.notes.warn("history", "history", "earlier turns", &why, mend);
            }
        } else if !turns.is_some_and(|turns| turns.iter().all(pair)) {
            let why = "history is a list of [question, answer], both text";
            let mend = "write it so, or the whole as conversations";
            self.notes
                .error("history", "history", "turns in another form", why, mend);
        }
    }

    /// Text, null or nothing.
    pub(super) fn maybe_text(&mut self, row: &Row, field: &str) {
        if row.get(field).is_some_and(|value| !value.is_null()) {
            self.text(row, field, false);
        }
    }

    /// A prompt that somebody is to answer: text, or messages that do not end with an answer.
    fn prompt(&mut self, row: &Row) {
        if row.get("prompt").is_some_and(Value::is_array) {
            self.question("prompt", row.get("prompt"));
        } else {
            self.text(row, "prompt", true);
        }
    }

    fn question(&mut self, field: &str, messages: Option<&Value>) {
        self.messages(field, messages, false);
        let last = messages.and_then(Value::as_array).and_then(|list| list.last());
        let role = last.and_then(|last| last.get("role")).and_then(Value::as_str);
        if role == Some("assistant") {
            let what = "the prompt ends with the assistant";
            let why = "what is learned then goes on with an answer that is there already";
            let mend = "end it with the user, and leave the answer to the sides";
            self.notes.warn("order", field, what, why, mend);
        }
    }

    fn parallel(&mut self, allowed: Option<&Value>) {
        self.single_calls = self.trainer.ids && allowed == Some(&Value::Bool(false));
        if let Some(other) = allowed.filter(|allowed| self.trainer.ids && !allowed.is_boolean()) {
            let why = format!("{} reads true or false there", self.trainer.name);
            let field = "parallel_tool_calls";
            self.notes
                .error("parallel_calls", field, kind(other), &why, "write true or false");
        }
    }

    /// A prompt with the steps of its answer, each right or wrong.
    fn steps(&mut self, row: &Row) {
        self.text(row, "prompt", true);
        let list = |field: &str, sound: fn(&Value) -> bool| {
            let values = row.get(field).and_then(Value::as_array)?;
            values.iter().all(sound).then_some(values.len())
        };
        let counts = (
            list("completions", Value::is_string),
            list("labels", Value::is_boolean),
        );
        let what = match counts {
            (Some(steps), Some(labels)) if steps == labels => return,
            (Some(steps), Some(labels)) => format!("{steps} steps and {labels} labels"),
            (None, _) => "completions are no list of texts".to_owned(),
            (_, None) => "labels are no list of true and false".to_owned(),
        };
        let why = "every step has its label at the same place";
        self.notes.error(
            "steps",
            "labels",
            what,
            why,
            "write as many of the one as of the other",
        );
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
                self.prompt_in(row, ["completion"]);
            }
            [Some(Side::List), Some(Side::List)] if !self.trainer.first_decides => {
                self.prompt(row);
                self.messages("completion", row.get("completion"), true);
                self.prompt_in(row, ["completion"]);
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
    fn pair(&mut self, row: &Row, wanted: Side, names: [&str; 2]) {
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
                Some(Value::String(text)) => self.thinking_in(name, text),
                Some(list @ Value::Array(_)) => self.messages(name, Some(list), true),
                Some(Value::Object(message)) => self.one_side(name, message),
                _ => {}
            }
        }
        if wanted == Side::Text {
            self.prompt_in(row, names);
        }
        if sound && row.get(names[0]) == row.get(names[1]) {
            let why = "a pair without a better side has no direction to learn";
            self.notes
                .error("tie", names[1], "both sides are the same", why, "drop the pair");
        }
    }

    fn one_side(&mut self, name: &str, message: &Row) {
        let (who, said, answers): (_, _, &[&str]) = if self.trainer.described {
            ("from", "value", &["gpt", "function_call"])
        } else {
            ("role", "content", &["assistant"])
        };
        let Some(role) = message.get(who).and_then(Value::as_str) else {
            let why = format!("{} reads {who} and {said} here", self.trainer.name);
            let mend = format!("write {{\"{who}\": \"{}\", \"{said}\": …}}", answers[0]);
            self.notes
                .error("wrong_keys", name, format!("no {who:?}"), &why, &mend);
            return;
        };
        if !answers.contains(&role) {
            self.no_answer_side(name, role);
        }
        match message.get(said).and_then(Value::as_str) {
            Some(text) if text.trim().is_empty() => self.nothing(name),
            Some(text) => self.thinking_in(name, text),
            None => {
                let what = "a message without text";
                let why = "a side is one message with its text";
                self.notes.error("not_text", name, what, why, "write its content");
            }
        }
    }

    fn no_answer_side(&mut self, name: &str, role: &str) {
        let what = format!("a side of {role}");
        let why = "the two sides are answers of the assistant; what was asked stands before them";
        self.notes.error(
            "side_role",
            name,
            what,
            why,
            "write the assistant's message alone",
        );
    }

    /// Sides that may hold nothing but the assistant's messages.
    fn only_answers(&mut self, name: &str, side: Option<&Value>) {
        let roles = side.and_then(Value::as_array).into_iter().flatten();
        let mut roles = roles.filter_map(|message| message.get("role").and_then(Value::as_str));
        if let Some(role) = roles.find(|role| !matches!(*role, "assistant" | "tool")) {
            self.no_answer_side(name, role);
        }
    }

    /// Sides that say the prompt again, which then stands there twice.
    fn prompt_in<const N: usize>(&mut self, row: &Row, names: [&str; N]) {
        for name in names {
            match (row.get("prompt"), row.get(name)) {
                (_, Some(Value::Array(messages))) => {
                    let role = messages.first().and_then(|message| message.get("role"));
                    if matches!(
                        role.and_then(Value::as_str),
                        Some("user" | "system" | "developer")
                    ) {
                        let what = "it begins with what was asked";
                        let why = "the prompt stands before it already: the student reads it twice and learns to say it";
                        let mend = "keep the assistant's message alone, or take the column prompt out";
                        self.notes.error("prompt_twice", name, what, why, mend);
                    }
                }
                (Some(Value::String(prompt)), Some(Value::String(text))) => {
                    let prompt = prompt.trim();
                    if prompt.len() >= PROMPT_LETTERS && text.starts_with(prompt) {
                        let what = "it begins with the prompt";
                        let why =
                            "the prompt stands before it already: the student learns to repeat the question";
                        self.notes
                            .warn("prompt_twice", name, what, why, "cut the prompt off");
                    }
                }
                _ => {}
            }
        }
    }

    /// Whole conversations begin in the same way, and part.
    fn common(&mut self, row: &Row, names: [&str; 2]) {
        let first = |name: &str| {
            row.get(name)
                .and_then(Value::as_array)
                .and_then(|list| list.first())
        };
        let (Some(chosen), Some(rejected)) = (first(names[0]), first(names[1])) else {
            return;
        };
        let answer = chosen.get("role").and_then(Value::as_str) == Some("assistant");
        if chosen != rejected || answer {
            let what = if answer {
                "no question before the answers"
            } else {
                "the two begin differently"
            };
            let why = "the prompt is what both sides have in common; without it the pair compares answers to nothing";
            let mend = "begin both with the same messages, or write prompt, chosen and rejected";
            self.notes.error("no_common_prompt", names[1], what, why, mend);
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
