//! A cap of one dollar with sixty-four requests wanted at once: looked at after every change of the purse, in any interleaving.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use destilation::core::api::Command;
use destilation::core::budget::{CapMode, Price};
use destilation::core::settings::ProviderLimits;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::plan::{plain, provider};
use crate::stage::{Books, Played, Setup, play};
use crate::teacher::{Behaviour, Says};
use crate::watch::Cap;

/// Dollars per million tokens: a request takes about two cents, and at most seven.
const DEAR: f64 = 500.0;
/// Millionths of a dollar that are set aside for a request, at most.
const REQUEST: i64 = 60_000;

/// A job of a hundred dear tasks under a cap of a dollar, so many of them at once; the teacher's cap is `theirs`.
fn dollar(
    seed: u64,
    word: &str,
    mode: CapMode,
    at_once: u32,
    theirs: Option<f64>,
    behaviour: Behaviour,
) -> Setup {
    let limits = ProviderLimits {
        concurrency: Some(at_once),
        usd: theirs,
        ..ProviderLimits::default()
    };
    let mut settings = provider(0, limits);
    settings.models[0].price = Some(Price {
        input: DEAR,
        output: DEAR,
    });
    let limits = format!("concurrency = {at_once}\nusd = 1.0\ncap = \"{word}\"");
    let mut setup = Setup::calm(vec![plain("j", 100, &limits)], vec![(settings, behaviour)]);
    setup.seed = seed;
    setup.price = DEAR as i64;
    let cap = Cap {
        micro: 1_000_000,
        mode,
        request: REQUEST,
        at_once: at_once.into(),
    };
    setup.caps.lock().unwrap().insert("j".to_owned(), cap);
    setup
}

/// Plays it, and fails with what the auditor finds.
#[track_caller]
fn played(setup: &Setup, word: &str) -> Played {
    let played = play(setup, Books::Memory);
    if let Err(finding) = &played.audited {
        panic!("seed {}, {word}: {finding}", setup.seed);
    }
    played
}

/// Says how often purses changed.
fn one(seed: u64, word: &str, mode: CapMode) -> u64 {
    // Nobody is certain of these: what was set aside for them stays set aside.
    let unsure = Arc::new(AtomicI64::new(0));
    let counter = Arc::clone(&unsure);
    let behaviour: Behaviour = Arc::new(move |asked| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed << 20 ^ asked.nonce);
        let says = match rng.random_range(0..20) {
            0 => Says::Late,
            1 => Says::Reset,
            2 => Says::Server,
            3 => Says::Limited(Some(1)),
            4 => Says::Empty,
            _ => Says::Well,
        };
        if matches!(says, Says::Late | Says::Reset) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        (Duration::from_millis(rng.random_range(1..2000)), says)
    });
    let setup = dollar(seed, word, mode, 64, None, behaviour);
    let played = played(&setup, word);
    let spent: i64 = played
        .world
        .bought
        .lock()
        .unwrap()
        .iter()
        .map(|one| one.micro)
        .sum();
    let taken = spent + unsure.load(Ordering::Relaxed) * REQUEST;
    assert!(
        taken > 1_000_000 - REQUEST,
        "seed {seed}, {word}: only {spent} of the dollar was used"
    );
    played.purses
}

/// The same dollar over several lives of the process and several starts of the job, most of whose answers come to nothing and may
/// have been charged.
fn over_lives(seed: u64, word: &str, mode: CapMode) -> u64 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x11fe);
    let behaviour: Behaviour = Arc::new(move |asked| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed << 20 ^ asked.nonce);
        let says = match rng.random_range(0..10) {
            0 | 1 => Says::Late,
            2..=4 => Says::Reset,
            5 => Says::Half,
            _ => Says::Well,
        };
        (Duration::from_millis(rng.random_range(1..2000)), says)
    });
    // Every other time it is the provider's dollar, too.
    let theirs = seed.is_multiple_of(2).then_some(1.0);
    let mut setup = dollar(seed, word, mode, 16, theirs, behaviour);
    setup.deaths = (0..3).map(|_| rng.random_range(10..150)).collect();
    setup.orders = (1..5)
        .flat_map(|at| {
            let at = Duration::from_secs(at * 7);
            let resume = Command::Resume("j".to_owned());
            [
                (at, Command::Pause("j".to_owned())),
                (at + Duration::from_secs(2), resume),
            ]
        })
        .collect();
    played(&setup, word).lives
}

#[test]
fn a_dollar_is_a_dollar_over_all_lives() {
    for (word, mode) in [("hard", CapMode::Hard), ("cautious", CapMode::Cautious)] {
        let lives: u64 = (0..20).map(|seed| over_lives(seed, word, mode)).sum();
        assert!(lives > 40, "{lives} lives");
    }
}

fn all(seeds: u64) {
    let modes = [
        ("hard", CapMode::Hard),
        ("cautious", CapMode::Cautious),
        ("soft", CapMode::Soft),
    ];
    for (word, mode) in modes {
        let changes: u64 = (0..seeds).map(|seed| one(seed, word, mode)).sum();
        println!("{word}: {seeds} interleavings, {changes} changes of the purse");
    }
}

#[test]
fn a_dollar_is_a_dollar_in_any_interleaving() {
    all(10);
}

#[test]
#[ignore = "takes minutes; run it by `just simulate`"]
fn a_dollar_is_a_dollar_in_a_thousand_interleavings_of_each_cap() {
    all(1000);
}
