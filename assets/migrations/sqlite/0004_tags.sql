-- Tags of samples, and what an undo gives back of them.

ALTER TABLE samples ADD COLUMN tags TEXT;           -- JSON, in order; NULL: none
ALTER TABLE samples ADD COLUMN tagging INTEGER;     -- the newest
CREATE INDEX samples_tagged ON samples (tags) WHERE tags IS NOT NULL;

CREATE TABLE taggings (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    task      INTEGER NOT NULL,
    candidate INTEGER NOT NULL,
    earlier   INTEGER,
    before    TEXT                                  -- the tags there were
) STRICT;
