//! What keys mean in every text of several lines, beyond what the text area itself makes of them.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_textarea::{CursorMove, TextArea};

/// A key press: `tab` is two spaces, `ctrl-home` and `ctrl-end` go to the ends of the text.
pub(crate) fn type_key(text: &mut TextArea<'_>, key: &KeyEvent) {
    match (key.code, key.modifiers) {
        (KeyCode::Tab, KeyModifiers::NONE) => {
            text.insert_tab();
        }
        (KeyCode::Home, KeyModifiers::CONTROL) => {
            text.cancel_selection();
            text.move_cursor(CursorMove::Top);
            text.move_cursor(CursorMove::Head);
        }
        (KeyCode::End, KeyModifiers::CONTROL) => {
            text.cancel_selection();
            text.move_cursor(CursorMove::Bottom);
            text.move_cursor(CursorMove::End);
        }
        _ => {
            text.input(*key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_the_text_are_a_key_away() {
        let mut text = TextArea::from(["one", "two", "threefold"]);
        let place = |text: &TextArea<'_>| {
            let at = text.cursor();
            (at.0, at.1)
        };
        for (code, end) in [(KeyCode::End, (2, 9)), (KeyCode::Home, (0, 0))] {
            type_key(&mut text, &KeyEvent::new(code, KeyModifiers::CONTROL));
            assert_eq!(place(&text), end);
        }
        type_key(&mut text, &KeyEvent::new(KeyCode::End, KeyModifiers::NONE));
        assert_eq!(place(&text), (0, 3), "without ctrl they stay on the line");
    }
}
