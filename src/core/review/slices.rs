//! The words of a queue by what their samples have in common: the job, the teacher, tags, and what was varied. Pure counting.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::{Outcome, QueueItem};
use crate::core::sample::{Sample, answered_by, as_text};

/// Values of one name that are told apart; with more of them a table tells nothing.
const VALUES_AT_MOST: usize = 12;

/// The value of samples without a tag.
const UNTAGGED: &str = "none";

/// Words about samples that have a value in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slice {
    /// What is told apart: `teacher`, `job`, `tag`, or the name of a varied value.
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
        let teacher = answered_by(&sample.steps).map(str::to_owned);
        let teacher = teacher.filter(|_| item.item.other.is_none());
        let varied = sample
            .vary
            .iter()
            .map(|(name, value)| (name.clone(), as_text(value.clone())));
        let untagged = sample.tags.is_empty().then(|| UNTAGGED.to_owned());
        let tags = sample.tags.iter().cloned().chain(untagged);
        let labels = [("job".to_owned(), job.to_owned())]
            .into_iter()
            .chain(teacher.map(|teacher| ("teacher".to_owned(), teacher)))
            .chain(tags.map(|tag| ("tag".to_owned(), tag)))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::core::job::JobId;
    use crate::core::request::{FinishReason, Usage};
    use crate::core::review::{NewItem, Word};
    use crate::core::sample::{SampleId, SampleState, StepAnswer};
    use crate::core::task::{RequestId, TaskId};

    fn sample(teacher: &str, level: &str) -> Sample {
        let vary = json!({"level": level, "tone": "dry"});
        Sample {
            id: SampleId("s".to_owned()),
            task: TaskId {
                job: JobId(1),
                index: 0,
            },
            candidate: 0,
            state: SampleState::NeedsReview,
            reason: None,
            seq: None,
            seed: crate::core::Row::new(),
            vary: vary.as_object().cloned().unwrap(),
            steps: vec![StepAnswer {
                step: "a".to_owned(),
                teacher: teacher.to_owned(),
                request: RequestId(1),
                text: String::new(),
                value: None,
                reasoning: None,
                tool_calls: Vec::new(),
                logprobs: None,
                finish: FinishReason::Stop,
                usage: Usage::default(),
            }],
            verdicts: Vec::new(),
            review: None,
            tags: Vec::new(),
        }
    }

    fn place(outcome: Outcome, pair: bool) -> QueueItem {
        let id = SampleId("s".to_owned());
        QueueItem {
            place: 0,
            item: NewItem {
                sample: id.clone(),
                other: pair.then_some(id),
                repeat: false,
                swapped: false,
            },
            word: Some(Word {
                outcome,
                reason: None,
                took_ms: 0,
                blind: true,
                machine: None,
                at_ms: 0,
            }),
        }
    }

    fn told(slices: Slices) -> Vec<(String, String, u64, u64)> {
        let told = |slice: Slice| (slice.by, slice.value, slice.yes, slice.no);
        slices.all().into_iter().map(told).collect()
    }

    #[test]
    fn only_what_differs_is_told_apart_the_largest_first() {
        let mut slices = Slices::default();
        for (outcome, teacher, level) in [
            (Outcome::Accepted, "a", "easy"),
            (Outcome::Rejected, "b", "hard"),
            (Outcome::Edited, "b", "hard"),
            (Outcome::Skipped, "c", "odd"),
        ] {
            slices.add(&place(outcome, false), "one", &sample(teacher, level));
        }
        let of = |by: &str, value: &str, yes, no| (by.to_owned(), value.to_owned(), yes, no);
        assert_eq!(
            told(slices),
            [
                of("level", "hard", 1, 1),
                of("level", "easy", 1, 0),
                of("teacher", "b", 1, 1),
                of("teacher", "a", 1, 0),
            ]
        );
    }

    #[test]
    fn of_a_pair_the_teachers_are_not_told_apart() {
        let mut slices = Slices::default();
        slices.add(&place(Outcome::First, true), "one", &sample("a", "easy"));
        slices.add(&place(Outcome::Second, true), "one", &sample("b", "hard"));
        assert!(told(slices).iter().all(|(by, ..)| by == "level"));
    }

    #[test]
    fn a_tag_is_compared_with_those_without_one() {
        let mut slices = Slices::default();
        for (outcome, tags) in [
            (Outcome::Accepted, vec!["maths".to_owned()]),
            (Outcome::Rejected, Vec::new()),
            (Outcome::Rejected, Vec::new()),
        ] {
            let sample = Sample {
                tags,
                ..sample("a", "easy")
            };
            slices.add(&place(outcome, false), "one", &sample);
        }
        let of = |value: &str, yes, no| ("tag".to_owned(), value.to_owned(), yes, no);
        assert_eq!(told(slices), [of("none", 0, 2), of("maths", 1, 0)]);
    }
}
