//! The laws that every row of the ledger keeps at every commit, each as the query that finds what breaks it. Of the invariants in the
//! comments, the files' side (I3) is the dataset's to check, and what a teacher or the engine's counting knows (I4, I7, I8) the tests'.

/// What breaks a law, and the query that names each row that does.
pub(super) const LAWS: &[(&str, &str)] = &[
    // I1: planned = accepted + rejected + failed + cancelled + pending. That each state's sum is its rows is in the sums.
    (
        "a task in no state",
        "SELECT 'task ' || id FROM tasks WHERE state NOT BETWEEN 0 AND 10",
    ),
    (
        "a plan with a hole: its tasks are not 0 to their number",
        "SELECT 'job ' || (id >> 40) FROM tasks WHERE id >> 40 IN (SELECT id FROM jobs WHERE name IS NOT NULL)
         GROUP BY id >> 40 HAVING MAX(id) - (id >> 40 << 40) <> COUNT(*) - 1",
    ),
    (
        "a task without its seed",
        "SELECT 'task ' || id FROM tasks WHERE NOT EXISTS (SELECT 1 FROM seeds d WHERE d.task = tasks.id)",
    ),
    (
        "a task without its job",
        "SELECT 'task ' || id FROM tasks WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = tasks.id >> 40)",
    ),
    (
        "a task that is not what its samples say",
        "SELECT 'task ' || t.id FROM tasks t LEFT JOIN (
            SELECT task, MAX(state = 0) AS accepted, MAX(state = 2) AS waiting FROM samples GROUP BY task
         ) s ON s.task = t.id
         WHERE (t.state = 7) <> COALESCE(s.accepted, 0)
            OR (t.state = 6) <> (COALESCE(s.waiting, 0) AND NOT s.accepted)
            OR (t.state = 8 AND (s.accepted OR s.waiting))",
    ),
    // I2: what was acknowledged is there: samples with their texts, and what persons said about them.
    (
        "a sample without its task or its text",
        "SELECT 'sample ' || hex(id) FROM samples WHERE NOT EXISTS (SELECT 1 FROM tasks t WHERE t.id = samples.task)
         OR NOT EXISTS (SELECT 1 FROM answers a WHERE a.id = samples.answer)",
    ),
    (
        "a decision about a sample that is gone",
        "SELECT 'review ' || id FROM reviews r WHERE r.task >> 40 IN (SELECT id FROM jobs WHERE name IS NOT NULL)
         AND NOT EXISTS (SELECT 1 FROM samples s WHERE s.task = r.task AND s.candidate = r.candidate)",
    ),
    (
        "a sample whose decision is gone",
        "SELECT 'sample ' || hex(id) FROM samples s WHERE review IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM reviews r WHERE r.id = s.review AND r.task = s.task AND r.candidate = s.candidate)",
    ),
    // I3, the ledger's side: who is accepted has one place in the order of acceptance, who is not has none. (That no two places
    // and no two contents of a job are the same is in unique indexes, which the integrity check compares with their rows.)
    (
        "an accepted sample without a place, or a place without acceptance",
        "SELECT 'sample ' || hex(id) FROM samples WHERE (state = 0) <> (seq IS NOT NULL)",
    ),
    (
        "a rejected sample without a reason",
        "SELECT 'sample ' || hex(id) FROM samples WHERE (state = 1) <> (reason IS NOT NULL)",
    ),
    (
        "a dataset file that is further than the order of acceptance",
        "SELECT file || ' of job ' || job FROM marks WHERE last_seq > (
            SELECT COALESCE(SUM(value), 0) FROM counters WHERE job = 0 AND kind = 'next' AND name = 'seq')",
    ),
    // I4: every attempt is there before it is sent, and what may have been charged without an answer says so.
    (
        "a lost attempt that is not shown as perhaps charged",
        "SELECT 'request ' || id FROM requests WHERE state = 5 AND NOT maybe_billed",
    ),
    (
        "an attempt without its task",
        "SELECT 'request ' || id FROM requests WHERE NOT EXISTS (SELECT 1 FROM tasks t WHERE t.id = requests.task)",
    ),
    (
        "an open attempt of a task that is done",
        "SELECT 'request ' || r.id FROM requests r JOIN tasks t ON t.id = r.task
         WHERE r.state = 0 AND t.state NOT IN (1, 2, 3) AND NOT EXISTS (SELECT 1 FROM responses p WHERE p.request = r.id)",
    ),
    // I5: an answered attempt has its raw answer.
    (
        "an answered attempt without its answer",
        "SELECT 'request ' || id FROM requests WHERE state IN (1, 2) AND NOT EXISTS (SELECT 1 FROM responses p WHERE p.request = requests.id)",
    ),
    (
        "an answer without its attempt",
        "SELECT 'request ' || request FROM responses WHERE NOT EXISTS (SELECT 1 FROM requests r WHERE r.id = responses.request)",
    ),
    // I6: a lease's token is its own, so that a stale one fits nothing.
    (
        "a lease without a token",
        "SELECT 'task ' || id FROM tasks WHERE state IN (1, 2, 3) AND token = 0",
    ),
    (
        "a token that another task had, too",
        "SELECT 'task ' || MAX(id) FROM tasks WHERE token > 0 GROUP BY token HAVING COUNT(*) > 1",
    ),
    // I7: attempts stay within the limit, waiting is none, and only who waits has an end of it.
    (
        "an attempt past the job's limit",
        "SELECT 'request ' || r.id FROM requests r WHERE r.attempt > (
            SELECT MAX(v.spec ->> '$.limits.attempts') FROM revisions v WHERE v.job = r.task >> 40)",
    ),
    (
        "a wait without an end, or an end without a wait",
        "SELECT 'task ' || id FROM tasks WHERE (state IN (4, 5)) <> (due_ms IS NOT NULL)",
    ),
    // I8: money is taken by attempts that ended, as the wire said it where it said it. That the sums are the rows' is in the sums.
    (
        "an attempt that costs less than nothing",
        "SELECT 'request ' || id FROM requests WHERE cost < 0 OR tokens < 0",
    ),
    (
        "an attempt that costs and was not answered",
        "SELECT 'request ' || id FROM requests WHERE state NOT IN (2, 3) AND (cost <> 0 OR tokens <> 0)",
    ),
    (
        "an attempt that does not cost what the wire said",
        "SELECT 'request ' || id FROM requests
         WHERE state = 2 AND estimate_requests > 0 AND reported_usd IS NOT NULL AND cost <> reported_usd",
    ),
    // I9: a lease has an owner. (One of a running job is given back when the next owner of the lock begins.)
    (
        "a lease of a job that has ended",
        "SELECT 'task ' || t.id FROM tasks t JOIN jobs j ON j.id = t.id >> 40
         WHERE t.state IN (1, 2, 3) AND CASE WHEN json_valid(j.state) THEN j.state ->> '$.state' END
            IN ('completed', 'cancelled', 'failed', 'draft')",
    ),
];
