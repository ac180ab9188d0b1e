//! What the rows of a salvaged ledger say about those that are gone: states follow samples, sums follow rows, and what cannot be without
//! another row goes back to the queue. Nothing is made up.

use sqlx::sqlite::SqliteConnection;

use super::super::{check, rows};
use crate::core::job::{JobState, PauseReason};
use crate::core::ports::Stored;

/// What is put right, in this order, each with the words for what it did. `?1` is a pause.
const STEPS: &[(&str, &str)] = &[
    (
        "jobs made again from their files (paths in them start at the working directory)",
        "INSERT INTO jobs (id, name, state, revision, base, priority, planned_all, created_ms)
         SELECT job, spec ->> '$.name', ?1, MAX(revision), '.', COALESCE(spec ->> '$.priority', 0), 0, MIN(at_ms)
         FROM revisions WHERE job NOT IN (SELECT id FROM jobs) GROUP BY job ON CONFLICT DO NOTHING",
    ),
    (
        "tasks made again from what hangs on them",
        "INSERT INTO tasks (id) SELECT task FROM seeds WHERE task NOT IN (SELECT id FROM tasks)
         UNION SELECT task FROM samples WHERE task NOT IN (SELECT id FROM tasks)
         UNION SELECT task FROM requests WHERE task NOT IN (SELECT id FROM tasks)",
    ),
    (
        "samples left out, because their texts are lost",
        "DELETE FROM samples WHERE answer NOT IN (SELECT id FROM answers)",
    ),
    (
        "decisions left out, because their samples are lost",
        "DELETE FROM reviews WHERE NOT EXISTS (
             SELECT 1 FROM samples s WHERE s.task = reviews.task AND s.candidate = reviews.candidate)",
    ),
    (
        "samples whose decision is lost: they stand where it put them",
        "UPDATE samples SET review = NULL WHERE review IS NOT NULL AND NOT EXISTS (
             SELECT 1 FROM reviews r WHERE r.id = samples.review AND r.task = samples.task AND r.candidate = samples.candidate)",
    ),
    (
        "tasks put where their samples are",
        "UPDATE tasks SET state = found.state, due_ms = NULL, reason = NULL FROM (
             SELECT task, CASE WHEN MAX(state = 0) THEN 7 WHEN MAX(state = 2) THEN 6 ELSE 8 END AS state FROM samples GROUP BY task
         ) found WHERE tasks.id = found.task AND tasks.state <> found.state",
    ),
    (
        "tasks back in the queue, because their samples are lost: stored answers are used again",
        "UPDATE tasks SET state = 0, due_ms = NULL, reason = NULL
         WHERE state IN (6, 7, 8) AND id NOT IN (SELECT task FROM samples)",
    ),
    (
        "answers left out, because their attempts are lost",
        "DELETE FROM responses WHERE request NOT IN (SELECT id FROM requests)",
    ),
    (
        "attempts taken for lost, because their answers are",
        "UPDATE requests SET state = 5, maybe_billed = 1 WHERE state = 1 AND id NOT IN (SELECT request FROM responses)",
    ),
    (
        "attempts whose answer is lost: what they cost stands",
        "INSERT INTO responses (request, status, latency_us, headers, body)
         SELECT id, 0, 0, '[]', '' FROM requests WHERE state = 2 AND id NOT IN (SELECT request FROM responses)",
    ),
    (
        "jobs whose plan has holes: their next run fills them from the seeds",
        "UPDATE jobs SET planned_all = 0 WHERE planned_all AND name IS NOT NULL AND (
             EXISTS (SELECT 1 FROM tasks t WHERE t.id >> 40 = jobs.id AND t.id NOT IN (SELECT task FROM seeds))
             OR (SELECT COUNT(*) FROM tasks t WHERE t.id BETWEEN jobs.id << 40 AND (jobs.id + 1 << 40) - 1)
                <> (SELECT COALESCE(MAX(t.id) - (jobs.id << 40) + 1, 0) FROM tasks t
                    WHERE t.id BETWEEN jobs.id << 40 AND (jobs.id + 1 << 40) - 1))",
    ),
    (
        "jobs that were complete and have tasks to do",
        "UPDATE jobs SET state = ?1 WHERE json_valid(state) AND state ->> '$.state' = 'completed' AND name IS NOT NULL AND (
             NOT planned_all OR EXISTS (SELECT 1 FROM tasks t WHERE t.id BETWEEN jobs.id << 40 AND (jobs.id + 1 << 40) - 1
                                        AND t.state <= 5))",
    ),
];

/// Puts right what can be, and says what that was.
pub(super) async fn mend(whole: &mut SqliteConnection, is_hurt: bool) -> Stored<Vec<String>> {
    let pause = rows::json(&JobState::Paused(PauseReason::Asked))?;
    let mut said = Vec::new();
    for (words, sql) in STEPS {
        let done = sqlx::query(*sql).bind(&pause).execute(&mut *whole).await?;
        if done.rows_affected() > 0 {
            said.push(format!("{} {words}", done.rows_affected()));
        }
    }
    if is_hurt || !said.is_empty() {
        // Where files end is no longer sure: they are written anew.
        sqlx::query("DELETE FROM marks").execute(&mut *whole).await?;
    }
    let sums = check::recount(whole).await?;
    if sums > 0 {
        said.push(format!("{sums} sums counted anew"));
    }
    Ok(said)
}
