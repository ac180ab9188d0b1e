//! What making samples anew takes.

use serde::Serialize;

use crate::core::budget::Money;

/// Samples that are made anew, and what their tasks took until now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MakingAgain {
    /// Samples that were chosen.
    pub samples: u64,
    /// Tasks behind them: all that a task made goes with it.
    pub tasks: u64,
    /// Samples among them that a person has decided about.
    pub by_hand: u64,
    /// Attempts their tasks took.
    pub requests: u64,
    /// What those cost.
    pub usd: Money,
    /// Their jobs.
    pub jobs: Vec<String>,
    /// Those of them that run: they have to be paused first.
    pub running: Vec<String>,
}
