//! The log as rows: time, level, part, job and words, one entry a row or wrapped; and one entry whole.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::api::LogEntry;
use crate::core::text::grouped;
use crate::tui::context::Shared;
use crate::tui::layout::Width;
use crate::tui::text::{put, put_all, time_of_day, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::{empty, failure, pane};

use super::{Logs, slot};

/// Draws the screen; says where the caret is.
pub(super) fn draw(logs: &Logs, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let page = logs.page.value();
    let file = page.and_then(|page| page.file.as_ref());
    let title = file.map_or_else(|| "Log".to_owned(), |(file, _)| file.clone());
    let stand = if logs.follows() {
        "FOLLOW".to_owned()
    } else {
        format!("PAUSED +{}", grouped(page.map_or(0, |page| page.newer)))
    };
    let inner = pane(buf, area, &title, &stand, true, shared);
    if let (Some(scroll), Some(entry)) = (logs.open, logs.selected()) {
        whole(entry, scroll, shared, inner, buf);
        return None;
    }
    let mut caret = None;
    let list = if let Some(field) = &logs.field {
        let style = shared.style(Slot::Match);
        put(buf, inner, 1, 0, "/ ", style);
        caret = Some(field.draw(buf, inner, 3, 0, style));
        crate::tui::layout::top(inner, 1).1
    } else {
        inner
    };
    if logs.entries().is_empty() {
        nothing(logs, shared, list, buf);
    } else {
        rows(logs, shared, list, buf);
    }
    if let Some(facets) = &logs.facets {
        facets.draw(&logs.filter, shared, inner, buf);
    }
    caret
}

fn nothing(logs: &Logs, shared: &Shared, area: Rect, buf: &mut Buffer) {
    if let Some(error) = logs.page.error() {
        failure(buf, area, error, shared);
    } else if logs.page.value().is_some() {
        let lines = [
            "No log lines at this level · f changes it",
            "The engine tells here what it does: jobs, tasks, providers. `destiler --log-bodies` logs whole exchanges.",
        ];
        empty(buf, area, &lines, shared);
    } else if logs.page.is_slow(shared.now) {
        empty(buf, area, &["Reading the log …"], shared);
    }
}

/// The words of an entry behind its job: its message, then what else it says.
fn words(entry: &LogEntry) -> String {
    let mut text = entry
        .field("provider")
        .map(|name| format!("{name}  "))
        .unwrap_or_default();
    let first = entry.message.lines().next().unwrap_or_default();
    text.push_str(first);
    for (name, value) in &entry.fields {
        if !matches!(name.as_str(), "job" | "provider") {
            for part in ["  ", name, " ", value] {
                text.push_str(part);
            }
        }
    }
    let more = entry.message.lines().count().saturating_sub(1);
    if more > 0 {
        text = format!("{text}  ▸ {more} lines");
    }
    text
}

fn rows(logs: &Logs, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let width = Width::of(shared.size.width);
    let fg = shared.style(Slot::Fg);
    let mut row = 0;
    let mut first = logs.cursor.offset;
    if logs.skipped > 0 && logs.follows() {
        let text = format!("…+{} lines · F stands still to read them", grouped(logs.skipped));
        put(buf, area, 2, 0, &text, shared.style(Slot::Warn));
        row = 1;
        first += 1;
    }
    if logs.wrap {
        first = first_that_fits(logs, shared, area, first, row);
    }
    for (at, entry) in logs.entries().iter().enumerate().skip(first) {
        if row >= area.height {
            break;
        }
        let here = at == logs.cursor.selected;
        let mark = match (here, logs.marked.contains(&entry.number)) {
            (true, _) => "▌",
            (false, true) => "+",
            (false, false) => " ",
        };
        put(buf, area, 0, row, mark, shared.style(Slot::Accent));
        let head = head(entry, width, shared);
        let mut x = 1;
        for (text, style) in &head {
            x += put_all(buf, area, x, row, &[(text, *style)]);
        }
        let style = if logs.marked.contains(&entry.number) {
            shared.style(Slot::Match)
        } else if entry.level <= crate::core::api::LogLevel::Warn {
            shared.style(slot(entry.level))
        } else {
            fg
        };
        let text = words(entry);
        let lines = if logs.wrap {
            wrap(&text, usize::from(area.width.saturating_sub(x)).max(10))
        } else {
            vec![text]
        };
        let start = row;
        for line in &lines {
            put(buf, area, x, row, line, style);
            highlight(line, &logs.find, area, x, row, shared, buf);
            row += 1;
        }
        if here {
            let band = Rect {
                y: area.y + start,
                height: (row - start).min(area.height - start),
                ..area
            };
            buf.set_style(band, shared.theme.selection());
        }
    }
}

/// With wrapped rows: the first entry from which the selected one is still seen whole.
fn first_that_fits(logs: &Logs, shared: &Shared, area: Rect, first: usize, used: u16) -> usize {
    let width = Width::of(shared.size.width);
    let mut left = usize::from(area.height.saturating_sub(used));
    let entries = logs.entries();
    for at in (0..=logs.cursor.selected.min(entries.len() - 1)).rev() {
        let head: usize = head(&entries[at], width, shared)
            .iter()
            .map(|(text, _)| text.chars().count())
            .sum();
        let room = usize::from(area.width).saturating_sub(head + 1).max(10);
        let rows = wrap(&words(&entries[at]), room).len();
        if rows > left {
            return (at + 1).min(logs.cursor.selected).max(first);
        }
        left -= rows;
    }
    first
}

type Part<'a> = (Cow<'a, str>, ratatui::style::Style);

/// What stands before the words; less of it where room is short.
fn head<'a>(entry: &'a LogEntry, width: Width, shared: &Shared) -> Vec<Part<'a>> {
    let muted = shared.style(Slot::Muted);
    let time = time_of_day(entry.at_ms, shared.options.offset_seconds);
    let level = (
        Cow::Owned(format!("{:<6}", entry.level.word().to_uppercase())),
        shared.style(slot(entry.level)),
    );
    if width == Width::Narrow {
        return vec![(Cow::Owned(format!("{} ", &time[..5])), muted), level];
    }
    let job = entry.field("job").unwrap_or("-");
    let job = (
        Cow::Owned(format!("{:<14} ", crate::tui::text::fit(job, 14))),
        shared.style(Slot::Title),
    );
    if width == Width::Medium {
        return vec![(Cow::Owned(format!("{time} ")), muted), level, job];
    }
    let part = entry.target.rsplit("::").next().unwrap_or_default();
    let time = format!("{time}.{:03} ", entry.at_ms.rem_euclid(1000));
    vec![
        (Cow::Owned(time), muted),
        level,
        (
            Cow::Owned(format!("{:<11} ", crate::tui::text::fit(part, 11))),
            muted,
        ),
        job,
    ]
}

/// Marks what is searched.
fn highlight(line: &str, find: &str, area: Rect, x: u16, row: u16, shared: &Shared, buf: &mut Buffer) {
    if find.is_empty() || !line.is_ascii() || row >= area.height {
        return;
    }
    let wanted = find.to_lowercase();
    for (at, found) in line.to_lowercase().match_indices(&wanted) {
        let from = area.x + x + at as u16;
        let room = area.right().saturating_sub(from).min(found.len() as u16);
        buf.set_style(Rect::new(from, area.y + row, room, 1), shared.style(Slot::Match));
    }
}

/// One entry with everything it says.
fn whole(entry: &LogEntry, scroll: usize, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let (fg, muted) = (shared.style(Slot::Fg), shared.style(Slot::Muted));
    let width = usize::from(area.width.saturating_sub(4));
    let time = time_of_day(entry.at_ms, shared.options.offset_seconds);
    let time = format!("{time}.{:03}", entry.at_ms.rem_euclid(1000));
    let mut lines: Vec<(String, ratatui::style::Style)> = vec![
        (
            format!("{time}  {}  {}", entry.level.word().to_uppercase(), entry.target),
            muted,
        ),
        (String::new(), fg),
    ];
    lines.extend(wrap(&entry.message, width).into_iter().map(|line| (line, fg)));
    lines.push((String::new(), fg));
    for (name, value) in &entry.fields {
        for (at, line) in wrap(value, width.saturating_sub(14)).into_iter().enumerate() {
            let name = if at == 0 { name.as_str() } else { "" };
            lines.push((format!("{name:<12}  {line}"), fg));
        }
    }
    let last = lines.len().saturating_sub(usize::from(area.height));
    for (row, (line, style)) in lines
        .iter()
        .skip(scroll.min(last))
        .take(usize::from(area.height))
        .enumerate()
    {
        put(buf, area, 2, row as u16, line, *style);
    }
}
