//! Keys of the settings.

use super::{Table, key};
use crate::tui::keys::Action;

/// The settings.
pub static SETTINGS: Table = Table {
    context: "Settings",
    bindings: &[
        key(
            &["enter"],
            Action::Open,
            "change",
            "Change the selected setting, run the selected cleaning",
        ),
        key(
            &["space"],
            Action::Toggle,
            "next value",
            "The next of a few values; more days in the cleaning",
        ),
        key(&["]", "tab"], Action::NextSection, "section", "The next section"),
        key(
            &["[", "shift-tab"],
            Action::PreviousSection,
            "",
            "The section before",
        ),
        key(
            &["o"],
            Action::External,
            "open file",
            "Open config.toml in the editor; it is read again afterwards",
        ),
        key(
            &["u"],
            Action::UndoSetting,
            "undo",
            "Take the last change of this session back",
        ),
        key(
            &["e"],
            Action::Rebind,
            "new key",
            "Give the selected action another key",
        ),
        key(
            &["backspace"],
            Action::Reset,
            "default",
            "Back to the default: this setting, or the keys of this action",
        ),
        key(
            &["X"],
            Action::ResetAll,
            "all keys",
            "All keys back to the preset (asks first)",
        ),
        key(
            &["/"],
            Action::Filter,
            "find",
            "Show only what contains some letters",
        ),
    ],
};

/// Typing a setting's value.
pub static SETTINGS_VALUE: Table = Table {
    context: "Value of a setting",
    bindings: &[
        key(&["enter"], Action::Press, "keep", "Keep this value"),
        key(&["esc"], Action::Back, "as it was", "Leave it as it was"),
        key(
            &["ctrl-u"],
            Action::DeleteToStart,
            "",
            "Delete from the start of the line",
        ),
    ],
};

/// Choosing a setting's value: moving tries it out, esc leaves it as it was.
pub static SETTINGS_CHOICE: Table = Table {
    context: "Choice of a setting",
    bindings: &[key(&["enter"], Action::Press, "keep", "Keep this value")],
};
