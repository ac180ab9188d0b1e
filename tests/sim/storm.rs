//! P8 and P4: a person who changes their mind a thousand times, and any order at any step. Afterwards every place is there again.

use std::sync::Arc;
use std::time::Duration;

use destilation::core::api::{Command, RunOptions, SampleQuery};
use destilation::core::job::{Adjustment, JobState};
use destilation::core::settings::ProviderLimits;
use destilation::core::task::TaskState;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::plan::{plain, provider};
use crate::stage::{Books, Setup, play, text_of};
use crate::teacher::{Behaviour, Says};

fn answers_after(from: u64, to: u64) -> Behaviour {
    Arc::new(move |asked| {
        let long = ChaCha8Rng::seed_from_u64(asked.nonce).random_range(from..=to);
        (Duration::from_millis(long), Says::Well)
    })
}

fn eight() -> ProviderLimits {
    ProviderLimits {
        concurrency: Some(8),
        ..ProviderLimits::default()
    }
}

fn adjust(job: &str, change: Adjustment) -> Command {
    Command::Adjust {
        job: job.to_owned(),
        changes: vec![change],
    }
}

/// A thousand orders within ten minutes, then eight at once to the end.
fn storm(seed: u64) -> Setup {
    let (name, text) = plain("j", 480, "concurrency = 8");
    let mut setup = Setup::calm(
        vec![(name.clone(), text.clone())],
        vec![(provider(0, eight()), answers_after(6_000, 20_000))],
    );
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut orders: Vec<_> = (0..1000)
        .map(|_| {
            let at = Duration::from_millis(rng.random_range(0..600_000));
            let order = match rng.random_range(0..10) {
                0..3 => Command::Pause(name.clone()),
                3..6 => Command::Resume(name.clone()),
                6 => Command::Cancel(name.clone()),
                7 => Command::Run {
                    source: text_of(&text),
                    options: RunOptions::default(),
                },
                8 => adjust("j", Adjustment::Usd(Some(rng.random_range(1.0..2.0)))),
                _ => adjust("j", Adjustment::Concurrency(Some(rng.random_range(1..=16)))),
            };
            (at, order)
        })
        .collect();
    orders.sort_by_key(|(at, _)| *at);
    let after = Duration::from_mins(11);
    orders.push((after, adjust("j", Adjustment::Concurrency(Some(8)))));
    for _ in 0..3 {
        orders.push((after, Command::Resume(name.clone())));
    }
    setup.orders = orders;
    setup.seed = seed;
    setup
}

#[test]
fn a_thousand_changes_of_mind_lose_no_task_and_no_place() {
    for seed in 0..1 {
        let played = play(&storm(seed), Books::Memory);
        played.audited.clone().unwrap();
        let (job, counts) = &played.jobs[0];
        assert_eq!(job.state, JobState::Completed, "{counts:?}");
        assert_eq!(counts.of(TaskState::Accepted), 480, "{counts:?}");
        let after = Duration::from_secs(700);
        let at_once = played.world.most_at_once("j", after);
        assert_eq!(at_once, 8, "places after the storm of seed {seed}");
        assert!(played.world.most_at_once("j", Duration::ZERO) <= 8);
    }
}

#[test]
fn two_who_start_a_job_at_once_start_it_once() {
    let (name, text) = plain("j", 40, "concurrency = 2");
    let mut setup = Setup::calm(
        vec![(name.clone(), text)],
        vec![(provider(0, eight()), answers_after(900, 1_100))],
    );
    setup.disk.slow = 3;
    setup.disk.heals = Duration::MAX;
    let at = Duration::from_secs;
    setup.orders = vec![
        (at(3), Command::Pause(name.clone())),
        (at(6), Command::Resume(name.clone())),
        (at(6), Command::Resume(name.clone())),
        (at(6), Command::Resume(name)),
    ];
    let played = play(&setup, Books::Memory);
    played.audited.clone().unwrap();
    assert_eq!(played.world.most_at_once("j", Duration::ZERO), 2);
    assert_eq!(played.world.requests(), 40);
}

/// Every order a person has.
fn orders() -> [Command; 6] {
    let name = "j".to_owned();
    [
        Command::Pause(name.clone()),
        Command::Cancel(name.clone()),
        Command::Resume(name.clone()),
        adjust("j", Adjustment::Concurrency(Some(1))),
        adjust("j", Adjustment::Concurrency(Some(3))),
        Command::ReopenProvider("p0".to_owned()),
    ]
}

/// Four tasks, two places, a teacher that fails until its breaker opens.
fn small() -> Setup {
    let behaviour: Behaviour = Arc::new(|asked| {
        let says = match asked.nonce {
            5..=9 => Says::Server,
            _ => Says::Well,
        };
        (Duration::from_millis(40 * (1 + asked.nonce % 3)), says)
    });
    let limits = ProviderLimits {
        concurrency: Some(2),
        ..ProviderLimits::default()
    };
    Setup::calm(
        vec![plain("j", 4, "concurrency = 2")],
        vec![(provider(0, limits), behaviour)],
    )
}

/// The orders at those calls of the ledger; then all is as it should be, and a second job gets both places.
fn ordered(turns: Vec<(u64, Command)>) {
    let told = format!("{turns:?}");
    let mut setup = small();
    setup.turns = turns;
    let (_, second) = plain("k", 4, "concurrency = 4");
    let run = Command::Run {
        source: text_of(&second),
        options: RunOptions::default(),
    };
    let minutes = Duration::from_mins;
    // Whatever was ordered, the first one goes on and ends before the second begins.
    setup.orders = vec![
        (minutes(2), Command::Resume("j".to_owned())),
        (minutes(3), Command::Resume("j".to_owned())),
        (minutes(20), run),
    ];
    let played = play(&setup, Books::Memory);
    if let Err(finding) = &played.audited {
        panic!("{finding} with {told}");
    }
    assert_eq!(
        played.world.most_at_once("k", Duration::ZERO),
        2,
        "a place is lost with {told}"
    );
}

#[test]
fn any_order_at_any_step_leaves_every_place_behind() {
    let calls = play(&small(), Books::Memory).world.calls();
    assert!(calls > 40, "{calls} steps");
    // Each order at every sixth step, and each step with one of them.
    for (first, order) in orders().into_iter().enumerate() {
        for at in (first as u64..calls).step_by(6) {
            ordered(vec![(at, order.clone())]);
        }
    }
}

/// Tasks that ended go back to the queue, and the process dies at any of its steps: whoever runs the job again does not hear that it has
/// ended while some of its tasks wait.
#[test]
fn tasks_put_back_are_done_wherever_the_process_dies() {
    let (name, text) = plain("j", 4, "concurrency = 2\nattempts = 3");
    let fails: Behaviour = Arc::new(|asked| {
        let says = if asked.task == 1 && asked.at < Duration::from_mins(1) {
            Says::Server
        } else {
            Says::Well
        };
        (Duration::from_millis(40), says)
    });
    let some = SampleQuery::parse("job:j status:accepted").unwrap();
    for order in [Command::Retry(name.clone()), Command::MakeAgain(some)] {
        let mut setup = Setup::calm(
            vec![(name.clone(), text.clone())],
            vec![(provider(0, eight()), Arc::clone(&fails))],
        );
        let run = || Command::Run {
            source: text_of(&text),
            options: RunOptions::default(),
        };
        let minutes = Duration::from_mins;
        setup.orders = vec![(minutes(2), order.clone()), (minutes(3), run())];
        let all = play(&setup, Books::Memory);
        assert!(all.world.requests() > 6, "{order:?} put nothing back");
        for death in 0..all.world.calls() {
            setup.deaths = vec![death];
            if let Err(finding) = play(&setup, Books::Memory).audited {
                panic!("{finding} with {order:?} and death at {death}");
            }
        }
    }
}

#[test]
#[ignore = "takes minutes; run it by `just simulate`"]
fn any_two_orders_at_any_two_steps_leave_every_place_behind() {
    let calls = play(&small(), Books::Memory).world.calls();
    for first in orders() {
        for second in orders() {
            for at in 0..calls {
                for later in at..calls {
                    ordered(vec![(at, first.clone()), (later, second.clone())]);
                }
            }
        }
    }
}
