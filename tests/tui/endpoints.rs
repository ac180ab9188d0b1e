//! Canned providers whole, their models, and a log: what the engine and the directory would say.

use std::time::Duration;

use destilation::core::api::*;
use destilation::core::budget::{Money, Price};
use destilation::core::directory::LogQuery;
use destilation::core::ports::ModelInfo;
use destilation::core::request::RateHint;
use destilation::core::settings::{KeySource, ModelSettings, ProviderSettings};

use crate::canned::START_MS;

fn model(id: &str, capabilities: &[&str], weight: f64, price: Option<(f64, f64)>) -> ModelSettings {
    ModelSettings {
        id: id.to_owned(),
        capabilities: capabilities.iter().map(|word| (*word).to_owned()).collect(),
        weight,
        price: price.map(|(input, output)| Price { input, output }),
        context: Some(131_072),
    }
}

pub fn details(health: Vec<ProviderHealth>) -> Vec<ProviderDetail> {
    let mut details: Vec<ProviderDetail> = health
        .into_iter()
        .map(|health| ProviderDetail {
            settings: ProviderSettings {
                name: health.name.clone(),
                kind: health.kind.clone(),
                models: vec![
                    model(
                        "deepseek/deepseek-v3.2",
                        &["reasoning", "json"],
                        3.0,
                        Some((0.27, 0.4)),
                    ),
                    model("openai/gpt-oss-120b", &["json"], 1.0, Some((0.07, 0.3))),
                ],
                ..ProviderSettings::default()
            },
            origin: Some("~/.config/destiler/config.toml".to_owned()),
            circuit: Circuit {
                open_for_requests: true,
                ..Circuit::default()
            },
            health,
            ..ProviderDetail::default()
        })
        .collect();
    let first = &mut details[0];
    first.settings.api_key = Some(KeySource::Env("OPENROUTER_API_KEY".to_owned()));
    first.address = Some("https://openrouter.ai/api/v1".to_owned());
    first.settings.limits.concurrency = Some(48);
    first.settings.limits.requests_per_minute = Some(600);
    first.key = KeyState::Set {
        ending: Some("c41f".to_owned()),
    };
    first.requests_ever = 15_310;
    first.p95s = (0..40).map(|turn| 2_000 + turn * turn % 37 * 100).collect();
    first.rate = RateHint {
        requests: Some((412, Duration::from_secs(21))),
        tokens: None,
    };
    first.routed = vec![("qa-distill-v2".to_owned(), 0.7)];
    first.tested = Some(LastTest {
        at_ms: START_MS - 1_680_000,
        ok: true,
        latency_ms: 412,
        message: "openrouter/deepseek".to_owned(),
    });
    let script = &mut details[2];
    script.settings.command = vec!["python3".to_owned(), "plugins/teacher.py".to_owned()];
    script.settings.models = vec![model("teacher", &[], 1.0, None)];
    script.circuit = Circuit {
        open_for_requests: false,
        probe_in: Some(Duration::from_secs(12)),
        failures: 5,
    };
    let off = &mut details[3];
    off.settings.api_key = Some(KeySource::Env("ANTHROPIC_API_KEY".to_owned()));
    off.key = KeyState::Unset;
    off.circuit = Circuit::default();
    details.push(ProviderDetail {
        settings: ProviderSettings {
            name: "mock".to_owned(),
            kind: "mock".to_owned(),
            models: vec![model("teacher", &[], 1.0, Some((0.0, 0.0)))],
            ..ProviderSettings::default()
        },
        health: ProviderHealth {
            name: "mock".to_owned(),
            kind: "mock".to_owned(),
            limit: 8,
            ..ProviderHealth::default()
        },
        circuit: Circuit {
            open_for_requests: true,
            ..Circuit::default()
        },
        ..ProviderDetail::default()
    });
    details
}

pub fn kinds() -> Vec<ProviderKind> {
    let kind =
        |kind: &str, summary: &str, example: &str, base: Option<&str>, key: Option<&str>| ProviderKind {
            kind: kind.to_owned(),
            summary: summary.to_owned(),
            example: example.to_owned(),
            base_url: base.map(str::to_owned),
            key_variable: key.map(str::to_owned),
        };
    vec![
        kind(
            "openai",
            "OpenAI, or any server that speaks its chat completions",
            "base_url = \"http://127.0.0.1:8080/v1\"",
            Some("https://api.openai.com/v1"),
            Some("OPENAI_API_KEY"),
        ),
        kind(
            "openrouter",
            "OpenRouter: many models behind one key",
            "api_key = { env = \"OPENROUTER_API_KEY\" }\nmodels = [{ id = \"deepseek/deepseek-r1\" }]",
            Some("https://openrouter.ai/api/v1"),
            Some("OPENROUTER_API_KEY"),
        ),
        kind(
            "ollama",
            "Ollama: models on this machine, without a key",
            "",
            Some("http://127.0.0.1:11434"),
            None,
        ),
        kind(
            "script",
            "Your own program in any language",
            "command = [\"python3\", \"plugins/teacher.py\"]",
            None,
            None,
        ),
        kind(
            "mock",
            "Answers made up on this machine",
            "latency_ms = 50",
            None,
            None,
        ),
    ]
}

pub fn found() -> Vec<FoundProvider> {
    vec![FoundProvider {
        label: "OPENAI_API_KEY".to_owned(),
        settings: ProviderSettings {
            name: "openai".to_owned(),
            kind: "openai".to_owned(),
            api_key: Some(KeySource::Env("OPENAI_API_KEY".to_owned())),
            ..ProviderSettings::default()
        },
    }]
}

pub fn key(settings: &ProviderSettings) -> KeyState {
    match &settings.api_key {
        None => KeyState::None,
        Some(KeySource::Env(name)) if name.starts_with("OPEN") => KeyState::Set {
            ending: Some("c41f".to_owned()),
        },
        Some(KeySource::Env(_)) => KeyState::Unset,
        Some(_) => KeyState::Elsewhere,
    }
}

pub fn offer(_: &ProviderSettings) -> Offer {
    let info = |id: &str, context, price: Option<(f64, f64)>, words: &[&str]| ModelInfo {
        id: id.to_owned(),
        context,
        price: price.map(|(input, output)| Price { input, output }),
        capabilities: words.iter().map(|word| (*word).to_owned()).collect(),
    };
    Offer {
        models: vec![
            info(
                "deepseek/deepseek-v3.2",
                Some(163_840),
                Some((0.27, 0.4)),
                &["json", "tools"],
            ),
            info(
                "qwen/qwen3-235b-a22b",
                Some(131_072),
                Some((0.14, 0.6)),
                &["json", "tools"],
            ),
            info(
                "openai/gpt-oss-120b",
                Some(131_072),
                Some((0.07, 0.3)),
                &["json", "tools", "reasoning"],
            ),
            info(
                "meta-llama/llama-3.3-70b-instruct",
                Some(131_072),
                Some((0.1, 0.32)),
                &["json"],
            ),
            info("some/model-of-unknown-price", None, None, &[]),
        ],
        at_ms: START_MS - 172_800_000,
        stale: None,
    }
}

pub fn tested(settings: &ProviderSettings) -> Tested {
    let Some(model) = settings.models.first() else {
        return Tested {
            models: Some(5),
            ..Tested::default()
        };
    };
    Tested {
        teacher: format!("{}/{}", settings.name, model.id),
        text: "Hi!".to_owned(),
        latency_ms: 412,
        tokens: Some(20),
        usd: Money(163),
        models: Some(5),
        json: Some(true),
    }
}

/// A log of `LINES` entries, one every 250 ms.
const LINES: i64 = 1_200;

fn entry(number: i64) -> LogEntry {
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let (level, target, message, fields) = match number % 6 {
        0 => (
            LogLevel::Warn,
            "engine",
            "p95 31.0 s is over its mark",
            vec![field("provider", "my-script")],
        ),
        1 => (
            LogLevel::Info,
            "engine::worker",
            "rejected",
            vec![
                field("job", "qa-distill-v2"),
                field("task", "14701"),
                field("reason", "near_duplicate"),
            ],
        ),
        2 => (
            LogLevel::Error,
            "engine::attempt",
            "my-script exit 1: Traceback (most recent call last):\n  File \"teacher.py\", line 3\n\u{1b}[31mValueError\u{202e}",
            vec![field("job", "qa-distill-v2"), field("provider", "my-script")],
        ),
        3 => (
            LogLevel::Info,
            "engine",
            "sql-explain reached 60 %",
            vec![field("job", "sql-explain")],
        ),
        _ => (
            LogLevel::Debug,
            "engine::attempt",
            "deepseek-v3.2 answered",
            vec![
                field("job", "sql-explain"),
                field("provider", "openrouter"),
                field("status", "200"),
                field("ms", "1100"),
                field("input", "1203"),
                field("output", "388"),
                field("request", "9f2c"),
            ],
        ),
    };
    LogEntry {
        number,
        at_ms: START_MS + number * 250,
        level,
        target: target.to_owned(),
        message: message.to_owned(),
        fields,
    }
}

pub fn log(query: &LogQuery) -> LogPage {
    let until = query.until.unwrap_or(i64::MAX);
    let all: Vec<LogEntry> = (0..LINES)
        .map(entry)
        .filter(|entry| query.filter.wants(entry))
        .collect();
    let cut = all.partition_point(|entry| entry.number <= until);
    let from = cut.saturating_sub(query.limit);
    LogPage {
        entries: all[from..cut].to_vec(),
        older: from as u64,
        newer: (all.len() - cut) as u64,
        held: LINES as u64,
        file: Some((
            "~/.local/state/destiler/logs/destiler.2026-11-22.log".to_owned(),
            41_000_000,
        )),
        level: LogLevel::Info,
        jobs: vec!["qa-distill-v2".to_owned(), "sql-explain".to_owned()],
        providers: vec!["my-script".to_owned(), "openrouter".to_owned()],
        targets: vec![
            "engine".to_owned(),
            "engine::attempt".to_owned(),
            "engine::worker".to_owned(),
        ],
    }
}
