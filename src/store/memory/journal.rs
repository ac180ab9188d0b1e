//! The journal of what persons did, as a plain list.

use async_trait::async_trait;

use super::super::rules::{ACTOR, ENTRIES, deed_of};
use super::{MemoryStore, Rows};
use crate::core::job::JobId;
use crate::core::journal::{Deed, EntryId, JournalEntry, Reverted};
use crate::core::ports::{Decided, JournalStore, SamplePlace, StoreError, Stored};
use crate::core::review::{QueueId, Word};
use crate::core::sample::SampleId;

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
        let (deed, note) = deed_of(&decided)?;
        let now = self.clock.now_ms();
        let mut rows = self.write()?;
        let mut places = Vec::with_capacity(samples.len());
        for id in samples {
            let found = rows.samples.iter().find(|(_, kept)| kept.id == *id);
            let missing = || StoreError::NotFound(format!("sample {}", id.0));
            places.push(*found.ok_or_else(missing)?.0);
        }
        let open = |act: &Act| Some(act.entry.id) == more_of && act.entry.undone.is_none();
        let before = rows.acts.iter().position(open);
        if let (Some(entry), None) = (more_of, before) {
            return Err(missing(entry));
        }
        let mut done = Vec::with_capacity(places.len());
        for place in places {
            rows.decide(place, decided.clone(), now);
            rows.judge_task(place.0);
            let number = rows.newest(place);
            done.push((place, number.unwrap_or_default()));
        }
        if let Some(act) = before.and_then(|at| rows.acts.get_mut(at)) {
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
        Ok(rows.note((deed, job, label, many), Some((decided, done)), None, now))
    }

    async fn exported(&self, job: JobId, rows: u64, path: &str) -> Stored<()> {
        let label = Deed::Export.label(rows, Some(path));
        let now = self.clock.now_ms();
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
        let samples = act
            .and_then(|act| act.inverse.as_ref())
            .map(|(_, samples)| samples);
        let stale = samples
            .into_iter()
            .flatten()
            .filter(|(place, number)| rows.newest(*place) != Some(*number));
        Ok(stale.count() as u64)
    }

    async fn revert(&self, entry: EntryId, again: bool) -> Stored<Reverted> {
        let now = self.clock.now_ms();
        let mut rows = self.write()?;
        let at = rows.acts.iter().position(|act| act.entry.id == entry);
        let at = at.ok_or_else(|| missing(entry))?;
        let Some((decided, mut samples)) = rows.acts[at].inverse.take() else {
            return Err(StoreError::Broken("an export cannot be taken back".to_owned()));
        };
        let mut said = rows.acts[at].said.take();
        let mut reverted = Reverted {
            rows: 0,
            skipped: 0,
            jobs: Vec::new(),
        };
        for (place, number) in &mut samples {
            let newest = rows.newest(*place);
            let changes = if again {
                rows.samples.contains_key(place)
            } else {
                newest == Some(*number)
            };
            if !changes {
                reverted.skipped += 1;
                continue;
            }
            let order = if again { decided.clone() } else { Decided::Undo };
            rows.decide(*place, order, now);
            rows.judge_task(place.0);
            if again {
                *number = rows.newest(*place).unwrap_or_default();
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
    /// The number of the decision in force about a sample.
    pub(super) fn newest(&self, place: SamplePlace) -> Option<i64> {
        self.samples.get(&place)?.journal.last().map(|entry| entry.number)
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
        let number = self.newest(place).unwrap_or_default();
        let inverse = Some((decided, vec![(place, number)]));
        let at_ms = spot.2.at_ms;
        self.note((deed, Some(place.0.job), label, 1), inverse, Some(spot), at_ms);
        Ok(())
    }

    /// The standing entry of one sample's decision, by its number.
    fn of_decision(&mut self, decision: i64) -> Option<&mut Act> {
        let ours = |act: &&mut Act| {
            let samples = act.inverse.as_ref().map(|(_, samples)| samples.as_slice());
            act.entry.undone.is_none() && matches!(samples, Some([(_, number)]) if *number == decision)
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

    /// Forgets what was done in a job that is gone.
    pub(super) fn forget_acts(&mut self, job: JobId) {
        self.acts.retain(|act| act.entry.job != Some(job));
    }
}
