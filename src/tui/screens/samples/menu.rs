//! A small menu over the list: one line an entry, each with its digit. What choosing means is the screen's business.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::widgets::{Block, BorderType, Clear, Widget};
use unicode_width::UnicodeWidthStr;

use crate::tui::context::Shared;
use crate::tui::keys::Action;
use crate::tui::layout::centred;
use crate::tui::text::{put, put_right};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;

/// What is chosen from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Reject,
    Sort,
    Bulk,
    Copy,
}

/// A menu.
pub(super) struct Menu {
    pub(super) kind: Kind,
    title: String,
    entries: Vec<(String, String)>,
    cursor: Cursor,
}

impl Menu {
    pub(super) fn new(
        kind: Kind,
        title: impl Into<String>,
        entries: Vec<(String, String)>,
        at: usize,
    ) -> Self {
        let mut cursor = Cursor {
            selected: at,
            offset: 0,
        };
        cursor.clamp(entries.len(), entries.len());
        Self {
            kind,
            title: title.into(),
            entries,
            cursor,
        }
    }

    /// Moves, or chooses an entry: its place.
    pub(super) fn act(&mut self, action: Action, shared: &Shared) -> Option<usize> {
        let page = usize::from(self.area(shared.size).height.saturating_sub(2));
        match action {
            Action::Press => return Some(self.cursor.selected),
            Action::Pick(digit) => {
                let at = usize::from(digit).checked_sub(1)?;
                return (at < self.entries.len()).then_some(at);
            }
            movement => self.cursor.act(movement, self.entries.len(), page),
        };
        None
    }

    fn area(&self, size: Size) -> Rect {
        let line = |(label, note): &(String, String)| label.width() + note.width() + 11;
        let widest = self.entries.iter().map(line).max().unwrap_or(0);
        let width = widest
            .max(self.title.width() + 8)
            .min(usize::from(size.width) - 2);
        let height = self.entries.len() + 2;
        centred(
            size,
            width as u16,
            height.min(usize::from(size.height) - 1) as u16,
        )
    }

    pub(super) fn view(&self, shared: &Shared, buf: &mut Buffer) {
        let area = self.area(shared.size);
        let inner = frame(&self.title, area, shared, buf);
        let rows = self.entries.iter().enumerate().skip(self.cursor.offset);
        for (row, (at, (label, note))) in rows.take(usize::from(inner.height)).enumerate() {
            let row = row as u16;
            put(
                buf,
                inner,
                2,
                row,
                &format!("{}", at + 1),
                shared.style(Slot::Accent),
            );
            put(buf, inner, 5, row, label, shared.style(Slot::Fg));
            put_right(buf, inner, row, &format!("{note} "), shared.style(Slot::Muted));
            if at == self.cursor.selected {
                mark(inner, row, shared, buf);
            }
        }
    }
}

/// A frame over whatever is there; says what is inside.
pub(super) fn frame(title: &str, area: Rect, shared: &Shared, buf: &mut Buffer) -> Rect {
    Clear.render(area, buf);
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(shared.style(Slot::BorderFocus))
        .render(area, buf);
    put(buf, area, 2, 0, &format!(" {title} "), shared.style(Slot::Title));
    Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    }
}

/// Marks a row of it as selected.
pub(super) fn mark(inner: Rect, row: u16, shared: &Shared, buf: &mut Buffer) {
    put(buf, inner, 0, row, "▌", shared.style(Slot::Accent));
    let line = Rect {
        y: inner.y + row,
        height: 1,
        ..inner
    };
    buf.set_style(line, shared.theme.selection());
}
