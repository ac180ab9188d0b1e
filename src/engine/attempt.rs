//! One attempt at one question: route, wait for a slot, set money aside, commit, send, store, read, settle.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, sleep, sleep_until};

use super::Shared;
use super::governor::{Permit, Standing, Station};
use super::purse::{estimate, settled};
use super::running::{Running, Wish};
use crate::core::api::Event;
use crate::core::budget::{Amount, CapMode, Money};
use crate::core::conversation::Message;
use crate::core::job::PauseReason;
use crate::core::plan;
use crate::core::ports::StoreError;
use crate::core::request::{
    Action, Completion, FinishReason, ModelRequest, Params, ProviderError, RawResponse, Trouble, Usage,
};
use crate::core::route::{self, Share, Teacher};
use crate::core::task::{
    Closed, Leased, NewRequest, Question, RequestId, RequestState, RetryPolicy, Transition,
};

/// Attempts at a question whose answers are none (empty, HTML): asking on would only cost.
const GARBAGE_AT_MOST: u32 = 3;
/// Longest sleep before the standing of teachers is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Why a question was not answered.
#[derive(Debug)]
pub(super) enum Out {
    /// The task takes this way out.
    Transition(Transition),
    /// The ledger refused.
    Store(StoreError),
}

impl Out {
    /// The task fails.
    pub(super) fn fail(reason: String) -> Self {
        Self::Transition(Transition::Fail { reason })
    }
}

impl From<StoreError> for Out {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A question to whoever can answer it.
pub(super) struct Asked<'a> {
    pub(super) question: Question,
    pub(super) shares: &'a [Share],
    pub(super) messages: &'a [Message],
    pub(super) schema: Option<Arc<Value>>,
    pub(super) params: &'a Params,
    pub(super) reuse: bool,
}

/// Its answer.
pub(super) struct Answered {
    pub(super) completion: Completion,
    pub(super) teacher: String,
    pub(super) request: RequestId,
}

/// The attempts of one task within one lease.
pub(super) struct Attempts<'a> {
    pub(super) shared: &'a Shared,
    pub(super) job: &'a Running,
    pub(super) leased: &'a Leased,
    closed: Mutex<Vec<Closed>>,
    exchanges: Mutex<Vec<Exchange>>,
    rng: Mutex<ChaCha8Rng>,
}

/// What was asked and answered, for a cassette.
pub(super) struct Exchange {
    pub(super) teacher: String,
    pub(super) request: ModelRequest,
    pub(super) response: RawResponse,
}

/// What became of one request that was sent.
pub(super) enum Sent {
    Answered(Box<Answered>),
    /// Try the next teacher, this one never again for this question.
    Refused(usize, ProviderError),
    /// This one is closed for the time being.
    Closed,
    Out(Out),
}

impl<'a> Attempts<'a> {
    pub(super) fn new(shared: &'a Shared, job: &'a Running, leased: &'a Leased, rng: ChaCha8Rng) -> Self {
        Self {
            shared,
            job,
            leased,
            closed: Mutex::default(),
            exchanges: Mutex::default(),
            rng: Mutex::new(rng),
        }
    }

    /// What attempts cost, to be written with the next thing that happens to the task.
    pub(super) fn take_closed(&self) -> Vec<Closed> {
        std::mem::take(&mut *self.closed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was answered since the last call, where somebody records or replays.
    pub(super) fn take_exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.exchanges.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn close(&self, closed: Closed) {
        self.closed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(closed);
    }

    /// Asks until it is answered, or says which way out the task takes.
    pub(super) async fn ask(&self, asked: &Asked<'_>) -> Result<Answered, Out> {
        if let Some(answered) = self.answered_before(asked) {
            return Ok(answered);
        }
        if asked.shares.is_empty() {
            let reason = PauseReason::NoTeacher(format!(
                "no configured teacher can serve `{}`",
                asked.question.step
            ));
            self.job.ask(Wish::Pause(reason));
            return Err(Out::Transition(Transition::Release));
        }
        let mut attempt = self.used(&asked.question);
        let mut refused: Vec<usize> = Vec::new();
        let mut last: Option<ProviderError> = None;
        loop {
            if attempt >= self.job.spec.limits.attempts {
                let last = last.map_or_else(String::new, |error| format!("; last: {}", error.message));
                return Err(Out::fail(format!("attempts: {attempt} attempts used{last}")));
            }
            let slot = self.slot().await?;
            let Some((at, permit)) = self.teacher(asked, &refused, attempt).await? else {
                let why = last.map_or_else(|| "no teacher left".to_owned(), |error| error.message);
                return Err(Out::fail(format!("request: {why}")));
            };
            attempt += 1;
            match self.send(asked, at, (permit, slot), attempt, &refused).await {
                Sent::Answered(answered) => return Ok(*answered),
                Sent::Refused(teacher, error) => {
                    refused.push(teacher);
                    last = Some(error);
                }
                Sent::Closed => attempt -= 1,
                Sent::Out(out) => return Err(out),
            }
        }
    }

    /// An answer of an earlier lease whose question has not changed since.
    fn answered_before(&self, asked: &Asked<'_>) -> Option<Answered> {
        let past = self
            .leased
            .history
            .iter()
            .filter(|past| past.question == asked.question);
        for past in past {
            let (Some(response), Some((_, teacher))) = (&past.response, self.shared.teacher(&past.teacher))
            else {
                continue;
            };
            let request = self.request(asked, teacher);
            if request.fingerprint != past.fingerprint {
                continue;
            }
            let station = self.shared.station(&teacher.provider)?;
            let Some(Ok(completion)) = station.provider.as_ref().map(|provider| provider.read(response))
            else {
                continue;
            };
            if past.state == RequestState::Answered {
                let (closed, actual) = settled(past.id, teacher, &request, &completion);
                self.job.purse().settle(Amount::default(), actual);
                station.settle(Amount::default(), actual);
                self.close(closed);
            }
            return Some(Answered {
                completion,
                teacher: past.teacher.clone(),
                request: past.id,
            });
        }
        None
    }

    /// Attempts this question has consumed in earlier leases.
    fn used(&self, question: &Question) -> u32 {
        let consumed = |state| matches!(state, RequestState::Failed | RequestState::Lost);
        let past = self.leased.history.iter();
        past.filter(|past| past.question == *question && consumed(past.state))
            .count() as u32
    }

    fn request(&self, asked: &Asked<'_>, teacher: &Teacher) -> ModelRequest {
        let salt = format!(
            "{}/{}/{}",
            self.leased.lease.task.index, asked.question.candidate, asked.question.ask
        );
        let schema = asked.schema.as_deref();
        let fingerprint =
            ModelRequest::fingerprint(&teacher.model, asked.messages, schema, asked.params, &salt);
        ModelRequest {
            model: teacher.model.clone(),
            messages: asked.messages.to_vec(),
            schema: asked.schema.clone(),
            params: asked.params.clone(),
            fingerprint,
        }
    }

    /// Waits for one of the job's places on the wire.
    async fn slot(&self) -> Result<SemaphorePermit<'a>, Out> {
        loop {
            let slot = tokio::select! {
                biased;
                () = self.job.ended() => None,
                slot = self.job.slots.acquire() => slot.ok(),
            };
            let slot = slot.ok_or(Out::Transition(Transition::Release))?;
            if !self.job.gives_up_place() {
                return Ok(slot);
            }
            slot.forget();
        }
    }

    /// Draws a teacher and waits for its slot. `None`: every teacher has refused this question for good.
    async fn teacher(
        &self,
        asked: &Asked<'_>,
        refused: &[usize],
        attempt: u32,
    ) -> Result<Option<(usize, Permit<'a>)>, Out> {
        let draw_for = format!(
            "route/{}/{}/{attempt}",
            asked.question.step, asked.question.candidate
        );
        let draw = plan::draw(self.job.spec.random_seed, &draw_for, self.leased.lease.task.index);
        let tokens = asked
            .messages
            .iter()
            .map(|message| message.plain().len() as u64 / 3)
            .sum::<u64>()
            + u64::from(asked.params.max_tokens.unwrap_or(512));
        loop {
            if self.job.wish() != Wish::Run {
                return Err(Out::Transition(Transition::Release));
            }
            if let Some(wait) = self.job.pace() {
                self.pause_for(wait).await;
                continue;
            }
            let standing = |at: usize| self.shared.standing(at);
            if let Some(at) = route::choose(self.job.spec.route, asked.shares, &standing, refused, draw) {
                let station = self.shared.station_of(at);
                match station.try_acquire(Instant::now(), tokens) {
                    Ok(permit) => return Ok(Some((at, permit))),
                    Err(Some(when)) => {
                        tokio::select! {
                            () = sleep_until(when.max(Instant::now() + Duration::from_millis(1))) => {}
                            () = station.changed() => {}
                            () = self.job.ended() => {}
                        }
                    }
                    Err(None) => {
                        tokio::select! {
                            () = station.changed() => {}
                            () = sleep(LOOK_AGAIN) => {}
                            () = self.job.ended() => {}
                        }
                    }
                }
                continue;
            }
            let left: Vec<&Share> = asked
                .shares
                .iter()
                .filter(|share| !refused.contains(&share.teacher))
                .collect();
            if left.is_empty() {
                return Ok(None);
            }
            self.wait_for_any(&left).await;
        }
    }

    /// Nobody is open: waits for the first that may be again, or pauses the job if only a person can help.
    async fn wait_for_any(&self, shares: &[&Share]) {
        let standings: Vec<Standing> = shares
            .iter()
            .map(|share| self.shared.station_of(share.teacher).standing(Instant::now()))
            .collect();
        let soonest = standings
            .iter()
            .filter_map(|standing| match standing {
                Standing::Open => Some(Instant::now()),
                Standing::Later(at) => Some(*at),
                Standing::Person(_) => None,
            })
            .min();
        if let Some(at) = soonest {
            self.pause_for(
                at.saturating_duration_since(Instant::now())
                    .clamp(Duration::from_millis(5), LOOK_AGAIN),
            )
            .await;
        } else if let Some(Standing::Person(reason)) = standings.into_iter().next() {
            self.job.ask(Wish::Pause(reason));
        }
    }

    async fn pause_for(&self, time: Duration) {
        tokio::select! {
            () = sleep(time) => {}
            () = self.job.ended() => {}
        }
    }

    /// One attempt at one teacher.
    async fn send(
        &self,
        asked: &Asked<'_>,
        at: usize,
        places: (Permit<'_>, SemaphorePermit<'_>),
        attempt: u32,
        refused: &[usize],
    ) -> Sent {
        let teacher = &self.shared.teachers[at];
        let station = self.shared.station_of(at);
        let Some(provider) = &station.provider else {
            return Sent::Closed;
        };
        let request = self.request(asked, teacher);
        let known = if asked.reuse {
            self.shared.store.answered(request.fingerprint).await
        } else {
            Ok(None)
        };
        let known = match known {
            Ok(known) => known,
            Err(error) => return Sent::Out(error.into()),
        };
        let (hard, soft) = estimate(&request, teacher);
        let amount = match (&known, self.job.spec.limits.cap) {
            // Nothing is sent and nothing is paid.
            (Some(_), _) => Amount::default(),
            (None, CapMode::Soft) => soft,
            (None, CapMode::Hard | CapMode::Cautious) => hard,
        };
        if let Err(sent) = self.reserve(station, amount).await {
            return sent;
        }
        let give_back = || self.settle_purses(station, amount, Amount::default());

        let new = NewRequest {
            question: asked.question.clone(),
            teacher: teacher.name.clone(),
            fingerprint: request.fingerprint,
            attempt,
            estimate: amount,
        };
        let lease = self.leased.lease;
        let id = match self.shared.store.begin(lease, new, self.take_closed()).await {
            Ok(id) => id,
            Err(error) => {
                give_back();
                return Sent::Out(error.into());
            }
        };
        let cached = known.is_some();
        let came = if let Some(response) = known {
            Ok(response)
        } else {
            let _wire = OnWire::new(&self.job.on_wire);
            provider.send(&request).await
        };
        let response = match came {
            Ok(response) => response,
            Err(error) => {
                let sent = self.failed(
                    station,
                    at,
                    id,
                    amount,
                    attempt,
                    &error,
                    refused,
                    Usage::default(),
                );
                drop(places);
                return sent;
            }
        };
        tracing::trace!(
            teacher = teacher.name,
            question = ?asked.question,
            messages = ?request.messages,
            status = response.status,
            body = response.body,
            "exchange"
        );
        // The wire is free again: the next request need not wait for this one's commits. Bad news is acted upon first.
        let places = (response.status >= 400 || places.0.is_probe()).then_some(places);
        if let Err(error) = self.shared.store.record(lease, id, &response).await {
            give_back();
            return Sent::Out(error.into());
        }
        let sent = match provider.read(&response) {
            Ok(completion) => {
                if cached {
                    give_back();
                    let (mut closed, _) = settled(id, teacher, &request, &completion);
                    closed.cost = Money(0);
                    closed.usage = Usage::default();
                    self.close(closed);
                } else {
                    self.shared
                        .measured
                        .answered(self.job.job.id, at, response.latency);
                    self.succeeded(station, id, teacher, &request, &completion, &response, amount);
                }
                if self.shared.turnstile.is_some() {
                    let exchange = Exchange {
                        teacher: teacher.name.clone(),
                        request,
                        response,
                    };
                    self.exchanges
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(exchange);
                }
                filtered(Answered {
                    completion,
                    teacher: teacher.name.clone(),
                    request: id,
                })
            }
            Err(error) => self.failed(
                station,
                at,
                id,
                amount,
                attempt,
                &error,
                refused,
                provider.usage(&response),
            ),
        };
        drop(places);
        sent
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "everything known about one answered request; a struct would be used once"
    )]
    fn succeeded(
        &self,
        station: &Station,
        id: RequestId,
        teacher: &Teacher,
        request: &ModelRequest,
        completion: &Completion,
        response: &RawResponse,
        reserved: Amount,
    ) {
        let hint = station
            .provider
            .as_ref()
            .map(|provider| provider.rate_hint(response))
            .unwrap_or_default();
        station.succeeded(Instant::now(), response.latency, hint);
        let (closed, actual) = settled(id, teacher, request, completion);
        self.settle_purses(station, reserved, actual);
        self.close(closed);
    }

    /// Sorts a failed attempt by what to do next.
    #[expect(
        clippy::too_many_arguments,
        reason = "everything known about one failed request; a struct would be used once"
    )]
    fn failed(
        &self,
        station: &Station,
        at: usize,
        id: RequestId,
        reserved: Amount,
        attempt: u32,
        error: &ProviderError,
        refused: &[usize],
        usage: Usage,
    ) -> Sent {
        self.shared.measured.failed(self.job.job.id, at, error.trouble);
        if let Some((health, message)) = station.failed(Instant::now(), error) {
            let provider = station.settings.name.clone();
            self.shared.tell(Event::Provider {
                provider,
                health,
                message,
            });
        }
        let counted = matches!(error.action, Action::Retry { .. } | Action::Fail);
        let state = if counted {
            RequestState::Failed
        } else {
            RequestState::Refused
        };
        // What may have been charged counts against the caps by its estimate, because nobody can tell.
        let cost = self.cost(at, usage);
        let tokens = usage.input.unwrap_or(0) + usage.output.unwrap_or(0);
        let taken = match (error.maybe_billed, counted) {
            (true, _) => reserved,
            (false, true) => Amount {
                usd: cost,
                tokens,
                requests: 1,
            },
            (false, false) => Amount::default(),
        };
        self.settle_purses(station, reserved, taken);
        self.close(Closed {
            request: id,
            state,
            usage: if counted { usage } else { Usage::default() },
            cost: if counted { cost } else { Money(0) },
            estimated: false,
            maybe_billed: error.maybe_billed,
            error: Some(error.message.clone()),
        });
        if matches!(error.action, Action::Pause { .. }) || error.trouble == Trouble::Unreachable {
            return Sent::Closed;
        }
        let alternatives = self.others(at, refused);
        if error.action == Action::Fail && alternatives {
            return Sent::Refused(at, error.clone());
        }
        let most = self.job.spec.limits.attempts;
        let policy = RetryPolicy {
            attempts: if error.trouble == Trouble::Garbage {
                most.min(GARBAGE_AT_MOST)
            } else {
                most
            },
            ..RetryPolicy::default()
        };
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        Sent::Out(Out::Transition(policy.settle(attempt, error, false, &mut *rng)))
    }

    /// What a refused answer cost all the same, where the wire says so.
    fn cost(&self, at: usize, usage: Usage) -> Money {
        let price = self.shared.teachers[at].price.unwrap_or_default();
        usage
            .usd
            .unwrap_or_else(|| price.cost(usage.input.unwrap_or(0), usage.output.unwrap_or(0)))
    }

    /// Whether a teacher other than `at` and the refused ones could serve some step of the job (the router decides which).
    fn others(&self, at: usize, refused: &[usize]) -> bool {
        let shares = self.job.shares();
        shares
            .iter()
            .flatten()
            .any(|share| share.teacher != at && !refused.contains(&share.teacher))
    }
}

/// Counts a request while it is on the wire.
struct OnWire<'a>(&'a AtomicU64);

impl<'a> OnWire<'a> {
    fn new(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for OnWire<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Some answers are none: cut by a filter, or ended in a way that is no success.
fn filtered(answered: Answered) -> Sent {
    match &answered.completion.finish {
        FinishReason::ContentFilter => Sent::Out(Out::fail(
            "content_filter: the provider's filter cut the answer".to_owned(),
        )),
        FinishReason::Other(word) => Sent::Out(Out::fail(format!("request: the answer ended with `{word}`"))),
        _ => Sent::Answered(Box::new(answered)),
    }
}
