//! P2: the whole engine from one seed. A seed that failed once stands in `seeds.txt` and is played first.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::plan::{self, Reach};
use crate::stage::{Books, Played, play};

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sim/seeds.txt");

/// Plays it, or says what was wrong.
fn played(seed: u64, books: Books) -> Result<Played, String> {
    let played = catch_unwind(AssertUnwindSafe(|| {
        play(&plan::of(seed, Reach::default()), books)
    }));
    let played = played.map_err(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        format!("panicked: {}", said.unwrap_or_default())
    })?;
    played.audited.clone()?;
    Ok(played)
}

/// The same seed is the same run.
fn doublecheck(seed: u64, first: &Played) -> Result<(), String> {
    let second = played(seed, Books::Memory)?;
    let (one, other) = (
        first.world.trace.lock().unwrap(),
        second.world.trace.lock().unwrap(),
    );
    let differs = one.iter().zip(other.iter()).position(|(one, other)| one != other);
    let differs = differs.or((one.len() != other.len()).then(|| one.len().min(other.len())));
    match differs {
        None => Ok(()),
        Some(at) => Err(format!(
            "not the same run twice, from step {at} on: {:?} and {:?}",
            &one[at.saturating_sub(3)..one.len().min(at + 3)],
            &other[at.saturating_sub(3)..other.len().min(at + 3)]
        )),
    }
}

fn kept() -> Vec<u64> {
    let text = std::fs::read_to_string(KEPT).unwrap_or_default();
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter_map(|line| line.parse().ok()).collect()
}

/// Keeps a seed for all who come after.
fn keep(seed: u64) {
    if !kept().contains(&seed) {
        let mut file = std::fs::File::options()
            .append(true)
            .create(true)
            .open(Path::new(KEPT))
            .unwrap();
        writeln!(file, "{seed}").unwrap();
    }
}

/// Plays seeds on all processors; every `twice`-th is played twice. Fails with all that failed.
fn all(seeds: &[u64], books: Books, twice: u64) {
    let next = AtomicU64::new(0);
    let failed: Mutex<Vec<(u64, String)>> = Mutex::default();
    let sums: Mutex<[u64; 4]> = Mutex::default();
    let begun = std::time::Instant::now();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    let outcome = played(*seed, books).and_then(|played| {
                        let mut sums = sums.lock().unwrap();
                        sums[0] += played.world.requests();
                        sums[1] += played.lives - 1;
                        sums[2] += played.purses;
                        sums[3] += played.took.as_secs();
                        drop(sums);
                        if books == Books::Memory && seed.is_multiple_of(twice) {
                            doublecheck(*seed, &played)?;
                        }
                        Ok(())
                    });
                    if let Err(why) = outcome {
                        failed.lock().unwrap().push((*seed, why));
                    }
                }
            });
        }
    });
    let [requests, deaths, purses, seconds] = sums.into_inner().unwrap();
    println!(
        "{} seeds on {books:?} in {:.1?}: {requests} requests, {deaths} deaths, {purses} changes of purses, {:.1} virtual hours",
        seeds.len(),
        begun.elapsed(),
        seconds as f64 / 3600.0
    );
    let mut failed = failed.into_inner().unwrap();
    failed.sort_unstable();
    for (seed, why) in &failed {
        println!("seed {seed}: {why}");
        keep(*seed);
    }
    assert!(
        failed.is_empty(),
        "{} of {} seeds failed; SIM_SEED={} cargo test --test sim -- --ignored --nocapture one_seed",
        failed.len(),
        seeds.len(),
        failed[0].0
    );
}

#[test]
fn five_hundred_seeds_keep_every_invariant_and_repeat() {
    let seeds: Vec<u64> = kept().into_iter().chain(0..500).collect();
    all(&seeds, Books::Memory, 10);
}

#[test]
#[ignore = "takes a quarter of an hour; run it by `just simulate`"]
fn twenty_thousand_seeds_keep_every_invariant_and_repeat() {
    let seeds: Vec<u64> = (0..20_000).collect();
    all(&seeds, Books::Memory, 10);
}

#[test]
fn the_ledger_on_disk_keeps_them_too() {
    let seeds: Vec<u64> = (0..12).collect();
    all(&seeds, Books::Sqlite, u64::MAX);
}

#[test]
#[ignore = "takes minutes; run it by `just simulate`"]
fn a_thousand_seeds_on_disk_keep_every_invariant() {
    let seeds: Vec<u64> = (0..1_000).collect();
    all(&seeds, Books::Sqlite, u64::MAX);
}

#[test]
#[ignore = "plays the seed of SIM_SEED, with its trace"]
fn one_seed() {
    let seed = std::env::var("SIM_SEED").unwrap().parse().unwrap();
    let setup = plan::of(seed, Reach::default());
    for (_, text) in &setup.jobs {
        println!("{text}");
    }
    println!(
        "{:?}, deaths {:?}, orders {:?}",
        setup.disk, setup.deaths, setup.orders
    );
    let played = play(&setup, Books::Memory);
    for (ms, what, one, other) in played.world.trace.lock().unwrap().iter() {
        println!("{ms:>8} {what} {one} {other}");
    }
    for (job, counts) in &played.jobs {
        println!("{}: {:?} {counts:?}", job.spec.name, job.state);
    }
    played.audited.clone().unwrap();
    doublecheck(seed, &played).unwrap();
}
