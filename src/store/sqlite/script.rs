//! One statement for many rows. Every result that SQLite's thread sends back wakes the writer, so rows go in together: the
//! statement is written out for a few sizes, and a size too large is filled up by repeating the last row, which changes nothing.

use std::sync::{Arc, LazyLock};

use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments, AssertSqlSafe, Encode, Sqlite, Type};

use crate::core::ports::{StoreError, Stored};

/// Rows of one statement. Each prepared one is kept: more rows would cost more memory than they save time.
const SIZES: [usize; 10] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];

/// A statement's text for each of [`SIZES`].
type Texts = [Arc<str>; SIZES.len()];

/// A statement over rows of values.
pub(super) struct Script {
    texts: LazyLock<Texts, Box<dyn FnOnce() -> Texts + Send>>,
}

/// The values of some rows, in the order of the statement's columns.
#[derive(Default)]
pub(super) struct Values {
    arguments: SqliteArguments,
    failed: Option<BoxDynError>,
}

impl Values {
    /// The next value.
    pub(super) fn push<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        if let Err(error) = self.arguments.add(value) {
            self.failed = Some(error);
        }
        self
    }
}

impl Script {
    /// `statement` holds `{rows}` where the list of rows goes, each of so many columns. A row that comes twice must change what it
    /// changes once. `OR FAIL` spares the journal of the statement: whoever runs one undoes the whole transaction when it fails.
    pub(super) fn new(statement: &'static str, columns: usize) -> Self {
        let build = move || {
            let row = format!("({})", vec!["?"; columns].join(","));
            SIZES.map(|size| {
                let rows = vec![row.as_str(); size].join(",");
                statement.replace("{rows}", &rows).into()
            })
        };
        Self {
            texts: LazyLock::new(Box::new(build)),
        }
    }

    /// Runs it for all rows. Returns how many rows of the table changed.
    pub(super) async fn run<R: Sync>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[R],
        bind: impl Fn(&R, &mut Values) + Send,
    ) -> Result<u64, sqlx::Error> {
        let mut changed = 0;
        for chunk in rows.chunks(SIZES[SIZES.len() - 1]) {
            let at = SIZES.partition_point(|size| *size < chunk.len());
            let mut values = Values::default();
            let fill = chunk.iter().rev().take(1).cycle();
            for row in chunk.iter().chain(fill).take(SIZES[at]) {
                bind(row, &mut values);
            }
            if let Some(error) = values.failed {
                return Err(sqlx::Error::Encode(error));
            }
            let sql = AssertSqlSafe(Arc::clone(&self.texts[at]));
            changed += sqlx::query_with(sql, values.arguments)
                .execute(&mut *connection)
                .await?
                .rows_affected();
        }
        Ok(changed)
    }

    /// [`Self::run`] where every row must change one row of the table.
    pub(super) async fn run_all<R: Sync>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[R],
        bind: impl Fn(&R, &mut Values) + Send,
    ) -> Stored<()> {
        let changed = self.run(connection, rows, bind).await?;
        if changed == rows.len() as u64 {
            Ok(())
        } else {
            Err(StoreError::Broken(format!(
                "{changed} rows changed where {} were meant",
                rows.len()
            )))
        }
    }
}
