//! All state of the terminal application and the one function that changes it. Pure: no clock, disk, network or terminal.

use std::time::Duration;

use crossterm::event::{KeyEvent, KeyEventKind};
use ratatui::layout::Size;

use crate::core::api::{Command, Event, Failure, Health, Level, Receipt};
use crate::core::job::JobState;

use super::context::{Cx, Ordered, Shared, Wish};
use super::history::Point;
use super::keys::{self, Action, GLOBAL, TYPING};
use super::message::{Effect, Message, Ticket};
use super::overlay::picker::Entry;
use super::overlay::{Dialog, Outcome, Overlay, Picker};
use super::screens::job::JobScreen;
use super::screens::new_job::NewJob;
use super::screens::{Screen, Tab};
use super::theme::{self, Theme};
use super::{Exit, Options};

/// All state; one owner.
pub struct Model {
    pub(crate) shared: Shared,
    /// The root screen and what was opened above it. Never empty.
    pub(crate) screens: Vec<Screen>,
    pub(crate) tab: Tab,
    /// Root screens that were left, to be found as they were.
    parked: Vec<(Tab, Screen)>,
    pub(crate) overlays: Vec<Overlay>,
    exit: Option<Exit>,
    dirty: bool,
    /// When waiting for an answer becomes worth a word.
    patience: Option<Duration>,
    interrupted: Option<Duration>,
}

impl Model {
    /// The dashboard on a terminal of that size (columns, rows), and what it asks first.
    #[must_use]
    pub fn new(options: Options, columns: u16, rows: u16) -> (Self, Vec<Effect>) {
        let size = Size {
            width: columns,
            height: rows,
        };
        let mut model = Self {
            shared: Shared::new(options, size),
            screens: vec![Screen::root(Tab::Dashboard)],
            tab: Tab::Dashboard,
            parked: Vec::new(),
            overlays: Vec::new(),
            exit: None,
            dirty: true,
            patience: None,
            interrupted: None,
        };
        let effects = model.with_top(|screen, cx| screen.view_mut().enter(cx));
        (model, effects)
    }

    /// How the program ends, once it is to end.
    pub fn exit(&self) -> Option<Exit> {
        self.exit
    }

    /// Whether a question waits for a person's answer.
    pub fn asks(&self) -> bool {
        self.overlays
            .iter()
            .any(|overlay| matches!(overlay, Overlay::Dialog(_)))
    }

    /// Whether the picture changed since the last call.
    pub fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }

    /// Whether the picture changed.
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// When the picture next changes by itself, if it does.
    pub fn wake(&self) -> Option<Duration> {
        let toasts = self.shared.toasts.iter().filter_map(|toast| toast.until);
        let hint = self.shared.hint.as_ref().map(|(_, until)| *until);
        let screen = self.top().view().wake(&self.shared);
        toasts.chain(hint).chain(self.patience).chain(screen).min()
    }

    pub(crate) fn top(&self) -> &Screen {
        // The stack is never empty: only `close` pops, and it leaves the root.
        &self.screens[self.screens.len() - 1]
    }

    /// Lets the top screen act and turns its wishes into deeds.
    fn with_top(&mut self, act: impl FnOnce(&mut Screen, &mut Cx)) -> Vec<Effect> {
        let last = self.screens.len() - 1;
        let mut cx = Cx::new(&mut self.shared);
        act(&mut self.screens[last], &mut cx);
        let wishes = cx.wishes;
        self.grant(wishes)
    }

    fn grant(&mut self, wishes: Vec<Wish>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for wish in wishes {
            match wish {
                Wish::Effect(effect) => {
                    if matches!(effect, Effect::Ask(..)) {
                        self.patience = Some(self.shared.now + Duration::from_millis(150));
                    }
                    effects.push(effect);
                }
                Wish::Overlay(overlay) => self.overlays.push(overlay),
                Wish::Push(screen) => effects.extend(self.open(*screen)),
                Wish::Leave => effects.extend(self.close()),
            }
        }
        effects
    }

    fn open(&mut self, screen: Screen) -> Vec<Effect> {
        self.leave_top();
        self.screens.push(screen);
        self.with_top(|screen, cx| screen.view_mut().enter(cx))
    }

    fn close(&mut self) -> Vec<Effect> {
        if self.screens.len() < 2 {
            return Vec::new();
        }
        self.leave_top();
        self.screens.pop();
        self.with_top(|screen, cx| screen.view_mut().enter(cx))
    }

    fn leave_top(&mut self) {
        let last = self.screens.len() - 1;
        self.screens[last].view_mut().leave(&mut self.shared);
    }

    fn go(&mut self, tab: Tab) -> Vec<Effect> {
        self.leave_top();
        self.screens.truncate(1);
        if tab != self.tab {
            let found = self.parked.iter().position(|(parked, _)| *parked == tab);
            let screen = found.map_or_else(|| Screen::root(tab), |at| self.parked.swap_remove(at).1);
            let left = std::mem::replace(&mut self.screens[0], screen);
            self.parked.push((self.tab, left));
            self.tab = tab;
        }
        self.with_top(|screen, cx| screen.view_mut().enter(cx))
    }

    fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        if key.kind == KeyEventKind::Release {
            return Vec::new();
        }
        let Some(chord) = keys::chord(&key) else {
            return Vec::new();
        };
        if let Some(overlay) = self.overlays.last_mut() {
            let Some(outcome) = overlay.key(&key, &chord, &self.shared) else {
                return Vec::new();
            };
            self.overlays.pop();
            return self.release(outcome);
        }
        let view = self.top().view();
        let around = if view.typing() { &TYPING } else { &GLOBAL };
        let action = view
            .bindings(&self.shared)
            .find(&chord)
            .or_else(|| around.find(&chord));
        match action {
            Some(action) => self.act(action),
            None if view.typing() => {
                self.with_top(|screen, cx| screen.view_mut().update(&Message::Key(key), cx))
            }
            None => Vec::new(),
        }
    }

    fn release(&mut self, outcome: Outcome) -> Vec<Effect> {
        match outcome {
            Outcome::Close => Vec::new(),
            Outcome::Act(action) => self.act(action),
            Outcome::OpenJob(name) => self.open(Screen::Job(Box::new(JobScreen::of(name)))),
            Outcome::Leave(exit) => {
                self.exit = Some(exit);
                Vec::new()
            }
            Outcome::Order { orders, draft } => {
                let mut cx = Cx::new(&mut self.shared);
                for (command, done) in orders {
                    cx.order(command, done);
                }
                let wishes = cx.wishes;
                if let (Some(order), Some(draft)) = (self.shared.orders.last_mut(), draft) {
                    order.draft = Some(draft);
                }
                self.grant(wishes)
            }
            Outcome::Stop(grace) => {
                let ticket = self.shared.ticket();
                let done = "Stopped".to_owned();
                self.shared.orders.push(Ordered {
                    ticket,
                    done,
                    leave: Some(Exit::Quit),
                    draft: None,
                    quiet: false,
                });
                self.shared
                    .toast(Level::Warning, "Waiting for answers in flight; q q quits now");
                vec![Effect::Order(ticket, Command::Stop { grace })]
            }
        }
    }

    fn act(&mut self, action: Action) -> Vec<Effect> {
        if let Some(why) = self.top().view().disabled(action, &self.shared) {
            self.shared.toast(Level::Ok, why);
            return Vec::new();
        }
        if let Some((tab, ..)) = Tab::ALL.iter().find(|(_, go, ..)| *go == action) {
            return self.go(*tab);
        }
        match action {
            Action::Back => self.back(),
            Action::Quit => self.quit(),
            Action::Interrupt => self.interrupt(),
            Action::NewJob => match self.top() {
                Screen::NewJob(_) => Vec::new(),
                _ => self.open(Screen::NewJob(NewJob::default())),
            },
            Action::Palette | Action::Help => {
                let entries = self.entries(action == Action::Palette);
                let picker = if action == Action::Palette {
                    Picker::palette(entries)
                } else {
                    Picker::help(entries)
                };
                self.overlays.push(Overlay::Picker(Box::new(picker)));
                Vec::new()
            }
            Action::Redraw => vec![Effect::Redraw],
            Action::Suspend => vec![Effect::Suspend],
            Action::Theme => {
                let names: Vec<&str> = theme::names().map(|(name, _)| name).collect();
                let at = names
                    .iter()
                    .position(|name| *name == self.shared.theme.name())
                    .map_or(0, |at| at + 1);
                let name = names[at % names.len()];
                self.shared.theme = Theme::bundled(name, self.shared.options.depth);
                self.shared.toast(Level::Ok, format!("Theme {name}"));
                Vec::new()
            }
            other => self.with_top(|screen, cx| screen.view_mut().update(&Message::Act(other), cx)),
        }
    }

    /// Whether the screen itself had somewhere to go back to.
    fn inner_back(&mut self) -> (bool, Vec<Effect>) {
        let mut consumed = false;
        let effects = self.with_top(|screen, cx| consumed = screen.view_mut().back(cx));
        (consumed, effects)
    }

    fn back(&mut self) -> Vec<Effect> {
        let errors = self.shared.toasts.len();
        self.shared.toasts.retain(|toast| toast.level != Level::Error);
        if self.shared.toasts.len() != errors && !self.top().view().typing() {
            return Vec::new();
        }
        let (consumed, mut effects) = self.inner_back();
        if !consumed {
            if self.screens.len() > 1 {
                effects.extend(self.close());
            } else {
                self.hint("q quits", Duration::from_secs(2));
            }
        }
        effects
    }

    fn quit(&mut self) -> Vec<Effect> {
        let (consumed, mut effects) = self.inner_back();
        if consumed {
            return effects;
        }
        if self.screens.len() > 1 {
            effects.extend(self.close());
        } else if self.shared.orders.iter().any(|order| order.leave.is_some()) {
            self.exit = Some(Exit::Now);
        } else if self.shared.running().next().is_some() {
            self.overlays
                .push(Overlay::Dialog(Box::new(Dialog::quit(&self.shared))));
        } else {
            self.exit = Some(Exit::Quit);
        }
        effects
    }

    fn interrupt(&mut self) -> Vec<Effect> {
        if self.top().view().typing() {
            return self.inner_back().1;
        }
        let twice = Duration::from_secs(2);
        if self
            .interrupted
            .is_some_and(|before| self.shared.now < before + twice)
        {
            self.interrupted = None;
            while self.screens.len() > 1 {
                self.leave_top();
                self.screens.pop();
            }
            return self.quit();
        }
        self.interrupted = Some(self.shared.now);
        self.hint("ctrl-c again quits", twice);
        Vec::new()
    }

    fn hint(&mut self, text: &str, time: Duration) {
        self.shared.hint = Some((text.to_owned(), self.shared.now + time));
    }

    /// Everything that can be done here, with the reason where it cannot be done now.
    fn entries(&self, palette: bool) -> Vec<Entry> {
        let view = self.top().view();
        let around = if view.typing() && !palette {
            &TYPING
        } else {
            &GLOBAL
        };
        let mut entries = Vec::new();
        let own = view.bindings(&self.shared);
        for table in [own, around] {
            for binding in table.bindings {
                // A screen may give a key another meaning: `n` is what is new there.
                let shadowed = |key: &&str| !std::ptr::eq(table, own) && own.find(key).is_some();
                let keys: Vec<&str> = binding
                    .keys
                    .iter()
                    .copied()
                    .filter(|key| !shadowed(key))
                    .collect();
                if keys.is_empty() && !binding.keys.is_empty() && !palette {
                    continue;
                }
                entries.push(Entry {
                    section: table.context,
                    label: binding.help.to_owned(),
                    keys: keys.join(" "),
                    outcome: Outcome::Act(binding.action),
                    disabled: view.disabled(binding.action, &self.shared),
                });
            }
        }
        if palette {
            let jobs = self.shared.progress.iter().flat_map(|progress| &progress.jobs);
            entries.extend(jobs.map(|gauge| Entry {
                section: "Open job",
                label: gauge.name.clone(),
                keys: String::new(),
                outcome: Outcome::OpenJob(gauge.name.clone()),
                disabled: None,
            }));
        }
        entries
    }

    fn done(&mut self, ticket: Ticket, result: Result<Box<Receipt>, Box<Failure>>) -> Vec<Effect> {
        let Some(at) = self.shared.orders.iter().position(|order| order.ticket == ticket) else {
            return Vec::new();
        };
        let order = self.shared.orders.remove(at);
        match &result {
            _ if order.quiet => {}
            Ok(receipt) => {
                if let Some(draft) = &order.draft {
                    self.shared.drafts.remove(draft);
                }
                self.exit = self.exit.or(order.leave);
                self.receipt(&order.done, receipt);
            }
            Err(failure) => {
                let help = failure.help.iter().map(|help| format!(" · {help}"));
                let text: String = std::iter::once(failure.message.clone()).chain(help).collect();
                self.shared.note(Level::Error, failure.message.clone());
                self.shared.toast(Level::Error, text);
            }
        }
        self.with_top(|screen, cx| screen.view_mut().update(&Message::Done(ticket, result), cx))
    }

    fn receipt(&mut self, done: &str, receipt: &Receipt) {
        match receipt {
            Receipt::Count(count) => self.shared.toast(Level::Ok, format!("{done}: {count}")),
            Receipt::Started(started) => {
                for note in &started.notes {
                    self.shared.toast(Level::Warning, note.clone());
                }
                self.shared.toast(Level::Ok, done);
            }
            Receipt::Tested(tested) => {
                let text = format!(
                    "{} answered in {} ms, {}",
                    tested.teacher, tested.latency_ms, tested.usd
                );
                self.shared.toast(Level::Ok, text);
            }
            Receipt::Written(path, entries) => {
                self.shared
                    .toast(Level::Ok, format!("{done}: {entries} in {}", path.display()));
            }
            Receipt::Done | Receipt::DryRun(_) | Receipt::Dataset(..) => self.shared.toast(Level::Ok, done),
        }
    }

    fn event(&mut self, event: Event) -> Vec<Effect> {
        let (level, text) = match &event {
            Event::Job { job, state } => {
                let level = match state {
                    JobState::Failed(_) => Level::Error,
                    JobState::Paused(_) => Level::Warning,
                    _ => Level::Ok,
                };
                let reason = state
                    .reason()
                    .map(|reason| format!(": {reason}"))
                    .unwrap_or_default();
                (level, format!("{job} {}{reason}", state.word()))
            }
            Event::Provider {
                provider,
                health,
                message,
            } => {
                let level = if *health == Health::Up {
                    Level::Ok
                } else {
                    Level::Warning
                };
                (level, format!("{provider} {message}"))
            }
            Event::Note {
                level,
                job: Some(job),
                text,
            } => (*level, format!("{job}: {text}")),
            Event::Note {
                level,
                job: None,
                text,
            } => (*level, text.clone()),
        };
        if level != Level::Ok {
            self.shared.toast(level, text.clone());
        }
        self.shared.note(level, text);
        self.with_top(|screen, cx| screen.view_mut().update(&Message::Event(event), cx))
    }

    fn tick(&mut self, now: Duration) {
        if now < self.shared.now {
            return;
        }
        let before = self.wake();
        self.shared.now = now;
        if before.is_none_or(|at| now < at) {
            return;
        }
        self.shared
            .toasts
            .retain(|toast| toast.until.is_none_or(|until| now < until));
        self.shared.hint = self.shared.hint.take().filter(|(_, until)| now < *until);
        self.patience = self.patience.filter(|at| now < *at);
        self.dirty = true;
    }

    fn paste(&mut self, text: &str) -> Vec<Effect> {
        if let Some(overlay) = self.overlays.last_mut() {
            overlay.paste(text, &self.shared);
        } else if self.top().view().typing() {
            let message = Message::Paste(text.replace("\r\n", "\n").replace('\r', "\n"));
            return self.with_top(|screen, cx| screen.view_mut().update(&message, cx));
        } else {
            self.shared
                .toast(Level::Ok, "Paste ignored: no text field is open");
        }
        Vec::new()
    }
}

/// What a message changes, and what is to be done about it.
#[must_use]
pub fn update(model: &mut Model, message: Message) -> Vec<Effect> {
    if let Message::Tick(now) = message {
        model.tick(now);
        return Vec::new();
    }
    model.dirty = true;
    match message {
        Message::Tick(_) => Vec::new(),
        Message::Key(key) => model.key(key),
        Message::Paste(text) => model.paste(&text),
        Message::Act(action) => model.act(action),
        Message::Resize(width, height) => {
            model.shared.size = Size { width, height };
            model.with_top(|screen, cx| screen.view_mut().update(&Message::Resize(width, height), cx))
        }
        Message::Reply(..) => model.with_top(|screen, cx| screen.view_mut().update(&message, cx)),
        Message::Done(ticket, result) => model.done(ticket, result),
        Message::Event(event) => model.event(event),
        Message::Progress(progress) => {
            let point = Point::of(&progress, model.shared.now);
            model.shared.history.push(point);
            model.shared.progress = Some(*progress);
            // The gauge is shared; the screen only hears that it moved.
            let message = Message::Tick(model.shared.now);
            model.with_top(|screen, cx| screen.view_mut().update(&message, cx))
        }
        Message::Leave(exit) => {
            model.leave_top();
            model.exit = Some(exit);
            Vec::new()
        }
    }
}
