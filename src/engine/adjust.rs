//! Other numbers for a job while it runs or waits: a new revision that is in force at once. What else a file says is changed by
//! editing it.

use std::sync::Arc;

use super::{Shared, library};
use crate::core::api::{Failure, FailureKind, How, Started};
use crate::core::job::{Adjustment, JobSpec, adjust as edited};

/// Stores the changed file and tells the job in motion.
pub(super) async fn adjust(
    shared: &Arc<Shared>,
    name: &str,
    changes: &[Adjustment],
) -> Result<Started, Failure> {
    let job = shared.store.job(name).await?;
    let source = edited(&job.source, changes).map_err(|error| Failure::new(FailureKind::Invalid, error))?;
    let loaded = library::parse(shared, source, job.base.clone())?;
    let taken_up = |how| Started {
        job: name.to_owned(),
        how,
        notes: Vec::new(),
    };
    if loaded.spec == job.spec {
        return Ok(taken_up(How::Unchanged));
    }
    shared.store.revise(job.id, &loaded.spec, &loaded.source).await?;
    if job.planned_all && most_tasks(&loaded.spec) == most_tasks(&job.spec) {
        // These numbers do not touch the plan.
        shared.store.planned_all(job.id).await?;
    }
    if let Some(running) = shared.running(name) {
        running.adopt(&loaded.spec);
    }
    let newest = shared.store.job(name).await?;
    for (queued, _) in shared
        .queue()
        .iter_mut()
        .filter(|(queued, _)| queued.id == job.id)
    {
        queued.clone_from(&newest);
    }
    Ok(taken_up(How::Revised))
}

fn most_tasks(spec: &JobSpec) -> Option<u64> {
    spec.target.and_then(|target| target.tasks_at_most)
}
