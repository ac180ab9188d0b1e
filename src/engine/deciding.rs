//! What persons decide about samples, the journal of it, and the datasets it touches.

use std::path::Path;
use std::sync::Arc;

use super::{Shared, answers, outbox, streams};
use crate::core::api::{BulkDone, Failure, FailureKind, Level, Receipt, RevertDone, SampleQuery, Turning};
use crate::core::failpoint::{self, Failpoint};
use crate::core::filter::{By, Condition, Sort, Status, Term};
use crate::core::job::{Job, JobId};
use crate::core::journal::{Deed, EntryId, JournalEntry};
use crate::core::ports::{Decided, Place, SampleFilter, SamplePlace, SchemaCheck, StoreError};
use crate::core::sample::{SampleId, SampleState, StepAnswer};

/// Samples of one transaction.
const CHUNK: usize = 5000;
/// Whole samples read at once.
const PAGE: usize = 1000;
/// The order a bulk goes in.
const PLAN: Sort = Sort {
    by: By::Plan,
    down: false,
};
/// Entries that are looked through for the one to take back.
const ENTRIES: usize = 2000;

/// Decides about some samples as one action.
pub(super) async fn decide(shared: &Shared, ids: &[SampleId], decided: Decided) -> Result<Receipt, Failure> {
    let mut jobs = Vec::new();
    for chunk in ids.chunks(500) {
        let filter = SampleFilter {
            ids: chunk.to_vec(),
            ..SampleFilter::default()
        };
        let found = shared
            .store
            .window(&filter, Sort::default(), Place::Row(0), chunk.len())
            .await?;
        if let Decided::Edit { steps } = &decided {
            for sample in &found {
                check_schema(shared, sample.task.job, steps).await?;
            }
        }
        if decided == Decided::Accept {
            streams::fit(shared, &found).await?;
        }
        jobs.extend(found.iter().map(|sample| sample.task.job));
    }
    jobs.sort_by_key(|job| job.0);
    jobs.dedup();
    if decided == Decided::Undo {
        for id in ids {
            shared.store.decide(id, Decided::Undo).await?;
        }
    } else {
        let mut entry = None;
        for chunk in ids.chunks(CHUNK) {
            entry = Some(shared.store.act(chunk, decided.clone(), entry).await?);
        }
    }
    if !matches!(decided, Decided::Tag(_)) {
        write_datasets(shared, &jobs).await?;
    }
    Ok(Receipt::Count(ids.len() as u64))
}

/// The next transaction of a bulk. Samples that stand as they should are left alone.
pub(super) async fn bulk(
    shared: &Shared,
    query: &SampleQuery,
    decided: Decided,
    more_of: Option<EntryId>,
    after: Option<SamplePlace>,
) -> Result<BulkDone, Failure> {
    let done = match decided {
        Decided::Accept => Some(SampleState::Accepted),
        Decided::Reject { .. } => Some(SampleState::Rejected),
        Decided::Tag(_) => None,
        Decided::Edit { .. } | Decided::JudgedAgain | Decided::Undo => {
            return Err(Failure::new(
                FailureKind::Usage,
                "a bulk accepts, rejects or tags",
            ));
        }
    };
    let mut filter = answers::filter(shared, query).await?;
    if let Some(done) = done {
        let stands = Condition::Is(Term::Status(vec![Status::In(done)]));
        filter.condition = filter.condition.and(Condition::Not(Box::new(stands)));
    }
    let from = after.map_or(Place::Row(0), Place::After);
    let places = shared.store.places(&filter, PLAN, from, CHUNK).await?;
    if decided == Decided::Accept {
        fit_all(shared, &filter, from, places.len()).await?;
    }
    let last = places.last().copied();
    let more = places.len() >= CHUNK;
    let entry = if places.is_empty() {
        more_of
    } else {
        Some(shared.store.act_at(&places, decided, more_of).await?)
    };
    if !more && done.is_some() {
        let jobs = match filter.job {
            Some(job) => vec![job],
            None => shared.store.jobs().await?.iter().map(|job| job.id).collect(),
        };
        if entry.is_some() {
            write_datasets(shared, &jobs).await?;
        }
    }
    Ok(BulkDone {
        entry,
        changed: places.len() as u64,
        next: last.filter(|_| more),
    })
}

/// Refuses so many samples of a window if their datasets cannot hold one of them.
async fn fit_all(
    shared: &Shared,
    filter: &SampleFilter,
    mut from: Place,
    mut many: usize,
) -> Result<(), Failure> {
    while many > 0 {
        let page = shared.store.window(filter, PLAN, from, many.min(PAGE)).await?;
        let Some(last) = page.last() else { break };
        from = Place::After((last.task, last.candidate));
        many = many.saturating_sub(page.len());
        streams::fit(shared, &page).await?;
    }
    Ok(())
}

/// Takes back what was done last, or that entry.
pub(super) async fn undo(
    shared: &Shared,
    job: Option<&str>,
    wanted: Option<EntryId>,
) -> Result<RevertDone, Failure> {
    let entries = entries(shared, job).await?;
    let stands = |entry: &&JournalEntry| entry.deed != Deed::Export && entry.undone.is_none();
    let mut standing = entries.iter().filter(stands);
    let entry = match wanted {
        None => standing.next(),
        Some(id) => standing.find(|entry| entry.id == id),
    };
    let Some(entry) = entry else {
        return Err(Failure::new(
            FailureKind::NotFound,
            "there is nothing to take back",
        ));
    };
    if wanted.is_some() {
        let conflicts = shared.store.conflicts(entry.id).await?;
        if conflicts > 0 {
            let message = format!("{conflicts} of its samples were decided about again since");
            return Err(Failure::new(FailureKind::Usage, message).help("take that back first"));
        }
    }
    let newer = entries
        .iter()
        .filter(|other| other.deed == Deed::Export && other.id > entry.id);
    let mut notes: Vec<String> = newer
        .map(|export| format!("{} since: that file stays as it is", export.label))
        .collect();
    notes.dedup();
    notes.truncate(2);
    revert(shared, entry, false, notes).await
}

/// Does again what was taken back last.
pub(super) async fn redo(shared: &Shared, job: Option<&str>) -> Result<RevertDone, Failure> {
    let entries = entries(shared, job).await?;
    let last = entries.iter().filter(|entry| entry.undone.is_some());
    let Some(entry) = last.max_by_key(|entry| entry.undone) else {
        return Err(Failure::new(
            FailureKind::NotFound,
            "there is nothing to do again",
        ));
    };
    if entry.deed == Deed::Accept {
        let mut part = 0;
        while let Some(samples) = shared.store.touched(entry.id, part).await? {
            for page in samples.chunks(PAGE) {
                streams::fit(shared, page).await?;
            }
            part += 1;
        }
    }
    revert(shared, entry, true, Vec::new()).await
}

async fn entries(shared: &Shared, job: Option<&str>) -> Result<Vec<JournalEntry>, Failure> {
    let job = match job {
        Some(name) => Some(shared.store.job(name).await?.id),
        None => None,
    };
    Ok(shared.store.journal(job, ENTRIES).await?)
}

async fn revert(
    shared: &Shared,
    entry: &JournalEntry,
    again: bool,
    notes: Vec<String>,
) -> Result<RevertDone, Failure> {
    let gauge = Gauge::of(shared, entry, again);
    let reverted = shared
        .store
        .revert_telling(entry.id, again, &|done| gauge.is_at(done))
        .await?;
    if entry.deed != Deed::Tag {
        write_datasets(shared, &reverted.jobs).await?;
    }
    Ok(RevertDone {
        label: entry.label.clone(),
        rows: reverted.rows,
        skipped: reverted.skipped,
        notes,
    })
}

/// Puts what is taken back, or done again, on the engine's gauge for as long as it takes, where that is worth watching.
struct Gauge<'a> {
    shared: &'a Shared,
    turning: Option<Turning>,
}

impl<'a> Gauge<'a> {
    fn of(shared: &'a Shared, entry: &JournalEntry, again: bool) -> Self {
        let turning = Turning {
            again,
            done: 0,
            all: entry.rows,
        };
        let gauge = Self {
            shared,
            turning: (entry.rows > CHUNK as u64).then_some(turning),
        };
        gauge.is_at(0);
        gauge
    }

    fn is_at(&self, done: u64) {
        if let Some(turning) = self.turning {
            let now = Some(Turning { done, ..turning });
            self.shared.progress.send_modify(|gauge| gauge.turning = now);
        }
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        if self.turning.is_some() {
            self.shared.progress.send_modify(|gauge| gauge.turning = None);
        }
    }
}

/// Remembers that samples left for a file outside the dataset.
pub(super) async fn exported(shared: &Shared, job: JobId, rows: u64, path: &Path) {
    let path = path.display().to_string();
    match shared.store.exported(job, rows, &path).await {
        // Whoever only reads keeps no journal.
        Ok(()) | Err(StoreError::ReadOnly(_)) => {}
        // The file is there; only an undo will not mention it.
        Err(error) => shared.note(
            Level::Warning,
            None,
            format!("the export is not in the journal: {error}"),
        ),
    }
}

/// Writes the datasets of jobs anew, where they have files. A running job does so at its end.
async fn write_datasets(shared: &Shared, jobs: &[JobId]) -> Result<(), Failure> {
    failpoint::pass(Failpoint::Decided);
    for job in shared.store.jobs().await? {
        if jobs.contains(&job.id)
            && shared.running(&job.spec.name).is_none()
            && !shared.store.marks(job.id).await?.is_empty()
        {
            outbox::rebuild(shared, &job).await?;
        }
    }
    Ok(())
}

/// What a person wrote must have the shape the step asks for.
async fn check_schema(shared: &Shared, id: JobId, steps: &[StepAnswer]) -> Result<(), Failure> {
    let jobs = shared.store.jobs().await?;
    let Some(job) = jobs.into_iter().find(|job| job.id == id) else {
        return Ok(());
    };
    for answer in steps {
        let Some(check) = schema_of(shared, &job, &answer.step)? else {
            continue;
        };
        let problems = match &answer.value {
            Some(value) => check.problems(value),
            None => vec!["it is no JSON".to_owned()],
        };
        if !problems.is_empty() {
            let mut failure = Failure::new(
                FailureKind::Invalid,
                format!(
                    "the answer of `{}` has not the shape its schema asks for",
                    answer.step
                ),
            );
            failure.causes = problems;
            return Err(failure);
        }
    }
    Ok(())
}

fn schema_of(shared: &Shared, job: &Job, step: &str) -> Result<Option<Arc<dyn SchemaCheck>>, Failure> {
    let step = job.spec.steps.iter().find(|known| known.name == step);
    let Some(schema) = step.and_then(|step| step.schema.as_ref()) else {
        return Ok(None);
    };
    let check = (shared.compile_schema)(schema)
        .map_err(|error| Failure::new(FailureKind::Invalid, format!("the job's schema: {error}")))?;
    Ok(Some(check))
}
