//! One running plugin process: its own group and environment, its pipes read by tasks of their own before anything is written, its end
//! by a ladder (SIGTERM to the group, two seconds, SIGKILL to the group, reap). Knows lines and ids, not what they mean.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::Crashes;
use crate::core::plugin::MARK;
use crate::core::text::sanitize_line;
use crate::fence;

/// Longest line in either direction.
const LONGEST_LINE: usize = 8 << 20;
/// Most bytes it may write between two replies.
const STRAY: usize = 64 << 20;
/// Longest wait for the first line.
const HELLO: Duration = Duration::from_secs(5);
/// Between the polite signal and the other one.
const MERCY: Duration = Duration::from_secs(2);
/// How long pipes may stay open after the program ended.
const DRAIN: Duration = Duration::from_millis(200);
/// Bytes of standard error kept.
const RING: usize = 64 << 10;
/// Characters of it shown.
const TAIL: usize = 300;

/// What to start.
pub(super) struct Program {
    /// The provider's name in the configuration.
    pub name: String,
    /// Program and arguments; never a shell's line.
    pub command: Vec<String>,
    /// Variables it gets besides PATH and LANG.
    pub env: Vec<String>,
    /// Hash of its file, where the user pins it.
    pub sha256: Option<String>,
}

/// Why there is no reply.
#[derive(Debug)]
pub(super) enum Lost {
    /// The program could not be started at all.
    NotStarted(String),
    /// It had ended before the question was written.
    NotSent,
    /// It ended, or broke the protocol, while the question was with it.
    Ended(String),
    /// It did not answer in time and was ended.
    Late(Duration),
}

impl Lost {
    /// In words, with the end of its standard error.
    pub(super) fn why(&self) -> String {
        match self {
            Self::NotStarted(why) | Self::Ended(why) => why.clone(),
            Self::NotSent => "ended".to_owned(),
            Self::Late(limit) => format!("no answer within {} s; the process was ended", limit.as_secs()),
        }
    }
}

/// A running process. Dropping it ends the program.
pub(super) struct Process {
    lines: mpsc::Sender<Vec<u8>>,
    waiting: Arc<Waiting>,
    permits: Semaphore,
    stop: Stop,
    _end_with_me: DropGuard,
}

/// How to end a process, and whether its end was wanted.
#[derive(Clone)]
struct Stop {
    now: CancellationToken,
    wanted: CancellationToken,
}

/// Questions that wait for their replies, and why nobody can wait any more.
#[derive(Default)]
struct Waiting {
    state: Mutex<State>,
    ended: CancellationToken,
    errors: Mutex<VecDeque<u8>>,
}

#[derive(Default)]
struct State {
    replies: HashMap<u64, oneshot::Sender<String>>,
    broken: Option<String>,
    end: Option<String>,
}

#[derive(Deserialize)]
struct Hello {
    hello: u64,
    concurrency: Option<usize>,
}

#[derive(Deserialize)]
struct Tagged {
    id: Id,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Number(u64),
    Text(String),
}

impl Process {
    /// Starts the program and waits for its first line.
    pub(super) async fn start(
        program: &Program,
        tasks: &TaskTracker,
        crashes: &Arc<Crashes>,
    ) -> Result<Arc<Self>, Lost> {
        fence::verify(&program.command, Path::new(""), program.sha256.as_deref())
            .map_err(Lost::NotStarted)?;
        let mark = fence::mark();
        let mut child = spawn(program, &mark).map_err(|error| Lost::NotStarted(error.to_string()))?;
        let group = Group {
            pid: child.id().and_then(|id| Pid::from_raw(id.cast_signed())),
            mark,
        };
        if let Some(pid) = group.pid {
            fence::limit(pid);
        }
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(Lost::NotStarted("it has no pipes".to_owned()));
        };
        let waiting = Arc::new(Waiting::default());
        let stop = Stop {
            now: CancellationToken::new(),
            wanted: CancellationToken::new(),
        };
        let (hello, greeted) = oneshot::channel();
        let (lines, queue) = mpsc::channel(16);
        let errors = tasks.spawn(keep_errors(stderr, waiting.clone()));
        let replies = tasks.spawn(read_replies(stdout, hello, waiting.clone(), stop.now.clone()));
        tasks.spawn(write_lines(stdin, queue, stop.now.clone()));
        tasks.spawn(guard(
            child,
            group,
            stop.clone(),
            [errors, replies],
            waiting.clone(),
            crashes.clone(),
        ));

        let end_with_me = stop.now.clone().drop_guard();
        let concurrency = match timeout(HELLO, greeted).await {
            Ok(Ok(Hello {
                hello: 1,
                concurrency,
            })) => concurrency.unwrap_or(1).clamp(1, 1024),
            Ok(Ok(Hello { hello, .. })) => {
                waiting.break_off(format!(
                    "it speaks version {hello} of the protocol; this is version 1"
                ));
                return Err(end_of(&stop, &waiting).await);
            }
            Ok(Err(_)) => return Err(end_of(&stop, &waiting).await),
            Err(_) => {
                waiting.break_off(format!(
                    "it did not say {{\"hello\":1}} within {} s",
                    HELLO.as_secs()
                ));
                return Err(end_of(&stop, &waiting).await);
            }
        };
        Ok(Arc::new(Self {
            lines,
            waiting,
            permits: Semaphore::new(concurrency),
            stop,
            _end_with_me: end_with_me,
        }))
    }

    /// Sends a line and waits for the reply of that id. The limit counts from when it is this question's turn.
    pub(super) async fn ask(&self, id: u64, line: &[u8], limit: Duration) -> Result<String, Lost> {
        let Ok(_permit) = self.permits.acquire().await else {
            return Err(Lost::NotSent);
        };
        let reply = self.waiting.enter(id).ok_or(Lost::NotSent)?;
        let _leave = Leave {
            waiting: &self.waiting,
            id,
        };
        let exchange = async {
            // A writer of its own: a question that is given up half-way must not leave half a line behind.
            let sent = self.lines.send(line.to_vec()).await;
            if sent.is_err() {
                self.waiting.ended.cancelled().await;
            }
            reply.await
        };
        match timeout(limit, exchange).await {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(_)) => Err(Lost::Ended(self.epitaph())),
            Err(_) => {
                self.stop();
                Err(Lost::Late(limit))
            }
        }
    }

    /// Whether it can take questions.
    pub(super) fn is_alive(&self) -> bool {
        let state = self.waiting.state();
        !self.stop.now.is_cancelled() && state.end.is_none() && state.broken.is_none()
    }

    /// Ends it; that is no crash.
    pub(super) fn stop(&self) {
        self.stop.wanted.cancel();
        self.stop.now.cancel();
    }

    /// Why it ended, with the end of its standard error.
    pub(super) fn epitaph(&self) -> String {
        self.waiting.epitaph()
    }
}

impl Waiting {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, id: u64) -> Option<oneshot::Receiver<String>> {
        let mut state = self.state();
        if state.end.is_some() || state.broken.is_some() {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        state.replies.insert(id, sender);
        Some(receiver)
    }

    /// `false`: nobody waits for that id. It is a late reply to a question that was given up, or a mistake.
    fn deliver(&self, id: u64, line: String) -> bool {
        let waits = self.state().replies.remove(&id);
        waits.is_some_and(|sender| sender.send(line).is_ok())
    }

    /// The program broke the protocol: the first reason counts.
    fn break_off(&self, why: String) {
        self.state().broken.get_or_insert(why);
    }

    /// Everyone who waits learns the end.
    fn close(&self, end: String) {
        let mut state = self.state();
        state.end = Some(end);
        state.replies.clear();
        drop(state);
        self.ended.cancel();
    }

    fn keep(&self, bytes: &[u8]) {
        let mut ring = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        ring.extend(&bytes[bytes.len().saturating_sub(RING)..]);
        let over = ring.len().saturating_sub(RING);
        ring.drain(..over);
    }

    fn epitaph(&self) -> String {
        let state = self.state();
        let why = state
            .broken
            .clone()
            .or_else(|| state.end.clone())
            .unwrap_or_default();
        drop(state);
        let mut ring = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let said = String::from_utf8_lossy(ring.make_contiguous()).into_owned();
        let said = said.trim_end();
        let skip = said.chars().count().saturating_sub(TAIL);
        let tail: String = said.chars().skip(skip).collect();
        if tail.is_empty() {
            why
        } else {
            format!("{why}; it said: {}", sanitize_line(&tail))
        }
    }
}

/// Takes a question out of the list however its waiting ends.
struct Leave<'a> {
    waiting: &'a Waiting,
    id: u64,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.waiting.state().replies.remove(&self.id);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "plugins are started here, with the few variables they were promised"
)]
fn spawn(program: &Program, mark: &str) -> std::io::Result<Child> {
    let mut command = Command::new(&program.command[0]);
    command.args(&program.command[1..]).env_clear();
    for name in ["PATH", "LANG"]
        .into_iter()
        .chain(program.env.iter().map(String::as_str))
    {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env(MARK, mark)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// Waits until the guard has seen the end, for its words.
async fn end_of(stop: &Stop, waiting: &Waiting) -> Lost {
    stop.now.cancel();
    waiting.ended.cancelled().await;
    Lost::Ended(waiting.epitaph())
}

async fn keep_errors(mut stderr: ChildStderr, waiting: Arc<Waiting>) {
    let mut buffer = vec![0; 8 << 10];
    while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
        waiting.keep(&buffer[..length]);
    }
}

async fn read_replies(
    stdout: ChildStdout,
    hello: oneshot::Sender<Hello>,
    waiting: Arc<Waiting>,
    stop: CancellationToken,
) {
    let mut hello = Some(hello);
    let mut stray = 0;
    let mut lines = FramedRead::new(stdout, LinesCodec::new_with_max_length(LONGEST_LINE));
    while let Some(line) = lines.next().await {
        let line = match line {
            Ok(line) => line,
            Err(LinesCodecError::MaxLineLengthExceeded) => {
                waiting.break_off(format!("it wrote a line longer than {} MiB", LONGEST_LINE >> 20));
                break;
            }
            Err(LinesCodecError::Io(_)) => {
                waiting.break_off("it wrote bytes that are no UTF-8".to_owned());
                break;
            }
        };
        if let Some(sender) = hello.take() {
            let Ok(first) = serde_json::from_str::<Hello>(&line) else {
                waiting.break_off("its first line was not {\"hello\":1}".to_owned());
                waiting.keep(line.as_bytes());
                break;
            };
            let _ = sender.send(first);
            continue;
        }
        stray += line.len() + 1;
        if stray > STRAY {
            waiting.break_off(format!(
                "it wrote more than {} MiB without an answer",
                STRAY >> 20
            ));
            break;
        }
        let Ok(Tagged { id }) = serde_json::from_str::<Tagged>(&line) else {
            // A stray print is kept where a person finds it.
            waiting.keep(line.as_bytes());
            waiting.keep(b"\n");
            continue;
        };
        let id = match id {
            Id::Number(id) => Some(id),
            Id::Text(id) => id.parse().ok(),
        };
        if id.is_some_and(|id| waiting.deliver(id, line)) {
            stray = 0;
        }
    }
    stop.cancel();
}

async fn write_lines(mut stdin: ChildStdin, mut queue: mpsc::Receiver<Vec<u8>>, stop: CancellationToken) {
    loop {
        let line = tokio::select! {
            line = queue.recv() => line,
            () = stop.cancelled() => None,
        };
        let Some(line) = line else { return };
        tokio::select! {
            written = stdin.write_all(&line) => if written.is_err() { return },
            () = stop.cancelled() => return,
        }
    }
}

/// The process group and whatever left it: killed when the guard has done its work, or goes away before (the runtime is shut down).
struct Group {
    pid: Option<Pid>,
    mark: String,
}

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid {
            // ESRCH: nobody is left, which is what we want.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        fence::sweep(&self.mark);
    }
}

/// Waits for the end, wanted or not, leaves nobody of the group behind, and tells those who wait.
async fn guard(
    mut child: Child,
    group: Group,
    stop: Stop,
    mut readers: [JoinHandle<()>; 2],
    waiting: Arc<Waiting>,
    crashes: Arc<Crashes>,
) {
    let status = tokio::select! {
        status = child.wait() => status,
        () = stop.now.cancelled() => {
            group.signal(Signal::TERM);
            if let Ok(status) = timeout(MERCY, child.wait()).await {
                status
            } else {
                group.signal(Signal::KILL);
                child.wait().await
            }
        }
    };
    // What it wrote last is still in the pipes; a grandchild may hold them open.
    let [errors, replies] = &mut readers;
    let _ = timeout(DRAIN, futures::future::join(errors, replies)).await;
    drop(group);
    readers.iter().for_each(JoinHandle::abort);
    stop.now.cancel();
    if !stop.wanted.is_cancelled() {
        crashes.add();
    }
    waiting.close(match status {
        Ok(status) => format!("the process ended ({status})"),
        Err(error) => format!("the process ended ({error})"),
    });
}
