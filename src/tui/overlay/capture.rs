//! A small box that waits for one key: the new one of an action.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, BorderType, Clear, Widget};

use crate::core::api::Command;
use crate::tui::context::Shared;
use crate::tui::keys::rebind::{Rebinding, Step};
use crate::tui::keys::{Action, Table};
use crate::tui::layout::centred;
use crate::tui::text::{put, wrap};
use crate::tui::theme::Slot;

use super::Outcome;

/// Waits for a key.
pub(crate) struct Capture(Rebinding);

impl Capture {
    /// For an action of a table.
    pub(crate) fn of(table: &'static Table, action: Action) -> Self {
        Self(Rebinding::of(table, action))
    }

    /// Takes the key.
    pub(crate) fn key(&mut self, chord: &str, shared: &Shared) -> Option<Outcome> {
        match self.0.key(chord, &shared.keymap) {
            Step::Wait => None,
            Step::Cancel => Some(Outcome::Close),
            Step::Bind(change, said) => Some(Outcome::Order {
                orders: vec![(Command::Bind(vec![change]), said)],
                draft: None,
            }),
        }
    }

    /// Draws it in the middle.
    pub(crate) fn view(&self, shared: &Shared, buf: &mut Buffer) {
        let width = 64.min(shared.size.width.saturating_sub(2));
        let lines = wrap(&self.0.prompt(), usize::from(width.saturating_sub(6)));
        let area = centred(shared.size, width, lines.len() as u16 + 2);
        Clear.render(area, buf);
        buf.set_style(area, shared.style(Slot::Bg).patch(shared.style(Slot::Fg)));
        Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(shared.style(Slot::BorderFocus))
            .render(area, buf);
        put(buf, area, 2, 0, " Press a key ", shared.style(Slot::Title));
        let inner = Rect {
            x: area.x + 3,
            y: area.y + 1,
            width: area.width.saturating_sub(6),
            height: area.height.saturating_sub(2),
        };
        for (row, line) in lines.iter().enumerate() {
            put(buf, inner, 0, row as u16, line, shared.style(Slot::Fg));
        }
    }
}
