//! The log: a window on what the engine says, newest last, narrowed by facets, searched, and followed while one stands at its end.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::api::{Answer, Command, LogEntry, LogFilter, LogLevel, LogPage, Query};
use crate::core::directory::LogQuery;
use crate::core::text::grouped;
use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, FIELD, LOG_FACETS, LOGS, Table};
use crate::tui::layout::{inside, shell};
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::screens::View;
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::field::Field;

mod facets;
mod lines;

use facets::Facets;

/// Entries of a window.
const WINDOW: usize = 500;
/// Shortest time between two questions while the engine talks.
const EVERY: Duration = Duration::from_millis(250);

/// The log.
#[derive(Default)]
pub(crate) struct Logs {
    page: Remote<LogPage>,
    filter: LogFilter,
    /// The window ends at this entry; `None`: at the newest.
    until: Option<i64>,
    cursor: Cursor,
    /// What is searched, and the field while it is typed.
    find: String,
    field: Option<Field>,
    facets: Option<Facets>,
    wrap: bool,
    /// The entry over the whole screen, scrolled so far.
    open: Option<usize>,
    marked: BTreeSet<i64>,
    /// The newest entry of the window before this one, to tell what came since.
    seen: Option<i64>,
    /// Entries that came since the last picture and did not fit.
    skipped: u64,
    /// Move to this entry when the window that holds it comes.
    to: Option<i64>,
    /// Everything is logged for a while.
    loud: bool,
}

impl Logs {
    fn query(&self) -> Query {
        Query::Log(LogQuery {
            filter: self.filter.clone(),
            until: self.until,
            limit: WINDOW,
        })
    }

    fn refresh(&mut self, cx: &mut Cx) {
        let query = self.query();
        self.page.refresh(query, cx);
    }

    fn entries(&self) -> &[LogEntry] {
        self.page.value().map_or(&[], |page| &page.entries)
    }

    fn selected(&self) -> Option<&LogEntry> {
        self.entries().get(self.cursor.selected)
    }

    /// The file that is written now.
    fn file(&self, shared: &Shared) -> Option<PathBuf> {
        let (shown, _) = self.page.value()?.file.as_ref()?;
        // What is shown may begin with `~`.
        let name = Path::new(shown).file_name()?;
        Some(shared.options.outside.logs.join(name))
    }

    fn follows(&self) -> bool {
        self.until.is_none()
    }

    fn height(shared: &Shared) -> usize {
        let inner = inside(shell(shared.size).body, shared.size.width);
        usize::from(inner.height)
    }

    /// Stands still where the window ends now.
    fn freeze(&mut self) {
        if self.follows() {
            self.until = self.entries().last().map(|entry| entry.number);
            self.skipped = 0;
        }
    }

    fn follow(&mut self, cx: &mut Cx) {
        self.until = None;
        self.to = None;
        self.cursor.selected = self.entries().len().saturating_sub(1);
        self.refresh(cx);
    }

    /// Another window, or another filter: from the newest on.
    fn again(&mut self, cx: &mut Cx) {
        self.until = None;
        self.seen = None;
        self.skipped = 0;
        self.page.ask(self.query(), cx);
    }

    fn step(&mut self, action: Action, cx: &mut Cx) {
        let (rows, height) = (self.entries().len(), Self::height(cx.shared));
        let before = self.cursor.selected;
        if !self.cursor.act(action, rows, height) {
            return;
        }
        let page = self.page.value();
        let (older, newer) = page.map_or((0, 0), |page| (page.older, page.newer));
        if self.cursor.selected + 1 < rows {
            self.freeze();
        }
        if self.cursor.selected == 0 && older > 0 {
            // The window moves towards older entries, the cursor stays with its entry.
            let middle = self.entries().get(rows / 4).map(|entry| entry.number);
            self.to = self.selected().map(|entry| entry.number);
            self.until = middle;
            self.refresh(cx);
        } else if self.cursor.selected + 1 >= rows
            && !self.follows()
            && (newer == 0 || before + 1 >= rows || action == Action::Last)
        {
            self.follow(cx);
        }
    }

    /// The next entry with the searched letters, from the selected one on.
    fn search(&mut self, back: bool, cx: &mut Cx) {
        let wanted = self.find.to_lowercase();
        let has = |entry: &LogEntry| entry.text().to_lowercase().contains(&wanted);
        let entries = self.entries();
        let here = self.cursor.selected;
        let found = if back {
            (0..here.min(entries.len())).rev().find(|at| has(&entries[*at]))
        } else {
            (here + 1..entries.len()).find(|at| has(&entries[*at]))
        };
        let (rows, height) = (entries.len(), Self::height(cx.shared));
        match found {
            Some(at) => {
                self.cursor.selected = at;
                self.cursor.clamp(rows, height);
                self.freeze();
            }
            None => {
                cx.shared.hint = Some((
                    format!(
                        "no {} entry here has “{}”",
                        if back { "older" } else { "newer" },
                        self.find
                    ),
                    cx.shared.now + Duration::from_secs(2),
                ));
            }
        }
    }

    fn act(&mut self, action: Action, cx: &mut Cx) {
        if let Some(facets) = &mut self.facets {
            let page = self.page.value();
            if facets.act(action, &mut self.filter, page) {
                self.again(cx);
            }
            return;
        }
        match action {
            Action::Filter => self.field = Some(Field::holding(&self.find)),
            Action::Press => {
                if let Some(field) = self.field.take() {
                    field.text().trim().clone_into(&mut self.find);
                    self.search(true, cx);
                }
            }
            Action::DeleteToStart => {
                if let Some(field) = &mut self.field {
                    field.delete_to_start();
                }
            }
            Action::NextMatch => self.search(true, cx),
            Action::PreviousMatch => self.search(false, cx),
            Action::Facets => self.facets = Some(Facets::default()),
            Action::Follow if self.follows() => self.freeze(),
            Action::Follow => self.follow(cx),
            Action::Wrap => self.wrap = !self.wrap,
            Action::Reload => self.refresh(cx),
            Action::Open => {
                self.open = if self.open.is_some() { None } else { Some(0) };
                self.freeze();
            }
            Action::HideTarget => {
                if let Some(target) = self.selected().map(|entry| entry.target.clone()) {
                    self.filter.hidden.push(target);
                    self.again(cx);
                }
            }
            Action::Mark => {
                if let Some(number) = self.selected().map(|entry| entry.number)
                    && !self.marked.remove(&number)
                {
                    self.marked.insert(number);
                }
            }
            Action::Copy => {
                if let Some(entry) = self.selected() {
                    cx.copy(entry.text(), "log entry");
                }
            }
            Action::External => {
                if let Some(path) = self.file(cx.shared) {
                    cx.open_file(path, true);
                }
            }
            Action::SaveLog => {
                cx.order(Command::SaveLog(self.filter.clone()), "Saved log entries");
            }
            Action::Loud => {
                self.loud = !self.loud;
                let (level, done) = if self.loud {
                    (LogLevel::Debug, "Level debug for ten minutes")
                } else {
                    (LogLevel::Info, "Level as configured")
                };
                self.filter.level = level;
                cx.order(Command::SetLogLevel(self.loud.then_some(level)), done);
                self.again(cx);
            }
            movement => match &mut self.open {
                Some(scroll) => {
                    let mut cursor = Cursor {
                        selected: *scroll,
                        offset: 0,
                    };
                    cursor.act(movement, 400, Self::height(cx.shared));
                    *scroll = cursor.selected;
                }
                None => self.step(movement, cx),
            },
        }
    }

    /// A window came: the cursor goes where it belongs.
    fn came(&mut self, cx: &mut Cx) {
        let (rows, height) = (self.entries().len(), Self::height(cx.shared));
        let newest = self.entries().last().map(|entry| entry.number);
        if self.follows() {
            let seen = self.seen.unwrap_or(i64::MAX);
            let new = self.entries().iter().filter(|entry| entry.number > seen).count();
            self.skipped = new.saturating_sub(height.saturating_sub(1)) as u64;
            self.seen = newest;
            self.cursor.selected = rows.saturating_sub(1);
        } else if let Some(to) = self.to.take() {
            let at = self.entries().iter().position(|entry| entry.number >= to);
            self.cursor.selected = at.unwrap_or(rows.saturating_sub(1));
        }
        self.cursor.clamp(rows, height);
    }
}

impl View for Logs {
    fn bindings(&self, _: &Shared) -> &'static Table {
        match (&self.field, &self.facets) {
            (Some(_), _) => &FIELD,
            (None, Some(_)) => &LOG_FACETS,
            (None, None) => &LOGS,
        }
    }

    fn breadcrumb(&self) -> Vec<String> {
        vec!["Logs".to_owned()]
    }

    fn typing(&self) -> bool {
        self.field.is_some()
    }

    fn enter(&mut self, cx: &mut Cx) {
        self.page.ask(self.query(), cx);
    }

    fn back(&mut self, cx: &mut Cx) -> bool {
        if self.field.take().is_some() || self.facets.take().is_some() || self.open.take().is_some() {
            return true;
        }
        if !self.find.is_empty() {
            self.find.clear();
            return true;
        }
        if self.filter != LogFilter::default() && !self.loud {
            self.filter = LogFilter::default();
            self.again(cx);
            return true;
        }
        false
    }

    fn disabled(&self, action: Action, shared: &Shared) -> Option<String> {
        match action {
            Action::NextMatch | Action::PreviousMatch if self.find.is_empty() => {
                Some("/ finds something first".to_owned())
            }
            Action::External if self.file(shared).is_none() => Some("this session writes no file".to_owned()),
            Action::Open | Action::Copy | Action::HideTarget | Action::Mark if self.selected().is_none() => {
                Some("no entry is selected".to_owned())
            }
            _ => None,
        }
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        match message {
            Message::Act(action) => self.act(*action, cx),
            Message::Key(key) => {
                if let Some(field) = &mut self.field {
                    field.key(key);
                }
            }
            Message::Paste(text) => {
                if let Some(field) = &mut self.field {
                    field.insert(text);
                }
            }
            Message::Tick(now) => {
                if self.page.older_than(EVERY, *now) {
                    self.refresh(cx);
                }
            }
            Message::Event(_) | Message::Done(..) => self.refresh(cx),
            _ => {
                let read = |answer: &Answer| match answer {
                    Answer::Log(page) => Some((**page).clone()),
                    _ => None,
                };
                let query = self.query();
                if self.page.take(message, read, || query, cx) {
                    self.came(cx);
                }
            }
        }
    }

    fn status(&self, _: &Shared) -> String {
        let page = self.page.value();
        let (held, newer) = page.map_or((0, 0), |page| (page.held, page.newer));
        let stand = if self.follows() {
            "following".to_owned()
        } else {
            format!("PAUSED +{}", grouped(newer))
        };
        let mut parts = vec![stand, format!("level ≥ {}", self.filter.level.word())];
        for (name, value) in [
            ("job", &self.filter.job),
            ("provider", &self.filter.provider),
            ("part", &self.filter.target),
        ] {
            parts.extend(value.as_ref().map(|value| format!("{name}: {value}")));
        }
        match self.filter.hidden.len() {
            0 => {}
            hidden => parts.push(format!("{hidden} hidden")),
        }
        if !self.find.is_empty() {
            parts.push(format!("find “{}”", self.find));
        }
        let file = page.and_then(|page| page.file.as_ref());
        let file = file
            .map(|(_, bytes)| format!(", file {}", size(*bytes)))
            .unwrap_or_default();
        parts.push(format!("{} in memory{file}", grouped(held)));
        parts.join(" · ")
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        lines::draw(self, shared, area, buf)
    }
}

/// `41 MB`.
fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

/// The colour of a level.
fn slot(level: LogLevel) -> Slot {
    match level {
        LogLevel::Error => Slot::Error,
        LogLevel::Warn => Slot::Warn,
        LogLevel::Info => Slot::Info,
        LogLevel::Debug | LogLevel::Trace => Slot::Muted,
    }
}
