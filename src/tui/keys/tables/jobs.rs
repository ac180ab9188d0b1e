//! Keys of the list of jobs and of one job.

use super::{Table, key};
use crate::tui::keys::Action;

/// The list of jobs.
pub static JOBS: Table = Table {
    context: "Jobs",
    bindings: &[
        key(&["enter"], Action::Open, "open", "Open the selected job"),
        key(
            &["p"],
            Action::Pause,
            "pause/resume",
            "Pause the selected job, let it go on, or start a draft",
        ),
        key(&["e"], Action::Edit, "edit", "Edit the job file; a new revision"),
        key(&["S"], Action::Samples, "samples", "See its samples"),
        key(&["y"], Action::Copy, "", "Copy its name"),
        key(
            &["/"],
            Action::Filter,
            "filter",
            "Narrow by name, state or description",
        ),
        key(
            &["R"],
            Action::Retry,
            "retry failed",
            "Queue its failed tasks again (asks first)",
        ),
        key(
            &["C"],
            Action::Cancel,
            "cancel",
            "Stop it for good; what was made stays (asks first)",
        ),
        key(
            &["D"],
            Action::Delete,
            "delete",
            "Remove it and its samples (type its name)",
        ),
    ],
};

/// One job.
pub static JOB: Table = Table {
    context: "Job",
    bindings: &[
        key(
            &["p"],
            Action::Pause,
            "pause/resume",
            "Pause the job, let it go on, or start a draft",
        ),
        key(&["e"], Action::Edit, "edit", "Edit the job file; a new revision"),
        key(&["S", "enter"], Action::Samples, "samples", "See its samples"),
        key(&["y"], Action::Copy, "", "Copy the command line that runs it"),
        key(
            &["R"],
            Action::Retry,
            "retry failed",
            "Queue its failed tasks again (asks first)",
        ),
        key(
            &["C"],
            Action::Cancel,
            "cancel",
            "Stop it for good; what was made stays (asks first)",
        ),
        key(
            &["D"],
            Action::Delete,
            "delete",
            "Remove it and its samples (type its name)",
        ),
    ],
};
