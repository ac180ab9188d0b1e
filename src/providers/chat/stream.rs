//! Merges the events of a chat-completions stream into one answer. A stream counts only if it says that it is done.

use serde_json::Value;

use super::{Choice, Reply, Said, used};
use crate::core::request::{ProviderError, RawResponse, Usage};
use crate::providers::classify::{classify_inner, incomplete};
use crate::providers::fault::Family;
use crate::providers::stream::events;

/// The answer a stream adds up to, or its error.
pub(super) fn merge(family: Family, who: &str, response: &RawResponse) -> Result<Reply, ProviderError> {
    let mut whole = Whole::default();
    for (name, data) in events(&response.body) {
        if data == "[DONE]" {
            return Ok(whole.into_reply());
        }
        let Ok(piece) = serde_json::from_str::<Reply>(&data) else {
            let value: Value = serde_json::from_str(&data).unwrap_or(Value::Null);
            if name == "error" {
                let error = value.get("error").unwrap_or(&value);
                return Err(classify_inner(family, who, response, error));
            }
            return Err(incomplete(who));
        };
        if let Some(error) = piece.error.as_ref().filter(|error| !error.is_null()) {
            return Err(classify_inner(family, who, response, error));
        }
        if name == "error" {
            let value: Value = serde_json::from_str(&data).unwrap_or(Value::Null);
            return Err(classify_inner(family, who, response, &value));
        }
        whole.add(piece);
    }
    Err(incomplete(who))
}

/// The counts in whatever came.
pub(super) fn usage(response: &RawResponse) -> Usage {
    events(&response.body)
        .iter()
        .filter_map(|(_, data)| serde_json::from_str::<Reply>(data).ok()?.usage)
        .next_back()
        .map(|usage| used(Some(&usage)))
        .unwrap_or_default()
}

/// What has come so far of the first choice.
#[derive(Default)]
struct Whole {
    reply: Reply,
    choice: Choice,
    begun: bool,
    content: String,
    reasoning: String,
    refusal: String,
    tool_calls: Vec<Value>,
    logprobs: Vec<Value>,
}

impl Whole {
    fn add(&mut self, piece: Reply) {
        self.reply.id = self.reply.id.take().or(piece.id);
        self.reply.model = self.reply.model.take().or(piece.model);
        self.reply.usage = piece
            .usage
            .filter(|usage| !usage.is_null())
            .or(self.reply.usage.take());
        let first = piece
            .choices
            .unwrap_or_default()
            .into_iter()
            .find(|choice| choice.index.unwrap_or(0) == 0);
        let Some(choice) = first else {
            return;
        };
        self.begun = true;
        self.choice.finish_reason = choice
            .finish_reason
            .filter(|word| !word.is_null())
            .or(self.choice.finish_reason.take());
        self.choice.error = choice.error.or(self.choice.error.take());
        if let Some(Value::Array(tokens)) = choice
            .logprobs
            .and_then(|mut found| found.get_mut("content").map(Value::take))
        {
            self.logprobs.extend(tokens);
        }
        let said = choice.message.unwrap_or_default();
        append(&mut self.content, said.content);
        append(
            &mut self.reasoning,
            said.reasoning_content.filter(Value::is_string).or(said.reasoning),
        );
        append(&mut self.refusal, said.refusal);
        for call in said.tool_calls.unwrap_or_default() {
            self.add_call(call);
        }
    }

    /// Pieces of a call share its index; the first names it, the others carry on with its arguments.
    fn add_call(&mut self, piece: Value) {
        let at = piece
            .get("index")
            .and_then(Value::as_u64)
            .map_or(self.tool_calls.len(), |at| at as usize);
        let Some(call) = self.tool_calls.get_mut(at) else {
            self.tool_calls.push(piece);
            return;
        };
        let more = piece
            .pointer("/function/arguments")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if let Some(Value::String(arguments)) = call.pointer_mut("/function/arguments") {
            arguments.push_str(more);
        } else if let Some(function) = call.get_mut("function").and_then(Value::as_object_mut) {
            function.insert("arguments".to_owned(), Value::String(more.to_owned()));
        }
    }

    fn into_reply(self) -> Reply {
        let filled = |text: String| Some(text).filter(|text| !text.is_empty()).map(Value::String);
        let choice = Choice {
            message: Some(Said {
                content: filled(self.content),
                reasoning_content: filled(self.reasoning),
                reasoning: None,
                refusal: filled(self.refusal),
                tool_calls: Some(self.tool_calls),
            }),
            logprobs: Some(Value::Array(self.logprobs)),
            ..self.choice
        };
        Reply {
            choices: Some(if self.begun { vec![choice] } else { Vec::new() }),
            ..self.reply
        }
    }
}

fn append(text: &mut String, piece: Option<Value>) {
    if let Some(Value::String(piece)) = piece {
        text.push_str(&piece);
    }
}
