//! `--ui-trace`: a line of JSON for every frame, so that whoever measures or tests waits for what happened and never sleeps.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

/// A frame.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    /// Its number, from 1.
    pub(super) frame: u64,
    /// What it shows, the first of it first.
    pub(super) cause: String,
    /// Since the start.
    pub(super) at_ms: u64,
    /// From the cause to the last byte.
    pub(super) latency_us: u64,
    /// Drawing and writing.
    pub(super) render_us: u64,
    /// Bytes written.
    pub(super) bytes: u64,
    /// No question is open and no news waits: without a key this is the last frame.
    pub(super) idle: bool,
}

/// The file of the lines.
pub(super) struct Trace(File);

impl Trace {
    /// Begins the file anew.
    #[expect(
        clippy::disallowed_methods,
        reason = "a file that the person named, written line by line while the screen is open"
    )]
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(path).map(Self)
    }

    /// Adds a line. One that cannot be written is left out.
    pub(super) fn add(&mut self, line: &Line) {
        if let Ok(mut text) = serde_json::to_vec(line) {
            text.push(b'\n');
            let _ = self.0.write_all(&text);
        }
    }
}

/// Microseconds, as lines have them.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
