//! What every other command prints.

use destilation::cli::{KeyRow, Offline};
use destilation::core::api::{CleanRules, Command, StreamRequest};
use destilation::core::ports::Decided;
use destilation::core::sample::SampleId;
use serde_json::Value;
use serde_json::json;

use super::stage::{Scene, show};

#[tokio::test]
async fn jobs_are_a_table_for_people_and_lines_for_programs() {
    let shown = show(&["jobs", "list"]).await;
    insta::assert_snapshot!(shown.out, @r"
    JOB         STATE      TASKS  ACCEPTED  REJECTED  REVIEW          COST  ABOUT
    quiz        completed  1,000       960        40       0  $1.50/$10.00  Questions and answers
    日本-facts  paused         0  0/10,000         0      12         $0.00  key missing or rejected: openrouter␛[31m
    ");
    let shown = show(&["jobs", "list", "--json"]).await;
    let rows: Vec<Value> = shown
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows[0]["tasks"]["accepted"], 960);
    assert_eq!(rows[0]["usd"], 1.5);
    assert_eq!(rows[1]["state"], "paused");
    assert_eq!(rows[1]["samples"]["needs_review"], 12);
}

#[tokio::test]
async fn a_job_shows_its_numbers_teachers_and_file() {
    let shown = show(&["jobs", "show", "quiz"]).await;
    insta::assert_snapshot!(shown.out, @r#"
    quiz  completed
      about     Questions and answers
      created   1970-01-01 00:00 UTC, revision 2
      tasks     1,000 planned · 960 accepted · 40 rejected
      samples   960 accepted · 40 rejected
      requests  1,030 sent · 30 retried · 2 maybe billed twice
      tokens    120,000 in · 340,500 out
      cost      $1.50
      dataset   datasets/quiz
      rejected  30 near_duplicate
      rejected  10 length

    TEACHER    REQUESTS   TOKENS  ACCEPTED  JUDGED   COST  PER 1,000 ACCEPTED
    mock/echo     1,030  460,500       960   1,000  $1.50               $1.56

    name = "quiz"
    "#);
    let shown = show(&["jobs", "show", "quiz", "--json"]).await;
    assert_eq!(shown.json()["rejected"]["length"], 10);
    assert_eq!(shown.json()["teachers"][0]["usd"], 1.5);
}

#[tokio::test]
async fn deleting_wants_the_name_or_a_flag() {
    let refused = show(&["jobs", "delete", "quiz"]).await;
    assert_eq!((refused.code, refused.orders.len()), (2, 0));
    assert!(refused.err.contains("--yes"));
    for (typed, code) in [("quiz\n", 0), ("quit\n", 2), ("", 2)] {
        let scene = Scene {
            stdin: typed,
            stdin_is_terminal: true,
            ..Scene::new()
        };
        let shown = scene.show(&["jobs", "delete", "quiz"]).await;
        assert_eq!(shown.code, code, "{typed:?}");
        assert_eq!(shown.orders.is_empty(), code != 0);
    }
    let shown = show(&["jobs", "delete", "quiz", "--yes", "--json"]).await;
    assert_eq!(shown.orders, [Command::Delete("quiz".to_owned())]);
    assert_eq!(shown.out, "{\"job\":\"quiz\",\"done\":\"deleted\"}\n");
}

#[cfg(unix)]
#[tokio::test]
async fn a_job_is_edited_in_the_users_editor_and_no_text_is_lost() {
    let with = |editor, invalid_edit| Scene {
        invalid_edit,
        editor,
        ..Scene::new()
    };
    let words = ["jobs", "edit", "quiz"];
    let typed = Some("sed -i s/quiz/exam/");
    let shown = with(typed, false).show(&words).await;
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert_eq!(
        shown.orders,
        [Command::Edit {
            job: "quiz".to_owned(),
            source: "name = \"exam\"\n".to_owned()
        }]
    );
    assert!(shown.err.contains("40 verdicts are made again"));
    assert!(shown.copies.is_empty());
    let refused = with(typed, true).show(&words).await;
    assert_eq!(refused.code, 3);
    assert_eq!(refused.copies, ["name = \"exam\"\n"]);
    assert!(refused.err.contains("destiler jobs edit quiz --file"));
    for (editor, code) in [(Some("true"), 0), (Some("false"), 1), (None, 2)] {
        let shown = with(editor, false).show(&words).await;
        assert_eq!((shown.code, shown.orders.len()), (code, 0), "{editor:?}");
        assert!(shown.copies.is_empty());
    }
}

#[tokio::test]
async fn counted_orders_say_how_many() {
    let shown = show(&["jobs", "retry", "quiz"]).await;
    assert_eq!(
        shown.err,
        "quiz queued again: 3 tasks\n`destiler run quiz` asks them\n"
    );
}

#[tokio::test]
async fn a_check_names_every_place_and_fails() {
    let shown = show(&["check", "quiz.toml"]).await;
    assert_eq!(shown.code, 3);
    insta::assert_snapshot!(shown.out, @r"
    quiz.toml:12:1: error: steps.0.promt: unknown key `promt`
      help: did you mean `prompt`?
    quiz.toml: warning: no [limits]: nothing caps the cost
    ✗ 1 error, 1 warning
      answer: mock/echo
    ");
    let shown = show(&["check", "quiz.toml", "--json"]).await;
    assert_eq!(shown.code, 3);
    assert_eq!(shown.json()["ok"], false);
    assert_eq!(shown.json()["problems"][1]["severity"], "warning");
}

#[tokio::test]
async fn an_estimate_is_ranges() {
    let shown = show(&["estimate", "quiz.toml"]).await;
    insta::assert_snapshot!(shown.out, @r"
    quiz.toml
      tasks     1,000
      requests  1,000 to 1,200
      tokens    100,000 in · 50,000 to 1,024,000 out
      cost      $0.20 to $2.50
      time      0:01:00 to 0:10:00
    note: the low end assumes no retries
    ");
}

#[tokio::test]
async fn the_doctor_fails_when_something_is_wrong() {
    let shown = show(&["doctor"]).await;
    assert_eq!(shown.code, 1);
    insta::assert_snapshot!(shown.out, @r"
    ✓ database    destiler.db, 3 jobs
    ✗ openrouter  no key
      help: export OPENROUTER_API_KEY=…
    ");
    let shown = show(&["doctor", "--json"]).await;
    assert_eq!(shown.json()["findings"][1]["level"], "error");
}

#[tokio::test]
async fn providers_database_and_configuration_are_tables() {
    let shown = show(&["providers", "list"]).await;
    insta::assert_snapshot!(shown.out, @r"
    PROVIDER    KIND        HEALTH  MODELS  SPENT  NOTE
    openrouter  openrouter  off          1  $0.00  OPENROUTER_API_KEY is not set
    ");
    let shown = show(&["db", "info"]).await;
    assert!(shown.out.contains("1 job · 2,000 tasks"));
    assert_eq!(show(&["db", "check", "--deep"]).await.code, 0);
    let shown = show(&["config", "show", "--origin"]).await;
    assert_eq!(shown.out, "engine.jobs_at_once  = 2  # default\n");
}

#[tokio::test]
async fn samples_stream_as_they_are_into_a_pipe_and_harmless_onto_a_terminal() {
    let shown = show(&["samples", "list", "job:quiz", "state:rejected", "tides"]).await;
    let StreamRequest::Samples(query) = &shown.streams[0] else {
        panic!("{:?}", shown.streams)
    };
    assert_eq!(query.job.as_deref(), Some("quiz"));
    assert_eq!(query.condition.to_string(), "status:rejected tides");
    assert_eq!(shown.out, "{\"id\":\"a\"}\n{\"id\":\"b\u{9b}\"}\n");
    assert_eq!(shown.err, "2 samples\n");
    let scene = Scene {
        terminal: true,
        ..Scene::new()
    };
    let shown = scene.show(&["samples", "list"]).await;
    assert_eq!(shown.out, "{\"id\":\"a\"}\n{\"id\":\"b\\x9b\"}\n");
    let wrong = show(&["samples", "list", "state:kept"]).await;
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("column 7: unknown `kept`"), "{}", wrong.err);
}

#[tokio::test]
async fn a_sample_shows_answers_and_verdicts_without_driving_the_terminal() {
    let shown = show(&["samples", "show", "5f"]).await;
    insta::assert_snapshot!(shown.out, @r"
    5f  quiz · task 41 · candidate 0
      seed.question
        What drives tides?
      answer by mock/echo (stop)
        The ␛]0;moon\x07.
        And the sun.
      ✗ judge 2.00: too short
      rejected: judge
    ");
    let shown = show(&["samples", "show", "5f", "--json"]).await;
    assert_eq!(shown.json()["steps"]["answer"]["finish_reason"], "stop");
}

#[tokio::test]
async fn ids_come_from_stdin_as_words_or_as_json_lines() {
    let scene = Scene {
        stdin: "a1\n\n\"b2\"\n{\"id\":\"c3\",\"task\":1}\n",
        ..Scene::new()
    };
    let shown = scene
        .show(&["samples", "reject", "-", "--note", "dull", "--json"])
        .await;
    let ids =
        |words: &[&str]| -> Vec<SampleId> { words.iter().map(|id| SampleId((*id).to_owned())).collect() };
    assert_eq!(
        shown.orders,
        [Command::Decide {
            samples: ids(&["a1", "b2", "c3"]),
            decided: Decided::Reject {
                note: Some("dull".to_owned())
            }
        }]
    );
    assert_eq!(shown.err, "3 samples rejected\n");
    assert_eq!(shown.json(), json!({ "done": "rejected", "samples": 3 }));
    let scene = Scene {
        stdin: "{\"task\":1}\n",
        ..Scene::new()
    };
    let wrong = scene.show(&["samples", "undo", "-"]).await;
    assert_eq!((wrong.code, wrong.orders.len()), (2, 0));
    assert!(wrong.err.contains("line 1 of stdin has no \"id\""));
}

#[tokio::test]
async fn an_answer_can_be_rewritten_from_stdin() {
    let scene = Scene {
        stdin: "The moon.\n",
        ..Scene::new()
    };
    let shown = scene.show(&["samples", "edit", "5f", "--file", "-"]).await;
    let Command::Decide {
        decided: Decided::Edit { steps },
        ..
    } = &shown.orders[0]
    else {
        panic!("{:?}", shown.orders)
    };
    assert_eq!(steps[0].text, "The moon.");
    let wrong = show(&["samples", "edit", "5f", "--step", "nope", "--file", "-"]).await;
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("its steps: answer"));
}

#[tokio::test]
async fn exports_go_to_stdout_or_whole_into_a_file() {
    let shown = show(&["export", "quiz", "--format", "alpaca", "--include", "rejected"]).await;
    let StreamRequest::Export(export) = &shown.streams[0] else {
        panic!("{:?}", shown.streams)
    };
    assert!(export.include_rejected);
    assert_eq!(export.format.as_deref(), Some("alpaca"));
    assert_eq!((shown.out.lines().count(), &*shown.err), (2, "2 rows\n"));
    let shown = show(&["export", "quiz", "-o", "a.jsonl", "--json"]).await;
    assert!(matches!(&shown.orders[0], Command::ExportTo { .. }));
    assert_eq!(shown.json(), json!({ "rows": 1_200, "file": "a.jsonl" }));
    assert_eq!(shown.err, "1,200 rows in a.jsonl\n");
}

#[tokio::test]
async fn a_dataset_that_does_not_match_its_ledger_is_reported() {
    let shown = show(&["verify", "datasets/quiz"]).await;
    assert_eq!(shown.code, 7);
    insta::assert_snapshot!(shown.out, @r"
    ✗ train.jsonl: row 7 is not in the ledger
    quiz: 1,200 rows, 4.5 MB, 1 finding
    ");
}

#[tokio::test]
async fn validators_over_a_file_print_counts_and_rows_only_when_asked() {
    let shown = show(&["validate", "a.jsonl", "--validator", "length{min = 20}"]).await;
    assert_eq!((shown.code, &*shown.out), (7, ""));
    assert_eq!(shown.err, "2 rows\n  accepted  1\n  length    1\n");
    let StreamRequest::Validate { validators, .. } = &shown.streams[0] else {
        panic!("{:?}", shown.streams)
    };
    assert_eq!(validators[0].params["min"], 20);
    let shown = show(&["validate", "a.jsonl", "--json"]).await;
    assert_eq!(shown.out.lines().count(), 2);
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("judged.jsonl");
    let job = directory.path().join("job.toml");
    std::fs::write(&job, "[[validators]]\nkind = 'regex'\npattern = 'x'\n").unwrap();
    let words = ["validate", "a.jsonl", "-o"];
    let paths = [target.to_str().unwrap(), "--job", job.to_str().unwrap()];
    let shown = show(&[&words[..], &paths[..]].concat()).await;
    assert_eq!(shown.code, 7);
    let StreamRequest::Validate { validators, .. } = &shown.streams[0] else {
        panic!("{:?}", shown.streams)
    };
    assert_eq!(validators[0].kind, "regex");
    assert_eq!(validators[0].params["pattern"], "x");
    assert_eq!(std::fs::read_to_string(&target).unwrap().lines().count(), 2);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
}

#[tokio::test]
async fn init_writes_once_and_never_over_something_else() {
    let directory = tempfile::tempdir().unwrap();
    let files = || Offline {
        init: vec![
            ("destiler.toml".into(), "# configuration\n".to_owned()),
            ("jobs/first.toml".into(), "name = \"first\"\n".to_owned()),
        ],
        ..Offline::default()
    };
    let place = directory.path().to_str().unwrap();
    for code in [0, 2] {
        let scene = Scene {
            offline: files(),
            ..Scene::new()
        };
        let shown = scene.show(&["init", place]).await;
        assert_eq!(shown.code, code, "{}", shown.err);
        assert_eq!(shown.err.contains("nothing was written"), code == 2);
    }
    let job = std::fs::read_to_string(directory.path().join("jobs/first.toml")).unwrap();
    assert_eq!(job, "name = \"first\"\n");
}

#[tokio::test]
async fn keys_are_printed_from_the_table_they_are_given() {
    let scene = |words: &'static [&'static str]| {
        Scene {
            offline: Offline {
                keys: vec![KeyRow {
                    context: "jobs".to_owned(),
                    id: "jobs".to_owned(),
                    keys: "R".to_owned(),
                    action: "jobs.retry".to_owned(),
                    help: "retry failed tasks".to_owned(),
                }],
                ..Offline::default()
            },
            ..Scene::new()
        }
        .show(words)
    };
    insta::assert_snapshot!(scene(&["keys", "list"]).await.out, @r"
    WHERE  KEYS  ACTION      DOES
    jobs   R     jobs.retry  retry failed tasks
    ");
    let json = scene(&["keys", "list", "--json"]).await.json();
    assert_eq!(json["action"], "jobs.retry");
}

#[tokio::test]
async fn the_page_of_keys_and_the_manual_have_every_key() {
    let scene = |words: &'static [&'static str]| {
        let row = KeyRow {
            context: "Everywhere".to_owned(),
            id: "everywhere".to_owned(),
            keys: ": |".to_owned(),
            action: "app.palette".to_owned(),
            help: "All commands".to_owned(),
        };
        Scene {
            offline: Offline {
                presets: vec![("vim".to_owned(), vec![row.clone()])],
                keys: vec![row],
                troubles: vec!["keymap.toml line 2: `x` is no key".to_owned()],
                ..Offline::default()
            },
            ..Scene::new()
        }
        .show(words)
    };
    let page = scene(&["keys", "list", "--markdown", "--preset", "vim"]).await;
    assert!(
        page.out.contains("| `:` `\\|` | `app.palette` | All commands |"),
        "{}",
        page.out
    );
    assert!(
        page.err.is_empty(),
        "a preset has no trouble with the user's keys"
    );
    assert!(scene(&["keys", "list"]).await.err.contains("keymap.toml line 2"));
    let manual = scene(&["man"]).await.out;
    assert!(
        manual.contains(".SH KEYS") && manual.contains(".SS Everywhere\n.TP\n.B : |\n"),
        "{manual}"
    );
}

#[tokio::test]
async fn cleaning_is_a_dry_run_until_it_is_said_twice() {
    let shown = show(&["db", "clean", "--rejected", "30"]).await;
    assert!(shown.orders.is_empty());
    assert!(shown.out.contains("7,190 rows"), "{}", shown.out);
    assert!(
        shown.err.contains("nothing was changed; --yes does it"),
        "{}",
        shown.err
    );
    let shown = show(&["db", "clean", "--rejected", "30", "--yes", "--dry-run"]).await;
    assert!(shown.orders.is_empty());
    let shown = show(&["db", "clean", "--rejected", "30", "--cancelled-jobs", "--yes"]).await;
    let rules = CleanRules {
        rejected_days: Some(30),
        cancelled_jobs: true,
        ..CleanRules::default()
    };
    assert_eq!(shown.orders, [Command::CleanUp { rules, backup: true }]);
    assert_eq!(show(&["db", "clean"]).await.orders, [Command::Clean]);
}

#[tokio::test]
async fn review_queues_are_told_with_their_figures() {
    let shown = Scene::new().show(&["review", "stats", "quiz"]).await;
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert_eq!(
        shown.out,
        "   2  one task, two teachers, random · 3/3 · a/small 2 · b/large 1 · ties 0 · both bad 0\n   1  needs review, random · 4/5 · ✓2 ✗1 ·1 · κ 0.40\n"
    );
    let shown = Scene::new().show(&["review", "stats", "quiz", "--json"]).await;
    let queues = &shown.json()["queues"];
    assert_eq!(queues[0]["compared"]["sources"], json!(["a/small", "b/large"]));
    assert_eq!(queues[0]["decided"], json!(null));
    assert_eq!(
        (&queues[1]["decided"]["edited"], &queues[1]["decided"]["kappa"]),
        (&json!(1), &json!(0.4))
    );
    assert_eq!(queues[1]["decided"]["same"], json!([1, 1]));
}
