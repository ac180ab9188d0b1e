//! Providers changed while a job runs: what is in flight finishes as it began, what comes after goes to what holds then.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may panic"
)]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use destilation::core::api::*;
use destilation::core::directory::*;
use destilation::core::job::PauseReason;
use destilation::core::ports::{Customs, Desk, ModelInfo, ModelProvider};
use destilation::core::request::{Completion, ModelRequest, ProviderError, RawResponse, Usage};
use destilation::core::settings::{ModelSettings, ProviderSettings, Settings};
use destilation::engine::{Endpoint, Parts, Started, start};
use destilation::store::memory::MemoryStore;
use destilation::{dataset, validators};

/// A teacher that answers with its address after a while.
struct Teacher {
    address: String,
    sent: Arc<AtomicU64>,
}

#[async_trait]
impl ModelProvider for Teacher {
    async fn send(&self, _: &ModelRequest) -> Result<RawResponse, ProviderError> {
        self.sent.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(RawResponse {
            status: 200,
            headers: Vec::new(),
            body: self.address.clone(),
            latency: Duration::from_millis(20),
        })
    }

    fn read(&self, response: &RawResponse) -> Result<Completion, ProviderError> {
        Ok(Completion {
            text: response.body.clone(),
            reasoning: None,
            tool_calls: Vec::new(),
            logprobs: None,
            usage: Usage::default(),
            finish: destilation::core::request::FinishReason::Stop,
            request_id: None,
            model: None,
        })
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        Ok(Vec::new())
    }

    async fn probe(&self) -> Result<(), ProviderError> {
        Ok(())
    }
}

/// A directory in memory.
#[derive(Default)]
struct InMemory {
    providers: Mutex<Vec<ProviderSettings>>,
    sent: Arc<AtomicU64>,
    built: AtomicU64,
}

impl InMemory {
    fn now(&self) -> Configured {
        Configured {
            providers: self.providers.lock().unwrap().clone(),
            mock_by_default: false,
        }
    }
}

#[async_trait]
impl ProviderDirectory for InMemory {
    fn kinds(&self) -> Vec<ProviderKind> {
        Vec::new()
    }
    async fn save(&self, provider: &ProviderSettings) -> Result<Configured, Failure> {
        let mut all = self.providers.lock().unwrap();
        all.retain(|one| one.name != provider.name);
        all.push(provider.clone());
        drop(all);
        Ok(self.now())
    }
    async fn change(&self, name: &str, change: &ProviderChange) -> Result<Configured, Failure> {
        for one in self
            .providers
            .lock()
            .unwrap()
            .iter_mut()
            .filter(|one| one.name == name)
        {
            one.disabled = change.enabled == Some(false);
        }
        Ok(self.now())
    }
    async fn remove(&self, name: &str) -> Result<Configured, Failure> {
        self.providers.lock().unwrap().retain(|one| one.name != name);
        Ok(self.now())
    }
    async fn build(&self, provider: &ProviderSettings) -> Result<Arc<dyn ModelProvider>, PauseReason> {
        self.built.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(Teacher {
            address: provider.base_url.clone().unwrap_or_default(),
            sent: Arc::clone(&self.sent),
        }))
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

/// Nobody's files.
struct NoFiles;

impl Customs for NoFiles {
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

/// A desk without drawers.
struct NoDesk;

impl Desk for NoDesk {
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

struct NoLog;

impl LogBook for NoLog {
    fn page(&self, _: &LogQuery) -> LogPage {
        LogPage::default()
    }
    fn set_level(&self, _: Option<LogLevel>) {}
    fn save(&self, _: &LogFilter) -> Result<(PathBuf, u64), Failure> {
        Ok((PathBuf::new(), 0))
    }
}

fn settings(name: &str, address: &str) -> ProviderSettings {
    ProviderSettings {
        name: name.to_owned(),
        kind: "openai".to_owned(),
        base_url: Some(address.to_owned()),
        models: vec![ModelSettings {
            id: "m".to_owned(),
            capabilities: Vec::new(),
            weight: 1.0,
            price: None,
            context: None,
        }],
        ..ProviderSettings::default()
    }
}

async fn engine(directory: &Arc<InMemory>, folder: &std::path::Path) -> Started {
    let first = settings("p", "old");
    directory.save(&first).await.unwrap();
    let provider = directory.build(&first).await;
    let parts = Parts {
        store: Arc::new(MemoryStore::new()),
        held_by: None,
        settings: Settings::default(),
        configuration: Vec::new(),
        endpoints: vec![Endpoint {
            settings: first,
            provider,
        }],
        mock_by_default: false,
        directory: Arc::clone(directory) as _,
        log: Arc::new(NoLog),
        desk: Arc::new(NoDesk),
        customs: Arc::new(NoFiles),
        validators: validators::CATALOG,
        formats: dataset::CATALOG,
        trainers: dataset::TRAINERS,
        seed_kinds: Vec::new(),
        open_rows: Arc::new(|_, _, _| panic!("no seeds")),
        look_over: |_, _| panic!("no datasets"),
        read_text: Arc::new(|_| Err("no files".to_owned())),
        aside: destilation::engine::on_blocking_threads(),
        compile_schema: validators::compile_schema,
        near_groups: validators::near_groups,
        dataset: Arc::new(dataset::FilesystemDatasetWriter::new(folder.to_owned())),
        recorder: None,
        bundled: &[],
        environment: Vec::new(),
        writes: true,
        runs: true,
    };
    start(parts).await.unwrap()
}

const JOB: &str = "name = \"j\"\n[seeds]\ncount = 400\n[[steps]]\nname = \"a\"\nprompt = \"say\"\n[limits]\nconcurrency = 8\n[dataset]\nformat = \"raw\"\n";

fn run() -> Command {
    Command::Run {
        source: JobSource::Text {
            source: JOB.to_owned(),
            base: PathBuf::from("."),
        },
        options: RunOptions::default(),
    }
}

async fn summary(engine: &dyn Application) -> Summary {
    let Ok(Answer::Summary(summary)) = engine.ask(Query::Summary("j".to_owned())).await else {
        panic!("no summary")
    };
    *summary
}

async fn wait(engine: &dyn Application, done: impl Fn(&Summary) -> bool) -> Summary {
    for _ in 0..1_000 {
        let now = summary(engine).await;
        if done(&now) {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never came: {:?}", summary(engine).await)
}

/// Accepted answers with that text.
async fn answers(engine: &dyn Application, text: &str) -> u64 {
    let query = Query::Samples {
        filter: SampleQuery::parse(&format!("{text:?}")).unwrap(),
        after: None,
        limit: 1,
    };
    match engine.ask(query).await {
        Ok(Answer::Samples(page)) => page.total,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_goes_on_at_the_new_address_and_nothing_is_asked_twice() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Arc::new(InMemory::default());
    let started = engine(&directory, folder.path()).await;
    let engine = Arc::clone(&started.engine);
    engine.order(run()).await.unwrap();
    wait(engine.as_ref(), |now| now.tasks.accepted >= 40).await;
    let other = settings("p", "fresh");
    engine
        .order(Command::SaveProvider(Box::new(other)))
        .await
        .unwrap();
    let end = wait(engine.as_ref(), |now| now.state == "completed").await;
    assert_eq!(end.tasks.accepted, 400);
    assert_eq!(
        directory.sent.load(Ordering::SeqCst),
        400,
        "each task was asked once"
    );
    let (old, fresh) = (
        answers(engine.as_ref(), "old").await,
        answers(engine.as_ref(), "fresh").await,
    );
    assert!(old >= 40 && fresh > 0 && old + fresh == 400, "{old} + {fresh}");
    engine.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_switched_off_is_asked_nothing_more_and_another_steps_in() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Arc::new(InMemory::default());
    let started = engine(&directory, folder.path()).await;
    let engine = Arc::clone(&started.engine);
    let built = || directory.built.load(Ordering::SeqCst);
    let enabled = |enabled| Command::ChangeProvider {
        name: "p".to_owned(),
        change: ProviderChange {
            enabled: Some(enabled),
            ..ProviderChange::default()
        },
    };
    engine.order(run()).await.unwrap();
    wait(engine.as_ref(), |now| now.tasks.accepted >= 20).await;
    engine.order(enabled(false)).await.unwrap();
    let paused = wait(engine.as_ref(), |now| now.state == "paused").await;
    assert!(
        paused.reason.as_deref().unwrap().contains("switched off"),
        "{paused:?}"
    );
    assert_eq!(built(), 1, "switching off builds nothing");
    let other = settings("q", "second");
    engine
        .order(Command::SaveProvider(Box::new(other)))
        .await
        .unwrap();
    engine.order(Command::Resume("j".to_owned())).await.unwrap();
    wait(engine.as_ref(), |now| now.tasks.accepted >= 200).await;
    engine.order(enabled(true)).await.unwrap();
    engine
        .order(Command::RemoveProvider("q".to_owned()))
        .await
        .unwrap();
    let end = wait(engine.as_ref(), |now| now.state == "completed").await;
    assert_eq!(end.tasks.accepted, 400);
    assert_eq!(built(), 2);
    let Ok(Answer::ProviderDetails(details)) = engine.ask(Query::ProviderDetails).await else {
        panic!("no details")
    };
    assert_eq!(details.len(), 1);
    assert_eq!(
        directory.sent.load(Ordering::SeqCst),
        400,
        "each task was asked once"
    );
    engine.close().await;
}
