//! The canary: the first rows of a job are done, what the whole will take is forecast from them, and the job pauses until a person wants
//! the rest. It is a run with fewer rows, so nothing about it has to be remembered but that it ended.

use std::collections::BTreeMap;
use std::time::Duration;

use super::running::Running;
use super::walk::Walk;
use super::{Shared, library, outbox, planner};
use crate::core::api::{Failure, FailureKind, RunOptions};
use crate::core::forecast::{Forecast, ROWS_AT_LEAST, Rest, Row, forecast};
use crate::core::job::{Job, JobId, JobSpec, JobState, PauseReason, SeedSource};
use crate::core::ports::{StoreError, Stored};
use crate::core::task::{RequestState, TaskId};

/// Tasks whose attempts are read for a forecast, at most.
const TASKS_AT_MOST: u64 = 10_000;

/// Lets a job have no more than so many rows.
pub(super) fn limit(spec: &mut JobSpec, rows: u64) {
    spec.seeds.limit = Some(spec.seeds.limit.map_or(rows, |own| own.min(rows)));
    if let SeedSource::Count(count) = &mut spec.seeds.source {
        *count = (*count).min(rows);
    }
}

/// How many rows are to be done first; `None` where there is no canary, its rest is wanted, or more than it is planned already.
pub(super) async fn due(shared: &Shared, job: &Job, options: &RunOptions) -> Result<Option<u64>, Failure> {
    let asked = options.canary.or(job.spec.limits.canary);
    let Some(rows) = asked.filter(|_| !options.released && !job.planned_all) else {
        return Ok(None);
    };
    if rows < ROWS_AT_LEAST as u64 {
        let text = format!("a canary of {rows} rows says nothing about the rest");
        let failure = Failure::new(FailureKind::Usage, text);
        return Err(failure.help(format!(
            "give it {ROWS_AT_LEAST} rows or more; 20 are a good start"
        )));
    }
    if matches!(&job.spec.seeds.source, SeedSource::Path(path) if path == "-") {
        let text = "standard input is read once: the rows after the canary would be gone";
        return Err(Failure::new(FailureKind::Usage, text).help("write the rows into a file"));
    }
    let counts = shared.store.counts(job.id).await?;
    let planned = counts.planned();
    // Whoever resumes a job at the end of its canary has said yes to the rest: it is queued, and nothing of what was planned is open.
    if job.state == JobState::Queued && planned > 0 && counts.open() == 0 {
        return Ok(None);
    }
    let most = rows.saturating_mul(u64::from(job.spec.seeds.repeat.max(1)));
    Ok((planned <= most).then_some(rows))
}

/// Where a job stands that has done all that was planned: completed, or at the end of its canary.
pub(super) async fn passed(shared: &Shared, job: &Running, planned: u64) -> Stored<JobState> {
    let Some(whole) = &job.canary else {
        return Ok(JobState::Completed);
    };
    let all = tasks(shared, whole, &job.job.base).await;
    let Ok(all) = all else {
        // The rest is not readable any more: whoever goes on hears why.
        let words = format!("{planned} tasks done; the rest cannot be counted");
        return Ok(JobState::Paused(PauseReason::Canary(words)));
    };
    if all <= planned {
        if *whole == job.job.spec {
            shared.store.planned_all(job.job.id).await?;
        }
        return Ok(JobState::Completed);
    }
    let elapsed = job.job.elapsed + job.ran();
    let whole = Whole {
        job: job.job.id,
        spec: whole,
        planned,
        tasks: all,
        elapsed,
    };
    let words = match whole.forecast(shared).await? {
        Some(forecast) => forecast.to_string(),
        None => format!("{planned} of {all} tasks done: too few to forecast the rest"),
    };
    Ok(JobState::Paused(PauseReason::Canary(words)))
}

/// The forecast of a stored job that stands still, where some of it is done and some is not.
pub(super) async fn so_far(shared: &Shared, name: &str) -> Result<Option<Forecast>, Failure> {
    let job = match shared.store.job(name).await {
        Ok(job) => job,
        Err(StoreError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if shared.running(name).is_some() || job.state == JobState::Completed {
        return Ok(None);
    }
    let planned = shared.store.counts(job.id).await?.planned();
    let Ok(tasks) = tasks(shared, &job.spec, &job.base).await else {
        return Ok(None);
    };
    let whole = Whole {
        job: job.id,
        spec: &job.spec,
        planned,
        tasks,
        elapsed: job.elapsed,
    };
    Ok(whole.forecast(shared).await?)
}

/// How many tasks a job has.
async fn tasks(shared: &Shared, spec: &JobSpec, base: &str) -> Result<u64, crate::core::ports::SeedError> {
    let count = |count: &mut u64, _| {
        *count += 1;
        true
    };
    planner::gather(spec, base, shared, 0, count).await
}

/// A job of which a part is done.
struct Whole<'a> {
    job: JobId,
    spec: &'a JobSpec,
    planned: u64,
    tasks: u64,
    elapsed: Duration,
}

impl Whole<'_> {
    async fn forecast(&self, shared: &Shared) -> Stored<Option<Forecast>> {
        let repeat = u64::from(self.spec.seeds.repeat.max(1));
        let rows = self.rows(shared, repeat).await?;
        let totals = shared.store.totals(self.job).await?;
        let candidates = self.spec.steps.iter().map(|step| u64::from(step.candidates));
        let all = self.tasks.div_ceil(repeat);
        let many = f64::from(library::in_flight(shared, self.spec));
        let worked: f64 = rows.iter().map(|row| row.seconds).sum();
        let elapsed = self.elapsed.as_secs_f64();
        let rest = Rest {
            rows: all.saturating_sub(rows.len() as u64),
            samples_per_row: candidates.max().unwrap_or(1) * repeat,
            wanted: self
                .spec
                .target
                .map(|target| target.accepted.saturating_sub(totals.samples[0])),
            // As many as these rows kept in flight, up to as many as there may be.
            in_flight: ((worked / elapsed.max(1e-3)).clamp(1.0, many), many),
            requests_per_minute: self.spec.limits.requests_per_minute.map(f64::from),
            random_seed: self.spec.random_seed,
        };
        let Some(left) = forecast(&rows, &rest) else {
            return Ok(None);
        };
        let spent = totals.settled.usd;
        let more = |usd: f64| crate::core::budget::Money::from_usd(usd).plus(spent);
        Ok(Some(Forecast {
            rows: rows.len() as u64,
            of: all,
            spent,
            usd: (more(left.usd.0), more(left.usd.1)),
            seconds: (elapsed + left.seconds.0, elapsed + left.seconds.1),
            accepted: (
                totals.samples[0] + left.accepted.0,
                totals.samples[0] + left.accepted.1,
            ),
            // Tasks without rows are drawn alike, whatever their place.
            shuffled: self.spec.seeds.shuffle || matches!(self.spec.seeds.source, SeedSource::Count(_)),
        }))
    }

    /// What each row took and gave that was asked.
    async fn rows(&self, shared: &Shared, repeat: u64) -> Stored<Vec<Row>> {
        let mut rows: BTreeMap<u64, Row> = BTreeMap::new();
        let most = self.planned.min(TASKS_AT_MOST);
        for index in 0..most {
            let task = TaskId { job: self.job, index };
            for request in shared.store.requests_of(task).await? {
                if request.state == RequestState::Refused {
                    continue;
                }
                let row = rows.entry(index / repeat).or_default();
                row.usd += request.cost.usd();
                row.requests += 1;
                let latency = request.response.map(|response| response.latency);
                row.seconds += latency.unwrap_or_default().as_secs_f64();
            }
        }
        let mut walk = Walk::within(outbox::accepted(self.job), 0, most);
        while let Some(page) = walk.page(shared).await? {
            for sample in &page {
                if let Some(row) = rows.get_mut(&(sample.task.index / repeat)) {
                    row.accepted += 1;
                }
            }
        }
        Ok(rows.into_values().collect())
    }
}
