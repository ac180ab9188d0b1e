//! What is wrong with a configuration, and where. Values are never repeated: one of them may be a key.

use std::fmt;
use std::path::PathBuf;

use crate::core::text::nearest;

/// A place in a file; both numbers count from 1.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Its line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A file.
    File(Place),
    /// An environment variable of that name.
    Variable(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(place) => place.fmt(f),
            Self::Variable(name) => f.write_str(name),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// Where it was written; [`Origin::Default`] where that is unknown.
    pub origin: Origin,
    /// The key, dotted (`providers.<name>.base_url`); empty for a whole file.
    pub key: String,
    /// What is wrong and what to do.
    pub message: String,
    /// The known key that was meant, where one is near.
    pub nearest: Option<String>,
}

impl Problem {
    /// A problem of a known key.
    pub fn new(origin: Origin, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            origin,
            key: key.into(),
            message: message.into(),
            nearest: None,
        }
    }

    /// An unknown key, with the nearest of those known at its place.
    pub(super) fn unknown(origin: Origin, key: String, word: &str, known: &[&str]) -> Self {
        let near = nearest(word, known).map(str::to_owned);
        let message = if near.is_some() {
            "unknown key".to_owned()
        } else {
            format!("unknown key; known here: {}", known.join(", "))
        };
        Self {
            origin,
            key,
            message,
            nearest: near,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.origin != Origin::Default {
            write!(f, "{}: ", self.origin)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        match &self.nearest {
            Some(near) => write!(f, "; did you mean `{near}`?"),
            None => Ok(()),
        }
    }
}

/// The step that helps with the first of some problems: each says what is wrong, this where to go.
pub fn help(problems: &[Problem]) -> String {
    let Some(problem) = problems.first() else {
        return String::new();
    };
    if problem.nearest.is_some() || problem.message.starts_with("unknown key") {
        return "`destiler init DIR` writes a config file with every key explained; none was guessed"
            .to_owned();
    }
    match &problem.origin {
        Origin::File(place) => format!("correct {} and try again", place.file.display()),
        Origin::Variable(name) => format!("set {name} to something else, or `unset {name}`"),
        Origin::Flag => "correct the command line: `destiler help` shows what it takes".to_owned(),
        Origin::Default => {
            "`destiler config show` tells every value in force and where it was set".to_owned()
        }
    }
}

/// Everything that is wrong, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_fits_the_place() {
        let at = |origin| {
            help(&[Problem::new(
                origin,
                "engine.grace_seconds",
                "must be a whole number",
            )])
        };
        let place = Place {
            file: "a/destiler.toml".into(),
            line: 3,
            column: 1,
        };
        assert_eq!(
            at(Origin::File(place.clone())),
            "correct a/destiler.toml and try again"
        );
        assert!(
            at(Origin::Variable("DESTILER_ENGINE__GRACE_SECONDS".to_owned()))
                .contains("unset DESTILER_ENGINE")
        );
        let unknown = Problem::unknown(Origin::File(place), "engin".to_owned(), "engin", &["engine"]);
        assert!(help(&[unknown]).contains("destiler init"));
    }
}
