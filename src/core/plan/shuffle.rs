//! A pseudo-random order of n rows that needs no memory: a Feistel network over the next power of four, walked until it lands
//! inside (J. Black and P. Rogaway, "Ciphers with Arbitrary Finite Domains", 2002). For shuffling, not for secrets.

const ROUNDS: usize = 8;

/// A permutation of `0..rows`.
#[derive(Debug, Clone)]
pub(super) struct Shuffle {
    rows: u64,
    /// Bits of half a block.
    half: u32,
    keys: [u64; ROUNDS],
}

impl Shuffle {
    pub(super) fn new(random_seed: u64, rows: u64) -> Self {
        let bits = u64::BITS - rows.saturating_sub(1).leading_zeros();
        let mut keys = [0; ROUNDS];
        for (round, key) in keys.iter_mut().enumerate() {
            let mut hasher = blake3::Hasher::new();
            hasher.update(b"shuffle");
            hasher.update(&random_seed.to_le_bytes());
            hasher.update(&(round as u64).to_le_bytes());
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
            *key = u64::from_le_bytes(bytes);
        }
        Self {
            rows,
            // Very small networks mix badly: at least 64 places, of which most are walked over.
            half: bits.div_ceil(2).max(3),
            keys,
        }
    }

    /// The place of a row. Rows past the count (the file has grown) stay where they are.
    pub(super) fn place(&self, row: u64) -> u64 {
        if row >= self.rows {
            return row;
        }
        let mut place = self.block(row);
        // The network permutes its whole domain, so the walk from a row inside comes back inside.
        while place >= self.rows {
            place = self.block(place);
        }
        place
    }

    fn block(&self, value: u64) -> u64 {
        let mask = (1_u64 << self.half) - 1;
        let (mut left, mut right) = (value >> self.half & mask, value & mask);
        for key in self.keys {
            (left, right) = (right, left ^ (mix(right ^ key) & mask));
        }
        left << self.half | right
    }
}

/// The finaliser of `SplitMix64` (S. Vigna, public domain): every input bit reaches every output bit.
fn mix(value: u64) -> u64 {
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}
