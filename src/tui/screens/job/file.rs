//! The tab of the job's file: every revision as it was stored, and what changed from one to the next.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::ports::Revision;

use crate::tui::context::Shared;
use crate::tui::keys::Action;
use crate::tui::text::{put, put_all, time_of_day};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::pane::{empty, pane};

use super::diff::{Line, diff};

/// Which revision is read, how, and from which row on.
#[derive(Debug, Default)]
pub(super) struct File {
    /// Revisions back from the newest.
    back: usize,
    /// What changed instead of the whole file.
    changes: bool,
    scroll: usize,
}

impl File {
    fn lines(&self, revisions: &[Revision]) -> Vec<Line> {
        let Some(this) = revisions.get(self.back) else {
            return Vec::new();
        };
        match revisions.get(self.back + 1).filter(|_| self.changes) {
            Some(before) => diff(&before.source, &this.source),
            None => this
                .source
                .lines()
                .map(|line| Line::Same(line.to_owned()))
                .collect(),
        }
    }

    /// Moves. False if the action is no movement.
    pub(super) fn act(&mut self, action: Action, revisions: &[Revision], page: usize) -> bool {
        match action {
            Action::Diff => {
                self.changes = !self.changes;
                self.scroll = 0;
            }
            Action::Older => {
                self.back = (self.back + 1).min(revisions.len().saturating_sub(1));
                self.scroll = 0;
            }
            Action::Newer => {
                self.back = self.back.saturating_sub(1);
                self.scroll = 0;
            }
            action => {
                let rows = self.lines(revisions).len();
                let mut cursor = Cursor {
                    selected: self.scroll,
                    offset: 0,
                };
                let moved = cursor.act(action, rows.saturating_sub(page) + 1, page);
                self.scroll = cursor.selected;
                return moved;
            }
        }
        true
    }

    /// Draws the file, or what changed in it.
    pub(super) fn view(&self, revisions: Option<&[Revision]>, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let this = revisions.and_then(|all| all.get(self.back));
        let title = this.map_or_else(
            || "Job file".to_owned(),
            |this| format!("Revision {}", this.revision),
        );
        let fact = this.map_or_else(String::new, |this| {
            let at = time_of_day(this.at_ms, shared.options.offset_seconds);
            format!("stored {at} · d changes · - + revisions")
        });
        let inner = pane(buf, area, &title, &fact, true, shared);
        let Some(revisions) = revisions else {
            return empty(buf, inner, &["Reading the revisions …"], shared);
        };
        if self.changes && self.back + 1 >= revisions.len() {
            return empty(
                buf,
                inner,
                &["This is the first revision.", "d shows the file."],
                shared,
            );
        }
        let lines = self.lines(revisions);
        if self.changes && lines.is_empty() {
            return empty(buf, inner, &["Nothing changed.", "d shows the file."], shared);
        }
        let shown = lines.iter().skip(self.scroll).take(usize::from(inner.height));
        for (row, line) in shown.enumerate() {
            let (mark, text, slot) = match line {
                Line::Same(text) => ("  ", text.as_str(), Slot::Fg),
                Line::Added(text) => ("+ ", text.as_str(), Slot::DiffAdd),
                Line::Removed(text) => ("- ", text.as_str(), Slot::DiffDel),
                Line::Skipped(text) => ("  ", text.as_str(), Slot::Muted),
            };
            let style = shared.style(slot);
            // A comment is no setting.
            let style = if mark == "  " && text.trim_start().starts_with('#') {
                shared.style(Slot::Muted)
            } else {
                style
            };
            put_all(buf, inner, 1, row as u16, &[(mark, style), (text, style)]);
        }
        let below = lines
            .len()
            .saturating_sub(self.scroll + usize::from(inner.height));
        if below > 0 {
            let more = format!(" ↓ {below} more ");
            let row = Rect {
                y: area.y + area.height.saturating_sub(1),
                height: 1,
                ..area
            };
            put(buf, row, 2, 0, &more, shared.style(Slot::Accent));
        }
    }
}
