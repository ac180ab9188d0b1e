//! The upper half of the dashboard: six counters, the chart one chooses, tokens per second and cost.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::core::api::Health;
use crate::core::budget::Money;
use crate::core::text::grouped;

use crate::tui::context::Shared;
use crate::tui::history::{JOBS, Point};
use crate::tui::layout::{Width, top};
use crate::tui::screens::providers::word;
use crate::tui::text::{compact, fit, per_second, put, put_all, share};
use crate::tui::theme::Slot;
use crate::tui::widgets::chart::{Scale, Series, chart as plot_chart, columns, legend, sparkline};
use crate::tui::widgets::pane::{badge, bar, pane};

use super::{Seen, headed};

/// Counters there are.
pub(super) const COUNTERS: usize = 6;

/// The heading of a counter.
pub(super) fn title(at: usize) -> &'static str {
    TITLES[at.min(COUNTERS - 1)]
}

const TITLES: [&str; COUNTERS] = [
    "ENQUEUED",
    "STARTED",
    "IN FLIGHT",
    "PERSISTED",
    "REJECTED",
    "FAILED",
];

/// What the chart shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Metric {
    /// Accepted tasks per second.
    #[default]
    Samples,
    /// Tokens per second, in and out.
    Tokens,
    /// Dollars an hour.
    Dollars,
    /// The slowest provider's 95th percentile.
    Slowest,
    /// Rejected tasks of those judged.
    Rejects,
}

impl Metric {
    /// The next one, round and round.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Samples => Self::Tokens,
            Self::Tokens => Self::Dollars,
            Self::Dollars => Self::Slowest,
            Self::Slowest => Self::Rejects,
            Self::Rejects => Self::Samples,
        }
    }

    /// Its name, with the unit.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Samples => "Samples/s",
            Self::Tokens => "Tokens/s",
            Self::Dollars => "$/h",
            Self::Slowest => "p95 s",
            Self::Rejects => "Rejected %",
        }
    }

    fn read(self) -> fn(&Point) -> f64 {
        match self {
            Self::Samples => |point| point.rates[1],
            Self::Tokens => |point| point.tokens[0] + point.tokens[1],
            Self::Dollars => |point| point.usd_per_hour,
            Self::Slowest => |point| point.p95,
            Self::Rejects => Point::reject_share,
        }
    }

    fn number(self, value: f64) -> String {
        match self {
            Self::Tokens => compact(value),
            Self::Dollars => format!("${value:.2}"),
            Self::Samples | Self::Slowest | Self::Rejects => format!("{value:.1}"),
        }
    }
}

/// How the chart is to be drawn.
pub(super) struct Chart {
    pub(super) metric: Metric,
    pub(super) scale: Scale,
    pub(super) window: Duration,
    pub(super) focused: bool,
    /// The cost has no pane of its own: a line each for cost and providers.
    pub(super) alone: bool,
}

/// A counter: number, the fact under it, what its sparkline shows.
struct Counter {
    value: u64,
    fact: String,
    slot: Slot,
    read: fn(&Point) -> f64,
}

fn list(point: &Point, added: f64, narrow: bool) -> [Counter; COUNTERS] {
    let judged = point.persisted + point.rejected;
    let rate = |at: usize| per_second(point.rates[at]);
    // Where the column is narrow, the share says more than the rate.
    let both = |at: usize, part: u64, whole: u64| {
        let share = share(part, whole);
        if narrow {
            share
        } else {
            format!("{}  {share}", rate(at))
        }
    };
    let counter = |value, fact, slot, read| Counter {
        value,
        fact,
        slot,
        read,
    };
    [
        counter(
            point.enqueued,
            format!("+{}", per_second(added)),
            Slot::Fg,
            |point| point.enqueued as f64,
        ),
        counter(point.started, rate(0), Slot::Fg, |point| point.rates[0]),
        counter(
            point.in_flight,
            format!("of {}", point.limit),
            Slot::Running,
            |point| point.in_flight as f64,
        ),
        counter(point.persisted, rate(1), Slot::Ok, |point| point.rates[1]),
        counter(
            point.rejected,
            both(2, point.rejected, judged),
            Slot::Warn,
            |point| point.rates[2],
        ),
        counter(
            point.failed,
            both(3, point.failed, point.started),
            Slot::Error,
            |point| point.rates[3],
        ),
    ]
}

/// Tasks planned per second, over the last seconds.
fn added(seen: &Seen) -> f64 {
    let recent = seen
        .history
        .series(Duration::from_secs(6), 6, |point| point.enqueued as f64);
    match (
        recent.first().copied().flatten(),
        recent.last().copied().flatten(),
    ) {
        (Some(first), Some(last)) => (last - first).max(0.0) / 5.0,
        _ => 0.0,
    }
}

/// The six counters: on narrow terminals two lines of the four that matter most. `selected` has the keys.
pub(super) fn counters(
    seen: &Seen,
    selected: Option<usize>,
    window: Duration,
    shared: &Shared,
    area: Rect,
    buf: &mut Buffer,
) {
    if area.height == 0 {
        return;
    }
    let newest = seen.history.newest().copied().unwrap_or_default();
    if Width::of(shared.size.width) == Width::Narrow {
        return two_lines(&newest, shared, area, buf);
    }
    let counters = list(&newest, added(seen), area.width < 100);
    let muted = shared.style(Slot::Muted);
    let known = seen.progress.is_some();
    let focused = selected.is_some();
    let heading = headed("Tasks", focused);
    let inner = pane(buf, area, &heading, "all jobs of this session", focused, shared);
    let cell = inner.width.saturating_sub(2) / COUNTERS as u16;
    for (at, counter) in counters.iter().enumerate() {
        let column = Rect {
            x: inner.x + 1 + cell * at as u16,
            width: cell.saturating_sub(1),
            ..inner
        };
        let style = shared.style(if counter.value > 0 { counter.slot } else { Slot::Fg });
        let heading = if selected == Some(at) {
            shared.theme.selection()
        } else {
            muted
        };
        put(buf, column, 0, 0, TITLES[at], heading);
        let value = if known {
            grouped(counter.value)
        } else {
            "-".to_owned()
        };
        put(buf, column, 0, 1, &value, style);
        if !known {
            continue;
        }
        put(buf, column, 0, 2, &counter.fact, muted);
        let cells = usize::from(cell.saturating_sub(3)).min(12);
        let series = seen.history.series(window, cells, counter.read);
        put(buf, column, 0, 3, &sparkline(&series), style);
    }
}

fn two_lines(newest: &Point, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let muted = shared.style(Slot::Muted);
    let judged = newest.persisted + newest.rejected;
    let lines = [
        [
            ("persisted", grouped(newest.persisted)),
            ("", per_second(newest.rates[1])),
            ("in flight", newest.in_flight.to_string()),
        ],
        [
            ("rejected", grouped(newest.rejected)),
            ("", share(newest.rejected, judged)),
            ("failed", grouped(newest.failed)),
        ],
    ];
    for (row, line) in lines.iter().enumerate() {
        for ((name, value), at) in line.iter().zip([1, 19, 26]) {
            let pad = if name.is_empty() { "" } else { " " };
            let spans = [
                (*name, muted),
                (pad, muted),
                (value.as_str(), shared.style(Slot::Fg)),
            ];
            put_all(buf, area, at, row as u16, &spans);
        }
    }
}

/// The chart one chooses; where the cost has no pane of its own and rows are few, one line of blocks above two of words.
pub(super) fn speed(seen: &Seen, chart: &Chart, shared: &Shared, area: Rect, buf: &mut Buffer) {
    if area.height < 3 {
        return;
    }
    let read = chart.metric.read();
    let plot = Rect {
        width: area.width.saturating_sub(2),
        ..area
    };
    let cells = columns(plot, shared.options.ascii);
    let values = seen.history.series(chart.window, cells, read);
    let now = values.last().copied().flatten().unwrap_or_default();
    let peak = values.iter().flatten().copied().fold(0.0, f64::max);
    let number = |value| chart.metric.number(value);
    let fact = format!("{} now  {} peak", number(now), number(peak));
    let heading = headed(chart.metric.name(), chart.focused);
    let inner = pane(buf, area, &heading, &fact, chart.focused, shared);
    if chart.alone && inner.height < 6 {
        return lines(seen, chart, shared, inner, buf);
    }
    let mut series: Vec<Series> = vec![(values, shared.style(Slot::Chart1))];
    let mut names: Vec<(String, Style)> = Vec::new();
    match chart.metric {
        Metric::Samples if area.width >= 60 && seen.history.names().len() > 1 => {
            (series, names) = by_job(seen, chart.window, cells, shared);
        }
        Metric::Tokens => {
            let styles = [shared.style(Slot::Chart2), shared.style(Slot::Chart3)];
            let of = |at: usize| {
                seen.history
                    .series(chart.window, cells, move |point| point.tokens[at])
            };
            series = vec![(of(0), styles[0]), (of(1), styles[1])];
            names = vec![("in".to_owned(), styles[0]), ("out".to_owned(), styles[1])];
        }
        _ => {}
    }
    plot_chart(buf, inner, &series, chart.scale, axis, shared);
    legend(buf, inner, 0, &names);
}

/// A line for each of the first jobs, and one for the others where there are more.
fn by_job(
    seen: &Seen,
    window: Duration,
    cells: usize,
    shared: &Shared,
) -> (Vec<Series>, Vec<(String, Style)>) {
    let slots = [
        Slot::Chart1,
        Slot::Chart2,
        Slot::Chart3,
        Slot::Chart4,
        Slot::Muted,
    ];
    let mut series = Vec::new();
    let mut names = Vec::new();
    for (at, slot) in slots.into_iter().enumerate() {
        let name = match seen.history.names().get(at) {
            Some(name) => fit(name, 14).into_owned(),
            None if at == JOBS => "other".to_owned(),
            None => continue,
        };
        let values = seen.history.series(window, cells, move |point| point.by_job[at]);
        if at == JOBS && values.iter().flatten().all(|value| *value <= 0.0) {
            continue;
        }
        series.push((values, shared.style(slot)));
        names.push((name, shared.style(slot)));
    }
    (series, names)
}

/// The chart in one row, then money, then who is up.
fn lines(seen: &Seen, chart: &Chart, shared: &Shared, inner: Rect, buf: &mut Buffer) {
    let cells = usize::from(inner.width.saturating_sub(2));
    let line = seen.history.series(chart.window, cells, chart.metric.read());
    put(buf, inner, 1, 0, &sparkline(&line), shared.style(Slot::Chart1));
    put(buf, inner, 1, 1, &money(seen), shared.style(Slot::Fg));
    let mut at = 1 + put(buf, inner, 1, 2, "providers: ", shared.style(Slot::Muted));
    for one in seen.providers() {
        let (glyph, slot) = badge(word(one.health));
        let state = match one.health {
            Health::Up => String::new(),
            _ => format!(" {}", word(one.health)),
        };
        let text = format!("{} {glyph}{state}  ", one.name);
        at += put(buf, inner, at, 2, &text, shared.style(slot));
    }
}

/// Tokens per second, what was spent and what it comes to.
pub(super) fn cost(
    seen: &Seen,
    window: Duration,
    focused: bool,
    shared: &Shared,
    area: Rect,
    buf: &mut Buffer,
) {
    if area.height < 6 {
        return;
    }
    let newest = seen.history.newest().copied().unwrap_or_default();
    let [read, written] = newest.tokens.map(compact);
    let fact = format!("in {read}  out {written}");
    let heading = headed("Tokens/s and cost", focused);
    let inner = pane(buf, area, &heading, &fact, focused, shared);
    let (plot, below) = top(inner, inner.height.saturating_sub(2));
    let cells = columns(plot, shared.options.ascii);
    let styles = [shared.style(Slot::Chart2), shared.style(Slot::Chart3)];
    let of = |at: usize| seen.history.series(window, cells, move |point| point.tokens[at]);
    let series = [(of(0), styles[0]), (of(1), styles[1])];
    plot_chart(buf, plot, &series, Scale::Linear, axis, shared);
    let names = [("in".to_owned(), styles[0]), ("out".to_owned(), styles[1])];
    legend(buf, plot, 0, &names);
    put(buf, below, 1, 0, &money(seen), shared.style(Slot::Fg));
    let Some(progress) = seen.progress else { return };
    let (text, slot) = match progress.day_cap.filter(|cap| cap.0 > 0) {
        Some(cap) => {
            let part = progress.today.usd() / cap.usd();
            let text = format!(
                "today {} of {cap}  {} {:.0}%",
                progress.today,
                bar(part, 20),
                part * 100.0
            );
            (text, if part >= 0.9 { Slot::Warn } else { Slot::Fg })
        }
        None => (format!("today {} (no cap for the day)", progress.today), Slot::Fg),
    };
    put(buf, below, 1, 1, &text, shared.style(slot));
}

/// Spent, per hour, what it will come to, and what is set aside for requests in flight.
fn money(seen: &Seen) -> String {
    let jobs = seen.progress.iter().flat_map(|progress| &progress.jobs);
    let (mut usd, mut reserved, mut projected) = (0, 0, 0.0);
    for job in jobs {
        usd += job.usd.0;
        reserved += job.reserved.0;
        let part = super::done(job);
        projected += if part > 0.02 && part < 1.0 {
            job.usd.usd() / part
        } else {
            job.usd.usd()
        };
    }
    let rate = seen.history.newest().map_or(0.0, |point| point.usd_per_hour);
    let mut facts = vec![format!("spent {}", Money(usd))];
    if rate > 0.0 {
        facts.push(format!("${rate:.2}/h"));
    }
    if projected > Money(usd).usd() * 1.01 {
        facts.push(format!("projected {}", Money::from_usd(projected)));
    }
    if reserved > 0 {
        facts.push(format!("{} set aside", Money(reserved)));
    }
    facts.join("  ")
}

fn axis(value: f64) -> String {
    if value == 0.0 || value >= 10.0 {
        compact(value).replace(".0", "")
    } else {
        format!("{value:.1}")
    }
}
