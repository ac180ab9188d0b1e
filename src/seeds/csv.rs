//! Seeds as comma- or tab-separated values (RFC 4180) under a line of names. Every field is text: `007` stays `007`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord};
use serde_json::Value;

use super::{ROW_BYTES_MAX, open_file, problem};
use crate::core::Row;
use crate::core::ports::{Placed, PlacedRows, Rows, SeedError};

/// Opens comma-separated values.
pub(super) fn open_commas(path: &Path) -> Result<Rows, SeedError> {
    open(path, b',')
}

/// Opens tab-separated values.
pub(super) fn open_tabs(path: &Path) -> Result<Rows, SeedError> {
    open(path, b'\t')
}

fn open(path: &Path, delimiter: u8) -> Result<Rows, SeedError> {
    Ok(Box::new(records(path, delimiter)?))
}

/// The same with the line at which every record begins.
pub(super) fn open_placed(path: &Path, delimiter: u8) -> Result<PlacedRows, SeedError> {
    let mut rows = records(path, delimiter)?;
    Ok(Box::new(std::iter::from_fn(move || {
        let row = rows.next()?;
        Some(match row {
            Ok(row) => Placed::Row(rows.record.position().map_or(0, csv::Position::line), row),
            Err(error) if rows.ended => Placed::Unreadable(error),
            Err(error) => Placed::Broken(error),
        })
    })))
}

fn records(path: &Path, delimiter: u8) -> Result<Records, SeedError> {
    let unread = Arc::new(AtomicUsize::new(0));
    let file = Metered {
        file: open_file(path)?,
        since_record: Arc::clone(&unread),
    };
    let mut reader = ReaderBuilder::new().delimiter(delimiter).from_reader(file);
    let headers = reader.headers().map_err(|error| explain(path, &error))?;
    let names: Vec<String> = headers.iter().map(|name| name.trim().to_owned()).collect();
    check_names(path, &names)?;
    Ok(Records {
        reader,
        since_record: unread,
        names,
        path: path.to_owned(),
        record: StringRecord::new(),
        ended: false,
    })
}

/// Names must be there and differ: a second `text` would silently hide the first.
fn check_names(path: &Path, names: &[String]) -> Result<(), SeedError> {
    let mut seen = BTreeSet::new();
    for (at, name) in names.iter().enumerate() {
        let what = if name.is_empty() {
            format!("column {} has no name", at + 1)
        } else if seen.insert(name) {
            continue;
        } else {
            format!("the name {name:?} stands twice")
        };
        let help = "the first line names the columns, each differently";
        return Err(problem(path, 1, &what, help));
    }
    Ok(())
}

struct Records {
    reader: Reader<Metered>,
    since_record: Arc<AtomicUsize>,
    names: Vec<String>,
    path: PathBuf,
    record: StringRecord,
    ended: bool,
}

impl Iterator for Records {
    type Item = Result<Row, SeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        self.since_record.store(0, Ordering::Relaxed);
        match self.reader.read_record(&mut self.record) {
            Ok(false) => None,
            Ok(true) => {
                let cells = self.record.iter().map(|cell| Value::String(cell.to_owned()));
                Some(Ok(self.names.iter().cloned().zip(cells).collect()))
            }
            Err(error) => {
                self.ended = matches!(error.kind(), ErrorKind::Io(_));
                Some(Err(explain(&self.path, &error)))
            }
        }
    }
}

fn explain(path: &Path, error: &csv::Error) -> SeedError {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => problem(
            path,
            line,
            &format!("has {len} fields where the first line names {expected_len}"),
            "quote fields that hold the separator or a line break, and double quotes inside them",
        ),
        ErrorKind::Utf8 { .. } => problem(
            path,
            line,
            "is not UTF-8",
            "convert the file: iconv -f LATIN1 -t UTF-8",
        ),
        ErrorKind::Io(error) if error.kind() == io::ErrorKind::InvalidData => problem(
            path,
            line,
            &error.to_string(),
            "look for a quote that is never closed",
        ),
        other => problem(
            path,
            line,
            &format!("cannot be read: {}", other_words(other)),
            "check the disk and the file",
        ),
    }
}

fn other_words(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::Io(error) => error.to_string(),
        other => format!("{other:?}"),
    }
}

/// A file that gives up when one record goes on for too long: a quote that is never closed would swallow all of it.
struct Metered {
    file: File,
    since_record: Arc<AtomicUsize>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        if self.since_record.fetch_add(count, Ordering::Relaxed) > ROW_BYTES_MAX {
            let what = format!("a record is longer than {} MiB", ROW_BYTES_MAX >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(count)
    }
}
