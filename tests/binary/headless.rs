//! Without a terminal: no byte that steers one, the exit codes that scripts go by, JSON that parses, pipes that close.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::job;
use crate::sandbox::{Ran, Sandbox, wait_until};
use crate::teacher::{Reply, Teacher};

fn answers(latency: u64) -> Teacher {
    Teacher::start(Duration::from_millis(latency), true, |number, _| {
        Reply::text(&format!("answer {number}"))
    })
}

/// Runs it in an environment that would colour everything on a terminal.
fn plain(sandbox: &Sandbox, words: &[&str]) -> Ran {
    let mut command = sandbox.command(words);
    command
        .env("TERM", "xterm-256color")
        .env("COLORTERM", "truecolor")
        .env("LANG", "C.UTF-8");
    let ran = Ran::from(command.output().unwrap());
    for (name, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
        assert!(!text.contains('\x1b'), "{words:?} wrote ESC to {name}: {text:?}");
    }
    ran
}

#[test]
fn no_command_steers_a_terminal_that_is_not_there() {
    let teacher = answers(20);
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(60, 4, ""));
    sandbox.write("broken.toml", "name = 7\n");
    for words in [
        &["run", "job.toml"][..],
        &["run", "broken.toml"],
        &["run", "nowhere"],
        &["check", "job.toml"],
        &["estimate", "job.toml"],
        &["jobs", "list"],
        &["jobs", "show", "t"],
        &["samples", "list"],
        &["samples", "show", "nobody"],
        &["providers", "list"],
        &["providers", "test", "local"],
        &["doctor"],
        &["export", "t"],
        &["verify", "datasets/t"],
        &["lint", "datasets/t/data.jsonl", "--for", "trl"],
        &["db", "info"],
        &["db", "check"],
        &["config", "show", "--origin"],
        &["keys", "list"],
        &["themes", "list"],
        &["--help"],
        &["run", "--help"],
        &["no-such-command"],
        &[],
    ] {
        plain(&sandbox, words);
    }
}

#[test]
fn every_line_of_json_parses() {
    let teacher = answers(0);
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(20, 4, ""));
    for words in [
        &["run", "job.toml", "--json"][..],
        &["check", "job.toml", "--json"],
        &["estimate", "job.toml", "--json"],
        &["jobs", "list", "--json"],
        &["jobs", "show", "t", "--json"],
        &["samples", "list", "--json"],
        &["providers", "list", "--json"],
        &["doctor", "--json"],
        &["export", "t", "--json"],
        &["verify", "datasets/t", "--json"],
        &["db", "info", "--json"],
        &["config", "show", "--json"],
        &["keys", "list", "--json"],
        &["themes", "list", "--json"],
    ] {
        let ran = plain(&sandbox, words);
        assert!(!ran.stdout.trim().is_empty(), "{words:?}: {}", ran.stderr);
        for line in ran.stdout.lines() {
            let parsed = serde_json::from_str::<serde_json::Value>(line);
            assert!(parsed.is_ok(), "{words:?}: {line}");
        }
    }
}

#[test]
fn every_exit_code_means_what_it_says() {
    let teacher = Teacher::start(Duration::ZERO, true, |number, body| {
        if body.contains("forbidden") && number % 2 == 0 {
            return Reply::Http(
                400,
                String::new(),
                r#"{"error":{"message":"no","type":"invalid_request_error"}}"#.to_owned(),
            );
        }
        Reply::text(&format!("answer {number}"))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let code = |words: &[&str]| plain(&sandbox, words).code;

    sandbox.write("job.toml", &job(10, 2, ""));
    assert_eq!(code(&["run", "job.toml"]), 0);
    assert_eq!(code(&["export", "t", "-o", "no/such/place.jsonl"]), 1);
    assert_eq!(code(&["no-such-command"]), 2);
    assert_eq!(code(&[]), 2);
    sandbox.write("broken.toml", "name = 7\n");
    assert_eq!(code(&["run", "broken.toml"]), 3);
    assert_eq!(code(&["check", "broken.toml"]), 3);

    let some = job(10, 1, "attempts = 1\n")
        .replace("name = \"t\"", "name = \"some\"")
        .replace("Question", "forbidden");
    sandbox.write("some.toml", &some);
    assert_eq!(code(&["run", "some.toml"]), 5);

    let limited = job(50, 1, "requests = 5\n").replace("name = \"t\"", "name = \"limited\"");
    sandbox.write("limited.toml", &limited);
    assert_eq!(code(&["run", "limited.toml"]), 6);

    let mut data = sandbox.read("datasets/t/data.jsonl");
    data.push_str("{\"no\": \"row of ours\"}\n");
    sandbox.write("datasets/t/data.jsonl", &data);
    assert_eq!(code(&["verify", "datasets/t"]), 7);
    assert_eq!(code(&["jobs", "show", "nowhere"]), 8);
    assert_eq!(code(&["run", "nowhere"]), 8);

    let config = sandbox.read("destiler.toml");
    sandbox.write(
        "destiler.toml",
        &config.replace(&teacher.url(), "http://127.0.0.1:9/v1"),
    );
    assert_eq!(code(&["providers", "test", "local"]), 9);
    sandbox.write(
        "destiler.toml",
        &config.replace(
            "kind = \"openai\"",
            "kind = \"openai\"\napi_key = { env = \"NO_SUCH_KEY\" }",
        ),
    );
    let keyless = job(5, 1, "").replace("name = \"t\"", "name = \"keyless\"");
    sandbox.write("keyless.toml", &keyless);
    assert_eq!(code(&["run", "keyless.toml"]), 4);
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let teacher = answers(0);
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(400, 32, ""));
    sandbox.run(&["run", "job.toml"]).expect_code(0);
    for words in ["export t", "samples list", "samples list --json", "keys list"] {
        let line = format!(
            "{} {words} 2> said | head -1 > first; echo ${{PIPESTATUS[0]}}",
            env!("CARGO_BIN_EXE_destiler")
        );
        let mut command = Command::new("bash");
        command.args(["-c", &line]).current_dir(sandbox.path("."));
        command.env("HOME", sandbox.path(".")).stdin(Stdio::null());
        let output = command.output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            "0",
            "{words}: {}",
            sandbox.read("said")
        );
        assert_eq!(sandbox.read("first").lines().count(), 1, "{words}");
        assert_eq!(sandbox.read("said"), "", "{words}");
    }
}

#[test]
fn signals_leave_a_checkpoint_and_their_codes() {
    use rustix::process::{Pid, Signal, kill_process};
    let teacher = answers(60);
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(200, 4, ""));
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let before = teacher.seen().answers;
        let child = sandbox.start(&["run", "job.toml", "--json"]);
        wait_until("answers", || teacher.seen().answers >= before + 8);
        let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        let ran = Ran::from(child.wait_with_output().unwrap()).expect_code(code);
        assert!(!ran.stdout.contains('\x1b') && !ran.stderr.contains('\x1b'));
        let lines: Vec<serde_json::Value> = BufReader::new(ran.stdout.as_bytes())
            .lines()
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
            .collect();
        let summary = lines.last().unwrap();
        assert_eq!(
            summary["samples"]["accepted"],
            teacher.seen().requests,
            "an answer that was paid for is missing: {summary}"
        );
        assert_eq!(summary["requests"]["maybe_billed_twice"], 0, "{summary}");
    }
}
