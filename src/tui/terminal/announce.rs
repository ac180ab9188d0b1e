//! What a terminal is told beside the picture: its title, how far the work is, and that something happened.

use crate::core::text::sanitize_line;
use crate::tui::outside::{Notify, Signs};

/// The window's title.
pub(super) fn title(text: &str) -> String {
    format!("\x1b]2;{}\x1b\\", harmless(text))
}

/// How far the work is, on the window's icon (`OSC 9 ; 4`).
pub(super) fn progress(signs: &Signs) -> String {
    let percent = signs.percent.unwrap_or_default();
    let state = match (signs.percent, signs.wrong) {
        (None, false) => 0,
        (_, true) => 2,
        (Some(_), false) => 1,
    };
    format!("\x1b]9;4;{state};{percent}\x1b\\")
}

/// Word for someone who looks elsewhere.
pub(super) fn notice(notify: Notify, text: &str) -> String {
    match notify {
        Notify::Off => String::new(),
        Notify::Bell => "\x07".to_owned(),
        Notify::Osc9 => format!("\x1b]9;{}\x1b\\", harmless(text)),
        Notify::Osc777 => format!("\x1b]777;notify;destiler;{}\x1b\\", harmless(text)),
    }
}

/// The text without anything that could end the sequence it stands in, and short.
fn harmless(text: &str) -> String {
    let safe = sanitize_line(text);
    safe.as_str()
        .chars()
        .filter(|c| !c.is_control() && *c != ';')
        .take(120)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_ends_the_sequence() {
        assert_eq!(title("a\x1b\\b\x07"), "\x1b]2;a␛\\b\\x07\x1b\\");
        assert_eq!(notice(Notify::Osc777, "x;y"), "\x1b]777;notify;destiler;xy\x1b\\");
        assert_eq!(notice(Notify::Bell, "x"), "\x07");
        assert_eq!(notice(Notify::Off, "x"), "");
    }

    #[test]
    fn progress_says_how_far_and_whether_something_is_wrong() {
        let signs = |percent, wrong| Signs {
            title: String::new(),
            percent,
            wrong,
        };
        assert_eq!(progress(&signs(Some(62), false)), "\x1b]9;4;1;62\x1b\\");
        assert_eq!(progress(&signs(Some(62), true)), "\x1b]9;4;2;62\x1b\\");
        assert_eq!(progress(&signs(None, false)), "\x1b]9;4;0;0\x1b\\");
    }
}
