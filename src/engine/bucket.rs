//! A token bucket for limits by the minute. The time is an argument.

use std::time::Duration;

use tokio::time::Instant;

/// A token bucket that holds one second's worth (at least one request), so that no minute passes its limit by more than that.
#[derive(Debug)]
pub(super) struct Bucket {
    per_second: f64,
    capacity: f64,
    level: f64,
    at: Option<Instant>,
}

impl Bucket {
    /// So many units a minute.
    pub(super) fn per_minute(units: f64) -> Self {
        let per_second = (units / 60.0).max(1e-6);
        let capacity = per_second.max(1.0);
        Self {
            per_second,
            capacity,
            level: capacity,
            at: None,
        }
    }

    /// How long until `units` are there; `None`: now. More units than the bucket holds wait for a full bucket and leave a debt.
    pub(super) fn wait_for(&mut self, now: Instant, units: f64) -> Option<Duration> {
        let passed = self.at.map_or(Duration::ZERO, |at| now - at);
        self.at = Some(now);
        self.level = (self.level + passed.as_secs_f64() * self.per_second).min(self.capacity);
        let missing = units.min(self.capacity) - self.level;
        (missing > 1e-9)
            .then(|| Duration::from_secs_f64(missing / self.per_second).max(Duration::from_millis(1)))
    }

    /// Takes them.
    pub(super) fn take(&mut self, units: f64) {
        self.level -= units;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_never_lets_more_through_in_a_minute_than_it_says_plus_one_second() {
        let mut bucket = Bucket::per_minute(600.0);
        let start = Instant::now();
        let mut now = start;
        let mut granted = 0;
        while now - start < Duration::from_mins(1) {
            match bucket.wait_for(now, 1.0) {
                None => {
                    bucket.take(1.0);
                    granted += 1;
                }
                Some(wait) => now += wait,
            }
        }
        assert!((595..=611).contains(&granted), "{granted}");
    }
}
