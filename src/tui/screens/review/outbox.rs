//! Orders that must be carried out in the order they were given: the next one leaves when the one before is done.

use std::collections::VecDeque;

use crate::core::api::{Command, Failure};

use crate::tui::context::Cx;
use crate::tui::message::{Message, Ticket};

/// What became of an order.
pub(super) enum Delivered {
    /// It was not one of ours.
    NotOurs,
    /// Carried out; more are on their way.
    Yes,
    /// Carried out, and nothing is left.
    All,
    /// Refused; what waited behind it is forgotten.
    No(Failure),
}

/// Orders on their way, one at a time.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Command>,
    sent: Option<Ticket>,
}

impl Outbox {
    /// Sends an order after those before it.
    pub(super) fn push(&mut self, command: Command, cx: &mut Cx) {
        self.waiting.push_back(command);
        self.send(cx);
    }

    fn send(&mut self, cx: &mut Cx) {
        if self.sent.is_none()
            && let Some(command) = self.waiting.pop_front()
        {
            self.sent = Some(cx.order(command, ""));
        }
    }

    /// Whether nothing is on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_none()
    }

    /// Hears what became of an order.
    pub(super) fn hear(&mut self, message: &Message, cx: &mut Cx) -> Delivered {
        let Message::Done(ticket, result) = message else {
            return Delivered::NotOurs;
        };
        if self.sent != Some(*ticket) {
            return Delivered::NotOurs;
        }
        self.sent = None;
        if let Err(failure) = result {
            self.waiting.clear();
            return Delivered::No(Failure::clone(failure));
        }
        self.send(cx);
        if self.is_empty() {
            Delivered::All
        } else {
            Delivered::Yes
        }
    }

    /// The screen was covered and did not hear: what is no longer on its way has arrived.
    pub(super) fn catch_up(&mut self, cx: &mut Cx) {
        let sent = self.sent;
        if !cx.shared.orders.iter().any(|order| Some(order.ticket) == sent) {
            self.sent = None;
            self.send(cx);
        }
    }

    /// Sends all that is left at once: nobody will be there to hear of each.
    pub(super) fn flush(&mut self, cx: &mut Cx) {
        for command in self.waiting.drain(..) {
            cx.order(command, "");
        }
    }
}
