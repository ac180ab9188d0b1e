//! Lines and tables: text with a meaning instead of escape codes. Everything is sanitised here, on its way out, whoever wrote it.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::core::text::sanitize_line;

/// What a piece of text means; the colour follows from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Style {
    /// Nothing in particular.
    #[default]
    Plain,
    /// A name or a heading.
    Strong,
    /// Of less interest.
    Faint,
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
}

impl Style {
    /// The SGR sequence that turns it on; empty for plain text.
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\x1b[1m",
            Self::Faint => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Warn => "\x1b[33m",
            Self::Bad => "\x1b[31m",
        }
    }
}

/// A line of spans. Line feeds inside a span are shown as `⏎`: a line stays a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line(Vec<(Style, String)>);

impl Line {
    /// A line that begins with that span.
    pub fn styled(style: Style, text: impl Into<String>) -> Self {
        Self(vec![(style, text.into())])
    }

    /// With another span.
    #[must_use]
    pub fn and(mut self, style: Style, text: impl Into<String>) -> Self {
        self.0.push((style, text.into()));
        self
    }

    /// The bytes to print, without a line feed.
    pub fn render(&self, color: bool) -> String {
        let mut out = String::new();
        for (style, text) in &self.0 {
            let text = sanitize_line(text);
            if color && *style != Style::Plain {
                out.push_str(style.code());
                out.push_str(text.as_str());
                out.push_str("\x1b[0m");
            } else {
                out.push_str(text.as_str());
            }
        }
        out
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::styled(Style::Plain, text)
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::styled(Style::Plain, text)
    }
}

/// On which side a column is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// One field of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cell {
    style: Style,
    text: String,
}

impl Cell {
    /// A field with a meaning.
    pub fn styled(style: Style, text: &str) -> Self {
        Self {
            style,
            text: sanitize_line(text).into_owned(),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::styled(Style::Plain, text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

/// Rows under headings, aligned by what a terminal shows and not by bytes.
#[derive(Debug, Clone)]
pub(super) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these headings; empty headings everywhere mean: no heading line.
    pub fn new(columns: &[(&'static str, Align)]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing fields are empty.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The lines, no wider than `width` columns as far as cutting the last column can do it.
    pub fn lines(&self, width: Option<usize>) -> Vec<Line> {
        let widths = self.widths(width);
        let headed = self.columns.iter().any(|(heading, _)| !heading.is_empty());
        let heading = headed.then(|| {
            let cells: Vec<Cell> = self
                .columns
                .iter()
                .map(|(heading, _)| Cell::styled(Style::Faint, heading))
                .collect();
            self.line(&cells, &widths)
        });
        heading
            .into_iter()
            .chain(self.rows.iter().map(|row| self.line(row, &widths)))
            .collect()
    }

    fn widths(&self, width: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|(heading, _)| heading.width()).collect();
        for row in &self.rows {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = (*widest).max(cell.text.width());
            }
        }
        if let (Some(width), Some((last, others))) = (width, widths.split_last_mut()) {
            let before: usize = others.iter().map(|other| other + 2).sum();
            *last = (*last).min(width.saturating_sub(before).max(8));
        }
        widths
    }

    fn line(&self, row: &[Cell], widths: &[usize]) -> Line {
        let mut line = Line::default();
        let last = row.iter().rposition(|cell| !cell.text.is_empty());
        for (at, ((_, align), width)) in self.columns.iter().zip(widths).enumerate() {
            let (Some(cell), true) = (row.get(at), last.is_some_and(|last| at <= last)) else {
                break;
            };
            let text = fit(&cell.text, *width);
            let space = " ".repeat(width.saturating_sub(text.width()));
            let gap = if last == Some(at) { "" } else { "  " };
            line = match align {
                Align::Left if gap.is_empty() => line.and(cell.style, text),
                Align::Left => line
                    .and(cell.style, text)
                    .and(Style::Plain, format!("{space}{gap}")),
                Align::Right => line
                    .and(Style::Plain, space)
                    .and(cell.style, text)
                    .and(Style::Plain, gap),
            };
        }
        line
    }
}

/// At most `width` columns of the text, with `…` where something was cut.
pub(super) fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 0;
    let mut out: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used < width
        })
        .collect();
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_any_origin_cannot_drive_the_terminal() {
        let line = Line::from("a\x1b]52;c;eA==\x07\u{202e}b\nc").and(Style::Bad, "\x1b[2Jd");
        assert_eq!(line.render(false), "a␛]52;c;eA==\\x07⟨U+202E⟩b⏎c␛[2Jd");
        let colored = line.render(true);
        assert!(colored.ends_with("\x1b[31m␛[2Jd\x1b[0m"));
        assert_eq!(colored.matches('\x1b').count(), 2);
    }

    #[test]
    fn tables_align_wide_characters_and_cut_the_last_column() {
        let mut table = Table::new(&[("NAME", Align::Left), ("N", Align::Right), ("TEXT", Align::Left)]);
        table.row(vec!["日本".into(), "7".into(), "abcdefghijklmnop".into()]);
        table.row(vec!["x".into(), "1,000".into(), Cell::default()]);
        let lines: Vec<String> = table
            .lines(Some(23))
            .iter()
            .map(|line| line.render(false))
            .collect();
        assert_eq!(
            lines,
            ["NAME      N  TEXT", "日本      7  abcdefghi…", "x     1,000"]
        );
    }
}
