//! A text of several lines with a caret, its template tags in colour.

use std::collections::BTreeSet;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::Widget;
use tui_textarea::{CursorMove, Scrolling, TextArea, WrapMode};

use crate::tui::context::Shared;
use crate::tui::keys::Action;
use crate::tui::theme::Slot;
use crate::tui::widgets::typing::type_key;

/// A text being edited.
pub(super) struct Pad {
    area: TextArea<'static>,
}

impl Pad {
    /// A text, the caret at its start.
    pub(super) fn holding(text: &str) -> Self {
        let mut area = TextArea::new(text.split('\n').map(str::to_owned).collect());
        area.set_tab_length(2);
        area.set_wrap_mode(WrapMode::WordOrGlyph);
        Self { area }
    }

    /// The text.
    pub(super) fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Row and column of the caret, from 0.
    pub(super) fn caret(&self) -> (usize, usize) {
        let at = self.area.cursor();
        (at.0, at.1)
    }

    /// Puts the caret there, or as near as it can be.
    pub(super) fn move_to(&mut self, row: usize, column: usize) {
        let small = |number: usize| number.min(usize::from(u16::MAX)) as u16;
        self.area.move_cursor(CursorMove::Jump(small(row), small(column)));
    }

    /// A key press.
    pub(super) fn key(&mut self, key: &KeyEvent) {
        type_key(&mut self.area, key);
    }

    /// Text at the caret, one step for undo.
    pub(super) fn insert(&mut self, text: &str) {
        self.area.insert_str(text.replace('\t', "  "));
    }

    /// The other actions while typing. False if it is none of them.
    pub(super) fn act(&mut self, action: Action) -> bool {
        match action {
            Action::UndoText => self.area.undo(),
            Action::RedoText => self.area.redo(),
            Action::DeleteToStart => self.area.delete_line_by_head(),
            _ => return false,
        };
        true
    }

    /// Scrolls while nobody types.
    pub(super) fn scroll(&mut self, action: Action) {
        match action {
            Action::HalfDown => self.area.scroll(Scrolling::HalfPageDown),
            Action::HalfUp => self.area.scroll(Scrolling::HalfPageUp),
            Action::PageDown => self.area.scroll(Scrolling::PageDown),
            Action::PageUp => self.area.scroll(Scrolling::PageUp),
            Action::First => self.area.move_cursor(CursorMove::Top),
            Action::Last => self.area.move_cursor(CursorMove::Bottom),
            _ => {}
        }
    }

    /// In the colours of the theme.
    pub(super) fn dress(&mut self, shared: &Shared) {
        self.area.set_style(shared.style(Slot::Fg));
        self.area.set_line_number_style(shared.style(Slot::Muted));
        self.area.set_selection_style(shared.theme.selection());
        self.area.set_cursor_line_style(Style::new());
        self.area.set_cursor_style(Style::new());
    }

    /// Draws it; says where the caret is. With `unknown`, tags are coloured, and these variables in them as unknown.
    pub(super) fn draw(
        &self,
        unknown: Option<&BTreeSet<String>>,
        shared: &Shared,
        area: Rect,
        buf: &mut Buffer,
    ) -> Option<Position> {
        if area.height == 0 || area.width < 6 {
            return None;
        }
        (&self.area).render(area, buf);
        if let Some(unknown) = unknown {
            self.colour(unknown, shared, area, buf);
        }
        let (caret, (top, left)) = (self.area.screen_cursor(), self.area.scroll_offset());
        let row = caret.row.checked_sub(usize::from(top))? as u16;
        let column = caret.col.checked_sub(usize::from(left))? as u16;
        let at = Position::new(area.x + self.area.line_number_width() + column, area.y + row);
        area.contains(at).then_some(at)
    }

    fn colour(&self, unknown: &BTreeSet<String>, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let marks = marks(self.area.lines(), unknown);
        if marks.iter().all(Vec::is_empty) {
            return;
        }
        let (top, left) = self.area.scroll_offset();
        let gutter = self.area.line_number_width();
        let mut before = None;
        for y in 0..area.height {
            for x in gutter..area.width {
                let column = usize::from(left) + usize::from(x - gutter);
                let at = self
                    .area
                    .screen_to_data(usize::from(top) + usize::from(y), column);
                let here = (at.0, at.1);
                // Columns behind a line's end all mean its end.
                if before == Some((y, here)) {
                    break;
                }
                before = Some((y, here));
                if let Some(slot) = marks.get(here.0).and_then(|line| mark(line, here.1)) {
                    buf[(area.x + x, area.y + y)].set_style(shared.style(slot));
                }
            }
        }
    }
}

/// Characters of a line (from, to) in a colour.
type Mark = (usize, usize, Slot);

fn mark(line: &[Mark], at: usize) -> Option<Slot> {
    let found = line.iter().rev().find(|(from, to, _)| (*from..*to).contains(&at));
    found.map(|(.., slot)| *slot)
}

/// Tags of a template, and in them the words that name an unknown variable, by line.
fn marks(lines: &[String], unknown: &BTreeSet<String>) -> Vec<Vec<Mark>> {
    let mut open: Option<&str> = None;
    let mark_line = |line: &String| {
        let letters: Vec<char> = line.chars().collect();
        let pair = |at: usize| {
            letters
                .get(at..at + 2)
                .map(|pair| pair.iter().collect::<String>())
        };
        let mut marks = Vec::new();
        let (mut at, mut from) = (0, 0);
        while at < letters.len() {
            let here = pair(at).unwrap_or_default();
            match open {
                None => {
                    open = match here.as_str() {
                        "{{" => Some("}}"),
                        "{%" => Some("%}"),
                        "{#" => Some("#}"),
                        _ => None,
                    };
                    if open.is_some() {
                        from = at;
                        at += 1;
                    }
                }
                Some(end) if here == end => {
                    tag(&letters, from, at + 2, end == "#}", unknown, &mut marks);
                    open = None;
                    at += 1;
                }
                Some(_) => {}
            }
            at += 1;
        }
        if let Some(end) = open {
            tag(&letters, from, letters.len(), end == "#}", unknown, &mut marks);
        }
        marks
    };
    lines.iter().map(mark_line).collect()
}

fn tag(
    letters: &[char],
    from: usize,
    to: usize,
    comment: bool,
    unknown: &BTreeSet<String>,
    marks: &mut Vec<Mark>,
) {
    if comment {
        marks.push((from, to, Slot::Muted));
        return;
    }
    marks.push((from, to, Slot::Var));
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut at = from;
    while at < to {
        if !is_word(letters[at]) {
            at += 1;
            continue;
        }
        let end = (at..to).find(|at| !is_word(letters[*at])).unwrap_or(to);
        let word: String = letters[at..end].iter().collect();
        if unknown.contains(&word) {
            marks.push((at, end, Slot::VarUnknown));
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_over_lines_and_unknown_names_in_them() {
        let lines: Vec<String> = ["a {{ topic }} b", "{% if", "x %}é{{ n_pairs", "}}"]
            .map(str::to_owned)
            .to_vec();
        let unknown = BTreeSet::from(["n_pairs".to_owned()]);
        let marks = marks(&lines, &unknown);
        assert_eq!(marks[0], [(2, 13, Slot::Var)]);
        assert_eq!(marks[1], [(0, 5, Slot::Var)]);
        assert_eq!(
            marks[2],
            [(0, 4, Slot::Var), (5, 15, Slot::Var), (8, 15, Slot::VarUnknown)]
        );
        assert_eq!(marks[3], [(0, 2, Slot::Var)]);
        assert_eq!(mark(&marks[2], 9), Some(Slot::VarUnknown));
        assert_eq!(mark(&marks[0], 13), None);
    }

    #[test]
    fn a_pasted_text_is_one_step_back() {
        let mut pad = Pad::holding("one");
        pad.move_to(0, 3);
        pad.insert(" two\nthree\tfour");
        assert_eq!(pad.text(), "one two\nthree  four");
        assert!(pad.act(Action::UndoText));
        assert_eq!(pad.text(), "one");
        assert!(pad.act(Action::RedoText));
        assert_eq!(pad.text(), "one two\nthree  four");
        assert_eq!(pad.caret(), (1, 11));
    }
}
