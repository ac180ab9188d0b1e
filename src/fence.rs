//! The fence around a program of the user's, whether it is a teacher or a validator: its pinned file, its limits, and the sweep of
//! what left its process group. Starting it, speaking with it and ending it are its wing's; marks and pins are [`crate::core::plugin`]'s.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

use crate::core::plugin::{check_pin, is_marked, pinned};

/// Files and pipes it may have open.
const OPEN_FILES: u64 = 4096;
/// Largest file that is hashed.
const FILE_AT_MOST: u64 = 64 << 20;
/// Rounds of the sweep: whoever is found may be starting another.
const ROUNDS: usize = 8;

/// A mark that no other process carries.
pub(crate) fn mark() -> String {
    static STARTED: AtomicU64 = AtomicU64::new(0);
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    format!("{}-{number}", std::process::id())
}

/// Refuses a program whose file is not the pinned one. Relative paths are under `base`.
#[expect(
    clippy::disallowed_methods,
    reason = "reads the one file whose hash the user wrote down, with a limit"
)]
pub(crate) fn verify(command: &[String], base: &Path, sha256: Option<&str>) -> Result<(), String> {
    let Some(sha256) = sha256 else {
        return Ok(());
    };
    let file = pinned(command, &|word| base.join(word).is_file())?;
    let path = base.join(file);
    let read = || {
        if std::fs::metadata(&path)?.len() > FILE_AT_MOST {
            return Err(std::io::Error::other("it is too large to be a plugin"));
        }
        std::fs::read(&path)
    };
    let bytes = read().map_err(|error| format!("`{file}`: {error}"))?;
    check_pin(file, &bytes, sha256)
}

/// No core dumps (they hold prompts) and no more open files than a program needs. Not the address space: a model maps more than it
/// uses; and not the number of processes, which is counted for all of the user's.
pub(crate) fn limit(pid: Pid) {
    for (resource, most) in [(Resource::Core, 0), (Resource::Nofile, OPEN_FILES)] {
        let limits = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        // A lower limit that is in force already may not be raised, and need not be; the process may be gone.
        let _ = prlimit(Some(pid), resource, limits);
    }
}

/// Kills whatever carries the mark, wherever it went.
pub(crate) fn sweep(mark: &str) {
    for _ in 0..ROUNDS {
        let found = marked(mark);
        if found.is_empty() {
            return;
        }
        for pid in found {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "looks for what a plugin left behind, in /proc"
)]
fn marked(mark: &str) -> Vec<Pid> {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let numbers = processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    // Dead ones that nobody has reaped yet show no environment.
    let carry = |number: &i32| {
        std::fs::read(format!("/proc/{number}/environ")).is_ok_and(|text| is_marked(&text, mark))
    };
    numbers.filter(carry).filter_map(Pid::from_raw).collect()
}
