//! The purses of a request: what it may take, setting that aside at job, provider and day, and settling what it took.

use std::time::Duration;

use tokio::time::sleep;

use super::attempt::{Attempts, Out, Sent};
use super::governor::Station;
use super::running::{Running, Wish};
use crate::core::budget::{Amount, Limit, Money, Refusal};
use crate::core::job::{OnLimit, PauseReason};
use crate::core::request::{Completion, ModelRequest};
use crate::core::route::Teacher;
use crate::core::task::{Closed, RequestId, RequestState, Transition};

/// Answer tokens assumed where neither the job nor the teacher sets a limit.
const OUTPUT_UNKNOWN: u64 = 32_768;

impl Attempts<'_> {
    /// Sets the amount aside at the job, the provider and the day, or waits, or ends the job at its limit.
    pub(super) async fn reserve<'s>(
        &'s self,
        station: &'s Station,
        amount: Amount,
    ) -> Result<SetAside<'s>, Sent> {
        loop {
            // Register before asking, so that a settlement in between is not missed.
            let settled = self.job.settled.notified();
            let refusal = match self.try_reserve(station, amount) {
                Ok(()) => {
                    return Ok(SetAside {
                        attempts: self,
                        station,
                        amount,
                        begun: false,
                        settled: false,
                    });
                }
                Err(refusal) => refusal,
            };
            match refusal {
                Purse::Wait => {
                    tokio::select! {
                        biased;
                        () = settled => {}
                        () = sleep(Duration::from_millis(200)) => {}
                        () = self.job.ended() => return Err(Sent::Out(Out::Transition(Transition::Release))),
                    }
                }
                Purse::Provider(limit) => {
                    station.cap_met(limit);
                    return Err(Sent::Closed);
                }
                Purse::Job(limit) => {
                    self.job.ask(self.at_limit(limit));
                    return Err(Sent::Out(Out::Transition(Transition::Release)));
                }
                Purse::Day => {
                    let reason = PauseReason::Limit("usd_per_day in the configuration".to_owned());
                    self.job.ask(Wish::Pause(reason));
                    return Err(Sent::Out(Out::Transition(Transition::Release)));
                }
            }
        }
    }

    fn try_reserve(&self, station: &Station, amount: Amount) -> Result<(), Purse> {
        let sort = |refusal, met: fn(Limit) -> Purse| match refusal {
            Refusal::Wait(_) => Purse::Wait,
            Refusal::Met(limit) => met(limit),
        };
        self.job
            .purse()
            .reserve(amount)
            .map_err(|refusal| sort(refusal, Purse::Job))?;
        if let Err(refusal) = station.reserve(amount) {
            self.job.purse().settle(amount, Amount::default());
            return Err(sort(refusal, Purse::Provider));
        }
        if let Err(refusal) = self.shared.day().reserve(amount) {
            self.job.purse().settle(amount, Amount::default());
            station.settle(amount, Amount::default());
            return Err(sort(refusal, |_| Purse::Day));
        }
        self.trace_purses(station);
        Ok(())
    }

    /// What is settled and set aside at the job and at the provider, in micro-dollars, after every change.
    fn trace_purses(&self, station: &Station) {
        if tracing::enabled!(tracing::Level::TRACE) {
            let (settled, reserved) = self.job.spent();
            let (settled_there, reserved_there) = station.spent();
            tracing::trace!(
                job = self.job.spec.name,
                settled = settled.0,
                reserved = reserved.0,
                provider = station.settings.name,
                settled_there = settled_there.0,
                reserved_there = reserved_there.0,
                "purse"
            );
        }
    }

    fn at_limit(&self, limit: Limit) -> Wish {
        let (settled, reserved) = self.job.spent();
        let detail = match limit {
            Limit::Usd => {
                format!("usd ({settled} spent, {reserved} in flight; the next request might pass the cap)")
            }
            other => other.to_string(),
        };
        match self.job.spec.limits.on_limit {
            OnLimit::Pause => Wish::Pause(PauseReason::Limit(detail)),
            OnLimit::Stop => Wish::StopAtLimit(detail),
        }
    }

    /// An answer of an earlier lease is read: the job's purse was filled with its estimate when the job started and now knows better. The
    /// purses of the provider and the day live as long as the process and may know already what it took: there it stays at the estimate,
    /// or becomes more.
    pub(super) fn read_late(&self, station: &Station, estimate: Amount, actual: Amount) {
        self.job.purse().correct(estimate, actual);
        let more = actual.minus(estimate);
        station.settle(Amount::default(), more);
        self.shared.day().settle(Amount::default(), more);
        self.trace_purses(station);
        self.job.settled.notify_waiters();
    }

    fn settle_purses(&self, station: &Station, reserved: Amount, actual: Amount) {
        self.job.purse().settle(reserved, actual);
        station.settle(reserved, actual);
        self.shared.day().settle(reserved, actual);
        self.trace_purses(station);
        self.job.settled.notify_waiters();
    }
}

/// What a job's purse was filled with from the ledger. That may be past the cap by what nobody is certain of: then nothing more goes out.
pub(super) fn trace_filled(job: &Running) {
    if tracing::enabled!(tracing::Level::TRACE) {
        let (settled, reserved) = job.spent();
        tracing::trace!(
            job = job.spec.name,
            settled = settled.0,
            reserved = reserved.0,
            "purse filled"
        );
    }
}

/// What is set aside for one request. Dropped without a word (its worker panicked, or was ended) it settles itself, so that nobody waits
/// for it: at all of it where the attempt is committed, because nobody knows what was paid.
pub(super) struct SetAside<'a> {
    attempts: &'a Attempts<'a>,
    station: &'a Station,
    amount: Amount,
    begun: bool,
    settled: bool,
}

impl SetAside<'_> {
    /// Its attempt is committed.
    pub(super) fn begun(&mut self) {
        self.begun = true;
    }

    /// So much.
    pub(super) fn amount(&self) -> Amount {
        self.amount
    }

    /// This is what it took.
    pub(super) fn settle(mut self, actual: Amount) {
        self.settled = true;
        self.attempts.settle_purses(self.station, self.amount, actual);
    }
}

impl Drop for SetAside<'_> {
    fn drop(&mut self) {
        if !self.settled {
            let actual = if self.begun {
                self.amount
            } else {
                Amount::default()
            };
            self.attempts.settle_purses(self.station, self.amount, actual);
        }
    }
}

/// Which purse is empty.
enum Purse {
    Wait,
    Job(Limit),
    Provider(Limit),
    Day,
}

/// The most a request can take, and what it likely takes. A token is at least one byte, so bytes bound the prompt's tokens; four
/// bytes a token is the usual rule for English.
pub(super) fn estimate(request: &ModelRequest, teacher: &Teacher) -> (Amount, Amount) {
    let schema = request
        .schema
        .as_ref()
        .map_or(0, |schema| schema.to_string().len() as u64);
    let bytes = request
        .messages
        .iter()
        .map(|message| message.plain().len() as u64 + 16)
        .sum::<u64>()
        + schema;
    let output = request.params.max_tokens.map(u64::from);
    let most = output.unwrap_or_else(|| teacher.context.unwrap_or(OUTPUT_UNKNOWN));
    let amount = |input: u64, output: u64| Amount {
        usd: teacher.price.map_or(Money(0), |price| price.cost(input, output)),
        tokens: input.saturating_add(output),
        requests: 1,
    };
    (
        amount(bytes, most),
        amount(bytes / 4 + 1, output.unwrap_or(1024) / 2 + 1),
    )
}

/// How a read answer is settled in the ledger and in the purses. `prompt`: bytes of what was asked, for who does not count.
pub(super) fn settled(id: RequestId, teacher: &Teacher, prompt: u64, completion: &Completion) -> Closed {
    let usage = completion.usage;
    let known = usage.usd.is_some() || (usage.input.is_some() && usage.output.is_some());
    let input = usage.input.unwrap_or(prompt / 4 + 1);
    let output = usage.output.unwrap_or(completion.text.len() as u64 / 4 + 1);
    let cost = usage
        .usd
        .unwrap_or_else(|| teacher.price.map_or(Money(0), |price| price.cost(input, output)));
    Closed {
        request: id,
        state: RequestState::Settled,
        usage,
        cost,
        estimated: !known,
        maybe_billed: false,
        error: None,
    }
}

/// Bytes of a prompt.
pub(super) fn bytes(request: &ModelRequest) -> u64 {
    let each = request.messages.iter();
    each.map(|message| message.plain().len() as u64).sum()
}
