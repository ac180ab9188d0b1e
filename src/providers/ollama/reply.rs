//! Reads chats, one object or JSON lines. An answer counts only with `done: true`; counts that are missing are unknown.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::core::conversation::ToolCall;
use crate::core::request::{Completion, FinishReason, ProviderError, RawResponse, Trouble, Usage};
use crate::providers::chat::logprobs;
use crate::providers::classify::{classify, classify_inner, empty, garbage, incomplete, retry};
use crate::providers::fault::{Family, excerpt};
use crate::providers::think::split_think;
use crate::providers::vectors;

/// One line of an answer, and the whole answer once all lines are added up.
#[derive(Debug, Default, Deserialize)]
struct Line {
    model: Option<String>,
    message: Option<Said>,
    /// The answer to a raw prompt.
    response: Option<String>,
    done: Option<bool>,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    logprobs: Option<Vec<Value>>,
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Said {
    content: Option<String>,
    thinking: Option<String>,
    tool_calls: Option<Vec<Value>>,
}

/// Reads a stored or fresh response.
pub(in crate::providers) fn read(who: &str, response: &RawResponse) -> Result<Completion, ProviderError> {
    if !(200..300).contains(&response.status) {
        return Err(classify(Family::Ollama, who, response));
    }
    if let Some(vector) = vectors::read(response) {
        return Ok(vector);
    }
    let whole = merge(who, response)?;
    let word = whole.done_reason.as_deref().unwrap_or_default();
    if matches!(word, "load" | "unload") {
        return Err(retry(Trouble::Garbage, None, format!("{who}: loading model…")));
    }
    let said = whole.message.unwrap_or_default();
    let content = said.content.unwrap_or_default();
    let (text, reasoning) = match said.thinking.filter(|text| !text.is_empty()) {
        Some(thinking) => (content, Some(thinking)),
        None => match split_think(&content) {
            (None, _) => (content, None),
            (Some(thinking), answer) => (answer.to_owned(), Some(thinking.to_owned())),
        },
    };
    let tool_calls: Vec<ToolCall> = said
        .tool_calls
        .unwrap_or_default()
        .iter()
        .enumerate()
        .filter_map(tool_call)
        .collect();
    // Servers before 0.4 say `done` without a reason.
    let finish = match word {
        "stop" | "" if !tool_calls.is_empty() => FinishReason::ToolCalls,
        "stop" | "" => FinishReason::Stop,
        "length" => FinishReason::Length,
        other => FinishReason::Other(excerpt(other)),
    };
    if text.trim().is_empty() && tool_calls.is_empty() && finish == FinishReason::Stop {
        return Err(empty(who));
    }
    Ok(Completion {
        text,
        reasoning,
        tool_calls,
        logprobs: whole.logprobs.and_then(|tokens| logprobs(&Value::Array(tokens))),
        usage: Usage {
            input: whole.prompt_eval_count,
            output: whole.eval_count,
            usd: None,
        },
        finish,
        request_id: response.header("x-request-id").map(str::to_owned),
        model: whole.model,
    })
}

/// What a response used, also one that is no answer.
pub(in crate::providers) fn usage(response: &RawResponse) -> Usage {
    let last = response
        .body
        .lines()
        .rev()
        .find_map(|line| serde_json::from_str::<Line>(line).ok());
    last.map(|line| Usage {
        input: line.prompt_eval_count,
        output: line.eval_count,
        usd: None,
    })
    .unwrap_or_default()
}

fn merge(who: &str, response: &RawResponse) -> Result<Line, ProviderError> {
    let mut whole = Line::default();
    let mut said = Said::default();
    let mut begun = false;
    for piece in serde_json::Deserializer::from_str(&response.body).into_iter::<Line>() {
        let Ok(line) = piece else {
            return Err(if begun {
                incomplete(who)
            } else {
                garbage(who, response)
            });
        };
        if let Some(error) = line.error.filter(|error| !error.is_null()) {
            return Err(if begun {
                classify_inner(Family::Ollama, who, response, &json!({ "message": error }))
            } else {
                classify(Family::Ollama, who, response)
            });
        }
        begun = begun || line.message.is_some() || line.response.is_some();
        let news = line.message.unwrap_or_default();
        append(&mut said.content, news.content.or(line.response));
        append(&mut said.thinking, news.thinking);
        if let Some(calls) = news.tool_calls {
            said.tool_calls.get_or_insert_default().extend(calls);
        }
        if let Some(tokens) = line.logprobs {
            whole.logprobs.get_or_insert_default().extend(tokens);
        }
        whole.model = whole.model.or(line.model);
        whole.done_reason = line.done_reason.or(whole.done_reason);
        whole.prompt_eval_count = line.prompt_eval_count.or(whole.prompt_eval_count);
        whole.eval_count = line.eval_count.or(whole.eval_count);
        if line.done == Some(true) {
            whole.message = Some(said);
            return Ok(whole);
        }
    }
    Err(if begun {
        incomplete(who)
    } else {
        garbage(who, response)
    })
}

fn append(text: &mut Option<String>, piece: Option<String>) {
    match (text.as_mut(), piece) {
        (Some(text), Some(piece)) => text.push_str(&piece),
        (None, piece) => *text = piece,
        (Some(_), None) => {}
    }
}

/// Calls have no id on this wire; their place stands in.
fn tool_call((at, call): (usize, &Value)) -> Option<ToolCall> {
    let function = call.get("function")?;
    Some(ToolCall {
        id: format!("call_{at}"),
        name: function.get("name")?.as_str()?.to_owned(),
        arguments: function.get("arguments").cloned().unwrap_or_else(|| json!({})),
    })
}
