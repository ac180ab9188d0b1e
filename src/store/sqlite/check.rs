//! The audit of the ledger: SQLite's own checks, the laws about single rows ([`super::laws`]), and the sums of [`SUMS`] and
//! [`SPENT`] made again from the rows (I1 conservation, I4 attempts that may have been charged, I8 costs). It only reads.

use sqlx::sqlite::SqliteConnection;

use super::laws::LAWS;
use crate::core::ports::Stored;
use crate::core::task::TaskState;

/// Findings of one law that are told; the rest are only counted by whoever repairs.
const FINDINGS: i64 = 20;

/// Sums of jobs, recomputed: what remains after subtracting the rows from the counters.
const SUMS: &str = "
    WITH closed AS (SELECT r.*, r.task >> 40 AS job, n.name AS teacher_name FROM requests r JOIN teachers n ON n.id = r.teacher
                    WHERE r.state IN (2, 3) AND r.estimate_requests > 0),
         uncertain AS (SELECT task >> 40 AS job, MAX(estimate_usd - cost, 0) AS usd, MAX(estimate_tokens - tokens, 0) AS tokens,
                              estimate_requests - (state IN (2, 3)) AS requests
                       FROM requests WHERE (state = 1 OR maybe_billed) AND estimate_requests > 0),
         judged AS (SELECT s.*, s.task >> 40 AS job, n.name AS teacher_name FROM samples s LEFT JOIN teachers n ON n.id = s.teacher)
    SELECT job, kind, name, SUM(counted), SUM(found) FROM (
        SELECT job, kind, name, value AS counted, 0 AS found FROM counters WHERE job > 0 AND kind <> 'decisions'
        UNION ALL SELECT id >> 40, 'tasks', COALESCE(?1 ->> ('$[' || state || ']'), 'in no state'), 0, COUNT(*) FROM tasks GROUP BY 1, 3
        UNION ALL SELECT id >> 40, 'failures', COALESCE(substr(reason, 1, instr(reason || ':', ':') - 1), ''), 0, COUNT(*)
            FROM tasks WHERE state = 9 GROUP BY 1, 3
        UNION ALL SELECT job, 'samples', '[\"accepted\",\"rejected\",\"needs_review\"]' ->> ('$[' || state || ']'), 0, COUNT(*)
            FROM judged GROUP BY 1, 3
        UNION ALL SELECT job, 'reasons', reason, 0, COUNT(*) FROM judged WHERE state = 1 AND reason IS NOT NULL GROUP BY 1, 3
        UNION ALL SELECT job, 'teacher.judged', teacher_name, 0, COUNT(*) FROM judged WHERE teacher IS NOT NULL GROUP BY 1, 3
        UNION ALL SELECT job, 'teacher.accepted', teacher_name, 0, COUNT(*) FROM judged
            WHERE teacher IS NOT NULL AND state = 0 GROUP BY 1, 3
        UNION ALL SELECT task >> 40, 'sum', 'sent', 0, COUNT(*) FROM requests WHERE state <> 4 AND estimate_requests > 0 GROUP BY 1
        UNION ALL SELECT task >> 40, 'sum', 'retried', 0, COUNT(*) FROM requests
            WHERE state <> 4 AND estimate_requests > 0 AND attempt > 1 GROUP BY 1
        UNION ALL SELECT task >> 40, 'sum', 'cached', 0, COUNT(*) FROM requests WHERE state <> 4 AND estimate_requests = 0 GROUP BY 1
        UNION ALL SELECT task >> 40, 'sum', 'maybe_billed', 0, SUM(maybe_billed) FROM requests GROUP BY 1
        UNION ALL SELECT job, 'sum', 'uncertain_usd', 0, SUM(usd) FROM uncertain GROUP BY 1
        UNION ALL SELECT job, 'sum', 'uncertain_tokens', 0, SUM(tokens) FROM uncertain GROUP BY 1
        UNION ALL SELECT job, 'sum', 'uncertain_requests', 0, SUM(requests) FROM uncertain GROUP BY 1
        UNION ALL SELECT job, 'sum', 'usd', 0, SUM(cost) FROM closed GROUP BY 1
        UNION ALL SELECT job, 'sum', 'tokens', 0, SUM(tokens) FROM closed GROUP BY 1
        UNION ALL SELECT job, 'sum', 'requests', 0, COUNT(*) FROM closed GROUP BY 1
        UNION ALL SELECT job, 'sum', 'input', 0, SUM(COALESCE(input, 0)) FROM closed GROUP BY 1
        UNION ALL SELECT job, 'sum', 'output', 0, SUM(COALESCE(output, 0)) FROM closed GROUP BY 1
        UNION ALL SELECT job, 'teacher.usd', teacher_name, 0, SUM(cost) FROM closed GROUP BY 1, 3
        UNION ALL SELECT job, 'teacher.tokens', teacher_name, 0, SUM(tokens) FROM closed GROUP BY 1, 3
        UNION ALL SELECT job, 'teacher.requests', teacher_name, 0, COUNT(*) FROM closed GROUP BY 1, 3
    ) WHERE job NOT IN (SELECT id FROM jobs WHERE name IS NULL)
    GROUP BY job, kind, name HAVING SUM(counted) <> SUM(found) LIMIT ?2";

/// Sums of the whole database: they outlive deleted jobs, so they may be more than the rows, never less.
const SPENT: &str = "
    WITH taken AS (
        SELECT substr(n.name, 1, instr(n.name || '/', '/') - 1) AS provider, r.at_ms / 86400000 AS day,
               CASE WHEN r.state = 1 OR r.maybe_billed THEN MAX(r.estimate_usd, r.cost) ELSE r.cost END AS usd,
               CASE WHEN r.state = 1 OR r.maybe_billed THEN MAX(r.estimate_tokens, r.tokens) ELSE r.tokens END AS tokens
        FROM requests r JOIN teachers n ON n.id = r.teacher
        WHERE (r.state IN (1, 2, 3) OR r.maybe_billed) AND r.estimate_requests > 0)
    SELECT 0, kind, name, SUM(counted), SUM(found) FROM (
        SELECT kind, name, value AS counted, 0 AS found FROM counters WHERE job = 0
        UNION ALL SELECT 'provider.usd', provider, 0, SUM(usd) FROM taken GROUP BY 2
        UNION ALL SELECT 'provider.tokens', provider, 0, SUM(tokens) FROM taken GROUP BY 2
        UNION ALL SELECT 'provider.requests', provider, 0, COUNT(*) FROM taken GROUP BY 2
        UNION ALL SELECT 'day.usd', CAST(day AS TEXT), 0, SUM(usd) FROM taken GROUP BY 2
        UNION ALL SELECT 'day.tokens', CAST(day AS TEXT), 0, SUM(tokens) FROM taken GROUP BY 2
        UNION ALL SELECT 'day.requests', CAST(day AS TEXT), 0, COUNT(*) FROM taken GROUP BY 2
        UNION ALL SELECT 'next', 'request', 0, COALESCE(MAX(id), 0) FROM requests
        UNION ALL SELECT 'next', 'seq', 0, COALESCE(MAX(seq), 0) FROM samples
        UNION ALL SELECT 'next', 'answer', 0, COALESCE(MAX(id), 0) FROM answers
        UNION ALL SELECT 'next', 'token', 0, COALESCE(MAX(token), 0) FROM tasks
    ) GROUP BY kind, name HAVING SUM(counted) < SUM(found) LIMIT ?2";

/// Every finding in a line.
pub(super) async fn check(connection: &mut SqliteConnection, deep: bool) -> Stored<Vec<String>> {
    let own = if deep {
        "PRAGMA integrity_check"
    } else {
        "PRAGMA quick_check"
    };
    let lines: Vec<String> = sqlx::query_scalar(own).fetch_all(&mut *connection).await?;
    let mut findings: Vec<String> = lines.into_iter().filter(|line| line != "ok").collect();
    if !deep {
        return Ok(findings);
    }
    // One snapshot for all laws: a writer may be at work.
    sqlx::query("BEGIN").execute(&mut *connection).await?;
    let audited = audit(connection, &mut findings).await;
    let ended = sqlx::query("ROLLBACK").execute(&mut *connection).await;
    audited?;
    ended?;
    Ok(findings)
}

async fn audit(connection: &mut SqliteConnection, findings: &mut Vec<String>) -> Stored<()> {
    for (law, sql) in LAWS {
        let broken = sqlx::query_scalar::<_, String>(*sql)
            .fetch_all(&mut *connection)
            .await?;
        findings.extend(
            broken
                .iter()
                .take(FINDINGS as usize)
                .map(|what| format!("{what}: {law}")),
        );
    }
    for (job, kind, name, counted, found) in differing(connection, FINDINGS).await? {
        findings.push(format!(
            "job {job}: {kind} {name} counts {counted}, the rows say {found}"
        ));
    }
    Ok(())
}

/// Sums that are not what their rows say: job, kind, name, what is counted, what the rows say.
async fn differing(
    connection: &mut SqliteConnection,
    limit: i64,
) -> Stored<Vec<(i64, String, String, i64, i64)>> {
    let words: Vec<&str> = TaskState::ALL.iter().map(|state| state.word()).collect();
    let mut all = Vec::new();
    for sql in [SUMS, SPENT] {
        let differing = sqlx::query_as(sql)
            .bind(serde_json::json!(words).to_string())
            .bind(limit)
            .fetch_all(&mut *connection)
            .await?;
        all.extend(differing);
    }
    Ok(all)
}

/// Makes every sum what its rows say, and says how many were not.
pub(super) async fn recount(connection: &mut SqliteConnection) -> Stored<u64> {
    let wrong = differing(connection, i64::MAX).await?;
    for (job, kind, name, _, found) in &wrong {
        sqlx::query(
            "INSERT INTO counters VALUES (?, ?, ?, ?) ON CONFLICT (job, kind, name) DO UPDATE SET value = excluded.value",
        )
        .bind(job)
        .bind(kind)
        .bind(name)
        .bind(found)
        .execute(&mut *connection)
        .await?;
    }
    Ok(wrong.len() as u64)
}
