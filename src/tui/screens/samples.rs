//! The samples: a page of them, one beside it, and a person's word on each. Only one page is ever held.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use serde_json::Value;

use crate::core::api::{Answer, Command, Query, SamplePage, SampleQuery};
use crate::core::ports::Decided;
use crate::core::sample::{Sample, SampleId, SampleState};
use crate::core::text::grouped;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, FIELD, SAMPLES, Table};
use crate::tui::layout::{Width, inside, left, shell, top};
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::text::{put, put_all, put_right};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::pane::{badge, empty, failure, pane};
use crate::tui::widgets::table::{Cell, Column, numbers, table, words};

use super::View;

mod detail;

/// Samples of a page.
const PAGE: usize = 100;

/// The samples.
pub(crate) struct Samples {
    /// The filter in force, as it was typed.
    filter: String,
    /// The filter while it is typed, and what is wrong with it.
    field: Option<Field>,
    wrong: Option<String>,
    page: Remote<SamplePage>,
    /// The sample before each page up to this one.
    anchors: Vec<Option<SampleId>>,
    cursor: Cursor,
    /// The sample over the whole screen, scrolled so far.
    reading: Option<usize>,
    raw: bool,
    /// Decisions of this visit, newest last.
    decided: Vec<SampleId>,
    /// Opened from a job: above it, and not one of the four roots.
    of_job: bool,
}

impl Default for Samples {
    fn default() -> Self {
        Self {
            filter: String::new(),
            field: None,
            wrong: None,
            page: Remote::default(),
            anchors: vec![None],
            cursor: Cursor::default(),
            reading: None,
            raw: false,
            decided: Vec::new(),
            of_job: false,
        }
    }
}

const COLUMNS: [Column; 5] = [
    words("TEXT", 18, 9),
    words("STATE", 17, 8),
    numbers("TASK", 7, 6),
    words("TEACHER", 16, 3),
    words("JOB", 14, 2),
];

const NARROW: [Column; 2] = [words("TEXT", 15, 9), words("STATE", 17, 8)];

fn panes(area: Rect, reading: bool) -> (Rect, Rect) {
    let none = Rect { height: 0, ..area };
    match (reading, Width::of(area.width)) {
        (true, _) => (none, area),
        (false, Width::Wide) => left(area, area.width / 2),
        (false, _) => (area, none),
    }
}

impl Samples {
    /// Those of one job.
    pub(crate) fn of(job: &str) -> Self {
        Self {
            filter: format!("job:{job}"),
            of_job: true,
            ..Self::default()
        }
    }

    fn query(&self) -> Query {
        Query::Samples {
            filter: SampleQuery::parse(&self.filter).unwrap_or_default(),
            after: self.anchors.last().cloned().flatten(),
            limit: PAGE,
        }
    }

    fn ask(&mut self, cx: &mut Cx) {
        let query = self.query();
        self.page.ask(query, cx);
    }

    fn rows(&self) -> &[(String, Sample)] {
        self.page.value().map_or(&[], |page| &page.samples)
    }

    fn selected(&self) -> Option<&(String, Sample)> {
        self.rows().get(self.cursor.selected)
    }

    fn list_page(shared: &Shared) -> usize {
        let area = shell(shared.size).body;
        let area = Rect {
            height: area.height.saturating_sub(1),
            ..area
        };
        usize::from(
            inside(panes(area, false).0, shared.size.width)
                .height
                .saturating_sub(1),
        )
    }

    fn apply(&mut self, cx: &mut Cx) {
        let Some(field) = &self.field else { return };
        match SampleQuery::parse(field.text()) {
            Ok(_) => {
                field.text().clone_into(&mut self.filter);
                self.field = None;
                self.wrong = None;
                self.anchors = vec![None];
                self.cursor = Cursor::default();
                self.ask(cx);
            }
            Err(why) => self.wrong = Some(why.to_string()),
        }
    }

    fn turn(&mut self, forward: bool, cx: &mut Cx) {
        if forward {
            let Some((_, last)) = self.rows().last() else {
                return;
            };
            self.anchors.push(Some(last.id.clone()));
        } else {
            self.anchors.pop();
        }
        self.cursor = Cursor::default();
        self.reading = self.reading.map(|_| 0);
        self.ask(cx);
    }

    fn first_of_page(&self) -> u64 {
        (self.anchors.len() as u64 - 1) * PAGE as u64
    }

    fn has_more(&self) -> bool {
        let total = self.page.value().map_or(0, |page| page.total);
        self.first_of_page() + (self.rows().len() as u64) < total
    }

    fn decide(&mut self, decided: Decided, done: &str, cx: &mut Cx) {
        let undo = decided == Decided::Undo;
        let id = if undo {
            self.decided.pop()
        } else {
            self.selected().map(|(_, sample)| sample.id.clone())
        };
        let Some(id) = id else { return };
        if !undo {
            self.decided.push(id.clone());
        }
        cx.order(
            Command::Decide {
                samples: vec![id],
                decided,
            },
            done,
        );
        if !undo {
            let (rows, page) = (self.rows().len(), Self::list_page(cx.shared));
            self.cursor.act(Action::Down, rows, page);
            self.reading = self.reading.map(|_| 0);
        }
    }

    fn act(&mut self, action: Action, cx: &mut Cx) {
        match action {
            Action::Filter => self.field = Some(Field::holding(&self.filter)),
            Action::Press => self.apply(cx),
            Action::DeleteToStart => {
                if let Some(field) = &mut self.field {
                    field.delete_to_start();
                }
            }
            Action::Next => self.turn(true, cx),
            Action::Previous => self.turn(false, cx),
            Action::Shape => self.raw = !self.raw,
            Action::Reload => self.ask(cx),
            Action::Open => self.reading = if self.reading.is_some() { None } else { Some(0) },
            Action::Accept => self.decide(Decided::Accept, "Accepted samples", cx),
            Action::Reject => self.decide(Decided::Reject { note: None }, "Rejected samples", cx),
            Action::Undo => self.decide(Decided::Undo, "Decisions taken back", cx),
            movement => self.move_by(movement, cx),
        }
    }

    fn move_by(&mut self, movement: Action, cx: &mut Cx) {
        if let Some(scroll) = self.reading {
            let (_, area) = panes(shell(cx.shared.size).body, true);
            let page = usize::from(inside(area, cx.shared.size.width).height);
            let width = inside(area, cx.shared.size.width).width;
            let lines = self.selected().map_or(0, |(job, sample)| {
                detail::lines(job, sample, self.raw, width).len()
            });
            let mut cursor = Cursor {
                selected: scroll,
                offset: 0,
            };
            cursor.act(movement, lines.saturating_sub(page) + 1, page);
            self.reading = Some(cursor.selected);
        } else {
            let (rows, page) = (self.rows().len(), Self::list_page(cx.shared));
            self.cursor.act(movement, rows, page);
        }
    }

    fn prompt(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let total = self
            .page
            .value()
            .map_or(String::new(), |page| grouped(page.total));
        let matches = if total.is_empty() {
            total
        } else {
            format!("{total} match ")
        };
        let text = shared.style(Slot::Match);
        if let Some(field) = &self.field {
            put(buf, area, 1, 0, "/ ", text);
            let caret = field.draw(buf, area, 3, 0, text);
            if let Some(why) = &self.wrong {
                let at = 4 + field.text().len().min(usize::from(area.width / 2)) as u16;
                put(buf, area, at, 0, why, shared.style(Slot::Error));
            }
            return Some(caret);
        }
        let shown = if self.filter.is_empty() {
            "no filter"
        } else {
            &self.filter
        };
        let style = if self.filter.is_empty() {
            shared.style(Slot::Muted)
        } else {
            text
        };
        let room = Rect {
            width: area.width.saturating_sub(matches.len() as u16 + 1),
            ..area
        };
        put_all(buf, room, 1, 0, &[("/ ", style), (shown, style)]);
        put_right(buf, area, 0, &matches, shared.style(Slot::Muted));
        None
    }

    fn list(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        if area.height == 0 {
            return;
        }
        let rows = self.rows();
        let total = self.page.value().map_or(0, |page| page.total);
        let first = self.first_of_page();
        let fact = match rows.len() as u64 {
            0 => String::new(),
            shown => format!(
                "{}-{} of {}",
                grouped(first + 1),
                grouped(first + shown),
                grouped(total)
            ),
        };
        let inner = pane(buf, area, "Samples", &fact, true, shared);
        if !rows.is_empty() {
            let narrow = Width::of(shared.size.width) == Width::Narrow;
            let columns = if narrow { &NARROW[..] } else { &COLUMNS[..] };
            let shown = rows
                .iter()
                .skip(self.cursor.offset)
                .map(|(job, sample)| cells(job, sample, shared));
            table(
                buf,
                inner,
                columns,
                shown,
                Some(self.cursor.selected - self.cursor.offset),
                shared,
            );
        } else if let Some(error) = self.page.error() {
            failure(buf, inner, error, shared);
        } else if self.page.value().is_none() {
            if self.page.is_slow(shared.now) {
                empty(buf, inner, &["Loading the samples …"], shared);
            }
        } else if self.filter.is_empty() {
            empty(
                buf,
                inner,
                &[
                    "No samples yet.",
                    "The first arrive when a job runs: 2 lists the jobs.",
                ],
                shared,
            );
        } else {
            empty(
                buf,
                inner,
                &["No sample matches the filter.", "/ changes it, esc clears it"],
                shared,
            );
        }
    }
}

/// The first line of what the last step answered: of an object, its first text.
fn headline(sample: &Sample) -> &str {
    let Some(step) = sample.steps.last() else {
        return "";
    };
    let fields = step.value.as_ref().and_then(Value::as_object);
    let first = fields.and_then(|fields| fields.values().find_map(Value::as_str));
    let text = first.unwrap_or(&step.text).trim_start();
    text.lines().next().unwrap_or_default()
}

fn cells(job: &str, sample: &Sample, shared: &Shared) -> Vec<Cell> {
    let fg = shared.style(Slot::Fg);
    let (glyph, slot) = badge(sample.state.word());
    let word = match (sample.state, sample.reason) {
        (SampleState::Rejected, Some(reason)) => reason.word(),
        (SampleState::NeedsReview, _) => "to review",
        (state, _) => state.word(),
    };
    let teacher = sample.steps.last().map_or("", |step| step.teacher.as_str());
    vec![
        (headline(sample).to_owned(), fg),
        (format!("{glyph} {word}"), shared.style(slot)),
        (grouped(sample.task.index), fg),
        (teacher.to_owned(), shared.style(Slot::Muted)),
        (job.to_owned(), shared.style(Slot::Muted)),
    ]
}

impl View for Samples {
    fn bindings(&self, _: &Shared) -> &'static Table {
        if self.field.is_some() { &FIELD } else { &SAMPLES }
    }

    fn breadcrumb(&self) -> Vec<String> {
        vec!["Samples".to_owned()]
    }

    fn typing(&self) -> bool {
        self.field.is_some()
    }

    fn enter(&mut self, cx: &mut Cx) {
        self.ask(cx);
    }

    fn back(&mut self, cx: &mut Cx) -> bool {
        self.wrong = None;
        if self.field.take().is_some() || self.reading.take().is_some() {
            return true;
        }
        // Opened from a job, the way back is the job; its filter came with it.
        if self.filter.is_empty() || self.of_job {
            return false;
        }
        self.filter.clear();
        self.anchors = vec![None];
        self.cursor = Cursor::default();
        self.ask(cx);
        true
    }

    fn disabled(&self, action: Action, _: &Shared) -> Option<String> {
        let state = self.selected().map(|(_, sample)| sample.state);
        match action {
            Action::Accept | Action::Reject | Action::Open if state.is_none() => {
                Some("no sample is selected".to_owned())
            }
            Action::Accept if state == Some(SampleState::Accepted) => {
                Some("it is accepted already".to_owned())
            }
            Action::Reject if state == Some(SampleState::Rejected) => {
                Some("it is rejected already".to_owned())
            }
            Action::Undo if self.decided.is_empty() => Some("nothing was decided here".to_owned()),
            Action::Next if !self.has_more() => Some("this is the last page".to_owned()),
            Action::Previous if self.anchors.len() < 2 => Some("this is the first page".to_owned()),
            _ => None,
        }
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        match message {
            Message::Key(key) => {
                if let Some(field) = &mut self.field {
                    field.key(key);
                    self.wrong = None;
                }
            }
            Message::Paste(text) => {
                if let Some(field) = &mut self.field {
                    field.insert(text);
                }
            }
            Message::Act(action) => self.act(*action, cx),
            Message::Done(..) => self.ask(cx),
            _ => {
                let read = |answer: &Answer| {
                    if let Answer::Samples(page) = answer {
                        Some(page.clone())
                    } else {
                        None
                    }
                };
                let query = self.query();
                self.page.take(message, read, || query, cx);
                let (rows, page) = (self.rows().len(), Self::list_page(cx.shared));
                self.cursor.clamp(rows, page);
            }
        }
    }

    fn status(&self, _: &Shared) -> String {
        let shape = if self.raw { "raw" } else { "pretty" };
        match self.decided.len() {
            0 => format!("{shape} · r asks for new ones"),
            many => format!("{shape} · {many} decided here, u takes the last back"),
        }
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let (prompt, below) = top(area, u16::from(self.reading.is_none()));
        let caret = if prompt.height > 0 {
            self.prompt(shared, prompt, buf)
        } else {
            None
        };
        let (list, beside) = panes(below, self.reading.is_some());
        self.list(shared, list, buf);
        if let Some((job, sample)) = self.selected().filter(|_| beside.height > 2) {
            let fact = if self.raw { "raw · tab" } else { "pretty · tab" };
            let title = format!("Sample of task {}", grouped(sample.task.index));
            let inner = pane(buf, beside, &title, fact, self.reading.is_some(), shared);
            let lines = detail::lines(job, sample, self.raw, inner.width);
            detail::draw(
                &lines[self.reading.unwrap_or(0).min(lines.len())..],
                shared,
                inner,
                buf,
            );
        }
        caret
    }
}
