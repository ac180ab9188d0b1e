//! Teachers' names and the small numbers that stand for them in rows.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;

/// The names known to the writer: read when a transaction first needs them, forgotten when one is undone.
#[derive(Debug, Default)]
pub(super) struct Teachers {
    loaded: bool,
    by_name: HashMap<Arc<str>, i64>,
    by_number: HashMap<i64, Arc<str>>,
}

impl Teachers {
    /// Reads the names if that was not done yet.
    pub(super) async fn load(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        if !self.loaded {
            let rows: Vec<(i64, String)> = sqlx::query_as("SELECT id, name FROM teachers")
                .fetch_all(connection)
                .await?;
            for (number, name) in rows {
                self.insert(number, &name);
            }
            self.loaded = true;
        }
        Ok(())
    }

    /// The number of a teacher, a new one if it is new.
    pub(super) async fn number(
        &mut self,
        connection: &mut SqliteConnection,
        name: &str,
    ) -> Result<i64, sqlx::Error> {
        self.load(connection).await?;
        if let Some(number) = self.by_name.get(name) {
            return Ok(*number);
        }
        let number = sqlx::query("INSERT INTO teachers (name) VALUES (?)")
            .bind(name)
            .execute(connection)
            .await?
            .last_insert_rowid();
        self.insert(number, name);
        Ok(number)
    }

    /// The name behind a number; empty if there is none.
    pub(super) fn name(&self, number: i64) -> Arc<str> {
        self.by_number
            .get(&number)
            .map_or_else(|| Arc::from(""), Arc::clone)
    }

    fn insert(&mut self, number: i64, name: &str) {
        let name: Arc<str> = name.into();
        self.by_name.insert(Arc::clone(&name), number);
        self.by_number.insert(number, name);
    }
}
