//! A command line played against the fake engine, with every byte it writes.

use std::io;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use destilation::cli::args::Arguments;
use destilation::cli::{Input, Offline, Output, Signal, Stream, Surroundings, run, run_offline};
use destilation::core::api::{
    Application, Command, Event, Failure, How, JobDetail, JobProgress, Progress, StreamRequest,
};
use destilation::core::job::JobState;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::sync::watch;

use super::engine::{Fake, detail};

/// A stream whose bytes can be read afterwards; or a pipe nobody reads.
#[derive(Clone, Default)]
pub struct Pipe {
    pub bytes: Arc<Mutex<Vec<u8>>>,
    pub closed: bool,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.bytes.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub struct Scene {
    pub stdin: &'static str,
    pub stdin_is_terminal: bool,
    pub terminal: bool,
    pub width: Option<usize>,
    pub stdout: Pipe,
    pub detail: JobDetail,
    pub how: How,
    pub events: Vec<Event>,
    pub in_flight: u64,
    pub signals: Vec<Signal>,
    pub stuck: bool,
    pub failure: Option<Failure>,
    pub invalid_edit: bool,
    pub editor: Option<&'static str>,
    pub offline: Offline,
}

pub struct Shown {
    pub code: u8,
    pub out: String,
    pub err: String,
    pub orders: Vec<Command>,
    pub streams: Vec<StreamRequest>,
    /// Files left in the editor's scratch directory.
    pub copies: Vec<String>,
}

impl Shown {
    /// The last line of stdout as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(self.out.lines().last().unwrap()).unwrap()
    }
}

impl Scene {
    pub fn new() -> Self {
        Self {
            stdin: "",
            stdin_is_terminal: false,
            terminal: false,
            width: None,
            stdout: Pipe::default(),
            detail: detail(JobState::Completed, 0),
            how: How::Created,
            events: vec![ended(JobState::Completed)],
            in_flight: 0,
            signals: Vec::new(),
            stuck: false,
            failure: None,
            invalid_edit: false,
            editor: None,
            offline: Offline::default(),
        }
    }

    pub fn ending(state: &JobState) -> Self {
        Self {
            detail: detail(state.clone(), 0),
            events: vec![ended(state.clone())],
            ..Self::new()
        }
    }

    pub async fn show(self, words: &[&str]) -> Shown {
        let all = std::iter::once("destiler").chain(words.iter().copied());
        let arguments = Arguments::from_words(all).unwrap();
        let stderr = Pipe::default();
        let stdout = self.stdout.clone();
        let mut out = Output::new(
            Input {
                reader: Box::new(self.stdin.as_bytes()),
                is_terminal: self.stdin_is_terminal,
            },
            Stream {
                writer: Box::new(stdout.clone()),
                is_terminal: self.terminal,
                color: false,
            },
            Stream {
                writer: Box::new(stderr.clone()),
                is_terminal: self.terminal,
                color: false,
            },
            self.width,
            &arguments.globals,
        );
        let (facts, facts_out) = mpsc::channel(1);
        let (signals, signals_out) = mpsc::channel(8);
        let gauge = Progress {
            jobs: vec![JobProgress {
                name: "quiz".to_owned(),
                state: "running".to_owned(),
                planned_all: true,
                enqueued: 1_000,
                persisted: 500,
                accepted_samples: 500,
                in_flight: self.in_flight,
                ..JobProgress::default()
            }],
            ..Progress::default()
        };
        let (_gauge, progress) = watch::channel(gauge);
        let app = Arc::new(Fake {
            orders: Mutex::default(),
            streams: Mutex::default(),
            events: Mutex::new(self.events),
            facts,
            detail: self.detail,
            how: self.how,
            failure: self.failure,
            invalid_edit: self.invalid_edit,
            stuck: self.stuck,
        });
        let scratch = tempfile::tempdir().unwrap();
        let surroundings = Surroundings {
            editor: self.editor.map(str::to_owned),
            scratch: scratch.path().to_owned(),
            grace: Duration::from_secs(10),
        };
        let wanted = self.signals;
        let heard = tokio::spawn({
            let app = Arc::clone(&app);
            async move {
                // The first signal comes once the job is running, the next once the one before was acted upon.
                for (at, signal) in wanted.into_iter().enumerate() {
                    while app.orders.lock().unwrap().len() < at + 1 {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    signals.send(signal).await.unwrap();
                }
                std::future::pending::<()>().await;
            }
        });
        let command = arguments.command.as_ref().unwrap();
        let code = if destilation::cli::needs(command).application {
            run(
                &arguments,
                Arc::clone(&app) as Arc<dyn Application>,
                facts_out,
                progress,
                signals_out,
                &surroundings,
                &mut out,
            )
            .await
        } else {
            run_offline(command, &self.offline, &mut out).await
        };
        heard.abort();
        let text = |pipe: &Pipe| String::from_utf8(pipe.bytes.lock().unwrap().clone()).unwrap();
        let copies = std::fs::read_dir(scratch.path())
            .unwrap()
            .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        Shown {
            code,
            copies,
            out: text(&stdout),
            err: text(&stderr),
            orders: app.orders.lock().unwrap().clone(),
            streams: app.streams.lock().unwrap().clone(),
        }
    }
}

pub fn ended(state: JobState) -> Event {
    Event::Job {
        job: "quiz".to_owned(),
        state,
    }
}

pub async fn show(words: &[&str]) -> Shown {
    Scene::new().show(words).await
}
