//! Step 9, the last look: name and labels, the file as it will be stored and what differs from where it began; then it starts.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::{Command, Failure, JobSource, Level, Receipt, RunOptions};
use crate::core::budget::Money;
use crate::core::text::grouped;
use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::message::Ticket;
use crate::tui::overlay::dialog::{cancel, choice};
use crate::tui::overlay::{Dialog, Outcome};
use crate::tui::screens::Screen;
use crate::tui::screens::job::JobScreen;
use crate::tui::text::{put, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::pane;

use super::form::{Kind, Line};
use super::work::{Origin, Work};
use super::{NewJob, seeds};

/// A launch that is likely to cost more asks first.
const ASKS_ABOVE: Money = Money(1_000_000);
/// Lines whose difference is worked out; above, both are shown as they are.
const COMPARED: usize = 2_000;
/// Lines around a difference.
const AROUND: usize = 2;

/// What the wizard waits for before it closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Leaving {
    /// Nothing.
    #[default]
    No,
    /// The job to be stored.
    Stored,
    /// The change to be stored; then the job is started.
    StoredThenRun,
    /// The job to start.
    Started,
}

/// The lines of the form.
pub(super) fn lines(work: &Work) -> Vec<Line> {
    let of = |label: &str, path: &str, kind: Kind, note: &str| Line::of(&work.draft, label, path, kind, note);
    vec![
        of("name", "name", Kind::Text, "a-z, 0-9 and -; its name for ever"),
        of("description", "description", Kind::Text, "what it is for"),
        of("tags", "tags", Kind::List, "none"),
        of("priority", "priority", Kind::Number, "0; higher runs first"),
    ]
}

impl NewJob {
    pub(super) fn launch_act(&mut self, action: Action, cx: &mut Cx) {
        match action {
            Action::Launch => self.launch(cx),
            Action::Store => {
                let Some(work) = &self.work else { return };
                let name = work.draft.string("name");
                let command = match &work.origin {
                    Origin::Job(job) => Command::Edit {
                        job: job.clone(),
                        source: work.text(),
                    },
                    _ => Command::Create(work.source()),
                };
                self.leaving = Leaving::Stored;
                cx.order(command, format!("Stored {name}; p starts it"));
            }
            Action::WriteFile => {
                let Some(work) = &self.work else { return };
                let path = cx
                    .shared
                    .options
                    .directory
                    .join(format!("{}.toml", work.draft.string("name")));
                let done = format!("Wrote {}", path.display());
                if seeds::in_the_binary(work) && !work.draft.string("seeds.path").starts_with('/') {
                    let text = "The seeds of this template are in the program: destiler init writes them too";
                    cx.shared.toast(Level::Warning, text);
                }
                let text = work.text();
                cx.order(Command::WriteFile { path, text }, done);
            }
            Action::Copy => {
                let name = self
                    .work
                    .as_ref()
                    .map_or_else(String::new, |work| work.draft.string("name"));
                cx.copy(format!("destiler run {name}"), "the command");
            }
            Action::Shape => self.whole = !self.whole,
            other => self.form_act(other, cx),
        }
    }

    fn launch(&mut self, cx: &mut Cx) {
        let Some(work) = &self.work else { return };
        let name = work.draft.string("name");
        let (command, leaving) = match &work.origin {
            Origin::Job(job) => (
                Command::Edit {
                    job: job.clone(),
                    source: work.text(),
                },
                Leaving::StoredThenRun,
            ),
            _ => (
                Command::Run {
                    source: work.source(),
                    options: RunOptions::default(),
                },
                Leaving::Started,
            ),
        };
        self.leaving = leaving;
        let done = if leaving == Leaving::Started {
            format!("Launched {name}")
        } else {
            String::new()
        };
        let likely = self.likely_cost();
        let unknown = self.estimate.value().is_some_and(|report| report.usd.is_none());
        if likely.is_none_or(|likely| likely <= ASKS_ABOVE) && !unknown {
            cx.order(command, done);
            return;
        }
        let cost = match likely {
            Some(likely) if !unknown => format!("It is likely to cost {likely}."),
            _ => "What it costs is not known: a price is missing.".to_owned(),
        };
        let cap = self
            .work
            .as_ref()
            .and_then(|work| work.draft.get("limits.usd")?.as_f64());
        let cap = cap.map_or_else(
            || "There is no cap in dollars.".to_owned(),
            |cap| format!("It pauses at its cap of ${cap:.2}."),
        );
        let outcome = Outcome::Order {
            orders: vec![(command, done)],
            draft: None,
        };
        let choices = vec![cancel("Not yet"), choice("Launch", "", outcome)];
        let dialog = Dialog::ask(cx.shared, format!("Launch {name}"), vec![cost, cap], choices);
        cx.confirm(dialog);
    }

    /// An order was carried out, or was not.
    pub(super) fn done(&mut self, ticket: Ticket, result: &Result<Box<Receipt>, Box<Failure>>, cx: &mut Cx) {
        let samples = match result {
            Ok(receipt) => match receipt.as_ref() {
                Receipt::DryRun(samples) => Ok(samples.as_slice()),
                Receipt::Started(started) => {
                    let job = started.job.clone();
                    return self.stored(&job, cx);
                }
                _ => {
                    self.gallery_ask(cx);
                    return;
                }
            },
            Err(failure) => Err(failure.as_ref()),
        };
        let error = samples.is_err();
        if self.dry.take(ticket, samples) {
            // The pane says it; a toast that stays would only cover it.
            if error {
                cx.shared.toasts.retain(|toast| toast.level != Level::Error);
            }
            self.cursors[super::Step::DryRun.at()] = super::Cursor::default();
            if let Some(work) = &mut self.work {
                work.dry.clone_from(&self.dry.samples);
            }
            // It may have cost money: it is kept at once.
            self.touched(cx);
            self.save(cx);
        } else if self.tried.take(ticket, samples) {
            if error {
                cx.shared.toasts.retain(|toast| toast.level != Level::Error);
            }
        } else if error {
            self.leaving = Leaving::No;
        }
    }

    /// The job is stored: the draft has done its work.
    fn stored(&mut self, job: &str, cx: &mut Cx) {
        let Some(work) = &self.work else { return };
        let ours = work.draft.string("name") == job;
        let leaving = std::mem::take(&mut self.leaving);
        if !ours || leaving == Leaving::No {
            self.leaving = leaving;
            return;
        }
        if leaving == Leaving::StoredThenRun {
            self.leaving = Leaving::Started;
            let run = Command::Run {
                source: JobSource::Name(job.to_owned()),
                options: RunOptions::default(),
            };
            cx.order(run, format!("Launched {job}"));
            return;
        }
        cx.order(Command::DropDraft(work.id.clone()), "");
        self.work = None;
        cx.leave();
        if leaving == Leaving::Started {
            cx.open(Screen::Job(Box::new(JobScreen::of(job.to_owned()))));
        }
    }

    pub(super) fn draw_file(&self, work: &Work, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let from = match &work.origin {
            Origin::Blank => "the empty page".to_owned(),
            Origin::Template(name) | Origin::Job(name) => name.clone(),
            Origin::File(path) => path
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        };
        let text = work.text();
        let (title, fact) = if self.whole {
            ("The job file".to_owned(), "t what differs")
        } else {
            (format!("What differs from {from}"), "t the whole file")
        };
        let inner = pane(buf, area, &title, fact, self.preview, shared);
        let lines: Vec<(Slot, String)> = if self.whole {
            text.lines().map(|line| (Slot::Fg, format!("  {line}"))).collect()
        } else {
            difference(&work.first, &text)
        };
        for (row, (slot, line)) in lines.iter().enumerate().take(usize::from(inner.height)) {
            put(buf, inner, 1, row as u16, line, shared.style(*slot));
        }
        if lines.is_empty() {
            put(buf, inner, 2, 1, "Nothing differs.", shared.style(Slot::Muted));
        }
        if lines.len() > usize::from(inner.height) {
            let more = format!(
                "… {} lines more (ctrl-e shows all)",
                lines.len() - usize::from(inner.height) + 1
            );
            let last = inner.height.saturating_sub(1);
            put(
                buf,
                inner,
                1,
                last,
                &" ".repeat(usize::from(inner.width.saturating_sub(1))),
                shared.style(Slot::Fg),
            );
            put(buf, inner, 1, last, &more, shared.style(Slot::Muted));
        }
    }

    /// Tasks, teachers, cost and gates in a few lines, under the form.
    pub(super) fn draw_summary(&self, work: &Work, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let report = self.check.value();
        let tasks = report
            .and_then(|report| report.tasks)
            .map_or_else(|| "?".to_owned(), grouped);
        let teachers = report.map_or_else(String::new, |report| {
            let steps = report.teachers.iter();
            let words = steps.map(|(step, names)| format!("{step}: {}", names.join(", ")));
            words.collect::<Vec<_>>().join(" · ")
        });
        let cost = match (self.likely_cost(), self.estimate.value()) {
            (Some(likely), Some(report)) => match report.usd {
                Some((low, high)) => format!("likely {likely}, {low} to {high}"),
                None => format!("likely {likely}, a price is unknown"),
            },
            (None, Some(_)) => "unknown: a price is missing".to_owned(),
            _ => "not known yet".to_owned(),
        };
        let gates: Vec<String> = (0..work.draft.len("validators"))
            .map(|at| work.draft.string(&format!("validators.{at}.kind")))
            .collect();
        let gates = if gates.is_empty() {
            "none".to_owned()
        } else {
            gates.join(", ")
        };
        let format = work.draft.string("dataset.format");
        let format = if format.is_empty() {
            "messages".to_owned()
        } else {
            format
        };
        let rows = [
            ("tasks", tasks),
            ("teachers", teachers),
            ("cost", cost),
            ("validators", gates),
            ("dataset", format),
        ];
        let width = usize::from(area.width.saturating_sub(18));
        let mut row = 1;
        for (label, text) in rows {
            put(buf, area, 2, row, label, shared.style(Slot::Muted));
            for line in wrap(&text, width) {
                put(buf, area, 15, row, &line, shared.style(Slot::Fg));
                row += 1;
            }
        }
        if let Some(name) = self.taken_name() {
            let text = format!("✗ a job is called {name} already: give it another name");
            put(buf, area, 2, row, &text, shared.style(Slot::Error));
        }
        let keys = "l launches · d stores it without starting · w writes the file";
        put(buf, area, 2, row + 1, keys, shared.style(Slot::Accent));
    }
}

/// Lines that came and went, with those around them.
fn difference(before: &str, after: &str) -> Vec<(Slot, String)> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let mut all: Vec<(Slot, &str)> = Vec::new();
    if old.len() > COMPARED || new.len() > COMPARED {
        all.extend(new.iter().map(|line| (Slot::Fg, *line)));
    } else {
        // The longest common subsequence, from the end.
        let width = new.len() + 1;
        let mut common = vec![0_u32; (old.len() + 1) * width];
        for (at, one) in old.iter().enumerate().rev() {
            for (to, other) in new.iter().enumerate().rev() {
                common[at * width + to] = if one == other {
                    common[(at + 1) * width + to + 1] + 1
                } else {
                    common[(at + 1) * width + to].max(common[at * width + to + 1])
                };
            }
        }
        let (mut at, mut to) = (0, 0);
        while at < old.len() || to < new.len() {
            if at < old.len() && to < new.len() && old[at] == new[to] {
                all.push((Slot::Fg, new[to]));
                at += 1;
                to += 1;
            } else if at < old.len()
                && (to == new.len() || common[(at + 1) * width + to] >= common[at * width + to + 1])
            {
                all.push((Slot::DiffDel, old[at]));
                at += 1;
            } else {
                all.push((Slot::DiffAdd, new[to]));
                to += 1;
            }
        }
    }
    let changed: Vec<usize> = (0..all.len()).filter(|at| all[*at].0 != Slot::Fg).collect();
    let near = |at: usize| changed.iter().any(|one| one.abs_diff(at) <= AROUND);
    let mut lines = Vec::new();
    let mut gap = false;
    for (at, (slot, line)) in all.iter().enumerate() {
        if !near(at) {
            gap = true;
            continue;
        }
        if std::mem::take(&mut gap) {
            lines.push((Slot::Muted, "⋯".to_owned()));
        }
        let (slot, mark) = match slot {
            Slot::DiffDel => (Slot::DiffDel, "-"),
            Slot::DiffAdd => (Slot::DiffAdd, "+"),
            _ => (Slot::Muted, " "),
        };
        lines.push((slot, format!("{mark} {line}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_shows_what_came_and_went_with_its_neighbours() {
        let before = "a\nb\nc\nd\ne\nf\ng\n";
        let after = "a\nb\nc\nD\ne\nf\ng\nh\n";
        let lines: Vec<String> = difference(before, after)
            .into_iter()
            .map(|(_, line)| line)
            .collect();
        assert_eq!(
            lines,
            ["⋯", "  b", "  c", "- d", "+ D", "  e", "  f", "  g", "+ h"]
        );
        assert!(difference(before, before).is_empty());
        assert_eq!(difference("", "x\n").len(), 1);
    }
}
