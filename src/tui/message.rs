//! What can happen ([`Message`]) and what the application wants done about it ([`Effect`]): plain data, both of them.

use std::path::PathBuf;
use std::time::Duration;

use crossterm::event::KeyEvent;

use crate::core::api::{Answer, Command, Event, Failure, Progress, Query, Receipt};

use super::Exit;
use super::input::{Facts, Input, Pointer};
use super::keys::Action;

/// Names a question or an order, so that its answer finds the one who asked. A late answer has a ticket nobody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket(pub(crate) u64);

/// Something that happened.
#[derive(Debug)]
pub enum Message {
    /// So much time has passed since the start. The only clock [`super::update`] has.
    Tick(Duration),
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// Keys came faster than hands: a paste that the terminal did not mark.
    Burst(String),
    /// A paste of this many bytes was refused.
    TooLong(usize),
    /// The mouse did something.
    Mouse(Pointer),
    /// The window has the focus now, or has lost it.
    Focus(bool),
    /// What the terminal can do is known, or has changed.
    Terminal(Facts),
    /// The program goes on after it was stopped.
    Awake,
    /// Something broke in the background.
    Broken(String),
    /// The terminal has this size now: columns, rows.
    Resize(u16, u16),
    /// An action was chosen without its key.
    Act(Action),
    /// A question was answered.
    Reply(Ticket, Result<Box<Answer>, Box<Failure>>),
    /// An order was carried out.
    Done(Ticket, Result<Box<Receipt>, Box<Failure>>),
    /// A fact from the engine.
    Event(Event),
    /// The engine's gauge.
    Progress(Box<Progress>),
    /// The editor came back: the new text, or why there is none. Only a text that differs from the one given is new.
    Edited(Ticket, Result<String, String>),
    /// A text was copied: the ways it went, or why the copy cannot be found again.
    Copied(Result<String, String>),
    /// Someone outside wants the program to end.
    Leave(Exit),
}

impl Message {
    /// Its name in the trace.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Tick(_) => "time",
            Self::Key(_) => "key",
            Self::Paste(_) | Self::Burst(_) | Self::TooLong(_) => "paste",
            Self::Mouse(_) => "mouse",
            Self::Focus(_) => "focus",
            Self::Terminal(_) => "terminal",
            Self::Awake => "awake",
            Self::Broken(_) => "broken",
            Self::Resize(..) => "resize",
            Self::Act(_) => "action",
            Self::Reply(..) => "reply",
            Self::Done(..) => "receipt",
            Self::Edited(..) => "edited",
            Self::Copied(_) => "copied",
            Self::Event(_) => "event",
            Self::Progress(_) => "progress",
            Self::Leave(_) => "leave",
        }
    }

    /// Whether a person did it.
    pub(super) fn is_by_hand(&self) -> bool {
        matches!(
            self,
            Self::Key(_) | Self::Paste(_) | Self::Burst(_) | Self::Mouse(_) | Self::Act(_) | Self::Edited(..)
        )
    }
}

impl From<Input> for Message {
    fn from(input: Input) -> Self {
        match input {
            Input::Key(key) => Self::Key(key),
            Input::Paste(text) => Self::Paste(text),
            Input::Burst(text) => Self::Burst(text),
            Input::TooLong(bytes) => Self::TooLong(bytes),
            Input::Mouse(pointer) => Self::Mouse(pointer),
            Input::Focus(has) => Self::Focus(has),
            Input::Report(report) => {
                let mut facts = Facts::default();
                facts.take(report);
                Self::Terminal(facts)
            }
            Input::Resize(columns, rows) => Self::Resize(columns, rows),
            Input::Continued => Self::Awake,
            Input::Signal(signal) => Self::Leave(Exit::Signal(signal)),
            Input::Broken(what) => Self::Broken(what),
            Input::Gone => Self::Leave(Exit::Gone),
        }
    }
}

/// Something to do in the world. [`super::update`] returns them, the loop does them.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum Effect {
    /// Ask; the answer comes as [`Message::Reply`] with this ticket.
    Ask(Ticket, Query),
    /// Nobody waits for the answer to that question any more.
    Forget(Ticket),
    /// Order; the receipt comes as [`Message::Done`] with this ticket.
    Order(Ticket, Command),
    /// Open a text in the person's own editor; it comes back as [`Message::Edited`] with this ticket.
    Edit(Ticket, Edit),
    /// Open a file as it is; that the program is left comes as [`Message::Edited`] with this ticket and an empty text.
    Open(Ticket, Opening),
    /// Put a text where a person can paste it from; [`Message::Copied`] says how far it got.
    Copy(String),
    /// Keep how the screens look until the next start.
    Keep(String),
    /// Call someone who looks elsewhere.
    Notify(String),
    /// Hear the mouse, or no longer.
    Mouse(bool),
    /// Draw everything again, even what did not change.
    Redraw,
    /// Give the terminal back to the shell until the program is continued.
    Suspend,
}

/// A file for another program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Where it is.
    pub path: PathBuf,
    /// It is only to be read.
    pub to_read: bool,
}

/// A text for the person's own editor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The text as it is.
    pub text: String,
    /// What the editor should take it for, without the dot: `md`, `j2`, `json`, `toml`.
    pub extension: &'static str,
}
