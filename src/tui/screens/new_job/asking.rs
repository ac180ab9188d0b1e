//! What the wizard asks of the engine whenever the text changes, what it hears, and when the draft is saved.

use crate::core::api::{Answer, CheckReport, Command, EstimateReport, JobSource, Query};
use crate::tui::context::{Cx, Shared};
use crate::tui::message::Message;
use crate::tui::remote::Remote;

use super::work::Origin;
use super::{NewJob, Step, form, now_ms, seeds};

impl NewJob {
    /// Something changed: it is saved and checked soon.
    pub(super) fn touched(&mut self, cx: &Cx) {
        if let Some(work) = &mut self.work {
            work.unsaved = Some(cx.shared.now);
        }
    }

    /// A change that is complete: checked at once.
    pub(super) fn changed(&mut self, cx: &mut Cx) {
        self.touched(cx);
        self.refresh(cx);
        self.load_pads(cx.shared);
        let page = self.page(cx.shared);
        let lines = self.lines(cx.shared);
        form::skip_headings(&lines, &mut self.cursors[self.step.0.at()], true, page);
    }

    /// Saves the draft, if something is not saved.
    pub(super) fn save(&mut self, cx: &mut Cx) {
        if let Some(command) = self.saving(cx.shared) {
            cx.order(command, "");
        }
    }

    pub(super) fn saving(&mut self, shared: &Shared) -> Option<Command> {
        self.note_caret();
        let step = self.step.0;
        let work = self.work.as_mut()?;
        work.unsaved.take()?;
        self.saved_ms = Some(now_ms(shared));
        Some(Command::SaveDraft {
            id: work.id.clone(),
            text: work.saved(step),
        })
    }

    /// Asks what depends on the text, where it changed.
    pub(super) fn refresh(&mut self, cx: &mut Cx) {
        let Some(work) = &self.work else { return };
        let (text, source) = (work.text(), work.source());
        if text != self.checked {
            self.checked.clone_from(&text);
            self.check.ask(Query::Check(source.clone()), cx);
        }
        let wants_cost = matches!(
            self.step.0,
            Step::Prompts | Step::Limits | Step::DryRun | Step::Launch
        );
        if wants_cost && text != self.estimated {
            self.estimated = text;
            self.estimate.ask(Query::Estimate(source), cx);
        }
        if self.step.0 == Step::Limits {
            self.ask_made_from(cx);
        }
        let Some(work) = &self.work else { return };
        let seeds = work.seeds_alone();
        if seeds != self.looked_at {
            self.looked_at = seeds;
            self.rows_at_most = seeds::FIRST_LOOK;
            self.look(cx);
        }
    }

    /// Asks what the stored job says that this one is made from: its canary knows more than an estimate.
    fn ask_made_from(&mut self, cx: &mut Cx) {
        let Some(work) = &self.work else { return };
        let (Origin::Template(name) | Origin::Job(name)) = &work.origin else {
            return;
        };
        let stored = cx.shared.jobs.iter().any(|job| job.name == *name);
        let asked = self.made_from.as_ref().is_some_and(|(job, _)| job == name);
        if !stored || asked {
            return;
        }
        let mut remote = Remote::default();
        remote.ask(Query::Estimate(JobSource::Name(name.clone())), cx);
        self.made_from = Some((name.clone(), remote));
    }

    pub(super) fn ask_world(&mut self, cx: &mut Cx) {
        self.gallery_ask(cx);
        self.kinds.refresh(Query::Validators, cx);
        self.teachers.refresh(Query::Teachers, cx);
    }

    pub(super) fn reply(&mut self, message: &Message, cx: &mut Cx) {
        let again = || Query::Check(JobSource::Name(String::new()));
        let check = |answer: &Answer| match answer {
            Answer::Check(report) => Some(CheckReport::clone(report)),
            _ => None,
        };
        let estimate = |answer: &Answer| match answer {
            Answer::Estimate(report) => Some(EstimateReport::clone(report)),
            _ => None,
        };
        let kinds = |answer: &Answer| match answer {
            Answer::Kinds(kinds) => Some(kinds.clone()),
            _ => None,
        };
        let teachers = |answer: &Answer| match answer {
            Answer::Teachers(teachers) => Some(teachers.clone()),
            _ => None,
        };
        if let Some((job, remote)) = &mut self.made_from {
            let again = || Query::Estimate(JobSource::Name(job.clone()));
            remote.take(message, estimate, again, cx);
        }
        let taken = self.check.take(message, check, again, cx)
            || self.estimate.take(message, estimate, again, cx)
            || self.kinds.take(message, kinds, || Query::Validators, cx)
            || self.teachers.take(message, teachers, || Query::Teachers, cx);
        if !taken {
            self.seeds_reply(message, cx);
            self.files_reply(message, cx);
            self.gallery_reply(message, cx);
        }
        self.lint();
    }
}
