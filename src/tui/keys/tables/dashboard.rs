//! Keys of the dashboard.

use super::{Table, key};
use crate::tui::keys::Action;

/// The dashboard.
pub static DASHBOARD: Table = Table {
    context: "Dashboard",
    bindings: &[
        key(&["enter"], Action::Open, "open", "Open the selected job"),
        key(
            &["p"],
            Action::Pause,
            "pause/resume",
            "Pause the selected job, or let it go on",
        ),
        key(
            &["P"],
            Action::PauseAll,
            "pause all",
            "Pause every running job (asks first)",
        ),
        key(
            &["+", "="],
            Action::Longer,
            "",
            "A longer chart: 1, 5, 10 minutes",
        ),
        key(&["-"], Action::Shorter, "", "A shorter chart"),
    ],
};

/// The dashboard before the first job.
pub static WELCOME: Table = Table {
    context: "First run",
    bindings: &[
        key(
            &["d"],
            Action::Demo,
            "demo job",
            "Run the demo: offline, the built-in mock teacher, in a moment",
        ),
        key(
            &["p"],
            Action::GoProviders,
            "providers",
            "See the providers and how to add one",
        ),
        key(
            &["a"],
            Action::TakeFound,
            "add found",
            "Add what was found on this machine",
        ),
        key(
            &["i"],
            Action::IgnoreFound,
            "ignore",
            "Do not offer it again in this session",
        ),
    ],
};
