//! The one key table: what a key does in which context. Dispatch, footer, help, palette and the documentation all read it; there
//! is no other place that knows a key.

use super::Action;

/// A line of the table.
#[derive(Debug)]
pub struct Binding {
    /// Keys by default; none: only in the palette.
    pub keys: &'static [&'static str],
    /// What they do.
    pub action: Action,
    /// One or two words for the footer; empty: not there.
    pub hint: &'static str,
    /// One line for the help.
    pub help: &'static str,
}

/// The keys of one context.
#[derive(Debug)]
pub struct Table {
    /// Where they work.
    pub context: &'static str,
    /// The keys, those of the footer by importance.
    pub bindings: &'static [Binding],
}

const fn key(
    keys: &'static [&'static str],
    action: Action,
    hint: &'static str,
    help: &'static str,
) -> Binding {
    Binding {
        keys,
        action,
        hint,
        help,
    }
}

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
            Action::GoProviders,
            "",
            "Providers: health and a test call",
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
    ],
};

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
    ],
};

/// The samples.
pub static SAMPLES: Table = Table {
    context: "Samples",
    bindings: &[
        key(
            &["a"],
            Action::Accept,
            "accept",
            "Accept the selected sample, whatever the validators said",
        ),
        key(&["x"], Action::Reject, "reject", "Reject the selected sample"),
        key(&["u"], Action::Undo, "undo", "Take the last decision back"),
        key(
            &["/"],
            Action::Filter,
            "filter",
            "Filter: job:NAME state:rejected reason:schema teacher:NAME words",
        ),
        key(&["]"], Action::Next, "next page", "The next page of samples"),
        key(&["["], Action::Previous, "", "The page before"),
        key(
            &["tab"],
            Action::Shape,
            "pretty/raw",
            "The sample as text, or as the object the `raw` format writes",
        ),
        key(
            &["enter"],
            Action::Open,
            "read",
            "The sample over the whole screen, and back",
        ),
    ],
};

/// The providers.
pub static PROVIDERS: Table = Table {
    context: "Providers",
    bindings: &[
        key(
            &["t"],
            Action::Test,
            "test",
            "One tiny call over the wire; says what it cost",
        ),
        key(
            &["enter"],
            Action::Open,
            "",
            "One tiny call over the wire; says what it cost",
        ),
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

/// Every context.
pub static TABLES: [&Table; 15] = [
    &GLOBAL, &TYPING, &DASHBOARD, &WELCOME, &JOBS, &JOB, &NEW_JOB, &EDITOR, &READING, &SAMPLES, &PROVIDERS,
    &FIELD, &DIALOG, &PALETTE, &HELP,
];
