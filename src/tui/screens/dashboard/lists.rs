//! The lower half of the dashboard: jobs, providers, events, and the welcome where there is none of them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::{Health, JobProgress, Level};
use crate::core::text::grouped;

use crate::tui::context::Shared;
use crate::tui::layout::Width;
use crate::tui::screens::providers::Offered;
use crate::tui::text::{compact, percent, put, put_all, span, time_of_day};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::pane::{badge, bar, empty, pane};
use crate::tui::widgets::table::{Cell, Column, numbers, table, words};

use super::{Seen, headed};

/// How a job becomes a row.
pub(super) type Cells = fn(&JobProgress, &Shared) -> Vec<Cell>;

const NARROW: [Column; 3] = [
    words("JOB", 10, 9),
    words("PROGRESS", 10, 5),
    numbers("LEFT", 9, 7),
];

/// Without the target: the bar before it tells.
const MEDIUM: [Column; 7] = [
    words("JOB", 15, 9),
    words("STATE", 9, 8),
    words("PROGRESS", 10, 7),
    numbers("ACCEPTED", 8, 6),
    numbers("REJ%", 5, 3),
    numbers("COST", 6, 4),
    numbers("LEFT", 9, 5),
];

const WIDE: [Column; 8] = [
    words("JOB", 14, 9),
    words("STATE", 9, 8),
    words("PROGRESS", 15, 7),
    numbers("ACCEPTED", 15, 6),
    numbers("REJ%", 5, 3),
    numbers("TOK/S", 6, 1),
    numbers("COST/CAP", 13, 4),
    numbers("TIME LEFT", 10, 5),
];

/// The columns of the table of jobs, and what fills them.
pub(super) fn columns(width: u16) -> (&'static [Column], Cells) {
    match Width::of(width) {
        Width::Narrow => (&NARROW, small),
        Width::Medium => (&MEDIUM, medium),
        Width::Wide => (&WIDE, cells),
    }
}

/// Part of the work that is done: of the target where there is one, else of the tasks.
pub(crate) fn done(gauge: &JobProgress) -> f64 {
    match gauge.target {
        Some(target) if target > 0 => gauge.accepted_samples as f64 / target as f64,
        _ if gauge.enqueued == 0 => 0.0,
        _ => {
            let settled =
                gauge.persisted + gauge.rejected + gauge.failed + gauge.needs_review + gauge.cancelled;
            settled as f64 / gauge.enqueued as f64
        }
    }
}

/// Per cent without digits; 100 % is said when it is all, not when it nearly is.
pub(crate) fn whole_percent(part: f64) -> String {
    format!("{:.0}%", (part * 100.0).floor().clamp(0.0, 100.0))
}

/// Time left, a range where it is unsteady.
fn left_over(gauge: &JobProgress) -> String {
    match (gauge.eta, gauge.state.as_str()) {
        (Some(eta), "running") => span(eta, gauge.eta_until),
        (_, "queued") => "waits".to_owned(),
        _ => "-".to_owned(),
    }
}

fn progress(gauge: &JobProgress, width: usize) -> String {
    let part = done(gauge);
    format!("{} {:>4}", bar(part, width), whole_percent(part))
}

fn small(gauge: &JobProgress, shared: &Shared) -> Vec<Cell> {
    let (glyph, slot) = badge(&gauge.state);
    vec![
        (format!("{glyph} {}", gauge.name), shared.style(slot)),
        (progress(gauge, 5), shared.style(slot)),
        (left_over(gauge), shared.style(Slot::Fg)),
    ]
}

fn medium(gauge: &JobProgress, shared: &Shared) -> Vec<Cell> {
    let fg = shared.style(Slot::Fg);
    let (glyph, slot) = badge(&gauge.state);
    vec![
        (gauge.name.clone(), fg),
        (format!("{glyph} {}", gauge.state), shared.style(slot)),
        (progress(gauge, 5), shared.style(slot)),
        (grouped(gauge.accepted_samples), fg),
        (percent(gauge.rejected, gauge.persisted + gauge.rejected), fg),
        (gauge.usd.to_string(), fg),
        (left_over(gauge), fg),
    ]
}

fn cells(gauge: &JobProgress, shared: &Shared) -> Vec<Cell> {
    let fg = shared.style(Slot::Fg);
    let (glyph, slot) = badge(&gauge.state);
    let target = gauge
        .target
        .map(|target| format!("/{}", grouped(target)))
        .unwrap_or_default();
    let tokens = gauge.token_rates[0] + gauge.token_rates[1];
    let tokens = if tokens > 0.0 {
        compact(tokens)
    } else {
        "-".to_owned()
    };
    let cap = gauge.usd_cap.map(|cap| format!("/{cap}")).unwrap_or_default();
    vec![
        (gauge.name.clone(), fg),
        (format!("{glyph} {}", gauge.state), shared.style(slot)),
        (progress(gauge, 10), shared.style(slot)),
        (format!("{}{target}", grouped(gauge.accepted_samples)), fg),
        (percent(gauge.rejected, gauge.persisted + gauge.rejected), fg),
        (tokens, fg),
        (format!("{}{cap}", gauge.usd), fg),
        (left_over(gauge), fg),
    ]
}

/// The providers; `cursor` where they have the keys.
pub(super) fn providers(seen: &Seen, cursor: Option<Cursor>, shared: &Shared, area: Rect, buf: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let all = seen.providers();
    let up = all.iter().filter(|one| one.health == Health::Up).count();
    let slow = all
        .iter()
        .filter(|one| matches!(one.health, Health::Slow | Health::Limited | Health::Down))
        .count();
    let slow = if slow > 0 {
        format!("  {slow} degraded")
    } else {
        String::new()
    };
    let fact = if seen.progress.is_some() {
        format!("{up} of {} up{slow}", all.len())
    } else {
        String::new()
    };
    let inner = pane(
        buf,
        area,
        &headed("Providers", cursor.is_some()),
        &fact,
        cursor.is_some(),
        shared,
    );
    if all.is_empty() && seen.progress.is_none() {
        return;
    }
    if all.is_empty() {
        let lines = ["No provider is configured.", "5 says how to add one."];
        return empty(buf, inner, &lines, shared);
    }
    let skip = cursor.map_or(0, |cursor| cursor.offset);
    let rows = all
        .iter()
        .skip(skip)
        .map(|one| crate::tui::screens::providers::cells(one, shared));
    let selected = cursor.map(|cursor| cursor.selected.saturating_sub(cursor.offset));
    let columns = &crate::tui::screens::providers::COLUMNS;
    table(buf, inner, columns, rows, selected, shared);
}

/// What happened, newest first; `cursor` where it has the keys.
pub(super) fn events(seen: &Seen, cursor: Option<Cursor>, shared: &Shared, area: Rect, buf: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let inner = pane(
        buf,
        area,
        &headed("Events", cursor.is_some()),
        "6 Logs for all",
        cursor.is_some(),
        shared,
    );
    if seen.news.is_empty() {
        return empty(buf, inner, &["Nothing has happened in this session."], shared);
    }
    let skip = cursor.map_or(0, |cursor| cursor.offset);
    let rows = seen.news.iter().enumerate().skip(skip);
    for (row, (place, news)) in rows.take(usize::from(inner.height)).enumerate() {
        let ms = shared.options.started_ms + i64::try_from(news.at.as_millis()).unwrap_or_default();
        let at = format!("{} ", time_of_day(ms, shared.options.offset_seconds));
        let (glyph, slot) = match news.level {
            Level::Ok => ("  ", Slot::Fg),
            Level::Warning => ("▲ ", Slot::Warn),
            Level::Error => ("✗ ", Slot::Error),
        };
        let spans = [
            (at.as_str(), shared.style(Slot::Muted)),
            (glyph, shared.style(slot)),
            (&news.text, shared.style(Slot::Fg)),
        ];
        put_all(buf, inner, 1, row as u16, &spans);
        if cursor.is_some_and(|cursor| cursor.selected == place) {
            put(buf, inner, 0, row as u16, "▌", shared.style(Slot::Accent));
            let line = Rect {
                y: inner.y + row as u16,
                height: 1,
                ..inner
            };
            buf.set_style(line, shared.theme.selection());
        }
    }
}

/// What one can do where nothing has run yet.
pub(super) fn welcome(offered: &Offered, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let inner = pane(buf, area, "Welcome", "", true, shared);
    let choices = [
        (
            "d",
            "run the demo",
            "offline, the built-in mock teacher, about 20 s",
        ),
        ("p", "providers", "where the teachers are, and how to add one"),
        ("n", "new job", "from a ready one, or from an empty page"),
    ];
    let narrow = Width::of(shared.size.width) == Width::Narrow;
    let (fg, muted) = (shared.style(Slot::Fg), shared.style(Slot::Muted));
    put(
        buf,
        inner,
        2,
        u16::from(!narrow),
        "Nothing has run yet.",
        shared.style(Slot::Title),
    );
    let mut row = if narrow { 2 } else { 3 };
    for (key, what, why) in choices {
        let spans = [(key, shared.style(Slot::Accent)), ("  ", fg), (what, fg)];
        put_all(buf, inner, 2, row, &spans);
        if !narrow {
            put(buf, inner, 22, row, why, muted);
        }
        row += if narrow { 1 } else { 2 };
    }
    for sentence in offered.sentences() {
        put(buf, inner, 2, row, &sentence, shared.style(Slot::Info));
        row += 1;
    }
    let promise = "Nothing is written before you choose.";
    let gap = u16::from(narrow || !offered.is_empty());
    put(buf, inner, 2, row + gap, promise, muted);
}
