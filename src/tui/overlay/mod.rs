//! What lies over a screen and takes the keys: questions, the palette, the help. A stack; the top one is asked.

pub(crate) mod capture;
pub(crate) mod dialog;
pub(crate) mod page;
pub(crate) mod picker;
pub(crate) mod sheet;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Position;

use crate::core::api::Command;

use super::Exit;
use super::context::Shared;
use super::keys::{Action, Table};
use super::screens::settings::Section;

pub(crate) use capture::Capture;
pub(crate) use dialog::Dialog;
pub(crate) use page::Page;
pub(crate) use picker::Picker;
pub(crate) use sheet::Sheet;

/// Something over the screen.
pub(crate) enum Overlay {
    /// A question with buttons.
    Dialog(Box<Dialog>),
    /// The palette or the help.
    Picker(Box<Picker>),
    /// A small form.
    Sheet(Box<Sheet>),
    /// Something to read.
    Page(Box<Page>),
    /// An action that waits for its new key.
    Capture(Box<Capture>),
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
    /// Ask something more first.
    Ask(Box<Dialog>),
    /// Open a job.
    OpenJob(String),
    /// Do something to a job, asking first where its key would.
    Verb(String, Action),
    /// Go to a row of the table that is shown, counted from 1.
    Row(u64),
    /// Open a section of the settings.
    Settings(Section),
    /// Wait for the new key of an action.
    Rebind(&'static Table, Action),
    /// Read a topic of the help.
    Topic(usize),
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
            Self::Sheet(_) => &super::keys::SHEET,
            Self::Page(_) => &super::keys::PAGE,
            Self::Capture(_) => &super::keys::CAPTURE,
        }
    }

    /// Takes a key; an outcome closes the overlay.
    pub(crate) fn key(&mut self, key: &KeyEvent, chord: &str, shared: &Shared) -> Option<Outcome> {
        match self {
            Self::Dialog(dialog) => dialog.key(key, chord, shared),
            Self::Picker(picker) => picker.key(key, chord, shared),
            Self::Sheet(sheet) => sheet.key(key, chord, shared),
            Self::Page(page) => page.key(chord, shared),
            Self::Capture(capture) => capture.key(chord, shared),
        }
    }

    /// Takes pasted text.
    pub(crate) fn paste(&mut self, text: &str, shared: &Shared) {
        match self {
            Self::Dialog(dialog) => dialog.paste(text, shared),
            Self::Picker(picker) => picker.paste(text),
            Self::Sheet(sheet) => sheet.paste(text),
            Self::Page(_) | Self::Capture(_) => {}
        }
    }

    /// Takes a click; an outcome closes the overlay.
    pub(crate) fn click(&mut self, at: Position, double: bool, shared: &Shared) -> Option<Outcome> {
        match self {
            Self::Dialog(dialog) => dialog.click(at, shared),
            Self::Picker(picker) => picker.click(at, double, shared),
            Self::Sheet(_) | Self::Page(_) | Self::Capture(_) => None,
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
            Self::Sheet(sheet) => Some(sheet.view(shared, buf)),
            Self::Page(page) => {
                page.view(shared, buf);
                None
            }
            Self::Capture(capture) => {
                capture.view(shared, buf);
                None
            }
        }
    }
}
