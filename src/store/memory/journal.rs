//! The journal of what persons did, as a plain list.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;

use super::super::rules::{ACTOR, ENTRIES, deed_of};
use super::{MemoryStore, Rows};
use crate::core::job::JobId;
use crate::core::journal::{Deed, EntryId, JournalEntry, Reverted};
use crate::core::ports::{Decided, JournalStore, Rejudgement, SamplePlace, StoreError, Stored};
use crate::core::review::{QueueId, Word};
use crate::core::sample::{Sample, SampleId};

/// What takes an entry back: the places, each with the number of the decision.
type Inverse = (Decided, Vec<(SamplePlace, i64)>);

/// A place of a queue with the word on it.
pub(super) type Spot = (QueueId, u32, Word);

/// An entry with what takes it back; `None`: nothing does.
pub(super) struct Act {
    entry: JournalEntry,
    inverse: Option<Inverse>,
    /// Where in a queue it was said: the word comes and goes with the decision.
    said: Option<Spot>,
}

#[async_trait]
impl JournalStore for MemoryStore {
    async fn act(&self, samples: &[SampleId], decided: Decided, more_of: Option<EntryId>) -> Stored<EntryId> {
        let places = {
            let rows = self.write()?;
            let wanted: HashSet<&SampleId> = samples.iter().collect();
            let known = rows.samples.iter().filter(|(_, kept)| wanted.contains(&kept.id));
            let known: HashMap<&SampleId, SamplePlace> =
                known.map(|(place, kept)| (&kept.id, *place)).collect();
            let missing = |id: &SampleId| StoreError::NotFound(format!("sample {}", id.0));
            let places = samples
                .iter()
                .map(|id| known.get(id).copied().ok_or_else(|| missing(id)));
            places.collect::<Stored<Vec<_>>>()?
        };
        self.act_at(&places, decided, more_of).await
    }

    async fn act_at(
        &self,
        places: &[SamplePlace],
        decided: Decided,
        more_of: Option<EntryId>,
    ) -> Stored<EntryId> {
        if decided == Decided::JudgedAgain {
            return Err(StoreError::Broken("validators judge, nobody else".to_owned()));
        }
        let now = self.now_ms();
        let mut rows = self.write()?;
        if let Some((task, candidate)) = places.iter().find(|place| !rows.samples.contains_key(place)) {
            let message = format!("sample {candidate} of task {}", task.index);
            return Err(StoreError::NotFound(message));
        }
        rows.can_be_more(more_of)?;
        rows.can_be_decided(places, &decided)?;
        let mut seen = HashSet::new();
        let mut done = Vec::with_capacity(places.len());
        for place in places.iter().copied().filter(|place| seen.insert(*place)) {
            rows.decide(place, decided.clone(), now);
            rows.judge_task(place.0);
            let number = rows.newest(place, &decided);
            done.push((place, number.unwrap_or_default()));
        }
        rows.enter(decided, done, more_of, now)
    }

    async fn judge_some(
        &self,
        judged: Vec<Rejudgement>,
        more_of: Option<EntryId>,
    ) -> Stored<Option<EntryId>> {
        let now = self.now_ms();
        let mut rows = self.write()?;
        rows.can_be_more(more_of)?;
        let mut found = Vec::with_capacity(judged.len());
        for one in judged {
            found.push((rows.place(&one.sample)?, one));
        }
        let done = rows.judge_some(found);
        if done.is_empty() {
            return Ok(more_of);
        }
        rows.enter(Decided::JudgedAgain, done, more_of, now).map(Some)
    }

    async fn exported(&self, job: JobId, rows: u64, path: &str) -> Stored<()> {
        let label = Deed::Export.label(rows, Some(path));
        let now = self.now_ms();
        self.write()?
            .note((Deed::Export, Some(job), label, rows), None, None, now);
        Ok(())
    }

    async fn journal(&self, job: Option<JobId>, limit: usize) -> Stored<Vec<JournalEntry>> {
        let rows = self.read()?;
        let wanted = |entry: &&JournalEntry| job.is_none() || entry.job.is_none() || entry.job == job;
        let newest = rows.acts.iter().rev().map(|act| &act.entry);
        Ok(newest.filter(wanted).take(limit).cloned().collect())
    }

    async fn conflicts(&self, entry: EntryId) -> Stored<u64> {
        let rows = self.read()?;
        let act = rows.acts.iter().find(|act| act.entry.id == entry);
        let Some((decided, samples)) = act.and_then(|act| act.inverse.as_ref()) else {
            return Ok(0);
        };
        let stale = samples
            .iter()
            .filter(|(place, number)| rows.newest(*place, decided) != Some(*number));
        Ok(stale.count() as u64)
    }

    async fn touched(&self, entry: EntryId, part: usize) -> Stored<Option<Vec<Sample>>> {
        let rows = self.read()?;
        let act = rows.acts.iter().find(|act| act.entry.id == entry);
        let Some((_, samples)) = act.and_then(|act| act.inverse.as_ref()).filter(|_| part == 0) else {
            return Ok(None);
        };
        let sample = |(place, _): &(SamplePlace, i64)| {
            let kept = rows.samples.get(place)?;
            rows.whole_sample(place.0, place.1, kept)
        };
        Ok(Some(samples.iter().filter_map(sample).collect()))
    }

    async fn revert_telling(
        &self,
        entry: EntryId,
        again: bool,
        told: &(dyn Fn(u64) + Send + Sync),
    ) -> Stored<Reverted> {
        let now = self.now_ms();
        let mut rows = self.write()?;
        let at = rows.acts.iter().position(|act| act.entry.id == entry);
        let at = at.ok_or_else(|| missing(entry))?;
        if let Some((decided, samples)) = rows.acts[at].inverse.as_ref().filter(|_| again) {
            let places: Vec<SamplePlace> = samples.iter().map(|(place, _)| *place).collect();
            rows.can_be_decided(&places, decided)?;
        }
        let Some((decided, mut samples)) = rows.acts[at].inverse.take() else {
            return Err(StoreError::Broken("an export cannot be taken back".to_owned()));
        };
        let mut said = rows.acts[at].said.take();
        let mut reverted = Reverted {
            rows: 0,
            skipped: 0,
            jobs: Vec::new(),
        };
        let judged = decided == Decided::JudgedAgain;
        if judged {
            rows.turn_judgings(&samples, again, &mut reverted);
        }
        for (place, number) in samples.iter_mut().filter(|_| !judged) {
            let newest = rows.newest(*place, &decided);
            let changes = if again {
                rows.samples.contains_key(place)
            } else {
                newest == Some(*number)
            };
            if !changes {
                reverted.skipped += 1;
                continue;
            }
            if again {
                rows.decide(*place, decided.clone(), now);
            } else if matches!(decided, Decided::Tag(_)) {
                rows.untag(*place);
            } else {
                rows.decide(*place, Decided::Undo, now);
            }
            rows.judge_task(place.0);
            if again {
                *number = rows.newest(*place, &decided).unwrap_or_default();
            }
            if let Some(spot) = &mut said {
                rows.turn(spot, again.then_some(now));
            }
            reverted.rows += 1;
            if !reverted.jobs.contains(&place.0.job) {
                reverted.jobs.push(place.0.job);
            }
        }
        let stamp = rows
            .acts
            .iter()
            .filter_map(|act| act.entry.undone)
            .max()
            .unwrap_or(0)
            + 1;
        told(reverted.rows + reverted.skipped);
        let act = &mut rows.acts[at];
        act.inverse = Some((decided, samples));
        act.said = said;
        act.entry.undone = (!again).then_some(stamp);
        Ok(reverted)
    }
}

fn missing(entry: EntryId) -> StoreError {
    StoreError::NotFound(format!("entry {} of the journal", entry.0))
}

fn one_job(samples: &[(SamplePlace, i64)]) -> Option<JobId> {
    let first = samples.first()?.0.0.job;
    samples
        .iter()
        .all(|((task, _), _)| task.job == first)
        .then_some(first)
}

impl Rows {
    /// The number of the decision of that kind in force about a sample.
    pub(super) fn newest(&self, place: SamplePlace, decided: &Decided) -> Option<i64> {
        let kept = self.samples.get(&place)?;
        match decided {
            Decided::JudgedAgain => kept.judging.filter(|_| kept.journal.is_empty()),
            Decided::Tag(_) => kept.taggings.last().map(|(number, _)| *number),
            _ => kept.journal.last().map(|entry| entry.number),
        }
    }

    fn note(
        &mut self,
        (deed, job, label, rows): (Deed, Option<JobId>, String, u64),
        inverse: Option<Inverse>,
        said: Option<Spot>,
        at_ms: i64,
    ) -> EntryId {
        if deed != Deed::Export {
            let touches = |entry: &JournalEntry| job.is_none() || entry.job.is_none() || entry.job == job;
            self.acts
                .retain(|act| act.entry.undone.is_none() || !touches(&act.entry));
        }
        self.last_act += 1;
        let entry = JournalEntry {
            id: EntryId(self.last_act),
            at_ms,
            actor: ACTOR.to_owned(),
            deed,
            job,
            label,
            rows,
            undone: None,
        };
        let id = entry.id;
        self.acts.push(Act { entry, inverse, said });
        let kept = usize::try_from(ENTRIES).unwrap_or(usize::MAX);
        let of_job = self.acts.iter().filter(|act| act.entry.job == job).count();
        if of_job > kept
            && let Some(oldest) = self.acts.iter().position(|act| act.entry.job == job)
        {
            self.acts.remove(oldest);
        }
        id
    }

    /// Journals what was decided about one sample at a place of a queue.
    pub(super) fn note_word(&mut self, decided: Decided, place: SamplePlace, spot: Spot) -> Stored<()> {
        let (deed, detail) = deed_of(&decided)?;
        let label = deed.label(1, detail.as_deref());
        let number = self.newest(place, &decided).unwrap_or_default();
        let inverse = Some((decided, vec![(place, number)]));
        let at_ms = spot.2.at_ms;
        self.note((deed, Some(place.0.job), label, 1), inverse, Some(spot), at_ms);
        Ok(())
    }

    /// The standing entry of one sample's decision, by its number.
    fn of_decision(&mut self, decision: i64) -> Option<&mut Act> {
        let ours = |act: &&mut Act| {
            let samples = act.inverse.as_ref().map(|(_, samples)| samples.as_slice());
            let decides = !matches!(act.entry.deed, Deed::Tag | Deed::Judge);
            let one = matches!(samples, Some([(_, number)]) if *number == decision);
            decides && one && act.entry.undone.is_none()
        };
        self.acts.iter_mut().rev().find(ours)
    }

    /// That decision is taken back already: its entry says so.
    pub(super) fn taken_back(&mut self, decision: i64) {
        let stamp = self.acts.iter().filter_map(|act| act.entry.undone).max();
        if let Some(act) = self.of_decision(decision) {
            act.entry.undone = Some(stamp.unwrap_or(0) + 1);
        }
    }

    /// A rejection got its reason afterwards: done again, it has the reason too.
    pub(super) fn reasoned(&mut self, decision: i64, reason: &str) {
        let Some(act) = self.of_decision(decision) else {
            return;
        };
        if let Some((Decided::Reject { note }, _)) = &mut act.inverse {
            *note = Some(reason.to_owned());
            act.entry.label = act.entry.deed.label(1, Some(reason));
        }
        if let Some((.., word)) = &mut act.said {
            word.reason = Some(reason.to_owned());
        }
    }

    /// Puts a word back on its place, now, or takes it off.
    fn turn(&mut self, (queue, place, word): &mut Spot, again: Option<i64>) {
        let queued = self.queues.get_mut(queue);
        let item = queued.and_then(|queued| queued.items.iter_mut().find(|item| item.place == *place));
        match (item, again) {
            (Some(item), Some(now)) => {
                word.at_ms = now;
                item.word.get_or_insert_with(|| word.clone());
            }
            (Some(item), None) => {
                item.word.take_if(|said| said.at_ms == word.at_ms);
            }
            (None, _) => {}
        }
    }

    /// An entry that more is added to must stand.
    fn can_be_more(&self, of: Option<EntryId>) -> Stored<()> {
        let stands = |act: &Act| Some(act.entry.id) == of && act.entry.undone.is_none();
        match of {
            Some(entry) if !self.acts.iter().any(stands) => Err(missing(entry)),
            _ => Ok(()),
        }
    }

    /// Writes what was done into the journal: places, each with the number that takes it back.
    fn enter(
        &mut self,
        decided: Decided,
        done: Vec<(SamplePlace, i64)>,
        more_of: Option<EntryId>,
        now: i64,
    ) -> Stored<EntryId> {
        let (deed, note) = deed_of(&decided)?;
        let before = self.acts.iter_mut().find(|act| Some(act.entry.id) == more_of);
        if let Some(act) = before {
            if let Some((_, samples)) = &mut act.inverse {
                samples.extend(done);
                act.entry.rows = samples.len() as u64;
                act.entry.job = one_job(samples);
            }
            act.entry.label = deed.label(act.entry.rows, note.as_deref());
            return Ok(act.entry.id);
        }
        let (job, many) = (one_job(&done), done.len() as u64);
        let label = deed.label(many, note.as_deref());
        Ok(self.note((deed, job, label, many), Some((decided, done)), None, now))
    }

    /// Takes back what validators said the second time, or says it again.
    fn turn_judgings(&mut self, samples: &[(SamplePlace, i64)], again: bool, reverted: &mut Reverted) {
        let mut all = Vec::new();
        for (place, number) in samples {
            match self.turned(*place, *number, again) {
                Some(side) => {
                    self.lay_down(*place);
                    all.push((*place, side));
                }
                None => reverted.skipped += 1,
            }
        }
        for (place, (side, judging)) in all {
            self.set_side(place, side, judging);
            reverted.rows += 1;
            if !reverted.jobs.contains(&place.0.job) {
                reverted.jobs.push(place.0.job);
            }
        }
    }

    /// Forgets what was done in a job that is gone.
    pub(super) fn forget_acts(&mut self, job: JobId) {
        self.acts.retain(|act| act.entry.job != Some(job));
    }
}
