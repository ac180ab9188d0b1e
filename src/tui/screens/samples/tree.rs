//! A JSON value as lines of a tree whose branches can be folded. Keys and values only; what is folded is the screen's.

use std::collections::BTreeSet;

use ratatui::style::Modifier;
use serde_json::Value;

use crate::tui::text::wrap_prose;
use crate::tui::theme::Slot;

use super::diff::Spans;
use super::markdown::markdown;

/// A line, and the branch that begins on it.
pub(super) struct Line {
    pub(super) spans: Spans,
    /// Name of the branch, where there is one to fold.
    pub(super) branch: Option<String>,
    /// Attributes of the spans, as far as they have some.
    pub(super) looks: Vec<Modifier>,
}

/// How a value is shown.
pub(super) struct Look<'a> {
    /// Names of closed branches.
    pub(super) folded: &'a BTreeSet<String>,
    pub(super) width: usize,
    /// Texts are Markdown.
    pub(super) markdown: bool,
}

impl Look<'_> {
    /// A text in its lines.
    pub(super) fn text(&self, text: &str, indent: usize, lines: &mut Vec<Line>) {
        if self.markdown {
            markdown(text, indent, self.width, lines);
        } else {
            paragraph(text, indent, Slot::Fg, self.width, lines);
        }
    }
}

impl Line {
    pub(super) fn plain(spans: Spans) -> Self {
        Self {
            spans,
            branch: None,
            looks: Vec::new(),
        }
    }

    /// One more span, with attributes.
    pub(super) fn push(&mut self, text: String, slot: Slot, look: Modifier) {
        self.looks.resize(self.spans.len(), Modifier::empty());
        self.spans.push((text, slot));
        self.looks.push(look);
    }

    /// One piece of text.
    pub(super) fn of(text: impl Into<String>, slot: Slot) -> Self {
        Self::plain(vec![(text.into(), slot)])
    }
}

/// Text of any length as lines.
pub(super) fn paragraph(text: &str, indent: usize, slot: Slot, width: usize, lines: &mut Vec<Line>) {
    let room = width.saturating_sub(indent).max(8);
    for row in wrap_prose(text, room) {
        lines.push(Line::of(format!("{}{row}", " ".repeat(indent)), slot));
    }
}

/// The tree of a value under a name.
pub(super) fn tree(
    name: &str,
    value: &Value,
    path: &str,
    depth: usize,
    look: &Look<'_>,
    lines: &mut Vec<Line>,
) {
    let indent = depth * 2;
    let path = format!("{path}/{name}");
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(at, value)| (at.to_string(), value))
            .collect(),
        _ => return leaf(name, value, indent, look, lines),
    };
    let is_folded = look.folded.contains(&path);
    let mark = if is_folded { "▸ " } else { "▾ " };
    let many = children.len();
    let s = if many == 1 { "" } else { "s" };
    let count = match value {
        Value::Array(_) => format!("[{many} item{s}]"),
        _ => format!("{{{many} field{s}}}"),
    };
    lines.push(Line {
        spans: vec![
            (format!("{}{mark}", " ".repeat(indent)), Slot::Muted),
            (name.to_owned(), Slot::JsonKey),
            (format!("  {count}"), Slot::Muted),
        ],
        branch: Some(path.clone()),
        looks: Vec::new(),
    });
    if !is_folded {
        for (name, value) in children {
            tree(&name, value, &path, depth + 1, look, lines);
        }
    }
}

fn leaf(name: &str, value: &Value, indent: usize, look: &Look<'_>, lines: &mut Vec<Line>) {
    let head = format!("{}  ", " ".repeat(indent));
    match value {
        Value::String(text) => {
            lines.push(Line::plain(vec![
                (head, Slot::Fg),
                (name.to_owned(), Slot::JsonKey),
            ]));
            look.text(text, indent + 4, lines);
        }
        other => {
            let slot = if other.is_number() {
                Slot::JsonNum
            } else {
                Slot::Muted
            };
            lines.push(Line::plain(vec![
                (head, Slot::Fg),
                (format!("{name}  "), Slot::JsonKey),
                (other.to_string(), slot),
            ]));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn branches_fold() {
        let value = json!({ "a": [1, 2], "b": "text" });
        let shown = |folded: &[&str]| {
            let look = Look {
                folded: &folded.iter().map(|path| (*path).to_owned()).collect(),
                width: 40,
                markdown: false,
            };
            let mut lines = Vec::new();
            tree("x", &value, "", 0, &look, &mut lines);
            lines.len()
        };
        assert_eq!(shown(&[]), 6);
        assert_eq!(shown(&["/x/a"]), 4);
        assert_eq!(shown(&["/x"]), 1);
    }
}
