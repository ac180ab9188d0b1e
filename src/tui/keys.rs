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
    /// No opinion: the next one.
    Skip,
    /// Mark it to come back to.
    Flag,
    /// Show what is hidden: who it is from and what was said of it.
    Reveal,
    /// Show less of the prompt, or all of it.
    Fold,
    /// Keep the reason for the next ones.
    Sticky,
    /// What one is to go by.
    Guideline,
    /// Compare two, or decide about one.
    Compare,
    /// The reason of that digit, 1 to 8.
    Because(u8),
    /// Make another queue.
    NewQueue,
    /// A is better.
    SideA,
    /// B is better.
    SideB,
    /// Both are as good.
    Tie,
    /// Neither is good.
    BothBad,
    /// Mark what differs.
    Diff,
    /// The value before.
    LessOf,
    /// The value after.
    MoreOf,
    /// Write it to a file.
    Export,
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

/// Names of the reasons' keys.
const BECAUSE: [&str; 8] = [
    "review.because_1",
    "review.because_2",
    "review.because_3",
    "review.because_4",
    "review.because_5",
    "review.because_6",
    "review.because_7",
    "review.because_8",
];

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
            Self::NewJob => "job.new",
            Self::Demo => "job.demo",
            Self::Pause => "job.pause",
            Self::PauseAll => "job.pause_all",
            Self::Cancel => "job.cancel",
            Self::Retry => "job.retry",
            Self::Delete => "job.delete",
            Self::Edit => "job.edit",
            Self::Samples => "job.samples",
            Self::Accept => "sample.accept",
            Self::Reject => "sample.reject",
            Self::Undo => "sample.undo",
            Self::Skip => "review.skip",
            Self::Flag => "review.flag",
            Self::Reveal => "review.reveal",
            Self::Fold => "review.fold",
            Self::Sticky => "review.sticky",
            Self::Guideline => "review.guideline",
            Self::Compare => "review.compare",
            Self::Because(digit) => BECAUSE[usize::from(digit).saturating_sub(1) % BECAUSE.len()],
            Self::NewQueue => "review.new",
            Self::SideA => "compare.a",
            Self::SideB => "compare.b",
            Self::Tie => "compare.tie",
            Self::BothBad => "compare.both_bad",
            Self::Diff => "compare.diff",
            Self::LessOf => "form.previous",
            Self::MoreOf => "form.next",
            Self::Export => "view.export",
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
