//! The tab of the report: how varied the dataset is, and how the job's judges stand against persons. It asks when somebody looks, stops
//! asking when they look away, and never by itself again: a large dataset takes its time. What stands in it is [`super::figures`]'s.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::{Answer, Calibrated, JobDetail, JobReport, Query, ReportRequest};
use crate::core::text::grouped;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::layout::{Width, inside, left};
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::text::{clock, put_all};
use crate::tui::widgets::pane::{empty, failure, pane};

use super::figures::{self, Line};

/// Precisions that can be wanted, and where one begins.
const PRECISIONS: [f64; 7] = [0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99];
const USUAL: usize = 4;
/// Judges of a job that are shown.
const JUDGES: usize = 4;
/// The validators that score by a rubric.
const JUDGE: &str = "judge";

/// Which half has the keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Side {
    /// The dataset.
    #[default]
    Dataset,
    /// The judges.
    Judges,
}

/// The tab.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) side: Side,
    dataset: Remote<JobReport>,
    judges: Vec<Remote<Calibrated>>,
    /// Place among [`PRECISIONS`].
    precision: usize,
    /// First line shown of each half.
    scroll: [usize; 2],
    /// When what is on its way was asked.
    since: Duration,
    /// Somebody stopped it: nothing is asked before `r`.
    stopped: bool,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            side: Side::default(),
            dataset: Remote::default(),
            judges: Vec::new(),
            precision: USUAL,
            scroll: [0, 0],
            since: Duration::ZERO,
            stopped: false,
        }
    }
}

/// How many judges a job has that are shown.
fn judges(detail: &JobDetail) -> usize {
    let judges = detail.spec.validators.iter().filter(|plug| plug.kind == JUDGE);
    judges.count().min(JUDGES)
}

fn wide(area: Rect) -> bool {
    Width::of(area.width) == Width::Wide
}

/// Where a half is drawn: beside the other one, or all over the place.
fn half(side: Side, area: Rect) -> Rect {
    if !wide(area) {
        return area;
    }
    let (one, other) = left(area, area.width / 2);
    match side {
        Side::Dataset => one,
        Side::Judges => other,
    }
}

impl Report {
    fn question(job: &str) -> Query {
        Query::Report(ReportRequest {
            job: job.to_owned(),
            ..ReportRequest::default()
        })
    }

    fn calibration(&self, job: &str, at: usize) -> Query {
        Query::Calibration {
            job: job.to_owned(),
            judge: at as u32 + 1,
            precision: PRECISIONS[self.precision],
        }
    }

    /// Asks for what is not known yet, once the job is.
    pub(super) fn enter(&mut self, detail: Option<&JobDetail>, cx: &mut Cx) {
        let Some(detail) = detail.filter(|_| !self.stopped) else {
            return;
        };
        let job = &detail.row.name;
        self.judges.resize_with(judges(detail), Remote::default);
        let unknown = |known: bool, failed: bool, pending: bool| !known && !failed && !pending;
        for at in 0..self.judges.len() {
            let judge = &self.judges[at];
            if unknown(
                judge.value().is_some(),
                judge.error().is_some(),
                judge.is_pending(),
            ) {
                let query = self.calibration(job, at);
                self.judges[at].ask(query, cx);
                self.since = cx.shared.now;
            }
        }
        let dataset = &self.dataset;
        if unknown(
            dataset.value().is_some(),
            dataset.error().is_some(),
            dataset.is_pending(),
        ) {
            self.dataset.ask(Self::question(job), cx);
            self.since = cx.shared.now;
        }
    }

    /// Asks for everything again.
    pub(super) fn reload(&mut self, detail: Option<&JobDetail>, cx: &mut Cx) {
        let Some(detail) = detail else { return };
        self.stopped = false;
        self.since = cx.shared.now;
        self.dataset.refresh(Self::question(&detail.row.name), cx);
        self.judges.resize_with(judges(detail), Remote::default);
        self.ask_judges(&detail.row.name, cx);
    }

    fn ask_judges(&mut self, job: &str, cx: &mut Cx) {
        for at in 0..self.judges.len() {
            let query = self.calibration(job, at);
            self.judges[at].give_up(cx);
            self.judges[at].ask(query, cx);
        }
    }

    fn is_pending(&self) -> bool {
        self.dataset.is_pending() || self.judges.iter().any(Remote::is_pending)
    }

    /// Stops asking until somebody wants it again. False if nothing was asked.
    pub(super) fn stop(&mut self, cx: &mut Cx) -> bool {
        let pending = self.is_pending();
        self.give_up(cx);
        self.stopped |= pending;
        pending
    }

    /// Another tab is looked at: what is missing is asked for on return.
    pub(super) fn give_up(&mut self, cx: &mut Cx) {
        self.dataset.give_up(cx);
        for judge in &mut self.judges {
            judge.give_up(cx);
        }
    }

    /// The screen is covered or closed: nobody waits any more. What is missing is asked for on return.
    pub(super) fn abandon(&mut self, shared: &mut Shared) {
        self.dataset.abandon(shared);
        for judge in &mut self.judges {
            judge.abandon(shared);
        }
    }

    /// When the time waited is drawn anew.
    pub(super) fn wake(&self, shared: &Shared) -> Option<Duration> {
        self.is_pending()
            .then(|| Duration::from_secs(shared.now.as_secs() + 1))
    }

    pub(super) fn take(&mut self, message: &Message, job: &str, cx: &mut Cx) {
        let dataset = |answer: &Answer| {
            if let Answer::Report(report) = answer {
                Some(JobReport::clone(report))
            } else {
                None
            }
        };
        self.dataset.take(message, dataset, || Self::question(job), cx);
        for at in 0..self.judges.len() {
            let query = self.calibration(job, at);
            let judge = |answer: &Answer| {
                if let Answer::Calibration(found) = answer {
                    Some(Calibrated::clone(found))
                } else {
                    None
                }
            };
            self.judges[at].take(message, judge, || query, cx);
        }
    }

    /// The command line that says the same.
    pub(super) fn command(&self, job: &str) -> String {
        match self.side {
            Side::Dataset => format!("destiler jobs report {job}"),
            Side::Judges => format!(
                "destiler jobs calibrate {job} --precision {}",
                PRECISIONS[self.precision]
            ),
        }
    }

    /// Moves, or wants another precision. False if the action is neither.
    pub(super) fn act(&mut self, action: Action, detail: &JobDetail, body: Rect, cx: &mut Cx) -> bool {
        let precision = match action {
            Action::NextPane | Action::PreviousPane => {
                self.side = match self.side {
                    Side::Dataset => Side::Judges,
                    Side::Judges => Side::Dataset,
                };
                return true;
            }
            Action::Newer => (self.precision + 1).min(PRECISIONS.len() - 1),
            Action::Older => self.precision.saturating_sub(1),
            action => return self.scrolled(action, detail, body, cx.shared),
        };
        if precision != self.precision {
            self.precision = precision;
            self.ask_judges(&detail.row.name, cx);
        }
        self.side = Side::Judges;
        true
    }

    fn scrolled(&mut self, action: Action, detail: &JobDetail, body: Rect, shared: &Shared) -> bool {
        let area = inside(half(self.side, body), shared.size.width);
        let lines = self
            .lines(self.side, detail, area.width)
            .map_or(0, |lines| lines.len());
        let page = usize::from(area.height).max(1);
        let last = lines.saturating_sub(page);
        let scroll = &mut self.scroll[self.side as usize];
        *scroll = match action {
            Action::Down => *scroll + 1,
            Action::Up => scroll.saturating_sub(1),
            Action::First => 0,
            Action::Last => last,
            Action::HalfDown => *scroll + page.div_ceil(2),
            Action::HalfUp => scroll.saturating_sub(page.div_ceil(2)),
            Action::PageDown => *scroll + page,
            Action::PageUp => scroll.saturating_sub(page),
            _ => return false,
        }
        .min(last);
        true
    }

    /// What a half says, as far as it is known.
    fn lines(&self, side: Side, detail: &JobDetail, width: u16) -> Option<Vec<Line>> {
        let width = usize::from(width).saturating_sub(2);
        match side {
            Side::Dataset => {
                let report = self.dataset.value()?;
                (report.variety.samples > 0).then(|| figures::dataset(&report.variety, width))
            }
            Side::Judges => {
                let found: Vec<&Calibrated> = self.judges.iter().filter_map(Remote::value).collect();
                let agreed = self.dataset.value().map_or(&[][..], |report| &report.judges);
                (!found.is_empty() && judges(detail) > 0).then(|| figures::judges(&found, agreed, width))
            }
        }
    }

    pub(super) fn view(&self, detail: &JobDetail, shared: &Shared, area: Rect, buf: &mut Buffer) {
        if wide(area) {
            self.half(Side::Dataset, detail, shared, area, buf);
            self.half(Side::Judges, detail, shared, area, buf);
        } else {
            self.half(self.side, detail, shared, area, buf);
        }
    }

    fn half(&self, side: Side, detail: &JobDetail, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let focused = self.side == side;
        let (title, fact) = self.heading(side, detail, area);
        let place = half(side, area);
        let inner = pane(buf, place, &title, &fact, focused, shared);
        let Some(lines) = self.lines(side, detail, inner.width) else {
            return self.without(side, detail, inner, shared, buf);
        };
        let page = usize::from(inner.height).max(1);
        let first = self.scroll[side as usize].min(lines.len().saturating_sub(page));
        for (row, line) in lines.iter().skip(first).take(page).enumerate() {
            let spans: Vec<_> = line
                .iter()
                .map(|(text, slot)| (text.as_str(), shared.style(*slot)))
                .collect();
            put_all(buf, inner, 1, row as u16, &spans);
        }
    }

    fn heading(&self, side: Side, detail: &JobDetail, area: Rect) -> (String, String) {
        let (name, fact) = match side {
            Side::Dataset => ("Report", self.age(detail)),
            Side::Judges => (
                "Judges against persons",
                format!("- + precision {}", PRECISIONS[self.precision]),
            ),
        };
        match (wide(area), side) {
            (true, _) => (name.to_owned(), fact),
            (false, Side::Dataset) => (format!("{name} 1/2"), fact),
            (false, Side::Judges) => (format!("{name} 2/2"), fact),
        }
    }

    /// Whether the figures are of today.
    fn age(&self, detail: &JobDetail) -> String {
        let Some(report) = self.dataset.value() else {
            return String::new();
        };
        let left_out: u64 = report.variety.left_out.values().sum();
        let (counted, now) = (report.variety.samples + left_out, detail.row.samples[0]);
        if counted == now {
            format!("{} samples", grouped(report.variety.samples))
        } else {
            format!("{} now · r counts again", grouped(now))
        }
    }

    /// What stands in a half while there is nothing to show.
    fn without(&self, side: Side, detail: &JobDetail, area: Rect, shared: &Shared, buf: &mut Buffer) {
        let no_judge = side == Side::Judges && judges(detail) == 0;
        let error = match side {
            Side::Dataset => self.dataset.error(),
            Side::Judges => self.judges.iter().find_map(Remote::error),
        };
        let slow = match side {
            Side::Dataset => self.dataset.is_slow(shared.now),
            Side::Judges => self.judges.iter().any(|judge| judge.is_slow(shared.now)),
        };
        let pending = match side {
            Side::Dataset => self.dataset.is_pending(),
            Side::Judges => self.judges.iter().any(Remote::is_pending),
        };
        if no_judge {
            let text = "This job has no judge: there are no scores to hold against what persons say.";
            return empty(
                buf,
                area,
                &[
                    text,
                    "A validator of the kind judge gives scores; E edits the job file.",
                ],
                shared,
            );
        }
        if slow {
            let waited = clock(shared.now.saturating_sub(self.since));
            let text = format!("Reading the samples … {waited}");
            return empty(buf, area, &[&text, "esc stops it"], shared);
        }
        match (pending, error) {
            (true, _) => {}
            (false, Some(error)) => failure(buf, area, error, shared),
            (false, None) if self.stopped => empty(buf, area, &["Stopped.", "r asks again"], shared),
            (false, None) => empty(
                buf,
                area,
                &[
                    "No accepted sample yet.",
                    "The report counts what is in the dataset: it comes with the first ones.",
                ],
                shared,
            ),
        }
    }
}
