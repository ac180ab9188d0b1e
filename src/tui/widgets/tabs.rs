//! A row of names, one of them open.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::context::Shared;
use crate::tui::text::put;
use crate::tui::theme::Slot;

/// Draws names with the open one in brackets.
pub(crate) fn tabs(buf: &mut Buffer, area: Rect, names: &[(String, bool)], shared: &Shared) {
    let gap = if area.width >= 100 { 2 } else { 1 };
    let mut at = 1;
    for (name, open) in names {
        let (text, slot) = if *open {
            (format!("[{name}]"), Slot::Title)
        } else {
            (name.clone(), Slot::Muted)
        };
        at += put(buf, area, at, 0, &text, shared.style(slot)) + gap;
    }
}
