//! Seed rows: one file a format, each an iterator that holds no more than one row at a time. What a plan makes of the rows is
//! `core::plan`'s business.

use std::fs::File;
use std::path::Path;

use crate::core::catalog::{Catalog, Entry};
use crate::core::ports::{OpenSeeds, Placed, PlacedRows, Rows, SeedCatalog, SeedError};
use crate::core::text::nearest;

mod csv;
mod json;
mod jsonl;
mod lines;
mod markdown;
mod numbers;
mod parquet;
mod txt;

/// Most bytes of one row's text: a line, a CSV record, an element of a JSON array.
const ROW_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The seed formats; a kind is the file's extension.
pub static CATALOG: SeedCatalog = Catalog(&[
    Entry {
        kind: "jsonl",
        summary: "One JSON object a line.",
        example: "path = \"seeds/questions.jsonl\"",
        build: jsonl::open as OpenSeeds,
    },
    Entry {
        kind: "ndjson",
        summary: "The same as jsonl under its other name.",
        example: "path = \"seeds/questions.ndjson\"",
        build: jsonl::open,
    },
    Entry {
        kind: "json",
        summary: "An array of objects, or an object that holds one array of them.",
        example: "path = \"seeds/questions.json\"",
        build: json::open,
    },
    Entry {
        kind: "csv",
        summary: "Comma-separated values under a line of names; every field is text.",
        example: "path = \"seeds/questions.csv\"",
        build: csv::open_commas,
    },
    Entry {
        kind: "tsv",
        summary: "Tab-separated values under a line of names; every field is text.",
        example: "path = \"seeds/questions.tsv\"",
        build: csv::open_tabs,
    },
    Entry {
        kind: "txt",
        summary: "A row { text } for every line that is not blank.",
        example: "path = \"seeds/topics.txt\"",
        build: txt::open,
    },
    Entry {
        kind: "md",
        summary: "A row { title, text } for every section under a # or ## heading.",
        example: "path = \"docs/handbook.md\"",
        build: markdown::open,
    },
    Entry {
        kind: "parquet",
        summary: "A row for every record; uncompressed, Snappy or Zstandard.",
        example: "path = \"seeds/train.parquet\"",
        build: parquet::open,
    },
]);

/// Opens a source of rows by its extension; `-` is standard input, read as JSON lines. The rows of text formats go on after a
/// broken one, so that a check can name them all; whoever plans stops at the first error.
pub fn open(path: &Path) -> Result<Rows, SeedError> {
    if path == Path::new("-") {
        return jsonl::open(path);
    }
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    match CATALOG.find(&extension) {
        Ok(entry) => (entry.build)(path),
        Err(_) => Err(unknown(path, &extension)),
    }
}

/// [`open`] with the place of every row, and whether anything is read after a broken one.
pub fn open_placed(path: &Path) -> Result<PlacedRows, SeedError> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension.unwrap_or_default().to_ascii_lowercase().as_str() {
        "jsonl" | "ndjson" => jsonl::open_placed(path),
        "csv" => csv::open_placed(path, b','),
        "tsv" => csv::open_placed(path, b'\t'),
        _ => {
            let rows = open(path)?.zip(1..);
            Ok(Box::new(rows.map(|(row, at)| match row {
                Ok(row) => Placed::Row(at, row),
                Err(error) => Placed::Unreadable(error),
            })))
        }
    }
}

/// Rows of a text that is in the binary: a Markdown document by its name, else JSON lines; `name` stands in errors.
pub fn of_text(name: &str, text: &'static str) -> Result<Rows, SeedError> {
    if Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "md")
    {
        return markdown::of_text(name, text);
    }
    Ok(jsonl::of_text(name, text))
}

fn unknown(path: &Path, extension: &str) -> SeedError {
    let kinds = CATALOG.kinds();
    let help = match extension {
        "" => "give it an extension".to_owned(),
        "gz" | "zst" | "zip" | "xz" | "bz2" => "unpack it first".to_owned(),
        "xlsx" | "xls" | "ods" => "save the sheet as .csv".to_owned(),
        _ => nearest(extension, &kinds).map_or_else(
            || "convert it".to_owned(),
            |near| format!("did you mean .{near}?"),
        ),
    };
    let what = if extension.is_empty() {
        "has no extension that tells its format".to_owned()
    } else {
        format!(".{extension} is no format of seeds")
    };
    problem(
        path,
        0,
        &what,
        &format!("{help}; known are .{}", kinds.join(" .")),
    )
}

/// A regular file (or pipe) for reading, with an error that says what to do.
#[expect(
    clippy::disallowed_methods,
    reason = "seed files are opened here and streamed"
)]
fn open_file(path: &Path) -> Result<File, SeedError> {
    let file = File::open(path).map_err(|error| {
        let help = if error.kind() == std::io::ErrorKind::NotFound {
            "a relative path refers to the directory of the job file"
        } else {
            "check the path and its permissions"
        };
        problem(path, 0, &format!("cannot be opened: {error}"), help)
    })?;
    if file.metadata().is_ok_and(|about| about.is_dir()) {
        return Err(problem(path, 0, "is a directory", "name one of the files in it"));
    }
    Ok(file)
}

/// `file:line: what; help`.
fn problem(path: &Path, line: u64, what: &str, help: &str) -> SeedError {
    let name = if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    let message = if line == 0 {
        format!("{name}: {what}; {help}")
    } else {
        format!("{name}:{line}: {what}; {help}")
    };
    SeedError { line, message }
}

/// What a JSON value is, for messages that do not repeat it.
fn kind_of(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "a boolean",
        serde_json::Value::Number(_) => "a number",
        serde_json::Value::String(_) => "a string",
        serde_json::Value::Array(_) => "an array",
        serde_json::Value::Object(_) => "an object",
    }
}
