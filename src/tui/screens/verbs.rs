//! What can be done to jobs, wherever they are shown: pause, resume, cancel, retry, delete, edit, copy, export, their samples.
//! Dashboard, list and detail share it, so that a key means the same in all three.

use crate::core::api::{Command, JobDetail, JobProgress, JobRow, JobSource, RunOptions};
use crate::core::task::TaskState;
use crate::core::text::grouped;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::overlay::Dialog;
use crate::tui::overlay::Outcome;
use crate::tui::overlay::dialog::{cancel, choice};

use super::editor::Editor;
use super::job::{JobScreen, Page};
use super::new_job::NewJob;
use super::rejudge::{Rejudge, Rejudging};
use super::samples::Samples;
use super::{Screen, forms};

/// What the verbs need to know of a job.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// Its name.
    pub(crate) name: String,
    /// The word of its state.
    pub(crate) state: String,
    /// All tasks.
    pub(crate) tasks: u64,
    /// Failed tasks.
    pub(crate) failed: u64,
    /// Unfinished tasks.
    pub(crate) pending: u64,
    /// Samples of any kind.
    pub(crate) samples: u64,
    /// What it cost, and for how many tasks.
    cost: (crate::core::budget::Money, u64),
}

impl Subject {
    /// A row of the list, with the gauge's newer state where there is one.
    pub(crate) fn of(row: &JobRow, shared: &Shared) -> Self {
        let counts = &row.counts;
        let gauge = shared.gauge(&row.name);
        Self {
            name: row.name.clone(),
            state: gauge
                .map_or(row.state.word(), |gauge| gauge.state.as_str())
                .to_owned(),
            tasks: counts.planned(),
            failed: gauge.map_or(counts.of(TaskState::Failed), |gauge| gauge.failed),
            pending: counts.pending(),
            samples: row.samples.iter().sum(),
            cost: (row.usd, counts.planned() - counts.open()),
        }
    }

    /// A job that is only known by its gauge.
    pub(crate) fn gauged(gauge: &JobProgress) -> Self {
        let done = gauge.persisted + gauge.rejected + gauge.failed + gauge.cancelled;
        Self {
            name: gauge.name.clone(),
            state: gauge.state.clone(),
            tasks: gauge.enqueued,
            failed: gauge.failed,
            pending: gauge.enqueued.saturating_sub(done),
            samples: gauge.accepted_samples,
            cost: (gauge.usd, done),
        }
    }

    fn is_final(&self) -> bool {
        matches!(self.state.as_str(), "completed" | "failed" | "cancelled")
    }

    fn is_at_work(&self) -> bool {
        matches!(self.state.as_str(), "running" | "pausing")
    }

    /// Why a verb cannot be used on it now.
    pub(crate) fn disabled(&self, action: Action, shared: &Shared) -> Option<String> {
        if is_order(action)
            && let Some(why) = shared.view_only()
        {
            return Some(why);
        }
        match action {
            Action::Pause | Action::Cancel if self.is_final() => Some(format!("it is {}", self.state)),
            Action::Retry if self.failed == 0 => Some("no task has failed".to_owned()),
            Action::Delete if self.is_at_work() => Some("it is running: pause or cancel it first".to_owned()),
            Action::EditFile if self.is_at_work() => {
                Some("it is running: pause it first, or change its limits with e".to_owned())
            }
            Action::Rejudge | Action::WriteDataset if self.is_at_work() => {
                Some("it is running: pause it first".to_owned())
            }
            Action::Pause | Action::Delete | Action::EditFile | Action::WriteDataset
                if shared
                    .rejudgings
                    .get(&self.name)
                    .is_some_and(Rejudging::is_applying) =>
            {
                Some("new verdicts are being put in force".to_owned())
            }
            Action::Export | Action::Rejudge | Action::Report if self.samples == 0 => {
                Some("it has no samples yet".to_owned())
            }
            _ => None,
        }
    }

    /// Does what the verb means, asking first where it must. False if it is none of these verbs.
    pub(crate) fn act(&self, action: Action, detail: Option<&JobDetail>, cx: &mut Cx) -> bool {
        let name = self.name.as_str();
        match action {
            Action::Pause => self.toggle(cx),
            Action::Cancel => cancel_all(std::slice::from_ref(self), cx),
            Action::Retry => self.retry(None, self.failed, cx),
            Action::Delete => delete_all(std::slice::from_ref(self), cx),
            Action::Edit => match (self.state.as_str(), detail.filter(|known| known.row.name == name)) {
                ("running" | "pausing" | "paused" | "queued", Some(detail)) => {
                    let sheet = forms::limits(detail, self.is_at_work(), cx.shared);
                    cx.fill(sheet);
                }
                // Nothing has run yet: it can be written on step by step.
                ("draft", _) => cx.open(Screen::NewJob(Box::new(NewJob::edit(name)))),
                _ => cx.open(Screen::Editor(Box::new(Editor::of(name)))),
            },
            Action::EditFile => cx.open(Screen::Editor(Box::new(Editor::of(name)))),
            Action::CloneJob => cx.open(Screen::NewJob(Box::new(NewJob::copy_of(name)))),
            Action::Export => {
                let sheet = forms::export(vec![name.to_owned()], cx.shared);
                cx.fill(sheet);
            }
            Action::Rejudge => cx.open(Screen::Rejudge(Box::new(Rejudge::of(name)))),
            Action::WriteDataset => self.write_dataset(cx),
            Action::Samples => cx.open(Screen::Samples(Box::new(Samples::of(name)))),
            Action::Report => cx.open(Screen::Job(Box::new(JobScreen::at(
                name.to_owned(),
                Page::Report,
            )))),
            Action::JobLog => cx.open(Screen::Job(Box::new(JobScreen::at(name.to_owned(), Page::Log)))),
            _ => return false,
        }
        true
    }

    fn toggle(&self, cx: &mut Cx) {
        let name = self.name.clone();
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

    /// Asks whether the dataset's files shall be written anew.
    fn write_dataset(&self, cx: &mut Cx) {
        let name = &self.name;
        let lines = vec![
            format!("Writes all files of {name}'s dataset anew, in plan order, from what the ledger has."),
            "What was changed in those files by hand is lost.".to_owned(),
        ];
        let order = (Command::WriteDataset(name.clone()), format!("Dataset of {name}"));
        let dialog = Dialog::order(cx.shared, "Write the dataset", lines, "Write", vec![order]);
        cx.confirm(dialog);
    }

    /// Asks whether `tasks` failed tasks, all or those of a group, shall be tried again, and says what that will cost about.
    pub(crate) fn retry(&self, group: Option<&str>, tasks: u64, cx: &mut Cx) {
        let name = self.name.clone();
        let of = group.map_or_else(String::new, |group| format!(" of “{group}”"));
        let (usd, done) = self.cost;
        let cost = if done == 0 || usd.0 == 0 {
            "Asking again costs again.".to_owned()
        } else {
            let each = usd.usd() / done as f64;
            let all = crate::core::budget::Money::from_usd(each * tasks as f64);
            format!("Asking again costs again: about {all}, as tasks of this job cost so far.")
        };
        let lines = vec![
            format!(
                "{} failed tasks{of} of {name} go back to the queue.",
                grouped(tasks)
            ),
            cost,
        ];
        let done = format!("Queued failed tasks of {name}");
        let command = match group {
            None => Command::Retry(name),
            Some(group) => Command::RetryGroup {
                job: name,
                group: group.to_owned(),
            },
        };
        let dialog = Dialog::order(
            cx.shared,
            "Retry failed tasks",
            lines,
            "Retry",
            vec![(command, done)],
        );
        cx.confirm(dialog);
    }
}

/// Whether an action changes something in the engine.
pub(crate) fn is_order(action: Action) -> bool {
    matches!(
        action,
        Action::Pause
            | Action::PauseAll
            | Action::Cancel
            | Action::Retry
            | Action::Delete
            | Action::Edit
            | Action::EditFile
            | Action::CloneJob
            | Action::Earlier
            | Action::Later
            | Action::WriteDataset
            | Action::Demo
    )
}

/// Pauses those that run or wait; where none does, lets those that stand still go on.
pub(crate) fn toggle_all(subjects: &[Subject], cx: &mut Cx) {
    let moves = |subject: &&Subject| matches!(subject.state.as_str(), "running" | "queued");
    let any = subjects.iter().any(|subject| moves(&subject));
    for subject in subjects {
        if (any && moves(&subject)) || (!any && !subject.is_final()) {
            subject.toggle(cx);
        }
    }
}

/// Asks whether these jobs shall stop for good.
pub(crate) fn cancel_all(subjects: &[Subject], cx: &mut Cx) {
    let open: Vec<&Subject> = subjects.iter().filter(|one| !one.is_final()).collect();
    let left = grouped(open.iter().map(|one| one.pending).sum());
    let (title, who, label) = match &open[..] {
        [] => {
            return cx
                .shared
                .toast(crate::core::api::Level::Ok, "they have all ended");
        }
        [one] => ("Cancel job".to_owned(), one.name.clone(), "Cancel the job"),
        several => (
            format!("Cancel {} jobs", several.len()),
            names(&open),
            "Cancel the jobs",
        ),
    };
    let stops = if open.len() == 1 {
        "stops for good"
    } else {
        "stop for good"
    };
    let lines = vec![
        format!("{who} {stops}: {left} unfinished tasks are cancelled."),
        "What was made stays. To go on later, pause instead (p).".to_owned(),
    ];
    let orders = open
        .iter()
        .map(|one| {
            (
                Command::Cancel(one.name.clone()),
                format!("Cancelled {}", one.name),
            )
        })
        .collect();
    let dialog = Dialog::order(cx.shared, title, lines, label, orders).renamed("Keep going");
    cx.confirm(dialog);
}

/// Asks for the name of the job, or the number of jobs, that are to be removed with everything they made.
pub(crate) fn delete_all(subjects: &[Subject], cx: &mut Cx) {
    let still: Vec<&Subject> = subjects.iter().filter(|one| !one.is_at_work()).collect();
    let count = |read: fn(&Subject) -> u64| grouped(still.iter().map(|one| read(one)).sum());
    let (title, who, typed) = match &still[..] {
        [] => {
            return cx
                .shared
                .toast(crate::core::api::Level::Ok, "they are running: pause them first");
        }
        [one] => ("Delete job".to_owned(), one.name.clone(), one.name.clone()),
        several => (
            format!("Delete {} jobs", several.len()),
            names(&still),
            several.len().to_string(),
        ),
    };
    let lines = vec![
        format!(
            "Deletes {who}: {} samples, {} tasks, and every answer that was paid for.",
            count(|one| one.samples),
            count(|one| one.tasks)
        ),
        "The dataset's files stay. This cannot be undone; w exports first.".to_owned(),
    ];
    let orders = still
        .iter()
        .map(|one| (Command::Delete(one.name.clone()), format!("Deleted {}", one.name)))
        .collect();
    let dialog = Dialog::order(cx.shared, title, lines, "Delete", orders).typed(&typed);
    cx.confirm(dialog);
}

/// The first few by name.
fn names(subjects: &[&Subject]) -> String {
    let mut names: Vec<&str> = subjects.iter().take(4).map(|one| one.name.as_str()).collect();
    let more = format!("{} more", subjects.len().saturating_sub(4));
    if subjects.len() > 4 {
        names.push(&more);
    }
    names.join(", ")
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
