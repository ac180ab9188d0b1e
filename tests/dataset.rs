//! The dataset: each format writes the shape its trainer reads, and the files on disk equal the ledger whatever was done to them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use destilation::core::Row;
use destilation::core::budget::Money;
use destilation::core::conversation::ToolCall;
use destilation::core::job::*;
use destilation::core::ports::{DatasetError, DatasetWriter, FileMark, Format, SampleSource, Stored};
use destilation::core::request::{FinishReason, Params, Usage};
use destilation::core::sample::*;
use destilation::core::task::{RequestId, TaskId};
use destilation::dataset::{CATALOG, FilesystemDatasetWriter, required_fields};
use serde_json::{Value, json};

// ---------------------------------------------------------------------------------------------------------------- what is written

fn spec(dataset: DatasetSpec) -> JobSpec {
    JobSpec {
        name: "tides".to_owned(),
        description: String::new(),
        tags: Vec::new(),
        priority: 0,
        random_seed: 17,
        route: RouteBy::Weights,
        seeds: Seeds {
            source: SeedSource::Count(4),
            limit: None,
            shuffle: false,
            repeat: 1,
            chunk: None,
        },
        vary: Vec::new(),
        defaults: Params {
            temperature: Some(0.5),
            ..Params::default()
        },
        steps: vec![Step {
            name: "solution".to_owned(),
            capability: None,
            teachers: Vec::new(),
            system: None,
            prompt: "{{ question }}".to_owned(),
            schema: Some(Arc::new(json!({"type": "object"}))),
            reask: 0,
            candidates: 1,
            when: None,
            params: Params {
                max_tokens: Some(64),
                ..Params::default()
            },
            reuse: false,
        }],
        validators: Vec::new(),
        target: None,
        limits: Limits::default(),
        dataset,
    }
}

fn dataset(format: &str, fields: &[(&str, &str)]) -> DatasetSpec {
    DatasetSpec {
        format: format.to_owned(),
        fields: fields.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())).collect(),
        ..DatasetSpec::default()
    }
}

fn step(name: &str, text: &str) -> StepAnswer {
    StepAnswer {
        step: name.to_owned(),
        teacher: "mock/teacher".to_owned(),
        request: RequestId(1),
        text: text.to_owned(),
        value: None,
        reasoning: None,
        tool_calls: Vec::new(),
        logprobs: None,
        finish: FinishReason::Stop,
        usage: Usage {
            input: Some(10),
            output: Some(5),
            usd: Some(Money(250)),
        },
    }
}

fn sample(index: u64, seed: Value, steps: Vec<StepAnswer>) -> Sample {
    let Value::Object(seed) = seed else {
        panic!("a seed is an object");
    };
    Sample {
        id: SampleId::of("tides", index, 0),
        task: TaskId { job: JobId(1), index },
        candidate: 0,
        state: SampleState::Accepted,
        reason: None,
        seq: Some(index as i64 + 1),
        seed,
        vary: Row::new(),
        steps,
        verdicts: vec![Verdict::accept("structural")],
        review: None,
    }
}

/// Plain; every odd character with reasoning and a value; tool calls; no seed but an earlier step.
fn samples() -> Vec<Sample> {
    let plain = sample(0, json!({"question": "Why tides?", "rules": "Be brief."}), vec![step("solution", "The moon.")]);
    let mut odd = step("solution", "{\"answer\": \"…\"}");
    odd.value = Some(json!({"answer": "\u{2028}line\u{0}\n\"☂\" </think>", "sure": true}));
    odd.reasoning = Some("First,\nthen.".to_owned());
    odd.usage = Usage::default();
    let mut odd = sample(1, json!({"id": 7, "question": 42}), vec![odd]);
    odd.vary.insert("persona".to_owned(), json!("an engineer"));
    odd.verdicts.push(Verdict::review("judge", "unsure").scored(3.5));
    odd.review = Some(Review {
        action: "accepted".to_owned(),
        note: Some("good".to_owned()),
        before: SampleState::NeedsReview,
        at_ms: 1_700_000_000_000,
    });
    let mut calling = step("solution", "");
    calling.finish = FinishReason::ToolCalls;
    calling.tool_calls = vec![ToolCall {
        id: "call_1".to_owned(),
        name: "tide".to_owned(),
        arguments: json!({"at": "Brest", "day": 3}),
    }];
    let tools = json!([{"type": "function", "function": {"name": "tide", "parameters": {"type": "object"}}}]);
    let calling = sample(2, json!({"question": "Tide?", "tools": tools, "rules": ""}), vec![calling]);
    let mut drawn = sample(3, json!({}), vec![step("ask", "What is foam?"), step("solution", "Bubbles.")]);
    drawn.candidate = 2;
    drawn.seed.insert("question".to_owned(), json!("Foam?"));
    vec![plain, odd, calling, drawn]
}

fn write(spec: &JobSpec, samples: &[Sample]) -> Result<String, String> {
    let entry = CATALOG.find(&spec.dataset.format).map_err(|error| error.message)?;
    let format: Box<dyn Format> = (entry.build)(&spec.dataset, spec).map_err(|error| error.message)?;
    assert_eq!(format.extension(), "jsonl");
    let mut out = Vec::new();
    for sample in samples {
        format.write(sample, &mut out).map_err(|error| error.to_string())?;
    }
    Ok(String::from_utf8(out).unwrap())
}

/// Compares with the fixture of that name; with `UPDATE_FIXTURES` set it writes it.
fn golden(name: &str, written: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dataset").join(name);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(&path, written).unwrap();
    }
    assert_eq!(written, fs::read_to_string(&path).unwrap(), "{name}");
    let lines = written.strip_suffix('\n').unwrap().split('\n');
    for line in lines {
        let Value::Object(_) = serde_json::from_str(line).unwrap() else {
            panic!("{line} is no object");
        };
    }
}

const CHAT: &[(&str, &str)] = &[
    ("user", "question"),
    ("assistant", "solution.answer"),
    ("system", "rules"),
    ("tools", "tools"),
];

/// Samples whose answer is found at `solution.answer`: those without a value say it as text.
fn answered() -> Vec<Sample> {
    let mut samples = samples();
    for sample in &mut samples {
        let step = sample.steps.last_mut().unwrap();
        if step.value.is_none() {
            step.value = Some(json!({"answer": step.text}));
        }
    }
    samples
}

#[test]
fn every_format_writes_the_shape_its_trainer_reads() {
    let alpaca = &[("instruction", "question"), ("input", "persona"), ("output", "solution.answer"), ("system", "rules")];
    let completion = &[("prompt", "question"), ("completion", "solution.answer")];
    for (name, dataset) in [
        ("messages.jsonl", dataset("messages", CHAT)),
        ("openai.jsonl", dataset("openai", CHAT)),
        ("sharegpt.jsonl", dataset("sharegpt", CHAT)),
        ("alpaca.jsonl", dataset("alpaca", alpaca)),
        ("prompt_completion.jsonl", dataset("prompt_completion", completion)),
        ("raw.jsonl", dataset("raw", &[])),
    ] {
        golden(name, &write(&spec(dataset), &answered()).unwrap());
    }
}

#[test]
fn reasoning_reaches_the_dataset_as_the_job_says() {
    for (style, name) in [
        (ReasoningStyle::Inline, "messages_inline.jsonl"),
        (ReasoningStyle::ReasoningContent, "messages_reasoning_content.jsonl"),
        (ReasoningStyle::Thinking, "messages_thinking.jsonl"),
    ] {
        let mut dataset = dataset("messages", CHAT);
        dataset.reasoning = style;
        golden(name, &write(&spec(dataset), &answered()[..2]).unwrap());
    }
    for (format, example) in [("sharegpt", CHAT), ("openai", CHAT)] {
        let mut dataset = dataset(format, example);
        dataset.reasoning = ReasoningStyle::Thinking;
        let error = write(&spec(dataset.clone()), &[]).unwrap_err();
        assert!(error.contains("reasoning = \"inline\" or \"drop\""), "{error}");
        dataset.reasoning = ReasoningStyle::Inline;
        assert!(write(&spec(dataset), &answered()[1..2]).unwrap().contains("<think>First,\\nthen.</think>\\n"));
    }
}

#[test]
fn fields_are_guessed_where_none_are_mapped() {
    let written = write(&spec(dataset("prompt_completion", &[])), &samples()).unwrap();
    let pairs: Vec<(String, String)> = written
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|row| (row["prompt"].as_str().unwrap().to_owned(), row["completion"].as_str().unwrap().to_owned()))
        .collect();
    let odd = "\u{2028}line\u{0}\n\"☂\" </think>";
    let expected = [("Why tides?", "The moon."), ("42", odd), ("Tide?", ""), ("Foam?", "Bubbles.")];
    assert_eq!(pairs, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));

    let guess = |seed: Value, steps: Vec<StepAnswer>| {
        write(&spec(dataset("prompt_completion", &[])), &[sample(0, seed, steps)])
    };
    let first = guess(json!({"topic": "x", "more": "y"}), vec![step("a", "t")]).unwrap();
    assert!(first.starts_with("{\"prompt\":\"x\""));
    let earlier = guess(json!({}), vec![step("a", "q?"), step("b", "t")]).unwrap();
    assert_eq!(earlier, "{\"prompt\":\"q?\",\"completion\":\"t\"}\n");
    let mut only = step("a", "{}");
    only.value = Some(json!({"n": 1, "essay": "words"}));
    assert!(guess(json!({"q": 1}), vec![only]).unwrap().contains("\"completion\":\"words\""));
    let none = guess(json!({}), vec![step("a", "t")]).unwrap_err();
    assert!(none.contains("no field to guess it from"), "{none}");
}

#[test]
fn wrong_mappings_are_named_before_and_missing_values_when_met() {
    let wrong = write(&spec(dataset("messages", &[("user", "q"), ("asistant", "a")])), &[]).unwrap_err();
    assert!(wrong.contains("did you mean `assistant`?"), "{wrong}");
    let lacking = write(&spec(dataset("alpaca", &[("output", "solution")])), &[]).unwrap_err();
    assert!(lacking.contains("must say where `instruction` is found"), "{lacking}");
    let raw = write(&spec(dataset("raw", &[("user", "q")])), &[]).unwrap_err();
    assert!(raw.contains("it takes none"), "{raw}");
    let unknown = write(&spec(dataset("sharegtp", &[])), &[]).unwrap_err();
    assert!(unknown.contains("did you mean `sharegpt`?"), "{unknown}");
    let fields = dataset("messages", &[("user", "question"), ("assistant", "solution.proof")]);
    let missing = write(&spec(fields), &samples()).unwrap_err();
    assert!(missing.contains(&samples()[0].id.0) && missing.contains("`solution.proof`"), "{missing}");
}

#[test]
fn every_example_builds_and_required_fields_are_told() {
    for entry in CATALOG.0 {
        let table: toml::Table = entry.example.parse().unwrap();
        let mut dataset = dataset(table["format"].as_str().unwrap(), &[]);
        if let Some(fields) = table.get("fields") {
            dataset.fields = fields.clone().try_into::<BTreeMap<String, String>>().unwrap();
        }
        assert_eq!(dataset.format, entry.kind);
        write(&spec(dataset.clone()), &[]).unwrap();
        for field in required_fields(entry.kind).unwrap() {
            assert!(dataset.fields.contains_key(*field));
        }
    }
    assert_eq!(required_fields("messages"), Some(&["user", "assistant"][..]));
    assert_eq!(required_fields("parquet"), None);
}

// -------------------------------------------------------------------------------------------------------------- how it is written

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
        .map(|index| sample(index, json!({"question": format!("Why {index}? {}", "·".repeat(index as usize % 60))}), vec![step("solution", "So.")]))
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
        dataset.split = split.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect();
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
            .collect();
        names.sort();
        names
    }

    fn conflicts(&self) -> Vec<String> {
        self.names().into_iter().filter(|name| name.contains(".conflict-")).collect()
    }

    async fn append(&self, marks: &[FileMark], samples: &[Sample]) -> Vec<FileMark> {
        self.writer.append(&self.job.spec, marks, samples.to_vec()).await.unwrap()
    }

    async fn recover(&self, marks: &[FileMark]) -> bool {
        self.writer.recover(&self.job.spec, marks).await.unwrap()
    }

    async fn rebuild(&self, samples: &[Sample]) -> Vec<FileMark> {
        self.writer.rebuild(&self.job, &mut pages(samples)).await.unwrap().0
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
    assert_eq!(world.findings().await, ["manifest.json: the dataset is not finished; run the job to its end"]);

    let rebuilt = world.rebuild(&samples).await;
    assert_eq!(rebuilt, marks);
    assert_eq!(appended, [world.read("train.jsonl"), world.read("valid.jsonl")]);
    assert_eq!(world.names(), ["manifest.json", "train.jsonl", "valid.jsonl"]);
    let verified = world.writer.verify(&world.path("")).await.unwrap();
    assert_eq!((verified.findings.len(), verified.rows, verified.job.as_str()), (0, 50, "tides"));
    assert_eq!(verified.bytes, (appended[0].len() + appended[1].len()) as u64);
    for name in world.names() {
        let mode = fs::metadata(world.path(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(fs::metadata(world.path("")).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn the_manifest_says_what_is_there() {
    let world = World::new(&[]);
    let (_, report) = world.writer.rebuild(&world.job, &mut pages(&many(3))).await.unwrap();
    let manifest: Value = serde_json::from_slice(&world.read("manifest.json")).unwrap();
    let (name, rows, bytes, sha256) = &report.files[0];
    assert_eq!((name.as_str(), *rows, report.files.len()), ("data.jsonl", 3, 1));
    assert_eq!(manifest["files"], json!([{"file": name, "rows": rows, "bytes": bytes, "sha256": sha256}]));
    for (key, value) in [("schema_version", json!(1)), ("job", json!("tides")), ("revision", json!(3)), ("rows", json!(3)), ("teachers", json!({"mock/teacher": 3})), ("finished", json!(true)), ("format", json!("messages"))] {
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
    let starts: Vec<usize> = (0..good.len()).filter(|at| *at == 0 || good[at - 1] == b'\n').collect();
    for cut in starts[starts.len() - 3]..good.len() {
        damages.push((format!("cut at {cut}"), good[..cut].to_vec()));
    }
    let last = starts[starts.len() - 1];
    let swapped = [&good[..starts[starts.len() - 2]], &good[last..], &good[starts[starts.len() - 2]..last]].concat();
    let with = |tail: &[u8]| [good, tail].concat();
    let mut flipped = good.to_vec();
    flipped[last + 4] ^= 1;
    let crlf = String::from_utf8(good.to_vec()).unwrap().replace('\n', "\r\n").into_bytes();
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
    assert_eq!((world.read("train.jsonl"), world.read("manifest.json")), (train, manifest));
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
    assert_eq!(world.names(), ["a.jsonl", "b.jsonl", "manifest.json"], "also without a recovery");
    assert!(world.findings().await.is_empty());
}

#[tokio::test]
async fn names_never_lead_out_of_the_root() {
    let mut world = World::new(&[]);
    for name in ["..", ".", "", "a/b", "/etc", "a\0b", "A", "a.b", "ü", &"x".repeat(65), "a "] {
        world.job.spec.name = name.to_owned();
        let spec = &world.job.spec;
        assert!(world.writer.directory(spec).starts_with(world.folder.path().join("datasets")), "{name:?}");
        let errors = [
            world.writer.recover(spec, &[]).await.err(),
            world.writer.append(spec, &[], many(1)).await.err(),
            world.writer.rebuild(&world.job, &mut pages(&[])).await.err(),
            world.writer.remove(spec).await.err(),
        ];
        assert!(errors.iter().all(|error| matches!(error, Some(DatasetError::Setup(_)))), "{name:?}: {errors:?}");
    }
    world.job.spec.name = "tides".to_owned();
    for split in ["..", "a/b", "", "manifest.json/x", "\u{202e}"] {
        world.job.spec.dataset.split = vec![(split.to_owned(), 1.0)];
        let error = world.writer.append(&world.job.spec, &[], many(1)).await.unwrap_err();
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
        let error = world.writer.append(&world.job.spec, &[], many(1)).await.unwrap_err();
        assert!(error.to_string().contains("is no directory (or a link to one)"), "{error}");
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
    let error = world.writer.append(&world.job.spec, &marks, many(3)).await.unwrap_err();
    assert!(matches!(&error, DatasetError::Setup(words) if words.contains("`none.such`")), "{error}");
    assert!(world.writer.rebuild(&world.job, &mut pages(&many(3))).await.is_err());
    assert_eq!(world.read("data.jsonl"), before);
    assert_eq!(world.names(), ["data.jsonl", "manifest.json"], "no temporary file is left");
}

#[tokio::test]
async fn a_file_that_shrank_under_a_running_job_is_told() {
    let world = World::new(&[]);
    let marks = world.append(&[], &many(5)).await;
    fs::write(world.path("data.jsonl"), "short\n").unwrap();
    let error = world.writer.append(&world.job.spec, &marks, many(1)).await.unwrap_err();
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

/// `cargo test --release --test dataset -- --ignored`: the projection's speed, printed.
#[test]
#[ignore = "a measurement"]
fn projection_speed() {
    let samples = many(20_000);
    for format in ["messages", "raw"] {
        let spec = spec(dataset(format, &[]));
        let start = Instant::now();
        let bytes = write(&spec, &samples).unwrap().len();
        let rate = samples.len() as f64 / start.elapsed().as_secs_f64();
        println!("{format}: {rate:.0} rows/s, {bytes} bytes");
    }
}
