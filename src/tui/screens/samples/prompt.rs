//! The filter while it is typed: what is wrong with it and where, and what may stand at the caret.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use crate::core::api::SampleQuery;
use crate::core::filter::{Completion, FilterError, complete};

use crate::tui::context::Shared;
use crate::tui::text::put;
use crate::tui::theme::Slot;
use crate::tui::widgets::field::Field;

use super::menu::{frame, mark};

/// Words offered at once.
const OFFERED: usize = 6;

/// A filter being typed.
pub(super) struct Prompt {
    field: Field,
    wrong: Option<FilterError>,
    known: Vec<(&'static str, Vec<String>)>,
    offered: Completion,
    chosen: usize,
    /// Nothing is offered until something is typed.
    touched: bool,
}

impl Prompt {
    /// The filter in force, to be changed. `known` names jobs and teachers.
    pub(super) fn holding(text: &str, known: Vec<(&'static str, Vec<String>)>) -> Self {
        let text = if text.is_empty() {
            String::new()
        } else {
            format!("{text} ")
        };
        Self {
            field: Field::holding(&text),
            wrong: None,
            known,
            offered: Completion {
                from: 0,
                words: Vec::new(),
            },
            chosen: 0,
            touched: false,
        }
    }

    /// More words that a filter may ask for.
    pub(super) fn learn(&mut self, key: &'static str, words: Vec<String>) {
        self.known.retain(|(known, _)| *known != key);
        self.known.push((key, words));
        self.offered = complete(self.field.text(), self.field.caret(), &self.known);
    }

    pub(super) fn text(&self) -> &str {
        self.field.text().trim()
    }

    fn changed(&mut self) {
        self.wrong = None;
        self.touched = true;
        self.chosen = 0;
        self.offered = complete(self.field.text(), self.field.caret(), &self.known);
    }

    pub(super) fn key(&mut self, key: &KeyEvent) {
        if self.field.key(key) {
            self.changed();
        }
    }

    pub(super) fn insert(&mut self, text: &str) {
        self.field.insert(text);
        self.changed();
    }

    pub(super) fn delete_to_start(&mut self) {
        self.field.delete_to_start();
        self.changed();
    }

    /// The next or the previous offer.
    pub(super) fn choose(&mut self, down: bool) {
        let many = self.offered.words.len().max(1);
        self.chosen = if down {
            self.chosen + 1
        } else {
            self.chosen + many - 1
        } % many;
    }

    /// Takes the chosen offer into the text.
    pub(super) fn complete(&mut self) {
        if !self.touched {
            self.changed();
        }
        let Some((word, _)) = self.offered.words.get(self.chosen) else {
            return;
        };
        let (head, tail) = self.field.text().split_at(self.field.caret());
        let head = head.get(..self.offered.from).unwrap_or(head);
        let ends = !word.ends_with([':', '.']);
        let space = if ends && !tail.starts_with(' ') { " " } else { "" };
        let head = format!("{head}{word}{space}");
        self.field = Field::at(&format!("{head}{tail}"), head.len());
        self.changed();
    }

    /// The filter, if it can be read.
    pub(super) fn apply(&mut self) -> Option<SampleQuery> {
        match SampleQuery::parse(self.text()) {
            Ok(query) => Some(query),
            Err(error) => {
                self.wrong = Some(error);
                None
            }
        }
    }

    /// Draws it on the first row of `area`, what is wrong or offered under it; says where the caret is.
    pub(super) fn view(&self, area: Rect, shared: &Shared, buf: &mut Buffer) -> Position {
        let text = shared.style(Slot::Match);
        put(buf, area, 1, 0, "/ ", text);
        let caret = self.field.draw(buf, area, 3, 0, text);
        let screen = Rect::new(0, 0, shared.size.width, shared.size.height);
        if let Some(wrong) = &self.wrong {
            let before: String = self.field.text().chars().take(wrong.column - 1).collect();
            let column = 3 + before.width() as u16;
            let below = Rect {
                y: area.y + 1,
                height: 1,
                ..screen
            };
            put(
                buf,
                below,
                0,
                0,
                &" ".repeat(usize::from(screen.width)),
                shared.style(Slot::Error),
            );
            let at = column.min(screen.width / 3);
            put(
                buf,
                below,
                at,
                0,
                &format!("^ {}", wrong.message),
                shared.style(Slot::Error),
            );
            return caret;
        }
        if self.touched && !self.offered.words.is_empty() {
            self.offers(caret, screen, shared, buf);
        }
        caret
    }

    fn offers(&self, caret: Position, screen: Rect, shared: &Shared, buf: &mut Buffer) {
        let many = self.offered.words.len();
        let from = self.chosen.saturating_sub(OFFERED - 1);
        let width = |(word, help): &(String, String)| word.width() + help.width() + 7;
        let widest = self.offered.words.iter().map(width).max().unwrap_or(0).max(20);
        let width = (widest as u16).min(screen.width.saturating_sub(2));
        let height = many.min(OFFERED) as u16 + 2;
        let x = caret.x.min(screen.width.saturating_sub(width));
        if caret.y + 1 + height > screen.height {
            return;
        }
        let area = Rect::new(x, caret.y + 1, width, height);
        let inner = frame("tab takes it", area, shared, buf);
        for (row, (at, (word, help))) in self
            .offered
            .words
            .iter()
            .enumerate()
            .skip(from)
            .take(OFFERED)
            .enumerate()
        {
            let row = row as u16;
            let end = 2 + put(buf, inner, 2, row, word, shared.style(Slot::Fg));
            put(buf, inner, end + 2, row, help, shared.style(Slot::Muted));
            if at == self.chosen {
                mark(inner, row, shared, buf);
            }
        }
    }
}
