//! The gauge: ten times a second, while jobs run, the ledger's counts become one [`Progress`]. Never one message per task.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Shared;
use super::running::{Running, Wish};
use crate::core::api::{JobProgress, Progress};
use crate::core::ports::{Stored, Totals};
use crate::core::task::{TaskCounts, TaskState};

/// Time between two readings.
const EVERY: Duration = Duration::from_millis(100);
/// Time constant of the smoothed rates.
const SMOOTH: f64 = 5.0;
/// Time constant of the rates that tell whether the smoothed ones are steady.
const STEADY: f64 = 60.0;
/// Times left further apart than this share are told as a range.
const UNSTEADY: f64 = 0.15;
/// Before that much running time and that many tasks there is no time left to tell.
const ETA_AFTER: (Duration, u64) = (Duration::from_secs(30), 50);

/// Publishes the gauge until the engine is dropped.
pub(super) fn spawn(shared: Arc<Shared>) {
    let tracker = shared.tracker.clone();
    tracker.spawn(async move {
        let mut meters: HashMap<i64, Meter> = HashMap::new();
        let mut before: Vec<Arc<Running>> = Vec::new();
        let mut ended: BTreeMap<i64, JobProgress> = BTreeMap::new();
        while !shared.tracker.is_closed() {
            let jobs: Vec<Arc<Running>> = shared.jobs().values().cloned().collect();
            let gone = before
                .iter()
                .filter(|job| !jobs.iter().any(|other| Arc::ptr_eq(job, other)));
            for job in gone {
                if let Some(row) = last(&shared, job, &mut meters).await {
                    ended.insert(job.job.id.0, row);
                }
            }
            ended.retain(|id, _| !jobs.iter().any(|job| job.job.id.0 == *id));
            let restated = shared.restated.swap(false, Ordering::Relaxed);
            if restated {
                let rows = std::mem::take(&mut ended);
                for (id, row) in rows {
                    if let Some(row) = looked_again(&shared, row).await {
                        ended.insert(id, row);
                    }
                }
            }
            // Once more after the last job has ended, so that its end is seen; then an idle engine costs next to nothing.
            if restated || !jobs.is_empty() || !before.is_empty() {
                publish(&shared, &jobs, &mut meters, ended.values()).await;
            }
            before = jobs;
            tokio::select! {
                biased;
                () = sleep(EVERY) => {}
                () = shared.tracker.wait() => {}
            }
        }
    });
}

/// The gauge of a job that has just ended, as it stays for this session.
async fn last(shared: &Shared, job: &Running, meters: &mut HashMap<i64, Meter>) -> Option<JobProgress> {
    let mut meter = meters.remove(&job.job.id.0).unwrap_or_default();
    let row = read(shared, job, &mut meter).await.ok()?;
    // A deleted job leaves nothing to show.
    let now = shared.store.job(&job.spec.name).await.ok()?;
    Some(JobProgress {
        state: now.state.word().to_owned(),
        reason: now.state.reason(),
        in_flight: 0,
        in_flight_limit: 0,
        rates: [0.0; 4],
        token_rates: [0.0; 2],
        elapsed: now.elapsed,
        eta: None,
        eta_until: None,
        ..row
    })
}

/// A gauge that stays, of a job whose state may have changed since; `None` once there is no such job.
async fn looked_again(shared: &Shared, row: JobProgress) -> Option<JobProgress> {
    let now = shared.store.job(&row.name).await.ok()?;
    Some(JobProgress {
        state: now.state.word().to_owned(),
        reason: now.state.reason(),
        ..row
    })
}

async fn publish(
    shared: &Shared,
    jobs: &[Arc<Running>],
    meters: &mut HashMap<i64, Meter>,
    ended: impl Iterator<Item = &JobProgress>,
) {
    let mut rows = Vec::with_capacity(jobs.len());
    for job in jobs {
        // A reading that fails is skipped: the gauge keeps its last value.
        if let Ok(row) = read(shared, job, meters.entry(job.job.id.0).or_default()).await {
            rows.push(row);
        }
    }
    rows.extend(ended.cloned());
    let (today, day_cap) = {
        let day = shared.day();
        (day.settled().usd, day.caps().usd)
    };
    let providers = shared
        .roster()
        .stations
        .iter()
        .map(|station| station.health())
        .collect();
    shared.progress.send_if_modified(|before| {
        let now = Progress {
            jobs: rows,
            providers,
            today,
            day_cap,
            cleaning: before.cleaning,
            preparing: None,
            turning: before.turning,
        };
        let changed = *before != now;
        if changed {
            *before = now;
        }
        changed
    });
}

/// What was seen at the last reading, and the smoothed rates.
#[derive(Default)]
struct Meter {
    at: Option<Instant>,
    seen: [u64; 6],
    quick: Smoothed,
    slow: Smoothed,
}

/// Rates smoothed from nothing on; divided by `weight` they are rates.
#[derive(Default)]
struct Smoothed {
    sums: [f64; 6],
    /// Share of the time constant that has been seen.
    weight: f64,
}

impl Smoothed {
    fn add(&mut self, current: [f64; 6], seconds: f64, constant: f64) -> [f64; 6] {
        let share = 1.0 - (-seconds / constant).exp();
        self.weight += share * (1.0 - self.weight);
        for (sum, current) in self.sums.iter_mut().zip(current) {
            *sum += share * (current - *sum);
        }
        self.sums.map(|sum| sum / self.weight)
    }
}

impl Meter {
    /// Takes cumulative counts and returns their rates per second, smoothed over a short and a long time.
    fn rates(&mut self, now: Instant, counts: [u64; 6]) -> [[f64; 6]; 2] {
        let Some(before) = self.at.replace(now) else {
            self.seen = counts;
            return [[0.0; 6]; 2];
        };
        let seconds = (now - before).as_secs_f64().max(1e-3);
        let mut current = [0.0; 6];
        for ((current, seen), count) in current.iter_mut().zip(&mut self.seen).zip(counts) {
            *current = count.saturating_sub(*seen) as f64 / seconds;
            *seen = count;
        }
        [
            self.quick.add(current, seconds, SMOOTH),
            self.slow.add(current, seconds, STEADY),
        ]
    }
}

async fn read(shared: &Shared, job: &Running, meter: &mut Meter) -> Stored<JobProgress> {
    // In this order, so that no more samples are accepted than tasks have ended.
    let totals = shared.store.totals(job.job.id).await?;
    let counts = shared.store.counts(job.job.id).await?;
    let in_flight = job.in_flight();
    let done = |state| counts.of(state);
    let judged = done(TaskState::Accepted)
        + done(TaskState::Rejected)
        + done(TaskState::Failed)
        + done(TaskState::NeedsReview);
    let started = in_flight + judged;
    let [rates, slow] = meter.rates(
        Instant::now(),
        [
            started,
            done(TaskState::Accepted),
            done(TaskState::Rejected),
            done(TaskState::Failed),
            totals.input_tokens,
            totals.output_tokens,
        ],
    );
    let (state, reason) = state_words(job);
    let (usd, reserved) = job.spent();
    let (eta, eta_until) = eta(job, &counts, &totals, rates, slow);
    Ok(JobProgress {
        name: job.spec.name.clone(),
        state,
        reason,
        planned_all: job.planned_all.load(Ordering::Relaxed),
        enqueued: counts.planned(),
        started,
        in_flight,
        in_flight_limit: u64::from(job.most_in_flight()).min(
            shared
                .roster()
                .stations
                .iter()
                .map(|station| station.limit())
                .sum(),
        ),
        persisted: done(TaskState::Accepted),
        rejected: done(TaskState::Rejected),
        failed: done(TaskState::Failed),
        needs_review: done(TaskState::NeedsReview),
        cancelled: done(TaskState::Cancelled),
        accepted_samples: totals.samples[0],
        target: job.target(),
        rates: [rates[0], rates[1], rates[2], rates[3]],
        tokens: [totals.input_tokens, totals.output_tokens],
        token_rates: [rates[4], rates[5]],
        usd,
        reserved,
        usd_cap: job.caps().usd,
        maybe_billed: totals.maybe_billed,
        elapsed: job.job.elapsed + job.ran(),
        eta,
        eta_until,
    })
}

fn state_words(job: &Running) -> (String, Option<String>) {
    match job.wish() {
        Wish::Run => ("running".to_owned(), None),
        Wish::Pause(reason) => ("pausing".to_owned(), Some(reason.to_string())),
        Wish::Cancel => ("pausing".to_owned(), Some("cancelling".to_owned())),
        Wish::StopAtLimit(detail) => ("pausing".to_owned(), Some(format!("limit met: {detail}"))),
        Wish::Abort => ("pausing".to_owned(), Some("leaving".to_owned())),
    }
}

/// Time left at the present rate, once it can be told; with a later end where the rate of the last minute says something else.
fn eta(
    job: &Running,
    counts: &TaskCounts,
    totals: &Totals,
    quick: [f64; 6],
    slow: [f64; 6],
) -> (Option<Duration>, Option<Duration>) {
    let done = counts.planned() - counts.open();
    if job.ran() < ETA_AFTER.0 || done < ETA_AFTER.1 {
        return (None, None);
    }
    let time = |rates: [f64; 6]| {
        let (left, rate) = match job.target() {
            Some(target) => (target.saturating_sub(totals.samples[0]), rates[1]),
            None => (counts.open(), rates[1] + rates[2] + rates[3]),
        };
        (rate > 1e-6).then(|| Duration::from_secs_f64((left as f64 / rate).min(1e8)))
    };
    span(time(quick), time(slow))
}

/// One time where two agree, else the earlier and the later.
fn span(one: Option<Duration>, other: Option<Duration>) -> (Option<Duration>, Option<Duration>) {
    let (Some(one), Some(other)) = (one, other) else {
        return (one.or(other), None);
    };
    let (early, late) = (one.min(other), one.max(other));
    let apart = late.as_secs_f64() > early.as_secs_f64() * (1.0 + UNSTEADY);
    if apart {
        (Some(early), Some(late))
    } else {
        (Some(one), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsteady_time_left_is_a_range() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(span(seconds(100), seconds(110)), (seconds(100), None));
        assert_eq!(span(seconds(200), seconds(100)), (seconds(100), seconds(200)));
        assert_eq!(span(None, seconds(100)), (seconds(100), None));
        assert_eq!(span(None, None), (None, None));
    }
}
