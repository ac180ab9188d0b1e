//! The journal of what persons did: written in the transaction of what it tells about, so that neither is ever without the other.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::decide::{self, At};
use super::rows::{self, job_of, sample_bytes};
use super::tag;
use super::tally::unsigned;
use super::writer::Ledger;
use super::{SqliteStore, filter, rejudge, review};
use crate::core::job::JobId;
use crate::core::journal::{Deed, EntryId, JournalEntry, Reverted};
use crate::core::ports::{Decided, JournalStore, Rejudgement, StoreError, Stored};
use crate::core::review::Word;
use crate::core::sample::SampleId;

use super::super::rules::{ACTOR, ENTRIES, deed_of};

/// Samples of one transaction when an entry is taken back.
const CHUNK: usize = 5000;

/// What takes an entry back, and what carries it out again.
#[derive(Serialize, Deserialize)]
struct Inverse {
    decided: Decided,
    /// Task, candidate, and the row of `reviews` (or `taggings`, or `judgings`) that takes the decision back.
    samples: Vec<(i64, i64, i64)>,
    /// Where in a queue it was said: the word comes and goes with the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    said: Option<Spot>,
}

/// A place of a queue with the word on it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Spot {
    pub(super) queue: i64,
    pub(super) place: u32,
    pub(super) word: Word,
}

#[async_trait]
impl JournalStore for SqliteStore {
    async fn act(&self, samples: &[SampleId], decided: Decided, more_of: Option<EntryId>) -> Stored<EntryId> {
        let missing = |id: &SampleId| StoreError::NotFound(format!("sample {}", id.0));
        let ids = samples
            .iter()
            .map(|id| sample_bytes(id).ok_or_else(|| missing(id)))
            .collect::<Stored<Vec<_>>>()?;
        self.index_samples().await?;
        self.write(move |ledger| Box::pin(act(ledger, ids, decided, more_of)))
            .await
    }

    async fn judge_some(
        &self,
        judged: Vec<Rejudgement>,
        more_of: Option<EntryId>,
    ) -> Stored<Option<EntryId>> {
        self.index_samples().await?;
        self.write(move |ledger| {
            Box::pin(async move {
                let done = rejudge::judge_some(ledger, judged).await?;
                if done.is_empty() {
                    return Ok(more_of);
                }
                enter(ledger, Decided::JudgedAgain, done, more_of).await.map(Some)
            })
        })
        .await
    }

    async fn exported(&self, job: JobId, rows: u64, path: &str) -> Stored<()> {
        let label = Deed::Export.label(rows, Some(path));
        self.write(move |ledger| {
            Box::pin(async move {
                insert(ledger, Deed::Export, Some(job.0), None, &label, rows).await?;
                Ok(())
            })
        })
        .await
    }

    async fn journal(&self, job: Option<JobId>, limit: usize) -> Stored<Vec<JournalEntry>> {
        let found = sqlx::query(
            "SELECT id, at, actor, kind, job, label, rows, undone FROM ui_journal
             WHERE ?1 IS NULL OR job = ?1 OR job IS NULL ORDER BY id DESC LIMIT ?2",
        )
        .bind(job.map(|job| job.0))
        .bind(filter::limit(limit))
        .fetch_all(&self.readers)
        .await?;
        found.iter().map(entry).collect()
    }

    async fn conflicts(&self, entry: EntryId) -> Stored<u64> {
        // Neither what was changed since, nor what is gone.
        let count: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM ui_journal u, json_each(u.inverse, '$.samples') e WHERE u.id = ? AND NOT EXISTS
             (SELECT 1 FROM samples s WHERE s.task = e.value ->> 0 AND s.candidate = e.value ->> 1
              AND CASE u.kind WHEN 'tag' THEN s.tagging WHEN 'judge' THEN iif(s.review IS NULL, s.judging, NULL)
                  ELSE s.review END = e.value ->> 2)",
        )
        .bind(entry.0)
        .fetch_one(&self.readers)
        .await?;
        Ok(rows::unsigned(count))
    }

    async fn revert(&self, entry: EntryId, again: bool) -> Stored<Reverted> {
        let inverse: Option<String> = sqlx::query_scalar("SELECT inverse FROM ui_journal WHERE id = ?")
            .bind(entry.0)
            .fetch_optional(&self.readers)
            .await?
            .ok_or_else(|| StoreError::NotFound(format!("entry {} of the journal", entry.0)))?;
        let Some(inverse) = inverse else {
            return Err(StoreError::Broken("an export cannot be taken back".to_owned()));
        };
        let Inverse {
            decided,
            samples,
            mut said,
        } = rows::parse(&inverse)?;
        let mut reverted = Reverted {
            rows: 0,
            skipped: 0,
            jobs: Vec::new(),
        };
        let mut after = Vec::with_capacity(samples.len());
        for chunk in samples.chunks(CHUNK) {
            let (chunk, decided, spot) = (chunk.to_vec(), decided.clone(), said.take());
            let done = self.write(move |ledger| Box::pin(turn(ledger, chunk, decided, again, spot)));
            let (done, spot) = done.await?;
            said = spot;
            for (task, candidate, review, changed) in done {
                let job = JobId(job_of(task));
                if changed && !reverted.jobs.contains(&job) {
                    reverted.jobs.push(job);
                }
                reverted.rows += u64::from(changed);
                reverted.skipped += u64::from(!changed);
                after.push((task, candidate, review));
            }
        }
        let inverse = rows::json(&Inverse {
            decided,
            samples: after,
            said,
        })?;
        self.write(move |ledger| {
            Box::pin(async move {
                sqlx::query(
                    "UPDATE ui_journal SET inverse = ?, undone = CASE WHEN ? THEN NULL
                        ELSE (SELECT ifnull(MAX(undone), 0) + 1 FROM ui_journal) END WHERE id = ?",
                )
                .bind(inverse)
                .bind(again)
                .bind(entry.0)
                .execute(&mut ledger.connection)
                .await?;
                Ok(())
            })
        })
        .await?;
        Ok(reverted)
    }
}

fn entry(row: &SqliteRow) -> Stored<JournalEntry> {
    let kind: String = row.try_get(3)?;
    let deed = Deed::from_word(&kind)
        .ok_or_else(|| StoreError::Unusable(format!("unknown kind `{kind}` in the journal")))?;
    Ok(JournalEntry {
        id: EntryId(row.try_get(0)?),
        at_ms: row.try_get(1)?,
        actor: row.try_get(2)?,
        deed,
        job: row.try_get::<Option<i64>, _>(4)?.map(JobId),
        label: row.try_get(5)?,
        rows: rows::unsigned(row.try_get(6)?),
        undone: row.try_get(7)?,
    })
}

async fn act(
    ledger: &mut Ledger,
    ids: Vec<[u8; 16]>,
    decided: Decided,
    more_of: Option<EntryId>,
) -> Stored<EntryId> {
    if decided == Decided::JudgedAgain {
        return Err(StoreError::Broken("validators judge, nobody else".to_owned()));
    }
    let mut done = Vec::with_capacity(ids.len());
    for id in ids {
        let (at, (row, _)) = decide::act(ledger, id, decided.clone()).await?;
        done.push((at, row));
    }
    enter(ledger, decided, done, more_of).await
}

/// Writes what was done into the journal: places, each with the row that takes it back.
async fn enter(
    ledger: &mut Ledger,
    decided: Decided,
    done: Vec<(At, i64)>,
    more_of: Option<EntryId>,
) -> Stored<EntryId> {
    let (deed, note) = deed_of(&decided)?;
    let before = match more_of {
        None => None,
        Some(entry) => Some(open(ledger, entry).await?),
    };
    let (mut samples, mut jobs) = match before {
        None => (Vec::with_capacity(done.len()), Vec::new()),
        Some((inverse, job)) => (inverse.samples, vec![job]),
    };
    for ((task, candidate), review) in done {
        samples.push((task, candidate, review));
        let job = Some(job_of(task));
        if !jobs.contains(&job) {
            jobs.push(job);
        }
    }
    let job = if jobs.len() == 1 { jobs[0] } else { None };
    let rows = samples.len() as u64;
    let label = deed.label(rows, note.as_deref());
    let said = None;
    let inverse = rows::json(&Inverse {
        decided,
        samples,
        said,
    })?;
    let Some(entry) = more_of else {
        return insert(ledger, deed, job, Some(inverse), &label, rows).await;
    };
    sqlx::query("UPDATE ui_journal SET inverse = ?, label = ?, rows = ?, job = ? WHERE id = ?")
        .bind(inverse)
        .bind(label)
        .bind(unsigned(rows))
        .bind(job)
        .bind(entry.0)
        .execute(&mut ledger.connection)
        .await?;
    Ok(entry)
}

/// An entry that more is added to.
async fn open(ledger: &mut Ledger, entry: EntryId) -> Stored<(Inverse, Option<i64>)> {
    let row = sqlx::query(
        "SELECT inverse, job FROM ui_journal WHERE id = ? AND undone IS NULL AND inverse IS NOT NULL",
    )
    .bind(entry.0)
    .fetch_optional(&mut ledger.connection)
    .await?
    .ok_or_else(|| StoreError::NotFound(format!("entry {} of the journal", entry.0)))?;
    Ok((rows::parse(row.try_get(0)?)?, row.try_get(1)?))
}

async fn insert(
    ledger: &mut Ledger,
    deed: Deed,
    job: Option<i64>,
    inverse: Option<String>,
    label: &str,
    rows: u64,
) -> Stored<EntryId> {
    // What was taken back can be carried out again only until something else is done.
    if deed != Deed::Export {
        sqlx::query(
            "DELETE FROM ui_journal WHERE undone IS NOT NULL AND (?1 IS NULL OR job IS NULL OR job = ?1)",
        )
        .bind(job)
        .execute(&mut ledger.connection)
        .await?;
    }
    let made = sqlx::query(
        "INSERT INTO ui_journal (at, actor, kind, job, inverse, label, rows) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(ledger.clock.now_ms())
    .bind(ACTOR)
    .bind(deed.word())
    .bind(job)
    .bind(inverse)
    .bind(label)
    .bind(unsigned(rows))
    .execute(&mut ledger.connection)
    .await?;
    sqlx::query(
        "DELETE FROM ui_journal WHERE job IS ?1 AND id <=
            (SELECT id FROM ui_journal WHERE job IS ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
    )
    .bind(job)
    .bind(ENTRIES)
    .execute(&mut ledger.connection)
    .await?;
    Ok(EntryId(made.last_insert_rowid()))
}

/// Journals what was decided about one sample at a place of a queue.
pub(super) async fn note(
    ledger: &mut Ledger,
    decided: Decided,
    ((task, candidate), review): (At, i64),
    spot: Spot,
) -> Stored<()> {
    let (deed, detail) = deed_of(&decided)?;
    let label = deed.label(1, detail.as_deref());
    let inverse = rows::json(&Inverse {
        decided,
        samples: vec![(task, candidate, review)],
        said: Some(spot),
    })?;
    insert(ledger, deed, Some(job_of(task)), Some(inverse), &label, 1).await?;
    Ok(())
}

/// The standing entry of one sample's decision, by the row of its review. Nobody looks among the large ones.
async fn of_review(ledger: &mut Ledger, task: i64, review: i64) -> Stored<Option<(i64, Inverse)>> {
    let row = sqlx::query(
        "SELECT id, inverse FROM ui_journal WHERE job = ? AND undone IS NULL AND rows = 1 AND kind NOT IN ('tag', 'judge')
         AND inverse ->> '$.samples[0][2]' = ?
         ORDER BY id DESC LIMIT 1",
    )
    .bind(job_of(task))
    .bind(review)
    .fetch_optional(&mut ledger.connection)
    .await?;
    row.map(|row| Ok((row.try_get(0)?, rows::parse(row.try_get(1)?)?)))
        .transpose()
}

/// The decision that this review was is taken back already: its entry says so.
pub(super) async fn taken_back(ledger: &mut Ledger, task: i64, review: i64) -> Stored<()> {
    let Some((entry, _)) = of_review(ledger, task, review).await? else {
        return Ok(());
    };
    sqlx::query(
        "UPDATE ui_journal SET undone = (SELECT ifnull(MAX(undone), 0) + 1 FROM ui_journal) WHERE id = ?",
    )
    .bind(entry)
    .execute(&mut ledger.connection)
    .await?;
    Ok(())
}

/// A rejection got its reason afterwards: done again, it has the reason too.
pub(super) async fn reasoned(ledger: &mut Ledger, task: i64, review: i64, reason: &str) -> Stored<()> {
    let Some((entry, mut inverse)) = of_review(ledger, task, review).await? else {
        return Ok(());
    };
    if let Decided::Reject { note } = &mut inverse.decided {
        *note = Some(reason.to_owned());
    }
    if let Some(spot) = &mut inverse.said {
        spot.word.reason = Some(reason.to_owned());
    }
    let (deed, detail) = deed_of(&inverse.decided)?;
    sqlx::query("UPDATE ui_journal SET inverse = ?, label = ? WHERE id = ?")
        .bind(rows::json(&inverse)?)
        .bind(deed.label(1, detail.as_deref()))
        .bind(entry)
        .execute(&mut ledger.connection)
        .await?;
    Ok(())
}

/// Takes some samples' decisions back, or makes them again, with the word they came from; says for each which review holds it now,
/// and whether it changed.
async fn turn(
    ledger: &mut Ledger,
    samples: Vec<(i64, i64, i64)>,
    decided: Decided,
    again: bool,
    mut spot: Option<Spot>,
) -> Stored<(Vec<(i64, i64, i64, bool)>, Option<Spot>)> {
    if decided == Decided::JudgedAgain {
        return Ok((rejudge::turn(ledger, samples, again).await?, spot));
    }
    let mut done = Vec::with_capacity(samples.len());
    for (task, candidate, review) in samples {
        let at: At = (task, candidate);
        let (review, changed) = if again {
            let made = decide::act_at(ledger, at, decided.clone()).await?;
            if let (Some((_, Some(told))), Some(spot)) = (&made, &mut spot) {
                spot.word.at_ms = told.at_ms;
                review::write(ledger, spot).await?;
            }
            made.map_or((review, false), |(made, _)| (made, true))
        } else if matches!(decided, Decided::Tag(_)) {
            (review, tag::untag(ledger, at, review).await?)
        } else {
            let changed = decide::take_back(ledger, at, review).await?;
            if let (true, Some(spot)) = (changed, &spot) {
                review::wipe(ledger, spot.queue, spot.place, spot.word.at_ms).await?;
            }
            (review, changed)
        };
        done.push((task, candidate, review, changed));
    }
    Ok((done, spot))
}
