//! The user's own files, for the engine to pass on: what is configured now, keys, themes, where everything lies, old logs.

#![expect(
    clippy::disallowed_methods,
    reason = "small files of the user's own are read here, and log files past their time removed"
)]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::config::{self, Dirs, Flags, Loaded, Variables};
use crate::core::api::{Folder, KeyChange, UserFiles};
use crate::core::ports::Customs;
use crate::core::settings::Settings;

/// Longest keymap or theme that is read.
const TEXT_AT_MOST: u64 = 1 << 20;
/// Themes that are read.
const THEMES_AT_MOST: usize = 200;

/// The files of this user, found as they were at the start.
pub(super) struct UserFolder {
    pub(super) flags: Flags,
    pub(super) variables: Variables,
    pub(super) cwd: PathBuf,
    pub(super) dirs: Dirs,
    /// Where datasets go and where the database is.
    pub(super) data: Vec<(&'static str, PathBuf)>,
}

impl UserFolder {
    fn load(&self) -> Result<Loaded, String> {
        config::load(&self.flags, &self.variables, &self.cwd, &self.dirs).map_err(|error| error.to_string())
    }

    /// Where settings are written to: the file named by `--config`, else the user's.
    fn config_file(&self) -> PathBuf {
        let named = self.flags.config.as_ref().map(|file| self.cwd.join(file));
        named.unwrap_or_else(|| self.dirs.config_file())
    }

    fn keymap_file(&self) -> PathBuf {
        keymap_file(&self.dirs)
    }

    fn places(&self) -> Vec<Folder> {
        let mut places = vec![("config", self.config_file()), ("keys", self.keymap_file())];
        places.push(("themes", themes_directory(&self.dirs)));
        places.extend(self.data.iter().cloned());
        places.push(("logs", self.dirs.logs()));
        places.into_iter().map(|(what, path)| place(what, path)).collect()
    }
}

fn keymap_file(dirs: &Dirs) -> PathBuf {
    dirs.config.join("keymap.toml")
}

fn themes_directory(dirs: &Dirs) -> PathBuf {
    dirs.config.join("themes")
}

/// The user's keymap, if there is one.
pub(super) fn keymap(dirs: &Dirs) -> Option<String> {
    text(&keymap_file(dirs))
}

/// The user's themes: name, text.
pub(super) fn themes(dirs: &Dirs) -> Vec<(String, String)> {
    let Ok(entries) = fs::read_dir(themes_directory(dirs)) else {
        return Vec::new();
    };
    let mut themes: Vec<(String, String)> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension() == Some(OsStr::new("toml")))
        .take(THEMES_AT_MOST)
        .filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), text(&path)?)))
        .collect();
    themes.sort();
    themes
}

fn text(path: &Path) -> Option<String> {
    let about = fs::metadata(path).ok()?;
    (about.is_file() && about.len() <= TEXT_AT_MOST)
        .then(|| fs::read(path).ok())
        .flatten()
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn place(what: &str, path: PathBuf) -> Folder {
    // What is not there yet will lie on the disk of the nearest directory above it that is.
    let there = path.ancestors().find(|above| above.exists());
    let free = there
        .and_then(|above| rustix::fs::statvfs(above).ok())
        .map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    Folder {
        what: what.to_owned(),
        exists: path.exists(),
        path,
        free,
    }
}

impl Customs for UserFolder {
    fn files(&self) -> UserFiles {
        let (settings, problem) = match self.load() {
            Ok(loaded) => (loaded.settings, None),
            Err(problem) => (Settings::default(), Some(problem)),
        };
        UserFiles {
            config_file: self.config_file(),
            keymap_file: self.keymap_file(),
            keymap: keymap(&self.dirs),
            themes: themes(&self.dirs),
            ui: settings.ui,
            engine: settings.engine,
            problem,
            places: self.places(),
        }
    }

    fn configuration(&self) -> Result<Vec<(String, String, String)>, String> {
        let entries = self.load()?.entries().into_iter();
        Ok(entries
            .map(|(key, value, origin)| (key, value.to_string(), origin.to_string()))
            .collect())
    }

    fn set(&self, key: &str, value: Option<&Value>) -> Result<(), String> {
        let file = self.config_file();
        let done = match value {
            Some(value) => config::set(&file, key, value, &self.dirs),
            None => config::unset(&file, key, &self.dirs),
        };
        done.map_err(|error| error.to_string())
    }

    fn bind(&self, changes: &[KeyChange]) -> Result<(), String> {
        let lines = changes.iter().map(|change| {
            (
                change.context.as_str(),
                change.key.as_str(),
                change.action.as_deref(),
            )
        });
        config::bind(&self.keymap_file(), lines).map_err(|error| error.to_string())
    }

    fn old_logs(&self, days: u32, remove: bool) -> Result<(u64, u64), String> {
        let Ok(entries) = fs::read_dir(self.dirs.logs()) else {
            return Ok((0, 0));
        };
        let age = Duration::from_secs(u64::from(days.max(1)) * 86_400);
        let (mut files, mut bytes) = (0, 0);
        for entry in entries.flatten() {
            let Ok(about) = entry.metadata() else { continue };
            let old = about
                .modified()
                .ok()
                .and_then(|at| at.elapsed().ok())
                .is_some_and(|since| since > age);
            let path = entry.path();
            let ours = path.extension() == Some(OsStr::new("log"))
                && entry.file_name().to_string_lossy().starts_with("destiler");
            if !about.is_file() || !old || !ours {
                continue;
            }
            if remove {
                fs::remove_file(entry.path())
                    .map_err(|error| format!("{}: {error}", entry.path().display()))?;
            }
            files += 1;
            bytes += about.len();
        }
        Ok((files, bytes))
    }
}
