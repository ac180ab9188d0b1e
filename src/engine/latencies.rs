//! How long answers take: quantiles in flat memory.

use std::time::Duration;

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
}
