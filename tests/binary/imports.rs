//! `import`: a dataset that is there already becomes a job like any other, whatever happens on the way.

use std::time::Duration;

use serde_json::{Value, json};

use crate::assert_conserved;
use crate::sandbox::{Sandbox, wait_until};

fn chat(count: u64) -> String {
    let row = |n| {
        let turns = json!([{"role": "user", "content": format!("What is {n}? ☂")}, {"role": "assistant", "content": format!("It is {n}.")}]);
        json!({ "messages": turns }).to_string() + "\n"
    };
    (0..count).map(row).collect()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What a command that succeeds says, line by line.
#[track_caller]
fn told(sandbox: &Sandbox, words: &[&str]) -> Vec<Value> {
    lines(&sandbox.run(words).expect_code(0).stdout)
}

/// The dataset of the job `tides` is these rows, and all is in order.
#[track_caller]
fn assert_whole(sandbox: &Sandbox, rows: &str) {
    assert_eq!(sandbox.read("datasets/tides/data.jsonl"), rows);
    sandbox.run(&["verify", "datasets/tides"]).expect_code(0);
    sandbox.run(&["db", "check", "--deep"]).expect_code(0);
}

#[test]
fn an_import_is_a_job_that_asked_nobody_and_gives_its_bytes_back() {
    let sandbox = Sandbox::new();
    let rows = chat(300);
    sandbox.write("given/tides.jsonl", &rows);
    let ran = sandbox
        .run(&["import", "given/tides.jsonl", "--json"])
        .expect_code(0);
    let printed = lines(&ran.stdout);
    assert_eq!(printed[0]["import"]["format"], "messages");
    assert_eq!(printed[0]["import"]["rows"], 300);
    let summary = ran.summary();
    assert_conserved(&summary);
    assert_eq!(
        (&summary["job"], &summary["state"]),
        (&json!("tides"), &json!("completed"))
    );
    assert_eq!(
        (&summary["samples"]["accepted"], &summary["requests"]["sent"]),
        (&json!(300), &json!(0))
    );
    assert!(!ran.stderr.contains("mock"), "nobody answers: {}", ran.stderr);
    assert_eq!(sandbox.run(&["export", "tides"]).expect_code(0).stdout, rows);
    assert_whole(&sandbox, &rows);
    let sample = &told(&sandbox, &["samples", "list", "job:tides", "teacher:imported"])[0];
    assert_eq!(sample["vary"]["imported"]["file"], "tides.jsonl");
    assert_eq!(sample["vary"]["imported"]["line"], 1);
    assert_eq!(sample["vary"]["imported"]["sha256"].as_str().unwrap().len(), 64);
    let report = told(&sandbox, &["jobs", "report", "tides", "--json"]);
    assert_eq!(report[0]["samples"], 300);
    // The same bytes again: nothing to do, under any path.
    let again = sandbox.run(&["import", "given/tides.jsonl"]).expect_code(0);
    assert!(
        again.stderr.contains("were imported before: that is job tides"),
        "{}",
        again.stderr
    );
    sandbox.write("elsewhere/copy.jsonl", &rows);
    sandbox.run(&["import", "elsewhere/copy.jsonl"]).expect_code(0);
    assert_eq!(told(&sandbox, &["jobs", "list", "--json"]).len(), 1);
    sandbox
        .run(&["import", "elsewhere/copy.jsonl", "--name", "once-more"])
        .expect_code(0);
    assert_eq!(told(&sandbox, &["jobs", "list", "--json"]).len(), 2);
    // Another file under a name that is taken is no revision of that job.
    sandbox.write("other/tides.jsonl", &chat(3));
    let taken = sandbox.run(&["import", "other/tides.jsonl"]).expect_code(2);
    assert!(taken.stderr.contains("--name"), "{}", taken.stderr);
    // Gone, it can be brought again; its file is not needed by what is there.
    std::fs::remove_file(sandbox.path("elsewhere/copy.jsonl")).unwrap();
    sandbox.run(&["run", "once-more"]).expect_code(0);
    sandbox.run(&["jobs", "delete", "tides", "--yes"]).expect_code(0);
    sandbox
        .run(&["jobs", "delete", "once-more", "--yes"])
        .expect_code(0);
    sandbox.run(&["import", "given/tides.jsonl"]).expect_code(0);
    assert_eq!(sandbox.run(&["export", "tides"]).expect_code(0).stdout, rows);
}

#[test]
fn validators_that_come_later_judge_what_was_imported_without_a_request() {
    let sandbox = Sandbox::new();
    let mut rows = chat(20);
    rows.push_str("{\"messages\":[{\"role\":\"user\",\"content\":\"What is 3? ☂\"},{\"role\":\"assistant\",\"content\":\"It is 3.\"}]}\n");
    rows.push_str("{\"messages\":[{\"role\":\"user\",\"content\":\"Really?\"},{\"role\":\"assistant\",\"content\":\"No\"}]}\n");
    sandbox.write("tides.jsonl", &rows);
    sandbox.run(&["import", "tides.jsonl", "--review"]).expect_code(0);
    let waits = told(&sandbox, &["samples", "list", "job:tides", "state:needs_review"]);
    assert_eq!(waits.len(), 22, "a person was wanted");
    let source = &told(&sandbox, &["jobs", "show", "tides", "--json"])[0];
    let source = source["source"].as_str().unwrap();
    let at = source.find("[[validators]]").unwrap();
    let gates = "[[validators]]\nkind = \"dedup\"\n[[validators]]\nkind = \"length\"\nmin_chars = 4\n";
    let rest = &source[source.find("[dataset]").unwrap()..];
    sandbox.write("new.toml", &format!("{}{gates}{rest}", &source[..at]));
    sandbox
        .run(&["jobs", "edit", "tides", "--file", "new.toml"])
        .expect_code(0);
    let judged = &told(&sandbox, &["jobs", "rejudge", "tides", "--apply", "--json"])[0];
    assert_eq!(judged["requests_needed"], 0);
    let summary = &told(&sandbox, &["jobs", "show", "tides", "--json"])[0];
    assert_eq!(
        summary["rejected"],
        json!({"exact_duplicate": 1, "length": 1}),
        "where a row is from makes it no other row"
    );
    assert_eq!(summary["samples"]["accepted"], 20);
    sandbox.run(&["db", "check", "--deep"]).expect_code(0);
    // The same command later goes on with the job as it stands.
    let again = sandbox
        .run(&["import", "tides.jsonl", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(again["samples"]["accepted"], 20);
}

#[test]
fn broken_rows_stop_it_before_anything_is_kept() {
    let sandbox = Sandbox::new();
    // What cannot be read exactly is broken, too.
    let id = chat(1).replacen('{', "{\"id\":123456789012345678901234567890,", 1);
    sandbox.write("ids.jsonl", &format!("{}{id}", chat(1)));
    let refused = sandbox.run(&["import", "ids.jsonl"]).expect_code(7);
    let words = "ids.jsonl:2: has 123456789012345678901234567890 at column 7";
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
    let rows = format!("{}{{\"messages\":\n{}", chat(2), chat(1));
    sandbox.write("tides.jsonl", &rows);
    let refused = sandbox.run(&["import", "tides.jsonl"]).expect_code(7);
    assert!(
        refused.stderr.contains("tides.jsonl:3: is not valid JSON"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("--skip-broken"), "{}", refused.stderr);
    assert!(told(&sandbox, &["jobs", "list", "--json"]).is_empty());
    let dry = sandbox
        .run(&["import", "tides.jsonl", "--dry-run", "--json"])
        .expect_code(7);
    assert_eq!(lines(&dry.stdout)[0]["import"]["broken"], 1);
    let dry = sandbox
        .run(&["import", "tides.jsonl", "--skip-broken", "--dry-run"])
        .expect_code(0);
    assert!(dry.stdout.contains("skip_broken = true") && dry.stdout.contains("given = \"given.answer\""));
    assert!(told(&sandbox, &["jobs", "list", "--json"]).is_empty());
    let ran = sandbox
        .run(&["import", "tides.jsonl", "--skip-broken", "--json"])
        .expect_code(0);
    assert_eq!(ran.summary()["samples"]["accepted"], 3);
    let sample = &told(&sandbox, &["samples", "list", "job:tides"])[2];
    assert_eq!(sample["vary"]["imported"]["line"], 4, "lines are the file's");
    for (words, code) in [
        (&["import", "none.jsonl"][..], 8),
        (&["import", "-"], 2),
        (&["import", "tides.jsonl", "--format", "chat"], 7),
        (&["import", "tides.jsonl", "--name", "A b"], 2),
    ] {
        sandbox.run(words).expect_code(code);
    }
}

#[test]
fn killed_at_any_moment_it_goes_on_to_the_same_bytes() {
    let sandbox = Sandbox::new();
    let rows = chat(4_000);
    sandbox.write("tides.jsonl", &rows);
    let mut killed = 0;
    for life in [30, 80, 150, 300, 500, 800, 1_200] {
        let mut child = sandbox.start(&["import", "tides.jsonl", "--quiet"]);
        std::thread::sleep(Duration::from_millis(life));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        killed += 1;
    }
    assert!(killed >= 2, "it was over too soon");
    let ran = sandbox.run(&["import", "tides.jsonl", "--json"]).expect_code(0);
    let summary = ran.summary();
    assert_conserved(&summary);
    assert_eq!(summary["samples"]["accepted"], 4_000);
    assert_whole(&sandbox, &rows);
    // Half of it, and the file changed meanwhile: said, and not mixed.
    sandbox.run(&["jobs", "delete", "tides", "--yes"]).expect_code(0);
    let mut child = sandbox.start(&["import", "tides.jsonl", "--quiet"]);
    wait_until("some are there", || {
        let seen = sandbox.run(&["jobs", "list", "--json"]).stdout;
        seen.lines().next().is_some_and(|line| {
            let row: Value = serde_json::from_str(line).unwrap();
            row["tasks"]["planned"].as_u64().unwrap() > 0
        })
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let half = sandbox.run(&["jobs", "show", "tides", "--json"]).summary();
    sandbox.write("tides.jsonl", &chat(4_001));
    if half["tasks"]["planned"].as_u64().unwrap() < 4_000 {
        let failed = sandbox.run(&["run", "tides"]);
        assert_ne!(failed.code, 0);
        assert!(
            failed.stderr.contains("is another file than the one"),
            "{}",
            failed.stderr
        );
        sandbox.write("tides.jsonl", &rows);
        sandbox.run(&["run", "tides"]).expect_code(0);
        assert_eq!(sandbox.run(&["export", "tides"]).expect_code(0).stdout, rows);
    }
}

#[test]
fn tables_come_in_and_go_out_in_any_format() {
    let sandbox = Sandbox::new();
    let tools = json!([{"type": "function", "function": {"name": "tide", "parameters": {"type": "object", "properties": {}}}}]);
    let called = |n: u64| {
        json!({"messages": [
            {"role": "user", "content": format!("=SUM({n})")},
            {"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "tide", "arguments": {"at": "Brest", "day": n}}}]},
            {"role": "tool", "name": "tide", "content": "{\"height\": 7.25}"},
            {"role": "assistant", "content": "7.25 m\n\"high\", they say", "reasoning_content": "Well."},
        ], "tools": tools})
        .to_string()
            + "\n"
    };
    let rows: String = (0..50).map(called).collect();
    sandbox.write("tides.jsonl", &rows);
    sandbox.run(&["import", "tides.jsonl"]).expect_code(0);
    for kind in ["csv", "parquet"] {
        let table = format!("table.{kind}");
        sandbox.run(&["export", "tides", "-o", &table]).expect_code(0);
        let name = format!("from-{kind}");
        sandbox.run(&["import", &table, "--name", &name]).expect_code(0);
        assert_eq!(
            sandbox.run(&["export", &name]).expect_code(0).stdout,
            rows,
            "{kind}"
        );
        sandbox.run(&["jobs", "delete", &name, "--yes"]).expect_code(0);
    }
    // Another format has no key for reasoning, and says so; told how, it writes what the next import reads.
    let openai = ["export", "tides", "--format", "openai"];
    let refused = sandbox.run(&openai).expect_code(2);
    assert!(
        refused.stderr.contains("no key for reasoning"),
        "{}",
        refused.stderr
    );
    let inline = sandbox.run(&[&openai[..], &["--reasoning", "inline", "-o", "openai.jsonl"]].concat());
    inline.expect_code(0);
    sandbox.run(&["import", "openai.jsonl"]).expect_code(0);
    let back = sandbox.run(&[
        "export",
        "openai",
        "--format",
        "messages",
        "--reasoning",
        "reasoning_content",
    ]);
    assert_eq!(back.expect_code(0).stdout, rows);
}

#[test]
fn an_export_in_shards_is_whole_or_not_there_and_comes_in_again() {
    let sandbox = Sandbox::new();
    let rows = chat(25);
    sandbox.write("tides.jsonl", &rows);
    sandbox.run(&["import", "tides.jsonl"]).expect_code(0);
    std::fs::create_dir(sandbox.path("out")).unwrap();
    let words = [
        "export",
        "tides",
        "-o",
        "out/rows.jsonl",
        "--shard-rows",
        "10",
        "--json",
    ];
    let told = sandbox.run(&words).expect_code(0).summary();
    assert_eq!((&told["rows"], &told["shards"]), (&json!(25), &json!(3)));
    let names = || {
        let mut names: Vec<String> = std::fs::read_dir(sandbox.path("out"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let three: Vec<String> = (0..3).map(|at| format!("rows-{at:05}-of-00003.jsonl")).collect();
    assert_eq!(names(), three);
    let all: String = three
        .iter()
        .map(|name| sandbox.read(&format!("out/{name}")))
        .collect();
    assert_eq!(all, rows);
    // The same number takes their place; another one would stand beside them.
    sandbox.run(&words).expect_code(0);
    let other = sandbox
        .run(&["export", "tides", "-o", "out/rows.jsonl", "--shard-rows", "5"])
        .expect_code(1);
    assert!(
        other.stderr.contains("is of another set of shards"),
        "{}",
        other.stderr
    );
    assert_eq!(names(), three, "nothing is left behind");
    sandbox
        .run(&["export", "tides", "-o", "out/t.parquet", "--shard-rows", "20"])
        .expect_code(0);
    sandbox
        .run(&["import", "out/t-00001-of-00002.parquet"])
        .expect_code(0);
    let last = sandbox.run(&["export", "t-00001-of-00002"]).expect_code(0).stdout;
    assert_eq!(
        last.lines().collect::<Vec<_>>(),
        rows.lines().skip(20).collect::<Vec<_>>()
    );
    sandbox
        .run(&["export", "tides", "--shard-rows", "20"])
        .expect_code(2);
}
