//! The panes of a job's overview, each drawn from what is known of the job.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::Latency;
use crate::core::budget::Money;
use crate::core::job::OnLimit;
use crate::core::task::TaskState;
use crate::core::text::grouped;

use crate::tui::context::Shared;
use crate::tui::screens::dashboard::headed;
use crate::tui::text::{compact, fit, percent, put, put_all, put_right};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::pane::{bar, empty, pane};

use super::{Facts, Target, lists};

/// Lines of the pane of limits.
pub(super) const LIMITS: usize = 8;

/// Lines of the pane of tasks: word, states that it sums, meaning.
pub(super) const TASKS: [(&str, &[TaskState], Slot); 8] = [
    ("pending", &[TaskState::Pending], Slot::Fg),
    (
        "in flight",
        &[TaskState::Leased, TaskState::Answered, TaskState::Validating],
        Slot::Running,
    ),
    (
        "waiting",
        &[TaskState::RetryWait, TaskState::Snoozed],
        Slot::Paused,
    ),
    ("to review", &[TaskState::NeedsReview], Slot::Warn),
    ("accepted", &[TaskState::Accepted], Slot::Ok),
    ("rejected", &[TaskState::Rejected], Slot::Warn),
    ("failed", &[TaskState::Failed], Slot::Error),
    ("cancelled", &[TaskState::Cancelled], Slot::Muted),
];

/// Rows of the funnel: made, its stages, waiting, accepted.
pub(super) fn funnel_rows(facts: &Facts) -> usize {
    facts.funnel.stages.len() + 2 + usize::from(facts.funnel.review > 0)
}

/// Where a row of the funnel leads.
pub(super) fn funnel_target(facts: &Facts, row: usize) -> Target {
    let condition = match row.checked_sub(1) {
        None => String::new(),
        Some(at) => match facts.funnel.stages.get(at) {
            Some(stage) => format!("state:rejected reason:{}", stage.reason.word()),
            None if row + 1 < funnel_rows(facts) => "state:needs_review".to_owned(),
            None => "state:accepted".to_owned(),
        },
    };
    Target::Samples(condition)
}

/// One pane being drawn.
pub(super) struct Drawing<'a> {
    pub(super) facts: &'a Facts<'a>,
    pub(super) name: &'a str,
    /// The selected row, where this pane has the keys.
    pub(super) selected: Option<usize>,
    pub(super) shared: &'a Shared,
    pub(super) area: Rect,
    pub(super) buf: &'a mut Buffer,
}

impl Drawing<'_> {
    fn pane(&mut self, title: &str, fact: &str) -> Rect {
        let focused = self.selected.is_some();
        let title = headed(title, focused);
        pane(self.buf, self.area, &title, fact, focused, self.shared)
    }

    /// A line of text with a bar behind it, marked where it is selected.
    fn line(&mut self, inner: Rect, row: usize, place: usize, text: &str, part: f64, slot: Slot) {
        let style = self.shared.style(slot);
        let row = row as u16;
        let used = put(self.buf, inner, 1, row, text, style);
        let room = usize::from(inner.width.saturating_sub(used + 3));
        put(self.buf, inner, used + 1, row, &bar(part, room), style);
        if self.selected == Some(place) && row < inner.height {
            put(self.buf, inner, 0, row, "▌", self.shared.style(Slot::Accent));
            let line = Rect {
                y: inner.y + row,
                height: 1,
                ..inner
            };
            self.buf.set_style(line, self.shared.theme.selection());
        }
    }

    /// The first row to draw so that the selected one is seen.
    fn skip(&self, inner: Rect) -> usize {
        let page = usize::from(inner.height).max(1);
        self.selected.map_or(0, |at| (at + 1).saturating_sub(page))
    }

    /// Where the tasks stand.
    pub(super) fn tasks(&mut self) {
        let counts = &self.facts.detail.row.counts;
        let requests = self.facts.detail.summary.requests.sent;
        let (planned, begun) = (counts.planned(), counts.planned() - counts.of(TaskState::Pending));
        let attempts = if begun > 0 && requests > 0 {
            format!("{:.2} requests a task", requests as f64 / begun as f64)
        } else {
            String::new()
        };
        let inner = self.pane(&format!("Tasks {}", grouped(planned)), &attempts);
        let skip = self.skip(inner);
        for (row, (place, (word, states, slot))) in TASKS.iter().enumerate().skip(skip).enumerate() {
            let count: u64 = states.iter().map(|state| counts.of(*state)).sum();
            let slot = if count == 0 { Slot::Muted } else { *slot };
            let text = format!(
                "{word:<10}{:>10} {:>6}% ",
                grouped(count),
                percent(count, planned.max(1))
            );
            let part = count as f64 / planned.max(1) as f64;
            self.line(inner, row, place, &text, part, slot);
        }
    }

    /// Where the samples went: made, then what each stage took, then what is left.
    pub(super) fn funnel(&mut self) {
        let funnel = &self.facts.funnel;
        let inner = self.pane("Validator funnel", "enter samples · Q report");
        if funnel.made == 0 {
            return empty(self.buf, inner, &["No sample has been judged yet."], self.shared);
        }
        let made = funnel.made;
        let mut lines = vec![("made".to_owned(), made, None, Slot::Fg)];
        for stage in &funnel.stages {
            let slot = if stage.lost > 0 { Slot::Warn } else { Slot::Muted };
            lines.push((stage.name.clone(), stage.left, Some(stage.lost), slot));
        }
        if funnel.review > 0 {
            lines.push((
                "waits for review".to_owned(),
                funnel.accepted,
                Some(funnel.review),
                Slot::Paused,
            ));
        }
        lines.push(("accepted".to_owned(), funnel.accepted, None, Slot::Ok));
        let skip = self.skip(inner);
        for (row, (place, (word, left, lost, slot))) in lines.into_iter().enumerate().skip(skip).enumerate() {
            let lost = lost.map_or_else(String::new, |lost| match lost {
                0 => "0".to_owned(),
                lost => format!("-{}", grouped(lost)),
            });
            // Where there is little room the bar says the share.
            let (width, share) = if inner.width < 48 {
                (13, String::new())
            } else {
                (18, format!(" {:>3.0}%", left as f64 * 100.0 / made as f64))
            };
            let word = fit(&word, width).into_owned();
            let text = format!("{word:<width$}{:>9}{lost:>8}{share} ", grouped(left));
            self.line(inner, row, place, &text, left as f64 / made as f64, slot);
        }
    }

    /// Who answered, how well, how fast, and for how much.
    pub(super) fn teachers(&mut self) {
        let inner = self.pane("Teachers", "latencies of this session");
        let cursor = self.selected.map(|at| Cursor {
            selected: at,
            offset: (at + 2).saturating_sub(usize::from(inner.height).max(2)),
        });
        lists::teachers(self.facts.detail, cursor, false, self.shared, inner, self.buf);
    }

    /// What it costs and where it stops.
    pub(super) fn limits(&mut self) {
        let inner = self.pane("Cost and limits", "e changes them");
        for (row, (word, text)) in self.limit_lines().iter().enumerate() {
            let spans = [(format!("{word:<11}"), Slot::Muted), (text.clone(), Slot::Fg)];
            let spans = spans
                .each_ref()
                .map(|(text, slot)| (text.as_str(), self.shared.style(*slot)));
            put_all(self.buf, inner, 1, row as u16, &spans);
        }
    }

    fn limit_lines(&self) -> [(&'static str, String); LIMITS] {
        let detail = self.facts.detail;
        let (limits, summary) = (&detail.spec.limits, &detail.summary);
        let gauge = self.shared.gauge(&detail.row.name);
        let spent = gauge.map_or(detail.row.usd, |gauge| gauge.usd);
        let [input, output] = gauge.map_or([summary.tokens.input, summary.tokens.output], |gauge| {
            gauge.tokens
        });
        let accepted = gauge.map_or(detail.row.samples[0], |gauge| gauge.accepted_samples);
        let cost = match limits.usd {
            Some(cap) if cap.0 > 0 => {
                let part = spent.usd() / cap.usd();
                format!("{spent} of {cap} {:.0}% {}", (part * 100.0).floor(), bar(part, 8))
            }
            _ => format!("{spent}, no cap"),
        };
        let done = gauge.map_or(0.0, crate::tui::screens::dashboard::done);
        let each = if accepted == 0 {
            "-".to_owned()
        } else {
            Money(spent.0 / accepted.cast_signed()).to_string()
        };
        let projected = if done > 0.02 && done < 1.0 {
            format!("  in all about {}", Money::from_usd(spent.usd() / done))
        } else {
            String::new()
        };
        let of = |used: String, cap: Option<String>| match cap {
            Some(cap) => format!("{used} of {cap}"),
            None => used,
        };
        let again = match (summary.requests.retried, summary.requests.maybe_billed_twice) {
            (retried, 0) => grouped(retried),
            (retried, twice) => format!("{}, {} maybe paid twice", grouped(retried), grouped(twice)),
        };
        let on_limit = match limits.on_limit {
            OnLimit::Pause => "a limit pauses it",
            OnLimit::Stop => "a limit stops it",
        };
        let at_once = limits.concurrency.map_or_else(
            || "as many as providers take".to_owned(),
            |most| format!("{most} at once"),
        );
        let rate = limits.requests_per_minute.map_or_else(String::new, |most| {
            format!(", {} a minute", grouped(u64::from(most)))
        });
        let all = of(
            compact((input + output) as f64),
            limits.tokens.map(|cap| compact(cap as f64)),
        );
        [
            ("spent", cost),
            ("a sample", format!("{each}{projected}")),
            (
                "target",
                detail
                    .spec
                    .target
                    .map_or_else(|| "every task".to_owned(), |target| grouped(target.accepted)),
            ),
            (
                "tokens",
                format!(
                    "{all}  in {} out {}",
                    compact(input as f64),
                    compact(output as f64)
                ),
            ),
            (
                "requests",
                of(grouped(summary.requests.sent), limits.requests.map(grouped)),
            ),
            ("retried", again),
            (
                "minutes",
                format!(
                    "{} · {on_limit}",
                    of(
                        format!("{:.0}", summary.elapsed_seconds / 60.0),
                        limits.minutes.map(|cap| format!("{cap:.0}")),
                    )
                ),
            ),
            ("pace", format!("{at_once}{rate}")),
        ]
    }

    /// What failed, in groups.
    pub(super) fn errors(&mut self) {
        let total: u64 = self.facts.detail.failures.iter().map(|(_, count)| count).sum();
        let fact = if total > 0 {
            format!("{} · R retries them", grouped(total))
        } else {
            String::new()
        };
        let inner = self.pane("Failed tasks", &fact);
        if total == 0 {
            return empty(self.buf, inner, &["No task has failed."], self.shared);
        }
        let cursor = self.selected.map(|at| Cursor {
            selected: at,
            offset: (at + 2).saturating_sub(usize::from(inner.height).max(2)),
        });
        match self.facts.failures {
            Some(groups) => lists::groups(groups, cursor, self.shared, inner, self.buf),
            // Counts are there at once; who and when comes a moment later.
            None => {
                for (row, (reason, count)) in self.facts.detail.failures.iter().enumerate() {
                    let number = Rect {
                        width: 9.min(inner.width),
                        ..inner
                    };
                    let (row, error) = (row as u16, self.shared.style(Slot::Error));
                    put_right(self.buf, number, row, &grouped(*count), error);
                    put(self.buf, inner, 11, row, reason, self.shared.style(Slot::Fg));
                }
            }
        }
    }

    /// How long answers took in this session.
    pub(super) fn latency(&mut self) {
        let latency = &self.facts.detail.latency;
        let fact = if latency.octaves.is_empty() {
            String::new()
        } else {
            format!(
                "p50 {} p95 {} p99 {}",
                lists::seconds(latency.p50_ms),
                lists::seconds(latency.p95_ms),
                lists::seconds(latency.p99_ms)
            )
        };
        let inner = self.pane("Latency", &fact);
        if latency.octaves.is_empty() {
            return empty(self.buf, inner, &["No answer in this session."], self.shared);
        }
        histogram(latency, self.shared, inner, self.buf);
    }

    /// What happened to it, the newest.
    pub(super) fn log(&mut self) {
        let inner = self.pane("Log", "newest first");
        lists::log_rows(self.name, None, self.shared, inner, self.buf);
    }
}

/// Bars of answers by latency, in as many rows as there are: the fastest and the slowest are summed up.
pub(super) fn histogram(latency: &Latency, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let rows = bars(&latency.octaves, usize::from(area.height));
    let most = rows.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    for (row, (label, count)) in rows.iter().enumerate() {
        let text = format!("{label:>10} {:>8} ", compact(*count as f64));
        let room = usize::from(area.width).saturating_sub(22);
        let spans = [
            (text.as_str(), shared.style(Slot::Fg)),
            (
                &bar(*count as f64 / most as f64, room),
                shared.style(Slot::Chart1),
            ),
        ];
        put_all(buf, area, 0, row as u16, &spans);
    }
}

/// Ranges of latency with their counts, at most `rows` of them.
fn bars(octaves: &[u64], rows: usize) -> Vec<(String, u64)> {
    let Some(first) = octaves.iter().position(|count| *count > 0).filter(|_| rows > 0) else {
        return Vec::new();
    };
    let edge = |octave: usize| lists::seconds(1 << octave.min(40));
    // What is more than the rows show is summed up in the first one: the slow end matters more.
    let start = first.max(octaves.len().saturating_sub(rows));
    (start..octaves.len())
        .map(|octave| {
            let (label, from) = match (octave == start, octave + 1 == octaves.len()) {
                (true, _) => (format!("< {}", edge(octave + 1)), 0),
                (_, true) => (format!("≥ {}", edge(octave)), octave),
                _ => (format!("–{}", edge(octave + 1)), octave),
            };
            (label, octaves[from..=octave].iter().sum())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_lose_no_answer() {
        let octaves = [0, 0, 1, 2, 3, 0, 4];
        for rows in 1..9 {
            let bars = bars(&octaves, rows);
            assert!(bars.len() <= rows);
            assert_eq!(
                bars.iter().map(|(_, count)| count).sum::<u64>(),
                10,
                "{rows}: {bars:?}"
            );
        }
        assert!(bars(&[], 3).is_empty() && bars(&octaves, 0).is_empty());
    }
}
