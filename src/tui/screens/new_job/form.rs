//! A form: lines of label and value over the keys of the job file, one of them selected, perhaps being typed in.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::core::job::draft::{Draft, value_of, written};
use crate::core::text::sanitize_line;
use crate::tui::context::Shared;
use crate::tui::text::{fit, put};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::field::Field;

/// What a line holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A heading; nothing to change.
    Heading,
    /// A string.
    Text,
    /// A string that may have several lines.
    Long,
    /// A number.
    Number,
    /// Yes or no.
    Flag,
    /// One of these words, the default first.
    Words(&'static [&'static str]),
    /// Strings, separated by commas.
    List,
    /// Names with numbers: `easy = 60, hard = 40`.
    Counts,
    /// Any value as TOML writes it; what is none is a string.
    Any,
    /// Something else happens when it is opened.
    Link,
}

/// A line of a form.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// What it is called.
    pub(super) label: String,
    /// Where it stands in the job file, or a word with `@` that its step understands.
    pub(super) path: String,
    /// What it holds.
    pub(super) kind: Kind,
    /// What it holds now, as it is shown and typed.
    pub(super) value: String,
    /// What stands there while it is empty, or behind it.
    pub(super) note: String,
}

impl Line {
    /// A line of its own.
    pub(super) fn new(label: &str, path: &str, kind: Kind, value: String, note: &str) -> Self {
        Self {
            label: label.to_owned(),
            path: path.to_owned(),
            kind,
            value,
            note: note.to_owned(),
        }
    }

    /// The note as it stands behind a value: of a number or a choice it is what nothing would mean.
    fn told(&self) -> Cow<'_, str> {
        let means_nothing = matches!(self.kind, Kind::Number | Kind::Flag) && !self.path.starts_with('@');
        if means_nothing && !self.value.is_empty() && !self.note.is_empty() {
            Cow::Owned(format!("(nothing: {})", self.note))
        } else {
            Cow::Borrowed(&self.note)
        }
    }

    /// A value of the job file.
    pub(super) fn of(draft: &Draft, label: &str, path: &str, kind: Kind, note: &str) -> Self {
        let value = draft
            .get(path)
            .map_or_else(String::new, |value| shown(kind, &value));
        Self::new(label, path, kind, value, note)
    }

    /// A heading.
    pub(super) fn heading(label: &str) -> Self {
        Self::new(label, "", Kind::Heading, String::new(), "")
    }
}

/// A value as it is typed.
fn shown(kind: Kind, value: &Value) -> String {
    match (kind, value) {
        (Kind::List, Value::Array(items)) => items.iter().map(written).collect::<Vec<_>>().join(", "),
        (Kind::Counts, Value::Object(_)) => {
            let whole = written(value);
            let inner = whole.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            inner.unwrap_or(&whole).trim().to_owned()
        }
        (Kind::Flag, Value::Bool(flag)) => if *flag { "yes" } else { "no" }.to_owned(),
        _ => written(value),
    }
}

/// What was typed as a value; `None`: nothing. What is no number stays a string, and the check says so: nothing typed is lost.
pub(super) fn read(kind: Kind, typed: &str) -> Option<Value> {
    let trimmed = typed.trim();
    if trimmed.is_empty() {
        return None;
    }
    Some(match kind {
        Kind::Number => match value_of(&trimmed.replace(',', "")) {
            number @ Value::Number(_) => number,
            _ => Value::from(trimmed),
        },
        Kind::List => trimmed
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect(),
        Kind::Flag => match trimmed {
            "yes" | "true" => Value::from(true),
            "no" | "false" => Value::from(false),
            other => Value::from(other),
        },
        Kind::Counts => match value_of(&format!("{{ {trimmed} }}")) {
            counts @ Value::Object(_) => counts,
            _ => Value::from(trimmed),
        },
        Kind::Any => value_of(trimmed),
        _ => Value::from(typed),
    })
}

/// The next word of a line that holds one of some words, or yes and no.
pub(super) fn next_word(line: &Line) -> Option<String> {
    let words: &[&str] = match line.kind {
        Kind::Flag => &["no", "yes"],
        Kind::Words(words) => words,
        _ => return None,
    };
    let at = words.iter().position(|word| *word == line.value);
    // Nothing written is the default, which stands first.
    let next = at.unwrap_or(0) + 1;
    words
        .get(next % words.len().max(1))
        .map(|word| (*word).to_owned())
}

/// The next line that can be changed, from `at` on.
pub(super) fn skip_headings(lines: &[Line], cursor: &mut Cursor, down: bool, page: usize) {
    let plain = |at: usize| lines.get(at).is_none_or(|line| line.kind != Kind::Heading);
    while !plain(cursor.selected) {
        if down && cursor.selected + 1 < lines.len() {
            cursor.selected += 1;
        } else if !down && cursor.selected > 0 {
            cursor.selected -= 1;
        } else {
            cursor.selected = (0..lines.len()).find(|at| plain(*at)).unwrap_or(0);
            break;
        }
    }
    cursor.clamp(lines.len(), page);
}

/// Draws the lines; says where the caret is. `typed` is the field of the selected line while somebody types in it; `wrong` tells
/// which paths have a problem.
pub(super) fn draw(
    lines: &[Line],
    cursor: Cursor,
    typed: Option<&Field>,
    wrong: &dyn Fn(&str) -> bool,
    shared: &Shared,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let longest = lines
        .iter()
        .filter(|line| line.kind != Kind::Heading)
        .map(|line| line.label.width())
        .max()
        .unwrap_or(0);
    let label_width = longest.min(usize::from(area.width) * 2 / 5).max(4);
    let at = 2 + label_width as u16 + 2;
    let mut caret = None;
    for (row, (index, line)) in lines
        .iter()
        .enumerate()
        .skip(cursor.offset)
        .take(usize::from(area.height))
        .enumerate()
    {
        let row = row as u16;
        let selected = index == cursor.selected;
        if line.kind == Kind::Heading {
            put(buf, area, 1, row, &line.label, shared.style(Slot::Title));
            continue;
        }
        let bad = wrong(&line.path);
        put(
            buf,
            area,
            2,
            row,
            &fit(&line.label, label_width),
            shared.style(Slot::Muted),
        );
        if bad {
            put(buf, area, 0, row, "✗", shared.style(Slot::Error));
        }
        if selected {
            put(buf, area, 0, row, "▌", shared.style(Slot::Accent));
            let whole = Rect {
                y: area.y + row,
                height: 1,
                ..area
            };
            if typed.is_none() {
                buf.set_style(whole, shared.theme.selection());
            }
        }
        if let Some(field) = typed.filter(|_| selected) {
            caret = Some(field.draw(buf, area, at, row, shared.style(Slot::Accent)));
            continue;
        }
        let slot = if bad { Slot::Error } else { Slot::Fg };
        let safe = sanitize_line(&line.value).into_owned();
        let first = safe.trim().to_owned();
        let style = if selected {
            shared.theme.selection()
        } else {
            shared.style(slot)
        };
        let used = put(buf, area, at, row, &first, style);
        // Once there is a value, the note is for whoever is about to change it.
        if !line.note.is_empty() && (selected || line.value.is_empty() || line.kind == Kind::Link) {
            let gap = if used == 0 { 0 } else { 2 };
            let style = if selected {
                shared.theme.selection()
            } else {
                shared.style(Slot::Muted)
            };
            put(buf, area, at + used + gap, row, &line.told(), style);
        }
    }
    caret
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_typed_becomes_a_value_and_nothing_is_lost() {
        assert_eq!(read(Kind::Number, " 10,000 "), Some(json!(10_000)));
        assert_eq!(read(Kind::Number, "0.5"), Some(json!(0.5)));
        assert_eq!(read(Kind::Number, "ten"), Some(json!("ten")));
        assert_eq!(read(Kind::Number, " "), None);
        assert_eq!(read(Kind::List, "a, b,"), Some(json!(["a", "b"])));
        assert_eq!(read(Kind::Flag, "yes"), Some(json!(true)));
        let counts = json!({"easy": 60, "not so easy": 40});
        assert_eq!(
            read(Kind::Counts, "easy = 60, \"not so easy\" = 40").as_ref(),
            Some(&counts)
        );
        let typed = shown(Kind::Counts, &counts);
        assert_eq!(read(Kind::Counts, &typed), Some(counts), "{typed}");
        assert_eq!(read(Kind::Counts, "easy"), Some(json!("easy")));
        assert_eq!(read(Kind::Any, "[1, 5]"), Some(json!([1, 5])));
        assert_eq!(read(Kind::Any, "card.answer"), Some(json!("card.answer")));
    }

    #[test]
    fn a_default_behind_a_value_does_not_read_like_the_value() {
        let line = |value: &str| Line::new("", "seeds.limit", Kind::Number, value.to_owned(), "all rows");
        assert_eq!(line("").told(), "all rows");
        assert_eq!(line("12").told(), "(nothing: all rows)");
        let name = Line::new("", "name", Kind::Text, "qa".to_owned(), "a-z, 0-9 and -");
        assert_eq!(name.told(), "a-z, 0-9 and -");
    }

    #[test]
    fn words_go_round() {
        let line = |value: &str| Line::new("", "", Kind::Words(&["pause", "stop"]), value.to_owned(), "");
        assert_eq!(next_word(&line("")).as_deref(), Some("stop"));
        assert_eq!(next_word(&line("stop")).as_deref(), Some("pause"));
    }
}
