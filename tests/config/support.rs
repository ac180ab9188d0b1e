//! A user with files of their own, for the configuration's tests.

use std::fs;
use std::path::PathBuf;

use destilation::config::{ConfigError, Dirs, Flags, Loaded, Variables, load};
use destilation::core::settings::Settings;

pub const KINDS: &[&str] = &[
    "openai",
    "openrouter",
    "anthropic",
    "ollama",
    "script",
    "mock",
    "replay",
];

/// A user with a home, a config directory and a project two directories deep.
pub struct User {
    pub folder: tempfile::TempDir,
    pub dirs: Dirs,
    pub variables: Variables,
    pub flags: Flags,
}

impl User {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let dirs = Dirs::below(Some(home.clone()), &home.join("destiler"));
        fs::create_dir_all(&dirs.config).unwrap();
        fs::create_dir_all(folder.path().join("project/deep/er")).unwrap();
        Self {
            folder,
            dirs,
            variables: Variables::new(),
            flags: Flags::default(),
        }
    }

    pub fn config(self, text: &str) -> Self {
        fs::write(self.dirs.config_file(), text).unwrap();
        self
    }

    pub fn project(self, text: &str) -> Self {
        fs::write(self.project_file(), text).unwrap();
        self
    }

    pub fn project_file(&self) -> PathBuf {
        self.folder.path().join("project/destiler.toml")
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn load(&self) -> Result<Loaded, ConfigError> {
        let cwd = self.folder.path().join("project/deep/er");
        load(&self.flags, &self.variables, &cwd, &self.dirs)
    }

    /// The problems, without the directories before file names.
    pub fn problems(&self) -> Vec<String> {
        let error = self.load().unwrap_err();
        let base = format!("{}/", self.folder.path().display());
        error
            .problems
            .iter()
            .map(|problem| problem.to_string().replace(&base, ""))
            .collect()
    }
}

pub fn settings(text: &str) -> Settings {
    User::new().config(text).load().unwrap().settings
}
