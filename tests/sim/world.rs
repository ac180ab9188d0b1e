//! What all parts of one simulated run share: its clock, its log of what was bought, its trace, and the deaths it dies.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use destilation::core::sample::SampleId;
use destilation::core::task::Lease;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A request as the teacher saw it.
#[derive(Debug, Clone)]
pub struct Bought {
    /// From 1; it stands in the answer, too.
    pub nonce: u64,
    pub at: Duration,
    pub provider: usize,
    pub job: String,
    pub task: u64,
    /// What the teacher takes for it, answered or not.
    pub micro: i64,
    /// The process that asked, counted from 0.
    pub life: u64,
}

/// A wait a teacher asked for.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    pub provider: usize,
    pub at: Duration,
    pub until: Duration,
    pub life: u64,
}

/// One step of the trace: virtual milliseconds, what, and two numbers about it.
pub type Step = (u64, &'static str, u64, u64);

/// One run.
pub struct World {
    start: Instant,
    pub bought: Mutex<Vec<Bought>>,
    pub told: Mutex<Vec<Told>>,
    /// Samples somebody was told are accepted.
    pub acknowledged: Mutex<Vec<SampleId>>,
    /// Leases in the hands of the living.
    pub leases: Mutex<BTreeMap<u64, Lease>>,
    pub trace: Mutex<Vec<Step>>,
    /// What a watcher found wrong while it ran.
    pub finding: Mutex<Option<String>>,
    /// Requests on the wire: the job, when it was sent, when its answer came or it was given up.
    pub flights: Mutex<Vec<(String, Duration, Option<Duration>)>>,
    nonces: AtomicU64,
    /// Calls of the ledger so far, and at which of them the process dies, the last one first.
    calls: AtomicU64,
    deaths: Mutex<Vec<u64>>,
    pub died: Notify,
    /// At which call a person's turn comes, whatever the time.
    turns: Mutex<Vec<u64>>,
    pub turn: Notify,
}

impl World {
    /// Begins now, on the runtime's clock.
    pub fn new(mut deaths: Vec<u64>, mut turns: Vec<u64>) -> Arc<Self> {
        deaths.sort_unstable_by(|a, b| b.cmp(a));
        turns.sort_unstable_by(|a, b| b.cmp(a));
        Arc::new(Self {
            start: Instant::now(),
            bought: Mutex::default(),
            told: Mutex::default(),
            acknowledged: Mutex::default(),
            leases: Mutex::default(),
            trace: Mutex::default(),
            finding: Mutex::default(),
            flights: Mutex::default(),
            nonces: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            deaths: Mutex::new(deaths),
            died: Notify::new(),
            turns: Mutex::new(turns),
            turn: Notify::new(),
        })
    }

    /// Virtual time since the beginning.
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    pub fn nonce(&self) -> u64 {
        self.nonces.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub fn requests(&self) -> u64 {
        self.nonces.load(Ordering::Relaxed)
    }

    pub fn note(&self, what: &'static str, one: u64, other: u64) {
        let step = (self.now().as_millis() as u64, what, one, other);
        self.trace.lock().unwrap().push(step);
    }

    /// The first thing that is wrong stays.
    pub fn found(&self, what: String) {
        self.finding.lock().unwrap().get_or_insert(what);
    }

    /// The most requests of a job on the wire at once, from that time on.
    pub fn most_at_once(&self, job: &str, from: Duration) -> usize {
        let flights = self.flights.lock().unwrap();
        let of_job = || flights.iter().filter(|(name, _, _)| name == job);
        let begins = of_job().map(|(_, at, _)| *at).filter(|at| *at >= from);
        let at = |now: Duration| {
            let flies = |(_, sent, came): &&(String, Duration, Option<Duration>)| {
                *sent <= now && came.is_none_or(|came| came > now)
            };
            of_job().filter(flies).count()
        };
        begins.map(at).max().unwrap_or(0)
    }

    /// Ledger calls so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Counts a step; whether the process dies at it.
    pub fn is_death(&self) -> bool {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        assert!(
            call < 2_000_000,
            "L2: nothing but calls of the ledger at {:?}",
            self.now()
        );
        let mut turns = self.turns.lock().unwrap();
        if turns.last().is_some_and(|at| *at <= call) {
            turns.pop();
            self.turn.notify_one();
        }
        drop(turns);
        let mut deaths = self.deaths.lock().unwrap();
        let dies = deaths.last().is_some_and(|at| *at <= call);
        if dies {
            deaths.pop();
        }
        dies
    }
}

/// A life of the process: once it is over, nothing it does reaches the world, and nothing it waits for ever comes.
pub struct Life {
    pub number: u64,
    over: AtomicBool,
}

impl Life {
    pub fn new(number: u64) -> Arc<Self> {
        Arc::new(Self {
            number,
            over: AtomicBool::new(false),
        })
    }

    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Goes on if it lives.
    pub async fn lives(&self) {
        if self.over.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}
