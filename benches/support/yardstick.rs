//! The yardstick: what a careful person writes by hand for one job. Requests by reqwest, so many at once; responses into SQLite in
//! group commits; a line of JSONL after the commit; at the end the file is synced and the database closed, as `destiler` leaves them.
//! No retries, caps, validators, leases or provenance.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, QueryBuilder, Sqlite};
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, oneshot};

type Row = (u64, String, oneshot::Sender<()>);

/// Runs it: `tasks` requests to `url`, results into `directory`.
pub fn main(url: &str, tasks: u64, in_flight: u32, directory: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (send, receive) = mpsc::channel::<Row>(1024);
        let writer = tokio::spawn(write(receive, directory.to_path_buf()));
        let client = reqwest::Client::builder()
            .pool_max_idle_per_host(in_flight as usize)
            .build()
            .unwrap();
        let next = Arc::new(AtomicU64::new(0));
        let url = format!("{url}/chat/completions");
        let workers: Vec<_> = (0..in_flight)
            .map(|_| {
                tokio::spawn(work(
                    client.clone(),
                    url.clone(),
                    Arc::clone(&next),
                    tasks,
                    send.clone(),
                ))
            })
            .collect();
        drop(send);
        for worker in workers {
            worker.await.unwrap();
        }
        writer.await.unwrap();
    });
}

async fn work(
    client: reqwest::Client,
    url: String,
    next: Arc<AtomicU64>,
    tasks: u64,
    send: mpsc::Sender<Row>,
) {
    loop {
        let task = next.fetch_add(1, Ordering::Relaxed);
        if task >= tasks {
            return;
        }
        let body = json!({"model": "bench", "messages": [{"role": "user", "content": format!("Question {task}: what is a tide?")}]});
        let text = client
            .post(&url)
            .json(&body)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let (done, committed) = oneshot::channel();
        send.send((task, text, done)).await.unwrap();
        committed.await.unwrap();
    }
}

async fn write(mut receive: mpsc::Receiver<Row>, directory: std::path::PathBuf) {
    let options = SqliteConnectOptions::new()
        .filename(directory.join("yardstick.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("CREATE TABLE responses (task INTEGER PRIMARY KEY, body TEXT NOT NULL)")
        .execute(&mut connection)
        .await
        .unwrap();
    let mut file = tokio::fs::File::create(directory.join("data.jsonl"))
        .await
        .unwrap();
    let mut batch = Vec::new();
    while receive.recv_many(&mut batch, 64).await > 0 {
        let mut lines = String::new();
        let mut transaction = connection.begin().await.unwrap();
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO responses (task, body) ");
        query.push_values(&batch, |mut row, (task, body, _)| {
            row.push_bind((*task).cast_signed()).push_bind(body.clone());
        });
        query.build().execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
        for (task, body, done) in batch.drain(..) {
            let value: Value = serde_json::from_str(&body).unwrap();
            let answer = &value["choices"][0]["message"]["content"];
            lines.push_str(&json!({"prompt": task, "completion": answer}).to_string());
            lines.push('\n');
            let _ = done.send(());
        }
        file.write_all(lines.as_bytes()).await.unwrap();
    }
    file.sync_all().await.unwrap();
    connection.close().await.unwrap();
}
