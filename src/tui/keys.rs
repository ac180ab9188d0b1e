//! Actions, and how a key press finds its own in the one key table (`tables`).

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

pub use keymap::{Keymap, Trouble, presets};
pub use tables::*;

mod keymap;
pub(crate) mod rebind;
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
    /// Everything that was said in the corner.
    Messages,
    /// Give an action another key.
    Rebind,
    /// Put back what it was by default.
    Reset,
    /// Put everything back.
    ResetAll,
    /// The next value, or the other one of two.
    Toggle,
    /// Take the last change of a setting back.
    UndoSetting,
    /// The next section.
    NextSection,
    /// The section before.
    PreviousSection,
    /// Fill the line with what is selected.
    Complete,
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
            Self::Messages => "app.messages",
            Self::Rebind => "keys.rebind",
            Self::Reset => "settings.reset",
            Self::ResetAll => "keys.reset_all",
            Self::Toggle => "settings.toggle",
            Self::UndoSetting => "settings.undo",
            Self::NextSection => "settings.next",
            Self::PreviousSection => "settings.previous",
            Self::Complete => "palette.complete",
        }
    }
}

impl Table {
    /// Its name in `keymap.toml`: the context in small letters, `_` between the words.
    pub fn id(&self) -> String {
        let words = self.context.split(|letter: char| !letter.is_alphanumeric());
        let words: Vec<String> = words
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        words.join("_")
    }
}

/// Keys with a name of more than one letter.
const NAMED: [&str; 16] = [
    "space",
    "enter",
    "esc",
    "tab",
    "shift-tab",
    "backspace",
    "delete",
    "up",
    "down",
    "left",
    "right",
    "home",
    "end",
    "pgup",
    "pgdn",
    "insert",
];

/// Whether [`chord`] can give this name.
pub fn is_chord(name: &str) -> bool {
    let bare = name
        .strip_prefix("ctrl-")
        .filter(|rest| !rest.is_empty())
        .unwrap_or(name);
    let bare = bare
        .strip_prefix("alt-")
        .filter(|rest| !rest.is_empty())
        .unwrap_or(bare);
    let mut letters = bare.chars();
    match (letters.next(), letters.as_str()) {
        (Some(letter), "") => !letter.is_control() && letter != ' ',
        (Some('f'), number)
            if number
                .parse::<u8>()
                .is_ok_and(|number| (1..=24).contains(&number)) =>
        {
            true
        }
        _ => NAMED.contains(&bare),
    }
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
        KeyCode::Insert => "insert".to_owned(),
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
