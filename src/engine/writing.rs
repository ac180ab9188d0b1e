//! For somebody who writes a job: its drafts, a look at its seed rows, the files near by. Nothing here reaches the ledger.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::{Shared, library, planner};
use crate::core::Row;
use crate::core::api::{DraftRow, Failure, FailureKind, JobSource, KindRow, SeedColumn, SeedPreview};
use crate::core::imported::Taken;
use crate::core::job::{Columns, SeedSource};
use crate::core::ports::{Desk, Rows};
use crate::core::text::shorten;

/// Most characters of a field's example.
const EXAMPLE: usize = 60;
/// Rows whose equals are looked for: enough to tell, and a bound on memory.
const COMPARED: usize = 1_000_000;

/// The drafts, newest first.
pub(super) async fn drafts(shared: &Shared) -> Result<Vec<DraftRow>, Failure> {
    let found = at_desk(shared, "the drafts cannot be read", |desk| desk.drafts()).await?;
    let mut rows: Vec<DraftRow> = found
        .into_iter()
        .map(|(id, text, changed_ms)| DraftRow { id, text, changed_ms })
        .collect();
    rows.sort_by(|one, other| other.changed_ms.cmp(&one.changed_ms).then(one.id.cmp(&other.id)));
    Ok(rows)
}

/// Keeps a draft.
pub(super) async fn save_draft(shared: &Shared, id: String, text: String) -> Result<(), Failure> {
    named(&id)?;
    at_desk(shared, "the draft cannot be saved", move |desk| {
        desk.save_draft(&id, &text)
    })
    .await
}

/// Forgets a draft.
pub(super) async fn drop_draft(shared: &Shared, id: String) -> Result<(), Failure> {
    named(&id)?;
    at_desk(shared, "the draft cannot be removed", move |desk| {
        desk.drop_draft(&id)
    })
    .await
}

/// Writes a new file.
pub(super) async fn write_file(shared: &Shared, path: PathBuf, text: String) -> Result<(), Failure> {
    let what = format!("{} cannot be written", path.display());
    at_desk(shared, &what, move |desk| desk.write_new(&path, &text)).await
}

/// Files to choose from.
pub(super) async fn files(
    shared: &Shared,
    directory: PathBuf,
    extensions: Vec<String>,
) -> Result<Vec<String>, Failure> {
    let extensions = if extensions.is_empty() {
        shared.seed_kinds.iter().map(|kind| (*kind).to_owned()).collect()
    } else {
        extensions
    };
    at_desk(shared, "the directory cannot be read", move |desk| {
        Ok(desk.files(&directory, &extensions))
    })
    .await
}

/// Kinds of validators, the cheapest first.
pub(super) fn validators(shared: &Shared) -> Vec<KindRow> {
    let row = |entry: &crate::core::catalog::Entry<_>| KindRow {
        kind: entry.kind.to_owned(),
        summary: entry.summary.to_owned(),
        example: entry.example.to_owned(),
    };
    shared.validators.0.iter().map(row).collect()
}

fn named(id: &str) -> Result<(), Failure> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.is_empty() || id.len() > 64 || !id.chars().all(fits) {
        return Err(Failure::new(
            FailureKind::Usage,
            format!("`{id}` is no name for a draft"),
        ));
    }
    Ok(())
}

async fn at_desk<T: Send + 'static>(
    shared: &Shared,
    what: &str,
    act: impl FnOnce(&dyn Desk) -> std::io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let desk = Arc::clone(&shared.desk);
    let failed = |cause: String| Failure::new(FailureKind::Unexpected, what).because(cause);
    match tokio::task::spawn_blocking(move || act(desk.as_ref())).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// A look at the rows of a job's seeds.
pub(super) async fn seeds(
    shared: &Shared,
    source: JobSource,
    limit: usize,
    at_most: u64,
) -> Result<SeedPreview, Failure> {
    let (text, base) = library::text(shared, source).await?;
    let loaded = library::parse(shared, text, base)?;
    let columns = loaded.spec.seeds.columns.clone();
    let rows: Rows = match loaded.spec.seeds.source.clone() {
        SeedSource::Path(path) if path == "-" => {
            return Err(
                Failure::new(FailureKind::Usage, "standard input is read by `destiler run`")
                    .help("name a file, or write the rows here"),
            );
        }
        SeedSource::Path(path) => {
            let taken = loaded.spec.seeds.taken.as_ref().map(Taken::at_a_glance);
            (shared.open_rows)(&loaded.base, &path, taken.as_ref())
                .map_err(|error| Failure::new(FailureKind::Invalid, error.message))?
        }
        SeedSource::Rows(rows) => Box::new(rows.into_iter().map(Ok)),
        SeedSource::Count(_) => Box::new(std::iter::empty()),
        SeedSource::Job { .. } => {
            let (sources, spec, base) = (planner::Sources::of(shared), loaded.spec, loaded.base);
            let looking = tokio::task::spawn_blocking(move || {
                sources
                    .rows(&spec, &base)
                    .map(|rows| look(rows, &columns, limit, at_most))
            });
            return looking
                .await
                .map_err(|error| Failure::new(FailureKind::Unexpected, error.to_string()))?
                .map_err(|error| Failure::new(FailureKind::Invalid, error.message));
        }
    };
    tokio::task::spawn_blocking(move || look(rows, &columns, limit, at_most))
        .await
        .map_err(|error| Failure::new(FailureKind::Unexpected, error.to_string()))
}

/// Reads rows until there are no more, or enough of them.
fn look(rows: Rows, columns: &Columns, limit: usize, at_most: u64) -> SeedPreview {
    let mut seen = SeedPreview::default();
    let mut hashes: HashSet<[u8; 16]> = HashSet::new();
    let mut rows = rows.into_iter();
    seen.complete = loop {
        if seen.read >= at_most {
            break rows.next().is_none();
        }
        let row = match rows.next() {
            None => break true,
            Some(Ok(row)) => row,
            Some(Err(error)) => {
                seen.broken = Some(error.message);
                break true;
            }
        };
        seen.read += 1;
        for (name, value) in &row {
            note(&mut seen.columns, columns, name, value);
        }
        let row = columns.shape(row);
        if hashes.len() < COMPARED && !hashes.insert(digest(&row)) {
            seen.duplicates += 1;
        }
        if seen.rows.len() < limit {
            seen.rows.push(row);
        }
    };
    seen
}

fn digest(row: &Row) -> [u8; 16] {
    let text = serde_json::to_vec(row).unwrap_or_default();
    let mut short = [0; 16];
    short.copy_from_slice(&blake3::hash(&text).as_bytes()[..16]);
    short
}

fn note(columns: &mut Vec<SeedColumn>, wanted: &Columns, name: &str, value: &Value) {
    let (kind, filled) = match value {
        Value::Null => ("", false),
        Value::Bool(_) => ("flag", true),
        Value::Number(_) => ("number", true),
        Value::String(text) => ("text", !text.is_empty()),
        Value::Array(items) => ("list", !items.is_empty()),
        Value::Object(map) => ("object", !map.is_empty()),
    };
    let at = columns.iter().position(|column| column.name == name);
    let at = at.unwrap_or_else(|| {
        columns.push(SeedColumn {
            name: name.to_owned(),
            known_as: wanted.known_as(name).map(str::to_owned),
            kind: "",
            filled: 0,
            example: String::new(),
        });
        columns.len() - 1
    });
    let column = &mut columns[at];
    column.filled += u64::from(filled);
    if filled && column.example.is_empty() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        column.example = shorten(text.trim(), EXAMPLE);
    }
    column.kind = match (column.kind, kind) {
        (same, "") => same,
        ("", new) => new,
        (old, new) if old == new => old,
        _ => "mixed",
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(count: u64) -> Rows {
        let row = |n: u64| {
            let value = json!({"topic": format!("t{}", n % 3), "n": if n == 0 { json!("x") } else { json!(n % 3) }, "empty": ""});
            Ok(value.as_object().cloned().unwrap())
        };
        Box::new((0..count).map(row))
    }

    #[test]
    fn a_look_says_what_is_there_and_whether_it_saw_all() {
        let seen = look(rows(7), &Columns::default(), 2, 100);
        assert!(seen.complete);
        assert_eq!((seen.read, seen.rows.len(), seen.duplicates), (7, 2, 3));
        let columns: Vec<_> = seen
            .columns
            .iter()
            .map(|column| (column.name.as_str(), column.kind, column.filled))
            .collect();
        assert_eq!(
            columns,
            [("topic", "text", 7), ("n", "mixed", 7), ("empty", "text", 0)]
        );
        assert_eq!(seen.columns[0].example, "t0");
        assert!(!look(rows(7), &Columns::default(), 2, 6).complete);
        assert!(look(rows(7), &Columns::default(), 2, 7).complete);
    }

    #[test]
    fn a_look_shows_rows_as_tasks_get_them_and_columns_as_the_file_has_them() {
        let columns = Columns {
            exclude: vec!["n".to_owned()],
            rename: vec![("topic".to_owned(), "subject".to_owned())],
        };
        let seen = look(rows(7), &columns, 1, 100);
        assert_eq!(
            serde_json::json!(seen.rows),
            json!([{"subject": "t0", "empty": ""}])
        );
        let known: Vec<_> = seen
            .columns
            .iter()
            .map(|column| column.known_as.as_deref())
            .collect();
        assert_eq!(known, [Some("subject"), None, Some("empty")]);
        assert_eq!(
            seen.duplicates, 4,
            "rows that differ only in what is left out are one"
        );
    }

    #[test]
    fn a_draft_is_a_file_name_and_nothing_more() {
        assert!(named("d179-x").is_ok());
        for bad in ["", "../x", "A", "a/b", "a.toml"] {
            assert!(named(bad).is_err(), "{bad}");
        }
    }
}
