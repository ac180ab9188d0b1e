//! Lists of a job: where its samples stand, its teachers, groups of failures, and its log.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::{JobDetail, Level, Measured};
use crate::core::ports::FailureGroup;
use crate::core::text::grouped;

use crate::tui::context::{News, Shared};
use crate::tui::layout::{Width, top};
use crate::tui::text::{compact, percent_in_four, put, put_all, share, time_of_day};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::pane::{empty, pane};
use crate::tui::widgets::table::{Cell, Column, numbers, prose, table, words};

use super::{Target, panes};

/// A row of the tab of samples: what they are, how many, the condition that finds them.
pub(super) struct SampleRow {
    label: String,
    count: u64,
    condition: String,
    slot: Slot,
}

/// Samples by state, rejected ones by reason too.
pub(super) fn sample_rows(detail: &JobDetail) -> Vec<SampleRow> {
    let [accepted, rejected, review] = detail.row.samples;
    let row = |label: &str, count, condition: &str, slot| SampleRow {
        label: label.to_owned(),
        count,
        condition: condition.to_owned(),
        slot,
    };
    let mut rows = vec![
        row("all", accepted + rejected + review, "", Slot::Fg),
        row("accepted", accepted, "state:accepted", Slot::Ok),
        row("to review", review, "state:needs_review", Slot::Paused),
        row("rejected", rejected, "state:rejected", Slot::Warn),
    ];
    for (reason, count) in &detail.reasons {
        let condition = format!("state:rejected reason:{}", reason.word());
        rows.push(row(
            &format!("  {}", reason.word()),
            *count,
            &condition,
            Slot::Muted,
        ));
    }
    rows
}

/// Where a row of the tab of samples leads.
pub(super) fn sample_target(detail: &JobDetail, at: usize) -> Target {
    let rows = sample_rows(detail);
    let row = rows.into_iter().nth(at);
    row.map_or(Target::Nothing, |row| Target::Samples(row.condition))
}

const SAMPLES: [Column; 3] = [
    words("SAMPLES", 20, 9),
    numbers("COUNT", 10, 8),
    numbers("SHARE", 7, 7),
];

/// The tab of samples.
pub(super) fn samples(detail: &JobDetail, rows: Cursor, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let inner = pane(buf, area, "Samples", "enter shows them", true, shared);
    let all: u64 = detail.row.samples.iter().sum();
    if all == 0 {
        let lines = ["No samples yet.", "They come as tasks are answered and judged."];
        return empty(buf, inner, &lines, shared);
    }
    let cells = sample_rows(detail).into_iter().skip(rows.offset).map(|row| {
        let style = shared.style(row.slot);
        vec![
            (row.label, style),
            (grouped(row.count), style),
            (share(row.count, all), style),
        ]
    });
    table(
        buf,
        inner,
        &SAMPLES,
        cells,
        Some(rows.selected - rows.offset),
        shared,
    );
}

const TEACHERS: [Column; 9] = [
    words("TEACHER", 13, 9),
    numbers("SHARE", 5, 5),
    numbers("OK", 6, 8),
    numbers("REJ%", 4, 6),
    numbers("ERR%", 4, 6),
    numbers("P50", 4, 3),
    numbers("P95", 4, 4),
    numbers("P99", 4, 2),
    numbers("COST", 5, 7),
];

const TEACHERS_WHOLE: [Column; 14] = [
    words("TEACHER", 14, 9),
    numbers("SHARE", 5, 5),
    numbers("REQUESTS", 8, 4),
    numbers("OK", 7, 8),
    numbers("REJ%", 5, 6),
    numbers("ERR", 4, 2),
    numbers("ERR%", 5, 6),
    numbers("429", 4, 2),
    numbers("P50", 5, 3),
    numbers("P95", 5, 4),
    numbers("P99", 5, 2),
    numbers("TOKENS", 6, 1),
    numbers("COST", 6, 7),
    numbers("$/1K OK", 7, 5),
];

/// Who answered: in short, or with everything that is known.
pub(super) fn teachers(
    detail: &JobDetail,
    cursor: Option<Cursor>,
    whole: bool,
    shared: &Shared,
    area: Rect,
    buf: &mut Buffer,
) {
    if detail.teachers.is_empty() {
        return empty(buf, area, &["No teacher has answered yet."], shared);
    }
    let requests: u64 = detail.teachers.iter().map(|one| one.requests).sum();
    let fg = shared.style(Slot::Fg);
    let rows = detail
        .teachers
        .iter()
        .skip(cursor.map_or(0, |cursor| cursor.offset));
    let rows = rows.map(|one| {
        let none = Measured::default();
        let found = detail.measured.iter().find(|row| row.teacher == one.name);
        let measured = found.unwrap_or(&none);
        let latency = |ms| if ms == 0 { "-".to_owned() } else { seconds(ms) };
        let [share, accepted, rejected, errors, cost] = [
            match requests {
                0 => "-".to_owned(),
                all => format!("{:.0}%", one.requests as f64 * 100.0 / all as f64),
            },
            grouped(one.accepted),
            percent_in_four(one.judged.saturating_sub(one.accepted), one.judged),
            percent_in_four(measured.errors, measured.answers + measured.errors),
            one.usd.to_string(),
        ];
        let [p50, p95, p99] = [
            measured.latency.p50_ms,
            measured.latency.p95_ms,
            measured.latency.p99_ms,
        ]
        .map(latency);
        let cells = if whole {
            vec![
                one.name.clone(),
                share,
                grouped(one.requests),
                accepted,
                rejected,
                grouped(measured.errors),
                errors,
                grouped(measured.limited),
                p50,
                p95,
                p99,
                compact(one.tokens as f64),
                cost,
                one.per_thousand(),
            ]
        } else {
            vec![
                one.name.clone(),
                share,
                accepted,
                rejected,
                errors,
                p50,
                p95,
                p99,
                cost,
            ]
        };
        cells.into_iter().map(|text| (text, fg)).collect::<Vec<Cell>>()
    });
    let columns: &[Column] = if whole { &TEACHERS_WHOLE } else { &TEACHERS };
    let selected = cursor.map(|cursor| cursor.selected.saturating_sub(cursor.offset));
    table(buf, area, columns, rows, selected, shared);
}

/// The tab of providers: its teachers, and how long the selected one takes.
pub(super) fn providers(detail: &JobDetail, rows: Cursor, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let below = if area.height >= 16 { 9 } else { 0 };
    let (upper, lower) = top(area, area.height - below);
    let fact = "errors and latencies of this session";
    let inner = pane(buf, upper, "Teachers", fact, true, shared);
    teachers(detail, Some(rows), true, shared, inner, buf);
    let Some(one) = detail.teachers.get(rows.selected).filter(|_| below > 0) else {
        return;
    };
    let inner = pane(buf, lower, "Latency", &one.name, false, shared);
    let measured = detail.measured.iter().find(|row| row.teacher == one.name);
    match measured.filter(|row| row.answers > 0) {
        Some(row) => panes::histogram(&row.latency, shared, inner, buf),
        None => empty(buf, inner, &["No answer in this session."], shared),
    }
}

const GROUPS: [Column; 5] = [
    numbers("×", 6, 9),
    prose("GROUP", 14, 8),
    words("TEACHER", 16, 5),
    words("LAST", 8, 4),
    words("ACTION", 8, 3),
];

/// Failed tasks by what failed.
pub(super) fn groups(
    groups: &[FailureGroup],
    cursor: Option<Cursor>,
    shared: &Shared,
    area: Rect,
    buf: &mut Buffer,
) {
    let fg = shared.style(Slot::Fg);
    let rows = groups.iter().skip(cursor.map_or(0, |cursor| cursor.offset));
    let rows = rows.map(|group| {
        let teacher = match (&group.teacher, group.teachers) {
            (None, _) => "-".to_owned(),
            (Some(teacher), 0 | 1) => teacher.clone(),
            (Some(teacher), more) => format!("{teacher} +{}", more - 1),
        };
        let last = group.last_ms.map_or_else(
            || "-".to_owned(),
            |ms| time_of_day(ms, shared.options.offset_seconds),
        );
        // What was given up after crashes wants a look; the rest can be tried again.
        let action = if group.reason == "quarantined" {
            "look"
        } else {
            "R retry"
        };
        vec![
            (grouped(group.tasks), shared.style(Slot::Error)),
            (group.example.clone(), fg),
            (teacher, fg),
            (last, shared.style(Slot::Muted)),
            (action.to_owned(), shared.style(Slot::Accent)),
        ]
    });
    let selected = cursor.map(|cursor| cursor.selected.saturating_sub(cursor.offset));
    table(buf, area, &GROUPS, rows, selected, shared);
}

/// What was told about a job in this session, newest first.
pub(super) fn news<'a>(job: &'a str, shared: &'a Shared) -> impl Iterator<Item = &'a News> {
    shared
        .news
        .iter()
        .filter(move |news| news.job.as_deref() == Some(job))
}

/// The tab of the log.
pub(super) fn log(job: &str, rows: Option<Cursor>, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let count = news(job, shared).count();
    let fact = format!("{count} in this session · 6 Logs for all");
    let inner = pane(buf, area, "Log", &fact, true, shared);
    log_rows(job, rows, shared, inner, buf);
}

/// Rows of a job's log.
pub(super) fn log_rows(job: &str, rows: Option<Cursor>, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let (skip, selected) = rows.map_or((0, None), |rows| (rows.offset, Some(rows.selected)));
    let mut any = false;
    let shown = news(job, shared).enumerate().skip(skip);
    for (row, (place, news)) in shown.take(usize::from(area.height)).enumerate() {
        any = true;
        let ms = shared.options.started_ms + i64::try_from(news.at.as_millis()).unwrap_or_default();
        let at = format!("{} ", time_of_day(ms, shared.options.offset_seconds));
        let (word, slot) = match news.level {
            Level::Ok => ("INFO  ", Slot::Info),
            Level::Warning => ("WARN  ", Slot::Warn),
            Level::Error => ("ERROR ", Slot::Error),
        };
        let word = if Width::of(shared.size.width) == Width::Narrow {
            &word[..1]
        } else {
            word
        };
        // The job is known here.
        let text = news.text.strip_prefix(job).unwrap_or(&news.text);
        let text = text.trim_start_matches([':', ' ']);
        let spans = [
            (at.as_str(), shared.style(Slot::Muted)),
            (word, shared.style(slot)),
            (" ", shared.style(slot)),
            (text, shared.style(Slot::Fg)),
        ];
        put_all(buf, area, 1, row as u16, &spans);
        if selected == Some(place) {
            put(buf, area, 0, row as u16, "▌", shared.style(Slot::Accent));
        }
    }
    if !any {
        empty(buf, area, &["Nothing was told about it in this session."], shared);
    }
}

/// Milliseconds in the shape of a column: `450 ms` would be wide, so `0.4s`, `12s`.
pub(super) fn seconds(ms: u64) -> String {
    match ms {
        0..100 => format!("{ms}ms"),
        100..10_000 => format!("{:.1}s", ms as f64 / 1e3),
        _ => format!("{:.0}s", ms as f64 / 1e3),
    }
}
