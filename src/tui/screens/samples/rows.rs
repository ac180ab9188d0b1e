//! A window into all rows that match: the visible ones and two pages around them, which moves along with the cursor. What is
//! selected is a sample, not a number: it stays when rows arrive and when the filter changes.

use std::time::Duration;

use crate::core::api::{Answer, Failure, Query, SampleQuery, SampleWindow, WindowAt};
use crate::core::filter::Sort;
use crate::core::ports::{Place, SamplePlace};
use crate::core::sample::{Sample, SampleId};

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::message::Message;
use crate::tui::remote::Remote;

/// A row: the name of its job, and the sample.
pub(super) type Row = (String, Sample);

/// What is to be selected when the window arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Goal {
    Row(u64),
    Sample(SampleId),
    Last,
}

/// The rows around the cursor, of all that match.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) filter: SampleQuery,
    pub(super) sort: Sort,
    window: Remote<SampleWindow>,
    shown: Vec<Row>,
    /// Number of the first of them, from 0.
    first: u64,
    /// What the number of the first one will be, where the answer does not say it: counted from its anchor.
    base: (Option<u64>, Option<u64>),
    /// Where the window was asked, so that it can be asked again.
    at: WindowAt,
    goal: Option<Goal>,
    selected: usize,
    offset: usize,
    count: Remote<u64>,
    /// Counting waits until the rows are there: both would read every sample at the same time.
    uncounted: bool,
    /// How many match, as the rows are shown; newer ones wait for `r`.
    total: Option<u64>,
    newest: u64,
    fresh: bool,
    /// When it was counted last, and how long that took.
    counted: (Duration, Duration),
    pub(super) follows: bool,
}

/// Where a sample is in the ledger.
pub(super) fn place(sample: &Sample) -> SamplePlace {
    (sample.task, sample.candidate)
}

impl Rows {
    pub(super) fn shown(&self) -> &[Row] {
        &self.shown
    }

    pub(super) fn selected(&self) -> Option<&Row> {
        self.shown.get(self.selected)
    }

    /// Number of the selected row, from 0.
    pub(super) fn row(&self) -> u64 {
        self.first + self.selected as u64
    }

    /// The first row on the screen: its number, and the place of the selected one under it.
    pub(super) fn view(&self) -> (usize, u64, usize) {
        (
            self.offset,
            self.first + self.offset as u64,
            self.selected - self.offset,
        )
    }

    pub(super) fn total(&self) -> Option<u64> {
        self.total
    }

    /// Rows that came since.
    pub(super) fn new_ones(&self) -> u64 {
        self.total.map_or(0, |total| self.newest.saturating_sub(total))
    }

    pub(super) fn error(&self) -> Option<&Failure> {
        self.window.error()
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.window.is_pending()
    }

    pub(super) fn is_slow(&self, now: Duration) -> bool {
        self.window.is_slow(now)
    }

    pub(super) fn is_known(&self) -> bool {
        self.window.value().is_some()
    }

    fn limit(page: usize) -> usize {
        (page * 5).clamp(50, 1000)
    }

    fn query(&self, page: usize) -> Query {
        Query::SampleWindow {
            filter: self.filter.clone(),
            sort: self.sort,
            at: self.at,
            limit: Self::limit(page),
        }
    }

    fn ask(&mut self, at: WindowAt, goal: Goal, page: usize, cx: &mut Cx) {
        self.window.give_up(cx);
        self.at = at;
        self.goal = Some(goal);
        self.base = (None, None);
        let query = self.query(page);
        self.window.ask(query, cx);
    }

    /// Asks for what is shown again, around what is selected, and counts anew.
    pub(super) fn reload(&mut self, page: usize, cx: &mut Cx) {
        match self
            .selected()
            .map(|(_, sample)| (place(sample), sample.id.clone()))
        {
            Some((at, id)) => self.ask(WindowAt::Around(at), Goal::Sample(id), page, cx),
            None => self.ask(WindowAt::Place(Place::Row(0)), Goal::Row(0), page, cx),
        }
        self.recount(true, cx);
    }

    /// The same where what is selected is gone: who stands at its row now is selected.
    pub(super) fn reload_in_place(&mut self, page: usize, cx: &mut Cx) {
        let row = self.row();
        let half = Self::limit(page) as u64 / 2;
        let at = WindowAt::Place(Place::Row(row.saturating_sub(half)));
        self.ask(at, Goal::Row(row), page, cx);
        self.recount(true, cx);
    }

    fn recount(&mut self, fresh: bool, cx: &mut Cx) {
        self.count.give_up(cx);
        self.fresh |= fresh;
        self.counted.0 = cx.shared.now;
        self.uncounted = self.window.is_pending() && self.filter.condition.is_slow();
        if !self.uncounted {
            self.ask_count(cx);
        }
    }

    fn ask_count(&mut self, cx: &mut Cx) {
        self.counted.0 = cx.shared.now;
        self.count.ask(Query::CountSamples(self.filter.clone()), cx);
    }

    /// The rows are there: where they are all that match, they need not be counted.
    fn count_after_rows(&mut self, page: usize, cx: &mut Cx) {
        if !std::mem::take(&mut self.uncounted) {
            return;
        }
        let window = self.window.value().filter(|_| self.window.error().is_none());
        let all = window.filter(|window| window.first == Some(0) && window.samples.len() < Self::limit(page));
        match all.map(|window| window.samples.len() as u64) {
            Some(count) => {
                self.counted.1 = cx.shared.now.saturating_sub(self.counted.0);
                self.take_count(count, page, cx);
            }
            None => self.ask_count(cx),
        }
    }

    /// Another filter or order: what is selected stays so, where it still matches.
    pub(super) fn change(&mut self, filter: SampleQuery, sort: Sort, page: usize, cx: &mut Cx) {
        let recount = filter != self.filter;
        (self.filter, self.sort) = (filter, sort);
        if recount {
            self.total = None;
        }
        self.reload(page, cx);
    }

    /// The gauge moved: are there new ones? Never more often than counting allows.
    pub(super) fn look(&mut self, cx: &mut Cx) {
        let (at, took) = self.counted;
        let pause = (took * 10).max(Duration::from_secs(2));
        if !self.count.is_pending() && self.total.is_some() && cx.shared.now >= at + pause {
            self.recount(false, cx);
        }
    }

    /// Goes to a row by its number, from 0.
    pub(super) fn go(&mut self, row: u64, page: usize, cx: &mut Cx) {
        let end = self.end();
        let row = row.min(end.saturating_sub(1));
        if row >= self.first && row < self.first + self.shown.len() as u64 {
            self.selected = usize::try_from(row - self.first).unwrap_or(0);
            self.clamp(page);
            self.retarget(cx);
            self.prefetch(page, cx);
            return;
        }
        let half = Self::limit(page) as u64 / 2;
        let at = WindowAt::Place(Place::Row(row.saturating_sub(half)));
        self.ask(at, Goal::Row(row), page, cx);
    }

    /// The row that is being gone to, else the one selected: a movement goes on from where the one before it will end.
    fn heading(&self) -> u64 {
        match self.goal.as_ref().filter(|_| self.window.is_pending()) {
            Some(Goal::Row(row)) => *row,
            Some(Goal::Last) => self.total.map_or_else(|| self.row(), |total| total.saturating_sub(1)),
            Some(Goal::Sample(_)) | None => self.row(),
        }
    }

    /// Whoever moved on among the rows shown is not taken back by an answer that was asked for before.
    fn retarget(&mut self, cx: &mut Cx) {
        if !self.window.is_pending() {
            return;
        }
        if let Some(Goal::Sample(_)) = self.goal {
            self.goal = self.selected().map(|(_, sample)| Goal::Sample(sample.id.clone()));
        } else {
            self.window.give_up(cx);
            self.goal = None;
        }
    }

    /// One behind the last row, as far as is known.
    fn end(&self) -> u64 {
        self.total
            .unwrap_or(u64::MAX)
            .max(self.first + self.shown.len() as u64)
    }

    /// Moves; false if the action is no movement.
    pub(super) fn act(&mut self, action: Action, page: usize, cx: &mut Cx) -> bool {
        let (page, row) = (page.max(1), self.heading());
        let half = page.div_ceil(2) as u64;
        let target = match action {
            Action::Down => row + 1,
            Action::Up => row.saturating_sub(1),
            Action::HalfDown => row + half,
            Action::HalfUp => row.saturating_sub(half),
            Action::PageDown => row + page as u64,
            Action::PageUp => row.saturating_sub(page as u64),
            Action::First => 0,
            Action::Last => {
                let here = self.first + self.shown.len() as u64;
                if self.total == Some(here) {
                    here.saturating_sub(1)
                } else {
                    self.ask(WindowAt::Place(Place::Last), Goal::Last, page, cx);
                    return true;
                }
            }
            _ => return false,
        };
        self.go(target, page, cx);
        true
    }

    fn prefetch(&mut self, page: usize, cx: &mut Cx) {
        let (len, margin) = (self.shown.len(), page + 1);
        if self.window.is_pending() || len == 0 {
            return;
        }
        let Some(goal) = self.selected().map(|(_, sample)| Goal::Sample(sample.id.clone())) else {
            return;
        };
        let more_below = self.end() > self.first + len as u64 && len >= Self::limit(page);
        if more_below && self.selected + margin >= len {
            let anchor = self.selected.saturating_sub(2 * page);
            let at = place(&self.shown[anchor].1);
            self.ask(WindowAt::Place(Place::After(at)), goal, page, cx);
            self.base = (Some(self.first + anchor as u64 + 1), None);
        } else if self.first > 0 && self.selected < margin {
            let anchor = (self.selected + 2 * page).min(len - 1);
            let at = place(&self.shown[anchor].1);
            self.ask(WindowAt::Place(Place::Before(at)), goal, page, cx);
            self.base = (None, Some(self.first + anchor as u64));
        }
    }

    fn clamp(&mut self, page: usize) {
        let page = page.max(1);
        self.selected = self.selected.min(self.shown.len().saturating_sub(1));
        self.offset = self
            .offset
            .min(self.shown.len().saturating_sub(page))
            .min(self.selected)
            .max((self.selected + 1).saturating_sub(page));
    }

    pub(super) fn fit(&mut self, page: usize) {
        self.clamp(page);
    }

    /// Selects the row shown at that place. False if there is none.
    pub(super) fn click(&mut self, shown: usize) -> bool {
        let row = self.offset + shown;
        let is_there = row < self.shown.len();
        if is_there {
            self.selected = row;
        }
        is_there
    }

    /// Takes answers that were asked for. True if `message` was one.
    pub(super) fn take(&mut self, message: &Message, page: usize, cx: &mut Cx) -> bool {
        let counted = |answer: &Answer| {
            if let Answer::Count(count) = answer {
                Some(*count)
            } else {
                None
            }
        };
        let filter = self.filter.clone();
        if self
            .count
            .take(message, counted, || Query::CountSamples(filter), cx)
        {
            self.counted.1 = cx.shared.now.saturating_sub(self.counted.0);
            if let Some(count) = self.count.value().copied() {
                self.take_count(count, page, cx);
            }
            return true;
        }
        let read = |answer: &Answer| {
            if let Answer::SampleWindow(window) = answer {
                Some(window.clone())
            } else {
                None
            }
        };
        let query = self.query(page);
        if !self.window.take(message, read, || query, cx) {
            return false;
        }
        if let Some(window) = self.window.value().filter(|_| self.window.error().is_none()) {
            let len = window.samples.len() as u64;
            let first = window.first.or(self.base.0);
            let first = first.or(self.base.1.map(|end| end.saturating_sub(len)));
            let before = self.selected - self.offset;
            self.shown.clone_from(&window.samples);
            self.first = first.unwrap_or(0);
            self.selected = match self.goal.take() {
                Some(Goal::Row(row)) => usize::try_from(row.saturating_sub(self.first)).unwrap_or(0),
                Some(Goal::Last) => self.shown.len(),
                Some(Goal::Sample(id)) => {
                    let found = self.shown.iter().position(|(_, sample)| sample.id == id);
                    found.unwrap_or(0)
                }
                None => 0,
            };
            self.selected = self.selected.min(self.shown.len().saturating_sub(1));
            self.offset = self.selected.saturating_sub(before);
            self.clamp(page);
        }
        self.count_after_rows(page, cx);
        true
    }

    fn take_count(&mut self, count: u64, page: usize, cx: &mut Cx) {
        let grew = self.total.is_some_and(|total| count > total);
        self.newest = count;
        let fresh = std::mem::take(&mut self.fresh);
        if self.total.is_none() || fresh {
            self.total = Some(count);
        }
        if self.follows && grew {
            self.total = Some(count);
            self.ask(WindowAt::Place(Place::Last), Goal::Last, page, cx);
        }
    }

    /// How many match, in words for the status line.
    pub(super) fn counting(&self, shared: &Shared) -> String {
        let known = self.first + self.shown.len() as u64;
        match self.total {
            Some(total) => crate::core::text::grouped(total),
            None if self.uncounted && !self.is_slow(shared.now) => String::new(),
            None if self.uncounted => "searching …".to_owned(),
            None if shared.now < self.counted.0 + Remote::<u64>::QUIET => String::new(),
            None => format!("≈ {}+ … counting", crate::core::text::grouped(known)),
        }
    }
}
