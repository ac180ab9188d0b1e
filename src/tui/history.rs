//! The engine's gauge over the last minutes: a ring of at most 600 points, one a second, from which charts are drawn.

use std::collections::VecDeque;
use std::time::Duration;

use crate::core::api::{JobProgress, Progress};

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
}

impl Point {
    /// The sums of a gauge.
    pub(crate) fn of(progress: &Progress, at: Duration) -> Self {
        progress.jobs.iter().fold(
            Self {
                at,
                ..Self::default()
            },
            Self::plus,
        )
    }

    fn plus(mut self, job: &JobProgress) -> Self {
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
        self
    }
}

/// The last ten minutes.
#[derive(Debug, Default)]
pub(crate) struct History {
    points: VecDeque<Point>,
}

impl History {
    const MOST: usize = 600;

    /// Adds a point; within the same second the newest counts.
    pub(crate) fn push(&mut self, point: Point) {
        if self
            .points
            .back()
            .is_some_and(|last| last.at.as_secs() == point.at.as_secs())
        {
            self.points.pop_back();
        }
        self.points.push_back(point);
        if self.points.len() > Self::MOST {
            self.points.pop_front();
        }
    }

    /// The newest point.
    pub(crate) fn newest(&self) -> Option<&Point> {
        self.points.back()
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
        let Some(newest) = self.points.back() else {
            return series;
        };
        let step = window.as_secs_f64() / columns.max(1) as f64;
        for point in &self.points {
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

    /// Dollars per hour over the last minute, once there are ten seconds to tell it from.
    pub(crate) fn usd_per_hour(&self) -> Option<f64> {
        let newest = self.points.back()?;
        let since = newest.at.saturating_sub(Duration::from_mins(1));
        let first = self.points.iter().find(|point| point.at >= since)?;
        let seconds = newest.at.saturating_sub(first.at).as_secs_f64();
        let spent = newest.usd.saturating_sub(first.usd).max(0);
        (seconds >= 10.0).then(|| spent as f64 / 1e6 * 3600.0 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(second: u64, persisted: u64) -> Point {
        Point {
            at: Duration::from_secs(second),
            persisted,
            usd: persisted.cast_signed() * 1000,
            ..Point::default()
        }
    }

    #[test]
    fn a_series_ends_now_and_fills_its_gaps() {
        let mut history = History::default();
        for (second, value) in [(10, 1), (12, 2), (13, 3), (13, 4)] {
            history.push(point(second, value));
        }
        let series = history.series(Duration::from_secs(5), 5, |point| point.persisted as f64);
        assert_eq!(series, [None, Some(1.0), Some(1.0), Some(2.0), Some(4.0)]);
    }

    #[test]
    fn the_ring_forgets_the_oldest() {
        let mut history = History::default();
        for second in 0..2000 {
            history.push(point(second, second));
        }
        assert_eq!(history.points.len(), History::MOST);
        assert_eq!(history.usd_per_hour(), Some(3.6));
    }
}
