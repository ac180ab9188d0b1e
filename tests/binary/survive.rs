//! What a run survives: kill -9, signals, a second instance, a teacher that misbehaves.

use std::process::Child;
use std::time::{Duration, Instant};

use crate::sandbox::{Ran, Sandbox, wait_until};
use crate::teacher::{Reply, Teacher};
use crate::{assert_conserved, job};

fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

fn answers(latency: u64) -> Teacher {
    Teacher::start(Duration::from_millis(latency), true, |number, _| {
        Reply::text(&format!("answer {number}"))
    })
}

#[test]
fn kill_nine_loses_and_doubles_nothing_and_resends_only_what_was_in_flight() {
    let teacher = answers(20);
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(400, 32, ""));
    let mut kills = 0;
    // Some tasks are in flight at several of them: nobody is quarantined for that.
    for share in [40, 60, 80, 100, 180, 260, 300, 330] {
        let mut child = sandbox.start(&["run", "job.toml", "--quiet"]);
        wait_until("the teacher has seen enough", || teacher.seen().requests >= share);
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_conserved(&summary);
    assert_eq!(summary["samples"]["accepted"], 400, "{summary}");
    let rows = sandbox.rows("datasets/t/data.jsonl");
    let mut tasks: Vec<u64> = rows.iter().map(|row| row["task"].as_u64().unwrap()).collect();
    tasks.dedup();
    assert_eq!(tasks, (0..400).collect::<Vec<_>>());
    let bought = teacher.seen().requests;
    assert!(bought <= 400 + kills * 32, "{bought} requests");
    let billed = summary["requests"]["maybe_billed_twice"].as_u64().unwrap();
    assert!(
        bought - 400 <= billed && billed <= kills * 32,
        "bought {bought}, shown as perhaps billed {billed}"
    );
    sandbox.run(&["verify", "datasets/t"]).expect_code(0);
    sandbox.run(&["db", "check", "--deep"]).expect_code(0);
}

#[test]
fn running_time_survives_kill_nine() {
    let teacher = answers(400);
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(400, 4, ""));
    let began = Instant::now();
    let mut ran = 0.0;
    for _ in 0..2 {
        let mut child = sandbox.start(&["run", "job.toml", "--quiet"]);
        let before = Instant::now();
        std::thread::sleep(Duration::from_millis(5500));
        child.kill().unwrap();
        child.wait().unwrap();
        // The last seconds may be missing, and the start.
        ran += before.elapsed().as_secs_f64() - 3.5;
    }
    let shown = sandbox.run(&["jobs", "show", "t", "--json"]).expect_code(0);
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    let elapsed = shown["summary"]["elapsed_seconds"].as_f64().unwrap();
    assert!(
        ran <= elapsed && elapsed <= began.elapsed().as_secs_f64(),
        "{elapsed} s shown, at least {ran} s ran"
    );
}

#[test]
fn the_first_interrupt_finishes_what_is_in_flight() {
    let teacher = answers(300);
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(200, 8, ""));
    let child = sandbox.start(&["run", "job.toml", "--json"]);
    wait_until("requests are in flight", || teacher.seen().requests >= 12);
    signal(&child, rustix::process::Signal::INT);
    let ran = Ran::from(child.wait_with_output().unwrap()).expect_code(130);
    let summary = ran.summary();
    assert_conserved(&summary);
    assert_eq!(
        summary["samples"]["accepted"],
        teacher.seen().requests,
        "an answer that was paid for is missing: {summary}"
    );
    assert_eq!(summary["requests"]["maybe_billed_twice"], 0);
    let done = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(
        (&done["samples"]["accepted"], teacher.seen().requests),
        (&200.into(), 200)
    );
}

#[test]
fn files_that_vanish_while_the_job_runs_are_exact_at_the_next_stop() {
    let teacher = answers(5);
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(100_000, 64, ""));
    let child = sandbox.start(&["run", "job.toml", "--json"]);
    let file = sandbox.path("datasets/t/data.jsonl");
    wait_until("rows were appended", || {
        std::fs::metadata(&file).is_ok_and(|file| file.len() > 0)
    });
    std::fs::remove_file(&file).unwrap();
    // The files are looked at every two seconds.
    std::thread::sleep(Duration::from_secs(3));
    signal(&child, rustix::process::Signal::INT);
    let ran = Ran::from(child.wait_with_output().unwrap()).expect_code(130);
    let accepted = ran.summary()["samples"]["accepted"].as_u64().unwrap();
    assert_eq!(sandbox.rows("datasets/t/data.jsonl").len() as u64, accepted);
    sandbox.run(&["db", "check", "--deep"]).expect_code(0);
}

#[test]
fn the_second_interrupt_leaves_within_a_second_even_if_the_teacher_never_answers() {
    let teacher = Teacher::start(Duration::ZERO, true, |_, _| Reply::Never);
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(50, 8, ""));
    let child = sandbox.start(&["run", "job.toml"]);
    wait_until("requests are in flight", || teacher.seen().requests >= 4);
    signal(&child, rustix::process::Signal::INT);
    std::thread::sleep(Duration::from_millis(300));
    let second = Instant::now();
    signal(&child, rustix::process::Signal::INT);
    let ran = Ran::from(child.wait_with_output().unwrap()).expect_code(130);
    assert!(
        second.elapsed() < Duration::from_millis(2500),
        "{:?}\n{}",
        second.elapsed(),
        ran.stderr
    );
    let listed = sandbox.run(&["jobs", "show", "t", "--json"]).expect_code(0);
    assert!(listed.stdout.contains("paused"), "{}", listed.stdout);
}

#[test]
fn a_second_instance_says_who_holds_the_database_and_reading_works() {
    let teacher = answers(100);
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(400, 4, ""));
    let mut child = sandbox.start(&["run", "job.toml", "--quiet"]);
    wait_until("it runs", || teacher.seen().requests >= 8);
    let second = sandbox.run(&["run", "job.toml"]).expect_code(10);
    assert!(
        second.stderr.contains(&child.id().to_string()),
        "{}",
        second.stderr
    );
    let read = sandbox.run(&["jobs", "list"]).expect_code(0);
    assert!(read.stdout.contains('t'));
    child.kill().unwrap();
    child.wait().unwrap();
    sandbox.run(&["jobs", "delete", "t", "--yes"]).expect_code(0);
}

#[test]
fn a_rate_limit_costs_no_attempts_and_one_probe() {
    let begun = Instant::now();
    let teacher = Teacher::start(Duration::from_millis(10), true, move |_, _| {
        // Half a second into the run: a second of 429.
        if (500..1500).contains(&begun.elapsed().as_millis()) {
            let body =
                r#"{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}"#;
            return Reply::Http(429, "retry-after: 1\r\n".to_owned(), body.to_owned());
        }
        Reply::text(&format!("answer {}", begun.elapsed().as_nanos()))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(600, 4, ""));
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(summary["samples"]["accepted"], 600, "{summary}");
    let wasted = teacher.seen().requests - 600;
    // What was in flight when it began, and a probe per window of one second.
    assert!(wasted <= 4 + 2, "{wasted} wasted requests");
    assert_eq!(summary["requests"]["maybe_billed_twice"], 0);
}

#[test]
fn broken_lines_are_asked_again_and_counted() {
    let teacher = Teacher::start(Duration::ZERO, true, |number, _| match number % 7 {
        3 => Reply::Reset,
        5 => Reply::Half("{\"choices\": [{\"message\": {\"content\": \"half an answer\"}}]}".to_owned()),
        _ => Reply::text(&format!("answer {number}")),
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(20, 2, ""));
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_conserved(&summary);
    assert_eq!(summary["samples"]["accepted"], 20, "{summary}");
    let extra = teacher.seen().requests - 20;
    assert_eq!(
        summary["requests"]["retried"].as_u64().unwrap(),
        extra,
        "{summary}"
    );
    assert_eq!(
        summary["requests"]["maybe_billed_twice"].as_u64().unwrap(),
        extra,
        "{summary}"
    );
}

#[test]
fn a_rejected_key_pauses_the_job_with_exit_4_and_a_new_key_goes_on() {
    let teacher = Teacher::start(Duration::ZERO, true, |_, _| {
        Reply::Http(
            401,
            String::new(),
            r#"{"error":{"message":"bad key","type":"authentication_error"}}"#.to_owned(),
        )
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(50, 4, ""));
    let ran = sandbox.run(&["run", "job.toml", "--json"]).expect_code(4);
    assert_eq!(ran.summary()["state"], "paused");
    assert!(
        teacher.seen().requests <= 4,
        "{} requests with a bad key",
        teacher.seen().requests
    );
    let good = answers(0);
    let config = sandbox.read("destiler.toml").replace(&teacher.url(), &good.url());
    sandbox.write("destiler.toml", &config);
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(summary["samples"]["accepted"], 50, "{summary}");
}

/// The long form of the first test here, for `just kill`: 2,000 tasks at 64 in flight with 200 ms latency, killed once at a random
/// moment and run to the end, ten times.
#[test]
#[ignore = "takes minutes; run it by `just kill`"]
fn ten_kills_of_two_thousand_tasks() {
    for round in 0..10_u64 {
        let teacher = answers(200);
        let sandbox = Sandbox::with_teacher(&teacher.url());
        sandbox.write("job.toml", &job(2_000, 64, ""));
        let mut child = sandbox.start(&["run", "job.toml", "--quiet"]);
        let after = 100 + round * 607 % 5_600;
        std::thread::sleep(Duration::from_millis(after));
        let in_flight = teacher.seen().requests - teacher.seen().answers;
        child.kill().unwrap();
        child.wait().unwrap();
        let summary = sandbox
            .run(&["run", "job.toml", "--json"])
            .expect_code(0)
            .summary();
        let rows = sandbox.rows("datasets/t/data.jsonl");
        let mut tasks: Vec<u64> = rows.iter().map(|row| row["task"].as_u64().unwrap()).collect();
        let count = tasks.len();
        tasks.dedup();
        let (lost, doubled) = (2_000 - tasks.len(), count - tasks.len());
        let resent = teacher.seen().requests - 2_000;
        let billed = &summary["requests"]["maybe_billed_twice"];
        println!(
            "killed after {after} ms with {in_flight} on the wire: {count} rows, {lost} lost, {doubled} doubled, {resent} sent again, \
             {billed} shown as perhaps billed twice"
        );
        assert_eq!((lost, doubled), (0, 0));
        assert!(resent <= 64, "{resent}");
        sandbox.run(&["db", "check", "--deep"]).expect_code(0);
        sandbox.run(&["verify", "datasets/t"]).expect_code(0);
    }
}
