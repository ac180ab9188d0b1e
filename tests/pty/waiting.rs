//! A database that answers slowly, or that another program keeps locked: every screen says so, in its time, and nothing is lost.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Executor};
use tokio::runtime::Runtime;

use crate::sandbox::{Sandbox, wait_until};
use crate::session::{Session, Setup, frames, settled};
use crate::teacher::{Reply, Teacher};

const DATABASE: &str = ".local/share/destiler/destiler.db";

#[test]
fn every_screen_says_that_it_waits_for_a_slow_database_but_not_at_once() {
    let sandbox = Sandbox::new();
    sandbox.run(&["demo", "--quiet"]).expect_code(0);
    let slow = Setup::default()
        .size(120, 36)
        .env("DESTILER_TEST", "slow-db=2000");
    let session = Session::start(&sandbox, slow);
    session.shows("Jobs now");
    settled(&session, &sandbox);
    for (key, waits, there) in [
        ("2", "Loading the jobs", "quickstart"),
        ("3", "Loading the samples", "match"),
        ("4", "Looking for samples", "quickstart"),
        ("5", "", "mock"),
        ("6", "Reading the log", "following"),
        ("1", "", "Jobs now"),
    ] {
        let before = frames(&sandbox).len();
        session.send(key);
        session.shows(&format!("[{key} "));
        if !waits.is_empty() {
            session.shows(waits);
            let at = |frame: &serde_json::Value| frame["at_ms"].as_u64().unwrap();
            let is = |frame: &serde_json::Value, word: &str| frame["cause"].as_str().unwrap().contains(word);
            // A frame is on the screen before it is in the trace.
            let mut noted = Vec::new();
            wait_until("the frame that says it is in the trace", || {
                noted = frames(&sandbox).split_off(before);
                noted.iter().any(|frame| is(frame, "time"))
            });
            let first = |word: &str| noted.iter().find(|frame| is(frame, word)).unwrap();
            let (pressed, said) = (first("key"), first("time"));
            let asked = at(pressed) - pressed["latency_us"].as_u64().unwrap() / 1000;
            assert!(
                at(said) >= asked + 149,
                "{key}: said after {} ms",
                at(said) - asked
            );
        }
        session.wait("what was waited for", |text| {
            text.contains(there) && (waits.is_empty() || !text.contains(waits))
        });
        settled(&session, &sandbox);
    }
}

/// Somebody else's hold on the database.
struct Hold {
    runtime: Runtime,
    connection: Option<SqliteConnection>,
}

impl Hold {
    fn on(sandbox: &Sandbox) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let connection = runtime.block_on(async {
            let options = SqliteConnectOptions::new().filename(sandbox.path(DATABASE));
            let options = options.busy_timeout(Duration::from_secs(20));
            let mut connection = options.connect().await.unwrap();
            connection.execute("BEGIN IMMEDIATE").await.unwrap();
            connection
        });
        Self {
            runtime,
            connection: Some(connection),
        }
    }

    fn let_go(mut self) {
        let mut connection = self.connection.take().unwrap();
        self.runtime.block_on(async {
            connection.execute("ROLLBACK").await.unwrap();
            connection.close().await.unwrap();
        });
    }
}

#[test]
fn a_database_that_is_locked_when_it_is_opened_opens_when_it_is_let_go() {
    let sandbox = Sandbox::new();
    sandbox.run(&["demo", "--quiet"]).expect_code(0);
    let hold = Hold::on(&sandbox);
    let mut session = Session::start(&sandbox, Setup::default().size(120, 36));
    session.shows("The database is not open");
    session.shows("another program keeps the database locked");
    session.shows("tries again");
    hold.let_go();
    session.send("r");
    session.shows("Jobs now");
    session.send("2");
    session.shows("quickstart");
    session.send("q");
    assert_eq!(session.end().0, 0);
}

/// A job at work on a screen, whose database is locked for a while; then it goes on by itself to its end.
fn locked_at_work(longer: impl FnOnce(&Session)) {
    let teacher = Teacher::start(Duration::from_millis(40), true, |number, _| {
        Reply::text(&format!("answer {number}"))
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    sandbox.write(
        "job.toml",
        "name = \"t\"\n[seeds]\ncount = 200\n[vary]\nn = { integer = [1, 1000000000] }\n[[steps]]\nname = \"answer\"\n\
         capability = \"chat\"\nprompt = \"Question {{ n }}\"\n[dataset]\nformat = \"raw\"\n[limits]\nconcurrency = 4\n",
    );
    sandbox.run(&["jobs", "create", "job.toml"]).expect_code(0);
    let mut session = Session::open_with(&sandbox, Setup::default().size(120, 36));
    session.send("2");
    session.shows("draft");
    session.send("p");
    wait_until("requests are in flight", || teacher.seen().answers >= 8);
    let hold = Hold::on(&sandbox);
    longer(&session);
    // What only reads works meanwhile, and keys do.
    session.send("3");
    session.shows("[3 Samples]");
    session.send("2");
    session.shows("[2 Jobs]");
    hold.let_go();
    session.shows("completed");
    session.send("q");
    assert_eq!(session.end().0, 0);
    let summary = sandbox.run(&["run", "t", "--json"]).expect_code(0).summary();
    assert_eq!(summary["samples"]["accepted"], 200, "{summary}");
    let again = teacher.seen().requests - 200;
    assert_eq!(
        summary["requests"]["maybe_billed_twice"], again,
        "bought again without a word: {summary}"
    );
    sandbox.run(&["db", "check", "--deep"]).expect_code(0);
}

#[test]
fn a_lock_of_a_moment_at_work_costs_nothing() {
    locked_at_work(|_| std::thread::sleep(Duration::from_secs(3)));
}

#[test]
fn a_long_lock_at_work_is_said_and_the_job_goes_on_by_itself() {
    locked_at_work(|session| session.shows("another program keeps the database locked"));
}
