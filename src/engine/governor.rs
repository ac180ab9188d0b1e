//! The governor of one provider: how many requests may be in flight, how many a minute, and when none may go out at all.
//! It decides; it sends nothing. The time is an argument.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::breaker::Breaker;
use super::bucket::Bucket;
use super::concurrency::Concurrency;
use super::latencies::Latencies;
use crate::core::api::{Health, ProviderHealth};
use crate::core::budget::{Amount, Budget, CapMode, Money, Refusal};
use crate::core::job::PauseReason;
use crate::core::ports::ModelProvider;
use crate::core::request::{Action, ProviderError, RateHint, Trouble};
use crate::core::settings::ProviderSettings;

/// How long to wait before asking an unreachable endpoint again.
const PROBE_UNREACHABLE: Duration = Duration::from_secs(5);
/// How long an endpoint may be unreachable before the job needs a person.
const UNREACHABLE_AT_MOST: Duration = Duration::from_mins(5);
/// First requests that may all be refused with the same words before the provider is paused.
const SAME_REFUSALS: u32 = 5;
/// Concurrency where neither job nor provider sets any.
const CONCURRENCY: u32 = 4096;

/// A provider with its governor.
pub(super) struct Station {
    pub(super) settings: ProviderSettings,
    pub(super) provider: Option<Arc<dyn ModelProvider>>,
    state: Mutex<State>,
    changed: Notify,
    started: Instant,
}

struct State {
    concurrency: Concurrency,
    in_flight: u32,
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    closed: Option<Closed>,
    probing: bool,
    down_since: Option<Instant>,
    breaker: Breaker,
    budget: Budget,
    latencies: Latencies,
    sent: u64,
    errors: u64,
    limited: u64,
    /// It has answered at least once.
    ever: bool,
    /// The refusal that all its first requests met, and how many did.
    refusal: (String, u32),
}

/// Why no request goes out.
#[derive(Debug, Clone)]
enum Closed {
    /// Until then; afterwards one probe.
    Until {
        at: Instant,
        health: Health,
        why: String,
    },
    /// Until a person does something.
    Person(PauseReason),
}

/// How a provider stands for whoever wants to ask it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Standing {
    /// Requests go out (perhaps after a short wait for a slot).
    Open,
    /// Not before that moment.
    Later(Instant),
    /// Only a person can help.
    Person(PauseReason),
}

/// A slot in flight; dropping it gives the slot back.
pub(super) struct Permit<'a> {
    station: &'a Station,
    probe: bool,
}

impl Permit<'_> {
    /// Whether it is the one request that tries a closed provider again.
    pub(super) fn is_probe(&self) -> bool {
        self.probe
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.station.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
        if self.probe {
            state.probing = false;
        }
        drop(state);
        self.station.changed.notify_one();
    }
}

/// Requests a provider takes at once at most.
pub(super) fn most_at_once(settings: &ProviderSettings) -> u32 {
    let default = match settings.kind.as_str() {
        "ollama" => 4,
        "script" => settings.workers.unwrap_or(1),
        _ => CONCURRENCY,
    };
    settings.limits.concurrency.unwrap_or(default).max(1)
}

/// Whether it is a machine of the user's own: hosted ones speak https.
fn is_own(settings: &ProviderSettings) -> bool {
    let plain = |url: &String| url.starts_with("http://");
    settings.kind == "ollama" || settings.base_url.as_ref().is_some_and(plain)
}

/// Why fewer requests are in flight, in words.
fn slower(now: Duration, before: Duration) -> String {
    let [now, before] = [now, before].map(|time| time.as_secs_f64());
    format!("answers take {now:.1} s instead of {before:.1} s: fewer at once")
}

impl Station {
    /// A governor with its settings; `spent` is what the ledger says of this provider.
    pub(super) fn new(
        settings: ProviderSettings,
        provider: Result<Arc<dyn ModelProvider>, PauseReason>,
        spent: Amount,
    ) -> Self {
        let concurrency = Concurrency::new(most_at_once(&settings), is_own(&settings));
        let budget = Budget::new(settings.limits.caps(), CapMode::Hard, spent);
        let (provider, closed) = match provider {
            Ok(provider) => (Some(provider), None),
            Err(reason) => (None, Some(Closed::Person(reason))),
        };
        let state = State {
            concurrency,
            in_flight: 0,
            requests: settings
                .limits
                .requests_per_minute
                .map(|n| Bucket::per_minute(f64::from(n))),
            tokens: settings
                .limits
                .tokens_per_minute
                .map(|n| Bucket::per_minute(n as f64)),
            closed,
            probing: false,
            down_since: None,
            breaker: Breaker::default(),
            budget,
            latencies: Latencies::default(),
            sent: 0,
            errors: 0,
            limited: 0,
            ever: false,
            refusal: (String::new(), 0),
        };
        Self {
            settings,
            provider,
            state: Mutex::new(state),
            changed: Notify::new(),
            started: Instant::now(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Most requests in flight at present.
    pub(super) fn limit(&self) -> u64 {
        u64::from(self.lock().concurrency.limit())
    }

    /// How it stands now.
    pub(super) fn standing(&self, now: Instant) -> Standing {
        self.lock().standing(now)
    }

    /// Takes a slot if there is one at once; otherwise when to look again (`None`: when [`Self::changed`] says so).
    pub(super) fn try_acquire(&self, now: Instant, tokens: u64) -> Result<Permit<'_>, Option<Instant>> {
        let mut state = self.lock();
        let probe = state.acquire(now, tokens)?;
        Ok(Permit { station: self, probe })
    }

    /// Resolves when a slot may have become free or the standing has changed.
    pub(super) fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    /// Sets money and tokens aside at this provider.
    pub(super) fn reserve(&self, amount: Amount) -> Result<(), Refusal> {
        self.lock().budget.reserve(amount)
    }

    /// Replaces a reservation by what it took.
    pub(super) fn settle(&self, reserved: Amount, actual: Amount) {
        self.lock().budget.settle(reserved, actual);
    }

    /// A good answer after so long.
    pub(super) fn succeeded(&self, now: Instant, latency: Duration, hint: RateHint) {
        let mut state = self.lock();
        state.latencies.add(latency);
        state.sent += 1;
        state.ever = true;
        let reopened = state.closed.take().is_some();
        state.down_since = None;
        if reopened {
            state.breaker.reset();
        } else {
            state.breaker.observe(now - self.started, true);
        }
        let in_flight = state.in_flight;
        state.concurrency.answered(latency, in_flight);
        for (left, reset) in [hint.requests, hint.tokens].into_iter().flatten() {
            if left == 0 && !reset.is_zero() {
                state.close_until(
                    now + reset,
                    Health::Limited,
                    "the rate limit of this minute is used up",
                );
            }
        }
        drop(state);
        if reopened {
            self.changed.notify_waiters();
        }
    }

    /// A failure. Returns the health it leads to, if that changed.
    pub(super) fn failed(&self, now: Instant, error: &ProviderError) -> Option<(Health, String)> {
        let mut state = self.lock();
        let before = state.health();
        state.sent += 1;
        if error.slow_down {
            let in_flight = state.in_flight;
            state.concurrency.too_much(now, in_flight);
        }
        match error.trouble {
            Trouble::RateLimit => state.limited += 1,
            _ => state.errors += 1,
        }
        match (error.action, error.trouble) {
            (
                Action::Pause {
                    resume_after: Some(after),
                },
                _,
            ) => state.close_until(now + after, Health::Down, &error.message),
            (Action::Pause { resume_after: None }, trouble) => {
                state.closed = Some(Closed::Person(self.reason(trouble, &error.message)));
            }
            (_, Trouble::Unreachable) => {
                let since = *state.down_since.get_or_insert(now);
                if now - since >= UNREACHABLE_AT_MOST {
                    state.closed = Some(Closed::Person(self.reason(Trouble::Unreachable, &error.message)));
                } else {
                    state.close_until(now + PROBE_UNREACHABLE, Health::Down, &error.message);
                }
            }
            (Action::Snooze(after), _) => state.close_until(now + after, Health::Limited, &error.message),
            (Action::Retry { after }, Trouble::Server | Trouble::Network | Trouble::Garbage) => {
                if let Some(open_for) = state.breaker.observe(now - self.started, false) {
                    state.close_until(
                        now + open_for.max(after.unwrap_or_default()),
                        Health::Down,
                        &error.message,
                    );
                }
            }
            (Action::Fail, _) if state.refused_from_the_start(&error.message) => {
                state.closed = Some(Closed::Person(self.reason(Trouble::Setup, &error.message)));
            }
            (Action::Retry { .. } | Action::Fail, _) => {}
        }
        let after = state.health();
        drop(state);
        if after == Health::Up {
            None
        } else {
            (before != after).then(|| (after, error.message.clone()))
        }
    }

    fn reason(&self, trouble: Trouble, message: &str) -> PauseReason {
        let detail = format!("{}: {message}", self.settings.name);
        match trouble {
            Trouble::Auth => PauseReason::Auth(detail),
            Trouble::Credit | Trouble::RateLimit => PauseReason::Credit(detail),
            Trouble::Unreachable | Trouble::Network | Trouble::Server | Trouble::Garbage => {
                PauseReason::Unreachable(detail)
            }
            Trouble::Request | Trouble::Setup => PauseReason::NoTeacher(detail),
        }
    }

    /// The provider's own cap is met: nothing more until it is raised.
    pub(super) fn cap_met(&self, limit: crate::core::budget::Limit) {
        let detail = format!("{}: its {limit} cap in the configuration", self.settings.name);
        self.lock().closed = Some(Closed::Person(PauseReason::Limit(detail)));
    }

    /// A person asked to go on: closed doors open for one probe.
    pub(super) fn reopen(&self, now: Instant) {
        let mut state = self.lock();
        if self.provider.is_some() && state.closed.is_some() {
            state.close_until(now, Health::Limited, "trying again");
            state.down_since = None;
            state.breaker.reset();
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// The gauge.
    pub(super) fn health(&self) -> ProviderHealth {
        let state = self.lock();
        let pressed = state.concurrency.pressed();
        let (health, message) = match &state.closed {
            Some(Closed::Until { why, .. }) => (state.health(), Some(why.clone())),
            Some(Closed::Person(reason)) => (state.health(), Some(reason.to_string())),
            None => match pressed {
                Some((now, before)) => (Health::Slow, Some(slower(now, before))),
                None => (Health::Up, None),
            },
        };
        ProviderHealth {
            name: self.settings.name.clone(),
            kind: self.settings.kind.clone(),
            health: if self.provider.is_none() {
                Health::Off
            } else {
                health
            },
            message,
            models: self
                .settings
                .models
                .iter()
                .map(|model| model.id.clone())
                .collect(),
            in_flight: u64::from(state.in_flight),
            limit: u64::from(state.concurrency.limit()),
            requests: state.sent,
            errors: state.errors,
            limited: state.limited,
            p50_ms: state.latencies.quantile(0.5),
            p95_ms: state.latencies.quantile(0.95),
            usd: Money(state.budget.settled().usd.0),
        }
    }
}

impl State {
    fn standing(&self, now: Instant) -> Standing {
        match &self.closed {
            Some(Closed::Person(reason)) => Standing::Person(reason.clone()),
            Some(Closed::Until { at, .. }) if *at > now => Standing::Later(*at),
            // Due for its probe: whoever comes first makes it, the others look again shortly.
            Some(Closed::Until { .. }) if self.probing => Standing::Later(now + Duration::from_millis(200)),
            None | Some(Closed::Until { .. }) => Standing::Open,
        }
    }

    /// Grants a slot; `Ok(true)` is the probe after a closed time.
    fn acquire(&mut self, now: Instant, tokens: u64) -> Result<bool, Option<Instant>> {
        match self.standing(now) {
            Standing::Open => {}
            Standing::Later(at) => return Err(Some(at)),
            Standing::Person(_) => return Err(Some(now)),
        }
        if self.in_flight >= self.concurrency.limit() {
            return Err(None);
        }
        let waits = [
            self.requests
                .as_mut()
                .and_then(|bucket| bucket.wait_for(now, 1.0)),
            self.tokens
                .as_mut()
                .and_then(|bucket| bucket.wait_for(now, tokens as f64)),
        ];
        if let Some(wait) = waits.into_iter().flatten().max() {
            return Err(Some(now + wait));
        }
        if let Some(bucket) = &mut self.requests {
            bucket.take(1.0);
        }
        if let Some(bucket) = &mut self.tokens {
            bucket.take(tokens as f64);
        }
        let probe = self.closed.is_some();
        self.probing |= probe;
        self.in_flight += 1;
        Ok(probe)
    }

    fn close_until(&mut self, at: Instant, health: Health, why: &str) {
        let later = match &self.closed {
            Some(Closed::Until { at: before, .. }) => at.max(*before),
            Some(Closed::Person(_)) | None => at,
        };
        self.closed = Some(Closed::Until {
            at: later,
            health,
            why: why.to_owned(),
        });
    }

    /// Whether the first requests ever all met the same refusal: then it is the settings that are wrong, not the tasks.
    fn refused_from_the_start(&mut self, message: &str) -> bool {
        if self.ever || (self.refusal.1 > 0 && self.refusal.0 != message) {
            self.ever = true;
            return false;
        }
        message.clone_into(&mut self.refusal.0);
        self.refusal.1 += 1;
        self.refusal.1 >= SAME_REFUSALS
    }

    fn health(&self) -> Health {
        match &self.closed {
            Some(Closed::Until { health, .. }) => *health,
            Some(Closed::Person(_)) => Health::Down,
            None => Health::Up,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ports::{ModelInfo, ModelProvider};
    use crate::core::request::{Completion, ModelRequest, RawResponse};

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
        let mut settings = ProviderSettings {
            name: "p".to_owned(),
            kind: "openai".to_owned(),
            ..Default::default()
        };
        settings.limits.concurrency = Some(concurrency);
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
        );
        drop(first);
        assert!(station.try_acquire(now, 1).is_err());
        now += Duration::from_secs(3);
        let probe = station.try_acquire(now, 1).ok().unwrap();
        assert!(
            station.try_acquire(now, 1).is_err(),
            "a second request beside the probe"
        );
        station.succeeded(now, Duration::from_millis(5), RateHint::default());
        drop(probe);
        assert!(station.try_acquire(now, 1).is_ok());
    }

    #[test]
    fn slowing_down_cuts_once_a_second_and_grows_back() {
        let now = Instant::now();
        let station = station(100);
        let open = || {
            for _ in 0..10_000 {
                station.succeeded(now, Duration::from_millis(5), RateHint::default());
            }
        };
        open();
        let permits: Vec<_> = (0..100)
            .map(|_| station.try_acquire(now, 1).ok().unwrap())
            .collect();
        station.failed(now, &error(Action::Snooze(Duration::ZERO), Trouble::RateLimit));
        station.failed(now, &error(Action::Snooze(Duration::ZERO), Trouble::RateLimit));
        assert_eq!(station.limit(), 70);
        drop(permits);
        open();
        assert_eq!(station.limit(), 100);
    }

    #[test]
    fn latency_that_rises_with_the_requests_is_seen_and_told() {
        let now = Instant::now();
        let station = station(64);
        let mut permits = Vec::new();
        // A server of eight places that never says 429: what is more waits.
        for _ in 0..4000 {
            while let Ok(permit) = station.try_acquire(now, 1) {
                permits.push(permit);
            }
            let latency = Duration::from_secs_f64(1.0_f64.max(permits.len() as f64 / 4.0));
            permits.swap_remove(0);
            station.succeeded(now, latency, RateHint::default());
        }
        assert!(station.limit() < 40, "{}", station.limit());
        let told = |health: ProviderHealth| health.health == Health::Slow && health.message.is_some();
        let seen = (0..400).any(|_| {
            station.succeeded(now, Duration::from_mins(1), RateHint::default());
            told(station.health())
        });
        assert!(seen);
    }

    #[test]
    fn settings_that_no_request_survives_pause_the_provider() {
        let now = Instant::now();
        let never_right = station(8);
        for _ in 0..4 {
            never_right.failed(now, &error(Action::Fail, Trouble::Setup));
            assert_eq!(never_right.standing(now), Standing::Open);
        }
        never_right.failed(now, &error(Action::Fail, Trouble::Setup));
        assert!(matches!(
            never_right.standing(now),
            Standing::Person(PauseReason::NoTeacher(_))
        ));
        let once_right = station(8);
        once_right.succeeded(now, Duration::from_millis(5), RateHint::default());
        for _ in 0..20 {
            once_right.failed(now, &error(Action::Fail, Trouble::Setup));
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
            );
        }
        assert!(matches!(
            station.standing(now),
            Standing::Person(PauseReason::Unreachable(_))
        ));
        station.reopen(now);
        assert_eq!(station.standing(now), Standing::Open);
    }
}
