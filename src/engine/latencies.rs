//! How long answers take: quantiles in flat memory.

use std::time::Duration;

use crate::core::api::Latency;

/// Latencies in logarithmic buckets of about 9 %: memory stays flat.
#[derive(Debug)]
pub(super) struct Latencies {
    buckets: [u32; 160],
    count: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            buckets: [0; 160],
            count: 0,
        }
    }
}

impl Latencies {
    /// One more.
    pub(super) fn add(&mut self, latency: Duration) {
        let milliseconds = latency.as_secs_f64() * 1e3;
        let bucket = ((milliseconds.max(1.0).log2() * 8.0) as usize).min(self.buckets.len() - 1);
        self.buckets[bucket] = self.buckets[bucket].saturating_add(1);
        self.count += 1;
    }

    /// The latency below which that share of all lies, in milliseconds; 0 without any.
    pub(super) fn quantile(&self, share: f64) -> u64 {
        let wanted = (self.count as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (at, count) in self.buckets.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted && seen > 0 {
                return 2_f64.powf((at as f64 + 0.5) / 8.0) as u64;
            }
        }
        0
    }

    /// All of another one too.
    pub(super) fn absorb(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(other.buckets) {
            *mine = mine.saturating_add(theirs);
        }
        self.count += other.count;
    }

    /// As a front end shows it: quantiles, and counts by doublings of a millisecond up to the slowest.
    pub(super) fn told(&self) -> Latency {
        let mut octaves: Vec<u64> = self
            .buckets
            .chunks(8)
            .map(|octave| octave.iter().copied().map(u64::from).sum())
            .collect();
        while octaves.last() == Some(&0) {
            octaves.pop();
        }
        Latency {
            p50_ms: self.quantile(0.5),
            p95_ms: self.quantile(0.95),
            p99_ms: self.quantile(0.99),
            octaves,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octaves_count_every_answer_once() {
        let mut latencies = Latencies::default();
        for milliseconds in [0, 1, 3, 900, 1_100] {
            latencies.add(Duration::from_millis(milliseconds));
        }
        let mut both = Latencies::default();
        both.absorb(&latencies);
        both.absorb(&latencies);
        let told = both.told();
        assert_eq!(told.octaves, [4, 2, 0, 0, 0, 0, 0, 0, 0, 2, 2]);
        assert!((2..=4).contains(&told.p50_ms), "{told:?}");
        assert_eq!(Latencies::default().told(), Latency::default());
    }
}
