//! OpenRouter: chat completions with prices, availability and its own way of reporting errors inside successes.
//! Wire: <https://openrouter.ai/docs/api-reference/overview>.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Url;
use secrecy::SecretString;
use serde_json::Value;

use super::chat::{self, Dialect};
use super::classify::pause;
use super::fault::Family;
use super::http::{Endpoint, KeyHeader, bare_model};
use super::{hint, openai, when_ok};
use crate::core::budget::Price;
use crate::core::catalog::{Entry, PlugError};
use crate::core::ports::{BuildProvider, ModelInfo, ModelProvider};
use crate::core::request::{Completion, ModelRequest, ProviderError, RateHint, RawResponse, Trouble, Usage};
use crate::core::settings::ProviderSettings;

/// Where it is found without `base_url`.
pub(super) const DEFAULT_BASE: &str = "https://openrouter.ai/api/v1";

/// Its line in the catalog.
pub(super) const ENTRY: Entry<BuildProvider> = Entry {
    kind: "openrouter",
    summary: "OpenRouter: many hosts' models behind one key, with the cost of every answer",
    example: r#"api_key = { env = "OPENROUTER_API_KEY" }
limits = { concurrency = 64, usd = 25.0 }
models = [{ id = "deepseek/deepseek-r1", capabilities = ["reasoning", "json"], price = { input = 0.55, output = 2.19 } }]"#,
    build,
};

fn build(
    settings: &ProviderSettings,
    key: Option<SecretString>,
) -> Result<Arc<dyn ModelProvider>, PlugError> {
    let introduction = [("http-referer", "Destilation"), ("x-title", "Destilation")];
    let endpoint = Endpoint::new(settings, DEFAULT_BASE, key, KeyHeader::Bearer, &introduction)?;
    Ok(Arc::new(OpenRouter {
        chat: endpoint.url("/chat/completions")?,
        raw: endpoint.url("/completions")?,
        models: endpoint.url("/models")?,
        key: endpoint.url("/key")?,
        endpoint,
    }))
}

/// OpenRouter's API.
struct OpenRouter {
    endpoint: Endpoint,
    chat: Url,
    /// Where prompts go without a chat template around them.
    raw: Url,
    models: Url,
    key: Url,
}

#[async_trait]
impl ModelProvider for OpenRouter {
    async fn send(&self, request: &ModelRequest) -> Result<RawResponse, ProviderError> {
        let body = chat::body(&self.endpoint.name, request, Dialect::Compatible)?;
        let url = if request.completion { &self.raw } else { &self.chat };
        self.endpoint.post(url, body).await
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
        openai::list(Family::OpenRouter, &self.endpoint.name, &response, model)
    }

    /// Asks about the key: costs nothing, and knows whether its limit is used up.
    async fn probe(&self) -> Result<(), ProviderError> {
        let who = &self.endpoint.name;
        let response = self.endpoint.get(&self.key).await?;
        when_ok(Family::OpenRouter, who, &response)?;
        let body: Value = serde_json::from_str(&response.body).unwrap_or(Value::Null);
        match body.pointer("/data/limit_remaining").and_then(Value::as_f64) {
            Some(left) if left <= 0.0 => Err(pause(
                Trouble::Credit,
                None,
                format!("{who}: the key's limit is used up"),
            )),
            _ => Ok(()),
        }
    }
}

/// Reads a stored or fresh response.
pub(super) fn read(who: &str, response: &RawResponse) -> Result<Completion, ProviderError> {
    chat::read(Family::OpenRouter, who, response)
}

/// Prices come as strings in USD per token; parameters tell what a model can do.
fn model(id: &str, row: &Value) -> ModelInfo {
    let price = |key: &str| {
        let price = row.pointer(&format!("/pricing/{key}"))?;
        price
            .as_str()
            .map_or_else(|| price.as_f64(), |text| text.parse().ok())
    };
    let can = |words: &[&str]| {
        let known = row.get("supported_parameters").and_then(Value::as_array);
        known.is_some_and(|known| {
            known
                .iter()
                .filter_map(Value::as_str)
                .any(|word| words.contains(&word))
        })
    };
    let capabilities: [(&str, &[&str]); 4] = [
        ("json", &["structured_outputs", "response_format"]),
        ("logprobs", &["logprobs"]),
        ("reasoning", &["reasoning", "include_reasoning"]),
        ("tools", &["tools"]),
    ];
    ModelInfo {
        context: row.get("context_length").and_then(Value::as_u64),
        // Rounded so that 0.00000055 a token reads 0.55 a million; negative means "varies".
        price: price("prompt")
            .zip(price("completion"))
            .filter(|(input, output)| *input >= 0.0 && *output >= 0.0)
            .map(|(input, output): (f64, f64)| Price {
                input: per_million(input),
                output: per_million(output),
            }),
        capabilities: capabilities
            .iter()
            .filter(|(_, words)| can(words))
            .map(|(word, _)| (*word).to_owned())
            .collect(),
        ..bare_model(id)
    }
}

fn per_million(per_token: f64) -> f64 {
    (per_token * 1e12).round() / 1e6
}
