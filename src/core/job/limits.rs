//! Numbers of a job file: generation parameters and `[limits]`.

use super::read::{Node, Table};
use super::report::Report;
use super::{Limits, OnLimit};
use crate::core::budget::{CapMode, Money};
use crate::core::request::Params;

/// Rows a canary may have: fewer say nothing, and more are no canary.
const CANARY_AT_LEAST: u64 = crate::core::forecast::ROWS_AT_LEAST as u64;
const CANARY_AT_MOST: u64 = 10_000;

/// Most strings that may end an answer.
const STOPS_AT_MOST: usize = 16;

/// The generation parameters that sit directly in a table.
pub(super) fn params(table: &mut Table, report: &mut Report) -> Params {
    let mut number = |key, range, above| {
        let node: Node = table.get(key)?;
        node.number(range, above, report)
    };
    let temperature = number("temperature", 0.0..=2.0, false);
    let top_p = number("top_p", 0.0..=1.0, true);
    let presence_penalty = number("presence_penalty", -2.0..=2.0, false);
    let frequency_penalty = number("frequency_penalty", -2.0..=2.0, false);
    Params {
        temperature,
        top_p,
        top_k: table
            .get("top_k")
            .and_then(|node| node.whole(1..=1_000_000, report)),
        max_tokens: table
            .get("max_tokens")
            .and_then(|node| node.whole(1..=10_000_000, report)),
        seed: table
            .get("seed")
            .and_then(|node| node.whole(0..=u64::MAX, report)),
        stop: table
            .get("stop")
            .and_then(|node| stop(&node, report))
            .unwrap_or_default(),
        presence_penalty,
        frequency_penalty,
        logprobs: table.get("logprobs").and_then(|node| node.whole(0..=20, report)),
        vector: false,
    }
}

fn stop(node: &Node, report: &mut Report) -> Option<Vec<String>> {
    let stops = node.strings(report)?;
    if stops.len() > STOPS_AT_MOST || stops.iter().any(String::is_empty) {
        let message = format!("expected at most {STOPS_AT_MOST} strings, none of them empty");
        report.error(&node.span, &node.path, message);
    }
    Some(stops)
}

pub(super) fn limits(mut table: Table, report: &mut Report) -> Limits {
    let default = Limits::default();
    let usd = table.get("usd");
    let usd = usd.and_then(|node| node.number(0.0..=1e9, false, report));
    let minutes = table.get("minutes");
    let minutes = minutes.and_then(|node| node.number(0.0..=5e7, true, report));
    let cap = table.get("cap").and_then(|node| {
        let words = [
            ("hard", CapMode::Hard),
            ("cautious", CapMode::Cautious),
            ("soft", CapMode::Soft),
        ];
        node.word(&words, report)
    });
    let on_limit = table.get("on_limit").and_then(|node| {
        let words = [("pause", OnLimit::Pause), ("stop", OnLimit::Stop)];
        node.word(&words, report)
    });
    let limits = Limits {
        usd: usd.map(Money::from_usd),
        tokens: table
            .get("tokens")
            .and_then(|node| node.whole(1..=u64::MAX, report)),
        requests: table
            .get("requests")
            .and_then(|node| node.whole(1..=u64::MAX, report)),
        minutes,
        cap: cap.unwrap_or(default.cap),
        on_limit: on_limit.unwrap_or(default.on_limit),
        concurrency: table
            .get("concurrency")
            .and_then(|node| node.whole(1..=100_000, report)),
        requests_per_minute: table
            .get("requests_per_minute")
            .and_then(|node| node.whole(1..=10_000_000, report)),
        attempts: table
            .get("attempts")
            .and_then(|node| node.whole(1..=100, report))
            .unwrap_or(default.attempts),
        canary: table
            .get("canary")
            .and_then(|node| node.whole(CANARY_AT_LEAST..=CANARY_AT_MOST, report)),
    };
    table.finish(report);
    limits
}
