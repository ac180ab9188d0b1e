//! Themes as files: slots, a palette of names, another theme they build on. Whatever is wrong is a warning with its line; the slot then
//! keeps what the theme below it says.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use toml::de::{DeTable, DeValue};

use super::{Mode, SLOTS, Slot};
use crate::core::text::nearest;

/// Themes that build on each other, at most.
const DEEP: usize = 8;
/// Keys of a theme file that are no slots.
const OTHERS: [&str; 5] = ["about", "mode", "inherits", "palette", "ansi"];

/// A theme as it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: Cow<'static, str>,
    about: String,
    mode: Mode,
    own: bool,
}

impl Source {
    /// One of the binary.
    pub(super) fn bundled(name: &str, text: &'static str) -> Self {
        Self::of(name, Cow::Borrowed(text), false)
    }

    /// One of the user's own.
    pub(super) fn own(name: &str, text: &str) -> Self {
        Self::of(name, Cow::Owned(text.to_owned()), true)
    }

    fn of(name: &str, text: Cow<'static, str>, own: bool) -> Self {
        let (table, _) = DeTable::parse_recoverable(&text);
        let word = |key: &str| match table.get_ref().get(key)?.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            _ => None,
        };
        let mode = match word("mode").as_deref() {
            Some("dark") => Mode::Dark,
            Some("light") => Mode::Light,
            _ => Mode::Any,
        };
        let about = word("about").unwrap_or_default();
        Self {
            name: name.to_owned(),
            about,
            mode,
            own,
            text,
        }
    }

    /// The word for `ui.theme`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is, in a few words.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// What it is made for.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether it is a file of the user's.
    pub fn is_own(&self) -> bool {
        self.own
    }
}

/// What the files of a theme and of those below it say, the strongest last.
#[derive(Default)]
struct Layers {
    slots: BTreeMap<String, (String, String)>,
    ansi: BTreeMap<String, (String, String)>,
    palette: BTreeMap<String, String>,
}

/// The styles of a theme. `None` if there is none of that name.
pub(super) fn resolve(
    name: &str,
    themes: &[Source],
    sixteen: bool,
    warnings: &mut Vec<String>,
) -> Option<[Style; SLOTS.len()]> {
    let mut layers = Layers::default();
    gather(name, themes, &mut layers, warnings, DEEP)?;
    let mut styles = [Style::new(); SLOTS.len()];
    for (style, (slot, key)) in styles.iter_mut().zip(SLOTS) {
        let ansi = layers.ansi.get(key).filter(|_| sixteen);
        let Some((value, place)) = ansi.or_else(|| layers.slots.get(key)) else {
            warnings.push(format!("theme {name}: `{key}` is missing"));
            continue;
        };
        match read(slot, value, &layers.palette) {
            Ok(read) => *style = read,
            Err(why) => warnings.push(format!("{place}: {why}")),
        }
    }
    Some(styles)
}

fn gather(
    name: &str,
    themes: &[Source],
    layers: &mut Layers,
    warnings: &mut Vec<String>,
    deep: usize,
) -> Option<()> {
    let Some(source) = themes.iter().find(|theme| theme.name == name) else {
        let names: Vec<&str> = themes.iter().map(Source::name).collect();
        let near = nearest(name, &names).map(|near| format!("; did you mean `{near}`?"));
        warnings.push(format!("there is no theme `{name}`{}", near.unwrap_or_default()));
        return None;
    };
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    let line = |at: usize| 1 + source.text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    let place = |at: usize| format!("theme {name}, line {}", line(at));
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        warnings.push(format!("{}: {}", place(at), error.message()));
    }
    let table = table.get_ref();
    match table
        .get("inherits")
        .map(|value| (value.span().start, value.get_ref()))
    {
        Some((at, _)) if deep == 0 => warnings.push(format!("{}: themes inherit in a circle", place(at))),
        Some((_, DeValue::String(below))) => {
            gather(below, themes, layers, warnings, deep - 1);
        }
        Some((at, _)) => warnings.push(format!("{}: `inherits` must name a theme", place(at))),
        None => {}
    }
    for (key, value) in table {
        let at = key.span().start;
        let slot = SLOTS.iter().any(|(_, slot)| slot == key.get_ref());
        match (key.get_ref().as_ref(), value.get_ref()) {
            (_, DeValue::String(text)) if slot => {
                layers
                    .slots
                    .insert(key.get_ref().to_string(), (text.to_string(), place(at)));
            }
            (word @ ("palette" | "ansi"), DeValue::Table(entries)) => {
                for (key, value) in entries {
                    let DeValue::String(text) = value.get_ref() else {
                        warnings.push(format!(
                            "{}: `{}` must be text",
                            place(key.span().start),
                            key.get_ref()
                        ));
                        continue;
                    };
                    let (key, at) = (key.get_ref().to_string(), key.span().start);
                    if word == "palette" {
                        layers.palette.insert(key, text.to_string());
                    } else {
                        layers.ansi.insert(key, (text.to_string(), place(at)));
                    }
                }
            }
            ("about" | "mode" | "inherits", _) => {}
            (word, _) if slot || OTHERS.contains(&word) => {
                warnings.push(format!("{}: `{word}` has the wrong type", place(at)));
            }
            (word, _) => {
                let known: Vec<&str> = SLOTS.iter().map(|(_, slot)| *slot).chain(OTHERS).collect();
                let near = nearest(word, &known).map(|near| format!("; did you mean `{near}`?"));
                warnings.push(format!(
                    "{}: `{word}` is no slot{}",
                    place(at),
                    near.unwrap_or_default()
                ));
            }
        }
    }
    Some(())
}

/// A value: a colour or a name of the palette, then attributes.
fn read(slot: Slot, value: &str, palette: &BTreeMap<String, String>) -> Result<Style, String> {
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
            name if at == 0 => {
                let colour = palette.get(name).map_or(name, String::as_str);
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

#[cfg(test)]
mod tests {
    use super::super::{Depth, Theme, all};
    use super::*;

    fn own(text: &str) -> (Theme, Vec<String>) {
        let themes = all(&[("mine".to_owned(), text.to_owned())]);
        Theme::named("mine", &themes, Depth::True)
    }

    #[test]
    fn a_theme_builds_on_another_and_changes_its_palette() {
        let (theme, warnings) =
            own("inherits = \"nord\"\nok = \"mint bold\"\n[palette]\nmint = \"#a0ffc0\"\n");
        assert_eq!(warnings, Vec::<String>::new());
        assert_eq!(theme.style(Slot::Ok).fg, Some(Color::Rgb(0xa0, 0xff, 0xc0)));
        assert!(theme.style(Slot::Ok).add_modifier.contains(Modifier::BOLD));
        let nord = Theme::named("nord", &all(&[]), Depth::True).0;
        assert_eq!(theme.style(Slot::Warn), nord.style(Slot::Warn));
    }

    #[test]
    fn what_is_wrong_is_a_warning_with_its_line() {
        let (theme, warnings) = own(
            "inherits = \"terminal\"\nacccent = \"red\"\nok = \"greeen\"\nwarn = 3\nerror = \"red wobbly\"\n",
        );
        assert_eq!(
            warnings,
            [
                "theme mine, line 2: `acccent` is no slot; did you mean `accent`?",
                "theme mine, line 4: `warn` has the wrong type",
                "theme mine, line 3: `greeen` is no colour",
                "theme mine, line 5: `wobbly` is no attribute",
            ]
        );
        assert_eq!(theme.style(Slot::Accent).fg, Some(Color::Cyan));
        let (_, warnings) = own("inherits = \"mine\"\n");
        assert!(
            warnings.iter().any(|one| one.contains("in a circle")),
            "{warnings:?}"
        );
        let (_, warnings) = own("bg = \n");
        assert!(warnings[0].starts_with("theme mine, line 1: "), "{warnings:?}");
    }
}
