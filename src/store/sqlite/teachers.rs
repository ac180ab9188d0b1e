//! Teachers' names and the small numbers that stand for them in rows.

use std::collections::HashMap;

use sqlx::sqlite::SqliteConnection;

/// The names known to the writer; filled from the table when first needed, emptied when a transaction is undone.
#[derive(Debug, Default)]
pub(super) struct Teachers {
    loaded: bool,
    by_name: HashMap<String, i64>,
    by_number: HashMap<i64, String>,
}

impl Teachers {
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
        self.insert(number, name.to_owned());
        Ok(number)
    }

    /// The name behind a number; empty if there is none.
    pub(super) async fn name(
        &mut self,
        connection: &mut SqliteConnection,
        number: i64,
    ) -> Result<String, sqlx::Error> {
        self.load(connection).await?;
        Ok(self.by_number.get(&number).cloned().unwrap_or_default())
    }

    async fn load(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        if !self.loaded {
            let rows: Vec<(i64, String)> = sqlx::query_as("SELECT id, name FROM teachers")
                .fetch_all(connection)
                .await?;
            for (number, name) in rows {
                self.insert(number, name);
            }
            self.loaded = true;
        }
        Ok(())
    }

    fn insert(&mut self, number: i64, name: String) {
        self.by_name.insert(name.clone(), number);
        self.by_number.insert(number, name);
    }
}
