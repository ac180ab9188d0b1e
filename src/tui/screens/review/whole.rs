//! What is shown now, whole: every line of prompt and answer on a page to read, and no more of it than the person may see.

use crate::core::api::ReviewItem;
use crate::core::review::QueueKind;

use crate::tui::context::Shared;
use crate::tui::overlay::Page;
use crate::tui::theme::Slot;

use super::answer::{self, Line};
use super::comparing::{sides, whose};
use super::session::Session;

/// The page.
pub(super) fn page(session: &Session, item: &ReviewItem, shared: &Shared) -> Page {
    let width = shared.size.width.saturating_sub(4);
    let mut lines = Vec::new();
    let mut part = |name: String, rows: Vec<Line>| {
        if !lines.is_empty() {
            lines.push((Slot::Fg, String::new()));
        }
        lines.push((Slot::Title, name));
        lines.push((Slot::Fg, String::new()));
        lines.extend(rows.into_iter().map(joined));
    };
    let prompt = answer::prompt(&item.prompt, &item.sample, false, width);
    part("Prompt".to_owned(), prompt);
    let place = item.place.place + 1;
    let pair = sides(item).filter(|_| session.kind == QueueKind::Compare);
    if let Some(pair) = pair {
        for (at, sample) in pair.into_iter().enumerate() {
            let name = ["A", "B"][at];
            let name = whose(session, item, at).map_or(name.to_owned(), |whose| format!("{name} · {whose}"));
            part(name, answer::answer(sample, session.raw, width));
        }
        return Page::large(format!("Pair {place}"), lines);
    }
    part(
        "Response".to_owned(),
        answer::answer(&item.sample, session.raw, width),
    );
    if !session.is_blind() {
        part("Where it is from".to_owned(), answer::info(&item.sample, width));
    }
    Page::large(format!("Sample {place}"), lines)
}

/// A line in one colour: that of its longest piece.
fn joined(line: Line) -> (Slot, String) {
    let slot = line
        .iter()
        .max_by_key(|(text, _)| text.len())
        .map(|(_, slot)| *slot);
    let text = line.into_iter().map(|(text, _)| text).collect();
    (slot.unwrap_or(Slot::Fg), text)
}
