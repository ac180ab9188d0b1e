//! All state of the terminal application and the one function that changes it. Pure: no clock, disk, network or terminal.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use ratatui::layout::{Position, Size};

use crate::core::api::{Command, Level, Query};

use super::commands;
use super::context::{Cx, Ordered, Shared, Wish};
use super::input::Facts;
use super::keys::{self, Action, GLOBAL, TYPING};
use super::memory::Memory;
use super::message::{Effect, Message};
use super::overlay::{Capture, Dialog, Outcome, Overlay, Page, Picker};
use super::screens::job::JobScreen;
use super::screens::verbs::Subject;
use super::screens::{Screen, Tab};
use super::terminal::LARGEST_PASTE;
use super::theme::{Source, Theme};
use super::{Exit, Options};

mod clock;
mod heard;
pub(super) mod opening;

/// All state; one owner.
pub struct Model {
    pub(crate) shared: Shared,
    /// The root screen and what was opened above it. Never empty.
    pub(crate) screens: Vec<Screen>,
    pub(crate) tab: Tab,
    /// Root screens that were left, to be found as they were.
    pub(super) parked: Vec<(Tab, Screen)>,
    pub(crate) overlays: Vec<Overlay>,
    pub(super) memory: Memory,
    exit: Option<Exit>,
    dirty: bool,
    /// When waiting for an answer becomes worth a word.
    patience: Option<Duration>,
    interrupted: Option<Duration>,
    /// The last click, when and where.
    pub(super) clicked: Option<(Duration, Position)>,
    /// The window has the focus, as far as that is known.
    focused: Option<bool>,
    /// When someone who looks elsewhere was last called.
    notified: Option<Duration>,
    /// A gauge came before the database was open, and said nothing.
    empty_gauge: bool,
    /// The database is being opened once more: `Some(true)` if it is to be once more again after that.
    reopening: Option<bool>,
}

impl Model {
    /// The dashboard on a terminal of that size (columns, rows), and what it asks first.
    #[must_use]
    pub fn new(options: Options, columns: u16, rows: u16) -> (Self, Vec<Effect>) {
        let size = Size {
            width: columns,
            height: rows,
        };
        let (memory, tab) = Memory::read(options.remembered.as_deref().unwrap_or_default());
        let tab = tab.unwrap_or(Tab::Dashboard);
        let mut model = Self {
            shared: Shared::new(options, size),
            screens: vec![memory.root(tab)],
            tab,
            parked: Vec::new(),
            overlays: Vec::new(),
            memory,
            exit: None,
            dirty: true,
            patience: None,
            interrupted: None,
            clicked: None,
            focused: None,
            notified: None,
            empty_gauge: false,
            reopening: None,
        };
        model.shared.progress = opening::recalled(&model.memory.jobs);
        model.shared.from_last = model.shared.progress.is_some();
        model.settle();
        let ticket = model.shared.ticket();
        model.shared.opening = Some((ticket, Duration::ZERO));
        let mut effects = vec![Effect::Order(ticket, Command::Open { read_only: false })];
        effects.extend(model.with_top(|screen, cx| screen.view_mut().enter(cx)));
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

    /// Jobs that work.
    pub(super) fn jobs_at_work(&self) -> usize {
        self.shared.running().count()
    }

    /// Whether somebody may be looking.
    pub(super) fn has_focus(&self) -> bool {
        self.focused != Some(false)
    }

    pub(crate) fn top(&self) -> &Screen {
        // The stack is never empty: only `close` pops, and it leaves the root.
        &self.screens[self.screens.len() - 1]
    }

    /// Lets the top screen act and turns its wishes into deeds.
    pub(super) fn with_top(&mut self, act: impl FnOnce(&mut Screen, &mut Cx)) -> Vec<Effect> {
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
                    if let (Effect::Order(ticket, _), Some(why)) = (&effect, self.shared.view_only()) {
                        let ticket = *ticket;
                        self.shared.orders.retain(|order| order.ticket != ticket);
                        self.shared.toast(Level::Warning, why);
                        continue;
                    }
                    if matches!(effect, Effect::Ask(..)) {
                        self.patience = Some(self.shared.now + Duration::from_millis(150));
                    }
                    effects.push(effect);
                }
                Wish::Overlay(overlay) => self.overlays.push(overlay),
                Wish::Push(screen) => effects.extend(self.open(*screen)),
                Wish::Leave => effects.extend(self.close()),
                Wish::Act(action) => effects.extend(self.act(action)),
            }
        }
        effects
    }

    fn open(&mut self, screen: Screen) -> Vec<Effect> {
        self.leave_top();
        self.screens.push(screen);
        self.enter_top()
    }

    fn close(&mut self) -> Vec<Effect> {
        if self.screens.len() < 2 {
            return Vec::new();
        }
        self.leave_top();
        self.screens.pop();
        self.enter_top()
    }

    /// What the screen that was left still wants done, then what the one on top asks.
    fn enter_top(&mut self) -> Vec<Effect> {
        let mut effects = std::mem::take(&mut self.shared.outbox);
        effects.extend(self.with_top(|screen, cx| screen.view_mut().enter(cx)));
        effects
    }

    fn leave_top(&mut self) {
        let last = self.screens.len() - 1;
        self.screens[last].view_mut().leave(&mut self.shared);
    }

    fn go(&mut self, tab: Tab) -> Vec<Effect> {
        if tab == Tab::Review {
            self.shared.review_from = self.top().view().chosen();
        }
        self.leave_top();
        self.screens.truncate(1);
        if tab != self.tab {
            let found = self.parked.iter().position(|(parked, _)| *parked == tab);
            let screen = found.map_or_else(|| self.memory.root(tab), |at| self.parked.swap_remove(at).1);
            let left = std::mem::replace(&mut self.screens[0], screen);
            self.parked.push((self.tab, left));
            self.tab = tab;
        }
        self.close_off();
        self.enter_top()
    }

    fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        if key.kind == KeyEventKind::Release {
            return Vec::new();
        }
        let Some(chord) = keys::chord(&key) else {
            return Vec::new();
        };
        if self.shared.stopping.is_some() {
            // Nothing else is to be done any more.
            if matches!(chord.as_str(), "q" | "ctrl-c") {
                self.exit = Some(Exit::Now);
            }
            return Vec::new();
        }
        if let Some(overlay) = self.overlays.last_mut() {
            let Some(outcome) = overlay.key(&key, &chord, &self.shared) else {
                return Vec::new();
            };
            if let Some(Overlay::Picker(picker)) = self.overlays.pop()
                && let Some(typed) = picker.typed()
                && !matches!(outcome, Outcome::Close)
            {
                self.shared.remember(typed);
            }
            return self.release(outcome);
        }
        let view = self.top().view();
        let around = if view.typing() { &TYPING } else { &GLOBAL };
        let keymap = &self.shared.keymap;
        let action = keymap
            .find(view.bindings(&self.shared), &chord)
            .or_else(|| keymap.find(around, &chord));
        match action {
            Some(action) => self.act(action),
            None if view.typing() => {
                self.with_top(|screen, cx| screen.view_mut().update(&Message::Key(key), cx))
            }
            None => Vec::new(),
        }
    }

    pub(super) fn release(&mut self, outcome: Outcome) -> Vec<Effect> {
        match outcome {
            Outcome::Close => Vec::new(),
            Outcome::Act(action) => self.act(action),
            Outcome::Ask(dialog) => {
                self.overlays.push(Overlay::Dialog(dialog));
                Vec::new()
            }
            Outcome::Verb(name, action) => self.verb(&name, action),
            Outcome::Row(row) => self.with_top(|screen, cx| screen.view_mut().go_to(row, cx)),
            Outcome::Settings(section) => {
                let effects = self.go(Tab::Settings);
                if let Screen::Settings(settings) = self.top_mut() {
                    settings.show(section);
                }
                effects
            }
            Outcome::Rebind(table, action) => {
                self.overlays
                    .push(Overlay::Capture(Box::new(Capture::of(table, action))));
                Vec::new()
            }
            Outcome::Topic(at) => {
                self.overlays.push(Overlay::Page(Box::new(Page::topic(at))));
                Vec::new()
            }
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
                self.shared.stopping = Some((self.shared.now, grace));
                let done = "Stopped".to_owned();
                self.shared.orders.push(Ordered {
                    ticket,
                    done,
                    leave: Some(Exit::Quit),
                    draft: None,
                    quiet: false,
                    restyles: false,
                    adds: false,
                });
                vec![Effect::Order(ticket, Command::Stop { grace })]
            }
        }
    }

    pub(super) fn act(&mut self, action: Action) -> Vec<Effect> {
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
                _ => self.open(Screen::NewJob(Box::default())),
            },
            Action::Palette | Action::Help => {
                let entries = commands::entries(self.top().view(), &self.shared, action == Action::Palette);
                if action == Action::Help {
                    self.overlays
                        .push(Overlay::Picker(Box::new(Picker::help(entries))));
                    return Vec::new();
                }
                let rows = self.top().view().rows();
                let picker = Picker::palette(entries, rows, self.shared.commands.clone());
                self.overlays.push(Overlay::Picker(Box::new(picker)));
                // Jobs that rest are in no gauge.
                vec![Effect::Ask(self.shared.ticket(), Query::Jobs)]
            }
            Action::Messages => {
                let page = Page::messages(&self.shared);
                self.overlays.push(Overlay::Page(Box::new(page)));
                Vec::new()
            }
            Action::Redraw => vec![Effect::Redraw],
            Action::Suspend => vec![Effect::Suspend],
            Action::Mouse => {
                let on = !self.shared.options.mouse;
                self.shared.options.mouse = on;
                let word = if on { "on" } else { "off" };
                self.shared.toast(Level::Ok, format!("Mouse {word}"));
                vec![Effect::Mouse(on)]
            }
            Action::Theme => {
                let names: Vec<&str> = self.shared.themes.iter().map(Source::name).collect();
                let at = names.iter().position(|name| *name == self.shared.theme.name());
                let name = names[at.map_or(0, |at| at + 1) % names.len()].to_owned();
                let depth = self.shared.options.depth;
                self.shared.theme = Theme::named(&name, &self.shared.themes, depth).0;
                let text = format!("Theme {name}, for now; settings keep one");
                self.shared.toast(Level::Ok, text);
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
            if self.screens.len() > 1 && !matches!(self.top(), Screen::Closed(_)) {
                effects.extend(self.close());
            } else {
                self.hint("q quits", Duration::from_secs(2));
            }
        }
        effects
    }

    fn quit(&mut self) -> Vec<Effect> {
        if matches!(self.top(), Screen::Closed(_)) {
            self.exit = Some(Exit::Quit);
            return Vec::new();
        }
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
            let mut effects = std::mem::take(&mut self.shared.outbox);
            effects.extend(self.quit());
            return effects;
        }
        self.interrupted = Some(self.shared.now);
        self.hint("ctrl-c again quits", twice);
        Vec::new()
    }

    fn hint(&mut self, text: &str, time: Duration) {
        self.shared.hint = Some((text.to_owned(), self.shared.now + time));
    }

    /// Does to a job what a key would where it is selected.
    fn verb(&mut self, name: &str, action: Action) -> Vec<Effect> {
        let Some(row) = self.shared.jobs.iter().find(|row| row.name == name).cloned() else {
            return Vec::new();
        };
        self.with_top(|_, cx| {
            let subject = Subject::of(&row, cx.shared);
            match subject.disabled(action, cx.shared) {
                Some(why) => cx.shared.toast(Level::Ok, why),
                None => {
                    subject.act(action, None, cx);
                }
            }
        })
    }

    fn top_mut(&mut self) -> &mut Screen {
        let last = self.screens.len() - 1;
        &mut self.screens[last]
    }

    fn paste(&mut self, text: &str) -> Vec<Effect> {
        if text.len() > LARGEST_PASTE {
            self.too_long(text.len());
        } else if let Some(overlay) = self.overlays.last_mut() {
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

impl Model {
    /// A paste that the terminal did not mark. Typed into a field it is text, and a line's end after it is the key it looks like.
    fn burst(&mut self, text: &str) -> Vec<Effect> {
        let text = text.trim_end_matches('\0');
        let typing = self.overlays.is_empty() && self.top().view().typing();
        let Some(line) = text
            .strip_suffix('\n')
            .filter(|line| typing && !line.contains('\n'))
        else {
            return self.paste(text);
        };
        let mut effects = self.paste(line);
        effects.extend(self.key(KeyCode::Enter.into()));
        effects
    }

    fn too_long(&mut self, bytes: usize) {
        let text = format!(
            "A paste of {:.1} MB is too long: 1 MB at most",
            bytes as f64 / 1e6
        );
        self.shared.toast(Level::Warning, text);
    }

    fn learn(&mut self, facts: Facts) {
        let dark = facts.light.map(|light| !light);
        self.shared.facts = facts;
        if std::mem::replace(&mut self.shared.dark, dark) != dark {
            self.shared.restyle();
        }
    }
}

/// What a message changes, and what is to be done about it.
#[must_use]
pub fn update(model: &mut Model, message: Message) -> Vec<Effect> {
    if let Message::Tick(now) = message {
        return model.tick(now);
    }
    model.dirty = true;
    if message.is_by_hand() {
        model.memory.touch(model.shared.now);
    }
    match message {
        Message::Tick(_) => Vec::new(),
        Message::Key(key) => model.key(key),
        Message::Paste(text) => model.paste(&text),
        Message::Burst(text) => model.burst(&text),
        Message::TooLong(bytes) => {
            model.too_long(bytes);
            Vec::new()
        }
        Message::Mouse(pointer) => model.mouse(pointer),
        Message::Focus(has) => {
            model.focused = Some(has);
            // The picture is the same; only what was held back while nobody looked is drawn.
            Vec::new()
        }
        Message::Terminal(facts) => {
            model.learn(facts);
            Vec::new()
        }
        Message::Awake => model.open_again(),
        Message::Broken(what) => {
            let text = format!("Something broke inside: {what}. The log has the whole of it");
            model.shared.note(Level::Error, text.clone());
            model.shared.toast(Level::Error, text);
            Vec::new()
        }
        Message::Act(action) => model.act(action),
        Message::Resize(width, height) => {
            model.shared.resize(Size { width, height });
            model.with_top(|screen, cx| screen.view_mut().update(&Message::Resize(width, height), cx))
        }
        Message::Edited(ticket, result) => model.edited(ticket, result),
        Message::Copied(result) => {
            model.copied(result);
            Vec::new()
        }
        Message::Reply(..) => model.reply(&message),
        Message::Done(ticket, result) => model.done(ticket, result),
        Message::Event(event) => model.event(event),
        Message::Progress(progress) => {
            model.gauge(*progress);
            // The gauge is shared; the screen only hears that it moved.
            let message = Message::Tick(model.shared.now);
            model.with_top(|screen, cx| screen.view_mut().update(&message, cx))
        }
        Message::Leave(exit) => {
            model.leave_top();
            model.exit = Some(exit);
            std::mem::take(&mut model.shared.outbox)
        }
    }
}
