//! Pairs and labelled answers taken apart: one prompt, a better and a worse answer, or one answer with a label.

use serde_json::{Value, json};

use super::turns::{Parts, Turn};
use super::{Taker, kind_of, list, structured};
use crate::core::conversation::Role;

impl Taker<'_> {
    /// A prompt and two sides, all as lists of messages.
    pub(super) fn preference(&mut self) -> Result<(), String> {
        let prompt = self.need("prompt")?;
        self.asked(prompt, "prompt")?;
        self.sides(["chosen", "rejected"])
    }

    /// Three texts.
    pub(super) fn preference_plain(&mut self) -> Result<(), String> {
        let prompt = self.need_text("prompt")?;
        self.apart.field("question", prompt);
        for side in ["rejected", "chosen"] {
            let text = self.need_text(side)?;
            self.give_text(side, text);
        }
        Ok(())
    }

    /// Two whole conversations that differ in their answers.
    pub(super) fn preference_whole(&mut self) -> Result<(), String> {
        let sides = [self.need("chosen")?, self.need("rejected")?];
        let [chosen, rejected] = sides;
        let chosen = self.parts(chosen, "chosen")?;
        let rejected = self.parts(rejected, "rejected")?;
        if (&chosen.system, &chosen.question) != (&rejected.system, &rejected.question) {
            return Err("`chosen` and `rejected` answer different questions".to_owned());
        }
        if !rejected.between.is_empty() {
            return Err(too_long("chosen"));
        }
        let better = self.single(chosen, "chosen")?;
        self.give_sides(better, rejected.answer)
    }

    /// The question in a conversation, and one message a side beside it.
    pub(super) fn preference_beside(&mut self, column: &'static str) -> Result<(), String> {
        let prompt = self.need(column)?;
        self.asked(prompt, column)?;
        self.sides(["chosen", "rejected"])
    }

    /// As OpenAI has them.
    pub(super) fn preference_openai(&mut self) -> Result<(), String> {
        let Value::Object(mut input) = structured(self.need("input")?) else {
            return Err("`input` is no object".to_owned());
        };
        let messages = input
            .shift_remove("messages")
            .ok_or("`input` has no `messages`")?;
        self.asked(messages, "input.messages")?;
        let tools = input.shift_remove("tools").map(structured);
        if let Some(tools) = tools.filter(|tools| *tools != json!([]) && !tools.is_null()) {
            self.met.field("tools");
            self.apart.field("tools", tools);
        }
        if input
            .shift_remove("parallel_tool_calls")
            .is_some_and(|parallel| parallel == json!(false))
        {
            self.met.lost("input.parallel_tool_calls");
        }
        for key in input.keys() {
            self.met.lost(format!("input.{key}"));
        }
        self.sides(["preferred_output", "non_preferred_output"])
    }

    /// A prompt, its answer, and whether that is good.
    pub(super) fn unpaired(&mut self) -> Result<(), String> {
        self.prompted()?;
        self.label("label")?;
        self.no_turns("prompt")
    }

    /// The same as LLaMA-Factory has it.
    pub(super) fn unpaired_sharegpt(&mut self) -> Result<(), String> {
        self.label("kto_tag")?;
        self.conversation("conversations")?;
        self.no_turns("conversations")
    }

    fn label(&mut self, key: &str) -> Result<(), String> {
        let label = self.need(key)?;
        self.met.field("label");
        self.apart.field("label", label);
        Ok(())
    }

    /// Labelled answers and pairs have one question.
    fn no_turns(&self, column: &str) -> Result<(), String> {
        if self.apart.fields.iter().any(|(name, _)| *name == "turns") {
            return Err(too_long(column));
        }
        Ok(())
    }

    /// The messages before both sides.
    fn asked(&mut self, value: Value, column: &'static str) -> Result<(), String> {
        let mut turns = self.turns(value, column)?.into_iter().peekable();
        let system = turns.next_if(|turn| turn.role == Role::System);
        let question = turns.next_if(|turn| turn.role == Role::User);
        let question =
            question.ok_or_else(|| format!("`{column}` does not begin with a question of the user"))?;
        if turns.next().is_some() {
            return Err(too_long(column));
        }
        let parts = Parts {
            system: system.map(|turn| turn.text),
            question: question.text,
            between: Vec::new(),
            answer: Turn::said(String::new()),
        };
        self.told(parts).map(|_| ())
    }

    /// A conversation that has one question, as fields; its answer.
    fn single(&mut self, parts: Parts, column: &'static str) -> Result<Turn, String> {
        if !parts.between.is_empty() {
            return Err(too_long(column));
        }
        self.told(parts)
    }

    /// Both sides, under the names they have: the better one last, since it is the answer.
    fn sides(&mut self, names: [&str; 2]) -> Result<(), String> {
        let [chosen, rejected] = names;
        let better = self.side(chosen)?;
        let worse = self.side(rejected)?;
        self.give_sides(better, worse)
    }

    /// One side: a message, a list of one, or a text.
    fn side(&mut self, key: &str) -> Result<Turn, String> {
        let side = self.need(key)?;
        let side = match self.loose(side) {
            Value::String(text) => return Ok(Turn::said(text)),
            one @ Value::Object(_) => Value::Array(vec![one]),
            other => other,
        };
        if let Err(other) = list(side.clone()) {
            return Err(format!("`{key}` is {}, not a message", kind_of(&other)));
        }
        let mut turns = self.turns(side, key)?;
        match (turns.pop(), turns.is_empty()) {
            (Some(turn), true) if turn.role == Role::Assistant => Ok(turn),
            (Some(_), true) => Err(format!("`{key}` is not said by the assistant")),
            (None, _) => Err(format!("`{key}` is empty")),
            (Some(_), false) => Err(format!(
                "`{key}` has several messages; as preference_whole it would be a whole conversation"
            )),
        }
    }

    fn give_sides(&mut self, better: Turn, worse: Turn) -> Result<(), String> {
        for (name, turn) in [("rejected", worse), ("chosen", better)] {
            if !turn.is_text() {
                return Err(format!(
                    "`{name}` calls tools, which no format of pairs has a place for"
                ));
            }
            let value = turn.given(self);
            self.apart.give(name, value);
        }
        Ok(())
    }
}

fn too_long(column: &str) -> String {
    format!("`{column}` has turns between question and answer, for which pairs and labels have no place")
}
