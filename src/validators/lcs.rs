//! The length of the longest common subsequence of two sequences, 64 elements of one at a time. It knows numbers, not texts.
//!
//! The bit-vector recurrence is Hyyrö's ("Bit-parallel LCS-length computation revisited", 2004): with a row of bits for every
//! distinct element of the pattern, each element of the other sequence costs one addition per 64 elements of the pattern.

use std::collections::HashMap;

/// A sequence, ready to be compared with many others.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// Words of 64 bits in a row.
    width: usize,
    /// Where the row of an element begins in `rows`.
    starts: HashMap<u32, usize>,
    /// Bit i of an element's row: the pattern has it at place i.
    rows: Vec<u64>,
}

impl Pattern {
    /// The pattern of a sequence.
    pub(super) fn new(sequence: &[u32]) -> Self {
        let width = sequence.len().div_ceil(64).max(1);
        let mut starts = HashMap::new();
        let mut rows = Vec::new();
        for (at, element) in sequence.iter().enumerate() {
            let start = *starts.entry(*element).or_insert_with(|| {
                rows.resize(rows.len() + width, 0);
                rows.len() - width
            });
            rows[start + at / 64] |= 1 << (at % 64);
        }
        Self { width, starts, rows }
    }

    /// How long its longest common subsequence with another sequence is.
    pub(super) fn common(&self, other: impl Iterator<Item = u32>) -> usize {
        // A zero stands where the subsequence grew.
        let mut open = vec![u64::MAX; self.width];
        for element in other {
            let Some(start) = self.starts.get(&element) else {
                continue;
            };
            let row = &self.rows[*start..*start + self.width];
            let mut carry = false;
            for (open, row) in open.iter_mut().zip(row) {
                let hit = *open & row;
                let (sum, over) = open.overflowing_add(hit);
                let (sum, again) = sum.overflowing_add(u64::from(carry));
                carry = over || again;
                *open = sum | (*open & !row);
            }
        }
        // Bits beyond the pattern's end stay ones: no row holds them, and a carry into them is undone by the second term.
        open.iter().map(|word| word.count_zeros() as usize).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The textbook's table.
    fn slow(left: &[u32], right: &[u32]) -> usize {
        let mut row = vec![0; right.len() + 1];
        for a in left {
            let mut corner = 0;
            for (at, b) in right.iter().enumerate() {
                let above = row[at + 1];
                row[at + 1] = if a == b { corner + 1 } else { above.max(row[at]) };
                corner = above;
            }
        }
        row[right.len()]
    }

    proptest! {
        #[test]
        fn as_long_as_the_table_says(
            left in prop::collection::vec(0_u32..9, 0..200),
            right in prop::collection::vec(0_u32..9, 0..200),
        ) {
            let fast = Pattern::new(&left).common(right.iter().copied());
            prop_assert_eq!(fast, slow(&left, &right));
        }
    }

    #[test]
    fn the_ends_of_words_are_no_ends() {
        for length in [0, 1, 63, 64, 65, 127, 128, 129] {
            let same: Vec<u32> = (0..length).collect();
            let pattern = Pattern::new(&same);
            assert_eq!(pattern.common(same.iter().copied()), same.len());
            assert_eq!(
                pattern.common(std::iter::repeat_n(7, 300)),
                usize::from(length > 7)
            );
            assert_eq!(pattern.common(std::iter::empty()), 0);
        }
    }
}
