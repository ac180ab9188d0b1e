//! Requests in the chat-completions shape, written straight from borrowed parts.

use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use serde_json::Value;

use crate::core::conversation::{Message, Part, Role, ToolCall};
use crate::core::request::{ModelRequest, ProviderError};
use crate::providers::http::encode;

/// Which optional fields a server takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::providers) enum Dialect {
    /// OpenAI's own server: newer names, and unknown fields are refused.
    OpenAi,
    /// Everybody else: the old names, and more sampling parameters.
    Compatible,
}

/// The bytes of a request; never streamed, so that what is stored is exactly what came.
pub(in crate::providers) fn body(
    who: &str,
    request: &ModelRequest,
    dialect: Dialect,
) -> Result<Vec<u8>, ProviderError> {
    let params = &request.params;
    let own = dialect == Dialect::OpenAi;
    if request.completion {
        let prompt = request.messages.last().map(text).unwrap_or_default();
        return encode(who, &RawBody::of(request, &prompt, own));
    }
    encode(
        who,
        &Body {
            model: &request.model,
            messages: Messages(&request.messages),
            stream: false,
            temperature: params.temperature,
            top_p: params.top_p,
            top_k: params.top_k.filter(|_| !own),
            max_tokens: params.max_tokens.filter(|_| !own),
            max_completion_tokens: params.max_tokens.filter(|_| own),
            seed: params.seed,
            stop: &params.stop,
            presence_penalty: params.presence_penalty,
            frequency_penalty: params.frequency_penalty,
            logprobs: params.logprobs.map(|_| true),
            top_logprobs: params.logprobs,
            response_format: request.schema.as_deref().map(|schema| ResponseFormat {
                kind: "json_schema",
                json_schema: NamedSchema {
                    name: "answer",
                    schema,
                    strict: true,
                },
            }),
        },
    )
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Messages<'a>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'a>>,
}

/// A prompt without a conversation around it, for `/completions`.
#[derive(Serialize)]
struct RawBody<'a> {
    model: &'a str,
    prompt: &'a str,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
}

impl<'a> RawBody<'a> {
    fn of(request: &'a ModelRequest, prompt: &'a str, own: bool) -> Self {
        let params = &request.params;
        Self {
            model: &request.model,
            prompt,
            stream: false,
            temperature: params.temperature,
            top_p: params.top_p,
            top_k: params.top_k.filter(|_| !own),
            max_tokens: params.max_tokens,
            seed: params.seed,
            stop: &params.stop,
            presence_penalty: params.presence_penalty,
            frequency_penalty: params.frequency_penalty,
        }
    }
}

#[derive(Serialize)]
struct ResponseFormat<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    json_schema: NamedSchema<'a>,
}

#[derive(Serialize)]
struct NamedSchema<'a> {
    name: &'static str,
    schema: &'a Value,
    strict: bool,
}

/// A conversation as `[{"role", "content", "tool_calls"?, "tool_call_id"?}]`. One message of several tool results becomes several.
pub(in crate::providers) struct Messages<'a>(pub &'a [Message]);

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for message in self.0 {
            for part in &message.parts {
                if let Part::ToolResult { id, content } = part {
                    list.serialize_element(&ToolAnswer {
                        role: "tool",
                        tool_call_id: id,
                        content,
                    })?;
                }
            }
            let calls: Vec<Call> = calls(message).map(Call::of).collect();
            let text = text(message);
            if message.role != Role::Tool || !text.is_empty() {
                let silent = text.is_empty() && !calls.is_empty();
                list.serialize_element(&Turn {
                    role: message.role,
                    content: (!silent).then_some(text),
                    tool_calls: calls,
                })?;
            }
        }
        list.end()
    }
}

#[derive(Serialize)]
struct Turn<'a> {
    role: Role,
    content: Option<std::borrow::Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

#[derive(Serialize)]
struct ToolAnswer<'a> {
    role: &'static str,
    tool_call_id: &'a str,
    content: &'a str,
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: String,
}

impl<'a> Call<'a> {
    fn of(call: &'a ToolCall) -> Self {
        Self {
            id: &call.id,
            kind: "function",
            function: Function {
                name: &call.name,
                arguments: call.arguments.to_string(),
            },
        }
    }
}

/// The calls a message asks for.
pub(in crate::providers) fn calls(message: &Message) -> impl Iterator<Item = &ToolCall> {
    message.parts.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some(call),
        _ => None,
    })
}

/// The text of a message, borrowed where it is one part. Reasoning does not go back: teachers think anew.
pub(in crate::providers) fn text(message: &Message) -> std::borrow::Cow<'_, str> {
    let mut texts = message.parts.iter().filter_map(|part| match part {
        Part::Text { text } => Some(text.as_str()),
        _ => None,
    });
    let first = texts.next().unwrap_or_default();
    match texts.next() {
        None => first.into(),
        Some(second) => {
            let mut whole = format!("{first}\n{second}");
            for more in texts {
                whole.push('\n');
                whole.push_str(more);
            }
            whole.into()
        }
    }
}
