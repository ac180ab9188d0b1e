//! K1 and K6: `kill -9` at random moments, in any phase, under a teacher that goes wrong; then nothing is lost, nothing doubled, and
//! what may have been paid twice is shown.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::faulty::{Fault, Faults, Shape};
use crate::stage::Stage;

/// Kills runs of the job until it is done or was killed so often. Says how often, and the longest time to a first new request.
fn kill_often(stage: &Stage, rng: &mut ChaCha8Rng, kills: u32) -> (u32, Duration) {
    let (mut done, mut slowest) = (0, Duration::ZERO);
    while done < kills {
        // One in ten before it has done anything.
        let longest = if rng.random_bool(0.1) { 60 } else { 2000 };
        let life = Duration::from_millis(rng.random_range(20..=longest));
        let asked = stage.teacher.teacher.seen().requests;
        let born = Instant::now();
        let mut child = stage
            .command(&["run", "job.toml", "--quiet"], "")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut first = None;
        while born.elapsed() < life {
            std::thread::sleep(Duration::from_millis(5).min(life));
            if first.is_none() && stage.teacher.teacher.seen().requests > asked {
                first = Some(born.elapsed());
            }
        }
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        slowest = slowest.max(first.unwrap_or_default());
        done += 1;
    }
    (done, slowest)
}

fn killed_job(tasks: u64, in_flight: u32, latency: u64, kills: u32) {
    let faults = Faults::evenly(0.2, &Fault::HEALING);
    let stage = Stage::new(Shape::OpenAi, 11, faults, Duration::from_millis(latency));
    stage.job(tasks, in_flight, "");
    let mut rng = ChaCha8Rng::seed_from_u64(2026);
    let begun = Instant::now();
    let (killed, slowest) = kill_often(&stage, &mut rng, kills);
    let ran = stage.finish(&["run", "job.toml", "--json"]);
    assert!([0, 5].contains(&ran.code), "{ran:?}");
    let summary = ran.summary();
    println!(
        "{killed} kills in {:.1?}, first new request after {slowest:.2?} at most, {} requests for {tasks} tasks: {summary}",
        begun.elapsed(),
        stage.log().len()
    );
    let tasks_of = |state: &str| summary["tasks"][state].as_u64().unwrap();
    assert_eq!(tasks_of("accepted") + tasks_of("failed"), tasks, "{summary}");
    assert!(tasks_of("failed") <= tasks / 50, "{summary}");
    let mut rows = stage.sandbox.rows("datasets/t/train.jsonl");
    rows.extend(stage.sandbox.rows("datasets/t/valid.jsonl"));
    let mut kept: Vec<u64> = rows.iter().map(|row| row["task"].as_u64().unwrap()).collect();
    kept.sort_unstable();
    kept.dedup();
    assert_eq!(
        kept.len() as u64,
        tasks_of("accepted"),
        "a row is doubled or lost"
    );
    assert_eq!(kept.len(), rows.len(), "a row is doubled");
    stage.audited();
    assert!(
        killed >= kills * 3 / 4,
        "only {killed} kills: the job was over too soon"
    );
}

#[test]
fn twenty_random_kills_lose_and_double_nothing() {
    killed_job(1_500, 8, 60, 20);
}

#[test]
#[ignore = "takes minutes; run it by `just prove`"]
fn two_hundred_random_kills_of_twenty_thousand_tasks() {
    killed_job(20_000, 32, 240, 200);
}

#[test]
fn the_same_job_again_and_again_buys_nothing_twice() {
    let stage = Stage::new(Shape::OpenAi, 3, Faults::default(), Duration::from_millis(30));
    stage.job(60, 4, "");
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..3 {
        kill_often(&stage, &mut rng, 1);
    }
    stage.finish(&["run", "job.toml"]).expect_code(0);
    let bought = stage.log().len();
    let dataset = stage.sandbox.read("datasets/t/train.jsonl");
    for _ in 0..3 {
        stage.finish(&["run", "job.toml"]).expect_code(0);
    }
    assert_eq!(stage.log().len(), bought, "a finished job asked again");
    assert_eq!(stage.sandbox.read("datasets/t/train.jsonl"), dataset);
    let directories = std::fs::read_dir(stage.sandbox.path("datasets")).unwrap().count();
    assert_eq!(directories, 1, "a second dataset");
    stage.audited();
}
