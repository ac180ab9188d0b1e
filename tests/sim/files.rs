//! A dataset without a disk: the ids of the rows of each job's file, kept as the port asks for it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use async_trait::async_trait;
use destilation::core::job::{Job, JobSpec};
use destilation::core::ports::{
    DatasetError, DatasetLines, DatasetReport, DatasetWriter, FileMark, PendingFile, SampleSource,
    VerifiedDataset,
};
use destilation::core::sample::{Sample, SampleId};

/// Files by the names of their jobs.
#[derive(Default)]
pub struct Files(pub Mutex<BTreeMap<String, Vec<SampleId>>>);

impl Files {
    fn mark(rows: &[SampleId], last_seq: i64) -> Vec<FileMark> {
        vec![FileMark {
            file: "data".to_owned(),
            last_seq,
            bytes: rows.len() as u64,
            rows: rows.len() as u64,
            tail_sha256: String::new(),
        }]
    }
}

fn ids(samples: &[Sample]) -> impl Iterator<Item = SampleId> + '_ {
    samples.iter().map(|sample| sample.id.clone())
}

fn nobody() -> io::Error {
    io::Error::other("not in a simulation")
}

#[async_trait]
impl DatasetWriter for Files {
    fn directory(&self, job: &JobSpec) -> PathBuf {
        PathBuf::from(&job.name)
    }

    async fn try_out(&self, _: &JobSpec) -> Result<(), DatasetError> {
        Ok(())
    }

    async fn recover(&self, job: &JobSpec, marks: &[FileMark]) -> Result<bool, DatasetError> {
        let mut files = self.0.lock().unwrap();
        let rows = files.entry(job.name.clone()).or_default();
        let known = marks.first().map_or(0, |mark| mark.rows as usize);
        let whole = rows.len() >= known;
        rows.truncate(known);
        Ok(whole)
    }

    async fn append(
        &self,
        job: &JobSpec,
        _: &[FileMark],
        samples: Vec<Sample>,
    ) -> Result<Vec<FileMark>, DatasetError> {
        let mut files = self.0.lock().unwrap();
        let rows = files.entry(job.name.clone()).or_default();
        rows.extend(ids(&samples));
        Ok(Self::mark(rows, 0))
    }

    async fn rebuild(
        &self,
        job: &Job,
        source: &mut dyn SampleSource,
    ) -> Result<(Vec<FileMark>, DatasetReport), DatasetError> {
        let mut rows = Vec::new();
        loop {
            let page = source.next_page().await?;
            if page.is_empty() {
                break;
            }
            rows.extend(ids(&page));
        }
        let marks = Self::mark(&rows, 0);
        let report = DatasetReport {
            directory: PathBuf::from(&job.spec.name),
            files: Vec::new(),
        };
        self.0.lock().unwrap().insert(job.spec.name.clone(), rows);
        Ok((marks, report))
    }

    fn create(&self, _: &Path) -> io::Result<Box<dyn PendingFile>> {
        Err(nobody())
    }

    fn create_shards(&self, _: &Path, _: u64) -> io::Result<Box<dyn PendingFile>> {
        Err(nobody())
    }

    fn open(&self, _: &Path) -> io::Result<DatasetLines> {
        Err(nobody())
    }

    async fn audit(
        &self,
        _: &Job,
        _: &[FileMark],
        _: &mut dyn SampleSource,
    ) -> Result<Vec<String>, DatasetError> {
        Ok(Vec::new())
    }

    async fn remove(&self, job: &JobSpec) -> Result<(), DatasetError> {
        self.0.lock().unwrap().remove(&job.name);
        Ok(())
    }

    async fn verify(&self, _: &Path) -> Result<VerifiedDataset, DatasetError> {
        Ok(VerifiedDataset::default())
    }
}
