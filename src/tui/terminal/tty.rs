//! The way out to the terminal: one write a frame, counted, and wrapped as one picture where the terminal can show it at once.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use ratatui::layout::Size;

/// The terminal as something to write to; clones share it.
#[derive(Clone)]
pub(super) struct Tty(Arc<State>);

struct State {
    out: std::fs::File,
    /// Bytes written since the start.
    bytes: AtomicU64,
    /// It shows what stands between two marks as one picture.
    whole: AtomicBool,
    /// Its size, as the loop knows it: columns in the high half, rows in the low one.
    size: AtomicU32,
}

impl Tty {
    /// The terminal that standard output is.
    pub(super) fn open() -> io::Result<Self> {
        let out: OwnedFd = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
        let tty = Self(Arc::new(State {
            out: out.into(),
            bytes: AtomicU64::new(0),
            whole: AtomicBool::new(false),
            size: AtomicU32::new(0),
        }));
        tty.measure();
        Ok(tty)
    }

    /// Asks the system how large it is, and keeps the answer until the next time: a picture is drawn for the size the model knows,
    /// however fast a window is being dragged.
    pub(super) fn measure(&self) -> Size {
        let (columns, rows) = rustix::termios::tcgetwinsize(&self.0.out)
            .map(|size| (size.ws_col, size.ws_row))
            .ok()
            .filter(|size| *size != (0, 0))
            .unwrap_or((80, 24));
        self.0
            .size
            .store(u32::from(columns) << 16 | u32::from(rows), Ordering::SeqCst);
        self.size()
    }

    /// Its size when it was last measured.
    pub(super) fn size(&self) -> Size {
        let size = self.0.size.load(Ordering::SeqCst);
        Size {
            width: (size >> 16) as u16,
            height: size as u16,
        }
    }

    /// Bytes written since the start.
    pub(super) fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::SeqCst)
    }

    /// From now on a frame is shown as a whole.
    pub(super) fn show_whole(&self) {
        self.0.whole.store(true, Ordering::SeqCst);
    }

    /// Writes a frame.
    pub(super) fn frame(&self, bytes: &[u8]) -> io::Result<()> {
        if !self.0.whole.load(Ordering::SeqCst) {
            return self.write(bytes);
        }
        self.write(&[b"\x1b[?2026h".as_slice(), bytes, b"\x1b[?2026l"].concat())
    }

    /// Writes as it is.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.bytes.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        (&self.0.out).write_all(bytes)
    }
}
