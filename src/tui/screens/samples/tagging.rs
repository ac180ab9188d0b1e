//! Tags being typed: words that come, words with a minus that go, and those that are known under the caret.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use crate::core::tags::TagChange;
use crate::core::text::grouped;

use crate::tui::context::Shared;
use crate::tui::text::{put, put_right};
use crate::tui::theme::Slot;
use crate::tui::widgets::field::Field;

use super::menu::{frame, mark};

/// Words offered at once.
const OFFERED: usize = 6;

/// What is typed about tags.
pub(super) struct Tagging {
    field: Field,
    wrong: Option<String>,
    /// Tags the sample has.
    on: Vec<String>,
    chosen: usize,
}

impl Tagging {
    /// For a sample that has these tags; for many, which may have any, none are named.
    pub(super) fn of(on: &[String]) -> Self {
        Self {
            field: Field::default(),
            wrong: None,
            on: on.to_vec(),
            chosen: 0,
        }
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

    fn changed(&mut self) {
        self.wrong = None;
        self.chosen = 0;
    }

    /// The next or the previous offer.
    pub(super) fn choose(&mut self, down: bool, known: &[(String, u64)]) {
        let many = self.offers(known).len().max(1);
        self.chosen = (self.chosen + if down { 1 } else { many - 1 }) % many;
    }

    /// Takes the chosen offer into the text.
    pub(super) fn complete(&mut self, known: &[(String, u64)]) {
        let Some((word, _)) = self.offers(known).into_iter().nth(self.chosen) else {
            return;
        };
        let caret = self.field.caret();
        let (head, tail) = self.field.text().split_at(caret);
        let head = format!("{}{word} ", &head[..head.len() - self.word().len()]);
        self.field = Field::at(&format!("{head}{}", tail.trim_start()), head.len());
        self.changed();
    }

    /// What is to come and to go, if it can be read.
    pub(super) fn apply(&mut self) -> Option<TagChange> {
        match TagChange::parse(self.field.text()) {
            Ok(change) => Some(change),
            Err(why) => {
                self.wrong = Some(why);
                None
            }
        }
    }

    /// The word before the caret.
    fn word(&self) -> &str {
        let head = &self.field.text()[..self.field.caret()];
        head.rsplit([' ', ',']).next().unwrap_or_default()
    }

    /// Words that may stand at the caret: known tags it has not, then its own to be taken off.
    fn offers(&self, known: &[(String, u64)]) -> Vec<(String, String)> {
        let typed = self.word();
        let comes = known
            .iter()
            .filter(|(tag, _)| !self.on.contains(tag))
            .map(|(tag, many)| (tag.clone(), grouped(*many)));
        let goes = self
            .on
            .iter()
            .map(|tag| (format!("-{tag}"), "takes it off".to_owned()));
        let fits = |(word, _): &(String, String)| word.starts_with(typed) && word != typed;
        comes.chain(goes).filter(fits).collect()
    }

    /// Draws it on the first row of `area`, what is wrong or offered under it; says where the caret is.
    pub(super) fn view(
        &self,
        area: Rect,
        known: &[(String, u64)],
        shared: &Shared,
        buf: &mut Buffer,
    ) -> Position {
        let at = 1 + put(buf, area, 1, 0, "Tags: ", shared.style(Slot::Accent));
        let caret = self.field.draw(buf, area, at, 0, shared.style(Slot::Match));
        let screen = Rect::new(0, 0, shared.size.width, shared.size.height);
        let offers = self.offers(known);
        let said: Vec<(String, String)> = match &self.wrong {
            Some(wrong) => vec![(format!("✗ {wrong}"), String::new())],
            None if offers.is_empty() => {
                vec![("Words come, words with a minus go.".to_owned(), String::new())]
            }
            None => offers,
        };
        let line = |(word, note): &(String, String)| word.width() + note.width() + 7;
        let widest = said.iter().map(line).max().unwrap_or(0).max(32);
        let width = (widest as u16).min(screen.width.saturating_sub(2));
        let height = said.len().min(OFFERED) as u16 + 2;
        let x = caret.x.min(screen.width.saturating_sub(width));
        if caret.y + 1 + height > screen.height {
            return caret;
        }
        let area = Rect::new(x, caret.y + 1, width, height);
        let inner = frame("tag comes · -tag goes", area, shared, buf);
        let from = self.chosen.saturating_sub(OFFERED - 1);
        let slot = if self.wrong.is_some() {
            Slot::Error
        } else {
            Slot::Fg
        };
        for (row, (at, (word, note))) in said.iter().enumerate().skip(from).take(OFFERED).enumerate() {
            let row = row as u16;
            put(buf, inner, 2, row, word, shared.style(slot));
            put_right(buf, inner, row, &format!("{note} "), shared.style(Slot::Muted));
            if at == self.chosen && !note.is_empty() {
                mark(inner, row, shared, buf);
            }
        }
        caret
    }
}
