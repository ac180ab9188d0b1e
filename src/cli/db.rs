//! `db`: facts about the database, its health, a copy, and tidying up.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::format::{bytes, count};
use super::line::{Line, Style};
use super::output::{Ending, Outcome};
use super::summary::labelled;
use super::{Plain, exit};
use crate::core::api::{Answer, CleanRules, Command, Query, Receipt};
use crate::core::ports::DatabaseInfo;

const INFO_JSON: &str = "\
With --json one object, rows as [jobs, tasks, requests, samples]:
  {\"path\":\"…\",\"bytes\":n,\"wal_bytes\":n,\"schema_version\":n,\"engine_version\":\"…\",\"rows\":[n,n,n,n],\"held_by\":…}";
const CHECK_JSON: &str = "\
With --json one object: {\"ok\":true,\"findings\":[\"…\"]}
Exit code 7 if anything is wrong.";
const BACKUP_JSON: &str = "\
--salvage needs room for two more copies while it works. Exit code 7 if anything could not be saved as it was.

With --json one object: {\"file\":\"…\"}, with --salvage also
  {\"tables\":[{\"name\":\"…\",\"read\":n,\"lost\":n,\"and_more\":bool}],\"mended\":[\"…\"],\"findings\":[\"…\"]}";
const CLEAN_JSON: &str = "\
Without a rule it only gives back the space of deleted jobs. With rules it says what would go; --yes does it, after a copy beside the
database. Counts, verdicts and reasons stay: the books balance before and after.

With --json one object: {\"freed_bytes\":n}, with rules {\"dry_run\":true,\"plan\":[{\"what\":\"…\",\"rows\":n,\"bytes\":n}],\"rows\":null}";

/// Look after the database.
#[derive(Debug, Clone, Subcommand)]
pub enum DatabaseCommand {
    /// Say where it is, how large, and who holds it
    #[command(after_long_help = INFO_JSON)]
    Info,
    /// Look for damage
    #[command(after_long_help = CHECK_JSON)]
    Check {
        /// Audit the books and the datasets too: every task, request, sample and row accounted for
        #[arg(long)]
        deep: bool,
    },
    /// Write a consistent copy, while jobs run or not
    #[command(after_long_help = BACKUP_JSON)]
    Backup {
        /// A file that does not exist yet
        path: PathBuf,
        /// From a damaged database: whatever can be read, row by row. The damaged file stays as it is
        #[arg(long)]
        salvage: bool,
    },
    /// Take away what is not needed any more, and give back its space
    #[command(after_long_help = CLEAN_JSON)]
    Clean(CleanArguments),
}

/// What to clean.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags are what a command line has")]
pub struct CleanArguments {
    /// Raw responses of judged tasks older than so many days: identical requests are then paid again
    #[arg(long, value_name = "DAYS")]
    pub responses: Option<u32>,
    /// Texts of rejected samples older than so many days; counts, reasons and scores stay
    #[arg(long, value_name = "DAYS")]
    pub rejected: Option<u32>,
    /// Cancelled jobs with everything they made
    #[arg(long)]
    pub cancelled_jobs: bool,
    /// What no job refers to
    #[arg(long)]
    pub orphans: bool,
    /// Log files older than so many days
    #[arg(long, value_name = "DAYS")]
    pub logs: Option<u32>,
    /// Say what would go, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not copy the database first
    #[arg(long)]
    pub no_backup: bool,
    /// Do it: without this only a dry run is made
    #[arg(long)]
    pub yes: bool,
}

impl CleanArguments {
    fn rules(&self) -> CleanRules {
        CleanRules {
            responses_days: self.responses,
            rejected_days: self.rejected,
            cancelled_jobs: self.cancelled_jobs,
            orphans: self.orphans,
            logs_days: self.logs,
        }
    }
}

/// Shows what would go; takes it away where that was said twice.
async fn clean_up(arguments: &CleanArguments, plain: &mut Plain<'_>) -> Outcome {
    let rules = arguments.rules();
    let Answer::CleanPlan(rows) = plain.app.ask(Query::CleanPlan(rules)).await? else {
        return Err(Ending::mismatch());
    };
    let mut gone = None;
    if arguments.yes && !arguments.dry_run {
        let order = Command::CleanUp {
            rules,
            backup: !arguments.no_backup,
        };
        let Receipt::Count(count) = plain.app.order(order).await? else {
            return Err(Ending::mismatch());
        };
        gone = Some(count);
    }
    if plain.out.json {
        plain
            .out
            .json(&json!({ "dry_run": gone.is_none(), "plan": rows, "rows": gone }))?;
        return Ok(exit::OK);
    }
    for row in &rows {
        plain.out.print(labelled(
            row.what,
            format!("{}, {}", count(row.rows, "row"), bytes(row.bytes)),
        ))?;
    }
    plain.out.say(match gone {
        Some(rows) => format!("{} gone", count(rows, "row")),
        None => "nothing was changed; --yes does it".to_owned(),
    });
    Ok(exit::OK)
}

/// Carries the command out.
pub(super) async fn run(command: &DatabaseCommand, plain: &mut Plain<'_>) -> Outcome {
    match command {
        DatabaseCommand::Info => info(plain).await,
        DatabaseCommand::Check { deep } => check(*deep, plain).await,
        DatabaseCommand::Backup { path, salvage: true } => salvage(path, plain).await,
        DatabaseCommand::Backup { path, .. } => {
            let Receipt::Done = plain.app.order(Command::Backup(path.clone())).await? else {
                return Err(Ending::mismatch());
            };
            plain.out.say(format!("copied to {}", path.display()));
            if plain.out.json {
                plain.out.json(&json!({ "file": path }))?;
            }
            Ok(exit::OK)
        }
        DatabaseCommand::Clean(arguments) if !arguments.rules().is_empty() => {
            clean_up(arguments, plain).await
        }
        DatabaseCommand::Clean(_) => {
            let Receipt::Count(freed) = plain.app.order(Command::Clean).await? else {
                return Err(Ending::mismatch());
            };
            plain.out.say(format!("{} freed", bytes(freed)));
            if plain.out.json {
                plain.out.json(&json!({ "freed_bytes": freed }))?;
            }
            Ok(exit::OK)
        }
    }
}

/// Saves what can be saved, and tells it table by table.
async fn salvage(path: &Path, plain: &mut Plain<'_>) -> Outcome {
    let Receipt::Salvaged(saved) = plain.app.order(Command::Salvage(path.to_owned())).await? else {
        return Err(Ending::mismatch());
    };
    let code = if saved.is_whole() { exit::OK } else { exit::RECORDS };
    if plain.out.json {
        plain.out.json(&json!({
            "file": path, "tables": saved.tables, "mended": saved.mended, "findings": saved.findings,
        }))?;
        return Ok(code);
    }
    for table in saved
        .tables
        .iter()
        .filter(|table| table.read + table.lost > 0 || table.and_more)
    {
        let least = if table.and_more { "at least " } else { "" };
        let read = count(table.read, "row");
        let said = if table.lost > 0 || table.and_more {
            format!("{read}, {least}{} lost", table.lost)
        } else {
            read
        };
        plain.out.print(labelled(&table.name, said))?;
    }
    for line in &saved.mended {
        plain
            .out
            .print(Line::styled(Style::Plain, "· ").and(Style::Plain, line))?;
    }
    for line in &saved.findings {
        plain
            .out
            .print(Line::styled(Style::Bad, "✗ ").and(Style::Plain, line))?;
    }
    plain.out.say(format!(
        "saved to {}; the damaged file is as it was",
        path.display()
    ));
    plain.out.say(Line::styled(Style::Good, "help: ").and(
        Style::Plain,
        "to go on with it, put it in the place of the damaged one while nothing runs, then `destiler db check --deep`",
    ));
    Ok(code)
}

async fn ask(check: Option<bool>, plain: &Plain<'_>) -> Result<(DatabaseInfo, Vec<String>), Ending> {
    match plain.app.ask(Query::Database { check }).await? {
        Answer::Database(info, findings) => Ok((info, findings)),
        _ => Err(Ending::mismatch()),
    }
}

async fn info(plain: &mut Plain<'_>) -> Outcome {
    let (info, _) = ask(None, plain).await?;
    if plain.out.json {
        plain.out.json(&info)?;
        return Ok(exit::OK);
    }
    if info.schema_version == 0 && info.bytes == 0 {
        plain.out.print(labelled("file", &info.path))?;
        plain
            .out
            .say("not there yet; the first command that stores something makes it");
        return Ok(exit::OK);
    }
    let [jobs, tasks, requests, samples] = info.rows;
    let held = info.held_by.as_deref().unwrap_or("nobody else");
    for line in [
        labelled("file", &info.path),
        labelled(
            "size",
            format!("{}, log {}", bytes(info.bytes), bytes(info.wal_bytes)),
        ),
        labelled(
            "rows",
            format!(
                "{} · {} · {} · {}",
                count(jobs, "job"),
                count(tasks, "task"),
                count(requests, "request"),
                count(samples, "sample")
            ),
        ),
        labelled(
            "version",
            format!("schema {}, SQLite {}", info.schema_version, info.engine_version),
        ),
        labelled("held by", held),
    ] {
        plain.out.print(line)?;
    }
    Ok(exit::OK)
}

async fn check(deep: bool, plain: &mut Plain<'_>) -> Outcome {
    let (info, findings) = ask(Some(deep), plain).await?;
    let ok = findings.is_empty();
    if plain.out.json {
        plain.out.json(&json!({ "ok": ok, "findings": findings }))?;
    } else {
        for finding in &findings {
            plain
                .out
                .print(Line::styled(Style::Bad, "✗ ").and(Style::Plain, finding))?;
        }
        if ok {
            let what = if deep {
                "whole, the books balance, and the datasets are what they say"
            } else {
                "whole"
            };
            plain.out.print(
                Line::styled(Style::Good, "✓ ").and(Style::Plain, format!("{} is {what}", info.path)),
            )?;
        } else {
            plain.out.say(Line::styled(Style::Good, "help: ").and(
                Style::Plain,
                "save what can be read with `destiler db backup --salvage FILE` before anything else",
            ));
        }
    }
    Ok(if ok { exit::OK } else { exit::RECORDS })
}
