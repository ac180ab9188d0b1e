//! One attempt at one question: route, wait for a slot, set money aside, commit, send, store, read, settle.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::Shared;
use super::governor::{Permit, Station};
use super::purse::{SetAside, bytes, estimate, settled};
use super::roster::Roster;
use super::running::{Running, Wish};
use super::yields::Taken;
use crate::core::budget::{Amount, CapMode, Money};
use crate::core::conversation::Message;
use crate::core::failpoint::{self, Failpoint};
use crate::core::job::{PauseReason, TeacherUse};
use crate::core::ports::StoreError;
use crate::core::request::{
    Completion, FinishReason, ModelRequest, Params, ProviderError, RawResponse, Usage,
};
use crate::core::route::{self, Share, Teacher};
use crate::core::task::{Closed, Leased, NewRequest, Question, RequestId, RequestState, Transition};

mod drawing;
mod failing;
mod unread;

use drawing::Drawn;
use failing::{Failed, unsent};

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
    pub(super) who: Who<'a>,
    pub(super) messages: &'a [Message],
    pub(super) schema: Option<Arc<Value>>,
    pub(super) params: &'a Params,
    pub(super) completion: bool,
    pub(super) reuse: bool,
}

/// Who can answer.
#[derive(Clone, Copy)]
pub(super) enum Who<'a> {
    /// The teachers of the job's step at this place.
    Step(usize),
    /// Those that are named, else those with the capability.
    Fit {
        /// What they are to be good for.
        capability: Option<&'a str>,
        /// Named ones.
        named: &'a [TeacherUse],
    },
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
    taken: Mutex<Taken>,
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
    Refused(ProviderError),
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
            taken: Mutex::default(),
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

    /// What the lease took so far.
    pub(super) fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self, closed: Closed) {
        let mut taken = self.taken();
        taken.usd = taken.usd.plus(closed.cost);
        drop(taken);
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
        let mut attempt = self.used(&asked.question);
        // By name: places change with the roster.
        let mut refusing: Vec<String> = Vec::new();
        let mut last: Option<ProviderError> = None;
        loop {
            if attempt >= self.job.spec.limits.attempts {
                let last = last.map_or_else(String::new, |error| format!("; last: {}", error.message));
                return Err(Out::fail(format!("attempts: {attempt} attempts used{last}")));
            }
            let slot = self.slot().await?;
            let roster = self.shared.roster();
            let shares = self.shares(&roster, asked.who);
            if shares.is_empty() {
                let reason = PauseReason::NoTeacher(format!(
                    "no configured teacher can serve `{}`",
                    asked.question.step
                ));
                self.job.ask(Wish::Pause(reason));
                return Err(Out::Transition(Transition::Release));
            }
            let place = |name: &String| roster.teacher(name).map(|(at, _)| at);
            let refused: Vec<usize> = refusing.iter().filter_map(place).collect();
            let drawn = self
                .teacher(asked, &roster, &shares, &refused, attempt, slot)
                .await?;
            let (at, places) = match drawn {
                Drawn::One(at, permit, slot) => (at, (permit, slot)),
                Drawn::Stale => continue,
                Drawn::Nobody => {
                    let why = last.map_or_else(|| "no teacher left".to_owned(), |error| error.message);
                    return Err(Out::fail(format!("request: {why}")));
                }
            };
            attempt += 1;
            self.gave(asked, &roster.teachers[at].name);
            match self.send(asked, &roster, at, places, attempt, &refused).await {
                Sent::Answered(answered) => return Ok(*answered),
                Sent::Refused(error) => {
                    refusing.push(roster.teachers[at].name.clone());
                    last = Some(error);
                }
                Sent::Closed => attempt -= 1,
                Sent::Out(out) => return Err(out),
            }
        }
    }

    /// A step's question goes to this teacher: what comes of it is to be known to the router.
    fn gave(&self, asked: &Asked<'_>, teacher: &str) {
        if let (Some(yields), Who::Step(_)) = (&self.job.yields, asked.who) {
            yields.asked(&asked.question.step, teacher);
            self.taken().last = Some((asked.question.step.clone(), teacher.to_owned()));
        }
    }

    /// Who can answer, by their places in the roster.
    fn shares(&self, roster: &Arc<Roster>, who: Who<'_>) -> Vec<Share> {
        match who {
            Who::Step(at) => self.job.shares(roster)[at].clone(),
            Who::Fit { capability, named } => route::eligible_for(capability, named, &roster.teachers),
        }
    }

    /// An answer of an earlier lease whose question has not changed since.
    fn answered_before(&self, asked: &Asked<'_>) -> Option<Answered> {
        if self.leased.history.is_empty() {
            return None;
        }
        let roster = self.shared.roster();
        let past = self
            .leased
            .history
            .iter()
            .filter(|past| past.question == asked.question);
        for past in past {
            let (Some(response), Some((_, teacher))) = (&past.response, roster.teacher(&past.teacher)) else {
                continue;
            };
            let request = self.request(asked, teacher);
            if request.fingerprint != past.fingerprint {
                continue;
            }
            let station = roster.station(&teacher.provider)?;
            let Some(Ok(completion)) = station.provider.as_ref().map(|provider| provider.read(response))
            else {
                continue;
            };
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
        let mut salt = format!(
            "{}/{}/{}",
            self.leased.lease.task.index, asked.question.candidate, asked.question.ask
        );
        salt.push_str(if asked.completion { "/completion" } else { "" });
        let mut params = asked.params.clone();
        // Made anew, it is another question on purpose; a judge is still asked the same about the same answer.
        if self.leased.again > 0 && matches!(asked.who, Who::Step(_)) {
            let _ = write!(salt, "/again/{}", self.leased.again);
            params.seed = params
                .seed
                .map(|seed| seed.wrapping_add(u64::from(self.leased.again)));
        }
        let schema = asked.schema.as_deref();
        let fingerprint = ModelRequest::fingerprint(&teacher.model, asked.messages, schema, &params, &salt);
        ModelRequest {
            model: teacher.model.clone(),
            messages: asked.messages.to_vec(),
            schema: asked.schema.clone(),
            params,
            completion: asked.completion,
            fingerprint,
        }
    }

    /// One attempt at one teacher.
    async fn send(
        &self,
        asked: &Asked<'_>,
        roster: &Arc<Roster>,
        at: usize,
        places: (Permit<'_>, SemaphorePermit<'_>),
        attempt: u32,
        refused: &[usize],
    ) -> Sent {
        let teacher = &roster.teachers[at];
        let station = roster.station_of(at);
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
        let mut money = match self.reserve(station, amount).await {
            Ok(money) => money,
            Err(sent) => return sent,
        };

        if places.0.is_late(Instant::now()) {
            // It was closed while this one waited for money.
            return Sent::Closed;
        }
        let new = NewRequest {
            question: asked.question.clone(),
            teacher: teacher.name.clone(),
            fingerprint: request.fingerprint,
            attempt,
            estimate: amount,
        };
        let lease = self.leased.lease;
        failpoint::pass(Failpoint::AttemptReserved);
        let id = match self.shared.store.begin(lease, new, self.take_closed()).await {
            Ok(id) => id,
            Err(error) => {
                money.settle(Amount::default());
                return Sent::Out(error.into());
            }
        };
        money.begun();
        failpoint::pass(Failpoint::AttemptBegun);
        let cached = known.is_some();
        if !cached && places.0.is_late(Instant::now()) {
            // It was closed while the attempt was committed.
            money.settle(Amount::default());
            self.close(unsent(id));
            return Sent::Closed;
        }
        let came = if let Some(response) = known {
            Ok(response)
        } else {
            let _wire = OnWire::new(&self.job.on_wire);
            if request.params.vector {
                provider.embed(&request).await
            } else {
                provider.send(&request).await
            }
        };
        let response = match came {
            Ok(response) => response,
            Err(error) => {
                let failed = Failed {
                    question: &asked.question,
                    roster,
                    at,
                    id,
                    attempt,
                    error: &error,
                    refused,
                    usage: Usage::default(),
                    probe: places.0.is_probe(),
                };
                let sent = self.failed(&failed, money);
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
        let probe = places.0.is_probe();
        let places = (response.status >= 400 || probe).then_some(places);
        failpoint::pass(Failpoint::AnswerCame);
        if let Err(error) = self.shared.store.record(lease, id, &response).await {
            // It came and is paid for, and the ledger will take it for lost: as dear as it may have been. What it asks for holds all the
            // same.
            if let Err(asked) = provider.read(&response) {
                self.hear(station, &asked);
            }
            drop(money);
            return Sent::Out(error.into());
        }
        failpoint::pass(Failpoint::AnswerRecorded);
        let sent = match provider.read(&response) {
            Ok(completion) => {
                if cached {
                    money.settle(Amount::default());
                    self.close(in_the_ledger(settled(id, teacher, bytes(&request), &completion)));
                } else {
                    self.succeeded(
                        station,
                        id,
                        teacher,
                        &request,
                        &completion,
                        &response,
                        money,
                        probe,
                    );
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
            Err(error) => {
                let failed = Failed {
                    question: &asked.question,
                    roster,
                    at,
                    id,
                    attempt,
                    error: &error,
                    refused,
                    usage: provider.usage(&response),
                    probe,
                };
                self.failed(&failed, money)
            }
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
        money: SetAside<'_>,
        probe: bool,
    ) {
        let hint = station
            .provider
            .as_ref()
            .map(|provider| provider.rate_hint(response))
            .unwrap_or_default();
        station.succeeded(Instant::now(), response.latency, hint, probe);
        self.taken().time += response.latency;
        self.shared
            .measured
            .answered(self.job.job.id, &teacher.name, response.latency);
        let closed = settled(id, teacher, bytes(request), completion);
        let actual = closed.counted(money.amount());
        tracing::debug!(
            job = self.job.spec.name,
            provider = teacher.provider,
            task = self.leased.lease.task.index,
            status = response.status,
            ms = response.latency.as_millis() as u64,
            input = closed.usage.input,
            output = closed.usage.output,
            request = completion.request_id,
            "{} answered",
            teacher.model
        );
        money.settle(actual);
        self.close(closed);
    }
}

/// An answer that was paid for before: this time it took nothing.
fn in_the_ledger(closed: Closed) -> Closed {
    Closed {
        cost: Money(0),
        usage: Usage::default(),
        ..closed
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
