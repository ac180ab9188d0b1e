//! The scheduler of one job: claims leases, hands them to workers, and brings the job to its end or its pause.

mod leases;
mod restoring;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::planner::{self, PlanError};
use super::running::{Running, Wish};
use super::worker::{self, End};
use super::{Shared, canary, outbox, purse};
use crate::core::api::{Event, Level};
use crate::core::failpoint::{self, Failpoint};
use crate::core::job::{JobState, OnLimit, PauseReason};
use crate::core::ports::{DatasetError, StoreError, Stored};
use crate::core::task::{Lease, Leased, TaskCounts};

/// How often limits of time are looked at.
const TICK: Duration = Duration::from_secs(1);
/// How much running time a crash may cost the ledger.
const UNSAVED: Duration = Duration::from_secs(2);
/// Tasks in commits and validators for each place on the wire, and at most.
const BEHIND_THE_WIRE: usize = 3;
const BEHIND_AT_MOST: usize = 256;
/// When to ask again for tasks that are held back.
const HELD_BACK: Duration = Duration::from_millis(100);
/// How often a full disk is tried again.
const DISK_AGAIN: Duration = Duration::from_secs(10);

type Claiming<'a> = Pin<Box<dyn Future<Output = Stored<Vec<Leased>>> + Send + 'a>>;

/// Runs a job until it is completed, paused, cancelled or failed, and returns the state it left it in.
pub(super) async fn run(shared: Arc<Shared>, job: Arc<Running>) -> JobState {
    let following = outbox::follow(Arc::clone(&shared), Arc::clone(&job));
    let mut scheduler = Scheduler::new(&shared, &job);
    let state = tokio::select! {
        biased;
        state = scheduler.run() => state,
        // Never ends by itself; it is dropped with the run.
        () = following => JobState::Failed("the outbox ended".to_owned()),
    };
    scheduler.leave_behind();
    job.leave();
    failpoint::pass(Failpoint::JobEnding);
    let state = finish(&shared, &job, state).await;
    failpoint::pass(Failpoint::JobWritten);
    store_end(&shared, &job, &state).await;
    failpoint::pass(Failpoint::JobEnded);
    for gate in &job.gates {
        gate.validator.close().await;
    }
    state
}

/// Stores the state a job ends in. A disk that takes nothing just then is tried again until it does, or until the process is to end: a job
/// that is said to run and does not would stay so until the next start.
async fn store_end(shared: &Shared, job: &Running, state: &JobState) {
    let (name, ran) = (&job.spec.name, job.unsaved());
    let mut is_told = false;
    loop {
        let Err(error) = shared.store.set_state(job.job.id, state, ran).await else {
            return;
        };
        let text = format!("the job's state could not be stored: {error}");
        match error {
            StoreError::TakenOver(by) => return shared.tell(Event::TakenOver(by)),
            StoreError::Disk(_) | StoreError::Busy(_) if job.wish() != Wish::Abort => {
                if !std::mem::replace(&mut is_told, true) {
                    let text = format!("{text}; tried again every {} s", DISK_AGAIN.as_secs());
                    shared.note(Level::Warning, Some(name), text);
                }
                tokio::select! {
                    biased;
                    () = job.aborted() => {}
                    () = tokio::time::sleep(DISK_AGAIN) => {}
                }
            }
            _ => return shared.note(Level::Error, Some(name), text),
        }
    }
}

/// Writes the dataset as far as it goes.
async fn finish(shared: &Arc<Shared>, job: &Arc<Running>, state: JobState) -> JobState {
    let written = match &state {
        JobState::Completed | JobState::Cancelled(_) => outbox::rebuild(shared, &job.job).await.map(|_| ()),
        JobState::Paused(PauseReason::Stopped) if job.wish() == Wish::Abort => Ok(()),
        _ => outbox::append(shared, &job.job).await,
    };
    match written {
        Ok(()) => state,
        Err(DatasetError::Disk(message)) => JobState::Paused(PauseReason::Disk(message)),
        Err(error) => {
            shared.note(
                Level::Error,
                Some(&job.spec.name),
                format!("the dataset could not be written: {error}"),
            );
            if state == JobState::Completed {
                JobState::Paused(PauseReason::Disk(error.to_string()))
            } else {
                state
            }
        }
    }
}

struct Scheduler<'a> {
    shared: &'a Arc<Shared>,
    job: &'a Arc<Running>,
    workers: JoinSet<(Lease, End)>,
    /// Leased, and waiting for a free worker.
    ready: VecDeque<Leased>,
    claiming: Option<Claiming<'a>>,
    /// Nothing was claimable; look again then (`None`: when something happens).
    idle: bool,
    due: Option<Instant>,
    planned: bool,
    /// The round that is planned and worked off, from 0.
    round: u64,
    /// Leases whose settlement the disk refused.
    stranded: Vec<Lease>,
    ticked: Instant,
}

impl<'a> Scheduler<'a> {
    fn new(shared: &'a Arc<Shared>, job: &'a Arc<Running>) -> Self {
        Self {
            shared,
            job,
            workers: JoinSet::new(),
            ready: VecDeque::new(),
            claiming: None,
            idle: false,
            due: None,
            planned: job.job.planned_all && job.row_limit.is_none(),
            round: 0,
            stranded: shared.take_stranded(job.job.id),
            ticked: Instant::now(),
        }
    }

    async fn run(&mut self) -> JobState {
        if !self.stranded.is_empty() {
            self.give_back().await;
            if !self.stranded.is_empty() && !self.disk_heals().await {
                return JobState::Paused(PauseReason::Disk("earlier tasks cannot be given back".to_owned()));
            }
            // What they had under way is lost or unread now, and counts.
            match self.shared.store.totals(self.job.job.id).await {
                Ok(totals) => self.job.refill(&totals),
                Err(error) => return self.broken(&error),
            }
        }
        purse::trace_filled(self.job);
        if let Err(error) = self.reopen().await {
            return self.broken(&error);
        }
        if let Err(error) = self.restore().await {
            return self.broken(&error);
        }
        let (shared, job) = (self.shared, self.job);
        let mut planning = (!self.planned).then(|| Box::pin(planner::plan(shared, job, 0)));
        loop {
            let changed = job.wish_changed();
            if job.wish() == Wish::Run {
                self.fill();
                if let Some(state) = self.at_end(planning.is_none()).await {
                    if !self.goes_on() {
                        return state;
                    }
                    self.round += 1;
                    planning = Some(Box::pin(planner::plan(shared, job, self.round)));
                }
            } else if job.wish() == Wish::Abort || (self.workers.is_empty() && self.claiming.is_none()) {
                return self.stop(job.wish()).await;
            }
            let tick = self.ticked + TICK;
            let due = self.due.filter(|_| self.idle).map_or(tick, |due| due.min(tick));
            tokio::select! {
                biased;
                () = changed => {}
                Some(end) = self.workers.join_next() => {
                    self.took(end);
                    // Drain what else has ended: one round of claims for many.
                    while let Some(end) = self.workers.try_join_next() {
                        self.took(end);
                    }
                }
                claimed = poll(&mut self.claiming) => {
                    self.claiming = None;
                    match claimed {
                        Ok(leases) => {
                            self.idle = leases.is_empty();
                            self.ready.extend(leases);
                            if self.idle {
                                self.due = self.next_due().await;
                            }
                        }
                        Err(error) => {
                            if let Some(state) = self.refused(error) {
                                return state;
                            }
                        }
                    }
                }
                done = poll(&mut planning) => {
                    planning = None;
                    self.idle = false;
                    match done {
                        Ok(()) => {}
                        Err(PlanError::Seeds(error)) => {
                            self.workers.shutdown().await;
                            self.give_back().await;
                            return JobState::Failed(error.message);
                        }
                        Err(PlanError::Store(error)) => {
                            if let Some(state) = self.refused(error) {
                                return state;
                            }
                        }
                    }
                }
                () = job.planned.notified() => self.idle = false,
                () = sleep_until(due) => {
                    self.idle &= self.due.is_none_or(|due| due > Instant::now());
                    self.tick().await;
                }
            }
        }
    }

    /// Hands leases to workers and claims the next ones ahead.
    fn fill(&mut self) {
        // Tasks that wait for their commits hold no place on the wire: so many more keep it busy.
        let on_wire = self.job.most_in_flight() as usize;
        let most = on_wire + (on_wire * BEHIND_THE_WIRE).min(BEHIND_AT_MOST);
        let within_target = self.job.wanted_at_once(most);
        while self.workers.len() < within_target {
            let Some(leased) = self.ready.pop_front() else {
                break;
            };
            let (shared, job, lease) = (Arc::clone(self.shared), Arc::clone(self.job), leased.lease);
            self.workers
                .spawn(async move { (lease, worker::work(shared, job, leased).await) });
        }
        let ahead = (most / 4).clamp(1, 256);
        let room = within_target
            .saturating_sub(self.workers.len())
            .max(if within_target == 0 { 0 } else { ahead });
        if self.claiming.is_none() && !self.idle && self.ready.len() < ahead && room > 0 {
            let (store, id) = (&self.shared.store, self.job.job.id);
            self.claiming = Some(Box::pin(async move { store.claim(id, room.min(1024)).await }));
        }
    }

    /// The job's end, if this is it.
    async fn at_end(&mut self, planned: bool) -> Option<JobState> {
        if self.job.left() == Some(0) && self.workers.is_empty() {
            self.drain_claim().await;
            self.give_back().await;
            return Some(self.cancel_rest(JobState::Completed).await);
        }
        let nothing = self.workers.is_empty()
            && self.ready.is_empty()
            && self.claiming.is_none()
            && self.stranded.is_empty();
        if !(nothing && planned && self.idle && self.due.is_none()) {
            return None;
        }
        let counts = self.counts().await?;
        if counts.open() > 0 {
            // Another job's task held them back when they were asked for.
            self.due = Some(Instant::now() + HELD_BACK);
            return None;
        }
        let missing = self.job.missing();
        if !missing.is_empty() && self.job.canary.is_none() {
            let text = format!(
                "the quota is not full and no task is left: {}",
                missing.join(", ")
            );
            self.shared.note(Level::Warning, Some(&self.job.spec.name), text);
        }
        Some(
            match canary::passed(self.shared, self.job, counts.planned()).await {
                Ok(state) => state,
                Err(error) => self.broken(&error),
            },
        )
    }

    /// Whether there is a round after this one.
    fn goes_on(&self) -> bool {
        let full = self.job.left() == Some(0);
        !self.planned && !full && self.round + 1 < planner::rounds(&self.job.spec)
    }

    async fn counts(&mut self) -> Option<TaskCounts> {
        self.shared.store.counts(self.job.job.id).await.ok()
    }

    async fn cancel_rest(&mut self, state: JobState) -> JobState {
        match self.shared.store.cancel_open(self.job.job.id).await {
            Ok(_) => state,
            Err(error) => JobState::Paused(PauseReason::Disk(error.to_string())),
        }
    }

    fn took(&mut self, ended: Result<(Lease, End), tokio::task::JoinError>) {
        match ended {
            Ok((_, End::Settled(settled))) => {
                // It went back to the queue: there is something to claim, perhaps later.
                self.idle &= !settled.state.is_pending();
            }
            Ok((_, End::Fenced)) => {}
            Ok((lease, End::Store(error))) => {
                self.stranded.push(lease);
                self.trouble(&error);
            }
            Err(error) if error.is_cancelled() => {}
            Err(error) => {
                let text =
                    format!("a worker panicked; its task goes back to the queue at the next start: {error}");
                self.shared.note(Level::Error, Some(&self.job.spec.name), text);
            }
        }
    }

    /// The ledger refused something: the job pauses with the reason.
    fn trouble(&self, error: &StoreError) {
        if let StoreError::TakenOver(by) = error {
            // Whoever has it now does this job, too.
            if self.job.ask(Wish::Abort) {
                self.shared.tell(Event::TakenOver(by.clone()));
            }
            return;
        }
        let detail = error.to_string();
        if self.job.ask(Wish::Pause(PauseReason::Disk(detail.clone()))) {
            // What is in flight may take long to end: a person hears now why it does.
            let text = format!("{detail}; tried again every {} s", DISK_AGAIN.as_secs());
            self.shared.note(Level::Warning, Some(&self.job.spec.name), text);
        }
    }

    fn refused(&mut self, error: StoreError) -> Option<JobState> {
        match error {
            StoreError::Disk(_) | StoreError::Busy(_) | StoreError::TakenOver(_) => {
                self.trouble(&error);
                None
            }
            other => Some(self.broken(&other)),
        }
    }

    fn broken(&self, error: &StoreError) -> JobState {
        self.shared.note(
            Level::Error,
            Some(&self.job.spec.name),
            format!("the ledger refused: {error}"),
        );
        JobState::Paused(PauseReason::Disk(error.to_string()))
    }

    async fn next_due(&mut self) -> Option<Instant> {
        let wait = self.shared.store.next_due(self.job.job.id).await.ok().flatten()?;
        // What is due and was not given is held back for another task: asking at once would only ask again and again.
        Some(Instant::now() + if wait.is_zero() { HELD_BACK } else { wait })
    }

    /// Limits of time, and running time into the ledger.
    async fn tick(&mut self) {
        if self.ticked.elapsed() < TICK {
            return;
        }
        self.ticked = Instant::now();
        if self.job.wish() == Wish::Run && !self.stranded.is_empty() {
            // It was to pause for the disk's sake, and was told to go on before it had paused.
            let stranded = std::mem::take(&mut self.stranded);
            self.release(stranded).await;
            self.idle = false;
        }
        let ran = self.job.job.elapsed + self.job.ran();
        if self.job.purse().out_of_time(ran) {
            self.job.ask(match self.job.spec.limits.on_limit {
                OnLimit::Pause => Wish::Pause(PauseReason::Limit("minutes".to_owned())),
                OnLimit::Stop => Wish::StopAtLimit("minutes".to_owned()),
            });
        }
        if self.idle && self.due.is_none() {
            self.due = self.next_due().await;
        }
        let ran = self.job.unsaved();
        if ran >= UNSAVED {
            let (store, id) = (&self.shared.store, self.job.job.id);
            // What it refuses now it takes with the next tick, or at the end.
            if store.set_state(id, &JobState::Running, ran).await.is_ok() {
                self.job.save(ran);
            }
        }
    }

    /// Everything is quiet (or has to be): leases go back, and the wish becomes a state.
    async fn stop(&mut self, wish: Wish) -> JobState {
        if wish == Wish::Abort {
            self.workers.shutdown().await;
        }
        self.drain_claim().await;
        self.give_back().await;
        let full = match &wish {
            Wish::Pause(PauseReason::Disk(detail)) => Some(detail.clone()),
            _ => (wish != Wish::Abort && !self.stranded.is_empty())
                .then(|| "tasks cannot be given back".to_owned()),
        };
        if let Some(detail) = full
            && !self.disk_heals().await
        {
            return JobState::Paused(PauseReason::Disk(detail));
        }
        // It may have been asked something else meanwhile.
        match self.job.wish() {
            Wish::Cancel => self.cancel_rest(JobState::Cancelled(None)).await,
            Wish::StopAtLimit(detail) => {
                let text = format!("limit met: {detail}; what is left was cancelled, as the job asks");
                self.shared.note(Level::Warning, Some(&self.job.spec.name), text);
                self.cancel_rest(JobState::Cancelled(Some(format!("limit met: {detail}"))))
                    .await
            }
            // The caller starts the job again: everything it needs is in the ledger.
            Wish::Run | Wish::Pause(PauseReason::Disk(_)) => JobState::Queued,
            Wish::Pause(reason) => JobState::Paused(reason),
            Wish::Abort => JobState::Paused(PauseReason::Stopped),
        }
    }
}

/// A future that may not be there: pending for ever then.
async fn poll<F: Future + Unpin>(future: &mut Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
