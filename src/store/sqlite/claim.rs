//! The claiming part of a commit group: all claims of a job are served from one reading, waiting tasks whose time has come first,
//! suspects of crashes last.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::group::{Asked, ClaimOrder, Claimed, Standing};
use super::rows::{self, job_of, list, task_of, task_range};
use super::tally::unsigned;
use super::writer::Ledger;
use super::{statements, suspects};
use crate::core::ports::Stored;
use crate::core::task::{Lease, PastRequest, RequestState, TaskState};

type Claim = Asked<ClaimOrder, Vec<Claimed>>;

/// A task that may be leased, in the columns of [`statements::CLAIMABLE`].
#[derive(Deserialize)]
pub(super) struct Claimable {
    key: i64,
    state: i64,
    /// Of the lease before; 0 if there was none.
    token: i64,
    fresh_from: i64,
    again: u32,
    seed: Box<RawValue>,
    vary: Box<RawValue>,
}

/// From which task on a job may have pending ones: nothing before it needs to be looked at. It only saves time, so it is forgotten
/// whenever it might be wrong.
#[derive(Debug, Default)]
pub(super) struct Pending {
    from: HashMap<i64, i64>,
}

impl Pending {
    fn from(&self, job: i64) -> i64 {
        self.from.get(&job).copied().unwrap_or(task_range(job).0)
    }

    fn taken(&mut self, job: i64, next: i64) {
        self.from.insert(job, next);
    }

    /// This task is pending, again or for the first time.
    pub(super) fn has(&mut self, key: i64) {
        if let Some(from) = self.from.get_mut(&job_of(key)) {
            *from = key.min(*from);
        }
    }

    /// Nothing is known any more.
    pub(super) fn forget(&mut self) {
        self.from.clear();
    }
}

/// Serves all claims of a group.
pub(super) async fn run(ledger: &mut Ledger, claims: &mut [Claim]) -> Stored<()> {
    let mut by_job: BTreeMap<i64, Vec<&mut Claim>> = BTreeMap::new();
    for claim in claims {
        by_job.entry(claim.order.job).or_default().push(claim);
    }
    for (job, claims) in by_job {
        let limit = claims.iter().map(|claim| claim.order.limit).sum();
        let mut leased = lease(ledger, job, limit).await?.into_iter();
        for claim in claims {
            claim.outcome = Some(Ok(leased.by_ref().take(claim.order.limit).collect()));
        }
    }
    Ok(())
}

/// Leases up to `limit` tasks of a job, in the order of the plan.
async fn lease(ledger: &mut Ledger, job: i64, limit: usize) -> Stored<Vec<Claimed>> {
    let suspects = suspects::may_be(ledger).await?;
    if suspects && suspects::hold_back(ledger, job).await? {
        return Ok(Vec::new());
    }
    let mut taken = claimable(ledger, job, limit).await?;
    if taken.is_empty() && suspects {
        taken = suspects::claimable(ledger, job, limit).await?;
    }
    if taken.is_empty() {
        return Ok(Vec::new());
    }
    taken.sort_unstable_by_key(|task| task.key);
    let keys: Vec<i64> = taken.iter().map(|task| task.key).collect();
    let first = ledger.numbers.token + 1;
    ledger.numbers.token += unsigned(keys.len() as u64);
    sqlx::query(statements::LEASE)
        .bind(first)
        .bind(list(&keys))
        .execute(&mut ledger.connection)
        .await?;
    let mut histories = histories(ledger, &taken).await?;
    let mut leases = Vec::with_capacity(taken.len());
    for (token, task) in (first..).zip(taken) {
        let before = rows::task_state(task.state)?;
        ledger.tally.moved(job, before, TaskState::Leased, 1);
        if task.token == 0 {
            ledger.standings.insert(task.key, Standing::first(token));
        } else {
            // Leased before, it may have open attempts: they are read when they are needed.
            ledger.standings.remove(&task.key);
        }
        leases.push(Claimed {
            lease: Lease {
                task: task_of(task.key),
                token,
            },
            seed: task.seed,
            vary: task.vary,
            again: task.again,
            history: histories.remove(&task.key).unwrap_or_default(),
        });
    }
    Ok(leases)
}

async fn claimable(ledger: &mut Ledger, job: i64, limit: usize) -> Stored<Vec<Claimable>> {
    let last = task_range(job).1;
    let found: Option<String> = sqlx::query_scalar(statements::CLAIMABLE)
        .bind(job)
        .bind(ledger.clock.now_ms())
        .bind(unsigned(limit as u64))
        .bind(ledger.pending.from(job))
        .bind(last)
        .fetch_one(&mut ledger.connection)
        .await?;
    let mut tasks: Vec<Claimable> = found.as_deref().map_or_else(|| Ok(Vec::new()), rows::parse)?;
    // Waiting ones were read first, by their time, but the order of a join is nobody's promise.
    let pending = rows::task_code(TaskState::Pending);
    tasks.sort_by_key(|task| (task.state == pending).then_some(task.key));
    tasks.truncate(limit);
    let next = match tasks.last() {
        Some(task) if tasks.len() == limit && task.state == pending => task.key + 1,
        // None of the pending ones was taken: they stay where they are.
        Some(_) if tasks.len() == limit => ledger.pending.from(job),
        // All that there are are taken.
        _ => last + 1,
    };
    ledger.pending.taken(job, next);
    Ok(tasks)
}

/// Earlier attempts of tasks that were leased before. After `retry_failed` what failed until then no longer counts.
async fn histories(ledger: &mut Ledger, taken: &[Claimable]) -> Stored<HashMap<i64, Vec<PastRequest>>> {
    let mut histories: HashMap<i64, Vec<PastRequest>> = HashMap::new();
    let again = taken.iter().filter(|task| task.token > 0);
    let fresh_from: HashMap<i64, i64> = again.map(|task| (task.key, task.fresh_from)).collect();
    if fresh_from.is_empty() {
        return Ok(histories);
    }
    let keys: Vec<i64> = fresh_from.keys().copied().collect();
    let found = sqlx::query(statements::HISTORY)
        .bind(list(&keys))
        .fetch_all(&mut ledger.connection)
        .await?;
    for row in &found {
        let attempt = rows::attempt(row)?;
        let stale = attempt.id.0 <= fresh_from.get(&attempt.task).copied().unwrap_or(0);
        if stale && matches!(attempt.state, RequestState::Failed | RequestState::Lost) {
            continue;
        }
        histories.entry(attempt.task).or_default().push(PastRequest {
            id: attempt.id,
            question: attempt.question,
            teacher: attempt.teacher,
            fingerprint: attempt.fingerprint,
            state: attempt.state,
            estimate: rows::estimate(row, 12)?,
            response: attempt.response,
        });
    }
    Ok(histories)
}
