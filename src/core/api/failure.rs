//! Why a question or an order failed: what, why, and what to do next.

use crate::core::job::parse::Problem;

/// Why a question or order failed, sorted by exit code (product.md).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// What failed, one line.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do next.
    pub help: Option<String>,
    /// Problems of a job file, if that is what failed.
    pub problems: Vec<Problem>,
}

impl Failure {
    /// A failure of one line.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            help: None,
            problems: Vec::new(),
        }
    }

    /// With a cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// With a next step.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Unexpected.
    Unexpected,
    /// The call makes no sense.
    Usage,
    /// Config or job file invalid.
    Invalid,
    /// Key missing or rejected.
    Auth,
    /// A limit is met.
    Limit,
    /// Invalid records found.
    Records,
    /// No such thing.
    NotFound,
    /// A provider cannot be reached.
    Unreachable,
    /// Another instance holds the database.
    Locked,
    /// Another instance took over.
    Fenced,
}
