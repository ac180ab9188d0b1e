//! Making samples anew: their tasks go back to the queue and are asked again, at the price of what they cost the first time. It asks
//! nobody itself; the job does when it runs.

use std::collections::BTreeMap;

use super::{Shared, answers, outbox};
use crate::core::api::{Failure, FailureKind, MakingAgain, SampleQuery};
use crate::core::budget::Money;
use crate::core::filter::Sort;
use crate::core::job::JobId;
use crate::core::ports::Place;
use crate::core::sample::Sample;

/// Samples read at once.
const PAGE: usize = 500;
/// Tasks of one transaction.
const CHUNK: usize = 1000;
/// Tasks whose cost is looked up; those beyond are taken to cost as much.
const MEASURED: u64 = 500;

/// What it would take.
pub(super) async fn preview(shared: &Shared, query: &SampleQuery) -> Result<MakingAgain, Failure> {
    Ok(chosen(shared, query).await?.0)
}

/// Puts the tasks back. Jobs that had ended wait for their start.
pub(super) async fn make(shared: &Shared, query: &SampleQuery) -> Result<MakingAgain, Failure> {
    let (mut told, tasks) = chosen(shared, query).await?;
    if let Some(name) = told.running.first() {
        let failure = Failure::new(FailureKind::Usage, format!("job `{name}` is running"));
        return Err(failure.help("pause it first: it holds its samples in mind"));
    }
    told.tasks = 0;
    for (job, tasks) in tasks {
        let Some(job) = shared.store.jobs().await?.into_iter().find(|one| one.id == job) else {
            continue;
        };
        shared.await_start(&job).await?;
        for chunk in tasks.chunks(CHUNK) {
            told.tasks += shared.store.make_again(job.id, chunk).await?;
        }
        if !shared.store.marks(job.id).await?.is_empty() {
            outbox::rebuild(shared, &job).await?;
        }
    }
    Ok(told)
}

/// The tasks behind the samples a query finds, by job, and what they took until now.
async fn chosen(
    shared: &Shared,
    query: &SampleQuery,
) -> Result<(MakingAgain, BTreeMap<JobId, Vec<u64>>), Failure> {
    let filter = answers::filter(shared, query).await?;
    let names = answers::names(shared).await?;
    let mut told = MakingAgain::default();
    let mut found: BTreeMap<JobId, Vec<u64>> = BTreeMap::new();
    let mut place = Place::Row(0);
    loop {
        let page = shared.store.window(&filter, Sort::default(), place, PAGE).await?;
        let Some(last) = page.last() else { break };
        place = Place::After((last.task, last.candidate));
        for sample in page {
            told.samples += 1;
            told.by_hand += u64::from(sample.review.is_some());
            let tasks = found.entry(sample.task.job).or_default();
            if tasks.last() != Some(&sample.task.index) {
                tasks.push(sample.task.index);
                told.tasks += 1;
                if told.tasks <= MEASURED {
                    add_cost(shared, &sample, &mut told).await?;
                }
            }
        }
    }
    if told.tasks > MEASURED {
        told.requests = told.requests * told.tasks / MEASURED;
        told.usd = Money(told.usd.0.saturating_mul(told.tasks.cast_signed()) / MEASURED.cast_signed());
    }
    for job in found.keys() {
        let Some(name) = names.get(job) else { continue };
        if shared.running(name).is_some() {
            told.running.push(name.clone());
        }
        told.jobs.push(name.clone());
    }
    Ok((told, found))
}

/// What its task's questions took when it was made; the best guess at what they will take again.
async fn add_cost(shared: &Shared, sample: &Sample, told: &mut MakingAgain) -> Result<(), Failure> {
    let first = sample
        .steps
        .iter()
        .map(|step| step.request.0)
        .filter(|id| *id > 0)
        .min();
    let first = first.unwrap_or_default();
    let requests = shared.store.requests_of(sample.task).await?;
    for request in requests.iter().filter(|request| request.id.0 >= first) {
        told.requests += 1;
        told.usd = told.usd.plus(request.cost);
    }
    Ok(())
}
