//! Review: a person chooses a queue ([`start`]) and goes through it place by place ([`session`]), deciding about one sample or saying
//! which of two is better. Every word is saved at once; leaving loses nothing.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::job::JobScreen;
use super::{Screen, View};
use crate::core::review::QueueKind;
use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, Table};
use crate::tui::message::Message;

mod answer;
mod comparing;
mod deciding;
mod editing;
mod ending;
mod outbox;
mod saying;
mod session;
mod showing;
mod start;
mod whole;
mod word;

use session::{Session, Then};
use start::Start;

/// Review.
#[derive(Default)]
pub(crate) struct Review {
    start: Start,
    session: Option<Box<Session>>,
}

impl Review {
    /// Whose samples are decided about, where that is one job.
    fn job(&self) -> Option<&str> {
        let job = match &self.session {
            Some(session) => session.spec().map(|spec| spec.job.as_str()),
            None => self.start.job(),
        };
        job.filter(|job| !job.is_empty())
    }

    fn close(&mut self, cx: &mut Cx) {
        self.session = None;
        self.start.enter(cx);
    }
}

impl View for Review {
    fn bindings(&self, shared: &Shared) -> &'static Table {
        let session = self.session.as_ref();
        session.map_or_else(|| self.start.bindings(), |session| session.bindings(shared.now))
    }

    fn breadcrumb(&self) -> Vec<String> {
        let mut parts = vec!["Review".to_owned()];
        match &self.session {
            None => {}
            Some(session) if session.kind == QueueKind::Compare => parts.push("compare".to_owned()),
            Some(session) => parts.extend(session.spec().map(|spec| match spec.job.as_str() {
                "" => "all jobs".to_owned(),
                job => job.to_owned(),
            })),
        }
        parts
    }

    fn typing(&self) -> bool {
        let session = self.session.as_ref();
        session.map_or(self.start.field.is_some(), |session| session.typing())
    }

    fn enter(&mut self, cx: &mut Cx) {
        if let Some(filter) = cx.shared.review_from.take() {
            self.session = None;
            self.start.choose(filter);
        }
        match &mut self.session {
            Some(session) => session.enter(cx),
            None => self.start.enter(cx),
        }
    }

    fn back(&mut self, cx: &mut Cx) -> bool {
        match &mut self.session {
            None => self.start.field.take().is_some(),
            Some(session) => {
                if !session.back(cx) {
                    session.flush(cx);
                    self.close(cx);
                }
                true
            }
        }
    }

    fn disabled(&self, action: Action, _: &Shared) -> Option<String> {
        if action == Action::Report && self.job().is_none() {
            return Some("one job has to be chosen: each has judges of its own".to_owned());
        }
        match &self.session {
            Some(session) => session.disabled(action),
            None => self.start.disabled(action),
        }
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        if let (Message::Act(Action::Report), Some(job)) = (message, self.job()) {
            let screen = JobScreen::judges(job.to_owned());
            return cx.open(Screen::Job(Box::new(screen)));
        }
        let Some(session) = &mut self.session else {
            if let Some((queue, from, kind)) = self.start.update(message, cx) {
                self.session = Some(Box::new(Session::begin(queue, from, kind, cx)));
            }
            return;
        };
        match session.update(message, cx) {
            Then::Stay => {}
            Then::Choose => self.close(cx),
            Then::ChooseOther => {
                self.start.toggle();
                self.close(cx);
            }
        }
    }

    fn status(&self, shared: &Shared) -> String {
        match &self.session {
            Some(session) => session.status(shared),
            None => self.start.status(),
        }
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        match &self.session {
            Some(session) => session.view(shared, area, buf),
            None => self.start.view(shared, area, buf),
        }
    }
}
