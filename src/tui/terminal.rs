//! The real terminal: taken over and given back exactly once, watched for its end, and turned into a stream of input.

use std::io::{self, BufWriter, Write, stdout};
use std::mem::ManuallyDrop;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste, Event as TerminalEvent};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{cursor, execute};
use futures::{Stream, stream};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::{mpsc, watch};

use crate::core::api::{Application, Event, Progress};

use super::{Exit, Input, Options, turn};

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

/// Whether the terminal is ours at this moment. One process has one terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Holds the terminal; gives it back when dropped.
struct Guard;

impl Guard {
    fn enter() -> io::Result<Self> {
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        let guard = Self;
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back, once however often it is called. Errors are ignored: there is nobody left to tell.
fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(
            stdout(),
            DisableBracketedPaste,
            LeaveAlternateScreen,
            cursor::Show
        );
        let _ = disable_raw_mode();
        let _ = stdout().flush();
    }
}

/// Gives the terminal back before any other hook reports a panic.
fn restore_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        restore();
        report(info);
    }));
}

/// Hands the terminal to the shell and stops the process group as the shell's own ctrl-z does; returns when it is continued.
fn suspend() {
    restore();
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
    // The signal may reach another thread first; it stops all of them within this time.
    std::thread::sleep(Duration::from_millis(50));
    if let Ok(guard) = Guard::enter() {
        std::mem::forget(guard);
    }
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
    // The theme has already taken out what must not be shown; crossterm's own way writes resets that wipe attributes.
    crossterm::style::force_color_output(true);
    restore_on_panic();
    let guard = Guard::enter()?;
    let reader = Reader::start()?;
    let backend = CrosstermBackend::new(BufWriter::with_capacity(1 << 16, stdout()));
    // Never dropped: the guard shows the cursor again, and what ratatui would print about a terminal that is gone panics there.
    let mut terminal = ManuallyDrop::new(Terminal::new(backend)?);
    let sizes = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::window_change())?;
    let input = std::pin::pin!(merged(&reader, sizes, signals));
    let exit = turn(&mut terminal, input, app, facts, progress, options, suspend).await;
    drop(guard);
    match exit {
        // Writing to a terminal that is gone fails before its reader notices.
        Err(_) if reader.gone.load(Ordering::SeqCst) => Ok(Exit::Gone),
        other => other,
    }
}

/// Keys, sizes and signals as one stream.
fn merged(
    reader: &Reader,
    sizes: tokio::signal::unix::Signal,
    signals: mpsc::Receiver<Signal>,
) -> impl Stream<Item = Input> {
    stream::unfold(
        (reader, sizes, signals),
        |(reader, mut sizes, mut signals)| async move {
            let input = tokio::select! {
                biased;
                Some(signal) = signals.recv() => Input::Signal(signal),
                Some(()) = sizes.recv() => {
                    let (columns, rows) = crossterm::terminal::size().unwrap_or((80, 24));
                    Input::Resize(columns, rows)
                }
                input = reader.next() => input?,
            };
            Some((input, (reader, sizes, signals)))
        },
    )
}

/// A thread of its own that waits for the terminal: when the terminal disappears, crossterm would read its end for ever (it neither
/// reports nor leaves it), so it is only called while the system says that there is something to read.
struct Reader {
    keys: tokio::sync::Mutex<mpsc::Receiver<Input>>,
    stop: Arc<AtomicBool>,
    gone: Arc<AtomicBool>,
}

impl Reader {
    fn start() -> io::Result<Self> {
        let tty = terminal_fd()?;
        let (sender, keys) = mpsc::channel(256);
        let (stop, gone) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let flags = (Arc::clone(&stop), Arc::clone(&gone));
        let watch = move || {
            if read(&tty, &flags.0, &sender) {
                flags.1.store(true, Ordering::SeqCst);
                let _ = sender.blocking_send(Input::Gone);
            }
        };
        // Not joined: it ends by itself half a second after the application, and holds nothing but its end of the channel.
        std::thread::Builder::new()
            .name("terminal".to_owned())
            .spawn(watch)?;
        Ok(Self {
            keys: tokio::sync::Mutex::new(keys),
            stop,
            gone,
        })
    }

    async fn next(&self) -> Option<Input> {
        self.keys.lock().await.recv().await
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// The terminal crossterm reads from: standard input, else the controlling terminal.
fn terminal_fd() -> io::Result<OwnedFd> {
    let stdin = rustix::stdio::stdin();
    if rustix::termios::isatty(stdin) {
        return Ok(rustix::io::fcntl_dupfd_cloexec(stdin, 3)?);
    }
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC;
    Ok(rustix::fs::open("/dev/tty", flags, rustix::fs::Mode::empty())?)
}

/// Sends what is read until it is stopped (false) or the terminal is gone (true).
fn read(tty: &OwnedFd, stop: &AtomicBool, sender: &mpsc::Sender<Input>) -> bool {
    let wait = Timespec {
        tv_sec: 0,
        tv_nsec: 500_000_000,
    };
    while !stop.load(Ordering::SeqCst) {
        let mut fds = [PollFd::new(tty, PollFlags::IN)];
        match poll(&mut fds, Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return true,
        }
        let state = fds[0].revents();
        if state.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            return true;
        }
        if !state.contains(PollFlags::IN) {
            continue;
        }
        while let Ok(true) = event::poll(Duration::ZERO) {
            let input = match event::read() {
                Ok(TerminalEvent::Key(key)) => Input::Key(key),
                Ok(TerminalEvent::Paste(text)) => Input::Paste(text),
                Ok(_) => continue,
                Err(_) => return true,
            };
            if sender.blocking_send(input).is_err() {
                return false;
            }
        }
    }
    false
}
