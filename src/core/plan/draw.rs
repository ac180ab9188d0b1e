//! Reproducible randomness: every draw is a pure function of the job's random seed, a purpose and an index, so that no draw
//! depends on the order in which things happen. No algorithm of a library that may change between versions stands between the
//! bits and the numbers.

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The bits of one purpose at one index.
pub(crate) struct Stream(ChaCha8Rng);

/// `ChaCha8`, keyed by blake3(random seed, index, purpose).
pub(crate) fn stream(random_seed: u64, purpose: &str, index: u64) -> Stream {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&random_seed.to_le_bytes());
    hasher.update(&index.to_le_bytes());
    hasher.update(purpose.as_bytes());
    Stream(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
}

impl Stream {
    /// Uniform in [0, 1), in steps of 2⁻⁵³.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    /// Uniform among `0..span`, for spans up to 2⁶⁴ (the bias is below span · 2⁻⁶⁴); 0 for an empty span.
    pub(crate) fn below(&mut self, span: u128) -> u128 {
        (u128::from(self.0.next_u64()).saturating_mul(span)) >> 64
    }
}

/// A number in [0, 1) for a purpose (`route/<step>`, `split`) at an index.
pub fn draw(random_seed: u64, purpose: &str, index: u64) -> f64 {
    stream(random_seed, purpose, index).unit()
}
