//! Test sets in the files they are published as: every format of seeds is read, and what is wrong is said with its place.

use std::fs;
use std::path::Path;

use destilation::core::ports::DatasetWriter;
use destilation::core::sample::Reason;
use destilation::dataset::FilesystemDatasetWriter;
use destilation::{seeds, validators};

use super::{candidate_of, check, try_build_in};

const ROWS: &str = "{\"question\":\"What is one and one in total?\",\"answer\":\"2\"}\n{\"question\":\"How many moons does the planet Jupiter have in total?\",\"answer\":\"95\"}\n";

fn files() -> tempfile::TempDir {
    validators::read_tables_with(seeds::open_placed);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("bench.jsonl"), ROWS).unwrap();
    let list: Vec<&str> = ROWS.lines().collect();
    fs::write(
        path("bench.json"),
        format!("{{\"version\": 1, \"data\": [\n{}\n]}}", list.join(",\n")),
    )
    .unwrap();
    let writer = FilesystemDatasetWriter::new(folder.path().to_owned());
    for name in ["bench.csv", "bench.parquet"] {
        let mut file = writer.create(&path(name)).unwrap();
        file.writer().write_all(ROWS.as_bytes()).unwrap();
        file.finish().unwrap();
    }
    fs::write(
        path("bench.tsv"),
        "question\tanswer\nWhat is one and one in total?\t2\nHow many moons does the planet Jupiter have in total?\t95\n",
    )
    .unwrap();
    folder
}

#[tokio::test]
async fn a_test_set_is_read_in_every_format_it_is_published_in() {
    let folder = files();
    for (name, place) in [
        ("bench.jsonl", "bench.jsonl line 2"),
        ("bench.json", "bench.json row 2"),
        ("bench.csv", "bench.csv line 3"),
        ("bench.tsv", "bench.tsv line 3"),
        ("bench.parquet", "bench.parquet row 2"),
    ] {
        for field in ["", "against_field = 'question'\n"] {
            let settings = format!("against = ['{name}']\n{field}n = 8");
            let validator = try_build_in(folder.path(), "decontaminate", &settings).unwrap();
            let asked = "Say, how many moons does the planet Jupiter have?";
            let verdict = check(&validator, &candidate_of(1, 0, asked, "Ninety-five.")).await;
            assert_eq!(verdict.reason, Some(Reason::Contaminated), "{name}");
            let evidence = verdict.evidence.unwrap();
            assert!(evidence.contains(place), "{evidence}");
        }
    }
}

#[test]
fn a_table_that_cannot_be_read_is_said_when_the_job_is_checked() {
    let folder = files();
    fs::write(folder.path().join("torn.parquet"), b"PAR1").unwrap();
    fs::write(folder.path().join("torn.csv"), "a,b\n1\n").unwrap();
    fs::write(folder.path().join("empty.json"), "[]").unwrap();
    let said = |base: &Path, settings: &str| match try_build_in(base, "decontaminate", settings) {
        Ok(_) => panic!("{settings} was taken"),
        Err(error) => error.to_string(),
    };
    for (settings, words) in [
        ("against = ['torn.parquet']", "torn.parquet: cannot be read"),
        ("against = ['torn.csv']", "torn.csv:2: has 1 fields"),
        ("against = ['empty.json']", "empty.json holds no text"),
        ("against = ['none.csv']", "none.csv: there is no such file"),
        (
            "against = ['bench.csv']\nagainst_field = 'q'",
            "bench.csv has no text in a field `q`",
        ),
    ] {
        let error = said(folder.path(), settings);
        assert!(error.contains(words), "{error}");
        assert!(!error.contains(&*folder.path().to_string_lossy()), "{error}");
    }
}
