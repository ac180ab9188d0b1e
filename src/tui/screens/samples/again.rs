//! Making samples anew: first what it would cost is found out and told, then a person says yes. The job asks, not this screen.

use crate::core::api::{Answer, Command, Level, MakingAgain, Query, Receipt, SampleQuery};
use crate::core::text::grouped;

use crate::tui::context::Cx;
use crate::tui::keys::Action;
use crate::tui::message::{Message, Ticket};
use crate::tui::overlay::dialog::{cancel, choice};
use crate::tui::overlay::{Dialog, Outcome};
use crate::tui::remote::Remote;

use super::Samples;
use super::bulk::Marks;

/// What is being made anew.
pub(super) struct Again {
    query: SampleQuery,
    found: Remote<MakingAgain>,
    ticket: Option<Ticket>,
}

impl Again {
    /// Whether what it would cost is still being found out.
    pub(super) fn is_underway(&self) -> bool {
        self.found.is_pending()
    }

    /// Nobody wants to know any more.
    pub(super) fn stop(&mut self, cx: &mut Cx) {
        self.found.give_up(cx);
    }
}

impl Samples {
    /// Asks what it would cost.
    pub(super) fn regenerate(&mut self, cx: &mut Cx) {
        let Some((query, _)) = self.targets() else {
            return;
        };
        let mut again = Again {
            query,
            found: Remote::default(),
            ticket: None,
        };
        again.found.ask(Query::MakeAgain(again.query.clone()), cx);
        self.again = Some(again);
    }

    /// Takes the answer, and asks whether it is to be so.
    pub(super) fn take_again(&mut self, message: &Message, cx: &mut Cx) -> bool {
        let Some(again) = &mut self.again else {
            return false;
        };
        let query = Query::MakeAgain(again.query.clone());
        let read = |answer: &Answer| {
            if let Answer::MakingAgain(told) = answer {
                Some(told.clone())
            } else {
                None
            }
        };
        if !again.found.take(message, read, || query, cx) {
            return false;
        }
        if let Some(error) = again.found.error() {
            cx.shared.toast(Level::Error, error.to_string());
            self.again = None;
            return true;
        }
        let Some(told) = again.found.value().cloned() else {
            return true;
        };
        if let Some(job) = told.running.first() {
            let text = format!("{job} is running: pause it first, then regenerate");
            cx.shared.toast(Level::Warning, text);
            self.again = None;
            return true;
        }
        // What another question was about is no longer meant.
        (self.asked, self.export, self.judging) = (None, None, None);
        let dialog = Dialog::ask(
            cx.shared,
            format!("Regenerate {}", many(told.samples, "sample")),
            lines(&told),
            vec![
                cancel("Cancel"),
                choice("Regenerate", "", Outcome::Act(Action::Agreed)),
            ],
        );
        cx.confirm(dialog);
        true
    }

    /// It is to be so. False if nothing was to be made anew.
    pub(super) fn again_agreed(&mut self, cx: &mut Cx) -> bool {
        let Some(again) = &mut self.again else {
            return false;
        };
        again.ticket = Some(cx.order(Command::MakeAgain(again.query.clone()), ""));
        true
    }

    /// Tells what waits to be asked. False if nothing was made anew.
    pub(super) fn made_again(&mut self, message: &Message, cx: &mut Cx) -> bool {
        let Message::Done(ticket, result) = message else {
            return false;
        };
        let ours = |again: &mut Again| again.ticket == Some(*ticket);
        if self.again.take_if(ours).is_none() {
            return false;
        }
        self.marks = Marks::None;
        if let Ok(Receipt::MadeAgain(told)) = result.as_ref().map(|receipt| &**receipt) {
            let text = format!(
                "{} in the queue again: p in Jobs starts {}",
                many(told.tasks, "task"),
                told.jobs.join(", ")
            );
            cx.shared.toast(Level::Ok, text);
        }
        true
    }
}

fn many(many: u64, what: &str) -> String {
    let s = if many == 1 { "" } else { "s" };
    format!("{} {what}{s}", grouped(many))
}

/// What a person has to know first.
fn lines(told: &MakingAgain) -> Vec<String> {
    let mut lines = vec![
        format!(
            "{} of {} asked anew: about {}, {}.",
            many(told.tasks, "task"),
            told.jobs.join(", "),
            many(told.requests, "request"),
            told.usd
        ),
        "u does not take this back.".to_owned(),
    ];
    if told.by_hand > 0 {
        lines.push(format!("{} of them decided by hand.", grouped(told.by_hand)));
    }
    lines.push("What they are now goes; old answers stay as attempts.".to_owned());
    lines
}
