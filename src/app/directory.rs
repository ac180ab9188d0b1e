//! The directory of providers: written into the user's configuration with comments kept, built with their keys, found on this machine,
//! and what they offered last, remembered in the state directory. It decides nothing about who is asked.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::assemble::with_mock;
use super::environment;
use crate::config::{self, Dirs, Flags, Loaded, Origin, Redactor, Variables, resolve};
use crate::core::api::{Failure, FailureKind, FoundProvider, KeyState, LastTest, Offer, ProviderKind};
use crate::core::budget::Price;
use crate::core::directory::{Configured, ProviderChange, ProviderDirectory};
use crate::core::job::PauseReason;
use crate::core::ports::{ModelInfo, ModelProvider};
use crate::core::secret;
use crate::core::settings::{KeySource, ModelSettings, ProviderSettings};
use crate::providers;

/// Where an Ollama listens, on this machine only.
const OLLAMA: &str = "http://127.0.0.1:11434";
/// How long to wait for it.
const ON_LOOPBACK: Duration = Duration::from_secs(1);
/// Kinds that are not added on a screen: a cassette replays a whole run, from its start.
const NOT_ADDED: &str = "replay";

/// Everything the directory needs to know of the world.
pub(super) struct Directory {
    pub(super) variables: Variables,
    pub(super) flags: Flags,
    pub(super) cwd: PathBuf,
    pub(super) dirs: Dirs,
    pub(super) redactor: Redactor,
    /// Keys are fetched, because providers are going to be asked.
    pub(super) asked: bool,
    /// How long the built-in mock takes for an answer, where no provider is configured.
    pub(super) mock_latency_ms: Option<u64>,
    /// What is configured, and in which file each provider stands.
    pub(super) known: Mutex<Known>,
    /// What was remembered of each, by name.
    pub(super) memory: Mutex<BTreeMap<String, Memory>>,
}

/// What is configured.
#[derive(Default)]
pub(super) struct Known {
    providers: Vec<ProviderSettings>,
    files: BTreeMap<String, PathBuf>,
}

impl Known {
    pub(super) fn of(loaded: &Loaded) -> Self {
        let file_of = |provider: &ProviderSettings| {
            let prefix = format!("providers.{}.", provider.name);
            let stands = loaded.origins.iter().filter(|(key, _)| key.starts_with(&prefix));
            let mut files: Vec<&Path> = stands
                .filter_map(|(_, origin)| match origin {
                    Origin::File(place) => Some(place.file.as_path()),
                    _ => None,
                })
                .collect();
            // The strongest file wins, so that is where a change has to be.
            files.sort_by_key(|file| loaded.files.iter().position(|known| known == file));
            Some((provider.name.clone(), (*files.first()?).to_owned()))
        };
        Self {
            files: loaded.settings.providers.iter().filter_map(file_of).collect(),
            providers: loaded.settings.providers.clone(),
        }
    }
}

/// What is remembered of a provider between sessions.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    /// Of which endpoint.
    kind: String,
    base_url: Option<String>,
    at_ms: i64,
    models: Vec<Remembered>,
    tested: Option<LastTest>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Remembered {
    id: String,
    context: Option<u64>,
    price: Option<Price>,
    capabilities: Vec<String>,
}

impl Directory {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file a provider stands in, or would be written into.
    fn file(&self, name: &str) -> PathBuf {
        let stands = self.known().files.get(name).cloned();
        stands
            .or_else(|| self.flags.config.clone())
            .unwrap_or_else(|| self.dirs.config_file())
    }

    fn configured_one(&self, name: &str) -> Result<ProviderSettings, Failure> {
        let loaded = self.load()?;
        let found = loaded.settings.providers.into_iter().find(|one| one.name == name);
        found.ok_or_else(|| {
            let what = format!("`{name}` is in no config file");
            Failure::new(FailureKind::NotFound, what).help("n adds a provider")
        })
    }

    fn load(&self) -> Result<Loaded, Failure> {
        config::load(&self.flags, &self.variables, &self.cwd, &self.dirs).map_err(|error| {
            let mut failure = Failure::new(FailureKind::Invalid, "the configuration cannot be read");
            failure.causes = error.problems.iter().map(ToString::to_string).collect();
            failure.help("put the file right, then try again")
        })
    }

    /// What holds after a change.
    fn reload(&self) -> Result<Configured, Failure> {
        let loaded = self.load()?;
        *self.known() = Known::of(&loaded);
        let (providers, mock_by_default) = with_mock(&loaded.settings, self.mock_latency_ms);
        Ok(Configured {
            providers,
            mock_by_default,
        })
    }

    fn put(&self, provider: &ProviderSettings) -> Result<Configured, Failure> {
        if let Some(place) = secret::key_in(provider) {
            let what = format!("`{place}` holds what looks like a key; it was not written");
            return Err(Failure::new(FailureKind::Invalid, what)
                .help("put the key into an environment variable, and name the variable here"));
        }
        let mut settings = self.load()?.settings;
        settings.providers.retain(|one| one.name != provider.name);
        settings.providers.push(provider.clone());
        let prefix = format!("providers.{}.", provider.name);
        let problems = config::check_settings(&settings, &providers::CATALOG.kinds());
        let problems: Vec<String> = problems
            .iter()
            .filter(|problem| problem.key.starts_with(&prefix))
            .map(|problem| format!("{} {}", &problem.key[prefix.len()..], problem.message))
            .collect();
        if let Some(first) = problems.first() {
            let mut failure = Failure::new(FailureKind::Invalid, first.clone());
            failure.causes = problems[1..].to_vec();
            return Err(failure);
        }
        let file = self.file(&provider.name);
        config::put_provider(&file, provider, &self.dirs).map_err(|error| unwritten(&error))?;
        tracing::info!(provider = provider.name, "written into the configuration");
        self.reload()
    }

    fn memory(&self) -> MutexGuard<'_, BTreeMap<String, Memory>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, name: &str) -> PathBuf {
        self.dirs.state.join("providers").join(format!("{name}.json"))
    }

    /// What is remembered of exactly this endpoint.
    fn remembered(&self, provider: &ProviderSettings) -> Memory {
        let mut memory = self.memory();
        let one = memory
            .entry(provider.name.clone())
            .or_insert_with(|| read(&self.place(&provider.name)));
        if one.kind == provider.kind && one.base_url == provider.base_url {
            return one.clone();
        }
        Memory {
            kind: provider.kind.clone(),
            base_url: provider.base_url.clone(),
            ..Memory::default()
        }
    }

    fn remember(&self, provider: &ProviderSettings, change: impl FnOnce(&mut Memory)) {
        let mut one = self.remembered(provider);
        change(&mut one);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        // Only what is configured leaves a file; settings that are being tried do not.
        let kept = self.known().files.contains_key(&provider.name);
        if kept
            && provider.name.bytes().all(plain)
            && let Err(error) = write(&self.place(&provider.name), &one)
        {
            tracing::warn!(%error, "the list of models could not be remembered");
        }
        self.memory().insert(provider.name.clone(), one);
    }

    async fn ollama(&self) -> Option<FoundProvider> {
        let mut settings = ProviderSettings {
            name: "ollama".to_owned(),
            kind: "ollama".to_owned(),
            base_url: Some(OLLAMA.to_owned()),
            ..ProviderSettings::default()
        };
        let entry = providers::CATALOG.find("ollama").ok()?;
        let provider = (entry.build)(&settings, None).ok()?;
        let models = tokio::time::timeout(ON_LOOPBACK, provider.models())
            .await
            .ok()?
            .ok()?;
        settings.models = models.into_iter().map(chosen).collect();
        Some(FoundProvider {
            label: "Ollama on 127.0.0.1:11434".to_owned(),
            settings,
        })
    }
}

fn unwritten(error: &config::EditError) -> Failure {
    Failure::new(FailureKind::Unexpected, "the configuration was not changed").because(error.to_string())
}

/// A model on offer as a teacher.
fn chosen(model: ModelInfo) -> ModelSettings {
    ModelSettings {
        id: model.id,
        capabilities: model.capabilities,
        weight: 1.0,
        price: model.price,
        context: model.context,
    }
}

#[async_trait]
impl ProviderDirectory for Directory {
    fn kinds(&self) -> Vec<ProviderKind> {
        let entries = providers::CATALOG
            .0
            .iter()
            .filter(|entry| entry.kind != NOT_ADDED);
        let kind = |entry: &crate::core::catalog::Entry<_>| {
            let (base_url, variable) = providers::defaults(entry.kind);
            ProviderKind {
                kind: entry.kind.to_owned(),
                summary: entry.summary.to_owned(),
                example: entry.example.to_owned(),
                base_url: base_url.map(str::to_owned),
                key_variable: variable.map(str::to_owned),
            }
        };
        entries.map(kind).collect()
    }

    async fn save(&self, provider: &ProviderSettings) -> Result<Configured, Failure> {
        self.put(provider)
    }

    async fn change(&self, name: &str, change: &ProviderChange) -> Result<Configured, Failure> {
        let mut provider = self.configured_one(name)?;
        if let Some(enabled) = change.enabled {
            provider.disabled = !enabled;
        }
        for (id, weight) in &change.weights {
            if let Some(model) = provider.models.iter_mut().find(|model| model.id == *id) {
                model.weight = *weight;
            }
        }
        self.put(&provider)
    }

    async fn remove(&self, name: &str) -> Result<Configured, Failure> {
        self.configured_one(name)?;
        for file in self.load()?.files {
            config::remove_provider(&file, name, &self.dirs).map_err(|error| unwritten(&error))?;
        }
        tracing::info!(provider = name, "taken out of the configuration");
        self.reload()
    }

    async fn build(&self, settings: &ProviderSettings) -> Result<Arc<dyn ModelProvider>, PauseReason> {
        let key = match &settings.api_key {
            Some(source) if self.asked => {
                let key = resolve(source, &self.variables)
                    .await
                    .map_err(|error| PauseReason::Auth(format!("{}: {error}", settings.name)))?;
                self.redactor.add(&key);
                Some(key)
            }
            Some(_) | None => None,
        };
        let entry = providers::CATALOG
            .find(&settings.kind)
            .map_err(|error| PauseReason::NoTeacher(error.message))?;
        (entry.build)(settings, key)
            .map_err(|error| PauseReason::NoTeacher(format!("{}: {error}", settings.name)))
    }

    fn origin(&self, name: &str) -> Option<String> {
        let file = self.known().files.get(name)?.display().to_string();
        Some(file)
    }

    fn key(&self, provider: &ProviderSettings) -> KeyState {
        match &provider.api_key {
            None => KeyState::None,
            Some(KeySource::Env(name)) => match self.variables.get(name).filter(|key| !key.trim().is_empty())
            {
                Some(key) => KeyState::Set {
                    ending: secret::ending(key),
                },
                None => KeyState::Unset,
            },
            Some(KeySource::File(_) | KeySource::Command(_)) => KeyState::Elsewhere,
        }
    }

    async fn found(&self) -> Vec<FoundProvider> {
        let (variables, has_ollama) = {
            let known = self.known();
            let named: Vec<String> = known
                .providers
                .iter()
                .filter_map(|one| match &one.api_key {
                    Some(KeySource::Env(name)) => Some(name.clone()),
                    _ => None,
                })
                .collect();
            (named, known.providers.iter().any(|one| one.kind == "ollama"))
        };
        let mut found = Vec::new();
        for kind in ["openrouter", "openai", "anthropic"] {
            let Some(variable) = providers::defaults(kind).1 else {
                continue;
            };
            let set = self
                .variables
                .get(variable)
                .is_some_and(|key| !key.trim().is_empty());
            if set && !variables.iter().any(|named| named == variable) {
                found.push(FoundProvider {
                    label: variable.to_owned(),
                    settings: ProviderSettings {
                        name: kind.to_owned(),
                        kind: kind.to_owned(),
                        api_key: Some(KeySource::Env(variable.to_owned())),
                        ..ProviderSettings::default()
                    },
                });
            }
        }
        if !has_ollama {
            found.extend(self.ollama().await);
        }
        found
    }

    fn offered(&self, provider: &ProviderSettings) -> Option<Offer> {
        let one = self.remembered(provider);
        let models = one.models.into_iter().map(|model| ModelInfo {
            id: model.id,
            context: model.context,
            price: model.price,
            capabilities: model.capabilities,
        });
        (one.at_ms > 0).then(|| Offer {
            models: models.collect(),
            at_ms: one.at_ms,
            stale: None,
        })
    }

    fn keep_offer(&self, provider: &ProviderSettings, models: Vec<ModelInfo>) -> Offer {
        let at_ms = environment::now_ms();
        let kept = models.iter().map(|model| Remembered {
            id: model.id.clone(),
            context: model.context,
            price: model.price,
            capabilities: model.capabilities.clone(),
        });
        let kept = kept.collect();
        self.remember(provider, |one| {
            one.at_ms = at_ms;
            one.models = kept;
        });
        Offer {
            models,
            at_ms,
            stale: None,
        }
    }

    fn tested(&self, provider: &ProviderSettings) -> Option<LastTest> {
        self.remembered(provider).tested
    }

    fn keep_test(&self, provider: &ProviderSettings, test: LastTest) {
        let at_ms = environment::now_ms();
        let message = self.redactor.redact(&test.message).into_owned();
        self.remember(provider, |one| {
            one.tested = Some(LastTest {
                at_ms,
                message,
                ..test
            });
        });
    }
}

/// What is remembered, or nothing: a broken file is as good as none.
#[expect(
    clippy::disallowed_methods,
    reason = "a cache of ours, with a limit on its size"
)]
fn read(path: &Path) -> Memory {
    const MOST: u64 = 8 << 20;
    if std::fs::metadata(path).map_or(MOST, |about| about.len()) >= MOST {
        return Memory::default();
    }
    let bytes = std::fs::read(path).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a cache of ours: written beside it, renamed"
)]
fn write(path: &Path, memory: &Memory) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    let directory = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let beside = path.with_extension("tmp");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(&serde_json::to_vec(memory)?)?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests;
