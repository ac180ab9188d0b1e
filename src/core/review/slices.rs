//! The words of a queue by what their samples have in common: the job, the teacher, and what was varied. Pure counting.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Outcome, QueueItem};
use crate::core::sample::{Sample, as_text};

/// Values of one name that are told apart; with more of them a table tells nothing.
const VALUES_AT_MOST: usize = 12;

/// Words about samples that have a value in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// What is told apart: `teacher`, `job`, or the name of a varied value.
    pub by: String,
    /// The value.
    pub value: String,
    /// Accepted, or the first of the pair was better.
    pub yes: u64,
    /// Rejected, or the second was better.
    pub no: u64,
}

/// Counts words by value. Only what differs between the samples is told apart.
#[derive(Debug, Default)]
pub struct Slices(BTreeMap<String, BTreeMap<String, (u64, u64)>>);

impl Slices {
    /// Counts a place with its sample. Of a pair the teachers differ anyway.
    pub fn add(&mut self, item: &QueueItem, job: &str, sample: &Sample) {
        let yes = match item.word.as_ref().map(|word| word.outcome) {
            Some(Outcome::Accepted | Outcome::Edited | Outcome::First) => true,
            Some(Outcome::Rejected | Outcome::Second) => false,
            _ => return,
        };
        let teacher = sample.steps.last().map(|step| step.teacher.clone());
        let teacher = teacher.filter(|_| item.item.other.is_none());
        let varied = sample
            .vary
            .iter()
            .map(|(name, value)| (name.clone(), as_text(value.clone())));
        let labels = [("job".to_owned(), job.to_owned())]
            .into_iter()
            .chain(teacher.map(|teacher| ("teacher".to_owned(), teacher)))
            .chain(varied);
        for (by, value) in labels {
            let (yeses, noes) = self.0.entry(by).or_default().entry(value).or_default();
            *yeses += u64::from(yes);
            *noes += u64::from(!yes);
        }
    }

    /// The slices, the largest of each name first.
    pub fn all(self) -> Vec<Slice> {
        let mut all = Vec::new();
        for (by, values) in self.0 {
            if !(2..=VALUES_AT_MOST).contains(&values.len()) {
                continue;
            }
            let mut slices: Vec<Slice> = values
                .into_iter()
                .map(|(value, (yes, no))| Slice {
                    by: by.clone(),
                    value,
                    yes,
                    no,
                })
                .collect();
            slices.sort_by_key(|slice| Reverse(slice.yes + slice.no));
            all.extend(slices);
        }
        all
    }
}
