//! Which file this is and of which version: identity, migrations (forward only, each in one transaction) and the check of the
//! SQLite library itself.

use futures::StreamExt;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Executor};

use crate::core::failpoint::{self, Failpoint};
use crate::core::ports::{StoreError, Stored};

/// `Dstl`, in the header of our files.
const APPLICATION_ID: i64 = 0x4473_746c;
/// The first version without the defect that loses commits when two connections meet at a checkpoint.
const SQLITE_AT_LEAST: [u32; 3] = [3, 51, 3];
/// Each brings the schema one version further.
const MIGRATIONS: [&str; 8] = [
    include_str!("../../../assets/migrations/sqlite/0001_ledger.sql"),
    include_str!("../../../assets/migrations/sqlite/0002_journal.sql"),
    include_str!("../../../assets/migrations/sqlite/0003_review.sql"),
    include_str!("../../../assets/migrations/sqlite/0004_tags.sql"),
    include_str!("../../../assets/migrations/sqlite/0005_judgings.sql"),
    include_str!("../../../assets/migrations/sqlite/0006_parts.sql"),
    include_str!("../../../assets/migrations/sqlite/0007_again.sql"),
    include_str!("../../../assets/migrations/sqlite/0008_uncertain.sql"),
];
/// The version this program writes.
pub(super) const VERSION: i64 = MIGRATIONS.len().cast_signed() as i64;

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing in it yet.
    Empty,
    /// Ours, of that version.
    Ours(i64),
}

/// Looks at a file without changing it. Foreign files are refused.
pub(super) async fn identify(connection: &mut SqliteConnection) -> Stored<Found> {
    let application: i64 = number(connection, "PRAGMA application_id").await?;
    let version: i64 = number(connection, "PRAGMA user_version").await?;
    let tables: i64 = number(connection, "SELECT COUNT(*) FROM sqlite_schema").await?;
    match application {
        APPLICATION_ID => Ok(Found::Ours(version)),
        0 if version == 0 && tables == 0 => Ok(Found::Empty),
        _ => Err(StoreError::Unusable(
            "this is another program's database; give destiler a file of its own".to_owned(),
        )),
    }
}

/// Refuses a SQLite library that can lose commits.
pub(super) async fn check_library(connection: &mut SqliteConnection) -> Stored<()> {
    let version: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(connection)
        .await?;
    let mut parts = [0_u32; 3];
    for (part, text) in parts.iter_mut().zip(version.split('.')) {
        *part = text.parse().unwrap_or(0);
    }
    if parts < SQLITE_AT_LEAST {
        return Err(StoreError::Unusable(format!(
            "SQLite {version} can lose commits; 3.51.3 or newer is needed"
        )));
    }
    Ok(())
}

/// Brings a file from that version to [`VERSION`].
pub(super) async fn migrate(connection: &mut SqliteConnection, from: i64) -> Stored<()> {
    migrate_to(connection, from, VERSION).await
}

/// Brings a file from one version to another.
pub(super) async fn migrate_to(connection: &mut SqliteConnection, from: i64, to: i64) -> Stored<()> {
    let number = |version: i64| usize::try_from(version).unwrap_or(0);
    for (at, migration) in MIGRATIONS.iter().enumerate().take(number(to)).skip(number(from)) {
        failpoint::reach(Failpoint::Migrating)?;
        let script = format!(
            "BEGIN IMMEDIATE;\n{migration}\nPRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {};\nCOMMIT;",
            at + 1
        );
        if let Err(error) = run(connection, script).await {
            let _ = connection.execute("ROLLBACK").await;
            return Err(error);
        }
        failpoint::reach(Failpoint::Migrated)?;
    }
    Ok(())
}

async fn run(connection: &mut SqliteConnection, script: String) -> Stored<()> {
    let mut statements = connection.execute_many(sqlx::raw_sql(AssertSqlSafe(script)));
    while let Some(done) = statements.next().await {
        done?;
        failpoint::reach(Failpoint::MigrationStatement)?;
    }
    Ok(())
}

/// A pragma or query of one number.
pub(super) async fn number(connection: &mut SqliteConnection, sql: &'static str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(sql).fetch_one(connection).await
}
