//! Starting a job: what is different this time, and how it was taken up.

/// Overrides of one run; they do not change the stored job.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunOptions {
    /// Use at most so many seed rows.
    pub limit: Option<u64>,
    /// Requests in flight.
    pub concurrency: Option<u32>,
    /// Cap in USD.
    pub usd: Option<f64>,
    /// Do so many rows first, then forecast the rest and pause.
    pub canary: Option<u64>,
    /// The rest after a canary is wanted.
    pub released: bool,
}

/// How a job was taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The job's name.
    pub job: String,
    /// What happened.
    pub how: How,
    /// Consequences of a new revision, and what the user should know (the mock is used, …), a line each.
    pub notes: Vec<String>,
}

/// How a job was taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is new.
    Created,
    /// It goes on where it was.
    Resumed,
    /// It has a new revision.
    Revised,
    /// It was complete and nothing changed: nothing to do.
    Unchanged,
}
