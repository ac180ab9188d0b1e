//! Rows to shapes and back: ids, states and JSON columns. No statements here.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use std::time::Duration;

use crate::core::Row;
use crate::core::budget::{Amount, Money};
use crate::core::job::JobId;
use crate::core::ports::{StoreError, Stored};
use crate::core::request::{Fingerprint, RawResponse};
use crate::core::sample::{Reason, Review, Sample, SampleId, SampleState, StepAnswer, Verdict};
use crate::core::task::{Question, RequestId, RequestState, TaskId, TaskState};

/// Bits of a task's id that hold its place in the plan.
pub(super) const INDEX_BITS: u32 = 40;
const INDEX_MASK: i64 = (1 << INDEX_BITS) - 1;

/// A task's row.
pub(super) fn task_key(task: TaskId) -> i64 {
    (task.job.0 << INDEX_BITS) | (i64::try_from(task.index).unwrap_or(INDEX_MASK) & INDEX_MASK)
}

/// The task of a row.
pub(super) fn task_of(key: i64) -> TaskId {
    TaskId {
        job: JobId(job_of(key)),
        index: unsigned(key & INDEX_MASK),
    }
}

/// The job of a task's row.
pub(super) fn job_of(key: i64) -> i64 {
    key >> INDEX_BITS
}

/// First and last possible row of a job's tasks.
pub(super) fn task_range(job: i64) -> (i64, i64) {
    (job << INDEX_BITS, (job << INDEX_BITS) | INDEX_MASK)
}

/// A count that SQLite keeps signed.
pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A JSON list of rows.
pub(super) fn list(keys: &[i64]) -> String {
    let mut text = String::with_capacity(keys.len() * 16 + 2);
    text.push('[');
    for (at, key) in keys.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&key.to_string());
    }
    text.push(']');
    text
}

/// A JSON column.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Stored<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Broken(error.to_string()))
}

/// A JSON column read back.
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Stored<T> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Unusable(format!("a stored row cannot be read: {error}")))
}

/// The state of an attempt whose answer its lease left unread: it counts by its estimate until it is read.
pub(super) const UNREAD: i64 = 1;

fn unknown(what: &str, code: impl std::fmt::Display) -> StoreError {
    StoreError::Unusable(format!("unknown {what} {code} in the ledger"))
}

/// The number of a task's state.
pub(super) fn task_code(state: TaskState) -> i64 {
    let at = TaskState::ALL.iter().position(|known| *known == state);
    at.and_then(|at| i64::try_from(at).ok()).unwrap_or(0)
}

/// The inverse of [`task_code`].
pub(super) fn task_state(code: i64) -> Stored<TaskState> {
    usize::try_from(code)
        .ok()
        .and_then(|at| TaskState::ALL.get(at).copied())
        .ok_or_else(|| unknown("task state", code))
}

/// The number of an attempt's state when it leaves its lease. Within one, an answered attempt is a begun one with a response.
pub(super) fn request_code(state: RequestState) -> i64 {
    match state {
        RequestState::Begun => 0,
        RequestState::Answered => UNREAD,
        RequestState::Settled => 2,
        RequestState::Failed => 3,
        RequestState::Refused => 4,
        RequestState::Lost => 5,
    }
}

/// The inverse of [`request_code`].
pub(super) fn request_state(code: i64, answered: bool) -> Stored<RequestState> {
    Ok(match code {
        0 if answered => RequestState::Answered,
        UNREAD => RequestState::Answered,
        0 => RequestState::Begun,
        2 => RequestState::Settled,
        3 => RequestState::Failed,
        4 => RequestState::Refused,
        5 => RequestState::Lost,
        other => return Err(unknown("request state", other)),
    })
}

/// The number of a sample's state.
pub(super) fn sample_code(state: SampleState) -> i64 {
    match state {
        SampleState::Accepted => 0,
        SampleState::Rejected => 1,
        SampleState::NeedsReview => 2,
    }
}

/// The inverse of [`sample_code`].
pub(super) fn sample_state(code: i64) -> Stored<SampleState> {
    Ok(match code {
        0 => SampleState::Accepted,
        1 => SampleState::Rejected,
        2 => SampleState::NeedsReview,
        other => return Err(unknown("sample state", other)),
    })
}

/// A reason column.
pub(super) fn reason(word: Option<String>) -> Stored<Option<Reason>> {
    word.map(|word| Reason::from_word(&word).ok_or_else(|| unknown("reason", word)))
        .transpose()
}

/// A sample's id as 16 bytes; `None` if it is no id.
pub(super) fn sample_bytes(id: &SampleId) -> Option<[u8; 16]> {
    Fingerprint::from_hex(&id.0).map(|print| print.0)
}

/// Sixteen bytes of a column; zeros if it holds another number of them.
pub(super) fn sixteen(bytes: &[u8]) -> [u8; 16] {
    bytes.try_into().unwrap_or_default()
}

/// A sample's id from its column.
pub(super) fn sample_id(bytes: &[u8]) -> SampleId {
    SampleId(Fingerprint(sixteen(bytes)).hex())
}

/// The columns of [`super::statements::HISTORY`] that an attempt and its answer share everywhere.
pub(super) struct AttemptRow {
    pub(super) id: RequestId,
    pub(super) task: i64,
    pub(super) question: Question,
    pub(super) teacher: String,
    pub(super) fingerprint: Fingerprint,
    pub(super) state: RequestState,
    pub(super) response: Option<RawResponse>,
}

/// What was set aside for an attempt, from three columns starting at `first`.
pub(super) fn estimate(row: &SqliteRow, first: usize) -> Stored<Amount> {
    Ok(Amount {
        usd: Money(row.try_get(first)?),
        tokens: unsigned(row.try_get(first + 1)?),
        requests: unsigned(row.try_get(first + 2)?),
    })
}

/// Reads them.
pub(super) fn attempt(row: &SqliteRow) -> Stored<AttemptRow> {
    let response = response(row, 8)?;
    Ok(AttemptRow {
        id: RequestId(row.try_get(0)?),
        task: row.try_get(1)?,
        question: Question {
            step: row.try_get(2)?,
            candidate: row.try_get(3)?,
            ask: row.try_get(4)?,
        },
        teacher: row.try_get(5)?,
        fingerprint: Fingerprint(sixteen(row.try_get(6)?)),
        state: request_state(row.try_get(7)?, response.is_some())?,
        response,
    })
}

/// An answer from the columns status, latency, headers, body, starting at `first`; `None` if they are NULL.
pub(super) fn response(row: &SqliteRow, first: usize) -> Stored<Option<RawResponse>> {
    let Some(status) = row.try_get::<Option<u16>, _>(first)? else {
        return Ok(None);
    };
    Ok(Some(RawResponse {
        status,
        latency: Duration::from_micros(unsigned(row.try_get(first + 1)?)),
        headers: parse(row.try_get(first + 2)?)?,
        body: row.try_get(first + 3)?,
    }))
}

/// A whole sample as a JSON list: columns that hold JSON go in as they are. A page of samples is one text, because SQLite's thread hands
/// over each value of each row by itself.
pub(super) const SAMPLE: &str = "format('[%d,%d,\"%s\",%d,%s,%s,%s,%s,%s,%s,%s,%s]', \
     s.task, s.candidate, hex(s.id), s.state, json_quote(s.reason), json_quote(s.seq), d.seed, d.vary, a.steps, a.verdicts, \
     CASE WHEN v.id IS NULL THEN 'null' ELSE json_array(v.action, v.note, v.before_state, v.at_ms) END, COALESCE(s.tags, '[]'))";

/// [`SAMPLE`], in its order.
#[derive(Deserialize)]
struct SampleRow {
    task: i64,
    candidate: u32,
    id: String,
    state: i64,
    reason: Option<String>,
    seq: Option<i64>,
    seed: Row,
    vary: Row,
    steps: Vec<StepAnswer>,
    verdicts: Vec<Verdict>,
    review: Option<(String, Option<String>, i64, i64)>,
    tags: Vec<String>,
}

impl SampleRow {
    fn sample(self) -> Stored<Sample> {
        let review = match self.review {
            None => None,
            Some((action, note, before, at_ms)) => Some(Review {
                action,
                note,
                before: sample_state(before)?,
                at_ms,
            }),
        };
        Ok(Sample {
            task: task_of(self.task),
            candidate: self.candidate,
            id: SampleId(self.id.to_ascii_lowercase()),
            state: sample_state(self.state)?,
            reason: reason(self.reason)?,
            seq: self.seq,
            seed: self.seed,
            vary: self.vary,
            steps: self.steps,
            verdicts: self.verdicts,
            review,
            tags: self.tags,
        })
    }
}

/// Reads a JSON list of [`SAMPLE`]s; NULL is an empty one.
pub(super) fn samples(page: Option<&str>) -> Stored<Vec<Sample>> {
    let rows: Vec<SampleRow> = page.map_or(Ok(Vec::new()), parse)?;
    rows.into_iter().map(SampleRow::sample).collect()
}

/// Tags of a column.
pub(super) fn tags(column: Option<&str>) -> Stored<Vec<String>> {
    column.map_or(Ok(Vec::new()), parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_found_again_from_its_row() {
        for (job, index) in [(1, 0), (7, 1_000_000), (8_000_000, (1 << 40) - 1)] {
            let task = TaskId {
                job: JobId(job),
                index,
            };
            assert_eq!(task_of(task_key(task)), task);
            let (first, last) = task_range(job);
            assert!((first..=last).contains(&task_key(task)));
        }
    }

    #[test]
    fn states_survive_their_codes() {
        use RequestState::{Answered, Begun, Failed, Lost, Refused, Settled};
        for state in TaskState::ALL {
            assert_eq!(task_state(task_code(state)), Ok(state));
        }
        for state in [
            SampleState::Accepted,
            SampleState::Rejected,
            SampleState::NeedsReview,
        ] {
            assert_eq!(sample_state(sample_code(state)), Ok(state));
        }
        for state in [Begun, Answered, Settled, Failed, Refused, Lost] {
            let answered = state == Answered;
            assert_eq!(request_state(request_code(state), answered), Ok(state));
        }
        assert!(task_state(99).is_err());
    }
}
