//! Answers in every shape the wires have: whole, streamed, with thinking, tools and log-probabilities; and real recorded bytes, sent
//! through the real client.

use destilation::core::request::{Completion, FinishReason, ProviderError};
use serde_json::{Value, json};

use crate::stub::{Manner, Stub};
use crate::{fixture, provider, question, reaction};

fn read(kind: &str, name: &str) -> Completion {
    provider(kind, |_| {}).read(&fixture(name)).expect(name)
}

#[test]
fn openrouter_tells_cost_reasoning_and_generation() {
    let answer = read("openrouter", "answer_openrouter");
    assert_eq!(
        (answer.text.as_str(), answer.reasoning.as_deref()),
        ("42", Some("six times seven"))
    );
    assert_eq!(answer.usage.usd.map(|usd| usd.0), Some(123));
    assert_eq!(answer.request_id.as_deref(), Some("gen-9h"));
    assert_eq!(answer.model.as_deref(), Some("deepseek/deepseek-r1"));
}

#[test]
fn thinking_is_kept_apart_however_it_comes() {
    for name in ["answer_think", "answer_reasoning_content", "answer_parts"] {
        let answer = read("openai", name);
        assert_eq!(
            (answer.text.as_str(), answer.reasoning.as_deref()),
            ("42", Some("6 × 7")),
            "{name}"
        );
    }
    assert_eq!(read("openai", "answer_padded").text, "42");
}

#[test]
fn tools_whole_and_streamed() {
    for name in ["answer_tools", "answer_tools_stream"] {
        let answer = read("openai", name);
        assert_eq!(answer.finish, FinishReason::ToolCalls);
        let call = &answer.tool_calls[0];
        assert_eq!((call.id.as_str(), call.name.as_str()), ("call_a", "weather"));
        assert_eq!(call.arguments, json!({ "city": "Paris" }), "{name}");
    }
    let ollama = read("ollama", "answer_ollama_thinking");
    assert_eq!(ollama.tool_calls[0].arguments, json!({ "city": "Paris" }));
    assert_eq!(
        (
            ollama.reasoning.as_deref(),
            ollama.usage.input,
            ollama.usage.output
        ),
        (Some("6 × 7"), None, Some(9))
    );
}

#[test]
fn a_forced_tool_is_the_answer() {
    let answer = read("anthropic", "answer_claude_tool");
    assert_eq!(answer.text, r#"{"answer":42,"unit":"apples"}"#);
    assert_eq!(
        (answer.finish, answer.reasoning.as_deref()),
        (FinishReason::Stop, Some("six times seven"))
    );
    assert_eq!((answer.usage.input, answer.usage.output), (Some(105), Some(7)));
    assert_eq!(answer.request_id.as_deref(), Some("req_77"));

    let streamed = read("anthropic", "answer_claude_stream");
    assert_eq!(
        (streamed.text.as_str(), streamed.reasoning.as_deref()),
        (r#"{"answer":42}"#, Some("six times"))
    );
    assert_eq!((streamed.usage.input, streamed.usage.output), (Some(5), Some(15)));
}

/// Sends a question to a server that answers with recorded wire bytes.
async fn recorded(kind: &str, name: &str) -> Result<Completion, ProviderError> {
    let path = format!(
        "{}/tests/fixtures/providers/recorded/{name}.raw",
        env!("CARGO_MANIFEST_DIR")
    );
    let server = Stub::start(Manner::Bytes(std::fs::read(path).unwrap())).await;
    let provider = provider(kind, |settings| settings.base_url = Some(server.base.clone()));
    let response = provider.send(&question("Say hello.")).await?;
    let answer = provider.read(&response);
    if let Ok(answer) = &answer {
        assert_eq!(provider.usage(&response), answer.usage);
    }
    answer
}

#[tokio::test]
async fn a_real_llama_cpp_server_whole() {
    let answer = recorded("openai", "openai_chat").await.unwrap();
    assert!(answer.text.starts_with("Hello, I'm here to help"));
    assert_eq!(
        (answer.finish, answer.usage.input, answer.usage.output),
        (FinishReason::Stop, Some(20), Some(24))
    );
    assert_eq!(answer.model.as_deref(), Some("smollm2-135m"));
    assert!(answer.request_id.unwrap().starts_with("chatcmpl-"));

    assert_eq!(
        recorded("openai", "openai_chat_length").await.unwrap().finish,
        FinishReason::Length
    );
    let schema = recorded("openai", "openai_chat_schema").await.unwrap();
    assert!(serde_json::from_str::<Value>(&schema.text).unwrap()["answer"].is_i64());
    let cut = recorded("openai", "openai_chat_schema_truncated").await.unwrap();
    assert_eq!(cut.finish, FinishReason::Length);
}

#[tokio::test]
async fn real_log_probabilities() {
    let whole = recorded("openai", "openai_chat_logprobs").await.unwrap();
    let tokens = whole.logprobs.unwrap();
    assert_eq!(tokens.as_array().unwrap().len(), 6);
    assert_eq!(
        (&tokens[0]["token"], tokens[0]["top"].as_array().unwrap().len()),
        (&json!("Hello"), 3)
    );
    let joined: String = tokens
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|token| token["token"].as_str())
        .collect();
    assert_eq!(joined, whole.text);

    let streamed = recorded("openai", "openai_stream_logprobs").await.unwrap();
    let tokens = streamed.logprobs.unwrap();
    let joined: String = tokens
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|token| token["token"].as_str())
        .collect();
    assert_eq!(joined, streamed.text);
    assert_eq!(tokens[0]["top"][1]["token"], "I");
}

#[tokio::test]
async fn real_streams() {
    let answer = recorded("openai", "openai_stream").await.unwrap();
    assert!(answer.text.starts_with("I'm ready to help."), "{}", answer.text);
    assert_eq!(
        (answer.finish, answer.usage.input, answer.usage.output),
        (FinishReason::Stop, Some(21), Some(13))
    );
    let schema = recorded("openai", "openai_stream_schema").await.unwrap();
    assert!(schema.text.starts_with('{'), "{}", schema.text);
    let claude = recorded("anthropic", "anthropic_stream").await.unwrap();
    assert!(claude.text.starts_with("Hello, I'm here to help"));
    assert_eq!(
        (claude.finish, claude.usage.input, claude.usage.output),
        (FinishReason::Stop, Some(20), Some(24))
    );
    let ollama = recorded("ollama", "ollama_chat_stream").await.unwrap();
    assert!(ollama.text.ends_with("questions."), "{}", ollama.text);
    assert_eq!((ollama.usage.input, ollama.usage.output), (Some(4), Some(16)));
    let schema = recorded("ollama", "ollama_chat_format_schema_stream")
        .await
        .unwrap();
    assert!(serde_json::from_str::<Value>(&schema.text).unwrap()["answer"].is_i64());
}

#[tokio::test]
async fn real_messages_and_a_real_translator() {
    let claude = recorded("anthropic", "anthropic_messages").await.unwrap();
    assert_eq!(
        (claude.finish, claude.usage.input, claude.usage.output),
        (FinishReason::Stop, Some(20), Some(24))
    );
    assert_eq!(
        recorded("anthropic", "anthropic_messages_max_tokens")
            .await
            .unwrap()
            .finish,
        FinishReason::Length
    );
    // This server has no tools: the text stands, and the schema's validator will have its say.
    assert_eq!(
        recorded("anthropic", "anthropic_tool_forced").await.unwrap().text,
        "A spider has 8 legs."
    );
    let ollama = recorded("ollama", "ollama_chat").await.unwrap();
    assert_eq!(
        (ollama.finish, ollama.usage.output),
        (FinishReason::Stop, Some(11))
    );
    assert!(
        recorded("ollama", "ollama_chat_format_schema")
            .await
            .unwrap()
            .text
            .contains("\"answer\": 2")
    );
}

#[tokio::test]
async fn real_errors() {
    for (kind, name, expected, words) in [
        (
            "openai",
            "openai_error_context",
            "fail Request",
            "4019 tokens of at most 2048",
        ),
        (
            "anthropic",
            "anthropic_error_context",
            "fail Request",
            "4019 tokens of at most 2048",
        ),
        (
            "openai",
            "openai_error_schema",
            "fail Setup",
            "unrecognized type objekt",
        ),
        ("openai", "openai_error_bad_json", "fail Request", "parse error"),
        ("openai", "openai_error_not_found", "pause Setup", "base_url"),
        (
            "anthropic",
            "anthropic_error_no_messages",
            "retry Server",
            "'messages' is required",
        ),
        (
            "ollama",
            "ollama_error_bad_json",
            "retry Server",
            "Internal Server Error",
        ),
        ("ollama", "ollama_error_not_found", "pause Setup", "base_url"),
    ] {
        let error = recorded(kind, name).await.expect_err(name);
        assert_eq!(reaction(&error), expected, "{name}: {}", error.message);
        assert!(error.message.contains(words), "{name}: {}", error.message);
    }
}
