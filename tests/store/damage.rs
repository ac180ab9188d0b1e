//! D3 and K5: a database with a byte flipped anywhere, and one whose log ends anywhere. Never a panic; never a made-up row.

use std::fs;
use std::path::Path;

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

/// The database as it was before, with so much of the log of what came after.
async fn cut(times: usize) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    ledger(&path).await;
    let opened = open_at(&path).await;
    let jobs = opened.store.jobs().await.unwrap();
    let id = jobs[0].id;
    let before = opened.store.counts(id).await.unwrap().of(TaskState::Accepted);
    for leased in opened.store.claim(id, 20).await.unwrap() {
        finish(&*opened.store, "j", &leased, SampleState::Accepted, None).await;
    }
    let after = opened.store.counts(id).await.unwrap().of(TaskState::Accepted);
    assert!(after > before);
    let log = directory.path().join("ledger.db-wal");
    let (main, log) = (fs::read(&path).unwrap(), fs::read(log).unwrap());
    opened.store.close().await;
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut ends: Vec<usize> = (0..times).map(|_| rng.random_range(0..=log.len())).collect();
    ends.sort_unstable();
    let mut last = 0;
    for end in ends {
        let copy = directory.path().join("copy.db");
        fs::write(&copy, &main).unwrap();
        fs::write(directory.path().join("copy.db-wal"), &log[..end]).unwrap();
        let opened = open_at(&copy).await;
        let found = opened.store.check(true).await.unwrap();
        assert_eq!(found, Vec::<String>::new(), "cut at {end} of {}", log.len());
        let now = opened.store.counts(id).await.unwrap().of(TaskState::Accepted);
        assert!((before..=after).contains(&now), "cut at {end}: {now}");
        // Only a suffix is lost: with more of the log there is never less.
        assert!(now >= last, "cut at {end}: {now} after {last}");
        last = now;
        opened.store.close().await;
        for name in ["copy.db", "copy.db-wal", "copy.db-shm", "copy.db.lock"] {
            let _ = fs::remove_file(directory.path().join(name));
        }
    }
    println!("{times} logs cut short: {before} to {last} of {after} accepted, nothing else was lost");
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
