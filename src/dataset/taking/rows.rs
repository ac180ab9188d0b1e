//! The rows of a dataset's file as a job's seeds: each taken apart, with the place it is from, out of a file that is the one it was.

use std::io::{self, Read};
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::files::{self, hex};
use super::{Met, Way, take};
use crate::core::Row;
use crate::core::imported::{IMPORTED_FIELD, Taken};
use crate::core::ports::{Placed, PlacedRows, Rows, SeedError};

/// Bytes that are hashed at once.
const BUFFER: usize = 256 * 1024;

/// The rows taken apart as the job says.
pub fn apart(path: &Path, rows: PlacedRows, taken: &Taken) -> Result<Rows, SeedError> {
    if let Some(expected) = &taken.sha256 {
        let found = digest(path).map_err(|error| SeedError {
            line: 0,
            message: format!("{}: cannot be read: {error}", path.display()),
        })?;
        if found != *expected {
            return Err(SeedError {
                line: 0,
                message: format!(
                    "{}: is another file than the one this job was made of (SHA-256 {found}, not {expected}); put that one back, or import this one under another name",
                    path.display()
                ),
            });
        }
    }
    let taken = taken.clone();
    let way = Way {
        format: taken.format.clone(),
        split: taken.split_think,
        cells: is_table(path),
    };
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let place = path.display().to_string();
    let escaped = unescaped(path);
    let mut met = Met::default();
    let read = rows.filter_map(move |placed| match placed {
        Placed::Row(line, row) => match take(&way, escaped(row), &mut met) {
            Ok(mut row) => {
                let past = row.shift_remove(IMPORTED_FIELD);
                let mut from = json!({ "file": file, "line": line, "sha256": taken.sha256 });
                if let (Value::Object(from), Some(Value::Object(past))) = (&mut from, past) {
                    from.extend(past);
                }
                row.insert(IMPORTED_FIELD.to_owned(), from);
                Some(Ok(row))
            }
            Err(_) if taken.skip_broken => None,
            Err(why) => Some(Err(SeedError {
                line,
                message: format!("{place}:{line}: {why}"),
            })),
        },
        Placed::Broken(_) if taken.skip_broken => None,
        Placed::Broken(error) | Placed::Unreadable(error) => Some(Err(error)),
    });
    Ok(Box::new(read))
}

/// SHA-256 (hex) of a file, whatever its size.
pub fn digest(path: &Path) -> io::Result<String> {
    let mut file = files::open_theirs(path).map_err(|error| io::Error::other(error.to_string()))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            count => hasher.update(&buffer[..count]),
        }
    }
}

/// Whether the rows of a file are those of a table, where lists and objects may be text.
pub(super) fn is_table(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(
        extension.unwrap_or_default().to_ascii_lowercase().as_str(),
        "csv" | "tsv" | "parquet"
    )
}

/// Takes off what keeps cells of separated values from being formulas; rows of other files stay as they are.
pub(super) fn unescaped(path: &Path) -> fn(Row) -> Row {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension.unwrap_or_default().to_ascii_lowercase().as_str() {
        "csv" | "tsv" => |row| {
            let cells = row.into_iter().map(|(name, value)| match value {
                Value::String(cell) => (bare(name), Value::String(bare(cell))),
                other => (bare(name), other),
            });
            cells.collect()
        },
        _ => |row| row,
    }
}

/// `'=1+1` is `=1+1`, and `''=1+1` is `'=1+1`.
fn bare(cell: String) -> String {
    let Some(rest) = cell.strip_prefix('\'') else {
        return cell;
    };
    let begins = rest.trim_start_matches('\'').chars().next();
    if matches!(begins, Some('=' | '+' | '-' | '@' | '\t' | '\r')) {
        return rest.to_owned();
    }
    cell
}
