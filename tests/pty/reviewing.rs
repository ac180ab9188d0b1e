//! What a person says in a review is in the ledger when the screen says so, whatever becomes of the program then.

use std::time::Duration;

use rustix::process::Signal;

use crate::sandbox::Sandbox;
use crate::session::Session;

/// Opens the first place of a queue: a new one of samples nobody decided about, or the one there is.
fn review(sandbox: &Sandbox, keys: &[&str]) -> Session {
    let session = Session::open(sandbox);
    session.keys(&["4"]);
    session.shows("Review samples");
    session.keys(keys);
    session.send("\r");
    session.shows("REVIEW · saved");
    session.shows("Response");
    // Just after something new, keys are not heard: they were meant for what was there before.
    std::thread::sleep(Duration::from_millis(400));
    session
}

#[test]
fn a_word_survives_the_death_of_the_program() {
    let sandbox = Sandbox::new();
    sandbox.run(&["demo", "--quiet"]).expect_code(0);
    let mut session = review(&sandbox, &["j", "l", "l"]);
    session.send("a");
    session.shows("last: ✓ (u undo)");
    session.signal(Signal::KILL);
    assert_eq!(session.end().0, 128 + 9);
    let history = sandbox
        .run(&["samples", "history", "--json"])
        .expect_code(0)
        .stdout;
    assert!(history.contains("accepted 1 sample"), "{history}");

    // The queue goes on behind it, and its undo is that of the samples.
    let mut session = review(&sandbox, &["j", "j", "j", "j", "j", "j", "j"]);
    session.wait("the word of before", |text| {
        text.contains("1/") && text.contains("✓1")
    });
    session.send("u");
    session.wait("the word to be taken back", |text| text.contains("0/"));
    session.shows("REVIEW · saved");
    session.send("\x1bq");
    session.signal(Signal::TERM);
    session.end();
    let undone = sandbox.run(&["samples", "undo", "--json"]);
    assert!(undone.stdout.contains("nothing to take back") || undone.stderr.contains("nothing to take back"));
}
