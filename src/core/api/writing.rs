//! What comes back to somebody who writes a job: drafts, the rows of seeds, the kinds of validators. Shapes only.

use crate::core::Row;

/// A job file somebody has begun to write, kept outside the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftRow {
    /// Its name among the drafts: `[a-z0-9-]{1,64}`.
    pub id: String,
    /// Its text, as it was saved.
    pub text: String,
    /// Saved at, milliseconds since 1970 UTC.
    pub changed_ms: i64,
}

/// A look at the rows of a job's seeds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeedPreview {
    /// The first rows, as tasks get them.
    pub rows: Vec<Row>,
    /// Rows that were read.
    pub read: u64,
    /// Whether these are all.
    pub complete: bool,
    /// What the rows that were read have in them, in the order of appearance; those that are left out too.
    pub columns: Vec<SeedColumn>,
    /// Rows that are equal to an earlier one.
    pub duplicates: u64,
    /// The first row that could not be read.
    pub broken: Option<String>,
}

/// A field of the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedColumn {
    /// Its name in the rows.
    pub name: String,
    /// What the job calls it; `None`: it is left out.
    pub known_as: Option<String>,
    /// `text`, `number`, `flag`, `list`, `object`, or `mixed`.
    pub kind: &'static str,
    /// Rows in which it is neither missing, null nor empty.
    pub filled: u64,
    /// One of its values, shortened.
    pub example: String,
}

/// A kind of a catalog, as a person chooses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindRow {
    /// The word in job files.
    pub kind: String,
    /// One sentence.
    pub summary: String,
    /// TOML of its table without the header line.
    pub example: String,
}
