//! Where the user's files are, by the platform's custom. Without a home directory everything goes below the current one.

use std::path::{Path, PathBuf};

use directories::{BaseDirs, ProjectDirs};

/// The directories. None of them needs to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirs {
    /// The home directory, if there is one: what `~/` in a path stands for.
    pub home: Option<PathBuf>,
    /// Holds `config.toml`, themes and prompts of the user's own.
    pub config: PathBuf,
    /// Holds the database.
    pub data: PathBuf,
    /// Holds logs and reports of crashes.
    pub state: PathBuf,
}

impl Dirs {
    /// Those of this user. `cwd` is used where the user has no home (a container, a service).
    pub fn find(cwd: &Path) -> Self {
        let Some(dirs) = ProjectDirs::from("", "", "destiler") else {
            return Self::below(None, &cwd.join(".destiler"));
        };
        Self {
            home: BaseDirs::new().map(|base| base.home_dir().to_owned()),
            config: dirs.config_dir().to_owned(),
            data: dirs.data_dir().to_owned(),
            state: dirs.state_dir().unwrap_or(dirs.data_local_dir()).to_owned(),
        }
    }

    /// All of them below one directory.
    pub fn below(home: Option<PathBuf>, directory: &Path) -> Self {
        Self {
            home,
            config: directory.join("config"),
            data: directory.join("data"),
            state: directory.join("state"),
        }
    }

    /// The user's config file.
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The default ledger.
    pub fn database(&self) -> PathBuf {
        self.data.join("destiler.db")
    }

    /// Jobs somebody is writing.
    pub fn drafts(&self) -> PathBuf {
        self.state.join("drafts")
    }

    /// Log files.
    pub fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }

    /// A path as a user writes it: `~/` is the home directory, a relative path refers to `base`.
    pub(super) fn resolve(&self, base: &Path, written: &str) -> PathBuf {
        match (written.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => base.join(written.strip_prefix("./").unwrap_or(written)),
        }
    }
}
