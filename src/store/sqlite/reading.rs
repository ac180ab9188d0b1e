//! A reader for questions that look at many rows: whoever no longer waits for the answer ends the search, so that the next question
//! does not wait behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqliteConnection};

use super::SqliteStore;
use crate::core::ports::Stored;

/// Steps of SQLite's machine between two looks at whether anybody still waits.
const STEPS: i32 = 5000;

/// A connection that is interrupted when this is dropped before [`Reading::done`].
pub(super) struct Reading {
    connection: PoolConnection<Sqlite>,
    abandoned: Arc<AtomicBool>,
    is_done: bool,
}

impl SqliteStore {
    /// A connection for one long question.
    pub(super) async fn reading(&self) -> Stored<Reading> {
        let mut connection = self.readers.acquire().await?;
        let abandoned = Arc::new(AtomicBool::new(false));
        let watched = Arc::clone(&abandoned);
        connection
            .lock_handle()
            .await?
            .set_progress_handler(STEPS, move || !watched.load(Ordering::Relaxed));
        Ok(Reading {
            connection,
            abandoned,
            is_done: false,
        })
    }
}

impl Reading {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// The answer is there: the connection may be used for the next question.
    pub(super) fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if !self.is_done {
            self.abandoned.store(true, Ordering::Relaxed);
            self.connection.close_on_drop();
        }
    }
}
