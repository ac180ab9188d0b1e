//! What was done by hand, newest first: any of it can be taken back that nothing later depends on.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::{Answer, Command, HistoryRow, Level, Query};

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::layout::centred;
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::text::{put, put_right, time_of_day};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::pane::{empty, failure};

use super::menu::{frame, mark};

/// Entries shown.
const ENTRIES: usize = 200;

/// The journal over the list.
pub(super) struct History {
    job: Option<String>,
    rows: Remote<Vec<HistoryRow>>,
    cursor: Cursor,
}

impl History {
    pub(super) fn of(job: Option<&str>, cx: &mut Cx) -> Self {
        let mut history = Self {
            job: job.map(str::to_owned),
            rows: Remote::default(),
            cursor: Cursor::default(),
        };
        let query = history.query();
        history.rows.ask(query, cx);
        history
    }

    fn query(&self) -> Query {
        Query::History {
            job: self.job.clone(),
            limit: ENTRIES,
        }
    }

    pub(super) fn reload(&mut self, cx: &mut Cx) {
        let query = self.query();
        self.rows.refresh(query, cx);
    }

    pub(super) fn take(&mut self, message: &Message, cx: &mut Cx) -> bool {
        let read = |answer: &Answer| {
            if let Answer::History(rows) = answer {
                Some(rows.clone())
            } else {
                None
            }
        };
        let query = self.query();
        self.rows.take(message, read, || query, cx)
    }

    fn rows(&self) -> &[HistoryRow] {
        self.rows.value().map_or(&[], Vec::as_slice)
    }

    /// Moves, or takes the selected entry back.
    pub(super) fn act(&mut self, action: Action, cx: &mut Cx) {
        if action != Action::Press {
            let page = usize::from(Self::area(cx.shared).height.saturating_sub(2));
            let many = self.rows().len();
            self.cursor.act(action, many, page);
            return;
        }
        let Some(row) = self.rows().get(self.cursor.selected) else {
            return;
        };
        if let Some(why) = &row.blocked {
            cx.shared.toast(Level::Ok, why.clone());
            return;
        }
        let undo = Command::Undo {
            job: self.job.clone(),
            entry: Some(row.entry.id),
        };
        cx.order(undo, "Taken back");
    }

    fn area(shared: &Shared) -> Rect {
        let height = shared.size.height.saturating_sub(6).min(20);
        centred(
            shared.size,
            90.min(shared.size.width.saturating_sub(2)),
            height.max(6),
        )
    }

    pub(super) fn view(&self, shared: &Shared, buf: &mut Buffer) {
        let inner = frame("History · enter takes back", Self::area(shared), shared, buf);
        if let Some(error) = self.rows.error() {
            return failure(buf, inner, error, shared);
        }
        if self.rows().is_empty() {
            let text = if self.rows.is_pending() {
                "Reading …"
            } else {
                "Nothing was decided by hand yet."
            };
            return empty(buf, inner, &[text, "a x e decide, and are listed here"], shared);
        }
        let rows = self.rows().iter().enumerate().skip(self.cursor.offset);
        for (row, (at, entry)) in rows.take(usize::from(inner.height)).enumerate() {
            let row = row as u16;
            let time = time_of_day(entry.entry.at_ms, shared.options.offset_seconds);
            let slot = if entry.blocked.is_some() {
                Slot::Muted
            } else {
                Slot::Fg
            };
            let end = 2 + put(buf, inner, 2, row, &time, shared.style(Slot::Muted));
            let label = format!(
                "{} · {}",
                entry.entry.label,
                entry.job.as_deref().unwrap_or("several jobs")
            );
            let end = end + 2 + put(buf, inner, end + 2, row, &label, shared.style(slot));
            if let Some(why) = &entry.blocked {
                let rest = Rect {
                    x: inner.x + end.min(inner.width),
                    width: inner.width.saturating_sub(end),
                    ..inner
                };
                put_right(buf, rest, row, &format!(" {why} "), shared.style(Slot::Muted));
            }
            if at == self.cursor.selected {
                mark(inner, row, shared, buf);
            }
        }
    }
}
