//! Deleting a job: first it loses its name, then its rows go in short transactions, last the job itself. What a crash interrupts
//! is finished when the ledger is opened next. Sums of the whole database stay.

use sqlx::Executor;

use super::jobs::missing;
use super::rows::task_range;
use super::writer::Ledger;
use crate::core::failpoint::{self, Failpoint};
use crate::core::job::JobId;
use crate::core::ports::Stored;

/// Tasks of one transaction.
const CHUNK: i64 = 1000;

/// Takes the job's name away: from here on it is gone for everybody.
pub(super) async fn mark(ledger: &mut Ledger, id: JobId) -> Stored<()> {
    let changed = sqlx::query("UPDATE jobs SET name = NULL WHERE id = ? AND name IS NOT NULL")
        .bind(id.0)
        .execute(&mut ledger.connection)
        .await?;
    if changed.rows_affected() == 0 {
        return Err(missing(id));
    }
    Ok(())
}

/// Removes some tasks with everything that hangs on them, and finally the job. Returns whether there is more.
pub(super) async fn chunk(ledger: &mut Ledger, job: i64) -> Stored<bool> {
    let (first, last) = task_range(job);
    let up_to: Option<i64> = sqlx::query_scalar(
        "SELECT MAX(id) FROM (SELECT id FROM tasks WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?)",
    )
    .bind(first)
    .bind(last)
    .bind(CHUNK)
    .fetch_one(&mut ledger.connection)
    .await?;
    if let Some(up_to) = up_to {
        sqlx::query(
            "DELETE FROM responses WHERE request IN (SELECT id FROM requests WHERE task BETWEEN ?1 AND ?2);
             DELETE FROM requests WHERE task BETWEEN ?1 AND ?2;
             DELETE FROM answers WHERE id IN (SELECT answer FROM samples WHERE task BETWEEN ?1 AND ?2);
             DELETE FROM samples WHERE task BETWEEN ?1 AND ?2;
             DELETE FROM seeds WHERE task BETWEEN ?1 AND ?2;
             DELETE FROM tasks WHERE id BETWEEN ?1 AND ?2",
        )
        .bind(first)
        .bind(up_to)
        .execute(&mut ledger.connection)
        .await?;
    } else {
        sqlx::query(
            "DELETE FROM reviews WHERE task >> 40 = ?1;
             DELETE FROM taggings WHERE task >> 40 = ?1;
             DELETE FROM judgings WHERE task >> 40 = ?1;
             DELETE FROM ui_journal WHERE job = ?1;
             DELETE FROM review_items WHERE task >> 40 = ?1 OR other_task >> 40 = ?1;
             DELETE FROM review_flags WHERE task >> 40 = ?1;
             DELETE FROM review_queues WHERE id NOT IN (SELECT queue FROM review_items);
             DELETE FROM revisions WHERE job = ?1;
             DELETE FROM marks WHERE job = ?1;
             DELETE FROM counters WHERE job = ?1;
             DELETE FROM jobs WHERE id = ?1",
        )
        .bind(job)
        .execute(&mut ledger.connection)
        .await?;
    }
    failpoint::reach(Failpoint::DeleteChunk)?;
    Ok(up_to.is_some())
}

/// Finishes what a crash interrupted.
pub(super) async fn finish(ledger: &mut Ledger) -> Stored<()> {
    let jobs: Vec<i64> = sqlx::query_scalar("SELECT id FROM jobs WHERE name IS NULL")
        .fetch_all(&mut ledger.connection)
        .await?;
    for job in jobs {
        let mut more = true;
        while more {
            ledger.connection.execute("BEGIN IMMEDIATE").await?;
            more = chunk(ledger, job).await?;
            ledger.commit().await?;
            failpoint::reach(Failpoint::DeleteCommitted)?;
        }
    }
    Ok(())
}
