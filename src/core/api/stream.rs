//! Rows that are written as they come: which, in which shape, and what became of them.

use std::path::PathBuf;

use serde::Serialize;

use super::SampleQuery;
use crate::core::catalog::Plug;
use crate::core::sample::Reason;

/// Which samples, in which shape.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Export {
    /// The job.
    pub job: String,
    /// A format other than the job's own.
    pub format: Option<String>,
    /// Only that part of the split.
    pub split: Option<String>,
    /// Samples that are not accepted too.
    pub include_rejected: bool,
}

/// Rows to be written as they come.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamRequest {
    /// A dataset's rows.
    Export(Export),
    /// Samples as JSON lines (the `raw` shape).
    Samples(SampleQuery),
    /// Validators over any JSONL; every row comes back with its verdicts.
    Validate {
        /// The rows.
        file: PathBuf,
        /// Kind and settings of each validator; empty: structural, dedup, refusal, truncated, `no_control_chars`.
        validators: Vec<Plug>,
        /// Which field holds the answer; `None`: the last text field.
        field: Option<String>,
    },
}

/// What a stream wrote.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct StreamReport {
    /// Rows written.
    pub rows: u64,
    /// Rows accepted (`Validate`).
    pub accepted: u64,
    /// Rows rejected by reason (`Validate`).
    pub rejected: Vec<(Reason, u64)>,
    /// The reader had enough: `out` was a closed pipe.
    pub closed: bool,
}
