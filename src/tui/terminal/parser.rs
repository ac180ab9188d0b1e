//! Bytes from a terminal as input. Whatever is no key, click, paste, focus change or known reply is swallowed whole: an answer that
//! comes late, or to somebody else's question, never becomes keys.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::tui::input::{Input, Pointer, Press, Report};

/// Largest paste, in bytes; of a longer one only that it was too long is told.
pub(crate) const LARGEST_PASTE: usize = 1 << 20;

/// Longest reply that is read; a longer one is swallowed all the same.
const LONGEST: usize = 4096;

/// Where in a sequence the bytes so far have led.
#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    /// Inside a character of more than one byte.
    Letter,
    /// After an escape.
    Escape,
    /// After `ESC O`.
    Single,
    /// After `ESC [`.
    Control,
    /// Inside `ESC ]`, `ESC P`, `ESC _`, `ESC ^` or `ESC X`, perhaps just after an escape in it.
    Text { command: bool, escape: bool },
    /// Between the marks of a paste.
    Paste,
}

/// Takes bytes in pieces of any size.
#[derive(Debug, Default)]
pub(super) struct Parser {
    state: State,
    held: Vec<u8>,
    /// An escape came before: the next key is held with alt.
    alt: bool,
    /// Bytes of a paste beyond the largest.
    over: usize,
}

const PASTE_END: &[u8] = b"\x1b[201~";

impl Parser {
    /// Takes bytes; adds what they mean.
    pub(super) fn feed(&mut self, bytes: &[u8], out: &mut Vec<Input>) {
        for byte in bytes {
            self.byte(*byte, out);
        }
    }

    /// How long to wait for the rest of what has begun, if something has. An escape is far more often the key than the beginning
    /// of a sequence that was cut in two.
    pub(super) fn patience(&self) -> Option<Duration> {
        match self.state {
            State::Ground => None,
            State::Escape => Some(Duration::from_millis(10)),
            State::Paste => Some(Duration::from_secs(1)),
            _ => Some(Duration::from_millis(100)),
        }
    }

    /// The rest did not come: a lone escape was the key, a paste ends here, and anything else is given up.
    pub(super) fn rest(&mut self, out: &mut Vec<Input>) {
        match self.state {
            State::Ground => return,
            State::Escape => out.push(Input::Key(KeyCode::Esc.into())),
            State::Paste => return self.pasted(out),
            _ => {}
        }
        self.reset();
    }

    fn reset(&mut self) {
        self.state = State::Ground;
        self.held.clear();
        self.alt = false;
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<Input>) {
        match self.state {
            State::Ground => self.ground(byte, out),
            State::Letter => self.letter(byte, out),
            State::Escape => self.escape(byte, out),
            State::Single => {
                let code = match byte {
                    b'P'..=b'S' => Some(KeyCode::F(1 + byte - b'P')),
                    b'M' => Some(KeyCode::Enter),
                    _ => arrow(byte),
                };
                self.reset();
                out.extend(code.map(|code| Input::Key(code.into())));
            }
            State::Control => self.control(byte, out),
            State::Text { command, escape } => self.text(byte, command, escape, out),
            State::Paste => self.paste(byte, out),
        }
    }

    fn key(&mut self, code: KeyCode, mut modifiers: KeyModifiers, out: &mut Vec<Input>) {
        if self.alt {
            modifiers |= KeyModifiers::ALT;
        }
        self.reset();
        out.push(Input::Key(KeyEvent::new(code, modifiers)));
    }

    fn ground(&mut self, byte: u8, out: &mut Vec<Input>) {
        let control = |letter: u8| (KeyCode::Char(char::from(letter)), KeyModifiers::CONTROL);
        let (code, modifiers) = match byte {
            0x1b => {
                self.state = State::Escape;
                return;
            }
            b'\r' => (KeyCode::Enter, KeyModifiers::NONE),
            b'\t' => (KeyCode::Tab, KeyModifiers::NONE),
            0x7f => (KeyCode::Backspace, KeyModifiers::NONE),
            0 => control(b' '),
            0x01..=0x1a => control(byte - 1 + b'a'),
            0x1c..=0x1f => control(byte - 0x1c + b'4'),
            0x80.. => {
                self.held.push(byte);
                self.state = State::Letter;
                return self.whole_letter(out);
            }
            _ => {
                let letter = char::from(byte);
                let shift = if letter.is_uppercase() {
                    KeyModifiers::SHIFT
                } else {
                    KeyModifiers::NONE
                };
                (KeyCode::Char(letter), shift)
            }
        };
        self.key(code, modifiers, out);
    }

    fn letter(&mut self, byte: u8, out: &mut Vec<Input>) {
        if byte & 0xc0 != 0x80 {
            // The character before was cut off.
            self.reset();
            return self.ground(byte, out);
        }
        self.held.push(byte);
        self.whole_letter(out);
    }

    fn whole_letter(&mut self, out: &mut Vec<Input>) {
        match std::str::from_utf8(&self.held) {
            Ok(text) => {
                let letter = text.chars().next().unwrap_or('\u{fffd}');
                // What it would turn around or control is no key.
                if letter.is_control() {
                    self.reset();
                } else {
                    self.key(KeyCode::Char(letter), KeyModifiers::NONE, out);
                }
            }
            Err(error) if error.error_len().is_some() || self.held.len() >= 4 => self.reset(),
            Err(_) => {}
        }
    }

    fn escape(&mut self, byte: u8, out: &mut Vec<Input>) {
        match byte {
            b'[' => self.state = State::Control,
            b'O' => self.state = State::Single,
            b']' | b'P' | b'_' | b'^' | b'X' => {
                self.state = State::Text {
                    command: byte == b']',
                    escape: false,
                };
            }
            0x1b => out.push(Input::Key(KeyCode::Esc.into())),
            _ => {
                self.state = State::Ground;
                self.alt = true;
                self.ground(byte, out);
            }
        }
    }

    fn control(&mut self, byte: u8, out: &mut Vec<Input>) {
        match byte {
            // `ESC [ [ A`: function keys of the Linux console.
            b'[' if self.held.is_empty() => self.held.push(byte),
            0x40..=0x7e => {
                let held = std::mem::take(&mut self.held);
                self.reset();
                if held == b"200" && byte == b'~' {
                    self.state = State::Paste;
                    self.over = 0;
                } else {
                    out.extend(sequence(&held, byte));
                }
            }
            0x20..=0x3f if self.held.len() < LONGEST => self.held.push(byte),
            0x1b => {
                self.reset();
                self.state = State::Escape;
            }
            _ => self.reset(),
        }
    }

    fn text(&mut self, byte: u8, command: bool, escape: bool, out: &mut Vec<Input>) {
        let ends = byte == 0x07 || (escape && byte == b'\\');
        if ends {
            let held = std::mem::take(&mut self.held);
            self.reset();
            if command {
                out.extend(background(&held));
            }
        } else if escape {
            // A new sequence begins; the old one was never ended.
            self.reset();
            self.state = State::Escape;
            self.escape(byte, out);
        } else if byte == 0x1b {
            self.state = State::Text {
                command,
                escape: true,
            };
        } else if byte == 0x18 || byte == 0x1a {
            self.reset();
        } else if self.held.len() < LONGEST {
            self.held.push(byte);
        }
    }

    fn paste(&mut self, byte: u8, out: &mut Vec<Input>) {
        self.held.push(byte);
        if self.held.ends_with(PASTE_END) {
            self.held.truncate(self.held.len() - PASTE_END.len());
            self.pasted(out);
        } else if self.held.len() > LARGEST_PASTE + PASTE_END.len() {
            // Only its end matters now.
            let spare = self.held.len() - PASTE_END.len();
            self.held.drain(..spare);
            self.over += spare;
        }
    }
}

impl Parser {
    fn pasted(&mut self, out: &mut Vec<Input>) {
        let held = std::mem::take(&mut self.held);
        let size = held.len() + self.over;
        self.reset();
        out.push(if size > LARGEST_PASTE {
            Input::TooLong(size)
        } else {
            Input::Paste(String::from_utf8_lossy(&held).into_owned())
        });
    }
}

/// Arrows and the like, as the last byte of a sequence names them.
fn arrow(byte: u8) -> Option<KeyCode> {
    Some(match byte {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        _ => return None,
    })
}

/// Keys that are numbered: `ESC [ 5 ~`.
fn numbered(number: u16) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F((number - 10) as u8),
        17..=21 => KeyCode::F((number - 11) as u8),
        23 | 24 => KeyCode::F((number - 12) as u8),
        _ => return None,
    })
}

/// Keys that are named by their character: `ESC [ 97 ; 5 u`.
fn named(number: u32) -> Option<KeyCode> {
    Some(match number {
        9 => KeyCode::Tab,
        13 => KeyCode::Enter,
        27 => KeyCode::Esc,
        127 => KeyCode::Backspace,
        32.. => KeyCode::Char(char::from_u32(number)?),
        _ => return None,
    })
}

fn modifiers(mask: u16) -> KeyModifiers {
    let bits = mask.saturating_sub(1);
    let pairs = [
        (1, KeyModifiers::SHIFT),
        (2, KeyModifiers::ALT),
        (4, KeyModifiers::CONTROL),
    ];
    let held = pairs.into_iter().filter(|(bit, _)| bits & bit != 0);
    held.fold(KeyModifiers::NONE, |all, (_, one)| all | one)
}

/// What `ESC [ held last` means.
fn sequence(held: &[u8], last: u8) -> Option<Input> {
    let text = std::str::from_utf8(held).ok()?;
    if let Some(rest) = text.strip_prefix('<') {
        return pointer(rest, last);
    }
    if let Some(rest) = text.strip_prefix('?') {
        return report(rest, last);
    }
    let key = |code: KeyCode, modifiers: KeyModifiers| Some(Input::Key(KeyEvent::new(code, modifiers)));
    match (text, last) {
        ("", b'I') => return Some(Input::Focus(true)),
        ("", b'O') => return Some(Input::Focus(false)),
        ("", b'Z') => return key(KeyCode::BackTab, KeyModifiers::SHIFT),
        ("[", b'A'..=b'E') => return key(KeyCode::F(1 + last - b'A'), KeyModifiers::NONE),
        _ => {}
    }
    // `a:b` parts belong together; only the first counts, but a key's release (`:3`) is none.
    let mut parts = text.split(';').map(|part| {
        let mut halves = part.split(':').map(|half| half.parse::<u32>().ok());
        (halves.next().flatten(), halves.next().flatten())
    });
    let (first, _) = parts.next().unwrap_or_default();
    let (mask, kind) = parts.next().unwrap_or_default();
    if kind == Some(3) {
        return None;
    }
    let held = modifiers(mask.unwrap_or(1).min(255) as u16);
    match last {
        b'~' if first == Some(27) => key(named(parts.next()?.0?)?, held),
        b'~' => key(numbered(u16::try_from(first?).ok()?)?, held),
        b'u' => key(named(first?)?, held),
        b'P' | b'Q' | b'S' => key(KeyCode::F(1 + last - b'P'), held),
        _ => key(arrow(last)?, held),
    }
}

/// SGR mouse reports (1006): a press of the first button and the wheel; everything else is none of ours.
fn pointer(text: &str, last: u8) -> Option<Input> {
    let mut numbers = text.split(';').map(str::parse::<u16>);
    let (button, column, row) = (
        numbers.next()?.ok()?,
        numbers.next()?.ok()?,
        numbers.next()?.ok()?,
    );
    // Shift, alt and ctrl do not matter; motion does.
    let press = match (button & !0b1_1100, last) {
        (0, b'M') => Press::Click,
        (64, b'M') => Press::WheelUp,
        (65, b'M') => Press::WheelDown,
        _ => return None,
    };
    Some(Input::Mouse(Pointer {
        press,
        column: column.checked_sub(1)?,
        row: row.checked_sub(1)?,
    }))
}

/// Replies to questions and reports of changes: `ESC [ ? …`.
fn report(text: &str, last: u8) -> Option<Input> {
    let number = |at: usize| {
        text.trim_end_matches('$')
            .split(';')
            .nth(at)
            .and_then(|part| part.parse::<u16>().ok())
    };
    let report = match last {
        b'c' => Report::Attributes,
        b'u' => Report::Keyboard(number(0)?),
        b'y' if text.ends_with('$') => Report::Mode {
            mode: number(0)?,
            known: (1..=3).contains(&number(1)?),
        },
        b'n' if number(0) == Some(997) => Report::Scheme {
            light: number(1)? == 2,
        },
        _ => return None,
    };
    Some(Input::Report(report))
}

/// The reply to `OSC 11 ; ?`: whether the background is light, by its luminance.
fn background(text: &[u8]) -> Option<Input> {
    let colour = std::str::from_utf8(text).ok()?.strip_prefix("11;")?;
    let colour = colour.strip_prefix("rgb:").or(colour.strip_prefix("rgba:"))?;
    let mut parts = colour.split('/').map(|part| {
        let most = 16_f64.powi(i32::try_from(part.len()).ok()?) - 1.0;
        u32::from_str_radix(part, 16)
            .ok()
            .filter(|_| (1..=4).contains(&part.len()))
            .map(|value| f64::from(value) / most)
    });
    let mut next = || parts.next().flatten();
    let (red, green, blue) = (next()?, next()?, next()?);
    let light = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.6;
    Some(Input::Report(Report::Background { light }))
}

#[cfg(test)]
mod tests;
