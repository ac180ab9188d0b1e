//! K7 and D5: many who want the same database at once, and surroundings that give little: few files, little memory, a slow disk.

use std::process::{Command, Stdio};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::auditor::CANARY;
use crate::faulty::{Faults, Shape};
use crate::sandbox::Ran;
use crate::stage::Stage;

/// Two start at once, so often; whoever runs is killed or may end. Never do both ask.
fn races(times: u64) {
    let stage = Stage::new(Shape::OpenAi, 7, Faults::default(), Duration::from_millis(20));
    stage.job(times * 30, 4, "");
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut refused = 0;
    for _ in 0..times {
        let mut two: Vec<_> = (0..2)
            .map(|_| {
                stage
                    .command(&["run", "job.toml", "--quiet"], "")
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap()
            })
            .collect();
        std::thread::sleep(Duration::from_millis(rng.random_range(100..900)));
        for child in &mut two {
            if let Some(status) = child.try_wait().unwrap() {
                // The other one has it, or it is all done.
                assert!([Some(10), Some(0)].contains(&status.code()), "{status:?}");
                refused += u64::from(status.code() == Some(10));
            } else {
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
    }
    let ran = stage.finish(&["run", "job.toml", "--json"]).expect_code(0);
    let summary = ran.summary();
    println!("{times} races, {refused} refused: {summary}");
    assert_eq!(summary["tasks"]["accepted"], times * 30, "{summary}");
    assert!(refused * 2 >= times, "only {refused} of {times} were refused");
    stage.audited();
}

#[test]
fn of_two_who_start_at_once_one_runs() {
    races(4);
}

#[test]
#[ignore = "takes minutes; run it by `just prove`"]
fn a_hundred_races_have_a_hundred_winners() {
    races(100);
}

/// Runs the job under a limit of the shell's.
fn limited(stage: &Stage, limit: &str, test: &str) -> Ran {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("{limit}; exec \"$0\" \"$@\""))
        .arg(env!("CARGO_BIN_EXE_destiler"))
        .args(["run", "job.toml", "--json"])
        .current_dir(stage.sandbox.path("."))
        .env_clear()
        .env("HOME", stage.sandbox.path("."))
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TEACHER_KEY", CANARY)
        .env("DESTILER_TEST", test);
    Ran::from(command.output().unwrap())
}

#[test]
fn few_files_little_memory_and_a_slow_disk_lose_nothing() {
    // 300 MiB of addresses: with what every thread reserves, that is little.
    let narrow = [
        ("ulimit -n 64", ""),
        ("ulimit -v 307200", ""),
        ("true", "fail=group.ready:1:delay-200"),
    ];
    for (limit, test) in narrow {
        let stage = Stage::new(Shape::OpenAi, 3, Faults::default(), Duration::from_millis(30));
        stage.job(120, 48, "");
        let mut ran = limited(&stage, limit, test);
        // Where there is too little even for the end it pauses and says so; with more it goes on from there.
        if limit.starts_with("ulimit -v") && ran.code != 0 {
            assert!(ran.stdout.contains("out of memory"), "{ran:?}");
            ran = stage.finish(&["run", "job.toml", "--json"]);
        }
        let summary = ran.expect_code(0).summary();
        assert_eq!(summary["tasks"]["accepted"], 120, "{limit} {test}: {summary}");
        assert_eq!(stage.log().len(), 120, "{limit} {test}: nothing is bought twice");
        stage.audited();
    }
}
