//! What a person decides about a sample, and taking it back: the sample, its task, the sums and the journal in one transaction.

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::super::rules;
use super::rows::{self, job_of, sample_code, sample_state, task_code};
use super::tag;
use super::tally::{DECISIONS, unsigned};
use super::writer::Ledger;
use crate::core::filter::Facts;
use crate::core::ports::{Decided, StoreError, Stored};
use crate::core::sample::{Reason, Review, SampleState, StepAnswer};
use crate::core::task::TaskState;

/// A sample's row.
pub(super) struct Found {
    pub(super) task: i64,
    pub(super) candidate: i64,
    pub(super) standing: Standing,
    pub(super) answer: i64,
    pub(super) review: Option<i64>,
    pub(super) dedup_key: Option<Vec<u8>>,
    teacher: Option<i64>,
}

/// What a decision changes about a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) state: SampleState,
    pub(super) reason: Option<Reason>,
    pub(super) overruled: bool,
    pub(super) seq: Option<i64>,
}

/// A sample's place: its task's row, and which candidate.
pub(super) type At = (i64, i64);

/// Carries it out. Returns the review in force after it.
pub(super) async fn decide(ledger: &mut Ledger, id: [u8; 16], decided: Decided) -> Stored<Option<Review>> {
    let found = find(ledger, id).await?;
    if decided == Decided::Undo {
        return undo(ledger, &found).await;
    }
    if let Decided::Tag(change) = &decided {
        tag::tag(ledger, (found.task, found.candidate), change).await?;
        return in_force(ledger, found.review).await;
    }
    let (_, review) = carry_out(ledger, &found, decided).await?;
    Ok(Some(review))
}

/// Carries out what can be taken back. Returns where the sample is, and the row that will take it back, with the review if that is one.
pub(super) async fn act(
    ledger: &mut Ledger,
    id: [u8; 16],
    decided: Decided,
) -> Stored<(At, (i64, Option<Review>))> {
    let found = find(ledger, id).await?;
    if let Decided::Tag(change) = &decided {
        let at = (found.task, found.candidate);
        let tagging = tag::tag(ledger, at, change).await?;
        return Ok((at, (tagging.unwrap_or_default(), None)));
    }
    let (row, review) = carry_out(ledger, &found, decided).await?;
    Ok(((found.task, found.candidate), (row, Some(review))))
}

/// The same at a place, once more; `None` where the sample is gone.
pub(super) async fn act_at(
    ledger: &mut Ledger,
    at: At,
    decided: Decided,
) -> Stored<Option<(i64, Option<Review>)>> {
    if let Decided::Tag(change) = &decided {
        let tagging = tag::tag(ledger, at, change).await?;
        return Ok(tagging.map(|tagging| (tagging, None)));
    }
    let Some(found) = find_at(ledger, at).await? else {
        return Ok(None);
    };
    let (row, review) = carry_out(ledger, &found, decided).await?;
    Ok(Some((row, Some(review))))
}

/// Takes that review back. False where the sample is gone, or was decided again since.
pub(super) async fn take_back(ledger: &mut Ledger, at: At, review: i64) -> Stored<bool> {
    let found = find_at(ledger, at).await?;
    let Some(found) = found.filter(|found| found.review == Some(review)) else {
        return Ok(false);
    };
    undo(ledger, &found).await?;
    Ok(true)
}

async fn carry_out(ledger: &mut Ledger, found: &Found, decided: Decided) -> Stored<(i64, Review)> {
    let before = found.standing;
    if decided == Decided::Accept && before.state == SampleState::Rejected {
        let cleaned: bool = sqlx::query_scalar("SELECT steps = '[]' FROM answers WHERE id = ?")
            .bind(found.answer)
            .fetch_one(&mut ledger.connection)
            .await?;
        if cleaned {
            return Err(StoreError::Broken(rules::NO_TEXT.to_owned()));
        }
    }
    let (action, note, mut after, steps) = match decided {
        Decided::Tag(_) | Decided::JudgedAgain | Decided::Undo => {
            return Err(StoreError::Broken(
                "this is no decision about a sample".to_owned(),
            ));
        }
        Decided::Accept => ("accepted", None, accepted(before), None),
        Decided::Reject { note } => ("rejected", note, rejected(), None),
        Decided::Edit { steps } => {
            // What a person wrote is not what the validators accepted: it holds no key.
            let after = Standing {
                overruled: true,
                ..accepted(before)
            };
            ("edited", None, after, Some(rows::json(&steps)?))
        }
    };
    let earlier_steps = match &steps {
        None => None,
        Some(steps) => Some(replace_steps(ledger, found, steps).await?),
    };
    let at_ms = ledger.clock.now_ms();
    let review = sqlx::query(
        "INSERT INTO reviews (task, candidate, earlier, action, note, at_ms, before_state, before_reason, before_overruled,
                              before_steps, before_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(found.task)
    .bind(found.candidate)
    .bind(found.review)
    .bind(action)
    .bind(&note)
    .bind(at_ms)
    .bind(sample_code(before.state))
    .bind(before.reason.map(Reason::word))
    .bind(before.overruled)
    .bind(earlier_steps)
    .bind(before.seq)
    .execute(&mut ledger.connection)
    .await?
    .last_insert_rowid();
    apply(ledger, found, &mut after, Some(review)).await?;
    let told = Review {
        action: action.to_owned(),
        note,
        before: before.state,
        at_ms,
    };
    Ok((review, told))
}

/// A person's acceptance of what validators rejected is overruled: outside the unique index.
fn accepted(before: Standing) -> Standing {
    Standing {
        state: SampleState::Accepted,
        reason: None,
        overruled: before.overruled || before.state == SampleState::Rejected,
        seq: before.seq,
    }
}

fn rejected() -> Standing {
    Standing {
        state: SampleState::Rejected,
        reason: Some(Reason::ByHand),
        overruled: false,
        seq: None,
    }
}

async fn undo(ledger: &mut Ledger, found: &Found) -> Stored<Option<Review>> {
    let Some(review) = found.review else {
        return Ok(None);
    };
    let row = sqlx::query(
        "DELETE FROM reviews WHERE id = ? RETURNING before_state, before_reason, before_overruled, before_steps, earlier,
         before_seq",
    )
    .bind(review)
    .fetch_one(&mut ledger.connection)
    .await?;
    let state = sample_state(row.try_get(0)?)?;
    let mut after = Standing {
        state,
        reason: rows::reason(row.try_get(1)?)?,
        overruled: row.try_get(2)?,
        // The place it had is nobody else's: numbers are given once.
        seq: row.try_get(5)?,
    };
    if let Some(steps) = row.try_get::<Option<String>, _>(3)? {
        replace_steps(ledger, found, &steps).await?;
    }
    let earlier: Option<i64> = row.try_get(4)?;
    apply(ledger, found, &mut after, earlier).await?;
    in_force(ledger, earlier).await
}

async fn in_force(ledger: &mut Ledger, review: Option<i64>) -> Stored<Option<Review>> {
    let Some(review) = review else {
        return Ok(None);
    };
    let found = sqlx::query("SELECT action, note, before_state, at_ms FROM reviews WHERE id = ?")
        .bind(review)
        .fetch_optional(&mut ledger.connection)
        .await?;
    found.as_ref().map(review_of).transpose()
}

fn review_of(row: &SqliteRow) -> Stored<Review> {
    Ok(Review {
        action: row.try_get(0)?,
        note: row.try_get(1)?,
        before: sample_state(row.try_get(2)?)?,
        at_ms: row.try_get(3)?,
    })
}

const COLUMNS: &str =
    "SELECT task, candidate, state, reason, overruled, seq, answer, review, dedup_key, teacher FROM samples";

/// A sample's row, by its id.
pub(super) async fn find(ledger: &mut Ledger, id: [u8; 16]) -> Stored<Found> {
    let row = sqlx::query(AssertSqlSafe(format!("{COLUMNS} WHERE id = ?")))
        .bind(&id[..])
        .fetch_optional(&mut ledger.connection)
        .await?
        .ok_or_else(|| StoreError::NotFound(format!("sample {}", rows::sample_id(&id).0)))?;
    found(&row)
}

pub(super) async fn find_at(ledger: &mut Ledger, (task, candidate): At) -> Stored<Option<Found>> {
    let row = sqlx::query(AssertSqlSafe(format!(
        "{COLUMNS} WHERE task = ? AND candidate = ?"
    )))
    .bind(task)
    .bind(candidate)
    .fetch_optional(&mut ledger.connection)
    .await?;
    row.as_ref().map(found).transpose()
}

fn found(row: &SqliteRow) -> Stored<Found> {
    Ok(Found {
        task: row.try_get(0)?,
        candidate: row.try_get(1)?,
        standing: Standing {
            state: sample_state(row.try_get(2)?)?,
            reason: rows::reason(row.try_get(3)?)?,
            overruled: row.try_get(4)?,
            seq: row.try_get(5)?,
        },
        answer: row.try_get(6)?,
        review: row.try_get(7)?,
        dedup_key: row.try_get(8)?,
        teacher: row.try_get(9)?,
    })
}

/// Returns the steps that were there.
async fn replace_steps(ledger: &mut Ledger, found: &Found, steps: &str) -> Stored<String> {
    let before: String = sqlx::query_scalar("SELECT steps FROM answers WHERE id = ?")
        .bind(found.answer)
        .fetch_one(&mut ledger.connection)
        .await?;
    sqlx::query("UPDATE answers SET steps = ? WHERE id = ?")
        .bind(steps)
        .bind(found.answer)
        .execute(&mut ledger.connection)
        .await?;
    let facts = Facts::of(&rows::parse::<Vec<StepAnswer>>(steps)?, &[]);
    sqlx::query("UPDATE samples SET length = ?, tokens = ? WHERE task = ? AND candidate = ?")
        .bind(unsigned(facts.length))
        .bind(unsigned(facts.tokens))
        .bind(found.task)
        .bind(found.candidate)
        .execute(&mut ledger.connection)
        .await?;
    Ok(before)
}

/// Writes the new standing, with a new place where the sample enters the dataset, and what follows for the task and the sums.
pub(super) async fn apply(
    ledger: &mut Ledger,
    found: &Found,
    after: &mut Standing,
    review: Option<i64>,
) -> Stored<()> {
    let accepted = after.state == SampleState::Accepted;
    if accepted && after.seq.is_none() {
        ledger.numbers.seq += 1;
        after.seq = Some(ledger.numbers.seq);
    }
    if accepted && !after.overruled && key_is_held(ledger, found).await? {
        after.overruled = true;
    }
    sqlx::query("UPDATE samples SET state = ?, reason = ?, overruled = ?, seq = ?, review = ? WHERE task = ? AND candidate = ?")
        .bind(sample_code(after.state))
        .bind(after.reason.map(Reason::word))
        .bind(after.overruled)
        .bind(after.seq)
        .bind(review)
        .bind(found.task)
        .bind(found.candidate)
        .execute(&mut ledger.connection)
        .await?;
    let teacher = found.teacher.map(|number| ledger.teachers.name(number));
    let (job, before) = (job_of(found.task), found.standing);
    if accepted || before.state == SampleState::Accepted {
        // The dataset's files are behind from this commit on, until they are written anew.
        ledger.tally.add(job, DECISIONS, "made", 1);
    }
    let teacher = teacher.as_deref();
    ledger.tally.sample(job, teacher, before.state, before.reason, -1);
    ledger.tally.sample(job, teacher, after.state, after.reason, 1);
    judge_task(ledger, found.task).await
}

/// Whether another accepted sample holds this one's key.
async fn key_is_held(ledger: &mut Ledger, found: &Found) -> Stored<bool> {
    let Some(key) = &found.dedup_key else {
        return Ok(false);
    };
    let held: Option<i64> = sqlx::query_scalar(
        "SELECT task FROM samples INDEXED BY samples_unique WHERE task >> 40 = ? AND dedup_key = ? AND state = 0
         AND overruled = 0 AND dedup_key IS NOT NULL AND (task, candidate) <> (?, ?)",
    )
    .bind(job_of(found.task))
    .bind(key)
    .bind(found.task)
    .bind(found.candidate)
    .fetch_optional(&mut ledger.connection)
    .await?;
    Ok(held.is_some())
}

/// The task's state follows its samples, unless it is in somebody's hands.
async fn judge_task(ledger: &mut Ledger, task: i64) -> Stored<()> {
    let codes: Vec<i64> = sqlx::query_scalar("SELECT state FROM samples WHERE task = ?")
        .bind(task)
        .fetch_all(&mut ledger.connection)
        .await?;
    let states = codes.into_iter().map(sample_state).collect::<Stored<Vec<_>>>()?;
    let state = rules::task_state(states);
    let before: i64 = sqlx::query_scalar("SELECT state FROM tasks WHERE id = ?")
        .bind(task)
        .fetch_one(&mut ledger.connection)
        .await?;
    let before = rows::task_state(before)?;
    let judged = [TaskState::Accepted, TaskState::Rejected, TaskState::NeedsReview];
    if before == state || !judged.contains(&before) {
        return Ok(());
    }
    sqlx::query("UPDATE tasks SET state = ? WHERE id = ?")
        .bind(task_code(state))
        .bind(task)
        .execute(&mut ledger.connection)
        .await?;
    ledger.tally.moved(job_of(task), before, state, unsigned(1));
    Ok(())
}
