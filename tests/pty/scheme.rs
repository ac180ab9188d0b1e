//! Light or dark: what the terminal says of its background chooses the theme, at the start and whenever it changes.

use crate::sandbox::Sandbox;
use crate::session::{Session, Setup, settled};

/// Backgrounds of the two themes, as they are written.
const LIGHT: &str = "48;2;253;246;227";
const DARK: &str = "48;2;46;52;64";

fn start(sandbox: &Sandbox, answers: &str) -> Session {
    sandbox.write(
        "destiler.toml",
        "[ui]\ntheme_dark = \"nord\"\ntheme_light = \"solarized-light\"\n",
    );
    let session = Session::start(sandbox, Setup::default());
    session.until("the questions", |session| session.wrote("\x1b[c"));
    session.send(answers);
    settled(&session, sandbox);
    session
}

fn ground(session: &Session) -> vt100::Color {
    session.look(|screen| screen.cell(20, 0).unwrap().bgcolor())
}

#[test]
fn a_white_background_gets_the_light_theme_and_a_change_is_followed_at_once() {
    let sandbox = Sandbox::new();
    let session = start(
        &sandbox,
        "\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?2031;2$y\x1b[?62;22c",
    );
    session.until("the light theme", |session| {
        ground(session) == vt100::Color::Rgb(0xfd, 0xf6, 0xe3)
    });
    assert!(session.wrote(LIGHT) && session.wrote("\x1b[?2031h"));
    session.send("\x1b[?997;1n");
    session.until("the dark theme", |session| {
        ground(session) == vt100::Color::Rgb(0x2e, 0x34, 0x40)
    });
    session.send("\x1b[?997;2n");
    session.until("the light theme again", |session| {
        ground(session) == vt100::Color::Rgb(0xfd, 0xf6, 0xe3)
    });
}

#[test]
fn a_terminal_that_does_not_tell_changes_is_not_believed_when_it_does() {
    let sandbox = Sandbox::new();
    let session = start(&sandbox, "\x1b]11;rgb:0000/0000/0000\x1b\\\x1b[?62;22c");
    session.until("the dark theme", |session| session.wrote(DARK));
    session.send("\x1b[?997;2n");
    session.keys(&["2"]);
    session.shows("No jobs.");
    assert!(!session.wrote(LIGHT) && !session.wrote("\x1b[?2031h"));
}
