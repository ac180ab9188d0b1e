//! A dataset in shards: named as hubs name them, verified and described like any other, written anew in any number.

use std::fs;

use destilation::core::ports::DatasetWriter;
use serde_json::Value;

use crate::{SPLIT, World, many, pages};

fn sharded(split: &[(&str, f64)], rows: u64) -> World {
    let mut world = World::new(split);
    world.job.spec.dataset.shard_rows = Some(rows);
    world
}

async fn audited(world: &World, marks: &[destilation::core::ports::FileMark], count: u64) -> Vec<String> {
    let mut job = world.job.clone();
    job.state = destilation::core::job::JobState::Completed;
    world
        .writer
        .audit(&job, marks, &mut pages(&many(count)))
        .await
        .unwrap()
}

#[tokio::test]
async fn shards_are_named_as_hubs_name_them_and_hold_every_row_once() {
    let plain = World::new(SPLIT);
    plain.rebuild(&many(50)).await;
    let world = sharded(SPLIT, 12);
    let marks = world.rebuild(&many(50)).await;
    let names = world.names();
    let train = names.iter().filter(|name| name.starts_with("train-")).count();
    let expected: Vec<String> = (0..train)
        .map(|at| format!("train-{at:05}-of-{train:05}.jsonl"))
        .collect();
    assert!(
        train > 2
            && names
                .iter()
                .filter(|name| name.starts_with("train"))
                .eq(&expected),
        "{names:?}"
    );
    assert_eq!(marks.iter().map(|mark| mark.rows).sum::<u64>(), 50);
    assert!(marks.iter().all(|mark| mark.rows <= 12));
    for part in ["train", "valid"] {
        let mut all = Vec::new();
        for name in names.iter().filter(|name| name.starts_with(part)) {
            all.extend(world.read(name));
        }
        assert_eq!(
            all,
            plain.read(&format!("{part}.jsonl")),
            "together they are the one file"
        );
    }
    assert_eq!(world.findings().await, [""; 0]);
    assert_eq!(audited(&world, &marks, 50).await, [""; 0]);
    let card = fs::read_to_string(world.path("README.md")).unwrap();
    assert!(
        card.contains("  - split: train\n    path: train-?????-of-?????.jsonl\n  - split: valid"),
        "{card}"
    );
    // A changed byte and a row in the wrong shard are found.
    let first = world.path("train-00000-of-00004.jsonl");
    let first = if first.exists() {
        first
    } else {
        world.path(&expected[0])
    };
    let text = fs::read_to_string(&first).unwrap();
    fs::write(&first, text.replacen("Why", "Who", 1)).unwrap();
    assert!(!world.findings().await.is_empty());
    assert!(!audited(&world, &marks, 50).await.is_empty());
}

#[tokio::test]
async fn any_number_of_shards_takes_the_place_of_any_other() {
    let mut world = sharded(&[], 10);
    for (count, rows, expected) in [
        (
            30,
            Some(10),
            vec![
                "data-00000-of-00003.jsonl",
                "data-00001-of-00003.jsonl",
                "data-00002-of-00003.jsonl",
            ],
        ),
        (
            31,
            Some(10),
            vec![
                "data-00000-of-00004.jsonl",
                "data-00001-of-00004.jsonl",
                "data-00002-of-00004.jsonl",
                "data-00003-of-00004.jsonl",
            ],
        ),
        (31, None, vec!["data.jsonl"]),
        (31, Some(100), vec!["data-00000-of-00001.jsonl"]),
        (0, Some(10), vec!["data-00000-of-00001.jsonl"]),
    ] {
        world.job.spec.dataset.shard_rows = rows;
        let marks = world.rebuild(&many(count)).await;
        let mut names = world.names();
        names.retain(|name| name != "manifest.json");
        assert_eq!(names, expected);
        assert_eq!(world.findings().await, [""; 0]);
        assert_eq!(audited(&world, &marks, count).await, [""; 0]);
    }
}

#[tokio::test]
async fn what_grew_in_one_file_makes_room_for_shards_and_edits_are_kept() {
    let mut world = World::new(&[]);
    world.append(&[], &many(9)).await;
    world.job.spec.dataset.shard_rows = Some(4);
    world.rebuild(&many(9)).await;
    assert_eq!(
        world.names(),
        [
            "data-00000-of-00003.jsonl",
            "data-00001-of-00003.jsonl",
            "data-00002-of-00003.jsonl",
            "manifest.json"
        ]
    );
    let edited = world.path("data-00001-of-00003.jsonl");
    let text = fs::read_to_string(&edited).unwrap();
    fs::write(&edited, format!("{{\"mine\":1}}\n{text}")).unwrap();
    world.rebuild(&many(9)).await;
    assert_eq!(world.conflicts().len(), 1, "{:?}", world.names());
}

#[tokio::test]
async fn a_table_of_files_names_every_shard() {
    let mut world = sharded(&[], 4);
    world.job.spec.dataset.format = "sharegpt".to_owned();
    world.rebuild(&many(9)).await;
    let info: Value = serde_json::from_slice(&world.read("dataset_info.json")).unwrap();
    let files: Vec<&str> = info
        .as_object()
        .unwrap()
        .values()
        .map(|e| e["file_name"].as_str().unwrap())
        .collect();
    assert_eq!(files.len(), 3);
    assert_eq!(
        info["tides-data-00001-of-00003"]["file_name"],
        "data-00001-of-00003.jsonl"
    );
}
