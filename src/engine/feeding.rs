//! What was accepted, as rows: the seeds of later rounds and of other jobs.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::Shared;
use super::planner::{self, PlanError};
use super::running::{Running, Wish};
use super::walk::Walk;
use crate::core::Row;
use crate::core::feed::rows_of;
use crate::core::job::{Feed, JobId};
use crate::core::plan::{Plan, ROUND};
use crate::core::ports::{Rows, SampleFilter, SampleOrder, SeedError, Store, Stored};
use crate::core::sample::{Sample, SampleState};
use crate::core::task::NewTask;

/// Samples read at once.
const PAGE: usize = 250;

/// The rows that the accepted samples of a job make, in plan order, a page in memory at a time. Blocks: it is read on a thread for that.
pub(super) fn rows(store: &Arc<dyn Store>, name: &str, fields: &Feed) -> Result<Rows, SeedError> {
    let failed = |message: String| SeedError { line: 0, message };
    let handle = Handle::try_current().map_err(|error| failed(error.to_string()))?;
    let job = handle.block_on(store.job(name)).map_err(|_| {
        failed(format!(
            "there is no job `{name}` to take samples from: run it first"
        ))
    })?;
    let mut pages = Pages {
        store: Arc::clone(store),
        handle,
        filter: accepted(job.id),
        fields: fields.clone(),
        after: None,
        waiting: VecDeque::new(),
        ended: false,
    };
    match pages.next() {
        None => Err(failed(format!(
            "the job `{name}` has accepted nothing yet: run it first"
        ))),
        Some(first) => Ok(Box::new(std::iter::once(first).chain(pages))),
    }
}

fn accepted(job: JobId) -> SampleFilter {
    SampleFilter {
        job: Some(job),
        states: vec![SampleState::Accepted],
        ..SampleFilter::default()
    }
}

/// Rows of accepted samples, read page by page.
struct Pages {
    store: Arc<dyn Store>,
    handle: Handle,
    filter: SampleFilter,
    fields: Feed,
    after: Option<(u64, u32)>,
    waiting: VecDeque<Row>,
    ended: bool,
}

impl Iterator for Pages {
    type Item = Result<Row, SeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.waiting.pop_front() {
                return Some(Ok(row));
            }
            if self.ended {
                return None;
            }
            let order = SampleOrder::Plan { after: self.after };
            let page = self
                .handle
                .block_on(self.store.samples(&self.filter, order, PAGE));
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(SeedError {
                        line: 0,
                        message: error.to_string(),
                    }));
                }
            };
            self.ended = page.len() < PAGE;
            self.after = page.last().map(|sample| (sample.task.index, sample.candidate));
            for sample in page {
                self.waiting
                    .extend(rows_of(&sample, &self.fields).into_iter().map(|(_, row)| row));
            }
        }
    }
}

/// What the rounds before this one accepted, as rows.
pub(super) async fn pool(shared: &Shared, job: &Running, round: u64) -> Stored<Vec<Row>> {
    let feed = job.spec.rounds.as_ref().map(|rounds| rounds.feed.clone());
    let feed = feed.unwrap_or_default();
    let mut rows = Vec::new();
    let mut walk = Walk::within(accepted(job.job.id), 0, round * ROUND);
    while let Some(page) = walk.page(shared).await? {
        let made = page.iter().flat_map(|sample| rows_of(sample, &feed));
        rows.extend(made.map(|(_, row)| row));
    }
    Ok(rows)
}

/// Plans a round from what the one before accepted, and, where the job says so, from what it rejected.
pub(super) async fn plan(
    shared: &Shared,
    job: &Running,
    round: u64,
    pool: &Arc<Vec<Row>>,
    mut left: u64,
) -> Result<(), PlanError> {
    let Some(rounds) = &job.spec.rounds else {
        return Ok(());
    };
    let plan = Plan::new(&job.spec, None).in_round(round, Arc::clone(pool));
    let mut filter = accepted(job.job.id);
    if rounds.keep_rejected {
        filter.states.push(SampleState::Rejected);
    }
    let mut walk = Walk::within(filter, (round - 1) * ROUND, round * ROUND);
    let mut one: Vec<Sample> = Vec::new();
    loop {
        let page = walk.page(shared).await?;
        let ended = page.is_none();
        let mut batch = Vec::new();
        for sample in page.into_iter().flatten() {
            if one.first().is_some_and(|first| first.task != sample.task) {
                children(&plan, &rounds.feed, &std::mem::take(&mut one), &mut batch);
            }
            one.push(sample);
        }
        if ended {
            children(&plan, &rounds.feed, &std::mem::take(&mut one), &mut batch);
        }
        batch.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        left -= batch.len() as u64;
        if job.wish() != Wish::Run {
            return Ok(());
        }
        if !batch.is_empty() {
            planner::put(shared, job, batch).await?;
        }
        if ended || left == 0 {
            return Ok(());
        }
    }
}

/// The tasks that come of the samples of one task.
fn children(plan: &Plan, feed: &Feed, samples: &[Sample], batch: &mut Vec<NewTask>) {
    let taken = samples
        .iter()
        .filter(|sample| sample.state == SampleState::Accepted);
    let before = batch.len();
    for sample in taken {
        for (element, row) in rows_of(sample, feed) {
            batch.extend(plan.child(sample.task.index, sample.candidate, element, row));
        }
    }
    if let (true, Some(first)) = (batch.len() == before, samples.first())
        && samples.iter().all(|sample| sample.state == SampleState::Rejected)
    {
        batch.extend(plan.child(first.task.index, 0, 0, first.seed.clone()));
    }
}
