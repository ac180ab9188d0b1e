//! The engine's gauge over time, from which charts are drawn: the last minutes by the second, the last hours more coarsely, and the
//! whole session in as many points.

use std::collections::VecDeque;
use std::time::Duration;

use crate::core::api::{JobProgress, Progress};

/// Jobs with a series of their own; the others are summed up.
pub(crate) const JOBS: usize = 4;

/// Sums over all jobs at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Point {
    /// When, since the start.
    pub(crate) at: Duration,
    /// Tasks in the ledger.
    pub(crate) enqueued: u64,
    /// Tasks that were begun.
    pub(crate) started: u64,
    /// Requests in flight.
    pub(crate) in_flight: u64,
    /// Most requests in flight at present.
    pub(crate) limit: u64,
    /// Accepted tasks.
    pub(crate) persisted: u64,
    /// Rejected tasks.
    pub(crate) rejected: u64,
    /// Failed tasks.
    pub(crate) failed: u64,
    /// Per second: started, persisted, rejected, failed.
    pub(crate) rates: [f64; 4],
    /// Tokens per second: in, out.
    pub(crate) tokens: [f64; 2],
    /// Micro-USD spent by these jobs.
    pub(crate) usd: i64,
    /// Dollars an hour, over the minute before.
    pub(crate) usd_per_hour: f64,
    /// The slowest provider's 95th percentile in seconds.
    pub(crate) p95: f64,
    /// Samples per second of the first [`JOBS`] jobs, and of all others together.
    pub(crate) by_job: [f64; JOBS + 1],
}

impl Point {
    /// The sums of a gauge.
    fn of(progress: &Progress, at: Duration, names: &[String]) -> Self {
        let p95 = progress
            .providers
            .iter()
            .filter(|provider| provider.requests > 0)
            .map(|provider| provider.p95_ms)
            .max();
        let start = Self {
            at,
            p95: p95.unwrap_or_default() as f64 / 1e3,
            ..Self::default()
        };
        progress.jobs.iter().fold(start, |sum, job| sum.plus(job, names))
    }

    fn plus(mut self, job: &JobProgress, names: &[String]) -> Self {
        self.enqueued += job.enqueued;
        self.started += job.started;
        self.in_flight += job.in_flight;
        self.limit += job.in_flight_limit;
        self.persisted += job.persisted;
        self.rejected += job.rejected;
        self.failed += job.failed;
        for (sum, rate) in self.rates.iter_mut().zip(job.rates) {
            *sum += rate;
        }
        for (sum, rate) in self.tokens.iter_mut().zip(job.token_rates) {
            *sum += rate;
        }
        self.usd += job.usd.0;
        let place = names.iter().position(|name| *name == job.name).unwrap_or(JOBS);
        self.by_job[place] += job.rates[1];
        self
    }

    /// Rejected tasks of those judged at present, in per cent.
    pub(crate) fn reject_share(&self) -> f64 {
        let judged = self.rates[1] + self.rates[2];
        if judged > 1e-6 {
            self.rates[2] / judged * 100.0
        } else {
            0.0
        }
    }
}

/// Points at least `step` apart.
#[derive(Debug, Clone)]
struct Ring {
    step: Duration,
    /// When full, every other point goes and the step doubles; otherwise the oldest goes.
    thins: bool,
    points: VecDeque<Point>,
}

impl Ring {
    const MOST: usize = 600;

    fn new(step: Duration, thins: bool) -> Self {
        Self {
            step,
            thins,
            points: VecDeque::new(),
        }
    }

    /// Adds a point; within the same step the newest counts.
    fn push(&mut self, point: Point) {
        let place = |at: Duration| at.as_millis() / self.step.as_millis().max(1);
        if self
            .points
            .back()
            .is_some_and(|last| place(last.at) == place(point.at))
        {
            self.points.pop_back();
        }
        self.points.push_back(point);
        if self.points.len() <= Self::MOST {
            return;
        }
        if self.thins {
            let mut keep = false;
            self.points.retain(|_| {
                keep = !keep;
                keep
            });
            self.step *= 2;
        } else {
            self.points.pop_front();
        }
    }
}

/// What was seen since the start.
#[derive(Debug, Clone)]
pub(crate) struct History {
    /// From fine to coarse; the last one covers everything.
    rings: [Ring; 3],
    names: Vec<String>,
}

impl Default for History {
    fn default() -> Self {
        let second = Duration::from_secs(1);
        Self {
            rings: [
                Ring::new(second, false),
                Ring::new(second * 20, false),
                Ring::new(second, true),
            ],
            names: Vec::new(),
        }
    }
}

impl History {
    /// Adds what the gauge says now.
    pub(crate) fn note(&mut self, progress: &Progress, at: Duration) {
        for job in progress.jobs.iter().filter(|job| job.rates[1] > 0.0) {
            if self.names.len() < JOBS && !self.names.contains(&job.name) {
                self.names.push(job.name.clone());
            }
        }
        let mut point = Point::of(progress, at, &self.names);
        point.usd_per_hour = self.usd_per_hour(&point).unwrap_or_default();
        for ring in &mut self.rings {
            ring.push(point);
        }
    }

    /// The newest point.
    pub(crate) fn newest(&self) -> Option<&Point> {
        self.rings[0].points.back()
    }

    /// The jobs that have a series of their own, in the order of [`Point::by_job`].
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Everything that was seen, as a window: a minute at least.
    pub(crate) fn whole(&self) -> Duration {
        let points = &self.rings[2].points;
        let first = points.front().map_or(Duration::ZERO, |point| point.at);
        let newest = points.back().map_or(Duration::ZERO, |point| point.at);
        newest.saturating_sub(first).max(Duration::from_mins(1))
    }

    /// `columns` values of the `window` that ends with the newest point, oldest first; `None` before the first point. A column
    /// without a point of its own shows the one before it.
    pub(crate) fn series(
        &self,
        window: Duration,
        columns: usize,
        read: impl Fn(&Point) -> f64,
    ) -> Vec<Option<f64>> {
        let mut series = vec![None; columns];
        let Some(newest) = self.newest() else {
            return series;
        };
        let covers = |ring: &&Ring| ring.step * (Ring::MOST as u32) >= window && !ring.thins;
        let ring = self.rings.iter().find(covers).unwrap_or(&self.rings[2]);
        let step = window.as_secs_f64() / columns.max(1) as f64;
        for point in &ring.points {
            let age = newest.at.saturating_sub(point.at).as_secs_f64();
            let back = (age / step) as usize;
            if back < columns {
                series[columns - 1 - back] = Some(read(point));
            }
        }
        let mut before = None;
        for value in &mut series {
            *value = value.or(before);
            before = *value;
        }
        series
    }

    /// Dollars per hour over the minute before that point, once there are ten seconds to tell it from.
    fn usd_per_hour(&self, newest: &Point) -> Option<f64> {
        let since = newest.at.saturating_sub(Duration::from_mins(1));
        let mut points = self.rings[0].points.iter();
        let first = points.find(|point| point.at >= since)?;
        let seconds = newest.at.saturating_sub(first.at).as_secs_f64();
        let spent = newest.usd.saturating_sub(first.usd).max(0);
        (seconds >= 10.0).then(|| spent as f64 / 1e6 * 3600.0 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::budget::Money;

    fn progress(persisted: u64) -> Progress {
        let job = |name: &str, rate| JobProgress {
            name: name.to_owned(),
            persisted,
            rates: [0.0, rate, rate, 0.0],
            usd: Money(persisted.cast_signed() * 1000),
            ..JobProgress::default()
        };
        Progress {
            jobs: vec![job("a", 1.0), job("idle", 0.0)],
            ..Progress::default()
        }
    }

    fn history(seconds: impl IntoIterator<Item = (u64, u64)>) -> History {
        let mut history = History::default();
        for (second, value) in seconds {
            history.note(&progress(value), Duration::from_secs(second));
        }
        history
    }

    #[test]
    fn a_series_ends_now_and_fills_its_gaps() {
        let history = history([(10, 1), (12, 2), (13, 3), (13, 4)]);
        let series = history.series(Duration::from_secs(5), 5, |point| point.persisted as f64 / 2.0);
        assert_eq!(series, [None, Some(1.0), Some(1.0), Some(2.0), Some(4.0)]);
    }

    #[test]
    fn long_windows_are_coarse_and_memory_stays_flat() {
        let history = history((0..20_000).map(|second| (second, second)));
        for ring in &history.rings {
            assert!(ring.points.len() <= Ring::MOST);
        }
        for minutes in [1, 5, 30, 180] {
            let series = history.series(Duration::from_mins(minutes), 100, |point| point.persisted as f64);
            assert!(series[1].is_some(), "{minutes} min");
            assert_eq!(series[99], Some(39_998.0));
        }
        assert_eq!(history.whole().as_secs(), 19_999);
        assert!(history.series(history.whole(), 50, |_| 1.0)[0].is_some());
        assert!((history.newest().unwrap().usd_per_hour - 7.2).abs() < 0.2);
    }

    #[test]
    fn jobs_that_work_have_a_series_of_their_own() {
        let history = history([(1, 1)]);
        assert_eq!(history.names(), ["a"]);
        let newest = history.newest().unwrap();
        assert_eq!(newest.by_job.map(|rate| rate as u64), [1, 0, 0, 0, 0]);
        assert!((newest.reject_share() - 50.0).abs() < 1e-9);
    }
}
