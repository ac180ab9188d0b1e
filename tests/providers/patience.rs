//! What a server takes its time with, where a line breaks, and what it says about waiting: no longer than the time-out, never an
//! answer, never out of bounds. (E8, E11 and E13 of docs/proofs.md.)

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use destilation::core::ports::ModelProvider;
use destilation::core::request::{Action, RawResponse, Trouble};
use futures::StreamExt;
use proptest::prelude::*;

use crate::stub::{Manner, Stub};
use crate::{provider, question};

/// An answer of each wire, and each way to frame it.
fn answers() -> Vec<(&'static str, Vec<u8>)> {
    let chat = r#"{"id":"r","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Paris."},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;
    let messages = r#"{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Paris."}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}}"#;
    let ollama = r#"{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"Paris."},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":2}"#;
    let stream = "data: {\"id\":\"r\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Paris.\"},\"finish_reason\":null}]}\n\n\
                  data: {\"id\":\"r\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n\
                  data: [DONE]\n\n";
    let sized = |body: &str| {
        let length = body.len();
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
            .into_bytes()
    };
    let chunked = |kind: &str, body: &str| {
        let (first, second) = body.split_at(body.len() / 2);
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
            first.len(),
            second.len()
        )
        .into_bytes()
    };
    vec![
        ("openai", sized(chat)),
        ("openai", chunked("application/json", chat)),
        ("openai", chunked("text/event-stream", stream)),
        ("openrouter", sized(chat)),
        ("anthropic", sized(messages)),
        ("ollama", sized(ollama)),
    ]
}

/// Whether what the provider gets is an answer.
async fn is_answered(provider: &dyn ModelProvider) -> Result<bool, String> {
    let answered = match provider.send(&question("Where?")).await {
        Ok(response) => provider.read(&response),
        Err(error) => Err(error),
    };
    match answered {
        Ok(_) => Ok(true),
        Err(error) if error.trouble == Trouble::Network => Ok(false),
        Err(error) => Err(format!("{:?}: {}", error.trouble, error.message)),
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_at_any_byte_is_none() {
    for (kind, bytes) in answers() {
        let whole = Stub::start(Manner::Bytes(bytes.clone())).await;
        let at = |server: &Stub| provider(kind, |settings| settings.base_url = Some(server.base.clone()));
        assert_eq!(is_answered(&*at(&whole)).await, Ok(true), "{kind}");
        let server = Stub::start(Manner::Torn(bytes.clone())).await;
        let torn = at(&server);
        let times = bytes.len() * 2;
        let ends = futures::stream::iter(0..times).map(|_| is_answered(&*torn));
        let ends: Vec<_> = ends.buffer_unordered(16).collect().await;
        let wrong: Vec<_> = ends.iter().filter(|end| **end != Ok(false)).collect();
        assert!(wrong.is_empty(), "{kind}: {wrong:?}");
        assert_eq!(
            server.asked().len(),
            times,
            "one retry layer only, and it is not this one"
        );
    }
}

#[tokio::test]
async fn no_silence_lasts_longer_than_the_time_out() {
    let long = Duration::from_secs(2);
    let head = |rest: &str| format!("HTTP/1.1 200 OK\r\n{rest}\r\n\r\n").into_bytes();
    let started = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n".to_vec(),
        b"{\"id\":\"r\",".to_vec(),
    ]
    .concat();
    let shapes = [
        ("never", Manner::Never),
        ("some bytes, then nothing", Manner::Stall(started)),
        ("a head, then nothing", Manner::Stall(head("content-length: 900"))),
        (
            "half a head, then nothing",
            Manner::Stall(b"HTTP/1.1 200 OK\r\ncont".to_vec()),
        ),
        ("drop by drop", Manner::Drip(head("content-length: 100000"))),
        (
            "drop by drop in the head",
            Manner::Drip(b"HTTP/1.1 200 OK\r\nx: ".to_vec()),
        ),
    ];
    let waits = shapes.map(|(name, manner)| async move {
        let server = Stub::start(manner).await;
        let provider = provider("openai", |settings| {
            settings.base_url = Some(server.base.clone());
            settings.timeout_seconds = Some(long.as_secs());
        });
        let begun = Instant::now();
        let error = provider.send(&question("Hello?")).await.unwrap_err();
        let took = begun.elapsed();
        assert_eq!(error.trouble, Trouble::Network, "{name}: {}", error.message);
        // Five in a hundred are the promise; the rest is for a busy machine.
        assert!(
            took >= long.mul_f64(0.95) && took <= long.mul_f64(1.25),
            "{name}: {took:?} instead of {long:?}"
        );
    });
    futures::future::join_all(waits).await;
}

#[tokio::test]
async fn a_server_that_only_closes_its_side_is_not_waited_for() {
    let server = Stub::start(Manner::HalfClose).await;
    let provider = provider("openai", |settings| settings.base_url = Some(server.base.clone()));
    let begun = Instant::now();
    let error = provider.send(&question("Hello?")).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Network, "{}", error.message);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// What a header about waiting may hold.
fn said() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<f64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        ".{0,40}",
        "[0-9a-zA-Z:, .+-]{0,40}",
        proptest::sample::select(vec![
            "-1",
            "1e9",
            "1e308",
            "NaN",
            "inf",
            "-inf",
            "0",
            "0x10",
            "5, 6",
            "1_000",
            "٣",
            "",
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Mon, 99 Foo 2026 25:61:61 GMT",
            "18446744073709551616",
            "99999999999999999999999999999999999999999999",
        ])
        .prop_map(str::to_owned),
    ]
}

/// One of each wire.
static READERS: LazyLock<[Arc<dyn ModelProvider>; 4]> =
    LazyLock::new(|| ["openai", "openrouter", "anthropic", "ollama"].map(|kind| provider(kind, |_| ())));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn whatever_a_server_says_about_waiting_nobody_waits_for_ever(
        status in proptest::sample::select(vec![429_u16, 500, 503, 529, 402, 413]),
        names in proptest::collection::vec(proptest::sample::select(vec![
            "retry-after", "retry-after-ms", "x-ratelimit-reset", "x-ratelimit-reset-requests",
            "x-ratelimit-remaining", "anthropic-ratelimit-requests-reset", "date",
        ]), 0..4),
        values in proptest::collection::vec(said(), 4),
        kind in 0..4_usize,
    ) {
        let headers = names.iter().zip(&values).map(|(name, value)| ((*name).to_owned(), value.clone()));
        let response = RawResponse {
            status,
            headers: headers.collect(),
            body: r#"{"error":{"message":"not now","type":"rate_limit_error"}}"#.to_owned(),
            latency: Duration::ZERO,
        };
        let error = READERS[kind].read(&response).unwrap_err();
        let wait = match error.action {
            Action::Retry { after } => after.unwrap_or_default(),
            Action::Snooze(wait) => wait,
            Action::Pause { resume_after } => resume_after.unwrap_or_default(),
            Action::Fail => Duration::ZERO,
        };
        // What waits longer than a quarter of an hour waits as a provider that everybody sees paused, and a year is the most.
        let most = match error.action {
            Action::Pause { .. } => Duration::from_hours(366 * 24),
            _ => Duration::from_mins(15),
        };
        prop_assert!(wait <= most, "{:?} for {:?}", error.action, response.headers);
    }
}
