//! The world around the picture: what the application is told about it at the start, and what it shows there while it runs.

use std::path::PathBuf;
use std::time::Duration;

use crate::core::api::{Event, JobProgress};
use crate::core::job::{JobState, PauseReason};

use super::model::Model;
use super::screens::dashboard::done;

/// What lies around the application.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing that is so outside or is not"
)]
pub struct Outside {
    /// The person's editor with its arguments.
    pub editor: Option<String>,
    /// What the person reads long texts with.
    pub pager: Option<String>,
    /// Directory for what is kept between two starts.
    pub state: PathBuf,
    /// Directory of the log.
    pub logs: PathBuf,
    /// File that every frame is noted in.
    pub trace: Option<PathBuf>,
    /// We are inside tmux.
    pub tmux: bool,
    /// The terminal shows progress on its icon.
    pub progress: bool,
    /// How word reaches someone who looks elsewhere.
    pub notify: Notify,
    /// The terminal may be asked what it can do.
    pub asks: bool,
    /// For tests: every question waits so long.
    pub slow: Duration,
    /// For tests: f12 panics.
    pub panic_key: bool,
}

impl Default for Outside {
    fn default() -> Self {
        Self {
            editor: None,
            pager: None,
            state: PathBuf::from("."),
            logs: PathBuf::from("."),
            trace: None,
            tmux: false,
            progress: false,
            notify: Notify::Bell,
            asks: false,
            slow: Duration::ZERO,
            panic_key: false,
        }
    }
}

/// How word reaches someone who looks elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notify {
    /// Not at all.
    Off,
    /// The bell.
    Bell,
    /// `OSC 9`.
    Osc9,
    /// `OSC 777`.
    Osc777,
}

impl Outside {
    /// What the environment says, as `set` reads it; `notify` is the word of `ui.notify`. Paths and the editor stay unknown.
    pub(super) fn of(notify: &str, set: impl Fn(&str) -> Option<String>) -> Self {
        let word = |name: &str| set(name).unwrap_or_default();
        let (term, program) = (word("TERM"), word("TERM_PROGRAM"));
        let tmux = set("TMUX").is_some();
        let plain = tmux || term.starts_with("screen") || term.starts_with("tmux");
        let known = match program.as_str() {
            _ if plain => None,
            "ghostty" | "WezTerm" | "iTerm.app" => Some(Notify::Osc9),
            _ if term.starts_with("foot") || term.starts_with("rxvt-unicode") => Some(Notify::Osc777),
            _ if term.contains("kitty") => Some(Notify::Osc9),
            _ => None,
        };
        let notify = match notify {
            "off" => Notify::Off,
            "bell" => Notify::Bell,
            "osc" => known.unwrap_or(Notify::Osc9),
            _ => known.unwrap_or(Notify::Bell),
        };
        // Older ones of some take it for a notification; these do not.
        let progress = !plain
            && (set("WT_SESSION").is_some()
                || word("ConEmuANSI") == "ON"
                || matches!(program.as_str(), "WezTerm" | "ghostty")
                || set("PTYXIS_VERSION").is_some()
                || (program == "iTerm.app" && word("TERM_FEATURES").contains('P')));
        Self {
            tmux,
            progress,
            notify,
            asks: !term.is_empty() && term != "dumb" && term != "linux",
            ..Self::default()
        }
    }
}

/// What is shown outside the picture: on the window's title and on its icon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Signs {
    /// The title.
    pub(super) title: String,
    /// How far the work is, while there is some.
    pub(super) percent: Option<u8>,
    /// A job failed.
    pub(super) wrong: bool,
}

impl Model {
    /// What the window's title and icon are to say.
    pub(super) fn signs(&self) -> Signs {
        let running: Vec<&JobProgress> = self.shared.running().collect();
        let part = |job: &JobProgress| (done(job) * 100.0).floor().clamp(0.0, 100.0);
        let whole = running.iter().map(|job| part(job)).sum::<f64>() / running.len().max(1) as f64;
        let percent = (!running.is_empty()).then_some(whole as u8);
        let title = match running.as_slice() {
            [] => "destiler".to_owned(),
            [job] => format!("destiler {} {:.0} %", job.name, part(job)),
            [job, ..] => format!(
                "destiler {} {:.0} % {} {} running",
                job.name,
                part(job),
                if self.shared.options.ascii { "-" } else { "·" },
                running.len()
            ),
        };
        let jobs = self.shared.progress.iter().flat_map(|progress| &progress.jobs);
        Signs {
            title,
            percent,
            wrong: jobs.into_iter().any(|job| job.state == "failed"),
        }
    }
}

/// What someone who looks elsewhere would want to know of an event.
pub(super) fn word(event: &Event) -> Option<String> {
    let Event::Job { job, state } = event else {
        return None;
    };
    match state {
        JobState::Completed => Some(format!("{job} is completed")),
        JobState::Failed(_) => Some(format!("{job} has failed")),
        JobState::Paused(PauseReason::Limit(_)) => Some(format!("{job} is paused by its budget")),
        JobState::Paused(PauseReason::Canary(_)) => Some(format!("{job} asks before it does the rest")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside(notify: &str, pairs: &'static [(&str, &str)]) -> Outside {
        Outside::of(notify, |name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_terminal_is_told_only_what_it_understands() {
        let plain = outside("auto", &[("TERM", "xterm-256color")]);
        assert_eq!(
            (plain.notify, plain.progress, plain.asks),
            (Notify::Bell, false, true)
        );
        let rich = outside("auto", &[("TERM", "xterm-256color"), ("TERM_PROGRAM", "WezTerm")]);
        assert_eq!((rich.notify, rich.progress), (Notify::Osc9, true));
        let inside = outside(
            "auto",
            &[
                ("TERM", "tmux-256color"),
                ("TERM_PROGRAM", "WezTerm"),
                ("TMUX", "x"),
            ],
        );
        assert_eq!(
            (inside.notify, inside.progress, inside.tmux),
            (Notify::Bell, false, true)
        );
        assert_eq!(outside("off", &[]).notify, Notify::Off);
        assert!(!outside("auto", &[("TERM", "linux")]).asks);
    }
}
