//! OpenAI and every server that speaks like it: vLLM, llama.cpp, LM Studio, `SGLang`, company gateways.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Url;
use secrecy::SecretString;
use serde_json::Value;

use super::chat::{self, Dialect};
use super::classify::{classify, garbage};
use super::fault::Family;
use super::gather::Gathering;
use super::http::{Endpoint, KeyHeader, bare_model};
use super::{hint, vectors, when_ok};
use crate::core::catalog::{Entry, PlugError};
use crate::core::ports::{BuildProvider, ModelInfo, ModelProvider};
use crate::core::request::{Completion, ModelRequest, ProviderError, RateHint, RawResponse, Usage};
use crate::core::settings::ProviderSettings;

/// Where it is found without `base_url`.
pub(super) const DEFAULT_BASE: &str = "https://api.openai.com/v1";

/// Its line in the catalog.
pub(super) const ENTRY: Entry<BuildProvider> = Entry {
    kind: "openai",
    summary: "OpenAI, or any server that speaks its chat completions: vLLM, llama.cpp, LM Studio, a gateway",
    example: r#"base_url = "http://127.0.0.1:8080/v1"
models = [{ id = "qwen3", capabilities = ["reasoning", "writing"], context = 32768 }]"#,
    build,
};

fn build(
    settings: &ProviderSettings,
    key: Option<SecretString>,
) -> Result<Arc<dyn ModelProvider>, PlugError> {
    let endpoint = Endpoint::new(settings, DEFAULT_BASE, key, KeyHeader::Bearer, &[])?;
    Ok(Arc::new(OpenAi {
        dialect: if endpoint.base.starts_with("https://api.openai.com") {
            Dialect::OpenAi
        } else {
            Dialect::Compatible
        },
        chat: endpoint.url("/chat/completions")?,
        embeddings: endpoint.url("/embeddings")?,
        raw: endpoint.url("/completions")?,
        models: endpoint.url("/models")?,
        gathering: Gathering::new(&endpoint.name),
        endpoint,
    }))
}

/// A server with `/chat/completions` and `/models`.
struct OpenAi {
    endpoint: Endpoint,
    dialect: Dialect,
    chat: Url,
    embeddings: Url,
    gathering: Gathering,
    /// Where prompts go without a chat template around them.
    raw: Url,
    models: Url,
}

#[async_trait]
impl ModelProvider for OpenAi {
    async fn send(&self, request: &ModelRequest) -> Result<RawResponse, ProviderError> {
        let body = chat::body(&self.endpoint.name, request, self.dialect)?;
        let url = if request.completion { &self.raw } else { &self.chat };
        self.endpoint.post(url, body).await
    }

    async fn embed(&self, request: &ModelRequest) -> Result<RawResponse, ProviderError> {
        let send = |body| self.endpoint.post(&self.embeddings, body);
        self.gathering.ask(request, send).await
    }

    fn read(&self, response: &RawResponse) -> Result<Completion, ProviderError> {
        read(&self.endpoint.name, response)
    }

    fn usage(&self, response: &RawResponse) -> Usage {
        chat::usage(response)
    }

    fn rate_hint(&self, response: &RawResponse) -> RateHint {
        hint::rate_hint(response)
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        let response = self.endpoint.get(&self.models).await?;
        list(Family::OpenAi, &self.endpoint.name, &response, model)
    }

    async fn probe(&self) -> Result<(), ProviderError> {
        let response = self.endpoint.get(&self.models).await?;
        when_ok(Family::OpenAi, &self.endpoint.name, &response)
    }
}

/// Reads a stored or fresh response.
pub(super) fn read(who: &str, response: &RawResponse) -> Result<Completion, ProviderError> {
    vectors::read(response).map_or_else(|| chat::read(Family::OpenAi, who, response), Ok)
}

/// The models in `{"data": [{"id", …}]}`, each read by `model`.
pub(super) fn list(
    family: Family,
    who: &str,
    response: &RawResponse,
    model: fn(&str, &Value) -> ModelInfo,
) -> Result<Vec<ModelInfo>, ProviderError> {
    if !(200..300).contains(&response.status) {
        return Err(classify(family, who, response));
    }
    let body: Value = serde_json::from_str(&response.body).unwrap_or(Value::Null);
    let rows = body
        .get("data")
        .and_then(Value::as_array)
        .ok_or_else(|| garbage(who, response))?;
    Ok(rows
        .iter()
        .filter_map(|row| Some(model(row.get("id")?.as_str()?, row)))
        .collect())
}

/// Servers tell the context length under different names: vLLM, llama.cpp, gateways.
fn model(id: &str, row: &Value) -> ModelInfo {
    let context = [
        "/max_model_len",
        "/meta/n_ctx",
        "/context_length",
        "/context_window",
    ];
    ModelInfo {
        context: context.iter().find_map(|path| row.pointer(path)?.as_u64()),
        ..bare_model(id)
    }
}
