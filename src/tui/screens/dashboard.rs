//! The dashboard: is it working, how fast, what does it cost, what is wrong.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use serde_json::{Value, json};

use crate::core::api::{
    Answer, Command, JobProgress, JobRow, JobSource, Level, Progress, ProviderHealth, Query, RunOptions,
};
use crate::core::task::TaskState;

use crate::tui::context::{Cx, News, Shared};
use crate::tui::history::History;
use crate::tui::keys::{Action, DASHBOARD, Table, WELCOME};
use crate::tui::layout::inside;
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::theme::Slot;
use crate::tui::widgets::chart::Scale;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::pane::{empty, failure, pane};
use crate::tui::widgets::table::{row_at, table};

use super::job::{JobScreen, Page};
use super::providers::Offered;
use super::samples::Samples;
use super::verbs::{Subject, is_order, pause_all};
use super::{Screen, View};

use charts::{COUNTERS, Metric};
use panes::{Pane, Panes};

mod charts;
mod lists;
mod panes;

pub(crate) use lists::{done, whole_percent};

/// Chart windows in minutes; the last one is the whole session.
const WINDOWS: [Option<u64>; 5] = [Some(1), Some(5), Some(30), Some(180), None];

/// How often the list of jobs is asked again where another engine runs them.
const EVERY: Duration = Duration::from_secs(2);

/// The dashboard.
#[derive(Default)]
pub(crate) struct Dashboard {
    /// Jobs of earlier sessions, to tell a quiet day from the first one.
    known: Remote<Vec<JobRow>>,
    focus: Pane,
    zoom: bool,
    jobs: Cursor,
    providers: Cursor,
    events: Cursor,
    counter: usize,
    window: usize,
    /// What this machine has that could be a provider, for the first run.
    offered: Offered,
    metric: Metric,
    scale: Scale,
    frozen: Option<Box<Frozen>>,
}

/// What was shown when it was held.
struct Frozen {
    at: Duration,
    told: u64,
    progress: Option<Progress>,
    history: History,
    news: VecDeque<News>,
}

/// What is drawn: the present, or what is held.
pub(super) struct Seen<'a> {
    pub(super) progress: Option<&'a Progress>,
    pub(super) history: &'a History,
    pub(super) news: &'a VecDeque<News>,
}

impl Seen<'_> {
    fn providers(&self) -> &[ProviderHealth] {
        self.progress.map_or(&[], |progress| &progress.providers)
    }
}

/// The heading of a pane, marked where it has the keys.
pub(super) fn headed(title: &str, focused: bool) -> String {
    if focused {
        format!("▸ {title}")
    } else {
        title.to_owned()
    }
}

/// What a stored job's gauge would say if its engine told us.
fn gauge_of(row: &JobRow) -> JobProgress {
    let counts = &row.counts;
    let judged = [
        TaskState::Accepted,
        TaskState::Rejected,
        TaskState::Failed,
        TaskState::NeedsReview,
    ];
    JobProgress {
        name: row.name.clone(),
        state: row.state.word().to_owned(),
        reason: row.state.reason(),
        enqueued: counts.planned(),
        started: judged.iter().map(|state| counts.of(*state)).sum(),
        persisted: counts.of(TaskState::Accepted),
        rejected: counts.of(TaskState::Rejected),
        failed: counts.of(TaskState::Failed),
        needs_review: counts.of(TaskState::NeedsReview),
        cancelled: counts.of(TaskState::Cancelled),
        accepted_samples: row.samples[0],
        target: row.target,
        usd: row.usd,
        usd_cap: row.usd_cap,
        ..JobProgress::default()
    }
}

impl Dashboard {
    fn seen<'a>(&'a self, shared: &'a Shared) -> Seen<'a> {
        match &self.frozen {
            Some(frozen) => Seen {
                progress: frozen.progress.as_ref(),
                history: &frozen.history,
                news: &frozen.news,
            },
            None => Seen {
                // What was kept of the last session is only shown as jobs.
                progress: shared.progress.as_ref().filter(|_| !shared.from_last),
                history: &shared.history,
                news: &shared.news,
            },
        }
    }

    /// The gauges; where another engine runs the jobs, what its ledger says.
    fn gauges<'a>(&'a self, shared: &'a Shared) -> Cow<'a, [JobProgress]> {
        let last = shared.progress.as_ref().filter(|_| shared.from_last);
        let gauges = self
            .seen(shared)
            .progress
            .or(last)
            .map_or(&[][..], |progress| &progress.jobs);
        if !gauges.is_empty() || shared.options.held_by.is_none() {
            return Cow::Borrowed(gauges);
        }
        let open = self.known.value().into_iter().flatten();
        let at_work =
            open.filter(|row| matches!(row.state.word(), "running" | "pausing" | "queued" | "paused"));
        Cow::Owned(at_work.map(gauge_of).collect())
    }

    fn selected(&self, shared: &Shared) -> Option<JobProgress> {
        self.gauges(shared).get(self.jobs.selected).cloned()
    }

    /// Nothing runs, and nothing ever did.
    fn is_new(&self, shared: &Shared) -> bool {
        shared.progress.is_some()
            && self.gauges(shared).is_empty()
            && self.known.value().is_some_and(Vec::is_empty)
    }

    /// The pane with the keys: another one where the terminal has become too small for it.
    fn focus(&self, shared: &Shared) -> Pane {
        let order = Pane::order(shared.size.width);
        if order.contains(&self.focus) {
            self.focus
        } else {
            Pane::Jobs
        }
    }

    fn panes(&self, shared: &Shared) -> Panes {
        Panes::cut(shared.size, self.focus(shared), self.zoom)
    }

    /// The pane under the pointer, and where its rows are.
    fn pane_at(&self, at: Position, shared: &Shared) -> Option<(Pane, Rect)> {
        let panes = self.panes(shared);
        let mut all = Pane::order(shared.size.width).iter().copied();
        let pane = all.find(|pane| panes.of(*pane).contains(at))?;
        Some((pane, inside(panes.of(pane), shared.size.width)))
    }

    /// Rows of the jobs, the providers and the events.
    fn extents(&self, shared: &Shared) -> (usize, usize, usize) {
        let seen = self.seen(shared);
        (self.gauges(shared).len(), seen.providers().len(), seen.news.len())
    }

    fn window(&self, history: &History) -> Duration {
        WINDOWS[self.window].map_or_else(|| history.whole(), Duration::from_mins)
    }

    /// Moves in the pane with the keys. False if the action is no movement.
    fn moved(&mut self, action: Action, shared: &Shared) -> bool {
        let focus = self.focus(shared);
        let inner = inside(self.panes(shared).of(focus), shared.size.width);
        let rows = usize::from(inner.height);
        let below_heading = rows.saturating_sub(1);
        let (jobs, providers, news) = self.extents(shared);
        match focus {
            Pane::Providers => self.providers.act(action, providers, below_heading),
            Pane::Events => self.events.act(action, news, rows),
            Pane::Counters => {
                let mut cursor = Cursor {
                    selected: self.counter,
                    offset: 0,
                };
                let moved = cursor.act(action, COUNTERS, COUNTERS);
                self.counter = cursor.selected;
                moved
            }
            Pane::Jobs | Pane::Speed | Pane::Cost => self.jobs.act(action, jobs, below_heading),
        }
    }

    /// Where `enter` leads from the pane with the keys.
    fn open(&self, cx: &mut Cx) {
        match self.focus(cx.shared) {
            Pane::Providers => cx.act(Action::GoProviders),
            Pane::Events => {
                let job = {
                    let seen = self.seen(cx.shared);
                    seen.news
                        .get(self.events.selected)
                        .and_then(|news| news.job.clone())
                };
                match job {
                    Some(job) => cx.open(Screen::Job(Box::new(JobScreen::at(job, Page::Log)))),
                    None => cx.act(Action::GoLogs),
                }
            }
            Pane::Counters => self.open_counter(cx),
            Pane::Jobs | Pane::Speed | Pane::Cost => {
                if let Some(gauge) = self.selected(cx.shared) {
                    cx.open(Screen::Job(Box::new(JobScreen::of(gauge.name))));
                }
            }
        }
    }

    fn open_counter(&self, cx: &mut Cx) {
        let samples = |state: &str| {
            let filter = format!("state:{state}");
            Screen::Samples(Box::new(Samples::filtered(filter)))
        };
        match charts::title(self.counter) {
            "PERSISTED" => cx.open(samples("accepted")),
            "REJECTED" => cx.open(samples("rejected")),
            "FAILED" => {
                let gauges = self.gauges(cx.shared).into_owned();
                if let Some(worst) = gauges.into_iter().max_by_key(|gauge| gauge.failed) {
                    cx.open(Screen::Job(Box::new(JobScreen::at(worst.name, Page::Errors))));
                }
            }
            _ => cx.act(Action::GoJobs),
        }
    }

    fn freeze(&mut self, shared: &Shared) {
        self.frozen = match self.frozen {
            Some(_) => None,
            None => Some(Box::new(Frozen {
                at: shared.now,
                told: shared.told,
                progress: shared.progress.clone(),
                history: shared.history.clone(),
                news: shared.news.clone(),
            })),
        };
    }

    fn newest_error(&mut self, shared: &Shared) {
        let worst = |level| {
            let seen = self.seen(shared);
            seen.news.iter().position(|news| news.level == level)
        };
        if let Some(at) = worst(Level::Error).or_else(|| worst(Level::Warning)) {
            self.focus = Pane::Events;
            self.zoom = false;
            let rows = inside(self.panes(shared).of(Pane::Events), shared.size.width).height;
            let count = self.seen(shared).news.len();
            self.events.selected = at;
            self.events.clamp(count, usize::from(rows));
        }
    }

    fn act(&mut self, action: Action, cx: &mut Cx) {
        let width = cx.shared.size.width;
        match action {
            Action::Longer => self.window = (self.window + 1).min(WINDOWS.len() - 1),
            Action::Shorter => self.window = self.window.saturating_sub(1),
            Action::Whole => self.window = WINDOWS.len() - 1,
            Action::Metric => self.metric = self.metric.next(),
            Action::Scale => {
                self.scale = match self.scale {
                    Scale::Linear => Scale::Logarithmic,
                    Scale::Logarithmic => Scale::Linear,
                };
            }
            Action::NextPane => self.focus = self.focus(cx.shared).step(width, true),
            Action::PreviousPane => self.focus = self.focus(cx.shared).step(width, false),
            Action::Zoom => self.zoom = !self.zoom,
            Action::Freeze => self.freeze(cx.shared),
            Action::NewestError => self.newest_error(cx.shared),
            Action::Reload => self.known.refresh(Query::Jobs, cx),
            Action::PauseAll => pause_all(cx),
            Action::TakeFound => self.offered.add(Vec::new(), cx),
            Action::IgnoreFound => self.offered.ignore(),
            Action::Demo => {
                let run = Command::Run {
                    source: JobSource::Name("quickstart".to_owned()),
                    options: RunOptions::default(),
                };
                cx.order(run, "Started the demo: quickstart");
            }
            Action::Open => self.open(cx),
            action => {
                if !self.moved(action, cx.shared)
                    && let Some(gauge) = self.selected(cx.shared)
                {
                    Subject::gauged(&gauge).act(action, None, cx);
                }
            }
        }
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

    fn back(&mut self, _: &mut Cx) -> bool {
        let open = self.zoom || self.frozen.is_some();
        self.zoom = false;
        self.frozen = None;
        open
    }

    fn disabled(&self, action: Action, shared: &Shared) -> Option<String> {
        let on_job = matches!(self.focus(shared), Pane::Jobs | Pane::Speed | Pane::Cost);
        match action {
            Action::TakeFound | Action::IgnoreFound if self.offered.is_empty() => {
                Some("nothing that could be a provider was found on this machine".to_owned())
            }
            Action::TakeFound | Action::IgnoreFound => None,
            Action::PauseAll | Action::Demo if is_order(action) && shared.view_only().is_some() => {
                shared.view_only()
            }
            Action::PauseAll if shared.running().next().is_none() => Some("no job is running".to_owned()),
            Action::NewestError if shared.news.iter().all(|news| news.level == Level::Ok) => {
                Some("nothing is wrong".to_owned())
            }
            Action::Open if !on_job => None,
            Action::Open | Action::Pause if self.selected(shared).is_none() => {
                Some("no job is selected".to_owned())
            }
            action => Subject::gauged(&self.selected(shared)?).disabled(action, shared),
        }
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        match message {
            Message::Act(action) => return self.act(*action, cx),
            Message::Done(..) => self.known.refresh(Query::Jobs, cx),
            Message::Tick(now)
                if cx.shared.options.held_by.is_some() && self.known.older_than(EVERY, *now) =>
            {
                self.known.refresh(Query::Jobs, cx);
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
            }
        }
        let jobs = self.gauges(cx.shared).len();
        let rows = inside(self.panes(cx.shared).of(Pane::Jobs), cx.shared.size.width).height;
        self.jobs.clamp(jobs, usize::from(rows.saturating_sub(1)));
    }

    fn click(&mut self, at: Position, double: bool, cx: &mut Cx) {
        let Some((pane, inner)) = self.pane_at(at, cx.shared) else {
            return;
        };
        self.focus = pane;
        let (jobs, providers, news) = self.extents(cx.shared);
        let hit = match pane {
            Pane::Providers => row_at(inner, at).is_some_and(|row| self.providers.click(row, providers)),
            Pane::Events => inner.contains(at) && self.events.click(usize::from(at.y - inner.y), news),
            Pane::Jobs => row_at(inner, at).is_some_and(|row| self.jobs.click(row, jobs)),
            Pane::Counters | Pane::Speed | Pane::Cost => false,
        };
        if hit && double {
            self.open(cx);
        }
    }

    fn wheel(&mut self, at: Position, rows: i16, cx: &mut Cx) {
        let Some((pane, inner)) = self.pane_at(at, cx.shared) else {
            return;
        };
        let (jobs, providers, news) = self.extents(cx.shared);
        let rows_shown = usize::from(inner.height);
        match pane {
            Pane::Providers => self
                .providers
                .wheel(rows, providers, rows_shown.saturating_sub(1)),
            Pane::Events => self.events.wheel(rows, news, rows_shown),
            Pane::Jobs => self.jobs.wheel(rows, jobs, rows_shown.saturating_sub(1)),
            Pane::Counters | Pane::Speed | Pane::Cost => {}
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
        let window = match WINDOWS[self.window] {
            Some(minutes @ 0..60) => format!("{minutes} min"),
            Some(minutes) => format!("{} h", minutes / 60),
            None => "the session".to_owned(),
        };
        let scale = match self.scale {
            Scale::Linear => "",
            Scale::Logarithmic => " · log scale",
        };
        let state = match &self.frozen {
            Some(frozen) => {
                let held = shared.now.saturating_sub(frozen.at).as_secs();
                let more = shared.told - frozen.told;
                format!("FROZEN {held} s · +{more} events · ")
            }
            None if shared.running().next().is_some() => "LIVE · ".to_owned(),
            None => String::new(),
        };
        format!("{state}{} over {window}{scale}", self.metric.name())
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        if self.is_new(shared) {
            lists::welcome(&self.offered, shared, area, buf);
            return None;
        }
        let (seen, panes, focus) = (self.seen(shared), self.panes(shared), self.focus(shared));
        let window = self.window(seen.history);
        let counter = (focus == Pane::Counters).then_some(self.counter);
        charts::counters(&seen, counter, window, shared, panes.of(Pane::Counters), buf);
        let chart = charts::Chart {
            metric: self.metric,
            scale: self.scale,
            window,
            focused: focus == Pane::Speed,
            alone: panes.of(Pane::Cost).height == 0,
        };
        charts::speed(&seen, &chart, shared, panes.of(Pane::Speed), buf);
        charts::cost(
            &seen,
            window,
            focus == Pane::Cost,
            shared,
            panes.of(Pane::Cost),
            buf,
        );
        self.table(shared, focus == Pane::Jobs, panes.of(Pane::Jobs), buf);
        let cursor = |pane, cursor| (focus == pane).then_some(cursor);
        let providers = cursor(Pane::Providers, self.providers);
        lists::providers(&seen, providers, shared, panes.of(Pane::Providers), buf);
        let events = cursor(Pane::Events, self.events);
        lists::events(&seen, events, shared, panes.of(Pane::Events), buf);
        None
    }
}

impl Dashboard {
    fn table(&self, shared: &Shared, focused: bool, area: Rect, buf: &mut Buffer) {
        if area.height == 0 {
            return;
        }
        let jobs = self.gauges(shared);
        let known = self
            .known
            .value()
            .map_or(jobs.len(), |rows| rows.len().max(jobs.len()));
        let still = !jobs.is_empty() && jobs.iter().all(|gauge| gauge.state == "paused");
        let fact = if shared.from_last {
            "as it was left".to_owned()
        } else if still {
            "all jobs paused – p resumes".to_owned()
        } else {
            format!("{} of {known}", jobs.len())
        };
        let inner = pane(buf, area, &headed("Jobs now", focused), &fact, focused, shared);
        if jobs.is_empty() {
            if let Some(error) = self.known.error() {
                failure(buf, inner, error, shared);
            } else if shared.progress.is_some() && self.known.value().is_some() {
                let lines = [
                    "No job is at work.",
                    "n writes a new one, 2 lists those there are.",
                ];
                empty(buf, inner, &lines, shared);
            } else if self.known.is_slow(shared.now) {
                empty(buf, inner, &["Waiting for the engine …"], shared);
            }
            return;
        }
        let (columns, cells) = lists::columns(shared.size.width);
        let rows = jobs
            .iter()
            .skip(self.jobs.offset)
            .map(|gauge| cells(gauge, shared));
        let selected = Some(self.jobs.selected.saturating_sub(self.jobs.offset));
        table(buf, inner, columns, rows, selected, shared);
        if self.frozen.is_some() || shared.from_last {
            buf.set_style(inner, shared.style(Slot::Muted));
        }
    }
}
