//! Validators where they are used: in a job, over a file, and made again from stored answers.

use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::teacher::{Reply, Teacher};
use crate::{assert_conserved, job};

const ITEM: &str = "A farmer has seventeen sheep and all but nine of them run away over the hill at night";

fn bench(sandbox: &Sandbox, directory: &str) {
    let rows = format!(
        "{}\n{}\n",
        json!({"question": "How many legs do six spiders have?"}),
        json!({"question": ITEM})
    );
    sandbox.write(&format!("{directory}bench.jsonl"), &rows);
}

#[test]
fn a_file_is_held_against_a_test_set_and_the_item_is_named() {
    let sandbox = Sandbox::new();
    bench(&sandbox, "");
    let rows = [
        json!({"question": "Why is the sea salty where no river runs into it?", "answer": "Because."}),
        json!({"question": format!("Answer briefly: {}", ITEM.to_uppercase()), "answer": "Nine."}),
        json!({"messages": [{"role": "user", "content": ITEM.replace("night", "dawn")}, {"role": "assistant", "content": "Nine."}]}),
    ];
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    sandbox.write("data.jsonl", &lines.join("\n"));
    let words = [
        "validate",
        "data.jsonl",
        "--json",
        "--validator",
        "decontaminate{against = ['bench.jsonl']}",
    ];
    let ran = sandbox.run(&words).expect_code(7);
    let seen: Vec<Value> = ran
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let reasons: Vec<&Value> = seen.iter().take(3).map(|row| &row["reason"]).collect();
    assert_eq!(
        reasons,
        [&Value::Null, &json!("contaminated"), &json!("contaminated")]
    );
    let evidence = seen[1]["verdicts"][0]["evidence"].as_str().unwrap();
    assert!(
        evidence.starts_with("`question` shares 18 words in a row with bench.jsonl line 2: “a farmer"),
        "{evidence}"
    );
    assert!(ran.stderr.contains("contaminated"), "{}", ran.stderr);

    // The paths of a job file refer to its own directory, wherever it is read from.
    bench(&sandbox, "jobs/tests/");
    let validators = "[[validators]]\nkind = \"decontaminate\"\nagainst = [\"tests/bench.jsonl\"]\n";
    sandbox.write("jobs/t.toml", &job(1, 1, validators));
    sandbox
        .run(&["validate", "data.jsonl", "--job", "jobs/t.toml"])
        .expect_code(7);
}

#[test]
fn a_check_names_the_line_of_what_is_wrong_with_a_validator() {
    let sandbox = Sandbox::new();
    let validators = "[[validators]]\nkind = \"decontaminate\"\nagainst = [\"no.jsonl\"]\n[[validators]]\nkind = \"rouge_l\"\ntreshold = 0.7\n";
    let text = job(1, 1, validators);
    let line = |word: &str| text.lines().position(|line| line.starts_with(word)).unwrap() + 1;
    sandbox.write("job.toml", &text);
    let said = sandbox.run(&["check", "job.toml"]).expect_code(3);
    let said = format!("{}{}", said.stdout, said.stderr);
    assert!(said.contains(&format!("job.toml:{}", line("against"))), "{said}");
    assert!(said.contains("no.jsonl: there is no such file"), "{said}");
    assert!(said.contains(&format!("job.toml:{}", line("treshold"))), "{said}");
    assert!(said.contains("did you mean `threshold`?"), "{said}");
}

/// Every third answer says what the first one said, in other words at its end.
fn repeating() -> Teacher {
    Teacher::start(Duration::ZERO, true, |number, body| {
        if body.contains("You grade training data") {
            return Reply::text(&json!({"reasoning": "so", "score": 1 + number % 5}).to_string());
        }
        let own: Vec<String> = (0..12).map(|word| format!("word{number}x{word}")).collect();
        if number % 3 == 1 {
            return Reply::text(&format!(
                "The tide follows the moon across the sea twice in a day, word{number}"
            ));
        }
        Reply::text(&own.join(" "))
    })
}

/// The summary of that job's run.
#[track_caller]
fn ran(sandbox: &Sandbox, job: &str) -> Value {
    sandbox.write("job.toml", job);
    let ran = sandbox.run(&["run", "job.toml", "--json"]).expect_code(0);
    let summary = ran.summary();
    assert_conserved(&summary);
    summary
}

/// What judging by a changed job file says when it is applied.
#[track_caller]
fn rejudged(sandbox: &Sandbox, job: &str) -> Value {
    sandbox.write("changed.toml", job);
    sandbox
        .run(&["jobs", "edit", "t", "--file", "changed.toml"])
        .expect_code(0);
    let again = sandbox
        .run(&["jobs", "rejudge", "t", "--json", "--apply"])
        .expect_code(0);
    serde_json::from_str(&again.stdout).unwrap()
}

#[test]
fn a_pool_lets_one_of_many_alike_in_and_another_threshold_lets_all_in_for_free() {
    let gate = |threshold: f64| {
        job(
            12,
            1,
            &format!("[[validators]]\nkind = \"rouge_l\"\nthreshold = {threshold}\n"),
        )
    };
    let teacher = repeating();
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let summary = ran(&sandbox, &gate(0.7));
    assert_eq!(
        summary["samples"],
        json!({"accepted": 9, "rejected": 3, "needs_review": 0})
    );
    let listed = sandbox
        .run(&["samples", "list", "reason:near_duplicate", "--json"])
        .expect_code(0);
    let first: Value = serde_json::from_str(listed.stdout.lines().next().unwrap()).unwrap();
    let evidence = first["verdicts"][0]["evidence"].as_str().unwrap();
    assert!(evidence.contains("ROUGE-L of 0.923 with task "), "{evidence}");
    let asked = teacher.seen().requests;
    let again = rejudged(&sandbox, &gate(0.95));
    assert_eq!(again["changes"][0]["count"], 3, "{again}");
    assert_eq!(teacher.seen().requests, asked, "nobody was asked");
}

#[test]
fn a_panel_is_paid_once_and_its_scores_are_used_again() {
    let panel = |aggregate: &str| {
        let settings = "rubric = \"Good?\"\ncapability = \"chat\"\njudges = 3\naccept_at = 3";
        job(
            6,
            1,
            &format!("[[validators]]\nkind = \"judge\"\n{settings}\naggregate = \"{aggregate}\"\n"),
        )
    };
    let teacher = repeating();
    let sandbox = Sandbox::with_teacher(&teacher.url());
    ran(&sandbox, &panel("mean"));
    let asked = teacher.seen().requests;
    assert_eq!(asked, 6 + 18, "a step and three judges a task");
    for (aggregate, applied) in [("median", true), ("majority", true)] {
        let again = rejudged(&sandbox, &panel(aggregate));
        assert_eq!(
            (&again["not_rejudged"], &again["applied"]),
            (&json!(0), &json!(applied)),
            "{again}"
        );
    }
    assert_eq!(teacher.seen().requests, asked, "nobody was asked again");
    let shown = sandbox.run(&["samples", "list", "--json"]).expect_code(0);
    let first: Value = serde_json::from_str(shown.stdout.lines().next().unwrap()).unwrap();
    let evidence = first["verdicts"][0]["evidence"].as_str().unwrap();
    assert!(
        evidence.starts_with("majority, mean ") && evidence.contains("of 3 decide alike\njudge 1, "),
        "{evidence}"
    );
}

/// A judge of two texts that likes what stands first, whatever it is, unless one of them is about the tide.
fn biased() -> Teacher {
    Teacher::start(Duration::ZERO, true, |number, body| {
        if let Some((_, texts)) = body.split_once("# First text") {
            let (first, second) = texts.split_once("# Second text").unwrap_or((texts, ""));
            let tide = |text: &str| text.contains("tide");
            let better = match (tide(first), tide(second)) {
                (false, true) => "second",
                _ => "first",
            };
            return Reply::text(&json!({"reasoning": "so", "better": better}).to_string());
        }
        let tide = ["One 1\"", "One 2\"", "One 3\""]
            .iter()
            .any(|prompt| body.contains(prompt));
        Reply::text(&if tide {
            "The tide follows the moon".to_owned()
        } else {
            format!("Nobody knows {number}")
        })
    })
}

#[test]
fn a_preference_that_does_not_survive_the_swap_is_a_tie_and_its_questions_are_paid_once() {
    let compared = |more: &str| {
        format!(
            "name = \"t\"\n[seeds]\nrows = [{{ n = 1 }}, {{ n = 2 }}, {{ n = 3 }}, {{ n = 4 }}, {{ n = 5 }}, {{ n = 6 }}]\n\
             [[steps]]\nname = \"chosen\"\ncapability = \"chat\"\nprompt = \"One {{{{ n }}}}\"\n\
             [[steps]]\nname = \"rejected\"\ncapability = \"chat\"\nprompt = \"Two {{{{ n }}}}\"\n\
             [[validators]]\nkind = \"judge\"\nrubric = \"Better?\"\ncapability = \"chat\"\nfield = \"chosen\"\nagainst = \"rejected\"\n{more}"
        )
    };
    let teacher = biased();
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let summary = ran(&sandbox, &compared(""));
    let asked = teacher.seen().requests;
    assert_eq!(asked, 6 * 4, "two answers and two orders a task: {summary}");
    assert_eq!(
        summary["samples"],
        json!({"accepted": 3, "rejected": 3, "needs_review": 0})
    );
    // Another question: it has not been asked in either order.
    let other = compared("").replace("Better?", "Clearer?");
    let unasked = rejudged(&sandbox, &other);
    assert_eq!(
        (&unasked["not_rejudged"], &unasked["requests_needed"]),
        (&json!(6), &json!(12)),
        "{unasked}"
    );
    // The same questions under another mark: answered by the ledger.
    let lenient = rejudged(&sandbox, &compared("accept_at = 0.5\n"));
    assert_eq!(lenient["not_rejudged"], 0, "{lenient}");
    assert_eq!(
        (&lenient["changes"][0]["to"], &lenient["changes"][0]["count"]),
        (&json!("accepted"), &json!(3))
    );
    assert_eq!(teacher.seen().requests, asked, "nobody was asked again");
    let shown = sandbox.run(&["samples", "list", "--json"]).expect_code(0);
    let first: Value = serde_json::from_str(shown.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(first["verdicts"][0]["agreement"], 1.0, "{first}");
    let listed = sandbox.run(&["samples", "list", "judge:0.5", "--json"]);
    assert_eq!(listed.expect_code(0).stdout.lines().count(), 3);
    // Half of them say the same in both orders, also those that were rejected for it.
    let told = sandbox.run(&["jobs", "report", "t", "--json"]).expect_code(0);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(
        told["judges"],
        json!([{"judge": 1, "both_orders": true, "judged": 6, "agreement": 0.5}])
    );
    let words = sandbox.run(&["jobs", "report", "t"]).expect_code(0).stdout;
    assert!(words.contains("50.0 % say the same in both orders"), "{words}");
}

#[test]
fn vectors_are_paid_once_and_another_threshold_needs_none() {
    let gate = |threshold: f64| {
        format!(
            "name = \"t\"\n[seeds]\nrows = [\n{}]\n[[steps]]\nname = \"answer\"\nprompt = \"{{{{ question }}}}\"\n[limits]\nconcurrency = 1\n\
             [[validators]]\nkind = \"embedding_dedup\"\nfield = \"question\"\nteacher = \"made/vectors\"\nthreshold = {threshold}\n",
            [
                "Why does the tide rise twice a day?",
                "Why does the tide rise, twice, a day",
                "Who built the first lighthouse on that rock?",
                "Why does the tide always rise twice a day?",
            ]
            .map(|question| format!("{{ question = \"{question}\" }},\n"))
            .concat()
        )
    };
    let sandbox = Sandbox::new();
    sandbox.write(
        "destiler.toml",
        "[[providers]]\nname = \"made\"\nkind = \"mock\"\nmodels = [{ id = \"words\" }, { id = \"vectors\", capabilities = [\"embedding\"] }]\n",
    );
    let ran = ran(&sandbox, &gate(0.999));
    assert_eq!(
        ran["samples"],
        json!({"accepted": 3, "rejected": 1, "needs_review": 0})
    );
    assert_eq!(ran["requests"]["sent"], 8, "an answer and a vector each: {ran}");
    let stricter = rejudged(&sandbox, &gate(0.8));
    assert_eq!(
        (
            &stricter["not_rejudged"],
            &stricter["changes"][0]["to_reason"],
            &stricter["changes"][0]["count"]
        ),
        (&json!(0), &json!("similar_meaning"), &json!(1)),
        "{stricter}"
    );
    assert_eq!(rejudged(&sandbox, &gate(1.0))["changes"][0]["to"], "accepted");
    sandbox.run(&["db", "check", "--deep"]).expect_code(0);
}

#[test]
fn a_judge_is_held_against_what_persons_said() {
    let teacher = repeating();
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let judged = job(
        10,
        1,
        "[[validators]]\nkind = \"judge\"\ncapability = \"chat\"\nrubric = \"Good?\"\naccept_at = 3\n",
    );
    sandbox.write("job.toml", &judged);
    sandbox.run(&["run", "job.toml", "--json"]).expect_code(0);
    let listed = sandbox.run(&["samples", "list", "--json"]).expect_code(0);
    let samples: Vec<Value> = listed
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    assert_eq!(samples.len(), 10);
    // A person who finds good what scored 4 or more.
    for sample in &samples {
        let good = sample["verdicts"][0]["score"].as_f64().unwrap() >= 4.0;
        let verb = if good { "accept" } else { "reject" };
        sandbox
            .run(&["samples", verb, sample["id"].as_str().unwrap()])
            .expect_code(0);
    }
    let told = sandbox
        .run(&["jobs", "calibrate", "t", "--precision", "1.0", "--json"])
        .expect_code(0);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(
        (&told["labelled"], &told["edited"], &told["unscored"]),
        (&json!(10), &json!(0), &json!(0))
    );
    assert_eq!(told["now"]["at"], 3.0);
    assert_eq!(told["now"]["confusion"]["good_rejected"], 0);
    assert_eq!(told["wanted"]["reached"]["at"], 4.0, "{told}");
    assert_eq!(told["wanted"]["reached"]["kappa"], 1.0);
    assert_eq!(
        told["wanted"]["certain"],
        Value::Null,
        "ten samples are never enough for certainty"
    );
    let words = sandbox.run(&["jobs", "calibrate", "t"]).expect_code(0);
    assert!(words.stderr.contains("accept_at = 3: "), "{}", words.stderr);
    assert!(words.stdout.contains("PRECISION"), "{}", words.stdout);
    sandbox
        .run(&["jobs", "calibrate", "t", "--judge", "2"])
        .expect_code(8);
}
