-- The ledger. A task's id is job << 40 | place in the plan, so that a range of ids is a job.
-- States are small integers: tasks in the order of TaskState::ALL, requests 0 begun 2 settled 3 failed 4 refused 5 lost
-- (a begun request with a row in `responses` is answered), samples 0 accepted 1 rejected 2 needs_review.

CREATE TABLE jobs (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT UNIQUE,                        -- NULL while the job is being deleted
    state       TEXT NOT NULL,                      -- JSON
    revision    INTEGER NOT NULL,
    base        TEXT NOT NULL,
    priority    INTEGER NOT NULL,
    planned_all INTEGER NOT NULL DEFAULT 0,
    elapsed_us  INTEGER NOT NULL DEFAULT 0,
    created_ms  INTEGER NOT NULL
) STRICT;

CREATE TABLE revisions (
    job      INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    spec     TEXT NOT NULL,                         -- JSON, the normal form
    source   TEXT NOT NULL,                         -- the job file as written
    at_ms    INTEGER NOT NULL,
    PRIMARY KEY (job, revision)
) STRICT, WITHOUT ROWID;

-- Small rows only: a task's state changes often, its seed never.
CREATE TABLE tasks (
    id         INTEGER PRIMARY KEY,
    state      INTEGER NOT NULL DEFAULT 0,
    token      INTEGER NOT NULL DEFAULT 0,          -- of the last lease; 0: never leased
    crashes    INTEGER NOT NULL DEFAULT 0,
    fresh_from INTEGER NOT NULL DEFAULT 0,          -- failed attempts up to this request no longer count
    due_ms     INTEGER,                             -- only while it waits
    reason     TEXT
) STRICT;
CREATE INDEX tasks_waiting ON tasks (id >> 40, due_ms) WHERE due_ms IS NOT NULL;

CREATE TABLE seeds (
    task INTEGER PRIMARY KEY,
    seed TEXT NOT NULL,
    vary TEXT NOT NULL
) STRICT;

CREATE TABLE teachers (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE                       -- provider/model
) STRICT;

CREATE TABLE requests (
    id           INTEGER PRIMARY KEY,
    task         INTEGER NOT NULL,
    step         TEXT NOT NULL,
    candidate    INTEGER NOT NULL,
    ask          INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    teacher      INTEGER NOT NULL,
    fingerprint  BLOB NOT NULL,
    at_ms        INTEGER NOT NULL,
    estimate_usd      INTEGER NOT NULL,
    estimate_tokens   INTEGER NOT NULL,
    estimate_requests INTEGER NOT NULL,             -- 0: taken from an earlier answer, nothing is sent
    state        INTEGER NOT NULL DEFAULT 0,
    input        INTEGER,
    output       INTEGER,
    reported_usd INTEGER,
    cost         INTEGER NOT NULL DEFAULT 0,        -- micro-USD
    tokens       INTEGER NOT NULL DEFAULT 0,        -- as settled
    maybe_billed INTEGER NOT NULL DEFAULT 0,
    error        TEXT
) STRICT;
CREATE INDEX requests_task ON requests (task);

CREATE TABLE responses (
    request    INTEGER PRIMARY KEY,
    status     INTEGER NOT NULL,
    latency_us INTEGER NOT NULL,
    headers    TEXT NOT NULL,                       -- JSON
    body       TEXT NOT NULL
) STRICT;

CREATE TABLE samples (
    task      INTEGER NOT NULL,
    candidate INTEGER NOT NULL,
    id        BLOB NOT NULL,
    state     INTEGER NOT NULL,
    overruled INTEGER NOT NULL DEFAULT 0,           -- accepted by a person against the validators
    teacher   INTEGER,                              -- of the last step
    answer    INTEGER NOT NULL,
    review    INTEGER,                              -- the newest
    reason    TEXT,
    seq       INTEGER,
    dedup_key BLOB,
    PRIMARY KEY (task, candidate)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX samples_seq ON samples (seq) WHERE seq IS NOT NULL;
CREATE UNIQUE INDEX samples_unique ON samples (task >> 40, dedup_key)
    WHERE state = 0 AND overruled = 0 AND dedup_key IS NOT NULL;

CREATE TABLE answers (
    id       INTEGER PRIMARY KEY,
    steps    TEXT NOT NULL,                         -- JSON
    verdicts TEXT NOT NULL                          -- JSON
) STRICT;

-- What persons decided: each row knows what an undo brings back, and the review before it.
CREATE TABLE reviews (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    task             INTEGER NOT NULL,
    candidate        INTEGER NOT NULL,
    earlier          INTEGER,
    action           TEXT NOT NULL,
    note             TEXT,
    at_ms            INTEGER NOT NULL,
    before_state     INTEGER NOT NULL,
    before_reason    TEXT,
    before_overruled INTEGER NOT NULL,
    before_steps     TEXT                           -- only for edits
) STRICT;

CREATE TABLE marks (
    job         INTEGER NOT NULL,
    place       INTEGER NOT NULL,
    file        TEXT NOT NULL,
    last_seq    INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    rows        INTEGER NOT NULL,
    tail_sha256 TEXT NOT NULL,
    PRIMARY KEY (job, place)
) STRICT, WITHOUT ROWID;

-- Sums, changed in the transaction of what they sum. Job 0 is the whole database; its sums outlive deleted jobs.
CREATE TABLE counters (
    job   INTEGER NOT NULL,
    kind  TEXT NOT NULL,
    name  TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (job, kind, name)
) STRICT, WITHOUT ROWID;
