//! The picture of the whole: header, tabs, screen, status line, footer, and what lies over them. Reads the model, changes nothing.

use std::time::Duration;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;
use ratatui::widgets::{Block, BorderType, Clear, Widget};
use unicode_width::UnicodeWidthStr;

use crate::core::api::{Health, Level};

use super::context::{Shared, Toast};
use super::keys::{Action, Binding, GLOBAL, MENU, TYPING};
use super::layout::{SMALLEST, Shell, Width, centred, is_too_small, shell};
use super::model::Model;
use super::screens::{Tab, closed};
use super::text::{put, put_all, put_right, sweep, wrap};
use super::theme::Slot;

/// Draws the model.
pub fn view(model: &Model, frame: &mut Frame) {
    let area = frame.area();
    let shared = &model.shared;
    let buf = frame.buffer_mut();
    buf.set_style(area, shared.style(Slot::Bg).patch(shared.style(Slot::Fg)));
    let caret = if is_too_small(area.as_size()) {
        let text = format!("terminal too small (need {}x{})", SMALLEST.width, SMALLEST.height);
        for (row, line) in wrap(&text, usize::from(area.width)).iter().enumerate() {
            put(buf, area, 0, row as u16, line, shared.style(Slot::Warn));
        }
        None
    } else {
        whole(model, buf)
    };
    sweep(buf, shared.options.ascii);
    if let Some(caret) = caret.filter(|at| area.contains(*at)) {
        frame.set_cursor_position(caret);
    }
}

fn whole(model: &Model, buf: &mut Buffer) -> Option<Position> {
    let shared = &model.shared;
    let shell = lowered(shell(shared.size), shared.banner_rows());
    let view = model.top().view();
    header(model, shell.header, buf);
    if shell.tabs.height > 0 {
        tabs(model, shell.tabs, buf);
    }
    banner(shared, &shell, buf);
    let mut caret = view.view(shared, shell.body, buf);
    // Without a status line a hint or a prompt takes the footer's place.
    let hint = shared.hint.as_ref().map(|(text, _)| text.as_str());
    if shell.status.height > 0 {
        let menu = view.bindings(shared).context == MENU.context;
        let mode = if view.typing() && !menu { "INSERT · " } else { "" };
        let said = closed::opening(shared).unwrap_or_else(|| view.status(shared));
        let text = hint.map_or_else(|| format!("{mode}{said}"), ToOwned::to_owned);
        let only = shared
            .view_only()
            .map_or_else(String::new, |why| format!("▲ {why} · "));
        let spans = [
            (only.as_str(), shared.style(Slot::Warn)),
            (&text, shared.style(Slot::Muted)),
        ];
        put_all(buf, shell.status, 1, 0, &spans);
    }
    match hint {
        Some(hint) if shell.status.height == 0 => {
            put(buf, shell.footer, 1, 0, hint, shared.style(Slot::Warn));
        }
        _ => footer(model, shell.footer, buf),
    }
    toasts(shared, shell.body, buf);
    for overlay in &model.overlays {
        caret = overlay.view(shared, buf);
    }
    if let Some((since, grace)) = shared.stopping {
        stopping(shared, since, grace, buf);
        caret = None;
    }
    caret
}

/// What is waited for while jobs are paused before leaving.
fn stopping(shared: &Shared, since: Duration, grace: Duration, buf: &mut Buffer) {
    let flying: u64 = shared.running().map(|gauge| gauge.in_flight).sum();
    let jobs = shared.running().count();
    let left = grace.saturating_sub(shared.now.saturating_sub(since));
    let lines = [
        match (jobs, flying) {
            (0, _) => "Everything stands still; the last commits are written.".to_owned(),
            (_, 0) => format!("{jobs} at work: validators and commits finish."),
            (_, flying) => format!("{flying} answers are in flight; they are paid for."),
        },
        format!(
            "{} s at most; then what is missing is queued again.",
            left.as_secs()
        ),
        "q again quits now".to_owned(),
    ];
    let area = centred(shared.size, 62, 5);
    Clear.render(area, buf);
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(shared.style(Slot::BorderFocus))
        .render(area, buf);
    put(buf, area, 2, 0, " Pausing jobs ", shared.style(Slot::Title));
    let inner = Rect {
        x: area.x + 3,
        y: area.y + 1,
        width: area.width.saturating_sub(6),
        height: area.height.saturating_sub(2),
    };
    for (row, line) in lines.iter().enumerate() {
        let slot = if row == 2 { Slot::Muted } else { Slot::Fg };
        put(buf, inner, 0, row as u16, line, shared.style(slot));
    }
}

/// The shell with everything below the tabs moved down.
fn lowered(shell: Shell, rows: u16) -> Shell {
    let down = |area: Rect| Rect {
        y: area.y + rows,
        ..area
    };
    Shell {
        body: down(shell.body),
        status: down(shell.status),
        footer: down(shell.footer),
        ..shell
    }
}

/// What stays said, between the tabs and the screen.
fn banner(shared: &Shared, shell: &Shell, buf: &mut Buffer) {
    let Some(first) = shared.banners.first() else {
        return;
    };
    let line = Rect {
        y: shell.body.y.saturating_sub(1),
        height: 1,
        ..shell.body
    };
    let style = shared.style(Slot::Warn).add_modifier(Modifier::REVERSED);
    put(buf, line, 0, 0, &" ".repeat(usize::from(line.width)), style);
    put(buf, line, 1, 0, &format!("▲ {}", first.text), style);
    let more = shared.banners.len() - 1;
    if more > 0 {
        put_right(buf, line, 0, &format!(" +{more} more "), style);
    }
}

fn header(model: &Model, area: Rect, buf: &mut Buffer) {
    let shared = &model.shared;
    let facts = facts(shared);
    let facts = if facts.is_empty() {
        facts
    } else {
        format!("{facts} ")
    };
    let room = Rect {
        width: area.width.saturating_sub(facts.width() as u16 + 1),
        ..area
    };
    let mut at = 1 + put(buf, room, 1, 0, "destiler", shared.style(Slot::Accent));
    for part in model.screens.iter().flat_map(|screen| screen.view().breadcrumb()) {
        at += put_all(
            buf,
            room,
            at,
            0,
            &[
                (" ▸ ", shared.style(Slot::Muted)),
                (&part, shared.style(Slot::Title)),
            ],
        );
    }
    put_right(buf, area, 0, &facts, shared.style(Slot::Fg));
}

/// What is true of the whole engine, in as many letters as there is room for.
fn facts(shared: &Shared) -> String {
    let Some(progress) = shared.progress.as_ref().filter(|_| !shared.from_last) else {
        return String::new();
    };
    let run = shared.running().count();
    let queued = progress.jobs.iter().filter(|job| job.state == "queued").count();
    let up = progress
        .providers
        .iter()
        .filter(|one| matches!(one.health, Health::Up | Health::Slow))
        .count();
    let all = progress.providers.len();
    match Width::of(shared.size.width) {
        Width::Wide => {
            let cap = progress.day_cap.map(|cap| format!("/{cap}")).unwrap_or_default();
            format!(
                "● {run} run  ○ {queued} queued   {}{cap} today   providers {up}/{all}",
                progress.today
            )
        }
        Width::Medium => {
            let cap = progress
                .day_cap
                .map(|cap| format!("/{:.0}", cap.usd()))
                .unwrap_or_default();
            format!("●{run} ○{queued} {}{cap} P{up}/{all}", progress.today)
        }
        Width::Narrow if shared.view_only().is_some() => "view only".to_owned(),
        Width::Narrow => format!("●{run} {}", progress.today),
    }
}

fn tabs(model: &Model, area: Rect, buf: &mut Buffer) {
    let shared = &model.shared;
    if model.top().view().tabs(shared, area, buf) {
        return;
    }
    let labels = labels(model.tab, area);
    for (at, text, action) in &labels {
        let open = Tab::ALL
            .iter()
            .any(|(tab, go, ..)| *tab == model.tab && go == action);
        let style = shared.style(if open { Slot::Title } else { Slot::Muted });
        put(buf, area, *at, 0, text, style);
    }
    if has_new(&labels, area) {
        put_right(buf, area, 0, NEW_JOB, shared.style(Slot::Muted));
    }
}

/// At the end of the tabs.
const NEW_JOB: &str = "n New job ";

/// Whether there is room for it.
fn has_new(labels: &[(u16, String, Action)], area: Rect) -> bool {
    let end = labels
        .last()
        .map_or(0, |(at, text, _)| usize::from(*at) + text.width());
    end + 1 + NEW_JOB.width() < usize::from(area.width)
}

/// The tabs: from which column on, text, and where each of them goes. What does not fit is left out whole: half a name is a riddle.
fn labels(open: Tab, area: Rect) -> Vec<(u16, String, Action)> {
    let wide = area.width >= 100;
    let mut at = 1;
    let label = |(tab, action, number, name): (Tab, Action, &str, &str)| {
        let name = if wide { name } else { tab.short() };
        let text = match (tab == open, wide) {
            (true, _) => format!("[{number} {name}]"),
            (false, true) => format!(" {number} {name} "),
            (false, false) => format!("{number} {name}"),
        };
        let from = at;
        at += text.width() as u16 + if wide { 2 } else { 1 };
        (from, text, action)
    };
    let fits = |(from, text, _): &(u16, String, Action)| {
        usize::from(*from) + text.width() <= usize::from(area.width)
    };
    Tab::ALL.into_iter().map(label).take_while(fits).collect()
}

/// What a click on the tabs or on the keys at the bottom does.
pub(super) fn pressed(model: &Model, at: Position) -> Option<Action> {
    let shell = lowered(shell(model.shared.size), model.shared.banner_rows());
    if shell.tabs.contains(at) {
        let mut unseen = Buffer::empty(shell.tabs);
        let view = model.top().view();
        if view.tabs(&model.shared, shell.tabs, &mut unseen) {
            return view.tab_at(&model.shared, shell.tabs, at.x - shell.tabs.x);
        }
        let within = |(from, text, _): &&(u16, String, Action)| {
            (*from..from + text.width() as u16).contains(&(at.x - shell.tabs.x))
        };
        let labels = labels(model.tab, shell.tabs);
        let is_new = has_new(&labels, shell.tabs) && at.x + NEW_JOB.len() as u16 >= shell.tabs.right();
        let tab = labels.iter().find(within).map(|(.., action)| *action);
        return tab.or(is_new.then_some(Action::NewJob));
    }
    let hints = hints(model, shell.footer);
    let hint = hints.into_iter().find(|hint| {
        let from = shell.footer.x + hint.at;
        shell.footer.y == at.y && (from..from + hint.width()).contains(&at.x)
    });
    hint.map(|hint| hint.action)
}

/// A key at the bottom.
struct Hint<'a> {
    /// From which column on.
    at: u16,
    key: &'a str,
    word: &'static str,
    action: Action,
}

impl Hint<'_> {
    fn width(&self) -> u16 {
        (self.key.width() + 1 + self.word.width()) as u16
    }
}

/// The keys that help most, as many as fit, always ending in the way to all of them.
fn hints(model: &Model, area: Rect) -> Vec<Hint<'_>> {
    let shared = &model.shared;
    let view = model.top().view();
    let overlay = model.overlays.last();
    let table = overlay.map_or_else(|| view.bindings(shared), |overlay| overlay.bindings());
    let around = if view.typing() { &TYPING } else { &GLOBAL };
    let way = |action, hint| {
        shared
            .keymap
            .key_of(around, action)
            .map(|key| (key, hint, action))
    };
    let ways = [way(Action::Palette, "commands"), way(Action::Help, "help")];
    let end: Vec<(&str, &str, Action)> = ways.into_iter().flatten().filter(|_| overlay.is_none()).collect();
    // On narrow terminals the way to all keys is the help; that leaves room for one key more.
    let narrow = Width::of(area.width) == Width::Narrow;
    let end = if narrow {
        &end[end.len().saturating_sub(1)..]
    } else {
        &end[..]
    };
    let width = |name: &str, hint: &str| name.width() + hint.width() + 3;
    let reserved: usize = end.iter().map(|(name, hint, _)| width(name, hint)).sum();
    let usable =
        |binding: &Binding| !binding.hint.is_empty() && view.disabled(binding.action, shared).is_none();
    let mut shown: Vec<(&str, &str, Action)> = Vec::new();
    let mut used = 1;
    let lines = shared.keymap.bindings(table);
    for (keys, binding) in lines.filter(|(_, binding)| usable(binding)) {
        // An action the user took every key from is in the palette only.
        let Some(name) = keys.first().map(String::as_str) else {
            continue;
        };
        if used + width(name, binding.hint) + reserved <= usize::from(area.width) {
            shown.push((name, binding.hint, binding.action));
            used += width(name, binding.hint);
        }
    }
    let mut at = 1;
    let mut placed = Vec::with_capacity(shown.len() + end.len());
    for (key, word, action) in shown.iter().chain(end).copied() {
        let hint = Hint {
            at,
            key,
            word,
            action,
        };
        at += hint.width() + 2;
        placed.push(hint);
    }
    placed
}

fn footer(model: &Model, area: Rect, buf: &mut Buffer) {
    let (key, text) = (model.shared.style(Slot::Accent), model.shared.style(Slot::Muted));
    for hint in hints(model, area) {
        put_all(
            buf,
            area,
            hint.at,
            0,
            &[(hint.key, key), (" ", text), (hint.word, text)],
        );
    }
}

/// Rows a message may take in the corner.
const TOAST_ROWS: usize = 3;

/// What takes a toast away, where time does not.
fn toast_end(toast: &Toast) -> &'static str {
    if toast.until.is_none() { "  esc" } else { "" }
}

/// A toast's rows.
fn toast_lines(toast: &Toast, widest: usize) -> Vec<String> {
    let mut lines = wrap(&toast.line(), widest.saturating_sub(toast_end(toast).width() + 4));
    if lines.len() > TOAST_ROWS {
        lines.truncate(TOAST_ROWS);
        if let Some(last) = lines.last_mut() {
            last.push('…');
        }
    }
    lines
}

/// The messages in the corner above the status line, the newest lowest. They lie over the frame and what stands in the last rows, but never
/// over the row with the mark: where they would, they stand below the tabs. What has no room is in the list of messages.
fn toasts(shared: &Shared, body: Rect, buf: &mut Buffer) {
    let widest = usize::from(body.width.saturating_sub(2).min(60));
    let rows: usize = shared
        .toasts
        .iter()
        .map(|toast| toast_lines(toast, widest).len())
        .sum();
    let below = usize::from(body.height).saturating_sub(rows);
    let marked = (below..usize::from(body.height)).any(|row| {
        let row = body.y + row as u16;
        (body.x..body.right()).any(|column| buf[(column, row)].symbol() == "▌")
    });
    let mut room = if marked {
        rows.min(usize::from(body.height))
    } else {
        usize::from(body.height)
    };
    for toast in shared.toasts.iter().rev() {
        let (glyph, slot) = match toast.level {
            Level::Ok => ("·", Slot::Info),
            Level::Warning => ("▲", Slot::Warn),
            Level::Error => ("✗", Slot::Error),
        };
        let end = toast_end(toast);
        let lines = toast_lines(toast, widest);
        let longest = lines.iter().map(|line| line.width()).max().unwrap_or(0);
        let width = (longest + end.width() + 4).min(widest) as u16;
        if room < lines.len() {
            return;
        }
        room -= lines.len();
        for (at, text) in lines.iter().enumerate() {
            let row = body.y + (room + at) as u16;
            let line = Rect::new(body.right().saturating_sub(width + 1), row, width, 1);
            let blank = " ".repeat(usize::from(width));
            put(buf, line, 0, 0, &blank, shared.theme.selection());
            if at == 0 {
                put(buf, line, 1, 0, glyph, shared.style(slot));
                let inner = Rect {
                    width: width.saturating_sub(1),
                    ..line
                };
                put_right(buf, inner, 0, end, shared.style(Slot::Muted));
            }
            put(buf, line, 3, 0, text, shared.style(Slot::Fg));
            buf.set_style(line, shared.theme.selection());
        }
    }
}
