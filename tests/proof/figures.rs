//! The figures promised in words: how many requests a rate limit wastes, how fast verdicts are made again, and what a long run holds.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::teacher::{Reply, Teacher};

/// A number from the environment, or that one.
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

#[test]
fn five_seconds_of_rate_limit_waste_one_request_a_window() {
    let limited: Arc<Mutex<(Option<Instant>, Vec<Duration>)>> = Arc::default();
    let seen = Arc::clone(&limited);
    let teacher = Teacher::start_on(Duration::from_millis(40), false, move |number, _| {
        let mut limited = seen.lock().unwrap();
        if number >= 200 {
            let since = limited.0.get_or_insert_with(Instant::now).elapsed();
            if since < Duration::from_secs(5) {
                limited.1.push(since);
                let body = r#"{"error": {"message": "slow down", "type": "rate_limit_error"}}"#;
                return Reply::Http(429, "retry-after: 3\r\n".to_owned(), body.to_owned());
            }
        }
        Reply::text(&format!("answer {number}"))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write(
        "job.toml",
        "name = \"t\"\n[seeds]\ncount = 600\n[[steps]]\nname = \"a\"\ncapability = \"chat\"\nprompt = \"say\"\n\
         [limits]\nconcurrency = 16\n[dataset]\nformat = \"raw\"\n",
    );
    let ran = sandbox.run(&["run", "job.toml", "--json"]).expect_code(0);
    let summary = ran.summary();
    assert_eq!(summary["tasks"]["accepted"], 600, "{summary}");
    assert_eq!(
        summary["requests"]["retried"], 0,
        "waiting took attempts: {summary}"
    );
    assert_eq!(sandbox.rows("datasets/t/data.jsonl").len(), 600);
    let refused = limited.lock().unwrap().1.clone();
    // What was on the wire when it began; then one probe for each window of three seconds.
    let wasted = refused
        .iter()
        .filter(|since| **since > Duration::from_millis(500))
        .count();
    println!("{} refused, {wasted} of them after it had said so", refused.len());
    assert!(wasted <= 1, "{refused:?}");
    assert!(refused.len() <= 16 + wasted, "{refused:?}");
}

/// A job of the built-in teacher, whose answers are the same each time.
fn job(tasks: u64, most_words: u64) -> String {
    format!(
        "name = \"t\"\n[seeds]\ncount = {tasks}\n[vary]\nn = {{ integer = [1, 1000000000] }}\n[[steps]]\nname = \"a\"\n\
         prompt = \"Question {{{{ n }}}}\"\nteachers = [{{ use = \"mock/teacher\" }}]\n[[validators]]\nkind = \"dedup\"\n[[validators]]\n\
         kind = \"length\"\nmax_words = {most_words}\n[limits]\nconcurrency = 64\n[dataset]\nformat = \"raw\"\n"
    )
}

/// Judges stored candidates again by a changed threshold, and holds the verdicts against a run that had it from the start.
fn judged_again(tasks: u64) {
    let (sandbox, fresh) = (Sandbox::new(), Sandbox::new());
    sandbox.write("job.toml", &job(tasks, 160));
    let before = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    sandbox.write("changed.toml", &job(tasks, 100));
    sandbox
        .run(&["jobs", "edit", "t", "--file", "changed.toml"])
        .expect_code(0);
    let begun = Instant::now();
    let ran = sandbox
        .run(&["jobs", "rejudge", "t", "--apply", "--json"])
        .expect_code(0);
    let took = begun.elapsed();
    let judged: Value = serde_json::from_str(&ran.stdout).unwrap();
    println!(
        "{} candidates judged again in {took:.2?}: {:.0} a second, 0 requests",
        judged["samples"],
        tasks as f64 / took.as_secs_f64()
    );
    let after = sandbox.run(&["jobs", "show", "t", "--json"]).expect_code(0);
    let after: Value = serde_json::from_str(&after.stdout).unwrap();
    let asked = |summary: &Value| {
        summary
            .pointer("/requests/sent")
            .or(summary.pointer("/summary/requests/sent"))
            .cloned()
    };
    assert_eq!(asked(&after), asked(&before), "somebody was asked: {after}");
    fresh.write("job.toml", &job(tasks, 100));
    fresh.run(&["run", "job.toml", "--json"]).expect_code(0);
    let verdicts = |sandbox: &Sandbox| {
        let listed = sandbox.run(&["samples", "list", "--json"]).expect_code(0);
        let rows = listed.stdout.lines().map(|line| {
            let row: Value = serde_json::from_str(line).unwrap();
            (
                row["id"].as_str().unwrap().to_owned(),
                row["verdicts"].to_string(),
            )
        });
        rows.collect::<std::collections::BTreeMap<_, _>>()
    };
    let (again, at_once) = (verdicts(&sandbox), verdicts(&fresh));
    assert_eq!(again.len() as u64, tasks);
    let differ = again.iter().find(|(id, said)| at_once.get(*id) != Some(*said));
    assert_eq!(differ, None, "a verdict differs from a fresh run's");
    let rejected = again.values().filter(|said| said.contains("\"reject\"")).count() as u64;
    assert!(rejected > 0 && rejected < tasks, "{rejected} of {tasks} rejected");
}

#[test]
fn verdicts_made_again_are_those_of_a_fresh_run_and_nobody_is_asked() {
    judged_again(300);
}

#[test]
#[ignore = "takes minutes; run it by `just rejudge-cost`"]
fn verdicts_on_a_hundred_thousand_candidates_made_again() {
    judged_again(number("TASKS", 100_000));
}

/// Resident memory of a process, in kilobytes.
fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// The report of a job with many samples: how long it takes, and what it holds at most. It reads page by page and keeps a few bytes a
/// sample.
#[test]
#[ignore = "takes minutes; run it by `just report-cost`"]
fn a_report_of_many_samples_holds_one_page() {
    let tasks = number("TASKS", 1_000_000);
    let sandbox = Sandbox::new();
    sandbox.write("job.toml", &job(tasks, 1_000));
    let begun = Instant::now();
    let ran = sandbox.run(&["run", "job.toml", "--quiet", "--no-progress"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    println!("{tasks} samples made in {:.1?}", begun.elapsed());
    let begun = Instant::now();
    let mut child = sandbox.start(&["jobs", "report", "t", "--json"]);
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        most = most.max(resident(child.id()).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(20));
    }
    let took = begun.elapsed();
    let out = child.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    println!(
        "reported in {took:.2?}: {:.0} samples a second, at most {} MiB held",
        tasks as f64 / took.as_secs_f64(),
        most / 1024
    );
    assert_eq!(report["samples"], tasks, "{report}");
    assert!(most < 80 * 1024 + tasks / 32, "{most} kB for {tasks} samples");
}

fn size(path: &PathBuf) -> u64 {
    std::fs::metadata(path).map_or(0, |data| data.len())
}

#[test]
#[ignore = "takes a quarter of an hour in a release build; run it by `just soak`"]
fn a_million_tasks_hold_no_more_than_the_first_hundred_thousand() {
    let tasks = number("TASKS", 1_000_000);
    let sandbox = Sandbox::new();
    sandbox.write(
        "destiler.toml",
        "[[providers]]\nname = \"mock\"\nkind = \"mock\"\nlatency_ms = 2\n",
    );
    sandbox.write("job.toml", &job(tasks, 1_000));
    let begun = Instant::now();
    let mut child = sandbox.start(&["run", "job.toml", "--json", "--no-progress", "--quiet"]);
    let log = sandbox.path(".local/share/destiler/destiler.db-wal");
    let (mut held, mut largest) = (Vec::new(), 0);
    while child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(500));
        largest = largest.max(size(&log));
        if let Some(kilobytes) = resident(child.id()) {
            held.push((begun.elapsed(), kilobytes));
        }
    }
    let took = begun.elapsed();
    let ran = crate::sandbox::Ran::from(child.wait_with_output().unwrap()).expect_code(0);
    let summary = ran.summary();
    assert_eq!(summary["tasks"]["planned"], tasks, "{summary}");
    // From a tenth of the time on: what comes before is filling up.
    let late: Vec<(f64, f64)> = held
        .iter()
        .filter(|(at, _)| *at > took / 10)
        .map(|(at, kilobytes)| {
            let done = at.as_secs_f64() / took.as_secs_f64() * tasks as f64;
            (done / 100_000.0, *kilobytes as f64 / 1024.0)
        })
        .collect();
    let count = late.len() as f64;
    let (x, y) = late.iter().fold((0.0, 0.0), |sum, one| {
        (sum.0 + one.0 / count, sum.1 + one.1 / count)
    });
    let over = late.iter().fold((0.0, 0.0), |sum, one| {
        (sum.0 + (one.0 - x) * (one.1 - y), sum.1 + (one.0 - x).powi(2))
    });
    let slope = over.0 / over.1;
    let peak = held.iter().map(|(_, kilobytes)| *kilobytes).max().unwrap_or(0) / 1024;
    println!(
        "{tasks} tasks in {took:.1?}: {:.0} a second; memory at most {peak} MiB, {slope:+.2} MiB per 100,000 tasks; log at most {} MiB",
        tasks as f64 / took.as_secs_f64(),
        largest >> 20
    );
    sandbox.run(&["db", "check", "--deep"]).expect_code(0);
    assert!(largest <= 256 << 20, "the write-ahead log had {largest} bytes");
    if tasks >= 1_000_000 {
        assert!(peak <= 300, "{peak} MiB");
        assert!(slope <= 1.0, "{slope} MiB per 100,000 tasks");
    }
}
