//! The port of samples, over plain maps.

use async_trait::async_trait;

use super::super::rules;
use super::{Entry, Kept, MemoryStore, Rows, Standing};
use crate::core::job::JobId;
use crate::core::ports::{
    Decided, Rejudgement, RequestRow, SampleFilter, SampleOrder, SampleStore, StoreError, Stored,
};
use crate::core::sample::{Reason, Review, Sample, SampleId, SampleState, as_text};
use crate::core::task::{RequestId, TaskId, TaskState};

#[async_trait]
impl SampleStore for MemoryStore {
    async fn samples(&self, filter: &SampleFilter, order: SampleOrder, limit: usize) -> Stored<Vec<Sample>> {
        let rows = self.read()?;
        let mut found: Vec<(TaskId, u32, &Kept)> = rows.matching(filter).collect();
        match order {
            SampleOrder::Plan { after } => {
                found.retain(|(task, candidate, _)| {
                    after.is_none_or(|after| (task.index, *candidate) > after)
                });
                found.sort_by_key(|(task, candidate, _)| (task.index, *candidate, task.job));
            }
            SampleOrder::Accepted { after } => {
                found.retain(|(.., kept)| kept.standing.seq.is_some_and(|seq| seq > after));
                found.sort_by_key(|(.., kept)| kept.standing.seq);
            }
        }
        let page = found.into_iter().take(limit);
        Ok(page
            .filter_map(|(task, candidate, kept)| rows.whole_sample(task, candidate, kept))
            .collect())
    }

    async fn count_samples(&self, filter: &SampleFilter) -> Stored<u64> {
        Ok(self.read()?.matching(filter).count() as u64)
    }

    async fn sample_with_key(&self, job: JobId, key: [u8; 16]) -> Stored<Option<SampleId>> {
        let rows = self.read()?;
        Ok(rows.holder(job, key).map(|(_, kept)| kept.id.clone()))
    }

    async fn decide(&self, sample: &SampleId, decided: Decided) -> Stored<Option<Review>> {
        let mut rows = self.write()?;
        let place = rows.place(sample)?;
        let review = rows.decide(place, decided, self.clock.now_ms());
        rows.judge_task(place.0);
        Ok(review)
    }

    async fn rejudge(&self, judged: Vec<Rejudgement>) -> Stored<u64> {
        let mut rows = self.write()?;
        let mut changed = 0;
        for judged in judged {
            let place = rows.place(&judged.sample)?;
            if rows.rejudge(place, judged) {
                rows.judge_task(place.0);
                changed += 1;
            }
        }
        Ok(changed)
    }

    async fn requests_of(&self, task: TaskId) -> Stored<Vec<RequestRow>> {
        let rows = self.read()?;
        let attempts = rows.attempts_of(task).map(|(number, attempt)| RequestRow {
            id: RequestId(*number),
            question: attempt.request.question.clone(),
            teacher: attempt.request.teacher.clone(),
            fingerprint: attempt.request.fingerprint,
            state: attempt.state,
            response: attempt.response.clone(),
            cost: attempt
                .closed
                .as_ref()
                .map(|closed| closed.cost)
                .unwrap_or_default(),
            error: attempt.closed.as_ref().and_then(|closed| closed.error.clone()),
        });
        Ok(attempts.collect())
    }
}

impl Rows {
    fn matching<'a>(&'a self, filter: &'a SampleFilter) -> impl Iterator<Item = (TaskId, u32, &'a Kept)> {
        let all = self
            .samples
            .iter()
            .map(|((task, candidate), kept)| (*task, *candidate, kept));
        all.filter(move |(task, _, kept)| {
            let standing = &kept.standing;
            filter.job.is_none_or(|job| task.job == job)
                && (filter.states.is_empty() || filter.states.contains(&standing.state))
                && (filter.reasons.is_empty()
                    || standing
                        .reason
                        .is_some_and(|reason| filter.reasons.contains(&reason)))
                && (filter.teacher.is_none() || kept.teacher == filter.teacher)
                && (filter.ids.is_empty() || filter.ids.contains(&kept.id))
                && filter
                    .text
                    .as_ref()
                    .is_none_or(|text| self.contains(*task, kept, text))
        })
    }

    fn contains(&self, task: TaskId, kept: &Kept, text: &str) -> bool {
        let needle = text.to_ascii_lowercase();
        let holds = |hay: &str| hay.to_ascii_lowercase().contains(&needle);
        let in_seed = || {
            let seed = self.tasks.get(&task).map(|task| &task.seed);
            seed.is_some_and(|seed| seed.values().any(|value| holds(&as_text(value.clone()))))
        };
        kept.steps.iter().any(|step| holds(&step.text)) || in_seed()
    }

    fn whole_sample(&self, task: TaskId, candidate: u32, kept: &Kept) -> Option<Sample> {
        let row = self.tasks.get(&task)?;
        Some(Sample {
            id: kept.id.clone(),
            task,
            candidate,
            state: kept.standing.state,
            reason: kept.standing.reason,
            seq: kept.standing.seq,
            seed: row.seed.clone(),
            vary: row.vary.clone(),
            steps: kept.steps.clone(),
            verdicts: kept.verdicts.clone(),
            review: kept.journal.last().map(|entry| entry.review.clone()),
        })
    }

    fn place(&self, sample: &SampleId) -> Stored<(TaskId, u32)> {
        let mut samples = self.samples.iter();
        let found = samples.find(|(_, kept)| kept.id == *sample);
        found
            .map(|(place, _)| *place)
            .ok_or_else(|| StoreError::NotFound(format!("sample {}", sample.0)))
    }

    /// `false`: a person has decided about it.
    fn rejudge(&mut self, place: (TaskId, u32), judged: Rejudgement) -> bool {
        let mut after = Standing {
            state: judged.state,
            reason: judged.reason,
            overruled: false,
            seq: None,
        };
        let Some(before) = self
            .samples
            .get(&place)
            .filter(|kept| kept.journal.is_empty())
            .map(|kept| kept.standing)
        else {
            return false;
        };
        if after.state == SampleState::Accepted {
            after.seq = before.seq.or_else(|| Some(self.next_seq()));
            let holder = judged.dedup_key.and_then(|key| self.holder(place.0.job, key));
            after.overruled = holder.is_some_and(|(other, _)| *other != place);
        }
        if let Some(kept) = self.samples.get_mut(&place) {
            kept.standing = after;
            kept.verdicts = judged.verdicts;
            kept.dedup_key = judged.dedup_key;
        }
        true
    }

    fn decide(&mut self, place: (TaskId, u32), decided: Decided, at_ms: i64) -> Option<Review> {
        let seq = self.last_seq + 1;
        let kept = self.samples.get_mut(&place)?;
        let before = kept.standing;
        let accepted = Standing {
            state: SampleState::Accepted,
            reason: None,
            overruled: before.overruled || before.state == SampleState::Rejected,
            seq: before.seq,
        };
        let rejected = Standing {
            state: SampleState::Rejected,
            reason: Some(Reason::ByHand),
            overruled: false,
            seq: None,
        };
        let edited = Standing {
            overruled: true,
            ..accepted
        };
        let (mut after, action) = match decided {
            Decided::Accept => (accepted, Some(("accepted", None, None))),
            Decided::Reject { note } => (rejected, Some(("rejected", note, None))),
            Decided::Edit { steps } => {
                let steps = std::mem::replace(&mut kept.steps, steps);
                (edited, Some(("edited", None, Some(steps))))
            }
            Decided::Undo => {
                let entry = kept.journal.pop()?;
                if let Some(steps) = entry.steps {
                    kept.steps = steps;
                }
                let seq = before.seq.filter(|_| entry.before.state == SampleState::Accepted);
                let after = Standing { seq, ..entry.before };
                (after, None)
            }
        };
        if let Some((action, note, steps)) = action {
            let review = Review {
                action: action.to_owned(),
                note,
                before: before.state,
                at_ms,
            };
            kept.journal.push(Entry {
                review,
                before,
                steps,
            });
        }
        let review = kept.journal.last().map(|entry| entry.review.clone());
        let key = kept.dedup_key;
        if after.state == SampleState::Accepted {
            if after.seq.is_none() {
                after.seq = Some(seq);
                self.last_seq = seq;
            }
            let holder = key.and_then(|key| self.holder(place.0.job, key));
            after.overruled |= holder.is_some_and(|(other, _)| *other != place);
        }
        self.samples.get_mut(&place)?.standing = after;
        review
    }

    fn judge_task(&mut self, id: TaskId) {
        let samples = self.samples.range((id, 0)..=(id, u32::MAX));
        let state = rules::task_state(samples.map(|(_, kept)| kept.standing.state));
        let judged = [TaskState::Accepted, TaskState::Rejected, TaskState::NeedsReview];
        if let Some(task) = self.tasks.get_mut(&id)
            && judged.contains(&task.state)
        {
            task.state = state;
        }
    }
}
