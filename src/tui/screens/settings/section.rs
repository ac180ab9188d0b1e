//! The sections of the settings, and what is known about single settings beyond their names: words to choose from, what they are for,
//! when they apply.

/// A section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Section {
    /// Where everything lies.
    Paths,
    /// Size, and cleaning.
    Database,
    /// How it looks.
    #[default]
    Theme,
    /// Which key does what.
    Keymap,
    /// How jobs run.
    Engine,
    /// What calls a person.
    Notify,
    /// What leaves the machine.
    Privacy,
    /// Version, licences, doctor.
    About,
}

impl Section {
    /// In their order.
    pub(crate) const ALL: [Self; 8] = [
        Self::Paths,
        Self::Database,
        Self::Theme,
        Self::Keymap,
        Self::Engine,
        Self::Notify,
        Self::Privacy,
        Self::About,
    ];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Paths => "Paths",
            Self::Database => "Database",
            Self::Theme => "Theme",
            Self::Keymap => "Keymap",
            Self::Engine => "Engine",
            Self::Notify => "Notify",
            Self::Privacy => "Privacy",
            Self::About => "About",
        }
    }

    /// What is there.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Paths => "where everything lies, and how much room is left",
            Self::Database => "size, rows, cleaning",
            Self::Theme => "colours, glyphs, mouse",
            Self::Keymap => "which key does what, presets",
            Self::Engine => "jobs at once, cap a day, durability",
            Self::Notify => "what calls a person",
            Self::Privacy => "what leaves the machine",
            Self::About => "version, licences, doctor",
        }
    }

    /// Whether a setting is shown here.
    pub(crate) fn holds(self, key: &str) -> bool {
        let notify = key.starts_with("ui.notify") || key.starts_with("ui.bell");
        match self {
            Self::Paths => matches!(key, "database_url" | "dataset_root"),
            Self::Theme => key.starts_with("ui.") && key != "ui.keys" && !notify,
            Self::Keymap => key == "ui.keys",
            Self::Engine => key.starts_with("engine."),
            Self::Notify => notify,
            Self::Database | Self::Privacy | Self::About => false,
        }
    }

    /// The one so many places on.
    pub(crate) fn step(self, by: isize) -> Self {
        let all = Self::ALL;
        let at = all.iter().position(|one| *one == self).unwrap_or_default();
        all[(at.cast_signed() + by)
            .rem_euclid(all.len().cast_signed())
            .unsigned_abs()]
    }
}

/// Settings with a few words to choose from.
const WORDS: [(&str, &[&str]); 5] = [
    ("ui.theme_mode", &["auto", "dark", "light"]),
    ("ui.keys", &["default", "arrows", "vim", "emacs"]),
    ("ui.color", &["auto", "truecolor", "256", "16", "none"]),
    ("ui.glyphs", &["auto", "unicode", "ascii"]),
    ("engine.durability", &["process", "power"]),
];

/// What single settings are for.
const HELP: [(&str, &str); 14] = [
    (
        "database_url",
        "The ledger: everything that was asked, answered and judged.",
    ),
    (
        "dataset_root",
        "Datasets are written below it, a directory for each job.",
    ),
    ("ui.theme", "The theme, wherever neither of the next two applies."),
    (
        "ui.theme_dark",
        "The theme where the terminal's background is dark.",
    ),
    (
        "ui.theme_light",
        "The theme where the terminal's background is light.",
    ),
    (
        "ui.theme_mode",
        "auto asks the terminal for its background; dark and light say it.",
    ),
    (
        "ui.keys",
        "A preset of keys. Single keys are changed below, and kept in keymap.toml.",
    ),
    (
        "ui.color",
        "How many colours: auto looks at NO_COLOR, COLORTERM and TERM.",
    ),
    (
        "ui.glyphs",
        "Letters and lines: auto takes ASCII where the locale is not UTF-8.",
    ),
    (
        "ui.mouse",
        "Clicks and the wheel; with shift held the terminal selects text all the same.",
    ),
    (
        "engine.jobs_at_once",
        "Jobs that run side by side; the others wait in the queue.",
    ),
    (
        "engine.usd_per_day",
        "Cap on what all jobs together may spend in a UTC day.",
    ),
    (
        "engine.grace_seconds",
        "How long a graceful stop waits for answers that are paid for already.",
    ),
    (
        "engine.durability",
        "process: survives kill -9. power: survives a power loss too, one fsync per group of commits.",
    ),
];

/// The words of a setting.
pub(crate) fn words(key: &str) -> Option<&'static [&'static str]> {
    WORDS
        .iter()
        .find(|(known, _)| *known == key)
        .map(|(_, words)| *words)
}

/// What a setting is for.
pub(crate) fn help(key: &str) -> &'static str {
    HELP.iter()
        .find(|(known, _)| *known == key)
        .map_or("", |(_, help)| help)
}

/// Whether a change of it waits for the next start.
pub(crate) fn is_for_next_start(key: &str) -> bool {
    let at_once = [
        "engine.jobs_at_once",
        "engine.usd_per_day",
        "engine.grace_seconds",
    ];
    !(key.starts_with("ui.") && key != "ui.notify" || at_once.contains(&key))
}

/// Whether a theme's name is its value.
pub(crate) fn is_theme(key: &str) -> bool {
    matches!(key, "ui.theme" | "ui.theme_dark" | "ui.theme_light")
}
