//! E2, E6 and E8: one layer of retries, no bad answer kept, and a teacher that never answers holds up nobody for longer than its
//! time-out.

use std::time::{Duration, Instant};

use crate::faulty::{Fault, Faults, FaultyTeacher, Shape};
use crate::sandbox::wait_until;
use crate::stage::Stage;

#[test]
fn an_attempt_is_one_request_and_there_are_no_more_than_the_job_allows() {
    let faults = Faults::evenly(1.0, &[Fault::Half]);
    let stage = Stage::new(Shape::OpenAi, 1, faults, Duration::ZERO);
    stage.job(1, 1, "attempts = 3\n");
    let ran = stage.finish(&["run", "job.toml", "--json"]).expect_code(5);
    assert_eq!(stage.log().len(), 3, "{ran:?}");
    assert_eq!(ran.summary()["requests"]["maybe_billed_twice"], 3);
    stage.audited();
}

#[test]
fn what_is_no_answer_is_never_kept() {
    let bad = [Fault::ErrorInside, Fault::Empty, Fault::Half, Fault::Html];
    let stage = Stage::new(Shape::OpenRouter, 5, Faults::evenly(0.25, &bad), Duration::ZERO);
    stage.job(120, 8, "");
    let ran = stage.finish(&["run", "job.toml", "--json"]);
    assert!([0, 5].contains(&ran.code), "{ran:?}");
    let good: Vec<u64> = stage
        .log()
        .iter()
        .filter(|line| line.answered == "ok")
        .map(|line| line.nonce)
        .collect();
    for row in stage.sandbox.rows("datasets/t/train.jsonl") {
        let text = row["steps"]["answer"]["text"].as_str().unwrap();
        let nonce: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(good.contains(&nonce), "{text}");
    }
    stage.audited();
}

#[test]
fn a_teacher_that_never_answers_costs_its_time_out_and_no_more() {
    for fault in [Fault::Never, Fault::Stall, Fault::DripSlowly] {
        let stage = Stage::new(Shape::OpenAi, 1, Faults::evenly(1.0, &[fault]), Duration::ZERO);
        stage.job(1, 1, "attempts = 1\n");
        let begun = Instant::now();
        let ran = stage.finish(&["run", "job.toml", "--json"]).expect_code(5);
        let took = begun.elapsed();
        assert!(
            took >= Duration::from_secs(3) && took < Duration::from_secs(6),
            "{fault:?}: {took:?} with a time-out of 3 s: {ran:?}"
        );
        stage.audited();
    }
}

#[test]
fn a_body_without_end_is_refused_as_too_large() {
    for fault in [Fault::Huge, Fault::Bomb] {
        let stage = Stage::new(Shape::OpenAi, 1, Faults::evenly(1.0, &[fault]), Duration::ZERO);
        stage.job(1, 1, "attempts = 1\n");
        let ran = stage.finish(&["run", "job.toml", "--json"]).expect_code(5);
        assert_eq!(ran.summary()["tasks"]["failed"], 1, "{fault:?}: {ran:?}");
        stage.audited();
    }
}

/// How many requests a good teacher had in the first seconds of a job, with that one beside it or alone.
fn beside(bad: Option<Fault>) -> u64 {
    let stage = Stage::new(Shape::OpenAi, 1, Faults::default(), Duration::from_millis(100));
    stage.job(4_000, 64, "");
    let log = tempfile::tempdir().unwrap();
    let faults = bad.map_or_else(Faults::default, |fault| Faults::evenly(1.0, &[fault]));
    let other = FaultyTeacher::start(2, faults, Duration::ZERO, &log.path().join("bought.jsonl"));
    let mut config = stage.sandbox.read("destiler.toml").replace(
        "timeout_seconds = 3\n",
        "timeout_seconds = 3\nlimits = { concurrency = 8 }\n",
    );
    if bad.is_some() {
        let second = config.replace("\"local\"", "\"other\"");
        let second = second.replace(&stage.teacher.url(Shape::OpenAi), &other.url(Shape::OpenAi));
        config.push_str(&second);
    }
    stage.sandbox.write("destiler.toml", &config);
    let mut child = stage
        .command(&["run", "job.toml", "--quiet"], "")
        .spawn()
        .unwrap();
    let seen = || stage.teacher.teacher.seen();
    wait_until("the first question came", || seen().requests > 8);
    let first = seen().requests;
    std::thread::sleep(Duration::from_secs(5));
    let answered = seen().requests - first;
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        bad.is_none() || other.teacher.seen().requests > 0,
        "nobody asked the other one"
    );
    answered
}

#[test]
fn a_teacher_that_never_answers_takes_nothing_from_the_others() {
    let mut alone = beside(None);
    for fault in [Fault::Never, Fault::Stall, Fault::DripSlowly] {
        // Whatever else the machine does in these seconds is no part of it: both are measured anew.
        let held = (0..3).any(|round| {
            if round > 0 {
                alone = beside(None);
            }
            let together = beside(Some(fault));
            println!("{fault:?}: {together} beside it, {alone} alone");
            // Ninety-five in a hundred are the promise; the rest is for a busy machine.
            together * 10 >= alone * 9
        });
        assert!(held, "{fault:?} takes from the others");
    }
}
