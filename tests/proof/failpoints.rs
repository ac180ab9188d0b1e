//! K2: death at every named step of persistence and of the wire, at its first and at a later hit, and once more during what follows;
//! then the job is finished, and the auditor counts.

use std::time::Duration;

use destilation::core::failpoint::Failpoint;

use crate::faulty::{Faults, Shape};
use crate::stage::{Ended, Stage};

const TASKS: u64 = 40;

/// Runs a command until it ends by itself: armed at its first two lives, unharmed after two deaths in all. `LIFE` is their number.
fn survive(stage: &Stage, words: &[&str], armed: &str, deaths: &mut u32) -> i32 {
    loop {
        let test = if *deaths < 2 { armed } else { "" };
        // A cassette is never written on.
        let words: Vec<String> = words
            .iter()
            .map(|word| word.replace("LIFE", &deaths.to_string()))
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match stage.run(&words, test) {
            Ended::Alone(ran) => return ran.code,
            Ended::Killed => *deaths += 1,
        }
        assert!(*deaths <= 2, "{words:?} died without being told to");
    }
}

/// Everything that writes: a job that pauses at a cap and goes on, a decision, an export. Dies at that failpoint's `hit`-th time.
fn live_through(point: Failpoint, hit: u32) -> Result<(), String> {
    let stage = Stage::new(Shape::OpenAi, 1, Faults::default(), Duration::from_millis(1));
    // Two in three of the tasks.
    stage.job(TASKS, 4, "usd = 0.0011\n");
    let armed = format!("fail={}:{hit}:abort", point.word());
    let mut deaths = 0;
    if point == Failpoint::FileCut {
        // There is something to cut only after a death in the middle of an append.
        let half_way = "fail=append.written:1:abort";
        if matches!(stage.run(&["run", "job.toml"], half_way), Ended::Alone(_)) {
            return Err("nothing was appended".to_owned());
        }
    }
    let code = survive(&stage, &["run", "job.toml", "--json"], &armed, &mut deaths);
    if code != 6 {
        return Err(format!("the capped run ended with {code}"));
    }
    let words = ["run", "job.toml", "--usd", "1", "--record", "LIFE.cassette"];
    let code = survive(&stage, &words, &armed, &mut deaths);
    if code != 0 {
        return Err(format!("the run ended with {code}"));
    }
    let id = stage.sandbox.rows("datasets/t/train.jsonl")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    survive(&stage, &["samples", "reject", &id], &armed, &mut deaths);
    survive(&stage, &["export", "t", "-o", "out.jsonl"], &armed, &mut deaths);
    survive(&stage, &["db", "backup", "copy.db"], &armed, &mut deaths);
    let left = stage.sandbox.read("out.jsonl").lines().count() as u64;
    if left != TASKS - 1 {
        return Err(format!("{left} rows were exported"));
    }
    crate::auditor::audit(&stage.sandbox, &stage.log(), None)?;
    deleted(&stage, &armed, &mut deaths)?;
    if deaths == 0 {
        return Err("nobody ever came there".to_owned());
    }
    left_over(&stage)
}

/// Deletes the job; nothing of it is left in the ledger, whoever dies meanwhile.
fn deleted(stage: &Stage, armed: &str, deaths: &mut u32) -> Result<(), String> {
    let code = survive(stage, &["jobs", "delete", "t", "--yes"], armed, deaths);
    // After a death it may be gone already.
    if code != 0 && !(code == 8 && *deaths > 0) {
        return Err(format!("deleting ended with {code}"));
    }
    let checked = stage.finish(&["db", "check", "--deep"]);
    let info = stage.finish(&["db", "info", "--json"]);
    let info: serde_json::Value = serde_json::from_str(&info.stdout).unwrap();
    if checked.code != 0 || info["rows"] != serde_json::json!([0, 0, 0, 0]) {
        return Err(format!("after deleting: {} {info}", checked.stdout));
    }
    Ok(())
}

/// Cassettes are whole but for a torn last line, the copy of the database is one, and no unfinished file lies about.
fn left_over(stage: &Stage) -> Result<(), String> {
    for life in 0..3 {
        let name = format!("{life}.cassette");
        let Ok(text) = std::fs::read_to_string(stage.sandbox.path(&name)) else {
            continue;
        };
        let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
        if let Some(line) = whole
            .lines()
            .find(|line| serde_json::from_str::<serde_json::Value>(line).is_err())
        {
            return Err(format!("{name}: {line}"));
        }
    }
    let copy = stage.sandbox.path("copy.db");
    stage.sandbox.write(
        "copy.toml",
        &format!("database_url = \"sqlite://{}\"\n", copy.display()),
    );
    let checked = stage.finish(&["--config", "copy.toml", "db", "check", "--deep"]);
    if checked.code != 0 {
        return Err(format!("the copy: {}{}", checked.stdout, checked.stderr));
    }
    let files = std::fs::read_dir(stage.sandbox.path(".")).unwrap().flatten();
    let mut names = files.map(|file| file.file_name().into_string().unwrap());
    match names.find(|name| name.contains(".tmp") || name.contains(".part")) {
        Some(name) => Err(format!("{name} was left behind")),
        None => Ok(()),
    }
}

/// All of these, each at its first and at a later hit, on two threads; with what went wrong.
fn live_through_all(points: &[Failpoint], later: u32) -> Vec<String> {
    let cases: Vec<(Failpoint, u32)> = points
        .iter()
        .flat_map(|point| [(*point, 1), (*point, later)])
        .collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let wrong = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((point, hit)) =
                    cases.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    let Err(finding) = live_through(*point, *hit) else {
                        continue;
                    };
                    // Some places are come to once in a life.
                    if *hit == 1 || finding != "nobody ever came there" {
                        let finding = format!("{} at hit {hit}: {finding}", point.word());
                        println!("{finding}");
                        wrong.lock().unwrap().push(finding);
                    }
                }
            });
        }
    });
    wrong.into_inner().unwrap()
}

#[test]
fn death_at_the_steps_that_matter_most() {
    let points = [
        Failpoint::GroupReady,
        Failpoint::GroupCommitted,
        Failpoint::AnswerCame,
        Failpoint::AnswerRecorded,
        Failpoint::AppendTorn,
        Failpoint::AppendSynced,
        Failpoint::FileCut,
        Failpoint::FileReplaced,
        Failpoint::Decided,
    ];
    assert_eq!(live_through_all(&points, 3), Vec::<String>::new());
}

#[test]
#[ignore = "takes minutes; run it by `just prove`"]
fn death_at_every_step() {
    assert_eq!(live_through_all(Failpoint::ALL, 4), Vec::<String>::new());
}

#[test]
fn a_panic_fails_its_task_and_no_other() {
    let points = [
        Failpoint::TaskLeased,
        Failpoint::AttemptReserved,
        Failpoint::AttemptBegun,
        Failpoint::AnswerCame,
        Failpoint::AnswerRecorded,
        Failpoint::TaskJudged,
    ];
    for point in points {
        let stage = Stage::new(Shape::OpenAi, 1, Faults::default(), Duration::ZERO);
        stage.job(20, 4, "");
        let armed = format!("fail={}:7:panic", point.word());
        let Ended::Alone(ran) = stage.run(&["run", "job.toml", "--json"], &armed) else {
            panic!("{point:?} ended the process");
        };
        let tasks = &ran.summary()["tasks"];
        assert_eq!(
            (ran.code, &tasks["failed"], &tasks["accepted"]),
            (5, &1.into(), &19.into()),
            "{point:?}: {ran:?}"
        );
        stage.audited();
        stage.finish(&["jobs", "retry", "t"]).expect_code(0);
        let again = stage
            .finish(&["run", "job.toml", "--json"])
            .expect_code(0)
            .summary();
        assert_eq!(again["samples"]["accepted"], 20, "{point:?}: {again}");
        stage.audited();
    }
}

#[test]
fn money_set_aside_by_a_task_that_panics_holds_nobody_up() {
    let points = [
        Failpoint::AttemptReserved,
        Failpoint::AttemptBegun,
        Failpoint::AnswerCame,
        Failpoint::AnswerRecorded,
    ];
    for point in points {
        let stage = Stage::new(Shape::OpenAi, 1, Faults::default(), Duration::ZERO);
        // Room for two requests at their dearest.
        stage.job(20, 1, "usd = 0.0002\n");
        let armed = format!("fail={}:1:panic", point.word());
        let Ended::Alone(ran) = stage.run(&["run", "job.toml", "--json"], &armed) else {
            panic!("{point:?} ended the process");
        };
        let summary = ran.expect_code(6).summary();
        // Which of them were asked depends on where the first one stopped.
        assert!(!stage.log().is_empty(), "{point:?}: {summary}");
        if let Err(finding) = crate::auditor::audit(&stage.sandbox, &stage.log(), Some(200)) {
            panic!("{point:?}: {finding}");
        }
    }
}

#[test]
fn what_a_full_disk_refused_is_done_when_there_is_room() {
    let stage = Stage::new(Shape::OpenAi, 1, Faults::default(), Duration::from_millis(2));
    stage.job(200, 4, "");
    // Until the leases that go back are refused, too.
    let full = "fail=group.ready:60:errors-6";
    let Ended::Alone(ran) = stage.run(&["run", "job.toml", "--json"], full) else {
        panic!("a full disk ended the process");
    };
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("failpoint group.ready"), "{}", ran.stderr);
    assert_eq!(ran.summary()["samples"]["accepted"], 200);
    stage.audited();
}

/// A failure like a full disk at that failpoint's first time. Whatever the run says then, the next ones put it right.
fn live_past(point: Failpoint) -> Result<(), String> {
    let stage = Stage::new(Shape::OpenAi, 1, Faults::default(), Duration::from_millis(1));
    stage.job(TASKS, 4, "usd = 0.0011\n");
    let armed = format!("fail={}:1:error", point.word());
    let recorded = ["run", "job.toml", "--usd", "1", "--record", "0.cassette"];
    for words in [&["run", "job.toml"][..], &recorded] {
        if matches!(stage.run(words, &armed), Ended::Killed) {
            return Err("the run died of a failure".to_owned());
        }
    }
    let Ended::Alone(ran) = stage.run(&["run", "job.toml", "--usd", "1"], "") else {
        return Err("the run died unharmed".to_owned());
    };
    if ran.code != 0 {
        return Err(format!("the last run ended with {}: {}", ran.code, ran.stderr));
    }
    let rows = stage.sandbox.rows("datasets/t/train.jsonl").len()
        + stage.sandbox.rows("datasets/t/valid.jsonl").len();
    if rows as u64 != TASKS {
        return Err(format!("{rows} rows"));
    }
    crate::auditor::audit(&stage.sandbox, &stage.log(), None)?;
    for words in [
        &["db", "backup", "copy.db"][..],
        &["jobs", "delete", "t", "--yes"],
    ] {
        if matches!(stage.run(words, &armed), Ended::Killed) {
            return Err(format!("{words:?} died of a failure"));
        }
    }
    stage.finish(&["db", "backup", "copy.db"]);
    deleted(&stage, "", &mut 1)?;
    left_over(&stage)
}

#[test]
#[ignore = "takes minutes; run it by `just prove`"]
fn failure_at_every_step() {
    let wrong: Vec<String> = Failpoint::ALL
        .iter()
        .filter_map(|point| {
            live_past(*point)
                .err()
                .map(|finding| format!("{}: {finding}", point.word()))
        })
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
}
