//! Teachers without a network: each does what its behaviour says, on the virtual clock. What they say is read by the real adapter.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use destilation::core::ports::{ModelInfo, ModelProvider};
use destilation::core::request::{
    Action, Completion, ModelRequest, ProviderError, RateHint, RawResponse, Trouble, Usage,
};
use destilation::core::settings::ProviderSettings;
use destilation::providers;
use serde_json::json;
use tokio::time::sleep;

use crate::world::{Bought, Life, Told, World};

/// What a teacher is asked.
#[derive(Debug)]
pub struct Asked {
    pub nonce: u64,
    pub at: Duration,
    /// The number in the question.
    pub task: u64,
}

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// An answer.
    Well,
    /// The same answer as to others.
    Same,
    /// An answer of another shape than was asked for.
    WrongShape,
    /// 429, with `Retry-After` or without.
    Limited(Option<u64>),
    /// 402.
    Unpaid,
    /// 401.
    Unknown,
    /// 500.
    Server,
    /// 502 with a page of HTML.
    Html,
    /// 200 with an error object in it.
    ErrorInside,
    /// 200 with no characters.
    Empty,
    /// 200, ended by its length.
    Truncated,
    /// 200, half of a body.
    Half,
    /// Nothing within the time-out; paid for all the same.
    Late,
    /// The line broke after the answer was made; paid for.
    Reset,
    /// Nobody is there.
    Unreachable,
}

impl Says {
    /// Whether tokens were made, which costs.
    pub fn is_billed(self) -> bool {
        match self {
            Self::Well
            | Self::Same
            | Self::WrongShape
            | Self::Truncated
            | Self::Late
            | Self::Reset
            | Self::Empty => true,
            Self::Limited(_)
            | Self::Unpaid
            | Self::Unknown
            | Self::Server
            | Self::Html
            | Self::ErrorInside
            | Self::Unreachable
            | Self::Half => false,
        }
    }
}

/// What becomes of a request: after how long, and what is said. Called once for each, when it comes.
pub type Behaviour = Arc<dyn Fn(&Asked) -> (Duration, Says) + Send + Sync>;

/// A teacher as one life of the process sees it.
pub struct Teacher {
    pub place: usize,
    pub world: Arc<World>,
    pub life: Arc<Life>,
    pub behaviour: Behaviour,
    /// Micro-dollars a token.
    pub price: i64,
}

/// The adapter that reads what is said. Reading has no memory, so one will do for all.
fn wire() -> &'static dyn ModelProvider {
    static WIRE: OnceLock<Arc<dyn ModelProvider>> = OnceLock::new();
    WIRE.get_or_init(|| {
        let settings = ProviderSettings {
            name: "p".to_owned(),
            kind: "openai".to_owned(),
            base_url: Some("http://127.0.0.1:1/v1".to_owned()),
            ..ProviderSettings::default()
        };
        let entry = providers::CATALOG.find("openai").unwrap();
        (entry.build)(&settings, None).unwrap()
    })
    .as_ref()
}

/// Tokens of an answer: prompt and text.
pub fn tokens(nonce: u64, says: Says) -> (u64, u64) {
    let output = if says == Says::Empty { 0 } else { 20 + nonce % 13 };
    (10 + nonce % 7, output)
}

#[async_trait]
impl ModelProvider for Teacher {
    async fn send(&self, request: &ModelRequest) -> Result<RawResponse, ProviderError> {
        self.life.lives().await;
        let nonce = self.world.nonce();
        let at = self.world.now();
        // Prompts are `step/job/task`; what comes after a first answer is a correction.
        let prompt = request.messages[0].plain();
        let mut parts = prompt.split('/').skip(1);
        let job = parts.next().unwrap().to_owned();
        let task: u64 = parts.next().unwrap().parse().unwrap();
        let (after, says) = (self.behaviour)(&Asked { nonce, at, task });
        let (input, output) = tokens(nonce, says);
        self.world.note("sent", task, nonce);
        self.world.bought.lock().unwrap().push(Bought {
            nonce,
            at,
            provider: self.place,
            job,
            task,
            micro: if says.is_billed() {
                (input + output).cast_signed() * self.price
            } else {
                0
            },
            life: self.life.number,
        });
        let flight = Flight::begin(&self.world, self.world.bought.lock().unwrap().last());
        sleep(after).await;
        drop(flight);
        self.life.lives().await;
        self.world.note("came", task, nonce);
        self.say(request, nonce, says, after)
    }

    fn read(&self, response: &RawResponse) -> Result<Completion, ProviderError> {
        wire().read(response)
    }

    fn usage(&self, response: &RawResponse) -> Usage {
        wire().usage(response)
    }

    fn rate_hint(&self, response: &RawResponse) -> RateHint {
        wire().rate_hint(response)
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        Ok(Vec::new())
    }

    async fn probe(&self) -> Result<(), ProviderError> {
        Ok(())
    }
}

/// A request on the wire, until it is dropped.
struct Flight<'w> {
    world: &'w World,
    place: usize,
}

impl<'w> Flight<'w> {
    fn begin(world: &'w World, bought: Option<&Bought>) -> Self {
        let mut flights = world.flights.lock().unwrap();
        let job = bought.map(|bought| bought.job.clone()).unwrap_or_default();
        flights.push((job, world.now(), None));
        Self {
            world,
            place: flights.len() - 1,
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.world.flights.lock().unwrap()[self.place].2 = Some(self.world.now());
    }
}

impl Teacher {
    fn say(
        &self,
        request: &ModelRequest,
        nonce: u64,
        says: Says,
        latency: Duration,
    ) -> Result<RawResponse, ProviderError> {
        let mut headers = Vec::new();
        let error =
            |code: &str| json!({"error": {"message": "not now", "type": code, "code": code}}).to_string();
        let (status, body) = match says {
            Says::Limited(wait) => {
                let at = self.world.now();
                if let Some(seconds) = wait {
                    headers.push(("retry-after".to_owned(), seconds.to_string()));
                    self.world.told.lock().unwrap().push(Told {
                        provider: self.place,
                        at,
                        until: at + Duration::from_secs(seconds),
                        life: self.life.number,
                    });
                }
                (429, error("rate_limit_exceeded"))
            }
            Says::Unpaid => (402, error("payment_required")),
            Says::Unknown => (401, error("authentication_error")),
            Says::Server => (500, error("server_error")),
            Says::Html => (502, "<html><body>bad gateway</body></html>".to_owned()),
            Says::ErrorInside => (200, error("server_error")),
            Says::Half => {
                let body = body(request, nonce, says);
                (200, body[..body.len() / 2].to_owned())
            }
            Says::Well | Says::Same | Says::WrongShape | Says::Empty | Says::Truncated => {
                (200, body(request, nonce, says))
            }
            Says::Late => return Err(lost("no answer in time", true)),
            Says::Reset => return Err(lost("connection lost", false)),
            Says::Unreachable => {
                return Err(ProviderError {
                    action: Action::Snooze(Duration::from_secs(2)),
                    trouble: Trouble::Unreachable,
                    message: "cannot reach it".to_owned(),
                    maybe_billed: false,
                    slow_down: false,
                });
            }
        };
        Ok(RawResponse {
            status,
            headers,
            body,
            latency,
        })
    }
}

/// As the HTTP adapter says it.
fn lost(message: &str, slow_down: bool) -> ProviderError {
    ProviderError {
        action: Action::Retry { after: None },
        trouble: Trouble::Network,
        message: message.to_owned(),
        maybe_billed: true,
        slow_down,
    }
}

fn body(request: &ModelRequest, nonce: u64, says: Says) -> String {
    let said = match says {
        Says::Same => "the same to all".to_owned(),
        Says::Empty => String::new(),
        _ => format!("answer {nonce} to {}", request.messages[0].plain()),
    };
    let text = match (&request.schema, says) {
        (_, Says::Empty) | (None, _) => said,
        (Some(_), Says::WrongShape) => json!({ "b": said }).to_string(),
        (Some(_), _) => json!({ "a": said }).to_string(),
    };
    let (input, output) = tokens(nonce, says);
    let finish = if says == Says::Truncated { "length" } else { "stop" };
    json!({
        "id": format!("r-{nonce}"), "object": "chat.completion", "model": "m", "nonce": nonce,
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output},
    })
    .to_string()
}
