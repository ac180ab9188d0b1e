//! What all screens share and all a screen can do to the world: [`Shared`] is read by everyone, [`Cx`] collects wishes.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use ratatui::layout::Size;
use ratatui::style::Style;

use crate::core::api::{Command, JobProgress, Level, Progress, Query, SampleQuery};

use super::history::History;
use super::message::{Effect, Ticket};
use super::overlay::{Dialog, Overlay};
use super::screens::Screen;
use super::theme::{Slot, Theme};
use super::{Exit, Options};

/// State that is not one screen's own.
pub(crate) struct Shared {
    /// Time since the start, as the last tick said.
    pub(crate) now: Duration,
    /// The terminal's size.
    pub(crate) size: Size,
    /// How it looks and behaves.
    pub(crate) options: Options,
    /// The theme in force.
    pub(crate) theme: Theme,
    /// The engine's gauge, once it came.
    pub(crate) progress: Option<Progress>,
    /// The gauge of the last minutes.
    pub(crate) history: History,
    /// Facts, newest first, 200 at most.
    pub(crate) news: VecDeque<News>,
    /// Messages in the corner, newest last.
    pub(crate) toasts: Vec<Toast>,
    /// Texts being edited, by job name (empty: the new job).
    pub(crate) drafts: BTreeMap<String, String>,
    /// Orders on their way.
    pub(crate) orders: Vec<Ordered>,
    /// The filter of samples to be reviewed, sent from there.
    pub(crate) review_from: Option<SampleQuery>,
    /// A word in the status line until then.
    pub(crate) hint: Option<(String, Duration)>,
    tickets: u64,
}

/// Something that happened, for the list of events.
pub(crate) struct News {
    /// When, since the start.
    pub(crate) at: Duration,
    /// How bad.
    pub(crate) level: Level,
    /// One line.
    pub(crate) text: String,
}

/// A message in the corner.
pub(crate) struct Toast {
    /// How bad.
    pub(crate) level: Level,
    /// One line.
    pub(crate) text: String,
    /// It goes away then; errors stay until `esc`.
    pub(crate) until: Option<Duration>,
}

/// An order on its way.
pub(crate) struct Ordered {
    /// Its receipt's ticket.
    pub(crate) ticket: Ticket,
    /// What to say when it is done.
    pub(crate) done: String,
    /// Leave the program then.
    pub(crate) leave: Option<Exit>,
    /// Forget this draft then.
    pub(crate) draft: Option<String>,
}

impl Shared {
    pub(crate) fn new(options: Options, size: Size) -> Self {
        Self {
            now: Duration::ZERO,
            size,
            theme: Theme::bundled(&options.theme, options.depth),
            options,
            progress: None,
            history: History::default(),
            news: VecDeque::new(),
            toasts: Vec::new(),
            drafts: BTreeMap::new(),
            orders: Vec::new(),
            review_from: None,
            hint: None,
            tickets: 0,
        }
    }

    /// The style of a slot.
    pub(crate) fn style(&self, slot: Slot) -> Style {
        self.theme.style(slot)
    }

    /// A job's gauge, if it has one.
    pub(crate) fn gauge(&self, job: &str) -> Option<&JobProgress> {
        self.progress
            .as_ref()?
            .jobs
            .iter()
            .find(|gauge| gauge.name == job)
    }

    /// Gauges of the jobs that work or finish what is in flight.
    pub(crate) fn running(&self) -> impl Iterator<Item = &JobProgress> {
        let jobs = self.progress.iter().flat_map(|progress| &progress.jobs);
        jobs.filter(|gauge| matches!(gauge.state.as_str(), "running" | "pausing"))
    }

    /// Puts a message in the corner: four seconds for news, eight for warnings, errors until `esc`.
    pub(crate) fn toast(&mut self, level: Level, text: impl Into<String>) {
        let until = match level {
            Level::Ok => Some(self.now + Duration::from_secs(4)),
            Level::Warning => Some(self.now + Duration::from_secs(8)),
            Level::Error => None,
        };
        self.toasts.push(Toast {
            level,
            text: text.into(),
            until,
        });
        if self.toasts.len() > 3 {
            self.toasts.remove(0);
        }
    }

    /// Adds to the list of events.
    pub(crate) fn note(&mut self, level: Level, text: String) {
        self.news.push_front(News {
            at: self.now,
            level,
            text,
        });
        self.news.truncate(200);
    }

    /// A ticket nobody had before.
    pub(crate) fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }
}

/// What a screen wants from the application around it.
pub(crate) enum Wish {
    /// Open this screen above.
    Push(Box<Screen>),
    /// Close the screen.
    Leave,
    /// Ask a person.
    Overlay(Overlay),
    /// Do something in the world.
    Effect(Effect),
}

/// All a screen can do to the world.
pub(crate) struct Cx<'a> {
    /// What all screens share.
    pub(crate) shared: &'a mut Shared,
    pub(super) wishes: Vec<Wish>,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(shared: &'a mut Shared) -> Self {
        Self {
            shared,
            wishes: Vec::new(),
        }
    }

    /// Asks the engine.
    pub(crate) fn ask(&mut self, query: Query) -> Ticket {
        let ticket = self.shared.ticket();
        self.wishes.push(Wish::Effect(Effect::Ask(ticket, query)));
        ticket
    }

    /// Orders something; `done` is said when it is carried out.
    pub(crate) fn order(&mut self, command: Command, done: impl Into<String>) -> Ticket {
        let ticket = self.shared.ticket();
        self.shared.orders.push(Ordered {
            ticket,
            done: done.into(),
            leave: None,
            draft: None,
        });
        self.wishes.push(Wish::Effect(Effect::Order(ticket, command)));
        ticket
    }

    /// Asks a person first.
    pub(crate) fn confirm(&mut self, dialog: Dialog) {
        self.wishes.push(Wish::Overlay(Overlay::Dialog(Box::new(dialog))));
    }

    /// Opens a screen above this one.
    pub(crate) fn open(&mut self, screen: Screen) {
        self.wishes.push(Wish::Push(Box::new(screen)));
    }

    /// Closes this screen.
    pub(crate) fn leave(&mut self) {
        self.wishes.push(Wish::Leave);
    }
}
