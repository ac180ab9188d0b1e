//! The governor on a clock of its own: probes, cuts, refusals, other settings.

use super::*;
use crate::core::ports::{ModelInfo, ModelProvider};
use crate::core::request::{Completion, ModelRequest, RawResponse};

const SOME: TaskId = TaskId {
    job: crate::core::job::JobId(1),
    index: 0,
};

struct Nobody;

#[async_trait::async_trait]
impl ModelProvider for Nobody {
    async fn send(&self, _: &ModelRequest) -> Result<RawResponse, ProviderError> {
        Err(error(Action::Fail, Trouble::Request))
    }
    fn read(&self, _: &RawResponse) -> Result<Completion, ProviderError> {
        Err(error(Action::Fail, Trouble::Request))
    }
    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        Ok(Vec::new())
    }
    async fn probe(&self) -> Result<(), ProviderError> {
        Ok(())
    }
}

fn error(action: Action, trouble: Trouble) -> ProviderError {
    ProviderError {
        action,
        trouble,
        message: "no".to_owned(),
        maybe_billed: false,
        slow_down: trouble == Trouble::RateLimit,
    }
}

fn station(concurrency: u32) -> Station {
    station_with(Some(concurrency))
}

fn station_with(concurrency: Option<u32>) -> Station {
    let mut settings = ProviderSettings {
        name: "p".to_owned(),
        kind: "openai".to_owned(),
        ..Default::default()
    };
    settings.limits.concurrency = concurrency;
    Station::new(settings, Ok(Arc::new(Nobody)), Amount::default())
}

#[test]
fn after_a_rate_limit_exactly_one_probe_goes_out() {
    let mut now = Instant::now();
    let station = station(8);
    let first = station.try_acquire(now, 1).ok().unwrap();
    station.failed(
        now,
        &error(Action::Snooze(Duration::from_secs(3)), Trouble::RateLimit),
        SOME,
    );
    drop(first);
    assert!(station.try_acquire(now, 1).is_err());
    now += Duration::from_secs(3);
    let probe = station.try_acquire(now, 1).ok().unwrap();
    assert!(
        station.try_acquire(now, 1).is_err(),
        "a second request beside the probe"
    );
    station.succeeded(now, Duration::from_millis(5), RateHint::default(), true);
    drop(probe);
    assert!(station.try_acquire(now, 1).is_ok());
}

#[test]
fn an_answer_that_was_under_way_does_not_end_the_wait() {
    let now = Instant::now();
    let station = station(8);
    let limited = station.try_acquire(now, 1).ok().unwrap();
    let under_way = station.try_acquire(now, 1).ok().unwrap();
    let late = station.try_acquire(now, 1).ok().unwrap();
    station.failed(
        now,
        &error(Action::Snooze(Duration::from_secs(3)), Trouble::RateLimit),
        SOME,
    );
    drop(limited);
    assert!(late.is_late(now), "it has its slot, and is not sent yet");
    station.succeeded(
        now,
        Duration::from_secs(1),
        RateHint::default(),
        under_way.is_probe(),
    );
    drop(under_way);
    assert!(station.try_acquire(now, 1).is_err(), "it asked for three seconds");
    let then = now + Duration::from_secs(3);
    let probe = station.try_acquire(then, 1).ok().unwrap();
    assert!(probe.is_probe() && !probe.is_late(then));
}

#[test]
fn a_wait_asked_for_while_a_probe_is_under_way_outlasts_its_good_answer() {
    let now = Instant::now();
    let station = station(8);
    let [first, second, third, fourth] = [0; 4].map(|_| station.try_acquire(now, 1).ok().unwrap());
    let wait = |seconds| error(Action::Snooze(Duration::from_secs(seconds)), Trouble::RateLimit);
    // Of four, so that the limit it leaves has room for a probe beside the second.
    station.failed(now, &wait(1), SOME);
    drop([first, third, fourth]);
    let then = now + Duration::from_secs(1);
    let probe = station.try_acquire(then, 1).ok().unwrap();
    assert!(probe.is_probe());
    // What was sent before the first wait is answered only now, by asking for another.
    station.failed(then, &wait(3), SOME);
    drop(second);
    station.succeeded(then, Duration::from_millis(5), RateHint::default(), true);
    drop(probe);
    assert!(
        station.try_acquire(then, 1).is_err(),
        "it asked for three seconds"
    );
    let later = then + Duration::from_secs(3);
    assert!(
        station
            .try_acquire(later, 1)
            .is_ok_and(|permit| permit.is_probe())
    );
}

#[test]
fn slowing_down_cuts_once_a_second_and_grows_back() {
    let now = Instant::now();
    let station = station(100);
    let permits: Vec<_> = (0..100)
        .map(|_| station.try_acquire(now, 1).ok().unwrap())
        .collect();
    station.failed(
        now,
        &error(Action::Snooze(Duration::ZERO), Trouble::RateLimit),
        SOME,
    );
    station.failed(
        now,
        &error(Action::Snooze(Duration::ZERO), Trouble::RateLimit),
        SOME,
    );
    assert_eq!(station.limit(), 70);
    drop(permits);
    for _ in 0..10_000 {
        station.succeeded(now, Duration::from_millis(5), RateHint::default(), false);
    }
    assert_eq!(station.limit(), 100);
}

#[test]
fn latency_that_rises_with_the_requests_is_seen_and_told() {
    let now = Instant::now();
    let station = station_with(None);
    let mut permits = Vec::new();
    // A server of eight places that never says 429: what is more waits.
    for _ in 0..4000 {
        while let Ok(permit) = station.try_acquire(now, 1) {
            permits.push(permit);
        }
        let latency = Duration::from_secs_f64(1.0_f64.max(permits.len() as f64 / 4.0));
        permits.swap_remove(0);
        station.succeeded(now, latency, RateHint::default(), false);
    }
    assert!(station.limit() < 40, "{}", station.limit());
    let told = |health: ProviderHealth| health.health == Health::Slow && health.message.is_some();
    let seen = (0..400).any(|_| {
        station.succeeded(now, Duration::from_mins(1), RateHint::default(), false);
        told(station.health())
    });
    assert!(seen);
}

#[test]
fn settings_that_no_request_survives_pause_the_provider() {
    let now = Instant::now();
    let never_right = station(8);
    for _ in 0..4 {
        never_right.failed(now, &error(Action::Fail, Trouble::Setup), SOME);
        assert_eq!(never_right.standing(now), Standing::Open);
    }
    never_right.failed(now, &error(Action::Fail, Trouble::Setup), SOME);
    assert!(matches!(
        never_right.standing(now),
        Standing::Person(PauseReason::NoTeacher(_))
    ));
    let once_right = station(8);
    once_right.succeeded(now, Duration::from_millis(5), RateHint::default(), false);
    for _ in 0..20 {
        once_right.failed(now, &error(Action::Fail, Trouble::Setup), SOME);
    }
    assert_eq!(once_right.standing(now), Standing::Open);
}

#[test]
fn an_endpoint_that_stays_unreachable_needs_a_person_after_five_minutes() {
    let mut now = Instant::now();
    let station = station(8);
    for _ in 0..70 {
        now += Duration::from_secs(5);
        station.failed(
            now,
            &error(Action::Snooze(Duration::from_secs(1)), Trouble::Unreachable),
            SOME,
        );
    }
    assert!(matches!(
        station.standing(now),
        Standing::Person(PauseReason::Unreachable(_))
    ));
    station.reopen(now);
    assert_eq!(station.standing(now), Standing::Open);
}

#[test]
fn other_settings_keep_what_is_in_flight_and_old_answers_close_nothing() {
    let now = Instant::now();
    let old = station(2);
    let flying = old.try_acquire(now, 1).ok().unwrap();
    let mut settings = old.settings.clone();
    settings.limits.concurrency = Some(1);
    settings.base_url = Some("http://elsewhere".to_owned());
    let new = old.with(settings.clone(), Some(Ok(Arc::new(Nobody))));
    assert!(
        new.try_acquire(now, 1).is_err(),
        "the request in flight at the old one counts"
    );
    let refused = ProviderError {
        action: Action::Pause { resume_after: None },
        ..error(Action::Fail, Trouble::Auth)
    };
    assert_eq!(old.failed(now, &refused, SOME), None);
    assert_eq!(new.standing(now), Standing::Open, "the old key's refusal");
    drop(flying);
    assert!(new.try_acquire(now, 1).is_ok());
    settings.disabled = true;
    let off = new.with(settings, None);
    assert!(matches!(off.standing(now), Standing::Person(_)));
    assert_eq!(off.health().health, Health::Off);
}
