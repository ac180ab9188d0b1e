//! The real terminal: taken over and given back exactly once, watched for its end, lent to the shell and to the editor, and turned
//! into a stream of input. What is drawn on it is decided elsewhere.

mod announce;
mod backend;
mod burst;
mod copy;
mod editor;
mod guard;
mod parser;
mod reader;
mod tty;

use std::io;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt, stream};
use ratatui::Terminal;
use ratatui::layout::Size;
use tokio::sync::{mpsc, watch};

use crate::core::api::{Application, Event, Progress};

use super::drive::{Host, turn};
use super::input::{Facts, Input};
use super::message::{Edit, Opening};
use super::outside::{Outside, Signs};
use super::trace::Trace;
use super::{Exit, Options};

use backend::Painter;
use guard::Guard;
use reader::Reader;
use tty::Tty;

pub(super) use parser::LARGEST_PASTE;

/// A signal that the root caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT from outside (the key arrives as a key).
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP.
    Hangup,
}

/// The application on the terminal of this process. The caller catches the signals and passes them in, and stops the engine as the
/// result says.
pub async fn run(
    app: Arc<dyn Application>,
    facts: mpsc::Receiver<Event>,
    progress: watch::Receiver<Progress>,
    signals: mpsc::Receiver<Signal>,
    options: Options,
) -> io::Result<Exit> {
    let trace = match &options.outside.trace {
        None => None,
        Some(path) => Some(Trace::create(path).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("{} cannot be written: {error}", path.display()),
            )
        })?),
    };
    let (broken, breaks) = mpsc::channel(8);
    guard::restore_on_panic(&options.outside.logs, broken);
    let tty = Tty::open()?;
    let guard = Guard::enter(options.mouse)?;
    let reader = Arc::new(Reader::start()?);
    // Never dropped: the guard shows the caret again, and what ratatui would print about a terminal that is gone panics there.
    let mut terminal = ManuallyDrop::new(Terminal::new(Painter::new(tty.clone()))?);
    let sizes = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::window_change())?;
    let continued = tokio::signal::unix::SignalKind::from_raw(rustix::process::Signal::CONT.as_raw());
    let around = Around {
        reader: Arc::clone(&reader),
        tty: tty.clone(),
        sizes,
        continued: tokio::signal::unix::signal(continued)?,
        signals,
        breaks,
    };
    let input = std::pin::pin!(stream::unfold(around, Around::next));
    let host = Real {
        tty,
        reader: Arc::clone(&reader),
        outside: options.outside.clone(),
        mouse: options.mouse,
        probing: false,
    };
    let exit = turn(&mut terminal, input, app, facts, progress, options, host, trace).await;
    reader.pause();
    drop(guard);
    match exit {
        // Writing to a terminal that is gone fails before its reader notices.
        Err(_) if reader.is_gone() => Ok(Exit::Gone),
        other => other,
    }
}

/// Everything that input comes from: keys, sizes, signals, and what breaks in the background.
struct Around {
    reader: Arc<Reader>,
    tty: Tty,
    sizes: tokio::signal::unix::Signal,
    continued: tokio::signal::unix::Signal,
    signals: mpsc::Receiver<Signal>,
    breaks: mpsc::Receiver<String>,
}

impl Around {
    async fn next(mut self) -> Option<(Input, Self)> {
        let input = tokio::select! {
            biased;
            Some(signal) = self.signals.recv() => Input::Signal(signal),
            Some(()) = self.continued.recv() => Input::Continued,
            Some(()) = self.sizes.recv() => {
                let size = self.tty.measure();
                Input::Resize(size.width, size.height)
            }
            Some(what) = self.breaks.recv() => Input::Broken(what),
            input = self.reader.next() => input?,
        };
        Some((input, self))
    }
}

/// What can be done to a real terminal besides drawing on it.
struct Real {
    tty: Tty,
    reader: Arc<Reader>,
    outside: Outside,
    mouse: bool,
    /// Questions were asked; the last answer has not come.
    probing: bool,
}

impl Real {
    /// Nobody is there to be told that a terminal takes no bytes; its reader notices when it is gone.
    fn say(&self, bytes: &str) {
        let _ = self.tty.write(bytes.as_bytes());
    }
}

impl Host for Real {
    /// Hands the terminal to the shell and stops the process group as the shell's own ctrl-z does; returns when it is continued.
    fn suspend(&mut self, jobs: usize) -> Option<Size> {
        self.reader.pause();
        guard::restore();
        if jobs > 0 {
            self.say(&format!(
                "{jobs} running jobs stand still until this program goes on: fg\r\n"
            ));
        }
        let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
        // The signal may reach another thread first; it stops all of them within this time.
        std::thread::sleep(std::time::Duration::from_millis(50));
        self.back()
    }

    fn edit(&mut self, edit: Edit) -> BoxFuture<'static, Result<String, String>> {
        self.reader.pause();
        guard::restore();
        editor::edit(
            self.outside.editor.clone(),
            self.outside.state.join("scratch"),
            edit,
        )
        .boxed()
    }

    fn open(&mut self, opening: Opening) -> BoxFuture<'static, Result<String, String>> {
        self.reader.pause();
        guard::restore();
        let command = if opening.to_read {
            self.outside.pager.clone().or_else(|| self.outside.editor.clone())
        } else {
            self.outside.editor.clone()
        };
        editor::open(command, opening.path).boxed()
    }

    fn back(&mut self) -> Option<Size> {
        if let Ok(guard) = Guard::enter(self.mouse) {
            std::mem::forget(guard);
        }
        self.reader.resume();
        Some(self.tty.measure())
    }

    fn copy(&mut self, text: &str) -> Result<String, String> {
        let sequence = copy::osc52(text, self.outside.tmux);
        let path = self.outside.state.join("last-copy.txt");
        let kept = copy::keep(&path, text);
        let sent = sequence.is_some_and(|sequence| self.tty.write(sequence.as_bytes()).is_ok());
        match kept {
            Ok(()) => Ok(copy::ways(text.len(), sent, self.outside.tmux, &path)),
            Err(error) => Err(format!("{} cannot be written: {error}", path.display())),
        }
    }

    fn keep(&mut self, memory: &str) {
        // What cannot be kept is forgotten; it is only how things looked.
        if let Err(error) = copy::keep(&self.outside.state.join(super::memory::FILE), memory) {
            tracing::warn!(%error, "how the screens looked cannot be kept");
        }
    }

    fn announce(&mut self, signs: &Signs) {
        self.say(&announce::title(&signs.title));
        if self.outside.progress {
            guard::shows_progress();
            self.say(&announce::progress(signs));
        }
    }

    fn notify(&mut self, text: &str) {
        self.say(&announce::notice(self.outside.notify, text));
    }

    fn mouse(&mut self, on: bool) {
        self.mouse = on;
        self.say(if on { guard::MOUSE_ON } else { guard::MOUSE_OFF });
    }

    fn probe(&mut self) -> bool {
        self.probing = self.outside.asks;
        if self.probing {
            self.say("\x1b]11;?\x1b\\\x1b[?2031$p\x1b[?2026$p\x1b[?u\x1b[c");
        }
        self.probing
    }

    fn learned(&mut self, facts: Facts) {
        self.probing = false;
        if facts.shows_whole {
            self.tty.show_whole();
        }
        if facts.tells_scheme {
            self.say("\x1b[?2031h");
        }
    }

    fn bytes(&self) -> u64 {
        self.tty.bytes()
    }
}
