//! The settings: what is configured and by whom, where everything lies, themes, keys, cleaning. Every change is an order; what it did
//! is asked again.

mod choosing;
mod cleaning;
mod draw;
mod lines;
mod section;

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use serde_json::Value;

use crate::core::api::{Answer, CleanRow, Command, Finding, KeyChange, Level, Query, UserFiles};
use crate::core::ports::DatabaseInfo;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, FIELD, SETTINGS, SETTINGS_CHOICE, SETTINGS_VALUE, TABLES, Table};
use crate::tui::message::{Message, Ticket};
use crate::tui::overlay::Dialog;
use crate::tui::remote::Remote;
use crate::tui::theme::Theme;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::field::Field;

use super::View;
use choosing::{Choosing, options};
use cleaning::Cleaning;
use lines::{Line, Setting, What};
pub(crate) use section::Section;
use section::{is_for_next_start, is_theme};

/// How often files of themes and keys are looked at while their section is open.
const LOOK: Duration = Duration::from_secs(2);

/// The settings.
#[derive(Default)]
pub(crate) struct Settings {
    section: Section,
    cursor: Cursor,
    /// Letters that a line must have.
    filter: Field,
    mode: Mode,
    asked: Remote<Vec<Setting>>,
    /// What the last answer said.
    known: Vec<Setting>,
    files: UserFiles,
    looked: Duration,
    /// The config file is in the editor.
    editing: Option<Ticket>,
    database: Remote<(DatabaseInfo, Vec<String>)>,
    plan: Remote<Vec<CleanRow>>,
    cleaning: Cleaning,
    doctor: Remote<Vec<Finding>>,
}

/// What the keys mean at this moment.
#[derive(Default)]
enum Mode {
    /// Moving about.
    #[default]
    Reading,
    /// Letters go into the filter.
    Finding,
    /// One of a few values is chosen.
    Choosing(Choosing),
    /// A value is typed: its key, and what is typed.
    Typing(String, Field),
}

impl Settings {
    /// Opens a section.
    pub(crate) fn show(&mut self, section: Section) {
        self.section = section;
        self.cursor = Cursor::default();
        self.filter = Field::default();
        self.mode = Mode::Reading;
    }

    /// Whether something is tried out that is not kept yet.
    pub(crate) fn is_trying(&self) -> bool {
        matches!(self.mode, Mode::Choosing(_))
    }

    /// The lines of the section that have the letters of the filter.
    fn shown(&self, shared: &Shared) -> Vec<Line> {
        let needle = self.filter.text().to_lowercase();
        let mut lines = lines::of(self, shared);
        if !needle.is_empty() {
            let has = |text: &str| text.to_lowercase().contains(&needle);
            lines.retain(|line| {
                line.what != What::Fact && (has(&line.label) || has(&line.value) || has(&line.note))
            });
        }
        lines
    }

    fn selected(&self, shared: &Shared) -> Option<Line> {
        self.shown(shared).into_iter().nth(self.cursor.selected)
    }

    fn ask(&mut self, cx: &mut Cx) {
        self.asked.refresh(Query::Configuration, cx);
        cx.ask(Query::UserFiles);
        self.looked = cx.shared.now;
        match self.section {
            Section::Database => {
                self.database.refresh(Query::Database { check: None }, cx);
                self.plan
                    .refresh(Query::CleanPlan(self.cleaning.rules(false)), cx);
            }
            Section::About => self.doctor.refresh(Query::Doctor, cx),
            _ => {}
        }
    }

    fn step(&mut self, by: isize, cx: &mut Cx) {
        self.show(self.section.step(by));
        self.ask(cx);
    }

    /// Changes the setting to what a person chose; what it was can be taken back.
    fn set(&self, key: &str, value: Option<Value>, cx: &mut Cx) {
        let Some(setting) = self.known.iter().find(|setting| setting.key == key) else {
            return;
        };
        let before = setting.is_users(&self.files).then(|| setting.value.clone());
        let said = value
            .as_ref()
            .map_or_else(|| "the default".to_owned(), lines::plain);
        let back = Command::SetConfig {
            key: key.to_owned(),
            value: before,
        };
        cx.shared.undo.push((back, format!("{key} is as before")));
        let order = Command::SetConfig {
            key: key.to_owned(),
            value,
        };
        let when = if is_for_next_start(key) {
            " at the next start"
        } else {
            ""
        };
        cx.order(order, format!("{key}: {said}{when} · u undo"));
    }

    /// The setting of the selected line, if it may be changed here.
    fn changeable(&self, at: usize, cx: &mut Cx) -> Option<&Setting> {
        let setting = self.known.get(at)?;
        match setting.locked(&self.files) {
            Some(why) => {
                cx.shared.toast(Level::Ok, format!("{} is {why}", setting.key));
                None
            }
            None => Some(setting),
        }
    }

    fn open(&mut self, cx: &mut Cx) {
        match self.selected(cx.shared).map(|line| line.what) {
            Some(What::Setting(at)) => {
                let Some(setting) = self.changeable(at, cx).cloned() else {
                    return;
                };
                self.mode = match (&setting.value, options(&setting, cx.shared)) {
                    (Value::Bool(flag), _) => {
                        self.set(&setting.key, Some(Value::from(!flag)), cx);
                        Mode::Reading
                    }
                    (_, options) if !options.is_empty() => {
                        Mode::Choosing(Choosing::of(setting, options, draw::page(cx.shared)))
                    }
                    (Value::Null, _) => Mode::Typing(setting.key, Field::default()),
                    _ => Mode::Typing(setting.key.clone(), Field::holding(&setting.text())),
                };
            }
            Some(What::Key(context, action)) => rebind(context, action, cx),
            Some(What::Rule(at)) => self.cleaning.rules[at].on = !self.cleaning.rules[at].on,
            Some(What::Backup) => self.cleaning.backup = !self.cleaning.backup,
            Some(What::Clean) => {
                let plan = self.plan.value().map(Vec::as_slice).unwrap_or_default();
                match self.cleaning.question(plan, cx.shared) {
                    Ok(dialog) => cx.confirm(dialog),
                    Err(why) => cx.shared.toast(Level::Ok, why),
                }
            }
            Some(What::Fact) | None => {}
        }
    }

    /// The next of a few values, at once.
    fn toggle(&mut self, cx: &mut Cx) {
        match self.selected(cx.shared).map(|line| line.what) {
            Some(What::Rule(at)) => {
                self.cleaning.more_days(at);
                self.plan
                    .refresh(Query::CleanPlan(self.cleaning.rules(false)), cx);
            }
            Some(What::Setting(at)) => {
                let Some(setting) = self.changeable(at, cx).cloned() else {
                    return;
                };
                let options = options(&setting, cx.shared);
                if options.is_empty() {
                    return self.open(cx);
                }
                let now = options.iter().position(|choice| choice.value == setting.value);
                let next = &options[now.map_or(0, |at| at + 1) % options.len()];
                self.set(
                    &setting.key,
                    Some(next.value.clone()).filter(|value| !value.is_null()),
                    cx,
                );
            }
            _ => self.open(cx),
        }
    }

    /// Back to the default: a setting, or the keys of an action.
    fn reset(&self, cx: &mut Cx) {
        match self.selected(cx.shared).map(|line| line.what) {
            Some(What::Setting(at)) => {
                if let Some(setting) = self.changeable(at, cx) {
                    self.set(&setting.key, None, cx);
                }
            }
            Some(What::Key(context, action)) => {
                let changes = self.lines_of(Some((context, action)));
                if changes.is_empty() {
                    cx.shared.toast(Level::Ok, "It has the keys of the preset");
                } else {
                    cx.order(Command::Bind(changes), "Keys of the preset again · u undo");
                }
            }
            _ => {}
        }
    }

    /// Lines of the user's keymap to take out: of one action, or all.
    fn lines_of(&self, only: Option<(&str, Action)>) -> Vec<KeyChange> {
        let text = self.files.keymap.as_deref().unwrap_or_default();
        let file: toml::Table = text.parse().unwrap_or_default();
        let mut changes = Vec::new();
        for (context, keys) in &file {
            let Some(keys) = keys.as_table() else { continue };
            for (key, id) in keys {
                let meant = only.is_none_or(|(name, action)| {
                    let table = TABLES.iter().find(|table| table.context == name);
                    table.is_some_and(|table| {
                        let mut lines = table.bindings.iter();
                        let own =
                            lines.any(|line| line.action == action && line.keys.contains(&key.as_str()));
                        table.id() == *context && (own || id.as_str() == Some(action.id()))
                    })
                });
                if meant {
                    changes.push(KeyChange {
                        context: context.clone(),
                        key: key.clone(),
                        action: None,
                    });
                }
            }
        }
        changes
    }

    fn reset_all(&self, cx: &mut Cx) {
        let changes = self.lines_of(None);
        if changes.is_empty() {
            cx.shared.toast(Level::Ok, "keymap.toml changes no key");
            return;
        }
        let count = changes.len();
        let lines = vec![format!(
            "Takes {count} lines out of keymap.toml. u takes it back in this session."
        )];
        let order = vec![(
            Command::Bind(changes),
            "All keys are those of the preset".to_owned(),
        )];
        cx.confirm(Dialog::order(cx.shared, "Reset all keys", lines, "Reset", order));
    }

    /// Takes the last change back.
    fn undo(cx: &mut Cx) {
        let Some((command, said)) = cx.shared.undo.pop() else {
            cx.shared.toast(Level::Ok, "Nothing was changed in this session");
            return;
        };
        let keys = matches!(command, Command::Bind(_));
        cx.order(command, said);
        if keys {
            // Taking back is no change of its own.
            cx.shared.undo.pop();
        }
    }

    fn choose(&mut self, action: Action, cx: &mut Cx) {
        let Mode::Choosing(choosing) = &mut self.mode else {
            return;
        };
        if action == Action::Press {
            let value = choosing
                .options
                .get(choosing.cursor.selected)
                .map(|choice| choice.value.clone());
            let key = choosing.key.clone();
            self.mode = Mode::Reading;
            if let Some(value) = value {
                self.set(&key, Some(value).filter(|value| !value.is_null()), cx);
            }
            return;
        }
        let page = draw::page(cx.shared).saturating_sub(1);
        choosing.cursor.act(action, choosing.options.len(), page);
        if is_theme(&choosing.key)
            && let Some(choice) = choosing.options.get(choosing.cursor.selected)
        {
            let name = choice.value.as_str().unwrap_or(&cx.shared.options.ui.theme);
            let depth = cx.shared.options.depth;
            cx.shared.theme = Theme::named(name, &cx.shared.themes, depth).0;
        }
    }

    /// Keeps what was typed.
    fn keep(&mut self, cx: &mut Cx) {
        let Mode::Typing(key, field) = std::mem::take(&mut self.mode) else {
            return;
        };
        let text = field.text().trim();
        let value = match (text, key.starts_with("engine.")) {
            ("", _) => None,
            (number, true) => {
                let Ok(value @ Value::Number(_)) = serde_json::from_str::<Value>(number) else {
                    cx.shared
                        .toast(Level::Warning, format!("`{number}` is no number"));
                    self.mode = Mode::Typing(key, field);
                    return;
                };
                Some(value)
            }
            (text, false) => Some(Value::from(text)),
        };
        self.set(&key, value, cx);
    }

    fn act(&mut self, action: Action, cx: &mut Cx) {
        match (action, &mut self.mode) {
            (_, Mode::Choosing(_)) => self.choose(action, cx),
            (Action::Press, Mode::Typing(..)) => self.keep(cx),
            (Action::DeleteToStart, Mode::Typing(_, field)) => field.delete_to_start(),
            (Action::DeleteToStart, Mode::Finding) => self.filter.delete_to_start(),
            (Action::Press, Mode::Finding) => self.mode = Mode::Reading,
            (Action::Open, _) => self.open(cx),
            (Action::Toggle, _) => self.toggle(cx),
            (Action::NextSection, _) => self.step(1, cx),
            (Action::PreviousSection, _) => self.step(-1, cx),
            (Action::External, _) => {
                let path = self.files.config_file.clone();
                self.editing = Some(cx.open_file(path, false));
            }
            (Action::UndoSetting, _) => Self::undo(cx),
            (Action::Rebind, _) => {
                if let Some(What::Key(context, action)) = self.selected(cx.shared).map(|line| line.what) {
                    rebind(context, action, cx);
                }
            }
            (Action::Reset, _) => self.reset(cx),
            (Action::ResetAll, _) => self.reset_all(cx),
            (Action::Filter, _) => self.mode = Mode::Finding,
            (Action::Reload, _) => self.ask(cx),
            (movement, _) => {
                let lines = self.shown(cx.shared);
                let page = draw::page(cx.shared);
                let before = self.cursor.selected;
                self.cursor.act(movement, lines.len(), page);
                // A blank line is passed over.
                let blank = |at: usize| lines.get(at).is_some_and(|line| line.label.is_empty());
                if blank(self.cursor.selected) {
                    let on = if self.cursor.selected < before {
                        Action::Up
                    } else {
                        Action::Down
                    };
                    self.cursor.act(on, lines.len(), page);
                }
            }
        }
    }
}

/// Waits for another key of a line of the key table.
fn rebind(context: &str, action: Action, cx: &mut Cx) {
    if let Some(table) = TABLES.iter().find(|table| table.context == context) {
        cx.rebind(table, action);
    }
}

impl View for Settings {
    fn bindings(&self, _shared: &Shared) -> &'static Table {
        match self.mode {
            Mode::Reading => &SETTINGS,
            Mode::Finding => &FIELD,
            Mode::Choosing(_) => &SETTINGS_CHOICE,
            Mode::Typing(..) => &SETTINGS_VALUE,
        }
    }

    fn breadcrumb(&self) -> Vec<String> {
        vec!["Settings".to_owned(), self.section.name().to_owned()]
    }

    fn typing(&self) -> bool {
        matches!(self.mode, Mode::Finding | Mode::Typing(..))
    }

    fn enter(&mut self, cx: &mut Cx) {
        self.ask(cx);
    }

    fn leave(&mut self, shared: &mut Shared) {
        if self.is_trying() {
            shared.restyle();
        }
        self.mode = Mode::Reading;
    }

    fn back(&mut self, cx: &mut Cx) -> bool {
        if self.section == Section::Database && cleaning::busy(cx.shared).is_some() {
            cx.order(Command::StopCleaning, "The cleaning ends where it is");
            return true;
        }
        match std::mem::take(&mut self.mode) {
            Mode::Choosing(_) => cx.shared.restyle(),
            Mode::Finding | Mode::Reading if !self.filter.text().is_empty() => self.filter = Field::default(),
            Mode::Finding | Mode::Typing(..) => {}
            Mode::Reading => return false,
        }
        true
    }

    fn disabled(&self, action: Action, shared: &Shared) -> Option<String> {
        let selected = || self.selected(shared).map(|line| line.what);
        match action {
            Action::Open if selected() == Some(What::Clean) && cleaning::busy(shared).is_some() => {
                Some("it is being cleaned".to_owned())
            }
            Action::External if self.files.config_file.as_os_str().is_empty() => {
                Some("it is not known yet where the file is".to_owned())
            }
            Action::Rebind => {
                (!matches!(selected(), Some(What::Key(..)))).then(|| "no action is selected".to_owned())
            }
            Action::Reset => match selected() {
                Some(What::Key(..) | What::Setting(_)) => None,
                _ => Some("no setting and no action is selected".to_owned()),
            },
            Action::ResetAll => {
                (self.section != Section::Keymap).then(|| "the keys are in the section Keymap".to_owned())
            }
            Action::UndoSetting => shared
                .undo
                .is_empty()
                .then(|| "nothing was changed in this session".to_owned()),
            _ => None,
        }
    }

    fn wake(&self, _shared: &Shared) -> Option<Duration> {
        let looks = matches!(self.section, Section::Theme | Section::Keymap);
        looks.then_some(self.looked + LOOK)
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        match message {
            Message::Key(key) => match &mut self.mode {
                Mode::Finding => {
                    self.filter.key(key);
                    self.cursor = Cursor::default();
                }
                Mode::Typing(_, field) => {
                    field.key(key);
                }
                Mode::Reading | Mode::Choosing(_) => {}
            },
            Message::Paste(text) => match &mut self.mode {
                Mode::Finding => self.filter.insert(text),
                Mode::Typing(_, field) => field.insert(text),
                Mode::Reading | Mode::Choosing(_) => {}
            },
            Message::Act(action) => self.act(*action, cx),
            Message::Edited(ticket, result) if self.editing == Some(*ticket) => {
                self.editing = None;
                if result.is_ok() {
                    cx.order(Command::ReadConfig, "config.toml is read again");
                }
                self.ask(cx);
            }
            Message::Done(..) => self.ask(cx),
            Message::Tick(now) if *now >= self.looked + LOOK => {
                self.looked = *now;
                if matches!(self.section, Section::Theme | Section::Keymap) {
                    cx.ask(Query::UserFiles);
                }
            }
            Message::Reply(_, Ok(answer)) if matches!(answer.as_ref(), Answer::UserFiles(_)) => {
                if let Answer::UserFiles(files) = answer.as_ref() {
                    self.files = UserFiles::clone(files);
                }
            }
            _ => {}
        }
        let read = |answer: &Answer| match answer {
            Answer::Configuration(rows) => Some(known(rows)),
            _ => None,
        };
        if self.asked.take(message, read, || Query::Configuration, cx)
            && let Some(known) = self.asked.value()
        {
            self.known.clone_from(known);
        }
        let read = |answer: &Answer| match answer {
            Answer::Database(info, findings) => Some((info.clone(), findings.clone())),
            _ => None,
        };
        self.database
            .take(message, read, || Query::Database { check: None }, cx);
        let rules = self.cleaning.rules(false);
        let read = |answer: &Answer| match answer {
            Answer::CleanPlan(rows) => Some(rows.clone()),
            _ => None,
        };
        self.plan.take(message, read, || Query::CleanPlan(rules), cx);
        let read = |answer: &Answer| match answer {
            Answer::Doctor(findings) => Some(findings.clone()),
            _ => None,
        };
        self.doctor.take(message, read, || Query::Doctor, cx);
        let rows = self.shown(cx.shared).len();
        self.cursor.clamp(rows, draw::page(cx.shared));
    }

    fn status(&self, shared: &Shared) -> String {
        if let Some(busy) = cleaning::busy(shared) {
            return busy;
        }
        if let Mode::Finding = self.mode {
            return format!("/{}", self.filter.text());
        }
        let locked = self
            .known
            .iter()
            .filter(|setting| setting.locked(&self.files).is_some())
            .count();
        let locked = match locked {
            0 => String::new(),
            1 => " · 1 value is set by something stronger (locked)".to_owned(),
            more => format!(" · {more} values are set by something stronger (locked)"),
        };
        let filter = match self.filter.text() {
            "" => String::new(),
            text => format!(" · filter: {text}"),
        };
        if self.known.is_empty() {
            return String::new();
        }
        format!("saved to {}{locked}{filter}", self.files.config_file.display())
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        draw::view(self, shared, area, buf)
    }
}

fn known(rows: &[(String, String, String)]) -> Vec<Setting> {
    let setting = |(key, value, origin): &(String, String, String)| Setting {
        key: key.clone(),
        value: serde_json::from_str(value).unwrap_or_default(),
        origin: origin.clone(),
    };
    rows.iter().map(setting).collect()
}
