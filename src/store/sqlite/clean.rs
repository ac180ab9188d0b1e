//! Cleaning: texts that may go after a while, cancelled jobs, what nothing refers to. Rows, sums and verdicts stay, so that the books
//! balance before and after; it never looks at a task that could still be asked.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _};

use super::super::rules::before;
use super::rows::{task_range, unsigned};
use super::writer::Ledger;
use crate::core::api::{CleanRow, CleanRules};
use crate::core::ports::Stored;

/// Rows of one transaction.
const CHUNK: i64 = 1000;

/// Bodies of answers of accepted and rejected tasks, begun not after ?1.
const RESPONSES: &str = "FROM responses p JOIN requests r ON r.id = p.request JOIN tasks t ON t.id = r.task
    WHERE p.body <> '' AND r.state IN (2, 3) AND t.state IN (7, 8) AND r.at_ms <= ?1";
/// Texts of rejected samples whose task was last asked not after ?1; what a person decided could be taken back, so it keeps its text.
const REJECTED: &str = "FROM samples s JOIN answers a ON a.id = s.answer
    WHERE s.state = 1 AND s.review IS NULL AND a.steps <> '[]'
      AND COALESCE((SELECT MAX(r.at_ms) FROM requests r WHERE r.task = s.task), 0) <= ?1";
/// Texts no sample has.
const TEXTS: &str = "FROM answers a WHERE a.id NOT IN (SELECT answer FROM samples)";
/// Answers to requests that are not there.
const ANSWERS: &str = "FROM responses p WHERE p.request NOT IN (SELECT id FROM requests)";

/// What would go, a row for each rule that is set.
pub(super) async fn plan(
    connection: &mut SqliteConnection,
    rules: &CleanRules,
    cancelled: &[i64],
    now_ms: i64,
) -> Stored<Vec<CleanRow>> {
    let mut rows = Vec::new();
    if let Some(days) = rules.responses_days {
        let sql = format!("SELECT COUNT(*), COALESCE(SUM(octet_length(p.body)), 0) {RESPONSES}");
        let found = counted(connection, sql, before(now_ms, days)).await?;
        rows.push(row("responses", &[found]));
    }
    if let Some(days) = rules.rejected_days {
        let sql = format!("SELECT COUNT(*), COALESCE(SUM(octet_length(a.steps)), 0) {REJECTED}");
        let found = counted(connection, sql, before(now_ms, days)).await?;
        rows.push(row("rejected", &[found]));
    }
    if rules.cancelled_jobs {
        let mut found = Vec::new();
        for job in cancelled {
            found.push(whole_job(connection, *job).await?);
        }
        rows.push(row("cancelled jobs", &found));
    }
    if rules.orphans {
        let texts = format!(
            "SELECT COUNT(*), COALESCE(SUM(octet_length(a.steps) + octet_length(a.verdicts)), 0) {TEXTS}"
        );
        let answers = format!("SELECT COUNT(*), COALESCE(SUM(octet_length(p.body)), 0) {ANSWERS}");
        let found = [
            counted(connection, texts, 0).await?,
            counted(connection, answers, 0).await?,
        ];
        rows.push(row("orphans", &found));
    }
    Ok(rows)
}

fn row(what: &'static str, found: &[(u64, u64)]) -> CleanRow {
    CleanRow {
        what,
        rows: found.iter().map(|(rows, _)| rows).sum(),
        bytes: found.iter().map(|(_, bytes)| bytes).sum(),
    }
}

async fn counted(connection: &mut SqliteConnection, sql: String, at_ms: i64) -> Stored<(u64, u64)> {
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(at_ms)
        .fetch_one(connection)
        .await?;
    pair(&found)
}

fn pair(row: &SqliteRow) -> Stored<(u64, u64)> {
    Ok((unsigned(row.try_get(0)?), unsigned(row.try_get(1)?)))
}

/// Tasks and samples of a job, and the bytes of their texts.
async fn whole_job(connection: &mut SqliteConnection, job: i64) -> Stored<(u64, u64)> {
    let (first, last) = task_range(job);
    let found = sqlx::query(
        "SELECT (SELECT COUNT(*) FROM tasks WHERE id BETWEEN ?1 AND ?2) + (SELECT COUNT(*) FROM samples WHERE task BETWEEN ?1 AND ?2),
                COALESCE((SELECT SUM(octet_length(p.body)) FROM responses p JOIN requests r ON r.id = p.request
                          WHERE r.task BETWEEN ?1 AND ?2), 0)
              + COALESCE((SELECT SUM(octet_length(seed) + octet_length(vary)) FROM seeds WHERE task BETWEEN ?1 AND ?2), 0)
              + COALESCE((SELECT SUM(octet_length(a.steps)) FROM samples s JOIN answers a ON a.id = s.answer
                          WHERE s.task BETWEEN ?1 AND ?2), 0)",
    )
    .bind(first)
    .bind(last)
    .fetch_one(connection)
    .await?;
    pair(&found)
}

/// One of the steps of a cleaning that go by chunks: how to find the next rows after a place, and what becomes of each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    find: &'static str,
    places: &'static str,
    change: &'static str,
}

/// The steps of the rules that are set, each with the instant it goes up to.
pub(super) fn steps(rules: &CleanRules, now_ms: i64) -> Vec<(Step, i64)> {
    let mut steps = Vec::new();
    if let Some(days) = rules.responses_days {
        let step = Step {
            places: "p.request",
            find: RESPONSES,
            change: "UPDATE responses SET body = '' WHERE request = ?",
        };
        steps.push((step, before(now_ms, days)));
    }
    if let Some(days) = rules.rejected_days {
        let step = Step {
            places: "a.id",
            find: REJECTED,
            change: "UPDATE answers SET steps = '[]' WHERE id = ?",
        };
        steps.push((step, before(now_ms, days)));
    }
    if rules.orphans {
        let texts = Step {
            places: "a.id",
            find: TEXTS,
            change: "DELETE FROM answers WHERE id = ?",
        };
        let answers = Step {
            places: "p.request",
            find: ANSWERS,
            change: "DELETE FROM responses WHERE request = ?",
        };
        steps.extend([(texts, 0), (answers, 0)]);
    }
    steps
}

/// Carries a step on behind `after`. Says how many rows it changed and the last of them; `None` at the end.
pub(super) async fn chunk(
    ledger: &mut Ledger,
    step: Step,
    at_ms: i64,
    after: i64,
) -> Stored<Option<(u64, i64)>> {
    let Step { find, places, change } = step;
    let sql = format!("SELECT {places} {find} AND {places} > ?2 AND ?1 >= 0 ORDER BY 1 LIMIT {CHUNK}");
    let found: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(at_ms.max(0))
        .bind(after)
        .fetch_all(&mut ledger.connection)
        .await?;
    for place in &found {
        sqlx::query(change)
            .bind(place)
            .execute(&mut ledger.connection)
            .await?;
    }
    Ok(found.last().map(|last| (found.len() as u64, *last)))
}
