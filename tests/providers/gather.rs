//! Texts that wait for vectors go together, and each gets its own answer: from an endpoint that takes several, from one that takes one,
//! and from one that does not like one of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use destilation::core::conversation::{Message, Role};
use destilation::core::ports::ModelProvider;
use destilation::core::request::{ModelRequest, Params};
use futures::future::join_all;
use serde_json::{Value, json};

use super::teacher::{Reply, Teacher};
use super::{provider, request};

fn text(text: &str) -> ModelRequest {
    let params = Params {
        vector: true,
        ..Params::default()
    };
    request(vec![Message::text(Role::User, text)], params)
}

/// The texts of a request, however many.
fn inputs(body: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(body).unwrap();
    match &body["input"] {
        Value::Array(all) => all.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap().to_owned()],
    }
}

/// A vector that says which text it is of: its number.
fn vector(text: &str) -> Value {
    let number: f64 = text.rsplit(' ').next().unwrap().parse().unwrap();
    json!([number, 1.0])
}

fn answer(texts: &[String], open_ai: bool) -> Reply {
    let tokens = texts.len() * 3 + 1;
    let body = if open_ai {
        // In the other order, as the index allows.
        let data: Vec<Value> = texts
            .iter()
            .enumerate()
            .rev()
            .map(|(at, text)| json!({"object": "embedding", "index": at, "embedding": vector(text)}))
            .collect();
        json!({"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})
    } else {
        let all: Vec<Value> = texts.iter().map(|text| vector(text)).collect();
        json!({"model": "m", "embeddings": all, "prompt_eval_count": tokens})
    };
    Reply::Http(200, String::new(), body.to_string())
}

/// Asks for vectors of so many texts at once; what each was told, and its tokens.
async fn ask(provider: &Arc<dyn ModelProvider>, many: usize) -> Vec<Result<(String, u64), String>> {
    let one = |number: usize| {
        let provider = Arc::clone(provider);
        async move {
            let request = text(&format!("text number {number}"));
            let response = provider.embed(&request).await.map_err(|error| error.message)?;
            let read = provider.read(&response).map_err(|error| error.message)?;
            Ok((read.text, read.usage.input.unwrap_or(0)))
        }
    };
    join_all((0..many).map(one)).await
}

fn at(teacher: &Teacher, kind: &str) -> Arc<dyn ModelProvider> {
    let base = teacher.url().trim_end_matches("/v1").to_owned();
    let base = if kind == "openai" {
        format!("{base}/v1")
    } else {
        base
    };
    provider(kind, |settings| settings.base_url = Some(base))
}

#[tokio::test]
async fn texts_that_wait_go_together_and_each_has_its_own_vector_and_tokens() {
    for kind in ["openai", "ollama"] {
        let open_ai = kind == "openai";
        let teacher = Teacher::start(Duration::from_millis(60), true, move |_, body| {
            answer(&inputs(body), open_ai)
        });
        let told = ask(&at(&teacher, kind), 150).await;
        for (number, told) in told.iter().enumerate() {
            let (vector, _) = told.as_ref().unwrap();
            assert_eq!(vector, &format!("[{number}.0,1.0]"), "{kind}");
        }
        let seen = teacher.seen();
        // Two go at once as they come, the rest in full requests of 64.
        assert!(
            seen.requests <= 6,
            "{kind}: {} requests for 150 texts",
            seen.requests
        );
        let texts: Vec<String> = seen.bodies.iter().flat_map(|body| inputs(body)).collect();
        assert_eq!(texts.len(), 150, "{kind}: each text is sent once");
        let billed: u64 = seen
            .bodies
            .iter()
            .map(|body| inputs(body).len() as u64 * 3 + 1)
            .sum();
        let counted: u64 = told.iter().map(|told| told.as_ref().unwrap().1).sum();
        assert_eq!(counted, billed, "{kind}: no token is lost or doubled");
    }
}

#[tokio::test]
async fn a_text_alone_goes_alone_at_once() {
    let teacher = Teacher::start(Duration::ZERO, true, |_, body| answer(&inputs(body), true));
    let provider = at(&teacher, "openai");
    assert_eq!(ask(&provider, 1).await[0].as_ref().unwrap().0, "[0.0,1.0]");
    let body: Value = serde_json::from_str(&teacher.seen().bodies[0]).unwrap();
    assert_eq!(
        body["input"], "text number 0",
        "as a text, which every endpoint takes"
    );
}

#[tokio::test]
async fn an_endpoint_that_takes_one_text_is_found_out_once() {
    let teacher = Teacher::start(Duration::from_millis(20), true, |_, body| {
        let texts = inputs(body);
        match texts.len() {
            1 => answer(&texts, true),
            _ => Reply::Http(
                400,
                String::new(),
                json!({"error": {"message": "input must be a string", "type": "invalid_request_error"}})
                    .to_string(),
            ),
        }
    });
    let provider = at(&teacher, "openai");
    for told in [ask(&provider, 20).await, ask(&provider, 20).await] {
        for (number, told) in told.iter().enumerate() {
            assert_eq!(told.as_ref().unwrap().0, format!("[{number}.0,1.0]"));
        }
    }
    let refused = teacher
        .seen()
        .bodies
        .iter()
        .filter(|body| inputs(body).len() > 1)
        .count();
    assert!((1..=2).contains(&refused), "{refused} requests of several");
}

#[tokio::test]
async fn one_text_that_is_too_long_fails_alone_and_a_limit_is_told_to_all() {
    let teacher = Teacher::start(Duration::from_millis(20), true, |_, body| {
        let texts = inputs(body);
        if texts.iter().any(|text| text.ends_with(" 7")) {
            let error =
                json!({"error": {"message": "maximum context length", "type": "invalid_request_error"}});
            return Reply::Http(400, String::new(), error.to_string());
        }
        answer(&texts, true)
    });
    let provider = at(&teacher, "openai");
    let told = ask(&provider, 20).await;
    for (number, told) in told.iter().enumerate() {
        assert_eq!(told.is_err(), number == 7, "{number}: {told:?}");
    }
    // The next ones go together again.
    let before = teacher.seen().requests;
    ask(&provider, 5).await;
    assert!(teacher.seen().requests - before <= 3);
    let full = Teacher::start(Duration::from_millis(20), true, |_, _| {
        Reply::Http(
            429,
            "retry-after: 3\r\n".to_owned(),
            json!({"error": {"message": "slow down"}}).to_string(),
        )
    });
    let told = ask(&at(&full, "openai"), 20).await;
    assert!(told.iter().all(Result::is_err));
    assert!(full.seen().requests <= 4, "{}", full.seen().requests);
}

/// Where texts fail alone as well, the endpoint is at fault: two try it out, a third says so for the rest. Where the texts are, each is
/// told about its own.
#[tokio::test]
async fn an_endpoint_that_fails_each_text_alone_is_not_asked_about_the_rest() {
    for (status, most) in [(500, 2 + 1 + 3), (400, 2 + 1 + 18)] {
        let healed = Arc::new(AtomicBool::new(false));
        let well = Arc::clone(&healed);
        let teacher = Teacher::start(Duration::from_millis(20), true, move |number, body| {
            if well.load(Ordering::Relaxed) {
                return answer(&inputs(body), true);
            }
            let error =
                json!({"error": {"message": format!("no {number}"), "type": "invalid_request_error"}});
            Reply::Http(status, String::new(), error.to_string())
        });
        let provider = at(&teacher, "openai");
        let told = ask(&provider, 20).await;
        let errors: BTreeSet<_> = told.into_iter().map(Result::unwrap_err).collect();
        assert!(errors.iter().all(|said| said.contains("no ")), "{errors:?}");
        let asked = teacher.seen().requests;
        assert_eq!(asked, most, "{status}: {errors:?}");
        // One that was only said for the whole is nobody's own.
        assert_eq!(errors.len() as u64, most - 1, "{status}: {errors:?}");
        // It is no verdict for ever: the next ones find out anew.
        healed.store(true, Ordering::Relaxed);
        assert!(ask(&provider, 20).await.iter().all(Result::is_ok));
        assert!(teacher.seen().requests - asked <= 4, "they go together again");
    }
}

#[tokio::test]
async fn who_stops_waiting_takes_nobody_along_for_ever() {
    let teacher = Teacher::start(Duration::from_millis(80), true, |_, body| {
        answer(&inputs(body), true)
    });
    let provider = at(&teacher, "openai");
    let (first, second) = (text("text number 1"), text("text number 2"));
    // These two take both turns; whoever waits behind them is carried by one that comes later.
    let (one, two) = (provider.embed(&first), provider.embed(&second));
    let rest = ask(&provider, 10);
    let stopped = async {
        let _ = tokio::time::timeout(Duration::from_millis(30), async { tokio::join!(one, two) }).await;
    };
    let ((), told) = tokio::join!(stopped, rest);
    let answered = told.iter().filter(|told| told.is_ok()).count();
    let lost = told
        .iter()
        .filter_map(|told| told.as_ref().err())
        .filter(|message| message.contains("was stopped"))
        .count();
    assert_eq!(answered + lost, 10, "{told:?}");
    assert!(answered >= 5, "{told:?}");
}
