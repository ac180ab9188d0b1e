//! Running jobs to their end: the demo, routing, re-asks, failover, record and replay, what reaches the dataset.

use std::io::Read;
use std::time::Duration;

use crate::sandbox::{Sandbox, exists};
use crate::teacher::{Reply, Teacher, completion};
use crate::{assert_conserved, job};

#[test]
fn the_quickstart_runs_without_key_server_or_config() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["run", "quickstart", "--json"]).expect_code(0);
    let summary = ran.summary();
    assert_conserved(&summary);
    assert_eq!(summary["state"], "completed");
    assert!(
        summary["samples"]["accepted"].as_u64().unwrap() >= 100,
        "{summary}"
    );
    let dataset = summary["dataset"].as_str().unwrap();
    sandbox.run(&["verify", dataset]).expect_code(0);
    let again = sandbox
        .run(&["run", "quickstart", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(
        again["requests"], summary["requests"],
        "a completed job asked again"
    );
}

#[test]
fn a_job_that_has_ended_can_be_deleted_and_its_files_stay() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["run", "quickstart", "--json"]).expect_code(0);
    let dataset = ran.summary()["dataset"].as_str().unwrap().to_owned();
    sandbox
        .run(&["jobs", "delete", "quickstart", "--yes"])
        .expect_code(0);
    let listed = sandbox.run(&["jobs", "list", "--json"]).expect_code(0);
    assert!(!listed.stdout.contains("quickstart"), "{}", listed.stdout);
    sandbox.run(&["verify", &dataset]).expect_code(0);
}

#[test]
fn a_fresh_machine_is_left_untouched_by_commands_that_only_read() {
    let sandbox = Sandbox::new();
    for words in [
        &["jobs", "list"][..],
        &["providers", "list"],
        &["check", "quickstart"],
        &["config", "path"],
        &["--help"],
    ] {
        sandbox.run(words).expect_code(0);
    }
    let left: Vec<_> = std::fs::read_dir(sandbox.path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn every_task_is_asked_once_and_every_answer_is_in_the_dataset() {
    let teacher = Teacher::start(Duration::ZERO, true, |number, _| {
        Reply::text(&format!("answer {number}"))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(300, 16, ""));
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_conserved(&summary);
    let seen = teacher.seen();
    assert_eq!(seen.requests, 300);
    assert!(seen.most_at_once <= 16);
    assert_eq!(summary["requests"]["sent"], 300);
    assert_eq!(
        summary["tokens"],
        serde_json::json!({"input": 14 * 300, "output": 34 * 300})
    );
    // 48 tokens at 1 $ per million are 48 micro-dollars.
    assert!(
        (summary["usd"].as_f64().unwrap() - 300.0 * 48e-6).abs() < 1e-9,
        "{summary}"
    );
    let rows = sandbox.rows("datasets/t/data.jsonl");
    let mut texts: Vec<&str> = rows
        .iter()
        .map(|row| row["steps"]["answer"]["text"].as_str().unwrap())
        .collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), 300);
    let tasks: Vec<u64> = rows.iter().map(|row| row["task"].as_u64().unwrap()).collect();
    assert!(tasks.is_sorted(), "the finished dataset is in plan order");
}

#[test]
fn an_invalid_answer_is_asked_again_with_its_error() {
    let teacher = Teacher::start(Duration::ZERO, true, |_, body| {
        Reply::text(if body.contains("does not satisfy") {
            "{\"n\": 4}"
        } else {
            "{\"n\": \"four\"}"
        })
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let schema =
        "schema = { type = \"object\", required = [\"n\"], properties = { n = { type = \"integer\" } } }\n";
    let text = job(5, 2, "[[validators]]\nkind = \"structural\"\n").replace(
        "max_tokens = 64\n",
        &format!("{schema}on_invalid = {{ reask = 1 }}\n"),
    );
    sandbox.write("job.toml", &text);
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(summary["samples"]["accepted"], 5, "{summary}");
    let bodies = teacher.seen().bodies;
    assert_eq!(bodies.len(), 10);
    assert!(
        bodies
            .iter()
            .filter(|body| body.contains("four") && body.contains("does not satisfy"))
            .count()
            == 5
    );
}

#[test]
fn later_steps_see_earlier_answers_and_candidates_become_samples() {
    let teacher = Teacher::start(Duration::ZERO, true, |number, body| {
        Reply::text(&if body.contains("Improve") {
            format!("better {number}")
        } else {
            format!("draft {number}")
        })
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let text = job(4, 8, "").replace("max_tokens = 64\n", "candidates = 3\n[[steps]]\nname = \"final\"\ncapability = \"chat\"\nprompt = \"Improve: {{ answer }}\"\n");
    sandbox.write("job.toml", &text);
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(
        (&summary["tasks"]["accepted"], &summary["samples"]["accepted"]),
        (&4.into(), &12.into()),
        "{summary}"
    );
    assert_eq!(teacher.seen().requests, 24);
    for row in sandbox.rows("datasets/t/data.jsonl") {
        let draft = row["steps"]["answer"]["text"].as_str().unwrap();
        let asked = teacher
            .seen()
            .bodies
            .iter()
            .any(|body| body.contains(&format!("Improve: {draft}\"")));
        assert!(asked, "{draft} was not shown to the later step");
    }
}

#[test]
fn the_next_teacher_is_asked_when_one_refuses_for_good() {
    let refusing = Teacher::start(Duration::ZERO, true, |_, _| {
        Reply::Http(400, String::new(), r#"{"error":{"message":"context length","type":"invalid_request_error","code":"context_length_exceeded"}}"#.to_owned())
    });
    let good = Teacher::start(Duration::ZERO, true, |number, _| {
        Reply::text(&format!("answer {number}"))
    });
    let sandbox = Sandbox::with_teacher(&refusing.url());
    let config = sandbox.read("destiler.toml");
    let second = config
        .replace("local", "other")
        .replace(&refusing.url(), &good.url());
    sandbox.write("destiler.toml", &format!("{config}{second}"));
    sandbox.write("job.toml", &job(40, 4, ""));
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(summary["samples"]["accepted"], 40, "{summary}");
    assert_eq!(good.seen().requests, 40);
}

#[test]
fn exact_duplicates_are_rejected_with_the_first_ones_id() {
    let teacher = Teacher::start(Duration::ZERO, false, |number, _| {
        Reply::text(&format!("answer {}", number % 10))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write(
        "job.toml",
        &job(
            100,
            32,
            "[[validators]]\nkind = \"dedup\"\nfields = [\"answer\"]\n",
        ),
    );
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(
        (&summary["samples"]["accepted"], &summary["samples"]["rejected"]),
        (&10.into(), &90.into()),
        "{summary}"
    );
    let listed = sandbox
        .run(&["samples", "list", "reason:exact_duplicate"])
        .expect_code(0);
    assert_eq!(listed.stdout.lines().count(), 90);
    let accepted: Vec<String> = sandbox
        .rows("datasets/t/data.jsonl")
        .iter()
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect();
    let row: serde_json::Value = serde_json::from_str(listed.stdout.lines().next().unwrap()).unwrap();
    let evidence = row["verdicts"].as_array().unwrap().last().unwrap()["evidence"]
        .as_str()
        .unwrap();
    assert!(
        accepted.iter().any(|id| evidence.contains(id.as_str())),
        "{evidence}"
    );
}

#[test]
fn a_recorded_run_replays_byte_for_byte_without_the_teacher() {
    let teacher = Teacher::start(Duration::from_millis(2), false, |number, _| {
        Reply::text(&format!("the answer is number {}", number % 37))
    });
    let recording = Sandbox::with_teacher(&teacher.url());
    let text = job(
        120,
        16,
        "[[validators]]\nkind = \"semantic_dedup\"\nfield = \"answer\"\nthreshold = 0.8\n[[validators]]\nkind = \"dedup\"\nfields = [\"answer\"]\n",
    );
    recording.write("job.toml", &text);
    recording
        .run(&["run", "job.toml", "--record", "tape.jsonl"])
        .expect_code(0);
    drop(teacher);
    let replaying = Sandbox::new();
    replaying.write("job.toml", &text);
    std::fs::copy(recording.path("tape.jsonl"), replaying.path("tape.jsonl")).unwrap();
    replaying.write(
        "destiler.toml",
        "[[providers]]\nname = \"local\"\nkind = \"replay\"\ncassette = \"tape.jsonl\"\n[[providers.models]]\nid = \"m\"\ncapabilities = [\"chat\"]\nprice = { input = 1.0, output = 1.0 }\n",
    );
    replaying.run(&["run", "job.toml"]).expect_code(0);
    assert_eq!(
        recording.read("datasets/t/data.jsonl"),
        replaying.read("datasets/t/data.jsonl")
    );
}

#[test]
fn a_person_rejects_accepts_and_undoes_and_the_dataset_follows() {
    let teacher = Teacher::start(Duration::ZERO, false, |number, _| {
        Reply::text(&format!("answer {number}"))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(6, 4, ""));
    sandbox.run(&["run", "job.toml"]).expect_code(0);
    let before = sandbox.read("datasets/t/data.jsonl");
    let id = sandbox.rows("datasets/t/data.jsonl")[2]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    sandbox.run(&["samples", "reject", &id]).expect_code(0);
    assert_eq!(sandbox.rows("datasets/t/data.jsonl").len(), 5);
    sandbox.run(&["samples", "undo", &id]).expect_code(0);
    assert_eq!(
        sandbox.read("datasets/t/data.jsonl").lines().count(),
        before.lines().count()
    );
}

#[test]
fn exports_come_in_every_format_and_a_closed_pipe_ends_quietly() {
    let teacher = Teacher::start(Duration::ZERO, false, |number, _| {
        Reply::text(&format!("answer {number}"))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(500, 32, ""));
    sandbox.run(&["run", "job.toml"]).expect_code(0);
    for format in ["messages", "sharegpt", "alpaca", "prompt_completion", "raw"] {
        let ran = sandbox.run(&["export", "t", "--format", format]).expect_code(0);
        assert_eq!(ran.stdout.lines().count(), 500, "{format}");
    }
    sandbox.run(&["export", "t", "-o", "out/x.jsonl"]).expect_code(1);
    let ran = sandbox.run(&["export", "t", "-o", "x.jsonl"]).expect_code(0);
    assert!(!ran.stderr.contains("warning"), "{ran:?}");
    assert!(exists(&sandbox.path("x.jsonl")));
    let mut child = sandbox.start(&["export", "t"]);
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).as_ref()
        ),
        (Some(0), "")
    );
}

#[test]
fn an_answer_that_is_cut_is_rejected_as_truncated() {
    let teacher = Teacher::start(Duration::ZERO, false, |number, _| {
        let finish = if number % 2 == 0 { "length" } else { "stop" };
        Reply::Http(
            200,
            String::new(),
            completion(&format!("answer {number}"), finish),
        )
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(10, 1, "[[validators]]\nkind = \"truncated\"\n"));
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(
        (&summary["samples"]["accepted"], &summary["samples"]["rejected"]),
        (&5.into(), &5.into()),
        "{summary}"
    );
}

#[test]
fn a_sample_that_the_dataset_cannot_hold_is_not_accepted_by_hand() {
    let teacher = Teacher::start(Duration::ZERO, false, |number, _| {
        let whole = format!("{{\"word\":\"w{number}\"}}");
        Reply::text(if number == 2 { "{\"word" } else { &whole })
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let dataset =
        "[dataset]\nformat = \"alpaca\"\nfields = { instruction = \"n\", output = \"answer.word\" }\n";
    let schema = "[steps.schema]\ntype = \"object\"\nrequired = [\"word\"]\nproperties = { word = { type = \"string\" } }\n";
    let job = job(4, 1, "[[validators]]\nkind = \"structural\"\n")
        .replace("[dataset]\nformat = \"raw\"\n", &format!("{schema}{dataset}"));
    sandbox.write("job.toml", &job);
    sandbox.run(&["run", "job.toml"]).expect_code(0);
    let listed = sandbox
        .run(&["samples", "list", "status:rejected", "--json"])
        .expect_code(0);
    let row: serde_json::Value = serde_json::from_str(listed.stdout.lines().next().unwrap()).unwrap();
    let id = row["id"].as_str().unwrap();
    let refused = sandbox.run(&["samples", "accept", id]);
    assert!(
        refused.stderr.contains("nothing at `answer.word`"),
        "{}",
        refused.stderr
    );
    assert_eq!(sandbox.rows("datasets/t/data.jsonl").len(), 3);
    sandbox.run(&["export", "t"]).expect_code(0);
}

#[test]
fn an_acceptance_is_done_again_only_where_the_dataset_can_hold_it() {
    let teacher = Teacher::start(Duration::ZERO, false, |number, _| {
        let whole = format!("{{\"word\":\"w{number}\"}}");
        Reply::text(if number == 2 { "{\"word" } else { &whole })
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let schema = "[steps.schema]\ntype = \"object\"\nrequired = [\"word\"]\nproperties = { word = { type = \"string\" } }\n";
    let raw = "[dataset]\nformat = \"raw\"\n";
    let alpaca =
        "[dataset]\nformat = \"alpaca\"\nfields = { instruction = \"n\", output = \"answer.word\" }\n";
    let anything =
        job(4, 1, "[[validators]]\nkind = \"structural\"\n").replace(raw, &format!("{schema}{raw}"));
    sandbox.write("job.toml", &anything);
    sandbox.run(&["run", "job.toml"]).expect_code(0);
    let listed = sandbox
        .run(&["samples", "list", "status:rejected", "--json"])
        .expect_code(0);
    let row: serde_json::Value = serde_json::from_str(listed.stdout.lines().next().unwrap()).unwrap();
    sandbox
        .run(&["samples", "accept", row["id"].as_str().unwrap()])
        .expect_code(0);
    sandbox.run(&["samples", "undo"]).expect_code(0);
    sandbox.write("changed.toml", &anything.replace(raw, alpaca));
    sandbox
        .run(&["jobs", "edit", "t", "--file", "changed.toml"])
        .expect_code(0);
    let refused = sandbox.run(&["samples", "redo"]);
    assert!(
        refused.stderr.contains("nothing at `answer.word`"),
        "{}",
        refused.stderr
    );
    sandbox.run(&["export", "t"]).expect_code(0);
}
