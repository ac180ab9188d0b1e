//! The bundled recipes whose samples have parts of their own: documents, calls, pairs from logs, dialogues and topic trees.

use std::time::Duration;

use serde_json::{Value, json};

use crate::recipes::{accepted, run, said, samples};
use crate::sandbox::Sandbox;
use crate::teacher::{Reply, Teacher};

#[test]
fn document_questions_pass_faithfulness_and_relevancy() {
    let sandbox = Sandbox::new();
    let summary = run(&sandbox, "document-qa", &[]);
    assert_eq!(summary["tasks"]["planned"], 48, "{summary}");
    let reasons: Vec<String> = samples(&sandbox, "document-qa").iter().map(said).collect();
    for gate in ["faithfulness", "relevancy", "needs the text", "accepted"] {
        assert!(
            reasons.iter().any(|said| said.contains(gate)),
            "no {gate} among {reasons:?}"
        );
    }
}

#[test]
fn function_calls_pass_three_gates() {
    let teacher = Teacher::start(Duration::ZERO, true, |number, body| {
        if body.contains("Do these calls fulfil") {
            assert!(
                !body.contains("never was") && !body.contains("invented"),
                "nothing is paid for what the schemas reject"
            );
            let score = u8::from(!body.contains("wrongly"));
            return Reply::text(&json!({"reasoning": "t", "score": score}).to_string());
        }
        let call = |query: &str, name: &str, arguments: Value| {
            Reply::text(&json!({"query": format!("{query} {number}"), "answers": [{"name": name, "arguments": arguments}]}).to_string())
        };
        let dates = |start: &str| json!({"start": start, "end": "2026-02-01"});
        match number % 6 {
            0 => call(
                "how many days until then, counted properly",
                "days_between",
                dates("2026-01-01"),
            ),
            1 => call("an unknown function, invented", "day_count", dates("2026-01-01")),
            2 => call(
                "an argument is forgotten here",
                "days_between",
                json!({"start": "2026-01-01"}),
            ),
            3 => call(
                "a date that never was is asked for",
                "days_between",
                dates("2026-13-77"),
            ),
            // Only a program that carries it out finds this one.
            4 => call(
                "a date of which the month has too few days",
                "days_between",
                dates("2026-02-31"),
            ),
            _ => call(
                "wrongly understood request of somebody",
                "days_between",
                dates("2026-01-01"),
            ),
        }
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let config = sandbox.read("destiler.toml");
    sandbox.write(
        "destiler.toml",
        &config.replace("[\"chat\"]", "[\"chat\", \"judge\"]"),
    );
    let root = env!("CARGO_MANIFEST_DIR");
    let recipe = std::fs::read_to_string(format!("{root}/jobs/function-calls.toml")).unwrap();
    let tools = std::fs::read_to_string(format!("{root}/jobs/seeds/tools.jsonl")).unwrap();
    let days = tools.lines().nth(1).unwrap();
    sandbox.write("jobs/seeds/tools.jsonl", &format!("{days}\n").repeat(5));
    sandbox.write(
        "plugins/run_calls.py",
        &std::fs::read_to_string(format!("{root}/plugins/run_calls.py")).unwrap(),
    );
    let switched_on = recipe
        .replace(
            "# [[validators]]\n# kind = \"script\"\n# command",
            "[[validators]]\nkind = \"script\"\ncommand",
        )
        .replace("threshold = 0.8", "threshold = 1.0");
    assert_ne!(recipe, switched_on);
    sandbox.write("jobs/calls.toml", &switched_on);
    let summary = run(&sandbox, "jobs/calls.toml", &["--concurrency", "1"]);
    assert!(accepted(&summary) >= 1, "{summary}");
    let reasons: Vec<String> = samples(&sandbox, "function-calls").iter().map(said).collect();
    let calls = [
        "no function is called `day_count`",
        "\"end\" is a required",
        "2026-13-77",
    ];
    for gate in calls.into_iter().chain(["script", "judge", "accepted"]) {
        assert!(
            reasons.iter().any(|said| said.contains(gate)),
            "no {gate} among {reasons:?}"
        );
    }
    let row = sandbox.rows("datasets/function-calls/data.jsonl").remove(0);
    assert_eq!(row["tools"][0]["function"]["name"], "days_between");
    let said = &row["messages"][1];
    assert_eq!(
        said["tool_calls"][0]["function"]["name"], "days_between",
        "{said}"
    );
    assert_eq!(said.get("content"), None, "calls are made, and not said: {said}");
    sandbox
        .run(&["lint", "function-calls", "--for", "trl"])
        .expect_code(0);
}

#[test]
fn golden_pairs_ask_nobody_for_an_answer() {
    let teacher = Teacher::start(Duration::ZERO, true, |_, body| {
        assert!(
            body.contains("Grade the material"),
            "only the judge is asked: {body}"
        );
        Reply::text("{\"reasoning\": \"fine\", \"score\": 4}")
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let config = sandbox.read("destiler.toml");
    sandbox.write("destiler.toml", &config.replace("[\"chat\"]", "[\"judge\"]"));
    let summary = run(&sandbox, "golden-pairs", &["--concurrency", "1"]);
    assert_eq!(
        (summary["tasks"]["planned"].as_u64(), accepted(&summary)),
        (Some(12), 8),
        "{summary}"
    );
    // Two equal rows may be on their way at once; the ledger finds them equal in the end.
    assert!(
        (8..=9).contains(&teacher.seen().requests),
        "only what passed the free gates was judged"
    );
    let rows = sandbox.rows("datasets/golden-pairs/data.jsonl");
    let longest = rows
        .iter()
        .map(|row| row["messages"].as_array().unwrap().len())
        .max();
    assert_eq!(longest, Some(5), "system, user, assistant, user, assistant");
    assert!(rows.iter().all(|row| row["messages"][0]["role"] == "system"));
}

#[test]
fn dialogues_are_asked_and_written_as_conversations() {
    let teacher = Teacher::start(Duration::ZERO, true, |number, body| {
        let roles = body.matches("\"role\"").count();
        Reply::text(&format!("number {number} of {roles} turns"))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let summary = run(&sandbox, "dialogues", &["--limit", "4", "--concurrency", "1"]);
    assert!(accepted(&summary) >= 1, "{summary}");
    for row in sandbox.rows("datasets/dialogues/data.jsonl") {
        let messages = row["messages"].as_array().unwrap();
        let roles: Vec<&str> = messages
            .iter()
            .map(|message| message["role"].as_str().unwrap())
            .collect();
        assert_eq!(
            roles,
            ["user", "assistant", "user", "assistant", "user", "assistant"]
        );
        let text = |at: usize| messages[at]["content"].as_str().unwrap();
        assert!(
            text(1).ends_with("of 1 turns")
                && text(3).ends_with("of 3 turns")
                && text(5).ends_with("of 5 turns")
        );
    }
}

#[test]
fn a_topic_tree_feeds_its_own_rounds_and_another_job() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["run", "topic-answers"]).expect_code(3);
    assert!(
        ran.stderr.contains("there is no job `topic-tree`"),
        "{}",
        ran.stderr
    );
    let summary = run(&sandbox, "topic-tree", &[]);
    let planned = summary["tasks"]["planned"].as_u64().unwrap();
    assert!(planned > 3 + 9 + 27, "{summary}");
    let made = samples(&sandbox, "topic-tree");
    for sample in made.iter().filter(|sample| sample["vary"]["round"] == 1) {
        let parent = made
            .iter()
            .find(|other| other["id"] == sample["seed"]["parent"])
            .unwrap();
        let topics = parent["steps"]["branch"]["value"]["topics"].as_array().unwrap();
        let element = (sample["task"].as_u64().unwrap() % 100) as usize;
        assert_eq!(
            sample["seed"]["topic"], topics[element],
            "a task's number tells its place below its parent"
        );
        assert_eq!(sample["seed"]["above"], parent["seed"]["topic"]);
    }
    let answers = run(&sandbox, "topic-answers", &[]);
    assert_eq!(answers["tasks"]["planned"], 120, "{answers}");
    assert!(accepted(&answers) > 20, "{answers}");
    let one = samples(&sandbox, "topic-answers").remove(0);
    assert!(made.iter().any(|sample| sample["id"] == one["seed"]["parent"]));
}
