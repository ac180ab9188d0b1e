//! What the process finds around it: variables, clock, editor, and the tables that commands without an engine print.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::customs;
use crate::cli::{ConfigFile, KeyRow, Offline, ThemeRow};
use crate::config::{self, Dirs, Flags, Loaded, Variables};
use crate::core::api::{Finding, Level};
use crate::tui;
use crate::tui::keys::Keymap;

/// The environment, once.
#[expect(
    clippy::disallowed_methods,
    reason = "read once, here; everybody else is given what they need"
)]
pub(super) fn variables() -> Variables {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Milliseconds since 1970 UTC.
#[expect(
    clippy::disallowed_methods,
    reason = "the screen counts on from this moment by itself"
)]
pub(super) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Seconds that local time is ahead of UTC.
#[expect(
    clippy::disallowed_methods,
    reason = "the screen shows local times from this offset"
)]
pub(super) fn offset_seconds() -> i32 {
    jiff::Zoned::now().offset().seconds()
}

/// The user's editor: the one they name, else the first that is there.
pub(super) fn editor(variables: &Variables) -> Option<String> {
    let named = ["DESTILER_EDITOR", "VISUAL", "EDITOR"].iter().find_map(|name| {
        variables
            .get(*name)
            .filter(|value| !value.trim().is_empty())
            .cloned()
    });
    named.or_else(|| first_there(&["nvim", "vim", "nano", "vi"], variables))
}

/// The user's pager: the one they name, else the first that is there.
pub(super) fn pager(variables: &Variables) -> Option<String> {
    let named = variables.get("PAGER").filter(|value| !value.trim().is_empty());
    named
        .cloned()
        .or_else(|| first_there(&["less", "more"], variables))
}

fn first_there(names: &[&str], variables: &Variables) -> Option<String> {
    let places = variables.get("PATH").map(String::as_str).unwrap_or_default();
    let is_there = |name: &&&str| std::env::split_paths(places).any(|place| place.join(name).is_file());
    names.iter().find(is_there).map(|name| (*name).to_owned())
}

/// Largest file of how the screens looked that is read.
const MEMORY_AT_MOST: u64 = 1 << 20;

/// How the screens looked when the program was left. Without a file, or with a broken one, they look as ever.
#[expect(
    clippy::disallowed_methods,
    reason = "a small file of our own, read once with a limit"
)]
pub(super) fn remembered(dirs: &Dirs) -> Option<String> {
    let path = dirs.state.join(tui::MEMORY_FILE);
    let size = std::fs::metadata(&path).ok()?.len();
    (size <= MEMORY_AT_MOST).then(|| std::fs::read_to_string(path).ok())?
}

/// What `DESTILER_TEST` asks a build for tests to do; other builds do not listen.
pub(super) fn hooks(variables: &Variables) -> (bool, Duration) {
    if !cfg!(any(debug_assertions, feature = "test-hooks")) {
        return (false, Duration::ZERO);
    }
    let words = variables
        .get("DESTILER_TEST")
        .map(String::as_str)
        .unwrap_or_default();
    let slow = words.split(',').find_map(|word| word.strip_prefix("slow-db="));
    let slow = slow.and_then(|ms| ms.parse().ok()).unwrap_or_default();
    (
        words.split(',').any(|word| word == "panic-key"),
        Duration::from_millis(slow),
    )
}

/// Data for commands that need no engine.
pub(super) fn offline(dirs: &Dirs, loaded: Option<&Loaded>, flags: &Flags) -> Offline {
    let preset = loaded.map_or("default", |loaded| loaded.settings.ui.keys.as_str());
    let (keymap, troubles) = Keymap::read(preset, customs::keymap(dirs).as_deref());
    let presets = tui::keys::presets().map(|(name, _)| {
        let keymap = Keymap::read(name, None).0;
        (name.to_owned(), key_rows(&keymap))
    });
    let themes = tui::theme::all(&customs::themes(dirs)).into_iter().map(|theme| {
        let ground = match theme.mode() {
            tui::theme::Mode::Any => "any background",
            tui::theme::Mode::Dark => "dark",
            tui::theme::Mode::Light => "light",
        };
        ThemeRow {
            name: theme.name().to_owned(),
            about: theme.about().to_owned(),
            ground: ground.to_owned(),
            origin: if theme.is_own() { "your own" } else { "built in" }.to_owned(),
        }
    });
    let job = (
        PathBuf::from("jobs/quickstart.toml"),
        super::bundled::JOBS
            .first()
            .map_or("", |job| job.source)
            .to_owned(),
    );
    let seeds = super::bundled::file("seeds/topics.jsonl")
        .unwrap_or_default()
        .to_owned();
    Offline {
        keys: key_rows(&keymap),
        presets: presets.collect(),
        troubles: troubles
            .iter()
            .map(|trouble| format!("keymap.toml {trouble}"))
            .collect(),
        themes: themes.collect(),
        config_files: config_files(dirs, loaded, flags),
        init: vec![
            (PathBuf::from("destiler.toml"), config::EXAMPLE.to_owned()),
            job,
            (PathBuf::from("jobs/seeds/topics.jsonl"), seeds),
        ],
    }
}

/// A keymap as it is printed.
fn key_rows(keymap: &Keymap) -> Vec<KeyRow> {
    let rows = keymap.rows().into_iter();
    rows.map(|(table, keys, binding)| KeyRow {
        context: table.context.to_owned(),
        id: table.id(),
        keys,
        action: binding.action.id().to_owned(),
        help: binding.help.to_owned(),
    })
    .collect()
}

fn config_files(dirs: &Dirs, loaded: Option<&Loaded>, flags: &Flags) -> Vec<ConfigFile> {
    let read = loaded.map(|loaded| loaded.files.clone()).unwrap_or_default();
    let user = dirs.config_file();
    let mut files: Vec<ConfigFile> = read
        .iter()
        .map(|path| {
            let what = if flags.config.as_ref() == Some(path) {
                "--config"
            } else if *path == user {
                "the user's own"
            } else {
                "the nearest project file"
            };
            ConfigFile {
                path: path.clone(),
                what: what.to_owned(),
                exists: true,
            }
        })
        .collect();
    if !read.contains(&user) {
        files.push(ConfigFile {
            path: user,
            what: "the user's own".to_owned(),
            exists: false,
        });
    }
    files
}

/// Findings about the environment, for the doctor. With `asks` the programs around are asked how they are set.
pub(super) fn findings(dirs: &Dirs, loaded: &Loaded, variables: &Variables, asks: bool) -> Vec<Finding> {
    let mut findings: Vec<Finding> = loaded
        .warnings
        .iter()
        .map(|warning| Finding {
            level: Level::Warning,
            topic: "config".to_owned(),
            message: warning.clone(),
            help: None,
        })
        .collect();
    let files: Vec<String> = loaded
        .files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let read = if files.is_empty() {
        "no file; the defaults apply".to_owned()
    } else {
        files.join(", ")
    };
    findings.push(Finding {
        level: Level::Ok,
        topic: "config".to_owned(),
        message: read,
        help: None,
    });
    findings.push(terminal(variables, asks));
    findings.push(Finding {
        level: Level::Ok,
        topic: "logs".to_owned(),
        message: dirs.logs().display().to_string(),
        help: None,
    });
    findings
}

/// Where the database lies on a file system that does not do what it needs: locks and shared memory among machines, or a life beyond
/// the next start. `None`: nothing is known against it.
pub(super) fn on_odd_ground(database: &Path) -> Option<Finding> {
    let there = database.ancestors().skip(1).find(|place| place.exists())?;
    let kind = rustix::fs::statfs(there).ok()?.f_type;
    let (name, why, help) = odd_ground(u32::try_from(kind).unwrap_or(kind as u32))?;
    Some(Finding {
        level: Level::Warning,
        topic: "database".to_owned(),
        message: format!("{} lies on {name}: {why}", database.display()),
        help: Some(help.to_owned()),
    })
}

/// File systems by their numbers in statfs(2): what it is, what is wrong with it, what helps.
fn odd_ground(kind: u32) -> Option<(&'static str, &'static str, &'static str)> {
    const NETWORK: (&str, &str) = (
        "SQLite's log needs memory that all readers share, and locks that hold; over a network neither is sure",
        "keep it on a disk of this machine (database_url), and let no other machine open it",
    );
    let network = |name| Some((name, NETWORK.0, NETWORK.1));
    match kind {
        0x6969 => network("NFS"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => network("a Windows share"),
        0x0102_1997 => network("9P (a Windows drive under WSL)"),
        0x00c3_6400 => network("CephFS"),
        0x5346_414f => network("AFS"),
        0x6573_5546 => Some((
            "FUSE",
            "some of these (sshfs, cloud drives) hold no locks and share no memory",
            "keep it on a disk of this machine (database_url) unless you know that this one does",
        )),
        0x0102_1994 => Some((
            "a file system in memory",
            "it is gone with the next start of this machine",
            "name a file on a disk with database_url, if it is to stay",
        )),
        _ => None,
    }
}

fn terminal(variables: &Variables, asks: bool) -> Finding {
    let value = |name: &str| variables.get(name).map_or("", String::as_str);
    let term = value("TERM");
    let mut message = format!("TERM={term} COLORTERM={}", value("COLORTERM"));
    let inside = (!value("TMUX").is_empty()).then(|| asks.then(tmux).flatten());
    let (level, help) = if term.is_empty() || term == "dumb" {
        (
            Level::Warning,
            Some("the full-screen application needs a terminal; commands work everywhere".to_owned()),
        )
    } else if let Some(Some(options)) = inside {
        let pairs = TMUX.iter().zip(&options);
        let words: Vec<String> = pairs.map(|(name, value)| format!("{name} {value}")).collect();
        message = format!("{message} · tmux {}", words.join(" "));
        let help = held_back(&options);
        let level = if help.is_empty() {
            Level::Ok
        } else {
            Level::Warning
        };
        (level, (!help.is_empty()).then(|| help.join("; ")))
    } else if inside.is_some() {
        (
            Level::Warning,
            Some(
                "tmux drops copied text unless `set -s set-clipboard on` or `set -g allow-passthrough on` (a copy is always kept in a \
                 file too), holds esc back unless `set -s escape-time 10`, and hides the focus unless `set -g focus-events on`"
                    .to_owned(),
            ),
        )
    } else {
        (Level::Ok, None)
    };
    Finding {
        level,
        topic: "terminal".to_owned(),
        message,
        help,
    }
}

/// Options of tmux that decide what reaches a program and what leaves it.
const TMUX: [&str; 4] = [
    "set-clipboard",
    "allow-passthrough",
    "escape-time",
    "focus-events",
];

/// How they are set in the tmux around; `None` where it gives no answer.
#[expect(
    clippy::disallowed_methods,
    reason = "doctor asks the tmux it runs in, with fixed words"
)]
fn tmux() -> Option<[String; 4]> {
    let format = TMUX.map(|name| format!("#{{{name}}}")).join("/");
    let asked = std::process::Command::new("tmux")
        .args(["display-message", "-p", &format])
        .stdin(std::process::Stdio::null())
        .output();
    let output = asked.ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let values: Vec<String> = text.trim().split('/').map(str::to_owned).collect();
    // What this tmux does not know comes back empty.
    values.try_into().ok()
}

/// What such a tmux holds back, and what lets it through.
fn held_back([clipboard, passthrough, escape, focus]: &[String; 4]) -> Vec<String> {
    let mut held = Vec::new();
    if clipboard != "on" && !matches!(passthrough.as_str(), "on" | "all") {
        held.push(
            "copied text is dropped unless `set -s set-clipboard on` or `set -g allow-passthrough on` (a copy is always kept in a file too)"
                .to_owned(),
        );
    }
    if escape.parse().is_ok_and(|ms: u32| ms > 50) {
        held.push("esc comes late unless `set -s escape-time 10`".to_owned());
    }
    if focus != "on" && focus != "1" {
        held.push("the focus is hidden unless `set -g focus-events on`".to_owned());
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_beyond_a_network_or_in_memory_is_warned_of() {
        for (kind, name) in [
            (0x6969, "NFS"),
            (0xfe53_4d42, "Windows share"),
            (0x0102_1994, "in memory"),
        ] {
            assert!(
                odd_ground(kind).is_some_and(|(said, ..)| said.contains(name)),
                "{kind:x}"
            );
        }
        // ext4, xfs, btrfs, overlayfs, zfs
        for kind in [0xef53, 0x5846_5342, 0x9123_683e, 0x794c_7630, 0x2fc1_2fc1] {
            assert_eq!(odd_ground(kind), None, "{kind:x}");
        }
        let shm = Path::new("/dev/shm");
        if rustix::fs::statfs(shm).is_ok_and(|there| there.f_type as u32 == 0x0102_1994) {
            let found = on_odd_ground(&shm.join("not/there/yet.db")).unwrap();
            assert_eq!(found.level, Level::Warning);
            assert!(found.message.contains("in memory"), "{}", found.message);
        }
    }

    #[test]
    fn tmux_is_blamed_only_for_what_it_holds_back() {
        let options = |words: &str| -> [String; 4] {
            let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
            words.try_into().unwrap()
        };
        assert_eq!(held_back(&options("external off 500 off")).len(), 3);
        assert!(held_back(&options("external on 500 on"))[0].starts_with("esc"));
        assert!(held_back(&options("on off 10 1")).is_empty());
    }
}
