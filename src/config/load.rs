//! Putting the layers together: flags over environment over the project's file over the user's, each value with its origin.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::check::check_settings;
use super::dirs::Dirs;
use super::keys;
use super::problem::{ConfigError, Origin, Problem};
use super::read::{self, Layer};
use crate::core::settings::Settings;
use crate::core::text::nearest;

/// File of a project: the nearest in the current directory or above.
const PROJECT_FILE: &str = "destiler.toml";
const PREFIX: &str = "DESTILER_";

/// Environment variables, name → value. An argument, so that tests need no process of their own.
pub type Variables = BTreeMap<String, String>;

/// What the command line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--config FILE`: this file instead of the project's and the user's.
    pub config: Option<PathBuf>,
    /// Dotted keys with their values as text (`engine.jobs_at_once`, `3`).
    pub overrides: Vec<(String, String)>,
}

/// The settings, and how they came about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Loaded {
    /// What applies.
    pub settings: Settings,
    /// Dotted key (`engine.jobs_at_once`, `providers.<name>.models[0].id`) → where its value comes from. Keys left to their default
    /// are missing.
    pub origins: BTreeMap<String, Origin>,
    /// The files that were read, the strongest first.
    pub files: Vec<PathBuf>,
    /// What a person should know although nothing is wrong.
    pub warnings: Vec<String>,
}

/// Reads everything there is. With no file at all the defaults apply.
pub fn load(flags: &Flags, variables: &Variables, cwd: &Path, dirs: &Dirs) -> Result<Loaded, ConfigError> {
    let mut loaded = Loaded::default();
    if dirs.home.is_none() {
        let what = format!(
            "no home directory: config and database are looked for below {}",
            dirs.config.parent().unwrap_or(&dirs.config).display()
        );
        loaded.warnings.push(what);
    }
    let mut merged = Merged::default();
    for file in files(flags, cwd, dirs, &mut loaded.warnings) {
        let layer = match read::text_of(&file) {
            Ok(text) => read::read(&text, &file, dirs),
            Err(message) => read::unreadable(&file, message),
        };
        merged.put(layer);
        loaded.files.insert(0, file);
    }
    merged.put(from_environment(variables));
    merged.put(from_flags(flags));
    if !merged.problems.is_empty() {
        return Err(ConfigError {
            problems: merged.problems,
        });
    }
    // The table of keys is as strict as the settings, so this cannot fail; were it to, its words could repeat a value.
    loaded.settings = serde_json::from_value(Value::Object(merged.values)).map_err(|_| ConfigError {
        problems: vec![Problem::new(
            Origin::Default,
            "",
            "the settings cannot be put together",
        )],
    })?;
    loaded.origins = merged.origins;
    Ok(loaded)
}

impl Loaded {
    /// Everything wrong with the settings as a whole, each at the place it was written.
    pub fn check(&self, provider_kinds: &[&str]) -> Vec<Problem> {
        let mut problems = check_settings(&self.settings, provider_kinds);
        for problem in &mut problems {
            problem.origin = self.place_of(&problem.key);
        }
        problems
    }

    /// Where the value of a key comes from.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// Where a person should look for a key: at itself, at what is in it, or (if it is missing) at the table around it.
    fn place_of(&self, key: &str) -> Origin {
        let inside = |known: &&String| {
            known
                .strip_prefix(key)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        if let Some(known) = self.origins.keys().find(inside) {
            return self.origin(known);
        }
        key.rsplit_once('.')
            .map_or(Origin::Default, |(table, _)| self.place_of(table))
    }

    /// Every key with its value (as JSON) and origin, defaults included.
    pub fn entries(&self) -> Vec<(String, Value, Origin)> {
        let mut entries = Vec::new();
        if let Ok(value) = serde_json::to_value(&self.settings) {
            flatten(&value, String::new(), &mut entries);
        }
        entries
            .into_iter()
            .map(|(key, value)| {
                let origin = self.origin(&key);
                (key, value, origin)
            })
            .collect()
    }
}

fn flatten(value: &Value, key: String, entries: &mut Vec<(String, Value)>) {
    let leaf = [".api_key", ".faults"].iter().any(|end| key.ends_with(end));
    match value {
        Value::Object(table) if !leaf => {
            for (name, value) in table {
                let key = if key.is_empty() {
                    name.clone()
                } else {
                    format!("{key}.{name}")
                };
                flatten(value, key, entries);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (at, item) in items.iter().enumerate() {
                let name = item.get("name").and_then(Value::as_str);
                let key = name.map_or_else(|| format!("{key}[{at}]"), |name| format!("{key}.{name}"));
                flatten(item, key, entries);
            }
        }
        _ => entries.push((key, value.clone())),
    }
}

/// The files to read, the weakest first.
fn files(flags: &Flags, cwd: &Path, dirs: &Dirs, warnings: &mut Vec<String>) -> Vec<PathBuf> {
    if let Some(file) = &flags.config {
        return vec![cwd.join(file)];
    }
    let user = Some(dirs.config_file()).filter(|file| file.exists());
    let project = cwd
        .ancestors()
        .map(|directory| directory.join(PROJECT_FILE))
        .find(|file| file.is_file());
    let project = project.filter(|file| {
        let trusted = is_trusted(file);
        if !trusted {
            let what = format!(
                "{} is not read: it belongs to another user, or others can write it, and a config file can start programs",
                file.display()
            );
            warnings.push(what);
        }
        trusted
    });
    user.into_iter().chain(project).collect()
}

/// A project's file is found without being asked for, perhaps in a directory like /tmp that anybody can write to.
fn is_trusted(file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(file).is_ok_and(|about| {
        let mine = about.uid() == rustix::process::geteuid().as_raw() || about.uid() == 0;
        mine && about.mode() & 0o002 == 0
    })
}

/// The layers so far.
#[derive(Default)]
struct Merged {
    values: Map<String, Value>,
    origins: BTreeMap<String, Origin>,
    problems: Vec<Problem>,
}

impl Merged {
    /// Puts a stronger layer over the others.
    fn put(&mut self, layer: Layer) {
        self.problems.extend(layer.problems);
        for (name, value) in layer.values {
            match (self.values.get_mut(&name), value) {
                (Some(Value::Array(below)), Value::Array(above)) if name == "providers" => {
                    for provider in above {
                        put_provider(
                            below,
                            provider,
                            &mut self.origins,
                            &layer.origins,
                            &mut self.problems,
                        );
                    }
                }
                (Some(Value::Object(below)), Value::Object(above)) => below.extend(above),
                (_, value) => {
                    self.values.insert(name, value);
                }
            }
        }
        self.origins.extend(layer.origins);
    }
}

/// What may not change under a key that another file brings: it would send the key elsewhere.
const BOUND_TO_KEY: [&str; 3] = ["kind", "base_url", "allow_insecure_http"];

/// Puts a provider over the one of the same name, or behind the others. Its models replace the other's models.
fn put_provider(
    below: &mut Vec<Value>,
    provider: Value,
    origins: &mut BTreeMap<String, Origin>,
    new: &[(String, Origin)],
    problems: &mut Vec<Problem>,
) {
    let Value::Object(above) = provider else {
        return;
    };
    let named = |item: &&mut Value| {
        item.get("name")
            .is_some_and(|name| above.get("name") == Some(name))
    };
    let Some(Value::Object(table)) = below.iter_mut().find(named) else {
        below.push(Value::Object(above));
        return;
    };
    let path = format!(
        "providers.{}",
        above.get("name").and_then(Value::as_str).unwrap_or_default()
    );
    if above.contains_key("models") {
        let models = format!("{path}.models");
        origins.retain(|key, _| !key.starts_with(&models));
    }
    if table.contains_key("api_key") && !above.contains_key("api_key") {
        for name in BOUND_TO_KEY {
            let key = format!("{path}.{name}");
            if above
                .get(name)
                .is_some_and(|value| table.get(name) != Some(value))
            {
                let origin = new
                    .iter()
                    .find(|(known, _)| *known == key)
                    .map(|(_, origin)| origin.clone());
                let what = "this would send a key from another file elsewhere; say api_key here, too";
                problems.push(Problem::new(origin.unwrap_or(Origin::Default), key, what));
            }
        }
    }
    for (name, value) in above {
        match (table.get_mut(&name), value) {
            (Some(Value::Object(below)), Value::Object(above)) if name == "limits" => below.extend(above),
            (_, value) => {
                table.insert(name, value);
            }
        }
    }
}

/// `DESTILER_SECTION__KEY`, and `DESTILER_DATABASE_URL` and `DESTILER_DATASET_ROOT` for the two keys outside a section. Empty values
/// count as unset; other names without `__` are no config keys.
fn from_environment(variables: &Variables) -> Layer {
    let mut layer = Layer::default();
    let known: Vec<(String, String)> = keys::paths()
        .into_iter()
        .map(|path| {
            (
                format!("{PREFIX}{}", path.to_uppercase().replace('.', "__")),
                path,
            )
        })
        .collect();
    for (name, value) in variables {
        if !name.starts_with(PREFIX) || value.is_empty() {
            continue;
        }
        let origin = Origin::Variable(name.clone());
        if let Some((_, path)) = known.iter().find(|(known, _)| known == name) {
            put_text(&mut layer, path, value, origin);
        } else if name.starts_with("DESTILER_PROVIDERS__") {
            layer.problems.push(Problem::new(
                origin,
                "",
                "providers are set in a file, not in the environment",
            ));
        } else if name.contains("__") {
            let names: Vec<&str> = known.iter().map(|(known, _)| known.as_str()).collect();
            let near = nearest(name, &names).map(str::to_owned);
            let message = if near.is_some() {
                "no such config key"
            } else {
                "no such config key; `destiler config show` lists them all"
            };
            let mut problem = Problem::new(origin, "", message);
            problem.nearest = near;
            layer.problems.push(problem);
        }
    }
    layer
}

fn from_flags(flags: &Flags) -> Layer {
    let mut layer = Layer::default();
    for (path, value) in &flags.overrides {
        put_text(&mut layer, path, value, Origin::Flag);
    }
    layer
}

fn put_text(layer: &mut Layer, path: &str, text: &str, origin: Origin) {
    let parts: Vec<&str> = path.split('.').collect();
    let Some(known) = keys::find_path(&parts) else {
        let paths = keys::paths();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        layer
            .problems
            .push(Problem::unknown(origin, path.to_owned(), path, &paths));
        return;
    };
    let value = match read::from_text(text, known.kind) {
        Ok(value) => value,
        Err(message) => {
            layer.problems.push(Problem::new(origin, path, message));
            return;
        }
    };
    layer.origins.push((path.to_owned(), origin));
    match parts[..] {
        [section, key] => {
            let table = layer
                .values
                .entry(section)
                .or_insert_with(|| Value::Object(Map::new()));
            if let Some(table) = table.as_object_mut() {
                table.insert(key.to_owned(), value);
            }
        }
        _ => {
            layer.values.insert(path.to_owned(), value);
        }
    }
}
