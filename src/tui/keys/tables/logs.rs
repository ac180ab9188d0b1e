//! Keys of the log.

use super::{Table, key};
use crate::tui::keys::Action;

/// The log.
pub static LOGS: Table = Table {
    context: "Logs",
    bindings: &[
        key(&["/"], Action::Filter, "find", "Find some letters; n and N go on"),
        key(
            &["n"],
            Action::NextMatch,
            "next",
            "The next one found, towards older entries",
        ),
        key(
            &["N"],
            Action::PreviousMatch,
            "",
            "The one found before, towards newer entries",
        ),
        key(
            &["f"],
            Action::Facets,
            "level, job, …",
            "Choose level, job, provider and part of the program",
        ),
        key(
            &["F"],
            Action::Follow,
            "follow",
            "Keep up with the newest, or stand still",
        ),
        key(
            &["enter"],
            Action::Open,
            "full",
            "The whole entry with its fields, and back",
        ),
        key(
            &["W"],
            Action::Wrap,
            "wrap",
            "Long lines over several rows, or cut",
        ),
        key(
            &["x"],
            Action::HideTarget,
            "hide",
            "Hide what this part of the program says; all come back by f",
        ),
        key(&["m"], Action::Mark, "mark", "Mark the entry, or no longer"),
        key(&["y"], Action::Copy, "copy", "Copy the entry with its fields"),
        key(
            &["o"],
            Action::External,
            "open file",
            "Open the log's file in $PAGER, or in the editor",
        ),
        key(&["w"], Action::SaveLog, "save", "Write what is shown into a file"),
        key(
            &["d"],
            Action::Loud,
            "debug 10 min",
            "Level debug: log every task and answer for ten minutes, or no longer",
        ),
    ],
};

/// What of the log is shown.
pub static LOG_FACETS: Table = Table {
    context: "Logs: what is shown",
    bindings: &[
        key(&["right", "l", "space"], Action::Next, "change", "The next value"),
        key(&["left", "h"], Action::Previous, "", "The value before"),
        key(&["f", "enter"], Action::Back, "close", "Back to the log"),
    ],
};
