//! Two more driven ports: the directory of providers outside the ledger (configuration, keys, what they offered last), and the log.
//! The composition root stands behind both, for it alone knows files, environment and adapters.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use super::api::{
    Failure, FoundProvider, KeyState, LastTest, LogFilter, LogLevel, LogPage, Offer, ProviderKind,
};
use super::job::PauseReason;
use super::ports::{ModelInfo, ModelProvider};
use super::settings::ProviderSettings;

/// What is configured now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Configured {
    /// All providers, the built-in mock among them.
    pub providers: Vec<ProviderSettings>,
    /// The mock is all there is.
    pub mock_by_default: bool,
}

/// What changes about a provider without its settings being known whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProviderChange {
    /// Whether it is used.
    pub enabled: Option<bool>,
    /// New weights by the models' ids.
    pub weights: Vec<(String, f64)>,
}

/// The user's providers: where they are configured, built and remembered.
#[async_trait]
pub trait ProviderDirectory: Send + Sync {
    /// Kinds that can be added.
    fn kinds(&self) -> Vec<ProviderKind>;
    /// Writes a provider into the configuration (comments stay) and says what holds then. Settings that hold a key are refused.
    async fn save(&self, provider: &ProviderSettings) -> Result<Configured, Failure>;
    /// Changes a little of a configured one.
    async fn change(&self, name: &str, change: &ProviderChange) -> Result<Configured, Failure>;
    /// Takes it out of the configuration.
    async fn remove(&self, name: &str) -> Result<Configured, Failure>;
    /// Builds it, with its key.
    async fn build(&self, provider: &ProviderSettings) -> Result<Arc<dyn ModelProvider>, PauseReason>;
    /// Where it is configured; `None`: it is built in.
    fn origin(&self, name: &str) -> Option<String>;
    /// Whether its key is there.
    fn key(&self, provider: &ProviderSettings) -> KeyState;
    /// What this machine has that is not configured.
    async fn found(&self) -> Vec<FoundProvider>;
    /// What it offered when it was asked last.
    fn offered(&self, provider: &ProviderSettings) -> Option<Offer>;
    /// Remembers what it offers now.
    fn keep_offer(&self, provider: &ProviderSettings, models: Vec<ModelInfo>) -> Offer;
    /// How its last test ended.
    fn tested(&self, provider: &ProviderSettings) -> Option<LastTest>;
    /// Remembers how a test ended; the time is the directory's to tell.
    fn keep_test(&self, provider: &ProviderSettings, test: LastTest);
}

/// Which page of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Which entries.
    pub filter: LogFilter,
    /// None after this one; `None`: up to the newest.
    pub until: Option<i64>,
    /// At most so many.
    pub limit: usize,
}

/// The log of this session and the end of the file before it.
pub trait LogBook: Send + Sync {
    /// A page.
    fn page(&self, query: &LogQuery) -> LogPage;
    /// Writes from now on what is at least this grave; `None`: what was configured.
    fn set_level(&self, level: Option<LogLevel>);
    /// Writes what matches into a file; says which, and how many entries.
    fn save(&self, filter: &LogFilter) -> Result<(PathBuf, u64), Failure>;
}
