//! Decisions about many samples at once: a few statements, however many rows there are, and no row leaves SQLite. What a decision about
//! one sample means is in [`super::decide`]; both leave the same rows behind, and the tests hold them to it.

use sqlx::{AssertSqlSafe, Row as _};

use super::super::rules;
use super::rows::{self, sample_code, sample_state, task_code};
use super::tally::{DECISIONS, unsigned};
use super::writer::Ledger;
use crate::core::ports::{Decided, StoreError, Stored};
use crate::core::sample::{Reason, SampleId, SampleState};
use crate::core::tags::TagChange;
use crate::core::task::TaskState;

/// A sample's task and candidate, and the row that takes back what was done to it.
pub(super) type Done = (i64, i64, i64);

/// Which samples, as they were named.
pub(super) enum Which {
    Ids(Vec<SampleId>),
    Places(Vec<(i64, i64)>),
}

/// The samples at hand as they are and as they will be, in the order they were named in. Only the writer sees it.
const CHOSEN: &str = "
    CREATE TEMP TABLE IF NOT EXISTS chosen (n INTEGER PRIMARY KEY, named INTEGER, task INTEGER, candidate INTEGER, state INTEGER,
        reason TEXT, overruled INTEGER, seq INTEGER, review INTEGER, teacher INTEGER, dedup_key BLOB, answer INTEGER, tags TEXT,
        tagging INTEGER, to_state INTEGER, to_reason TEXT, to_overruled INTEGER, to_seq INTEGER, to_row INTEGER, to_tags TEXT);
    CREATE TEMP TABLE IF NOT EXISTS chosen_tasks (task INTEGER PRIMARY KEY, before INTEGER, after INTEGER);
    CREATE INDEX IF NOT EXISTS temp.chosen_tags ON chosen (tags);
    CREATE INDEX IF NOT EXISTS temp.chosen_named ON chosen (named);
    DELETE FROM temp.chosen; DELETE FROM temp.chosen_tasks;";

const AS_IT_IS: &str = "s.task, s.candidate, s.state, s.reason, s.overruled, s.seq, s.review, s.teacher, s.dedup_key, s.answer, s.tags, \
     s.tagging";

/// The columns of [`AS_IT_IS`].
const COLUMNS: &str = "named, task, candidate, state, reason, overruled, seq, review, teacher, dedup_key, answer, tags, tagging";

/// Numbers those that enter the dataset.
const GIVE_PLACES: &str = "
    UPDATE temp.chosen SET to_seq = ?1 + x.rank
    FROM (SELECT n, row_number() OVER (ORDER BY n) AS rank FROM temp.chosen WHERE to_state = 0 AND to_seq IS NULL) x
    WHERE x.n = chosen.n";

/// Whose key another accepted sample holds, or one named before it will hold, stands outside the unique index.
const GIVE_KEYS: &str = "
    UPDATE temp.chosen SET to_overruled = 1
    FROM (SELECT n, row_number() OVER (PARTITION BY task >> 40, dedup_key ORDER BY n) AS rank FROM temp.chosen
          WHERE to_state = 0 AND to_overruled = 0 AND dedup_key IS NOT NULL) x
    WHERE x.n = chosen.n AND (x.rank > 1 AND NOT (chosen.state = 0 AND chosen.overruled = 0) OR EXISTS
        (SELECT 1 FROM samples h INDEXED BY samples_unique WHERE h.task >> 40 = chosen.task >> 40 AND h.dedup_key = chosen.dedup_key
         AND h.state = 0 AND h.overruled = 0 AND h.dedup_key IS NOT NULL AND (h.task, h.candidate) <> (chosen.task, chosen.candidate)))";

const WRITE: &str = "
    UPDATE samples SET state = c.to_state, reason = c.to_reason, overruled = c.to_overruled, seq = c.to_seq, review = c.to_row
    FROM temp.chosen c WHERE samples.task = c.task AND samples.candidate = c.candidate";

const WRITE_TAGS: &str = "
    UPDATE samples SET tags = c.to_tags, tagging = c.to_row
    FROM temp.chosen c WHERE samples.task = c.task AND samples.candidate = c.candidate";

const MOVES: &str = "
    SELECT task >> 40, teacher, state, reason, to_state, to_reason, COUNT(*) FROM temp.chosen GROUP BY 1, 2, 3, 4, 5, 6";

const TASK_MOVES: &str = "SELECT task >> 40, before, after, COUNT(*) FROM temp.chosen_tasks GROUP BY 1, 2, 3";

/// Accepts, rejects or tags them. Returns them in their order.
pub(super) async fn act(ledger: &mut Ledger, which: &Which, decided: &Decided) -> Stored<Vec<Done>> {
    clear(ledger).await?;
    let (named, list) = match which {
        Which::Ids(ids) => {
            let ids: Vec<&str> = ids.iter().map(|id| id.0.as_str()).collect();
            ("s.id = unhex(e.value)", rows::json(&ids)?)
        }
        Which::Places(places) => (AT, rows::json(places)?),
    };
    choose(ledger, named, &list).await?;
    let missing: Option<String> = sqlx::query_scalar(
        "SELECT e.value FROM json_each(?) e WHERE e.key NOT IN (SELECT named FROM temp.chosen)
         AND e.value NOT IN (SELECT x.value FROM json_each(?1) x WHERE x.key IN (SELECT named FROM temp.chosen)) LIMIT 1",
    )
    .bind(&list)
    .fetch_optional(&mut ledger.connection)
    .await?;
    if let Some(missing) = missing {
        return Err(StoreError::NotFound(format!("sample {missing}")));
    }
    carry_out(ledger, decided).await?;
    let done = "SELECT json_group_array(json_array(task, candidate, to_row)) FROM
                (SELECT task, candidate, to_row FROM temp.chosen ORDER BY n)";
    listed(ledger, done, None).await
}

/// Does the same to samples of an entry once more. Returns all of them with what takes it back now, and how many are still there.
pub(super) async fn again(
    ledger: &mut Ledger,
    samples: &[Done],
    decided: &Decided,
) -> Stored<(Vec<Done>, Turned)> {
    clear(ledger).await?;
    let list = rows::json(samples)?;
    choose(ledger, AT, &list).await?;
    carry_out(ledger, decided).await?;
    let done =
        "SELECT json_group_array(json_array(e.value ->> 0, e.value ->> 1, ifnull(c.to_row, e.value ->> 2)))
                FROM json_each(?) e LEFT JOIN temp.chosen c ON c.named = e.key";
    let done = listed(ledger, done, Some(&list)).await?;
    Ok((done, turned(ledger).await?))
}

/// Takes back what an entry did to samples, where nothing was done to them since.
pub(super) async fn take_back(ledger: &mut Ledger, samples: &[Done], decided: &Decided) -> Stored<Turned> {
    clear(ledger).await?;
    let list = rows::json(samples)?;
    let statement = if matches!(decided, Decided::Tag(_)) {
        format!(
            "INSERT INTO temp.chosen ({COLUMNS}, to_tags, to_row) SELECT e.key, {AS_IT_IS}, g.before, g.earlier
             FROM json_each(?) e CROSS JOIN samples s ON {AT} CROSS JOIN taggings g ON g.id = s.tagging
             WHERE s.tagging = e.value ->> 2 ORDER BY e.key"
        )
    } else {
        format!(
            "INSERT INTO temp.chosen ({COLUMNS}, to_state, to_reason, to_overruled, to_seq, to_row)
             SELECT e.key, {AS_IT_IS}, r.before_state, r.before_reason, r.before_overruled, r.before_seq, r.earlier
             FROM json_each(?) e CROSS JOIN samples s ON {AT} CROSS JOIN reviews r ON r.id = s.review
             WHERE s.review = e.value ->> 2 ORDER BY e.key"
        )
    };
    sqlx::query(AssertSqlSafe(statement))
        .bind(&list)
        .execute(&mut ledger.connection)
        .await?;
    if matches!(decided, Decided::Tag(_)) {
        run(ledger, WRITE_TAGS).await?;
        run(
            ledger,
            "DELETE FROM taggings WHERE id IN (SELECT tagging FROM temp.chosen)",
        )
        .await?;
    } else {
        write(ledger).await?;
        run(
            ledger,
            "DELETE FROM reviews WHERE id IN (SELECT review FROM temp.chosen)",
        )
        .await?;
    }
    turned(ledger).await
}

/// What turning some samples of an entry did.
pub(super) struct Turned {
    pub(super) rows: u64,
    pub(super) jobs: Vec<i64>,
}

/// A place of a JSON list is this sample's.
const AT: &str = "s.task = e.value ->> 0 AND s.candidate = e.value ->> 1";

async fn run(ledger: &mut Ledger, statement: &'static str) -> Stored<u64> {
    let done = sqlx::query(statement).execute(&mut ledger.connection).await?;
    Ok(done.rows_affected())
}

async fn clear(ledger: &mut Ledger) -> Stored<()> {
    // A connection that was made anew has no such tables yet.
    sqlx::raw_sql(CHOSEN).execute(&mut ledger.connection).await?;
    Ok(())
}

async fn choose(ledger: &mut Ledger, named: &str, list: &str) -> Stored<()> {
    sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO temp.chosen ({COLUMNS}) SELECT e.key, {AS_IT_IS} FROM json_each(?) e CROSS JOIN samples s ON {named} ORDER BY e.key"
    )))
    .bind(list)
    .execute(&mut ledger.connection)
    .await?;
    // Whatever is named twice is meant once.
    run(
        ledger,
        "DELETE FROM temp.chosen WHERE n NOT IN (SELECT MIN(n) FROM temp.chosen GROUP BY task, candidate)",
    )
    .await?;
    Ok(())
}

async fn listed(ledger: &mut Ledger, statement: &'static str, list: Option<&str>) -> Stored<Vec<Done>> {
    let query = sqlx::query_scalar::<_, String>(statement);
    let query = if let Some(list) = list {
        query.bind(list)
    } else {
        query
    };
    rows::parse(&query.fetch_one(&mut ledger.connection).await?)
}

async fn turned(ledger: &mut Ledger) -> Stored<Turned> {
    let jobs: Vec<(i64, i64)> =
        sqlx::query_as("SELECT task >> 40, COUNT(*) FROM temp.chosen GROUP BY 1 ORDER BY MIN(n)")
            .fetch_all(&mut ledger.connection)
            .await?;
    Ok(Turned {
        rows: jobs.iter().map(|(_, many)| rows::unsigned(*many)).sum(),
        jobs: jobs.into_iter().map(|(job, _)| job).collect(),
    })
}

async fn carry_out(ledger: &mut Ledger, decided: &Decided) -> Stored<()> {
    let (action, note) = match decided {
        Decided::Tag(change) => return tag(ledger, change).await,
        Decided::Accept => {
            accept(ledger).await?;
            ("accepted", &None)
        }
        Decided::Reject { note } => {
            sqlx::query("UPDATE temp.chosen SET to_state = ?, to_reason = ?, to_overruled = 0")
                .bind(sample_code(SampleState::Rejected))
                .bind(Reason::ByHand.word())
                .execute(&mut ledger.connection)
                .await?;
            ("rejected", note)
        }
        Decided::Edit { .. } | Decided::JudgedAgain | Decided::Undo => {
            return Err(StoreError::Broken(
                "this is not done to many samples at once".to_owned(),
            ));
        }
    };
    let made = sqlx::query(
        "INSERT INTO reviews (task, candidate, earlier, action, note, at_ms, before_state, before_reason, before_overruled, before_seq)
         SELECT task, candidate, review, ?, ?, ?, state, reason, overruled, seq FROM temp.chosen ORDER BY n",
    )
    .bind(action)
    .bind(note)
    .bind(ledger.clock.now_ms())
    .execute(&mut ledger.connection)
    .await?;
    number(ledger, made.last_insert_rowid(), made.rows_affected()).await?;
    write(ledger).await
}

/// A person's acceptance of what validators rejected is overruled; what was cleaned has no text left to accept.
async fn accept(ledger: &mut Ledger) -> Stored<()> {
    let cleaned: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM temp.chosen c CROSS JOIN answers a ON a.id = c.answer WHERE c.state = 1 AND a.steps = '[]')",
    )
    .fetch_one(&mut ledger.connection)
    .await?;
    if cleaned {
        return Err(StoreError::Broken(rules::NO_TEXT.to_owned()));
    }
    sqlx::query("UPDATE temp.chosen SET to_state = ?, to_overruled = overruled OR state = ?, to_seq = seq")
        .bind(sample_code(SampleState::Accepted))
        .bind(sample_code(SampleState::Rejected))
        .execute(&mut ledger.connection)
        .await?;
    Ok(())
}

async fn tag(ledger: &mut Ledger, change: &TagChange) -> Stored<()> {
    let tagged: Vec<Option<String>> = sqlx::query_scalar("SELECT DISTINCT tags FROM temp.chosen")
        .fetch_all(&mut ledger.connection)
        .await?;
    for before in tagged {
        let after = change.apply(&rows::tags(before.as_deref())?);
        let after = if after.is_empty() {
            None
        } else {
            Some(rows::json(&after)?)
        };
        sqlx::query("UPDATE temp.chosen SET to_tags = ? WHERE tags IS ?")
            .bind(after)
            .bind(before)
            .execute(&mut ledger.connection)
            .await?;
    }
    let made = sqlx::query(
        "INSERT INTO taggings (task, candidate, earlier, before) SELECT task, candidate, tagging, tags FROM temp.chosen ORDER BY n",
    )
    .execute(&mut ledger.connection)
    .await?;
    number(ledger, made.last_insert_rowid(), made.rows_affected()).await?;
    run(ledger, WRITE_TAGS).await?;
    Ok(())
}

/// The rows just inserted have rising numbers, the last of which is this.
async fn number(ledger: &mut Ledger, last: i64, rows: u64) -> Stored<()> {
    sqlx::query(
        "UPDATE temp.chosen SET to_row = ? + x.rank FROM (SELECT n, row_number() OVER (ORDER BY n) AS rank FROM temp.chosen) x
         WHERE x.n = chosen.n",
    )
    .bind(last - unsigned(rows))
    .execute(&mut ledger.connection)
    .await?;
    Ok(())
}

/// Writes the samples as they are to be, and what follows for their tasks and the sums.
async fn write(ledger: &mut Ledger) -> Stored<()> {
    let given = sqlx::query(GIVE_PLACES)
        .bind(ledger.numbers.seq)
        .execute(&mut ledger.connection)
        .await?;
    ledger.numbers.seq += unsigned(given.rows_affected());
    run(ledger, GIVE_KEYS).await?;
    run(ledger, WRITE).await?;
    ledger.teachers.load(&mut ledger.connection).await?;
    let moves = sqlx::query(MOVES).fetch_all(&mut ledger.connection).await?;
    for row in moves {
        let (job, teacher): (i64, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
        let teacher = teacher.map(|number| ledger.teachers.name(number));
        let many: i64 = row.try_get(6)?;
        for (state, reason, by) in [(2, 3, -many), (4, 5, many)] {
            let (state, reason) = (
                sample_state(row.try_get(state)?)?,
                rows::reason(row.try_get(reason)?)?,
            );
            ledger.tally.sample(job, teacher.as_deref(), state, reason, by);
            if state == SampleState::Accepted {
                // The dataset's files are behind from this commit on, until they are written anew.
                ledger.tally.add(job, DECISIONS, "made", many);
            }
        }
    }
    judge_tasks(ledger).await
}

/// A task's state follows its samples, unless it is in somebody's hands.
async fn judge_tasks(ledger: &mut Ledger) -> Stored<()> {
    let [accepted, rejected, review] =
        [TaskState::Accepted, TaskState::Rejected, TaskState::NeedsReview].map(task_code);
    // `rules::task_state`, by the samples' numbers: 0 accepted, 1 rejected, 2 needs review.
    sqlx::query(
        "INSERT INTO temp.chosen_tasks SELECT t.id, t.state, x.state
         FROM (SELECT c.task, CASE WHEN MIN(s.state) = 0 THEN ?1 WHEN MAX(s.state) = 2 THEN ?3 ELSE ?2 END AS state
               FROM (SELECT DISTINCT task FROM temp.chosen) c CROSS JOIN samples s ON s.task = c.task GROUP BY c.task) x
         CROSS JOIN tasks t ON t.id = x.task WHERE t.state <> x.state AND t.state IN (?1, ?2, ?3)",
    )
    .bind(accepted)
    .bind(rejected)
    .bind(review)
    .execute(&mut ledger.connection)
    .await?;
    run(
        ledger,
        // Not `FROM`: SQLite would look at every task there is.
        "UPDATE tasks SET state = (SELECT c.after FROM temp.chosen_tasks c WHERE c.task = tasks.id)
         WHERE id IN (SELECT task FROM temp.chosen_tasks)",
    )
    .await?;
    let moves: Vec<(i64, i64, i64, i64)> = sqlx::query_as(TASK_MOVES)
        .fetch_all(&mut ledger.connection)
        .await?;
    for (job, before, after, many) in moves {
        let (before, after) = (rows::task_state(before)?, rows::task_state(after)?);
        ledger.tally.moved(job, before, after, many);
    }
    Ok(())
}
