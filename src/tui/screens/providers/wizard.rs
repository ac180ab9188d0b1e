//! Adding or changing a provider, step by step. Nothing is written before it is saved, and no key is ever taken: only where one is found.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::api::{Answer, Command, Failure, KeyState, ProviderKind, Query, Receipt, Tested};
use crate::core::settings::ProviderSettings;
use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{
    Action, MODEL_FIELD, MODELS_OF_DRAFT, PROTOCOL, PROVIDER_FORM, PROVIDER_KINDS, PROVIDER_TEST, Table,
};
use crate::tui::message::{Message, Ticket};
use crate::tui::overlay::Outcome;
use crate::tui::overlay::dialog::{Dialog, cancel, choice};
use crate::tui::remote::Remote;
use crate::tui::screens::View;
use crate::tui::widgets::cursor::Cursor;

use super::browser::Browser;
use super::form::Form;
use super::models::page;
use super::protocol::PAGE;
use super::steps::{Step, apply, form};

/// A provider being added or changed.
pub(crate) struct Wizard {
    pub(super) settings: ProviderSettings,
    /// As it was before.
    before: ProviderSettings,
    new: bool,
    /// Names that are taken.
    taken: Vec<String>,
    pub(super) kinds: Remote<Vec<ProviderKind>>,
    pub(super) cursor: Cursor,
    pub(super) step: Step,
    pub(super) form: Form,
    pub(super) browser: Browser,
    pub(super) key: Remote<KeyState>,
    pub(super) testing: Option<(Ticket, Duration)>,
    pub(super) tested: Option<Result<Tested, Failure>>,
    saving: Option<Ticket>,
    pub(super) failed: Option<Failure>,
    /// How a script talks, scrolled so far.
    pub(super) protocol: Option<usize>,
    leaving: bool,
}

impl Wizard {
    /// A new one; `taken` are the names there are.
    pub(super) fn new(taken: Vec<String>) -> Self {
        Self::at(ProviderSettings::default(), Step::Kind, taken, true)
    }

    /// One that was found: only its models are left to be chosen.
    pub(super) fn found(mut settings: ProviderSettings, taken: Vec<String>) -> Self {
        settings.name = free(&settings.name, &taken);
        Self::at(settings, Step::Models, taken, true)
    }

    /// A configured one, from that step on.
    pub(super) fn of(settings: ProviderSettings, step: Step) -> Self {
        Self::at(settings, step, Vec::new(), false)
    }

    fn at(settings: ProviderSettings, step: Step, taken: Vec<String>, new: bool) -> Self {
        Self {
            before: settings.clone(),
            settings,
            new,
            taken,
            kinds: Remote::default(),
            cursor: Cursor::default(),
            step,
            form: Form::default(),
            browser: Browser::default(),
            key: Remote::default(),
            testing: None,
            tested: None,
            saving: None,
            failed: None,
            protocol: None,
            leaving: false,
        }
    }

    fn kind(&self) -> ProviderKind {
        let kinds = self.kinds.value().map_or(&[][..], Vec::as_slice);
        let found = kinds.iter().find(|kind| kind.kind == self.settings.kind);
        found.cloned().unwrap_or_default()
    }

    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = Step::of(&self.settings.kind);
        if !self.new {
            steps.retain(|step| *step != Step::Kind);
        }
        steps
    }

    /// Opens a step.
    fn go(&mut self, step: Step, cx: &mut Cx) {
        self.step = step;
        self.failed = None;
        self.form = form(step, &self.settings, &self.kind(), self.new);
        match step {
            Step::Key => self.ask_key(cx),
            Step::Models => self.browser.ask(&self.settings, false, cx),
            _ => {}
        }
    }

    /// What one begins with who chose that kind.
    fn blank(&self, kind: &str) -> ProviderSettings {
        ProviderSettings {
            name: free(kind, &self.taken),
            kind: kind.to_owned(),
            ..ProviderSettings::default()
        }
    }

    /// Whether somebody wrote or chose more than the kind: what its fields begin with is nobody's work.
    fn is_written(&self) -> bool {
        let blank = self.blank(&self.settings.kind);
        let begun = |mut settings: ProviderSettings| {
            for step in self.steps() {
                let form = form(step, &settings, &self.kind(), self.new);
                let _ = apply(step, &form, &mut settings);
            }
            settings
        };
        !self.new || begun(self.settings.clone()) != begun(blank)
    }

    fn neighbour(&self, forward: bool) -> Option<Step> {
        let steps = self.steps();
        let at = steps.iter().position(|step| *step == self.step)?;
        let then = if forward { at + 1 } else { at.checked_sub(1)? };
        steps.get(then).copied()
    }

    /// Asks whether the key is where the fields say.
    fn ask_key(&mut self, cx: &mut Cx) {
        let mut settings = self.settings.clone();
        if apply(Step::Key, &self.form, &mut settings).is_ok() {
            self.key.ask(Query::Key(Box::new(settings)), cx);
        }
    }

    /// Takes the fields of this step; false if one is wrong.
    fn take(&mut self) -> bool {
        let mut settings = self.settings.clone();
        let taken = |settings: &ProviderSettings| self.new && self.taken.contains(&settings.name);
        let result = match apply(self.step, &self.form, &mut settings) {
            Ok(()) if self.step == Step::Connection && taken(&settings) => {
                Err((0, "this name is taken".to_owned()))
            }
            other => other,
        };
        match result {
            Ok(()) => {
                if self.settings != settings {
                    self.tested = None;
                }
                self.settings = settings;
                true
            }
            Err((at, why)) => {
                self.form.at = at;
                self.form.wrong = Some((at, why));
                false
            }
        }
    }

    fn go_on(&mut self, cx: &mut Cx) {
        match self.step {
            Step::Kind => {
                let kinds = self.kinds.value().map_or(&[][..], Vec::as_slice);
                let Some(kind) = kinds.get(self.cursor.selected) else {
                    return;
                };
                if self.settings.kind != kind.kind {
                    self.settings = self.blank(&kind.kind);
                }
            }
            Step::Test if self.testing.is_none() && self.tested.is_none() => {
                self.test(cx);
                return;
            }
            Step::Connection | Step::Key | Step::Limits => {
                if self.form.next() {
                    return;
                }
                if !self.take() {
                    return;
                }
            }
            Step::Test | Step::Models => {}
        }
        match self.neighbour(true) {
            Some(step) => self.go(step, cx),
            None => self.save(cx),
        }
    }

    fn test(&mut self, cx: &mut Cx) {
        self.tested = None;
        let command = Command::TestSettings(Box::new(self.settings.clone()));
        self.testing = Some((cx.order_quietly(command), cx.shared.now));
    }

    fn save(&mut self, cx: &mut Cx) {
        if !self.take() || self.saving.is_some() {
            return;
        }
        if self.settings.kind.is_empty() {
            self.failed = Some(wrong("choose a kind first"));
        } else if self.settings.models.is_empty() && !matches!(self.settings.kind.as_str(), "mock") {
            if self.step == Step::Models {
                self.failed = Some(wrong("space chooses a model: without one nothing is asked"));
            } else {
                self.go(Step::Models, cx);
            }
        } else {
            let name = &self.settings.name;
            let command = Command::SaveProvider(Box::new(self.settings.clone()));
            self.saving = Some(cx.order(command, format!("Saved {name}: it is used from now on")));
        }
    }

    fn act(&mut self, action: Action, cx: &mut Cx) {
        match action {
            Action::Continue => self.go_on(cx),
            Action::Save => self.save(cx),
            Action::NextField => {
                self.form.next();
            }
            Action::PreviousField => {
                self.form.previous();
            }
            Action::Test => self.test(cx),
            Action::Protocol => self.protocol = Some(0),
            // What the question at the door leads to.
            Action::Yes => {
                self.leaving = true;
                cx.leave();
            }
            Action::DeleteToStart if self.step != Step::Models => self.form.delete_to_start(),
            action if self.step == Step::Models => {
                let page = page(cx.shared).saturating_sub(2);
                if self.browser.act(action, &mut self.settings, page, cx) {
                    self.failed = None;
                    self.tested = None;
                }
            }
            action if self.step == Step::Kind => {
                let kinds = self.kinds.value().map_or(0, Vec::len);
                self.cursor.act(action, kinds, 6);
            }
            _ => {}
        }
    }

    fn done(&mut self, ticket: Ticket, result: &Result<Box<Receipt>, Box<Failure>>, cx: &mut Cx) {
        if self.testing.is_some_and(|(waiting, _)| waiting == ticket) {
            self.testing = None;
            self.tested = match result {
                Ok(receipt) => match receipt.as_ref() {
                    Receipt::Tested(tested) => Some(Ok(tested.clone())),
                    _ => None,
                },
                Err(failure) => Some(Err(Failure::clone(failure))),
            };
        }
        if self.saving == Some(ticket) {
            self.saving = None;
            match result {
                Ok(_) => {
                    self.leaving = true;
                    cx.leave();
                }
                Err(failure) => self.failed = Some(Failure::clone(failure)),
            }
        }
    }
}

fn wrong(text: &str) -> Failure {
    Failure::new(crate::core::api::FailureKind::Invalid, text)
}

/// The name, or with a number behind it where it is taken.
fn free(name: &str, taken: &[String]) -> String {
    let mut free = name.to_owned();
    let mut number = 2;
    while taken.contains(&free) {
        free = format!("{name}-{number}");
        number += 1;
    }
    free
}

impl View for Wizard {
    fn bindings(&self, _: &Shared) -> &'static Table {
        match self.step {
            _ if self.protocol.is_some() => &PROTOCOL,
            Step::Kind => &PROVIDER_KINDS,
            Step::Test => &PROVIDER_TEST,
            Step::Models if self.browser.typing() => &MODEL_FIELD,
            Step::Models => &MODELS_OF_DRAFT,
            Step::Connection | Step::Key | Step::Limits => &PROVIDER_FORM,
        }
    }

    fn breadcrumb(&self) -> Vec<String> {
        let name = if self.new {
            "New provider"
        } else {
            &self.settings.name
        };
        vec![name.to_owned()]
    }

    fn typing(&self) -> bool {
        match self.step {
            _ if self.protocol.is_some() => false,
            Step::Connection | Step::Key | Step::Limits => true,
            Step::Models => self.browser.typing(),
            Step::Kind | Step::Test => false,
        }
    }

    fn enter(&mut self, cx: &mut Cx) {
        if self.kinds.value().is_none() {
            self.kinds.ask(Query::ProviderKinds, cx);
            self.go(self.step, cx);
        }
    }

    fn back(&mut self, cx: &mut Cx) -> bool {
        if self.leaving {
            return false;
        }
        if self.protocol.take().is_some() || (self.step == Step::Models && self.browser.back()) {
            return true;
        }
        if self.testing.take().is_some() {
            return true;
        }
        // What was typed stays for when one comes back, where it makes sense at all.
        let _ = apply(self.step, &self.form, &mut self.settings);
        if let Some(step) = self.neighbour(false) {
            self.go(step, cx);
            return true;
        }
        if self.settings == self.before || self.settings.kind.is_empty() || !self.is_written() {
            return false;
        }
        let lines = vec!["Nothing of it is written yet.".to_owned()];
        let choices = vec![
            cancel("Go on"),
            choice("Leave without saving", "", Outcome::Act(Action::Yes)),
        ];
        cx.confirm(Dialog::ask(cx.shared, "Leave?", lines, choices));
        true
    }

    fn disabled(&self, action: Action, _: &Shared) -> Option<String> {
        match action {
            Action::Test if self.testing.is_some() => Some("a test is under way".to_owned()),
            Action::Protocol if self.settings.kind != "script" => {
                Some("only a script talks this way".to_owned())
            }
            action if self.step == Step::Models => self.browser.disabled(action, &self.settings),
            _ => None,
        }
    }

    fn wake(&self, shared: &Shared) -> Option<Duration> {
        let (_, since) = self.testing?;
        let elapsed = shared.now.saturating_sub(since).as_secs();
        Some(since + Duration::from_secs(elapsed + 1))
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        match message {
            Message::Act(action) if self.protocol.is_some() => {
                let lines = PAGE.lines().count();
                let mut cursor = Cursor {
                    selected: self.protocol.unwrap_or(0),
                    offset: 0,
                };
                cursor.act(*action, lines, 10);
                self.protocol = Some(cursor.selected);
            }
            Message::Act(action) => self.act(*action, cx),
            Message::Done(ticket, result) => self.done(*ticket, result, cx),
            Message::Key(key) if self.step != Step::Models => {
                if self.form.key(key) && self.step == Step::Key {
                    self.ask_key(cx);
                }
            }
            Message::Paste(text) if self.step != Step::Models => {
                self.form.paste(text);
                if self.step == Step::Key {
                    self.ask_key(cx);
                }
            }
            _ => {
                let kinds = |answer: &Answer| match answer {
                    Answer::ProviderKinds(kinds) => Some(kinds.clone()),
                    _ => None,
                };
                if self.kinds.take(message, kinds, || Query::ProviderKinds, cx) {
                    self.form = form(self.step, &self.settings, &self.kind(), self.new);
                    return;
                }
                let key = |answer: &Answer| match answer {
                    Answer::Key(state) => Some(state.clone()),
                    _ => None,
                };
                let asked = Box::new(self.settings.clone());
                if !self.key.take(message, key, || Query::Key(asked), cx) {
                    self.browser.update(message, &self.settings, cx);
                }
            }
        }
    }

    fn status(&self, shared: &Shared) -> String {
        if self.step == Step::Models {
            return self.browser.status(&self.settings, shared);
        }
        let step = self.steps().iter().position(|step| *step == self.step);
        let all = self.steps().len();
        format!(
            "step {} of {all} · nothing is written before it is saved",
            step.map_or(1, |at| at + 1)
        )
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        self.draw(shared, area, buf)
    }
}
