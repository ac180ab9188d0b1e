//! What a report of a job is asked for, and what is in it.

use serde::Serialize;

use crate::core::diversity::Diversity;

/// Which dataset, and what of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportRequest {
    /// The job.
    pub job: String,
    /// The field whose texts are looked at; `None`: the last answers.
    pub field: Option<String>,
    /// The field whose values are classes; `None`: what the job chooses by and varies in words.
    pub class: Option<String>,
}

/// What there is to say about what a job made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JobReport {
    /// How varied its dataset is.
    pub variety: Diversity,
    /// How far its judges agree, those that are asked several questions about a sample.
    pub judges: Vec<Unanimity>,
}

/// How far the questions about one sample were answered alike, over all samples that a judge saw, whatever became of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Unanimity {
    /// Which of the job's judges, from 1.
    pub judge: u32,
    /// It holds one text against another in both orders; otherwise it is a panel.
    pub both_orders: bool,
    /// Samples it judged.
    pub judged: u64,
    /// The mean of their verdicts' agreement: the share that says the same in both orders, or the share of a panel that decides alike.
    pub agreement: f64,
}
