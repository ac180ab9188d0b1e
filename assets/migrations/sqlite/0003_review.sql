-- Reviewing: queues of places, each with what a person said about it. What it means for the sample is in `reviews`.

CREATE TABLE review_queues (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    spec       TEXT NOT NULL,                       -- JSON
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE review_items (
    queue           INTEGER NOT NULL,
    place           INTEGER NOT NULL,
    task            INTEGER NOT NULL,
    candidate       INTEGER NOT NULL,
    other_task      INTEGER,                        -- of a pair: its second; the same sample: before an edit and after
    other_candidate INTEGER,
    repeat          INTEGER NOT NULL,
    swapped         INTEGER NOT NULL,               -- the second stood on side A
    outcome         TEXT,
    reason          TEXT,
    took_ms         INTEGER,
    blind           INTEGER,
    machine         INTEGER,                        -- what the validators had said: 1 accept, 0 reject
    at_ms           INTEGER,
    actor           TEXT,
    PRIMARY KEY (queue, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX review_items_open ON review_items (queue, place) WHERE outcome IS NULL;
CREATE INDEX review_items_said ON review_items (at_ms) WHERE at_ms IS NOT NULL;

CREATE TABLE review_flags (
    task      INTEGER NOT NULL,
    candidate INTEGER NOT NULL,
    at_ms     INTEGER NOT NULL,
    PRIMARY KEY (task, candidate)
) STRICT, WITHOUT ROWID;

-- The pairs that have a word, for whoever reads the database with other tools.
CREATE VIEW comparisons AS
    SELECT i.queue, i.place, lower(hex(s.id)) AS first, lower(hex(o.id)) AS second, i.swapped, i.outcome, i.took_ms, i.at_ms, i.actor
    FROM review_items i
    JOIN samples s ON s.task = i.task AND s.candidate = i.candidate
    JOIN samples o ON o.task = i.other_task AND o.candidate = i.other_candidate
    WHERE i.outcome IS NOT NULL;
