//! Planning while the job already runs: rows are read on a blocking thread, tasks reach the ledger in batches.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;

use super::running::{Running, Wish};
use super::{OpenRows, Shared};
use crate::core::failpoint::{self, Failpoint};
use crate::core::job::{JobSpec, SeedSource};
use crate::core::plan::{Plan, count_rows, needs_count};
use crate::core::ports::{Rows, SeedError, StoreError};
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

/// Puts all tasks of the job into the ledger; those already there stay as they are.
pub(super) async fn plan(shared: &Arc<Shared>, job: &Arc<Running>) -> Result<(), PlanError> {
    // Two batches wait at most: a million rows never stand in memory.
    let (send, mut receive) = mpsc::channel::<Result<Vec<NewTask>, SeedError>>(2);
    let (spec, base, reader) = (job.spec.clone(), job.job.base.clone(), Arc::clone(shared));
    let reading = (shared.aside)(Box::new(move || read(&spec, &base, &reader, &send)));
    while let Some(batch) = receive.recv().await {
        if !matches!(job.wish(), Wish::Run) {
            return Ok(());
        }
        let batch = batch.map_err(PlanError::Seeds)?;
        failpoint::reach(Failpoint::Planning).map_err(|struck| PlanError::Store(struck.into()))?;
        shared
            .store
            .plan(job.job.id, batch)
            .await
            .map_err(PlanError::Store)?;
        job.planned.notify_one();
    }
    failpoint::pass(Failpoint::Planned);
    // It has hung up, so it is done.
    reading.await;
    if job.wish() == Wish::Run {
        job.planned_all.store(true, Ordering::Relaxed);
    }
    if job.row_limit.is_none() && job.wish() == Wish::Run {
        shared
            .store
            .planned_all(job.job.id)
            .await
            .map_err(PlanError::Store)?;
    }
    Ok(())
}

fn read(spec: &JobSpec, base: &str, shared: &Shared, send: &mpsc::Sender<Result<Vec<NewTask>, SeedError>>) {
    let mut batch = Vec::with_capacity(BATCH);
    let result = tasks_of(spec, base, &shared.open_rows, |task| {
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
    let (spec, base, open) = (spec.clone(), base.to_owned(), Arc::clone(&shared.open_rows));
    let reading = tokio::task::spawn_blocking(move || {
        tasks_of(&spec, &base, &open, |task| take(&mut gathered, task)).map(|()| gathered)
    });
    reading.await.unwrap_or_else(|error| {
        Err(SeedError {
            line: 0,
            message: error.to_string(),
        })
    })
}

/// Feeds every task of a job to `take`, until it says no.
fn tasks_of(
    spec: &JobSpec,
    base: &str,
    open: &OpenRows,
    mut take: impl FnMut(NewTask) -> bool,
) -> Result<(), SeedError> {
    let count = if needs_count(spec) {
        Some(count_rows(spec, rows(spec, base, open)?)?)
    } else {
        None
    };
    for task in Plan::new(spec, count).tasks(rows(spec, base, open)?) {
        if !take(task?) {
            return Ok(());
        }
    }
    Ok(())
}

/// The rows of a job's seeds.
pub(super) fn rows(spec: &JobSpec, base: &str, open: &OpenRows) -> Result<Rows, SeedError> {
    match &spec.seeds.source {
        SeedSource::Path(path) => open(base, path),
        SeedSource::Rows(rows) => Ok(Box::new(rows.clone().into_iter().map(Ok))),
        SeedSource::Count(count) => Ok(Box::new((0..*count).map(|_| Ok(crate::core::Row::new())))),
    }
}
