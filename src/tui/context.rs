//! What all screens share and all a screen can do to the world: [`Shared`] is read by everyone, [`Cx`] collects wishes.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use ratatui::layout::Size;
use ratatui::style::Style;

use crate::core::api::{
    Command, JobProgress, JobRow, KeyChange, Level, Preparing, Progress, Query, SampleQuery, UserFiles,
};
use crate::core::text::grouped;

use super::history::History;
use super::input::Facts;
use super::keys::{Action, Keymap, Table};
use super::message::{Edit, Effect, Opening, Ticket};
use super::overlay::{Capture, Dialog, Overlay, Page, Sheet};
use super::screens::Screen;
use super::screens::closed::Closed;
use super::screens::rejudge::Rejudging;
use super::theme::{self, Slot, Source, Theme};
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
    /// The themes there are.
    pub(crate) themes: Vec<Source>,
    /// Whether the terminal's background is dark, once that is known.
    pub(crate) dark: Option<bool>,
    /// The keys in force.
    pub(crate) keymap: Keymap,
    /// What is wrong with the keys or with the theme, a line each.
    pub(crate) troubles: Vec<String>,
    /// What stays said below the tabs.
    pub(crate) banners: Vec<Banner>,
    /// The jobs, as the last answer about them said.
    pub(crate) jobs: Vec<JobRow>,
    /// Everything that was said in the corner, newest last, 500 at most.
    pub(crate) said: VecDeque<News>,
    /// What takes changed settings and keys back, newest last: the order, and what to say then.
    pub(crate) undo: Vec<(Command, String)>,
    /// What was run from the palette, newest last.
    pub(crate) commands: Vec<String>,
    /// The engine's gauge, once it came.
    pub(crate) progress: Option<Progress>,
    /// The gauge of the last minutes.
    pub(crate) history: History,
    /// Facts, newest first, 200 at most.
    pub(crate) news: VecDeque<News>,
    /// Facts of the whole session.
    pub(crate) told: u64,
    /// Since when the engine is being stopped, and how long that may take.
    pub(crate) stopping: Option<(Duration, Duration)>,
    /// Messages in the corner, newest last.
    pub(crate) toasts: Vec<Toast>,
    /// Texts being edited, by job name (empty: the new job).
    pub(crate) drafts: BTreeMap<String, String>,
    /// Samples that are to be reviewed, as the samples screen chose them.
    pub(crate) review_from: Option<SampleQuery>,
    /// Orders on their way.
    pub(crate) orders: Vec<Ordered>,
    /// The order that opens the database, and since when, until it is carried out.
    pub(crate) opening: Option<(Ticket, Duration)>,
    /// What is done to it meanwhile, where that takes its time.
    pub(crate) preparing: Option<Preparing>,
    /// Why there is no database.
    pub(crate) closed: Option<Closed>,
    /// Why nothing can be ordered, although nobody else holds the database.
    pub(crate) read_only: Option<String>,
    /// The gauge is what was kept of the last session.
    pub(crate) from_last: bool,
    /// Jobs whose verdicts are made again, and what came of it, by name.
    pub(crate) rejudgings: BTreeMap<String, Rejudging>,
    /// What a screen still wants done that is being left.
    pub(crate) outbox: Vec<Effect>,
    /// A word in the status line until then.
    pub(crate) hint: Option<(String, Duration)>,
    /// What is being copied, in words.
    pub(crate) copying: String,
    /// What the terminal said about itself.
    pub(crate) facts: Facts,
    tickets: u64,
}

/// A line below the tabs that stays until its cause is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Banner {
    /// Its cause: a job's name, or nothing for what only a new start changes.
    pub(crate) cause: Option<String>,
    /// One line.
    pub(crate) text: String,
}

/// Something that happened, for the list of events.
#[derive(Debug, Clone)]
pub(crate) struct News {
    /// When, since the start.
    pub(crate) at: Duration,
    /// How bad.
    pub(crate) level: Level,
    /// About which job.
    pub(crate) job: Option<String>,
    /// One line.
    pub(crate) text: String,
}

/// A message in the corner.
pub(crate) struct Toast {
    /// How bad.
    pub(crate) level: Level,
    /// One line.
    pub(crate) text: String,
    /// So often it was said while it stood there.
    pub(crate) times: u32,
    /// What it counts, and how many: what is done again is added to it.
    counts: Option<(String, u64)>,
    /// It goes away then; errors stay until `esc`.
    pub(crate) until: Option<Duration>,
}

impl Toast {
    /// The line that is shown.
    pub(crate) fn line(&self) -> String {
        match self.times {
            0 | 1 => self.text.clone(),
            times => format!("{} ×{times}", self.text),
        }
    }
}

/// What was done with so many samples.
fn counted(done: &str, count: u64) -> String {
    let samples = if count == 1 { "sample" } else { "samples" };
    format!("{done} {} {samples}", grouped(count))
}

/// An order on its way.
pub(crate) struct Ordered {
    /// Its receipt's ticket.
    pub(crate) ticket: Ticket,
    /// What to say when it is done; empty: nothing.
    pub(crate) done: String,
    /// Leave the program then.
    pub(crate) leave: Option<Exit>,
    /// Forget this draft then.
    pub(crate) draft: Option<String>,
    /// The screen tells itself how it ended.
    pub(crate) quiet: bool,
    /// Read the user's files again then.
    pub(crate) restyles: bool,
    /// What it did is counted with what the same order did just before.
    pub(crate) adds: bool,
}

impl Shared {
    pub(crate) fn new(options: Options, size: Size) -> Self {
        let banner = |text: &String| Banner {
            cause: None,
            text: text.clone(),
        };
        let banners = options.banners.iter().map(banner).collect();
        let themes = theme::all(&options.themes);
        let mut shared = Self {
            now: Duration::ZERO,
            size,
            theme: Theme::named("", &[], options.depth).0,
            themes,
            dark: None,
            keymap: Keymap::default(),
            troubles: Vec::new(),
            banners,
            jobs: Vec::new(),
            said: VecDeque::new(),
            undo: Vec::new(),
            commands: Vec::new(),
            options,
            progress: None,
            history: History::default(),
            news: VecDeque::new(),
            told: 0,
            stopping: None,
            toasts: Vec::new(),
            drafts: BTreeMap::new(),
            review_from: None,
            orders: Vec::new(),
            opening: None,
            preparing: None,
            closed: None,
            read_only: None,
            from_last: false,
            rejudgings: BTreeMap::new(),
            outbox: Vec::new(),
            hint: None,
            copying: String::new(),
            facts: Facts::default(),
            tickets: 0,
        };
        shared.resize(size);
        shared.restyle();
        shared
    }

    /// The terminal has this size now. Banners take rows of it: what is left is the size that screens see.
    pub(crate) fn resize(&mut self, terminal: Size) {
        self.size = Size {
            height: terminal.height.saturating_sub(self.banner_rows()),
            ..terminal
        };
    }

    /// Rows that banners take: one for all of them.
    pub(crate) fn banner_rows(&self) -> u16 {
        u16::from(!self.banners.is_empty())
    }

    /// Puts a banner up, or takes the one with that cause down.
    pub(crate) fn banner(&mut self, cause: &str, text: Option<String>) {
        let rows = self.banner_rows();
        self.banners
            .retain(|banner| banner.cause.as_deref() != Some(cause));
        self.banners.extend(text.map(|text| Banner {
            cause: Some(cause.to_owned()),
            text,
        }));
        self.size.height = (self.size.height + rows).saturating_sub(self.banner_rows());
    }

    /// The name of the theme that the settings and the background choose.
    pub(crate) fn theme_name(&self) -> &str {
        let ui = &self.options.ui;
        let dark = match ui.theme_mode.as_str() {
            "dark" => Some(true),
            "light" => Some(false),
            _ => self.dark,
        };
        Theme::for_background(
            dark,
            &ui.theme,
            ui.theme_dark.as_deref(),
            ui.theme_light.as_deref(),
        )
    }

    /// Takes theme and keys from the settings again. What is wrong with them is said in a banner.
    pub(crate) fn restyle(&mut self) {
        let (theme, warnings) = Theme::named(self.theme_name(), &self.themes, self.options.depth);
        let (keymap, troubles) = Keymap::read(&self.options.ui.keys, self.options.keymap.as_deref());
        let said = troubles
            .iter()
            .map(|trouble| format!("keymap.toml {trouble}"))
            .chain(warnings);
        self.troubles = said.collect();
        (self.theme, self.keymap) = (theme, keymap);
        let more = self.troubles.len().saturating_sub(1);
        let more = if more > 0 {
            format!(" (and {more} more)")
        } else {
            String::new()
        };
        let text = self.troubles.first().map(|first| format!("{first}{more}"));
        self.banner("look", text);
    }

    /// Takes the user's files over as they are now.
    pub(crate) fn adopt(&mut self, files: &UserFiles) {
        if files.problem.is_none() {
            self.options.adopt(files.ui.clone());
            self.options.grace = Duration::from_secs(files.engine.grace_seconds);
        }
        self.themes = theme::all(&files.themes);
        self.options.keymap.clone_from(&files.keymap);
        self.restyle();
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

    /// Gauges of the jobs that work or finish what is in flight here: those of another engine are not ours to pause or to leave.
    pub(crate) fn running(&self) -> impl Iterator<Item = &JobProgress> {
        let ours = self.progress.as_ref().filter(|_| self.options.held_by.is_none());
        let jobs = ours.into_iter().flat_map(|progress| &progress.jobs);
        jobs.filter(|gauge| matches!(gauge.state.as_str(), "running" | "pausing"))
    }

    /// Puts a message in the corner: four seconds for news, eight for warnings, errors until `esc`. What stands there already is said
    /// once, with how often.
    pub(crate) fn toast(&mut self, level: Level, text: impl Into<String>) {
        let text = text.into();
        self.say(level, &text);
        let again = |toast: &Toast| toast.level == level && toast.counts.is_none() && toast.text == text;
        let times = self.take_toast(again).map_or(1, |toast| toast.times + 1);
        self.put_toast(level, text, times, None);
    }

    /// The same for something that was done to so many: what was done just before is counted with it.
    pub(crate) fn toast_counting(&mut self, done: &str, count: u64) {
        self.say(Level::Ok, &counted(done, count));
        let same = |toast: &Toast| matches!(&toast.counts, Some((what, _)) if what == done);
        let before = self.take_toast(same).and_then(|toast| toast.counts);
        let all = before.map_or(0, |(_, before)| before) + count;
        let undo = if all == 1 {
            "u takes it back"
        } else {
            "u takes the last back"
        };
        let text = format!("{} · {undo}", counted(done, all));
        self.put_toast(Level::Ok, text, 1, Some((done.to_owned(), all)));
    }

    /// Keeps what was said in the corner.
    fn say(&mut self, level: Level, text: &str) {
        self.said.push_back(News {
            at: self.now,
            level,
            job: None,
            text: text.to_owned(),
        });
        if self.said.len() > 500 {
            self.said.pop_front();
        }
    }

    fn take_toast(&mut self, which: impl Fn(&Toast) -> bool) -> Option<Toast> {
        let at = self.toasts.iter().position(which)?;
        Some(self.toasts.remove(at))
    }

    fn put_toast(&mut self, level: Level, text: String, times: u32, counts: Option<(String, u64)>) {
        let until = match level {
            Level::Ok => Some(self.now + Duration::from_secs(4)),
            Level::Warning => Some(self.now + Duration::from_secs(8)),
            Level::Error => None,
        };
        self.toasts.push(Toast {
            level,
            text,
            times,
            counts,
            until,
        });
        if self.toasts.len() > 3 {
            self.toasts.remove(0);
        }
    }

    /// The lines of the keymap that these changes change, as they are now.
    fn lines_now(&self, changes: &[KeyChange]) -> Vec<KeyChange> {
        let text = self.options.keymap.as_deref().unwrap_or_default();
        let now: toml::Table = text.parse().unwrap_or_default();
        let line = |change: &KeyChange| {
            let action = now.get(&change.context).and_then(|keys| keys.get(&change.key));
            KeyChange {
                action: action.and_then(toml::Value::as_str).map(str::to_owned),
                ..change.clone()
            }
        };
        changes.iter().map(line).collect()
    }

    /// Keeps what was run from the palette.
    pub(crate) fn remember(&mut self, typed: &str) {
        self.commands.retain(|command| command != typed);
        self.commands.push(typed.to_owned());
        if self.commands.len() > 50 {
            self.commands.remove(0);
        }
    }

    /// Adds to the list of events.
    pub(crate) fn note(&mut self, level: Level, text: String) {
        self.note_about(None, level, text);
    }

    /// Adds to the list of events, as something about a job.
    pub(crate) fn note_about(&mut self, job: Option<String>, level: Level, text: String) {
        self.told += 1;
        self.news.push_front(News {
            at: self.now,
            level,
            job,
            text,
        });
        self.news.truncate(200);
    }

    /// Orders something on the way out; only a failure is told.
    pub(crate) fn order_on_leaving(&mut self, command: Command) {
        let ticket = self.ticket();
        self.orders.push(Ordered {
            ticket,
            done: String::new(),
            leave: None,
            draft: None,
            quiet: false,
            restyles: false,
            adds: false,
        });
        self.outbox.push(Effect::Order(ticket, command));
    }

    /// Why nothing can be ordered here: somebody else's engine runs the jobs, or the database is only read.
    pub(crate) fn view_only(&self) -> Option<String> {
        if let (None, Some(why)) = (&self.options.held_by, &self.read_only) {
            return Some(format!("view only: {why}"));
        }
        let holder = self.options.held_by.as_ref()?;
        Some(format!("view only: the engine runs in {holder}"))
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
    /// As if the key of this action had been pressed.
    Act(Action),
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

    /// Gives up a question: the engine need not look for the answer any longer.
    pub(crate) fn forget(&mut self, ticket: Ticket) {
        self.wishes.push(Wish::Effect(Effect::Forget(ticket)));
    }

    /// Orders something; `done` is said when it is carried out.
    pub(crate) fn order(&mut self, command: Command, done: impl Into<String>) -> Ticket {
        let ticket = self.shared.ticket();
        if let Command::Bind(changes) = &command {
            let back = self.shared.lines_now(changes);
            self.shared
                .undo
                .push((Command::Bind(back), "Keys are as before".to_owned()));
        }
        self.shared.orders.push(Ordered {
            ticket,
            done: done.into(),
            leave: None,
            draft: None,
            quiet: false,
            restyles: matches!(
                command,
                Command::SetConfig { .. } | Command::Bind(_) | Command::ReadConfig
            ),
            adds: matches!(command, Command::Decide { .. }),
        });
        self.wishes.push(Wish::Effect(Effect::Order(ticket, command)));
        ticket
    }

    /// Opens a text in the person's own editor. What they made of it comes as [`super::message::Message::Edited`] with this ticket;
    /// that nothing came of it is said by the application.
    pub(crate) fn edit(&mut self, text: impl Into<String>, extension: &'static str) -> Ticket {
        let ticket = self.shared.ticket();
        let edit = Edit {
            text: text.into(),
            extension,
        };
        self.wishes.push(Wish::Effect(Effect::Edit(ticket, edit)));
        ticket
    }

    /// Opens a file as it is, to be changed in the person's editor or to be read. That they left it comes as
    /// [`super::message::Message::Edited`] with this ticket.
    pub(crate) fn open_file(&mut self, path: PathBuf, to_read: bool) -> Ticket {
        let ticket = self.shared.ticket();
        self.wishes
            .push(Wish::Effect(Effect::Open(ticket, Opening { path, to_read })));
        ticket
    }

    /// Copies a text. `what` it is, in a few words, is said when it is done, with the way it went.
    pub(crate) fn copy(&mut self, text: impl Into<String>, what: &str) {
        what.clone_into(&mut self.shared.copying);
        self.wishes.push(Wish::Effect(Effect::Copy(text.into())));
    }

    /// Orders something whose end the screen shows itself.
    pub(crate) fn order_quietly(&mut self, command: Command) -> Ticket {
        let ticket = self.order(command, "");
        if let Some(order) = self.shared.orders.last_mut() {
            order.quiet = true;
        }
        ticket
    }

    /// Opens a small form.
    pub(crate) fn fill(&mut self, sheet: Sheet) {
        self.wishes.push(Wish::Overlay(Overlay::Sheet(Box::new(sheet))));
    }

    /// Opens something to read.
    pub(crate) fn read(&mut self, page: Page) {
        self.wishes.push(Wish::Overlay(Overlay::Page(Box::new(page))));
    }

    /// Waits for the new key of an action.
    pub(crate) fn rebind(&mut self, table: &'static Table, action: Action) {
        let capture = Capture::of(table, action);
        self.wishes
            .push(Wish::Overlay(Overlay::Capture(Box::new(capture))));
    }

    /// Asks a person first.
    pub(crate) fn confirm(&mut self, dialog: Dialog) {
        self.wishes.push(Wish::Overlay(Overlay::Dialog(Box::new(dialog))));
    }

    /// Opens a screen above this one.
    pub(crate) fn open(&mut self, screen: Screen) {
        self.wishes.push(Wish::Push(Box::new(screen)));
    }

    /// As if the key of this action had been pressed.
    pub(crate) fn act(&mut self, action: Action) {
        self.wishes.push(Wish::Act(action));
    }

    /// Closes this screen.
    pub(crate) fn leave(&mut self) {
        self.wishes.push(Wish::Leave);
    }
}
