//! What a seed decides: jobs, teachers and how they go wrong, a person's orders, a disk's moods, and deaths.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use destilation::core::api::Command;
use destilation::core::budget::{CapMode, Price};
use destilation::core::job::Adjustment;
use destilation::core::settings::{ModelSettings, ProviderLimits, ProviderSettings};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::ledger::Disk;
use crate::stage::Setup;
use crate::teacher::{Behaviour, Says};
use crate::watch::{Cap, Caps};

/// From then on nothing goes wrong any more: what is left has to come to its end.
const HEALS: Duration = Duration::from_mins(10);

/// How far a plan goes.
#[derive(Debug, Clone, Copy)]
pub struct Reach {
    pub tasks: u64,
    pub orders: u32,
    pub deaths: u32,
    pub heals: Duration,
    pub longest: Duration,
    /// The slowest answers, in milliseconds; 0: quick ones.
    pub slow: u64,
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            tasks: 16,
            orders: 5,
            deaths: 2,
            heals: HEALS,
            longest: Duration::from_hours(2),
            slow: 0,
        }
    }
}

/// The run of that seed.
pub fn of(seed: u64, reach: Reach) -> Setup {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let caps = Caps::default();
    let names: &[&str] = if rng.random_bool(0.3) { &["a", "b"] } else { &["a"] };
    let jobs = names
        .iter()
        .map(|name| ((*name).to_owned(), job(name, reach.tasks, &mut rng, &caps)))
        .collect();
    let teachers = (0..rng.random_range(1..=3))
        .map(|place| (settings(place, &mut rng), wrong(seed, place, &mut rng, reach)))
        .collect();
    let span = reach.heals.as_secs_f64() / 5.0;
    let orders = (0..rng.random_range(0..=reach.orders))
        .map(|_| {
            let at = Duration::from_millis((rng.random_range(0.0..span) * 1000.0) as u64);
            (at, order(names.choose(&mut rng).unwrap(), &mut rng))
        })
        .collect::<Vec<_>>();
    let deaths = (0..rng.random_range(0..=reach.deaths))
        .map(|_| rng.random_range(1..60 * reach.tasks / 4))
        .collect();
    let disk = disk(&mut rng, reach.heals);
    let mut setup = Setup {
        jobs,
        teachers,
        disk,
        deaths,
        orders,
        turns: Vec::new(),
        seed,
        longest: reach.longest,
        caps,
        price: 1,
        walls: Vec::new(),
        stops: Vec::new(),
    };
    setup.orders.sort_by_key(|(at, _)| *at);
    setup
}

fn disk(rng: &mut ChaCha8Rng, heals: Duration) -> Disk {
    let mut full = Vec::new();
    if rng.random_bool(0.2) {
        let from = Duration::from_millis(rng.random_range(0..30_000));
        full.push((from, from + Duration::from_millis(rng.random_range(100..60_000))));
    }
    Disk {
        full,
        errors: if rng.random_bool(0.2) { 0.01 } else { 0.0 },
        slow: *[0, 0, 3, 20].choose(rng).unwrap(),
        heals,
        ..Disk::default()
    }
}

fn order(job: &str, rng: &mut ChaCha8Rng) -> Command {
    let job = job.to_owned();
    let adjust = |job, change| Command::Adjust {
        job,
        changes: vec![change],
    };
    match rng.random_range(0..12) {
        0..3 => Command::Pause(job),
        3..6 => Command::Resume(job),
        6 => Command::Cancel(job),
        7 => Command::Retry(job),
        8 => Command::ReopenProvider("p0".to_owned()),
        9 => adjust(
            job,
            Adjustment::RequestsPerMinute(Some(rng.random_range(60..600))),
        ),
        _ => adjust(job, Adjustment::Concurrency(Some(rng.random_range(1..=8)))),
    }
}

/// A provider's settings, at a dollar per million tokens each way.
pub fn provider(place: usize, limits: ProviderLimits) -> ProviderSettings {
    ProviderSettings {
        name: format!("p{place}"),
        kind: "openai".to_owned(),
        limits,
        models: vec![ModelSettings {
            id: "m".to_owned(),
            capabilities: Vec::new(),
            weight: 1.0,
            price: Some(Price {
                input: 1.0,
                output: 1.0,
            }),
            context: None,
        }],
        ..ProviderSettings::default()
    }
}

/// The rows of a job: its tasks are numbered.
pub fn seeds(tasks: u64) -> String {
    let rows: Vec<String> = (0..tasks).map(|q| format!("{{ q = {q} }}")).collect();
    format!("[seeds]\nrows = [{}]\n", rows.join(", "))
}

/// A job of one step without validators.
pub fn plain(name: &str, tasks: u64, limits: &str) -> (String, String) {
    let text = format!(
        "name = \"{name}\"\n{}[[steps]]\nname = \"one\"\nprompt = \"one/{name}/{{{{ q }}}}\"\nmax_tokens = 64\n\
         [limits]\n{limits}\n[dataset]\nformat = \"raw\"\n",
        seeds(tasks)
    );
    (name.to_owned(), text)
}

fn settings(place: usize, rng: &mut ChaCha8Rng) -> ProviderSettings {
    provider(
        place,
        ProviderLimits {
            concurrency: rng.random_bool(0.6).then(|| rng.random_range(1..=8)),
            requests_per_minute: rng.random_bool(0.2).then(|| rng.random_range(60..600)),
            ..ProviderLimits::default()
        },
    )
}

/// A teacher's ways to go wrong: a share for each, and times in which it is away or says no.
fn wrong(seed: u64, place: usize, rng: &mut ChaCha8Rng, reach: Reach) -> Behaviour {
    let heals = reach.heals;
    let shares: Vec<(Says, f64)> = [
        (Says::Same, 0.1),
        (Says::WrongShape, 0.1),
        (Says::Limited(Some(rng.random_range(1..=4))), 0.08),
        (Says::Limited(None), 0.04),
        (Says::Unpaid, 0.01),
        (Says::Unknown, 0.005),
        (Says::Server, 0.1),
        (Says::Html, 0.05),
        (Says::ErrorInside, 0.05),
        (Says::Empty, 0.05),
        (Says::Truncated, 0.05),
        (Says::Half, 0.05),
        (Says::Late, 0.03),
        (Says::Reset, 0.05),
        (Says::Unreachable, 0.03),
    ]
    .into_iter()
    .map(|(says, most)| {
        let share = if rng.random_bool(0.4) {
            rng.random_range(0.0..most)
        } else {
            0.0
        };
        (says, share)
    })
    .collect();
    let away = rng.random_bool(0.25).then(|| {
        let from = Duration::from_millis(rng.random_range(0..20_000));
        let says = *[
            Says::Server,
            Says::Unreachable,
            Says::Limited(Some(2)),
            Says::Late,
        ]
        .choose(rng)
        .unwrap();
        (
            from,
            from + Duration::from_millis(rng.random_range(1000..120_000)),
            says,
        )
    });
    let slowest = reach.slow.max(*[60, 400, 3000].choose(rng).unwrap());
    Arc::new(move |asked| {
        let stream = seed ^ asked.nonce.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (place as u64) << 56;
        let mut rng = ChaCha8Rng::seed_from_u64(stream);
        let long = Duration::from_millis(rng.random_range(5..=slowest));
        let says = match away {
            _ if asked.at >= heals => Says::Well,
            Some((from, to, says)) if (from..to).contains(&asked.at) => says,
            _ => {
                let mut left: f64 = rng.random();
                shares
                    .iter()
                    .find_map(|(says, share)| {
                        left -= share;
                        (left < 0.0).then_some(*says)
                    })
                    .unwrap_or(Says::Well)
            }
        };
        match says {
            Says::Late => (Duration::from_secs(10), says),
            _ => (long, says),
        }
    })
}

fn job(name: &str, most: u64, rng: &mut ChaCha8Rng, caps: &Caps) -> String {
    let tasks = rng.random_range(1..=most);
    let mut text = format!(
        "name = \"{name}\"\nrandom_seed = {}\n{}",
        rng.random_range(0..1000),
        seeds(tasks)
    );
    let (two, schema) = (rng.random_bool(0.3), rng.random_bool(0.4));
    let candidates = if rng.random_bool(0.3) {
        rng.random_range(2..=3)
    } else {
        1
    };
    let mut step = |step: &str, candidates: u32, schema: bool| {
        let _ = write!(
            text,
            "[[steps]]\nname = \"{step}\"\nprompt = \"{step}/{name}/{{{{ q }}}}\"\nmax_tokens = 64\ncandidates = {candidates}\n"
        );
        if schema {
            text.push_str(
                "schema = { type = \"object\", required = [\"a\"], properties = { a = { type = \"string\" } } }\n\
                 on_invalid = { reask = 1 }\n",
            );
        }
    };
    step("one", if two { 1 } else { candidates }, schema);
    if two {
        step("two", candidates, false);
    }
    for kind in ["kind = \"structural\"", "kind = \"dedup\"\nfields = [\"one\"]"] {
        if rng.random_bool(0.5) {
            let _ = write!(text, "[[validators]]\n{kind}\n");
        }
    }
    if rng.random_bool(0.2) {
        let _ = write!(text, "[target]\naccepted = {}\n", rng.random_range(1..=tasks));
    }
    let at_once = rng.random_range(1..=8);
    let attempts = rng.random_range(2..=6);
    let _ = write!(text, "[limits]\nconcurrency = {at_once}\nattempts = {attempts}\n");
    if rng.random_bool(0.3) {
        let micro = (tasks * 45).cast_signed() * rng.random_range(3..=15) / 10 + 150;
        let (word, mode) = *[
            ("hard", CapMode::Hard),
            ("cautious", CapMode::Cautious),
            ("soft", CapMode::Soft),
        ]
        .choose(rng)
        .unwrap();
        let on_limit = if rng.random_bool(0.5) { "pause" } else { "stop" };
        let _ = write!(
            text,
            "usd = {:.6}\ncap = \"{word}\"\non_limit = \"{on_limit}\"\n",
            micro as f64 / 1e6
        );
        let cap = Cap {
            micro,
            mode,
            request: 400,
            at_once: 8,
        };
        caps.lock().unwrap().insert(name.to_owned(), cap);
    }
    text.push_str("[dataset]\nformat = \"raw\"\n");
    text
}
