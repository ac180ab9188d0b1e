//! Finds, among many word sequences, the one with the highest ROUGE-L F1 to another. It knows numbers and keys, not candidates.
//!
//! ROUGE-L is the longest common subsequence of two word sequences as recall and precision (C.-Y. Lin, "ROUGE: A Package for
//! Automatic Evaluation of Summaries", 2004, section 3); with β = 1 its F is `2 · LCS / (m + n)`, as `rouge_score` computes it.
//! Comparing with everything would be slow, so three bounds come first, none of which loses a pair: the shorter length, then the
//! words both have (counted as often as they occur: no subsequence has more), looked for through the rarest words of the query.

use std::collections::HashMap;
use std::hash::Hash;

use super::lcs::Pattern;
use super::shingles::fold;

/// Keeps the n-th occurrence of a word apart from the first.
const OCCURRENCE: u64 = 0xb492_b66f_be98_f273;

/// A text as its words in order, and as a sorted set in which the n-th occurrence of a word is an element of its own.
#[derive(Debug, Clone)]
pub(super) struct Words {
    sequence: Vec<u32>,
    set: Vec<u32>,
}

impl Words {
    /// Of hashed words in order.
    pub(super) fn new(sequence: Vec<u32>) -> Self {
        let mut seen: HashMap<u32, u32> = HashMap::with_capacity(sequence.len());
        let mut set: Vec<u32> = sequence
            .iter()
            .map(|word| {
                let times = seen.entry(*word).or_insert(0);
                *times += 1;
                let hash = fold(u64::from(*word) << 32 | u64::from(*times), OCCURRENCE);
                (hash ^ (hash >> 32)) as u32
            })
            .collect();
        set.sort_unstable();
        Self { sequence, set }
    }

    fn len(&self) -> usize {
        self.sequence.len()
    }
}

#[derive(Debug)]
struct Item<K> {
    /// `None`: forgotten, the place is free.
    key: Option<K>,
    words: Words,
}

/// What is most alike.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Alike<K> {
    pub(super) key: K,
    /// ROUGE-L F1, in [0, 1].
    pub(super) score: f64,
}

/// The texts let in so far.
#[derive(Debug)]
pub(super) struct Overlaps<K> {
    threshold: f64,
    items: Vec<Item<K>>,
    free: Vec<u32>,
    slots: HashMap<K, u32>,
    /// Whose set holds an element.
    holders: HashMap<u32, Vec<u32>>,
}

impl<K: Clone + Eq + Hash + Ord> Overlaps<K> {
    /// For pairs with a score above the threshold, in (0, 1).
    pub(super) fn new(threshold: f64) -> Self {
        Self {
            threshold,
            items: Vec::new(),
            free: Vec::new(),
            slots: HashMap::new(),
            holders: HashMap::new(),
        }
    }

    /// The fewest common words with which two texts of these lengths can pass the threshold.
    fn needed(&self, one: usize, other: usize) -> usize {
        // F > t  <=>  LCS > t (m + n) / 2; the margin keeps rounding from losing a pair, the exact test comes last.
        (self.threshold * (one + other) as f64 / 2.0 - 1e-6).floor() as usize + 1
    }

    /// The most alike of all texts with a score above the threshold whose key is not passed over; of equals the first by key.
    pub(super) fn best(&self, query: &Words, pass_over: impl Fn(&K) -> bool) -> Option<Alike<K>> {
        let pattern = Pattern::new(&query.sequence);
        let mut best: Option<Alike<K>> = None;
        for slot in self.proposed(query) {
            let item = &self.items[slot as usize];
            let Some(key) = item.key.as_ref().filter(|key| !pass_over(key)) else {
                continue;
            };
            let total = query.len() + item.words.len();
            let at_least = best.as_ref().map_or(0.0, |best| best.score).max(self.threshold);
            let bound = 2.0 * shared(&query.set, &item.words.set) as f64 / total as f64;
            if bound + 1e-9 < at_least {
                continue;
            }
            let common = pattern.common(item.words.sequence.iter().copied());
            let score = 2.0 * common as f64 / total as f64;
            let is_better = best.as_ref().is_none_or(|best| {
                score > best.score || (score.total_cmp(&best.score).is_eq() && *key < best.key)
            });
            if score > self.threshold && is_better {
                best = Some(Alike {
                    key: key.clone(),
                    score,
                });
            }
        }
        best
    }

    /// Texts that share one of the query's rarest elements and are neither too short nor too long. A partner lacks fewer elements of
    /// the query than are looked at here, so it holds one of them.
    fn proposed(&self, query: &Words) -> Vec<u32> {
        let shortest = (query.len() as f64 * self.threshold / (2.0 - self.threshold) - 1e-6).ceil() as usize;
        let longest = (query.len() as f64 * (2.0 - self.threshold) / self.threshold + 1e-6).floor() as usize;
        let needed = self.needed(query.len(), shortest);
        if needed > query.len() {
            return Vec::new();
        }
        let mut lists: Vec<&[u32]> = query
            .set
            .iter()
            .map(|element| self.holders.get(element).map_or(&[][..], Vec::as_slice))
            .collect();
        lists.sort_by_key(|list| list.len());
        lists.truncate(query.len() - needed + 1);
        let mut proposed: Vec<u32> = lists.into_iter().flatten().copied().collect();
        proposed.sort_unstable();
        proposed.dedup();
        proposed.retain(|slot| (shortest..=longest).contains(&self.items[*slot as usize].words.len()));
        proposed
    }

    /// Lets a text in, in place of what had its key before.
    pub(super) fn insert(&mut self, key: K, words: Words) {
        self.remove(&key);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.items.push(Item {
                key: None,
                words: Words::new(Vec::new()),
            });
            self.items.len() as u32 - 1
        });
        for element in &words.set {
            self.holders.entry(*element).or_default().push(slot);
        }
        self.slots.insert(key.clone(), slot);
        self.items[slot as usize] = Item {
            key: Some(key),
            words,
        };
    }

    /// Forgets the text of that key.
    pub(super) fn remove(&mut self, key: &K) {
        let Some(slot) = self.slots.remove(key) else {
            return;
        };
        let item = &mut self.items[slot as usize];
        item.key = None;
        let words = std::mem::replace(&mut item.words, Words::new(Vec::new()));
        for element in words.set {
            if let Some(holders) = self.holders.get_mut(&element) {
                holders.retain(|other| *other != slot);
                if holders.is_empty() {
                    self.holders.remove(&element);
                }
            }
        }
        self.free.push(slot);
    }
}

/// How many elements two sorted sets share.
fn shared(left: &[u32], right: &[u32]) -> usize {
    let (mut at, mut other, mut shared) = (0, 0, 0);
    while at < left.len() && other < right.len() {
        let (a, b) = (left[at], right[other]);
        shared += usize::from(a == b);
        at += usize::from(a <= b);
        other += usize::from(b <= a);
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn words(rng: &mut ChaCha8Rng) -> Vec<u32> {
        // Squared: small numbers are frequent, as words are.
        let word = |rng: &mut ChaCha8Rng| {
            let draw: f64 = rng.random();
            (draw * draw * 400.0) as u32
        };
        let length = rng.random_range(1..40);
        (0..length).map(|_| word(rng)).collect()
    }

    fn edited(words: &[u32], rng: &mut ChaCha8Rng) -> Vec<u32> {
        let mut words = words.to_vec();
        for _ in 0..rng.random_range(0..8) {
            let at = rng.random_range(0..=words.len());
            match rng.random_range(0..3) {
                0 => words.insert(at, rng.random_range(0..400)),
                1 if at < words.len() => {
                    words.remove(at);
                }
                _ if at < words.len() => words[at] = rng.random_range(0..400),
                _ => {}
            }
        }
        words
    }

    fn score(left: &[u32], right: &[u32]) -> f64 {
        let common = Pattern::new(left).common(right.iter().copied());
        2.0 * common as f64 / (left.len() + right.len()).max(1) as f64
    }

    #[test]
    fn nothing_above_the_threshold_is_missed() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for threshold in [0.3, 0.5, 0.7, 0.9] {
            let mut pool: Overlaps<usize> = Overlaps::new(threshold);
            let mut texts: Vec<Vec<u32>> = Vec::new();
            let mut found = 0;
            for at in 0..600_usize {
                let text = match texts.last() {
                    Some(earlier) if at % 2 == 0 => edited(earlier, &mut rng),
                    _ => words(&mut rng),
                };
                let best = pool.best(&Words::new(text.clone()), |_| false);
                let scores = texts.iter().map(|other| score(&text, other));
                let expected = scores.fold(0.0, f64::max);
                if expected > threshold {
                    let best = best.unwrap_or_else(|| panic!("{expected} at {at} is missed"));
                    assert!((best.score - expected).abs() < 1e-12);
                    assert!((score(&text, &texts[best.key]) - expected).abs() < 1e-12);
                    found += 1;
                } else {
                    assert_eq!(best, None, "{expected} at {at}");
                }
                pool.insert(at, Words::new(text.clone()));
                texts.push(text);
            }
            assert!(found > 50, "{found} pairs above {threshold}");
        }
    }

    #[test]
    fn what_is_removed_is_not_found_and_its_place_is_used_again() {
        let mut pool = Overlaps::new(0.7);
        let text = || Words::new(vec![1, 2, 3, 4]);
        pool.insert(1, text());
        pool.insert(2, text());
        assert_eq!(pool.best(&text(), |_| false).unwrap().key, 1);
        assert_eq!(pool.best(&text(), |key| *key == 1).unwrap().key, 2);
        pool.remove(&1);
        pool.insert(2, Words::new(vec![9]));
        assert_eq!(pool.best(&text(), |_| false), None);
        pool.insert(3, text());
        assert_eq!(pool.items.len(), 2);
        assert_eq!(pool.best(&text(), |_| false).unwrap().key, 3);
    }
}
