//! The SQL of the frequent commands, in one place so that it can be read next to the schema.

use std::sync::LazyLock;

use super::script::Script;

/// The tasks of a JSON list of ids, each with its open attempts, as one JSON list.
pub(super) const STANDINGS: &str = "
    SELECT json_group_array(json_array(t.id, t.token, t.state, t.crashes, r.id, r.teacher, r.attempt, r.at_ms, r.estimate_usd,
           r.estimate_tokens, r.estimate_requests, EXISTS (SELECT 1 FROM responses p WHERE p.request = r.id), r.state))
    FROM json_each(?) j CROSS JOIN tasks t ON t.id = j.value LEFT JOIN requests r ON r.task = t.id AND r.state IN (0, 1)";

/// The same of all leased tasks between two ids.
pub(super) const LEASED: &str = "
    SELECT json_group_array(json_array(t.id, t.token, t.state, t.crashes, r.id, r.teacher, r.attempt, r.at_ms, r.estimate_usd,
           r.estimate_tokens, r.estimate_requests, EXISTS (SELECT 1 FROM responses p WHERE p.request = r.id), r.state))
    FROM tasks t LEFT JOIN requests r ON r.task = t.id AND r.state IN (0, 1)
    WHERE t.id BETWEEN ? AND ? AND t.state IN (1, 2, 3)";

/// Tasks of a job (?1) that may be leased, at most ?3 of each kind: those whose time (?2) has come, then the pending ones
/// between the ids ?4 and ?5 that are no suspects. One JSON list, seeds put in as they are; NULL if there is none. A
/// bare `LIMIT ?` would have SQLite prepare the statement anew for every value.
pub(super) const CLAIMABLE: &str = "
    SELECT '[' || group_concat(format('[%d,%d,%d,%d,%d,%s,%s]',
           c.id, c.state, c.token, c.fresh_from, c.again, d.seed, d.vary)) || ']' FROM (
        SELECT * FROM (SELECT id, state, token, fresh_from, again FROM tasks INDEXED BY tasks_waiting
                       WHERE id >> 40 = ?1 AND due_ms <= ?2 ORDER BY due_ms, id LIMIT +?3)
        UNION ALL
        SELECT * FROM (SELECT id, state, token, fresh_from, again FROM tasks NOT INDEXED
                       WHERE state = 0 AND crashes < 2 AND id BETWEEN ?4 AND ?5 ORDER BY id LIMIT +?3)
    ) c CROSS JOIN seeds d ON d.task = c.id";

/// Pending tasks between two ids under exactly that suspicion, so many at most. One JSON list; NULL if there is none.
pub(super) const SUSPECTS: &str = "
    SELECT '[' || group_concat(format('[%d,%d,%d,%d,%d,%s,%s]',
           c.id, c.state, c.token, c.fresh_from, c.again, d.seed, d.vary)) || ']' FROM (
        SELECT id, state, token, fresh_from, again FROM tasks INDEXED BY tasks_suspect
        WHERE crashes > 1 AND crashes = ?3 AND id BETWEEN ?1 AND ?2 AND state = 0 ORDER BY id LIMIT +?4
    ) c CROSS JOIN seeds d ON d.task = c.id";

/// The lowest suspicion against a pending task between two ids.
pub(super) const LEAST_SUSPECTED: &str = "SELECT MIN(crashes) FROM tasks INDEXED BY tasks_suspect
    WHERE crashes > 1 AND state = 0 AND id BETWEEN ? AND ?";

/// Whether a task that has to run alone is leased.
pub(super) const ONE_IS_ALONE: &str = "SELECT EXISTS (SELECT 1 FROM tasks INDEXED BY tasks_suspect
    WHERE crashes > 1 AND crashes >= ? AND state IN (1, 2, 3))";

/// Whether a job has pending tasks while there are suspects anywhere that have not ended.
pub(super) const HELD_BACK: &str = "
    SELECT EXISTS (SELECT 1 FROM tasks INDEXED BY tasks_suspect WHERE crashes > 1 AND state IN (0, 1, 2, 3))
       AND EXISTS (SELECT 1 FROM tasks NOT INDEXED WHERE state = 0 AND id BETWEEN ? AND ?)";

/// Leased tasks of a job, or (NULL) of all, as last counted.
pub(super) const LEASED_TASKS: &str = "SELECT COALESCE(SUM(value), 0) FROM counters
    WHERE kind = 'tasks' AND name = 'leased' AND (?1 IS NULL OR job = ?1)";

/// Leases a JSON list of tasks (?2) with tokens from ?1 on.
pub(super) const LEASE: &str = "UPDATE tasks SET state = 1, due_ms = NULL, reason = NULL, token = ?1 + j.key
    FROM json_each(?2) j WHERE tasks.id = j.value";

/// Attempts and answers of a JSON list of tasks, oldest first.
pub(super) const HISTORY: &str = "
    SELECT r.id, r.task, r.step, r.candidate, r.ask, n.name, r.fingerprint, r.state, p.status, p.latency_us, p.headers, p.body,
           r.estimate_usd, r.estimate_tokens, r.estimate_requests
    FROM json_each(?) j CROSS JOIN requests r ON r.task = j.value CROSS JOIN teachers n ON n.id = r.teacher
    LEFT JOIN responses p ON p.request = r.id ORDER BY r.id";

/// Which keys of a JSON list of `[job, hex]` an accepted sample holds, and which sample: a JSON list of `[place, id]`.
pub(super) const KEY_HOLDERS: &str = "
    SELECT json_group_array(json_array(j.key, lower(hex(s.id)))) FROM json_each(?) j CROSS JOIN samples s INDEXED BY samples_unique
    ON s.task >> 40 = j.value ->> 0 AND s.dedup_key = unhex(j.value ->> 1)
    WHERE s.state = 0 AND s.overruled = 0 AND s.dedup_key IS NOT NULL";

/// Attempts.
pub(super) static INSERT_REQUEST: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "INSERT OR FAIL INTO requests (id, task, step, candidate, ask, attempt, teacher, fingerprint, at_ms, estimate_usd, \
         estimate_tokens, estimate_requests) VALUES {rows} ON CONFLICT (id) DO NOTHING",
        12,
    )
});

/// Answers.
pub(super) static INSERT_RESPONSE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "INSERT OR FAIL INTO responses (request, status, latency_us, headers, body) VALUES {rows} ON CONFLICT (request) DO NOTHING",
        5,
    )
});

/// How attempts ended; the id comes first.
pub(super) static END_REQUEST: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "UPDATE OR FAIL requests SET state = column2, input = column3, output = column4, reported_usd = column5, cost = column6, \
         tokens = column7, maybe_billed = column8, error = column9 FROM (VALUES {rows}) WHERE id = column1",
        9,
    )
});

/// How tasks left their leases; the id comes first.
pub(super) static END_TASK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "UPDATE OR FAIL tasks SET state = column2, reason = column3, due_ms = column4, crashes = column5 FROM (VALUES {rows}) \
         WHERE id = column1",
        5,
    )
});

/// Samples.
pub(super) static INSERT_SAMPLE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "INSERT OR FAIL INTO samples (task, candidate, id, state, teacher, answer, reason, seq, dedup_key, judge, likeness, length, \
         tokens, made_ms) VALUES {rows} ON CONFLICT (task, candidate) DO NOTHING",
        14,
    )
});

/// The texts of samples.
pub(super) static INSERT_ANSWER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "INSERT OR FAIL INTO answers (id, steps, verdicts) VALUES {rows} ON CONFLICT (id) DO NOTHING",
        3,
    )
});

/// Planned tasks, where they are new.
pub(super) static INSERT_TASK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "INSERT OR FAIL INTO tasks (id) VALUES {rows} ON CONFLICT DO NOTHING",
        1,
    )
});

/// Their seeds.
pub(super) static INSERT_SEED: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "INSERT OR FAIL INTO seeds (task, seed, vary) VALUES {rows} ON CONFLICT DO NOTHING",
        3,
    )
});
