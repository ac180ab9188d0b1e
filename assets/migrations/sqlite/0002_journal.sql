-- What persons did, so that it can be taken back after any restart; and the numbers samples are sorted and counted by, beside
-- them instead of inside their texts.

CREATE TABLE ui_journal (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,                       -- milliseconds since 1970 UTC
    actor   TEXT NOT NULL,
    kind    TEXT NOT NULL,                          -- accept, reject, edit, export
    job     INTEGER,                                -- NULL: several
    inverse TEXT,                                   -- JSON: what was decided, and [task, candidate, review] of each sample; NULL: final
    label   TEXT NOT NULL,
    rows    INTEGER NOT NULL,
    undone  INTEGER                                 -- taken back as the how-manieth
) STRICT;
CREATE INDEX ui_journal_job ON ui_journal (job, id);

-- The place in the dataset that an undo gives back.
ALTER TABLE reviews ADD COLUMN before_seq INTEGER;

ALTER TABLE samples ADD COLUMN judge REAL;          -- the lowest score of a judge
ALTER TABLE samples ADD COLUMN likeness REAL;       -- the highest score of a validator against duplicates
ALTER TABLE samples ADD COLUMN length INTEGER NOT NULL DEFAULT 0;   -- characters of the last answer
ALTER TABLE samples ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE samples ADD COLUMN made_ms INTEGER NOT NULL DEFAULT 0;

UPDATE samples SET
    judge = (SELECT MIN(e.value ->> '$.score') FROM json_each(a.verdicts) e WHERE e.value ->> '$.validator' = 'judge'),
    likeness = (SELECT MAX(e.value ->> '$.score') FROM json_each(a.verdicts) e WHERE e.value ->> '$.validator' LIKE '%dedup'),
    length = COALESCE(length(a.steps ->> '$[#-1].text'), 0),
    tokens = (SELECT COALESCE(SUM(COALESCE(e.value ->> '$.usage.input', 0) + COALESCE(e.value ->> '$.usage.output', 0)), 0)
              FROM json_each(a.steps) e),
    made_ms = COALESCE((SELECT MAX(r.at_ms) FROM requests r WHERE r.task = samples.task), 0)
FROM answers a WHERE a.id = samples.answer;
