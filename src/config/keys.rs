//! The table of every key a config file may hold, with what its value must be. A test holds it against `core::settings`.

/// What a value must be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A path; relative ones refer to the file's directory.
    Path,
    /// A path or a URL of a database.
    Database,
    /// True or false.
    Flag,
    /// A whole number from 0 to this.
    Whole(i64),
    /// A number.
    Number,
    /// A list of texts.
    Texts,
    /// Name → number, with names of the user's own.
    Shares,
    /// Where a key is found.
    KeySource,
    /// A table of these keys.
    Table(&'static [Known]),
    /// A list of such tables, told apart by their `name` or merely by their place.
    Tables(&'static [Known]),
}

/// A key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Its name.
    pub(super) name: &'static str,
    /// What it holds.
    pub(super) kind: Kind,
    /// Whether every table of its sort must have it, in each file.
    pub(super) required: bool,
}

const fn known(name: &'static str, kind: Kind) -> Known {
    Known {
        name,
        kind,
        required: false,
    }
}

const fn required(name: &'static str, kind: Kind) -> Known {
    Known {
        name,
        kind,
        required: true,
    }
}

/// The most that fits 32 bits.
const SMALL: i64 = u32::MAX as i64;

/// The words of `ui.color`.
pub(super) const COLORS: &[&str] = &["auto", "truecolor", "256", "16", "none"];
/// The words of `ui.glyphs`.
pub(super) const GLYPHS: &[&str] = &["auto", "unicode", "ascii"];
/// The words of `ui.notify`.
pub(super) const NOTIFY: &[&str] = &["auto", "off", "bell", "osc"];

/// The words of `ui.theme_mode`.
pub(super) const MODES: &[&str] = &["auto", "dark", "light"];
/// The words of `ui.keys`.
pub(super) const PRESETS: &[&str] = &["default", "arrows", "vim", "emacs"];

/// The keys of a file.
pub(super) static ROOT: &[Known] = &[
    known("database_url", Kind::Database),
    known("dataset_root", Kind::Path),
    known("ui", Kind::Table(UI)),
    known("engine", Kind::Table(ENGINE)),
    known("providers", Kind::Tables(PROVIDER)),
];

static UI: &[Known] = &[
    known("theme", Kind::Text),
    known("theme_dark", Kind::Text),
    known("theme_light", Kind::Text),
    known("theme_mode", Kind::Word(MODES)),
    known("keys", Kind::Word(PRESETS)),
    known("color", Kind::Word(COLORS)),
    known("glyphs", Kind::Word(GLYPHS)),
    known("mouse", Kind::Flag),
    known("notify", Kind::Word(NOTIFY)),
];

static ENGINE: &[Known] = &[
    known("jobs_at_once", Kind::Whole(SMALL)),
    known("usd_per_day", Kind::Number),
    known("grace_seconds", Kind::Whole(i64::MAX)),
    known("durability", Kind::Word(&["process", "power"])),
];

/// The keys of a provider.
pub(super) static PROVIDER: &[Known] = &[
    required("name", Kind::Text),
    known("kind", Kind::Text),
    known("base_url", Kind::Text),
    known("api_key", Kind::KeySource),
    known("limits", Kind::Table(LIMITS)),
    known("timeout_seconds", Kind::Whole(i64::MAX)),
    known("allow_insecure_http", Kind::Flag),
    known("disabled", Kind::Flag),
    known("models", Kind::Tables(MODEL)),
    known("command", Kind::Texts),
    known("workers", Kind::Whole(SMALL)),
    known("env", Kind::Texts),
    known("sha256", Kind::Text),
    known("latency_ms", Kind::Whole(i64::MAX)),
    known("faults", Kind::Shares),
    known("seed", Kind::Whole(i64::MAX)),
    known("cassette", Kind::Path),
];

static LIMITS: &[Known] = &[
    known("concurrency", Kind::Whole(SMALL)),
    known("requests_per_minute", Kind::Whole(SMALL)),
    known("tokens_per_minute", Kind::Whole(i64::MAX)),
    known("usd", Kind::Number),
    known("tokens", Kind::Whole(i64::MAX)),
    known("requests", Kind::Whole(i64::MAX)),
];

static MODEL: &[Known] = &[
    required("id", Kind::Text),
    known("capabilities", Kind::Texts),
    known("weight", Kind::Number),
    known("price", Kind::Table(PRICE)),
    known("context", Kind::Whole(i64::MAX)),
];

static PRICE: &[Known] = &[required("input", Kind::Number), required("output", Kind::Number)];

/// The key of that name.
pub(super) fn find(keys: &'static [Known], name: &str) -> Option<&'static Known> {
    keys.iter().find(|known| known.name == name)
}

/// All names.
pub(super) fn names(keys: &'static [Known]) -> Vec<&'static str> {
    keys.iter().map(|known| known.name).collect()
}

/// The key at a dotted path outside lists: what a variable or a flag may set.
pub(super) fn find_path(path: &[&str]) -> Option<&'static Known> {
    let (last, tables) = path.split_last()?;
    let mut keys = ROOT;
    for table in tables {
        let Kind::Table(inner) = find(keys, table)?.kind else {
            return None;
        };
        keys = inner;
    }
    find(keys, last).filter(|known| !matches!(known.kind, Kind::Table(_) | Kind::Tables(_)))
}

/// Every dotted path that [`find_path`] knows.
pub(super) fn paths() -> Vec<String> {
    let mut paths = Vec::new();
    for known in ROOT {
        match known.kind {
            Kind::Table(inner) => {
                paths.extend(inner.iter().map(|key| format!("{}.{}", known.name, key.name)));
            }
            Kind::Tables(_) => {}
            _ => paths.push(known.name.to_owned()),
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::core::Row;
    use crate::core::budget::Price;
    use crate::core::settings::*;

    /// Every field written out: a new one does not compile here until it has a value, and fails below until the table has it.
    fn full() -> Settings {
        Settings {
            database_url: Some("a".to_owned()),
            dataset_root: Some("a".into()),
            ui: UiSettings {
                theme: "a".to_owned(),
                theme_dark: Some("a".to_owned()),
                theme_light: Some("a".to_owned()),
                theme_mode: "auto".to_owned(),
                keys: "vim".to_owned(),
                color: "auto".to_owned(),
                glyphs: "auto".to_owned(),
                mouse: true,
                notify: "auto".to_owned(),
            },
            engine: EngineSettings {
                jobs_at_once: 1,
                usd_per_day: Some(1.0),
                grace_seconds: 1,
                durability: Durability::Power,
            },
            providers: vec![ProviderSettings {
                name: "a".to_owned(),
                kind: "a".to_owned(),
                base_url: Some("a".to_owned()),
                api_key: Some(KeySource::Env("A".to_owned())),
                limits: ProviderLimits {
                    concurrency: Some(1),
                    requests_per_minute: Some(1),
                    tokens_per_minute: Some(1),
                    usd: Some(1.0),
                    tokens: Some(1),
                    requests: Some(1),
                },
                timeout_seconds: Some(1),
                allow_insecure_http: true,
                disabled: true,
                models: vec![ModelSettings {
                    id: "a".to_owned(),
                    capabilities: vec!["a".to_owned()],
                    weight: 1.0,
                    price: Some(Price::default()),
                    context: Some(1),
                }],
                command: vec!["a".to_owned()],
                workers: Some(1),
                env: vec!["A".to_owned()],
                sha256: Some("a".to_owned()),
                latency_ms: Some(1),
                faults: Row::from_iter([("a".to_owned(), Value::from(1))]),
                seed: Some(1),
                cassette: Some("a".into()),
            }],
        }
    }

    fn in_settings(value: &Value, path: &str, keys: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) if !path.ends_with("api_key") && !path.ends_with("faults") => {
                for (name, value) in map {
                    in_settings(value, &format!("{path}.{name}"), keys);
                }
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                for item in items {
                    in_settings(item, path, keys);
                }
            }
            _ => {
                keys.insert(path.to_owned());
            }
        }
    }

    fn in_table(keys: &'static [Known], path: &str, found: &mut BTreeSet<String>) {
        for known in keys {
            let path = format!("{path}.{}", known.name);
            match known.kind {
                Kind::Table(inner) | Kind::Tables(inner) => in_table(inner, &path, found),
                _ => {
                    found.insert(path);
                }
            }
        }
    }

    #[test]
    fn the_table_knows_every_key_of_the_settings_and_no_other() {
        let (mut expected, mut found) = (BTreeSet::new(), BTreeSet::new());
        in_settings(&serde_json::to_value(full()).unwrap(), "", &mut expected);
        in_table(ROOT, "", &mut found);
        assert_eq!(found, expected);
    }
}
