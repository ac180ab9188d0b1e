//! One job, whole, on seven tabs: overview, samples, report, errors, providers, log, and its file.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::api::{Answer, Funnel, JobDetail, Query};
use crate::core::ports::{FailureGroup, Revision};
use crate::core::text::grouped;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, JOB, Table};
use crate::tui::layout::{shell, top};
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::text::{clock, put, put_all, put_right, span};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::{Cursor, turned};
use crate::tui::widgets::pane::{badge, empty, failure, pane};

use super::samples::Samples;
use super::verbs::Subject;
use super::{Screen, View};

use errors::Errors;
use file::File;
use overview::Overview;
use report::{Report, Side};

mod banner;
mod diff;
mod errors;
mod figures;
mod file;
mod lists;
mod overview;
mod panes;
mod report;

/// How often it is asked again while it runs.
const EVERY: Duration = Duration::from_secs(2);

/// A tab.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Page {
    /// All in one.
    #[default]
    Overview,
    /// Where samples stand, and the way to them.
    Samples,
    /// How varied they are, and how its judges stand against persons.
    Report,
    /// Failed tasks.
    Errors,
    /// Its teachers.
    Providers,
    /// What happened to it.
    Log,
    /// Its file and the revisions of it.
    Config,
}

impl Page {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Overview, "Overview"),
        (Self::Samples, "Samples"),
        (Self::Report, "Report"),
        (Self::Errors, "Errors"),
        (Self::Providers, "Providers"),
        (Self::Log, "Log"),
        (Self::Config, "Config"),
    ];

    fn step(self, forward: bool) -> Self {
        let at = Self::ALL.iter().position(|(page, _)| *page == self).unwrap_or(0);
        Self::ALL[turned(at, Self::ALL.len(), forward)].0
    }
}

/// One job.
pub(crate) struct JobScreen {
    name: String,
    page: Page,
    detail: Remote<JobDetail>,
    failures: Remote<Vec<FailureGroup>>,
    revisions: Remote<Vec<Revision>>,
    overview: Overview,
    report: Report,
    errors: Errors,
    file: File,
    /// The rows of the plain lists: samples, providers, log.
    rows: Cursor,
}

impl JobScreen {
    /// The job of this name.
    pub(crate) fn of(name: String) -> Self {
        Self::at(name, Page::Overview)
    }

    /// The job of this name, on that tab.
    pub(crate) fn at(name: String, page: Page) -> Self {
        Self {
            name,
            page,
            detail: Remote::default(),
            failures: Remote::default(),
            revisions: Remote::default(),
            overview: Overview::default(),
            report: Report::default(),
            errors: Errors::default(),
            file: File::default(),
            rows: Cursor::default(),
        }
    }

    /// The judges of the job of this name, held against what persons said.
    pub(crate) fn judges(name: String) -> Self {
        let mut screen = Self::at(name, Page::Report);
        screen.report.side = Side::Judges;
        screen
    }

    fn ask(&mut self, cx: &mut Cx) {
        self.detail.refresh(Query::Job(self.name.clone()), cx);
        match self.page {
            Page::Overview | Page::Errors => {
                self.failures.refresh(Query::Failures(self.name.clone()), cx);
            }
            Page::Config => self.revisions.refresh(Query::Revisions(self.name.clone()), cx),
            Page::Report => self.report.enter(self.detail.value(), cx),
            Page::Samples | Page::Providers | Page::Log => {}
        }
    }

    fn turn(&mut self, page: Page, cx: &mut Cx) {
        if self.page == Page::Report {
            self.report.give_up(cx);
        }
        self.page = page;
        self.rows = Cursor::default();
        self.ask(cx);
    }

    fn state(&self, shared: &Shared) -> String {
        let stored = self.detail.value().map_or("", |detail| detail.row.state.word());
        shared
            .gauge(&self.name)
            .map_or(stored, |gauge| gauge.state.as_str())
            .to_owned()
    }

    /// How far its new verdicts are, while they are made.
    fn rejudging(&self, shared: &Shared) -> Option<String> {
        shared.rejudgings.get(&self.name)?.busy(shared.now)
    }

    /// What is drawn of a loaded job.
    fn facts<'a>(&'a self, detail: &'a JobDetail) -> Facts<'a> {
        Facts {
            detail,
            funnel: Funnel::of(&detail.spec.validators, detail.row.samples, &detail.reasons),
            failures: self.failures.value().map(Vec::as_slice),
        }
    }

    fn samples(&self, condition: &str, cx: &mut Cx) {
        let filter = format!("job:{} {condition}", self.name);
        cx.open(Screen::Samples(Box::new(Samples::filtered(filter))));
    }

    /// Follows what `enter` was pressed on.
    fn follow(&mut self, target: Target, cx: &mut Cx) {
        match target {
            Target::Samples(condition) => self.samples(&condition, cx),
            Target::Page(page) => self.turn(page, cx),
            Target::Group(at) => {
                self.errors.select(at);
                self.turn(Page::Errors, cx);
            }
            Target::Limits => {
                if let Some(detail) = self.detail.value() {
                    Subject::of(&detail.row, cx.shared).act(Action::Edit, Some(detail), cx);
                }
            }
            Target::Providers => cx.act(Action::GoProviders),
            Target::Nothing => {}
        }
    }

    fn open(&mut self, cx: &mut Cx) {
        let Some(detail) = self.detail.value() else { return };
        let target = match self.page {
            Page::Overview => self.overview.target(&self.facts(detail)),
            Page::Samples => lists::sample_target(detail, self.rows.selected),
            Page::Providers => Target::Providers,
            Page::Errors => {
                let groups = self.failures.value().map_or(&[][..], Vec::as_slice);
                self.errors.open(&self.name, groups, cx);
                Target::Nothing
            }
            Page::Report | Page::Log | Page::Config => Target::Nothing,
        };
        self.follow(target, cx);
    }

    /// A movement within the tab. False if the action is none.
    fn moved(&mut self, action: Action, cx: &mut Cx) -> bool {
        let body = top(shell(cx.shared.size).body, self.head(cx.shared)).1;
        let page = usize::from(body.height.saturating_sub(3));
        let Some(detail) = self.detail.value() else {
            return false;
        };
        match self.page {
            Page::Overview => {
                let facts = Facts {
                    detail,
                    funnel: Funnel::of(&detail.spec.validators, detail.row.samples, &detail.reasons),
                    failures: self.failures.value().map(Vec::as_slice),
                };
                self.overview.act(action, &facts, body, cx.shared)
            }
            Page::Samples => {
                let rows = lists::sample_rows(detail).len();
                self.rows.act(action, rows, page)
            }
            Page::Report => self.report.act(action, detail, body, cx),
            Page::Providers => self.rows.act(action, detail.teachers.len(), page),
            Page::Log => {
                let rows = lists::news(&self.name, cx.shared).count();
                self.rows.act(action, rows, page)
            }
            Page::Errors => {
                let groups = self.failures.value().map_or(0, Vec::len);
                self.errors.act(action, groups, body)
            }
            Page::Config => {
                let revisions = self.revisions.value().map_or(&[][..], Vec::as_slice);
                self.file.act(action, revisions, page)
            }
        }
    }

    fn act(&mut self, action: Action, cx: &mut Cx) {
        match action {
            Action::Reload => {
                if self.page == Page::Report {
                    self.report.reload(self.detail.value(), cx);
                }
                self.ask(cx);
            }
            Action::Report => self.turn(Page::Report, cx),
            Action::NextTab => self.turn(self.page.step(true), cx),
            Action::PreviousTab => self.turn(self.page.step(false), cx),
            Action::JobLog => self.turn(Page::Log, cx),
            Action::Open => self.open(cx),
            Action::Copy if self.page == Page::Report => cx.copy(self.report.command(&self.name), "command"),
            Action::Copy => cx.copy(format!("destiler run {}", self.name), "command"),
            action => {
                if self.moved(action, cx) {
                    return;
                }
                let Some(detail) = self.detail.value() else { return };
                let subject = Subject::of(&detail.row, cx.shared);
                let groups = self.failures.value().map_or(&[][..], Vec::as_slice);
                match (action, self.page, self.errors.group(groups)) {
                    (Action::Retry, Page::Errors, Some(group)) => {
                        subject.retry(Some(&group.reason), group.tasks, cx);
                    }
                    _ => {
                        subject.act(action, Some(detail), cx);
                    }
                }
            }
        }
    }

    fn take(&mut self, message: &Message, cx: &mut Cx) {
        let name = self.name.clone();
        let job = |answer: &Answer| {
            if let Answer::Job(job) = answer {
                Some(JobDetail::clone(job))
            } else {
                None
            }
        };
        let took = self.detail.take(message, job, || Query::Job(name.clone()), cx);
        let failures = |answer: &Answer| {
            if let Answer::Failures(groups) = answer {
                Some(groups.clone())
            } else {
                None
            }
        };
        self.failures
            .take(message, failures, || Query::Failures(name.clone()), cx);
        let revisions = |answer: &Answer| {
            if let Answer::Revisions(revisions) = answer {
                Some(revisions.clone())
            } else {
                None
            }
        };
        self.revisions
            .take(message, revisions, || Query::Revisions(name.clone()), cx);
        self.errors.take(message, cx);
        self.report.take(message, &self.name, cx);
        if took && self.page == Page::Report {
            self.report.enter(self.detail.value(), cx);
        }
        let gone = self
            .detail
            .error()
            .is_some_and(|failure| failure.kind == crate::core::api::FailureKind::NotFound);
        // What was just deleted has no page any more.
        if took && gone && self.detail.value().is_some() {
            cx.leave();
        }
    }
}

/// What is drawn of a loaded job.
struct Facts<'a> {
    detail: &'a JobDetail,
    funnel: Funnel,
    /// `None` while they are counted.
    failures: Option<&'a [FailureGroup]>,
}

/// Where `enter` leads.
enum Target {
    /// To samples that satisfy a condition of the filter language.
    Samples(String),
    /// To another tab.
    Page(Page),
    /// To a group of failed tasks.
    Group(usize),
    /// To the form of limits.
    Limits,
    /// To the providers.
    Providers,
    /// Nowhere.
    Nothing,
}

impl View for JobScreen {
    fn bindings(&self, _: &Shared) -> &'static Table {
        &JOB
    }

    fn breadcrumb(&self) -> Vec<String> {
        vec![self.name.clone()]
    }

    fn enter(&mut self, cx: &mut Cx) {
        self.ask(cx);
    }

    fn leave(&mut self, shared: &mut Shared) {
        self.report.abandon(shared);
    }

    fn back(&mut self, cx: &mut Cx) -> bool {
        match self.page {
            Page::Errors => self.errors.back(),
            Page::Report => self.report.stop(cx),
            _ => false,
        }
    }

    fn disabled(&self, action: Action, shared: &Shared) -> Option<String> {
        let verbs = [
            Action::Open,
            Action::Pause,
            Action::Cancel,
            Action::Retry,
            Action::Delete,
            Action::Edit,
            Action::EditFile,
            Action::CloneJob,
            Action::Rejudge,
            Action::WriteDataset,
            Action::Export,
            Action::Samples,
            Action::Report,
            Action::Copy,
        ];
        match (action, self.page) {
            (Action::Older | Action::Newer, Page::Report) => {}
            (Action::Diff | Action::Older | Action::Newer, page) if page != Page::Config => {
                return Some("it belongs to the tab Config".to_owned());
            }
            (Action::NextPane | Action::PreviousPane, page)
                if !matches!(page, Page::Overview | Page::Report) =>
            {
                return Some("this tab is one pane".to_owned());
            }
            (Action::Open, Page::Report | Page::Log | Page::Config) => {
                return Some("nothing to open here".to_owned());
            }
            _ => {}
        }
        match self.detail.value() {
            None if verbs.contains(&action) => Some("the job is not loaded yet".to_owned()),
            None => None,
            Some(detail) => Subject::of(&detail.row, shared).disabled(action, shared),
        }
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        match message {
            Message::Act(action) => self.act(*action, cx),
            Message::Event(_) | Message::Done(_, Ok(_)) => self.ask(cx),
            Message::Tick(now) if self.detail.older_than(EVERY, *now) => self.ask(cx),
            _ => self.take(message, cx),
        }
    }

    fn wake(&self, shared: &Shared) -> Option<Duration> {
        let report = self.report.wake(shared);
        let rejudging = self
            .rejudging(shared)
            .map(|_| Duration::from_secs(shared.now.as_secs() + 1));
        report.or(rejudging)
    }

    fn wheel(&mut self, _: Position, rows: i16, cx: &mut Cx) {
        let action = if rows > 0 { Action::Down } else { Action::Up };
        for _ in 0..rows.unsigned_abs() {
            self.moved(action, cx);
        }
    }

    fn status(&self, shared: &Shared) -> String {
        let Some(detail) = self.detail.value() else {
            return String::new();
        };
        let elapsed = clock(Duration::from_secs_f64(
            detail.summary.elapsed_seconds.clamp(0.0, 1e9),
        ));
        if let Some(busy) = self.rejudging(shared) {
            return busy;
        }
        let stale = if self.detail.error().is_some() {
            " · not up to date"
        } else {
            ""
        };
        let live = if self.state(shared) == "running" {
            "LIVE · "
        } else {
            ""
        };
        format!("{live}revision {} · ran {elapsed}{stale}", detail.revision)
    }

    fn tabs(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> bool {
        let mut at = 1;
        for (page, name) in Page::ALL {
            let open = page == self.page;
            let count = match (page, self.detail.value()) {
                (Page::Samples, Some(detail)) if area.width >= 100 => {
                    format!(" {}", grouped(detail.row.samples[0]))
                }
                (Page::Errors, Some(detail)) => {
                    let failed: u64 = detail.failures.iter().map(|(_, count)| count).sum();
                    if failed > 0 {
                        format!(" {}", grouped(failed))
                    } else {
                        String::new()
                    }
                }
                _ => String::new(),
            };
            let text = if open {
                format!("[{name}{count}]")
            } else {
                format!("{name}{count}")
            };
            let style = shared.style(if open { Slot::Title } else { Slot::Muted });
            at += put(buf, area, at, 0, &text, style) + if area.width >= 100 { 2 } else { 1 };
        }
        let room = Rect {
            x: area.x + at,
            width: area.width.saturating_sub(at + 1),
            ..area
        };
        let (mut text, slot) = self.standing(shared);
        if text.chars().count() > usize::from(room.width) {
            // What is left does not fit beside the tabs: the gauges say it, too.
            let (glyph, _) = badge(&self.state(shared));
            text = format!("{glyph} {}", self.state(shared));
        }
        put_right(buf, room, 0, &text, shared.style(slot));
        true
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        match (self.detail.value(), self.detail.error()) {
            (Some(detail), _) => self.loaded(detail, shared, area, buf),
            (None, Some(error)) => {
                let inner = pane(buf, area, &self.name, "", true, shared);
                failure(buf, inner, error, shared);
            }
            (None, None) => {
                let inner = pane(buf, area, &self.name, "", true, shared);
                if self.detail.is_slow(shared.now) {
                    empty(buf, inner, &["Loading the job …"], shared);
                }
            }
        }
        None
    }
}

impl JobScreen {
    /// Rows of the banner: without a row of tabs it says them too, and what matters gets a row of its own.
    fn head(&self, shared: &Shared) -> u16 {
        let at_work = matches!(self.state(shared).as_str(), "running" | "pausing" | "");
        1 + u16::from(shell(shared.size).tabs.height == 0 && !at_work)
    }

    /// State, and time left while it runs or taken when it has ended.
    fn standing(&self, shared: &Shared) -> (String, Slot) {
        let state = self.state(shared);
        let (glyph, slot) = badge(&state);
        let gauge = shared.gauge(&self.name);
        let left = gauge
            .and_then(|gauge| Some(span(gauge.eta?, gauge.eta_until)))
            .filter(|_| state == "running");
        let left = left.map_or_else(String::new, |left| format!("  {left} left"));
        (format!("{glyph} {state}{left}"), slot)
    }

    fn loaded(&self, detail: &JobDetail, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let (head, area) = top(area, self.head(shared));
        self.banner(detail, shared, head, buf);
        match self.page {
            Page::Overview => self
                .overview
                .view(&self.facts(detail), &self.name, shared, area, buf),
            Page::Samples => lists::samples(detail, self.rows, shared, area, buf),
            Page::Report => self.report.view(detail, shared, area, buf),
            Page::Errors => {
                let groups = self.failures.value().map(Vec::as_slice);
                self.errors.view(groups, shared, area, buf);
            }
            Page::Providers => lists::providers(detail, self.rows, shared, area, buf),
            Page::Log => lists::log(&self.name, Some(self.rows), shared, area, buf),
            Page::Config => {
                let revisions = self.revisions.value().map(Vec::as_slice);
                self.file.view(revisions, shared, area, buf);
            }
        }
    }

    /// What a person should know first: why it stands still and what helps, what came out, or what it is for. Without a row of
    /// tabs, the tab and the state too.
    fn banner(&self, detail: &JobDetail, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let mut room = area;
        if shell(shared.size).tabs.height == 0 {
            let page = Page::ALL.iter().find(|(page, _)| *page == self.page);
            let name = page.map_or("", |(_, name)| *name);
            let (standing, slot) = self.standing(shared);
            let spans = [(format!("[{name}] "), Slot::Title), (standing, slot)];
            let spans = spans
                .each_ref()
                .map(|(text, slot)| (text.as_str(), shared.style(*slot)));
            put_all(buf, area, 1, 0, &spans);
            room = top(area, 1).1;
        }
        let reason = shared
            .gauge(&self.name)
            .and_then(|gauge| gauge.reason.clone())
            .or_else(|| detail.row.state.reason());
        let (text, help, slot) = banner::words(detail, reason.as_deref());
        let spans = [
            (text.as_str(), shared.style(slot)),
            (help, shared.style(Slot::Accent)),
        ];
        put_all(buf, room, 1, 0, &spans);
    }
}
