//! L5 and L1 in a light form: what a run holds (open files, threads, children, memory) is the same after many tasks as after few, however
//! its teacher and its programs misbehave.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::faulty::{Fault, Faults, Shape};
use crate::sandbox::Ran;
use crate::stage::Stage;

/// What a process holds.
#[derive(Debug)]
struct Held {
    files: usize,
    threads: usize,
    zombies: usize,
    kilobytes: u64,
}

impl Held {
    fn by(pid: u32) -> Self {
        let about = |name: &str| PathBuf::from(format!("/proc/{pid}/{name}"));
        let count = |name: &str| std::fs::read_dir(about(name)).unwrap().count();
        let status = std::fs::read_to_string(about("status")).unwrap();
        let kilobytes = status.lines().find_map(|line| {
            let number = line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?;
            number.trim().parse().ok()
        });
        Self {
            files: count("fd"),
            threads: count("task"),
            zombies: zombies_of(pid),
            kilobytes: kilobytes.unwrap(),
        }
    }
}

/// Children that are dead and that nobody has waited for.
fn zombies_of(parent: u32) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = processes.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    stats
        .filter(|stat| {
            // After the name in brackets: state, parent.
            let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
            fields.next() == Some("Z") && fields.next() == Some(&parent.to_string())
        })
        .count()
}

#[test]
fn a_run_holds_no_more_after_many_tasks_than_after_few() {
    let faults = Faults::evenly(0.3, &Fault::HEALING);
    let stage = Stage::new(Shape::OpenAi, 9, faults, Duration::from_millis(20));
    stage.sandbox.write(
        "dies.py",
        "import json, sys\nprint(json.dumps({'hello': 1}), flush=True)\nfor line in sys.stdin:\n    \
         request = json.loads(line)\n    print(json.dumps({'id': request['id'], 'verdict': 'accept'}), flush=True)\n    \
         if hash(line) % 20 == 0:\n        sys.exit(1)\n",
    );
    stage.job(
        2500,
        16,
        "[[validators]]\nkind = \"script\"\ncommand = [\"python3\", \"dies.py\"]\n",
    );
    let child = stage.command(&["run", "job.toml", "--json"], "").spawn().unwrap();
    let pid = child.id();
    let asked = |many: u64| stage.teacher.teacher.seen().requests >= many;
    // Seen at once: a moment later the run may have ended.
    let long = |many: u64| {
        let start = Instant::now();
        while !asked(many) {
            assert!(start.elapsed() < Duration::from_mins(2), "{many} requests");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    long(600);
    let few = Held::by(pid);
    long(2600);
    let many = Held::by(pid);
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert!([0, 5].contains(&ran.code), "{ran:?}");
    println!("{few:?} after 600 requests, {many:?} after 2,600");
    assert!(many.files <= few.files + 16, "open files: {few:?}, then {many:?}");
    assert!(many.threads <= few.threads + 4, "threads: {few:?}, then {many:?}");
    assert!(many.zombies <= 2, "the dead: {many:?}");
    assert!(
        many.kilobytes <= few.kilobytes + 32 * 1024,
        "memory: {few:?}, then {many:?}"
    );
    stage.audited();
}
