//! Planning while the job already runs: rows are read on a blocking thread, tasks reach the ledger in batches, a round at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;

use super::running::{Running, Wish};
use super::{OpenRows, Shared, feeding};
use crate::core::Row;
use crate::core::failpoint::{self, Failpoint};
use crate::core::job::{Cases, JobSpec, RoundRows, SeedSource, Vary};
use crate::core::plan::{Plan, ROUND, count_rows, needs_count};
use crate::core::ports::{Rows, SeedError, Store, StoreError};
use crate::core::task::NewTask;

/// Tasks per transaction.
const BATCH: usize = 250;

/// Why planning stopped.
#[derive(Debug)]
pub(super) enum PlanError {
    /// The seeds cannot be read.
    Seeds(SeedError),
    /// The ledger refused.
    Store(StoreError),
}

impl From<StoreError> for PlanError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What rows can come from.
#[derive(Clone)]
pub(super) struct Sources {
    open: OpenRows,
    store: Arc<dyn Store>,
}

impl Sources {
    /// Files, and what jobs accepted.
    pub(super) fn of(shared: &Shared) -> Self {
        Self {
            open: Arc::clone(&shared.open_rows),
            store: Arc::clone(&shared.store),
        }
    }

    /// The rows of a job's seeds. For those of another job it has to be called, and read, on a blocking thread.
    pub(super) fn rows(&self, spec: &JobSpec, base: &str) -> Result<Rows, SeedError> {
        match &spec.seeds.source {
            SeedSource::Path(path) => (self.open)(base, path, spec.seeds.taken.as_ref()),
            SeedSource::Rows(rows) => Ok(Box::new(rows.clone().into_iter().map(Ok))),
            SeedSource::Count(count) => Ok(Box::new((0..*count).map(|_| Ok(Row::new())))),
            SeedSource::Job { name, fields } => feeding::rows(&self.store, name, fields),
        }
    }
}

/// How many rounds a job has.
pub(super) fn rounds(spec: &JobSpec) -> u64 {
    spec.rounds
        .as_ref()
        .map_or(1, |rounds| u64::from(rounds.count.max(1)))
}

/// Puts the tasks of a round into the ledger; those already there stay as they are.
pub(super) async fn plan(shared: &Arc<Shared>, job: &Arc<Running>, round: u64) -> Result<(), PlanError> {
    let pool = if round > 0 && draws_accepted(&job.spec) {
        feeding::pool(shared, job, round).await?
    } else {
        Vec::new()
    };
    let most = job.spec.target.and_then(|target| target.tasks_at_most);
    let left = match most.filter(|_| round > 0) {
        Some(most) => most.saturating_sub(shared.store.tasks_below(job.job.id, round * ROUND).await?),
        None => u64::MAX,
    };
    let pool = Arc::new(pool);
    let fed = job
        .spec
        .rounds
        .as_ref()
        .is_some_and(|rounds| rounds.rows == RoundRows::Accepted);
    if round > 0 && fed {
        feeding::plan(shared, job, round, &pool, left).await?;
    } else {
        from_seeds(shared, job, round, pool, left).await?;
    }
    if round + 1 < rounds(&job.spec) {
        return Ok(());
    }
    failpoint::pass(Failpoint::Planned);
    if job.wish() == Wish::Run {
        job.planned_all.store(true, Ordering::Relaxed);
    }
    if job.row_limit.is_none() && job.wish() == Wish::Run {
        shared.store.planned_all(job.job.id).await?;
    }
    Ok(())
}

async fn from_seeds(
    shared: &Arc<Shared>,
    job: &Arc<Running>,
    round: u64,
    pool: Arc<Vec<Row>>,
    left: u64,
) -> Result<(), PlanError> {
    // Two batches wait at most: a million rows never stand in memory.
    let (send, mut receive) = mpsc::channel::<Result<Vec<NewTask>, SeedError>>(2);
    let (spec, base, sources) = (job.spec.clone(), job.job.base.clone(), Sources::of(shared));
    let reading = (shared.aside)(Box::new(move || {
        let round = Round {
            number: round,
            pool,
            left,
        };
        read(&spec, &base, &sources, round, &send);
    }));
    while let Some(batch) = receive.recv().await {
        if !matches!(job.wish(), Wish::Run) {
            return Ok(());
        }
        put(shared, job, batch.map_err(PlanError::Seeds)?).await?;
    }
    // It has hung up, so it is done.
    reading.await;
    Ok(())
}

/// One batch of tasks into the ledger.
pub(super) async fn put(shared: &Shared, job: &Running, batch: Vec<NewTask>) -> Result<(), PlanError> {
    failpoint::reach(Failpoint::Planning).map_err(|struck| PlanError::Store(struck.into()))?;
    shared.store.plan(job.job.id, batch).await?;
    job.planned.notify_one();
    Ok(())
}

/// Whether a field is drawn from what earlier rounds accepted.
fn draws_accepted(spec: &JobSpec) -> bool {
    fn draws(vary: &Vary) -> bool {
        match vary {
            Vary::Accepted(_) => true,
            Vary::Case(Cases { cases, otherwise, .. }) => {
                cases.iter().any(|(_, vary)| draws(vary)) || otherwise.as_deref().is_some_and(draws)
            }
            _ => false,
        }
    }
    spec.vary.iter().any(|(_, vary)| draws(vary))
}

/// Which round of the seeds is planned, with what, and how far.
struct Round {
    number: u64,
    pool: Arc<Vec<Row>>,
    left: u64,
}

fn read(
    spec: &JobSpec,
    base: &str,
    sources: &Sources,
    round: Round,
    send: &mpsc::Sender<Result<Vec<NewTask>, SeedError>>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut left = round.left;
    let result = tasks_of(spec, base, sources, (round.number, round.pool), |task| {
        let Some(fewer) = left.checked_sub(1) else {
            return false;
        };
        left = fewer;
        batch.push(task);
        batch.len() < BATCH || send.blocking_send(Ok(std::mem::take(&mut batch))).is_ok()
    });
    let last = match result {
        Ok(()) if batch.is_empty() => return,
        Ok(()) => Ok(batch),
        Err(error) => Err(error),
    };
    // A closed channel means that the job no longer wants tasks.
    let _ = send.blocking_send(last);
}

/// Gathers from the tasks of a job until `take` says no, on a blocking thread: a million rows hold up nobody else.
pub(super) async fn gather<T: Send + 'static>(
    spec: &JobSpec,
    base: &str,
    shared: &Shared,
    mut gathered: T,
    mut take: impl FnMut(&mut T, NewTask) -> bool + Send + 'static,
) -> Result<T, SeedError> {
    let (spec, base, sources) = (spec.clone(), base.to_owned(), Sources::of(shared));
    let reading = tokio::task::spawn_blocking(move || {
        let first = (0, Arc::default());
        tasks_of(&spec, &base, &sources, first, |task| take(&mut gathered, task)).map(|()| gathered)
    });
    reading.await.unwrap_or_else(|error| {
        Err(SeedError {
            line: 0,
            message: error.to_string(),
        })
    })
}

/// Feeds every task that a round makes of the seeds to `take`, until it says no.
fn tasks_of(
    spec: &JobSpec,
    base: &str,
    sources: &Sources,
    (round, pool): (u64, Arc<Vec<Row>>),
    mut take: impl FnMut(NewTask) -> bool,
) -> Result<(), SeedError> {
    let count = if needs_count(spec) {
        Some(count_rows(spec, sources.rows(spec, base)?)?)
    } else {
        None
    };
    let plan = Plan::new(spec, count).in_round(round, pool);
    for task in plan.tasks(sources.rows(spec, base)?) {
        if !take(task?) {
            return Ok(());
        }
    }
    Ok(())
}
