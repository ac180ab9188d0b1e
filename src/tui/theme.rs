//! Colours by meaning: 27 slots, filled by a theme and lowered to what the terminal can show. No other file names a colour; how a
//! theme is written down is `file`'s, and what colours look like is `colour`'s.

use ratatui::style::{Modifier, Style};

pub use colour::contrast;
pub use file::Source;

mod colour;
mod file;

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

macro_rules! bundled {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../themes/", $name, ".toml")))),*]
    };
}

/// The themes in the binary: name, text.
const BUNDLED: &[(&str, &str)] = bundled![
    "terminal",
    "terminal-mono",
    "catppuccin-latte",
    "catppuccin-mocha",
    "dracula",
    "gruvbox-dark",
    "gruvbox-light",
    "modus-operandi-deuteranopia",
    "modus-vivendi-deuteranopia",
    "nord",
    "rose-pine",
    "rose-pine-dawn",
    "solarized-dark",
    "solarized-light",
    "tokyo-night",
    "tokyo-night-day",
];

/// The themes in the binary, the default first.
pub fn bundled() -> impl Iterator<Item = Source> {
    BUNDLED.iter().map(|(name, text)| Source::bundled(name, text))
}

/// The bundled themes with those of the user, who may replace one by a file of its name.
pub fn all(own: &[(String, String)]) -> Vec<Source> {
    let mut themes: Vec<Source> = bundled().collect();
    for (name, text) in own {
        let source = Source::own(name, text);
        match themes.iter_mut().find(|one| one.name() == name) {
            Some(one) => *one = source,
            None => themes.push(source),
        }
    }
    themes
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

/// What a theme is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Any background: it paints none of its own.
    #[default]
    Any,
    /// A dark one.
    Dark,
    /// A light one.
    Light,
}

/// A style per slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    name: String,
    styles: [Style; SLOTS.len()],
}

impl Theme {
    /// The theme of that name among `themes`, at that colour depth, with a warning for whatever is wrong with it. The default one
    /// takes the place of one that is not known.
    pub fn named(name: &str, themes: &[Source], depth: Depth) -> (Self, Vec<String>) {
        let mut warnings = Vec::new();
        let styles = file::resolve(name, themes, depth == Depth::Sixteen, &mut warnings).or_else(|| {
            let fallback = BUNDLED.first().map_or("", |(name, _)| name);
            file::resolve(fallback, themes, depth == Depth::Sixteen, &mut warnings)
        });
        let mut theme = Self {
            name: name.to_owned(),
            styles: styles.unwrap_or([Style::new(); SLOTS.len()]),
        };
        for style in &mut theme.styles {
            *style = colour::lower(*style, depth);
        }
        if depth == Depth::None {
            // Without colour a selected row would look like any other.
            let selected = &mut theme.styles[Slot::SelectionBg as usize];
            *selected = selected.add_modifier(Modifier::REVERSED);
        }
        (theme, warnings)
    }

    /// Which of three names applies: the terminal's background, where it is known, chooses between the last two.
    pub fn for_background<'a>(
        dark: Option<bool>,
        always: &'a str,
        on_dark: Option<&'a str>,
        on_light: Option<&'a str>,
    ) -> &'a str {
        match dark {
            Some(true) => on_dark.unwrap_or(always),
            Some(false) => on_light.unwrap_or(always),
            None => always,
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

    /// Contrast of a slot's text on the theme's background; `None` where either is the terminal's own.
    pub fn contrast_of(&self, slot: Slot) -> Option<f64> {
        let (text, ground) = match slot {
            Slot::SelectionFg => (self.style(slot).fg?, self.style(Slot::SelectionBg).bg?),
            _ => (self.style(slot).fg?, self.style(Slot::Bg).bg?),
        };
        contrast(text, ground)
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::*;

    fn at(name: &str, depth: Depth) -> Theme {
        let (theme, warnings) = Theme::named(name, &all(&[]), depth);
        assert_eq!(warnings, Vec::<String>::new(), "{name}");
        theme
    }

    #[test]
    fn slots_are_found_by_their_place() {
        for (at, (slot, _)) in SLOTS.iter().enumerate() {
            assert_eq!(*slot as usize, at);
        }
    }

    #[test]
    fn every_bundled_theme_fills_every_slot_and_can_be_read_by_everybody() {
        for source in bundled() {
            let theme = at(source.name(), Depth::True);
            assert!(!source.about().is_empty(), "{}", source.name());
            let paints = matches!(theme.style(Slot::Bg).bg, Some(Color::Rgb(..)));
            assert_eq!(paints, source.mode() != Mode::Any, "{}", source.name());
            for (slot, key) in SLOTS {
                if !paints || matches!(slot, Slot::Bg | Slot::SelectionBg) {
                    continue;
                }
                let least = match slot {
                    Slot::Muted
                    | Slot::Border
                    | Slot::BorderFocus
                    | Slot::Chart1
                    | Slot::Chart2
                    | Slot::Chart3
                    | Slot::Chart4 => 3.0,
                    _ => 4.5,
                };
                let found = theme.contrast_of(slot).unwrap();
                assert!(found >= least, "{}: {key} has {found:.2} : 1", source.name());
            }
        }
    }

    #[test]
    fn light_and_dark_are_what_they_say() {
        for source in bundled().filter(|source| source.mode() != Mode::Any) {
            let ground = at(source.name(), Depth::True).style(Slot::Bg).bg.unwrap();
            let dark = contrast(Color::Rgb(255, 255, 255), ground) > contrast(Color::Rgb(0, 0, 0), ground);
            assert_eq!(dark, source.mode() == Mode::Dark, "{}", source.name());
        }
    }

    #[test]
    fn no_depth_shows_more_colours_than_there_are() {
        for source in bundled() {
            for (depth, allowed) in [
                (Depth::None, [false, false, false]),
                (Depth::Sixteen, [true, false, false]),
                (Depth::Indexed, [true, true, false]),
                (Depth::True, [true, true, true]),
            ] {
                for style in at(source.name(), depth).styles {
                    for colour in [style.fg, style.bg].into_iter().flatten() {
                        let rank = match colour {
                            Color::Rgb(..) => 2,
                            Color::Indexed(index) if index > 15 => 1,
                            _ => 0,
                        };
                        assert!(allowed[rank], "{} {depth:?} {colour:?}", source.name());
                    }
                }
            }
        }
    }

    #[test]
    fn without_colour_the_attributes_stay() {
        let theme = at("terminal", Depth::None);
        assert!(theme.selection().add_modifier.contains(Modifier::REVERSED));
        assert!(theme.style(Slot::Error).add_modifier.contains(Modifier::BOLD));
        // A theme that marks the selected row by colour alone has none left: then it is reversed.
        let theme = at("nord", Depth::None);
        assert!(theme.selection().add_modifier.contains(Modifier::REVERSED));
    }

    #[test]
    fn the_background_chooses_where_it_is_known() {
        let of = |dark| Theme::for_background(dark, "terminal", Some("nord"), None);
        assert_eq!(of(Some(true)), "nord");
        assert_eq!(of(Some(false)), "terminal");
        assert_eq!(of(None), "terminal");
    }

    #[test]
    fn a_theme_nobody_has_is_said_and_replaced() {
        let (theme, warnings) = Theme::named("norrd", &all(&[]), Depth::True);
        assert_eq!(
            theme.style(Slot::Accent),
            at("terminal", Depth::True).style(Slot::Accent)
        );
        assert_eq!(warnings, ["there is no theme `norrd`; did you mean `nord`?"]);
    }
}
