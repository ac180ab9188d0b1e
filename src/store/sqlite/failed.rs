//! Failed tasks: in groups, one by one, and back to the queue.

use sqlx::{AssertSqlSafe, Row as _, SqlitePool};

use super::rows::{task_of, task_range, unsigned};
use super::tally;
use super::writer::Ledger;
use crate::core::job::JobId;
use crate::core::ports::{FailedTask, FailureGroup, Stored};
use crate::core::task::TaskState;

/// Each failed task of a range with its group and its last attempt.
const FAILED: &str = "
    SELECT t.id, COALESCE(t.reason, '') AS reason, substr(t.reason, 1, instr(t.reason || ':', ':') - 1) AS kind,
           r.at_ms, n.name AS teacher
    FROM tasks t
    LEFT JOIN requests r ON r.id = (SELECT MAX(q.id) FROM requests q WHERE q.task = t.id)
    LEFT JOIN teachers n ON n.id = r.teacher
    WHERE t.id BETWEEN ?1 AND ?2 AND t.state = 9";

/// Failed tasks by kind of reason. The columns beside `MAX` are those of the row that has it.
pub(super) async fn groups(readers: &SqlitePool, job: JobId) -> Stored<Vec<FailureGroup>> {
    let (first, last) = task_range(job.0);
    let sql = format!(
        "SELECT kind, COUNT(*), MAX(COALESCE(at_ms, -1)), reason, teacher, COUNT(DISTINCT teacher)
         FROM ({FAILED}) GROUP BY kind ORDER BY 2 DESC, kind"
    );
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(first)
        .bind(last)
        .fetch_all(readers)
        .await?;
    let mut groups = Vec::with_capacity(found.len());
    for row in found {
        let last_ms: i64 = row.try_get(2)?;
        groups.push(FailureGroup {
            reason: row.try_get::<Option<String>, _>(0)?.unwrap_or_default(),
            tasks: unsigned(row.try_get(1)?),
            example: row.try_get(3)?,
            teacher: row.try_get(4)?,
            teachers: unsigned(row.try_get(5)?),
            last_ms: (last_ms >= 0).then_some(last_ms),
        });
    }
    Ok(groups)
}

/// The failed tasks of one group, in plan order.
pub(super) async fn tasks(
    readers: &SqlitePool,
    job: JobId,
    group: &str,
    limit: usize,
) -> Stored<Vec<FailedTask>> {
    let (first, last) = task_range(job.0);
    let sql = format!(
        "SELECT id, reason, teacher, at_ms, (SELECT COUNT(*) FROM requests a WHERE a.task = f.id)
         FROM ({FAILED}) f WHERE COALESCE(kind, '') = ?3 ORDER BY id LIMIT ?4"
    );
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(first)
        .bind(last)
        .bind(group)
        .bind(tally::unsigned(limit as u64))
        .fetch_all(readers)
        .await?;
    let mut tasks = Vec::with_capacity(found.len());
    for row in found {
        tasks.push(FailedTask {
            index: task_of(row.try_get(0)?).index,
            reason: row.try_get(1)?,
            teacher: row.try_get(2)?,
            at_ms: row.try_get(3)?,
            attempts: unsigned(row.try_get(4)?),
        });
    }
    Ok(tasks)
}

/// Failed tasks start anew, all or those of one group: what failed until now no longer counts as an attempt, what was answered is
/// used again.
pub(super) async fn retry(ledger: &mut Ledger, job: JobId, group: Option<String>) -> Stored<u64> {
    const MEANT: &str = "id BETWEEN ?1 AND ?2 AND state = 9
        AND (?3 IS NULL OR substr(COALESCE(reason, ''), 1, instr(COALESCE(reason, '') || ':', ':') - 1) = ?3)";
    let (first, last) = task_range(job.0);
    let counted = format!("SELECT COALESCE(reason, ''), COUNT(*) FROM tasks WHERE {MEANT} GROUP BY 1");
    let reasons: Vec<(String, i64)> = sqlx::query_as(AssertSqlSafe(counted))
        .bind(first)
        .bind(last)
        .bind(&group)
        .fetch_all(&mut ledger.connection)
        .await?;
    for (reason, tasks) in &reasons {
        ledger.tally.failed(job.0, reason, -tasks);
    }
    let back = format!(
        "UPDATE tasks SET state = 0, fresh_from = ?4, due_ms = NULL, reason = NULL, crashes = 0 WHERE {MEANT}"
    );
    let back = sqlx::query(AssertSqlSafe(back))
        .bind(first)
        .bind(last)
        .bind(&group)
        .bind(ledger.numbers.request)
        .execute(&mut ledger.connection)
        .await?
        .rows_affected();
    ledger.pending.has(first);
    ledger.tally.moved(
        job.0,
        TaskState::Failed,
        TaskState::Pending,
        tally::unsigned(back),
    );
    Ok(back)
}
