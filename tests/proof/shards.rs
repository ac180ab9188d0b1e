//! Death between the renames of a dataset's shards, and at every step around them: the dataset is exact in the end, and nothing of
//! another number of shards is left.

use std::time::Duration;

use destilation::core::failpoint::Failpoint;

use crate::faulty::{Faults, Shape};
use crate::stage::{Ended, Stage};

/// Two runs that end with different numbers of shards, each dying once at that step.
fn live_through(point: Failpoint, hit: u32) {
    let stage = Stage::new(Shape::OpenAi, 1, Faults::default(), Duration::from_millis(1));
    stage.job(40, 4, "usd = 0.0011\n");
    let text = stage.sandbox.read("job.toml");
    stage
        .sandbox
        .write("job.toml", &text.replace("split =", "shard_rows = 6\nsplit ="));
    let armed = format!("fail={}:{hit}:abort", point.word());
    let mut deaths = 0;
    for (words, code) in [
        (&["run", "job.toml"][..], 6),
        (&["run", "job.toml", "--usd", "1"], 0),
        (&["jobs", "rejudge", "t", "--apply"], 0),
    ] {
        if matches!(stage.run(words, &armed), Ended::Killed) {
            deaths += 1;
        }
        let ran = stage.finish(words);
        assert_eq!(ran.code, code, "{} at hit {hit}: {ran:?}", point.word());
    }
    assert!(
        deaths > 0,
        "{} at hit {hit}: nobody ever came there",
        point.word()
    );
    let mut names: Vec<String> = std::fs::read_dir(stage.sandbox.path("datasets/t"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let is_shard = |name: &&String| {
        std::path::Path::new(name)
            .extension()
            .is_some_and(|end| end == "jsonl")
    };
    let shards: Vec<&String> = names.iter().filter(is_shard).collect();
    let rows: Vec<serde_json::Value> = shards
        .iter()
        .flat_map(|name| stage.sandbox.rows(&format!("datasets/t/{name}")))
        .collect();
    assert_eq!(rows.len(), 40, "{} at hit {hit}: {names:?}", point.word());
    assert!(
        names.len() == shards.len() + 2 && shards.iter().all(|name| name.contains("-of-")),
        "{} at hit {hit}: {names:?}",
        point.word()
    );
    stage.finish(&["verify", "datasets/t"]).expect_code(0);
    stage.finish(&["db", "check", "--deep"]).expect_code(0);
}

#[test]
fn death_between_the_renames_of_shards_leaves_an_exact_dataset() {
    for (point, hit) in [
        (Failpoint::RebuildGrowing, 1),
        (Failpoint::RebuildSynced, 1),
        (Failpoint::ManifestPrepared, 1),
        (Failpoint::FileReplaced, 1),
        (Failpoint::FileReplaced, 3),
        (Failpoint::FileReplaced, 6),
        (Failpoint::ManifestReplaced, 1),
        (Failpoint::RebuildUnmarked, 1),
    ] {
        live_through(point, hit);
    }
}
