//! Money before and during a run: routing by yield, the canary and its forecast.

use std::time::Duration;

use crate::sandbox::Sandbox;
use crate::teacher::{Reply, Teacher};
use crate::{assert_conserved, job};

/// Two models at the same price: `good` answers well, `poor` mostly does not.
fn two_models(url: &str) -> String {
    format!(
        "[[providers]]\nname = \"local\"\nkind = \"openai\"\nbase_url = \"{url}\"\n\
         [[providers.models]]\nid = \"good\"\ncapabilities = [\"chat\"]\nprice = {{ input = 1.0, output = 1.0 }}\n\
         [[providers.models]]\nid = \"poor\"\ncapabilities = [\"chat\"]\nprice = {{ input = 1.0, output = 1.0 }}\n"
    )
}

#[test]
fn routing_by_yield_finds_the_teacher_whose_answers_are_accepted() {
    let teacher = Teacher::start(Duration::from_millis(2), false, |number, body| {
        let poor = body.contains("\"poor\"") && number % 5 != 0;
        Reply::text(&if poor {
            "no".to_owned()
        } else {
            format!("a longer answer {number}")
        })
    });
    let sandbox = Sandbox::new();
    sandbox.write("destiler.toml", &two_models(&teacher.url()));
    let text = job(300, 8, "[[validators]]\nkind = \"length\"\nmin_chars = 8\n");
    sandbox.write("job.toml", &format!("route = \"yield\"\n{text}"));
    // In two parts: what was learned in the first is known in the second.
    sandbox.run(&["run", "job.toml", "--limit", "150"]).expect_code(0);
    let summary = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_conserved(&summary);
    let shown = sandbox
        .run(&["jobs", "show", "t", "--json"])
        .expect_code(0)
        .summary();
    let teachers = shown["teachers"].as_array().unwrap();
    let of = |name: &str| teachers.iter().find(|row| row["name"] == name).unwrap();
    let (good, poor) = (of("local/good"), of("local/poor"));
    assert!(good["requests"].as_u64().unwrap() > 250, "{teachers:?}");
    assert!(
        poor["requests"].as_u64().unwrap() >= 8,
        "everybody gets a chance: {teachers:?}"
    );
    let each = |row: &serde_json::Value| row["usd_per_accepted"].as_f64().unwrap_or(f64::INFINITY);
    assert!(each(good) < each(poor), "{teachers:?}");
}

#[test]
fn a_canary_asks_before_the_rest_and_yes_goes_on() {
    let teacher = Teacher::start(Duration::from_millis(1), false, |number, _| {
        Reply::text(&if number % 4 == 0 {
            "no".to_owned()
        } else {
            format!("a longer answer {number}")
        })
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let text = job(
        200,
        8,
        "canary = 20\n[[validators]]\nkind = \"length\"\nmin_chars = 8\n",
    );
    sandbox.write("job.toml", &text);
    // Nobody is there to be asked: it pauses, however often it is started.
    for _ in 0..2 {
        let ran = sandbox.run(&["run", "job.toml", "--json"]).expect_code(6);
        let summary = ran.summary();
        assert_conserved(&summary);
        assert_eq!(
            (&summary["state"], &summary["tasks"]["planned"]),
            (&"paused".into(), &20.into()),
            "{summary}"
        );
        assert!(
            summary["reason"]
                .as_str()
                .unwrap()
                .starts_with("canary: 20 of 200 rows"),
            "{summary}"
        );
        assert!(ran.stderr.contains("--yes"), "{}", ran.stderr);
        assert_eq!(teacher.seen().requests, 20);
    }
    let told = sandbox.run(&["estimate", "t", "--json"]).expect_code(0).summary();
    let forecast = &told["forecast"];
    let done = sandbox
        .run(&["run", "job.toml", "--json", "--yes"])
        .expect_code(0)
        .summary();
    assert_conserved(&done);
    assert_eq!(done["tasks"]["planned"], 200, "{done}");
    assert_eq!(teacher.seen().requests, 200);
    let within = |value: &serde_json::Value, range: &serde_json::Value| {
        let (value, low, high) = (
            value.as_f64().unwrap(),
            range[0].as_f64().unwrap(),
            range[1].as_f64().unwrap(),
        );
        // Every answer costs the same: that interval is a point.
        assert!(low - 1e-6 <= value && value <= high + 1e-6, "{value} in {range}");
    };
    within(&done["usd"], &forecast["usd"]);
    within(&done["samples"]["accepted"], &forecast["accepted"]);
    assert_eq!(sandbox.run(&["run", "job.toml"]).expect_code(0).code, 0);
}

#[test]
fn whoever_resumes_a_canary_has_said_yes_to_the_rest() {
    let teacher = Teacher::start(Duration::from_millis(1), false, |number, _| {
        Reply::text(&format!("answer {number}"))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    // Queued before its canary was done, it has one all the same.
    sandbox.write("job.toml", &job(60, 8, "canary = 20\n"));
    sandbox.run(&["jobs", "create", "job.toml"]).expect_code(0);
    sandbox.run(&["jobs", "resume", "t"]).expect_code(0);
    sandbox.run(&["run", "t", "--json"]).expect_code(6);
    assert_eq!(teacher.seen().requests, 20);
    sandbox.run(&["jobs", "resume", "t"]).expect_code(0);
    let done = sandbox.run(&["run", "t", "--json"]).expect_code(0).summary();
    assert_conserved(&done);
    assert_eq!(
        (&done["state"], &done["tasks"]["planned"]),
        (&"completed".into(), &60.into())
    );
    assert_eq!(teacher.seen().requests, 60);
}

#[test]
fn with_yes_a_canary_is_told_and_passed_and_a_job_that_is_no_longer_has_none() {
    let teacher = Teacher::start(Duration::from_millis(1), false, |number, _| {
        Reply::text(&format!("answer {number}"))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write("job.toml", &job(60, 8, ""));
    let ran = sandbox
        .run(&["run", "job.toml", "--json", "--canary", "10", "--yes"])
        .expect_code(0);
    assert_eq!(ran.summary()["samples"]["accepted"], 60);
    assert!(ran.stderr.contains("10 of 60 rows for"), "{}", ran.stderr);
    sandbox.write(
        "small.toml",
        &job(8, 8, "canary = 20\n").replace("\"t\"", "\"small\""),
    );
    let small = sandbox
        .run(&["run", "small.toml", "--json"])
        .expect_code(0)
        .summary();
    assert_eq!(
        (&small["state"], &small["samples"]["accepted"]),
        (&"completed".into(), &8.into())
    );
    // It is complete: another run is a no-op.
    sandbox.run(&["run", "small.toml"]).expect_code(0);
    assert_eq!(teacher.seen().requests, 68);
}

/// Where nobody can tell whether a broken answer was charged, its estimate is money: in this life and in the next.
#[test]
fn what_may_have_been_charged_still_fills_the_cap_in_the_next_life() {
    let teacher = Teacher::start(Duration::from_millis(1), false, |_, _| {
        Reply::Half("{\"choices\": []}".repeat(20))
    });
    let sandbox = Sandbox::new();
    let url = teacher.url();
    sandbox.write(
        "destiler.toml",
        &format!(
            "[[providers]]\nname = \"local\"\nkind = \"openai\"\nbase_url = \"{url}\"\n\
             [[providers.models]]\nid = \"m\"\ncapabilities = [\"chat\"]\nprice = {{ input = 1000.0, output = 1000.0 }}\n"
        ),
    );
    sandbox.write("job.toml", &job(40, 1, "usd = 0.35\n"));
    let first = sandbox
        .run(&["run", "job.toml", "--json"])
        .expect_code(6)
        .summary();
    assert!(first["reason"].as_str().unwrap().contains("usd"), "{first}");
    let sent = teacher.seen().requests;
    assert!((2..=8).contains(&sent), "{sent} requests of about ten cents each");
    assert_eq!(first["requests"]["maybe_billed_twice"], sent, "{first}");
    for _ in 0..2 {
        sandbox.run(&["run", "job.toml", "--json"]).expect_code(6);
        assert_eq!(teacher.seen().requests, sent, "the cap was full");
    }
    sandbox.run(&["db", "check", "--deep"]).expect_code(0);
}
