//! What of the log is shown: level, job, provider and part of the program, each one of the values that occur.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::{LogFilter, LogLevel, LogPage};
use crate::tui::context::Shared;
use crate::tui::keys::Action;
use crate::tui::text::put_all;
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::pane;

/// The rows, and which is selected.
#[derive(Default)]
pub(super) struct Facets {
    at: usize,
}

const NAMES: [&str; 5] = ["level", "job", "provider", "part of the program", "hidden parts"];

impl Facets {
    /// An action. True if the filter changed.
    pub(super) fn act(&mut self, action: Action, filter: &mut LogFilter, page: Option<&LogPage>) -> bool {
        let forward = action == Action::Next;
        match action {
            Action::Down => self.at = (self.at + 1).min(NAMES.len() - 1),
            Action::Up => self.at = self.at.saturating_sub(1),
            Action::First => self.at = 0,
            Action::Last => self.at = NAMES.len() - 1,
            Action::Next | Action::Previous => {
                let none: &[String] = &[];
                let of =
                    |known: fn(&LogPage) -> &Vec<String>| page.map_or(none, |page| known(page).as_slice());
                match self.at {
                    0 => filter.level = level(filter.level, forward),
                    1 => turn(&mut filter.job, of(|page| &page.jobs), forward),
                    2 => turn(&mut filter.provider, of(|page| &page.providers), forward),
                    3 => turn(&mut filter.target, of(|page| &page.targets), forward),
                    _ => filter.hidden.clear(),
                }
                return true;
            }
            _ => {}
        }
        false
    }

    /// Draws them in the upper right corner.
    pub(super) fn draw(&self, filter: &LogFilter, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let width = 48.min(area.width);
        let area = Rect {
            x: area.right() - width,
            width,
            height: (NAMES.len() as u16 + 2).min(area.height),
            ..area
        };
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                buf[(x, y)].reset();
            }
        }
        buf.set_style(area, shared.style(Slot::Bg).patch(shared.style(Slot::Fg)));
        let inner = pane(buf, area, "Shown", "←→ change", true, shared);
        let all = || "all".to_owned();
        let hidden = match filter.hidden.len() {
            0 => "none".to_owned(),
            _ => format!("{} (→ shows them)", filter.hidden.join(", ")),
        };
        let values = [
            format!("≥ {}", filter.level.word()),
            filter.job.clone().unwrap_or_else(all),
            filter.provider.clone().unwrap_or_else(all),
            filter.target.clone().unwrap_or_else(all),
            hidden,
        ];
        for (row, (name, value)) in NAMES.iter().zip(values).enumerate() {
            let here = row == self.at;
            let mark = if here { "▌ " } else { "  " };
            let style = if here {
                shared.style(Slot::Accent)
            } else {
                shared.style(Slot::Muted)
            };
            let label = format!("{name:<20}");
            put_all(
                buf,
                inner,
                0,
                row as u16,
                &[(mark, style), (&label, style), (&value, shared.style(Slot::Fg))],
            );
        }
    }
}

fn level(now: LogLevel, forward: bool) -> LogLevel {
    let all = LogLevel::ALL;
    let at = all.iter().position(|level| *level == now).unwrap_or(0);
    let then = if forward { at + 1 } else { at + all.len() - 1 };
    all[then % all.len()]
}

/// The next value among all and those that occur.
fn turn(value: &mut Option<String>, known: &[String], forward: bool) {
    let now = value
        .as_ref()
        .and_then(|value| known.iter().position(|known| known == value))
        .map_or(0, |at| at + 1);
    let count = known.len() + 1;
    let then = if forward { now + 1 } else { now + count - 1 } % count;
    *value = then.checked_sub(1).and_then(|at| known.get(at).cloned());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_round_through_all() {
        let known = ["a".to_owned(), "b".to_owned()];
        let mut value = None;
        let mut seen = Vec::new();
        for _ in 0..4 {
            turn(&mut value, &known, true);
            seen.push(value.clone().unwrap_or_default());
        }
        assert_eq!(seen, ["a", "b", "", "a"]);
        turn(&mut value, &[], true);
        assert_eq!(value, None);
        assert_eq!(level(LogLevel::Error, false), LogLevel::Trace);
    }
}
