//! Reviewing by persons: queues of samples or of pairs, what was said about each place, and which samples a queue holds ([`lot`]).
//! How far people and machines agree is computed in [`agreement`], what samples with something in common got in [`slices`], how a
//! judge compares with persons in [`calibration`]. Pure; keeping queues is the store's business.

use serde::{Deserialize, Serialize};

use super::ports::Decided;
use super::sample::{Decision, SampleId, Verdict};
use super::task::TaskId;

pub mod agreement;
pub mod calibration;
pub mod lot;
pub mod slices;

/// Why a person rejects, in the order of the digits 1 to 8.
pub const REASONS: [&str; 8] = [
    "wrong",
    "not cited",
    "style",
    "too easy",
    "near duplicate",
    "unsafe",
    "language",
    "other",
];

/// Number of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QueueId(pub i64);

/// What a queue asks of a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueKind {
    /// Accept or reject one sample after the other.
    #[default]
    Decide,
    /// Say which of two is better, without knowing whose they are.
    Compare,
}

/// What a queue was made to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueSpec {
    /// What it asks.
    pub kind: QueueKind,
    /// Name of its job; empty where it holds samples of several.
    pub job: String,
    /// Where its samples come from, in words: `needs review, random`.
    pub title: String,
    /// Teacher, scores and verdicts stay hidden until asked for.
    pub blind: bool,
    /// What the person is to go by.
    pub guideline: String,
    /// Whose the first and the second of every pair are.
    #[serde(default)]
    pub sources: Option<[String; 2]>,
}

/// A queue on its way into the ledger; its places are numbered from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct NewQueue {
    /// What it is.
    pub spec: QueueSpec,
    /// Its places.
    pub items: Vec<NewItem>,
}

/// A place of a queue, before anybody saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    /// The sample, or the first of a pair.
    pub sample: SampleId,
    /// The second of a pair. The same sample again: its answers before they were edited against those after.
    pub other: Option<SampleId>,
    /// The sample was at an earlier place too: does the person say the same again?
    pub repeat: bool,
    /// The second of the pair stands on side A.
    pub swapped: bool,
}

/// A queue with how far it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    /// Its number.
    pub id: QueueId,
    /// What it is.
    pub spec: QueueSpec,
    /// How many places it has.
    pub size: u32,
    /// Places with a word on them.
    pub done: u32,
    /// The first place without one; its size when all have one.
    pub next: u32,
    /// Milliseconds since 1970 UTC.
    pub created_ms: i64,
}

/// A place of a queue.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueItem {
    /// Which place, from 0.
    pub place: u32,
    /// What it holds.
    pub item: NewItem,
    /// What was said, if anything.
    pub word: Option<Word>,
}

/// What a person can say about a place of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Good.
    Accepted,
    /// Good after a change.
    Edited,
    /// Not good.
    Rejected,
    /// No opinion.
    Skipped,
    /// The first of the pair is better.
    First,
    /// The second of the pair is better.
    Second,
    /// Both are as good.
    Tie,
    /// Neither is good.
    BothBad,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 8] = [
        Self::Accepted,
        Self::Edited,
        Self::Rejected,
        Self::Skipped,
        Self::First,
        Self::Second,
        Self::Tie,
        Self::BothBad,
    ];

    /// The word in the ledger and in exports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Edited => "edited",
            Self::Rejected => "rejected",
            Self::Skipped => "skipped",
            Self::First => "first",
            Self::Second => "second",
            Self::Tie => "tie",
            Self::BothBad => "both_bad",
        }
    }

    /// Reads [`Self::word`] back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }

    /// Whether it is a yes or a no about a sample, and which.
    pub fn accepts(self) -> Option<bool> {
        match self {
            Self::Accepted | Self::Edited => Some(true),
            Self::Rejected => Some(false),
            Self::Skipped | Self::First | Self::Second | Self::Tie | Self::BothBad => None,
        }
    }
}

/// What a person said about a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// What.
    pub outcome: Outcome,
    /// Why, for a rejection: one of [`REASONS`] or the person's own words.
    pub reason: Option<String>,
    /// Milliseconds from seeing it to saying so.
    pub took_ms: u64,
    /// Teacher and scores were hidden all the time.
    pub blind: bool,
    /// What the validators had said: accept, reject, or neither.
    pub machine: Option<bool>,
    /// When: milliseconds since 1970 UTC. Set by the store.
    pub at_ms: i64,
}

/// A word on its way into the ledger, with what it means for the sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The word.
    pub word: Word,
    /// The decision about the sample; comparing and skipping decide nothing.
    pub decided: Option<Decided>,
}

/// What the validators said all together: accept, reject, or neither where they asked for a person.
pub fn machine(verdicts: &[Verdict]) -> Option<bool> {
    if verdicts
        .iter()
        .any(|verdict| verdict.decision == Decision::Reject)
    {
        return Some(false);
    }
    let waits = verdicts
        .iter()
        .any(|verdict| verdict.decision == Decision::Review);
    (!waits).then_some(true)
}

/// Identity of a seed's content, from its JSON.
pub fn seed_print(json: &str) -> [u8; 16] {
    let mut print = [0; 16];
    print.copy_from_slice(&blake3::hash(json.as_bytes()).as_bytes()[..16]);
    print
}

/// As much of a sample as choosing needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    /// The sample.
    pub sample: SampleId,
    /// Its task.
    pub task: TaskId,
    /// Which candidate of its task.
    pub candidate: u32,
    /// Grows with every sample made.
    pub made: i64,
    /// Who answered the last step.
    pub teacher: String,
    /// Of its seed: see [`seed_print`].
    pub seed: [u8; 16],
    /// The judge's score.
    pub score: Option<f64>,
    /// A person's newest word about it: `accepted`, `rejected` or `edited`.
    pub reviewed: Option<String>,
    /// A person marked it to come back to.
    pub flagged: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::sample::Reason;

    #[test]
    fn outcomes_survive_their_words() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_word(outcome.word()), Some(outcome));
        }
        assert_eq!(Outcome::from_word("maybe"), None);
    }

    #[test]
    fn the_machine_says_yes_no_or_leaves_it_to_a_person() {
        assert_eq!(machine(&[]), Some(true));
        assert_eq!(machine(&[Verdict::review("judge", "3")]), None);
        let rejected = [
            Verdict::review("judge", "3"),
            Verdict::reject("length", Reason::Length, "2"),
        ];
        assert_eq!(machine(&rejected), Some(false));
    }
}
