//! What a person says in a visit, and takes back: each word goes to the outbox and the next place comes. The visit itself is
//! [`super::session`]'s business.

use std::time::Duration;

use crate::core::api::{Command, Level, Saying};
use crate::core::review::{Outcome, REASONS};

use crate::tui::context::{Cx, Shared};

use super::session::{AHEAD, Session, Spoken};
use super::word::{count, counted, reason};

/// A digit so soon after a rejection is its reason.
const REASON: Duration = Duration::from_secs(2);

impl Session {
    /// Side A or B is better: which of the pair that is was drawn when the queue was made.
    pub(super) fn side(&mut self, a: bool, cx: &mut Cx) {
        let Some(item) = self.current() else { return };
        let first = a != item.place.item.swapped;
        self.say(if first { Outcome::First } else { Outcome::Second }, None, cx);
    }

    pub(super) fn say(&mut self, outcome: Outcome, reason: Option<String>, cx: &mut Cx) {
        let Some(item) = self.current() else { return };
        let saying = Saying {
            outcome,
            reason: reason.clone(),
            took_ms: self.took(cx.shared),
            blind: self.is_blind(),
            text: None,
        };
        let (queue, place) = (self.id, item.place.place);
        let say = Command::Say { queue, place, saying };
        self.outbox.push(say, cx);
        self.spoken(outcome, reason, cx);
    }

    fn took(&self, shared: &Shared) -> u64 {
        shared.now.saturating_sub(self.shown_at).as_millis() as u64
    }

    /// The word is said: the next one comes.
    pub(super) fn spoken(&mut self, outcome: Outcome, reason: Option<String>, cx: &mut Cx) {
        let (took_ms, blind) = (self.took(cx.shared), self.is_blind());
        if let Some(item) = self.ahead.pop_front() {
            self.words.push(Spoken {
                item,
                outcome,
                reason,
                took_ms,
                blind,
                at: cx.shared.now,
            });
        }
        self.show(cx);
        if self.ahead.len() < AHEAD && !self.ended && !self.page.is_pending() {
            self.fetch(cx);
        }
    }

    /// The reason of the rejection just made, or of the one to come.
    pub(super) fn because(&mut self, digit: u8, cx: &mut Cx) {
        let now = cx.shared.now;
        let last = self.words.last_mut().filter(|spoken| {
            let no_reason = spoken.outcome == Outcome::Rejected && spoken.reason.is_none();
            no_reason && now < spoken.at + REASON
        });
        let Some(spoken) = last else {
            self.digit = Some(digit);
            return;
        };
        spoken.reason = Some(reason(digit));
        let command = Command::Because {
            queue: self.id,
            place: spoken.item.place.place,
            reason: reason(digit),
        };
        self.outbox.push(command, cx);
    }

    pub(super) fn stick(&mut self, cx: &mut Cx) {
        if self.sticky.take().is_some() {
            return;
        }
        let last = self.words.last().and_then(|spoken| spoken.reason.as_deref());
        let known = |words: &str| REASONS.iter().position(|reason| *reason == words);
        let last = last.and_then(known).map(|at| at as u8 + 1);
        self.sticky = self.digit.take().or(last);
        if self.sticky.is_none() {
            cx.shared
                .toast(Level::Ok, "Press a reason's digit first, then s keeps it");
        }
    }

    /// The last word is taken back and its place shown again: of this visit, else the newest of an earlier one.
    pub(super) fn undo(&mut self, cx: &mut Cx) {
        let queue = self.id;
        if let Some(spoken) = self.words.pop() {
            let place = spoken.item.place.place;
            self.ahead.push_front(spoken.item);
            self.outbox.push(Command::Unsay { queue, place }, cx);
            self.show(cx);
            return;
        }
        if !self.outbox.is_empty() || self.report.is_pending() {
            return;
        }
        let last = self
            .report
            .value()
            .and_then(|report| report.last.first().cloned());
        let (Some(last), Some((tally, matched))) = (last, &mut self.base) else {
            return;
        };
        if let Some(word) = &last.word {
            let seen = u64::from(!word.blind);
            count(tally, word.outcome, -1);
            tally.took_ms = tally.took_ms.saturating_sub(word.took_ms);
            tally.unblinded = tally.unblinded.saturating_sub(seen);
            counted(matched, word.outcome, last.item.swapped, -1);
            matched.took_ms = matched.took_ms.saturating_sub(word.took_ms);
            matched.unblinded = matched.unblinded.saturating_sub(seen);
        }
        self.ahead.clear();
        self.again = Some(last.place);
        let place = last.place;
        self.outbox.push(Command::Unsay { queue, place }, cx);
        self.show(cx);
    }

    pub(super) fn flag(&mut self, cx: &mut Cx) {
        let Some(item) = self.ahead.front_mut() else {
            return;
        };
        item.flagged = !item.flagged;
        let (sample, on) = (item.sample.id.clone(), item.flagged);
        self.outbox.push(Command::Flag { sample, on }, cx);
    }

    /// The text goes to be checked; the sample is decided when it was taken.
    pub(super) fn accept_edit(&mut self, cx: &mut Cx) {
        let (took_ms, blind) = (self.took(cx.shared), self.is_blind());
        let Some(editing) = self.editing.as_mut().filter(|editing| !editing.sent) else {
            return;
        };
        editing.error = None;
        editing.sent = true;
        editing.typing = false;
        let saying = Saying {
            outcome: Outcome::Edited,
            reason: None,
            took_ms,
            blind,
            text: Some(editing.text.lines().join("\n")),
        };
        let (queue, place) = (self.id, editing.place);
        self.outbox.push(Command::Say { queue, place, saying }, cx);
    }
}
