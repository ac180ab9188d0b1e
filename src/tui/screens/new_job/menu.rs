//! A list to choose from by a few letters, over the form: files, variables, kinds of validators, templates.

use crossterm::event::KeyEvent;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Block, BorderType, Clear, Widget};

use crate::tui::context::Shared;
use crate::tui::keys::Action;
use crate::tui::layout::centred;
use crate::tui::text::put;
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::field::Field;

/// What a choice is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// A template.
    Template,
    /// A job file to begin with.
    JobFile,
    /// A seed file.
    SeedFile,
    /// A variable of the prompt.
    Variable,
    /// A validator to add.
    Validator,
    /// The type of a field of the answer.
    FieldType,
    /// A column of the seeds.
    Column,
    /// What a column is called.
    ColumnName,
}

/// A list with a field to narrow it.
pub(super) struct Menu {
    /// What the choice is for.
    pub(super) reason: For,
    title: String,
    /// What is chosen, and a word about it.
    items: Vec<(String, String)>,
    shown: Vec<usize>,
    field: Field,
    cursor: Cursor,
}

impl Menu {
    /// A list of these, each with a word about it.
    pub(super) fn new(reason: For, title: &str, items: Vec<(String, String)>) -> Self {
        Self {
            reason,
            title: title.to_owned(),
            shown: (0..items.len()).collect(),
            items,
            field: Field::default(),
            cursor: Cursor::default(),
        }
    }

    /// The same list with other items, what was typed kept.
    pub(super) fn refill(&mut self, items: Vec<(String, String)>) {
        self.items = items;
        self.narrow();
    }

    fn narrow(&mut self) {
        let pattern = Pattern::parse(self.field.text(), CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT.match_paths());
        let mut letters = Vec::new();
        let mut scored: Vec<(usize, u32)> = Vec::new();
        for (at, (name, about)) in self.items.iter().enumerate() {
            let text = format!("{name} {about}");
            if let Some(score) = pattern.score(Utf32Str::new(&text, &mut letters), &mut matcher) {
                scored.push((at, score));
            }
        }
        scored.sort_by_key(|(at, score)| (std::cmp::Reverse(*score), *at));
        self.shown = scored.into_iter().map(|(at, _)| at).collect();
        self.cursor = Cursor::default();
    }

    /// What is selected: its place among all, and itself.
    pub(super) fn selected(&self) -> Option<(usize, &str)> {
        let at = *self.shown.get(self.cursor.selected)?;
        Some((at, self.items[at].0.as_str()))
    }

    /// A letter.
    pub(super) fn key(&mut self, key: &KeyEvent) {
        if self.field.key(key) {
            self.narrow();
        }
    }

    /// Pasted letters.
    pub(super) fn paste(&mut self, text: &str) {
        self.field.insert(text);
        self.narrow();
    }

    /// A movement.
    pub(super) fn act(&mut self, action: Action) {
        if action == Action::DeleteToStart {
            self.field.delete_to_start();
            self.narrow();
        } else {
            self.cursor.act(action, self.shown.len(), PAGE);
        }
    }

    /// Draws it over everything; says where the caret is.
    pub(super) fn view(&self, shared: &Shared, buf: &mut Buffer) -> Position {
        let width = 76.min(shared.size.width.saturating_sub(2));
        let rows = self.items.len().clamp(1, PAGE) as u16;
        let area = centred(shared.size, width, rows + 3);
        Clear.render(area, buf);
        buf.set_style(area, shared.style(Slot::Bg).patch(shared.style(Slot::Fg)));
        Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(shared.style(Slot::BorderFocus))
            .render(area, buf);
        put(
            buf,
            area,
            2,
            0,
            &format!(" {} ", self.title),
            shared.style(Slot::Title),
        );
        let inner = Rect {
            x: area.x + 1,
            y: area.y + 1,
            width: area.width.saturating_sub(2),
            height: area.height.saturating_sub(2),
        };
        put(buf, inner, 1, 0, "> ", shared.style(Slot::Match));
        let caret = self.field.draw(buf, inner, 3, 0, shared.style(Slot::Match));
        let list = Rect {
            y: inner.y + 1,
            height: inner.height.saturating_sub(1),
            ..inner
        };
        let name_width = self.items.iter().map(|(name, _)| name.chars().count()).max();
        let name_width = name_width.unwrap_or(0).min(usize::from(list.width) * 3 / 5) as u16;
        let page = usize::from(list.height);
        let mut cursor = self.cursor;
        cursor.clamp(self.shown.len(), page);
        for (row, at) in self.shown.iter().skip(cursor.offset).take(page).enumerate() {
            let (name, about) = &self.items[*at];
            let row = row as u16;
            let left = Rect {
                width: (3 + name_width).min(list.width),
                ..list
            };
            let alone = about.is_empty();
            put(
                buf,
                if alone { list } else { left },
                2,
                row,
                name,
                shared.style(Slot::Fg),
            );
            put(buf, list, 5 + name_width, row, about, shared.style(Slot::Muted));
            if usize::from(row) + cursor.offset == cursor.selected {
                put(buf, list, 0, row, "▌", shared.style(Slot::Accent));
                let line = Rect {
                    y: list.y + row,
                    height: 1,
                    ..list
                };
                buf.set_style(line, shared.theme.selection());
            }
        }
        if self.shown.is_empty() {
            put(buf, list, 2, 0, "nothing matches", shared.style(Slot::Muted));
        }
        caret
    }
}

/// Rows shown at most.
const PAGE: usize = 14;
