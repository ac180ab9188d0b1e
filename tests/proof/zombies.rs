//! K8: a runner that sleeps. As long as it lives the lock is its own, and whoever comes is told so; where its lock was taken from it by
//! hand, it finds out before it writes anything.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor};

use crate::faulty::{Faults, Shape};
use crate::sandbox::{Ran, wait_until};
use crate::stage::Stage;

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(child.id().try_into().unwrap()).unwrap(), signal).unwrap();
}

/// A run that was put to sleep in the middle of its job, but not of a transaction: that would keep everybody out.
fn asleep(tasks: u64) -> (Stage, Child) {
    let stage = Stage::new(Shape::OpenAi, 1, Faults::default(), Duration::from_millis(30));
    stage.job(tasks, 4, "");
    let child = stage.command(&["run", "job.toml", "--json"], "").spawn().unwrap();
    wait_until("it is under way", || stage.teacher.teacher.seen().requests >= 40);
    send(&child, Signal::STOP);
    while !is_free(&database(&stage)) {
        send(&child, Signal::CONT);
        std::thread::sleep(Duration::from_millis(7));
        send(&child, Signal::STOP);
    }
    (stage, child)
}

fn database(stage: &Stage) -> PathBuf {
    let info = stage.finish(&["db", "info", "--json"]).expect_code(0);
    let info: serde_json::Value = serde_json::from_str(&info.stdout).unwrap();
    info["path"].as_str().unwrap().into()
}

/// Whether nobody is in a transaction that writes.
fn is_free(database: &Path) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(database);
        let mut connection = options.busy_timeout(Duration::ZERO).connect().await.unwrap();
        connection.execute("BEGIN IMMEDIATE; ROLLBACK").await.is_ok()
    })
}

#[test]
fn whoever_sleeps_keeps_the_lock_and_goes_on() {
    let (stage, child) = asleep(200);
    let second = stage.finish(&["run", "job.toml"]).expect_code(10);
    assert!(second.stderr.contains(&child.id().to_string()), "{second:?}");
    stage.finish(&["jobs", "list"]).expect_code(0);
    std::thread::sleep(Duration::from_secs(4));
    send(&child, Signal::CONT);
    let ran = Ran::from(child.wait_with_output().unwrap()).expect_code(0);
    assert_eq!(ran.summary()["samples"]["accepted"], 200, "{ran:?}");
    stage.audited();
}

#[test]
fn whoever_lost_the_lock_while_it_slept_writes_nothing_and_says_so() {
    let (stage, child) = asleep(300);
    // By hand, as somebody does who believes that nobody runs any more.
    std::fs::remove_file(format!("{}.lock", database(&stage).display())).unwrap();
    let ran = stage.finish(&["run", "job.toml", "--json"]).expect_code(0);
    assert_eq!(ran.summary()["samples"]["accepted"], 300, "{ran:?}");
    let (seen, file) = (stage.log().len(), stage.sandbox.read("datasets/t/train.jsonl"));
    send(&child, Signal::CONT);
    let woken = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(woken.code, 11, "{woken:?}");
    assert!(woken.stderr.contains("taken over"), "{woken:?}");
    // What was on its wire when it fell asleep may have been asked; nothing else was.
    assert!(
        stage.log().len() <= seen + 8,
        "{} requests, then {}",
        seen,
        stage.log().len()
    );
    assert_eq!(stage.sandbox.read("datasets/t/train.jsonl"), file);
    stage.finish(&["verify", "datasets/t"]).expect_code(0);
    stage.audited();
}
