//! Seeds as JSON lines: one object a line, blank lines between them ignored.

use std::path::Path;

use serde_json::Value;

use super::lines::Lines;
use super::{kind_of, numbers};
use crate::core::Row;
use crate::core::ports::{Placed, PlacedRows, Rows, SeedError};

/// Opens `path`, or standard input for `-`. After a broken line the next ones are still read.
pub(super) fn open(path: &Path) -> Result<Rows, SeedError> {
    Ok(Box::new(JsonLines {
        lines: Lines::open(path)?,
    }))
}

/// The same with the line of every row.
pub(super) fn open_placed(path: &Path) -> Result<PlacedRows, SeedError> {
    let mut rows = JsonLines {
        lines: Lines::open(path)?,
    };
    Ok(Box::new(std::iter::from_fn(move || {
        let row = rows.next()?;
        Some(match row {
            Ok(row) => Placed::Row(rows.lines.line(), row),
            Err(error) if rows.lines.has_ended() => Placed::Unreadable(error),
            Err(error) => Placed::Broken(error),
        })
    })))
}

/// The rows of a text; `name` stands in errors.
pub(super) fn of_text(name: &str, text: &'static str) -> Rows {
    Box::new(JsonLines {
        lines: Lines::of_text(name, text),
    })
}

struct JsonLines {
    lines: Lines,
}

impl JsonLines {
    fn row(&self, line: u64, text: &str) -> Result<Row, SeedError> {
        match serde_json::from_str(text) {
            Ok(Value::Object(row)) => match numbers::beyond_64_bits(&row, text) {
                None => Ok(row),
                Some((at, number)) => {
                    let what = format!("has {number} at column {}, a whole number beyond 64 bits", at + 1);
                    Err(self.lines.problem(line, &what, numbers::MEND))
                }
            },
            Ok(other) => Err(self.lines.problem(
                line,
                &format!("is {}, not an object", kind_of(&other)),
                "write one JSON object a line: {\"question\": \"…\"}",
            )),
            Err(error) => {
                let spread = matches!(text.trim(), "{" | "[");
                let help = if spread {
                    "an object spread over lines belongs into a .json file"
                } else {
                    "write one JSON object a line"
                };
                let what = format!(
                    "is not valid JSON at column {}: {}",
                    error.column(),
                    reason(&error)
                );
                Err(self.lines.problem(line, &what, help))
            }
        }
    }
}

/// The error without the place that `serde_json` adds: lines are counted here.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ")
        .map_or(text.clone(), |(reason, _)| reason.to_owned())
}

impl Iterator for JsonLines {
    type Item = Result<Row, SeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.lines.next()? {
                Ok((_, text)) if text.trim().is_empty() => {}
                Ok((line, text)) => return Some(self.row(line, &text)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
