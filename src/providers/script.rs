//! A program of the user's own as a teacher: JSON lines over its standard input and output (product.md, "Script protocol").
//! Here: the pool of its processes and the reading of its replies; one running process is in `process`.

mod process;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use self::process::{Lost, Process, Program};
use super::chat::{Messages, tool_call};
use super::classify::{empty, fail, garbage, pause, retry, snooze};
use super::fault::excerpt;
use super::http::{configured_model, encode};
use super::think::split_think;
use crate::core::catalog::{Entry, PlugError};
use crate::core::conversation::ToolCall;
use crate::core::ports::{BuildProvider, ModelInfo, ModelProvider};
use crate::core::request::{
    Completion, FinishReason, ModelRequest, Params, ProviderError, RawResponse, Trouble, Usage,
};
use crate::core::settings::{ModelSettings, ProviderSettings};
use crate::fence;

/// So many crashes …
const CRASHES: usize = 3;
/// … within this time stop the provider for as long.
const CRASH_WINDOW: Duration = Duration::from_mins(1);
/// The pause before a program that did not start is started again.
const RESTART: Duration = Duration::from_secs(1);

/// Its line in the catalog.
pub(super) const ENTRY: Entry<BuildProvider> = Entry {
    kind: "script",
    summary: "Your own program in any language: JSON lines on its standard input and output",
    example: r#"command = ["python3", "plugins/teacher.py"]
workers = 2
env = ["MY_TOKEN"]
models = [{ id = "my-model", capabilities = ["json"] }]"#,
    build,
};

fn build(
    settings: &ProviderSettings,
    key: Option<SecretString>,
) -> Result<Arc<dyn ModelProvider>, PlugError> {
    if settings.command.first().is_none_or(String::is_empty) {
        return Err(PlugError::at(
            "command",
            format!(
                "`{}` needs a command, as a list: command = [\"python3\", \"plugins/teacher.py\"]",
                settings.name
            ),
        ));
    }
    fence::verify(&settings.command, Path::new(""), settings.sha256.as_deref())
        .map_err(|problem| PlugError::at("sha256", problem))?;
    if key.is_some_and(|key| !key.expose_secret().is_empty()) {
        return Err(PlugError::at(
            "api_key",
            "a script gets no key from here: name the variable that holds it in `env`",
        ));
    }
    let workers = settings.workers.unwrap_or(1).clamp(1, 256);
    Ok(Arc::new(Script {
        program: Program {
            name: settings.name.clone(),
            command: settings.command.clone(),
            env: settings.env.clone(),
            sha256: settings.sha256.clone(),
        },
        models: settings.models.clone(),
        timeout: settings.timeout(),
        workers: (0..workers).map(|_| Worker::default()).collect(),
        next_id: AtomicU64::new(1),
        tasks: TaskTracker::new(),
        crashes: Arc::default(),
    }))
}

/// The processes of one program.
struct Script {
    program: Program,
    models: Vec<ModelSettings>,
    timeout: Duration,
    workers: Vec<Worker>,
    next_id: AtomicU64,
    tasks: TaskTracker,
    crashes: Arc<Crashes>,
}

/// A place for one process: started at the first request, and again after it ended.
#[derive(Default)]
struct Worker {
    load: AtomicUsize,
    process: Mutex<Option<Arc<Process>>>,
}

/// When processes ended that should not have.
#[derive(Default)]
struct Crashes(std::sync::Mutex<VecDeque<Instant>>);

impl Crashes {
    fn add(&self) {
        let mut times = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        times.push_back(Instant::now());
        while times.len() > CRASHES {
            times.pop_front();
        }
    }

    fn are_a_loop(&self) -> bool {
        let times = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        times.len() >= CRASHES && times.front().is_some_and(|first| first.elapsed() < CRASH_WINDOW)
    }
}

/// A request counted as this worker's until it is over, however it ends.
struct Dealt<'a>(&'a Worker);

impl Drop for Dealt<'_> {
    fn drop(&mut self) {
        self.0.load.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Serialize)]
struct Question<'a> {
    id: String,
    model: &'a str,
    messages: Messages<'a>,
    schema: Option<&'a Value>,
    params: &'a Params,
    /// The only message is the prompt as it is to be read, without a chat template around it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    completion: bool,
}

impl Script {
    fn least_busy(&self) -> Option<Dealt<'_>> {
        let worker = self
            .workers
            .iter()
            .min_by_key(|worker| worker.load.load(Ordering::Relaxed))?;
        worker.load.fetch_add(1, Ordering::Relaxed);
        Some(Dealt(worker))
    }

    /// The worker's process, started if there is none alive.
    async fn process(&self, worker: &Worker) -> Result<Arc<Process>, ProviderError> {
        let mut slot = worker.process.lock().await;
        if let Some(running) = slot.as_ref().filter(|process| process.is_alive()) {
            return Ok(running.clone());
        }
        let epitaph = slot.take().map(|dead| dead.epitaph()).unwrap_or_default();
        if self.crashes.are_a_loop() {
            return Err(self.crash_loop(&epitaph));
        }
        match Process::start(&self.program, &self.tasks, &self.crashes).await {
            Ok(started) => Ok(slot.insert(started).clone()),
            Err(Lost::NotStarted(why)) => Err(pause(
                Trouble::Setup,
                None,
                format!(
                    "{}: cannot start `{}`: {why}",
                    self.program.name, self.program.command[0]
                ),
            )),
            Err(lost) if self.crashes.are_a_loop() => Err(self.crash_loop(&lost.why())),
            Err(lost) => Err(snooze(
                Trouble::Unreachable,
                RESTART,
                format!("{}: {}", self.program.name, lost.why()),
            )),
        }
    }

    fn crash_loop(&self, last: &str) -> ProviderError {
        let message = format!(
            "{}: ended {CRASHES} times within a minute; last: {last}",
            self.program.name
        );
        pause(Trouble::Setup, Some(CRASH_WINDOW), message)
    }
}

#[async_trait]
impl ModelProvider for Script {
    async fn send(&self, request: &ModelRequest) -> Result<RawResponse, ProviderError> {
        let name = &self.program.name;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut line = encode(
            name,
            &Question {
                id: id.to_string(),
                model: &request.model,
                messages: Messages(&request.messages),
                schema: request.schema.as_deref(),
                params: &request.params,
                completion: request.completion,
            },
        )?;
        line.push(b'\n');
        let Some(dealt) = self.least_busy() else {
            return Err(fail(Trouble::Setup, format!("{name}: no workers")));
        };
        loop {
            let process = self.process(dealt.0).await?;
            let start = Instant::now();
            match process.ask(id, &line, self.timeout).await {
                Ok(body) => {
                    return Ok(RawResponse {
                        status: 200,
                        headers: Vec::new(),
                        body,
                        latency: start.elapsed(),
                    });
                }
                // It ended while we stood in line: nothing was sent, the next process may have it.
                Err(Lost::NotSent) => {}
                Err(lost) => {
                    let message = format!("{name}: {}", lost.why());
                    return Err(ProviderError {
                        maybe_billed: true,
                        ..retry(Trouble::Network, None, message)
                    });
                }
            }
        }
    }

    fn read(&self, response: &RawResponse) -> Result<Completion, ProviderError> {
        read(&self.program.name, response)
    }

    fn usage(&self, response: &RawResponse) -> Usage {
        usage(response)
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, ProviderError> {
        Ok(self.models.iter().map(configured_model).collect())
    }

    async fn probe(&self) -> Result<(), ProviderError> {
        match self.workers.first() {
            Some(worker) => self.process(worker).await.map(drop),
            None => Ok(()),
        }
    }

    async fn close(&self) {
        for worker in &self.workers {
            if let Some(process) = worker.process.lock().await.take() {
                process.stop();
            }
        }
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }
}

#[derive(Debug, Deserialize)]
struct Reply {
    text: Option<String>,
    reasoning: Option<String>,
    tool_calls: Option<Vec<Value>>,
    finish_reason: Option<String>,
    usage: Option<Value>,
    error: Option<Complaint>,
}

/// A plugin's own word about what to do next.
#[derive(Debug, Deserialize)]
struct Complaint {
    #[serde(default)]
    action: String,
    #[serde(default)]
    message: String,
    retry_after: Option<f64>,
}

/// Reads a stored or fresh reply.
pub(super) fn read(who: &str, response: &RawResponse) -> Result<Completion, ProviderError> {
    let Ok(reply) = serde_json::from_str::<Reply>(&response.body) else {
        return Err(garbage(who, response));
    };
    if let Some(complaint) = reply.error {
        return Err(obey(who, &complaint));
    }
    let text = reply.text.unwrap_or_default();
    let (text, reasoning) = match reply.reasoning.filter(|text| !text.is_empty()) {
        Some(reasoning) => (text, Some(reasoning)),
        None => match split_think(&text) {
            (None, _) => (text, None),
            (Some(thinking), answer) => (answer.to_owned(), Some(thinking.to_owned())),
        },
    };
    let calls = reply.tool_calls.unwrap_or_default();
    let tool_calls: Vec<ToolCall> = calls
        .iter()
        .enumerate()
        .filter_map(|(at, call)| ToolCall::deserialize(call).ok().or_else(|| tool_call(at, call)))
        .collect();
    let finish = match reply.finish_reason.as_deref() {
        None | Some("") if tool_calls.is_empty() => FinishReason::Stop,
        None | Some("") => FinishReason::ToolCalls,
        Some(word) => FinishReason::from_word(&excerpt(word)),
    };
    if text.trim().is_empty() && tool_calls.is_empty() && finish == FinishReason::Stop {
        return Err(empty(who));
    }
    Ok(Completion {
        text,
        reasoning,
        tool_calls,
        logprobs: None,
        usage: usage_of(reply.usage.as_ref()),
        finish,
        request_id: None,
        model: None,
    })
}

/// What a reply says it used.
pub(super) fn usage(response: &RawResponse) -> Usage {
    let reply = serde_json::from_str::<Reply>(&response.body).ok();
    usage_of(reply.and_then(|reply| reply.usage).as_ref())
}

fn usage_of(usage: Option<&Value>) -> Usage {
    let count = |key: &str| usage?.get(key)?.as_u64();
    Usage {
        input: count("input"),
        output: count("output"),
        usd: None,
    }
}

fn obey(who: &str, complaint: &Complaint) -> ProviderError {
    let after = complaint
        .retry_after
        .and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok());
    let message = format!("{who}: {}", excerpt(&complaint.message));
    match complaint.action.as_str() {
        "snooze" => snooze(
            Trouble::RateLimit,
            after.unwrap_or(Duration::from_secs(5)),
            message,
        ),
        "fail" => fail(Trouble::Request, message),
        "pause" => pause(Trouble::Setup, after, message),
        _ => retry(Trouble::Server, after, message),
    }
}
