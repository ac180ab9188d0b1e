//! D3 and K5: a database with a byte flipped anywhere, one whose log ends anywhere, and one whose log came to the disk in another order.
//! Never a panic; never a made-up row.

use std::fs;
use std::path::Path;

use destilation::core::job::JobId;
use destilation::core::sample::SampleState;
use destilation::core::settings::Durability;
use destilation::core::task::TaskState;
use destilation::store::{OpenMode, open};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::support::*;

/// A ledger of some tasks, some of them accepted, closed.
async fn ledger(path: &Path) {
    let opened = open_at(path).await;
    let id = job(&*opened.store, "j", 60).await;
    for leased in opened.store.claim(id, 40).await.unwrap() {
        finish(&*opened.store, "j", &leased, SampleState::Accepted, None).await;
    }
    opened.store.close().await;
}

/// What became of a damaged copy: it was refused, or its damage was found, or it reads as before.
async fn look(path: &Path, accepted: u64) -> &'static str {
    let Ok(opened) = open(
        path,
        Durability::Process,
        OpenMode::Write {
            what: "test".to_owned(),
        },
    )
    .await
    else {
        return "refused";
    };
    let found = opened.store.check(true).await;
    let mut outcome = match &found {
        Ok(findings) if findings.is_empty() => "harmless",
        _ => "found",
    };
    if outcome == "harmless" {
        let jobs = opened.store.jobs().await.unwrap();
        let counts = opened.store.counts(jobs[0].id).await.unwrap();
        if counts.of(TaskState::Accepted) != accepted {
            outcome = "wrong";
        }
    }
    opened.store.close().await;
    outcome
}

async fn flipped(places: usize) {
    let directory = tempfile::tempdir().unwrap();
    let whole = directory.path().join("whole.db");
    ledger(&whole).await;
    let bytes = fs::read(&whole).unwrap();
    let accepted = {
        let opened = open(&whole, Durability::Process, OpenMode::Read).await.unwrap();
        let jobs = opened.store.jobs().await.unwrap();
        opened
            .store
            .counts(jobs[0].id)
            .await
            .unwrap()
            .of(TaskState::Accepted)
    };
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut outcomes = std::collections::BTreeMap::<&str, u64>::new();
    for _ in 0..places {
        let at = rng.random_range(0..bytes.len());
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << rng.random_range(0..8);
        let path = directory.path().join("damaged.db");
        fs::write(&path, &damaged).unwrap();
        let outcome = look(&path, accepted).await;
        assert_ne!(outcome, "wrong", "a byte at {at} changed a sum and nobody saw it");
        *outcomes.entry(outcome).or_default() += 1;
        for end in ["", "-wal", "-shm", ".lock"] {
            let _ = fs::remove_file(directory.path().join(format!("damaged.db{end}")));
        }
    }
    println!(
        "{places} bytes flipped in {} of a ledger: {outcomes:?}",
        bytes.len()
    );
}

#[tokio::test]
async fn a_flipped_byte_is_found_or_harms_no_sum() {
    flipped(60).await;
}

#[tokio::test]
#[ignore = "takes minutes; run it by `just simulate`"]
async fn two_thousand_flipped_bytes_are_found_or_harm_no_sum() {
    flipped(2_000).await;
}

/// A ledger while it is open: its file as it was before, and the log of what came after.
struct Logged {
    main: Vec<u8>,
    log: Vec<u8>,
    job: JobId,
    /// Accepted before what is in the log, and after it.
    accepted: (u64, u64),
}

impl Logged {
    async fn new(directory: &Path) -> Self {
        let path = directory.join("ledger.db");
        ledger(&path).await;
        let opened = open_at(&path).await;
        let job = opened.store.jobs().await.unwrap()[0].id;
        let before = opened.store.counts(job).await.unwrap().of(TaskState::Accepted);
        for leased in opened.store.claim(job, 20).await.unwrap() {
            finish(&*opened.store, "j", &leased, SampleState::Accepted, None).await;
        }
        let after = opened.store.counts(job).await.unwrap().of(TaskState::Accepted);
        assert!(after > before);
        let log = fs::read(directory.join("ledger.db-wal")).unwrap();
        let main = fs::read(&path).unwrap();
        opened.store.close().await;
        Self {
            main,
            log,
            job,
            accepted: (before, after),
        }
    }

    /// How many are accepted in a sound copy with this log.
    async fn with(&self, directory: &Path, log: &[u8], what: &str) -> u64 {
        let copy = directory.join("copy.db");
        fs::write(&copy, &self.main).unwrap();
        fs::write(directory.join("copy.db-wal"), log).unwrap();
        let opened = open_at(&copy).await;
        let found = opened.store.check(true).await.unwrap();
        assert_eq!(found, Vec::<String>::new(), "{what}");
        let now = opened
            .store
            .counts(self.job)
            .await
            .unwrap()
            .of(TaskState::Accepted);
        let (before, after) = self.accepted;
        assert!((before..=after).contains(&now), "{what}: {now}");
        opened.store.close().await;
        for name in ["copy.db", "copy.db-wal", "copy.db-shm", "copy.db.lock"] {
            let _ = fs::remove_file(directory.join(name));
        }
        now
    }
}

async fn cut(times: usize) {
    let directory = tempfile::tempdir().unwrap();
    let logged = Logged::new(directory.path()).await;
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let length = logged.log.len();
    let mut ends: Vec<usize> = (0..times).map(|_| rng.random_range(0..=length)).collect();
    ends.sort_unstable();
    let mut last = 0;
    for end in ends {
        let what = format!("cut at {end} of {length}");
        let now = logged.with(directory.path(), &logged.log[..end], &what).await;
        // Only a suffix is lost: with more of the log there is never less.
        assert!(now >= last, "{what}: {now} after {last}");
        last = now;
    }
    println!(
        "{times} logs cut short: {last} left of {:?}, nothing else was lost",
        logged.accepted
    );
}

/// Bytes of the log's head, and of a page with its own.
const HEAD: usize = 32;
const FRAME: usize = 24 + 4096;

/// Pages of the log reach the disk in any order until it is synced: some never come, some come in another's place, of some only the room is
/// there. The log ends before the first of them, as if nothing had come after.
async fn reordered(times: usize) {
    let directory = tempfile::tempdir().unwrap();
    let logged = Logged::new(directory.path()).await;
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let frames = (logged.log.len() - HEAD) / FRAME;
    let frame = |at: usize| HEAD + at * FRAME..HEAD + (at + 1) * FRAME;
    for round in 0..times {
        let synced = rng.random_range(0..frames - 1);
        let mut log = logged.log.clone();
        let (what, first) = match round % 4 {
            0 => {
                let lost = rng.random_range(synced..frames);
                log[frame(lost)].fill(0);
                ("is zero", lost)
            }
            1 => {
                let (one, other) = (synced, rng.random_range(synced + 1..frames));
                let kept = log[frame(one)].to_vec();
                log.copy_within(frame(other), frame(one).start);
                log[frame(other)].copy_from_slice(&kept);
                ("stands in another's place", one)
            }
            2 => {
                log.drain(frame(synced));
                ("never came", synced)
            }
            _ => {
                // Its head came, its page did not, or half of it.
                let torn = frame(synced);
                log[torn.start + 24 + [0, 2048][round / 4 % 2]..torn.end].fill(0);
                ("is torn", synced)
            }
        };
        let what = format!("page {first} of {frames} {what}");
        let now = logged.with(directory.path(), &log, &what).await;
        let ended = &logged.log[..frame(first).start];
        let expected = logged.with(directory.path(), ended, "cut there").await;
        assert_eq!(now, expected, "{what}");
    }
}

#[tokio::test]
async fn a_log_whose_pages_came_in_another_order_ends_before_them() {
    reordered(16).await;
}

#[tokio::test]
#[ignore = "takes minutes; run it by `just simulate`"]
async fn a_thousand_logs_damaged_in_order_of_their_pages_end_before_them() {
    reordered(1_000).await;
}

#[tokio::test]
async fn a_log_cut_anywhere_loses_only_its_end() {
    cut(40).await;
}

#[tokio::test]
#[ignore = "takes minutes; run it by `just simulate`"]
async fn a_thousand_logs_cut_anywhere_lose_only_their_ends() {
    cut(1_000).await;
}
