//! A place in a list: which row is selected and which is the first one shown. Moved in `update`, read in `view`.

use crate::tui::keys::Action;

/// The selected row and the first one shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The selected row.
    pub(crate) selected: usize,
    /// The first row shown.
    pub(crate) offset: usize,
}

impl Cursor {
    /// Moves in a list of `rows`, of which `page` are shown. False if the action is no movement.
    pub(crate) fn act(&mut self, action: Action, rows: usize, page: usize) -> bool {
        let page = page.max(1);
        let last = rows.saturating_sub(1);
        self.selected = match action {
            Action::Down => self.selected + 1,
            Action::Up => self.selected.saturating_sub(1),
            Action::First => 0,
            Action::Last => last,
            Action::HalfDown => self.selected + page.div_ceil(2),
            Action::HalfUp => self.selected.saturating_sub(page.div_ceil(2)),
            Action::PageDown => self.selected + page,
            Action::PageUp => self.selected.saturating_sub(page),
            _ => return false,
        };
        self.clamp(rows, page);
        true
    }

    /// Turns the list so many rows down (up: negative); what is selected stays where it is as long as it is shown.
    pub(crate) fn wheel(&mut self, turned: i16, rows: usize, page: usize) {
        let page = page.max(1);
        let last = rows.saturating_sub(page);
        self.offset = self.offset.saturating_add_signed(turned.into()).min(last);
        let end = (self.offset + page).min(rows).saturating_sub(1);
        self.selected = self.selected.clamp(self.offset.min(end), end);
    }

    /// Selects the row shown at this place of the page. False if there is none.
    pub(crate) fn click(&mut self, shown: usize, rows: usize) -> bool {
        let row = self.offset + shown;
        if row < rows {
            self.selected = row;
        }
        row < rows
    }

    /// Brings it back into a list that changed.
    pub(crate) fn clamp(&mut self, rows: usize, page: usize) {
        let page = page.max(1);
        self.selected = self.selected.min(rows.saturating_sub(1));
        self.offset = self.offset.min(rows.saturating_sub(page));
        self.offset = self
            .offset
            .min(self.selected)
            .max((self.selected + 1).saturating_sub(page));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selected_row_is_always_shown() {
        let mut cursor = Cursor::default();
        for action in [
            Action::Last,
            Action::Up,
            Action::HalfUp,
            Action::PageDown,
            Action::First,
            Action::Down,
        ] {
            assert!(cursor.act(action, 50, 10));
            assert!(cursor.selected < 50);
            assert!((cursor.offset..cursor.offset + 10).contains(&cursor.selected));
        }
        cursor.clamp(0, 10);
        assert_eq!(cursor, Cursor::default());
    }

    #[test]
    fn the_wheel_turns_the_list_and_keeps_what_is_selected_in_sight() {
        let mut cursor = Cursor::default();
        cursor.wheel(3, 50, 10);
        assert_eq!((cursor.offset, cursor.selected), (3, 3));
        cursor.wheel(100, 50, 10);
        assert_eq!((cursor.offset, cursor.selected), (40, 40));
        cursor.wheel(-3, 50, 10);
        assert_eq!((cursor.offset, cursor.selected), (37, 40));
        assert!(cursor.click(0, 50) && cursor.selected == 37);
        assert!(!cursor.click(30, 50) && cursor.selected == 37);
        cursor.wheel(3, 0, 10);
        assert_eq!((cursor.offset, cursor.selected), (0, 0));
    }
}
