//! Leases that end without their owner: after a crash, and when what is open is cancelled.

use sqlx::Row as _;

use super::super::rules::{CRASHES_AT_MOST, QUARANTINED, WAIT_AT_MOST};
use super::group::{self, Open, due};
use super::rows::{self, job_of, task_code};
use super::statements;
use super::writer::Ledger;
use crate::core::ports::Stored;
use crate::core::task::TaskState;

/// A leased task with its open attempts.
struct Leased {
    key: i64,
    state: TaskState,
    crashes: i64,
    open: Vec<Open>,
}

/// All leases go back, because their owner is dead: the lock is ours. A crash counts against a task that had asked something; a
/// task merely taken had no part in it. Returns how many went back.
pub(super) async fn rescue(ledger: &mut Ledger) -> Stored<u64> {
    let leased = leased(ledger, (0, i64::MAX)).await?;
    let rescued = leased.len() as u64;
    let mut ends = Vec::with_capacity(leased.len());
    for task in &leased {
        let crashes = task.crashes + i64::from(!task.open.is_empty());
        let job = job_of(task.key);
        let (state, reason) = if crashes >= CRASHES_AT_MOST {
            ledger.tally.failed(job, QUARANTINED, 1);
            (TaskState::Failed, Some(QUARANTINED))
        } else {
            (TaskState::Pending, None)
        };
        ledger.tally.moved(job, task.state, state, 1);
        ends.push((task.key, state, reason, crashes));
    }
    lose(ledger, leased).await?;
    statements::END_TASK
        .run(
            &mut ledger.connection,
            &ends,
            |(key, state, reason, crashes), values| {
                values
                    .push(task_code(*state))
                    .push(*reason)
                    .push(None::<i64>)
                    .push(*crashes)
                    .push(*key);
            },
        )
        .await?;
    let latest = due(ledger, WAIT_AT_MOST);
    sqlx::query("UPDATE tasks SET due_ms = ?1 WHERE due_ms > ?2")
        .bind(ledger.clock.now_ms())
        .bind(latest)
        .execute(&mut ledger.connection)
        .await?;
    Ok(rescued)
}

/// Attempts of a job's leases that nothing came back for are lost; the leases themselves are the caller's to end.
pub(super) async fn lose_open(ledger: &mut Ledger, job: i64) -> Stored<()> {
    let leased = leased(ledger, rows::task_range(job)).await?;
    lose(ledger, leased).await
}

async fn lose(ledger: &mut Ledger, leased: Vec<Leased>) -> Stored<()> {
    let mut endings = Vec::new();
    for mut task in leased {
        group::lose(ledger, &mut task.open, &mut endings);
    }
    statements::END_REQUEST
        .run(&mut ledger.connection, &endings, group::bind_ending)
        .await?;
    Ok(())
}

async fn leased(ledger: &mut Ledger, (first, last): (i64, i64)) -> Stored<Vec<Leased>> {
    let found = sqlx::query(
        "SELECT t.id, t.state, t.crashes, r.id, r.teacher, r.attempt, r.at_ms, r.estimate_usd, r.estimate_tokens,
                r.estimate_requests, EXISTS (SELECT 1 FROM responses p WHERE p.request = r.id)
         FROM tasks t LEFT JOIN requests r ON r.task = t.id AND r.state = 0
         WHERE t.id BETWEEN ? AND ? AND t.state IN (1, 2, 3) ORDER BY t.id",
    )
    .bind(first)
    .bind(last)
    .fetch_all(&mut ledger.connection)
    .await?;
    let mut leased: Vec<Leased> = Vec::new();
    for row in &found {
        let key: i64 = row.try_get(0)?;
        if leased.last().is_none_or(|task| task.key != key) {
            leased.push(Leased {
                key,
                state: rows::task_state(row.try_get(1)?)?,
                crashes: row.try_get(2)?,
                open: Vec::new(),
            });
        }
        let open = group::open_attempt(ledger, row, key).await?;
        if let (Some(task), Some(open)) = (leased.last_mut(), open) {
            task.open.push(open);
        }
    }
    Ok(leased)
}
