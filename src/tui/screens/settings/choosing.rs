//! Choosing one of a few values: a theme, a preset of keys, a word.

use serde_json::Value;

use crate::tui::context::Shared;
use crate::tui::keys::presets;
use crate::tui::theme::Mode as Ground;
use crate::tui::widgets::cursor::Cursor;

use super::lines::Setting;
use super::section::{is_theme, words};

/// One of a few values.
pub(super) struct Choosing {
    pub(super) key: String,
    pub(super) options: Vec<Choice>,
    pub(super) cursor: Cursor,
    /// What it is now.
    pub(super) now: Value,
}

/// A value to choose.
pub(super) struct Choice {
    pub(super) value: Value,
    pub(super) label: String,
    pub(super) about: String,
}

impl Choosing {
    /// With what it is now selected, in a list of which `page` rows are shown.
    pub(super) fn of(setting: Setting, options: Vec<Choice>, page: usize) -> Self {
        let mut cursor = Cursor::default();
        let now = options.iter().position(|choice| choice.value == setting.value);
        cursor.selected = now.unwrap_or_default();
        cursor.clamp(options.len(), page.saturating_sub(1));
        Self {
            key: setting.key,
            options,
            cursor,
            now: setting.value,
        }
    }
}

/// The values of a setting that is chosen rather than typed.
pub(super) fn options(setting: &Setting, shared: &Shared) -> Vec<Choice> {
    let choice = |value: &str, about: &str| Choice {
        value: Value::from(value),
        label: value.to_owned(),
        about: about.to_owned(),
    };
    if is_theme(&setting.key) {
        let wanted = match setting.key.as_str() {
            "ui.theme_dark" => Some(Ground::Dark),
            "ui.theme_light" => Some(Ground::Light),
            _ => None,
        };
        let fits = |ground: Ground| wanted.is_none_or(|wanted| ground == wanted || ground == Ground::Any);
        let themes = shared.themes.iter().filter(|theme| fits(theme.mode()));
        let none = wanted.map(|_| Choice {
            value: Value::Null,
            label: "none".to_owned(),
            about: "the one of ui.theme".to_owned(),
        });
        let themes = themes.map(|theme| choice(theme.name(), theme.about()));
        return none.into_iter().chain(themes).collect();
    }
    if setting.key == "ui.keys" {
        return presets().map(|(name, about)| choice(name, about)).collect();
    }
    let words = words(&setting.key).unwrap_or_default();
    words.iter().map(|word| choice(word, "")).collect()
}
