//! Leases that end without their owner: after a crash, and when what is open is cancelled.

use std::collections::HashMap;

use super::super::rules::{self, QUARANTINE, QUARANTINED, SUSPECT, WAIT_AT_MOST};
use super::group::{self, Standing, due};
use super::rows::{self, job_of, task_code};
use super::statements;
use super::writer::Ledger;
use crate::core::failpoint::{self, Failpoint};
use crate::core::ports::Stored;
use crate::core::task::TaskState;

/// All leases go back, because their owner is dead: the lock is ours. A crash raises the suspicion against tasks that had asked
/// something; a task merely taken had no part in it. Returns how many went back.
pub(super) async fn rescue(ledger: &mut Ledger) -> Stored<u64> {
    // Looking for leases means looking at every task; the sums tell at once that there are none.
    let counted: i64 = sqlx::query_scalar(statements::LEASED_TASKS)
        .bind(None::<i64>)
        .fetch_one(&mut ledger.connection)
        .await?;
    let leased = if counted == 0 {
        HashMap::new()
    } else {
        leased(ledger, (0, i64::MAX)).await?
    };
    let rescued = leased.len() as u64;
    let mut ends = Vec::with_capacity(leased.len());
    let in_flight = leased.values().filter(|task| !task.open.is_empty()).count();
    for (key, task) in &leased {
        let crashes = if task.open.is_empty() {
            task.crashes
        } else {
            rules::suspicion(task.crashes, in_flight)
        };
        let job = job_of(*key);
        let (state, reason) = if crashes >= QUARANTINE {
            ledger.tally.failed(job, QUARANTINED, 1);
            (TaskState::Failed, Some(QUARANTINED))
        } else {
            ledger.pending.has(*key);
            (TaskState::Pending, None)
        };
        ledger.tally.moved(job, task.state, state, 1);
        ends.push((*key, state, reason, crashes));
    }
    lose(ledger, leased).await?;
    if ends.iter().any(|(_, _, _, crashes)| *crashes >= SUSPECT) {
        // Most ledgers never need it.
        sqlx::query("CREATE INDEX IF NOT EXISTS tasks_suspect ON tasks (crashes, id) WHERE crashes > 1")
            .execute(&mut ledger.connection)
            .await?;
        ledger.suspects = None;
    }
    statements::END_TASK
        .run_all(
            &mut ledger.connection,
            &ends,
            |(key, state, reason, crashes), values| {
                values
                    .push(*key)
                    .push(task_code(*state))
                    .push(*reason)
                    .push(None::<i64>)
                    .push(*crashes);
            },
        )
        .await?;
    let latest = due(ledger, WAIT_AT_MOST);
    sqlx::query("UPDATE tasks SET due_ms = ?1 WHERE due_ms > ?2")
        .bind(ledger.clock.now_ms())
        .bind(latest)
        .execute(&mut ledger.connection)
        .await?;
    failpoint::reach(Failpoint::Rescued)?;
    Ok(rescued)
}

/// Attempts of a job's leases that nothing came back for are lost; the leases themselves are the caller's to end.
pub(super) async fn lose_open(ledger: &mut Ledger, job: i64) -> Stored<()> {
    let leased = leased(ledger, rows::task_range(job)).await?;
    lose(ledger, leased).await
}

async fn lose(ledger: &mut Ledger, leased: HashMap<i64, Standing>) -> Stored<()> {
    let mut endings = Vec::new();
    for mut task in leased.into_values() {
        group::lose(ledger, &mut task.open, &mut endings);
    }
    statements::END_REQUEST
        .run_all(&mut ledger.connection, &endings, group::bind_ending)
        .await
}

async fn leased(ledger: &mut Ledger, (first, last): (i64, i64)) -> Stored<HashMap<i64, Standing>> {
    let found: String = sqlx::query_scalar(statements::LEASED)
        .bind(first)
        .bind(last)
        .fetch_one(&mut ledger.connection)
        .await?;
    group::standings_of(ledger, &found)
}
