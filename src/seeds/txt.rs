//! Seeds as plain text: a row `{ text }` for every line that is not blank.

use std::path::Path;

use serde_json::Value;

use super::lines::Lines;
use crate::core::Row;
use crate::core::ports::{Rows, SeedError};

/// Opens the file. Lines are taken as they are, blanks at their ends included.
pub(super) fn open(path: &Path) -> Result<Rows, SeedError> {
    let lines = Lines::open(path)?;
    Ok(Box::new(lines.filter_map(|line| match line {
        Ok((_, text)) if text.trim().is_empty() => None,
        Ok((_, text)) => Some(Ok(Row::from_iter([("text".to_owned(), Value::String(text))]))),
        Err(error) => Some(Err(error)),
    })))
}
