//! Catalogs: one static table of self-describing entries per wing. The command line, the wizard, the documentation and
//! `config.example.toml` read the same table.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Row;

/// A kind with its own settings, as written in a job or config file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plug {
    /// Which entry of the catalog.
    pub kind: String,
    /// Everything else in its table.
    #[serde(default)]
    pub params: Row,
}

impl Plug {
    /// Reads the settings into the kind's own type (`deny_unknown_fields`), naming the nearest known key if one is wrong.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, PlugError> {
        serde_json::from_value(serde_json::Value::Object(self.params.clone())).map_err(|error| {
            let message = error.to_string();
            let key = message
                .split('`')
                .nth(1)
                .filter(|_| message.starts_with("unknown field"))
                .map(str::to_owned);
            PlugError {
                key,
                message: format!("{}: {message}", self.kind),
            }
        })
    }
}

/// Settings that cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PlugError {
    /// The key at fault, if it is one key.
    pub key: Option<String>,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl PlugError {
    /// An error of the whole table.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            key: None,
            message: message.into(),
        }
    }

    /// An error of one key.
    pub fn at(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            key: Some(key.into()),
            message: message.into(),
        }
    }
}

/// One kind: what it is called, what it does, how it is written, how it is built.
#[derive(Debug)]
pub struct Entry<B: 'static> {
    /// The word in job and config files.
    pub kind: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// TOML of its table without the header line, complete enough to build.
    pub example: &'static str,
    /// Makes the component.
    pub build: B,
}

/// A wing's table.
#[derive(Debug, Clone, Copy)]
pub struct Catalog<B: 'static>(pub &'static [Entry<B>]);

impl<B> Catalog<B> {
    /// The entry of that kind, or an error that names the nearest.
    pub fn find(&self, kind: &str) -> Result<&'static Entry<B>, PlugError> {
        self.0.iter().find(|entry| entry.kind == kind).ok_or_else(|| {
            let names = self.kinds();
            let hint = super::text::nearest(kind, &names).map_or_else(
                || format!("one of: {}", names.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            PlugError::at("kind", format!("unknown kind `{kind}`; {hint}"))
        })
    }

    /// All kinds, in the table's order.
    pub fn kinds(&self) -> Vec<&'static str> {
        self.0.iter().map(|entry| entry.kind).collect()
    }
}
