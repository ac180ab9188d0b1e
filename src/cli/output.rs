//! The standard streams as the command line uses them: data on stdout, narration and one live line on stderr. A closed pipe on
//! stdout ends a command quietly; what stderr cannot take is dropped.

use std::io::{self, Write};

use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::line::{Line, Table, fit};
use crate::core::api::{Failure, FailureKind};
use crate::core::text::{sanitize, sanitize_line};

/// Why a command ends before its end.
#[derive(Debug)]
pub(super) enum Ending {
    /// It failed; printed as an error, and the exit code follows from its kind.
    Failed(Box<Failure>),
    /// Nobody reads our stdout any more: quietly, with 0.
    ClosedPipe,
    /// Everything is said; this is the exit code.
    Exit(u8),
}

/// Exit code of a command, or why it ended before.
pub(super) type Outcome = Result<u8, Ending>;

impl Ending {
    /// A call that makes no sense, with what to do instead.
    pub fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Failure::new(FailureKind::Usage, message).help(help).into()
    }

    /// The application answered something else than was asked: a fault of ours.
    pub fn mismatch() -> Self {
        Failure::new(FailureKind::Unexpected, "the engine answered another question")
            .help("this is a fault in destiler; please report it")
            .into()
    }
}

impl From<Failure> for Ending {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

impl From<io::Error> for Ending {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::ClosedPipe;
        }
        Failure::new(FailureKind::Unexpected, "cannot read or write a standard stream")
            .because(error.to_string())
            .into()
    }
}

/// Standard input.
pub struct Input {
    /// The bytes. Read only by commands that are given `-`, and for a typed confirmation.
    pub reader: Box<dyn AsyncRead + Send + Unpin>,
    /// A person sits there.
    pub is_terminal: bool,
}

/// Standard output or standard error.
pub struct Stream {
    /// Where the bytes go; buffered as the root likes, flushed by us.
    pub writer: Box<dyn Write + Send>,
    /// A person looks at it.
    pub is_terminal: bool,
    /// Colours are wanted here (`NO_COLOR`, `--color` and the terminal are already considered).
    pub color: bool,
}

/// The standard streams and how to use them.
pub struct Output {
    /// Standard input.
    pub stdin: Input,
    /// Data.
    pub stdout: Stream,
    /// Narration.
    pub stderr: Stream,
    /// Columns of the terminal, where there is one.
    pub width: Option<usize>,
    /// Data as JSON.
    pub json: bool,
    /// Nothing on stderr but errors.
    pub quiet: bool,
    /// How progress is shown.
    pub pace: Pace,
    live: Option<String>,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// One line, redrawn in place.
    Live,
    /// A line every ten seconds and every tenth of the work.
    Lines,
    /// Not at all.
    Silent,
}

impl Output {
    /// The streams for these arguments; `width` is the terminal's, if there is one.
    pub fn new(
        stdin: Input,
        stdout: Stream,
        stderr: Stream,
        width: Option<usize>,
        globals: &super::args::Globals,
    ) -> Self {
        let pace = if globals.no_progress || globals.quiet {
            Pace::Silent
        } else if stderr.is_terminal && !globals.plain_ui {
            Pace::Live
        } else {
            Pace::Lines
        };
        Self {
            stdin,
            stdout,
            stderr,
            width,
            json: globals.json,
            quiet: globals.quiet,
            pace,
            live: None,
        }
    }

    /// A line of data.
    pub(super) fn print(&mut self, line: impl Into<Line>) -> io::Result<()> {
        self.clear_live();
        let text = line.into().render(self.stdout.color);
        writeln!(self.stdout.writer, "{text}")
    }

    /// A table of data.
    pub(super) fn table(&mut self, table: &Table) -> io::Result<()> {
        let width = self.width.filter(|_| self.stdout.is_terminal);
        for line in table.lines(width) {
            self.print(line)?;
        }
        Ok(())
    }

    /// Text of several lines as data.
    pub(super) fn block(&mut self, text: &str, indent: &str) -> io::Result<()> {
        for line in text.lines() {
            self.print(format!("{indent}{line}"))?;
        }
        Ok(())
    }

    /// One JSON value on a line of data. On a terminal it is sanitised as everything else; a pipe gets it as it is.
    pub(super) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.clear_live();
        let text = serde_json::to_string(value).map_err(io::Error::other)?;
        if self.stdout.is_terminal {
            writeln!(self.stdout.writer, "{}", sanitize(&text))
        } else {
            writeln!(self.stdout.writer, "{text}")
        }
    }

    /// Where streamed rows go: stdout, made safe if a terminal shows it.
    pub(super) fn rows(&mut self) -> Box<dyn Write + Send + '_> {
        self.clear_live();
        if self.stdout.is_terminal {
            Box::new(SafeWriter {
                inner: &mut *self.stdout.writer,
                line: Vec::new(),
            })
        } else {
            Box::new(&mut *self.stdout.writer)
        }
    }

    /// A line of narration; not said with `--quiet`.
    pub(super) fn say(&mut self, line: impl Into<Line>) {
        if !self.quiet {
            self.insist(line);
        }
    }

    /// A line on stderr whatever the flags say: errors.
    pub(super) fn insist(&mut self, line: impl Into<Line>) {
        // Data said before stays before; what cannot be written is noticed at the next line of data.
        let _ = self.stdout.writer.flush();
        let shown = self.live.take();
        if shown.is_some() {
            let _ = write!(self.stderr.writer, "\r\x1b[K");
        }
        let text = line.into().render(self.stderr.color);
        let _ = writeln!(self.stderr.writer, "{text}");
        if let Some(shown) = shown {
            self.live(&shown);
        }
        let _ = self.stderr.writer.flush();
    }

    /// Asks on stderr, without a line feed.
    pub(super) fn prompt(&mut self, question: &str) {
        self.clear_live();
        let _ = write!(
            self.stderr.writer,
            "{}",
            Line::from(question).render(self.stderr.color)
        );
        let _ = self.stderr.writer.flush();
    }

    /// Redraws the live line, if it changed.
    pub(super) fn live(&mut self, text: &str) {
        let width = self.width.unwrap_or(80).saturating_sub(1);
        let text = fit(sanitize_line(text).as_str(), width);
        if self.live.as_deref() != Some(text.as_str()) {
            let _ = write!(self.stderr.writer, "\r{text}\x1b[K");
            let _ = self.stderr.writer.flush();
            self.live = Some(text);
        }
    }

    /// Removes the live line.
    pub(super) fn clear_live(&mut self) {
        if self.live.take().is_some() {
            let _ = write!(self.stderr.writer, "\r\x1b[K");
            let _ = self.stderr.writer.flush();
        }
    }

    /// All of standard input as text.
    pub(super) async fn read_all(&mut self) -> Result<String, Ending> {
        let mut text = String::new();
        self.stdin.reader.read_to_string(&mut text).await?;
        Ok(text)
    }

    /// One line that a person types, without its line feed.
    pub(super) async fn read_line(&mut self) -> Result<String, Ending> {
        let mut bytes = Vec::new();
        while let Ok(byte) = self.stdin.reader.read_u8().await {
            if byte == b'\n' {
                break;
            }
            bytes.push(byte);
        }
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.trim_end_matches('\r').to_owned())
    }

    /// Everything out.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.clear_live();
        let _ = self.stderr.writer.flush();
        self.stdout.writer.flush()
    }
}

/// Sanitises whole lines on their way to a terminal.
struct SafeWriter<'a> {
    inner: &'a mut (dyn Write + Send),
    line: Vec<u8>,
}

impl SafeWriter<'_> {
    fn pass(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        self.inner.write_all(sanitize(&text).as_str().as_bytes())
    }
}

impl Write for SafeWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if bytes.contains(&b'\n') {
            let end = self.line.iter().rposition(|byte| *byte == b'\n');
            let rest = self.line.split_off(end.map_or(0, |at| at + 1));
            self.pass()?;
            self.line = rest;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass()?;
        self.inner.flush()
    }
}

impl Drop for SafeWriter<'_> {
    fn drop(&mut self) {
        let _ = self.pass();
    }
}
