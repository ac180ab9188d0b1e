//! The files of a dataset against the ledger, row by row (I3): every line within a file's mark is an accepted sample and no two are
//! the same one, every accepted sample is a line, and lines are in the order of the plan or, where they were appended, of acceptance.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use super::files::{self, Found, look, tail_sha256};
use super::manifest::Manifest;
use super::projection::Projection;
use super::shards;
use super::verify::LINE_BYTES_MAX;
use super::writer::blocking;
use crate::core::arrange::Arrangement;
use crate::core::job::{Job, JobState};
use crate::core::ports::{DatasetError, FileMark, SampleSource};
use crate::core::sample::Sample;

/// Findings of one file that are told.
const FINDINGS: usize = 20;

/// An accepted sample as it should stand in a file.
struct Expected {
    id: String,
    task: u64,
    candidate: u32,
    seq: i64,
    line: blake3::Hash,
    seen: bool,
}

/// Compares the files of a job with its accepted samples, which the source gives in the order of the plan. What a running job has
/// appended is only held against the marks: a person may decide meanwhile, and its files follow at its end.
pub(super) async fn audit(
    projection: Projection,
    job: &Job,
    marks: Vec<FileMark>,
    source: &mut dyn SampleSource,
) -> Result<Vec<String>, DatasetError> {
    if marks.is_empty() || !files::directory_exists(&projection.directory)? {
        // Nothing was written yet, or its owner took it away.
        return Ok(Vec::new());
    }
    if matches!(job.state, JobState::Running | JobState::Pausing) || !is_of(&projection, job) {
        return blocking(move || Ok(marks.iter().filter_map(|mark| tail(&projection, mark)).collect())).await;
    }
    let last = match job.state {
        // All that is accepted is in the files of a job that has ended.
        JobState::Completed => i64::MAX,
        _ => marks.iter().map(|mark| mark.last_seq).max().unwrap_or_default(),
    };
    let mut audit = Audit {
        expected: projection.files.iter().map(|_| Vec::new()).collect(),
        arrangement: source.arrangement(),
        projection,
    };
    loop {
        let mut page = source.next_page().await?;
        if page.is_empty() {
            break;
        }
        page.retain(|sample| sample.seq.is_some_and(|seq| seq <= last));
        audit = blocking(move || audit.expect(&page)).await?;
    }
    blocking(move || audit.compare(&marks)).await
}

/// Whether the files were written by the job as it is now: those of an earlier revision may have another format, and are only what
/// they were.
fn is_of(projection: &Projection, job: &Job) -> bool {
    Manifest::read(&projection.directory)
        .is_none_or(|manifest| manifest.revision.unwrap_or(1) == job.revision)
}

/// Whether a file is at least as long as its mark, and ends there as it did when that was made.
fn tail(projection: &Projection, mark: &FileMark) -> Option<String> {
    let path = projection.directory.join(&mark.file);
    if mark.bytes == 0 {
        return None;
    }
    let found = match look(&path) {
        Ok(Found::File(bytes)) if bytes >= mark.bytes => {
            files::open(&path).and_then(|file| tail_sha256(&path, &file, mark.bytes))
        }
        Ok(Found::File(bytes)) => {
            return Some(format!(
                "{}: {bytes} bytes, the ledger wrote {}",
                path.display(),
                mark.bytes
            ));
        }
        Ok(_) => return Some(format!("{}: is no file", path.display())),
        Err(error) => Err(error),
    };
    match found {
        Ok(sha256) if sha256 == mark.tail_sha256 => None,
        Ok(_) => Some(format!(
            "{}: its last bytes are not what the ledger wrote",
            path.display()
        )),
        Err(error) => Some(error.to_string()),
    }
}

struct Audit {
    projection: Projection,
    arrangement: Arc<Arrangement>,
    expected: Vec<Vec<Expected>>,
}

impl Audit {
    fn expect(mut self, page: &[Sample]) -> Result<Self, DatasetError> {
        for sample in page {
            let lines = self
                .projection
                .lines(std::slice::from_ref(sample), &self.arrangement)?;
            for (lines, expected) in lines.iter().zip(&mut self.expected) {
                if lines.rows > 0 {
                    expected.push(Expected {
                        id: sample.id.0.clone(),
                        task: sample.task.index,
                        candidate: sample.candidate,
                        seq: sample.seq.unwrap_or_default(),
                        line: blake3::hash(&lines.bytes),
                        seen: false,
                    });
                }
            }
        }
        Ok(self)
    }

    fn compare(self, marks: &[FileMark]) -> Result<Vec<String>, DatasetError> {
        let mut findings = Vec::new();
        for (file, mut expected) in self.projection.files.iter().zip(self.expected) {
            let mut marks: Vec<&FileMark> = marks
                .iter()
                .filter(|mark| is_part(&self.projection, file, mark))
                .collect();
            marks.sort_by_key(|mark| shards::of(&mark.file).map(|(_, at)| at));
            if marks.is_empty() {
                findings.push(format!("{}: {file} has no mark", self.projection.job));
                continue;
            }
            let mut found = Vec::new();
            let mut rest = &mut expected[..];
            for mark in marks {
                // Shards follow one another, each with as many rows as it was left with.
                let rows = match self.projection.dataset.shard_rows {
                    Some(_) => usize::try_from(mark.rows).unwrap_or(usize::MAX).min(rest.len()),
                    None => rest.len(),
                };
                let (here, after) = rest.split_at_mut(rows);
                rest = after;
                if let Some(finding) = tail(&self.projection, mark) {
                    found.push(finding);
                } else if mark.bytes > 0 {
                    let path = self.projection.directory.join(&mark.file);
                    let head = files::open(&path)?.take(mark.bytes);
                    let name = format!("{}/{}", self.projection.job, mark.file);
                    let mut reader = BufReader::with_capacity(256 * 1024, head);
                    lines(&name, &mut reader, here, &mut found)
                        .map_err(|error| files::disk(&path, &error))?;
                }
            }
            found.extend(expected.iter().filter(|row| !row.seen).map(|row| {
                format!(
                    "{}/{file}: sample {} (task {}, candidate {}) is accepted and not in it",
                    self.projection.job, row.id, row.task, row.candidate
                )
            }));
            found.truncate(FINDINGS);
            findings.extend(found);
        }
        Ok(findings)
    }
}

/// Whether a mark is that of a part's file, or of one of its shards.
fn is_part(projection: &Projection, file: &str, mark: &FileMark) -> bool {
    match projection.dataset.shard_rows {
        None => mark.file == file,
        Some(_) => shards::of(&mark.file).is_some_and(|(part, _)| file.strip_suffix(".jsonl") == Some(part)),
    }
}

/// Reads a file's lines, each of which must be an expected one that was not seen before.
fn lines(
    file: &str,
    reader: &mut impl BufRead,
    expected: &mut [Expected],
    findings: &mut Vec<String>,
) -> std::io::Result<()> {
    // Equal lines of different samples are told apart by nothing: the first in the plan comes first.
    let mut places: HashMap<blake3::Hash, (Vec<usize>, bool)> = HashMap::with_capacity(expected.len());
    for (at, row) in expected.iter().enumerate().rev() {
        let (all, several) = places.entry(row.line).or_default();
        *several = !all.is_empty();
        all.push(at);
    }
    let mut line = Vec::new();
    let mut order = Order::Plan(None);
    for number in 1.. {
        line.clear();
        let count = reader
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)?;
        if count == 0 || findings.len() > FINDINGS {
            break;
        }
        match places.get_mut(&blake3::hash(&line)) {
            None => findings.push(format!("{file}:{number}: is no accepted sample of the ledger")),
            Some((all, several)) => {
                let Some(row) = all.pop().and_then(|at| expected.get_mut(at)) else {
                    findings.push(format!("{file}:{number}: is in it more often than in the ledger"));
                    continue;
                };
                row.seen = true;
                if !*several && !order.follows(row) {
                    findings.push(format!(
                        "{file}:{number}: sample {} is out of order: neither the plan's nor that of acceptance",
                        row.id
                    ));
                }
            }
        }
    }
    Ok(())
}

/// The order of the lines so far: that of the plan as long as it lasts, then that of acceptance.
enum Order {
    /// The last task and candidate, and its place in the order of acceptance.
    Plan(Option<(u64, u32, i64)>),
    /// The last place.
    Acceptance(i64),
}

impl Order {
    fn follows(&mut self, row: &Expected) -> bool {
        let (place, seq) = ((row.task, row.candidate), row.seq);
        let (follows, next) = match *self {
            Self::Plan(None) => (true, Self::Plan(Some((place.0, place.1, seq)))),
            Self::Plan(Some((task, candidate, _))) if (task, candidate) < place => {
                (true, Self::Plan(Some((place.0, place.1, seq))))
            }
            Self::Plan(Some((_, _, last))) | Self::Acceptance(last) => (last < seq, Self::Acceptance(seq)),
        };
        *self = next;
        follows
    }
}
