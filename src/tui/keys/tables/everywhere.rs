//! Keys that work on every screen, in text fields, and in what opens above a screen.

use super::{Table, key};
use crate::tui::keys::Action;

/// Everywhere but in a text field.
pub static GLOBAL: Table = Table {
    context: "Everywhere",
    bindings: &[
        key(
            &["1"],
            Action::GoDashboard,
            "",
            "Dashboard: is it working, how fast, what does it cost",
        ),
        key(&["2"], Action::GoJobs, "", "Jobs: all of them, old and new"),
        key(&["3"], Action::GoSamples, "", "Samples: read, accept, reject"),
        key(
            &["4"],
            Action::GoReview,
            "",
            "Review: decide about samples one by one, or compare two blindly",
        ),
        key(
            &["5"],
            Action::GoProviders,
            "",
            "Providers: add, test, models, health",
        ),
        key(&["6"], Action::GoLogs, "", "Logs: what happened, and why"),
        key(
            &["7"],
            Action::GoSettings,
            "",
            "Settings: paths, database, theme, keys, engine",
        ),
        key(&["n"], Action::NewJob, "", "New job, from a ready one or empty"),
        key(&["j", "down"], Action::Down, "", "Down"),
        key(&["k", "up"], Action::Up, "", "Up"),
        key(&["g", "home"], Action::First, "", "First row"),
        key(&["G", "end"], Action::Last, "", "Last row"),
        key(&["ctrl-d"], Action::HalfDown, "", "Half a page down"),
        key(&["ctrl-u"], Action::HalfUp, "", "Half a page up"),
        key(&["pgdn", "ctrl-f"], Action::PageDown, "", "A page down"),
        key(&["pgup", "ctrl-b"], Action::PageUp, "", "A page up"),
        key(&["r"], Action::Reload, "", "Ask again for what is shown"),
        key(
            &["esc"],
            Action::Back,
            "",
            "One level up: clears a filter first, never quits",
        ),
        key(
            &["q"],
            Action::Quit,
            "",
            "One level up; at the top: quit, asking first while jobs run",
        ),
        key(
            &[":", "ctrl-p", "f2"],
            Action::Palette,
            "",
            "All commands, found by a few letters",
        ),
        key(&["?", "f1"], Action::Help, "", "All keys that work here"),
        key(&["ctrl-l"], Action::Redraw, "", "Draw the screen again"),
        key(
            &["ctrl-z"],
            Action::Suspend,
            "",
            "Back to the shell; jobs stand still until `fg`",
        ),
        key(&["ctrl-c"], Action::Interrupt, "", "Twice within 2 s: quit"),
        key(&[], Action::Theme, "", "Next theme"),
        key(
            &[],
            Action::Mouse,
            "",
            "Toggle mouse; shift-drag selects text either way",
        ),
        key(
            &[],
            Action::Messages,
            "",
            "Messages: everything that was said in the corner",
        ),
    ],
};

/// Where there is no database.
pub static CLOSED: Table = Table {
    context: "No database",
    bindings: &[
        key(
            &["r"],
            Action::Reload,
            "try again",
            "Try to open the database again",
        ),
        key(
            &["o"],
            Action::OpenReadOnly,
            "read only",
            "Open it for reading only: nothing runs, nothing is decided",
        ),
        key(&["y"], Action::Copy, "copy", "Copy what is wrong, as text"),
        key(&["q"], Action::Quit, "quit", "Quit"),
    ],
};

/// While a text field has the caret.
pub static TYPING: Table = Table {
    context: "While typing",
    bindings: &[
        key(
            &["ctrl-p"],
            Action::Palette,
            "commands",
            "All commands, found by a few letters",
        ),
        key(&["f1"], Action::Help, "help", "All keys that work here"),
        key(&["ctrl-l"], Action::Redraw, "", "Draw the screen again"),
        key(
            &["ctrl-z"],
            Action::Suspend,
            "",
            "Back to the shell; jobs stand still until `fg`",
        ),
        key(&["ctrl-c"], Action::Interrupt, "", "Stop typing; the text stays"),
    ],
};

/// A filter at the bottom of a list.
pub static FIELD: Table = Table {
    context: "Filter",
    bindings: &[
        key(&["enter"], Action::Press, "apply", "Apply the filter"),
        key(
            &["esc"],
            Action::Back,
            "close",
            "Close it; the filter stays as it was",
        ),
        key(
            &["ctrl-u"],
            Action::DeleteToStart,
            "",
            "Delete from the start of the line",
        ),
    ],
};

/// A question with buttons.
pub static DIALOG: Table = Table {
    context: "Question",
    bindings: &[
        key(
            &["enter"],
            Action::Press,
            "press",
            "Press the button that has the focus",
        ),
        key(
            &["tab", "down", "right", "j", "l"],
            Action::NextButton,
            "next",
            "Next button",
        ),
        key(
            &["shift-tab", "up", "left", "k", "h"],
            Action::PreviousButton,
            "",
            "The button before",
        ),
        key(&["y"], Action::Yes, "", "Yes"),
        key(&["esc", "n"], Action::No, "no", "No: nothing happens"),
        key(
            &["ctrl-c"],
            Action::Interrupt,
            "",
            "Close; when quitting: quit now",
        ),
    ],
};

/// The palette.
pub static PALETTE: Table = Table {
    context: "Commands",
    bindings: &[
        key(&["enter"], Action::Press, "run", "Run the selected command"),
        key(&["down", "ctrl-n"], Action::Down, "", "Down"),
        key(
            &["up", "ctrl-p"],
            Action::Up,
            "",
            "Up; from the top, what was run before",
        ),
        key(&["pgdn"], Action::PageDown, "", "A page down"),
        key(&["pgup"], Action::PageUp, "", "A page up"),
        key(
            &["tab"],
            Action::Complete,
            "complete",
            "Fill the line with what is selected",
        ),
        key(&["esc", "ctrl-c"], Action::Back, "close", "Close"),
        key(
            &["ctrl-u"],
            Action::DeleteToStart,
            "",
            "Delete from the start of the line",
        ),
    ],
};

/// The help.
pub static HELP: Table = Table {
    context: "Help",
    bindings: &[
        key(&["enter"], Action::Press, "run", "Run the selected command"),
        key(&["j", "down"], Action::Down, "", "Down"),
        key(&["k", "up"], Action::Up, "", "Up"),
        key(&["g", "home"], Action::First, "", "First row"),
        key(&["G", "end"], Action::Last, "", "Last row"),
        key(&["ctrl-d", "pgdn"], Action::PageDown, "", "A page down"),
        key(&["ctrl-u", "pgup"], Action::PageUp, "", "A page up"),
        key(
            &["/"],
            Action::Filter,
            "filter",
            "Show only what contains some letters",
        ),
        key(
            &["e"],
            Action::Rebind,
            "other key",
            "Give the selected action another key",
        ),
        key(&["esc", "q", "?", "f1", "ctrl-c"], Action::Back, "close", "Close"),
    ],
};

/// Waiting for the new key of an action: every other key is taken as that.
pub static CAPTURE: Table = Table {
    context: "New key",
    bindings: &[key(
        &["esc"],
        Action::Back,
        "leave it",
        "Leave the keys as they are",
    )],
};

/// A page to read over the screen.
pub static PAGE: Table = Table {
    context: "Page",
    bindings: &[
        key(&["j", "down"], Action::Down, "down", "Down"),
        key(&["k", "up"], Action::Up, "", "Up"),
        key(&["g", "home"], Action::First, "", "To the start"),
        key(&["G", "end"], Action::Last, "", "To the end"),
        key(&["ctrl-d", "pgdn"], Action::PageDown, "", "A page down"),
        key(&["ctrl-u", "pgup"], Action::PageUp, "", "A page up"),
        key(&["esc", "q", "enter", "ctrl-c"], Action::Back, "close", "Close"),
    ],
};
