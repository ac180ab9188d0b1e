//! What to review: a form for a new queue, and the queues there are, to go on with.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::api::{
    Answer, Command, JobRow, Level, Query, QueueRequest, QueueSource, Receipt, SampleQuery,
};
use crate::core::review::lot::{Order, PairBy};
use crate::core::review::{Queue, QueueId, QueueKind};
use crate::core::text::grouped;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, REVIEW, REVIEW_FIELD, Table};
use crate::tui::layout::{Width, left, top};
use crate::tui::message::{Message, Ticket};
use crate::tui::remote::Remote;
use crate::tui::text::{put, put_right};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::pane::{empty, failure, pane};

/// How many samples or pairs.
const SIZES: [usize; 8] = [10, 20, 50, 100, 200, 500, 1_000, 5_000];
/// Rows of a page: more than the form has.
const PAGE: usize = 100;
/// Per cent that come twice.
const DOUBLE: [u8; 5] = [0, 2, 5, 10, 20];

/// A line of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Job,
    Source,
    Order,
    Size,
    Blind,
    DoubleCheck,
    Guideline,
}

const DECIDE: [Line; 7] = [
    Line::Job,
    Line::Source,
    Line::Order,
    Line::Size,
    Line::Blind,
    Line::DoubleCheck,
    Line::Guideline,
];

const COMPARE: [Line; 4] = [Line::Job, Line::Source, Line::Size, Line::Guideline];

/// The choices.
pub(super) struct Start {
    jobs: Remote<Vec<JobRow>>,
    queues: Remote<Vec<Queue>>,
    kind: QueueKind,
    /// `None`: all jobs.
    job: Option<String>,
    /// A job was chosen, by hand or as the first that has work.
    chosen: bool,
    filter: Option<SampleQuery>,
    source: usize,
    pairs: usize,
    order: Order,
    size: [usize; 2],
    blind: bool,
    double_check: usize,
    guideline: String,
    cursor: Cursor,
    /// The guideline while it is typed.
    pub(super) field: Option<Field>,
    opening: Option<Ticket>,
    /// The last choices let nothing in.
    nothing: bool,
}

impl Default for Start {
    fn default() -> Self {
        Self {
            jobs: Remote::default(),
            queues: Remote::default(),
            kind: QueueKind::Decide,
            job: None,
            chosen: false,
            filter: None,
            source: 0,
            pairs: 0,
            order: Order::Random,
            size: [4, 2],
            blind: true,
            double_check: 2,
            guideline: String::new(),
            cursor: Cursor::default(),
            field: None,
            opening: None,
            nothing: false,
        }
    }
}

impl Start {
    pub(super) fn bindings(&self) -> &'static Table {
        if self.field.is_some() {
            &REVIEW_FIELD
        } else {
            &REVIEW
        }
    }

    pub(super) fn enter(&mut self, cx: &mut Cx) {
        self.jobs.ask(Query::Jobs, cx);
        self.queues.ask(Query::Queues, cx);
    }

    /// The filter sent from the samples is what is to be reviewed.
    pub(super) fn choose(&mut self, filter: SampleQuery) {
        self.kind = QueueKind::Decide;
        self.chosen = true;
        self.job.clone_from(&filter.job);
        self.filter = Some(filter);
        self.source = self.sources().len() - 1;
        self.cursor = Cursor::default();
        self.nothing = false;
    }

    /// Compare instead of decide, or the other way round.
    pub(super) fn toggle(&mut self) {
        self.kind = match self.kind {
            QueueKind::Decide => QueueKind::Compare,
            QueueKind::Compare => QueueKind::Decide,
        };
        self.cursor = Cursor::default();
        self.nothing = false;
    }

    fn lines(&self) -> &'static [Line] {
        match self.kind {
            QueueKind::Decide => &DECIDE,
            QueueKind::Compare => &COMPARE,
        }
    }

    /// Jobs with anything to look at.
    fn names(&self) -> Vec<&str> {
        let jobs = self.jobs.value().into_iter().flatten();
        jobs.filter(|job| job.samples.iter().sum::<u64>() > 0)
            .map(|job| job.name.as_str())
            .collect()
    }

    fn sources(&self) -> Vec<QueueSource> {
        if self.kind == QueueKind::Compare {
            let others = self
                .names()
                .into_iter()
                .filter(|name| Some(*name) != self.job.as_deref());
            let mut pairs = vec![PairBy::Candidates, PairBy::Edits];
            pairs.extend(others.map(|name| PairBy::Job(name.to_owned())));
            return pairs.into_iter().map(QueueSource::Pairs).collect();
        }
        let mut sources = vec![
            QueueSource::NeedsReview,
            QueueSource::NearMark,
            QueueSource::Any,
            QueueSource::NearDuplicates,
            QueueSource::Flagged,
        ];
        sources.extend(self.filter.clone().map(QueueSource::Filter));
        sources
    }

    fn at(&self) -> usize {
        match self.kind {
            QueueKind::Decide => self.source,
            QueueKind::Compare => self.pairs,
        }
    }

    fn source(&self) -> QueueSource {
        let mut sources = self.sources();
        let at = self.at().min(sources.len() - 1);
        sources.swap_remove(at)
    }

    fn queue(&self) -> Option<&Queue> {
        let at = self.cursor.selected.checked_sub(self.lines().len())?;
        self.queues.value()?.get(at)
    }

    /// The job of the selected queue, or the chosen one.
    pub(super) fn job(&self) -> Option<&str> {
        let of_queue = self.queue().map(|queue| queue.spec.job.as_str());
        of_queue.or(self.job.as_deref())
    }

    fn rows(&self) -> usize {
        self.lines().len() + self.queues.value().map_or(0, Vec::len)
    }

    pub(super) fn disabled(&self, action: Action) -> Option<String> {
        match action {
            Action::Open if self.opening.is_some() => Some("the queue is being made".to_owned()),
            Action::Open if self.queue().is_none() && self.names().is_empty() => {
                Some("there are no samples to review".to_owned())
            }
            _ => None,
        }
    }

    /// The queue to go through, once there is one.
    pub(super) fn update(&mut self, message: &Message, cx: &mut Cx) -> Option<(QueueId, u32, QueueKind)> {
        match message {
            Message::Key(key) => {
                if let Some(field) = &mut self.field {
                    field.key(key);
                }
            }
            Message::Paste(text) => {
                if let Some(field) = &mut self.field {
                    field.insert(&text.replace('\n', " "));
                }
            }
            Message::Act(action) => return self.act(*action, cx),
            Message::Done(ticket, result) if self.opening == Some(*ticket) => {
                self.opening = None;
                let Ok(receipt) = result else { return None };
                if let Receipt::Queue(made) = receipt.as_ref() {
                    self.nothing = made.is_none();
                    return made.map(|queue| (queue, 0, self.kind));
                }
            }
            _ => self.reply(message, cx),
        }
        None
    }

    fn reply(&mut self, message: &Message, cx: &mut Cx) {
        let jobs = |answer: &Answer| match answer {
            Answer::Jobs(rows) => Some(rows.clone()),
            _ => None,
        };
        let queues = |answer: &Answer| match answer {
            Answer::Queues(queues) => Some(queues.clone()),
            _ => None,
        };
        if self.jobs.take(message, jobs, || Query::Jobs, cx) {
            if !self.chosen {
                // Who has most to be reviewed comes first.
                let rows = self.jobs.value().into_iter().flatten();
                let most = rows.rev().max_by_key(|job| (job.samples[2], job.samples[0]));
                self.job = most.map(|job| job.name.clone());
                self.chosen = most.is_some();
            }
        } else {
            self.queues.take(message, queues, || Query::Queues, cx);
        }
        self.cursor.clamp(self.rows(), PAGE);
    }

    fn act(&mut self, action: Action, cx: &mut Cx) -> Option<(QueueId, u32, QueueKind)> {
        match action {
            Action::Open => {
                if let Some(queue) = self.queue() {
                    return Some((queue.id, queue.next, queue.spec.kind));
                }
                self.open(cx);
            }
            Action::MoreOf => self.turn(true),
            Action::LessOf => self.turn(false),
            Action::Compare => self.toggle(),
            Action::Guideline => {
                self.cursor.selected = self.lines().len() - 1;
                self.field = Some(Field::holding(&self.guideline));
            }
            Action::Press => {
                if let Some(field) = self.field.take() {
                    field.text().clone_into(&mut self.guideline);
                }
            }
            Action::DeleteToStart => {
                if let Some(field) = &mut self.field {
                    field.delete_to_start();
                }
            }
            Action::Reload => self.enter(cx),
            movement => {
                self.cursor.act(movement, self.rows(), PAGE);
            }
        }
        None
    }

    fn open(&mut self, cx: &mut Cx) {
        if self.kind == QueueKind::Compare && self.job.is_none() {
            cx.shared.toast(Level::Ok, "Choose one job to compare in");
            return;
        }
        self.nothing = false;
        // Chance without a die: no two queues are made in the same millisecond of a session.
        let options = &cx.shared.options;
        let seed = options.started_ms.unsigned_abs() + cx.shared.now.as_millis() as u64;
        let compare = self.kind == QueueKind::Compare;
        let request = QueueRequest {
            job: self.job.clone(),
            source: self.source(),
            order: self.order,
            size: SIZES[self.size[usize::from(compare)]],
            blind: compare || self.blind,
            guideline: self.guideline.clone(),
            double_check: if compare { 0 } else { DOUBLE[self.double_check] },
            seed,
        };
        self.opening = Some(cx.order(Command::OpenQueue(request), ""));
    }

    /// The next or the previous value of the selected line.
    fn turn(&mut self, forward: bool) {
        let step = |at: usize, many: usize| {
            let many = many.max(1);
            if forward {
                (at + 1) % many
            } else {
                (at + many - 1) % many
            }
        };
        self.nothing = false;
        let Some(line) = self.lines().get(self.cursor.selected) else {
            return;
        };
        match line {
            Line::Job => {
                let names = self.names();
                let at = match &self.job {
                    None => names.len(),
                    Some(job) => names.iter().position(|name| name == job).unwrap_or(0),
                };
                let job = names
                    .get(step(at, names.len() + 1))
                    .map(|name| (*name).to_owned());
                self.chosen = true;
                self.job = job;
            }
            Line::Source => {
                let at = step(self.at().min(self.sources().len() - 1), self.sources().len());
                match self.kind {
                    QueueKind::Decide => self.source = at,
                    QueueKind::Compare => self.pairs = at,
                }
            }
            Line::Order => {
                let orders = [Order::Random, Order::Plan, Order::Newest];
                let at = orders.iter().position(|order| *order == self.order).unwrap_or(0);
                self.order = orders[step(at, orders.len())];
            }
            Line::Size => {
                let size = &mut self.size[usize::from(self.kind == QueueKind::Compare)];
                *size = step(*size, SIZES.len());
            }
            Line::Blind => self.blind = !self.blind,
            Line::DoubleCheck => self.double_check = step(self.double_check, DOUBLE.len()),
            Line::Guideline => self.field = Some(Field::holding(&self.guideline)),
        }
    }

    fn value(&self, line: Line) -> (&'static str, String, &'static str) {
        match line {
            Line::Job => {
                let job = self.job.clone().unwrap_or_else(|| "all jobs".to_owned());
                ("Job", job, "")
            }
            Line::Source if self.kind == QueueKind::Compare => ("Pairs", self.source().words(), ""),
            Line::Source => ("Queue", self.source().words(), ""),
            Line::Order => {
                let order = match self.order {
                    Order::Random => "random",
                    Order::Plan => "as planned",
                    Order::Newest => "newest first",
                };
                ("Order", order.to_owned(), "")
            }
            Line::Size => {
                let size = SIZES[self.size[usize::from(self.kind == QueueKind::Compare)]];
                ("At most", grouped(size as u64), "")
            }
            Line::Blind => {
                let blind = if self.blind { "on" } else { "off" };
                (
                    "Blind",
                    blind.to_owned(),
                    "teacher and scores stay hidden; i shows them",
                )
            }
            Line::DoubleCheck => (
                "Double check",
                format!("{} %", DOUBLE[self.double_check]),
                "come twice: do you agree with yourself?",
            ),
            Line::Guideline => {
                let none = self.guideline.is_empty();
                let text = if none { "none" } else { &self.guideline };
                (
                    "Guideline",
                    text.to_owned(),
                    if none { "h writes one" } else { "" },
                )
            }
        }
    }

    pub(super) fn status(&self) -> String {
        match self.kind {
            QueueKind::Decide => "decide about one sample after the other · c compares two".to_owned(),
            QueueKind::Compare => {
                "say which of two is better; sides random, names hidden until the end · c decides about one"
                    .to_owned()
            }
        }
    }

    pub(super) fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let wide = Width::of(shared.size.width) == Width::Wide;
        let wanted = self.lines().len() as u16 + 5;
        let (form, beside) = if wide {
            left(area, area.width * 3 / 5)
        } else {
            top(area, wanted.min(area.height))
        };
        if self.queue().is_some() && beside.height <= 2 {
            self.list(shared, area, buf);
            return None;
        }
        let caret = self.form(shared, form, buf);
        if beside.height > 2 {
            self.list(shared, beside, buf);
        }
        caret
    }

    fn form(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let title = match self.kind {
            QueueKind::Decide => "Review samples",
            QueueKind::Compare => "Compare two blindly",
        };
        let inner = pane(buf, area, title, "enter starts", true, shared);
        if let Some(error) = self.jobs.error() {
            failure(buf, inner, error, shared);
            return None;
        }
        if self.jobs.value().is_none() {
            if self.jobs.is_slow(shared.now) {
                empty(buf, inner, &["Looking for samples to review …"], shared);
            }
            return None;
        }
        if self.names().is_empty() {
            let lines = [
                "No samples yet.",
                "The first arrive when a job runs: 2 Jobs, or n for a new job.",
                "destiler run JOB.toml does the same.",
            ];
            empty(buf, inner, &lines, shared);
            return None;
        }
        let narrow = Width::of(shared.size.width) == Width::Narrow;
        // On small terminals the list of lines scrolls with the cursor.
        let shown = usize::from(inner.height.max(1));
        let skip = (self.cursor.selected.min(self.lines().len() - 1) + 1).saturating_sub(shown);
        let first = u16::from(!narrow && inner.height as usize > self.lines().len());
        let mut caret = None;
        for (row, line) in self.lines().iter().skip(skip).enumerate() {
            let (name, value, note) = self.value(*line);
            let row = row as u16 + first;
            let selected = self.cursor.selected == row as usize - usize::from(first) + skip;
            put(buf, inner, 2, row, name, shared.style(Slot::Muted));
            let at = 17;
            if let (Line::Guideline, Some(field)) = (line, &self.field) {
                caret = Some(field.draw(buf, inner, at, row, shared.style(Slot::Accent)));
                continue;
            }
            let shown = if selected && *line != Line::Guideline {
                format!("‹ {value} ›")
            } else {
                value
            };
            let end = at + put(buf, inner, at, row, &shown, shared.style(Slot::Fg));
            if !narrow {
                put(buf, inner, end + 2, row, note, shared.style(Slot::Muted));
            }
            if selected && row < inner.height {
                put(buf, inner, 0, row, "▌", shared.style(Slot::Accent));
            }
        }
        let row = self.lines().len() as u16 + 2;
        if self.opening.is_some() {
            put(
                buf,
                inner,
                2,
                row,
                "Choosing samples …",
                shared.style(Slot::Muted),
            );
        } else if self.nothing {
            let text = "Nothing to review with this filter; → on Queue takes another";
            put(
                buf,
                inner,
                2,
                row.min(inner.height.saturating_sub(1)),
                text,
                shared.style(Slot::Warn),
            );
        }
        caret
    }

    fn list(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let queues = self.queues.value().map_or(&[][..], Vec::as_slice);
        let inner = pane(buf, area, "Queues", "enter goes on", false, shared);
        if let Some(error) = self.queues.error().filter(|_| self.jobs.error().is_none()) {
            failure(buf, inner, error, shared);
            return;
        }
        if queues.is_empty() {
            if self.queues.value().is_some() {
                empty(buf, inner, &["No queue yet. Queues you leave wait here."], shared);
            }
            return;
        }
        let at = self.cursor.selected.checked_sub(self.lines().len());
        let page = usize::from(inner.height).max(1);
        let skip = (at.unwrap_or(0) + 1).saturating_sub(page);
        for (row, queue) in queues.iter().enumerate().skip(skip).take(page) {
            let line = Rect {
                y: inner.y + (row - skip) as u16,
                height: 1,
                ..inner
            };
            let spec = &queue.spec;
            let job = if spec.job.is_empty() {
                "all jobs"
            } else {
                &spec.job
            };
            let done = queue.done >= queue.size;
            let glyph = if done { "✓" } else { "○" };
            let text = format!("{glyph} {job} · {}", spec.title);
            let count = format!("{}/{} ", queue.done, queue.size);
            let room = Rect {
                width: line.width.saturating_sub(count.len() as u16 + 1),
                ..line
            };
            let slot = if done { Slot::Muted } else { Slot::Fg };
            put(buf, room, 2, 0, &text, shared.style(slot));
            put_right(buf, line, 0, &count, shared.style(Slot::Muted));
            if at == Some(row) {
                put(buf, line, 0, 0, "▌", shared.style(Slot::Accent));
                buf.set_style(line, shared.theme.selection());
            }
        }
    }
}
