//! Caps and targets: never passed, and reached exactly.

use std::time::Duration;

use crate::sandbox::Sandbox;
use crate::teacher::{Reply, Teacher};
use crate::{assert_conserved, job};

fn teacher() -> Teacher {
    Teacher::start(Duration::from_millis(2), false, |number, _| {
        Reply::text(&format!("answer {number}"))
    })
}

#[test]
fn a_hard_cap_is_never_passed_and_raising_it_goes_on() {
    let teacher = teacher();
    let sandbox = Sandbox::with_teacher(&teacher.url());
    // 48 micro-dollars a request; the cap holds about 208 of them.
    sandbox.write("job.toml", &job(400, 32, "usd = 0.01\n"));
    let ran = sandbox.run(&["run", "job.toml", "--json"]).expect_code(6);
    let summary = ran.summary();
    assert_conserved(&summary);
    assert_eq!(summary["state"], "paused");
    let spent = summary["usd"].as_f64().unwrap();
    assert!(spent <= 0.01 && spent > 0.008, "{spent}");
    assert!(teacher.seen().requests as f64 * 48e-6 <= 0.01);
    let done = sandbox
        .run(&["run", "job.toml", "--json", "--usd", "1"])
        .expect_code(0)
        .summary();
    assert_eq!(done["samples"]["accepted"], 400, "{done}");
}

#[test]
fn caps_on_requests_and_tokens_hold_too() {
    for (cap, most) in [("requests = 50\n", 50), ("tokens = 4800\n", 100)] {
        let teacher = teacher();
        let sandbox = Sandbox::with_teacher(&teacher.url());
        sandbox.write("job.toml", &job(200, 16, cap));
        sandbox.run(&["run", "job.toml"]).expect_code(6);
        let seen = teacher.seen().requests;
        assert!(seen <= most && seen > most / 2, "{cap}: {seen} requests");
    }
}

#[test]
fn a_target_is_reached_exactly_and_the_rest_is_cancelled() {
    let teacher = Teacher::start(Duration::from_millis(1), false, |number, _| {
        Reply::text(&if number % 3 == 0 {
            "no".to_owned()
        } else {
            format!("a longer answer {number}")
        })
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write(
        "job.toml",
        &job(
            500,
            32,
            "[target]\naccepted = 123\n[[validators]]\nkind = \"length\"\nmin_chars = 8\n",
        ),
    );
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_conserved(&summary);
    assert_eq!(
        (&summary["state"], &summary["samples"]["accepted"]),
        (&"completed".into(), &123.into()),
        "{summary}"
    );
    assert!(summary["tasks"]["cancelled"].as_u64().unwrap() > 250);
    assert_eq!(sandbox.rows("datasets/t/data.jsonl").len(), 123);
}

#[test]
fn a_limited_run_can_be_completed_later() {
    let teacher = teacher();
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(60, 8, ""));
    let some = sandbox
        .run(&["run", "job.toml", "--json", "--limit", "10"])
        .expect_code(0)
        .summary();
    assert_eq!(some["samples"]["accepted"], 10, "{some}");
    let all = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(
        (&all["samples"]["accepted"], teacher.seen().requests),
        (&60.into(), 60),
        "{all}"
    );
}

#[test]
fn a_limit_that_stops_cancels_with_its_reason() {
    let teacher = teacher();
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(200, 8, "requests = 40\non_limit = \"stop\"\n"));
    let ran = sandbox.run(&["run", "job.toml", "--json"]).expect_code(6);
    let summary = ran.summary();
    assert_conserved(&summary);
    assert_eq!(summary["state"], "cancelled");
    assert!(
        summary["reason"].as_str().unwrap().starts_with("limit met: "),
        "{summary}"
    );
    assert!(
        summary["tasks"]["cancelled"].as_u64().unwrap() >= 160,
        "{summary}"
    );
    let listed = sandbox.run(&["jobs", "list"]).expect_code(0);
    assert!(listed.stdout.contains("limit met: "), "{}", listed.stdout);
}

#[test]
fn two_judges_of_a_job_have_attempts_of_their_own() {
    let refusals = std::sync::Mutex::new([0_u32; 2]);
    let teacher = Teacher::start(Duration::ZERO, true, move |_, body| {
        let judge = ["First rubric", "Second rubric"]
            .iter()
            .position(|rubric| body.contains(rubric));
        let Some(judge) = judge else {
            return Reply::text("an answer");
        };
        let refused = &mut refusals.lock().unwrap()[judge];
        if *refused < 2 {
            *refused += 1;
            return Reply::Http(
                500,
                String::new(),
                "{\"error\":{\"message\":\"not now\"}}".to_owned(),
            );
        }
        Reply::text("{\"reasoning\":\"so\",\"score\":5}")
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let judge = |rubric: &str| {
        format!(
            "[[validators]]\nkind = \"judge\"\ncapability = \"chat\"\nrubric = \"{rubric} rubric\"\naccept_at = 4\n"
        )
    };
    let extra = format!("attempts = 3\n{}{}", judge("First"), judge("Second"));
    sandbox.write("job.toml", &job(1, 1, &extra));
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(summary["samples"]["accepted"], 1, "{summary}");
    assert_eq!(teacher.seen().requests, 1 + 3 + 3);
}

#[test]
fn a_teacher_on_this_machine_is_estimated_as_free_and_one_elsewhere_as_unknown() {
    for (url, free) in [
        ("http://127.0.0.1:9/v1", true),
        ("https://teacher.example/v1", false),
    ] {
        let sandbox = Sandbox::with_teacher(url);
        let config = sandbox.read("destiler.toml");
        let unpriced: Vec<&str> = config.lines().filter(|line| !line.contains("price")).collect();
        sandbox.write("destiler.toml", &unpriced.join("\n"));
        sandbox.write("job.toml", &job(400, 32, ""));
        let told = sandbox
            .run(&["estimate", "job.toml", "--json"])
            .expect_code(0)
            .summary();
        assert_eq!(told["usd"].is_null(), !free, "{told}");
        let notes = told["notes"].to_string();
        assert_eq!(notes.contains("your own"), free, "{notes}");
        assert_eq!(notes.contains("no price is known"), !free, "{notes}");
    }
}
