//! Taking the terminal and giving it back, the same way however the program ends: leaving, a signal, a panic, ctrl-z, the editor.

use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

/// The title is put aside, then the second screen, no caret, pastes between marks, and word of the focus.
const ENTER: &str = "\x1b[22;0t\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1004h";

/// Everything [`ENTER`] and the time after it may have switched on, off again; the caret and the title back.
const LEAVE: &str =
    "\x1b[?2026l\x1b[?2031l\x1b[?1006l\x1b[?1000l\x1b[?1004l\x1b[?2004l\x1b[0m\x1b[?1049l\x1b[?25h\x1b[23;0t";

/// Presses and the wheel as SGR reports; no motion.
pub(super) const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
/// No reports.
pub(super) const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// Takes the progress off a window's icon.
const NO_PROGRESS: &str = "\x1b]9;4;0\x1b\\";

/// Whether the terminal is ours at this moment. One process has one terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether the terminal was told of progress.
static PROGRESS: AtomicBool = AtomicBool::new(false);
/// How the terminal was before we took it first.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Holds the terminal; gives it back when dropped.
pub(super) struct Guard;

impl Guard {
    /// Takes the terminal.
    pub(super) fn enter(mouse: bool) -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        if let Ok(mut kept) = BEFORE.lock() {
            kept.get_or_insert(before);
        }
        tcsetattr(stdin(), OptionalActions::Now, &raw)?;
        TAKEN.store(true, Ordering::SeqCst);
        let guard = Self;
        write(ENTER);
        if mouse {
            write(MOUSE_ON);
        }
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Notes that the terminal was told of progress, which is to be taken back.
pub(super) fn shows_progress() {
    PROGRESS.store(true, Ordering::SeqCst);
}

/// Gives the terminal back, once however often it is called, without allocating: it may be called in a panic. Errors are ignored:
/// there is nobody left to tell.
pub(super) fn restore() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    if PROGRESS.swap(false, Ordering::SeqCst) {
        write(NO_PROGRESS);
    }
    write(LEAVE);
    // An answer or a key that is still on its way must not be typed into the shell.
    let _ = tcflush(stdin(), QueueSelector::IFlush);
    if let Ok(before) = BEFORE.try_lock()
        && let Some(before) = before.as_ref()
    {
        let _ = tcsetattr(stdin(), OptionalActions::Now, before);
    }
}

fn write(text: &str) {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match rustix::io::write(stdout(), rest) {
            Ok(written) => rest = &rest[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// Where this thread panics, the terminal is given back before any other hook reports it, and the log is named after that. What
/// breaks on another thread is logged and told to the screen, which goes on.
pub(super) fn restore_on_panic(logs: &Path, broken: mpsc::Sender<String>) {
    let report = std::panic::take_hook();
    let (ours, logs) = (std::thread::current().id(), logs.to_owned());
    std::panic::set_hook(Box::new(move |info| {
        let taken = TAKEN.load(Ordering::SeqCst);
        if taken && std::thread::current().id() != ours {
            tracing::error!(panic = %info, "something broke in the background");
            let what = info.payload_as_str().unwrap_or("no reason is given");
            let _ = broken.try_send(what.to_owned());
            return;
        }
        restore();
        report(info);
        if taken {
            tracing::error!(panic = %info, "the screen broke");
            let text = format!("The log is in {}\n", logs.display());
            let _ = rustix::io::write(rustix::stdio::stderr(), text.as_bytes());
        }
    }));
}
