//! One commit group: the four frequent commands (claim, begin, record, settle) gathered by kind and done in few statements, then
//! the rare ones. What a lease may still do is decided here once, from the rows as the transaction sees them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::super::rules::millis;
use super::rows::{self, list, task_key};
use super::settle::Settling;
use super::tally::{Attempt, unsigned};
use super::writer::{Ledger, Work, unanswered};
use super::{claim, statements};
use crate::core::budget::{Amount, Money};
use crate::core::failpoint::{self, Failpoint};
use crate::core::ports::{StoreError, Stored};
use crate::core::request::RawResponse;
use crate::core::task::{
    Closed, Lease, NewRequest, PastRequest, RequestId, RequestState, Settled, TaskState, Transition,
};

/// A command with what became of it and who waits for that.
pub(super) struct Asked<O, T> {
    pub(super) order: O,
    pub(super) outcome: Option<Stored<T>>,
    reply: oneshot::Sender<Stored<T>>,
}

impl<O, T> Asked<O, T> {
    /// The command and where its answer arrives.
    pub(super) fn new(order: O) -> (Self, oneshot::Receiver<Stored<T>>) {
        let (reply, answer) = oneshot::channel();
        let asked = Self {
            order,
            outcome: None,
            reply,
        };
        (asked, answer)
    }

    /// Replies; hands the result back if nobody waits for it any more.
    fn answer(self) -> Option<T> {
        let outcome = self.outcome.unwrap_or_else(|| Err(unanswered()));
        self.reply.send(outcome).err().and_then(Result::ok)
    }

    fn refuse(self, error: &StoreError) {
        let _ = self.reply.send(Err(error.clone()));
    }
}

/// Take up to `limit` leases of a job.
pub(super) struct ClaimOrder {
    pub(super) job: i64,
    pub(super) limit: usize,
}

/// A lease as the ledger gives it: rows still as text.
pub(super) struct Claimed {
    pub(super) lease: Lease,
    pub(super) seed: Box<RawValue>,
    pub(super) vary: Box<RawValue>,
    pub(super) again: u32,
    pub(super) history: Vec<PastRequest>,
}

/// Commit an attempt.
pub(super) struct BeginOrder {
    pub(super) lease: Lease,
    pub(super) request: NewRequest,
    pub(super) closed: Vec<Closed>,
}

/// Store an answer.
pub(super) struct RecordOrder {
    pub(super) lease: Lease,
    pub(super) request: RequestId,
    pub(super) status: u16,
    pub(super) latency_us: i64,
    pub(super) headers: String,
    pub(super) body: String,
}

impl RecordOrder {
    /// With the headers already written as JSON, outside the writer.
    pub(super) fn new(lease: Lease, request: RequestId, response: &RawResponse) -> Stored<Self> {
        Ok(Self {
            lease,
            request,
            status: response.status,
            latency_us: i64::try_from(response.latency.as_micros()).unwrap_or(i64::MAX),
            headers: rows::json(&response.headers)?,
            body: response.body.clone(),
        })
    }
}

/// End a lease.
pub(super) struct SettleOrder {
    pub(super) lease: Lease,
    pub(super) transition: Transition,
    pub(super) closed: Vec<Closed>,
    /// Steps and verdicts of each sample as JSON, written outside the writer.
    pub(super) texts: Vec<(String, String)>,
}

impl SettleOrder {
    /// Without samples' texts.
    pub(super) fn new(lease: Lease, transition: Transition, closed: Vec<Closed>) -> Self {
        Self {
            lease,
            transition,
            closed,
            texts: Vec::new(),
        }
    }
}

/// An attempt that is not closed yet.
pub(super) struct Open {
    pub(super) id: i64,
    pub(super) answered: bool,
    /// An earlier lease left its answer unread: it counts by its estimate.
    pub(super) unread: bool,
    pub(super) attempt: Attempt,
}

/// How an attempt ends, as a row.
pub(super) struct Ending {
    pub(super) id: i64,
    pub(super) state: RequestState,
    pub(super) closed: Option<Closed>,
    pub(super) tokens: u64,
}

/// A task as this transaction sees it.
pub(super) struct Standing {
    token: i64,
    pub(super) state: TaskState,
    pub(super) crashes: i64,
    pub(super) open: Vec<Open>,
}

impl Standing {
    /// Of a task that was just leased for the first time.
    pub(super) fn first(token: i64) -> Self {
        Self {
            token,
            state: TaskState::Leased,
            crashes: 0,
            open: Vec::new(),
        }
    }
}

/// A leased task with one of its open attempts, in the columns of [`statements::STANDINGS`].
#[derive(Deserialize)]
struct StandingRow {
    task: i64,
    token: i64,
    state: i64,
    crashes: i64,
    request: Option<i64>,
    teacher: Option<i64>,
    attempt: Option<i64>,
    at_ms: Option<i64>,
    usd: Option<i64>,
    tokens: Option<i64>,
    requests: Option<i64>,
    answered: i64,
    request_state: Option<i64>,
}

/// All commands of one commit.
#[derive(Default)]
pub(super) struct Group {
    pub(super) claims: Vec<Asked<ClaimOrder, Vec<Claimed>>>,
    pub(super) begins: Vec<Asked<BeginOrder, RequestId>>,
    pub(super) records: Vec<Asked<RecordOrder, ()>>,
    pub(super) settles: Vec<Asked<SettleOrder, Settled>>,
    pub(super) works: Vec<(Box<dyn Work>, Stored<()>)>,
}

impl Group {
    /// Whether there is nothing to commit.
    pub(super) fn is_empty(&self) -> bool {
        self.claims.is_empty()
            && self.begins.is_empty()
            && self.records.is_empty()
            && self.settles.is_empty()
            && self.works.is_empty()
    }

    /// Does and commits everything. Tasks that end come before claims, so that what they give back can be taken at once.
    pub(super) async fn run(&mut self, ledger: &mut Ledger) -> Stored<()> {
        // What fails leaves the ledger without standings: the next group reads them again.
        let mut standings = standings(ledger, self.keys()).await?;
        failpoint::reach(Failpoint::GroupBegun)?;
        let mut endings = Vec::new();
        self.begin(ledger, &mut standings, &mut endings).await?;
        failpoint::reach(Failpoint::GroupAttempts)?;
        self.record(ledger, &mut standings).await?;
        failpoint::reach(Failpoint::GroupAnswers)?;
        let mut settling = Settling::default();
        for asked in &mut self.settles {
            let lease = asked.order.lease;
            match holder(&mut standings, lease) {
                Ok(standing) => {
                    close(ledger, standing, &asked.order.closed, &mut endings);
                    lose(ledger, &mut standing.open, &mut endings);
                    // The first to settle a lease ends it.
                    standings.remove(&task_key(lease.task));
                    settling.add(asked);
                }
                Err(error) => asked.outcome = Some(Err(error)),
            }
        }
        statements::END_REQUEST
            .run_all(&mut ledger.connection, &endings, bind_ending)
            .await?;
        settling.run(ledger).await?;
        failpoint::reach(Failpoint::GroupSettled)?;
        for (work, outcome) in &mut self.works {
            *outcome = ledger.work(work.as_mut()).await?;
            // It may have ended leases.
            standings.clear();
        }
        ledger.standings = standings;
        claim::run(ledger, &mut self.claims).await?;
        failpoint::reach(Failpoint::GroupReady)?;
        ledger.commit().await
    }

    /// Answers everybody after the commit. Returns the leases nobody was there to take.
    pub(super) fn answer(self) -> Vec<Lease> {
        let mut abandoned = Vec::new();
        for asked in self.claims {
            abandoned.extend(asked.answer().into_iter().flatten().map(|claimed| claimed.lease));
        }
        for asked in self.begins {
            asked.answer();
        }
        for asked in self.records {
            asked.answer();
        }
        for asked in self.settles {
            asked.answer();
        }
        for (work, outcome) in self.works {
            work.answer(outcome);
        }
        abandoned
    }

    /// Tells everybody why nothing was done.
    pub(super) fn refuse(self, error: &StoreError) {
        for asked in self.claims {
            asked.refuse(error);
        }
        for asked in self.begins {
            asked.refuse(error);
        }
        for asked in self.records {
            asked.refuse(error);
        }
        for asked in self.settles {
            asked.refuse(error);
        }
        for (work, _) in self.works {
            work.answer(Err(error.clone()));
        }
    }

    /// Every task whose lease is used.
    fn keys(&self) -> Vec<i64> {
        let leases = (self.begins.iter().map(|asked| asked.order.lease))
            .chain(self.records.iter().map(|asked| asked.order.lease))
            .chain(self.settles.iter().map(|asked| asked.order.lease));
        let mut keys: Vec<i64> = leases.map(|lease| task_key(lease.task)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    async fn begin(
        &mut self,
        ledger: &mut Ledger,
        standings: &mut HashMap<i64, Standing>,
        endings: &mut Vec<Ending>,
    ) -> Stored<()> {
        let at_ms = ledger.clock.now_ms();
        let mut begun = Vec::with_capacity(self.begins.len());
        for asked in &mut self.begins {
            let order = &asked.order;
            let standing = match holder(standings, order.lease) {
                Ok(standing) => standing,
                Err(error) => {
                    asked.outcome = Some(Err(error));
                    continue;
                }
            };
            close(ledger, standing, &order.closed, endings);
            let teacher = ledger
                .teachers
                .number(&mut ledger.connection, &order.request.teacher)
                .await?;
            ledger.numbers.request += 1;
            let id = ledger.numbers.request;
            let attempt = Attempt {
                job: order.lease.task.job.0,
                teacher: ledger.teachers.name(teacher),
                ordinal: i64::from(order.request.attempt),
                at_ms,
                estimate: order.request.estimate,
            };
            ledger.tally.begun(&attempt);
            standing.open.push(Open {
                id,
                answered: false,
                unread: false,
                attempt,
            });
            asked.outcome = Some(Ok(RequestId(id)));
            begun.push((id, teacher, &asked.order));
        }
        statements::INSERT_REQUEST
            .run_all(&mut ledger.connection, &begun, |(id, teacher, order), values| {
                let request = &order.request;
                values
                    .push(*id)
                    .push(task_key(order.lease.task))
                    .push(&*request.question.step)
                    .push(request.question.candidate)
                    .push(request.question.ask)
                    .push(request.attempt)
                    .push(*teacher)
                    .push(&request.fingerprint.0[..])
                    .push(at_ms)
                    .push(request.estimate.usd.0)
                    .push(unsigned(request.estimate.tokens))
                    .push(unsigned(request.estimate.requests));
            })
            .await?;
        Ok(())
    }

    async fn record(&mut self, ledger: &mut Ledger, standings: &mut HashMap<i64, Standing>) -> Stored<()> {
        let mut recorded = Vec::with_capacity(self.records.len());
        for asked in &mut self.records {
            let outcome = holder(standings, asked.order.lease).and_then(|standing| {
                let request = asked.order.request.0;
                let open = standing.open.iter_mut().find(|open| open.id == request);
                open.ok_or_else(|| StoreError::NotFound(format!("open request {request}")))
            });
            asked.outcome = Some(outcome.map(|open| {
                // The first answer stands: a second one would change what may have been read already.
                if !open.answered {
                    open.answered = true;
                    recorded.push(&asked.order);
                }
            }));
        }
        statements::INSERT_RESPONSE
            .run_all(&mut ledger.connection, &recorded, |order, values| {
                values
                    .push(order.request.0)
                    .push(order.status)
                    .push(order.latency_us)
                    .push(&*order.headers)
                    .push(&*order.body);
            })
            .await?;
        Ok(())
    }
}

/// Begins the transaction. The tasks it is about, each with its open attempts: as this writer left them, or read where it does
/// not know them or another connection has written since.
async fn standings(ledger: &mut Ledger, mut keys: Vec<i64>) -> Stored<HashMap<i64, Standing>> {
    let mut standings = std::mem::take(&mut ledger.standings);
    let version: i64 = sqlx::query_scalar("BEGIN IMMEDIATE; PRAGMA data_version")
        .fetch_one(&mut ledger.connection)
        .await?;
    if ledger.data_version != version {
        ledger.claim.check()?;
        ledger.data_version = version;
        standings.clear();
        ledger.pending.forget();
    }
    ledger.teachers.load(&mut ledger.connection).await?;
    keys.retain(|key| !standings.contains_key(key));
    if !keys.is_empty() {
        let found: String = sqlx::query_scalar(statements::STANDINGS)
            .bind(list(&keys))
            .fetch_one(&mut ledger.connection)
            .await?;
        standings.extend(standings_of(ledger, &found)?);
    }
    Ok(standings)
}

/// Reads what [`statements::STANDINGS`] or [`statements::LEASED`] found.
pub(super) fn standings_of(ledger: &Ledger, found: &str) -> Stored<HashMap<i64, Standing>> {
    let found: Vec<StandingRow> = rows::parse(found)?;
    let mut standings: HashMap<i64, Standing> = HashMap::with_capacity(found.len());
    for row in found {
        let standing = match standings.entry(row.task) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Standing {
                token: row.token,
                state: rows::task_state(row.state)?,
                crashes: row.crashes,
                open: Vec::new(),
            }),
        };
        standing.open.extend(row.open(ledger));
    }
    Ok(standings)
}

impl StandingRow {
    fn open(&self, ledger: &Ledger) -> Option<Open> {
        Some(Open {
            id: self.request?,
            answered: self.answered != 0,
            unread: self.request_state == Some(rows::UNREAD),
            attempt: Attempt {
                job: rows::job_of(self.task),
                teacher: ledger.teachers.name(self.teacher?),
                ordinal: self.attempt?,
                at_ms: self.at_ms?,
                estimate: Amount {
                    usd: Money(self.usd?),
                    tokens: rows::unsigned(self.tokens?),
                    requests: rows::unsigned(self.requests?),
                },
            },
        })
    }
}

/// The task behind a lease, if the lease is still good.
fn holder(standings: &mut HashMap<i64, Standing>, lease: Lease) -> Stored<&mut Standing> {
    standings
        .get_mut(&task_key(lease.task))
        .filter(|standing| {
            let leased = matches!(
                standing.state,
                TaskState::Leased | TaskState::Answered | TaskState::Validating
            );
            leased && standing.token == lease.token
        })
        .ok_or(StoreError::Fenced)
}

/// Settles attempts of a task; what is closed already stays as it is.
fn close(ledger: &mut Ledger, standing: &mut Standing, all: &[Closed], endings: &mut Vec<Ending>) {
    for closed in all {
        let Some(at) = standing.open.iter().position(|open| open.id == closed.request.0) else {
            continue;
        };
        let open = standing.open.swap_remove(at);
        if open.unread {
            ledger.tally.read(&open.attempt);
        }
        ledger.tally.closed(&open.attempt, closed);
        let tokens = closed.settled(open.attempt.estimate).tokens;
        endings.push(Ending {
            id: open.id,
            state: closed.state,
            closed: Some(closed.clone()),
            tokens,
        });
    }
}

/// Attempts that their lease leaves behind. Without an answer: sent or not, nobody will know. Answered ones stay for the next lease, and
/// until then nobody knows what they took.
pub(super) fn lose(ledger: &mut Ledger, open: &mut Vec<Open>, endings: &mut Vec<Ending>) {
    for open in open.drain(..).filter(|open| !open.unread) {
        let state = if open.answered {
            ledger.tally.unread(&open.attempt);
            RequestState::Answered
        } else if open.attempt.estimate.requests == 0 {
            ledger.tally.given_back(&open.attempt);
            RequestState::Refused
        } else {
            ledger.tally.lost(&open.attempt);
            RequestState::Lost
        };
        endings.push(Ending {
            id: open.id,
            state,
            closed: None,
            tokens: 0,
        });
    }
}

/// The parameters of [`statements::END_REQUEST`].
pub(super) fn bind_ending(ending: &Ending, values: &mut super::script::Values) {
    let lost = ending.state == RequestState::Lost;
    let closed = ending.closed.as_ref();
    values
        .push(ending.id)
        .push(rows::request_code(ending.state))
        .push(closed.and_then(|closed| closed.usage.input).map(unsigned))
        .push(closed.and_then(|closed| closed.usage.output).map(unsigned))
        .push(closed.and_then(|closed| closed.usage.usd).map(|usd| usd.0))
        .push(closed.map_or(0, |closed| closed.cost.0))
        .push(unsigned(ending.tokens))
        .push(closed.map_or(lost, |closed| closed.maybe_billed))
        .push(closed.and_then(|closed| closed.error.clone()));
}

/// When a wait that starts now ends.
pub(super) fn due(ledger: &Ledger, after: std::time::Duration) -> i64 {
    ledger.clock.now_ms().saturating_add(millis(after))
}
