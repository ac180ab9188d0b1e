//! How deciding about one sample looks: prompt, answer, reasons, the last words and the figures. Reads a [`Session`], changes nothing.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};

use crate::core::api::ReviewItem;
use crate::core::review::REASONS;

use crate::tui::context::Shared;
use crate::tui::layout::{Width, inside, left, shell, top};
use crate::tui::text::{put, put_right, wrap_prose};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::{bar, pane};

use super::answer::{self, Line};
use super::session::Session;
use super::showing::Fold;
use super::word::told;

/// Columns of the panes beside the sample.
const SIDE: u16 = 42;

/// Where things are.
struct Panes {
    line: Rect,
    prompt: Rect,
    answer: Rect,
    decide: Rect,
    last: Rect,
    progress: Rect,
}

fn panes(area: Rect, size: Size, fold: Fold) -> Panes {
    let (line, rest) = top(area, 1);
    let width = Width::of(size.width);
    let (main, beside) = if width == Width::Wide {
        left(rest, rest.width - SIDE)
    } else {
        (rest, Rect { height: 0, ..rest })
    };
    let usual = match width {
        Width::Wide => main.height * 2 / 5,
        Width::Medium => (main.height * 2 / 5).min(8),
        Width::Narrow => 3,
    };
    let folded = 3.min(main.height / 2);
    let prompt = match fold {
        Fold::Usual => usual.max(folded),
        Fold::Folded => folded,
        Fold::Whole => main.height.saturating_sub(3),
    };
    let (prompt, answer) = top(main, prompt);
    let (decide, below) = top(beside, 15.min(beside.height));
    let (last, progress) = top(below, below.height.saturating_sub(8));
    Panes {
        line,
        prompt,
        answer,
        decide,
        last,
        progress,
    }
}

/// How many lines the answer has, and how many of them are shown.
pub(super) fn extent(session: &Session, shared: &Shared) -> (usize, usize) {
    let area = inside(
        panes(shell(shared.size).body, shared.size, session.fold).answer,
        shared.size.width,
    );
    let lines = session
        .current()
        .map_or(0, |item| lines(session, item, area.width).len());
    (
        lines,
        usize::from(area.height.saturating_sub(reasons_row(shared))),
    )
}

/// Where there are no panes beside the answer its last row names the reasons.
fn reasons_row(shared: &Shared) -> u16 {
    u16::from(Width::of(shared.size.width) == Width::Medium)
}

fn lines(session: &Session, item: &ReviewItem, width: u16) -> Vec<Line> {
    let mut lines = if session.is_blind() {
        Vec::new()
    } else {
        answer::info(&item.sample, width)
    };
    lines.extend(answer::answer(&item.sample, session.raw, width));
    lines
}

/// Draws it; says where the caret is while the answer is edited.
pub(super) fn view(session: &Session, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let item = session.current()?;
    let panes = panes(area, shared.size, session.fold);
    facts(session, shared, panes.line, buf);
    prompt(session, item, shared, panes.prompt, buf);
    let caret = if let Some(editing) = session.editing.as_ref().filter(|editing| editing.typing) {
        editing.draw(shared, panes.answer, buf)
    } else {
        response(session, item, shared, panes.answer, buf);
        None
    };
    if panes.decide.height > 2 {
        decide(session, shared, panes.decide, buf);
    }
    if panes.last.height > 2 {
        last(session, shared, panes.last, buf);
    }
    if panes.progress.height > 2 {
        progress(session, shared, panes.progress, buf);
    }
    caret
}

/// The queue, and how far it is.
pub(super) fn facts(session: &Session, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let (Some(report), Some(spec)) = (session.report.value(), session.spec()) else {
        return;
    };
    let (tally, matched) = session.figures();
    let compare = session.kind == crate::core::review::QueueKind::Compare;
    let done = session.done();
    let took = if compare { matched.took_ms } else { tally.took_ms };
    let size = u64::from(report.queue.size);
    let each = took as f64 / 1000.0 / done.max(1) as f64;
    let minutes = (each * size.saturating_sub(done) as f64 / 60.0).ceil();
    let yes = tally.accepted + tally.edited;
    let counts = if compare {
        String::new()
    } else {
        format!(" ✓{yes} ✗{} ·{}", tally.rejected, tally.skipped)
    };
    let wide = Width::of(shared.size.width) == Width::Wide;
    let right = if wide {
        let share = done as f64 * 100.0 / size.max(1) as f64;
        let time = if done == 0 {
            String::new()
        } else {
            format!("  {each:.1} s each  ≈ {minutes:.0} min left")
        };
        format!("{done}/{size}  {share:.0} %{counts}{time} ")
    } else {
        let time = if done == 0 || Width::of(shared.size.width) == Width::Narrow {
            String::new()
        } else {
            format!(" ≈{minutes:.0} min")
        };
        format!("{done}/{size}{counts}{time} ")
    };
    let blind = match (compare, session.is_blind()) {
        (true, true) if wide => " · sides random · names hidden (R)",
        (true, false) if wide => " · sides random · counts as not blind",
        (false, false) if spec.blind => " · counts as not blind",
        (false, true) => " · blind",
        _ => "",
    };
    let guide = if spec.guideline.is_empty() {
        ""
    } else {
        " · guideline (h)"
    };
    let room = Rect {
        width: area.width.saturating_sub(right.chars().count() as u16 + 1),
        ..area
    };
    let text = format!("{}{blind}{guide}", spec.title);
    put(buf, room, 1, 0, &text, shared.style(Slot::Muted));
    put_right(buf, area, 0, &right, shared.style(Slot::Fg));
}

/// The prompt, or the guideline over it.
pub(super) fn prompt(session: &Session, item: &ReviewItem, shared: &Shared, area: Rect, buf: &mut Buffer) {
    if session.guideline {
        let inner = pane(buf, area, "Guideline", "h back to the prompt", false, shared);
        let text = session.spec().map_or("", |spec| spec.guideline.as_str());
        let width = usize::from(inner.width.saturating_sub(2));
        let lines: Vec<Line> = wrap_prose(text, width)
            .into_iter()
            .map(|row| vec![(row, Slot::Fg)])
            .collect();
        answer::draw(&lines, shared, inner, buf);
        return;
    }
    let compare = session.kind == crate::core::review::QueueKind::Compare;
    let fact = match (session.fold, compare) {
        (Fold::Whole, true) => "i less",
        (_, true) => "i all of it",
        (Fold::Usual, false) => "p folds",
        (Fold::Folded, false) => "p all of it",
        (Fold::Whole, false) => "p as usual",
    };
    let inner = pane(buf, area, "Prompt", fact, false, shared);
    let short = session.fold == Fold::Folded || (compare && session.fold == Fold::Usual);
    let mut lines = answer::prompt(&item.prompt, &item.sample, short, inner.width);
    let room = usize::from(inner.height);
    let more = lines.len() > room && room > 0;
    lines.truncate(room);
    if more && let Some(last) = lines.last_mut() {
        last.push((" …".to_owned(), Slot::Muted));
    }
    answer::draw(&lines, shared, inner, buf);
}

fn response(session: &Session, item: &ReviewItem, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let flag = if item.flagged { " · flagged" } else { "" };
    let again = if item.place.item.repeat && !session.is_blind() {
        " · second look"
    } else {
        ""
    };
    let title = format!("Response{flag}{again}");
    let shape = if session.raw { "tab pretty" } else { "tab raw" };
    let inner = pane(buf, area, &title, shape, true, shared);
    let lines = lines(session, item, inner.width);
    let row = reasons_row(shared);
    let text = Rect {
        height: inner.height.saturating_sub(row),
        ..inner
    };
    let skip = session
        .scroll
        .min(lines.len().saturating_sub(usize::from(text.height)));
    answer::draw(&lines[skip..], shared, text, buf);
    let below = lines.len().saturating_sub(skip + usize::from(text.height));
    if below > 0 && text.height > 0 {
        let more = format!(" ↓ {below} more (j) ");
        put_right(buf, text, text.height - 1, &more, shared.style(Slot::Muted));
    }
    if row > 0 && inner.height > 1 {
        let mut at = 1;
        for (number, reason) in (1..).zip(REASONS) {
            let short = reason
                .replace("near duplicate", "near dup")
                .replace("language", "lang");
            let style = shared.style(if chosen(session, number) {
                Slot::Accent
            } else {
                Slot::Muted
            });
            at += put(
                buf,
                inner,
                at,
                inner.height - 1,
                &format!("{number} {short} "),
                style,
            );
        }
    }
}

fn chosen(session: &Session, number: u8) -> bool {
    session.digit.or(session.sticky) == Some(number)
}

fn decide(session: &Session, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let inner = pane(buf, area, "Decide", "", false, shared);
    let (key, text) = (shared.style(Slot::Accent), shared.style(Slot::Fg));
    let mut row = 0;
    let mut say = |name: &str, what: &str| {
        put(buf, inner, 2, row, name, key);
        put(
            buf,
            inner,
            4 + name.len().saturating_sub(1) as u16,
            row,
            &format!(" {what}"),
            text,
        );
        row += 1;
    };
    say("a", "accept");
    say("x", "reject; why, before or after:");
    for number in 0..4_u8 {
        for (at, number) in [(5, number + 1), (21, number + 5)] {
            let reason = REASONS[usize::from(number) - 1];
            let style = if chosen(session, number) { key } else { text };
            put(buf, inner, at, row, &format!("{number} {reason}"), style);
        }
        row += 1;
    }
    let mut say = |name: &str, what: &str| {
        put(buf, inner, 2, row, name, key);
        put(
            buf,
            inner,
            4 + name.len().saturating_sub(1) as u16,
            row,
            &format!(" {what}"),
            text,
        );
        row += 1;
    };
    say("e", "edit, then accept");
    say("space", "skip");
    say("f", "flag");
    say("i", "who it is from, and the scores");
    row += 1;
    let sticky = match session.sticky {
        Some(number) => format!("sticky reason: {} (s ends it)", super::word::reason(number)),
        None => "sticky reason: off (s)".to_owned(),
    };
    put(buf, inner, 2, row, &sticky, shared.style(Slot::Muted));
}

fn last(session: &Session, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let inner = pane(buf, area, "Last decisions", "u undoes", false, shared);
    let here = session.words.iter().rev().map(|spoken| {
        let place = &spoken.item.place;
        let told = told(spoken.outcome, spoken.reason.as_deref(), place.item.swapped);
        (place.place, told, spoken.took_ms)
    });
    let before = session.earlier().filter_map(|item| {
        let word = item.word.as_ref()?;
        let told = told(word.outcome, word.reason.as_deref(), item.item.swapped);
        Some((item.place, told, word.took_ms))
    });
    let shown = here.chain(before).take(usize::from(inner.height));
    for (row, (place, told, took_ms)) in shown.enumerate() {
        let row = row as u16;
        let style = shared.style(match told.chars().next() {
            Some('✓') => Slot::Ok,
            Some('✗') => Slot::Error,
            _ => Slot::Muted,
        });
        put(
            buf,
            inner,
            1,
            row,
            &format!("{:>4}", place + 1),
            shared.style(Slot::Muted),
        );
        put(buf, inner, 6, row, &told, style);
        let took = format!("{:.1} s ", took_ms as f64 / 1000.0);
        put_right(buf, inner, row, &took, shared.style(Slot::Muted));
    }
}

fn progress(session: &Session, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let inner = pane(buf, area, "Progress", "", false, shared);
    let Some(report) = session.report.value() else {
        return;
    };
    let (tally, _) = session.figures();
    let yes = tally.accepted + tally.edited;
    let done = session.done();
    let size = u64::from(report.queue.size);
    let width = usize::from(inner.width.saturating_sub(4));
    let full = bar(done as f64 / size.max(1) as f64, width);
    put(buf, inner, 2, 0, &full, shared.style(Slot::Running));
    let decided = yes + tally.rejected;
    let rate = if decided == 0 {
        "–".to_owned()
    } else {
        format!("{:.0} %", yes as f64 * 100.0 / decided as f64)
    };
    let kappa = kappa(tally.kappa);
    let lines = [
        format!("today {}   accept rate {rate}", report.today),
        format!("agreement with the validators  κ {kappa}"),
        match tally.same {
            (_, 0) => "agreement with yourself   –".to_owned(),
            (same, all) => format!("agreement with yourself   {same} of {all}"),
        },
        format!("target {size} by this queue"),
    ];
    for (row, line) in lines.iter().enumerate() {
        put(buf, inner, 2, row as u16 + 1, line, shared.style(Slot::Fg));
    }
}

/// Kappa with two digits, a dash where there is none.
pub(super) fn kappa(kappa: Option<f64>) -> String {
    // Adding nothing turns minus nothing into nothing.
    let rounded = kappa.map(|kappa| (kappa * 100.0).round() / 100.0 + 0.0);
    rounded.map_or_else(|| "–".to_owned(), |kappa| format!("{kappa:.2}"))
}
