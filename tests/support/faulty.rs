//! The faulty teacher: speaks the four chat protocols, goes wrong as often and in the ways it is told to, always the same way for the
//! same seed, and writes down every request in a file of its own before it answers: what was bought, whoever dies meanwhile.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::teacher::{Reply, Request, Teacher};

/// A way to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 429 with `Retry-After: 1`.
    Limited,
    /// 402: out of credit.
    Unpaid,
    /// 500 with an error object.
    Server,
    /// 502 with a page of HTML.
    Html,
    /// 200 with an error object in it.
    ErrorInside,
    /// 200 with an answer of no characters.
    Empty,
    /// 200, ended by its length.
    Truncated,
    /// Half of the body it announced.
    Half,
    /// The answer, a third of a second later.
    Slow,
    /// Nothing, ever.
    Never,
    /// The head and some bytes of the answer, then nothing.
    Stall,
    /// A byte of the answer a second.
    DripSlowly,
    /// The connection is closed.
    Reset,
    /// The answer in small pieces.
    Drip,
    /// 40 MiB.
    Huge,
    /// 40 MiB that cross the wire as a few kilobytes.
    Bomb,
    /// The answer under the id of the one before.
    SameId,
    /// The answer as from another model.
    OtherModel,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Limited,
        Self::Unpaid,
        Self::Server,
        Self::Html,
        Self::ErrorInside,
        Self::Empty,
        Self::Truncated,
        Self::Half,
        Self::Slow,
        Self::Never,
        Self::Stall,
        Self::DripSlowly,
        Self::Reset,
        Self::Drip,
        Self::Huge,
        Self::Bomb,
        Self::SameId,
        Self::OtherModel,
    ];

    /// Those that heal by themselves, soon enough for a job of thousands of tasks.
    pub const HEALING: [Self; 11] = [
        Self::Server,
        Self::Html,
        Self::ErrorInside,
        Self::Empty,
        Self::Truncated,
        Self::Half,
        Self::Slow,
        Self::Reset,
        Self::Drip,
        Self::SameId,
        Self::OtherModel,
    ];
}

/// How often what goes wrong: each with its share of all requests. The rest are answered well.
#[derive(Debug, Clone, Default)]
pub struct Faults(pub Vec<(Fault, f64)>);

impl Faults {
    /// That share of all requests, evenly among these faults.
    pub fn evenly(share: f64, faults: &[Fault]) -> Self {
        let each = share / faults.len() as f64;
        Self(faults.iter().map(|fault| (*fault, each)).collect())
    }

    /// What becomes of the `number`-th request: a matter of seed and number alone, whatever order answers leave in.
    pub fn of(&self, seed: u64, number: u64) -> Option<Fault> {
        let mut left: f64 = ChaCha8Rng::seed_from_u64(seed ^ number.wrapping_mul(0x9e37_79b9)).random();
        self.0.iter().find_map(|(fault, share)| {
            left -= share;
            (left < 0.0).then_some(*fault)
        })
    }
}

/// The protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    OpenAi,
    OpenRouter,
    Anthropic,
    Ollama,
}

/// The server with its log.
pub struct FaultyTeacher {
    pub teacher: Teacher,
    log: PathBuf,
}

impl FaultyTeacher {
    /// Starts it. `OpenRouter` is known by its path `/openrouter`, see [`Self::url`].
    pub fn start(seed: u64, faults: Faults, latency: Duration, log: &Path) -> Self {
        let file = Mutex::new(File::options().create(true).append(true).open(log).unwrap());
        let teacher = Teacher::start_on(latency, false, move |number, request| {
            let fault = faults.of(seed, number);
            let said = Said::to(number, request, fault);
            let line = format!("{}\n", said.line(request));
            file.lock().unwrap().write_all(line.as_bytes()).unwrap();
            said.reply()
        });
        Self {
            teacher,
            log: log.to_owned(),
        }
    }

    /// Base address for that protocol.
    pub fn url(&self, shape: Shape) -> String {
        let root = self.teacher.root();
        match shape {
            Shape::OpenAi => format!("{root}/v1"),
            Shape::OpenRouter => format!("{root}/openrouter/v1"),
            Shape::Anthropic | Shape::Ollama => root,
        }
    }

    /// Everything it was asked, in the order in which it came.
    pub fn log(&self) -> Vec<Bought> {
        Bought::read(&self.log)
    }
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Bought {
    /// From 1; it stands in the answer, too.
    pub nonce: u64,
    /// Milliseconds since 1970 UTC.
    pub at_ms: u64,
    /// The number in `Question N`, if that was asked.
    pub question: Option<u64>,
    /// blake3 of the last message.
    pub prompt: String,
    /// Length of the request's body.
    pub bytes: usize,
    /// `ok`, or the fault.
    pub answered: String,
    /// Whether an answer with tokens was sent, whole or not: this is paid.
    pub billed: bool,
    /// Tokens it told of, if whatever it sent was whole.
    pub input: Option<u64>,
    pub output: Option<u64>,
    /// The wait it asked for.
    pub retry_after: Option<u64>,
}

impl Bought {
    /// A log; a line that its writer's death tore is no line.
    pub fn read(log: &Path) -> Vec<Self> {
        let text = std::fs::read_to_string(log).unwrap();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

/// What it says to one request.
struct Said {
    number: u64,
    shape: Shape,
    fault: Option<Fault>,
    prompt: String,
}

impl Said {
    fn to(number: u64, request: &Request, fault: Option<Fault>) -> Self {
        let path = request.head.split(' ').nth(1).unwrap_or_default();
        let shape = if path.starts_with("/openrouter") {
            Shape::OpenRouter
        } else if path.starts_with("/api/chat") {
            Shape::Ollama
        } else if path.ends_with("/messages") {
            Shape::Anthropic
        } else {
            Shape::OpenAi
        };
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let last = &body["messages"].as_array().and_then(|all| all.last()).cloned();
        let content = last.as_ref().map(|last| &last["content"]);
        let prompt = match content {
            Some(Value::String(text)) => text.clone(),
            Some(parts) => parts[0]["text"].as_str().unwrap_or_default().to_owned(),
            None => String::new(),
        };
        Self {
            number,
            shape,
            fault,
            prompt,
        }
    }

    fn usage(&self) -> (u64, u64) {
        let output = match self.fault {
            Some(Fault::Empty) => 0,
            _ => 20 + self.number % 13,
        };
        (10 + self.number % 7, output)
    }

    fn line(&self, request: &Request) -> String {
        let question = self.prompt.split("Question ").nth(1).and_then(|rest| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        });
        let billed = !matches!(
            self.fault,
            Some(
                Fault::Limited
                    | Fault::Unpaid
                    | Fault::Server
                    | Fault::Html
                    | Fault::ErrorInside
                    | Fault::Never
                    | Fault::Reset
                    | Fault::Huge
                    | Fault::Bomb
            )
        );
        let whole = billed && !matches!(self.fault, Some(Fault::Half | Fault::Stall | Fault::DripSlowly));
        let (input, output) = self.usage();
        let bought = Bought {
            nonce: self.number,
            at_ms: SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64,
            question,
            prompt: blake3::hash(self.prompt.as_bytes()).to_hex()[..16].to_owned(),
            bytes: request.body.len(),
            answered: self
                .fault
                .map_or_else(|| "ok".to_owned(), |fault| format!("{fault:?}").to_lowercase()),
            billed,
            input: whole.then_some(input),
            output: whole.then_some(output),
            retry_after: (self.fault == Some(Fault::Limited)).then_some(1),
        };
        serde_json::to_string(&bought).unwrap()
    }

    fn reply(&self) -> Reply {
        let error = |status: u16, code: &str| {
            let body =
                json!({"error": {"message": "not now", "type": code, "code": code}, "nonce": self.number});
            Reply::Http(status, String::new(), body.to_string())
        };
        let whole = |body: String| Reply::Http(200, String::new(), body);
        match self.fault {
            None | Some(Fault::SameId | Fault::OtherModel | Fault::Truncated | Fault::Empty) => {
                whole(self.body())
            }
            Some(Fault::Limited) => {
                let body = json!({"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}});
                Reply::Http(429, "retry-after: 1\r\n".to_owned(), body.to_string())
            }
            Some(Fault::Unpaid) => error(402, "payment_required"),
            Some(Fault::Server) => error(500, "server_error"),
            Some(Fault::Html) => Reply::Drip(
                raw(
                    502,
                    "content-type: text/html\r\n",
                    b"<html><body>bad gateway</body></html>",
                ),
                usize::MAX,
                Duration::ZERO,
            ),
            Some(Fault::ErrorInside) => error(200, "server_error"),
            Some(Fault::Half) => Reply::Half(self.body()),
            Some(Fault::Slow) => Reply::After(Duration::from_millis(333), Box::new(whole(self.body()))),
            Some(Fault::Never) => Reply::Never,
            Some(Fault::Stall) => {
                let bytes = raw(200, "content-type: application/json\r\n", self.body().as_bytes());
                let some = bytes.len() - 40;
                Reply::Drip(bytes, some, Duration::from_hours(1))
            }
            Some(Fault::DripSlowly) => {
                let bytes = raw(200, "content-type: application/json\r\n", self.body().as_bytes());
                Reply::Drip(bytes, 1, Duration::from_secs(1))
            }
            Some(Fault::Reset) => Reply::Reset,
            Some(Fault::Drip) => {
                let bytes = raw(200, "content-type: application/json\r\n", self.body().as_bytes());
                Reply::Drip(bytes, 64, Duration::from_millis(20))
            }
            Some(Fault::Huge) => Reply::Drip(
                raw(200, "content-type: application/json\r\n", &vec![b' '; 40 << 20]),
                1 << 16,
                Duration::ZERO,
            ),
            Some(Fault::Bomb) => Reply::Drip(
                raw(
                    200,
                    "content-type: application/json\r\ncontent-encoding: gzip\r\n",
                    &bomb(40 << 20),
                ),
                1 << 16,
                Duration::ZERO,
            ),
        }
    }

    /// An answer in its protocol.
    fn body(&self) -> String {
        let nonce = self.number;
        let id = match self.fault {
            Some(Fault::SameId) => nonce.saturating_sub(1),
            _ => nonce,
        };
        let model = match self.fault {
            Some(Fault::OtherModel) => "another",
            _ => "m",
        };
        let cut = self.fault == Some(Fault::Truncated);
        let text = match self.fault {
            Some(Fault::Empty) => String::new(),
            _ => format!("answer {nonce} to {}", self.prompt),
        };
        let (input, output) = self.usage();
        let body = match self.shape {
            Shape::OpenAi | Shape::OpenRouter => json!({
                "id": format!("r-{id}"), "object": "chat.completion", "model": model, "nonce": nonce,
                "choices": [{"index": 0, "finish_reason": if cut { "length" } else { "stop" },
                             "message": {"role": "assistant", "content": text}}],
                "usage": {"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output},
            }),
            Shape::Anthropic => json!({
                "id": format!("msg-{id}"), "type": "message", "role": "assistant", "model": model, "nonce": nonce,
                "content": [{"type": "text", "text": text}],
                "stop_reason": if cut { "max_tokens" } else { "end_turn" },
                "usage": {"input_tokens": input, "output_tokens": output},
            }),
            Shape::Ollama => json!({
                "model": model, "nonce": nonce, "created_at": "2026-01-01T00:00:00Z",
                "message": {"role": "assistant", "content": text},
                "done": true, "done_reason": if cut { "length" } else { "stop" },
                "prompt_eval_count": input, "eval_count": output,
            }),
        };
        body.to_string()
    }
}

fn raw(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A gzip stream of about that many spaces: one of them, and then "the last one, 258 times again" (RFC 1951, fixed codes).
fn bomb(spaces: usize) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let (mut held, mut count) = (0_u64, 0);
    let mut put = |value: u64, bits: u32| {
        held |= value << count;
        count += bits;
        while count >= 8 {
            bytes.push((held & 0xff) as u8);
            held >>= 8;
            count -= 8;
        }
    };
    let reversed = |value: u64, bits: u32| value.reverse_bits() >> (64 - bits);
    // The last block, fixed codes; a space is 0x30 + 0x20 in 8 bits.
    put(1, 1);
    put(1, 2);
    put(reversed(0x50, 8), 8);
    for _ in 0..spaces / 258 {
        // Length 258 is code 285, distance 1 is code 0.
        put(reversed(0b1100_0101, 8), 8);
        put(0, 5);
    }
    put(0, 7);
    put(0, 7);
    bytes
}
