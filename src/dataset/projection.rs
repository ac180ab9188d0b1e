//! What a job's dataset is made of: its directory, its file names, and the pure step from samples to the bytes of each file.

use std::path::{Path, PathBuf};

use crate::core::arrange::Arrangement;
use crate::core::catalog::PlugError;
use crate::core::job::{DatasetSpec, JobSpec};
use crate::core::ports::{DatasetError, Format};
use crate::core::sample::Sample;

use super::CATALOG;
use crate::core::plan::split_of;

/// A job's dataset as it should be on disk.
pub(super) struct Projection {
    /// The job's directory.
    pub(super) directory: PathBuf,
    /// The job's name.
    pub(super) job: String,
    /// Names of all files, in the order of the split.
    pub(super) files: Vec<String>,
    /// What the job says about it.
    pub(super) dataset: DatasetSpec,
    random_seed: u64,
    format: Box<dyn Format>,
}

/// Lines for one file.
#[derive(Default)]
pub(super) struct Lines {
    /// Whole lines.
    pub(super) bytes: Vec<u8>,
    /// How many.
    pub(super) rows: u64,
    /// The last place in the order of acceptance among them.
    pub(super) last_seq: i64,
}

impl Projection {
    /// Checks names and builds the format.
    pub(super) fn new(root: &Path, spec: &JobSpec) -> Result<Self, DatasetError> {
        let dataset = spec.dataset.clone();
        let format = CATALOG
            .find(&dataset.format)
            .and_then(|entry| (entry.build)(&dataset, spec))
            .map_err(|PlugError { message, .. }| DatasetError::Setup(message))?;
        let names = if dataset.split.is_empty() {
            vec![split_of(&dataset, 0, 0)]
        } else {
            dataset.split.iter().map(|(name, _)| name.as_str()).collect()
        };
        let mut files = Vec::with_capacity(names.len());
        for name in names {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
                let what = format!("{name:?} cannot be a split's name; use letters, digits, - and _");
                return Err(DatasetError::Setup(what));
            }
            files.push(format!("{name}.{}", format.extension()));
        }
        Ok(Self {
            directory: directory_of(root, &spec.name)?,
            job: spec.name.clone(),
            files,
            dataset,
            random_seed: spec.random_seed,
            format,
        })
    }

    /// The lines of each file, in the order of the samples; nothing is written.
    pub(super) fn lines(
        &self,
        samples: &[Sample],
        arrangement: &Arrangement,
    ) -> Result<Vec<Lines>, DatasetError> {
        let mut files: Vec<Lines> = self.files.iter().map(|_| Lines::default()).collect();
        for sample in samples {
            let name = arrangement.part(&self.dataset, self.random_seed, sample);
            let file = self
                .dataset
                .split
                .iter()
                .position(|(known, _)| known == name)
                .unwrap_or_default();
            let lines = &mut files[file];
            self.format
                .write(sample, &mut lines.bytes)
                .map_err(|error| DatasetError::Setup(error.to_string()))?;
            lines.rows += 1;
            lines.last_seq = lines.last_seq.max(sample.seq.unwrap_or_default());
        }
        Ok(files)
    }
}

/// The directory of a job's dataset. The name was checked when the job was read; a path that leaves the root is refused all the same.
pub(super) fn directory_of(root: &Path, job: &str) -> Result<PathBuf, DatasetError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if job.is_empty() || job.len() > 64 || !job.bytes().all(plain) {
        let what = format!("{job:?} cannot be a directory's name; a job's name is [a-z0-9-]{{1,64}}");
        return Err(DatasetError::Setup(what));
    }
    Ok(root.join(job))
}
