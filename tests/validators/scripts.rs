//! Scripts: the protocol, and what becomes of programs that break it, hang, or die. Real processes in temporary directories.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use destilation::core::ports::Validator;
use destilation::core::sample::{Candidate, Decision, Reason, Verdict};
use serde_json::{Value, json};

use super::{Fake, broken, build, build_error, candidate, check, row, try_build_in};

/// A validator around a program in a directory of its own.
struct Program {
    directory: tempfile::TempDir,
    validator: Arc<dyn Validator>,
}

fn program(interpreter: &str, source: &str, settings: &str) -> Program {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("check"), source).unwrap();
    let settings = format!("command = ['{interpreter}', 'check']\n{settings}");
    let validator = try_build_in(directory.path(), "script", &settings);
    Program {
        validator: validator.unwrap_or_else(|error| panic!("{error}")),
        directory,
    }
}

impl Program {
    fn wrote(&self, file: &str) -> String {
        fs::read_to_string(self.directory.path().join(file)).unwrap_or_default()
    }
}

const SUMS: &str = r#"
import json, sys
print(json.dumps({"hello": 1}), flush=True)
open("starts", "a").write("x")
for line in sys.stdin:
    asked = json.loads(line)
    text = asked["sample"]["steps"]["solution"]["text"]
    open("sample", "w").write(json.dumps(asked["sample"]))
    print(json.dumps({"id": "somebody else", "verdict": "accept"}), flush=True)
    if text == "die":
        sys.exit("no more")
    print("thinking" * 30000, file=sys.stderr)
    reply = {"id": asked["id"], "verdict": "accept", "score": 1.0} if text == "4" else \
        {"id": asked["id"], "verdict": "reject", "reason": "wrong sum", "evidence": text[:3]}
    print(json.dumps(reply), flush=True)
"#;

#[tokio::test]
async fn a_script_sees_the_sample_and_decides() {
    let script = program("python3", SUMS, "workers = 2");
    let verdict = check(&script.validator, &candidate("4")).await;
    assert_eq!(verdict, Verdict::accept("script").scored(1.0));
    let long = format!("5 {}", "and more ".repeat(50_000));
    let verdict = check(&script.validator, &candidate(&long)).await;
    assert_eq!(verdict.reason, Some(Reason::Script));
    assert_eq!(verdict.evidence.as_deref(), Some("wrong sum: 5 a"));
    check(&script.validator, &candidate("4")).await;
    assert_eq!(script.wrote("starts"), "x", "one process serves many questions");
    let sample: Value = serde_json::from_str(&script.wrote("sample")).unwrap();
    let expected = json!({
        "task": 0, "candidate": 0, "seed": {"question": "What are tides?"}, "vary": {"persona": "a teacher"},
        "steps": {"solution": {"text": "4", "value": null, "reasoning": null}}
    });
    assert_eq!(sample, expected);
    script.validator.close().await;
    assert!(
        broken(&script.validator, &candidate("4"))
            .await
            .contains("closed")
    );
}

#[tokio::test]
async fn a_script_gets_only_the_variables_it_names() {
    // Shells add these themselves.
    let ordinary = ["PATH", "LANG", "DESTILER_PLUGIN", "PWD", "OLDPWD", "SHLVL", "_"];
    let source = "env | cut -d= -f1 > env\necho '{\"hello\":1}'\n";
    let plain = program("sh", source, "");
    broken(&plain.validator, &candidate("x")).await;
    let seen = plain.wrote("env");
    assert!(seen.lines().any(|name| name == "PATH"), "{seen}");
    assert!(seen.lines().all(|name| ordinary.contains(&name)), "{seen}");
    let is_plain = |name: &String| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let other = std::env::vars()
        .map(|(name, _)| name)
        .find(|name| is_plain(name) && !ordinary.contains(&name.as_str()));
    if let Some(other) = other {
        let named = program("sh", source, &format!("env = ['{other}', 'NOT_SET_ANYWHERE']"));
        broken(&named.validator, &candidate("x")).await;
        assert!(named.wrote("env").lines().any(|name| name == other), "{other}");
    }
}

#[tokio::test]
async fn a_script_that_dies_is_started_again_until_it_only_dies() {
    let script = program("python3", SUMS, "");
    let message = broken(&script.validator, &candidate("die")).await;
    assert!(
        message.contains("it said: “no more”") && message.contains("exit status: 1"),
        "{message}"
    );
    assert_eq!(
        check(&script.validator, &candidate("4")).await.decision,
        Decision::Accept
    );
    for _ in 0..3 {
        broken(&script.validator, &candidate("die")).await;
    }
    let starts = script.wrote("starts");
    let message = broken(&script.validator, &candidate("4")).await;
    assert!(message.contains("3 times in a row"), "{message}");
    assert_eq!(script.wrote("starts"), starts, "it is left alone for a while");
}

#[tokio::test]
async fn a_script_that_answers_once_and_ends_is_good_enough() {
    let source = "echo '{\"hello\":1}'\nread line\nid=${line#*\\\"id\\\":\\\"}\nid=${id%%\\\"*}\necho \"{\\\"id\\\":\\\"$id\\\",\\\"verdict\\\":\\\"review\\\",\\\"reason\\\":\\\"odd\\\"}\"\n";
    let script = program("bash", source, "");
    for _ in 0..4 {
        let verdict = check(&script.validator, &candidate("x")).await;
        assert_eq!(
            (verdict.decision, verdict.evidence.as_deref()),
            (Decision::Review, Some("odd"))
        );
    }
}

#[tokio::test]
async fn a_script_that_hangs_is_ended_with_all_it_started() {
    let source = "trap '' TERM\n(trap '' TERM; echo $BASHPID > child; while :; do sleep 0.1; done) &\necho $$ > parent\nuntil [ -s child ]; do sleep 0.05; done\necho '{\"hello\":1}'\nwhile :; do sleep 0.1; done\n";
    let script = program("bash", source, "timeout_seconds = 1");
    let message = broken(&script.validator, &candidate("x")).await;
    assert!(message.contains("no answer within 1 s"), "{message}");
    for file in ["child", "parent"] {
        let id: i32 = script.wrote(file).trim().parse().unwrap();
        assert!(gone(id).await, "{file} {id} still lives");
    }
}

#[tokio::test]
async fn dropping_a_question_ends_its_process() {
    let script = program(
        "bash",
        "echo $$ > parent\necho '{\"hello\":1}'\nwhile :; do sleep 0.1; done\n",
        "",
    );
    let candidate = candidate("x");
    let fake = Fake::default();
    let check = script.validator.check(&candidate, &fake);
    let cut = tokio::time::timeout(Duration::from_secs(30), async {
        tokio::select! {
            _ = check => panic!("it never answers"),
            () = async { while script.wrote("parent").trim().is_empty() { tokio::time::sleep(Duration::from_millis(20)).await } } => {}
        }
    });
    cut.await.unwrap();
    let id: i32 = script.wrote("parent").trim().parse().unwrap();
    assert!(gone(id).await);
}

/// Whether a process has ended, or does so soon.
async fn gone(id: i32) -> bool {
    let id = rustix::process::Pid::from_raw(id).unwrap();
    for _ in 0..200 {
        let zombie = fs::read_to_string(format!("/proc/{}/stat", id.as_raw_nonzero()))
            .is_ok_and(|stat| stat.contains(") Z "));
        if zombie || rustix::process::test_kill_process(id).is_err() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test]
async fn a_script_that_breaks_the_protocol_is_told_so() {
    let hello = "echo '{\"hello\":1}'\n";
    for (source, expected) in [
        (
            "echo ready\nsleep 9\n".to_owned(),
            "its first line is not {\"hello\":1} but “ready”",
        ),
        ("echo '{\"hello\":2}'\nsleep 9\n".to_owned(), "version 2"),
        ("echo oh no >&2\nexit 3\n".to_owned(), "exit status: 3"),
        (
            format!("{hello}read line\necho debug output\nsleep 9\n"),
            "no JSON: “debug output”",
        ),
        (
            format!("{hello}read line\nhead -c 9000000 /dev/zero | tr '\\0' x\nsleep 9\n"),
            "more than 8 MiB",
        ),
        (
            format!("{hello}exec 1>&-\nread line\nsleep 9\n"),
            "its output ended",
        ),
    ] {
        let script = program("bash", &source, "timeout_seconds = 20");
        let message = broken(&script.validator, &candidate("x")).await;
        assert!(message.contains(expected), "{expected}: {message}");
    }
    let missing = build("script", "command = ['./not-there']");
    assert!(
        broken(&missing, &candidate("x"))
            .await
            .contains("cannot be started")
    );
}

#[test]
fn script_settings_must_make_sense() {
    for (settings, key) in [
        ("command = []", "command"),
        ("command = ['']", "command"),
        ("command = ['x']\nworkers = 0", "workers"),
        ("command = ['x']\ntimeout_seconds = 0", "timeout_seconds"),
    ] {
        assert_eq!(build_error("script", settings).key.as_deref(), Some(key));
    }
}

#[tokio::test]
async fn one_that_left_its_group_and_session_is_swept() {
    let mark = format!("destiler-escaped-validator-{}", std::process::id());
    let source = format!(
        r#"(setsid bash -c "trap '' TERM; (exec -a {mark} sleep 1000) & wait" <&- >&- 2>&- &)
sleep 0.2; echo '{{"hello":1}}'
while IFS= read -r line; do id=${{line#'{{"id":"'}}; id=${{id%%'"'*}}; printf '{{"id":"%s","verdict":"accept"}}\n' "$id"; done"#
    );
    let script = program("bash", &source, "");
    let verdict = check(&script.validator, &candidate("4")).await;
    assert_eq!(verdict.decision, Decision::Accept);
    let lives = || {
        fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&command).contains(&mark)
        })
    };
    assert!(lives());
    script.validator.close().await;
    let closed = std::time::Instant::now();
    while lives() && closed.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!lives());
}

#[tokio::test]
async fn a_pinned_program_that_changed_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("check");
    fs::write(&file, "").unwrap();
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let settings = format!("command = ['bash', 'check']\nsha256 = '{empty}'");
    let built = try_build_in(directory.path(), "script", &settings).unwrap();
    fs::write(&file, "echo other").unwrap();
    let error = try_build_in(directory.path(), "script", &settings).err().unwrap();
    assert!(
        error.to_string().contains("is not the file that sha256 names"),
        "{error}"
    );
    assert!(
        broken(&built, &candidate("4")).await.contains("sha256"),
        "changed while it ran"
    );
}

/// One of the scripts that come with the sources.
fn bundled(file: &str) -> Arc<dyn Validator> {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins");
    try_build_in(&plugins, "script", &format!("command = ['python3', '{file}']"))
        .unwrap_or_else(|error| panic!("{error}"))
}

fn with_reference(seed: &Value, text: &str, value: Value) -> Candidate {
    let mut candidate = candidate(text);
    candidate.seed = Arc::new(row(seed));
    candidate.steps[0].value = Some(value);
    candidate
}

#[tokio::test]
async fn a_script_holds_an_answer_against_the_reference_of_the_seed_row() {
    let script = bundled("same_answer.py");
    let seed = json!({"question": "6 · 7 · 100?", "answer": "6 times 7 is 42, times 100 …\n#### 4,200"});
    let given = |answer: &str| with_reference(&seed, "…", json!({"answer": answer}));
    assert_eq!(
        check(&script, &given("$4200.0")).await,
        Verdict::accept("script").scored(1.0)
    );
    let wrong = check(&script, &given("42")).await;
    assert_eq!(wrong.reason, Some(Reason::Script));
    assert_eq!(
        wrong.evidence.as_deref(),
        Some("another answer than the reference: 42, reference 4200")
    );
    assert_eq!(check(&script, &given("many")).await.decision, Decision::Reject);
    let without = with_reference(&json!({"question": "?"}), "…", json!({"answer": "42"}));
    assert_eq!(check(&script, &without).await.decision, Decision::Review);
    script.close().await;
}

#[tokio::test]
async fn a_script_runs_the_code_with_the_tests_of_the_seed_row() {
    let script = bundled("run_tests.py");
    let seed = json!({"question": "Add.", "tests": "assert add(2, 3) == 5\nassert add(-1, 1) == 0"});
    let answer = |code: &str| {
        with_reference(
            &seed,
            &format!("Here:\n```python\n{code}\n```\nDone."),
            Value::Null,
        )
    };
    let right = check(&script, &answer("def add(a, b):\n    return a + b")).await;
    assert_eq!(right, Verdict::accept("script").scored(1.0));
    let wrong = check(&script, &answer("def add(a, b):\n    return a * b")).await;
    assert_eq!((wrong.decision, wrong.score), (Decision::Reject, Some(0.0)));
    assert_eq!(wrong.evidence.as_deref(), Some("a test fails: AssertionError"));
    let broken = check(&script, &answer("def add(a, b) return")).await;
    assert!(broken.evidence.unwrap().starts_with("a test fails: SyntaxError"));
    script.close().await;
}

#[tokio::test]
async fn code_that_never_ends_is_ended() {
    let source =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/run_tests.py")).unwrap();
    let script = program("python3", &source.replace("SECONDS = 10", "SECONDS = 1"), "");
    let seed = json!({"tests": "loop()"});
    let endless = with_reference(&seed, "def loop():\n    while True:\n        pass", Value::Null);
    let verdict = check(&script.validator, &endless).await;
    assert_eq!(
        verdict.evidence.as_deref(),
        Some("the tests did not end within 1 s")
    );
    script.validator.close().await;
}
