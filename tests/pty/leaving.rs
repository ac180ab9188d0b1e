//! However it ends or is interrupted, the terminal is given back as it was.

use std::time::Duration;

use rustix::process::Signal;

use crate::sandbox::{Sandbox, wait_until};
use crate::session::{Session, Setup, script, settled};
use crate::teacher::{Reply, Teacher};

const IDLE: Duration = Duration::from_secs(6);

#[test]
fn q_gives_the_terminal_back() {
    let sandbox = Sandbox::new();
    let mut session = Session::open(&sandbox);
    session.look(|screen| {
        assert!(screen.alternate_screen() && screen.hide_cursor() && screen.bracketed_paste());
        assert_eq!(
            screen.mouse_protocol_mode(),
            vt100::MouseProtocolMode::PressRelease
        );
        assert_eq!(
            screen.mouse_protocol_encoding(),
            vt100::MouseProtocolEncoding::Sgr
        );
    });
    assert!(
        !session.wrote("\x1b[?1003h") && !session.wrote("\x1b[?1002h"),
        "motion is reported"
    );
    assert_ne!(session.now(), session.before);
    session.until("the title", |session| session.wrote("\x1b]2;destiler\x1b\\"));
    session.send("q");
    assert_eq!(session.end().0, 0);
    session.assert_restored();
}

#[test]
fn signals_give_the_terminal_back() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let sandbox = Sandbox::new();
        let mut session = Session::open(&sandbox);
        session.signal(signal);
        let (ended, took) = session.end();
        assert_eq!(ended, code, "{signal:?}");
        assert!(took < IDLE, "{signal:?}: {took:?}");
        session.assert_restored();
    }
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_is_reported() {
    let sandbox = Sandbox::new();
    let mut session = Session::open_with(
        &sandbox,
        Setup::default().size(120, 36).env("DESTILER_TEST", "panic-key"),
    );
    session.send("\x1b[24~");
    assert_eq!(session.end().0, 101);
    session.assert_restored();
    session.shows("f12 was pressed");
    session.shows("The log is in");
    let raw = String::from_utf8_lossy(&session.raw()).into_owned();
    assert!(
        raw.find("\x1b[?1049l") < raw.find("f12 was pressed"),
        "the report is on the second screen"
    );
}

#[test]
fn without_the_hook_the_panic_key_is_no_key() {
    let sandbox = Sandbox::new();
    let session = Session::open(&sandbox);
    session.send("\x1b[24~2");
    session.shows("No jobs.");
}

#[test]
fn a_closed_terminal_ends_it() {
    let sandbox = Sandbox::new();
    let mut session = Session::open(&sandbox);
    session.close();
    let (code, took) = session.end();
    assert_eq!(code, 129);
    assert!(took < IDLE, "{took:?}");
}

fn at_work(sandbox: &Sandbox, teacher: &Teacher) -> Session {
    sandbox.write(
        "job.toml",
        "name = \"t\"\n[seeds]\ncount = 200\n[vary]\nn = { integer = [1, 1000000000] }\n[[steps]]\nname = \"answer\"\n\
         capability = \"chat\"\nprompt = \"Question {{ n }}\"\n[dataset]\nformat = \"raw\"\n[limits]\nconcurrency = 4\n",
    );
    sandbox.run(&["jobs", "create", "job.toml"]).expect_code(0);
    let session = Session::open(sandbox);
    session.send("2");
    session.shows("draft");
    session.send("p");
    wait_until("requests are in flight", || teacher.seen().answers >= 8);
    session
}

fn goes_on_to_the_end(sandbox: &Sandbox, teacher: &Teacher) {
    let summary = sandbox.run(&["run", "t", "--json"]).expect_code(0).summary();
    assert_eq!(summary["samples"]["accepted"], 200, "{summary}");
    assert_eq!(summary["requests"]["maybe_billed_twice"], 0, "{summary}");
    assert_eq!(teacher.seen().requests, 200, "an answer was bought twice");
}

fn answers() -> Teacher {
    Teacher::start(Duration::from_millis(60), true, |number, _| {
        Reply::text(&format!("answer {number}"))
    })
}

#[test]
fn a_signal_at_work_loses_nothing() {
    let (teacher, sandbox_of) = (answers(), |teacher: &Teacher| {
        Sandbox::with_teacher(&teacher.url())
    });
    let sandbox = sandbox_of(&teacher);
    let mut session = at_work(&sandbox, &teacher);
    session.until("the title", |session| session.wrote("\x1b]2;destiler t "));
    session.signal(Signal::TERM);
    let (code, took) = session.end();
    assert_eq!(code, 143);
    assert!(took < IDLE, "{took:?}");
    session.assert_restored();
    goes_on_to_the_end(&sandbox, &teacher);
}

#[test]
fn a_terminal_closed_at_work_loses_nothing() {
    let teacher = answers();
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let mut session = at_work(&sandbox, &teacher);
    session.close();
    let (code, took) = session.end();
    assert_eq!(code, 129);
    assert!(took < IDLE, "{took:?}");
    goes_on_to_the_end(&sandbox, &teacher);
}

#[test]
fn the_shell_has_the_terminal_while_it_is_suspended() {
    let sandbox = Sandbox::new();
    let binary = env!("CARGO_BIN_EXE_destiler");
    let setup = Setup {
        words: vec!["sh".to_owned(), "-i".to_owned()],
        ..Setup::default()
    };
    let session = Session::start(&sandbox, setup.env("PS1", "ready> ").env("ENV", "/dev/null"));
    session.shows("ready>");
    session.send(&format!("{binary}\r"));
    session.shows("Nothing has run yet");
    session.send("\x1a");
    session.until("the shell", |session| {
        session.look(|screen| !screen.alternate_screen() && !screen.hide_cursor())
    });
    session.until("pastes as they come", |session| {
        session.look(|screen| !screen.bracketed_paste())
    });
    // Typed before the prompt, the line's output would stand behind it.
    session.wait("the prompt", |text| {
        text.contains("Stopped") && text.trim_end().ends_with("ready>")
    });
    session.send("stty -a | tr ' ' '\\n' | grep -x -- '-*echo'\r");
    session.wait("a line of the shell", |text| {
        text.lines().any(|line| line.trim() == "echo")
    });
    session.send("fg; echo left with $?\r");
    session.until("the picture again", |session| {
        session.look(vt100::Screen::alternate_screen)
    });
    session.shows("Nothing has run yet");
    session.send("2");
    session.shows("No jobs.");
    session.send("1");
    session.shows("Nothing has run yet");
    session.send("q");
    session.shows("left with 0");
}

#[test]
fn stopped_by_somebody_else_it_takes_the_terminal_again() {
    let sandbox = Sandbox::new();
    let mut session = Session::open(&sandbox);
    settled(&session, &sandbox);
    let taken = |session: &Session| {
        let raw = String::from_utf8_lossy(&session.raw()).into_owned();
        raw.matches("\x1b[?1049h").count()
    };
    assert_eq!(taken(&session), 1);
    session.signal(Signal::STOP);
    session.signal(Signal::CONT);
    session.until("it to be taken again", |session| taken(session) == 2);
    session.shows("Nothing has run yet");
    session.send("q");
    assert_eq!(session.end().0, 0);
    session.assert_restored();
}

fn editing(sandbox: &Sandbox, editor: &str) -> Session {
    let session = Session::open_with(sandbox, Setup::default().env("EDITOR", editor));
    settled(&session, sandbox);
    session.send("n");
    session.shows("START FROM");
    session.send("\r");
    session.shows("2/9 Seeds");
    session.send("\x05");
    session.shows("INSERT");
    session
}

#[test]
fn the_editor_has_the_terminal_and_its_text_comes_back() {
    let sandbox = Sandbox::new();
    let wait = "printf x > \"$HOME/begun\"; while [ ! -e \"$HOME/go\" ]; do sleep 0.01; done; sed -i s/my-quickstart/ours/ \"$1\"\n";
    let session = editing(&sandbox, &script(&sandbox, "editor.sh", wait));
    session.send("\x07");
    session.until("the editor", |_| sandbox.path("begun").exists());
    session.until("the terminal to be the editor's", |session| {
        session
            .look(|screen| !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste())
            && session.now() == session.before
    });
    // What is typed now is the editor's, not ours.
    session.send("ZZZ\rqq");
    sandbox.write("go", "");
    session.shows("\"ours\"");
    session.look(|screen| assert!(screen.alternate_screen() && screen.bracketed_paste()));
    session.send("Y");
    session.shows("Y");
    assert!(!session.text().contains("ZZ"), "{}", session.text());
    assert_eq!(
        std::fs::read_dir(sandbox.path(".local/state/destiler/scratch"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn an_editor_that_changes_nothing_changes_nothing() {
    for (editor, said) in [
        ("true", "Unchanged"),
        ("false", "The editor ended with an error"),
        ("/no/such/editor", "Cannot start"),
    ] {
        let sandbox = Sandbox::new();
        let session = editing(&sandbox, editor);
        session.shows("my-quickstart");
        session.send("\x07");
        session.shows(said);
        session.shows("my-quickstart");
        session.look(|screen| assert!(screen.alternate_screen()));
    }
}
