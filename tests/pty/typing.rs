//! What arrives from the keyboard, the mouse and the terminal itself, and what must never be taken for keys.

use crate::sandbox::Sandbox;
use crate::session::{Session, Setup, frames, settled};

/// All that can be read of a database by its commands.
fn stored(sandbox: &Sandbox) -> String {
    let jobs = sandbox
        .run(&["jobs", "show", "quickstart", "--json"])
        .expect_code(0)
        .stdout;
    jobs + &sandbox.run(&["samples", "list", "--json"]).expect_code(0).stdout
}

#[test]
fn a_paste_is_no_command() {
    let sandbox = Sandbox::new();
    sandbox.run(&["demo", "--quiet"]).expect_code(0);
    let before = stored(&sandbox);
    let mut session = Session::open(&sandbox);
    for screen in ["2", "1", "3", "4", "5"] {
        session.keys(&[screen]);
        for paste in ["dDxXaAq\r", "\x1b[200~dDxXaAq\r\x1b[201~"] {
            let before = frames(&sandbox).len();
            session.send(paste);
            session.until("word of the paste", |session| {
                let seen = frames(&sandbox)
                    .into_iter()
                    .skip(before)
                    .any(|frame| frame["cause"].as_str().unwrap().contains("paste"));
                seen && session.text().contains("Paste ignored")
            });
        }
    }
    session.send("qqqq");
    assert_eq!(session.end().0, 0);
    assert_eq!(stored(&sandbox), before);
}

#[test]
fn a_paste_into_a_field_is_text_and_never_its_end() {
    let sandbox = Sandbox::new();
    sandbox.run(&["demo", "--quiet"]).expect_code(0);
    let session = Session::open(&sandbox);
    session.keys(&["2"]);
    session.shows("quickstart");
    session.keys(&["/"]);
    session.send("\x1b[200~quick\rD\x1b[201~");
    session.shows("/ quickD");
    let long = format!("\x1b[200~{}\x1b[201~", "x".repeat((1 << 20) + 1));
    session.send(&long);
    session.shows("too long");
    assert!(session.text().contains("/ quickD"), "{}", session.text());
}

#[test]
fn answers_of_the_terminal_are_never_keys() {
    let answers = "\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?2031;2$y\x1b[?2026;2$y\x1b[?0u\x1b[?62;22c";
    let sandbox = Sandbox::new();
    let session = Session::open(&sandbox);
    session.until("the questions", |session| {
        session.wrote("\x1b]11;?\x1b\\\x1b[?2031$p\x1b[?2026$p\x1b[?u\x1b[c")
    });
    settled(&session, &sandbox);
    // The header counts the providers once it has heard of them.
    session.shows("P1/1");
    let before = session.text();
    // Much too late, and some that nobody asked for.
    session.send(answers);
    session.send("\x1bP>|XTerm(390)\x1b\\\x1b]10;rgb:00/00/00\x07\x1b[24;80R\x1b]52;c;cXE=\x07");
    session.keys(&["2"]);
    session.shows("No jobs.");
    session.keys(&["1"]);
    session.shows("Nothing has run yet");
    assert_eq!(session.text(), before);
    assert!(!session.wrote("\x1b[?2026h"), "a late answer was believed");
}

#[test]
fn answers_in_time_are_used() {
    let sandbox = Sandbox::new();
    let session = Session::start(&sandbox, Setup::default());
    session.until("the questions", |session| session.wrote("\x1b[c"));
    session.send("\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?2031;2$y\x1b[?2026;2$y\x1b[?0u\x1b[?62;22c");
    session.until("the use of the answers", |session| session.wrote("\x1b[?2031h"));
    session.keys(&["2"]);
    session.until("a frame as a whole", |session| {
        session.wrote("\x1b[?2026h") && session.wrote("\x1b[?2026l")
    });
}

fn press(session: &Session, text: &str) -> String {
    let rows = session.text();
    let (row, line) = rows
        .lines()
        .enumerate()
        .find(|(_, line)| line.contains(text))
        .unwrap();
    let column = line[..line.find(text).unwrap()].chars().count();
    format!(
        "\x1b[<0;{};{}M\x1b[<0;{};{}m",
        column + 1,
        row + 1,
        column + 1,
        row + 1
    )
}

#[test]
fn the_mouse_goes_where_it_points() {
    let sandbox = Sandbox::new();
    sandbox.run(&["demo", "--quiet"]).expect_code(0);
    let session = Session::open_with(&sandbox, Setup::default().size(120, 36));
    let click = press(&session, "2 Jobs");
    session.send(&click);
    session.shows("[2 Jobs]");
    session.shows("quickstart");
    let double = press(&session, "✓ completed").repeat(2);
    session.send(&double);
    session.shows("Jobs ▸ quickstart");
    // The keys at the bottom stand still once the job is loaded.
    session.shows("Validator funnel");
    settled(&session, &sandbox);
    let help = press(&session, "? help");
    session.send(&help);
    session.shows("commands work here");
}

#[test]
fn without_the_mouse_there_is_no_mouse() {
    let sandbox = Sandbox::new();
    sandbox.write("destiler.toml", "[ui]\nmouse = false\n");
    let session = Session::open(&sandbox);
    session.keys(&["2"]);
    assert!(!session.wrote("\x1b[?1000h") && !session.wrote("\x1b[?1006h"));
    session.keys(&[":"]);
    session.send("toggle mouse");
    session.shows("Toggle mouse");
    session.send("\r");
    session.until("the mouse", |session| session.wrote("\x1b[?1000h\x1b[?1006h"));
}

#[test]
fn ctrl_c_twice_leaves_and_esc_never_does() {
    let sandbox = Sandbox::new();
    let mut session = Session::open(&sandbox);
    for _ in 0..10 {
        let before = frames(&sandbox).len();
        session.send("\x1b");
        // Its own frame: what is sent before it was read would be one key with it.
        let read = |frame: &serde_json::Value| frame["cause"].as_str().unwrap().contains("key");
        session.until("its frame", |_| frames(&sandbox)[before..].iter().any(read));
        session.shows("q quits");
    }
    session.send("\x03");
    session.shows("ctrl-c again quits");
    session.send("\x03");
    assert_eq!(session.end().0, 0);
    session.assert_restored();
}

#[test]
fn ctrl_c_in_a_field_only_closes_it() {
    let sandbox = Sandbox::new();
    let session = Session::open(&sandbox);
    session.send("3");
    session.shows("No samples yet.");
    session.send("/");
    session.shows("INSERT");
    session.send("\x03");
    session.wait("the field to close", |text| !text.contains("INSERT"));
    session.send("n");
    session.shows("START FROM");
    session.send("\r");
    session.shows("2/9 Seeds");
    session.send("\x05");
    session.shows("INSERT");
    session.keys(&["Q", "\x03"]);
    session.wait("the end of typing", |text| !text.contains("INSERT"));
    session.shows("Q#");
}

#[test]
fn a_copy_goes_to_the_terminal_and_into_a_private_file() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    sandbox.run(&["demo", "--quiet"]).expect_code(0);
    let session = Session::open_with(
        &sandbox,
        Setup::default().size(120, 36).env("TMUX", "/tmp/none,1,0"),
    );
    session.keys(&["2"]);
    session.shows("quickstart");
    session.send("y");
    session.shows("tmux may block it");
    assert!(session.wrote("\x1b]52;c;cXVpY2tzdGFydA==\x07"));
    assert!(session.wrote("\x1bPtmux;\x1b\x1b]52;c;cXVpY2tzdGFydA==\x07\x1b\\"));
    let file = sandbox.path(".local/state/destiler/last-copy.txt");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "quickstart");
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn the_screens_are_found_as_they_were_left() {
    let sandbox = Sandbox::new();
    let mut session = Session::open(&sandbox);
    session.keys(&["3"]);
    session.shows("No samples yet.");
    session.send("q");
    assert_eq!(session.end().0, 0);
    let file = ".local/state/destiler/ui-state.json";
    assert!(
        sandbox.read(file).contains("\"screen\":\"samples\""),
        "{}",
        sandbox.read(file)
    );
    let mut session = Session::start(&sandbox, Setup::default());
    session.shows("No samples yet.");
    session.send("q");
    assert_eq!(session.end().0, 0);
    for broken in ["{", "{\"version\":1,\"screen\":7,\"screens\":[]}", "\0\0\0"] {
        sandbox.write(file, broken);
        let session = Session::open(&sandbox);
        drop(session);
    }
}

#[test]
fn a_slow_database_holds_no_key_up() {
    let sandbox = Sandbox::new();
    let session = Session::start(&sandbox, Setup::default().env("DESTILER_TEST", "slow-db=600000"));
    session.shows("Waiting for the engine");
    session.send("2");
    session.shows("Loading the jobs");
    session.send("?");
    session.shows("commands work here");
}
