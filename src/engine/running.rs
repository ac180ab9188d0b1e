//! A job in motion: its compiled parts, its purse, its wish (run, pause, stop) and what it has in flight.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::board::Board;
use super::bucket::Bucket;
use super::compile::shares;
use super::roster::Roster;
use super::yields::Yields;
use crate::core::budget::{Budget, Caps, Money};
use crate::core::job::{Job, JobSpec, PauseReason, RouteBy, Step};
use crate::core::ports::{SchemaCheck, Totals, Validator};
use crate::core::route::Share;
use crate::core::selection::{Places, class_of};
use crate::core::task::Lease;
use crate::core::template::Templates;

/// Requests in flight where a job says nothing.
const CONCURRENCY: u32 = 64;
/// More than anybody can accept.
const NO_TARGET: u64 = u64::MAX;

/// Tasks under way for each place of a quota that is still to be taken.
const SURPLUS: usize = 8;

/// What the job is to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wish {
    /// Go on.
    Run,
    /// Claim nothing more, finish what is in flight, then stand still for this reason.
    Pause(PauseReason),
    /// Finish what is in flight, then cancel the rest.
    Cancel,
    /// A cap is met and the job asks to be stopped by it.
    StopAtLimit(String),
    /// Leave at once: what is in flight goes back to the queue.
    Abort,
}

/// Teachers of each step.
pub(super) type Shares = Arc<Vec<Vec<Share>>>;

/// Which teachers the steps have, as last looked up.
struct LookedUp {
    /// The steps as the newest revision has them.
    steps: Vec<Step>,
    roster: Arc<Roster>,
    shares: Shares,
}

/// A validator with its name in verdicts.
pub(super) struct Gate {
    /// Its kind.
    pub(super) kind: String,
    /// Its name in the ledger: the kind, and from the second of a kind on `#` and its number.
    pub(super) name: String,
    /// The thing itself.
    pub(super) validator: Arc<dyn Validator>,
}

/// A job in motion.
pub(super) struct Running {
    pub(super) job: Job,
    pub(super) spec: JobSpec,
    pub(super) templates: Templates,
    /// Teachers of each step, in the steps' order.
    shares: Mutex<LookedUp>,
    /// Compiled schemas of each step.
    pub(super) checks: Vec<Option<Arc<dyn SchemaCheck>>>,
    /// Schemas by step name, as candidates carry them.
    pub(super) schemas: Arc<Vec<(String, Arc<Value>)>>,
    pub(super) gates: Vec<Gate>,
    /// Whether a gate costs money, so that duplicates are looked up first.
    pub(super) costly: bool,
    pub(super) budget: Mutex<Budget>,
    /// Resolves waiters when a reservation was settled.
    pub(super) settled: Notify,
    pace: Mutex<Option<Bucket>>,
    wish: Board<Wish>,
    /// Nobody looks at the wish any more: the dataset is brought up to date, and it ends.
    leaves: AtomicBool,
    /// It stands still.
    ended: Board<bool>,
    /// Leases in workers' hands, by task index: what an abort gives back.
    active: Mutex<BTreeMap<u64, Lease>>,
    /// Requests on the wire.
    pub(super) on_wire: AtomicU64,
    /// Seed rows this run is limited to.
    pub(super) row_limit: Option<u64>,
    /// While only its canary runs: the job with all its rows.
    pub(super) canary: Option<JobSpec>,
    /// Most requests on the wire at once: the places in [`Self::slots`].
    in_flight_most: AtomicU32,
    /// The places on the wire.
    pub(super) slots: Semaphore,
    /// Places to be given up by whoever takes one next.
    surplus: AtomicU32,
    started: Instant,
    /// How much of this run's wall time is in the ledger.
    saved: Mutex<Duration>,
    /// Accepted samples wanted; [`NO_TARGET`] without a target.
    target: AtomicU64,
    /// Places within the target that are taken.
    taken: AtomicU64,
    /// The places of each class, where the job has a quota: they count instead.
    quota: Option<Mutex<Places>>,
    /// Wakes the scheduler: tasks were planned.
    pub(super) planned: Notify,
    /// All tasks of this run are in the ledger.
    pub(super) planned_all: AtomicBool,
    /// Wakes the outbox: samples were accepted.
    pub(super) accepted: Notify,
    /// What teachers gave and took, where that decides who is asked.
    pub(super) yields: Option<Yields>,
}

/// What a job needs besides its row in order to move.
pub(super) struct Compiled {
    pub(super) templates: Templates,
    pub(super) roster: Arc<Roster>,
    pub(super) shares: Shares,
    pub(super) checks: Vec<Option<Arc<dyn SchemaCheck>>>,
    pub(super) gates: Vec<Gate>,
}

impl Running {
    /// A job about to run. `spec` is the stored one with this run's overrides, `accepted` what it has
    /// accepted so far.
    pub(super) fn new(
        job: Job,
        spec: JobSpec,
        compiled: Compiled,
        budget: Budget,
        accepted: u64,
        row_limit: Option<u64>,
        canary: Option<JobSpec>,
    ) -> Self {
        let schemas = spec
            .steps
            .iter()
            .filter_map(|step| step.schema.clone().map(|schema| (step.name.clone(), schema)))
            .collect();
        let wanted = spec.target.map_or(NO_TARGET, |target| target.accepted);
        let in_flight_most = spec.limits.concurrency.unwrap_or(CONCURRENCY).max(1);
        let Compiled {
            templates,
            roster,
            shares,
            checks,
            gates,
        } = compiled;
        Self {
            costly: gates.iter().any(|gate| gate.validator.is_costly()),
            in_flight_most: AtomicU32::new(in_flight_most),
            slots: Semaphore::new(in_flight_most as usize),
            surplus: AtomicU32::new(0),
            pace: Mutex::new(
                spec.limits
                    .requests_per_minute
                    .map(|n| Bucket::per_minute(f64::from(n))),
            ),
            planned_all: AtomicBool::new(job.planned_all),
            job,
            templates,
            shares: Mutex::new(LookedUp {
                steps: spec.steps.clone(),
                roster,
                shares,
            }),
            checks,
            target: AtomicU64::new(wanted),
            taken: AtomicU64::new(accepted),
            quota: spec
                .quota
                .clone()
                .map(|quota| Mutex::new(Places::new(quota, wanted))),
            schemas: Arc::new(schemas),
            gates,
            budget: Mutex::new(budget),
            settled: Notify::new(),
            wish: Board::new(Wish::Run),
            leaves: AtomicBool::new(false),
            ended: Board::new(false),
            active: Mutex::default(),
            on_wire: AtomicU64::new(0),
            row_limit,
            canary,
            started: Instant::now(),
            saved: Mutex::default(),
            planned: Notify::new(),
            accepted: Notify::new(),
            yields: (spec.route == RouteBy::Yield).then(Yields::default),
            spec,
        }
    }

    /// Teachers of each step in this roster.
    pub(super) fn shares(&self, roster: &Arc<Roster>) -> Shares {
        let mut known = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&known.roster, roster) {
            known.shares = shares(&known.steps, roster);
            known.roster = Arc::clone(roster);
        }
        Arc::clone(&known.shares)
    }

    /// What it is to do, now.
    pub(super) fn wish(&self) -> Wish {
        self.wish.get()
    }

    /// Resolves when the wish changes from now on.
    pub(super) fn wish_changed(&self) -> Notified<'_> {
        self.wish.changed()
    }

    /// From here on nobody looks at its wish any more.
    pub(super) fn leave(&self) {
        self.leaves.store(true, Ordering::Relaxed);
    }

    /// Whether it ends whatever it is asked.
    pub(super) fn leaves(&self) -> bool {
        self.leaves.load(Ordering::Relaxed)
    }

    /// Changes the wish. Only an abort overrules an earlier wish to end; a pause can be taken back by `Run` before it is reached.
    pub(super) fn ask(&self, wish: Wish) -> bool {
        self.wish.change(|now| {
            let allowed = match (&*now, &wish) {
                (Wish::Pause(PauseReason::Asked | PauseReason::Stopped), Wish::Pause(_)) => false,
                (_, Wish::Abort)
                | (Wish::Run, _)
                | (
                    Wish::Pause(_),
                    Wish::Run | Wish::Cancel | Wish::Pause(PauseReason::Asked | PauseReason::Stopped),
                ) => true,
                (Wish::Pause(_) | Wish::Cancel | Wish::StopAtLimit(_) | Wish::Abort, _) => false,
            };
            if allowed {
                *now = wish;
            }
            allowed
        })
    }

    /// Waits until the job no longer wishes to run.
    pub(super) async fn ended(&self) {
        self.wish.wait_for(|wish| *wish != Wish::Run).await;
    }

    /// Resolves when it is to leave at once.
    pub(super) async fn aborted(&self) {
        self.wish.wait_for(|wish| *wish == Wish::Abort).await;
    }

    /// It stands still.
    pub(super) fn end(&self) {
        self.ended.change(|ended| !std::mem::replace(ended, true));
    }

    /// Waits until it stands still.
    pub(super) async fn stands_still(&self) {
        self.ended.wait_for(|ended| *ended).await;
    }

    /// The purse.
    pub(super) fn purse(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the job's own requests-per-minute limit says to wait; takes a place where it says nothing.
    pub(super) fn pace(&self) -> Option<Duration> {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = pace.as_mut()?;
        let wait = bucket.wait_for(Instant::now(), 1.0);
        if wait.is_none() {
            bucket.take(1.0);
        }
        wait
    }

    /// Wall time of this run.
    pub(super) fn ran(&self) -> Duration {
        self.started.elapsed()
    }

    /// Wall time of this run that is not in the ledger yet.
    pub(super) fn unsaved(&self) -> Duration {
        self.ran().saturating_sub(*self.saved())
    }

    /// So much of it has reached the ledger.
    pub(super) fn save(&self, time: Duration) {
        *self.saved() += time;
    }

    fn saved(&self) -> MutexGuard<'_, Duration> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what a worker holds.
    pub(super) fn hold(&self, lease: Lease) {
        self.actives().insert(lease.task.index, lease);
    }

    /// Forgets it: the task has left its lease.
    pub(super) fn let_go(&self, lease: Lease) {
        self.actives().remove(&lease.task.index);
    }

    /// Everything held.
    pub(super) fn held(&self) -> Vec<Lease> {
        self.actives().values().copied().collect()
    }

    fn actives(&self) -> MutexGuard<'_, BTreeMap<u64, Lease>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepted samples wanted; `None` without a target.
    pub(super) fn target(&self) -> Option<u64> {
        Some(self.target.load(Ordering::Relaxed)).filter(|target| *target != NO_TARGET)
    }

    /// Accepted samples still wanted; `None` without a target.
    pub(super) fn left(&self) -> Option<u64> {
        if let Some(places) = self.places() {
            return Some(places.left());
        }
        self.target()
            .map(|target| target.saturating_sub(self.taken.load(Ordering::Relaxed)))
    }

    /// The places of a quota.
    fn places(&self) -> Option<MutexGuard<'_, Places>> {
        let places = self.quota.as_ref()?;
        Some(places.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Classes of a quota that are not full: what they have, and what they should.
    pub(super) fn missing(&self) -> Vec<String> {
        let Some(places) = self.places() else {
            return Vec::new();
        };
        let words = places.missing().into_iter();
        words
            .map(|(class, accepted, most)| format!("{class} {accepted} of {most}"))
            .collect()
    }

    /// Tasks that may be under way at once so that the target is reached and not much more: what is surplus in a full class was
    /// paid for all the same, but asking one by one for the last of a rare class would take for ever.
    pub(super) fn wanted_at_once(&self, most: usize) -> usize {
        let Some(left) = self.left() else { return most };
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let many = if self.quota.is_some() {
            left.saturating_mul(SURPLUS)
        } else {
            left
        };
        many.min(most)
    }

    /// Takes the place of a sample that an earlier run accepted, where places are by class.
    pub(super) fn restore_place(&self, field: impl Fn(&str) -> Option<Value>) {
        if let Some(mut places) = self.places() {
            let class = class_of(field(places.field()));
            places.take(&class);
        }
    }

    /// Takes a place within the target; `false`: it is full. With a quota there is room for all: what is too many of a class is
    /// accepted and not selected.
    pub(super) fn take_place(&self, field: impl Fn(&str) -> Option<Value>) -> bool {
        if self.quota.is_some() {
            self.restore_place(field);
            return true;
        }
        let target = self.target.load(Ordering::Relaxed);
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                (taken < target).then_some(taken + 1)
            })
            .is_ok()
    }

    /// Gives a place back: what took it was not accepted in the end.
    pub(super) fn give_place_back(&self, field: impl Fn(&str) -> Option<Value>) {
        if let Some(mut places) = self.places() {
            let class = class_of(field(places.field()));
            return places.give_back(&class);
        }
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }

    /// Most requests on the wire at once.
    pub(super) fn most_in_flight(&self) -> u32 {
        self.in_flight_most.load(Ordering::Relaxed)
    }

    /// Takes up the numbers of a new revision while it runs: target, caps, pace, weights, and places on the
    /// wire: those in use are given up as they become free.
    pub(super) fn adopt(&self, spec: &JobSpec) {
        let target = spec.target.map_or(NO_TARGET, |target| target.accepted);
        self.target.store(target, Ordering::Relaxed);
        if let Some(mut places) = self.places() {
            places.want(target);
        }
        self.purse().set_caps(spec.limits.caps(), spec.limits.cap);
        self.settled.notify_waiters();
        let pace = spec.limits.requests_per_minute;
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner) =
            pace.map(|requests| Bucket::per_minute(f64::from(requests)));
        let mut known = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        known.shares = shares(&spec.steps, &known.roster);
        known.steps.clone_from(&spec.steps);
        drop(known);
        let most = spec.limits.concurrency.unwrap_or(CONCURRENCY).max(1);
        let before = self.in_flight_most.swap(most, Ordering::Relaxed);
        let mut more = most.saturating_sub(before);
        // Places that were to be given up stay instead.
        while more > 0 && self.gives_up_place() {
            more -= 1;
        }
        self.slots.add_permits(more as usize);
        self.surplus
            .fetch_add(before.saturating_sub(most), Ordering::Relaxed);
        // The scheduler looks again: there may be room for more tasks now, or none wanted any more.
        self.planned.notify_one();
    }

    /// Whether a place that was just taken is one too many; then its permit is to be forgotten.
    pub(super) fn gives_up_place(&self) -> bool {
        self.surplus
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
            .is_ok()
    }

    /// Requests on the wire.
    pub(super) fn in_flight(&self) -> u64 {
        self.on_wire.load(Ordering::Relaxed)
    }

    /// Fills the purse anew from the ledger.
    pub(super) fn refill(&self, totals: &Totals) {
        self.purse().refill(totals.spent());
    }

    /// The job's caps as they are in force.
    pub(super) fn caps(&self) -> Caps {
        self.purse().caps()
    }

    /// Money settled and set aside.
    pub(super) fn spent(&self) -> (Money, Money) {
        let purse = self.purse();
        (purse.settled().usd, purse.reserved().usd)
    }
}

/// All jobs in motion, by id.
pub(super) type Jobs = Mutex<BTreeMap<i64, Arc<Running>>>;
