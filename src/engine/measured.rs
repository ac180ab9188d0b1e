//! How teachers answered each job in this session: answers, errors, latencies. A gauge for screens; nothing is decided by it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::latencies::Latencies;
use crate::core::api::{Latency, Measured};
use crate::core::job::JobId;
use crate::core::request::Trouble;

/// What was measured, by job and teacher.
#[derive(Debug, Default)]
pub(super) struct Measurements {
    rows: Mutex<BTreeMap<(i64, String), Row>>,
}

#[derive(Debug, Default)]
struct Row {
    latencies: Latencies,
    answers: u64,
    errors: u64,
    limited: u64,
}

impl Measurements {
    fn rows(&self) -> MutexGuard<'_, BTreeMap<(i64, String), Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer after so long.
    pub(super) fn answered(&self, job: JobId, teacher: &str, latency: Duration) {
        let mut rows = self.rows();
        let row = rows.entry((job.0, teacher.to_owned())).or_default();
        row.answers += 1;
        row.latencies.add(latency);
    }

    /// A failure.
    pub(super) fn failed(&self, job: JobId, teacher: &str, trouble: Trouble) {
        let mut rows = self.rows();
        let row = rows.entry((job.0, teacher.to_owned())).or_default();
        match trouble {
            Trouble::RateLimit => row.limited += 1,
            _ => row.errors += 1,
        }
    }

    /// A job's teachers, and all of them together.
    pub(super) fn of(&self, job: JobId) -> (Vec<Measured>, Latency) {
        let rows = self.rows();
        let mut all = Latencies::default();
        let mut measured = Vec::new();
        for ((_, teacher), row) in rows.range((job.0, String::new())..(job.0 + 1, String::new())) {
            all.absorb(&row.latencies);
            measured.push(Measured {
                teacher: teacher.clone(),
                answers: row.answers,
                errors: row.errors,
                limited: row.limited,
                latency: row.latencies.told(),
            });
        }
        (measured, all.told())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_kept_apart_and_their_teachers_together() {
        let measurements = Measurements::default();
        for teacher in ["t0", "t1", "t1"] {
            measurements.answered(JobId(7), teacher, Duration::from_millis(100));
        }
        measurements.answered(JobId(8), "t0", Duration::from_secs(9));
        measurements.failed(JobId(7), "t1", Trouble::Server);
        measurements.failed(JobId(7), "t1", Trouble::RateLimit);
        let (rows, all) = measurements.of(JobId(7));
        assert_eq!(all.octaves.iter().sum::<u64>(), 3);
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.teacher.as_str(), row.answers, row.errors, row.limited))
            .collect();
        assert_eq!(told, [("t0", 1, 0, 0), ("t1", 2, 1, 1)]);
    }
}
