//! What is marked, and doing something to all of it: one transaction after the other, with a way to stop in between.

use std::collections::BTreeSet;

use crate::core::api::{Command, Level, Receipt, SampleQuery};
use crate::core::journal::EntryId;
use crate::core::ports::{Decided, SamplePlace};
use crate::core::sample::SampleId;
use crate::core::text::grouped;

use crate::tui::context::Cx;
use crate::tui::message::{Message, Ticket};

/// What a person marked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Marks {
    /// Nothing.
    #[default]
    None,
    /// These.
    Some(BTreeSet<SampleId>),
    /// All that match the filter.
    All,
}

impl Marks {
    pub(super) fn has(&self, id: &SampleId) -> bool {
        match self {
            Self::None => false,
            Self::Some(ids) => ids.contains(id),
            Self::All => true,
        }
    }

    pub(super) fn toggle(&mut self, id: &SampleId) {
        match self {
            // Taking one out of all is a wish for something else: a filter says it better.
            Self::None | Self::All => *self = Self::Some(BTreeSet::from([id.clone()])),
            Self::Some(ids) => {
                if !ids.remove(id) {
                    ids.insert(id.clone());
                }
                if ids.is_empty() {
                    *self = Self::None;
                }
            }
        }
    }

    pub(super) fn add(&mut self, more: impl Iterator<Item = SampleId>) {
        let mut ids = match std::mem::take(self) {
            Self::Some(ids) => ids,
            Self::None | Self::All => BTreeSet::new(),
        };
        ids.extend(more);
        *self = Self::Some(ids);
    }

    /// Those that were marked one by one.
    pub(super) fn ids(&self) -> Vec<SampleId> {
        match self {
            Self::Some(ids) => ids.iter().cloned().collect(),
            Self::None | Self::All => Vec::new(),
        }
    }
}

/// A bulk on its way.
pub(super) struct Bulk {
    filter: SampleQuery,
    decided: Decided,
    /// How many it will be, where that is known.
    pub(super) all: Option<u64>,
    pub(super) done: u64,
    entry: Option<EntryId>,
    ticket: Option<Ticket>,
    stopped: bool,
}

impl Bulk {
    pub(super) fn of(filter: SampleQuery, decided: Decided, all: Option<u64>) -> Self {
        Self {
            filter,
            decided,
            all,
            done: 0,
            entry: None,
            ticket: None,
            stopped: false,
        }
    }

    /// What it does, for a question; what it is doing; what it did.
    pub(super) fn verbs(&self) -> [&'static str; 3] {
        match self.decided {
            Decided::Accept => ["Accept", "Accepting", "Accepted"],
            Decided::Tag(_) => ["Tag", "Tagging", "Tagged"],
            _ => ["Reject", "Rejecting", "Rejected"],
        }
    }

    /// Begins it, or goes on after that sample.
    pub(super) fn go(&mut self, after: Option<SamplePlace>, cx: &mut Cx) {
        let order = Command::Bulk {
            filter: self.filter.clone(),
            decided: self.decided.clone(),
            more_of: self.entry,
            after,
        };
        self.ticket = Some(cx.order(order, ""));
    }

    /// No further transaction; what is done stays.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    /// Takes the receipt of a transaction and goes on; true once there is no more to come.
    pub(super) fn take(&mut self, message: &Message, cx: &mut Cx) -> bool {
        let Message::Done(ticket, result) = message else {
            return false;
        };
        if self.ticket != Some(*ticket) {
            return false;
        }
        self.ticket = None;
        let Ok(Receipt::Bulk(done)) = result.as_ref().map(|receipt| &**receipt) else {
            return true;
        };
        self.done += done.changed;
        self.entry = done.entry;
        match done.next {
            Some(next) if !self.stopped => {
                self.go(Some(next), cx);
                false
            }
            next => {
                let stopped = if next.is_some() {
                    " · stopped, what is done stays"
                } else {
                    ""
                };
                let text = format!("{} {}{stopped} · u undo", self.verbs()[2], grouped(self.done));
                let level = if next.is_some() { Level::Warning } else { Level::Ok };
                cx.shared.toast(level, text);
                true
            }
        }
    }
}
