-- What a large action touched, a part for each of its transactions after the first: an entry that grows is not written anew each time.

CREATE TABLE ui_journal_parts (
    entry   INTEGER NOT NULL REFERENCES ui_journal (id) ON DELETE CASCADE,
    part    INTEGER NOT NULL,
    samples TEXT NOT NULL,                          -- JSON: [task, candidate, review] of each sample
    PRIMARY KEY (entry, part)
) STRICT, WITHOUT ROWID;
