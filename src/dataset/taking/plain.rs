//! Rows of plain columns taken apart: instructions, prompts with completions, texts, tokens, and the `raw` format.

use serde_json::{Map, Value, json};

use super::{Taker, kind_of, list, structured};
use crate::core::Row;
use crate::core::sample::as_text;

impl Taker<'_> {
    /// Instruction, input and output.
    pub(super) fn alpaca(&mut self) -> Result<(), String> {
        let instruction = self.need_text("instruction")?;
        let output = self.need_text("output")?;
        self.apart.field("question", instruction);
        self.maybe("input");
        self.maybe("system");
        if let Some(history) = self.row.shift_remove("history") {
            match list(history) {
                Ok(turns) if turns.is_empty() => {}
                Err(Value::String(text)) if text.is_empty() => {}
                _ => return Err("its `history` has no place in this format; bring it as sharegpt".to_owned()),
            }
        }
        self.give_text("answer", output);
        Ok(())
    }

    /// Prompt and completion, as texts or as lists of messages.
    pub(super) fn prompt_completion(&mut self) -> Result<(), String> {
        self.prompted()?;
        self.maybe("tools");
        Ok(())
    }

    /// A prompt and what follows it: two texts, or two lists of messages.
    pub(super) fn prompted(&mut self) -> Result<(), String> {
        let (prompt, completion) = (self.need("prompt")?, self.need("completion")?);
        let (prompt, completion) = match (self.loose(prompt), self.loose(completion)) {
            (Value::String(prompt), Value::String(completion)) => {
                self.apart.field("question", prompt);
                self.give_text("answer", completion);
                return Ok(());
            }
            lists => lists,
        };
        self.met.messages = true;
        let mut whole = list(prompt)
            .map_err(|other| format!("`prompt` is {}, not a list of messages", kind_of(&other)))?;
        let rest = list(completion)
            .map_err(|other| format!("`completion` is {}, not a list of messages", kind_of(&other)))?;
        whole.extend(rest);
        let parts = self.parts(Value::Array(whole), "prompt")?;
        let answer = self.told(parts)?;
        let value = answer.given(self);
        self.apart.give("answer", value);
        Ok(())
    }

    /// One text.
    pub(super) fn text(&mut self) -> Result<(), String> {
        let text = self.need_text("text")?;
        self.apart.give("answer", Value::String(text));
        Ok(())
    }

    /// A conversation with the likeliest tokens at every place of its answer, beside their numbers or in one.
    pub(super) fn with_tokens(&mut self, ids: bool) -> Result<(), String> {
        let logprobs = self.need("logprobs")?;
        let numbers = if ids {
            list(self.need("target_token_ids")?).map_err(|_| "`target_token_ids` is no list")?
        } else {
            Vec::new()
        };
        let places = list(logprobs).map_err(|_| "`logprobs` is no list")?;
        let mut read = Vec::with_capacity(places.len());
        for (at, place) in places.into_iter().enumerate() {
            let wrong = || format!("place {at} of `logprobs` has no tokens");
            let place = list(place).map_err(|_| wrong())?;
            let mut top = Vec::with_capacity(place.len());
            for (which, token) in place.into_iter().enumerate() {
                let (token, logprob) = if ids {
                    let id = numbers
                        .get(at)
                        .and_then(|place| place.get(which))
                        .and_then(Value::as_u64);
                    (json!(format!("token_id:{}", id.ok_or_else(wrong)?)), token)
                } else {
                    (token["token"].clone(), token["logprob"].clone())
                };
                if !token.is_string() || !logprob.is_number() {
                    return Err(wrong());
                }
                top.push(json!({ "token": token, "logprob": logprob }));
            }
            let Some(first) = top.first() else {
                return Err(wrong());
            };
            read.push(json!({ "token": first["token"], "logprob": first["logprob"], "top": top }));
        }
        self.conversation("messages")?;
        let Some((_, answer)) = self.apart.given.last_mut() else {
            return Ok(());
        };
        if let Value::String(text) = answer {
            *answer = json!({ "text": text });
        }
        answer["logprobs"] = Value::Array(read);
        Ok(())
    }

    /// Everything known about a sample: its fields are fields again, its answers are given, and what became of it is told.
    pub(super) fn raw(&mut self) -> Result<(), String> {
        let object = |value: Option<Value>| match value.map(structured) {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        };
        let steps = object(self.row.shift_remove("steps"));
        if steps.is_empty() {
            return Err("it has no `steps`".to_owned());
        }
        let provenance = object(self.row.shift_remove("provenance"));
        for (name, answer) in steps {
            let Value::Object(mut answer) = structured(answer) else {
                // A table has a column for every step, also where a row has none.
                continue;
            };
            answer.retain(|_, value| !value.is_null());
            for key in ["value", "tool_calls"] {
                if let Some(value) = answer.get_mut(key) {
                    *value = self.loose(value.take());
                }
            }
            let teacher = &provenance
                .get("steps")
                .map_or(&Value::Null, |steps| &steps[&name]["teacher"]);
            if teacher.is_string() {
                answer.insert("teacher".to_owned(), (*teacher).clone());
            }
            match self.met.steps.iter_mut().find(|(step, _)| *step == name) {
                Some((_, rows)) => *rows += 1,
                None => self.met.steps.push((name.clone(), 1)),
            }
            self.apart.give(&name, Value::Object(answer));
        }
        let verdicts = self.row.shift_remove("verdicts").map(structured);
        let review = self.row.shift_remove("review").map(structured);
        let state = state_of(verdicts.as_ref(), review.as_ref());
        self.met.judged |= state != "accepted";
        let past = &mut self.apart.past;
        past.insert("state".to_owned(), state.into());
        if let Some(id) = self.row.shift_remove("id") {
            past.insert("sample".to_owned(), id);
        }
        if let Some(job) = provenance.get("job") {
            past.insert("job".to_owned(), job.clone());
        }
        for key in ["task", "candidate", "teacher", "usage"] {
            self.row.shift_remove(key);
        }
        let (mut seed, vary) = (
            object(self.row.shift_remove("seed")),
            object(self.row.shift_remove("vary")),
        );
        seed.extend(vary);
        // A sample that was imported before tells of its first file, not of itself.
        if let Some(Value::Object(before)) = seed.shift_remove(super::IMPORTED_FIELD) {
            past.insert("before".to_owned(), Value::Object(before));
        }
        seed.shift_remove(super::GIVEN_FIELD);
        let rest = std::mem::replace(self.row, seed);
        self.row.extend(rest);
        Ok(())
    }
}

/// What became of a sample: a person's word, else what its verdicts say together.
fn state_of(verdicts: Option<&Value>, review: Option<&Value>) -> &'static str {
    match review.and_then(|review| review["action"].as_str()) {
        Some("accepted") => return "accepted",
        Some("rejected") => return "rejected",
        _ => {}
    }
    let said = |word: &str| {
        let all = verdicts.and_then(Value::as_array).into_iter().flatten();
        all.map(|verdict: &Value| as_text(verdict["decision"].clone()))
            .any(|decision| decision == word)
    };
    if said("reject") {
        "rejected"
    } else if said("review") {
        "needs_review"
    } else {
        "accepted"
    }
}

/// What a row of the `raw` format says of its past before any of it is taken.
pub(super) fn is_raw(row: &Row) -> bool {
    ["seed", "steps", "task", "verdicts"]
        .iter()
        .all(|key| row.contains_key(*key))
}
