//! What opening a ledger does besides: what a commit survives, and what interrupted copies left.

use std::fs;

use destilation::core::settings::Durability;
use destilation::store::{OpenMode, open};

use super::support::*;

#[tokio::test]
async fn a_commit_survives_what_the_settings_say() {
    for durability in [Durability::Process, Durability::Power] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.db");
        let what = "run test".to_owned();
        let opened = open(&path, durability, OpenMode::Write { what }).await.unwrap();
        assert_eq!(
            opened.durability,
            Some(durability),
            "the connection that writes says so itself"
        );
        job(&*opened.store, "kept", 3).await;
        let reader = open(&path, durability, OpenMode::Read).await.unwrap();
        assert_eq!(reader.durability, None, "nothing is written");
        reader.store.close().await;
        opened.store.close().await;
        let again = open_at(&path).await;
        assert_eq!(
            again.durability,
            Some(Durability::Process),
            "it is no matter of the file"
        );
        assert_eq!(again.store.info().await.unwrap().rows[1], 3);
        again.store.close().await;
    }
}

#[tokio::test]
async fn what_interrupted_copies_left_goes_with_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    open_at(&path).await.store.close().await;
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let gone = child.id();
    child.wait().unwrap();
    let parent = std::os::unix::process::parent_id();
    let goes = [
        format!("ledger.db.v1-2026-11-22.bak.{gone}.tmp"),
        format!("ledger.db.before-cleaning-1.{gone}.tmp-journal"),
        format!("ledger.db.v1-2026-11-22.bak.{}.tmp", std::process::id()),
    ];
    let stays = [
        format!("ledger.db.v1-2026-11-22.bak.{parent}.tmp"),
        format!("other.db.v1-2026-11-22.bak.{gone}.tmp"),
        "ledger.db.v1-2026-11-22.bak".to_owned(),
        "ledger.db.mine.tmp".to_owned(),
    ];
    for name in goes.iter().chain(&stays) {
        fs::write(directory.path().join(name), "half a copy").unwrap();
    }
    open(&path, Durability::Process, OpenMode::Read)
        .await
        .unwrap()
        .store
        .close()
        .await;
    let there = |name: &String| directory.path().join(name).exists();
    assert!(goes.iter().all(there), "whoever only reads removes nothing");
    open_at(&path).await.store.close().await;
    for name in &goes {
        assert!(!there(name), "{name}");
    }
    for name in &stays {
        assert!(there(name), "{name}");
    }
}
