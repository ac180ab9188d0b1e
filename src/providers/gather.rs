//! Texts that wait for a vector while others are on the wire go together in one request, where the endpoint takes several: each is answered
//! as if it had gone alone, with its own vector and its share of the tokens. It retries nothing; whoever asked has one attempt.
//! Nobody waits for company: what is alone when its turn comes goes alone.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::{Semaphore, oneshot};

use super::classify::retry;
use super::http::encode;
use crate::core::request::{ModelRequest, ProviderError, RawResponse, Trouble};

/// Requests on the wire at once: one is answered while the next is gathered.
const TURNS: usize = 2;
/// Texts of a request: far below what any endpoint documents (OpenAI: 2,048).
const TEXTS: usize = 64;
/// Bytes of all texts of a request (OpenAI: 300,000 tokens).
const BYTES: usize = 256 * 1024;

/// Failures of texts that were sent alone after which an endpoint that fails again is left alone.
const SICK: usize = 2;

/// What came of a text.
type Sent = Result<RawResponse, ProviderError>;

/// A text that waits.
struct Waiting {
    text: String,
    answer: oneshot::Sender<Sent>,
}

/// The texts of one provider that wait for their turn.
pub(super) struct Gathering {
    who: String,
    turns: Semaphore,
    /// By model.
    waiting: Mutex<HashMap<String, VecDeque<Waiting>>>,
    /// Models whose endpoint takes one text a request.
    single: Mutex<HashSet<String>>,
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gathering {
    /// None wait yet.
    pub(super) fn new(who: &str) -> Self {
        Self {
            who: who.to_owned(),
            turns: Semaphore::new(TURNS),
            waiting: Mutex::default(),
            single: Mutex::default(),
        }
    }

    /// The answer to one text, whichever request it went with. `post` puts a body on the wire.
    pub(super) async fn ask<F, S>(&self, request: &ModelRequest, post: F) -> Sent
    where
        F: Fn(Vec<u8>) -> S + Send + Sync,
        S: Future<Output = Sent> + Send,
    {
        let model = request.model.as_str();
        let text = request
            .messages
            .last()
            .map(crate::core::conversation::Message::plain)
            .unwrap_or_default();
        if held(&self.single).contains(model) {
            return post(self.body(model, &[&text])?).await;
        }
        let (answer, mut own) = oneshot::channel();
        let waiting = Waiting { text, answer };
        held(&self.waiting)
            .entry(model.to_owned())
            .or_default()
            .push_back(waiting);
        loop {
            tokio::select! {
                biased;
                sent = &mut own => return sent.unwrap_or_else(|_| self.lost()),
                turn = self.turns.acquire() => {
                    let batch = self.take(model);
                    if turn.is_err() || batch.is_empty() {
                        // It is on the wire with others.
                        break;
                    }
                    self.carry(model, batch, &post).await;
                }
            }
        }
        own.await.unwrap_or_else(|_| self.lost())
    }

    /// The next texts of a model, as many as go together. Those nobody waits for any more are not asked about.
    fn take(&self, model: &str) -> Vec<Waiting> {
        let mut all = held(&self.waiting);
        let Some(waiting) = all.get_mut(model) else {
            return Vec::new();
        };
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(next) = waiting.pop_front() {
            if next.answer.is_closed() {
                continue;
            }
            bytes += next.text.len();
            if !batch.is_empty() && (bytes > BYTES || batch.len() == TEXTS) {
                waiting.push_front(next);
                break;
            }
            batch.push(next);
        }
        batch
    }

    /// Sends texts together and gives everybody their own answer.
    async fn carry<F, S>(&self, model: &str, batch: Vec<Waiting>, post: &F)
    where
        F: Fn(Vec<u8>) -> S + Send + Sync,
        S: Future<Output = Sent> + Send,
    {
        let texts: Vec<&str> = batch.iter().map(|one| one.text.as_str()).collect();
        let sent = match self.body(model, &texts) {
            Ok(body) => post(body).await,
            Err(error) => Err(error),
        };
        let shares = match &sent {
            Ok(whole) if batch.len() > 1 && is_refused(whole.status) => None,
            Ok(whole) if batch.len() > 1 && (200..300).contains(&whole.status) => split(whole, &texts),
            sent => Some(vec![Result::clone(sent); batch.len()]),
        };
        // Whoever does not wait any more has no use for an answer.
        if let Some(shares) = shares {
            for (one, share) in batch.into_iter().zip(shares) {
                let _ = one.answer.send(share);
            }
            return;
        }
        // The endpoint takes one text only, or one of them is not to its liking: each goes alone.
        let (mut failed, mut sick) = (0, None);
        for one in batch {
            let sent = match (&sick, self.body(model, &[&one.text])) {
                (Some(response), _) => Ok(RawResponse::clone(response)),
                (None, Ok(body)) => post(body).await,
                (None, Err(error)) => Err(error),
            };
            match &sent {
                Ok(response) if (200..300).contains(&response.status) => {}
                // Not one text is at fault, but the endpoint: the rest does not knock as well.
                Ok(response) if response.status >= 500 && failed >= SICK => sick = Some(response.clone()),
                _ => failed += 1,
            }
            let _ = one.answer.send(sent);
        }
        if failed == 0 {
            held(&self.single).insert(model.to_owned());
        }
    }

    fn body(&self, model: &str, texts: &[&str]) -> Result<Vec<u8>, ProviderError> {
        let input = match texts {
            [only] => json!(only),
            several => json!(several),
        };
        encode(&self.who, &json!({ "model": model, "input": input }))
    }

    /// Whoever carried it was stopped on the way.
    fn lost(&self) -> Sent {
        let message = format!("{}: the request this text went with was stopped", self.who);
        Err(ProviderError {
            maybe_billed: true,
            ..retry(Trouble::Network, None, message)
        })
    }
}

/// Whether the request itself was not to the endpoint's liking; nothing was computed.
fn is_refused(status: u16) -> bool {
    matches!(status, 400 | 413 | 415 | 422 | 500 | 501)
}

/// A response to several texts as one to each of them, in their order; `None` where it does not have as many vectors.
fn split(whole: &RawResponse, texts: &[&str]) -> Option<Vec<Sent>> {
    let mut body: Value = serde_json::from_str(&whole.body).ok()?;
    let open_ai = body.get("data").is_some();
    let vectors = match body.get_mut("data") {
        Some(Value::Array(data)) => {
            data.sort_by_key(|one| one.get("index").and_then(Value::as_u64));
            let vectors = data.iter_mut().map(|one| Some(one.get_mut("embedding")?.take()));
            vectors.collect::<Option<Vec<Value>>>()?
        }
        _ => body.get_mut("embeddings")?.as_array_mut()?.drain(..).collect(),
    };
    if vectors.len() != texts.len() {
        return None;
    }
    let model = body.get("model").cloned().unwrap_or(Value::Null);
    let all = body
        .pointer("/usage/prompt_tokens")
        .or_else(|| body.get("prompt_eval_count"))
        .and_then(Value::as_u64);
    let shares = vectors
        .into_iter()
        .zip(shares(all, texts))
        .map(|(vector, tokens)| {
            let body = if open_ai {
                json!({
                    "object": "list",
                    "model": model,
                    "data": [{ "object": "embedding", "index": 0, "embedding": vector }],
                    "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
                })
            } else {
                json!({ "model": model, "embeddings": [vector], "prompt_eval_count": tokens })
            };
            Ok(RawResponse {
                body: body.to_string(),
                ..whole.clone()
            })
        });
    Some(shares.collect())
}

/// What each text used of all tokens: by its length, and together exactly all.
fn shares(all: Option<u64>, texts: &[&str]) -> Vec<Option<u64>> {
    let length: u128 = texts.iter().map(|text| text.len() as u128 + 1).sum();
    let mut so_far = 0;
    let upto = |length_so_far: u128, all: u64| {
        u64::try_from(u128::from(all) * length_so_far / length.max(1)).unwrap_or(all)
    };
    let mut share = |text: &&str| {
        let before = so_far;
        so_far += text.len() as u128 + 1;
        all.map(|all| upto(so_far, all) - upto(before, all))
    };
    texts.iter().map(&mut share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(body: &Value) -> RawResponse {
        RawResponse {
            status: 200,
            headers: Vec::new(),
            body: body.to_string(),
            latency: std::time::Duration::ZERO,
        }
    }

    #[test]
    fn a_response_to_several_is_one_to_each_and_no_token_is_lost() {
        let texts = ["a longer text than the others", "b", "c c"];
        // In whatever order they come back.
        let open_ai = json!({"object": "list", "model": "m", "usage": {"prompt_tokens": 10, "total_tokens": 10}, "data": [
            {"index": 1, "embedding": [0, 1]}, {"index": 2, "embedding": [1, 1]}, {"index": 0, "embedding": [1, 0]},
        ]});
        let ollama = json!({"model": "m", "embeddings": [[1, 0], [0, 1], [1, 1]], "prompt_eval_count": 10});
        for whole in [open_ai, ollama] {
            let parts = split(&response(&whole), &texts).unwrap();
            let read: Vec<_> = parts
                .into_iter()
                .map(|part| super::super::vectors::read(&part.unwrap()).unwrap())
                .collect();
            let vectors: Vec<&str> = read.iter().map(|one| one.text.as_str()).collect();
            assert_eq!(vectors, ["[1,0]", "[0,1]", "[1,1]"]);
            let tokens: Vec<u64> = read.iter().filter_map(|one| one.usage.input).collect();
            assert_eq!((tokens.iter().sum::<u64>(), tokens.len()), (10, 3), "{tokens:?}");
            assert!(tokens[0] > tokens[1]);
        }
        let few = json!({"data": [{"index": 0, "embedding": [1, 0]}]});
        assert!(split(&response(&few), &texts).is_none());
    }
}
