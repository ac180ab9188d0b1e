//! The built-in teacher: answers made up on this machine from the request's fingerprint, and trouble on demand. Speaks the
//! chat-completions wire so that everything behind it is the real thing; knows nothing and says so by its name.

mod dice;
mod pattern;
mod schema;
mod writer;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use self::dice::Dice;
use self::writer::Writer;
use super::chat;
use super::classify::retry;
use super::fault::Family;
use super::http::configured_model;
use super::vectors;
use crate::core::budget::Price;
use crate::core::catalog::{Entry, PlugError};
use crate::core::ports::{BuildProvider, ModelInfo, ModelProvider};
use crate::core::request::{
    Completion, Fingerprint, ModelRequest, ProviderError, RawResponse, Trouble, Usage,
};
use crate::core::settings::{ModelSettings, ProviderSettings};
use crate::core::text::nearest;

/// What the built-in teacher claims to be good for: routing knows no wildcard, so these are the words jobs use.
const TEACHES: [&str; 41] = [
    "reasoning",
    "json",
    "chat",
    "writing",
    "instruction",
    "instructions",
    "generation",
    "generate",
    "general",
    "maths",
    "math",
    "code",
    "coding",
    "science",
    "knowledge",
    "qa",
    "question",
    "questions",
    "answer",
    "answers",
    "summary",
    "summarization",
    "translation",
    "classification",
    "extraction",
    "rewriting",
    "critique",
    "planning",
    "creative",
    "dialogue",
    "roleplay",
    "tools",
    "fast",
    "cheap",
    "strong",
    "weak",
    "large",
    "small",
    "long-context",
    "teacher",
    "completion",
];
/// What the built-in judge does.
const JUDGES: [&str; 10] = [
    "judge",
    "json",
    "judging",
    "grading",
    "scoring",
    "evaluation",
    "review",
    "reward",
    "ranking",
    "verification",
];

/// Its line in the catalog.
pub(super) const ENTRY: Entry<BuildProvider> = Entry {
    kind: "mock",
    summary: "Answers made up on this machine, and trouble on demand: for trying a job, and for tests",
    example: r#"latency_ms = 50
faults = { "429" = 0.05 }
seed = 0"#,
    build,
};

/// The teachers of a mock whose configuration names none.
pub fn default_models() -> Vec<ModelSettings> {
    [("teacher", TEACHES.as_slice()), ("judge", JUDGES.as_slice())]
        .into_iter()
        .map(|(id, words)| ModelSettings {
            id: id.to_owned(),
            capabilities: words.iter().map(|word| (*word).to_owned()).collect(),
            weight: 1.0,
            price: Some(Price::default()),
            context: Some(32_768),
        })
        .collect()
}

/// Trouble a mock can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trick {
    RateLimit,
    ServerError,
    Timeout,
    Reset,
    InvalidJson,
    Truncated,
    Empty,
    Refusal,
    Slow,
}

const TRICKS: [(&str, Trick); 9] = [
    ("429", Trick::RateLimit),
    ("500", Trick::ServerError),
    ("timeout", Trick::Timeout),
    ("reset", Trick::Reset),
    ("invalid_json", Trick::InvalidJson),
    ("truncated", Trick::Truncated),
    ("empty", Trick::Empty),
    ("refusal", Trick::Refusal),
    ("slow", Trick::Slow),
];

fn build(
    settings: &ProviderSettings,
    _key: Option<SecretString>,
) -> Result<Arc<dyn ModelProvider>, PlugError> {
    let names: Vec<&str> = TRICKS.iter().map(|(name, _)| *name).collect();
    let mut faults = Vec::new();
    for (name, share) in &settings.faults {
        let Some((_, trick)) = TRICKS.iter().find(|(known, _)| known == name) else {
            let hint = nearest(name, &names).map_or_else(
                || format!("one of: {}", names.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(PlugError::at("faults", format!("unknown fault `{name}`; {hint}")));
        };
        let share = share
            .as_f64()
            .filter(|share| (0.0..=1.0).contains(share))
            .ok_or_else(|| {
                PlugError::at("faults", format!("`{name}` is a share of requests, from 0 to 1"))
            })?;
        faults.push((*trick, share));
    }
    let mut models = settings.models.clone();
    if models.is_empty() {
        models = default_models();
    }
    Ok(Arc::new(Mock {
        name: settings.name.clone(),
        models,
        latency: Duration::from_millis(settings.latency_ms.unwrap_or(0)),
        seed: settings.seed.unwrap_or(0),
        faults,
        attempts: Mutex::default(),
    }))
}

/// The built-in teacher.
struct Mock {
    name: String,
    models: Vec<ModelSettings>,
    latency: Duration,
    seed: u64,
    /// Each with its share of requests.
    faults: Vec<(Trick, f64)>,
    /// How often a question in trouble was asked; those that got an answer are forgotten.
    attempts: Mutex<HashMap<Fingerprint, u32>>,
}

#[async_trait]
impl ModelProvider for Mock {
    async fn send(&self, request: &ModelRequest) -> Result<RawResponse, ProviderError> {
        let trick = self.draw(request.fingerprint);
        let latency = match trick {
            Some(Trick::Slow) => (self.latency * 10).max(Duration::from_millis(250)),
            _ => self.latency,
        };
        if !latency.is_zero() {
            sleep(latency).await;
        }
        let lost = |what: &str| {
            let message = format!("{}: {what} (made up)", self.name);
            Err(ProviderError {
                maybe_billed: true,
                ..retry(Trouble::Network, None, message)
            })
        };
        let (status, body) = match trick {
            Some(Trick::Timeout) => return lost("no answer in time"),
            Some(Trick::Reset) => return lost("connection reset"),
            Some(Trick::RateLimit) => (429, complaint("Rate limit reached", "rate_limit_exceeded")),
            Some(Trick::ServerError) => (500, complaint("The server had an error", "server_error")),
            other => (200, self.answer(request, other)),
        };
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        if status == 429 {
            headers.push(("retry-after-ms".to_owned(), "50".to_owned()));
        }
        Ok(RawResponse {
            status,
            headers,
            body,
            latency,
        })
    }

    async fn embed(&self, request: &ModelRequest) -> Result<RawResponse, ProviderError> {
        if !self.latency.is_zero() {
            sleep(self.latency).await;
        }
        Ok(RawResponse {
            status: 200,
            headers: Vec::new(),
            body: vector(request).to_string(),
            latency: self.latency,
        })
    }

    fn read(&self, response: &RawResponse) -> Result<Completion, ProviderError> {
        read(&self.name, response)
    }

    fn usage(&self, response: &RawResponse) -> Usage {
        chat::usage(response)
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        Ok(self.models.iter().map(configured_model).collect())
    }

    async fn probe(&self) -> Result<(), ProviderError> {
        Ok(())
    }
}

/// Reads a stored or fresh response.
pub(super) fn read(who: &str, response: &RawResponse) -> Result<Completion, ProviderError> {
    vectors::read(response).map_or_else(|| chat::read(Family::OpenAi, who, response), Ok)
}

#[derive(Serialize)]
struct Body<'a> {
    id: String,
    object: &'static str,
    model: &'a str,
    choices: [Choice<'a>; 1],
    usage: Counts,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u8,
    message: Said<'a>,
    finish_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<Value>,
}

#[derive(Serialize)]
struct Said<'a> {
    role: &'static str,
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'static str>,
}

#[derive(Serialize)]
struct Counts {
    #[serde(rename = "prompt_tokens")]
    prompt: usize,
    #[serde(rename = "completion_tokens")]
    completion: usize,
    #[serde(rename = "total_tokens")]
    total: usize,
}

impl Mock {
    /// Which trouble this attempt meets: drawn from the question and how often it was asked.
    fn draw(&self, fingerprint: Fingerprint) -> Option<Trick> {
        if self.faults.is_empty() {
            return None;
        }
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = attempts.get(&fingerprint).copied().unwrap_or(0);
        let mut point = Dice::new(self.seed, fingerprint, u64::from(asked) + 1).unit();
        for (trick, share) in &self.faults {
            if point < *share {
                attempts.insert(fingerprint, asked + 1);
                return Some(*trick);
            }
            point -= share;
        }
        attempts.remove(&fingerprint);
        None
    }

    fn answer(&self, request: &ModelRequest, trick: Option<Trick>) -> String {
        let prompt = request.messages.last().map(chat::text).unwrap_or_default();
        let mut writer = Writer::new(Dice::new(self.seed, request.fingerprint, 0), &prompt);
        let reasoning = writer.thought();
        let mut text = match &request.schema {
            Some(schema) => schema::fill(&mut writer, schema).to_string(),
            None => writer.prose(),
        };
        let mut finish = Some("stop");
        let mut refusal = None;
        match trick {
            Some(Trick::InvalidJson) => {
                text.insert_str(0, "Here is what you asked for: {\"");
            }
            Some(Trick::Truncated) => {
                let half = text.len() / 2;
                cut(&mut text, half);
                finish = Some("length");
            }
            Some(Trick::Empty) => {
                text.clear();
                finish = None;
            }
            Some(Trick::Refusal) => refusal = Some("I'm sorry, but I can't help with that request."),
            _ => {}
        }
        if let Some(most) = request.params.max_tokens.map(|tokens| tokens as usize * 4)
            && text.len() > most
        {
            cut(&mut text, most);
            finish = Some("length");
        }
        let asked: usize = request
            .messages
            .iter()
            .map(|message| chat::text(message).len() / 4 + 4)
            .sum();
        let is_blank = finish.is_none();
        let made = if is_blank {
            0
        } else {
            (text.len() + reasoning.len()).div_ceil(4)
        };
        let body = Body {
            id: format!("mock-{}", request.fingerprint.hex()),
            object: "chat.completion",
            model: &request.model,
            choices: [Choice {
                index: 0,
                message: Said {
                    role: "assistant",
                    content: refusal.is_none().then_some(text.as_str()),
                    reasoning_content: (!is_blank && refusal.is_none()).then_some(reasoning.as_str()),
                    refusal,
                },
                finish_reason: finish,
                logprobs: request
                    .params
                    .logprobs
                    .map(|top| writer.logprobs(&text, usize::from(top))),
            }],
            usage: Counts {
                prompt: asked,
                completion: made,
                total: asked + made,
            },
        };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

/// A vector that is alike for texts that share words: every word adds to some of 64 places, by its hash.
fn vector(request: &ModelRequest) -> Value {
    let text = request.messages.last().map(chat::text).unwrap_or_default();
    let mut numbers = [0.0_f64; 64];
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric());
    for word in words.filter(|word| !word.is_empty()) {
        let hash = blake3::hash(word.as_bytes());
        for pair in hash.as_bytes()[..16].chunks_exact(2) {
            numbers[usize::from(pair[0]) % 64] += if pair[1] % 2 == 0 { 1.0 } else { -1.0 };
        }
    }
    json!({
        "object": "list",
        "model": request.model,
        "data": [{ "object": "embedding", "index": 0, "embedding": numbers.as_slice() }],
        "usage": { "prompt_tokens": text.len() / 4 + 1, "total_tokens": text.len() / 4 + 1 },
    })
}

fn complaint(message: &str, code: &str) -> String {
    json!({ "error": { "message": format!("{message} (made up)"), "type": code, "code": code } }).to_string()
}

/// Cuts at the nearest character boundary at or below `most` bytes.
fn cut(text: &mut String, most: usize) {
    text.truncate(text.floor_char_boundary(most));
}
