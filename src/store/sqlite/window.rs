//! Windows into the samples, in any order: first the places of the rows, which are small, then the rows themselves. In the order
//! of the plan a window is found directly, whatever it is in; other orders sort the narrow rows of `samples`.

use std::fmt::Write as _;

use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::filter::{self, COST, Prepared};
use super::rows::{self, SAMPLE_COLUMNS, task_key};
use super::tally::unsigned;
use super::{SqliteStore, decide::At};
use crate::core::filter::{By, Facets, LENGTHS, Sort};
use crate::core::ports::{Place, SampleFilter, SamplePlace, Stored};
use crate::core::sample::Sample;

/// Lower ends of ranges as one `CASE`.
fn length_range() -> String {
    let mut ranges = String::from("CASE");
    for (at, from) in LENGTHS.iter().enumerate().rev() {
        // Writing into a string cannot fail.
        let _ = write!(ranges, " WHEN s.length >= {from} THEN {at}");
    }
    ranges + " END"
}

impl SqliteStore {
    /// Where the rows of a window are.
    pub(super) async fn places(
        &self,
        filter: &SampleFilter,
        sort: Sort,
        place: Place,
        limit: usize,
    ) -> Stored<Vec<At>> {
        let prepared = self.prepare(filter).await?;
        let mut query = matching("s.task, s.candidate", filter, &prepared);
        let backwards = matches!(place, Place::Before(_) | Place::Last);
        match place {
            Place::After(at) => push_side(&mut query, sort, at, true),
            Place::Before(at) => push_side(&mut query, sort, at, false),
            Place::Row(_) | Place::Last => {}
        }
        push_order(&mut query, sort, backwards);
        query.push(" LIMIT ").push_bind(filter::limit(limit));
        if let Place::Row(from) = place {
            query.push(" OFFSET ").push_bind(unsigned(from));
        }
        let mut found: Vec<At> = query.build_query_as().fetch_all(&self.readers).await?;
        if backwards {
            found.reverse();
        }
        Ok(found)
    }

    /// The samples at these places, in their order.
    pub(super) async fn at_places(&self, places: &[At]) -> Stored<Vec<Sample>> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
        query.push(SAMPLE_COLUMNS).push(" FROM json_each(");
        query.push_bind(rows::json(places)?).push(
            ") j CROSS JOIN samples s ON s.task = j.value ->> 0 AND s.candidate = j.value ->> 1
             CROSS JOIN seeds d ON d.task = s.task CROSS JOIN answers a ON a.id = s.answer
             LEFT JOIN reviews v ON v.id = s.review ORDER BY j.key",
        );
        let found = query.build().fetch_all(&self.readers).await?;
        found.iter().map(rows::sample).collect()
    }

    /// How many match.
    pub(super) async fn count(&self, filter: &SampleFilter) -> Stored<u64> {
        let prepared = self.prepare(filter).await?;
        let mut query = matching("COUNT(*)", filter, &prepared);
        let count: i64 = query.build_query_scalar().fetch_one(&self.readers).await?;
        Ok(rows::unsigned(count))
    }

    /// How many come before a sample, if it matches.
    pub(super) async fn count_before(
        &self,
        filter: &SampleFilter,
        sort: Sort,
        sample: SamplePlace,
    ) -> Stored<Option<u64>> {
        let prepared = self.prepare(filter).await?;
        let mut query = matching("COUNT(*)", filter, &prepared);
        query
            .push(" AND (s.task, s.candidate) = (")
            .push_bind(task_key(sample.0));
        query.push(", ").push_bind(sample.1).push(")");
        let is_there: i64 = query.build_query_scalar().fetch_one(&self.readers).await?;
        if is_there == 0 {
            return Ok(None);
        }
        let mut query = matching("COUNT(*)", filter, &prepared);
        push_side(&mut query, sort, sample, false);
        let count: i64 = query.build_query_scalar().fetch_one(&self.readers).await?;
        Ok(Some(rows::unsigned(count)))
    }

    /// One pass over the matching rows, counted by everything at once.
    pub(super) async fn count_facets(&self, filter: &SampleFilter) -> Stored<Facets> {
        let prepared = self.prepare(filter).await?;
        let columns = format!(
            "s.state, s.reason, (SELECT name FROM teachers n WHERE n.id = s.teacher), CAST(s.judge * 2 AS INTEGER), {}, COUNT(*)",
            length_range()
        );
        let mut query = matching(&columns, filter, &prepared);
        query.push(" GROUP BY s.state, s.reason, s.teacher, 4, 5");
        let mut facets = Facets::default();
        for row in query.build().fetch_all(&self.readers).await? {
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
    query.push(columns).push(" FROM samples s WHERE true");
    filter::push_job(&mut query, filter);
    filter::push(&mut query, filter, prepared);
    query
}

/// What `samples s` is sorted by; the plan needs nothing.
fn key(by: By) -> Option<String> {
    Some(match by {
        By::Plan => return None,
        By::Time => "s.made_ms".to_owned(),
        By::Judge => "s.judge".to_owned(),
        By::Duplicate => "s.likeness".to_owned(),
        By::Length => "s.length".to_owned(),
        By::Tokens => "s.tokens".to_owned(),
        By::Cost => COST.to_owned(),
        By::Teacher => "(SELECT n.name FROM teachers n WHERE n.id = s.teacher)".to_owned(),
        // `crate::core::filter::shuffled` in SQL, which has no exclusive or.
        By::Random(seed) => {
            let seed = seed & 0x7fff_ffff;
            let task = "(s.task & 2147483647)";
            let mixed = format!("(({task} | {seed}) - ({task} & {seed}))");
            let first = format!("((({mixed} + s.candidate * 7919 + 12345) * 1103515245) & 2147483647)");
            format!("(((({first} >> 7) + {first} % 128 * 16777216) * 69621) & 2147483647)")
        }
    })
}

fn push_order(query: &mut QueryBuilder<Sqlite>, sort: Sort, backwards: bool) {
    let direction = |down: bool| if down { " DESC" } else { "" };
    query.push(" ORDER BY ");
    let Some(key) = key(sort.by) else {
        let down = direction(sort.down != backwards);
        query.push(format!("s.task{down}, s.candidate{down}"));
        return;
    };
    query.push(format!(
        "{key} IS NULL{}, {key}{}, s.task{back}, s.candidate{back}",
        direction(backwards),
        direction(sort.down != backwards),
        back = direction(backwards)
    ));
}

/// Only what comes after that sample, or before it.
fn push_side(query: &mut QueryBuilder<Sqlite>, sort: Sort, (task, candidate): SamplePlace, after: bool) {
    let task = task_key(task);
    let sign = |after: bool| if after { ">" } else { "<" };
    let place = |query: &mut QueryBuilder<Sqlite>, after: bool| {
        query.push(format!("(s.task, s.candidate) {} (", sign(after)));
        query.push_bind(task).push(", ").push_bind(candidate).push(")");
    };
    query.push(" AND (");
    if let Some(key) = key(sort.by) {
        let value = |query: &mut QueryBuilder<Sqlite>| {
            query.push(format!("(SELECT {key} FROM samples s WHERE s.task = "));
            query
                .push_bind(task)
                .push(" AND s.candidate = ")
                .push_bind(candidate)
                .push(")");
        };
        // Rows without the number come last, in the order of the plan.
        query.push("CASE WHEN ");
        value(query);
        query.push(format!(" IS NULL THEN ({key} IS NULL AND "));
        place(query, after);
        query.push(if after { ")" } else { ") OR (" });
        if !after {
            query.push(format!("{key} IS NOT NULL)"));
        }
        query.push(format!(" ELSE ({key} {} ", sign(after != sort.down)));
        value(query);
        query.push(format!(" OR {key} = "));
        value(query);
        query.push(" AND ");
        place(query, after);
        query.push(if after {
            format!(" OR {key} IS NULL)")
        } else {
            ")".to_owned()
        });
        query.push(" END");
    } else {
        place(query, after != sort.down);
    }
    query.push(")");
}
