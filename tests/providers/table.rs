//! The action table row by row: what a response of that row makes the engine do, and what the user reads.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use destilation::core::ports::ModelProvider;
use destilation::core::request::{FinishReason, RawResponse};
use proptest::prelude::*;

use crate::{fixture, provider, reaction};

/// Fixture (its name begins with the row), kind, reaction, part of the words for the user.
const ERRORS: &[(&str, &str, &str, &str)] = &[
    (
        "O1_error_in_200",
        "openrouter",
        "retry Server",
        "Provider returned error",
    ),
    (
        "O1_error_type_beside_message",
        "openrouter",
        "fail Request",
        "Bad prompt",
    ),
    (
        "O2_died_after_tokens",
        "openrouter",
        "retry Server billed",
        "t dropped mid-answer; Upstream connection lost",
    ),
    (
        "O2_without_inner_error",
        "openrouter",
        "retry Server billed",
        "t dropped mid-answer; no reason given",
    ),
    (
        "O3_died_in_stream",
        "openrouter",
        "retry Server billed",
        "t dropped mid-answer; ",
    ),
    (
        "O3_no_done",
        "openrouter",
        "retry Network billed",
        "broke off before its end",
    ),
    ("O4_blank_finish", "openrouter", "retry Garbage", "empty answer"),
    ("O4_no_choices", "openrouter", "retry Garbage", "empty answer"),
    (
        "O5_invalid_request",
        "openrouter",
        "fail Request",
        "at least one is required",
    ),
    (
        "O5_model_not_found",
        "openrouter",
        "fail Setup",
        "; try deepseek/deepseek-r1, deepseek/deepseek-chat",
    ),
    ("O6_context", "openrouter", "fail Request", "prompt too long"),
    ("O6_credit_cap", "openrouter", "pause Credit", "out of credit"),
    (
        "O7_key",
        "openrouter",
        "pause Auth",
        "key for t rejected – fix on the Providers screen or in config.toml",
    ),
    ("O8_credit", "openrouter", "pause Credit", "out of credit"),
    (
        "O9_in_flight",
        "openrouter",
        "snooze 3s RateLimit slower",
        "in-flight cap",
    ),
    (
        "O10_moderation",
        "openrouter",
        "fail Request",
        "blocked: violence, self-harm",
    ),
    (
        "O10_guardrail",
        "openrouter",
        "fail Request",
        "blocked: email addresses",
    ),
    (
        "O11_no_endpoints",
        "openrouter",
        "pause Setup",
        "; try qwen/qwen3",
    ),
    (
        "O11_retryable",
        "openrouter",
        "snooze 20s RateLimit slower",
        "cooling down",
    ),
    ("O11_region", "openrouter", "pause Setup", "region"),
    ("O12_timeout", "openrouter", "retry Network billed", "timeout"),
    (
        "O12_gateway_timeout",
        "openrouter",
        "retry Network billed",
        "timeout",
    ),
    (
        "O13_daily",
        "openrouter",
        "pause 43200s RateLimit slower",
        "resumes 00:00 UTC: Rate limit exceeded: free-models-per-day",
    ),
    (
        "O13_minute",
        "openrouter",
        "snooze 30s RateLimit slower",
        "free-models-per-min",
    ),
    (
        "O14_upstream",
        "openrouter",
        "snooze 12s RateLimit slower",
        "busy",
    ),
    (
        "O14_capacity",
        "openrouter",
        "snooze 7s RateLimit slower",
        "No capacity",
    ),
    (
        "O15_unavailable",
        "openrouter",
        "retry Server",
        "DeepInfra: Provider returned error",
    ),
    (
        "O15_overloaded",
        "openrouter",
        "retry 4s Server",
        "Temporarily unavailable",
    ),
    ("O15_server", "openrouter", "retry Server", "Internal error"),
    (
        "O16_cloudflare",
        "openrouter",
        "retry Server",
        "522: Connection timed out</title></head><body>␛[31m",
    ),
    (
        "O16_forbidden_page",
        "openrouter",
        "retry Server",
        "Just a moment",
    ),
    (
        "A1_rate_limit",
        "openai",
        "snooze 20s RateLimit slower",
        "rate limit",
    ),
    (
        "A1_tokens",
        "openai",
        "snooze 360s RateLimit slower",
        "rate limit",
    ),
    (
        "A1_in_words",
        "openai",
        "snooze 1.5s RateLimit slower",
        "rate limit",
    ),
    (
        "A1_long",
        "openai",
        "pause 43200s RateLimit slower",
        "resumes 00:00 UTC",
    ),
    (
        "A2_quota",
        "openai",
        "pause Credit",
        "out of credit or past the month's cap",
    ),
    ("A3_key", "openai", "pause Auth", "key for t rejected"),
    ("A3_country", "openai", "pause Auth", "access refused: Country"),
    ("A4_context", "openai", "fail Request", "prompt too long"),
    ("A4_parameter", "openai", "fail Request", "Unsupported parameter"),
    ("A8_slow_down", "openai", "retry Server", "Slow down"),
    ("A8_overloaded", "openai", "retry Server", "overloaded"),
    ("A8_server", "openai", "retry Server", "had an error"),
    ("A9_error_event", "openai", "retry Server billed", "boom"),
    ("A9_error_in_data", "openai", "retry Server billed", "boom"),
    ("C1_overloaded", "anthropic", "retry Server slower", "overloaded"),
    (
        "C1_in_stream",
        "anthropic",
        "retry Server billed slower",
        "overloaded",
    ),
    (
        "C2_rate_limit",
        "anthropic",
        "snooze 17s RateLimit slower",
        "50 requests per minute",
    ),
    ("C3_spend_cap", "anthropic", "pause 734400s Credit", "next month"),
    ("C4_workspace", "anthropic", "pause Credit", "workspace"),
    ("C4_billing", "anthropic", "pause Credit", "billing"),
    ("C4_balance", "anthropic", "pause Credit", "credit balance"),
    ("C5_window", "anthropic", "fail Request", "context"),
    ("C5_pause_turn", "anthropic", "fail Request", "paused"),
    ("C6_too_large", "anthropic", "fail Request", "too large"),
    (
        "L1_missing",
        "ollama",
        "pause 30s Setup",
        "run `ollama pull qwen9`",
    ),
    (
        "L1_pull_first",
        "ollama",
        "pause 30s Setup",
        "run `ollama pull llama7`",
    ),
    ("L2_busy", "ollama", "snooze 2s Server slower", "queue full"),
    ("L3_memory", "ollama", "pause Setup", "48.2 GiB"),
    ("L4_load", "ollama", "retry Garbage", "loading model…"),
    ("L4_unload", "ollama", "retry Garbage", "loading model…"),
    (
        "L5_error_line",
        "ollama",
        "retry Server",
        "t dropped mid-answer; an error was encountered",
    ),
    ("L5_no_done", "ollama", "retry Network billed", "broke off"),
    ("L5_cut_line", "ollama", "retry Network billed", "broke off"),
    ("L8_string", "ollama", "retry Server", "something broke"),
    ("L8_object", "ollama", "retry Server", "something broke"),
    ("V1_context", "openai", "fail Request", "prompt too long"),
    ("V1_bad_input", "openai", "fail Request", "top_k"),
    ("V1_unprocessable", "openai", "fail Request", "field required"),
    ("V1_unknown_model", "openai", "pause Setup", "unknown model"),
    ("V2_engine", "openai", "retry Server", "EngineCore"),
    (
        "G1_context_400",
        "openai",
        "fail Request",
        "4019 tokens of at most 2048",
    ),
    (
        "G1_context_200",
        "openai",
        "fail Request",
        "4019 tokens of at most 2048",
    ),
    (
        "G1_context_500",
        "openai",
        "fail Request",
        "4019 tokens of at most 2048",
    ),
    ("G2_key", "openai", "pause Auth", "key for t rejected"),
    ("G2_grammar", "openai", "fail Setup", "schema"),
    ("G3_loading", "openai", "snooze 5s Server", "loading model…"),
    ("G3_sleeping", "openai", "snooze 5s Server", "loading model…"),
    ("G4_zero_deltas", "openai", "retry Garbage", "empty answer"),
    ("N3_cut_json", "openai", "retry Garbage", "not an answer"),
    (
        "N4_html",
        "openai",
        "retry Garbage",
        "not an answer: <html><body>Welcome to nginx",
    ),
    ("N4_html", "anthropic", "retry Garbage", "not an answer"),
    ("N4_html", "ollama", "retry Garbage", "not an answer"),
    ("N4_empty", "openai", "retry Garbage", "empty body"),
    ("N4_other_json", "openai", "retry Garbage", "not an answer"),
    ("N5_redirect", "anthropic", "pause Setup", "base_url"),
];

/// Answers that are no plain success, but answers: fixture, kind, how they end.
const ANSWERS: &[(&str, &str, FinishReason)] = &[
    ("A5_length", "openai", FinishReason::Length),
    ("A6_filtered", "openai", FinishReason::ContentFilter),
    ("A7_refusal", "openai", FinishReason::Refusal),
    ("C5_max_tokens", "anthropic", FinishReason::Length),
    ("C5_refusal", "anthropic", FinishReason::Refusal),
    ("L6_length", "ollama", FinishReason::Length),
    ("V3_slow_success", "openai", FinishReason::Stop),
    ("N6_usage_null", "openai", FinishReason::Stop),
    ("N6_usage_missing", "openai", FinishReason::Stop),
];

/// One provider a kind for the whole file: making a client is not free.
fn reader(kind: &str) -> Arc<dyn ModelProvider> {
    static READERS: LazyLock<Vec<(&str, Arc<dyn ModelProvider>)>> = LazyLock::new(|| {
        let kinds = ["openai", "openrouter", "anthropic", "ollama", "mock"];
        kinds.map(|kind| (kind, provider(kind, |_| {}))).to_vec()
    });
    READERS
        .iter()
        .find(|(known, _)| *known == kind)
        .unwrap()
        .1
        .clone()
}

#[test]
fn every_error_has_its_action_and_its_words() {
    let mut all = String::new();
    for (name, kind, expected, words) in ERRORS {
        let error = reader(kind).read(&fixture(name)).expect_err(name);
        all += &format!("{name} ({kind}): {}\n    {}\n", reaction(&error), error.message);
        assert_eq!(reaction(&error), *expected, "{name}: {}", error.message);
        assert!(
            error.message.contains(words),
            "{name}: {:?} lacks {words:?}",
            error.message
        );
        assert!(
            !error.message.chars().any(char::is_control),
            "{name}: {:?}",
            error.message
        );
        assert!(error.message.chars().count() < 400, "{name}: {}", error.message);
    }
    insta::assert_snapshot!("what_the_user_reads", all);
}

#[test]
fn every_odd_answer_says_how_it_ended() {
    for (name, kind, expected) in ANSWERS {
        let answer = reader(kind).read(&fixture(name)).expect(name);
        assert_eq!(&answer.finish, expected, "{name}");
        assert!(!answer.text.is_empty(), "{name}");
    }
    for word in ["sensitive", "network_error"] {
        let answer = reader("openai").read(&fixture(&format!("N7_{word}"))).unwrap();
        assert_eq!(answer.finish, FinishReason::Other(word.to_owned()));
    }
    let refused = reader("openai").read(&fixture("A7_refusal")).unwrap();
    assert_eq!(refused.text, "I'm sorry, I can't help with that.");
}

/// Rows O17, N1 and N2, L7 have no response: they are in `network`.
#[test]
fn every_row_of_the_table_has_a_fixture_that_is_read_here() {
    let rows = [
        ("O", 1..=16),
        ("A", 1..=9),
        ("C", 1..=6),
        ("L", 1..=8),
        ("V", 1..=3),
        ("G", 1..=4),
        ("N", 3..=7),
    ];
    let used: BTreeSet<&str> = ERRORS
        .iter()
        .map(|(name, ..)| *name)
        .chain(ANSWERS.iter().map(|(name, ..)| *name))
        .chain(["N7_sensitive", "N7_network_error"])
        .collect();
    for (family, numbers) in rows {
        for number in numbers.filter(|number| (family, *number) != ("L", 7)) {
            let row = format!("{family}{number}_");
            assert!(
                used.iter().any(|name| name.starts_with(&row)),
                "row {row} has no fixture"
            );
        }
    }
    let directory = format!("{}/tests/fixtures/providers/table", env!("CARGO_MANIFEST_DIR"));
    for file in std::fs::read_dir(directory).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".http");
        assert!(
            name.starts_with("answer_") || used.contains(name),
            "{name} is read by no test"
        );
    }
}

#[test]
fn what_was_flagged_and_where_it_is_documented_stays_out_of_the_words() {
    let read = |name: &str| reader("openrouter").read(&fixture(name)).unwrap_err().message;
    assert!(!read("O10_moderation").contains("SECRET-INPUT"));
    assert!(!read("O5_model_not_found").contains("http"));
}

#[test]
fn what_failed_may_still_have_cost() {
    let openrouter = reader("openrouter");
    let usage = openrouter.usage(&fixture("O2_died_after_tokens"));
    assert_eq!(
        (usage.input, usage.output, usage.usd.map(|usd| usd.0)),
        (Some(10), Some(6), Some(420))
    );
    let usage = reader("anthropic").usage(&fixture("C1_in_stream"));
    assert_eq!((usage.input, usage.output), (Some(5), Some(1)));
    let usage = reader("openai").usage(&fixture("N4_html"));
    assert_eq!(usage, destilation::core::request::Usage::default());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    /// Any bytes with any status and headers become an answer or an error, never a panic; what is said of them can be shown.
    #[test]
    fn reading_is_total(status in 0_u16..=999, body in body(), kind in content_type(), hint in ".{0,20}") {
        let response = RawResponse {
            status,
            headers: vec![("content-type".into(), kind), ("retry-after".into(), hint.clone()), ("date".into(), hint)],
            body,
            latency: std::time::Duration::ZERO,
        };
        for kind in ["openai", "openrouter", "anthropic", "ollama", "mock"] {
            let provider = reader(kind);
            let _ = (provider.usage(&response), provider.rate_hint(&response));
            if let Err(error) = provider.read(&response) {
                prop_assert!(!error.message.chars().any(char::is_control));
            }
        }
    }
}

/// Noise, and noise that looks like the real thing: fixtures cut anywhere, with a byte changed.
fn body() -> impl Strategy<Value = String> {
    let names: Vec<&str> = ERRORS
        .iter()
        .map(|(name, ..)| *name)
        .chain(ANSWERS.iter().map(|(name, ..)| *name))
        .collect();
    let damaged = (
        prop::sample::select(names),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        any::<char>(),
    )
        .prop_map(|(name, cut, at, other)| {
            let mut characters: Vec<char> = fixture(name).body.chars().collect();
            if !characters.is_empty() {
                let place = at.index(characters.len());
                characters[place] = other;
                characters.truncate(cut.index(characters.len()) + 1);
            }
            characters.into_iter().collect()
        });
    prop_oneof![any::<String>(), "[\\[\\]{}\":,0-9a-z]{0,40}", damaged]
}

fn content_type() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "application/json",
        "text/event-stream",
        "text/html",
        "application/x-ndjson",
        "",
    ])
    .prop_map(str::to_owned)
}
