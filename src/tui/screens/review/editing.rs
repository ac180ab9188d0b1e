//! An answer while a person edits it, in place of the one that is shown.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::Widget;
use tui_textarea::TextArea;

use crate::core::api::ReviewItem;

use crate::tui::context::Shared;
use crate::tui::keys::Action;
use crate::tui::layout::top;
use crate::tui::text::{put_all, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::pane;

/// Rows for what is wrong with the text.
const WRONG_AT_MOST: usize = 3;

/// An answer while it is edited.
pub(super) struct Editing {
    /// The place it belongs to.
    pub(super) place: u32,
    pub(super) text: TextArea<'static>,
    /// What is wrong with it.
    pub(super) error: Option<String>,
    /// It has the caret.
    pub(super) typing: bool,
    /// It is on its way: the sample is decided when it was taken.
    pub(super) sent: bool,
}

impl Editing {
    /// The last answer of a place: JSON in lines, other text as it is.
    pub(super) fn of(item: &ReviewItem) -> Self {
        let step = item.sample.steps.last();
        let value = step.and_then(|step| step.value.as_ref());
        let text = value.map_or_else(
            || step.map_or_else(String::new, |step| step.text.clone()),
            |value| serde_json::to_string_pretty(value).unwrap_or_default(),
        );
        let mut area = TextArea::new(text.lines().map(str::to_owned).collect());
        area.set_tab_length(2);
        Self {
            place: item.place.place,
            text: area,
            error: None,
            typing: true,
            sent: false,
        }
    }

    /// A change by an action of the table.
    pub(super) fn change(&mut self, action: Action) {
        match action {
            Action::UndoText => self.text.undo(),
            Action::RedoText => self.text.redo(),
            _ => self.text.delete_line_by_head(),
        };
    }

    /// The text in the colours of the theme.
    pub(super) fn dress(&mut self, shared: &Shared) {
        self.text.set_style(shared.style(Slot::Fg));
        self.text.set_selection_style(shared.theme.selection());
        self.text.set_cursor_line_style(Style::new());
        self.text.set_cursor_style(shared.theme.selection());
    }

    /// Draws it; says where the caret is.
    pub(super) fn draw(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let inner = pane(buf, area, "Response · editing", "ctrl-s accepts", true, shared);
        let width = usize::from(inner.width.saturating_sub(2));
        let wrong = self
            .error
            .as_deref()
            .map_or(Vec::new(), |error| wrap(error, width));
        let shown = wrong.len().min(WRONG_AT_MOST) as u16;
        let (text, below) = top(inner, inner.height.saturating_sub(shown));
        let style = shared.style(Slot::Error);
        for (row, line) in (0..shown).zip(&wrong) {
            let mark = if row == 0 { "✗ " } else { "  " };
            put_all(buf, below, 0, row, &[(mark, style), (line, style)]);
        }
        (&self.text).render(text, buf);
        let (caret, (top, left)) = (self.text.screen_cursor(), self.text.scroll_offset());
        let row = caret.row.checked_sub(usize::from(top))? as u16;
        let column = caret.col.checked_sub(usize::from(left))? as u16;
        let at = Position::new(text.x + self.text.line_number_width() + column, text.y + row);
        text.contains(at).then_some(at)
    }
}
