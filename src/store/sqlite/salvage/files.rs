//! The files of a salvage: copies of the damaged ones, taken around unreadable places, in a directory of their own beside the target.

#![expect(
    clippy::disallowed_methods,
    reason = "nobody has the database open: its files are copied as they are"
)]

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::super::copy;
use crate::core::ports::{StoreError, Stored};

/// Read at once.
const BLOCK: usize = 1 << 16;
/// Left out around a place that cannot be read.
const PAGE: usize = 1 << 12;

/// Where a database's header says how many pages it has.
const PAGES_AT: u64 = 28;

/// A directory that goes when it is dropped.
pub(super) struct Workshop {
    directory: PathBuf,
    /// The copy of the damaged database, its log beside it.
    pub(super) damaged: PathBuf,
    /// The new database: empty.
    pub(super) whole: PathBuf,
}

impl Workshop {
    /// Made beside `to`, with copies of `from`'s files in it.
    pub(super) fn beside(to: &Path, from: &Path) -> Stored<Self> {
        let directory = copy::suffixed(to, &format!(".{}.salvage", std::process::id()));
        let failed = |path: &Path, error: io::Error| StoreError::Disk(format!("{}: {error}", path.display()));
        let length = fs::metadata(from).map_err(|error| failed(from, error))?.len();
        if length == 0 {
            return Err(StoreError::Unusable(format!("{} is empty", from.display())));
        }
        DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .map_err(|error| failed(&directory, error))?;
        let workshop = Self {
            damaged: directory.join("damaged.db"),
            whole: directory.join("whole.db"),
            directory,
        };
        let log = copy::suffixed(from, "-wal");
        take(from, &workshop.damaged).map_err(|error| failed(from, error))?;
        if length > PAGES_AT + 4 {
            forget_length(&workshop.damaged).map_err(|error| failed(&workshop.damaged, error))?;
        }
        if log.exists() {
            let copied = copy::suffixed(&workshop.damaged, "-wal");
            take(&log, &copied).map_err(|error| failed(&log, error))?;
        }
        made(&workshop.whole).map_err(|error| failed(&workshop.whole, error))?;
        Ok(workshop)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What cannot be removed is a copy, and named like one.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A new file that is its owner's alone.
fn made(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Copies a file; places that cannot be read are zeros in the copy.
fn take(from: &Path, to: &Path) -> io::Result<()> {
    let (source, mut target) = (File::open(from)?, made(to)?);
    let length = source.metadata()?.len();
    let (mut at, mut block) = (0_u64, vec![0; BLOCK]);
    while at < length {
        let most = (length - at).min(BLOCK as u64) as usize;
        let mut some = most;
        if source.read_exact_at(&mut block[..some], at).is_err() {
            some = most.min(PAGE);
            if source.read_exact_at(&mut block[..some], at).is_err() {
                block[..some].fill(0);
            }
        }
        target.write_all(&block[..some])?;
        at += some as u64;
    }
    Ok(())
}

/// Takes the number of pages out of a copy's header: SQLite then goes by the file's length, and a file that was cut short still opens.
fn forget_length(database: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(database)?;
    file.write_all_at(&[0; 4], PAGES_AT)
}
