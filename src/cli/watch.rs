//! What a run without a screen says while it runs, and when it is over: a pure function of events, gauge and time.

use std::collections::HashMap;
use std::time::Duration;

use super::format::{clock, count};
use super::line::{Line, Style};
use super::output::Pace;
use crate::core::api::{Event, Health, JobProgress, Level, Progress};
use crate::core::job::{JobState, PauseReason};
use crate::core::text::grouped;

/// How often a run that waits says so.
const REMINDER: Duration = Duration::from_secs(30);
/// Longest silence between two progress lines.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// What happened to the job so far, and what was said about it.
#[derive(Debug)]
pub(super) struct Watch {
    pace: Pace,
    job: Option<String>,
    states: HashMap<String, JobState>,
    waiting: Option<Waiting>,
    said: Option<Said>,
}

/// A cause that may heal by itself.
#[derive(Debug)]
struct Waiting {
    since: Duration,
    said_at: Duration,
}

/// The last progress line.
#[derive(Debug)]
struct Said {
    at: Duration,
    tenth: u64,
}

/// What to show at a moment.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Moment {
    /// The live line.
    pub live: Option<String>,
    /// Lines of narration.
    pub lines: Vec<Line>,
}

impl Watch {
    /// Watches nothing yet, but remembers what every job does.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            job: None,
            states: HashMap::new(),
            waiting: None,
            said: None,
        }
    }

    /// From now on this job is the one.
    pub fn follow(&mut self, job: &str) {
        self.job = Some(job.to_owned());
    }

    /// Takes note of an event and says what a person should read of it.
    pub fn heard(&mut self, event: &Event) -> Option<Line> {
        match event {
            Event::Job { job, state } => {
                self.states.insert(job.clone(), state.clone());
                // How the job itself ended stands in the summary.
                let is_told = self.job.as_ref() == Some(job) && ends(state);
                if is_told { None } else { job_line(job, state) }
            }
            Event::Provider {
                provider,
                health,
                message,
            } => Some(provider_line(provider, *health, message)),
            Event::Note { level, job, text } => {
                let (style, word) = match level {
                    Level::Ok => (Style::Faint, "note: "),
                    Level::Warning => (Style::Warn, "warning: "),
                    Level::Error => (Style::Bad, "error: "),
                };
                let about = job
                    .as_ref()
                    .filter(|job| self.job.as_ref() != Some(job))
                    .map_or_else(String::new, |job| format!("{job}: "));
                Some(Line::styled(style, word).and(Style::Plain, format!("{about}{text}")))
            }
            Event::TakenOver(by) => {
                let text = format!("the database was taken over by {by}");
                Some(Line::styled(Style::Bad, "error: ").and(Style::Plain, text))
            }
        }
    }

    /// The state the job has by the events heard.
    fn state(&self) -> Option<&JobState> {
        self.states.get(self.job.as_deref()?)
    }

    /// Whether the job was stopped. Where nobody sent a signal, something else did.
    pub fn is_stopped(&self) -> bool {
        matches!(self.state(), Some(JobState::Paused(PauseReason::Stopped)))
    }

    /// Whether the job waits for a word about what comes after its canary.
    pub fn is_at_canary(&self) -> bool {
        matches!(self.state(), Some(JobState::Paused(PauseReason::Canary(_))))
    }

    /// It was told to go on: how it stood is no longer true.
    pub fn goes_on(&mut self) {
        if let Some(job) = &self.job {
            self.states.remove(job);
        }
    }

    /// Whether nothing more will happen unless a person acts.
    pub fn is_over(&self) -> bool {
        self.state().is_some_and(ends)
    }

    /// What to show at this moment of the run.
    pub fn tick(&mut self, now: Duration, progress: &Progress) -> Moment {
        let gauge = self
            .job
            .as_ref()
            .and_then(|name| progress.jobs.iter().find(|job| job.name == *name));
        let mut lines = Vec::new();
        let cause = self.cause(gauge);
        lines.extend(self.remind(now, cause));
        let Some(gauge) = gauge else {
            return Moment { live: None, lines };
        };
        let live = (self.pace == Pace::Live).then(|| gauge_line(gauge));
        if self.pace == Pace::Lines && self.is_due(now, gauge) {
            lines.push(Line::from(gauge_line(gauge)));
        }
        Moment { live, lines }
    }

    /// What the job waits for, if it is something that can heal.
    fn cause(&self, gauge: Option<&JobProgress>) -> Option<String> {
        match self.state() {
            Some(JobState::Running) | None => gauge
                .filter(|gauge| gauge.in_flight == 0 && gauge.state != "completed")
                .and_then(|gauge| gauge.reason.clone()),
            _ => None,
        }
    }

    fn remind(&mut self, now: Duration, cause: Option<String>) -> Option<Line> {
        let Some(cause) = cause else {
            self.waiting = None;
            return None;
        };
        let waiting = self.waiting.get_or_insert(Waiting {
            since: now,
            said_at: now,
        });
        if now.saturating_sub(waiting.said_at) < REMINDER {
            return None;
        }
        waiting.said_at = now;
        let since = clock(now.saturating_sub(waiting.since));
        Some(
            Line::styled(Style::Warn, format!("waiting for {since}: "))
                .and(Style::Plain, cause)
                .and(Style::Faint, " (goes on by itself when it heals)"),
        )
    }

    fn is_due(&mut self, now: Duration, gauge: &JobProgress) -> bool {
        let tenth = share(gauge).map_or(0, |share| (share * 10.0) as u64);
        let due = self
            .said
            .as_ref()
            .is_none_or(|said| tenth > said.tenth || now.saturating_sub(said.at) >= LINE_EVERY);
        if due {
            self.said = Some(Said { at: now, tenth });
        }
        due
    }
}

/// Whether a run without a screen is over in that state. What may heal by itself, the engine has waited for before it says paused.
fn ends(state: &JobState) -> bool {
    matches!(state, JobState::Paused(_)) || state.is_final()
}

/// How much of the job is done, from 0 to 1, once that can be told.
fn share(job: &JobProgress) -> Option<f64> {
    let (done, all) = match job.target {
        Some(target) => (job.accepted_samples, target),
        None if job.planned_all => (settled(job), job.enqueued),
        None => return None,
    };
    (all > 0).then(|| (done as f64 / all as f64).min(1.0))
}

/// Tasks a worker has no more to do with.
fn settled(job: &JobProgress) -> u64 {
    job.persisted + job.rejected + job.failed + job.needs_review + job.cancelled
}

/// The gauge on one line, the most important first.
fn gauge_line(job: &JobProgress) -> String {
    let percent = share(job).map(|share| format!(" {} %", (share * 100.0).floor() as u64));
    let mut parts = vec![format!(
        "{}{} · {} of {} tasks",
        job.name,
        percent.unwrap_or_default(),
        grouped(settled(job)),
        grouped(job.enqueued)
    )];
    if job.state != "running" {
        parts.push(job.state.clone());
    }
    let target = job
        .target
        .map(|target| format!("/{}", grouped(target)))
        .unwrap_or_default();
    parts.push(format!("{}{target} accepted", grouped(job.accepted_samples)));
    for (number, word) in [
        (job.rejected, "rejected"),
        (job.failed, "failed"),
        (job.needs_review, "to review"),
    ] {
        if number > 0 {
            parts.push(format!("{} {word}", grouped(number)));
        }
    }
    parts.push(format!("{} in flight", grouped(job.in_flight)));
    let cap = job.usd_cap.map(|cap| format!("/{cap}")).unwrap_or_default();
    parts.push(format!("{}{cap}", job.usd));
    let rate: f64 = job.rates[1..].iter().sum();
    if rate >= 0.95 {
        parts.push(format!("{rate:.1}/s"));
    } else if rate >= 0.05 / 60.0 {
        // A small model on one machine: a few a minute.
        parts.push(format!("{:.1}/min", rate * 60.0));
    }
    if let Some(eta) = job.eta {
        parts.push(format!("{} left", clock(eta)));
    }
    parts.join(" · ")
}

fn job_line(job: &str, state: &JobState) -> Option<Line> {
    let style = match state {
        // The summary says how it ended; the rest is everyday life.
        JobState::Paused(PauseReason::Stopped) => return None,
        JobState::Paused(_) => Style::Warn,
        JobState::Failed(_) => Style::Bad,
        _ => return None,
    };
    let reason = state.reason().unwrap_or_default();
    Some(
        Line::styled(Style::Strong, job)
            .and(Style::Plain, " is ")
            .and(style, state.word())
            .and(Style::Plain, format!(": {reason}")),
    )
}

fn provider_line(provider: &str, health: Health, message: &str) -> Line {
    let (style, word) = health_word(health);
    let colon = if message.is_empty() { "" } else { ": " };
    Line::from("provider ")
        .and(Style::Strong, provider)
        .and(Style::Plain, " is ")
        .and(style, word)
        .and(Style::Plain, format!("{colon}{message}"))
}

/// The word for a provider's health, and its colour.
pub(super) fn health_word(health: Health) -> (Style, &'static str) {
    match health {
        Health::Up => (Style::Good, "up"),
        Health::Slow => (Style::Warn, "slow"),
        Health::Limited => (Style::Warn, "limited"),
        Health::Down => (Style::Bad, "down"),
        Health::Off => (Style::Faint, "off"),
    }
}

/// What is said when a run is told to stop, with so many requests in flight.
pub(super) fn stopping_line(in_flight: u64, most: Option<Duration>) -> Line {
    if in_flight == 0 {
        return Line::from("stopping: nothing is in flight; ctrl-c again to leave now");
    }
    let most = most
        .map(|most| format!(", at most {} s", most.as_secs()))
        .unwrap_or_default();
    Line::styled(
        Style::Warn,
        format!(
            "waiting for {} in flight (paid for{most}); ctrl-c again to leave now",
            count(in_flight, "request")
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn gauge(persisted: u64) -> Progress {
        Progress {
            jobs: vec![JobProgress {
                name: "quick".to_owned(),
                state: "running".to_owned(),
                planned_all: true,
                enqueued: 1_000,
                persisted,
                accepted_samples: persisted,
                rejected: 0,
                in_flight: 8,
                ..JobProgress::default()
            }],
            ..Progress::default()
        }
    }

    fn paused(reason: PauseReason) -> Event {
        Event::Job {
            job: "quick".to_owned(),
            state: JobState::Paused(reason),
        }
    }

    #[test]
    fn the_live_line_says_the_most_important_first() {
        let mut progress = gauge(1_240);
        let job = &mut progress.jobs[0];
        job.enqueued = 5_000;
        job.failed = 3;
        job.usd_cap = Some(crate::core::budget::Money::from_usd(10.0));
        job.usd = crate::core::budget::Money::from_usd(1.5);
        job.eta = Some(seconds(130));
        job.rates = [9.0, 7.0, 0.5, 0.0];
        assert_eq!(
            gauge_line(job),
            "quick 24 % · 1,243 of 5,000 tasks · 1,240 accepted · 3 failed · 8 in flight · $1.50/$10.00 · 7.5/s · 0:02:10 left"
        );
        let mut watch = Watch::new(Pace::Live);
        watch.follow("quick");
        let moment = watch.tick(seconds(0), &progress);
        assert!(moment.live.is_some() && moment.lines.is_empty());
    }

    #[test]
    fn without_a_terminal_a_line_comes_every_tenth_and_every_ten_seconds() {
        let mut watch = Watch::new(Pace::Lines);
        watch.follow("quick");
        let mut said = Vec::new();
        for (second, persisted) in [(0, 0), (1, 99), (2, 100), (3, 150), (11, 160), (12, 161)] {
            if !watch.tick(seconds(second), &gauge(persisted)).lines.is_empty() {
                said.push(second);
            }
        }
        assert_eq!(said, [0, 2, 12]);
        let mut silent = Watch::new(Pace::Silent);
        silent.follow("quick");
        assert_eq!(silent.tick(seconds(0), &gauge(5)), Moment::default());
    }

    #[test]
    fn a_run_waits_for_what_can_heal_and_leaves_when_only_a_person_can_help() {
        for reason in [
            PauseReason::Auth("x".to_owned()),
            PauseReason::Credit("x".to_owned()),
            PauseReason::Limit("usd".to_owned()),
            PauseReason::Canary("x".to_owned()),
            PauseReason::NoTeacher("x".to_owned()),
            PauseReason::Unreachable("x".to_owned()),
            PauseReason::Disk("x".to_owned()),
        ] {
            let mut watch = Watch::new(Pace::Silent);
            watch.follow("quick");
            assert!(!watch.is_over());
            // The summary says it.
            assert_eq!(watch.heard(&paused(reason)), None);
            assert!(watch.is_over());
        }
        let mut watch = Watch::new(Pace::Silent);
        watch.follow("quick");
        let mut waits = gauge(0);
        waits.jobs[0].in_flight = 0;
        waits.jobs[0].reason = Some("unreachable: local".to_owned());
        let mut reminders = Vec::new();
        for second in 0..300 {
            assert!(!watch.is_over());
            for line in watch.tick(seconds(second), &waits).lines {
                reminders.push((second, line.render(false)));
            }
        }
        assert_eq!(reminders.len(), 9);
        assert_eq!(
            reminders[1],
            (
                60,
                "waiting for 0:01:00: unreachable: local (goes on by itself when it heals)".to_owned()
            )
        );
        // It healed: the clock starts anew.
        watch.tick(seconds(301), &gauge(0));
        assert_eq!(watch.tick(seconds(330), &waits), Moment::default());
    }

    #[test]
    fn events_of_other_jobs_do_not_end_the_run() {
        let mut watch = Watch::new(Pace::Silent);
        watch.follow("quick");
        watch.heard(&Event::Job {
            job: "other".to_owned(),
            state: JobState::Completed,
        });
        assert!(!watch.is_over());
        let line = watch.heard(&Event::Note {
            level: Level::Warning,
            job: Some("other".to_owned()),
            text: "look\x1b[2J".to_owned(),
        });
        assert_eq!(line.unwrap().render(false), "warning: other: look␛[2J");
    }
}
