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

/// Name, kind, health; in flight and its limit; requests, errors, limited; p50, p95; dollars.
const PROVIDERS: &str = "\
openrouter openrouter up   40 48 10700 43 3 1200  3900 4.02
ollama-box ollama     up   12 16  3400  0 0 2800  6100 0
my-script  script     slow 12 24  1210 50 0 9400 31000 0.1
anthropic  anthropic  off   0  0     0  0 0    0     0 0";

/// Name, state; tasks planned, started, in flight, accepted, rejected, failed; the target; rates of answers, accepted, rejected and
/// failed ones; dollars, their cap; seconds to go.
const JOBS: &str = "\
qa-distill-v2 running 20000 14766 40 12402 2200 112 20000 27.0 24.3 2.2 0.2 3.04 10  860
sql-explain   running 20000  8000 24  6978  928  70 20000 15.1 12.5 2.2 0.1 0.96  5 2465
summarise-nl  queued   8210     0  0     0    0   0     -  0    0   0   0   0    10    -";

/// The words of a line, and its numbers behind so many of them.
fn read(line: &str, words: usize) -> (Vec<&str>, Vec<Option<f64>>) {
    let all: Vec<&str> = line.split_whitespace().collect();
    let numbers = all[words..].iter().map(|word| word.parse().ok());
    (all.clone(), numbers.collect())
}

pub fn providers() -> Vec<ProviderHealth> {
    let one = |line: &str| {
        let (words, numbers) = read(line, 3);
        let count = |at: usize| numbers[at].unwrap() as u64;
        let (health, message) = match words[2] {
            "slow" => (Health::Slow, Some("p95 31.0 s is over its mark of 20 s")),
            "off" => (Health::Off, Some("no key: set ANTHROPIC_API_KEY")),
            _ => (Health::Up, None),
        };
        ProviderHealth {
            name: words[0].to_owned(),
            kind: words[1].to_owned(),
            health,
            message: message.map(str::to_owned),
            models: ["small", "large"]
                .map(|model| format!("{}/{model}", words[0]))
                .to_vec(),
            in_flight: count(0),
            limit: count(1),
            requests: count(2),
            errors: count(3),
            limited: count(4),
            p50_ms: count(5),
            p95_ms: count(6),
            usd: Money::from_usd(numbers[7].unwrap()),
        }
    };
    PROVIDERS.lines().map(one).collect()
}

pub fn progress(second: u64) -> Progress {
    let wave = 1.0 + 0.2 * (second as f64 / 9.0).sin();
    let spent = |rate: f64| if rate > 0.0 { second as f64 * 0.0005 } else { 0.0 };
    let job = |line: &str| {
        let (words, numbers) = read(line, 2);
        let number = |at: usize| numbers[at].unwrap();
        let count = |at: usize| number(at) as u64;
        let rates = [7, 8, 9, 10].map(number);
        JobProgress {
            name: words[0].to_owned(),
            state: words[1].to_owned(),
            planned_all: true,
            enqueued: count(0),
            started: count(1),
            in_flight: count(2),
            in_flight_limit: 48,
            persisted: count(3),
            rejected: count(4),
            failed: count(5),
            accepted_samples: count(3),
            target: numbers[6].map(|target| target as u64),
            rates: rates.map(|rate| rate * wave),
            tokens: [17_800_000, 5_900_000],
            token_rates: [rates[0] * 430.0 * wave, rates[0] * 220.0],
            usd: Money::from_usd(number(11) + spent(rates[0])),
            reserved: Money::from_usd(spent(rates[0]) / 10.0),
            usd_cap: Some(Money::from_usd(number(12))),
            eta: numbers[13].map(Duration::from_secs_f64),
            ..JobProgress::default()
        }
    };
    Progress {
        jobs: JOBS.lines().map(job).collect(),
        providers: providers(),
        today: Money::from_usd(4.12),
        day_cap: Some(Money::from_usd(25.0)),
        ..Progress::default()
    }
}
