//! The dashboard: is it working, how fast, what does it cost, what is wrong.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use serde_json::{Value, json};

use crate::core::api::{Answer, Command, Health, JobProgress, JobRow, JobSource, Level, Query, RunOptions};
use crate::core::text::grouped;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, DASHBOARD, Table, WELCOME};
use crate::tui::layout::{Width, inside, left, shell, top};
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::text::{clock, compact, percent, put, put_all, time_of_day};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::pane::{badge, bar, empty, failure, pane};
use crate::tui::widgets::table::{Cell, Column, numbers, row_at, table, words};

use super::providers::Offered;
use super::verbs::{Subject, pause_all};
use super::{Screen, View};

mod charts;

/// Chart windows.
const WINDOWS: [Duration; 3] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(10),
];

/// How a job becomes a row.
type Cells = fn(&JobProgress, &Shared) -> Vec<Cell>;

/// The dashboard.
#[derive(Default)]
pub(crate) struct Dashboard {
    /// Jobs of earlier sessions, to tell a quiet day from the first one.
    known: Remote<Vec<JobRow>>,
    cursor: Cursor,
    window: usize,
    /// What this machine has that could be a provider, for the first run.
    offered: Offered,
}

/// Where the panes are.
struct Panes {
    counters: Rect,
    speed: Rect,
    cost: Rect,
    jobs: Rect,
    providers: Rect,
    events: Rect,
}

fn panes(area: Rect) -> Panes {
    let none = Rect { height: 0, ..area };
    let mut panes = Panes {
        counters: none,
        speed: none,
        cost: none,
        jobs: none,
        providers: none,
        events: none,
    };
    match Width::of(area.width) {
        Width::Narrow => (panes.counters, panes.jobs) = top(area, 3),
        width => {
            let wide = width == Width::Wide && area.height >= 28;
            let rest;
            (panes.counters, rest) = top(area, if wide { 6 } else { 5 });
            let charts = if wide {
                rest.height / 3
            } else if rest.height >= 12 {
                5
            } else {
                0
            };
            let (mut middle, mut rest) = top(rest, charts);
            if wide {
                (panes.speed, panes.cost) = left(middle, middle.width / 2);
                let below = (rest.height / 2).min(9);
                (panes.jobs, rest) = top(rest, rest.height - below);
                (panes.providers, panes.events) = left(rest, rest.width / 2);
            } else {
                middle.height = charts;
                panes.speed = middle;
                panes.jobs = rest;
            }
        }
    }
    panes
}

/// The gauges of all jobs.
fn jobs(shared: &Shared) -> &[JobProgress] {
    shared.progress.as_ref().map_or(&[], |progress| &progress.jobs)
}

fn page(shared: &Shared) -> usize {
    let area = panes(shell(shared.size).body).jobs;
    let frame = if Width::of(shared.size.width) == Width::Narrow {
        1
    } else {
        3
    };
    usize::from(area.height.saturating_sub(frame))
}

impl Dashboard {
    fn selected<'a>(&self, shared: &'a Shared) -> Option<&'a JobProgress> {
        jobs(shared).get(self.cursor.selected)
    }

    /// Nothing runs, and nothing ever did.
    fn is_new(&self, shared: &Shared) -> bool {
        shared.progress.is_some() && jobs(shared).is_empty() && self.known.value().is_some_and(Vec::is_empty)
    }
}

fn subject(gauge: &JobProgress) -> Subject<'_> {
    Subject {
        name: &gauge.name,
        state: gauge.state.clone(),
        failed: gauge.failed,
        pending: gauge
            .enqueued
            .saturating_sub(gauge.persisted + gauge.rejected + gauge.failed + gauge.cancelled),
        samples: gauge.accepted_samples,
    }
}

impl View for Dashboard {
    fn bindings(&self, shared: &Shared) -> &'static Table {
        if self.is_new(shared) { &WELCOME } else { &DASHBOARD }
    }

    fn breadcrumb(&self) -> Vec<String> {
        vec!["Dashboard".to_owned()]
    }

    fn enter(&mut self, cx: &mut Cx) {
        self.known.ask(Query::Jobs, cx);
        self.offered.ask(cx);
    }

    fn disabled(&self, action: Action, shared: &Shared) -> Option<String> {
        match action {
            Action::TakeFound | Action::IgnoreFound if self.offered.is_empty() => {
                Some("nothing that could be a provider was found on this machine".to_owned())
            }
            Action::TakeFound | Action::IgnoreFound => None,
            Action::PauseAll if shared.running().next().is_none() => Some("no job is running".to_owned()),
            Action::Open | Action::Pause if self.selected(shared).is_none() => {
                Some("no job is selected".to_owned())
            }
            action => subject(self.selected(shared)?).disabled(action),
        }
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        let jobs = jobs(cx.shared).len();
        let page = page(cx.shared);
        match message {
            Message::Act(Action::Longer) => self.window = (self.window + 1).min(WINDOWS.len() - 1),
            Message::Act(Action::Shorter) => self.window = self.window.saturating_sub(1),
            Message::Act(Action::Reload) | Message::Done(..) => self.known.refresh(Query::Jobs, cx),
            Message::Act(Action::PauseAll) => pause_all(cx),
            Message::Act(Action::TakeFound) => self.offered.add(Vec::new(), cx),
            Message::Act(Action::IgnoreFound) => self.offered.ignore(),
            Message::Act(Action::Demo) => {
                let run = Command::Run {
                    source: JobSource::Name("quickstart".to_owned()),
                    options: RunOptions::default(),
                };
                cx.order(run, "Started the demo: quickstart");
            }
            Message::Act(action) => {
                if self.cursor.act(*action, jobs, page) {
                    return;
                }
                let Some(gauge) = self.selected(cx.shared).cloned() else {
                    return;
                };
                if *action == Action::Open {
                    cx.open(Screen::Job(Box::new(super::job::JobScreen::of(gauge.name))));
                } else {
                    subject(&gauge).act(*action, cx);
                }
            }
            _ => {
                let rows = |answer: &Answer| {
                    if let Answer::Jobs(rows) = answer {
                        Some(rows.clone())
                    } else {
                        None
                    }
                };
                if self.offered.take(message, cx) {
                    return;
                }
                self.known.take(message, rows, || Query::Jobs, cx);
                self.cursor.clamp(jobs, page);
            }
        }
    }

    fn click(&mut self, at: Position, double: bool, cx: &mut Cx) {
        let area = panes(shell(cx.shared.size).body).jobs;
        let all = jobs(cx.shared).len();
        let hit =
            row_at(inside(area, cx.shared.size.width), at).is_some_and(|row| self.cursor.click(row, all));
        if hit && double {
            self.update(&Message::Act(Action::Open), cx);
        }
    }

    fn wheel(&mut self, at: Position, rows: i16, cx: &mut Cx) {
        if panes(shell(cx.shared.size).body).jobs.contains(at) {
            self.cursor.wheel(rows, jobs(cx.shared).len(), page(cx.shared));
        }
    }

    fn remember(&self) -> Option<Value> {
        Some(json!({ "window": self.window }))
    }

    fn recall(&mut self, memory: &Value) {
        let window = memory["window"].as_u64().unwrap_or_default();
        self.window = (window as usize).min(WINDOWS.len() - 1);
    }

    fn status(&self, shared: &Shared) -> String {
        if self.is_new(shared) {
            return "First run".to_owned();
        }
        let window = WINDOWS[self.window].as_secs() / 60;
        let running = shared.running().count();
        let live = if running > 0 { "LIVE · " } else { "" };
        format!("{live}charts over {window} min (+ -)")
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        if self.is_new(shared) {
            welcome(&self.offered, shared, area, buf);
            return None;
        }
        let panes = panes(area);
        charts::counters(shared, panes.counters, buf, WINDOWS[self.window]);
        charts::speed(
            shared,
            panes.speed,
            buf,
            WINDOWS[self.window],
            panes.cost.height == 0,
        );
        charts::cost(shared, panes.cost, buf, WINDOWS[self.window]);
        self.table(shared, panes.jobs, buf);
        providers(shared, panes.providers, buf);
        events(shared, panes.events, buf);
        None
    }
}

impl Dashboard {
    fn table(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let jobs = jobs(shared);
        let known = self
            .known
            .value()
            .map_or(jobs.len(), |rows| rows.len().max(jobs.len()));
        let inner = pane(
            buf,
            area,
            "Jobs now",
            &format!("{} of {known}", jobs.len()),
            true,
            shared,
        );
        if jobs.is_empty() {
            if let Some(error) = self.known.error() {
                failure(buf, inner, error, shared);
            } else if shared.progress.is_some() && self.known.value().is_some() {
                empty(
                    buf,
                    inner,
                    &[
                        "No job is at work.",
                        "n writes a new one, 2 lists those there are.",
                    ],
                    shared,
                );
            } else if self.known.is_slow(shared.now) {
                empty(buf, inner, &["Waiting for the engine …"], shared);
            }
            return;
        }
        let width = Width::of(shared.size.width);
        let (columns, cells): (&[Column], Cells) = match width {
            Width::Narrow => (&NARROW, small),
            Width::Medium => (&MEDIUM, medium),
            Width::Wide => (&WIDE, cells),
        };
        let rows = jobs
            .iter()
            .skip(self.cursor.offset)
            .map(|gauge| cells(gauge, shared));
        let selected = Some(self.cursor.selected - self.cursor.offset);
        table(buf, inner, columns, rows, selected, shared);
    }
}

const NARROW: [Column; 3] = [
    words("JOB", 10, 9),
    words("PROGRESS", 10, 5),
    numbers("LEFT", 8, 7),
];

/// Without the target: the bar before it tells.
const MEDIUM: [Column; 7] = [
    words("JOB", 15, 9),
    words("STATE", 9, 8),
    words("PROGRESS", 10, 7),
    numbers("ACCEPTED", 8, 6),
    numbers("REJ%", 5, 3),
    numbers("COST", 6, 4),
    numbers("LEFT", 8, 5),
];

const WIDE: [Column; 8] = [
    words("JOB", 14, 9),
    words("STATE", 9, 8),
    words("PROGRESS", 15, 7),
    numbers("ACCEPTED", 15, 6),
    numbers("REJ%", 5, 3),
    numbers("TOK/S", 6, 1),
    numbers("COST/CAP", 13, 4),
    numbers("TIME LEFT", 9, 5),
];

/// Part of the work that is done: of the target where there is one, else of the tasks.
pub(crate) fn done(gauge: &JobProgress) -> f64 {
    match gauge.target {
        Some(target) if target > 0 => gauge.accepted_samples as f64 / target as f64,
        _ if gauge.enqueued == 0 => 0.0,
        _ => {
            let settled =
                gauge.persisted + gauge.rejected + gauge.failed + gauge.needs_review + gauge.cancelled;
            settled as f64 / gauge.enqueued as f64
        }
    }
}

fn whole_percent(part: f64) -> String {
    // 100 % is said when it is all, not when it nearly is.
    format!("{:.0}%", (part * 100.0).floor().clamp(0.0, 100.0))
}

fn left_over(gauge: &JobProgress) -> String {
    match (gauge.eta, gauge.state.as_str()) {
        (Some(eta), "running") => clock(eta),
        (_, "queued") => "waits".to_owned(),
        _ => "-".to_owned(),
    }
}

fn small(gauge: &JobProgress, shared: &Shared) -> Vec<Cell> {
    let (glyph, slot) = badge(&gauge.state);
    let part = done(gauge);
    vec![
        (format!("{glyph} {}", gauge.name), shared.style(slot)),
        (
            format!("{} {:>4}", bar(part, 5), whole_percent(part)),
            shared.style(slot),
        ),
        (left_over(gauge), shared.style(Slot::Fg)),
    ]
}

fn medium(gauge: &JobProgress, shared: &Shared) -> Vec<Cell> {
    let fg = shared.style(Slot::Fg);
    let (glyph, slot) = badge(&gauge.state);
    let part = done(gauge);
    vec![
        (gauge.name.clone(), fg),
        (format!("{glyph} {}", gauge.state), shared.style(slot)),
        (
            format!("{} {:>4}", bar(part, 5), whole_percent(part)),
            shared.style(slot),
        ),
        (grouped(gauge.accepted_samples), fg),
        (percent(gauge.rejected, gauge.persisted + gauge.rejected), fg),
        (gauge.usd.to_string(), fg),
        (left_over(gauge), fg),
    ]
}

fn cells(gauge: &JobProgress, shared: &Shared) -> Vec<Cell> {
    let fg = shared.style(Slot::Fg);
    let (glyph, slot) = badge(&gauge.state);
    let part = done(gauge);
    let target = gauge
        .target
        .map(|target| format!("/{}", grouped(target)))
        .unwrap_or_default();
    let judged = gauge.persisted + gauge.rejected;
    let tokens = gauge.token_rates[0] + gauge.token_rates[1];
    let cap = gauge.usd_cap.map(|cap| format!("/{cap}")).unwrap_or_default();
    vec![
        (gauge.name.clone(), fg),
        (format!("{glyph} {}", gauge.state), shared.style(slot)),
        (
            format!("{} {:>4}", bar(part, 10), whole_percent(part)),
            shared.style(slot),
        ),
        (format!("{}{target}", grouped(gauge.accepted_samples)), fg),
        (percent(gauge.rejected, judged), fg),
        (
            if tokens > 0.0 {
                compact(tokens)
            } else {
                "-".to_owned()
            },
            fg,
        ),
        (format!("{}{cap}", gauge.usd), fg),
        (left_over(gauge), fg),
    ]
}

fn providers(shared: &Shared, area: Rect, buf: &mut Buffer) {
    let all = shared
        .progress
        .as_ref()
        .map_or(&[][..], |progress| &progress.providers);
    let up = all.iter().filter(|one| one.health == Health::Up).count();
    let inner = pane(
        buf,
        area,
        "Providers",
        &format!("{up} of {} up", all.len()),
        false,
        shared,
    );
    if all.is_empty() {
        return empty(
            buf,
            inner,
            &["No provider is configured.", "4 says how to add one."],
            shared,
        );
    }
    table(
        buf,
        inner,
        &super::providers::COLUMNS,
        all.iter().map(|one| super::providers::cells(one, shared)),
        None,
        shared,
    );
}

fn events(shared: &Shared, area: Rect, buf: &mut Buffer) {
    let inner = pane(buf, area, "Events", "newest first", false, shared);
    if shared.news.is_empty() {
        return empty(buf, inner, &["Nothing has happened in this session."], shared);
    }
    for (row, news) in shared.news.iter().take(usize::from(inner.height)).enumerate() {
        let ms = shared.options.started_ms + i64::try_from(news.at.as_millis()).unwrap_or_default();
        let at = format!(" {} ", time_of_day(ms, shared.options.offset_seconds));
        let (glyph, slot) = match news.level {
            Level::Ok => ("  ", Slot::Fg),
            Level::Warning => ("▲ ", Slot::Warn),
            Level::Error => ("✗ ", Slot::Error),
        };
        let spans = [
            (at.as_str(), shared.style(Slot::Muted)),
            (glyph, shared.style(slot)),
            (&news.text, shared.style(Slot::Fg)),
        ];
        put_all(buf, inner, 0, row as u16, &spans);
    }
}

fn welcome(offered: &Offered, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let inner = pane(buf, area, "Welcome", "", true, shared);
    let choices = [
        (
            "d",
            "run the demo",
            "offline, with the built-in mock teacher, in a moment",
        ),
        ("p", "providers", "where the teachers are, and how to add one"),
        ("n", "new job", "from a ready one, or from an empty page"),
    ];
    let narrow = Width::of(shared.size.width) == Width::Narrow;
    put(
        buf,
        inner,
        2,
        u16::from(!narrow),
        "Nothing has run yet.",
        shared.style(Slot::Title),
    );
    let mut row = if narrow { 2 } else { 3 };
    for (key, what, why) in choices {
        put_all(
            buf,
            inner,
            2,
            row,
            &[
                (key, shared.style(Slot::Accent)),
                ("  ", shared.style(Slot::Fg)),
                (what, shared.style(Slot::Fg)),
            ],
        );
        if !narrow {
            put(buf, inner, 22, row, why, shared.style(Slot::Muted));
        }
        row += if narrow { 1 } else { 2 };
    }
    for sentence in offered.sentences() {
        put(buf, inner, 2, row, &sentence, shared.style(Slot::Info));
        row += 1;
    }
    put(
        buf,
        inner,
        2,
        row + u16::from(narrow || !offered.is_empty()),
        "Nothing is written before you choose.",
        shared.style(Slot::Muted),
    );
}
