//! Conditions as SQL over `samples s`. Every word is 0 or 1, never NULL, so that what is not known is simply not so, and its
//! negation holds. Fields are looked up in Rust, which alone knows how.

use futures::TryStreamExt;
use regex::Regex;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::SqliteStore;
use super::rows::{self, INDEX_BITS, list, sample_code, task_range};
use super::tally::unsigned;
use crate::core::Row;
use crate::core::filter::{Condition, Measure, Status, Term};
use crate::core::ports::{SampleFilter, Stored};
use crate::core::sample::{Reason, StepAnswer, as_text, in_rows, in_steps};

/// What a filter needs to know from the ledger before it is SQL.
#[derive(Default)]
pub(super) struct Prepared {
    /// Teachers by number.
    teachers: Vec<(i64, String)>,
    /// For each word about a field, in their order: a JSON list of the places where it holds.
    fields: Vec<String>,
    now_ms: i64,
}

impl SqliteStore {
    /// Gets a filter ready: the index over ids, the names of teachers, and the samples whose fields match.
    pub(super) async fn prepare(&self, filter: &SampleFilter) -> Stored<Prepared> {
        if !filter.ids.is_empty() {
            self.index_samples().await?;
        }
        let mut prepared = Prepared {
            now_ms: self.clock.now_ms(),
            ..Prepared::default()
        };
        let terms = filter.condition.terms();
        if terms.iter().any(|term| matches!(term, Term::Teacher(..))) {
            prepared.teachers = sqlx::query_as("SELECT id, name FROM teachers")
                .fetch_all(&self.readers)
                .await?;
        }
        for term in terms {
            if let Term::Field { path, pattern } = term {
                let places = self.with_field(filter, path, pattern).await?;
                prepared.fields.push(places);
            }
        }
        Ok(prepared)
    }

    /// Reads every sample the rest of the filter leaves.
    async fn with_field(&self, filter: &SampleFilter, path: &str, pattern: &str) -> Stored<String> {
        let Ok(pattern) = Regex::new(pattern) else {
            return Ok("[]".to_owned());
        };
        let narrow = SampleFilter {
            condition: without_fields(&filter.condition),
            ..filter.clone()
        };
        let teachers = sqlx::query_as("SELECT id, name FROM teachers")
            .fetch_all(&self.readers)
            .await?;
        let prepared = Prepared {
            teachers,
            fields: Vec::new(),
            now_ms: self.clock.now_ms(),
        };
        let mut query = QueryBuilder::new(WITH_TEXTS);
        push_job(&mut query, &narrow);
        push(&mut query, &narrow, &prepared);
        let wanted = [FieldTest::of(path, Some(pattern), true)];
        let mut found = Vec::new();
        let mut reading = self.reading().await?;
        {
            let mut all = query.build().fetch(reading.connection());
            while let Some(row) = all.try_next().await? {
                if FieldTest::all_hold(&wanted, &row)? {
                    let place: (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
                    found.push(format!("[{},{}]", place.0, place.1));
                }
            }
        }
        reading.done();
        Ok(format!("[{}]", found.join(",")))
    }
}

/// Rows with what fields are read from.
pub(super) const WITH_TEXTS: &str = "SELECT s.task, s.candidate, a.steps, d.seed, d.vary FROM samples s
     CROSS JOIN seeds d ON d.task = s.task CROSS JOIN answers a ON a.id = s.answer WHERE true";

/// A word about a field.
pub(super) struct FieldTest {
    path: String,
    /// `None`: it is no regular expression, which nothing matches.
    pattern: Option<Regex>,
    /// Whether it has to match.
    holds: bool,
}

impl FieldTest {
    fn of(path: &str, pattern: Option<Regex>, holds: bool) -> Self {
        Self {
            path: path.to_owned(),
            pattern,
            holds,
        }
    }

    /// Takes the words about fields out of a filter, where each of them must hold or not hold by itself; `None` where there are none,
    /// or where they are part of something larger.
    pub(super) fn apart(filter: &SampleFilter) -> Option<(SampleFilter, Vec<Self>)> {
        let parts = match &filter.condition {
            Condition::All(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        let (mut rest, mut tests) = (Vec::new(), Vec::new());
        for part in parts {
            let (word, holds) = match part {
                Condition::Not(word) => (&**word, false),
                word => (word, true),
            };
            match word {
                Condition::Is(Term::Field { path, pattern }) => {
                    tests.push(Self::of(path, Regex::new(pattern).ok(), holds));
                }
                _ if part.reads_fields() => return None,
                _ => rest.push(part.clone()),
            }
        }
        let rest = SampleFilter {
            condition: Condition::All(rest),
            ..filter.clone()
        };
        (!tests.is_empty()).then_some((rest, tests))
    }

    /// Whether a row of [`WITH_TEXTS`] is as all of them want it. The seed is read only where no step has the field's name.
    pub(super) fn all_hold(tests: &[Self], row: &SqliteRow) -> Stored<bool> {
        let steps: Vec<StepAnswer> = rows::parse(row.try_get(2)?)?;
        for test in tests {
            let value = if let Some(value) = in_steps(&steps, &test.path) {
                value
            } else {
                let (seed, vary): (Row, Row) = (rows::parse(row.try_get(3)?)?, rows::parse(row.try_get(4)?)?);
                in_rows([&vary, &seed], &test.path)
            };
            let pattern = test.pattern.as_ref();
            let matches =
                value.is_some_and(|value| pattern.is_some_and(|pattern| pattern.is_match(&as_text(value))));
            if matches != test.holds {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The parts that must hold and are no word about a field.
fn without_fields(condition: &Condition) -> Condition {
    let parts = match condition {
        Condition::All(parts) => parts.clone(),
        one => vec![one.clone()],
    };
    let plain = parts.into_iter().filter(|part| !part.reads_fields());
    Condition::All(plain.collect())
}

/// What words about texts are read from, beside `samples s`. Joined, every table is read along with the samples; a look into it for
/// each sample would find its place anew.
pub(super) fn texts(filter: &SampleFilter) -> &'static str {
    let reads = |term: &&Term| matches!(term, Term::Text(_) | Term::Seed(_));
    if filter.condition.terms().iter().any(reads) {
        TEXTS
    } else {
        ""
    }
}

/// The seeds `d` and answers `a` of `samples s`: each has one.
const TEXTS: &str = " CROSS JOIN seeds d ON d.task = s.task CROSS JOIN answers a ON a.id = s.answer";

/// The range of tasks of the job.
pub(super) fn push_job(query: &mut QueryBuilder<Sqlite>, filter: &SampleFilter) {
    push_tasks(query, filter, (None, None));
}

/// The range of tasks of the job, or as much of it as lies between two tasks: SQLite begins where the range does, whatever else is said
/// about the rows.
pub(super) fn push_tasks(
    query: &mut QueryBuilder<Sqlite>,
    filter: &SampleFilter,
    (from, to): (Option<i64>, Option<i64>),
) {
    if let Some(job) = filter.job {
        let (first, last) = task_range(job.0);
        query
            .push(" AND s.task BETWEEN ")
            .push_bind(from.map_or(first, |from| from.max(first)));
        query.push(" AND ").push_bind(to.map_or(last, |to| to.min(last)));
    }
}

/// Everything the filter asks beside the job, each part with its `AND` in front, about `samples s` and its [`texts`].
pub(super) fn push(query: &mut QueryBuilder<Sqlite>, filter: &SampleFilter, prepared: &Prepared) {
    if !filter.states.is_empty() {
        let codes: Vec<i64> = filter.states.iter().map(|state| sample_code(*state)).collect();
        query.push(" AND s.state IN (SELECT value FROM json_each(");
        query.push_bind(list(&codes)).push("))");
    }
    if !filter.ids.is_empty() {
        let ids: Vec<&str> = filter.ids.iter().map(|id| id.0.as_str()).collect();
        query.push(" AND s.id IN (SELECT unhex(value) FROM json_each(");
        query.push_bind(serde_json::json!(ids).to_string()).push("))");
    }
    if !filter.condition.is_everything() {
        query.push(" AND ");
        condition(query, &filter.condition, prepared, &mut 0);
    }
}

fn condition(query: &mut QueryBuilder<Sqlite>, wanted: &Condition, prepared: &Prepared, field: &mut usize) {
    let mut between = |parts: &[Condition], glue: &str, nothing: &str| {
        query.push("(");
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                query.push(glue);
            }
            condition(query, part, prepared, field);
        }
        query.push(if parts.is_empty() { nothing } else { "" }).push(")");
    };
    match wanted {
        Condition::All(parts) => between(parts, " AND ", "1"),
        Condition::Any(parts) => between(parts, " OR ", "0"),
        Condition::Not(one) => {
            query.push("NOT ");
            condition(query, one, prepared, field);
        }
        Condition::Is(term) => {
            query.push("ifnull(");
            push_term(query, term, prepared, field);
            query.push(", 0)");
        }
    }
}

fn push_term(query: &mut QueryBuilder<Sqlite>, term: &Term, prepared: &Prepared, field: &mut usize) {
    match term {
        Term::Job(name) => {
            query.push("s.task >> 40 = (SELECT id FROM jobs WHERE name = ");
            query.push_bind(name.clone()).push(")");
        }
        Term::Status(wanted) => {
            query.push("(0");
            for status in wanted {
                match status {
                    Status::In(state) => query.push(" OR s.state = ").push_bind(sample_code(*state)),
                    Status::Edited => query.push(
                        " OR EXISTS (SELECT 1 FROM reviews w WHERE w.id = s.review AND w.action = 'edited')",
                    ),
                    Status::Decided => query.push(" OR s.review IS NOT NULL"),
                };
            }
            query.push(")");
        }
        Term::Reason(reasons) => {
            let words: Vec<&str> = reasons.iter().copied().map(Reason::word).collect();
            query.push("s.reason IN (SELECT value FROM json_each(");
            query.push_bind(serde_json::json!(words).to_string()).push("))");
        }
        Term::Teacher(part, pattern) => {
            let named = prepared
                .teachers
                .iter()
                .filter(|(_, name)| part.matches(name, pattern));
            let numbers: Vec<i64> = named.map(|(number, _)| *number).collect();
            query.push("s.teacher IN (SELECT value FROM json_each(");
            query.push_bind(list(&numbers)).push("))");
        }
        Term::Number(measured, bound, value) => {
            query
                .push(measure(*measured))
                .push(bound.sign())
                .push_bind(*value);
        }
        Term::Tag(pattern) => {
            query.push("EXISTS (SELECT 1 FROM json_each(s.tags) e WHERE e.value GLOB ");
            query.push_bind(glob(pattern)).push(")");
        }
        Term::After(age) => {
            let ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            query
                .push("s.made_ms >= ")
                .push_bind(prepared.now_ms.saturating_sub(ms));
        }
        Term::Text(text) => {
            query.push("(");
            push_raw(query, "a.steps", text);
            query.push("EXISTS (SELECT 1 FROM json_each(a.steps) e WHERE e.value ->> '$.text' LIKE ");
            query.push_bind(like(text)).push(" ESCAPE '\\') OR ");
            push_seed(query, text);
            query.push(")");
        }
        Term::Seed(text) => push_seed(query, text),
        Term::Field { .. } => {
            let places = prepared
                .fields
                .get(*field)
                .cloned()
                .unwrap_or_else(|| "[]".to_owned());
            *field += 1;
            query.push("(s.task, s.candidate) IN (SELECT value ->> 0, value ->> 1 FROM json_each(");
            query.push_bind(places).push("))");
        }
    }
}

fn push_seed(query: &mut QueryBuilder<Sqlite>, text: &str) {
    query.push("(");
    push_raw(query, "d.seed", text);
    query.push("EXISTS (SELECT 1 FROM json_each(d.seed) e WHERE e.value LIKE ");
    query.push_bind(like(text)).push(" ESCAPE '\\'))");
}

/// The JSON itself holds the text `AND `, which is known without reading it as JSON; what JSON would write otherwise is left to those
/// who read it.
fn push_raw(query: &mut QueryBuilder<Sqlite>, json: &str, text: &str) {
    if !text.contains(|c: char| matches!(c, '"' | '\\' | '/') || c.is_control()) {
        query.push(format!("{json} LIKE ")).push_bind(like(text));
        query.push(" ESCAPE '\\' AND ");
    }
}

/// A number about `samples s`.
fn measure(measure: Measure) -> String {
    match measure {
        Measure::Judge => "s.judge".to_owned(),
        Measure::Duplicate => "s.likeness".to_owned(),
        Measure::Length => "s.length".to_owned(),
        Measure::Tokens => "s.tokens".to_owned(),
        Measure::Cost => format!("{COST} / 1e6"),
        Measure::Task => format!("(s.task & {})", (1_i64 << INDEX_BITS) - 1),
        Measure::Attempts => "(SELECT COUNT(*) FROM requests r WHERE r.task = s.task)".to_owned(),
    }
}

/// What the task of `samples s` cost, in micro-USD.
pub(super) const COST: &str = "(SELECT ifnull(SUM(r.cost), 0) FROM requests r WHERE r.task = s.task)";

/// The pattern, in which only `*` is special.
fn glob(pattern: &str) -> String {
    let plain = |c: char| match c {
        '[' | '?' => format!("[{c}]"),
        other => other.to_string(),
    };
    pattern.chars().map(plain).collect()
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

/// A count of rows as SQLite takes it.
pub(super) fn limit(rows: usize) -> i64 {
    unsigned(rows as u64)
}
