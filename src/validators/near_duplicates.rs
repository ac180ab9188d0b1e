//! Finds the near duplicates of a text among many: `MinHash` with banding proposes, exact Jaccard over the kept shingles decides.
//! It knows sets of hashes and keys, not candidates.
//!
//! The signature of a set is, for each of `bands x rows` hash functions, the least hash of its elements; two sets agree in one of them
//! with the probability of their similarity s (Broder 1997). The rows of a band are one bucket, so a pair is proposed with
//! probability `1 - (1 - s^rows)^bands`. At the threshold that is at least 0.98; every proposal is confirmed exactly.
//!
//! Memory per text at the threshold 0.8 (13 bands): 104 bytes of bucket entries, 52 to 104 of bucket heads, 4 per shingle, 32 for the
//! item and about 40 for its key: some 330 bytes for a text of 26 words, measured 375 to 440 with the spare room of growing tables.

use std::collections::HashMap;

use super::shingles::{ShingleSet, fold, jaccard_at_least};

/// Who a text belongs to: task index and candidate.
pub type Key = (u64, u32);

/// A near duplicate that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Whose text it is.
    pub key: Key,
    /// Exact Jaccard similarity of the shingle sets.
    pub similarity: f64,
}

/// Probability that a pair exactly at the threshold is found.
const RECALL_AT_THRESHOLD: f64 = 0.98;
/// More bands cost memory, fewer rows cost time on texts that share boilerplate.
const MOST_BANDS: usize = 16;
const MOST_ROWS: usize = 8;
/// No entry, no item.
const NONE: u32 = u32::MAX;

/// The hash functions and how they are cut into bands. Immutable: sketches are made outside of any lock.
#[derive(Debug, Clone)]
pub struct Sketcher {
    bands: usize,
    rows: usize,
    /// Multiplier and addend of each hash function: h(x) = the upper half of (a x + b) mod 2^64, strongly universal on 32 bits.
    functions: Vec<(u64, u64)>,
}

/// A set of shingles with its bucket of every band.
#[derive(Debug, Clone)]
pub struct Sketch {
    shingles: ShingleSet,
    tags: Vec<u32>,
}

impl Sketcher {
    /// For pairs of at least that similarity, in [0.3, 1]: as many rows as still reach the recall with few bands.
    pub fn new(threshold: f64) -> Self {
        let (bands, rows) = (1..=MOST_ROWS)
            .rev()
            .map(|rows| (bands_for(threshold, rows), rows))
            .find(|(bands, rows)| *bands <= MOST_BANDS || *rows == 1)
            .unwrap_or((MOST_BANDS, 1));
        let functions = (0..bands * rows)
            .map(|at| {
                let draw = |salt: u64| fold(at as u64 * 2 + salt, 0xe703_7ed1_a0b4_28db);
                (draw(0x1000) | 1, draw(0x1001))
            })
            .collect();
        Self {
            bands,
            rows,
            functions,
        }
    }

    /// The sketch of a set (sorted, each element once).
    pub fn sketch(&self, shingles: ShingleSet) -> Sketch {
        let mut least = vec![u32::MAX; self.functions.len()];
        for element in &shingles {
            let element = u64::from(*element);
            for (least, (multiplier, addend)) in least.iter_mut().zip(&self.functions) {
                let hash = (element.wrapping_mul(*multiplier).wrapping_add(*addend) >> 32) as u32;
                *least = (*least).min(hash);
            }
        }
        let tags = least
            .chunks_exact(self.rows)
            .zip(1_u64..)
            .map(|(band, number)| {
                let hash = band
                    .iter()
                    .fold(number, |hash, value| fold(hash ^ u64::from(*value), TAG));
                (hash >> 32) as u32
            })
            .collect();
        Sketch { shingles, tags }
    }
}

const TAG: u64 = 0x8f3c_95a7_5a1d_64e5;

/// The bands needed so that a pair at the threshold shares a bucket with [`RECALL_AT_THRESHOLD`].
fn bands_for(threshold: f64, rows: usize) -> usize {
    let agree = threshold.powf(rows as f64).min(1.0 - 1e-9);
    ((1.0 - RECALL_AT_THRESHOLD).ln() / (1.0 - agree).ln())
        .ceil()
        .max(1.0) as usize
}

/// One text in one band's bucket.
#[derive(Debug, Clone, Copy)]
struct Link {
    /// Hash of the band's rows; its low bits choose the bucket.
    tag: u32,
    /// The next link of the bucket.
    next: u32,
}

#[derive(Debug, Clone, Copy)]
struct Item {
    key: Key,
    start: usize,
    length: u32,
}

/// The index: every text that was let in, found again by likeness. Holds at most 2^32 / bands texts.
#[derive(Debug)]
pub struct NearDuplicates {
    threshold: f64,
    bands: usize,
    /// First link of each bucket; the length is a power of two.
    heads: Vec<u32>,
    /// `bands` links per item, in the order of the bands.
    links: Vec<Link>,
    items: Vec<Item>,
    /// The sets of all items, one after the other.
    shingles: Vec<u32>,
    /// Elements of `shingles` that belong to no item any more.
    wasted: usize,
    free: Vec<u32>,
    slots: HashMap<Key, u32>,
}

impl NearDuplicates {
    /// An empty index for sketches of that sketcher and pairs of at least that similarity.
    pub fn new(threshold: f64, sketcher: &Sketcher) -> Self {
        Self {
            threshold,
            bands: sketcher.bands,
            heads: vec![NONE; 1024],
            links: Vec::new(),
            items: Vec::new(),
            shingles: Vec::new(),
            wasted: 0,
            free: Vec::new(),
            slots: HashMap::new(),
        }
    }

    /// How many texts are in it.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether it holds no text.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Memory of its tables in bytes (the map of keys estimated at its capacity).
    pub fn bytes(&self) -> usize {
        size_of::<u32>() * (self.heads.capacity() + self.shingles.capacity() + self.free.capacity())
            + size_of::<Link>() * self.links.capacity()
            + size_of::<Item>() * self.items.capacity()
            + (size_of::<(Key, u32)>() + 1) * self.slots.capacity() * 8 / 7
    }

    /// The most similar text at or above the threshold, among those whose key is not passed over; of equally similar ones the
    /// first by key.
    pub fn nearest(&self, sketch: &Sketch, pass_over: impl Fn(Key) -> bool) -> Option<Near> {
        let mut proposed: Vec<u32> = Vec::new();
        for tag in &sketch.tags {
            let mut at = self.heads[self.bucket(*tag)];
            while at != NONE {
                let link = self.links[at as usize];
                if link.tag == *tag {
                    proposed.push(at / self.bands as u32);
                }
                at = link.next;
            }
        }
        proposed.sort_unstable();
        proposed.dedup();
        proposed
            .into_iter()
            .map(|slot| &self.items[slot as usize])
            .filter(|item| !pass_over(item.key))
            .filter_map(|item| {
                let similarity = jaccard_at_least(&sketch.shingles, self.set_of(item), self.threshold)?;
                Some(Near {
                    key: item.key,
                    similarity,
                })
            })
            .max_by(|a, b| a.similarity.total_cmp(&b.similarity).then(b.key.cmp(&a.key)))
    }

    /// Lets a text in, in place of what had its key before.
    pub fn insert(&mut self, key: Key, sketch: &Sketch) {
        self.remove(key);
        let slot = self.slot(Item {
            key,
            start: self.shingles.len(),
            length: sketch.shingles.len() as u32,
        });
        self.shingles.extend_from_slice(&sketch.shingles);
        self.slots.insert(key, slot);
        for (band, tag) in sketch.tags.iter().enumerate() {
            let link = slot as usize * self.bands + band;
            self.links[link].tag = *tag;
            self.link(link);
        }
        if self.links.len() > self.heads.len() {
            self.grow();
        }
    }

    /// Forgets the text of that key; `false` if there is none.
    pub fn remove(&mut self, key: Key) -> bool {
        let Some(slot) = self.slots.remove(&key) else {
            return false;
        };
        for band in 0..self.bands {
            self.unlink(slot as usize * self.bands + band);
        }
        self.wasted += self.items[slot as usize].length as usize;
        self.items[slot as usize].length = 0;
        self.free.push(slot);
        if self.wasted > 1 << 16 && self.wasted > self.shingles.len() / 2 {
            self.compact();
        }
        true
    }

    fn set_of(&self, item: &Item) -> &[u32] {
        &self.shingles[item.start..item.start + item.length as usize]
    }

    fn bucket(&self, tag: u32) -> usize {
        tag as usize & (self.heads.len() - 1)
    }

    /// A place for an item and its links.
    fn slot(&mut self, item: Item) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.items[slot as usize] = item;
            return slot;
        }
        self.items.push(item);
        let empty = Link { tag: 0, next: NONE };
        self.links.resize(self.items.len() * self.bands, empty);
        self.items.len() as u32 - 1
    }

    /// Puts a link in front of its bucket.
    fn link(&mut self, at: usize) {
        let bucket = self.bucket(self.links[at].tag);
        self.links[at].next = self.heads[bucket];
        self.heads[bucket] = at as u32;
    }

    fn unlink(&mut self, at: usize) {
        let bucket = self.bucket(self.links[at].tag);
        let next = self.links[at].next;
        if self.heads[bucket] == at as u32 {
            self.heads[bucket] = next;
            return;
        }
        let mut before = self.heads[bucket];
        while before != NONE {
            let following = self.links[before as usize].next;
            if following == at as u32 {
                self.links[before as usize].next = next;
                return;
            }
            before = following;
        }
    }

    /// Twice as many buckets.
    fn grow(&mut self) {
        self.heads = vec![NONE; self.heads.len() * 2];
        let mut slots: Vec<u32> = self.slots.values().copied().collect();
        slots.sort_unstable();
        for slot in slots {
            for band in 0..self.bands {
                self.link(slot as usize * self.bands + band);
            }
        }
    }

    /// Drops what removed items left behind.
    fn compact(&mut self) {
        let mut kept = Vec::with_capacity(self.shingles.len() - self.wasted);
        for item in &mut self.items {
            let start = kept.len();
            kept.extend_from_slice(&self.shingles[item.start..item.start + item.length as usize]);
            item.start = start;
        }
        self.shingles = kept;
        self.wasted = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::shingles::{jaccard, shingles};
    use rand::seq::IndexedRandom;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Texts of 12 to 40 words, each third one an edited copy of an earlier one.
    fn corpus(texts: usize, seed: u64) -> Vec<String> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let word = |rng: &mut ChaCha8Rng| format!("w{}", rng.random_range(0..3000));
        let mut corpus: Vec<Vec<String>> = Vec::new();
        for at in 0..texts {
            let text = match corpus.choose(&mut rng) {
                Some(earlier) if at % 3 == 0 => {
                    let mut copy = earlier.clone();
                    for _ in 0..rng.random_range(0..4) {
                        let place = rng.random_range(0..copy.len());
                        copy[place] = word(&mut rng);
                    }
                    copy
                }
                _ => (0..rng.random_range(12..=40)).map(|_| word(&mut rng)).collect(),
            };
            corpus.push(text);
        }
        corpus.into_iter().map(|words| words.join(" ")).collect()
    }

    fn recall_and_precision(threshold: f64, seed: u64) -> (f64, f64) {
        let sketcher = Sketcher::new(threshold);
        let mut index = NearDuplicates::new(threshold, &sketcher);
        let sets: Vec<ShingleSet> = corpus(1500, seed).iter().map(|t| shingles(t, 3)).collect();
        let (mut there, mut found, mut wrong) = (0, 0, 0);
        for (at, set) in sets.iter().enumerate() {
            let best = sets[..at]
                .iter()
                .map(|other| jaccard(set, other))
                .fold(0.0, f64::max);
            let sketch = sketcher.sketch(set.clone());
            let near = index.nearest(&sketch, |_| false);
            there += u32::from(best >= threshold);
            match near {
                Some(near) if jaccard(set, &sets[near.key.0 as usize]) >= threshold => found += 1,
                Some(_) => wrong += 1,
                None => {}
            }
            index.insert((at as u64, 0), &sketch);
        }
        assert!(there > 100, "the corpus has near duplicates: {there}");
        (
            f64::from(found) / f64::from(there),
            f64::from(found) / f64::from(found + wrong),
        )
    }

    #[test]
    fn finds_what_brute_force_finds() {
        for (threshold, seed) in [(0.5, 1), (0.7, 2), (0.8, 3), (0.9, 4)] {
            let (recall, precision) = recall_and_precision(threshold, seed);
            assert!(recall >= 0.95, "recall {recall} at {threshold}");
            assert!(precision >= 0.99, "precision {precision} at {threshold}");
        }
    }

    #[test]
    fn a_pair_at_the_threshold_is_proposed_nearly_always() {
        for percent in 30..=100 {
            let threshold = f64::from(percent) / 100.0;
            let sketcher = Sketcher::new(threshold);
            let agree = threshold.powf(sketcher.rows as f64);
            let found = 1.0 - (1.0 - agree).powf(sketcher.bands as f64);
            assert!(found >= 0.979, "{threshold}: {found}");
            assert!(sketcher.bands <= MOST_BANDS, "{threshold}");
        }
    }

    #[test]
    fn what_is_removed_is_not_found_and_its_place_is_used_again() {
        let sketcher = Sketcher::new(0.8);
        let mut index = NearDuplicates::new(0.8, &sketcher);
        let texts = corpus(3000, 9);
        let sketch = |at: usize| sketcher.sketch(shingles(&texts[at], 3));
        for at in 0..texts.len() {
            index.insert((at as u64, 0), &sketch(at));
        }
        for at in (0..texts.len()).step_by(2) {
            assert!(index.remove((at as u64, 0)));
            assert!(!index.remove((at as u64, 0)));
        }
        assert_eq!(index.len(), 1500);
        for at in 0..texts.len() {
            let exact = index.nearest(&sketch(at), |key| key != (at as u64, 0));
            assert_eq!(exact.is_some(), at % 2 == 1, "text {at}");
        }
        let before = index.items.len();
        for at in 0..1500 {
            index.insert((10_000 + at as u64, 0), &sketch(at));
        }
        assert_eq!(index.items.len(), before);
        assert_eq!(index.len(), 3000);
    }

    #[test]
    fn compaction_keeps_every_set() {
        let sketcher = Sketcher::new(0.8);
        let mut index = NearDuplicates::new(0.8, &sketcher);
        let texts = corpus(6000, 5);
        for round in 0..2 {
            for (at, text) in texts.iter().enumerate() {
                index.insert((at as u64, round), &sketcher.sketch(shingles(text, 3)));
            }
            for at in 0..texts.len() - 10 {
                index.remove((at as u64, round));
            }
        }
        assert!(index.shingles.len() < 3 * (1 << 16));
        for (at, text) in texts.iter().enumerate().skip(texts.len() - 10) {
            let sketch = sketcher.sketch(shingles(text, 3));
            let near = index.nearest(&sketch, |key| key != (at as u64, 1));
            assert_eq!(near.map(|near| near.key), Some((at as u64, 1)));
        }
    }

    #[test]
    fn inserting_again_replaces() {
        let sketcher = Sketcher::new(0.8);
        let mut index = NearDuplicates::new(0.8, &sketcher);
        let old = sketcher.sketch(shingles("one two three four five six", 3));
        let new = sketcher.sketch(shingles("seven eight nine ten eleven twelve", 3));
        index.insert((1, 0), &old);
        index.insert((1, 0), &new);
        assert_eq!(index.len(), 1);
        assert_eq!(index.nearest(&old, |_| false), None);
        let near = index.nearest(&new, |_| false).map(|near| near.key);
        assert_eq!(near, Some((1, 0)));
    }
}
