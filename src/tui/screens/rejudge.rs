//! Verdicts of a job made again from stored answers, with 0 requests: what would change, and putting that in force. The judging goes
//! on while one is elsewhere; what it found waits with what all screens share.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::api::{Answer, Command, Failure, Level, Query, Receipt, Rejudged, StateChange};
use crate::core::sample::{Reason, SampleState};
use crate::core::text::grouped;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, REJUDGE, Table};
use crate::tui::layout::{Width, inside, shell, top};
use crate::tui::message::{Message, Ticket};
use crate::tui::overlay::dialog::{cancel, choice};
use crate::tui::overlay::{Dialog, Outcome};
use crate::tui::text::{clock, put, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::pane::{empty, failure, pane};
use crate::tui::widgets::table::{Column, numbers, prose, row_at, table, words};

use super::View;

/// The columns of the difference.
const COLUMNS: [Column; 4] = [
    words("FROM", 26, 8),
    words("TO", 26, 9),
    numbers("SAMPLES", 9, 7),
    prose("FOR EXAMPLE", 12, 1),
];

/// The same where there is little room.
const NARROW: [Column; 2] = [words("CHANGE", 26, 9), numbers("SAMPLES", 7, 8)];

/// A job being judged again, or what came of it.
#[derive(Debug, Default)]
pub(crate) struct Rejudging {
    since: Duration,
    /// What is waited for.
    ticket: Option<Ticket>,
    /// What was found is being put in force.
    applying: bool,
    outcome: Option<Result<Rejudged, Failure>>,
    /// Somebody looked at the outcome.
    seen: bool,
}

impl Rejudging {
    /// What it is at, while it is at work.
    pub(crate) fn busy(&self, now: Duration) -> Option<String> {
        self.ticket?;
        let what = if self.applying {
            "putting the new verdicts in force"
        } else {
            "judging again from stored answers, 0 requests"
        };
        Some(format!("{what} · {}", clock(now.saturating_sub(self.since))))
    }

    /// Whether the ledger is being changed.
    pub(crate) fn is_applying(&self) -> bool {
        self.ticket.is_some() && self.applying
    }
}

/// Takes the end of a judging, whichever screen is open; `looking` is the job whose difference is on the screen. True if it was one.
pub(crate) fn heard(shared: &mut Shared, message: &Message, looking: Option<&str>) -> bool {
    let (ticket, outcome) = match message {
        Message::Reply(ticket, Ok(answer)) => match answer.as_ref() {
            Answer::Rejudged(report) => (ticket, Ok(Rejudged::clone(report))),
            _ => return false,
        },
        Message::Done(ticket, Ok(receipt)) => match receipt.as_ref() {
            Receipt::Rejudged(report) => (ticket, Ok(report.clone())),
            _ => return false,
        },
        Message::Reply(ticket, Err(error)) | Message::Done(ticket, Err(error)) => {
            (ticket, Err(Failure::clone(error)))
        }
        _ => return false,
    };
    let mut all = shared.rejudgings.iter_mut();
    let Some((name, entry)) = all.find(|(_, entry)| entry.ticket == Some(*ticket)) else {
        return false;
    };
    let looks = looking == Some(name.as_str());
    let said = match &outcome {
        Ok(report) if report.applied => {
            let text = format!(
                "{name}: new verdicts in force, {} changed",
                grouped(report.changed())
            );
            Some((Level::Ok, text))
        }
        Ok(_) if looks => None,
        Ok(report) => {
            let text = format!(
                "{name}: {} verdicts would change · V on the job",
                grouped(report.changed())
            );
            Some((Level::Ok, text))
        }
        Err(_) if looks && !entry.applying => None,
        Err(error) => Some((
            Level::Error,
            format!("{name} is not judged again: {}", error.message),
        )),
    };
    entry.ticket = None;
    entry.seen = looks;
    entry.outcome = Some(outcome);
    if let Some((level, text)) = said {
        shared.toast(level, text);
    }
    true
}

/// The difference.
pub(crate) struct Rejudge {
    name: String,
    cursor: Cursor,
    /// It was opened before, and comes back to the top.
    open: bool,
}

impl Rejudge {
    /// Of the job of this name.
    pub(crate) fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            cursor: Cursor::default(),
            open: false,
        }
    }

    /// Whose difference it is.
    pub(crate) fn job(&self) -> &str {
        &self.name
    }

    fn entry<'a>(&self, shared: &'a Shared) -> Option<&'a Rejudging> {
        shared.rejudgings.get(&self.name)
    }

    fn report<'a>(&self, shared: &'a Shared) -> Option<&'a Rejudged> {
        self.entry(shared)?.outcome.as_ref()?.as_ref().ok()
    }

    fn changes<'a>(&self, shared: &'a Shared) -> &'a [StateChange] {
        self.report(shared).map_or(&[], |report| &report.changes)
    }

    /// Asks what would change.
    fn judge(&self, cx: &mut Cx) {
        let ticket = cx.ask(Query::Rejudge(self.name.clone()));
        let entry = Rejudging {
            since: cx.shared.now,
            ticket: Some(ticket),
            ..Rejudging::default()
        };
        cx.shared.rejudgings.insert(self.name.clone(), entry);
    }

    /// Asks a person whether it is to be put in force.
    fn confirm(&self, cx: &mut Cx) {
        let Some(report) = self.report(cx.shared) else {
            return;
        };
        let moved = |out: bool| {
            let crosses = |change: &&StateChange| {
                let (from, to) = (
                    change.from == SampleState::Accepted,
                    change.to == SampleState::Accepted,
                );
                from != to && from == out
            };
            report
                .changes
                .iter()
                .filter(crosses)
                .map(|change| change.count)
                .sum::<u64>()
        };
        let lines = vec![
            format!(
                "{} samples of {} change: {} leave the dataset, {} come into it.",
                grouped(report.changed()),
                self.name,
                grouped(moved(true)),
                grouped(moved(false))
            ),
            "The dataset's files are written anew. What a person decided stays. u does not take this back."
                .to_owned(),
        ];
        let choices = vec![
            cancel("Cancel"),
            choice("Put in force", "", Outcome::Act(Action::Agreed)),
        ];
        let dialog = Dialog::ask(cx.shared, "Put new verdicts in force", lines, choices);
        cx.confirm(dialog);
    }

    fn apply(&self, cx: &mut Cx) {
        let ticket = cx.order_quietly(Command::Rejudge(self.name.clone()));
        let now = cx.shared.now;
        if let Some(entry) = cx.shared.rejudgings.get_mut(&self.name) {
            (entry.ticket, entry.applying, entry.since) = (Some(ticket), true, now);
        }
    }

    fn page(shared: &Shared) -> usize {
        usize::from(Self::rows_area(shared).height.saturating_sub(1))
    }

    fn rows_area(shared: &Shared) -> Rect {
        let inner = inside(shell(shared.size).body, shared.size.width);
        top(inner, FACTS.min(inner.height / 2)).1
    }
}

/// Rows of what is said above the difference.
const FACTS: u16 = 6;

impl View for Rejudge {
    fn bindings(&self, _: &Shared) -> &'static Table {
        &REJUDGE
    }

    fn breadcrumb(&self) -> Vec<String> {
        vec!["new verdicts".to_owned()]
    }

    fn enter(&mut self, cx: &mut Cx) {
        let came_back = std::mem::replace(&mut self.open, true);
        let new = cx
            .shared
            .rejudgings
            .get_mut(&self.name)
            .is_some_and(|entry| entry.ticket.is_some() || !std::mem::replace(&mut entry.seen, true));
        if !new && !came_back {
            self.judge(cx);
        }
    }

    fn disabled(&self, action: Action, shared: &Shared) -> Option<String> {
        let busy = self.entry(shared).is_some_and(|entry| entry.ticket.is_some());
        match action {
            Action::Apply | Action::Reload if busy => Some("it is still being judged".to_owned()),
            Action::Apply => match self.report(shared) {
                _ if shared.view_only().is_some() => shared.view_only(),
                None => Some("there is no difference to put in force".to_owned()),
                Some(report) if report.applied => Some("it is in force".to_owned()),
                Some(report) if report.changed() + report.reworded == 0 => {
                    Some("nothing would change".to_owned())
                }
                Some(_) => None,
            },
            _ => None,
        }
    }

    fn wake(&self, shared: &Shared) -> Option<Duration> {
        let busy = self.entry(shared)?.ticket.is_some();
        busy.then(|| Duration::from_secs(shared.now.as_secs() + 1))
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        match message {
            Message::Act(Action::Reload) => self.judge(cx),
            Message::Act(Action::Apply) => self.confirm(cx),
            Message::Act(Action::Agreed) => self.apply(cx),
            Message::Act(Action::Copy) => {
                cx.copy(format!("destiler jobs rejudge {} --apply", self.name), "command");
            }
            Message::Act(action) => {
                let rows = self.changes(cx.shared).len();
                self.cursor.act(*action, rows, Self::page(cx.shared));
            }
            _ => {}
        }
    }

    fn click(&mut self, at: Position, _: bool, cx: &mut Cx) {
        let rows = self.changes(cx.shared).len();
        if let Some(row) = row_at(Self::rows_area(cx.shared), at) {
            self.cursor.click(row, rows);
        }
    }

    fn wheel(&mut self, _: Position, rows: i16, cx: &mut Cx) {
        let all = self.changes(cx.shared).len();
        self.cursor.wheel(rows, all, Self::page(cx.shared));
    }

    fn status(&self, shared: &Shared) -> String {
        let Some(entry) = self.entry(shared) else {
            return String::new();
        };
        match (entry.busy(shared.now), self.report(shared)) {
            (Some(busy), _) => busy,
            (None, Some(report)) if report.applied => "in force · the dataset is written anew".to_owned(),
            (None, Some(_)) => "nothing is changed yet".to_owned(),
            (None, None) => String::new(),
        }
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let title = format!("New verdicts of {}", self.name);
        let fact = self.report(shared).map_or_else(String::new, |report| {
            format!("revision {} · 0 requests", report.revision)
        });
        let inner = pane(buf, area, &title, &fact, true, shared);
        let entry = self.entry(shared)?;
        match (&entry.outcome, entry.busy(shared.now)) {
            (Some(Ok(report)), busy) => {
                let (head, rows) = top(inner, FACTS.min(inner.height / 2));
                facts(report, busy, head, shared, buf);
                if !report.changes.is_empty() {
                    self.rows(report, rows, shared, buf);
                }
            }
            (None, Some(busy)) => {
                let what = "Every stored answer is read again by the validators of the newest revision. Nobody is asked, nothing is \
                            changed yet; one may go elsewhere meanwhile.";
                empty(buf, inner, &[&format!("{busy} …"), what], shared);
            }
            (Some(Err(error)), None) => failure(buf, inner, error, shared),
            (Some(Err(_)), Some(busy)) => empty(buf, inner, &[&format!("{busy} …")], shared),
            (None, None) => {}
        }
        None
    }
}

impl Rejudge {
    fn rows(&self, report: &Rejudged, area: Rect, shared: &Shared, buf: &mut Buffer) {
        let page = usize::from(area.height.saturating_sub(1));
        let mut cursor = self.cursor;
        cursor.clamp(report.changes.len(), page);
        let selected = Some(cursor.selected - cursor.offset);
        let shown = report.changes.iter().skip(cursor.offset);
        if Width::of(shared.size.width) == Width::Narrow {
            let row = |change: &StateChange| {
                let from = short(change.from, change.from_reason);
                let to = short(change.to, change.to_reason);
                vec![
                    (format!("{from} → {to}"), shared.style(slot(change.to))),
                    (grouped(change.count), shared.style(Slot::Fg)),
                ]
            };
            return table(buf, area, &NARROW, shown.map(row), selected, shared);
        }
        let row = |change: &StateChange| {
            let plain = shared.style(Slot::Fg);
            let example = change.examples.first().map_or("", |id| id.0.as_str());
            vec![
                (
                    standing(change.from, change.from_reason),
                    shared.style(Slot::Muted),
                ),
                (
                    standing(change.to, change.to_reason),
                    shared.style(slot(change.to)),
                ),
                (grouped(change.count), plain),
                (example.to_owned(), shared.style(Slot::Muted)),
            ]
        };
        table(buf, area, &COLUMNS, shown.map(row), selected, shared);
    }
}

/// What was looked at, and what stays as it is and why.
fn facts(report: &Rejudged, busy: Option<String>, area: Rect, shared: &Shared, buf: &mut Buffer) {
    let changed = report.changed();
    let verb = if report.applied { "changed" } else { "would change" };
    let first = if changed == 0 && !report.applied {
        format!(
            "Nothing would change: of all {} samples the validators say what they said before.",
            grouped(report.samples)
        )
    } else {
        format!(
            "{} of {} samples {verb}.",
            grouped(changed),
            grouped(report.samples)
        )
    };
    let mut lines = vec![(first, Slot::Fg)];
    let mut add = |count: u64, text: String| {
        if count > 0 {
            lines.push((format!("{} {text}", grouped(count)), Slot::Muted));
        }
    };
    add(
        report.reworded,
        "keep their state, with other scores or evidence".to_owned(),
    );
    add(
        report.by_hand,
        "were decided by a person and stay as they are".to_owned(),
    );
    add(
        report.not_rejudged,
        format!(
            "stay as they are: a judge would have to be asked, at least {} requests",
            grouped(report.requests_needed)
        ),
    );
    let next = match (busy, report.applied, changed + report.reworded) {
        (Some(busy), ..) => (format!("{busy} …"), Slot::Accent),
        (None, true, _) => (
            "In force; the dataset's files are written anew.".to_owned(),
            Slot::Ok,
        ),
        (None, false, 0) => return said(&lines, area, shared, buf),
        (None, false, _) => (
            "A puts it in force (asks first), r judges once more.".to_owned(),
            Slot::Accent,
        ),
    };
    lines.push(next);
    said(&lines, area, shared, buf);
}

fn said(lines: &[(String, Slot)], area: Rect, shared: &Shared, buf: &mut Buffer) {
    let room = usize::from(area.width).saturating_sub(4);
    let rows = lines
        .iter()
        .flat_map(|(line, slot)| wrap(line, room).into_iter().map(move |row| (row, *slot)));
    for (row, (line, slot)) in rows.take(usize::from(area.height)).enumerate() {
        put(buf, area, 2, row as u16, &line, shared.style(slot));
    }
}

/// `rejected (judge)`.
fn standing(state: SampleState, reason: Option<Reason>) -> String {
    let state = state.word().replace('_', " ");
    match reason {
        Some(reason) => format!("{state} ({})", reason.word()),
        None => state,
    }
}

/// `judge`, where it is clear what is meant.
fn short(state: SampleState, reason: Option<Reason>) -> String {
    reason.map_or_else(|| standing(state, None), |reason| reason.word().to_owned())
}

fn slot(state: SampleState) -> Slot {
    match state {
        SampleState::Accepted => Slot::Ok,
        SampleState::Rejected => Slot::Error,
        SampleState::NeedsReview => Slot::Warn,
    }
}
