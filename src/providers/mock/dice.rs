//! The mock's source of chance: `SplitMix64` (Steele, Lea, Flood 2014) from the question's identity, so that the same question gets the
//! same answer on every machine and in every version. Not for secrets.

use crate::core::request::Fingerprint;

/// A stream of draws.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    /// The draws for one purpose at one question.
    pub(super) fn new(seed: u64, fingerprint: Fingerprint, purpose: u64) -> Self {
        let (low, high) = fingerprint.0.split_at(8);
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte))
        };
        let mut dice = Self(seed ^ number(low));
        dice.0 = dice.next() ^ number(high);
        dice.0 = dice.next() ^ purpose;
        dice
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in [0, `most`); 0 of nothing.
    pub(super) fn below(&mut self, most: usize) -> usize {
        ((u128::from(self.next()) * most as u128) >> 64) as usize
    }

    /// Uniform in [`low`, `high`], or `low`.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let Ok(width) = u64::try_from(i128::from(high) - i128::from(low)) else {
            return low;
        };
        let step = (u128::from(self.next()) * (u128::from(width) + 1)) >> 64;
        low.wrapping_add_unsigned(step as u64)
    }

    /// One of these.
    pub(super) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.get(self.below(from.len())).copied().unwrap_or_default()
    }
}
