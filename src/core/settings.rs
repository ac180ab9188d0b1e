//! What `config.toml` holds, with the defaults that apply without one. Reading files, environment and secrets is the config wing's.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Row;
use super::budget::{Caps, Money, Price};

/// Everything configured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The ledger: a SQLite file (`sqlite://…` or a path). `None`: `destiler.db` in the user's data directory.
    pub database_url: Option<String>,
    /// Where datasets are written; `None`: `./datasets`.
    pub dataset_root: Option<PathBuf>,
    /// The screen.
    pub ui: UiSettings,
    /// The engine.
    pub engine: EngineSettings,
    /// Endpoints. Empty: the built-in mock.
    pub providers: Vec<ProviderSettings>,
}

/// The screen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UiSettings {
    /// A theme's name: of the one for every background that has none of its own.
    pub theme: String,
    /// The theme on dark backgrounds.
    pub theme_dark: Option<String>,
    /// The theme on light backgrounds.
    pub theme_light: Option<String>,
    /// `auto` asks the terminal for its background; `dark` and `light` say it.
    pub theme_mode: String,
    /// A preset of keys: `default`, `arrows`, `vim`, `emacs`.
    pub keys: String,
    /// `auto`, `truecolor`, `256`, `16` or `none`.
    pub color: String,
    /// `auto`, `unicode` or `ascii`.
    pub glyphs: String,
    /// Mouse clicks and wheel.
    pub mouse: bool,
    /// How word of a job reaches someone who looks elsewhere: `auto`, `off`, `bell` or `osc`.
    pub notify: String,
}

impl Default for UiSettings {
    fn default() -> Self {
        Self {
            theme: "terminal".to_owned(),
            theme_dark: None,
            theme_light: None,
            theme_mode: "auto".to_owned(),
            keys: "default".to_owned(),
            color: "auto".to_owned(),
            glyphs: "auto".to_owned(),
            mouse: true,
            notify: "auto".to_owned(),
        }
    }
}

/// The engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineSettings {
    /// Jobs that run side by side.
    pub jobs_at_once: u32,
    /// Cap on the spending of all jobs in a UTC day.
    pub usd_per_day: Option<f64>,
    /// How long a graceful stop waits for what is in flight.
    pub grace_seconds: u64,
    /// What a commit survives.
    pub durability: Durability,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            jobs_at_once: 2,
            usd_per_day: None,
            grace_seconds: 10,
            durability: Durability::Process,
        }
    }
}

/// What a commit survives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// `kill -9`.
    #[default]
    Process,
    /// Power loss: fsync on every commit group.
    Power,
}

/// An endpoint and its models.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderSettings {
    /// How jobs name it, `[a-z0-9-]+`.
    pub name: String,
    /// A kind of the provider catalog.
    pub kind: String,
    /// Address; each kind has a default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Where the key is found; never the key itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<KeySource>,
    /// Caps and politeness.
    pub limits: ProviderLimits,
    /// Longest wait for one answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
    /// Send a key over plain http to other machines.
    pub allow_insecure_http: bool,
    /// Switched off: kept, but not asked.
    #[serde(skip_serializing_if = "is_false")]
    pub disabled: bool,
    /// Models, each a teacher.
    pub models: Vec<ModelSettings>,
    /// `script`: the program and its arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// `script`: processes at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<u32>,
    /// `script`: the only variables it gets besides PATH and LANG.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// `script`: hash of the program's file; another file is not started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// `mock`: time to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// `mock`: fault name → share of requests.
    #[serde(skip_serializing_if = "Row::is_empty")]
    pub faults: Row,
    /// `mock`: changes its answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// `replay`: the recorded file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cassette: Option<PathBuf>,
}

impl ProviderSettings {
    /// Longest wait for one answer, 600 s by default.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds.unwrap_or(600).max(1))
    }

    /// Whether it answers at nobody's cost: on this machine, or a server of the user's own. Where a price is not known, that is one.
    pub fn is_own(&self) -> bool {
        let url = self.base_url.as_deref().unwrap_or_default();
        match self.kind.as_str() {
            "mock" | "replay" | "script" => true,
            // A hosted one speaks https.
            "ollama" => !url.starts_with("https://"),
            _ => is_loopback(url),
        }
    }
}

/// Whether an address is this machine's.
fn is_loopback(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority == "[::1]" || authority.starts_with("[::1]:") {
        return true;
    }
    let host = authority.split(':').next().unwrap_or_default();
    let parts: Vec<&str> = host.split('.').collect();
    let four = parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok());
    host == "localhost" || host.ends_with(".localhost") || (four && host.starts_with("127."))
}

/// Where a key is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum KeySource {
    /// An environment variable.
    Env(String),
    /// A file of mode 0600, whose first line is the key.
    File(PathBuf),
    /// A command that prints it.
    Command(Vec<String>),
}

/// Caps and politeness of a provider.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderLimits {
    /// Requests in flight at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Requests a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Tokens a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
    /// Money, over the life of the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
    /// Tokens, over the life of the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Requests, over the life of the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
}

impl ProviderLimits {
    /// The caps a budget enforces.
    pub fn caps(&self) -> Caps {
        Caps {
            usd: self.usd.map(Money::from_usd),
            tokens: self.tokens,
            requests: self.requests,
            time: None,
        }
    }
}

/// A model at a provider: a teacher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// The provider's id of it.
    pub id: String,
    /// What it is good for; a step's `capability` must be among them.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Share of the work among those that fit.
    #[serde(default = "one")]
    pub weight: f64,
    /// USD per million tokens; unknown costs count as nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Context length in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn one() -> f64 {
    1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ones_own_costs_nothing() {
        let own = |kind: &str, url: &str| {
            let settings = ProviderSettings {
                kind: kind.to_owned(),
                base_url: Some(url.to_owned()).filter(|url| !url.is_empty()),
                ..ProviderSettings::default()
            };
            settings.is_own()
        };
        for (kind, url) in [
            ("mock", ""),
            ("script", ""),
            ("ollama", ""),
            ("ollama", "http://192.168.1.4:11434"),
            ("openai", "http://localhost:8000/v1"),
            ("openai", "http://127.0.0.1:8000"),
            ("openai", "https://[::1]:1/v1"),
        ] {
            assert!(own(kind, url), "{kind} {url}");
        }
        for (kind, url) in [
            ("openai", ""),
            ("openrouter", ""),
            ("ollama", "https://ollama.example"),
            ("openai", "https://127.0.0.1.example.com/v1"),
            ("openai", "https://127.example.com"),
            ("openai", "http://10.0.0.1"),
        ] {
            assert!(!own(kind, url), "{kind} {url}");
        }
    }
}
