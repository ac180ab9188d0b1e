//! P9: one bad item among many. Whether it ends the whole process or only a program beside it, it is the only one that is lost.

use std::time::Duration;

use serde_json::Value;

use crate::faulty::{Faults, Shape};
use crate::stage::{Ended, Stage};

/// A teacher that kills whoever started it when it is asked question 17.
const POISON: &str = r#"import json, os, signal, sys
print(json.dumps({"hello": 1}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    question = request["messages"][-1]["content"]
    if question == "Question 17":
        os.kill(os.getppid(), signal.SIGKILL)
        sys.exit(1)
    reply = {"id": request["id"], "text": "An answer to " + question, "usage": {"input": 1, "output": 1}}
    print(json.dumps(reply), flush=True)
"#;

/// A validator that dies of the answer to question 17.
const TOUCHY: &str = r#"import json, os, sys
print(json.dumps({"hello": 1}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if "\"q\": 17" in json.dumps(request["sample"]):
        os._exit(9)
    print(json.dumps({"id": request["id"], "verdict": "accept"}), flush=True)
"#;

#[test]
fn a_task_that_kills_the_process_is_quarantined_and_no_other() {
    let stage = Stage::new(Shape::OpenAi, 1, Faults::default(), Duration::ZERO);
    stage.sandbox.write("poison.py", POISON);
    stage.sandbox.write(
        "destiler.toml",
        "[[providers]]\nname = \"local\"\nkind = \"script\"\ncommand = [\"python3\", \"poison.py\"]\nworkers = 4\n\
         [[providers.models]]\nid = \"m\"\ncapabilities = [\"chat\"]\nprice = { input = 1.0, output = 1.0 }\n",
    );
    stage.job(120, 4, "");
    let mut deaths = 0;
    let ran = loop {
        match stage.run(&["run", "job.toml", "--json"], "") {
            Ended::Alone(ran) => break ran,
            Ended::Killed => deaths += 1,
        }
        assert!(deaths <= 6, "it is never found");
    };
    let summary = ran.expect_code(5).summary();
    let tasks = &summary["tasks"];
    assert_eq!(
        (&tasks["accepted"], &tasks["failed"]),
        (&119.into(), &1.into()),
        "{summary}"
    );
    assert!(deaths >= 1, "nothing died");
    let kept = rows(&stage);
    assert!(!kept.contains(&17) && kept.len() == 119, "{kept:?}");
    let shown = stage.finish(&["jobs", "show", "t"]).expect_code(0);
    assert!(shown.stdout.contains("quarantined"), "{}", shown.stdout);
    stage.finish(&["db", "check", "--deep"]).expect_code(0);
}

#[test]
fn a_sample_that_kills_its_validator_is_the_only_one_that_is_not_accepted() {
    let stage = Stage::new(Shape::OpenAi, 1, Faults::default(), Duration::ZERO);
    stage.sandbox.write("touchy.py", TOUCHY);
    stage.job(
        60,
        4,
        "[[validators]]\nkind = \"script\"\ncommand = [\"python3\", \"touchy.py\"]\n",
    );
    let ran = stage.finish(&["run", "job.toml", "--json"]);
    let summary = ran.summary();
    let kept = rows(&stage);
    assert!(!kept.contains(&17) && kept.len() == 59, "{summary}");
    let others: u64 = ["rejected", "failed", "pending"]
        .map(|state| summary["tasks"][state].as_u64().unwrap())
        .iter()
        .sum();
    assert_eq!(others, 1, "{summary}");
    stage.audited();
}

/// The tasks in the dataset.
fn rows(stage: &Stage) -> Vec<u64> {
    let files = ["datasets/t/train.jsonl", "datasets/t/valid.jsonl"];
    let rows = files.iter().flat_map(|file| stage.sandbox.rows(file));
    rows.map(|row: Value| row["task"].as_u64().unwrap()).collect()
}
