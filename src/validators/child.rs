//! A program of the user's as a child process that speaks JSON lines: started with nothing but what it was promised, spoken to under
//! limits, and ended with everything it started. What the lines mean is [`super::script`]'s business.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};

use crate::core::plugin::MARK;
use crate::core::text::{sanitize_line, shorten};
use crate::fence;

/// Longest line it may write, in bytes.
const LINE: usize = 8 << 20;
/// Most bytes it may write before its answer comes.
const ANSWER: usize = 64 << 20;
/// How much of its standard error is kept, in bytes.
const STDERR: usize = 64 << 10;
/// How long it may take to say hello.
const HELLO: Duration = Duration::from_secs(5);
/// How long it may take to end by itself after a SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

/// How to start the program.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    /// The program and its arguments: never a shell's command line.
    pub(super) command: Vec<String>,
    /// The variables it gets besides PATH and LANG.
    pub(super) env: Vec<String>,
    /// Its working directory, absolute: relative paths in the command refer to it.
    pub(super) base: PathBuf,
    /// Hash of its file, where the job pins it.
    pub(super) sha256: Option<String>,
}

/// Why an exchange failed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Its output ended: it died, or it closed its output.
    Ended(String),
    /// It broke the protocol.
    Protocol(String),
}

impl Trouble {
    pub(super) fn message(&self) -> &str {
        match self {
            Self::Ended(message) | Self::Protocol(message) => message,
        }
    }
}

/// The program, running, in a process group of its own. Dropping it kills the group.
#[derive(Debug)]
pub(super) struct Child {
    process: tokio::process::Child,
    group: Option<Pid>,
    /// What it and everything it started carry.
    mark: String,
    stdin: Option<ChildStdin>,
    lines: FramedRead<ChildStdout, LinesCodec>,
    stderr: Arc<Mutex<VecDeque<u8>>>,
    /// Reads its standard error, so that it never blocks on it.
    _drain: JoinSet<()>,
}

impl Launch {
    /// Starts it and waits for its `{"hello":1}`.
    #[expect(
        clippy::disallowed_methods,
        reason = "one of the few places that start a program: a validator of the user's"
    )]
    pub(super) async fn start(&self) -> Result<Child, String> {
        let (program, arguments) = self.command.split_first().ok_or("the command is empty")?;
        fence::verify(&self.command, &self.base, self.sha256.as_deref())?;
        let mark = fence::mark();
        let mut process = Command::new(self.program(program))
            .args(arguments)
            .current_dir(&self.base)
            .env_clear()
            .envs(self.environment())
            .env(MARK, &mark)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("`{program}` cannot be started: {error}"))?;
        let pipes = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(format!("`{program}` has no pipes"));
        };
        let kept = Arc::new(Mutex::new(VecDeque::new()));
        let mut drain = JoinSet::new();
        drain.spawn(keep_the_end(stderr, Arc::clone(&kept)));
        let mut child = Child {
            group: process.id().and_then(|id| Pid::from_raw(id.cast_signed())),
            mark,
            process,
            stdin: Some(stdin),
            lines: FramedRead::new(stdout, LinesCodec::new_with_max_length(LINE)),
            stderr: kept,
            _drain: drain,
        };
        if let Some(pid) = child.group {
            fence::limit(pid);
        }
        let greeted = match timeout(HELLO, child.greeting()).await {
            Ok(greeted) => greeted,
            Err(_) => Err(format!(
                "it did not write {{\"hello\":1}} within {} s",
                HELLO.as_secs()
            )),
        };
        if let Err(problem) = greeted {
            let said = child.last_words().await;
            child.stop().await;
            return Err(format!("{problem}{said}"));
        }
        Ok(child)
    }

    /// A path is relative to the base; a bare name is looked up in PATH.
    fn program(&self, program: &str) -> PathBuf {
        if program.contains('/') {
            self.base.join(program)
        } else {
            Path::new(program).to_owned()
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the two variables a program is promised"
    )]
    fn environment(&self) -> Vec<(String, std::ffi::OsString)> {
        ["PATH", "LANG"]
            .into_iter()
            .chain(self.env.iter().map(String::as_str))
            .filter_map(|name| Some((name.to_owned(), std::env::var_os(name)?)))
            .collect()
    }
}

async fn keep_the_end(mut stderr: ChildStderr, kept: Arc<Mutex<VecDeque<u8>>>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(&buffer[..count]);
        let over = kept.len().saturating_sub(STDERR);
        kept.drain(..over);
    }
}

impl Child {
    async fn greeting(&mut self) -> Result<(), String> {
        let line = self
            .line()
            .await
            .map_err(|trouble| trouble.message().to_owned())?;
        let hello = serde_json::from_str::<Value>(&line)
            .ok()
            .and_then(|value| value.get("hello").cloned());
        match hello {
            Some(version) if version == 1 => Ok(()),
            Some(version) => Err(format!("it speaks version {version} of the protocol, not 1")),
            None => Err(format!(
                "its first line is not {{\"hello\":1}} but {}",
                quoted(&line)
            )),
        }
    }

    /// The next line it writes.
    async fn line(&mut self) -> Result<String, Trouble> {
        match self.lines.next().await {
            Some(Ok(line)) => Ok(line),
            Some(Err(LinesCodecError::MaxLineLengthExceeded)) => Err(Trouble::Protocol(format!(
                "it wrote a line of more than {} MiB",
                LINE >> 20
            ))),
            Some(Err(LinesCodecError::Io(error))) => {
                Err(Trouble::Protocol(format!("its output cannot be read: {error}")))
            }
            None => Err(Trouble::Ended("its output ended".to_owned())),
        }
    }

    /// Writes a line and reads until the reply with that id; other ids are dropped. Writing and reading go on side by side, so
    /// that full pipes cannot lock. After an error it is of no more use: [`Self::stop`] it.
    pub(super) async fn exchange(&mut self, line: &str, id: &str) -> Result<Value, Trouble> {
        let Some(mut stdin) = self.stdin.take() else {
            return Err(Trouble::Ended("its input is closed".to_owned()));
        };
        let mut written = false;
        let write = async {
            // A broken pipe shows as the end of its output, which says more.
            let sent = async {
                stdin.write_all(line.as_bytes()).await?;
                stdin.write_all(b"\n").await?;
                stdin.flush().await
            };
            written = sent.await.is_ok();
            std::future::pending::<()>().await;
        };
        let reply = tokio::select! {
            biased;
            () = write => return Err(Trouble::Ended("its input is closed".to_owned())),
            reply = self.reply(id) => reply,
        };
        let reply = match reply {
            Ok(reply) if written => reply,
            Ok(_) => return Err(Trouble::Protocol("it answered before it read".to_owned())),
            Err(trouble) => {
                let said = self.last_words().await;
                return Err(match trouble {
                    Trouble::Ended(message) => Trouble::Ended(message + &said),
                    Trouble::Protocol(message) => Trouble::Protocol(message + &said),
                });
            }
        };
        self.stdin = Some(stdin);
        Ok(reply)
    }

    async fn reply(&mut self, id: &str) -> Result<Value, Trouble> {
        let mut bytes = 0;
        loop {
            let line = self.line().await?;
            bytes += line.len();
            if bytes > ANSWER {
                return Err(Trouble::Protocol(format!(
                    "it wrote more than {} MiB without the answer",
                    ANSWER >> 20
                )));
            }
            let reply: Value = serde_json::from_str(&line).map_err(|_| {
                Trouble::Protocol(format!("it wrote a line that is no JSON: {}", quoted(&line)))
            })?;
            if reply.get("id").and_then(Value::as_str) == Some(id) {
                return Ok(reply);
            }
        }
    }

    /// How it ended, if it did, and the end of its standard error, for a message.
    async fn last_words(&mut self) -> String {
        // What it wrote last may still be on its way to us, and so may its end.
        let ended = timeout(Duration::from_millis(200), self.process.wait()).await;
        let status = match ended {
            Ok(Ok(status)) => format!(" ({status})"),
            _ => String::new(),
        };
        let kept = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        match text.lines().rev().find(|line| !line.trim().is_empty()) {
            Some(line) => format!("{status}; it said: {}", quoted(line)),
            None => status,
        }
    }

    /// Ends it: its input closes and its group gets a SIGTERM, after two seconds a SIGKILL; then it is reaped.
    pub(super) async fn stop(mut self) {
        drop(self.stdin.take());
        self.signal(Signal::TERM);
        let _ = timeout(GRACE, self.process.wait()).await;
        // Those it started may still live although it is gone.
        self.signal(Signal::KILL);
        fence::sweep(&self.mark);
        self.group = None;
        let _ = self.process.wait().await;
    }

    /// An empty group is no error: everything in it has ended.
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.group.is_some() {
            self.signal(Signal::KILL);
            fence::sweep(&self.mark);
        }
    }
}

fn quoted(line: &str) -> String {
    format!("“{}”", shorten(sanitize_line(line.trim()).as_str(), 200))
}
