//! Both prompts of a question as they are sent, rendered on a seed row, with their price and the variables they may use. Writing them
//! is [`super::prompts`]'s business.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::budget::Money;
use crate::core::text::grouped;
use crate::tui::context::Shared;
use crate::tui::layout::{Width, inside, top};
use crate::tui::text::{percent, put, wrap_prose};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::pane;
use crate::tui::widgets::table::{Column, numbers, prose, table, words};

use super::NewJob;
use super::prompts::{Variable, tokens};
use super::work::Work;

/// Rows of the variables' pane at least; with fewer there is none.
const FEWEST: u16 = 5;

const COLUMNS: [Column; 4] = [
    words("NAME", 12, 9),
    words("TYPE", 6, 4),
    numbers("FILLED", 7, 5),
    prose("EXAMPLE", 10, 3),
];

impl NewJob {
    pub(super) fn draw_preview(&self, work: &Work, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let variables = self.variables();
        let width = usize::from(inside(area, shared.size.width).width.saturating_sub(3));
        let rendered = self.rendered(work);
        let characters = rendered.iter().flatten().map(|text| text.chars().count()).sum();
        let parts = parts(&rendered, width);
        let wanted = (variables.len() + self.prompts.unknown.len() + 4).max(6);
        let wanted = (wanted as u16).min(area.height * 2 / 5);
        let room = if Width::of(shared.size.width) == Width::Wide {
            area.height / 2
        } else {
            // The prompts are what it is about: they come first.
            let needed: usize = parts.iter().map(|part| part.lines.len() + 2).sum();
            area.height.saturating_sub(needed as u16 + 2)
        };
        let below = wanted.min(room);
        let below = if below < FEWEST { 0 } else { below };
        let (above, below) = top(area, area.height - below);
        let rows = self.preview_rows();
        let fact = if rows > 1 {
            format!("row {} of {}  F5 F6", self.row + 1, grouped(rows as u64))
        } else {
            String::new()
        };
        let inner = pane(buf, above, "Preview", &fact, self.preview, shared);
        let last = inner.height.saturating_sub(1);
        let shown = cut(parts, usize::from(last));
        for (row, (indent, slot, line)) in shown.iter().enumerate() {
            put(buf, inner, *indent, row as u16, line, shared.style(*slot));
        }
        let price = self.price(work, characters);
        put(buf, inner, 1, last, &price, shared.style(Slot::Muted));
        if below.height > 2 {
            self.draw_variables(&variables, shared, below, buf);
        }
    }

    /// Tokens of the prompt, and what a sample costs.
    fn price(&self, work: &Work, characters: usize) -> String {
        let most = work.draft.get(&work.path("max_tokens"));
        let most = most.or_else(|| work.draft.get("defaults.max_tokens"));
        let most = most.and_then(|value| value.as_u64());
        let out = most.map_or_else(String::new, |most| format!(", {} out at most", grouped(most)));
        let price = self
            .estimate
            .value()
            .filter(|report| report.tasks > 0)
            .map(|report| {
                report.usd.map_or_else(
                    || " price unknown".to_owned(),
                    |(low, high)| {
                        let each = |money: Money| Money(money.0 / i64::try_from(report.tasks).unwrap_or(1));
                        format!(" ≤{} a task", each(high.max(low)))
                    },
                )
            });
        let price = price.unwrap_or_default();
        format!("≈{} tokens in{out} ·{price}", grouped(tokens(characters)))
    }

    fn draw_variables(&self, variables: &[Variable], shared: &Shared, area: Rect, buf: &mut Buffer) {
        let inner = pane(buf, area, "Variables", "F2 inserts", false, shared);
        let read = self.seeds.value().map_or(0, |seen| seen.read);
        let known = variables.iter().map(|one| {
            let filled = one
                .filled
                .map_or_else(String::new, |filled| format!("{}%", percent(filled, read)));
            let whole = one.filled.is_none_or(|filled| filled == read);
            vec![
                (one.name.clone(), shared.style(Slot::Var)),
                (one.kind.clone(), shared.style(Slot::Muted)),
                (filled, shared.style(if whole { Slot::Fg } else { Slot::Warn })),
                (one.example.clone(), shared.style(Slot::Muted)),
            ]
        });
        let unknown = self.prompts.unknown.iter().map(|name| {
            vec![
                (name.clone(), shared.style(Slot::VarUnknown)),
                ("-".to_owned(), shared.style(Slot::Muted)),
                ("-".to_owned(), shared.style(Slot::Muted)),
                (
                    "unknown: m in Seeds names a column so".to_owned(),
                    shared.style(Slot::Error),
                ),
            ]
        });
        table(buf, inner, &COLUMNS, unknown.chain(known), None, shared);
        let holes = variables.iter().find_map(|one| {
            let missing = read.checked_sub(one.filled?).filter(|missing| *missing > 0)?;
            Some(format!("▲ {} rows have no {}", grouped(missing), one.name))
        });
        if let Some(holes) = holes.filter(|_| usize::from(inner.height) > variables.len() + 2) {
            put(buf, inner, 2, inner.height - 1, &holes, shared.style(Slot::Warn));
        }
    }
}

/// A prompt as it is sent, in rows.
struct Part {
    name: &'static str,
    slot: Slot,
    lines: Vec<String>,
}

/// Both prompts; a system prompt that says nothing is none.
fn parts(rendered: &[Result<String, String>; 2], width: usize) -> Vec<Part> {
    let part = |(text, name): (&Result<String, String>, &'static str)| {
        let (slot, text) = match text {
            Ok(text) if text.trim().is_empty() && name == "system" => return None,
            Ok(text) => (Slot::Fg, text),
            Err(why) => (Slot::Error, why),
        };
        let lines = wrap_prose(text.trim_end(), width);
        Some(Part { name, slot, lines })
    };
    rendered.iter().zip(["system", "user"]).filter_map(part).collect()
}

/// Their rows, each with its indent, in so many: where there are too few, the system prompt is cut to a third of them and says so.
fn cut(parts: Vec<Part>, room: usize) -> Vec<(u16, Slot, String)> {
    let needed: usize = parts.iter().map(|part| part.lines.len() + 2).sum();
    let mut rows = Vec::new();
    let many = parts.len();
    for (at, part) in parts.into_iter().enumerate() {
        let left = room.saturating_sub(rows.len() + 1);
        let most = match (at + 1 < many, needed > room + 1) {
            (true, true) => (room / 3).max(1),
            _ => left,
        };
        rows.push((1, Slot::Muted, part.name.to_owned()));
        let all = part.lines.len();
        let shown = if all > most { most.saturating_sub(1) } else { all };
        let lines = part.lines.into_iter().take(shown);
        rows.extend(lines.map(|line| (2, part.slot, line)));
        if shown < all {
            rows.push((2, Slot::Muted, format!("… {} lines more", all - shown)));
        }
        if at + 1 < many {
            rows.push((0, Slot::Muted, String::new()));
        }
    }
    rows.truncate(room);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_system_prompt_leaves_room_for_the_question() {
        let long = |many: usize| vec!["x"; many].join("\n");
        let told = |system: usize, user: usize, room: usize| {
            let rows = cut(parts(&[Ok(long(system)), Ok(long(user))], 20), room);
            assert!(rows.len() <= room, "{rows:?}");
            let words = rows.iter().map(|(.., line)| line.as_str());
            words
                .filter(|line| *line != "x")
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(told(3, 4, 11), ["system", "", "user"]);
        assert_eq!(told(30, 4, 15), ["system", "… 26 lines more", "", "user"]);
        assert_eq!(
            told(30, 40, 15),
            ["system", "… 26 lines more", "", "user", "… 34 lines more"]
        );
    }
}
