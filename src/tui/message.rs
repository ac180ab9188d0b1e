//! What can happen ([`Message`]) and what the application wants done about it ([`Effect`]): plain data, both of them.

use std::time::Duration;

use crossterm::event::KeyEvent;

use crate::core::api::{Answer, Command, Event, Failure, Progress, Query, Receipt};

use super::Exit;
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
    /// The terminal's background turned out to be dark, or light.
    Background {
        /// Dark.
        dark: bool,
    },
    /// Go to a row of the table that is shown, counted from 1.
    Row(u64),
    /// Someone outside wants the program to end.
    Leave(Exit),
}

/// Something to do in the world. [`super::update`] returns them, the loop does them.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum Effect {
    /// Ask; the answer comes as [`Message::Reply`] with this ticket.
    Ask(Ticket, Query),
    /// Order; the receipt comes as [`Message::Done`] with this ticket.
    Order(Ticket, Command),
    /// Draw everything again, even what did not change.
    Redraw,
    /// Give the terminal back to the shell until the program is continued.
    Suspend,
}
