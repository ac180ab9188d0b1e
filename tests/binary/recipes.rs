//! The bundled recipes: each runs offline on the mock to its end, with every task accounted for; and what makes a recipe that recipe is
//! shown with a scripted teacher.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::assert_conserved;
use crate::sandbox::Sandbox;
use crate::teacher::{Reply, Teacher};

/// Runs a bundled recipe on the mock; its summary.
#[track_caller]
pub fn run(sandbox: &Sandbox, name: &str, words: &[&str]) -> Value {
    let mut all = vec!["run", name, "--json"];
    all.extend(words);
    let summary = sandbox.run(&all).expect_code(0).summary();
    assert_conserved(&summary);
    assert_eq!(summary["state"], "completed", "{summary}");
    assert_eq!(summary["tasks"]["failed"], 0, "{summary}");
    summary
}

pub fn accepted(summary: &Value) -> u64 {
    summary["samples"]["accepted"].as_u64().unwrap()
}

/// Everything a job made, as `samples list` writes it.
pub fn samples(sandbox: &Sandbox, job: &str) -> Vec<Value> {
    let ran = sandbox
        .run(&["export", job, "--format", "raw", "--include", "rejected"])
        .expect_code(0);
    let rows = ran.stdout.lines();
    rows.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Why samples were rejected: reason and evidence of the last verdict.
pub fn said(sample: &Value) -> String {
    let verdicts = sample["verdicts"].as_array().unwrap();
    let last = verdicts.last().cloned().unwrap_or_default();
    format!(
        "{} {}",
        last["reason"].as_str().unwrap_or("accepted"),
        last["evidence"].as_str().unwrap_or_default()
    )
}

#[test]
fn every_recipe_is_sound_and_says_where_it_comes_from() {
    let sandbox = Sandbox::new();
    for name in [
        "self-instruct",
        "evol-instruct",
        "magpie",
        "preference-pairs",
        "reasoning-traces",
        "document-qa",
        "function-calls",
        "golden-pairs",
        "dialogues",
        "topic-tree",
        "topic-answers",
    ] {
        let ran = sandbox.run(&["check", name, "--json"]).expect_code(0);
        // Only the chained one waits for something.
        let waits = ran.stdout.contains("there is no job `topic-tree`");
        assert_eq!(waits, name == "topic-answers", "{name}: {}", ran.stdout);
        assert_eq!(
            ran.stdout.contains("\"problems\":[]"),
            !waits,
            "{name}: {}",
            ran.stdout
        );
        let path = format!("{}/jobs/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.starts_with('#') && text.contains("# In earnest:"), "{name}");
    }
}

#[test]
fn self_instruct_grows_a_pool_whose_descent_is_in_the_rows() {
    let sandbox = Sandbox::new();
    let summary = run(&sandbox, "self-instruct", &[]);
    assert_eq!(summary["tasks"]["planned"], 160, "{summary}");
    assert!(accepted(&summary) > 40, "{summary}");
    let made = samples(&sandbox, "self-instruct");
    let ids: BTreeSet<&str> = made.iter().filter_map(|sample| sample["id"].as_str()).collect();
    for sample in &made {
        let (task, vary) = (sample["task"].as_u64().unwrap(), &sample["vary"]);
        assert_eq!(vary["round"], task / 1_000_000_000);
        assert_eq!(vary["human"].as_array().unwrap().len(), 6);
        let machine = vary["machine"].as_array().unwrap();
        assert_eq!(machine.len(), if vary["round"] == 0 { 0 } else { 2 });
        for parent in machine {
            assert!(ids.contains(parent["parent"].as_str().unwrap()));
            assert!(parent["instruction"].as_str().unwrap().len() > 3);
        }
    }
    // What is drawn from the file is the same on every machine; what is drawn from the pool follows from the ledger.
    let another = Sandbox::new();
    run(&another, "self-instruct", &["--limit", "5"]);
    for other in samples(&another, "self-instruct") {
        let same = made
            .iter()
            .find(|sample| sample["task"] == other["task"])
            .unwrap();
        assert_eq!(same["vary"]["human"], other["vary"]["human"]);
    }
}

#[test]
fn self_instruct_drops_what_people_wrote_already() {
    let teacher = Teacher::start(Duration::ZERO, true, |_, body| {
        Reply::text(&if body.contains("Come up with a series of tasks") {
            json!({"instruction": "Suggest three names for a small bakery that also repairs bicycles, and say in one line why each works."}).to_string()
        } else if body.contains("classification task") {
            json!({"is_classification": false}).to_string()
        } else {
            json!({"input": "", "output": "Crumb and Chain."}).to_string()
        })
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    // The file is in the binary: nothing lies beside anything here.
    let summary = run(&sandbox, "self-instruct", &["--limit", "2"]);
    assert_eq!(accepted(&summary), 0, "{summary}");
    let reasons: Vec<String> = samples(&sandbox, "self-instruct").iter().map(said).collect();
    assert!(
        reasons
            .iter()
            .any(|said| said.contains("near_duplicate") && said.contains("seeds/tasks.jsonl line 2")),
        "{reasons:?}"
    );
}

#[test]
fn evol_instruct_eliminates_by_all_four_rules_and_tries_the_eliminated_again() {
    // Rule 1 by the judge, rule 2 by a short apology, rule 3 by stop words alone, rule 4 by the prompt's own words.
    let teacher = Teacher::start(Duration::ZERO, true, |_, body| {
        let has = |text: &str| body.contains(text);
        Reply::text(&if has("same depth and breadth") {
            let gained = !has("stays");
            json!({"verdict": if gained { "not equal" } else { "equal" }}).to_string()
        } else if has("Prompt Rewriter") || has("Prompt Creator") {
            let of = |word: &str| {
                json!({"instruction": format!("{word} {}", body.len()), "input": ""}).to_string()
            };
            let round = |n: usize| body.matches("evolved").count() >= n;
            if has("row-stays") {
                of("row-stays as it")
            } else if has("row-sorry") {
                of("row-sorry to")
            } else if has("row-empty") {
                of("row-empty of")
            } else if has("row-copied") {
                of("row-copied #The Given Prompt#")
            } else if round(1) {
                of("row-good evolved evolved")
            } else {
                of("row-good evolved")
            }
        } else if has("row-sorry") {
            "I am sorry, but I cannot answer this.".to_owned()
        } else if has("row-empty") {
            "The ... and, or it is. - !".to_owned()
        } else {
            "A long and useful answer about apples.".to_owned()
        })
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let rows = ["row-good", "row-stays", "row-sorry", "row-empty", "row-copied"];
    let rows = rows.map(|row| format!("{{\"instruction\":\"{row}\",\"input\":\"\"}}\n"));
    sandbox.write("seeds/tasks.jsonl", &rows.concat());
    let recipe =
        std::fs::read_to_string(format!("{}/jobs/evol-instruct.toml", env!("CARGO_MANIFEST_DIR"))).unwrap();
    sandbox.write("evol.toml", &recipe);
    let summary = run(&sandbox, "evol.toml", &[]);
    assert_eq!(summary["tasks"]["planned"], 20, "{summary}");
    assert_eq!(accepted(&summary), 4, "{summary}");
    let made = samples(&sandbox, "evol-instruct");
    let of = |row: &str| -> Vec<String> {
        let its = made
            .iter()
            .filter(|sample| sample["seed"]["instruction"].as_str().unwrap().starts_with(row));
        its.map(said).collect()
    };
    for (row, wanted) in [
        ("row-stays", "expression rule 1"),
        ("row-sorry", "expression rule 2"),
        ("row-empty", "regex"),
        ("row-copied", "regex"),
    ] {
        let its = of(row);
        assert_eq!(its.len(), 4, "{row} is tried again in every round: {its:?}");
        assert!(its.iter().all(|said| said.starts_with(wanted)), "{row}: {its:?}");
    }
    let good: Vec<&Value> = made
        .iter()
        .filter(|sample| said(sample).starts_with("accepted"))
        .collect();
    for pair in good.windows(2) {
        assert_eq!(pair[1]["seed"]["parent"], pair[0]["id"]);
        assert_eq!(
            pair[1]["task"].as_u64(),
            pair[0]["task"].as_u64().map(|task| task + 1_000_000_000)
        );
        assert_eq!(
            pair[1]["seed"]["instruction"],
            pair[0]["steps"]["evolved"]["value"]["instruction"]
        );
    }
    let answered = teacher.seen().requests;
    let again = run(&sandbox, "evol.toml", &[]);
    assert_eq!(again["requests"], summary["requests"]);
    assert_eq!(teacher.seen().requests, answered, "a completed job asks nobody");
}

#[test]
fn magpie_sends_a_raw_prompt_to_teachers_that_take_one_and_filters_by_tags() {
    let teacher = Teacher::start(Duration::ZERO, true, |number, body| {
        if body.contains("\"prompt\":") {
            assert!(
                body.contains("<|im_start|>user\\n\"") && !body.contains("messages"),
                "{body}"
            );
            let text = format!("How do I grow {number} tomatoes on a balcony?");
            let reply = json!({"id": "c", "object": "text_completion", "choices": [{"index": 0, "text": text, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 9, "completion_tokens": 9}});
            return Reply::Http(200, String::new(), reply.to_string());
        }
        Reply::text(&if body.contains("Tag the user's request") {
            let quality = if number % 2 == 0 { "good" } else { "poor" };
            json!({"intent": "i", "knowledge": "k", "difficulty": "medium", "category": "advice", "quality": quality, "safety": "safe", "language": "en"})
                .to_string()
        } else if body.contains("Rate the answer") {
            json!({"score": 7}).to_string()
        } else {
            "In a bucket.".to_owned()
        })
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let config = sandbox.read("destiler.toml");
    // Without the capability nobody is asked.
    sandbox.write(
        "destiler.toml",
        &config.replace("[\"chat\"]", "[\"chat\", \"judge\"]"),
    );
    let ran = sandbox.run(&["run", "magpie", "--json"]);
    assert_eq!(teacher.seen().requests, 0, "{}", ran.stderr);
    sandbox.write(
        "destiler.toml",
        &config.replace("[\"chat\"]", "[\"chat\", \"judge\", \"completion\"]"),
    );
    let summary = run(&sandbox, "magpie", &["--concurrency", "1"]);
    assert_eq!(summary["tasks"]["planned"], 60);
    let made = samples(&sandbox, "magpie");
    let by_quality = made
        .iter()
        .filter(|sample| said(sample).contains("quality"))
        .count();
    assert!(by_quality > 10 && by_quality < 50, "{by_quality}");
    for sample in &made {
        assert!(
            sample["steps"]["instruction"]["text"]
                .as_str()
                .unwrap()
                .starts_with("How do I grow")
        );
    }
}

#[test]
fn preference_pairs_never_choose_what_was_rated_one_and_drop_ties() {
    // The published bug: a "1" read as "10". Here `a` is rated 1 throughout, and once as the text "10", which is no rating.
    let teacher = Teacher::start(Duration::ZERO, true, |_, body| {
        if let Some((_, texts)) = body.split_once("# First text") {
            // One comparison likes whatever comes first, the others what was not written for help.
            let first = texts.find("under others") < texts.find("under help");
            let first = first || body.contains("bakery");
            return Reply::text(
                &json!({"reasoning": "so", "better": if first { "first" } else { "second" }}).to_string(),
            );
        }
        if !body.contains("Rate four answers") {
            return Reply::text(&format!(
                "answer under {}",
                if body.contains("helpful as you can") {
                    "help"
                } else {
                    "others"
                }
            ));
        }
        let rating =
            |n: u64| json!({"helpfulness": n, "honesty": n, "instruction_following": n, "truthfulness": n});
        // Texts come in the order of the task; a text of the principle of help is the one rated 1.
        let texts: Vec<&str> = body.split("# Text ").skip(1).collect();
        let tie = body.contains("paper boat");
        let ratings: Vec<Value> = texts
            .iter()
            .map(|text| {
                rating(if tie {
                    3
                } else if text.contains("answer under help") {
                    1
                } else {
                    4
                })
            })
            .collect();
        Reply::text(&json!({"ratings": ratings}).to_string())
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let config = sandbox.read("destiler.toml");
    sandbox.write(
        "destiler.toml",
        &config.replace("[\"chat\"]", "[\"chat\", \"judge\"]"),
    );
    let summary = run(&sandbox, "preference-pairs", &[]);
    let made = samples(&sandbox, "preference-pairs");
    let (mut pairs, mut swapped) = (0, 0);
    let mut orders = BTreeSet::new();
    for sample in &made {
        orders.insert(sample["vary"]["order"].to_string());
        if said(sample).contains("a tie: whichever comes first") {
            swapped += 1;
            continue;
        }
        if said(sample).contains("tie") {
            continue;
        }
        pairs += 1;
        assert_eq!(sample["steps"]["chosen"]["text"], "answer under others");
        assert_eq!(
            sample["steps"]["rejected"]["text"], "answer under help",
            "{}",
            sample["steps"]["scores"]
        );
        assert_eq!(sample["teacher"], "local/m");
    }
    assert_eq!(accepted(&summary), pairs);
    assert!(swapped <= 1, "{swapped} of one");
    assert!(
        pairs > 10 && orders.len() > 8,
        "{pairs} pairs in {} orders",
        orders.len()
    );
    let tied = made.iter().find(|sample| {
        sample["seed"]["instruction"]
            .as_str()
            .unwrap()
            .contains("paper boat")
    });
    assert!(said(tied.unwrap()).contains("tie"));
    // What the teachers were asked is the prompt, all of it.
    let asked = sandbox.read("datasets/preference-pairs/data.jsonl");
    assert!(
        asked.contains("earliest to the latest.\\n\\n3 May 1998"),
        "{asked}"
    );
    // Rows are as TRL reads them.
    let row = sandbox.rows("datasets/preference-pairs/data.jsonl").remove(0);
    assert_eq!(row["chosen"][0]["content"], "answer under others");
}

#[test]
fn reasoning_traces_keep_thoughts_apart_and_only_true_answers_to_what_the_weak_cannot_solve() {
    let teacher = Teacher::start(Duration::ZERO, true, |_, body| {
        // The weak solve what is about clips; the strong err about what is about Weng.
        let truth = if body.contains("Natalia") {
            "72"
        } else if body.contains("Weng") {
            "10"
        } else {
            "5"
        };
        if body.contains("Which kind of problem") {
            return Reply::text("{\"subject\": \"money\"}");
        }
        if body.contains("final number alone as `answer`") {
            let weak = if body.contains("Natalia") { "72" } else { "-1" };
            return Reply::text(&format!("{{\"answer\": {weak}}}"));
        }
        let said = if body.contains("Weng") { "11" } else { truth };
        Reply::text(&format!("<think>Let me see.</think>It is so.\nAnswer: {said}"))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let config = sandbox.read("destiler.toml");
    sandbox.write(
        "destiler.toml",
        &config.replace("[\"chat\"]", "[\"weak\", \"reasoning\"]"),
    );
    let rows = [
        ("Natalia sold clips", "72"),
        ("Weng earns", "10"),
        ("Betty saves", "5"),
    ];
    let rows: String = rows
        .iter()
        .map(|(question, answer)| {
            json!({"question": question, "answer": format!("So.\n#### {answer}")}).to_string() + "\n"
        })
        .collect();
    sandbox.write("seeds/gsm8k.jsonl", &rows);
    let recipe = std::fs::read_to_string(format!(
        "{}/jobs/reasoning-traces.toml",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap();
    sandbox.write("traces.toml", &recipe);
    let summary = run(&sandbox, "traces.toml", &[]);
    assert_eq!(accepted(&summary), 1, "{summary}");
    let made = samples(&sandbox, "reasoning-traces");
    let of = |name: &str| {
        made.iter()
            .find(|sample| sample["seed"]["question"].as_str().unwrap().contains(name))
            .unwrap()
    };
    assert!(said(of("Natalia")).contains("a weak model solves it"));
    assert!(
        of("Natalia")["steps"].get("solution").is_none(),
        "the dear question was not asked"
    );
    assert!(said(of("Weng")).contains("not the known answer"));
    assert_eq!(of("Betty")["steps"]["solution"]["reasoning"], "Let me see.");
    let row = sandbox.rows("datasets/reasoning-traces/data.jsonl").remove(0);
    assert_eq!(
        row["messages"][1]["content"],
        "<think>Let me see.</think>\nIt is so.\nAnswer: 5"
    );
}
