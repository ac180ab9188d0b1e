//! A row of names, one of them open.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use crate::tui::context::Shared;
use crate::tui::text::put;
use crate::tui::theme::Slot;

/// Draws names with the open one in brackets.
pub(crate) fn tabs(buf: &mut Buffer, area: Rect, names: &[(String, bool)], shared: &Shared) {
    for ((at, text), (_, open)) in places(area, names).zip(names) {
        let slot = if *open { Slot::Title } else { Slot::Muted };
        put(buf, area, at, 0, &text, shared.style(slot));
    }
}

/// Which of the names is at a column of their row.
pub(crate) fn tab_at(area: Rect, names: &[(String, bool)], column: u16) -> Option<usize> {
    places(area, names).position(|(at, text)| (at..at + text.width() as u16).contains(&column))
}

/// Where each name begins, and how it is written.
fn places(area: Rect, names: &[(String, bool)]) -> impl Iterator<Item = (u16, String)> {
    let gap = if area.width >= 100 { 2 } else { 1 };
    names.iter().scan(1, move |next, (name, open)| {
        let text = if *open { format!("[{name}]") } else { name.clone() };
        let at = *next;
        *next += text.width() as u16 + gap;
        Some((at, text))
    })
}
