//! How varied a dataset is: distinct n-grams, near duplicates, lengths, classes. Counts only; it keeps no text.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;

use super::ports::NearGroups;

/// Samples whose n-grams are counted: shares of distinct ones fall with the amount of text, so datasets compare at equal size only.
pub const SAMPLES_AT_MOST: u64 = 5_000;
/// Values of a class that are told one by one.
const VALUES_AT_MOST: usize = 12;
/// What the rest of them is called.
const OTHERS: &str = "(others)";

/// The figures.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Diversity {
    /// Samples in the dataset.
    pub samples: u64,
    /// Of these, how many the distinct n-grams and near duplicates are counted over.
    pub looked_at: u64,
    /// Share of distinct ones among all single words, pairs and triples of words.
    pub distinct: [f64; 3],
    /// Similarity from which on two texts are near duplicates.
    pub threshold: f64,
    /// Samples that are nearly equal to an earlier one.
    pub near_duplicates: u64,
    /// Words: least, median, most.
    pub words: [u64; 3],
    /// Samples by words: from so many (a power of two, or 0) up to below the next one.
    pub lengths: Vec<(u64, u64)>,
    /// Field → value → samples, the most frequent first.
    pub classes: Vec<(String, Vec<(String, u64)>)>,
    /// Accepted samples that are not in the dataset, and why.
    pub left_out: BTreeMap<String, u64>,
}

/// Looks at samples one by one.
pub struct Counter {
    /// Every so-manieth sample is looked at closely.
    stride: u64,
    seen: u64,
    looked_at: u64,
    grams: [(HashSet<u64>, u64); 3],
    near: Box<dyn NearGroups>,
    words: Vec<u32>,
    classes: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Counter {
    /// For a dataset of so many samples; `near` makes the groups of nearly equal texts.
    pub fn new(samples: u64, near: Box<dyn NearGroups>) -> Self {
        Self {
            stride: samples.div_ceil(SAMPLES_AT_MOST).max(1),
            seen: 0,
            looked_at: 0,
            grams: std::array::from_fn(|_| (HashSet::new(), 0)),
            near,
            words: Vec::new(),
            classes: BTreeMap::new(),
        }
    }

    /// Takes note of a sample: its text, and the value of each class.
    pub fn see(&mut self, text: &str, classes: impl Iterator<Item = (String, String)>) {
        let words: Vec<String> = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        self.words.push(u32::try_from(words.len()).unwrap_or(u32::MAX));
        for (field, value) in classes {
            *self.classes.entry(field).or_default().entry(value).or_default() += 1;
        }
        if self.seen.is_multiple_of(self.stride) {
            for (size, (known, all)) in (1..).zip(&mut self.grams) {
                for gram in words.windows(size) {
                    let mut hasher = DefaultHasher::new();
                    gram.hash(&mut hasher);
                    known.insert(hasher.finish());
                    *all += 1;
                }
            }
            // Each as a task of its own: candidates of one task are not nearly equal for that.
            self.near.add((self.looked_at, 0), text);
            self.looked_at += 1;
        }
        self.seen += 1;
    }

    /// The figures.
    pub fn figures(mut self, threshold: f64) -> Diversity {
        let share = |(known, all): &(HashSet<u64>, u64)| match all {
            0 => 0.0,
            all => known.len() as f64 / *all as f64,
        };
        let near = (0..self.looked_at).filter(|at| self.near.first_of((*at, 0)) != (*at, 0));
        let near_duplicates = near.count() as u64;
        self.words.sort_unstable();
        let mut lengths: BTreeMap<u64, u64> = BTreeMap::new();
        for words in &self.words {
            let from = words.checked_ilog2().map_or(0, |octave| 1 << octave);
            *lengths.entry(from).or_default() += 1;
        }
        let at = |place: usize| self.words.get(place).copied().map_or(0, u64::from);
        Diversity {
            samples: self.seen,
            looked_at: self.looked_at,
            distinct: [
                share(&self.grams[0]),
                share(&self.grams[1]),
                share(&self.grams[2]),
            ],
            threshold,
            near_duplicates,
            words: [
                at(0),
                at(self.words.len() / 2),
                at(self.words.len().saturating_sub(1)),
            ],
            lengths: lengths.into_iter().collect(),
            classes: self
                .classes
                .into_iter()
                .map(|(field, values)| (field, most_frequent(values)))
                .collect(),
            left_out: BTreeMap::new(),
        }
    }
}

/// The most frequent values, and all others together.
fn most_frequent(values: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut values: Vec<(String, u64)> = values.into_iter().collect();
    values.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
    if values.len() > VALUES_AT_MOST {
        let rest = values.split_off(VALUES_AT_MOST - 1);
        let sum = rest.iter().map(|(_, count)| count).sum();
        values.push((OTHERS.to_owned(), sum));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts are alike if they are equal.
    #[derive(Default)]
    struct Equal(Vec<String>);

    impl NearGroups for Equal {
        fn add(&mut self, _: (u64, u32), text: &str) {
            self.0.push(text.to_owned());
        }

        fn first_of(&mut self, (at, _): (u64, u32)) -> (u64, u32) {
            let text = &self.0[at as usize];
            (self.0.iter().position(|other| other == text).unwrap() as u64, 0)
        }
    }

    #[test]
    fn words_pairs_triples_and_lengths_are_counted() {
        let mut counter = Counter::new(3, Box::new(Equal::default()));
        let class = |value: &str| std::iter::once(("level".to_owned(), value.to_owned()));
        counter.see("The tide, the moon.", class("easy"));
        counter.see("the tide the moon", class("easy"));
        counter.see("", class("hard"));
        let figures = counter.figures(0.8);
        assert_eq!((figures.samples, figures.looked_at), (3, 3));
        // the, tide, moon of eight; the-tide, tide-the, the-moon of six; two triples of four.
        let wanted = [3.0 / 8.0, 3.0 / 6.0, 2.0 / 4.0];
        for (found, wanted) in figures.distinct.into_iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-9, "{figures:?}");
        }
        assert_eq!(figures.words, [0, 4, 4]);
        assert_eq!(figures.lengths, [(0, 1), (4, 2)]);
        assert_eq!(figures.near_duplicates, 0, "case and points differ here");
        assert_eq!(
            figures.classes,
            [(
                "level".to_owned(),
                vec![("easy".to_owned(), 2), ("hard".to_owned(), 1)]
            )]
        );
    }

    #[test]
    fn a_large_dataset_is_looked_at_evenly_and_many_values_are_summed_up() {
        let mut counter = Counter::new(12_000, Box::new(Equal::default()));
        for n in 0..12_000 {
            let class = ("n".to_owned(), (n % 40).to_string());
            counter.see("same words", std::iter::once(class));
        }
        let figures = counter.figures(0.8);
        assert_eq!((figures.samples, figures.looked_at), (12_000, 4_000));
        assert_eq!(figures.near_duplicates, 3_999);
        let values = &figures.classes[0].1;
        assert_eq!((values.len(), values[11].0.as_str()), (12, OTHERS));
        assert_eq!(values.iter().map(|(_, count)| count).sum::<u64>(), 12_000);
    }
}
