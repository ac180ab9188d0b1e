//! A damaged database on the command line: what `db backup --salvage` saves, what it tells, and its exit codes.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::job;
use crate::sandbox::Sandbox;
use crate::teacher::{Reply, Teacher};

#[test]
fn what_is_readable_of_a_damaged_database_is_saved_and_told() {
    let teacher = Teacher::start(Duration::ZERO, false, |number, _| {
        Reply::text(&format!("answer {number} {}", "word ".repeat(200)))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(200, 8, ""));
    sandbox.run(&["run", "job.toml"]).expect_code(0);
    let whole = sandbox
        .run(&["db", "backup", "--salvage", "whole.db", "--json"])
        .expect_code(0);
    let told: Value = serde_json::from_str(&whole.stdout).unwrap();
    let of = |told: &Value, name: &str| {
        let tables = told["tables"].as_array().unwrap().clone();
        tables.into_iter().find(|table| table["name"] == name).unwrap()
    };
    assert_eq!(
        (&of(&told, "samples")["read"], &of(&told, "samples")["lost"]),
        (&200.into(), &0.into())
    );

    let info = sandbox.run(&["db", "info", "--json"]).expect_code(0);
    let info: Value = serde_json::from_str(&info.stdout).unwrap();
    let path = info["path"].as_str().unwrap();
    // The pages that hold the answers to some questions.
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 5 * 4096].fill(0xff);
    fs::write(path, &bytes).unwrap();
    let ran = sandbox
        .run(&["db", "backup", "--salvage", "saved.db"])
        .expect_code(7);
    assert!(
        ran.stdout.contains("lost") && ran.stderr.contains("the damaged file is as it was"),
        "{ran:?}"
    );
    assert_eq!(fs::read(path).unwrap(), bytes);
    let again = sandbox
        .run(&["db", "backup", "--salvage", "saved.db"])
        .expect_code(1);
    assert!(again.stderr.contains("exists already"), "{again:?}");

    // It takes the damaged one's place, and the job comes to its end with what it had.
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{path}{end}"));
    }
    fs::rename(sandbox.path("saved.db"), path).unwrap();
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(summary["tasks"]["accepted"], 200, "{summary}");
    sandbox.run(&["db", "check", "--deep"]).expect_code(0);

    fs::write(path, &bytes[4096..]).unwrap();
    let none = sandbox
        .run(&["db", "backup", "--salvage", "none.db"])
        .expect_code(3);
    assert!(none.stderr.contains("nothing can be read"), "{none:?}");
}
