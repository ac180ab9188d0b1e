//! The port of jobs, over plain maps.

use std::time::Duration;

use async_trait::async_trait;

use super::super::rules::{day, provider_of};
use super::ledger::taken;
use super::{MemoryStore, whole};
use crate::core::job::{Job, JobId, JobSpec, JobState};
use crate::core::ports::{JobStore, Revision, StoreError, Stored};

#[async_trait]
impl JobStore for MemoryStore {
    async fn create(&self, spec: &JobSpec, source: &str, base: &str, state: &JobState) -> Stored<JobId> {
        let mut rows = self.write()?;
        if rows.jobs.values().any(|job| job.spec.name == spec.name) {
            return Err(StoreError::Broken(format!(
                "there is a job `{}` already",
                spec.name
            )));
        }
        rows.last_job += 1;
        let id = JobId(rows.last_job);
        let job = Job {
            id,
            spec: spec.clone(),
            source: source.to_owned(),
            base: base.to_owned(),
            revision: 1,
            state: state.clone(),
            planned_all: false,
            elapsed: Duration::ZERO,
            created_ms: self.now_ms(),
        };
        rows.jobs.insert(id, job);
        rows.note_revision(id, 1, source, self.now_ms());
        Ok(id)
    }

    async fn job(&self, name: &str) -> Stored<Job> {
        let rows = self.read()?;
        let found = rows.jobs.values().find(|job| job.spec.name == name);
        found
            .cloned()
            .ok_or_else(|| StoreError::NotFound(format!("job `{name}`")))
    }

    async fn jobs(&self) -> Stored<Vec<Job>> {
        let mut jobs: Vec<Job> = self.read()?.jobs.values().cloned().collect();
        jobs.sort_by_key(|job| (std::cmp::Reverse(job.spec.priority), job.id));
        Ok(jobs)
    }

    async fn revise(&self, id: JobId, spec: &JobSpec, source: &str) -> Stored<u32> {
        let mut rows = self.write()?;
        let job = rows.job(id)?;
        job.spec = spec.clone();
        source.clone_into(&mut job.source);
        job.revision += 1;
        job.planned_all = false;
        let revision = job.revision;
        rows.note_revision(id, revision, source, self.now_ms());
        Ok(revision)
    }

    async fn revisions(&self, id: JobId) -> Stored<Vec<Revision>> {
        let rows = self.read()?;
        let of_job = rows.revisions.iter().filter(|(job, _)| *job == id);
        Ok(of_job.rev().map(|(_, revision)| revision.clone()).collect())
    }

    async fn set_state(&self, id: JobId, state: &JobState, ran: Duration) -> Stored<()> {
        let mut rows = self.write()?;
        let job = rows.job(id)?;
        job.state = state.clone();
        job.elapsed += ran;
        Ok(())
    }

    async fn delete(&self, id: JobId) -> Stored<()> {
        let mut rows = self.write()?;
        rows.job(id)?;
        rows.jobs.remove(&id);
        rows.marks.remove(&id);
        rows.decisions.remove(&id);
        rows.revisions.retain(|(job, _)| *job != id);
        rows.forget_acts(id);
        rows.tasks.retain(|task, _| task.job != id);
        rows.samples.retain(|(task, _), _| !whole(id).contains(task));
        rows.forget_places(id);
        let spent: Vec<_> = rows
            .attempts
            .values()
            .filter(|attempt| attempt.task.job == id)
            .map(|attempt| {
                let provider = provider_of(&attempt.request.teacher).to_owned();
                (provider, day(attempt.at_ms), taken(attempt))
            })
            .collect();
        rows.past.extend(spent);
        rows.attempts.retain(|_, attempt| attempt.task.job != id);
        Ok(())
    }
}
