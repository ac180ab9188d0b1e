//! Orders of samples as SQL: the stretches an order is made of, one after the other, each of them sorted as an index is; and those
//! indexes, which are made while the first who asks is answered without them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use sqlx::{AssertSqlSafe, QueryBuilder, Row as _, Sqlite};
use tokio::sync::oneshot;

use super::SqliteStore;
use super::decide::At;
use super::filter::COST;
use super::writer::{Command, Rare};
use crate::core::filter::{By, Sort};
use crate::core::ports::{SampleFilter, Stored};

/// Rows that a condition over `samples s` singles out, sorted by a number, then by their places; without one by their places only.
pub(super) struct Stretch {
    pub(super) holds: String,
    key: Option<String>,
}

/// An order: its stretches, and the index that has the rows of each in their order.
pub(super) struct Order {
    pub(super) stretches: Vec<Stretch>,
    pub(super) index: Option<&'static str>,
    down: bool,
}

/// Where a sample stands in an order.
pub(super) struct Standing {
    pub(super) stretch: usize,
    value: Option<f64>,
    at: At,
}

/// Indexes over samples that only some orders need, by name.
#[derive(Default)]
pub(super) struct Indexes(Mutex<BTreeMap<&'static str, Index>>);

enum Index {
    /// The writer was asked to make it, and answers once it is there.
    Underway(oneshot::Receiver<Stored<()>>),
    Made,
    /// It cannot be made.
    Never,
}

impl Stretch {
    fn all(key: Option<String>) -> Self {
        Self {
            holds: "1".to_owned(),
            key,
        }
    }
}

impl Order {
    /// Whether rows are read by rising keys when they are read in that direction.
    fn rises(&self, backwards: bool) -> bool {
        self.down == backwards
    }

    /// The first and the last task that rows beyond a sample can have, where that is known: rows sorted by a number are anywhere.
    pub(super) fn tasks_beyond(&self, standing: &Standing, backwards: bool) -> (Option<i64>, Option<i64>) {
        let (task, _) = standing.at;
        match &self.stretches[standing.stretch].key {
            Some(_) => (None, None),
            None if self.rises(backwards) => (Some(task), None),
            None => (None, Some(task)),
        }
    }

    /// ` AND` only rows of a stretch that come after a sample in it, or before it.
    pub(super) fn push_beyond(&self, query: &mut QueryBuilder<Sqlite>, standing: &Standing, backwards: bool) {
        let sign = if self.rises(backwards) { ">" } else { "<" };
        let (task, candidate) = standing.at;
        match (&self.stretches[standing.stretch].key, standing.value) {
            (Some(key), Some(value)) => {
                // The first half says what the second implies: an index over an expression is entered by it.
                query
                    .push(format!(" AND {key} {sign}= "))
                    .push_bind(value)
                    .push(format!(" AND ({key}, s.task, s.candidate) {sign} ("))
                    .push_bind(value)
                    .push(", ");
            }
            _ => {
                query.push(format!(" AND (s.task, s.candidate) {sign} ("));
            }
        }
        query.push_bind(task).push(", ").push_bind(candidate).push(")");
    }

    /// ` ORDER BY` within a stretch.
    pub(super) fn push_sorted(&self, query: &mut QueryBuilder<Sqlite>, stretch: usize, backwards: bool) {
        let direction = if self.rises(backwards) { "" } else { " DESC" };
        query.push(" ORDER BY ");
        if let Some(key) = &self.stretches[stretch].key {
            query.push(format!("{key}{direction}, "));
        }
        query.push(format!("s.task{direction}, s.candidate{direction}"));
    }
}

impl SqliteStore {
    /// An order as it can be read now. Where few rows are named one by one, no index is worth it.
    pub(super) async fn order_of(&self, filter: &SampleFilter, sort: Sort) -> Stored<Order> {
        let key = key(sort.by, "s.");
        let stretches = match (sort.by, key) {
            (By::Judge | By::Duplicate, Some(key)) => vec![
                Stretch {
                    holds: format!("{key} IS NOT NULL"),
                    key: Some(key.clone()),
                },
                Stretch {
                    holds: format!("{key} IS NULL"),
                    key: None,
                },
            ],
            (By::Teacher, _) => self.by_teacher(sort.down).await?,
            (_, key) => vec![Stretch::all(key)],
        };
        let index = match index(sort.by) {
            Some((name, columns)) if filter.ids.is_empty() => {
                let made = self.has_index(name, &columns).await?;
                made.then_some(name)
            }
            _ => None,
        };
        Ok(Order {
            stretches,
            index,
            down: sort.down,
        })
    }

    /// One stretch a teacher, by name; those without one last.
    async fn by_teacher(&self, down: bool) -> Stored<Vec<Stretch>> {
        let mut numbers: Vec<i64> = sqlx::query_scalar("SELECT id FROM teachers ORDER BY name")
            .fetch_all(&self.readers)
            .await?;
        if down {
            numbers.reverse();
        }
        let stretch = |holds| Stretch { holds, key: None };
        let named = numbers.iter().map(|number| format!("s.teacher = {number}"));
        let last = std::iter::once("s.teacher IS NULL".to_owned());
        Ok(named.chain(last).map(stretch).collect())
    }

    /// Where a sample stands, whether or not it matches anything; `None` if it is gone.
    pub(super) async fn standing(&self, order: &Order, at: At) -> Stored<Option<Standing>> {
        use std::fmt::Write as _;
        let (mut place, mut value) = (String::from("CASE"), String::from("CASE"));
        for (number, stretch) in order.stretches.iter().enumerate() {
            // Writing into a string cannot fail.
            let _ = write!(place, " WHEN {} THEN {number}", stretch.holds);
            let key = stretch.key.as_deref().unwrap_or("NULL");
            let _ = write!(value, " WHEN {} THEN {key}", stretch.holds);
        }
        let row = sqlx::query(AssertSqlSafe(format!(
            "SELECT {place} END, CAST({value} END AS REAL) FROM samples s WHERE s.task = ? AND s.candidate = ?"
        )))
        .bind(at.0)
        .bind(at.1)
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let stretch: i64 = row.try_get(0)?;
        Ok(Some(Standing {
            stretch: usize::try_from(stretch).unwrap_or(0),
            value: row.try_get(1)?,
            at,
        }))
    }

    /// Whether an index is there. Where it is not, the writer is told to make it, and nobody waits for that.
    async fn has_index(&self, name: &'static str, columns: &str) -> Stored<bool> {
        if let Some(known) = self.indexes.look(name) {
            return Ok(known);
        }
        let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM sqlite_schema WHERE name = ?")
            .bind(name)
            .fetch_optional(&self.readers)
            .await?;
        let state = if found.is_some() {
            Index::Made
        } else if let Ok(writer) = self.sender() {
            let statement = format!("CREATE INDEX IF NOT EXISTS {name} ON samples ({columns})");
            let (work, answer) = Rare::order(move |ledger| {
                Box::pin(async move {
                    sqlx::query(AssertSqlSafe(statement))
                        .execute(&mut ledger.connection)
                        .await?;
                    Ok(())
                })
            });
            match writer.send(Command::Work(work)).await {
                Ok(()) => Index::Underway(answer),
                Err(_) => Index::Never,
            }
        } else {
            Index::Never
        };
        self.indexes.note(name, state);
        Ok(found.is_some())
    }
}

impl Indexes {
    /// What is known of an index: whether it is there.
    fn look(&self, name: &str) -> Option<bool> {
        let mut known = self.0.lock().ok()?;
        let index = known.get_mut(name)?;
        if let Index::Underway(answer) = index {
            match answer.try_recv() {
                Err(oneshot::error::TryRecvError::Empty) => return Some(false),
                Ok(Ok(())) => *index = Index::Made,
                Ok(Err(_)) | Err(oneshot::error::TryRecvError::Closed) => *index = Index::Never,
            }
        }
        Some(matches!(index, Index::Made))
    }

    fn note(&self, name: &'static str, state: Index) {
        if let Ok(mut known) = self.0.lock() {
            known.entry(name).or_insert(state);
        }
    }
}

/// The index of an order: its name and columns. The places of rows are part of every index. Costs are sums over attempts, which no
/// index can hold.
fn index(by: By) -> Option<(&'static str, String)> {
    let name = match by {
        By::Time => "samples_made",
        By::Judge => "samples_judge",
        By::Duplicate => "samples_likeness",
        By::Length => "samples_length",
        By::Tokens => "samples_tokens",
        By::Teacher => "samples_teacher",
        By::Random(1) => "samples_random",
        By::Plan | By::Cost | By::Random(_) => return None,
    };
    let key = key(by, "").unwrap_or_else(|| "teacher".to_owned());
    Some((name, format!("{key}, task, candidate")))
}

/// The number that samples are sorted by; the plan needs none, and teachers have names.
fn key(by: By, of: &str) -> Option<String> {
    Some(match by {
        By::Plan | By::Teacher => return None,
        By::Time => format!("{of}made_ms"),
        By::Judge => format!("{of}judge"),
        By::Duplicate => format!("{of}likeness"),
        By::Length => format!("{of}length"),
        By::Tokens => format!("{of}tokens"),
        By::Cost => COST.to_owned(),
        // `crate::core::filter::shuffled` in SQL, which has no exclusive or.
        By::Random(seed) => {
            let seed = seed & 0x7fff_ffff;
            let task = format!("({of}task & 2147483647)");
            let mixed = format!("(({task} | {seed}) - ({task} & {seed}))");
            let first = format!("((({mixed} + {of}candidate * 7919 + 12345) * 1103515245) & 2147483647)");
            format!("(((({first} >> 7) + {first} % 128 * 16777216) * 69621) & 2147483647)")
        }
    })
}
