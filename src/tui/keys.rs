//! Actions, and how a key press finds its own in the one key table (`tables`).

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

pub use tables::*;

mod tables;

/// Something a person can make the application do. Verbs are shared; the screen that is open gives them their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// To the dashboard.
    GoDashboard,
    /// To the jobs.
    GoJobs,
    /// To the samples.
    GoSamples,
    /// To reviewing.
    GoReview,
    /// To the providers.
    GoProviders,
    /// To the log.
    GoLogs,
    /// To the settings.
    GoSettings,
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
    /// Hear the mouse, or no longer.
    Mouse,
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
    /// Open the text in the person's own editor.
    External,
    /// Put what is selected where it can be pasted from.
    Copy,
    /// See the samples of a job.
    Samples,
    /// Accept.
    Accept,
    /// Reject.
    Reject,
    /// Take the last decision back.
    Undo,
    /// Do again what was taken back.
    Redo,
    /// Reject, with a reason in the person's words.
    RejectWhy,
    /// Mark what is selected, or no longer.
    Mark,
    /// Begin a range to mark, or end it.
    Range,
    /// Mark everything that matches.
    MarkAll,
    /// How things are distributed.
    Facets,
    /// Choose the order.
    Sort,
    /// What to do with all that is marked.
    Bulk,
    /// Write to a file.
    Export,
    /// Stay with the newest.
    Follow,
    /// The other pane.
    Pane,
    /// The next attempt.
    NextAttempt,
    /// The attempt before.
    PreviousAttempt,
    /// Close a branch.
    Fold,
    /// Open a branch.
    Unfold,
    /// See the difference.
    Compare,
    /// See why.
    Explain,
    /// What was done, to be taken back.
    History,
    /// Take what is offered.
    Complete,
    /// The entry with this digit.
    Pick(u8),
    /// What was asked about was agreed to.
    Agreed,
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
            Self::GoDashboard => "go.dashboard",
            Self::GoJobs => "go.jobs",
            Self::GoSamples => "go.samples",
            Self::GoReview => "go.review",
            Self::GoProviders => "go.providers",
            Self::GoLogs => "go.logs",
            Self::GoSettings => "go.settings",
            Self::Down => "nav.down",
            Self::Up => "nav.up",
            Self::First => "nav.first",
            Self::Last => "nav.last",
            Self::HalfDown => "nav.half_down",
            Self::HalfUp => "nav.half_up",
            Self::PageDown => "nav.page_down",
            Self::PageUp => "nav.page_up",
            Self::Next => "nav.next",
            Self::Previous => "nav.previous",
            Self::Open => "view.open",
            Self::Back => "view.back",
            Self::Reload => "view.reload",
            Self::Filter => "view.filter",
            Self::Shape => "view.shape",
            Self::Longer => "chart.longer",
            Self::Shorter => "chart.shorter",
            Self::Quit => "app.quit",
            Self::Interrupt => "app.interrupt",
            Self::Palette => "app.palette",
            Self::Help => "app.help",
            Self::Redraw => "app.redraw",
            Self::Suspend => "app.suspend",
            Self::Theme => "app.theme",
            Self::Mouse => "app.mouse",
            Self::NewJob => "job.new",
            Self::Demo => "job.demo",
            Self::Pause => "job.pause",
            Self::PauseAll => "job.pause_all",
            Self::Cancel => "job.cancel",
            Self::Retry => "job.retry",
            Self::Delete => "job.delete",
            Self::Edit => "job.edit",
            Self::External => "editor.external",
            Self::Copy => "view.copy",
            Self::Samples => "job.samples",
            Self::Accept => "sample.accept",
            Self::Reject => "sample.reject",
            Self::Undo => "sample.undo",
            Self::Redo => "sample.redo",
            Self::RejectWhy => "sample.reject_why",
            Self::Mark => "select.mark",
            Self::Range => "select.range",
            Self::MarkAll => "select.all",
            Self::Facets => "view.facets",
            Self::Sort => "view.sort",
            Self::Bulk => "sample.bulk",
            Self::Export => "view.export",
            Self::Follow => "view.follow",
            Self::Pane => "nav.pane",
            Self::NextAttempt => "sample.next_attempt",
            Self::PreviousAttempt => "sample.previous_attempt",
            Self::Fold => "nav.fold",
            Self::Unfold => "nav.unfold",
            Self::Compare => "sample.compare",
            Self::Explain => "sample.explain",
            Self::History => "sample.history",
            Self::Complete => "field.complete",
            Self::Pick(digit) => PICKS[usize::from(digit.clamp(1, 9)) - 1],
            Self::Agreed => "dialog.agreed",
            Self::Test => "provider.test",
            Self::Check => "editor.check",
            Self::Insert => "editor.insert",
            Self::UndoText => "editor.undo",
            Self::RedoText => "editor.redo",
            Self::DeleteToStart => "editor.delete_to_start",
            Self::NextButton => "dialog.next",
            Self::PreviousButton => "dialog.previous",
            Self::Press => "dialog.press",
            Self::Yes => "dialog.yes",
            Self::No => "dialog.no",
        }
    }
}

/// Ids of [`Action::Pick`].
const PICKS: [&str; 9] = [
    "menu.pick_1",
    "menu.pick_2",
    "menu.pick_3",
    "menu.pick_4",
    "menu.pick_5",
    "menu.pick_6",
    "menu.pick_7",
    "menu.pick_8",
    "menu.pick_9",
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
