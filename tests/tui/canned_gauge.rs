//! What the canned engine measures: the gauge, the providers' health, and how fast teachers answer.

use std::time::Duration;

use destilation::core::api::*;
use destilation::core::budget::Money;

pub fn latency(times: u64) -> Latency {
    Latency {
        p50_ms: 1_600 * times,
        p95_ms: 5_800 * times,
        p99_ms: 12_000 * times,
        octaves: [0, 0, 0, 0, 0, 0, 0, 3, 120, 2_400, 6_100, 4_000, 2_500, 180]
            .map(|count| count / times)
            .to_vec(),
    }
}

pub fn measured() -> Vec<Measured> {
    let one = |teacher: &str, answers, errors, limited, times| Measured {
        teacher: teacher.to_owned(),
        answers,
        errors,
        limited,
        latency: latency(times),
    };
    vec![
        one("openrouter/deepseek/deepseek-v3.2", 10_700, 43, 3, 1),
        one("ollama-box/qwen3:32b", 3_400, 0, 0, 2),
        one("my-script/teacher", 1_210, 50, 0, 5),
    ]
}

pub fn providers() -> Vec<ProviderHealth> {
    let one = |name: &str,
               kind: &str,
               health,
               message: Option<&str>,
               flying: (u64, u64),
               sent: (u64, u64, u64),
               ms: (u64, u64),
               usd| {
        ProviderHealth {
            name: name.to_owned(),
            kind: kind.to_owned(),
            health,
            message: message.map(str::to_owned),
            models: vec![format!("{name}/small"), format!("{name}/large")],
            in_flight: flying.0,
            limit: flying.1,
            requests: sent.0,
            errors: sent.1,
            limited: sent.2,
            p50_ms: ms.0,
            p95_ms: ms.1,
            usd: Money::from_usd(usd),
        }
    };
    vec![
        one(
            "openrouter",
            "openrouter",
            Health::Up,
            None,
            (40, 48),
            (10_700, 43, 3),
            (1_200, 3_900),
            4.02,
        ),
        one(
            "ollama-box",
            "ollama",
            Health::Up,
            None,
            (12, 16),
            (3_400, 0, 0),
            (2_800, 6_100),
            0.0,
        ),
        one(
            "my-script",
            "script",
            Health::Slow,
            Some("p95 31.0 s is over its mark of 20 s"),
            (12, 24),
            (1_210, 50, 0),
            (9_400, 31_000),
            0.1,
        ),
        one(
            "anthropic",
            "anthropic",
            Health::Off,
            Some("no key: set ANTHROPIC_API_KEY"),
            (0, 0),
            (0, 0, 0),
            (0, 0),
            0.0,
        ),
    ]
}

pub fn progress(second: u64) -> Progress {
    let wave = 1.0 + 0.2 * (second as f64 / 9.0).sin();
    let spent = |rate: f64| if rate > 0.0 { second as f64 * 0.0005 } else { 0.0 };
    let job = |name: &str,
               state: &str,
               numbers: [u64; 6],
               target,
               rates: [f64; 4],
               usd,
               cap: f64,
               eta: Option<u64>| JobProgress {
        name: name.to_owned(),
        state: state.to_owned(),
        planned_all: true,
        enqueued: numbers[0],
        started: numbers[1],
        in_flight: numbers[2],
        in_flight_limit: 48,
        persisted: numbers[3],
        rejected: numbers[4],
        failed: numbers[5],
        accepted_samples: numbers[3],
        target,
        rates: rates.map(|rate| rate * wave),
        tokens: [17_800_000, 5_900_000],
        token_rates: [rates[0] * 430.0 * wave, rates[0] * 220.0],
        usd: Money::from_usd(usd + spent(rates[0])),
        reserved: Money::from_usd(spent(rates[0]) / 10.0),
        usd_cap: Some(Money::from_usd(cap)),
        eta: eta.map(Duration::from_secs),
        ..JobProgress::default()
    };
    Progress {
        cleaning: None,
        turning: None,
        jobs: vec![
            job(
                "qa-distill-v2",
                "running",
                [20_000, 14_766, 40, 12_402, 2_200, 112],
                Some(20_000),
                [27.0, 24.3, 2.2, 0.2],
                3.04,
                10.0,
                Some(860),
            ),
            job(
                "sql-explain",
                "running",
                [20_000, 8_000, 24, 6_978, 928, 70],
                Some(20_000),
                [15.1, 12.5, 2.2, 0.1],
                0.96,
                5.0,
                Some(2_465),
            ),
            job(
                "summarise-nl",
                "queued",
                [8_210, 0, 0, 0, 0, 0],
                None,
                [0.0; 4],
                0.0,
                10.0,
                None,
            ),
        ],
        providers: providers(),
        today: Money::from_usd(4.12),
        day_cap: Some(Money::from_usd(25.0)),
    }
}
