//! Datasets as files: formats that write rows, and the writer that keeps the files in step with the ledger.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use super::{LintedFile, StoreError, Stored};
use crate::core::arrange::Arrangement;
use crate::core::catalog::{Catalog, PlugError};
use crate::core::job::{DatasetSpec, Job, JobSpec};
use crate::core::sample::Sample;

/// Projects a sample into a trainer's format. Stateless: a dataset can always be written again.
pub trait Format: Send + Sync {
    /// File extension without the dot.
    fn extension(&self) -> &str;
    /// Writes one sample as a line with its line feed.
    fn write(&self, sample: &Sample, out: &mut dyn io::Write) -> io::Result<()>;
}

/// Makes a format from the job's dataset table and its steps (for guesses where `fields` is empty).
pub type BuildFormat = fn(&DatasetSpec, &JobSpec) -> Result<Box<dyn Format>, PlugError>;
/// The table of formats.
pub type FormatCatalog = Catalog<BuildFormat>;

/// How far a dataset file goes: what the ledger remembers about it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FileMark {
    /// File name within the job's dataset directory.
    pub file: String,
    /// Last place in the order of acceptance that is in it.
    pub last_seq: i64,
    /// Bytes that are ours.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
    /// SHA-256 (hex) of the last at most 4,096 of those bytes.
    pub tail_sha256: String,
}

/// What changed in a job's dataset other than by growing. Where the two differ, its files are behind the ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decisions {
    /// Samples that were decided about or judged again, each time counted.
    pub made: u64,
    /// As many of these are in the files.
    pub written: u64,
}

impl Decisions {
    /// Whether the files are as the ledger says, as far as their marks go.
    pub fn are_written(self) -> bool {
        self.made == self.written
    }
}

/// A dataset that cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatasetError {
    /// Disk full or directory unwritable: try again later.
    #[error("{0}")]
    Disk(String),
    /// Bad settings.
    #[error("{0}")]
    Setup(String),
    /// The ledger could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where samples for a rebuild come from, page by page in plan order.
#[async_trait]
pub trait SampleSource: Send {
    /// The next page; empty at the end.
    async fn next_page(&mut self) -> Stored<Vec<Sample>>;
    /// Which samples these are of all accepted ones, and what keeps them together.
    fn arrangement(&self) -> Arc<Arrangement> {
        Arc::default()
    }
}

/// Texts in groups of nearly equal ones, directly or by way of others.
pub trait NearGroups: Send {
    /// Adds a text under its sample's place. Samples of one task are in one group anyway.
    fn add(&mut self, place: (u64, u32), text: &str);
    /// The first place of its group.
    fn first_of(&mut self, place: (u64, u32)) -> (u64, u32);
}

/// Result of a finished dataset.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct DatasetReport {
    /// Its directory.
    pub directory: PathBuf,
    /// File name, rows, bytes, SHA-256 (hex).
    pub files: Vec<(String, u64, u64, String)>,
}

/// A file that bears its name only once it is finished.
pub trait PendingFile: Send {
    /// Where its bytes go.
    fn writer(&mut self) -> &mut (dyn io::Write + Send);
    /// Syncs it and gives it its name.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A file of rows that somebody made, opened to be looked at.
pub struct DatasetLines {
    /// Its bytes.
    pub reader: Box<dyn io::BufRead + Send>,
    /// What else is known about it.
    pub about: LintedFile,
}

/// The dataset: a projection of the ledger, exact after any crash (storage.md).
#[async_trait]
pub trait DatasetWriter: Send + Sync {
    /// The directory of a job's dataset.
    fn directory(&self, job: &JobSpec) -> PathBuf;
    /// Tries whether the job's files could be written, and leaves nothing behind: money is spent only where its fruit can be kept.
    async fn try_out(&self, job: &JobSpec) -> Result<(), DatasetError>;
    /// Brings the files back to the marks: longer files are cut. `false`: a file is shorter or its tail differs, so rebuild.
    async fn recover(&self, job: &JobSpec, marks: &[FileMark]) -> Result<bool, DatasetError>;
    /// Appends samples (in the order of acceptance) and syncs them. Returns the new marks.
    async fn append(
        &self,
        job: &JobSpec,
        marks: &[FileMark],
        samples: Vec<Sample>,
    ) -> Result<Vec<FileMark>, DatasetError>;
    /// Writes all files anew by temporary file and rename, with the manifest. Returns the new marks too.
    async fn rebuild(
        &self,
        job: &Job,
        source: &mut dyn SampleSource,
    ) -> Result<(Vec<FileMark>, DatasetReport), DatasetError>;
    /// Starts a file of its own (an export) at `path`.
    fn create(&self, path: &Path) -> io::Result<Box<dyn PendingFile>>;
    /// Starts several files of so many rows each at most, which get their names (`path-00002-of-00005`) when all are whole. What is
    /// written has to be lines.
    fn create_shards(&self, path: &Path, rows: u64) -> io::Result<Box<dyn PendingFile>>;
    /// Opens a file of rows; `-` is standard input.
    fn open(&self, path: &Path) -> io::Result<DatasetLines>;
    /// Holds the files against the ledger: its marks, and its accepted samples in plan order. Findings in a line each; only reads.
    async fn audit(
        &self,
        job: &Job,
        marks: &[FileMark],
        source: &mut dyn SampleSource,
    ) -> Result<Vec<String>, DatasetError>;
    /// Removes the job's dataset directory.
    async fn remove(&self, job: &JobSpec) -> Result<(), DatasetError>;
    /// Findings about a dataset directory against its manifest, and its manifest's (job name, accepted ids) for the ledger's side.
    async fn verify(&self, directory: &Path) -> Result<VerifiedDataset, DatasetError>;
}

/// What `verify` saw in the files.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct VerifiedDataset {
    /// The job that made it.
    pub job: String,
    /// Rows in all files.
    pub rows: u64,
    /// Bytes in all files.
    pub bytes: u64,
    /// SHA-256 (hex) over the samples' ids in plan order, each followed by a line feed, as the manifest says: what the ledger compares.
    pub ids_sha256: Option<String>,
    /// Everything wrong, a line each.
    pub findings: Vec<String>,
}
