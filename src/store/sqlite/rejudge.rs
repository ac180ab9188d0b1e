//! Verdicts made again: samples change their state without a person, so nothing enters the journal. What a person has decided since
//! is left alone.

use super::decide::{self, Standing};
use super::rows;
use super::writer::Ledger;
use crate::core::ports::{Rejudgement, StoreError, Stored};

/// Writes them all. Returns how many samples were changed.
pub(super) async fn rejudge(ledger: &mut Ledger, judged: Vec<Rejudgement>) -> Stored<u64> {
    let mut changed = 0;
    for judged in judged {
        let id = rows::sample_bytes(&judged.sample)
            .ok_or_else(|| StoreError::NotFound(format!("sample {}", judged.sample.0)))?;
        let mut found = decide::find(ledger, id).await?;
        if found.review.is_some() {
            continue;
        }
        sqlx::query("UPDATE answers SET verdicts = ? WHERE id = ?")
            .bind(rows::json(&judged.verdicts)?)
            .bind(found.answer)
            .execute(&mut ledger.connection)
            .await?;
        write_key(ledger, &found, None).await?;
        found.dedup_key = judged.dedup_key.map(|key| key.to_vec());
        let mut after = Standing {
            state: judged.state,
            reason: judged.reason,
            overruled: false,
            seq: found
                .standing
                .seq
                .filter(|_| judged.state == crate::core::sample::SampleState::Accepted),
        };
        decide::apply(ledger, &found, &mut after, None).await?;
        write_key(ledger, &found, found.dedup_key.as_deref()).await?;
        changed += 1;
    }
    Ok(changed)
}

async fn write_key(ledger: &mut Ledger, found: &decide::Found, key: Option<&[u8]>) -> Stored<()> {
    sqlx::query("UPDATE samples SET dedup_key = ? WHERE task = ? AND candidate = ?")
        .bind(key)
        .bind(found.task)
        .bind(found.candidate)
        .execute(&mut ledger.connection)
        .await?;
    Ok(())
}
