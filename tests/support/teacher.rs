//! A teacher for tests and benches: an OpenAI-shaped HTTP server on the loopback that answers what a script says, after a given
//! time, and keeps its own record of what was asked: the independent oracle of what was bought.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the teacher does with the `n`-th request (from 1).
pub type Script = dyn Fn(u64, &Request) -> Reply + Send + Sync;

/// What came over the wire.
pub struct Request {
    /// Request line and headers.
    pub head: String,
    /// Body.
    pub body: String,
}

/// One reply.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Status, extra header lines (each with its CRLF), body.
    Http(u16, String, String),
    /// Closes the connection without an answer.
    Reset,
    /// Announces the whole body and sends half of it.
    Half(String),
    /// Never answers.
    Never,
    /// These bytes, so many at a time and so long between two of them; closes after them.
    Drip(Vec<u8>, usize, Duration),
    /// That, so much later.
    After(Duration, Box<Reply>),
}

impl Reply {
    /// A complete answer of that text.
    pub fn text(text: &str) -> Self {
        Self::Http(200, String::new(), completion(text, "stop"))
    }
}

/// Body of a chat completion: 14 tokens in, 34 out.
pub fn completion(text: &str, finish: &str) -> String {
    let text = serde_json::Value::from(text);
    format!(
        r#"{{"id":"r","object":"chat.completion","model":"test","choices":[{{"index":0,"message":{{"role":"assistant","content":{text}}},"finish_reason":"{finish}"}}],"usage":{{"prompt_tokens":14,"completion_tokens":34,"total_tokens":48}}}}"#
    )
}

/// The server; it ends with its value.
pub struct Teacher {
    port: u16,
    seen: Arc<Mutex<Seen>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

/// What it has seen.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// When the first request came.
    pub first: Option<Instant>,
    /// When the last answer left.
    pub last: Option<Instant>,
    /// Requests that came.
    pub requests: u64,
    /// Answers that left whole.
    pub answers: u64,
    /// Most requests at once.
    pub most_at_once: u64,
    /// Bodies of the requests, if they are kept.
    pub bodies: Vec<String>,
    /// When each request came, if they are kept.
    pub times: Vec<Instant>,
    at_once: u64,
}

impl Teacher {
    /// Starts it on a free port. `keep` keeps the bodies of requests.
    pub fn start(
        latency: Duration,
        keep: bool,
        script: impl Fn(u64, &str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_on(latency, keep, move |number, request| {
            script(number, &request.body)
        })
    }

    /// The same for a script that reads addresses and headers, too.
    pub fn start_on(
        latency: Duration,
        keep: bool,
        script: impl Fn(u64, &Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (port_in, port_out) = std::sync::mpsc::channel();
        let serving = Arc::new(Serving {
            latency,
            keep,
            script: Box::new(script),
            seen: Arc::clone(&seen),
        });
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
                port_in.send(listener.local_addr().unwrap().port()).unwrap();
                tokio::select! {
                    () = serving.accept(listener) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            port: port_out.recv().unwrap(),
            seen,
            stop: Some(stop),
        }
    }

    /// Base address for an OpenAI-compatible provider.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// Its address without a path.
    pub fn root(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it has seen so far.
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Teacher {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

struct Serving {
    latency: Duration,
    keep: bool,
    script: Box<Script>,
    seen: Arc<Mutex<Seen>>,
}

impl Serving {
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let serving = Arc::clone(&self);
            tokio::spawn(async move { serving.serve(stream).await });
        }
    }

    async fn serve(&self, mut stream: TcpStream) {
        let mut buffer = Vec::with_capacity(4096);
        loop {
            let (head, whole) = loop {
                if let Some(lengths) = request_length(&buffer) {
                    break lengths;
                }
                if !matches!(stream.read_buf(&mut buffer).await, Ok(read) if read > 0) {
                    return;
                }
            };
            let request = Request {
                head: String::from_utf8_lossy(&buffer[..head]).into_owned(),
                body: String::from_utf8_lossy(&buffer[head..whole]).into_owned(),
            };
            buffer.drain(..whole);
            let number = self.came(&request.body);
            if !self.latency.is_zero() {
                tokio::time::sleep(self.latency).await;
            }
            let mut reply = (self.script)(number, &request);
            while let Reply::After(long, then) = reply {
                tokio::time::sleep(long).await;
                reply = *then;
            }
            let mut pace = None;
            let (bytes, closes) = match reply {
                Reply::Http(status, headers, body) => {
                    let length = body.len();
                    let text = format!(
                        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
                    );
                    (text.into_bytes(), false)
                }
                Reply::Half(body) => {
                    let half: String = body.chars().take(body.len() / 2).collect();
                    let text = format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n{half}", body.len());
                    (text.into_bytes(), true)
                }
                Reply::Reset => (Vec::new(), true),
                Reply::Drip(bytes, step, pause) => {
                    pace = Some((step, pause));
                    (bytes, true)
                }
                Reply::Never | Reply::After(..) => std::future::pending().await,
            };
            self.left(!closes);
            let (step, pause) = pace.unwrap_or((usize::MAX, Duration::ZERO));
            for piece in bytes.chunks(step) {
                if stream.write_all(piece).await.is_err() {
                    return;
                }
                if pace.is_some() {
                    tokio::time::sleep(pause).await;
                }
            }
            if closes {
                return;
            }
        }
    }

    fn came(&self, body: &str) -> u64 {
        let mut seen = self.seen.lock().unwrap();
        let now = Instant::now();
        seen.first.get_or_insert(now);
        seen.requests += 1;
        seen.at_once += 1;
        seen.most_at_once = seen.most_at_once.max(seen.at_once);
        if self.keep {
            seen.bodies.push(body.to_owned());
            seen.times.push(now);
        }
        seen.requests
    }

    fn left(&self, whole: bool) {
        let mut seen = self.seen.lock().unwrap();
        seen.at_once -= 1;
        seen.answers += u64::from(whole);
        seen.last = Some(Instant::now());
    }
}

/// Length of the head and of the whole first request in the buffer, once it is whole.
fn request_length(buffer: &[u8]) -> Option<(usize, usize)> {
    let end = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&buffer[..end]).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    let whole = end + length.unwrap_or(0);
    (buffer.len() >= whole).then_some((end, whole))
}
