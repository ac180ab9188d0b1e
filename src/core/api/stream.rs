//! Rows that are written as they come: which, in which shape, and what became of them.

use std::path::PathBuf;

use serde::Serialize;

use super::SampleQuery;
use crate::core::catalog::Plug;
use crate::core::job::ReasoningStyle;
use crate::core::ports::Finding;
use crate::core::sample::Reason;

/// Which samples, in which shape.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Export {
    /// The job.
    pub job: String,
    /// A format other than the job's own.
    pub format: Option<String>,
    /// How reasoning is written, other than as the job says.
    pub reasoning: Option<ReasoningStyle>,
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
        /// What relative paths in their settings refer to.
        base: Base,
    },
    /// Rows against what a trainer reads; every finding is an object on a line (`line`, `severity`, `rule`, `field`, `what`, `why`,
    /// `mend`).
    Lint {
        /// Whose rows.
        rows: LintRows,
        /// The trainer.
        trainer: String,
    },
}

/// What the relative paths of validators refer to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Base {
    /// The working directory.
    #[default]
    Here,
    /// This directory.
    Directory(PathBuf),
    /// The directory of this stored job.
    Job(String),
}

/// The rows a trainer is to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LintRows {
    /// A file of JSON lines; `-` is standard input.
    File(PathBuf),
    /// The dataset of a job, as it would be exported.
    Job(String),
}

/// Findings of one rule and severity: the first of them, and how many there are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FoundOften {
    /// The first.
    pub first: Finding,
    /// The lines of the next few.
    pub next: Vec<u64>,
    /// All of them.
    pub count: u64,
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
    /// What was found, rule by rule (`Lint`).
    pub found: Vec<FoundOften>,
    /// The reader had enough: `out` was a closed pipe.
    pub closed: bool,
}
