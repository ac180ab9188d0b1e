//! Which of the accepted samples are in the dataset, and which part of it: quotas, the best, groups that stay together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use crate::sandbox::Sandbox;
use crate::teacher::{Reply, Teacher};
use crate::{assert_conserved, job};

fn manifest(sandbox: &Sandbox) -> serde_json::Value {
    serde_json::from_str(&sandbox.read("datasets/t/manifest.json")).unwrap()
}

#[test]
fn a_quota_is_exact_and_what_is_too_many_stays_accepted_outside() {
    let teacher = Teacher::start(Duration::from_millis(2), false, |number, _| {
        Reply::text(&if number % 3 == 0 {
            "no".to_owned()
        } else {
            format!("a longer answer {number}")
        })
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let text = job(
        600,
        16,
        "[[validators]]\nkind = \"length\"\nmin_chars = 8\n\
         [target.quota]\nfield = \"level\"\nclasses = { easy = 30, hard = 20 }\n",
    );
    let text = text.replace(
        "[vary]\n",
        "[vary]\nlevel = { weights = { easy = 4, hard = 1 } }\n",
    );
    sandbox.write("job.toml", &text);
    // Killed in the middle, it ends the same.
    let mut child = sandbox.start(&["run", "job.toml"]);
    crate::sandbox::wait_until("some were asked", || teacher.seen().requests > 40);
    child.kill().unwrap();
    child.wait().unwrap();
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_conserved(&summary);
    let rows = sandbox.rows("datasets/t/data.jsonl");
    let of = |level: &str| rows.iter().filter(|row| row["vary"]["level"] == level).count();
    assert_eq!((of("easy"), of("hard"), rows.len()), (30, 20, 50));
    let accepted = summary["samples"]["accepted"].as_u64().unwrap();
    assert!(accepted > 50, "{summary}");
    assert!(
        summary["tasks"]["cancelled"].as_u64().unwrap() > 200,
        "it stops when all is full: {summary}"
    );
    let selection = &manifest(&sandbox)["selection"];
    assert_eq!(selection["accepted"], accepted);
    assert_eq!(selection["left_out"]["quota"], accepted - 50);
    sandbox.run(&["verify", "datasets/t"]).expect_code(0);
    sandbox.run(&["db", "check", "--deep"]).expect_code(0);
    let told = sandbox
        .run(&["jobs", "report", "t", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(told["samples"], 50);
    assert_eq!(
        told["classes"]["level"],
        serde_json::json!([["easy", 30], ["hard", 20]])
    );
    assert_eq!(told["left_out"]["quota"], accepted - 50);
    let shown = sandbox.run(&["jobs", "report", "t"]).expect_code(0).stdout;
    assert!(shown.contains("██") && shown.contains("60.0 %"), "{shown}");
    let exported = sandbox.run(&["export", "t"]).expect_code(0).stdout;
    assert_eq!(exported, sandbox.read("datasets/t/data.jsonl"));
    assert!(sandbox.read("datasets/t/README.md").contains("left out"));
}

#[test]
fn the_best_of_four_is_in_the_dataset() {
    // The first answer to each question is the good one.
    let asked = Mutex::new(BTreeSet::new());
    let teacher = Teacher::start(Duration::from_millis(1), false, move |number, body| {
        if body.contains("rubric") || body.contains("Rate") {
            let score = if body.contains("good answer") { 5 } else { 4 };
            return Reply::text(&format!("{{\"score\": {score}, \"reasoning\": \"x\"}}"));
        }
        let first = asked.lock().unwrap().insert(body.to_owned());
        Reply::text(&format!(
            "{} answer {number}",
            if first { "good" } else { "fair" }
        ))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let text = job(
        10,
        4,
        "[[validators]]\nkind = \"judge\"\nrubric = \"Rate it by this rubric.\"\nscale = [1, 5]\naccept_at = 4\nreview_at = 3\n\
         [dataset.select]\nbest_of = 1\n",
    );
    sandbox.write(
        "job.toml",
        &text.replace("max_tokens", "candidates = 4\nmax_tokens"),
    );
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(summary["samples"]["accepted"], 40, "{summary}");
    let rows = sandbox.rows("datasets/t/data.jsonl");
    assert_eq!(rows.len(), 10);
    let best = rows
        .iter()
        .filter(|row| row["verdicts"][0]["score"] == 5.0)
        .count();
    assert_eq!(best, 10);
    assert_eq!(manifest(&sandbox)["selection"]["left_out"]["best_of"], 30);
    sandbox.run(&["db", "check", "--deep"]).expect_code(0);
}

#[test]
fn near_duplicates_and_equal_fields_never_come_into_two_parts_of_a_split() {
    for (by, group) in [
        ("{ near = \"question\" }", "family"),
        ("{ field = \"family\" }", "family"),
    ] {
        let teacher = Teacher::start(Duration::from_millis(1), false, |number, _| {
            Reply::text(&format!("answer {number}"))
        });
        let sandbox = Sandbox::with_teacher(&teacher.url());
        let mut seeds = String::new();
        for family in 0..40 {
            let words: Vec<String> = (0..30).map(|n| format!("w{family}x{n}")).collect();
            let words = words.join(" ");
            for n in 0..5 {
                let row = serde_json::json!({ "family": family, "question": format!("{words} {n}") });
                seeds.push_str(&row.to_string());
                seeds.push('\n');
            }
        }
        sandbox.write("seeds.jsonl", &seeds);
        sandbox.write(
            "job.toml",
            &format!(
                "name = \"t\"\nseeds = {{ path = \"seeds.jsonl\", shuffle = true }}\n[[steps]]\nname = \"answer\"\n\
                 prompt = \"{{{{ question }}}}\"\n[dataset]\nformat = \"raw\"\nsplit = {{ train = 0.7, valid = 0.3 }}\n\
                 split_by = {by}\n"
            ),
        );
        sandbox.run(&["run", "job.toml"]).expect_code(0);
        let mut parts: BTreeMap<String, &str> = BTreeMap::new();
        let mut rows = 0;
        for part in ["train", "valid"] {
            for row in sandbox.rows(&format!("datasets/t/{part}.jsonl")) {
                rows += 1;
                let before = parts.insert(row["seed"][group].to_string(), part);
                assert!(before.is_none_or(|before| before == part), "{row}");
            }
        }
        assert_eq!((rows, parts.len()), (200, 40));
        assert!(parts.values().filter(|part| **part == "valid").count() > 3);
        sandbox.run(&["db", "check", "--deep"]).expect_code(0);
    }
}
