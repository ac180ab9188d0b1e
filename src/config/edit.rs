//! Changing a config file as a person would: one value or one provider, with every comment and every other line as it was. The file
//! is replaced as a whole, and only by one that can be read.

#![expect(
    clippy::disallowed_methods,
    reason = "the config file is replaced here: written beside it, synced, renamed"
)]

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use serde_json::{Map, Value as Json};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, TableLike};

use super::dirs::Dirs;
use super::keys;
use super::problem::{ConfigError, Origin, Problem};
use super::read;
use crate::core::document::{json_of, toml_of};
use crate::core::settings::ProviderSettings;

/// Why a file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It has problems, or would have.
    #[error("the config file was not changed:\n{0}")]
    Invalid(ConfigError),
    /// Its layout is one that only a person should change.
    #[error("{0}")]
    ByHand(String),
    /// It could not be read or written.
    #[error("{path}: {error}", path = .path.display())]
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// What happened.
        error: io::Error,
    },
}

/// Sets one key outside lists (`engine.jobs_at_once`). A missing file is made.
pub fn set(path: &Path, key: &str, value: &Json, dirs: &Dirs) -> Result<(), EditError> {
    let parts: Vec<&str> = key.split('.').collect();
    if keys::find_path(&parts).is_none() {
        let paths = keys::paths();
        let known: Vec<&str> = paths.iter().map(String::as_str).collect();
        let problem = Problem::unknown(Origin::Flag, key.to_owned(), key, &known);
        return Err(invalid(vec![problem]));
    }
    change(path, dirs, |document| {
        let mut table: &mut dyn TableLike = document.as_table_mut();
        for name in &parts[..parts.len() - 1] {
            table = table
                .entry(name)
                .or_insert_with(|| Item::Table(Table::new()))
                .as_table_like_mut()
                .ok_or_else(|| EditError::ByHand(format!("`{name}` is no table")))?;
        }
        put(table, parts[parts.len() - 1], value);
        Ok(())
    })
}

/// Takes one key outside lists out of the file, so that the default or a weaker file holds. What is not there is no error.
pub fn unset(path: &Path, key: &str, dirs: &Dirs) -> Result<(), EditError> {
    if !path.exists() {
        return Ok(());
    }
    change(path, dirs, |document| {
        let mut table: &mut dyn TableLike = document.as_table_mut();
        let mut parts = key.split('.').peekable();
        while let Some(name) = parts.next() {
            if parts.peek().is_none() {
                table.remove(name);
                break;
            }
            let Some(inner) = table.get_mut(name).and_then(Item::as_table_like_mut) else {
                break;
            };
            table = inner;
        }
        Ok(())
    })
}

/// Writes lines of a keymap: context, key, action; `None` takes the line out. A missing file is made.
pub fn bind<'a>(
    path: &Path,
    lines: impl Iterator<Item = (&'a str, &'a str, Option<&'a str>)>,
) -> Result<(), EditError> {
    let text = if path.exists() {
        read::text_of(path).map_err(|what| io_error(path, io::Error::other(what)))?
    } else {
        "# Keys of your own: [context], then key = \"action\". `destiler keys list` shows contexts and actions.\n".to_owned()
    };
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        EditError::ByHand(format!("{} is no TOML: {}", path.display(), error.message()))
    })?;
    // Comments alone belong to no key, so what is added to them would come out above.
    let head = if document.as_table().is_empty() {
        std::mem::take(&mut document).to_string()
    } else {
        String::new()
    };
    for (context, key, action) in lines {
        let table = document
            .entry(context)
            .or_insert_with(|| Item::Table(Table::new()));
        let Some(table) = table.as_table_like_mut() else {
            return Err(EditError::ByHand(format!("`{context}` is no table of keys")));
        };
        match action {
            Some(action) => put(table, key, &Json::from(action)),
            None => {
                table.remove(key);
            }
        }
        if table.is_empty() {
            document.remove(context);
        }
    }
    replace(path, &format!("{head}{document}")).map_err(|error| io_error(path, error))
}

/// Adds a provider, or makes the one of the same name equal to this. Values that stay the same keep their spelling.
pub fn put_provider(path: &Path, provider: &ProviderSettings, dirs: &Dirs) -> Result<(), EditError> {
    let Ok(Json::Object(wanted)) = serde_json::to_value(provider) else {
        return Err(EditError::ByHand(
            "the provider cannot be written as TOML".to_owned(),
        ));
    };
    change(path, dirs, |document| {
        let list = document
            .entry("providers")
            .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
        let Some(tables) = list.as_array_of_tables_mut() else {
            let what = "`providers` is one inline list; write each as [[providers]] first";
            return Err(EditError::ByHand(what.to_owned()));
        };
        let named = |table: &&mut Table| table.get("name").and_then(Item::as_str) == Some(&provider.name);
        if let Some(table) = tables.iter_mut().find(named) {
            update(table, &wanted);
        } else {
            let mut table = Table::new();
            update(&mut table, &wanted);
            tables.push(table);
        }
        Ok(())
    })
}

/// Takes a provider out, with the comments that belong to it. A file that does not name it stays as it is.
pub fn remove_provider(path: &Path, name: &str, dirs: &Dirs) -> Result<(), EditError> {
    if !path.exists() {
        return Ok(());
    }
    change(path, dirs, |document| {
        let Some(list) = document.get_mut("providers") else {
            return Ok(());
        };
        let named = |table: &Table| table.get("name").and_then(Item::as_str) == Some(name);
        let Some(tables) = list.as_array_of_tables_mut() else {
            let what = "`providers` is one inline list; write each as [[providers]] first";
            return Err(EditError::ByHand(what.to_owned()));
        };
        tables.retain(|table| !named(table));
        if tables.is_empty() {
            document.remove("providers");
        }
        Ok(())
    })
}

/// Writes a new file of mode 0600 with its directories; an existing one is an error of kind [`io::ErrorKind::AlreadyExists`].
pub fn write_new(path: &Path, text: &str) -> Result<(), EditError> {
    if path.exists() {
        let error = io::Error::new(io::ErrorKind::AlreadyExists, "exists already");
        return Err(io_error(path, error));
    }
    replace(path, text).map_err(|error| io_error(path, error))
}

fn invalid(problems: Vec<Problem>) -> EditError {
    EditError::Invalid(ConfigError { problems })
}

fn io_error(path: &Path, error: io::Error) -> EditError {
    EditError::Io {
        path: path.to_owned(),
        error,
    }
}

/// Reads, changes, checks and replaces the file.
fn change(
    path: &Path,
    dirs: &Dirs,
    change: impl FnOnce(&mut DocumentMut) -> Result<(), EditError>,
) -> Result<(), EditError> {
    let text = if path.exists() {
        read::text_of(path).map_err(|what| io_error(path, io::Error::other(what)))?
    } else {
        String::new()
    };
    let before = read::read(&text, path, dirs);
    if !before.problems.is_empty() {
        return Err(invalid(before.problems));
    }
    let mut document: DocumentMut = text
        .parse()
        .map_err(|_| EditError::ByHand(format!("{} is no TOML", path.display())))?;
    // Comments alone belong to no key, so what is added to them would come out above.
    let head = if document.as_table().is_empty() {
        std::mem::take(&mut document).to_string()
    } else {
        String::new()
    };
    change(&mut document)?;
    let gap = if head.is_empty() { "" } else { "\n" };
    let text = format!("{head}{gap}{document}");
    let after = read::read(&text, path, dirs);
    if !after.problems.is_empty() {
        return Err(invalid(after.problems));
    }
    replace(path, &text).map_err(|error| io_error(path, error))
}

/// Writes beside the file, syncs, renames. A link is followed: people keep their config under version control that way.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = directory.join(name);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&beside, &path));
    if written.is_err() {
        // The error is what matters; the leftover is small and harmless.
        let _ = fs::remove_file(&beside);
    }
    written?;
    File::open(directory)?.sync_all()
}

/// Makes a table equal to `wanted`. What is the default anyway is not added, but an old spelling of it stays.
fn update(table: &mut dyn TableLike, wanted: &Map<String, Json>) {
    let gone: Vec<String> = table
        .iter()
        .map(|(name, _)| name.to_owned())
        .filter(|name| !wanted.contains_key(name))
        .collect();
    for name in gone {
        table.remove(&name);
    }
    for (name, value) in wanted {
        if !table.contains_key(name) && is_default(name, value) {
            continue;
        }
        match value {
            Json::Array(models) if name == "models" => put_models(table, models),
            _ => put(table, name, value),
        }
    }
}

fn is_default(name: &str, value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Object(table) => table.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Bool(flag) => name == "allow_insecure_http" && !flag,
        Json::Number(number) => name == "weight" && number.as_f64() == Some(1.0),
        Json::String(_) => false,
    }
}

/// Sets a value, keeping the old one's comment and, where nothing changes, its spelling.
fn put(table: &mut dyn TableLike, name: &str, wanted: &Json) {
    if table.get(name).is_some_and(|item| same(&json_of(item), wanted)) {
        return;
    }
    let inner = table.get_mut(name).and_then(Item::as_table_like_mut);
    if let (Some(inner), Json::Object(wanted), "limits" | "price") = (inner, wanted, name) {
        return update(inner, wanted);
    }
    let mut value = toml_of(wanted);
    if let Some(old) = table.get(name).and_then(Item::as_value) {
        *value.decor_mut() = old.decor().clone();
    }
    match table.get_mut(name) {
        Some(item) => *item = Item::Value(value),
        None => {
            table.insert(name, Item::Value(value));
        }
    }
}

/// Models as `[[providers.models]]`, matched by id; an inline list stays one.
fn put_models(table: &mut dyn TableLike, wanted: &[Json]) {
    if table.get("models").is_some_and(Item::is_value) {
        return put(table, "models", &Json::Array(wanted.to_vec()));
    }
    let list = table
        .entry("models")
        .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let Some(tables) = list.as_array_of_tables_mut() else {
        return;
    };
    let id_of = |model: &Json| model.get("id").and_then(Json::as_str).map(str::to_owned);
    tables.retain(|table| {
        let id = table.get("id").and_then(Item::as_str);
        wanted.iter().any(|model| id_of(model).as_deref() == id)
    });
    for model in wanted {
        let Json::Object(map) = model else { continue };
        let known = tables
            .iter_mut()
            .find(|table| table.get("id").and_then(Item::as_str) == id_of(model).as_deref());
        if let Some(table) = known {
            update(table, map);
        } else {
            let mut table = Table::new();
            update(&mut table, map);
            tables.push(table);
        }
    }
    let place = |table: &Table| {
        let id = table.get("id").and_then(Item::as_str);
        wanted.iter().position(|model| id_of(model).as_deref() == id)
    };
    if !tables.iter().is_sorted_by_key(place) {
        // Tables come out by their positions, so these are dealt out anew.
        let positions: Vec<_> = tables.iter().map(Table::position).collect();
        let mut sorted: Vec<Table> = tables.iter().cloned().collect();
        sorted.sort_by_key(place);
        tables.clear();
        for (mut table, position) in sorted.into_iter().zip(positions) {
            table.set_position(position);
            tables.push(table);
        }
    }
}

/// Equality that knows no difference between 3 and 3.0.
fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => left.as_f64() == right.as_f64(),
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(name, left)| right.get(name).is_some_and(|right| same(left, right)))
        }
        _ => left == right,
    }
}
