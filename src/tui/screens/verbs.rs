//! What can be done to a job, wherever it is shown: pause, resume, cancel, retry, delete, edit, its samples. Dashboard, list and
//! detail share it, so that a key means the same in all three.

use crate::core::api::{Command, JobRow, JobSource, RunOptions};
use crate::core::task::TaskState;
use crate::core::text::grouped;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::overlay::Dialog;
use crate::tui::overlay::Outcome;
use crate::tui::overlay::dialog::{cancel, choice};

use super::Screen;
use super::editor::Editor;
use super::new_job::NewJob;
use super::samples::Samples;

/// What the verbs need to know of a job.
pub(crate) struct Subject<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// The word of its state.
    pub(crate) state: String,
    /// Failed tasks.
    pub(crate) failed: u64,
    /// Unfinished tasks.
    pub(crate) pending: u64,
    /// Samples of any kind.
    pub(crate) samples: u64,
}

impl<'a> Subject<'a> {
    /// A row of the list, with the gauge's newer state where there is one.
    pub(crate) fn of(row: &'a JobRow, shared: &Shared) -> Self {
        let counts = &row.counts;
        let gauge = shared.gauge(&row.name);
        Self {
            name: &row.name,
            state: gauge
                .map_or(row.state.word(), |gauge| gauge.state.as_str())
                .to_owned(),
            failed: gauge.map_or(counts.of(TaskState::Failed), |gauge| gauge.failed),
            pending: counts.pending(),
            samples: row.samples.iter().sum(),
        }
    }

    fn is_final(&self) -> bool {
        matches!(self.state.as_str(), "completed" | "failed" | "cancelled")
    }

    /// Why a verb cannot be used on it now.
    pub(crate) fn disabled(&self, action: Action) -> Option<String> {
        match action {
            Action::Pause | Action::Cancel if self.is_final() => Some(format!("it is {}", self.state)),
            Action::Retry if self.failed == 0 => Some("no task has failed".to_owned()),
            Action::Delete if matches!(self.state.as_str(), "running" | "pausing") => {
                Some("it is running: pause or cancel it first".to_owned())
            }
            _ => None,
        }
    }

    /// Does what the verb means, asking first where it must. False if it is none of these verbs.
    pub(crate) fn act(&self, action: Action, cx: &mut Cx) -> bool {
        let name = self.name;
        match action {
            Action::Pause => self.toggle(cx),
            Action::Cancel => {
                let left = grouped(self.pending);
                let lines = vec![
                    format!("{name} stops for good: {left} unfinished tasks are cancelled."),
                    "What it made stays. To go on later, pause it instead (p).".to_owned(),
                ];
                let order = vec![(Command::Cancel(name.to_owned()), format!("Cancelled {name}"))];
                cx.confirm(
                    Dialog::order(cx.shared, "Cancel job", lines, "Cancel the job", order).renamed("Keep it"),
                );
            }
            Action::Retry => {
                let failed = grouped(self.failed);
                let lines = vec![
                    format!("{failed} failed tasks of {name} go back to the queue."),
                    "Asking again costs again.".to_owned(),
                ];
                let order = vec![(
                    Command::Retry(name.to_owned()),
                    format!("Queued failed tasks of {name}"),
                )];
                cx.confirm(Dialog::order(
                    cx.shared,
                    "Retry failed tasks",
                    lines,
                    "Retry",
                    order,
                ));
            }
            Action::Delete => {
                let samples = grouped(self.samples);
                let lines = vec![
                    format!("Deletes {name} with its {samples} samples and everything that was paid for."),
                    "The dataset's files stay. This cannot be undone.".to_owned(),
                ];
                let order = vec![(Command::Delete(name.to_owned()), format!("Deleted {name}"))];
                cx.confirm(Dialog::order(cx.shared, "Delete job", lines, "Delete", order).typed(name));
            }
            // Nothing has run yet: it can be written on step by step.
            Action::Edit if self.state == "draft" => cx.open(Screen::NewJob(Box::new(NewJob::edit(name)))),
            Action::Edit => cx.open(Screen::Editor(Box::new(Editor::of(name)))),
            Action::Samples => cx.open(Screen::Samples(Box::new(Samples::of(name)))),
            _ => return false,
        }
        true
    }

    fn toggle(&self, cx: &mut Cx) {
        let name = self.name.to_owned();
        match self.state.as_str() {
            "running" | "queued" => cx.order(Command::Pause(name.clone()), format!("Paused {name}")),
            "draft" => {
                let run = Command::Run {
                    source: JobSource::Name(name.clone()),
                    options: RunOptions::default(),
                };
                cx.order(run, format!("Started {name}"))
            }
            _ => cx.order(Command::Resume(name.clone()), format!("Resumed {name}")),
        };
    }
}

/// Asks whether every running job shall pause.
pub(crate) fn pause_all(cx: &mut Cx) {
    let names: Vec<String> = cx.shared.running().map(|gauge| gauge.name.clone()).collect();
    let lines = vec![format!(
        "Pauses {}. What is in flight is waited for.",
        names.join(", ")
    )];
    let orders = names
        .into_iter()
        .map(|name| (Command::Pause(name.clone()), format!("Paused {name}")))
        .collect();
    let outcome = Outcome::Order { orders, draft: None };
    let choices = vec![cancel("Let them run"), choice("Pause all", "", outcome)];
    let dialog = Dialog::ask(cx.shared, "Pause all jobs", lines, choices);
    cx.confirm(dialog);
}
