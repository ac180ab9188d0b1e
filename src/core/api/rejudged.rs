//! What judging again found: which samples would change their state, by where they go from and to. It only counts.

use serde::Serialize;

use crate::core::sample::{Reason, SampleId, SampleState};

/// Examples told of each change.
const EXAMPLES: usize = 3;

/// The verdicts of a job made again from stored answers, as a difference to those in the ledger.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Rejudged {
    /// The job.
    pub job: String,
    /// The revision whose validators judged.
    pub revision: u32,
    /// Samples looked at.
    pub samples: u64,
    /// Samples a person has decided: they stay as they are.
    pub by_hand: u64,
    /// Samples that stay as they are because a judge would have to be asked.
    pub not_rejudged: u64,
    /// How many requests that would take at least.
    pub requests_needed: u64,
    /// Samples whose state and reason stay but whose verdicts read differently (a score, the evidence).
    pub reworded: u64,
    /// Samples that change, most frequent first.
    pub changes: Vec<StateChange>,
    /// Whether the ledger and the dataset are as told; otherwise nothing was changed.
    pub applied: bool,
}

/// Samples that go from one state to another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StateChange {
    /// State before.
    pub from: SampleState,
    /// Reason before, if rejected.
    pub from_reason: Option<Reason>,
    /// State after.
    pub to: SampleState,
    /// Reason after, if rejected.
    pub to_reason: Option<Reason>,
    /// How many.
    pub count: u64,
    /// Some of them.
    pub examples: Vec<SampleId>,
}

impl Rejudged {
    /// One sample goes from there to there.
    pub fn add(
        &mut self,
        sample: &SampleId,
        (from, from_reason): (SampleState, Option<Reason>),
        (to, to_reason): (SampleState, Option<Reason>),
    ) {
        let same = |change: &&mut StateChange| {
            (change.from, change.from_reason, change.to, change.to_reason)
                == (from, from_reason, to, to_reason)
        };
        if let Some(change) = self.changes.iter_mut().find(same) {
            change.count += 1;
            if change.examples.len() < EXAMPLES {
                change.examples.push(sample.clone());
            }
            return;
        }
        self.changes.push(StateChange {
            from,
            from_reason,
            to,
            to_reason,
            count: 1,
            examples: vec![sample.clone()],
        });
    }

    /// What was found in another job, added up.
    pub fn absorb(&mut self, other: Self) {
        self.job = other.job;
        self.revision = other.revision;
        self.samples += other.samples;
        self.by_hand += other.by_hand;
        self.not_rejudged += other.not_rejudged;
        self.requests_needed += other.requests_needed;
        self.reworded += other.reworded;
        for change in other.changes {
            let same = |known: &&mut StateChange| {
                (known.from, known.from_reason, known.to, known.to_reason)
                    == (change.from, change.from_reason, change.to, change.to_reason)
            };
            match self.changes.iter_mut().find(same) {
                Some(known) => known.count += change.count,
                None => self.changes.push(change),
            }
        }
        self.changes.sort_by_key(|change| std::cmp::Reverse(change.count));
    }

    /// Samples that change their state or reason.
    pub fn changed(&self) -> u64 {
        self.changes.iter().map(|change| change.count).sum()
    }
}
