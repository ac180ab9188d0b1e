//! Judging samples again from what is stored: first what would change is found out and told, then a person says yes.

use crate::core::api::{Answer, Command, Level, Query, Rejudged, SampleQuery, StateChange};
use crate::core::sample::{Reason, SampleState};
use crate::core::text::grouped;

use crate::tui::context::Cx;
use crate::tui::keys::Action;
use crate::tui::message::Message;
use crate::tui::overlay::dialog::{cancel, choice};
use crate::tui::overlay::{Dialog, Outcome};
use crate::tui::remote::Remote;

use super::Samples;

/// Changes told one by one.
const TOLD: usize = 6;

/// What is being judged again.
pub(super) struct Judging {
    query: SampleQuery,
    found: Remote<Rejudged>,
}

impl Judging {
    /// Whether what would change is still being found out.
    pub(super) fn is_underway(&self) -> bool {
        self.found.is_pending()
    }

    /// Nobody wants to know any more.
    pub(super) fn stop(&mut self, cx: &mut Cx) {
        self.found.give_up(cx);
    }
}

impl Samples {
    /// Asks what would change.
    pub(super) fn judge_again(&mut self, cx: &mut Cx) {
        let Some((query, _)) = self.targets() else {
            return;
        };
        let mut judging = Judging {
            query,
            found: Remote::default(),
        };
        let query = Query::RejudgeSome(judging.query.clone());
        judging.found.ask(query, cx);
        self.judging = Some(judging);
    }

    /// Takes the answer, and asks whether it is to be so.
    pub(super) fn take_judging(&mut self, message: &Message, cx: &mut Cx) -> bool {
        let Some(judging) = &mut self.judging else {
            return false;
        };
        let again = Query::RejudgeSome(judging.query.clone());
        let read = |answer: &Answer| {
            if let Answer::Rejudged(report) = answer {
                Some(Rejudged::clone(report))
            } else {
                None
            }
        };
        if !judging.found.take(message, read, || again, cx) {
            return false;
        }
        if let Some(error) = judging.found.error() {
            cx.shared.toast(Level::Error, error.to_string());
            self.judging = None;
            return true;
        }
        let Some(report) = judging.found.value().cloned() else {
            return true;
        };
        let changed = report.changed();
        if changed == 0 {
            self.judging = None;
            let mut text = format!("Judged {} again: nothing changes", samples(report.samples));
            for note in notes(&report) {
                text = format!("{text}; {note}");
            }
            cx.shared.toast(Level::Ok, text);
            return true;
        }
        let mut lines: Vec<String> = report.changes.iter().take(TOLD).map(told).collect();
        if report.changes.len() > TOLD {
            lines.push(format!(
                "and {} kinds of changes more",
                report.changes.len() - TOLD
            ));
        }
        lines.extend(notes(&report));
        lines.push("No teacher is asked. u takes all of it back.".to_owned());
        // What another question was about is no longer meant.
        (self.asked, self.export, self.again) = (None, None, None);
        let agreed = choice("Change them", "", Outcome::Act(Action::Agreed));
        let title = format!("Judged again: {} change", samples(changed));
        let dialog = Dialog::ask(cx.shared, title, lines, vec![cancel("Cancel"), agreed]);
        cx.confirm(dialog);
        true
    }

    /// It is to be so. False if nothing was judged again.
    pub(super) fn judge_agreed(&mut self, cx: &mut Cx) -> bool {
        let Some(judging) = self.judging.take() else {
            return false;
        };
        let order = Command::RejudgeSome(judging.query);
        cx.order(order, "Judged again (u takes it back)");
        true
    }
}

fn samples(many: u64) -> String {
    let s = if many == 1 { "" } else { "s" };
    format!("{} sample{s}", grouped(many))
}

/// What stays, and why.
fn notes(report: &Rejudged) -> Vec<String> {
    let mut notes = Vec::new();
    if report.by_hand > 0 {
        notes.push(format!("{} decided by hand stay", grouped(report.by_hand)));
    }
    if report.not_rejudged > 0 {
        let many = grouped(report.not_rejudged);
        notes.push(format!("{many} stay: a judge would have to be asked"));
    }
    notes
}

fn told(change: &StateChange) -> String {
    let word = |state: SampleState, reason: Option<Reason>| match reason {
        Some(reason) => format!("{} ({})", state.word(), reason.word()),
        None => state.word().to_owned(),
    };
    let (from, to) = (
        word(change.from, change.from_reason),
        word(change.to, change.to_reason),
    );
    format!("{} {from} → {to}", grouped(change.count))
}
