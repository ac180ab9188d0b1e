//! The way in from the terminal: a thread of its own that waits for bytes, until the terminal is gone, the application ends, or
//! somebody else has the terminal for a while.

use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::mpsc;

use crate::tui::input::Input;

use super::burst::Burst;
use super::parser::Parser;

/// The thread, as its owner holds it.
pub(super) struct Reader {
    keys: tokio::sync::Mutex<mpsc::Receiver<Input>>,
    gate: Arc<Gate>,
    bell: UnixStream,
}

/// What the thread is told.
#[derive(Default)]
struct Gate {
    stopped: AtomicBool,
    /// Somebody else has the terminal.
    closed: AtomicBool,
    gone: AtomicBool,
    /// Held while bytes are read.
    reading: Mutex<()>,
}

impl Gate {
    fn hold(&self) -> MutexGuard<'_, ()> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// Begins to read standard input.
    pub(super) fn start() -> io::Result<Self> {
        let tty = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
        let (sender, keys) = mpsc::channel(256);
        let (bell, heard) = UnixStream::pair()?;
        heard.set_nonblocking(true)?;
        let gate = Arc::new(Gate::default());
        let mut watch = Watch {
            tty,
            heard,
            gate: Arc::clone(&gate),
            sender,
        };
        // Not joined: it ends when the bell is dropped, and holds nothing but its end of the channel.
        std::thread::Builder::new()
            .name("terminal".to_owned())
            .spawn(move || watch.run())?;
        Ok(Self {
            keys: tokio::sync::Mutex::new(keys),
            gate,
            bell,
        })
    }

    /// What comes next; `None` after the end.
    pub(super) async fn next(&self) -> Option<Input> {
        self.keys.lock().await.recv().await
    }

    /// Whether the terminal is gone.
    pub(super) fn is_gone(&self) -> bool {
        self.gate.gone.load(Ordering::SeqCst)
    }

    /// Leaves the terminal to somebody else: when this returns, not a byte is taken any more.
    pub(super) fn pause(&self) {
        self.gate.closed.store(true, Ordering::SeqCst);
        self.ring();
        drop(self.gate.hold());
    }

    /// Reads again. What was typed meanwhile was not meant for us.
    pub(super) fn resume(&self) {
        let _ = rustix::termios::tcflush(rustix::stdio::stdin(), rustix::termios::QueueSelector::IFlush);
        if let Ok(mut keys) = self.keys.try_lock() {
            while keys.try_recv().is_ok() {}
        }
        self.gate.closed.store(false, Ordering::SeqCst);
        self.ring();
    }

    fn ring(&self) {
        let _ = (&self.bell).write(&[0]);
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.gate.stopped.store(true, Ordering::SeqCst);
        self.ring();
    }
}

/// The thread's own side.
struct Watch {
    tty: OwnedFd,
    heard: UnixStream,
    gate: Arc<Gate>,
    sender: mpsc::Sender<Input>,
}

/// What waiting led to.
enum Woken {
    Ready,
    Nothing,
    Gone,
}

impl Watch {
    fn run(&mut self) {
        let (mut parser, mut burst) = (Parser::default(), Burst::default());
        let mut inputs = Vec::new();
        while !self.gate.stopped.load(Ordering::SeqCst) {
            let patience = parser.patience().into_iter().chain(burst.patience()).min();
            match self.wait(patience) {
                Woken::Gone => inputs.push(Input::Gone),
                Woken::Nothing if patience.is_none() => continue,
                Woken::Nothing => {
                    let mut rest = Vec::new();
                    parser.rest(&mut rest);
                    burst.take(rest, &mut inputs);
                    burst.rest(&mut inputs);
                }
                Woken::Ready => match self.read() {
                    Ok(bytes) => {
                        let mut parsed = Vec::new();
                        parser.feed(&bytes, &mut parsed);
                        burst.take(parsed, &mut inputs);
                    }
                    Err(_) => inputs.push(Input::Gone),
                },
            }
            for input in inputs.drain(..) {
                let gone = input == Input::Gone;
                if gone {
                    self.gate.gone.store(true, Ordering::SeqCst);
                }
                if self.sender.blocking_send(input).is_err() || gone {
                    return;
                }
            }
        }
    }

    /// Waits for bytes, for the bell, or for so long.
    fn wait(&mut self, patience: Option<Duration>) -> Woken {
        let limit = patience.map(|time| Timespec {
            tv_sec: time.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        });
        let closed = self.gate.closed.load(Ordering::SeqCst);
        let mut fds = [
            PollFd::new(&self.heard, PollFlags::IN),
            PollFd::new(&self.tty, PollFlags::IN),
        ];
        // A terminal somebody else reads would wake us for every key of theirs.
        let watched = if closed { &mut fds[..1] } else { &mut fds[..] };
        match poll(watched, limit.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Woken::Nothing,
            Err(_) => return Woken::Gone,
        }
        let (rung, state) = (fds[0].revents(), fds[1].revents());
        if !rung.is_empty() {
            let _ = (&self.heard).read(&mut [0; 64]);
            return Woken::Nothing;
        }
        if state.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            return Woken::Gone;
        }
        if state.contains(PollFlags::IN) {
            Woken::Ready
        } else {
            Woken::Nothing
        }
    }

    /// What is there; nothing if somebody else took the terminal meanwhile.
    fn read(&self) -> io::Result<Vec<u8>> {
        let _reading = self.gate.hold();
        if self.gate.closed.load(Ordering::SeqCst) {
            return Ok(Vec::new());
        }
        let mut bytes = vec![0; 4096];
        let read = match rustix::io::read(&self.tty, &mut bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => 0,
            Err(error) => return Err(error.into()),
        };
        bytes.truncate(read);
        Ok(bytes)
    }
}
