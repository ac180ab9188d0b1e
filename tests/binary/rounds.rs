//! Rounds of the real binary: planned from what was accepted, and gone on with after a kill.

use std::time::Duration;

use crate::assert_conserved;
use crate::sandbox::Sandbox;
use crate::teacher::{Reply, Teacher};

/// Rounds go on after a crash where they were: the same tasks, nothing asked twice.
#[test]
fn rounds_survive_a_kill() {
    let slow = Teacher::start(Duration::from_millis(15), true, |_, body| {
        Reply::text(if body.contains("same depth") {
            "{\"verdict\": \"not equal\"}"
        } else {
            "{\"instruction\": \"one more thing\", \"input\": \"\"}"
        })
    });
    let sandbox = Sandbox::with_teacher(&slow.url());
    let job = "name = \"r\"\n[seeds]\ncount = 12\n[rounds]\ncount = 4\nfeed = { n = \"n\", text = \"answer\" }\n[vary]\nn = { integer = [1, 1000000000] }\n\
               [[steps]]\nname = \"answer\"\nprompt = \"{{ n }} {{ round }} {{ text | default('') }}\"\n[limits]\nconcurrency = 2\n[dataset]\nformat = \"raw\"\n";
    sandbox.write("job.toml", job);
    for wait in [150, 250, 350] {
        let mut child = sandbox.start(&["run", "job.toml"]);
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_conserved(&summary);
    assert_eq!(summary["tasks"]["planned"], 48, "{summary}");
    assert_eq!(summary["samples"]["accepted"], 48);
    let lost = summary["requests"]["maybe_billed_twice"].as_u64().unwrap();
    assert!(slow.seen().requests <= 48 + lost, "{summary}");
    let rows = sandbox.rows("datasets/r/data.jsonl");
    let tasks: Vec<u64> = rows.iter().map(|row| row["task"].as_u64().unwrap()).collect();
    let wanted: Vec<u64> = (0..4)
        .flat_map(|round| (0..12).map(move |n| round * 1_000_000_000 + n))
        .collect();
    assert_eq!(tasks, wanted);
    for (at, row) in rows.iter().enumerate().skip(12) {
        assert_eq!(row["seed"]["parent"], rows[at - 12]["id"]);
        assert_eq!(row["seed"]["n"], rows[at - 12]["vary"]["n"]);
    }
}
