//! The port of reviewing: queues, words about their places (with the decision in the same transaction), flags and outlines.

use async_trait::async_trait;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::super::rules::ACTOR;
use super::journal::Spot;
use super::rows::{self, sample_bytes, task_key, task_of};
use super::tally::unsigned;
use super::writer::Ledger;
use super::{SqliteStore, decide, journal, samples};
use crate::core::ports::{Decided, ReviewStore, SampleFilter, SampleOrder, StoreError, Stored};
use crate::core::review::{
    NewItem, NewQueue, Outcome, Outline, Queue, QueueId, QueueItem, Said, Word, seed_print,
};
use crate::core::sample::{SampleId, StepAnswer};
use crate::core::task::TaskId;

const OUTLINE_COLUMNS: &str = "s.task, s.candidate, s.id, s.answer, (SELECT n.name FROM teachers n WHERE n.id = s.teacher), d.seed,
     (SELECT e.value ->> 'score' FROM json_each(a.verdicts) e WHERE e.value ->> 'validator' = 'judge' LIMIT 1),
     v.action, EXISTS (SELECT 1 FROM review_flags f WHERE f.task = s.task AND f.candidate = s.candidate)";

#[async_trait]
impl ReviewStore for SqliteStore {
    async fn outlines(
        &self,
        filter: &SampleFilter,
        after: Option<(TaskId, u32)>,
        limit: usize,
    ) -> Stored<Vec<Outline>> {
        let prepared = self.prepare(filter).await?;
        let from = after.map(|(task, candidate)| (task.index, candidate));
        let mut query = samples::select(
            OUTLINE_COLUMNS,
            filter,
            &prepared,
            SampleOrder::Plan { after: from },
        );
        if let Some((task, candidate)) = after {
            query
                .push(" AND (s.task, s.candidate) > (")
                .push_bind(task_key(task));
            query.push(", ").push_bind(candidate).push(")");
        }
        query.push(" ORDER BY s.task, s.candidate LIMIT +");
        query.push_bind(unsigned(limit as u64));
        let found = query.build().fetch_all(&self.readers).await?;
        found.iter().map(outline).collect()
    }

    async fn open_queue(&self, queue: &NewQueue) -> Stored<QueueId> {
        self.index_samples().await?;
        let spec = rows::json(&queue.spec)?;
        let items: Vec<_> = queue
            .items
            .iter()
            .map(|item| {
                let other = item.other.as_ref().map(|other| other.0.as_str());
                (item.sample.0.as_str(), other, item.repeat, item.swapped)
            })
            .collect();
        let items = rows::json(&items)?;
        self.write(move |ledger| Box::pin(open(ledger, spec, items)))
            .await
    }

    async fn queues(&self) -> Stored<Vec<Queue>> {
        let found = sqlx::query(
            "SELECT q.id, q.spec, q.created_ms,
                    (SELECT COUNT(*) FROM review_items i WHERE i.queue = q.id),
                    (SELECT COUNT(*) FROM review_items i WHERE i.queue = q.id AND i.outcome IS NOT NULL),
                    (SELECT MIN(i.place) FROM review_items i WHERE i.queue = q.id AND i.outcome IS NULL)
             FROM review_queues q ORDER BY q.id DESC",
        )
        .fetch_all(&self.readers)
        .await?;
        let queue = |row: &SqliteRow| {
            let size = row.try_get(3)?;
            Ok(Queue {
                id: QueueId(row.try_get(0)?),
                spec: rows::parse(row.try_get(1)?)?,
                size,
                done: row.try_get(4)?,
                next: row.try_get::<Option<u32>, _>(5)?.unwrap_or(size),
                created_ms: row.try_get(2)?,
            })
        };
        found.iter().map(queue).collect()
    }

    async fn queue_items(&self, queue: QueueId, from: u32, limit: usize) -> Stored<Vec<QueueItem>> {
        let known: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM review_queues WHERE id = ?")
            .bind(queue.0)
            .fetch_one(&self.readers)
            .await?;
        if known == 0 {
            return Err(StoreError::NotFound(format!("queue {}", queue.0)));
        }
        let found = sqlx::query(
            "SELECT i.place, s.id, o.id, i.repeat, i.swapped, i.outcome, i.reason, i.took_ms, i.blind, i.machine, i.at_ms
             FROM review_items i JOIN samples s ON s.task = i.task AND s.candidate = i.candidate
             LEFT JOIN samples o ON o.task = i.other_task AND o.candidate = i.other_candidate
             WHERE i.queue = ? AND i.place >= ? ORDER BY i.place LIMIT ?",
        )
        .bind(queue.0)
        .bind(from)
        .bind(unsigned(limit as u64))
        .fetch_all(&self.readers)
        .await?;
        found.iter().map(item).collect()
    }

    async fn say(&self, queue: QueueId, place: u32, said: Said) -> Stored<()> {
        self.write(move |ledger| Box::pin(say(ledger, queue, place, said)))
            .await
    }

    async fn unsay(&self, queue: QueueId, place: u32) -> Stored<()> {
        self.write(move |ledger| Box::pin(unsay(ledger, queue, place)))
            .await
    }

    async fn because(&self, queue: QueueId, place: u32, reason: &str) -> Stored<()> {
        let reason = reason.to_owned();
        self.write(move |ledger| Box::pin(because(ledger, queue, place, reason)))
            .await
    }

    async fn said_today(&self) -> Stored<u64> {
        let midnight = super::super::rules::day(self.clock.now_ms()) * 86_400_000;
        let said: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM review_items WHERE at_ms >= ?")
            .bind(midnight)
            .fetch_one(&self.readers)
            .await?;
        Ok(rows::unsigned(said))
    }

    async fn flag(&self, sample: &SampleId, on: bool) -> Stored<()> {
        let missing = format!("sample {}", sample.0);
        let id = sample_bytes(sample).ok_or_else(|| StoreError::NotFound(missing.clone()))?;
        self.index_samples().await?;
        self.write(move |ledger| Box::pin(flag(ledger, id, on, missing)))
            .await
    }

    async fn flagged(&self, samples: &[SampleId]) -> Stored<Vec<SampleId>> {
        self.index_samples().await?;
        let ids: Vec<&str> = samples.iter().map(|sample| sample.0.as_str()).collect();
        let found: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT s.id FROM json_each(?) j CROSS JOIN samples s ON s.id = unhex(j.value)
             JOIN review_flags f ON f.task = s.task AND f.candidate = s.candidate ORDER BY j.key",
        )
        .bind(rows::json(&ids)?)
        .fetch_all(&self.readers)
        .await?;
        Ok(found.iter().map(|id| rows::sample_id(id)).collect())
    }

    async fn before_edit(&self, sample: &SampleId) -> Stored<Option<Vec<StepAnswer>>> {
        self.index_samples().await?;
        let steps: Option<Option<String>> = sqlx::query_scalar(
            "SELECT v.before_steps FROM samples s JOIN reviews v ON v.id = s.review WHERE s.id = unhex(?)",
        )
        .bind(&sample.0)
        .fetch_optional(&self.readers)
        .await?;
        steps.flatten().map(|steps| rows::parse(&steps)).transpose()
    }
}

fn outline(row: &SqliteRow) -> Stored<Outline> {
    Ok(Outline {
        task: task_of(row.try_get(0)?),
        candidate: row.try_get(1)?,
        sample: rows::sample_id(row.try_get(2)?),
        made: row.try_get(3)?,
        teacher: row.try_get::<Option<String>, _>(4)?.unwrap_or_default(),
        seed: seed_print(row.try_get(5)?),
        score: row.try_get(6)?,
        reviewed: row.try_get(7)?,
        flagged: row.try_get(8)?,
    })
}

fn item(row: &SqliteRow) -> Stored<QueueItem> {
    let outcome = row.try_get::<Option<String>, _>(5)?;
    let word = match outcome.as_deref().map(Outcome::from_word) {
        None => None,
        Some(None) => return Err(StoreError::Unusable("a queue holds an unknown word".to_owned())),
        Some(Some(outcome)) => Some(Word {
            outcome,
            reason: row.try_get(6)?,
            took_ms: rows::unsigned(row.try_get(7)?),
            blind: row.try_get(8)?,
            machine: row.try_get(9)?,
            at_ms: row.try_get(10)?,
        }),
    };
    Ok(QueueItem {
        place: row.try_get(0)?,
        item: NewItem {
            sample: rows::sample_id(row.try_get(1)?),
            other: row.try_get::<Option<&[u8]>, _>(2)?.map(rows::sample_id),
            repeat: row.try_get(3)?,
            swapped: row.try_get(4)?,
        },
        word,
    })
}

async fn open(ledger: &mut Ledger, spec: String, items: String) -> Stored<QueueId> {
    let queue = sqlx::query("INSERT INTO review_queues (spec, created_ms) VALUES (?, ?)")
        .bind(spec)
        .bind(ledger.clock.now_ms())
        .execute(&mut ledger.connection)
        .await?
        .last_insert_rowid();
    sqlx::query(
        "INSERT INTO review_items (queue, place, task, candidate, other_task, other_candidate, repeat, swapped)
         SELECT ?1, j.key, s.task, s.candidate, o.task, o.candidate, j.value ->> 2, j.value ->> 3
         FROM json_each(?2) j CROSS JOIN samples s ON s.id = unhex(j.value ->> 0)
         LEFT JOIN samples o ON o.id = unhex(j.value ->> 1)
         WHERE j.value ->> 1 IS NULL OR o.id IS NOT NULL",
    )
    .bind(queue)
    .bind(items)
    .execute(&mut ledger.connection)
    .await?;
    Ok(QueueId(queue))
}

/// A place's sample, and the word on it: outcome and when.
async fn find(
    ledger: &mut Ledger,
    queue: QueueId,
    place: u32,
) -> Stored<([u8; 16], Option<(Option<Outcome>, i64)>)> {
    let row = sqlx::query(
        "SELECT s.id, i.outcome, i.at_ms FROM review_items i JOIN samples s ON s.task = i.task AND s.candidate = i.candidate
         WHERE i.queue = ? AND i.place = ?",
    )
    .bind(queue.0)
    .bind(place)
    .fetch_optional(&mut ledger.connection)
    .await?
    .ok_or_else(|| StoreError::NotFound(format!("place {} of queue {}", place + 1, queue.0)))?;
    let word = match row.try_get::<Option<String>, _>(1)? {
        None => None,
        Some(outcome) => Some((Outcome::from_word(&outcome), row.try_get(2)?)),
    };
    Ok((rows::sixteen(row.try_get(0)?), word))
}

async fn say(ledger: &mut Ledger, queue: QueueId, place: u32, said: Said) -> Stored<()> {
    let (sample, word) = find(ledger, queue, place).await?;
    if word.is_some() {
        let message = format!("place {} of the queue has a word already", place + 1);
        return Err(StoreError::Broken(message));
    }
    let mut spot = Spot {
        queue: queue.0,
        place,
        word: said.word,
    };
    let Some(decided) = said.decided else {
        spot.word.at_ms = ledger.clock.now_ms();
        return write(ledger, &spot).await;
    };
    let (at, (review, told)) = decide::act(ledger, sample, decided.clone()).await?;
    // The same instant as the decision's: that is how an undo knows its own.
    spot.word.at_ms = told.map_or_else(|| ledger.clock.now_ms(), |review| review.at_ms);
    write(ledger, &spot).await?;
    journal::note(ledger, decided, (at, review), spot).await
}

/// Puts a word on a place that has none.
pub(super) async fn write(ledger: &mut Ledger, spot: &Spot) -> Stored<()> {
    let word = &spot.word;
    sqlx::query(
        "UPDATE review_items SET outcome = ?, reason = ?, took_ms = ?, blind = ?, machine = ?, at_ms = ?, actor = ?
         WHERE queue = ? AND place = ? AND outcome IS NULL",
    )
    .bind(word.outcome.word())
    .bind(&word.reason)
    .bind(unsigned(word.took_ms))
    .bind(word.blind)
    .bind(word.machine)
    .bind(word.at_ms)
    .bind(ACTOR)
    .bind(spot.queue)
    .bind(spot.place)
    .execute(&mut ledger.connection)
    .await?;
    Ok(())
}

/// Takes the word of that instant off a place.
pub(super) async fn wipe(ledger: &mut Ledger, queue: i64, place: u32, at_ms: i64) -> Stored<()> {
    sqlx::query(
        "UPDATE review_items SET outcome = NULL, reason = NULL, took_ms = NULL, blind = NULL, machine = NULL, at_ms = NULL,
         actor = NULL WHERE queue = ? AND place = ? AND at_ms = ?",
    )
    .bind(queue)
    .bind(place)
    .bind(at_ms)
    .execute(&mut ledger.connection)
    .await?;
    Ok(())
}

async fn unsay(ledger: &mut Ledger, queue: QueueId, place: u32) -> Stored<()> {
    let (sample, word) = find(ledger, queue, place).await?;
    let Some((outcome, at_ms)) = word else {
        return Ok(());
    };
    wipe(ledger, queue.0, place, at_ms).await?;
    let newest: Option<(i64, i64)> = sqlx::query_as(
        "SELECT s.task, v.id FROM samples s JOIN reviews v ON v.id = s.review WHERE s.id = ? AND v.at_ms = ?",
    )
    .bind(&sample[..])
    .bind(at_ms)
    .fetch_optional(&mut ledger.connection)
    .await?;
    if let (Some(_), Some((task, review))) = (outcome.and_then(Outcome::accepts), newest) {
        decide::decide(ledger, sample, Decided::Undo).await?;
        journal::taken_back(ledger, task, review).await?;
    }
    Ok(())
}

async fn because(ledger: &mut Ledger, queue: QueueId, place: u32, reason: String) -> Stored<()> {
    sqlx::query(
        "UPDATE review_items SET reason = ?1 WHERE queue = ?2 AND place = ?3 AND outcome IS NOT NULL",
    )
    .bind(&reason)
    .bind(queue.0)
    .bind(place)
    .execute(&mut ledger.connection)
    .await?;
    let review: Option<(i64, i64)> = sqlx::query_as(
        "UPDATE reviews SET note = ?1 WHERE id = (
             SELECT s.review FROM review_items i JOIN samples s ON s.task = i.task AND s.candidate = i.candidate
             WHERE i.queue = ?2 AND i.place = ?3 AND i.at_ms = reviews.at_ms) RETURNING task, id",
    )
    .bind(&reason)
    .bind(queue.0)
    .bind(place)
    .fetch_optional(&mut ledger.connection)
    .await?;
    match review {
        Some((task, review)) => journal::reasoned(ledger, task, review, &reason).await,
        None => Ok(()),
    }
}

async fn flag(ledger: &mut Ledger, id: [u8; 16], on: bool, missing: String) -> Stored<()> {
    let place: Option<(i64, i64)> = sqlx::query_as("SELECT task, candidate FROM samples WHERE id = ?")
        .bind(&id[..])
        .fetch_optional(&mut ledger.connection)
        .await?;
    let (task, candidate) = place.ok_or(StoreError::NotFound(missing))?;
    let statement = if on {
        "INSERT INTO review_flags (task, candidate, at_ms) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING"
    } else {
        "DELETE FROM review_flags WHERE task = ?1 AND candidate = ?2 AND ?3 > 0"
    };
    sqlx::query(statement)
        .bind(task)
        .bind(candidate)
        .bind(ledger.clock.now_ms())
        .execute(&mut ledger.connection)
        .await?;
    Ok(())
}
