//! What a calibration says about a job's judge. It only carries figures.

use serde::Serialize;

use crate::core::review::calibration::Calibration;

/// A judge held against what persons said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibrated {
    /// The job.
    pub job: String,
    /// Which of its judges, from 1.
    pub judge: u32,
    /// Samples left out because a person changed them: the judge saw another text.
    pub edited: u64,
    /// Samples a person decided that this judge gave no score.
    pub unscored: u64,
    /// The figures.
    #[serde(flatten)]
    pub found: Calibration,
}
