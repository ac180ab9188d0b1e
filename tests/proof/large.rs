//! K10 and K4: a job of a million tasks that is killed, and a database of more than a gibibyte. SQLite keeps the page at byte 2^30 for its locks and never writes it; whatever counts pages has
//! to step over it. The process dies while the file grows past that page.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use destilation::core::filter::Sort;
use destilation::core::ports::{Place, SampleFilter};
use destilation::core::settings::Durability;
use destilation::store::{OpenMode, open};
use serde_json::Value;

use crate::sandbox::{Ran, Sandbox, wait_within};
use crate::teacher::{Reply, Teacher};

/// Where SQLite's lock page begins.
const LOCKED: u64 = 1 << 30;
const PAGE: u64 = 4096;
const TASKS: u64 = 2_400;
/// Bytes of an answer; it is kept raw, and once more as what was read from it.
const ANSWER: usize = 256 << 10;

/// Runs it, and says how long that took.
fn timed(sandbox: &Sandbox, words: &[&str], code: i32) -> Ran {
    let start = Instant::now();
    let ran = sandbox.run(words).expect_code(code);
    println!("{:7.1} s  {}", start.elapsed().as_secs_f64(), words.join(" "));
    ran
}

/// The file goes on behind the lock page, which nobody ever wrote.
fn assert_steps_over(path: &Path) {
    let file = fs::File::open(path).unwrap();
    assert!(file.metadata().unwrap().len() > LOCKED + PAGE);
    let mut page = vec![1; PAGE as usize];
    file.read_exact_at(&mut page, LOCKED).unwrap();
    assert!(page.iter().all(|byte| *byte == 0), "{}", path.display());
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

#[test]
#[ignore = "takes minutes and five gigabytes; run it by `just large`"]
fn a_database_of_more_than_a_gibibyte_is_like_any_other() {
    let words: Vec<String> = (0..ANSWER / 8).map(|n| format!("{:07x} ", n * 7919)).collect();
    let bulk = words.concat();
    let teacher = Teacher::start(Duration::ZERO, false, move |number, _| {
        Reply::text(&format!("answer {number} {bulk}"))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(TASKS));
    let begun = Instant::now();
    let place = sandbox.run(&["db", "info", "--json"]).expect_code(0);
    let place: Value = serde_json::from_str(&place.stdout).unwrap();
    let path = Path::new(place["path"].as_str().unwrap()).to_owned();
    // Once before the page, once when the file has gone past it.
    for dies_at in [LOCKED - (40 << 20), LOCKED + (8 << 20)] {
        let mut child = sandbox.start(&["run", "job.toml", "--quiet"]);
        wait_within(Duration::from_mins(20), "the database is that large", || {
            size(&path) > dies_at || child.try_wait().unwrap().is_some()
        });
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().code(), None, "it was killed");
        println!(
            "{:7.1} s  until kill -9 at {} MiB",
            begun.elapsed().as_secs_f64(),
            size(&path) >> 20
        );
    }
    let summary = timed(&sandbox, &["run", "job.toml", "--json"], 0).summary();
    assert_eq!(summary["tasks"]["accepted"], TASKS, "{summary}");
    let bytes = size(&path);
    println!("{:7} MiB", bytes >> 20);
    assert_steps_over(&path);
    timed(&sandbox, &["jobs", "list"], 0);
    timed(&sandbox, &["db", "check"], 0);
    timed(&sandbox, &["db", "check", "--deep"], 0);
    timed(&sandbox, &["verify", "datasets/t"], 0);
    let found = timed(&sandbox, &["samples", "list", "job:t", "\"answer 77 \""], 0);
    assert_eq!(found.stdout.lines().count(), 1);
    timed(&sandbox, &["export", "t", "-o", "out.jsonl"], 0);
    let lines = std::io::BufRead::lines(std::io::BufReader::new(
        fs::File::open(sandbox.path("out.jsonl")).unwrap(),
    ));
    assert_eq!(lines.count() as u64, TASKS);
    browsed(&path);
    timed(&sandbox, &["db", "backup", "copy.db"], 0);
    assert_steps_over(&sandbox.path("copy.db"));
    let saved = timed(&sandbox, &["db", "backup", "--salvage", "saved.db", "--json"], 0);
    let saved: Value = serde_json::from_str(&saved.stdout).unwrap();
    for table in saved["tables"].as_array().unwrap() {
        assert_eq!(table["lost"], 0, "{table}");
    }
    assert_steps_over(&sandbox.path("saved.db"));
    for copy in ["copy.db", "saved.db"] {
        let place = format!("sqlite:{}", sandbox.path(copy).display());
        let checked = sandbox
            .command(&["db", "check", "--deep"])
            .env("DESTILER_DATABASE_URL", place)
            .output();
        Ran::from(checked.unwrap()).expect_code(0);
    }
    // And back again: the file shrinks to before the page.
    let clean = ["db", "clean", "--responses", "0", "--yes", "--no-backup"];
    timed(&sandbox, &clean, 0);
    assert!(size(&path) < LOCKED, "{}", size(&path));
    timed(&sandbox, &["db", "check", "--deep"], 0);
}

fn job(tasks: u64) -> String {
    format!(
        "name = \"t\"\n[seeds]\ncount = {tasks}\n[vary]\nn = {{ integer = [1, 1000000000] }}\n[[steps]]\nname = \"answer\"\n\
         capability = \"chat\"\nprompt = \"Question {{{{ n }}}}\"\n[dataset]\nformat = \"raw\"\n[limits]\nconcurrency = 8\n"
    )
}

/// Most memory a process ever held, in MiB.
fn most_memory(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u64 = line.unwrap().trim().trim_end_matches(" kB").parse().unwrap();
    kib >> 10
}

#[test]
#[ignore = "takes minutes; run it by `just large`"]
fn killed_with_a_million_planned_it_goes_on_within_seconds() {
    const PLANNED: u64 = 1_000_000;
    let teacher = Teacher::start(Duration::from_millis(5), false, |number, _| {
        Reply::text(&format!("answer {number}"))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(PLANNED));
    let tasks = || {
        let shown = sandbox.run(&["jobs", "list", "--json"]).stdout;
        let job: Value = serde_json::from_str(shown.lines().next().unwrap_or("{}")).unwrap();
        job["tasks"].clone()
    };
    let begun = Instant::now();
    let mut child = sandbox.start(&["run", "job.toml", "--quiet"]);
    wait_within(Duration::from_mins(20), "all is planned", || {
        std::thread::sleep(Duration::from_secs(1));
        tasks()["planned"] == PLANNED
    });
    println!(
        "{:7.1} s  planning, {} MiB",
        begun.elapsed().as_secs_f64(),
        most_memory(&child)
    );
    for _ in 0..3 {
        child.kill().unwrap();
        child.wait().unwrap();
        let before = teacher.seen().requests;
        let start = Instant::now();
        child = sandbox.start(&["run", "job.toml", "--quiet"]);
        wait_within(Duration::from_secs(30), "it asks again", || {
            teacher.seen().requests > before
        });
        let asks = start.elapsed();
        wait_within(Duration::from_mins(1), "it goes on", || {
            teacher.seen().requests > before + 500
        });
        println!(
            "{:7.3} s  from its start to its first question, {} MiB",
            asks.as_secs_f64(),
            most_memory(&child)
        );
        assert!(asks < Duration::from_secs(5), "{asks:?}");
    }
    let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let counts = tasks();
    let count = |state: &str| counts[state].as_u64().unwrap();
    let states = ["accepted", "rejected", "failed", "cancelled", "pending"];
    assert_eq!(states.map(count).iter().sum::<u64>(), PLANNED, "{counts}");
    // What was in flight at each of the three deaths may be asked again, and nothing else.
    let asked = teacher.seen().requests;
    let accepted = count("accepted");
    assert!(
        accepted <= asked && asked <= accepted + 3 * 8,
        "{asked} asked, {counts}"
    );
    timed(&sandbox, &["db", "check"], 0);
}

/// The first page, one from the middle and the last, as the screen asks for them.
fn browsed(path: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let start = Instant::now();
        let opened = open(path, Durability::Process, OpenMode::Read).await.unwrap();
        println!("{:7.3} s  opening it", start.elapsed().as_secs_f64());
        let all = SampleFilter::default();
        for place in [Place::Row(0), Place::Row(TASKS / 2), Place::Last] {
            let start = Instant::now();
            let page = opened.store.window(&all, Sort::default(), place, 150).await;
            assert_eq!(page.unwrap().len(), 150);
            println!("{:7.3} s  a page at {place:?}", start.elapsed().as_secs_f64());
        }
        let start = Instant::now();
        assert_eq!(opened.store.count_samples(&all).await.unwrap(), TASKS);
        println!("{:7.3} s  counting", start.elapsed().as_secs_f64());
        opened.store.close().await;
    });
}
