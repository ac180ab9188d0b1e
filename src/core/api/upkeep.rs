//! Shapes of looking after the user's own files and the database: settings, keys, themes, places, cleaning.

use std::path::PathBuf;

use serde::Serialize;

use crate::core::settings::{EngineSettings, UiSettings};

/// The user's own files, as they are now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserFiles {
    /// The file that settings are written to.
    pub config_file: PathBuf,
    /// The file of the user's keys.
    pub keymap_file: PathBuf,
    /// Its text, if there is one.
    pub keymap: Option<String>,
    /// Themes of the user's own: name, text.
    pub themes: Vec<(String, String)>,
    /// What the screen is configured to be.
    pub ui: UiSettings,
    /// What the engine is configured to be.
    pub engine: EngineSettings,
    /// Why the configuration cannot be read now.
    pub problem: Option<String>,
    /// Where everything lies.
    pub places: Vec<Folder>,
}

/// A file or directory the program uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// What is there.
    pub what: String,
    /// Where.
    pub path: PathBuf,
    /// Whether it is there.
    pub exists: bool,
    /// Bytes free on its disk, where that can be known.
    pub free: Option<u64>,
}

/// A line of `keymap.toml` to write or to take out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    /// The context's name in the file: `jobs`, `everywhere`.
    pub context: String,
    /// The key.
    pub key: String,
    /// The action's name, `none` to free the key; `None` takes the line out.
    pub action: Option<String>,
}

/// What a cleaning takes away. Sums, verdicts and reasons stay: the books balance before and after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CleanRules {
    /// Raw responses of accepted and rejected tasks, older than so many days: what re-judging would read.
    pub responses_days: Option<u32>,
    /// Texts of rejected samples, older than so many days.
    pub rejected_days: Option<u32>,
    /// Cancelled jobs with everything they made.
    pub cancelled_jobs: bool,
    /// Texts and answers that nothing refers to.
    pub orphans: bool,
    /// Log files older than so many days.
    pub logs_days: Option<u32>,
}

impl CleanRules {
    /// Whether they name nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How far a cleaning is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cleaning {
    /// What it does now: `copying the database`, `cleaning`, `freeing space`.
    pub doing: &'static str,
    /// Rows that are gone.
    pub gone: u64,
}

/// What one rule would take away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CleanRow {
    /// What: `responses`, `rejected`, `cancelled jobs`, `orphans`, `logs`.
    pub what: &'static str,
    /// Rows, or files.
    pub rows: u64,
    /// Bytes they take.
    pub bytes: u64,
}

/// What was saved of a damaged database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Salvaged {
    /// Each table.
    pub tables: Vec<SavedTable>,
    /// What was put right in the copy, in words.
    pub mended: Vec<String>,
    /// What a check of the copy still finds.
    pub findings: Vec<String>,
}

impl Salvaged {
    /// Whether nothing is missing.
    pub fn is_whole(&self) -> bool {
        let lost = |table: &SavedTable| table.lost > 0 || table.and_more;
        !self.tables.iter().any(lost) && self.mended.is_empty() && self.findings.is_empty()
    }
}

/// A table of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SavedTable {
    /// Its name.
    pub name: String,
    /// Rows that were read.
    pub read: u64,
    /// Keys that cannot be read.
    pub lost: u64,
    /// There may be more: a hole was too wide to try every key in it.
    pub and_more: bool,
}
