//! Writing all files of a dataset anew, in plan order: beside the old ones, synced, then renamed over them, then the manifest. At any
//! moment each name holds either all of the old file or all of the new one.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::companions;
use super::files::{
    Found, Replacement, head_sha256, hex, look, make_directory, remove, set_aside, sync_directory,
};
use super::manifest::{Entry, Manifest, Selected};
use super::projection::Projection;
use super::writer::blocking;
use crate::core::arrange::Arrangement;
use crate::core::failpoint::{self, Failpoint};
use crate::core::job::Job;
use crate::core::ports::{DatasetError, DatasetReport, FileMark, SampleSource};
use crate::core::sample::{Sample, answered_by};

/// Writes everything the source gives.
pub(super) async fn rebuild(
    projection: Projection,
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
    let mut draft = blocking(move || Draft::start(projection, job, manifest, arrangement)).await?;
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
    job: Job,
    manifest: Manifest,
    arrangement: Arc<Arrangement>,
    files: Vec<Growing>,
    ids: Sha256,
    teachers: BTreeMap<String, u64>,
}

struct Growing {
    file: Replacement,
    hasher: Sha256,
    rows: u64,
    bytes: u64,
    last_seq: i64,
}

impl Draft {
    fn start(
        projection: Projection,
        job: Job,
        manifest: Manifest,
        arrangement: Arc<Arrangement>,
    ) -> Result<Self, DatasetError> {
        make_directory(&projection.directory)?;
        let files = projection
            .files
            .iter()
            .map(|name| {
                Ok(Growing {
                    file: Replacement::start(projection.directory.join(name))?,
                    hasher: Sha256::new(),
                    rows: 0,
                    bytes: 0,
                    last_seq: 0,
                })
            })
            .collect::<Result<_, DatasetError>>()?;
        Ok(Self {
            projection,
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
            growing.file.append(&lines.bytes)?;
            growing.hasher.update(&lines.bytes);
            growing.bytes += lines.bytes.len() as u64;
            growing.rows += lines.rows;
            growing.last_seq = growing.last_seq.max(lines.last_seq);
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
        for (growing, file) in self.files.into_iter().zip(&self.projection.files) {
            marks.push(FileMark {
                file: file.clone(),
                last_seq: growing.last_seq,
                bytes: growing.bytes,
                rows: growing.rows,
                tail_sha256: growing.file.sync(growing.bytes)?,
            });
            manifest.files.push(Entry {
                file: file.clone(),
                rows: growing.rows,
                bytes: growing.bytes,
                sha256: hex(&growing.hasher.finalize()),
            });
            replacements.push(growing.file);
        }
        manifest.rows = marks.iter().map(|mark| mark.rows).sum();
        manifest.ids_sha256 = Some(hex(&self.ids.finalize()));
        manifest.teachers = self.teachers;
        failpoint::reach(Failpoint::RebuildSynced)?;
        keep_edits(&directory, &manifest)?;
        replacements.extend(companions::stage(&directory, &self.job, &mut manifest)?);
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
/// longer part of the dataset.
fn keep_edits(directory: &std::path::Path, new: &Manifest) -> Result<(), DatasetError> {
    let last = Manifest::read(directory).filter(|last| last.finished && last.job == new.job);
    let known = Manifest::candidates(directory);
    for entry in last.iter().flat_map(|manifest| &manifest.files) {
        let path = directory.join(&entry.file);
        // A manifest is a file like any other: its names must stay inside the directory.
        let Some(name) = path.file_name().filter(|name| **name == *entry.file) else {
            continue;
        };
        let Found::File(bytes) = look(&path)? else {
            continue;
        };
        let others = known.iter().filter_map(|manifest| manifest.entry(&entry.file));
        let mut ours = bytes < entry.bytes;
        for listed in others {
            ours |= head_sha256(&path, listed.bytes)?.as_ref() == Some(&listed.sha256);
        }
        if !ours {
            set_aside(&path)?;
        } else if new.entry(&name.to_string_lossy()).is_none() {
            remove(&path)?;
        }
    }
    Ok(())
}
