//! What an engine is given and these runs never ask: files, drafts, the log, a directory of providers that stays as it is.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use destilation::core::api::*;
use destilation::core::directory::*;
use destilation::core::job::PauseReason;
use destilation::core::ports::{Customs, Desk, ModelInfo, ModelProvider};
use destilation::core::settings::ProviderSettings;

/// All of it.
pub struct Idle;

fn nobody<T>() -> Result<T, Failure> {
    Err(Failure::new(FailureKind::Usage, "not in a simulation"))
}

#[async_trait]
impl ProviderDirectory for Idle {
    fn kinds(&self) -> Vec<ProviderKind> {
        Vec::new()
    }
    async fn save(&self, _: &ProviderSettings) -> Result<Configured, Failure> {
        nobody()
    }
    async fn change(&self, _: &str, _: &ProviderChange) -> Result<Configured, Failure> {
        nobody()
    }
    async fn remove(&self, _: &str) -> Result<Configured, Failure> {
        nobody()
    }
    async fn build(&self, provider: &ProviderSettings) -> Result<Arc<dyn ModelProvider>, PauseReason> {
        Err(PauseReason::NoTeacher(provider.name.clone()))
    }
    fn origin(&self, _: &str) -> Option<String> {
        None
    }
    fn key(&self, _: &ProviderSettings) -> KeyState {
        KeyState::None
    }
    async fn found(&self) -> Vec<FoundProvider> {
        Vec::new()
    }
    fn offered(&self, _: &ProviderSettings) -> Option<Offer> {
        None
    }
    fn keep_offer(&self, _: &ProviderSettings, models: Vec<ModelInfo>) -> Offer {
        Offer {
            models,
            ..Offer::default()
        }
    }
    fn tested(&self, _: &ProviderSettings) -> Option<LastTest> {
        None
    }
    fn keep_test(&self, _: &ProviderSettings, _: LastTest) {}
}

impl Customs for Idle {
    fn files(&self) -> UserFiles {
        UserFiles::default()
    }
    fn configuration(&self) -> Result<Vec<(String, String, String)>, String> {
        Ok(Vec::new())
    }
    fn set(&self, _: &str, _: Option<&serde_json::Value>) -> Result<(), String> {
        Ok(())
    }
    fn bind(&self, _: &[KeyChange]) -> Result<(), String> {
        Ok(())
    }
    fn old_logs(&self, _: u32, _: bool) -> Result<(u64, u64), String> {
        Ok((0, 0))
    }
}

impl Desk for Idle {
    fn drafts(&self) -> io::Result<Vec<(String, String, i64)>> {
        Ok(Vec::new())
    }
    fn save_draft(&self, _: &str, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn drop_draft(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn files(&self, _: &Path, _: &[String]) -> Vec<String> {
        Vec::new()
    }
    fn write_new(&self, _: &Path, _: &str) -> io::Result<()> {
        Ok(())
    }
}

impl LogBook for Idle {
    fn page(&self, _: &LogQuery) -> LogPage {
        LogPage::default()
    }
    fn set_level(&self, _: Option<LogLevel>) {}
    fn save(&self, _: &LogFilter) -> Result<(PathBuf, u64), Failure> {
        Ok((PathBuf::new(), 0))
    }
}
