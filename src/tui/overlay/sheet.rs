//! A small form over a screen: a few fields of text and choices, and what they are for. It collects values; what they mean is
//! decided by [`crate::tui::screens::forms`].

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Block, BorderType, Clear, Widget};
use unicode_width::UnicodeWidthStr;

use crate::tui::context::Shared;
use crate::tui::keys::{Action, SHEET};
use crate::tui::layout::centred;
use crate::tui::screens::forms::Purpose;
use crate::tui::text::{put, put_all, put_right, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::turned;
use crate::tui::widgets::field::Field;

use super::{Dialog, Outcome};

/// What a field takes.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    /// A line of text.
    Text(Field),
    /// One of these words.
    Choice(Vec<String>, usize),
}

/// A field.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// What it is.
    pub(crate) label: String,
    /// What it holds.
    pub(crate) input: Input,
    /// A word about it.
    pub(crate) note: String,
}

impl Entry {
    /// A line of text that holds `text`.
    pub(crate) fn text(label: impl Into<String>, text: &str, note: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            input: Input::Text(Field::holding(text)),
            note: note.into(),
        }
    }

    /// One of these words, the first at first.
    pub(crate) fn choice(label: impl Into<String>, words: &[&str]) -> Self {
        Self {
            label: label.into(),
            input: Input::Choice(words.iter().map(|word| (*word).to_owned()).collect(), 0),
            note: String::new(),
        }
    }

    fn value(&self) -> &str {
        match &self.input {
            Input::Text(field) => field.text(),
            Input::Choice(words, at) => words.get(*at).map_or("", String::as_str),
        }
    }
}

/// A small form.
#[derive(Debug, Clone)]
pub(crate) struct Sheet {
    title: String,
    lines: Vec<String>,
    entries: Vec<Entry>,
    focus: usize,
    purpose: Purpose,
    /// What is wrong with the values.
    problem: Option<String>,
    opened: Duration,
}

impl Sheet {
    /// A form for that purpose; the first field has the caret.
    pub(crate) fn new(
        shared: &Shared,
        title: impl Into<String>,
        lines: Vec<String>,
        entries: Vec<Entry>,
        purpose: Purpose,
    ) -> Self {
        Self {
            title: title.into(),
            lines,
            entries,
            focus: 0,
            purpose,
            problem: None,
            opened: shared.now,
        }
    }

    /// Takes a key; an outcome closes the form.
    pub(crate) fn key(&mut self, key: &KeyEvent, chord: &str, shared: &Shared) -> Option<Outcome> {
        if shared.now < self.opened + Dialog::DEAF && key.code == KeyCode::Enter {
            return None;
        }
        let count = self.entries.len();
        let entry = self.entries.get_mut(self.focus)?;
        let step = match shared.keymap.find(&SHEET, chord) {
            Some(Action::Press) => {
                let values: Vec<&str> = self.entries.iter().map(Entry::value).collect();
                match self.purpose.outcome(&values, shared) {
                    Ok(outcome) => return Some(outcome),
                    Err(problem) => self.problem = Some(problem),
                }
                return None;
            }
            Some(Action::Back) => return Some(Outcome::Close),
            Some(Action::NextButton) => {
                self.focus = turned(self.focus, count, true);
                return None;
            }
            Some(Action::PreviousButton) => {
                self.focus = turned(self.focus, count, false);
                return None;
            }
            Some(Action::DeleteToStart) => {
                if let Input::Text(field) = &mut entry.input {
                    field.delete_to_start();
                }
                return None;
            }
            Some(Action::Older) => Some(false),
            Some(Action::Newer) => Some(true),
            _ => (chord == "space").then_some(true),
        };
        self.problem = None;
        match &mut entry.input {
            Input::Text(field) => {
                field.key(key);
            }
            Input::Choice(words, at) => {
                if let Some(forward) = step {
                    *at = turned(*at, words.len(), forward);
                }
            }
        }
        None
    }

    /// Takes pasted text.
    pub(crate) fn paste(&mut self, text: &str) {
        if let Some(Entry {
            input: Input::Text(field),
            ..
        }) = self.entries.get_mut(self.focus)
        {
            field.insert(text);
        }
    }

    /// Draws it in the middle; says where the caret is.
    pub(crate) fn view(&self, shared: &Shared, buf: &mut Buffer) -> Position {
        let width = 64.min(shared.size.width.saturating_sub(2));
        let room = usize::from(width.saturating_sub(6));
        let lines: Vec<String> = self.lines.iter().flat_map(|line| wrap(line, room)).collect();
        let problem: Vec<String> = self
            .problem
            .iter()
            .flat_map(|problem| wrap(problem, room))
            .collect();
        let fixed = self.entries.len() + 3;
        let wanted = fixed + lines.len() + usize::from(!lines.is_empty()) + problem.len();
        let area = centred(shared.size, width, wanted as u16);
        Clear.render(area, buf);
        Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(shared.style(Slot::BorderFocus))
            .render(area, buf);
        let title = format!(" {} ", self.title);
        put(buf, area, 2, 0, &title, shared.style(Slot::Title));
        let inner = Rect {
            x: area.x + 3,
            y: area.y + 1,
            width: area.width.saturating_sub(6),
            height: area.height.saturating_sub(2),
        };
        // Where room is short the words give way, never the fields.
        let spare = usize::from(inner.height).saturating_sub(self.entries.len() + 1);
        let said: Vec<(&String, Slot)> = problem
            .iter()
            .map(|line| (line, Slot::Error))
            .chain(lines.iter().map(|line| (line, Slot::Fg)))
            .take(spare.saturating_sub(1))
            .collect();
        for (row, (line, slot)) in said.iter().enumerate() {
            put(buf, inner, 0, row as u16, line, shared.style(*slot));
        }
        let first = (said.len() + usize::from(!said.is_empty())) as u16;
        let last = inner.height.saturating_sub(1);
        put_all(
            buf,
            inner,
            0,
            last,
            &[
                ("enter", shared.style(Slot::Accent)),
                (" ", shared.style(Slot::Muted)),
                (self.purpose.verb(), shared.style(Slot::Muted)),
                ("   esc", shared.style(Slot::Accent)),
                (" close", shared.style(Slot::Muted)),
            ],
        );
        self.fields(shared, buf, inner, first)
    }

    fn fields(&self, shared: &Shared, buf: &mut Buffer, inner: Rect, first: u16) -> Position {
        let widest = self.entries.iter().map(|entry| entry.label.width()).max();
        let at = widest.unwrap_or_default().min(24) as u16 + 2;
        // With more fields than rows, those around the focus are seen.
        let rows = usize::from(inner.height.saturating_sub(first + 1)).max(1);
        let skip = (self.focus + 1).saturating_sub(rows);
        let mut caret = Position::new(inner.x, inner.y);
        for (row, (place, entry)) in self.entries.iter().enumerate().skip(skip).take(rows).enumerate() {
            let row = first + row as u16;
            let focused = place == self.focus;
            let style = shared.style(if focused { Slot::Accent } else { Slot::Fg });
            if focused {
                let margin = Rect {
                    x: inner.x.saturating_sub(1),
                    ..inner
                };
                put(buf, margin, 0, row, "▌", shared.style(Slot::Accent));
            }
            put(buf, inner, 0, row, &entry.label, shared.style(Slot::Muted));
            match &entry.input {
                Input::Text(field) => {
                    let end = field.draw(buf, inner, at, row, style);
                    if focused {
                        caret = end;
                    }
                }
                Input::Choice(words, chosen) => {
                    let word = words.get(*chosen).map_or("", String::as_str);
                    put_all(
                        buf,
                        inner,
                        at,
                        row,
                        &[("‹ ", style), (word, style), (" ›", style)],
                    );
                    if focused {
                        caret = Position::new(inner.x + at, inner.y + row);
                    }
                }
            }
            let used = at + entry.value().width() as u16 + 6;
            if entry.note.width() as u16 + used < inner.width {
                put_right(buf, inner, row, &entry.note, shared.style(Slot::Muted));
            }
        }
        caret
    }
}
