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
        key(&[], Action::Mouse, "", "Mouse on or off; off, the terminal selects text without shift"),
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
        key(&["up", "ctrl-p"], Action::Up, "", "Up"),
        key(&["pgdn"], Action::PageDown, "", "A page down"),
        key(&["pgup"], Action::PageUp, "", "A page up"),
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
        key(&["esc", "q", "?", "f1", "ctrl-c"], Action::Back, "close", "Close"),
    ],
};
