//! A provider as its gauge: the row on the dashboard, and the word of its health.

use crate::core::api::{Health, ProviderHealth};
use crate::core::text::grouped;
use crate::tui::context::Shared;
use crate::tui::text::percent;
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::badge;
use crate::tui::widgets::table::{Cell, Column, numbers, words};

/// Columns of the table on the dashboard.
pub(crate) const COLUMNS: [Column; 8] = [
    words("NAME", 11, 9),
    words("HEALTH", 9, 8),
    numbers("IN-FL", 6, 6),
    numbers("P50", 5, 3),
    numbers("P95", 5, 4),
    numbers("ERR%", 5, 5),
    numbers("429", 4, 2),
    numbers("COST", 6, 7),
];

/// The word of a provider's health.
pub(crate) fn word(health: Health) -> &'static str {
    match health {
        Health::Up => "up",
        Health::Slow => "slow",
        Health::Limited => "limited",
        Health::Down => "down",
        Health::Off => "off",
    }
}

/// Milliseconds as seconds with one digit.
pub(super) fn seconds(ms: u64) -> String {
    if ms == 0 {
        "-".to_owned()
    } else {
        format!("{:.1}s", ms as f64 / 1000.0)
    }
}

/// Glyph and word of its health.
pub(super) fn health(one: &ProviderHealth, shared: &Shared) -> Cell {
    let (glyph, slot) = badge(word(one.health));
    (format!("{glyph} {}", word(one.health)), shared.style(slot))
}

/// A provider's row.
pub(crate) fn cells(one: &ProviderHealth, shared: &Shared) -> Vec<Cell> {
    let fg = shared.style(Slot::Fg);
    let limited = if one.limited == 0 {
        "-".to_owned()
    } else {
        grouped(one.limited)
    };
    vec![
        (one.name.clone(), fg),
        health(one, shared),
        (format!("{}/{}", one.in_flight, one.limit), fg),
        (seconds(one.p50_ms), fg),
        (seconds(one.p95_ms), fg),
        (percent(one.errors, one.requests), fg),
        (limited, fg),
        (one.usd.to_string(), fg),
    ]
}
