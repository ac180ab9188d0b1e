//! The port of jobs and their revisions.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::rows::{json, parse, unsigned};
use super::{SqliteStore, delete};
use crate::core::failpoint::{self, Failpoint};
use crate::core::job::{Job, JobId, JobSpec, JobState};
use crate::core::ports::{JobStore, Revision, StoreError, Stored};

const JOBS: &str =
    "SELECT j.id, r.spec, r.source, j.base, j.revision, j.state, j.planned_all, j.elapsed_us, j.created_ms
    FROM jobs j JOIN revisions r ON r.job = j.id AND r.revision = j.revision
    WHERE j.name IS NOT NULL AND (?1 IS NULL OR j.name = ?1) ORDER BY j.priority DESC, j.id";

#[async_trait]
impl JobStore for SqliteStore {
    async fn create(&self, spec: &JobSpec, source: &str, base: &str, state: &JobState) -> Stored<JobId> {
        let (name, priority) = (spec.name.clone(), spec.priority);
        let (spec, state) = (json(spec)?, json(state)?);
        let (source, base) = (source.to_owned(), base.to_owned());
        self.write(move |ledger| {
            Box::pin(async move {
                let connection = &mut ledger.connection;
                let known: Option<i64> = sqlx::query_scalar("SELECT id FROM jobs WHERE name = ?")
                    .bind(&name)
                    .fetch_optional(&mut *connection)
                    .await?;
                if known.is_some() {
                    return Err(StoreError::Broken(format!("there is a job `{name}` already")));
                }
                let now = ledger.clock.now_ms();
                let id = sqlx::query(
                    "INSERT INTO jobs (name, state, revision, base, priority, created_ms) VALUES (?, ?, 1, ?, ?, ?)",
                )
                .bind(&name)
                .bind(state)
                .bind(base)
                .bind(priority)
                .bind(now)
                .execute(&mut *connection)
                .await?
                .last_insert_rowid();
                add_revision(connection, id, 1, &spec, &source, now).await?;
                Ok(JobId(id))
            })
        })
        .await
    }

    async fn job(&self, name: &str) -> Stored<Job> {
        let found = sqlx::query(JOBS).bind(name).fetch_optional(&self.readers).await?;
        found
            .as_ref()
            .map_or_else(|| Err(StoreError::NotFound(format!("job `{name}`"))), job)
    }

    async fn jobs(&self) -> Stored<Vec<Job>> {
        let found = sqlx::query(JOBS)
            .bind(None::<String>)
            .fetch_all(&self.readers)
            .await?;
        found.iter().map(job).collect()
    }

    async fn revise(&self, id: JobId, spec: &JobSpec, source: &str) -> Stored<u32> {
        let (priority, spec, source) = (spec.priority, json(spec)?, source.to_owned());
        self.write(move |ledger| {
            Box::pin(async move {
                let connection = &mut ledger.connection;
                let revision: Option<u32> = sqlx::query_scalar(
                    "UPDATE jobs SET revision = revision + 1, priority = ?, planned_all = 0 WHERE id = ? AND name IS NOT NULL RETURNING revision",
                )
                .bind(priority)
                .bind(id.0)
                .fetch_optional(&mut *connection)
                .await?;
                let revision = revision.ok_or_else(|| missing(id))?;
                let now = ledger.clock.now_ms();
                add_revision(connection, id.0, revision, &spec, &source, now).await?;
                Ok(revision)
            })
        })
        .await
    }

    async fn revisions(&self, id: JobId) -> Stored<Vec<Revision>> {
        let found =
            sqlx::query("SELECT revision, source, at_ms FROM revisions WHERE job = ? ORDER BY revision DESC")
                .bind(id.0)
                .fetch_all(&self.readers)
                .await?;
        let mut revisions = Vec::with_capacity(found.len());
        for row in found {
            revisions.push(Revision {
                revision: row.try_get(0)?,
                source: row.try_get(1)?,
                at_ms: row.try_get(2)?,
            });
        }
        Ok(revisions)
    }

    async fn set_state(&self, id: JobId, state: &JobState, ran: Duration) -> Stored<()> {
        let state = json(state)?;
        let ran = i64::try_from(ran.as_micros()).unwrap_or(i64::MAX);
        self.write(move |ledger| {
            Box::pin(async move {
                let changed = sqlx::query(
                    "UPDATE jobs SET state = ?, elapsed_us = elapsed_us + ? WHERE id = ? AND name IS NOT NULL",
                )
                .bind(state)
                .bind(ran)
                .bind(id.0)
                .execute(&mut ledger.connection)
                .await?;
                if changed.rows_affected() == 0 {
                    return Err(missing(id));
                }
                Ok(())
            })
        })
        .await
    }

    async fn delete(&self, id: JobId) -> Stored<()> {
        self.write(move |ledger| Box::pin(delete::mark(ledger, id)))
            .await?;
        failpoint::reach(Failpoint::DeleteMarked)?;
        let mut more = true;
        while more {
            more = self
                .write(move |ledger| Box::pin(delete::chunk(ledger, id.0)))
                .await?;
            failpoint::reach(Failpoint::DeleteCommitted)?;
        }
        Ok(())
    }
}

async fn add_revision(
    connection: &mut SqliteConnection,
    job: i64,
    revision: u32,
    spec: &str,
    source: &str,
    at_ms: i64,
) -> Stored<()> {
    sqlx::query("INSERT INTO revisions (job, revision, spec, source, at_ms) VALUES (?, ?, ?, ?, ?)")
        .bind(job)
        .bind(revision)
        .bind(spec)
        .bind(source)
        .bind(at_ms)
        .execute(connection)
        .await?;
    Ok(())
}

/// No such job.
pub(super) fn missing(id: JobId) -> StoreError {
    StoreError::NotFound(format!("job {}", id.0))
}

fn job(row: &SqliteRow) -> Stored<Job> {
    Ok(Job {
        id: JobId(row.try_get(0)?),
        spec: parse(row.try_get(1)?)?,
        source: row.try_get(2)?,
        base: row.try_get(3)?,
        revision: row.try_get(4)?,
        state: parse(row.try_get(5)?)?,
        planned_all: row.try_get(6)?,
        elapsed: Duration::from_micros(unsigned(row.try_get(7)?)),
        created_ms: row.try_get(8)?,
    })
}
