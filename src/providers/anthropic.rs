//! Anthropic's messages, and servers that speak them. A schema is enforced by a forced tool whose input is the answer.
//! Wire: <https://docs.anthropic.com/en/api/messages>.

mod reply;
mod request;

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Url;
use secrecy::SecretString;
use serde_json::Value;

use super::fault::Family;
use super::http::{Endpoint, KeyHeader, bare_model};
use super::{hint, openai, when_ok};
use crate::core::catalog::{Entry, PlugError};
use crate::core::ports::{BuildProvider, ModelInfo, ModelProvider};
use crate::core::request::{Completion, ModelRequest, ProviderError, RateHint, RawResponse, Usage};
use crate::core::settings::ProviderSettings;

pub(super) use reply::{read, usage};

/// Where it is found without `base_url`.
pub(super) const DEFAULT_BASE: &str = "https://api.anthropic.com";
/// The tool whose input is the answer.
const ANSWER_TOOL: &str = "answer";

/// Its line in the catalog.
pub(super) const ENTRY: Entry<BuildProvider> = Entry {
    kind: "anthropic",
    summary: "Anthropic's messages API, or any server that speaks it",
    example: r#"api_key = { env = "ANTHROPIC_API_KEY" }
models = [{ id = "claude-sonnet-4-5", capabilities = ["judge", "writing"], price = { input = 3.0, output = 15.0 } }]"#,
    build,
};

fn build(
    settings: &ProviderSettings,
    key: Option<SecretString>,
) -> Result<Arc<dyn ModelProvider>, PlugError> {
    let version = [("anthropic-version", "2023-06-01")];
    let mut endpoint = Endpoint::new(
        settings,
        DEFAULT_BASE,
        key,
        KeyHeader::Named("x-api-key"),
        &version,
    )?;
    // Other kinds want `/v1` in base_url; here it may stand there or not.
    if endpoint.base.ends_with("/v1") {
        endpoint.base.truncate(endpoint.base.len() - 3);
    }
    Ok(Arc::new(Anthropic {
        messages: endpoint.url("/v1/messages")?,
        models: endpoint.url("/v1/models?limit=1000")?,
        endpoint,
    }))
}

/// A server with `/v1/messages` and `/v1/models`.
struct Anthropic {
    endpoint: Endpoint,
    messages: Url,
    models: Url,
}

#[async_trait]
impl ModelProvider for Anthropic {
    async fn send(&self, request: &ModelRequest) -> Result<RawResponse, ProviderError> {
        let body = request::body(&self.endpoint.name, request)?;
        self.endpoint.post(&self.messages, body).await
    }

    fn read(&self, response: &RawResponse) -> Result<Completion, ProviderError> {
        read(&self.endpoint.name, response)
    }

    fn usage(&self, response: &RawResponse) -> Usage {
        usage(response)
    }

    fn rate_hint(&self, response: &RawResponse) -> RateHint {
        hint::rate_hint(response)
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        let response = self.endpoint.get(&self.models).await?;
        let model = |id: &str, _: &Value| bare_model(id);
        openai::list(Family::Anthropic, &self.endpoint.name, &response, model)
    }

    async fn probe(&self) -> Result<(), ProviderError> {
        let response = self.endpoint.get(&self.models).await?;
        when_ok(Family::Anthropic, &self.endpoint.name, &response)
    }
}
