//! A pane: a frame with a heading, and what stands in it while there is nothing else to show.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Block, BorderType, Widget};
use unicode_width::UnicodeWidthStr;

use crate::core::api::Failure;
use crate::tui::context::Shared;
use crate::tui::layout::{Width, inside};
use crate::tui::text::{fit, put, put_right, wrap_prose};
use crate::tui::theme::Slot;

/// Draws the frame with a heading left and a fact right; says what is inside. On narrow terminals only a line with the heading.
pub(crate) fn pane(
    buf: &mut Buffer,
    area: Rect,
    title: &str,
    fact: &str,
    focused: bool,
    shared: &Shared,
) -> Rect {
    let slot = if focused { Slot::BorderFocus } else { Slot::Border };
    let border = shared.style(slot);
    let inner = inside(area, shared.size.width);
    if area.height == 0 || area.width < 8 {
        return inner;
    }
    let narrow = Width::of(shared.size.width) == Width::Narrow;
    if narrow {
        put(buf, area, 0, 0, &"─".repeat(usize::from(area.width)), border);
    } else {
        Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(border)
            .render(area, buf);
    }
    let line = Rect {
        x: area.x + 2,
        width: area.width - 4,
        height: 1,
        ..area
    };
    let title = fit(title, usize::from(line.width).saturating_sub(2));
    let end = put(buf, line, 0, 0, &format!(" {title} "), shared.style(Slot::Title));
    if !fact.is_empty() && usize::from(line.width) > usize::from(end) + fact.width() + 3 {
        put_right(buf, line, 0, &format!(" {fact} "), shared.style(Slot::Muted));
    }
    inner
}

/// Says in a pane that something is missing, what belongs there and how it gets there.
pub(crate) fn empty(buf: &mut Buffer, area: Rect, lines: &[&str], shared: &Shared) {
    let rows = lines
        .iter()
        .flat_map(|line| wrap_prose(line, usize::from(area.width).saturating_sub(4)));
    for (row, line) in rows.enumerate() {
        let slot = if row == 0 { Slot::Fg } else { Slot::Muted };
        put(buf, area, 2, row as u16 + 1, &line, shared.style(slot));
    }
}

/// Says in a pane what failed, why, and what to do.
pub(crate) fn failure(buf: &mut Buffer, area: Rect, failure: &Failure, shared: &Shared) {
    let width = usize::from(area.width).saturating_sub(6);
    let mut row = 1;
    let mut say = |head: &str, text: &str, style: Style| {
        for (at, line) in wrap_prose(text, width).iter().enumerate() {
            put(buf, area, 2, row, if at == 0 { head } else { "" }, style);
            put(buf, area, 4, row, line, style);
            row += 1;
        }
    };
    say("✗", &failure.message, shared.style(Slot::Error));
    for cause in &failure.causes {
        say("·", cause, shared.style(Slot::Muted));
    }
    let help = failure.help.as_deref().unwrap_or("r asks again");
    say("→", help, shared.style(Slot::Fg));
}

/// Says on a pane's last row which keys help.
pub(crate) fn keys_below(buf: &mut Buffer, area: Rect, keys: &str, shared: &Shared) {
    let row = area.height.saturating_sub(1);
    put(buf, area, 2, row, keys, shared.style(Slot::Muted));
}

/// A bar of `width` cells, so much of it full.
pub(crate) fn bar(part: f64, width: usize) -> String {
    let full = (part.clamp(0.0, 1.0) * width as f64).round() as usize;
    // A little is not nothing, and almost is not all.
    let full = if part > 0.0 { full.max(1).min(width) } else { full };
    let full = if part < 1.0 && full == width {
        width.saturating_sub(1)
    } else {
        full
    };
    format!("{}{}", "█".repeat(full), "░".repeat(width - full))
}

/// The glyph and meaning of a job's state or a provider's health.
pub(crate) fn badge(word: &str) -> (&'static str, Slot) {
    match word {
        "running" => ("●", Slot::Running),
        "up" | "accepted" => ("●", Slot::Ok),
        "pausing" => ("◐", Slot::Paused),
        "paused" | "limited" => ("‖", Slot::Paused),
        "completed" => ("✓", Slot::Ok),
        "failed" | "down" | "rejected" => ("✗", Slot::Error),
        "cancelled" | "off" => ("–", Slot::Muted),
        "draft" => ("◌", Slot::Muted),
        "slow" | "needs_review" => ("▲", Slot::Warn),
        _ => ("○", Slot::Fg),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_neither_hides_a_little_nor_promises_all() {
        assert_eq!(bar(0.0, 4), "░░░░");
        assert_eq!(bar(0.001, 4), "█░░░");
        assert_eq!(bar(0.999, 4), "███░");
        assert_eq!(bar(1.0, 4), "████");
        assert_eq!(bar(0.5, 0), "");
        assert_eq!(bar(f64::NAN, 2), "░░");
    }
}
