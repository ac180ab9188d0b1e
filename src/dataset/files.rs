//! The few things done to files: look without following links, cut, sync, set aside, replace. Everything that touches the disk for a
//! dataset goes through here. All of it blocks.

#![expect(
    clippy::disallowed_methods,
    reason = "everything that touches the disk for a dataset is here"
)]

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

use crate::core::ports::DatasetError;

/// Bytes at the end of a file that its mark's hash covers, at most.
const TAIL_BYTES: u64 = 4_096;

/// What stands at a path, links not followed.
pub(super) enum Found {
    /// Nothing.
    Missing,
    /// A regular file of that many bytes.
    File(u64),
    /// A directory.
    Directory,
    /// A link, pipe, socket or device.
    Other,
}

/// A failed call, as the engine sorts it: the disk may heal.
pub(super) fn disk(path: &Path, error: &io::Error) -> DatasetError {
    DatasetError::Disk(format!("{}: {error}", path.display()))
}

/// Looks at a path.
pub(super) fn look(path: &Path) -> Result<Found, DatasetError> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_file() => Ok(Found::File(about.len())),
        Ok(about) if about.is_dir() => Ok(Found::Directory),
        Ok(_) => Ok(Found::Other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Missing),
        Err(error) => Err(disk(path, &error)),
    }
}

/// Whether the job's directory is there; anything else at its place is an error.
pub(super) fn directory_exists(directory: &Path) -> Result<bool, DatasetError> {
    match look(directory)? {
        Found::Directory => Ok(true),
        Found::Missing => Ok(false),
        Found::File(_) | Found::Other => Err(DatasetError::Setup(format!(
            "{} is no directory (or a link to one); move it away, or set another dataset_root",
            directory.display()
        ))),
    }
}

/// Makes the job's directory, open to its owner only: the rows hold prompts and answers.
pub(super) fn make_directory(directory: &Path) -> Result<(), DatasetError> {
    if directory_exists(directory)? {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| disk(directory, &error))?;
    match directory.parent() {
        Some(root) => sync_directory(root),
        None => Ok(()),
    }
}

/// Writes and removes a file in the job's directory, or in the nearest one above it that is there.
pub(super) fn try_out(directory: &Path) -> Result<(), DatasetError> {
    directory_exists(directory)?;
    let mut nearest = directory;
    while !nearest.exists() {
        nearest = match nearest.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
    }
    let probe = nearest.join(format!(".destiler-{}", std::process::id()));
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&probe)
        .and_then(|mut file| file.write_all(b"destiler"));
    let removed = fs::remove_file(&probe);
    made.and(removed).map_err(|error| {
        DatasetError::Disk(format!(
            "datasets cannot be written to {}: {error}",
            directory.display()
        ))
    })
}

/// Makes names in a directory durable.
pub(super) fn sync_directory(directory: &Path) -> Result<(), DatasetError> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| disk(directory, &error))
}

/// Opens a regular file for reading; links are not followed.
pub(super) fn open(path: &Path) -> Result<File, DatasetError> {
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK))
        .open(path);
    regular(path, opened)
}

/// Opens somebody's own regular file for reading; links are followed, as those of a download's cache are.
pub(super) fn open_theirs(path: &Path) -> Result<File, DatasetError> {
    regular(path, File::open(path))
}

/// Opens a file for appending (and reading its tail), made if it is missing; links are not followed.
pub(super) fn open_to_append(path: &Path) -> Result<File, DatasetError> {
    let opened = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK))
        .open(path);
    regular(path, opened)
}

fn flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

fn regular(path: &Path, opened: io::Result<File>) -> Result<File, DatasetError> {
    let file = opened.map_err(|error| disk(path, &error))?;
    let about = file.metadata().map_err(|error| disk(path, &error))?;
    if about.is_file() {
        return Ok(file);
    }
    let error = io::Error::other("is no regular file");
    Err(disk(path, &error))
}

/// Length of an open file.
pub(super) fn length(path: &Path, file: &File) -> Result<u64, DatasetError> {
    file.metadata()
        .map(|about: Metadata| about.len())
        .map_err(|error| disk(path, &error))
}

/// Writes at the end of a file that was opened for appending.
pub(super) fn write_on(path: &Path, mut file: &File, bytes: &[u8]) -> Result<(), DatasetError> {
    file.write_all(bytes).map_err(|error| disk(path, &error))
}

/// Cuts a file and syncs it.
pub(super) fn cut(path: &Path, file: &File, bytes: u64) -> Result<(), DatasetError> {
    file.set_len(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|error| disk(path, &error))
}

/// SHA-256 (hex) of the last at most 4,096 of a file's first `bytes` bytes.
pub(super) fn tail_sha256(path: &Path, file: &File, bytes: u64) -> Result<String, DatasetError> {
    let start = bytes.saturating_sub(TAIL_BYTES);
    let mut tail = vec![0; (bytes - start) as usize];
    file.read_exact_at(&mut tail, start)
        .map_err(|error| disk(path, &error))?;
    Ok(hex(&Sha256::digest(&tail)))
}

/// SHA-256 (hex) of a file's first `bytes` bytes; `None` if it is shorter.
pub(super) fn head_sha256(path: &Path, bytes: u64) -> Result<Option<String>, DatasetError> {
    let mut head = open(path)?.take(bytes);
    let mut hasher = Sha256::new();
    let copied = io::copy(&mut head, &mut hasher).map_err(|error| disk(path, &error))?;
    Ok((copied == bytes).then(|| hex(&hasher.finalize())))
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

/// Moves what somebody else left at `path` to `name.conflict-<ms>.ext` beside it, where `ms` is the time it was last changed.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf, DatasetError> {
    let about = fs::symlink_metadata(path).map_err(|error| disk(path, &error))?;
    let mut stamp = about.mtime() * 1_000 + about.mtime_nsec() / 1_000_000;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    loop {
        let aside = path.with_file_name(format!("{stem}.conflict-{stamp}.{extension}"));
        if !matches!(look(&aside)?, Found::Missing) {
            stamp += 1;
            continue;
        }
        fs::rename(path, &aside).map_err(|error| disk(path, &error))?;
        return Ok(aside);
    }
}

/// Removes a file; it may be gone already.
pub(super) fn remove(path: &Path) -> Result<(), DatasetError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk(path, &error)),
        _ => Ok(()),
    }
}

/// Removes the job's directory and all in it; links in it are removed, not followed.
pub(super) fn remove_directory(directory: &Path) -> Result<(), DatasetError> {
    if directory_exists(directory)? {
        fs::remove_dir_all(directory).map_err(|error| disk(directory, &error))?;
    }
    Ok(())
}

/// A file being written beside the one it will replace. Dropped before [`Self::replace`], it is removed.
pub(super) struct Replacement {
    file: File,
    target: PathBuf,
    replaced: bool,
}

/// Where a replacement is written.
pub(super) fn beside(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    target.with_file_name(name)
}

impl Replacement {
    /// Starts one; what an earlier crash left there is removed.
    pub(super) fn start(target: PathBuf) -> Result<Self, DatasetError> {
        let path = beside(&target);
        if matches!(look(&path)?, Found::Directory) {
            let what = format!("{} is a directory; move it away", path.display());
            return Err(DatasetError::Setup(what));
        }
        remove(&path)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| disk(&path, &error))?;
        Ok(Self {
            file,
            target,
            replaced: false,
        })
    }

    /// The file it will be.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Appends to it.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), DatasetError> {
        self.file
            .write_all(bytes)
            .map_err(|error| disk(&self.target, &error))
    }

    /// Makes its bytes durable, and returns the tail hash of a file of that length.
    pub(super) fn sync(&self, bytes: u64) -> Result<String, DatasetError> {
        self.file.sync_all().map_err(|error| disk(&self.target, &error))?;
        tail_sha256(&self.target, &self.file, bytes)
    }

    /// Takes its place. What is there and no regular file is set aside first.
    pub(super) fn replace(mut self) -> Result<(), DatasetError> {
        if matches!(look(&self.target)?, Found::Directory | Found::Other) {
            set_aside(&self.target)?;
        }
        fs::rename(beside(&self.target), &self.target).map_err(|error| disk(&self.target, &error))?;
        self.replaced = true;
        Ok(())
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.replaced {
            // Nothing to tell anybody: the next start removes it too.
            let _ = fs::remove_file(beside(&self.target));
        }
    }
}
