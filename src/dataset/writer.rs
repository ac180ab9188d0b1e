//! [`FilesystemDatasetWriter`]: dataset files on disk, exact after any crash. The protocol is storage.md's "JSONL ↔ DB consistency":
//! a batch is one write and one sync before its marks are committed; what is past a mark is cut, what differs is written again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::files::{
    self, Found, cut, directory_exists, length, look, make_directory, open_to_append, set_aside,
    sync_directory, tail_sha256,
};
use super::manifest::{self, Manifest};
use super::projection::{Lines, Projection, directory_of};
use super::{audit, rebuild, verify};
use crate::core::arrange::Arrangement;
use crate::core::failpoint::{self, Failpoint};
use crate::core::job::{Job, JobSpec};
use crate::core::ports::{
    DatasetError, DatasetLines, DatasetReport, DatasetWriter, FileMark, PendingFile, SampleSource,
    VerifiedDataset,
};
use crate::core::sample::Sample;

/// Writes `<root>/<job name>/<split>.jsonl` and `manifest.json`. Whoever uses it holds the database's lock, so that two processes
/// never write one dataset. After an error of [`DatasetWriter::append`], [`DatasetWriter::recover`] comes before the next one.
#[derive(Debug, Clone)]
pub struct FilesystemDatasetWriter {
    root: PathBuf,
    turns: Turns,
}

/// Whose turn it is to write a job's files, by the job's name. Work on a blocking thread goes on when nobody waits for it any more (a run
/// that ends drops its outbox): it keeps its turn to its end, so that nothing is written over what came after it.
#[derive(Debug, Clone, Default)]
struct Turns(Arc<Mutex<BTreeMap<String, Arc<AsyncMutex<()>>>>>);

/// Held by whoever writes, within the work itself.
pub(super) type Turn = OwnedMutexGuard<()>;

impl Turns {
    async fn next(&self, job: &str) -> Turn {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(job.to_owned()).or_default())
        };
        turn.lock_owned().await
    }
}

impl FilesystemDatasetWriter {
    /// A writer below that directory, which is made when the first dataset is.
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            turns: Turns::default(),
        }
    }

    fn projection(&self, job: &JobSpec) -> Result<Projection, DatasetError> {
        Projection::new(&self.root, job)
    }
}

/// Runs file work where it may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DatasetError> + Send + 'static,
) -> Result<T, DatasetError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| DatasetError::Disk(format!("writing the dataset broke off: {error}")))?
}

#[async_trait]
impl DatasetWriter for FilesystemDatasetWriter {
    fn create(&self, path: &Path) -> std::io::Result<Box<dyn PendingFile>> {
        super::pending::create(path)
    }

    fn create_shards(&self, path: &Path, rows: u64) -> std::io::Result<Box<dyn PendingFile>> {
        super::shards::create(path, rows)
    }

    fn open(&self, path: &Path) -> std::io::Result<DatasetLines> {
        super::pending::open(path)
    }

    fn directory(&self, job: &JobSpec) -> PathBuf {
        directory_of(&self.root, &job.name).unwrap_or_else(|_| self.root.clone())
    }

    async fn try_out(&self, job: &JobSpec) -> Result<(), DatasetError> {
        let directory = directory_of(&self.root, &job.name)?;
        blocking(move || files::try_out(&directory)).await
    }

    async fn recover(&self, job: &JobSpec, marks: &[FileMark]) -> Result<bool, DatasetError> {
        let projection = self.projection(job)?;
        let marks = marks.to_vec();
        let turn = self.turns.next(&job.name).await;
        blocking(move || {
            let _turn = turn;
            recover(&projection, &marks)
        })
        .await
    }

    async fn append(
        &self,
        job: &JobSpec,
        marks: &[FileMark],
        samples: Vec<Sample>,
    ) -> Result<Vec<FileMark>, DatasetError> {
        let projection = self.projection(job)?;
        let marks = marks.to_vec();
        let turn = self.turns.next(&job.name).await;
        blocking(move || {
            let _turn = turn;
            append(&projection, &marks, &samples)
        })
        .await
    }

    async fn rebuild(
        &self,
        job: &Job,
        source: &mut dyn SampleSource,
    ) -> Result<(Vec<FileMark>, DatasetReport), DatasetError> {
        let projection = self.projection(&job.spec)?;
        let turn = self.turns.next(&job.spec.name).await;
        rebuild::rebuild(projection, turn, job, source).await
    }

    async fn audit(
        &self,
        job: &Job,
        marks: &[FileMark],
        source: &mut dyn SampleSource,
    ) -> Result<Vec<String>, DatasetError> {
        audit::audit(self.projection(&job.spec)?, job, marks.to_vec(), source).await
    }

    async fn remove(&self, job: &JobSpec) -> Result<(), DatasetError> {
        let directory = directory_of(&self.root, &job.name)?;
        let turn = self.turns.next(&job.name).await;
        blocking(move || {
            let _turn = turn;
            files::remove_directory(&directory)
        })
        .await
    }

    async fn verify(&self, directory: &Path) -> Result<VerifiedDataset, DatasetError> {
        let directory = directory.to_owned();
        blocking(move || verify::verify(&directory)).await
    }
}

/// A file without rows yet.
fn unmarked(file: &str) -> FileMark {
    FileMark {
        file: file.to_owned(),
        last_seq: 0,
        bytes: 0,
        rows: 0,
        tail_sha256: files::hex(&<sha2::Sha256 as sha2::Digest>::digest(b"")),
    }
}

fn mark_of<'a>(marks: &'a [FileMark], file: &str) -> Option<&'a FileMark> {
    marks.iter().find(|mark| mark.file == file)
}

// ------------------------------------------------------------------------------------------------------------------- recover

fn recover(projection: &Projection, marks: &[FileMark]) -> Result<bool, DatasetError> {
    if !directory_exists(&projection.directory)? {
        return Ok(marks.iter().all(|mark| mark.bytes == 0));
    }
    let manifests = Manifest::candidates(&projection.directory);
    let mut whole = true;
    for file in &projection.files {
        let path = projection.directory.join(file);
        drop_unfinished(&path)?;
        whole &= match mark_of(marks, file) {
            Some(mark) => recover_marked(&path, mark, &manifests)?,
            // A split gained a file: rows of the others may belong there.
            None => recover_unmarked(projection, &path, &manifests)? && marks.is_empty(),
        };
    }
    for mark in marks {
        if !projection.files.contains(&mark.file) {
            retire(&projection.directory.join(&mark.file), mark, &manifests)?;
            whole = false;
        }
    }
    sync_directory(&projection.directory)?;
    Ok(whole)
}

/// What an interrupted rebuild left beside a file. (The manifest's stays: it tells which of the files are already new.)
fn drop_unfinished(path: &Path) -> Result<(), DatasetError> {
    let path = files::beside(path);
    match look(&path)? {
        Found::File(_) => files::remove(&path),
        _ => Ok(()),
    }
}

fn recover_marked(path: &Path, mark: &FileMark, manifests: &[Manifest]) -> Result<bool, DatasetError> {
    match look(path)? {
        Found::Missing | Found::File(0) => return Ok(mark.bytes == 0),
        Found::Directory | Found::Other => {
            set_aside(path)?;
            return Ok(mark.bytes == 0);
        }
        Found::File(_) => {}
    }
    let file = open_to_append(path)?;
    let bytes = length(path, &file)?;
    if goes_on(path, &file, mark)? {
        if bytes > mark.bytes {
            cut(path, &file, mark.bytes)?;
            failpoint::reach(Failpoint::FileCut)?;
        }
        return Ok(true);
    }
    // Not what we wrote last. A rebuild that was interrupted before its marks were committed is ours; all else is kept.
    if !is_listed(path, &mark.file, bytes, manifests)? {
        set_aside(path)?;
    }
    Ok(false)
}

/// A file the ledger knows nothing about. In a directory we are still writing it is what a crash left of the first batch.
fn recover_unmarked(
    projection: &Projection,
    path: &Path,
    manifests: &[Manifest],
) -> Result<bool, DatasetError> {
    let ours = manifests
        .first()
        .is_some_and(|manifest| !manifest.finished && manifest.job == projection.job);
    match look(path)? {
        Found::Missing | Found::File(0) => {}
        Found::File(_) if ours => {
            cut(path, &open_to_append(path)?, 0)?;
            failpoint::reach(Failpoint::FileCut)?;
        }
        _ => {
            // Made by hand or by another database: its rows were paid for, too.
            set_aside(path)?;
            let manifest = projection.directory.join(manifest::NAME);
            if !ours && !matches!(look(&manifest)?, Found::Missing) {
                set_aside(&manifest)?;
            }
        }
    }
    Ok(true)
}

/// Takes away a file that is no longer part of the split; somebody else's is kept aside.
fn retire(path: &Path, mark: &FileMark, manifests: &[Manifest]) -> Result<(), DatasetError> {
    let bytes = match look(path)? {
        Found::Missing => return Ok(()),
        Found::Directory | Found::Other => return set_aside(path).map(drop),
        Found::File(bytes) => bytes,
    };
    let known =
        bytes >= mark.bytes && tail_sha256(path, &files::open(path)?, mark.bytes)? == mark.tail_sha256;
    if known || is_listed(path, &mark.file, bytes, manifests)? {
        return files::remove(path);
    }
    set_aside(path).map(drop)
}

/// Whether a manifest describes exactly these bytes.
fn is_listed(path: &Path, file: &str, bytes: u64, manifests: &[Manifest]) -> Result<bool, DatasetError> {
    for entry in manifests.iter().filter_map(|manifest| manifest.entry(file)) {
        if entry.bytes == bytes && files::head_sha256(path, bytes)?.as_ref() == Some(&entry.sha256) {
            return Ok(true);
        }
    }
    Ok(false)
}

// -------------------------------------------------------------------------------------------------------------------- append

fn append(
    projection: &Projection,
    marks: &[FileMark],
    samples: &[Sample],
) -> Result<Vec<FileMark>, DatasetError> {
    // Where an arrangement is needed, nothing is appended.
    let batch = projection.lines(samples, &Arrangement::default())?;
    make_directory(&projection.directory)?;
    failpoint::reach(Failpoint::DirectoryMade)?;
    if marks.iter().all(|mark| mark.bytes == 0) {
        claim(projection)?;
    }
    let before: Vec<FileMark> = projection
        .files
        .iter()
        .map(|file| mark_of(marks, file).cloned().unwrap_or_else(|| unmarked(file)))
        .collect();
    let mut after = Vec::with_capacity(before.len());
    for (mark, lines) in before.iter().zip(&batch) {
        match append_file(&projection.directory, mark, lines) {
            Ok(mark) => after.push(mark),
            Err(error) => {
                // Those before it and its own part; what comes after was not touched.
                give_back(&projection.directory, &before[..=after.len()]);
                return Err(error);
            }
        }
    }
    Ok(after)
}

/// Says in the directory whose it is, before the first row: what a crash leaves of it may then be cut.
fn claim(projection: &Projection) -> Result<(), DatasetError> {
    let unfinished = Manifest::unfinished(&projection.job, &projection.dataset.format);
    if Manifest::read(&projection.directory).as_ref() != Some(&unfinished) {
        unfinished.write(&projection.directory)?;
    }
    failpoint::reach(Failpoint::DirectoryClaimed)?;
    Ok(())
}

fn append_file(directory: &Path, mark: &FileMark, lines: &Lines) -> Result<FileMark, DatasetError> {
    if lines.rows == 0 {
        return Ok(mark.clone());
    }
    let path = directory.join(&mark.file);
    let file = open_to_append(&path)?;
    let found = length(&path, &file)?;
    if !goes_on(&path, &file, mark)? {
        let what = "is not what was written last: somebody changed it, and it must be written again";
        return Err(files::disk(&path, &std::io::Error::other(what)));
    }
    if found > mark.bytes {
        cut(&path, &file, mark.bytes)?;
    }
    failpoint::reach(Failpoint::AppendStarted)?;
    let write = |bytes: &[u8]| files::write_on(&path, &file, bytes);
    if failpoint::is_armed() {
        let (half, rest) = lines.bytes.split_at(lines.bytes.len() / 2);
        write(half)?;
        failpoint::reach(Failpoint::AppendTorn)?;
        write(rest)?;
    } else {
        write(&lines.bytes)?;
    }
    failpoint::reach(Failpoint::AppendWritten)?;
    file.sync_data().map_err(|error| files::disk(&path, &error))?;
    if mark.bytes == 0 {
        sync_directory(directory)?;
    }
    let bytes = mark.bytes + lines.bytes.len() as u64;
    Ok(FileMark {
        file: mark.file.clone(),
        last_seq: mark.last_seq.max(lines.last_seq),
        bytes,
        rows: mark.rows + lines.rows,
        tail_sha256: tail_sha256(&path, &file, bytes)?,
    })
}

/// Whether a file is what the mark says up to there: nothing is cut but what follows our own last bytes, as the marks may be of before a
/// rebuild.
fn goes_on(path: &Path, file: &std::fs::File, mark: &FileMark) -> Result<bool, DatasetError> {
    Ok(length(path, file)? >= mark.bytes && tail_sha256(path, file, mark.bytes)? == mark.tail_sha256)
}

/// After a failed batch: what got onto the disk is cut, so that a full disk has its room back. Failing here loses nothing, because
/// the next start cuts it too.
fn give_back(directory: &Path, marks: &[FileMark]) {
    for mark in marks {
        let path = directory.join(&mark.file);
        if matches!(look(&path), Ok(Found::File(bytes)) if bytes > mark.bytes) {
            let _ = open_to_append(&path).and_then(|file| {
                if goes_on(&path, &file, mark)? {
                    cut(&path, &file, mark.bytes)?;
                }
                Ok(())
            });
        }
    }
}
