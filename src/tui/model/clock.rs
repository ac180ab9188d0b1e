//! Time in the model: when the picture next changes by itself, and what passes with a tick. The only clock is the one that is told.

use std::time::Duration;

use super::Model;
use crate::tui::message::{Effect, Message};
use crate::tui::screens::closed;

impl Model {
    /// When the picture next changes by itself, if it does.
    pub fn wake(&self) -> Option<Duration> {
        let toasts = self.shared.toasts.iter().filter_map(|toast| toast.until);
        let hint = self.shared.hint.as_ref().map(|(_, until)| *until);
        let screen = self.top().view().wake(&self.shared);
        toasts
            .chain(hint)
            .chain(self.patience)
            .chain(self.opening_said())
            .chain(screen)
            .chain(self.poll())
            .chain(self.memory.due())
            .min()
    }

    /// When more is to be said about the database being opened.
    fn opening_said(&self) -> Option<Duration> {
        let (_, since) = self.shared.opening?;
        let waited = self.shared.now.saturating_sub(since);
        Some(if waited < closed::QUIET {
            since + closed::QUIET
        } else {
            since + Duration::from_secs(waited.as_secs() + 1)
        })
    }

    /// When to look again by itself: while it only watches another engine, or counts seconds down.
    fn poll(&self) -> Option<Duration> {
        let every = match (&self.shared.stopping, &self.shared.options.held_by) {
            (Some(_), _) => 1,
            (None, Some(_)) => 2,
            (None, None) => return None,
        };
        Some(Duration::from_secs(
            (self.shared.now.as_secs() / every + 1) * every,
        ))
    }

    pub(super) fn tick(&mut self, now: Duration) -> Vec<Effect> {
        if now < self.shared.now {
            return Vec::new();
        }
        let (before, poll) = (self.wake(), self.poll());
        self.shared.now = now;
        if before.is_none_or(|at| now < at) {
            return Vec::new();
        }
        let is_due = self.memory.due().is_some_and(|at| at <= now);
        let keep = is_due.then(|| self.unkept()).flatten();
        let mut effects: Vec<Effect> = keep.map(Effect::Keep).into_iter().collect();
        let looks = poll.is_some_and(|at| at <= now);
        if !looks && self.wake().is_none_or(|at| now < at) {
            return effects;
        }
        self.shared
            .toasts
            .retain(|toast| toast.until.is_none_or(|until| now < until));
        self.shared.hint = self.shared.hint.take().filter(|(_, until)| now < *until);
        self.patience = self.patience.filter(|at| now < *at);
        self.dirty = true;
        let woken = self.top().view().wake(&self.shared).is_some_and(|at| at <= now);
        if woken || looks && self.shared.view_only().is_some() {
            effects.extend(self.with_top(|screen, cx| screen.view_mut().update(&Message::Tick(now), cx)));
        }
        effects
    }
}
