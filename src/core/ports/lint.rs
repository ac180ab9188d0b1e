//! Checking rows for a trainer before it fails on them: what it would stumble over, line by line.

use serde::Serialize;

use crate::core::catalog::Catalog;
use crate::core::job::parse::Severity;

/// One thing a trainer would stumble over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Line in the file, from 1; 0 where it is about the whole file.
    pub line: u64,
    /// An error stops the trainer or teaches it something wrong; a warning wants a setting.
    pub severity: Severity,
    /// The rule's word, the same for all findings of one kind.
    pub rule: &'static str,
    /// Where in the row (`messages.2.tool_calls.0`); empty for the row itself.
    pub field: String,
    /// What is there.
    pub what: String,
    /// Why that is a trap.
    pub why: String,
    /// How to mend it.
    pub mend: String,
}

/// What is known about a file besides its lines. The rows of a job have none of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LintedFile {
    /// Its name; `None`: the rows come from a job or a pipe.
    pub name: Option<String>,
    /// Whether a `dataset_info.json` that names it lies beside it.
    pub described: bool,
}

/// Looks at the lines of one file, in order, and remembers no more of them than their shapes.
pub trait Linter: Send {
    /// Looks at the next line, its line feed included.
    fn line(&mut self, line: &[u8]) -> Vec<Finding>;
    /// What can only be said at the end.
    fn end(&mut self) -> Vec<Finding>;
}

/// Starts a file for a trainer.
pub type BuildLinter = fn(LintedFile) -> Box<dyn Linter>;
/// The table of trainers.
pub type TrainerCatalog = Catalog<BuildLinter>;
