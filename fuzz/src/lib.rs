//! What several fuzz targets share: a reader of every wire, and the form in which the fixtures of the tests keep a response.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use destilation::core::ports::ModelProvider;
use destilation::core::request::RawResponse;
use destilation::core::settings::ProviderSettings;
use destilation::providers::CATALOG;

/// The kinds with a wire of their own, each with a provider that reads it. Nothing is ever sent.
pub static READERS: LazyLock<Vec<(&str, Arc<dyn ModelProvider>)>> = LazyLock::new(|| {
    let kinds = ["openai", "openrouter", "anthropic", "ollama", "script", "mock"];
    kinds.map(|kind| (kind, reader(kind))).to_vec()
});

fn reader(kind: &str) -> Arc<dyn ModelProvider> {
    let settings = ProviderSettings {
        name: "t".to_owned(),
        kind: kind.to_owned(),
        // Loopback in clear: no certificates are looked for.
        base_url: Some("http://127.0.0.1:9".to_owned()).filter(|_| !matches!(kind, "script" | "mock")),
        command: vec!["true".to_owned()],
        ..ProviderSettings::default()
    };
    (CATALOG.find(kind).unwrap().build)(&settings, None).unwrap_or_else(|error| panic!("{kind}: {error}"))
}

/// The reader of that kind.
pub fn of_kind(kind: &str) -> &'static dyn ModelProvider {
    let known = READERS.iter().find(|(known, _)| *known == kind);
    known.unwrap().1.as_ref()
}

/// A response as `tests/fixtures/providers` keeps them: status line, headers, blank line, body. What is no such text is all body.
pub fn response(text: &str) -> RawResponse {
    let parts = text.split_once("\r\n\r\n").or_else(|| text.split_once("\n\n"));
    let (head, body) = parts.unwrap_or(("", text));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": "));
    made(
        status.unwrap_or(200),
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())),
        body.to_owned(),
    )
}

/// A response of these parts.
pub fn made(status: u16, headers: impl IntoIterator<Item = (String, String)>, body: String) -> RawResponse {
    RawResponse {
        status,
        headers: headers.into_iter().collect(),
        body,
        latency: Duration::ZERO,
    }
}
