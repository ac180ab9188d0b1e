//! The user's files of the canned engine: configuration, themes, places, what could be cleaned.

use super::*;

/// The configuration in force: defaults, the user's file, a variable.
pub fn configuration() -> Vec<(String, String, String)> {
    let file = "/home/user/.config/destiler/config.toml";
    let row = |key: &str, value: &str, origin: &str| (key.to_owned(), value.to_owned(), origin.to_owned());
    vec![
        row("database_url", "null", "default"),
        row(
            "dataset_root",
            "\"/home/user/datasets\"",
            "/work/destiler.toml:2:1",
        ),
        row("ui.theme", "\"terminal\"", "default"),
        row("ui.theme_dark", "\"nord\"", &format!("{file}:4:1")),
        row("ui.theme_light", "null", "default"),
        row("ui.theme_mode", "\"auto\"", "default"),
        row("ui.keys", "\"default\"", "default"),
        row("ui.color", "\"truecolor\"", "DESTILER_UI__COLOR"),
        row("ui.glyphs", "\"auto\"", "default"),
        row("ui.mouse", "true", "default"),
        row("engine.jobs_at_once", "3", &format!("{file}:9:1")),
        row("engine.usd_per_day", "25.0", &format!("{file}:10:1")),
        row("engine.grace_seconds", "10", "default"),
        row("engine.durability", "\"process\"", "default"),
        row(
            "providers.openrouter.kind",
            "\"openrouter\"",
            &format!("{file}:13:1"),
        ),
        row("providers.ollama-box.kind", "\"ollama\"", &format!("{file}:20:1")),
        row(
            "providers.ollama-box.base_url",
            "\"http://127.0.0.1:11434\"",
            &format!("{file}:21:1"),
        ),
    ]
}

/// The user's own files: a keymap of two lines, a theme.
pub fn user_files() -> UserFiles {
    let place = |what: &str, path: &str, exists| Folder {
        what: what.to_owned(),
        path: PathBuf::from(path),
        exists,
        free: Some(81_200_000_000),
    };
    UserFiles {
        config_file: PathBuf::from("/home/user/.config/destiler/config.toml"),
        keymap_file: PathBuf::from("/home/user/.config/destiler/keymap.toml"),
        keymap: Some(KEYMAP.to_owned()),
        themes: vec![(
            "mine".to_owned(),
            "about = \"my own\"\nmode = \"dark\"\ninherits = \"nord\"\n".to_owned(),
        )],
        places: vec![
            place("config", "/home/user/.config/destiler/config.toml", true),
            place("keys", "/home/user/.config/destiler/keymap.toml", true),
            place("themes", "/home/user/.config/destiler/themes", false),
            place("database", "/home/user/.local/share/destiler/destiler.db", true),
            place("datasets", "/home/user/datasets", true),
            place("logs", "/home/user/.local/state/destiler/logs", true),
        ],
        ..UserFiles::default()
    }
}

/// The user's keymap.
pub const KEYMAP: &str = "[jobs]\nx = \"job.cancel\"\n\n[everywhere]\nf5 = \"view.reload\"\n";

pub fn clean_plan(rules: &CleanRules) -> Vec<CleanRow> {
    let row = |set: bool, what, rows, bytes| set.then_some(CleanRow { what, rows, bytes });
    [
        row(rules.responses_days.is_some(), "responses", 41_288, 310_400_000),
        row(rules.rejected_days.is_some(), "rejected", 7_190, 12_900_000),
        row(rules.cancelled_jobs, "cancelled jobs", 3_919, 4_100_000),
        row(rules.orphans, "orphans", 0, 0),
        row(rules.logs_days.is_some(), "logs", 3, 41_000_000),
    ]
    .into_iter()
    .flatten()
    .collect()
}
