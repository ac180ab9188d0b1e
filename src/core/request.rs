//! One question to a teacher and what came back: the request, the raw response, the completion read from it, and the errors
//! sorted by what to do next.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::budget::Money;
use super::conversation::{Message, ToolCall};

/// Generation parameters. `None` means: leave it to the teacher.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Sampling temperature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Sample from the k most likely tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    /// Most tokens of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Sampling seed sent to the teacher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Strings that end the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// Penalty on tokens already present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    /// Penalty by how often a token was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    /// Keep the teacher's top-k log-probabilities per token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<u8>,
    /// A vector of the text is wanted instead of an answer to it. Never set in a job file.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub vector: bool,
}

impl Params {
    /// These parameters, with whatever is not set taken from `defaults`.
    #[must_use]
    pub fn or(&self, defaults: &Self) -> Self {
        Self {
            temperature: self.temperature.or(defaults.temperature),
            top_p: self.top_p.or(defaults.top_p),
            top_k: self.top_k.or(defaults.top_k),
            max_tokens: self.max_tokens.or(defaults.max_tokens),
            seed: self.seed.or(defaults.seed),
            stop: if self.stop.is_empty() {
                defaults.stop.clone()
            } else {
                self.stop.clone()
            },
            presence_penalty: self.presence_penalty.or(defaults.presence_penalty),
            frequency_penalty: self.frequency_penalty.or(defaults.frequency_penalty),
            logprobs: self.logprobs.or(defaults.logprobs),
            vector: self.vector,
        }
    }
}

/// One question, complete: everything a provider needs to build the bytes it sends.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRequest {
    /// The model's id at its provider, without the provider's name.
    pub model: String,
    /// The conversation so far, ending with the turn to answer.
    pub messages: Vec<Message>,
    /// JSON Schema the answer must satisfy; sent where the wire can enforce it.
    pub schema: Option<Arc<Value>>,
    /// Generation parameters, already merged with the job's defaults.
    pub params: Params,
    /// The only message is the prompt as the model reads it: no chat template goes around it.
    pub completion: bool,
    /// Identity of the question (see [`ModelRequest::fingerprint`]): cassettes and the mock teacher answer by it.
    pub fingerprint: Fingerprint,
}

/// blake3 (first 16 bytes) of what determines an answer: model, messages, schema, parameters, candidate and ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// Lower-case hexadecimal, 32 digits.
    pub fn hex(&self) -> String {
        self.0.iter().fold(String::with_capacity(32), |mut out, byte| {
            out.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            out.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
            out
        })
    }

    /// The inverse of [`Self::hex`]; `None` unless exactly 32 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text
            .chars()
            .map(|c| c.to_digit(16).map(|d| d as u8))
            .collect::<Option<_>>()?;
        let mut bytes = [0; 16];
        if digits.len() != 32 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Some(Self(bytes))
    }
}

impl ModelRequest {
    /// Computes the identity of a question. `salt` tells apart questions that are alike on purpose: which task, candidate
    /// and ask (`"<task index>/<candidate>/<ask>"`).
    pub fn fingerprint(
        model: &str,
        messages: &[Message],
        schema: Option<&Value>,
        params: &Params,
        salt: &str,
    ) -> Fingerprint {
        let mut hasher = blake3::Hasher::new();
        for part in [model.as_bytes(), salt.as_bytes()] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        // Writing JSON into a hasher cannot fail: blake3's `Write` never returns an error and the values hold no map with odd keys.
        let _ = serde_json::to_writer(&mut hasher, &(messages, schema, params));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Fingerprint(bytes)
    }
}

/// What came over the wire, exactly, before anything reads it. Stored as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawResponse {
    /// HTTP status; 200 for kinds without HTTP.
    pub status: u16,
    /// The headers that matter (rate limits, Retry-After, request ids, content type), names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body after decompression. Text where it is UTF-8; other bytes are replaced by U+FFFD.
    pub body: String,
    /// From the first byte sent to the last byte received.
    pub latency: Duration,
}

impl RawResponse {
    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Why the teacher stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// A natural end or a stop string.
    Stop,
    /// Out of tokens: the answer is cut.
    Length,
    /// The model asks for tools.
    ToolCalls,
    /// The provider's filter cut it.
    ContentFilter,
    /// The model refused.
    Refusal,
    /// Anything else, as the wire said it; never a success.
    Other(String),
}

impl FinishReason {
    /// The word on screens and in the `raw` format.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Refusal => "refusal",
            Self::Other(word) => word,
        }
    }

    /// Reads [`Self::as_str`] back.
    pub fn from_word(word: &str) -> Self {
        match word {
            "stop" => Self::Stop,
            "length" => Self::Length,
            "tool_calls" => Self::ToolCalls,
            "content_filter" => Self::ContentFilter,
            "refusal" => Self::Refusal,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// What a request used. Missing counts are unknown, never zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt.
    pub input: Option<u64>,
    /// Tokens of the answer, reasoning included.
    pub output: Option<u64>,
    /// What the provider itself says it costs; overrides the price table.
    pub usd: Option<Money>,
}

/// An answer as the domain sees it, read from a [`RawResponse`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// The answer without its reasoning.
    pub text: String,
    /// The thinking, where the wire keeps it apart or fenced in `<think>`.
    pub reasoning: Option<String>,
    /// Calls the model asks for.
    pub tool_calls: Vec<ToolCall>,
    /// Per-token log-probabilities: `[{"token", "logprob", "top": [{"token", "logprob"}]}]`.
    pub logprobs: Option<Value>,
    /// Counts and cost.
    pub usage: Usage,
    /// Why it ended.
    pub finish: FinishReason,
    /// The provider's id of this request.
    pub request_id: Option<String>,
    /// The model that answered, as it names itself.
    pub model: Option<String>,
}

/// What the engine does about a failed request (providers.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Consumes an attempt; full-jitter backoff, at least `after`.
    Retry {
        /// The server's hint, if it gave one.
        after: Option<Duration>,
    },
    /// Consumes no attempt; the task goes back for this long.
    Snooze(Duration),
    /// Permanent for this task at this provider: the next teacher, else the task fails.
    Fail,
    /// Stop asking this provider; others go on. Resumes after the time, or by one probe, or by a person.
    Pause {
        /// When it is worth a probe; `None`: only a person can help.
        resume_after: Option<Duration>,
    },
}

/// What kind of trouble it is, for exit codes, health and words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Key missing or rejected.
    Auth,
    /// Out of credit or past a spending limit.
    Credit,
    /// Asked to slow down.
    RateLimit,
    /// Overloaded, loading, or failing on its side.
    Server,
    /// Nothing answers there.
    Unreachable,
    /// The line broke or the answer never came.
    Network,
    /// The request cannot be served as it is (context length, parameters, moderation).
    Request,
    /// Unknown model, wrong address, bad settings.
    Setup,
    /// An answer that is none (empty, HTML, garbage).
    Garbage,
}

/// A request that failed, sorted by what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ProviderError {
    /// What the engine does.
    pub action: Action,
    /// What kind of trouble.
    pub trouble: Trouble,
    /// One line for the user: what happened and what to do. Never holds a key or a full address.
    pub message: String,
    /// The request may have been charged although no answer came.
    pub maybe_billed: bool,
    /// Lower the concurrency of this provider.
    pub slow_down: bool,
}

/// What rate-limit headers say about the minute ahead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateHint {
    /// Requests left, and when the count starts anew.
    pub requests: Option<(u64, Duration)>,
    /// Tokens left, and when the count starts anew.
    pub tokens: Option<(u64, Duration)>,
}
