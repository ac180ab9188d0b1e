//! Writing all files of a dataset anew, in plan order: beside the old ones, synced, then renamed over them, then the manifest. At any
//! moment each name holds either all of the old file or all of the new one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::companions;
use super::files::{
    Found, Replacement, Resting, head_sha256, hex, look, make_directory, remove, set_aside, sync_directory,
};
use super::manifest::{Entry, Manifest, Selected};
use super::projection::{Lines, Projection};
use super::shards;
use super::writer::{Turn, blocking};
use crate::core::arrange::Arrangement;
use crate::core::failpoint::{self, Failpoint};
use crate::core::job::Job;
use crate::core::ports::{DatasetError, DatasetReport, FileMark, SampleSource};
use crate::core::sample::{Sample, answered_by};

/// Writes everything the source gives.
pub(super) async fn rebuild(
    projection: Projection,
    turn: Turn,
    job: &Job,
    source: &mut dyn SampleSource,
) -> Result<(Vec<FileMark>, DatasetReport), DatasetError> {
    let spec = serde_json::to_vec(&job.spec)
        .map_err(|error| DatasetError::Setup(format!("the job cannot be written down: {error}")))?;
    let manifest = Manifest {
        finished: true,
        revision: Some(job.revision),
        spec_sha256: Some(hex(&Sha256::digest(&spec))),
        ..Manifest::unfinished(&job.spec.name, &job.spec.dataset.format)
    };
    let arrangement = source.arrangement();
    let manifest = Manifest {
        selection: arrangement.selection.as_ref().map(Selected::of),
        ..manifest
    };
    let job = job.clone();
    let mut draft = blocking(move || Draft::start(projection, turn, job, manifest, arrangement)).await?;
    loop {
        let page = source.next_page().await?;
        if page.is_empty() {
            return blocking(move || draft.finish()).await;
        }
        draft = blocking(move || draft.add(&page)).await?;
    }
}

/// The new files while they grow.
struct Draft {
    projection: Projection,
    /// Kept until all of it is written, or nobody writes on it any more.
    _turn: Turn,
    job: Job,
    manifest: Manifest,
    arrangement: Arc<Arrangement>,
    files: Vec<Growing>,
    ids: Sha256,
    teachers: BTreeMap<String, u64>,
}

/// A part of the split: the file that grows, and the shards before it.
struct Growing {
    part: String,
    directory: PathBuf,
    /// Most rows of a file.
    most: Option<u64>,
    full: Vec<Whole>,
    file: Open,
}

/// A file that takes rows.
struct Open {
    file: Replacement,
    hasher: Sha256,
    rows: u64,
    bytes: u64,
    last_seq: i64,
}

/// A file that takes no more rows.
struct Whole {
    file: Resting,
    rows: u64,
    bytes: u64,
    sha256: String,
    tail_sha256: String,
    last_seq: i64,
}

impl Open {
    fn start(path: PathBuf) -> Result<Self, DatasetError> {
        Ok(Self {
            file: Replacement::start(path)?,
            hasher: Sha256::new(),
            rows: 0,
            bytes: 0,
            last_seq: 0,
        })
    }

    fn append(&mut self, bytes: &[u8], rows: u64, last_seq: i64) -> Result<(), DatasetError> {
        self.file.append(bytes)?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        self.rows += rows;
        self.last_seq = self.last_seq.max(last_seq);
        Ok(())
    }

    fn close(self) -> Result<Whole, DatasetError> {
        Ok(Whole {
            tail_sha256: self.file.sync(self.bytes)?,
            file: self.file.rest(),
            rows: self.rows,
            bytes: self.bytes,
            sha256: hex(&self.hasher.finalize()),
            last_seq: self.last_seq,
        })
    }
}

impl Growing {
    fn start(directory: &Path, file: &str, most: Option<u64>) -> Result<Self, DatasetError> {
        let part = file.strip_suffix(EXTENSION).unwrap_or(file).to_owned();
        let first = match most {
            Some(_) => shards::growing(&part, 0, "jsonl"),
            None => file.to_owned(),
        };
        Ok(Self {
            part,
            directory: directory.to_owned(),
            most,
            full: Vec::new(),
            file: Open::start(directory.join(first))?,
        })
    }

    fn add(&mut self, lines: &Lines) -> Result<(), DatasetError> {
        let Some(most) = self.most else {
            return self.file.append(&lines.bytes, lines.rows, lines.last_seq);
        };
        let mut rest = &lines.bytes[..];
        while !rest.is_empty() {
            if self.file.rows == most {
                self.next_shard()?;
            }
            // A row is a line, and every line has its end.
            let room = usize::try_from(most - self.file.rows).unwrap_or(usize::MAX);
            let mut ends = rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            let mut rows = 0;
            let end = ends.by_ref().take(room).inspect(|_| rows += 1).last();
            let end = end.map_or(rest.len(), |(at, _)| at + 1);
            let (fits, more) = rest.split_at(end);
            self.file.append(fits, rows, lines.last_seq)?;
            rest = more;
        }
        Ok(())
    }

    /// Closes the file that is full and begins the next one.
    fn next_shard(&mut self) -> Result<(), DatasetError> {
        let name = shards::growing(&self.part, self.full.len() + 1, "jsonl");
        let next = Open::start(self.directory.join(name))?;
        let full = std::mem::replace(&mut self.file, next);
        self.full.push(full.close()?);
        Ok(())
    }

    /// All files of the part, with the names they are to have.
    fn finish(self) -> Result<Vec<(String, Whole)>, DatasetError> {
        let mut all = self.full;
        all.push(self.file.close()?);
        let count = all.len();
        let named = all.into_iter().enumerate().map(|(at, mut whole)| {
            let name = match self.most {
                None => format!("{}{EXTENSION}", self.part),
                Some(_) => shards::name(&self.part, at, count, "jsonl"),
            };
            whole.file.aim(self.directory.join(&name));
            (name, whole)
        });
        Ok(named.collect())
    }
}

/// The end of every file's name.
const EXTENSION: &str = ".jsonl";

impl Draft {
    fn start(
        projection: Projection,
        turn: Turn,
        job: Job,
        manifest: Manifest,
        arrangement: Arc<Arrangement>,
    ) -> Result<Self, DatasetError> {
        make_directory(&projection.directory)?;
        let most = projection.dataset.shard_rows;
        let parts: Vec<&str> = projection
            .files
            .iter()
            .filter_map(|file| file.strip_suffix(EXTENSION))
            .collect();
        shards::drop_unfinished(&projection.directory, &parts)?;
        let files = projection
            .files
            .iter()
            .map(|name| Growing::start(&projection.directory, name, most))
            .collect::<Result<_, DatasetError>>()?;
        Ok(Self {
            projection,
            _turn: turn,
            job,
            manifest,
            arrangement,
            files,
            ids: Sha256::new(),
            teachers: BTreeMap::new(),
        })
    }

    fn add(mut self, page: &[Sample]) -> Result<Self, DatasetError> {
        failpoint::reach(Failpoint::RebuildGrowing)?;
        let lines = self.projection.lines(page, &self.arrangement)?;
        for (growing, lines) in self.files.iter_mut().zip(lines) {
            growing.add(&lines)?;
        }
        for sample in page {
            self.ids.update(sample.id.0.as_bytes());
            self.ids.update(b"\n");
            if let Some(teacher) = answered_by(&sample.steps) {
                *self.teachers.entry(teacher.to_owned()).or_default() += 1;
            }
        }
        Ok(self)
    }

    fn finish(self) -> Result<(Vec<FileMark>, DatasetReport), DatasetError> {
        let directory = self.projection.directory;
        let mut marks = Vec::with_capacity(self.files.len());
        let mut manifest = self.manifest;
        let mut replacements = Vec::with_capacity(self.files.len());
        let parts: Result<Vec<_>, DatasetError> = self.files.into_iter().map(Growing::finish).collect();
        for (file, whole) in parts?.into_iter().flatten() {
            marks.push(FileMark {
                file: file.clone(),
                last_seq: whole.last_seq,
                bytes: whole.bytes,
                rows: whole.rows,
                tail_sha256: whole.tail_sha256,
            });
            manifest.files.push(Entry {
                file,
                rows: whole.rows,
                bytes: whole.bytes,
                sha256: whole.sha256,
            });
            replacements.push(whole.file);
        }
        manifest.rows = marks.iter().map(|mark| mark.rows).sum();
        manifest.ids_sha256 = Some(hex(&self.ids.finalize()));
        manifest.teachers = self.teachers;
        failpoint::reach(Failpoint::RebuildSynced)?;
        keep_edits(&directory, &manifest, &self.projection.files)?;
        let companions = companions::stage(&directory, &self.job, &mut manifest)?;
        replacements.extend(companions.into_iter().map(Replacement::rest));
        // Durable before the first rename: a crash in between leaves the proof that the new files are ours.
        let list = manifest.prepare(&directory)?;
        sync_directory(&directory)?;
        failpoint::reach(Failpoint::ManifestPrepared)?;
        for replacement in replacements {
            replacement.replace()?;
            failpoint::reach(Failpoint::FileReplaced)?;
        }
        sync_directory(&directory)?;
        list.replace()?;
        sync_directory(&directory)?;
        failpoint::reach(Failpoint::ManifestReplaced)?;
        let files = manifest.files.into_iter();
        let files = files
            .map(|entry| (entry.file, entry.rows, entry.bytes, entry.sha256))
            .collect();
        Ok((marks, DatasetReport { directory, files }))
    }
}

/// Sets aside what differs from the last finished manifest (rows appended since are ours), and removes files it lists that are no
/// longer part of the dataset, as those are that a rebuild listed which never came to its end.
fn keep_edits(directory: &Path, new: &Manifest, appended: &[String]) -> Result<(), DatasetError> {
    let last = Manifest::read(directory).filter(|last| last.job == new.job);
    if last.as_ref().is_some_and(|last| !last.finished) {
        // Files that only grew so far have names of their own: where they are shards from now on, nothing would replace them.
        for file in appended.iter().filter(|file| new.entry(file).is_none()) {
            remove(&directory.join(file))?;
        }
    }
    let last = last.filter(|last| last.finished);
    let known = Manifest::candidates(directory);
    let of_this_job = known.iter().filter(|manifest| manifest.job == new.job);
    let names: BTreeSet<&str> = of_this_job
        .flat_map(|manifest| &manifest.files)
        .map(|entry| entry.file.as_str())
        .collect();
    for name in names {
        let path = directory.join(name);
        // A manifest is a file like any other: its names must stay inside the directory.
        let inside = path.file_name().is_some_and(|last| *last == *name);
        let Found::File(bytes) = (if inside { look(&path)? } else { Found::Missing }) else {
            continue;
        };
        let finished = last.as_ref().and_then(|last| last.entry(name));
        // What a finished dataset lists may have been cut or have grown since; what a rebuild broke off is whole, or not known.
        let mut ours = finished.is_some_and(|entry| bytes < entry.bytes);
        for manifest in &known {
            let listed = manifest.entry(name);
            let whole = |entry: &&Entry| manifest.job == new.job && entry.bytes == bytes;
            if let Some(listed) = listed.filter(|entry| finished.is_some() || whole(entry)) {
                ours |= head_sha256(&path, listed.bytes)?.as_ref() == Some(&listed.sha256);
            }
        }
        if ours && new.entry(name).is_none() {
            remove(&path)?;
        } else if !ours && finished.is_some() {
            set_aside(&path)?;
        }
    }
    Ok(())
}
