//! The tab of errors: groups of failed tasks, the tasks of a group, and every attempt at one of them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::Value;

use crate::core::api::{Answer, Query};
use crate::core::ports::{FailedTask, FailureGroup, RequestRow};
use crate::core::text::grouped;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::text::{put, time_of_day, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::pane::{empty, failure, pane};
use crate::tui::widgets::table::{Column, numbers, prose, table, words};

use super::lists;

/// Tasks of a group that are listed.
const LISTED: usize = 500;
/// Characters of an answer that are shown.
const BODY: usize = 20_000;

/// How deep one is.
#[derive(Debug, Default)]
enum Level {
    /// The groups.
    #[default]
    Groups,
    /// The tasks of this group.
    Tasks(String),
    /// The attempts at this task of the group.
    Attempts(String, u64),
}

/// The tab of errors.
#[derive(Debug, Default)]
pub(super) struct Errors {
    level: Level,
    groups: Cursor,
    tasks: Remote<Vec<FailedTask>>,
    task: Cursor,
    attempts: Remote<Vec<RequestRow>>,
    /// First row of the attempts shown.
    scroll: usize,
    job: String,
}

impl Errors {
    /// Goes to a group, from outside.
    pub(super) fn select(&mut self, at: usize) {
        self.level = Level::Groups;
        self.groups.selected = at;
    }

    /// The group one is at or in.
    pub(super) fn group<'a>(&self, groups: &'a [FailureGroup]) -> Option<&'a FailureGroup> {
        match &self.level {
            Level::Groups => groups.get(self.groups.selected),
            Level::Tasks(reason) | Level::Attempts(reason, _) => {
                groups.iter().find(|group| group.reason == *reason)
            }
        }
    }

    /// One level up. False at the top.
    pub(super) fn back(&mut self) -> bool {
        let level = std::mem::take(&mut self.level);
        match level {
            Level::Groups => return false,
            Level::Tasks(_) => {}
            Level::Attempts(reason, _) => self.level = Level::Tasks(reason),
        }
        true
    }

    fn tasks_of(&self, group: &str) -> Query {
        Query::FailedTasks {
            job: self.job.clone(),
            group: group.to_owned(),
            limit: LISTED,
        }
    }

    fn attempts_at(&self, task: u64) -> Query {
        Query::Attempts {
            job: self.job.clone(),
            task,
        }
    }

    /// One level down.
    pub(super) fn open(&mut self, job: &str, groups: &[FailureGroup], cx: &mut Cx) {
        job.clone_into(&mut self.job);
        match &self.level {
            Level::Groups => {
                let Some(group) = groups.get(self.groups.selected) else {
                    return;
                };
                self.tasks = Remote::default();
                self.task = Cursor::default();
                let query = self.tasks_of(&group.reason);
                self.tasks.ask(query, cx);
                self.level = Level::Tasks(group.reason.clone());
            }
            Level::Tasks(reason) => {
                let tasks = self.tasks.value().map_or(&[][..], Vec::as_slice);
                let Some(task) = tasks.get(self.task.selected).map(|task| task.index) else {
                    return;
                };
                let reason = reason.clone();
                self.attempts = Remote::default();
                self.scroll = 0;
                let query = self.attempts_at(task);
                self.attempts.ask(query, cx);
                self.level = Level::Attempts(reason, task);
            }
            Level::Attempts(..) => {}
        }
    }

    /// Takes what was asked for.
    pub(super) fn take(&mut self, message: &Message, cx: &mut Cx) {
        let (tasks_query, attempts_query) = match &self.level {
            Level::Groups => return,
            Level::Tasks(reason) => (self.tasks_of(reason), self.attempts_at(0)),
            Level::Attempts(reason, task) => (self.tasks_of(reason), self.attempts_at(*task)),
        };
        let tasks = |answer: &Answer| {
            if let Answer::FailedTasks(tasks) = answer {
                Some(tasks.clone())
            } else {
                None
            }
        };
        self.tasks.take(message, tasks, || tasks_query, cx);
        let attempts = |answer: &Answer| {
            if let Answer::Attempts(attempts) = answer {
                Some(attempts.clone())
            } else {
                None
            }
        };
        self.attempts.take(message, attempts, || attempts_query, cx);
    }

    /// Moves. False if the action is no movement.
    pub(super) fn act(&mut self, action: Action, groups: usize, body: Rect) -> bool {
        let page = usize::from(body.height.saturating_sub(3));
        match &self.level {
            Level::Groups => self.groups.act(action, groups, page),
            Level::Tasks(_) => {
                let rows = self.tasks.value().map_or(0, Vec::len);
                self.task.act(action, rows, page)
            }
            Level::Attempts(..) => {
                let width = usize::from(body.width.saturating_sub(4));
                let rows = self.attempts.value().map_or(0, |rows| text(rows, width).len());
                let mut cursor = Cursor {
                    selected: self.scroll,
                    offset: 0,
                };
                let moved = cursor.act(action, rows.saturating_sub(page) + 1, page);
                self.scroll = cursor.selected;
                moved
            }
        }
    }

    /// Draws the level one is at.
    pub(super) fn view(
        &self,
        groups: Option<&[FailureGroup]>,
        shared: &Shared,
        area: Rect,
        buf: &mut Buffer,
    ) {
        match &self.level {
            Level::Groups => {
                let all: u64 = groups
                    .iter()
                    .flat_map(|all| all.iter())
                    .map(|one| one.tasks)
                    .sum();
                let fact = format!("{} tasks · enter lists them", grouped(all));
                let inner = pane(buf, area, "Failed tasks by group", &fact, true, shared);
                match groups {
                    None => empty(buf, inner, &["Counting the errors …"], shared),
                    Some([]) => empty(buf, inner, &["No errors."], shared),
                    Some(groups) => lists::groups(groups, Some(self.groups), shared, inner, buf),
                }
            }
            Level::Tasks(reason) => self.task_list(reason, shared, area, buf),
            Level::Attempts(_, task) => self.attempt_text(*task, shared, area, buf),
        }
    }

    fn task_list(&self, reason: &str, shared: &Shared, area: Rect, buf: &mut Buffer) {
        const COLUMNS: [Column; 5] = [
            numbers("TASK", 8, 9),
            prose("WHY", 16, 8),
            words("TEACHER", 16, 5),
            numbers("TRIES", 5, 3),
            words("LAST", 8, 4),
        ];
        let title = format!("Tasks that failed: {reason}");
        let inner = pane(buf, area, &title, "enter shows the attempts", true, shared);
        let Some(tasks) = self.tasks.value() else {
            if let Some(error) = self.tasks.error() {
                failure(buf, inner, error, shared);
            } else if self.tasks.is_slow(shared.now) {
                empty(buf, inner, &["Looking for the tasks …"], shared);
            }
            return;
        };
        if tasks.is_empty() {
            return empty(
                buf,
                inner,
                &["None is left: they went back to the queue."],
                shared,
            );
        }
        let (fg, muted) = (shared.style(Slot::Fg), shared.style(Slot::Muted));
        let rows = tasks.iter().skip(self.task.offset).map(|task| {
            let last = task.at_ms.map_or_else(
                || "-".to_owned(),
                |ms| time_of_day(ms, shared.options.offset_seconds),
            );
            vec![
                (grouped(task.index), fg),
                (task.reason.clone(), fg),
                (task.teacher.clone().unwrap_or_else(|| "-".to_owned()), fg),
                (task.attempts.to_string(), fg),
                (last, muted),
            ]
        });
        let selected = Some(self.task.selected - self.task.offset);
        table(buf, inner, &COLUMNS, rows, selected, shared);
    }

    fn attempt_text(&self, task: u64, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let title = format!("Attempts at task {}", grouped(task));
        let inner = pane(buf, area, &title, "as they came back", true, shared);
        let Some(attempts) = self.attempts.value() else {
            if let Some(error) = self.attempts.error() {
                failure(buf, inner, error, shared);
            } else if self.attempts.is_slow(shared.now) {
                empty(buf, inner, &["Reading the attempts …"], shared);
            }
            return;
        };
        if attempts.is_empty() {
            return empty(buf, inner, &["Nothing was sent for it."], shared);
        }
        let width = usize::from(area.width.saturating_sub(4));
        let lines = text(attempts, width);
        let shown = lines.iter().skip(self.scroll).take(usize::from(inner.height));
        for (row, (line, slot)) in shown.enumerate() {
            put(buf, inner, 1, row as u16, line, shared.style(*slot));
        }
    }
}

/// Attempts as text: what was asked of whom, how it ended, and the answer as it came, JSON unfolded.
fn text(attempts: &[RequestRow], width: usize) -> Vec<(String, Slot)> {
    let mut lines = Vec::new();
    for (at, one) in attempts.iter().enumerate() {
        let asked = format!("{}. step {} of {}", at + 1, one.question.step, one.teacher);
        let came = one.response.as_ref().map_or_else(String::new, |response| {
            let took = u64::try_from(response.latency.as_millis()).unwrap_or(u64::MAX);
            format!(
                "  HTTP {}  {}  {}",
                response.status,
                lists::seconds(took),
                one.cost
            )
        });
        let head = format!("{asked}{came}");
        lines.push((head, Slot::Title));
        if let Some(error) = &one.error {
            lines.extend(wrap(error, width).into_iter().map(|line| (line, Slot::Error)));
        }
        if let Some(response) = &one.response {
            let shown: String = response.body.chars().take(BODY).collect();
            let unfolded = serde_json::from_str::<Value>(&shown)
                .ok()
                .and_then(|value| serde_json::to_string_pretty(&value).ok());
            let body = unfolded.unwrap_or(shown);
            lines.extend(wrap(&body, width).into_iter().map(|line| (line, Slot::Fg)));
        } else {
            lines.push(("no answer came back".to_owned(), Slot::Muted));
        }
        lines.push((String::new(), Slot::Fg));
    }
    lines
}
