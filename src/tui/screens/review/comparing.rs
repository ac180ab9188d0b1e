//! How comparing two looks: the prompt, and A and B beside each other, above each other, or one at a time. Nothing tells whose
//! they are until that is asked for.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::ReviewItem;
use crate::core::sample::Sample;

use crate::tui::context::Shared;
use crate::tui::layout::{Width, inside, left, shell, top};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::pane;

use super::answer::{self, Line};
use super::deciding::{facts, prompt};
use super::session::Session;
use super::showing::{Fold, Zoom};

/// Whether there is room for both beside each other.
pub(super) fn side_by_side(shared: &Shared) -> bool {
    Width::of(shared.size.width) == Width::Wide
}

/// The line of facts, the prompt, A and B.
fn panes(area: Rect, shared: &Shared, fold: Fold, zoom: Zoom) -> [Rect; 4] {
    let (line, rest) = top(area, 1);
    let asked = match fold {
        Fold::Whole => rest.height.saturating_sub(6),
        _ if Width::of(shared.size.width) == Width::Narrow => 2,
        _ => (rest.height / 8).max(4).min(rest.height / 3),
    };
    let (prompt, rest) = top(rest, asked);
    let none = Rect { height: 0, ..rest };
    let (a, b) = match zoom {
        _ if side_by_side(shared) => left(rest, rest.width / 2),
        Zoom::Both => top(rest, rest.height / 2),
        Zoom::A => (rest, none),
        Zoom::B => (none, rest),
    };
    [line, prompt, a, b]
}

/// Whose side A (0) or B (1) is, once that was asked for.
pub(super) fn whose(session: &Session, item: &ReviewItem, side: usize) -> Option<String> {
    let sources = session.spec()?.sources.as_ref()?;
    let second = (side == 1) != item.place.item.swapped;
    (!session.is_blind()).then(|| sources[usize::from(second)].clone())
}

/// A and B of a pair.
pub(super) fn sides(item: &ReviewItem) -> Option<[&Sample; 2]> {
    let (first, second) = (&item.sample, item.other.as_ref()?);
    Some(if item.place.item.swapped {
        [second, first]
    } else {
        [first, second]
    })
}

fn lines(session: &Session, sides: [&Sample; 2], at: usize, width: u16) -> Vec<Line> {
    let mut lines = answer::answer(sides[at], session.raw, width);
    if session.diff {
        let slot = [Slot::DiffDel, Slot::DiffAdd][at];
        answer::mark(&mut lines, &answer::words(sides[1 - at]), slot);
    }
    lines
}

/// How many lines the longer side has, and how many of them are shown.
pub(super) fn extent(session: &Session, shared: &Shared) -> (usize, usize) {
    let [.., a, b] = panes(shell(shared.size).body, shared, session.fold, session.zoom);
    let Some(sides) = session.current().and_then(sides) else {
        return (0, 0);
    };
    let shown = [(0, a), (1, b)].map(|(at, area)| {
        let inner = inside(area, shared.size.width);
        if area.height == 0 {
            return (0, usize::MAX);
        }
        (
            lines(session, sides, at, inner.width).len(),
            usize::from(inner.height),
        )
    });
    let longest = shown.iter().map(|(lines, _)| *lines).max().unwrap_or(0);
    let page = shown.iter().map(|(_, page)| *page).min().unwrap_or(0);
    (longest, page)
}

/// Draws it.
pub(super) fn view(session: &Session, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let Some(item) = session.current() else { return };
    let [line, asked, a, b] = panes(area, shared, session.fold, session.zoom);
    facts(session, shared, line, buf);
    prompt(session, item, shared, asked, buf);
    let Some(sides) = sides(item) else { return };
    let fact = if side_by_side(shared) {
        if session.raw { "tab pretty" } else { "tab raw" }
    } else {
        match session.zoom {
            Zoom::Both => "tab A alone",
            Zoom::A => "tab B alone",
            Zoom::B => "tab both",
        }
    };
    for (at, (name, area)) in [("A", a), ("B", b)].into_iter().enumerate() {
        if area.height < 2 {
            continue;
        }
        let fact = if at == 1 || session.zoom == Zoom::A {
            fact
        } else {
            ""
        };
        let title = match whose(session, item, at) {
            Some(source) => format!("{name} · {source}"),
            None => name.to_owned(),
        };
        let inner = pane(buf, area, &title, fact, true, shared);
        let lines = lines(session, sides, at, inner.width);
        let skip = session
            .scroll
            .min(lines.len().saturating_sub(usize::from(inner.height)));
        answer::draw(&lines[skip..], shared, inner, buf);
    }
}
