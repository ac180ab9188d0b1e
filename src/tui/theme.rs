//! Colours by meaning: 27 slots read from a TOML theme and lowered to what the terminal can show. No other file names a colour.

use ratatui::style::{Color, Modifier, Style};

/// What a colour means. Screens name a slot, themes fill it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Background of everything.
    Bg,
    /// Text.
    Fg,
    /// Text that matters less.
    Muted,
    /// What leads the eye: keys, tabs.
    Accent,
    /// Lines around panes.
    Border,
    /// Lines around the pane that has the keys.
    BorderFocus,
    /// Headings.
    Title,
    /// Background of the selected row.
    SelectionBg,
    /// Text of the selected row.
    SelectionFg,
    /// What a search found.
    Match,
    /// News.
    Info,
    /// Good.
    Ok,
    /// Worth a look.
    Warn,
    /// Wrong.
    Error,
    /// At work.
    Running,
    /// Waiting.
    Paused,
    /// First series of a chart.
    Chart1,
    /// Second series.
    Chart2,
    /// Third series.
    Chart3,
    /// Fourth series.
    Chart4,
    /// Key of an object.
    JsonKey,
    /// String value.
    JsonStr,
    /// Number, true, false, null.
    JsonNum,
    /// A known template variable.
    Var,
    /// An unknown one.
    VarUnknown,
    /// Added text.
    DiffAdd,
    /// Removed text.
    DiffDel,
}

/// Slots with their keys in a theme file, in the order of [`Slot`].
const SLOTS: [(Slot, &str); 27] = [
    (Slot::Bg, "bg"),
    (Slot::Fg, "fg"),
    (Slot::Muted, "muted"),
    (Slot::Accent, "accent"),
    (Slot::Border, "border"),
    (Slot::BorderFocus, "border_focus"),
    (Slot::Title, "title"),
    (Slot::SelectionBg, "selection_bg"),
    (Slot::SelectionFg, "selection_fg"),
    (Slot::Match, "match"),
    (Slot::Info, "info"),
    (Slot::Ok, "ok"),
    (Slot::Warn, "warn"),
    (Slot::Error, "error"),
    (Slot::Running, "running"),
    (Slot::Paused, "paused"),
    (Slot::Chart1, "chart1"),
    (Slot::Chart2, "chart2"),
    (Slot::Chart3, "chart3"),
    (Slot::Chart4, "chart4"),
    (Slot::JsonKey, "json_key"),
    (Slot::JsonStr, "json_str"),
    (Slot::JsonNum, "json_num"),
    (Slot::Var, "var"),
    (Slot::VarUnknown, "var_unknown"),
    (Slot::DiffAdd, "diff_add"),
    (Slot::DiffDel, "diff_del"),
];

/// The themes in the binary: name, what it is, text.
const BUNDLED: [(&str, &str, &str); 2] = [
    (
        "terminal",
        "the terminal's own 16 colours",
        include_str!("../../themes/terminal.toml"),
    ),
    (
        "terminal-mono",
        "no colours, only attributes",
        include_str!("../../themes/terminal-mono.toml"),
    ),
];

/// Names of the themes in the binary with what they are, the default first.
pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    BUNDLED.iter().map(|(name, about, _)| (*name, *about))
}

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// No colour; attributes stay.
    None,
    /// The 16 ANSI colours.
    #[default]
    Sixteen,
    /// The 256 of xterm.
    Indexed,
    /// 24 bits.
    True,
}

/// A style per slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    name: String,
    styles: [Style; SLOTS.len()],
}

impl Theme {
    /// A theme of the binary, at that colour depth; the default one for a name that is not known.
    pub fn bundled(name: &str, depth: Depth) -> Self {
        let (name, _, text) = BUNDLED
            .iter()
            .find(|(known, _, _)| *known == name)
            .unwrap_or(&BUNDLED[0]);
        let mut theme = Self::parse(name, text).unwrap_or_else(|_| Self::plain(name));
        for style in &mut theme.styles {
            *style = lower(*style, depth);
        }
        theme
    }

    /// Reads a theme file: every slot, and nothing else. An error names the slot.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        let mut theme = Self::plain(name);
        for (at, (slot, key)) in SLOTS.iter().enumerate() {
            let value = table.get(*key).and_then(toml::Value::as_str);
            let value = value.ok_or_else(|| format!("theme {name}: `{key}` is missing"))?;
            theme.styles[at] = style(*slot, value).map_err(|why| format!("theme {name}: `{key}`: {why}"))?;
        }
        match table
            .keys()
            .find(|key| SLOTS.iter().all(|(_, known)| known != key))
        {
            Some(key) => Err(format!("theme {name}: `{key}` is no slot")),
            None => Ok(theme),
        }
    }

    fn plain(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            styles: [Style::new(); SLOTS.len()],
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The style of a slot.
    pub fn style(&self, slot: Slot) -> Style {
        self.styles[slot as usize]
    }

    /// The style of the selected row.
    pub fn selection(&self) -> Style {
        self.style(Slot::SelectionFg).patch(self.style(Slot::SelectionBg))
    }
}

fn style(slot: Slot, value: &str) -> Result<Style, String> {
    let mut style = Style::new();
    for (at, word) in value.split_whitespace().enumerate() {
        let modifier = match word {
            "bold" => Modifier::BOLD,
            "dim" => Modifier::DIM,
            "italic" => Modifier::ITALIC,
            "underlined" => Modifier::UNDERLINED,
            "reverse" => Modifier::REVERSED,
            "default" if at == 0 => {
                style = painted(slot, Color::Reset);
                continue;
            }
            colour if at == 0 => {
                let colour = colour.parse().map_err(|_| format!("`{word}` is no colour"))?;
                style = painted(slot, colour);
                continue;
            }
            _ => return Err(format!("`{word}` is no attribute")),
        };
        style = style.add_modifier(modifier);
    }
    Ok(style)
}

fn painted(slot: Slot, colour: Color) -> Style {
    match slot {
        Slot::Bg | Slot::SelectionBg => Style::new().bg(colour),
        _ => Style::new().fg(colour),
    }
}

/// The same style with no more colours than the terminal has.
fn lower(style: Style, depth: Depth) -> Style {
    Style {
        fg: style.fg.and_then(|colour| nearest(colour, depth)),
        bg: style.bg.and_then(|colour| nearest(colour, depth)),
        ..style
    }
}

fn nearest(colour: Color, depth: Depth) -> Option<Color> {
    let Color::Rgb(red, green, blue) = colour else {
        return match (colour, depth) {
            (_, Depth::None) => None,
            (Color::Indexed(index), Depth::Sixteen) => {
                let [red, green, blue] = xterm(index);
                nearest(Color::Rgb(red, green, blue), depth)
            }
            _ => Some(colour),
        };
    };
    let closest = |range: std::ops::RangeInclusive<u8>| {
        let distance = |index: &u8| {
            let pairs = xterm(*index).into_iter().zip([red, green, blue]);
            pairs
                .map(|(one, other)| i32::from(one).abs_diff(i32::from(other)).pow(2))
                .sum::<u32>()
        };
        range.min_by_key(distance).map(Color::Indexed)
    };
    match depth {
        Depth::None => None,
        Depth::Sixteen => closest(0..=15),
        Depth::Indexed => closest(16..=255),
        Depth::True => Some(colour),
    }
}

/// Red, green and blue of xterm's palette (its documented defaults; a terminal may have others for the first 16).
fn xterm(index: u8) -> [u8; 3] {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match index {
        7 => [229; 3],
        8 => [127; 3],
        0..=15 => {
            let bright = if index > 8 { 255 } else { 205 };
            [index & 1, index >> 1 & 1, index >> 2 & 1].map(|bit| bit * bright)
        }
        16..=231 => {
            let cube = index - 16;
            [cube / 36, cube / 6 % 6, cube % 6].map(|level| LEVELS[usize::from(level)])
        }
        232..=255 => [8 + (index - 232) * 10; 3],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bundled_theme_fills_every_slot() {
        for (name, _, text) in BUNDLED {
            Theme::parse(name, text).unwrap();
        }
    }

    #[test]
    fn a_theme_with_a_missing_or_unknown_slot_says_which() {
        let (_, _, text) = BUNDLED[0];
        let without = text.replace("accent = \"cyan\"", "");
        assert_eq!(
            Theme::parse("t", &without).unwrap_err(),
            "theme t: `accent` is missing"
        );
        let more = format!("{text}\nacccent = \"red\"\n");
        assert_eq!(
            Theme::parse("t", &more).unwrap_err(),
            "theme t: `acccent` is no slot"
        );
        let wrong = text.replace("accent = \"cyan\"", "accent = \"cyanide\"");
        assert_eq!(
            Theme::parse("t", &wrong).unwrap_err(),
            "theme t: `accent`: `cyanide` is no colour"
        );
    }

    #[test]
    fn slots_are_found_by_their_place() {
        for (at, (slot, _)) in SLOTS.iter().enumerate() {
            assert_eq!(*slot as usize, at);
        }
    }

    #[test]
    fn without_colour_the_attributes_stay() {
        let theme = Theme::bundled("terminal", Depth::None);
        for style in theme.styles {
            assert!(style.fg.is_none() && style.bg.is_none());
        }
        assert!(theme.selection().add_modifier.contains(Modifier::REVERSED));
        assert!(theme.style(Slot::Error).add_modifier.contains(Modifier::BOLD));
    }

    #[test]
    fn a_true_colour_becomes_the_nearest_the_terminal_has() {
        let red = Color::Rgb(250, 4, 4);
        assert_eq!(nearest(red, Depth::Sixteen), Some(Color::Indexed(9)));
        assert_eq!(nearest(red, Depth::Indexed), Some(Color::Indexed(196)));
        assert_eq!(nearest(red, Depth::True), Some(red));
        assert_eq!(nearest(red, Depth::None), None);
        assert_eq!(nearest(Color::Cyan, Depth::Sixteen), Some(Color::Cyan));
    }
}
