//! The line above a job's panes: why it stands still and which key helps, or what came out of it.

use crate::core::api::JobDetail;
use crate::core::job::{JobState, PauseReason};
use crate::core::text::grouped;

use crate::tui::text::ago;
use crate::tui::theme::Slot;

/// What it says, what helps, and how bad it is.
pub(super) fn words(detail: &JobDetail, reason: Option<&str>) -> (String, &'static str, Slot) {
    let reason = reason.unwrap_or_default();
    let row = &detail.row;
    match &row.state {
        JobState::Completed => {
            let [accepted, rejected, review] = row.samples;
            let time = ago(std::time::Duration::from_secs_f64(
                detail.summary.elapsed_seconds.clamp(0.0, 1e9),
            ));
            let text = format!(
                "✓ {} accepted of {} made, {}, in {time}",
                grouped(accepted),
                grouped(accepted + rejected + review),
                row.usd
            );
            let help = if review > 0 {
                " · w export · 4 decides what waits"
            } else {
                " · w export"
            };
            (text, help, Slot::Ok)
        }
        JobState::Paused(why) => (format!("Paused: {reason}"), remedy(why), Slot::Warn),
        JobState::Failed(_) => (
            format!("Failed: {reason}"),
            " · E mends the job file",
            Slot::Error,
        ),
        JobState::Cancelled(_) if reason.is_empty() => ("Cancelled".to_owned(), " · w export", Slot::Muted),
        JobState::Cancelled(_) => (format!("Cancelled: {reason}"), " · w export", Slot::Warn),
        JobState::Draft => (
            format!("A draft, nothing was asked yet. {}", row.description),
            " · p starts it · e edits it",
            Slot::Muted,
        ),
        JobState::Queued => (
            "Waits until a running job ends.".to_owned(),
            " · in Jobs, K moves it up",
            Slot::Muted,
        ),
        JobState::Running | JobState::Pausing if !reason.is_empty() => (reason.to_owned(), "", Slot::Warn),
        JobState::Running | JobState::Pausing => (row.description.clone(), "", Slot::Muted),
    }
}

/// What a person can do about a pause.
fn remedy(why: &PauseReason) -> &'static str {
    match why {
        PauseReason::Limit(_) => " · e raises the limit, then p resumes",
        PauseReason::Auth(_) | PauseReason::Credit(_) => " · 5 tests the provider, then p resumes",
        PauseReason::Unreachable(_) => " · 5 shows the providers, p tries again",
        PauseReason::NoTeacher(_) => " · E names teachers, 5 shows which there are",
        PauseReason::Disk(_) => " · make room or end what locks it, then p resumes",
        PauseReason::Canary(_) => " · p goes on",
        PauseReason::Asked | PauseReason::Stopped => " · p resumes",
    }
}
