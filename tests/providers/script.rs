//! Plugin processes: the two examples, the protocol, and a zoo of programs that break it. Nothing may outlive its provider.

use std::sync::Arc;
use std::time::{Duration, Instant};

use destilation::core::ports::ModelProvider;
use destilation::core::request::{Completion, FinishReason, ProviderError};
use serde_json::json;

use crate::{provider, question, reaction};

/// A plugin written in one line of Bash.
fn bash(script: &str) -> Arc<dyn ModelProvider> {
    provider("script", |settings| {
        settings.command = vec!["bash".into(), "-c".into(), script.into()];
    })
}

async fn ask(provider: &Arc<dyn ModelProvider>, text: &str) -> Result<Completion, ProviderError> {
    let response = provider.send(&question(text)).await?;
    provider.read(&response)
}

const READ_ID: &str =
    r#"echo '{"hello":1}'; while IFS= read -r line; do id=${line#'{"id":"'}; id=${id%%'"'*}; "#;

/// A plugin that does this for every request, with `$id` and `$line` at hand.
fn answering(body: &str) -> Arc<dyn ModelProvider> {
    bash(&format!("{READ_ID}{body}; done"))
}

#[tokio::test]
async fn the_examples_answer() {
    for example in [&["python3", "teacher.py"], &["bash", "teacher.sh"]] {
        let path = format!("{}/plugins/{}", env!("CARGO_MANIFEST_DIR"), example[1]);
        assert!(std::fs::read_to_string(&path).unwrap().lines().count() <= 20);
        let teacher = provider("script", |settings| {
            settings.command = vec![example[0].into(), path];
        });
        for text in [
            "What is 2 + 2?",
            "Quotes \" and \\ and {\"content\":\"x\"}],\"schema\":",
            "naïve 東京 🌊\nsecond line",
        ] {
            let answer = ask(&teacher, text).await.unwrap();
            assert_eq!(
                (answer.text, answer.finish),
                (format!("You asked: {text}"), FinishReason::Stop)
            );
        }
        teacher.close().await;
    }
}

#[tokio::test]
async fn the_whole_protocol() {
    let teacher = answering(
        r#"printf '{"id":%s,"text":"t","reasoning":"r","tool_calls":[{"id":"c","name":"f","arguments":{"a":1}}],"finish_reason":"length","usage":{"input":3,"output":4}}\n' "$id""#,
    );
    let answer = ask(&teacher, "x").await.unwrap();
    assert_eq!(
        (answer.text.as_str(), answer.reasoning.as_deref(), answer.finish),
        ("t", Some("r"), FinishReason::Length)
    );
    assert_eq!((answer.usage.input, answer.usage.output), (Some(3), Some(4)));
    assert_eq!(answer.tool_calls[0].arguments, json!({ "a": 1 }));
    for (error, expected) in [
        (r#"{"action":"retry","message":"m"}"#, "retry Server"),
        (
            r#"{"action":"snooze","message":"m","retry_after":2.5}"#,
            "snooze 2.5s RateLimit",
        ),
        (
            r#"{"action":"snooze","message":"m","retry_after":7200}"#,
            "pause 7200s RateLimit",
        ),
        (r#"{"action":"fail","message":"m"}"#, "fail Request"),
        (r#"{"action":"pause","message":"\u001b[31mm"}"#, "pause Setup"),
        (r#"{"message":"m","retry_after":-1}"#, "retry 0s Server"),
    ] {
        let teacher = answering(&format!(r#"printf '{{"id":"%s","error":%s}}\n' "$id" '{error}'"#));
        let error = ask(&teacher, "x").await.unwrap_err();
        assert_eq!(reaction(&error), expected);
        assert!(error.message.ends_with('m') && !error.message.chars().any(char::is_control));
    }
    let silent = answering(r#"printf '{"id":"%s","text":" "}\n' "$id""#);
    assert_eq!(reaction(&ask(&silent, "x").await.unwrap_err()), "retry Garbage");
}

#[tokio::test]
async fn it_gets_no_environment_but_what_is_declared() {
    let teacher = provider("script", |settings| {
        settings.command = vec![
            "bash".into(),
            "-c".into(),
            format!(
                "{READ_ID} names=$(compgen -e | tr '\\n' ' '); printf '{{\"id\":\"%s\",\"text\":\"%s\"}}\\n' \"$id\" \"$names\"; done"
            ),
        ];
        settings.env = vec!["CARGO_PKG_NAME".into(), "NOT_SET_ANYWHERE".into()];
    });
    let names = ask(&teacher, "x").await.unwrap().text;
    // Bash sets the last three itself.
    for name in names.split_whitespace() {
        assert!(
            [
                "PATH",
                "LANG",
                "DESTILER_PLUGIN",
                "CARGO_PKG_NAME",
                "PWD",
                "SHLVL",
                "_"
            ]
            .contains(&name),
            "{names}"
        );
    }
    assert!(
        names.contains("CARGO_PKG_NAME") && names.contains("PATH"),
        "{names}"
    );
}

#[tokio::test]
async fn stray_prints_and_unknown_ids_are_dropped() {
    let teacher = answering(
        r#"echo "debug: $id"; echo '{"id":"999","text":"not yours"}'; echo '[]'; printf '{"id":"%s","text":"yours"}\n' "$id""#,
    );
    for _ in 0..3 {
        assert_eq!(ask(&teacher, "x").await.unwrap().text, "yours");
    }
}

#[tokio::test]
async fn floods_deadlock_nobody() {
    // 2 MiB of standard error, 2 MiB of answer, 2 MiB of question.
    let teacher = answering(
        r#"head -c 2097152 /dev/zero | tr '\0' e >&2; printf '{"id":"%s","text":"%s"}\n' "$id" "$(head -c 2097152 /dev/zero | tr '\0' x)""#,
    );
    let answer = ask(&teacher, &"q".repeat(2 << 20)).await.unwrap();
    assert_eq!(answer.text.len(), 2 << 20);
}

#[tokio::test]
async fn requests_are_dealt_to_the_least_busy_worker() {
    let script =
        format!("{READ_ID} sleep 0.2; printf '{{\"id\":\"%s\",\"text\":\"%s\"}}\\n' \"$id\" $$; done");
    let teacher = provider("script", |settings| {
        settings.command = vec!["bash".into(), "-c".into(), script];
        settings.workers = Some(3);
    });
    let answers = futures::future::join_all((0..6).map(|_| ask(&teacher, "x"))).await;
    let mut pids: Vec<String> = answers.into_iter().map(|answer| answer.unwrap().text).collect();
    pids.sort();
    pids.dedup();
    assert_eq!(pids.len(), 3, "three processes shared the work: {pids:?}");
}

#[tokio::test]
async fn a_process_gets_one_request_at_a_time_unless_it_asks_for_more() {
    let teacher = |hello: &str| {
        bash(&format!(
            r#"echo '{hello}'; ids=(); while IFS= read -r line; do id=${{line#'{{"id":"'}}; ids+=("${{id%%'"'*}}")
            if IFS= read -r -t 0.3 more; then id=${{more#'{{"id":"'}}; ids+=("${{id%%'"'*}}"); fi
            for id in "${{ids[@]}}"; do printf '{{"id":"%s","text":"%s at once"}}\n' "$id" "${{#ids[@]}}"; done; ids=(); done"#
        ))
    };
    for (hello, expected) in [
        (r#"{"hello":1}"#, "1 at once"),
        (r#"{"hello":1,"concurrency":2}"#, "2 at once"),
    ] {
        let teacher = teacher(hello);
        let (one, two) = tokio::join!(ask(&teacher, "x"), ask(&teacher, "y"));
        assert_eq!(
            (one.unwrap().text.as_str(), two.unwrap().text.as_str()),
            (expected, expected)
        );
    }
}

#[tokio::test]
async fn programs_that_break_the_protocol_are_ended_with_the_reason() {
    for (script, words) in [
        (
            "echo 'Loading weights…'; sleep 100",
            "its first line was not {\"hello\":1}; it said: Loading weights…",
        ),
        ("echo '{\"hello\":2}'; sleep 100", "version 2"),
        ("echo oops >&2; exit 3", "exit status: 3); it said: oops"),
        ("printf '\\e]0;title\\a' >&2; kill -9 $$", "SIGKILL"),
        ("exec 1>&-; sleep 100", "ended"),
    ] {
        let teacher = bash(script);
        let error = ask(&teacher, "x").await.unwrap_err();
        assert_eq!(reaction(&error), "snooze 1s Unreachable", "{}", error.message);
        assert!(error.message.contains(words), "{}", error.message);
        assert!(
            !error.message.chars().any(char::is_control),
            "{:?}",
            error.message
        );
    }
    for (body, words) in [
        ("echo dying >&2; exit 1", "exit status: 1); it said: dying"),
        (
            "head -c 9437184 /dev/zero | tr '\\0' x; echo; sleep 100",
            "longer than 8 MiB",
        ),
        ("printf '\\xff\\xfe\\n'; sleep 100", "UTF-8"),
        ("exec 1>&-; sleep 100", "ended"),
    ] {
        let teacher = answering(body);
        let error = ask(&teacher, "x").await.unwrap_err();
        assert_eq!(reaction(&error), "retry Network billed", "{}", error.message);
        assert!(error.message.contains(words), "{}", error.message);
    }
}

#[tokio::test]
async fn a_crash_loop_stops_the_provider() {
    let teacher = answering("exit 7");
    for _ in 0..3 {
        assert_eq!(
            reaction(&ask(&teacher, "x").await.unwrap_err()),
            "retry Network billed"
        );
    }
    let error = ask(&teacher, "x").await.unwrap_err();
    assert_eq!(reaction(&error), "pause 60s Setup", "{}", error.message);
    assert!(
        error.message.contains("3 times within a minute"),
        "{}",
        error.message
    );
    let missing = provider("script", |settings| {
        settings.command = vec!["no-such-program-here".into()];
    });
    let error = ask(&missing, "x").await.unwrap_err();
    assert_eq!(reaction(&error), "pause Setup");
    assert!(
        error.message.contains("cannot start `no-such-program-here`"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn one_that_never_answers_is_ended_and_the_next_one_serves() {
    let late = provider("script", |settings| {
        settings.command = vec!["bash".into(), "-c".into(), format!("{READ_ID} sleep 100; done")];
        settings.timeout_seconds = Some(1);
    });
    for _ in 0..2 {
        let error = ask(&late, "x").await.unwrap_err();
        assert_eq!(reaction(&error), "retry Network billed");
        assert!(
            error.message.contains("no answer within 1 s"),
            "{}",
            error.message
        );
    }
}

/// Whether any process still carries this word in its command line.
fn lives(word: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(word)
    })
}

#[tokio::test]
async fn nobody_outlives_its_provider() {
    // Ignores SIGTERM, and so does a child of its own that holds the pipes open.
    let mark = format!("destiler-mark-{}", std::process::id());
    let teacher = bash(&format!(
        "trap '' TERM; (trap '' TERM; exec -a {mark} sleep 1000) & {READ_ID} printf '{{\"id\":\"%s\",\"text\":\"ok\"}}\\n' \"$id\"; done; wait"
    ));
    assert_eq!(ask(&teacher, "x").await.unwrap().text, "ok");
    assert!(lives(&mark));
    let start = Instant::now();
    teacher.close().await;
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(!lives(&mark));
}

#[tokio::test]
async fn one_that_left_its_group_and_session_is_swept() {
    let mark = format!("destiler-escaped-mark-{}", std::process::id());
    for end in ["wait", "exit 0"] {
        // The daemon of a daemon, with its pipes closed and SIGTERM ignored; then the program goes on or ends by itself.
        let teacher = bash(&format!(
            "(setsid bash -c \"trap '' TERM; (exec -a {mark} sleep 1000) & wait\" <&- >&- 2>&- &) ; sleep 0.2; {READ_ID} \
             printf '{{\"id\":\"%s\",\"text\":\"ok\"}}\\n' \"$id\"; [ '{end}' = wait ] || {end}; done; wait"
        ));
        assert_eq!(ask(&teacher, "x").await.unwrap().text, "ok");
        assert!(end != "wait" || lives(&mark));
        teacher.close().await;
        // Killed they are; the kernel may take a moment to let go of them.
        let closed = Instant::now();
        while lives(&mark) && closed.elapsed() < Duration::from_secs(5) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(!lives(&mark), "after {end}");
    }
}

#[tokio::test]
async fn endless_output_and_half_lines_end_the_process_and_not_us() {
    for (body, expected) in [
        ("yes | tr -d '\\n'", "longer than 8 MiB"),
        ("printf '{\"id\":\"%s\",\"te' \"$id\"; exit 0", "ended"),
        ("yes 'noise' & sleep 100", "no answer within 2 s|more than 64 MiB"),
        ("yes 'noise' >&2 & sleep 100", "no answer within 2 s"),
    ] {
        let teacher = provider("script", |settings| {
            settings.command = vec![
                "bash".into(),
                "-c".into(),
                format!("trap '' TERM; {READ_ID}{body}; done"),
            ];
            settings.timeout_seconds = Some(2);
        });
        let start = Instant::now();
        let error = ask(&teacher, "x").await.unwrap_err();
        let said = expected.split('|').any(|words| error.message.contains(words));
        assert!(said, "{body}: {}", error.message);
        teacher.close().await;
        assert!(
            start.elapsed() < Duration::from_secs(15),
            "{body}: {:?}",
            start.elapsed()
        );
    }
}

#[tokio::test]
async fn limits_are_in_force() {
    let teacher = answering(
        r#"sleep 0.2; printf '{"id":"%s","text":"%s %s"}\n' "$id" "$(ulimit -Hc)" "$(ulimit -Hn)""#,
    );
    assert_eq!(ask(&teacher, "x").await.unwrap().text, "0 4096");
}

#[test]
fn a_pinned_program_that_changed_is_refused() {
    use destilation::core::settings::ProviderSettings;
    let build = destilation::providers::CATALOG.find("script").unwrap().build;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("teacher.sh");
    std::fs::write(&file, "").unwrap();
    let settings = ProviderSettings {
        name: "t".into(),
        command: vec!["bash".into(), file.display().to_string()],
        sha256: Some("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".into()),
        ..Default::default()
    };
    assert!(build(&settings, None).is_ok());
    std::fs::write(&file, "echo other").unwrap();
    let error = build(&settings, None).err().unwrap();
    assert_eq!(error.key.as_deref(), Some("sha256"));
    assert!(error.message.contains("teacher.sh"), "{}", error.message);
}

#[test]
fn nobody_outlives_the_runtime() {
    let mark = format!("destiler-other-mark-{}", std::process::id());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let teacher = bash(&format!(
        "(exec -a {mark} sleep 1000) & {READ_ID} printf '{{\"id\":\"%s\",\"text\":\"ok\"}}\\n' \"$id\"; done"
    ));
    runtime.block_on(async { ask(&teacher, "x").await.unwrap() });
    assert!(lives(&mark));
    drop(runtime);
    let start = Instant::now();
    while lives(&mark) && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(!lives(&mark));
}

#[tokio::test]
async fn a_command_is_needed_and_a_key_is_refused() {
    use destilation::core::settings::ProviderSettings;
    let build = destilation::providers::CATALOG.find("script").unwrap().build;
    let mut settings = ProviderSettings {
        name: "t".into(),
        ..Default::default()
    };
    assert_eq!(
        build(&settings, None).err().unwrap().key.as_deref(),
        Some("command")
    );
    settings.command = vec!["true".into()];
    assert_eq!(
        build(&settings, Some("k".into())).err().unwrap().key.as_deref(),
        Some("api_key")
    );
    let teacher = build(&settings, None).unwrap();
    assert!(teacher.models().await.unwrap().is_empty());
    assert_eq!(
        reaction(&teacher.probe().await.unwrap_err()),
        "snooze 1s Unreachable"
    );
    teacher.close().await;
}
