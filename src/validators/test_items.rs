//! Finds texts that hold, or nearly are, an item of a test set: word n-grams for what was quoted, a character ratio for what was
//! altered. It knows texts and places, not candidates.
//!
//! Overlap by n-grams of words with n = 13 is what GPT-3's authors cleaned by (Brown et al., arXiv 2005.14165, appendix C) and the
//! default of s1's code; s1's paper and open-r1 take n = 8. `OpenThoughts` drops what has a `rapidfuzz` ratio of 95 or more.

use std::collections::{BTreeSet, HashMap};

use super::lcs::Pattern;
use super::reference::Item;
use super::shingles::fold;
use super::words::words;

/// Items with fewer words say too little to be recognised.
pub(super) const WORDS_AT_LEAST: usize = 5;

/// Kinds of characters that are counted apart.
const BINS: usize = 32;

/// Where in the test set, by the place in the list of items, and how sure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hit {
    /// Index of the item.
    pub(super) item: usize,
    /// What was found.
    pub(super) found: Found,
}

/// How a text and an item overlap.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found {
    /// So many words in a row are the same: these.
    Words(usize, String),
    /// As a whole they are alike to so many per cent.
    Ratio(f64),
}

/// An item as it is compared.
#[derive(Debug)]
struct Known {
    /// Its words with one space between them.
    normal: String,
    /// Characters of that.
    length: usize,
    bins: [u16; BINS],
}

/// A test set, ready to be searched.
#[derive(Debug)]
pub(super) struct TestItems {
    /// Lowest ratio that counts, in per cent; `None`: only n-grams do.
    ratio: Option<f64>,
    known: Vec<Known>,
    /// The item (the first, where several have it) that holds an n-gram. Items shorter than n are one gram as a whole.
    grams: HashMap<u64, u32>,
    /// The lengths of those shorter ones, the longest first after n.
    sizes: Vec<usize>,
    /// Items by their length in characters.
    by_length: Vec<u32>,
}

impl TestItems {
    /// Of the items' texts.
    pub(super) fn new(items: &[Item], n: usize, ratio: Option<f64>) -> Self {
        let mut grams = HashMap::new();
        let mut sizes = BTreeSet::new();
        let mut known = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let words = words(&item.text);
            if words.len() >= WORDS_AT_LEAST {
                let size = words.len().min(n);
                sizes.insert(size);
                for gram in hashes(&words).windows(size) {
                    grams.entry(hash_of(gram)).or_insert(at as u32);
                }
            }
            let normal = if words.len() >= WORDS_AT_LEAST {
                words.join(" ")
            } else {
                String::new()
            };
            known.push(Known {
                length: normal.chars().count(),
                bins: bins(&normal),
                normal,
            });
        }
        let mut by_length: Vec<u32> = (0..known.len() as u32)
            .filter(|at| known[*at as usize].length > 0)
            .collect();
        by_length.sort_by_key(|at| known[*at as usize].length);
        Self {
            ratio,
            known,
            grams,
            sizes: sizes.into_iter().rev().collect(),
            by_length,
        }
    }

    /// The item a text holds, or nearly is; words in a row go before the ratio.
    pub(super) fn find(&self, text: &str) -> Option<Hit> {
        let words = words(text);
        if words.len() < WORDS_AT_LEAST {
            return None;
        }
        self.quoted(&words).or_else(|| self.alike(&words))
    }

    fn quoted(&self, words: &[String]) -> Option<Hit> {
        let hashes = hashes(words);
        for size in &self.sizes {
            for (at, gram) in hashes.windows(*size).enumerate() {
                let Some(item) = self.grams.get(&hash_of(gram)) else {
                    continue;
                };
                let known = &self.known[*item as usize].normal;
                if let Some(shared) = run(&words[at..], known, *size) {
                    return Some(Hit {
                        item: *item as usize,
                        found: Found::Words(shared, words[at..at + shared].join(" ")),
                    });
                }
            }
        }
        None
    }

    /// The best ratio at or above the mark: `200 · LCS / (m + n)` over the characters of both normalised texts, which is
    /// `rapidfuzz`'s `fuzz.ratio` (the normalised similarity by insertions and deletions).
    fn alike(&self, words: &[String]) -> Option<Hit> {
        let least = self.ratio? / 100.0;
        let normal = words.join(" ");
        let text: Vec<u32> = normal.chars().map(u32::from).collect();
        let length = text.len() as f64;
        let shortest = length * least / (2.0 - least) - 1e-6;
        let longest = length * (2.0 - least) / least + 1e-6;
        let own = bins(&normal);
        let length_of = |at: &u32| self.known[*at as usize].length as f64;
        let from = self.by_length.partition_point(|at| length_of(at) < shortest);
        let mut pattern = None;
        let mut best: Option<(usize, f64)> = None;
        for at in &self.by_length[from..] {
            let known = &self.known[*at as usize];
            if known.length as f64 > longest {
                break;
            }
            let total = (text.len() + known.length) as f64;
            // No common subsequence has more of a character than either text.
            let most: u32 = own
                .iter()
                .zip(&known.bins)
                .map(|(a, b)| u32::from(*a.min(b)))
                .sum();
            if 2.0 * f64::from(most) / total + 1e-9 < least {
                continue;
            }
            let pattern = pattern.get_or_insert_with(|| Pattern::new(&text));
            let common = pattern.common(known.normal.chars().map(u32::from));
            let ratio = 2.0 * common as f64 / total;
            if ratio + 1e-9 >= least && best.is_none_or(|(_, other)| ratio > other) {
                best = Some((*at as usize, ratio));
            }
        }
        best.map(|(item, ratio)| Hit {
            item,
            found: Found::Ratio(ratio * 100.0),
        })
    }
}

/// How many of these words an item has in the same order, if at least `size`.
fn run(words: &[String], known: &str, size: usize) -> Option<usize> {
    let known: Vec<&str> = known.split(' ').collect();
    (0..known.len())
        .map(|at| {
            let pairs = known[at..].iter().zip(words);
            pairs.take_while(|(known, word)| *known == *word).count()
        })
        .max()
        .filter(|shared| *shared >= size)
}

fn hashes(words: &[String]) -> Vec<u64> {
    const WORD: u64 = 0x9fb2_1c65_1e98_df25;
    let hash = |word: &String| {
        word.bytes()
            .fold(WORD, |hash, byte| fold(hash ^ u64::from(byte), WORD))
    };
    words.iter().map(hash).collect()
}

fn hash_of(gram: &[u64]) -> u64 {
    const GRAM: u64 = 0xc6a4_a793_5bd1_e995;
    let start = gram.len() as u64;
    gram.iter().fold(start, |hash, word| fold(hash ^ word, GRAM))
}

/// How often characters of each bin occur, up to what fits: an upper bound stays one.
fn bins(text: &str) -> [u16; BINS] {
    let mut bins = [0_u16; BINS];
    for c in text.chars() {
        let bin = &mut bins[u32::from(c) as usize % BINS];
        *bin = bin.saturating_add(1);
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(texts: &[&str], n: usize, ratio: Option<f64>) -> TestItems {
        let items: Vec<Item> = texts
            .iter()
            .zip(1..)
            .map(|(text, line)| Item {
                file: 0,
                line,
                text: (*text).to_owned(),
            })
            .collect();
        TestItems::new(&items, n, ratio)
    }

    #[test]
    fn words_in_a_row_are_found_whatever_stands_around_them() {
        let set = set(
            &["a b c", "How many moons does the planet Jupiter have in total?"],
            5,
            None,
        );
        let hit = set
            .find("Tell me, please: how many MOONS does the planet Mars have")
            .unwrap();
        assert_eq!(hit.item, 1);
        assert_eq!(
            hit.found,
            Found::Words(6, "how many moons does the planet".to_owned())
        );
        assert_eq!(set.find("how many moons does a planet have in total"), None);
        assert_eq!(set.find("a b c"), None, "three words say nothing");
    }

    #[test]
    fn a_short_item_is_found_as_a_whole() {
        let set = set(&["Name the largest moon of Saturn."], 13, None);
        let text = "For ten points and the game: name the largest moon of Saturn! Quickly.";
        assert_eq!(
            set.find(text).unwrap().found,
            Found::Words(6, "name the largest moon of saturn".to_owned())
        );
        assert_eq!(
            set.find("name the largest moon of Jupiter, then rest for a while"),
            None
        );
    }

    #[test]
    fn one_altered_word_is_found_by_its_ratio() {
        let item = "A train leaves the station at noon and travels sixty miles an hour for three hours and a half. How far?";
        let altered = item.replace("noon", "dawn");
        let strict = set(&[item], 13, None);
        assert_eq!(strict.find(&altered.replace("travels", "goes")), None);
        let fuzzy = set(
            &[
                "Something else that is about as long as the other one but says quite another thing to all",
                item,
            ],
            20,
            Some(95.0),
        );
        let hit = fuzzy.find(&altered).unwrap();
        assert_eq!(hit.item, 1);
        assert!(
            matches!(hit.found, Found::Ratio(ratio) if (95.0..99.0).contains(&ratio)),
            "{hit:?}"
        );
    }

    #[test]
    fn a_ratio_is_the_one_of_insertions_and_deletions() {
        let set = set(&["one two three four five six seven"], 13, Some(50.0));
        let text = "one two three four five six sevens";
        let (m, n) = (33.0, 34.0);
        let expected = 200.0 * 33.0 / (m + n);
        match set.find(text).unwrap().found {
            Found::Ratio(ratio) => assert!((ratio - expected).abs() < 1e-9, "{ratio}"),
            other @ Found::Words(..) => panic!("{other:?}"),
        }
    }
}
