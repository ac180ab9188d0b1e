//! What persons did, as the ledger remembers it: one entry an action, however many rows it touched, so that it can be taken back.

use super::job::JobId;

/// Number of an entry; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(pub i64);

/// What kind of action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Samples were accepted.
    Accept,
    /// Samples were rejected.
    Reject,
    /// A sample's text was changed.
    Edit,
    /// Tags were put on samples, or taken off.
    Tag,
    /// Samples were judged again.
    Judge,
    /// Samples were written to a file outside the dataset: nobody can take that back.
    Export,
}

impl Deed {
    /// The word in the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Edit => "edit",
            Self::Tag => "tag",
            Self::Judge => "judge",
            Self::Export => "export",
        }
    }

    /// Reads [`Self::word`] back.
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [
            Self::Accept,
            Self::Reject,
            Self::Edit,
            Self::Tag,
            Self::Judge,
            Self::Export,
        ];
        all.into_iter().find(|deed| deed.word() == word)
    }

    /// What was done to so many samples, for a person.
    pub fn label(self, rows: u64, detail: Option<&str>) -> String {
        let done = match self {
            Self::Accept => "accepted",
            Self::Reject => "rejected",
            Self::Edit => "edited",
            Self::Tag => "tagged",
            Self::Judge => "judged again",
            Self::Export => "exported",
        };
        let samples = if rows == 1 { "sample" } else { "samples" };
        let detail = detail.map(|detail| format!(" · {detail}")).unwrap_or_default();
        format!("{done} {} {samples}{detail}", super::text::grouped(rows))
    }
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Its number.
    pub id: EntryId,
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Who.
    pub actor: String,
    /// What kind of action.
    pub deed: Deed,
    /// The job it was about; `None`: several.
    pub job: Option<JobId>,
    /// What was done, one line.
    pub label: String,
    /// Rows it touched.
    pub rows: u64,
    /// It was taken back; what was taken back last has the greatest number.
    pub undone: Option<i64>,
}

/// What taking an entry back, or carrying it out again, did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reverted {
    /// Rows that are as before.
    pub rows: u64,
    /// Rows that were decided again since, and left as they are.
    pub skipped: u64,
    /// Jobs whose samples changed.
    pub jobs: Vec<JobId>,
}
