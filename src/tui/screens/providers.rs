//! The providers: how they are, what they cost, and everything that can be changed about them while jobs run.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::api::{
    Answer, Command, Failure, Health, ProviderDetail, ProviderHealth, Query, Receipt, Tested,
};
use crate::core::directory::ProviderChange;
use crate::core::text::grouped;
use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, FIELD, PROVIDERS, Table};
use crate::tui::layout::{Width, inside, left, shell, top};
use crate::tui::message::{Message, Ticket};
use crate::tui::overlay::dialog::Dialog;
use crate::tui::remote::Remote;
use crate::tui::text::put;
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::pane::{empty, failure, pane};
use crate::tui::widgets::table::{Cell, Column, numbers, row_at, table, words};

use super::{Screen, View};

mod browser;
mod detail;
mod form;
mod gauge;
pub(crate) mod models;
mod offered;
mod protocol;
mod showing;
mod steps;
pub(crate) mod wizard;

use detail::TestShown;
pub(crate) use gauge::{COLUMNS, cells, word};
use models::Models;
pub(crate) use offered::Offered;
use steps::Step;
use wizard::Wizard;

/// How often what the gauge does not tell is asked again while jobs run.
const FRESH: Duration = Duration::from_secs(2);

const LIST: [Column; 7] = [
    words("NAME", 11, 9),
    words("KIND", 10, 4),
    words("HEALTH", 9, 8),
    numbers("W", 3, 7),
    numbers("CONC", 7, 5),
    words("KEY", 5, 6),
    numbers("SPENT", 7, 3),
];

/// The providers.
#[derive(Default)]
pub(crate) struct Providers {
    asked: Remote<Vec<ProviderDetail>>,
    offered: Offered,
    cursor: Cursor,
    filter: String,
    field: Option<Field>,
    /// The detail over the whole screen.
    open: bool,
    testing: Vec<(Ticket, String, Duration)>,
    /// How tests of this session ended.
    tested: Vec<(String, Result<Tested, Failure>)>,
    /// What would take changes of this session back, newest last.
    undo: Vec<(Command, String)>,
}

fn panes(area: Rect, open: bool) -> (Rect, Rect) {
    let none = Rect { height: 0, ..area };
    match (open, Width::of(area.width)) {
        (true, _) => (none, area),
        (false, Width::Wide) => left(area, area.width * 7 / 12),
        (false, Width::Medium) if area.height >= 16 => top(area, (area.height / 2).max(6)),
        (false, _) => (area, none),
    }
}

/// The weight of a provider's models: one number, or the least and the most.
fn weight(detail: &ProviderDetail) -> String {
    let weights = detail.settings.models.iter().map(|model| model.weight);
    let least = weights.clone().fold(f64::INFINITY, f64::min);
    let most = weights.fold(0.0, f64::max);
    if detail.settings.models.is_empty() {
        "-".to_owned()
    } else if (most - least).abs() < f64::EPSILON {
        format!("{least}")
    } else {
        format!("{least}-{most}")
    }
}

impl Providers {
    /// Those the filter lets through.
    fn rows(&self) -> Vec<&ProviderDetail> {
        let wanted = self.filter.to_lowercase();
        let all = self.asked.value().map_or(&[][..], Vec::as_slice);
        let fits = |one: &&ProviderDetail| {
            format!("{} {}", one.settings.name, one.settings.kind).contains(wanted.trim())
        };
        all.iter().filter(fits).collect()
    }

    fn selected(&self) -> Option<&ProviderDetail> {
        self.rows().get(self.cursor.selected).copied()
    }

    /// The gauge's health, which is newer, else the asked one.
    fn health<'a>(detail: &'a ProviderDetail, shared: &'a Shared) -> &'a ProviderHealth {
        let gauges = shared.progress.iter().flat_map(|progress| &progress.providers);
        let mut gauges = gauges.filter(|gauge| gauge.name == detail.settings.name);
        gauges.next().unwrap_or(&detail.health)
    }

    fn names(&self) -> Vec<String> {
        let all = self.asked.value().into_iter().flatten();
        all.map(|one| one.settings.name.clone()).collect()
    }

    fn page(&self, shared: &Shared) -> usize {
        let list = inside(panes(shell(shared.size).body, self.open).0, shared.size.width);
        usize::from(list.height.saturating_sub(2))
    }

    fn refresh(&mut self, cx: &mut Cx) {
        self.asked.refresh(Query::ProviderDetails, cx);
    }

    /// Orders a change, and remembers what takes it back.
    fn change(&mut self, change: (ProviderChange, ProviderChange), done: &str, cx: &mut Cx) {
        let Some(name) = self.selected().map(|one| one.settings.name.clone()) else {
            return;
        };
        let (now, before) = change;
        let order = |change| Command::ChangeProvider {
            name: name.clone(),
            change,
        };
        cx.order(order(now), format!("{done} · u undo"));
        self.undo.push((order(before), format!("Taken back: {done}")));
    }

    fn toggle(&mut self, cx: &mut Cx) {
        let Some(one) = self.selected() else { return };
        let on = one.settings.disabled;
        let name = one.settings.name.clone();
        let enabled = |enabled| ProviderChange {
            enabled: Some(enabled),
            ..ProviderChange::default()
        };
        let done = if on {
            "is on"
        } else {
            "is off; requests in flight finish"
        };
        self.change((enabled(on), enabled(!on)), &format!("{name} {done}"), cx);
    }

    fn weigh(&mut self, by: f64, cx: &mut Cx) {
        let Some(one) = self.selected() else { return };
        let weights = |by: f64| ProviderChange {
            weights: one
                .settings
                .models
                .iter()
                .map(|model| (model.id.clone(), (model.weight + by).max(0.0)))
                .collect(),
            ..ProviderChange::default()
        };
        let change = (weights(by), weights(0.0));
        // A second press counts on from the first, whose answer may still be on its way.
        let shifted = change.0.weights.clone();
        let name = one.settings.name.clone();
        self.change(change, &format!("{name}: another weight"), cx);
        self.asked.amend(|all| {
            for one in all.iter_mut().filter(|one| one.settings.name == name) {
                for (model, (_, weight)) in one.settings.models.iter_mut().zip(&shifted) {
                    model.weight = *weight;
                }
            }
        });
    }

    fn test(&mut self, name: String, cx: &mut Cx) {
        self.tested.retain(|(tested, _)| *tested != name);
        let ticket = cx.order_quietly(Command::TestProvider(name.clone()));
        self.testing.push((ticket, name, cx.shared.now));
    }

    fn test_all(&mut self, cx: &mut Cx) {
        let all = self.asked.value().into_iter().flatten();
        let on = all.filter(|one| !one.settings.disabled && !one.settings.models.is_empty());
        let names: Vec<String> = on.map(|one| one.settings.name.clone()).collect();
        for name in names {
            if !self.testing.iter().any(|(_, testing, _)| *testing == name) {
                self.test(name, cx);
            }
        }
    }

    fn delete(&self, cx: &mut Cx) {
        let Some(one) = self.selected() else { return };
        let name = one.settings.name.clone();
        let order = vec![(Command::RemoveProvider(name.clone()), format!("Deleted {name}"))];
        let mut lines = vec![format!(
            "Takes {name} out of {}.",
            one.origin.clone().unwrap_or_default()
        )];
        let history = one.requests_ever;
        if history > 0 {
            let asked = grouped(history);
            lines.push(format!(
                "It was asked {asked} times; its samples and their history stay."
            ));
        }
        let dialog = Dialog::order(cx.shared, "Delete provider", lines, "Delete", order);
        cx.confirm(if history > 0 { dialog.typed(&name) } else { dialog });
    }

    fn wizard(&self, step: Step, cx: &mut Cx) {
        if let Some(one) = self.selected() {
            let wizard = Wizard::of(one.settings.clone(), step);
            cx.open(Screen::Provider(Box::new(wizard)));
        }
    }

    fn act(&mut self, action: Action, cx: &mut Cx) {
        let selected = self.selected().map(|one| one.settings.name.clone());
        match action {
            Action::Reload => {
                self.refresh(cx);
                self.offered.ask(cx);
            }
            Action::AddProvider => {
                let wizard = Wizard::new(self.names());
                cx.open(Screen::Provider(Box::new(wizard)));
            }
            Action::TakeFound => self.offered.add(self.names(), cx),
            Action::IgnoreFound => self.offered.ignore(),
            Action::Edit => self.wizard(Step::Connection, cx),
            Action::ChangeKey => self.wizard(Step::Key, cx),
            Action::Models => {
                if let Some(one) = self.selected() {
                    let models = Models::of(one.settings.clone(), fixed(one));
                    cx.open(Screen::Models(Box::new(models)));
                }
            }
            Action::Toggle => self.toggle(cx),
            Action::Heavier => self.weigh(1.0, cx),
            Action::Lighter => self.weigh(-1.0, cx),
            Action::Test => {
                if let Some(name) = selected {
                    self.test(name, cx);
                }
            }
            Action::TestAll => self.test_all(cx),
            Action::ResetCircuit => {
                if let Some(name) = selected {
                    let done = format!("{name}: one request goes out");
                    cx.order(Command::ReopenProvider(name), done);
                }
            }
            Action::Delete => self.delete(cx),
            Action::Undo => {
                if let Some((command, done)) = self.undo.pop() {
                    cx.order(command, done);
                }
            }
            Action::Filter => self.field = Some(Field::holding(&self.filter)),
            Action::Press => self.field = None,
            Action::DeleteToStart => {
                if let Some(field) = &mut self.field {
                    field.delete_to_start();
                    field.text().clone_into(&mut self.filter);
                }
            }
            Action::Open => self.open = !self.open,
            movement => {
                let (rows, page) = (self.rows().len(), self.page(cx.shared));
                self.cursor.act(movement, rows, page);
            }
        }
    }

    fn done(&mut self, ticket: Ticket, result: &Result<Box<Receipt>, Box<Failure>>, cx: &mut Cx) {
        if let Some(at) = self.testing.iter().position(|(waiting, ..)| *waiting == ticket) {
            let (_, name, _) = self.testing.remove(at);
            let ended = match result {
                Ok(receipt) => match receipt.as_ref() {
                    Receipt::Tested(tested) => Ok(tested.clone()),
                    _ => return,
                },
                Err(failure) => Err(Failure::clone(failure)),
            };
            self.tested.push((name, ended));
        }
        self.refresh(cx);
    }

    fn test_shown<'a>(&'a self, name: &str, shared: &Shared) -> TestShown<'a> {
        if let Some((_, _, since)) = self.testing.iter().find(|(_, testing, _)| testing == name) {
            return TestShown::Running(shared.now.saturating_sub(*since).as_secs());
        }
        match self.tested.iter().find(|(tested, _)| tested == name) {
            None => TestShown::None,
            Some((_, Ok(tested))) => TestShown::Ended {
                ok: true,
                text: format!(
                    "{} answered in {} ms for {}: {}",
                    tested.teacher, tested.latency_ms, tested.usd, tested.text
                ),
                help: None,
            },
            Some((_, Err(failure))) => TestShown::Ended {
                ok: false,
                text: failure.message.clone(),
                help: failure.help.as_deref(),
            },
        }
    }

    fn list(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let rows = self.rows();
        let all = self.asked.value().map_or(0, Vec::len);
        let up = |one: &&&ProviderDetail| Self::health(one, shared).health == Health::Up;
        let fact = format!("{} of {all} up", rows.iter().filter(up).count());
        let inner = pane(buf, area, "Providers", &fact, true, shared);
        let mut caret = None;
        let (prompt, rest) = top(inner, 1);
        let style = shared.style(Slot::Match);
        if let Some(field) = &self.field {
            put(buf, prompt, 1, 0, "/ ", style);
            caret = Some(field.draw(buf, prompt, 3, 0, style));
        } else if !self.filter.is_empty() {
            put(buf, prompt, 1, 0, &format!("/ {}", self.filter), style);
        }
        let list = if caret.is_some() || !self.filter.is_empty() {
            rest
        } else {
            inner
        };
        if all == 0 {
            self.nothing(shared, inner, buf);
            return caret;
        }
        let shown = rows.iter().skip(self.cursor.offset).map(|one| row(one, shared));
        let at = self.cursor.selected.saturating_sub(self.cursor.offset);
        table(buf, list, &LIST, shown, Some(at), shared);
        // Under the last row there is room for what else there could be.
        let below = (rows.len() - self.cursor.offset.min(rows.len())) as u16 + 2;
        let only_built_in = rows.iter().all(|one| one.origin.is_none());
        let mut y = below;
        let mut say = |text: &str, slot: Slot| {
            for line in crate::tui::text::wrap(text, usize::from(list.width.saturating_sub(4))) {
                put(buf, list, 2, y, &line, shared.style(slot));
                y += 1;
            }
        };
        if only_built_in && self.filter.is_empty() {
            say(
                "No provider is configured; jobs use the built-in mock teacher. n adds one.",
                Slot::Fg,
            );
        }
        for sentence in self.offered.sentences() {
            say(&sentence, Slot::Info);
        }
        caret
    }

    fn nothing(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        if let Some(error) = self.asked.error() {
            failure(buf, area, error, shared);
        } else if self.asked.value().is_some() {
            let mut lines = vec!["No providers. n adds one.".to_owned()];
            lines.extend(self.offered.sentences());
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            empty(buf, area, &lines, shared);
        } else if self.asked.is_slow(shared.now) {
            empty(buf, area, &["Loading the providers …"], shared);
        }
    }
}

/// Why a provider cannot be changed.
fn fixed(one: &ProviderDetail) -> Option<String> {
    let built_in = || format!("{} is built in and always there", one.settings.name);
    one.origin.is_none().then(built_in)
}

fn row(one: &ProviderDetail, shared: &Shared) -> Vec<Cell> {
    let fg = shared.style(Slot::Fg);
    let health = Providers::health(one, shared);
    let key = detail::key_word(&one.settings, &one.key);
    let key_style = if key.ends_with('✗') {
        shared.style(Slot::Error)
    } else {
        fg
    };
    vec![
        (one.settings.name.clone(), fg),
        (one.settings.kind.clone(), fg),
        gauge::health(health, shared),
        (weight(one), fg),
        (format!("{}/{}", health.in_flight, health.limit), fg),
        (key.to_owned(), key_style),
        (one.health.usd.to_string(), fg),
    ]
}

impl View for Providers {
    fn bindings(&self, _: &Shared) -> &'static Table {
        if self.field.is_some() { &FIELD } else { &PROVIDERS }
    }

    fn breadcrumb(&self) -> Vec<String> {
        vec!["Providers".to_owned()]
    }

    fn typing(&self) -> bool {
        self.field.is_some()
    }

    fn enter(&mut self, cx: &mut Cx) {
        self.asked.ask(Query::ProviderDetails, cx);
        self.offered.ask(cx);
    }

    fn back(&mut self, _: &mut Cx) -> bool {
        if self.field.take().is_some() {
            return true;
        }
        if !self.testing.is_empty() {
            // The answers have no reader any more.
            self.testing.clear();
            return true;
        }
        if self.open {
            self.open = false;
            return true;
        }
        let filtered = !self.filter.is_empty();
        self.filter.clear();
        filtered
    }

    fn disabled(&self, action: Action, _: &Shared) -> Option<String> {
        let changes = matches!(
            action,
            Action::Edit
                | Action::ChangeKey
                | Action::Toggle
                | Action::Heavier
                | Action::Lighter
                | Action::Delete
        );
        let needs_one = changes
            || matches!(
                action,
                Action::Test | Action::Models | Action::ResetCircuit | Action::Open
            );
        let Some(one) = self.selected() else {
            return match action {
                _ if needs_one => Some("no provider is selected".to_owned()),
                Action::TakeFound | Action::IgnoreFound if self.offered.is_empty() => {
                    Some("nothing else was found on this machine".to_owned())
                }
                Action::Undo if self.undo.is_empty() => Some("nothing was changed here".to_owned()),
                _ => None,
            };
        };
        let name = &one.settings.name;
        match action {
            _ if changes && one.origin.is_none() => fixed(one),
            Action::ChangeKey if matches!(one.settings.kind.as_str(), "script" | "mock") => {
                Some("this kind takes no key".to_owned())
            }
            Action::Test if self.testing.iter().any(|(_, testing, _)| testing == name) => {
                Some("a test is under way".to_owned())
            }
            Action::Undo if self.undo.is_empty() => Some("nothing was changed here".to_owned()),
            Action::ResetCircuit if one.circuit.open_for_requests && one.circuit.failures == 0 => {
                Some("its circuit is closed: requests go out".to_owned())
            }
            Action::TakeFound | Action::IgnoreFound if self.offered.is_empty() => {
                Some("nothing else was found on this machine".to_owned())
            }
            _ => None,
        }
    }

    fn wake(&self, shared: &Shared) -> Option<Duration> {
        let since = self.testing.iter().map(|(_, _, since)| *since);
        let next = |since: Duration| {
            let elapsed = shared.now.saturating_sub(since).as_secs();
            since + Duration::from_secs(elapsed + 1)
        };
        since.map(next).min()
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        match message {
            Message::Act(action) => self.act(*action, cx),
            Message::Done(ticket, result) => self.done(*ticket, result, cx),
            Message::Key(key) => {
                if let Some(field) = &mut self.field {
                    field.key(key);
                    field.text().clone_into(&mut self.filter);
                    self.cursor = Cursor::default();
                }
            }
            Message::Paste(text) => {
                if let Some(field) = &mut self.field {
                    field.insert(text);
                    field.text().clone_into(&mut self.filter);
                }
            }
            Message::Tick(now) => {
                if self.asked.older_than(FRESH, *now) {
                    self.refresh(cx);
                }
            }
            _ => {
                let all = |answer: &Answer| match answer {
                    Answer::ProviderDetails(all) => Some(all.clone()),
                    _ => None,
                };
                if !self.offered.take(message, cx) {
                    self.asked.take(message, all, || Query::ProviderDetails, cx);
                    let (rows, page) = (self.rows().len(), self.page(cx.shared));
                    self.cursor.clamp(rows, page);
                }
            }
        }
    }

    fn click(&mut self, at: Position, double: bool, cx: &mut Cx) {
        let rows = self.rows().len();
        let list = inside(
            panes(shell(cx.shared.size).body, self.open).0,
            cx.shared.size.width,
        );
        if let Some(row) = row_at(list, at) {
            self.cursor.click(row, rows);
            self.open |= double && self.selected().is_some();
        }
    }

    fn wheel(&mut self, at: Position, rows: i16, cx: &mut Cx) {
        let area = panes(shell(cx.shared.size).body, self.open).0;
        let (all, page) = (self.rows().len(), self.page(cx.shared));
        if area.contains(at) {
            self.cursor.wheel(rows, all, page);
        }
    }

    fn status(&self, shared: &Shared) -> String {
        let all = self.asked.value().map_or(0, Vec::len);
        let filter = if self.filter.is_empty() {
            String::new()
        } else {
            format!(" · {} shown", self.rows().len())
        };
        let testing = match self.testing.len() {
            0 => String::new(),
            1 => " · testing 1, esc stops waiting".to_owned(),
            many => format!(" · testing {many}, esc stops waiting"),
        };
        let spent = shared.progress.as_ref().map(|progress| progress.today);
        let spent = spent
            .map(|today| format!(" · {today} today in all"))
            .unwrap_or_default();
        let providers = if all == 1 { "provider" } else { "providers" };
        format!("{all} {providers}{filter}{spent}{testing}")
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let (list, detail) = panes(area, self.open && self.selected().is_some());
        let caret = if list.height > 0 {
            self.list(shared, list, buf)
        } else {
            None
        };
        if let Some(one) = self.selected().filter(|_| detail.height > 0) {
            let test = self.test_shown(&one.settings.name, shared);
            detail::draw(one, Self::health(one, shared), &test, shared, detail, buf);
        }
        caret
    }
}
