//! A form of one-line fields and choices. What looks like a key is taken out of a field the moment it is there, and said so.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::secret::looks_like_key;
use crate::tui::context::Shared;
use crate::tui::text::{put, put_all, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::field::Field;

/// What is said where a key was typed.
const REFUSED: &str = "That looks like a key, and keys are never kept here. Put it into an environment variable \
                       (export NAME=… in your shell's profile) and write NAME.";

/// A row.
pub(super) struct Row {
    /// Which setting.
    pub(super) name: &'static str,
    /// What stands before it.
    pub(super) label: &'static str,
    /// Its text, or the chosen word.
    pub(super) field: Field,
    /// Words to choose from; none: any text.
    pub(super) choices: &'static [&'static str],
    /// What is meant, in muted letters beside or below.
    pub(super) help: String,
}

/// A text row.
pub(super) fn text(name: &'static str, label: &'static str, value: &str, help: impl Into<String>) -> Row {
    Row {
        name,
        label,
        field: Field::holding(value),
        choices: &[],
        help: help.into(),
    }
}

/// A row of words to choose from.
pub(super) fn choice(
    name: &'static str,
    label: &'static str,
    choices: &'static [&'static str],
    value: &str,
    help: &str,
) -> Row {
    Row {
        choices,
        ..text(name, label, value, help)
    }
}

/// The rows, which one has the caret, and what is wrong.
#[derive(Default)]
pub(super) struct Form {
    pub(super) rows: Vec<Row>,
    pub(super) at: usize,
    pub(super) wrong: Option<(usize, String)>,
    /// A key was begun here: the rest of it is not taken either, until another key than a letter is pressed.
    refused: bool,
}

impl Form {
    pub(super) fn of(rows: Vec<Row>) -> Self {
        Self {
            rows,
            at: 0,
            wrong: None,
            refused: false,
        }
    }

    /// The text of a row.
    pub(super) fn value(&self, name: &str) -> &str {
        let row = self.rows.iter().find(|row| row.name == name);
        row.map_or("", |row| row.field.text().trim())
    }

    /// The next row; false at the last.
    pub(super) fn next(&mut self) -> bool {
        self.refused = false;
        let more = self.at + 1 < self.rows.len();
        self.at += usize::from(more);
        more
    }

    /// The row before; false at the first.
    pub(super) fn previous(&mut self) -> bool {
        self.refused = false;
        let more = self.at > 0;
        self.at -= usize::from(more);
        more
    }

    /// A key press. True if a text changed.
    pub(super) fn key(&mut self, key: &KeyEvent) -> bool {
        if self.refused && matches!(key.code, KeyCode::Char(_)) {
            return false;
        }
        self.refused = false;
        let Some(row) = self.rows.get_mut(self.at) else {
            return false;
        };
        if row.choices.is_empty() {
            let before = row.field.text().to_owned();
            row.field.key(key);
            let changed = before != row.field.text();
            if changed {
                self.changed();
            }
            return changed;
        }
        let all = row.choices;
        let now = all.iter().position(|word| *word == row.field.text()).unwrap_or(0);
        let then = match key.code {
            KeyCode::Right | KeyCode::Char(' ') => (now + 1) % all.len(),
            KeyCode::Left => (now + all.len() - 1) % all.len(),
            _ => return false,
        };
        row.field = Field::holding(all[then]);
        self.wrong = None;
        true
    }

    /// Pasted text, without the blanks and line feeds around it.
    pub(super) fn paste(&mut self, text: &str) {
        if let Some(row) = self.rows.get_mut(self.at).filter(|row| row.choices.is_empty()) {
            row.field.insert(text.trim());
            self.changed();
        }
    }

    /// Empties the field up to the caret.
    pub(super) fn delete_to_start(&mut self) {
        if let Some(row) = self.rows.get_mut(self.at).filter(|row| row.choices.is_empty()) {
            row.field.delete_to_start();
            self.wrong = None;
            self.refused = false;
        }
    }

    /// A key does not stay in a field, not for one frame.
    fn changed(&mut self) {
        self.wrong = None;
        let row = &mut self.rows[self.at];
        let parts = [' ', '/', '?', '&', '=', ':', '@', '.', ',', '"', '\''];
        let text = row.field.text();
        if looks_like_key(text) || text.split(parts).any(looks_like_key) {
            row.field = Field::default();
            self.refused = true;
            self.wrong = Some((self.at, REFUSED.to_owned()));
        }
    }

    /// Draws the rows from the top of `area`; says where the caret is and which row comes after them.
    pub(super) fn draw(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> (Option<Position>, u16) {
        let (fg, muted) = (shared.style(Slot::Fg), shared.style(Slot::Muted));
        let label = 20.min(area.width / 3);
        let mut caret = None;
        let mut y = 0;
        // Where not all rows fit, those around the caret do.
        let first = (self.at + 1).saturating_sub(usize::from(area.height.saturating_sub(4)).max(1));
        for (at, row) in self.rows.iter().enumerate().skip(first) {
            let here = at == self.at;
            let style = if here { shared.style(Slot::Accent) } else { muted };
            put(
                buf,
                area,
                0,
                y,
                if here { "▌" } else { " " },
                shared.style(Slot::Accent),
            );
            let name = Rect {
                width: (label + 1).min(area.width),
                ..area
            };
            put(buf, name, 2, y, row.label, style);
            if row.choices.is_empty() {
                let slot = Rect {
                    width: area.width.min(label + 2 + 48),
                    ..area
                };
                let position = row.field.draw(buf, slot, label + 2, y, fg);
                if row.field.text().is_empty() && !here {
                    put(buf, area, label + 2, y, &row.help, muted);
                }
                if here {
                    caret = Some(position);
                }
            } else {
                let mut x = label + 2;
                let all: usize = row.choices.iter().map(|word| word.len() + 3).sum();
                let fits = all <= usize::from(area.width.saturating_sub(label + 2));
                let shown = row
                    .choices
                    .iter()
                    .filter(|word| fits || **word == row.field.text());
                for word in shown {
                    let chosen = *word == row.field.text();
                    let shown = if chosen {
                        format!("[{word}]")
                    } else {
                        format!(" {word} ")
                    };
                    x += put(buf, area, x, y, &shown, if chosen { fg } else { muted }) + 1;
                }
            }
            y += 1;
            let mut say = |text: &str, slot: Slot| {
                for line in wrap(text, usize::from(area.width.saturating_sub(label + 4))) {
                    put_all(buf, area, label + 2, y, &[(&line, shared.style(slot))]);
                    y += 1;
                }
            };
            match &self.wrong {
                Some((wrong, text)) if *wrong == at => say(text, Slot::Error),
                _ if here && !row.help.is_empty() => say(&row.help, Slot::Muted),
                _ => {}
            }
        }
        (caret, y)
    }
}
