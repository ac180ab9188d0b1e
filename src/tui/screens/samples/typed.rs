//! One line of a small language while it is typed: what is wrong with it and where, and what may stand at the caret. Which words
//! there are and what they mean is the language's business.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use crate::core::filter::{Completion, FilterError};

use crate::tui::context::Shared;
use crate::tui::text::put;
use crate::tui::theme::Slot;
use crate::tui::widgets::field::Field;

use super::menu::{frame, mark};

/// Words offered at once.
const OFFERED: usize = 6;
/// Columns of their frame at least.
const NARROWEST: usize = 32;

/// What may be typed on the line.
pub(super) trait Language {
    /// What a line says.
    type Meaning;
    /// Stands before the text.
    const HEAD: &'static str;
    /// Stands over the words that are offered.
    const TITLE: &'static str;
    /// Said where no word is; then it is also offered before anything is typed.
    const HINT: Option<&'static str>;

    /// Reads a line.
    fn read(&self, text: &str) -> Result<Self::Meaning, FilterError>;
    /// What may stand at the caret (a byte).
    fn offers(&self, text: &str, caret: usize) -> Completion;
}

/// A line being typed.
pub(super) struct Typed<L> {
    language: L,
    field: Field,
    wrong: Option<FilterError>,
    /// Nothing is offered before there is a reason to.
    offered: Option<Completion>,
    chosen: usize,
}

impl<L: Language> Typed<L> {
    /// A line that holds that text, to be changed.
    pub(super) fn holding(text: &str, language: L) -> Self {
        let mut typed = Self {
            language,
            field: Field::holding(text),
            wrong: None,
            offered: None,
            chosen: 0,
        };
        if L::HINT.is_some() {
            typed.offer();
        }
        typed
    }

    /// The language learns words.
    pub(super) fn teach(&mut self, teach: impl FnOnce(&mut L)) {
        teach(&mut self.language);
        if self.offered.is_some() {
            self.offer();
        }
    }

    pub(super) fn text(&self) -> &str {
        self.field.text().trim()
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
        self.offer();
    }

    fn offer(&mut self) {
        let offered = self.language.offers(self.field.text(), self.field.caret());
        self.chosen = self.chosen.min(offered.words.len().saturating_sub(1));
        self.offered = Some(offered);
    }

    fn words(&self) -> &[(String, String)] {
        self.offered.as_ref().map_or(&[], |offered| &offered.words)
    }

    /// The next or the previous offer.
    pub(super) fn choose(&mut self, down: bool) {
        let many = self.words().len().max(1);
        self.chosen = (self.chosen + if down { 1 } else { many - 1 }) % many;
    }

    /// Takes the chosen offer into the text.
    pub(super) fn complete(&mut self) {
        if self.offered.is_none() {
            self.changed();
        }
        let Some(offered) = &self.offered else {
            return;
        };
        let Some((word, _)) = offered.words.get(self.chosen) else {
            return;
        };
        let (head, tail) = self.field.text().split_at(self.field.caret());
        let head = head.get(..offered.from).unwrap_or(head);
        // Behind a key its value goes on; behind everything else a new word begins.
        let (space, tail) = if word.ends_with([':', '.']) {
            ("", tail)
        } else {
            (" ", tail.trim_start())
        };
        let head = format!("{head}{word}{space}");
        self.field = Field::at(&format!("{head}{tail}"), head.len());
        self.changed();
    }

    /// What the line says, if it can be read.
    pub(super) fn apply(&mut self) -> Option<L::Meaning> {
        match self.language.read(self.text()) {
            Ok(meaning) => Some(meaning),
            Err(wrong) => {
                self.wrong = Some(wrong);
                None
            }
        }
    }

    /// Draws it on the first row of `area`, what is wrong or offered under it; says where the caret is.
    pub(super) fn view(&self, area: Rect, shared: &Shared, buf: &mut Buffer) -> Position {
        let head = if L::HINT.is_some() {
            Slot::Accent
        } else {
            Slot::Match
        };
        let at = 1 + put(buf, area, 1, 0, L::HEAD, shared.style(head));
        let caret = self.field.draw(buf, area, at, 0, shared.style(Slot::Match));
        let screen = Rect::new(0, 0, shared.size.width, shared.size.height);
        match &self.wrong {
            Some(wrong) => {
                let below = Rect {
                    y: area.y + 1,
                    height: 1,
                    ..screen
                };
                self.view_wrong(wrong, at, below, shared, buf);
            }
            None => self.view_offers(caret, screen, shared, buf),
        }
        caret
    }

    fn view_wrong(&self, wrong: &FilterError, at: u16, below: Rect, shared: &Shared, buf: &mut Buffer) {
        let style = shared.style(Slot::Error);
        let before: String = self.field.text().chars().take(wrong.column - 1).collect();
        put(buf, below, 0, 0, &" ".repeat(usize::from(below.width)), style);
        let at = (at + before.width() as u16).min(below.width / 3);
        put(buf, below, at, 0, &format!("^ {}", wrong.message), style);
    }

    fn view_offers(&self, caret: Position, screen: Rect, shared: &Shared, buf: &mut Buffer) {
        let words = self.words();
        let hint = L::HINT.filter(|_| words.is_empty() && self.offered.is_some());
        if words.is_empty() && hint.is_none() {
            return;
        }
        let widest = |of: fn(&(String, String)) -> &String| words.iter().map(|pair| of(pair).width()).max();
        let word = widest(|(word, _)| word).unwrap_or(hint.map_or(0, UnicodeWidthStr::width));
        let note = widest(|(_, note)| note).unwrap_or(0);
        let width = (word + note + 7).max(NARROWEST) as u16;
        let width = width.min(screen.width.saturating_sub(2));
        let height = words.len().clamp(1, OFFERED) as u16 + 2;
        let x = caret.x.min(screen.width.saturating_sub(width));
        if caret.y + 1 + height > screen.height {
            return;
        }
        let area = Rect::new(x, caret.y + 1, width, height);
        let inner = frame(L::TITLE, area, shared, buf);
        put(buf, inner, 2, 0, hint.unwrap_or_default(), shared.style(Slot::Fg));
        let from = self.chosen.saturating_sub(OFFERED - 1);
        for (row, (at, (text, help))) in words.iter().enumerate().skip(from).take(OFFERED).enumerate() {
            let row = row as u16;
            put(buf, inner, 2, row, text, shared.style(Slot::Fg));
            put(buf, inner, word as u16 + 4, row, help, shared.style(Slot::Muted));
            if at == self.chosen {
                mark(inner, row, shared, buf);
            }
        }
    }
}
