//! `manifest.json`: what a dataset directory holds, byte for byte. It has no times in it, so that the same samples give the same
//! manifest.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::files::{Found, Replacement, beside, disk, look, open, sync_directory};
use crate::core::ports::DatasetError;
use crate::core::selection::Selection;

/// Its file name.
pub(super) const NAME: &str = "manifest.json";
const SCHEMA_VERSION: u32 = 1;
/// Larger ones are not ours.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What a dataset directory holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Version of this format.
    pub(super) schema_version: u32,
    /// Program and version that wrote it.
    pub(super) created_by: String,
    /// The job's name.
    pub(super) job: String,
    /// Revision of the job; none while the dataset is being appended to for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) revision: Option<u32>,
    /// SHA-256 (hex) of the job in its normal form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) spec_sha256: Option<String>,
    /// The format.
    pub(super) format: String,
    /// Whether `files` is complete. Until then the directory belongs to a job that is still writing it.
    pub(super) finished: bool,
    /// Rows in all files.
    pub(super) rows: u64,
    /// SHA-256 (hex) over the samples' ids in plan order, each followed by a line feed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ids_sha256: Option<String>,
    /// What was chosen among the accepted samples, where not all of them are here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) selection: Option<Selected>,
    /// The files, in the order of the split.
    pub(super) files: Vec<Entry>,
    /// Teacher of the last step → rows.
    pub(super) teachers: BTreeMap<String, u64>,
    /// Files beside the rows as we wrote them → SHA-256 (hex). Those that somebody edited are not among them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) companions: BTreeMap<String, String>,
}

/// A selection in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Selected {
    /// Accepted samples there were.
    pub(super) accepted: u64,
    /// Why → how many were left out.
    pub(super) left_out: BTreeMap<String, u64>,
}

impl Selected {
    /// The numbers of that one.
    pub(super) fn of(selection: &Selection) -> Self {
        let words = selection.left_out.iter();
        Self {
            accepted: selection.accepted,
            left_out: words
                .map(|(why, count)| (why.word().to_owned(), *count))
                .collect(),
        }
    }
}

/// One file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Its name.
    pub(super) file: String,
    /// Rows in it.
    pub(super) rows: u64,
    /// Its length.
    pub(super) bytes: u64,
    /// SHA-256 (hex) of all of it.
    pub(super) sha256: String,
}

impl Manifest {
    /// One that says only whose directory it is.
    pub(super) fn unfinished(job: &str, format: &str) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            created_by: concat!("destiler ", env!("CARGO_PKG_VERSION")).to_owned(),
            job: job.to_owned(),
            revision: None,
            spec_sha256: None,
            format: format.to_owned(),
            finished: false,
            rows: 0,
            ids_sha256: None,
            selection: None,
            files: Vec::new(),
            teachers: BTreeMap::new(),
            companions: BTreeMap::new(),
        }
    }

    /// Reads the one of a directory; `None` if there is none that can be read.
    pub(super) fn read(directory: &Path) -> Option<Self> {
        read(&directory.join(NAME)).ok().flatten()
    }

    /// Reads the one of a directory, with the reason where it cannot be read.
    pub(super) fn find(directory: &Path) -> Result<Option<Self>, DatasetError> {
        read(&directory.join(NAME))
    }

    /// Those that may describe the files now: the one in place, and the one a crash kept from taking its place.
    pub(super) fn candidates(directory: &Path) -> Vec<Self> {
        let pending = read(&beside(&directory.join(NAME))).ok().flatten();
        Self::read(directory).into_iter().chain(pending).collect()
    }

    /// Writes it beside its place, durable.
    pub(super) fn prepare(&self, directory: &Path) -> Result<Replacement, DatasetError> {
        let path = directory.join(NAME);
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| disk(&path, &error.into()))?;
        text.push(b'\n');
        let mut replacement = Replacement::start(path)?;
        replacement.append(&text)?;
        replacement.sync(text.len() as u64)?;
        Ok(replacement)
    }

    /// Writes it in place, durable.
    pub(super) fn write(&self, directory: &Path) -> Result<(), DatasetError> {
        self.prepare(directory)?.replace()?;
        sync_directory(directory)
    }

    /// Its entry for that file.
    pub(super) fn entry(&self, file: &str) -> Option<&Entry> {
        self.files.iter().find(|entry| entry.file == file)
    }
}

fn read(path: &Path) -> Result<Option<Manifest>, DatasetError> {
    if matches!(look(path)?, Found::Missing) {
        return Ok(None);
    }
    let mut text = Vec::new();
    open(path)?
        .take(BYTES_MAX)
        .read_to_end(&mut text)
        .map_err(|error| disk(path, &error))?;
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| disk(path, &error.into()))
}
