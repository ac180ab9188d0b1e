//! Exit codes: the table of product.md, as functions of what happened.

use crate::core::api::{FailureKind, Summary};
use crate::core::job::{JobState, PauseReason};

use super::Signal;

/// All went well.
pub(super) const OK: u8 = 0;
/// Unexpected, or findings of `doctor`.
pub(super) const UNEXPECTED: u8 = 1;
/// Config or job file invalid.
pub(super) const INVALID: u8 = 3;
/// Key missing or rejected, or out of credit.
const AUTH: u8 = 4;
/// Finished, but some tasks failed.
pub(super) const SOME_FAILED: u8 = 5;
/// Stopped by a limit.
const LIMIT: u8 = 6;
/// Invalid records found.
pub(super) const RECORDS: u8 = 7;
/// A provider cannot be reached.
const UNREACHABLE: u8 = 9;

impl Signal {
    /// 128 and the number of the signal.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Hangup => 129,
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// The code of a failure.
pub(super) fn of_failure(kind: FailureKind) -> u8 {
    match kind {
        FailureKind::Unexpected => UNEXPECTED,
        FailureKind::Usage => 2,
        FailureKind::Invalid => INVALID,
        FailureKind::Auth => AUTH,
        FailureKind::Limit => LIMIT,
        FailureKind::Records => RECORDS,
        FailureKind::NotFound => 8,
        FailureKind::Unreachable => UNREACHABLE,
        FailureKind::Locked => 10,
        FailureKind::Fenced => 11,
    }
}

/// The code of a run that left its job in that state.
pub(super) fn of_run(state: &JobState, summary: &Summary) -> u8 {
    let limited = summary
        .reason
        .as_deref()
        .is_some_and(|reason| reason.starts_with("limit"));
    match state {
        JobState::Completed | JobState::Cancelled(_) if limited => LIMIT,
        JobState::Completed if summary.tasks.failed > 0 => SOME_FAILED,
        JobState::Completed => OK,
        JobState::Failed(_) | JobState::Paused(PauseReason::NoTeacher(_)) => INVALID,
        JobState::Paused(PauseReason::Limit(_) | PauseReason::Canary(_)) => LIMIT,
        JobState::Paused(PauseReason::Auth(_) | PauseReason::Credit(_)) => AUTH,
        JobState::Paused(PauseReason::Unreachable(_)) => UNREACHABLE,
        JobState::Paused(PauseReason::Asked | PauseReason::Stopped | PauseReason::Disk(_))
        | JobState::Cancelled(_)
        | JobState::Draft
        | JobState::Queued
        | JobState::Running
        | JobState::Pausing => UNEXPECTED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_with_the_code_of_what_a_person_must_do() {
        let mut summary = Summary::default();
        let paused = |reason| JobState::Paused(reason);
        let detail = || "openrouter".to_owned();
        assert_eq!(of_run(&JobState::Completed, &summary), 0);
        assert_eq!(of_run(&paused(PauseReason::Limit(detail())), &summary), 6);
        assert_eq!(of_run(&paused(PauseReason::Auth(detail())), &summary), 4);
        assert_eq!(of_run(&paused(PauseReason::Credit(detail())), &summary), 4);
        assert_eq!(of_run(&paused(PauseReason::Unreachable(detail())), &summary), 9);
        assert_eq!(of_run(&JobState::Failed(detail()), &summary), 3);
        summary.tasks.failed = 1;
        assert_eq!(of_run(&JobState::Completed, &summary), 5);
        summary.reason = Some("limit met: usd".to_owned());
        assert_eq!(of_run(&JobState::Completed, &summary), 6);
        assert_eq!(of_run(&JobState::Cancelled(summary.reason.clone()), &summary), 6);
    }
}
