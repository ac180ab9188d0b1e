//! The database is opened after the first picture: what is shown until then, and what comes of it.

use serde_json::{Value, json};

use super::Model;
use crate::core::api::{Command, Failure, JobProgress, Opened, Progress, Receipt};
use crate::core::budget::Money;
use crate::tui::context::Shared;
use crate::tui::message::Effect;
use crate::tui::screens::closed::Closed;
use crate::tui::screens::{Screen, Tab};

/// Jobs that are kept for the first picture of the next start.
const KEPT: usize = 50;

impl Model {
    /// The order to open the database came back.
    pub(super) fn opened(&mut self, result: Result<Box<Receipt>, Box<Failure>>) -> Vec<Effect> {
        self.shared.opening = None;
        self.shared.preparing = None;
        let opened = match result {
            Ok(receipt) => match *receipt {
                Receipt::Opened(opened) => opened,
                _ => Opened::default(),
            },
            Err(failure) => Opened {
                closed: Some(*failure),
                ..Opened::default()
            },
        };
        let Opened {
            held_by,
            read_only,
            closed,
            readable,
        } = opened;
        let held = held_by
            .as_ref()
            .map(|holder| format!("the engine runs in {holder} · view only"));
        let banner = held.or_else(|| read_only.as_ref().map(|why| format!("view only: {why}")));
        self.shared.banner("database", banner);
        let looked = self.shared.view_only().is_some();
        if held_by.is_some() {
            self.shared.options.held_by = held_by;
        }
        self.shared.read_only = read_only;
        self.shared.closed = closed.map(|failure| Closed::of(failure, readable));
        if self.shared.closed.is_some() {
            // What was kept of the last session is not the present.
            self.forget_last_session();
        } else if std::mem::take(&mut self.empty_gauge) {
            self.shared.progress.get_or_insert_default();
        }
        let before = self.screens.len();
        self.screens.retain(|screen| !matches!(screen, Screen::Closed(_)));
        let was_closed = self.screens.len() != before;
        self.close_off();
        let looks = self.shared.view_only().is_some();
        if looks && !looked {
            // What the engine here told last is no longer so.
            self.shared.progress = Some(Progress::default());
        }
        let mut effects = Vec::new();
        let reopened = self.reopening.take();
        if was_closed || reopened.is_some() || self.shared.closed.is_some() {
            effects = self.enter_top();
        }
        if reopened == Some(true) {
            effects.extend(self.open_again());
        }
        effects
    }

    /// Opens the database once more, where it was open for writing: what slept may find another instance at work in it, whose jobs
    /// and samples it then only shows; where that one has ended, the database is its own again.
    pub(super) fn open_again(&mut self) -> Vec<Effect> {
        let shared = &mut self.shared;
        if shared.opening.is_some() {
            self.reopening = Some(true);
            return Vec::new();
        }
        if shared.closed.is_some() || shared.view_only().is_some() {
            return Vec::new();
        }
        self.reopening = Some(false);
        let ticket = shared.ticket();
        shared.opening = Some((ticket, shared.now));
        vec![Effect::Order(ticket, Command::Open { read_only: false })]
    }

    /// Lays the word about the database over a screen that needs it.
    pub(super) fn close_off(&mut self) {
        let needs = !matches!(self.tab, Tab::Logs | Tab::Settings);
        if needs && let Some(closed) = self.shared.closed.clone() {
            if self.screens.len() > 1 {
                self.leave_top();
            }
            self.screens.truncate(1);
            self.screens.push(Screen::Closed(Box::new(closed)));
        }
    }

    /// A gauge came. The empty one from before the engine says nothing.
    pub(super) fn gauge(&mut self, progress: Progress) {
        self.shared.preparing = progress.preparing;
        let said = Progress {
            preparing: None,
            ..progress
        };
        if self.shared.opening.is_some() && said == Progress::default() {
            self.empty_gauge = true;
            return;
        }
        let progress = said;
        self.shared.history.note(&progress, self.shared.now);
        self.shared.from_last = false;
        self.shared.progress = Some(progress);
    }

    fn forget_last_session(&mut self) {
        if std::mem::take(&mut self.shared.from_last) {
            self.shared.progress = None;
        }
    }
}

/// The jobs that are not over, as they are kept for the next start.
pub(in crate::tui) fn kept(shared: &Shared) -> Value {
    let gauges = shared.progress.iter().flat_map(|progress| &progress.jobs);
    let open = gauges.filter(|gauge| !matches!(gauge.state.as_str(), "completed" | "failed" | "cancelled"));
    let row = |gauge: &JobProgress| {
        json!({
            "name": gauge.name,
            "state": gauge.state,
            "tasks": [gauge.enqueued, gauge.persisted, gauge.rejected, gauge.failed, gauge.needs_review],
            "accepted": gauge.accepted_samples,
            "target": gauge.target,
            "micro_usd": gauge.usd.0,
        })
    };
    open.take(KEPT).map(row).collect()
}

/// The jobs of the last session, as [`kept`] gave them; `None` without one.
pub(in crate::tui) fn recalled(jobs: &Value) -> Option<Progress> {
    let rows = jobs.as_array()?.iter().take(KEPT);
    let gauge = |row: &Value| {
        let number = |at: usize| row["tasks"][at].as_u64().unwrap_or_default();
        let state = row["state"].as_str().unwrap_or_default();
        Some(JobProgress {
            name: row["name"].as_str()?.to_owned(),
            // Whatever worked then stands still now.
            state: if matches!(state, "running" | "pausing") {
                "paused".to_owned()
            } else {
                state.to_owned()
            },
            enqueued: number(0),
            persisted: number(1),
            rejected: number(2),
            failed: number(3),
            needs_review: number(4),
            accepted_samples: row["accepted"].as_u64().unwrap_or_default(),
            target: row["target"].as_u64(),
            usd: Money(row["micro_usd"].as_i64().unwrap_or_default()),
            ..JobProgress::default()
        })
    };
    let jobs: Vec<JobProgress> = rows.filter_map(gauge).collect();
    (!jobs.is_empty()).then(|| Progress {
        jobs,
        ..Progress::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_with_good_will() {
        for broken in [json!(null), json!([]), json!([7]), json!([{"name": 3}])] {
            assert_eq!(recalled(&broken), None, "{broken}");
        }
        let row =
            json!([{"name": "qa", "state": "running", "tasks": [9, 4], "accepted": 4, "micro_usd": 120}]);
        let seen = recalled(&row).unwrap();
        let job = &seen.jobs[0];
        assert_eq!(
            (
                job.name.as_str(),
                job.state.as_str(),
                job.enqueued,
                job.persisted,
                job.failed
            ),
            ("qa", "paused", 9, 4, 0)
        );
    }
}
