//! The providers' wing from outside: every row of its action table, every wire in and out, a hostile network, plugin processes, the mock
//! teacher and cassettes. Offline; servers are sockets on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed"
)]

#[path = "providers/answers.rs"]
mod answers;
#[path = "providers/gather.rs"]
mod gather;
#[path = "providers/mock.rs"]
mod mock;
#[path = "providers/network.rs"]
mod network;
#[path = "providers/patience.rs"]
mod patience;
#[path = "providers/replay.rs"]
mod replay;
#[path = "providers/requests.rs"]
mod requests;
#[path = "providers/script.rs"]
mod script;
#[path = "providers/stub.rs"]
mod stub;
#[path = "providers/table.rs"]
mod table;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "support/teacher.rs"]
mod teacher;

use std::sync::Arc;
use std::time::Duration;

use destilation::core::conversation::{Message, Role};
use destilation::core::ports::ModelProvider;
use destilation::core::request::{Action, ModelRequest, Params, ProviderError, RawResponse};
use destilation::core::settings::ProviderSettings;
use destilation::providers::CATALOG;

/// A provider of that kind, named `t`, without a key.
fn provider(kind: &str, change: impl FnOnce(&mut ProviderSettings)) -> Arc<dyn ModelProvider> {
    let mut settings = ProviderSettings {
        name: "t".to_owned(),
        kind: kind.to_owned(),
        timeout_seconds: Some(20),
        ..Default::default()
    };
    change(&mut settings);
    (CATALOG.find(kind).unwrap().build)(&settings, None).unwrap()
}

/// A question without a schema; its fingerprint depends on the text.
fn question(text: &str) -> ModelRequest {
    let messages = vec![
        Message::text(Role::System, "Answer briefly."),
        Message::text(Role::User, text),
    ];
    let params = Params {
        max_tokens: Some(64),
        temperature: Some(0.0),
        ..Params::default()
    };
    request(messages, params)
}

/// That to the model `m`.
fn request(messages: Vec<Message>, params: Params) -> ModelRequest {
    ModelRequest {
        completion: false,
        fingerprint: ModelRequest::fingerprint("m", &messages, None, &params, "0/0/0"),
        model: "m".to_owned(),
        messages,
        schema: None,
        params,
    }
}

/// A response of the table: status line, headers, blank line, body.
fn fixture(name: &str) -> RawResponse {
    let path = format!(
        "{}/tests/fixtures/providers/table/{name}.http",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let (head, body) = text.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.map(|line| line.split_once(": ").unwrap());
    RawResponse {
        status,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
        latency: Duration::ZERO,
    }
}

/// An error as one line: action, trouble, flags.
fn reaction(error: &ProviderError) -> String {
    let seconds = |wait: Duration| {
        let wait = wait.as_secs_f64();
        format!(" {wait}s")
    };
    let action = match error.action {
        Action::Retry { after } => format!("retry{}", after.map(seconds).unwrap_or_default()),
        Action::Snooze(wait) => format!("snooze{}", seconds(wait)),
        Action::Fail => "fail".to_owned(),
        Action::Pause { resume_after } => format!("pause{}", resume_after.map(seconds).unwrap_or_default()),
    };
    let trouble = format!("{:?}", error.trouble);
    let billed = if error.maybe_billed { " billed" } else { "" };
    let slower = if error.slow_down { " slower" } else { "" };
    format!("{action} {trouble}{billed}{slower}")
}
