//! Every job that ships, with many rows: on the mock by `just recipes`, on a server of your own by `just recipes-real`. What comes of each
//! is printed as a row of a table: tasks, requests, accepted, rejected by reason, failed, seconds.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;
use toml::Table;

use crate::assert_conserved;
use crate::sandbox::{Ran, Sandbox};

/// The jobs that ship: those in `jobs/`, a chained one after the one it takes its seeds from.
fn jobs() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|file| {
            file.unwrap()
                .file_name()
                .into_string()
                .ok()?
                .strip_suffix(".toml")
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    names.sort_by_key(|name| source(name).contains("\njob = "));
    assert!(names.len() >= 14, "{names:?}");
    names
}

fn source(name: &str) -> String {
    std::fs::read_to_string(format!("{}/jobs/{name}.toml", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Rows in what a job takes its seeds from, as far as a file says.
fn rows_of(seeds: &Table) -> u64 {
    let all = |key: &str| {
        seeds
            .get(key)
            .and_then(toml::Value::as_array)
            .map(|rows| rows.len() as u64)
    };
    let Some(path) = seeds.get("path").and_then(toml::Value::as_str) else {
        return all("rows").unwrap_or(1);
    };
    let text = std::fs::read_to_string(format!("{}/jobs/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let sections = Path::new(path).extension().is_some_and(|end| end == "md");
    let is_row = |line: &&str| !sections || line.starts_with("## ");
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .filter(is_row)
        .count() as u64
}

/// The same job with so many tasks in all, or as near as its rounds come, and without the limits that are there for a first look.
fn with_rows(name: &str, rows: u64) -> Table {
    let mut job: Table = source(name).parse().unwrap();
    let rounds = |job: &Table| {
        let count = job.get("rounds").and_then(|rounds| rounds.get("count"));
        count
            .and_then(toml::Value::as_integer)
            .unwrap_or(1)
            .cast_unsigned()
    };
    let grows = name == "topic-tree";
    if grows {
        // Each row brings several of the next round: the bound is on all of them.
        let few = if rows > 100 { 5 } else { 2 };
        job["rounds"]["count"] = few.into();
        let bound: Table = format!("accepted = {rows}\ntasks_at_most = {rows}")
            .parse()
            .unwrap();
        job.insert("target".to_owned(), bound.into());
    }
    let a_round = rows.div_ceil(if grows { 1 } else { rounds(&job) });
    let seeds = job["seeds"].as_table_mut().unwrap();
    seeds.remove("limit");
    if seeds.contains_key("count") {
        seeds.insert("count".to_owned(), a_round.cast_signed().into());
    } else if !grows {
        let repeat = if seeds.contains_key("job") {
            // As many rows as the other job made.
            if rows > 100 { 5 } else { 1 }
        } else {
            a_round.div_ceil(rows_of(seeds))
        };
        seeds.insert("repeat".to_owned(), repeat.cast_signed().into());
        seeds.insert(
            "limit".to_owned(),
            (a_round.div_ceil(repeat)).cast_signed().into(),
        );
    }
    let limits = job.entry("limits").or_insert_with(|| Table::new().into());
    let limits = limits.as_table_mut().unwrap();
    for first_look in ["usd", "requests", "minutes", "tokens"] {
        limits.remove(first_look);
    }
    job
}

/// A home with the jobs, their seeds and plugins.
fn home(configuration: &str, rows: u64, change: impl Fn(&mut Table)) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("destiler.toml", configuration);
    let folder = format!("{}/jobs/seeds", env!("CARGO_MANIFEST_DIR"));
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        sandbox.write(
            &format!("jobs/seeds/{name}"),
            &std::fs::read_to_string(file.path()).unwrap(),
        );
    }
    for name in jobs() {
        let mut job = with_rows(&name, rows);
        change(&mut job);
        sandbox.write(&format!("jobs/{name}.toml"), &job.to_string());
    }
    sandbox
}

fn number(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or_default()
}

/// `reason n, reason n`, the most frequent first.
fn listed(counts: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<(u64, &String)> = counts.iter().map(|(word, count)| (*count, word)).collect();
    counts.sort_unstable_by(|one, other| other.cmp(one));
    let words: Vec<String> = counts
        .iter()
        .map(|(count, word)| format!("{word} {count}"))
        .collect();
    words.join(", ")
}

fn failures(shown: &Value) -> BTreeMap<String, u64> {
    let failed = shown["failed"].as_object().into_iter().flatten();
    failed
        .map(|(reason, count)| (reason.clone(), count.as_u64().unwrap_or_default()))
        .collect()
}

/// Why samples were rejected: the reason, and of a condition what it says for itself.
fn rejections(sandbox: &Sandbox, name: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    let ran = sandbox
        .run(&[
            "samples",
            "list",
            &format!("job:{name} status:rejected"),
            "--json",
        ])
        .expect_code(0);
    for row in ran.stdout.lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        let last = row["verdicts"]
            .as_array()
            .and_then(|verdicts| verdicts.last())
            .cloned()
            .unwrap_or_default();
        let evidence = last["evidence"].as_str().unwrap_or_default();
        let because = evidence.split([':', '(']).next().unwrap_or_default().trim();
        let word = match last["reason"].as_str().unwrap_or("?") {
            "expression" if !because.is_empty() => because,
            reason => reason,
        };
        *counts.entry(word.to_owned()).or_insert(0) += 1;
    }
    counts
}

const HEAD: &str = "| job | tasks | requests | accepted | for a person | rejected | failed | seconds |\n|---|---:|---:|---:|---:|---|---|---:|";

/// A row of the table, of what `jobs show --json` says.
fn line(sandbox: &Sandbox, name: &str, shown: &Value, seconds: f64) -> String {
    let summary = shown.get("summary").unwrap_or(shown);
    format!(
        "| `{name}` | {} | {} | {} | {} | {} | {} | {seconds:.0} |",
        number(summary, "/tasks/planned"),
        number(summary, "/requests/sent"),
        number(summary, "/samples/accepted"),
        number(summary, "/samples/needs_review"),
        listed(&rejections(sandbox, name)),
        listed(&failures(shown)),
    )
}

fn shown(sandbox: &Sandbox, name: &str) -> Value {
    let ran = sandbox.run(&["jobs", "show", name, "--json"]).expect_code(0);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// Who is to read what a job writes.
fn reader(name: &str) -> Option<&'static str> {
    let job: Table = source(name).parse().unwrap();
    match job["dataset"]["format"].as_str().unwrap() {
        "raw" => None,
        "alpaca" => Some("axolotl"),
        "sharegpt" => Some("llama-factory"),
        "openai" => Some("openai"),
        _ => Some("trl"),
    }
}

/// Every job of the repository to its end on the mock; `look` sees what is shown of each, and how long it took.
fn on_the_mock(rows: u64, mut look: impl FnMut(&str, &Value, &str)) {
    let sandbox = home("", rows, |_| {});
    for name in jobs() {
        let begun = Instant::now();
        let ran = sandbox
            .run(&["run", &format!("jobs/{name}.toml"), "--json", "--quiet"])
            .expect_code(0);
        let seconds = begun.elapsed().as_secs_f64();
        let summary = ran.summary();
        assert_conserved(&summary);
        assert_eq!(summary["tasks"]["failed"], 0, "{name}: {summary}");
        assert_eq!(summary["state"], "completed", "{name}: {summary}");
        if let Some(trainer) = reader(&name).filter(|_| summary["samples"]["accepted"] != 0) {
            let found = sandbox.run(&["lint", &name, "--for", trainer]);
            assert_eq!(found.code, 0, "{name} for {trainer}: {}", found.stdout);
        }
        let shown = shown(&sandbox, &name);
        look(&name, &shown, &line(&sandbox, &name, &shown, seconds));
    }
}

/// What it made is read by its trainer, too: the long form of this is `just recipes`.
#[test]
fn every_job_that_ships_runs_on_the_mock_and_its_trainer_reads_what_it_made() {
    let mut seen = Vec::new();
    on_the_mock(8, |name, shown, row| {
        let summary = shown.get("summary").unwrap_or(shown);
        let (tasks, settled) = (
            number(summary, "/tasks/planned"),
            number(summary, "/samples/accepted"),
        );
        let rejected: u64 = shown["rejected"]
            .as_object()
            .unwrap()
            .values()
            .filter_map(Value::as_u64)
            .sum();
        let waiting = number(summary, "/samples/needs_review");
        assert!(
            tasks > 0 && settled + rejected + waiting >= tasks,
            "{row}\n{shown}"
        );
        seen.push(name.to_owned());
    });
    assert_eq!(seen, jobs());
}

#[test]
#[ignore = "takes minutes; run it by `just recipes`"]
fn every_job_on_the_mock_with_a_thousand_rows() {
    let rows = std::env::var("ROWS").map_or(1_000, |rows| rows.parse().unwrap());
    println!("{HEAD}");
    on_the_mock(rows, |_, _, row| println!("{row}"));
}

/// What a person sets to name the server.
struct Real {
    base_url: String,
    model: String,
    capabilities: Vec<String>,
    key: Option<String>,
    rows: u64,
    /// For each job.
    seconds: u64,
    /// At most this long an answer, for a small model that does not end by itself.
    max_tokens: Option<i64>,
}

impl Real {
    fn from_environment() -> Self {
        let said = |name: &str| {
            std::env::var(format!("DESTILER_REAL_{name}"))
                .ok()
                .filter(|text| !text.is_empty())
        };
        let number = |name: &str, otherwise: u64| said(name).map_or(otherwise, |text| text.parse().unwrap());
        let all = "chat,json,judge,weak,reasoning,completion,logprobs,tools,writing";
        Self {
            base_url: said("BASE_URL").expect("set DESTILER_REAL_BASE_URL, such as http://127.0.0.1:8080/v1"),
            model: said("MODEL").expect("set DESTILER_REAL_MODEL to the model's name at that server"),
            capabilities: said("CAPABILITIES")
                .unwrap_or_else(|| all.to_owned())
                .split(',')
                .map(|word| word.trim().to_owned())
                .collect(),
            key: said("API_KEY"),
            rows: number("ROWS", 20),
            seconds: number("SECONDS", 600),
            max_tokens: said("MAX_TOKENS").map(|text| text.parse().unwrap()),
        }
    }

    /// One provider with the model under all capabilities that jobs ask for.
    fn configuration(&self) -> String {
        let key = if self.key.is_some() {
            "api_key = { env = \"DESTILER_REAL_API_KEY\" }\n"
        } else {
            ""
        };
        let words: Vec<String> = self.capabilities.iter().map(|word| format!("{word:?}")).collect();
        format!(
            "[[providers]]\nname = \"real\"\nkind = \"openai\"\nbase_url = {:?}\n{key}timeout_seconds = 600\nlimits = {{ concurrency = 2 }}\n\
             [[providers.models]]\nid = {:?}\ncapabilities = [{}]\n",
            self.base_url,
            self.model,
            words.join(", ")
        )
    }

    /// The same questions to that server alone, and no longer answers than it can give.
    fn change(&self, job: &mut Table) {
        for step in job["steps"].as_array_mut().unwrap() {
            step.as_table_mut().unwrap().remove("teachers");
        }
        let Some(most) = self.max_tokens else { return };
        let shorten = |table: &mut Table| {
            let own = table.get("max_tokens").and_then(toml::Value::as_integer);
            table.insert(
                "max_tokens".to_owned(),
                own.map_or(most, |own| own.min(most)).into(),
            );
        };
        let defaults = job.entry("defaults").or_insert_with(|| Table::new().into());
        shorten(defaults.as_table_mut().unwrap());
        let lists = ["steps", "validators"].map(str::to_owned);
        for list in lists {
            let tables = job
                .get_mut(&list)
                .and_then(toml::Value::as_array_mut)
                .into_iter()
                .flatten();
            tables
                .filter_map(toml::Value::as_table_mut)
                .filter(|table| table.contains_key("max_tokens"))
                .for_each(shorten);
        }
    }
}

/// Waits for it, for so long at most; then it is told to end, in which it gives back what is under way.
fn ended(mut child: Child, within: Duration) -> Ran {
    let until = Instant::now() + within;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > until {
            let told = std::process::Command::new("kill")
                .args(["-TERM", &child.id().to_string()])
                .status();
            assert!(told.unwrap().success());
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ran::from(child.wait_with_output().unwrap())
}

/// A small model fails at much of this, which is no failure of the test: nothing may be lost, and what stops a job is said.
#[test]
#[ignore = "asks a server; run it by `just recipes-real`"]
fn every_job_on_a_real_server_with_a_few_rows() {
    let real = Real::from_environment();
    let sandbox = home(&real.configuration(), real.rows, |job| real.change(job));
    println!("{HEAD}");
    for name in jobs() {
        let begun = Instant::now();
        let mut command = sandbox.command(&["run", &format!("jobs/{name}.toml"), "--json", "--no-progress"]);
        if let Some(key) = &real.key {
            command.env("DESTILER_REAL_API_KEY", key);
        }
        let ran = ended(command.spawn().unwrap(), Duration::from_secs(real.seconds));
        let seconds = begun.elapsed().as_secs_f64();
        assert!(!matches!(ran.code, 1 | 2 | 101), "{name}: {}", ran.stderr);
        let listed = sandbox.run(&["jobs", "show", &name, "--json"]);
        let Ok(shown) = serde_json::from_str::<Value>(&listed.stdout) else {
            println!(
                "| `{name}` | | | | | | {} | {seconds:.0} |",
                ran.stderr.lines().next().unwrap_or("did not begin")
            );
            continue;
        };
        println!("{}", line(&sandbox, &name, &shown, seconds));
        let state = &shown["state"];
        if state != "completed" {
            println!("|  | {state}: {} | | | | | | |", shown["reason"]);
        }
    }
}
