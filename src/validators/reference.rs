//! Files a validator holds candidates against: test sets, texts that are there already. They are looked at when a job is checked
//! and read when the first candidate comes; what is done with their texts is each validator's business.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use crate::core::catalog::PlugError;
use crate::core::ports::{OpenPlaced, Placed, SeedError};
use crate::core::sample::in_rows;
use crate::core::{Row, sample::as_text};

/// Largest file.
const BYTES_AT_MOST: u64 = 1 << 30;

/// Files, and which of their fields count.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    kind: &'static str,
    /// As written in the job, and where that is.
    files: Vec<(String, PathBuf)>,
    field: Option<String>,
}

/// A text of a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Which file.
    pub(super) file: usize,
    /// Its line (or row, where a file has no lines), from 1.
    pub(super) line: u64,
    /// The text.
    pub(super) text: String,
}

/// What reads files that have no lines of their own: tables, and documents with a list in them.
static TABLES: OnceLock<OpenPlaced> = OnceLock::new();

/// Lets files of other formats than lines be read, by whoever can; told once, where the program is put together.
pub fn read_tables_with(open: OpenPlaced) {
    // Whoever was told first reads them.
    let _ = TABLES.set(open);
}

/// The text of a file that is in the binary, of whatever the job that names it lies beside.
pub type BundledText = fn(&Path) -> Option<&'static str>;

/// Where files are that are in the binary.
static BUNDLED: OnceLock<BundledText> = OnceLock::new();

/// Lets the jobs in the binary name the files beside them; told once, where the program is put together.
pub fn read_bundled_with(text: BundledText) {
    // Whoever was told first reads them.
    let _ = BUNDLED.set(text);
}

/// How a file is read.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Objects,
    Texts,
    Table(OpenPlaced),
}

fn shape(path: &Path) -> Option<Shape> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "jsonl" | "ndjson" => Some(Shape::Objects),
        "txt" => Some(Shape::Texts),
        "json" | "csv" | "tsv" | "parquet" => TABLES.get().copied().map(Shape::Table),
        _ => None,
    }
}

/// What a place in a file is called: those without lines are counted by rows.
fn unit(name: &str) -> &'static str {
    let extension = Path::new(name)
        .extension()
        .and_then(|extension| extension.to_str());
    match extension.unwrap_or_default().to_ascii_lowercase().as_str() {
        "json" | "parquet" => "row",
        _ => "line",
    }
}

impl Reference {
    /// The files of `against`, each there and with a text in its first line. `field` is a field path; every text counts without one.
    pub(super) fn new(
        kind: &'static str,
        against: &[String],
        field: Option<String>,
        base: &Path,
    ) -> Result<Self, PlugError> {
        let wrong = |key: &str, message: String| PlugError::at(key, format!("{kind}: {message}"));
        if field.is_some() && against.is_empty() {
            return Err(wrong(
                "against_field",
                "against_field has no effect without against".to_owned(),
            ));
        }
        let files = against.iter().map(|name| (name.clone(), base.join(name)));
        let reference = Self {
            kind,
            files: files.collect(),
            field,
        };
        for at in 0..reference.files.len() {
            let mut first = None;
            reference
                .read(at, &mut |item| {
                    first = Some(item);
                    false
                })
                .map_err(|message| wrong("against", message))?;
            if first.is_none() {
                let name = &reference.files[at].0;
                return Err(match &reference.field {
                    Some(field) => wrong(
                        "against_field",
                        format!("{name} has no text in a field `{field}`"),
                    ),
                    None => wrong("against", format!("{name} holds no text")),
                });
            }
        }
        Ok(reference)
    }

    /// All texts of all files; the error names the file and the line.
    pub(super) fn items(&self) -> Result<Vec<Item>, String> {
        let mut items = Vec::new();
        for at in 0..self.files.len() {
            self.read(at, &mut |item| {
                items.push(item);
                true
            })
            .map_err(|message| format!("{}: {message}", self.kind))?;
        }
        Ok(items)
    }

    /// Where a text stands, in words.
    pub(super) fn place(&self, file: usize, line: u64) -> String {
        let name = self.files.get(file).map_or("?", |(name, _)| name.as_str());
        format!("{name} {} {line}", unit(name))
    }

    /// Shows the texts of a file, for as long as they are wanted.
    fn read(&self, at: usize, take: &mut dyn FnMut(Item) -> bool) -> Result<(), String> {
        let (name, path) = &self.files[at];
        let shape = shape(path).ok_or_else(|| {
            format!("{name}: only .jsonl, .json, .csv, .tsv, .parquet and .txt (a text a line) are read")
        })?;
        if let Shape::Table(rows) = shape {
            return self.table(at, rows, take);
        }
        let reader: Box<dyn BufRead> = match BUNDLED.get().and_then(|text| text(path)) {
            Some(text) => Box::new(text.as_bytes()),
            None => Box::new(BufReader::new(
                open(path).map_err(|problem| format!("{name}: {problem}"))?,
            )),
        };
        for (number, line) in reader.lines().enumerate() {
            let number = number as u64 + 1;
            let line = line.map_err(|error| format!("{name}, line {number}: {error}"))?;
            let line = line.trim_start_matches('\u{feff}');
            if line.trim().is_empty() {
                continue;
            }
            let mut texts = Vec::new();
            match shape {
                Shape::Table(_) => {}
                Shape::Texts => texts.push(line.to_owned()),
                Shape::Objects => {
                    let row: Row = serde_json::from_str(line).map_err(|error| {
                        format!("{name}, line {number}: no JSON object: {}", reason(&error))
                    })?;
                    self.texts(&row, &mut texts);
                }
            }
            if !taken(at, number, texts, take) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The same for a file that whoever reads seeds can read.
    fn table(&self, at: usize, rows: OpenPlaced, take: &mut dyn FnMut(Item) -> bool) -> Result<(), String> {
        let (name, path) = &self.files[at];
        drop(open(path).map_err(|problem| format!("{name}: {problem}"))?);
        let said = |error: SeedError| error.message.replace(&path.display().to_string(), name);
        for placed in rows(path).map_err(said)? {
            let (number, row) = match placed {
                Placed::Row(number, row) => (number, row),
                Placed::Broken(error) | Placed::Unreadable(error) => return Err(said(error)),
            };
            let mut texts = Vec::new();
            self.texts(&row, &mut texts);
            if !taken(at, number, texts, take) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn texts(&self, row: &Row, texts: &mut Vec<String>) {
        match &self.field {
            Some(field) => texts.extend(in_rows([&Row::new(), row], field).map(as_text)),
            None => row.values().for_each(|value| strings(value, texts)),
        }
    }
}

/// Shows the texts of one place; false when no more are wanted.
fn taken(file: usize, line: u64, texts: Vec<String>, take: &mut dyn FnMut(Item) -> bool) -> bool {
    let mut texts = texts.into_iter().filter(|text| !text.trim().is_empty());
    texts.all(|text| take(Item { file, line, text }))
}

#[expect(
    clippy::disallowed_methods,
    reason = "test sets that the job names are opened here, read line by line under a limit"
)]
fn open(path: &Path) -> Result<File, String> {
    let file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            "there is no such file (a relative path refers to the directory of the job file)".to_owned()
        }
        _ => format!("cannot be opened: {error}"),
    })?;
    let about = file.metadata().map_err(|error| error.to_string())?;
    if about.is_dir() {
        return Err("is a directory; name the files in it".to_owned());
    }
    if about.len() > BYTES_AT_MOST {
        return Err(format!("is larger than {} GiB", BYTES_AT_MOST >> 30));
    }
    Ok(file)
}

/// The error without its own place: the line of the file is what counts.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ")
        .map_or(text.clone(), |(reason, _)| reason.to_owned())
}

/// Every string in a value.
pub(super) fn strings(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, into)),
        Value::Object(object) => object.values().for_each(|value| strings(value, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "tests prepare files")]
    fn with(name: &str, text: &str, field: Option<&str>) -> Result<Vec<Item>, String> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(name), text).unwrap();
        let made = Reference::new(
            "t",
            &[name.to_owned()],
            field.map(str::to_owned),
            directory.path(),
        );
        made.map_err(|error| error.message)?.items()
    }

    #[test]
    fn texts_come_from_every_string_or_from_one_field() {
        let rows = "{\"q\": \"one\", \"n\": 1, \"in\": {\"a\": [\"two\"]}}\n\n{\"q\": \"three\"}\n";
        let texts = |field| -> Vec<(u64, String)> {
            let items = with("b.jsonl", rows, field).unwrap();
            items.into_iter().map(|item| (item.line, item.text)).collect()
        };
        assert_eq!(
            texts(None),
            [
                (1, "one".to_owned()),
                (1, "two".to_owned()),
                (3, "three".to_owned())
            ]
        );
        assert_eq!(texts(Some("in.a.0")), [(1, "two".to_owned())]);
        assert_eq!(with("b.txt", "a\n\nb", None).unwrap().len(), 2);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let said = |name, text, field| with(name, text, field).unwrap_err();
        assert_eq!(
            said("b.jsonl", "{\"q\": \"a\"}\n[1]\n", None),
            "t: b.jsonl, line 2: no JSON object: invalid type: sequence, expected a map"
        );
        assert_eq!(
            said("b.jsonl", "{\"q\": \"a\"}", Some("p")),
            "t: b.jsonl has no text in a field `p`"
        );
        assert!(said("b.xlsx", "", None).contains("only .jsonl"));
        assert_eq!(said("b.txt", " \n", None), "t: b.txt holds no text");
        let missing = Reference::new("t", &["no.jsonl".to_owned()], None, Path::new("."));
        assert_eq!(missing.unwrap_err().key.as_deref(), Some("against"));
    }
}
