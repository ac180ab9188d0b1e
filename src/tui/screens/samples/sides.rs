//! The sides of a sample that need nothing but the sample itself or one attempt at it, as lines. Which side is shown is
//! [`super::detail`]'s business.

use serde_json::json;

use crate::core::ports::RequestRow;
use crate::core::sample::{Decision, Sample, SampleId, SampleState};

use crate::tui::theme::Slot;

use super::tree::{Line, paragraph};

/// Coloured words in as many rows as they need.
pub(super) fn wrap_spans(spans: Vec<(String, Slot)>, width: usize, lines: &mut Vec<Line>) {
    let (mut row, mut used) = (Vec::new(), 0);
    for (text, slot) in spans {
        for word in text.split_inclusive(' ') {
            let wide = unicode_width::UnicodeWidthStr::width(word.trim_end());
            if used > 0 && used + wide > width {
                lines.push(Line::plain(std::mem::take(&mut row)));
                used = 0;
            }
            used += unicode_width::UnicodeWidthStr::width(word);
            row.push((word.to_owned(), slot));
        }
    }
    lines.push(Line::plain(row));
}

/// Where it stands, in a line.
pub(super) fn standing(sample: &Sample) -> Line {
    let evidence = sample
        .verdicts
        .iter()
        .rev()
        .find(|verdict| verdict.reason == sample.reason);
    let why = match (sample.reason, evidence) {
        (None, _) => String::new(),
        (Some(reason), Some(verdict)) if sample.reason.is_some() => {
            let score = verdict
                .score
                .map_or(String::new(), |score| format!(" {score:.2}"));
            format!(": {}{score}", reason.word())
        }
        (Some(reason), _) => format!(": {}", reason.word()),
    };
    let note = sample.review.as_ref().and_then(|review| review.note.clone());
    let note = note.map_or(String::new(), |note| format!(" ({note})"));
    let (glyph, slot) = match sample.state {
        SampleState::Accepted => ("✓", Slot::Ok),
        SampleState::Rejected => ("✗", Slot::Error),
        SampleState::NeedsReview => ("?", Slot::Warn),
    };
    Line::of(format!("{glyph} {}{why}{note}", sample.state.word()), slot)
}

/// The sample that a validator found it to repeat.
pub(super) fn double(job: &str, sample: &Sample) -> Option<SampleId> {
    sample.verdicts.iter().rev().find_map(|verdict| {
        let evidence = verdict.evidence.as_deref()?;
        if evidence.len() == 32 && evidence.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Some(SampleId(evidence.to_owned()));
        }
        let (_, task) = evidence.split_once("task ")?;
        let (task, candidate) = task.split_once(", candidate ").unwrap_or((task, "0"));
        let task = task.trim().replace(',', "").parse().ok()?;
        Some(SampleId::of(job, task, candidate.trim().parse().ok()?))
    })
}

/// As JSON, its keys set off.
pub(super) fn raw(sample: &Sample, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for line in object(sample).lines() {
        let key = line.trim_start().starts_with('"') && line.contains("\":");
        paragraph(
            line,
            0,
            if key { Slot::JsonKey } else { Slot::Fg },
            width,
            &mut lines,
        );
    }
    lines
}

/// The sample as a JSON object.
pub(super) fn object(sample: &Sample) -> String {
    let value = json!({
        "id": sample.id.0,
        "task": sample.task.index,
        "candidate": sample.candidate,
        "state": sample.state.word(),
        "reason": sample.reason,
        "seed": sample.seed,
        "vary": sample.vary,
        "steps": sample.steps,
        "verdicts": sample.verdicts,
        "review": sample.review,
        "tags": sample.tags,
    });
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

/// What each validator said of it.
pub(super) fn scores(sample: &Sample, width: usize) -> Vec<Line> {
    let mut lines = vec![standing(sample)];
    for verdict in &sample.verdicts {
        let (glyph, slot) = match verdict.decision {
            Decision::Accept => ("✓", Slot::Ok),
            Decision::Review => ("?", Slot::Warn),
            Decision::Reject => ("✗", Slot::Error),
        };
        let score = verdict
            .score
            .map_or(String::new(), |score| format!("  {score:.2}"));
        let reason = verdict
            .reason
            .map_or(String::new(), |reason| format!("  {}", reason.word()));
        let agreement = verdict
            .agreement
            .map_or(String::new(), |share| format!("  agree {:.0} %", share * 100.0));
        lines.push(Line::of("", Slot::Fg));
        lines.push(Line::plain(vec![
            (format!("{glyph} "), slot),
            (verdict.validator.clone(), Slot::Title),
            (score, Slot::JsonNum),
            (agreement, Slot::Muted),
            (reason, slot),
        ]));
        if let Some(evidence) = &verdict.evidence {
            paragraph(evidence, 2, Slot::Fg, width, &mut lines);
        }
    }
    if sample.verdicts.is_empty() {
        lines.push(Line::of("No validator said anything.", Slot::Muted));
    }
    lines
}

/// A question and its answer as they went over the wire.
pub(super) fn attempt(request: &RequestRow, width: usize) -> Vec<Line> {
    let mut lines = vec![
        Line::of(
            format!("{} by {}", request.question.step, request.teacher),
            Slot::Title,
        ),
        Line::of(
            format!("{} · {}", request.state.word(), request.cost),
            Slot::Muted,
        ),
    ];
    if let Some(error) = &request.error {
        paragraph(error, 0, Slot::Error, width, &mut lines);
    }
    lines.push(Line::of("", Slot::Fg));
    match &request.response {
        Some(response) => {
            lines.push(Line::of(format!("status {}", response.status), Slot::Muted));
            let value = serde_json::from_str::<serde_json::Value>(&response.body).ok();
            let body = value.and_then(|value| serde_json::to_string_pretty(&value).ok());
            paragraph(
                body.as_deref().unwrap_or(&response.body),
                0,
                Slot::Fg,
                width,
                &mut lines,
            );
        }
        None => lines.push(Line::of("There is no answer.", Slot::Muted)),
    }
    lines
}
