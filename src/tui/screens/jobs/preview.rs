//! The selected job in more words: what it is for, what it reads and asks, who answers, and what was rejected.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::{JobDetail, JobRow};
use crate::core::job::{JobSpec, SeedSource};
use crate::core::text::grouped;

use crate::tui::context::Shared;
use crate::tui::text::{fit, put, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::pane;

/// Draws it; what is only in the detail comes a moment later.
pub(super) fn view(row: &JobRow, detail: Option<&JobDetail>, shared: &Shared, area: Rect, buf: &mut Buffer) {
    if area.height < 4 {
        return;
    }
    let inner = pane(buf, area, &row.name, "preview", false, shared);
    let width = usize::from(inner.width.saturating_sub(2));
    let mut at = 0;
    for (text, slot) in lines(row, detail, width) {
        for line in wrap(&text, width) {
            put(buf, inner, 1, at, &line, shared.style(slot));
            at += 1;
        }
    }
}

fn lines(row: &JobRow, detail: Option<&JobDetail>, width: usize) -> Vec<(String, Slot)> {
    let mut lines = vec![(row.description.clone(), Slot::Fg)];
    if !row.tags.is_empty() {
        lines.push((format!("tags  {}", row.tags.join(" ")), Slot::Muted));
    }
    if row.priority != 0 {
        lines.push((format!("priority  {}", row.priority), Slot::Muted));
    }
    if let Some(reason) = row.state.reason() {
        lines.push((reason, Slot::Warn));
    }
    lines.push((" ".to_owned(), Slot::Fg));
    if let Some(detail) = detail {
        about(&detail.spec, &mut lines);
    }
    let counts = &row.counts;
    let [accepted, rejected, review] = row.samples;
    for (word, count, what) in [
        ("planned", counts.planned(), "tasks"),
        ("pending", counts.pending(), "tasks"),
        ("accepted", accepted, "samples"),
        ("rejected", rejected, "samples"),
        ("to review", review, "samples"),
    ] {
        lines.push((format!("{word:<10}{:>10} {what}", grouped(count)), Slot::Fg));
    }
    let Some(detail) = detail else { return lines };
    if !detail.teachers.is_empty() {
        lines.push((" ".to_owned(), Slot::Fg));
        lines.push(("teachers".to_owned(), Slot::Muted));
        let all: u64 = detail.teachers.iter().map(|one| one.requests).sum();
        for one in detail.teachers.iter().take(4) {
            let share = one.requests as f64 * 100.0 / all.max(1) as f64;
            let room = width.saturating_sub(7);
            let name = fit(&one.name, room).into_owned();
            lines.push((format!(" {name:<room$}{share:>4.0}%"), Slot::Fg));
        }
    }
    let mut reasons = detail.reasons.clone();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    if !reasons.is_empty() {
        lines.push((" ".to_owned(), Slot::Fg));
        lines.push(("rejected for".to_owned(), Slot::Muted));
        for (reason, count) in reasons.iter().take(4) {
            lines.push((format!(" {:<18}{:>8}", reason.word(), grouped(*count)), Slot::Fg));
        }
    }
    lines
}

/// What it reads and asks.
fn about(spec: &JobSpec, lines: &mut Vec<(String, Slot)>) {
    let seeds = match &spec.seeds.source {
        SeedSource::Path(path) => path.clone(),
        SeedSource::Rows(rows) => format!("{} rows in the file", grouped(rows.len() as u64)),
        SeedSource::Count(count) => format!("none, {} tasks", grouped(*count)),
        SeedSource::Job { name, .. } => format!("samples of {name}"),
    };
    let repeat = if spec.seeds.repeat > 1 {
        format!(" × {}", spec.seeds.repeat)
    } else {
        String::new()
    };
    lines.push((format!("seeds  {seeds}{repeat}"), Slot::Muted));
    let steps: Vec<&str> = spec.steps.iter().map(|step| step.name.as_str()).collect();
    if !steps.is_empty() {
        lines.push((format!("steps  {}", steps.join(" → ")), Slot::Muted));
    }
    let checks: Vec<&str> = spec.validators.iter().map(|plug| plug.kind.as_str()).collect();
    if !checks.is_empty() {
        lines.push((format!("checks {}", checks.join(", ")), Slot::Muted));
    }
    lines.push((" ".to_owned(), Slot::Fg));
}
