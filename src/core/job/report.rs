//! Problems of a job file: what is wrong, where, and what to write instead. Collecting them, never deciding about them.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::core::text::nearest;

/// Problems after which no more are collected.
const PROBLEMS_AT_MOST: usize = 200;

/// Longest piece of the file that a message repeats, in characters.
const QUOTE_AT_MOST: usize = 80;

/// Whether a job with this problem can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but probably not as meant.
    Warning,
}

/// One thing wrong with a job file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Whether the job can run.
    pub severity: Severity,
    /// Line in the job file, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Dotted path of the key (`steps.solution.prompt`); empty for the file itself.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead, where that is known.
    pub help: Option<String>,
}

impl Problem {
    /// Which key, what is wrong and what to write instead, without the place in the file.
    pub fn said(&self) -> String {
        let key = match self.key.as_str() {
            "" => String::new(),
            key => format!("{key}: "),
        };
        let help = self.help.as_ref().map(|help| format!(" ({help})"));
        format!("{key}{}{}", self.message, help.unwrap_or_default())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{}:{}: {severity}: ", self.line, self.column)?;
        f.write_str(&self.said())
    }
}

/// Bytes of the source.
pub(super) type Span = Range<usize>;

/// The problems of one source.
pub(super) struct Report<'s> {
    source: &'s str,
    /// Where each line begins.
    lines: Vec<usize>,
    problems: Vec<Problem>,
}

impl<'s> Report<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        let lines = std::iter::once(0)
            .chain(source.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            source,
            lines,
            problems: Vec::new(),
        }
    }

    /// Notes an error.
    pub(super) fn error(&mut self, span: &Span, key: &str, message: impl Into<String>) {
        self.push(Severity::Error, span, key, message.into(), None);
    }

    /// Notes an error with what to write instead.
    pub(super) fn error_with(
        &mut self,
        span: &Span,
        key: &str,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.push(Severity::Error, span, key, message.into(), help);
    }

    /// Notes a warning.
    pub(super) fn warning(
        &mut self,
        span: &Span,
        key: &str,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.push(Severity::Warning, span, key, message.into(), help);
    }

    /// How many errors there are.
    pub(super) fn errors(&self) -> usize {
        let is_error = |problem: &&Problem| problem.severity == Severity::Error;
        self.problems.iter().filter(is_error).count()
    }

    /// Everything noted, in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.problems
            .sort_by_key(|problem| (problem.line, problem.column, problem.severity));
        self.problems.dedup();
        self.problems
    }

    /// The place of line `line` (from 1) of a text written at `span`: exact in a multi-line string, else the string itself.
    pub(super) fn inside(&self, span: &Span, line: usize) -> Span {
        let raw = self.source.get(span.clone()).unwrap_or_default();
        let Some(text) = ["\"\"\"", "'''"]
            .into_iter()
            .find_map(|quote| raw.strip_prefix(quote))
        else {
            return span.clone();
        };
        let trimmed = usize::from(text.starts_with('\n') || text.starts_with("\r\n"));
        let first = self.line_of(span.start);
        let last = self.line_of(span.end);
        let wanted = (first + trimmed + line).saturating_sub(1).min(last);
        if wanted == first {
            return span.clone();
        }
        let start = self.lines.get(wanted).copied().unwrap_or(span.start);
        start..start
    }

    fn push(&mut self, severity: Severity, span: &Span, key: &str, message: String, help: Option<String>) {
        if self.problems.len() >= PROBLEMS_AT_MOST {
            return;
        }
        let (line, column) = self.place(span);
        self.problems.push(Problem {
            severity,
            line,
            column,
            key: key.to_owned(),
            message,
            help,
        });
    }

    /// Line and column of a span's start, in characters, from 1.
    pub(super) fn place(&self, span: &Span) -> (usize, usize) {
        let line = self.line_of(span.start);
        let start = self.lines.get(line).copied().unwrap_or(0);
        let before = self.source.get(start..span.start).unwrap_or_default();
        (line + 1, before.chars().count() + 1)
    }

    /// The line a byte stands in, from 0.
    fn line_of(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at).saturating_sub(1)
    }
}

/// "did you mean …?" if a known word is near, else all of them.
pub(super) fn hint(word: &str, known: &[&str]) -> Option<String> {
    match nearest(word, known) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if known.is_empty() || known.len() > 20 => None,
        None => Some(format!("one of: {}", known.join(", "))),
    }
}

/// A piece of the file as a message repeats it: in backticks, shortened.
pub(super) fn quote(text: &str) -> String {
    format!("`{}`", crate::core::text::shorten(text, QUOTE_AT_MOST))
}
