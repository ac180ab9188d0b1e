//! Requests in the messages shape: the system text apart, blocks instead of plain text, a schema as a forced tool.

use serde::Serialize;
use serde_json::{Value, json};

use super::ANSWER_TOOL;
use crate::core::conversation::{Message, Part, Role};
use crate::core::request::{ModelRequest, ProviderError, Trouble};
use crate::providers::chat::text;
use crate::providers::classify::fail;
use crate::providers::http::encode;

/// This API refuses requests without a limit.
const MAX_TOKENS: u32 = 4096;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    system: String,
    messages: Vec<Value>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<[Tool<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'static str,
    description: &'static str,
    input_schema: &'a Value,
}

/// The bytes of a request; never streamed.
pub(super) fn body(who: &str, request: &ModelRequest) -> Result<Vec<u8>, ProviderError> {
    if request.completion {
        let message =
            format!("{who}: this API takes no raw prompt (`completion = true`); name a teacher that does");
        return Err(fail(Trouble::Request, message));
    }
    let system: Vec<String> = request
        .messages
        .iter()
        .filter(|message| message.role == Role::System)
        .map(Message::plain)
        .collect();
    let turns = request
        .messages
        .iter()
        .filter(|message| message.role != Role::System);
    let params = &request.params;
    encode(
        who,
        &Body {
            model: &request.model,
            max_tokens: params.max_tokens.unwrap_or(MAX_TOKENS),
            system: system.join("\n\n"),
            messages: turns.map(turn).collect(),
            stream: false,
            temperature: params.temperature,
            top_p: params.top_p,
            top_k: params.top_k,
            stop_sequences: &params.stop,
            tools: request.schema.as_deref().map(|schema| {
                [Tool {
                    name: ANSWER_TOOL,
                    description: "Gives the answer.",
                    input_schema: schema,
                }]
            }),
            tool_choice: request
                .schema
                .as_ref()
                .map(|_| json!({ "type": "tool", "name": ANSWER_TOOL })),
        },
    )
}

fn turn(message: &Message) -> Value {
    let role = if message.role == Role::Assistant {
        "assistant"
    } else {
        "user"
    };
    if let [Part::Text { .. }] = message.parts.as_slice() {
        return json!({ "role": role, "content": text(message) });
    }
    let blocks: Vec<Value> = message
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Text { text } => Some(json!({ "type": "text", "text": text })),
            Part::ToolCall(call) => {
                Some(json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments }))
            }
            Part::ToolResult { id, content } => {
                Some(json!({ "type": "tool_result", "tool_use_id": id, "content": content }))
            }
            // Thinking goes back only with its signature, which we do not keep.
            Part::Reasoning { .. } => None,
        })
        .collect();
    json!({ "role": role, "content": blocks })
}
