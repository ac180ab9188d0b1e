//! Seeds from a Markdown document: a row `{ title, text }` for every section under a `#` or `##` heading. Deeper headings stay in
//! the text, fenced code is never taken for a heading, and front matter is left out.

use std::path::Path;

use serde_json::Value;

use super::lines::Lines;
use crate::core::Row;
use crate::core::ports::{Rows, SeedError};

/// Lines within which front matter must end; past them the document merely begins with a rule.
const FRONT_MATTER_LINES_MAX: usize = 1_000;

/// Opens the document. A document without such headings is one row, titled by its file name; so is what stands before the first
/// heading. Sections without text are left out.
pub(super) fn open(path: &Path) -> Result<Rows, SeedError> {
    sections(path, Lines::open(path)?)
}

/// The sections of a text; `name` stands in errors.
pub(super) fn of_text(name: &str, text: &'static str) -> Result<Rows, SeedError> {
    sections(Path::new(name), Lines::of_text(name, text))
}

fn sections(path: &Path, mut lines: Lines) -> Result<Rows, SeedError> {
    let title = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let held = after_front_matter(&mut lines)?;
    Ok(Box::new(Sections {
        lines: held
            .into_iter()
            .map(Ok)
            .chain(lines.map(|line| line.map(|(_, text)| text))),
        title: Some(title),
        fence: None,
    }))
}

/// Skips front matter; what was read and is none is given back.
fn after_front_matter(lines: &mut Lines) -> Result<Vec<String>, SeedError> {
    let mut held = Vec::new();
    for line in lines.by_ref() {
        held.push(line?.1);
        let fence = held[0].trim_end();
        if !matches!(fence, "---" | "+++") || held.len() > FRONT_MATTER_LINES_MAX {
            break;
        }
        if held.len() > 1 && held[held.len() - 1].trim_end() == fence {
            held.clear();
            break;
        }
    }
    Ok(held)
}

struct Sections<L> {
    lines: L,
    /// Title of the section being read; `None` at the end of the document.
    title: Option<String>,
    /// The fence that an open code block ends with.
    fence: Option<String>,
}

impl<L: Iterator<Item = Result<String, SeedError>>> Sections<L> {
    /// The next section, with or without text.
    fn section(&mut self) -> Option<Result<(String, String), SeedError>> {
        let title = self.title.take()?;
        let mut text = String::new();
        for line in self.lines.by_ref() {
            let line = match line {
                Ok(line) => line,
                Err(error) => return Some(Err(error)),
            };
            self.fence = fence_after(self.fence.take(), &line);
            if self.fence.is_none()
                && let Some(next) = heading(&line)
            {
                self.title = Some(next);
                break;
            }
            text.push_str(&line);
            text.push('\n');
        }
        Some(Ok((title, text.trim().to_owned())))
    }
}

impl<L: Iterator<Item = Result<String, SeedError>>> Iterator for Sections<L> {
    type Item = Result<Row, SeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.section()? {
                Ok((_, text)) if text.is_empty() => {}
                Ok((title, text)) => {
                    return Some(Ok(Row::from_iter([
                        ("title".to_owned(), Value::String(title)),
                        ("text".to_owned(), Value::String(text)),
                    ])));
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// The title of a `#` or `##` heading (ATX headings of level 1 and 2).
fn heading(line: &str) -> Option<String> {
    let text = line.trim_start_matches(' ');
    if line.len() - text.len() > 3 {
        return None;
    }
    let rest = text.trim_start_matches('#');
    let level = text.len() - rest.len();
    if !(1..=2).contains(&level) || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return None;
    }
    let title = rest.trim();
    let closed = title.trim_end_matches('#');
    Some(if closed.is_empty() || closed.ends_with([' ', '\t']) {
        closed.trim_end().to_owned()
    } else {
        title.to_owned()
    })
}

/// The fence that is open after `line`.
fn fence_after(open: Option<String>, line: &str) -> Option<String> {
    let text = line.trim_start();
    let mark = text.chars().next().filter(|mark| matches!(mark, '`' | '~'));
    let run = mark.map_or("", |mark| {
        &text[..text.len() - text.trim_start_matches(mark).len()]
    });
    match open {
        None if run.len() >= 3 => Some(run.to_owned()),
        Some(fence) if run.starts_with(&fence) && text.trim_end() == run => None,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_those_of_level_one_and_two() {
        assert_eq!(heading("# One"), Some("One".to_owned()));
        assert_eq!(heading("  ## Two ##"), Some("Two".to_owned()));
        assert_eq!(heading("## C#"), Some("C#".to_owned()));
        assert_eq!(heading("#"), Some(String::new()));
        for line in ["### Three", "#hashtag", "    # code", "text # no", ""] {
            assert_eq!(heading(line), None, "{line}");
        }
    }

    #[test]
    fn a_fence_ends_with_its_own_kind() {
        let open = fence_after(None, "```sh");
        assert_eq!(open.as_deref(), Some("```"));
        let open = fence_after(open, "~~~");
        let open = fence_after(open, "``` not the end");
        assert_eq!(open.as_deref(), Some("```"));
        assert_eq!(fence_after(open, "````"), None);
    }
}
