//! Each format against its golden file, the guesses, and what is said about wrong mappings.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use destilation::core::job::ReasoningStyle;
use destilation::core::job::parse::FORMATS;
use destilation::core::sample::{Sample, StepAnswer};
use destilation::dataset::CATALOG;
use serde_json::{Value, json};

use crate::support::{dataset, sample, samples, spec, step, write};

/// Compares with the fixture of that name.
pub fn golden(name: &str, written: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/dataset")
        .join(name);
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
    let alpaca = &[
        ("instruction", "question"),
        ("input", "persona"),
        ("output", "solution.answer"),
        ("system", "rules"),
    ];
    let completion = &[("prompt", "question"), ("completion", "solution.answer")];
    for (name, dataset) in [
        ("messages.jsonl", dataset("messages", CHAT)),
        ("openai.jsonl", dataset("openai", CHAT)),
        ("sharegpt.jsonl", dataset("sharegpt", CHAT)),
        ("alpaca.jsonl", dataset("alpaca", alpaca)),
        (
            "prompt_completion.jsonl",
            dataset("prompt_completion", completion),
        ),
        ("raw.jsonl", dataset("raw", &[])),
    ] {
        golden(name, &write(&spec(dataset), &answered()).unwrap());
    }
}

#[test]
fn reasoning_reaches_the_dataset_as_the_job_says() {
    for (style, name) in [
        (ReasoningStyle::Inline, "messages_inline.jsonl"),
        (
            ReasoningStyle::ReasoningContent,
            "messages_reasoning_content.jsonl",
        ),
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
        assert!(
            write(&spec(dataset), &answered()[1..2])
                .unwrap()
                .contains("<think>First,\\nthen.</think>\\n")
        );
    }
}

#[test]
fn fields_are_guessed_where_none_are_mapped() {
    let written = write(&spec(dataset("prompt_completion", &[])), &samples()).unwrap();
    let pairs: Vec<(String, String)> = written
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|row| {
            (
                row["prompt"].as_str().unwrap().to_owned(),
                row["completion"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let odd = "\u{2028}line\u{0}\n\"☂\" </think>";
    let expected = [
        ("Why tides?", "The moon."),
        ("42", odd),
        ("Tide?", ""),
        ("Foam?", "Bubbles."),
    ];
    assert_eq!(pairs, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));

    let guess = |seed: Value, steps: Vec<StepAnswer>| {
        write(
            &spec(dataset("prompt_completion", &[])),
            &[sample(0, seed, steps)],
        )
    };
    let first = guess(json!({"topic": "x", "more": "y"}), vec![step("a", "t")]).unwrap();
    assert!(first.starts_with("{\"prompt\":\"x\""));
    let earlier = guess(json!({}), vec![step("a", "q?"), step("b", "t")]).unwrap();
    assert_eq!(earlier, "{\"prompt\":\"q?\",\"completion\":\"t\"}\n");
    let mut only = step("a", "{}");
    only.value = Some(json!({"n": 1, "essay": "words"}));
    assert!(
        guess(json!({"q": 1}), vec![only])
            .unwrap()
            .contains("\"completion\":\"words\"")
    );
    let none = guess(json!({}), vec![step("a", "t")]).unwrap_err();
    assert!(none.contains("no field to guess it from"), "{none}");
}

#[test]
fn wrong_mappings_are_named_before_and_missing_values_when_met() {
    let wrong = write(
        &spec(dataset("messages", &[("user", "q"), ("asistant", "a")])),
        &[],
    )
    .unwrap_err();
    assert!(wrong.contains("did you mean `assistant`?"), "{wrong}");
    let lacking = write(&spec(dataset("alpaca", &[("output", "solution")])), &[]).unwrap_err();
    assert!(
        lacking.contains("must say where `instruction` is found"),
        "{lacking}"
    );
    let raw = write(&spec(dataset("raw", &[("user", "q")])), &[]).unwrap_err();
    assert!(raw.contains("it takes none"), "{raw}");
    let unknown = write(&spec(dataset("sharegtp", &[])), &[]).unwrap_err();
    assert!(unknown.contains("did you mean `sharegpt`?"), "{unknown}");
    let fields = dataset(
        "messages",
        &[("user", "question"), ("assistant", "solution.proof")],
    );
    let missing = write(&spec(fields), &samples()).unwrap_err();
    assert!(
        missing.contains(&samples()[0].id.0) && missing.contains("`solution.proof`"),
        "{missing}"
    );
}

#[test]
fn every_example_builds_with_the_fields_of_the_one_table() {
    for entry in CATALOG.0 {
        let table: toml::Table = entry.example.parse().unwrap();
        let mut dataset = dataset(table["format"].as_str().unwrap(), &[]);
        if let Some(fields) = table.get("fields") {
            dataset.fields = fields.clone().try_into::<BTreeMap<String, String>>().unwrap();
        }
        assert_eq!(dataset.format, entry.kind);
        let mut job = spec(dataset.clone());
        // Some are about what a teacher has to be asked for.
        job.defaults.logprobs = Some(5);
        write(&job, &[]).unwrap();
        let known = FORMATS.iter().find(|format| format.kind == entry.kind).unwrap();
        for field in known.required {
            assert!(dataset.fields.contains_key(*field));
        }
    }
}
