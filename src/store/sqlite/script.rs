//! One statement for many rows without a thread hop for each: the statement is repeated in scripts of 1, 2, 4 … 64, so that a
//! few prepared scripts serve any number of rows.

use std::sync::{Arc, LazyLock};

use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments, AssertSqlSafe, Encode, Sqlite, Type};

/// Largest script is 2⁶ statements.
const SIZES: usize = 7;

/// The statement 1, 2, 4 … times.
type Repeated = [Arc<str>; SIZES];

/// A statement to be run once a row.
pub(super) struct Script {
    sizes: LazyLock<Repeated, Box<dyn FnOnce() -> Repeated + Send>>,
}

/// The values of some rows, in the order of the statement's parameters.
#[derive(Default)]
pub(super) struct Values {
    arguments: SqliteArguments,
    failed: Option<sqlx::error::BoxDynError>,
}

impl Values {
    /// The next parameter.
    pub(super) fn push<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        if let Err(error) = self.arguments.add(value) {
            self.failed = Some(error);
        }
        self
    }
}

impl Script {
    /// Repeats `statement`, whose parameters are plain `?`.
    pub(super) fn new(statement: &'static str) -> Self {
        let build = move || std::array::from_fn(|power| [statement].repeat(1 << power).join(";").into());
        Self {
            sizes: LazyLock::new(Box::new(build)),
        }
    }

    /// Runs it for every row, largest script first. Returns the rows changed.
    pub(super) async fn run<R: Sync>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[R],
        bind: impl Fn(&R, &mut Values) + Send,
    ) -> Result<u64, sqlx::Error> {
        let mut rest = rows;
        let mut changed = 0;
        while !rest.is_empty() {
            let power = (rest.len().ilog2() as usize).min(SIZES - 1);
            let (now, later) = rest.split_at(1 << power);
            let mut values = Values::default();
            for row in now {
                bind(row, &mut values);
            }
            if let Some(error) = values.failed {
                return Err(sqlx::Error::Encode(error));
            }
            let sql = AssertSqlSafe(Arc::clone(&self.sizes[power]));
            changed += sqlx::query_with(sql, values.arguments)
                .execute(&mut *connection)
                .await?
                .rows_affected();
            rest = later;
        }
        Ok(changed)
    }
}
