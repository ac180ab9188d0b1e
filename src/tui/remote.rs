//! A value that lives behind the driving port: what is known, what was asked, what went wrong.

use std::time::Duration;

use crate::core::api::{Answer, Failure, Query};

use super::context::{Cx, Shared};
use super::message::{Effect, Message, Ticket};

/// A value asked from the engine. The old value stays readable while a new one loads; an answer to an older question is dropped.
#[derive(Debug)]
pub(crate) struct Remote<T> {
    value: Option<T>,
    pending: Option<Ticket>,
    stale: bool,
    error: Option<Failure>,
    asked: Duration,
}

impl<T> Default for Remote<T> {
    fn default() -> Self {
        Self {
            value: None,
            pending: None,
            stale: false,
            error: None,
            asked: Duration::ZERO,
        }
    }
}

impl<T> Remote<T> {
    /// How long an unanswered question stays unmentioned.
    pub(crate) const QUIET: Duration = Duration::from_millis(150);

    /// Asks, whatever was asked before.
    pub(crate) fn ask(&mut self, query: Query, cx: &mut Cx) {
        self.asked = cx.shared.now;
        self.stale = false;
        self.pending = Some(cx.ask(query));
    }

    /// Gives up the question that is on its way, so that a new one does not wait behind it.
    pub(crate) fn give_up(&mut self, cx: &mut Cx) {
        if let Some(ticket) = self.pending.take() {
            cx.forget(ticket);
        }
    }

    /// Gives it up on the way out, where nothing can be asked any more.
    pub(crate) fn abandon(&mut self, shared: &mut Shared) {
        if let Some(ticket) = self.pending.take() {
            shared.outbox.push(Effect::Forget(ticket));
        }
    }

    /// Asks again; while an answer is on its way that is remembered and done once after it.
    pub(crate) fn refresh(&mut self, query: Query, cx: &mut Cx) {
        if self.pending.is_some() {
            self.stale = true;
        } else {
            self.ask(query, cx);
        }
    }

    /// Takes the answer that was asked for. True if `message` was it; `query` is asked once more if that was remembered.
    pub(crate) fn take(
        &mut self,
        message: &Message,
        read: impl FnOnce(&Answer) -> Option<T>,
        query: impl FnOnce() -> Query,
        cx: &mut Cx,
    ) -> bool {
        let Message::Reply(ticket, result) = message else {
            return false;
        };
        if self.pending != Some(*ticket) {
            return false;
        }
        self.pending = None;
        match result {
            Ok(answer) => {
                self.error = None;
                self.value = read(answer);
            }
            Err(failure) => self.error = Some(Failure::clone(failure)),
        }
        if self.stale {
            self.ask(query(), cx);
        }
        true
    }

    /// Changes what is known, until the next answer says how it is.
    pub(crate) fn amend(&mut self, change: impl FnOnce(&mut T)) {
        if let Some(value) = &mut self.value {
            change(value);
        }
    }

    /// What is known.
    pub(crate) fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// What went wrong last.
    pub(crate) fn error(&self) -> Option<&Failure> {
        self.error.as_ref()
    }

    /// Whether an answer is on its way.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Whether the wait is long enough to be mentioned.
    pub(crate) fn is_slow(&self, now: Duration) -> bool {
        self.is_pending() && now >= self.asked + Self::QUIET
    }

    /// Whether the last question is older than `age`.
    pub(crate) fn older_than(&self, age: Duration, now: Duration) -> bool {
        now >= self.asked + age
    }
}
