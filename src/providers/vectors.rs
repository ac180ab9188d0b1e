//! Vectors of texts as the wires of OpenAI (`/embeddings`) and Ollama (`/api/embed`) give them: a response holds one, which is the answer's
//! text. What goes out, and several in a response, is [`super::gather`]'s.
//! Wires: <https://platform.openai.com/docs/api-reference/embeddings>, <https://docs.ollama.com/api/embed>.

use serde_json::Value;

use crate::core::request::{Completion, FinishReason, RawResponse, Usage};

/// The vector in a response, as a JSON array; `None` if it holds none, and is to be read as something else.
pub(super) fn read(response: &RawResponse) -> Option<Completion> {
    // Chat answers are many and long: only what speaks of embeddings is looked at twice.
    if !(200..300).contains(&response.status) || !response.body.contains("\"embedding") {
        return None;
    }
    let body: Value = serde_json::from_str(&response.body).ok()?;
    let vector = body
        .pointer("/data/0/embedding")
        .or_else(|| body.pointer("/embeddings/0"))?;
    let numbers = vector.as_array()?;
    if numbers.is_empty() || !numbers.iter().all(Value::is_number) {
        return None;
    }
    let input = body
        .pointer("/usage/prompt_tokens")
        .or_else(|| body.get("prompt_eval_count"));
    Some(Completion {
        text: vector.to_string(),
        reasoning: None,
        tool_calls: Vec::new(),
        logprobs: None,
        usage: Usage {
            input: input.and_then(Value::as_u64),
            output: Some(0),
            usd: None,
        },
        finish: FinishReason::Stop,
        request_id: response.header("x-request-id").map(str::to_owned),
        model: body.get("model").and_then(Value::as_str).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(body: &str) -> Option<(String, Option<u64>)> {
        let response = RawResponse {
            status: 200,
            headers: Vec::new(),
            body: body.to_owned(),
            latency: std::time::Duration::ZERO,
        };
        read(&response).map(|read| (read.text, read.usage.input))
    }

    #[test]
    fn what_a_real_server_said_is_read() {
        let (text, tokens) =
            vector(include_str!("../../tests/fixtures/providers/embeddings_e5.json")).unwrap();
        let numbers: Vec<f64> = serde_json::from_str(&text).unwrap();
        let length: f64 = numbers.iter().map(|number| number * number).sum();
        assert_eq!((numbers.len(), tokens), (384, Some(19)));
        assert!((length - 1.0).abs() < 1e-3, "{length}");
    }

    #[test]
    fn both_wires_are_read_and_nothing_else_is() {
        let open_ai = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1]}],"model":"m","usage":{"prompt_tokens":7,"total_tokens":7}}"#;
        assert_eq!(vector(open_ai), Some(("[0.5,-1]".to_owned(), Some(7))));
        let ollama = r#"{"model":"m","embeddings":[[0.25,1e-3]],"prompt_eval_count":3}"#;
        assert_eq!(vector(ollama), Some(("[0.25,0.001]".to_owned(), Some(3))));
        for other in [
            r#"{"choices":[{"message":{"content":"an \"embedding\" is a vector"}}]}"#,
            r#"{"data":[{"embedding":[]}]}"#,
            r#"{"data":[{"embedding":[null]}]}"#,
            r#"{"data":[{"embedding":"c29tZQ=="}]}"#,
            "not JSON \"embedding\"",
        ] {
            assert_eq!(vector(other), None, "{other}");
        }
    }
}
