//! The list of all jobs.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::api::{Answer, JobRow, Query};
use crate::core::task::TaskState;
use crate::core::text::grouped;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, FIELD, JOBS, Table};
use crate::tui::layout::{Width, inside, left, shell, top};
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::text::{ago, percent, put, put_all, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::pane::{badge, bar, empty, failure, pane};
use crate::tui::widgets::table::{Cell, Column, numbers, table, words};

use super::job::JobScreen;
use super::verbs::Subject;
use super::{Screen, View};

/// How often the list is asked again while jobs run.
const EVERY: Duration = Duration::from_secs(2);

/// How a job becomes a row.
type Cells = fn(&JobRow, &Shared) -> Vec<Cell>;

/// The list of all jobs.
#[derive(Default)]
pub(crate) struct Jobs {
    rows: Remote<Vec<JobRow>>,
    cursor: Cursor,
    /// Letters that a row must have, and whether they are being typed.
    filter: Field,
    typing: bool,
}

fn panes(area: Rect) -> (Rect, Rect) {
    match Width::of(area.width) {
        Width::Wide => left(area, area.width * 7 / 10),
        _ => (area, Rect { height: 0, ..area }),
    }
}

fn page(shared: &Shared) -> usize {
    let list = inside(panes(shell(shared.size).body).0, shared.size.width);
    usize::from(list.height.saturating_sub(2))
}

impl Jobs {
    /// The rows that pass the filter.
    fn shown(&self) -> Vec<&JobRow> {
        let needle = self.filter.text().to_lowercase();
        let passes = |row: &&JobRow| {
            let text = format!("{} {} {}", row.name, row.state.word(), row.description).to_lowercase();
            needle.split_whitespace().all(|word| text.contains(word))
        };
        self.rows
            .value()
            .map(|rows| rows.iter().filter(passes).collect())
            .unwrap_or_default()
    }

    fn selected(&self) -> Option<&JobRow> {
        self.shown().get(self.cursor.selected).copied()
    }

    fn list(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let shown = self.shown();
        let all = self.rows.value().map_or(0, Vec::len);
        let fact = if shown.len() == all {
            all.to_string()
        } else {
            format!("{} of {all}", shown.len())
        };
        let inner = pane(buf, area, "Jobs", &fact, true, shared);
        if let Some(error) = self.rows.error() {
            return failure(buf, inner, error, shared);
        }
        if self.rows.value().is_none() {
            if self.rows.is_slow(shared.now) {
                empty(buf, inner, &["Loading the jobs …"], shared);
            }
            return;
        }
        let (list, below) = top(inner, inner.height.saturating_sub(1));
        if self.typing || !self.filter.text().is_empty() {
            let style = shared.style(Slot::Match);
            put_all(buf, below, 1, 0, &[("/ ", style), (self.filter.text(), style)]);
        }
        if all == 0 {
            return empty(
                buf,
                list,
                &["No jobs.", "n creates one · destiler jobs create FILE"],
                shared,
            );
        }
        if shown.is_empty() {
            let text = format!("No job matches “{}”.", self.filter.text());
            return empty(buf, list, &[&text, "esc clears the filter"], shared);
        }
        let narrow = Width::of(shared.size.width) == Width::Narrow;
        let (columns, draw): (&[Column], Cells) = if narrow {
            (&NARROW, small)
        } else {
            (&COLUMNS, cells)
        };
        let rows = shown.iter().skip(self.cursor.offset).map(|row| draw(row, shared));
        table(
            buf,
            list,
            columns,
            rows,
            Some(self.cursor.selected - self.cursor.offset),
            shared,
        );
    }

    fn preview(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let Some(row) = self.selected() else { return };
        if area.height < 4 {
            return;
        }
        let inner = pane(buf, area, &row.name, "", false, shared);
        let width = usize::from(inner.width.saturating_sub(2));
        let mut at = 0;
        let mut say = |text: &str, slot: Slot| {
            for line in wrap(text, width) {
                put(buf, inner, 1, at, &line, shared.style(slot));
                at += 1;
            }
        };
        say(&row.description, Slot::Fg);
        say(" ", Slot::Fg);
        if let Some(reason) = row.state.reason() {
            say(&reason, Slot::Warn);
            say(" ", Slot::Fg);
        }
        let counts = &row.counts;
        let lines = [
            ("planned", counts.planned()),
            ("pending", counts.pending()),
            ("accepted", counts.of(TaskState::Accepted)),
            ("rejected", counts.of(TaskState::Rejected)),
            ("failed", counts.of(TaskState::Failed)),
            ("cancelled", counts.of(TaskState::Cancelled)),
        ];
        for (word, count) in lines {
            say(&format!("{word:<10}{:>10} tasks", grouped(count)), Slot::Fg);
        }
        say(" ", Slot::Fg);
        let [accepted, rejected, review] = row.samples;
        for (word, count) in [
            ("accepted", accepted),
            ("rejected", rejected),
            ("to review", review),
        ] {
            say(&format!("{word:<10}{:>10} samples", grouped(count)), Slot::Fg);
        }
    }
}

const COLUMNS: [Column; 8] = [
    words("NAME", 13, 9),
    words("STATE", 11, 8),
    words("", 5, 2),
    numbers("ACCEPTED", 10, 7),
    numbers("TARGET", 7, 4),
    numbers("REJ%", 5, 5),
    numbers("COST", 7, 6),
    numbers("AGE", 6, 1),
];

/// On narrow terminals: how far in per cent instead of numbers.
const NARROW: [Column; 3] = [words("NAME", 14, 9), words("STATE", 11, 8), numbers("", 5, 7)];

fn small(row: &JobRow, shared: &Shared) -> Vec<Cell> {
    let mut cells = cells(row, shared);
    cells.truncate(2);
    let percent = format!("{:.0}%", (part(row, shared) * 100.0).floor().clamp(0.0, 100.0));
    cells.push((percent, shared.style(Slot::Fg)));
    cells
}

/// Part of the work that is done.
fn part(row: &JobRow, shared: &Shared) -> f64 {
    let planned = row.counts.planned();
    match (shared.gauge(&row.name), row.target) {
        (Some(gauge), _) => super::dashboard::done(gauge),
        (None, Some(target)) if target > 0 => row.samples[0] as f64 / target as f64,
        (None, _) if planned == 0 => 0.0,
        (None, _) => (planned - row.counts.open()) as f64 / planned as f64,
    }
}

fn cells(row: &JobRow, shared: &Shared) -> Vec<Cell> {
    let fg = shared.style(Slot::Fg);
    let gauge = shared.gauge(&row.name);
    let state = gauge.map_or(row.state.word(), |gauge| gauge.state.as_str());
    let (glyph, slot) = badge(state);
    let accepted = gauge.map_or(row.samples[0], |gauge| gauge.accepted_samples);
    let part = part(row, shared);
    let judged = row.samples[0] + row.samples[1];
    let now = shared.options.started_ms + i64::try_from(shared.now.as_millis()).unwrap_or_default();
    let age = Duration::from_millis(u64::try_from(now - row.created_ms).unwrap_or_default());
    vec![
        (row.name.clone(), fg),
        (format!("{glyph} {state}"), shared.style(slot)),
        (bar(part, 5), shared.style(slot)),
        (grouped(accepted), fg),
        (row.target.map_or_else(|| "-".to_owned(), grouped), fg),
        (percent(row.samples[1], judged), fg),
        (gauge.map_or(row.usd, |gauge| gauge.usd).to_string(), fg),
        (ago(age), shared.style(Slot::Muted)),
    ]
}

impl View for Jobs {
    fn rows(&self) -> Option<u64> {
        Some(self.shown().len() as u64)
    }
    fn bindings(&self, _: &Shared) -> &'static Table {
        if self.typing { &FIELD } else { &JOBS }
    }

    fn breadcrumb(&self) -> Vec<String> {
        vec!["Jobs".to_owned()]
    }

    fn typing(&self) -> bool {
        self.typing
    }

    fn enter(&mut self, cx: &mut Cx) {
        self.rows.ask(Query::Jobs, cx);
    }

    fn back(&mut self, cx: &mut Cx) -> bool {
        let open = self.typing || !self.filter.text().is_empty();
        self.typing = false;
        self.filter = Field::default();
        self.cursor.clamp(self.shown().len(), page(cx.shared));
        open
    }

    fn disabled(&self, action: Action, shared: &Shared) -> Option<String> {
        let verbs = [
            Action::Open,
            Action::Pause,
            Action::Cancel,
            Action::Retry,
            Action::Delete,
            Action::Edit,
            Action::Samples,
        ];
        match self.selected() {
            _ if self.typing => None,
            None if verbs.contains(&action) => Some("no job is selected".to_owned()),
            None => None,
            Some(row) => Subject::of(row, shared).disabled(action),
        }
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        let page = page(cx.shared);
        match message {
            Message::Act(Action::Filter) => self.typing = true,
            Message::Act(Action::Press) => self.typing = false,
            Message::Act(Action::DeleteToStart) => self.filter.delete_to_start(),
            Message::Key(key) => {
                self.filter.key(key);
            }
            Message::Paste(text) => self.filter.insert(text),
            Message::Act(Action::Reload) | Message::Event(_) | Message::Done(..) => {
                self.rows.refresh(Query::Jobs, cx);
            }
            Message::Row(row) => {
                self.cursor.selected = usize::try_from(row.saturating_sub(1)).unwrap_or(usize::MAX);
                self.cursor.clamp(self.shown().len(), page);
            }
            Message::Act(action) => {
                if !self.cursor.act(*action, self.shown().len(), page)
                    && let Some(row) = self.selected().cloned()
                {
                    if *action == Action::Open {
                        cx.open(Screen::Job(Box::new(JobScreen::of(row.name))));
                    } else {
                        Subject::of(&row, cx.shared).act(*action, cx);
                    }
                }
                return;
            }
            Message::Tick(now) if self.rows.older_than(EVERY, *now) => self.rows.refresh(Query::Jobs, cx),
            _ => {
                let rows = |answer: &Answer| {
                    if let Answer::Jobs(rows) = answer {
                        Some(rows.clone())
                    } else {
                        None
                    }
                };
                self.rows.take(message, rows, || Query::Jobs, cx);
            }
        }
        self.cursor.clamp(self.shown().len(), page);
    }

    fn status(&self, _: &Shared) -> String {
        let all = self.rows.value().map_or(0, Vec::len);
        let filter = if self.filter.text().is_empty() {
            "none"
        } else {
            self.filter.text()
        };
        format!("{all} jobs · filter: {filter}")
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let (list, preview) = panes(area);
        self.list(shared, list, buf);
        self.preview(shared, preview, buf);
        let inner = inside(list, shared.size.width);
        let row = inner.height.saturating_sub(1);
        self.typing
            .then(|| self.filter.draw(buf, inner, 3, row, shared.style(Slot::Match)))
    }
}
