//! Key presses by name, as the key table and `keymap.toml` write them.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Keys with a name of more than one letter.
const NAMED: [&str; 16] = [
    "space",
    "enter",
    "esc",
    "tab",
    "shift-tab",
    "backspace",
    "delete",
    "up",
    "down",
    "left",
    "right",
    "home",
    "end",
    "pgup",
    "pgdn",
    "insert",
];

/// Whether [`chord`] can give this name.
pub fn is_chord(name: &str) -> bool {
    let bare = name
        .strip_prefix("ctrl-")
        .filter(|rest| !rest.is_empty())
        .unwrap_or(name);
    let bare = bare
        .strip_prefix("alt-")
        .filter(|rest| !rest.is_empty())
        .unwrap_or(bare);
    let mut letters = bare.chars();
    match (letters.next(), letters.as_str()) {
        (Some(letter), "") => !letter.is_control() && letter != ' ',
        (Some('f'), number)
            if number
                .parse::<u8>()
                .is_ok_and(|number| (1..=24).contains(&number)) =>
        {
            true
        }
        _ => NAMED.contains(&bare),
    }
}

/// A key press as the table writes it: `j`, `G`, `ctrl-s`, `shift-tab`, `pgdn`. `None` for keys nobody can bind.
pub fn chord(key: &KeyEvent) -> Option<String> {
    let name = match key.code {
        KeyCode::Char(' ') => "space".to_owned(),
        KeyCode::Char(letter) => letter.to_string(),
        KeyCode::Enter => "enter".to_owned(),
        KeyCode::Esc => "esc".to_owned(),
        KeyCode::Tab => "tab".to_owned(),
        KeyCode::BackTab => "shift-tab".to_owned(),
        KeyCode::Backspace => "backspace".to_owned(),
        KeyCode::Delete => "delete".to_owned(),
        KeyCode::Insert => "insert".to_owned(),
        KeyCode::Up => "up".to_owned(),
        KeyCode::Down => "down".to_owned(),
        KeyCode::Left => "left".to_owned(),
        KeyCode::Right => "right".to_owned(),
        KeyCode::Home => "home".to_owned(),
        KeyCode::End => "end".to_owned(),
        KeyCode::PageUp => "pgup".to_owned(),
        KeyCode::PageDown => "pgdn".to_owned(),
        KeyCode::F(number) => format!("f{number}"),
        _ => return None,
    };
    let prefix = match (
        key.modifiers.contains(KeyModifiers::CONTROL),
        key.modifiers.contains(KeyModifiers::ALT),
    ) {
        (true, true) => "ctrl-alt-",
        (true, false) => "ctrl-",
        (false, true) => "alt-",
        (false, false) => "",
    };
    Some(format!("{prefix}{name}"))
}
