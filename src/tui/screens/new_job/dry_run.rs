//! Step 8, a few tasks through the real path: prompt, answer, what was read of it, every verdict, latency and cost. Nothing is kept.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::Value;

use crate::core::api::{Command, DrySample, Failure};
use crate::core::budget::Money;
use crate::core::sample::{Decision, Sample, SampleState};
use crate::core::text::grouped;
use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::message::Ticket;
use crate::tui::text::{clock, put, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::{empty, failure, pane};
use crate::tui::widgets::table::{Column, numbers, prose, table};

use super::frame::told;
use super::{NewJob, Step};

/// Most tasks of a dry run.
const MOST: u64 = 20;

const COLUMNS: [Column; 4] = [
    numbers("#", 2, 9),
    prose("RESULT", 18, 8),
    numbers("TIME", 7, 5),
    numbers("COST", 8, 6),
];

/// A dry run that was asked for, and what came of it.
#[derive(Default)]
pub(super) struct Tries {
    ticket: Option<Ticket>,
    asked: Duration,
    /// What came back.
    pub(super) samples: Vec<DrySample>,
    /// Why nothing did.
    pub(super) error: Option<Failure>,
}

impl Tries {
    /// What came of one in an earlier session.
    pub(super) fn of(samples: &[DrySample]) -> Self {
        Self {
            samples: samples.to_vec(),
            ..Self::default()
        }
    }

    /// One that was asked for just now.
    pub(super) fn asking(ticket: Ticket, now: Duration) -> Self {
        Self {
            ticket: Some(ticket),
            asked: now,
            ..Self::default()
        }
    }

    /// Whether it is under way.
    pub(super) fn is_asking(&self) -> bool {
        self.ticket.is_some()
    }

    /// Whether the wait is long enough for a word.
    pub(super) fn is_slow(&self, now: Duration) -> bool {
        self.is_asking() && now >= self.asked + Duration::from_millis(150)
    }

    /// Takes the answer that was asked for.
    pub(super) fn take(&mut self, ticket: Ticket, result: Result<&[DrySample], &Failure>) -> bool {
        if self.ticket != Some(ticket) {
            return false;
        }
        self.ticket = None;
        match result {
            Ok(samples) => self.samples = samples.to_vec(),
            Err(failure) => self.error = Some(failure.clone()),
        }
        true
    }
}

/// The verdicts of a sample, one a line.
pub(super) fn verdicts(sample: &Sample) -> Vec<(Slot, String)> {
    let line = |verdict: &crate::core::sample::Verdict| {
        let (glyph, slot) = match verdict.decision {
            Decision::Accept => ("✓", Slot::Ok),
            Decision::Review => ("▲", Slot::Warn),
            Decision::Reject => ("✗", Slot::Error),
        };
        let score = verdict
            .score
            .map_or_else(String::new, |score| format!(" {score:.2}"));
        let evidence = verdict.evidence.clone().unwrap_or_default();
        (slot, format!("{glyph} {}{score} {evidence}", verdict.validator))
    };
    let mut lines: Vec<(Slot, String)> = sample.verdicts.iter().map(line).collect();
    if lines.is_empty() {
        lines.push((Slot::Muted, "no validator: accepted as it is".to_owned()));
    }
    lines
}

fn outcome(one: &DrySample) -> (Slot, String) {
    match (&one.sample, &one.error) {
        (Some(sample), _) => {
            let reason = sample
                .reason
                .map_or_else(String::new, |reason| format!(": {}", reason.word()));
            let (glyph, slot, word) = match sample.state {
                SampleState::Accepted => ("●", Slot::Ok, "accepted"),
                SampleState::Rejected => ("✗", Slot::Error, "rejected"),
                SampleState::NeedsReview => ("▲", Slot::Warn, "needs review"),
            };
            (slot, format!("{glyph} {word}{reason}"))
        }
        (None, why) => (
            Slot::Error,
            format!("✗ {}", why.as_deref().unwrap_or("no answer")),
        ),
    }
}

impl NewJob {
    pub(super) fn dry_act(&mut self, action: Action, cx: &mut Cx) {
        match action {
            Action::Open => {
                let Some(work) = &self.work else { return };
                let command = Command::DryRun {
                    source: work.source(),
                    tasks: self.wanted,
                };
                self.dry = Tries::asking(cx.order(command, ""), cx.shared.now);
            }
            Action::More => self.wanted = (self.wanted + 1).min(MOST),
            Action::Less => self.wanted = (self.wanted - 1).max(1),
            Action::Edit => {
                if let Some(step) = self.failed_step() {
                    self.go(step, cx);
                }
            }
            _ => {}
        }
    }

    /// Stops a dry run. False if none is under way.
    pub(super) fn stop_asking(&mut self, cx: &mut Cx) -> bool {
        if self.dry.ticket.take().is_none() {
            return false;
        }
        cx.order(
            Command::StopDryRun,
            "Stopped; what was asked may still be charged",
        );
        true
    }

    /// Where the selected sample went wrong.
    pub(super) fn failed_step(&self) -> Option<Step> {
        let one = self.dry.samples.get(self.cursors[Step::DryRun.at()].selected)?;
        let Some(sample) = &one.sample else {
            let why = one.error.as_deref().unwrap_or_default();
            let in_template = why.contains("line ") || one.prompts.is_empty();
            return Some(if in_template {
                Step::Prompts
            } else {
                Step::Providers
            });
        };
        if sample.state == SampleState::Accepted {
            return None;
        }
        let bad = sample
            .verdicts
            .iter()
            .find(|verdict| verdict.decision != Decision::Accept)?;
        Some(match bad.validator.as_str() {
            "structural" => Step::Schema,
            "truncated" => Step::Limits,
            "refusal" => Step::Prompts,
            _ => Step::Validators,
        })
    }

    pub(super) fn draw_dry(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let many = self.wanted;
        let waits = shared.now.saturating_sub(self.dry.asked);
        let fact = if self.dry.is_asking() {
            format!("asking {many} tasks … {}, esc stops", clock(waits))
        } else {
            format!("{many} tasks, + - changes that")
        };
        let inner = pane(buf, area, "Dry run", &fact, !self.preview, shared);
        if let Some(error) = &self.dry.error {
            let help = error.help.as_deref().unwrap_or("⏎ tries again");
            return failure(buf, inner, &told(error, help), shared);
        }
        if self.dry.samples.is_empty() {
            let waiting = format!("Asking {many} tasks …");
            let asks = format!("⏎ asks {many} tasks of the job through the real path.");
            let lines: &[&str] = if self.dry.is_asking() {
                &[&waiting]
            } else {
                &[
                    &asks,
                    "Nothing is kept; teachers that cost money cost it here too.",
                    "Without it ] goes on to the launch.",
                ]
            };
            return empty(buf, inner, lines, shared);
        }
        let cursor = self.cursors[Step::DryRun.at()];
        let rows = self
            .dry
            .samples
            .iter()
            .enumerate()
            .skip(cursor.offset)
            .map(|(at, one)| {
                let (slot, text) = outcome(one);
                vec![
                    ((at + 1).to_string(), shared.style(Slot::Muted)),
                    (text, shared.style(slot)),
                    (
                        format!("{:.1} s", one.latency_ms as f64 / 1000.0),
                        shared.style(Slot::Fg),
                    ),
                    (one.usd.to_string(), shared.style(Slot::Fg)),
                ]
            });
        table(
            buf,
            inner,
            &COLUMNS,
            rows,
            Some(cursor.selected - cursor.offset),
            shared,
        );
        let last = inner.height.saturating_sub(1);
        let spent = self
            .dry
            .samples
            .iter()
            .fold(Money(0), |sum, one| sum.plus(one.usd));
        let likely = self
            .likely_cost()
            .map_or_else(String::new, |likely| format!(" · the whole job likely {likely}"));
        let text = format!("cost {spent}{likely}");
        put(buf, inner, 2, last, &text, shared.style(Slot::Muted));
    }

    pub(super) fn draw_dry_sample(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let at = self.cursors[Step::DryRun.at()].selected;
        let Some(one) = self.dry.samples.get(at) else {
            let inner = pane(buf, area, "Sample", "", self.preview, shared);
            return empty(
                buf,
                inner,
                &["Prompt, answer and verdicts of each task stand here."],
                shared,
            );
        };
        let title = format!("Task {}", at + 1);
        let fact = if self.failed_step().is_some() {
            "e goes where it failed"
        } else {
            ""
        };
        let inner = pane(buf, area, &title, fact, self.preview, shared);
        let width = usize::from(inner.width.saturating_sub(4));
        let mut row = 0;
        let mut say = |at: u16, text: &str, slot: Slot, most: usize| {
            let lines = wrap(text, width);
            let cut = lines.len() > most;
            for line in lines.into_iter().take(most) {
                put(buf, inner, at, row, &line, shared.style(slot));
                row += 1;
            }
            if cut {
                put(buf, inner, at, row, "…", shared.style(Slot::Muted));
                row += 1;
            }
        };
        let each = (usize::from(inner.height) / 4).max(3);
        for (name, text) in &one.prompts {
            say(1, &format!("prompt of {name}"), Slot::Muted, 1);
            say(2, text.trim_end(), Slot::Fg, each);
        }
        let Some(sample) = &one.sample else {
            return say(1, &outcome(one).1, Slot::Error, 6);
        };
        for step in &sample.steps {
            let usage = match (step.usage.input, step.usage.output) {
                (Some(input), Some(output)) => format!(", {} in {} out", grouped(input), grouped(output)),
                _ => String::new(),
            };
            say(
                1,
                &format!("{} from {}{usage}", step.step, step.teacher),
                Slot::Muted,
                1,
            );
            match step.value.as_ref() {
                Some(Value::Object(map)) => {
                    for (key, value) in map {
                        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                        say(2, &format!("{key}: {value}"), Slot::Fg, 3);
                    }
                }
                _ => say(2, step.text.trim(), Slot::Fg, each),
            }
        }
        say(1, "verdicts", Slot::Muted, 1);
        for (slot, line) in verdicts(sample) {
            say(2, &line, slot, 2);
        }
    }
}
