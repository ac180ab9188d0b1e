//! What the network does to a request: refused, reset, silent, slow, endless, redirected. And where a key may never turn up.

use std::time::Duration;

use destilation::core::request::{Action, ProviderError, Trouble};
use destilation::core::settings::ProviderSettings;
use destilation::providers::CATALOG;
use secrecy::SecretString;

use crate::stub::{Manner, Stub, http};
use crate::{provider, question, reaction};

const CANARY: &str = "CANARY-0123456789abcdef";

async fn ask(kind: &str, base: &str, seconds: u64) -> Result<(), ProviderError> {
    let provider = provider(kind, |settings| {
        settings.base_url = Some(base.to_owned());
        settings.timeout_seconds = Some(seconds);
    });
    let response = provider.send(&question("Hello?")).await?;
    provider.read(&response).map(drop)
}

/// An address where nothing listens.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn n1_nothing_was_sent() {
    let error = ask("openai", &nowhere(), 20).await.unwrap_err();
    assert_eq!(reaction(&error), "snooze 2s Unreachable");
    assert!(
        error.message.contains("127.0.0.1:") && error.message.contains("refused"),
        "{}",
        error.message
    );

    let error = ask("openai", "http://no-such-host.invalid/v1", 20)
        .await
        .unwrap_err();
    assert_eq!(reaction(&error), "snooze 2s Unreachable", "{}", error.message);
    assert!(
        error.message.contains("no-such-host.invalid") && !error.message.contains("/v1"),
        "{}",
        error.message
    );

    let plain = Stub::start(Manner::Bytes(b"I speak no TLS\r\n".to_vec())).await;
    let error = ask("openai", &plain.base.replace("http://", "https://"), 20).await;
    assert_eq!(error.unwrap_err().trouble, Trouble::Unreachable);
}

#[tokio::test]
async fn l7_ollama_is_not_running() {
    let error = ask("ollama", &nowhere(), 20).await.unwrap_err();
    assert_eq!(reaction(&error), "pause 5s Unreachable");
    assert!(error.message.contains("`ollama serve`"), "{}", error.message);
    let ollama = provider("ollama", |settings| settings.base_url = Some(nowhere()));
    assert_eq!(
        reaction(&ollama.probe().await.unwrap_err()),
        "pause 5s Unreachable"
    );
}

#[tokio::test]
async fn n2_the_line_breaks_after_sending() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":".to_vec();
    for manner in [
        Manner::Reset,
        Manner::Bytes(Vec::new()),
        Manner::Bytes(half.clone()),
        Manner::Bytes(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n".to_vec()),
        Manner::Bytes(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope".to_vec()),
        Manner::Never,
        Manner::Stall(half),
        Manner::Drip(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()),
        Manner::Drip(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n".to_vec()),
    ] {
        let server = Stub::start(manner).await;
        let error = ask("openai", &server.base, 1).await.unwrap_err();
        // No answer in time is also what a server that queues without a word looks like.
        let late = error.message.contains("no answer from");
        let expected = if late {
            "retry Network billed slower"
        } else {
            "retry Network billed"
        };
        assert_eq!(reaction(&error), expected, "{}", error.message);
        assert_eq!(
            server.asked().len(),
            1,
            "one retry layer only, and it is not this one"
        );
    }
}

#[tokio::test]
async fn an_error_is_read_even_if_its_body_breaks_off() {
    let bytes = b"HTTP/1.1 429 X\r\nretry-after: 9\r\ncontent-length: 900\r\n\r\n{\"error".to_vec();
    let server = Stub::start(Manner::Bytes(bytes)).await;
    let error = ask("openai", &server.base, 5).await.unwrap_err();
    assert_eq!(reaction(&error), "snooze 9s RateLimit slower");
}

#[tokio::test]
async fn bodies_without_end_are_refused() {
    let bomb = std::fs::read(format!(
        "{}/tests/fixtures/providers/spaces_40_mib.gz",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap();
    let mut zipped = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        bomb.len()
    )
    .into_bytes();
    zipped.extend(bomb);
    let plain = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 40 << 20).into_bytes();
    for manner in [Manner::Bytes(zipped), Manner::Flood(plain)] {
        let server = Stub::start(manner).await;
        let error = ask("openai", &server.base, 60).await.unwrap_err();
        assert_eq!(reaction(&error), "fail Garbage billed", "{}", error.message);
    }
}

#[tokio::test]
async fn n5_a_redirect_is_not_followed() {
    let other = Stub::json(200, "{}").await;
    let head = format!("location: {}/v1\r\n", other.base);
    let server = Stub::start(Manner::Bytes(http(307, &head, ""))).await;
    let error = ask("openai", &server.base, 5).await.unwrap_err();
    assert_eq!(reaction(&error), "pause Setup");
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn o17_a_request_given_up_closes_its_connection() {
    let server = Stub::start(Manner::Never).await;
    let base = server.base.clone();
    let task = tokio::spawn(async move { ask("openrouter", &base, 60).await });
    while server.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    task.abort();
    while server.closed() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn build(
    kind: &str,
    base: &str,
    insecure: bool,
) -> Result<std::sync::Arc<dyn destilation::core::ports::ModelProvider>, String> {
    let settings = ProviderSettings {
        name: "t".to_owned(),
        kind: kind.to_owned(),
        base_url: Some(base.to_owned()),
        allow_insecure_http: insecure,
        timeout_seconds: Some(1),
        ..Default::default()
    };
    let built = (CATALOG.find(kind).unwrap().build)(&settings, Some(SecretString::from(CANARY)));
    built.map_err(|error| format!("{error} {error:?}"))
}

#[tokio::test]
async fn a_key_never_crosses_the_network_in_clear() {
    for kind in ["openai", "openrouter", "anthropic", "ollama"] {
        for base in [
            "http://gateway.example/v1",
            "http://192.168.1.7:8000",
            "http://10.0.0.1",
        ] {
            let error = build(kind, base, false).err().expect("refused");
            assert!(
                error.contains("api_key") && error.contains("allow_insecure_http"),
                "{error}"
            );
            assert!(!error.contains(CANARY));
            assert!(build(kind, base, true).is_ok());
        }
        for base in [
            "http://127.0.0.1:1",
            "http://localhost:1",
            "http://[::1]:1",
            "https://gateway.example/v1",
        ] {
            assert!(build(kind, base, false).is_ok(), "{base}");
        }
        for base in [
            "gateway.example",
            "ftp://gateway.example",
            "https://user:pw@gateway.example",
            "https://g.example/?key=x",
        ] {
            let error = build(kind, base, false).err().expect("refused");
            assert!(error.contains("base_url"), "{error}");
        }
    }
}

/// A server that echoes every header back, in every kind of complaint.
#[tokio::test]
async fn a_key_turns_up_nowhere() {
    let echo = format!("{{\"error\":{{\"message\":\"bad key {CANARY}\",\"code\":401}}}}");
    let header = format!("x-request-id: {CANARY}\r\ncontent-type: application/json\r\n");
    for kind in ["openai", "openrouter", "anthropic", "ollama"] {
        for status in [200, 400, 401, 403, 429, 500] {
            let server = Stub::start(Manner::Bytes(http(status, &header, &echo))).await;
            let provider = build(kind, &server.base, false).unwrap();
            let response = provider.send(&question("Hello?")).await.unwrap();
            let (head, body) = server.only_request();
            assert!(head.contains(&CANARY.to_ascii_lowercase()), "the key was sent");
            let read = provider.read(&response);
            let probed = (provider.probe().await, provider.models().await);
            let everything = format!("{response:?} {read:?} {probed:?} {body}");
            assert!(!everything.contains(CANARY), "{everything}");
        }
        for manner in [Manner::Reset, Manner::Never] {
            let server = Stub::start(manner).await;
            let error = build(kind, &server.base, false)
                .unwrap()
                .send(&question("Hello?"))
                .await
                .unwrap_err();
            assert!(!format!("{error} {error:?}").contains(CANARY));
        }
    }
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_at_the_start() {
    for key in ["", "  ", "two\nlines"] {
        let settings = ProviderSettings {
            name: "t".to_owned(),
            ..Default::default()
        };
        let built = (CATALOG.find("openai").unwrap().build)(&settings, Some(SecretString::from(key)));
        let error = built.err().expect("refused");
        assert_eq!(error.key.as_deref(), Some("api_key"), "{error}");
    }
}

#[tokio::test]
async fn times_in_headers_can_be_read_later_too() {
    let server = Stub::start(Manner::Bytes(http(
        429,
        "retry-after: 3\r\nset-cookie: a=b\r\n",
        "{}",
    )))
    .await;
    let provider = provider("openai", |settings| settings.base_url = Some(server.base.clone()));
    let response = provider.send(&question("Hello?")).await.unwrap();
    assert!(response.header("date").is_some() && response.header("set-cookie").is_none());
    let error = provider.read(&response).unwrap_err();
    assert_eq!(error.action, Action::Snooze(Duration::from_secs(3)));
}
