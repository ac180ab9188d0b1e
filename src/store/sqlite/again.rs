//! Tasks made anew: their samples go, with what was said of them, and they wait in the queue as if never asked. The attempts and
//! their answers stay: they were paid for.

use sqlx::Row as _;

use super::rows::{self, job_of, task_code};
use super::tally::DECISIONS;
use super::writer::Ledger;
use crate::core::ports::Stored;
use crate::core::sample::SampleState;
use crate::core::task::TaskState;

/// Puts judged tasks back; others are left alone. Returns how many.
pub(super) async fn make(ledger: &mut Ledger, tasks: Vec<i64>) -> Stored<u64> {
    let mut made = 0;
    for task in tasks {
        let state: Option<i64> = sqlx::query_scalar("SELECT state FROM tasks WHERE id = ?")
            .bind(task)
            .fetch_optional(&mut ledger.connection)
            .await?;
        let Some(state) = state.map(rows::task_state).transpose()? else {
            continue;
        };
        if !state.is_judged() {
            continue;
        }
        forget_samples(ledger, task).await?;
        sqlx::query(
            "UPDATE tasks SET state = ?1, again = again + 1, fresh_from = ?2, due_ms = NULL, reason = NULL, crashes = 0
             WHERE id = ?3",
        )
        .bind(task_code(TaskState::Pending))
        .bind(ledger.numbers.request)
        .bind(task)
        .execute(&mut ledger.connection)
        .await?;
        ledger.pending.has(task);
        ledger.tally.moved(job_of(task), state, TaskState::Pending, 1);
        made += 1;
    }
    Ok(made)
}

/// Removes a task's samples with all that hangs on them but their places in queues, where the new ones stand in.
async fn forget_samples(ledger: &mut Ledger, task: i64) -> Stored<()> {
    let job = job_of(task);
    let samples = sqlx::query("SELECT state, reason, teacher FROM samples WHERE task = ?")
        .bind(task)
        .fetch_all(&mut ledger.connection)
        .await?;
    for row in &samples {
        let state = rows::sample_state(row.try_get(0)?)?;
        let teacher: Option<i64> = row.try_get(2)?;
        let teacher = teacher.map(|number| ledger.teachers.name(number));
        ledger
            .tally
            .forgotten(job, teacher.as_deref(), state, rows::reason(row.try_get(1)?)?);
        if state == SampleState::Accepted {
            // The dataset's files are behind from this commit on, until they are written anew.
            ledger.tally.add(job, DECISIONS, "made", 1);
        }
    }
    for sql in [
        "DELETE FROM answers WHERE id IN (SELECT answer FROM samples WHERE task = ?)",
        "DELETE FROM samples WHERE task = ?",
        "DELETE FROM reviews WHERE task = ?",
        "DELETE FROM taggings WHERE task = ?",
        "DELETE FROM judgings WHERE task = ?",
        "DELETE FROM review_flags WHERE task = ?",
    ] {
        sqlx::query(sql)
            .bind(task)
            .execute(&mut ledger.connection)
            .await?;
    }
    Ok(())
}
