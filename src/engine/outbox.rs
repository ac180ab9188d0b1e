//! The outbox: brings the dataset's files up to date with the ledger, in the background while a job runs and exactly at its end.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use super::Shared;
use super::running::Running;
use super::walk::Walk;
use crate::core::api::{Failure, FailureKind, Level};
use crate::core::arrange::{Arrangement, Arranger};
use crate::core::failpoint::{self, Failpoint};
use crate::core::job::{Job, JobId};
use crate::core::ports::{
    DatasetError, DatasetReport, FileMark, SampleFilter, SampleOrder, SampleSource, Store, StoreError, Stored,
};
use crate::core::sample::{Sample, SampleState};
use crate::core::text::grouped;

/// Time between two appends: files follow closely enough to look at, and large batches cost less.
const EVERY: Duration = Duration::from_secs(2);
/// Samples per append: each is synced and marked.
const APPEND: usize = 512;
/// Time between two of these while the job runs: requests on the wire come first.
const BREATH: Duration = Duration::from_millis(20);
/// Samples per page of a dataset that is written anew.
const PAGE: usize = 32;

/// Appends accepted samples every two seconds, for as long as it is polled.
pub(super) async fn follow(shared: Arc<Shared>, job: Arc<Running>) {
    loop {
        job.accepted.notified().await;
        sleep(EVERY).await;
        if is_arranged(&shared, &job.job) {
            // It is written at the next stop, when it is known what belongs into it.
            continue;
        }
        // Files that are not as they were left are written anew at the next stop too: while samples come in, no page of the plan is
        // sure to have all that were accepted before the last one of another page.
        if let Err(error) = append_to(&shared, &job.job, BREATH).await {
            shared.note_once(&job.spec.name, format!("the dataset's files wait: {error}"));
        }
    }
}

/// Brings the files of a job to where the ledger is, in the order of acceptance; anew, where something was decided since about what
/// is in them.
pub(super) async fn append(shared: &Shared, job: &Job) -> Result<(), DatasetError> {
    let behind = are_behind(shared, job).await?;
    if !behind && is_arranged(shared, job) {
        return arrange_anew(shared, job).await;
    }
    if behind || !append_to(shared, job, Duration::ZERO).await? {
        rebuild(shared, job).await?;
    }
    Ok(())
}

/// Whether a job's dataset is arranged anew whenever it is written, so that nothing can be appended to it. Shards are named after how
/// many there are.
fn is_arranged(shared: &Shared, job: &Job) -> bool {
    job.spec.dataset.shard_rows.is_some() || Arranger::of(&job.spec, shared.near_groups).is_some()
}

/// Writes an arranged dataset anew if something was accepted since.
async fn arrange_anew(shared: &Shared, job: &Job) -> Result<(), DatasetError> {
    let marks = shared.store.marks(job.id).await?;
    let after = marks.iter().map(|mark| mark.last_seq).max().unwrap_or(0);
    let accepted = accepted(job.id);
    let more = shared
        .store
        .samples(&accepted, SampleOrder::Accepted { after }, 1)
        .await?;
    if !more.is_empty() {
        rebuild(shared, job).await?;
    }
    Ok(())
}

/// How a job's accepted samples lie in its dataset, of those that were accepted up to that place.
pub(super) async fn arrangement(shared: &Shared, job: &Job, up_to: i64) -> Stored<Arc<Arrangement>> {
    let Some(mut arranger) = Arranger::of(&job.spec, shared.near_groups) else {
        return Ok(Arc::default());
    };
    let mut walk = Walk::all(accepted(job.id));
    while let Some(page) = walk.page(shared).await? {
        let known = page
            .iter()
            .filter(|sample| sample.seq.is_some_and(|seq| seq <= up_to));
        known.for_each(|sample| arranger.see(sample));
    }
    Ok(Arc::new(arranger.arrange()))
}

/// All accepted samples of a job.
pub(super) fn accepted(job: JobId) -> SampleFilter {
    SampleFilter {
        job: Some(job),
        states: vec![SampleState::Accepted],
        ..SampleFilter::default()
    }
}

/// Appends what was accepted since the last time; `false`: the files are not as they were left.
async fn append_to(shared: &Shared, job: &Job, breath: Duration) -> Result<bool, DatasetError> {
    let mut marks = shared.store.marks(job.id).await?;
    shared.store.is_ours()?;
    if !shared.dataset.recover(&job.spec, &marks).await? {
        return Ok(false);
    }
    let filter = accepted(job.id);
    loop {
        shared.store.is_ours()?;
        let after = marks.iter().map(|mark| mark.last_seq).max().unwrap_or(0);
        let samples = shared
            .store
            .samples(&filter, SampleOrder::Accepted { after }, APPEND)
            .await?;
        let Some(last) = samples.last().and_then(|sample| sample.seq) else {
            return Ok(true);
        };
        marks = shared.dataset.append(&job.spec, &marks, samples).await?;
        advance(&mut marks, last);
        failpoint::reach(Failpoint::AppendSynced)?;
        shared.store.set_marks(job.id, &marks, None).await?;
        failpoint::pass(Failpoint::AppendMarked);
        sleep(breath).await;
    }
}

/// Every file is at the same place in the order of acceptance, whichever part of the split the last sample went to.
fn advance(marks: &mut [FileMark], last: i64) {
    for mark in marks {
        mark.last_seq = mark.last_seq.max(last);
    }
}

/// Writes the dataset anew in plan order, with its manifest.
pub(super) async fn rebuild(shared: &Shared, job: &Job) -> Result<DatasetReport, DatasetError> {
    // What is decided while the samples are read counts as not written.
    let decisions = shared.store.decisions(job.id).await?.made;
    let mut source = AcceptedInOrder::new(shared, job, i64::MAX).await?;
    shared.store.is_ours()?;
    let (mut marks, report) = shared.dataset.rebuild(job, &mut source).await?;
    told(shared, job, &source.arrangement);
    advance(&mut marks, source.last_seq);
    failpoint::reach(Failpoint::RebuildUnmarked)?;
    shared.store.set_marks(job.id, &marks, Some(decisions)).await?;
    Ok(report)
}

/// Says what of the accepted samples is not in the dataset, and why.
fn told(shared: &Shared, job: &Job, arrangement: &Arrangement) {
    let Some(selection) = &arrangement.selection else {
        return;
    };
    let left_out = selection.left_out.iter();
    let words: Vec<String> = left_out
        .map(|(why, count)| format!("{} by {}", grouped(*count), why.word()))
        .collect();
    if !words.is_empty() {
        let (held, all) = (grouped(selection.len()), grouped(selection.accepted));
        let text = format!(
            "{held} of {all} accepted samples are in the dataset; left out: {}",
            words.join(", ")
        );
        shared.note(Level::Ok, Some(&job.spec.name), text);
    }
}

/// The files of a job that is cancelled while it stands still, as a run leaves them at its end.
pub(super) async fn finish(shared: &Shared, job: &Job) {
    let begun = shared
        .store
        .marks(job.id)
        .await
        .is_ok_and(|marks| !marks.is_empty());
    if begun && let Err(error) = rebuild(shared, job).await {
        let text = format!("the dataset could not be written: {error}");
        shared.note(Level::Error, Some(&job.spec.name), text);
    }
}

/// Whether a job has files that do not hold what was decided about their samples.
async fn are_behind(shared: &Shared, job: &Job) -> Result<bool, StoreError> {
    Ok(!shared.store.decisions(job.id).await?.are_written() && !shared.store.marks(job.id).await?.is_empty())
}

/// Writes the files anew that a process left behind the ledger when it died between a decision and its dataset.
pub(super) async fn catch_up(shared: &Shared, job: &Job) -> Result<(), DatasetError> {
    if are_behind(shared, job).await? {
        rebuild(shared, job).await?;
    }
    Ok(())
}

/// The samples of a job's dataset in plan order. The next page is read while the last one is written.
pub(super) struct AcceptedInOrder {
    store: Arc<dyn Store>,
    tracker: TaskTracker,
    job: JobId,
    next: JoinHandle<Stored<Vec<Sample>>>,
    last_seq: i64,
    arrangement: Arc<Arrangement>,
}

impl AcceptedInOrder {
    /// From the first on, arranged as they were when that place in the order of acceptance was the last.
    pub(super) async fn new(shared: &Shared, job: &Job, up_to: i64) -> Stored<Self> {
        let arrangement = arrangement(shared, job, up_to).await?;
        let (store, tracker) = (Arc::clone(&shared.store), shared.tracker.clone());
        let next = read(&store, &tracker, job.id, None);
        Ok(Self {
            store,
            tracker,
            job: job.id,
            next,
            last_seq: 0,
            arrangement,
        })
    }
}

/// Starts to read the page after that place.
fn read(
    store: &Arc<dyn Store>,
    tracker: &TaskTracker,
    job: JobId,
    after: Option<(u64, u32)>,
) -> JoinHandle<Stored<Vec<Sample>>> {
    let store = Arc::clone(store);
    tracker.spawn(async move {
        let filter = accepted(job);
        store.samples(&filter, SampleOrder::Plan { after }, PAGE).await
    })
}

#[async_trait]
impl SampleSource for AcceptedInOrder {
    async fn next_page(&mut self) -> Stored<Vec<Sample>> {
        loop {
            let mut page = (&mut self.next)
                .await
                .map_err(|error| StoreError::Broken(error.to_string()))??;
            let Some(last) = page.last() else { return Ok(page) };
            let after = Some((last.task.index, last.candidate));
            self.next = read(&self.store, &self.tracker, self.job, after);
            self.last_seq = page
                .iter()
                .filter_map(|sample| sample.seq)
                .fold(self.last_seq, i64::max);
            page.retain(|sample| self.arrangement.holds(sample));
            // A page of which nothing is in the dataset is not the end.
            if !page.is_empty() {
                return Ok(page);
            }
        }
    }

    fn arrangement(&self) -> Arc<Arrangement> {
        Arc::clone(&self.arrangement)
    }
}

impl From<DatasetError> for Failure {
    fn from(error: DatasetError) -> Self {
        match error {
            DatasetError::Store(error) => error.into(),
            DatasetError::Setup(message) => Self::new(FailureKind::Invalid, message),
            DatasetError::Disk(message) => Self::new(FailureKind::Unexpected, message)
                .help("free some space, or choose another dataset_root"),
        }
    }
}
