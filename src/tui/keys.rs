//! The one key table: what a key does in which context. Dispatch, footer, help, palette and the documentation all read it; there
//! is no other place that knows a key.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use Action::*;

/// Something a person can make the application do. Verbs are shared; the screen that is open gives them their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// To the dashboard.
    GoDashboard,
    /// To the jobs.
    GoJobs,
    /// To the samples.
    GoSamples,
    /// To the providers.
    GoProviders,
    /// One row down.
    Down,
    /// One row up.
    Up,
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// Half a page down.
    HalfDown,
    /// Half a page up.
    HalfUp,
    /// A page down.
    PageDown,
    /// A page up.
    PageUp,
    /// The next page of rows.
    Next,
    /// The page of rows before.
    Previous,
    /// Open what is selected.
    Open,
    /// One level up.
    Back,
    /// Ask again.
    Reload,
    /// Narrow the list.
    Filter,
    /// Show the same in another shape.
    Shape,
    /// A longer chart.
    Longer,
    /// A shorter chart.
    Shorter,
    /// Leave the program.
    Quit,
    /// Stop the topmost thing.
    Interrupt,
    /// All commands.
    Palette,
    /// All keys.
    Help,
    /// Draw everything again.
    Redraw,
    /// Back to the shell, for a while.
    Suspend,
    /// The next theme.
    Theme,
    /// Write a new job.
    NewJob,
    /// Run the offline demo.
    Demo,
    /// Pause a job, or let it go on.
    Pause,
    /// Pause every running job.
    PauseAll,
    /// Stop a job for good.
    Cancel,
    /// Queue what failed again.
    Retry,
    /// Remove a job.
    Delete,
    /// Change what is selected.
    Edit,
    /// See the samples of a job.
    Samples,
    /// Accept.
    Accept,
    /// Reject.
    Reject,
    /// Take the last decision back.
    Undo,
    /// Try it out.
    Test,
    /// Check, then offer to save.
    Check,
    /// Type.
    Insert,
    /// Take the last change of the text back.
    UndoText,
    /// Make it again.
    RedoText,
    /// Delete from the start of the line.
    DeleteToStart,
    /// The next button.
    NextButton,
    /// The button before.
    PreviousButton,
    /// Press the button that has the focus.
    Press,
    /// Say yes.
    Yes,
    /// Say no.
    No,
}

impl Action {
    /// `namespace.action`, stable: documentation and key overrides name it.
    pub fn id(self) -> &'static str {
        match self {
            GoDashboard => "go.dashboard",
            GoJobs => "go.jobs",
            GoSamples => "go.samples",
            GoProviders => "go.providers",
            Down => "nav.down",
            Up => "nav.up",
            First => "nav.first",
            Last => "nav.last",
            HalfDown => "nav.half_down",
            HalfUp => "nav.half_up",
            PageDown => "nav.page_down",
            PageUp => "nav.page_up",
            Next => "nav.next",
            Previous => "nav.previous",
            Open => "view.open",
            Back => "view.back",
            Reload => "view.reload",
            Filter => "view.filter",
            Shape => "view.shape",
            Longer => "chart.longer",
            Shorter => "chart.shorter",
            Quit => "app.quit",
            Interrupt => "app.interrupt",
            Palette => "app.palette",
            Help => "app.help",
            Redraw => "app.redraw",
            Suspend => "app.suspend",
            Theme => "app.theme",
            NewJob => "job.new",
            Demo => "job.demo",
            Pause => "job.pause",
            PauseAll => "job.pause_all",
            Cancel => "job.cancel",
            Retry => "job.retry",
            Delete => "job.delete",
            Edit => "job.edit",
            Samples => "job.samples",
            Accept => "sample.accept",
            Reject => "sample.reject",
            Undo => "sample.undo",
            Test => "provider.test",
            Check => "editor.check",
            Insert => "editor.insert",
            UndoText => "editor.undo",
            RedoText => "editor.redo",
            DeleteToStart => "editor.delete_to_start",
            NextButton => "dialog.next",
            PreviousButton => "dialog.previous",
            Press => "dialog.press",
            Yes => "dialog.yes",
            No => "dialog.no",
        }
    }
}

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
            GoDashboard,
            "",
            "Dashboard: is it working, how fast, what does it cost",
        ),
        key(&["2"], GoJobs, "", "Jobs: all of them, old and new"),
        key(&["3"], GoSamples, "", "Samples: read, accept, reject"),
        key(&["4"], GoProviders, "", "Providers: health and a test call"),
        key(&["n"], NewJob, "", "New job, from a ready one or empty"),
        key(&["j", "down"], Down, "", "Down"),
        key(&["k", "up"], Up, "", "Up"),
        key(&["g", "home"], First, "", "First row"),
        key(&["G", "end"], Last, "", "Last row"),
        key(&["ctrl-d"], HalfDown, "", "Half a page down"),
        key(&["ctrl-u"], HalfUp, "", "Half a page up"),
        key(&["pgdn", "ctrl-f"], PageDown, "", "A page down"),
        key(&["pgup", "ctrl-b"], PageUp, "", "A page up"),
        key(&["r"], Reload, "", "Ask again for what is shown"),
        key(
            &["esc"],
            Back,
            "",
            "One level up: clears a filter first, never quits",
        ),
        key(
            &["q"],
            Quit,
            "",
            "One level up; at the top: quit, asking first while jobs run",
        ),
        key(
            &[":", "ctrl-p", "f2"],
            Palette,
            "",
            "All commands, found by a few letters",
        ),
        key(&["?", "f1"], Help, "", "All keys that work here"),
        key(&["ctrl-l"], Redraw, "", "Draw the screen again"),
        key(
            &["ctrl-z"],
            Suspend,
            "",
            "Back to the shell; jobs stand still until `fg`",
        ),
        key(&["ctrl-c"], Interrupt, "", "Twice within 2 s: quit"),
        key(&[], Theme, "", "Next theme"),
    ],
};

/// While a text field has the caret.
pub static TYPING: Table = Table {
    context: "While typing",
    bindings: &[
        key(
            &["ctrl-p"],
            Palette,
            "commands",
            "All commands, found by a few letters",
        ),
        key(&["f1"], Help, "help", "All keys that work here"),
        key(&["ctrl-l"], Redraw, "", "Draw the screen again"),
        key(
            &["ctrl-z"],
            Suspend,
            "",
            "Back to the shell; jobs stand still until `fg`",
        ),
        key(&["ctrl-c"], Interrupt, "", "Stop typing; the text stays"),
    ],
};

/// The dashboard.
pub static DASHBOARD: Table = Table {
    context: "Dashboard",
    bindings: &[
        key(&["enter"], Open, "open", "Open the selected job"),
        key(
            &["p"],
            Pause,
            "pause/resume",
            "Pause the selected job, or let it go on",
        ),
        key(
            &["P"],
            PauseAll,
            "pause all",
            "Pause every running job (asks first)",
        ),
        key(&["+", "="], Longer, "", "A longer chart: 1, 5, 10 minutes"),
        key(&["-"], Shorter, "", "A shorter chart"),
    ],
};

/// The dashboard before the first job.
pub static WELCOME: Table = Table {
    context: "First run",
    bindings: &[
        key(
            &["d"],
            Demo,
            "demo job",
            "Run the demo: offline, the built-in mock teacher, some 20 s",
        ),
        key(
            &["p"],
            GoProviders,
            "providers",
            "See the providers and how to add one",
        ),
    ],
};

/// The list of jobs.
pub static JOBS: Table = Table {
    context: "Jobs",
    bindings: &[
        key(&["enter"], Open, "open", "Open the selected job"),
        key(
            &["p"],
            Pause,
            "pause/resume",
            "Pause the selected job, let it go on, or start a draft",
        ),
        key(&["e"], Edit, "edit", "Edit the job file; a new revision"),
        key(&["S"], Samples, "samples", "See its samples"),
        key(&["/"], Filter, "filter", "Narrow by name, state or description"),
        key(
            &["R"],
            Retry,
            "retry failed",
            "Queue its failed tasks again (asks first)",
        ),
        key(
            &["C"],
            Cancel,
            "cancel",
            "Stop it for good; what was made stays (asks first)",
        ),
        key(
            &["D"],
            Delete,
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
            Pause,
            "pause/resume",
            "Pause the job, let it go on, or start a draft",
        ),
        key(&["e"], Edit, "edit", "Edit the job file; a new revision"),
        key(&["S", "enter"], Samples, "samples", "See its samples"),
        key(
            &["R"],
            Retry,
            "retry failed",
            "Queue its failed tasks again (asks first)",
        ),
        key(
            &["C"],
            Cancel,
            "cancel",
            "Stop it for good; what was made stays (asks first)",
        ),
        key(
            &["D"],
            Delete,
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
        Open,
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
            Check,
            "check and save",
            "Check the job file, then offer to save or launch it",
        ),
        key(&["esc"], Back, "stop typing", "Stop typing; the text stays"),
        key(
            &["ctrl-_", "ctrl-7", "ctrl-/"],
            UndoText,
            "",
            "Take the last change back",
        ),
        key(&["ctrl-y"], RedoText, "", "Make it again"),
        key(
            &["ctrl-u"],
            DeleteToStart,
            "",
            "Delete from the start of the line",
        ),
    ],
};

/// The editor, while reading.
pub static READING: Table = Table {
    context: "Editor, not typing",
    bindings: &[
        key(&["i", "enter"], Insert, "type", "Type again"),
        key(
            &["ctrl-s"],
            Check,
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
            Accept,
            "accept",
            "Accept the selected sample, whatever the validators said",
        ),
        key(&["x"], Reject, "reject", "Reject the selected sample"),
        key(&["u"], Undo, "undo", "Take the last decision back"),
        key(
            &["/"],
            Filter,
            "filter",
            "Filter: job:NAME state:rejected reason:schema teacher:NAME words",
        ),
        key(&["]"], Next, "next page", "The next page of samples"),
        key(&["["], Previous, "", "The page before"),
        key(
            &["tab"],
            Shape,
            "pretty/raw",
            "The sample as text, or as the object the `raw` format writes",
        ),
        key(
            &["enter"],
            Open,
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
            Test,
            "test",
            "One tiny call over the wire; says what it cost",
        ),
        key(
            &["enter"],
            Open,
            "",
            "One tiny call over the wire; says what it cost",
        ),
    ],
};

/// A filter at the bottom of a list.
pub static FIELD: Table = Table {
    context: "Filter",
    bindings: &[
        key(&["enter"], Press, "apply", "Apply the filter"),
        key(&["esc"], Back, "close", "Close it; the filter stays as it was"),
        key(
            &["ctrl-u"],
            DeleteToStart,
            "",
            "Delete from the start of the line",
        ),
    ],
};

/// A question with buttons.
pub static DIALOG: Table = Table {
    context: "Question",
    bindings: &[
        key(&["enter"], Press, "press", "Press the button that has the focus"),
        key(
            &["tab", "down", "right", "j", "l"],
            NextButton,
            "next",
            "Next button",
        ),
        key(
            &["shift-tab", "up", "left", "k", "h"],
            PreviousButton,
            "",
            "The button before",
        ),
        key(&["y"], Yes, "", "Yes"),
        key(&["n", "esc"], No, "no", "No: nothing happens"),
        key(&["ctrl-c"], Interrupt, "", "Close; when quitting: quit now"),
    ],
};

/// The palette.
pub static PALETTE: Table = Table {
    context: "Commands",
    bindings: &[
        key(&["enter"], Press, "run", "Run the selected command"),
        key(&["down", "ctrl-n"], Down, "", "Down"),
        key(&["up", "ctrl-p"], Up, "", "Up"),
        key(&["pgdn"], PageDown, "", "A page down"),
        key(&["pgup"], PageUp, "", "A page up"),
        key(&["esc", "ctrl-c"], Back, "close", "Close"),
        key(
            &["ctrl-u"],
            DeleteToStart,
            "",
            "Delete from the start of the line",
        ),
    ],
};

/// The help.
pub static HELP: Table = Table {
    context: "Help",
    bindings: &[
        key(&["enter"], Press, "run", "Run the selected command"),
        key(&["j", "down"], Down, "", "Down"),
        key(&["k", "up"], Up, "", "Up"),
        key(&["g", "home"], First, "", "First row"),
        key(&["G", "end"], Last, "", "Last row"),
        key(&["ctrl-d", "pgdn"], PageDown, "", "A page down"),
        key(&["ctrl-u", "pgup"], PageUp, "", "A page up"),
        key(&["/"], Filter, "filter", "Show only what contains some letters"),
        key(&["esc", "q", "?", "f1", "ctrl-c"], Back, "close", "Close"),
    ],
};

/// Every context.
pub static TABLES: [&Table; 15] = [
    &GLOBAL, &TYPING, &DASHBOARD, &WELCOME, &JOBS, &JOB, &NEW_JOB, &EDITOR, &READING, &SAMPLES, &PROVIDERS,
    &FIELD, &DIALOG, &PALETTE, &HELP,
];

impl Table {
    /// What a key does here.
    pub fn find(&self, chord: &str) -> Option<Action> {
        let found = self.bindings.iter().find(|binding| binding.keys.contains(&chord));
        found.map(|binding| binding.action)
    }
}

/// The table as `keys list` prints it: context, keys, action, help.
pub fn rows() -> Vec<(&'static str, String, &'static str, &'static str)> {
    let lines = TABLES
        .iter()
        .flat_map(|table| table.bindings.iter().map(|binding| (table.context, binding)));
    let row = |(context, binding): (&'static str, &Binding)| {
        (context, binding.keys.join(" "), binding.action.id(), binding.help)
    };
    lines.map(row).collect()
}

/// A key press as the table writes it: `j`, `G`, `ctrl-s`, `shift-tab`, `pgdn`. `None` for keys nobody can bind.
pub fn chord(key: &KeyEvent) -> Option<String> {
    let name = match key.code {
        KeyCode::Char(' ') => "space".to_owned(),
        KeyCode::Char(letter) => letter.to_string(),
        KeyCode::Enter => "enter".to_owned(),
        KeyCode::Esc => "esc".to_owned(),
        KeyCode::Tab => "tab".to_owned(),
        KeyCode::BackTab => "shift-tab".to_owned(),
        KeyCode::Backspace => "backspace".to_owned(),
        KeyCode::Delete => "delete".to_owned(),
        KeyCode::Up => "up".to_owned(),
        KeyCode::Down => "down".to_owned(),
        KeyCode::Left => "left".to_owned(),
        KeyCode::Right => "right".to_owned(),
        KeyCode::Home => "home".to_owned(),
        KeyCode::End => "end".to_owned(),
        KeyCode::PageUp => "pgup".to_owned(),
        KeyCode::PageDown => "pgdn".to_owned(),
        KeyCode::F(number) => format!("f{number}"),
        _ => return None,
    };
    let prefix = match (
        key.modifiers.contains(KeyModifiers::CONTROL),
        key.modifiers.contains(KeyModifiers::ALT),
    ) {
        (true, true) => "ctrl-alt-",
        (true, false) => "ctrl-",
        (false, true) => "alt-",
        (false, false) => "",
    };
    Some(format!("{prefix}{name}"))
}
