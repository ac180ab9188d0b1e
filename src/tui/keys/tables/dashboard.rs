//! Keys of the dashboard.

use super::{Table, key};
use crate::tui::keys::Action;

/// The dashboard.
pub static DASHBOARD: Table = Table {
    context: "Dashboard",
    bindings: &[
        key(
            &["enter"],
            Action::Open,
            "open",
            "Open what is selected: a job, a provider, an event's log, a counter's samples",
        ),
        key(
            &["p"],
            Action::Pause,
            "pause/resume",
            "Pause the selected job, or let it go on",
        ),
        key(&["tab"], Action::NextPane, "pane", "The next pane"),
        key(&["shift-tab"], Action::PreviousPane, "", "The pane before"),
        key(
            &["c"],
            Action::Metric,
            "metric",
            "Chart samples/s, tokens/s, $/h, p95 or rejected %",
        ),
        key(
            &["+", "="],
            Action::Longer,
            "window",
            "A longer chart: 1, 5, 30 minutes, 3 hours, all",
        ),
        key(&["-"], Action::Shorter, "", "A shorter chart"),
        key(&["0"], Action::Whole, "", "A chart of the whole session"),
        key(&["x"], Action::Scale, "", "Linear or logarithmic chart"),
        key(
            &["F"],
            Action::Freeze,
            "freeze",
            "Hold what is shown, and let go again; jobs run on",
        ),
        key(
            &["z"],
            Action::Zoom,
            "zoom",
            "This pane over the whole screen, and back",
        ),
        key(
            &["P"],
            Action::PauseAll,
            "pause all",
            "Pause every running job (asks first)",
        ),
        key(&["!"], Action::NewestError, "", "To the newest error or warning"),
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
            "Run the demo: offline, the built-in mock teacher, 20 seconds",
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
