//! What a visit to a queue shows in each of its states (loading, failed, deciding, comparing, over): its keys, figures, status line
//! and picture. Reads a [`Session`], changes nothing.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::review::agreement::{Match, Tally};
use crate::core::review::{QueueItem, QueueKind};

use crate::tui::context::Shared;
use crate::tui::keys::{Action, COMPARING, REVIEW_EDIT, REVIEW_FIELD, REVIEWED, REVIEWING, Table};
use crate::tui::text::put;
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::{empty, failure, pane};

use super::session::Session;
use super::word::{count, counted, reason, told};
use super::{comparing, deciding, ending};

/// How much of the prompt is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Fold {
    /// As much as there is room for beside the answer.
    #[default]
    Usual,
    /// A line.
    Folded,
    /// All of it.
    Whole,
}

/// Which side of a pair is shown where there is no room for both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Zoom {
    /// Both.
    #[default]
    Both,
    /// Only A.
    A,
    /// Only B.
    B,
}

impl Session {
    pub(super) fn bindings(&self, now: Duration) -> &'static Table {
        // A key that is still held after the last place means what it meant there.
        let over = self.is_over() && (self.words.is_empty() || now >= self.deaf_until);
        match self.kind {
            _ if self.field.is_some() => &REVIEW_FIELD,
            _ if self.is_typing() => &REVIEW_EDIT,
            _ if over => &REVIEWED,
            QueueKind::Decide => &REVIEWING,
            QueueKind::Compare => &COMPARING,
        }
    }

    /// The figures with this visit's words.
    pub(super) fn figures(&self) -> (Tally, Match) {
        let (mut tally, mut matched) = self.base.clone().unwrap_or_default();
        for spoken in &self.words {
            count(&mut tally, spoken.outcome, 1);
            tally.took_ms += spoken.took_ms;
            tally.unblinded += u64::from(!spoken.blind);
            counted(&mut matched, spoken.outcome, spoken.item.place.item.swapped, 1);
            matched.took_ms += spoken.took_ms;
            matched.unblinded += u64::from(!spoken.blind);
        }
        // What only the ledger can tell is as it told it last.
        if let Some(report) = self.report.value() {
            (tally.kappa, tally.judged, tally.same) =
                (report.tally.kappa, report.tally.judged, report.tally.same);
            tally.reasons.clone_from(&report.tally.reasons);
        }
        (tally, matched)
    }

    /// Places with a word.
    pub(super) fn done(&self) -> u64 {
        let (tally, matched) = self.figures();
        match self.kind {
            QueueKind::Decide => tally.accepted + tally.edited + tally.rejected + tally.skipped,
            QueueKind::Compare => matched.decided() + matched.ties + matched.both_bad + matched.skipped,
        }
    }

    pub(super) fn disabled(&self, action: Action) -> Option<String> {
        let needs_item = matches!(
            action,
            Action::Accept
                | Action::Reject
                | Action::Edit
                | Action::Skip
                | Action::Flag
                | Action::Reveal
                | Action::ReadAll
                | Action::SideA
                | Action::SideB
                | Action::Tie
                | Action::BothBad
        );
        let nothing_said =
            self.words.is_empty() && self.report.value().is_none_or(|report| report.last.is_empty());
        match action {
            _ if needs_item && self.current().is_none() && !self.is_over() => {
                Some("the next one is not here yet".to_owned())
            }
            Action::Undo if nothing_said => Some("nothing was said in this queue yet".to_owned()),
            Action::Guideline if self.spec().is_none_or(|spec| spec.guideline.is_empty()) => {
                Some("this queue has no guideline".to_owned())
            }
            Action::Reveal if !self.is_blind() => Some("it is shown already".to_owned()),
            _ => None,
        }
    }

    pub(super) fn status(&self, shared: &Shared) -> String {
        if self.is_over() {
            return "every word is saved".to_owned();
        }
        if let Some(editing) = self
            .editing
            .as_ref()
            .filter(|editing| editing.sent || editing.typing)
        {
            let at = editing.text.cursor();
            return format!("editing the answer · line {} column {}", at.0 + 1, at.1 + 1);
        }
        let mode = match self.kind {
            QueueKind::Decide => "REVIEW",
            QueueKind::Compare => "COMPARE",
        };
        let wide = shared.size.width >= 100;
        let saved = if wide {
            "every word is saved at once"
        } else {
            "saved"
        };
        let last = self.words.last().map(|spoken| {
            let told = told(
                spoken.outcome,
                spoken.reason.as_deref(),
                spoken.item.place.item.swapped,
            );
            let saved = if self.is_saved() { "(u undo)" } else { "…" };
            format!(" · last: {told} {saved}")
        });
        let next = self
            .digit
            .map(|digit| format!(" · {} · x rejects", reason(digit)));
        let note = next.or(last).unwrap_or_default();
        let draft = if self.editing.is_some() {
            " · edited text waits (e)"
        } else {
            ""
        };
        format!("{mode} · {saved}{note}{draft}")
    }

    pub(super) fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        if self.is_over() {
            ending::view(self, shared, area, buf);
            return self.field.as_ref().map(|field| {
                let line = Rect {
                    y: area.bottom().saturating_sub(2),
                    height: 1,
                    ..area
                };
                put(
                    buf,
                    line,
                    0,
                    0,
                    &" ".repeat(usize::from(line.width)),
                    shared.style(Slot::Fg),
                );
                let at = 3 + put(buf, line, 2, 0, "Write to: ", shared.style(Slot::Match));
                field.draw(buf, line, at, 0, shared.style(Slot::Match))
            });
        }
        if self.current().is_some() {
            return match self.kind {
                QueueKind::Decide => deciding::view(self, shared, area, buf),
                QueueKind::Compare => {
                    comparing::view(self, shared, area, buf);
                    None
                }
            };
        }
        let inner = pane(buf, area, "Review", "", true, shared);
        let error = self.page.error().or(self.report.error());
        if let Some(error) = error {
            failure(buf, inner, error, shared);
        } else if self.page.is_slow(shared.now) || self.report.is_slow(shared.now) {
            empty(buf, inner, &["Loading the next one …"], shared);
        }
        None
    }

    /// Last words of earlier visits, newest first.
    pub(super) fn earlier(&self) -> impl Iterator<Item = &QueueItem> {
        let last = self.report.value().map_or(&[][..], |report| &report.last);
        let said = |place: u32| self.words.iter().any(|spoken| spoken.item.place.place == place);
        let open = |place: u32| self.ahead.iter().any(|item| item.place.place == place);
        last.iter()
            .filter(move |item| !said(item.place) && !open(item.place))
    }
}
