//! The dataset: each format writes the shape its trainer reads, and the files on disk equal the ledger whatever was done to them.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests prepare files and may panic"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use destilation::core::job::{Job, JobId, JobState};
use destilation::core::ports::{DatasetError, DatasetWriter, FileMark, SampleSource, Stored};
use destilation::core::sample::Sample;
use destilation::dataset::FilesystemDatasetWriter;
use serde_json::{Value, json};

use support::{dataset, sample, spec, step};

#[path = "dataset/companions.rs"]
mod companions;
#[path = "dataset/containers.rs"]
mod containers;
#[path = "dataset/formats.rs"]
mod formats;
#[path = "dataset/kd.rs"]
mod kd;
#[path = "dataset/lint.rs"]
mod lint;
#[path = "dataset/own_exports.rs"]
mod own_exports;
#[path = "dataset/shapes.rs"]
mod shapes;
#[path = "dataset/shards.rs"]
mod shards;
#[path = "dataset/support.rs"]
mod support;
#[path = "dataset/taking.rs"]
mod taking;
#[path = "dataset/tool_traps.rs"]
mod tool_traps;
#[path = "dataset/traps.rs"]
mod traps;
#[path = "dataset/turns.rs"]
mod turns;

struct Pages(Vec<Vec<Sample>>);

#[async_trait]
impl SampleSource for Pages {
    async fn next_page(&mut self) -> Stored<Vec<Sample>> {
        Ok(self.0.pop().unwrap_or_default())
    }
}

fn pages(samples: &[Sample]) -> Pages {
    Pages(samples.chunks(7).rev().map(<[Sample]>::to_vec).collect())
}

fn many(count: u64) -> Vec<Sample> {
    (0..count)
        .map(|index| {
            sample(
                index,
                json!({"question": format!("Why {index}? {}", "·".repeat(index as usize % 60))}),
                vec![step("solution", "So.")],
            )
        })
        .collect()
}

struct World {
    folder: tempfile::TempDir,
    writer: FilesystemDatasetWriter,
    job: Job,
}

impl World {
    fn new(split: &[(&str, f64)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut dataset = dataset("messages", &[]);
        dataset.split = split
            .iter()
            .map(|(name, share)| ((*name).to_owned(), *share))
            .collect();
        let job = Job {
            id: JobId(1),
            spec: spec(dataset),
            source: String::new(),
            base: String::new(),
            revision: 3,
            state: JobState::Running,
            planned_all: true,
            elapsed: Duration::ZERO,
            created_ms: 0,
        };
        Self {
            writer: FilesystemDatasetWriter::new(folder.path().join("datasets")),
            folder,
            job,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("datasets/tides").join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(""))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            // The card has its own tests.
            .filter(|name| name != "README.md")
            .collect();
        names.sort();
        names
    }

    fn conflicts(&self) -> Vec<String> {
        self.names()
            .into_iter()
            .filter(|name| name.contains(".conflict-"))
            .collect()
    }

    async fn append(&self, marks: &[FileMark], samples: &[Sample]) -> Vec<FileMark> {
        self.writer
            .append(&self.job.spec, marks, samples.to_vec())
            .await
            .unwrap()
    }

    async fn recover(&self, marks: &[FileMark]) -> bool {
        self.writer.recover(&self.job.spec, marks).await.unwrap()
    }

    async fn rebuild(&self, samples: &[Sample]) -> Vec<FileMark> {
        self.writer
            .rebuild(&self.job, &mut pages(samples))
            .await
            .unwrap()
            .0
    }

    async fn findings(&self) -> Vec<String> {
        self.writer.verify(&self.path("")).await.unwrap().findings
    }
}

const SPLIT: &[(&str, f64)] = &[("train", 0.8), ("valid", 0.2)];

#[tokio::test]
async fn batches_and_a_rebuild_give_the_same_bytes_and_marks() {
    let world = World::new(SPLIT);
    let samples = many(50);
    let mut marks = Vec::new();
    for batch in samples.chunks(9) {
        assert!(world.recover(&marks).await);
        marks = world.append(&marks, batch).await;
    }
    let appended = [world.read("train.jsonl"), world.read("valid.jsonl")];
    assert_eq!(marks.iter().map(|mark| mark.rows).sum::<u64>(), 50);
    assert!(marks.iter().all(|mark| mark.rows > 2), "both files have rows");
    assert_eq!(
        world.findings().await,
        ["manifest.json: the dataset is not finished; run the job to its end"]
    );

    let rebuilt = world.rebuild(&samples).await;
    assert_eq!(rebuilt, marks);
    assert_eq!(appended, [world.read("train.jsonl"), world.read("valid.jsonl")]);
    assert_eq!(world.names(), ["manifest.json", "train.jsonl", "valid.jsonl"]);
    let verified = world.writer.verify(&world.path("")).await.unwrap();
    assert_eq!(
        (verified.findings.len(), verified.rows, verified.job.as_str()),
        (0, 50, "tides")
    );
    assert_eq!(verified.bytes, (appended[0].len() + appended[1].len()) as u64);
    for name in world.names() {
        let mode = fs::metadata(world.path(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(
        fs::metadata(world.path("")).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

#[tokio::test]
async fn the_manifest_says_what_is_there() {
    let world = World::new(&[]);
    let (_, report) = world
        .writer
        .rebuild(&world.job, &mut pages(&many(3)))
        .await
        .unwrap();
    let manifest: Value = serde_json::from_slice(&world.read("manifest.json")).unwrap();
    let (name, rows, bytes, sha256) = &report.files[0];
    assert_eq!((name.as_str(), *rows, report.files.len()), ("data.jsonl", 3, 1));
    assert_eq!(
        manifest["files"],
        json!([{"file": name, "rows": rows, "bytes": bytes, "sha256": sha256}])
    );
    for (key, value) in [
        ("schema_version", json!(1)),
        ("job", json!("tides")),
        ("revision", json!(3)),
        ("rows", json!(3)),
        ("teachers", json!({"mock/teacher": 3})),
        ("finished", json!(true)),
        ("format", json!("messages")),
    ] {
        assert_eq!(manifest[key], value, "{key}");
    }
    for key in ["spec_sha256", "ids_sha256"] {
        assert_eq!(manifest[key].as_str().unwrap().len(), 64);
    }
    assert!(manifest["created_by"].as_str().unwrap().starts_with("destiler "));
    let first = world.read("manifest.json");
    world.rebuild(&many(3)).await;
    assert_eq!(first, world.read("manifest.json"), "no times in it");
}

/// What K3 of the test battery does to the file between two starts.
fn damages(good: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut damages = Vec::new();
    let starts: Vec<usize> = (0..good.len())
        .filter(|at| *at == 0 || good[at - 1] == b'\n')
        .collect();
    for cut in starts[starts.len() - 3]..good.len() {
        damages.push((format!("cut at {cut}"), good[..cut].to_vec()));
    }
    let last = starts[starts.len() - 1];
    let swapped = [
        &good[..starts[starts.len() - 2]],
        &good[last..],
        &good[starts[starts.len() - 2]..last],
    ]
    .concat();
    let with = |tail: &[u8]| [good, tail].concat();
    let mut flipped = good.to_vec();
    flipped[last + 4] ^= 1;
    let crlf = String::from_utf8(good.to_vec())
        .unwrap()
        .replace('\n', "\r\n")
        .into_bytes();
    for (name, bytes) in [
        ("garbage", with(b"{\"messages\":[{\"role\"")),
        ("whole foreign line", with(b"{\"a\":1}\n")),
        ("zeros", with(&[0; 5_000])),
        ("zeros alone", vec![0; good.len()]),
        ("carriage returns", crlf),
        ("byte order mark", [b"\xef\xbb\xbf", good].concat()),
        ("swapped lines", swapped),
        ("flipped bit", flipped),
        ("empty", Vec::new()),
        ("another file", b"mine\n".repeat(good.len())),
    ] {
        damages.push((name.to_owned(), bytes));
    }
    damages
}

#[tokio::test]
async fn whatever_is_done_to_the_file_it_ends_as_the_ledger_says() {
    let world = World::new(&[]);
    let samples = many(12);
    let marks = world.append(&[], &samples).await;
    let good = world.read("data.jsonl");
    for finished in [false, true] {
        if finished {
            assert_eq!(world.rebuild(&samples).await, marks);
        }
        for (name, bytes) in damages(&good) {
            fs::write(world.path("data.jsonl"), &bytes).unwrap();
            let extends = bytes.starts_with(&good);
            assert_eq!(world.recover(&marks).await, extends, "{name}");
            let kept: Vec<_> = world.conflicts();
            assert_eq!(kept.len(), usize::from(!extends && !bytes.is_empty()), "{name}");
            for kept in kept {
                assert_eq!(world.read(&kept), bytes, "{name}: what somebody wrote is kept");
                fs::remove_file(world.path(&kept)).unwrap();
            }
            if !extends {
                assert_eq!(world.rebuild(&samples).await, marks, "{name}");
            }
            assert_eq!(world.read("data.jsonl"), good, "{name}");
            assert!(world.recover(&marks).await, "{name}");
        }
    }
}

#[tokio::test]
async fn links_directories_and_missing_files_are_replaced_never_followed() {
    let world = World::new(&[]);
    let samples = many(5);
    let marks = world.append(&[], &samples).await;
    let good = world.read("data.jsonl");
    let path = world.path("data.jsonl");
    let elsewhere = world.folder.path().join("precious");
    let damage: [&dyn Fn(); 4] = [
        &|| {},
        &|| {
            fs::write(&elsewhere, "precious").unwrap();
            symlink(&elsewhere, &path).unwrap();
        },
        &|| symlink("/nowhere/at/all", &path).unwrap(),
        &|| fs::create_dir_all(path.join("full")).unwrap(),
    ];
    for (at, damage) in damage.iter().enumerate() {
        for recovering in [true, false] {
            fs::remove_file(&path).unwrap();
            damage();
            if recovering {
                assert!(!world.recover(&marks).await, "{at}");
            }
            assert_eq!(world.rebuild(&samples).await, marks, "{at}");
            assert_eq!(world.read("data.jsonl"), good, "{at}");
            assert!(fs::symlink_metadata(&path).unwrap().is_file(), "{at}");
        }
    }
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "precious");
}

#[tokio::test]
async fn a_batch_whose_marks_were_lost_is_cut() {
    let world = World::new(SPLIT);
    let samples = many(40);
    world.append(&[], &samples[..20]).await;
    assert!(world.recover(&[]).await, "the very first batch");
    assert!(world.read("train.jsonl").is_empty() && world.read("valid.jsonl").is_empty());

    let marks = world.append(&[], &samples[..20]).await;
    let before = world.read("train.jsonl");
    let lost = world.append(&marks, &samples[20..]).await;
    assert!(lost[0].bytes > marks[0].bytes);
    let again = world.append(&marks, &samples[20..]).await;
    assert_eq!(again, lost, "even without a recovery");
    assert!(world.recover(&marks).await);
    assert_eq!(world.read("train.jsonl"), before);
    assert!(world.conflicts().is_empty());
}

#[tokio::test]
async fn an_interrupted_rebuild_is_no_foreign_edit() {
    // Appended in another order than the plan's, so that a rebuild changes the bytes.
    let mut backwards = many(40);
    backwards.reverse();
    let world = World::new(SPLIT);
    let marks = world.append(&[], &backwards).await;
    let old = world.read("valid.jsonl");
    world.rebuild(&many(40)).await;
    let (train, manifest) = (world.read("train.jsonl"), world.read("manifest.json"));
    // As a crash between the two renames leaves it.
    let world = World::new(SPLIT);
    assert_eq!(world.append(&[], &backwards).await, marks);
    fs::write(world.path("manifest.json.tmp"), &manifest).unwrap();
    fs::write(world.path("train.jsonl"), &train).unwrap();
    fs::write(world.path("valid.jsonl.tmp"), "half").unwrap();
    assert_eq!(world.read("valid.jsonl"), old);
    assert!(!world.recover(&marks).await);
    world.rebuild(&many(40)).await;
    assert_eq!(world.names(), ["manifest.json", "train.jsonl", "valid.jsonl"]);
    assert_eq!(
        (world.read("train.jsonl"), world.read("manifest.json")),
        (train, manifest)
    );
}

#[tokio::test]
async fn an_edit_of_a_finished_dataset_is_kept_when_it_is_written_again() {
    let world = World::new(SPLIT);
    let marks = world.rebuild(&many(200)).await;
    let mut edited = world.read("train.jsonl");
    assert!(edited.len() > 5_000, "past the reach of the tail's hash");
    edited[30] = b'X';
    fs::write(world.path("train.jsonl"), &edited).unwrap();
    assert!(world.recover(&marks).await, "the tail is as it was");
    assert!(world.findings().await[0].contains("train.jsonl: changed since the manifest was written"));
    let marks = world.rebuild(&many(200)).await;
    assert_eq!(world.read(&world.conflicts()[0]), edited);
    // Rows appended since the manifest are no edit.
    let more: Vec<Sample> = many(260).split_off(200);
    world.append(&marks, &more).await;
    world.rebuild(&many(260)).await;
    assert_eq!(world.conflicts().len(), 1);
}

#[tokio::test]
async fn files_of_another_database_or_hand_are_not_overwritten() {
    let world = World::new(&[]);
    world.rebuild(&many(5)).await;
    let finished = world.read("data.jsonl");
    assert!(world.recover(&[]).await, "a new ledger knows no marks");
    let kept = world.conflicts();
    assert_eq!(kept.len(), 2, "the rows and their manifest: {kept:?}");
    assert_eq!(world.read(&kept[0]), finished);
    world.append(&[], &many(2)).await;
    assert!(world.recover(&[]).await);
    assert_eq!(world.conflicts().len(), 2);
}

#[tokio::test]
async fn a_changed_split_leaves_no_file_behind() {
    let mut world = World::new(SPLIT);
    let marks = world.rebuild(&many(30)).await;
    world.job.spec.dataset.split.clear();
    assert!(!world.recover(&marks).await);
    world.rebuild(&many(30)).await;
    assert_eq!(world.names(), ["data.jsonl", "manifest.json"]);
    world.job.spec.dataset.split = vec![("a".to_owned(), 0.5), ("b".to_owned(), 0.5)];
    world.rebuild(&many(30)).await;
    assert_eq!(
        world.names(),
        ["a.jsonl", "b.jsonl", "manifest.json"],
        "also without a recovery"
    );
    assert!(world.findings().await.is_empty());
}

#[tokio::test]
async fn names_never_lead_out_of_the_root() {
    let mut world = World::new(&[]);
    for name in [
        "..",
        ".",
        "",
        "a/b",
        "/etc",
        "a\0b",
        "A",
        "a.b",
        "ü",
        &"x".repeat(65),
        "a ",
    ] {
        world.job.spec.name = name.to_owned();
        let spec = &world.job.spec;
        assert!(
            world
                .writer
                .directory(spec)
                .starts_with(world.folder.path().join("datasets")),
            "{name:?}"
        );
        let errors = [
            world.writer.recover(spec, &[]).await.err(),
            world.writer.append(spec, &[], many(1)).await.err(),
            world.writer.rebuild(&world.job, &mut pages(&[])).await.err(),
            world.writer.remove(spec).await.err(),
        ];
        assert!(
            errors
                .iter()
                .all(|error| matches!(error, Some(DatasetError::Setup(_)))),
            "{name:?}: {errors:?}"
        );
    }
    world.job.spec.name = "tides".to_owned();
    for split in ["..", "a/b", "", "manifest.json/x", "\u{202e}"] {
        world.job.spec.dataset.split = vec![(split.to_owned(), 1.0)];
        let error = world
            .writer
            .append(&world.job.spec, &[], many(1))
            .await
            .unwrap_err();
        assert!(matches!(error, DatasetError::Setup(_)), "{split:?}");
    }
    assert!(!world.folder.path().join("datasets").exists(), "nothing was made");
}

#[tokio::test]
async fn a_directory_that_is_a_link_or_a_file_is_refused_in_words() {
    let world = World::new(&[]);
    let target = world.folder.path().join("target");
    fs::create_dir_all(world.folder.path().join("datasets")).unwrap();
    fs::create_dir(&target).unwrap();
    let place = world.folder.path().join("datasets/tides");
    symlink(&target, &place).unwrap();
    for _ in 0..2 {
        let error = world
            .writer
            .append(&world.job.spec, &[], many(1))
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("is no directory (or a link to one)"),
            "{error}"
        );
        assert!(world.writer.remove(&world.job.spec).await.is_err());
        fs::remove_file(&place).unwrap();
        fs::write(&place, "x").unwrap();
    }
    assert!(fs::read_dir(&target).unwrap().next().is_none());
}

#[tokio::test]
async fn an_error_of_projection_writes_nothing() {
    let mut world = World::new(&[]);
    let marks = world.append(&[], &many(2)).await;
    let before = world.read("data.jsonl");
    world.job.spec.dataset = dataset("messages", &[("user", "question"), ("assistant", "none.such")]);
    let error = world
        .writer
        .append(&world.job.spec, &marks, many(3))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, DatasetError::Setup(words) if words.contains("`none.such`")),
        "{error}"
    );
    assert!(
        world
            .writer
            .rebuild(&world.job, &mut pages(&many(3)))
            .await
            .is_err()
    );
    assert_eq!(world.read("data.jsonl"), before);
    assert_eq!(
        world.names(),
        ["data.jsonl", "manifest.json"],
        "no temporary file is left"
    );
}

#[tokio::test]
async fn a_file_that_shrank_under_a_running_job_is_told() {
    let world = World::new(&[]);
    let marks = world.append(&[], &many(5)).await;
    fs::write(world.path("data.jsonl"), "short\n").unwrap();
    let error = world
        .writer
        .append(&world.job.spec, &marks, many(1))
        .await
        .unwrap_err();
    assert!(matches!(&error, DatasetError::Disk(words) if words.contains("somebody changed it")));
    assert!(!world.recover(&marks).await);
}

#[tokio::test]
async fn verify_names_file_and_line() {
    let world = World::new(&[]);
    world.rebuild(&many(4)).await;
    let good = String::from_utf8(world.read("data.jsonl")).unwrap();
    let mut lines: Vec<&str> = good.lines().collect();
    lines[1] = "[1]";
    lines.insert(2, "");
    let torn = &lines[4][..20];
    let text = format!("{}\n{torn}", lines[..4].join("\n"));
    fs::write(world.path("data.jsonl"), text).unwrap();
    fs::write(world.path("extra.jsonl"), "{}\n").unwrap();
    let findings = world.findings().await;
    for (at, words) in [
        "data.jsonl:2: is no JSON object",
        "data.jsonl:3: is blank",
        "data.jsonl:5: has no line feed at its end",
        "data.jsonl: 5 rows, the manifest says 4",
        "data.jsonl: ",
        "extra.jsonl: not in manifest.json",
    ]
    .iter()
    .enumerate()
    {
        assert!(findings[at].starts_with(words), "{at}: {findings:?}");
    }
    fs::remove_file(world.path("data.jsonl")).unwrap();
    assert!(world.findings().await[0].starts_with("data.jsonl: cannot be read"));
    fs::write(world.path("manifest.json"), "{").unwrap();
    assert!(world.findings().await[0].starts_with("manifest.json cannot be read"));
    fs::remove_file(world.path("manifest.json")).unwrap();
    assert!(world.findings().await[0].starts_with("manifest.json is missing"));
    assert!(world.writer.verify(&world.path("none")).await.is_err());
}

#[tokio::test]
async fn remove_takes_the_directory_and_only_it() {
    let world = World::new(&[]);
    world.writer.remove(&world.job.spec).await.unwrap();
    world.rebuild(&many(1)).await;
    fs::create_dir(world.folder.path().join("datasets/other")).unwrap();
    world.writer.remove(&world.job.spec).await.unwrap();
    assert!(!world.path("").exists() && world.folder.path().join("datasets/other").exists());
}
