//! Verdicts made again: samples change their state without a person. What a person has decided since is left alone. A whole job
//! judged again is not journaled; some samples judged again are, each with what it was before and what it became.

use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use super::decide::{self, At, Found, Standing};
use super::rows;
use super::writer::Ledger;
use crate::core::filter::Facts;
use crate::core::ports::{Rejudgement, StoreError, Stored};
use crate::core::sample::{Reason, SampleState, Verdict};

/// All that validators say of a sample.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Side {
    state: SampleState,
    reason: Option<Reason>,
    overruled: bool,
    seq: Option<i64>,
    key: Option<Vec<u8>>,
    verdicts: String,
}

/// A sample, and what is to be said of it.
type Said = (Found, Side);

/// Writes them all. Returns how many samples were changed.
pub(super) async fn rejudge(ledger: &mut Ledger, judged: Vec<Rejudgement>) -> Stored<u64> {
    let mut changed = 0;
    for judged in judged {
        let Some((found, side)) = said(ledger, judged).await? else {
            continue;
        };
        write_key(ledger, &found, None).await?;
        write(ledger, found, side, None).await?;
        changed += 1;
    }
    Ok(changed)
}

/// The same, so that it can be taken back. Returns the places, each with the row that does.
pub(super) async fn judge_some(ledger: &mut Ledger, judged: Vec<Rejudgement>) -> Stored<Vec<(At, i64)>> {
    let mut all = Vec::with_capacity(judged.len());
    for judged in judged {
        all.extend(said(ledger, judged).await?);
    }
    // Keys are laid down before any is taken up: so no two samples hold one in between.
    let mut befores = Vec::with_capacity(all.len());
    for (found, _) in &all {
        befores.push(side(ledger, found).await?);
        write_key(ledger, found, None).await?;
    }
    let mut done = Vec::with_capacity(all.len());
    for ((found, after), before) in all.into_iter().zip(befores) {
        let at = (found.task, found.candidate);
        let earlier = judging(ledger, at).await?;
        let number = sqlx::query(
            "INSERT INTO judgings (task, candidate, earlier, before, after) VALUES (?, ?, ?, ?, '')",
        )
        .bind(at.0)
        .bind(at.1)
        .bind(earlier)
        .bind(rows::json(&before)?)
        .execute(&mut ledger.connection)
        .await?
        .last_insert_rowid();
        let after = write(ledger, found, after, Some(number)).await?;
        sqlx::query("UPDATE judgings SET after = ? WHERE id = ?")
            .bind(rows::json(&after)?)
            .bind(number)
            .execute(&mut ledger.connection)
            .await?;
        done.push((at, number));
    }
    Ok(done)
}

/// Brings back what samples were before they were judged again, or what they were after it; says of each whether it changed. What
/// somebody has decided since stays.
pub(super) async fn turn(
    ledger: &mut Ledger,
    samples: Vec<(i64, i64, i64)>,
    again: bool,
) -> Stored<Vec<(i64, i64, i64, bool)>> {
    let mut done = Vec::with_capacity(samples.len());
    let mut all: Vec<(Said, Option<i64>)> = Vec::new();
    for (task, candidate, number) in samples {
        let at = (task, candidate);
        let stored = sqlx::query("SELECT before, after, earlier FROM judgings WHERE id = ?")
            .bind(number)
            .fetch_optional(&mut ledger.connection)
            .await?;
        let found = decide::find_at(ledger, at).await?;
        let in_force = judging(ledger, at).await?;
        let (Some(stored), Some(found)) = (stored, found) else {
            done.push((task, candidate, number, false));
            continue;
        };
        let earlier: Option<i64> = stored.try_get(2)?;
        let (stands, column, next) = if again {
            (in_force == earlier, 1, Some(number))
        } else {
            (in_force == Some(number), 0, earlier)
        };
        let changes = stands && found.review.is_none();
        if changes {
            let text: &str = stored.try_get(column)?;
            write_key(ledger, &found, None).await?;
            all.push(((found, rows::parse(text)?), next));
        }
        done.push((task, candidate, number, changes));
    }
    for ((found, side), next) in all {
        write(ledger, found, side, next).await?;
    }
    Ok(done)
}

/// What a rejudgement says, in the ledger's words; `None` where a person has decided.
async fn said(ledger: &mut Ledger, judged: Rejudgement) -> Stored<Option<Said>> {
    let id = rows::sample_bytes(&judged.sample)
        .ok_or_else(|| StoreError::NotFound(format!("sample {}", judged.sample.0)))?;
    let found = decide::find(ledger, id).await?;
    if found.review.is_some() {
        return Ok(None);
    }
    let accepted = judged.state == SampleState::Accepted;
    let side = Side {
        state: judged.state,
        reason: judged.reason,
        overruled: false,
        seq: found.standing.seq.filter(|_| accepted),
        key: judged.dedup_key.map(|key| key.to_vec()),
        verdicts: rows::json(&judged.verdicts)?,
    };
    Ok(Some((found, side)))
}

/// What is said of it now.
async fn side(ledger: &mut Ledger, found: &Found) -> Stored<Side> {
    let verdicts: String = sqlx::query_scalar("SELECT verdicts FROM answers WHERE id = ?")
        .bind(found.answer)
        .fetch_one(&mut ledger.connection)
        .await?;
    Ok(Side {
        state: found.standing.state,
        reason: found.standing.reason,
        overruled: found.standing.overruled,
        seq: found.standing.seq,
        key: found.dedup_key.clone(),
        verdicts,
    })
}

async fn judging(ledger: &mut Ledger, (task, candidate): At) -> Stored<Option<i64>> {
    let found: Option<Option<i64>> =
        sqlx::query_scalar("SELECT judging FROM samples WHERE task = ? AND candidate = ?")
            .bind(task)
            .bind(candidate)
            .fetch_optional(&mut ledger.connection)
            .await?;
    Ok(found.flatten())
}

/// Writes what is said of a sample, whose key is laid down. Returns it as it stands in the ledger.
async fn write(ledger: &mut Ledger, mut found: Found, side: Side, judging: Option<i64>) -> Stored<Side> {
    sqlx::query("UPDATE answers SET verdicts = ? WHERE id = ?")
        .bind(&side.verdicts)
        .bind(found.answer)
        .execute(&mut ledger.connection)
        .await?;
    let facts = Facts::of(&[], &rows::parse::<Vec<Verdict>>(&side.verdicts)?);
    sqlx::query("UPDATE samples SET judge = ?, likeness = ?, judging = ? WHERE task = ? AND candidate = ?")
        .bind(facts.judge)
        .bind(facts.duplicate)
        .bind(judging)
        .bind(found.task)
        .bind(found.candidate)
        .execute(&mut ledger.connection)
        .await?;
    found.dedup_key.clone_from(&side.key);
    let mut after = Standing {
        state: side.state,
        reason: side.reason,
        overruled: side.overruled,
        seq: side.seq,
    };
    decide::apply(ledger, &found, &mut after, None).await?;
    write_key(ledger, &found, side.key.as_deref()).await?;
    Ok(Side {
        overruled: after.overruled,
        seq: after.seq,
        ..side
    })
}

async fn write_key(ledger: &mut Ledger, found: &Found, key: Option<&[u8]>) -> Stored<()> {
    sqlx::query("UPDATE samples SET dedup_key = ? WHERE task = ? AND candidate = ?")
        .bind(key)
        .bind(found.task)
        .bind(found.candidate)
        .execute(&mut ledger.connection)
        .await?;
    Ok(())
}
