//! E3, E4, E9: teachers that are limited, away, or slow, for as long as it takes on a virtual clock.

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use destilation::core::job::JobState;
use destilation::core::settings::{ProviderLimits, ProviderSettings};
use destilation::core::task::TaskState;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::plan::{plain, provider};
use crate::stage::{Books, Played, Setup, play};
use crate::teacher::{Behaviour, Says};

const QUICK: Duration = Duration::from_millis(200);

/// Runs one job at one teacher to its end.
fn run(tasks: u64, limits: &str, settings: ProviderSettings, behaviour: Behaviour) -> Played {
    let played = play(
        &Setup::calm(vec![plain("j", tasks, limits)], vec![(settings, behaviour)]),
        Books::Memory,
    );
    played.audited.clone().unwrap();
    let (job, counts) = &played.jobs[0];
    assert_eq!(job.state, JobState::Completed);
    assert_eq!(counts.of(TaskState::Accepted), tasks, "{counts:?}");
    played
}

/// Attempts that count, beyond the one each task needs.
fn wasted(played: &Played) -> u64 {
    played.retried
}

#[test]
fn ten_minutes_of_rate_limits_cost_no_attempt_and_leave_little_of_the_rate_unused() {
    // Six requests each ten seconds, and the wait until the next ten is said; after ten minutes there is no limit.
    let (window, most) = (Duration::from_secs(10), 6);
    let used: Mutex<(u64, u64)> = Mutex::default();
    let refused = Arc::new(Mutex::new(0_u64));
    let count = Arc::clone(&refused);
    let behaviour: Behaviour = Arc::new(move |asked| {
        if asked.at >= Duration::from_mins(10) {
            return (QUICK, Says::Well);
        }
        let now = asked.at.as_secs() / window.as_secs();
        let mut used = used.lock().unwrap();
        if used.0 != now {
            *used = (now, 0);
        }
        used.1 += 1;
        if used.1 > most {
            *count.lock().unwrap() += 1;
            let left = window.as_secs() - asked.at.as_secs() % window.as_secs();
            return (Duration::from_millis(20), Says::Limited(Some(left)));
        }
        (QUICK, Says::Well)
    });
    let played = run(
        480,
        "concurrency = 32",
        provider(0, ProviderLimits::default()),
        behaviour,
    );
    assert_eq!(wasted(&played), 0, "waiting took attempts");
    let bought = played.world.bought.lock().unwrap();
    let limited = bought
        .iter()
        .filter(|one| one.at < Duration::from_mins(10))
        .count() as u64;
    let answered = limited - *refused.lock().unwrap();
    let allowed = 600 / window.as_secs() * most;
    println!(
        "{answered} of {allowed} allowed answers, {} refusals in ten minutes",
        refused.lock().unwrap()
    );
    assert!(answered * 10 >= allowed * 7, "{answered} of {allowed}");
}

#[test]
fn nine_of_ten_refused_for_ten_minutes_end_well_all_the_same() {
    let behaviour: Behaviour = Arc::new(|asked| {
        let refused = ChaCha8Rng::seed_from_u64(asked.nonce).random_bool(0.9);
        if asked.at < Duration::from_mins(10) && refused {
            (Duration::from_millis(20), Says::Limited(None))
        } else {
            (QUICK, Says::Well)
        }
    });
    let played = run(
        200,
        "concurrency = 16",
        provider(0, ProviderLimits::default()),
        behaviour,
    );
    assert_eq!(wasted(&played), 0, "waiting took attempts");
}

#[test]
fn half_an_hour_of_outage_loses_nothing_and_is_over_within_a_minute() {
    let (from, to) = (Duration::from_secs(10), Duration::from_secs(10 + 30 * 60));
    for (away, places) in [
        (Says::Server, 8),
        (Says::Html, 8),
        (Says::Late, 8),
        (Says::Server, 1),
    ] {
        let behaviour: Behaviour = Arc::new(move |asked| {
            if (from..to).contains(&asked.at) {
                (Duration::from_millis(50), away)
            } else {
                (Duration::from_secs(1), Says::Well)
            }
        });
        let limits = ProviderLimits {
            concurrency: Some(places),
            ..ProviderLimits::default()
        };
        let tasks = 60 * u64::from(places).max(2);
        let played = run(tasks, "concurrency = 8", provider(0, limits), behaviour);
        let bought = played.world.bought.lock().unwrap();
        let during: Vec<Duration> = bought
            .iter()
            .map(|one| one.at)
            .filter(|at| (from..to).contains(at))
            .collect();
        let opened = during
            .iter()
            .filter(|at| **at < from + Duration::from_secs(20))
            .count();
        let back = bought.iter().map(|one| one.at).find(|at| *at >= to).unwrap() - to;
        println!(
            "{away:?}: {opened} requests until the breaker opened, {} in the whole outage, resumed after {back:?}",
            during.len()
        );
        assert!(opened <= 10, "{opened} requests until the breaker opened");
        let probes = &during[opened..];
        for two in probes.windows(2) {
            assert!(two[1] - two[0] >= Duration::from_secs(30), "two probes: {two:?}");
        }
        assert!(back <= Duration::from_mins(1), "resumed after {back:?}");
    }
}

/// One task whose question kills the server for a moment, each time: it alone is given up.
#[test]
fn a_question_that_kills_the_server_is_given_up_and_no_other() {
    let behaviour: Behaviour = Arc::new(|asked| {
        let says = if asked.task == 3 { Says::Server } else { Says::Well };
        (QUICK, says)
    });
    for places in [1, 8] {
        let limits = ProviderLimits {
            concurrency: Some(places),
            ..ProviderLimits::default()
        };
        let jobs = vec![plain("j", 40, "concurrency = 8")];
        let played = play(
            &Setup::calm(jobs, vec![(provider(0, limits), Arc::clone(&behaviour))]),
            Books::Memory,
        );
        played.audited.clone().unwrap();
        let (_, counts) = &played.jobs[0];
        assert_eq!(counts.of(TaskState::Accepted), 39, "{counts:?}");
        assert_eq!(counts.of(TaskState::Failed), 1, "{counts:?}");
        assert_eq!(played.world.requests(), 39 + 6, "six attempts at the one");
    }
}

#[test]
fn a_disk_that_is_full_when_a_job_ends_is_waited_for_by_the_job() {
    let behaviour: Behaviour = Arc::new(|_| (Duration::from_millis(50), Says::Well));
    let teacher = provider(0, ProviderLimits::default());
    let mut setup = Setup::calm(
        vec![plain("j", 20, "concurrency = 4")],
        vec![(teacher, behaviour)],
    );
    setup.disk.refuses_ends = Arc::new(AtomicU32::new(2));
    let played = play(&setup, Books::Memory);
    played.audited.unwrap();
    let trace = played.world.trace.lock().unwrap();
    let often = |what| trace.iter().filter(|step| step.1 == what).count();
    assert_eq!((often("state"), often("helped"), played.lives), (2, 0, 1));
    assert_eq!(played.jobs[0].0.state, JobState::Completed);
    assert!((20..30).contains(&played.took.as_secs()), "{:?}", played.took);
}

#[test]
fn three_answers_that_are_none_end_a_question_and_two_failures_before_one_do_not() {
    let ends = |says: [Says; 3]| {
        let behaviour: Behaviour = Arc::new(move |asked| {
            let says = says.get(asked.nonce as usize - 1).copied();
            (QUICK, says.unwrap_or(Says::Well))
        });
        let setup = Setup::calm(
            vec![plain("j", 1, "concurrency = 1")],
            vec![(provider(0, ProviderLimits::default()), behaviour)],
        );
        let played = play(&setup, Books::Memory);
        played.audited.clone().unwrap();
        let (_, counts) = &played.jobs[0];
        (counts.of(TaskState::Accepted), played.world.requests())
    };
    assert_eq!(ends([Says::Empty, Says::Empty, Says::Empty]), (0, 3));
    assert_eq!(ends([Says::Server, Says::Reset, Says::Empty]), (1, 4));
}

#[test]
fn a_slow_model_with_one_place_never_looks_dead() {
    slow_model(40);
}

#[test]
#[ignore = "takes a minute; run it by `just simulate`"]
fn a_slow_model_with_one_place_and_two_hundred_queued_never_looks_dead() {
    slow_model(200);
}

fn slow_model(tasks: u64) {
    for kind in ["ollama", "openai"] {
        let free = Mutex::new(Duration::ZERO);
        // One to two minutes each, one after the other, whoever comes; an answer is given up after ten minutes.
        let behaviour: Behaviour = Arc::new(move |asked| {
            let mut free = free.lock().unwrap();
            let long = ChaCha8Rng::seed_from_u64(asked.nonce).random_range(60..=120);
            let ends = free.max(asked.at) + Duration::from_secs(long);
            if ends - asked.at > Duration::from_mins(10) {
                return (Duration::from_mins(10), Says::Late);
            }
            *free = ends;
            (ends - asked.at, Says::Well)
        });
        let settings = ProviderSettings {
            kind: kind.to_owned(),
            base_url: Some("http://127.0.0.1:8080/v1".to_owned()),
            ..provider(0, ProviderLimits::default())
        };
        let mut setup = Setup::calm(
            vec![plain("j", tasks, "concurrency = 64")],
            vec![(settings, behaviour)],
        );
        setup.longest = Duration::from_hours(12);
        let played = play(&setup, Books::Memory);
        played.audited.clone().unwrap();
        let (_, counts) = &played.jobs[0];
        assert_eq!(counts.of(TaskState::Accepted), tasks, "{kind}: {counts:?}");
        let asked = played.world.requests();
        println!(
            "{kind}: {asked} requests in {:.1} virtual hours",
            played.took.as_secs_f64() / 3600.0
        );
        assert_eq!(asked, tasks, "{kind}: some were given up for dead");
        let most = Duration::from_secs(108) * tasks as u32;
        assert!(
            played.took < most,
            "{kind}: the place stood empty: {:?}",
            played.took
        );
    }
}
