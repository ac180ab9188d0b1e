//! Saving what can be read of a damaged database: a copy of its files is read table by table, around whatever page does not answer, into a
//! new database, which is then mended as far as its own rows say how. The damaged file is only ever read.

use std::path::Path;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteQueryResult, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

use super::schema::{self, Found, VERSION};
use super::{check, copy, lock};
use crate::core::api::{Salvaged, SavedTable};
use crate::core::ports::{StoreError, Stored};

mod files;
mod mending;

use files::Workshop;

/// Rows asked for at once.
const CHUNK: i64 = 4_096;
/// Keys on each side of a hole that are tried one by one.
const NEIGHBOURS: i64 = 4_096;

/// Saves what is readable of `from` as a new database at `to`.
pub(in super::super) async fn salvage(from: &Path, to: &Path) -> Stored<Salvaged> {
    if to.exists() {
        return Err(StoreError::Broken(format!("{} exists already", to.display())));
    }
    if let Some(holder) = lock::holder(from) {
        return Err(StoreError::ReadOnly(format!(
            "the database is in use by {holder}"
        )));
    }
    let workshop = Workshop::beside(to, from)?;
    let mut whole = SqliteConnectOptions::new()
        .filename(&workshop.whole)
        .foreign_keys(false)
        .journal_mode(SqliteJournalMode::Memory)
        .synchronous(SqliteSynchronous::Off)
        .disable_statement_logging()
        .connect()
        .await?;
    let version = version(&workshop.damaged).await?;
    schema::migrate_to(&mut whole, 0, version).await?;
    let mut saved = Salvaged {
        tables: read_all(&mut whole, &workshop.damaged).await?,
        ..Salvaged::default()
    };
    schema::migrate_to(&mut whole, version, VERSION).await?;
    let is_hurt = saved.tables.iter().any(|table| table.lost > 0 || table.and_more);
    saved.mended = mending::mend(&mut whole, is_hurt).await?;
    saved.findings = check::check(&mut whole, true).await?;
    whole.close().await?;
    copy::place(&workshop.whole, to)
        .map_err(|error| StoreError::Disk(format!("{}: {error}", to.display())))?;
    Ok(saved)
}

/// The schema's version, where the file still says that it is ours.
async fn version(damaged: &Path) -> Stored<i64> {
    let mut connection = SqliteConnectOptions::new()
        .filename(damaged)
        .disable_statement_logging()
        .connect()
        .await?;
    let found = schema::identify(&mut connection).await;
    let _ = connection.close().await;
    match found {
        Ok(Found::Ours(version)) if (1..=VERSION).contains(&version) => Ok(version),
        Ok(Found::Ours(version)) => Err(StoreError::Unusable(format!(
            "the database has schema {version}, this program knows {VERSION}"
        ))),
        Ok(Found::Empty) => Err(StoreError::Unusable("there is nothing in the file".to_owned())),
        Err(error) => Err(StoreError::Unusable(format!(
            "nothing can be read: the beginning of the file is damaged ({error})"
        ))),
    }
}

/// A table and the number by which its rows are walked.
struct Table {
    name: String,
    key: String,
    columns: String,
}

/// Copies every table.
async fn read_all(whole: &mut SqliteConnection, damaged: &Path) -> Stored<Vec<SavedTable>> {
    sqlx::query("ATTACH ? AS damaged")
        .bind(damaged.display().to_string())
        .execute(&mut *whole)
        .await?;
    whole.execute("PRAGMA cell_size_check = ON").await?;
    let names: Vec<(String, bool)> = sqlx::query_as(
        "SELECT name, sql LIKE '%WITHOUT ROWID%' FROM main.sqlite_schema
         WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rootpage",
    )
    .fetch_all(&mut *whole)
    .await?;
    let mut saved = Vec::with_capacity(names.len());
    for (name, keyed) in names {
        let columns: Vec<(String, i64)> =
            sqlx::query_as("SELECT name, pk FROM pragma_table_info(?) ORDER BY cid")
                .bind(&name)
                .fetch_all(&mut *whole)
                .await?;
        let first = columns.iter().find(|(_, place)| *place == 1);
        let key = first.filter(|_| keyed).map_or("rowid", |(column, _)| column);
        let all: Vec<&str> = columns.iter().map(|(column, _)| column.as_str()).collect();
        let table = Table {
            key: key.to_owned(),
            columns: all.join(", "),
            name,
        };
        saved.push(read(whole, &table).await?);
    }
    whole.execute("DETACH damaged").await?;
    Ok(saved)
}

/// Copies a table: all of it, if that goes; else forward as far as it goes, and around what does not answer.
async fn read(whole: &mut SqliteConnection, table: &Table) -> Stored<SavedTable> {
    let mut saved = SavedTable {
        name: table.name.clone(),
        ..SavedTable::default()
    };
    if let Took::Nothing = table.take_all(whole).await? {
        walk(whole, table, &mut saved).await?;
    }
    let count = format!("SELECT COUNT(*) FROM main.{}", table.name);
    let rows: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(whole).await?;
    saved.read = rows.cast_unsigned();
    Ok(saved)
}

async fn walk(whole: &mut SqliteConnection, table: &Table, saved: &mut SavedTable) -> Stored<()> {
    let (mut from, mut chunk) = (0, CHUNK);
    loop {
        match table.take(whole, (from, i64::MAX), chunk).await? {
            Took::Rows(0) => return Ok(()),
            Took::Rows(_) => {
                chunk = (chunk * 2).min(CHUNK);
                // Of a key with several rows some may be missing yet; what is there already is left alone.
                from = table.last(whole).await?.max(from);
                if table.key == "rowid" {
                    from += 1;
                } else if let Took::Rows(0) = table.take(whole, (from, from), i64::MAX).await? {
                    from += 1;
                }
            }
            Took::Nothing if chunk > 1 => chunk /= 2,
            Took::Nothing => {
                let Some(next) = around(whole, table, from, saved).await? else {
                    return Ok(());
                };
                (from, chunk) = (next, CHUNK);
            }
        }
    }
}

/// What came of asking for rows.
enum Took {
    /// So many new ones.
    Rows(u64),
    /// They cannot be read.
    Nothing,
}

/// Everything but a full disk is the damage.
fn sorted(took: Result<SqliteQueryResult, sqlx::Error>) -> Stored<Took> {
    match took {
        Ok(done) => Ok(Took::Rows(done.rows_affected())),
        Err(error) => match StoreError::from(error) {
            StoreError::Disk(why) if why == "the disk is full" => Err(StoreError::Disk(why)),
            _ => Ok(Took::Nothing),
        },
    }
}

impl Table {
    /// Copies rows with keys in that range, the first so many.
    async fn take(&self, whole: &mut SqliteConnection, range: (i64, i64), rows: i64) -> Stored<Took> {
        let Self { name, key, columns } = self;
        let script = format!(
            "INSERT OR IGNORE INTO main.{name} ({columns}) SELECT {columns} FROM damaged.{name} \
             WHERE {key} BETWEEN ?1 AND ?2 ORDER BY {key} LIMIT ?3"
        );
        let took = sqlx::query(AssertSqlSafe(script))
            .bind(range.0)
            .bind(range.1)
            .bind(rows)
            .execute(whole)
            .await;
        sorted(took)
    }

    /// Copies all rows as they lie, whatever their keys have become.
    async fn take_all(&self, whole: &mut SqliteConnection) -> Stored<Took> {
        let Self { name, columns, .. } = self;
        let script = format!(
            "INSERT OR IGNORE INTO main.{name} ({columns}) SELECT {columns} FROM damaged.{name} NOT INDEXED"
        );
        sorted(sqlx::query(AssertSqlSafe(script)).execute(whole).await)
    }

    /// The highest key that was copied.
    async fn last(&self, whole: &mut SqliteConnection) -> Stored<i64> {
        let script = format!("SELECT COALESCE(MAX({}), 0) FROM main.{}", self.key, self.name);
        Ok(sqlx::query_scalar(AssertSqlSafe(script)).fetch_one(whole).await?)
    }

    async fn answers_from(&self, whole: &mut SqliteConnection, key: i64) -> Stored<bool> {
        let took = self.take(whole, (key, i64::MAX), 1).await?;
        Ok(matches!(took, Took::Rows(_)))
    }
}

/// Finds where a table answers again behind a key that does not, and tries the keys at both edges of the hole one by one. `None`: nowhere.
async fn around(
    whole: &mut SqliteConnection,
    table: &Table,
    hole: i64,
    saved: &mut SavedTable,
) -> Stored<Option<i64>> {
    let (mut silent, mut answers) = (hole, None);
    let mut step = 1_i64;
    while let Some(next) = hole.checked_add(step) {
        if table.answers_from(whole, next).await? {
            answers = Some(next);
            break;
        }
        silent = next;
        let Some(twice) = step.checked_mul(2) else { break };
        step = twice;
    }
    // The first key from which it answers lies between the two.
    if let Some(high) = &mut answers {
        while *high - silent > 1 {
            let middle = silent + (*high - silent) / 2;
            if table.answers_from(whole, middle).await? {
                *high = middle;
            } else {
                silent = middle;
            }
        }
    }
    let end = answers.unwrap_or(i64::MAX);
    let near = end.min(hole.saturating_add(NEIGHBOURS));
    let far = near.max(end.saturating_sub(NEIGHBOURS));
    saved.and_more |= far > near;
    let edges = (hole..near).chain(if answers.is_some() { far..end } else { end..end });
    for key in edges {
        if let Took::Nothing = table.take(whole, (key, key), i64::MAX).await? {
            saved.lost += 1;
        }
    }
    Ok(answers)
}
