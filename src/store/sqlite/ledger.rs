//! The port of sums, marks and the database itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use async_trait::async_trait;
use sqlx::Row as _;
use sqlx::{Executor, SqlitePool};

use super::super::rules::day;
use super::rows::unsigned;
use super::tally::{DATABASE, DECISIONS, unsigned as signed};
use super::{Access, SqliteStore, check, clean, copy, schema};
use crate::core::api::{CleanRow, CleanRules, Salvaged};
use crate::core::budget::{Amount, Money};
use crate::core::job::{JobId, JobState};
use crate::core::ports::{
    DatabaseInfo, Decisions, FileMark, JobStore, LedgerStore, StoreError, Stored, Totals,
};
use crate::core::sample::Reason;

#[async_trait]
impl LedgerStore for SqliteStore {
    async fn totals(&self, job: JobId) -> Stored<Totals> {
        let found = sqlx::query("SELECT kind, name, value FROM counters WHERE job = ? ORDER BY kind, name")
            .bind(job.0)
            .fetch_all(&self.readers)
            .await?;
        let mut totals = Totals::default();
        for row in found {
            add(&mut totals, row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        }
        totals.reasons.sort_unstable();
        Ok(totals)
    }

    async fn by_teacher(&self, job: JobId) -> Stored<Vec<(String, Amount, u64, u64)>> {
        let found = sqlx::query(
            "SELECT name, kind, value FROM counters WHERE job = ? AND kind BETWEEN 'teacher.' AND 'teacher/'",
        )
        .bind(job.0)
        .fetch_all(&self.readers)
        .await?;
        let mut teachers: BTreeMap<String, (Amount, u64, u64)> = BTreeMap::new();
        for row in found {
            let (amount, accepted, judged) = teachers.entry(row.try_get(0)?).or_default();
            let value: i64 = row.try_get(2)?;
            match row.try_get(1)? {
                "teacher.usd" => amount.usd = Money(value),
                "teacher.tokens" => amount.tokens = unsigned(value),
                "teacher.requests" => amount.requests = unsigned(value),
                "teacher.accepted" => *accepted = unsigned(value),
                _ => *judged = unsigned(value),
            }
        }
        let rows = teachers.into_iter();
        Ok(rows
            .map(|(name, (amount, accepted, judged))| (name, amount, accepted, judged))
            .collect())
    }

    async fn spent_at(&self, provider: &str) -> Stored<Amount> {
        spent(&self.readers, "provider", provider).await
    }

    async fn spent_today(&self) -> Stored<Amount> {
        spent(&self.readers, "day", &day(self.clock.now_ms()).to_string()).await
    }

    async fn marks(&self, job: JobId) -> Stored<Vec<FileMark>> {
        let found = sqlx::query(
            "SELECT file, last_seq, bytes, rows, tail_sha256 FROM marks WHERE job = ? ORDER BY place",
        )
        .bind(job.0)
        .fetch_all(&self.readers)
        .await?;
        let mut marks = Vec::with_capacity(found.len());
        for row in found {
            marks.push(FileMark {
                file: row.try_get(0)?,
                last_seq: row.try_get(1)?,
                bytes: unsigned(row.try_get(2)?),
                rows: unsigned(row.try_get(3)?),
                tail_sha256: row.try_get(4)?,
            });
        }
        Ok(marks)
    }

    async fn decisions(&self, job: JobId) -> Stored<Decisions> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT name, value FROM counters WHERE job = ? AND kind = ?")
                .bind(job.0)
                .bind(DECISIONS)
                .fetch_all(&self.readers)
                .await?;
        let value = |name: &str| rows.iter().find(|(known, _)| known == name).map(|row| row.1);
        Ok(Decisions {
            made: unsigned(value("made").unwrap_or(0)),
            written: unsigned(value("written").unwrap_or(0)),
        })
    }

    async fn set_marks(&self, job: JobId, marks: &[FileMark], decisions: Option<u64>) -> Stored<()> {
        let marks = marks.to_vec();
        self.write(move |ledger| {
            Box::pin(async move {
                if let Some(decisions) = decisions {
                    sqlx::query(
                        "INSERT INTO counters VALUES (?, ?, 'written', ?)
                         ON CONFLICT (job, kind, name) DO UPDATE SET value = excluded.value",
                    )
                    .bind(job.0)
                    .bind(DECISIONS)
                    .bind(signed(decisions))
                    .execute(&mut ledger.connection)
                    .await?;
                }
                sqlx::query("DELETE FROM marks WHERE job = ?")
                    .bind(job.0)
                    .execute(&mut ledger.connection)
                    .await?;
                for (place, mark) in (0_i64..).zip(marks) {
                    sqlx::query("INSERT INTO marks VALUES (?, ?, ?, ?, ?, ?, ?)")
                        .bind(job.0)
                        .bind(place)
                        .bind(mark.file)
                        .bind(mark.last_seq)
                        .bind(signed(mark.bytes))
                        .bind(signed(mark.rows))
                        .bind(mark.tail_sha256)
                        .execute(&mut ledger.connection)
                        .await?;
                }
                Ok(())
            })
        })
        .await
    }

    async fn info(&self) -> Stored<DatabaseInfo> {
        let mut connection = self.readers.acquire().await?;
        let mut rows = [0; 4];
        let counts = [
            "SELECT COUNT(*) FROM jobs WHERE name IS NOT NULL",
            "SELECT COUNT(*) FROM tasks",
            "SELECT COUNT(*) FROM requests",
            "SELECT COUNT(*) FROM samples",
        ];
        for (count, sql) in rows.iter_mut().zip(counts) {
            *count = unsigned(schema::number(&mut connection, sql).await?);
        }
        let engine_version = sqlx::query_scalar("SELECT sqlite_version()")
            .fetch_one(&mut *connection)
            .await?;
        Ok(DatabaseInfo {
            path: self.path.display().to_string(),
            bytes: size(&self.path),
            wal_bytes: size(&copy::suffixed(&self.path, "-wal")),
            schema_version: schema::number(&mut connection, "PRAGMA user_version").await?,
            engine_version,
            rows,
            held_by: self.held_by(),
        })
    }

    async fn check(&self, deep: bool) -> Stored<Vec<String>> {
        let mut connection = self.readers.acquire().await?;
        check::check(&mut connection, deep).await
    }

    fn is_ours(&self) -> Stored<()> {
        match &self.access {
            Access::Write(_, claim) => claim.check(),
            Access::Read { .. } => Ok(()),
        }
    }

    async fn backup(&self, to: &Path) -> Stored<()> {
        if to.exists() {
            return Err(StoreError::Broken(format!("{} exists already", to.display())));
        }
        let mut connection = self.readers.acquire().await?;
        copy::copy(&mut connection, to, &|_, _| ()).await
    }

    async fn salvage(&self, _to: &Path) -> Stored<Salvaged> {
        Err(StoreError::Broken(
            "a database that is open is copied, not salvaged".to_owned(),
        ))
    }

    async fn clean(&self) -> Stored<u64> {
        let before = size(&self.path);
        self.alone(|ledger| {
            Box::pin(async move {
                let script = "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)";
                ledger.connection.execute(sqlx::raw_sql(script)).await?;
                Ok(())
            })
        })
        .await?;
        Ok(before.saturating_sub(size(&self.path)))
    }

    async fn clean_plan(&self, rules: &CleanRules) -> Stored<Vec<CleanRow>> {
        let cancelled = self.cancelled(rules).await?;
        let mut connection = self.readers.acquire().await?;
        clean::plan(&mut connection, rules, &cancelled, self.clock.now_ms()).await
    }

    async fn clean_up(
        &self,
        rules: &CleanRules,
        goes_on: &(dyn Fn(u64) -> bool + Send + Sync),
    ) -> Stored<u64> {
        let mut gone = 0;
        let whole = CleanRules {
            cancelled_jobs: true,
            ..CleanRules::default()
        };
        for job in self.cancelled(rules).await? {
            let planned = {
                let mut connection = self.readers.acquire().await?;
                clean::plan(&mut connection, &whole, &[job], self.clock.now_ms()).await?
            };
            self.delete(JobId(job)).await?;
            gone += planned.iter().map(|row| row.rows).sum::<u64>();
            if !goes_on(gone) {
                return Ok(gone);
            }
        }
        for (step, at_ms) in clean::steps(rules, self.clock.now_ms()) {
            let mut after = i64::MIN;
            while let Some((rows, last)) = self
                .write(move |ledger| Box::pin(clean::chunk(ledger, step, at_ms, after)))
                .await?
            {
                gone += rows;
                after = last;
                if !goes_on(gone) {
                    return Ok(gone);
                }
            }
        }
        Ok(gone)
    }

    async fn close(&self) {
        // Readers go first: a checkpoint cannot truncate the log under them.
        self.readers.close().await;
        let Access::Write(writer, _) = &self.access else {
            return;
        };
        let taken = writer.lock().ok().and_then(|mut writer| writer.take());
        if let Some((sender, task)) = taken {
            drop(sender);
            // A writer that panicked has nothing left to close.
            let _ = task.await;
        }
    }
}

impl SqliteStore {
    /// The cancelled jobs, if they are to go.
    async fn cancelled(&self, rules: &CleanRules) -> Stored<Vec<i64>> {
        if !rules.cancelled_jobs {
            return Ok(Vec::new());
        }
        let jobs = self.jobs().await?.into_iter();
        Ok(jobs
            .filter(|job| matches!(job.state, JobState::Cancelled(_)))
            .map(|job| job.id.0)
            .collect())
    }
}

/// Looks at a file's size without opening it: closing a descriptor of the database would drop its locks.
fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

async fn spent(readers: &SqlitePool, what: &str, name: &str) -> Stored<Amount> {
    let found = sqlx::query(
        "SELECT kind, value FROM counters WHERE job = ?1 AND kind IN (?2 || '.usd', ?2 || '.tokens', ?2 || '.requests') AND name = ?3",
    )
    .bind(DATABASE)
    .bind(what)
    .bind(name)
    .fetch_all(readers)
    .await?;
    let mut amount = Amount::default();
    for row in found {
        let (kind, value): (&str, i64) = (row.try_get(0)?, row.try_get(1)?);
        match kind.rsplit('.').next() {
            Some("usd") => amount.usd = Money(value),
            Some("tokens") => amount.tokens = unsigned(value),
            _ => amount.requests = unsigned(value),
        }
    }
    Ok(amount)
}

/// Puts one sum in its place.
fn add(totals: &mut Totals, kind: &str, name: &str, value: i64) {
    let count = unsigned(value);
    match (kind, name) {
        ("sum", "usd") => totals.settled.usd = Money(value),
        ("sum", "tokens") => totals.settled.tokens = count,
        ("sum", "requests") => totals.settled.requests = count,
        ("sum", "input") => totals.input_tokens = count,
        ("sum", "output") => totals.output_tokens = count,
        ("sum", "sent") => totals.sent = count,
        ("sum", "retried") => totals.retried = count,
        ("sum", "cached") => totals.cached = count,
        ("sum", "maybe_billed") => totals.maybe_billed = count,
        ("sum", "uncertain_usd") => totals.uncertain.usd = Money(value),
        ("sum", "uncertain_tokens") => totals.uncertain.tokens = count,
        ("sum", "uncertain_requests") => totals.uncertain.requests = count,
        ("samples", "accepted") => totals.samples[0] = count,
        ("samples", "rejected") => totals.samples[1] = count,
        ("samples", "needs_review") => totals.samples[2] = count,
        ("reasons", word) if count > 0 => {
            totals
                .reasons
                .extend(Reason::from_word(word).map(|reason| (reason, count)));
        }
        ("failures", word) if count > 0 => totals.failures.push((word.to_owned(), count)),
        _ => {}
    }
}
