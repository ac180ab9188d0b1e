//! The upper half of the dashboard: six counters, samples and tokens per second, cost.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::Health;
use crate::core::budget::Money;
use crate::core::text::grouped;

use crate::tui::context::Shared;
use crate::tui::history::Point;
use crate::tui::layout::{Width, top};
use crate::tui::text::{compact, per_second, put, put_all, share};
use crate::tui::theme::Slot;
use crate::tui::widgets::chart::{chart, columns, legend, sparkline};
use crate::tui::widgets::pane::{badge, bar, pane};

use crate::tui::screens::providers::word;

/// A counter: heading, number, the fact under it, what its sparkline shows.
struct Counter {
    title: &'static str,
    value: u64,
    fact: String,
    slot: Slot,
    read: fn(&Point) -> f64,
}

fn list(point: &Point, narrow: bool) -> [Counter; 6] {
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
    let counter = |title, value, fact, slot, read| Counter {
        title,
        value,
        fact,
        slot,
        read,
    };
    [
        counter(
            "ENQUEUED",
            point.enqueued,
            "tasks".to_owned(),
            Slot::Fg,
            |point| point.enqueued as f64,
        ),
        counter("STARTED", point.started, rate(0), Slot::Fg, |point| {
            point.rates[0]
        }),
        counter(
            "IN FLIGHT",
            point.in_flight,
            format!("of {}", point.limit),
            Slot::Running,
            |point| point.in_flight as f64,
        ),
        counter("PERSISTED", point.persisted, rate(1), Slot::Ok, |point| {
            point.rates[1]
        }),
        counter(
            "REJECTED",
            point.rejected,
            both(2, point.rejected, judged),
            Slot::Warn,
            |point| point.rates[2],
        ),
        counter(
            "FAILED",
            point.failed,
            both(3, point.failed, point.started),
            Slot::Error,
            |point| point.rates[3],
        ),
    ]
}

/// The six counters: on narrow terminals two lines of the four that matter most.
pub(super) fn counters(shared: &Shared, area: Rect, buf: &mut Buffer, window: Duration) {
    let newest = shared.history.newest().copied().unwrap_or_default();
    let counters = list(&newest, area.width < 100);
    let muted = shared.style(Slot::Muted);
    let known = shared.progress.is_some();
    if Width::of(shared.size.width) == Width::Narrow {
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
                put_all(
                    buf,
                    area,
                    at,
                    row as u16,
                    &[(name, muted), (pad, muted), (value, shared.style(Slot::Fg))],
                );
            }
        }
        return;
    }
    let inner = pane(buf, area, "Tasks", "all jobs of this session", false, shared);
    let cell = inner.width.saturating_sub(2) / 6;
    for (at, counter) in counters.iter().enumerate() {
        let column = Rect {
            x: inner.x + 1 + cell * at as u16,
            width: cell.saturating_sub(1),
            ..inner
        };
        let style = if counter.value > 0 {
            shared.style(counter.slot)
        } else {
            shared.style(Slot::Fg)
        };
        put(buf, column, 0, 0, counter.title, muted);
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
        let series = shared.history.series(window, cells, counter.read);
        put(buf, column, 0, 3, &sparkline(&series), style);
    }
}

/// Samples per second; where the cost has no pane of its own (`alone`), a line each for cost and providers.
pub(super) fn speed(shared: &Shared, area: Rect, buf: &mut Buffer, window: Duration, alone: bool) {
    if area.height < 3 {
        return;
    }
    let series = |cells| shared.history.series(window, cells, |point| point.rates[1]);
    let inner = Rect {
        width: area.width.saturating_sub(2),
        height: area.height - 2,
        ..area
    };
    let values = series(columns(inner, shared.options.ascii));
    let now = values.last().copied().flatten().unwrap_or_default();
    let peak = values.iter().flatten().copied().fold(0.0, f64::max);
    let inner = pane(
        buf,
        area,
        "Samples/s",
        &format!("{now:.1} now  {peak:.1} peak"),
        false,
        shared,
    );
    if !alone {
        chart(
            buf,
            inner,
            &[(values, shared.style(Slot::Chart1))],
            compact_axis,
            shared,
        );
        return;
    }
    let line = series(usize::from(inner.width.saturating_sub(2)));
    put(buf, inner, 1, 0, &sparkline(&line), shared.style(Slot::Chart1));
    put(buf, inner, 1, 1, &money(shared), shared.style(Slot::Fg));
    let providers = shared
        .progress
        .as_ref()
        .map_or(&[][..], |progress| &progress.providers);
    if providers.is_empty() {
        return;
    }
    let mut at = put(buf, inner, 1, 2, "providers: ", shared.style(Slot::Muted)) + 1;
    for one in providers {
        let (glyph, slot) = badge(word(one.health));
        let state = if one.health == Health::Up {
            String::new()
        } else {
            format!(" {}", word(one.health))
        };
        let text = format!("{} {glyph}{state}  ", one.name);
        at += put(buf, inner, at, 2, &text, shared.style(slot));
    }
}

/// Tokens per second, what was spent and what it comes to.
pub(super) fn cost(shared: &Shared, area: Rect, buf: &mut Buffer, window: Duration) {
    if area.height < 6 {
        return;
    }
    let newest = shared.history.newest().copied().unwrap_or_default();
    let [read, written] = newest.tokens.map(compact);
    let inner = pane(
        buf,
        area,
        "Tokens/s and cost",
        &format!("in {read}  out {written}"),
        false,
        shared,
    );
    let (plot, below) = top(inner, inner.height.saturating_sub(2));
    let cells = columns(plot, shared.options.ascii);
    let input = shared.history.series(window, cells, |point| point.tokens[0]);
    let output = shared.history.series(window, cells, |point| point.tokens[1]);
    let styles = [shared.style(Slot::Chart2), shared.style(Slot::Chart3)];
    chart(
        buf,
        plot,
        &[(input, styles[0]), (output, styles[1])],
        compact_axis,
        shared,
    );
    legend(
        buf,
        plot,
        0,
        &[("in".to_owned(), styles[0]), ("out".to_owned(), styles[1])],
    );
    put(buf, below, 1, 0, &money(shared), shared.style(Slot::Fg));
    let Some(progress) = &shared.progress else { return };
    if let Some(cap) = progress.day_cap.filter(|cap| cap.0 > 0) {
        let part = progress.today.usd() / cap.usd();
        let text = format!(
            "today {} of {cap}  {} {:.0}%",
            progress.today,
            bar(part, 20),
            part * 100.0
        );
        put(
            buf,
            below,
            1,
            1,
            &text,
            shared.style(if part >= 0.9 { Slot::Warn } else { Slot::Fg }),
        );
    } else {
        put(
            buf,
            below,
            1,
            1,
            &format!("today {} (no cap for the day)", progress.today),
            shared.style(Slot::Fg),
        );
    }
}

/// Spent, per hour, and what is set aside for requests in flight.
fn money(shared: &Shared) -> String {
    let jobs = shared.progress.iter().flat_map(|progress| &progress.jobs);
    let (usd, reserved) = jobs.fold((0, 0), |(usd, reserved), job| {
        (usd + job.usd.0, reserved + job.reserved.0)
    });
    let rate = shared.history.usd_per_hour();
    let rate = rate.map_or_else(String::new, |rate| format!("   ${rate:.2}/h"));
    let aside = if reserved > 0 {
        format!("   {} set aside", Money(reserved))
    } else {
        String::new()
    };
    format!("spent {}{rate}{aside}", Money(usd))
}

fn compact_axis(value: f64) -> String {
    if value == 0.0 || value >= 10.0 {
        compact(value).replace(".0", "")
    } else {
        format!("{value:.1}")
    }
}
