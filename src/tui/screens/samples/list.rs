//! How the screen is drawn: the filter, the list with its columns, the sample beside it, and what stands there while it is empty, loading or broken.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use serde_json::Value;

use crate::core::filter::{By, Facts};
use crate::core::sample::{Sample, SampleState, answered_by};
use crate::core::text::grouped;

use crate::tui::context::Shared;
use crate::tui::layout::Width;
use crate::tui::text::{put, put_all, put_right};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::{empty, failure, pane};
use crate::tui::widgets::table::{Cell, Column, numbers, prose, table, words};

use super::columns::Fact;
use super::{Over, Samples};

const NARROW: [Column; 3] = [numbers("ROW", 7, 2), words("ST", 2, 7), prose("TEXT", 12, 9)];

/// The first line of what the last step answered: of an object, its first text.
pub(super) fn headline(sample: &Sample) -> &str {
    let Some(step) = sample.steps.last() else {
        return "";
    };
    let fields = step.value.as_ref().and_then(Value::as_object);
    let first = fields.and_then(|fields| fields.values().find_map(Value::as_str));
    let text = first.unwrap_or(&step.text).trim_start();
    text.lines().next().unwrap_or_default()
}

fn glyph(state: SampleState) -> (&'static str, Slot) {
    match state {
        SampleState::Accepted => ("✓", Slot::Ok),
        SampleState::Rejected => ("✗", Slot::Error),
        SampleState::NeedsReview => ("?", Slot::Warn),
    }
}

/// Which columns a narrow list has.
const NARROW_FACTS: [Fact; 3] = [Fact::Row, Fact::State, Fact::Text];

/// A row as it is shown.
struct Shown<'a> {
    number: u64,
    job: &'a str,
    sample: &'a Sample,
    stale: bool,
}

impl Shown<'_> {
    fn cell(&self, fact: Fact, shared: &Shared) -> Cell {
        let sample = self.sample;
        let score = |wanted: fn(&str) -> bool| {
            let of = sample.verdicts.iter().filter(move |one| wanted(&one.validator));
            of.filter_map(|one| one.score)
        };
        let told = |score: Option<f64>, digits: usize| {
            score.map_or("–".to_owned(), |score| format!("{score:.digits$}"))
        };
        let teacher = answered_by(&sample.steps).unwrap_or_default();
        let (provider, model) = teacher.split_once('/').unwrap_or((teacher, ""));
        let numbers = || Facts::of(&sample.steps, &[]);
        let (text, slot) = match fact {
            Fact::Row => (grouped(self.number + 1), Slot::Muted),
            Fact::State => {
                let (mark, slot) = glyph(sample.state);
                let edited = sample
                    .review
                    .as_ref()
                    .is_some_and(|review| review.action == "edited");
                (format!("{mark}{}", if edited { "e" } else { "" }), slot)
            }
            Fact::Judge => (told(score(|kind| kind == "judge").reduce(f64::min), 1), Slot::Fg),
            Fact::Likeness => {
                let most = score(|kind| kind.ends_with("dedup")).reduce(f64::max);
                (told(most, 2), Slot::Muted)
            }
            Fact::Reason => {
                let reason = sample.reason.map_or("", |reason| reason.word());
                (reason.to_owned(), Slot::Muted)
            }
            Fact::Provider => (provider.to_owned(), Slot::Muted),
            Fact::Model => (model.to_owned(), Slot::Muted),
            Fact::Tags => (sample.tags.join(" "), Slot::Accent),
            Fact::Length => (grouped(numbers().length), Slot::Muted),
            Fact::Tokens => (grouped(numbers().tokens), Slot::Muted),
            Fact::Task => (grouped(sample.task.index), Slot::Muted),
            Fact::Job => (self.job.to_owned(), Slot::Muted),
            Fact::Text => (headline(sample).to_owned(), Slot::Fg),
        };
        let slot = if self.stale { Slot::Muted } else { slot };
        (text, shared.style(slot))
    }
}

impl Samples {
    pub(super) fn list(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        if area.height == 0 {
            return;
        }
        let sort = self.rows.sort;
        let fact = if sort.by == By::Plan && !sort.down {
            String::new()
        } else {
            format!("by {} {}", sort.by.word(), if sort.down { "▼" } else { "▲" })
        };
        let focused = !self.reading;
        let inner = pane(buf, area, "Samples", &fact, focused, shared);
        let shown = self.rows.shown();
        if let Some(error) = self.rows.error() {
            return failure(buf, inner, error, shared);
        }
        if shown.is_empty() {
            return self.nothing(shared, inner, buf);
        }
        let narrow = Width::of(shared.size.width) == Width::Narrow;
        let any_tags = shown.iter().any(|(_, sample)| !sample.tags.is_empty());
        let (facts, mut columns) = if narrow {
            (NARROW_FACTS.to_vec(), Vec::from(NARROW))
        } else {
            self.columns.shown(any_tags)
        };
        // Where there is room, the longest word fits whole.
        let reason = facts.iter().position(|fact| *fact == Fact::Reason);
        if let Some(column) = reason.and_then(|at| columns.get_mut(at))
            && inner.width > 70
        {
            column.width = column.width.max(15);
        }
        let (offset, first, selected) = self.rows.view();
        let stale = self.rows.is_slow(shared.now);
        let rows = shown.iter().skip(offset).zip(first..);
        let cells = rows.clone().map(|((job, sample), number)| {
            let row = Shown {
                number,
                job,
                sample,
                stale,
            };
            facts.iter().map(|fact| row.cell(*fact, shared)).collect()
        });
        table(buf, inner, &columns, cells, Some(selected), shared);
        for (at, ((_, sample), row)) in rows.take(usize::from(inner.height.saturating_sub(1))).enumerate() {
            if self.marks.has(&sample.id) {
                put(buf, inner, 1, at as u16 + 1, "+", shared.style(Slot::Accent));
            } else if self.range == Some(row) {
                put(buf, inner, 1, at as u16 + 1, "v", shared.style(Slot::Accent));
            }
        }
    }

    pub(super) fn prompt(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let text = shared.style(Slot::Match);
        let label = match &self.over {
            Over::Reason(_) => "Reject because: ",
            Over::Path(_) => "Write to: ",
            _ => "",
        };
        if let Over::Reason(field) | Over::Path(field) = &self.over {
            let at = 1 + put(buf, area, 1, 0, label, shared.style(Slot::Accent));
            return Some(field.draw(buf, area, at, 0, text));
        }
        let matches = self.rows.counting(shared);
        let matches = match matches.as_str() {
            "" => matches,
            wait if wait.ends_with('…') => format!("{wait} "),
            many => format!("{many} match "),
        };
        let (shown, style) = if self.filter.is_empty() {
            ("no filter", shared.style(Slot::Muted))
        } else {
            (self.filter.as_str(), text)
        };
        let room = Rect {
            width: area.width.saturating_sub(matches.chars().count() as u16 + 1),
            ..area
        };
        put_all(buf, room, 1, 0, &[("/ ", style), (shown, style)]);
        put_right(buf, area, 0, &matches, shared.style(Slot::Muted));
        None
    }

    pub(super) fn beside(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let row = self.rows.selected().filter(|_| area.height > 2)?;
        if let Over::Edit(edit) = &self.over {
            let inner = pane(buf, area, "Edit the answer", "ctrl-s saves", true, shared);
            return edit.view(shared, inner, buf);
        }
        let title = format!("Sample {}", grouped(self.rows.row() + 1));
        let inner = pane(buf, area, &title, &self.detail.fact(), self.reading, shared);
        self.detail.view(row, self.reading, shared, inner, buf);
        None
    }

    fn nothing(&self, shared: &Shared, inner: Rect, buf: &mut Buffer) {
        if !self.rows.is_known() || self.rows.is_waiting() {
            if self.rows.is_slow(shared.now) {
                let lines = if self.filter.is_empty() {
                    ["Loading the samples …", ""]
                } else {
                    ["Searching the samples …", "esc gives up, / changes the filter"]
                };
                empty(buf, inner, &lines, shared);
            }
        } else if self.filter.is_empty() {
            empty(
                buf,
                inner,
                &[
                    "No samples yet.",
                    "The first arrive when a job runs: 2 lists the jobs.",
                    "destiler samples list FILTER",
                ],
                shared,
            );
        } else {
            let hint = match self.filter.split_whitespace().last() {
                Some(last) if self.filter.split_whitespace().count() > 1 => {
                    format!("the last word was {last}")
                }
                _ => String::new(),
            };
            empty(
                buf,
                inner,
                &[
                    "No sample matches the filter.",
                    "esc clears it, / changes it",
                    &hint,
                ],
                shared,
            );
        }
    }
}

/// Blanks a row.
pub(super) fn clear(area: Rect, shared: &Shared, buf: &mut Buffer) -> Rect {
    put(
        buf,
        area,
        0,
        0,
        &" ".repeat(usize::from(area.width)),
        shared.style(Slot::Fg),
    );
    area
}
