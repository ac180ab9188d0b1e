//! The port of samples: pages, counts and the attempts behind them. What persons decide is in [`super::decide`].

use async_trait::async_trait;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::rows::{self, INDEX_BITS, sample_bytes, task_key, task_of, task_range};
use super::tally::unsigned;
use super::{SqliteStore, decide, filter, rejudge, statements};
use crate::core::budget::Money;
use crate::core::filter::{Facets, Sort};
use crate::core::job::JobId;
use crate::core::ports::{
    Decided, Place, Rejudgement, RequestRow, SampleFilter, SampleOrder, SamplePlace, SampleStore, StoreError,
    Stored,
};
use crate::core::request::Fingerprint;
use crate::core::sample::{Review, Sample, SampleId, StepAnswer};
use crate::core::task::TaskId;

#[async_trait]
impl SampleStore for SqliteStore {
    async fn samples(&self, filter: &SampleFilter, order: SampleOrder, limit: usize) -> Stored<Vec<Sample>> {
        let prepared = self.prepare(filter).await?;
        let mut query = QueryBuilder::new("WITH page (sample) AS (");
        push_select(&mut query, rows::SAMPLE, filter, &prepared, order);
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
        // A bare `LIMIT ?` would have SQLite prepare the statement anew for every value.
        query.push(" LIMIT +").push_bind(unsigned(limit as u64));
        query.push(") SELECT '[' || group_concat(sample) || ']' FROM page");
        let page: Option<String> = query.build_query_scalar().fetch_one(&self.readers).await?;
        rows::samples(page.as_deref())
    }

    async fn window(
        &self,
        filter: &SampleFilter,
        sort: Sort,
        place: Place,
        limit: usize,
    ) -> Stored<Vec<Sample>> {
        let places = self.find_places(filter, sort, place, limit).await?;
        self.at_places(&places).await
    }

    async fn places(
        &self,
        filter: &SampleFilter,
        sort: Sort,
        place: Place,
        limit: usize,
    ) -> Stored<Vec<SamplePlace>> {
        let places = self.find_places(filter, sort, place, limit).await?;
        let place = |(task, candidate)| (task_of(task), u32::try_from(candidate).unwrap_or(u32::MAX));
        Ok(places.into_iter().map(place).collect())
    }

    async fn rank(&self, filter: &SampleFilter, sort: Sort, sample: SamplePlace) -> Stored<Option<u64>> {
        self.count_before(filter, sort, sample).await
    }

    async fn facets(&self, filter: &SampleFilter) -> Stored<Facets> {
        self.count_facets(filter).await
    }

    async fn count_samples(&self, filter: &SampleFilter) -> Stored<u64> {
        self.count(filter).await
    }

    async fn sample_with_key(&self, job: JobId, key: [u8; 16]) -> Stored<Option<SampleId>> {
        let found: String = sqlx::query_scalar(statements::KEY_HOLDERS)
            .bind(format!("[[{},\"{}\"]]", job.0, Fingerprint(key).hex()))
            .fetch_one(&self.readers)
            .await?;
        let mut holders: Vec<(usize, SampleId)> = rows::parse(&found)?;
        Ok(holders.pop().map(|(_, id)| id))
    }

    async fn tags(&self, job: Option<JobId>) -> Stored<Vec<(String, u64)>> {
        self.known_tags(job).await
    }

    async fn decide(&self, sample: &SampleId, decided: Decided) -> Stored<Option<Review>> {
        let missing = || StoreError::NotFound(format!("sample {}", sample.0));
        let id = sample_bytes(sample).ok_or_else(missing)?;
        self.index_samples().await?;
        self.write(move |ledger| Box::pin(decide::decide(ledger, id, decided)))
            .await
    }

    async fn original(&self, (task, candidate): SamplePlace) -> Stored<Option<Vec<StepAnswer>>> {
        let steps: Option<String> = sqlx::query_scalar(
            "SELECT before_steps FROM reviews WHERE id = (SELECT MIN(w.id) FROM reviews w
             WHERE w.task = ? AND w.candidate = ? AND w.before_steps IS NOT NULL)",
        )
        .bind(task_key(task))
        .bind(candidate)
        .fetch_optional(&self.readers)
        .await?;
        steps.map(|steps| rows::parse(&steps)).transpose()
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
    pub(super) async fn index_samples(&self) -> Stored<()> {
        self.indexed(
            &self.sample_index,
            "CREATE INDEX IF NOT EXISTS samples_id ON samples (id)",
        )
        .await
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
fn first_task(job: JobId, order: SampleOrder) -> i64 {
    match order {
        SampleOrder::Plan {
            after: Some((index, _)),
        } => task_key(TaskId { job, index }),
        _ => task_range(job.0).0,
    }
}

/// `SELECT … WHERE` with the filter's conditions.
pub(super) fn select(
    columns: &'static str,
    filter: &SampleFilter,
    prepared: &filter::Prepared,
    order: SampleOrder,
) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("");
    push_select(&mut query, columns, filter, prepared, order);
    query
}

fn push_select(
    query: &mut QueryBuilder<Sqlite>,
    columns: &'static str,
    filter: &SampleFilter,
    prepared: &filter::Prepared,
    order: SampleOrder,
) {
    query
        .push("SELECT ")
        .push(columns)
        .push(" AS sample FROM samples s");
    if matches!(order, SampleOrder::Accepted { .. }) {
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
    filter::push(query, filter, prepared);
}
