//! A server on loopback that misbehaves on demand and remembers what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What it does with a request.
#[derive(Clone)]
pub enum Manner {
    /// Writes these bytes and closes.
    Bytes(Vec<u8>),
    /// Resets the connection.
    Reset,
    /// Writes none of these bytes the first two times, one the next two times, and so on; closes the connection, and resets it every
    /// other time.
    Torn(Vec<u8>),
    /// Closes its side and reads on.
    HalfClose,
    /// Reads on and never answers.
    Never,
    /// Writes these bytes, then holds the connection open.
    Stall(Vec<u8>),
    /// Writes these bytes, then one more every 50 ms.
    Drip(Vec<u8>),
    /// Writes these bytes, then 40 MiB of spaces.
    Flood(Vec<u8>),
}

/// A running server. Stops when dropped.
pub struct Stub {
    /// `http://127.0.0.1:PORT`
    pub base: String,
    asked: Arc<Mutex<Vec<String>>>,
    closed: Arc<Mutex<u32>>,
    task: JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stub {
    /// A server of one manner.
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let closed = Arc::<Mutex<u32>>::default();
        let (seen, ended) = (asked.clone(), closed.clone());
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, manner.clone(), seen.clone(), ended.clone()));
            }
        });
        Self {
            base,
            asked,
            closed,
            task,
        }
    }

    /// A server that answers with JSON.
    pub async fn json(status: u16, body: &str) -> Self {
        Self::start(Manner::Bytes(http(
            status,
            "content-type: application/json\r\n",
            body,
        )))
        .await
    }

    /// All requests so far: head and body.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// The only request so far: its head and its body as JSON.
    pub fn only_request(&self) -> (String, serde_json::Value) {
        let asked = self.asked();
        assert_eq!(asked.len(), 1, "{asked:?}");
        let (head, body) = asked[0].split_once("\r\n\r\n").unwrap();
        (
            head.to_ascii_lowercase(),
            serde_json::from_str(body).unwrap_or_default(),
        )
    }

    /// Connections that the client closed.
    pub fn closed(&self) -> u32 {
        *self.closed.lock().unwrap()
    }
}

/// A response with its length.
pub fn http(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

async fn serve(mut stream: TcpStream, manner: Manner, seen: Arc<Mutex<Vec<String>>>, ended: Arc<Mutex<u32>>) {
    let Some(request) = read_request(&mut stream).await else {
        return;
    };
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(request);
        seen.len() - 1
    };
    match manner {
        Manner::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
        }
        Manner::Reset => {
            let _ = stream.set_zero_linger();
        }
        Manner::Torn(bytes) => {
            let _ = stream.write_all(&bytes[..number / 2]).await;
            if number % 2 == 1 {
                let _ = stream.set_zero_linger();
            }
        }
        Manner::HalfClose => {
            let _ = stream.shutdown().await;
            wait_for_close(stream, &ended).await;
        }
        Manner::Never => wait_for_close(stream, &ended).await,
        Manner::Stall(bytes) => {
            let _ = stream.write_all(&bytes).await;
            wait_for_close(stream, &ended).await;
        }
        Manner::Drip(bytes) => {
            let _ = stream.write_all(&bytes).await;
            while stream.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Manner::Flood(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let piece = vec![b' '; 1 << 20];
            for _ in 0..40 {
                if stream.write_all(&piece).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn wait_for_close(mut stream: TcpStream, ended: &Mutex<u32>) {
    let mut byte = [0];
    while let Ok(1..) = stream.read(&mut byte).await {}
    *ended.lock().unwrap() += 1;
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text.into_owned());
            }
        }
        match stream.read(&mut buffer).await {
            Ok(length @ 1..) => bytes.extend_from_slice(&buffer[..length]),
            _ => return None,
        }
    }
}
