//! What a section shows, line by line. Plain data made from what the screen knows; `draw` puts it on the screen, the screen acts on the
//! selected line.

use serde_json::Value;

use crate::core::api::{Level, UserFiles};
use crate::core::settings::Settings as Config;
use crate::core::text::grouped;

use crate::tui::context::Shared;
use crate::tui::keys::{Action, Table};
use crate::tui::text::megabytes;
use crate::tui::theme::Slot;

use super::Settings;
use super::cleaning::busy;
use super::section::{Section, help, is_for_next_start};

/// What a line is, to whoever acts on it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    /// Something to read.
    Fact,
    /// A setting, by its place among those known.
    Setting(usize),
    /// A line of the key table.
    Key(&'static str, Action),
    /// A rule of the cleaning.
    Rule(usize),
    /// Whether a copy is made before cleaning.
    Backup,
    /// Clean.
    Clean,
}

/// A line.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) what: What,
    pub(crate) label: String,
    pub(crate) value: String,
    pub(crate) note: String,
    pub(crate) slot: Slot,
    /// More about it, for the pane beside.
    pub(crate) about: Vec<String>,
}

/// A setting as it is configured.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    pub(crate) key: String,
    pub(crate) value: Value,
    pub(crate) origin: String,
}

impl Setting {
    /// Its value as a person writes it.
    pub(crate) fn text(&self) -> String {
        plain(&self.value)
    }

    /// Its default.
    pub(crate) fn default(&self) -> Value {
        let all = serde_json::to_value(Config::default()).unwrap_or_default();
        let path = format!("/{}", self.key.replace('.', "/"));
        all.pointer(&path).cloned().unwrap_or_default()
    }

    /// Whether the user's own file sets it.
    pub(crate) fn is_users(&self, files: &UserFiles) -> bool {
        self.origin
            .starts_with(&format!("{}:", files.config_file.display()))
    }

    /// Why it cannot be changed here, if something stronger than the user's file sets it.
    pub(crate) fn locked(&self, files: &UserFiles) -> Option<String> {
        match self.origin.as_str() {
            "default" => None,
            "command line" => Some("set on the command line".to_owned()),
            _ if self.is_users(files) => None,
            file if file.contains('/') => {
                Some(format!("set in {file}, which is stronger than your own file"))
            }
            variable => Some(format!("set by the variable {variable}")),
        }
    }

    /// Where it comes from, in a word or two.
    fn source(&self, files: &UserFiles) -> String {
        match self.origin.as_str() {
            "default" => "default".to_owned(),
            "command line" => "flag".to_owned(),
            origin if self.is_users(files) => {
                let line = origin.rsplit(':').nth(1).unwrap_or_default();
                format!("your file, line {line}")
            }
            file if file.contains('/') => "project file".to_owned(),
            _ => "environment".to_owned(),
        }
    }
}

/// JSON as a person writes a setting.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

impl Line {
    pub(crate) fn fact(label: impl Into<String>, value: impl Into<String>) -> Self {
        let value = value.into();
        Self {
            what: What::Fact,
            label: label.into(),
            note: String::new(),
            slot: Slot::Fg,
            about: vec![value.clone()],
            value,
        }
    }

    fn head(text: &str) -> Self {
        Self {
            slot: Slot::Title,
            ..Self::fact(text, "")
        }
    }

    fn gap() -> Self {
        Self::fact("", "")
    }
}

/// The lines of the open section.
pub(super) fn of(screen: &Settings, shared: &Shared) -> Vec<Line> {
    let mut lines = settings(screen);
    let gap = !lines.is_empty();
    let more = match screen.section {
        Section::Paths => paths(screen),
        Section::Database => database(screen, shared),
        Section::Keymap => keys(shared),
        Section::Notify if !gap => vec![Line::fact(
            "News and errors are shown in the corner, kept in `:messages` and in the log.",
            "",
        )],
        Section::Theme | Section::Engine | Section::Notify => Vec::new(),
        Section::Privacy => privacy(screen),
        Section::About => about(screen),
    };
    if gap && !more.is_empty() {
        lines.push(Line::gap());
    }
    lines.extend(more);
    lines
}

fn settings(screen: &Settings) -> Vec<Line> {
    let known = screen.known.iter().enumerate();
    let here = known.filter(|(_, setting)| screen.section.holds(&setting.key));
    let line = |(at, setting): (usize, &Setting)| {
        let locked = setting.locked(&screen.files);
        let mut about = vec![help(&setting.key).to_owned(), String::new()];
        about.push(format!("default   {}", plain(&setting.default())));
        about.push(format!("set by    {}", setting.origin));
        about.extend(locked.as_ref().map(|why| format!("locked    {why}")));
        if is_for_next_start(&setting.key) {
            about.push("A change applies from the next start on.".to_owned());
        }
        Line {
            what: What::Setting(at),
            label: setting.key.clone(),
            value: setting.text(),
            note: setting.source(&screen.files) + if locked.is_some() { " (locked)" } else { "" },
            slot: if locked.is_some() { Slot::Muted } else { Slot::Fg },
            about,
        }
    };
    here.map(line).collect()
}

fn paths(screen: &Settings) -> Vec<Line> {
    let line = |place: &crate::core::api::Folder| Line {
        note: place
            .free
            .map(|free| format!("{} free", megabytes(free)))
            .unwrap_or_default(),
        slot: if place.exists { Slot::Fg } else { Slot::Muted },
        about: vec![
            place.path.display().to_string(),
            String::new(),
            if place.exists {
                "It is there.".to_owned()
            } else {
                "It is not there yet; it is made when there is something to write.".to_owned()
            },
        ],
        ..Line::fact(&place.what, place.path.display().to_string())
    };
    screen.files.places.iter().map(line).collect()
}

fn database(screen: &Settings, shared: &Shared) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some((info, _)) = screen.database.value() {
        let [jobs, tasks, requests, samples] = info.rows.map(grouped);
        lines.extend([
            Line::fact("File", &info.path),
            Line::fact(
                "Size",
                format!("{}, log {}", megabytes(info.bytes), megabytes(info.wal_bytes)),
            ),
            Line::fact("Jobs, tasks", format!("{jobs} jobs, {tasks} tasks")),
            Line::fact("Requests", requests),
            Line::fact("Samples", samples),
            Line::fact(
                "Version",
                format!("schema {}, SQLite {}", info.schema_version, info.engine_version),
            ),
            Line::gap(),
        ]);
    }
    lines.push(Line::head("Cleaning (enter chooses, space takes other days)"));
    let plan = screen.plan.value().map(Vec::as_slice).unwrap_or_default();
    for (at, rule) in screen.cleaning.rules.iter().enumerate() {
        let found = plan.iter().find(|row| row.what == rule.what);
        let amount = found.map(|row| format!("{} rows, {}", grouped(row.rows), megabytes(row.bytes)));
        let mark = if rule.on { "[x]" } else { "[ ]" };
        lines.push(Line {
            what: What::Rule(at),
            label: format!("{mark} {}", rule.label),
            value: rule
                .days
                .map(|days| format!("over {days} days"))
                .unwrap_or_default(),
            note: amount.unwrap_or_else(|| "…".to_owned()),
            about: vec![
                rule.label.to_owned(),
                String::new(),
                format!("You lose {}.", rule.loses),
            ],
            ..Line::fact("", "")
        });
    }
    let mark = if screen.cleaning.backup { "[x]" } else { "[ ]" };
    lines.push(Line {
        what: What::Backup,
        about: vec!["A copy lies beside the database as FILE.before-cleaning-1, -2, …".to_owned()],
        ..Line::fact(format!("{mark} Copy the database first"), "")
    });
    let (rows, bytes) = screen.cleaning.total(plan);
    lines.push(Line {
        what: What::Clean,
        slot: Slot::Accent,
        note: busy(shared).unwrap_or_else(|| format!("{} rows, {}", grouped(rows), megabytes(bytes))),
        about: vec!["Asks first, and wants the number of rows typed.".to_owned()],
        ..Line::fact("Clean what is chosen …", "")
    });
    lines
}

fn keys(shared: &Shared) -> Vec<Line> {
    let mut lines: Vec<Line> = shared
        .troubles
        .iter()
        .map(|trouble| Line {
            slot: Slot::Warn,
            ..Line::fact(format!("▲ {trouble}"), "")
        })
        .collect();
    let mut before: Option<&Table> = None;
    for (table, keys, binding) in shared.keymap.rows() {
        if before.is_none_or(|before| before.context != table.context) {
            lines.push(Line::head(table.context));
            before = Some(table);
        }
        let default = binding.keys.join(" ");
        let changed = keys != default;
        lines.push(Line {
            what: What::Key(table.context, binding.action),
            label: if keys.is_empty() { "–".to_owned() } else { keys },
            value: binding.help.to_owned(),
            note: binding.action.id().to_owned(),
            slot: if changed { Slot::Accent } else { Slot::Fg },
            about: vec![
                binding.help.to_owned(),
                String::new(),
                format!("action    {}", binding.action.id()),
                format!("context   [{}]", table.id()),
                format!(
                    "default   {}",
                    if default.is_empty() { "no key" } else { &default }
                ),
            ],
        });
    }
    lines
}

fn privacy(screen: &Settings) -> Vec<Line> {
    let mut lines = vec![Line::fact(
        "No telemetry, no updates, no calls but to the teachers you named:",
        "",
    )];
    let servers = screen.known.iter().filter_map(|setting| {
        let name = setting.key.strip_prefix("providers.")?.strip_suffix(".kind")?;
        let address = format!("providers.{name}.base_url");
        let address = screen.known.iter().find(|other| other.key == address);
        let text = address.map_or_else(
            || format!("the usual address of {}", setting.text()),
            Setting::text,
        );
        Some(Line::fact(format!("  {name}"), text))
    });
    let before = lines.len();
    lines.extend(servers);
    if lines.len() == before {
        lines.push(Line::fact("  none", "only the built-in mock answers"));
    }
    lines.extend([
        Line::gap(),
        Line::fact(
            "Keys",
            "are named, never stored; blotted out of logs, database, datasets, screen",
        ),
        Line::fact(
            "Raw responses",
            "stay in the database on this machine; Database ▸ Cleaning takes old ones away",
        ),
        Line::fact("Prompts and answers", "are in the log only with --log-bodies"),
        Line::fact("Text from models", "never reaches the terminal unfiltered"),
    ]);
    lines
}

fn about(screen: &Settings) -> Vec<Line> {
    let mut lines = vec![
        Line::fact("destiler", env!("CARGO_PKG_VERSION")),
        Line::fact("Licence", env!("CARGO_PKG_LICENSE")),
        Line::fact(
            "Themes",
            "colours after published palettes; themes/LICENSES.md names them",
        ),
        Line::gap(),
        Line::head("Doctor"),
    ];
    match screen.doctor.value() {
        None => lines.push(Line::fact("…", "")),
        Some(findings) => lines.extend(findings.iter().map(|finding| {
            let (glyph, slot) = match finding.level {
                Level::Ok => ("✓", Slot::Ok),
                Level::Warning => ("▲", Slot::Warn),
                Level::Error => ("✗", Slot::Error),
            };
            Line {
                slot,
                about: [&finding.message]
                    .into_iter()
                    .chain(&finding.help)
                    .cloned()
                    .collect(),
                ..Line::fact(format!("{glyph} {}", finding.topic), &finding.message)
            }
        })),
    }
    lines
}
