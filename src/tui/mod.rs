//! The full-screen application, strictly Elm: [`update`] is pure and owns all state, [`view`] only reads it, and [`drive`] is the
//! thin loop between them, the terminal and the engine.

pub mod keys;
pub mod theme;

mod commands;
mod context;
mod history;
mod layout;
mod message;
mod model;
mod overlay;
mod remote;
mod screens;
mod terminal;
mod text;
mod view;
mod widgets;

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::KeyEvent;
use futures::{Stream, StreamExt};
use ratatui::Terminal;
use ratatui::backend::Backend;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::core::api::{Application, Event, Progress};
use crate::core::settings::UiSettings;

pub use message::{Effect, Message, Ticket};
pub use model::{Model, update};
pub use terminal::{Signal, run};
pub use view::view;

/// Shortest time between two frames.
const FRAME: Duration = Duration::from_millis(16);

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
    /// Directory that relative paths of a new job refer to.
    pub directory: std::path::PathBuf,
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
            directory: std::path::PathBuf::from("."),
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

/// What comes from the terminal and from the system around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key.
    Key(KeyEvent),
    /// Pasted text.
    Paste(String),
    /// A new size: columns, rows.
    Resize(u16, u16),
    /// A signal.
    Signal(Signal),
    /// The terminal is gone.
    Gone,
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

/// Runs the application on any backend, with whatever stream of input, until it ends. A due frame comes first, so that no flood can
/// hide the screen; then input, answers, facts, the gauge. Without a change nothing is drawn and nothing is written.
pub async fn drive<B: Backend>(
    terminal: &mut Terminal<B>,
    input: impl Stream<Item = Input>,
    app: Arc<dyn Application>,
    facts: mpsc::Receiver<Event>,
    progress: watch::Receiver<Progress>,
    options: Options,
) -> Result<Exit, B::Error> {
    turn(terminal, input, app, facts, progress, options, || ()).await
}

/// [`drive`], with what suspending means.
async fn turn<B: Backend>(
    terminal: &mut Terminal<B>,
    input: impl Stream<Item = Input>,
    app: Arc<dyn Application>,
    mut facts: mpsc::Receiver<Event>,
    mut progress: watch::Receiver<Progress>,
    options: Options,
    suspend: impl Fn(),
) -> Result<Exit, B::Error> {
    let start = Instant::now();
    let size = terminal.size()?;
    let (mut model, mut effects) = Model::new(options, size.width, size.height);
    let mut work: JoinSet<Message> = JoinSet::new();
    let mut input = std::pin::pin!(input);
    let mut frame_at = start;
    let (mut facts_open, mut gauge_open) = (true, true);
    progress.mark_changed();
    loop {
        for effect in effects.drain(..) {
            match effect {
                Effect::Ask(ticket, query) => {
                    let app = Arc::clone(&app);
                    work.spawn(async move {
                        Message::Reply(ticket, app.ask(query).await.map(Box::new).map_err(Box::new))
                    });
                }
                Effect::Order(ticket, command) => {
                    let app = Arc::clone(&app);
                    work.spawn(async move {
                        Message::Done(ticket, app.order(command).await.map(Box::new).map_err(Box::new))
                    });
                }
                Effect::Redraw => terminal.clear()?,
                Effect::Suspend => {
                    suspend();
                    terminal.clear()?;
                }
            }
        }
        if let Some(exit) = model.exit() {
            // Orders that were given are carried out; only their receipts have no reader any more.
            work.detach_all();
            return Ok(exit);
        }
        let wake = model.wake().map_or(start, |at| start + at);
        let message = tokio::select! {
            biased;
            () = sleep_until(frame_at), if model.is_dirty() => {
                model.take_dirty();
                terminal.draw(|frame| view(&model, frame))?;
                frame_at = Instant::now() + FRAME;
                continue;
            }
            arrived = input.next() => match arrived {
                Some(Input::Key(key)) => Message::Key(key),
                Some(Input::Paste(text)) => Message::Paste(text),
                Some(Input::Resize(columns, rows)) => Message::Resize(columns, rows),
                Some(Input::Signal(signal)) => Message::Leave(Exit::Signal(signal)),
                Some(Input::Gone) | None => Message::Leave(Exit::Gone),
            },
            Some(finished) = work.join_next() => match finished {
                Ok(message) => message,
                // A panic inside the engine: its own hook has reported it, and its ticket stays unanswered.
                Err(_) => continue,
            },
            fact = facts.recv(), if facts_open => {
                let Some(fact) = fact else { facts_open = false; continue };
                Message::Event(fact)
            }
            changed = progress.changed(), if gauge_open => {
                if changed.is_err() { gauge_open = false; continue }
                Message::Progress(Box::new(progress.borrow_and_update().clone()))
            }
            () = sleep_until(wake), if model.wake().is_some() => Message::Tick(start.elapsed()),
        };
        effects = update(&mut model, Message::Tick(start.elapsed()));
        effects.extend(update(&mut model, message));
    }
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
