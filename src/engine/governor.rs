//! The governor of one provider: how many requests may be in flight, how many a minute, and when none may go out at all.
//! It decides; it sends nothing. The time is an argument.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::allowance::{concurrency, most_at_once, slower};
use super::breaker::Breaker;
use super::bucket::Bucket;
use super::concurrency::Concurrency;
use super::latencies::Latencies;
use crate::core::api::{Circuit, Health, ProviderHealth};
use crate::core::budget::{Amount, Budget, CapMode, Money, Refusal};
use crate::core::job::PauseReason;
use crate::core::ports::ModelProvider;
use crate::core::request::{Action, ProviderError, RateHint, Trouble};
use crate::core::settings::ProviderSettings;
use crate::core::task::TaskId;

/// How long to wait before asking an unreachable endpoint again.
const PROBE_UNREACHABLE: Duration = Duration::from_secs(5);
/// How long an endpoint may be unreachable before the job needs a person.
const UNREACHABLE_AT_MOST: Duration = Duration::from_mins(5);
/// First requests that may all be refused with the same words before the provider is paused.
const SAME_REFUSALS: u32 = 5;
/// Time between two readings of the 95th percentile, and how many are kept.
const P95_EVERY: Duration = Duration::from_secs(10);
const P95S: usize = 60;

/// A provider with its governor.
pub(super) struct Station {
    pub(super) settings: ProviderSettings,
    pub(super) provider: Option<Arc<dyn ModelProvider>>,
    /// Shared with the station that takes this one's place: what is in flight or set aside counts on.
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
    started: Instant,
    /// Counts the settings this name has had.
    edition: u32,
}

struct State {
    /// The station in force.
    edition: u32,
    concurrency: Concurrency,
    in_flight: u32,
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    closed: Option<Closed>,
    probing: bool,
    down_since: Option<Instant>,
    breaker: Breaker,
    /// The task that failed first since the last good answer, and whether others did.
    failing: Option<(TaskId, bool)>,
    budget: Budget,
    latencies: Latencies,
    sent: u64,
    errors: u64,
    limited: u64,
    /// It has answered at least once.
    ever: bool,
    /// The refusal that all its first requests met, and how many did.
    refusal: (String, u32),
    /// What the rate-limit headers said last, and when.
    rate: Option<(Instant, RateHint)>,
    /// The 95th percentile every ten seconds, and when the next one is due.
    p95s: VecDeque<u64>,
    p95_due: Option<Instant>,
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

    /// Whether its provider was closed since it was given: what is not sent yet is to stay.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        !self.probe && self.station.lock().standing(now) != Standing::Open
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

impl Station {
    /// A governor with its settings; `spent` is what the ledger says of this provider.
    pub(super) fn new(
        settings: ProviderSettings,
        provider: Result<Arc<dyn ModelProvider>, PauseReason>,
        spent: Amount,
    ) -> Self {
        let concurrency = concurrency(&settings);
        let budget = Budget::new(settings.limits.caps(), CapMode::Hard, spent);
        let (provider, closed) = match provider {
            Ok(provider) => (Some(provider), None),
            Err(reason) => (None, Some(Closed::Person(reason))),
        };
        let mut state = State {
            edition: 0,
            concurrency,
            in_flight: 0,
            requests: None,
            tokens: None,
            closed,
            probing: false,
            down_since: None,
            breaker: Breaker::default(),
            failing: None,
            budget,
            latencies: Latencies::default(),
            sent: 0,
            errors: 0,
            limited: 0,
            ever: false,
            refusal: (String::new(), 0),
            rate: None,
            p95s: VecDeque::new(),
            p95_due: None,
        };
        state.pace(&settings);
        Self {
            settings,
            provider,
            state: Arc::new(Mutex::new(state)),
            changed: Arc::default(),
            started: Instant::now(),
            edition: 0,
        }
    }

    /// The same endpoint with other settings. What is in flight at the old one keeps its place and its reservation; `provider` is
    /// `None` where the adapter need not be built anew.
    pub(super) fn with(
        &self,
        settings: ProviderSettings,
        provider: Option<Result<Arc<dyn ModelProvider>, PauseReason>>,
    ) -> Self {
        let mut state = self.lock();
        let edition = state.edition + 1;
        if settings.limits != self.settings.limits || most_at_once(&settings) != most_at_once(&self.settings)
        {
            state.concurrency = concurrency(&settings);
            state.pace(&settings);
            state.budget.set_caps(settings.limits.caps(), CapMode::Hard);
            if matches!(state.closed, Some(Closed::Person(PauseReason::Limit(_)))) {
                state.closed = None;
            }
        }
        let provider = match provider {
            None => self.provider.clone(),
            Some(built) => {
                // Another address or key: what was learnt of the old one says nothing about it.
                state.edition = edition;
                state.breaker.reset();
                state.down_since = None;
                state.ever = false;
                state.refusal = (String::new(), 0);
                state.rate = None;
                state.closed = built.as_ref().err().cloned().map(Closed::Person);
                built.ok()
            }
        };
        let edition = state.edition;
        drop(state);
        Self {
            settings,
            provider,
            state: Arc::clone(&self.state),
            changed: Arc::clone(&self.changed),
            started: self.started,
            edition,
        }
    }

    /// Wakes everyone who waits for it.
    pub(super) fn look_again(&self) {
        self.changed.notify_waiters();
    }

    /// The 95th percentiles of the last minutes, one every ten seconds.
    pub(super) fn p95s(&self) -> Vec<u64> {
        self.lock().p95s.iter().copied().collect()
    }

    /// What its rate-limit headers said last, counted on to now; nothing of a minute that is over.
    pub(super) fn rate(&self, now: Instant) -> RateHint {
        let Some((at, hint)) = self.lock().rate else {
            return RateHint::default();
        };
        let counted = |seen: Option<(u64, Duration)>| {
            let (left, reset) = seen?;
            let reset = reset.checked_sub(now.saturating_duration_since(at))?;
            Some((left, reset))
        };
        RateHint {
            requests: counted(hint.requests),
            tokens: counted(hint.tokens),
        }
    }

    /// Whether requests go out, and when one is tried if not.
    pub(super) fn circuit(&self, now: Instant) -> Circuit {
        let standing = self.standing(now);
        Circuit {
            open_for_requests: standing == Standing::Open,
            probe_in: match standing {
                Standing::Later(at) => Some(at.saturating_duration_since(now)),
                Standing::Open | Standing::Person(_) => None,
            },
            failures: self.lock().breaker.in_a_row(),
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
        if self.settings.disabled {
            let why = format!("{} is switched off on the Providers screen", self.settings.name);
            return Standing::Person(PauseReason::NoTeacher(why));
        }
        self.lock().standing(now)
    }

    /// Takes a slot if there is one at once; otherwise when to look again (`None`: when [`Self::changed`] says so).
    pub(super) fn try_acquire(&self, now: Instant, tokens: u64) -> Result<Permit<'_>, Option<Instant>> {
        if self.settings.disabled {
            return Err(Some(now));
        }
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

    /// Money settled and set aside.
    pub(super) fn spent(&self) -> (Money, Money) {
        let state = self.lock();
        (state.budget.settled().usd, state.budget.reserved().usd)
    }

    /// Replaces a reservation by what it took.
    pub(super) fn settle(&self, reserved: Amount, actual: Amount) {
        self.lock().budget.settle(reserved, actual);
    }

    /// A good answer after so long. Only a probe's opens what is closed: others were sent before it closed, and say nothing about it. Nor
    /// does a probe's about a wait that was asked for after it was sent.
    pub(super) fn succeeded(&self, now: Instant, latency: Duration, hint: RateHint, probe: bool) {
        let mut state = self.lock();
        state.latencies.add(latency);
        state.note_p95(now);
        state.sent += 1;
        if self.edition != state.edition {
            // It answers for settings that no longer hold.
            return;
        }
        if hint != RateHint::default() {
            state.rate = Some((now, hint));
        }
        state.ever = true;
        let reopened = probe && state.is_due(now);
        state.down_since = None;
        state.failing = None;
        if reopened {
            state.closed = None;
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
    pub(super) fn failed(
        &self,
        now: Instant,
        error: &ProviderError,
        task: TaskId,
    ) -> Option<(Health, String)> {
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
        if self.edition != state.edition {
            // Settings that no longer hold cannot close what holds now.
            return None;
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
                state.failing = match state.failing {
                    Some((first, others)) => Some((first, others || first != task)),
                    None => Some((task, false)),
                };
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

    /// Whether another task than this has failed here since the last good answer.
    pub(super) fn fails_others_than(&self, task: TaskId) -> bool {
        let failing = self.lock().failing;
        failing.is_some_and(|(first, others)| others || first != task)
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
            _ if self.settings.disabled => (Health::Off, Some("switched off".to_owned())),
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
            health: if self.provider.is_none() || self.settings.disabled {
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
    /// Fresh buckets for the settings' limits a minute.
    fn pace(&mut self, settings: &ProviderSettings) {
        let limits = &settings.limits;
        self.requests = limits
            .requests_per_minute
            .map(|n| Bucket::per_minute(f64::from(n)));
        self.tokens = limits.tokens_per_minute.map(|n| Bucket::per_minute(n as f64));
    }

    /// Keeps the 95th percentile once every ten seconds.
    fn note_p95(&mut self, now: Instant) {
        if self.p95_due.is_some_and(|due| now < due) {
            return;
        }
        self.p95_due = Some(now + P95_EVERY);
        if self.p95s.len() == P95S {
            self.p95s.pop_front();
        }
        let p95 = self.latencies.quantile(0.95);
        self.p95s.push_back(p95);
    }

    fn standing(&self, now: Instant) -> Standing {
        match &self.closed {
            Some(Closed::Person(reason)) => Standing::Person(reason.clone()),
            Some(Closed::Until { at, .. }) if *at > now => Standing::Later(*at),
            // Due for its probe: whoever comes first makes it, the others look again shortly.
            Some(Closed::Until { .. }) if self.probing => Standing::Later(now + Duration::from_millis(200)),
            None | Some(Closed::Until { .. }) => Standing::Open,
        }
    }

    /// Whether it was closed for a time that is over.
    fn is_due(&self, now: Instant) -> bool {
        matches!(&self.closed, Some(Closed::Until { at, .. }) if *at <= now)
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
mod tests;
