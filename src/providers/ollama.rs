//! Ollama's own API: models on this machine, chats as JSON lines or one object, errors as plain strings.
//! Wire: <https://github.com/ollama/ollama/blob/main/docs/api.md>.

mod reply;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Url;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Value, json};

use super::chat::{calls, text};
use super::classify::{classify, garbage, pause};
use super::fault::Family;
use super::gather::Gathering;
use super::http::{Endpoint, KeyHeader, bare_model, encode};
use super::when_ok;
use crate::core::catalog::{Entry, PlugError};
use crate::core::conversation::{Message, Part};
use crate::core::ports::{BuildProvider, ModelInfo, ModelProvider};
use crate::core::request::{Action, Completion, ModelRequest, ProviderError, RawResponse, Trouble, Usage};
use crate::core::settings::ProviderSettings;

pub(super) use reply::{read, usage};

/// Where it is found without `base_url`.
pub(super) const DEFAULT_BASE: &str = "http://127.0.0.1:11434";
/// How long a model stays in memory after an answer: longer than the pauses of a job.
const KEEP_ALIVE: &str = "30m";
/// Models asked about one by one; the rest are listed by name.
const DETAILED: usize = 64;

/// Its line in the catalog.
pub(super) const ENTRY: Entry<BuildProvider> = Entry {
    kind: "ollama",
    summary: "Ollama: models on this machine, without a key",
    example: r#"base_url = "http://127.0.0.1:11434"
models = [{ id = "llama3.2", capabilities = ["writing"], context = 8192 }]"#,
    build,
};

fn build(
    settings: &ProviderSettings,
    key: Option<SecretString>,
) -> Result<Arc<dyn ModelProvider>, PlugError> {
    let endpoint = Endpoint::new(settings, DEFAULT_BASE, key, KeyHeader::Bearer, &[])?;
    Ok(Arc::new(Ollama {
        chat: endpoint.url("/api/chat")?,
        embed: endpoint.url("/api/embed")?,
        generate: endpoint.url("/api/generate")?,
        tags: endpoint.url("/api/tags")?,
        show: endpoint.url("/api/show")?,
        gathering: Gathering::new(&endpoint.name),
        contexts: settings
            .models
            .iter()
            .filter_map(|model| Some((model.id.clone(), model.context?)))
            .collect(),
        endpoint,
    }))
}

/// An Ollama server.
struct Ollama {
    endpoint: Endpoint,
    chat: Url,
    embed: Url,
    gathering: Gathering,
    /// Where prompts go without a chat template around them.
    generate: Url,
    tags: Url,
    show: Url,
    /// Configured context lengths: without `num_ctx` the server cuts long prompts silently.
    contexts: HashMap<String, u64>,
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<std::borrow::Cow<'a, str>>,
    /// No template around the prompt.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    raw: bool,
    stream: bool,
    keep_alive: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'a Value>,
    options: Options<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u8>,
}

#[derive(Serialize)]
struct Options<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    num_predict: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_ctx: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop: &'a [String],
}

impl Ollama {
    fn body(&self, request: &ModelRequest) -> Result<Vec<u8>, ProviderError> {
        let params = &request.params;
        encode(
            &self.endpoint.name,
            &Body {
                model: &request.model,
                messages: if request.completion {
                    Vec::new()
                } else {
                    request.messages.iter().flat_map(turns).collect()
                },
                prompt: request.messages.last().filter(|_| request.completion).map(text),
                raw: request.completion,
                stream: false,
                keep_alive: KEEP_ALIVE,
                format: request.schema.as_deref(),
                options: Options {
                    num_predict: params.max_tokens,
                    num_ctx: self.contexts.get(&request.model).copied(),
                    temperature: params.temperature,
                    seed: params.seed,
                    top_k: params.top_k,
                    top_p: params.top_p,
                    presence_penalty: params.presence_penalty,
                    frequency_penalty: params.frequency_penalty,
                    stop: &params.stop,
                },
                logprobs: params.logprobs.map(|_| true),
                top_logprobs: params.logprobs,
            },
        )
    }

    async fn describe(&self, id: &str) -> ModelInfo {
        let mut info = bare_model(id);
        let Ok(body) = encode(&self.endpoint.name, &json!({ "model": id })) else {
            return info;
        };
        let Ok(response) = self.endpoint.post(&self.show, body).await else {
            return info;
        };
        let shown: Value = serde_json::from_str(&response.body).unwrap_or(Value::Null);
        let facts = shown.get("model_info").and_then(Value::as_object);
        info.context = facts
            .and_then(|facts| facts.iter().find(|(key, _)| key.ends_with(".context_length")))
            .and_then(|(_, length)| length.as_u64());
        let words = shown.get("capabilities").and_then(Value::as_array);
        info.capabilities = words
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(|word| if word == "thinking" { "reasoning" } else { word }.to_owned())
            .collect();
        info
    }
}

#[async_trait]
impl ModelProvider for Ollama {
    async fn send(&self, request: &ModelRequest) -> Result<RawResponse, ProviderError> {
        let body = self.body(request)?;
        let url = if request.completion {
            &self.generate
        } else {
            &self.chat
        };
        self.endpoint.post(url, body).await.map_err(not_running)
    }

    async fn embed(&self, request: &ModelRequest) -> Result<RawResponse, ProviderError> {
        let send = |body| async { self.endpoint.post(&self.embed, body).await.map_err(not_running) };
        self.gathering.ask(request, send).await
    }

    fn read(&self, response: &RawResponse) -> Result<Completion, ProviderError> {
        read(&self.endpoint.name, response)
    }

    fn usage(&self, response: &RawResponse) -> Usage {
        usage(response)
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        let who = &self.endpoint.name;
        let response = self.endpoint.get(&self.tags).await.map_err(not_running)?;
        if !(200..300).contains(&response.status) {
            return Err(classify(Family::Ollama, who, &response));
        }
        let body: Value = serde_json::from_str(&response.body).unwrap_or(Value::Null);
        let rows = body
            .get("models")
            .and_then(Value::as_array)
            .ok_or_else(|| garbage(who, &response))?;
        let ids = rows
            .iter()
            .filter_map(|row| row.get("model").or_else(|| row.get("name"))?.as_str());
        let mut models = Vec::new();
        for (at, id) in ids.enumerate() {
            models.push(if at < DETAILED {
                self.describe(id).await
            } else {
                bare_model(id)
            });
        }
        Ok(models)
    }

    async fn probe(&self) -> Result<(), ProviderError> {
        let response = self.endpoint.get(&self.tags).await.map_err(not_running)?;
        when_ok(Family::Ollama, &self.endpoint.name, &response)
    }
}

/// A server that is not there will not be there for the next task either (L7). One that is there and not to be trusted stays what it is.
fn not_running(error: ProviderError) -> ProviderError {
    if error.trouble != Trouble::Unreachable || matches!(error.action, Action::Pause { .. }) {
        return error;
    }
    let message = format!("{}; is `ollama serve` running?", error.message);
    pause(Trouble::Unreachable, Some(Duration::from_secs(5)), message)
}

/// A message as Ollama has it: arguments as objects, one message a tool result.
fn turns(message: &Message) -> Vec<Value> {
    let mut turns: Vec<Value> = message
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolResult { content, .. } => Some(json!({ "role": "tool", "content": content })),
            _ => None,
        })
        .collect();
    let asked: Vec<Value> = calls(message)
        .map(|call| json!({ "function": { "name": call.name, "arguments": call.arguments } }))
        .collect();
    if turns.is_empty() || !asked.is_empty() || !text(message).is_empty() {
        let mut turn = json!({ "role": message.role, "content": text(message) });
        if !asked.is_empty() {
            turn["tool_calls"] = Value::Array(asked);
        }
        turns.push(turn);
    }
    turns
}
