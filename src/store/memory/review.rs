//! The port of reviewing, over plain maps.

use async_trait::async_trait;

use super::super::rules::day;
use super::{Kept, MemoryStore, Queued, Rows};
use crate::core::job::JobId;
use crate::core::ports::{Decided, ReviewStore, SampleFilter, StoreError, Stored};
use crate::core::review::{NewQueue, Outline, Queue, QueueId, QueueItem, Said, seed_print};
use crate::core::sample::{SampleId, StepAnswer};
use crate::core::task::TaskId;

#[async_trait]
impl ReviewStore for MemoryStore {
    async fn outlines(
        &self,
        filter: &SampleFilter,
        after: Option<(TaskId, u32)>,
        limit: usize,
    ) -> Stored<Vec<Outline>> {
        let rows = self.read()?;
        let mut found: Vec<(TaskId, u32, &Kept)> = rows
            .matching(filter, self.now_ms())
            .filter(|(task, candidate, _)| after.is_none_or(|after| (*task, *candidate) > after))
            .collect();
        found.sort_by_key(|(task, candidate, _)| (*task, *candidate));
        let page = found.into_iter().take(limit);
        Ok(page
            .filter_map(|(task, candidate, kept)| rows.outline(task, candidate, kept))
            .collect())
    }

    async fn open_queue(&self, queue: &NewQueue) -> Stored<QueueId> {
        let mut rows = self.write()?;
        let mut items = Vec::new();
        for (place, item) in (0..).zip(&queue.items) {
            let known = rows.place(&item.sample).is_ok();
            if known && item.other.as_ref().is_none_or(|other| rows.place(other).is_ok()) {
                items.push(QueueItem {
                    place,
                    item: item.clone(),
                    word: None,
                });
            }
        }
        rows.last_queue += 1;
        let id = QueueId(rows.last_queue);
        let queued = Queued {
            spec: queue.spec.clone(),
            created_ms: self.now_ms(),
            items,
        };
        rows.queues.insert(id, queued);
        Ok(id)
    }

    async fn queues(&self) -> Stored<Vec<Queue>> {
        let rows = self.read()?;
        let queue = |(id, queued): (&QueueId, &Queued)| {
            let done = queued.items.iter().filter(|item| item.word.is_some());
            let open = queued.items.iter().find(|item| item.word.is_none());
            let size = queued.items.len() as u32;
            Queue {
                id: *id,
                spec: queued.spec.clone(),
                size,
                done: done.count() as u32,
                next: open.map_or(size, |item| item.place),
                created_ms: queued.created_ms,
            }
        };
        Ok(rows.queues.iter().rev().map(queue).collect())
    }

    async fn queue_items(&self, queue: QueueId, from: u32, limit: usize) -> Stored<Vec<QueueItem>> {
        let rows = self.read()?;
        let queued = rows.queues.get(&queue).ok_or_else(|| missing(queue))?;
        let page = queued.items.iter().filter(|item| item.place >= from).take(limit);
        Ok(page.cloned().collect())
    }

    async fn say(&self, queue: QueueId, place: u32, said: Said) -> Stored<()> {
        let mut rows = self.write()?;
        let item = rows.item(queue, place)?;
        if item.word.is_some() {
            return Err(said_already(place));
        }
        let sample = item.item.sample.clone();
        let mut word = said.word;
        word.at_ms = self.now_ms();
        rows.item(queue, place)?.word = Some(word.clone());
        if let (Some(decided), Some(at)) = (said.decided, rows.place(&sample).ok()) {
            rows.decide(at, decided.clone(), word.at_ms);
            rows.judge_task(at.0);
            rows.note_word(decided, at, (queue, place, word))?;
        }
        Ok(())
    }

    async fn unsay(&self, queue: QueueId, place: u32) -> Stored<()> {
        let mut rows = self.write()?;
        let item = rows.item(queue, place)?;
        let sample = item.item.sample.clone();
        let Some(word) = item.word.take() else {
            return Ok(());
        };
        let at = rows.place(&sample).ok().filter(|at| {
            let newest = rows.samples.get(at).and_then(|kept| kept.journal.last());
            word.outcome.accepts().is_some() && newest.is_some_and(|entry| entry.review.at_ms == word.at_ms)
        });
        if let Some(at) = at {
            let decision = rows.newest(at, &Decided::Undo);
            rows.decide(at, Decided::Undo, word.at_ms);
            rows.judge_task(at.0);
            rows.taken_back(decision.unwrap_or_default());
        }
        Ok(())
    }

    async fn because(&self, queue: QueueId, place: u32, reason: &str) -> Stored<()> {
        let mut rows = self.write()?;
        let item = rows.item(queue, place)?;
        let sample = item.item.sample.clone();
        let Some(word) = &mut item.word else {
            return Ok(());
        };
        word.reason = Some(reason.to_owned());
        let at_ms = word.at_ms;
        let newest = rows
            .place(&sample)
            .ok()
            .and_then(|at| rows.samples.get_mut(&at)?.journal.last_mut());
        if let Some(entry) = newest.filter(|entry| entry.review.at_ms == at_ms) {
            entry.review.note = Some(reason.to_owned());
            let decision = entry.number;
            rows.reasoned(decision, reason);
        }
        Ok(())
    }

    async fn said_today(&self) -> Stored<u64> {
        let rows = self.read()?;
        let today = day(self.now_ms());
        let items = rows.queues.values().flat_map(|queued| &queued.items);
        let words = items.filter_map(|item| item.word.as_ref());
        Ok(words.filter(|word| day(word.at_ms) == today).count() as u64)
    }

    async fn flag(&self, sample: &SampleId, on: bool) -> Stored<()> {
        let mut rows = self.write()?;
        let missing = || StoreError::NotFound(format!("sample {}", sample.0));
        let place = rows.place(sample).ok().ok_or_else(missing)?;
        if on {
            rows.flags.insert(place);
        } else {
            rows.flags.remove(&place);
        }
        Ok(())
    }

    async fn flagged(&self, samples: &[SampleId]) -> Stored<Vec<SampleId>> {
        let rows = self.read()?;
        let is_flagged = |sample: &&SampleId| {
            let place = rows.place(sample).ok();
            place.is_some_and(|place| rows.flags.contains(&place))
        };
        Ok(samples.iter().filter(is_flagged).cloned().collect())
    }

    async fn before_edit(&self, sample: &SampleId) -> Stored<Option<Vec<StepAnswer>>> {
        let rows = self.read()?;
        let kept = rows.place(sample).ok().and_then(|place| rows.samples.get(&place));
        Ok(kept
            .and_then(|kept| kept.journal.last())
            .and_then(|entry| entry.steps.clone()))
    }
}

pub(super) fn missing(queue: QueueId) -> StoreError {
    StoreError::NotFound(format!("queue {}", queue.0))
}

fn said_already(place: u32) -> StoreError {
    StoreError::Broken(format!("place {} of the queue has a word already", place + 1))
}

impl Rows {
    fn item(&mut self, queue: QueueId, place: u32) -> Stored<&mut QueueItem> {
        let queued = self.queues.get_mut(&queue).ok_or_else(|| missing(queue))?;
        let found = queued.items.iter_mut().find(|item| item.place == place);
        found.ok_or_else(|| StoreError::NotFound(format!("place {} of queue {}", place + 1, queue.0)))
    }

    fn outline(&self, task: TaskId, candidate: u32, kept: &Kept) -> Option<Outline> {
        let seed = &self.tasks.get(&task)?.seed;
        let judged = kept.verdicts.iter().find(|verdict| verdict.validator == "judge");
        Some(Outline {
            sample: kept.id.clone(),
            task,
            candidate,
            made: kept.made,
            teacher: kept.teacher.clone().unwrap_or_default(),
            seed: seed_print(&serde_json::to_string(seed).unwrap_or_default()),
            score: judged.and_then(|verdict| verdict.score),
            reviewed: kept.journal.last().map(|entry| entry.review.action.clone()),
            flagged: self.flags.contains(&(task, candidate)),
        })
    }

    /// A job is gone: so are its places in queues, and queues without any.
    pub(super) fn forget_places(&mut self, job: JobId) {
        self.flags.retain(|(task, _)| task.job != job);
        let kept: std::collections::HashSet<SampleId> =
            self.samples.values().map(|kept| kept.id.clone()).collect();
        for queued in self.queues.values_mut() {
            queued.items.retain(|item| {
                let other = item.item.other.as_ref();
                kept.contains(&item.item.sample) && other.is_none_or(|other| kept.contains(other))
            });
        }
        self.queues.retain(|_, queued| !queued.items.is_empty());
    }
}
