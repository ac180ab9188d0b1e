//! Verdicts made again from what is stored: what changes, what stays, and that nobody is asked.

use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::teacher::{Reply, Teacher};
use crate::{assert_conserved, job};

/// Answers of different length: the n-th has n words. A judge scores by the number of requests.
fn teacher() -> Teacher {
    Teacher::start(Duration::ZERO, true, |number, body| {
        if body.contains("You grade training data") {
            return Reply::text(&json!({"reasoning": "so", "score": 1 + number % 5}).to_string());
        }
        let words: Vec<String> = (0..number).map(|word| format!("word{number}x{word}")).collect();
        Reply::text(&words.join(" "))
    })
}

fn length(most: u64) -> String {
    job(
        20,
        1,
        &format!("[[validators]]\nkind = \"dedup\"\n[[validators]]\nkind = \"length\"\nmax_words = {most}\n"),
    )
}

fn rejudge(sandbox: &Sandbox, apply: bool) -> Value {
    let mut words = vec!["jobs", "rejudge", "t", "--json"];
    words.extend(apply.then_some("--apply"));
    let ran = sandbox.run(&words).expect_code(0);
    serde_json::from_str(&ran.stdout).unwrap()
}

fn revise(sandbox: &Sandbox, text: &str) {
    sandbox.write("changed.toml", text);
    sandbox
        .run(&["jobs", "edit", "t", "--file", "changed.toml"])
        .expect_code(0);
}

#[test]
fn a_changed_rule_is_shown_first_and_then_applied_without_a_request() {
    let teacher = teacher();
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &length(10));
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(
        summary["samples"],
        json!({"accepted": 10, "rejected": 10, "needs_review": 0})
    );
    let asked = teacher.seen().requests;

    let nothing = rejudge(&sandbox, false);
    assert_eq!(
        (&nothing["samples"], &nothing["changes"]),
        (&json!(20), &json!([]))
    );
    assert_eq!(nothing["reworded"], 0, "{nothing}");

    // Somebody rejects one by hand: that stays whatever validators say.
    let listed = sandbox
        .run(&["samples", "list", "state:accepted", "--json"])
        .expect_code(0);
    let first: Value = serde_json::from_str(listed.stdout.lines().next().unwrap()).unwrap();
    sandbox
        .run(&["samples", "reject", first["id"].as_str().unwrap()])
        .expect_code(0);

    revise(&sandbox, &length(15));
    let shown = rejudge(&sandbox, false);
    assert_eq!(shown["applied"], false);
    assert_eq!(shown["by_hand"], 1);
    let changes = shown["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{shown}");
    assert_eq!(
        (
            &changes[0]["from_reason"],
            &changes[0]["to"],
            &changes[0]["count"]
        ),
        (&json!("length"), &json!("accepted"), &json!(5))
    );
    assert_eq!(
        sandbox.rows("datasets/t/data.jsonl").len(),
        9,
        "shown, not applied"
    );

    let applied = rejudge(&sandbox, true);
    assert_eq!(
        (&applied["applied"], &applied["changes"]),
        (&json!(true), &shown["changes"])
    );
    assert_eq!(sandbox.rows("datasets/t/data.jsonl").len(), 14);
    sandbox.run(&["verify", "datasets/t"]).expect_code(0);

    revise(&sandbox, &length(3));
    let stricter = rejudge(&sandbox, true);
    let counts: u64 = stricter["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["count"].as_u64().unwrap())
        .sum();
    assert!((11..=12).contains(&counts), "{stricter}");
    sandbox.run(&["db", "check", "--deep"]).expect_code(0);
    sandbox.run(&["verify", "datasets/t"]).expect_code(0);
    let text = sandbox.run(&["jobs", "rejudge", "t"]).expect_code(0);
    assert!(
        text.stderr.contains("0 of 20 samples would change; 0 requests"),
        "{}",
        text.stderr
    );
    assert_eq!(teacher.seen().requests, asked, "nobody was asked");
}

#[test]
fn a_judges_stored_score_is_used_again_and_a_new_question_is_only_counted() {
    let judged = |rubric: &str, accept_at: u32| {
        job(
            10,
            1,
            &format!(
                "[[validators]]\nkind = \"judge\"\ncapability = \"chat\"\nrubric = \"{rubric}\"\naccept_at = {accept_at}\n\
                 [[validators]]\nkind = \"judge\"\ncapability = \"chat\"\nrubric = \"Second\"\naccept_at = 1\n"
            ),
        )
    };
    let teacher = teacher();
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &judged("Is it good?", 1));
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_conserved(&summary);
    assert_eq!(summary["samples"]["accepted"], 10);
    let asked = teacher.seen().requests;
    assert_eq!(asked, 30, "a step and two judges");

    revise(&sandbox, &judged("Is it good?", 4));
    let shown = rejudge(&sandbox, true);
    assert_eq!(
        (&shown["not_rejudged"], &shown["applied"]),
        (&json!(0), &json!(true))
    );
    let rejected = shown["changes"][0]["count"].as_u64().unwrap();
    assert_eq!(shown["changes"][0]["to_reason"], "judge", "{shown}");
    assert!((1..10).contains(&rejected), "{shown}");

    revise(&sandbox, &judged("Is it excellent?", 4));
    let other = rejudge(&sandbox, true);
    assert_eq!(
        (
            &other["not_rejudged"],
            &other["requests_needed"],
            &other["changes"]
        ),
        (&json!(10), &json!(10), &json!([]))
    );
    sandbox.run(&["db", "check", "--deep"]).expect_code(0);
    assert_eq!(teacher.seen().requests, asked);
}
