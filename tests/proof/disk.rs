//! D1: a disk that fills up while a job runs and has room again later. The file system that is mounted for it is small:
//! the write-ahead log keeps to a part of it.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::faulty::{Faults, Shape};
use crate::sandbox::{Ran, wait_until};
use crate::stage::Stage;

/// A small file system in memory, gone when this is dropped.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path) -> Self {
        std::fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=32m,mode=0700", "tmpfs"])
            .arg(at)
            .status()
            .unwrap();
        assert!(mounted.success(), "only root can mount");
        Self(at.to_owned())
    }

    /// Takes all the room there is.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("ballast");
        let mut file = File::create(&path).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        path
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Fills the disk so often while the job runs.
fn filled(rounds: u64, tasks: u64, between: u64) {
    let stage = Stage::new(Shape::OpenAi, 1, Faults::default(), Duration::from_millis(10));
    let disk = Small::mount(&stage.sandbox.path(".local/share/destiler"));
    stage.job(tasks, 4, "");
    let child = stage.command(&["run", "job.toml", "--json"], "").spawn().unwrap();
    for round in 1..=rounds {
        wait_until("the job is well under way", || {
            stage.teacher.teacher.seen().requests >= round * between
        });
        let ballast = disk.fill();
        let mut before = 0;
        wait_until("nobody is asked any more", || {
            std::thread::sleep(Duration::from_secs(1));
            let now = stage.teacher.teacher.seen().requests;
            std::mem::replace(&mut before, now) == now
        });
        std::fs::remove_file(ballast).unwrap();
    }
    let ran = Ran::from(child.wait_with_output().unwrap()).expect_code(0);
    assert_eq!(ran.summary()["samples"]["accepted"], tasks, "{ran:?}");
    stage.audited();
}

#[test]
#[ignore = "mounts a file system, which needs root; run it by `just prove`"]
fn a_full_disk_pauses_the_job_which_goes_on_by_itself_when_there_is_room() {
    filled(2, 800, 200);
}

#[test]
#[ignore = "takes a quarter of an hour and needs root; run it by `just prove`"]
fn a_disk_that_is_full_fifty_times_loses_nothing() {
    filled(50, 2_000, 30);
}
