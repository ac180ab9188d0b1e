//! Tags of samples: put on, taken off, and given back as they were.

use sqlx::Row as _;

use super::decide::At;
use super::rows;
use super::writer::Ledger;
use super::{SqliteStore, rows::task_range};
use crate::core::job::JobId;
use crate::core::ports::Stored;
use crate::core::tags::TagChange;

/// Changes a sample's tags. Returns the row that gives them back; `None` where the sample is gone.
pub(super) async fn tag(
    ledger: &mut Ledger,
    (task, candidate): At,
    change: &TagChange,
) -> Stored<Option<i64>> {
    let found = sqlx::query("SELECT tags, tagging FROM samples WHERE task = ? AND candidate = ?")
        .bind(task)
        .bind(candidate)
        .fetch_optional(&mut ledger.connection)
        .await?;
    let Some(found) = found else { return Ok(None) };
    let before: Option<String> = found.try_get(0)?;
    let earlier: Option<i64> = found.try_get(1)?;
    let after = change.apply(&rows::tags(before.as_deref())?);
    let tagging = sqlx::query("INSERT INTO taggings (task, candidate, earlier, before) VALUES (?, ?, ?, ?)")
        .bind(task)
        .bind(candidate)
        .bind(earlier)
        .bind(before)
        .execute(&mut ledger.connection)
        .await?
        .last_insert_rowid();
    let after = if after.is_empty() {
        None
    } else {
        Some(rows::json(&after)?)
    };
    write(ledger, (task, candidate), after, Some(tagging)).await?;
    Ok(Some(tagging))
}

/// Gives a sample the tags back that it had before. False where it is gone, or was tagged again since.
pub(super) async fn untag(ledger: &mut Ledger, at: At, tagging: i64) -> Stored<bool> {
    let found = sqlx::query(
        "DELETE FROM taggings WHERE id = ?1 AND EXISTS
            (SELECT 1 FROM samples s WHERE s.task = ?2 AND s.candidate = ?3 AND s.tagging = ?1) RETURNING before, earlier",
    )
    .bind(tagging)
    .bind(at.0)
    .bind(at.1)
    .fetch_optional(&mut ledger.connection)
    .await?;
    let Some(found) = found else { return Ok(false) };
    write(ledger, at, found.try_get(0)?, found.try_get(1)?).await?;
    Ok(true)
}

async fn write(
    ledger: &mut Ledger,
    (task, candidate): At,
    tags: Option<String>,
    tagging: Option<i64>,
) -> Stored<()> {
    sqlx::query("UPDATE samples SET tags = ?, tagging = ? WHERE task = ? AND candidate = ?")
        .bind(tags)
        .bind(tagging)
        .bind(task)
        .bind(candidate)
        .execute(&mut ledger.connection)
        .await?;
    Ok(())
}

impl SqliteStore {
    /// Tags and how many samples have each.
    pub(super) async fn known_tags(&self, job: Option<JobId>) -> Stored<Vec<(String, u64)>> {
        let (first, last) = job.map_or((0, i64::MAX), |job| task_range(job.0));
        let found: Vec<(String, i64)> = sqlx::query_as(
            "SELECT e.value, COUNT(*) AS many FROM samples s INDEXED BY samples_tagged, json_each(s.tags) e
             WHERE s.tags IS NOT NULL AND s.task BETWEEN ? AND ? GROUP BY e.value ORDER BY many DESC, e.value",
        )
        .bind(first)
        .bind(last)
        .fetch_all(&self.readers)
        .await?;
        let known = found.into_iter();
        Ok(known.map(|(tag, many)| (tag, rows::unsigned(many))).collect())
    }
}
