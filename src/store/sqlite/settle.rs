//! The settling half of a commit group: how tasks leave their leases, which samples are kept, and which of them turn out to be
//! exact duplicates, in the ledger or within the group.

use std::collections::HashMap;

use super::super::rules;
use super::group::{Asked, SettleOrder, due};
use super::rows::{self, task_key};
use super::statements;
use super::tally::unsigned;
use super::writer::Ledger;
use crate::core::filter::Facts;
use crate::core::ports::Stored;
use crate::core::request::Fingerprint;
use crate::core::sample::{NewSample, Reason, SampleId, SampleState, answered_by};
use crate::core::task::{Settled, SettledSample, TaskState, Transition};
use serde_json::json;

type Settle = Asked<SettleOrder, Settled>;
type Key = (i64, [u8; 16]);

/// What the good settles of a group write.
#[derive(Default)]
pub(super) struct Settling<'a> {
    settles: Vec<&'a mut Settle>,
}

/// A task's row after its lease.
struct TaskEnd {
    task: i64,
    state: TaskState,
    reason: Option<String>,
    due_ms: Option<i64>,
}

/// A sample's rows.
struct SampleRow<'a> {
    task: i64,
    sample: &'a NewSample,
    state: SampleState,
    reason: Option<Reason>,
    seq: Option<i64>,
    teacher: Option<i64>,
    answer: i64,
    steps: &'a str,
    verdicts: String,
}

impl<'a> Settling<'a> {
    /// Adds a settle whose lease is good.
    pub(super) fn add(&mut self, settle: &'a mut Settle) {
        self.settles.push(settle);
    }

    /// Writes them and leaves each its outcome.
    pub(super) async fn run(self, ledger: &mut Ledger) -> Stored<()> {
        let mut holders = holders(ledger, &self.settles).await?;
        let mut ends = Vec::with_capacity(self.settles.len());
        let mut samples = Vec::new();
        for settle in self.settles {
            let Settle { order, outcome, .. } = settle;
            let job = order.lease.task.job.0;
            let mut settled = Vec::new();
            let end = match &order.transition {
                Transition::Finish { samples: made } => {
                    for (sample, texts) in made.iter().zip(&order.texts) {
                        let row = judge(ledger, &mut holders, order.lease.task, sample, texts).await?;
                        settled.push(row.outcome());
                        samples.push(row);
                    }
                    let made = samples.iter().rev().take(settled.len());
                    end(order, rules::task_state(made.map(|row| row.state)), None, None)
                }
                Transition::Retry { after, error } => {
                    let due_ms = Some(due(ledger, *after));
                    end(order, TaskState::RetryWait, Some(error.clone()), due_ms)
                }
                Transition::Snooze { after, cause } => {
                    let due_ms = Some(due(ledger, *after));
                    end(order, TaskState::Snoozed, Some(cause.clone()), due_ms)
                }
                Transition::Fail { reason } => {
                    ledger.tally.failed(job, reason, 1);
                    end(order, TaskState::Failed, Some(reason.clone()), None)
                }
                Transition::Release => {
                    ledger.pending.has(task_key(order.lease.task));
                    end(order, TaskState::Pending, None, None)
                }
            };
            ledger.tally.moved(job, TaskState::Leased, end.state, 1);
            *outcome = Some(Ok(Settled {
                state: end.state,
                samples: settled,
            }));
            ends.push(end);
        }
        write(ledger, &ends, &samples).await
    }
}

impl SampleRow<'_> {
    fn outcome(&self) -> SettledSample {
        match (self.state, self.seq, self.reason) {
            (SampleState::Accepted, Some(seq), _) => SettledSample::Accepted { seq },
            (SampleState::Rejected, _, Some(reason)) => SettledSample::Rejected(reason),
            (SampleState::Rejected, _, None) => SettledSample::Rejected(Reason::Script),
            _ => SettledSample::NeedsReview,
        }
    }
}

fn end(order: &SettleOrder, state: TaskState, reason: Option<String>, due_ms: Option<i64>) -> TaskEnd {
    TaskEnd {
        task: task_key(order.lease.task),
        state,
        reason,
        due_ms,
    }
}

/// Which keys of the group's accepted samples are held already, and by which sample.
async fn holders(ledger: &mut Ledger, settles: &[&mut Settle]) -> Stored<HashMap<Key, SampleId>> {
    let mut keys: Vec<Key> = Vec::new();
    for settle in settles {
        let Transition::Finish { samples } = &settle.order.transition else {
            continue;
        };
        let accepted = samples
            .iter()
            .filter(|sample| sample.state == SampleState::Accepted);
        keys.extend(accepted.filter_map(|sample| Some((settle.order.lease.task.job.0, sample.dedup_key?))));
    }
    let mut holders = HashMap::with_capacity(keys.len());
    if keys.is_empty() {
        return Ok(holders);
    }
    let wanted: Vec<_> = keys
        .iter()
        .map(|(job, key)| json!([job, Fingerprint(*key).hex()]))
        .collect();
    let found: String = sqlx::query_scalar(statements::KEY_HOLDERS)
        .bind(serde_json::Value::Array(wanted).to_string())
        .fetch_one(&mut ledger.connection)
        .await?;
    for (at, id) in rows::parse::<Vec<(usize, SampleId)>>(&found)? {
        if let Some(key) = keys.get(at) {
            holders.insert(*key, id);
        }
    }
    Ok(holders)
}

/// Turns a judged candidate into its rows: accepted ones get their place, duplicates their verdict.
async fn judge<'a>(
    ledger: &mut Ledger,
    holders: &mut HashMap<Key, SampleId>,
    task: crate::core::task::TaskId,
    sample: &'a NewSample,
    texts: &'a (String, String),
) -> Stored<SampleRow<'a>> {
    let job = task.job.0;
    let (mut state, mut reason, mut verdicts) = (sample.state, sample.reason, texts.1.clone());
    if let (SampleState::Accepted, Some(key)) = (state, sample.dedup_key) {
        if let Some(first) = holders.get(&(job, key)) {
            state = SampleState::Rejected;
            reason = Some(Reason::ExactDuplicate);
            let mut all = sample.verdicts.clone();
            all.push(rules::duplicate_of(first));
            verdicts = rows::json(&all)?;
        } else {
            holders.insert((job, key), sample.id.clone());
        }
    }
    let seq = (state == SampleState::Accepted).then(|| {
        ledger.numbers.seq += 1;
        ledger.numbers.seq
    });
    let name = answered_by(&sample.steps);
    let teacher = match name {
        Some(name) => Some(ledger.teachers.number(&mut ledger.connection, name).await?),
        None => None,
    };
    ledger.numbers.answer += 1;
    let name = teacher.map(|number| ledger.teachers.name(number));
    ledger.tally.judged(job, name.as_ref(), state, reason);
    Ok(SampleRow {
        task: task_key(task),
        sample,
        state,
        reason,
        seq,
        teacher,
        answer: ledger.numbers.answer,
        steps: &texts.0,
        verdicts,
    })
}

async fn write(ledger: &mut Ledger, ends: &[TaskEnd], samples: &[SampleRow<'_>]) -> Stored<()> {
    statements::END_TASK
        .run_all(&mut ledger.connection, ends, |end, values| {
            values
                .push(end.task)
                .push(rows::task_code(end.state))
                .push(end.reason.as_deref())
                .push(end.due_ms)
                .push(0);
        })
        .await?;
    statements::INSERT_ANSWER
        .run_all(&mut ledger.connection, samples, |row, values| {
            values.push(row.answer).push(row.steps).push(&*row.verdicts);
        })
        .await?;
    let now = ledger.clock.now_ms();
    statements::INSERT_SAMPLE
        .run_all(&mut ledger.connection, samples, |row, values| {
            let facts = Facts::of(&row.sample.steps, &row.sample.verdicts);
            values
                .push(row.task)
                .push(row.sample.candidate)
                .push(rows::sample_bytes(&row.sample.id).map(|id| id.to_vec()))
                .push(rows::sample_code(row.state))
                .push(row.teacher)
                .push(row.answer)
                .push(row.reason.map(Reason::word))
                .push(row.seq)
                .push(row.sample.dedup_key.map(|key| key.to_vec()))
                .push(facts.judge)
                .push(facts.duplicate)
                .push(unsigned(facts.length))
                .push(unsigned(facts.tokens))
                .push(now);
        })
        .await?;
    Ok(())
}
