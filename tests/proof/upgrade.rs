//! K9: a database of any earlier schema, and death at any statement of the way to the newest. The earlier ones are made from what a run
//! of today left: their own tables, with today's rows in the columns that were there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use destilation::core::failpoint::Failpoint;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::faulty::{Faults, Shape};
use crate::stage::{Ended, Stage};

const MIGRATIONS: [&str; 8] = [
    include_str!("../../assets/migrations/sqlite/0001_ledger.sql"),
    include_str!("../../assets/migrations/sqlite/0002_journal.sql"),
    include_str!("../../assets/migrations/sqlite/0003_review.sql"),
    include_str!("../../assets/migrations/sqlite/0004_tags.sql"),
    include_str!("../../assets/migrations/sqlite/0005_judgings.sql"),
    include_str!("../../assets/migrations/sqlite/0006_parts.sql"),
    include_str!("../../assets/migrations/sqlite/0007_again.sql"),
    include_str!("../../assets/migrations/sqlite/0008_uncertain.sql"),
];
const APPLICATION_ID: i64 = 0x4473_746c;

/// A stage whose job is done, some of it decided by hand, and what everybody can see of it.
fn played() -> (Stage, PathBuf, String) {
    let stage = Stage::new(Shape::OpenAi, 1, Faults::default(), Duration::ZERO);
    stage.job(30, 4, "");
    stage.finish(&["run", "job.toml"]).expect_code(0);
    let id = stage.sandbox.rows("datasets/t/train.jsonl")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    stage.finish(&["samples", "reject", &id]).expect_code(0);
    let info = stage.finish(&["db", "info", "--json"]).expect_code(0);
    let info: serde_json::Value = serde_json::from_str(&info.stdout).unwrap();
    assert_eq!(
        info["schema_version"],
        MIGRATIONS.len(),
        "a migration is missing here: {info}"
    );
    let seen = seen(&stage);
    (stage, PathBuf::from(info["path"].as_str().unwrap()), seen)
}

/// Samples and numbers, as every reader gets them.
fn seen(stage: &Stage) -> String {
    let samples = stage.finish(&["samples", "list", "--json"]).expect_code(0);
    let job = stage.finish(&["jobs", "show", "t", "--json"]).expect_code(0);
    let job: serde_json::Value = serde_json::from_str(&job.stdout).unwrap();
    format!("{}{}", samples.stdout, job["summary"])
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// What a program of that schema would have left, at `to`.
async fn earlier(now: &Path, version: usize, to: &Path) {
    let _ = std::fs::remove_file(to);
    let options = SqliteConnectOptions::new().filename(to).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    for migration in &MIGRATIONS[..version] {
        run(&mut connection, (*migration).to_owned()).await;
    }
    run(
        &mut connection,
        format!(
            "PRAGMA foreign_keys = OFF; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version};
             ATTACH '{}' AS now",
            now.display()
        ),
    )
    .await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
         AND name IN (SELECT name FROM now.sqlite_schema)",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert!(tables.len() >= 8, "{tables:?}");
    for table in tables {
        let columns: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM pragma_table_info(?1, 'main') WHERE name IN (SELECT name FROM pragma_table_info(?1, 'now'))",
        )
        .bind(&table)
        .fetch_all(&mut connection)
        .await
        .unwrap();
        let columns = columns.join(", ");
        run(
            &mut connection,
            format!("DELETE FROM main.{table}; INSERT INTO main.{table} ({columns}) SELECT {columns} FROM now.{table}"),
        )
        .await;
    }
    connection.close().await.unwrap();
}

async fn run(connection: &mut SqliteConnection, script: String) {
    let ran = sqlx::raw_sql(AssertSqlSafe(script.clone()))
        .execute(connection)
        .await;
    ran.unwrap_or_else(|error| panic!("{error} in {script}"));
}

/// Puts the earlier file in the place of the newest one.
fn put(file: &Path, database: &Path) {
    for end in ["", "-wal", "-shm"] {
        let mut path = database.as_os_str().to_owned();
        path.push(end);
        let _ = std::fs::remove_file(path);
    }
    std::fs::copy(file, database).unwrap();
}

/// Every opening dies at that hit of the failpoint, as often as it comes there; then one goes through. How many died.
fn upgrade(stage: &Stage, point: Failpoint, hit: u32) -> u32 {
    let armed = format!("fail={}:{hit}:abort", point.word());
    let mut deaths = 0;
    // The second death comes later by what the first one's life had done already.
    for test in [armed.as_str(), armed.as_str(), ""] {
        match stage.run(&["run", "job.toml"], test) {
            Ended::Killed => deaths += 1,
            Ended::Alone(ran) => assert_eq!(ran.code, 0, "{ran:?}"),
        }
    }
    deaths
}

/// All schemas, each with a death at these hits of these failpoints.
fn upgrades(points: &[Failpoint], hits: impl Fn(usize) -> Vec<u32>) {
    let (stage, database, before) = played();
    let bought = stage.log().len();
    let files = tempfile::tempdir().unwrap();
    let newest = files.path().join("newest.db");
    std::fs::copy(&database, &newest).unwrap();
    for version in 1..MIGRATIONS.len() {
        let file = files.path().join(format!("v{version}.db"));
        block_on(earlier(&newest, version, &file));
        for point in points {
            for hit in hits(version) {
                put(&file, &database);
                let deaths = upgrade(&stage, *point, hit);
                let at = format!("schema {version}, {} at hit {hit}, {deaths} deaths", point.word());
                assert!(deaths >= 1 || hit > 1, "{at}: nobody came there");
                assert_eq!(seen(&stage), before, "{at}");
                stage.finish(&["db", "check", "--deep"]).expect_code(0);
            }
        }
    }
    assert_eq!(stage.log().len(), bought, "an upgrade bought something");
    stage.audited();
}

#[test]
fn every_earlier_schema_survives_death_around_every_migration() {
    upgrades(&[Failpoint::Migrating, Failpoint::Migrated], |version| {
        let left = (MIGRATIONS.len() - version) as u32;
        [1, left]
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect()
    });
}

#[test]
#[ignore = "takes minutes; run it by `just prove`"]
fn every_earlier_schema_survives_death_at_every_statement() {
    upgrades(&[Failpoint::MigrationStatement], |version| {
        // Those of the oldest file come by all statements there are.
        if version == 1 {
            (1..=56).collect()
        } else {
            vec![2, 5, 9]
        }
    });
}
