//! Reads messages, whole or merged from a stream's events.

use serde::Deserialize;
use serde_json::{Value, json};

use super::ANSWER_TOOL;
use crate::core::conversation::ToolCall;
use crate::core::request::{Completion, FinishReason, ProviderError, RawResponse, Trouble, Usage};
use crate::providers::classify::{classify, classify_inner, empty, fail, garbage, incomplete};
use crate::providers::fault::{Family, excerpt};
use crate::providers::stream::{events, is_events};

#[derive(Debug, Default, Deserialize)]
struct Reply {
    id: Option<String>,
    model: Option<String>,
    content: Option<Vec<Value>>,
    stop_reason: Option<String>,
    usage: Option<Value>,
}

/// Reads a stored or fresh response.
pub(in crate::providers) fn read(who: &str, response: &RawResponse) -> Result<Completion, ProviderError> {
    if !(200..300).contains(&response.status) {
        return Err(classify(Family::Anthropic, who, response));
    }
    let reply = if is_events(response) {
        merge(who, response)?
    } else {
        whole(who, response)?
    };
    let mut text = String::new();
    let mut reasoning = String::new();
    let mut answer = None;
    let mut tool_calls = Vec::new();
    for block in reply.content.unwrap_or_default() {
        let word = |key: &str| block.get(key).and_then(Value::as_str).unwrap_or_default();
        match word("type") {
            "text" => text.push_str(word("text")),
            "thinking" => reasoning.push_str(word("thinking")),
            "tool_use" if word("name") == ANSWER_TOOL => answer = block.get("input").map(Value::to_string),
            "tool_use" => tool_calls.push(ToolCall {
                id: word("id").to_owned(),
                name: word("name").to_owned(),
                arguments: block.get("input").cloned().unwrap_or_else(|| json!({})),
            }),
            _ => {}
        }
    }
    let word = reply.stop_reason.as_deref().unwrap_or_default();
    let finish = match word {
        "end_turn" | "stop_sequence" => FinishReason::Stop,
        "tool_use" if tool_calls.is_empty() => FinishReason::Stop,
        "tool_use" => FinishReason::ToolCalls,
        "max_tokens" => FinishReason::Length,
        "refusal" => FinishReason::Refusal,
        "model_context_window_exceeded" => {
            return Err(fail(
                Trouble::Request,
                format!("{who}: the answer does not fit into the context"),
            ));
        }
        "pause_turn" => {
            return Err(fail(
                Trouble::Request,
                format!("{who}: the model paused its turn, which only its own tools do"),
            ));
        }
        "" => FinishReason::Other("none".to_owned()),
        other => FinishReason::Other(excerpt(other)),
    };
    let text = answer.unwrap_or(text);
    let nothing = text.trim().is_empty() && tool_calls.is_empty();
    if nothing && (word.is_empty() || finish == FinishReason::Stop) {
        return Err(empty(who));
    }
    Ok(Completion {
        text,
        reasoning: Some(reasoning).filter(|text| !text.is_empty()),
        tool_calls,
        logprobs: None,
        usage: used(reply.usage.as_ref()),
        finish,
        request_id: response.header("request-id").map(str::to_owned).or(reply.id),
        model: reply.model,
    })
}

/// What a response used, also one that is no answer.
pub(in crate::providers) fn usage(response: &RawResponse) -> Usage {
    if !is_events(response) {
        let reply = serde_json::from_str::<Reply>(&response.body);
        return reply.map(|reply| used(reply.usage.as_ref())).unwrap_or_default();
    }
    let mut counts = json!({});
    for (_, data) in events(&response.body) {
        let event: Value = serde_json::from_str(&data).unwrap_or(Value::Null);
        update(
            &mut counts,
            event.pointer("/message/usage").or_else(|| event.get("usage")),
        );
    }
    used(Some(&counts))
}

fn whole(who: &str, response: &RawResponse) -> Result<Reply, ProviderError> {
    match serde_json::from_str::<Reply>(&response.body) {
        Ok(reply) if reply.content.is_some() => Ok(reply),
        _ => Err(match serde_json::from_str::<Value>(&response.body) {
            Ok(body) if body.get("error").is_some() => classify(Family::Anthropic, who, response),
            _ => garbage(who, response),
        }),
    }
}

/// The message a stream adds up to: it counts once `message_stop` has come.
fn merge(who: &str, response: &RawResponse) -> Result<Reply, ProviderError> {
    let mut reply = Reply::default();
    let mut blocks: Vec<Value> = Vec::new();
    let mut counts = json!({});
    for (_, data) in events(&response.body) {
        let Ok(event) = serde_json::from_str::<Value>(&data) else {
            return Err(incomplete(who));
        };
        match event.get("type").and_then(Value::as_str).unwrap_or_default() {
            "message_start" => {
                let word = |key: &str| Some(event.get("message")?.get(key)?.as_str()?.to_owned());
                reply.id = word("id");
                reply.model = word("model");
                update(&mut counts, event.pointer("/message/usage"));
            }
            "content_block_start" => blocks.push(event.get("content_block").cloned().unwrap_or_default()),
            "content_block_delta" => grow(&mut blocks, &event),
            "message_delta" => {
                let word = event.pointer("/delta/stop_reason").and_then(Value::as_str);
                reply.stop_reason = word.map(str::to_owned).or(reply.stop_reason);
                update(&mut counts, event.get("usage"));
            }
            "message_stop" => {
                reply.content = Some(blocks.into_iter().map(closed).collect());
                reply.usage = Some(counts);
                return Ok(reply);
            }
            "error" => {
                let error = event.get("error").unwrap_or(&event);
                return Err(classify_inner(Family::Anthropic, who, response, error));
            }
            _ => {}
        }
    }
    Err(incomplete(who))
}

/// Appends a delta to its block. Pieces of a tool's input gather under `input_json` until the end.
fn grow(blocks: &mut [Value], event: &Value) {
    let at = event.get("index").and_then(Value::as_u64).map(|at| at as usize);
    let Some(block) = at
        .and_then(|at| blocks.get_mut(at))
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    for (from, to) in [
        ("text", "text"),
        ("thinking", "thinking"),
        ("partial_json", "input_json"),
    ] {
        let Some(piece) = event.pointer(&format!("/delta/{from}")).and_then(Value::as_str) else {
            continue;
        };
        match block.get_mut(to) {
            Some(Value::String(text)) => text.push_str(piece),
            _ => {
                block.insert(to.to_owned(), Value::String(piece.to_owned()));
            }
        }
    }
}

fn closed(mut block: Value) -> Value {
    let input = block
        .get("input_json")
        .and_then(Value::as_str)
        .map(|text| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())));
    if let Some(input) = input {
        block["input"] = input;
    }
    block
}

/// Later counts of a stream replace earlier ones, key by key.
fn update(counts: &mut Value, news: Option<&Value>) {
    if let (Some(counts), Some(news)) = (counts.as_object_mut(), news.and_then(Value::as_object)) {
        counts.extend(
            news.iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key.clone(), value.clone())),
        );
    }
}

/// Prompt tokens are told in three parts: fresh, written to the cache, read from it.
fn used(usage: Option<&Value>) -> Usage {
    let count = |key: &str| usage?.get(key)?.as_u64();
    let cached = ["cache_creation_input_tokens", "cache_read_input_tokens"];
    let cached: u64 = cached
        .iter()
        .filter_map(|key| count(key))
        .fold(0, u64::saturating_add);
    Usage {
        input: count("input_tokens").map(|fresh| fresh.saturating_add(cached)),
        output: count("output_tokens"),
        usd: None,
    }
}
