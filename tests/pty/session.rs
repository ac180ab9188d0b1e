//! A program on a terminal of ours: what it wrote, what that looks like, and a hand on its keyboard.

use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

use crate::becoming::{Role, VARIABLE};
use crate::sandbox::Sandbox;

/// The longest wait for anything; the machine may be busy.
const LONGEST: Duration = Duration::from_secs(30);

/// How to start.
pub struct Setup {
    /// Columns, rows.
    pub size: (u16, u16),
    /// The program and its arguments; empty: `destiler`.
    pub words: Vec<String>,
    /// Added to or instead of the usual environment; an empty value takes a variable away.
    pub env: Vec<(&'static str, String)>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            size: (80, 24),
            words: Vec::new(),
            env: Vec::new(),
        }
    }
}

impl Setup {
    /// With this variable.
    pub fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// On a terminal of this size: columns, rows.
    pub fn size(mut self, columns: u16, rows: u16) -> Self {
        self.size = (columns, rows);
        self
    }
}

/// What the terminal shows and has been sent.
struct Seen {
    parser: vt100::Parser,
    raw: Vec<u8>,
    over: bool,
}

/// A program on a terminal.
pub struct Session {
    child: Child,
    master: Option<Arc<OwnedFd>>,
    /// Our own hold on the program's side, to see how it leaves it.
    slave: OwnedFd,
    seen: Arc<Mutex<Seen>>,
    reader: Option<JoinHandle<()>>,
    /// How the terminal was before.
    pub before: String,
}

fn rows(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

fn described(termios: &Termios) -> String {
    format!("{termios:?}")
}

impl Session {
    /// `destiler` with this setup; its frames are noted in `trace.jsonl`.
    #[expect(clippy::needless_pass_by_value, reason = "a setup is made for one start")]
    pub fn start(sandbox: &Sandbox, setup: Setup) -> Self {
        let (columns, lines) = setup.size;
        let master =
            rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY).unwrap();
        rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC).unwrap();
        rustix::pty::grantpt(&master).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let tty = rustix::pty::ptsname(&master, Vec::new()).unwrap();
        let tty = tty.into_string().unwrap();
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
        let slave = rustix::fs::open(&tty, flags, rustix::fs::Mode::empty()).unwrap();
        tcsetwinsize(&slave, winsize(columns, lines)).unwrap();
        let before = described(&tcgetattr(&slave).unwrap());
        let child = spawn(sandbox, &setup, tty);
        let seen = Arc::new(Mutex::new(Seen {
            parser: vt100::Parser::new(rows(lines), rows(columns), 0),
            raw: Vec::new(),
            over: false,
        }));
        let master = Arc::new(master);
        let (from, to) = (Arc::downgrade(&master), Arc::clone(&seen));
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 8192];
            // Poll, so that dropping the master elsewhere really closes the terminal.
            while let Some(master) = from.upgrade() {
                let mut fds = [rustix::event::PollFd::new(&*master, rustix::event::PollFlags::IN)];
                let wait = rustix::event::Timespec {
                    tv_sec: 0,
                    tv_nsec: 10_000_000,
                };
                if rustix::event::poll(&mut fds, Some(&wait)).unwrap_or(0) == 0 {
                    continue;
                }
                match rustix::io::read(&*master, &mut bytes) {
                    Ok(count @ 1..) => {
                        let mut seen = to.lock().unwrap_or_else(PoisonError::into_inner);
                        seen.raw.extend_from_slice(&bytes[..count]);
                        seen.parser.process(&bytes[..count]);
                    }
                    _ => break,
                }
            }
            to.lock().unwrap_or_else(PoisonError::into_inner).over = true;
        });
        Self {
            child,
            master: Some(master),
            slave,
            seen,
            reader: Some(reader),
            before,
        }
    }

    /// `destiler` in a sandbox, when its first screen is there.
    pub fn open(sandbox: &Sandbox) -> Self {
        Self::open_with(sandbox, Setup::default())
    }

    /// The same with a setup.
    pub fn open_with(sandbox: &Sandbox, setup: Setup) -> Self {
        let session = Self::start(sandbox, setup);
        session.wait("the first screen", |screen| {
            screen.contains("Nothing has run yet") || screen.contains("Jobs now")
        });
        session
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is shown, without the spaces at the ends of the rows.
    pub fn text(&self) -> String {
        let rows = self.look(vt100::Screen::contents);
        rows.lines().map(|row| row.trim_end().to_owned() + "\n").collect()
    }

    /// Looks at the terminal.
    pub fn look<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.seen().parser.screen())
    }

    /// Every byte so far.
    pub fn raw(&self) -> Vec<u8> {
        self.seen().raw.clone()
    }

    /// Whether these bytes were written.
    pub fn wrote(&self, bytes: &str) -> bool {
        let seen = self.seen();
        seen.raw
            .windows(bytes.len())
            .any(|window| window == bytes.as_bytes())
    }

    /// Waits until the text on the screen is as wanted.
    #[track_caller]
    pub fn wait(&self, what: &str, mut is: impl FnMut(&str) -> bool) {
        let start = Instant::now();
        loop {
            let text = self.text();
            if is(&text) {
                return;
            }
            assert!(start.elapsed() < LONGEST, "waited in vain for {what}:\n{text}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the screen shows this.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        self.wait(text, |screen| screen.contains(text));
    }

    /// Waits until it is true.
    #[track_caller]
    pub fn until(&self, what: &str, mut is: impl FnMut(&Self) -> bool) {
        self.wait(what, |_| is(self));
    }

    /// Types bytes.
    pub fn send(&self, bytes: &str) {
        let Some(master) = &self.master else { return };
        let mut rest = bytes.as_bytes();
        while !rest.is_empty() {
            let written = rustix::io::write(&**master, rest).unwrap();
            rest = &rest[written..];
        }
    }

    /// Types keys one after the other, each when the one before is drawn.
    pub fn keys(&self, keys: &[&str]) {
        for key in keys {
            let before = self.raw().len();
            self.send(key);
            self.until("an effect of a key", |session| session.raw().len() > before);
        }
    }

    /// Gives the terminal another size: columns, rows.
    pub fn resize(&self, columns: u16, lines: u16) {
        let mut seen = self.seen();
        seen.parser.set_size(rows(lines), rows(columns));
        if let Some(master) = &self.master {
            tcsetwinsize(&**master, winsize(columns, lines)).unwrap();
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// The process.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap()).unwrap()
    }

    /// Closes the terminal, as a window is closed.
    pub fn close(&mut self) {
        self.master = None;
    }

    /// Waits for the end; says its code (128 and more: a signal) and how long it took.
    #[track_caller]
    pub fn end(&mut self) -> (i32, Duration) {
        use std::os::unix::process::ExitStatusExt;
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let code = status
                    .code()
                    .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
                return (code, start.elapsed());
            }
            assert!(start.elapsed() < LONGEST, "it does not end:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// How the terminal is now.
    pub fn now(&self) -> String {
        described(&tcgetattr(&self.slave).unwrap())
    }

    /// The terminal is as it was before: every mode off, the first screen, a caret, the settings of `stty`.
    #[track_caller]
    pub fn assert_restored(&self) {
        self.until("the terminal to be as before", |session| {
            session.look(|screen| !screen.alternate_screen() && !screen.hide_cursor())
                && session.now() == session.before
        });
        self.look(|screen| {
            assert!(!screen.bracketed_paste(), "pastes are still marked");
            assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        });
        let raw = String::from_utf8_lossy(&self.raw()).into_owned();
        for mode in ["1004", "2004", "1000", "1006", "2031", "2026"] {
            let (on, off) = (
                raw.rfind(&format!("\x1b[?{mode}h")),
                raw.rfind(&format!("\x1b[?{mode}l")),
            );
            assert!(on < off || on.is_none(), "mode {mode} is still on");
        }
        assert_eq!(
            raw.matches("\x1b[22;0t").count(),
            raw.matches("\x1b[23;0t").count(),
            "the title is not put back"
        );
        assert!(!raw.contains("\x1b[>1u"), "keyboard flags were pushed");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = kill_process_group(self.pid(), Signal::KILL);
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.master = None;
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

fn winsize(columns: u16, lines: u16) -> Winsize {
    Winsize {
        ws_row: lines,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

fn spawn(sandbox: &Sandbox, setup: &Setup, tty: String) -> Child {
    let home = sandbox.path(".");
    let mut env: Vec<(String, String)> = [
        ("HOME", home.to_str().unwrap()),
        ("PATH", &std::env::var("PATH").unwrap_or_default()),
        ("TERM", "xterm-256color"),
        ("COLORTERM", "truecolor"),
        ("LANG", "C.UTF-8"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    for (name, value) in &setup.env {
        env.retain(|(known, _)| known != name);
        if !value.is_empty() {
            env.push(((*name).to_owned(), value.clone()));
        }
    }
    let program = env!("CARGO_BIN_EXE_destiler").to_owned();
    let words = if setup.words.is_empty() {
        let trace = sandbox.path("trace.jsonl");
        vec![program, "--ui-trace".to_owned(), trace.display().to_string()]
    } else {
        setup.words.clone()
    };
    let role = serde_json::to_string(&Role { tty, words, env }).unwrap();
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "becoming::child", "--nocapture", "--test-threads=1"])
        .env(VARIABLE, role)
        .current_dir(sandbox.path("."))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The frames that were noted, oldest first.
pub fn frames(sandbox: &Sandbox) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(sandbox.path("trace.jsonl")).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// Waits until the last frame is one after which nothing happens by itself; the probe of the terminal is over then, too.
#[track_caller]
pub fn settled(session: &Session, sandbox: &Sandbox) {
    session.until("the screen to rest", |_| {
        let frames = frames(sandbox);
        let asked = |frame: &serde_json::Value| frame["cause"].as_str().unwrap().contains("terminal");
        frames.iter().any(asked) && frames.last().unwrap()["idle"] == true
    });
}

/// A command that runs these lines of shell; `$1` is what is appended to it.
pub fn script(sandbox: &Sandbox, name: &str, text: &str) -> String {
    format!("sh {}", sandbox.write(name, text).display())
}
