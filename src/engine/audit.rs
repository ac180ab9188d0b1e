//! The audit: the ledger against its own laws, and every dataset against the ledger. It only reads, so it works while another
//! process runs jobs: what moved meanwhile is looked at again.

use super::Shared;
use super::outbox::AcceptedInOrder;
use crate::core::api::Failure;
use crate::core::job::{Job, JobState};
use crate::core::ports::{DatasetError, Stored};

/// Looks at a dataset that moves meanwhile.
const TRIES: u32 = 5;

/// Everything found, a line each, the ledger's first. Each says where it is and what was expected.
pub(super) async fn audit(shared: &Shared) -> Result<Vec<String>, Failure> {
    let mut findings = shared.store.check(true).await?;
    for job in shared.store.jobs().await? {
        findings.extend(dataset(shared, job).await?);
    }
    Ok(findings)
}

/// Findings about a job's files, or none where they would not hold still.
async fn dataset(shared: &Shared, mut job: Job) -> Stored<Vec<String>> {
    for _ in 0..TRIES {
        let marks = shared.store.marks(job.id).await?;
        let accepted = shared.store.totals(job.id).await?.samples;
        let up_to = match job.state {
            JobState::Completed => i64::MAX,
            _ => marks.iter().map(|mark| mark.last_seq).max().unwrap_or_default(),
        };
        let mut source = AcceptedInOrder::new(shared, &job, up_to).await?;
        let compared = shared.dataset.audit(&job, &marks, &mut source).await;
        let mut findings = match compared {
            Ok(findings) => findings,
            Err(DatasetError::Store(error)) => return Err(error),
            Err(error) => vec![format!("the dataset of job {}: {error}", job.spec.name)],
        };
        if job.state == JobState::Completed && !marks.is_empty() && findings.is_empty() {
            let directory = shared.dataset.directory(&job.spec);
            if directory.is_dir() {
                let verified = shared.dataset.verify(&directory).await;
                let told = match verified {
                    Ok(verified) => verified.findings,
                    Err(error) => vec![error.to_string()],
                };
                findings.extend(told.into_iter().map(|line| format!("{}: {line}", job.spec.name)));
            }
        }
        if findings.is_empty() {
            return Ok(findings);
        }
        // Gone meanwhile: then nothing is expected of its files.
        let Some(now) = shared
            .store
            .jobs()
            .await?
            .into_iter()
            .find(|now| now.id == job.id)
        else {
            return Ok(Vec::new());
        };
        let same = now.state == job.state
            && shared.store.marks(job.id).await? == marks
            && shared.store.totals(job.id).await?.samples == accepted;
        if same {
            return Ok(findings);
        }
        job = now;
    }
    Ok(Vec::new())
}
