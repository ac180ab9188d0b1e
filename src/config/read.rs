//! One config file into values, places and problems, by the table of known keys. It goes on after a problem, so that all of them are
//! found at once, and it repeats no value in a message.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::dirs::Dirs;
use super::keys::{self, Kind, Known};
use super::problem::{Origin, Place, Problem};
use crate::core::secret::looks_like_key;
use crate::core::text::nearest;

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Layer {
    /// Its values in the shape of the settings.
    pub(super) values: Map<String, Value>,
    /// Dotted key → where it stands.
    pub(super) origins: Vec<(String, Origin)>,
    /// All that is wrong with it.
    pub(super) problems: Vec<Problem>,
}

/// Reads the text of a file. Relative paths in it refer to the file's directory.
pub(super) fn read(text: &str, file: &Path, dirs: &Dirs) -> Layer {
    let mut reader = Reader {
        text,
        file,
        dirs,
        layer: Layer::default(),
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    reader.text = text;
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        // Its own words only: the error's full text shows the line, and a key may stand there.
        let at = error.span().map_or(0, |span| span.start);
        reader.problem(at, "", error.message());
    }
    if errors.is_empty() {
        reader.layer.values = reader.table(table.get_ref(), keys::ROOT, "", table.span().start);
    }
    reader
        .layer
        .problems
        .sort_by_key(|problem| match &problem.origin {
            Origin::File(place) => (place.line, place.column),
            _ => (0, 0),
        });
    reader.layer
}

struct Reader<'a> {
    text: &'a str,
    file: &'a Path,
    dirs: &'a Dirs,
    layer: Layer,
}

impl Reader<'_> {
    fn origin(&self, at: usize) -> Origin {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |feed| feed + 1);
        Origin::File(Place {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        })
    }

    fn problem(&mut self, at: usize, key: &str, message: impl Into<String>) {
        let problem = Problem::new(self.origin(at), key, message);
        self.layer.problems.push(problem);
    }

    /// A table at `path`; `at` is where it begins.
    fn table(
        &mut self,
        table: &DeTable<'_>,
        keys: &'static [Known],
        path: &str,
        at: usize,
    ) -> Map<String, Value> {
        let mut values = Map::new();
        for (name, value) in table {
            let key = dotted(path, name.get_ref());
            let Some(known) = keys::find(keys, name.get_ref()) else {
                self.unknown(name.span().start, key, name.get_ref(), keys);
                continue;
            };
            if let Some(value) = self.value(value, known.kind, &key) {
                if !matches!(known.kind, Kind::Table(_) | Kind::Tables(_)) {
                    let origin = self.origin(name.span().start);
                    self.layer.origins.push((key, origin));
                }
                values.insert(known.name.to_owned(), value);
            }
        }
        for known in keys.iter().filter(|known| known.required) {
            if !table.keys().any(|name| name.get_ref() == known.name) {
                self.problem(at, &dotted(path, known.name), "is missing");
            }
        }
        values
    }

    fn unknown(&mut self, at: usize, key: String, word: &str, keys: &'static [Known]) {
        let lower = word.to_lowercase();
        let secret = ["key", "token", "secret", "password", "auth"];
        if keys::find(keys, "api_key").is_some() && secret.iter().any(|part| lower.contains(part)) {
            let mut problem = Problem::new(self.origin(at), key, format!("unknown key; {KEY_HELP}"));
            problem.nearest = Some("api_key".to_owned());
            self.layer.problems.push(problem);
            return;
        }
        let problem = Problem::unknown(self.origin(at), key, word, &keys::names(keys));
        self.layer.problems.push(problem);
    }

    /// A value of that kind, or a problem.
    fn value(&mut self, value: &Spanned<DeValue<'_>>, kind: Kind, key: &str) -> Option<Value> {
        let at = value.span().start;
        match (kind, value.get_ref()) {
            (Kind::Text, DeValue::String(text)) => Some(Value::from(text.as_ref())),
            (Kind::Word(words), DeValue::String(text)) => match word(text, words) {
                Ok(value) => Some(value),
                Err(message) => {
                    self.problem(at, key, message);
                    None
                }
            },
            (Kind::Path, DeValue::String(text)) => Some(self.path(text)),
            (Kind::Database, DeValue::String(text)) => Some(self.database(text)),
            (Kind::Flag, DeValue::Boolean(flag)) => Some(Value::from(*flag)),
            (Kind::Whole(most), DeValue::Integer(number)) => {
                let digits = number.as_str().replace('_', "");
                self.parsed(at, key, whole(&digits, number.radix(), most))
            }
            (Kind::Number, DeValue::Integer(number)) => {
                let digits = number.as_str().replace('_', "");
                let value = i64::from_str_radix(&digits, number.radix()).ok().map(Value::from);
                self.parsed(at, key, value.ok_or("must be a number"))
            }
            (Kind::Number, DeValue::Float(number)) => self.parsed(at, key, decimal(number.as_str())),
            (Kind::Texts, DeValue::Array(_)) => self.texts(value, key),
            (Kind::Shares, DeValue::Table(table)) => {
                let mut shares = Map::new();
                for (name, value) in table {
                    let key = dotted(key, name.get_ref());
                    let share = self.value(value, Kind::Number, &key)?;
                    shares.insert(name.get_ref().to_string(), share);
                }
                Some(Value::Object(shares))
            }
            (Kind::KeySource, _) => self.key_source(value, key),
            (Kind::Table(keys), DeValue::Table(table)) => {
                Some(Value::Object(self.table(table, keys, key, at)))
            }
            (Kind::Tables(keys), DeValue::Array(_)) => self.tables(value, keys, key),
            _ => {
                self.problem(
                    at,
                    key,
                    format!("must be {}, not {}", wanted(kind), found(value.get_ref())),
                );
                None
            }
        }
    }

    fn parsed(&mut self, at: usize, key: &str, value: Result<Value, &'static str>) -> Option<Value> {
        value.map_err(|message| self.problem(at, key, message)).ok()
    }

    fn path(&self, text: &str) -> Value {
        let base = self.file.parent().unwrap_or(Path::new(""));
        Value::from(self.dirs.resolve(base, text).to_string_lossy().as_ref())
    }

    /// A path, or `sqlite:` before one; other URLs are left to the store.
    fn database(&self, text: &str) -> Value {
        let (scheme, path) = ["sqlite://", "sqlite:"]
            .iter()
            .find_map(|scheme| Some((*scheme, text.strip_prefix(scheme)?)))
            .unwrap_or(("", text));
        if path.starts_with(":memory:") || path.contains("://") {
            return Value::from(text);
        }
        match self.path(path) {
            Value::String(path) => Value::from(format!("{scheme}{path}")),
            other => other,
        }
    }

    fn texts(&mut self, value: &Spanned<DeValue<'_>>, key: &str) -> Option<Value> {
        let items = value.get_ref().as_array()?;
        let texts: Option<Vec<Value>> = items
            .iter()
            .map(|item| item.get_ref().as_str().map(Value::from))
            .collect();
        if texts.is_none() {
            self.problem(value.span().start, key, "must be a list of texts: [\"…\", \"…\"]");
        }
        texts.map(Value::Array)
    }

    /// A list of tables. Providers are told apart by name, so that later files can change them; models by their place.
    fn tables(&mut self, value: &Spanned<DeValue<'_>>, keys: &'static [Known], key: &str) -> Option<Value> {
        let mut tables: Vec<Value> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for (at, item) in value.get_ref().as_array()?.iter().enumerate() {
            let start = item.span().start;
            let Some(table) = item.get_ref().as_table() else {
                self.problem(start, key, "must be a list of tables");
                continue;
            };
            let name = table.get("name").and_then(|name| name.get_ref().as_str());
            let path = match name {
                Some(name) if keys::find(keys, "name").is_some() => {
                    if names.iter().any(|known| known == name) {
                        self.problem(start, &dotted(key, name), "stands twice in this file");
                    }
                    names.push(name.to_owned());
                    dotted(key, name)
                }
                _ => format!("{key}[{at}]"),
            };
            let table = self.table(table, keys, &path, start);
            tables.push(Value::Object(table));
        }
        Some(Value::Array(tables))
    }

    /// A reference to a key. A key itself is refused, and not repeated.
    fn key_source(&mut self, value: &Spanned<DeValue<'_>>, key: &str) -> Option<Value> {
        let at = value.span().start;
        let Some(table) = value.get_ref().as_table() else {
            let message = if value.get_ref().is_str() {
                format!("holds a key; {KEY_HELP}, and make a new one if others could read this file")
            } else {
                format!("must say where the key is found; {KEY_HELP}")
            };
            self.problem(at, key, message);
            return None;
        };
        let mut entries = table.iter();
        let (Some((name, source)), None) = (entries.next(), entries.next()) else {
            self.problem(at, key, format!("must name one source; {KEY_HELP}"));
            return None;
        };
        let name = name.get_ref().as_ref();
        let source = match (name, source.get_ref()) {
            ("env", DeValue::String(variable)) if is_variable(variable) => Value::from(variable.as_ref()),
            ("file", DeValue::String(path)) if !looks_like_key(path) && !path.is_empty() => self.path(path),
            ("command", DeValue::Array(words)) if !words.is_empty() => self.texts(source, key)?,
            ("env" | "file", DeValue::String(_)) => {
                let what = if name == "env" {
                    "the name of a variable"
                } else {
                    "a path"
                };
                self.problem(at, key, format!("`{name}` must be {what}, not a key; {KEY_HELP}"));
                return None;
            }
            _ => {
                self.problem(at, key, format!("is no source of a key; {KEY_HELP}"));
                return None;
            }
        };
        Some(Value::Object(Map::from_iter([(name.to_owned(), source)])))
    }
}

const KEY_HELP: &str = "keys are never written into config: put it into an environment variable or a file of mode 0600, and write \
     api_key = { env = \"NAME\" }, { file = \"PATH\" } or { command = [\"PROGRAM\", \"ARGUMENT\"] }";

fn dotted(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn is_variable(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty()
        && name.bytes().all(plain)
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && !looks_like_key(name)
}

/// A value of a known key from plain text: a variable's or a flag's.
pub(super) fn from_text(text: &str, kind: Kind) -> Result<Value, String> {
    let plain = text.replace('_', "");
    match kind {
        Kind::Word(words) => word(text, words),
        Kind::Flag => match text {
            "true" | "1" => Ok(Value::from(true)),
            "false" | "0" => Ok(Value::from(false)),
            _ => Err("must be true or false".to_owned()),
        },
        Kind::Whole(most) => whole(&plain, 10, most).map_err(str::to_owned),
        Kind::Number => decimal(&plain).map_err(str::to_owned),
        Kind::Text | Kind::Path | Kind::Database => Ok(Value::from(text)),
        Kind::Texts | Kind::Shares | Kind::KeySource | Kind::Table(_) | Kind::Tables(_) => {
            Err("can only be set in a file".to_owned())
        }
    }
}

fn word(text: &str, words: &[&str]) -> Result<Value, String> {
    if words.contains(&text) {
        return Ok(Value::from(text));
    }
    let near = nearest(text, words).map_or(String::new(), |near| format!("; did you mean \"{near}\"?"));
    Err(format!("must be one of: {}{near}", words.join(", ")))
}

fn whole(digits: &str, radix: u32, most: i64) -> Result<Value, &'static str> {
    let number = i64::from_str_radix(digits, radix).map_err(|_| "must be a whole number")?;
    if number < 0 {
        return Err("must not be negative");
    }
    if number > most {
        return Err("is too large");
    }
    Ok(Value::from(number))
}

fn decimal(digits: &str) -> Result<Value, &'static str> {
    let number: f64 = digits.replace('_', "").parse().map_err(|_| "must be a number")?;
    serde_json::Number::from_f64(number)
        .map(Value::Number)
        .ok_or("must be a finite number")
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Word(_) => "a text in quotes",
        Kind::Path | Kind::Database => "a path in quotes",
        Kind::Flag => "true or false",
        Kind::Whole(_) => "a whole number",
        Kind::Number => "a number",
        Kind::Texts => "a list of texts",
        Kind::Shares => "a table of numbers",
        Kind::KeySource | Kind::Table(_) => "a table",
        Kind::Tables(_) => "a list of tables",
    }
}

fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The file's text, for a file of at most 1 MiB.
#[expect(
    clippy::disallowed_methods,
    reason = "config files are read here, with a size limit"
)]
pub(super) fn text_of(path: &Path) -> Result<String, String> {
    const BYTES_MAX: u64 = 1024 * 1024;
    let bytes = std::fs::File::open(path)
        .and_then(|file| {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut std::io::Read::take(file, BYTES_MAX + 1), &mut bytes)?;
            Ok(bytes)
        })
        .map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err("is larger than 1 MiB: is it a config file?".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())
}

/// An empty layer with one problem of the whole file.
pub(super) fn unreadable(file: &Path, message: String) -> Layer {
    let place = Place {
        file: PathBuf::from(file),
        line: 1,
        column: 1,
    };
    Layer {
        problems: vec![Problem::new(Origin::File(place), "", message)],
        ..Layer::default()
    }
}
