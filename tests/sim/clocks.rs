//! P7 and L4: clocks on walls that jump between two lives of a process, and a day with everything that goes wrong.

use std::time::Duration;

use crate::plan::{self, Reach};
use crate::stage::{Books, DAWN_MS, play};

const HOUR: i64 = 3_600_000;
const YEARS: i64 = 10 * 365 * 24 * HOUR;

#[test]
fn clocks_that_jump_between_two_lives_move_no_task() {
    for seed in 0..40 {
        let mut setup = plan::of(seed, Reach::default());
        setup.deaths = (1..=6).map(|n| n * 23).collect();
        // An hour on and back, ten years on and back, and the year 1970.
        setup.walls = vec![0, HOUR, -HOUR, YEARS, -YEARS, -DAWN_MS, 0];
        let played = play(&setup, Books::Memory);
        if let Err(finding) = played.audited {
            panic!("seed {seed}: {finding}");
        }
        for (job, _) in &played.jobs {
            // A life may count the two seconds a crash costs the ledger twice at most.
            let most = played.took + Duration::from_secs(2);
            assert!(job.elapsed <= most, "seed {seed}: {:?} of {most:?}", job.elapsed);
        }
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
