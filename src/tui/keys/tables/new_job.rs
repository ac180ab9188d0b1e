//! Keys of making a job: choosing what it starts from, and its editor.

use super::{Table, key};
use crate::tui::keys::Action;

/// Choosing what a new job starts from.
pub static NEW_JOB: Table = Table {
    context: "New job",
    bindings: &[key(
        &["enter"],
        Action::Open,
        "start from this",
        "Open the editor with the selected job file",
    )],
};

/// The editor, while typing.
pub static EDITOR: Table = Table {
    context: "Editor",
    bindings: &[
        key(
            &["ctrl-s"],
            Action::Check,
            "check and save",
            "Check the job file, then offer to save or launch it",
        ),
        key(
            &["esc"],
            Action::Back,
            "stop typing",
            "Stop typing; the text stays",
        ),
        key(
            &["ctrl-g"],
            Action::External,
            "your editor",
            "Open the text in your own editor ($EDITOR)",
        ),
        key(
            &["ctrl-_", "ctrl-7", "ctrl-/"],
            Action::UndoText,
            "",
            "Take the last change back",
        ),
        key(&["ctrl-y"], Action::RedoText, "", "Make it again"),
        key(
            &["ctrl-u"],
            Action::DeleteToStart,
            "",
            "Delete from the start of the line",
        ),
    ],
};

/// The editor, while reading.
pub static READING: Table = Table {
    context: "Editor, not typing",
    bindings: &[
        key(&["i", "enter"], Action::Insert, "type", "Type again"),
        key(
            &["ctrl-s"],
            Action::Check,
            "check and save",
            "Check the job file, then offer to save or launch it",
        ),
        key(
            &["ctrl-g"],
            Action::External,
            "your editor",
            "Open the text in your own editor ($EDITOR)",
        ),
    ],
};
