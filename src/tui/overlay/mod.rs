//! What lies over a screen and takes the keys: questions, the palette, the help. A stack; the top one is asked.

pub(crate) mod dialog;
pub(crate) mod picker;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Position;

use crate::core::api::Command;

use super::Exit;
use super::context::Shared;
use super::keys::{Action, Table};

pub(crate) use dialog::Dialog;
pub(crate) use picker::Picker;

/// Something over the screen.
pub(crate) enum Overlay {
    /// A question with buttons.
    Dialog(Box<Dialog>),
    /// The palette or the help.
    Picker(Box<Picker>),
}

/// What pressing something in an overlay leads to. Data, so that a confirmation holds what it will release.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// Nothing.
    Close,
    /// Orders, each with what to say when it is done.
    Order {
        /// The orders.
        orders: Vec<(Command, String)>,
        /// Draft that is settled by them.
        draft: Option<String>,
    },
    /// An action, as if its key had been pressed.
    Act(Action),
    /// Go to a row of the table, counted from 1.
    GoTo(u64),
    /// Open a job.
    OpenJob(String),
    /// Stop the engine, then leave.
    Stop(std::time::Duration),
    /// Leave.
    Leave(Exit),
}

impl Overlay {
    /// Its keys.
    pub(crate) fn bindings(&self) -> &'static Table {
        match self {
            Self::Dialog(_) => &super::keys::DIALOG,
            Self::Picker(picker) => picker.bindings(),
        }
    }

    /// Takes a key; an outcome closes the overlay.
    pub(crate) fn key(&mut self, key: &KeyEvent, chord: &str, shared: &Shared) -> Option<Outcome> {
        match self {
            Self::Dialog(dialog) => dialog.key(key, chord, shared),
            Self::Picker(picker) => picker.key(key, chord, shared),
        }
    }

    /// Takes pasted text.
    pub(crate) fn paste(&mut self, text: &str, shared: &Shared) {
        match self {
            Self::Dialog(dialog) => dialog.paste(text, shared),
            Self::Picker(picker) => picker.paste(text),
        }
    }

    /// Takes a click; an outcome closes the overlay.
    pub(crate) fn click(&mut self, at: Position, double: bool, shared: &Shared) -> Option<Outcome> {
        match self {
            Self::Dialog(dialog) => dialog.click(at, shared),
            Self::Picker(picker) => picker.click(at, double, shared),
        }
    }

    /// Takes a turn of the wheel.
    pub(crate) fn wheel(&mut self, rows: i16, shared: &Shared) {
        if let Self::Picker(picker) = self {
            picker.wheel(rows, shared);
        }
    }

    /// Draws it; says where the caret is, if it has one.
    pub(crate) fn view(&self, shared: &Shared, buf: &mut Buffer) -> Option<Position> {
        match self {
            Self::Dialog(dialog) => dialog.view(shared, buf),
            Self::Picker(picker) => picker.view(shared, buf),
        }
    }
}
