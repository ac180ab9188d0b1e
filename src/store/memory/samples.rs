//! The port of samples, over plain maps.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use super::super::rules;
use super::{Entry, Judging, Kept, MemoryStore, Rows, Side, Standing};
use crate::core::filter::{By, Facets, Facts as Numbers, LENGTHS, Sort, Subject, shuffled};
use crate::core::job::JobId;
use crate::core::ports::{
    Decided, Place, Rejudgement, RequestRow, SampleFilter, SampleOrder, SamplePlace, SampleStore, StoreError,
    Stored,
};
use crate::core::sample::{Reason, Review, Sample, SampleId, SampleState, StepAnswer};
use crate::core::tags::TagChange;
use crate::core::task::{RequestId, TaskId, TaskState};

#[async_trait]
impl SampleStore for MemoryStore {
    async fn samples(&self, filter: &SampleFilter, order: SampleOrder, limit: usize) -> Stored<Vec<Sample>> {
        let rows = self.read()?;
        let mut found: Vec<(TaskId, u32, &Kept)> = rows.matching(filter, self.now_ms()).collect();
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

    async fn window(
        &self,
        filter: &SampleFilter,
        sort: Sort,
        place: Place,
        limit: usize,
    ) -> Stored<Vec<Sample>> {
        let rows = self.read()?;
        let page = rows.window(filter, sort, place, limit, self.now_ms());
        Ok(page
            .into_iter()
            .filter_map(|((task, candidate), kept)| rows.whole_sample(task, candidate, kept))
            .collect())
    }

    async fn places(
        &self,
        filter: &SampleFilter,
        sort: Sort,
        place: Place,
        limit: usize,
    ) -> Stored<Vec<SamplePlace>> {
        let rows = self.read()?;
        let page = rows.window(filter, sort, place, limit, self.now_ms());
        Ok(page.into_iter().map(|(place, _)| place).collect())
    }

    async fn rank(&self, filter: &SampleFilter, sort: Sort, sample: SamplePlace) -> Stored<Option<u64>> {
        let rows = self.read()?;
        let sorted = rows.sorted(filter, sort, self.now_ms());
        let at = sorted.iter().position(|(place, _)| *place == sample);
        Ok(at.map(|at| at as u64))
    }

    async fn facets(&self, filter: &SampleFilter) -> Stored<Facets> {
        let rows = self.read()?;
        let mut facets = Facets::default();
        for (.., kept) in rows.matching(filter, self.now_ms()) {
            let numbers = kept.facts();
            let judge = numbers.judge.map(|score| (score * 2.0) as i64);
            let range = LENGTHS.iter().rposition(|from| numbers.length >= *from);
            let (state, reason) = (kept.standing.state, kept.standing.reason);
            facets.count(
                state,
                reason,
                kept.teacher.as_deref(),
                judge,
                range.unwrap_or(0),
                1,
            );
        }
        Ok(facets.sorted())
    }

    async fn count_samples(&self, filter: &SampleFilter) -> Stored<u64> {
        let rows = self.read()?;
        Ok(rows.matching(filter, self.now_ms()).count() as u64)
    }

    async fn sample_with_key(&self, job: JobId, key: [u8; 16]) -> Stored<Option<SampleId>> {
        let rows = self.read()?;
        Ok(rows.holder(job, key).map(|(_, kept)| kept.id.clone()))
    }

    async fn tags(&self, job: Option<JobId>) -> Stored<Vec<(String, u64)>> {
        let rows = self.read()?;
        let mut many = BTreeMap::<String, u64>::new();
        for ((task, _), kept) in &rows.samples {
            if job.is_none_or(|job| task.job == job) {
                for tag in &kept.tags {
                    *many.entry(tag.clone()).or_default() += 1;
                }
            }
        }
        let mut known: Vec<(String, u64)> = many.into_iter().collect();
        known.sort_by_key(|(_, many)| std::cmp::Reverse(*many));
        Ok(known)
    }

    async fn decide(&self, sample: &SampleId, decided: Decided) -> Stored<Option<Review>> {
        let mut rows = self.write()?;
        let place = rows.place(sample)?;
        rows.can_be_decided(&[place], &decided)?;
        let review = rows.decide(place, decided, self.now_ms());
        rows.judge_task(place.0);
        Ok(review)
    }

    async fn original(&self, sample: SamplePlace) -> Stored<Option<Vec<StepAnswer>>> {
        let rows = self.read()?;
        let kept = rows.samples.get(&sample);
        Ok(kept.and_then(|kept| kept.journal.iter().find_map(|entry| entry.steps.clone())))
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

/// What samples are sorted by.
struct Key {
    missing: bool,
    number: f64,
    name: Option<String>,
    place: SamplePlace,
    down: bool,
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let turned = |order: Ordering, turn: bool| if turn { order.reverse() } else { order };
        let value = self
            .number
            .total_cmp(&other.number)
            .then_with(|| self.name.cmp(&other.name));
        self.missing
            .cmp(&other.missing)
            .then(turned(value, self.down))
            .then(turned(self.place.cmp(&other.place), self.down))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key {}

impl Kept {
    fn facts(&self) -> Numbers {
        Numbers::of(&self.steps, &self.verdicts)
    }
}

impl Rows {
    pub(super) fn matching<'a>(
        &'a self,
        filter: &'a SampleFilter,
        now_ms: i64,
    ) -> impl Iterator<Item = (TaskId, u32, &'a Kept)> {
        let patterns = filter.condition.patterns();
        let all = self
            .samples
            .iter()
            .map(|((task, candidate), kept)| (*task, *candidate, kept));
        all.filter(move |(task, candidate, kept)| {
            filter.job.is_none_or(|job| task.job == job)
                && (filter.states.is_empty() || filter.states.contains(&kept.standing.state))
                && (filter.ids.is_empty() || filter.ids.contains(&kept.id))
                && (filter.condition.is_everything()
                    || self.whole_sample(*task, *candidate, kept).is_some_and(|sample| {
                        let subject = self.subject(&sample, kept, now_ms);
                        filter.condition.matches(&subject, &patterns)
                    }))
        })
    }

    fn subject<'a>(&'a self, sample: &'a Sample, kept: &Kept, now_ms: i64) -> Subject<'a> {
        let job = self.jobs.get(&sample.task.job).map(|job| job.spec.name.as_str());
        let age = now_ms.saturating_sub(kept.made_ms).max(0);
        Subject {
            job: job.unwrap_or_default(),
            sample,
            facts: kept.facts(),
            cost: self.cost_of(sample.task),
            attempts: self.attempts_of(sample.task).count() as u64,
            age: Duration::from_millis(age.unsigned_abs()),
        }
    }

    fn cost_of(&self, task: TaskId) -> i64 {
        let closed = self
            .attempts_of(task)
            .filter_map(|(_, attempt)| attempt.closed.as_ref());
        closed.map(|closed| closed.cost.0).sum()
    }

    fn sorted<'a>(
        &'a self,
        filter: &'a SampleFilter,
        sort: Sort,
        now_ms: i64,
    ) -> Vec<(SamplePlace, &'a Kept)> {
        let matching = self.matching(filter, now_ms);
        let mut found: Vec<(SamplePlace, &Kept)> = matching
            .map(|(task, candidate, kept)| ((task, candidate), kept))
            .collect();
        found.sort_by_cached_key(|(place, kept)| self.key(sort, *place, kept));
        found
    }

    /// What a sample is sorted by; those without the number come last.
    fn key(&self, sort: Sort, place: SamplePlace, kept: &Kept) -> Key {
        let facts = kept.facts();
        let number = match sort.by {
            By::Plan | By::Teacher => Some(0.0),
            By::Time => Some(kept.made_ms as f64),
            By::Judge => facts.judge,
            By::Duplicate => facts.duplicate,
            By::Length => Some(facts.length as f64),
            By::Tokens => Some(facts.tokens as f64),
            By::Cost => Some(self.cost_of(place.0) as f64),
            By::Random(seed) => {
                let row = i64::try_from(place.0.index).unwrap_or(i64::MAX);
                Some(shuffled(seed, row, place.1) as f64)
            }
        };
        let name = kept.teacher.clone().filter(|_| sort.by == By::Teacher);
        let missing = number.is_none() || (sort.by == By::Teacher && name.is_none());
        Key {
            missing,
            number: number.unwrap_or(0.0),
            name,
            place,
            down: sort.down,
        }
    }

    pub(super) fn whole_sample(&self, task: TaskId, candidate: u32, kept: &Kept) -> Option<Sample> {
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
            tags: kept.tags.clone(),
        })
    }

    fn window<'a>(
        &'a self,
        filter: &'a SampleFilter,
        sort: Sort,
        place: Place,
        limit: usize,
        now_ms: i64,
    ) -> Vec<(SamplePlace, &'a Kept)> {
        let mut sorted = self.sorted(filter, sort, now_ms);
        // The anchor need not match: what matters is where it would stand.
        let standing = |at: SamplePlace| {
            let key = self.samples.get(&at).map(|kept| self.key(sort, at, kept));
            let before = sorted.iter().filter(|(place, kept)| {
                key.as_ref()
                    .is_some_and(|key| self.key(sort, *place, kept) < *key)
            });
            (before.count(), sorted.iter().any(|(place, _)| *place == at))
        };
        let (from, to) = match place {
            Place::Row(row) => (usize::try_from(row).unwrap_or(usize::MAX), sorted.len()),
            Place::After(at) => {
                let (before, is_there) = standing(at);
                (before + usize::from(is_there), sorted.len())
            }
            Place::Before(at) => {
                let (before, _) = standing(at);
                (before.saturating_sub(limit), before)
            }
            Place::Last => (sorted.len().saturating_sub(limit), sorted.len()),
        };
        sorted.truncate(to);
        sorted.into_iter().skip(from).take(limit).collect()
    }

    pub(super) fn place(&self, sample: &SampleId) -> Stored<(TaskId, u32)> {
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
            kept.judging = None;
        }
        true
    }

    fn side(&self, place: (TaskId, u32)) -> Option<Side> {
        self.samples.get(&place).map(|kept| Side {
            standing: kept.standing,
            verdicts: kept.verdicts.clone(),
            key: kept.dedup_key,
        })
    }

    /// Lays down the keys of samples that are judged again, so that none stands in another's way.
    pub(super) fn lay_down(&mut self, place: (TaskId, u32)) {
        if let Some(kept) = self.samples.get_mut(&place) {
            kept.dedup_key = None;
        }
    }

    /// Judges samples again, as far as no person has decided about them; each with the number that takes it back.
    pub(super) fn judge_some(
        &mut self,
        judged: Vec<((TaskId, u32), Rejudgement)>,
    ) -> Vec<(SamplePlace, i64)> {
        let mut open = Vec::new();
        for (place, judged) in judged {
            let is_open = |kept: &&Kept| kept.journal.is_empty();
            let earlier = self.samples.get(&place).filter(is_open).map(|kept| kept.judging);
            if let (Some(earlier), Some(before)) = (earlier, self.side(place)) {
                open.push((place, judged, earlier, before));
            }
        }
        for (place, ..) in &open {
            self.lay_down(*place);
        }
        let mut done = Vec::new();
        for (place, judged, earlier, before) in open {
            self.rejudge(place, judged);
            self.judge_task(place.0);
            let Some(after) = self.side(place) else { continue };
            self.last_judging += 1;
            let number = self.last_judging;
            if let Some(kept) = self.samples.get_mut(&place) {
                kept.judging = Some(number);
                kept.judgings.push(Judging {
                    number,
                    earlier,
                    before,
                    after,
                });
            }
            done.push((place, number));
        }
        done
    }

    /// What a sample is to be after its judging is taken back or made again; `None` where that cannot be.
    pub(super) fn turned(
        &self,
        place: (TaskId, u32),
        number: i64,
        again: bool,
    ) -> Option<(Side, Option<i64>)> {
        let kept = self.samples.get(&place).filter(|kept| kept.journal.is_empty())?;
        let judging = kept.judgings.iter().find(|one| one.number == number)?;
        if again {
            (kept.judging == judging.earlier).then(|| (judging.after.clone(), Some(number)))
        } else {
            (kept.judging == Some(number)).then(|| (judging.before.clone(), judging.earlier))
        }
    }

    /// Makes it so.
    pub(super) fn set_side(&mut self, place: (TaskId, u32), side: Side, judging: Option<i64>) {
        let mut standing = side.standing;
        if standing.state == SampleState::Accepted {
            let holder = side.key.and_then(|key| self.holder(place.0.job, key));
            standing.overruled |= holder.is_some_and(|(other, _)| *other != place);
        }
        if let Some(kept) = self.samples.get_mut(&place) {
            kept.standing = standing;
            kept.verdicts = side.verdicts;
            kept.dedup_key = side.key;
            kept.judging = judging;
        }
        self.judge_task(place.0);
    }

    pub(super) fn decide(&mut self, place: (TaskId, u32), decided: Decided, at_ms: i64) -> Option<Review> {
        if let Decided::Tag(change) = &decided {
            self.tag(place, change);
        }
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
            Decided::Tag(_) | Decided::JudgedAgain => (before, None),
            Decided::Undo => {
                let entry = kept.journal.pop()?;
                if let Some(steps) = entry.steps {
                    kept.steps = steps;
                }
                (entry.before, None)
            }
        };
        if let Some((action, note, steps)) = action {
            let review = Review {
                action: action.to_owned(),
                note,
                before: before.state,
                at_ms,
            };
            self.last_review += 1;
            kept.journal.push(Entry {
                number: self.last_review,
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

    fn tag(&mut self, place: (TaskId, u32), change: &TagChange) {
        if let Some(kept) = self.samples.get_mut(&place) {
            self.last_tagging += 1;
            let before = std::mem::take(&mut kept.tags);
            kept.tags = change.apply(&before);
            kept.taggings.push((self.last_tagging, before));
        }
    }

    /// The tags before the last change come back.
    pub(super) fn untag(&mut self, place: (TaskId, u32)) {
        if let Some(kept) = self.samples.get_mut(&place)
            && let Some((_, before)) = kept.taggings.pop()
        {
            kept.tags = before;
        }
    }

    /// What was cleaned has no text left to accept.
    pub(super) fn can_be_decided(&self, places: &[SamplePlace], decided: &Decided) -> Stored<()> {
        let cleaned = |place| {
            let kept: Option<&Kept> = self.samples.get(place);
            kept.is_some_and(|kept| kept.standing.state == SampleState::Rejected && kept.steps.is_empty())
        };
        if *decided == Decided::Accept && places.iter().any(cleaned) {
            return Err(StoreError::Broken(rules::NO_TEXT.to_owned()));
        }
        Ok(())
    }

    pub(super) fn judge_task(&mut self, id: TaskId) {
        let samples = self.samples.range((id, 0)..=(id, u32::MAX));
        let state = rules::task_state(samples.map(|(_, kept)| kept.standing.state));
        let judged = [TaskState::Accepted, TaskState::Rejected, TaskState::NeedsReview];
        if let Some(task) = self.tasks.get_mut(&id)
            && judged.contains(&task.state)
        {
            task.state = state;
        }
        self.decisions.entry(id.job).or_default().made += 1;
    }
}
