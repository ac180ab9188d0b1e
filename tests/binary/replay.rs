//! A run of a real server (llama.cpp with a model of 135 million parameters, asked over two wires), recorded and committed with the
//! dataset it made: it must come out byte for byte on every machine, with no network at all.

use std::path::Path;

use crate::assert_conserved;
use crate::sandbox::Sandbox;

const CONFIG: &str = "\
[[providers]]
name = \"llama\"
kind = \"replay\"
cassette = \"run.cassette\"
models = [{ id = \"smollm2-135m\", capabilities = [\"chat\", \"judge\"], weight = 3.0 }]
[[providers]]
name = \"claude\"
kind = \"replay\"
cassette = \"run.cassette\"
models = [{ id = \"smollm2-135m\", capabilities = [\"chat\"] }]
";

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/cassette")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

fn replaying() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("destiler.toml", CONFIG);
    for name in ["job.toml", "run.cassette"] {
        sandbox.write(name, &fixture(name));
    }
    sandbox
}

#[test]
fn a_recorded_run_of_a_real_server_comes_out_byte_for_byte() {
    let sandbox = replaying();
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_conserved(&summary);
    assert_eq!(summary["tasks"]["planned"], 12, "{summary}");
    assert_eq!(
        summary["requests"]["sent"].as_u64().unwrap(),
        fixture("run.cassette").lines().count() as u64 - 1,
        "every recorded exchange is asked for once: {summary}"
    );
    for file in ["train.jsonl", "valid.jsonl"] {
        assert_eq!(
            sandbox.read(&format!("datasets/cassette/{file}")),
            fixture(&format!("expected/{file}")),
            "{file}"
        );
    }
    sandbox.run(&["verify", "datasets/cassette"]).expect_code(0);
    let samples = sandbox.run(&["samples", "list", "job:cassette"]).expect_code(0);
    assert_eq!(
        samples.stdout,
        fixture("expected/samples.jsonl"),
        "what was rejected or waits is the same, too"
    );

    let again = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(again, summary, "a completed, unchanged job is a no-op");
}

#[test]
fn a_changed_question_is_not_in_the_cassette_and_says_so() {
    let sandbox = replaying();
    let changed = fixture("job.toml").replace("Write a card", "Make a card");
    sandbox.write("job.toml", &changed);
    let ran = sandbox.run(&["run", "job.toml", "--json"]).expect_code(3);
    let summary = ran.summary();
    assert_eq!(
        summary["state"], "paused",
        "nothing can be right with these settings: {summary}"
    );
    assert!(
        summary["reason"]
            .as_str()
            .unwrap()
            .contains("no recording of this request"),
        "{summary}"
    );
    let failed = summary["tasks"]["failed"].as_u64().unwrap();
    assert!(
        (1..=12).contains(&failed),
        "those that asked before the provider was paused: {summary}"
    );
}
