//! The table of jobs.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::JobRow;
use crate::core::task::TaskState;
use crate::core::text::grouped;

use crate::tui::context::Shared;
use crate::tui::layout::{Width, top};
use crate::tui::screens::dashboard::{done, whole_percent};
use crate::tui::text::{ago, percent_in_four, put, put_all};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::{badge, bar, empty, failure, pane};
use crate::tui::widgets::table::{Cell, Column, numbers, table, words};

use super::{Jobs, Sketch, drafts};

/// How a job, or a draft, becomes a row.
type Cells<T> = fn(&T, &Shared) -> Vec<Cell>;

const COLUMNS: [Column; 8] = [
    words("NAME", 13, 9),
    words("STATE", 11, 8),
    words("", 5, 2),
    numbers("ACCEPTED", 13, 7),
    numbers("REJ%", 4, 6),
    numbers("FAIL", 4, 3),
    numbers("COST", 6, 5),
    numbers("AGE", 6, 1),
];

/// On narrow terminals: how far in per cent instead of numbers.
const NARROW: [Column; 3] = [words("NAME", 14, 9), words("STATE", 11, 8), numbers("", 5, 7)];

impl Jobs {
    /// Draws the table, or why there is none.
    pub(super) fn list(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let (shown, drafts) = (self.shown(), self.shown_drafts());
        let all = self.all().len() + self.drafts.all().len();
        let fact = if self.many() == all {
            all.to_string()
        } else {
            format!("{} of {all}", self.many())
        };
        let inner = pane(buf, area, "Jobs", &fact, !self.facets.is_open(), shared);
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
            let lines = [
                "No jobs.",
                "n creates one · d on the dashboard runs the demo · destiler jobs create FILE",
            ];
            return empty(buf, list, &lines, shared);
        }
        if shown.is_empty() && drafts.is_empty() {
            let text = match self.filter.text() {
                "" => "No job has what was chosen.".to_owned(),
                text => format!("No job matches “{text}”."),
            };
            return empty(buf, list, &[&text, "esc clears the filter"], shared);
        }
        let narrow = Width::of(shared.size.width) == Width::Narrow;
        let (columns, draw, sketch): (&[Column], Cells<JobRow>, Cells<Sketch>) = if narrow {
            (&NARROW, small, drafts::small)
        } else {
            (&COLUMNS, cells, drafts::cells)
        };
        let below = drafts.iter().map(|draft| sketch(draft, shared));
        let rows = shown.iter().map(|row| draw(row, shared)).chain(below);
        let rows = rows.skip(self.cursor.offset);
        let selected = Some(self.cursor.selected.saturating_sub(self.cursor.offset));
        table(buf, list, columns, rows, selected, shared);
        let page = usize::from(list.height.saturating_sub(1));
        for (row, job) in shown.iter().skip(self.cursor.offset).take(page).enumerate() {
            if self.marked.contains(&job.name) {
                put(buf, list, 1, row as u16 + 1, "+", shared.style(Slot::Accent));
            }
        }
    }
}

fn small(row: &JobRow, shared: &Shared) -> Vec<Cell> {
    let mut cells = cells(row, shared);
    cells.truncate(2);
    cells.push((whole_percent(part(row, shared)), shared.style(Slot::Fg)));
    cells
}

/// Part of the work that is done.
fn part(row: &JobRow, shared: &Shared) -> f64 {
    let planned = row.counts.planned();
    match (shared.gauge(&row.name), row.target) {
        (Some(gauge), _) => done(gauge),
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
    // Of a job that rests the gauge keeps the last it saw; what a person decided since is in the row.
    let moving = gauge.filter(|gauge| gauge.state == "running");
    let accepted = moving.map_or(row.samples[0], |gauge| gauge.accepted_samples);
    let target = row.target.map(|target| format!("/{}", grouped(target)));
    let failed = moving.map_or(row.counts.of(TaskState::Failed), |gauge| gauge.failed);
    let judged = row.samples[0] + row.samples[1];
    let now = shared.options.started_ms + i64::try_from(shared.now.as_millis()).unwrap_or_default();
    let age = Duration::from_millis(u64::try_from(now - row.created_ms).unwrap_or_default());
    vec![
        (row.name.clone(), fg),
        (format!("{glyph} {state}"), shared.style(slot)),
        (bar(part(row, shared), 5), shared.style(slot)),
        (format!("{}{}", grouped(accepted), target.unwrap_or_default()), fg),
        (percent_in_four(row.samples[1], judged), fg),
        (
            grouped(failed),
            shared.style(if failed > 0 { Slot::Error } else { Slot::Muted }),
        ),
        (gauge.map_or(row.usd, |gauge| gauge.usd).to_string(), fg),
        (ago(age), shared.style(Slot::Muted)),
    ]
}
