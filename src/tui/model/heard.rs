//! What comes back from the engine and from outside: answers, receipts, facts, edited and copied texts.

use std::time::Duration;

use super::Model;
use crate::core::api::{Answer, Event, Failure, FailureKind, Health, Level, Query, Receipt};
use crate::core::job::{JobState, PauseReason};
use crate::core::text::grouped;
use crate::tui::message::{Effect, Message, Ticket};
use crate::tui::overlay::Overlay;
use crate::tui::screens::{Screen, Tab, rejudge};
use crate::tui::{commands, outside};

/// Someone who looks elsewhere is not called again within this time.
const QUIET: Duration = Duration::from_secs(5);

impl Model {
    /// Some answers are everybody's: the jobs, and the user's files.
    pub(super) fn reply(&mut self, message: &Message) -> Vec<Effect> {
        let mouse = self.shared.options.ui.mouse;
        if let Message::Reply(_, Ok(answer)) = message {
            match answer.as_ref() {
                Answer::Jobs(rows) => {
                    self.shared.jobs.clone_from(rows);
                    let entries = commands::entries(self.top().view(), &self.shared, true);
                    if let Some(Overlay::Picker(picker)) = self.overlays.last_mut()
                        && picker.is_palette()
                    {
                        picker.fill(entries);
                    }
                }
                Answer::UserFiles(files) => {
                    // What is being tried out stays until it is kept or left.
                    let trying = matches!(self.top(), Screen::Settings(settings) if settings.is_trying());
                    if !trying {
                        self.shared.adopt(files);
                    }
                }
                _ => {}
            }
        }
        self.rejudged(message);
        let mut effects = self.with_top(|screen, cx| screen.view_mut().update(message, cx));
        let configured = self.shared.options.ui.mouse;
        if configured != mouse {
            self.shared.options.mouse = configured;
            effects.push(Effect::Mouse(configured));
        }
        effects
    }

    /// New verdicts are everybody's: one may be elsewhere when they come.
    fn rejudged(&mut self, message: &Message) {
        let last = self.screens.len() - 1;
        let looking = match &self.screens[last] {
            Screen::Rejudge(screen) => Some(screen.job()),
            _ => None,
        };
        rejudge::heard(&mut self.shared, message, looking);
    }

    pub(super) fn done(&mut self, ticket: Ticket, result: Result<Box<Receipt>, Box<Failure>>) -> Vec<Effect> {
        if self.shared.opening.is_some_and(|(opening, _)| opening == ticket) {
            self.shared.orders.retain(|order| order.ticket != ticket);
            return self.opened(result);
        }
        let Some(at) = self.shared.orders.iter().position(|order| order.ticket == ticket) else {
            return Vec::new();
        };
        let order = self.shared.orders.remove(at);
        let mut effects = Vec::new();
        match &result {
            _ if order.quiet => {}
            Ok(receipt) => {
                if order.restyles {
                    effects.push(Effect::Ask(self.shared.ticket(), Query::UserFiles));
                }
                if let Some(draft) = &order.draft {
                    self.shared.drafts.remove(draft);
                }
                self.exit = self.exit.or(order.leave);
                match &**receipt {
                    Receipt::Count(count) if order.adds => {
                        self.shared.toast_counting(&order.done, *count);
                    }
                    receipt => self.receipt(&order.done, receipt),
                }
            }
            Err(failure) => {
                if order.leave.is_some() {
                    self.shared.stopping = None;
                }
                let help = failure.help.iter().map(|help| format!(" · {help}"));
                let text: String = std::iter::once(failure.message.clone()).chain(help).collect();
                self.shared.note(Level::Error, failure.message.clone());
                self.shared.toast(Level::Error, text);
            }
        }
        let taken_over = matches!(&result, Err(failure) if failure.kind == FailureKind::Fenced);
        let message = Message::Done(ticket, result);
        self.rejudged(&message);
        effects.extend(self.with_top(|screen, cx| screen.view_mut().update(&message, cx)));
        if taken_over {
            effects.extend(self.open_again());
        }
        effects
    }

    fn receipt(&mut self, done: &str, receipt: &Receipt) {
        if done.is_empty() {
            return;
        }
        match receipt {
            Receipt::Count(count) => self.shared.toast(Level::Ok, format!("{done}: {count}")),
            Receipt::Started(started) => {
                for note in &started.notes {
                    self.shared.toast(Level::Warning, note.clone());
                }
                self.shared.toast(Level::Ok, done);
            }
            Receipt::Tested(tested) => {
                let text = format!(
                    "{} answered in {} ms, {}",
                    tested.teacher, tested.latency_ms, tested.usd
                );
                self.shared.toast(Level::Ok, text);
            }
            Receipt::Written(path, entries) => {
                self.shared
                    .toast(Level::Ok, format!("{done}: {entries} in {}", path.display()));
            }
            Receipt::Reverted(reverted) => {
                self.shared
                    .toast(Level::Ok, format!("{done}: {}", reverted.label));
                if reverted.skipped > 0 {
                    let text = format!("{} decided again since, left alone", reverted.skipped);
                    self.shared.toast(Level::Warning, text);
                }
                for note in &reverted.notes {
                    self.shared.toast(Level::Warning, note.clone());
                }
            }
            Receipt::Dataset(directory, files) => {
                let rows: u64 = files.iter().map(|(_, rows, _)| rows).sum();
                let text = format!("{done}: {} rows in {}", grouped(rows), directory.display());
                self.shared.toast(Level::Ok, text);
            }
            // Whoever orders a bulk tells how far it is; new verdicts are told wherever one is.
            Receipt::Bulk(_) | Receipt::Rejudged(_) | Receipt::MadeAgain(_) | Receipt::Opened(_) => {}
            Receipt::Done | Receipt::DryRun(_) | Receipt::Queue(_) | Receipt::Salvaged(_) => {
                self.shared.toast(Level::Ok, done);
            }
        }
    }

    pub(super) fn event(&mut self, event: Event) -> Vec<Effect> {
        let (level, text) = match &event {
            Event::Job { job, state } => {
                let level = match state {
                    JobState::Failed(_) => Level::Error,
                    // Whoever asked for it hears it from the order.
                    JobState::Paused(PauseReason::Asked) => Level::Ok,
                    JobState::Paused(_) => Level::Warning,
                    _ => Level::Ok,
                };
                let reason = state
                    .reason()
                    .map(|reason| format!(": {reason}"))
                    .unwrap_or_default();
                let banner = match state {
                    JobState::Paused(PauseReason::Disk(why)) => {
                        Some(format!("{why}: {job} waits until it takes writes again"))
                    }
                    _ => None,
                };
                self.shared.banner(job, banner);
                (level, format!("{job} {}{reason}", state.word()))
            }
            Event::Provider {
                provider,
                health,
                message,
            } => {
                let level = if *health == Health::Up {
                    Level::Ok
                } else {
                    Level::Warning
                };
                (level, format!("{provider} {message}"))
            }
            Event::Note {
                level,
                job: Some(job),
                text,
            } => (*level, format!("{job}: {text}")),
            Event::Note {
                level,
                job: None,
                text,
            } => (*level, text.clone()),
            Event::TakenOver(by) => (
                Level::Error,
                format!("the database was taken over by {by}: from now on it is only looked at here"),
            ),
        };
        if level != Level::Ok {
            self.shared.toast(level, text.clone());
        }
        let job = match &event {
            Event::Job { job, .. } => Some(job.clone()),
            Event::Note { job, .. } => job.clone(),
            Event::Provider { .. } | Event::TakenOver(_) => None,
        };
        let taken_over = matches!(event, Event::TakenOver(_));
        self.shared.note_about(job, level, text);
        let mut effects: Vec<Effect> = self.notice(&event).into_iter().collect();
        effects.extend(self.with_top(|screen, cx| screen.view_mut().update(&Message::Event(event), cx)));
        if taken_over {
            effects.extend(self.open_again());
        }
        effects
    }

    /// The call of someone who looks elsewhere; none while they review, and none shortly after another.
    fn notice(&mut self, event: &Event) -> Option<Effect> {
        let text = outside::word(event)?;
        let now = self.shared.now;
        let lately = self.notified.is_some_and(|at| now < at + QUIET);
        if self.focused == Some(true) || self.tab == Tab::Review || lately {
            return None;
        }
        self.notified = Some(now);
        Some(Effect::Notify(text))
    }

    /// What became of a text in the editor: the screen that gave it knows what to do with a new one.
    pub(super) fn edited(&mut self, ticket: Ticket, result: Result<String, String>) -> Vec<Effect> {
        if let Err(why) = &result {
            self.shared.toast(Level::Warning, why.clone());
        }
        self.with_top(|screen, cx| screen.view_mut().update(&Message::Edited(ticket, result), cx))
    }

    pub(super) fn copied(&mut self, result: Result<String, String>) {
        let what = std::mem::take(&mut self.shared.copying);
        match result {
            Ok(ways) => self.shared.toast(Level::Ok, format!("Copied {what}: {ways}")),
            Err(why) => self
                .shared
                .toast(Level::Error, format!("{what} is not copied: {why}")),
        }
    }
}
