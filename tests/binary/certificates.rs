//! Servers whose certificate is not in order: each is refused before a byte of the key leaves, at once and with words that help. The same
//! server with a certificate from somebody this machine trusts is asked as any other.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::job;
use crate::sandbox::Sandbox;
use crate::teacher::completion;

const KEY: &str = "CANARY-0123456789abcdef";

/// A TLS server on the loopback that answers every request alike; its thread ends with the tests.
struct Server {
    port: u16,
    heard: Arc<Mutex<Heard>>,
}

/// What came to a server.
#[derive(Default)]
struct Heard {
    /// Connections.
    knocks: usize,
    /// Bytes as they came over the wire, then what they said, if the handshake succeeded.
    bytes: Vec<u8>,
}

/// A connection with a record of what came over it.
struct Tapped(TcpStream, Arc<Mutex<Heard>>);

impl Read for Tapped {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.0.read(buffer)?;
        self.1.lock().unwrap().bytes.extend(&buffer[..length]);
        Ok(length)
    }
}

impl Write for Tapped {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl Server {
    /// One that shows this certificate; `None` speaks no TLS at all.
    fn start(shown: Option<(CertificateDer<'static>, KeyPair)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::<Mutex<Heard>>::default();
        let tls = shown.map(|(certificate, key)| {
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth();
            Arc::new(config.with_single_cert(vec![certificate], key).unwrap())
        });
        let seen = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (tls, seen) = (tls.clone(), Arc::clone(&seen));
                seen.lock().unwrap().knocks += 1;
                std::thread::spawn(move || {
                    let tapped = Tapped(stream.unwrap(), Arc::clone(&seen));
                    // A client that hangs up is what most of these tests want.
                    let _ = match tls {
                        Some(tls) => answer(
                            StreamOwned::new(ServerConnection::new(tls).unwrap(), tapped),
                            &seen,
                        ),
                        None => refuse(tapped),
                    };
                });
            }
        });
        Self { port, heard }
    }

    fn knocks(&self) -> usize {
        self.heard.lock().unwrap().knocks
    }

    fn heard_the_key(&self) -> bool {
        let heard = self.heard.lock().unwrap();
        heard
            .bytes
            .windows(KEY.len())
            .any(|bytes| bytes == KEY.as_bytes())
    }
}

/// Takes the first of TLS for a request that makes no sense.
fn refuse(mut stream: impl Read + Write) -> std::io::Result<()> {
    let _ = stream.read(&mut [0; 4096])?;
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
}

/// Answers one request in the shape of OpenAI.
fn answer(mut stream: impl Read + Write, seen: &Mutex<Heard>) -> std::io::Result<()> {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        request.extend(&buffer[..length]);
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            body.len() >= length.unwrap_or(0)
        });
        if whole {
            break;
        }
    }
    seen.lock().unwrap().bytes.extend(&request);
    let body = completion("ok", "stop");
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    stream.flush()
}

/// Somebody who signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "whom these tests trust");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// A server with a certificate for that name, changed by `change`.
    fn server(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Server {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        Server::start(Some((signed.der().clone(), key)))
    }
}

/// A home in which `trusted` is trusted, and a provider of that kind with the key asks that server.
fn home(trusted: &Authority, kind: &str, server: &Server) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("root.pem", &trusted.pem);
    let config = format!(
        "[[providers]]\nname = \"t\"\nkind = \"{kind}\"\nbase_url = \"https://localhost:{}/v1\"\n\
         api_key = {{ env = \"TLS_KEY\" }}\n[[providers.models]]\nid = \"m\"\ncapabilities = [\"chat\"]\n",
        server.port
    );
    sandbox.write("destiler.toml", &config);
    sandbox
}

/// Runs it with the key, and with `root.pem` as all that is trusted.
fn run(sandbox: &Sandbox, words: &[&str]) -> crate::sandbox::Ran {
    let mut command = sandbox.command(words);
    command
        .env("TLS_KEY", KEY)
        .env("SSL_CERT_FILE", sandbox.path("root.pem"));
    command.output().unwrap().into()
}

#[test]
fn a_certificate_that_is_not_in_order_is_refused_and_the_key_stays_here() {
    let authority = Authority::new();
    let own_key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let own = own.self_signed(&own_key).unwrap().der().clone();
    for (server, words) in [
        (
            Server::start(Some((own, own_key))),
            ["nobody this machine trusts", "system's certificates"],
        ),
        (
            Authority::new().server("localhost", |_| {}),
            ["did not sign it", "in its place"],
        ),
        (
            authority.server("elsewhere.example", |_| {}),
            ["elsewhere.example", "base_url"],
        ),
        (
            authority.server("localhost", |params| params.not_after = date_time_ymd(2020, 1, 2)),
            ["expired on 2020-01-02", "clock"],
        ),
        (
            authority.server("localhost", |params| {
                params.not_before = date_time_ymd(2390, 1, 2);
            }),
            ["valid from 2390-01-02", "clock"],
        ),
        (Server::start(None), ["does not speak TLS", "base_url"]),
    ] {
        for kind in ["openai", "openrouter", "anthropic", "ollama"] {
            let sandbox = home(&authority, kind, &server);
            let before = server.knocks();
            let ran = run(&sandbox, &["providers", "test", "t"]).expect_code(9);
            for words in words {
                assert!(ran.stderr.contains(words), "{kind}: {}", ran.stderr);
            }
            assert!(
                !ran.stderr.contains("ollama serve") && !ran.stderr.contains("server running"),
                "{}",
                ran.stderr
            );
            assert!(server.knocks() > before, "it was asked");
        }
        assert!(!server.heard_the_key(), "{words:?}");
    }
}

#[test]
fn a_certificate_of_somebody_trusted_is_taken() {
    let authority = Authority::new();
    let server = authority.server("localhost", |_| {});
    let sandbox = home(&authority, "openai", &server);
    let ran = run(&sandbox, &["providers", "test", "t"]).expect_code(0);
    assert!(ran.stdout.contains("t/m answered"), "{}", ran.stdout);
    assert!(server.heard_the_key());
}

/// Waiting heals no certificate: the job pauses at the first request, not after the five minutes a server may be away.
#[test]
fn a_job_whose_teacher_has_no_certificate_to_trust_pauses_at_once_and_goes_on_when_it_has() {
    let authority = Authority::new();
    let expired = authority.server("localhost", |params| params.not_after = date_time_ymd(2020, 1, 2));
    let sandbox = home(&authority, "openai", &expired);
    sandbox.write("job.toml", &job(20, 4, ""));
    let began = Instant::now();
    let summary = run(&sandbox, &["run", "job.toml", "--json"])
        .expect_code(9)
        .summary();
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
    assert_eq!(summary["state"], "paused", "{summary}");
    let reason = summary["reason"].as_str().unwrap();
    assert!(reason.contains("expired on 2020-01-02"), "{reason}");
    assert_eq!(summary["tasks"]["pending"], 20, "{summary}");
    assert_eq!(summary["requests"]["maybe_billed_twice"], 0, "{summary}");
    assert!(expired.knocks() <= 4 && !expired.heard_the_key());
    let renewed = authority.server("localhost", |_| {});
    let config = sandbox
        .read("destiler.toml")
        .replace(&expired.port.to_string(), &renewed.port.to_string());
    sandbox.write("destiler.toml", &config);
    let summary = run(&sandbox, &["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(summary["tasks"]["accepted"], 20, "{summary}");
    assert!(renewed.heard_the_key());
}
