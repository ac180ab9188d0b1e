//! Frames as bytes: only what changed, in the fewest escape sequences, and none at all where nothing changed. What a cell's text is
//! was made safe before; here it is only put in its place.

use std::io::{self, Write as _};

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::tty::Tty;

/// Modifiers with their numbers.
const MODIFIERS: [(Modifier, u8); 9] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::SLOW_BLINK, 5),
    (Modifier::RAPID_BLINK, 6),
    (Modifier::REVERSED, 7),
    (Modifier::HIDDEN, 8),
    (Modifier::CROSSED_OUT, 9),
];

/// What the next character will look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

const PLAIN: Pen = Pen {
    fg: Color::Reset,
    bg: Color::Reset,
    modifier: Modifier::empty(),
};

/// Draws on a [`Tty`].
pub(super) struct Painter {
    tty: Tty,
    frame: Vec<u8>,
    pen: Pen,
    /// Where the next character goes, if that is certain.
    at: Option<Position>,
    /// Where the caret was shown; hidden otherwise.
    caret: Option<Position>,
}

impl Painter {
    pub(super) fn new(tty: Tty) -> Self {
        Self {
            tty,
            frame: Vec::with_capacity(1 << 14),
            pen: PLAIN,
            at: None,
            caret: None,
        }
    }

    fn go(&mut self, to: Position) -> io::Result<()> {
        if self.at != Some(to) {
            write!(self.frame, "\x1b[{};{}H", to.y + 1, to.x + 1)?;
            self.at = Some(to);
        }
        Ok(())
    }

    fn take(&mut self, pen: Pen) -> io::Result<()> {
        if self.pen == pen {
            return Ok(());
        }
        let Pen { fg, bg, modifier } = pen;
        let back = |from: Color, to: Color| to == Color::Reset && from != to;
        let afresh = !modifier.contains(self.pen.modifier) || back(self.pen.fg, fg) || back(self.pen.bg, bg);
        // From plain again, all in one sequence: no reset ever stands between an attribute and its text.
        let mut numbers = String::new();
        let old = if afresh {
            numbers.push('0');
            PLAIN
        } else {
            self.pen
        };
        let mut add = |number: String| {
            if !numbers.is_empty() {
                numbers.push(';');
            }
            numbers.push_str(&number);
        };
        for (one, number) in MODIFIERS {
            if modifier.contains(one) && !old.modifier.contains(one) {
                add(number.to_string());
            }
        }
        for (colour, before, base) in [(fg, old.fg, 30), (bg, old.bg, 40)] {
            if colour != before {
                add(sgr(colour, base));
            }
        }
        self.pen = pen;
        write!(self.frame, "\x1b[{numbers}m")
    }
}

/// The numbers of a colour; `base` is 30 for the text, 40 for what is behind it.
fn sgr(colour: Color, base: u8) -> String {
    let indexed = |index: u8| match index {
        0..8 => (base + index).to_string(),
        8..16 => (base + 52 + index).to_string(),
        _ => format!("{};5;{index}", base + 8),
    };
    match colour {
        Color::Reset => (base + 9).to_string(),
        Color::Black => indexed(0),
        Color::Red => indexed(1),
        Color::Green => indexed(2),
        Color::Yellow => indexed(3),
        Color::Blue => indexed(4),
        Color::Magenta => indexed(5),
        Color::Cyan => indexed(6),
        Color::Gray => indexed(7),
        Color::DarkGray => indexed(8),
        Color::LightRed => indexed(9),
        Color::LightGreen => indexed(10),
        Color::LightYellow => indexed(11),
        Color::LightBlue => indexed(12),
        Color::LightMagenta => indexed(13),
        Color::LightCyan => indexed(14),
        Color::White => indexed(15),
        Color::Indexed(index) => indexed(index),
        Color::Rgb(red, green, blue) => format!("{};2;{red};{green};{blue}", base + 8),
    }
}

impl Backend for Painter {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        for (x, y, cell) in content {
            self.go(Position { x, y })?;
            self.take(Pen {
                fg: cell.fg,
                bg: cell.bg,
                modifier: cell.modifier,
            })?;
            let symbol = cell.symbol();
            self.frame.extend_from_slice(symbol.as_bytes());
            // Terminals disagree about the width of anything else; whoever comes next says where they stand.
            let certain = symbol.chars().nth(1).is_none() && symbol.width() == 1;
            let certain = certain && !symbol.chars().any(|c| ('\u{590}'..'\u{900}').contains(&c));
            self.at = certain.then_some(Position { x: x + 1, y });
        }
        if self.pen != PLAIN {
            self.pen = PLAIN;
            self.frame.extend_from_slice(b"\x1b[0m");
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.caret.take().is_some() {
            self.frame.extend_from_slice(b"\x1b[?25l");
        }
        Ok(())
    }

    /// Nothing yet: where it is to be shown follows.
    fn show_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.caret.or(self.at).unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        self.go(position)?;
        if self.caret.replace(position).is_none() {
            self.frame.extend_from_slice(b"\x1b[?25h");
        }
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        // What was between may have moved the caret, or shown it.
        self.at = None;
        self.caret = None;
        self.frame.extend_from_slice(b"\x1b[?25l");
        self.frame.extend_from_slice(match region {
            ClearType::All => b"\x1b[2J",
            ClearType::AfterCursor => b"\x1b[0J",
            ClearType::BeforeCursor => b"\x1b[1J",
            ClearType::CurrentLine => b"\x1b[2K",
            ClearType::UntilNewLine => b"\x1b[0K",
        });
        Ok(())
    }

    fn size(&self) -> io::Result<Size> {
        Ok(self.tty.size())
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize {
            columns_rows: self.tty.size(),
            pixels: Size::default(),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.frame.is_empty() {
            return Ok(());
        }
        let written = self.tty.frame(&self.frame);
        self.frame.clear();
        written
    }
}
