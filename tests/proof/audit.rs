//! The auditor must be able to fail: a sound run passes it, and whatever is changed by hand in the files or in what was bought is
//! found out. (What is changed in the ledger: tests/store/audit.rs.)

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::auditor::{CANARY, audit, canary, hex, waited};
use crate::faulty::{Bought, Fault, Faults, Shape};
use crate::stage::Stage;

fn sound(shape: Shape, tasks: u64, faults: Faults) -> Stage {
    let stage = Stage::new(shape, 7, faults, Duration::ZERO);
    stage.job(tasks, 8, "");
    let ran = stage.finish(&["run", "job.toml", "--json"]);
    assert!([0, 5].contains(&ran.code), "{ran:?}");
    stage
}

#[test]
fn a_seed_says_what_goes_wrong_and_everything_does() {
    let faults = Faults::evenly(0.5, &Fault::ALL);
    let drawn: Vec<Option<Fault>> = (1..=2000).map(|number| faults.of(7, number)).collect();
    assert!((1..=2000).all(|number| faults.of(7, number) == drawn[number as usize - 1]));
    assert!(Fault::ALL.iter().all(|fault| drawn.contains(&Some(*fault))));
    let wrong = drawn.iter().flatten().count();
    assert!((900..1100).contains(&wrong), "{wrong} of 2000");
}

#[test]
fn four_protocols_with_faults_pass_the_audit() {
    for shape in [Shape::OpenAi, Shape::OpenRouter, Shape::Anthropic, Shape::Ollama] {
        let stage = sound(shape, 60, Faults::evenly(0.3, &Fault::HEALING));
        let log = stage.log();
        assert!(
            log.iter().filter(|line| line.answered != "ok").count() > 5,
            "{shape:?}"
        );
        stage.audited();
    }
}

#[test]
fn what_the_teacher_says_against_the_ledger_is_found_out() {
    let stage = sound(Shape::OpenAi, 20, Faults::default());
    let log = stage.log();
    assert_eq!(audit(&stage.sandbox, &log, None), Ok(()));
    let complaint = |change: fn(&mut Vec<Bought>)| {
        let mut changed = log.clone();
        change(&mut changed);
        audit(&stage.sandbox, &changed, None).unwrap_err()
    };
    let asked_once_more = complaint(|log| {
        let mut more = log[3].clone();
        more.nonce = 999;
        log.push(more);
    });
    assert!(asked_once_more.starts_with("I4: task"), "{asked_once_more}");
    let never_given = complaint(|log| drop(log.remove(3)));
    assert!(never_given.starts_with("I5: request"), "{never_given}");
    let mixed_up = complaint(|log| log[3].question = Some(777));
    assert!(mixed_up.contains("keeps the answer to question"), "{mixed_up}");
    let dearer = complaint(|log| log[3].output = Some(9));
    assert!(dearer.starts_with("I8: request"), "{dearer}");
    let cap = audit(&stage.sandbox, &log, Some(100)).unwrap_err();
    assert!(
        cap.starts_with("I8: ") && cap.ends_with("the cap is 100"),
        "{cap}"
    );
}

#[test]
fn who_asks_again_before_the_time_is_found_out() {
    let line = |nonce, at_ms, retry_after| Bought {
        nonce,
        at_ms,
        question: Some(5),
        prompt: String::new(),
        bytes: 0,
        answered: String::new(),
        billed: false,
        input: None,
        output: None,
        retry_after,
    };
    assert_eq!(waited(&[line(1, 0, Some(60)), line(2, 60_000, None)]), Ok(()));
    let early = waited(&[line(1, 0, Some(60)), line(2, 5_000, None)]).unwrap_err();
    assert_eq!(early, "I7: task 5 was asked again 55000 ms too early");
}

#[test]
fn the_key_in_a_file_is_found_out_however_it_is_written() {
    let stage = sound(Shape::OpenAi, 2, Faults::default());
    stage.audited();
    let digits = hex(CANARY.as_bytes());
    for leak in [CANARY, &digits, "eyJrIjoiQ0FOQVJZLTdmM2E5MWMyZTVkODRiNjAifQ=="] {
        stage
            .sandbox
            .write("deep/down/here.log", &format!("header: {leak}\n"));
        let found = canary(&stage.sandbox.path("."));
        assert!(found.is_err_and(|finding| finding.starts_with("I10: ")), "{leak}");
    }
}

#[test]
fn every_change_to_the_files_is_found_out() {
    let stage = sound(Shape::OpenAi, 40, Faults::default());
    let file = "datasets/t/train.jsonl";
    let whole = stage.sandbox.read(file);
    let lines: Vec<&str> = whole.lines().collect();
    let joined = |lines: &[&str]| format!("{}\n", lines.join("\n"));
    let mut swapped = lines.clone();
    swapped.swap(2, 5);
    let mut doubled = lines.clone();
    doubled.insert(3, lines[2]);
    let mut stranger = lines.clone();
    let foreign = lines[4].replace("\"task\":", "\"task\":9");
    stranger[4] = &foreign;
    let changes = [
        (joined(&lines[1..]), "bytes, the ledger wrote"),
        (joined(&swapped), "out of order"),
        (joined(&doubled), "t/train.jsonl"),
        (joined(&stranger), "t/train.jsonl"),
        (whole[..whole.len() - 9].to_owned(), "bytes, the ledger wrote"),
        (whole.replace(" to Question", " of Question"), "train.jsonl:"),
        (format!("{whole}{{\"torn"), "bytes, the manifest says"),
    ];
    for (text, expected) in changes {
        println!("a file that shows: {expected}");
        assert!(text != whole);
        stage.sandbox.write(file, &text);
        let ran = stage.finish(&["db", "check", "--deep", "--json"]).expect_code(7);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        let findings = report["findings"].to_string();
        assert!(findings.contains(expected), "expected `{expected}` in {findings}");
    }
    stage.sandbox.write(file, &whole);
    stage.finish(&["db", "check", "--deep"]).expect_code(0);
    let moved = stage.sandbox.path("elsewhere");
    std::fs::rename(stage.sandbox.path("datasets/t"), moved).unwrap();
    stage.finish(&["db", "check", "--deep"]).expect_code(0);
}

#[test]
fn files_of_an_earlier_revision_are_what_they_were() {
    let stage = sound(Shape::OpenAi, 10, Faults::default());
    let job = stage
        .sandbox
        .read("job.toml")
        .replace("limits]\n", "limits]\nrequests = 500\n");
    stage.sandbox.write("job.toml", &job);
    stage.finish(&["jobs", "create", "job.toml"]);
    stage.finish(&["db", "check", "--deep"]).expect_code(0);
    stage.finish(&["run", "job.toml"]).expect_code(0);
    stage.audited();
}

/// What an audit costs; `just audit-cost` prints it.
#[test]
#[ignore = "a measurement"]
fn seconds_at_ten_thousand_tasks() {
    let stage = sound(Shape::OpenAi, 10_000, Faults::default());
    let begun = Instant::now();
    stage.finish(&["db", "check"]).expect_code(0);
    let shallow = begun.elapsed();
    let begun = Instant::now();
    stage.finish(&["db", "check", "--deep"]).expect_code(0);
    let deep = begun.elapsed();
    let begun = Instant::now();
    stage.audited();
    println!(
        "db check {shallow:.2?}, --deep {deep:.2?}, with the teacher's log {:.2?}",
        begun.elapsed()
    );
}
