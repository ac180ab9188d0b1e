//! Reviewing as a front end asks for it: which queue to make, what to show of a place, what was said, and the figures.

use super::filter::SampleQuery;
use crate::core::conversation::Message;
use crate::core::review::agreement::{Match, Tally};
use crate::core::review::lot::{Order, PairBy};
use crate::core::review::slices::Slice;
use crate::core::review::{Outcome, Queue, QueueItem};
use crate::core::sample::Sample;

/// A queue to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueRequest {
    /// The job; `None`: all of them.
    pub job: Option<String>,
    /// Where its samples come from.
    pub source: QueueSource,
    /// In which order.
    pub order: Order,
    /// At most so many samples or pairs.
    pub size: usize,
    /// Teacher, scores and verdicts stay hidden until asked for.
    pub blind: bool,
    /// What the person is to go by.
    pub guideline: String,
    /// So many per cent of the samples come a second time.
    pub double_check: u8,
    /// What chance comes from.
    pub seed: u64,
}

/// Where a queue's samples come from.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum QueueSource {
    /// Those that wait for a person.
    #[default]
    NeedsReview,
    /// Those the judge scored near its pass mark.
    NearMark,
    /// Any that no person has decided about.
    Any,
    /// Those rejected as near duplicates.
    NearDuplicates,
    /// Those a person flagged.
    Flagged,
    /// Those a filter lets through.
    Filter(SampleQuery),
    /// Pairs, to be compared.
    Pairs(PairBy),
}

impl QueueSource {
    /// What it is, in words.
    pub fn words(&self) -> String {
        match self {
            Self::NeedsReview => "needs review".to_owned(),
            Self::NearMark => "near the pass mark".to_owned(),
            Self::Any => "not yet reviewed".to_owned(),
            Self::NearDuplicates => "rejected as near duplicates".to_owned(),
            Self::Flagged => "flagged".to_owned(),
            Self::Filter(_) => "filtered samples".to_owned(),
            Self::Pairs(PairBy::Candidates) => "one task, two teachers".to_owned(),
            Self::Pairs(PairBy::Edits) => "before and after an edit".to_owned(),
            Self::Pairs(PairBy::Job(other)) => format!("same seeds as {other}"),
        }
    }
}

/// A place of a queue with everything to be shown of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviewItem {
    /// The place, with its word if it has one.
    pub place: QueueItem,
    /// Name of the sample's job.
    pub job: String,
    /// The sample, or the first of the pair.
    pub sample: Sample,
    /// The second of the pair.
    pub other: Option<Sample>,
    /// What the last step's teacher was asked, as the job's newest revision renders it; empty if it cannot be rendered any more.
    pub prompt: Vec<Message>,
    /// A person marked it to come back to.
    pub flagged: bool,
}

/// Figures about a queue.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviewReport {
    /// The queue.
    pub queue: Queue,
    /// What was decided.
    pub tally: Tally,
    /// Who won.
    pub matched: Match,
    /// The last places with a word, newest first, ten at most.
    pub last: Vec<QueueItem>,
    /// What samples with something in common got, once every place has a word.
    pub slices: Vec<Slice>,
    /// Words said today, in all queues.
    pub today: u64,
}

/// What a person says about a place.
#[derive(Debug, Clone, PartialEq)]
pub struct Saying {
    /// What.
    pub outcome: Outcome,
    /// Why, for a rejection.
    pub reason: Option<String>,
    /// Milliseconds from seeing it to saying so.
    pub took_ms: u64,
    /// Teacher and scores were hidden all the time.
    pub blind: bool,
    /// The last answer as the person wrote it, for an edit.
    pub text: Option<String>,
}
