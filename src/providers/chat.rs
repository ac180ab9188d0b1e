//! The chat-completions wire that OpenAI began and many servers speak: requests from the domain's conversation, answers back into it.
//! Shared by `openai`, `openrouter` and `mock`; knows no address and no key.
//! Wire: <https://platform.openai.com/docs/api-reference/chat>.

mod request;
mod stream;

use serde::Deserialize;
use serde_json::{Value, json};

use super::classify::{classify, classify_inner, empty, garbage};
use super::fault::Family;
use super::stream::is_events;
use super::think::split_think;
use crate::core::budget::Money;
use crate::core::conversation::ToolCall;
use crate::core::request::{Completion, FinishReason, ProviderError, RawResponse, Usage};

pub(super) use request::{Dialect, Messages, body, calls, text};

/// An answer, whole or merged from a stream. Extras are ignored; what may be odd is kept as a value.
#[derive(Debug, Default, Deserialize)]
struct Reply {
    id: Option<Value>,
    model: Option<Value>,
    choices: Option<Vec<Choice>>,
    usage: Option<Value>,
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Choice {
    #[serde(default)]
    index: Option<u64>,
    #[serde(alias = "delta")]
    message: Option<Said>,
    /// The answer to a raw prompt.
    text: Option<Value>,
    finish_reason: Option<Value>,
    logprobs: Option<Value>,
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Said {
    content: Option<Value>,
    reasoning_content: Option<Value>,
    reasoning: Option<Value>,
    refusal: Option<Value>,
    tool_calls: Option<Vec<Value>>,
}

/// Reads a response of this wire.
pub(super) fn read(family: Family, who: &str, response: &RawResponse) -> Result<Completion, ProviderError> {
    if !(200..300).contains(&response.status) {
        return Err(classify(family, who, response));
    }
    let reply = if is_events(response) {
        stream::merge(family, who, response)?
    } else {
        whole(family, who, response)?
    };
    complete(family, who, response, reply)
}

/// What a response used, also one that is no answer.
pub(super) fn usage(response: &RawResponse) -> Usage {
    let reply = if is_events(response) {
        return stream::usage(response);
    } else {
        serde_json::from_str::<Reply>(response.body.trim_start())
    };
    reply.map(|reply| used(reply.usage.as_ref())).unwrap_or_default()
}

fn whole(family: Family, who: &str, response: &RawResponse) -> Result<Reply, ProviderError> {
    // OpenRouter pads a long wait with white space; a byte order mark is nobody's friend.
    let body = response.body.trim_start_matches('\u{feff}').trim_start();
    if let Ok(reply) = serde_json::from_str::<Reply>(body)
        && (reply.choices.is_some() || reply.error.as_ref().is_some_and(|error| !error.is_null()))
    {
        return Ok(reply);
    }
    let is_error = serde_json::from_str::<Value>(body)
        .is_ok_and(|body| body.get("error").is_some() || body.get("detail").is_some());
    Err(if is_error {
        classify(family, who, response)
    } else {
        garbage(who, response)
    })
}

fn complete(
    family: Family,
    who: &str,
    response: &RawResponse,
    reply: Reply,
) -> Result<Completion, ProviderError> {
    if let Some(error) = reply.error.filter(|error| !error.is_null()) {
        return Err(if reply.choices.is_some_and(|choices| !choices.is_empty()) {
            classify_inner(family, who, response, &error)
        } else {
            classify(family, who, response)
        });
    }
    let Some(choice) = reply.choices.unwrap_or_default().into_iter().next() else {
        return Err(empty(who));
    };
    let word = choice
        .finish_reason
        .as_ref()
        .and_then(Value::as_str)
        .unwrap_or_default();
    if let Some(error) = choice.error.filter(|error| !error.is_null()) {
        return Err(classify_inner(family, who, response, &error));
    }
    if word == "error" {
        return Err(classify_inner(family, who, response, &Value::Null));
    }
    let said = choice.message.unwrap_or_default();
    let refusal = said
        .refusal
        .as_ref()
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty());
    let (text, mut reasoning) = content(said.content.or(choice.text));
    for field in [said.reasoning_content, said.reasoning] {
        if let Some(Value::String(thinking)) = field
            && reasoning.is_none()
            && !thinking.is_empty()
        {
            reasoning = Some(thinking);
        }
    }
    let (text, reasoning) = match reasoning {
        Some(thinking) => (text, Some(thinking)),
        None => match split_think(&text) {
            (None, _) => (text, None),
            (Some(thinking), answer) => (answer.to_owned(), Some(thinking.to_owned())),
        },
    };
    let tool_calls: Vec<ToolCall> = said
        .tool_calls
        .unwrap_or_default()
        .iter()
        .enumerate()
        .filter_map(|(at, call)| tool_call(at, call))
        .collect();
    let finish = match refusal {
        Some(_) => FinishReason::Refusal,
        None => finish(word),
    };
    let nothing = text.trim().is_empty() && tool_calls.is_empty() && refusal.is_none();
    if nothing && (word.is_empty() || finish == FinishReason::Stop) {
        return Err(empty(who));
    }
    let named = match family {
        Family::OpenRouter => response.header("x-generation-id"),
        _ => response.header("x-request-id"),
    };
    Ok(Completion {
        text: match refusal {
            Some(refusal) if text.is_empty() => refusal.to_owned(),
            _ => text,
        },
        reasoning,
        tool_calls,
        logprobs: choice.logprobs.as_ref().and_then(logprobs),
        usage: used(reply.usage.as_ref()),
        finish,
        request_id: named.map(str::to_owned).or_else(|| word_of(reply.id)),
        model: word_of(reply.model),
    })
}

/// (text, thinking) of a content that is a string, null, or typed parts.
fn content(content: Option<Value>) -> (String, Option<String>) {
    match content {
        Some(Value::String(text)) => (text, None),
        Some(Value::Array(parts)) => {
            let joined =
                |key: &str| -> String { parts.iter().filter_map(|part| part.get(key)?.as_str()).collect() };
            (
                joined("text"),
                Some(joined("thinking")).filter(|text| !text.is_empty()),
            )
        }
        _ => (String::new(), None),
    }
}

/// A call whose arguments are a JSON string (or already an object); a string that is no JSON is kept as it is.
pub(super) fn tool_call(at: usize, call: &Value) -> Option<ToolCall> {
    let function = call.get("function")?;
    let arguments = match function.get("arguments") {
        Some(Value::String(text)) if text.trim().is_empty() => json!({}),
        Some(Value::String(text)) => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
        }
        Some(other) => other.clone(),
        None => json!({}),
    };
    Some(ToolCall {
        id: call
            .get("id")
            .and_then(Value::as_str)
            .filter(|id| !id.is_empty())
            .map_or_else(|| format!("call_{at}"), str::to_owned),
        name: function.get("name")?.as_str()?.to_owned(),
        arguments,
    })
}

/// The wire's word for the end. What is unknown is no success (N7).
fn finish(word: &str) -> FinishReason {
    match word {
        "stop" | "eos" | "eos_token" | "stop_sequence" | "end_turn" => FinishReason::Stop,
        "length" | "max_tokens" => FinishReason::Length,
        "tool_calls" | "function_call" => FinishReason::ToolCalls,
        "content_filter" => FinishReason::ContentFilter,
        "refusal" => FinishReason::Refusal,
        "" => FinishReason::Other("none".to_owned()),
        other => FinishReason::Other(other.to_owned()),
    }
}

/// `{"content": [{"token", "logprob", "top_logprobs"}]}` in the domain's shape.
pub(super) fn logprobs(wire: &Value) -> Option<Value> {
    let tokens = wire
        .get("content")
        .unwrap_or(wire)
        .as_array()
        .filter(|tokens| !tokens.is_empty())?;
    let pair = |token: &Value| json!({ "token": token["token"], "logprob": token["logprob"] });
    let read = tokens.iter().map(|token| {
        let mut read = pair(token);
        let top = token["top_logprobs"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        read["top"] = top.iter().map(pair).collect();
        read
    });
    Some(read.collect())
}

fn used(usage: Option<&Value>) -> Usage {
    let Some(usage) = usage else {
        return Usage::default();
    };
    Usage {
        input: usage.get("prompt_tokens").and_then(Value::as_u64),
        output: usage.get("completion_tokens").and_then(Value::as_u64),
        usd: usage
            .get("cost")
            .and_then(Value::as_f64)
            .filter(|cost| *cost >= 0.0)
            .map(Money::from_usd),
    }
}

fn word_of(value: Option<Value>) -> Option<String> {
    match value? {
        Value::String(word) if !word.is_empty() => Some(word),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
