//! How long a window takes in a large ledger: no test of an idle machine's patience, so it only runs when asked for
//! (`cargo test --test store -- --ignored --nocapture large`).

use std::path::Path;
use std::time::{Duration, Instant};

use destilation::core::filter::parse::parse;
use destilation::core::filter::{By, Sort};
use destilation::core::ports::{Decided, Place, SampleFilter};
use destilation::core::sample::{SampleId, SampleState};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use super::support::*;

/// Samples of the large ledger.
const ROWS: u64 = 1_000_000;

/// Copies the one sample of the job many times, as SQL can do it quickly.
pub async fn multiply(path: &Path, rows: u64) {
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .unwrap();
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows} - 1)
           INSERT INTO tasks (id, state) SELECT (SELECT MIN(id) FROM tasks) + i, 7 FROM n;
         INSERT INTO seeds SELECT t.id, d.seed, d.vary FROM tasks t, (SELECT * FROM seeds LIMIT 1) d
           WHERE t.id NOT IN (SELECT task FROM seeds);
         INSERT INTO answers SELECT 10 + (t.id & 0xffffffff), json_set(a.steps, '$[0].text', 'Answer ' || t.id || ' ' || a.steps), a.verdicts
           FROM tasks t, (SELECT * FROM answers LIMIT 1) a WHERE t.id NOT IN (SELECT task FROM samples);
         INSERT INTO samples (task, candidate, id, state, teacher, answer, reason, seq, judge, length, tokens, made_ms)
           SELECT t.id, 0, randomblob(16), t.id % 3 > 0, s.teacher, 10 + (t.id & 0xffffffff), CASE WHEN t.id % 3 > 0 THEN 'judge' END,
                  CASE WHEN t.id % 3 = 0 THEN 10 + (t.id & 0xffffffff) END, (t.id * 7919 % 100) / 20.0, t.id * 31 % 4000, t.id % 900, t.id & 0xffffff
           FROM tasks t, (SELECT * FROM samples LIMIT 1) s WHERE t.id NOT IN (SELECT task FROM samples);
         UPDATE counters SET value = {rows} WHERE kind = 'samples' AND job > 0;"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .unwrap();
}

#[tokio::test]
#[ignore = "a measurement, not a test"]
async fn large_ledgers_answer_at_once() {
    let disk = OnDisk::new().await;
    let path = disk.directory.path().join("ledger.db");
    let id = job(&*disk.store, "large", 1).await;
    let leased = disk.store.claim(id, 1).await.unwrap();
    finish(&*disk.store, "large", &leased[0], SampleState::Accepted, None).await;
    multiply(&path, ROWS).await;
    let store = &*disk.store;
    let of = |text: &str| SampleFilter {
        job: Some(id),
        condition: parse(text).unwrap(),
        ..SampleFilter::default()
    };
    let sorted = |by| Sort { by, down: true };
    let windows = [
        ("plan, first", "", By::Plan, Place::Row(0)),
        ("plan, :777777", "", By::Plan, Place::Row(ROWS * 7 / 9)),
        ("plan, G", "", By::Plan, Place::Last),
        ("time", "", By::Time, Place::Row(0)),
        ("judge", "", By::Judge, Place::Row(0)),
        ("judge, :777777", "", By::Judge, Place::Row(ROWS * 7 / 9)),
        ("judge, G", "", By::Judge, Place::Last),
        ("likeness", "", By::Duplicate, Place::Row(0)),
        ("length", "", By::Length, Place::Row(0)),
        ("tokens", "", By::Tokens, Place::Row(0)),
        ("teacher", "", By::Teacher, Place::Row(0)),
        ("random", "", By::Random(1), Place::Row(0)),
        ("cost", "", By::Cost, Place::Row(0)),
        ("judge:<1, plan", "judge:<1", By::Plan, Place::Row(0)),
        ("judge:<1, middle", "judge:<1", By::Plan, Place::Row(ROWS / 10)),
        ("judge:<1 by length", "judge:<1", By::Length, Place::Row(0)),
        (
            "few by length",
            "judge:<0.1 status:accepted tokens:<30",
            By::Length,
            Place::Row(0),
        ),
        ("text, first", "\"Answer 1\"", By::Plan, Place::Row(0)),
        ("text by judge", "\"Answer 1\"", By::Judge, Place::Row(0)),
        ("text nobody wrote", "nowhere", By::Plan, Place::Row(0)),
        ("field, first", "field.answer~\"99 \"", By::Plan, Place::Row(0)),
    ];
    for (name, text, by, place) in windows {
        let filter = of(text);
        for round in ["cold", "warm"] {
            let start = Instant::now();
            let page = store.window(&filter, sorted(by), place, 150).await.unwrap();
            println!(
                "{name:28} {round} {:7.1} ms  {} rows",
                start.elapsed().as_secs_f64() * 1e3,
                page.len()
            );
            // What the first one set going is there for the second: every write waits for it.
            store.exported(id, 1, "nowhere").await.unwrap();
        }
    }
    let mut page = store
        .window(&of(""), sorted(By::Judge), Place::Row(ROWS / 2), 150)
        .await
        .unwrap();
    let start = Instant::now();
    for _ in 0..10 {
        let last = page.last().unwrap();
        let place = Place::After((last.task, last.candidate));
        page = store
            .window(&of(""), sorted(By::Judge), place, 150)
            .await
            .unwrap();
    }
    println!(
        "a page on by judge {:7.1} ms",
        start.elapsed().as_secs_f64() * 1e2
    );
    let last = page.last().unwrap();
    let start = Instant::now();
    let place = (last.task, last.candidate);
    let rank = store.rank(&of(""), sorted(By::Judge), place).await.unwrap();
    println!(
        "its row by judge {:7.1} ms  {rank:?}",
        start.elapsed().as_secs_f64() * 1e3
    );
    let slow = of("nowhere");
    let waiting = tokio::time::timeout(Duration::from_millis(200), store.count_samples(&slow));
    assert!(waiting.await.is_err());
    let start = Instant::now();
    for _ in 0..6 {
        store
            .window(&of(""), sorted(By::Judge), Place::Row(0), 1)
            .await
            .unwrap();
    }
    println!(
        "six questions after one that was given up {:7.1} ms",
        start.elapsed().as_secs_f64() * 1e3
    );
    for text in ["", "judge:<1", "\"Answer 1\"", "field.answer~\"12$\""] {
        let start = Instant::now();
        let count = store.count_samples(&of(text)).await.unwrap();
        println!(
            "count {text:22} {:7.1} ms  {count}",
            start.elapsed().as_secs_f64() * 1e3
        );
    }
    for text in ["", "judge:<1"] {
        let start = Instant::now();
        store.facets(&of(text)).await.unwrap();
        println!("facets {text:10} {:7.1} ms", start.elapsed().as_secs_f64() * 1e3);
    }
    let page = store
        .window(&of("judge:<1"), sorted(By::Plan), Place::Row(0), 5000)
        .await
        .unwrap();
    let ids: Vec<SampleId> = page.into_iter().map(|sample| sample.id).collect();
    let start = Instant::now();
    let entry = store
        .act(&ids, Decided::Reject { note: None }, None)
        .await
        .unwrap();
    println!(
        "bulk of {} {:7.1} ms",
        ids.len(),
        start.elapsed().as_secs_f64() * 1e3
    );
    let start = Instant::now();
    store.revert(entry, false).await.unwrap();
    println!("its undo {:7.1} ms", start.elapsed().as_secs_f64() * 1e3);
}
