//! Requests as they leave: bodies, headers and paths of every wire, lists of models, probes, and what rate-limit headers say.

use std::sync::Arc;
use std::time::Duration;

use destilation::core::budget::Price;
use destilation::core::conversation::{Message, Part, Role, ToolCall};
use destilation::core::ports::ModelInfo;
use destilation::core::request::{ModelRequest, Params, RateHint};
use destilation::core::settings::{ModelSettings, ProviderSettings};
use destilation::providers::CATALOG;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::stub::{Manner, Stub, http};
use crate::{fixture, provider, reaction};

/// Everything a request can hold.
fn full() -> ModelRequest {
    let call = ToolCall {
        id: "call_1".into(),
        name: "weather".into(),
        arguments: json!({ "city": "Paris" }),
    };
    ModelRequest {
        model: "m".into(),
        messages: vec![
            Message::text(Role::System, "Be brief."),
            Message::text(Role::User, "Weather?"),
            Message {
                role: Role::Assistant,
                parts: vec![Part::Reasoning { text: "hm".into() }, Part::ToolCall(call)],
            },
            Message {
                role: Role::Tool,
                parts: vec![Part::ToolResult {
                    id: "call_1".into(),
                    content: "sunny".into(),
                }],
            },
            Message {
                role: Role::User,
                parts: vec![Part::Text { text: "a".into() }, Part::Text { text: "b".into() }],
            },
        ],
        schema: Some(Arc::new(json!({ "type": "object" }))),
        params: Params {
            temperature: Some(0.5),
            top_p: Some(0.9),
            top_k: Some(40),
            max_tokens: Some(99),
            seed: Some(7),
            stop: vec!["END".into()],
            presence_penalty: Some(0.1),
            frequency_penalty: Some(0.2),
            logprobs: Some(3),
            vector: false,
        },
        completion: false,
        fingerprint: destilation::core::request::Fingerprint([1; 16]),
    }
}

/// What a provider of that kind sends for the full request: head in lower case, body.
async fn sent(kind: &str, path: &str, models: Vec<ModelSettings>) -> (String, Value) {
    let server = Stub::json(200, "{}").await;
    let settings = ProviderSettings {
        name: "t".into(),
        kind: kind.into(),
        base_url: Some(format!("{}{path}", server.base)),
        models,
        ..Default::default()
    };
    let provider = (CATALOG.find(kind).unwrap().build)(&settings, Some(SecretString::from("KEY-1"))).unwrap();
    provider.send(&full()).await.unwrap();
    server.only_request()
}

#[tokio::test]
async fn chat_completions() {
    for (kind, path) in [("openai", "/v1"), ("openrouter", "/api/v1/")] {
        let (head, body) = sent(kind, path, Vec::new()).await;
        assert!(
            head.starts_with(&format!(
                "post {}/chat/completions http/1.1",
                path.trim_end_matches('/')
            )),
            "{head}"
        );
        assert!(
            head.contains("authorization: bearer key-1") && head.contains("content-type: application/json")
        );
        assert_eq!(head.contains("x-title: destilation"), kind == "openrouter");
        assert_eq!(head.contains("http-referer: destilation"), kind == "openrouter");
        assert_eq!(
            body,
            json!({
                "model": "m",
                "messages": [
                    { "role": "system", "content": "Be brief." },
                    { "role": "user", "content": "Weather?" },
                    { "role": "assistant", "content": null, "tool_calls": [
                        { "id": "call_1", "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Paris\"}" } }
                    ] },
                    { "role": "tool", "tool_call_id": "call_1", "content": "sunny" },
                    { "role": "user", "content": "a\nb" },
                ],
                "stream": false,
                "temperature": 0.5, "top_p": 0.9, "top_k": 40, "max_tokens": 99, "seed": 7, "stop": ["END"],
                "presence_penalty": 0.1, "frequency_penalty": 0.2, "logprobs": true, "top_logprobs": 3,
                "response_format": { "type": "json_schema", "json_schema": { "name": "answer", "schema": { "type": "object" }, "strict": true } },
            })
        );
    }
}

#[tokio::test]
async fn messages() {
    for path in ["", "/v1"] {
        let (head, body) = sent("anthropic", path, Vec::new()).await;
        assert!(head.starts_with("post /v1/messages http/1.1"), "{head}");
        assert!(
            head.contains("x-api-key: key-1")
                && head.contains("anthropic-version: 2023-06-01")
                && !head.contains("authorization")
        );
        assert_eq!(
            body,
            json!({
                "model": "m", "max_tokens": 99, "system": "Be brief.",
                "messages": [
                    { "role": "user", "content": "Weather?" },
                    { "role": "assistant", "content": [{ "type": "tool_use", "id": "call_1", "name": "weather", "input": { "city": "Paris" } }] },
                    { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "call_1", "content": "sunny" }] },
                    { "role": "user", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] },
                ],
                "stream": false, "temperature": 0.5, "top_p": 0.9, "top_k": 40, "stop_sequences": ["END"],
                "tools": [{ "name": "answer", "description": "Gives the answer.", "input_schema": { "type": "object" } }],
                "tool_choice": { "type": "tool", "name": "answer" },
            })
        );
    }
}

#[tokio::test]
async fn ollama_chat() {
    let model = ModelSettings {
        id: "m".into(),
        capabilities: Vec::new(),
        weight: 1.0,
        price: None,
        context: Some(8192),
    };
    let (head, body) = sent("ollama", "", vec![model]).await;
    assert!(head.starts_with("post /api/chat http/1.1"), "{head}");
    assert_eq!(
        body,
        json!({
            "model": "m",
            "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": "Weather?" },
                { "role": "assistant", "content": "", "tool_calls": [{ "function": { "name": "weather", "arguments": { "city": "Paris" } } }] },
                { "role": "tool", "content": "sunny" },
                { "role": "user", "content": "a\nb" },
            ],
            "stream": false, "keep_alive": "30m", "format": { "type": "object" },
            "options": {
                "num_predict": 99, "num_ctx": 8192, "temperature": 0.5, "seed": 7, "top_k": 40, "top_p": 0.9,
                "presence_penalty": 0.1, "frequency_penalty": 0.2, "stop": ["END"],
            },
            "logprobs": true, "top_logprobs": 3,
        })
    );
}

async fn models(kind: &str, body: &str) -> (Vec<ModelInfo>, String) {
    let server = Stub::json(200, body).await;
    let provider = provider(kind, |settings| settings.base_url = Some(server.base.clone()));
    let models = provider.models().await.unwrap();
    let path = server.asked()[0].split(' ').nth(1).unwrap().to_owned();
    (models, path)
}

#[tokio::test]
async fn models_with_what_each_wire_tells_of_them() {
    let recorded = include_str!("../fixtures/providers/recorded/openai_models.raw");
    let (found, path) = models("openai", recorded.split_once("\r\n\r\n").unwrap().1).await;
    assert_eq!(
        (found[0].id.as_str(), found[0].context, path.as_str()),
        ("smollm2-135m", Some(2048), "/models")
    );
    let (found, _) = models(
        "openai",
        r#"{"data":[{"id":"qwen3","max_model_len":40960},{"id":"gpt"}]}"#,
    )
    .await;
    assert_eq!((found[0].context, found[1].context), (Some(40_960), None));

    let row = json!({ "data": [{
        "id": "deepseek/deepseek-r1", "context_length": 65536, "pricing": { "prompt": "0.00000055", "completion": "0.00000219" },
        "supported_parameters": ["tools", "structured_outputs", "reasoning", "max_tokens"],
    }, { "id": "openrouter/auto", "pricing": { "prompt": "-1", "completion": "-1" } }] });
    let (found, _) = models("openrouter", &row.to_string()).await;
    assert_eq!(
        found[0].price,
        Some(Price {
            input: 0.55,
            output: 2.19
        })
    );
    assert_eq!(found[0].capabilities, ["json", "reasoning", "tools"]);
    assert_eq!(found[1].price, None);

    let (found, path) = models("anthropic", r#"{"data":[{"type":"model","id":"claude-x"}]}"#).await;
    assert_eq!(
        (found[0].id.as_str(), path.as_str()),
        ("claude-x", "/v1/models?limit=1000")
    );

    let shown = json!({
        "models": [{ "name": "qwen3:8b", "model": "qwen3:8b" }],
        "model_info": { "qwen3.context_length": 40960 }, "capabilities": ["completion", "tools", "thinking"],
    });
    let (found, path) = models("ollama", &shown.to_string()).await;
    assert_eq!(
        (found[0].id.as_str(), found[0].context, path.as_str()),
        ("qwen3:8b", Some(40_960), "/api/tags")
    );
    assert_eq!(found[0].capabilities, ["completion", "tools", "reasoning"]);
}

#[tokio::test]
async fn a_list_that_is_none_is_an_error() {
    for kind in ["openai", "openrouter", "anthropic", "ollama"] {
        let server = Stub::json(200, "[]").await;
        let provider = provider(kind, |settings| settings.base_url = Some(server.base.clone()));
        assert_eq!(reaction(&provider.models().await.unwrap_err()), "retry Garbage");
    }
}

#[tokio::test]
async fn probes_cost_nothing() {
    for (kind, path) in [
        ("openai", "/models"),
        ("openrouter", "/key"),
        ("anthropic", "/v1/models?limit=1000"),
        ("ollama", "/api/tags"),
    ] {
        let server = Stub::json(200, "{}").await;
        let found = provider(kind, |settings| settings.base_url = Some(server.base.clone()));
        found.probe().await.unwrap();
        assert!(
            server.asked()[0].starts_with(&format!("GET {path} ")),
            "{:?}",
            server.asked()
        );
        let server = Stub::json(401, "{}").await;
        let found = provider(kind, |settings| settings.base_url = Some(server.base.clone()));
        assert_eq!(reaction(&found.probe().await.unwrap_err()), "pause Auth");
    }
    let server = Stub::json(200, r#"{"data":{"limit":5,"limit_remaining":0}}"#).await;
    let openrouter = provider("openrouter", |settings| {
        settings.base_url = Some(server.base.clone());
    });
    assert_eq!(reaction(&openrouter.probe().await.unwrap_err()), "pause Credit");
}

#[tokio::test]
async fn rate_limits_are_told_on_success_too() {
    let headers = "x-ratelimit-remaining-requests: 59\r\nx-ratelimit-reset-requests: 1s\r\nx-ratelimit-remaining-tokens: 100\r\nx-ratelimit-reset-tokens: 6m0s\r\n";
    let server = Stub::start(Manner::Bytes(http(200, headers, "{}"))).await;
    let provider = provider("openai", |settings| settings.base_url = Some(server.base.clone()));
    let response = provider.send(&full()).await.unwrap();
    let expected = RateHint {
        requests: Some((59, Duration::from_secs(1))),
        tokens: Some((100, Duration::from_mins(6))),
    };
    assert_eq!(provider.rate_hint(&response), expected);
    let anthropic = crate::provider("anthropic", |_| {});
    assert_eq!(
        anthropic.rate_hint(&fixture("C2_rate_limit")).requests,
        Some((0, Duration::from_secs(17)))
    );
}

#[test]
fn every_entry_builds_from_its_own_example_and_says_what_it_is() {
    for entry in CATALOG.0 {
        let settings: ProviderSettings = toml::from_str(&format!(
            "name = \"t\"\nkind = \"{}\"\n{}",
            entry.kind, entry.example
        ))
        .expect(entry.kind);
        let built = (entry.build)(&settings, None);
        // The example's cassette is not there.
        assert!(
            built.is_ok() || entry.kind == "replay",
            "{}: {:?}",
            entry.kind,
            built.err()
        );
        assert!(!entry.summary.is_empty() && !entry.summary.ends_with('.'));
    }
    assert_eq!(
        CATALOG.kinds(),
        [
            "openai",
            "openrouter",
            "anthropic",
            "ollama",
            "script",
            "mock",
            "replay"
        ]
    );
}
