//! One sample as lines: told for reading, or as the object it is stored as.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::{Value, json};

use crate::core::sample::{Decision, Sample, SampleState, as_text};

use crate::tui::context::Shared;
use crate::tui::text::{put, wrap};
use crate::tui::theme::Slot;

/// A line and what it is. Values are indented under their names.
pub(super) type Line = (String, Slot);

/// Columns that a value stands in.
const INDENT: &str = "  ";

/// All lines of a sample, broken for a pane of `width` columns.
pub(super) fn lines(job: &str, sample: &Sample, raw: bool, width: u16) -> Vec<Line> {
    let width = usize::from(width.saturating_sub(2));
    let told = if raw { object(sample) } else { told(job, sample) };
    let broken = told.into_iter().flat_map(|(text, slot)| {
        let indent = if slot == Slot::Fg && !raw { INDENT } else { "" };
        let rows = if text.is_empty() {
            vec![String::new()]
        } else {
            wrap(&text, width - indent.len().min(width))
        };
        rows.into_iter().map(move |row| (format!("{indent}{row}"), slot))
    });
    broken.collect()
}

/// Draws as many lines as fit.
pub(super) fn draw(lines: &[Line], shared: &Shared, area: Rect, buf: &mut Buffer) {
    for (row, (text, slot)) in lines.iter().take(usize::from(area.height)).enumerate() {
        put(buf, area, 1, row as u16, text, shared.style(*slot));
    }
}

fn told(job: &str, sample: &Sample) -> Vec<Line> {
    let mut lines = Vec::new();
    let slot = match sample.state {
        SampleState::Accepted => Slot::Ok,
        SampleState::Rejected => Slot::Error,
        SampleState::NeedsReview => Slot::Warn,
    };
    let reason = sample
        .reason
        .map(|reason| format!(": {}", reason.word()))
        .unwrap_or_default();
    lines.push((format!("{}{reason}", sample.state.word().replace('_', " ")), slot));
    if let Some(review) = &sample.review {
        lines.push((
            format!("{} by hand, {} before", review.action, review.before.word()),
            Slot::Muted,
        ));
    }
    for verdict in sample
        .verdicts
        .iter()
        .filter(|verdict| verdict.decision != Decision::Accept || verdict.score.is_some())
    {
        let score = verdict
            .score
            .map(|score| format!(" {score:.2}"))
            .unwrap_or_default();
        let evidence = verdict.evidence.as_deref().unwrap_or_default();
        lines.push((format!("{}{score} {evidence}", verdict.validator), Slot::Muted));
    }
    for (name, value) in sample.seed.iter().chain(&sample.vary) {
        lines.push((String::new(), Slot::Fg));
        lines.push((name.clone(), Slot::JsonKey));
        lines.push((as_text(value.clone()), Slot::Fg));
    }
    for step in &sample.steps {
        lines.push((String::new(), Slot::Fg));
        lines.push((
            format!("{} by {} ({})", step.step, step.teacher, step.finish.as_str()),
            Slot::Title,
        ));
        if let Some(reasoning) = &step.reasoning {
            lines.push((reasoning.clone(), Slot::Muted));
        }
        match &step.value {
            Some(Value::Object(fields)) => {
                for (name, value) in fields {
                    lines.push((name.clone(), Slot::JsonKey));
                    lines.push((as_text(value.clone()), Slot::Fg));
                }
            }
            _ => lines.push((step.text.clone(), Slot::Fg)),
        }
        for call in &step.tool_calls {
            lines.push((format!("calls {}({})", call.name, call.arguments), Slot::JsonStr));
        }
    }
    lines.push((String::new(), Slot::Fg));
    lines.push((
        format!("{job} · candidate {} · {}", sample.candidate, sample.id.0),
        Slot::Muted,
    ));
    lines
}

/// The sample as an object.
pub(super) fn json(sample: &Sample) -> String {
    let value = json!({
        "id": sample.id.0,
        "task": sample.task.index,
        "candidate": sample.candidate,
        "state": sample.state.word(),
        "seed": sample.seed,
        "vary": sample.vary,
        "steps": sample.steps,
        "verdicts": sample.verdicts,
        "review": sample.review,
    });
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

fn object(sample: &Sample) -> Vec<Line> {
    let text = json(sample);
    let slot = |line: &str| {
        if line.trim_start().starts_with('"') && line.contains("\":") {
            Slot::JsonKey
        } else {
            Slot::Fg
        }
    };
    text.lines().map(|line| (line.to_owned(), slot(line))).collect()
}
