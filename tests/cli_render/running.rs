//! Runs, signals, errors, and the command tree itself.

use std::path::PathBuf;
use std::time::Duration;

use clap::CommandFactory;
use destilation::cli::Signal;
use destilation::cli::args::Arguments;
use destilation::core::api::{
    Command, Event, Failure, FailureKind, Health, How, JobSource, Level, RunOptions,
};
use destilation::core::job::{JobState, PauseReason};

use super::engine::{check_report, detail};
use super::stage::{Pipe, Scene, ended, show};

#[test]
fn the_command_tree_is_sound_and_explains_itself() {
    fn walk(command: &clap::Command, path: &str) {
        assert!(command.get_about().is_some(), "{path} has no help");
        for argument in command.get_arguments() {
            assert!(
                argument.get_help().is_some(),
                "{path} {} has no help",
                argument.get_id()
            );
        }
        let children: Vec<_> = command.get_subcommands().collect();
        if children.is_empty() {
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains("--json"), "{path} does not say what --json prints");
        }
        for child in children {
            if child.get_name() != "help" {
                walk(child, &format!("{path} {}", child.get_name()));
            }
        }
    }
    Arguments::command().debug_assert();
    walk(&Arguments::command(), "destiler");
    assert!(Arguments::from_words(["destiler"]).unwrap().command.is_none());
    let usage = Arguments::from_words(["destiler", "jobs", "exterminate"]).unwrap_err();
    assert_eq!(usage.exit_code(), 2);
    for absent in ["rejudge", "lint"] {
        assert!(Arguments::from_words(["destiler", absent, "x"]).is_err());
    }
}

#[tokio::test]
async fn completions_and_manual_come_from_the_tree() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let shown = show(&["completions", shell]).await;
        assert_eq!(shown.code, 0);
        assert!(shown.out.contains("providers"), "{shell}");
    }
    assert!(show(&["man"]).await.out.contains("destiler"));
    let page = show(&["man", "jobs", "edit"]).await;
    assert!(page.out.contains("new revision"), "{}", page.out);
    let wrong = show(&["man", "nothing"]).await;
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("destiler has no command `nothing`"));
}

#[tokio::test]
async fn a_run_ends_with_a_summary_for_people_and_one_object_for_programs() {
    let shown = show(&["run", "quiz.toml", "--limit", "5", "--usd", "2.5", "--json"]).await;
    assert_eq!(shown.code, 0);
    assert_eq!(
        shown.orders,
        [Command::Run {
            source: JobSource::File(PathBuf::from("quiz.toml")),
            options: RunOptions {
                limit: Some(5),
                concurrency: None,
                usd: Some(2.5),
                ..RunOptions::default()
            }
        }]
    );
    assert_eq!(shown.out.lines().count(), 1);
    assert_eq!(shown.json()["tasks"]["planned"], 1_000);
    assert_eq!(shown.json()["usd"], 1.5);
    insta::assert_snapshot!(shown.err, @r"
    job quiz created
    note: the mock teacher is used
    quiz: completed after 0:02:10
      tasks     1,000 planned · 960 accepted · 40 rejected
      samples   960 accepted · 40 rejected
      requests  1,030 sent · 30 retried · 2 maybe billed twice
      tokens    120,000 in · 340,500 out
      cost      $1.50
      dataset   datasets/quiz
      rejected  near_duplicate 30 · length 10
    ");
}

#[tokio::test]
async fn the_exit_code_says_what_a_person_must_do() {
    let paused = JobState::Paused;
    for (state, code, help) in [
        (paused(PauseReason::Limit("usd".to_owned())), 6, "--usd"),
        (paused(PauseReason::Auth("x".to_owned())), 4, "set the key"),
        (paused(PauseReason::Credit("x".to_owned())), 4, "add credit"),
        (JobState::Failed("seeds gone".to_owned()), 3, "mend the job file"),
    ] {
        let shown = Scene::ending(&state).show(&["run", "quiz"]).await;
        assert_eq!(shown.code, code, "{state:?}");
        assert!(shown.err.contains(help), "{}", shown.err);
        assert!(shown.out.is_empty());
    }
    let scene = Scene {
        detail: detail(JobState::Completed, 6),
        ..Scene::new()
    };
    let shown = scene.show(&["run", "quiz"]).await;
    assert_eq!(shown.code, 5);
    assert!(shown.err.contains("failed    timeout 6"));
    assert!(shown.err.contains("destiler jobs retry quiz"));
}

#[tokio::test]
async fn a_complete_job_is_a_no_op() {
    let scene = Scene {
        how: How::Unchanged,
        detail: detail(JobState::Completed, 6),
        events: Vec::new(),
        ..Scene::new()
    };
    let shown = scene.show(&["run", "quiz"]).await;
    assert_eq!(shown.code, 0);
    assert!(shown.err.contains("nothing to do"));
}

#[tokio::test]
async fn notes_and_health_are_told_but_not_when_quiet() {
    let events = || {
        vec![
            Event::Note {
                level: Level::Warning,
                job: Some("quiz".to_owned()),
                text: "half of the answers are refused".to_owned(),
            },
            Event::Provider {
                provider: "openrouter".to_owned(),
                health: Health::Limited,
                message: "429, back in 20 s".to_owned(),
            },
            ended(JobState::Completed),
        ]
    };
    let scene = Scene {
        events: events(),
        ..Scene::new()
    };
    let shown = scene.show(&["run", "quiz"]).await;
    assert!(shown.err.contains("half of the answers are refused"));
    assert!(
        shown
            .err
            .contains("provider openrouter is limited: 429, back in 20 s")
    );
    let scene = Scene {
        events: events(),
        ..Scene::new()
    };
    assert_eq!(scene.show(&["run", "quiz", "--quiet"]).await.err, "");
}

#[tokio::test]
async fn the_job_file_can_come_from_stdin() {
    let scene = Scene {
        stdin: "name = \"quiz\"",
        ..Scene::new()
    };
    let shown = scene.show(&["run", "-"]).await;
    let Command::Run { source, .. } = &shown.orders[0] else {
        panic!("{:?}", shown.orders)
    };
    assert_eq!(
        *source,
        JobSource::Text {
            source: "name = \"quiz\"".to_owned(),
            base: PathBuf::from(".")
        }
    );
}

#[tokio::test]
async fn the_first_ctrl_c_waits_for_what_is_paid_for() {
    let scene = Scene {
        events: Vec::new(),
        in_flight: 12,
        signals: vec![Signal::Interrupt],
        detail: detail(JobState::Paused(PauseReason::Stopped), 0),
        ..Scene::new()
    };
    let shown = scene.show(&["run", "quiz", "--json"]).await;
    assert_eq!(shown.code, 130);
    assert_eq!(
        shown.orders[1..],
        [Command::Stop {
            grace: Duration::from_secs(10)
        }]
    );
    assert!(
        shown
            .err
            .contains("waiting for 12 requests in flight (paid for); ctrl-c again to leave now"),
        "{}",
        shown.err
    );
    assert!(
        shown
            .err
            .contains("help: `destiler run quiz` goes on where it stopped")
    );
    assert_eq!(shown.json()["state"], "paused");
}

#[tokio::test]
async fn the_second_ctrl_c_leaves_at_once() {
    let scene = Scene {
        events: Vec::new(),
        signals: vec![Signal::Interrupt, Signal::Interrupt],
        stuck: true,
        ..Scene::new()
    };
    let shown = scene.show(&["run", "quiz"]).await;
    assert_eq!(shown.code, 130);
    assert_eq!(
        shown.orders[2],
        Command::Stop {
            grace: Duration::ZERO
        }
    );
    assert!(shown.err.contains("go back to the queue"));
}

#[tokio::test]
async fn termination_and_hangup_wait_five_seconds_at_most() {
    for (signal, code) in [(Signal::Terminate, 143), (Signal::Hangup, 129)] {
        let scene = Scene {
            events: Vec::new(),
            signals: vec![signal],
            ..Scene::new()
        };
        let shown = scene.show(&["run", "quiz"]).await;
        assert_eq!(shown.code, code);
        assert_eq!(
            shown.orders[1],
            Command::Stop {
                grace: Duration::from_secs(5)
            }
        );
    }
}

#[tokio::test]
async fn the_live_line_is_for_terminals_only_and_gone_at_the_end() {
    let live = || Scene {
        events: Vec::new(),
        terminal: true,
        width: Some(60),
        signals: vec![Signal::Interrupt],
        ..Scene::new()
    };
    let shown = live().show(&["run", "quiz"]).await;
    assert!(shown.err.contains("\rquiz 50 % · 500 of 1,000 tasks"));
    let last = shown.err.rfind("\x1b[K").unwrap();
    assert!(shown.err[..last].ends_with('\r'));
    for flag in ["--no-progress", "--plain-ui", "--quiet"] {
        let shown = live().show(&["run", "quiz", flag]).await;
        assert!(!shown.err.contains('\x1b'), "{flag}");
    }
    let piped = Scene {
        terminal: false,
        ..live()
    };
    let shown = piped.show(&["run", "quiz"]).await;
    assert!(!shown.err.contains('\x1b') && !shown.out.contains('\x1b'));
    assert!(shown.err.contains("\nquiz 50 % · 500 of 1,000 tasks"));
}

#[tokio::test]
async fn the_demo_says_what_to_do_next() {
    let shown = show(&["demo"]).await;
    assert_eq!(shown.code, 0);
    assert!(matches!(
        &shown.orders[0],
        Command::Run { source: JobSource::Name(name), .. } if name == "quickstart"
    ));
    assert!(shown.err.contains("destiler init"));
}

fn locked() -> Failure {
    Failure {
        problems: check_report().problems,
        ..Failure::new(FailureKind::Locked, "another destiler holds the database")
            .because("held by process 4711\x1b[2J since 13:10")
            .help("wait for it, or end it")
    }
}

#[tokio::test]
async fn errors_name_cause_and_help_on_stderr() {
    let scene = Scene {
        failure: Some(locked()),
        ..Scene::new()
    };
    let shown = scene.show(&["run", "jobs/quiz.toml", "--quiet"]).await;
    assert_eq!(shown.code, 10);
    assert!(shown.out.is_empty());
    insta::assert_snapshot!(shown.err, @r"
    jobs/quiz.toml:12:1: error: steps.0.promt: unknown key `promt`
      help: did you mean `prompt`?
    jobs/quiz.toml: warning: no [limits]: nothing caps the cost
    error: another destiler holds the database
    caused by: held by process 4711␛[2J since 13:10
    help: wait for it, or end it
    ");
}

#[tokio::test]
async fn errors_are_one_object_for_programs() {
    let scene = Scene {
        failure: Some(locked()),
        ..Scene::new()
    };
    let shown = scene.show(&["jobs", "list", "--json"]).await;
    assert_eq!(shown.code, 10);
    assert_eq!(shown.out.lines().count(), 1);
    let error = &shown.json()["error"];
    assert_eq!(error["kind"], "locked");
    assert_eq!(error["causes"].as_array().unwrap().len(), 1);
    assert_eq!(error["problems"][0]["line"], 12);
}

#[tokio::test]
async fn every_kind_of_failure_has_its_exit_code() {
    for (kind, code) in [
        (FailureKind::Unexpected, 1),
        (FailureKind::Usage, 2),
        (FailureKind::Invalid, 3),
        (FailureKind::Auth, 4),
        (FailureKind::Limit, 6),
        (FailureKind::Records, 7),
        (FailureKind::NotFound, 8),
        (FailureKind::Unreachable, 9),
        (FailureKind::Locked, 10),
        (FailureKind::Fenced, 11),
    ] {
        let scene = Scene {
            failure: Some(Failure::new(kind, "no")),
            ..Scene::new()
        };
        assert_eq!(scene.show(&["jobs", "list"]).await.code, code, "{kind:?}");
    }
}

#[tokio::test]
async fn a_closed_pipe_ends_quietly() {
    for words in [
        &["jobs", "list"][..],
        &["samples", "list"],
        &["run", "quiz", "--json", "--quiet"],
        &["man"],
        &["export", "quiz", "--quiet"],
    ] {
        let scene = Scene {
            stdout: Pipe {
                closed: true,
                ..Pipe::default()
            },
            ..Scene::new()
        };
        let shown = scene.show(words).await;
        assert_eq!(shown.code, 0, "{words:?}");
        assert!(!shown.err.contains("error"), "{words:?}: {}", shown.err);
    }
}
