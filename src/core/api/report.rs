//! What a report of a dataset is asked for.

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
