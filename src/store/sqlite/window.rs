//! Windows into the samples, in any order: first the places of the rows, which are small, then the rows themselves. Rows are found
//! where an index has them in their order; what no index has is sorted, anew for every window.

use std::fmt::Write as _;

use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, QueryBuilder, Row as _, Sqlite};

use super::filter::{self, FieldTest, Prepared};
use super::order::{Order, Standing};
use super::rows::{self, task_key};
use super::tally::unsigned;
use super::{SqliteStore, decide::At};
use crate::core::filter::{By, Facets, LENGTHS, Sort};
use crate::core::ports::{Place, SampleFilter, SamplePlace, Stored};
use crate::core::sample::{Sample, SampleState};

/// Lower ends of ranges as one `CASE`.
fn length_range() -> String {
    let mut ranges = String::from("CASE");
    for (at, from) in LENGTHS.iter().enumerate().rev() {
        // Writing into a string cannot fail.
        let _ = write!(ranges, " WHEN s.length >= {from} THEN {at}");
    }
    ranges + " END"
}

/// Rows of an order that are looked at one by one for matching ones, before all rows are searched and the matching ones sorted.
const LOOKED_AT: i64 = 20_000;

/// A piece of a stretch.
struct Piece<'a> {
    filter: &'a SampleFilter,
    prepared: &'a Prepared,
    order: &'a Order,
    stretch: usize,
    /// Only what comes beyond this sample.
    beyond: Option<&'a Standing>,
    backwards: bool,
    limit: usize,
    skip: u64,
}

impl SqliteStore {
    /// Where the rows of a window are.
    pub(super) async fn find_places(
        &self,
        filter: &SampleFilter,
        sort: Sort,
        place: Place,
        limit: usize,
    ) -> Stored<Vec<At>> {
        // In the plan's order rows are looked at until there are enough, which no other order can tell before it has seen all.
        let apart = FieldTest::apart(filter).filter(|_| sort.by == By::Plan);
        let filter = apart.as_ref().map_or(filter, |(rest, _)| rest);
        let prepared = self.prepare(filter).await?;
        let order = self.order_of(filter, sort).await?;
        let backwards = matches!(place, Place::Before(_) | Place::Last);
        let from = match place {
            Place::After((task, candidate)) | Place::Before((task, candidate)) => {
                let standing = self.standing(&order, (task_key(task), candidate.into())).await?;
                if standing.is_none() && backwards {
                    return Ok(Vec::new());
                }
                standing
            }
            Place::Row(_) | Place::Last => None,
        };
        let last = order.stretches.len() - 1;
        let first = from.as_ref().map(|from| from.stretch);
        let turned = |at: usize| if backwards { last - at } else { at };
        let mut skip = if let Place::Row(row) = place { row } else { 0 };
        if let Some((_, tests)) = &apart {
            let piece = Piece {
                filter,
                prepared: &prepared,
                order: &order,
                stretch: 0,
                beyond: from.as_ref(),
                backwards,
                limit,
                skip,
            };
            let mut found = self.walk(&piece, tests).await?;
            if backwards {
                found.reverse();
            }
            return Ok(found);
        }
        let mut found = Vec::new();
        for stretch in (turned(first.unwrap_or(turned(0)))..=last).map(turned) {
            let piece = Piece {
                filter,
                prepared: &prepared,
                order: &order,
                stretch,
                beyond: from.as_ref().filter(|from| from.stretch == stretch),
                backwards,
                limit: limit - found.len(),
                skip,
            };
            let rows = self.read(&piece).await?;
            if rows.is_empty() && skip > 0 && turned(stretch) < last {
                skip = skip.saturating_sub(self.count_piece(&piece).await?);
            } else {
                skip = 0;
            }
            found.extend(rows);
            if found.len() >= limit {
                break;
            }
        }
        if backwards {
            found.reverse();
        }
        Ok(found)
    }

    /// The rows of a piece. With an index its first rows are found at once where many match; where few do, there is little to sort.
    async fn read(&self, piece: &Piece<'_>) -> Stored<Vec<At>> {
        let Some(index) = piece.order.index else {
            return self.search(piece, None).await;
        };
        if piece.is_whole() {
            return self.search(piece, Some(index)).await;
        }
        if piece.skip < LOOKED_AT.unsigned_abs() {
            let found = self.look(piece, index).await?;
            if found.len() >= piece.limit {
                return Ok(found);
            }
        }
        self.search(piece, None).await
    }

    async fn search(&self, piece: &Piece<'_>, index: Option<&str>) -> Stored<Vec<At>> {
        let mut query = piece.select("s.task, s.candidate", index);
        filter::push(&mut query, piece.filter, piece.prepared);
        piece.push_page(&mut query);
        let mut reading = self.reading().await?;
        let found = query.build_query_as().fetch_all(reading.connection()).await?;
        reading.done();
        Ok(found)
    }

    /// Those that match among the first rows of the order.
    async fn look(&self, piece: &Piece<'_>, index: &str) -> Stored<Vec<At>> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT s.task, s.candidate FROM (");
        piece.push_select(&mut query, "s.task, s.candidate", Some(index), "");
        piece
            .order
            .push_sorted(&mut query, piece.stretch, piece.backwards);
        query
            .push(" LIMIT ")
            .push_bind(LOOKED_AT)
            .push(") o CROSS JOIN samples s ON s.task = o.task AND s.candidate = o.candidate")
            .push(filter::texts(piece.filter))
            .push(" WHERE true");
        filter::push(&mut query, piece.filter, piece.prepared);
        piece.push_page(&mut query);
        let mut reading = self.reading().await?;
        let found = query.build_query_as().fetch_all(reading.connection()).await?;
        reading.done();
        Ok(found)
    }

    /// Those whose fields are as wanted, one row after the other.
    async fn walk(&self, piece: &Piece<'_>, tests: &[FieldTest]) -> Stored<Vec<At>> {
        let mut query = QueryBuilder::<Sqlite>::new(filter::WITH_TEXTS);
        piece.push_beyond(&mut query);
        filter::push(&mut query, piece.filter, piece.prepared);
        piece
            .order
            .push_sorted(&mut query, piece.stretch, piece.backwards);
        let (mut found, mut skip) = (Vec::new(), piece.skip);
        let mut reading = self.reading().await?;
        {
            let mut all = query.build().fetch(reading.connection());
            while found.len() < piece.limit
                && let Some(row) = all.try_next().await?
            {
                if !FieldTest::all_hold(tests, &row)? {
                } else if skip > 0 {
                    skip -= 1;
                } else {
                    found.push((row.try_get(0)?, row.try_get(1)?));
                }
            }
        }
        reading.done();
        Ok(found)
    }

    async fn count_piece(&self, piece: &Piece<'_>) -> Stored<u64> {
        let index = piece.order.index.filter(|_| piece.is_whole());
        let mut query = piece.select("COUNT(*)", index);
        filter::push(&mut query, piece.filter, piece.prepared);
        self.number(query).await
    }

    /// The answer of a count.
    async fn number(&self, mut query: QueryBuilder<Sqlite>) -> Stored<u64> {
        let mut reading = self.reading().await?;
        let count: i64 = query.build_query_scalar().fetch_one(reading.connection()).await?;
        reading.done();
        Ok(rows::unsigned(count))
    }

    /// The samples at these places, in their order.
    pub(super) async fn at_places(&self, places: &[At]) -> Stored<Vec<Sample>> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT '[' || group_concat(");
        query
            .push(rows::SAMPLE)
            .push(", ',' ORDER BY j.key) || ']' FROM json_each(");
        query.push_bind(rows::json(places)?).push(
            ") j CROSS JOIN samples s ON s.task = j.value ->> 0 AND s.candidate = j.value ->> 1
             CROSS JOIN seeds d ON d.task = s.task CROSS JOIN answers a ON a.id = s.answer
             LEFT JOIN reviews v ON v.id = s.review",
        );
        let page: Option<String> = query.build_query_scalar().fetch_one(&self.readers).await?;
        rows::samples(page.as_deref())
    }

    /// How many match. All there are was counted as they came.
    pub(super) async fn count(&self, filter: &SampleFilter) -> Stored<u64> {
        if is_whole(filter) {
            let count: i64 = sqlx::query_scalar(
                "SELECT COALESCE(SUM(value), 0) FROM counters WHERE kind = 'samples' AND CASE WHEN ?1 IS NULL THEN job > 0 ELSE job = ?1 END",
            )
            .bind(filter.job.map(|job| job.0))
            .fetch_one(&self.readers)
            .await?;
            return Ok(rows::unsigned(count));
        }
        let prepared = self.prepare(filter).await?;
        self.number(matching("COUNT(*)", filter, &prepared)).await
    }

    /// How many come before a sample, if it matches.
    pub(super) async fn count_before(
        &self,
        filter: &SampleFilter,
        sort: Sort,
        (task, candidate): SamplePlace,
    ) -> Stored<Option<u64>> {
        let prepared = self.prepare(filter).await?;
        let order = self.order_of(filter, sort).await?;
        let at: At = (task_key(task), candidate.into());
        let mut query = matching("COUNT(*)", filter, &prepared);
        query.push(" AND (s.task, s.candidate) = (").push_bind(at.0);
        query.push(", ").push_bind(at.1).push(")");
        let standing = self.standing(&order, at).await?;
        let Some(standing) = standing.filter(|standing| standing.stretch < order.stretches.len()) else {
            return Ok(None);
        };
        if self.number(query).await? == 0 {
            return Ok(None);
        }
        let mut before = 0;
        for stretch in 0..=standing.stretch {
            let piece = Piece {
                filter,
                prepared: &prepared,
                order: &order,
                stretch,
                beyond: Some(&standing).filter(|standing| standing.stretch == stretch),
                backwards: true,
                limit: 0,
                skip: 0,
            };
            before += self.count_piece(&piece).await?;
        }
        Ok(Some(before))
    }

    /// All that match, counted by everything.
    pub(super) async fn count_facets(&self, filter: &SampleFilter) -> Stored<Facets> {
        if is_whole(filter)
            && let Some(facets) = self.facets_of_all(filter).await?
        {
            return Ok(facets);
        }
        self.facets_of_some(filter).await
    }

    /// States and reasons were counted as the samples came; for the rest there are the indexes of orders, each of which has its rows
    /// sorted already. `None` as long as one of them is not there.
    async fn facets_of_all(&self, filter: &SampleFilter) -> Stored<Option<Facets>> {
        let mut indexes = Vec::new();
        for by in [By::Teacher, By::Judge, By::Length] {
            let order = self.order_of(filter, Sort { by, down: false }).await?;
            indexes.extend(order.index);
        }
        let [teacher, judge, length] = indexes[..] else {
            return Ok(None);
        };
        let mut facets = Facets::default();
        let sums: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT kind, name, SUM(value) FROM counters WHERE kind IN ('samples', 'reasons')
             AND CASE WHEN ?1 IS NULL THEN job > 0 ELSE job = ?1 END GROUP BY 1, 2 HAVING SUM(value) > 0",
        )
        .bind(filter.job.map(|job| job.0))
        .fetch_all(&self.readers)
        .await?;
        let states = [
            SampleState::Accepted,
            SampleState::Rejected,
            SampleState::NeedsReview,
        ];
        for (kind, name, many) in sums {
            let many = rows::unsigned(many);
            if kind == "reasons" {
                facets
                    .reasons
                    .extend(rows::reason(Some(name))?.map(|reason| (reason, many)));
            } else if let Some(at) = states.iter().position(|state| state.word() == name) {
                facets.states[at] += many;
            }
        }
        let (first, last) = filter.job.map_or((0, i64::MAX), |job| rows::task_range(job.0));
        let grouped = |key: &str, column: &str, index: &str| {
            AssertSqlSafe(format!(
                "SELECT {key} AS kind, SUM(many) FROM (SELECT {column}, COUNT(*) AS many FROM samples INDEXED BY {index}
                 WHERE task BETWEEN ? AND ? AND {column} IS NOT NULL GROUP BY {column}) s GROUP BY kind"
            ))
        };
        let name = "(SELECT name FROM teachers n WHERE n.id = s.teacher)";
        let teachers: Vec<(Option<String>, i64)> = sqlx::query_as(grouped(name, "teacher", teacher))
            .bind(first)
            .bind(last)
            .fetch_all(&self.readers)
            .await?;
        let halves = "CAST(s.judge * 2 AS INTEGER)";
        let judged: Vec<(i64, i64)> = sqlx::query_as(grouped(halves, "judge", judge))
            .bind(first)
            .bind(last)
            .fetch_all(&self.readers)
            .await?;
        let lengths: Vec<(i64, i64)> = sqlx::query_as(grouped(&length_range(), "length", length))
            .bind(first)
            .bind(last)
            .fetch_all(&self.readers)
            .await?;
        let named = teachers
            .into_iter()
            .filter_map(|(name, many)| Some((name?, many)));
        facets.teachers = named.map(|(name, many)| (name, rows::unsigned(many))).collect();
        let counted = judged.into_iter();
        facets.judge = counted.map(|(half, many)| (half, rows::unsigned(many))).collect();
        let ranged = lengths.into_iter();
        let range = |at| usize::try_from(at).unwrap_or(0);
        facets.lengths = ranged
            .map(|(at, many)| (range(at), rows::unsigned(many)))
            .collect();
        Ok(Some(facets.sorted()))
    }

    /// One pass over the matching rows, counted by everything at once.
    async fn facets_of_some(&self, filter: &SampleFilter) -> Stored<Facets> {
        let prepared = self.prepare(filter).await?;
        let columns = format!(
            "s.state, s.reason, (SELECT name FROM teachers n WHERE n.id = s.teacher), CAST(s.judge * 2 AS INTEGER), {}, COUNT(*)",
            length_range()
        );
        let mut query = matching(&columns, filter, &prepared);
        query.push(" GROUP BY s.state, s.reason, s.teacher, 4, 5");
        let mut facets = Facets::default();
        let mut reading = self.reading().await?;
        let found = query.build().fetch_all(reading.connection()).await?;
        reading.done();
        for row in found {
            let teacher: Option<String> = row.try_get(2)?;
            let length = usize::try_from(row.try_get::<i64, _>(4)?).unwrap_or(0);
            facets.count(
                rows::sample_state(row.try_get(0)?)?,
                rows::reason(row.try_get(1)?)?,
                teacher.as_deref(),
                row.try_get(3)?,
                length,
                rows::unsigned(row.try_get(5)?),
            );
        }
        Ok(facets.sorted())
    }
}

/// `SELECT … FROM samples s WHERE` with the filter's conditions.
fn matching(columns: &str, filter: &SampleFilter, prepared: &Prepared) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT ");
    query
        .push(columns)
        .push(" FROM samples s")
        .push(filter::texts(filter))
        .push(" WHERE true");
    filter::push_job(&mut query, filter);
    filter::push(&mut query, filter, prepared);
    query
}

/// Whether nothing but the job is asked.
fn is_whole(filter: &SampleFilter) -> bool {
    filter.states.is_empty() && filter.ids.is_empty() && filter.condition.is_everything()
}

impl Piece<'_> {
    /// Whether all of the job's rows are in it.
    fn is_whole(&self) -> bool {
        is_whole(self.filter)
    }

    /// `SELECT … FROM samples s WHERE` with all but the filter's conditions.
    fn select(&self, columns: &str, index: Option<&str>) -> QueryBuilder<Sqlite> {
        let mut query = QueryBuilder::new("");
        self.push_select(&mut query, columns, index, filter::texts(self.filter));
        query
    }

    fn push_select(
        &self,
        query: &mut QueryBuilder<Sqlite>,
        columns: &str,
        index: Option<&str>,
        joined: &str,
    ) {
        query.push("SELECT ").push(columns).push(" FROM samples s");
        if let Some(index) = index {
            query.push(" INDEXED BY ").push(index);
        }
        query
            .push(joined)
            .push(" WHERE ")
            .push(&self.order.stretches[self.stretch].holds);
        self.push_beyond(query);
    }

    /// ` AND` only the job's rows, and of them only those beyond the sample.
    fn push_beyond(&self, query: &mut QueryBuilder<Sqlite>) {
        let tasks = self
            .beyond
            .map(|standing| self.order.tasks_beyond(standing, self.backwards));
        filter::push_tasks(query, self.filter, tasks.unwrap_or_default());
        if let Some(standing) = self.beyond {
            self.order.push_beyond(query, standing, self.backwards);
        }
    }

    fn push_page(&self, query: &mut QueryBuilder<Sqlite>) {
        self.order.push_sorted(query, self.stretch, self.backwards);
        query.push(" LIMIT ").push_bind(filter::limit(self.limit));
        if self.skip > 0 {
            query.push(" OFFSET ").push_bind(unsigned(self.skip));
        }
    }
}
