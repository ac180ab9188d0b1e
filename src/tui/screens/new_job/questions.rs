//! Which step of the job is being written: prompts, schema and teachers are those of one step at a time.

use crate::tui::context::Cx;
use crate::tui::keys::Action;

use super::{Cursor, NewJob, Shared, Step};

impl NewJob {
    /// The next step of the job, after the last the first.
    pub(super) fn next_question(&mut self, cx: &mut Cx) {
        let Some(work) = &mut self.work else { return };
        let all = work.draft.len("steps").max(1);
        work.question = (work.question + 1) % all;
        work.caret = (1, 0, 0);
        self.opened = None;
        self.cursors[self.step.0.at()] = Cursor::default();
        self.prompts = super::prompts::Prompts::default();
        self.changed(cx);
    }

    /// Why an action of the open step cannot be done now.
    pub(super) fn step_disabled(&self, action: Action, shared: &Shared) -> Option<String> {
        let said = |text: &str| Some(text.to_owned());
        let one_step = self.work.as_ref().is_none_or(|work| work.draft.len("steps") < 2);
        match (self.step.0, action) {
            (_, Action::NextQuestion) if one_step => said("the job has one step"),
            (Step::Template, Action::Delete) if self.selected_draft(shared).is_none() => {
                said("no draft is selected")
            }
            (Step::Prompts, Action::NextRow | Action::PreviousRow) if self.preview_rows() < 2 => {
                said("there is no other row")
            }
            (Step::Prompts, Action::Variables) if self.variables().is_empty() => {
                said("there are no variables: the seeds have no field")
            }
            (Step::Seeds, Action::Map) if !self.has_columns() => said("the seeds have no column"),
            (Step::DryRun, Action::Edit) if self.failed_step().is_none() => said("nothing has failed"),
            (Step::DryRun, Action::Open) if self.dry.is_asking() => said("it is under way; esc stops it"),
            (Step::Launch, Action::Launch | Action::Store) if self.taken_name().is_some() => {
                let name = self.taken_name()?;
                Some(format!("a job is called {name} already: give it another name"))
            }
            (Step::DryRun, Action::Open) | (Step::Launch, Action::Launch | Action::Store) => {
                let step = self.blocking()?;
                let problems = self.problems(Some(step));
                let first = problems.first()?;
                Some(format!("{}: {}", step.names().0, first.message))
            }
            (Step::Validators, Action::Try) if self.errors(Step::Validators) > 0 => {
                said("put the problem of a validator right first")
            }
            (Step::Validators, Action::Later | Action::Earlier | Action::Toggle) if self.opened.is_some() => {
                said("esc goes back to the list first")
            }
            (Step::Schema, Action::Toggle | Action::Later | Action::Earlier)
                if self.selected_property(shared).is_none() =>
            {
                said("no field of the answer is selected")
            }
            _ => None,
        }
    }
}
