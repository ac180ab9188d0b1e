//! Every kind in every catalog is what it says: its example builds, the documentation knows it, and the README's listings are the
//! files that tests run.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests read the repository's own files and may panic"
)]

use std::path::Path;

use destilation::core::Row;
use destilation::core::catalog::Plug;
use destilation::core::job::{DatasetSpec, JobSpec, Limits, RouteBy, SeedSource, Seeds, Step};
use destilation::core::request::Params;
use destilation::core::settings::ProviderSettings;
use destilation::{dataset, providers, seeds, validators};

fn table(example: &str) -> Row {
    let value: serde_json::Value =
        toml::from_str(example).unwrap_or_else(|error| panic!("{error} in {example}"));
    value.as_object().unwrap().clone()
}

fn job() -> JobSpec {
    let step = Step {
        name: "answer".to_owned(),
        capability: None,
        teachers: Vec::new(),
        system: None,
        prompt: "{{ question }}".to_owned(),
        computed: false,
        given: None,
        completion: false,
        turns: Vec::new(),
        schema: None,
        reask: 0,
        candidates: 1,
        when: None,
        params: Params {
            logprobs: Some(5),
            ..Params::default()
        },
        reuse: false,
    };
    JobSpec {
        name: "t".to_owned(),
        description: String::new(),
        tags: Vec::new(),
        priority: 0,
        random_seed: 0,
        route: RouteBy::Weights,
        seeds: Seeds {
            source: SeedSource::Count(1),
            limit: None,
            shuffle: false,
            repeat: 1,
            chunk: None,
            columns: destilation::core::job::Columns::default(),
            taken: None,
        },
        vary: Vec::new(),
        rounds: None,
        defaults: Params::default(),
        steps: vec![step],
        validators: Vec::new(),
        target: None,
        quota: None,
        limits: Limits::default(),
        dataset: DatasetSpec::default(),
    }
}

#[test]
fn every_validator_example_builds() {
    let directory = tempfile::tempdir().unwrap();
    // The test set that an example names.
    std::fs::write(
        directory.path().join("bench.jsonl"),
        "{\"question\": \"How many?\"}\n",
    )
    .unwrap();
    for entry in validators::CATALOG.0 {
        let plug = Plug {
            kind: entry.kind.to_owned(),
            params: table(entry.example),
        };
        if let Err(error) = (entry.build)(&plug, directory.path()) {
            panic!("{}: {error}", entry.kind);
        }
        assert!(entry.summary.len() > 10, "{} has no summary", entry.kind);
    }
}

#[test]
fn every_provider_example_builds_and_stands_in_the_example_configuration() {
    let documented = std::fs::read_to_string("config.example.toml").unwrap();
    for entry in providers::CATALOG.0 {
        let mut settings = table(entry.example);
        settings.insert("name".to_owned(), "x".into());
        settings.insert("kind".to_owned(), entry.kind.into());
        let settings: ProviderSettings = serde_json::from_value(settings.into()).unwrap();
        // A cassette has to be there to be played; everything else builds without the world's help.
        if let Err(error) = (entry.build)(&settings, None)
            && entry.kind != "replay"
        {
            panic!("{}: {error}", entry.kind);
        }
        assert!(
            documented.contains(&format!("\"{}\"", entry.kind)),
            "config.example.toml does not show {}",
            entry.kind
        );
    }
}

#[test]
fn every_format_example_builds() {
    for entry in dataset::CATALOG.0 {
        let mut example = table(entry.example);
        if let Some(inner) = example.remove("dataset") {
            example = inner.as_object().unwrap().clone();
        }
        let fields = example.remove("fields").unwrap_or_else(|| Row::new().into());
        let spec = DatasetSpec {
            format: entry.kind.to_owned(),
            fields: serde_json::from_value(fields).unwrap(),
            ..DatasetSpec::default()
        };
        if let Err(error) = (entry.build)(&spec, &job()) {
            panic!("{}: {error}", entry.kind);
        }
    }
}

#[test]
fn every_format_and_every_trainer_stands_in_the_documentation() {
    let page = std::fs::read_to_string("docs/formats.md").unwrap();
    for kind in dataset::CATALOG.kinds() {
        assert!(
            page.contains(&format!("| `{kind}` |")),
            "docs/formats.md has no row for {kind}"
        );
    }
    for entry in dataset::TRAINERS.0 {
        assert!(
            page.contains(&format!("--for {}", entry.kind)),
            "docs/formats.md does not lint for {}",
            entry.kind
        );
        assert!(
            entry.summary.len() > 10 && entry.example.contains(entry.kind),
            "{}",
            entry.kind
        );
    }
}

#[test]
fn every_validator_stands_in_the_documentation_with_its_example() {
    let page = std::fs::read_to_string("docs/validators.md").unwrap();
    for entry in validators::CATALOG.0 {
        assert!(
            page.contains(&format!("| `{}` |", entry.kind)),
            "docs/validators.md has no row for {}",
            entry.kind
        );
        for line in entry.example.lines() {
            assert!(
                page.contains(line),
                "docs/validators.md does not show {line} of {}",
                entry.kind
            );
        }
    }
}

#[test]
fn every_seed_format_is_named_in_the_readme() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    for kind in seeds::CATALOG
        .kinds()
        .into_iter()
        .filter(|kind| *kind != "ndjson")
    {
        assert!(
            readme.contains(&format!(".{kind}")),
            "README.md does not name .{kind}"
        );
    }
}

#[test]
fn the_readme_lists_the_plugins_that_tests_run() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    for file in ["plugins/teacher.py", "plugins/teacher.sh"] {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(readme.contains(text.trim_end()), "README.md and {file} differ");
        assert!(text.lines().count() <= 22, "{file} is no short example any more");
    }
}

/// Where a list of tests names a file, and after it tests of that file.
#[test]
fn the_lists_of_proofs_name_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for list in ["docs/proofs.md", "docs/screen-checks.md"] {
        let text = std::fs::read_to_string(root.join(list)).unwrap();
        let mut named = 0;
        for line in text.lines().filter(|line| line.starts_with('|')) {
            let mut source = String::new();
            for word in line.split([' ', ',', ';', '*', '|']) {
                let word = word.trim_end_matches('.');
                if let Some(file) = word.strip_prefix('`').and_then(|word| word.strip_suffix("`")) {
                    if Path::new(file).extension().is_some_and(|end| end == "rs") {
                        let is_whole = file.starts_with("src/") || file.starts_with("fuzz/");
                        let below = if is_whole { "" } else { "tests" };
                        source = std::fs::read_to_string(root.join(below).join(file))
                            .unwrap_or_else(|error| panic!("{list}: `{file}`: {error}"));
                    }
                } else if word.matches('_').count() >= 2 && !source.is_empty() {
                    assert!(
                        source.contains(&format!("fn {word}(")),
                        "{list}: {word} in {line}"
                    );
                    named += 1;
                }
            }
        }
        assert!(named > 20, "{list} names {named} tests");
    }
}

/// What the page says a recipe takes from its source stands in the recipe.
#[test]
fn recipes_say_what_the_documentation_says_of_their_sources() {
    let page = std::fs::read_to_string("docs/recipes.md").unwrap();
    let (_, rest) = page.split_once("### Held against their sources").unwrap();
    let (table, _) = rest.split_once("\n## ").unwrap();
    let mut held = 0;
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').collect();
        let name = cells[1].trim().trim_matches('`');
        let job = std::fs::read_to_string(format!("jobs/{name}.toml")).unwrap();
        for words in cells[3].split('`').skip(1).step_by(2) {
            assert!(job.contains(words), "jobs/{name}.toml does not say {words}");
            held += 1;
        }
    }
    assert!(held > 60, "{held} words held against the recipes");
}
