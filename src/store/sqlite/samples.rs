//! The port of samples: pages, counts and the attempts behind them. What persons decide is in [`super::decide`].

use async_trait::async_trait;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::rows::{self, INDEX_BITS, SAMPLE_COLUMNS, list, sample_bytes, sample_code, task_key, task_range};
use super::tally::unsigned;
use super::{SqliteStore, decide, rejudge, statements};
use crate::core::budget::Money;
use crate::core::job::JobId;
use crate::core::ports::{
    Decided, Rejudgement, RequestRow, SampleFilter, SampleOrder, SampleStore, StoreError, Stored,
};
use crate::core::request::Fingerprint;
use crate::core::sample::{Reason, Review, Sample, SampleId};
use crate::core::task::TaskId;

#[async_trait]
impl SampleStore for SqliteStore {
    async fn samples(&self, filter: &SampleFilter, order: SampleOrder, limit: usize) -> Stored<Vec<Sample>> {
        self.ready(filter).await?;
        let mut query = select(SAMPLE_COLUMNS, filter, Some(order));
        match order {
            SampleOrder::Plan { after } => {
                match (after, filter.job) {
                    // The range of tasks begins at this place (see `first_task`), so that a page costs a page, wherever it is.
                    (Some((index, candidate)), Some(job)) => {
                        let place = task_key(TaskId { job, index });
                        query.push(" AND (s.task > ").push_bind(place);
                        query.push(" OR s.candidate > ").push_bind(candidate).push(")");
                    }
                    (Some((index, candidate)), None) => {
                        query.push(" AND (");
                        push_place(&mut query, None);
                        query.push(", s.candidate) > (").push_bind(unsigned(index));
                        query.push(", ").push_bind(candidate).push(")");
                    }
                    (None, _) => {}
                }
                query.push(" ORDER BY ");
                push_place(&mut query, filter.job);
                query.push(", s.candidate, s.task");
            }
            SampleOrder::Accepted { after } => {
                query
                    .push(" AND s.seq > ")
                    .push_bind(after)
                    .push(" ORDER BY s.seq");
            }
        }
        query.push(" LIMIT ").push_bind(unsigned(limit as u64));
        let found = query.build().fetch_all(&self.readers).await?;
        found.iter().map(rows::sample).collect()
    }

    async fn count_samples(&self, filter: &SampleFilter) -> Stored<u64> {
        self.ready(filter).await?;
        let mut query = select("COUNT(*)", filter, None);
        let count: i64 = query.build_query_scalar().fetch_one(&self.readers).await?;
        Ok(rows::unsigned(count))
    }

    async fn sample_with_key(&self, job: JobId, key: [u8; 16]) -> Stored<Option<SampleId>> {
        let found: String = sqlx::query_scalar(statements::KEY_HOLDERS)
            .bind(format!("[[{},\"{}\"]]", job.0, Fingerprint(key).hex()))
            .fetch_one(&self.readers)
            .await?;
        let mut holders: Vec<(usize, SampleId)> = rows::parse(&found)?;
        Ok(holders.pop().map(|(_, id)| id))
    }

    async fn decide(&self, sample: &SampleId, decided: Decided) -> Stored<Option<Review>> {
        let missing = || StoreError::NotFound(format!("sample {}", sample.0));
        let id = sample_bytes(sample).ok_or_else(missing)?;
        self.index_samples().await?;
        self.write(move |ledger| Box::pin(decide::decide(ledger, id, decided)))
            .await
    }

    async fn rejudge(&self, judged: Vec<Rejudgement>) -> Stored<u64> {
        self.index_samples().await?;
        self.write(move |ledger| Box::pin(rejudge::rejudge(ledger, judged)))
            .await
    }

    async fn requests_of(&self, task: TaskId) -> Stored<Vec<RequestRow>> {
        let found = sqlx::query(
            "SELECT r.id, r.task, r.step, r.candidate, r.ask, n.name, r.fingerprint, r.state, p.status, p.latency_us,
                    p.headers, p.body, r.cost, r.error
             FROM requests r JOIN teachers n ON n.id = r.teacher LEFT JOIN responses p ON p.request = r.id
             WHERE r.task = ? ORDER BY r.id",
        )
        .bind(task_key(task))
        .fetch_all(&self.readers)
        .await?;
        let mut requests = Vec::with_capacity(found.len());
        for row in &found {
            let attempt = rows::attempt(row)?;
            requests.push(RequestRow {
                id: attempt.id,
                question: attempt.question,
                teacher: attempt.teacher,
                fingerprint: attempt.fingerprint,
                state: attempt.state,
                response: attempt.response,
                cost: Money(row.try_get(12)?),
                error: row.try_get(13)?,
            });
        }
        Ok(requests)
    }
}

impl SqliteStore {
    /// Ids are hashes, and an index over hashes makes every new sample dirty another page: it is made for the first who asks.
    async fn index_samples(&self) -> Stored<()> {
        self.indexed(
            &self.sample_index,
            "CREATE INDEX IF NOT EXISTS samples_id ON samples (id)",
        )
        .await
    }

    async fn ready(&self, filter: &SampleFilter) -> Stored<()> {
        if filter.ids.is_empty() {
            return Ok(());
        }
        self.index_samples().await
    }
}

/// The place in the plan: the row within a job, the index over all jobs.
fn push_place(query: &mut QueryBuilder<Sqlite>, job: Option<JobId>) {
    if job.is_some() {
        query.push("s.task");
    } else {
        query.push(format!("s.task & {}", (1_i64 << INDEX_BITS) - 1));
    }
}

/// The first task a page of a job can hold.
fn first_task(job: JobId, order: Option<SampleOrder>) -> i64 {
    match order {
        Some(SampleOrder::Plan {
            after: Some((index, _)),
        }) => task_key(TaskId { job, index }),
        _ => task_range(job.0).0,
    }
}

/// `SELECT … WHERE` with the filter's conditions.
fn select(columns: &'static str, filter: &SampleFilter, order: Option<SampleOrder>) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(columns).push(" FROM samples s");
    if matches!(order, Some(SampleOrder::Accepted { .. })) {
        query.push(" INDEXED BY samples_seq");
    }
    query.push(
        " CROSS JOIN seeds d ON d.task = s.task CROSS JOIN answers a ON a.id = s.answer
          LEFT JOIN reviews v ON v.id = s.review WHERE true",
    );
    if let Some(job) = filter.job {
        query
            .push(" AND s.task BETWEEN ")
            .push_bind(first_task(job, order));
        query.push(" AND ").push_bind(task_range(job.0).1);
    }
    if !filter.states.is_empty() {
        let codes: Vec<i64> = filter.states.iter().map(|state| sample_code(*state)).collect();
        query.push(" AND s.state IN (SELECT value FROM json_each(");
        query.push_bind(list(&codes)).push("))");
    }
    if !filter.reasons.is_empty() {
        let words: Vec<&str> = filter.reasons.iter().copied().map(Reason::word).collect();
        query.push(" AND s.reason IN (SELECT value FROM json_each(");
        query.push_bind(serde_json::json!(words).to_string()).push("))");
    }
    if let Some(teacher) = &filter.teacher {
        query.push(" AND s.teacher = (SELECT id FROM teachers WHERE name = ");
        query.push_bind(teacher.clone()).push(")");
    }
    if !filter.ids.is_empty() {
        let ids: Vec<&str> = filter.ids.iter().map(|id| id.0.as_str()).collect();
        query.push(" AND s.id IN (SELECT unhex(value) FROM json_each(");
        query.push_bind(serde_json::json!(ids).to_string()).push("))");
    }
    if let Some(text) = &filter.text {
        let like = like(text);
        query.push(" AND (EXISTS (SELECT 1 FROM json_each(a.steps) e WHERE e.value ->> '$.text' LIKE ");
        query.push_bind(like.clone()).push(" ESCAPE '\\')");
        query.push(" OR EXISTS (SELECT 1 FROM json_each(d.seed) e WHERE e.value LIKE ");
        query.push_bind(like).push(" ESCAPE '\\'))");
    }
    query
}

/// The text anywhere, with nothing in it special.
fn like(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
