//! Answers that lack what the next step needs: the task becomes a rejected sample with everything that was paid for, and stays one
//! however often it is judged.

use std::time::Duration;

use serde_json::{Value, json};

use crate::assert_conserved;
use crate::sandbox::Sandbox;
use crate::teacher::{Reply, Teacher, completion};

const JOB: &str = r#"name = "t"
[seeds]
count = 9
[vary]
n = { integer = [1, 1000000000] }
[[steps]]
name = "plan"
capability = "chat"
prompt = "Plan {{ n }}"
max_tokens = 64
schema = { type = "object", properties = { goal = { type = "string" }, why = { type = "string" } } }
[[steps]]
name = "essay"
capability = "chat"
prompt = "Write about {{ plan.goal }} because {{ plan.why }}"
[[validators]]
kind = "structural"
[[validators]]
kind = "truncated"
[dataset]
format = "raw"
[limits]
concurrency = 1
"#;

/// Of three plans one is cut, one lacks what its schema leaves open, one is whole.
fn teacher() -> Teacher {
    Teacher::start(Duration::ZERO, false, |number, body| {
        if body.contains("Write about") {
            return Reply::text(&format!("essay {number}"));
        }
        let digits = body.split("Plan ").nth(1).unwrap_or_default();
        let n: u64 = digits
            .chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>()
            .parse()
            .unwrap();
        match n % 3 {
            0 => Reply::Http(
                200,
                String::new(),
                completion("{\"goal\": \"tides\", \"wh", "length"),
            ),
            1 => Reply::text(&json!({ "goal": "tides" }).to_string()),
            _ => Reply::text(&json!({ "goal": "tides", "why": "they turn" }).to_string()),
        }
    })
}

fn samples(sandbox: &Sandbox) -> Vec<Value> {
    let ran = sandbox.run(&["samples", "list", "--json"]).expect_code(0);
    ran.stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn verdicts(samples: &[Value]) -> Vec<Value> {
    samples.iter().map(|one| one["verdicts"].clone()).collect()
}

#[test]
fn a_step_that_cannot_be_asked_makes_a_rejected_sample_that_says_why() {
    let teacher = teacher();
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", JOB);
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_conserved(&summary);
    assert_eq!(summary["tasks"]["failed"], 0, "{summary}");
    let made = samples(&sandbox);
    assert_eq!(made.len(), 9);
    let of = |reason: &str| -> Vec<&Value> {
        let rejected = made.iter();
        rejected
            .filter(|one| one["verdicts"][0]["reason"] == reason)
            .collect()
    };
    let (cut, short) = (of("truncated"), of("schema"));
    assert!(!cut.is_empty() && !short.is_empty(), "{made:?}");
    let evidence = |one: &Value| one["verdicts"][0]["evidence"].as_str().unwrap().to_owned();
    for one in &cut {
        let said = evidence(one);
        assert!(
            said.contains("`plan` is cut") && said.contains("`essay` cannot be asked"),
            "{said}"
        );
        assert_eq!(
            one["steps"]["plan"]["text"], "{\"goal\": \"tides\", \"wh",
            "the raw text is kept"
        );
    }
    for one in &short {
        let said = evidence(one);
        assert!(
            said.contains("`essay` cannot be asked") && said.contains("plan.why"),
            "{said}"
        );
        assert_eq!(one["steps"].as_object().unwrap().len(), 1);
    }
    let asked = teacher.seen().requests;
    assert_eq!(asked as usize, 9 + made.len() - cut.len() - short.len());

    // Judged again, nothing changes and nobody is asked.
    let before = verdicts(&made);
    let ran = sandbox
        .run(&["jobs", "rejudge", "t", "--json", "--apply"])
        .expect_code(0);
    let again: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&again["changes"], &again["reworded"]),
        (&json!([]), &json!(0)),
        "{again}"
    );
    assert_eq!(verdicts(&samples(&sandbox)), before);

    // Nor where the template could do with these answers now: the step was never asked.
    sandbox.write(
        "job.toml",
        &JOB.replace("{{ plan.why }}", "{{ plan.why | default('of it') }}"),
    );
    sandbox
        .run(&["jobs", "edit", "t", "--file", "job.toml"])
        .expect_code(0);
    sandbox
        .run(&["jobs", "rejudge", "t", "--json", "--apply"])
        .expect_code(0);
    assert_eq!(verdicts(&samples(&sandbox)), before);
    assert_eq!(teacher.seen().requests, asked);
    sandbox.run(&["db", "check", "--deep"]).expect_code(0);
}

#[test]
fn a_variable_that_is_not_there_at_all_is_the_jobs_mistake_and_fails() {
    let teacher = teacher();
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("seeds.jsonl", "{\"n\": 2, \"topic\": \"tides\"}\n{\"n\": 5}\n");
    let job = JOB
        .replace("count = 9", "path = \"seeds.jsonl\"")
        .replace("[vary]\nn = { integer = [1, 1000000000] }\n", "")
        .replace("{{ plan.why }}", "{{ topic }}");
    sandbox.write("job.toml", &job);
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(5)
        .summary();
    assert_eq!(
        (&summary["tasks"]["accepted"], &summary["tasks"]["failed"]),
        (&json!(1), &json!(1)),
        "{summary}"
    );
}
