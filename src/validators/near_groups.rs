//! Groups of texts that are nearly equal, directly or by way of others: the near duplicates of [`super::near_duplicates`], joined. What
//! is in one group must not come into two parts of a split.

use std::collections::HashMap;

use super::near_duplicates::{Key, NearDuplicates, Sketcher};
use super::shingles::shingles;
use crate::core::ports::NearGroups;

/// Words in a shingle, as the near-duplicate validator has them.
const WORDS: usize = 3;
/// How far below the threshold pairs are still proposed nearly always.
const MARGIN: f64 = 0.15;

/// Texts in groups.
struct Groups {
    sketcher: Sketcher,
    index: NearDuplicates,
    /// The text each one is joined to, up to the first of its group.
    joined: HashMap<Key, Key>,
}

/// No texts yet, for groups of at least that similarity.
pub fn near_groups(threshold: f64) -> Box<dyn NearGroups> {
    // Cut into bands for less alike texts, so that one at the threshold is as good as never missed.
    let sketcher = Sketcher::new((threshold - MARGIN).max(0.3));
    Box::new(Groups {
        index: NearDuplicates::new(threshold, &sketcher),
        sketcher,
        joined: HashMap::new(),
    })
}

impl Groups {
    fn first(&self, mut key: Key) -> Key {
        while let Some(before) = self.joined.get(&key) {
            key = *before;
        }
        key
    }

    fn join(&mut self, one: Key, other: Key) {
        let (one, other) = (self.first(one), self.first(other));
        if one != other {
            self.joined.insert(one.max(other), one.min(other));
        }
    }
}

impl NearGroups for Groups {
    fn add(&mut self, key: Key, text: &str) {
        let sketch = self.sketcher.sketch(shingles(text, WORDS));
        self.join(key, (key.0, 0));
        // Every group that has a text like this one becomes one group with it.
        loop {
            let own = self.first(key);
            let found = self.index.nearest(&sketch, |other| self.first(other) == own);
            let Some(near) = found else { break };
            self.join(key, near.key);
        }
        self.index.insert(key, &sketch);
    }

    fn first_of(&mut self, key: Key) -> Key {
        let first = self.first(key);
        if first != key {
            // The way is shorter next time.
            self.joined.insert(key, first);
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_by_way_of_others_is_one_group() {
        let mut groups = near_groups(0.6);
        let text = |from: u32, to: u32| {
            let words: Vec<String> = (from..to).map(|n| format!("word{n}")).collect();
            words.join(" ")
        };
        // The first and the second are too different; the third is like both of them.
        groups.add((5, 0), &text(0, 40));
        groups.add((2, 0), &text(16, 56));
        groups.add((7, 1), "nothing of the kind is said here at all");
        assert_eq!(groups.first_of((5, 0)), (5, 0));
        groups.add((9, 0), &text(8, 48));
        for key in [(5, 0), (2, 0), (9, 0)] {
            assert_eq!(groups.first_of(key), (2, 0), "{key:?}");
        }
        assert_eq!(groups.first_of((7, 1)), (7, 0), "with its task");
    }
}
