//! Samples and prompts as lines for a reviewer: fields beside their names, and nothing that tells whose they are.

use std::collections::HashSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::core::conversation::{Message, Role};
use crate::core::sample::{Decision, Sample, answered_by, as_text};

use crate::tui::context::Shared;
use crate::tui::text::{put, wrap_prose};
use crate::tui::theme::Slot;

/// A line: texts with their colours, one after the other.
pub(super) type Line = Vec<(String, Slot)>;

/// Widest column of field names.
const NAMES_AT_MOST: usize = 14;

/// What was asked, the standing instructions last; where it is to be short, without its line breaks.
pub(super) fn prompt(messages: &[Message], sample: &Sample, short: bool, width: u16) -> Vec<Line> {
    let width = usize::from(width.saturating_sub(2));
    let mut lines = Vec::new();
    let (standing, asked): (Vec<_>, Vec<_>) =
        messages.iter().partition(|message| message.role == Role::System);
    for message in asked {
        let mut text = message.plain();
        if short {
            text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        lines.extend(wrap_prose(text.trim(), width).into_iter().map(plain));
    }
    for message in standing {
        lines.push(Line::new());
        let text = format!("system: {}", message.plain());
        lines.extend(
            wrap_prose(&text, width)
                .into_iter()
                .map(|row| vec![(row, Slot::Muted)]),
        );
    }
    if messages.is_empty() {
        // The prompt cannot be made again: what it was made of is the next best.
        for (name, value) in sample.seed.iter().chain(&sample.vary) {
            lines.extend(field(name, value, 0, width));
        }
    }
    lines
}

/// The last answer: its fields, or its text.
pub(super) fn answer(sample: &Sample, raw: bool, width: u16) -> Vec<Line> {
    let width = usize::from(width.saturating_sub(2));
    let Some(step) = sample.steps.last() else {
        return vec![vec![("no answer".to_owned(), Slot::Muted)]];
    };
    let mut lines = Vec::new();
    match (&step.value, raw) {
        (Some(value), true) => {
            let text = serde_json::to_string_pretty(value).unwrap_or_default();
            lines.extend(wrap_prose(&text, width).into_iter().map(plain));
        }
        (Some(Value::Object(fields)), false) => {
            let widest = fields.keys().map(|name| name.width()).max().unwrap_or(0);
            let column = (widest + 2).min(NAMES_AT_MOST).min(width / 3);
            for (at, (name, value)) in fields.iter().enumerate() {
                if at > 0 {
                    lines.push(Line::new());
                }
                lines.extend(field(name, value, column, width));
            }
        }
        _ => lines.extend(wrap_prose(&step.text, width).into_iter().map(plain)),
    }
    for call in &step.tool_calls {
        let text = format!("calls {}({})", call.name, call.arguments);
        lines.extend(
            wrap_prose(&text, width)
                .into_iter()
                .map(|row| vec![(row, Slot::JsonStr)]),
        );
    }
    lines
}

/// Whose it is and what the validators said.
pub(super) fn info(sample: &Sample, width: u16) -> Vec<Line> {
    let width = usize::from(width.saturating_sub(2));
    let teacher = answered_by(&sample.steps).unwrap_or_default();
    let reason = sample
        .reason
        .map(|reason| format!(": {}", reason.word()))
        .unwrap_or_default();
    let state = sample.state.word().replace('_', " ");
    let mut lines = vec![vec![(
        format!("{teacher} · task {} · {state}{reason}", sample.task.index),
        Slot::Info,
    )]];
    let telling = |verdict: &&crate::core::sample::Verdict| {
        verdict.decision != Decision::Accept || verdict.score.is_some()
    };
    for verdict in sample.verdicts.iter().filter(telling) {
        let score = verdict
            .score
            .map(|score| format!(" {score:.2}"))
            .unwrap_or_default();
        let evidence = verdict.evidence.as_deref().unwrap_or_default();
        let text = format!("{}{score} {evidence}", verdict.validator);
        lines.extend(
            wrap_prose(&text, width)
                .into_iter()
                .map(|row| vec![(row, Slot::Muted)]),
        );
    }
    lines.push(Line::new());
    lines
}

fn plain(row: String) -> Line {
    vec![(row, Slot::Fg)]
}

/// A field: its name in a column of that width (above its value where there is none), its value beside it.
fn field(name: &str, value: &Value, column: usize, width: usize) -> Vec<Line> {
    let key = |text: String| (text, Slot::JsonKey);
    let text = match value {
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let numbered = items.iter().zip(1..);
            let rows: Vec<String> = numbered
                .map(|(item, at)| format!("[{at}] {}", item.as_str().unwrap_or_default()))
                .collect();
            rows.join("\n")
        }
        value => as_text(value.clone()),
    };
    let beside = name.width() < column;
    let indent = if beside { column } else { 2 };
    let mut lines = Vec::new();
    if !beside {
        lines.push(vec![key(name.to_owned())]);
    }
    for (at, row) in wrap_prose(&text, width.saturating_sub(indent))
        .into_iter()
        .enumerate()
    {
        let head = if at == 0 && beside { name } else { "" };
        let pad = " ".repeat(indent.saturating_sub(head.width()));
        lines.push(vec![key(format!("{head}{pad}")), (row, Slot::Fg)]);
    }
    if lines.is_empty() {
        lines.push(vec![key(name.to_owned())]);
    }
    lines
}

/// The words of a sample's last answer.
pub(super) fn words(sample: &Sample) -> HashSet<&str> {
    let text = sample.steps.last().map_or("", |step| step.text.as_str());
    split(text)
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .collect()
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// Marks the words that `other` does not have.
pub(super) fn mark(lines: &mut [Line], other: &HashSet<&str>, slot: Slot) {
    for line in lines {
        let mut marked = Line::new();
        for (text, own) in line.drain(..) {
            if own == Slot::JsonKey {
                marked.push((text, own));
                continue;
            }
            for piece in text.split_inclusive(' ') {
                let is_new = split(piece).any(|word| !other.contains(word));
                marked.push((piece.to_owned(), if is_new { slot } else { own }));
            }
        }
        *line = marked;
    }
}

/// Draws as many lines as fit, one column in from the left.
pub(super) fn draw(lines: &[Line], shared: &Shared, area: Rect, buf: &mut Buffer) {
    for (row, line) in lines.iter().take(usize::from(area.height)).enumerate() {
        let mut at = 1;
        for (text, slot) in line {
            at += put(buf, area, at, row as u16, text, shared.style(*slot));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_beside_their_names() {
        let text = |lines: Vec<Line>| -> Vec<String> {
            let join = |line: Line| line.into_iter().map(|(text, _)| text).collect();
            lines.into_iter().map(join).collect()
        };
        let value = Value::from("one two three");
        assert_eq!(
            text(field("answer", &value, 8, 16)),
            ["answer  one two", "        three"]
        );
        assert_eq!(
            text(field("long name", &value, 8, 16)),
            ["long name", "  one two three"]
        );
        assert_eq!(text(field("empty", &Value::from(""), 8, 16)), ["empty"]);
        let list = serde_json::json!(["a", "b"]);
        assert_eq!(
            text(field("list", &list, 8, 16)),
            ["list    [1] a", "        [2] b"]
        );
    }

    #[test]
    fn words_of_one_side_are_marked() {
        let mut lines = vec![vec![("red, green blue".to_owned(), Slot::Fg)]];
        mark(&mut lines, &HashSet::from(["red", "blue"]), Slot::DiffAdd);
        let slots: Vec<Slot> = lines[0].iter().map(|(_, slot)| *slot).collect();
        assert_eq!(slots, [Slot::Fg, Slot::DiffAdd, Slot::Fg]);
    }
}
