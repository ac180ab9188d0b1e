//! P7 and L4: clocks on walls that jump between two lives of a process, a process that stands still for minutes, and a day with everything
//! that goes wrong. (Clocks that jump within a life: `binary/clocks.rs`.)

use std::time::Duration;

use crate::plan::{self, Reach};
use crate::stage::{Books, DAWN_MS, Played, Setup, play};

const HOUR: i64 = 3_600_000;
const YEARS: i64 = 10 * 365 * 24 * HOUR;

/// Plays it, and fails with what the auditor finds.
#[track_caller]
fn played(seed: u64, setup: &Setup, books: Books) -> Played {
    let played = play(setup, books);
    if let Err(finding) = &played.audited {
        panic!("seed {seed} on {books:?}: {finding}");
    }
    for (job, _) in &played.jobs {
        // A life may count the two seconds a crash costs the ledger twice at most.
        let most = played.took + Duration::from_secs(2);
        assert!(
            job.elapsed <= most,
            "seed {seed} on {books:?}: {:?} of {most:?}",
            job.elapsed
        );
    }
    played
}

fn jumping(seeds: u64, books: Books) {
    let mut jumps = 0;
    for seed in 0..seeds {
        let mut setup = plan::of(seed, Reach::default());
        setup.deaths = (1..=6).map(|n| n * 23).collect();
        // An hour on and back (where clocks are put forward in spring they show no more), ten years on and back, and the year 1970.
        setup.walls = vec![0, HOUR, -HOUR, YEARS, -YEARS, -DAWN_MS, 0];
        jumps += (played(seed, &setup, books).lives - 1).min(6);
    }
    println!("{jumps} jumps in {seeds} seeds on {books:?}");
    assert!(jumps >= seeds * 3);
}

#[test]
fn clocks_that_jump_between_two_lives_move_no_task() {
    jumping(40, Books::Memory);
}

#[test]
fn clocks_that_jump_between_two_lives_move_no_task_on_disk() {
    jumping(8, Books::Sqlite);
}

/// Stopped and continued, or a machine that was asleep: what was on the wire is answered or given up, and nothing else is lost.
fn standing_still(seeds: u64, books: Books) {
    let mut stood = 0;
    for seed in 0..seeds {
        let mut setup = plan::of(seed, Reach::default());
        setup.stops = [100, 300_400, 700_000]
            .map(|at| (Duration::from_millis(at), Duration::from_mins(5)))
            .to_vec();
        stood += played(seed, &setup, books).took.as_secs() / 300;
    }
    println!("{stood} times five minutes in {seeds} seeds on {books:?}");
    assert!(stood >= seeds);
}

#[test]
fn a_process_that_stands_still_for_five_minutes_goes_on() {
    standing_still(40, Books::Memory);
    standing_still(4, Books::Sqlite);
}

#[test]
#[ignore = "takes minutes; run it by `just simulate`"]
fn two_hundred_seeds_under_clocks_that_jump_move_no_task() {
    for books in [Books::Memory, Books::Sqlite] {
        jumping(200, books);
        standing_still(200, books);
    }
}

#[test]
#[ignore = "takes minutes; run it by `just simulate`"]
fn a_day_with_everything_that_goes_wrong_and_fifty_deaths() {
    let day = Duration::from_hours(24);
    for seed in 0..3 {
        let reach = Reach {
            tasks: 480,
            orders: 400,
            deaths: 50,
            heals: day,
            longest: day * 2,
            slow: 600_000,
        };
        let played = play(&plan::of(seed, reach), Books::Memory);
        println!(
            "seed {seed}: {} requests, {} deaths in {:.1} virtual hours",
            played.world.requests(),
            played.lives - 1,
            played.took.as_secs_f64() / 3600.0
        );
        if let Err(finding) = played.audited {
            panic!("seed {seed}: {finding}");
        }
    }
}
