//! The full-screen application, strictly Elm: [`update`] is pure and owns all state, [`view`] only reads it, and [`drive()`] is the
//! thin loop between them, the terminal and the engine.

pub mod keys;
pub mod theme;

mod commands;
mod context;
mod drive;
mod history;
mod input;
mod layout;
mod memory;
mod message;
mod model;
mod outside;
mod overlay;
mod pace;
mod pointer;
mod remote;
mod screens;
mod terminal;
mod text;
mod trace;
mod view;
mod widgets;

use std::time::Duration;

use crate::core::settings::UiSettings;

pub use drive::drive;
pub use input::{Facts, Input, Pointer, Press, Report};
pub use memory::FILE as MEMORY_FILE;
pub use message::{Edit, Effect, Message, Opening, Ticket};
pub use model::{Model, update};
pub use outside::{Notify, Outside};
pub use terminal::{Signal, run};
pub use view::view;

/// How it looks and behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// What the screen is configured to be.
    pub ui: UiSettings,
    /// Colours the terminal has.
    pub depth: theme::Depth,
    /// Nothing but ASCII.
    pub ascii: bool,
    /// What `auto` means here: colours, and nothing but ASCII.
    pub automatic: (theme::Depth, bool),
    /// Text of the user's `keymap.toml`.
    pub keymap: Option<String>,
    /// Themes of the user's own: name, text.
    pub themes: Vec<(String, String)>,
    /// What stays said below the tabs.
    pub banners: Vec<String>,
    /// How long "pause and quit" waits for what is in flight.
    pub grace: Duration,
    /// Milliseconds since 1970 UTC at the start; from then on the application counts itself.
    pub started_ms: i64,
    /// Seconds that local time is ahead of UTC.
    pub offset_seconds: i32,
    /// Who holds the database, where this is the second instance: then nothing can be ordered.
    pub held_by: Option<String>,
    /// Directory that relative paths of a new job refer to.
    pub directory: std::path::PathBuf,
    /// The mouse is heard.
    pub mouse: bool,
    /// How the screens looked when the program was left, as [`Effect::Keep`] gave it.
    pub remembered: Option<String>,
    /// What lies around the application.
    pub outside: Outside,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ui: UiSettings::default(),
            depth: theme::Depth::default(),
            ascii: false,
            automatic: (theme::Depth::default(), false),
            keymap: None,
            themes: Vec::new(),
            banners: Vec::new(),
            grace: Duration::from_secs(10),
            started_ms: 0,
            offset_seconds: 0,
            held_by: None,
            directory: std::path::PathBuf::from("."),
            mouse: true,
            remembered: None,
            outside: Outside::default(),
        }
    }
}

impl Options {
    /// What the settings say, `auto` decided by the environment as `variable` reads it: `NO_COLOR`, `COLORTERM`, `TERM` and the
    /// locale. Clock, grace and directory stay at their defaults.
    pub fn of(settings: &UiSettings, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let depth = if set("NO_COLOR").is_some() || term == "dumb" {
            theme::Depth::None
        } else if set("COLORTERM").is_some() {
            theme::Depth::True
        } else if term.contains("256color") {
            theme::Depth::Indexed
        } else {
            theme::Depth::Sixteen
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| set(name))
            .unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        let unicode = locale.contains("utf-8") || locale.contains("utf8");
        let automatic = (depth, term == "linux" || !unicode);
        let mut options = Self {
            automatic,
            ..Self::default()
        };
        options.mouse = settings.mouse;
        options.outside = Outside::of(&settings.notify, set);
        options.adopt(settings.clone());
        options
    }

    /// Takes other settings over; `auto` stays what the environment said at the start.
    pub(crate) fn adopt(&mut self, ui: UiSettings) {
        self.depth = match ui.color.as_str() {
            "none" => theme::Depth::None,
            "16" => theme::Depth::Sixteen,
            "256" => theme::Depth::Indexed,
            "truecolor" => theme::Depth::True,
            _ => self.automatic.0,
        };
        self.ascii = match ui.glyphs.as_str() {
            "ascii" => true,
            "unicode" => false,
            _ => self.automatic.1,
        };
        self.ui = ui;
    }
}

/// How the application ended; the caller stops the engine accordingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// A person left; nothing runs any more.
    Quit,
    /// A person left at once: what is in flight returns to the queue.
    Now,
    /// A signal asked for the end.
    Signal(Signal),
    /// The terminal is gone.
    Gone,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(color: &str, pairs: &'static [(&str, &str)]) -> Options {
        let settings = UiSettings {
            color: color.to_owned(),
            ..UiSettings::default()
        };
        Options::of(&settings, |name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_decides_what_is_auto() {
        let full = &[
            ("TERM", "xterm-256color"),
            ("COLORTERM", "truecolor"),
            ("LANG", "de_DE.UTF-8"),
        ];
        assert_eq!(options("auto", full).depth, theme::Depth::True);
        assert!(!options("auto", full).ascii);
        assert_eq!(
            options("auto", &[("TERM", "xterm-256color")]).depth,
            theme::Depth::Indexed
        );
        assert_eq!(
            options("auto", &[("NO_COLOR", "1"), ("COLORTERM", "x")]).depth,
            theme::Depth::None
        );
        assert_eq!(
            options("auto", &[("NO_COLOR", ""), ("COLORTERM", "x")]).depth,
            theme::Depth::True
        );
        assert_eq!(options("16", full).depth, theme::Depth::Sixteen);
        assert!(options("auto", &[("TERM", "linux"), ("LANG", "C.UTF-8")]).ascii);
        assert!(options("auto", &[("LANG", "C")]).ascii);
    }

    #[test]
    fn messages_stay_small() {
        assert!(size_of::<Message>() <= 128, "{}", size_of::<Message>());
    }
}
