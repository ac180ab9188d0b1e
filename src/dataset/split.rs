//! Which file of a split a task's samples go into: drawn from the task's index, so that it never depends on order or on other tasks.

use crate::core::job::DatasetSpec;

/// The file name without extension; `data` without a split. Uniform in [0, 1) from the first 8 bytes of
/// blake3(seed ‖ "split" ‖ index), compared with the cumulated shares.
pub(super) fn split_of(spec: &DatasetSpec, random_seed: u64, task_index: u64) -> &str {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&random_seed.to_le_bytes());
    hasher.update(b"split");
    hasher.update(&task_index.to_le_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    let mut point = (u64::from_le_bytes(first) >> 11) as f64 / (1_u64 << 53) as f64;
    for (name, share) in &spec.split {
        if point < *share {
            return name;
        }
        point -= share;
    }
    spec.split.last().map_or("data", |(name, _)| name)
}
