//! The port of tasks. The frequent verbs go to the writer as commands of their own; everything else is a rare command or a read.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::Row as _;

use super::super::rules::HELD_BACK;
use super::group::{Asked, BeginOrder, ClaimOrder, Claimed, RecordOrder, SettleOrder};
use super::jobs::missing;
use super::rows::{self, INDEX_BITS, task_code, task_key, task_range};
use super::writer::{Command, Ledger};
use super::{SqliteStore, again, failed, rescue, statements, suspects};
use crate::core::job::JobId;
use crate::core::ports::{FailedTask, FailureGroup, StoreError, Stored, TaskStore};
use crate::core::request::{Fingerprint, RawResponse};
use crate::core::task::{
    Closed, Lease, Leased, NewRequest, NewTask, RequestId, Settled, TaskCounts, TaskId, TaskState, Transition,
};

/// Tasks planned in one transaction.
const PLAN_CHUNK: usize = 4096;

#[async_trait]
impl TaskStore for SqliteStore {
    async fn plan(&self, job: JobId, tasks: Vec<NewTask>) -> Stored<()> {
        for chunk in tasks.chunks(PLAN_CHUNK) {
            let planned: Vec<Planned> = chunk
                .iter()
                .map(|task| planned(job, task))
                .collect::<Stored<_>>()?;
            self.write(move |ledger| Box::pin(plan(ledger, job, planned)))
                .await?;
        }
        Ok(())
    }

    async fn tasks_below(&self, job: JobId, index: u64) -> Stored<u64> {
        let (first, last) = task_range(job.0);
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM tasks WHERE id >= ? AND id < ?")
            .bind(first)
            .bind(last.min(first.saturating_add_unsigned(index)))
            .fetch_one(&self.readers)
            .await?;
        Ok(rows::unsigned(count))
    }

    async fn planned_all(&self, job: JobId) -> Stored<()> {
        self.write(move |ledger| {
            Box::pin(async move {
                let changed =
                    sqlx::query("UPDATE jobs SET planned_all = 1 WHERE id = ? AND name IS NOT NULL")
                        .bind(job.0)
                        .execute(&mut ledger.connection)
                        .await?;
                if changed.rows_affected() == 0 {
                    return Err(missing(job));
                }
                Ok(())
            })
        })
        .await
    }

    async fn claim(&self, job: JobId, limit: usize) -> Stored<Vec<Leased>> {
        let (asked, answer) = Asked::new(ClaimOrder { job: job.0, limit });
        let claimed = self.order(Command::Claim(asked), answer).await?;
        claimed.into_iter().map(leased).collect()
    }

    async fn begin(&self, lease: Lease, request: NewRequest, closed: Vec<Closed>) -> Stored<RequestId> {
        let (asked, answer) = Asked::new(BeginOrder {
            lease,
            request,
            closed,
        });
        self.order(Command::Begin(asked), answer).await
    }

    async fn record(&self, lease: Lease, request: RequestId, response: &RawResponse) -> Stored<()> {
        let (asked, answer) = Asked::new(RecordOrder::new(lease, request, response)?);
        self.order(Command::Record(asked), answer).await
    }

    async fn settle(&self, lease: Lease, transition: Transition, closed: Vec<Closed>) -> Stored<Settled> {
        let mut order = SettleOrder::new(lease, transition, closed);
        if let Transition::Finish { samples } = &order.transition {
            for sample in samples {
                if rows::sample_bytes(&sample.id).is_none() {
                    return Err(StoreError::Broken(format!("`{}` is no sample id", sample.id.0)));
                }
                order
                    .texts
                    .push((rows::json(&sample.steps)?, rows::json(&sample.verdicts)?));
            }
        }
        let (asked, answer) = Asked::new(order);
        self.order(Command::Settle(asked), answer).await
    }

    async fn rescue(&self) -> Stored<u64> {
        self.write(|ledger| Box::pin(rescue::rescue(ledger))).await
    }

    async fn counts(&self, job: JobId) -> Stored<TaskCounts> {
        let found = sqlx::query("SELECT name, value FROM counters WHERE job = ? AND kind = 'tasks'")
            .bind(job.0)
            .fetch_all(&self.readers)
            .await?;
        let mut counts = TaskCounts::default();
        for row in found {
            let word: &str = row.try_get(0)?;
            if let Some(state) = TaskState::ALL.into_iter().find(|state| state.word() == word) {
                counts.set(state, rows::unsigned(row.try_get(1)?));
            }
        }
        Ok(counts)
    }

    async fn next_due(&self, job: JobId) -> Stored<Option<Duration>> {
        let due: Option<i64> = sqlx::query_scalar(
            "SELECT due_ms FROM tasks INDEXED BY tasks_waiting WHERE id >> 40 = ? AND due_ms IS NOT NULL ORDER BY due_ms LIMIT 1",
        )
        .bind(job.0)
        .fetch_optional(&self.readers)
        .await?;
        let due = due.map(|due| Duration::from_millis(rows::unsigned(due - self.clock.now_ms())));
        let held_back = suspects::hold_any_back(&self.readers, job.0).await?;
        Ok(due.into_iter().chain(held_back.then_some(HELD_BACK)).min())
    }

    async fn cancel_open(&self, job: JobId) -> Stored<u64> {
        self.write(move |ledger| {
            Box::pin(async move {
                rescue::lose_open(ledger, job.0).await?;
                let open = TaskState::ALL
                    .into_iter()
                    .filter(|state| state.is_pending() && *state != TaskState::NeedsReview);
                move_all(ledger, job, open, TaskState::Cancelled).await
            })
        })
        .await
    }

    async fn retry_failed(&self, job: JobId, group: Option<&str>) -> Stored<u64> {
        let group = group.map(str::to_owned);
        self.write(move |ledger| Box::pin(failed::retry(ledger, job, group)))
            .await
    }

    async fn make_again(&self, job: JobId, tasks: &[u64]) -> Stored<u64> {
        let tasks = tasks.iter().map(|index| task_key(TaskId { job, index: *index }));
        let tasks: Vec<i64> = tasks.collect();
        self.write(move |ledger| Box::pin(again::make(ledger, tasks)))
            .await
    }

    async fn failures(&self, job: JobId) -> Stored<Vec<FailureGroup>> {
        failed::groups(&self.readers, job).await
    }

    async fn failed_tasks(&self, job: JobId, group: &str, limit: usize) -> Stored<Vec<FailedTask>> {
        failed::tasks(&self.readers, job, group, limit).await
    }

    async fn reopen_cancelled(&self, job: JobId) -> Stored<u64> {
        self.write(move |ledger| Box::pin(move_all(ledger, job, [TaskState::Cancelled], TaskState::Pending)))
            .await
    }

    async fn answered(&self, fingerprint: Fingerprint) -> Stored<Option<RawResponse>> {
        // Random keys would make every attempt dirty another page, so the index is made when it is first asked for.
        self.indexed(
            &self.request_index,
            "CREATE INDEX IF NOT EXISTS requests_fingerprint ON requests (fingerprint)",
        )
        .await?;
        let found = sqlx::query(
            "SELECT p.status, p.latency_us, p.headers, p.body FROM requests r JOIN responses p ON p.request = r.id
             WHERE r.fingerprint = ? AND r.state = 2 AND p.body <> '' ORDER BY r.id DESC LIMIT 1",
        )
        .bind(&fingerprint.0[..])
        .fetch_optional(&self.readers)
        .await?;
        match found {
            Some(row) => rows::response(&row, 0),
            None => Ok(None),
        }
    }
}

/// A planned task as its rows.
struct Planned {
    key: i64,
    seed: String,
    vary: String,
}

fn planned(job: JobId, task: &NewTask) -> Stored<Planned> {
    if task.index >> INDEX_BITS != 0 {
        return Err(StoreError::Broken(format!(
            "task {} is past the end of a plan",
            task.index
        )));
    }
    let key = task_key(TaskId {
        job,
        index: task.index,
    });
    Ok(Planned {
        key,
        seed: rows::json(&task.seed)?,
        vary: rows::json(&task.vary)?,
    })
}

async fn plan(ledger: &mut Ledger, job: JobId, planned: Vec<Planned>) -> Stored<()> {
    let known: Option<i64> = sqlx::query_scalar("SELECT id FROM jobs WHERE id = ? AND name IS NOT NULL")
        .bind(job.0)
        .fetch_optional(&mut ledger.connection)
        .await?;
    known.ok_or_else(|| missing(job))?;
    let added = statements::INSERT_TASK
        .run(&mut ledger.connection, &planned, |task, values| {
            values.push(task.key);
        })
        .await?;
    statements::INSERT_SEED
        .run(&mut ledger.connection, &planned, |task, values| {
            values.push(task.key).push(&*task.seed).push(&*task.vary);
        })
        .await?;
    if let Some(first) = planned.iter().map(|task| task.key).min() {
        ledger.pending.has(first);
    }
    let added = super::tally::unsigned(added);
    ledger.tally.add(job.0, "tasks", TaskState::Pending.word(), added);
    Ok(())
}

fn leased(claimed: Claimed) -> Stored<Leased> {
    Ok(Leased {
        lease: claimed.lease,
        seed: rows::parse(claimed.seed.get())?,
        vary: rows::parse(claimed.vary.get())?,
        again: claimed.again,
        history: claimed.history,
    })
}

/// Moves all tasks of a job in these states to another. Returns how many.
async fn move_all(
    ledger: &mut Ledger,
    job: JobId,
    from: impl IntoIterator<Item = TaskState> + Send,
    to: TaskState,
) -> Stored<u64> {
    let (first, last) = task_range(job.0);
    let from: Vec<TaskState> = from.into_iter().collect();
    let mut moved = 0;
    for state in from {
        let changed = sqlx::query(
            "UPDATE tasks SET state = ?, due_ms = NULL, reason = NULL, crashes = 0 WHERE id BETWEEN ? AND ? AND state = ?",
        )
        .bind(task_code(to))
        .bind(first)
        .bind(last)
        .bind(task_code(state))
        .execute(&mut ledger.connection)
        .await?
        .rows_affected();
        ledger
            .tally
            .moved(job.0, state, to, super::tally::unsigned(changed));
        moved += changed;
    }
    if to == TaskState::Pending {
        ledger.pending.has(first);
    }
    Ok(moved)
}
