//! What bytes mean, however they are cut.

use super::*;

fn parsed(bytes: &[u8]) -> Vec<Input> {
    let mut whole = Vec::new();
    let mut parser = Parser::default();
    parser.feed(bytes, &mut whole);
    parser.rest(&mut whole);
    // Cut anywhere, it means the same.
    for cut in 0..bytes.len() {
        let (mut parts, mut parser) = (Vec::new(), Parser::default());
        parser.feed(&bytes[..cut], &mut parts);
        parser.feed(&bytes[cut..], &mut parts);
        parser.rest(&mut parts);
        assert_eq!(parts, whole, "cut at {cut}");
    }
    whole
}

fn keys(bytes: &[u8]) -> Vec<String> {
    let chord = |input: Input| match input {
        Input::Key(key) => crate::tui::keys::chord(&key).unwrap_or_else(|| format!("{:?}", key.code)),
        other => format!("{other:?}"),
    };
    parsed(bytes).into_iter().map(chord).collect()
}

#[test]
fn keys_are_what_the_table_calls_them() {
    assert_eq!(
        keys(b"jG \r\t\x7f\x03\x1f"),
        ["j", "G", "space", "enter", "tab", "backspace", "ctrl-c", "ctrl-7"]
    );
    assert_eq!(keys("ö光".as_bytes()), ["ö", "光"]);
    assert_eq!(
        keys(b"\x1b[A\x1b[B\x1bOC\x1b[H\x1b[4~\x1b[5~\x1b[3~\x1b[Z"),
        [
            "up",
            "down",
            "right",
            "home",
            "end",
            "pgup",
            "delete",
            "shift-tab"
        ]
    );
    assert_eq!(
        keys(b"\x1bOP\x1b[12~\x1b[24~\x1b[[A\x1b[1;5C\x1b[97;5u\x1b[27;5;13~"),
        ["f1", "f2", "f12", "f1", "ctrl-right", "ctrl-a", "ctrl-enter"]
    );
    assert_eq!(keys(b"\x1bf\x1b\x1b[A"), ["alt-f", "esc", "up"]);
    assert_eq!(keys(b"\x1b"), ["esc"]);
    // A release of the kitty protocol is no press.
    assert!(keys(b"\x1b[97;1:3u").is_empty());
}

#[test]
fn replies_are_never_keys() {
    let replies =
        b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?2026;2$y\x1b[?2031;0$y\x1b[?1u\x1b[?62;22c\x1b[?997;1n";
    assert_eq!(
        parsed(replies),
        [
            Input::Report(Report::Background { light: true }),
            Input::Report(Report::Mode {
                mode: 2026,
                known: true
            }),
            Input::Report(Report::Mode {
                mode: 2031,
                known: false
            }),
            Input::Report(Report::Keyboard(1)),
            Input::Report(Report::Attributes),
            Input::Report(Report::Scheme { light: false }),
        ]
    );
    for unknown in [
        &b"\x1b]10;rgb:00/00/00\x07"[..],
        b"\x1bP>|XTerm(390)\x1b\\",
        b"\x1b_Gi=31;OK\x1b\\",
        b"\x1b[24;80R",
        b"\x1b[8;36;120t",
        b"\x1b[>0;390;0c",
        b"\x1b]11;nonsense\x07",
        b"\x1b[?9999",
        b"\x1b]52;c;aGFsbG8",
        b"\xff\xfe",
        b"\xc2\x9b",
    ] {
        assert_eq!(parsed(unknown), [], "{unknown:?}");
    }
    // A reply that never ends takes nothing after it but its own kind of bytes.
    let mut inputs = Vec::new();
    let mut parser = Parser::default();
    parser.feed(b"\x1b[?2026;2", &mut inputs);
    parser.rest(&mut inputs);
    parser.feed(b"j", &mut inputs);
    assert_eq!(inputs, [Input::Key(KeyCode::Char('j').into())]);
}

#[test]
fn a_dark_background_is_dark() {
    let dark = |text: &[u8]| parsed(text) == [Input::Report(Report::Background { light: false })];
    assert!(dark(b"\x1b]11;rgb:1e1e/1e1e/2e2e\x07"));
    assert!(dark(b"\x1b]11;rgba:00/00/00/ff\x07"));
}

#[test]
fn the_mouse_clicks_and_rolls_and_does_nothing_else() {
    let at = |press| {
        Input::Mouse(Pointer {
            press,
            column: 9,
            row: 4,
        })
    };
    let bytes =
        b"\x1b[<0;10;5M\x1b[<0;10;5m\x1b[<64;10;5M\x1b[<65;10;5M\x1b[<35;10;5M\x1b[<2;10;5M\x1b[<32;10;5M";
    assert_eq!(
        parsed(bytes),
        [at(Press::Click), at(Press::WheelUp), at(Press::WheelDown)]
    );
    assert_eq!(parsed(b"\x1b[I\x1b[O"), [Input::Focus(true), Input::Focus(false)]);
}

#[test]
fn a_paste_is_one_thing_whatever_is_in_it() {
    assert_eq!(
        parsed(b"\x1b[200~dDq\x1b[A\r\n\x1b[201~j"),
        [
            Input::Paste("dDq\x1b[A\r\n".to_owned()),
            Input::Key(KeyCode::Char('j').into()),
        ]
    );
    let mut parser = Parser::default();
    let mut inputs = Vec::new();
    parser.feed(b"\x1b[200~", &mut inputs);
    parser.feed(&vec![b'x'; LARGEST_PASTE + 10_000], &mut inputs);
    assert!(parser.held.len() <= LARGEST_PASTE + 10);
    parser.feed(b"\x1b[201~", &mut inputs);
    assert_eq!(inputs, [Input::TooLong(LARGEST_PASTE + 10_000)]);
}

#[test]
fn nothing_panics_and_nothing_stays_inside_for_ever() {
    proptest::proptest!(|(bytes: Vec<u8>)| {
        let mut inputs = Vec::new();
        let mut parser = Parser::default();
        parser.feed(&bytes, &mut inputs);
        parser.rest(&mut inputs);
        proptest::prop_assert_eq!(parser.patience(), None);
    });
}
