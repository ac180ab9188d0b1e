//! The log as a front end sees it: entries without secrets, a filter, and the page of the newest that match.

use serde::{Deserialize, Serialize};

/// How much an entry matters, the gravest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Worth a look.
    Warn,
    /// What happens.
    #[default]
    Info,
    /// Every task and every answer.
    Debug,
    /// Whole exchanges.
    Trace,
}

impl LogLevel {
    /// All, the gravest first.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// Reads [`Self::word`] back, in any case.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|level| level.word().eq_ignore_ascii_case(word))
    }
}

/// One entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogEntry {
    /// Counts up; entries of earlier sessions have negative ones.
    pub number: i64,
    /// Milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// How much it matters.
    pub level: LogLevel,
    /// The part of the program: `engine::attempt`.
    pub target: String,
    /// What happened.
    pub message: String,
    /// Everything else it says: name, value.
    pub fields: Vec<(String, String)>,
}

impl LogEntry {
    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The entry as one text: time aside, as the file has it.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{} {}: {}",
            self.level.word().to_uppercase(),
            self.target,
            self.message
        );
        for (name, value) in &self.fields {
            for part in [" ", name, "=", value] {
                text.push_str(part);
            }
        }
        text
    }
}

/// Which entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// At least this grave.
    pub level: LogLevel,
    /// About this job.
    pub job: Option<String>,
    /// About this provider.
    pub provider: Option<String>,
    /// From this part of the program.
    pub target: Option<String>,
    /// Not from these.
    pub hidden: Vec<String>,
}

impl LogFilter {
    /// Whether an entry is wanted.
    pub fn wants(&self, entry: &LogEntry) -> bool {
        let fits =
            |wanted: &Option<String>, name: &str| wanted.is_none() || wanted.as_deref() == entry.field(name);
        entry.level <= self.level
            && fits(&self.job, "job")
            && fits(&self.provider, "provider")
            && self.target.as_ref().is_none_or(|target| *target == entry.target)
            && !self.hidden.contains(&entry.target)
    }
}

/// A page of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPage {
    /// Entries that match, oldest first.
    pub entries: Vec<LogEntry>,
    /// Matching ones before these.
    pub older: u64,
    /// Matching ones after these.
    pub newer: u64,
    /// Entries in memory.
    pub held: u64,
    /// The file they are in, where there is one, and its size in bytes.
    pub file: Option<(String, u64)>,
    /// What is written at present.
    pub level: LogLevel,
    /// Jobs, providers and targets that occur.
    pub jobs: Vec<String>,
    /// Providers that occur.
    pub providers: Vec<String>,
    /// Targets that occur.
    pub targets: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_narrows_by_everything_it_names() {
        let entry = LogEntry {
            level: LogLevel::Warn,
            target: "engine".to_owned(),
            fields: vec![("job".to_owned(), "a".to_owned())],
            ..LogEntry::default()
        };
        assert!(LogFilter::default().wants(&entry));
        for filter in [
            LogFilter {
                level: LogLevel::Error,
                ..LogFilter::default()
            },
            LogFilter {
                job: Some("b".to_owned()),
                ..LogFilter::default()
            },
            LogFilter {
                provider: Some("p".to_owned()),
                ..LogFilter::default()
            },
            LogFilter {
                target: Some("store".to_owned()),
                ..LogFilter::default()
            },
            LogFilter {
                hidden: vec!["engine".to_owned()],
                ..LogFilter::default()
            },
        ] {
            assert!(!filter.wants(&entry), "{filter:?}");
        }
        assert_eq!(entry.text(), "WARN engine:  job=a");
    }
}
