//! The port of reviewing: queues, what was said about their places, flags, and outlines to choose samples by.

use async_trait::async_trait;

use super::{SampleFilter, Stored};
use crate::core::review::{NewQueue, Outline, Queue, QueueId, QueueItem, Said};
use crate::core::sample::{SampleId, StepAnswer};
use crate::core::task::TaskId;

/// Queues of samples for persons.
#[async_trait]
pub trait ReviewStore: Send + Sync {
    /// A page of outlines by job, task and candidate, after that place.
    async fn outlines(
        &self,
        filter: &SampleFilter,
        after: Option<(TaskId, u32)>,
        limit: usize,
    ) -> Stored<Vec<Outline>>;
    /// Stores a queue with all its places. Places whose samples are not there are left out.
    async fn open_queue(&self, queue: &NewQueue) -> Stored<QueueId>;
    /// All queues, the newest first.
    async fn queues(&self) -> Stored<Vec<Queue>>;
    /// Places of a queue from that one on. Places of deleted jobs are missing.
    async fn queue_items(&self, queue: QueueId, from: u32, limit: usize) -> Stored<Vec<QueueItem>>;
    /// A person's word about a place, and what it decides about the sample, in one transaction. A place has one word.
    async fn say(&self, queue: QueueId, place: u32, said: Said) -> Stored<()>;
    /// Takes the word about a place back, and the decision it was, unless the sample was decided elsewhere since.
    async fn unsay(&self, queue: QueueId, place: u32) -> Stored<()>;
    /// Gives the reason of a rejection afterwards.
    async fn because(&self, queue: QueueId, place: u32, reason: &str) -> Stored<()>;
    /// Words said since UTC midnight, in all queues.
    async fn said_today(&self) -> Stored<u64>;
    /// Marks a sample to come back to, or takes the mark away.
    async fn flag(&self, sample: &SampleId, on: bool) -> Stored<()>;
    /// Those of the samples that are marked.
    async fn flagged(&self, samples: &[SampleId]) -> Stored<Vec<SampleId>>;
    /// A sample's answers before it was last edited; `None` if its newest review is no edit.
    async fn before_edit(&self, sample: &SampleId) -> Stored<Option<Vec<StepAnswer>>>;
}
