//! A text field of one line.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::tui::text::put;

/// Text with a caret in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Field {
    text: String,
    /// Byte index of the caret, at a grapheme boundary.
    caret: usize,
}

impl Field {
    /// A field that holds `text`, the caret behind it.
    pub(crate) fn holding(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            caret: text.len(),
        }
    }

    /// The same with the caret at that byte, which begins a letter.
    pub(crate) fn at(text: &str, caret: usize) -> Self {
        Self {
            text: text.to_owned(),
            caret: if text.is_char_boundary(caret) {
                caret
            } else {
                text.len()
            },
        }
    }

    /// The byte the caret is at.
    pub(crate) fn caret(&self) -> usize {
        self.caret
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Types. Control characters are left out.
    pub(crate) fn insert(&mut self, text: &str) {
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        self.text.insert_str(self.caret, &text);
        self.caret += text.len();
    }

    /// Deletes from the start to the caret.
    pub(crate) fn delete_to_start(&mut self) {
        self.text.drain(..self.caret);
        self.caret = 0;
    }

    /// A key press: letters, deletion, movement. False if it means nothing here.
    pub(crate) fn key(&mut self, key: &KeyEvent) -> bool {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match (key.code, ctrl) {
            (KeyCode::Char('a'), true) | (KeyCode::Home, _) => self.caret = 0,
            (KeyCode::Char('e'), true) | (KeyCode::End, _) => self.caret = self.text.len(),
            (KeyCode::Char('w'), true) => {
                let head = self.text[..self.caret].trim_end();
                let from = head.rfind(char::is_whitespace).map_or(0, |at| at + 1);
                let from = self.text[..from].len().min(self.caret);
                self.text.drain(from..self.caret);
                self.caret = from;
            }
            (KeyCode::Char('k'), true) => self.text.truncate(self.caret),
            (KeyCode::Char(letter), false) if !key.modifiers.contains(KeyModifiers::ALT) => {
                self.insert(letter.encode_utf8(&mut [0; 4]));
            }
            (KeyCode::Backspace, _) => {
                let from = self.before();
                self.text.drain(from..self.caret);
                self.caret = from;
            }
            (KeyCode::Delete, _) => {
                let to = self.after();
                self.text.drain(self.caret..to);
            }
            (KeyCode::Left, _) => self.caret = self.before(),
            (KeyCode::Right, _) => self.caret = self.after(),
            _ => return false,
        }
        true
    }

    fn before(&self) -> usize {
        self.text[..self.caret]
            .grapheme_indices(true)
            .next_back()
            .map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        let next = self.text[self.caret..].graphemes(true).next();
        self.caret + next.map_or(0, str::len)
    }

    /// Draws it on a row of `area` from `at` on, scrolled so that the caret is seen; says where the caret is.
    pub(crate) fn draw(&self, buf: &mut Buffer, area: Rect, at: u16, row: u16, style: Style) -> Position {
        let room = usize::from(area.width.saturating_sub(at + 1));
        let mut head = &self.text[..self.caret];
        while head.width() > room {
            let first = head.graphemes(true).next().map_or(head.len(), str::len);
            head = &head[first..];
        }
        let start = self.caret - head.len();
        put(buf, area, at, row, &self.text[start..], style);
        Position::new(area.x + at + head.width() as u16, area.y + row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(field: &mut Field, code: KeyCode, modifiers: KeyModifiers) {
        field.key(&KeyEvent::new(code, modifiers));
    }

    #[test]
    fn editing_keeps_graphemes_whole() {
        let mut field = Field::holding("one e\u{301}");
        typed(&mut field, KeyCode::Backspace, KeyModifiers::NONE);
        assert_eq!(field.text(), "one ");
        typed(&mut field, KeyCode::Char('w'), KeyModifiers::CONTROL);
        assert_eq!(field.text(), "");
        field.insert("two\nthree\u{1b}");
        assert_eq!(field.text(), "twothree");
        typed(&mut field, KeyCode::Home, KeyModifiers::NONE);
        typed(&mut field, KeyCode::Delete, KeyModifiers::NONE);
        assert_eq!(field.text(), "wothree");
    }
}
