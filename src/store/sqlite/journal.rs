//! The journal of what persons did: written in the transaction of what it tells about, so that neither is ever without the other.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::decide::{self, At};
use super::many::{self, Done, Turned, Which};
use super::rows::{self, job_of, sample_bytes, task_key};
use super::tag;
use super::tally::unsigned;
use super::writer::Ledger;
use super::{SqliteStore, filter, rejudge, review};
use crate::core::job::JobId;
use crate::core::journal::{Deed, EntryId, JournalEntry, Reverted};
use crate::core::ports::{Decided, JournalStore, Rejudgement, SamplePlace, StoreError, Stored};
use crate::core::review::Word;
use crate::core::sample::{Sample, SampleId};

use super::super::rules::{ACTOR, ENTRIES, deed_of};

/// Samples of one transaction when an entry is taken back.
const CHUNK: usize = 5000;

/// What takes an entry back, and what carries it out again.
#[derive(Serialize, Deserialize)]
struct Inverse {
    decided: Decided,
    /// Task, candidate, and the row of `reviews` (or `taggings`, or `judgings`) that takes the decision back.
    samples: Vec<Done>,
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
        if let Some(no_id) = samples.iter().find(|id| sample_bytes(id).is_none()) {
            return Err(StoreError::NotFound(format!("sample {}", no_id.0)));
        }
        let which = Which::Ids(samples.to_vec());
        self.index_samples().await?;
        self.write(move |ledger| Box::pin(act(ledger, which, decided, more_of)))
            .await
    }

    async fn act_at(
        &self,
        places: &[SamplePlace],
        decided: Decided,
        more_of: Option<EntryId>,
    ) -> Stored<EntryId> {
        let places = places
            .iter()
            .map(|(task, candidate)| (task_key(*task), i64::from(*candidate)));
        let which = Which::Places(places.collect());
        self.write(move |ledger| Box::pin(act(ledger, which, decided, more_of)))
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
                let done = done
                    .into_iter()
                    .map(|((task, candidate), row)| (task, candidate, row));
                enter(ledger, Decided::JudgedAgain, done.collect(), more_of)
                    .await
                    .map(Some)
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
            "WITH e (kind, value) AS (
                 SELECT u.kind, e.value FROM ui_journal u, json_each(u.inverse, '$.samples') e WHERE u.id = ?1 UNION ALL
                 SELECT u.kind, e.value FROM ui_journal u JOIN ui_journal_parts p ON p.entry = u.id, json_each(p.samples) e
                 WHERE u.id = ?1)
             SELECT COUNT(*) FROM e WHERE NOT EXISTS
             (SELECT 1 FROM samples s WHERE s.task = e.value ->> 0 AND s.candidate = e.value ->> 1
              AND CASE e.kind WHEN 'tag' THEN s.tagging WHEN 'judge' THEN iif(s.review IS NULL, s.judging, NULL)
                  ELSE s.review END = e.value ->> 2)",
        )
        .bind(entry.0)
        .fetch_one(&self.readers)
        .await?;
        Ok(rows::unsigned(count))
    }

    async fn touched(&self, entry: EntryId, part: usize) -> Stored<Option<Vec<Sample>>> {
        let samples: Option<Option<String>> = sqlx::query_scalar(
            "SELECT inverse -> '$.samples' FROM ui_journal WHERE id = ?1 AND ?2 = 0 UNION ALL
             SELECT samples FROM ui_journal_parts WHERE entry = ?1 AND part = ?2",
        )
        .bind(entry.0)
        .bind(filter::limit(part))
        .fetch_optional(&self.readers)
        .await?;
        let Some(samples) = samples.flatten() else {
            return Ok(None);
        };
        let samples: Vec<Done> = rows::parse(&samples)?;
        let places: Vec<At> = samples
            .iter()
            .map(|(task, candidate, _)| (*task, *candidate))
            .collect();
        self.at_places(&places).await.map(Some)
    }

    async fn revert_telling(
        &self,
        entry: EntryId,
        again: bool,
        told: &(dyn Fn(u64) + Send + Sync),
    ) -> Stored<Reverted> {
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
            let (done, turned, spot) = done.await?;
            said = spot;
            count(&mut reverted, &turned, done.len());
            after.extend(done);
            told(reverted.rows + reverted.skipped);
        }
        let parts: Vec<i64> =
            sqlx::query_scalar("SELECT part FROM ui_journal_parts WHERE entry = ? ORDER BY part")
                .bind(entry.0)
                .fetch_all(&self.readers)
                .await?;
        for part in parts {
            let decided = decided.clone();
            let done = self.write(move |ledger| Box::pin(turn_part(ledger, entry, part, decided, again)));
            let (turned, many) = done.await?;
            count(&mut reverted, &turned, many);
            told(reverted.rows + reverted.skipped);
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

/// Adds what became of so many samples.
fn count(reverted: &mut Reverted, turned: &Turned, many: usize) {
    reverted.rows += turned.rows;
    reverted.skipped += (many as u64).saturating_sub(turned.rows);
    for job in turned.jobs.iter().copied().map(JobId) {
        if !reverted.jobs.contains(&job) {
            reverted.jobs.push(job);
        }
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
    which: Which,
    decided: Decided,
    more_of: Option<EntryId>,
) -> Stored<EntryId> {
    if decided == Decided::JudgedAgain {
        return Err(StoreError::Broken("validators judge, nobody else".to_owned()));
    }
    let done = match (&which, &decided) {
        // Nobody writes many answers at once.
        (Which::Ids(ids), Decided::Edit { .. }) => {
            let mut done = Vec::with_capacity(ids.len());
            for id in ids.iter().filter_map(sample_bytes) {
                let ((task, candidate), (row, _)) = decide::act(ledger, id, decided.clone()).await?;
                done.push((task, candidate, row));
            }
            done
        }
        _ => many::act(ledger, &which, &decided).await?,
    };
    enter(ledger, decided, done, more_of).await
}

/// Writes what was done into the journal: as an entry, or as one more part of one.
async fn enter(
    ledger: &mut Ledger,
    decided: Decided,
    samples: Vec<Done>,
    more_of: Option<EntryId>,
) -> Stored<EntryId> {
    let (deed, note) = deed_of(&decided)?;
    let mut jobs: Vec<i64> = samples.iter().map(|(task, ..)| job_of(*task)).collect();
    jobs.sort_unstable();
    jobs.dedup();
    let job = if let [job] = jobs[..] { Some(job) } else { None };
    let rows = samples.len() as u64;
    let Some(entry) = more_of else {
        let label = deed.label(rows, note.as_deref());
        let said = None;
        let inverse = rows::json(&Inverse {
            decided,
            samples,
            said,
        })?;
        return insert(ledger, deed, job, Some(inverse), &label, rows).await;
    };
    let before: Option<(Option<i64>, i64)> = sqlx::query_as(
        "SELECT job, rows FROM ui_journal WHERE id = ? AND undone IS NULL AND inverse IS NOT NULL",
    )
    .bind(entry.0)
    .fetch_optional(&mut ledger.connection)
    .await?;
    let Some((job_before, rows_before)) = before else {
        return Err(StoreError::NotFound(format!("entry {} of the journal", entry.0)));
    };
    let rows = rows + rows::unsigned(rows_before);
    sqlx::query(
        "INSERT INTO ui_journal_parts (entry, part, samples)
         SELECT ?1, (SELECT ifnull(MAX(part), 0) + 1 FROM ui_journal_parts WHERE entry = ?1), ?2",
    )
    .bind(entry.0)
    .bind(rows::json(&samples)?)
    .execute(&mut ledger.connection)
    .await?;
    sqlx::query("UPDATE ui_journal SET label = ?, rows = ?, job = ? WHERE id = ?")
        .bind(deed.label(rows, note.as_deref()))
        .bind(unsigned(rows))
        .bind(job.filter(|_| job == job_before))
        .bind(entry.0)
        .execute(&mut ledger.connection)
        .await?;
    Ok(entry)
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

/// Turns one of the later parts of an entry, in which no word of a queue is.
async fn turn_part(
    ledger: &mut Ledger,
    entry: EntryId,
    part: i64,
    decided: Decided,
    again: bool,
) -> Stored<(Turned, usize)> {
    let samples: String =
        sqlx::query_scalar("SELECT samples FROM ui_journal_parts WHERE entry = ? AND part = ?")
            .bind(entry.0)
            .bind(part)
            .fetch_one(&mut ledger.connection)
            .await?;
    let (done, turned, _) = turn(ledger, rows::parse(&samples)?, decided, again, None).await?;
    if again {
        sqlx::query("UPDATE ui_journal_parts SET samples = ? WHERE entry = ? AND part = ?")
            .bind(rows::json(&done)?)
            .bind(entry.0)
            .bind(part)
            .execute(&mut ledger.connection)
            .await?;
    }
    Ok((turned, done.len()))
}

/// Takes some samples' decisions back, or makes them again, with the word they came from; says for each which row takes it back now,
/// and which changed.
async fn turn(
    ledger: &mut Ledger,
    samples: Vec<Done>,
    decided: Decided,
    again: bool,
    spot: Option<Spot>,
) -> Stored<(Vec<Done>, Turned, Option<Spot>)> {
    if decided == Decided::JudgedAgain {
        let done = rejudge::turn(ledger, samples, again).await?;
        let (done, turned) = told_apart(done);
        return Ok((done, turned, spot));
    }
    if spot.is_some() || matches!(decided, Decided::Edit { .. }) {
        return turn_each(ledger, samples, decided, again, spot).await;
    }
    if again {
        let (done, turned) = many::again(ledger, &samples, &decided).await?;
        return Ok((done, turned, None));
    }
    let turned = many::take_back(ledger, &samples, &decided).await?;
    Ok((samples, turned, None))
}

/// The same one by one: texts that persons wrote, and words of queues.
async fn turn_each(
    ledger: &mut Ledger,
    samples: Vec<Done>,
    decided: Decided,
    again: bool,
    mut spot: Option<Spot>,
) -> Stored<(Vec<Done>, Turned, Option<Spot>)> {
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
    let (done, turned) = told_apart(done);
    Ok((done, turned, spot))
}

/// What was turned one by one, in sum.
fn told_apart(done: Vec<(i64, i64, i64, bool)>) -> (Vec<Done>, Turned) {
    let mut turned = Turned {
        rows: 0,
        jobs: Vec::new(),
    };
    for (task, ..) in done.iter().filter(|(.., changed)| *changed) {
        turned.rows += 1;
        if !turned.jobs.contains(&job_of(*task)) {
            turned.jobs.push(job_of(*task));
        }
    }
    let done = done
        .into_iter()
        .map(|(task, candidate, row, _)| (task, candidate, row));
    (done.collect(), turned)
}
