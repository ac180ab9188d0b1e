-- Verdicts made again for some samples: what they replaced and what they are, so that either can be had back.

ALTER TABLE samples ADD COLUMN judging INTEGER;     -- the newest in force; NULL: as they came, or as a whole job was judged again

CREATE TABLE judgings (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    task      INTEGER NOT NULL,
    candidate INTEGER NOT NULL,
    earlier   INTEGER,
    before    TEXT NOT NULL,                        -- JSON
    after     TEXT NOT NULL                         -- JSON
) STRICT;
