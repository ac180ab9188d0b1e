//! The bytes that reach a terminal: few, in its colours and letters, and none of a model's making.

use std::time::{Duration, Instant};

use crate::sandbox::Sandbox;
use crate::session::{Session, Setup, frames, settled};
use crate::teacher::{Reply, Teacher};

/// The parameters of every `SGR` sequence that was written.
fn colours(raw: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(raw);
    let parts = text.split("\x1b[").skip(1);
    let sgr = |part: &str| {
        let end = part.find(|c: char| !(c.is_ascii_digit() || c == ';' || c == ':'))?;
        part[end..].starts_with('m').then(|| part[..end].to_owned())
    };
    parts.filter_map(sgr).collect()
}

/// Everything on some screens of a sandbox with a finished job.
fn walked(env: &[(&'static str, &str)]) -> (Session, Sandbox) {
    let sandbox = Sandbox::new();
    sandbox.run(&["demo", "--quiet"]).expect_code(0);
    let setup = env
        .iter()
        .fold(Setup::default().size(120, 36), |setup, (name, value)| {
            setup.env(name, *value)
        });
    let session = Session::open_with(&sandbox, setup);
    session.keys(&["3"]);
    session.shows("accepted");
    session.keys(&["?"]);
    session.shows("commands work here");
    session.keys(&["\x1b"]);
    session.wait("the help to close", |text| !text.contains("commands work here"));
    session.keys(&["2"]);
    session.shows("quickstart");
    session.until("the row", |_| frames(&sandbox).last().unwrap()["idle"] == true);
    (session, sandbox)
}

#[test]
fn without_colours_attributes_stay() {
    for env in [[("NO_COLOR", "1")], [("TERM", "dumb")]] {
        let (session, _sandbox) = walked(&env);
        let sgr = colours(&session.raw());
        assert!(
            sgr.iter().any(|one| one.split(';').any(|number| number == "7")),
            "nothing is reversed: {sgr:?}"
        );
        for one in &sgr {
            assert!(
                !one.is_empty() && one != ";",
                "a reset that terminals take for anything"
            );
            let colour = |number: u32| matches!(number, 30..=49 | 58 | 59 | 90..=107);
            assert!(
                one.split(';').all(|number| !colour(number.parse().unwrap())),
                "a colour: {one}"
            );
        }
        session.look(|screen| {
            let marked = (0..36)
                .find(|row| screen.cell(*row, 1).unwrap().contents() == "▌")
                .expect("a mark");
            assert!(
                screen.cell(marked, 5).unwrap().inverse(),
                "the selected row is not reversed"
            );
        });
    }
}

#[test]
fn a_terminal_gets_only_the_colours_it_has() {
    let (session, _sandbox) = walked(&[("COLORTERM", ""), ("TERM", "xterm-256color")]);
    assert!(!session.wrote("38;2;") && !session.wrote("48;2;"));
    let (session, _sandbox) = walked(&[("COLORTERM", ""), ("TERM", "xterm")]);
    let sgr = colours(&session.raw());
    let extended = |one: &String| one.split(';').any(|number| number == "38" || number == "48");
    assert!(!sgr.iter().any(extended), "{sgr:?}");
    assert!(
        sgr.iter().any(|one| one.split(';').any(|number| number == "36")),
        "no colour at all: {sgr:?}"
    );
}

#[test]
fn without_unicode_every_byte_is_ascii() {
    let (session, _sandbox) = walked(&[("COLORTERM", ""), ("TERM", "linux"), ("LANG", "C")]);
    let raw = session.raw();
    assert!(raw.is_ascii(), "{:?}", raw.iter().find(|byte| !byte.is_ascii()));
    assert!(
        !session.wrote("\x1b]11;?"),
        "the console was asked what it does not know"
    );
}

#[test]
fn at_rest_not_a_byte_is_written() {
    let sandbox = Sandbox::new();
    let session = Session::open(&sandbox);
    settled(&session, &sandbox);
    for screen in ["1", "2", "3", "5"] {
        session.send(screen);
        session.shows(&format!("[{screen} "));
        let end = Instant::now() + Duration::from_secs(30);
        // What is told to go away does so, and what was done is kept; then two seconds of silence are awaited.
        let mut silent = (session.raw().len(), Instant::now());
        while silent.1.elapsed() < Duration::from_secs(2) {
            assert!(Instant::now() < end, "{screen} is never at rest");
            std::thread::sleep(Duration::from_millis(20));
            let now = session.raw().len();
            if now != silent.0 {
                assert!(
                    silent.1.elapsed() < Duration::from_millis(1500),
                    "{screen} writes by itself"
                );
                silent = (now, Instant::now());
            }
        }
    }
}

#[test]
fn any_number_of_sizes_end_in_the_picture_of_the_last() {
    let sandbox = Sandbox::new();
    let session = Session::open(&sandbox);
    let mut state: u64 = 7;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    };
    for _ in 0..200 {
        session.resize(40 + next(260) as u16, 12 + next(68) as u16);
        if next(4) == 0 {
            std::thread::sleep(Duration::from_millis(next(20)));
        }
    }
    session.resize(100, 30);
    let fresh_home = Sandbox::new();
    let fresh = Session::open_with(&fresh_home, Setup::default().size(100, 30));
    settled(&fresh, &fresh_home);
    session.wait("the picture of a fresh start", |text| text == fresh.text());
}

#[test]
fn too_small_a_terminal_says_so_and_forgets_nothing() {
    let sandbox = Sandbox::new();
    sandbox.run(&["demo", "--quiet"]).expect_code(0);
    let session = Session::open(&sandbox);
    session.keys(&["2"]);
    session.shows("quickstart");
    session.keys(&["/"]);
    session.send("quick");
    session.shows("/ quick");
    let before = session.text();
    session.resize(30, 8);
    session.shows("terminal too small");
    session.resize(80, 24);
    session.wait("the picture of before", |text| text == before);
}

#[test]
fn clears_are_rare() {
    let (session, _sandbox) = walked(&[]);
    let clears = |session: &Session| String::from_utf8_lossy(&session.raw()).matches("\x1b[2J").count();
    assert_eq!(clears(&session), 0);
    session.keys(&["\x0c"]);
    session.until("a clear", |session| clears(session) == 1);
}

/// A sandbox whose samples are these answers.
fn answered(answers: &'static [&'static str]) -> Sandbox {
    let teacher = Teacher::start(Duration::ZERO, true, move |number, _| {
        Reply::text(answers[(number as usize - 1) % answers.len()])
    });
    let sandbox = Sandbox::with_teacher(&teacher.url());
    let job = format!(
        "name = \"t\"\n[seeds]\ncount = {}\n[vary]\nn = {{ integer = [1, 1000000000] }}\n[[steps]]\nname = \"answer\"\n\
         capability = \"chat\"\nprompt = \"Question {{{{ n }}}}\"\n[dataset]\nformat = \"raw\"\n",
        answers.len()
    );
    sandbox.write("job.toml", &job);
    sandbox.run(&["run", "job.toml", "--quiet"]);
    sandbox
}

const HOSTILE: &[&str] = &[
    "clip \u{1b}]52;c;ZXZpbA==\u{7} board",
    "title \u{1b}]0;evil\u{7} and \u{1b}]2;evil\u{1b}\\",
    "clear \u{1b}[2J\u{1b}[H\u{1b}c gone",
    "c1 \u{9b}2J \u{9d}0;evil\u{9c} end",
    "turned \u{202e}live\u{202c} \u{2066}x\u{2069} \u{200f}y",
    "bell \u{7} back \u{8}\u{8} return \rover",
];

#[test]
fn text_of_a_model_never_drives_the_terminal() {
    let sandbox = answered(HOSTILE);
    let mut session = Session::open_with(&sandbox, Setup::default().size(120, 36));
    session.keys(&["3"]);
    session.shows("clip ␛]52");
    for _ in HOSTILE {
        session.send("\r");
        session.shows("[Pretty]");
        session.send("]");
        session.shows("[Raw]");
        session.send("[");
        session.shows("[Pretty]");
        session.send("\x1b");
        session.shows("match");
        session.send("j");
    }
    session.send("q");
    session.end();
    let raw = session.raw();
    let text = String::from_utf8(raw).expect("only UTF-8 is written");
    for bad in [
        "\x1b]52", "\x1b]0;", "evil\x1b", "evil\x07", "\x1b[2J", "\x1bc", "\x07", "\x08", "\r",
    ] {
        assert!(!text.contains(bad), "{bad:?} reached the terminal");
    }
    let controls = |c: char| {
        ('\u{80}'..='\u{9f}').contains(&c)
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    assert_eq!(text.chars().find(|c| controls(*c)), None);
}

const WIDE: &[&str] = &[
    "光合作用把光能变成化学能，这是一切食物的来源",
    "family 👩‍👩‍👧‍👦 flag 🇳🇱 heart ❤️ done",
    "combining e\u{301}a\u{308}o\u{302} and more text",
    "decomposed 한글 한국어",
    "عربي مرحبا بالعالم نص طويل",
    "tabs\tand\tmore\ttabs",
    "half ｶﾞｷﾞｸﾞ width",
    "zero\u{200b}width\u{feff}marks",
];

#[test]
fn letters_of_every_width_keep_the_border_straight() {
    let sandbox = answered(WIDE);
    for columns in [80, 120] {
        let session = Session::open_with(
            &sandbox,
            Setup::default().size(columns, 24).env("TERM", "xterm-256color"),
        );
        session.keys(&["3"]);
        session.shows("光合作用");
        session.shows("combining");
        let border = if columns == 80 { 79 } else { 59 };
        for row in 1..=WIDE.len() {
            session.look(|screen| {
                let column = |row: u16| screen.cell(row, border).map_or("", |cell| cell.contents());
                let top = (0..24)
                    .find(|row| column(*row) == "╮")
                    .expect("the corner of the list");
                let bottom = (0..24).find(|row| column(*row) == "╯").expect("the other corner");
                for row in top + 1..bottom {
                    assert_eq!(column(row), "│", "row {row} at {columns}:\n{}", screen.contents());
                }
            });
            if row < WIDE.len() {
                session.keys(&["j"]);
            }
        }
    }
}
