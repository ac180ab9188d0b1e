//! E2, E6 and E8: one layer of retries, no bad answer kept, and a teacher that never answers holds up nobody for longer than its
//! time-out.

use std::time::{Duration, Instant};

use crate::faulty::{Fault, Faults, Shape};
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
    let faults = Faults::evenly(1.0, &[Fault::Never]);
    let stage = Stage::new(Shape::OpenAi, 1, faults, Duration::ZERO);
    stage.job(1, 1, "attempts = 1\n");
    let begun = Instant::now();
    let ran = stage.finish(&["run", "job.toml", "--json"]).expect_code(5);
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_secs(3) && took < Duration::from_secs(6),
        "{took:?} with a time-out of 3 s: {ran:?}"
    );
    stage.audited();
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
