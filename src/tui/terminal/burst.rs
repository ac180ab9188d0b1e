//! Keys that come faster than hands: a paste into a terminal that does not mark pastes must not be carried out as commands.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::tui::input::Input;

use super::parser::LARGEST_PASTE;

/// So many printable keys together are a paste.
const AT_LEAST: usize = 8;

/// Keys that came together, held back until it is clear what they are.
#[derive(Debug, Default)]
pub(super) struct Burst {
    held: Vec<KeyEvent>,
    /// More than a paste may have; no longer kept.
    over: usize,
}

impl Burst {
    /// How long to wait for more of them. One key alone never waits.
    pub(super) fn patience(&self) -> Option<Duration> {
        (!self.held.is_empty()).then_some(Duration::from_millis(30))
    }

    /// Takes what was read at once; what is clear goes `out`.
    pub(super) fn take(&mut self, read: Vec<Input>, out: &mut Vec<Input>) {
        let alone = self.held.is_empty() && read.len() == 1;
        for input in read {
            match input {
                Input::Key(key) if !alone && letter(&key).is_some() => {
                    if self.held.len() < LARGEST_PASTE {
                        self.held.push(key);
                    } else {
                        self.over += 1;
                    }
                }
                other => {
                    self.rest(out);
                    out.push(other);
                }
            }
        }
    }

    /// No more came in time.
    pub(super) fn rest(&mut self, out: &mut Vec<Input>) {
        let held = std::mem::take(&mut self.held);
        let over = std::mem::take(&mut self.over);
        // A key held down on a slow line is still that key.
        let repeated = held.windows(2).all(|pair| pair[0] == pair[1]);
        if over > 0 {
            out.push(Input::TooLong(held.len() + over));
        } else if held.len() >= AT_LEAST && !repeated {
            out.push(Input::Burst(held.iter().filter_map(letter).collect()));
        } else {
            out.extend(held.into_iter().map(Input::Key));
        }
    }
}

/// The character that a key types.
fn letter(key: &KeyEvent) -> Option<char> {
    let plain = (key.modifiers - KeyModifiers::SHIFT).is_empty();
    match key.code {
        KeyCode::Char(letter) if plain => Some(letter),
        KeyCode::Enter if plain => Some('\n'),
        KeyCode::Tab if plain => Some('\t'),
        // A line feed, as it is in the middle of a text.
        KeyCode::Char('j') if key.modifiers == KeyModifiers::CONTROL => Some('\n'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Vec<Input> {
        let key = |letter: char| match letter {
            '\n' => KeyCode::Enter.into(),
            letter => KeyCode::Char(letter).into(),
        };
        text.chars().map(|letter| Input::Key(key(letter))).collect()
    }

    fn taken(pieces: &[&str]) -> Vec<Input> {
        let (mut burst, mut out) = (Burst::default(), Vec::new());
        for piece in pieces {
            burst.take(typed(piece), &mut out);
        }
        burst.rest(&mut out);
        out
    }

    #[test]
    fn many_keys_at_once_are_a_paste() {
        assert_eq!(taken(&["dDxXaAq\n"]), [Input::Burst("dDxXaAq\n".to_owned())]);
        assert_eq!(
            taken(&["dDxX", "aAq", "\n"]),
            [Input::Burst("dDxXaAq\n".to_owned())]
        );
    }

    #[test]
    fn few_keys_and_a_held_one_are_keys() {
        assert_eq!(taken(&["abc"]), typed("abc"));
        assert_eq!(taken(&["jjjjjjjjjjjj"]), typed("jjjjjjjjjjjj"));
    }

    #[test]
    fn a_key_alone_does_not_wait() {
        let (mut burst, mut out) = (Burst::default(), Vec::new());
        burst.take(typed("j"), &mut out);
        assert_eq!((out.len(), burst.patience()), (1, None));
        burst.take(typed("jk"), &mut out);
        assert_eq!((out.len(), burst.patience().is_some()), (1, true));
        burst.take(vec![Input::Focus(true)], &mut out);
        assert_eq!(out.len(), 4, "their order is kept");
    }
}
