//! Suspects: tasks that were in flight in crashes. They are leased after all others and in ever smaller company, so that a task that
//! ends the process every time is found, and nobody who only happened to be near (the rules are in [`rules`]).

use sqlx::{Executor, SqlitePool};

use super::super::rules::{self, ALONE, QUIET, millis};
use super::claim::Claimable;
use super::rows::{self, task_range};
use super::statements;
use super::tally::unsigned;
use super::writer::Ledger;
use crate::core::ports::Stored;

/// The index that the first suspect makes.
const INDEX: &str = "SELECT 1 FROM sqlite_schema WHERE name = 'tasks_suspect'";

/// Whether there may be any.
pub(super) async fn may_be(ledger: &mut Ledger) -> Stored<bool> {
    if let Some(known) = ledger.suspects {
        return Ok(known);
    }
    let found = ledger.connection.fetch_optional(INDEX).await?.is_some();
    ledger.suspects = Some(found);
    Ok(found)
}

/// Whether tasks of a job may have been held back at a claim, because of suspects here or elsewhere.
pub(super) async fn hold_any_back(readers: &SqlitePool, job: i64) -> Stored<bool> {
    if readers.fetch_optional(INDEX).await?.is_none() {
        return Ok(false);
    }
    let (first, last) = task_range(job);
    Ok(sqlx::query_scalar(statements::HELD_BACK)
        .bind(first)
        .bind(last)
        .fetch_one(readers)
        .await?)
}

/// Whether a task that runs alone keeps all others back, or one of another job waits until it can.
pub(super) async fn hold_back(ledger: &mut Ledger, job: i64) -> Stored<bool> {
    let now = ledger.clock.now_ms();
    if ledger
        .quiet
        .is_some_and(|(other, until)| other != job && now < until)
    {
        return Ok(true);
    }
    Ok(sqlx::query_scalar(statements::ONE_IS_ALONE)
        .bind(ALONE)
        .fetch_one(&mut ledger.connection)
        .await?)
}

/// Suspects of a job that may run now: the least suspected, as many as bear each other's company.
pub(super) async fn claimable(ledger: &mut Ledger, job: i64, limit: usize) -> Stored<Vec<Claimable>> {
    let (first, last) = task_range(job);
    let lowest: Option<i64> = sqlx::query_scalar(statements::LEAST_SUSPECTED)
        .bind(first)
        .bind(last)
        .fetch_one(&mut ledger.connection)
        .await?;
    let Some(suspicion) = lowest else {
        return Ok(Vec::new());
    };
    let alone = suspicion >= ALONE;
    let whose = (!alone).then_some(job);
    let counted: i64 = sqlx::query_scalar(statements::LEASED_TASKS)
        .bind(whose)
        .fetch_one(&mut ledger.connection)
        .await?;
    let leased = rows::unsigned(counted + ledger.tally.leased(whose)) as usize;
    let room = rules::company(suspicion).saturating_sub(leased).min(limit);
    if alone {
        let until = ledger.clock.now_ms().saturating_add(millis(QUIET));
        ledger.quiet = (room == 0).then_some((job, until));
    }
    if room == 0 {
        return Ok(Vec::new());
    }
    let found: Option<String> = sqlx::query_scalar(statements::SUSPECTS)
        .bind(first)
        .bind(last)
        .bind(suspicion)
        .bind(unsigned(room as u64))
        .fetch_one(&mut ledger.connection)
        .await?;
    found.as_deref().map_or_else(|| Ok(Vec::new()), rows::parse)
}
