//! The ledger as one life of the process sees it: calls take their time, are refused by a disk that is full now and then, and are where
//! the process dies, before they are done or after. Whatever they do, the real ledger behind them does.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use async_trait::async_trait;
use destilation::core::api::{CleanRow, CleanRules, Salvaged};
use destilation::core::budget::Amount;
use destilation::core::filter::{Facets, Sort};
use destilation::core::job::{Job, JobId, JobSpec, JobState};
use destilation::core::journal::{EntryId, JournalEntry, Reverted};
use destilation::core::ports::*;
use destilation::core::request::{Fingerprint, RawResponse};
use destilation::core::review::{NewQueue, Outline, Queue, QueueId, QueueItem, Said};
use destilation::core::sample::{Review, Sample, SampleId, StepAnswer};
use destilation::core::task::{
    Closed, Lease, Leased, NewRequest, NewTask, RequestId, Settled, SettledSample, TaskCounts, TaskId,
    Transition,
};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tokio::time::sleep;

use crate::world::{Life, World};

/// What a disk does.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    /// It is full in these times.
    pub full: Vec<(Duration, Duration)>,
    /// Share of writes that fail beside that.
    pub errors: f64,
    /// Longest time a call takes, in milliseconds.
    pub slow: u64,
    /// Nothing of it happens any more from then on.
    pub heals: Duration,
    /// How often it refuses the state a job ends in, whatever else it takes.
    pub refuses_ends: Arc<AtomicU32>,
}

/// The ledger of one life.
pub struct Ledger {
    pub inner: Arc<dyn Store>,
    pub world: Arc<World>,
    pub life: Arc<Life>,
    pub disk: Disk,
    pub rng: Mutex<ChaCha8Rng>,
    /// Sums as they were read last, until the next write: the gauge asks ten times a second.
    pub read: Mutex<Read>,
    /// The ledger works in threads of its own, which the virtual clock has to wait for.
    pub threads: bool,
}

/// What was read, until the next write.
#[derive(Default)]
pub struct Read {
    totals: BTreeMap<i64, Totals>,
    counts: BTreeMap<i64, TaskCounts>,
}

/// Holds the virtual clock still while threads work on a call: from each time it is looked at until somebody has news of it. Not until the
/// call has ended: whoever waits for it may be busy with something that takes time, and look at it again only then.
#[derive(Default)]
struct Hold(Mutex<Option<(Waker, Sender<()>)>>);

impl Hold {
    fn take(&self, waker: &Waker) {
        let mut held = self.0.lock().unwrap();
        if let Some((known, _)) = &mut *held {
            known.clone_from(waker);
            return;
        }
        let (end, ended) = channel();
        tokio::task::spawn_blocking(move || ended.recv());
        *held = Some((waker.clone(), end));
    }

    fn release(&self) -> Option<(Waker, Sender<()>)> {
        self.0.lock().unwrap().take()
    }
}

impl Wake for Hold {
    fn wake(self: Arc<Self>) {
        if let Some((waker, end)) = self.release() {
            // First there is something to do, then the clock may go on.
            waker.wake();
            drop(end);
        }
    }
}

/// Ends the hold with whoever waits.
struct Held(Arc<Hold>);

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.0.release());
    }
}

/// Waits for a call that works in threads.
async fn held<T>(threads: bool, call: impl Future<Output = T>) -> T {
    if !threads {
        return call.await;
    }
    let held = Held(Arc::default());
    let mut call = pin!(call);
    poll_fn(|context| {
        held.0.take(context.waker());
        let waker = Waker::from(Arc::clone(&held.0));
        call.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await
}

impl Ledger {
    async fn before(&self, writes: bool, name: &'static str) -> Stored<()> {
        self.life.lives().await;
        if writes && self.world.is_death() {
            self.die().await;
        }
        let now = self.world.now();
        if now >= self.disk.heals {
            return Ok(());
        }
        if self.disk.slow > 0 {
            let long = self.rng.lock().unwrap().random_range(0..=self.disk.slow);
            sleep(Duration::from_millis(long)).await;
            self.life.lives().await;
        }
        let full = self
            .disk
            .full
            .iter()
            .any(|(from, to)| (*from..*to).contains(&now));
        let fails = self.disk.errors > 0.0 && self.rng.lock().unwrap().random_bool(self.disk.errors);
        if writes && (full || fails) {
            self.world.note("disk", 0, 0);
            self.world.note(name, 0, 0);
            return Err(StoreError::Disk("no room in the simulation".to_owned()));
        }
        Ok(())
    }

    /// What was done is done, and perhaps nobody hears of it.
    async fn after(&self, writes: bool) {
        if writes {
            *self.read.lock().unwrap() = Read::default();
        }
        if writes && self.world.is_death() {
            self.die().await;
        }
        self.life.lives().await;
    }

    /// Remembers a sum; not where another thread may have written since it was read.
    fn keep<T>(&self, keep: impl FnOnce(&mut Read) -> T) {
        if !self.threads {
            keep(&mut self.read.lock().unwrap());
        }
    }

    async fn die(&self) {
        self.life.end();
        self.world.note("died", self.life.number, 0);
        self.world.died.notify_one();
        std::future::pending::<()>().await;
    }
}

/// A task in the trace: its place, and a thousand for each job.
fn place(lease: Lease) -> u64 {
    lease.task.job.0.cast_unsigned() * 1000 + lease.task.index
}

macro_rules! call {
    ($self:ident, $writes:literal, $name:ident, $call:expr) => {{
        $self.before($writes, stringify!($name)).await?;
        let answer = held($self.threads, $call).await;
        $self.after($writes).await;
        answer
    }};
}

macro_rules! writes {
    ($self:ident.$name:ident($($argument:expr),*)) => { call!($self, true, $name, $self.inner.$name($($argument),*)) };
}

macro_rules! reads {
    ($self:ident.$name:ident($($argument:expr),*)) => { call!($self, false, $name, $self.inner.$name($($argument),*)) };
}

#[async_trait]
impl JobStore for Ledger {
    async fn create(&self, spec: &JobSpec, source: &str, base: &str, state: &JobState) -> Stored<JobId> {
        writes!(self.create(spec, source, base, state))
    }
    async fn job(&self, name: &str) -> Stored<Job> {
        reads!(self.job(name))
    }
    async fn jobs(&self) -> Stored<Vec<Job>> {
        reads!(self.jobs())
    }
    async fn revise(&self, job: JobId, spec: &JobSpec, source: &str) -> Stored<u32> {
        writes!(self.revise(job, spec, source))
    }
    async fn revisions(&self, job: JobId) -> Stored<Vec<Revision>> {
        reads!(self.revisions(job))
    }
    async fn set_state(&self, job: JobId, state: &JobState, ran: Duration) -> Stored<()> {
        let ends = !matches!(state, JobState::Running | JobState::Queued);
        let fewer = |left: u32| left.checked_sub(1).filter(|_| ends);
        let refused = self
            .disk
            .refuses_ends
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        if refused.is_ok() {
            self.world.note("state", 0, 0);
            return Err(StoreError::Disk("no room for a state".to_owned()));
        }
        writes!(self.set_state(job, state, ran))
    }
    async fn delete(&self, job: JobId) -> Stored<()> {
        writes!(self.delete(job))
    }
}

#[async_trait]
impl TaskStore for Ledger {
    async fn plan(&self, job: JobId, tasks: Vec<NewTask>) -> Stored<()> {
        writes!(self.plan(job, tasks))
    }
    async fn planned_all(&self, job: JobId) -> Stored<()> {
        writes!(self.planned_all(job))
    }
    async fn claim(&self, job: JobId, limit: usize) -> Stored<Vec<Leased>> {
        let leased = writes!(self.claim(job, limit));
        for leased in leased.iter().flatten() {
            self.world
                .note("leased", place(leased.lease), leased.lease.token.cast_unsigned());
            let mut known = self.world.leases.lock().unwrap();
            known.insert(leased.lease.token.cast_unsigned(), leased.lease);
        }
        leased
    }
    async fn begin(&self, lease: Lease, request: NewRequest, closed: Vec<Closed>) -> Stored<RequestId> {
        self.world.note("begin", place(lease), u64::from(request.attempt));
        writes!(self.begin(lease, request, closed))
    }
    async fn record(&self, lease: Lease, request: RequestId, response: &RawResponse) -> Stored<()> {
        self.world
            .note("record", place(lease), u64::from(response.status));
        writes!(self.record(lease, request, response))
    }
    async fn settle(&self, lease: Lease, transition: Transition, closed: Vec<Closed>) -> Stored<Settled> {
        let names: Vec<SampleId> = match &transition {
            Transition::Finish { samples } => samples.iter().map(|sample| sample.id.clone()).collect(),
            _ => Vec::new(),
        };
        let settled = writes!(self.settle(lease, transition, closed))?;
        let what = settled.state as u64;
        self.world.note("settled", place(lease), what);
        self.world
            .leases
            .lock()
            .unwrap()
            .remove(&lease.token.cast_unsigned());
        let accepted = |sample: &SettledSample| matches!(sample, SettledSample::Accepted { .. });
        let told = names.into_iter().zip(&settled.samples);
        let told = told.filter(|(_, became)| accepted(became)).map(|(name, _)| name);
        self.world.acknowledged.lock().unwrap().extend(told);
        Ok(settled)
    }
    async fn rescue(&self) -> Stored<u64> {
        writes!(self.rescue())
    }
    async fn counts(&self, job: JobId) -> Stored<TaskCounts> {
        let known = self.read.lock().unwrap().counts.get(&job.0).copied();
        if let Some(known) = known {
            self.life.lives().await;
            return Ok(known);
        }
        let counts = reads!(self.counts(job))?;
        self.keep(|read| read.counts.insert(job.0, counts));
        Ok(counts)
    }
    async fn next_due(&self, job: JobId) -> Stored<Option<Duration>> {
        reads!(self.next_due(job))
    }
    async fn cancel_open(&self, job: JobId) -> Stored<u64> {
        writes!(self.cancel_open(job))
    }
    async fn retry_failed(&self, job: JobId, group: Option<&str>) -> Stored<u64> {
        writes!(self.retry_failed(job, group))
    }
    async fn tasks_below(&self, job: JobId, index: u64) -> Stored<u64> {
        reads!(self.tasks_below(job, index))
    }
    async fn make_again(&self, job: JobId, tasks: &[u64]) -> Stored<u64> {
        writes!(self.make_again(job, tasks))
    }
    async fn failures(&self, job: JobId) -> Stored<Vec<FailureGroup>> {
        reads!(self.failures(job))
    }
    async fn failed_tasks(&self, job: JobId, group: &str, limit: usize) -> Stored<Vec<FailedTask>> {
        reads!(self.failed_tasks(job, group, limit))
    }
    async fn reopen_cancelled(&self, job: JobId) -> Stored<u64> {
        writes!(self.reopen_cancelled(job))
    }
    async fn answered(&self, fingerprint: Fingerprint) -> Stored<Option<RawResponse>> {
        reads!(self.answered(fingerprint))
    }
}

#[async_trait]
impl SampleStore for Ledger {
    async fn samples(&self, filter: &SampleFilter, order: SampleOrder, limit: usize) -> Stored<Vec<Sample>> {
        reads!(self.samples(filter, order, limit))
    }
    async fn window(
        &self,
        filter: &SampleFilter,
        sort: Sort,
        at: Place,
        limit: usize,
    ) -> Stored<Vec<Sample>> {
        reads!(self.window(filter, sort, at, limit))
    }
    async fn places(
        &self,
        filter: &SampleFilter,
        sort: Sort,
        at: Place,
        limit: usize,
    ) -> Stored<Vec<SamplePlace>> {
        reads!(self.places(filter, sort, at, limit))
    }
    async fn rank(&self, filter: &SampleFilter, sort: Sort, sample: SamplePlace) -> Stored<Option<u64>> {
        reads!(self.rank(filter, sort, sample))
    }
    async fn facets(&self, filter: &SampleFilter) -> Stored<Facets> {
        reads!(self.facets(filter))
    }
    async fn count_samples(&self, filter: &SampleFilter) -> Stored<u64> {
        reads!(self.count_samples(filter))
    }
    async fn sample_with_key(&self, job: JobId, key: [u8; 16]) -> Stored<Option<SampleId>> {
        reads!(self.sample_with_key(job, key))
    }
    async fn tags(&self, job: Option<JobId>) -> Stored<Vec<(String, u64)>> {
        reads!(self.tags(job))
    }
    async fn decide(&self, sample: &SampleId, decided: Decided) -> Stored<Option<Review>> {
        writes!(self.decide(sample, decided))
    }
    async fn original(&self, sample: SamplePlace) -> Stored<Option<Vec<StepAnswer>>> {
        reads!(self.original(sample))
    }
    async fn rejudge(&self, judged: Vec<Rejudgement>) -> Stored<u64> {
        writes!(self.rejudge(judged))
    }
    async fn requests_of(&self, task: TaskId) -> Stored<Vec<RequestRow>> {
        reads!(self.requests_of(task))
    }
}

#[async_trait]
impl JournalStore for Ledger {
    async fn act(&self, samples: &[SampleId], what: Decided, more_of: Option<EntryId>) -> Stored<EntryId> {
        writes!(self.act(samples, what, more_of))
    }
    async fn act_at(&self, at: &[SamplePlace], what: Decided, more_of: Option<EntryId>) -> Stored<EntryId> {
        writes!(self.act_at(at, what, more_of))
    }
    async fn judge_some(
        &self,
        judged: Vec<Rejudgement>,
        more_of: Option<EntryId>,
    ) -> Stored<Option<EntryId>> {
        writes!(self.judge_some(judged, more_of))
    }
    async fn exported(&self, job: JobId, rows: u64, path: &str) -> Stored<()> {
        writes!(self.exported(job, rows, path))
    }
    async fn journal(&self, job: Option<JobId>, limit: usize) -> Stored<Vec<JournalEntry>> {
        reads!(self.journal(job, limit))
    }
    async fn conflicts(&self, entry: EntryId) -> Stored<u64> {
        reads!(self.conflicts(entry))
    }
    async fn touched(&self, entry: EntryId, part: usize) -> Stored<Option<Vec<Sample>>> {
        reads!(self.touched(entry, part))
    }
    async fn revert_telling(
        &self,
        entry: EntryId,
        again: bool,
        told: &(dyn Fn(u64) + Send + Sync),
    ) -> Stored<Reverted> {
        writes!(self.revert_telling(entry, again, told))
    }
}

#[async_trait]
impl ReviewStore for Ledger {
    async fn outlines(
        &self,
        filter: &SampleFilter,
        after: Option<(TaskId, u32)>,
        limit: usize,
    ) -> Stored<Vec<Outline>> {
        reads!(self.outlines(filter, after, limit))
    }
    async fn open_queue(&self, queue: &NewQueue) -> Stored<QueueId> {
        writes!(self.open_queue(queue))
    }
    async fn queues(&self) -> Stored<Vec<Queue>> {
        reads!(self.queues())
    }
    async fn queue_items(&self, queue: QueueId, from: u32, limit: usize) -> Stored<Vec<QueueItem>> {
        reads!(self.queue_items(queue, from, limit))
    }
    async fn say(&self, queue: QueueId, place: u32, said: Said) -> Stored<()> {
        writes!(self.say(queue, place, said))
    }
    async fn unsay(&self, queue: QueueId, place: u32) -> Stored<()> {
        writes!(self.unsay(queue, place))
    }
    async fn because(&self, queue: QueueId, place: u32, reason: &str) -> Stored<()> {
        writes!(self.because(queue, place, reason))
    }
    async fn said_today(&self) -> Stored<u64> {
        reads!(self.said_today())
    }
    async fn flag(&self, sample: &SampleId, on: bool) -> Stored<()> {
        writes!(self.flag(sample, on))
    }
    async fn flagged(&self, samples: &[SampleId]) -> Stored<Vec<SampleId>> {
        reads!(self.flagged(samples))
    }
    async fn before_edit(&self, sample: &SampleId) -> Stored<Option<Vec<StepAnswer>>> {
        reads!(self.before_edit(sample))
    }
}

#[async_trait]
impl LedgerStore for Ledger {
    async fn totals(&self, job: JobId) -> Stored<Totals> {
        let known = self.read.lock().unwrap().totals.get(&job.0).cloned();
        if let Some(known) = known {
            self.life.lives().await;
            return Ok(known);
        }
        let totals = reads!(self.totals(job))?;
        self.keep(|read| read.totals.insert(job.0, totals.clone()));
        Ok(totals)
    }
    async fn by_teacher(&self, job: JobId) -> Stored<Vec<(String, Amount, u64, u64)>> {
        reads!(self.by_teacher(job))
    }
    async fn spent_at(&self, provider: &str) -> Stored<Amount> {
        reads!(self.spent_at(provider))
    }
    async fn spent_today(&self) -> Stored<Amount> {
        reads!(self.spent_today())
    }
    async fn marks(&self, job: JobId) -> Stored<Vec<FileMark>> {
        reads!(self.marks(job))
    }
    async fn set_marks(&self, job: JobId, marks: &[FileMark], decisions: Option<u64>) -> Stored<()> {
        writes!(self.set_marks(job, marks, decisions))
    }
    async fn decisions(&self, job: JobId) -> Stored<Decisions> {
        reads!(self.decisions(job))
    }
    async fn info(&self) -> Stored<DatabaseInfo> {
        reads!(self.info())
    }
    async fn check(&self, deep: bool) -> Stored<Vec<String>> {
        reads!(self.check(deep))
    }
    async fn backup(&self, to: &Path) -> Stored<()> {
        reads!(self.backup(to))
    }
    async fn salvage(&self, to: &Path) -> Stored<Salvaged> {
        reads!(self.salvage(to))
    }
    async fn clean(&self) -> Stored<u64> {
        writes!(self.clean())
    }
    async fn clean_plan(&self, rules: &CleanRules) -> Stored<Vec<CleanRow>> {
        reads!(self.clean_plan(rules))
    }
    async fn clean_up(
        &self,
        rules: &CleanRules,
        goes_on: &(dyn Fn(u64) -> bool + Send + Sync),
    ) -> Stored<u64> {
        writes!(self.clean_up(rules, goes_on))
    }
    async fn close(&self) {
        held(self.threads, self.inner.close()).await;
    }
}
