//! One job, whole: where its tasks stand, where its samples went, who answered, what it costs, what failed.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::api::{Answer, JobDetail, Query};
use crate::core::job::{JobState, PauseReason};

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, JOB, Table};
use crate::tui::layout::{Width, left, top};
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::text::{clock, put, put_all};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::pane::{badge, empty, failure, pane};

use super::View;
use super::verbs::Subject;

mod overview;

/// How often it is asked again while it runs.
const EVERY: Duration = Duration::from_secs(2);

/// One job.
pub(crate) struct JobScreen {
    name: String,
    detail: Remote<JobDetail>,
    /// First row of the overview shown, where it is higher than the screen.
    scroll: u16,
}

impl JobScreen {
    /// The job of this name.
    pub(crate) fn of(name: String) -> Self {
        Self {
            name,
            detail: Remote::default(),
            scroll: 0,
        }
    }

    fn query(&self) -> Query {
        Query::Job(self.name.clone())
    }

    fn state(&self, shared: &Shared) -> String {
        let stored = self.detail.value().map_or("", |detail| detail.row.state.word());
        shared
            .gauge(&self.name)
            .map_or(stored, |gauge| gauge.state.as_str())
            .to_owned()
    }
}

impl View for JobScreen {
    fn bindings(&self, _: &Shared) -> &'static Table {
        &JOB
    }

    fn breadcrumb(&self) -> Vec<String> {
        vec![self.name.clone()]
    }

    fn enter(&mut self, cx: &mut Cx) {
        let query = self.query();
        self.detail.ask(query, cx);
    }

    fn disabled(&self, action: Action, shared: &Shared) -> Option<String> {
        let verbs = [
            Action::Pause,
            Action::Cancel,
            Action::Retry,
            Action::Delete,
            Action::Edit,
            Action::Samples,
            Action::Copy,
        ];
        match self.detail.value() {
            None if verbs.contains(&action) => Some("the job is not loaded yet".to_owned()),
            None => None,
            Some(detail) => Subject::of(&detail.row, shared).disabled(action),
        }
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        let query = self.query();
        match message {
            Message::Act(Action::Reload) | Message::Event(_) | Message::Done(_, Ok(_)) => {
                self.detail.refresh(query, cx);
            }
            Message::Act(action) => {
                let Some(detail) = self.detail.value().cloned() else {
                    return;
                };
                let (rows, page) = overview::extent(&detail, cx.shared);
                let mut cursor = Cursor {
                    selected: usize::from(self.scroll),
                    offset: 0,
                };
                if cursor.act(*action, rows.saturating_sub(page) + 1, page) {
                    self.scroll = cursor.selected as u16;
                } else if *action == Action::Copy {
                    cx.copy(format!("destiler run {}", self.name), "command");
                } else {
                    Subject::of(&detail.row, cx.shared).act(*action, cx);
                }
            }
            Message::Tick(now) if self.detail.older_than(EVERY, *now) => self.detail.refresh(query, cx),
            _ => {
                let read = |answer: &Answer| {
                    if let Answer::Job(job) = answer {
                        Some(JobDetail::clone(job))
                    } else {
                        None
                    }
                };
                let took = self.detail.take(message, read, || query, cx);
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
    }

    fn wheel(&mut self, _: Position, rows: i16, cx: &mut Cx) {
        let Some(detail) = self.detail.value() else { return };
        let (all, page) = overview::extent(detail, cx.shared);
        let last = all.saturating_sub(page).min(usize::from(u16::MAX)) as u16;
        self.scroll = self.scroll.saturating_add_signed(rows).min(last);
    }

    fn status(&self, shared: &Shared) -> String {
        let Some(detail) = self.detail.value() else {
            return String::new();
        };
        let elapsed = clock(Duration::from_secs_f64(
            detail.summary.elapsed_seconds.clamp(0.0, 1e9),
        ));
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
    fn loaded(&self, detail: &JobDetail, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let (banner, area) = top(area, 1);
        self.banner(detail, shared, banner, buf);
        match Width::of(shared.size.width) {
            Width::Wide if area.height >= 22 => {
                let (upper, rest) = top(area, 11);
                let (tasks, funnel) = left(upper, upper.width / 2);
                let (teachers, errors) = top(rest, rest.height.saturating_sub(7));
                let (teachers, limits) = left(teachers, teachers.width * 2 / 3);
                overview::tasks(detail, shared, tasks, buf);
                overview::funnel(detail, shared, funnel, buf);
                overview::teachers(detail, shared, teachers, buf);
                overview::limits(detail, shared, limits, buf);
                overview::errors(detail, shared, errors, buf);
            }
            // One under the other, and scrolled where that is higher than the screen.
            _ => self.stacked(detail, shared, area, buf),
        }
    }

    fn stacked(&self, detail: &JobDetail, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let sheet_area = Rect {
            x: 0,
            y: 0,
            width: area.width,
            height: overview::ROWS,
        };
        let mut sheet = Buffer::empty(sheet_area);
        sheet.set_style(sheet_area, shared.style(Slot::Bg).patch(shared.style(Slot::Fg)));
        let mut rest = sheet_area;
        let mut used = 0;
        for (height, draw) in overview::stack(detail, shared) {
            let (part, below) = top(rest, height);
            draw(detail, shared, part, &mut sheet);
            rest = below;
            used += part.height;
        }
        // Where not everything fits, the last row says so.
        let page = if used > area.height {
            area.height.saturating_sub(1)
        } else {
            used
        };
        let from = self.scroll.min(used - page);
        for row in 0..page {
            for column in 0..area.width {
                buf[(area.x + column, area.y + row)] = sheet[(column, from + row)].clone();
            }
        }
        if used > area.height {
            let more = match used - page - from {
                0 => "the end".to_owned(),
                rows => format!("↓ {rows} more rows"),
            };
            put(buf, area, 2, page, &more, shared.style(Slot::Accent));
        }
    }

    /// State, time left, and for a paused job the reason with what helps.
    fn banner(&self, detail: &JobDetail, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let state = self.state(shared);
        let (glyph, slot) = badge(&state);
        let muted = shared.style(Slot::Muted);
        let word = format!(" {glyph} {state}");
        let mut at = put(buf, area, 0, 0, &word, shared.style(slot)) + 2;
        let eta = shared.gauge(&self.name).and_then(|gauge| gauge.eta);
        if let Some(eta) = eta.filter(|_| state == "running") {
            at += put_all(
                buf,
                area,
                at,
                0,
                &[("time left ", muted), (&clock(eta), shared.style(Slot::Fg))],
            ) + 2;
        }
        let reason = shared
            .gauge(&self.name)
            .and_then(|gauge| gauge.reason.clone())
            .or_else(|| detail.row.state.reason());
        match reason {
            Some(reason) => {
                let help = advice(&detail.row.state);
                at += put(buf, area, at, 0, &reason, shared.style(Slot::Warn));
                put(buf, area, at, 0, help, muted);
            }
            None => {
                put(buf, area, at, 0, &detail.row.description, muted);
            }
        }
    }
}

/// What a person can do about it.
fn advice(state: &JobState) -> &'static str {
    match state {
        JobState::Paused(PauseReason::Limit(_)) => " · e raises the limit, then p resumes",
        JobState::Paused(PauseReason::Auth(_) | PauseReason::Credit(_)) => {
            " · 4 tests the provider, then p resumes"
        }
        JobState::Paused(PauseReason::Unreachable(_)) => " · 4 shows the providers, p tries again",
        JobState::Paused(PauseReason::NoTeacher(_)) => " · e names teachers, 4 shows which there are",
        JobState::Paused(PauseReason::Disk(_)) => " · make room, then p resumes",
        JobState::Paused(PauseReason::Asked | PauseReason::Stopped) => " · p resumes",
        JobState::Failed(_) => " · e mends the job file",
        _ => "",
    }
}
