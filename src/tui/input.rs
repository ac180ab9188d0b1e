//! What comes from the terminal and from the system around it, as plain data.

use crossterm::event::KeyEvent;

use super::terminal::Signal;

/// What comes from the terminal and from the system around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key.
    Key(KeyEvent),
    /// Pasted text, as the terminal marked it.
    Paste(String),
    /// So many keys at once that no hand pressed them.
    Burst(String),
    /// A paste of this many bytes, too long to take.
    TooLong(usize),
    /// The mouse.
    Mouse(Pointer),
    /// The window has the focus now, or has lost it.
    Focus(bool),
    /// The terminal says something about itself.
    Report(Report),
    /// A new size: columns, rows.
    Resize(u16, u16),
    /// A signal.
    Signal(Signal),
    /// Something broke in the background; the log has the whole of it.
    Broken(String),
    /// The terminal is gone.
    Gone,
}

/// Something the mouse did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pointer {
    /// What.
    pub press: Press,
    /// Where, from the left.
    pub column: u16,
    /// Where, from the top.
    pub row: u16,
}

/// What a mouse can do here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Press {
    /// The first button went down.
    Click,
    /// The wheel turned away from the hand.
    WheelUp,
    /// The wheel turned towards it.
    WheelDown,
}

/// What a terminal says about itself, asked or of its own accord.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// Its background.
    Background {
        /// It is light.
        light: bool,
    },
    /// It changed between dark and light (mode 2031).
    Scheme {
        /// It is light now.
        light: bool,
    },
    /// A mode.
    Mode {
        /// Its number.
        mode: u16,
        /// The terminal has it.
        known: bool,
    },
    /// It speaks the kitty keyboard protocol; the flags in force.
    Keyboard(u16),
    /// Its attributes: the last answer, as every terminal gives it.
    Attributes,
}

/// What is known of the terminal beyond its environment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// It answered.
    pub answered: bool,
    /// Its background is light, or dark.
    pub light: Option<bool>,
    /// It says so by itself when that changes (mode 2031).
    pub tells_scheme: bool,
    /// It shows a frame as a whole (mode 2026).
    pub shows_whole: bool,
    /// It speaks the kitty keyboard protocol.
    pub keyboard: bool,
}

impl Facts {
    /// Takes what the terminal said. True if it was the last answer.
    pub(super) fn take(&mut self, report: Report) -> bool {
        match report {
            Report::Background { light } | Report::Scheme { light } => self.light = Some(light),
            Report::Mode { mode: 2026, known } => self.shows_whole = known,
            Report::Mode { mode: 2031, known } => self.tells_scheme = known,
            Report::Mode { .. } => {}
            Report::Keyboard(_) => self.keyboard = true,
            Report::Attributes => {
                self.answered = true;
                return true;
            }
        }
        false
    }
}
