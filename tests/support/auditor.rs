//! The auditor: what `destiler db check --deep` finds by itself, and what it cannot know, because only the teacher does: what was
//! bought. Reads the sandbox's database and files and the faulty teacher's log, and tells the first counter-example.
//!
//! By `db check --deep`, from database and dataset: I1 I2 I3 I5 I6 I9 I13, the ledger's side of I4 I7 I8. Here, with the log: I4 each
//! request that came was committed before, and what was paid without being kept is shown; I5 each kept answer was given; I7 who was
//! told to wait waited, and waiting counts as no attempt; I8 costs are the teacher's counts at the price; I9 nothing is leased when nobody runs; I10 the key is in no
//! file. Not from these three: I11 and I12 (a terminal's bytes, tests/pty) and I14 (two runs, tests/binary/replay.rs).

use std::collections::{HashMap, HashSet};
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row as _};

use crate::faulty::Bought;
use crate::sandbox::Sandbox;

/// The key of every teacher here: it may be in no file.
pub const CANARY: &str = "CANARY-7f3a91c2e5d84b60";
/// Early by so much is early by a clock's tick.
const TICK_MS: u64 = 1000;

/// An attempt as the ledger has it.
struct Attempt {
    id: i64,
    /// The task's place in the plan, which is the number in its question.
    question: u64,
    maybe_billed: bool,
    ended: bool,
    sent: bool,
    cost: i64,
    /// The number in the answer it keeps.
    nonce: Option<u64>,
}

/// The first thing that is wrong, if anything is. Prices are 1 $ per million tokens each way: a micro-dollar a token. `cap` is the
/// job's hard cap in micro-dollars, where it has one.
pub fn audit(sandbox: &Sandbox, log: &[Bought], cap: Option<i64>) -> Result<(), String> {
    let checked = sandbox.run(&["db", "check", "--deep", "--json"]);
    if checked.code != 0 {
        return Err(format!("db check: {}{}", checked.stdout, checked.stderr));
    }
    let info = sandbox.run(&["db", "info", "--json"]).expect_code(0);
    let info: serde_json::Value = serde_json::from_str(&info.stdout).unwrap();
    let (attempts, leased, uncounted) = read(Path::new(info["path"].as_str().unwrap()));
    if let Some(request) = uncounted {
        return Err(format!(
            "I7: request {request} counts as a later attempt than attempts failed before it"
        ));
    }
    if leased > 0 {
        return Err(format!("I9: {leased} tasks are leased, and nobody runs"));
    }
    bought(&attempts, log)?;
    waited(log)?;
    cost(&attempts, log, cap)?;
    canary(&sandbox.path("."))
}

/// The attempts, how many tasks are leased, and an attempt that counts more than failed or were lost before it.
fn read(database: &Path) -> (Vec<Attempt>, i64, Option<i64>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(database).read_only(true);
        let mut connection = options.connect().await.unwrap();
        let leased = sqlx::query_scalar("SELECT COUNT(*) FROM tasks WHERE state IN (1, 2, 3)")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let uncounted = sqlx::query_scalar(
            "SELECT r.id FROM requests r WHERE r.attempt > 1 AND r.attempt > 1 + (
                SELECT COUNT(*) FROM requests e WHERE e.task = r.task AND e.id < r.id AND e.step = r.step
                   AND e.candidate = r.candidate AND e.ask = r.ask AND e.state IN (3, 5))",
        )
        .fetch_optional(&mut connection)
        .await
        .unwrap();
        let rows = sqlx::query(
            "SELECT r.id, r.task & ((1 << 40) - 1), r.maybe_billed, r.state, r.estimate_requests, r.cost,
                    CASE WHEN json_valid(p.body) THEN p.body ->> '$.nonce' END
             FROM requests r LEFT JOIN responses p ON p.request = r.id",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        let attempts = rows.iter().map(|row| Attempt {
            id: row.get(0),
            question: row.get::<i64, _>(1) as u64,
            maybe_billed: row.get(2),
            ended: matches!(row.get::<i64, _>(3), 2 | 3),
            sent: row.get::<i64, _>(4) > 0,
            cost: row.get(5),
            nonce: row.get::<Option<i64>, _>(6).map(|nonce| nonce as u64),
        });
        (attempts.collect(), leased, uncounted)
    })
}

/// I4 and I5.
fn bought(attempts: &[Attempt], log: &[Bought]) -> Result<(), String> {
    let mut kept = HashSet::new();
    for attempt in attempts {
        let Some(nonce) = attempt.nonce else { continue };
        let Some(line) = log.iter().find(|line| line.nonce == nonce) else {
            return Err(format!(
                "I5: request {} keeps answer {nonce}, which the teacher never gave",
                attempt.id
            ));
        };
        if line.question != Some(attempt.question) {
            return Err(format!(
                "I5: request {} of task {} keeps the answer to question {:?}",
                attempt.id, attempt.question, line.question
            ));
        }
        if !kept.insert(nonce) {
            return Err(format!(
                "I5: request {} keeps answer {nonce}, and so does another",
                attempt.id
            ));
        }
    }
    let mut by_task: HashMap<u64, (u64, u64)> = HashMap::new();
    for attempt in attempts.iter().filter(|attempt| attempt.sent) {
        let (committed, shown) = by_task.entry(attempt.question).or_default();
        *committed += 1;
        *shown += u64::from(attempt.maybe_billed);
    }
    let mut came: HashMap<u64, (u64, u64)> = HashMap::new();
    for line in log {
        let Some(question) = line.question else { continue };
        let (requests, unseen) = came.entry(question).or_default();
        *requests += 1;
        *unseen += u64::from(line.billed && !kept.contains(&line.nonce));
    }
    for (question, (requests, unseen)) in came {
        let (committed, shown) = by_task.get(&question).copied().unwrap_or_default();
        if requests > committed {
            return Err(format!(
                "I4: task {question} was asked {requests} times, and the ledger knows of {committed}"
            ));
        }
        if unseen > shown {
            return Err(format!(
                "I4: task {question} was paid {unseen} times without an answer kept, and {shown} of them are shown"
            ));
        }
    }
    Ok(())
}

/// I7: whoever was told to wait did.
pub fn waited(log: &[Bought]) -> Result<(), String> {
    let mut until: HashMap<u64, u64> = HashMap::new();
    for line in log {
        let Some(question) = line.question else { continue };
        if let Some(until) = until.get(&question)
            && line.at_ms + TICK_MS < *until
        {
            return Err(format!(
                "I7: task {question} was asked again {} ms too early",
                until - line.at_ms
            ));
        }
        if let Some(seconds) = line.retry_after {
            until.insert(question, line.at_ms + seconds * 1000);
        }
    }
    Ok(())
}

/// I8.
fn cost(attempts: &[Attempt], log: &[Bought], cap: Option<i64>) -> Result<(), String> {
    let told: HashMap<u64, i64> = log
        .iter()
        .map(|line| {
            (
                line.nonce,
                (line.input.unwrap_or(0) + line.output.unwrap_or(0)).cast_signed(),
            )
        })
        .collect();
    for attempt in attempts.iter().filter(|attempt| attempt.ended) {
        let expected = attempt
            .nonce
            .and_then(|nonce| told.get(&nonce))
            .copied()
            .unwrap_or(0);
        if attempt.cost != expected {
            return Err(format!(
                "I8: request {} cost {} micro-dollars, the teacher counted {expected}",
                attempt.id, attempt.cost
            ));
        }
    }
    let total: i64 = attempts.iter().map(|attempt| attempt.cost).sum();
    match cap {
        Some(cap) if total > cap => Err(format!("I8: {total} micro-dollars were spent, the cap is {cap}")),
        _ => Ok(()),
    }
}

/// I10: as it is, in base64, as hexadecimal digits.
pub fn canary(directory: &Path) -> Result<(), String> {
    let digits = hex(CANARY.as_bytes());
    // Three ways to lie in base64; the ends depend on what is around.
    let encoded = (0..3).map(|shift| {
        let padded: Vec<u8> = std::iter::repeat_n(b' ', shift).chain(CANARY.bytes()).collect();
        base64(&padded)[4..20].to_owned()
    });
    let forms: Vec<String> = [CANARY.to_owned(), digits].into_iter().chain(encoded).collect();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).unwrap().flatten() {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                open.push(path);
                continue;
            }
            // It may be gone meanwhile.
            let bytes = std::fs::read(&path).unwrap_or_default();
            let bytes = String::from_utf8_lossy(&bytes);
            if let Some(form) = forms.iter().find(|form| bytes.contains(form.as_str())) {
                return Err(format!("I10: {} holds the key as `{form}`", path.display()));
            }
        }
    }
    Ok(())
}

/// Hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let value = chunk
                .iter()
                .fold(0_u32, |value, byte| value << 8 | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            [18, 12, 6, 0].map(|shift| char::from(DIGITS[(value >> shift & 63) as usize]))
        })
        .collect()
}
