//! Who may write: a lock file beside the database, locked by the kernel (so that it ends with its owner, however it ended) and
//! holding the owner's process id and what it runs.

#![expect(clippy::disallowed_methods, reason = "the lock is a file")]

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use crate::core::ports::{StoreError, Stored};

/// Tries and pauses before a lock counts as held: a reader asks for an instant who holds it.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// The lock, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
    claim: Claim,
}

impl Lock {
    /// What tells later whether it is still the one that others see.
    pub(super) fn claim(&self) -> Claim {
        self.claim.clone()
    }
}

/// Which lock file is ours. One that was removed by hand and made anew by somebody else is not.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Claim {
    fn of(path: PathBuf, file: &File) -> std::io::Result<Self> {
        let about = file.metadata()?;
        Ok(Self {
            path,
            device: about.dev(),
            inode: about.ino(),
        })
    }

    /// Nobody has taken the place of our lock. A missing file is no other lock.
    pub(super) fn check(&self) -> Stored<()> {
        match fs::metadata(&self.path) {
            Ok(about) if (about.dev(), about.ino()) != (self.device, self.inode) => {
                let who = OpenOptions::new()
                    .read(true)
                    .open(&self.path)
                    .map_or_else(|_| "another process".to_owned(), |mut file| describe(&mut file));
                Err(StoreError::TakenOver(who))
            }
            _ => Ok(()),
        }
    }
}

/// Where the lock of a database is.
pub(super) fn path_of(database: &Path) -> PathBuf {
    let mut name = OsString::from(database.as_os_str());
    name.push(".lock");
    PathBuf::from(name)
}

/// Takes the lock, or says who has it.
pub(super) async fn take(database: &Path, what: &str) -> Stored<Result<Lock, String>> {
    let path = path_of(database);
    // The standard library opens with O_CLOEXEC: a plugin that inherited the lock would keep it after we are gone.
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| StoreError::Disk(format!("{}: {error}", path.display())))?;
    for attempt in 0..TRIES {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                let text = format!("{}\n{}\n", std::process::id(), what.replace('\n', " "));
                let claimed = Claim::of(path.clone(), &file);
                let written = file
                    .set_len(0)
                    .and_then(|()| file.seek(SeekFrom::Start(0)))
                    .and_then(|_| file.write_all(text.as_bytes()));
                return match written.and(claimed) {
                    Ok(claim) => Ok(Ok(Lock { _file: file, claim })),
                    Err(error) => Err(StoreError::Disk(format!("{}: {error}", path.display()))),
                };
            }
            Err(rustix::io::Errno::WOULDBLOCK) => {}
            Err(error) => {
                return Err(StoreError::Disk(format!(
                    "{} cannot be locked ({error}); is it on a network file system?",
                    path.display()
                )));
            }
        }
    }
    Ok(Err(describe(&mut file)))
}

/// Who holds the lock now, if anybody does.
pub(super) fn holder(database: &Path) -> Option<String> {
    let mut file = OpenOptions::new().read(true).open(path_of(database)).ok()?;
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => None,
        Err(_) => Some(describe(&mut file)),
    }
}

fn describe(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    let mut lines = text.lines();
    match (lines.next(), lines.next()) {
        (Some(pid), Some(what)) if !pid.is_empty() => format!("process {pid} ({what})"),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_taker_learns_who_was_first() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("a.db");
        let first = take(&database, "run demo").await.unwrap().unwrap();
        let told = take(&database, "run other").await.unwrap().unwrap_err();
        assert_eq!(told, format!("process {} (run demo)", std::process::id()));
        assert_eq!(holder(&database), Some(told));
        first.claim().check().unwrap();
        std::fs::remove_file(path_of(&database)).unwrap();
        first.claim().check().unwrap();
        let other = take(&database, "run thief").await.unwrap().unwrap();
        let taken = format!("process {} (run thief)", std::process::id());
        assert_eq!(first.claim().check(), Err(StoreError::TakenOver(taken)));
        drop(other);
        assert!(first.claim().check().is_err(), "what was taken stays taken");
        drop(first);
        assert_eq!(holder(&database), None);
        assert!(take(&database, "run other").await.unwrap().is_ok());
    }
}
