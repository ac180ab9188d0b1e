//! What is told without being asked: facts that must arrive, and gauges of which only the latest value matters.

use std::time::Duration;

use serde::Serialize;

use super::answers::Level;
use super::upkeep::Cleaning;
use crate::core::budget::Money;
use crate::core::job::JobState;

/// Facts that must arrive.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A job changed its state.
    Job {
        /// Its name.
        job: String,
        /// The state now.
        state: JobState,
    },
    /// A provider changed its health.
    Provider {
        /// Its name.
        provider: String,
        /// The health now.
        health: Health,
        /// Why.
        message: String,
    },
    /// Something a person should read.
    Note {
        /// How bad.
        level: Level,
        /// About which job.
        job: Option<String>,
        /// One line.
        text: String,
    },
    /// Another instance took the database over while this one slept: nothing is written here any more. Told is its holder.
    TakenOver(String),
}

/// Health of a provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Answers.
    #[default]
    Up,
    /// Over its p95 mark.
    Slow,
    /// Cooling down.
    Limited,
    /// Breaker open or paused.
    Down,
    /// Not usable: no key, bad settings.
    Off,
}

/// A gauge of which only the latest value matters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// Jobs that are not final, and those that ended in this session.
    pub jobs: Vec<JobProgress>,
    /// Every provider.
    pub providers: Vec<ProviderHealth>,
    /// Spent by all jobs since UTC midnight.
    pub today: Money,
    /// The day's cap.
    pub day_cap: Option<Money>,
    /// How far a cleaning of the database is, while there is one.
    pub cleaning: Option<Cleaning>,
    /// What is done to the database before it is open, while that takes time.
    pub preparing: Option<Preparing>,
    /// How far a large action is that is taken back or done again, while there is one.
    pub turning: Option<Turning>,
}

/// What is done to a database of an earlier version before it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preparing {
    /// It is copied as it is.
    Copying {
        /// Bytes written.
        done: u64,
        /// Bytes there will be, about.
        of: u64,
    },
    /// Its tables are brought to this version.
    Migrating,
}

/// How far a large action of the journal is turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turning {
    /// It is done again, not taken back.
    pub again: bool,
    /// Samples that were looked at.
    pub done: u64,
    /// Samples it is about.
    pub all: u64,
}

/// One job's gauge.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JobProgress {
    /// Its name.
    pub name: String,
    /// The word of its state.
    pub state: String,
    /// Why, or what it waits for.
    pub reason: Option<String>,
    /// Whether all tasks are planned.
    pub planned_all: bool,
    /// Tasks in the ledger.
    pub enqueued: u64,
    /// In flight + accepted + rejected + failed + needs review.
    pub started: u64,
    /// Requests in flight.
    pub in_flight: u64,
    /// Most requests in flight at present.
    pub in_flight_limit: u64,
    /// Accepted tasks.
    pub persisted: u64,
    /// Rejected tasks.
    pub rejected: u64,
    /// Failed tasks.
    pub failed: u64,
    /// Tasks that wait for a person.
    pub needs_review: u64,
    /// Cancelled tasks.
    pub cancelled: u64,
    /// Accepted samples.
    pub accepted_samples: u64,
    /// Accepted samples wanted.
    pub target: Option<u64>,
    /// Per second, smoothed over 5 s: started, persisted, rejected, failed.
    pub rates: [f64; 4],
    /// Tokens in and out.
    pub tokens: [u64; 2],
    /// Tokens in and out per second, smoothed.
    pub token_rates: [f64; 2],
    /// Settled.
    pub usd: Money,
    /// Set aside for requests in flight.
    pub reserved: Money,
    /// The job's cap.
    pub usd_cap: Option<Money>,
    /// Attempts that may have been charged without an answer.
    pub maybe_billed: u64,
    /// Wall time of running.
    pub elapsed: Duration,
    /// Time left, once it can be told.
    pub eta: Option<Duration>,
    /// The later end, where the rate is too unsteady for one number.
    pub eta_until: Option<Duration>,
}

/// One provider's gauge.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ProviderHealth {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// How it is.
    pub health: Health,
    /// Why it is not up, or what to do.
    pub message: Option<String>,
    /// Teachers it offers.
    pub models: Vec<String>,
    /// Requests in flight.
    pub in_flight: u64,
    /// Most in flight at present (adaptive).
    pub limit: u64,
    /// Requests sent in this session.
    pub requests: u64,
    /// Failed ones.
    pub errors: u64,
    /// Times it asked to slow down.
    pub limited: u64,
    /// Median latency in milliseconds.
    pub p50_ms: u64,
    /// 95th percentile.
    pub p95_ms: u64,
    /// Spent over the life of the database.
    pub usd: Money,
}
