//! A list to choose a command from: the palette (fuzzy, best first) and the help (every key of this place, in its sections).

use crossterm::event::KeyEvent;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use ratatui::widgets::{Block, BorderType, Clear, Widget};

use crate::core::text::grouped;
use crate::tui::context::Shared;
use crate::tui::keys::{Action, HELP, PALETTE, Table};
use crate::tui::layout::centred;
use crate::tui::text::{put, put_right};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::field::Field;

use super::Outcome;

/// A line to choose.
pub(crate) struct Entry {
    /// The context it belongs to.
    pub(crate) section: &'static str,
    /// The line of the key table it is.
    pub(crate) bound: Option<(&'static Table, Action)>,
    /// It is written as on the command line, and only shown to who writes that way.
    pub(crate) spoken: bool,
    /// What it does.
    pub(crate) label: String,
    /// Its keys.
    pub(crate) keys: String,
    /// What choosing it leads to.
    pub(crate) outcome: Outcome,
    /// Why it cannot be chosen now.
    pub(crate) disabled: Option<String>,
}

/// A list with a field to narrow it.
pub(crate) struct Picker {
    title: &'static str,
    entries: Vec<Entry>,
    /// Places in `entries` of what is shown, best first.
    shown: Vec<usize>,
    field: Field,
    /// Letters go into the field.
    typing: bool,
    palette: bool,
    cursor: Cursor,
    /// Rows of the table below, if there is one.
    rows: Option<u64>,
    /// What was run before, newest last, and how far back one has gone.
    history: Vec<String>,
    recalled: usize,
}

/// Words that begin a command as on the command line.
const SPOKEN: [&str; 2] = ["jobs ", "providers "];

impl Entry {
    /// A line that leads somewhere.
    pub(crate) fn place(section: &'static str, label: impl Into<String>, outcome: Outcome) -> Self {
        Self {
            section,
            bound: None,
            spoken: false,
            label: label.into(),
            keys: String::new(),
            outcome,
            disabled: None,
        }
    }

    /// A line as on the command line.
    pub(crate) fn spoken(label: String, outcome: Outcome, disabled: Option<String>) -> Self {
        Self {
            spoken: true,
            disabled,
            ..Self::place("Command", label, outcome)
        }
    }
}

impl Picker {
    /// All commands, over a table of so many rows, with what was run before.
    pub(crate) fn palette(entries: Vec<Entry>, rows: Option<u64>, history: Vec<String>) -> Self {
        let recalled = history.len();
        let mut picker = Self {
            rows,
            history,
            recalled,
            ..Self::new("Commands", Vec::new(), true)
        };
        picker.fill(entries);
        picker
    }

    /// Takes other entries; what was typed and selected stays.
    pub(crate) fn fill(&mut self, entries: Vec<Entry>) {
        let selected = self.cursor;
        self.entries = entries;
        self.entries
            .insert(0, Entry::place("Go to", String::new(), Outcome::Row(0)));
        self.narrow();
        if self.shown.len() > selected.selected {
            self.cursor = selected;
        }
    }

    /// Whether it is the palette.
    pub(crate) fn is_palette(&self) -> bool {
        self.palette
    }

    /// What was typed, if it is the palette.
    pub(crate) fn typed(&self) -> Option<&str> {
        Some(self.field.text().trim()).filter(|text| self.palette && !text.is_empty())
    }

    /// All keys.
    pub(crate) fn help(entries: Vec<Entry>) -> Self {
        Self::new("Keys", entries, false)
    }

    fn new(title: &'static str, entries: Vec<Entry>, palette: bool) -> Self {
        let shown = (0..entries.len()).collect();
        Self {
            title,
            entries,
            shown,
            field: Field::default(),
            typing: palette,
            palette,
            cursor: Cursor::default(),
            rows: None,
            history: Vec::new(),
            recalled: 0,
        }
    }

    /// Letters and digits that were typed: `:` in front is a habit of fingers.
    fn words(&self) -> &str {
        self.field.text().trim_start().trim_start_matches(':')
    }

    /// The entry that goes to a row says which.
    fn aim(&mut self) -> bool {
        let Ok(row) = self.words().trim().replace([',', '_'], "").parse::<u64>() else {
            return false;
        };
        if let Some(entry) = self.entries.first_mut() {
            entry.label = format!("row {}", grouped(row));
            entry.outcome = Outcome::Row(row);
            entry.disabled = match self.rows {
                None => Some("no table is shown here".to_owned()),
                Some(rows) if row == 0 || row > rows => Some(format!("there are {}", grouped(rows))),
                Some(_) => None,
            };
        }
        true
    }

    pub(crate) fn bindings(&self) -> &'static Table {
        if self.palette || self.typing {
            &PALETTE
        } else {
            &HELP
        }
    }

    fn narrow(&mut self) {
        let aimed = self.palette && self.aim();
        let words = self.words().to_owned();
        let speaks = SPOKEN.iter().any(|word| words.starts_with(word));
        let pattern = Pattern::parse(&words, CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut letters = Vec::new();
        let mut scored: Vec<(usize, u32)> = Vec::new();
        for (at, entry) in self.entries.iter().enumerate().skip(usize::from(self.palette)) {
            if entry.spoken && !speaks {
                continue;
            }
            let text = if entry.spoken {
                entry.label.clone()
            } else {
                format!("{} {}", entry.section, entry.label)
            };
            if let Some(score) = pattern.score(Utf32Str::new(&text, &mut letters), &mut matcher) {
                scored.push((at, score));
            }
        }
        if self.palette && !words.trim().is_empty() {
            // Equal letters: what was written as on the command line, then the shorter line, which has less that was not meant.
            scored.sort_by_key(|(at, score)| {
                let entry = &self.entries[*at];
                (
                    !entry.spoken,
                    std::cmp::Reverse(*score),
                    entry.disabled.is_some(),
                    entry.label.len(),
                    *at,
                )
            });
        }
        let aimed = aimed.then_some(0);
        self.shown = aimed
            .into_iter()
            .chain(scored.into_iter().map(|(at, _)| at))
            .collect();
        self.cursor = Cursor::default();
    }

    pub(crate) fn key(&mut self, key: &KeyEvent, chord: &str, shared: &Shared) -> Option<Outcome> {
        let Some(action) = shared.keymap.find(self.bindings(), chord) else {
            if self.typing && self.field.key(key) {
                self.narrow();
            }
            return None;
        };
        match action {
            Action::Press => {
                let entry = self
                    .shown
                    .get(self.cursor.selected)
                    .and_then(|at| self.entries.get(*at))?;
                return entry.disabled.is_none().then(|| entry.outcome.clone());
            }
            Action::Back if self.typing && !self.palette => {
                self.typing = false;
                self.field = Field::default();
                self.narrow();
            }
            Action::Back => return Some(Outcome::Close),
            Action::Filter => self.typing = true,
            Action::Rebind => {
                let entry = self.shown.get(self.cursor.selected).map(|at| &self.entries[*at]);
                let bound = entry.and_then(|entry| entry.bound);
                return bound.map(|(table, action)| Outcome::Rebind(table, action));
            }
            Action::Complete => {
                let entry = self.shown.get(self.cursor.selected).map(|at| &self.entries[*at]);
                if let Some(entry) = entry.filter(|entry| !entry.label.is_empty()) {
                    self.field = Field::holding(&entry.label);
                    self.narrow();
                }
            }
            Action::Up if self.palette && self.cursor.selected == 0 && self.recalled > 0 => {
                self.recalled -= 1;
                self.field = Field::holding(&self.history[self.recalled]);
                self.narrow();
            }
            Action::DeleteToStart => {
                self.field.delete_to_start();
                self.narrow();
            }
            movement => {
                self.cursor
                    .act(movement, self.shown.len(), self.page(shared.size));
            }
        }
        None
    }

    pub(crate) fn paste(&mut self, text: &str) {
        if self.typing {
            self.field.insert(text);
            self.narrow();
        }
    }

    fn area(&self, size: Size) -> Rect {
        let height = self.entries.len() as u16 + 4;
        centred(
            size,
            84.min(size.width.saturating_sub(2)),
            height.min(size.height.saturating_sub(2)),
        )
    }

    fn page(&self, size: Size) -> usize {
        usize::from(self.area(size).height.saturating_sub(3))
    }

    /// A click selects, two run.
    pub(crate) fn click(&mut self, at: Position, double: bool, shared: &Shared) -> Option<Outcome> {
        let area = self.area(shared.size);
        if !area.contains(at) {
            return Some(Outcome::Close);
        }
        let row = at.y.checked_sub(area.y + 2)?;
        let inside = usize::from(row) < self.page(shared.size);
        if !inside || !self.cursor.click(usize::from(row), self.shown.len()) || !double {
            return None;
        }
        let entry = &self.entries[*self.shown.get(self.cursor.selected)?];
        entry.disabled.is_none().then(|| entry.outcome.clone())
    }

    /// Turns the list.
    pub(crate) fn wheel(&mut self, rows: i16, shared: &Shared) {
        let page = self.page(shared.size);
        self.cursor.wheel(rows, self.shown.len(), page);
    }

    /// Draws it in the middle; says where the caret is.
    pub(crate) fn view(&self, shared: &Shared, buf: &mut Buffer) -> Option<Position> {
        let area = self.area(shared.size);
        Clear.render(area, buf);
        buf.set_style(area, shared.style(Slot::Bg).patch(shared.style(Slot::Fg)));
        let border = shared.style(Slot::BorderFocus);
        Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(border)
            .render(area, buf);
        put(
            buf,
            area,
            2,
            0,
            &format!(" {} ", self.title),
            shared.style(Slot::Title),
        );
        let head = Rect {
            width: area.width.saturating_sub(2),
            ..area
        };
        let how = if self.bindings().context == HELP.context {
            " / filter · ⏎ run · esc close "
        } else {
            " ⏎ run · esc close "
        };
        put_right(
            buf,
            head,
            0,
            &how.replace('⏎', "enter"),
            shared.style(Slot::Muted),
        );
        let inner = Rect {
            x: area.x + 2,
            y: area.y + 1,
            width: area.width.saturating_sub(4),
            height: area.height.saturating_sub(2),
        };
        let caret = self.typing.then(|| {
            let at = put(buf, inner, 0, 0, "> ", shared.style(Slot::Accent));
            self.field.draw(buf, inner, at, 0, shared.style(Slot::Fg))
        });
        if !self.typing {
            let text = format!("{} commands work here", self.entries.len());
            put(buf, inner, 0, 0, &text, shared.style(Slot::Muted));
        }
        let rows = Rect {
            y: inner.y + 1,
            height: inner.height.saturating_sub(1),
            ..inner
        };
        if self.shown.is_empty() {
            let is_row = self.palette && self.field.text().bytes().all(|byte| byte.is_ascii_digit());
            put(
                buf,
                rows,
                2,
                0,
                if is_row {
                    "enter goes to that row"
                } else {
                    "No command has these letters."
                },
                shared.style(Slot::Muted),
            );
        }
        let page = self
            .shown
            .iter()
            .enumerate()
            .skip(self.cursor.offset)
            .take(usize::from(rows.height));
        for (row, (at, entry)) in page
            .filter_map(|(at, entry)| Some((at, self.entries.get(*entry)?)))
            .enumerate()
        {
            self.line(shared, buf, rows, row as u16, at, entry);
        }
        caret
    }

    fn line(&self, shared: &Shared, buf: &mut Buffer, rows: Rect, row: u16, at: usize, entry: &Entry) {
        let muted = shared.style(Slot::Muted);
        let selected = at == self.cursor.selected;
        let style = if entry.disabled.is_some() {
            muted
        } else {
            shared.style(Slot::Fg)
        };
        let narrow = rows.width < 56;
        let mut x = 2;
        if !narrow {
            // In the help a section is named once, in the palette every line says where it belongs.
            let repeated = !self.palette
                && at > self.cursor.offset
                && self
                    .shown
                    .get(at - 1)
                    .is_some_and(|before| self.entries[*before].section == entry.section);
            if !repeated {
                put(
                    buf,
                    Rect {
                        width: 16.min(rows.width),
                        ..rows
                    },
                    x,
                    row,
                    entry.section,
                    muted,
                );
            }
            x += 15;
        }
        let keys = Rect {
            width: rows.width.saturating_sub(1),
            ..rows
        };
        let room = rows.width.saturating_sub(entry.keys.chars().count() as u16 + 2);
        let text = Rect { width: room, ..rows };
        let x = x + put(buf, text, x, row, &entry.label, style);
        if let Some(why) = &entry.disabled {
            put(buf, text, x, row, &format!(" ({why})"), muted);
        }
        put_right(buf, keys, row, &entry.keys, shared.style(Slot::Accent));
        if selected {
            put(buf, rows, 0, row, "▌", shared.style(Slot::Accent));
            buf.set_style(
                Rect {
                    y: rows.y + row,
                    height: 1,
                    ..rows
                },
                shared.theme.selection(),
            );
        }
    }
}
